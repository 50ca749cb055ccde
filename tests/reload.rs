//! Changing rules and configuration under a running daemon: all or nothing, and loudly.

use std::time::Duration;

use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger::texts_blocking;
use crate::support::process::Signal;
use crate::support::wait;

const LEADS_TO_DORA: &str = r#"
[[rule]]
id = "catch-all"
why = "Dora takes everything"
when.always = true
then.owner = "dora"
"#;

fn post(daemon: &Daemon, number: u32) {
    let (name, email) = (format!("Paul {number}"), format!("paul{number}@atelier-{number}.fr"));
    let fields = [("name", name.as_str()), ("email", email.as_str()), ("message", "Bonjour")];
    let answer = daemon.public().post_form("/f/contact", &fields).expect("answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn owners(daemon: &Daemon, leads: usize) -> Vec<String> {
    let url = daemon.setup().database_url().to_owned();
    let read = || texts_blocking(&url, "SELECT coalesce(owner, '-') FROM lead ORDER BY id");
    wait::until("the leads are there", Duration::from_secs(60), || read().len() == leads);
    read()
}

fn says(daemon: &Daemon, text: &str) {
    wait::until("the log says it", Duration::from_secs(60), || daemon.stderr().contains(text));
}

fn start() -> Daemon {
    let people = "[[user]]\nid = \"dora\"\nname = \"Dora\"\nemail = \"dora@our-company.example\"\n";
    let setup = Setup::new().contact_form().tables("[limits]\nper_client_per_minute = 0\n");
    let shipped = std::fs::read_to_string(setup.dir().join("rules/people.toml")).expect("people");
    let people = if shipped.contains("\"dora\"") { shipped } else { format!("{shipped}\n{people}") };
    setup.file("rules/people.toml", people).start()
}

#[test]
fn a_half_written_rule_file_is_refused_and_the_running_set_stays() {
    let daemon = start();
    post(&daemon, 1);
    let before = owners(&daemon, 1);
    std::fs::write(daemon.path("rules/40-assign.toml"), "[[rule]]\nid = \"catch-all\"\nwhen.alw").expect("written");
    says(&daemon, "the running set stays in force");
    says(&daemon, "40-assign.toml:3");
    let ready = daemon.operator().get("/readyz").expect("answers");
    assert_eq!(ready.status, 200, "forms are taken all the same");
    assert!(ready.text().contains("degraded"), "{}", ready.text());
    post(&daemon, 2);
    assert_ne!(owners(&daemon, 2)[1], "-", "decided by the running set: {before:?}");
    std::fs::write(daemon.path("rules/40-assign.toml"), LEADS_TO_DORA).expect("written");
    says(&daemon, "rules and configuration in force");
    post(&daemon, 3);
    assert_eq!(owners(&daemon, 3)[2], "dora", "a mended folder is taken over at once");
    wait::until("it is well again", wait::LONG, || {
        daemon.operator().get("/readyz").is_ok_and(|a| a.text().contains("\"ok\""))
    });
}

#[test]
fn a_daemon_starts_on_a_broken_folder_with_the_last_good_rules() {
    let mut daemon = start();
    std::fs::write(daemon.path("rules/40-assign.toml"), LEADS_TO_DORA).expect("written");
    says(&daemon, "rules and configuration in force");
    daemon.stop_cleanly();
    std::fs::write(daemon.path("rules/40-assign.toml"), "nonsense").expect("written");
    daemon.restart();
    says(&daemon, "the last good set is in force");
    post(&daemon, 1);
    assert_eq!(owners(&daemon, 1), ["dora"]);
}

#[test]
fn a_configuration_without_what_the_rules_name_is_what_is_called_wrong() {
    let mut daemon = start();
    let path = daemon.path("pisteur.toml");
    let good = std::fs::read_to_string(&path).expect("written by the harness");
    std::fs::write(&path, good.replace("id = \"contact\"", "id = \"other\"")).expect("written");
    daemon.signal(Signal::Hup);
    says(&daemon, "the rules name what the configuration no longer has");
    let ready = daemon.operator().get("/readyz").expect("answers");
    assert!(ready.status == 200 && ready.text().contains("onfiguration"), "{}", ready.text());
    assert!(!ready.text().contains("rules folder is broken"), "{}", ready.text());
    post(&daemon, 1);
    let tls = "[http.tls]\ncertificate = \"gone.pem\"\nkey = \"gone.pem\"\n";
    std::fs::write(&path, format!("{good}\n{tls}")).expect("written");
    daemon.signal(Signal::Hup);
    says(&daemon, "gone.pem");
    assert!(!daemon.stderr().contains("http.tls changed"), "nothing that would stop the next start is taken over");
    daemon.stop_cleanly();
}

#[test]
fn a_changed_template_is_taken_over_and_a_wrong_one_is_not() {
    let of = |label: &str| {
        format!(
            "[[template]]\nname = \"p\"\nfrom = [\"leads@portal.example\"]\nfields.email = \"{label}\"\nfields.full_name = \"Prospect\"\n"
        )
    };
    let mut daemon = Setup::new().contact_form().file("templates/portal.toml", of("Adresse")).start();
    wait::until("the watched folder is there", wait::LONG, || daemon.path("var/inbox").is_dir());
    let url = daemon.setup().database_url().to_owned();
    let addresses = || texts_blocking(&url, "SELECT raw FROM contact_point WHERE class = 'email' ORDER BY record");
    let send = |daemon: &Daemon, label: &str, name: &str| {
        let raw = format!(
            "From: Portal <leads@portal.example>\r\nTo: sales@our-company.example\r\nSubject: A lead\r\n\
             Message-ID: <{name}@portal.example>\r\n\r\nProspect: {name} Mill\r\n{label}: {name}@{name}-mill.example\r\n"
        );
        std::fs::write(daemon.path("one.eml"), raw).expect("written");
        std::fs::rename(daemon.path("one.eml"), daemon.path(&format!("var/inbox/{name}.eml"))).expect("moved in");
        let wanted = format!("{name}@{name}-mill.example");
        wait::until("it is a lead of the prospect", wait::LONG, || addresses().contains(&wanted));
    };
    send(&daemon, "Adresse", "anna");
    std::fs::write(daemon.path("templates/portal.toml"), of("Adresse").replace("fields.email", "fields.emial"))
        .unwrap();
    says(&daemon, "the old one stays in force");
    says(&daemon, "portal.toml:4");
    send(&daemon, "Adresse", "bert");
    std::fs::write(daemon.path("templates/portal.toml"), of("Kontaktweg")).unwrap();
    says(&daemon, "rules and configuration in force");
    send(&daemon, "Kontaktweg", "carl");
    assert!(!addresses().contains(&"leads@portal.example".to_owned()), "{:?}", addresses());
    daemon.stop_cleanly();
}

#[test]
fn an_invalid_configuration_changes_nothing_and_a_valid_one_is_live_after_sighup() {
    let mut daemon = start();
    let path = daemon.path("pisteur.toml");
    let good = std::fs::read_to_string(&path).expect("written by the harness");
    std::fs::write(&path, good.replace("id = \"contact\"", "id = \"contact\"\nredirekt = \"/x\"")).expect("written");
    daemon.signal(Signal::Hup);
    says(&daemon, "the old one stays in force");
    says(&daemon, "redirekt");
    post(&daemon, 1);
    std::fs::write(&path, format!("{good}\n[[form]]\nid = \"second\"\n")).expect("written");
    daemon.signal(Signal::Hup);
    wait::until("the new form answers", wait::LONG, || {
        let fields = [("name", "Eva"), ("email", "eva@dilna-eva.cz"), ("message", "Dotaz")];
        daemon.public().post_form("/f/second", &fields).is_ok_and(|a| a.status == 200)
    });
    daemon.stop_cleanly();
}

#[test]
fn a_second_daemon_on_one_sqlite_file_and_a_port_in_use_are_refused_with_the_remedy() {
    let daemon = start();
    let mut second = Setup::new().contact_form().database(daemon.setup().database_url()).start_unready();
    assert_eq!(second.wait_end(), Some(2));
    assert!(second.stderr().contains("another pisteur serves"), "{}", second.stderr());
    let taken = format!("127.0.0.1:{}", daemon.public().addr.port());
    let mut third = Setup::new().contact_form().env("PISTEUR__HTTP__PUBLIC", &taken).start_unready();
    assert_eq!(third.wait_end(), Some(2));
    assert!(third.stderr().contains("http.public"), "{}", third.stderr());
}

#[test]
fn of_a_refused_configuration_nothing_is_in_force() {
    let mut daemon =
        Setup::new().contact_form().keys("log.level = \"info\"").file("s", "a-secret-of-a-service").start();
    let unknown = || assert_eq!(daemon.public().post("/hooks/nobody", "application/json", b"{}").unwrap().status, 404);
    let config = std::fs::read_to_string(daemon.path("pisteur.toml")).expect("the file");
    let captcha = "\n[[captcha.provider]]\nid = \"t\"\nkind = \"turnstile\"\nsite_key = \"k\"\nsecret_file = \"s\"\nca_file = \"gone.pem\"\n";
    let config = format!("{}{captcha}", config.replace("log.level = \"info\"", "log.level = \"trace\""));
    std::fs::write(daemon.path("pisteur.toml"), config).expect("written");
    says(&daemon, "the configuration is not taken over, the old one stays in force");
    unknown();
    post(&daemon, 1);
    assert_eq!(owners(&daemon, 1).len(), 1);
    let log = daemon.stderr();
    assert!(log.contains("gone.pem"), "{log}");
    assert!(!log.contains("DEBUG") && !log.contains("TRACE"), "{log}");
    daemon.stop_cleanly();
}
