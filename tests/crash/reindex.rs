//! A reindex that is killed between two batches: the next one goes on, and ends where one run would have ended.

use crate::support::daemon::Setup;
use crate::support::ledger::{count_blocking, texts_blocking};

const PEOPLE: &str = "first name;last name;email;company\nAna;Bell;ana@bell.example;Bell SARL\n\
    Jan;Novák;jan@novak.example;Novák s.r.o.\nZoé;Petit;zoe@petit.example;\nEva;Moor;eva@moor.example;Kovo Table\n\
    Lea;Roux;lea@roux.example;\nTom;Hill;tom@hill.example;Hill Ltd\nIda;Krank;ida@krank.example;Krank GmbH\n";
const KNOWN: &str = "SELECT entity || ' ' || norm || ' ' || body FROM match_profile
    UNION ALL SELECT kind || ' ' || hash || ' ' || entity FROM match_key ORDER BY 1";

#[test]
fn a_killed_reindex_ends_in_the_same_rows_as_one_run() {
    let mut setup = Setup::new().file("people.csv", PEOPLE);
    let people = setup.dir().join("people.csv").display().to_string();
    for command in [["migrate"].as_slice(), &["contacts", "import", &people]] {
        let output = setup.run(command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let url = setup.database_url().to_owned();
    let before = texts_blocking(&url, KNOWN);
    assert!(before.len() > 50, "{}", before.len());
    for (command, lives) in
        [(["match", "reindex", "--batch", "3"].as_slice(), 3), (&["match", "reindex", "--all", "--batch", "3"], 3)]
    {
        for sql in [
            "UPDATE match_profile SET norm = 0, hash = hash - 1 RETURNING 'x'",
            "UPDATE match_key SET hash = hash + 1 WHERE kind NOT IN (1, 3, 5, 6, 12, 17, 18) RETURNING 'x'",
            "UPDATE entity SET norm = 0 RETURNING 'x'",
        ] {
            texts_blocking(&url, sql);
        }
        for life in 0..lives {
            let point = if life < 2 { "reindex-between-records" } else { "reindex-between-keys" };
            setup.set_env("PISTEUR_FAIL_POINT", point);
            assert!(!setup.run(command).status.success(), "{point}: it dies there");
            setup.clear_env();
            let doctor = setup.run(&["doctor"]);
            let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
            assert!(said.contains("pisteur match reindex"), "{said}");
        }
        let output = setup.run(command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(texts_blocking(&url, KNOWN), before, "{command:?}");
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM match_reindex"), 0);
        let again = setup.run(&["match", "reindex", "--all", "--json"]);
        let said: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!((&said["written"], &said["dropped"]), (&0.into(), &0.into()), "{said}");
        assert!(said["records"].as_u64().unwrap() > 10, "{said}");
        let nothing = setup.run(&["match", "reindex"]);
        assert_eq!(String::from_utf8_lossy(&nothing.stdout).trim(), "Nothing waits for a reindex.");
    }
}
