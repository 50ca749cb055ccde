//! What only PostgreSQL can get wrong: the server, and the plans of its statements.

use std::sync::Arc;

use pisteur::clock::{Clock, SystemClock};
use pisteur::store::{StoreError, open};
use tempfile::TempDir;

use super::lab::{Lab, options};
use crate::support::postgres::Postgres;

/// A new database on the cluster of this test run.
pub async fn lab() -> Lab {
    let cluster = Postgres::shared();
    let url = cluster.url(&cluster.database());
    Lab::open(&url, TempDir::with_prefix("pisteur-store-").unwrap()).await
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let cluster = Postgres::shared();
    let name = cluster.database();
    let (dir, clock): (_, Arc<dyn Clock>) = (TempDir::new().unwrap(), Arc::new(SystemClock::default()));
    let options = options(&cluster.url(&name), &clock, &dir);
    let (store, _) = open(options.clone()).await.unwrap();
    store.close().await;
    cluster.psql(&name, "INSERT INTO pisteur_migration (version, applied_at) VALUES (9999, 0)");
    let error = open(options).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9999, .. }), "{error}");
}

#[tokio::test]
async fn a_pending_migration_is_named_when_not_wanted() {
    let cluster = Postgres::shared();
    let (dir, clock): (_, Arc<dyn Clock>) = (TempDir::new().unwrap(), Arc::new(SystemClock::default()));
    let mut options = options(&cluster.url(&cluster.database()), &clock, &dir);
    options.migrate = false;
    let error = open(options).await.unwrap_err();
    assert!(error.to_string().contains("pisteur migrate"), "{error}");
}

#[tokio::test]
async fn names_that_differed_only_by_their_case_do_not_stop_a_migration() {
    let cluster = Postgres::shared();
    let name = cluster.database();
    let (dir, clock): (_, Arc<dyn Clock>) = (TempDir::new().unwrap(), Arc::new(SystemClock::default()));
    let (store, _) = open(options(&cluster.url(&name), &clock, &dir)).await.unwrap();
    store.close().await;
    cluster.psql(
        &name,
        "DROP TABLE touch; DROP INDEX record_tag_tag; ALTER TABLE source DROP COLUMN folded; \
         ALTER TABLE medium DROP COLUMN folded; ALTER TABLE campaign DROP COLUMN folded; \
         INSERT INTO campaign (name, created_at) VALUES ('Spring', 1), ('spring', 2), ('May', 3)",
    );
    cluster.psql(&name, include_str!("../../src/store/postgres/migrations/0007_touches.sql"));
    let folded = cluster.psql(&name, "SELECT string_agg(folded, ',' ORDER BY id) FROM campaign");
    assert_eq!(folded.trim(), "spring,spring #2,may");
}

/// Under repeatable read a commit would not see the record that made its guard wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_isolation_that_the_database_prefers_changes_nothing() {
    let cluster = Postgres::shared();
    let name = cluster.database();
    let prefer = format!("ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'");
    cluster.psql("postgres", &prefer);
    let lab = Lab::open(&cluster.url(&name), TempDir::with_prefix("pisteur-store-").unwrap()).await;
    super::commits::sixty_four_variants_of_one_person_make_one_lead(&lab).await;
    lab.end().await;
}

/// With sequential scans out of favour, whatever is still scanned whole has no index that could serve.
#[tokio::test]
async fn hot_statements_can_use_an_index() {
    let lab = lab().await;
    for (name, plan) in lab.store.plans().await.unwrap() {
        if [
            "CLAIM_ARRIVALS",
            "FENCE",
            "PROBE",
            "RESOLVE",
            "KNOWN_KEY",
            "TAKEN_KEYS",
            "LOAD",
            "HAVE_ULIDS",
            "KEY_HOLDERS",
            "HISTORY",
            "ENDINGS",
        ]
        .contains(&name)
        {
            assert!(!plan.contains("Seq Scan"), "{name}:\n{plan}");
        }
    }
    lab.end().await;
}
