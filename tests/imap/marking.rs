//! Marks on the server: a keyword or a move, each in its turn.

use std::collections::BTreeSet;

use pisteur::domain::envelope::{ArrivalState, MailPosition};
use pisteur::imap::{Link, MarkError, MarkOutcome};

use super::rig::{Rig, config};
use super::scripted::{Act, Scripted};

async fn read(server: &Scripted, after: &str) -> Rig {
    for n in 1..=3 {
        server.deliver(n);
    }
    let rig = Rig::start(config(server.port, after, "poll = 3600\nidle = 1000\n"));
    rig.journalled(3).await;
    rig.until("the server idles", |_| !server.seen("IDLE").is_empty()).await;
    rig
}

async fn mark(rig: &Rig, uid: u32) -> Result<MarkOutcome, MarkError> {
    let position = MailPosition { folder: "INBOX".into(), uidvalidity: 7, uid, internal_date: None };
    rig.handle.mark(&position, ArrivalState::Decided).await
}

fn flags(server: &Scripted, uid: u32) -> BTreeSet<String> {
    server.with(|w| w.mails.iter().find(|m| m.uid == uid).unwrap().flags.clone())
}

const MOVE: &str = "after = { move = \"Processed\" }";

#[tokio::test]
async fn a_keyword_is_set_in_its_turn_and_ends_idle_by_done() {
    let server = Scripted::start().await;
    let rig = read(&server, "after = \"keyword\"").await;
    assert_eq!(mark(&rig, 2).await, Ok(MarkOutcome::Marked));
    assert_eq!(flags(&server, 2), ["$LeadImported".to_owned()].into());
    assert!(flags(&server, 1).is_empty());
    assert!(!server.seen("DONE").is_empty());
    assert_eq!(server.connections(), 1);
    rig.until("it idles again", |_| server.seen("IDLE").len() >= 2).await;
    assert_eq!(mark(&rig, 3).await, Ok(MarkOutcome::Marked));
}

#[tokio::test]
async fn a_server_without_own_keywords_is_not_forced() {
    let server = Scripted::start().await;
    server.with(|w| w.own_keywords = false);
    let rig = read(&server, "after = \"keyword\"").await;
    assert_eq!(mark(&rig, 2).await, Ok(MarkOutcome::Unsupported));
    assert!(server.seen("STORE").is_empty());
}

#[tokio::test]
async fn a_message_is_moved_and_the_folder_made_if_missing() {
    let server = Scripted::start().await;
    let rig = read(&server, MOVE).await;
    assert_eq!(mark(&rig, 2).await, Ok(MarkOutcome::Marked));
    server.with(|w| {
        assert_eq!(w.mails.iter().map(|m| m.uid).collect::<Vec<_>>(), [1, 3]);
        assert_eq!((w.moved[0].0.as_str(), w.moved[0].1.uid), ("Processed", 2));
    });
    assert_eq!(mark(&rig, 2).await, Ok(MarkOutcome::Gone), "a second mark finds it gone");
}

#[tokio::test]
async fn s17_without_move_a_copy_comes_before_the_deletion_of_that_uid() {
    let server = Scripted::start().await;
    server.with(|w| w.capabilities.retain(|c| *c != "MOVE"));
    let rig = read(&server, MOVE).await;
    assert_eq!(mark(&rig, 2).await, Ok(MarkOutcome::Marked));
    let done: Vec<String> = server.with(|w| {
        w.log.iter().filter(|l| ["COPY", "STORE", "EXPUNGE"].iter().any(|v| l.contains(v))).cloned().collect()
    });
    assert_eq!(
        done[1..],
        ["UID COPY 2 \"Processed\"", "UID STORE 2 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 2"],
        "{done:?}"
    );
}

#[tokio::test]
async fn s17_a_move_cut_off_after_its_copy_copies_nothing_twice() {
    for step in ["UID STORE", "UID EXPUNGE"] {
        for with_id in [true, false] {
            let server = Scripted::start().await;
            server.with(|w| w.capabilities.retain(|c| *c != "MOVE"));
            let rig = read(&server, MOVE).await;
            if !with_id {
                server.deliver_raw(b"From: a@example.org\r\nSubject: no id\r\n\r\nHello.\r\n".to_vec());
                rig.journalled(4).await;
            }
            let uid = if with_id { 2 } else { 4 };
            let mut once = true;
            server.on(move |command, _| {
                (command.starts_with(step) && std::mem::take(&mut once)).then(|| Act::SayAndCut(Vec::new()))
            });
            assert!(matches!(mark(&rig, uid).await, Err(MarkError::Failed(_) | MarkError::Offline)));
            assert_eq!(server.with(|w| w.moved.len()), 1, "the copy was made");
            rig.up().await;
            server.with(|w| w.connections = 0);
            rig.until("the mark is carried out", |r| r.status().link == Link::Up).await;
            let marked = loop {
                match mark(&rig, uid).await {
                    Err(MarkError::Offline) => tokio::task::yield_now().await,
                    other => break other,
                }
            };
            assert_eq!(marked, Ok(MarkOutcome::Marked));
            server.with(|w| {
                assert_eq!(w.moved.len(), 1, "{step}: one copy");
                assert!(w.mails.iter().all(|m| m.uid != uid));
            });
            assert_eq!(mark(&rig, uid).await, Ok(MarkOutcome::Gone));
            // The folder that is read is open again: new mail is found.
            server.deliver(9);
            rig.journalled(if with_id { 4 } else { 5 }).await;
        }
    }
}

#[tokio::test]
async fn s17_only_the_very_same_message_counts_as_its_copy() {
    let server = Scripted::start().await;
    server.with(|w| {
        w.capabilities.retain(|c| *c != "MOVE");
        w.folders.insert("Processed".to_owned());
    });
    let rig = read(&server, MOVE).await;
    // The same Message-ID with another subject, as long as the first.
    server.with(|w| {
        let mut other = w.mails[1].clone();
        other.raw = String::from_utf8(other.raw).unwrap().replace("Question", "Answered").into_bytes();
        assert_eq!(other.raw.len(), w.mails[1].raw.len());
        w.moved.push(("Processed".to_owned(), other));
    });
    assert_eq!(mark(&rig, 2).await, Ok(MarkOutcome::Marked));
    assert_eq!(server.with(|w| w.moved.len()), 2);
    // One copy stands for one message.
    server.with(|w| {
        let mut twin = w.mails[0].clone();
        twin.uid = 4;
        w.uidnext = 5;
        w.mails.push(twin.clone());
        w.moved.push(("Processed".to_owned(), twin));
    });
    let both = tokio::join!(mark(&rig, 1), mark(&rig, 4));
    assert_eq!(both, (Ok(MarkOutcome::Marked), Ok(MarkOutcome::Marked)));
    let copies = server.with(|w| w.moved.iter().filter(|(_, m)| m.raw == super::scripted::message(1)).count());
    assert!((1..=2).contains(&copies), "{copies}");
}

#[tokio::test]
async fn s17_without_move_and_uidplus_nothing_is_deleted() {
    let server = Scripted::start().await;
    server.with(|w| w.capabilities.retain(|c| *c != "MOVE" && *c != "UIDPLUS"));
    let rig = read(&server, MOVE).await;
    assert_eq!(mark(&rig, 2).await, Ok(MarkOutcome::Unsupported));
    assert!(server.seen("COPY").is_empty() && server.seen("EXPUNGE").is_empty());
}

#[tokio::test]
async fn a_mark_of_a_rebuilt_folder_is_stale() {
    let server = Scripted::start().await;
    let rig = read(&server, MOVE).await;
    let position = MailPosition { folder: "INBOX".into(), uidvalidity: 6, uid: 2, internal_date: None };
    assert_eq!(rig.handle.mark(&position, ArrivalState::Decided).await, Ok(MarkOutcome::Stale));
    assert!(server.seen("MOVE").is_empty());
}

#[tokio::test]
async fn quarantined_and_unmarked_mail_stays_where_it_is() {
    let server = Scripted::start().await;
    let rig = read(&server, MOVE).await;
    let position = MailPosition { folder: "INBOX".into(), uidvalidity: 7, uid: 2, internal_date: None };
    assert_eq!(rig.handle.mark(&position, ArrivalState::Quarantined).await, Ok(MarkOutcome::Left));
    assert!(server.seen("MOVE").is_empty());
    let server = Scripted::start().await;
    let rig = read(&server, "").await;
    assert_eq!(mark(&rig, 2).await, Ok(MarkOutcome::Left));
    assert!(server.seen("STORE").is_empty());
}

#[tokio::test]
async fn a_refused_mark_comes_back_later_and_the_session_lives_on() {
    let server = Scripted::start().await;
    let rig = read(&server, MOVE).await;
    let mut once = true;
    server.on(move |command, _| {
        (command.starts_with("UID MOVE") && std::mem::take(&mut once))
            .then(|| Act::Say("{tag} NO [CANNOT] no\r\n".into()))
    });
    assert!(matches!(mark(&rig, 2).await, Err(MarkError::Failed(_))));
    assert_eq!(mark(&rig, 2).await, Ok(MarkOutcome::Marked));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn many_marks_share_commands() {
    let server = Scripted::start().await;
    for n in 4..=100 {
        server.deliver(n);
    }
    let rig = read(&server, "after = \"keyword\"").await;
    rig.journalled(100).await;
    let marks = futures::future::join_all((1..=100).map(|uid| mark(&rig, uid))).await;
    assert!(marks.iter().all(|m| *m == Ok(MarkOutcome::Marked)), "{marks:?}");
    assert!(server.seen("STORE").len() < 20, "{} commands", server.seen("STORE").len());
}

#[tokio::test]
async fn a_mark_while_the_server_is_away_comes_back_later() {
    let server = Scripted::start().await;
    let rig = read(&server, MOVE).await;
    server.with(|w| w.greeting = "* BYE closed\r\n");
    server.cut();
    rig.until("it notices", |r| r.status().failures > 0).await;
    assert!(matches!(mark(&rig, 2).await, Err(MarkError::Offline)));
}
