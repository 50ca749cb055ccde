//! HTTPS without a proxy: real handshakes with the real daemon.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::certs::Certs;
use crate::support::daemon::{Daemon, Setup};
use crate::support::flood::{Honest, held};
use crate::support::ledger;
use crate::support::process::free_port;
use crate::support::tls::{TlsClient, ask, der};
use crate::support::wait;

const NO_LIMITS: &str = "per_client_per_minute = 0\nper_form_per_minute = 0\n";

/// With the pair in `live/`, as links into `archive/`, which is how certbot keeps them.
fn setup(certs: &Certs, more: &str) -> Setup {
    let setup = Setup::new()
        .contact_form()
        .file("archive/fullchain1.pem", &certs.cert)
        .file("archive/privkey1.pem", &certs.key)
        .file("live/README", "links")
        .tables("[http.tls]\ncertificate = \"live/fullchain.pem\"\nkey = \"live/privkey.pem\"\n")
        .tables(more);
    link(setup.dir(), "fullchain", 1);
    link(setup.dir(), "privkey", 1);
    setup
}

/// Points `live/NAME.pem` to the file of that number, at once.
fn link(folder: &Path, name: &str, number: u32) {
    let fresh = folder.join(format!("live/{name}.new"));
    std::os::unix::fs::symlink(format!("../archive/{name}{number}.pem"), &fresh).unwrap();
    std::fs::rename(fresh, folder.join(format!("live/{name}.pem"))).unwrap();
}

fn new_pair(daemon: &Daemon, number: u32, cert: &str, key: &str) {
    std::fs::write(daemon.path(&format!("archive/fullchain{number}.pem")), cert).unwrap();
    std::fs::write(daemon.path(&format!("archive/privkey{number}.pem")), key).unwrap();
    link(daemon.setup().dir(), "fullchain", number);
    link(daemon.setup().dir(), "privkey", number);
}

fn reasons(daemon: &Daemon) -> String {
    daemon.operator().get("/readyz").unwrap().json()["reasons"].to_string()
}

#[test]
fn the_public_listener_speaks_https_with_the_files_given() {
    let certs = Certs::local();
    let mut daemon = setup(&certs, &format!("[limits]\n{NO_LIMITS}")).start();
    let address = daemon.public().addr;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = TlsClient::speaking(address, &[&certs.ca], &[version]);
        let mut opened = client.connect().unwrap();
        assert_eq!(opened.conn.protocol_version(), Some(version.version));
        assert_eq!(opened.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
        for _ in 0..2 {
            let kept = ask(&mut opened, "GET", "/healthz", &[], b"").unwrap();
            assert_eq!((kept.status, kept.text().as_str()), (200, "alive\n"));
        }
        let posted = client.post_form("/f/contact", &format!("name=Eva&message={:?}", version.version)).unwrap();
        assert_eq!(posted.status, 200, "{}", posted.text());
        assert_eq!(posted.header("strict-transport-security"), None, "only when configured");
    }
    let page = TlsClient::trusting(address, &[&certs.ca]).request("GET", "/", &[], b"").unwrap();
    assert!(!page.text().contains("http://localhost"), "hints name the way the visitor came: {}", page.text());
    let stranger = TlsClient::trusting(address, &[&Certs::local().ca]);
    assert!(stranger.connect().is_err(), "another authority's client refuses it");
    let plain = daemon.public().get("/healthz").unwrap();
    assert_eq!((plain.status, plain.text().as_str()), (400, "This port speaks HTTPS. Use https:// here"));
    let mut large = TcpStream::connect(address).unwrap();
    large.set_read_timeout(Some(wait::LONG)).unwrap();
    let head = b"POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\nmessage=";
    large.write_all(&[head.as_slice(), &vec![b'a'; 39_992]].concat()).unwrap();
    let mut said = String::new();
    large.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    let log = daemon.stderr();
    assert!(log.contains("HTTPS certificate in force: for localhost, 127.0.0.1"), "{log}");
    assert!(!log.contains("PRIVATE") && !log.contains("handshake"), "{log}");
    daemon.stop_cleanly();
    let url = daemon.setup().database_url().to_owned();
    assert_eq!(ledger::count_blocking(&url, "SELECT count(*) FROM arrival"), 2);
}

#[test]
fn https_may_stand_beside_plain_http_and_insist_on_itself() {
    let (certs, port) = (Certs::local(), free_port());
    let more = format!("listen = \"127.0.0.1:{port}\"\nhsts_seconds = 31536000\n");
    let mut daemon = setup(&certs, &more).start();
    let client = TlsClient::trusting(SocketAddr::from(([127, 0, 0, 1], port)), &[&certs.ca]);
    let secure = client.request("GET", "/healthz", &[], b"").unwrap();
    assert_eq!(secure.header("strict-transport-security"), Some("max-age=31536000"));
    let plain = daemon.public().get("/healthz").unwrap();
    assert_eq!((plain.status, plain.header("strict-transport-security")), (200, None));
    daemon.stop_cleanly();
}

#[test]
fn a_new_certificate_is_taken_over_under_load_without_a_failed_request() {
    let (first, second) = (Certs::local(), Certs::local());
    let mut daemon = setup(&first, &format!("[limits]\n{NO_LIMITS}header_seconds = 600\n")).start();
    let client = TlsClient::trusting(daemon.public().addr, &[&first.ca, &second.ca]);
    let mut kept = client.connect().unwrap();
    assert_eq!(ask(&mut kept, "GET", "/healthz", &[], b"").unwrap().status, 200);
    let (done, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let load: Vec<_> = (0..3)
        .map(|worker| {
            let (client, done, over) = (client.clone(), Arc::clone(&done), Arc::clone(&over));
            std::thread::spawn(move || {
                let mut number = 0;
                while !over.load(Ordering::Relaxed) {
                    let answer = client.post_form("/f/contact", &format!("message={worker}-{number}"));
                    assert_eq!(answer.unwrap().status, 200, "no request fails");
                    number += 1;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let more = |what: &str| {
        let before = done.load(Ordering::Relaxed);
        wait::until(what, wait::LONG, || done.load(Ordering::Relaxed) >= before + 20);
    };
    more("requests are answered under the first certificate");
    assert_eq!(client.certificate().unwrap(), der(&first.cert).to_vec());
    new_pair(&daemon, 2, &second.cert, &second.key);
    let shows = |certs: &Certs| client.certificate().unwrap() == der(&certs.cert).to_vec();
    wait::until("the second certificate is shown", wait::LONG, || shows(&second));
    more("requests are answered under the second certificate");

    new_pair(&daemon, 3, &first.cert, &second.key);
    wait::until("the pair that does not fit is refused loudly", wait::LONG, || {
        reasons(&daemon).contains("does not belong to the first certificate")
    });
    assert!(shows(&second), "the old pair stays in force");
    assert!(daemon.stderr().contains("the new certificate is not taken over"), "{}", daemon.stderr());
    assert_eq!(daemon.metric("pisteur_tls_last_reload_successful"), Some(0.0));
    more("requests are answered meanwhile");
    let ended = Certs::valid(2020, 2021);
    new_pair(&daemon, 5, &ended.cert, &ended.key);
    wait::until("the pair that has run out is refused loudly", wait::LONG, || {
        reasons(&daemon).contains("ran out at 2021-01-01")
    });
    assert!(shows(&second), "the one inside its time stays in force");

    new_pair(&daemon, 4, &first.cert, &first.key);
    wait::until("the mended pair is in force", wait::LONG, || shows(&first) && !reasons(&daemon).contains("HTTPS"));
    over.store(true, Ordering::Relaxed);
    for worker in load {
        worker.join().unwrap();
    }
    let still = ask(&mut kept, "GET", "/healthz", &[], b"").unwrap();
    assert_eq!(still.status, 200, "a connection from before the exchanges goes on");
    daemon.stop_cleanly();
}

#[test]
fn half_handshakes_in_their_hundreds_do_not_keep_an_honest_client_out() {
    let certs = Certs::local();
    let mut daemon = setup(&certs, &format!("[limits]\n{NO_LIMITS}header_seconds = 5\n")).start();
    // A record that announces 512 bytes of a ClientHello and brings 3 of them.
    let half = held(daemon.public().addr, 1_000, &[22, 3, 1, 2, 0, 1, 0, 1]);
    let client = TlsClient::trusting(daemon.public().addr, &[&certs.ca]);
    let honest = Honest::measure(40, |n| client.post_form("/f/contact", &format!("message={n}")).unwrap().status);
    println!("1 000 half handshakes: {honest}");
    honest.assert_all_got_through();
    wait::until("each is let go and counted", wait::LONG, || {
        daemon.metric("pisteur_tls_handshakes_total").unwrap_or(0.0) >= 1_000.0
    });
    let metrics = daemon.operator().get("/metrics").unwrap().text();
    assert!(metrics.contains("pisteur_tls_handshakes_total{outcome=\"timeout\"} "), "{metrics}");
    drop(half);
    daemon.stop_cleanly();
}

#[test]
fn a_key_of_another_certificate_stops_the_start_and_is_told_by_check_and_doctor() {
    let mut certs = Certs::local();
    certs.key = Certs::local().key;
    let setup = setup(&certs, "");
    let check = setup.run(&["check"]);
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert_eq!(check.status.code(), Some(1), "{said}");
    assert!(said.contains("error: http.tls.key: ") && said.contains("does not belong to"), "{said}");
    let json: serde_json::Value = serde_json::from_slice(&setup.run(&["check", "--json"]).stdout).unwrap();
    assert_eq!((&json["ok"], json["certificate"].is_string()), (&false.into(), true), "{json}");
    let doctor = setup.run(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("fail  http.tls "), "{doctor:?}");
    let mut daemon = setup.start_unready();
    assert_eq!(daemon.wait_end(), Some(2));
    assert!(daemon.stderr().contains("http.tls.key: "), "{}", daemon.stderr());
}

#[test]
fn a_certificate_that_has_run_out_is_served_with_a_warning() {
    let certs = Certs::valid(2020, 2021);
    let setup = setup(&certs, "");
    let check = setup.run(&["check"]);
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert_eq!(check.status.code(), Some(0), "{said}");
    assert!(said.contains("warning: the HTTPS certificate ran out at 2021-01-01T00:00:00Z"), "{said}");
    let doctor = setup.run(&["doctor", "--json"]);
    let doctor: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let line = doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "http.tls").unwrap();
    assert_eq!(line["level"], "warn", "{line}");
    let mut daemon = setup.start();
    assert!(reasons(&daemon).contains("ran out"));
    assert!(TlsClient::trusting(daemon.public().addr, &[&certs.ca]).connect().is_err(), "a client refuses it");
    daemon.stop_cleanly();
}

#[test]
fn a_stop_ends_handshakes_under_way_at_once() {
    let certs = Certs::local();
    let mut daemon = setup(&certs, "[limits]\nheader_seconds = 3600\n").start();
    let mut half = TcpStream::connect(daemon.public().addr).unwrap();
    half.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    half.write_all(&[22, 3, 1]).unwrap();
    daemon.stop_cleanly();
    assert!(matches!(half.read(&mut [0; 1]), Ok(0) | Err(_)));
}
