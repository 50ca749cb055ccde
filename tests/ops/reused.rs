//! An explicit key used again for another content while PostgreSQL is away: nothing is taken for a repeat that is none.

use std::collections::BTreeMap;

use pisteur::domain::envelope::ArrivalKey;
use pisteur::store::{Edited, InitialState, NewArrival};
use tempfile::TempDir;
use ulid::Ulid;

use super::away::{Forms, accept, drained, open_at};
use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger::{count, count_blocking, texts_blocking};
use crate::support::postgres::{Fsync, Postgres};
use crate::support::wait::{LONG, until};

const KEY: &str = "form:contact:idem:k";

/// As the form's door makes it: an explicit key, the key of the content beside it.
fn said(forms: &Forms, text: &str, noise: &str) -> NewArrival {
    let mut form = forms.form(&format!("{text}&_t={noise}"), &[KEY]);
    let at = form.envelope.received_at;
    form.envelope.context.content_key = Some(ArrivalKey {
        value: format!("form:contact:hash:{text}"),
        expires_at: Some(at.after(std::time::Duration::from_secs(300))),
    });
    form.edited = Edited::of(&form.envelope, InitialState::Received, BTreeMap::new());
    form
}

#[tokio::test]
async fn another_content_under_a_known_key_is_a_submission_of_its_own_after_the_drain() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&url, spill.path()).await;
    let first = accept(&*store, said(&forms, "a", "1")).await.unwrap();
    let other = accept(&*store, forms.form("x", &["form:contact:idem:same"])).await.unwrap();
    cluster.stop();
    let edited = accept(&*store, said(&forms, "b", "2")).await.unwrap();
    let clicked = accept(&*store, said(&forms, "b", "3")).await.unwrap();
    let compared = accept(&*store, said(&forms, "c", "4")).await.unwrap();
    let same = accept(&*store, forms.form("x", &["form:contact:idem:same"])).await.unwrap();
    assert_eq!((edited.duplicate_of(), clicked.duplicate_of()), (None, Some(edited.id())));
    assert_eq!((compared.duplicate_of(), compared.follows()), (None, Some(edited.id())), "compared with the spill's");
    cluster.resume();
    drained(&*store).await;
    let shown = async |id: Ulid| store.show_arrival(id).await.unwrap().unwrap();
    let stored = shown(edited.id()).await;
    assert_eq!(stored.row.duplicate_of, None);
    assert_eq!(stored.context["extra"]["follows"], first.id().to_string());
    assert_eq!(stored.repeats, [clicked.id()]);
    assert_eq!(shown(compared.id()).await.context["extra"]["follows"], edited.id().to_string());
    assert_eq!(shown(first.id()).await.repeats, Vec::<Ulid>::new());
    assert_eq!(shown(other.id()).await.repeats, [same.id()], "equal content stays a repeat");
    assert_eq!(count(&url, "SELECT COUNT(*) FROM job").await, 4);
    // The edited one is known by its content too, as if the door had compared it at once.
    let mut again = said(&forms, "b", "5");
    again.edited = None;
    again.envelope.keys = again.envelope.context.content_key.take().into_iter().collect();
    assert_eq!(accept(&*store, again).await.unwrap().duplicate_of(), Some(edited.id()));
    store.close().await;
}

#[tokio::test]
async fn the_same_content_in_other_bytes_stays_a_repeat_after_the_drain() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&url, spill.path()).await;
    let first = accept(&*store, said(&forms, "a", "1")).await.unwrap();
    cluster.stop();
    let again = accept(&*store, said(&forms, "a", "2")).await.unwrap();
    cluster.resume();
    drained(&*store).await;
    let repeat = store.show_arrival(again.id()).await.unwrap().unwrap();
    assert_eq!(repeat.row.duplicate_of, Some(first.id()));
    store.close().await;
}

fn post(daemon: &Daemon, key: &str, message: &str) -> (u16, String) {
    let fields = [("name", "Jana Nováková"), ("email", "jana@novakova.cz"), ("message", message)];
    let answer = daemon.public().post_form_with("/f/contact", &fields, &[("idempotency-key", key)]).expect("answers");
    let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
    (answer.status, id)
}

#[test]
fn the_door_compares_with_the_spill_as_with_the_database() {
    let server = Postgres::start(Fsync::On);
    let url = server.url(&server.database());
    let limits = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n[worker]\nlease_seconds = 5\n";
    let mut daemon = Setup::new().contact_form().tables(limits).database(&url).start();
    let (_, first) = post(&daemon, "one", "Dotaz na kola");
    server.kill();
    let (status, second) = post(&daemon, "one", "Dotaz na brzdy");
    assert_eq!(status, 200, "nobody can know the key while the database is away");
    assert_ne!(second, first);
    assert_eq!(post(&daemon, "one", "Dotaz na brzdy"), (200, second.clone()));
    assert_eq!(post(&daemon, "one", "Dotaz na rám").0, 422, "the spill is read for it");
    let browser = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let edit = |message: &str| {
        let body = format!("_submission_id=two&email=eva@novakova.cz&message={message}");
        daemon.public().request("POST", "/f/contact", &browser, body.as_bytes()).expect("answers").status
    };
    assert_eq!((edit("prvni"), edit("druha"), edit("druha")), (303, 303, 303));
    server.resume();
    until("everything is decided", LONG, || {
        count_blocking(&url, "SELECT count(*) FROM arrival WHERE state = 'decided'") == 6
            && count_blocking(&url, "SELECT count(*) FROM job") == 0
    });
    let alone = "SELECT count(*) FROM arrival WHERE duplicate_of IS NULL";
    assert_eq!(count_blocking(&url, alone), 5, "two of each key, and what the script was refused");
    let held = texts_blocking(&url, "SELECT reason FROM arrival WHERE state = 'quarantined'");
    assert_eq!(held, ["key_reused"], "it is kept all the same");
    let follows = "SELECT ulid || ' ' || (CAST(context AS JSON) -> 'extra' ->> 'follows') FROM arrival \
        WHERE duplicate_of IS NULL AND context LIKE '%follows%' ORDER BY id";
    let follows = texts_blocking(&url, follows);
    assert_eq!(follows.len(), 3, "{follows:?}");
    assert!(follows.contains(&format!("{second} {first}")), "{follows:?}");
    daemon.stop_cleanly();
}
