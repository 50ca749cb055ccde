//! Plugins of `WordPress` that post to a hook, as config/sites.md tells people to set them up.

use serde_json::Value;

use super::guide;
use crate::support::daemon::{Daemon, Setup};
use crate::support::wait;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const SECRET: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

/// A daemon with the documented hook, under default limits; with the documented map where `mapped`.
fn daemon(mapped: bool) -> Daemon {
    let part = guide::part("### WordPress");
    let mut hook = guide::snippets(part).remove(0);
    if mapped {
        let map = part.split_once("`field = [").unwrap().1.split_once("]`").unwrap().0;
        hook.push_str(&format!("\nfield = [{map}]"));
    }
    Setup::new().contact_form().tables(&hook).env("WORDPRESS_SECRET", SECRET).start()
}

fn post(daemon: &Daemon, content_type: &str, body: &str) -> u16 {
    let address = format!("/hooks/wordpress/{SECRET}");
    daemon.public().post(&address, content_type, body.as_bytes()).unwrap().status
}

fn rows(daemon: &Daemon, args: &[&str]) -> Vec<Value> {
    let out = daemon.setup().run(args);
    String::from_utf8(out.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until every submission is decided; the leads.
fn leads(daemon: &Daemon, wanted: usize) -> Vec<Value> {
    let list = |args: &[&str]| rows(daemon, args);
    wait::until("all are decided", wait::LONG, || {
        let all = list(&["submissions", "list", "--json", "--limit", "0"]);
        all.len() == wanted && all.iter().all(|row| row["state"] == "decided" && row["duplicate_of"].is_null())
    });
    list(&["leads", "list", "--json", "--limit", "0"])
}

/// Plugin, content type and body, in which `##` stands for the number of a visitor.
fn cases() -> Vec<(&'static str, &'static str, String)> {
    let multipart = [
        "_wpcf7=42",
        "_wpcf7_version=6.0",
        "_wpcf7_locale=cs_CZ",
        "_wpcf7_unit_tag=wpcf7-f42",
        "your-name=Eva Malá",
        "your-email=eva##@w##.example",
        "your-message=Ahoj",
    ]
    .map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        format!("--WP\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    })
    .concat()
        + "--WP--\r\n";
    vec![
        ("Contact Form 7, multipart", "multipart/form-data; boundary=WP", multipart),
        ("Contact Form 7 to webhook", JSON, r#"{"your-name":"Eva Malá","your-email":"eva##@w##.example","your-message":"Ahoj"}"#.to_owned()),
        ("WPForms", JSON, r#"{"name":"Eva Malá","email":"eva##@w##.example","message":"Ahoj"}"#.to_owned()),
        ("WPForms, form", FORM, "name=Eva+Mal%C3%A1&email=eva##%40w##.example&message=Ahoj".to_owned()),
        ("Elementor, simple", FORM, "Name=Eva+Mal%C3%A1&Email=eva##%40w##.example&Message=Ahoj&form_id=1&form_name=Contact&Page+URL=https%3A%2F%2Fw.example&Remote+IP=1.2.3.4&Powered+by=Elementor".to_owned()),
        ("Gravity Forms, all fields", JSON, r#"{"id":"12","form_id":"3","ip":"1.2.3.4","source_url":"https://w.example/?utm_source=x","1.3":"Eva","1.6":"Malá","2":"eva##@w##.example","4":"Ahoj"}"#.to_owned()),
        ("Gravity Forms, select fields", FORM, "first_name=Eva&last_name=Mal%C3%A1&email=eva##%40w##.example&message=Ahoj".to_owned()),
    ]
}

#[test]
fn each_plugin_becomes_a_lead_with_the_documented_hook_and_map() {
    let mut daemon = daemon(true);
    let cases = cases();
    for (n, (plugin, content_type, body)) in cases.iter().enumerate() {
        assert_eq!(post(&daemon, content_type, &body.replace("##", &n.to_string())), 200, "{plugin}");
    }
    let leads = leads(&daemon, cases.len());
    for (n, (plugin, ..)) in cases.iter().enumerate() {
        let email = format!("eva{n}@w{n}.example");
        let lead = leads.iter().find(|lead| lead["email"] == email).unwrap_or_else(|| panic!("{plugin}: {leads:#?}"));
        let out = daemon.setup().run(&["leads", "show", lead["id"].as_str().unwrap(), "--json"]);
        let shown = String::from_utf8(out.stdout).unwrap();
        for said in ["Eva", "Malá", "Ahoj"] {
            assert!(shown.contains(said), "{plugin}: {said} not in {shown}");
        }
        assert!(!shown.contains("_wpcf7"), "{plugin}: {shown}");
    }
    daemon.stop_cleanly();
}

#[test]
fn ten_visitors_in_a_minute_from_the_one_address_of_wordpress_are_ten_leads() {
    let mut daemon = daemon(false);
    let body = |n: usize| format!(r#"{{"name":"Eva Malá{n}","email":"eva{n}@w{n}.example","message":"Ahoj {n}"}}"#);
    for n in 0..10 {
        assert_eq!(post(&daemon, JSON, &body(n)), 200, "visitor {n}");
    }
    assert_eq!(leads(&daemon, 10).len(), 10);
    // What the guide says of a form's own address.
    let by_form = |n: usize| daemon.public().post("/f/contact", JSON, body(n + 100).as_bytes()).unwrap().status;
    let statuses: Vec<u16> = (0..6).map(by_form).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
    daemon.stop_cleanly();
}
