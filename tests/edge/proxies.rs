//! Real proxies in front, set up as `config/proxy.md` says: the configuration is read from that page.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::certs::Certs;
use crate::support::daemon::{Daemon, Setup};
use crate::support::process::{Leashed, Signal, find_program, free_port, wait_for_port};
use crate::support::tls::TlsClient;
use crate::support::wait;

/// The first block of that language on the page.
fn block(language: &str) -> String {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/proxy.md")).unwrap();
    let start = format!("```{language}\n");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no block in {language}"));
    rest.split("```").next().unwrap().to_owned()
}

/// `text` with each pair replaced; each must be there.
fn with(mut text: String, pairs: &[(&str, &str)]) -> String {
    for (from, to) in pairs {
        assert!(text.contains(from), "{from} is not in {text}");
        text = text.replace(from, to);
    }
    text
}

fn program(name: &str) -> Command {
    let found = find_program(name, &[]).unwrap_or_else(|| panic!("{name} is missing: apt-get install {name}"));
    let mut command = Command::new(found);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A daemon whose client limits are small enough to be met.
fn daemon(certs: &Certs) -> Daemon {
    Setup::new()
        .contact_form()
        .file("cert.pem", &certs.cert)
        .file("key.pem", &certs.key)
        .env("PISTEUR__HTTP__TRUSTED_PROXIES", "127.0.0.1,::1")
        .tables("[limits]\nper_client_per_minute = 2\nper_client_and_form_per_minute = 2\nper_form_per_minute = 0\nvalue_bytes = 2000\n")
        .start()
}

fn visitor(port: u16, certs: &Certs, last: u8) -> TlsClient {
    TlsClient::trusting((Ipv4Addr::LOCALHOST, port).into(), &[&certs.ca]).http1().from(IpAddr::from([127, 0, 0, last]))
}

/// Whose address the newest submission has.
fn newest_client(daemon: &Daemon) -> String {
    let json = |args: &[&str]| -> Value {
        let out = daemon.setup().run(args);
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
    };
    let newest = json(&["submissions", "list", "--json", "--limit", "1"]);
    let whole = json(&["submissions", "show", "--json", newest["id"].as_str().unwrap()]);
    whole["context"]["client_ip"].as_str().unwrap_or_else(|| panic!("{whole}")).to_owned()
}

/// What visitors meet with behind a proxy on `port`.
fn visit(daemon: &Daemon, port: u16, certs: &Certs) {
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "text/html"),
        ("x-forwarded-for", "198.51.100.7"),
    ];
    let eva = visitor(port, certs, 9);
    let sent = eva.request("POST", "/f/contact", &form, b"message=one").unwrap();
    assert_eq!((sent.status, sent.header("location")), (303, Some("/f/contact/thanks?lang=en")), "{}", sent.text());
    assert_eq!(newest_client(daemon), "127.0.0.9", "what a visitor claims is not believed");
    assert_eq!(eva.request("POST", "/f/contact", &form, b"message=two").unwrap().status, 303);
    let often = eva.request("POST", "/f/contact", &form, b"message=kept+text").unwrap();
    assert_eq!(often.status, 429);
    assert!(often.text().contains("kept text") && often.header("retry-after").is_some(), "{}", often.text());
    let ivo = visitor(port, certs, 10);
    assert_eq!(
        ivo.request("POST", "/f/contact", &form, b"message=three").unwrap().status,
        303,
        "each has an own allowance"
    );
    let long = format!("name=Ivo&message={}", "v".repeat(3_000));
    let refused = ivo.request("POST", "/f/contact", &form, long.as_bytes()).unwrap();
    assert_eq!(refused.status, 413);
    assert!(refused.text().contains("value=\"Ivo\""), "our own page with what was typed: {}", refused.text());
    let large = visitor(port, certs, 11).request("POST", "/f/contact", &form, &vec![b'a'; 2 << 20]).unwrap();
    assert_eq!(large.status, 413);
    assert!(large.text().contains("lang=\"en\""), "our own page explains: {}", large.text());
    assert_eq!(large.header("set-cookie"), None);
    let figures = visitor(port, certs, 12).request("GET", "/metrics", &[], b"").unwrap();
    assert_eq!(figures.status, 404, "figures are not for visitors");
    let ready = daemon.operator().get("/readyz").unwrap().json();
    assert!(!ready.to_string().contains("trusted_proxies"), "{ready}");
}

/// Words that only secrets in addresses have.
const SECRETS: [&str; 4] =
    ["PATHSECRET", "KEYSECRET", "0123456789abcdef0123456789abcde1", "0123456789abcdef0123456789abcde2"];

/// Opens every kind of address that holds a secret.
fn use_secrets(port: u16, certs: &Certs, expected: &[u16]) {
    let [path, key, confirm, leave] = SECRETS;
    let hook = format!("/hooks/shop/{path}?key={key}");
    let addresses = [hook.clone(), format!("/{hook}"), format!("/c/{confirm}?lang=fr"), format!("/u/{leave}")];
    for (n, address) in addresses.iter().enumerate() {
        for method in ["GET", "POST"] {
            let client = visitor(port, certs, 20 + u8::try_from(n).unwrap());
            let status = client.request(method, address, &[("accept", "text/html")], b"").unwrap().status;
            assert!(expected.contains(&status), "{method} {address}: {status}");
        }
    }
}

fn assert_no_secret(what: &str, log: &str) {
    for secret in SECRETS {
        assert!(!log.contains(secret), "{what} holds {secret}: {log}");
    }
}

#[test]
fn nginx_as_the_page_says_passes_visitors_on() {
    let (certs, port) = (Certs::local(), free_port());
    let mut daemon = daemon(&certs);
    let folder = daemon.setup().dir().display().to_string();
    let server = with(
        block("nginx"),
        &[
            ("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl")),
            ("server_name forms.example.com", "server_name localhost"),
            ("/etc/letsencrypt/live/forms.example.com/fullchain.pem", &format!("{folder}/cert.pem")),
            ("/etc/letsencrypt/live/forms.example.com/privkey.pem", &format!("{folder}/key.pem")),
            ("http://127.0.0.1:8080", &format!("http://{}", daemon.public().addr)),
        ],
    );
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    let whole = format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n\
         http {{ access_log {folder}/access.log; {paths} {server} }}\n"
    );
    let file = daemon.path("nginx.conf");
    std::fs::write(&file, whole).unwrap();
    let mut nginx = Leashed::spawn(
        program("nginx").arg("-c").arg(&file).arg("-e").arg(daemon.path("error.log")),
        Signal::Term,
        None,
    );
    wait_for_port("nginx", port, || nginx.ended().is_some());
    visit(&daemon, port, &certs);
    use_secrets(port, &certs, &[200, 404, 405]);
    daemon.stop_cleanly();
    use_secrets(port, &certs, &[502]);
    assert_eq!(visitor(port, &certs, 13).request("GET", "/f/contact", &[], b"").unwrap().status, 502);
    nginx.end(Signal::Term, wait::LONG);
    let read = |name: &str| std::fs::read_to_string(daemon.path(name)).unwrap();
    let (access, error) = (read("access.log"), read("error.log"));
    assert!(access.contains("POST /f/contact") && error.contains("GET /f/contact"), "logs are on: {access}{error}");
    assert_no_secret("the access log", &access);
    assert_no_secret("the error log", &error);
}

#[test]
fn caddy_as_the_page_says_passes_visitors_on() {
    let (certs, port) = (Certs::local(), free_port());
    let mut daemon = daemon(&certs);
    let folder = daemon.setup().dir().display().to_string();
    let site = with(
        block("caddyfile"),
        &[
            (
                "forms.example.com {",
                &format!(
                    "https://localhost:{port} {{\n    log\n    bind 127.0.0.1\n    tls {folder}/cert.pem {folder}/key.pem"
                ),
            ),
            (
                "    log {\n",
                &format!(
                    "    admin off\n    auto_https off\n    default_sni localhost\n    log {{\n        output file {folder}/caddy.log\n"
                ),
            ),
            ("127.0.0.1:8080", &daemon.public().addr.to_string()),
        ],
    );
    let file = daemon.path("Caddyfile");
    std::fs::write(&file, site).unwrap();
    let mut command = program("caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&file)
        .env("HOME", &folder)
        .env("XDG_DATA_HOME", &folder);
    let mut caddy = Leashed::spawn(&mut command, Signal::Term, None);
    wait_for_port("caddy", port, || caddy.ended().is_some());
    visit(&daemon, port, &certs);
    use_secrets(port, &certs, &[200, 404, 405]);
    daemon.stop_cleanly();
    use_secrets(port, &certs, &[502]);
    caddy.end(Signal::Term, wait::LONG);
    let log = std::fs::read_to_string(daemon.path("caddy.log")).unwrap();
    assert!(log.contains("\"uri\":\"/f/contact\""), "the log is on: {log}");
    assert!(log.contains("http.log.error") && log.contains("http.log.access"), "of both kinds: {log}");
    assert_no_secret("Caddy's log", &log);
}
