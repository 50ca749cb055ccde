//! Clients that only hold on to their connections, in their hundreds: the honest one gets through, and its times are
//! printed.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::support::daemon::{Daemon, Setup};
use crate::support::flood::{Honest, held};

fn daemon(limits: &str) -> Daemon {
    let limits = format!("[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n{limits}");
    Setup::new().contact_form().tables(&limits).start()
}

fn post(daemon: &Daemon, number: usize) -> u16 {
    daemon.public().post_form("/f/contact", &[("message", &number.to_string())]).map_or(0, |answer| answer.status)
}

const SLOW_HEADER: &[u8] = b"POST /f/contact HTTP/1.1\r\nHost: x\r\nX-A";
const SLOW_BODY: &[u8] = b"POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\
    Content-Type: application/x-www-form-urlencoded\r\n\r\nm";
const ANSWERED: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// Holds `count` connections of a kind, each getting another byte now and then, while an honest client posts.
fn besieged(daemon: &Daemon, what: &str, count: usize, first: &[u8], drip: bool) {
    let mut held = held(daemon.public().addr, count, first);
    let mut last = Instant::now();
    let honest = Honest::measure(40, |number| {
        if drip && last.elapsed() > Duration::from_secs(1) {
            last = Instant::now();
            for stream in &mut held {
                drop(stream.write_all(b"a"));
            }
        }
        post(daemon, number)
    });
    println!("{count} connections, {what}: {honest}");
    honest.assert_all_got_through();
}

#[test]
fn a_thousand_held_connections_of_any_kind_do_not_keep_an_honest_client_out() {
    let mut daemon = daemon("");
    besieged(&daemon, "silent", 1_000, b"", false);
    besieged(&daemon, "a byte of a header a second", 1_000, SLOW_HEADER, true);
    besieged(&daemon, "a byte of a body a second", 1_000, SLOW_BODY, true);
    besieged(&daemon, "idle after their answer", 1_000, ANSWERED, false);
    daemon.stop_cleanly();
}

#[test]
fn more_held_connections_than_there_are_places_make_room_for_an_honest_client() {
    let mut daemon = daemon("connections = 200\nheader_seconds = 3600\nrequest_seconds = 3600\n");
    for (what, first) in
        [("silent", b"".as_slice()), ("half a header", SLOW_HEADER), ("half a body", SLOW_BODY), ("idle", ANSWERED)]
    {
        besieged(&daemon, &format!("{what}, of 200 places"), 600, first, false);
    }
    let pushed = daemon.metric("pisteur_connections_pushed_out_total").unwrap();
    assert!(pushed >= 400.0, "{pushed}");
    daemon.stop_cleanly();
}
