//! What is held against a submission at the door, what becomes of it, and that its sender cannot tell.

use std::time::Duration;

use pisteur::clock::Clock;
use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::screening::{Screening, Verdict};

use super::house::{House, Plan};
use crate::support::http::Answer;

/// What a browser sends beside the fields.
pub const BROWSER: [(&str, &str); 2] = [
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("accept-language", "fr-FR,fr;q=0.8"),
];

const GOOD: [(&str, &str); 3] =
    [("name", "Eva Nováková"), ("email", "eva@firma.cz"), ("message", "Bonjour, un devis pour deux pompes, merci.")];

fn post(house: &House, fields: &[(&str, &str)]) -> Answer {
    house.http.post_form_with("/f/contact", fields, &BROWSER).unwrap()
}

fn with<'a>(extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    GOOD.iter().chain(extra).copied().collect()
}

async fn screened(house: &House) -> (ArrivalState, Option<String>, Screening) {
    let row = house.arrivals().await.remove(0);
    let screening = house.newest().await.context.screening.expect("the door screened it");
    (row.state, row.reason, screening)
}

fn codes(screening: &Screening) -> Vec<&str> {
    screening.parts.iter().map(|part| part.code.as_str()).collect()
}

/// An answer without what differs between any two: its id.
fn shape(answer: &Answer) -> (u16, Vec<(String, String)>, serde_json::Value) {
    let mut body = answer.json();
    if let Some(id) = body.get_mut("id") {
        assert_eq!(id.as_str().unwrap().len(), 26);
        *id = "ID".into();
    }
    let headers = answer.headers.iter().filter(|(name, _)| *name != "date");
    (answer.status, headers.map(|(n, v)| (n.clone(), v.clone())).collect(), body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s48_every_trap_field_is_spam_with_the_answer_of_a_success() {
    let house = House::open(Plan::form(|form| form.screening.honeypot = Some("fax_number_2".into()))).await;
    let clean = shape(&post(&house, &GOOD));
    assert_eq!(screened(&house).await, (ArrivalState::Received, None, Screening::default()));
    for (n, trap) in ["_gotcha", "_honey", "_honeypot", "botcheck", "bot-field", "fax_number_2"].iter().enumerate() {
        let n = n.to_string();
        for (value, hit) in [("http://pills.example", true), ("   ", false), ("false", false), ("", false)] {
            let answer = post(&house, &with(&[(trap, value), ("order", &format!("{n}{value}{hit}"))]));
            assert_eq!(shape(&answer), clean, "{trap}={value}: nobody can tell");
            let (state, reason, screening) = screened(&house).await;
            if hit {
                assert_eq!((state, reason.as_deref()), (ArrivalState::Quarantined, Some("spam")), "{trap}");
                assert_eq!((screening.verdict, screening.score, codes(&screening)), (Verdict::Spam, 100, vec!["trap"]));
            } else {
                assert_eq!((state, screening.verdict), (ArrivalState::Received, Verdict::Clean), "{trap}={value:?}");
            }
        }
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s48_the_time_stamp_tells_a_program_from_a_person() {
    let mut plan = Plan::default();
    plan.forms.push(pisteur::config::FormConfig::named("quote"));
    let house = House::open(plan).await;
    let stamp = |form: &str| {
        let answer = house.http.get(&format!("/f/{form}/stamp")).unwrap();
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.json()["submission_id"].as_str().unwrap().len(), 26);
        answer.json()["_t"].as_str().unwrap().to_owned()
    };
    let (own, other) = (stamp("contact"), stamp("quote"));
    let mut forged = own.clone().into_bytes();
    forged[12] = if forged[12] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let start = house.clock.now();
    let cases = [
        (0, own.as_str(), Verdict::Suspect, vec!["too_fast"]),
        (60, &own, Verdict::Clean, vec![]),
        (100_000, &own, Verdict::Clean, vec!["stamp_old"]),
        (60, &other, Verdict::Suspect, vec!["stamp_other_form"]),
        (60, &forged, Verdict::Suspect, vec!["stamp_forged"]),
        (60, "1700000000", Verdict::Clean, vec!["stamp_unreadable"]),
        (60, "", Verdict::Clean, vec![]),
    ];
    for (n, (seconds, stamp, verdict, parts)) in cases.iter().enumerate() {
        house.clock.set(start.after(Duration::from_secs(*seconds)));
        let n = n.to_string();
        assert_eq!(post(&house, &with(&[("_t", stamp), ("order", &n)])).status, 200);
        let (state, _, screening) = screened(&house).await;
        assert_eq!((state, screening.verdict, codes(&screening)), (ArrivalState::Received, *verdict, parts.clone()));
    }
    assert_eq!(house.http.get("/f/nothing/stamp").unwrap().status, 404);
    house.stop().await;
}

#[test]
fn an_operator_sees_the_score_with_its_parts_and_makes_a_lead_of_it_by_a_release() {
    use crate::support::daemon::Setup;
    let daemon = Setup::new().contact_form().start();
    let trapped = [GOOD[0], GOOD[1], GOOD[2], ("_gotcha", "x")];
    let answer = daemon.public().post_form_with("/f/contact", &trapped, &BROWSER).unwrap();
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let shown = |json: &[&str]| {
        let output = daemon.setup().run(&[&["submissions", "show", id.as_str()], json].concat());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let text = shown(&[]);
    assert!(text.contains("spam, score 100") && text.contains("trap: the trap field _gotcha is filled"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&shown(&["--json"])).unwrap();
    assert_eq!(
        (json["state"].as_str(), json["context"]["screening"]["score"].as_i64()),
        (Some("quarantined"), Some(100))
    );
    assert!(daemon.setup().run(&["submissions", "release", &id]).status.success());
    crate::support::wait::until("the release makes a lead", crate::support::wait::LONG, || {
        shown(&[]).contains("lead:")
    });
}
