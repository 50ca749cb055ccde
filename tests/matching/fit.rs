//! Weights fitted to the records of the house: what is learned, what is refused, and who uses them when.

use serde_json::Value;

use crate::reading::generated::crm::measure::Scene;
use crate::reading::generated::crm::{Arrival, Being, Change, Truth};
use crate::support::daemon::Setup;
use crate::support::ledger::{count_blocking, texts_blocking};
use crate::support::wait;

/// The contacts of a house, and whoever came since, most of whom are known: written as others write them.
fn people(count: usize) -> String {
    let scene = Scene::of(5, count, count, &Change::usual());
    let beings = scene.contacts.iter().chain(scene.arrivals.iter().map(|arrival| &arrival.says));
    let line = |being: &Being| {
        let company = being.company.as_ref().map(|company| format!("{} {}", company.brand, company.form));
        let home = being.house.as_ref().map(|home| [&home.street, &home.postcode, &home.city]);
        let [street, postcode, city] = home.map_or([""; 3], |home| home.map(String::as_str));
        let phone = being.mobile.as_ref().or(being.landline.as_ref()).map_or("", String::as_str);
        [&being.first.name, &being.last, being.email.as_deref().unwrap_or(""), phone, &company.unwrap_or_default()]
            .into_iter()
            .chain([street, postcode, city])
            .map(|value| format!("\"{}\"", value.replace('"', "\"\"")))
            .collect::<Vec<_>>()
            .join(",")
    };
    let lines: Vec<String> = beings.map(line).collect();
    format!("first_name,last_name,email,phone,company,street,postcode,city\n{}\n", lines.join("\n"))
}

fn house(count: usize) -> Setup {
    let setup = Setup::new().contact_form().file("people.csv", people(count));
    for command in [&["migrate"][..], &["contacts", "import", "people.csv"]] {
        let output = setup.run(command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    setup
}

/// Exit code, and what was printed.
fn run(setup: &Setup, args: &[&str]) -> (i32, String) {
    let output = setup.run(args);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{said}{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), said)
}

fn json(setup: &Setup, args: &[&str]) -> (i32, Value) {
    let (code, said) = run(setup, args);
    (code, serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}")))
}

/// The number of the model by which a submission would be decided.
fn explained_by(setup: &Setup) -> Value {
    let (_, said) = json(setup, &["explain", "--kind", "form", "--intake", "contact", "known.form", "--json"]);
    assert_eq!(said["waterfall"][0]["model"], said["decision"]["trace"]["match"]["model"], "{said:#}");
    said["decision"]["trace"]["match"]["model"].clone()
}

const KNOWN: &str = "name=Ana+Anason&email=p0%40mail0.fr&phone=%2B33612000000&message=Devis";

#[test]
fn with_too_few_records_nothing_is_fitted_and_the_weights_stay() {
    let setup = house(40);
    let (code, said) = run(&setup, &["match", "fit"]);
    assert_eq!(code, 1);
    assert!(said.contains("records are too few to learn from: 500 are needed. The weights in use stay."), "{said}");
    let (code, said) = json(&setup, &["match", "fit", "--json"]);
    assert_eq!((code, &said["model"], &said["active"]), (1, &Value::Null, &false.into()));
    assert_eq!(count_blocking(setup.database_url(), "SELECT count(*) FROM match_model"), 0);
}

#[test]
fn weights_are_fitted_refused_and_activated_by_hand() {
    let setup = house(640).file("known.form", KNOWN);
    assert_eq!(explained_by(&setup), 0, "the weights of the start");
    let (code, dry) = json(&setup, &["match", "fit", "--dry-run", "--json"]);
    assert_eq!((code, &dry["model"], &dry["active"]), (0, &Value::Null, &false.into()), "{dry:#}");
    assert_eq!(count_blocking(setup.database_url(), "SELECT count(*) FROM match_model"), 0, "nothing is kept");

    let (code, fitted) = json(&setup, &["match", "fit", "--json"]);
    assert_eq!((code, &fitted["model"], &fitted["active"]), (0, &1.into(), &true.into()), "{fitted:#}");
    assert_eq!(fitted["weights"], dry["weights"], "the same records, the same weights");
    let scene = Scene::of(5, 640, 640, &Change::usual());
    let again = |arrival: &&Arrival| matches!(arrival.truth, Truth::Same(_)) && arrival.change != Change::Identical;
    let twice = scene.arrivals.iter().filter(again).count() as f64;
    let repeats = fitted["repeats"].as_f64().unwrap();
    assert!((0.5 * twice..1.5 * twice).contains(&repeats), "{twice} came twice: {repeats}");
    assert!(fitted["shadow"]["decisions"].as_u64().unwrap() > 500, "{fitted:#}");
    assert!(fitted["untold"].as_array().unwrap().contains(&"born".into()), "{fitted:#}");
    assert_eq!(explained_by(&setup), 1);

    // As if the weights in force were those of a house where nothing tells anybody apart.
    let blind = "UPDATE match_model SET body = json_set(body, '$.m', json_extract(body, '$.u')) RETURNING 'x'";
    texts_blocking(setup.database_url(), blind);
    let (code, refused) = json(&setup, &["match", "fit", "--json"]);
    let flips = refused["shadow"]["flips"].as_u64().unwrap();
    assert_eq!((code, &refused["model"], &refused["active"]), (1, &2.into(), &false.into()), "{:#}", refused["shadow"]);
    assert!(flips > 0, "{:#}", refused["shadow"]);
    assert_eq!(refused["shadow"]["changes"]["new -> match"], flips);
    assert_eq!(explained_by(&setup), 1, "the model in force stays");
    let (code, said) = run(&setup, &["match", "fit"]);
    assert_eq!(code, 1);
    let why = format!("Model 3 is kept and not used: {flips} decisions that nobody looked at would come out otherwise");
    assert!(said.contains(&why) && said.contains("pisteur match fit --activate 3"), "{said}");
    assert!(said.contains("BITS BEFORE") && said.contains(&format!("{flips} new -> match")), "{said}");

    let (code, said) = run(&setup, &["match", "fit", "--activate", "3"]);
    assert_eq!((code, said.trim()), (0, "Model 3 is in force; before it was model 1."));
    assert_eq!(explained_by(&setup), 3);
    assert_eq!(run(&setup, &["match", "fit", "--activate", "9"]).0, 1);
    let (code, back) = json(&setup, &["match", "fit", "--activate", "0", "--json"]);
    assert_eq!((code, &back["before"]), (0, &3.into()));
    assert_eq!(explained_by(&setup), 0);
}

#[test]
fn a_running_daemon_takes_over_a_model_and_names_it_in_its_decisions() {
    let mut daemon = house(560).start();
    let post = |message: &str| {
        let fields = [("name", "Jan Anaova"), ("email", "p1@mail1.fr"), ("message", message)];
        assert_eq!(daemon.public().post_form("/f/contact", &fields).expect("answers").status, 200);
    };
    let decided_by = |model: &str| {
        let models = "SELECT CAST(json_extract(trace, '$.match.model') AS TEXT) FROM decision ORDER BY id";
        texts_blocking(daemon.setup().database_url(), models).iter().any(|by| by == model)
    };
    post("First");
    wait::until("the first is decided", wait::LONG, || decided_by("0"));
    let (code, said) = run(daemon.setup(), &["match", "fit"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Model 1 is in force; running daemons take it over within seconds."), "{said}");
    wait::until("it is taken over", wait::LONG, || daemon.stderr().contains("by model 1 from now on"));
    post("Second");
    wait::until("the second is decided", wait::LONG, || decided_by("1"));
    assert_eq!(run(daemon.setup(), &["match", "fit", "--activate", "0"]).0, 0);
    wait::until("the start is back", wait::LONG, || daemon.stderr().contains("by model 0 from now on"));
    daemon.stop_cleanly();
}
