//! Hooks that are added, switched off, given another secret or taken away while the daemon runs.

use crate::support::daemon::{Daemon, Setup};
use crate::support::process::Signal;
use crate::support::wait;

fn post(daemon: &Daemon, hook: &str, secret: &str, number: u32) -> u16 {
    let bearer = format!("Bearer {secret}");
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let body = format!("{{\"name\":\"Eva Malá\",\"email\":\"eva{number}@w{number}.example\"}}");
    daemon.public().request("POST", &format!("/hooks/{hook}"), &headers, body.as_bytes()).unwrap().status
}

fn put(daemon: &Daemon, text: &str) {
    std::fs::write(daemon.path("pisteur.toml"), text).unwrap();
    daemon.signal(Signal::Hup);
}

fn answers(daemon: &Daemon, hook: &str, secret: &str, status: u16) {
    wait::until("the new configuration answers", wait::LONG, || post(daemon, hook, secret, 9) == status);
}

#[test]
fn a_change_of_hooks_is_live_without_a_restart() {
    let hook = |id: &str, more: &str| {
        format!("\n[[hook]]\nid = \"{id}\"\nadapter = \"bearer\"\nsecret_file = \"{id}.secret\"\n{more}\n")
    };
    let setup = Setup::new().contact_form().file("a.secret", "the-first-secret").file("b.secret", "another-secret");
    let mut daemon = setup.start();
    let bare = std::fs::read_to_string(daemon.path("pisteur.toml")).unwrap();
    assert_eq!(post(&daemon, "a", "the-first-secret", 1), 404);
    // Added.
    put(&daemon, &format!("{bare}{}", hook("a", "")));
    answers(&daemon, "a", "the-first-secret", 200);
    // Another one beside it, and a mistake changes nothing.
    put(&daemon, &format!("{bare}{}{}", hook("a", ""), hook("b", "")));
    answers(&daemon, "b", "another-secret", 200);
    put(&daemon, &format!("{bare}{}", hook("a", "adapterr = 1")));
    wait::until("the mistake is said", wait::LONG, || daemon.stderr().contains("adapterr"));
    assert_eq!(post(&daemon, "a", "the-first-secret", 2), 200);
    assert_eq!(post(&daemon, "b", "another-secret", 3), 200);
    // Another secret: the old one is good no more.
    std::fs::write(daemon.path("a.secret"), "the-second-secret").unwrap();
    put(&daemon, &format!("{bare}{}{}", hook("a", ""), hook("b", "")));
    answers(&daemon, "a", "the-second-secret", 200);
    assert_eq!(post(&daemon, "a", "the-first-secret", 4), 401);
    // Switched off, and taken away.
    put(&daemon, &format!("{bare}{}", hook("a", "enabled = false")));
    answers(&daemon, "a", "the-second-secret", 410);
    assert_eq!(post(&daemon, "b", "another-secret", 5), 404);
    daemon.stop_cleanly();
}

#[test]
fn a_hook_whose_proofs_all_fail_is_a_reason_of_readiness_until_one_holds() {
    let hook = "[[hook]]\nid = \"a\"\nadapter = \"bearer\"\nsecret_file = \"a.secret\"\n";
    let mut daemon = Setup::new().contact_form().file("a.secret", "the-first-secret").tables(hook).start();
    let ready = || daemon.operator().get("/readyz").unwrap().text();
    let said = "hook a turned away all of its last";
    // Before the first good proof nobody is a stranger.
    for number in 10..13 {
        assert_eq!(post(&daemon, "a", "a-secret-that-was-never-right", number), 401);
    }
    assert!(ready().contains(said), "{}", ready());
    assert_eq!(post(&daemon, "a", "the-first-secret", 7), 200);
    assert!(!ready().contains(said), "{}", ready());
    assert_eq!(post(&daemon, "a", "the-first-secret", 8), 200);
    for number in 0..5 {
        assert_eq!(daemon.public().post("/hooks/a", "application/json", b"{}").unwrap().status, 401);
        if number < 3 {
            assert!(!ready().contains(said), "strangers and a mistake or two say nothing");
            assert_eq!(post(&daemon, "a", "the-secret-that-was-changed", number), 401);
        }
    }
    wait::until("readiness says so", wait::LONG, || {
        ready().contains(&format!("{said} 3 requests that carry a proof, of one client"))
    });
    assert!(ready().contains("compare its secret"), "{}", ready());
    // A change of something else is no reason to be silent.
    daemon.signal(Signal::Hup);
    wait::until("it is taken over", wait::LONG, || daemon.stderr().contains("rules and configuration in force"));
    assert!(ready().contains(said), "{}", ready());
    assert_eq!(post(&daemon, "a", "the-first-secret", 9), 200);
    wait::until("it is well again", wait::LONG, || !ready().contains(said));
    let log = daemon.stderr();
    assert_eq!(log.matches("turned a request away").count(), 1, "once a minute: {log}");
    assert!(!log.contains("was refused"), "{log}");
    daemon.stop_cleanly();
}
