//! Consonants of names, by which a name in Persian or Arabic letters and its spellings in Latin ones are told to be one.
//!
//! Those scripts leave short vowels out, and Latin spellings disagree about the others: what is left of Mohammad, Muhammad
//! and محمد is `mmd`. It says that two spellings may be one name, and never by itself that two people are one.

/// Persian and Arabic letters and the consonants they are spelt with; those left out are vowels, or as good as vowels.
const LETTERS: [(char, &str); 27] = [
    ('ب', "b"),
    ('پ', "p"),
    ('ت', "t"),
    ('ث', "s"),
    ('ج', "j"),
    ('چ', "c"),
    ('خ', "k"),
    ('د', "d"),
    ('ذ', "z"),
    ('ر', "r"),
    ('ز', "z"),
    ('ژ', "z"),
    ('س', "s"),
    ('ش', "s"),
    ('ص', "s"),
    ('ض', "z"),
    ('ط', "t"),
    ('ظ', "z"),
    ('غ', "g"),
    ('ف', "f"),
    ('ق', "g"),
    ('ک', "k"),
    ('ك', "k"),
    ('گ', "g"),
    ('ل', "l"),
    ('م', "m"),
    ('ن', "n"),
];

/// The consonants of a name written in Persian or Arabic letters; `None` for any other name.
#[must_use]
pub fn of_script(name: &str) -> Option<String> {
    let arabic = |c: char| ('\u{600}'..='\u{6ff}').contains(&c);
    let letters = || name.chars().filter(|c| c.is_alphabetic());
    if letters().next().is_none() || !letters().all(arabic) {
        return None;
    }
    let consonant = |c: char| LETTERS.iter().find(|(letter, _)| *letter == c).map_or("", |(_, latin)| latin);
    Some(name.chars().map(consonant).collect())
}

/// The consonants of a name in lower-case Latin letters.
#[must_use]
pub fn of_latin(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut before = None;
    for c in name.chars().filter(char::is_ascii_alphabetic) {
        // Doubled letters first: the other order would make one of the two m of Mohammad.
        if before.replace(c) == Some(c) {
            continue;
        }
        match c {
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h' | 'w' | 'v' => {}
            'q' => out.push('g'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_have_the_same_consonants() {
        for (script, spellings) in [
            ("محمد", ["mohammad", "muhammad", "mohamad"]),
            ("رضایی", ["rezaei", "rezai", "rezayi"]),
            ("حسین", ["hossein", "hussain", "hosein"]),
            ("موسوی", ["mousavi", "moosavi", "musavi"]),
            ("قاسمی", ["ghasemi", "qasemi", "ghassemi"]),
            ("شیرازی", ["shirazi", "shiraazi", "shirazy"]),
        ] {
            let bones = of_script(script).unwrap();
            for spelling in spellings {
                let latin = of_latin(spelling);
                assert_eq!(latin, bones, "{script} / {spelling}");
            }
        }
        assert_ne!(of_script("احمد"), of_script("محمد"));
        assert_eq!((of_script("Ahmad"), of_script("12")), (None, None));
    }
}
