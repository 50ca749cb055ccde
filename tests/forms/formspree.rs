//! The npm package `@formspree/core`, unmodified, as a client of the daemon.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::daemon::Setup;
use crate::support::wait;

/// The version that is tested.
const PACKAGE: &str = "@formspree/core@4.0.0";

/// What a website would do with the client. Prints one JSON object.
const SCRIPT: &str = r#"
import { pathToFileURL } from "node:url";
const { createClient, isSubmissionError, SubmissionError } = await import(pathToFileURL(process.argv[2]));
const client = createClient(), endpoint = process.argv[3];
const told = (result) => isSubmissionError(result)
  ? { kind: result.kind, form: result.getFormErrors(), fields: result.getAllFieldErrors() }
  : { kind: result.kind, next: result.next };
const send = async (form, data) => told(await client.submitForm(form, data, { endpoint, clientName: "test@1" }));
const multipart = (fields, file) => {
  const data = new FormData();
  for (const [name, value] of fields) data.append(name, value);
  if (file) data.append("plan", file);
  return data;
};
const pdf = new File(["%PDF-1.7 plan"], "plan.pdf", { type: "application/pdf" });
const out = {};
out.json = await send("contact", { name: "Eva Json", email: "json@web.example", message: "hi", topics: ["a", "b"] });
out.form = await send("contact", multipart([["name", "Eva Form"], ["email", "form@web.example"], ["topics", "a"], ["topics", "b"]]));
out.file = await send("quote", multipart([["name", "Eva File"], ["email", "file@web.example"]], pdf));
out.again = await send("contact", { name: "Eva Json", email: "json@web.example", message: "hi", topics: ["a", "b"] });
out.invalid = await send("contact", { email: "nobody" });
out.empty = await send("contact", { _gotcha: "" });
out.unknown = await send("nowhere", { name: "Eva" });
out.closed = await send("closed", { name: "Eva" });
out.nofiles = await send("contact", multipart([["name", "Eva"], ["email", "no@web.example"]], pdf));
out.onlyfile = await send("contact", multipart([], pdf));
out.many = await send("quote", multipart([["name", "Eva"], ["email", "m@web.example"], ["plan", pdf], ["plan", pdf]], pdf));
out.big = await send("quote", multipart([["name", "Eva"], ["email", "b@web.example"]],
  new File(["%PDF-1.7" + "x".repeat(5000)], "big.pdf", { type: "application/pdf" })));
console.log(JSON.stringify(out));
"#;

const FORMS: &str = r#"
[[form]]
id = "contact"
field = [
    { name = "name", required = true },
    { name = "email", type = "email" },
    { name = "message" },
    { name = "topics" },
]
[[form]]
id = "quote"
allow_files = true
max_files = 2
file_bytes = 1000
[[form]]
id = "closed"
enabled = false
[limits]
per_client_per_minute = 0
"#;

/// The package, installed below the build folder once.
fn package() -> PathBuf {
    let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm-formspree");
    let module = prefix.join("node_modules/@formspree/core/dist/index.mjs");
    if !module.exists() {
        std::fs::create_dir_all(&prefix).expect("a folder");
        let output = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix"])
            .args([prefix.as_os_str(), PACKAGE.as_ref()])
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|e| {
                panic!("npm cannot be started ({e}): install it, for example apt-get install nodejs npm")
            });
        assert!(
            output.status.success() && module.exists(),
            "{PACKAGE} could not be installed; is the npm registry reachable?\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    module
}

#[test]
fn the_npm_client_understands_every_answer() {
    let module = package();
    let daemon = Setup::bare().tables(FORMS).start();
    let script = daemon.path("client.mjs");
    std::fs::write(&script, SCRIPT).expect("a file");
    let output = Command::new("node")
        .args([script.as_os_str(), module.as_os_str()])
        .arg(format!("http://{}", daemon.public().addr))
        .stdin(Stdio::null())
        .output()
        .expect("node is installed: apt-get install nodejs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    // A file that is not taken is no reason to lose the rest.
    for case in ["json", "form", "file", "again", "nofiles", "many", "big"] {
        assert_eq!(out[case]["kind"], "success", "{case}: {out}");
        assert!(out[case]["next"].is_string(), "{case}: {out}");
    }
    let invalid: Vec<(&str, &str)> = out["invalid"]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1][0]["code"].as_str().unwrap()))
        .collect();
    assert_eq!(invalid, [("name", "REQUIRED_FIELD_MISSING"), ("email", "TYPE_EMAIL")]);
    assert!(out["invalid"]["fields"][1][1][0]["message"].as_str().unwrap().contains("email address"));
    for (case, code) in
        [("empty", "EMPTY"), ("unknown", "FORM_NOT_FOUND"), ("closed", "INACTIVE"), ("onlyfile", "NO_FILE_UPLOADS")]
    {
        assert_eq!(
            (out[case]["kind"].as_str(), out[case]["form"][0]["code"].as_str()),
            (Some("error"), Some(code)),
            "{out}"
        );
    }
    wait::until("what succeeded became leads, each once", wait::LONG, || {
        let listed = daemon.setup().run(&["leads", "list", "--json"]);
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        let of = |email: &str| text.lines().filter(|line| line.contains(email)).count();
        of("json@web.example") == 1 && of("form@web.example") == 1 && of("file@web.example") == 1
    });
}
