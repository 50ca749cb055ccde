//! From journal to record: what becomes of arrivals, in the production code, on both engines.

mod attribution;
mod crowds;
mod dealers;
pub mod house;
mod loops;
mod machines;
mod organisations;
mod portals;
mod signatures;

use std::time::Duration;

use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::matching::EntityKind;
use pisteur::store::rows::RecordRow;

use crate::support::postgres::{Fsync, Postgres};
use crate::support::wait;
use house::House;

const DAY: Duration = Duration::from_secs(86_400);

fn mail(from: &str, id: &str, subject: &str, extra: &str, text: &str) -> String {
    format!(
        "From: {from}\nTo: sales@our-company.example\nMessage-ID: <{id}>\nSubject: {subject}\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0100\n{extra}\n{text}\n"
    )
}

fn jan(id: &str, subject: &str, text: &str) -> String {
    mail("Jan Novák <jan.novak@stavby-novak.cz>", id, subject, "", text)
}

async fn only_lead(house: &House) -> RecordRow {
    let mut leads = house.leads().await;
    assert_eq!(leads.len(), 1, "{leads:?}");
    leads.pop().expect("one")
}

async fn one_mail_one_lead(house: House) {
    let accepted = house.mail(&jan("a1@x.cz", "Poptávka oken", "Dobrý den, prosím o informace k oknům.")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    assert_eq!(lead.email.as_deref(), Some("jan.novak@stavby-novak.cz"));
    assert_eq!(lead.topic.as_deref(), Some("Poptávka oken"));
    assert!(lead.owner.is_some() || lead.team.is_some() || lead.status.as_deref() == Some("open"));
    let arrival = house.arrival(accepted.id()).await;
    assert_eq!(arrival.state, ArrivalState::Decided);
    assert_eq!(arrival.record, Some(format!("lead:{}", lead.id)));
    let detail = house.show(EntityKind::Lead, lead.id).await;
    assert_eq!(detail.communications.len(), 1);
    assert_eq!(detail.decisions.len(), 1, "the decision is kept with its trace");
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_becomes_one_lead_on_sqlite() {
    one_mail_one_lead(House::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_becomes_one_lead_on_postgres() {
    let server = Postgres::shared();
    one_mail_one_lead(House::at(&server.url(&server.database())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_mail_through_two_mailboxes_is_one_lead_and_one_repeat() {
    let house = House::sqlite().await;
    let text = jan("same@x.cz", "Okna", "Dobrý den");
    let first = house.mail_to("sales", &text).await;
    let second =
        house.mail_to("info", &format!("Received: from a by b; Fri, 20 Nov 2026 10:00:00 +0100\n{text}")).await;
    assert_eq!(second.duplicate_of(), Some(first.id()));
    house.work().await;
    only_lead(&house).await;
    assert_eq!(house.arrival(second.id()).await.state, ArrivalState::Decided);
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_mail_without_message_id_is_known_by_its_content() {
    let house = House::sqlite().await;
    let mail = |name: &str, text: &str| {
        format!("From: {name} <{name}@stavby-{name}.cz>\nTo: sales@our-company.example\nSubject: Okna\n\n{text}\n")
    };
    let jan = mail("jan", "Dobrý den, prosím o nabídku oken.");
    let first = house.mail_to("sales", &jan).await;
    let other = house.mail_to("sales", &mail("eva", "Dobrý den, prosím o nabídku oken.")).await;
    let later = house.mail_to("sales", &mail("jan", "Ještě jedna otázka k oknům.")).await;
    let again = house.mail_to("info", &format!("Received: from a by b; Fri, 20 Nov 2026 10:00:00 +0100\n{jan}")).await;
    assert_eq!((other.duplicate_of(), later.duplicate_of()), (None, None), "each says something of its own");
    assert_eq!(again.duplicate_of(), Some(first.id()), "the same content through two mailboxes is one");
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 2, "{leads:?}");
    let of_jan = leads.iter().find(|l| l.email.as_deref() == Some("jan@stavby-jan.cz")).expect("a lead");
    assert_eq!(house.show(EntityKind::Lead, of_jan.id).await.communications.len(), 2, "his second mail is not lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_id_with_other_content_is_another_arrival() {
    let house = House::sqlite().await;
    house.mail(&jan("reused@x.cz", "Okna", "Dobrý den")).await;
    let second =
        house.mail(&mail("Petr Malý <petr@maly-drevo.cz>", "reused@x.cz", "Dveře", "", "Prosím o cenu dveří")).await;
    assert_eq!(second.duplicate_of(), None);
    house.work().await;
    assert_eq!(house.leads().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_person_joins_the_open_lead_within_the_window_and_not_after_it() {
    let house = House::sqlite().await;
    house.mail(&jan("w1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    house.later(DAY * 5);
    house.mail(&jan("w2@x.cz", "Ještě dotaz", "A kolik stojí dveře?")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 2);
    house.later(DAY * 31);
    house.mail(&jan("w3@x.cz", "Nová poptávka", "Potřebuji střechu")).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 2, "a month later it is a new lead");
    let detail = house.show(EntityKind::Lead, leads[1].id).await;
    assert!(
        detail.links.iter().any(|l| l.to_string().contains(&leads[0].id.to_string())),
        "linked to the earlier one: {:?}",
        detail.links
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_joins_its_conversation_only_when_a_participant_sends_it() {
    let house = House::sqlite().await;
    house.mail(&jan("t1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    let reply = "In-Reply-To: <t1@x.cz>\nReferences: <t1@x.cz>\n";
    house.later(DAY * 40);
    house.mail(&mail("Jan Novák <jan.novak@stavby-novak.cz>", "t2@x.cz", "Re: Okna", reply, "Máte už cenu?")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 2, "the participant's answer joins");
    house.mail(&mail("Eva Cizí <eva@cizi-firma.cz>", "t3@y.cz", "Re: Okna", reply, "Já bych chtěla také")).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 2, "a stranger with the same reference is somebody else");
    let detail = house.show(EntityKind::Lead, leads[1].id).await;
    assert!(
        detail.links.iter().any(|l| l.to_string().contains(&lead.id.to_string())),
        "and linked: {:?}",
        detail.links
    );
}

async fn a_reply_to_proves_nothing(house: House) {
    let (jan_address, eva_address) = ("jan.novak@stavby-novak.cz", "eva@cizi-firma.cz");
    house.mail(&jan("v1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    // A stranger names Jan's address as the one to answer to, beside and inside Jan's conversation.
    let eva = |id: &str, extra: &str| mail("Eva Cizí <eva@cizi-firma.cz>", id, "Re: Okna", extra, "Pošlete mi nabídku");
    house.mail(&eva("v2@y.cz", &format!("Reply-To: {jan_address}\n"))).await;
    let reply = "In-Reply-To: <v1@x.cz>\nReferences: <v1@x.cz>\n";
    house.mail(&eva("v3@y.cz", &format!("Reply-To: Jan Novák <{jan_address}>\n{reply}"))).await;
    house.work().await;
    let detail = house.show(EntityKind::Lead, lead.id).await;
    assert_eq!(detail.communications.len(), 1, "nothing of hers joined his lead");
    let leads = house.leads().await;
    assert_eq!(leads.len(), 2, "hers is a lead of its own");
    assert_eq!(leads[1].email.as_deref(), Some(eva_address));
    let hers = house.show(EntityKind::Lead, leads[1].id).await;
    let points = serde_json::to_string(&hers.contact_points).expect("points");
    assert!(!points.contains(jan_address), "his address is not hers: {points}");
    // In Jan's name, answers to be sent elsewhere: that address is neither his nor in his conversation.
    let other = "spoof@jinde.cz";
    let extra = format!("Reply-To: {other}\n{reply}");
    house.mail(&mail("Jan Novák <jan.novak@stavby-novak.cz>", "v4@x.cz", "Re: Okna", &extra, "Platí to?")).await;
    house.work().await;
    let detail = house.show(EntityKind::Lead, lead.id).await;
    assert_eq!(detail.communications.len(), 2, "his own mail joins");
    let points = serde_json::to_string(&detail.contact_points).expect("points");
    assert!(!points.contains(other), "{points}");
    let extra = "In-Reply-To: <v4@x.cz>\nReferences: <v1@x.cz> <v4@x.cz>\n";
    house.mail(&mail(&format!("Nový <{other}>"), "v5@z.cz", "Re: Okna", extra, "Děkuji za odpověď")).await;
    house.work().await;
    assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 2, "a stranger is no participant");
    assert_eq!(house.leads().await.len(), 3);
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_of_somebody_else_opens_no_conversation() {
    a_reply_to_proves_nothing(House::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_of_somebody_else_opens_no_conversation_on_postgres() {
    let server = Postgres::shared();
    a_reply_to_proves_nothing(House::at(&server.url(&server.database())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleagues_answer_joins_the_conversation_and_the_customer_follows_it_there() {
    let house = House::sqlite().await;
    house.mail(&jan("c1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    let answer = "In-Reply-To: <c1@x.cz>\nReferences: <c1@x.cz>\nCc: sales@our-company.example\n";
    let alice = "Alice Martin <alice.martin@our-company.example>";
    let ours = house.mail(&mail(alice, "c2@our-company.example", "Re: Okna", answer, "Nabídku pošlu zítra")).await;
    house.work().await;
    assert_eq!(house.arrival(ours.id()).await.state, ArrivalState::Parked);
    let back = "In-Reply-To: <c2@our-company.example>\nReferences: <c1@x.cz> <c2@our-company.example>\n";
    house.mail(&mail("Jan Novák <jan.novak@stavby-novak.cz>", "c3@x.cz", "Re: Okna", back, "Děkuji")).await;
    house.work().await;
    only_lead(&house).await;
    let detail = house.show(EntityKind::Lead, lead.id).await;
    let ways: Vec<_> = detail.communications.iter().map(|c| c["direction"].as_str().unwrap_or_default()).collect();
    assert_eq!(ways, ["in", "out", "in"]);
    let points = serde_json::to_string(&detail.contact_points).expect("points");
    assert!(!points.contains("alice"), "a colleague is nobody's contact: {points}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_a_form_in_anothers_name_takes_no_part_in_their_conversation() {
    let house = House::sqlite().await;
    house.mail(&jan("f1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    let body = "Name: Jan Novák\nEmail: jan.novak@stavby-novak.cz\nMessage: fakturu pošlete na eve@mechante.fr\n";
    let eve = "Eve <eve@mechante.fr>";
    house.mail(&mail(eve, "f2@mechante.fr", "New message from your website", "", body)).await;
    house.work().await;
    let reply = "In-Reply-To: <f1@x.cz>\nReferences: <f1@x.cz>\n";
    house.mail(&mail(eve, "f3@mechante.fr", "Re: Okna", reply, "Prosím o odpověď")).await;
    house.work().await;
    let points = serde_json::to_string(&house.show(EntityKind::Lead, lead.id).await.contact_points).expect("points");
    assert!(!points.contains("eve@mechante.fr"), "{points}");
    let leads = house.leads().await;
    assert_eq!(leads.len(), 2, "her own message is hers");
    assert_eq!(leads[1].email.as_deref(), Some("eve@mechante.fr"));
}

#[tokio::test(flavor = "multi_thread")]
async fn machine_mail_is_parked_and_joins_the_conversation_it_answers() {
    let house = House::sqlite().await;
    house.mail(&jan("m1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    let extra = "In-Reply-To: <m1@x.cz>\nAuto-Submitted: auto-replied\n";
    let auto = house
        .mail(&mail(
            "Jan Novák <jan.novak@stavby-novak.cz>",
            "m2@x.cz",
            "Automatická odpověď",
            extra,
            "Jsem mimo kancelář",
        ))
        .await;
    let alone = house
        .mail(&mail("Eva <eva@jina.cz>", "m3@x.cz", "Out of office", "Auto-Submitted: auto-replied\n", "Away"))
        .await;
    house.work().await;
    let lead = only_lead(&house).await;
    assert_eq!(house.arrival(auto.id()).await.state, ArrivalState::Parked);
    assert_eq!(house.arrival(alone.id()).await.state, ArrivalState::Parked);
    assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 2, "joined, and nothing dropped");
    assert_eq!(house.in_state(ArrivalState::Parked).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn list_headers_of_our_own_group_leave_a_customer_a_person() {
    let house = House::sqlite().await;
    let own = "List-Id: <sales.our-company.example>\nList-Post: <mailto:sales@our-company.example>\nPrecedence: list\n";
    house.mail(&mail("Eva Malá <eva@mala-dilna.cz>", "g1@x.cz", "Dotaz", own, "Prosím o nabídku")).await;
    let foreign = "List-Id: <news.shop.example>\nList-Unsubscribe: <mailto:u@shop.example>\nPrecedence: list\n";
    let list = house.mail(&mail("News <news@obchod-listy.cz>", "g2@x.cz", "Slevy", foreign, "Velké slevy")).await;
    house.work().await;
    only_lead(&house).await;
    assert_eq!(house.arrival(list.id()).await.state, ArrivalState::Parked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_attaches_only_with_an_agreeing_surname() {
    let house = House::sqlite().await;
    house.form(&[("name", "Marie Curie"), ("phone", "06 12 34 56 78"), ("message", "Bonjour")]).await;
    house.work().await;
    house.form(&[("name", "M. Pierre Durand"), ("phone", "+33612345678"), ("message", "Autre chose")]).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 2, "another surname on the same phone is another person");
    assert!(leads[1].verification_required, "and somebody should look at it");
    house.form(&[("name", "Marie CURIE"), ("phone", "0033612345678"), ("message", "Encore moi")]).await;
    house.work().await;
    assert_eq!(house.leads().await.len(), 2, "the same surname on the same phone is the same person");
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_addresses_prove_nothing_and_contradicting_names_are_flagged() {
    let house = House::sqlite().await;
    house.form(&[("name", "Paul Martin"), ("email", "info@garage-martin.fr"), ("message", "Bonjour")]).await;
    house.work().await;
    house.form(&[("name", "Paul Martin"), ("email", "info@garage-martin.fr"), ("message", "Une autre demande")]).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 2);
    assert!(leads[1].verification_required);
    house.form(&[("name", "Luc Petit"), ("email", "famille.petit@orange.fr"), ("message", "Un devis")]).await;
    house.work().await;
    house.form(&[("name", "Anne Roche"), ("email", "famille.petit@orange.fr"), ("message", "Autre")]).await;
    house.work().await;
    let leads = house.leads().await;
    assert!(leads.last().expect("some").verification_required, "same mailbox, contradicting names");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_quotation_makes_contact_organisation_and_opportunity_and_no_lead() {
    let house = House::sqlite().await;
    let text = "Bonjour,\n\nNous souhaitons recevoir un devis pour la fourniture de 40 fenêtres pour notre chantier \
                de Lyon. Merci de nous envoyer votre meilleure offre avant la fin du mois.\n\nCordialement,\nMarie Leroy";
    house.mail(&mail("Marie Leroy <marie.leroy@batiments-leroy.fr>", "d1@x.fr", "Demande de devis", "", text)).await;
    house.work().await;
    assert!(house.leads().await.is_empty());
    let deals = house.records(EntityKind::Opportunity).await;
    assert_eq!(deals.len(), 1);
    assert_eq!(house.records(EntityKind::Contact).await.len(), 1);
    let reply = "In-Reply-To: <d1@x.fr>\nReferences: <d1@x.fr>\n";
    house
        .mail(&mail(
            "Marie Leroy <marie.leroy@batiments-leroy.fr>",
            "d2@x.fr",
            "Re: Demande de devis",
            reply,
            "Avec pose.",
        ))
        .await;
    house.work().await;
    assert_eq!(house.records(EntityKind::Opportunity).await.len(), 1, "mails that follow join it");
    assert_eq!(house.show(EntityKind::Opportunity, deals[0].id).await.communications.len(), 2);
    assert!(house.leads().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_and_unreachable_arrivals_wait_for_a_person() {
    let house = House::sqlite().await;
    let nobody = house.form(&[("message", "call me")]).await;
    let empty = house.mail("\u{0}\u{0}\n\n\n").await;
    house.work().await;
    assert_eq!(house.arrival(nobody.id()).await.state, ArrivalState::Quarantined);
    assert_eq!(house.arrival(empty.id()).await.state, ArrivalState::Quarantined);
    assert!(house.leads().await.is_empty());
    assert!(house.store.requeue(nobody.id(), &[ArrivalState::Quarantined], true, "test").await.expect("requeued"));
    house.work().await;
    assert_eq!(house.arrival(nobody.id()).await.state, ArrivalState::Decided, "released: it becomes a lead");
    only_lead(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_steps_back_changes_nothing() {
    use pisteur::clock::{Clock as _, Timestamp};
    let house = House::sqlite().await;
    house.mail(&jan("c1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    house.clock.set(Timestamp::from_seconds(house.clock.now().seconds() - 86_400));
    house.mail(&jan("c2@x.cz", "Okna znovu", "Ještě jednou")).await;
    house.later(Duration::from_secs(1));
    house.work().await;
    let lead = only_lead(&house).await;
    assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_waits_goes_on_when_the_clock_steps_back() {
    let house = House::sqlite().await;
    for n in 0..5 {
        house.mail(&jan(&format!("b{n}@x.cz"), "Okna", &format!("Dobrý den {n}"))).await;
    }
    house.step_back(DAY);
    house.work().await;
    assert_eq!(house.in_state(ArrivalState::Decided).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_waits_goes_on_after_a_restart_with_the_clock_set_back() {
    let house = House::sqlite().await;
    for n in 0..5 {
        house.mail(&jan(&format!("r{n}@x.cz"), "Okna", &format!("Dobrý den {n}"))).await;
    }
    house.fail_one(Duration::from_secs(5)).await;
    house.store.lock("mailbox:sales", "before", DAY).await.expect("asked").expect("free");
    house.step_back(DAY);
    let house = house.restart().await;
    house.work().await;
    assert_eq!(house.in_state(ArrivalState::Decided).await, 4, "one has failed and waits");
    assert!(house.store.lock("mailbox:sales", "now", DAY).await.expect("asked").is_some(), "its holder is gone");
    house.later(pisteur::store::LONGEST_WAIT + Duration::from_secs(1));
    house.work().await;
    assert_eq!(house.in_state(ArrivalState::Decided).await, 5);
}

async fn one_person_many_at_once(house: House) {
    for n in 0..40 {
        let (name, phone) = (if n % 2 == 0 { "Jean Dupont" } else { "DUPONT Jean" }, "06 98 76 54 32");
        house
            .form(&[
                ("name", name),
                ("email", "Jean.Dupont@atelier-dupont.fr"),
                ("phone", phone),
                ("message", &format!("n {n}")),
            ])
            .await;
    }
    let workers: Vec<_> = (0..8).map(|_| house.work()).collect();
    futures::future::join_all(workers).await;
    house.later(Duration::from_secs(60));
    house.work().await;
    let lead = only_lead(&house).await;
    assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 40, "one lead, every message kept");
    assert_eq!(house.in_state(ArrivalState::Decided).await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_arrivals_of_one_person_make_one_lead_on_sqlite() {
    one_person_many_at_once(House::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_arrivals_of_one_person_make_one_lead_on_postgres() {
    let server = Postgres::shared();
    one_person_many_at_once(House::at(&server.url(&server.database())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_name_shared_by_hundreds_never_hides_a_returning_person() {
    let house = House::sqlite().await;
    for n in 0..230 {
        let (name, email) = (format!("Prenom{n} Nom{n}"), format!("personne{n}@orange.fr"));
        house.form(&[("name", &name), ("email", &email), ("company", "Particulier"), ("message", "Bonjour")]).await;
    }
    house.work().await;
    assert_eq!(house.leads().await.len(), 230);
    house
        .form(&[
            ("name", "Prenom229 Nom229"),
            ("email", "personne229@orange.fr"),
            ("company", "Particulier"),
            ("message", "Encore"),
        ])
        .await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 230, "recognised by the address, whatever the company");
    assert!(leads.iter().all(|l| !l.verification_required));
    assert_eq!(house.in_state(ArrivalState::Decided).await, 231);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opportunity_from_a_known_lead_names_it_and_the_lead_says_so() {
    let house = House::sqlite().await;
    let marie = "Marie Leroy <marie.leroy@batiments-leroy.fr>";
    house.mail(&mail(marie, "o1@x.fr", "Bonjour", "", "Je voudrais votre catalogue, merci beaucoup.")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    house.later(DAY * 40);
    let text =
        "Bonjour,\n\nNous souhaitons recevoir un devis pour la fourniture de quarante portes pour notre chantier.";
    house.mail(&mail(marie, "o2@x.fr", "Demande de devis", "", text)).await;
    house.work().await;
    let deals = house.records(EntityKind::Opportunity).await;
    assert_eq!(deals.len(), 1);
    let detail = house.show(EntityKind::Opportunity, deals[0].id).await;
    assert!(detail.links.iter().any(|l| l.to_string().contains(&lead.id.to_string())), "{:?}", detail.links);
    let lead = only_lead(&house).await;
    assert_eq!(lead.status.as_deref(), Some("opportunity"));
    assert_eq!(house.records(EntityKind::Contact).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_new_colleagues_at_once_make_one_organisation() {
    let house = House::sqlite().await;
    for (n, name) in ["Anne Roche", "Luc Petit", "Zoé Blanc"].iter().enumerate() {
        let email = format!("c{n}@charpente-roche.fr");
        house
            .form(&[
                ("name", name),
                ("email", &email),
                ("company", "Charpente Roche SARL"),
                ("budget", "20000"),
                ("message", "Devis"),
            ])
            .await;
    }
    house.work().await;
    house.later(Duration::from_secs(60));
    house.work().await;
    assert_eq!(house.records(EntityKind::Opportunity).await.len(), 3);
    assert_eq!(house.records(EntityKind::Organisation).await.len(), 1);
    assert_eq!(house.records(EntityKind::Contact).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mailbox_with_two_names_of_one_family_is_two_people() {
    let house = House::sqlite().await;
    for name in ["Petr Novák", "Eva Nováková"] {
        house.form(&[("name", name), ("email", "novakovi@seznam.cz"), ("message", "Dobrý den")]).await;
        house.work().await;
    }
    let leads = house.leads().await;
    assert_eq!(leads.len(), 2);
    assert!(leads[1].verification_required);
}

async fn every_wake_up_finds_a_worker_with_something_to_do(house: House) {
    // So long that nobody looks by themselves while the test runs.
    let (tracker, cancel) = house.workers(Duration::from_hours(1));
    for number in 0..30 {
        let (name, email) = (format!("Prénom{number} Nom{number}"), format!("p{number}@societe-{number}.fr"));
        house.form(&[("name", &name), ("email", &email), ("message", "Bonjour")]).await;
        wait::until_async("the only arrival there is gets decided", wait::LONG, || async {
            house.leads().await.len() == number + 1
        })
        .await;
    }
    cancel.cancel();
    tracker.close();
    tracker.wait().await;
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_arrival_is_decided_when_it_comes_on_sqlite() {
    every_wake_up_finds_a_worker_with_something_to_do(House::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_arrival_is_decided_when_it_comes_on_postgres() {
    let server = Postgres::start(Fsync::Off);
    every_wake_up_finds_a_worker_with_something_to_do(House::at(&server.url(&server.database())).await).await;
}
