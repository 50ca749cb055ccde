//! Automotive leads: several in one mail, and what is sent again, on both engines.

use std::time::Duration;

use pisteur::domain::envelope::{ArrivalState, PART_OF};
use pisteur::domain::matching::EntityKind;

use super::DAY;
use super::house::House;
use crate::support::postgres::Postgres;

fn prospect(id: &str, status: &str, name: &str, email: &str, comments: &str) -> String {
    format!(
        "<prospect{status}><id source=\"Cars\">{id}</id><vehicle><make>Skoda</make></vehicle><customer><contact>\
         <name part=\"full\">{name}</name><email>{email}</email></contact><comments>{comments}</comments></customer>\
         </prospect>\n"
    )
}

fn portal(message: &str, words: &str, prospects: &[String]) -> String {
    format!(
        "From: Leads <leads@auto-portal.cz>\nTo: sales@our-company.example\nMessage-ID: <{message}>\nSubject: New lead\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0100\n\n{words}<?xml version=\"1.0\"?><adf>{}</adf>\n",
        prospects.concat()
    )
}

fn three() -> Vec<String> {
    let of = |n: u32, name: &str| prospect(&format!("R{n}"), "", name, &format!("kdo{n}@firma-{n}.cz"), "Cena?");
    vec![of(1, "Jan Novák"), of(2, "Eva Malá"), of(3, "Petr Velký")]
}

async fn each_prospect_is_a_lead_once(house: House) {
    let mail = portal("m1@x.cz", "Good news!\n", &three());
    let first = house.prospects(&mail).await;
    assert_eq!(first.len(), 4, "three prospects, and the words beside them");
    house.work().await;
    let leads = house.leads().await;
    let mut emails: Vec<_> = leads.iter().filter_map(|lead| lead.email.clone()).collect();
    emails.sort_unstable();
    assert_eq!(emails, ["kdo1@firma-1.cz", "kdo2@firma-2.cz", "kdo3@firma-3.cz"]);
    for lead in &leads {
        let shown = house.show(EntityKind::Lead, lead.id).await;
        assert_eq!((shown.communications.len(), shown.decisions.len()), (1, 1), "each is decided once");
    }
    let rest = house.arrival(first[3].id()).await;
    assert_eq!((rest.state, rest.reason.as_deref(), rest.record), (ArrivalState::Parked, Some("other_event"), None));
    let ids: Vec<_> = first.iter().map(pisteur::store::Accepted::id).collect();
    let kept = house.store.load(&ids).await.expect("loaded");
    for one in &kept {
        let text = String::from_utf8_lossy(&one.raw).into_owned();
        let people = (1..4).filter(|n| text.contains(&format!("firma-{n}"))).count();
        assert_eq!(people, usize::from(one.id != ids[3]), "nothing of the others: {text}");
        let part_of = one.context.extra.get(PART_OF).cloned();
        assert_eq!(part_of, (one.id != ids[0]).then(|| ids[0].to_string()));
        assert_eq!(one.context.mail.is_some(), one.id == ids[0], "the mail on its server is marked once");
    }
    // Through another mailbox, and read again after the folder was rebuilt.
    let again = house.prospects(&format!("Received: from a by b; Fri, 20 Nov 2026 11:00:00 +0100\n{mail}")).await;
    let repeats: Vec<_> = again.iter().map(pisteur::store::Accepted::duplicate_of).collect();
    assert_eq!(repeats, ids.iter().copied().map(Some).collect::<Vec<_>>());
    house.work().await;
    assert_eq!(house.leads().await.len(), 3);
    for lead in house.leads().await {
        assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 1);
    }
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_prospect_of_a_mail_is_a_lead_of_its_own_once_on_sqlite() {
    each_prospect_is_a_lead_once(House::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_prospect_of_a_mail_is_a_lead_of_its_own_once_on_postgres() {
    let server = Postgres::shared();
    each_prospect_is_a_lead_once(House::at(&server.url(&server.database())).await).await;
}

async fn what_is_sent_again_joins_its_first(house: House) {
    let one = |message: &str, prospect: String| portal(message, "", &[prospect]);
    let resend = " status=\"resend\"";
    house.mail(&one("a@x.cz", prospect("77", "", "Jan Novák", "jan.novak@stavby-novak.cz", "Cena?"))).await;
    house.work().await;
    let first = super::only_lead(&house).await;
    // Months later, with the address corrected: by its id alone, no longer by the person.
    house.later(DAY * 90);
    house.mail(&one("b@x.cz", prospect("77", resend, "Jan Novák", "jan@novak-stavby.cz", "Cena?"))).await;
    house.work().await;
    let lead = super::only_lead(&house).await;
    let shown = house.show(EntityKind::Lead, lead.id).await;
    assert_eq!((lead.id, shown.communications.len()), (first.id, 2), "no second lead, and it is told there");
    // Without the word, too.
    house.later(DAY * 90);
    house.mail(&one("c@x.cz", prospect("77", "", "Jan Novák", "jan@novak-stavby.cz", "Cena??"))).await;
    house.work().await;
    assert_eq!(super::only_lead(&house).await.id, first.id);
    // The same number of another system, of another sender, or for somebody else is another request.
    let eva = |status: &str| prospect("77", status, "Eva Malá", "eva@mala-dilna.cz", "Dobrý den");
    house.mail(&one("d@x.cz", eva(""))).await;
    house.work().await;
    assert_eq!(house.leads().await.len(), 2, "an id that counts from one in every mail joins nobody");
    let elsewhere = one("e@x.cz", prospect("77", resend, "Jan Novák", "novak@jinde-novak.cz", "Cena?"));
    house.mail(&elsewhere.replace("auto-portal.cz", "jiny-portal.cz")).await;
    house
        .mail(&one("f@x.cz", prospect("77", resend, "Ota Nový", "ota@novy-byt.cz", "x").replace("Cars", "Bikes")))
        .await;
    house.mail(&one("g@x.cz", prospect("77", resend, "Iva Jiná", "iva@jina-firma.cz", "x"))).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 5, "{leads:?}");
    let iva = leads.iter().find(|lead| lead.email.as_deref() == Some("iva@jina-firma.cz")).expect("a lead");
    assert!(iva.verification_required, "said to be the same, about somebody else: a person looks");
    let others = leads.iter().filter(|lead| lead.id != iva.id).all(|lead| !lead.verification_required);
    assert!(others, "{leads:?}");
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_joins_its_first_on_sqlite() {
    what_is_sent_again_joins_its_first(House::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_joins_its_first_on_postgres() {
    let server = Postgres::shared();
    what_is_sent_again_joins_its_first(House::at(&server.url(&server.database())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_copies_at_once_make_one_lead() {
    let house = House::sqlite().await;
    let copy = |n: u32| {
        let own = prospect("88", "", "Jan Novák", &format!("jan{n}@stavby-{n}.cz"), "Cena?");
        portal(&format!("c{n}@x.cz"), "", &[own])
    };
    let (tracker, cancel) = house.workers(Duration::from_millis(50));
    for n in 0..12 {
        house.mail(&copy(n)).await;
    }
    crate::support::wait::until_async("all are decided", crate::support::wait::LONG, || async {
        house.in_state(ArrivalState::Decided).await == 12
    })
    .await;
    cancel.cancel();
    tracker.close();
    tracker.wait().await;
    let lead = super::only_lead(&house).await;
    assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_many_waits_whole_and_its_release_reads_the_first() {
    let house = House::sqlite().await;
    let all: Vec<String> =
        (0..1_001).map(|n| prospect(&format!("{n}"), "", "Jan Novák", &format!("k{n}@firma-{n}.cz"), "x")).collect();
    let found = house.prospects(&portal("many@x.cz", "", &all)).await;
    assert_eq!(found.len(), 1);
    house.work().await;
    let arrival = house.arrival(found[0].id()).await;
    assert_eq!((arrival.state, arrival.reason.as_deref()), (ArrivalState::Quarantined, Some("too_many_leads")));
    assert!(house.leads().await.is_empty());
    let waiting = [ArrivalState::Quarantined];
    assert!(house.store.requeue(found[0].id(), &waiting, true, "eva").await.expect("asked"));
    house.work().await;
    assert_eq!(super::only_lead(&house).await.email.as_deref(), Some("k0@firma-0.cz"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_leads_beside_the_prospects_wait_for_a_person() {
    let house = House::sqlite().await;
    let lead = |name: &str, email: &str| format!("{{\"name\":\"{name}\",\"email\":\"{email}\",\"message\":\"Cena?\"}}");
    let list = format!("[{},{}]", lead("Ota Nový", "ota@novy-byt.cz"), lead("Ida Jiná", "ida@jina-firma.cz"));
    let mail = format!(
        "From: Leads <noreply@auto-portal.cz>\nTo: sales@our-company.example\nMessage-ID: <both@x.cz>\nSubject: New leads\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\n<adf>{}</adf>\n\
         --b\nContent-Type: application/json\n\n{list}\n--b--\n",
        three().concat()
    );
    let found = house.prospects(&mail).await;
    assert_eq!(found.len(), 4);
    house.work().await;
    let rest = house.arrival(found[3].id()).await;
    assert_eq!((rest.state, rest.reason.as_deref()), (ArrivalState::Quarantined, Some("too_many_leads")));
}
