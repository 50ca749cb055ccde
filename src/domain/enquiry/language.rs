//! The language of a text, among those our users meet. Too little text gives no answer.

use whatlang::{Detector, Lang};

use crate::domain::reading::body::cut;
use crate::domain::reading::budget;

/// Languages told apart, with their ISO 639-1 codes.
const LANGUAGES: [(Lang, &str); 20] = [
    (Lang::Eng, "en"),
    (Lang::Fra, "fr"),
    (Lang::Ces, "cs"),
    (Lang::Slk, "sk"),
    (Lang::Deu, "de"),
    (Lang::Spa, "es"),
    (Lang::Ita, "it"),
    (Lang::Por, "pt"),
    (Lang::Nld, "nl"),
    (Lang::Pol, "pl"),
    (Lang::Hun, "hu"),
    (Lang::Ron, "ro"),
    (Lang::Swe, "sv"),
    (Lang::Rus, "ru"),
    (Lang::Ukr, "uk"),
    (Lang::Tur, "tr"),
    (Lang::Pes, "fa"),
    (Lang::Ara, "ar"),
    (Lang::Heb, "he"),
    (Lang::Ell, "el"),
];

/// Fewest letters for an answer in a script of many languages.
const LETTERS: usize = 20;
/// Text looked at, in bytes: more costs time in proportion and changes no answer.
const BYTES: usize = 800;

/// ISO 639-1 code of the language of `text`; `None` when it is short or not sure.
pub fn detect(text: &str) -> Option<String> {
    let sample = cut(text.trim(), BYTES);
    if !budget::pay(200 * sample.len()) {
        return None;
    }
    let letters = sample.chars().filter(|c| c.is_alphabetic()).count();
    if letters < LETTERS {
        return greeting(sample);
    }
    // Letters that Persian has and Arabic has not.
    if sample.chars().any(|c| matches!(c, 'پ' | 'چ' | 'ژ' | 'گ' | 'ک' | 'ی'))
        && sample.chars().any(|c| matches!(c, 'ا' | 'ن'))
    {
        return Some("fa".to_owned());
    }
    let allowed = LANGUAGES.iter().map(|(lang, _)| *lang).collect();
    let info = Detector::with_allowlist(allowed).detect(sample)?;
    if info.confidence() < 0.3 && letters < 60 {
        return greeting(sample);
    }
    LANGUAGES.iter().find(|(lang, _)| *lang == info.lang()).map(|(_, code)| (*code).to_owned())
}

/// Greetings that one language has to itself, lower case.
const GREETINGS: [(&str, &str); 16] = [
    ("bonjour", "fr"),
    ("bonsoir", "fr"),
    ("madame,", "fr"),
    ("dobrý den", "cs"),
    ("dobry den", "cs"),
    ("guten tag", "de"),
    ("sehr geehrte", "de"),
    ("guten morgen", "de"),
    ("buenos días", "es"),
    ("buenas tardes", "es"),
    ("buongiorno", "it"),
    ("buonasera", "it"),
    ("hello", "en"),
    ("good morning", "en"),
    ("dear ", "en"),
    ("goedemorgen", "nl"),
];

/// The language of a short text by how it greets.
fn greeting(text: &str) -> Option<String> {
    let head = cut(text, 60).to_lowercase();
    GREETINGS.iter().find(|(word, _)| head.starts_with(word)).map(|(_, code)| (*code).to_owned())
}

/// A language code or tag as ISO 639-1: `fr-FR,fr;q=0.9` -> `fr`.
pub fn code(raw: &str) -> Option<String> {
    let word = raw.trim().split([',', ';', '-', '_', ' ']).next()?.to_ascii_lowercase();
    (word.len() == 2 && word.bytes().all(|b| b.is_ascii_lowercase())).then_some(word)
}

/// Countries where a language is spoken, the likeliest first: whose telephone numbers its writers have.
pub fn countries(language: &str) -> &'static [&'static str] {
    match language {
        "en" => &["GB", "US", "IE"],
        "fr" => &["FR", "BE", "CH"],
        "de" => &["DE", "AT", "CH"],
        "cs" => &["CZ"],
        "sk" => &["SK"],
        "fa" => &["IR"],
        "es" => &["ES"],
        "it" => &["IT"],
        "pt" => &["PT"],
        "nl" => &["NL", "BE"],
        "pl" => &["PL"],
        "hu" => &["HU"],
        "ro" => &["RO"],
        "sv" => &["SE"],
        "tr" => &["TR"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_languages_are_told_apart() {
        for (text, expected) in [
            ("Bonjour, je voudrais recevoir un devis pour trois machines, merci beaucoup.", Some("fr")),
            ("Dobrý den, prosím o cenovou nabídku na tři čerpadla, děkuji předem.", Some("cs")),
            ("Guten Tag, bitte senden Sie mir ein Angebot für drei Pumpen.", Some("de")),
            ("Hello, please send me an offer for three of your pumps, thank you.", Some("en")),
            ("سلام، لطفاً قیمت سه دستگاه پمپ را برای من بفرستید.", Some("fa")),
            ("Bonjour, un devis svp", Some("fr")),
            ("ok", None),
        ] {
            assert_eq!(detect(text).as_deref(), expected, "{text}");
        }
        assert_eq!(code("fr-FR,fr;q=0.9").as_deref(), Some("fr"));
        assert_eq!(code("french"), None);
    }
}
