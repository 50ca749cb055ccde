//! What only SQLite can get wrong: the file.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use pisteur::clock::{Clock, SystemClock};
use pisteur::store::{StoreError, open};
use tempfile::TempDir;

use super::lab::{Lab, options};
use crate::support::process::ServerUser;

fn place() -> (TempDir, std::path::PathBuf, String, Arc<dyn Clock>) {
    let dir = TempDir::with_prefix("pisteur-store-").unwrap();
    let file = dir.path().join("pisteur.db");
    let url = format!("sqlite://{}", file.display());
    (dir, file, url, Arc::new(SystemClock::default()))
}

#[tokio::test]
async fn what_was_accepted_is_there_after_reopening() {
    let lab = Lab::sqlite().await;
    let id = lab.accept(lab.form("kept", &["k"])).await.id();
    lab.store.close().await;
    assert!(matches!(lab.store.accept(vec![lab.form("late", &[])], None).await, Err(StoreError::Away(_))));
    let url = format!("sqlite://{}/db/pisteur.db", lab.dir.path().display());
    let (store, opened) = open(options(&url, &lab.clock, &lab.dir)).await.unwrap();
    assert!(!opened.created && opened.migrated == 0, "{opened:?}");
    assert_eq!(store.load(&[id]).await.unwrap()[0].raw[..], b"kept"[..]);
    assert_eq!(store.known_key("k").await.unwrap(), Some(id));
    store.close().await;
}

#[test]
fn a_database_password_is_not_printed() {
    let (dir, _, _, clock) = place();
    let shown = format!("{:?}", options("postgres://pisteur:hunter2@db/crm", &clock, &dir));
    assert!(shown.contains("postgres") && !shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn commits_are_synced_in_full() {
    let lab = Lab::sqlite().await;
    for (name, value, ok) in lab.store.settings().await.unwrap() {
        assert!(ok, "{name} = {value}");
    }
    lab.end().await;
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let (dir, file, url, clock) = place();
    let (store, _) = open(options(&url, &clock, &dir)).await.unwrap();
    store.close().await;
    sql(&file, "INSERT INTO pisteur_migration (version, applied_at) VALUES (9999, 0)").await;
    let error = open(options(&url, &clock, &dir)).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9999, .. }), "{error}");
}

#[tokio::test]
async fn a_pending_migration_is_named_when_not_wanted() {
    let (dir, file, url, clock) = place();
    std::fs::write(&file, "").unwrap();
    let mut options = options(&url, &clock, &dir);
    options.migrate = false;
    let error = open(options).await.unwrap_err();
    assert!(error.to_string().contains("pisteur migrate"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_named_with_its_remedy() {
    let (dir, file, url, clock) = place();
    std::fs::write(&file, "this is no database, it is a text that somebody put here by mistake\n".repeat(99)).unwrap();
    let error = open(options(&url, &clock, &dir)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains("backup"), "{error}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let (dir, file, _, clock) = place();
    std::fs::write(&file, "a file where a folder should be").unwrap();
    let url = format!("sqlite://{}/below/pisteur.db", file.display());
    let error = open(options(&url, &clock, &dir)).await.unwrap_err();
    assert!(error.to_string().contains("the folder"), "{error}");
}

/// Root writes to anything, so the built program looks at the file as the user of the test servers.
#[test]
fn a_read_only_file_is_named() {
    let user = ServerUser::get();
    let dir = TempDir::with_prefix("pisteur-store-").unwrap();
    user.own(dir.path());
    // That user may not reach the folder the program was built in.
    let (built, program) = (env!("CARGO_BIN_EXE_pisteur"), dir.path().join("pisteur"));
    std::fs::hard_link(built, &program).or_else(|_| std::fs::copy(built, &program).map(drop)).unwrap();
    let migrate = || {
        let mut command = user.command(&program);
        command.arg("migrate").current_dir(dir.path()).env("PISTEUR__DATABASE", "sqlite://pisteur.db");
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(migrate(), (Some(0), String::new()));
    for path in [dir.path().join("pisteur.db"), dir.path().to_owned()] {
        let before = std::fs::metadata(&path).unwrap().permissions();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(before.mode() & 0o555)).unwrap();
        let (code, said) = migrate();
        std::fs::set_permissions(&path, before).unwrap();
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("read-only") && said.contains("give the user that runs pisteur the right"), "{said}");
    }
    assert_eq!(migrate().0, Some(0));
}

#[tokio::test]
async fn other_schemes_are_refused() {
    let (dir, _, _, clock) = place();
    let error = open(options("mysql://x", &clock, &dir)).await.unwrap_err();
    assert!(error.to_string().contains("sqlite://"), "{error}");
}

/// Runs SQL on a closed file.
async fn sql(file: &std::path::Path, statement: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut conn = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query(statement).execute(&mut conn).await.unwrap();
    sqlx::Connection::close(conn).await.unwrap();
}
