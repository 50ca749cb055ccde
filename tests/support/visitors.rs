//! A daemon that mails its visitors through a sink of the test, and what those mails say.

use mail_parser::MessageParser;

use super::daemon::{Daemon, Setup};
use super::ledger::{count_blocking, texts_blocking};
use super::smtp::{Mail, SmtpSink};
use super::wait;

/// The address visitors know the daemon by.
pub const PUBLIC_URL: &str = "https://forms.our-company.example";

/// A daemon's setup whose form `contact` has these further tables, mailing through the sink.
pub fn setup(sink: &SmtpSink, form: &str, further: &str) -> Setup {
    let smtp = format!(
        "[delivery.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"crm@our-company.example\"\n\
         from_name = \"Our Company\"\n[limits]\nper_client_per_minute = 0\nper_client_and_form_per_minute = 0\n\
         per_form_per_minute = 0\n{further}",
        sink.port()
    );
    Setup::new()
        .contact_form()
        .tables(form)
        .tables(&smtp)
        .env("PISTEUR__HTTP__PUBLIC_URL", PUBLIC_URL)
        .env("PISTEUR__HTTP__TRUSTED_PROXIES", "127.0.0.1")
}

/// Posts a form; its id.
pub fn post(daemon: &Daemon, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> String {
    let answer = daemon.public().post_form_with("/f/contact", fields, headers).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().expect("an id").to_owned()
}

/// Waits until so many arrivals are decided on and no effect waits.
pub fn settled(daemon: &Daemon, arrivals: i64) {
    let url = daemon.setup().database_url();
    wait::until("every arrival is decided and every effect has ended", wait::LONG, || {
        count_blocking(url, "SELECT count(*) FROM arrival WHERE state <> 'received'") >= arrivals
            && count_blocking(url, "SELECT count(*) FROM job WHERE dead = 0") == 0
    });
}

/// One column of the daemon's database.
pub fn column(daemon: &Daemon, sql: &'static str) -> Vec<String> {
    texts_blocking(daemon.setup().database_url(), sql)
}

/// What `submissions show` says of an arrival.
pub fn shown(daemon: &Daemon, id: &str) -> serde_json::Value {
    let output = daemon.setup().run(&["submissions", "show", id, "--json"]);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Names of a mail's headers, in order, folded lines joined.
pub fn header_names(mail: &Mail) -> Vec<String> {
    let text = mail.text();
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    lines.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
}

/// A header's value as written, unfolded.
pub fn header(mail: &Mail, name: &str) -> Option<String> {
    let text = mail.text().replace("\r\n ", " ").replace("\r\n\t", " ");
    let head = text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    let found = head.split("\r\n").find_map(|line| line.strip_prefix(&format!("{name}: ")))?;
    Some(found.to_owned())
}

/// Subject and text, decoded.
pub fn words(mail: &Mail) -> (String, String) {
    let read = MessageParser::default().parse(&mail.data).expect("a mail");
    let subject = read.subject().unwrap_or_default().to_owned();
    (subject, read.body_text(0).expect("a text").replace("\r\n", "\n"))
}

/// The path of the link in a mail that begins so (`/c/`, `/u/`).
pub fn link(mail: &Mail, path: &str) -> String {
    let (_, text) = words(mail);
    let start = text.find(&format!("{PUBLIC_URL}{path}")).unwrap_or_else(|| panic!("no {path} in {text}"));
    let url = text[start..].split_whitespace().next().expect("a link");
    url.trim_start_matches(PUBLIC_URL).to_owned()
}
