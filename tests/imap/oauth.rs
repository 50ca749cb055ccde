//! XOAUTH2 end to end: the whole daemon, a real Dovecot that asks an identity provider about every token.

use super::daemon::{TIMING, USER, deliver, doctor, go_away, ready, settled};
use crate::support::authority::Authority;
use crate::support::daemon::{Daemon, Setup};
use crate::support::dovecot::{Dovecot, Options};
use crate::support::ledger::texts_blocking;
use crate::support::wait::{LONG, until};

fn start(dovecot: &Dovecot, authority: &Authority) -> Daemon {
    let setup = Setup::new().file("grant", "grant-one\n");
    let mailbox = format!(
        "[[mailbox]]\nid = \"sales\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"starttls\"\nca_file = \"{}\"\n\
         user = \"{USER}\"\nfirst_run = \"all\"\n[mailbox.oauth]\nprovider = \"custom\"\nclient_id = \"app\"\n\
         token_url = \"{}\"\nrefresh_token = {{ file = \"{}\" }}\n{TIMING}",
        dovecot.port(),
        dovecot.ca_file().display(),
        authority.token_url(),
        setup.dir().join("grant").display(),
    );
    setup.contact_form().tables(&mailbox).start()
}

#[test]
fn s22_s23_s24_tokens_are_obtained_rotated_renewed_and_their_end_is_seen() {
    let authority = Authority::start(USER);
    let dovecot =
        Dovecot::start_with(&Options { tokeninfo_url: Some(authority.tokeninfo_url()), ..Options::default() });
    authority.grant("grant-one");
    deliver(&dovecot, 1);
    let mut daemon = start(&dovecot, &authority);
    settled(&daemon, 1);
    assert_eq!(authority.presented(), ["grant-one"], "one token for everything: {}", daemon.stderr());
    assert!(daemon.metric("pisteur_mailbox_token_expiry_timestamp_seconds").is_some_and(|at| at > 0.0));

    // The rotated refresh token outlives the daemon; the first one is used up.
    daemon.kill9();
    deliver(&dovecot, 2);
    daemon.restart();
    settled(&daemon, 2);
    assert_eq!(authority.presented(), ["grant-one", "rotated-1"]);

    // An access token that ended before its time is renewed at the next login.
    authority.expire();
    go_away(&daemon, &dovecot);
    deliver(&dovecot, 3);
    dovecot.resume();
    settled(&daemon, 3);
    assert_eq!(authority.presented(), ["grant-one", "rotated-1", "rotated-2"]);
    let metrics = daemon.operator().get("/metrics").expect("answers").text();
    assert!(metrics.contains("class=\"token_expired\""), "{metrics}");

    revoked(&daemon, &dovecot, &authority);

    // A new grant is obeyed without a restart, whatever was kept.
    authority.grant("grant-two");
    std::fs::write(daemon.path("grant"), "grant-two\n").expect("a file");
    settled(&daemon, 4);
    until("the mailbox is well", LONG, || ready(&daemon).0 == "ok");
    assert_eq!(authority.presented().last().map(String::as_str), Some("grant-two"));
    let told = daemon.stderr();
    for secret in ["grant-one", "grant-two", "rotated-1", "access-1"] {
        assert!(!told.contains(secret), "{secret} is in the log: {told}");
    }
    daemon.stop_cleanly();
}

/// The grant is taken back: every place that shows a mailbox says so, and the mail stays where it is.
fn revoked(daemon: &Daemon, dovecot: &Dovecot, authority: &Authority) {
    authority.revoke();
    go_away(daemon, dovecot);
    deliver(dovecot, 4);
    dovecot.resume();
    until("the refusal shows", LONG, || ready(daemon).1.contains("invalid_grant"));
    assert_eq!(ready(daemon).0, "degraded");
    assert_eq!(daemon.metric("pisteur_mailbox_connected"), Some(0.0));
    let metrics = daemon.operator().get("/metrics").expect("answers").text();
    assert!(metrics.contains("class=\"auth\""), "{metrics}");
    let (level, found) = doctor(daemon).pop().expect("a line");
    assert_eq!(level, "fail");
    assert!(found.contains("login") && found.contains("invalid_grant"), "{found}");
    let errors = texts_blocking(daemon.setup().database_url(), "SELECT last_error FROM mailbox");
    assert!(errors[0].contains("invalid_grant"), "{errors:?}");
    assert_eq!(dovecot.files(USER).len(), 4);
}
