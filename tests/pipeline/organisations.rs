//! Whose organisation it is, decided apart from the person, on both engines.

use pisteur::domain::matching::EntityKind;

use super::house::House;
use super::mail;
use crate::support::postgres::Postgres;

/// What somebody new asks for by mail, signed by their company, and how many organisations are known then.
async fn post(house: &House, name: &str, email: &str, company: &str, number: &str) -> usize {
    let number = if number.is_empty() { String::new() } else { format!("IČO: {number}\n") };
    let text = format!("Bonjour,\nmerci de nous envoyer un devis.\n\n-- \n{name}\n{company}\n{number}");
    house.mail(&mail(&format!("{name} <{email}>"), email, "Demande de devis", "", &text)).await;
    house.work().await;
    house.records(EntityKind::Organisation).await.len()
}

/// Why two organisations may be one, as the questions say it.
async fn asked(house: &House) -> Vec<(EntityKind, String)> {
    let questions = house.store.questions(None, 0).await.expect("listed");
    questions.into_iter().map(|q| (q.record.kind, q.why.unwrap_or_default())).collect()
}

async fn companies_are_told_by_their_numbers_and_names_are_asked_about(house: House) {
    assert_eq!(post(&house, "Jana Malá", "jana@kovo.cz", "Kovo s.r.o.", "25596641").await, 1);
    assert_eq!(
        post(&house, "Petr Velký", "petr@strojirny.eu", "Strojírny Brno s.r.o.", "CZ25596641").await,
        1,
        "one number"
    );
    assert_eq!(post(&house, "Alena Nová", "alena@strojirny.eu", "", "").await, 1, "its second domain is known now");
    // A franchise: the same brand, even the same domain, under another number.
    assert_eq!(post(&house, "Karel Tichý", "karel@kovo.cz", "Kovo a.s.", "270 82 440").await, 2, "another number");
    assert_eq!(asked(&house).await, [], "numbers leave nothing to ask");
    // Where the domain tells nothing, the number does.
    assert_eq!(
        post(&house, "Ota Bílý", "ota.bily@seznam.cz", "Kovo Holding s.r.o.", "255 96 641").await,
        2,
        "one number"
    );
    // The same name elsewhere, and nothing else: a new one, and a person is asked about each.
    assert_eq!(post(&house, "Eva Bystrá", "eva@kovo-ostrava.cz", "KOVO a.s.", "").await, 3);
    let asked = asked(&house).await;
    assert_eq!(asked.len(), 2, "{asked:?}");
    for (kind, why) in asked {
        assert!(kind == EntityKind::Organisation && why.contains("another house of the brand"), "{why}");
    }
    let deals = house.records(EntityKind::Opportunity).await;
    assert_eq!(deals.len(), 6);
    let newest = deals.iter().find(|deal| deal.email.as_deref() == Some("eva@kovo-ostrava.cz")).expect("a deal");
    let shown = house.show(EntityKind::Opportunity, newest.id).await;
    let decided = shown.decisions[0].pointer("/trace/match/organisation_match").cloned().unwrap_or_default();
    assert_eq!((&decided["verdict"], &decided["rule"]), (&"review".into(), &"name_elsewhere".into()), "{decided:#}");
    // A number with wrong digits says nothing.
    assert_eq!(post(&house, "Ida Rychlá", "ida@kovo.cz", "Kovo s.r.o.", "25596642").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn companies_are_told_by_their_numbers_on_sqlite() {
    companies_are_told_by_their_numbers_and_names_are_asked_about(House::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn companies_are_told_by_their_numbers_on_postgres() {
    let server = Postgres::shared();
    companies_are_told_by_their_numbers_and_names_are_asked_about(House::at(&server.url(&server.database())).await)
        .await;
}
