//! What is said of a number by the words beside it: a label (`Tel.:`), that somebody may be called by it, or that it is
//! a number of another kind.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::runs::Run;
use crate::domain::reading::field_names::fold;

/// Words looked at before a number.
const BEFORE: usize = 8;
/// Words looked at behind it.
const BEHIND: usize = 4;
/// Longest word, in characters, whose full stop abbreviates it.
const ABBREVIATED: usize = 3;

const MOBILE: Option<&str> = Some("mobile");
const FAX: Option<&str> = Some("fax");
const WHATSAPP: Option<&str> = Some("whatsapp");

/// Nouns for a telephone: a number directly behind one is a telephone's. Folded, each kind with what it says.
const LABELS: [(&str, Option<&str>); 4] = [
    (
        "tel telephone telephones telefon telefony telefonni telefonu telefonem telefonicky telefonisch telefono telefoon \
         telefoonnummer telefonnummer telefonne telefone phone phones phonenumber tlf tfn rufnummer telefonszam puhelin \
         telefonnr telefoonnr telefonnumret telefonum telefonnumer \
         تلفن تلفنم تلفنی",
        None,
    ),
    (
        "mobile portable mobil mobilu mobilem mobilni mobilny mobilnummer mobiltelefon mobilfunk mobilnr mobiel portable mob gsm \
         handy handynummer handynr cell cellphone celular cellulare movil movel telemovel komorka komorkowy kom mobitel \
         موبایل موبایلم همراه همراهم",
        MOBILE,
    ),
    ("whatsapp wa واتساپ واتسپ", WHATSAPP),
    ("fax telefax telecopie telecopieur faks فکس نمابر دورنگار", FAX),
];

/// Words of calling: a number near one is a telephone's when it has that form.
const CALLING: &str = "call calls called calling callback dial reach reached reachable contact sms \
    appel appels appeler appelez appelle appelles rappel rappeler rappelez rappelle joindre joignable joignables \
    contacter contactez \
    anruf anrufe anrufen ruf rufe rufen ruckruf zuruckrufen zuruckzurufen erreichbar erreichen erreiche \
    kontakt kontaktieren \
    volat volejte volej volam zavolat zavolejte zavolej zavolam zavolate dovolat dovolate kontaktujte kontaktovat ozvat \
    ozvete ozvi zastihnete zastihnout spojit spojte telefonovat telefonujte volajte zavolajte \
    llamar llame llamame llameme llamenos llamada contactar contacto \
    chiamare chiami chiamami chiamatemi chiamata contattare contattatemi contatto \
    bellen bel belt bereikbaar bereiken \
    dzwonic dzwon dzwoncie zadzwon zadzwonic kontaktowy kontaktowac \
    ligar ligue liga contato contactos \
    soita anropa kontaktni kontaktny arayin arayabilirsiniz \
    تماس زنگ";

/// Which telephone it is, words of other things too: only directly beside a number.
const PLACES: &str = "landline direct office work home desk hotline switchboard fixe bureau standard ligne domicile \
    durchwahl festnetz zentrale buro privat pevna linka kancelar ustredna fijo oficina fisso ufficio kantoor vast biuro \
    ثابت مستقیم دفتر";

/// Words that call only together with whom: `text me on`.
const CALLING_SOMEBODY: &str = "text ring phone message";
const SOMEBODY: &str = "me us him her";

/// Words for a number of any kind.
const NUMBER: &str = "number numbers numero numeros num n no nr nummer cislo c cislem numer numeru numara شماره شمارهی";

/// Whose number it is.
const WHOSE: &str = "my our his her their mon notre nos mein meine meiner meinem unsere unserer unser moje me muj moji \
    nase nasi moja moj mi mio mia nostro nuestro mijn ons onze meu nosso من ما شما ایشان";

/// Words that may stand between a label and its number.
const BETWEEN: &str = "is je ist est es e is and a at on under unter au op na pod no number nr n c cislo numero numer nummer \
    است به با";

/// Words between two numbers of one person.
const JOINTS: &str = "or and ou et oder und nebo anebo a alebo o y e en of lub i یا و ext";

/// What a number is called by: `call about the order at ..` is not the order's.
const CALLED_BY: &str = "at on under unter auf au al op na pod به با";

/// Numbers of another kind.
const OTHERS: &str = "order orders orderno ordernr invoice invoices quotation quote ref refs reference references po item \
    items article articles art sku ean gtin isbn serial sn vin imei part partno parts model type typ case ticket account \
    acct customer client contract policy project tracking parcel version drawing iban bic swift vat tax ein duns zip \
    postcode id code batch lot file list catalogue series price total \
    siret siren rcs ape naf tva commande facture devis dossier contrat compte serie colis suivi immatriculation bon \
    affaire offre produit modele plan cedex bp prix \
    artikel kunde bestellung rechnung auftrag angebot vertrag konto beleg zeichnung lieferschein vorgang aktenzeichen az \
    sachnummer teil material hrb hra ust ustid steuernummer steuernr plz seriennummer kundennummer artikelnummer \
    bestellnummer rechnungsnummer auftragsnummer teilenummer \
    objednavka objednavky objednavce objednavku faktura faktury fakturu fakture nabidka nabidky nabidku zakazka zakazky \
    smlouva smlouvy ucet uctu vyrobni seriove katalogove vykres dil dilu zbozi polozka polozky variabilni symbol vs \
    dodaci ico dic ic icdph psc ev cena artikl \
    ponuka ponuky zmluva zmluvy vyrobne ucte \
    btw kvk kbo rsin factuur bestelling offerte ordernummer artikelcode \
    nip regon krs zamowienie zamowienia oferta \
    cif nif pedido factura presupuesto albaran referencia piva iva cf ordine fattura preventivo codice articolo encomenda \
    سفارش فاکتور پستی ملی حساب شبا کارت قرارداد سریال کد پیگیری ثبت شناسه قیمت مبلغ";

/// Units and currencies behind an amount, and currencies before one.
const UNITS: &str = "eur euro euros usd gbp chf czk kc kcs pln zl huf sek dkk nok kg mm cm dm km ks pcs pc pieces piece stk \
    stuck ml kwh kw tun tonnes tons units unites szt rial toman تومان ریال عدد کیلو";

/// What one word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Label(Option<&'static str>),
    Calling,
    Place,
    Number,
    Other,
}

/// People beside the writer, folded.
const BESIDE: &str = "colleague coworker husband wife boss assistant secretary driver collegue collegues mari femme patron \
    assistante chauffeur kollege kollegin kollegen mann frau chef sekretarin fahrer kolega kolegyne kolegyni kolegu manzel \
    manzelka manzelku sef sefa ridic ridice kolezanka kolezanku kierowca همکار همکارم همسرم راننده";

/// Forms of address before a family name, folded; without their dot.
const ADDRESSED: &str = "herr herrn frau pan pani pana panu m mr mrs ms mme mlle monsieur madame mister dr ing sig signor \
    signora senor senora sr sra dhr mevrouw آقای خانم";
/// Those whose dot ends no sentence.
const DOTTED: [&str; 14] =
    ["Tel.", "tel.", "Tél.", "tél.", "M.", "Mr.", "Mrs.", "Ms.", "Dr.", "Ing.", "Sig.", "Sr.", "Sra.", "Hr."];

static OF_OTHERS: LazyLock<HashSet<String>> = LazyLock::new(|| BESIDE.split_whitespace().map(fold).collect());

/// Words before a number in which somebody else may be named.
const NAMING: usize = 7;

/// The number is of somebody else: a colleague, or a given and a family name that are not the writer's (`names`, folded)
/// stand before it.
pub(super) fn is_of_another(before: &str, names: &[String]) -> bool {
    let undotted = DOTTED.iter().fold(before.to_owned(), |text, title| {
        if text.contains(title) { text.replace(title, title.trim_end_matches('.')) } else { text }
    });
    let sentence = undotted.rsplit(['.', '!', '?']).next().unwrap_or_default();
    let words: Vec<&str> = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let near = words.get(words.len().saturating_sub(NAMING)..).unwrap_or_default();
    let folded: Vec<String> = near.iter().map(|word| fold(word)).collect();
    if folded.iter().any(|word| OF_OTHERS.contains(word)) {
        return true;
    }
    let first = near.len() == words.len();
    let is_name = |at: usize| {
        let (Some(word), Some(folded)) = (near.get(at), folded.get(at)) else { return false };
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.clone().count() >= 1
            && letters.all(char::is_lowercase)
            && !WORDS.contains_key(folded.as_str())
            && !(first && at == 0)
    };
    let own = folded.iter().any(|word| names.contains(word));
    let large = |at: usize| near.get(at).is_some_and(|word| word.chars().next().is_some_and(|c| !c.is_lowercase()));
    let titled = (1..near.len()).any(|at| {
        large(at) && folded.get(at - 1).is_some_and(|word| is_in(ADDRESSED, word)) && is_name_like(near.get(at))
    });
    if titled && !own && !names.is_empty() {
        return true;
    }
    !names.is_empty() && !own && (1..near.len()).any(|at| is_name(at - 1) && is_name(at))
}

/// Letters alone, two or more: no number and no initial.
fn is_name_like(word: Option<&&str>) -> bool {
    word.is_some_and(|word| word.chars().count() >= 2 && word.chars().all(char::is_alphabetic))
}

static WORDS: LazyLock<HashMap<&'static str, Word>> = LazyLock::new(|| {
    let listed = |list: &'static str, word: Word| list.split_whitespace().map(move |name| (name, word));
    let labels = LABELS.iter().flat_map(|(list, hint)| listed(list, Word::Label(*hint)));
    // Of two meanings the last one: a label is surest.
    let weak = listed(NUMBER, Word::Number).chain(listed(OTHERS, Word::Other)).chain(listed(PLACES, Word::Place));
    weak.chain(listed(CALLING, Word::Calling)).chain(labels).collect()
});

fn is_in(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

/// What the words beside a number say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// A telephone's, of this kind.
    Label(Option<&'static str>),
    /// Somebody may be called, on a telephone of this kind.
    Calling(Option<&'static str>),
    /// A number of another kind.
    Other,
    Nothing,
}

impl Said {
    pub(super) fn hint(self) -> Option<&'static str> {
        match self {
            Self::Label(hint) | Self::Calling(hint) => hint,
            Self::Other | Self::Nothing => None,
        }
    }
}

/// One word of a line.
struct Token {
    folded: String,
    /// What follows it ends a sentence.
    ends: bool,
    /// A colon or the like follows it.
    announces: bool,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '/' | '|' | '•' | '·'))
    {
        let mut parts = word.split_inclusive([':', '.', '!', '?', '\'', '’', '=', '-']).peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            let folded = fold(part);
            let letters = folded.chars().count();
            let ends = part.ends_with(['!', '?']) || part.ends_with('.') && last && letters > ABBREVIATED;
            let announces = part.ends_with([':', '=']) || part.contains('#');
            if !folded.is_empty() {
                found.push(Token { folded, ends, announces });
            } else if let Some(before) = found.last_mut() {
                before.announces |= announces;
            }
        }
    }
    found
}

/// Who is looked for, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    /// In a signature one letter is a label.
    pub(super) signed: bool,
    /// Folded words of the writer's name: beside it stands their number.
    pub(super) names: &'a [String],
}

impl Reader<'_> {
    /// What the words before a number say of it.
    pub(super) fn before(&self, text: &str) -> Said {
        let tokens = tokens(text);
        let (mut number, mut whose, mut other, mut called_by) = (false, false, false, false);
        // Only fillers stand between this word and the number.
        let mut close = true;
        for (at, token) in tokens.iter().rev().take(BEFORE).enumerate() {
            if token.ends {
                break;
            }
            let next = tokens.len().checked_sub(at).and_then(|next| tokens.get(next));
            match self.said(token, next, close, at) {
                Some(Said::Other) if close && !called_by => return Said::Other,
                Some(Said::Other) => other = true,
                Some(said) => return said,
                None => {}
            }
            let word = token.folded.as_str();
            number |= is_in(NUMBER, word);
            whose |= is_in(WHOSE, word);
            called_by |= is_in(CALLED_BY, word);
            if number && whose {
                return Said::Calling(None);
            }
            // `Commission: 0171 123456` is another thing's, when nobody is to be called.
            other |= at == 0 && token.announces && !is_in(NUMBER, word) && !is_in(BETWEEN, word);
            close &= is_in(BETWEEN, word) || is_in(WHOSE, word) || is_small(word);
        }
        if other { Said::Other } else { Said::Nothing }
    }

    /// What one word says, with `next` behind it and `at` words between it and the number.
    fn said(&self, token: &Token, next: Option<&Token>, close: bool, at: usize) -> Option<Said> {
        let word = token.folded.as_str();
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if at == 0 && digits > 0 && digits < word.len() && !token.announces {
            // The head of a code: `FR76 3000 1007`.
            return Some(Said::Other);
        }
        if let Some(label) = letter(word).filter(|_| at == 0 && self.signed) {
            return Some(label);
        }
        if at <= 2 && self.names.iter().any(|name| name == word) {
            return Some(Said::Calling(None));
        }
        if is_in(CALLING_SOMEBODY, word) && next.is_some_and(|next| is_in(SOMEBODY, &next.folded)) {
            return Some(Said::Calling(None));
        }
        match WORDS.get(word)? {
            Word::Label(hint) if close => Some(Said::Label(*hint)),
            Word::Label(hint) => Some(Said::Calling(*hint)),
            Word::Calling | Word::Place if close && token.announces => Some(Said::Label(None)),
            Word::Calling => Some(Said::Calling(None)),
            Word::Place => close.then_some(Said::Calling(None)),
            Word::Other => Some(Said::Other),
            Word::Number => None,
        }
    }
}

/// What stands behind a number says of it.
pub(super) fn said_behind(text: &str) -> Said {
    for (at, token) in tokens(text).iter().take(BEHIND).enumerate() {
        if token.folded.bytes().any(|b| b.is_ascii_digit()) || token.announces {
            break;
        }
        match WORDS.get(token.folded.as_str()) {
            Some(Word::Label(hint)) if at == 0 => return Said::Label(*hint),
            Some(Word::Label(hint)) => return Said::Calling(*hint),
            Some(Word::Calling) => return Said::Calling(None),
            Some(Word::Place) if at == 0 => return Said::Calling(None),
            Some(Word::Other) if at > 0 => return Said::Other,
            _ => {}
        }
        if token.ends {
            break;
        }
    }
    Said::Nothing
}

/// How long the remark in brackets is that follows a number, in bytes.
pub(super) fn remark(behind: &str) -> usize {
    let begun = behind.trim_start().strip_prefix('(').and_then(|inside| inside.split_once(')'));
    begun.map_or(0, |(_, rest)| behind.len() - rest.len())
}

/// Only connected to the number before: `or`, `/`.
pub(super) fn is_joined(between: &str) -> bool {
    let tokens = tokens(between);
    tokens.len() <= 2 && tokens.iter().all(|token| is_in(JOINTS, &token.folded))
}

fn is_small(word: &str) -> bool {
    word.len() < 3 && word.bytes().all(|b| b.is_ascii_digit())
}

/// An amount: a unit or currency beside it.
pub(super) fn is_amount(before: &str, behind: &str) -> bool {
    let next = behind.trim_start();
    let word = next.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let previous = before.trim_end();
    let spoken = previous.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    next.starts_with(['€', '$', '£', '%', '×', '¥'])
        || previous.ends_with(['€', '$', '£', '×', '¥', '#'])
        || is_in(UNITS, &fold(word)) && !word.is_empty()
        || ["eur", "usd", "czk", "gbp", "chf", "pln"].contains(&fold(spoken).as_str())
}

/// Nothing in the line but the number, its labels and other numbers.
pub(super) fn is_bare(piece: &str, runs: &[Run<'_>]) -> bool {
    let mut rest = String::new();
    let mut from = 0;
    for run in runs {
        rest.push_str(piece.get(from..run.start).unwrap_or_default());
        rest.push(' ');
        from = run.end;
    }
    rest.push_str(piece.get(from..).unwrap_or_default());
    tokens(&rest).iter().all(|token| {
        let word = token.folded.as_str();
        letter(word).is_some()
            || matches!(WORDS.get(word), Some(Word::Label(_) | Word::Calling | Word::Place | Word::Number))
            || is_in(JOINTS, word)
    })
}

/// A letter that is a label in signatures.
fn letter(word: &str) -> Option<Said> {
    let hint = match word {
        "t" | "p" | "d" | "o" | "w" => None,
        "m" | "c" => MOBILE,
        "f" => FAX,
        _ => return None,
    };
    Some(Said::Label(hint))
}

/// A word in the line is for a number of another kind.
pub(super) fn names_other(line: &str) -> bool {
    tokens(line).iter().any(|token| WORDS.get(token.folded.as_str()) == Some(&Word::Other))
}

/// How long the extension is that follows a number, in bytes: ` ext. 12`.
pub(super) fn extension(behind: &str) -> usize {
    const SIGNS: [&str; 12] =
        ["extension", "ext", "x", "durchwahl", "dw", "poste", "linka", "kl", "klapka", "داخلی", "wew", "toestel"];
    let begun = behind.trim_start_matches([' ', ',', '(']);
    let sign = SIGNS.iter().find(|sign| {
        begun.get(..sign.len()).is_some_and(|head| head.to_lowercase() == **sign)
            && begun.get(sign.len()..).is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
    });
    let Some(number) = sign.and_then(|sign| begun.get(sign.len()..)) else { return 0 };
    let number = number.trim_start_matches(['.', ':', ' ']);
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=6).contains(&digits) { behind.len() - number.len() + digits } else { 0 }
}
