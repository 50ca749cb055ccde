//! "Connect third parties" of config/sites.md as a new user takes it: each snippet is copied out and used.

use crate::support::daemon::Setup;

const FILE: &str = include_str!("../../config/sites.md");

/// The part below a heading, up to the next one of its level.
fn part(heading: &str) -> &'static str {
    let level = heading.split(' ').next().unwrap();
    let below = FILE.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading:?}")).1;
    below.split_once(&format!("\n{level} ")).map_or(below, |(part, _)| part)
}

/// The TOML snippets of a part, as copied: without the indent of their list.
fn snippets(part: &str) -> Vec<String> {
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
fn what_is_to_be_copied_is_a_configuration() {
    let snippets: Vec<String> = snippets(part("## Connect third parties"));
    assert_eq!(snippets.len(), 2);
    let tables = snippets.join("\n").replace("/etc/pisteur/meta-page-token", "page-token");
    let setup = Setup::new().contact_form().tables(&tables).file("page-token", "EAAB-page-token-of-the-shop");
    let setup = setup
        .env("TYPEFORM_SECRET", "typed-there")
        .env("META_APP_SECRET", "of-the-app")
        .env("META_VERIFY_TOKEN", "typed-too");
    let out = setup.run(&["check"]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{text}");
    // The handshake that "Verify and save" makes.
    let mut daemon = setup.start();
    let asked = "/hooks/meta?hub.mode=subscribe&hub.verify_token=typed-too&hub.challenge=77";
    assert_eq!(daemon.public().get(asked).unwrap().text(), "77");
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
