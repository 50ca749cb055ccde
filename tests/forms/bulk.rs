//! What is held is looked through in bulk: counted first, then let through or discarded by what it has in common.

use std::process::Output;

use serde_json::Value;

use crate::support::daemon::{Daemon, Setup};

const FORMS: &str = "[[form]]\nid = \"contact\"\nallowed_origins = [\"https://ok.example\"]\nduplicate_window_seconds = 0\n\
    [[form]]\nid = \"quote\"\nallowed_origins = [\"https://ok.example\"]\nduplicate_window_seconds = 0\n\
    [limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n[worker]\nenabled = false\n";

fn run(daemon: &Daemon, args: &str) -> (i32, String) {
    let Output { status, stdout, stderr } = daemon.setup().run(&args.split(' ').collect::<Vec<_>>());
    (status.code().unwrap(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// How many are in this state, of a form.
fn count(daemon: &Daemon, state: &str, form: &str) -> usize {
    let output = daemon.setup().run(&["submissions", "list", "--limit", "0", "--json"]);
    let rows = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["state"] == state && row["intake"] == form).count()
}

#[test]
fn what_is_held_for_one_reason_is_counted_and_then_moved_together() {
    let daemon = Setup::bare().tables(FORMS).start();
    let post = |form: &str, origin: &str, fields: &[(&str, &str)]| {
        let path = format!("/f/{form}");
        daemon.public().post_form_with(&path, fields, &[("origin", origin)]).unwrap().status
    };
    for n in 0..4 {
        let message = n.to_string();
        assert_eq!(post("contact", "https://new.example", &[("message", &message)]), 403);
        assert_eq!(post("quote", "https://new.example", &[("message", &message)]), 403);
    }
    let spam = [("message", "buy"), ("_gotcha", "x"), ("website", "y")];
    assert_eq!(post("contact", "https://ok.example", &spam), 200);
    assert_eq!((count(&daemon, "quarantined", "contact"), count(&daemon, "quarantined", "quote")), (5, 4));

    let release = "submissions release --held-for origin_refused --intake contact --since 1h";
    let (code, said) = run(&daemon, release);
    assert!(code == 0 && said.contains("4 quarantined would be released: 4 origin_refused"), "{said}");
    assert!(said.contains("--yes"), "{said}");
    assert_eq!(count(&daemon, "quarantined", "contact"), 5, "nothing has changed");
    let (code, said) = run(&daemon, &format!("{release} --yes"));
    assert!(code == 0 && said.matches("released").count() == 4, "{said}");
    assert_eq!((count(&daemon, "quarantined", "contact"), count(&daemon, "received", "contact")), (1, 4));
    let (code, said) = run(&daemon, release);
    assert!(code == 0 && said.contains("Nothing quarantined is held for origin_refused; there are: 1 spam."), "{said}");
    let (code, said) = run(&daemon, "submissions release --held-for origin_refused --intake nowhere");
    assert!(code == 0 && said.contains("Nothing to do"), "{said}");

    let discard = "submissions discard --reason seen --state quarantined";
    let (code, said) = run(&daemon, discard);
    assert!(code == 0 && said.contains("5 quarantined would be discarded: 4 origin_refused, 1 spam"), "{said}");
    assert_eq!(run(&daemon, &format!("{discard} --intake quote --yes")).0, 0);
    assert_eq!((count(&daemon, "discarded", "quote"), count(&daemon, "quarantined", "contact")), (4, 1));

    // All of them is never the default, and single ones need no confirmation.
    for wrong in ["submissions release", "submissions release --yes", "submissions discard --reason x"] {
        let (code, said) = run(&daemon, wrong);
        assert!(code == 2 && said.contains("--held-for"), "{wrong}: {said}");
    }
    let one = "submissions release 01JABCDEFGHJKMNPQRSTVWXYZ0";
    assert_eq!(run(&daemon, &format!("{one} --held-for spam")).0, 2, "either names or what they have in common");
    assert_eq!(run(&daemon, one).0, 1, "there is none of that name");
}
