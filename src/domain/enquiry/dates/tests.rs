//! Days as people write them, and what only looks like one.

use super::*;

mod march;

/// Written on a Friday.
fn read(text: &str, month_first: bool) -> Vec<String> {
    let written = Written { on: Date::new(2026, 11, 20).unwrap(), month_first };
    find(text, written).iter().map(AskedDate::iso).collect()
}

const ASKED: [(&str, &str); 84] = [
    ("We need delivery on 2027-03-12.", "2027-03-12"),
    ("Delivery by 12/03/2027 please", "2027-03-12"),
    ("Could you deliver on March 12th?", "2027-03-12"),
    ("We would like to come on March 12, 2027 at 10:00", "2027-03-12"),
    ("the 12th of March 2027 suits us", "2027-03-12"),
    ("12 March 2027", "2027-03-12"),
    ("A room from 3 to 7 May", "2027-05-03/2027-05-07"),
    ("A room for 3-7 May 2027", "2027-05-03/2027-05-07"),
    ("between 3 and 7 May", "2027-05-03/2027-05-07"),
    ("May 3-7", "2027-05-03/2027-05-07"),
    ("May 3 to May 7, 2027", "2027-05-03/2027-05-07"),
    ("from December 28 to January 3", "2026-12-28/2027-01-03"),
    ("next Monday", "2026-11-23"),
    ("Can you call me by Wednesday?", "2026-11-25"),
    ("Could we meet on Tuesday at ten?", "2026-11-24"),
    ("tomorrow afternoon", "2026-11-21"),
    ("the day after tomorrow", "2026-11-22"),
    ("in two weeks", "2026-12-04"),
    ("within 3 days", "2026-11-20/2026-11-23"),
    ("next week", "2026-11-23/2026-11-29"),
    ("next month", "2026-12-01/2026-12-31"),
    ("this weekend", "2026-11-21/2026-11-22"),
    ("in March 2027", "2027-03-01/2027-03-31"),
    ("The fair is in May", "2027-05-01/2027-05-31"),
    ("2027/03/12", "2027-03-12"),
    ("Wedding date: 12.06.2027", "2027-06-12"),
    ("Livraison le 12 mars 2027", "2027-03-12"),
    ("pour le 1er février", "2027-02-01"),
    ("du 3 au 7 mai", "2027-05-03/2027-05-07"),
    ("du 3 mai au 7 juin 2027", "2027-05-03/2027-06-07"),
    ("avant le 15/01", "2027-01-15"),
    ("du 12/03 au 15/03/2027", "2027-03-12/2027-03-15"),
    ("demain matin", "2026-11-21"),
    ("après-demain", "2026-11-22"),
    ("lundi prochain", "2026-11-23"),
    ("d'ici vendredi", "2026-11-27"),
    ("la semaine prochaine", "2026-11-23/2026-11-29"),
    ("le mois prochain", "2026-12-01/2026-12-31"),
    ("dans 15 jours", "2026-12-05"),
    ("dans une semaine", "2026-11-27"),
    ("sous 10 jours", "2026-11-20/2026-11-30"),
    ("ce week-end", "2026-11-21/2026-11-22"),
    ("en mars", "2027-03-01/2027-03-31"),
    ("au mois d'avril", "2027-04-01/2027-04-30"),
    ("début juin", "2027-06-01/2027-06-30"),
    ("entre le 3 et le 7 mai", "2027-05-03/2027-05-07"),
    ("am 12.3.2027", "2027-03-12"),
    ("am 12. März", "2027-03-12"),
    ("bis zum 12.3.", "2027-03-12"),
    ("vom 3. bis 7. Mai", "2027-05-03/2027-05-07"),
    ("vom 3.5. bis 7.5.2027", "2027-05-03/2027-05-07"),
    ("nächsten Montag", "2026-11-23"),
    ("nächste Woche", "2026-11-23/2026-11-29"),
    ("können wir morgen telefonieren", "2026-11-21"),
    ("übermorgen", "2026-11-22"),
    ("in zwei Wochen", "2026-12-04"),
    ("innerhalb von 14 Tagen", "2026-11-20/2026-12-04"),
    ("im Mai", "2027-05-01/2027-05-31"),
    ("Anfang Juli 2027", "2027-07-01/2027-07-31"),
    ("12. března 2027", "2027-03-12"),
    ("dne 12. 3. 2027", "2027-03-12"),
    ("od 3. do 7. května", "2027-05-03/2027-05-07"),
    ("3.-7. května", "2027-05-03/2027-05-07"),
    ("do 12. 3.", "2027-03-12"),
    ("zítra odpoledne", "2026-11-21"),
    ("pozítří", "2026-11-22"),
    ("příští týden", "2026-11-23/2026-11-29"),
    ("příští pondělí", "2026-11-23"),
    ("za 14 dní", "2026-12-04"),
    ("za týden", "2026-11-27"),
    ("v květnu", "2027-05-01/2027-05-31"),
    ("na konci března 2027", "2027-03-01/2027-03-31"),
    ("برای ۱۵ اسفند ۱۴۰۵", "2027-03-06"),
    ("از ۳ تا ۷ خرداد", "2027-05-24/2027-05-28"),
    ("۱۴۰۵/۱۲/۱۵", "2027-03-06"),
    ("فردا صبح", "2026-11-21"),
    ("هفته آینده", "2026-11-23/2026-11-29"),
    ("دو هفته دیگر", "2026-12-04"),
    ("در فروردین ۱۴۰۶", "2027-03-21/2027-04-20"),
    ("el 12 de marzo de 2027", "2027-03-12"),
    ("del 3 al 7 de mayo", "2027-05-03/2027-05-07"),
    ("dal 3 al 7 maggio", "2027-05-03/2027-05-07"),
    ("12 maart 2027", "2027-03-12"),
    ("12 marca 2027", "2027-03-12"),
];

#[test]
fn days_and_periods_are_found_as_people_write_them() {
    let wrong: Vec<String> = ASKED
        .iter()
        .filter_map(|(text, wanted)| {
            let found = read(text, false);
            (found != [*wanted]).then(|| format!("{text}: {found:?}, not {wanted}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const NOT_ASKED: [&str; 58] = [
    "Call me at 06 12 34 56 78",
    "Tel. 06.12.34.56.78",
    "tel: 06-12-27-45-11",
    "+420 601 123 456",
    "Our budget is 12.500 €",
    "It costs 3.5. Thanks",
    "1,250.00 USD",
    "75012 Paris",
    "110 00 Praha 1",
    "SW1A 1AA London",
    "Order no. 2027-03-12",
    "Ref: 12/03/2027",
    "INV-2027-03-12",
    "Facture n° 12/03/2027",
    "REF 2027-03-12345",
    "born on 12 March 2027",
    "Date of birth: 12.3.1980",
    "née le 3 mai 1975",
    "geboren am 12.3.1980",
    "narozen 12. 3. 1980",
    "متولد ۱۵ اسفند ۱۳۶۰",
    "We spoke on Monday.",
    "As discussed on Tuesday, I send the plan",
    "Wir haben am Montag telefoniert",
    "Volali jsme v pondělí",
    "lundi dernier",
    "last Friday",
    "minulé pondělí",
    "letzten Montag",
    "Open Monday to Friday",
    "ouvert du lundi au vendredi",
    "Montag bis Freitag",
    "every Monday",
    "available 24/7",
    "We may come and march",
    "only 12 may attend",
    "Guten Morgen",
    "Jeden Morgen",
    "por la mañana",
    "I saw your ad on 3 January 2026",
    "since 12.3.2024",
    "In 1999 we began",
    "the year 2027",
    "version 1.2.3",
    "server 192.168.1.12",
    "section 3.2. of the contract",
    "a ratio of 3/4",
    "from 3 to 7 people",
    "12 x 24 x 30 cm",
    "at 12:30",
    "IBAN CZ65 0800 0000 1920 0014 5399",
    "IČO 12032027",
    "2027-13-45",
    "32.1.2027",
    "On Mon, 12 March 2027 at 10:00, Jan wrote:",
    "Le 12 mars 2027 à 10:00, Jan a écrit :",
    "> on 12 March 2027",
    "Sent: Monday, 12 March 2027 10:00:00",
];

#[test]
fn other_numbers_and_days_are_not_asked_for() {
    let wrong: Vec<String> = NOT_ASKED
        .iter()
        .filter_map(|text| Some(read(text, false)).filter(|found| !found.is_empty()).map(|f| format!("{text}: {f:?}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_order_of_figures_is_that_of_the_writer() {
    for (text, us, wanted) in [
        ("on 03/04/2027", true, "2027-03-04"),
        ("on 03/04/2027", false, "2027-04-03"),
        ("on 03/24/2027", false, "2027-03-24"),
        ("on 24/03/2027", true, "2027-03-24"),
        ("am 03.04.2027", true, "2027-04-03"),
    ] {
        assert_eq!(read(text, us), [wanted], "{text} {us}");
    }
}

#[test]
fn the_words_stand_beside_the_days_and_each_day_once() {
    let written = Written { on: Date::new(2026, 11, 20).unwrap(), month_first: false };
    let found = find("Prosím dodat od 3. do 7. května, tedy 3.5.2027 - 7. 5. 2027, nebo ۱۵ اسفند.", written);
    let texts: Vec<&str> = found.iter().map(|date| date.text.as_str()).collect();
    assert_eq!(texts, ["3. do 7. května", "۱۵ اسفند"]);
}

#[test]
fn a_long_text_is_read_to_a_bound() {
    for piece in ["3 to ", "May ", "1.", "12/03 - ", "next ", "in two ", "\u{200c}م"] {
        let text = piece.repeat(200_000 / piece.len());
        assert!(read(&text, false).len() <= FOUND);
    }
}
