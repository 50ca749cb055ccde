//! Leases: one holder, fenced, reclaimed, given up.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use pisteur::domain::decision::{Action, RecordKind};
use pisteur::domain::envelope::ArrivalState;
use pisteur::store::{Effect, Failure, JobSubject, Lease, Queue, StoreError};

use super::lab::{LEASE, Lab, person};
use crate::support::wait::{LONG, until_async};

pub async fn two_claimers_never_share_a_job(lab: &Lab) {
    let batch = (0..200).map(|n| lab.form(&format!("{n}"), &[])).collect();
    lab.store.accept(batch, None).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let store = lab.store.clone();
        tasks.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claim = pisteur::store::Claim {
                    queue: Queue::Process,
                    owner: format!("w{worker}"),
                    limit: 7,
                    lease: LEASE,
                    suspects: false,
                };
                let leases = store.claim(claim).await.unwrap();
                if leases.is_empty() {
                    return mine;
                }
                mine.extend(leases.iter().map(Lease::job));
            }
        });
    }
    let claimed: Vec<i64> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 200);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 200);
}

async fn expired(lab: &Lab) -> Arc<Lease> {
    lab.accept(lab.form("x", &[])).await;
    let mut leases = lab.claim_of(Queue::Process, "first", 1, Duration::from_millis(1), false).await;
    leases.remove(0)
}

async fn reclaimed(lab: &Lab) -> Arc<Lease> {
    let found = std::sync::Mutex::new(None);
    until_async("the lease has expired", LONG, || async {
        let lease = lab.claim_of(Queue::Process, "second", 1, LEASE, true).await.pop();
        *found.lock().unwrap() = lease;
        found.lock().unwrap().is_some()
    })
    .await;
    found.into_inner().unwrap().unwrap()
}

pub async fn a_stale_lease_settles_nothing(lab: &Lab) {
    let stale = expired(lab).await;
    let held = reclaimed(lab).await;
    assert_eq!(held.job(), stale.job());
    let failure = Failure { error: "late".to_owned(), retry_after: None };
    for answer in [
        lab.store.renew(&stale, LEASE).await.map(|_| ()),
        lab.store.fail(&stale, failure).await,
        lab.store.release(&stale).await,
        lab.store.quarantine(&stale, "late").await,
    ] {
        assert!(matches!(answer, Err(StoreError::Fenced(job)) if job == stale.job()), "{answer:?}");
    }
    assert!(lab.store.renew(&held, LEASE).await.unwrap() > lab.now());
    lab.store.quarantine(&held, "reader_died").await.unwrap();
}

pub async fn an_expired_lease_is_a_suspect(lab: &Lab) {
    let first = expired(lab).await;
    assert!(!first.is_suspect());
    let second = reclaimed(lab).await;
    assert!(second.is_suspect());
    assert_eq!((second.attempt(), second.failures()), (2, 0));
    assert!(lab.claim(1).await.is_empty(), "a suspect is not among the others");
}

pub async fn a_lease_tells_how_many_bytes_wait(lab: &Lab) {
    let lease = lab.claimed(&"x".repeat(70_000)).await;
    assert_eq!(lease.bytes(), 70_000);
    let (_, lease) = effect(lab).await;
    assert_eq!(lease.bytes(), 0, "an effect brings none");
}

pub async fn a_released_job_keeps_its_attempts(lab: &Lab) {
    let lease = lab.claimed("x").await;
    lab.store.release(&lease).await.unwrap();
    let again = lab.claim(1).await.remove(0);
    assert_eq!((again.attempt(), again.is_suspect()), (1, false));
}

pub async fn a_deferred_job_waits_untouched(lab: &Lab) {
    let lease = lab.claimed("x").await;
    lab.store.defer(&lease, Duration::ZERO).await.unwrap();
    let again = lab.claim(1).await.remove(0);
    assert_eq!((again.attempt(), again.is_suspect()), (1, false));
    lab.store.defer(&again, Duration::from_hours(1)).await.unwrap();
    assert!(lab.claim(1).await.is_empty(), "not before its time");
    assert!(matches!(lab.store.release(&again).await, Err(StoreError::Fenced(_))), "it is nobody's meanwhile");
}

pub async fn a_delivery_that_waits_is_hastened(lab: &Lab) {
    let (made, lease) = effect(lab).await;
    lab.store.defer(&lease, Duration::from_hours(6)).await.unwrap();
    assert_eq!(lab.store.hasten(&made.kind, "another").await.unwrap(), 0);
    assert!(lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.is_empty());
    assert_eq!(lab.store.hasten(&made.kind, &made.target).await.unwrap(), 1);
    let again = lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.remove(0);
    assert_eq!((again.attempt(), again.failures()), (1, 0), "waiting was no attempt");
    assert_eq!(lab.store.hasten(&made.kind, &made.target).await.unwrap(), 0, "it is under way");
}

pub async fn a_job_fails_and_comes_back(lab: &Lab) {
    let lease = lab.claimed("x").await;
    let failure = Failure { error: "the reader was busy".to_owned(), retry_after: Some(Duration::ZERO) };
    lab.store.fail(&lease, failure.clone()).await.unwrap();
    assert!(matches!(lab.store.fail(&lease, failure).await, Err(StoreError::Fenced(_))));
    let JobSubject::Arrival(id) = lease.subject() else { panic!() };
    let row = lab.store.show_arrival(*id).await.unwrap().unwrap().row;
    assert_eq!((row.state, row.error.as_deref()), (ArrivalState::Received, Some("the reader was busy")));
    let again = lab.claim(1).await.remove(0);
    assert_eq!((again.attempt(), again.failures(), again.is_suspect()), (2, 1, false));
    lab.store
        .fail(&again, Failure { error: "again".to_owned(), retry_after: Some(Duration::from_hours(1)) })
        .await
        .unwrap();
    assert!(lab.claim(1).await.is_empty());
}

pub async fn a_failed_arrival_is_listed_and_retried(lab: &Lab) {
    let lease = lab.claimed("x").await;
    let JobSubject::Arrival(id) = lease.subject() else { panic!() };
    lab.store.fail(&lease, Failure { error: "gave up".to_owned(), retry_after: None }).await.unwrap();
    let row = lab.store.show_arrival(*id).await.unwrap().unwrap().row;
    assert_eq!((row.state, row.attempts, row.error.as_deref()), (ArrivalState::Failed, 1, Some("gave up")));
    assert_eq!(lab.store.stats().await.dead["process"], 1);
    assert!(lab.store.requeue(*id, &[ArrivalState::Failed], false, "ana").await.unwrap());
    let again = lab.claim(1).await.remove(0);
    assert_eq!((again.attempt(), again.failures(), again.is_suspect()), (1, 0, false), "with a budget of its own");
    assert!(matches!(lab.store.release(&lease).await, Err(StoreError::Fenced(_))), "the old lease stays dead");
}

/// A lead with one effect, and the effect's lease.
async fn effect(lab: &Lab) -> (Effect, Arc<Lease>) {
    let effect = Effect {
        id: lab.id(),
        kind: "webhook".to_owned(),
        target: "crm".to_owned(),
        payload: serde_json::json!({ "lead": "x" }),
    };
    let lease = lab.claimed("x").await;
    let record = lab.record(RecordKind::Lead);
    let email = format!("ana.{}@bell.example", lab.id());
    let mut commit = lab.commit(&lease, &person("Ana Bell", &email, None), Action::Create(Box::new(record)));
    commit.effects.push(effect.clone());
    lab.one(commit).await;
    let lease = lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.remove(0);
    (effect, lease)
}

pub async fn an_effect_that_gives_up_is_a_dead_letter(lab: &Lab) {
    let (effect, lease) = effect(lab).await;
    assert_eq!(*lease.subject(), JobSubject::Effect(Box::new(effect.clone())));
    lab.store.fail(&lease, Failure { error: "HTTP 410".to_owned(), retry_after: None }).await.unwrap();
    assert!(lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.is_empty());
    let dead = lab.store.dead_letters(None, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert!(lab.store.dead_letters(Some(dead[0].job), 10).await.unwrap().is_empty(), "none is older");
    assert_eq!((dead[0].kind.as_str(), dead[0].target.as_str(), dead[0].attempts), ("webhook", "crm", 1));
    assert_eq!(dead[0].error.as_deref(), Some("HTTP 410"));
    let stats = lab.store.stats().await;
    assert_eq!((stats.dead["deliver"], stats.waiting["deliver"], stats.leased["deliver"]), (1, 0, 0));
    assert_eq!(stats.oldest_unprocessed, None);
    assert!(lab.store.retry_dead_letter(dead[0].job).await.unwrap());
    assert!(!lab.store.retry_dead_letter(dead[0].job).await.unwrap());
    let again = lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.remove(0);
    assert_eq!((again.attempt(), again.failures(), again.is_suspect()), (1, 0, false), "with a budget of its own");
    assert!(matches!(lab.store.delivered(&lease).await, Err(StoreError::Fenced(_))), "the old lease stays dead");
    let hiccup = Failure { error: "HTTP 503".to_owned(), retry_after: Some(Duration::ZERO) };
    lab.store.fail(&again, hiccup).await.unwrap();
    let third = lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.remove(0);
    assert_eq!((third.attempt(), third.failures(), third.is_suspect()), (2, 1, false));
}

/// Whatever the clock of the daemon says, queues keep one time.
pub async fn a_wrong_clock_moves_no_job(lab: &Lab) {
    for ahead in [3_600, -3_600] {
        let lab = lab.skewed(ahead).await;
        let again = Failure { error: "HTTP 503".to_owned(), retry_after: Some(Duration::ZERO) };
        let later = Failure { retry_after: Some(Duration::from_mins(30)), ..again.clone() };
        let never = Failure { retry_after: None, ..again.clone() };
        let due = async || lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.pop();

        let (_, lease) = effect(&lab).await;
        lab.store.fail(&lease, again.clone()).await.unwrap();
        lab.store.fail(&due().await.expect("due at once"), never.clone()).await.unwrap();
        let dead = lab.store.dead_letters(None, 1).await.unwrap().remove(0);
        assert!(lab.store.retry_dead_letter(dead.job).await.unwrap());
        lab.store.defer(&due().await.expect("put back by hand"), Duration::from_mins(30)).await.unwrap();
        assert!(due().await.is_none(), "deferred, {ahead} s ahead");

        let lease = lab.claimed("x").await;
        let JobSubject::Arrival(id) = lease.subject().clone() else { panic!() };
        lab.store.fail(&lease, again).await.unwrap();
        lab.store.fail(lab.lease_of(id).await.as_ref(), never).await.unwrap();
        assert!(lab.store.requeue(id, &[ArrivalState::Failed], false, "ana").await.unwrap());
        lab.store.fail(lab.lease_of(id).await.as_ref(), later).await.unwrap();
        assert!(lab.claim(9).await.is_empty(), "to be tried later, {ahead} s ahead");
        lab.end().await;
    }
}

pub async fn a_reading_that_aborted_comes_back_as_a_suspect(lab: &Lab) {
    expired(lab).await;
    let held = reclaimed(lab).await;
    let JobSubject::Arrival(id) = held.subject() else { panic!() };
    lab.store.quarantine(&held, "reading_aborts").await.unwrap();
    assert!(lab.store.requeue(*id, &[ArrivalState::Quarantined], true, "ana").await.unwrap());
    assert!(lab.claim(1).await.is_empty(), "not to be read in the daemon");
    let again = lab.claim_of(Queue::Process, "third", 1, LEASE, true).await.remove(0);
    assert_eq!((again.attempt(), again.failures(), again.is_suspect()), (2, 0, true));
    assert!(matches!(lab.store.release(&held).await, Err(StoreError::Fenced(_))));
    lab.store.release(&again).await.unwrap();
    assert!(lab.claim(1).await.is_empty(), "given back, it is a suspect still");
}

pub async fn a_delivered_effect_is_gone(lab: &Lab) {
    let (_, lease) = effect(lab).await;
    lab.store.delivered(&lease).await.unwrap();
    assert!(matches!(lab.store.delivered(&lease).await, Err(StoreError::Fenced(_))));
    assert!(lab.store.dead_letters(None, 0).await.unwrap().is_empty());
    let stats = lab.store.stats().await;
    assert_eq!((stats.waiting["deliver"], stats.leased["deliver"]), (0, 0));
}

pub async fn workers_are_woken(lab: &Lab) {
    let store = lab.store.clone();
    let waiting = tokio::spawn(async move {
        let start = std::time::Instant::now();
        store.wait(Queue::Process, LONG).await;
        start.elapsed()
    });
    lab.accept(lab.form("x", &[])).await;
    assert!(waiting.await.unwrap() < LONG);
    lab.store.wait(Queue::Deliver, Duration::from_millis(1)).await;
}

pub async fn a_quarantined_job_is_settled(lab: &Lab) {
    let lease = lab.claimed("x").await;
    let JobSubject::Arrival(id) = lease.subject() else { panic!() };
    lab.store.quarantine(&lease, "unreadable").await.unwrap();
    let row = lab.store.show_arrival(*id).await.unwrap().unwrap().row;
    assert_eq!((row.state, row.reason.as_deref(), row.attempts), (ArrivalState::Quarantined, Some("unreadable"), 1));
    assert!(row.decided_at.is_some());
}

pub async fn figures_balance(lab: &Lab) {
    let oldest = lab.form("0", &["k"]);
    let received_at = oldest.envelope.received_at;
    lab.store.accept(vec![oldest, lab.form("1", &[]), lab.form("2", &["k"])], None).await.unwrap();
    assert_eq!(lab.store.stats().await.oldest_lease, None);
    // Leases are dated by the database's clock, which need not agree with ours to the millisecond.
    let minute = Duration::from_secs(60);
    let before = lab.now().before(minute);
    let lease = lab.claim(1).await.remove(0);
    let after = lab.now().after(minute);
    let stats = lab.store.stats().await;
    assert!(stats.reachable);
    let since = stats.oldest_lease.expect("one is held");
    assert!((before..=after).contains(&since), "{before} {since} {after}");
    lab.store.renew(&lease, LEASE).await.unwrap();
    assert_eq!(lab.store.stats().await.oldest_lease, Some(since), "renewing makes it no younger");
    assert_eq!((stats.arrivals["received"], stats.arrivals["processing"], stats.arrivals["decided"]), (1, 1, 1));
    assert_eq!((stats.waiting["process"], stats.leased["process"]), (1, 1));
    assert_eq!(stats.oldest_unprocessed, Some(received_at));
    assert_eq!(stats.arrivals.values().sum::<u64>(), 3);
    lab.store.release(&lease).await.unwrap();
    assert_eq!(lab.store.stats().await.oldest_lease, None, "a lease given back has no age");
}
