//! Uploaded files: which are taken, and that one which is not loses nothing else.

use pisteur::config::form::FormField;
use pisteur::domain::envelope::ArrivalState;
use regex::Regex;
use serde_json::Value;

use super::house::{House, Plan};
use crate::support::clamd::{Clamd, EICAR, Mood};
use crate::support::daemon::{Daemon, Setup};
use crate::support::wait;

const MULTIPART: &str = "multipart/form-data; boundary=BoUnDaRy";
const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n";
const FORM: &str = "[[form]]\nid = \"quote\"\nallow_files = true\n[limits]\nper_client_per_minute = 0";

/// A multipart body of fields and files (field, name as it stands between the quotes, type, bytes).
pub fn body(fields: &[(&str, &str)], files: &[(&str, &str, &str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.extend_from_slice(
            format!("--BoUnDaRy\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
        );
    }
    for (field, name, kind, bytes) in files {
        let head = format!("--BoUnDaRy\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n");
        out.extend_from_slice(head.as_bytes());
        if !kind.is_empty() {
            out.extend_from_slice(format!("Content-Type: {kind}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--BoUnDaRy--\r\n");
    out
}

pub fn taking(change: impl FnOnce(&mut pisteur::config::FormConfig)) -> Plan {
    Plan::form(|form| {
        form.allow_files = true;
        change(form);
    })
}

fn lines(daemon: &Daemon, args: &[&str]) -> Vec<Value> {
    let output = daemon.setup().run(args);
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Files of the only lead with that email, by name: verdict.
fn verdicts(daemon: &Daemon, email: &str) -> Vec<(String, String)> {
    let leads = lines(daemon, &["leads", "list", "--json"]);
    let Some(lead) = leads.iter().find(|lead| lead["email"] == email) else { return Vec::new() };
    let shown = lines(daemon, &["leads", "show", lead["id"].as_str().unwrap(), "--json"]);
    let files = shown[0]["attachments"].as_array().unwrap().iter();
    files.map(|f| (f["name"].as_str().unwrap().to_owned(), f["verdict"].as_str().unwrap().to_owned())).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn s52_a_refused_file_does_not_lose_the_rest_of_the_submission() {
    let daemon = Setup::bare().tables(FORM).start();
    let sent = body(
        &[("name", "Eva Nováková"), ("email", "eva@web.example"), ("message", "See the plans")],
        &[
            ("plan", "plan.pdf", "application/pdf", PDF),
            ("plan", "C:\\temp\\..\\setup.pdf", "application/pdf", b"MZ\x90\0 this program"),
        ],
    );
    let answer = daemon.public().post("/f/quote", MULTIPART, &sent).unwrap();
    let said = answer.json();
    assert_eq!((answer.status, said["ok"].as_bool()), (200, Some(true)), "{said}");
    let warnings = said["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        (warnings[0]["code"].as_str(), warnings[0]["reason"].as_str(), warnings[0]["file"].as_str()),
        (Some("FILE_REFUSED"), Some("executable"), Some("setup.pdf"))
    );
    assert!(warnings[0]["message"].as_str().unwrap().contains("setup.pdf"));
    wait::until("the lead is made", wait::LONG, || verdicts(&daemon, "eva@web.example").len() == 2);
    let expected = [("plan.pdf", "accepted"), ("setup.pdf", "refused:executable")];
    assert_eq!(verdicts(&daemon, "eva@web.example"), pairs(&expected));
    let shown = daemon.setup().run(&["submissions", "show", said["id"].as_str().unwrap()]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("refused:executable") && shown.contains("plan.pdf"), "{shown}");
    // The same file again, from somebody else, is known for the same.
    let again = body(&[("name", "Jan"), ("email", "jan@web.example")], &[("f", "other.pdf", "application/pdf", PDF)]);
    assert_eq!(daemon.public().post("/f/quote", MULTIPART, &again).unwrap().status, 200);
    wait::until("the second lead is made", wait::LONG, || !verdicts(&daemon, "jan@web.example").is_empty());
    let leads = lines(&daemon, &["leads", "list", "--json"]);
    let jan = leads.iter().find(|lead| lead["email"] == "jan@web.example").unwrap();
    let shown = lines(&daemon, &["leads", "show", jan["id"].as_str().unwrap(), "--json"]);
    assert_eq!(shown[0]["attachments"][0]["same_file"], 1);
    assert_eq!(shown[0]["attachments"][0]["sha256"].as_str().unwrap().len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_reads_which_file_was_not_taken_and_goes_on_from_there() {
    let house = House::open(taking(|form| form.redirect = Some("https://shop.example/merci".into()))).await;
    let sent = body(&[("email", "a@b.cz")], &[("f", "<b>logo</b>.svg", "image/svg+xml", b"<svg onload=alert(1)>")]);
    let headers = [("content-type", MULTIPART), ("accept", "text/html"), ("accept-language", "fr")];
    let page = house.http.request("POST", "/f/contact", &headers, &sent).unwrap();
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(text.contains("lang=\"fr\"") && text.contains("n’a pas été accepté"), "{text}");
    assert!(text.contains("https:&#x2f;&#x2f;shop.example&#x2f;merci") || text.contains("https://shop.example/merci"));
    assert!(!text.contains("<b>logo"), "names are text");
    assert_eq!(house.newest().await.raw, sent, "it is kept as it came");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lie_about_a_file_is_seen_through() {
    let house = House::open(taking(|_| {})).await;
    let zip = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let gifar = [&b"GIF89a\x01\0\x01\0"[..], zip].concat();
    let cases: [(&str, &str, &[u8], &str); 17] = [
        ("invoice.pdf.exe", "application/pdf", PDF, "executable"),
        ("invoice.exe.pdf", "application/pdf", PDF, "double_extension"),
        ("invoice\u{202e}fdp.pdf", "application/pdf", PDF, "misleading_name"),
        ("a.exe%0D%0A.pdf", "application/pdf", PDF, "misleading_name"),
        ("a.pdf", "application/pdf", b"MZ\x90\0", "executable"),
        ("a.png", "image/png", PDF, "content"),
        ("a.pdf", "image/png", PDF, "declared_type"),
        ("a.pdf", "text/html", PDF, "active_content"),
        ("a.html", "text/html", b"<p>x</p>", "active_content"),
        ("a.svg", "image/svg+xml", b"<svg/>", "active_content"),
        ("a.js", "text/javascript", b"alert(1)", "executable"),
        ("a.txt", "text/plain", b"<script>alert(1)</script>", "active_content"),
        ("a.gif", "image/gif", &gifar, "polyglot"),
        ("a.zip", "application/zip", b"PK\x03\x04xxxx", "extension"),
        ("a.txt", "text/plain", b"a\0b", "content"),
        ("noending", "", PDF, "extension"),
        ("a.pdf", "application/pdf", b"", "empty"),
    ];
    for (n, (name, kind, bytes, reason)) in cases.iter().enumerate() {
        let sent = body(&[("message", &n.to_string())], &[("f", name, kind, bytes)]);
        let answer = house.http.post("/f/contact", MULTIPART, &sent).unwrap();
        let said = answer.json();
        assert_eq!(answer.status, 200, "{name}: {said}");
        assert_eq!(said["warnings"][0]["reason"].as_str(), Some(*reason), "{name}: {said}");
    }
    assert_eq!(house.arrivals().await.len(), cases.len(), "every one is kept");
    for (name, kind, bytes) in [("plan.pdf", "application/pdf", PDF), ("x.csv", "text/csv", b"a;b\n1;2\n")] {
        let sent = body(&[("message", name)], &[("f", name, kind, bytes)]);
        let said = house.http.post("/f/contact", MULTIPART, &sent).unwrap().json();
        assert_eq!(said["warnings"], Value::Null, "{name}: {said}");
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_form_says_what_it_takes() {
    let house = House::open(taking(|form| form.allowed_file_types = vec!["archive".into(), "png".into()])).await;
    let post = |name: &str, kind: &str, bytes: &[u8]| {
        let sent = body(&[("message", name)], &[("f", name, kind, bytes)]);
        house.http.post("/f/contact", MULTIPART, &sent).unwrap().json()["warnings"][0]["reason"].clone()
    };
    assert_eq!(post("a.zip", "application/x-zip-compressed", b"PK\x03\x04xxxx"), Value::Null);
    assert_eq!(post("a.png", "image/png", b"\x89PNG\r\n\x1a\n..."), Value::Null);
    assert_eq!(post("a.pdf", "application/pdf", PDF), "extension");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_beyond_a_limit_does_not_lose_the_rest_of_the_submission() {
    let mut plan = taking(|form| {
        form.max_files = Some(2);
        form.file_bytes = Some(1_000);
        form.body_bytes = Some(5_000);
    });
    plan.forms.push(pisteur::config::FormConfig::named("plain"));
    let house = House::open(plan).await;
    let large = vec![b'x'; 1_001];
    let long = format!("{}.txt", "n".repeat(300));
    let (one, third) = (("f", "a.txt", "text/plain", &b"x"[..]), ("f", "3.txt", "text/plain", &b"x"[..]));
    let cases: [(&str, Vec<u8>, &str, &str); 4] = [
        ("contact", body(&[("message", "1")], &[one, one, third]), "too_many", "TOO_MANY_FILES"),
        ("contact", body(&[("message", "2")], &[("f", "b.txt", "text/plain", &large)]), "too_large", "FILES_TOO_BIG"),
        ("contact", body(&[("message", "3")], &[("f", &long, "text/plain", b"x")]), "name_too_long", "TOO_LONG"),
        ("plain", body(&[("message", "4")], &[one]), "no_files", "NO_FILE_UPLOADS"),
    ];
    for (form, sent, reason, code) in cases {
        let answer = house.http.post(&format!("/f/{form}"), MULTIPART, &sent).unwrap();
        let said = answer.json();
        let warnings = said["warnings"].as_array().unwrap_or_else(|| panic!("{reason}: {said}"));
        let seen: Vec<_> = warnings.iter().map(|w| (w["reason"].as_str(), w["code"].as_str())).collect();
        assert_eq!((answer.status, seen), (200, vec![(Some(reason), Some(code))]), "{said}");
        let told = (warnings[0]["message"].as_str().unwrap(), warnings[0]["file"].as_str().unwrap());
        assert!(told.0.contains(told.1), "the file is named: {told:?}");
        assert_eq!(house.newest().await.raw, sent, "{reason}: it is kept as it came");
        assert_eq!(house.arrivals().await[0].state, ArrivalState::Received, "{reason}");
    }
    let sent = body(&[("message", "5")], &[one, one, third, ("f", "b.txt", "text/plain", &large)]);
    let headers = [("content-type", MULTIPART), ("accept", "text/html"), ("accept-language", "cs")];
    let page = house.http.request("POST", "/f/contact", &headers, &sent).unwrap();
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(text.contains("3.txt") && text.contains("b.txt") && !text.contains("a.txt"), "{text}");
    assert_eq!(house.arrivals().await.len(), 5);
    // The body as a whole, and a body in which nothing else is, are refused.
    let whole = house.http.post("/f/contact", MULTIPART, &body(&[("message", &"x".repeat(5_000))], &[])).unwrap();
    assert_eq!((whole.status, whole.json()["error"].as_str()), (413, Some("too_large")));
    let alone = house.http.post("/f/plain", MULTIPART, &body(&[("_next", "/a")], &[one])).unwrap();
    assert_eq!((alone.status, alone.json()["errors"][0]["code"].as_str()), (400, Some("NO_FILE_UPLOADS")));
    assert_eq!(house.arrivals().await.len(), 5);
    house.stop().await;
}

#[test]
fn what_the_visitor_is_told_of_a_file_is_what_the_record_says() {
    let forms = "[[form]]\nid = \"quote\"\nallow_files = true\nmax_files = 1\n[[form]]\nid = \"plain\"\n";
    let limits = "[limits]\nper_client_per_minute = 0\nfile_bytes = 1000";
    let daemon = Setup::bare().tables(forms).tables(limits).start();
    let large = [PDF, &[b'%'; 1_000]].concat();
    let files: [(&str, &str, &str, &[u8]); 2] =
        [("f", "large.pdf", "application/pdf", &large), ("f", "second.pdf", "application/pdf", PDF)];
    upload(&daemon, "eva@web.example", &files);
    let expected = pairs(&[("large.pdf", "refused:too_large"), ("second.pdf", "refused:too_many")]);
    wait::until("the lead is made", wait::LONG, || verdicts(&daemon, "eva@web.example") == expected);
    let sent = body(&[("email", "jan@web.example")], &[("f", "a.pdf", "application/pdf", PDF)]);
    assert_eq!(daemon.public().post("/f/plain", MULTIPART, &sent).unwrap().status, 200);
    let expected = pairs(&[("a.pdf", "refused:no_files")]);
    wait::until("the other one too", wait::LONG, || verdicts(&daemon, "jan@web.example") == expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_form_says_which_files_it_takes() {
    let house = House::open(taking(|form| form.allowed_file_types = vec!["pdf".into(), "png".into()])).await;
    let headers = [("accept", "text/html"), ("accept-language", "fr")];
    let page = house.http.request("GET", "/f/contact", &headers, &[]).unwrap().text();
    assert!(page.contains("accept=\".pdf,.png\""), "{page}");
    assert!(page.contains("PDF, PNG. Au plus 10 fichiers de 25\u{a0}Mio chacun."), "{page}");
    house.stop().await;
    let house = House::open(taking(|_| {})).await;
    let page = house.http.request("GET", "/f/contact", &headers, &[]).unwrap().text();
    assert!(page.contains("PDF, images, Word, Excel et PowerPoint, texte simple. Au plus"), "{page}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sent_a_file_that_is_not_taken_is_led_back_to_the_form() {
    let house = House::open(taking(|form| form.allowed_origins = vec!["https://shop.example".into()])).await;
    let sent = body(&[("message", "plans")], &[("files", "setup.pdf", "application/pdf", b"MZ\x90\0 this program")]);
    let post = |headers: &[(&str, &str)]| {
        let headers = [&[("accept", "text/html"), ("content-type", MULTIPART)], headers].concat();
        let page = house.http.request("POST", "/f/contact?lang=fr", &headers, &sent).unwrap();
        page.text().replace("&#x2f;", "/")
    };
    let page = post(&[]);
    assert!(page.contains("<a href=\"/f/contact?lang=fr\">Revenir au formulaire"), "{page}");
    let page = post(&[("origin", "https://shop.example"), ("referer", "https://shop.example/ask?a=1")]);
    assert!(page.contains("<a href=\"https://shop.example/ask?a=1\">Revenir au formulaire"), "{page}");
    house.stop().await;
}

fn with_scanner(clamd: &Clamd, more: &str) -> Setup {
    let scanner = format!("[clamav]\naddress = \"{}\"\ntimeout_seconds = 5\n{more}", clamd.address());
    Setup::bare().tables(FORM).tables("[delivery]\nmax_attempts = 1").tables(&scanner)
}

fn upload(daemon: &Daemon, email: &str, files: &[(&str, &str, &str, &[u8])]) {
    let sent = body(&[("name", "Eva"), ("email", email)], files);
    assert_eq!(daemon.public().post("/f/quote", MULTIPART, &sent).unwrap().status, 200);
}

#[test]
fn a_scanner_says_what_it_found() {
    let clamd = Clamd::start(Mood::Honest);
    let daemon = with_scanner(&clamd, "").start();
    let eicar = EICAR.concat();
    // Longer than one chunk, so that chunks are counted right.
    let long = [PDF, &vec![b'%'; 200_000][..]].concat();
    let files: [(&str, &str, &str, &[u8]); 3] = [
        ("f", "plan.pdf", "application/pdf", &long),
        ("f", "test.txt", "text/plain", eicar.as_bytes()),
        ("f", "setup.exe", "application/octet-stream", b"MZ"),
    ];
    upload(&daemon, "eva@web.example", &files);
    let expected = pairs(&[
        ("plan.pdf", "clean"),
        ("test.txt", "infected:Eicar-Test-Signature"),
        ("setup.exe", "refused:executable"),
    ]);
    wait::until("both are scanned", wait::LONG, || verdicts(&daemon, "eva@web.example") == expected);
    let mut seen: Vec<usize> = clamd.seen().iter().map(Vec::len).collect();
    seen.sort_unstable();
    assert_eq!(seen, [eicar.len(), long.len()], "what is refused is not shown to it");
    assert!(daemon.stderr().contains("Eicar-Test-Signature"));
}

#[test]
fn a_scanner_that_is_away_slow_or_fails_leaves_files_unscanned_and_says_so() {
    let clamd = Clamd::start(Mood::Silent);
    let daemon = with_scanner(&clamd, "").start();
    let moods = [
        (Mood::Silent, "did not answer within 5 seconds"),
        (Mood::Rude, "could not be reached"),
        (Mood::Failing("Can't allocate memory"), "Can't allocate memory"),
        (Mood::Limited(10), "StreamMaxLength"),
    ];
    for (n, (mood, said)) in moods.iter().enumerate() {
        clamd.turn(*mood);
        let email = format!("eva{n}@web.example");
        let name = format!("{n}.txt");
        upload(&daemon, &email, &[("f", &name, "text/plain", format!("{n} {}", "x".repeat(100_000)).as_bytes())]);
        wait::until("the scan gives up", wait::LONG, || {
            let letters = lines(&daemon, &["deliveries", "list", "--json"]);
            letters.iter().any(|l| l["kind"] == "scan" && l["error"].as_str().unwrap_or_default().contains(said))
        });
        assert_eq!(verdicts(&daemon, &email), pairs(&[(&name, "unscanned")]), "the lead is there all the same");
    }
    clamd.turn(Mood::Honest);
    assert_eq!(daemon.setup().run(&["deliveries", "retry", "--all"]).status.code(), Some(0));
    for n in 0..moods.len() {
        let expected = pairs(&[(&format!("{n}.txt"), "clean")]);
        wait::until("it is scanned", wait::LONG, || verdicts(&daemon, &format!("eva{n}@web.example")) == expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strict_form_takes_everything_that_its_own_page_sends() {
    let plan = taking(|form| {
        form.strict = true;
        form.screening.honeypot = Some("website2".into());
        form.fields = ["name", "email"].map(FormField::named).into();
        form.consent = vec![
            toml::from_str("field = \"news\"\npurpose = \"newsletter\"\ntext = { en = \"Write to me\" }").unwrap(),
        ];
    });
    let house = House::open(plan).await;
    let page = house.http.request("GET", "/f/contact", &[("accept", "text/html")], b"").unwrap().text();
    let inputs = Regex::new(r#"<(?:input|textarea|select)\b[^>]*\bname="([^"]+)""#).unwrap();
    let names: Vec<&str> = inputs.captures_iter(&page).map(|found| found.get(1).unwrap().as_str()).collect();
    for expected in ["website2", "news", "files", "name", "_t"] {
        assert!(names.contains(&expected), "{names:?}");
    }
    let value = |name: &str| match name {
        "website2" | "_t" => "",
        "email" => "eva@web.example",
        _ => "on",
    };
    let fields: Vec<(&str, &str)> = names.iter().filter(|name| **name != "files").map(|n| (*n, value(n))).collect();
    let sent = body(&fields, &[("files", "plan.pdf", "application/pdf", PDF)]);
    let answer = house.http.post("/f/contact", MULTIPART, &sent).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let other = house.http.post_form("/f/contact", &[("name", "Eva"), ("admin", "1")]).unwrap();
    assert_eq!(other.status, 422, "and nothing else");
    house.stop().await;
}
