//! Lines of a block in which the law wants a company to say who it is: its seat, register, capital and managers
//! (directive 2009/101/EC, article 5).

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::super::disclaimer_signs::{asks_politely, of_oneself, of_us};
use super::super::field_names::fold;

/// Longest such line, in characters.
const CHARS: usize = 200;

/// Words of such lines, folded and without blanks; long enough that other words do not hold them.
const WORDS: [&str; 54] = [
    "registergericht",
    "amtsgericht",
    "handelsregister",
    "sitzdergesellschaft",
    "firmensitz",
    "geschaftsfuhrer",
    "aufsichtsrat",
    "vorstandsvorsitz",
    "komplementar",
    "personlichhaftende",
    "firmenbuch",
    "ustid",
    "steuernummer",
    "handelskammer",
    "aucapitalde",
    "capitalsocial",
    "siegesocial",
    "tvaintra",
    "codeape",
    "codenaf",
    "obchodnimrejstriku",
    "obchodnirejstrik",
    "obchodnomregistri",
    "spisovaznacka",
    "krajskymsoudem",
    "mestskymsoudem",
    "okresnehosudu",
    "okresnysud",
    "jednatel",
    "registeredinengland",
    "registeredinscotland",
    "registeredinireland",
    "registeredinwales",
    "registeredinnorthern",
    "registeredoffice",
    "umsatzsteuerid",
    "registeredaddress",
    "companynumber",
    "companyreg",
    "vatreg",
    "vatnumber",
    "registromercantil",
    "registroimprese",
    "registrodelleimprese",
    "partitaiva",
    "capitalesociale",
    "sadrejonowy",
    "kapitalzakladowy",
    "kvknummer",
    "btwnummer",
    "cegjegyzekszam",
    "organisationsnummer",
    "شمارهثبت",
    "شناسهملی",
];

/// Short words of such lines, as they are written.
const MARKS: [&str; 16] = [
    "HRB", "HRA", "RCS", "R.C.S.", "KRS", "KvK", "NIP", "IČO", "DIČ", "APE", "SIRET", "Siret", "SIREN", "Siren",
    "REGON", "Vorstand",
];

static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(WORDS).ok());

/// Whether a line says where and how a company is registered, or who leads it. A sentence of a person does not count.
pub(super) fn is_registered(line: &str) -> bool {
    let told = line.contains([':', '：']) || line.contains(char::is_numeric);
    told && line.chars().count() <= CHARS
        && !line.ends_with(['?', '？', '؟'])
        && (line.split(|c: char| c.is_whitespace() || matches!(c, ':' | ',')).any(|word| MARKS.contains(&word))
            || FINDER.as_ref().is_some_and(|finder| finder.is_match(&fold(line))))
        && !of_oneself(line)
        && !of_us(line)
        && !asks_politely(line)
}

#[cfg(test)]
mod tests {
    use super::is_registered;

    #[test]
    fn what_the_law_wants_said_is_known_and_sentences_of_people_are_not() {
        for line in [
            "Sitz der Gesellschaft: Aalen, Registergericht Ulm HRB 123456",
            "Geschäftsführer: Hans Müller, Karl Huber",
            "Vorsitzender des Aufsichtsrats: Dr. Karl Huber",
            "Společnost je zapsána v obchodním rejstříku vedeném Krajským soudem v Brně, oddíl C, vložka 12345.",
            "Registered in England and Wales No. 1234567. Registered office: 1 High Street, Leeds",
            "SAS au capital de 10 000 € - RCS Lyon 732 829 320",
            "Spółka wpisana do KRS pod numerem 0000123456, Sąd Rejonowy w Krakowie",
        ] {
            assert!(is_registered(line), "{line}");
        }
        for line in [
            "Please send us your company number: we need it by Friday.",
            "Wir brauchen Ihre USt-IdNr. bis 5. März.",
            "Quel est votre numéro SIRET ?",
            "Prosím o Vaše IČO: bez něj to nepůjde.",
            "Pumps, 20 pieces, by 5 March",
            "Circuit RC: 5 ohm",
        ] {
            assert!(!is_registered(line), "{line}");
        }
    }
}
