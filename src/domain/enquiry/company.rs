//! Company names: legal forms, and the fingerprint by which two spellings are one company.

use super::super::reading::field_names::fold;
use crate::domain::reading::text::non_empty_line;

/// Legal forms as written, compared without dots, spaces and case.
const FORMS: [&str; 61] = [
    "sarl",
    "sas",
    "sasu",
    "sa",
    "eurl",
    "sci",
    "snc",
    "scop",
    "gie",
    "selarl",
    "earl",
    "sro",
    "spolsro",
    "as",
    "vos",
    "ks",
    "zs",
    "ops",
    "osvc",
    "statnipodnik",
    "druzstvo",
    "gmbh",
    "gmbhcokg",
    "gmbhandcokg",
    "ag",
    "kg",
    "ohg",
    "ug",
    "ev",
    "eg",
    "gbr",
    "mbh",
    "ltd",
    "limited",
    "plc",
    "llp",
    "llc",
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "lp",
    "sl",
    "slu",
    "sau",
    "srl",
    "srls",
    "spa",
    "sapa",
    "bv",
    "nv",
    "bvba",
    "vof",
    "ab",
    "oy",
    "oyj",
    "aps",
    "spzoo",
    "kft",
    "doo",
];

/// Forms that are ordinary words or initials elsewhere: they count only with dots or in capitals at the end.
const AMBIGUOUS: [&str; 15] =
    ["sa", "as", "co", "ag", "kg", "ab", "sl", "ks", "ev", "eg", "zs", "oy", "lp", "nv", "bv"];

/// Persian and Arabic words for a company at the start of its name.
const PREFIXES: [&str; 4] = ["شرکت", "گروه", "موسسه", "مؤسسه"];

/// A company's name as written, one line; `None` for placeholders.
pub fn read(raw: &str) -> Option<String> {
    let name = non_empty_line(raw, 200)?;
    let folded = fold(&name);
    let placeholder = folded.is_empty()
        || matches!(
            folded.as_str(),
            "na" | "none"
                | "no"
                | "private"
                | "privat"
                | "prive"
                | "particulier"
                | "soukromaosoba"
                | "x"
                | "nocompany"
                | "self"
                | "null"
                | "test"
        );
    (!placeholder).then_some(name)
}

/// Whether the name ends with (or, in Persian, begins with) a legal form.
pub fn has_legal_form(name: &str) -> bool {
    let words: Vec<&str> = name.split_whitespace().collect();
    if words.len() < 2 {
        return false;
    }
    if words.first().is_some_and(|w| PREFIXES.contains(w)) {
        return true;
    }
    form_length(&words) > 0
}

/// How many words at the end are a legal form: `s. r. o.` is three, `spol. s r.o.` three, `GmbH & Co. KG` four.
fn form_length(words: &[&str]) -> usize {
    for length in (1..=4_usize.min(words.len().saturating_sub(1))).rev() {
        let tail = words.get(words.len() - length..).unwrap_or_default();
        let joined: String = tail.iter().map(|w| fold(w)).collect();
        if !FORMS.contains(&joined.as_str()) {
            continue;
        }
        let written = tail.concat();
        let marked = written.contains('.') || !written.chars().any(char::is_lowercase);
        if marked || !AMBIGUOUS.contains(&joined.as_str()) {
            return length;
        }
    }
    0
}

/// Key under which one company is found: ASCII words without legal form, sorted, unique, joined by spaces.
/// `None` when nothing is left.
pub fn fingerprint(name: &str) -> Option<String> {
    let spaced = name.replace('&', " and ").replace([',', '/', '-', '–', '+', '"', '\'', '’', '(', ')', '|'], " ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let keep = words.len() - form_length(&words);
    let mut tokens: Vec<String> = words
        .iter()
        .take(keep)
        .filter(|w| !PREFIXES.contains(w))
        .map(|word| fold(&any_ascii::any_ascii(&fold(word))))
        .map(|token| {
            if token == "et" || token == "und" || token == "a" || token == "y" || token == "e" {
                "and".to_owned()
            } else {
                token
            }
        })
        .filter(|token| !token.is_empty() && token != "and")
        .collect();
    tokens.sort();
    tokens.dedup();
    let key = tokens.join(" ");
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_company_share_a_fingerprint() {
        for group in [
            &["ACME s.r.o.", "Acme, spol. s r.o.", "acme S. R. O.", "Acme"][..],
            &["Dupont & Fils SARL", "DUPONT ET FILS", "Fils Dupont S.A.R.L."],
            &["Müller GmbH & Co. KG", "Müller GmbH", "MÜLLER GMBH"],
            &["شرکت پارس", "پارس"],
        ] {
            let keys: Vec<_> = group.iter().map(|name| fingerprint(name)).collect();
            assert!(keys.iter().all(|key| key.is_some() && *key == keys[0]), "{group:?} {keys:?}");
        }
        assert_eq!(fingerprint("s.r.o.").as_deref(), Some("sro"));
        assert_eq!(fingerprint("---"), None);
    }

    #[test]
    fn a_fingerprint_of_a_fingerprint_is_itself() {
        for name in ["Dupont & Fils SARL", "Zeta Alfa", "شرکت پارس"] {
            let once = fingerprint(name).unwrap();
            assert_eq!(fingerprint(&once), Some(once));
        }
    }

    #[test]
    fn legal_forms_are_recognised_but_not_in_ordinary_words() {
        for name in ["ACME s.r.o.", "Dupont SAS", "Foo GmbH", "Bar S.A.", "Bar SA"] {
            assert!(has_legal_form(name), "{name}");
        }
        for name in ["Jean as", "Eva Sa", "SARL", "Jean Dupont"] {
            assert!(!has_legal_form(name), "{name}");
        }
    }

    #[test]
    fn placeholders_are_no_company() {
        assert_eq!(read("n/a"), None);
        assert_eq!(read(" ACME\n s.r.o. ").as_deref(), Some("ACME s.r.o."));
    }
}
