//! The published document: it has every route of the router, and the daemon does what it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::support::daemon::{Daemon, Setup};
use crate::support::smtp::SmtpSink;
use crate::support::visitors;

/// The release of schemathesis that the test was written with.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// A form whose letter is confirmed by mail, a form that takes files, and a hook with a password.
const OPT_IN: &str = "language = \"en\"\n[[form.consent]]\nfield = \"news\"\npurpose = \"newsletter\"\n\
    text = { en = \"Send me your letter\" }\n[form.double_opt_in]\nenabled = true\npurposes = [\"newsletter\"]\n";
const BESIDE: &str = "\n[[form]]\nid = \"files\"\nallow_files = true\nallowed_origins = [\"*\"]\n\
    [[hook]]\nid = \"crm\"\nadapter = \"basic\"\nsecret_file = \"basic\"\nper_minute = 0\n";
/// `eva:pass-word-of-eva`.
const CREDENTIALS: &str = "Authorization: Basic ZXZhOnBhc3Mtd29yZC1vZi1ldmE=";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Patterns of `.route(".."` below a folder.
fn routes_below(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            routes_below(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let before_tests = text.split("#[cfg(test)]").next().unwrap().to_owned();
            for piece in before_tests.split(".route(").skip(1) {
                let pattern = piece.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                into.extend(pattern.map(str::to_owned));
            }
        }
    }
}

fn document(daemon: &Daemon) -> serde_json::Value {
    daemon.operator().get("/api/v1/openapi.json").unwrap().json()
}

#[test]
fn the_document_has_every_route_of_the_router_and_no_other() {
    let mut routes = BTreeSet::new();
    for folder in ["src/http", "src/intake"] {
        routes_below(&root().join(folder), &mut routes);
    }
    assert!(routes.contains("/f/{form}") && routes.contains("/readyz"), "the routes were found: {routes:?}");
    let mut daemon = Setup::new().contact_form().start();
    let document = document(&daemon);
    let documented: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item["x-route"].as_str().expect("x-route").to_owned())
        .collect();
    assert_eq!(documented, routes, "src/http/openapi.rs describes what src/http and src/intake route");
    assert_eq!(document["openapi"], "3.1.0");
    daemon.stop_cleanly();
}

/// The program, in an environment of its own below `target/`.
fn schemathesis() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = root().join("target/schemathesis");
    let program = folder.join("bin/st");
    if program.exists() {
        return program;
    }
    let run = |command: &mut Command, remedy: &str| {
        let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}; {remedy}"));
        assert!(out.status.success(), "{command:?}: {}; {remedy}", String::from_utf8_lossy(&out.stderr));
    };
    let venv = Command::new("python3").args(["-m", "venv"]).arg(&folder).spawn();
    let remedy = "install python3-venv (tests/run does)";
    assert!(venv.and_then(|mut child| child.wait()).is_ok_and(|status| status.success()), "{remedy}");
    run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", SCHEMATHESIS]), "is PyPI reachable?");
    program
}

#[test]
fn schemathesis_finds_no_server_error_and_no_undocumented_answer() {
    let sink = SmtpSink::start();
    let mut daemon = visitors::setup(&sink, OPT_IN, BESIDE).file("basic", "eva:pass-word-of-eva").start();
    let fields = [("name", "Eva"), ("email", "eva@atelier-bois.fr"), ("message", "x"), ("news", "on")];
    visitors::post(&daemon, &fields, &[]);
    visitors::settled(&daemon, 1);
    let mail = sink.mails().remove(0);
    let token = |path: &str| {
        let link = visitors::link(&mail, path);
        link.trim_start_matches(path).split('?').next().unwrap().to_owned()
    };
    let mut document = document(&daemon);
    // What is there to be found: the hook with its password, the links of the mail.
    for (path, parameter, value) in [
        ("/hooks/{id}", "id", "crm".to_owned()),
        ("/hooks/{id}/{secret}", "id", "crm".to_owned()),
        ("/c/{token}", "token", token("/c/")),
        ("/u/{token}", "token", token("/u/")),
    ] {
        for operation in document["paths"][path].as_object_mut().unwrap().values_mut().filter(|item| item.is_object()) {
            for described in operation["parameters"].as_array_mut().into_iter().flatten() {
                if described["name"] == parameter {
                    described["schema"] = serde_json::json!({ "type": "string", "enum": [value] });
                }
            }
        }
    }
    let file = daemon.path("openapi.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                  response_schema_conformance";
    let more = if std::env::var_os("PISTEUR_FULL").is_some() { "400" } else { "40" };
    for (tag, http) in [("visitor", daemon.public()), ("operator", daemon.operator())] {
        let out = Command::new(schemathesis())
            .current_dir(daemon.setup().dir())
            .args(["--no-color", "run"])
            .arg(&file)
            .args(["--url", &format!("http://{}", http.addr), "--checks", checks, "--include-tag", tag])
            .args(["--header", CREDENTIALS])
            .args(["--max-examples", more, "--seed", "1", "--request-timeout", "30", "--generation-database", "none"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        println!("{said}");
        assert!(out.status.success(), "{tag}: {said}");
    }
    let leads = visitors::column(&daemon, "SELECT ulid FROM arrival WHERE channel = 'webhook'");
    assert!(!leads.is_empty(), "the hook was reached with its password");
    let confirmed = visitors::column(&daemon, "SELECT purpose FROM opt_in");
    assert_eq!(confirmed, ["newsletter"], "the link was reached with its token");
    assert!(daemon.runs(), "{}", daemon.stderr());
    assert!(!daemon.stderr().contains("panicked"), "{}", daemon.stderr());
    daemon.stop_cleanly();
}
