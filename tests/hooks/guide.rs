//! "Connect third parties" of config/sites.md as a new user takes it: each snippet is copied out and used.

use pisteur::domain::hooks::verify::hmac_hex;
use serde_json::json;

use super::rig::{Fixture, pairs};
use crate::support::daemon::Setup;
use crate::support::wait;
use crate::support::webhook::{Reply, WebhookReceiver};

const FILE: &str = include_str!("../../config/sites.md");

/// The part below a heading, up to the next one of its level.
pub fn part(heading: &str) -> &'static str {
    let level = heading.split(' ').next().unwrap();
    let below = FILE.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading:?}")).1;
    below.split_once(&format!("\n{level} ")).map_or(below, |(part, _)| part)
}

/// The TOML snippets of a part, as copied: without the indent of their list.
pub fn snippets(part: &str) -> Vec<String> {
    part.split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().replace("\n   ", "\n").trim().to_owned())
        .collect()
}

#[test]
fn each_way_takes_less_than_ten_lines() {
    for heading in
        ["### Typeform", "### WordPress", "### Meta lead ads (Facebook, Instagram)", "### Google Ads lead forms"]
    {
        let part = part(heading);
        let steps = part.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_digit())).count();
        let lines: usize = snippets(part).iter().map(|s| s.lines().count()).sum();
        assert!((1..10).contains(&(steps + lines)), "{heading}: {steps} steps, {lines} lines");
    }
}

#[test]
fn what_is_to_be_copied_carries_requests_to_leads() {
    let snippets: Vec<String> = snippets(part("## Connect third parties"));
    assert_eq!(snippets.len(), 3);
    let graph = WebhookReceiver::start();
    let lead = json!({"id": "77", "created_time": "2027-01-15T08:00:00+0000", "form_id": "f1", "platform": "fb",
        "field_data": [{"name": "full_name", "values": ["Olga Bílá"]}, {"name": "email", "values": ["olga@bila.example"]}]});
    graph.answer_by(move |_| Reply::json(&lead));
    // Only where the lead is fetched from is another one than Meta's.
    let double = format!(
        "page-token\"\nfetch_base = \"{}\"\nallow_http = true\nallow_private = [\"127.0.0.0/8\"]",
        graph.url("").trim_end_matches('/')
    );
    let tables = snippets.join("\n").replace("/etc/pisteur/meta-page-token\"", &double);
    let setup = Setup::new().contact_form().tables(&tables).file("page-token", "EAAB-page-token-of-the-shop");
    let typeform = Fixture::named("typeform");
    let setup = setup
        .env("TYPEFORM_SECRET", &typeform.secret)
        .env("WORDPRESS_SECRET", "c0ffee00c0ffee00c0ffee00c0ffee00")
        .env("META_APP_SECRET", "of-the-app")
        .env("META_VERIFY_TOKEN", "typed-too");
    let out = setup.run(&["check"]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{text}");
    // The handshake that "Verify and save" makes.
    let mut daemon = setup.start();
    let asked = "/hooks/meta?hub.mode=subscribe&hub.verify_token=typed-too&hub.challenge=77";
    assert_eq!(daemon.public().get(asked).unwrap().text(), "77");
    let post = |hook: &str, headers: &[(&str, &str)], body: &str| {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        daemon.public().request("POST", hook, &headers, body.as_bytes()).unwrap().status
    };
    assert_eq!(post("/hooks/typeform", &pairs(&typeform.headers), &typeform.body), 200);
    let announced =
        json!({"object": "page", "entry": [{"id": "1", "changes": [{"field": "leadgen", "value": {"leadgen_id": "77"}}]}]})
            .to_string();
    let signature = format!("sha256={}", hmac_hex(b"of-the-app", announced.as_bytes()));
    assert_eq!(post("/hooks/meta", &[("x-hub-signature-256", &signature)], &announced), 200);
    let leads = || {
        let out = daemon.setup().run(&["leads", "list", "--json"]);
        String::from_utf8(out.stdout).unwrap()
    };
    wait::until("both are leads", wait::LONG, || leads().lines().count() == 2);
    let typed = &typeform.expect["/emails/0/address"];
    assert!(leads().contains("olga@bila.example") && leads().contains(typed), "{}", leads());
    daemon.stop_cleanly();
}

#[test]
fn every_adapter_named_is_there() {
    let (adapters, _) = pisteur::config::hook::Adapters::load(None);
    let table = part("### Everybody else");
    for name in [
        "jotform",
        "secret-address",
        "linkedin-lead-gen",
        "bearer",
        "basic",
        "stripe-style",
        "hmac",
        "standard-webhooks",
        "mime",
    ] {
        assert!(table.contains(&format!("`{name}`")) && adapters.get(name).is_some(), "{name}");
    }
}
