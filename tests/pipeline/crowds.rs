//! What hundreds share: a message id, a telephone number, a mailbox. It makes nobody unknown and stops nobody.

use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::matching::EntityKind;

use super::{DAY, House, mail, only_lead};
use crate::support::postgres::Postgres;

const JAN: &str = "Jan Novák <jan.novak@stavby-novak.cz>";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_id_used_a_hundred_times_is_still_one_conversation_for_who_takes_part() {
    let house = House::sqlite().await;
    let copied: Vec<String> = (0..40).map(|n| format!("Osoba{n}@velka-firma.cz")).collect();
    let copied = format!("Cc: {}\n", copied.join(",\n "));
    for n in 0..100 {
        house.mail(&mail(JAN, "same@x.cz", "Okna", &copied, &format!("Zpráva číslo {n}"))).await;
    }
    house.work().await;
    let lead = only_lead(&house).await;
    house.later(DAY * 40);
    let reply = "In-Reply-To: <same@x.cz>\nReferences: <same@x.cz>\n";
    for n in 0..8 {
        house.mail(&mail(JAN, &format!("r{n}@x.cz"), "Re: Okna", reply, &format!("Odpověď {n}"))).await;
    }
    house.mail(&mail("Pavel <osoba7@velka-firma.cz>", "r8@x.cz", "Re: Okna", reply, "Souhlasím s Janem")).await;
    house.work().await;
    assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 109, "all joined");
    house.mail(&mail("Eva Cizí <eva@cizi-firma.cz>", "r9@x.cz", "Re: Okna", reply, "Já bych chtěla také")).await;
    house.work().await;
    assert_eq!(house.leads().await.len(), 2, "a stranger is somebody else");
}

async fn from_the_switchboard(house: &House, n: usize, message: &str) {
    let (name, email) = (format!("Prenom{n} Nom{n}"), format!("personne{n}@orange.fr"));
    let number = "01 44 55 66 77";
    house.form(&[("name", &name), ("email", &email), ("phone", number), ("message", message)]).await;
}

async fn one_number_for_two_hundred_people(house: House) {
    for n in 0..205 {
        from_the_switchboard(&house, n, "Bonjour").await;
    }
    let workers: Vec<_> = (0..8).map(|_| house.work()).collect();
    futures::future::join_all(workers).await;
    assert_eq!(house.in_state(ArrivalState::Decided).await, 205, "nobody has to wait for a second try");
    let leads = house.leads().await;
    assert_eq!(leads.len(), 205, "a number alone makes nobody the same");
    for lead in &leads {
        let detail = house.show(EntityKind::Lead, lead.id).await;
        let candidates = detail.links.iter().filter(|l| l["link"] == "candidate");
        let own = &detail.decisions[0]["action"];
        let named = own.pointer("/create/candidates").and_then(serde_json::Value::as_array).expect("a list").len();
        let more = detail.decisions[0]["trace"]["match"]["more_candidates"].as_u64().expect("a number");
        assert!(named <= 10, "{named} named");
        assert!(named == 10 || more == 0, "the closest ten first: {named} and {more}");
        assert!(candidates.count() >= named);
    }
    // The number is worn out now, and the address tells as before.
    for n in [3, 204] {
        from_the_switchboard(&house, n, "Encore moi").await;
    }
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 205, "known by their own address");
    for n in [3, 204] {
        let email = format!("personne{n}@orange.fr");
        let theirs = leads.iter().find(|l| l.email.as_deref() == Some(email.as_str())).expect("a lead");
        assert_eq!(house.show(EntityKind::Lead, theirs.id).await.communications.len(), 2);
    }
    house.form(&[("name", "Nouvelle Venue"), ("phone", "01 44 55 66 77"), ("message", "Bonjour")]).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 206);
    assert!(leads[205].verification_required, "nobody could be compared with");
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_hundreds_share_makes_nobody_unknown_and_keeps_nobody_waiting() {
    one_number_for_two_hundred_people(House::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_hundreds_share_makes_nobody_unknown_and_keeps_nobody_waiting_on_postgres() {
    let server = Postgres::shared();
    one_number_for_two_hundred_people(House::at(&server.url(&server.database())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_hundreds_of_leads_is_known_by_the_newest() {
    let house = House::sqlite().await;
    for n in 0..203 {
        house.mail(&mail(JAN, &format!("l{n}@x.cz"), "Okna", "", &format!("Dotaz číslo {n}"))).await;
        house.work().await;
        house.later(DAY * 40);
    }
    house.mail(&mail(JAN, "n1@x.cz", "Dveře", "", "Nový dotaz")).await;
    house.work().await;
    house.later(DAY);
    house.mail(&mail(JAN, "n2@x.cz", "Dveře ještě jednou", "", "A kdy?")).await;
    house.work().await;
    let leads = house.records(EntityKind::Lead).await;
    let newest = leads.last().expect("leads");
    assert_eq!(newest.topic.as_deref(), Some("Dveře"));
    assert_eq!(house.show(EntityKind::Lead, newest.id).await.communications.len(), 2, "the open one of yesterday");
    assert_eq!(house.in_state(ArrivalState::Decided).await, 205);
}
