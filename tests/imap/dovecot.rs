//! The same against a real Dovecot.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pisteur::clock::SystemClock;
use pisteur::config::mailbox::MailboxConfig;
use pisteur::domain::envelope::ArrivalState;
use pisteur::imap::{self, Access, ErrorClass, Grade, MarkOutcome, Vault};

use super::rig::{Rig, TokenEndpoint, config};
use super::scripted::message;
use crate::support::dovecot::{Dovecot, Options};

const USER: &str = "sales@example.com";

fn deliver(server: &Dovecot, numbers: impl IntoIterator<Item = u32>) {
    for n in numbers {
        server.deliver(USER, &message(n));
    }
}

fn plain(server: &Dovecot, more: &str) -> MailboxConfig {
    config(server.port(), more, "")
}

async fn mark(rig: &Rig, index: usize) -> MarkOutcome {
    let position = rig.store.with(|h| h.arrivals[index].envelope.context.mail.clone().unwrap());
    rig.handle.mark(&position, ArrivalState::Decided).await.unwrap()
}

#[tokio::test]
async fn plain_starttls_and_implicit_tls_read_the_same_mail() {
    let server = Dovecot::start();
    deliver(&server, 1..=3);
    let ca = format!("ca_file = \"{}\"\n", server.ca_file().display());
    let (starttls, implicit) = (format!("tls = \"starttls\"\n{ca}"), format!("tls = \"implicit\"\n{ca}"));
    for (port, more) in [(server.port(), String::new()), (server.port(), starttls), (server.tls_port(), implicit)] {
        let rig = Rig::start(config(port, &more, ""));
        rig.journalled(3).await;
        rig.store.with(|h| {
            for (n, arrival) in h.arrivals.iter().enumerate() {
                assert_eq!(arrival.envelope.raw, message(u32::try_from(n).unwrap() + 1));
                assert!(arrival.envelope.context.mail.as_ref().unwrap().internal_date.is_some());
            }
        });
        assert_eq!(rig.classes(), [], "{more}");
    }
    assert!(server.files(USER).iter().all(|f| !f.to_string_lossy().ends_with('S')), "nothing is marked as seen");
}

/// Fails on the TLS of either kind, before any password is sent.
async fn refused(server: &Dovecot, ca: &str) -> Vec<String> {
    let mut said = Vec::new();
    for (port, mode) in [(server.tls_port(), "implicit"), (server.port(), "starttls")] {
        let rig = Rig::start(config(port, &format!("tls = \"{mode}\"\n{ca}"), ""));
        rig.until("it fails twice", |r| r.status().failures > 1).await;
        let (class, text) = rig.status().last_error.unwrap();
        assert_eq!(class, ErrorClass::Network, "{mode}");
        assert!(text.contains("TLS"), "{mode}: {text}");
        assert_eq!((rig.status().polls, rig.store.uids().len()), (0, 0));
        said.push(text);
    }
    assert!(!server.log().contains("Login:"), "{}", server.log());
    said
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused() {
    let server = Dovecot::start();
    deliver(&server, [1]);
    for text in refused(&server, "").await {
        assert!(text.contains("UnknownIssuer"), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Dovecot::start_with(&Options { names: vec!["imap.example.com"], ..Options::default() });
    deliver(&server, [1]);
    for text in refused(&server, &format!("ca_file = \"{}\"", server.ca_file().display())).await {
        assert!(text.contains("not valid for name"), "{text}");
    }
}

#[tokio::test]
async fn the_authority_of_another_server_is_no_proof() {
    let (server, other) = (Dovecot::start(), Dovecot::start());
    deliver(&server, [1]);
    refused(&server, &format!("ca_file = \"{}\"", other.ca_file().display())).await;
}

#[tokio::test]
async fn s19_dovecot_refuses_a_wrong_password() {
    let server = Dovecot::start();
    let rig = Rig::start(plain(&server, "password = { command = [\"echo\", \"wrong\"] }"));
    rig.until("it fails", |r| r.status().failures > 0).await;
    assert_eq!(rig.status().last_error.unwrap().0, ErrorClass::Auth);
}

#[tokio::test]
async fn s12_idle_wakes_for_new_mail() {
    let server = Dovecot::start();
    deliver(&server, [1]);
    let rig = Rig::start(config(server.port(), "", "poll = 3600\nidle = 1000\n"));
    rig.journalled(1).await;
    rig.up().await;
    for n in 2..=4 {
        deliver(&server, [n]);
        rig.journalled(n as usize).await;
    }
    assert_eq!(rig.status().connections, 1);
}

#[tokio::test]
async fn s10_the_keyword_shows_and_seen_stays_as_it_was() {
    let server = Dovecot::start();
    deliver(&server, 1..=2);
    let rig = Rig::start(plain(&server, "after = \"keyword\""));
    rig.journalled(2).await;
    assert_eq!(mark(&rig, 1).await, MarkOutcome::Marked);
    let letter = server.keywords(USER).into_iter().find(|(_, k)| k == "$LeadImported").unwrap().0;
    let flagged: Vec<bool> =
        server.files(USER).iter().map(|f| f.to_string_lossy().split_once(":2,").unwrap().1.contains(letter)).collect();
    assert_eq!(flagged, [false, true]);
    assert!(server.files(USER).iter().all(|f| !f.to_string_lossy().split_once(":2,").unwrap().1.contains('S')));
}

#[tokio::test]
async fn a_moved_message_lies_in_the_other_folder() {
    let server = Dovecot::start();
    deliver(&server, 1..=3);
    let rig = Rig::start(plain(&server, "after = { move = \"Traités\" }"));
    rig.journalled(3).await;
    assert_eq!(mark(&rig, 1).await, MarkOutcome::Marked);
    assert_eq!(mark(&rig, 1).await, MarkOutcome::Gone);
    assert_eq!((server.files(USER).len(), server.files_in(USER, "Trait&AOk-s").len()), (2, 1));
    deliver(&server, [4]);
    rig.journalled(4).await;
}

/// Dovecot without MOVE, and a target that an attempt cut off after its COPY left behind.
#[tokio::test]
async fn s17_a_move_by_copy_finds_the_copy_of_an_earlier_attempt() {
    let old = "imap_capability = IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ UIDPLUS\n";
    let server = Dovecot::start_with(&Options { extra: old.to_owned(), ..Options::default() });
    deliver(&server, 1..=3);
    let rig = Rig::start(plain(&server, "after = { move = \"Processed\" }"));
    rig.journalled(3).await;
    assert_eq!(mark(&rig, 0).await, MarkOutcome::Marked, "the folder is made");
    server.talk(USER, &["SELECT INBOX", "UID COPY 2 Processed"]);
    assert_eq!(server.files_in(USER, "Processed").len(), 2);
    assert_eq!(mark(&rig, 1).await, MarkOutcome::Marked);
    assert_eq!((server.files(USER).len(), server.files_in(USER, "Processed").len()), (1, 2));
    assert_eq!(mark(&rig, 2).await, MarkOutcome::Marked);
    let bodies: BTreeSet<Vec<u8>> =
        server.files_in(USER, "Processed").iter().map(|f| std::fs::read(f).unwrap()).collect();
    assert_eq!(bodies, (1..=3).map(message).collect());
    assert_eq!((server.files(USER).len(), server.files_in(USER, "Processed").len()), (0, 3));
    deliver(&server, [4]);
    rig.journalled(4).await;
}

#[tokio::test]
async fn s14_a_server_restart_in_either_way_loses_and_doubles_nothing() {
    let server = Dovecot::start();
    deliver(&server, 1..=20);
    let rig = Rig::start(plain(&server, ""));
    rig.journalled(20).await;
    for (round, kill) in [(1, false), (2, true)] {
        if kill {
            server.kill();
        } else {
            server.stop();
        }
        deliver(&server, [20 + round]);
        server.resume();
        rig.journalled(20 + round as usize).await;
    }
    assert_eq!((rig.store.uids(), rig.store.with(|h| h.repeats)), ((1..=22).collect::<Vec<_>>(), 0));
}

#[tokio::test]
async fn s09_a_reset_of_uidvalidity_creates_no_doubles() {
    let server = Dovecot::start();
    deliver(&server, 1..=10);
    let rig = Rig::start(plain(&server, ""));
    rig.journalled(10).await;
    rig.up().await;
    let uidvalidity = server.reset_uidvalidity(USER);
    deliver(&server, [11]);
    rig.journalled(11).await;
    rig.looked().await;
    rig.store.with(|h| {
        assert_eq!((h.arrivals.len(), h.repeats), (11, 0));
        assert_eq!(h.arrivals[10].envelope.raw, message(11));
        assert_eq!(h.arrivals[10].envelope.context.mail.as_ref().unwrap().uidvalidity, uidvalidity);
    });
}

#[tokio::test]
async fn s16_first_run_policies_on_dovecot() {
    let server = Dovecot::start();
    deliver(&server, 1..=4);
    // Two years, a month and no days old.
    let days = [730, 30, 1, 0];
    for (file, days) in server.files(USER).iter().zip(days) {
        let at = SystemTime::UNIX_EPOCH + UNIX_EPOCH.elapsed().unwrap() - Duration::from_secs(days * 86_400);
        std::fs::File::options().append(true).open(file).unwrap().set_modified(at).unwrap();
    }
    let now = i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let day = jiff::Timestamp::from_second(now - 10 * 86_400).unwrap().strftime("%Y-%m-%d").to_string();
    let since = Rig::start(plain(&server, &format!("first_run = {{ since = \"{day}\" }}")));
    let from_now = Rig::start(plain(&server, "first_run = \"from_now\""));
    assert_eq!(since.journalled(2).await, [3, 4]);
    since.up().await;
    from_now.up().await;
    deliver(&server, [5]);
    assert_eq!(since.journalled(3).await, [3, 4, 5]);
    assert_eq!(from_now.journalled(1).await, [5]);
    let silent = since.store.with(|h| h.arrivals.iter().map(|a| a.envelope.context.silent).collect::<Vec<_>>());
    assert_eq!(silent, [true, true, false]);
}

#[tokio::test]
async fn a_mail_of_forty_megabytes_is_read_in_part() {
    let server = Dovecot::start();
    let mut large = message(1);
    large.resize(40 * 1024 * 1024, b'x');
    server.deliver(USER, &large);
    deliver(&server, [2]);
    let rig = Rig::start(plain(&server, ""));
    rig.journalled(2).await;
    rig.store.with(|h| {
        assert_eq!(h.arrivals[0].envelope.raw.len(), 256 * 1024);
        assert!(h.arrivals[0].envelope.context.truncated_from.unwrap() >= 40 * 1024 * 1024);
    });
}

#[tokio::test]
async fn a_thousand_mails_are_read_once_each_in_order() {
    let server = Dovecot::start();
    deliver(&server, 1..=1000);
    let rig = Rig::start(plain(&server, ""));
    assert_eq!(rig.journalled(1000).await, (1..=1000).collect::<Vec<_>>());
    assert_eq!(rig.store.with(|h| h.repeats), 0);
}

#[tokio::test]
async fn a_probe_of_dovecot_is_well() {
    let server = Dovecot::start();
    deliver(&server, 1..=2);
    let more = format!("tls = \"implicit\"\nca_file = \"{}\"\nafter = \"keyword\"", server.ca_file().display());
    let config = config(server.tls_port(), &more, "");
    let tokens = TokenEndpoint::default().fetcher();
    let access = Access::new(&config, Arc::new(SystemClock::default()), tokens, Vault::forgetful());
    let report = imap::probe(&config, &access).await;
    assert_eq!(report.grade(), Grade::Ok, "{report:?}");
    assert!(report.lines.iter().any(|l| l.name == "folder" && l.text.contains("2 message(s)")));
}
