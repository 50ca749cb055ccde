//! What is read, in which order, and what happens to messages that cannot be.

use pisteur::imap::ErrorClass;
use pisteur::store::InitialState;

use super::rig::{Rig, TokenEndpoint, config};
use super::scripted::{Act, Scripted, message};

async fn server_with(count: u32) -> Scripted {
    let server = Scripted::start().await;
    for n in 1..=count {
        server.deliver(n);
    }
    server
}

fn quarantined(rig: &Rig) -> Vec<(u32, usize)> {
    rig.store.with(|h| {
        h.arrivals
            .iter()
            .filter(|a| a.initial != InitialState::Received)
            .map(|a| (super::memory_store::uid(a), a.envelope.raw.len()))
            .collect()
    })
}

#[tokio::test]
async fn s10_messages_are_read_by_uid_and_nothing_is_marked_as_seen() {
    let server = server_with(40).await;
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(40).await, (1..=40).collect::<Vec<_>>());
    assert!(rig.store.with(|h| h.arrivals.iter().all(|a| a.envelope.context.silent)), "the backlog notifies nobody");
    rig.up().await;
    server.deliver(41);
    rig.journalled(41).await;
    rig.store.with(|h| {
        assert!(!h.arrivals[40].envelope.context.silent, "what comes later does");
        assert_eq!(h.arrivals[40].envelope.raw, message(41));
        assert!(h.batches.iter().all(|n| *n <= 64));
    });
    assert!(server.seen("Seen").is_empty() && server.seen("STORE").is_empty());
    assert!(!server.seen("EXAMINE").is_empty() && server.seen("SELECT").is_empty(), "reading changes nothing");
}

#[tokio::test]
async fn a_message_with_several_prospects_is_an_arrival_for_each_and_its_place_is_told_once() {
    let server = server_with(1).await;
    let prospect =
        |n: u32| format!("<prospect><customer><contact><email>p{n}@web-{n}.cz</email></contact></customer></prospect>");
    let head = "From: leads@portal.cz\r\nTo: sales@example.com\r\nMessage-ID: <several@portal.cz>\r\n\r\n";
    server.deliver_raw(format!("{head}<adf>{}{}</adf>\r\n", prospect(1), prospect(2)).into_bytes());
    server.deliver(3);
    let rig = Rig::start(config(server.port, "", ""));
    rig.until("all are journalled", |rig| rig.store.with(|held| held.arrivals.len()) == 4).await;
    assert_eq!(rig.store.uids(), [1, 2, 3]);
    rig.up().await;
    rig.store.with(|held| {
        let parts: Vec<_> = held.arrivals.iter().filter_map(|a| a.envelope.context.extra.get("part")).collect();
        assert_eq!(parts, ["1/2", "2/2"]);
        assert_eq!(held.arrivals.len(), 4, "and it is not read again");
    });
}

#[tokio::test]
async fn s16_from_now_leaves_what_is_there() {
    let server = server_with(5).await;
    let rig = Rig::start(config(server.port, "first_run = \"from_now\"", ""));
    rig.up().await;
    server.deliver(6);
    assert_eq!(rig.journalled(1).await, [6]);
    let store = rig.stop().await;
    server.deliver(7);
    let rig = Rig::start_with(config(server.port, "first_run = \"from_now\"", ""), store, &TokenEndpoint::default());
    assert_eq!(rig.journalled(2).await, [6, 7]);
}

#[tokio::test]
async fn s16_since_reads_from_that_day_and_notifies_nobody() {
    let server = server_with(4).await;
    server.with(|w| {
        w.mails[0].date = "27-Feb-2026 23:59:59 +0000".into();
        w.mails[1].date = "28-Feb-2026 00:00:00 +0100".into();
        w.mails[2].date = "01-Mar-2020 10:00:00 +0000".into();
    });
    let rig = Rig::start(config(server.port, "first_run = { since = \"2026-02-28\" }", ""));
    assert_eq!(rig.journalled(2).await, [2, 4]);
    rig.up().await;
    assert_eq!(rig.store.uids(), [2, 4]);
    assert!(rig.store.with(|h| h.arrivals.iter().all(|a| a.envelope.context.silent)));
    assert!(server.seen("SINCE 27-Feb-2026").len() == 1, "SINCE has days only: one day earlier is asked for");
}

#[tokio::test]
async fn s09_uidvalidity_change_creates_no_doubles_and_loses_nothing() {
    let server = server_with(5).await;
    let rig = Rig::start(config(server.port, "", ""));
    rig.journalled(5).await;
    rig.up().await;
    server.with(|w| {
        w.uidvalidity = 8;
        for mail in &mut w.mails {
            mail.uid += 100;
        }
        w.uidnext = 106;
    });
    server.deliver(6);
    server.cut();
    assert_eq!(rig.journalled(6).await, [1, 2, 3, 4, 5, 106]);
    rig.up().await;
    server.deliver(7);
    assert_eq!(rig.journalled(7).await[6], 107);
    assert_eq!(rig.store.with(|h| h.repeats), 0, "known mail is not journalled again");
    assert!(server.seen("UID 0:").is_empty() && server.seen("UID -").is_empty());
}

#[tokio::test]
async fn uidnext_going_down_is_a_rebuilt_folder() {
    let server = server_with(5).await;
    let rig = Rig::start(config(server.port, "", ""));
    rig.journalled(5).await;
    rig.up().await;
    server.with(|w| {
        w.mails.retain(|m| m.uid > 3);
        w.mails[0].uid = 1;
        w.mails[1].uid = 2;
        w.uidnext = 3;
    });
    server.deliver(6);
    server.cut();
    rig.journalled(6).await;
    rig.up().await;
    server.deliver(7);
    assert_eq!(rig.journalled(7).await, [1, 2, 3, 4, 5, 3, 4], "numbers used twice are read again");
}

#[tokio::test]
async fn a_server_without_uidnext_is_asked_by_status_then_by_search() {
    for status_tells in [true, false] {
        let server = server_with(3).await;
        server.with(|w| (w.tells_uidnext, w.status_tells) = (false, status_tells));
        let rig = Rig::start(config(server.port, "first_run = \"from_now\"", ""));
        rig.up().await;
        server.deliver(4);
        assert_eq!(rig.journalled(1).await, [4]);
        assert_eq!(server.seen("UID SEARCH UID *").is_empty(), status_tells);
    }
}

#[tokio::test]
async fn a_message_refused_with_no_is_quarantined_and_the_others_are_read() {
    let server = server_with(6).await;
    server.on(|command, _| command.starts_with("UID FETCH 3 ").then(|| Act::Say("{tag} NO server bug\r\n".into())));
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(6).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(quarantined(&rig), [(3, 0)]);
    rig.up().await;
    assert_eq!(rig.status().quarantined, 1);
    assert_eq!(server.connections(), 1, "a NO is no reason to reconnect");
}

#[tokio::test]
async fn a_message_whose_body_is_refused_is_quarantined_with_its_header() {
    let server = server_with(3).await;
    server.on(|command, _| {
        let body = command.starts_with("UID FETCH 2 ") && command.contains("BODY.PEEK[]");
        body.then(|| Act::Say("{tag} NO [SERVERBUG] cannot read\r\n".into()))
    });
    let rig = Rig::start(config(server.port, "", ""));
    rig.journalled(3).await;
    let header = message(2).windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(quarantined(&rig), [(2, header)]);
}

#[tokio::test]
async fn s05_a_malformed_answer_is_pinned_on_its_message() {
    let server = server_with(5).await;
    server.on(|command, _| {
        command.starts_with("UID FETCH 3 ").then(|| Act::Say("* 3 FETCH ((\r\n{tag} OK done\r\n".into()))
    });
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(5).await, [1, 2, 3, 4, 5]);
    assert_eq!(quarantined(&rig), [(3, 0)]);
    assert!(rig.classes().contains(&ErrorClass::Protocol));
}

#[tokio::test]
async fn a_size_that_is_no_number_does_not_hide_the_message() {
    let server = server_with(4).await;
    server.with(|w| w.mails[1].told_size = Some("1.86931e+06".into()));
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(4).await, [1, 2, 3, 4]);
    assert_eq!(quarantined(&rig), []);
}

#[tokio::test]
async fn a_parser_that_panics_costs_a_connection_and_no_message() {
    let server = server_with(3).await;
    server.on(|command, _| {
        let sizes = command.contains("RFC822.SIZE") && (command.contains(" 2 ") || command.contains(":3"));
        sizes.then(|| Act::Say("* 2 FETCH (UID 2 INTERNALDATE NIL)\r\n{tag} OK done\r\n".into()))
    });
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(3).await, [1, 2, 3]);
    assert_eq!(quarantined(&rig), []);
}

#[tokio::test]
async fn a_message_expunged_while_it_is_fetched_is_passed_over() {
    let server = server_with(4).await;
    server.on(|command, world| {
        if command == "UID FETCH 2 (BODY.PEEK[])" {
            world.mails.retain(|m| m.uid != 2);
        }
        None
    });
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(3).await, [1, 3, 4]);
    rig.up().await;
    server.deliver(5);
    assert_eq!(rig.journalled(4).await, [1, 3, 4, 5]);
}

#[tokio::test]
async fn a_connection_lost_within_a_message_loses_and_doubles_nothing() {
    for bye in [false, true] {
        let server = server_with(10).await;
        let mut left = 2;
        server.on(move |command, _| {
            if left == 0 || !command.starts_with("UID FETCH 4 (BODY") {
                return None;
            }
            left -= 1;
            let word = if bye { "* BYE restarting\r\n" } else { "" };
            Some(Act::SayAndCut(format!("* 4 FETCH (UID 4 BODY[] {{500}}\r\nFrom: half\r\n{word}").into_bytes()))
        });
        let rig = Rig::start(config(server.port, "", ""));
        assert_eq!(rig.journalled(10).await, (1..=10).collect::<Vec<_>>());
        assert_eq!((quarantined(&rig), rig.store.with(|h| h.repeats)), (vec![], 0));
        assert!(rig.classes().contains(&ErrorClass::Network));
    }
}

#[tokio::test]
async fn s08_a_message_that_stalls_the_server_every_time_is_given_up() {
    let server = server_with(3).await;
    server.on(|command, _| command.starts_with("UID FETCH 2 ").then_some(Act::Stall));
    let rig = Rig::start(config(server.port, "", "command = 0.2\n"));
    assert_eq!(rig.journalled(3).await, [1, 2, 3]);
    assert_eq!(quarantined(&rig), [(2, 0)]);
}

#[tokio::test]
async fn attempts_of_an_earlier_process_count() {
    let server = server_with(3).await;
    let store: std::sync::Arc<super::memory_store::MemoryStore> = std::sync::Arc::default();
    // The process died three times while it fetched message 2.
    store.with(|h| h.attempts.insert((7, 2), 3));
    let rig = Rig::start_with(config(server.port, "", ""), store, &TokenEndpoint::default());
    rig.journalled(3).await;
    assert_eq!(quarantined(&rig).len(), 1);
    assert!(server.seen("UID FETCH 2 (BODY.PEEK[])").is_empty(), "it is not fetched a fourth time");
    assert_eq!(server.seen("UID FETCH 2 (BODY.PEEK[HEADER])").len(), 1);
}

#[tokio::test]
async fn throttling_never_counts_against_a_message() {
    let server = server_with(2).await;
    let mut left = 8;
    server.on(move |command, _| {
        if left == 0 || !command.starts_with("UID FETCH 1 (BODY") {
            return None;
        }
        left -= 1;
        Some(Act::Say("{tag} NO [UNAVAILABLE] try again later\r\n".into()))
    });
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(2).await, [1, 2]);
    assert_eq!(quarantined(&rig), []);
    assert!(rig.classes().contains(&ErrorClass::Throttled));
}

#[tokio::test]
async fn an_oversized_message_is_read_as_header_and_first_part() {
    let server = server_with(1).await;
    let mut large = message(2);
    large.extend(std::iter::repeat_n(b"0123456789abcdef\r\n", 4_000).flatten());
    let size = large.len();
    server.deliver_raw(large.clone());
    server.deliver(3);
    let rig = Rig::start(config(server.port, "max_message_bytes = 10000\noversize_bytes = 2000\n", ""));
    rig.journalled(3).await;
    rig.store.with(|h| {
        assert_eq!(h.arrivals[1].envelope.raw, large[..2000]);
        assert_eq!(h.arrivals[1].envelope.context.truncated_from, Some(size as u64));
        assert_eq!(h.arrivals[2].envelope.context.truncated_from, None);
    });
    assert!(server.seen("UID FETCH 2 (BODY.PEEK[])").is_empty(), "its size is known before its body is asked for");
}

#[tokio::test]
async fn a_store_that_is_away_leaves_the_mail_on_the_server() {
    let server = server_with(3).await;
    let rig = Rig::start(config(server.port, "", ""));
    rig.journalled(3).await;
    rig.up().await;
    rig.store.with(|h| h.away = true);
    server.deliver(4);
    rig.until("the failure shows", |r| r.classes().contains(&ErrorClass::Store)).await;
    assert_eq!(rig.store.uids(), [1, 2, 3]);
    rig.store.with(|h| h.away = false);
    assert_eq!(rig.journalled(4).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn s07_many_messages_are_read_in_order_without_gaps() {
    let server = server_with(1000).await;
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(1000).await, (1..=1000).collect::<Vec<_>>());
    rig.up().await;
    assert_eq!(rig.status().gap, 0);
    assert!(rig.store.with(|h| h.batches.len()) < 1000, "several messages share a transaction");
}

#[tokio::test]
async fn s06_messages_without_message_id_stop_nothing_and_are_told_apart() {
    let server = server_with(1).await;
    for text in ["one", "two", "one"] {
        server.deliver_raw(format!("From: a@b.example\r\nSubject: Hello\r\n\r\n{text}\r\n").into_bytes());
    }
    server.deliver(5);
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(4).await, [1, 2, 3, 5]);
    rig.up().await;
    assert_eq!((rig.store.uids(), rig.store.with(|h| h.repeats)), (vec![1, 2, 3, 5], 1));
}

#[tokio::test]
async fn the_same_message_twice_in_a_folder_is_one_arrival() {
    let server = server_with(2).await;
    server.deliver(1);
    let rig = Rig::start(config(server.port, "", ""));
    rig.journalled(2).await;
    rig.up().await;
    assert_eq!((rig.store.uids(), rig.store.with(|h| h.repeats)), (vec![1, 2], 1));
}

/// Far more than may be taken, less than a test machine has.
const ENDLESS: usize = 400_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_literal_far_longer_than_the_size_told_is_not_taken_in() {
    let server = server_with(3).await;
    server.with(|w| w.mails[1].told_size = Some("0".into()));
    server.on(|command, _| {
        let lies = command.starts_with("UID FETCH 2 ") && command.contains("BODY.PEEK[]");
        let head = format!("* 2 FETCH (UID 2 BODY[] {{{ENDLESS}}}\r\n").into_bytes();
        lies.then(|| Act::Flood(head, vec![b'x'; 65_536], ENDLESS))
    });
    let rig = Rig::start(config(server.port, "", ""));
    assert_eq!(rig.journalled(3).await, [1, 2, 3]);
    assert_eq!(quarantined(&rig).len(), 1);
    // At most the largest message that is read whole, and what fills the buffers of the sockets.
    assert!(server.with(|w| w.flooded) < 45_000_000, "{}", server.with(|w| w.flooded));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_answers_end() {
    for (verb, line) in [
        ("UID SEARCH", "* SEARCH 1 2 3\r\n"),
        ("RFC822.SIZE", "* 7 FETCH (UID 7 RFC822.SIZE 100)\r\n"),
        ("EXAMINE", "* OK still at it\r\n"),
        ("CAPABILITY", "* OK still at it\r\n"),
        ("IDLE", "* OK still at it\r\n"),
    ] {
        let server = server_with(2).await;
        let mut once = true;
        server.on(move |command, _| {
            let now = command.contains(verb) && std::mem::take(&mut once);
            let first = if verb == "IDLE" { b"+ idling\r\n".to_vec() } else { Vec::new() };
            now.then(|| Act::Flood(first, line.repeat(2_000).into_bytes(), ENDLESS))
        });
        let rig = Rig::start(config(server.port, "", ""));
        assert_eq!(rig.journalled(2).await, [1, 2], "{verb}");
        rig.until(verb, |_| server.connections() > 1).await;
        assert!(server.with(|w| w.flooded) < 90_000_000, "{verb}: {}", server.with(|w| w.flooded));
    }
}

#[tokio::test]
async fn an_answer_that_trickles_for_ever_ends() {
    let server = server_with(1).await;
    let mut once = true;
    server.on(move |command, _| {
        let now = command.starts_with("EXAMINE") && std::mem::take(&mut once);
        now.then_some(Act::Trickle("* OK still at it\r\n"))
    });
    let rig = Rig::start(config(server.port, "", "command = 1.0"));
    assert_eq!(rig.journalled(1).await, [1]);
    assert!(server.connections() > 1);
}
