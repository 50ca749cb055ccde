//! Slow lines that deserve patience, and many connections of one client that do not.

use std::io::{BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::files::body;
use super::house::{House, Plan};
use crate::support::flood::{Honest, held};
use crate::support::http::read_answer;
use crate::support::wait;

const MULTIPART: &str = "multipart/form-data; boundary=BoUnDaRy";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_on_a_slow_line_may_take_longer_than_a_request_without_any() {
    let mut plan = Plan::form(|form| form.allow_files = true);
    plan.serve = |limits| limits.request = Duration::from_secs(1);
    let house = House::open(plan).await;
    let sent = body(&[("message", "hi")], &[("f", "a.txt", "text/plain", &vec![b'x'; 512 << 10])]);
    let mut client = TcpStream::connect(house.http.addr).unwrap();
    let head = format!(
        "POST /f/contact HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nContent-Type: {MULTIPART}\r\nContent-Length: {}\r\n\r\n",
        sent.len()
    );
    client.write_all(head.as_bytes()).unwrap();
    for piece in sent.chunks(64 << 10) {
        client.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    let answer = read_answer(&mut BufReader::new(&client)).unwrap();
    assert_eq!((answer.status, &answer.json()["ok"]), (200, &true.into()), "{}", answer.text());
    // What comes not at all is not waited for.
    let mut client = TcpStream::connect(house.http.addr).unwrap();
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&sent[..1_000]).unwrap();
    let answer = read_answer(&mut BufReader::new(&client)).unwrap();
    assert_eq!((answer.status, &answer.json()["error"]), (503, &"too_slow".into()));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_from_one_client_meets_its_own_bound_and_nobody_else_notices() {
    let serve: fn(&mut pisteur::http::ServeLimits) = |limits| {
        limits.exempt.clear();
        limits.header = Duration::from_secs(3_600);
        limits.connections_per_client = 50;
    };
    let house = House::open(Plan { serve, ..Plan::default() }).await;
    let flood = held(house.http.addr, 400, b"POST /f/contact HTTP/1.1\r\nHost: x\r\nX-A");
    let honest = Honest::measure(20, |number| {
        let message = number.to_string();
        house.http.post_form("/f/contact", &[("message", &message)]).map_or(0, |answer| answer.status)
    });
    honest.assert_all_got_through();
    let is_gone = |mut stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let read = stream.read(&mut [0; 64]);
        !read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let mut gone = vec![false; flood.len()];
    wait::until("those beyond the bound are turned away", wait::LONG, || {
        for (stream, gone) in flood.iter().zip(&mut gone) {
            *gone = *gone || is_gone(stream);
        }
        gone.iter().filter(|gone| **gone).count() >= 350
    });
    assert!(gone.iter().filter(|gone| !**gone).count() > 0, "those within it are not");
    drop(flood);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_only_shows_something_says_so_as_every_refusal_is_said() {
    let house = House::usual().await;
    let only_json = ["/f/contact/challenge", "/f/contact/stamp"];
    for path in ["/", "/f/contact/thanks", "/pisteur.js", "/attribution.js"].iter().chain(&only_json) {
        for method in ["POST", "PUT", "DELETE"] {
            let headers = [("accept", "application/json"), ("origin", "https://a.example")];
            let answer = house.http.request(method, path, &headers, b"message=hi").unwrap();
            let said = answer.json();
            assert_eq!((answer.status, said["error"].as_str()), (405, Some("method_not_allowed")), "{method} {path}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{method} {path}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{method} {path}");
        }
        let asked = house.http.request("OPTIONS", path, &[("origin", "https://a.example")], b"").unwrap();
        assert_eq!((asked.status, asked.header("access-control-allow-methods")), (204, Some("GET, HEAD, OPTIONS")));
        assert_eq!(house.http.get(path).unwrap().status, 200, "{path}");
        if only_json.contains(path) {
            continue;
        }
        let headers = [("accept", "text/html"), ("accept-language", "cs")];
        let page = house.http.request("POST", path, &headers, b"").unwrap();
        assert!(page.status == 405 && page.text().contains("lang=\"cs\""), "{path}: {}", page.text());
    }
    assert!(house.arrivals().await.is_empty());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_text_than_is_read_is_refused_before_it_is_taken() {
    let mut plan = Plan::form(|form| form.allow_files = true);
    plan.limits.value_bytes = 2 << 20;
    let house = House::open(plan).await;
    let send = |bytes: usize| {
        let half = "x".repeat(bytes / 2);
        let sent = body(&[("message", &half), ("more", &half)], &[("f", "a.txt", "text/plain", b"a file")]);
        house.http.post("/f/contact", MULTIPART, &sent).unwrap()
    };
    let refused = send(1_000_002);
    assert_eq!((refused.status, refused.json()["error"].as_str()), (413, Some("text_too_long")), "{}", refused.text());
    assert!(house.arrivals().await.is_empty());
    assert_eq!(send(1_000_000).status, 200);
    let kept = house.newest().await;
    let limits = pisteur::domain::reading::ReadLimits::default();
    let read = pisteur::domain::reading::form::read_pairs(&kept.raw, kept.content_type.as_deref(), &limits);
    assert_eq!(read.fields.iter().map(|(_, value)| value.len()).sum::<usize>(), 1_000_000, "all of it is read");
    house.stop().await;
}
