//! `pisteur hooks` and the lines of `doctor`.

use super::rig::Fixture;
use crate::support::daemon::Setup;

fn run(setup: &Setup, args: &[&str]) -> (Option<i32>, String) {
    let out = setup.run(args);
    (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
}

fn shop() -> Setup {
    let hooks = "[[hook]]\nid = \"jot\"\nadapter = \"jotform\"\nsecret_file = \"secret\"\n\
                 [[hook]]\nid = \"meta\"\nadapter = \"meta-lead-ads\"\nsecret_file = \"secret\"\nverify_token_file = \"secret\"\n\
                 [[hook]]\nid = \"el\"\nadapter = \"elementor\"\nallow_unverified = true\nsecret_file = \"secret\"\n\
                 [[hook]]\nid = \"t\"\nadapter = \"tally\"\nsecret_file = \"secret\"\n";
    Setup::new().contact_form().tables(hooks).file("secret", "0123456789abcdef0123456789abcdef")
}

#[test]
fn hooks_are_listed_with_the_address_to_give_to_the_producer() {
    let setup = shop();
    let (code, text) = run(&setup, &["hooks", "list"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("/hooks/jot/SECRET") && text.contains("/hooks/t\n") && !text.contains("0123456789abcdef"),
        "{text}"
    );
    assert!(text.contains("signature in Tally-Signature") && text.contains("secret in the address"), "{text}");
    let (_, json) = run(&setup, &["hooks", "list", "--json"]);
    assert_eq!(json.lines().count(), 4);
    let (_, text) = run(&setup, &["hooks", "adapters"]);
    assert!(text.contains("typeform") && text.contains("opt-in"), "{text}");
}

#[test]
fn a_hook_shows_what_it_makes_of_a_request() {
    let setup =
        shop().file("body.json", Fixture::named("tally").body).file("jot.multipart", Fixture::named("jotform").body);
    let (code, text) = run(&setup, &["hooks", "test", "t", "body.json"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1. a lead") && text.contains("emile@pompes.example") && text.contains("Training"), "{text}");
    let (_, text) = run(&setup, &["hooks", "test", "jot", "jot.multipart"]);
    assert!(text.contains("García") && text.contains("last_name"), "{text}");
    let setup = setup.file("meta.json", Fixture::named("meta-lead-ads").body);
    let (_, text) = run(&setup, &["hooks", "test", "meta", "meta.json"]);
    assert!(text.contains("a lead to be fetched: 123123123123"), "{text}");
    for (name, body) in [("rubbish.bin", &b"\0\xff\xfe"[..]), ("empty", b""), ("half.json", b"{\"a\":")] {
        std::fs::write(setup.dir().join(name), body).unwrap();
        let (code, text) = run(&setup, &["hooks", "test", "t", name]);
        assert!(code == Some(1) && text.starts_with("unreadable"), "{name}: {text}");
    }
    let (code, text) = run(&setup, &["hooks", "test", "nobody", "meta.json"]);
    assert!(code == Some(2) && text.contains("pisteur hooks list"), "{text}");
}

#[test]
fn doctor_has_a_line_for_each_hook() {
    let (_, text) = run(&shop(), &["doctor"]);
    for line in [
        "hook jot           Jotform at /hooks/jot, 1 secret",
        "no token, so announced leads wait",
        "not verified",
        "hook t             Tally at /hooks/t, 1 secret",
    ] {
        assert!(text.contains(line), "{line} not in {text}");
    }
}
