//! Words of the message below the delimiter of a signature: a postscript, an afterthought, or the message itself where the
//! delimiter is only a ruled line. Losing them is far worse than keeping a slogan.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::budget;
use super::disclaimer_signs::of_itself;
use super::field_names::fold;
use super::notification::label_of;
use super::signature::{has_contact, has_verb};
use super::signature_words::{closes, has_sign, is_footer, is_of_list, is_picture, is_street};
use crate::domain::enquiry::company;
use crate::domain::enquiry::phone::ascii_digits;
use crate::domain::submission::Canonical;

/// Marks of a postscript, lower case, without dots and blanks.
const POSTSCRIPTS: [&str; 17] = [
    "ps",
    "pps",
    "p-s",
    "nb",
    "pd",
    "postscriptum",
    "postskriptum",
    "postdata",
    "nachtrag",
    "dovětek",
    "пс",
    "зы",
    "υγ",
    "پن",
    "پینوشت",
    "ملاحظة",
    "ملحوظة",
];

/// Words of somebody who wants something, lower case.
const ASKING: &str = "please need needs want wants would could urgent urgently asap send forgot forget remember \
    svp besoin voudrais voudrions souhaite souhaitons pouvez pourriez envoyez envoyer urgente oublié commander \
    bitte brauchen brauche benötigen benötige möchten möchte können könnten schicken senden dringend vergessen außerdem \
    prosím prosíme potřebujeme potřebuji chceme chci můžete mohli pošlete zašlete zavolejte spěchá nutně ještě zapomněl zapomněla \
    potrebujeme potrebujem môžete pošlite prosimy proszę potrzebujemy potrzebuję możecie pilne \
    necesitamos necesito quisiera quisiéramos pueden podría podrían favor enviar urgentemente \
    vorrei vorremmo potete potreste abbiamo bisogno inviare precisamos preciso gostaria poderiam \
    graag nodig kunt kunnen willen sturen behöver vill gärna skicka ønsker trenger trenge vennligst \
    tarvitsemme tarvitsen voitteko haluamme lähettäkää kérjük kérem szükségünk küldjenek rugăm avem nevoie trimiteți \
    lütfen ihtiyacımız istiyoruz gönderin пожалуйста нужно нужны нам можете хотим срочно пришлите будь ласка потрібно \
    παρακαλώ χρειαζόμαστε θέλουμε μπορείτε لطفا لطفاً نیاز داریم لازم فوری بفرستید می‌خواهیم خواهیم خواهم نحتاج نريد أرجو \
    نرجو الرجاء عاجل צריכים צריך אנא בבקשה דחוף";

static ASKED: LazyLock<HashSet<&str>> = LazyLock::new(|| ASKING.split_whitespace().collect());

/// Words of a line that are looked at for what is counted.
const WORDS: usize = 30;

/// Which lines below a delimiter belong to the message; `None`: all of them, and the delimiter is none. `is_of_block`: the
/// line is a name, a number, a title.
pub(super) fn of_message(block: &[&str], is_of_block: impl Fn(&str) -> bool) -> Option<Vec<bool>> {
    // Of the footer of a list nothing is the writer's but what they call a postscript.
    let listed = block.iter().position(|line| is_of_list(line));
    let postscript = block.iter().position(|line| is_postscript(line)).unwrap_or(block.len());
    let own = listed.unwrap_or(block.len()).min(postscript);
    let mut marks: Vec<bool> = (0..block.len()).map(|at| at >= postscript).collect();
    let said = |line: &str| says(line) && !line.trim_start().starts_with('>');
    let stands = |line: &str| !line.trim().is_empty() && !is_of_block(line) && !is_ruled(line) && !is_framed(line);
    let mut last = false;
    let mut runs: Vec<(usize, usize, bool)> = Vec::new();
    for (at, line) in block.iter().enumerate().take(own) {
        if !budget::pay(4 * line.len() + 1) {
            return None;
        }
        let is_said = said(line);
        if !is_said && !stands(line) {
            last = false;
            continue;
        }
        match runs.last_mut().filter(|_| last) {
            Some(run) => *run = (run.0, at + 1, run.2 || is_said),
            None => runs.push((at, at + 1, is_said)),
        }
        last = true;
    }
    // What stands by itself below the last name or number of the block.
    let ends = |line: &&str| !line.trim().is_empty() && !stands(line) && !is_framed(line);
    let ended = (0..own).rev().find(|&at| block.get(at).is_some_and(ends));
    let apart = |start: usize| {
        ended.is_some_and(|ended| start > ended + 1) && block.get(start - 1).is_some_and(|line| line.trim().is_empty())
    };
    runs.retain(|(start, end, is_said)| {
        let words = block.get(*start..*end).unwrap_or_default().join(" ");
        // Small print speaks of the message that it stands below.
        (*is_said || says(&words) || apart(*start)) && !of_itself(&fold(&words))
    });
    let first = block.iter().position(|line| !line.trim().is_empty()).unwrap_or(0);
    // Without a name or a number at its head nothing says that a block begins here.
    if listed.is_none() && runs.iter().any(|(start, _, _)| *start == first) {
        return None;
    }
    for (start, end, _) in runs {
        marks.iter_mut().take(end).skip(start).for_each(|mark| *mark = true);
    }
    Some(marks)
}

/// `PS: ..`, `P.S. ..`; a company may be called so.
pub(super) fn is_postscript(line: &str) -> bool {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "*_(".contains(c));
    let mark: String = line.chars().take_while(|c| !matches!(c, ':' | '：' | ',' | ';' | '!' | '–')).take(20).collect();
    let short = |text: &str| -> String {
        text.to_lowercase()
            .chars()
            .filter(|c| c.is_alphabetic() || *c == '-')
            .collect::<String>()
            .trim_end_matches('-')
            .to_owned()
    };
    let named = |text: &str| POSTSCRIPTS.contains(&short(text).as_str());
    let marked = line.chars().count() > mark.chars().count() && named(&mark);
    // `P.S. we need ..`: up to the last dot of the mark, or the first blank.
    let word = line.split_whitespace().next().unwrap_or_default();
    let two: String = line.split_whitespace().take(2).collect();
    let dotted =
        word.ends_with('.') && named(word) || two.matches('.').count() >= 2 && two.ends_with('.') && named(&two);
    let bare =
        named(word) && line.split_whitespace().count() >= 4 && !company::has_legal_form(line) && !has_contact(line);
    marked || dotted || bare
}

/// The line is a sentence of somebody who writes: a question, a wish, or words up to a full stop that name no office.
pub(super) fn says(line: &str) -> bool {
    let line = line.trim();
    let count = line.split_whitespace().count();
    let linked = line.contains("://") || line.contains("www.");
    if count == 0 || is_ruled(line) || is_framed(line) || closes(line) {
        return false;
    }
    if orders(line) {
        return true;
    }
    if line.ends_with(['?', '？', '؟']) {
        return !linked && (count >= 2 || !line.is_ascii());
    }
    let ended = line.ends_with(['.', '!', '…', ':', ';', '。', '！', '：']);
    let asks = line
        .split(|c: char| !c.is_alphabetic() && c != '\u{200c}')
        .any(|word| ASKED.contains(word.to_lowercase().as_str()));
    let plain = !has_contact(line) && !has_sign(line) && !company::has_legal_form(line);
    let numbered = line.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 4);
    // Chinese and Japanese do not part their words.
    let unparted = count <= 2 && ended && line.chars().filter(|c| ('\u{3040}'..='\u{9fff}').contains(c)).count() >= 8;
    let enough = if plain { 2 } else { 6 };
    asks && count >= enough
        || goes(line)
        || plain && counts_within(line)
        || plain && ended && (count >= 5 || unparted) && (!numbered || has_verb(line))
        || plain && count > 9 && has_verb(line)
}

/// A line of an order: so many pieces, or a value behind a label that no block has (`Quantity: 20`).
pub(super) fn orders(line: &str) -> bool {
    let asked = |canonical| {
        matches!(
            canonical,
            Canonical::Quantity
                | Canonical::Product
                | Canonical::Message
                | Canonical::Topic
                | Canonical::Budget
                | Canonical::InquiryKind
        )
    };
    let labelled = label_of(line).is_some_and(|(label, canonical)| label.is_filled() && asked(canonical));
    labelled || counts(line) && !has_contact(line) || measures(line)
}

/// What things are counted in, lower case, as it stands behind a number.
const UNITS: &str = "x pc pcs pce piece pieces unit units pair pairs set sets box boxes pallet pallets ks kus kusy kusů kusu \
    kusov páry stk stck stück stueck paar pièce pièces pce pcs pz pezzi pezzo uds ud unidades piezas unidad szt sztuk sztuki \
    stuks stycken kpl db darab buc bucăți adet шт штук عدد دستگاه 个 件 台 個";

static COUNTED: LazyLock<HashSet<&str>> = LazyLock::new(|| UNITS.split_whitespace().collect());

/// A thing and how many of it at the end: "Chairs - 20 pcs", also where the thing is a link.
fn measures(line: &str) -> bool {
    let line = line.trim_end_matches(|c: char| c.is_whitespace() || ".,;)".contains(c));
    let mut words = line.rsplit(char::is_whitespace).filter(|word| !word.is_empty());
    let (last, before) = (words.next().unwrap_or_default().to_lowercase(), words.next().unwrap_or_default());
    let last = ascii_digits(&last);
    let is_count = |number: &str| (1..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let unit = last.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = last.strip_suffix(unit).unwrap_or_default();
    let joined = is_count(number) && COUNTED.contains(unit.trim_end_matches('.')) && !before.is_empty();
    let apart = is_count(&ascii_digits(before)) && COUNTED.contains(last.as_str()) && words.next().is_some();
    joined || apart
}

/// A number and a thing anywhere among the words of a line that begins small: "and also 5 tables for Friday".
fn counts_within(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().take(WORDS).collect();
    let begins = line.trim_start_matches(|c: char| !c.is_alphabetic()).starts_with(char::is_lowercase);
    begins
        && !line.split(|c: char| !c.is_alphanumeric()).take(WORDS).any(is_street)
        && words.windows(2).any(|pair| {
            let [number, thing] = pair else { return false };
            let number = ascii_digits(number);
            (1..=3).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
                && thing.chars().take_while(|c| c.is_alphabetic()).count() >= 3
        })
}

/// Beginnings of lines, folded, that say without a label where goods or an invoice go.
const GOING: [&str; 34] = [
    "deliveryto",
    "deliverto",
    "shipto",
    "invoiceto",
    "billto",
    "deliveryaddress",
    "shippingaddress",
    "invoiceaddress",
    "billingaddress",
    "lieferadresse",
    "lieferanschrift",
    "lieferungan",
    "lieferungnach",
    "rechnungan",
    "rechnungsadresse",
    "rechnungsanschrift",
    "livraisona",
    "livraisonchez",
    "livrera",
    "adressedelivraison",
    "adressedefacturation",
    "dodaciadresa",
    "fakturacniadresa",
    "dorucitna",
    "dorucitdo",
    "entregaren",
    "entregara",
    "direcciondeentrega",
    "direcciondeenvio",
    "indirizzodiconsegna",
    "adresdostawy",
    "afleveradres",
    "leveransadress",
    "آدرستحویل",
];

/// Says without a label where goods or an invoice go: `Lieferung an Kovo GmbH, Industriestr. 5`.
fn goes(line: &str) -> bool {
    line.len() <= 200 && {
        let line = fold(line);
        GOING.iter().any(|begin| line.starts_with(begin))
    }
}

/// A footer of a program, or a picture.
pub(super) fn is_framed(line: &str) -> bool {
    is_footer(line) || is_picture(line)
}

/// Beginnings of labels, folded, that say where goods or an invoice go.
const DIRECTIONS: [&str; 30] = [
    "invoiceto",
    "invoiceaddress",
    "billto",
    "billing",
    "deliver",
    "shipto",
    "shipping",
    "rechnungan",
    "rechnungsadresse",
    "rechnungsanschrift",
    "lieferadresse",
    "lieferanschrift",
    "lieferungan",
    "adressedelivraison",
    "adressedefacturation",
    "livraison",
    "facturation",
    "fakturacni",
    "dodaci",
    "dorucit",
    "direcciondeenvio",
    "indirizzodiconsegna",
    "adresdostawy",
    "آدرستحویل",
    "prevzeti",
    "vyzvednuti",
    "abholung",
    "enlevement",
    "lieferung",
    "pickup",
];

/// Labels, folded, of whom else the message goes to.
const COPIES: [&str; 6] = ["cc", "bcc", "copyto", "copie", "kopie", "kopiean"];

/// `Delivery address:`, `Invoice to: accounts@..`: a company's block does not say so.
pub(super) fn directs(line: &str) -> bool {
    let Some((label, _)) = line.split_once([':', '：']).filter(|(label, _)| label.len() <= 60) else { return false };
    let label = fold(label);
    COPIES.contains(&label.as_str()) || DIRECTIONS.iter().any(|begin| label.starts_with(begin))
}

/// Begins with how many, and what they are: "20 chairs", "3x Stuhl rot"; neither the house of a street nor a postcode with
/// its town.
fn counts(line: &str) -> bool {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "-*•–+".contains(c));
    let mut words = line.split_whitespace().take(WORDS);
    let number = ascii_digits(words.next().unwrap_or_default());
    let number = number.trim_end_matches(['x', '×', 'X']);
    let few = (1..=5).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let Some(what) = words.next().filter(|_| few) else { return false };
    let what = what.trim_start_matches(['x', '×']);
    let named = what.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    let town = number.len() >= 4 && what.starts_with(char::is_uppercase);
    let street = line.split(|c: char| !c.is_alphanumeric()).take(WORDS).any(is_street);
    // "5 Harbour View, Leeds LS1 4AP"
    let addressed = what.starts_with(char::is_uppercase)
        && line.split_once(',').is_some_and(|(_, behind)| behind.contains(|c: char| c.is_numeric()));
    named && !town && !street && !addressed && !has_sign(line) && !company::has_legal_form(line)
}

/// Nothing but the marks of a ruled line.
fn is_ruled(line: &str) -> bool {
    let line = line.trim();
    line.chars().count() >= 2 && line.chars().all(|c| "-_=*~ —─".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postscripts_are_told_from_companies() {
        for line in [
            "PS: 20 pieces",
            "P.S. urgent",
            "P. S. urgent",
            "ps urgent, we need 20 pieces",
            "PPS. x",
            "پ.ن: فوری",
            "P.-S. : dix",
        ] {
            assert!(is_postscript(line), "{line}");
        }
        for line in ["PS Kovo s.r.o.", "Psota Jan", "NB Trade", "PS", "Eva", "", "Pavel, Sales"] {
            assert!(!is_postscript(line), "{line}");
        }
    }

    #[test]
    fn sentences_are_told_from_lines_of_a_block() {
        for line in [
            "more text, a question?",
            "Please send 20 pieces",
            "Potřebujeme ještě 20 kusů",
            "The old ones broke on Monday.",
            "لطفاً ۲۰ عدد پمپ بفرستید",
            "请在星期五之前把报价发给我们。",
            "Could you call me at +420 777 123 456 tomorrow?",
            "20 pcs by Friday",
            "۲۰ عدد تا جمعه",
            "Quantity: 20",
            "Menge: 5",
        ] {
            assert!(says(line), "{line}");
        }
        for line in [
            "Eva Malá",
            "Hey there, this is my signature",
            "Sales Manager, Europe",
            "Tel. +420 777 123 456",
            "Sitz der Gesellschaft: Berlin. Geschäftsführer: Max Muster.",
            "Sent from my iPhone",
            "S pozdravem,",
            "www.firma.example",
            "Firma s.r.o., Nádražní 5, 110 00 Praha 1.",
            "____________",
        ] {
            assert!(!says(line), "{line}");
        }
    }
}
