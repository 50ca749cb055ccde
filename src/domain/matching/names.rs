//! Do two names contradict each other, agree, or say nothing? Folded, order-tolerant, script-aware.

use std::collections::BTreeSet;

use super::nicknames::same_nickname;

/// How two names stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameAgreement {
    /// Two different people by name.
    Contradict,
    /// One side has no name, or they are written in different scripts.
    Unknown,
    /// Compatible: an initial, a nickname, a part missing.
    Compatible,
    /// The surname agrees (and the given name does not contradict).
    Surname,
    /// Given name and surname agree.
    Full,
}

/// A name cut into comparable parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameParts {
    given: Vec<String>,
    surname: Vec<String>,
    latin: bool,
}

/// Particles that belong to a surname but decide nothing.
const PARTICLES: &[&str] = &[
    "de", "du", "des", "la", "le", "les", "d", "l", "von", "van", "der", "den", "ter", "di", "da", "dos", "del", "el",
    "al", "bin", "ibn", "ben", "mc", "mac", "o", "st", "saint",
];

impl NameParts {
    /// From the parts or, where they are missing, from the whole name (last word is the surname, unless upper case
    /// marks another one).
    #[must_use]
    pub fn new(first: Option<&str>, last: Option<&str>, full: Option<&str>) -> Self {
        let first = first.map(str::trim).filter(|s| !s.is_empty());
        let last = last.map(str::trim).filter(|s| !s.is_empty());
        let full = full.map(str::trim).filter(|s| !s.is_empty());
        let all = [first, last, full].into_iter().flatten().collect::<String>();
        let latin = all.chars().filter(|c| c.is_alphabetic()).all(|c| (c as u32) < 0x250 || is_latin_extension(c));
        let (given, surname) = match (first, last, full) {
            (None, None, None) => (Vec::new(), Vec::new()),
            (None, None, Some(full)) => split(full),
            (first, last, _) => (tokens(first.unwrap_or_default()), surname_tokens(last.unwrap_or_default())),
        };
        Self { given, surname, latin }
    }

    /// Nothing to compare.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.given.is_empty() && self.surname.is_empty()
    }

    /// Compares two names; symmetric.
    #[must_use]
    pub fn agreement(&self, other: &Self) -> NameAgreement {
        if self.is_empty() || other.is_empty() || self.latin != other.latin {
            return NameAgreement::Unknown;
        }
        if self.crossed(other) {
            return NameAgreement::Full;
        }
        let surname = surname_level(&self.surname, &other.surname);
        let given = given_level(&self.given, &other.given);
        match (surname, given) {
            (Level::Same, Level::Same) => NameAgreement::Full,
            (Level::Same | Level::Close | Level::Different, Level::Different)
            | (Level::Different, Level::Close | Level::Missing) => NameAgreement::Contradict,
            (Level::Same, Level::Close | Level::Missing) => NameAgreement::Surname,
            _ => NameAgreement::Compatible,
        }
    }

    /// The same words, whichever is given name and which surname.
    fn crossed(&self, other: &Self) -> bool {
        let whole = |p: &Self| !p.given.is_empty() && !p.surname.is_empty();
        let words = |p: &Self| p.given.iter().chain(&p.surname).cloned().collect::<BTreeSet<_>>();
        whole(self) && whole(other) && words(self) == words(other)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Same,
    Close,
    Missing,
    Different,
}

fn is_latin_extension(c: char) -> bool {
    matches!(c as u32, 0x1E00..=0x1EFF | 0x2C60..=0x2C7F | 0xA720..=0xA7FF | 0xFB00..=0xFB06)
}

/// Lower-case ASCII words of a name.
pub(super) fn tokens(text: &str) -> Vec<String> {
    any_ascii::any_ascii(text)
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect()
}

fn surname_tokens(text: &str) -> Vec<String> {
    let all = tokens(text);
    let kept: Vec<_> = all.iter().filter(|t| !PARTICLES.contains(&t.as_str())).cloned().collect();
    if kept.is_empty() { all } else { kept }
}

pub(super) fn split(full: &str) -> (Vec<String>, Vec<String>) {
    if let Some((last, first)) = full.split_once(',') {
        return (tokens(first), surname_tokens(last));
    }
    // `75` and `3rd` beside a name tell nobody apart.
    let words: Vec<&str> = full.split_whitespace().filter(|w| !w.chars().any(char::is_numeric)).collect();
    let shouted = |w: &&str| w.chars().filter(|c| c.is_alphabetic()).count() > 1 && *w == w.to_uppercase();
    let (upper, rest): (Vec<&str>, Vec<&str>) = words.iter().copied().partition(shouted);
    if !upper.is_empty() && !rest.is_empty() {
        return (tokens(&rest.join(" ")), surname_tokens(&upper.join(" ")));
    }
    match words.split_last() {
        Some((last, first)) if !first.is_empty() => {
            let mut cut = first.len();
            while cut > 1 && first.get(cut - 1).is_some_and(|w| PARTICLES.contains(&w.to_lowercase().as_str())) {
                cut -= 1;
            }
            (tokens(&first.get(..cut).unwrap_or_default().join(" ")), surname_tokens(last))
        }
        Some((only, _)) => (Vec::new(), surname_tokens(only)),
        None => (Vec::new(), Vec::new()),
    }
}

fn surname_level(a: &[String], b: &[String]) -> Level {
    if a.is_empty() || b.is_empty() {
        return Level::Missing;
    }
    if a.concat() == b.concat() || a.iter().any(|t| t.len() > 2 && b.contains(t)) {
        return Level::Same;
    }
    let (a, b) = (a.concat(), b.concat());
    if family_form(&a) == family_form(&b) {
        return Level::Close;
    }
    let near = strsim::jaro_winkler(&a, &b);
    if near >= 0.93 || (a.len().min(b.len()) >= 5 && strsim::osa_distance(&a, &b) <= 1) {
        Level::Same
    } else if near >= 0.85 {
        Level::Close
    } else {
        Level::Different
    }
}

/// Czech and Slavic feminine surnames share the stem of the masculine form.
fn family_form(surname: &str) -> String {
    let stem = surname.strip_suffix("ova").or_else(|| surname.strip_suffix('a')).unwrap_or(surname);
    stem.strip_suffix('e').unwrap_or(stem).to_owned()
}

fn given_level(a: &[String], b: &[String]) -> Level {
    let (Some(first_a), Some(first_b)) = (a.first(), b.first()) else { return Level::Missing };
    if first_a == first_b || a.concat() == b.concat() {
        return Level::Same;
    }
    if a.iter().any(|t| t.len() > 2 && b.contains(t)) {
        return Level::Close;
    }
    let initial = |x: &str, y: &str| x.len() <= 2 && y.starts_with(x.get(..1).unwrap_or_default());
    if initial(first_a, first_b) || initial(first_b, first_a) || same_nickname(first_a, first_b) {
        return Level::Close;
    }
    let near = strsim::jaro_winkler(first_a, first_b);
    if near >= 0.9 { Level::Close } else { Level::Different }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(a: &str, b: &str) -> NameAgreement {
        let (a, b) = (NameParts::new(None, None, Some(a)), NameParts::new(None, None, Some(b)));
        assert_eq!(a.agreement(&b), b.agreement(&a), "agreement is symmetric");
        a.agreement(&b)
    }

    #[test]
    fn names_agree_contradict_or_say_nothing() {
        for (a, b, want) in [
            ("Jean Dupont", "Jean DUPONT", NameAgreement::Full),
            ("Dupont Jean", "Jean Dupont", NameAgreement::Full),
            ("Éloïse Lefèvre", "Eloise Lefevre", NameAgreement::Full),
            ("J. Dupont", "Jean Dupont", NameAgreement::Surname),
            ("Bob Smith", "Robert Smith", NameAgreement::Surname),
            ("Marie Dupont", "Jean Dupont", NameAgreement::Contradict),
            ("Marie Curie", "Jean Dupont", NameAgreement::Contradict),
            ("Marie Martin", "Marie Dupont", NameAgreement::Compatible),
            ("Jan Novák", "Jana Nováková", NameAgreement::Compatible),
            ("Petr Novák", "Eva Nováková", NameAgreement::Contradict),
            ("Dupont", "Jean Dupont", NameAgreement::Surname),
            ("", "Jean Dupont", NameAgreement::Unknown),
            ("محمد رضایی", "Mohammad Rezaei", NameAgreement::Unknown),
            ("Jean Dupont 75", "Jean Dupont", NameAgreement::Full),
            ("Jan van der Berg", "Jan Berg", NameAgreement::Full),
        ] {
            assert_eq!(full(a, b), want, "{a} / {b}");
        }
    }
}
