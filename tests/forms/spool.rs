//! The watched folder.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use pisteur::config::http::SpoolConfig;
use pisteur::domain::envelope::{Channel, RawKind};
use pisteur::intake::spool::{SpoolDeps, SpoolStatus, spawn};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::house::House;
use crate::support::wait;

const MAIL: &[u8] = b"From: Eva <eva@web.example>\r\nSubject: Hello\r\nMessage-ID: <1@web.example>\r\n\r\nHi\r\n";

fn start(house: &House, limit: u64) -> (PathBuf, watch::Receiver<SpoolStatus>, CancellationToken) {
    let path = house.folder.path().join("inbox");
    let config = SpoolConfig { path: path.clone(), file_bytes: limit, ..SpoolConfig::default() };
    let deps = SpoolDeps { journal: house.journal.clone(), forms: house.forms.clone() };
    let cancel = house.cancel.child_token();
    let status = spawn(&config, deps, &house.tracker, cancel.clone());
    wait::until("the folder is made", wait::LONG, || path.join("failed").is_dir());
    (path, status, cancel)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn move_in(house: &House, inbox: &Path, name: &str, bytes: &[u8]) {
    let beside = house.folder.path().join("outside");
    fs::write(&beside, bytes).unwrap();
    fs::rename(&beside, inbox.join(name)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_and_form_files_moved_in_become_arrivals() {
    let house = House::usual().await;
    let (inbox, status, _) = start(&house, 1 << 20);
    move_in(&house, &inbox, "a.EML", MAIL);
    move_in(&house, &inbox, "b.json", br#"{"form":"contact","fields":{"email":"a@b.example","tags":["x","y"]}}"#);
    wait::until("both are done", wait::LONG, || names(&inbox.join("done")).len() == 2);
    let arrivals = house.arrivals().await;
    assert_eq!(arrivals.len(), 2);
    let ids: Vec<_> = arrivals.iter().map(|row| row.id).collect();
    let envelopes = house.store.load(&ids).await.unwrap();
    let mail = envelopes.iter().find(|e| e.raw_kind == RawKind::Mail).unwrap();
    assert_eq!((mail.channel, mail.intake_id.as_str(), &mail.raw[..]), (Channel::File, "spool", MAIL));
    assert_eq!(mail.context.file_name.as_deref(), Some("a.EML"));
    let form = envelopes.iter().find(|e| e.raw_kind == RawKind::Form).unwrap();
    assert_eq!((form.intake_id.as_str(), form.content_type.as_deref()), ("contact", Some("application/json")));
    assert_eq!(&form.raw[..], br#"{"email":"a@b.example","tags":["x","y"]}"#);
    assert_eq!(status.borrow().taken, 2);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_still_being_written_is_not_taken_half() {
    let house = House::usual().await;
    let (inbox, status, _) = start(&house, 1 << 20);
    let mut file = fs::File::create(inbox.join("slow.eml")).unwrap();
    // Each look in between sees a file that has just grown.
    for line in 0..6 {
        let before = status.borrow().last_look;
        file.write_all(format!("X-Line: {line}\r\n").as_bytes()).unwrap();
        house.clock.set(pisteur::clock::Timestamp::from_seconds(1_800_000_001 + line));
        wait::until("another look", wait::LONG, || status.borrow().last_look != before);
        assert!(house.arrivals().await.is_empty());
    }
    file.write_all(b"\r\nend\r\n").unwrap();
    drop(file);
    wait::until("it is done", wait::LONG, || names(&inbox.join("done")) == ["slow.eml"]);
    assert!(house.newest().await.raw.ends_with(b"X-Line: 5\r\n\r\nend\r\n"));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_goes_to_failed_with_a_reason() {
    let house = House::usual().await;
    let (inbox, status, _) = start(&house, 200);
    let cases: [(&str, &[u8], &str); 6] = [
        ("large.eml", &[b'x'; 201], "at most 200"),
        ("empty.eml", b"", "empty"),
        ("text.json", b"hello", "not JSON"),
        ("noform.json", b"{\"fields\":{}}", "\"form\" is missing"),
        ("unknown.json", b"{\"form\":\"nosuch\",\"fields\":{\"a\":\"b\"}}", "no form \"nosuch\""),
        ("blank.json", b"{\"form\":\"contact\",\"fields\":{\"_t\":\"b\"}}", "says nothing"),
    ];
    for (name, bytes, _) in cases {
        move_in(&house, &inbox, name, bytes);
    }
    let failed = inbox.join("failed");
    wait::until("all have failed with a reason", wait::LONG, || names(&failed).len() == 12);
    for (name, bytes, reason) in cases {
        assert_eq!(fs::read(failed.join(name)).unwrap(), bytes);
        let said = fs::read_to_string(failed.join(format!("{name}.reason.txt"))).unwrap();
        assert!(said.contains(reason), "{said}");
    }
    assert_eq!(status.borrow().failed, 6);
    assert!(house.arrivals().await.is_empty());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_folders_hidden_and_other_files_are_left_alone() {
    let house = House::usual().await;
    let (inbox, status, _) = start(&house, 1 << 20);
    let secret = house.folder.path().join("secret.txt");
    fs::write(&secret, MAIL).unwrap();
    std::os::unix::fs::symlink(&secret, inbox.join("link.eml")).unwrap();
    fs::create_dir(inbox.join("folder.eml")).unwrap();
    move_in(&house, &inbox, ".hidden.eml", MAIL);
    move_in(&house, &inbox, "readme.txt", MAIL);
    move_in(&house, &inbox, "z.eml", MAIL);
    wait::until("the mail among them is done", wait::LONG, || names(&inbox.join("done")) == ["z.eml"]);
    let before = status.borrow().last_look;
    house.clock.set(pisteur::clock::Timestamp::from_seconds(1_800_000_100));
    wait::until("another look", wait::LONG, || status.borrow().last_look != before);
    assert_eq!(names(&inbox), [".hidden.eml", "done", "failed", "folder.eml", "link.eml", "readme.txt"]);
    assert_eq!(house.arrivals().await.len(), 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_journal_and_move_makes_no_second_arrival() {
    let house = House::usual().await;
    let (inbox, _, cancel) = start(&house, 1 << 20);
    let body = br#"{"form":"contact","fields":{"message":"hi"}}"#;
    move_in(&house, &inbox, "a.json", body);
    wait::until("it is done", wait::LONG, || names(&inbox.join("done")) == ["a.json"]);
    cancel.cancel();
    // As if the move had never happened, days later.
    house.clock.set(pisteur::clock::Timestamp::from_seconds(1_800_900_000));
    fs::rename(inbox.join("done/a.json"), inbox.join("a.json")).unwrap();
    let (_, _, cancel) = start(&house, 1 << 20);
    wait::until("it is done again", wait::LONG, || names(&inbox.join("done")) == ["a.json"]);
    let arrivals = house.arrivals().await;
    assert_eq!(arrivals.iter().filter(|row| row.duplicate_of.is_none()).count(), 1);
    // After the form's window a new file of the same name and content is another arrival, and takes another name.
    house.clock.set(pisteur::clock::Timestamp::from_seconds(1_800_901_000));
    move_in(&house, &inbox, "a.json", body);
    wait::until("the third is done", wait::LONG, || names(&inbox.join("done")) == ["a-1.json", "a.json"]);
    assert_eq!(house.arrivals().await.iter().filter(|row| row.duplicate_of.is_none()).count(), 2);
    cancel.cancel();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_wait_while_nothing_can_be_written_down() {
    let house = House::usual().await;
    let (inbox, status, _) = start(&house, 1 << 20);
    house.store.close().await;
    move_in(&house, &inbox, "a.eml", MAIL);
    wait::until("the status says so", wait::LONG, || status.borrow().problem.contains("wait in the folder"));
    assert_eq!(names(&inbox), ["a.eml", "done", "failed"]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_only_paused_is_read_again_as_a_whole() {
    let house = House::usual().await;
    let (inbox, _, _) = start(&house, 1 << 20);
    // Moved in as a whole, as it seems, while its writer still has it open.
    let beside = house.folder.path().join("outside");
    let mut file = fs::File::create(&beside).unwrap();
    file.write_all(MAIL).unwrap();
    fs::rename(&beside, inbox.join("slow.eml")).unwrap();
    wait::until("it is taken", wait::LONG, || names(&inbox.join("done")) == ["slow.eml"]);
    file.write_all(b"and the rest\r\n").unwrap();
    drop(file);
    wait::until_async("it is read again", wait::LONG, async || house.arrivals().await.len() == 2).await;
    assert!(house.newest().await.raw.ends_with(b"and the rest\r\n"));
    assert!(house.arrivals().await.iter().all(|row| row.duplicate_of.is_none()));
    wait::until("it is done again", wait::LONG, || names(&inbox.join("done")) == ["slow.eml"]);
    house.stop().await;
}
