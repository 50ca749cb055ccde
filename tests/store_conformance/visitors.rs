//! Mails to visitors and their links: bounds that hold under concurrency, links that work once, bytes that go.

use std::time::Duration;

use pisteur::domain::decision::Action;
use pisteur::domain::envelope::{ArrivalState, Channel};
use pisteur::store::{Evidence, InitialState, LinkKind, MailBounds, NewLink, Turn, Used, VisitorMail};
use ulid::Ulid;

use super::lab::Lab;

const WIDE: MailBounds = MailBounds { per_recipient: 1, per_domain: 1_000, per_house: 1_000 };

fn mail(lab: &Lab, address: &str, bounds: MailBounds) -> VisitorMail {
    VisitorMail {
        effect: lab.id(),
        kind: "acknowledge",
        arrival: lab.id(),
        form: "contact".to_owned(),
        address: address.to_owned(),
        recipient: format!("hash of {address}"),
        domain: address.rsplit('@').next().unwrap_or_default().to_owned(),
        links: Vec::new(),
        bounds,
    }
}

fn link(kind: LinkKind, hash: &str, purposes: &[&str]) -> NewLink {
    let purposes = purposes.iter().map(|p| (*p).to_owned()).collect();
    NewLink { kind, hash: hash.to_owned(), purposes, expiry: Duration::from_hours(1) }
}

/// As many tasks as `mails`, half of them through a second daemon's store; how many were granted.
async fn all_at_once(lab: &Lab, mails: Vec<VisitorMail>) -> usize {
    let other = if lab.store.engine() == "postgres" { Some(lab.skewed(3).await) } else { None };
    let tasks: Vec<_> = mails
        .into_iter()
        .enumerate()
        .map(|(n, mail)| {
            let second = other.as_ref().filter(|_| n % 2 == 1).map(|other| other.store.clone());
            let store = second.unwrap_or_else(|| lab.store.clone());
            tokio::spawn(async move { store.visitor_turn(mail).await.unwrap() })
        })
        .collect();
    let mut granted = 0;
    for task in tasks {
        granted += usize::from(task.await.unwrap() == Turn::Granted);
    }
    if let Some(other) = other {
        other.end().await;
    }
    granted
}

pub async fn bounds_of_mail_are_exact_under_concurrency(lab: &Lab) {
    let same: Vec<_> = (0..40).map(|_| mail(lab, "anne@one.fr", WIDE)).collect();
    assert_eq!(all_at_once(lab, same).await, 1, "one recipient, one mail");
    let five = MailBounds { per_domain: 5, ..WIDE };
    let crowd: Vec<_> = (0..40).map(|n| mail(lab, &format!("p{n}@two.fr"), five)).collect();
    assert_eq!(all_at_once(lab, crowd).await, 5, "one domain, five mails");
    let house = MailBounds { per_house: 9, ..WIDE };
    let others: Vec<_> = (0..40).map(|n| mail(lab, &format!("p@domain-{n}.fr"), house)).collect();
    assert_eq!(all_at_once(lab, others).await, 3, "six of nine are sent");
}

pub async fn a_mail_that_asks_again_is_the_same_mail(lab: &Lab) {
    let first = mail(lab, "anne@one.fr", WIDE);
    for _ in 0..3 {
        assert_eq!(lab.store.visitor_turn(first.clone()).await.unwrap(), Turn::Granted, "its own place");
    }
    let second = VisitorMail { arrival: first.arrival, ..mail(lab, "other@two.fr", WIDE) };
    let why = Turn::Withheld("this submission was answered already");
    assert_eq!(lab.store.visitor_turn(second).await.unwrap(), why, "a submission decided again");
    let other_kind = VisitorMail { kind: "opt_in", ..mail(lab, "anne@one.fr", WIDE) };
    assert_eq!(lab.store.visitor_turn(other_kind).await.unwrap(), Turn::Granted);
}

pub async fn a_link_works_once_and_only_for_what_it_is(lab: &Lab) {
    let arrival = lab.accept(lab.form("a=1", &[])).await.id();
    let links = vec![link(LinkKind::Confirm, "c1", &["news", "offers"]), link(LinkKind::Unsubscribe, "u1", &[])];
    let asking = VisitorMail { arrival, links, ..mail(lab, "anne@one.fr", WIDE) };
    lab.store.visitor_turn(asking.clone()).await.unwrap();
    // The same mail, sent again after a lost answer, has another link: both stand in somebody's mailbox.
    let again = VisitorMail { links: vec![link(LinkKind::Confirm, "c2", &["news", "offers"])], ..asking };
    lab.store.visitor_turn(again).await.unwrap();
    let used = |kind, hash: &'static str| lab.store.use_link(kind, hash, Evidence::default());
    assert_eq!(used(LinkKind::Unsubscribe, "c1").await.unwrap(), Used::Unknown);
    assert_eq!(used(LinkKind::Confirm, "nothing").await.unwrap(), Used::Unknown);
    assert!(lab.store.open_link(LinkKind::Confirm, "u1").await.unwrap().is_none());
    assert_eq!(lab.store.open_link(LinkKind::Confirm, "c2").await.unwrap().unwrap().form, "contact");
    let asked = ["news", "offers", "calls"].map(|purpose| ("anne@one.fr".to_owned(), purpose.to_owned()));
    assert!(lab.store.confirmed(&asked).await.unwrap().is_empty());
    for hash in ["c2", "c2", "c1"] {
        assert_eq!(used(LinkKind::Confirm, hash).await.unwrap(), Used::Done);
    }
    let confirmed = lab.store.confirmed(&asked).await.unwrap();
    let mut purposes: Vec<&str> = confirmed.iter().map(|c| c.purpose.as_str()).collect();
    purposes.sort_unstable();
    assert_eq!(purposes, ["news", "offers"]);
    assert_eq!(used(LinkKind::Unsubscribe, "u1").await.unwrap(), Used::Done);
    assert!(lab.store.confirmed(&asked).await.unwrap().is_empty(), "withdrawn");
    let later = mail(lab, "anne@one.fr", MailBounds { per_recipient: 99, ..WIDE });
    let why = Turn::Withheld("the address asked not to be written to");
    assert_eq!(lab.store.visitor_turn(later).await.unwrap(), why);
}

pub async fn a_confirmation_puts_back_only_what_waited_for_it(lab: &Lab) {
    let mut states = Vec::new();
    for reason in ["awaiting_confirmation", "suspected_spam"] {
        let mut arrival = lab.form(reason, &[]);
        arrival.initial = InitialState::Quarantined(reason.to_owned());
        let id = lab.accept(arrival).await.id();
        let links = vec![link(LinkKind::Confirm, reason, &["news"])];
        let address = format!("{reason}@one.fr");
        let asking = VisitorMail { arrival: id, links, ..mail(lab, &address, WIDE) };
        lab.store.visitor_turn(asking).await.unwrap();
        assert_eq!(lab.store.use_link(LinkKind::Confirm, reason, Evidence::default()).await.unwrap(), Used::Done);
        states.push(lab.store.show_arrival(id).await.unwrap().unwrap().row.state);
    }
    assert_eq!(states, [ArrivalState::Received, ArrivalState::Quarantined]);
}

pub async fn bytes_kept_long_enough_go_and_nothing_else(lab: &Lab) {
    let mut ids: Vec<Ulid> = Vec::new();
    for body in ["done", "waits"] {
        ids.push(lab.accept(lab.form(&format!("message={body}"), &[])).await.id());
    }
    let lease = lab.lease_of(ids[0]).await;
    let enquiry = super::lab::person("Anne Dupont", "anne@one.fr", None);
    lab.store.commit(vec![lab.commit(&lease, &enquiry, Action::Nothing)]).await.unwrap();
    let mut other = lab.form("other form", &[]);
    "quote".clone_into(&mut other.envelope.intake_id);
    other.initial = InitialState::Quarantined("suspected_spam".to_owned());
    ids.push(lab.accept(other).await.id());
    for (reason, purged) in [("form_rate_limit", 0), ("spam", 1)] {
        let mut held = lab.form(reason, &[]);
        reason.clone_into(&mut held.envelope.intake_id);
        held.initial = InitialState::Quarantined(reason.to_owned());
        lab.accept(held).await;
        let later = lab.now().after(Duration::from_secs(5));
        assert_eq!(lab.store.purge_raw(reason, later, 10).await.unwrap(), purged, "{reason}");
    }
    for (state, reason) in [(ArrivalState::Parked, "to_be_fetched"), (ArrivalState::Parked, "other_event")] {
        let mut of_hook = lab.form(&format!("hook {reason}"), &[]);
        of_hook.envelope.channel = Channel::Webhook;
        "crm".clone_into(&mut of_hook.envelope.intake_id);
        let id = lab.accept(of_hook).await.id();
        let lease = lab.lease_of(id).await;
        let mut commit = lab.commit(&lease, &enquiry, Action::Nothing);
        (commit.decision.state, commit.decision.reason) = (state, Some(reason.to_owned()));
        lab.store.commit(vec![commit]).await.unwrap();
        ids.push(id);
    }
    let before = lab.now().after(Duration::from_secs(5));
    assert_eq!(lab.store.purge_raw("crm", before, 10).await.unwrap(), 1, "what is to be fetched stays");
    assert_eq!(lab.store.purge_raw("contact", before.before(Duration::from_hours(24)), 10).await.unwrap(), 0, "young");
    assert_eq!(lab.store.purge_raw("contact", before, 10).await.unwrap(), 1);
    assert_eq!(lab.store.purge_raw("contact", before, 10).await.unwrap(), 0);
    let mut kept = Vec::new();
    for id in &ids {
        let shown = lab.store.show_arrival(*id).await.unwrap().unwrap();
        assert_eq!(shown.digest.len(), 64);
        kept.push(shown.raw_kept);
    }
    assert_eq!(kept, [false, true, true, true, false], "what waits, and another form's, stay");
    assert_eq!(lab.store.show_arrival(ids[0]).await.unwrap().unwrap().decisions.len(), 1, "the decision stays");
    let again = lab.store.requeue(ids[0], &[ArrivalState::Decided, ArrivalState::Quarantined], true, "test").await;
    assert!(!again.unwrap(), "without bytes there is nothing to decide again");
}
