//! Passwords, tokens, and what servers answer to them.

use pisteur::clock::SystemClock;
use pisteur::imap::{self, Access, ErrorClass, Grade, Vault};
use std::sync::Arc;

use super::rig::{Rig, TokenEndpoint, config};
use super::scripted::{Act, Scripted};

const OAUTH: &str =
    "[oauth]\nprovider = \"google\"\nclient_id = \"app\"\nrefresh_token = { command = [\"echo\", \"granted\"] }\n";

#[tokio::test]
async fn s19_a_wrong_password_waits_long_and_is_named_without_being_told() {
    let server = Scripted::start().await;
    server.with(|w| w.password = "another".into());
    let rig = Rig::start(config(server.port, "", "auth_retry = 0.2\nauth_retry_max = 0.2\nretry = 0.001\n"));
    rig.until("it fails twice", |r| r.status().failures >= 2).await;
    assert_eq!(rig.classes(), [ErrorClass::Auth]);
    assert!(!format!("{:?}", rig.errors.lock().unwrap()).contains("secret"));
    server.with(|w| w.password = "secret".into());
    server.deliver(1);
    rig.journalled(1).await;
}

#[tokio::test]
async fn a_password_beyond_ascii_goes_through_sasl() {
    let server = Scripted::start().await;
    server.with(|w| w.password = "žluťoučký".into());
    server.deliver(1);
    let rig = Rig::start(config(server.port, "password = { command = [\"echo\", \"žluťoučký\"] }", ""));
    rig.journalled(1).await;
}

#[tokio::test]
async fn s22_xoauth2_logs_in_with_a_token() {
    let server = Scripted::start().await;
    server.with(|w| w.tokens.insert("t1".into()));
    server.deliver(1);
    let tokens = TokenEndpoint::answering(&[(200, r#"{"access_token":"t1","expires_in":3600}"#)]);
    let rig = Rig::start_with(config(server.port, OAUTH, ""), Arc::default(), &tokens);
    rig.journalled(1).await;
    rig.up().await;
    assert!(rig.status().tokens.expires_at.is_some());
    let asked = tokens.asked.lock().unwrap()[0].clone();
    assert!(asked.contains(&("refresh_token".into(), "granted".into())));
    server.cut();
    server.deliver(2);
    rig.journalled(2).await;
    assert_eq!(tokens.asked.lock().unwrap().len(), 1, "s23: the token is cached over reconnections");
}

#[tokio::test]
async fn s23_an_expired_token_is_renewed_at_once() {
    let server = Scripted::start().await;
    server.with(|w| w.tokens.insert("t1".into()));
    let tokens = TokenEndpoint::answering(&[
        (200, r#"{"access_token":"t1","expires_in":3600,"refresh_token":"rotated"}"#),
        (200, r#"{"access_token":"t2","expires_in":3600}"#),
    ]);
    let rig = Rig::start_with(config(server.port, OAUTH, ""), Arc::default(), &tokens);
    rig.up().await;
    let mut once = true;
    server.on(move |command, world| {
        (command.starts_with("EXAMINE") && std::mem::take(&mut once)).then(|| {
            world.tokens = ["t2".to_owned()].into();
            Act::SayAndCut(b"* BYE Session invalidated - AccessTokenExpired\r\n".to_vec())
        })
    });
    server.deliver(1);
    rig.journalled(1).await;
    assert!(rig.classes().iter().all(|c| *c == ErrorClass::TokenExpired), "{:?}", rig.classes());
    let second = tokens.asked.lock().unwrap()[1].clone();
    assert!(second.contains(&("refresh_token".into(), "rotated".into())), "the rotated token is used");
    assert!(rig.store.with(|h| h.secrets["oauth:sales"].contains("rotated")), "and kept");
}

#[tokio::test]
async fn s19_a_refused_fresh_token_shows_what_the_provider_said() {
    let server = Scripted::start().await;
    let tokens = TokenEndpoint::answering(&[(200, r#"{"access_token":"wrong","expires_in":3600}"#)]);
    let rig = Rig::start_with(config(server.port, OAUTH, "auth_retry = 30\n"), Arc::default(), &tokens);
    rig.until("it fails", |r| r.status().failures == 1).await;
    let (class, text) = rig.status().last_error.unwrap();
    assert_eq!(class, ErrorClass::Auth);
    assert!(text.contains("the provider answered 401") && !text.contains("wrong"), "{text}");
}

#[tokio::test]
async fn s24_a_revoked_grant_is_an_auth_failure() {
    let server = Scripted::start().await;
    let tokens = TokenEndpoint::answering(&[(400, r#"{"error":"invalid_grant","error_description":"expired"}"#)]);
    let rig = Rig::start_with(config(server.port, OAUTH, "auth_retry = 30\n"), Arc::default(), &tokens);
    rig.until("it fails", |r| r.status().failures == 1).await;
    assert_eq!(rig.status().last_error.unwrap().0, ErrorClass::Auth);
    assert!(server.seen("AUTHENTICATE").is_empty());
}

#[tokio::test]
async fn app_only_access_sends_client_credentials() {
    let server = Scripted::start().await;
    server.with(|w| w.tokens.insert("app-token".into()));
    server.deliver(1);
    let oauth = "[oauth]\nprovider = \"microsoft\"\ngrant = \"client_credentials\"\ntenant = \"t\"\nclient_id = \"app\"\n\
                 client_secret = { command = [\"echo\", \"s\"] }\n";
    let tokens = TokenEndpoint::answering(&[(200, r#"{"access_token":"app-token","expires_in":3599}"#)]);
    let rig = Rig::start_with(config(server.port, oauth, ""), Arc::default(), &tokens);
    rig.journalled(1).await;
    let asked = tokens.asked.lock().unwrap()[0].clone();
    for pair in [("grant_type", "client_credentials"), ("scope", "https://outlook.office365.com/.default")] {
        assert!(asked.contains(&(pair.0.into(), pair.1.into())), "{asked:?}");
    }
}

#[tokio::test]
async fn a_user_without_mailbox_permission_is_an_auth_failure() {
    let server = Scripted::start().await;
    server.on(|command, _| {
        command
            .starts_with("EXAMINE")
            .then(|| Act::Say("{tag} BAD User is authenticated but not connected.\r\n".into()))
    });
    let rig = Rig::start(config(server.port, "", "auth_retry = 30\n"));
    rig.until("it fails", |r| r.status().failures == 1).await;
    assert_eq!(rig.status().last_error.unwrap().0, ErrorClass::Auth);
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_password() {
    let server = Scripted::start().await;
    let rig = Rig::start(config(server.port, "tls = \"starttls\"", "auth_retry = 30\n"));
    rig.until("it fails", |r| r.status().failures == 1).await;
    let (class, text) = rig.status().last_error.unwrap();
    assert_eq!(class, ErrorClass::Settings);
    assert!(text.contains("STARTTLS"));
    assert!(server.seen("LOGIN").is_empty());
}

#[tokio::test]
async fn a_probe_tells_each_step_with_its_remedy() {
    let server = Scripted::start().await;
    let probe = async |more: &str| {
        let config = config(server.port, more, "");
        let access = Access::new(
            &config,
            Arc::new(SystemClock::default()),
            TokenEndpoint::default().fetcher(),
            Vault::forgetful(),
        );
        imap::probe(&config, &access).await
    };
    let report = probe("after = \"keyword\"").await;
    let names: Vec<&str> = report.lines.iter().map(|l| l.name).collect();
    assert_eq!(names, ["resolve", "connect", "login", "folder", "capabilities", "marks"]);
    assert_eq!(report.grade(), Grade::Warn, "plain connections are worth a warning");
    server.with(|w| w.own_keywords = false);
    let marks = probe("after = \"keyword\"").await.lines.pop().unwrap();
    assert_eq!(marks.grade, Grade::Warn);
    assert!(marks.remedy.contains("move"));
    server.with(|w| w.password = "another".into());
    let report = probe("").await;
    let last = report.lines.last().unwrap();
    assert_eq!((last.name, last.grade), ("login", Grade::Fail));
    assert!(last.remedy.contains("app password"));
}
