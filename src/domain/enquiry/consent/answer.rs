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

/// Beginnings of words by which a text agrees, folded.
const AGREEING: [&str; 60] = [
    "agree",
    "consen",
    "accept",
    "subscrib",
    "receiv",
    "want",
    "wish",
    "allow",
    "permit",
    "authori",
    "confirm",
    "optin",
    "yes",
    "please",
    "accord",
    "souhait",
    "veux",
    "voudr",
    "autoris",
    "recev",
    "abonn",
    "oui",
    "souhlas",
    "prijim",
    "chci",
    "prej",
    "akcept",
    "prihlas",
    "odebir",
    "ano",
    "povol",
    "potvrz",
    "موافق",
    "قبول",
    "میپذیر",
    "پذیرفت",
    "میخواهم",
    "مایل",
    "بله",
    "اجازه",
    "رضایت",
    "einverstanden",
    "zustimm",
    "stimme",
    "akzeptier",
    "mocht",
    "willige",
    "erlaub",
    "ja",
    "acept",
    "autoriz",
    "quiero",
    "accett",
    "acconsent",
    "desider",
    "zgadza",
    "wyraza",
    "akkoord",
    "toestem",
    "aceit",
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

/// Whether the value is a text that agrees in a language that is known here, with nothing in it that denies or leaves it
/// open.
pub(super) fn says_yes(value: &str) -> bool {
    let words = words(&one_line(value, CHARS));
    let near = if words.len() <= SHORT { words.len() } else { START };
    let pairs = words.iter().zip(words.iter().skip(1)).map(|(one, next)| format!("{one}{next}"));
    let begins = |word: &str, list: &[&str]| list.iter().any(|start| word.starts_with(start));
    words.len() >= TEXT
        && !refuses(value)
        && !words.iter().take(near).any(|word| begins(word, &DOUBTING))
        && words.iter().cloned().chain(pairs).any(|word| begins(&word, &AGREEING))
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
    let begins = |word: &str, list: &[&str]| list.iter().any(|start| word.starts_with(start));
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
