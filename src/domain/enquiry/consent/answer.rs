//! Whether a value says yes or no, in the languages of the house and some of their neighbours.
//!
//! Invariant: what is doubtful is no yes. A consent that is missing can be asked for again, one that was made up cannot be
//! taken back.

use crate::domain::reading::field_names::fold;
use crate::domain::reading::text::one_line;

/// Words that mean yes, folded: what a ticked box sends, and how people and makers of forms say it.
const YES: [&str; 53] = [
    "1",
    "on",
    "true",
    "t",
    "y",
    "yes",
    "yesplease",
    "ok",
    "okay",
    "checked",
    "selected",
    "agree",
    "agreed",
    "iagree",
    "iconsent",
    "consent",
    "accept",
    "accepted",
    "iaccept",
    "optin",
    "subscribe",
    "oui",
    "vrai",
    "daccord",
    "jaccepte",
    "accepte",
    "jesuisdaccord",
    "jeconsens",
    "ano",
    "souhlas",
    "souhlasim",
    "ja",
    "jo",
    "jasouhlasim",
    "anosouhlasim",
    "prijimam",
    "chci",
    "einverstanden",
    "ichstimmezu",
    "akzeptiert",
    "si",
    "acepto",
    "accetto",
    "tak",
    "zgadzamsie",
    "بله",
    "بلی",
    "اری",
    "موافقم",
    "موافقهستم",
    "میپذیرم",
    "پذیرفتم",
    "قبولدارم",
];

/// Values that mean no, folded.
const NO: [&str; 30] = [
    "0",
    "f",
    "n",
    "no",
    "non",
    "ne",
    "nein",
    "nie",
    "nee",
    "nej",
    "nao",
    "niet",
    "false",
    "faux",
    "off",
    "null",
    "nil",
    "none",
    "nan",
    "undefined",
    "unchecked",
    "disabled",
    "denied",
    "rejected",
    "declined",
    "refused",
    "optout",
    "unsubscribe",
    "خیر",
    "نه",
];

/// Words that deny what stands beside them, folded. They may also stand in the long text of a consent ("not shared").
const DENYING: [&str; 29] = [
    "no", "non", "not", "never", "cannot", "nothing", "n", "ne", "pas", "aucun", "jamais", "rien", "nic", "nein",
    "nicht", "nichts", "kein", "keine", "nie", "nee", "niet", "geen", "nej", "inte", "ikke", "nao", "نه", "خیر", "هیچ",
];

/// Beginnings of words that leave it open, folded.
const DOUBTING: [&str; 13] = [
    "maybe",
    "perhaps",
    "later",
    "unsure",
    "undecided",
    "peut",
    "plustard",
    "vielleicht",
    "mozna",
    "pozdeji",
    "misschien",
    "quiza",
    "شاید",
];

/// Words by which a text agrees, folded: whole ones, which as beginnings would be in words that do not ("agreement").
const AGREEING_WORDS: [&str; 6] = ["agree", "agreed", "accept", "consent", "akkoord", "subscribe"];

/// Beginnings of words, or of two words written as one, by which a text agrees, folded.
const AGREEING: [&str; 42] = [
    "iconfirm",
    "iallow",
    "ipermit",
    "iauthori",
    "optin",
    "accepte",
    "jeconsens",
    "consentement",
    "daccord",
    "jautoris",
    "jeconfirm",
    "jemabonn",
    "souhlas",
    "prijimam",
    "akceptuj",
    "prihlasuj",
    "povoluj",
    "potvrzuj",
    "موافق",
    "قبول",
    "میپذیر",
    "پذیرفت",
    "اجازه",
    "رضایت",
    "einverstanden",
    "zustimm",
    "ichstimme",
    "stimmezu",
    "akzeptier",
    "einwillig",
    "willigeein",
    "icherlaub",
    "ichabonnier",
    "toestem",
    "acepto",
    "autorizo",
    "accetto",
    "acconsent",
    "zgadzam",
    "wyrazam",
    "aceito",
    "mabonner",
];

/// Words that agree when a text begins with them, folded.
const YES_FIRST: [&str; 9] = ["yes", "oui", "ano", "ja", "jo", "si", "sim", "tak", "بله"];

/// Beginnings of words that wish, folded; what is wished decides.
const WISHING: [&str; 18] = [
    "want",
    "wish",
    "please",
    "like",
    "souhait",
    "veux",
    "voudr",
    "aimer",
    "chci",
    "prej",
    "mochte",
    "bitte",
    "quiero",
    "desider",
    "prosim",
    "میخواهم",
    "مایل",
    "لطفا",
];

/// Beginnings of words for what one agrees to by wishing for it, folded.
const WISHED: [&str; 24] = [
    "receiv",
    "newslett",
    "news",
    "offers",
    "subscri",
    "updates",
    "recev",
    "nouvelles",
    "offres",
    "infolettre",
    "novink",
    "nabidky",
    "odebir",
    "dostav",
    "zasil",
    "erhalt",
    "angebote",
    "rundbrief",
    "recib",
    "ricev",
    "خبرنامه",
    "دریافت",
    "پیشنهاد",
    "zpravodaj",
];

/// Words by which a wish or a yes is bound to something else, folded.
const BUT: [&str; 20] = [
    "but",
    "first",
    "before",
    "unless",
    "until",
    "only",
    "mais",
    "abord",
    "avant",
    "seulement",
    "ale",
    "nejdriv",
    "nejprve",
    "pouze",
    "jen",
    "aber",
    "erst",
    "zuerst",
    "اما",
    "ابتدا",
];

/// Beginnings of words that end what one has, folded: whoever wishes that does not agree to more of it.
const ENDING: [&str; 16] = [
    "unsub",
    "stop",
    "remov",
    "cancel",
    "delet",
    "desabonn",
    "desinscr",
    "arret",
    "odhlas",
    "zrus",
    "abmeld",
    "abbestell",
    "kundig",
    "loschen",
    "لغو",
    "حذف",
];

/// Beginnings of words that take back what follows, or say that it is not there, folded. Behind an agreement they tell how
/// it may end ("I agree, and may withdraw my consent at any time").
const TAKING_BACK: [&str; 21] = [
    "withdr", "revok", "takeback", "unable", "missing", "nobody", "retir", "revoqu", "annul", "beru", "zpet", "rusim",
    "odvol", "widerruf", "zuruck", "پس", "afraid", "if", "before", "optout", "out",
];

/// Beginnings of words that leave nothing to agree to, folded.
const NEVER: [&str; 12] = [
    "nedal",
    "neposkyt",
    "neudel",
    "vyrad",
    "none",
    "necessary",
    "essential",
    "necessaire",
    "nezbytn",
    "notwendig",
    "ضروری",
    "uniquement",
];

/// Beginnings of words that refuse wherever they stand, folded; two words may be written as one in Persian.
const REFUSING: [&str; 20] = [
    "disagree",
    "nesouhlas",
    "nechci",
    "nepreji",
    "neprijim",
    "neakceptuji",
    "neudeluj",
    "odmitam",
    "zamitam",
    "ablehnen",
    "نیستم",
    "ندارم",
    "نمیپذیرم",
    "نمیخواهم",
    "نمیکنم",
    "نمیدهم",
    "نپذیرفتم",
    "مخالفم",
    "مخالفهستم",
    "ردمیکنم",
];

/// Beginnings of words that refuse, folded, which a long text may also use ("you may refuse at any time").
const DECLINING: [&str; 4] = ["refus", "declin", "reject", "oppos"];

/// Words at the start of a text within which a denial is about the whole of it.
const START: usize = 4;
/// Longest text in words of which the same is true wherever the denial stands.
const SHORT: usize = 6;
/// Characters of a value looked at.
const CHARS: usize = 2_000;
/// Words of a value looked at.
const WORDS: usize = 300;

/// Whether the value is a word that means yes, or one of `own`.
pub(super) fn agrees<'a>(value: &str, own: impl Iterator<Item = &'a str>) -> bool {
    let said = fold(&one_line(value, CHARS));
    let mut own = own.map(|text| fold(&one_line(text, CHARS)));
    !said.is_empty() && (YES.contains(&said.as_str()) || own.any(|text| text == said))
}

/// Fewest words of a text that agrees by what it says.
const TEXT: usize = 3;

/// Whether the value is a text that agrees in a language that is known here, with nothing in it that denies, asks or
/// leaves it open.
pub(super) fn says_yes(value: &str) -> bool {
    let line = one_line(value, CHARS);
    let words = words(&line);
    let near = if words.len() <= SHORT { words.len() } else { START };
    let doubtful = line.contains(['?', '؟']) || words.iter().take(near).any(|word| begins(word, &DOUBTING));
    if words.len() < TEXT || doubtful || refuses(value) {
        return false;
    }
    let at = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    let agreeing = |index: usize| {
        let pair = format!("{}{}", at(index), at(index + 1));
        AGREEING_WORDS.contains(&at(index)) || begins(at(index), &AGREEING) || begins(&pair, &AGREEING)
    };
    let agreements: Vec<usize> = (0..words.len()).filter(|index| agreeing(*index)).collect();
    let wishes: Vec<usize> = (0..words.len()).filter(|index| begins(at(*index), &WISHING)).collect();
    let limited = |index: &usize| BUT.contains(&at(index + 1));
    if agreements.iter().chain(&wishes).any(|index| is_denied(&words, *index)) || agreements.iter().any(limited) {
        return false;
    }
    // In a few words it is the agreement that ends, in many it is said how it may.
    let looked_at = if words.len() <= SHORT { words.len() } else { agreements.first().copied().unwrap_or_default() };
    let takes_back = words.iter().take(looked_at).any(|word| begins(word, &TAKING_BACK) || begins(word, &ENDING));
    if takes_back || words.iter().any(|word| begins(word, &NEVER)) {
        return false;
    }
    let is_bound = words.iter().any(|word| BUT.contains(&word.as_str()) || begins(word, &ENDING));
    let yes = words.first().is_some_and(|word| YES_FIRST.contains(&word.as_str()));
    let named = !wishes.is_empty() && words.iter().any(|word| begins(word, &WISHED));
    !agreements.is_empty() || ((yes || named) && !is_bound)
}

/// Whether a denial stands by the word at `index`: shortly before it, or just behind ("do not agree", "ne souhaite pas").
fn is_denied(words: &[String], index: usize) -> bool {
    let near = words.get(index.saturating_sub(3)..words.len().min(index + 3)).unwrap_or_default();
    near.iter().any(|word| DENYING.contains(&word.as_str()))
}

fn begins(word: &str, list: &[&str]) -> bool {
    list.iter().any(|start| word.starts_with(start))
}

/// Whether the value is empty or denies: by the word it is, by one at its start, or by one that can mean nothing else.
pub(super) fn refuses(value: &str) -> bool {
    let line = one_line(value, CHARS);
    let whole = fold(&line);
    if whole.is_empty() || NO.contains(&whole.as_str()) {
        return true;
    }
    let words = words(&line);
    let near = if words.len() <= SHORT { words.len() } else { START };
    let mut pairs = words.iter().zip(words.iter().skip(1)).map(|(one, next)| format!("{one}{next}"));
    words.iter().take(near).any(|word| DENYING.contains(&word.as_str()) || begins(word, &DECLINING))
        || words.iter().any(|word| begins(word, &REFUSING))
        || pairs.any(|pair| begins(&pair, &REFUSING))
}

/// The words, folded. `n't` is a word of its own, and so is what stands before an apostrophe; the joiner inside Persian
/// words is none.
fn words(line: &str) -> Vec<String> {
    let line = line.replace('’', "'").replace("n't", " not ").replace("N'T", " not ");
    let parts = line.split(|c: char| !c.is_alphanumeric() && !is_joint(c));
    parts.map(fold).filter(|word| !word.is_empty()).take(WORDS).collect()
}

/// Stands inside a word: the zero-width non-joiner, and marks on the letter before.
fn is_joint(c: char) -> bool {
    c == '\u{200c}' || unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_refusals_in_each_language() {
        for (language, refusals) in [
            ("any", &["", "0", "off", "false", "null", " - ", "opt-out"][..]),
            ("neighbours", &["nee", "Nej", "Não", "não, obrigado", "niet", "Ik wil geen reclame", "Nein danke"]),
            (
                "en",
                &[
                    "no",
                    "No, thanks",
                    "I do not agree",
                    "I don't agree to be called",
                    "I don’t want it",
                    "I would not like that",
                    "Thanks, but no thanks",
                    "disagree",
                    "I disagree with the processing of all of my data",
                    "Decline",
                    "I refuse",
                    "Never",
                    "I agree to nothing",
                ],
            ),
            (
                "fr",
                &[
                    "Non",
                    "Non merci",
                    "Je n'accepte pas",
                    "Je n’accepte pas de recevoir la lettre",
                    "Je ne souhaite pas recevoir d'offres",
                    "Je refuse",
                    "Pas d'accord",
                    "Merci, mais non",
                ],
            ),
            (
                "cs",
                &[
                    "Ne",
                    "Ne, děkuji",
                    "Nesouhlasím",
                    "Já nesouhlasím se zpracováním svých osobních údajů",
                    "Se zpracováním osobních údajů pro tyto účely nesouhlasím",
                    "Nechci",
                    "Děkuji, nechci",
                    "Nepřeji si dostávat novinky",
                    "Odmítám",
                ],
            ),
            (
                "fa",
                &[
                    "خیر",
                    "نه",
                    "نه، ممنون",
                    "خیر، متشکرم",
                    "موافق نیستم",
                    "من با دریافت خبرنامه و پیشنهادها موافق نیستم",
                    "نمی‌پذیرم",
                    "نمی پذیرم",
                    "نمی‌خواهم",
                    "مخالفم",
                    "رد می‌کنم",
                    "نميخواهم",
                ],
            ),
        ] {
            for refusal in refusals {
                assert!(refuses(refusal), "{language}: {refusal}");
                assert!(!agrees(refusal, std::iter::empty()), "{language}: {refusal}");
            }
        }
    }

    #[test]
    fn a_text_agrees_by_what_it_says_and_by_nothing_less() {
        for text in [
            "I agree to the processing of my data",
            "You may write to me, and I agree that my data are not passed on to anybody",
            "J'accepte que mes données soient conservées et qu'elles ne soient pas transmises",
            "Souhlasím se zpracováním osobních údajů",
            "با دریافت خبرنامه موافقم",
            "Ich stimme der Verarbeitung zu",
            "Oui, je souhaite recevoir la lettre",
            "I would like to receive the newsletter",
            "Chci dostávat novinky e-mailem",
            "Yes, you may call me",
            "می‌خواهم خبرنامه را دریافت کنم",
            "I confirm that I have read the policy",
            "I agree to receive news and know that I may withdraw my consent at any time",
            "Souhlasím se zpracováním údajů, souhlas mohu kdykoli odvolat",
        ] {
            assert!(says_yes(text), "{text}");
        }
        for text in [
            "maybe",
            "later",
            "unsure",
            "Maybe I agree",
            "I may agree later",
            "Peut-être que j'accepte",
            "I agree to nothing",
            "Ik ga niet akkoord",
            "Não aceito receber ofertas",
            "Nonstop newsletter",
            "Ezzel semmi nincs megmondva",
            "Ask me another day",
            "Please call me first",
            "I want to read it first",
            "Only the January issue",
            "According to your policy",
            "According to our agreement of May",
            "Erst im nächsten Jahr",
            "J'ai une question",
            "Do you accept credit cards?",
            "Ja, aber erst im Januar",
            "Abonnement kündigen bitte sofort",
            "I want to see the newsletter first",
            "Ask me any time",
            "At this time I do not wish to receive offers",
            "Thank you very much, I do not want to receive the newsletter",
            "I have read the privacy policy and do not consent",
            "I agree to the terms but do not wish to receive the newsletter",
            "Please unsubscribe me from the newsletter",
            "Please stop sending me news",
            "Please remove me from your newsletter",
            "I withdraw my consent",
            "I hereby withdraw any consent given earlier",
            "Je retire mon consentement",
            "Mon consentement est retiré",
            "Souhlas jsem nedala",
            "Souhlas beru zpět",
            "Ich widerrufe meine Zustimmung",
            "رضایتم را پس می‌گیرم",
            "Ano, vyřaďte mě",
            "yes, opt me out",
            "I agree to opt out",
            "I agree, please delete my data",
            "I am unable to agree",
            "Consent is missing",
            "nobody asked me to agree",
            "Accept only necessary",
            "I accept essential cookies only",
            "I would only agree if paid",
            "J'accepte uniquement le nécessaire",
            "Souhlasím pouze s nezbytnými",
            "فقط ضروری را می‌پذیرم",
            "",
        ] {
            assert!(!says_yes(text), "{text}");
        }
    }

    #[test]
    fn what_stands_beside_a_ticked_box_is_no_refusal() {
        for text in [
            "on",
            "1",
            "yes",
            "I agree to the processing of my data",
            "I agree that my data are stored and that they are not passed on to anybody",
            "You may write to me; I know that I may refuse further mail at any time",
            "Oui, j'accepte",
            "J'accepte que mes données soient conservées et qu'elles ne soient pas transmises",
            "Souhlasím se zpracováním osobních údajů",
            "Souhlasím, že mi budete psát, a vím, že to mohu kdykoli odvolat",
            "بله",
            "با دریافت خبرنامه موافقم",
            "notify me",
            "Nonstop newsletter",
        ] {
            assert!(!refuses(text), "{text}");
        }
    }
}
