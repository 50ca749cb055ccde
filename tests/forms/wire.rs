//! The wire contract: what a form of any origin may send, and what it is answered.

use pisteur::config::form::FormField;
use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::rules::FieldType;
use serde_json::{Value, json};

use super::files::body;
use super::house::{House, Plan};
use crate::support::daemon::{Daemon, Setup};
use crate::support::wait;

/// Method, path, type, headers and body of a request, and status and slug of its answer.
type Early<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);
/// Headers and body of a submission, status and slug of its answer, and how it is kept.
type Late<'a> = (&'a [(&'a str, &'a str)], &'a [u8], u16, &'a str, ArrivalState, Option<&'a str>);

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=BoUnDaRy";
const JSON: &str = "application/json";
const OPEN: &str = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0";

fn encoded(fields: &[(&str, &str)]) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

fn rows(daemon: &Daemon, args: &[&str]) -> Vec<Value> {
    let output = daemon.setup().run(args);
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lead(daemon: &Daemon, email: &str) -> Option<Value> {
    let all = rows(daemon, &["leads", "list", "--limit", "0", "--json"]);
    let found = all.iter().find(|lead| lead["email"] == email)?;
    rows(daemon, &["leads", "show", found["id"].as_str()?, "--json"]).pop()
}

fn wait_for_lead(daemon: &Daemon, email: &str) -> Value {
    let mut found = None;
    wait::until(&format!("the lead of {email} is made"), wait::LONG, || {
        found = lead(daemon, email);
        found.is_some()
    });
    found.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_come_in_their_order_and_only_what_passes_them_is_written_down() {
    let mut plan = Plan::limits(|limits| limits.per_client_per_minute = Some(8));
    plan.forms[0].fields = vec![FormField { required: Some(true), ..FormField::named("message") }];
    plan.forms[0].allowed_origins = vec!["https://ok.example".into()];
    plan.forms.push(pisteur::config::FormConfig { enabled: false, ..pisteur::config::FormConfig::named("closed") });
    let house = House::open(plan).await;
    let send = |method: &str, path: &str, kind: &str, more: &[(&str, &str)], body: &[u8]| {
        let mut headers = vec![("accept", "application/json"), ("content-type", kind)];
        headers.extend_from_slice(more);
        let answer = house.http.request(method, path, &headers, body).unwrap();
        (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
    };
    let large = vec![b'a'; 2 << 20];
    // Each request is wrong in everything that comes later, too.
    let before: [Early<'_>; 8] = [
        ("DELETE", "/f/nowhere", "text/plain", &[("content-encoding", "gzip")], &large, 404, "form_not_found"),
        ("POST", "/f", URLENCODED, &[], b"_form=nowhere&a=1", 404, "form_not_found"),
        ("PUT", "/f/contact", "text/plain", &[("content-encoding", "gzip")], &large, 405, "method_not_allowed"),
        ("POST", "/f/closed", "text/plain", &[("content-encoding", "gzip")], &large, 410, "inactive"),
        ("POST", "/f/contact", URLENCODED, &[("content-encoding", "gzip")], b"a=1", 415, "content_encoding"),
        ("POST", "/f/contact", "text/plain", &[], b"a=1", 415, "content_type"),
        ("POST", "/f/contact", URLENCODED, &[], &large, 413, "too_large"),
        ("POST", "/f/contact", JSON, &[("origin", "https://evil.example")], b"{\"a\":", 400, "malformed"),
    ];
    for (method, path, kind, more, body, status, slug) in before {
        assert_eq!(send(method, path, kind, more, body), (status, slug.to_owned()), "{method} {path}");
        assert!(house.arrivals().await.is_empty(), "{slug} writes nothing down");
    }
    assert_eq!(send("POST", "/f/contact", URLENCODED, &[], b"_gotcha=&name=+"), (400, "empty".to_owned()));
    assert!(house.arrivals().await.is_empty());
    let evil = [("origin", "https://evil.example")];
    let after: [Late<'_>; 3] = [
        (&[], b"name=a", 422, "invalid_fields", ArrivalState::Quarantined, Some("invalid_fields")),
        (&evil, b"message=b", 403, "origin_refused", ArrivalState::Quarantined, Some("origin_refused")),
        (&[], b"message=c", 200, "", ArrivalState::Received, None),
    ];
    for (n, (more, body, status, slug, state, reason)) in after.into_iter().enumerate() {
        assert_eq!(send("POST", "/f/contact", URLENCODED, more, body), (status, slug.to_owned()));
        let kept = house.arrivals().await;
        assert_eq!((kept.len(), kept[0].state, kept[0].reason.as_deref()), (n + 1, state, reason));
    }
    while send("POST", "/f/contact", URLENCODED, &[], b"message=d").0 != 429 {}
    let kept = house.arrivals().await.len();
    assert_eq!(send("POST", "/f/contact", URLENCODED, &[], b"message=e"), (429, "rate_limited".to_owned()));
    assert_eq!(house.arrivals().await.len(), kept, "429 writes nothing down");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_may_name_its_form_in_every_encoding() {
    let mut plan = Plan::form(|form| {
        form.id = "quote".into();
        form.public_id = Some("f3b9c1d27a4e4f0c9d51c6a8e2b7d640".into());
        form.allow_files = true;
    });
    plan.forms.push(pisteur::config::FormConfig::named("contact"));
    let house = House::open(plan).await;
    let key = "f3b9c1d27a4e4f0c9d51c6a8e2b7d640";
    let cases: [(&str, &str, Vec<u8>, &str); 8] = [
        ("/f", URLENCODED, encoded(&[("access_key", key), ("message", "1")]), "quote"),
        ("/f/", URLENCODED, encoded(&[("apikey", key), ("message", "2")]), "quote"),
        ("/f", MULTIPART, body(&[("message", "3"), ("access_key", key)], &[]), "quote"),
        ("/f", MULTIPART, body(&[("access_key", key)], &[("f", "a.txt", "text/plain", b"x")]), "quote"),
        ("/f", JSON, json!({"access_key": key, "message": "5"}).to_string().into_bytes(), "quote"),
        ("/f", URLENCODED, encoded(&[("form-name", "contact"), ("message", "6")]), "contact"),
        ("/f", URLENCODED, encoded(&[("_form", "contact"), ("access_key", " "), ("message", "7")]), "contact"),
        ("/f/contact", URLENCODED, encoded(&[("access_key", key), ("message", "8")]), "contact"),
    ];
    for (path, kind, sent, form) in cases {
        let answer = house.http.post(path, kind, &sent).unwrap();
        assert_eq!(answer.status, 200, "{path} {kind}: {}", answer.text());
        let kept = house.newest().await;
        assert_eq!((kept.intake_id.as_str(), &kept.raw[..]), (form, &sent[..]), "{path} {kind}");
    }
    let kept = house.arrivals().await.len();
    for (kind, sent) in [
        (URLENCODED, encoded(&[("message", "x")])),
        (URLENCODED, encoded(&[("access_key", "quote"), ("message", "x")])),
        (URLENCODED, encoded(&[("access_key", "../contact"), ("message", "x")])),
        (JSON, b"{\"access_key\":{\"a\":1},\"message\":\"x\"}".to_vec()),
        (MULTIPART, body(&[("message", "x")], &[("access_key", key, "text/plain", b"x")])),
    ] {
        let answer = house.http.post("/f", kind, &sent).unwrap();
        assert_eq!((answer.status, answer.json()["error"].as_str()), (404, Some("form_not_found")));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(house.http.post("/f", "text/plain", b"x").unwrap().status, 415);
    let get = house.http.get("/f").unwrap();
    assert_eq!((get.status, get.header("allow")), (405, Some("POST, OPTIONS")));
    assert_eq!(house.http.request("OPTIONS", "/f", &[], &[]).unwrap().status, 204);
    assert_eq!(house.arrivals().await.len(), kept);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_fields_are_named_all_at_once_and_nothing_typed_is_lost() {
    let house = House::open(Plan::form(|form| {
        form.strict = true;
        form.fields = vec![
            FormField { required: Some(true), ..FormField::named("name") },
            FormField { required: Some(true), kind: FieldType::Email, ..FormField::named("email") },
            FormField { kind: FieldType::Number, ..FormField::named("size") },
            FormField::named("message"),
        ];
    }))
    .await;
    let wrong = [("email", "not an address"), ("size", "large"), ("message", "long text"), ("owner_id", "7")];
    let key = [("idempotency-key", "one-and-the-same"), ("accept-language", "cs")];
    let answer = house.http.post_form_with("/f/contact", &wrong, &key).unwrap();
    let said = answer.json();
    assert_eq!((answer.status, said["error"].as_str()), (422, Some("invalid_fields")));
    let errors: Vec<(&str, &str)> = said["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["code"].as_str().unwrap(), e["field"].as_str().unwrap()))
        .collect();
    let expected = [
        ("REQUIRED_FIELD_MISSING", "name"),
        ("TYPE_EMAIL", "email"),
        ("TYPE_NUMERIC", "size"),
        ("FIELD_NOT_IN_FORM_DEFINITION", "owner_id"),
    ];
    assert_eq!(errors, expected);
    assert!(said["errors"][1]["message"].as_str().unwrap().contains("e-mailová adresa"), "{said}");
    let kept = house.arrivals().await;
    assert_eq!((kept[0].state, kept[0].reason.as_deref()), (ArrivalState::Quarantined, Some("invalid_fields")));
    assert!(String::from_utf8_lossy(&house.newest().await.raw).contains("long+text"));
    // The same key, put right: no repeat of what is held.
    let right = [("name", "Eva"), ("email", "eva@web.example"), ("size", "1 200,5"), ("message", "long text")];
    let answer = house.http.post_form_with("/f/contact", &right, &key).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(house.arrivals().await[0].state, ArrivalState::Received);
    // A browser gets its page back with what was typed and the field at fault.
    let headers = [("content-type", URLENCODED), ("accept", "text/html"), ("accept-language", "fr")];
    let page = house.http.request("POST", "/f/contact", &headers, b"name=Zo%C3%A9&email=zoe").unwrap();
    assert_eq!(page.status, 422);
    assert!(page.text().contains("Zoé") && page.text().contains("adresse e-mail"), "{}", page.text());
    house.stop().await;
}

#[test]
fn s52_what_a_rule_of_validation_refuses_is_stored_and_can_be_released() {
    let form = "[[form]]\nid = \"contact\"\nfield = [{ name = \"email\", type = \"email\" }, { name = \"message\" }]";
    let daemon = Setup::bare().tables(form).tables(OPEN).start();
    let fields = [("email", "eva@"), ("phone", "+420 777 123 456"), ("message", "please call")];
    assert_eq!(daemon.public().post_form("/f/contact", &fields).unwrap().status, 422);
    let kept = rows(&daemon, &["submissions", "list", "--state", "quarantined", "--json"]);
    assert_eq!((kept.len(), kept[0]["reason"].as_str()), (1, Some("invalid_fields")));
    assert_eq!(kept[0]["sender"], "eva@", "the person who judges it sees who it was");
    let id = kept[0]["id"].as_str().unwrap();
    assert_eq!(daemon.setup().run(&["submissions", "release", id]).status.code(), Some(0));
    wait::until("it became a lead", wait::LONG, || {
        rows(&daemon, &["leads", "list", "--json"]).iter().any(|lead| lead["phone"].is_string())
    });
}

#[test]
fn s53_no_daily_limit_loses_anything_and_what_overflows_waits() {
    let limits = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 100";
    let daemon = Setup::bare().tables("[[form]]\nid = \"contact\"").tables(limits).start();
    for n in 0..600 {
        let n = n.to_string();
        let answer = daemon.public().post_form("/f/contact", &[("name", "Eva"), ("message", &n)]).unwrap();
        assert_eq!(answer.status, 200, "{n}: {}", answer.text());
    }
    let kept = rows(&daemon, &["submissions", "list", "--limit", "0", "--json"]);
    assert_eq!(kept.len(), 600, "more than five hundred in a day are all kept");
    let held = kept.iter().filter(|row| row["reason"] == "form_rate_limit").count();
    assert!((300..=500).contains(&held), "{held} wait for a person");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of ten services")]
fn forms_of_ten_services_need_no_more_than_a_new_address() {
    let form = "[[form]]\nid = \"contact\"\nfield = [\
        { name = \"input_1.3\", canonical = \"first_name\" }, { name = \"input_1.6\", canonical = \"last_name\" },\
        { name = \"input_2\", canonical = \"email\" }, { name = \"wpforms[fields][1]\", canonical = \"email\" }]";
    let daemon = Setup::bare().tables(form).tables(OPEN).start();
    let hubspot = json!({"submittedAt": "1517927174000", "fields": [
        {"objectTypeId": "0-1", "name": "email", "value": "hubspot@web.example"},
        {"objectTypeId": "0-1", "name": "firstname", "value": "Eva"},
        {"objectTypeId": "0-1", "name": "lastname", "value": "Nováková"}],
        "context": {"pageUri": "https://shop.example/x", "pageName": "X"}, "skipValidation": true});
    let cases: [(&str, Vec<u8>); 11] = [
        (JSON, hubspot.to_string().into_bytes()),
        (
            URLENCODED,
            encoded(&[
                ("_replyto", "formspree@web.example"),
                ("name", "Eva Nováková"),
                ("_subject", "x"),
                ("_cc", "a@b.cz"),
            ]),
        ),
        (
            URLENCODED,
            encoded(&[
                ("form-name", "contact"),
                ("bot-field", ""),
                ("email", "netlify@web.example"),
                ("name", "Eva Nováková"),
            ]),
        ),
        (
            URLENCODED,
            encoded(&[("source_url", "https://x.example/a"), ("email", "basin@web.example"), ("name", "Eva Nováková")]),
        ),
        (
            MULTIPART,
            body(
                &[
                    ("fi-sender-fullName", "Eva Nováková"),
                    ("fi-sender-email", "getform@web.example"),
                    ("fi-text-message", "hi"),
                ],
                &[],
            ),
        ),
        (
            URLENCODED,
            encoded(&[
                ("access_key", "k"),
                ("from_name", "Our Shop"),
                ("name", "Eva Nováková"),
                ("email", "web3forms@web.example"),
            ]),
        ),
        (
            URLENCODED,
            encoded(&[
                ("_email.subject", "x"),
                ("_append", "false"),
                ("email", "formspark@web.example"),
                ("name", "Eva Nováková"),
            ]),
        ),
        (
            URLENCODED,
            encoded(&[
                ("oid", "00D"),
                ("debug", "1"),
                ("first_name", "Eva"),
                ("last_name", "Nováková"),
                ("email", "salesforce@web.example"),
                ("00N20000001", "blue"),
            ]),
        ),
        (
            URLENCODED,
            encoded(&[
                ("form_fields[name]", "Eva Nováková"),
                ("form_fields[email]", "elementor@web.example"),
                ("form_id", "7"),
                ("action", "elementor_pro_forms_send_form"),
            ]),
        ),
        (
            MULTIPART,
            body(
                &[
                    ("_wpcf7", "12"),
                    ("your-name", "Eva Nováková"),
                    ("your-email", "cf7@web.example"),
                    ("your-message", "hi"),
                ],
                &[],
            ),
        ),
        (
            URLENCODED,
            encoded(&[
                ("input_1.3", "Eva"),
                ("input_1.6", "Nováková"),
                ("input_2", "gravity@web.example"),
                ("gform_submit", "1"),
                ("is_submit_1", "1"),
            ]),
        ),
    ];
    for (kind, sent) in &cases {
        let answer = daemon.public().post("/f/contact", kind, sent).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let names = [
        "hubspot",
        "formspree",
        "netlify",
        "basin",
        "getform",
        "web3forms",
        "formspark",
        "salesforce",
        "elementor",
        "cf7",
        "gravity",
    ];
    for name in names {
        let found = wait_for_lead(&daemon, &format!("{name}@web.example"));
        assert_eq!(found["fields"]["last_name"], "Nováková", "{name}: {}", found["fields"]);
        let text = found.to_string();
        for control in
            ["Our Shop", "elementor_pro_forms_send_form", "a@b.cz", "1517927174000", "_append", "is_submit_1"]
        {
            assert!(!text.contains(control), "{name} carries {control}");
        }
    }
    let salesforce = lead(&daemon, "salesforce@web.example").unwrap().to_string();
    assert!(salesforce.contains("blue"), "a field of their own is kept: {salesforce}");
}

#[test]
fn what_would_make_a_relay_is_dropped_and_noted_without_its_value() {
    let daemon = Setup::bare().tables("[[form]]\nid = \"contact\"").tables(OPEN).start();
    let fields = [
        ("name", "Eva Nováková"),
        ("email", "eva@web.example"),
        ("_cc", "victim@else.example"),
        ("_to", "victim@else.example"),
        ("_webhook", "http://169.254.169.254/latest"),
        ("_autoresponse", "Buy pills"),
        ("_template", "table"),
        ("ccemail", "victim@else.example"),
    ];
    assert_eq!(daemon.public().post_form("/f/contact", &fields).unwrap().status, 200);
    let found = wait_for_lead(&daemon, "eva@web.example").to_string();
    for value in ["victim@else.example", "169.254.169.254", "Buy pills"] {
        assert!(!found.contains(value), "{value} is nowhere");
        assert!(!daemon.stderr().contains(value), "{value} is not in the log");
    }
    assert!(daemon.stderr().contains("_cc"), "the log says that the page sends it: {}", daemon.stderr());
}

#[test]
fn nothing_a_visitor_sends_chooses_a_column() {
    let daemon = Setup::bare().tables("[[form]]\nid = \"contact\"").tables(OPEN).start();
    let fields = [
        ("name", "Eva Nováková"),
        ("email", "eva@web.example"),
        ("status", "converted"),
        ("owner", "boss"),
        ("owner_id", "1"),
        ("id", "01JABCDEFGHJKMNPQRSTVWXYZ0"),
        ("score", "999"),
        ("created_at", "0"),
        ("fields[status]", "won"),
    ];
    assert_eq!(daemon.public().post_form("/f/contact", &fields).unwrap().status, 200);
    let found = wait_for_lead(&daemon, "eva@web.example");
    assert_eq!(found["fields"]["status"], "open");
    assert_ne!(found["fields"]["owner"], "boss");
    assert_ne!(found["id"], "01JABCDEFGHJKMNPQRSTVWXYZ0");
    assert_ne!(found["fields"]["score"], 999);
    assert!(found["communications"][0]["fields"].to_string().contains("converted"), "it is kept as it was sent");
}

#[test]
fn json_arrives_as_it_was_written() {
    let daemon = Setup::bare().tables("[[form]]\nid = \"contact\"").tables(OPEN).start();
    let sent = br#"{"name":"Eva Nov\u00e1kov\u00e1","email":"eva@web.example","zulu":1.50,"alpha":12345678901234567891,
        "topic_x":["a","b"],"topic_x":"c","deep":{"a":{"b":[{"k":"v"}]}},"cut":"emoji \ud83d","nul":"a\u0000b"}"#;
    let answer = daemon.public().post("/f/contact", JSON, sent).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let found = wait_for_lead(&daemon, "eva@web.example");
    let fields = found["communications"][0]["fields"].as_array().unwrap();
    let pairs: Vec<(String, String)> = fields
        .iter()
        .map(|field| match field {
            Value::Array(pair) => (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()),
            other => (other["name"].as_str().unwrap().to_owned(), other["value"].as_str().unwrap().to_owned()),
        })
        .collect();
    let expected = [
        ("zulu", "1.50"),
        ("alpha", "12345678901234567891"),
        ("topic_x", "a"),
        ("topic_x", "b"),
        ("topic_x", "c"),
        ("deep[a][b][0][k]", "v"),
        ("cut", "emoji \u{fffd}"),
        ("nul", "ab"),
    ];
    assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spelling_of_an_open_redirect_leads_away() {
    let house = House::open(Plan::form(|form| form.allowed_redirects = vec!["https://ok.com".into()])).await;
    let spellings = [
        "//evil.com",
        "////evil.com",
        "/\\evil.com",
        "\\\\evil.com",
        "/\\/evil.com",
        "https:evil.com",
        "https:/evil.com",
        "https:///evil.com",
        "http:evil.com",
        "https://ok.com@evil.com",
        "https://ok.com:pw@evil.com",
        "https://user@ok.com/",
        "https://ok.com.evil.com",
        "https://evil.com/ok.com",
        "https://evil.com#ok.com",
        "https://evil.com?https://ok.com",
        "https://evil.com\\@ok.com",
        "%2f%2fevil.com",
        "/%09/evil.com\\",
        "/\t/evil.com",
        "\n//evil.com",
        "/.//evil.com",
        "/..//evil.com",
        "https://оk.com/",
        "https://ok。com.evil.com",
        "https://xn--k-9tb.com/",
        "http://ok.com/",
        "https://ok.com:444/",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//https://ok.com",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "ftp://ok.com",
        "evil.com",
        "https://",
        "?next=//evil.com",
    ];
    let own = |place: &str| {
        let path = place.split(['?', '#']).next().unwrap();
        path == "/f/contact/thanks" || path == "https://ok.com/"
    };
    for (n, name) in ["_next", "_redirect", "redirect", "retURL", "returnurl"].iter().enumerate() {
        for (m, spelling) in spellings.iter().enumerate() {
            let message = format!("{n}-{m}");
            let sent = encoded(&[("message", &message), (name, spelling)]);
            let script = house.http.post("/f/contact", URLENCODED, &sent).unwrap();
            assert_eq!(script.status, 200, "{spelling}");
            let next = script.json()["next"].as_str().unwrap().to_owned();
            assert!(own(&next), "{name}={spelling:?} -> {next}");
            if n == 0 {
                let headers = [("content-type", URLENCODED), ("accept", "text/html")];
                let page = house.http.request("POST", "/f/contact", &headers, &sent).unwrap();
                let location = page.header("location").unwrap();
                assert_eq!(page.status, 303);
                assert!(own(location), "{spelling:?} -> {location}");
                assert!(!location.to_ascii_lowercase().contains("error"), "no error text in an address");
            }
        }
    }
    for good in ["https://ok.com/merci?a=1", "/f/merci"] {
        let sent = encoded(&[("message", good), ("_next", good)]);
        let next = house.http.post("/f/contact", URLENCODED, &sent).unwrap().json()["next"].clone();
        assert_eq!(next, good);
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_may_read_every_answer_whatever_it_says() {
    let mut plan = Plan::form(|form| {
        form.allowed_origins = vec!["https://ok.example".into()];
        form.fields = vec![FormField { required: Some(true), ..FormField::named("message") }];
    });
    plan.limits.per_client_per_minute = Some(6);
    let closed = pisteur::config::FormConfig { id: "closed".into(), enabled: false, ..plan.forms[0].clone() };
    plan.forms.push(closed);
    let house = House::open(plan).await;
    let origin = ("origin", "https://ok.example");
    for path in ["/f/contact", "/f/closed", "/f/nowhere", "/f"] {
        let asked =
            [origin, ("access-control-request-method", "POST"), ("access-control-request-headers", "x-requested-with")];
        let answer = house.http.request("OPTIONS", path, &asked, &[]).unwrap();
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST, OPTIONS"));
        assert_eq!(answer.header("access-control-max-age"), Some("86400"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let allowed = answer.header("access-control-allow-headers").unwrap();
        for name in [
            "content-type",
            "accept",
            "x-requested-with",
            "authorization",
            "idempotency-key",
            "formspree-client",
            "formspree-session-data",
        ] {
            assert!(allowed.split(", ").any(|n| n == name), "{name}");
        }
        assert!(
            answer.header("access-control-allow-origin").is_some() && answer.header("vary").unwrap().contains("Origin"),
            "{path}"
        );
    }
    let large = vec![b'a'; 2 << 20];
    let set = house.forms.load_full();
    let cases: [(&str, &str, &str, &[u8], u16); 9] = [
        ("POST", "/f/nowhere", URLENCODED, b"a=1", 404),
        ("PUT", "/f/contact", URLENCODED, b"a=1", 405),
        ("POST", "/f/closed", URLENCODED, b"a=1", 410),
        ("POST", "/f/contact", URLENCODED, &large, 413),
        ("POST", "/f/contact", "text/plain", b"a=1", 415),
        ("POST", "/f/contact", JSON, b"{", 400),
        ("POST", "/f/contact", URLENCODED, b"a=1", 422),
        ("POST", "/f/contact", URLENCODED, b"message=1", 200),
        ("POST", "/f/contact", URLENCODED, b"message=2", 503),
    ];
    for (method, path, kind, sent, status) in cases {
        let _held = if status == 503 { Some(set.in_hand.acquire_many(512).await.unwrap()) } else { None };
        let headers = [("content-type", kind), ("accept", JSON), origin];
        let answer = house.http.request(method, path, &headers, sent).unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
        let allowed = answer.header("access-control-allow-origin");
        assert!(allowed == Some("https://ok.example") || status == 404 && allowed == Some("*"), "{status} {allowed:?}");
        assert!(answer.header("vary").unwrap().contains("Origin"), "{status}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    let mut last = 0;
    while last != 429 {
        let answer = house.http.post_form_with("/f/contact", &[("message", "x")], &[origin]).unwrap();
        last = answer.status;
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://ok.example"));
        assert!(answer.header("access-control-expose-headers").unwrap().contains("retry-after"));
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_inside_a_body_meet_the_limits() {
    let house = House::usual().await;
    let colliding = (0..1_000).map(|n| format!("k{}=1&", "Aa".repeat(n % 7).replacen("Aa", "BB", n % 3)));
    let colliding = colliding.collect::<Vec<_>>().concat();
    let twice = "--BoUnDaRy\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n1\r\n--BoUnDaRy--\r\n";
    let headers = (0..100).map(|n| format!("X-{n}: 1\r\n")).collect::<Vec<_>>().concat();
    let headed =
        format!("--BoUnDaRy\r\n{headers}Content-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--BoUnDaRy--\r\n");
    let tiny = "a&".repeat(500_000);
    let cases: [(&str, &[u8], u16); 6] = [
        (URLENCODED, colliding.as_bytes(), 413),
        (URLENCODED, tiny.as_bytes(), 413),
        (MULTIPART, twice.as_bytes(), 200),
        (MULTIPART, headed.as_bytes(), 400),
        (MULTIPART, b"--BoUnDaRy\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nnever ends", 400),
        (JSON, &[b"{\"a\":".repeat(100), b"1".to_vec(), b"}".repeat(100)].concat(), 400),
    ];
    for (kind, sent, status) in cases {
        let answer = house.http.post("/f/contact", kind, sent).unwrap();
        assert_eq!(answer.status, status, "{kind} {}", answer.text());
    }
    let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
    assert_eq!(house.http.post("/f/contact", &long, b"x").unwrap().status, 400);
    house.stop().await;
}

#[test]
fn s50_a_test_submission_goes_from_end_to_end_and_is_nobodys_lead() {
    let form = "[[form]]\nid = \"contact\"\npublic_id = \"f3b9c1d27a4e4f0c9d51c6a8e2b7d640\"\nstrict = true\nfield = [\
        { name = \"name\", required = true }, { name = \"email\", type = \"email\", required = true },\
        { name = \"size\", type = \"number\" }, { name = \"topic\", options = [\"a\", \"b\"] }, { name = \"message\" }]\n\
        [[form]]\nid = \"closed\"\nenabled = false";
    let mut daemon = Setup::bare().tables(form).tables(OPEN).start();
    let output = daemon.setup().run(&["forms", "test", "contact", "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), said["arrived"].as_bool()), (Some(0), Some(true)), "{said}");
    assert_eq!(said["state"], "decided");
    let record = said["record"].as_str().unwrap().split_once(':').unwrap().1.to_owned();
    let shown = rows(&daemon, &["leads", "show", &record, "--json"]).pop().unwrap();
    assert!(shown["tags"].as_array().unwrap().contains(&json!("test")), "{}", shown["tags"]);
    assert_eq!(shown["fields"]["owner"], Value::Null, "it lies on nobody's desk");
    // Several watchdogs at one time do not know of each other.
    let watchdog = || daemon.setup().run(&["forms", "test", "contact", "--json"]);
    let all = std::thread::scope(|scope| [0; 3].map(|_| scope.spawn(watchdog)).map(|one| one.join().unwrap()));
    for output in all {
        let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy);
        assert_eq!(output.status.code(), Some(0), "{said:?}");
    }
    // Nobody outside can mark a submission, nor send one that is lost among the tests.
    let forged = [("x-pisteur-test", "f3b9c1d27a4e4f0c9d51c6a8e2b7d640")];
    let path = "/f/f3b9c1d27a4e4f0c9d51c6a8e2b7d640";
    let fields = [("name", "Eva"), ("email", "eva@web.example"), ("message", "hi")];
    assert_eq!(daemon.public().post_form_with(path, &fields, &forged).unwrap().status, 400);
    assert_eq!(daemon.public().post_form_with(path, &fields, &[("x-pisteur-test", "")]).unwrap().status, 200);
    let real = wait_for_lead(&daemon, "eva@web.example");
    assert!(!real["tags"].to_string().contains("test"));
    // A form that cannot be reached says so, with an exit code that a watchdog can use.
    for (id, words) in [("closed", "410"), ("contact", "cannot be reached")] {
        if id == "contact" {
            daemon.stop_cleanly();
        }
        let output = daemon.setup().run(&["forms", "test", id]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("fail") && text.contains(words), "{text}");
    }
    assert_eq!(daemon.setup().run(&["forms", "test", "nowhere"]).status.code(), Some(2));
}

#[test]
fn a_new_form_is_printed_ready_for_the_configuration() {
    let setup = Setup::bare();
    let print = || String::from_utf8(setup.run(&["forms", "new", "--id", "quote"]).stdout).unwrap();
    let (first, second) = (print(), print());
    assert_ne!(first, second, "each has an address of its own");
    let daemon = Setup::bare().tables(&first).tables(OPEN).start();
    let listed = rows(&daemon, &["forms", "list", "--json"]);
    let address = listed[0]["address"].as_str().unwrap();
    let public_id = listed[0]["public_id"].as_str().unwrap();
    assert_eq!((listed[0]["id"].as_str(), public_id.len()), (Some("quote"), 32));
    assert!(first.contains(address.rsplit('/').next().unwrap()));
    assert_eq!(daemon.public().post_form("/f/quote", &[("message", "x")]).unwrap().status, 404);
    let path = format!("/f/{public_id}");
    assert_eq!(daemon.public().post_form(&path, &[("message", "x")]).unwrap().status, 200);
    let listed = rows(&daemon, &["forms", "list", "--json"]);
    assert!(listed[0]["last_received_at"].is_string());
    assert_eq!(setup.run(&["forms", "new", "--id", "a b"]).status.code(), Some(2));
}
