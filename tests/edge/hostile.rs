//! Hostile requests against the built daemon: each has a clear answer, nothing else is written down, it goes on serving.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger;
use crate::support::wait;

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=B";
const JSON: &str = "application/json";

/// Bodies of 64 MiB are let in, so that what is inside them is met by the readers.
fn start() -> Daemon {
    let limits = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\nbody_bytes = 67108864\n\
                  body_with_files_bytes = 67108864\n[worker]\nenabled = false\n";
    let files = "[[form]]\nid = \"files\"\nallow_files = true\n";
    Setup::new().contact_form().tables(limits).tables(files).start()
}

fn memory_mb(daemon: &Daemon) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Sends bytes as they are and reads until the end of the connection.
fn raw(daemon: &Daemon, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(daemon.public().addr).unwrap();
    stream.set_read_timeout(Some(wait::LONG)).unwrap();
    drop(stream.write_all(request));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn journalled(daemon: &Daemon) -> i64 {
    ledger::count_blocking(daemon.setup().database_url(), "SELECT count(*) FROM arrival")
}

/// What a body says, by the one reader of the door and the workers.
fn read(kind: &str, body: &[u8]) -> Vec<(String, String)> {
    let limits = pisteur::domain::reading::ReadLimits::default();
    pisteur::domain::reading::form::read_pairs(body, Some(kind), &limits).fields
}

/// Processor time that the daemon has used, in ticks of the system.
fn work(daemon: &Daemon) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.id())).unwrap();
    let behind_name = stat.rsplit_once(')').unwrap().1;
    behind_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// The words of a name that old hash functions map to one number: each of `Aa` and `BB` hashes alike in Java and PHP.
fn colliding(number: u32) -> String {
    (0..20).map(|bit| if number >> bit & 1 == 0 { "Aa" } else { "BB" }).collect()
}

#[test]
fn a_million_of_anything_is_refused_quickly_and_within_bounded_memory() {
    let mut daemon = start();
    let part = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n";
    let keys = |join: &str, around: fn(String) -> String| {
        (0..1_000_000).map(|n| around(colliding(n))).collect::<Vec<_>>().join(join)
    };
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("fields", URLENCODED, "a=1&".repeat(1_000_000).into_bytes()),
        ("fields without a name", URLENCODED, "&=".repeat(1_000_000).into_bytes()),
        ("parts", MULTIPART, (part.repeat(1_000_000) + "--B--\r\n").into_bytes()),
        ("keys that collide elsewhere", URLENCODED, keys("&", |key| key + "=").into_bytes()),
        (
            "members that collide elsewhere",
            JSON,
            format!("{{{}}}", keys(",", |key| format!("\"{key}\":1"))).into_bytes(),
        ),
        ("elements", JSON, format!("{{\"a\":[{}1]}}", "1,".repeat(1_000_000)).into_bytes()),
        ("repeats of one member", JSON, format!("{{{}\"a\":1}}", "\"a\":1,".repeat(1_000_000)).into_bytes()),
        ("brackets", URLENCODED, format!("a{}=1", "[a]".repeat(1_000_000)).into_bytes()),
    ];
    for (what, kind, body) in cases {
        for form in ["/f/contact", "/f/files"] {
            let begun = Instant::now();
            let answer = daemon.public().post(form, kind, &body).unwrap();
            println!("1 000 000 {what} at {form}: {} after {:?}", answer.status, begun.elapsed());
            // Members of one name are as many fields: each is kept.
            let slug = if what == "brackets" { "name_too_long" } else { "too_many_fields" };
            let said = answer.json();
            assert_eq!((answer.status, said["error"].as_str()), (413, Some(slug)), "{what}: {said}");
        }
    }
    assert_eq!(journalled(&daemon), 0);
    let memory = memory_mb(&daemon);
    println!("memory at its peak: {memory:.0} MB");
    // One of 64 MiB at a time, which is in memory while it is read, and once more as text.
    assert!(memory < 400.0, "{memory} MB");
    assert_eq!(daemon.public().post_form("/f/contact", &[("message", "honest")]).unwrap().status, 200);
    daemon.stop_cleanly();
}

/// Sends `body` from so many clients at one time; their answers.
fn at_once(daemon: &Daemon, count: usize, path: &str, kind: &str, body: &[u8]) -> Vec<(u16, String)> {
    std::thread::scope(|scope| {
        let send = || {
            let answer = daemon.public().post(path, kind, body).unwrap();
            (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
        };
        let clients: Vec<_> = (0..count).map(|_| scope.spawn(send)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn many_large_bodies_at_one_time_take_little_more_memory_than_themselves() {
    let limits = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n[worker]\nenabled = false\n";
    let mut daemon = Setup::new().contact_form().tables(limits).start();
    assert_eq!(daemon.public().post_form("/f/contact", &[("message", "first")]).unwrap().status, 200);
    let before = memory_mb(&daemon);
    let full = |piece: &str| piece.repeat(((1 << 20) - 64) / piece.len());
    let bodies = [
        format!("{{\"_form\":\"contact\",\"a\":[{}1]}}", full("1,")),
        format!("{{\"_form\":\"contact\",\"a\":[{}1]}}", full("[],")),
        format!("{{\"_form\":\"contact\",{}\"a\":1}}", full("\"\":\"\",")),
    ];
    for body in bodies {
        for path in ["/f/contact", "/f"] {
            for (status, error) in at_once(&daemon, 64, path, JSON, body.as_bytes()) {
                assert_eq!((status, error.as_str()), (413, "too_many_fields"), "{path}");
            }
        }
        let memory = memory_mb(&daemon) - before;
        println!("64 bodies of {} KiB at once: {memory:.0} MB more at the peak", body.len() >> 10);
        // What the budget for bodies counts, and as much again for what is made of a few at one time.
        assert!(memory < 200.0, "{memory} MB");
    }
    assert_eq!(daemon.public().post_form("/f/contact", &[("message", "honest")]).unwrap().status, 200);
    daemon.stop_cleanly();
}

#[test]
fn malformed_multipart_has_a_clear_answer() {
    let mut daemon = start();
    let head = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n";
    let long = "b".repeat(71);
    let kind = format!("multipart/form-data; boundary={long}");
    let two = "Content-Disposition: form-data; name=\"b\"\r\n";
    let inner = "Content-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\n\r\nx\r\n--C--";
    let refused: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        (MULTIPART, b"--B".to_vec(), 400, "malformed"),
        (MULTIPART, format!("{head}\r\nno end of it").into_bytes(), 400, "malformed"),
        (MULTIPART, format!("{head}\r\nx\r\n--B").into_bytes(), 400, "malformed"),
        (MULTIPART, vec![b'-'; 4 << 20], 400, "malformed"),
        (MULTIPART, "--B\r\n".repeat(100_000).into_bytes(), 400, "malformed"),
        (&kind, format!("--{long}\r\n\r\nx\r\n--{long}--").into_bytes(), 400, "malformed"),
        ("multipart/form-data; boundary=", b"--\r\n\r\nx\r\n----\r\n".to_vec(), 400, "malformed"),
        ("multipart/mixed; boundary=B", format!("{head}\r\nx\r\n--B--\r\n").into_bytes(), 415, "content_type"),
        (MULTIPART, format!("{head}{}\r\nx\r\n--B--\r\n", "X-A: b\r\n".repeat(5_000)).into_bytes(), 400, "malformed"),
        // A part of a type of its own is a file, and nothing else is there.
        (MULTIPART, format!("{head}{inner}\r\n--B--\r\n").into_bytes(), 400, "no_file_uploads"),
    ];
    for (kind, body, status, slug) in refused {
        let answer = daemon.public().post("/f/contact", kind, &body).unwrap();
        let shown = String::from_utf8_lossy(body.get(..body.len().min(120)).unwrap()).into_owned();
        let said = answer.json();
        assert_eq!((answer.status, said["error"].as_str()), (status, Some(slug)), "{kind} {shown}: {said}");
    }
    assert_eq!(journalled(&daemon), 0);
    let taken = [
        (format!("{head}X-A: {}\r\n\r\nx\r\n--B--\r\n", "y".repeat(1 << 20)), "a"),
        (format!("{head}{two}\r\nx\r\n--B--\r\n"), "b"),
        ("--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--\r\n".to_owned(), ""),
        ("--B\r\n\r\nx\r\n--B--\r\n".to_owned(), ""),
    ];
    for (body, name) in taken {
        let answer = daemon.public().post("/f/contact", MULTIPART, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(read(MULTIPART, body.as_bytes()), [(name.to_owned(), "x".to_owned())], "the last name counts");
    }
    // A quote that is never closed ends with the line.
    let (kind, body) = ("multipart/form-data; boundary=\"a b", b"--a b\r\n\r\nx\r\n--a b--");
    assert_eq!(daemon.public().post("/f/contact", kind, body).unwrap().status, 200);
    assert_eq!(read(kind, body), [(String::new(), "x".to_owned())]);
    assert!(!daemon.stderr().contains("panicked"), "{}", daemon.stderr());
    daemon.stop_cleanly();
}

#[test]
fn names_of_files_lead_nowhere_and_a_second_spelling_hides_no_file() {
    let mut daemon = start();
    let before = files_below(daemon.setup().dir());
    for name in [
        "filename=\"../../etc/passwd\"",
        "filename=\"..\\..\\x.txt\"",
        "filename=\"/etc/cron.d/x\"",
        "filename*=UTF-8''%2e%2e%2fx.txt",
        "filename=\"a.txt\"; filename*=UTF-8''b.exe",
        "filename=\"x\0.txt\"",
        "filename=\"%0d%0aSet-Cookie: a=b\"",
    ] {
        let part = format!(
            "--B\r\nContent-Disposition: form-data; name=\"f\"; {name}\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        );
        let said = "--B\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nhi\r\n--B--\r\n";
        let body = part + said + "";
        let taken = daemon.public().post("/f/files", MULTIPART, body.as_bytes()).unwrap();
        assert_eq!(taken.status, 200, "{name}: {}", taken.text());
        let refused = daemon.public().post("/f/contact", MULTIPART, body.as_bytes()).unwrap();
        let said = refused.json();
        let warnings = said["warnings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let reasons: Vec<_> = warnings.iter().map(|warning| warning["reason"].as_str()).collect();
        assert_eq!((refused.status, reasons), (200, vec![Some("no_files")]), "{name}: {said}");
        assert_eq!(taken.header("set-cookie"), None);
    }
    let fresh: Vec<_> = files_below(daemon.setup().dir()).into_iter().filter(|file| !before.contains(file)).collect();
    let strange = fresh.iter().find(|file| !file.starts_with(daemon.path("var")));
    assert_eq!(strange, None, "nothing was written beside the daemon's own files");
    daemon.stop_cleanly();
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries
        .flat_map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { vec![entry.path()] })
        .collect()
}

#[test]
fn a_compressed_body_is_never_unpacked() {
    let mut daemon = start();
    for encoding in [
        "gzip",
        "deflate",
        "br",
        "zstd",
        "x-gzip",
        "compress",
        "gzip, gzip",
        "identity, gzip",
        "gzip, identity",
        "aes128gcm",
    ] {
        let headers = [("content-type", URLENCODED), ("content-encoding", encoding), ("accept", JSON)];
        let answer = daemon.public().request("POST", "/f/contact", &headers, &[0x1f, 0x8b, 8, 0, 0, 0]).unwrap();
        assert_eq!((answer.status, answer.json()["error"].as_str()), (415, Some("content_encoding")), "{encoding}");
    }
    let twice = b"POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n\
        Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\nConnection: close\r\n\r\na=1";
    assert!(raw(&daemon, twice).starts_with("HTTP/1.1 415 "));
    let chunks = b"POST /f/contact HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\n3\r\na=1\r\n0\r\n\r\n";
    let answer = raw(&daemon, chunks);
    assert!(!answer.starts_with("HTTP/1.1 5"), "{answer}");
    daemon.stop_cleanly();
}

#[test]
fn two_readers_never_differ_about_where_a_request_ends() {
    let mut daemon = start();
    let head = "POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    for framing in [
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\na=123",
        "Content-Length: -1\r\n\r\na=1",
        "Content-Length: +3\r\n\r\na=1",
        "Content-Length: 99999999999999999999999\r\n\r\na=1",
        "Content-Length: 3, 4\r\n\r\na=1",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\na=1\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-3\r\na=1\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n3\r\na=1\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n3\r\na=1\r\n0\r\n\r\n",
        " Transfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n0\r\n\r\n",
    ] {
        let answer = raw(&daemon, format!("{head}{framing}{smuggled}").as_bytes());
        let statuses: Vec<&str> = answer.matches("HTTP/1.1 ").collect();
        assert!(!answer.contains("HTTP/1.1 200") && !answer.contains("HTTP/1.1 5"), "{framing}: {answer}");
        assert!(statuses.len() <= 1, "what follows a broken request is not answered as another: {framing}: {answer}");
    }
    assert_eq!(journalled(&daemon), 0);
    daemon.stop_cleanly();
}

#[test]
fn a_header_without_end_or_measure_is_refused() {
    let mut daemon = start();
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: b\r\n".repeat(10_000));
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "y".repeat(1 << 20));
    let address = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(1 << 20));
    for request in [many, large, address] {
        let answer = raw(&daemon, request.as_bytes());
        let status = answer.get(9..12).unwrap_or_default();
        assert!(["", "400", "414", "431"].contains(&status), "{answer}");
    }
    let cases: [&[u8]; 6] = [
        b"\r\n\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://169.254.169.254/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nConnection: close\r\n\r\n",
    ];
    for request in cases {
        let mut stream = TcpStream::connect(daemon.public().addr).unwrap();
        stream.set_read_timeout(Some(wait::LONG)).unwrap();
        stream.write_all(request).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.starts_with("HTTP/1.1 5"), "{}: {answer}", String::from_utf8_lossy(request));
    }
    assert_eq!(daemon.public().get("/healthz").unwrap().status, 200);
    daemon.stop_cleanly();
}

#[test]
fn odd_json_is_kept_as_it_came_or_refused_but_never_a_fault_of_ours() {
    let mut daemon = start();
    let nines = "9".repeat(60_000);
    let taken: [(String, &str, &str); 7] = [
        ("{\"message\":1e400}".into(), "message", "1e400"),
        ("{\"message\":123456789012345678901234567890.5}".into(), "message", "123456789012345678901234567890.5"),
        (format!("{{\"message\":{nines}}}"), "message", &nines),
        ("{\"message\":\"\\ud800\"}".into(), "message", "\u{fffd}"),
        ("{\"message\":\"\\u0000\\u001b[2J\"}".into(), "message", "\u{1b}[2J"),
        ("{\"\":\"\",\"message\":\"x\"}".into(), "message", "x"),
        ("{\"__proto__\":{\"admin\":true},\"constructor\":1,\"message\":\"x\"}".into(), "__proto__[admin]", "true"),
    ];
    for (body, name, value) in taken {
        let answer = daemon.public().post("/f/contact", JSON, body.as_bytes()).unwrap();
        let shown = body.get(..body.len().min(60)).unwrap();
        assert_eq!(answer.status, 200, "{shown}: {}", answer.text());
        let found = read(JSON, body.as_bytes()).into_iter().find(|(found, _)| found == name).unwrap().1;
        assert_eq!(found, value, "{shown}");
    }
    let refused = [
        "[".repeat(1_000_000),
        format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000)),
        format!("{{\"a\":{}1{}}}", "{\"b\":".repeat(100_000), "}".repeat(100_000)),
        "NaN".to_owned(),
    ];
    for body in refused {
        let answer = daemon.public().post("/f/contact", JSON, body.as_bytes()).unwrap();
        let shown = body.get(..body.len().min(60)).unwrap();
        let said = answer.json();
        assert_eq!((answer.status, said["error"].as_str()), (400, Some("malformed")), "{shown}: {said}");
    }
    assert_eq!(journalled(&daemon), 7);
    daemon.stop_cleanly();
}

#[test]
fn a_deep_body_costs_no_more_than_a_flat_one_and_nobody_waits_for_it() {
    let mut daemon = start();
    let text = "x".repeat(24 << 20);
    let nested = |depth: usize| format!("{}\"{text}\"{}", "{\"a\":".repeat(depth), "}".repeat(depth)).into_bytes();
    let cost = |depth: usize| {
        let (body, before) = (nested(depth), work(&daemon));
        let answers = std::thread::scope(|scope| {
            let large = scope.spawn(|| daemon.public().post("/f/contact", JSON, &body).unwrap());
            // The honest are answered meanwhile.
            for n in 0..3 {
                let honest = format!("{depth}/{n}");
                assert_eq!(daemon.public().post_form("/f/contact", &[("message", &honest)]).unwrap().status, 200);
            }
            large.join().unwrap()
        });
        assert_eq!((answers.status, answers.json()["error"].as_str()), (413, Some("value_too_long")));
        work(&daemon) - before
    };
    let (flat, deep) = (cost(1), cost(31));
    println!("24 MiB in one object: {flat} ticks; in 31 objects: {deep} ticks");
    assert!(deep <= flat * 3 + 20, "{deep} against {flat}");
    daemon.stop_cleanly();
}

#[test]
fn no_request_can_write_a_header_or_a_cookie_of_its_own() {
    let mut daemon = start();
    let values = [
        "/a\r\nSet-Cookie: a=b",
        "/a%0d%0aSet-Cookie:%20a=b",
        "/\u{e5}\u{560a}Set-Cookie: a=b",
        "/a\nX: y",
        "https://evil.example/\r\nX: y",
    ];
    for value in values {
        for name in ["_next", "_language", "_subject", "_replyto", "_submission_id", "lang", "_lang"] {
            for accept in [JSON, "text/html"] {
                let body = form_urlencoded::Serializer::new(String::new())
                    .append_pair(name, value)
                    .append_pair("message", "x")
                    .finish();
                let headers = [("content-type", URLENCODED), ("accept", accept)];
                let query = form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
                let answer = daemon
                    .public()
                    .request("POST", &format!("/f/contact?lang={query}"), &headers, body.as_bytes())
                    .unwrap();
                assert!([200, 303].contains(&answer.status), "{name}={value:?}: {} {}", answer.status, answer.text());
                assert_eq!(answer.header("set-cookie"), None, "{name}={value:?}");
                assert_eq!(answer.header("x"), None, "{name}={value:?}");
                let location = answer.header("location").unwrap_or("/");
                assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
            }
        }
    }
    for path in ["/", "/healthz", "/f/contact", "/f/contact/thanks", "/f/nothing", "/nothing"] {
        assert_eq!(daemon.public().get(path).unwrap().header("set-cookie"), None, "{path}");
    }
    daemon.stop_cleanly();
}
