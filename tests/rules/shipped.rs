//! The folder as shipped.

use std::path::Path;

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
