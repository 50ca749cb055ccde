//! Names of people: salutation, first and last name. Nothing is guessed from an address, and no gender from a name.

use super::Person;
use super::company;
use crate::domain::reading::form::first;
use crate::domain::reading::text::one_line;
use crate::domain::reading::typed::names_nobody;
use crate::domain::submission::{Canonical, Field};

/// Salutations and titles, folded, that may stand before a name.
const SALUTATIONS: [&str; 50] = [
    "m",
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "dr",
    "prof",
    "sir",
    "madam",
    "monsieur",
    "madame",
    "mademoiselle",
    "mme",
    "mlle",
    "me",
    "maitre",
    "docteur",
    "herr",
    "frau",
    "hr",
    "fr",
    "pan",
    "pani",
    "slecna",
    "ing",
    "mgr",
    "bc",
    "mudr",
    "judr",
    "phdr",
    "rndr",
    "doc",
    "sr",
    "sra",
    "srta",
    "senor",
    "senora",
    "don",
    "dona",
    "sig",
    "sigra",
    "signor",
    "signora",
    "dott",
    "dottssa",
    "avv",
    "اقای",
    "خانم",
    "دکتر",
];

/// Particles that belong to the last name, lower case.
const PARTICLES: [&str; 24] = [
    "de", "du", "des", "d", "la", "le", "les", "von", "vom", "zu", "zum", "zur", "van", "der", "den", "di", "da",
    "del", "della", "dos", "do", "al", "el", "bin",
];

/// Degrees after a comma that are no first name.
const DEGREES: [&str; 12] = ["phd", "csc", "mba", "dis", "md", "esq", "jr", "sr", "ii", "iii", "ll.m", "msc"];

fn fold(word: &str) -> String {
    crate::domain::reading::field_names::fold(word)
}

/// Reads a whole name. Empty for what is no person's name: addresses, companies, `sales team`.
pub fn parse(raw: &str) -> Person {
    let line = one_line(raw, 200);
    let line = without_remarks(&line);
    if !is_name(line) {
        return Person::default();
    }
    let (salutation, rest) = split_salutation(line);
    let (first, last) = match rest.split_once(',').map(|(a, b)| (a.trim(), b.trim())) {
        Some((name, after)) if is_degree(after) => split(name),
        // "Novák, Jan"
        Some((last, first)) if !last.is_empty() && !first.is_empty() => (Some(first.to_owned()), Some(last.to_owned())),
        _ => split(rest.trim_matches(',')),
    };
    let full = match (&first, &last) {
        (Some(first), Some(last)) => format!("{first} {last}"),
        _ => rest.trim_matches([',', ' ']).to_owned(),
    };
    // "Monsieur" alone names nobody.
    if full.is_empty() {
        return Person { salutation, ..Person::default() };
    }
    // After a salutation a single word is a last name.
    let last = last.or_else(|| (salutation.is_some() && first.is_none()).then(|| full.clone()));
    Person { salutation, first_name: first, last_name: last, full_name: Some(full), job_title: None }
}

/// A person from the fields a form names; the whole name fills what the parts leave open. What is typed into a name
/// field is kept as the whole name even where it cannot be split, unless it can name nobody.
pub fn from_parts(full: Option<&str>, first: Option<&str>, last: Option<&str>, salutation: Option<&str>) -> Person {
    let clean = |value: Option<&str>| value.map(|v| one_line(v, 100)).filter(|v| !names_nobody(v));
    let (first, last) = (clean(first), clean(last));
    let (first_name, last_name) = (first.clone(), last.clone());
    let mut person = match (&first, &last, full) {
        (None, None, Some(full)) => parse(full),
        // A form with `name` and `last name`, or one whose only name field means the first.
        (Some(only), None, _) | (None, Some(only), _) if only.contains(' ') => parse(only),
        _ => {
            let (greeting, first) = match &first {
                Some(first) => {
                    let (greeting, rest) = split_salutation(first);
                    (greeting, Some(rest.to_owned()).filter(|r| !r.is_empty()))
                }
                None => (None, None),
            };
            let both: Vec<&str> = first.iter().chain(&last).map(String::as_str).collect();
            let full_name = Some(both.join(" ")).filter(|f| !f.is_empty()).or_else(|| clean(full));
            Person {
                salutation: greeting,
                first_name: first,
                last_name: last.map(|l| tame_case(&l)),
                full_name,
                job_title: None,
            }
        }
    };
    if person.full_name.is_none() {
        let whole = [&clean(full), &first_name, &last_name].into_iter().flatten().find_map(|line| unsplit(line));
        person = whole.unwrap_or(person);
    }
    if let Some(salutation) = salutation.map(|s| one_line(s, 30)).filter(|s| !s.is_empty()) {
        person.salutation = Some(salutation);
    }
    person
}

/// A line that names somebody but does not come apart: kept whole. A company is an organisation.
fn unsplit(line: &str) -> Option<Person> {
    if names_nobody(line) || company::has_legal_form(line) {
        return None;
    }
    let (salutation, rest) = split_salutation(line);
    let full_name = Some(rest.to_owned()).filter(|rest| !rest.is_empty());
    Some(Person { salutation, full_name, ..Person::default() })
}

/// A company typed where a form asks for a name.
pub fn company_typed(fields: &[Field]) -> Option<&str> {
    first(fields, Canonical::FullName).filter(|name| company::has_legal_form(name) && !names_nobody(name))
}

/// Cuts `(ACME)`, `| ACME`, ` - ACME`, ` via List` off a display name, and quotes.
fn without_remarks(line: &str) -> &str {
    let mut end = line.len();
    for mark in [" (", " | ", " - ", " – ", " via ", " @ ", " / "] {
        if let Some(at) = line.find(mark).filter(|at| *at > 0) {
            end = end.min(at);
        }
    }
    line.get(..end).unwrap_or(line).trim_matches(|c: char| "\"'<>“”«» ".contains(c))
}

/// Whether this may be a person's name.
fn is_name(line: &str) -> bool {
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    let bad = line.chars().any(|c| c.is_numeric() || "@/\\_{}[]<>=#*:;!?%$€".contains(c));
    // One ideograph is a whole name.
    (letters >= 2 || line.chars().any(|c| c >= '\u{2e80}' && c.is_alphabetic()))
        && !bad
        && line.split_whitespace().count() <= 7
        && !line.to_lowercase().starts_with("http")
        && !company::has_legal_form(line)
        && !names_a_function(line)
        && !names_nobody(line)
}

/// "Sales Team", "Support", "Info": a mailbox, not a person.
fn names_a_function(line: &str) -> bool {
    let words: Vec<String> = line.split_whitespace().map(fold).collect();
    let function = |word: &String| {
        [
            "team",
            "support",
            "sales",
            "info",
            "contact",
            "service",
            "noreply",
            "office",
            "admin",
            "newsletter",
            "webmaster",
            "mailerdaemon",
            "postmaster",
            "equipe",
            "commercial",
            "obchod",
            "kontakt",
            "wordpress",
            "website",
            "notification",
            "notifications",
            "accueil",
            "secretariat",
            "kundenservice",
        ]
        .contains(&word.as_str())
    };
    words.iter().any(function)
}

fn is_degree(text: &str) -> bool {
    text.split([' ', ','])
        .filter(|w| !w.is_empty())
        .all(|word| DEGREES.contains(&word.trim_end_matches('.').to_lowercase().as_str()))
}

/// Takes salutations off the front: ("Mme", "Eva Dupont").
fn split_salutation(line: &str) -> (Option<String>, &str) {
    let mut rest = line.trim();
    let mut taken = 0;
    while let Some((word, after)) = rest.split_once(char::is_whitespace) {
        let folded = fold(word);
        // "M" and "me" are salutations only with a dot or in lower company; a bare initial is a name.
        let known = SALUTATIONS.contains(&folded.as_str()) && (folded.len() > 1 || word.ends_with('.'));
        if !known {
            break;
        }
        taken = line.len() - after.trim_start().len();
        rest = after.trim_start();
    }
    if taken == 0 {
        if SALUTATIONS.contains(&fold(rest).as_str()) && fold(rest).len() > 1 && !rest.contains(' ') {
            return (Some(rest.to_owned()), "");
        }
        return (None, rest);
    }
    (line.get(..taken).map(|s| s.trim().to_owned()), rest)
}

/// First and last name of words in order; a word in capitals is the surname wherever it stands.
fn split(name: &str) -> (Option<String>, Option<String>) {
    let words: Vec<&str> = name.split_whitespace().collect();
    if words.len() < 2 {
        return (None, None);
    }
    let capital = |w: &&str| {
        let letters = w.chars().filter(|c| c.is_alphabetic()).count();
        letters >= 2 && w.chars().all(|c| !c.is_lowercase()) && w.chars().any(char::is_uppercase)
    };
    let capitals: Vec<&str> = words.iter().copied().filter(capital).collect();
    if !capitals.is_empty() && capitals.len() < words.len() {
        // "DUPONT Jean", "Jean DUPONT MARTIN", "Jean de LA FONTAINE"
        let is_last = |w: &str| capitals.contains(&w) || PARTICLES.contains(&w.to_lowercase().trim_end_matches('\''));
        let last: Vec<&str> = words.iter().copied().filter(|w| is_last(w)).collect();
        let first: Vec<&str> = words.iter().copied().filter(|w| !is_last(w)).collect();
        if !first.is_empty() {
            return (Some(first.join(" ")), Some(tame_case(&last.join(" "))));
        }
    }
    let particle = words.iter().skip(1).position(|w| PARTICLES.contains(&w.to_lowercase().as_str())).map(|at| at + 1);
    let at = particle.filter(|at| at + 1 < words.len()).unwrap_or(words.len() - 1);
    let (first, last) = words.split_at_checked(at).unwrap_or((&words, &[]));
    (Some(tame_case(&first.join(" "))), Some(tame_case(&last.join(" "))))
}

/// A name all in capitals with one capital a word; others as written.
fn tame_case(name: &str) -> String {
    let shouting = name.chars().filter(|c| c.is_alphabetic()).count() > 2 && !name.chars().any(char::is_lowercase);
    if !shouting || !name.chars().any(char::is_uppercase) {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len());
    let mut start = true;
    for c in name.chars() {
        if start {
            out.push(c);
        } else {
            out.extend(c.to_lowercase());
        }
        start = !c.is_alphanumeric();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_people_write_them_come_apart() {
        for (raw, salutation, first, last) in [
            ("Jean Dupont", None, Some("Jean"), Some("Dupont")),
            ("DUPONT Jean", None, Some("Jean"), Some("Dupont")),
            ("Dupont, Jean", None, Some("Jean"), Some("Dupont")),
            ("Mme Marie-Claire de La Tour", Some("Mme"), Some("Marie-Claire"), Some("de La Tour")),
            ("Ing. Jan Novák, CSc.", Some("Ing."), Some("Jan"), Some("Novák")),
            ("paní Eva Nováková", Some("paní"), Some("Eva"), Some("Nováková")),
            ("Ludwig van Beethoven", None, Some("Ludwig"), Some("van Beethoven")),
            ("Jean Dupont - ACME", None, Some("Jean"), Some("Dupont")),
            ("'Jean Dupont' via Sales", None, Some("Jean"), Some("Dupont")),
            ("JEAN DUPONT", None, Some("Jean"), Some("Dupont")),
            ("M. Dupont", Some("M."), None, Some("Dupont")),
            ("آقای علی رضایی", Some("آقای"), Some("علی"), Some("رضایی")),
            ("Eva", None, None, None),
        ] {
            let person = parse(raw);
            assert_eq!(person.salutation.as_deref(), salutation, "{raw}");
            assert_eq!(person.first_name.as_deref(), first, "{raw}");
            assert_eq!(person.last_name.as_deref(), last, "{raw}");
        }
        assert_eq!(parse("Eva").full_name.as_deref(), Some("Eva"));
    }

    #[test]
    fn what_is_no_person_names_nobody() {
        for raw in ["eva@web.example", "ACME s.r.o.", "Sales Team", "12345", "", "https://x.cz", "WordPress"] {
            assert_eq!(parse(raw), Person::default(), "{raw}");
        }
    }

    #[test]
    fn reading_a_name_twice_is_reading_it_once() {
        for raw in ["DUPONT Jean", "Dupont, Jean", "Ludwig van Beethoven", "Eva", "Luc de LA CROIX"] {
            let once = parse(raw);
            assert_eq!(parse(once.full_name.as_deref().unwrap()), once, "{raw}");
        }
    }

    #[test]
    fn a_typed_name_that_does_not_come_apart_is_kept_whole() {
        for name in ["Jean/Marie Dupont", "Jean Dupont 75", "John Smith 3rd", "李", "Sales Team", "Eva Malá; Jan Malý"]
        {
            let person = from_parts(Some(name), None, None, None);
            assert_eq!((person.full_name.as_deref(), person.last_name), (Some(name), None), "{name}");
        }
        let person = from_parts(Some("Mme  Dupont\n75"), None, None, None);
        assert_eq!((person.salutation.as_deref(), person.full_name.as_deref()), (Some("Mme"), Some("Dupont 75")));
        let person = from_parts(None, Some("李"), Some("明"), None);
        assert_eq!((person.full_name.as_deref(), person.last_name.as_deref()), (Some("李 明"), Some("明")));
        for junk in ["https://x.cz", "12345", "!!!", "eva@web.cz", "Buy at www.x.cz", "ACME s.r.o."] {
            assert_eq!(from_parts(Some(junk), None, None, None), Person::default(), "{junk}");
        }
    }

    #[test]
    fn form_fields_win_over_a_whole_name() {
        let person = from_parts(None, Some("Eva"), Some("NOVÁKOVÁ"), Some("Mme"));
        assert_eq!((person.first_name.as_deref(), person.last_name.as_deref()), (Some("Eva"), Some("Nováková")));
        assert_eq!(person.full_name.as_deref(), Some("Eva NOVÁKOVÁ"));
        assert_eq!(from_parts(None, Some("Eva Nováková"), None, None).last_name.as_deref(), Some("Nováková"));
    }
}
