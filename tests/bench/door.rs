//! The form door: submissions accepted and durable a second, beside a bare hyper that answers as much and keeps nothing;
//! and what an honest client meets with while others hold a thousand connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::figures::{Table, median, millis};
use crate::support::daemon::{Daemon, Setup};
use crate::support::flood::{Honest, held};
use crate::support::load;
use crate::support::postgres::{Fsync, Postgres};
use crate::wrk;

/// Connections at once, and submissions of one run with so many.
const LOADS: [(usize, usize); 3] = [(1, 400), (64, 12_000), (256, 12_000)];

/// Connections of `wrk`, and for how long.
const WRK: [(usize, u32); 3] = [(1, 3), (64, 5), (256, 5)];

/// Rate, p50 and p99 of one run.
type Run = (f64, Duration, Duration);

/// Prints both tables.
pub fn measure(quick: bool) {
    let repeats = if quick { 1 } else { 3 };
    let server = Postgres::start(Fsync::On);
    let echo = bare_echo();
    let mut table =
        Table::new(&["accepted and durable/s (p50 / p99)", "SQLite", "PostgreSQL", "bare hyper, nothing kept"]);
    for (clients, count) in LOADS {
        let of = |run: &dyn Fn() -> Run| shown(&(0..repeats).map(|_| run()).collect::<Vec<_>>());
        let sqlite = of(&|| of_daemon(None, clients, count));
        let postgres = of(&|| of_daemon(Some(&server), clients, count));
        let bare = of(&|| post(echo, clients, count));
        table.row(&[&format!("{clients} connections"), &sqlite, &postgres, &bare]);
    }
    println!("{table}");
    println!("{}", under_wrk(&server, echo, repeats));
    println!("{}", floods());
}

/// The same by a generator that is not ours.
fn under_wrk(server: &Postgres, echo: SocketAddr, repeats: usize) -> Table {
    let mut table =
        Table::new(&["wrk, accepted and durable/s (p50 / p99)", "SQLite", "PostgreSQL", "bare hyper, nothing kept"]);
    for (connections, seconds) in WRK {
        let of = |run: &dyn Fn() -> Option<Run>| {
            let runs: Vec<Run> = (0..repeats).filter_map(|_| run()).collect();
            if runs.is_empty() { "wrk is not installed".to_owned() } else { shown(&runs) }
        };
        let kept = |server: Option<&Postgres>| {
            let mut daemon = start(server);
            let run = wrk::post(daemon.public().addr, connections, seconds);
            daemon.stop_cleanly();
            run
        };
        let (sqlite, postgres) = (of(&|| kept(None)), of(&|| kept(Some(server))));
        let bare = of(&|| wrk::post(echo, connections, seconds));
        table.row(&[&format!("{connections} connections"), &sqlite, &postgres, &bare]);
    }
    table
}

fn shown(runs: &[Run]) -> String {
    let rate = median(&runs.iter().map(|run| run.0).collect::<Vec<_>>());
    let time = |of: fn(&Run) -> Duration| {
        let seconds: Vec<f64> = runs.iter().map(|run| of(run).as_secs_f64()).collect();
        millis(Duration::from_secs_f64(median(&seconds)))
    };
    format!("{rate:.0} ({} / {})", time(|run| run.1), time(|run| run.2))
}

fn start(server: Option<&Postgres>) -> Daemon {
    let limits = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n[worker]\nenabled = false\n";
    let setup = Setup::new().contact_form().tables(limits);
    match server {
        Some(server) => setup.database(&server.url(&server.database())).start(),
        None => setup.start(),
    }
}

fn of_daemon(server: Option<&Postgres>, clients: usize, count: usize) -> Run {
    let mut daemon = start(server);
    let run = post(daemon.public().addr, clients, count);
    daemon.stop_cleanly();
    run
}

fn post(address: SocketAddr, clients: usize, count: usize) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let body = |n: usize| {
        format!(
            "name=Prenom{n}+Nom{n}&email=personne{n}%40societe-{n}.fr&message=Bonjour%2C+votre+catalogue+numero+{n}%2C+merci."
        )
    };
    let numbers = (0..count).collect();
    let run = runtime.block_on(load::post_forms(address, "contact", numbers, clients, Duration::from_secs(60), body));
    assert!(run.unanswered.is_empty(), "{} posts without an answer", run.unanswered.len());
    (run.rate(), run.latency(0.5), run.latency(0.99))
}

/// A server of the same HTTP library that reads the body, answers as much as the door does, and keeps nothing.
fn bare_echo() -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        runtime.block_on(async {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).ok();
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(echo)));
            }
        });
    });
    address
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes().len()).unwrap_or_default();
    let said =
        format!("{{\"ok\":true,\"id\":\"01JABCDEFGHJKMNPQRSTVWXYZ0\",\"next\":\"/f/contact/thanks?lang=en&{body}\"}}");
    Ok(Response::new(Full::new(Bytes::from(said))))
}

/// An honest client's times while a thousand connections of a kind are held.
fn floods() -> Table {
    let mut daemon = start(None);
    let mut table = Table::new(&["1 000 connections held", "an honest client"]);
    let header: &[u8] = b"POST /f/contact HTTP/1.1\r\nHost: x\r\nX-A";
    let body: &[u8] = b"POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\nm";
    let kinds: [(&str, usize, &[u8]); 5] = [
        ("none", 0, b""),
        ("silent", 1_000, b""),
        ("half a header", 1_000, header),
        ("half a body", 1_000, body),
        ("idle after an answer", 1_000, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
    ];
    for (what, count, first) in kinds {
        let held = held(daemon.public().addr, count, first);
        let honest = Honest::measure(200, |number| {
            let fields = [("message", format!("{what} {number}"))];
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            daemon.public().post_form("/f/contact", &fields).map_or(0, |answer| answer.status)
        });
        honest.assert_all_got_through();
        table.row(&[what, &honest.to_string()]);
        drop(held);
    }
    daemon.stop_cleanly();
    table
}
