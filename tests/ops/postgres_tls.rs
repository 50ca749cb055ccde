//! PostgreSQL over TLS: encrypted when asked for, and refused in plain words when the server cannot prove who it is.

use std::path::{Path, PathBuf};

use pisteur::store::{Queue, StoreError, open};
use tempfile::TempDir;

use super::away::{Forms, accept, drained, open_at, options};
use crate::support::certs::Certs;
use crate::support::daemon::Setup;
use crate::support::ledger::count;
use crate::support::postgres::Postgres;
use crate::support::proxy::ChaosProxy;

fn url(cluster: &Postgres, name: &str, host: &str, root: &Path) -> String {
    let port = cluster.port();
    format!("postgres://postgres@{host}:{port}/{name}?sslmode=verify-full&sslrootcert={}", root.display())
}

fn stranger(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("stranger.pem");
    std::fs::write(&path, Certs::local().ca).unwrap();
    path
}

async fn refusal(url: &str, spill: &TempDir) -> String {
    match open(options(url, spill.path())).await {
        Err(StoreError::Unusable(text)) => text,
        other => panic!("{:?}", other.map(|(_, opened)| opened)),
    }
}

#[tokio::test]
async fn a_verified_server_is_spoken_to_in_tls_only() {
    let cluster = Postgres::start_with_tls(&Certs::local());
    let (name, spill, forms) = (cluster.database(), TempDir::new().unwrap(), Forms::default());
    for host in ["127.0.0.1", "localhost"] {
        let url = url(&cluster, &name, host, &cluster.ca_file());
        let (store, opened) = open_at(&url, spill.path()).await;
        assert!(!opened.degraded);
        assert!(!accept(&*store, forms.form(host, &[])).await.unwrap().spilled());
        // The listener is a connection of its own; it is there once somebody waits.
        store.wait(Queue::Process, std::time::Duration::from_millis(1)).await;
        let sessions = "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'pisteur'";
        let plain = cluster.psql(&name, &format!("SELECT count(*) {sessions} AND NOT ssl"));
        let secure = cluster.psql(&name, &format!("SELECT count(*) > 0 {sessions} AND ssl"));
        assert_eq!((plain.as_str(), secure.as_str()), ("0", "t"));
        store.close().await;
    }
    assert_eq!(count(&cluster.url(&name), "SELECT count(*) FROM arrival").await, 2);
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_is_refused_at_the_start() {
    let cluster = Postgres::start_with_tls(&Certs::for_names(&["db.example.com"]));
    let (name, spill) = (cluster.database(), TempDir::new().unwrap());
    let wrong_root = refusal(&url(&cluster, &name, "127.0.0.1", &stranger(&spill)), &spill).await;
    assert!(wrong_root.contains("certificate") && wrong_root.contains("sslrootcert"), "{wrong_root}");
    let wrong_name = refusal(&url(&cluster, &name, "127.0.0.1", &cluster.ca_file()), &spill).await;
    assert!(wrong_name.contains("certificate") && wrong_name.contains("name"), "{wrong_name}");
    let missing = refusal(&url(&cluster, &name, "127.0.0.1", &spill.path().join("missing.pem")), &spill).await;
    assert!(missing.contains("sslrootcert"), "{missing}");
    let plain = Postgres::shared();
    let no_tls = refusal(&url(plain, &plain.database(), "127.0.0.1", &cluster.ca_file()), &spill).await;
    assert!(no_tls.contains("TLS") && no_tls.contains("ssl = on"), "{no_tls}");
}

/// The other half: a server that changes its certificate under a running daemon costs no form.
#[tokio::test]
async fn a_certificate_that_goes_bad_later_is_an_outage() {
    let cluster = Postgres::start_with_tls(&Certs::local());
    let impostor = Postgres::start_with_tls(&Certs::local());
    let (name, spill, forms) = (cluster.database(), TempDir::new().unwrap(), Forms::default());
    let proxy = ChaosProxy::to_port(cluster.port());
    let root = cluster.ca_file();
    let url = format!(
        "postgres://postgres@127.0.0.1:{}/{name}?sslmode=verify-full&sslrootcert={}",
        proxy.port(),
        root.display()
    );
    let (store, _) = open_at(&url, spill.path()).await;
    proxy.lead_to(impostor.port());
    let kept = accept(&*store, forms.form("kept", &[])).await.unwrap();
    assert!(kept.spilled());
    assert!(accept(&*store, forms.form("too", &[])).await.unwrap().spilled());
    proxy.lead_to(cluster.port());
    drained(&*store).await;
    assert_eq!(count(&cluster.url(&name), "SELECT count(*) FROM arrival").await, 2);
    store.close().await;
}

#[test]
fn the_daemon_says_why_it_does_not_start() {
    let cluster = Postgres::start_with_tls(&Certs::local());
    let dir = TempDir::new().unwrap();
    let url = url(&cluster, &cluster.database(), "127.0.0.1", &stranger(&dir));
    let mut daemon = Setup::new().contact_form().database(&url).start_unready();
    assert!(daemon.wait_end().is_some_and(|code| code != 0));
    assert!(daemon.stderr().contains("sslrootcert"), "{}", daemon.stderr());
}
