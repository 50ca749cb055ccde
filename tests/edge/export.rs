//! `pisteur leads export`: every format, on both engines, with filters and many pages.

use serde_json::Value;

use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger::count_blocking;
use crate::support::load;
use crate::support::postgres::Postgres;
use crate::support::wait;

const LIMITS: &str = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n";

fn run(daemon: &Daemon, args: &[&str]) -> (Option<i32>, String) {
    let out = daemon.setup().run(args);
    (out.status.code(), String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap())
}

fn export(daemon: &Daemon, args: &[&str]) -> String {
    let (code, said) = run(daemon, &[&["leads", "export"], args].concat());
    assert_eq!(code, Some(0), "{said}");
    said
}

fn settled(daemon: &Daemon) {
    let url = daemon.setup().database_url();
    wait::until("every arrival is settled", wait::LONG, || count_blocking(url, "SELECT count(*) FROM job") == 0);
}

fn exports(setup: Setup) {
    let mut daemon = setup.contact_form().tables(LIMITS).start();
    assert_eq!(export(&daemon, &["--format", "json"]), "[]\n");
    assert_eq!(export(&daemon, &[]).lines().count(), 1, "a heading alone");
    for (name, email, phone) in [
        ("Zoé \"Zo\" Čapek", "zoe@a.example", "+33612345678"),
        ("=cmd|' /C calc'!A0", "evil@b.example", "+33612345679"),
    ] {
        let fields = [
            ("name", name),
            ("email", email),
            ("phone", phone),
            ("company", "-2; =3"),
            ("topic", "@SUM(1)\n+1"),
            ("message", "devis"),
        ];
        assert_eq!(daemon.public().post_form("/f/contact", &fields).unwrap().status, 200);
    }
    settled(&daemon);
    let table = export(&daemon, &[]);
    assert!(table.contains("\r\n") && table.starts_with("\"id\",\"kind\",\"created_at\""), "{table}");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let head = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: &csv::StringRecord, name: &str| row[head.iter().position(|h| h == name).unwrap()].to_owned();
    let evil = rows.iter().find(|row| cell(row, "email") == "evil@b.example").unwrap();
    assert_eq!(cell(evil, "company"), "'-2; '=3");
    assert!(cell(evil, "topic").starts_with("'@SUM(1)"), "{}", cell(evil, "topic"));
    assert!(cell(evil, "phone").starts_with("'+"), "{}", cell(evil, "phone"));
    assert!(cell(evil, "created_at").ends_with('Z'));
    let zoe = rows.iter().find(|row| cell(row, "email") == "zoe@a.example").unwrap();
    assert_eq!(cell(zoe, "name"), "Zoé \"Zo\" Čapek");
    let raw = export(&daemon, &["--raw", "--delimiter", ";", "--bom"]);
    assert!(raw.starts_with("\u{feff}\"id\";\"kind\"") && raw.contains("\"-2; =3\""), "{raw}");
    let json: Vec<Value> = serde_json::from_str(&export(&daemon, &["--format", "json"])).unwrap();
    assert!(json.iter().any(|lead| lead["company"] == "-2; =3"), "programs get what was sent");
    let full = export(&daemon, &["--full", "--json"]);
    let first: Value = serde_json::from_str(full.lines().next().unwrap()).unwrap();
    assert!(first["contact_points"].is_array() && first["decisions"].is_array(), "{first}");
    assert_eq!(full.lines().count(), 2);
    assert_eq!(export(&daemon, &["--json", "--limit", "1"]).lines().count(), 1);
    assert_eq!(export(&daemon, &["--json", "--since", "1d"]).lines().count(), 2);
    assert_eq!(export(&daemon, &["--json", "--owner", "nobody"]), "");
    let (code, said) = run(&daemon, &["leads", "export", "--status", "none-such"]);
    assert!(code == Some(2) && said.contains("there are: "), "{said}");
    let (code, said) = run(&daemon, &["leads", "export", "--full"]);
    assert!(code == Some(2) && said.contains("--format json"), "{said}");
    for kind in ["opportunities", "contacts"] {
        let (code, said) = run(&daemon, &[kind, "export"]);
        assert!(code == Some(0) && said.starts_with("\"id\""), "{said}");
    }
    daemon.stop_cleanly();
}

#[test]
fn leads_are_exported_as_a_safe_table_and_as_json_from_sqlite() {
    exports(Setup::new());
}

#[test]
fn leads_are_exported_as_a_safe_table_and_as_json_from_postgresql() {
    let server = Postgres::shared();
    exports(Setup::new().keys("allow_unsafe_server = true").database(&server.url(&server.database())));
}

#[test]
fn an_export_of_many_pages_has_each_record_once() {
    let mut daemon = Setup::new().contact_form().tables(LIMITS).start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let body = |n: usize| format!("name=Nom{n}&email=v{n}%40web{n}.example&message=devis{n}");
    let posted =
        runtime.block_on(load::post_forms(daemon.public().addr, "contact", (0..2_300).collect(), 8, wait::LONG, body));
    assert_eq!(posted.acknowledged.len(), 2_300);
    settled(&daemon);
    let table = export(&daemon, &[]);
    let mut ids: Vec<String> =
        csv::Reader::from_reader(table.as_bytes()).records().map(|row| row.unwrap()[0].to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2_300);
    daemon.stop_cleanly();
}
