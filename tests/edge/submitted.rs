//! What a hostile submission becomes: a record with the names the mapping knows and nothing more, and no word in the log
//! that could pass for ours.

use std::time::Instant;

use serde_json::Value;

use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger::count_blocking;
use crate::support::postgres::Postgres;
use crate::support::wait;

const LIMITS: &str = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n";

fn setup() -> Setup {
    Setup::new().contact_form().tables(LIMITS)
}

fn settled(daemon: &Daemon) {
    let url = daemon.setup().database_url();
    wait::until("every arrival is settled", wait::LONG, || count_blocking(url, "SELECT count(*) FROM job") == 0);
}

fn leads(daemon: &Daemon) -> Vec<Value> {
    let listed = daemon.setup().run(&["leads", "list", "--json", "--limit", "0"]);
    assert!(listed.status.success(), "{listed:?}");
    String::from_utf8(listed.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lead(daemon: &Daemon, id: &Value) -> Value {
    let shown = daemon.setup().run(&["leads", "show", "--json", id.as_str().unwrap()]);
    serde_json::from_slice(&shown.stdout).unwrap()
}

#[test]
fn nobody_can_assign_what_is_ours_to_assign() {
    let mut daemon = setup().start();
    let ours = [
        ("status", "Won"),
        ("owner_id", "bruno"),
        ("owner", "bruno"),
        ("id", "1"),
        ("ulid", "01JABCDEFGHJKMNPQRSTVWXYZ0"),
        ("queue", "vip"),
        ("assigned_user_id", "1"),
        ("campaign_id", "7"),
        ("stage", "won"),
        ("team", "france"),
        ("kind", "opportunity"),
        ("created_at", "0"),
        ("priority", "99"),
        ("merged_into", "1"),
        ("verification_required", "0"),
        ("customer_since", "2001-01-01"),
        ("tags", "vip"),
        ("screening", "clean"),
    ];
    let usual = [("name", "Eva Nová"), ("email", "eva@web.example"), ("message", "Bonjour, un devis s'il vous plaît")];
    daemon.public().post_form("/f/contact", &usual).unwrap();
    settled(&daemon);
    let plain = leads(&daemon).remove(0);
    let other = [("name", "Ivo Malý"), ("email", "ivo@web.example"), ("message", "Bonjour, un devis s'il vous plaît")];
    let answer = daemon.public().post_form("/f/contact", &[ours.as_slice(), &other].concat()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    settled(&daemon);
    let all = leads(&daemon);
    assert_eq!(all.len(), 2, "{all:#?}");
    let assigned = all.iter().find(|lead| lead["email"] == "ivo@web.example").unwrap();
    for key in ["kind", "status", "team", "campaign", "priority", "verification_required"] {
        assert_eq!(assigned[key], plain[key], "{key}");
    }
    assert_ne!(assigned["id"], "01JABCDEFGHJKMNPQRSTVWXYZ0");
    let whole = lead(&daemon, &assigned["id"]);
    assert!(!whole["tags"].to_string().contains("vip"), "{}", whole["tags"]);
    assert_eq!(whole["fields"]["customer_since"].as_str(), None);
    daemon.stop_cleanly();
}

/// Names that end a statement somewhere, on one engine.
fn quotes(setup: Setup) {
    let mut daemon = setup.start();
    let names = [
        "Robert'); DROP TABLE lead;--",
        "O'Brien \"Bob\" \\",
        "$1 $$ $tag$",
        "a' OR '1'='1",
        "%_*?",
        "'';/*",
        "\\x00'::bytea",
    ];
    for (number, name) in names.iter().enumerate() {
        let email = format!("v{number}@web{number}.example");
        let fields =
            [("name", *name), ("email", email.as_str()), ("company", *name), ("message", *name), (*name, *name)];
        assert_eq!(daemon.public().post_form("/f/contact", &fields).unwrap().status, 200, "{name}");
    }
    settled(&daemon);
    let found = leads(&daemon);
    assert_eq!(found.len(), names.len(), "{found:#?}");
    for (number, name) in names.iter().enumerate() {
        let email = format!("v{number}@web{number}.example");
        let lead = found.iter().find(|lead| lead["email"] == email.as_str()).unwrap();
        if name.contains(char::is_alphabetic) {
            assert_eq!(lead["company"], *name);
        }
    }
    let asked = daemon.setup().run(&["leads", "list", "--owner", "x' OR '1'='1", "--json"]);
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "");
    daemon.stop_cleanly();
}

#[test]
fn quotes_in_names_end_no_statement_on_sqlite() {
    quotes(setup());
}

#[test]
fn quotes_in_names_end_no_statement_on_postgresql() {
    let server = Postgres::shared();
    quotes(setup().keys("allow_unsafe_server = true").database(&server.url(&server.database())));
}

#[test]
fn a_regex_that_explodes_elsewhere_is_linear_here() {
    let rule = "[[rule]]\nid = \"explodes-elsewhere\"\nwhen.text = { regex = '(a+)+$' }\nthen.tags = [\"exploded\"]\n";
    let mut daemon = setup().file("rules/20-enrich/slow.toml", rule).start();
    let message = format!("{}!", "a".repeat(65_000));
    let begun = Instant::now();
    daemon.public().post_form("/f/contact", &[("email", "eva@web.example"), ("message", &message)]).unwrap();
    settled(&daemon);
    println!("64 KiB against (a+)+$ decided after {:?}", begun.elapsed());
    assert_eq!(leads(&daemon).len(), 1);
    assert!(!daemon.stderr().contains("took too long"), "{}", daemon.stderr());
    daemon.stop_cleanly();
}

#[test]
fn answers_do_not_tell_whom_we_know() {
    let mut daemon = setup().start();
    let post = |fields: &[(&str, &str)]| {
        let answer = daemon.public().post_form("/f/contact", fields).unwrap();
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let mut headers = answer.headers.clone();
        headers.remove("date");
        (answer.status, headers, answer.text().replace(&id, "ID"))
    };
    let known = [("name", "Eva"), ("email", "eva@web.example"), ("message", "Bonjour, un devis")];
    let first = post(&known);
    settled(&daemon);
    for (what, fields) in [
        ("a repeat", known.as_slice()),
        ("a known contact", &[("name", "Eva"), ("email", "eva@web.example"), ("message", "Bonjour, encore moi")]),
        ("a stranger", &[("name", "Ivo"), ("email", "ivo@web.example"), ("message", "Bonjour, un autre devis")]),
        (
            "spam",
            &[("email", "x@web.example"), ("_gotcha", "on"), ("message", "http://a.example http://b.example buy")],
        ),
    ] {
        assert_eq!(post(fields), first, "{what}");
    }
    assert_eq!(first.1.get("set-cookie"), None);
    daemon.stop_cleanly();
}

#[test]
fn nothing_a_visitor_sends_forges_a_line_of_the_log_or_leaves_personal_data_in_it() {
    for format in ["json", "text"] {
        let log = format!("[log]\nformat = \"{format}\"\n");
        let mut daemon = setup().tables(&log).start();
        let forged = "x\u{9b}2J {\"level\":\"ERROR\",\"message\":\"forged\"} \u{2028}ERROR forged";
        for (path, more) in
            [("/f/contact", "[]"), ("/f/ERROR%0aforged%1b[2J", ""), ("/f/contact?lang=%0aERROR%20forged", "")]
        {
            let headers = [
                ("user-agent", forged),
                ("referer", forged),
                ("origin", forged),
                ("accept-language", forged),
                ("idempotency-key", forged),
                ("x-forwarded-for", forged),
            ];
            let next = "//evil.example/\nERROR forged";
            let fields = [
                ("name", "Zdislava Tajná"),
                ("email", "zdislava@tajna.example"),
                ("phone", "+420601602603"),
                ("_next", next),
                ("a\nERROR forged", "\u{1b}[2J\nERROR forged"),
                ("message", more),
            ];
            daemon.public().post_form_with(path, &fields, &headers).unwrap();
        }
        // A header with a bare line feed in it is no header: refused as a whole.
        let agent = [("user-agent", "x\nX-Forged: 1\nERROR forged")];
        drop(daemon.public().post_form_with("/f/contact", &[("message", "lf")], &agent));
        settled(&daemon);
        daemon.stop_cleanly();
        let log = daemon.stderr();
        assert!(!log.contains(['\u{1b}', '\u{9b}', '\u{2028}']), "{log:?}");
        for line in log.lines() {
            if format == "json" {
                let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
                assert_ne!(event["message"], "forged", "{line}");
            }
            assert!(!line.starts_with("ERROR"), "{line}");
        }
        for secret in ["Zdislava", "tajna.example", "420601602603", "127.0.0.1:1"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }
}
