//! Fetching announced leads, against a local double of the documented interface: notification, fetch, errors in plain
//! words, dead letters and their retry, the poll for what was lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger::count_blocking;
use crate::support::process::Signal;
use crate::support::wait;
use crate::support::webhook::{Received, Reply, WebhookReceiver};

const SECRET: &str = "the-app-secret";
const TOKEN: &str = "EAAB-page-token-of-the-shop";

/// What the double of the Graph API holds and how it behaves.
#[derive(Debug, Default)]
struct Shelf {
    /// Leads by id, with the time they were made.
    leads: BTreeMap<String, (i64, Value)>,
    /// Answers the next questions in this way, first.
    trouble: Vec<Trouble>,
    /// And so many of them well before that.
    well: usize,
}

#[derive(Debug, Clone)]
enum Trouble {
    Error(u16, i64),
    Status(u16),
    Slow(Duration),
    Redirect,
    NoJson,
}

/// A double of `graph.facebook.com`: one lead by id, pages of a form's leads after a time, errors as documented.
struct Graph {
    server: WebhookReceiver,
    shelf: Arc<Mutex<Shelf>>,
}

impl Graph {
    fn start() -> Self {
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let server = WebhookReceiver::start();
        let shared = Arc::clone(&shelf);
        server.answer_by(move |request| {
            let mut reply = answer(&mut shared.lock().unwrap(), request);
            // What no JSON writer makes: half a character, and a number of any size.
            let text = String::from_utf8(reply.body).unwrap();
            reply.body = text.replace("@HALF@", "\\ud83d").replace("\"@HUGE@\"", "1e400").into_bytes();
            reply
        });
        Self { server, shelf }
    }

    fn holds(&self, id: &str, created: i64, email: &str) {
        let numbered: Value =
            id.parse::<u64>().map_or_else(|_| json!(id), |n| if n % 2 == 0 { json!(n) } else { json!(id) });
        let lead = json!({"id": numbered, "created_time": "2027-01-15T08:00:00+0000", "form_id": "f1", "ad_id": "a1",
            "campaign_id": "c1", "is_organic": false, "platform": "fb",
            "field_data": [{"name": "full_name", "values": [format!("Eva Malá{id}")]}, {"name": "email", "values": [email]},
                           {"name": "phone_number", "values": [format!("+420601{id:0>6}")]}, {"name": "kolik_kusů?", "values": ["3"]}]});
        self.shelf.lock().unwrap().leads.insert(id.to_owned(), (created, lead));
    }

    /// Changes a lead that it holds.
    fn change(&self, id: &str, change: impl FnOnce(&mut Value)) {
        change(&mut self.shelf.lock().unwrap().leads.get_mut(id).unwrap().1);
    }

    fn trouble(&self, trouble: Trouble) {
        self.shelf.lock().unwrap().trouble.push(trouble);
    }

    fn asked(&self, what: &str) -> usize {
        self.server.requests().iter().filter(|r| r.path.starts_with(what)).count()
    }
}

fn error(status: u16, code: i64) -> Reply {
    let mut reply = Reply::json(
        &json!({"error": {"message": "Some words.", "type": "OAuthException", "code": code, "fbtrace_id": "x"}}),
    );
    reply.status = status;
    reply
}

fn answer(shelf: &mut Shelf, request: &Received) -> Reply {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if query.get("access_token").map(String::as_str) != Some(TOKEN) {
        return error(400, 190);
    }
    if shelf.well > 0 {
        shelf.well -= 1;
    } else if !shelf.trouble.is_empty() {
        return match shelf.trouble.remove(0) {
            Trouble::Error(status, code) => error(status, code),
            Trouble::Status(status) => Reply::status(status),
            Trouble::Slow(time) => Reply::status(200).after(time),
            Trouble::Redirect => Reply::status(302).with_header("location", "http://127.0.0.1:1/"),
            Trouble::NoJson => Reply { body: b"<html>".to_vec(), ..Reply::status(200) },
        };
    }
    let mut parts = path.trim_start_matches('/').split('/');
    let (_version, id, leads) = (parts.next(), parts.next().unwrap_or_default(), parts.next());
    if leads.is_none() {
        return shelf.leads.get(id).map_or_else(|| error(400, 100), |(_, lead)| Reply::json(lead));
    }
    // Pages of two, newest first, after the time asked for.
    let filter: Value = serde_json::from_str(&query["filtering"]).unwrap();
    assert_eq!(
        (filter[0]["field"].as_str(), filter[0]["operator"].as_str()),
        (Some("time_created"), Some("GREATER_THAN"))
    );
    let since = filter[0]["value"].as_i64().unwrap();
    let mut found: Vec<_> = shelf.leads.values().filter(|(made, _)| *made > since).collect();
    found.sort_by_key(|(made, _)| -made);
    let from: usize = query.get("after").map_or(0, |cursor| cursor.trim_start_matches("c=").parse().unwrap());
    let page: Vec<_> = found.iter().skip(from).take(2).map(|(_, lead)| lead.clone()).collect();
    let mut paging = json!({"cursors": {"before": "b", "after": format!("c={}", from + 2)}});
    if from + 2 < found.len() {
        paging["next"] = json!("http://169.254.169.254/never-followed");
    }
    Reply::json(&json!({"data": page, "paging": paging}))
}

fn now() -> i64 {
    use pisteur::clock::Clock as _;
    pisteur::clock::SystemClock::default().now().seconds()
}

fn setup(graph: &Graph, more: &str) -> Setup {
    let hook = format!(
        "[delivery]\ntimeout_seconds = 2\n[[hook]]\nid = \"meta\"\nadapter = \"meta-lead-ads\"\nsecret_file = \"secret\"\n\
         verify_token_file = \"verify\"\ntoken_file = \"token\"\nfetch_base = \"{}\"\nallow_http = true\n\
         allow_private = [\"127.0.0.0/8\"]\n{more}",
        graph.server.url("").trim_end_matches('/')
    );
    Setup::new().contact_form().file("secret", SECRET).file("verify", "verify-me").file("token", TOKEN).tables(&hook)
}

fn notify(daemon: &Daemon, ids: &[Value]) {
    let changes: Vec<_> = ids
        .iter()
        .map(|id| json!({"field": "leadgen", "value": {"leadgen_id": id, "form_id": 7, "page_id": "1"}}))
        .collect();
    let body = json!({"object": "page", "entry": [{"id": "1", "time": 1, "changes": changes}]}).to_string();
    let signature = format!("sha256={}", pisteur::domain::hooks::verify::hmac_hex(SECRET.as_bytes(), body.as_bytes()));
    let headers = [("content-type", "application/json"), ("x-hub-signature-256", signature.as_str())];
    let answer = daemon.public().request("POST", "/hooks/meta", &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200);
}

fn list(daemon: &Daemon, args: &[&str]) -> Vec<Value> {
    let out = daemon.setup().run(args);
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn leads(daemon: &Daemon) -> Vec<Value> {
    list(daemon, &["leads", "list", "--json"])
}

/// Announcements whose lead has not come.
fn missing(daemon: &Daemon) -> Vec<Value> {
    let parked = list(daemon, &["submissions", "list", "--state", "parked", "--json", "--limit", "0"]);
    parked.into_iter().filter(|a| a["reason"] == "to_be_fetched").collect()
}

fn wait_missing(daemon: &Daemon, wanted: usize) -> Vec<Value> {
    wait::until("so many announcements wait", wait::LONG, || missing(daemon).len() == wanted);
    missing(daemon)
}

/// What is written of a lead.
fn shown(daemon: &Daemon, lead: &Value) -> String {
    let id = lead["id"].as_str().unwrap();
    String::from_utf8(daemon.setup().run(&["leads", "show", id, "--json"]).stdout).unwrap()
}

fn arrivals(daemon: &Daemon) -> Vec<Value> {
    list(daemon, &["submissions", "list", "--json", "--limit", "0"])
}

#[test]
fn an_announced_lead_is_fetched_once_whatever_is_delivered_again() {
    let graph = Graph::start();
    graph.holds("123", now(), "eva@w.example");
    graph.holds("124", now(), "ida@w.example");
    let mut daemon = setup(&graph, "").start();
    for ids in [[json!("123"), json!(124)], [json!(123), json!("124")]] {
        notify(&daemon, &ids);
    }
    wait::until("both leads are there", wait::LONG, || leads(&daemon).len() == 2);
    notify(&daemon, &[json!("123")]);
    let all = arrivals(&daemon);
    let announced = |a: &&Value| a["reason"] == "fetched" && a["state"] == "decided" && a["duplicate_of"].is_null();
    assert_eq!(all.iter().filter(announced).count(), 2, "what has come is closed: {all:#?}");
    assert!(missing(&daemon).is_empty(), "{all:#?}");
    let lead = leads(&daemon).into_iter().find(|l| l["email"] == "eva@w.example").expect("the first lead");
    let shown =
        String::from_utf8(daemon.setup().run(&["leads", "show", lead["id"].as_str().unwrap(), "--json"]).stdout)
            .unwrap();
    for said in ["Eva", "+420601000123", "facebook", "cpc", "kolik_kusů?"] {
        assert!(shown.contains(said), "{said} not in {shown}");
    }
    assert_eq!(graph.asked("/v23.0/123"), 1, "redeliveries fetch nothing again");
    let questions = graph.server.requests();
    assert!(questions.iter().all(|q| q.method == "GET" && q.path.contains("fields=field_data")));
    daemon.stop_cleanly();
    assert!(!daemon.stderr().contains(TOKEN), "the token is in no log");
}

#[test]
fn an_expired_token_is_a_dead_letter_in_plain_words_and_works_again_when_it_is_changed() {
    let graph = Graph::start();
    graph.holds("125", now(), "eva@w.example");
    let mut daemon = setup(&graph, "").file("token", "EAAB-an-expired-token").start();
    notify(&daemon, &[json!("125")]);
    let _ = wait_missing(&daemon, 1);
    let dead = || list(&daemon, &["deliveries", "list", "--json"]);
    wait::until("a dead letter is listed", wait::LONG, || dead().len() == 1);
    let letter = dead().remove(0).to_string();
    assert!(letter.contains("retrieve") && letter.contains("meta"), "{letter}");
    assert!(
        letter.contains("the page token has expired or was taken back") && letter.contains("error 190"),
        "{letter}"
    );
    assert!(!letter.contains("EAAB"), "{letter}");
    std::fs::write(daemon.path("token"), TOKEN).unwrap();
    assert_eq!(daemon.setup().run(&["deliveries", "retry", "--all"]).status.code(), Some(0));
    wait::until("the lead is fetched with the new token", wait::LONG, || leads(&daemon).len() == 1);
    assert!(wait_missing(&daemon, 0).is_empty());
    daemon.stop_cleanly();
}

#[test]
fn a_missing_permission_and_a_missing_token_say_what_to_do() {
    let graph = Graph::start();
    let mut daemon = setup(&graph, "").start();
    graph.trouble(Trouble::Error(403, 200));
    graph.trouble(Trouble::Redirect);
    notify(&daemon, &[json!("1")]);
    let dead = || list(&daemon, &["deliveries", "list", "--json"]);
    wait::until("the first is a dead letter", wait::LONG, || dead().len() == 1);
    assert!(dead()[0].to_string().contains("no leads_retrieval permission"), "{:?}", dead());
    notify(&daemon, &[json!("2")]);
    wait::until("the redirect is one too", wait::LONG, || dead().len() == 2);
    assert!(dead()[0].to_string().contains("sends elsewhere, which is not followed"), "{:?}", dead());
    notify(&daemon, &[json!("../me/accounts")]);
    wait::until("an id of another shape is never asked for", wait::LONG, || dead().len() == 3);
    assert_eq!(graph.asked("/v23.0/"), 2);
    assert_eq!(missing(&daemon).len(), 3, "what never came stays open");
    wait::until("it is a reason of readiness", wait::LONG, || {
        daemon.operator().get("/readyz").is_ok_and(|ready| ready.text().contains("deliveries list"))
    });
    daemon.stop_cleanly();
}

#[test]
fn trouble_that_passes_is_waited_out() {
    let graph = Graph::start();
    graph.holds("126", now(), "eva@w.example");
    graph.trouble(Trouble::Error(400, 4));
    graph.trouble(Trouble::Status(500));
    let mut daemon = setup(&graph, "").start();
    notify(&daemon, &[json!("126")]);
    wait::until("it is fetched in the end", Duration::from_secs(90), || leads(&daemon).len() == 1);
    assert_eq!(graph.asked("/v23.0/126"), 3);
    let said = daemon.stderr();
    assert!(said.contains("the Graph API asks to slow down (answer 400, error 4)"), "{said}");
    assert!(said.contains("refused (answer 500)"), "{said}");
    daemon.stop_cleanly();
}

#[test]
fn a_slow_or_foreign_answer_is_tried_again() {
    let graph = Graph::start();
    graph.holds("127", now(), "eva@w.example");
    graph.trouble(Trouble::Slow(Duration::from_secs(4)));
    graph.trouble(Trouble::NoJson);
    let mut daemon = setup(&graph, "").start();
    notify(&daemon, &[json!("127")]);
    wait::until("it is fetched in the end", Duration::from_secs(90), || leads(&daemon).len() == 1);
    let said = daemon.stderr();
    assert!(said.contains("timed out") && said.contains("no JSON object"), "{said}");
    daemon.stop_cleanly();
}

#[test]
fn what_notifications_lost_is_found_by_asking_and_nothing_doubles() {
    let graph = Graph::start();
    for (n, age) in (200..207).zip([60, 600, 3_000, 9_000, 40_000, 80_000, 400_000]) {
        graph.holds(&n.to_string(), now() - age, &format!("lead{n}@w.example"));
    }
    let mut daemon = setup(&graph, "backfill = [\"f1\"]\nbackfill_minutes = 1").start();
    wait::until("leads of two days are found over their pages", wait::LONG, || leads(&daemon).len() == 6);
    assert_eq!(graph.asked("/v23.0/f1/leads"), 3, "three pages of two");
    // A notification that comes late changes nothing.
    notify(&daemon, &[json!("200"), json!(201)]);
    wait::until("both are looked at, and closed", wait::LONG, || {
        arrivals(&daemon).iter().filter(|a| a["reason"] == "fetched").count() == 2 && graph.asked("/v23.0/20") == 2
    });
    let fetched_again = || arrivals(&daemon).iter().filter(|a| !a["duplicate_of"].is_null()).count();
    wait::until("both are repeats of what is known", wait::LONG, || fetched_again() == 2);
    assert_eq!(leads(&daemon).len(), 6);
    // After a restart it goes on from its mark: nothing is asked twice within the minute.
    daemon.stop_cleanly();
    graph.holds("300", now(), "new@w.example");
    daemon.restart();
    wait::until("the mark has let the minute pass and only the new one comes", Duration::from_secs(120), || {
        leads(&daemon).len() == 7
    });
    let asked = graph.server.requests();
    let last = asked.iter().rev().find(|r| r.path.starts_with("/v23.0/f1/leads")).unwrap();
    let filter: String = form_urlencoded::parse(last.path.split_once('?').unwrap().1.as_bytes())
        .find(|(name, _)| name == "filtering")
        .unwrap()
        .1
        .into_owned();
    let since = serde_json::from_str::<Value>(&filter).unwrap()[0]["value"].as_i64().unwrap();
    assert!(since > now() - 2 * 3_600, "from the mark on, an hour over again: {since}");
    assert!(
        arrivals(&daemon).iter().filter(|a| !a["duplicate_of"].is_null()).count() == 2,
        "known ones are not journalled again"
    );
    daemon.stop_cleanly();
}

#[test]
fn a_poll_that_cannot_ask_is_a_reason_of_readiness() {
    let graph = Graph::start();
    let mut daemon = setup(&graph, "backfill = [\"f1\"]").file("token", "EAAB-an-expired-token").start();
    wait::until("readiness says why", wait::LONG, || {
        let ready = daemon.operator().get("/readyz").unwrap().text();
        ready.contains("hook meta could not be asked for lost leads: the page token has expired")
    });
    // It goes on being said after a change of something else, and a change of the hook is tried at once.
    daemon.signal(Signal::Hup);
    wait::until("it is taken over", wait::LONG, || daemon.stderr().contains("rules and configuration in force"));
    assert!(daemon.operator().get("/readyz").unwrap().text().contains("lost leads"));
    graph.holds("170", now() - 60, "eva@w.example");
    std::fs::write(daemon.path("token"), TOKEN).unwrap();
    let config = std::fs::read_to_string(daemon.path("pisteur.toml")).unwrap();
    std::fs::write(daemon.path("pisteur.toml"), config.replace("[\"f1\"]", "[\"f2\"]")).unwrap();
    daemon.signal(Signal::Hup);
    // Commands beside the daemon would write the configuration of before.
    let url = daemon.setup().database_url().to_owned();
    wait::until("the new form is asked for", wait::LONG, || count_blocking(&url, "SELECT count(*) FROM lead") == 1);
    wait::until("all is well", wait::LONG, || !daemon.operator().get("/readyz").unwrap().text().contains("lost leads"));
    assert_eq!(graph.asked("/v23.0/f2/leads"), 1);
    daemon.stop_cleanly();
}

#[test]
fn a_round_that_meets_trouble_between_its_pages_is_gone_on_with_from_there() {
    let graph = Graph::start();
    for n in 0..6 {
        graph.holds(&(180 + n).to_string(), now() - 60 - n, &format!("lead{n}@w{n}.example"));
    }
    graph.shelf.lock().unwrap().well = 2;
    graph.trouble(Trouble::Status(500));
    let mut daemon = setup(&graph, "backfill = [\"f1\"]\nbackfill_minutes = 1").start();
    wait::until("four are found and the rest is not", wait::LONG, || {
        leads(&daemon).len() == 4 && daemon.operator().get("/readyz").unwrap().text().contains("lost leads")
    });
    assert_eq!(graph.asked("/v23.0/f1/leads"), 3);
    wait::until("the next round brings the rest", Duration::from_secs(150), || leads(&daemon).len() == 6);
    assert_eq!(graph.asked("/v23.0/f1/leads"), 4, "no page was asked for twice but the one that failed");
    daemon.stop_cleanly();
}

#[test]
fn the_id_of_a_test_button_is_never_asked_for() {
    let graph = Graph::start();
    let mut daemon = setup(&graph, "").start();
    notify(&daemon, &[json!("444444444444")]);
    wait::until("it is put aside as a test", wait::LONG, || {
        arrivals(&daemon).iter().any(|a| a["state"] == "parked" && a["reason"] == "test_event")
    });
    // By the time that another one has come it would have been asked for.
    graph.holds("132", now(), "eva@w.example");
    notify(&daemon, &[json!("132")]);
    wait::until("a real one is fetched", wait::LONG, || leads(&daemon).len() == 1);
    assert_eq!(graph.asked("/v23.0/444444444444"), 0);
    assert!(missing(&daemon).is_empty());
    assert!(list(&daemon, &["deliveries", "list", "--json"]).is_empty());
    daemon.stop_cleanly();
}

#[test]
fn without_a_token_announcements_wait_and_are_fetched_when_there_is_one() {
    let graph = Graph::start();
    graph.holds("133", now(), "eva@w.example");
    graph.holds("134", now(), "ida@w.example");
    let mut daemon = setup(&graph, "").start();
    let config = std::fs::read_to_string(daemon.path("pisteur.toml")).unwrap();
    let put = |text: &str| {
        std::fs::write(daemon.path("pisteur.toml"), text).unwrap();
        daemon.signal(Signal::Hup);
    };
    put(&config.replace("token_file = \"token\"\n", ""));
    wait::until("it is taken over", wait::LONG, || daemon.stderr().contains("rules and configuration in force"));
    notify(&daemon, &[json!("133")]);
    notify(&daemon, &[json!("134")]);
    let ready = || daemon.operator().get("/readyz").unwrap().text();
    wait::until("readiness says that they wait", wait::LONG, || {
        ready().contains("hook meta: 2 announced leads wait for a token: set its token_env or token_file")
    });
    // Commands beside the daemon would write the configuration of before.
    let url = daemon.setup().database_url().to_owned();
    let waiting = "SELECT count(*) FROM arrival WHERE state = 'parked' AND reason = 'to_be_fetched'";
    assert_eq!(count_blocking(&url, waiting), 2);
    assert_eq!(
        count_blocking(&url, "SELECT count(*) FROM job WHERE dead = 1"),
        0,
        "nobody has to look at a dead letter"
    );
    let log = daemon.stderr();
    assert!(log.matches("wait for a token").count() + log.matches("waits for a token").count() <= 2, "{log}");
    // Who switches the hook off has said that nothing is to be fetched.
    let off = config.replace("token_file = \"token\"\n", "").replace("id = \"meta\"", "id = \"meta\"\nenabled = false");
    put(&off);
    wait::until("that is no trouble", wait::LONG, || ready().contains("\"ok\""));
    put(&config);
    wait::until("they are fetched with the token", wait::LONG, || leads(&daemon).len() == 2);
    assert!(wait_missing(&daemon, 0).is_empty());
    assert!(ready().contains("\"ok\""), "{}", ready());
    daemon.stop_cleanly();
}

#[test]
fn a_hook_that_is_switched_off_needs_nothing_to_ask_with() {
    let graph = Graph::start();
    let mut daemon = setup(&graph, "ca_file = \"no/such/file.pem\"\nenabled = false").start();
    let config = std::fs::read_to_string(daemon.path("pisteur.toml")).unwrap();
    std::fs::write(daemon.path("pisteur.toml"), config.replace("enabled = false", "enabled = false\nbackfill = []"))
        .unwrap();
    daemon.signal(Signal::Hup);
    wait::until("a change of it is taken over", wait::LONG, || {
        daemon.stderr().contains("rules and configuration in force")
    });
    daemon.stop_cleanly();
}

#[test]
fn a_lead_that_is_not_there_yet_is_asked_for_again() {
    let graph = Graph::start();
    let mut daemon = setup(&graph, "").start();
    notify(&daemon, &[json!("131")]);
    wait::until("it was asked for and is not there", wait::LONG, || {
        daemon.stderr().contains("there is no such lead for this token")
    });
    assert_eq!(missing(&daemon).len(), 1);
    assert!(list(&daemon, &["deliveries", "list", "--json"]).is_empty(), "nobody has to act yet");
    graph.holds("131", now(), "eva@w.example");
    wait::until("it is fetched when it is there", Duration::from_secs(90), || leads(&daemon).len() == 1);
    assert!(wait_missing(&daemon, 0).is_empty());
    daemon.stop_cleanly();
}

#[test]
fn half_a_character_in_an_announced_or_found_lead_does_not_stop_the_line() {
    let graph = Graph::start();
    for (id, email) in [("141", "eva@w.example"), ("142", "ida@w.example"), ("143", "jan@w.example")] {
        graph.holds(id, now() - 60, email);
        graph.change(id, |lead| {
            lead["field_data"][3]["values"] = json!(["cut @HALF@", "@HUGE@"]);
        });
    }
    let mut daemon = setup(&graph, "").start();
    notify(&daemon, &[json!("141")]);
    wait::until("the announced one is there", wait::LONG, || leads(&daemon).len() == 1);
    assert!(shown(&daemon, &leads(&daemon)[0]).contains("1e400"));
    daemon.stop_cleanly();
    let mut daemon = setup(&graph, "backfill = [\"f1\"]").start();
    wait::until("all of the form are found", wait::LONG, || leads(&daemon).len() == 3);
    assert!(!daemon.stderr().contains("no JSON object"), "{}", daemon.stderr());
    daemon.stop_cleanly();
}

#[test]
fn a_test_lead_is_a_record_that_nobody_is_told_of_whichever_way_it_comes() {
    let receiver = WebhookReceiver::start();
    let told = format!(
        "[[delivery.webhook]]\nid = \"crm\"\nurl = \"{}\"\nsecret_file = \"whsec\"\nallow_http = true\nallow_private = [\"127.0.0.0/8\"]",
        receiver.url("/crm")
    );
    for found in [false, true] {
        let graph = Graph::start();
        graph.holds("151", now() - 60, "test@fb.com");
        graph.change("151", |lead| {
            lead["field_data"] = json!([{"name": "full_name", "values": ["<test lead: dummy data for full_name>"]},
                {"name": "email", "values": ["test@fb.com"]}]);
        });
        let more = if found { "backfill = [\"f1\"]\n" } else { "" };
        let setup = setup(&graph, &format!("{more}{told}"));
        let mut daemon = setup.file("whsec", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").start();
        if !found {
            notify(&daemon, &[json!("151")]);
        }
        wait::until("the test is a record", wait::LONG, || leads(&daemon).len() == 1);
        let test = leads(&daemon).remove(0);
        assert!(test["owner"].is_null() && shown(&daemon, &test).contains("\"test\""), "{test}");
        let before = receiver.requests().len();
        // A real one after it is told: by then the test would have been.
        graph.holds("152", now(), "eva@w.example");
        notify(&daemon, &[json!("152")]);
        wait::until("the receiver is told of the real lead", wait::LONG, || receiver.requests().len() > before);
        let id = test["id"].as_str().unwrap().to_owned();
        daemon.stop_cleanly();
        let told = receiver.requests();
        assert!(told.iter().all(|r| !String::from_utf8_lossy(&r.body).contains(&id)), "nobody hears of a test");
    }
}

#[test]
fn a_lead_of_instagram_counts_as_one() {
    let graph = Graph::start();
    for (id, platform) in [("161", "ig"), ("162", "fb")] {
        graph.holds(id, now(), &format!("{platform}@w.example"));
        graph.change(id, |lead| lead["platform"] = json!(platform));
    }
    let mut daemon = setup(&graph, "").start();
    notify(&daemon, &[json!("161"), json!("162")]);
    wait::until("both are there", wait::LONG, || leads(&daemon).len() == 2);
    for (email, source, not) in [("ig@w.example", "instagram", "facebook"), ("fb@w.example", "facebook", "instagram")] {
        let lead = leads(&daemon).into_iter().find(|l| l["email"] == email).unwrap();
        let shown: Value = serde_json::from_str(&shown(&daemon, &lead)).unwrap();
        let text = shown.to_string();
        assert!(text.contains(source) && text.contains("cpc") && !text.contains(not), "{text}");
    }
    daemon.stop_cleanly();
}

#[test]
fn more_pages_than_one_round_asks_for_are_gone_on_with_by_the_next() {
    let graph = Graph::start();
    for n in 0..104 {
        graph.holds(&(1_000 + n).to_string(), now() - 60 - n, &format!("lead{n}@w{n}.example"));
    }
    let mut daemon = setup(&graph, "backfill = [\"f1\"]\nbackfill_minutes = 1").start();
    wait::until("the first round ends", wait::LONG, || daemon.stderr().contains("more than 50 pages"));
    assert_eq!(graph.asked("/v23.0/f1/leads"), 50);
    let ready = daemon.operator().get("/readyz").unwrap().text();
    assert!(!ready.contains("lost leads"), "{ready}");
    wait::until("the next round brings the rest", Duration::from_secs(150), || leads_of_all(&daemon) == 104);
    assert_eq!(graph.asked("/v23.0/f1/leads"), 52, "no page was asked for twice");
    daemon.stop_cleanly();
}

fn leads_of_all(daemon: &Daemon) -> usize {
    list(daemon, &["leads", "list", "--json", "--limit", "0"]).len()
}
