//! How sessions live and die: IDLE and polling, lost connections, restarts, locks.

use std::time::Duration;

use pisteur::domain::envelope::{ArrivalState, MailPosition};
use pisteur::imap::{ErrorClass, Link, MarkError};

use super::rig::{Rig, TokenEndpoint, config};
use super::scripted::{Act, Scripted};

#[tokio::test]
async fn s12_idle_brings_new_mail_at_once() {
    let server = Scripted::start().await;
    let rig = Rig::start(config(server.port, "", "poll = 3600\nidle = 1000\n"));
    rig.up().await;
    for n in 1..=3 {
        rig.until("the server idles", |_| server.seen("IDLE").len() >= n as usize).await;
        server.deliver(n);
        rig.journalled(n as usize).await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn s12_a_poll_finds_what_a_silent_idle_does_not_tell() {
    let server = Scripted::start().await;
    server.on(|command, _| (command == "IDLE").then(|| Act::Say("+ idling\r\n".into())));
    let rig = Rig::start(config(server.port, "", "poll = 0.3\ndone = 0.2\ncommand = 2\n"));
    rig.up().await;
    server.deliver(1);
    // This server does not answer DONE either: the session is replaced.
    rig.journalled(1).await;
}

#[tokio::test]
async fn a_server_without_idle_is_polled() {
    let server = Scripted::start().await;
    server.with(|w| w.capabilities.retain(|c| *c != "IDLE"));
    let rig = Rig::start(config(server.port, "", "poll_without_idle = 0.1\n"));
    rig.up().await;
    server.deliver(1);
    rig.journalled(1).await;
    assert!(server.seen("IDLE").is_empty());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_refused_idle_becomes_polling() {
    let server = Scripted::start().await;
    server.on(|command, _| (command == "IDLE").then(|| Act::Say("{tag} NO not today\r\n".into())));
    let rig = Rig::start(config(server.port, "", "poll_without_idle = 0.1\n"));
    rig.up().await;
    server.deliver(1);
    rig.journalled(1).await;
    assert_eq!((server.connections(), server.seen("IDLE").len()), (1, 1));
}

#[tokio::test]
async fn s14_a_connection_lost_in_idle_is_replaced_and_the_folder_selected_anew() {
    let server = Scripted::start().await;
    let rig = Rig::start(config(server.port, "", ""));
    rig.up().await;
    for n in 1..=3 {
        rig.until("the server idles", |_| server.seen("IDLE").len() >= n as usize).await;
        server.cut();
        server.deliver(n);
        rig.journalled(n as usize).await;
    }
    assert!(server.connections() >= 4);
}

#[tokio::test]
async fn a_stalled_server_is_left_and_tried_again() {
    let server = Scripted::start().await;
    server.deliver(1);
    let mut left = 2;
    server.on(move |command, _| {
        if left == 0 || !command.starts_with("EXAMINE") {
            return None;
        }
        left -= 1;
        Some(Act::Stall)
    });
    let rig = Rig::start(config(server.port, "", "command = 0.2\n"));
    rig.journalled(1).await;
    assert_eq!(server.connections(), 3);
    assert!(rig.errors.lock().unwrap().iter().any(|(c, t)| *c == ErrorClass::Network && t.starts_with("time-out")));
}

#[tokio::test]
async fn a_flood_of_exists_is_only_a_hint() {
    let server = Scripted::start().await;
    server.deliver(1);
    server.on(|command, _| {
        let flood = "* 9 EXISTS\r\n".repeat(1000);
        (command.starts_with("UID FETCH") && command.contains("PEEK")).then_some(Act::First(flood))
    });
    let rig = Rig::start(config(server.port, "", ""));
    rig.journalled(1).await;
    rig.until("it idles in the end", |_| !server.seen("IDLE").is_empty()).await;
    server.deliver(2);
    rig.journalled(2).await;
}

#[tokio::test]
async fn mail_announced_between_select_and_idle_is_not_waited_for() {
    let server = Scripted::start().await;
    server.deliver(1);
    let mut once = true;
    server.on(move |command, world| {
        if once && command.starts_with("UID FETCH 1 (BODY") {
            once = false;
            world.uidnext = 3;
            let mut second = world.mails[0].clone();
            second.uid = 2;
            second.raw = super::scripted::message(2);
            world.mails.push(second);
            return Some(Act::First("* 2 EXISTS\r\n".into()));
        }
        // An IDLE now would never tell.
        (command == "IDLE" && world.mails.len() == 2 && !world.log.iter().any(|l| l.starts_with("UID FETCH 2 (BODY")))
            .then_some(Act::Stall)
    });
    let rig = Rig::start(config(server.port, "", "poll = 3600\nidle = 1000\n"));
    assert_eq!(rig.journalled(2).await, [1, 2]);
}

#[tokio::test]
async fn a_server_that_needs_id_gets_it_before_select() {
    let server = Scripted::start().await;
    server.with(|w| w.needs_id = true);
    server.deliver(1);
    let rig = Rig::start(config(server.port, "", ""));
    rig.journalled(1).await;
    assert_eq!(rig.classes(), []);
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let server = Scripted::start().await;
    server.on(|command, _| {
        command.starts_with("EXAMINE").then(|| Act::Say("{tag} NO [NONEXISTENT] Unknown mailbox\r\n".into()))
    });
    let rig = Rig::start(config(server.port, "folder = \"Leads\"", ""));
    rig.until("the error shows", |r| r.classes() == [ErrorClass::Settings]).await;
    assert!(rig.status().last_error.unwrap().1.contains("Leads"));
}

#[tokio::test]
async fn s13_the_mailbox_of_another_daemon_is_left_alone_until_its_lock_ends() {
    let server = Scripted::start().await;
    server.deliver(1);
    let store: std::sync::Arc<super::memory_store::MemoryStore> = std::sync::Arc::default();
    store.with(|h| h.lock_owner = Some("another".into()));
    let rig = Rig::start_with(config(server.port, "", "lock = 0.3\n"), store, &TokenEndpoint::default());
    rig.until("it stands back", |r| r.status().link == Link::Elsewhere).await;
    let position = MailPosition { folder: "INBOX".into(), uidvalidity: 7, uid: 1, internal_date: None };
    let mark = rig.handle.mark(&position, ArrivalState::Decided).await;
    assert_eq!(mark, Err(MarkError::Elsewhere));
    assert_eq!(server.connections(), 0);
    rig.store.with(|h| h.lock_owner = None);
    rig.journalled(1).await;
}

#[tokio::test]
async fn s13_a_lost_lock_ends_the_session() {
    let server = Scripted::start().await;
    let rig = Rig::start(config(server.port, "", "lock = 0.3\n"));
    rig.up().await;
    rig.store.with(|h| h.lock_owner = Some("another".into()));
    rig.until("it stands back", |r| r.status().link == Link::Elsewhere).await;
    server.deliver(1);
    assert_eq!(rig.store.uids(), Vec::<u32>::new());
}

#[tokio::test]
async fn s21_a_broken_mailbox_does_not_disturb_another() {
    let (good, bad) = (Scripted::start().await, Scripted::start().await);
    bad.on(|_, _| Some(Act::Stall));
    let broken = Rig::start(config(bad.port, "", "command = 0.1\n"));
    let rig = Rig::start(config(good.port, "", ""));
    broken.until("it fails", |r| r.status().failures > 1).await;
    good.deliver(1);
    rig.journalled(1).await;
    assert_eq!(rig.classes(), []);
}

#[tokio::test]
async fn a_stop_is_quick_whatever_the_server_does() {
    let server = Scripted::start().await;
    server.on(|command, _| command.starts_with("UID SEARCH").then_some(Act::Stall));
    let rig = Rig::start(config(server.port, "", "command = 60\n"));
    rig.until("it searches", |_| !server.seen("UID SEARCH").is_empty()).await;
    let store = tokio::time::timeout(Duration::from_secs(5), rig.stop()).await.unwrap();
    assert_eq!(store.with(|h| h.lock_owner.clone()), None, "the lock is given back");
}

#[tokio::test]
async fn an_error_is_remembered_for_doctor_and_cleared_when_well() {
    let server = Scripted::start().await;
    server.with(|w| w.greeting = "* BYE too many connections\r\n");
    let rig = Rig::start(config(server.port, "", ""));
    rig.until("the error is stored", |r| {
        r.store.with(|h| h.states.get("sales").is_some_and(|s| !s.last_error.is_empty()))
    })
    .await;
    assert_eq!(rig.classes(), [ErrorClass::Throttled]);
    server.with(|w| w.greeting = "* OK ready\r\n");
    rig.up().await;
    rig.store.with(|h| {
        assert_eq!(h.states["sales"].last_error, "");
        assert!(h.states["sales"].last_ok_at.is_some() && h.states["sales"].started);
    });
}
