//! The folder as shipped.

use std::path::Path;
use std::process::{Command, Output};

use pisteur::config::rules_folder;
use pisteur::domain::rules::{RuleSet, RuleSources, diagnostics, testing};

use super::fixtures::declared;

/// The shipped folder.
pub fn sources() -> RuleSources {
    rules_folder::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).expect("the shipped folder")
}

#[test]
fn the_shipped_folder_is_clean() {
    let sources = sources();
    assert!(sources.files.keys().all(|name| !name.starts_with("tests/")));
    match RuleSet::compile(&sources, &declared()) {
        Ok(compiled) => assert_eq!(diagnostics::render(&compiled.diagnostics, &sources, false), ""),
        Err(found) => panic!("{}", diagnostics::render(&found, &sources, false)),
    }
}

#[test]
fn the_shipped_tests_load_and_cover_every_rule_that_settles() {
    let rules = RuleSet::compile(&sources(), &declared()).expect("clean").rules;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let tests = rules_folder::read_tests(&folder).expect("tests");
    let cases = testing::load(&tests, &rules, &declared()).unwrap_or_else(|found| {
        panic!("{}", diagnostics::render(&found, &tests, false));
    });
    assert!(cases.len() >= 10);
    for case in &cases {
        assert!(folder.join("tests").join(&case.input).is_file(), "{}", case.input);
    }
}

#[test]
fn a_test_without_expectations_is_refused() {
    let rules = RuleSet::compile(&sources(), &declared()).expect("clean").rules;
    let mut tests = RuleSources::default();
    tests.files.insert(
        "tests/x.toml".to_owned(),
        "[[test]]\nname = \"nothing\"\ninput = \"fixtures/a.eml\"\nat = \"2026-11-20T09:14:00+01:00\"\n\
         [[test]]\nname = \"typo\"\ninput = \"fixtures/a.eml\"\nat = \"2026-11-20T09:14:00+01:00\"\n\
         expect = { crate = \"lead\", rule = \"rfq\", campaign.missing = true }\n\
         world = { known.costumer = true, pool.nope.state = \"empty\" }\n"
            .to_owned(),
    );
    let found = testing::load(&tests, &rules, &declared()).expect_err("refused");
    assert!(found.iter().any(|d| d.code == "R030"));
    insta::assert_snapshot!("r030_tests", diagnostics::render(&found, &tests, false));
}

/// `pisteur rules ..` on the shipped configuration.
fn pisteur(args: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = root.join("config/pisteur.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pisteur"));
    command.current_dir(root).arg("-c").arg(config).arg("rules").args(args).env("NO_COLOR", "1");
    command.output().expect("pisteur runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_shipped_configuration_and_rules_fit() {
    let output = pisteur(&["check"]);
    assert!(output.status.success(), "{}", stdout(&output));
    assert!(stdout(&output).contains("0 warnings"), "{}", stdout(&output));
}

#[test]
fn the_shipped_tests_pass() {
    let output = pisteur(&["test"]);
    assert!(output.status.success(), "{}", stdout(&output));
    assert!(stdout(&output).contains(", 0 failed"), "{}", stdout(&output));
}

#[test]
fn explain_names_the_rule_and_why_not_names_the_reason() {
    let file = "rules/tests/fixtures/rfq-fr.eml";
    let output = pisteur(&["explain", file]);
    assert!(output.status.success() && stdout(&output).contains("=> opportunity, team france"), "{}", stdout(&output));
    let output = pisteur(&["explain", file, "--why-not", "contact-big-budget"]);
    assert!(stdout(&output).contains("contact-big-budget was not tried"), "{}", stdout(&output));
    let output = pisteur(&["explain", file, "--why-not", "teritory"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stdout(&output).contains("did you mean `territory`?"), "{}", stdout(&output));
}

#[test]
fn a_wrong_folder_is_answered_with_one_and_a_missing_one_with_two() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("40-assign.toml"), "[[rule]]\nid = \"x\"\n").expect("written");
    let path = folder.path().to_string_lossy().into_owned();
    let output = pisteur(&["check", "--path", &path, "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["ok"], false);
    assert_eq!(json["diagnostics"][0]["code"], "R002");
    assert_eq!(pisteur(&["check", "--path", "/nowhere/at/all"]).status.code(), Some(2));
}
