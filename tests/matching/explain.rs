//! Why somebody was taken for known, as the operator reads it: signed bars in four languages, and the same as JSON.

use std::process::Output;

use serde_json::Value;

use crate::support::daemon::{Daemon, Setup};

const LANGUAGES: [(&str, &str); 4] = [("en", "C.UTF-8"), ("fr", "fr_FR.UTF-8"), ("cs", "cs_CZ.UTF-8"), ("fa", "fa_IR")];
/// What somebody sends, by what becomes of it.
const CASES: [(&str, &str); 5] = [
    ("match", "name=Anna+Bell&email=anna.bell%40kovo.cz&phone=%2B33612345678&message=Devis"),
    ("review", "name=Eva+Bell&email=anna.bell%40kovo.cz&phone=%2B33612345678&message=Devis"),
    ("new", "name=Zed+Marlow&email=info%40kovo.cz&message=Devis"),
    ("closest", "name=Anna+Bell&email=tulipan77%40seznam.cz&message=Devis"),
    ("truncated", "name=Ana+Bell&email=anna.bell.7%40kova.cz&phone=%2B33155000000&company=Kovo&message=Devis"),
];

fn text(output: Output) -> String {
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A house that knows Anna, a shared mailbox, and a number that hundreds have.
fn house() -> Setup {
    let mut people = "first_name,last_name,email,phone,company\nAnna,Bell,anna.bell@kovo.cz,+33612345678,Kovo\n\
                      Petr,Svoboda,info@kovo.cz,,\n"
        .to_owned();
    for n in 0..220 {
        people.push_str(&format!(",,q{n}@dilna-{n}.cz,+33155000000,\n"));
    }
    let mut setup = Setup::new().contact_form().file("people.csv", people);
    for (case, body) in CASES {
        setup = setup.file(&format!("{case}.form"), body);
    }
    text(setup.run(&["migrate"]));
    let imported = text(setup.run(&["contacts", "import", "people.csv"]));
    assert!(imported.contains("222 created"), "{imported}");
    setup
}

fn explain(setup: &Setup, case: &str, more: &[&str]) -> String {
    let file = format!("{case}.form");
    text(setup.run(&[&["explain", "--kind", "form", "--intake", "contact", &file], more].concat()))
}

/// The verdict and what stands below it, without what is new in every run.
fn shown(said: &str) -> String {
    let lines: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("match ")).collect();
    let own = lines.iter().skip(1).take_while(|line| line.starts_with(' ')).count();
    let id = regex::Regex::new("[0-9A-HJKMNP-TV-Z]{26}").unwrap();
    id.replace_all(&lines[..=own].join("\n"), "ID").into_owned()
}

/// Numbers to five places, and no ids.
fn rounded(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| if key == "id" { (key, "ID".into()) } else { (key, rounded(value)) })
            .collect(),
        Value::Number(number) if number.is_f64() => {
            ((number.as_f64().unwrap_or(0.0) * 100_000.0).round() / 100_000.0).into()
        }
        other => other,
    }
}

fn waterfalls(said: &str) -> Vec<Value> {
    let found: Value = serde_json::from_str(said).unwrap();
    found["waterfall"].as_array().expect("it is there").clone()
}

#[test]
fn each_verdict_is_explained_in_every_language() {
    let mut setup = house();
    for (language, locale) in LANGUAGES {
        setup.clear_env();
        setup.set_env("LC_ALL", locale);
        for (case, _) in CASES {
            let said = shown(&explain(&setup, case, &[]));
            assert!(!said.contains('\u{1b}'), "no colour where it is not wanted");
            insta::assert_snapshot!(format!("{case}_{language}"), said);
        }
    }
}

#[test]
fn as_json_the_steps_make_the_total_and_nothing_personal_is_told() {
    let setup = house();
    for (case, _) in CASES {
        let told = waterfalls(&explain(&setup, case, &["--json"]));
        assert!(!told.is_empty() && told.len() <= 3, "{case}");
        for one in told.iter().filter(|one| one.get("total").is_some()) {
            let steps = one["steps"].as_array().unwrap();
            let bits = |step: &Value| step["prior"].as_f64().or_else(|| step["w"].as_f64()).unwrap();
            let (sum, total) = (steps.iter().map(bits).sum::<f64>(), one["total"].as_f64().unwrap());
            assert!((sum - total).abs() < 1e-9, "{sum} is not {total}: {one:#}");
            let prob = one["prob"].as_f64().unwrap();
            assert!((prob - 1.0 / (1.0 + (-total).exp2())).abs() < 1e-9, "{one:#}");
        }
        let json = serde_json::to_string_pretty(&rounded(told.into())).unwrap();
        for personal in ["anna", "bell", "kovo", "612345678", "155000000"] {
            assert!(!json.to_lowercase().contains(personal), "{case}: {personal} in {json}");
        }
        insta::assert_snapshot!(format!("{case}_json"), json);
    }
}

#[test]
fn the_configured_language_comes_before_that_of_the_environment_and_stored_decisions_are_explained_too() {
    let setup = Setup::new().keys("language = \"cs\"").contact_form().env("LC_ALL", "fr_FR.UTF-8");
    let daemon: Daemon = setup.start();
    let post = |name: &str| {
        let fields =
            [("name", name), ("email", "anna.bell@kovo.cz"), ("message", "Nabídka"), ("phone", "+33612345678")];
        assert_eq!(daemon.public().post_form("/f/contact", &fields).expect("answers").status, 200);
    };
    let decided = |count: usize| {
        crate::support::wait::until("both are decided", crate::support::wait::LONG, || {
            let list = text(daemon.setup().run(&["submissions", "list", "--state", "decided", "--json"]));
            list.lines().count() == count
        });
    };
    post("Anna Bell");
    decided(1);
    post("Bell Anna");
    decided(2);
    let list = text(daemon.setup().run(&["submissions", "list", "--json"]));
    let newest: Value = serde_json::from_str(list.lines().next().expect("the second")).unwrap();
    let id = newest["id"].as_str().unwrap();
    let shown = text(daemon.setup().run(&["submissions", "show", id]));
    for said in ["Před jakýmkoli porovnáním", "Stejná e-mailová adresa, v 1 záznamu (a***@..)", "shoda lead", "součet"]
    {
        assert!(shown.contains(said), "{said} not in {shown}");
    }
    let json: Value = serde_json::from_str(&text(daemon.setup().run(&["submissions", "show", id, "--json"]))).unwrap();
    let one = &json["decisions"][0]["waterfall"][0];
    assert_eq!((&one["verdict"], &one["rule"], &one["norm_v"]), (&"match".into(), &"email".into(), &1.into()));
    assert_eq!(json["decisions"][0]["trace"]["match"]["person"], "match", "what was there before stays");
}
