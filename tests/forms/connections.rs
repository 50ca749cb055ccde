//! Slow, silent, too many, and gone clients; a real proxy in front.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::house::{House, Plan};
use crate::support::http::Http;
use crate::support::process::{Leashed, Signal, free_port, wait_for_port};
use crate::support::wait;

fn connect(house: &House) -> TcpStream {
    let stream = TcpStream::connect(house.http.addr).unwrap();
    stream.set_read_timeout(Some(wait::LONG)).unwrap();
    stream
}

/// Sends head and body as they are and reads until the end of the connection.
pub fn raw(house: &House, head: &[u8], body: &[u8]) -> String {
    let mut stream = connect(house);
    stream.write_all(head).unwrap();
    // The server may answer and close before it has read all.
    drop(stream.write_all(body));
    read_to_end(&mut stream)
}

fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn impatient() -> Plan {
    Plan {
        serve: |limits| {
            limits.header = Duration::from_millis(300);
            limits.grace = Duration::from_millis(300);
            limits.request = Duration::from_secs(20);
        },
        ..Plan::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_slow_and_idle_connections_are_closed() {
    let house = House::open(impatient()).await;
    let mut silent = connect(&house);
    let mut slow_header = connect(&house);
    slow_header.write_all(b"POST /f/contact HTTP/1.1\r\nHost: x\r\nX-A").unwrap();
    let mut idle = connect(&house);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(house.http.get("/healthz").unwrap().status, 200, "an honest request is answered meanwhile");
    assert_eq!(read_to_end(&mut silent), "");
    assert!(!read_to_end(&mut slow_header).contains(" 200 "));
    assert!(read_to_end(&mut idle).ends_with("alive\n"), "answered, then closed");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_comes_too_slowly_is_answered_408() {
    let house = House::open(impatient()).await;
    let mut slow = connect(&house);
    slow.write_all(
        b"POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nAccept: application/json\r\n\
          Content-Type: application/x-www-form-urlencoded\r\n\r\nmess",
    )
    .unwrap();
    let answer = read_to_end(&mut slow);
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("too_slow"), "{answer}");
    assert!(house.arrivals().await.is_empty());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_senders_take_no_turn_of_anybody() {
    let mut plan = Plan::limits(|limits| limits.in_hand = 2);
    plan.http.trusted_proxies = vec!["127.0.0.1".into()];
    let house = House::open(plan).await;
    let slow = |from: &str| {
        let mut stream = connect(&house);
        let head = format!(
            "POST /f/contact HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {from}\r\nContent-Length: 1000\r\n\
             Expect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut word = [0_u8; 12];
        stream.read_exact(&mut word).unwrap();
        (stream, String::from_utf8_lossy(&word).into_owned())
    };
    let held: Vec<_> = (0..32).map(|n| slow(&format!("2001:db8::{n:x}"))).collect();
    assert!(held.iter().all(|(_, word)| word == "HTTP/1.1 100"), "their bodies are being read");
    for n in ["1", "2", "3"] {
        assert_eq!(house.http.post_form("/f/contact", &[("message", n)]).unwrap().status, 200);
    }
    let answer = house.http.post_form_with("/f/contact", &[("message", "4")], &[("x-forwarded-for", "2001:db8::ffff")]);
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str()), (503, Some("busy")), "one /64 has its share only");
    drop(held);
    wait::until("their share is given back", wait::LONG, || {
        let again = [("x-forwarded-for", "2001:db8::ffff")];
        house.http.post_form_with("/f/contact", &[("message", "5")], &again).is_ok_and(|answer| answer.status == 200)
    });
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_a_deadline_as_a_whole() {
    let plan = Plan {
        serve: |limits| {
            limits.request = Duration::from_millis(300);
            limits.grace = Duration::from_secs(60);
        },
        ..Plan::default()
    };
    let house = House::open(plan).await;
    let mut slow = connect(&house);
    slow.write_all(
        b"POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nContent-Type: application/json\r\n\r\n{",
    )
    .unwrap();
    let answer = read_to_end(&mut slow);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after"), "{answer}");
    assert_is_a_refusal_in_the_usual_shape(&answer);
    let mut slow = connect(&house);
    slow.write_all(
        b"POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nContent-Type: application/x-www-form-urlencoded\r\n\
          Accept: text/html\r\nAccept-Language: fr\r\n\r\na",
    )
    .unwrap();
    let page = read_to_end(&mut slow);
    assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("trop de temps"), "{page}");
    house.stop().await;
}

/// What a server says before it reads a body that was announced with `Expect` (RFC 9110 section 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

fn assert_is_a_refusal_in_the_usual_shape(answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    assert!(head.contains("connection: close") && head.contains("access-control-allow-origin: *"), "{head}");
    let said: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&said["ok"], &said["error"]), (&false.into(), &"too_slow".into()), "{said}");
    assert_eq!(said["errors"][0]["code"], "TRY_AGAIN", "{said}");
    assert_eq!(said["errors"][0]["message"], said["message"]);
    assert!(said["errors"][0]["field"].is_null());
    assert_eq!(said["request_id"].as_str().map(str::len), Some(26), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_a_stop_cannot_wait_for_is_told_so() {
    let plan = Plan {
        serve: |limits| {
            limits.drain = Duration::from_millis(200);
            limits.grace = Duration::from_secs(60);
        },
        ..Plan::default()
    };
    let house = House::open(plan).await;
    let (mut script, mut browser) = (connect(&house), connect(&house));
    let head = "POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\
                Content-Type: application/json\r\nExpect: 100-continue\r\n";
    script.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    browser.write_all(format!("{head}Accept: text/html\r\nAccept-Language: fr\r\n\r\n").as_bytes()).unwrap();
    for client in [&mut script, &mut browser] {
        let mut word = [0_u8; CONTINUE.len()];
        client.read_exact(&mut word).unwrap();
        assert_eq!(word.as_slice(), CONTINUE, "its body is being read");
    }
    house.stop().await;
    let answer = read_to_end(&mut script);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after"), "{answer}");
    assert_is_a_refusal_in_the_usual_shape(&answer);
    let page = read_to_end(&mut browser);
    assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("trop de temps"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_too_many_is_told_so() {
    let plan = Plan {
        serve: |limits| {
            limits.connections_per_client = 2;
            limits.exempt.clear();
        },
        ..Plan::default()
    };
    let house = House::open(plan).await;
    let held = [connect(&house), connect(&house)];
    wait::until("the third connection is refused", wait::LONG, || {
        house.http.get("/healthz").is_ok_and(|answer| answer.status == 503 && answer.header("retry-after").is_some())
    });
    let page = [("accept", "text/html"), ("accept-language", "fr")];
    let page = house.http.request("GET", "/f/contact", &page, &[]).unwrap();
    assert_eq!((page.status, page.header("access-control-allow-origin")), (503, Some("*")));
    assert!(page.text().contains("lang=\"fr\""), "{}", page.text());
    let said = house.http.post_form("/f/contact", &[("message", "hi")]).unwrap();
    assert_eq!((said.json()["error"].as_str(), said.header("access-control-allow-origin")), (Some("busy"), Some("*")));
    // More at once than are listened to: they are told so unasked.
    let silent: Vec<TcpStream> = (0..70).map(|_| connect(&house)).collect();
    let told = read_to_end(&mut silent.into_iter().next_back().unwrap());
    let (top, body) = told.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{told}"));
    assert!(top.starts_with("HTTP/1.1 503 ") && top.contains("Access-Control-Allow-Origin: *"), "{top}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["error"], &body["errors"][0]["code"]), (&"busy".into(), &"TRY_AGAIN".into()));
    drop(held);
    wait::until("there is room again", wait::LONG, || house.http.get("/healthz").is_ok_and(|a| a.status == 200));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_does_not_cancel_the_write() {
    let house = House::usual().await;
    let database = house.folder.path().join("p.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let mut client = connect(&house);
    client
        .write_all(
            b"POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\
              Content-Type: application/x-www-form-urlencoded\r\n\r\nmessage=hi",
        )
        .unwrap();
    // The write is a task of the tracker, beside the submission's, the listener and the connection.
    wait::until("the write is under way", wait::LONG, || house.tracker.len() >= 4);
    client.shutdown(Shutdown::Both).unwrap();
    drop(client);
    wait::until("the connection is gone and the write is not", wait::LONG, || house.tracker.len() == 3);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    wait::until_async("the submission is journalled", wait::LONG, async || house.arrivals().await.len() == 1).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_leaves_its_memory_and_turn_counted_until_the_write_is_done() {
    let house = House::usual().await;
    let database = house.folder.path().join("p.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let set = house.forms.load_full();
    let (memory, turns) = (set.uploads.memory.left(), set.in_hand.available_permits());
    let mut client = connect(&house);
    let content = format!("message={}", "x".repeat(50_000));
    let request = format!(
        "POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{content}",
        content.len()
    );
    client.write_all(request.as_bytes()).unwrap();
    wait::until("the write is under way", wait::LONG, || house.tracker.len() >= 4);
    client.shutdown(Shutdown::Both).unwrap();
    drop(client);
    wait::until("the connection is gone and the write is not", wait::LONG, || house.tracker.len() == 3);
    let counted = (memory - set.uploads.memory.left(), turns - set.in_hand.available_permits());
    assert!(counted.0 >= content.len() && counted.0 <= content.len() * 5 / 4 && counted.1 == 1, "{counted:?}");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    wait::until("both are given back", wait::LONG, || {
        set.uploads.memory.left() == memory && set.in_hand.available_permits() == turns
    });
    wait::until_async("it is journalled", wait::LONG, || async { house.arrivals().await.len() == 1 }).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_with_a_slash_too_many_or_of_nothing_is_answered_as_all_are() {
    let house = House::usual().await;
    assert_eq!(house.http.post_form("/f/contact/", &[("message", "hi")]).unwrap().status, 200);
    assert_eq!(house.http.get("/f/contact/").unwrap().status, 200);
    assert_eq!(house.arrivals().await.len(), 1);
    for address in ["/nothing", "/f/contact/further", "/f/contact/x/y"] {
        let said = house.http.post_form(address, &[("message", "hi")]).unwrap();
        assert_eq!((said.status, said.json()["error"].as_str()), (404, Some("not_found")), "{address}");
        assert_eq!(said.header("access-control-allow-origin"), Some("*"));
        let headers = [("accept", "text/html"), ("accept-language", "fa")];
        let page = house.http.request("GET", address, &headers, &[]).unwrap();
        assert_eq!(page.status, 404);
        assert!(page.text().contains("dir=\"rtl\"") && page.text().contains("چیزی نیست"), "{}", page.text());
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_closes_idle_connections_and_refuses_new_ones() {
    let house = House::usual().await;
    let address = house.http.addr;
    let mut idle = connect(&house);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut some = [0_u8; 12];
    idle.read_exact(&mut some).unwrap();
    house.stop().await;
    assert!(read_to_end(&mut idle).ends_with("alive\n"));
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_names_the_key_and_the_remedy() {
    let house = House::usual().await;
    let error = pisteur::http::bind(&house.http.addr.to_string(), "http.public").await.unwrap_err().to_string();
    assert!(error.starts_with("http.public: ") && error.contains("PISTEUR__HTTP__PUBLIC"), "{error}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_in_front_passes_the_visitor_on() {
    let mut plan = Plan::default();
    plan.http.trusted_proxies = vec!["127.0.0.1".into()];
    let house = House::open(plan).await;
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log; events {{}}\n\
         http {{ access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;\n\
         uwsgi_temp_path {at}/u; scgi_temp_path {at}/s; client_max_body_size 0;\n\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{};\n\
         proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }} }}\n",
        house.http.addr
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-e").arg(folder.path().join("error.log"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut nginx = Leashed::spawn(&mut command, Signal::Term, None);
    wait_for_port("nginx (install it with: apt-get install nginx-light)", port, || nginx.ended().is_some());
    let proxy = Http::to(([127, 0, 0, 1], port).into());
    let headers = [("x-forwarded-for", "198.51.100.1")];
    let answer = proxy.post_form_with("/f/contact", &[("message", "hi")], &headers).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    // nginx adds the address it saw, 127.0.0.1, which is trusted, so the one before it counts.
    assert_eq!(house.newest().await.context.client_ip.as_deref(), Some("198.51.100.1"));
    let large = proxy.post("/f/contact", "application/x-www-form-urlencoded", &vec![b'a'; 30 << 20]).unwrap();
    assert_eq!(large.status, 413, "{}", large.text());
    nginx.end(Signal::Term, wait::LONG);
    house.stop().await;
}
