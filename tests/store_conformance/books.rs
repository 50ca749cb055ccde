//! Address books through the path of imports: again, with more, and in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pisteur::clock::Timestamp;
use pisteur::domain::enquiry::{Address, Consent, CustomField, Enquiry};
use pisteur::domain::matching::EntityKind;
use pisteur::domain::matching::model::Model;
use pisteur::pipeline::import::{Entry, import, one};
use pisteur::store::rows::{Imported, RecordFilter};
use ulid::Ulid;

use super::dump::dump;
use super::lab::{Lab, person};
use super::reindex::reindex;
use crate::reading::generated::Dice;
use crate::reading::generated::crm::measure::{Scene, enquiry};
use crate::reading::generated::crm::{Change, Truth};
use crate::support::ledger::count;

/// People of a book.
const PEOPLE: usize = 60;
/// What one person may do to the same details without becoming a question.
const CLEAR: [Change; 5] = [Change::Identical, Change::PlusTag, Change::Dots, Change::PhoneFormat, Change::CompanyForm];

fn entry(line: usize, enquiry: Enquiry) -> Entry {
    Entry { line: u64::try_from(line).unwrap(), enquiry, customer: line.is_multiple_of(3), owner: None }
}

/// Made people, some with an answer about newsletters, a field of the house's own, an address.
fn book(seed: u64) -> Vec<Entry> {
    let scene = Scene::of(seed, PEOPLE, 1, &[Change::Identical]);
    let lines = scene.contacts.iter().enumerate().map(|(line, being)| {
        let mut enquiry = enquiry(being);
        if line.is_multiple_of(2) {
            enquiry.consents.push(consent(line.is_multiple_of(4)));
            enquiry.custom.push(CustomField { name: "card".to_owned(), value: line.to_string() });
        }
        entry(line, enquiry)
    });
    lines.collect()
}

fn consent(given: bool) -> Consent {
    Consent { purpose: "newsletter".to_owned(), given, ..Consent::default() }
}

async fn imported(lab: &Lab, entries: Vec<Entry>) -> Vec<Imported> {
    let outcomes = import(&lab.store, &*lab.clock, &Arc::new(Model::start()), entries).await.unwrap();
    outcomes.into_iter().map(|outcome| outcome.became).collect()
}

pub async fn an_address_book_imported_again_changes_no_row(lab: &Lab) {
    for seed in [1, 2] {
        let created = imported(lab, book(seed)).await;
        assert_eq!(created, [Imported::Created; PEOPLE]);
        let before = dump(lab).await;
        assert!(before.iter().filter(|row| row.starts_with("consent: ")).count() >= PEOPLE / 2, "all of it is kept");
        assert_eq!(imported(lab, book(seed)).await, [Imported::Updated; PEOPLE]);
        let after = dump(lab).await;
        let lost: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
        let gained: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
        assert!(before == after, "lost {lost:#?}\ngained {gained:#?}");
    }
}

pub async fn who_is_imported_again_with_more_was_changed(lab: &Lab) {
    let bob = || person("Bob Bell", "bob@bell-joinery.eu", None);
    assert_eq!(imported(lab, vec![entry(1, bob())]).await, [Imported::Created]);
    let modified = async || -> Timestamp {
        lab.store.list_records(EntityKind::Contact, RecordFilter::default()).await.unwrap()[0].modified_at
    };
    let mut last = modified().await;
    imported(lab, vec![entry(1, bob())]).await;
    assert_eq!(modified().await, last, "nothing new");
    let more: [fn(&mut Enquiry); 4] = [
        |e| e.person.job_title = Some("Buyer".to_owned()),
        |e| e.phones = person("Bob Bell", "bob@bell-joinery.eu", Some("+33612345678")).phones,
        |e| e.addresses.push(Address { city: Some("Nantes".to_owned()), ..Address::default() }),
        |e| e.custom.push(CustomField { name: "card".to_owned(), value: "7".to_owned() }),
    ];
    for more in more {
        let mut said = bob();
        more(&mut said);
        assert_eq!(imported(lab, vec![entry(1, said.clone())]).await, [Imported::Updated]);
        let now = modified().await;
        assert!(now > last, "{said:?}");
        imported(lab, vec![entry(1, said)]).await;
        last = modified().await;
        assert_eq!(last, now, "said again, it is nothing new");
    }
    let answers = async || -> usize { dump(lab).await.iter().filter(|row| row.starts_with("consent: ")).count() };
    for (given, wanted) in [(true, 1), (true, 1), (false, 2), (true, 3), (true, 3)] {
        let mut said = bob();
        said.consents.push(consent(given));
        imported(lab, vec![entry(1, said)]).await;
        assert_eq!(answers().await, wanted, "an answer that changes is kept, the same one again is not");
    }
}

pub async fn how_many_records_there_are_is_never_far_from_the_truth(lab: &Lab) {
    let (held, counted) = ("SELECT records FROM match_size", "SELECT COUNT(*) FROM entity WHERE merged_into IS NULL");
    for seed in 1..=5 {
        // Arrivals and jobs are no records.
        lab.store.accept((0..40).map(|n| lab.form(&format!("{seed} {n}"), &[])).collect(), None).await.unwrap();
        imported(lab, book(seed)).await;
        let (held, counted) = (count(&lab.url, held).await, count(&lab.url, counted).await);
        assert!(counted >= 60 * i64::try_from(seed).unwrap(), "{counted}");
        assert!(held <= counted && held * 4 >= counted * 3, "{held} for {counted}");
    }
}

/// Which lines became one contact, and how many organisations there are.
async fn made(lab: &Lab, entries: Vec<Entry>) -> (BTreeSet<BTreeSet<u64>>, usize) {
    let (model, mut groups) = (Arc::new(Model::start()), BTreeMap::<Ulid, BTreeSet<u64>>::new());
    for entry in entries {
        let line = entry.line;
        let step = one(&lab.store, &*lab.clock, &model, entry).await.unwrap();
        groups.entry(step.contact.unwrap()).or_default().insert(line);
    }
    (groups.into_values().collect(), organisations(lab).await)
}

/// An empty database of the same kind.
async fn another(lab: &Lab) -> Lab {
    if lab.store.engine() == "sqlite" { Lab::sqlite().await } else { super::postgres::lab().await }
}

async fn organisations(lab: &Lab) -> usize {
    lab.store.list_records(EntityKind::Organisation, RecordFilter::default()).await.unwrap().len()
}

pub async fn the_order_of_an_address_book_makes_no_difference(lab: &Lab) {
    let scene = Scene::of(11, PEOPLE, PEOPLE * 2, &CLEAR);
    let mut wanted: Vec<BTreeSet<u64>> = (0..PEOPLE).map(|at| [at as u64].into()).collect();
    let mut lines: Vec<Enquiry> = scene.contacts.iter().map(enquiry).collect();
    // A number written in a way that no country has is nobody's without an address beside it.
    for arrival in scene.arrivals.iter().filter(|arrival| arrival.says.email.is_some()) {
        let Truth::Same(at) = arrival.truth else { panic!("{arrival:?}") };
        wanted[at].insert(lines.len() as u64);
        lines.push(enquiry(&arrival.says));
    }
    let wanted: BTreeSet<_> = wanted.into_iter().collect();
    let mut firms_first = None;
    for turn in 0..3_u32 {
        let mut order: Vec<Entry> = lines.iter().cloned().enumerate().map(|(at, e)| entry(at, e)).collect();
        let mut dice = Dice::of(turn.into());
        for at in (1..order.len()).rev() {
            order.swap(at, dice.number(0, u32::try_from(at).unwrap()) as usize);
        }
        let lab = another(lab).await;
        let (groups, firms) = made(&lab, order).await;
        let strange: Vec<_> = groups.symmetric_difference(&wanted).collect();
        assert!(strange.is_empty(), "turn {turn}: {strange:?}");
        assert_eq!(*firms_first.get_or_insert(firms), firms, "turn {turn}");
        lab.end().await;
    }
}

pub async fn companies_are_told_by_their_numbers(lab: &Lab) {
    let said = |mailbox: &str, name: &str, number: &str| {
        let mut enquiry = person("Ana Bell", &format!("{mailbox}@seznam.cz"), None);
        let surname = format!("{mailbox}ov");
        (enquiry.person.first_name, enquiry.person.last_name) = (Some(mailbox.to_owned()), Some(surname));
        enquiry.organisation.name = Some(name.to_owned());
        enquiry.organisation.registrations = vec![number.to_owned()];
        entry(1, enquiry)
    };
    for (mailbox, name, number, wanted) in [
        ("ana", "Kovo s.r.o.", "25596641", 1),
        ("eve", "Strojírny Brno", "CZ25596641", 1),
        ("petr", "Kovo", "IČO 27082440", 2),
        ("karel", "KOVO a.s.", "270 82 440", 2),
        ("jana", "Kovo", "27082441", 2),
    ] {
        assert_eq!(imported(lab, vec![said(mailbox, name, number)]).await, [Imported::Created]);
        assert_eq!(organisations(lab).await, wanted, "{mailbox}");
    }
    // A database from before knows no numbers until it was brought up.
    lab.sql("DELETE FROM match_key WHERE kind = 5").await;
    assert!(reindex(&lab.store, true).await.1 > 0);
    assert_eq!(imported(lab, vec![said("olga", "Jiný název", "CZ27082440")]).await, [Imported::Created]);
    assert_eq!(organisations(lab).await, 2, "its number is known again");
}
