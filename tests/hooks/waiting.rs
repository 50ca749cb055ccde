//! Announced leads that wait for a token, without a daemon.

use std::sync::Arc;
use std::time::Duration;

use pisteur::delivery::retrieve::{RETRIEVE, Sources};
use pisteur::domain::decision::{Action, RecordKind};
use pisteur::store::{Effect, Lease, Queue};

use super::rig::{config_of, read};
use crate::store_conformance::lab::{LEASE, Lab, person};

/// A fetch of this hook, as a worker holds it.
async fn fetch(lab: &Lab, hook: &str) -> Arc<Lease> {
    let effect = Effect {
        id: lab.id(),
        kind: RETRIEVE.to_owned(),
        target: hook.to_owned(),
        payload: serde_json::json!({ "arrival": lab.id(), "lead": "1" }),
    };
    let lease = lab.claimed("x").await;
    let record = lab.record(RecordKind::Lead);
    let mut commit = lab.commit(&lease, &person("Eva Malá", "eva@w.example", None), Action::Create(Box::new(record)));
    commit.effects.push(effect);
    lab.one(commit).await;
    lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_database_did_not_take_is_owed_on() {
    let folder = tempfile::tempdir().unwrap();
    let text = config_of(
        folder.path(),
        &[("meta", "meta-lead-ads", "the-app-secret", "verify_token_file = \"VERIFY\"\nTOKEN")],
    );
    let token = folder.path().join("token");
    std::fs::write(&token, "EAAB-page-token-of-the-shop").unwrap();
    let without = Sources::new(&read(&text.replace("TOKEN", "")).unwrap()).unwrap();
    let with = text.replace("TOKEN", &format!("token_file = \"{}\"", token.display()));
    let lab = Lab::sqlite().await;
    let lease = fetch(&lab, "meta").await;
    lab.store.defer(&lease, Duration::from_hours(6)).await.unwrap();
    let due = async || lab.claim_of(Queue::Deliver, "courier", 5, LEASE, false).await.len();
    without.hasten(lab.store.as_ref()).await;
    assert_eq!(due().await, 0, "without a token there is nothing to be done");
    let sources = Sources::renewed(&read(&with).unwrap(), &without).unwrap();
    let away = Lab::sqlite().await;
    away.store.close().await;
    sources.hasten(away.store.as_ref()).await;
    // Another change comes before the database does.
    let sources = Sources::renewed(&read(&with).unwrap(), &sources).unwrap();
    sources.hasten(lab.store.as_ref()).await;
    assert_eq!(due().await, 1);
    lab.end().await;
}
