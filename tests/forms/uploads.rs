//! Large bodies while they come: on disk without a name, within their bounds, in nobody's way.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::files::{body, taking};
use super::house::House;
use crate::support::daemon::{Daemon, Setup};
use crate::support::http::read_answer;
use crate::support::wait;

const MULTIPART: &str = "multipart/form-data; boundary=BoUnDaRy";
const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n";
const FORM: &str = "[[form]]\nid = \"quote\"\nallow_files = true";
const MIB: usize = 1 << 20;

/// An upload of about `size` bytes that says `message`.
fn upload(message: &str, size: usize) -> Vec<u8> {
    let content = [PDF, &vec![b'%'; size][..]].concat();
    body(&[("message", message)], &[("f", "a.pdf", "application/pdf", &content)])
}

/// The head of a request with that body and `sent` bytes of it, on a connection that goes on.
fn begin(daemon: &Daemon, body: &[u8], sent: usize) -> TcpStream {
    let mut line = TcpStream::connect(daemon.public().addr).unwrap();
    line.set_read_timeout(Some(wait::LONG)).unwrap();
    let head = format!(
        "POST /f/quote HTTP/1.1\r\nHost: localhost\r\nContent-Type: {MULTIPART}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    line.write_all(head.as_bytes()).unwrap();
    line.write_all(&body[..sent]).unwrap();
    line
}

fn status(line: &TcpStream) -> u16 {
    read_answer(&mut BufReader::new(line)).unwrap().status
}

/// A figure of the daemon's own memory, in bytes.
fn memory(daemon: &Daemon, figure: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<usize>().unwrap() << 10
}

/// Bytes in files that the daemon has open and that have no name.
fn nameless(daemon: &Daemon) -> u64 {
    let open = std::fs::read_dir(format!("/proc/{}/fd", daemon.id())).unwrap().flatten();
    open.filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().ends_with(" (deleted)")))
        .filter_map(|entry| std::fs::metadata(entry.path()).ok())
        .map(|file| file.len())
        .sum()
}

fn kept(daemon: &Daemon) -> usize {
    let output = daemon.setup().run(&["submissions", "list", "--limit", "0", "--json"]);
    String::from_utf8_lossy(&output.stdout).lines().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_journalled_to_the_last_byte() {
    let house = House::open(taking(|_| {})).await;
    let content: Vec<u8> =
        PDF.iter().copied().chain((0..3_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3])).collect();
    let whole = body(&[("message", "plans")], &[("f", "a.pdf", "application/pdf", &content)]);
    assert_eq!(house.http.post("/f/contact", MULTIPART, &whole).unwrap().status, 200);
    let arrivals = house.arrivals().await;
    assert_eq!(arrivals.len(), 1);
    let raw = house.store.load(&[arrivals[0].id]).await.unwrap().remove(0).raw;
    assert!(raw == whole, "{} of {} bytes", raw.len(), whole.len());
    let forms = house.forms.load_full();
    wait::until("memory and disk are given back", wait::LONG, || {
        forms.uploads.memory.left() == forms.limits.in_hand_bytes
            && forms.uploads.disk_left() == forms.limits.uploads_bytes
    });
    house.stop().await;
}

#[test]
fn many_large_uploads_at_once_stay_within_their_memory() {
    // Workers would read back what is journalled meanwhile.
    let limits = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\nin_hand_bytes = 67108864\n\
        [worker]\nenabled = false";
    let daemon = Setup::bare().tables(FORM).tables(limits).start();
    let (taken, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    assert_eq!(daemon.public().post_form("/f/quote", &[("message", "warm")]).unwrap().status, 200);
    let before = memory(&daemon, "VmHWM");
    std::thread::scope(|scope| {
        for n in 0..12 {
            let (taken, busy, http) = (&taken, &busy, daemon.public());
            scope.spawn(move || {
                let sent = upload(&n.to_string(), 20 * MIB);
                // Whoever is told to come back does.
                wait::until("an upload is taken", wait::LONG, || match http.post("/f/quote", MULTIPART, &sent) {
                    Ok(answer) if answer.status == 200 => taken.fetch_add(1, Ordering::SeqCst) < usize::MAX,
                    Ok(answer) if answer.status == 503 => busy.fetch_add(1, Ordering::SeqCst) == usize::MAX,
                    other => panic!("{other:?}"),
                });
            });
        }
    });
    let (taken, busy) = (taken.into_inner(), busy.into_inner());
    let grown = memory(&daemon, "VmHWM").saturating_sub(before) >> 20;
    println!(
        "12 uploads of 20 MiB under 64 MiB: {taken} taken, {busy} told to come back, {grown} MiB more at the peak"
    );
    assert_eq!(taken, 12, "every one in the end");
    // The bodies that are whole, 60 MiB, and what the database makes of the one that is written, about 100. All of them
    // at once would be 240 beside that.
    assert!(grown < 200, "{grown} MiB");
    assert_eq!(kept(&daemon), taken + 1, "what was taken is kept, what was not is not");
}

#[test]
fn uploads_that_are_still_coming_hold_neither_memory_nor_a_turn() {
    let limits = "[limits]\nper_client_per_minute = 0\nin_hand = 1\nin_hand_bytes = 28311552";
    let daemon = Setup::bare().tables(FORM).tables(limits).start();
    assert_eq!(daemon.public().post_form("/f/quote", &[("message", "warm")]).unwrap().status, 200);
    let before = memory(&daemon, "VmRSS");
    let sent: Vec<Vec<u8>> = (0..8).map(|n| upload(&format!("slow {n}"), 20 * MIB)).collect();
    let lines: Vec<TcpStream> = sent.iter().map(|body| begin(&daemon, body, 20 * MIB)).collect();
    wait::until("all of it lies on the disk", wait::LONG, || nameless(&daemon) > 155 * MIB as u64);
    let held = memory(&daemon, "VmRSS").saturating_sub(before) >> 20;
    println!("8 uploads of which 20 MiB have come hold {held} MiB of memory");
    assert!(held < 40, "{held} MiB");
    let http = daemon.public();
    assert_eq!(http.post_form("/f/quote", &[("message", "a short one")]).unwrap().status, 200);
    assert_eq!(http.post("/f/quote", MULTIPART, &upload("a quick one", 20 * MIB)).unwrap().status, 200);
    for (mut line, body) in lines.into_iter().zip(&sent) {
        line.write_all(&body[20 * MIB..]).unwrap();
        assert_eq!(status(&line), 303);
    }
    assert_eq!(kept(&daemon), 11);
    wait::until("the disk is free again", wait::LONG, || nameless(&daemon) == 0);
}

#[test]
fn of_uploads_that_are_too_much_together_one_gets_through() {
    const LIMIT: usize = 64 << 20;
    let limits = format!(
        "[limits]\nper_client_per_minute = 0\nbody_with_files_bytes = {LIMIT}\nfile_bytes = {LIMIT}\nin_hand_bytes = {LIMIT}\n\
         uploads_bytes = {LIMIT}"
    );
    let daemon = Setup::bare().tables(FORM).tables(&limits).start();
    let sent = upload("plans", LIMIT - 4 * MIB);
    // More than half of the room, and more than the system keeps on the way: at least one was turned away before both
    // had sent so much.
    let early = sent.len() - 4 * MIB;
    let begun = Barrier::new(2);
    let upload = || {
        let mut line = begin(&daemon, &sent, early);
        begun.wait();
        line.write_all(&sent[early..]).unwrap();
        status(&line)
    };
    let mut statuses = std::thread::scope(|scope| {
        let both = [scope.spawn(upload), scope.spawn(upload)];
        both.map(|upload| upload.join().unwrap())
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 503]);
}

#[test]
fn an_upload_that_ends_in_the_middle_leaves_nothing() {
    let mut daemon =
        Setup::bare().tables(FORM).tables("[limits]\nper_client_per_minute = 0\nuploads_dir = \"coming\"").start();
    let sent = upload("plans", 10 * MIB);
    let line = begin(&daemon, &sent, 8 * MIB);
    wait::until("it lies on the disk", wait::LONG, || nameless(&daemon) > 7 * MIB as u64);
    drop(line);
    wait::until("it is gone with its connection", wait::LONG, || nameless(&daemon) == 0);
    let _line = begin(&daemon, &sent, 8 * MIB);
    wait::until("another lies there", wait::LONG, || nameless(&daemon) > 7 * MIB as u64);
    daemon.kill9();
    assert_eq!(std::fs::read_dir(daemon.path("coming")).unwrap().count(), 0, "nobody has to tidy up");
    daemon.restart();
    assert_eq!(kept(&daemon), 0);
    assert_eq!(daemon.public().post("/f/quote", MULTIPART, &sent).unwrap().status, 200);
}

#[test]
fn a_disk_that_takes_no_upload_is_said_and_costs_nothing_else() {
    let daemon = Setup::bare()
        .tables(FORM)
        .tables("[limits]\nper_client_per_minute = 0\nuploads_dir = \"coming\"")
        .file("coming", "a file, no folder")
        .start();
    let (http, sent) = (daemon.public(), upload("plans", MIB));
    assert_eq!(http.post("/f/quote", MULTIPART, &sent).unwrap().status, 503);
    wait::until("the log says why", wait::LONG, || {
        daemon.stderr().contains("set limits.uploads_dir to a folder that Pisteur may write")
    });
    assert_eq!(http.post_form("/f/quote", &[("message", "a short one")]).unwrap().status, 200);
    wait::until("readiness says it", wait::LONG, || {
        daemon.operator().get("/readyz").unwrap().text().contains("a large body could not be kept")
    });
    let doctor = daemon.setup().run(&["doctor"]);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("limits.uploads_dir"));
    std::fs::remove_file(daemon.path("coming")).unwrap();
    wait::until("readiness is content, though no upload comes", wait::LONG, || {
        daemon.operator().get("/readyz").unwrap().text().contains("\"ok\"")
    });
    assert_eq!(http.post("/f/quote", MULTIPART, &sent).unwrap().status, 200, "once it can be made");
}

#[test]
fn the_disk_of_the_journal_is_never_filled_with_uploads() {
    // More than any disk has: as if it were full but for that.
    let limits = format!("[limits]\nper_client_per_minute = 0\nuploads_reserve_bytes = {}", i64::MAX);
    let daemon = Setup::bare().tables(FORM).tables(&limits).start();
    let (http, sent) = (daemon.public(), upload("plans", MIB));
    let refused = http.post("/f/quote", MULTIPART, &sent).unwrap();
    assert!(refused.status == 503 && refused.header("retry-after").is_some(), "{}", refused.text());
    assert_eq!(http.post_form("/f/quote", &[("message", "a short one")]).unwrap().status, 200);
    wait::until("readiness says it", wait::LONG, || {
        daemon.operator().get("/readyz").unwrap().text().contains("limits.uploads_reserve_bytes")
    });
    let doctor = daemon.setup().run(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout);
    assert!(said.contains("fail  disk") && said.contains("less than limits.uploads_reserve_bytes"), "{said}");
    assert_eq!(kept(&daemon), 1);
}

#[test]
fn an_upload_that_stalls_is_over_however_much_of_it_is_there() {
    let daemon = Setup::bare().tables(FORM).tables("[limits]\nper_client_per_minute = 0").start();
    let sent = upload("plans", 10 * MIB);
    let line = begin(&daemon, &sent, sent.len() - 10);
    wait::until("it lies on the disk", wait::LONG, || nameless(&daemon) > 9 * MIB as u64);
    // Ten bytes are missing; what it has sent so fast does not pay for hours.
    assert_eq!(status(&line), 408, "too slow");
    wait::until("the disk is free again", wait::LONG, || nameless(&daemon) == 0);
    assert_eq!(kept(&daemon), 0);
}
