//! Mailboxes: locks, cursors, UIDs.

use std::time::Duration;

use pisteur::delivery::MarkNotice;
use pisteur::domain::envelope::ArrivalState;
use pisteur::store::{CursorMove, InitialState, JobSubject, MailboxState, NamedLock, Queue, StoreError};

use super::lab::{LEASE, Lab};
use crate::support::wait::{LONG, until_async};

fn cursor(lock: &NamedLock, last_uid: u32) -> CursorMove {
    CursorMove { mailbox: "sales".to_owned(), lock: lock.clone(), uidvalidity: 7, last_uid, mark_repeats: true }
}

async fn lock(lab: &Lab) -> NamedLock {
    lab.store.lock("mailbox:sales", "one", LEASE).await.unwrap().unwrap()
}

pub async fn a_cursor_moves_with_its_arrivals(lab: &Lab) {
    let lock = lock(lab).await;
    assert_eq!(lab.store.mailbox("sales").await.unwrap(), MailboxState::default());
    let state = MailboxState { uidvalidity: 7, last_uid: 3, started: true, ..MailboxState::default() };
    lab.store.save_mailbox("sales", &state, &lock).await.unwrap();
    lab.store.accept(vec![lab.mail("sales", 5, "five")], Some(cursor(&lock, 5))).await.unwrap();
    let moved = lab.store.mailbox("sales").await.unwrap();
    assert_eq!((moved.uidvalidity, moved.last_uid, moved.started), (7, 5, true));
    lab.store.accept(vec![], Some(cursor(&lock, 4))).await.unwrap();
    assert_eq!(lab.store.mailbox("sales").await.unwrap().last_uid, 5, "a cursor never goes back");
    assert_eq!(lab.store.journalled_uids("sales", 7, 1).await.unwrap(), [5]);
    assert!(lab.store.journalled_uids("sales", 7, 6).await.unwrap().is_empty());
}

pub async fn a_lost_lock_moves_nothing(lab: &Lab) {
    let lost = lab.store.lock("mailbox:sales", "one", Duration::from_millis(1)).await.unwrap().unwrap();
    until_async("the lock has expired", LONG, || async {
        lab.store.lock("mailbox:sales", "two", LEASE).await.unwrap().is_some()
    })
    .await;
    let answer = lab.store.accept(vec![lab.mail("sales", 5, "five")], Some(cursor(&lost, 5))).await;
    assert!(matches!(answer, Err(StoreError::Fenced(0))), "{answer:?}");
    let answer = lab.store.save_mailbox("sales", &MailboxState::default(), &lost).await;
    assert!(matches!(answer, Err(StoreError::Fenced(0))), "{answer:?}");
    assert!(lab.claim(1).await.is_empty(), "nothing was written");
    assert!(lab.store.journalled_uids("sales", 7, 1).await.unwrap().is_empty());
}

pub async fn a_lock_has_one_holder(lab: &Lab) {
    let first = lock(lab).await;
    assert_eq!(lab.store.lock("mailbox:sales", "two", LEASE).await.unwrap(), None);
    assert_eq!(lock(lab).await, first, "renewing keeps the token");
    lab.store.unlock(&first).await.unwrap();
    let second = lab.store.lock("mailbox:sales", "two", LEASE).await.unwrap().unwrap();
    assert!(second.token > first.token);
    lab.store.unlock(&first).await.unwrap();
    assert_eq!(lab.store.lock("mailbox:sales", "one", LEASE).await.unwrap(), None, "a lost lock cannot be given back");
}

pub async fn a_uid_seen_again_is_the_same_arrival(lab: &Lab) {
    let lock = lock(lab).await;
    let first = lab.store.accept(vec![lab.mail("sales", 5, "five")], Some(cursor(&lock, 5))).await.unwrap().remove(0);
    let batch = vec![lab.mail("sales", 5, "five"), lab.mail("sales", 6, "six")];
    let again = lab.store.accept(batch, Some(cursor(&lock, 6))).await.unwrap();
    assert_eq!((again[0].id(), again[0].duplicate_of()), (first.id(), None));
    assert_eq!(lab.claim(10).await.len(), 2);
    assert_eq!(lab.store.list_arrivals(pisteur::store::rows::ArrivalFilter::default()).await.unwrap().len(), 2);
}

pub async fn the_same_mail_in_two_mailboxes_is_a_repeat(lab: &Lab) {
    let first = lab.accept(lab.mail("sales", 5, "one mail")).await;
    let second = lab.accept(lab.mail("info", 9, "one mail")).await;
    assert_eq!(second.duplicate_of(), Some(first.id()));
    assert_ne!(second.id(), first.id());
    assert_eq!(lab.store.journalled_uids("info", 7, 0).await.unwrap(), [9]);
    assert_eq!(lab.claim(10).await.len(), 1);
}

pub async fn fetch_attempts_and_secrets_are_kept(lab: &Lab) {
    assert_eq!(lab.store.count_fetch("sales", 7, 5).await.unwrap(), 1);
    assert_eq!(lab.store.count_fetch("sales", 7, 5).await.unwrap(), 2);
    assert_eq!(lab.store.count_fetch("sales", 8, 5).await.unwrap(), 1);
    assert_eq!(lab.store.secret("oauth:sales").await.unwrap(), None);
    for value in ["a", "b"] {
        lab.store.save_secret("oauth:sales", value).await.unwrap();
        assert_eq!(lab.store.secret("oauth:sales").await.unwrap().as_deref(), Some(value));
    }
}

pub async fn a_repeat_is_marked_on_its_server(lab: &Lab) {
    let lock = lock(lab).await;
    let batch = vec![lab.mail("sales", 5, "one mail"), lab.mail("sales", 6, "one mail")];
    let accepted = lab.store.accept(batch, Some(cursor(&lock, 6))).await.unwrap();
    assert_eq!(accepted[1].duplicate_of(), Some(accepted[0].id()));
    let leases = lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await;
    assert_eq!(leases.len(), 1, "the first is marked when it is decided");
    let JobSubject::Effect(effect) = leases[0].subject() else { panic!() };
    assert_eq!((effect.kind.as_str(), effect.target.as_str()), ("mark", "sales"));
    let notice: MarkNotice = serde_json::from_value(effect.payload.clone()).unwrap();
    assert_eq!((notice.arrival, notice.position.uid, notice.state), (accepted[1].id(), 6, ArrivalState::Decided));
    let again = lab.store.accept(vec![lab.mail("sales", 6, "one mail")], Some(cursor(&lock, 6))).await.unwrap();
    assert_eq!(again[0].id(), accepted[1].id());
    let quiet = CursorMove { mark_repeats: false, ..cursor(&lock, 7) };
    lab.store.accept(vec![lab.mail("sales", 7, "one mail")], Some(quiet)).await.unwrap();
    assert!(lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.is_empty());
    assert_eq!(lab.store.list_arrivals(pisteur::store::rows::ArrivalFilter::default()).await.unwrap().len(), 3);
}

pub async fn a_repeat_of_held_mail_is_not_marked(lab: &Lab) {
    let lock = lock(lab).await;
    let mut held = lab.mail("sales", 5, "one mail");
    held.initial = InitialState::Quarantined("unsure".to_owned());
    lab.store.accept(vec![held, lab.mail("sales", 6, "one mail")], Some(cursor(&lock, 6))).await.unwrap();
    lab.store.accept(vec![lab.mail("sales", 7, "one mail")], Some(cursor(&lock, 7))).await.unwrap();
    assert!(lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.is_empty(), "people look at it there");
}

pub async fn fetches_below_the_cursor_are_forgotten(lab: &Lab) {
    let lock = lock(lab).await;
    for uid in [5, 6, 8] {
        assert_eq!(lab.store.count_fetch("sales", 7, uid).await.unwrap(), 1);
    }
    lab.store.accept(vec![lab.mail("sales", 5, "five")], Some(cursor(&lock, 5))).await.unwrap();
    let state = MailboxState { uidvalidity: 7, last_uid: 6, started: true, ..MailboxState::default() };
    lab.store.save_mailbox("sales", &state, &lock).await.unwrap();
    for (uid, count) in [(5, 1), (6, 1), (8, 2)] {
        assert_eq!(lab.store.count_fetch("sales", 7, uid).await.unwrap(), count, "{uid}");
    }
}
