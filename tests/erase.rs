//! `pisteur erase` on the built program, beside the running daemon: a form with a file, a held one, a mail and a hook.

use std::path::Path;

use base64::Engine as _;
use serde_json::Value;
use sqlx::{Connection as _, Row as _};

use crate::forms::files::body;
use crate::hooks::rig::Fixture;
use crate::support::daemon::{Daemon, Setup};
use crate::support::wait;

const TABLES: &str = "[[form]]\nid = \"quote\"\nallow_files = true\n[limits]\nper_client_per_minute = 0\n\
    [[hook]]\nid = \"jot\"\nadapter = \"jotform\"\nsecret_file = \"secret\"\n";
const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n";

fn code(out: &std::process::Output) -> i32 {
    out.status.code().unwrap()
}

fn json(daemon: &Daemon, args: &[&str]) -> (i32, Value) {
    let out = daemon.setup().run(args);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let said =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&out.stderr)));
    (code(&out), said)
}

/// Every text and blob of the database in one text, lower case.
fn dump(daemon: &Daemon) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut conn = sqlx::SqliteConnection::connect(daemon.setup().database_url()).await.unwrap();
        let columns = "SELECT m.name AS t, c.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                       WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2";
        let mut all = String::new();
        for row in sqlx::query(columns).fetch_all(&mut conn).await.unwrap() {
            let (table, column): (String, String) = (row.get("t"), row.get("c"));
            let sql = format!("SELECT CAST(\"{column}\" AS BLOB) AS v FROM \"{table}\" ORDER BY 1");
            for cell in sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap() {
                let bytes = cell.get::<Option<Vec<u8>>, _>("v").unwrap_or_default();
                all.push_str(&format!("{table}.{column}: {}\n", String::from_utf8_lossy(&bytes)));
            }
        }
        conn.close().await.unwrap();
        all.to_lowercase()
    })
}

fn post(daemon: &Daemon, name: &str, email: &str, more: &[(&str, &str)], word: &str) {
    let fields = [&[("name", name), ("email", email), ("message", word)], more].concat();
    let body = body(&fields, &[("cv", &format!("{word}.pdf"), "application/pdf", PDF)]);
    let answer = daemon.public().post("/f/quote", "multipart/form-data; boundary=BoUnDaRy", &body).unwrap();
    assert!(answer.status < 400, "{} {}", answer.status, answer.text());
}

fn drop_in(folder: &Path, name: &str, email: &str, word: &str) {
    let mail = format!(
        "From: {name} <{email}>\r\nTo: sales@our-company.example\r\nSubject: About a {word}\r\nMessage-ID: <{word}@mua>\r\n\
         Date: Mon, 02 Mar 2026 10:00:00 +0100\r\nContent-Type: text/plain\r\n\r\nCould you make me a {word}?\r\n\r\n-- \r\n{name}\r\nHall of the {word}\r\n"
    );
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(".part"), mail).unwrap();
    std::fs::rename(folder.join(".part"), folder.join(format!("{word}.eml"))).unwrap();
}

#[test]
fn a_person_is_erased_beside_the_running_daemon_and_the_others_stay() {
    let jot = Fixture::named("jotform");
    let daemon = Setup::bare()
        .keys("own_domains = [\"our-company.example\"]")
        .tables(TABLES)
        .file("secret", &jot.secret)
        .start();
    for (name, email, phone, word) in [
        ("Jana Needleova", "Jana.Needleova+web@gmail.com", "+420 777 123 456", "pinwheel"),
        ("Otto Stayer", "otto@stayer.cz", "+420 777 654 321", "gazebo"),
    ] {
        post(&daemon, name, email, &[("phone", phone)], word);
        post(&daemon, name, email, &[("_gotcha", "bot")], &format!("{word}-held"));
        drop_in(&daemon.path("var/inbox"), name, email, word);
        let lead = jot.body.replace("ana@taller.example", email).replace(&jot.id, &format!("59111{}", word.len()));
        let lead = lead.replace("345 678", &format!("345 6{}8", word.len()));
        let path = format!("/hooks/jot{}", jot.address);
        let answer = daemon.public().post(&path, &jot.content_type, lead.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    wait::until("every arrival is decided", wait::LONG, || {
        let out = daemon.setup().run(&["submissions", "list", "--json"]);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().count() == 8 && !text.contains("\"received\"") && !text.contains("\"processing\"")
    });
    let before = dump(&daemon);
    for word in ["needleova", "pinwheel", "pinwheel-held", "otto@stayer.cz", "gazebo"] {
        assert!(before.contains(word), "{word} is there to be found");
    }

    let out = daemon.setup().run(&["erase", "jana.needleova@gmail.com"]);
    assert_eq!(code(&out), 2, "a script says --yes");
    assert!(String::from_utf8_lossy(&out.stderr).contains("--yes"));
    let (exit, would) = json(&daemon, &["erase", "jana.needleova@gmail.com", "--dry-run", "--json"]);
    assert_eq!((exit, &would["dry_run"], &would["counts"]["arrivals"]), (0, &true.into(), &4.into()), "{would}");
    assert_eq!(dump(&daemon), before, "a dry run changes nothing");
    let (exit, done) = json(&daemon, &["erase", "JanaNeedleova@googlemail.com", "--yes", "--json"]);
    assert_eq!((exit, &done["counts"]), (0, &would["counts"]), "{done}");

    let after = dump(&daemon);
    for word in ["needleova", "pinwheel", "gmail.com", "+420777123456", "+420 777 123 456"] {
        let left: Vec<&str> = after.lines().filter(|line| line.contains(word)).collect();
        assert!(left.is_empty(), "{word}: {left:?}");
    }
    for word in ["stayer", "gazebo", "gazebo.pdf"] {
        assert_eq!(after.matches(word).count(), before.matches(word).count(), "{word} of another person");
    }
    let (exit, nothing) = json(&daemon, &["erase", "jana.needleova@gmail.com", "--yes", "--json"]);
    assert_eq!((exit, &nothing["found"]), (1, &false.into()));

    post(&daemon, "Jana Needleova", "jana.needleova@gmail.com", &[], "pinwheel");
    wait::until("she is a new person", wait::LONG, || {
        let out = daemon.setup().run(&["leads", "list", "--json"]);
        String::from_utf8_lossy(&out.stdout).matches("jana.needleova@gmail.com").count() == 1
    });
}

#[test]
fn an_address_of_the_house_and_a_wrong_one_are_refused() {
    let setup = Setup::bare().keys("own_domains = [\"our-company.example\"]");
    assert_eq!(code(&setup.run(&["migrate"])), 0);
    for (address, said) in [("sales@our-company.example", "own_domains"), ("nobody", "no email address")] {
        let out = setup.run(&["erase", address, "--yes"]);
        assert_eq!(code(&out), 2);
        assert!(String::from_utf8_lossy(&out.stderr).contains(said), "{}", String::from_utf8_lossy(&out.stderr));
    }
    let out = setup.run(&["erase", "nobody@nowhere.cz", "--yes"]);
    assert_eq!(
        (code(&out), String::from_utf8_lossy(&out.stdout).as_ref()),
        (1, "Nothing is stored about nobody@nowhere.cz.\n")
    );
}

#[test]
fn a_person_of_a_request_with_several_and_of_one_that_could_not_be_read_is_erased_and_mentions_are_listed() {
    let hook = "[[hook]]\nid = \"b\"\nadapter = \"bearer\"\nsecret_file = \"secret\"\n[[form]]\nid = \"ask\"\n";
    let daemon = crate::hooks::several::with_hook(Setup::new()).tables(hook).start();
    assert!(crate::hooks::several::post(&daemon, &[1, 2, 3]), "three people");
    for broken in ["{\"email\":\"Jan2@Maly-2.cz\"", "email=jan2%40maly-2.cz&\u{0}[", "{\"email\":\"otto@stayer.cz\""] {
        let headers = [("content-type", "application/json"), ("authorization", "Bearer a-token-of-the-shop")];
        let answer = daemon.public().request("POST", "/hooks/b", &headers, broken.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{broken}");
    }
    let asks = "name=Otto+Stayer&email=otto%40stayer.cz&message=Hello&colleague=jan2%40maly-2.cz";
    let answer = daemon.public().post("/f/ask", "application/x-www-form-urlencoded", asks.as_bytes()).unwrap();
    assert!(answer.status < 400, "{}", answer.text());
    // A machine's answer makes no record, and nothing of it can be read in its bytes.
    let encoded = base64::engine::general_purpose::STANDARD.encode("Pryč do pátku, pište na jan2@maly-2.cz.");
    let away = format!(
        "From: Eva <eva@away.cz>\r\nTo: sales@our-company.example\r\nSubject: Nejsem tu\r\nMessage-ID: <away@mua>\r\n\
         Auto-Submitted: auto-replied\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n"
    );
    let folder = daemon.path("var/inbox");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(".part"), away).unwrap();
    std::fs::rename(folder.join(".part"), folder.join("away.eml")).unwrap();
    wait::until("every arrival is decided", wait::LONG, || {
        let out = daemon.setup().run(&["submissions", "list", "--json"]);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().count() == 8 && !text.contains("\"received\"") && !text.contains("\"processing\"")
    });
    let before = dump(&daemon);
    assert!(before.contains("maly-2.cz") && before.contains("malý2"));
    let (exit, before_it) = json(&daemon, &["erase", "jan2@maly-2.cz", "--dry-run", "--json"]);
    assert_eq!((exit, before_it["mentioned_in"].as_array().unwrap().len()), (0, 1), "what is held: {before_it}");
    let (exit, done) = json(&daemon, &["erase", "jan2@maly-2.cz", "--yes", "--json"]);
    assert_eq!((exit, &done["counts"]["arrivals"]), (0, &3.into()), "{done}");
    let mentioned: Vec<&str> = done["mentioned_in"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(mentioned.len(), 2, "Otto named her colleague, Eva whom to write to: {done}");
    let after = dump(&daemon);
    assert!(!after.contains("malý2") && !after.contains("jan mal\u{fd}2"), "the name is gone");
    let left: Vec<&str> = after.lines().filter(|l| l.contains("maly-2.cz")).collect();
    let of_otto = |line: &&str| line.contains("colleague") || line.starts_with("custom_field.value");
    assert!(left.len() == 3 && left.iter().all(of_otto), "only what Otto wrote is left: {left:?}");
    for word in ["maly-1.cz", "maly-3.cz", "otto@stayer.cz"] {
        assert_eq!(after.matches(word).count(), before.matches(word).count(), "{word} of another person");
    }
}

#[test]
fn one_prospect_of_a_mail_is_shown_explained_replayed_and_erased_alone() {
    let daemon = Setup::bare().keys("own_domains = [\"our-company.example\"]").start();
    let prospect = |n: u32, name: &str| {
        format!(
            "<prospect><id source=\"Cars\">R{n}</id><customer><contact><name part=\"full\">{name}</name>\
             <email>kdo{n}@maly-{n}.cz</email></contact><comments>Number {n}</comments></customer></prospect>"
        )
    };
    let all = [prospect(1, "Jan Needle"), prospect(2, "Eva Haystack"), prospect(3, "Otto Stayer")].concat();
    let mail = format!(
        "From: leads@auto-portal.cz\r\nTo: sales@our-company.example\r\nSubject: New leads\r\n\
         Message-ID: <several@auto-portal.cz>\r\n\r\nCall kdo2@maly-2.cz first.\r\n<adf>{all}</adf>\r\n"
    );
    let folder = daemon.path("var/inbox");
    let file = daemon.setup().dir().join("several.eml");
    std::fs::write(&file, &mail).unwrap();
    let lines = |args: &[&str]| -> Vec<Value> {
        let out = daemon.setup().run(args);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let parsed = lines(&["parse", "--json", &file.display().to_string()]);
    let parts: Vec<_> = parsed.iter().map(|one| one["part"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(parts, ["1/3", "2/3", "3/3", "rest"]);
    let told = daemon.setup().run(&["explain", &file.display().to_string()]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    for word in ["1/3 of one mail", "Jan Needle", "Eva Haystack", "Otto Stayer", "other_event"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    let ruled = daemon.setup().run(&["rules", "explain", &file.display().to_string()]);
    let ruled = String::from_utf8_lossy(&ruled.stdout).into_owned();
    assert!(ruled.contains("part 3/3 of one mail\n") && ruled.contains("part rest of one mail\n"), "{ruled}");
    let ruled = lines(&["rules", "explain", &file.display().to_string(), "--json"]);
    let of_rules: Vec<_> = ruled.iter().map(|one| one["part"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(of_rules, parts, "the rules are explained for each");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["one", "again"] {
        std::fs::write(folder.join(".part"), &mail).unwrap();
        std::fs::rename(folder.join(".part"), folder.join(format!("{name}.eml"))).unwrap();
    }
    wait::until("all are decided", wait::LONG, || {
        let rows = lines(&["submissions", "list", "--json"]);
        rows.len() == 8 && rows.iter().all(|row| row["state"] != "received" && row["state"] != "processing")
    });
    let leads = lines(&["leads", "list", "--json"]);
    assert_eq!(leads.len(), 3, "the second copy made nothing");
    let lead = leads.iter().find(|lead| lead["email"] == "kdo2@maly-2.cz").expect("hers");
    let record = format!("lead:{}", lead["id"].as_str().unwrap());
    let rows = lines(&["submissions", "list", "--json"]);
    let of_eva = rows.iter().find(|row| row["duplicate_of"].is_null() && row["record"] == *record).expect("hers");
    let id = of_eva["id"].as_str().unwrap();
    let shown = daemon.setup().run(&["submissions", "show", id]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("prospect 2/3 of one mail; the first is"), "{shown}");
    let told = daemon.setup().run(&["explain", id]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("Eva Haystack") && !told.contains("Needle"), "{told}");
    let replayed = lines(&["replay", "--dry-run", "--json", id]);
    assert_eq!(replayed.len(), 1, "{replayed:?}");
    assert!(replayed[0]["would"].as_str().is_some_and(|would| would.contains("append")), "{replayed:?}");
    let before = dump(&daemon);
    let (exit, done) = json(&daemon, &["erase", "kdo2@maly-2.cz", "--yes", "--json"]);
    // Hers; and what stands beside the prospects, because it names her.
    assert!(exit == 0 && done["counts"]["arrivals"].as_u64().is_some_and(|gone| gone >= 2), "{done}");
    let after = dump(&daemon);
    assert!(!after.contains("haystack") && !after.contains("maly-2.cz"), "nothing of hers is left");
    for word in ["maly-1.cz", "maly-3.cz", "needle", "stayer"] {
        assert_eq!(after.matches(word).count(), before.matches(word).count(), "{word} of another person");
    }
    // Too many to be taken apart, encoded: the person is found in it, and the operator is told.
    let many: String = (0..1_001).map(|n| prospect(n + 10, "Iva Crowd")).collect();
    let many = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("<adf>{many}</adf>"));
    let mail = format!(
        "From: leads@auto-portal.cz\r\nTo: sales@our-company.example\r\nSubject: Many\r\nMessage-ID: <many@x>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n{many}\r\n"
    );
    std::fs::write(folder.join(".part"), mail).unwrap();
    std::fs::rename(folder.join(".part"), folder.join("many.eml")).unwrap();
    let held = || lines(&["submissions", "list", "--state", "quarantined", "--json"]);
    wait::until("it is held", wait::LONG, || held().len() == 1);
    assert_eq!(held()[0]["reason"], "too_many_leads");
    let (_, told) = json(&daemon, &["erase", "kdo77@maly-77.cz", "--dry-run", "--json"]);
    assert_eq!(told["in_requests_of_many"][0], held()[0]["id"], "{told}");
}
