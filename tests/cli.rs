//! The command line as a person and a script meet it: help that teaches, exit codes, tables and JSON.

use std::io::Read as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use pisteur::clock::{Clock, SystemClock};
use pisteur::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use pisteur::store::{Claim, Failure, InitialState, NewArrival, OpenOptions, Queue, open};
use serde_json::Value;

use crate::support::daemon::Setup;
use crate::support::process::free_port;
use crate::support::wait;

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pisteur"));
    command.env("NO_COLOR", "1").env("COLUMNS", "110").stdin(Stdio::null());
    command
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

/// A folder with the form that the shipped rules refer to.
fn shop() -> Setup {
    let form = "[[form]]\nid = \"contact\"\n[[form.field]]\nname = \"budget\"\ntype = \"money\"\n";
    Setup::new().keys("own_domains = [\"example.com\"]").tables(form)
}

/// A folder whose database exists.
fn migrated() -> Setup {
    let setup = shop();
    let output = setup.run(&["migrate"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    setup
}

const COMMANDS: [&str; 45] = [
    "hooks",
    "hooks list",
    "hooks adapters",
    "hooks test",
    "",
    "serve",
    "check",
    "parse",
    "explain",
    "rules",
    "rules check",
    "rules test",
    "rules explain",
    "submissions",
    "submissions list",
    "submissions show",
    "submissions retry",
    "submissions release",
    "submissions discard",
    "leads list",
    "leads show",
    "leads export",
    "opportunities list",
    "contacts",
    "contacts list",
    "contacts import",
    "campaigns list",
    "campaigns add",
    "deliveries list",
    "deliveries retry",
    "match",
    "match eval",
    "match fit",
    "match reindex",
    "match sweep",
    "review",
    "review list",
    "review accept",
    "review reject",
    "merge",
    "unmerge",
    "replay",
    "erase",
    "migrate",
    "doctor",
];

#[test]
fn the_help_of_every_command_is_as_it_was_read() {
    let mut pages = String::new();
    for command in COMMANDS {
        let output = binary().args(command.split_whitespace()).arg("--help").output().unwrap();
        assert_eq!(code(&output), 0, "{command}");
        pages.push_str(&format!("===== pisteur {command}\n{}\n", stdout(&output)));
    }
    insta::assert_snapshot!("help", pages);
}

#[test]
fn every_command_that_does_something_shows_an_example() {
    for command in COMMANDS {
        let output = binary().args(command.split_whitespace()).arg("--help").output().unwrap();
        let page = stdout(&output);
        let only_a_group = page.contains("Commands:") && !command.is_empty();
        assert!(only_a_group || page.contains("Example"), "pisteur {command}:\n{page}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_so_on_standard_error() {
    for args in [&["leeds"][..], &["leads", "list", "--limit", "-1"], &["submissions", "show", "x"], &["parse"]] {
        let output = binary().args(args).output().unwrap();
        assert_eq!(code(&output), 2, "{args:?}");
        assert!(stdout(&output).is_empty() && !stderr(&output).is_empty(), "{args:?}");
    }
    assert!(stdout(&binary().arg("--version").output().unwrap()).starts_with("pisteur "));
}

#[test]
fn check_names_every_problem_and_ends_with_1_while_serve_ends_with_2() {
    let setup = Setup::new().keys("databse = \"x\"").tables("[worker]\nbatch = \"many\"");
    let output = setup.run(&["check"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("pisteur.toml:2:1: databse: unknown key; did you mean \"database\"?"), "{said}");
    assert!(said.contains("worker.batch: wrong type"), "{said}");

    let json: Value = serde_json::from_str(&stdout(&setup.run(&["check", "--json"]))).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["config"][0]["key"], "databse");

    let output = setup.run(&["serve"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("databse"), "{}", stderr(&output));
}

#[test]
fn check_finds_the_shipped_configuration_and_rules_in_order() {
    let output = binary().arg("check").current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn check_looks_at_the_rules_too() {
    let setup = Setup::new().file("rules/30-classify.toml", "[[rule]]\nid = \"x\"\nwhen.nonsense = 1\n");
    let output = setup.run(&["check"]);
    assert_eq!(code(&output), 1, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("30-classify.toml"), "{}", stdout(&output));
}

#[test]
fn a_file_that_is_not_there_ends_with_2() {
    let output = binary().args(["-c", "nowhere.toml", "check"]).output().unwrap();
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("nowhere.toml"), "{}", stderr(&output));
}

#[test]
fn without_a_database_lists_say_what_creates_it() {
    let output = Setup::new().run(&["leads", "list"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("pisteur migrate"), "{}", stderr(&output));
}

#[test]
fn migrate_creates_the_database_once() {
    let setup = Setup::new();
    let first: Value = serde_json::from_str(&stdout(&setup.run(&["migrate", "--json"]))).unwrap();
    assert_eq!(first["created"], true);
    let second: Value = serde_json::from_str(&stdout(&setup.run(&["migrate", "--json"]))).unwrap();
    assert_eq!((&second["created"], &second["migrations"]), (&Value::from(false), &Value::from(0)));
}

#[test]
fn empty_lists_are_answers_and_unknown_ids_are_a_no() {
    let setup = migrated();
    for list in [&["leads", "list"][..], &["opportunities", "list"], &["contacts", "list"], &["submissions", "list"]] {
        let output = setup.run(list);
        assert_eq!(code(&output), 0, "{list:?} {}", stderr(&output));
        assert!(stdout(&output).starts_with("No "), "{}", stdout(&output));
        assert!(lines(&setup.run(&[list, &["--json"]].concat())).is_empty());
    }
    let id = "01JABCDEFGHJKMNPQRSTVWXYZ0";
    for show in [
        ["leads", "show"],
        ["opportunities", "show"],
        ["contacts", "show"],
        ["submissions", "show"],
        ["submissions", "release"],
    ] {
        let output = setup.run(&[&show[..], &[id]].concat());
        assert_eq!(code(&output), 1, "{show:?} {}", stderr(&output));
    }
    assert_eq!(code(&setup.run(&["deliveries", "retry", "1"])), 1);
}

#[test]
fn a_status_nobody_knows_is_refused_with_those_there_are() {
    let setup = migrated();
    for (list, known) in [("leads", "open, contacted"), ("opportunities", "new, qualified"), ("contacts", "customer")] {
        let output = setup.run(&[list, "list", "--status", "nonsense"]);
        assert_eq!(code(&output), 2, "{list}");
        assert!(stderr(&output).contains("nonsense") && stderr(&output).contains(known), "{}", stderr(&output));
        let word = known.split(',').next().unwrap();
        assert_eq!(code(&setup.run(&[list, "list", "--status", word])), 0, "{list} {word}");
    }
}

const CLIENTS: &str = "Nom;Prénom;Société;Courriel;Téléphone;Fidélité\n\
    Dupont;Zoé;Menuiserie Dupont;zoe.dupont@menuiserie-dupont.fr;01 42 34 56 78;or\n\
    Martin;Luc;;luc.martin@orange.fr;;\n\
    Sansrien;Paul;;;;\n\
    Durand;Ève;Atelier;eve@atelier-durand.fr;pas un numéro;\n";

#[test]
fn an_import_recognises_at_the_second_time_whom_it_made_at_the_first() {
    let (text, _, _) = encoding_rs::WINDOWS_1252.encode(CLIENTS);
    let setup = migrated().file("clients.csv", &text);
    let file = setup.dir().join("clients.csv");
    let import = ["contacts", "import", file.to_str().unwrap(), "--json"];
    let became = |output: &Output| -> Vec<(u64, String)> {
        lines(output)
            .iter()
            .map(|l| (l["line"].as_u64().unwrap(), l["became"].as_str().unwrap_or("error").to_owned()))
            .collect()
    };

    let rehearsal = setup.run(&["contacts", "import", file.to_str().unwrap(), "--dry-run"]);
    assert!(stdout(&rehearsal).contains("Menuiserie Dupont"), "{}{}", stdout(&rehearsal), stderr(&rehearsal));
    assert!(lines(&setup.run(&["contacts", "list", "--json"])).is_empty(), "a rehearsal writes nothing");

    let first = setup.run(&import);
    assert_eq!(code(&first), 1, "one line was refused: {}{}", stdout(&first), stderr(&first));
    let made = |word: &str| [(2, word), (3, word), (5, word), (4, "error")].map(|(l, w)| (l, w.to_owned())).to_vec();
    assert_eq!(became(&first), made("created"));
    assert_eq!(became(&setup.run(&import)), made("updated"));

    let contacts = lines(&setup.run(&["contacts", "list", "--json"]));
    assert_eq!(contacts.len(), 3, "{contacts:#?}");
    let zoe = contacts.iter().find(|c| c["email"] == "zoe.dupont@menuiserie-dupont.fr").expect("Zoé was imported");
    assert!(zoe["created_at"].as_str().unwrap().ends_with('Z'), "moments are RFC 3339: {zoe}");
    let page = setup.run(&["contacts", "show", zoe["id"].as_str().unwrap()]);
    assert!(stdout(&page).contains("Dupont") && stdout(&page).contains("zoe.dupont@"), "{}", stdout(&page));
    let table = stdout(&setup.run(&["contacts", "list"]));
    assert!(table.starts_with("ID ") && table.lines().count() == 4, "{table}");
}

#[test]
fn a_vcard_file_is_imported_too() {
    let cards = "BEGIN:VCARD\nVERSION:3.0\nN:Novák;Jiří;;;\nFN:Jiří Novák\nORG:Strojírny\nEMAIL:jiri.novak@strojirny-novak.cz\nEND:VCARD\n";
    let setup = migrated().file("people.vcf", cards);
    let file = setup.dir().join("people.vcf");
    let output = setup.run(&["contacts", "import", file.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("1 created"), "{}", stdout(&output));
}

#[test]
fn an_import_file_without_a_usable_heading_is_refused_with_the_remedy() {
    let setup = migrated().file("x.csv", "a;b\n1;2\n");
    let output = setup.run(&["contacts", "import", setup.dir().join("x.csv").to_str().unwrap()]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--map"), "{}", stderr(&output));
}

const MAIL: &str = "From: Zoé Dupont <zoe.dupont@orange.fr>\r\nTo: sales@example.com\r\nSubject: Demande de devis\r\n\
    Message-ID: <a@orange.fr>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0100\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
    Bonjour, je voudrais un devis pour 20 chaises.\r\nZoé Dupont\r\n";

#[test]
fn explain_says_what_would_become_of_a_file_with_and_without_a_database() {
    let setup = shop().file("mail.eml", MAIL);
    let file = setup.dir().join("mail.eml");
    let output = setup.run(&["explain", file.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("new opportunity, team france"), "{}", stdout(&output));
    assert!(!setup.dir().join("var/pisteur.db").exists(), "explaining creates nothing");

    assert_eq!(code(&setup.run(&["migrate"])), 0);
    let json: Value =
        serde_json::from_str(&stdout(&setup.run(&["explain", file.to_str().unwrap(), "--json"]))).unwrap();
    assert_eq!(json["matched_against_database"], true);
    assert_eq!(json["channel"], "mail");
    assert!(lines(&setup.run(&["submissions", "list", "--json"])).is_empty(), "explaining writes nothing");
}

#[test]
fn doctor_has_a_line_for_everything_and_a_remedy_for_what_is_wrong() {
    let setup = migrated();
    let report: Value = serde_json::from_str(&stdout(&setup.run(&["doctor", "--json"]))).unwrap();
    let names: Vec<&str> = report["checks"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    for wanted in ["config", "rules", "database", "database setting", "clock", "disk", "http.public", "deliveries"] {
        assert!(names.contains(&wanted), "{wanted} not in {names:?}");
    }
    assert_eq!(report["ok"], true, "{report:#}");

    let broken = shop().tables("[spool]\npath = \"/proc/nowhere\"\n");
    let output = broken.run(&["doctor"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stdout(&output).contains("fail  folder spool.path"), "{}", stdout(&output));
    assert!(stdout(&output).contains("-> give the user"), "{}", stdout(&output));
}

#[test]
fn lists_and_pages_show_nothing_that_steers_the_screen() {
    let text = "Nom;Prénom;Société;Courriel\nDup\u{202e}ont;Z\u{9b}2Joé;東\u{200b}京;zoe.dupont@menuiserie-dupont.fr\n";
    let setup = migrated().file("clients.csv", text);
    let file = setup.dir().join("clients.csv");
    let import = setup.run(&["contacts", "import", file.to_str().unwrap()]);
    assert_eq!(code(&import), 0, "{}{}", stdout(&import), stderr(&import));
    let id = lines(&setup.run(&["contacts", "list", "--json"]))[0]["id"].as_str().unwrap().to_owned();
    for command in [&["contacts", "list"][..], &["contacts", "show", &id]] {
        let said = stdout(&setup.run(command));
        assert!(said.contains("zoe.dupont@"), "{said}");
        assert!(!said.contains(['\u{202e}', '\u{9b}', '\u{200b}', '\u{1b}']), "{said:?}");
    }
}

#[test]
fn a_file_name_cannot_steer_the_screen() {
    let output = binary().args(["parse", "gone\u{1b}[2J\nforged.eml"]).output().unwrap();
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("cannot read gone\\u{1b}[2J\\nforged.eml: No such file"), "{}", stderr(&output));
    let output = migrated().run(&["explain", "gone\u{1b}[2J.eml"]);
    assert!(stderr(&output).contains("gone\\u{1b}[2J.eml"), "{}", stderr(&output));
}

#[test]
fn parse_says_of_an_empty_file_and_of_a_folder_what_they_are() {
    let setup = migrated().file("empty.eml", "");
    let folder = setup.dir().to_str().unwrap().to_owned();
    for (path, said) in [("empty.eml", "empty.eml is empty"), (folder.as_str(), "is a folder: name the files in it")] {
        let output = setup.run(&["parse", path]);
        assert_eq!(code(&output), 2, "{path}");
        assert!(stdout(&output).is_empty() && stderr(&output).contains(said), "{path}: {}", stderr(&output));
    }
}

#[test]
fn an_identifier_is_taken_with_its_kind_and_a_wrong_kind_names_the_right_command() {
    let setup = migrated().file("people.csv", "Nom;Courriel\nMartin;luc.martin@atelier-martin.fr\n");
    let file = setup.dir().join("people.csv");
    assert_eq!(code(&setup.run(&["contacts", "import", file.to_str().unwrap()])), 0);
    let id = lines(&setup.run(&["contacts", "list", "--json"]))[0]["id"].as_str().unwrap().to_owned();
    let prefixed = format!("contact:{id}");
    let page = setup.run(&["contacts", "show", &prefixed]);
    assert_eq!(code(&page), 0, "{}", stderr(&page));
    assert!(stdout(&page).contains("luc.martin@"), "{}", stdout(&page));
    let right = format!("`pisteur contacts show {id}`");
    for command in [
        &["leads", "show"][..],
        &["opportunities", "show"],
        &["submissions", "show"],
        &["submissions", "release"],
        &["replay"],
        &["explain"],
        &["rules", "explain"],
    ] {
        let output = setup.run(&[command, &[&prefixed]].concat());
        assert_eq!(code(&output), 2, "{command:?}");
        assert!(stderr(&output).contains(&right), "{command:?}: {}", stderr(&output));
    }
    let held = &held_at_the_door(setup.database_url())[0];
    assert_eq!(code(&setup.run(&["submissions", "show", &format!("submission:{held}")])), 0);
}

const MAILBOX: &str = "[[mailbox]]\nid = \"sales\"\nhost = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nuser = \"sales@example.com\"\n\
    first_run = \"from_now\"\n";

#[test]
fn check_names_every_secret_that_is_not_there() {
    for (password, words) in [
        ("{ env = \"NO_SUCH_SECRET\" }", "mailbox sales: the environment variable NO_SUCH_SECRET is not set: set it"),
        ("{ command = [\"no-such-program\"] }", "mailbox sales: the program no-such-program cannot be found"),
        ("{ file = \"gone\" }", "gone cannot be found: create it"),
    ] {
        let setup = shop().tables(&format!("{MAILBOX}password = {password}\n"));
        let output = setup.run(&["check"]);
        assert_eq!(code(&output), 1, "{}{}", stdout(&output), stderr(&output));
        assert!(
            stdout(&output).contains("mailbox.0.password: ") && stdout(&output).contains(words),
            "{}",
            stdout(&output)
        );
        let json: Value = serde_json::from_str(&stdout(&setup.run(&["check", "--json"]))).unwrap();
        assert_eq!((&json["ok"], &json["config"][0]["key"]), (&false.into(), &"mailbox.0.password".into()), "{json}");
    }
    let setup = shop().tables(&format!("{MAILBOX}password = {{ env = \"THE_SECRET\" }}\n")).env("THE_SECRET", "x");
    let output = setup.run(&["check"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));

    let hook = "[[delivery.webhook]]\nid = \"crm\"\nurl = \"https://example.com/\"\nsecret_env = \"NO_SUCH_SECRET\"\n";
    let smtp = "[delivery.smtp]\nhost = \"mx.example.com\"\nuser = \"u\"\npassword_env = \"NO_OTHER\"\nfrom = \"crm@example.com\"\n";
    let said = stdout(&shop().tables(hook).tables(smtp).run(&["check"]));
    assert!(
        said.contains("delivery.webhook.0.secret_env: the environment variable NO_SUCH_SECRET is not set"),
        "{said}"
    );
    assert!(said.contains("delivery.smtp.password_env: the environment variable NO_OTHER is not set"), "{said}");
}

#[test]
fn commands_beside_the_daemon_do_without_its_secrets() {
    let secrets = "[[hook]]\nid = \"typeform\"\nadapter = \"typeform\"\nsecret_env = \"NO_SUCH_SECRET\"\n\
                   [captcha]\nsecret_file = \"gone\"\n";
    let setup = shop().tables(secrets);
    assert_eq!(code(&setup.run(&["migrate"])), 0);
    for args in [&["submissions", "list"][..], &["leads", "list"], &["forms", "list"], &["hooks", "list"]] {
        let output = setup.run(args);
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
    }
    let doctor = setup.run(&["doctor"]);
    assert_eq!(code(&doctor), 1);
    assert!(stdout(&doctor).contains("NO_SUCH_SECRET is not set") && stdout(&doctor).contains("database"));
    let serve = setup.run(&["serve"]);
    assert_eq!(code(&serve), 2, "the daemon itself needs them");
    assert!(stderr(&serve).contains("hook.0.secret_env") && stderr(&serve).contains("captcha.secret_file"));
    let wrong = shop().tables(secrets).tables("[limits]\nfields = 0\nnot_a_key = 1");
    assert_eq!(code(&wrong.run(&["leads", "list"])), 2, "everything else has to be right");
}

#[test]
fn what_waits_for_a_person_can_be_read_and_is_explained_as_held() {
    let daemon = shop().start();
    let fields = [("name", "Zoé"), ("email", "zoe@orange.fr"), ("message", "Buy\nnow"), ("_gotcha", "x")];
    let sent = daemon.public().post_form("/f/contact", &fields).unwrap().json();
    let id = sent["id"].as_str().unwrap();
    let show = stdout(&daemon.setup().run(&["submissions", "show", id]));
    for words in ["quarantined", "message", "Buy", "now", "zoe@orange.fr"] {
        assert!(show.contains(words), "{words}: {show}");
    }
    let json: Value =
        serde_json::from_str(&stdout(&daemon.setup().run(&["submissions", "show", id, "--json"]))).unwrap();
    assert!(json["content"]["fields"].as_array().unwrap().iter().any(|f| f["value"] == "Buy\nnow"), "{json}");
    let why = stdout(&daemon.setup().run(&["explain", id]));
    assert!(
        why.starts_with("held      spam: it waits for a person") && why.contains("=>        quarantined (spam)"),
        "{why}"
    );
    assert!(why.trim_end().lines().last().is_some_and(|line| line.starts_with("released  => new lead")), "{why}");
    let json: Value = serde_json::from_str(&stdout(&daemon.setup().run(&["explain", id, "--json"]))).unwrap();
    assert_eq!(json["held"], "spam");
    let wrong = daemon.setup().run(&["submissions", "release", "--state", "decided", "--yes"]);
    assert_eq!(code(&wrong), 2, "{}", stdout(&wrong));
    let why = stderr(&wrong);
    assert!(why.contains("what is decided cannot be released; what can is: --state quarantined"), "{why}");
    assert_eq!(code(&daemon.setup().run(&["submissions", "discard", "--state", "discarded", "--reason", "x"])), 2);
    let strange = daemon.setup().run(&["explain", "--kind", "form", "--intake", "nosuch", "pisteur.toml"]);
    assert!(code(&strange) == 2 && stderr(&strange).contains("\"nosuch\"; there is contact"), "{}", stderr(&strange));
}

#[test]
fn a_listener_that_speaks_https_only_is_tested_by_its_name() {
    let certs = crate::support::certs::Certs::for_names(&["forms.example.com"]);
    let tls = "[http.tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
    let setup = shop().tables(tls).file("cert.pem", certs.cert).file("key.pem", certs.key);
    assert_eq!(code(&setup.run(&["migrate"])), 0);
    let output = setup.run(&["forms", "test", "contact"]);
    assert!(code(&output) == 1 && stdout(&output).contains("set http.public_url"), "{}", stdout(&output));
    assert!(stdout(&setup.run(&["forms", "list"])).contains("https://127.0.0.1"));
}

#[test]
fn a_mailbox_without_its_secret_turns_no_form_away_and_is_shown() {
    let tables = format!("{MAILBOX}password = {{ env = \"NO_SUCH_SECRET\" }}\n");
    let mut daemon = Setup::new().contact_form().tables(&tables).start();
    let posted = daemon.public().post_form("/f/contact", &[("name", "Zoé"), ("email", "zoe@orange.fr")]).unwrap();
    assert_eq!(posted.status, 200, "{}", posted.text());
    wait::until("the mailbox is among the reasons", wait::LONG, || {
        daemon.operator().get("/readyz").is_ok_and(|a| a.status == 200 && a.text().contains("mailbox sales"))
    });
    daemon.stop_cleanly();
}

#[test]
fn a_variable_that_is_not_text_is_refused_by_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let value = std::ffi::OsStr::from_bytes(b"FR\xff");
    for (command, expected) in [(&["check"][..], 1), (&["leads", "list"], 2), (&["serve"], 2)] {
        let mut binary = binary();
        binary.args(command).current_dir(env!("CARGO_MANIFEST_DIR")).env("PISTEUR__DEFAULT_COUNTRY", value);
        let output = binary.output().unwrap();
        let said = stdout(&output) + &stderr(&output);
        assert_eq!(code(&output), expected, "{said}");
        assert!(
            said.contains("PISTEUR__DEFAULT_COUNTRY: the value of this environment variable is not UTF-8"),
            "{said}"
        );
    }
}

#[test]
fn rules_explain_looks_the_sender_up_where_there_is_a_database() {
    let known = "Nom;Prénom;Société;Courriel\nDupont;Zoé;;zoe.dupont@orange.fr\n";
    let rule = "[[rule]]\nid = \"known-person\"\nwhy = \"test\"\nwhen.known.contact = true\nthen.create = \"lead\"\nthen.priority = 3\n";
    let setup = shop().file("mail.eml", MAIL).file("clients.csv", known);
    let rules = std::fs::read_to_string(setup.dir().join("rules/30-classify.toml")).unwrap();
    let setup = setup.file("rules/30-classify.toml", rules.replacen("[[rule]]", &format!("{rule}\n[[rule]]"), 1));
    let [mail, clients] = ["mail.eml", "clients.csv"].map(|name| setup.dir().join(name).to_str().unwrap().to_owned());
    let explain = |more: &[&str]| {
        let output = setup.run(&[&["rules", "explain", &mail], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    assert!(explain(&[]).contains("(nobody was taken for known: there is no database yet)"), "{}", explain(&[]));
    assert!(explain(&["--why-not", "known-person"]).contains("does not match"));
    assert_eq!(code(&setup.run(&["migrate"])), 0);
    assert!(explain(&["--why-not", "known-person"]).contains("does not match"), "nobody is known yet");
    assert_eq!(code(&setup.run(&["contacts", "import", &clients])), 0);
    assert!(explain(&["--why-not", "known-person"]).contains("known-person matches"));
    assert!(explain(&[]).contains("(the sender was looked up in the database)"), "{}", explain(&[]));
    let json: Value = serde_json::from_str(&explain(&["--json"])).unwrap();
    assert_eq!(json["matched_against_database"], true);
}

#[test]
fn doctor_tries_each_delivery() {
    let port = free_port();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let hook = format!(
        "[[delivery.webhook]]\nid = \"crm\"\nurl = \"http://127.0.0.1:{port}/\"\nallow_http = true\n\
         allow_private = [\"127.0.0.0/8\"]\nsecret_env = \"HOOK_SECRET\"\n\
         [delivery.smtp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"crm@example.com\"\n"
    );
    let setup = shop().tables(&hook).env("HOOK_SECRET", secret);
    let output = setup.run(&["doctor"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("fail  webhook crm") && said.contains(&format!("fail  smtp 127.0.0.1:{port}")), "{said}");
    assert!(said.contains("-> mend it and run this again") && !said.contains(secret), "{said}");
}

#[test]
fn replay_of_nothing_queues_nothing_and_decided_arrivals_are_never_processed_twice() {
    let setup = migrated();
    let output = setup.run(&["replay", "--since", "2d"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).starts_with("0 arrivals queued"), "{}", stdout(&output));
    assert_eq!(code(&setup.run(&["replay", "--since", "2d", "--state", "decided"])), 2);
    assert_eq!(code(&setup.run(&["replay", "--since", "yesterday"])), 2);
    assert_eq!(code(&setup.run(&["replay"])), 2, "everything there ever was is not meant by nothing");
    let unknown = setup.run(&["replay", "01JQ0000000000000000000000"]);
    assert!(stderr(&unknown).contains("there is no arrival"), "{}", stderr(&unknown));
}

/// Two forms that never reached the rules.
fn held_at_the_door(database: &str) -> Vec<String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let options = OpenOptions {
        url: database.to_owned(),
        spill: false,
        spill_dir: std::path::PathBuf::new(),
        spill_limit: 0,
        allow_unsafe_server: false,
        clock: Arc::clone(&clock),
        migrate: false,
    };
    let held = |n: u8| NewArrival {
        envelope: Envelope {
            id: clock.new_id(),
            channel: Channel::Form,
            intake_id: "contact".to_owned(),
            keys: Vec::new(),
            received_at: clock.now(),
            digest: Digest::of(&[n]),
            raw_kind: RawKind::Form,
            content_type: None,
            context: ArrivalContext::default(),
            raw: vec![n].into(),
        },
        initial: InitialState::Quarantined("form_rate_limit".to_owned()),
        edited: None,
    };
    let arrivals = vec![held(1), held(2)];
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (store, _) = open(options).await.unwrap();
        let accepted = store.accept(arrivals, None).await.unwrap();
        store.close().await;
        accepted.iter().map(|a| a.id().to_string()).collect()
    })
}

#[test]
fn replay_leaves_alone_what_no_rule_decided() {
    let setup = migrated();
    let ids = held_at_the_door(setup.database_url());
    let [mine, held] = [&*ids[0], &*ids[1]];
    assert_eq!(code(&setup.run(&["submissions", "discard", mine, "--reason", "spam"])), 0);
    assert!(stdout(&setup.run(&["replay", "--since", "2d"])).starts_with("0 arrivals queued"));
    assert!(stdout(&setup.run(&["replay", mine, held])).starts_with("2 arrivals queued"));
}

/// Forms that failed for good, more than a page of them.
fn failed(database: &str, count: usize) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let form = |n: usize| {
        let raw = n.to_string().into_bytes();
        let envelope = Envelope {
            id: clock.new_id(),
            channel: Channel::Form,
            intake_id: "contact".to_owned(),
            keys: Vec::new(),
            received_at: clock.now(),
            digest: Digest::of(&raw),
            raw_kind: RawKind::Form,
            content_type: None,
            context: ArrivalContext::default(),
            raw: raw.into(),
        };
        NewArrival::received(envelope)
    };
    let options = OpenOptions {
        url: database.to_owned(),
        spill: false,
        spill_dir: std::path::PathBuf::new(),
        spill_limit: 0,
        allow_unsafe_server: false,
        clock: Arc::clone(&clock),
        migrate: false,
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (store, _) = open(options).await.unwrap();
        store.accept((0..count).map(form).collect(), None).await.unwrap();
        let claim =
            Claim { queue: Queue::Process, owner: "test".to_owned(), limit: count, lease: wait::LONG, suspects: false };
        let leases = store.claim(claim).await.unwrap();
        let failure = Failure { error: "gave up".to_owned(), retry_after: None };
        let ends = leases.iter().map(|lease| store.fail(lease, failure.clone()));
        futures::future::try_join_all(ends).await.unwrap();
        store.close().await;
    });
}

#[test]
fn lists_and_retries_of_more_than_a_page_leave_nothing_out() {
    let setup = migrated();
    failed(setup.database_url(), 1_050);
    let ids = |args: &[&str]| -> Vec<String> {
        lines(&setup.run(args)).iter().map(|l| l["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&["submissions", "list", "--limit", "0", "--json"]);
    assert_eq!(all.len(), 1_050);
    assert!(all.is_sorted_by(|a, b| a > b), "newest first, each once");
    assert_eq!(ids(&["submissions", "list", "--limit", "1020", "--json"]), all[..1_020]);
    let table = stdout(&setup.run(&["submissions", "list", "--limit", "0"]));
    assert_eq!((table.lines().count(), table.matches("RECEIVED").count()), (1_051, 1), "one heading");
    let retried = setup.run(&["submissions", "retry", "--all"]);
    assert_eq!((code(&retried), stdout(&retried).matches("queued again").count()), (0, 1_050));
    assert!(stdout(&setup.run(&["submissions", "retry", "--all"])).starts_with("Nothing to do."));
}

#[test]
fn a_replay_of_more_than_a_page_goes_from_the_oldest_to_the_newest() {
    let setup = migrated();
    failed(setup.database_url(), 1_010);
    let output = setup.run(&["replay", "--since", "2d", "--state", "failed", "--json"]);
    let ids: Vec<String> = lines(&output).iter().map(|l| l["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1_010);
    assert!(ids.is_sorted());
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let mut child =
        binary().args(["check", "--reference"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn every_command_finds_the_database_of_a_configuration_named_by_a_relative_path() {
    let dir = tempfile::TempDir::new().unwrap();
    for name in ["etc/p.toml", "sub/config/p.toml", "p.toml"] {
        let file = dir.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "database = \"sqlite://var/p.db\"\n").unwrap();
        let run = |args: &[&str]| {
            let mut command = binary();
            command.current_dir(dir.path()).args(["-c", name]).args(args).output().unwrap()
        };
        for args in [&["migrate"][..], &["leads", "list"], &["submissions", "list"]] {
            let output = run(args);
            assert_eq!(code(&output), 0, "{name} {args:?}: {}", stderr(&output));
        }
    }
    for database in ["etc/var/p.db", "sub/var/p.db", "var/p.db"] {
        assert!(dir.path().join(database).is_file(), "{database}");
    }
}

/// The TOML block of the README under this heading.
fn snippet(heading: &str) -> String {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let after = readme.split_once(heading).unwrap_or_else(|| panic!("{heading} is in the README")).1;
    after.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0.to_owned()
}

#[test]
fn what_the_readme_says_can_be_pasted_as_it_says() {
    let dir = tempfile::TempDir::new().unwrap();
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = Command::new("cp").arg("-r").args([from.join("config"), from.join("rules")]).arg(dir.path()).status();
    assert!(copy.unwrap().success());
    let paste = |file: &str, before: bool, text: &str| {
        let file = dir.path().join(file);
        let old = std::fs::read_to_string(&file).unwrap();
        let (a, b) = if before { (text, old.as_str()) } else { (old.as_str(), text) };
        std::fs::write(&file, format!("{a}\n{b}")).unwrap();
    };
    paste("config/pisteur.toml", false, &snippet("## A mailbox in ten lines"));
    paste("rules/30-classify.toml", true, &snippet("## A rule in ten"));
    let output = binary().arg("check").current_dir(dir.path()).env("SALES_PASSWORD", "secret").output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let output = binary().args(["rules", "test"]).current_dir(dir.path()).output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
}

/// Three leads; whether the second and the third are the first is asked.
async fn asked_about(database: &str) {
    use sqlx::Connection as _;
    let rows = "INSERT INTO entity (id, ulid, kind) VALUES (1, '01JABCDEFGHJKMNPQRSTVWXYZ1', 'lead'),
          (2, '01JABCDEFGHJKMNPQRSTVWXYZ2', 'lead'), (3, '01JABCDEFGHJKMNPQRSTVWXYZ3', 'lead');
        INSERT INTO lead (id, created_at, modified_at, kind, full_name, company, status) VALUES
          (1, 7, 7, 'person', 'Ana Bell', NULL, 'open'), (2, 8, 8, 'person', 'Anna Bell', 'Bell SARL', 'open'),
          (3, 9, 9, 'person', 'Al Bell', NULL, 'open');
        INSERT INTO candidate (record, other, record_now, other_now, state, at) VALUES
          (2, 1, 2, 1, 'open', 8), (3, 1, 3, 1, 'open', 9)";
    let mut conn = sqlx::SqliteConnection::connect(database).await.unwrap();
    sqlx::raw_sql(rows).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[test]
fn questions_are_listed_answered_and_an_answer_is_taken_back() {
    let setup = migrated();
    assert_eq!(stdout(&setup.run(&["review", "list"])), "No question is open.\n");
    tokio::runtime::Runtime::new().unwrap().block_on(asked_about(setup.database_url()));
    let list = lines(&setup.run(&["review", "list", "--json"]));
    let asked: Vec<_> = list.iter().map(|q| q["record"]["name"].as_str().unwrap()).collect();
    assert_eq!(asked, ["Al Bell", "Anna Bell"], "newest first");
    let (al, anna) = (list[0]["id"].to_string(), list[1]["id"].to_string());
    let page = stdout(&setup.run(&["review", "list", "--limit", "1"]));
    assert!(page.contains("lead:01JABCDEFGHJKMNPQRSTVWXYZ3  Al Bell  open\n"), "{page}");
    assert!(page.contains("lead:01JABCDEFGHJKMNPQRSTVWXYZ1  Ana Bell  open\n") && !page.contains("Anna"), "{page}");
    let rejected = setup.run(&["review", "reject", &al]);
    assert!(code(&rejected) == 0 && stdout(&rejected).contains("are two"), "{}", stdout(&rejected));
    let again = setup.run(&["review", "accept", &al]);
    assert!(code(&again) == 1 && stdout(&again).contains("was rejected before, by cli:"), "{}", stdout(&again));
    let accepted = setup.run(&["review", "accept", &anna]);
    let said = stdout(&accepted);
    assert!(said.contains("WXYZ2 was merged into lead:01JABCDEFGHJKMNPQRSTVWXYZ1\n  changed: company"), "{said}");
    let undo = said.lines().last().unwrap().strip_prefix("Undo it: pisteur ").unwrap();
    let shown = stdout(&setup.run(&["leads", "show", "01JABCDEFGHJKMNPQRSTVWXYZ2"]));
    assert!(shown.starts_with("lead 01JABCDEFGHJKMNPQRSTVWXYZ1"), "{shown}");
    assert_eq!(code(&setup.run(&undo.split(' ').collect::<Vec<_>>())), 0);
    let twice = setup.run(&undo.split(' ').collect::<Vec<_>>());
    assert!(code(&twice) == 1 && stdout(&twice).contains("undone before"), "{}", stdout(&twice));
    assert_eq!(lines(&setup.run(&["review", "list", "--json"])).len(), 1, "asked again");
    let [one, two, three] = [1, 2, 3].map(|n| format!("lead:01JABCDEFGHJKMNPQRSTVWXYZ{n}"));
    let told = setup.run(&["merge", &one, &three]);
    assert!(code(&told) == 1 && stdout(&told).contains("--overrule"), "{}", stdout(&told));
    assert_eq!(code(&setup.run(&["merge", &one, &three, "--overrule"])), 0);
    let merged: Value = serde_json::from_str(&stdout(&setup.run(&["merge", &two, &one, "--json"]))).unwrap();
    assert_eq!(merged["survivor"]["id"], "01JABCDEFGHJKMNPQRSTVWXYZ1");
    assert_eq!(code(&setup.run(&["merge", "submission:01JABCDEFGHJKMNPQRSTVWXYZ1", &two])), 2);
}

/// A lead, two contacts, and whether the lead is about either.
async fn asked_whose(database: &str) {
    use sqlx::Connection as _;
    let rows = "INSERT INTO entity (id, ulid, kind) VALUES (1, '01JABCDEFGHJKMNPQRSTVWXYZ1', 'contact'),
          (2, '01JABCDEFGHJKMNPQRSTVWXYZ2', 'contact'), (3, '01JABCDEFGHJKMNPQRSTVWXYZ3', 'lead');
        INSERT INTO contact (id, created_at, modified_at, full_name) VALUES (1, 7, 7, 'Ana Bell'), (2, 8, 8, 'Eve Moor');
        INSERT INTO lead (id, created_at, modified_at, kind, full_name, status) VALUES
          (3, 9, 9, 'person', 'Anna Bell', 'open');
        INSERT INTO candidate (record, other, record_now, other_now, state, at) VALUES
          (3, 1, 3, 1, 'open', 8), (3, 2, 3, 2, 'open', 9)";
    let mut conn = sqlx::SqliteConnection::connect(database).await.unwrap();
    sqlx::raw_sql(rows).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[test]
fn a_lead_is_linked_to_its_contact_and_the_link_is_taken_back() {
    let setup = migrated();
    tokio::runtime::Runtime::new().unwrap().block_on(asked_whose(setup.database_url()));
    let list = lines(&setup.run(&["review", "list", "--json"]));
    let (eve, ana) = (list[0]["id"].to_string(), list[1]["id"].to_string());
    let accepted = setup.run(&["review", "accept", &ana]);
    let said = stdout(&accepted);
    let linked =
        "lead:01JABCDEFGHJKMNPQRSTVWXYZ3 is linked to contact:01JABCDEFGHJKMNPQRSTVWXYZ1\n  changed: contact\n";
    assert!(code(&accepted) == 0 && said.starts_with(linked), "{said}");
    let contact =
        || lines(&setup.run(&["leads", "show", "01JABCDEFGHJKMNPQRSTVWXYZ3", "--json"])).remove(0)["links"].clone();
    assert!(contact().to_string().contains(r#""link":"contact""#), "{}", contact());
    let other = setup.run(&["review", "accept", &eve]);
    let remedy = "pisteur merge contact:01JABCDEFGHJKMNPQRSTVWXYZ1 contact:01JABCDEFGHJKMNPQRSTVWXYZ2";
    assert!(code(&other) == 1 && stdout(&other).contains(remedy), "{}", stdout(&other));
    let again = setup.run(&["review", "accept", &ana]);
    assert!(code(&again) == 1 && stdout(&again).contains("was accepted before"), "{}", stdout(&again));
    let undo = said.lines().last().unwrap().strip_prefix("Undo it: pisteur ").unwrap();
    let undone = stdout(&setup.run(&undo.split(' ').collect::<Vec<_>>()));
    assert!(undone.contains("lead:01JABCDEFGHJKMNPQRSTVWXYZ3 is a record of its own again"), "{undone}");
    assert!(!contact().to_string().contains(r#""link":"contact""#), "{}", contact());
    assert_eq!(lines(&setup.run(&["review", "list", "--json"])).len(), 2, "asked again");
    let told = lines(&setup.run(&["review", "accept", &ana, "--json"])).remove(0);
    assert_eq!((&told["linked"]["kind"], &told["to"]["kind"]), (&"lead".into(), &"contact".into()), "{told}");
}
