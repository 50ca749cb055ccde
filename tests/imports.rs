//! Address books of any size: read in pieces, told as they come, and gone on with after every kind of interruption.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::daemon::Setup;
use crate::support::ledger::{count_blocking, texts_blocking};
use crate::support::postgres::Postgres;
use crate::support::process::{Leashed, Signal};
use crate::support::proxy::ChaosProxy;
use crate::support::wait;

/// Contacts of a batch.
const BATCH: usize = 200;

const PLACES: &str = "SELECT count(*) FROM import_place";
const CONTACTS: &str = "SELECT count(*) FROM contact";

/// Everything an import writes of a person, without what differs from one run to the next.
const WRITTEN: [&str; 6] = [
    "SELECT full_name || '|' || COALESCE(first_name, '') || '|' || COALESCE(last_name, '') || '|' || \
     COALESCE(company, '') || '|' || CAST(verification_required AS TEXT) FROM contact ORDER BY 1",
    "SELECT c.full_name || '|' || p.class || '|' || p.normalised || '|' || p.raw FROM contact_point p JOIN contact c \
     ON c.id = p.record ORDER BY 1",
    "SELECT c.full_name || '|' || COALESCE(f.value, '') FROM custom_field f JOIN contact c ON c.id = f.record ORDER BY 1",
    "SELECT name FROM organisation ORDER BY 1",
    "SELECT CAST(count(*) AS TEXT) FROM match_key",
    "SELECT CAST(count(*) AS TEXT) FROM match_profile",
];

fn shop() -> Setup {
    Setup::new().contact_form()
}

fn shop_on(database: &str) -> Setup {
    shop().keys("allow_unsafe_server = true").database(database)
}

/// A folder with an empty database on SQLite, and one on PostgreSQL.
fn shops() -> [Setup; 2] {
    let server = Postgres::shared();
    [shop(), shop_on(&server.url(&server.database()))].map(migrated)
}

fn migrated(setup: Setup) -> Setup {
    let output = setup.run(&["migrate"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    setup
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Lines for this many people: each tenth repeats somebody of an earlier batch, some cannot be taken.
fn people(lines: usize) -> String {
    let mut text = "Nom;Prénom;Société;Courriel;Téléphone;Fidélité\n".to_owned();
    for n in 0..lines {
        let who = if n % 10 == 9 && n > BATCH { n - BATCH } else { n };
        let (first, last) = (["Zoé", "Luc", "Ève", "Petr"][who % 4], format!("Dupont{who}"));
        let email = if who % 25 == 24 { String::new() } else { format!("{first}.{last}@atelier-{}.fr", who / 3) };
        text.push_str(&format!("{last};{first};Atelier {};{email};;carte {n}\n", who / 3));
    }
    text
}

/// How many different people the first `lines` lines are about.
fn different(text: &str, lines: usize) -> i64 {
    let emails = text.lines().skip(1).take(lines).filter_map(|line| line.split(';').nth(3)).filter(|e| !e.is_empty());
    i64::try_from(emails.collect::<BTreeSet<_>>().len()).unwrap()
}

/// The lines of the report without the speed, which is another each time.
fn sum(output: &Output) -> String {
    let said = stdout(output);
    let line = said.lines().find(|line| line.contains("known already")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.ends_with(" contacts a second"), "{line}");
    line.split(';').next().unwrap().to_owned()
}

fn written(setup: &Setup) -> Vec<Vec<String>> {
    WRITTEN.iter().map(|sql| texts_blocking(setup.database_url(), sql)).collect()
}

/// How often the import dies when it is run again and again with this fail point, and what its last run says.
fn until_it_lives(setup: &mut Setup, import: &[&str], point: &str) -> (usize, Output) {
    setup.set_env("PISTEUR_FAIL_POINT", point);
    for deaths in 0.. {
        let output = setup.run(import);
        if output.status.signal().is_none() {
            setup.clear_env();
            return (deaths, output);
        }
        let said = stderr(&output);
        assert_eq!(said.contains("goes on at line"), deaths > 0, "{point}, run {deaths}: {said}");
    }
    unreachable!("every run takes the import further")
}

#[test]
fn an_import_killed_behind_every_batch_is_the_same_as_a_whole_one() {
    for (whole, killed) in shops().into_iter().zip(shops()) {
        let text = people(450);
        let (whole, mut killed) = (whole.file("people.csv", &text), killed.file("people.csv", &text));
        let import = ["contacts", "import", "people.csv"];
        let expected = whole.run(&import);
        let (deaths, last) = until_it_lives(&mut killed, &import, "import-after-place");
        assert_eq!(deaths, 3, "one after each batch");
        assert_eq!((last.status.code(), sum(&last)), (expected.status.code(), sum(&expected)));
        assert!(sum(&expected).contains("18 refused"), "{}", sum(&expected));
        assert_eq!(written(&killed), written(&whole));
        let url = killed.database_url().to_owned();
        assert_eq!(count_blocking(&url, PLACES), 0, "it ended, so the next one looks at every line");
        let again = killed.run(&import);
        assert!(!stderr(&again).contains("goes on"), "{}", stderr(&again));
        assert!(sum(&again).starts_with("0 created, 432 known already"), "{}", sum(&again));
        assert_eq!(written(&killed), written(&whole), "and nothing is doubled");
    }
}

#[test]
fn an_import_killed_before_its_place_is_kept_does_that_batch_again() {
    for (whole, killed) in shops().into_iter().zip(shops()) {
        let text = people(450);
        let (whole, mut killed) = (whole.file("people.csv", &text), killed.file("people.csv", &text));
        let import = ["contacts", "import", "people.csv"];
        whole.run(&import);
        for (point, lines, places) in [
            ("import-before-batch", 0, 0),
            ("import-after-batch", BATCH, 0),
            ("import-after-place", BATCH, 1),
            ("import-before-batch", BATCH, 1),
            ("import-after-batch", 2 * BATCH, 1),
        ] {
            killed.set_env("PISTEUR_FAIL_POINT", point);
            assert!(killed.run(&import).status.signal().is_some(), "{point}: it dies there");
            killed.clear_env();
            let url = killed.database_url().to_owned();
            let there = (count_blocking(&url, CONTACTS), count_blocking(&url, PLACES));
            assert_eq!(there, (different(&text, lines), places), "{point}");
        }
        let last = killed.run(&import);
        assert!(stderr(&last).contains("goes on at line 202;"), "{}", stderr(&last));
        let numbers: Vec<usize> = sum(&last).split(' ').filter_map(|word| word.parse().ok()).collect();
        assert_eq!((numbers[0] + numbers[1], numbers[2]), (432, 18), "of the whole: {}", sum(&last));
        assert_eq!(written(&killed), written(&whole));
    }
}

/// An import under way, with at least one batch behind it.
fn under_way(setup: &Setup, url: &str, import: &[&str]) -> Leashed {
    let mut command = setup.command(import);
    command.stdout(std::fs::File::create(setup.dir().join("said")).unwrap());
    command.stderr(std::fs::File::create(setup.dir().join("complained")).unwrap());
    let mut process = Leashed::spawn(&mut command, Signal::Kill, None);
    wait::until("a batch is done", wait::LONG, || {
        assert!(process.ended().is_none(), "{}", std::fs::read_to_string(setup.dir().join("complained")).unwrap());
        count_blocking(url, PLACES) == 1
    });
    process
}

fn complained(setup: &Setup) -> String {
    std::fs::read_to_string(setup.dir().join("complained")).unwrap()
}

#[test]
fn kill_9_at_any_moment_loses_and_doubles_nobody() {
    for setup in shops() {
        let setup = setup.file("people.csv", people(1_000));
        let url = setup.database_url().to_owned();
        under_way(&setup, &url, &["contacts", "import", "people.csv"]).end(Signal::Kill, wait::LONG);
        let output = setup.run(&["contacts", "import", "people.csv"]);
        assert!(stderr(&output).contains("goes on at line"), "{}", stderr(&output));
        assert_eq!(count_blocking(&url, CONTACTS), different(&people(1_000), 1_000));
        let whole = migrated(shop()).file("people.csv", people(1_000));
        whole.run(&["contacts", "import", "people.csv"]);
        assert_eq!(written(&setup), written(&whole));
    }
}

#[test]
fn ctrl_c_ends_behind_a_batch_and_says_how_to_go_on() {
    let setup = migrated(shop()).file("people.csv", people(2_000));
    let url = setup.database_url().to_owned();
    let import = ["contacts", "import", "people.csv"];
    let status = under_way(&setup, &url, &import).end(Signal::Int, wait::LONG);
    assert_eq!(status.code(), Some(2), "{}", complained(&setup));
    let done = texts_blocking(&url, "SELECT CAST(entries AS TEXT) FROM import_place")[0].parse::<usize>().unwrap();
    assert!(done > 0 && done % BATCH == 0 && done < 2_000, "{done}");
    assert!(complained(&setup).contains("stopping after the contacts under way"), "{}", complained(&setup));
    let stopped = format!("stopped; everything up to line {} is imported", done + 1);
    assert!(complained(&setup).contains(&stopped), "{}", complained(&setup));
    let output = setup.run(&import);
    let on = format!("goes on at line {};", done + 2);
    assert!(stderr(&output).contains(&on), "{on}: {}", stderr(&output));
    assert_eq!(count_blocking(&url, PLACES), 0);
    assert!(sum(&output).ends_with("80 refused"), "the sum is of the whole: {}", sum(&output));
}

#[test]
fn a_second_ctrl_c_waits_for_nothing() {
    let server = Postgres::shared();
    let name = server.database();
    let proxy = ChaosProxy::to_port(server.port());
    let setup = migrated(shop_on(&Postgres::url_at(proxy.port(), &name))).file("people.csv", people(1_000));
    let mut process = under_way(&setup, &server.url(&name), &["contacts", "import", "people.csv"]);
    proxy.stall(true);
    process.signal(Signal::Int);
    wait::until("the first was heard", wait::LONG, || complained(&setup).contains("once more stops at once"));
    assert!(process.ended().is_none(), "it waits for the batch under way");
    assert_eq!(process.ended_within(Signal::Int, wait::LONG).and_then(|status| status.code()), Some(130));
}

#[test]
fn a_database_that_goes_away_is_named_and_the_same_command_goes_on() {
    let server = Postgres::shared();
    let name = server.database();
    let proxy = ChaosProxy::to_port(server.port());
    let setup = migrated(shop_on(&Postgres::url_at(proxy.port(), &name))).file("people.csv", people(1_000));
    let import = ["contacts", "import", "people.csv"];
    let mut process = under_way(&setup, &server.url(&name), &import);
    proxy.refuse(true);
    proxy.cut();
    wait::until("it ends by itself", wait::LONG, || process.ended().is_some());
    assert_eq!(process.ended().unwrap().code(), Some(2));
    let said = complained(&setup);
    assert!(said.contains("the database is away") && said.contains("the same command goes on"), "{said}");
    proxy.refuse(false);
    let output = setup.run(&import);
    assert!(stderr(&output).contains("goes on at line"), "{}", stderr(&output));
    assert!(sum(&output).ends_with("40 refused"), "{}", sum(&output));
    assert_eq!(count_blocking(&server.url(&name), PLACES), 0);
}

#[test]
fn only_the_same_file_read_in_the_same_way_goes_on() {
    let mut setup = migrated(shop()).file("people.csv", people(300));
    let url = setup.database_url().to_owned();
    let import = ["contacts", "import", "people.csv"];
    let die = |setup: &mut Setup| {
        setup.set_env("PISTEUR_FAIL_POINT", "import-after-place");
        assert!(setup.run(&["contacts", "import", "people.csv"]).status.signal().is_some());
        setup.clear_env();
    };
    die(&mut setup);
    let other = setup.run(&[&import[..], &["--customer"]].concat());
    assert!(!stderr(&other).contains("goes on"), "{}", stderr(&other));
    assert_eq!(count_blocking(&url, PLACES), 1, "the first one still waits");
    let all = setup.run(&[&import[..], &["--restart", "--json"]].concat());
    assert!(!stderr(&all).contains("goes on"), "{}", stderr(&all));
    assert_eq!((stdout(&all).lines().count(), count_blocking(&url, PLACES)), (300, 0));
    die(&mut setup);
    let rehearsal = setup.run(&[&import[..], &["--dry-run"]].concat());
    assert!(stdout(&rehearsal).contains("288 would be imported, 12 refused"), "{}", stdout(&rehearsal));
    let setup = setup.file("people.csv", people(299));
    let changed = setup.run(&import);
    assert!(!stderr(&changed).contains("goes on"), "{}", stderr(&changed));
}

#[test]
fn what_is_done_is_told_when_it_is_done() {
    let mut setup = migrated(shop()).file("people.csv", people(450));
    setup.set_env("PISTEUR_FAIL_POINT", "import-after-place");
    let output = setup.run(&["contacts", "import", "people.csv", "--json"]);
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), BATCH, "the first batch is told before the second is written");
    let mut numbers: Vec<u64> = lines.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=201).collect::<Vec<u64>>());
}

#[test]
fn cards_and_standard_input_go_on_too() {
    let card = |n| format!("BEGIN:VCARD\nFN:Petr Novák{n}\nEMAIL:petr{n}@strojirny-{n}.cz\nEND:VCARD\n");
    let cards = (0..450).map(card).collect::<Vec<_>>().concat();
    let mut setup = migrated(shop());
    let piped = |setup: &Setup| {
        let mut command = setup.command(&["contacts", "import", "-"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().unwrap().write_all(cards.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    setup.set_env("PISTEUR_FAIL_POINT", "import-after-place");
    assert!(piped(&setup).status.signal().is_some());
    setup.clear_env();
    let output = piped(&setup);
    assert!(stderr(&output).contains("goes on at line 801;"), "{}", stderr(&output));
    assert_eq!((output.status.code(), sum(&output).as_str()), (Some(0), "450 created, 0 known already, 0 refused"));
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_import() {
    let text = people(450);
    let setup = migrated(shop()).file("people.csv", &text);
    for (more, end) in [(&["--json"][..], 1), (&["--json", "--dry-run"], 0)] {
        let mut command = setup.command(&[&["contacts", "import", "people.csv"], more].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(stderr(&output), "", "{more:?}");
        assert_eq!(output.status.code(), Some(end), "{more:?}");
    }
    assert_eq!(count_blocking(setup.database_url(), PLACES), 0, "it came to its end");
    assert_eq!(count_blocking(setup.database_url(), CONTACTS), different(&text, 450));
}

/// A file of lines that cannot be taken, with a contact now and then, of about this many megabytes.
fn long_file(setup: &Setup, megabytes: usize) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(setup.dir().join("long.csv")).unwrap());
    writeln!(file, "Nom;Prénom;Courriel;Note").unwrap();
    let note = "remarque ".repeat(450);
    for n in 0..megabytes * 250 {
        let email = if n % 2_000 == 0 { format!("jana{n}@truhlarna-{n}.cz") } else { String::new() };
        writeln!(file, "Svobodová{n};Jana;{email};{note}").unwrap();
    }
    file.flush().unwrap();
}

/// Largest resident memory of a process that runs, in MB, as long as it can be read.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10)
}

#[test]
fn memory_does_not_grow_with_the_file() {
    const FILE: usize = 256;
    const BOUND: u64 = 128;
    let setup = migrated(shop());
    long_file(&setup, FILE);
    for more in [&[][..], &["--dry-run"]] {
        let mut command = setup.command(&[&["contacts", "import", "long.csv"], more].concat());
        command.stdout(std::fs::File::create(setup.dir().join("said")).unwrap());
        let mut process = Leashed::spawn(&mut command, Signal::Kill, None);
        let mut most = 0;
        wait::until("it ends", wait::LONG * 4, || {
            most = most.max(peak(process.id()).unwrap_or(0));
            process.ended().is_some()
        });
        assert_eq!(process.ended().unwrap().code(), Some(1), "lines were refused");
        let said = std::fs::read_to_string(setup.dir().join("said")).unwrap();
        assert_eq!(said.lines().filter(|line| line.starts_with("long.csv:")).count(), FILE * 250 - FILE / 8);
        assert!(most > 0 && most < BOUND, "{more:?}: {most} MB for a file of {FILE} MB");
    }
    assert_eq!(count_blocking(setup.database_url(), CONTACTS), 32);
}

#[test]
fn a_quotation_mark_that_nobody_closed_is_named_and_not_heaped_up() {
    let setup = migrated(shop()).file("people.csv", people(3));
    let mut file = std::fs::OpenOptions::new().append(true).open(setup.dir().join("people.csv")).unwrap();
    file.write_all(b"\"Nov\xc3\xa1k;Jan\n").unwrap();
    file.write_all("x;y;z\n".repeat(3 << 20).as_bytes()).unwrap();
    let output = setup.run(&["contacts", "import", "people.csv"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("people.csv: behind line 4: a row or card longer than 16 MB; a quotation mark"), "{said}");
    assert!(said.contains("everything up to line 4 is imported"), "{said}");
    assert_eq!(count_blocking(setup.database_url(), CONTACTS), 3);
}

#[test]
fn a_folder_and_a_file_that_may_not_be_read_are_named() {
    let setup = migrated(shop()).file("empty.csv", "").file("folder/people.csv", "Nom;Courriel\n");
    for (file, said) in
        [("folder", "folder is a folder"), ("gone.csv", "cannot read gone.csv"), ("empty.csv", "the file is empty")]
    {
        let output = setup.run(&["contacts", "import", file]);
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(stderr(&output).contains(said), "{file}: {}", stderr(&output));
    }
}
