//! How names sound: Double Metaphone (Lawrence Philips, 2000), and once more as French leaves letters silent.

use rphonetic::DoubleMetaphone;

/// Longest code, in letters: long enough to tell compound names apart.
const LENGTH: usize = 8;
/// Ends of French names that are spoken as a bare vowel or without their last consonant, longest first.
const SILENT: [(&str, &str); 22] = [
    ("eault", "o"),
    ("eauld", "o"),
    ("eaux", "o"),
    ("eaud", "o"),
    ("ault", "o"),
    ("auld", "o"),
    ("aulx", "o"),
    ("eau", "o"),
    ("aud", "o"),
    ("aut", "o"),
    ("aux", "o"),
    ("ard", "ar"),
    ("art", "ar"),
    ("ert", "er"),
    ("ond", "on"),
    ("ont", "on"),
    ("oux", "u"),
    ("oud", "u"),
    ("out", "u"),
    ("ois", "oa"),
    ("ot", "o"),
    ("et", "e"),
];
/// Shortest name that such an end is looked for in, in letters.
const SHORTEST: usize = 5;

/// The codes of a name in lower-case ASCII: one, two where it may be spoken in two ways, a third where French letters in
/// it are silent; none without letters.
#[must_use]
pub fn codes(name: &str) -> Vec<String> {
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    if letters.is_empty() {
        return Vec::new();
    }
    let sounds = DoubleMetaphone::new(Some(LENGTH));
    let spoken = sounds.double_metaphone(&letters);
    let mut codes = vec![spoken.primary(), spoken.alternate()];
    codes.extend(in_french(&letters).map(|french| sounds.double_metaphone(&french).primary()));
    codes.retain(|code| !code.is_empty());
    codes.sort();
    codes.dedup();
    codes
}

/// The name without its silent letters; `None` where it has none.
fn in_french(letters: &str) -> Option<String> {
    if letters.len() < SHORTEST {
        return None;
    }
    let end = SILENT.iter().find_map(|(end, spoken)| Some((letters.strip_suffix(end)?, *spoken)));
    let ended = end.map_or_else(|| letters.to_owned(), |(stem, spoken)| format!("{stem}{spoken}"));
    // Gauthier, Gaultier and Gautier; Thibaut and Tibo.
    let spoken = ended.replace("aulth", "ot").replace("ault", "ot").replace("auth", "ot").replace("th", "t");
    (spoken != letters).then_some(spoken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_names_that_sound_alike_share_a_code() {
        let alike = |a: &str, b: &str| codes(a).iter().any(|code| codes(b).contains(code));
        for (a, b) in [
            ("gauthier", "gaultier"),
            ("gauthier", "gautier"),
            ("thibault", "tibo"),
            ("thibaud", "thibaut"),
            ("renard", "renar"),
            ("dupond", "dupont"),
            ("dupont", "dupon"),
            ("boileau", "boilot"),
            ("moreaux", "moreau"),
        ] {
            assert!(alike(a, b), "{a} {b}: {:?} {:?}", codes(a), codes(b));
        }
        for (a, b) in [("gauthier", "gaillard"), ("renard", "renaud"), ("martin", "marin"), ("duval", "dupont")] {
            assert!(!alike(a, b), "{a} {b}: {:?} {:?}", codes(a), codes(b));
        }
    }

    #[test]
    fn names_of_other_tongues_gain_nothing() {
        for name in ["novak", "svoboda", "miller", "rezaei", "schmidt", "lee"] {
            assert_eq!(in_french(name), None, "{name}");
        }
        assert_eq!(codes(""), Vec::<String>::new());
    }
}
