//! The servers of the tests do what the tests rely on.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::dovecot::Dovecot;
use crate::support::http::Http;
use crate::support::postgres::{Fsync, Postgres};
use crate::support::proxy::ChaosProxy;
use crate::support::smtp::SmtpSink;
use crate::support::webhook::{Reply, WebhookReceiver};
use crate::support::{ledger, wait};

#[test]
fn dovecot_delivers_in_order_and_can_change_its_uidvalidity() {
    let dovecot = Dovecot::start();
    for n in 0..12 {
        dovecot.deliver("sales", format!("Subject: mail {n}\r\n\r\nhello\r\n").as_bytes());
    }
    let said = dovecot.talk("sales", &["SELECT INBOX", "UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]"]);
    let subjects: Vec<&str> = said.iter().filter_map(|l| l.strip_prefix("Subject: mail ")).map(str::trim).collect();
    assert_eq!(subjects, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"], "{said:?}");
    let before = dovecot.uidvalidity("sales").unwrap();
    let after = dovecot.reset_uidvalidity("sales");
    assert_ne!(before, after);
    let said = dovecot.talk("sales", &["SELECT INBOX"]);
    assert!(said.iter().any(|l| l.contains(&format!("UIDVALIDITY {after}"))), "{said:?}");
    assert_eq!(dovecot.files("sales").len(), 12);
    dovecot.kill();
    dovecot.resume();
    assert!(dovecot.talk("sales", &["NOOP"]).last().unwrap().contains("OK"));
}

#[tokio::test]
async fn postgres_survives_a_kill_and_answers_on_the_same_port() {
    let cluster = Postgres::start(Fsync::On);
    let name = cluster.database();
    cluster.psql(&name, "CREATE TABLE t (x BIGINT); INSERT INTO t VALUES (7)");
    cluster.kill();
    cluster.resume();
    assert_eq!(ledger::count(&cluster.url(&name), "SELECT x FROM t").await, 7);
    let copy = cluster.database_like(&name);
    assert_eq!(cluster.psql(&copy, "SELECT x FROM t"), "7");
    cluster.terminate_sessions(&name);
    cluster.stop();
}

#[test]
fn the_shared_cluster_gives_every_test_its_own_database() {
    let cluster = Postgres::shared();
    let (one, two) = (cluster.database(), cluster.database());
    assert_ne!(one, two);
    assert_eq!(cluster.psql(&one, "SELECT current_database()"), one);
}

#[test]
fn the_proxy_cuts_refuses_stalls_and_loses_answers() {
    let receiver = WebhookReceiver::start();
    let proxy = ChaosProxy::to_port(receiver.port());
    let http = Http { addr: ([127, 0, 0, 1], proxy.port()).into(), timeout: Duration::from_secs(20) };
    assert_eq!(http.get("/a").unwrap().status, 200);
    proxy.refuse(true);
    assert!(http.get("/b").is_err());
    proxy.refuse(false);
    proxy.lose_answer_to(b"/lost");
    assert!(http.get("/lost").is_err());
    assert_eq!(proxy.lost(), 1);
    assert_eq!(receiver.requests().iter().filter(|r| r.path == "/lost").count(), 1);
    proxy.throttle(10_000);
    assert_eq!(http.get("/slow").unwrap().status, 200);
    proxy.throttle(0);
    proxy.stall(true);
    let taken = proxy.connections();
    let mut stalled = TcpStream::connect(http.addr).unwrap();
    stalled.set_read_timeout(Some(wait::LONG)).unwrap();
    wait::until("the proxy has taken the connection", wait::LONG, || proxy.connections() > taken);
    write!(stalled, "GET /stalled HTTP/1.1\r\n\r\n").unwrap();
    proxy.cut();
    assert!(!matches!(stalled.read(&mut [0; 1]), Ok(1..)));
    assert!(proxy.connections() >= 4);
    assert!(receiver.requests().iter().all(|r| r.path != "/stalled"));
}

#[test]
fn the_receiver_answers_as_programmed() {
    let receiver = WebhookReceiver::start();
    let http = Http::to(([127, 0, 0, 1], receiver.port()).into());
    receiver.answer_next(Reply::status(302).with_header("location", "/elsewhere").after(Duration::from_millis(1)));
    receiver.answer(Reply::json(&serde_json::json!({"ok": true})));
    let first = http.post_form("/hook", &[("name", "Zoé Černá")]).unwrap();
    assert_eq!((first.status, first.header("location")), (302, Some("/elsewhere")));
    assert_eq!(http.post("/hook", "application/json", b"{}").unwrap().json()["ok"], true);
    let got = receiver.requests();
    assert_eq!(got[0].body, b"name=Zo%C3%A9+%C4%8Cern%C3%A1");
    assert_eq!((got[1].method.as_str(), got[1].json()), ("POST", serde_json::json!({})));
    assert!(receiver.url("/x").ends_with("/x"));
}

#[test]
fn the_sink_keeps_mails_and_refuses_when_told() {
    let sink = SmtpSink::start();
    let talk = |recipient: &str| {
        let stream = TcpStream::connect(("127.0.0.1", sink.port())).unwrap();
        let mut out = &stream;
        let rcpt = format!("RCPT TO:<{recipient}>\r\n");
        for line in ["EHLO me\r\n", "MAIL FROM:<a@b.test>\r\n", &rcpt, "DATA\r\n", "Subject: x\r\n\r\n..dot\r\n.\r\n"] {
            out.write_all(line.as_bytes()).unwrap();
        }
        out.write_all(b"QUIT\r\n").unwrap();
        let mut said = String::new();
        BufReader::new(&stream).read_to_string(&mut said).unwrap();
        said
    };
    assert!(talk("c@d.test").contains("250 2.0.0 kept"));
    sink.refuse(Some("550 5.1.1 nobody"));
    assert!(talk("e@f.test").contains("550 5.1.1 nobody"));
    sink.refuse(None);
    let mails = sink.mails();
    assert_eq!((mails.len(), mails[0].from.as_str(), &mails[0].to), (1, "a@b.test", &vec!["c@d.test".to_owned()]));
    assert_eq!(mails[0].text(), "Subject: x\r\n\r\n.dot\r\n");
}

#[test]
fn postgres_brings_its_own_tools() {
    let version = std::process::Command::new(Postgres::shared().program("psql")).arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("psql (PostgreSQL)"), "{version:?}");
}
