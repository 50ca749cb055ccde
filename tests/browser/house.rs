//! A daemon with forms, and a website of somebody else beside it.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::TcpListener;

use crate::support::daemon::{Daemon, Setup};
use crate::support::http::read_head;
use crate::support::ledger::{count_blocking, texts_blocking};
use crate::support::wait;

/// Limits that no visitor of a test meets.
const NO_LIMITS: &str = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n";

/// Starts a daemon with these forms, and without the rules that know the shipped one.
pub fn daemon(forms: &str) -> Daemon {
    setup(forms).start()
}

/// The same, not started yet.
pub fn setup(forms: &str) -> Setup {
    let setup = Setup::new().keys("own_domains = [\"our-company.example\"]").tables(NO_LIMITS).tables(forms);
    setup.file("rules/30-classify.toml", "")
}

/// Address of its public listener.
pub fn address(daemon: &Daemon) -> String {
    format!("http://{}", daemon.public().addr)
}

/// How many arrivals are in the journal.
pub fn arrivals(daemon: &Daemon) -> i64 {
    count_blocking(daemon.setup().database_url(), "SELECT count(*) FROM arrival")
}

/// What arrived, oldest first, as names and values: bodies in the journal are as they were sent.
pub fn bodies(daemon: &Daemon) -> Vec<BTreeMap<String, String>> {
    let sql = "SELECT CAST(raw AS TEXT) FROM arrival_raw ORDER BY arrival";
    let all = texts_blocking(daemon.setup().database_url(), sql);
    all.iter().map(|body| form_urlencoded::parse(body.as_bytes()).into_owned().collect()).collect()
}

/// The one body there is to be, waiting for it.
pub fn body(daemon: &Daemon) -> BTreeMap<String, String> {
    wait::until("an arrival is journalled", wait::LONG, || arrivals(daemon) > 0);
    let mut all = bodies(daemon);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

/// A website on a port of its own, under another host name than the daemon's: its pages by path, without the query.
pub struct Site {
    pub port: u16,
}

impl Site {
    /// On a free port.
    pub fn open(pages: Vec<(&'static str, String)>) -> Self {
        Self::at(0, pages)
    }

    /// On a port that was chosen before.
    pub fn at(port: u16, pages: Vec<(&'static str, String)>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages: BTreeMap<_, _> = pages.into_iter().collect();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Ok((first, _)) = read_head(&mut BufReader::new(&stream)) else { continue };
                let path = first.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
                let (status, body) = match pages.get(path.as_str()) {
                    Some(page) => ("200 OK", page.as_str()),
                    None => ("404 Not Found", "nothing"),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())));
            }
        });
        Self { port }
    }

    pub fn address(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

/// A page of a website.
pub fn page(language: &str, inner: &str) -> String {
    format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\"><link rel=\"icon\" href=\"data:,\"><title>Site</title></head><body>{inner}</body></html>"
    )
}
