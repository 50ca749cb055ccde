//! `pisteur rules test`: runs the tests of a rules folder, and the cases of the templates.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Checked, Reader, plural, templates};
use crate::cli::output::{Style, told};
use crate::cli::{Outcome, Output, RulesTestArgs};
use crate::config::{Config, rules_folder};
use crate::domain::plain;
use crate::domain::rules::facts::Facts;
use crate::domain::rules::testing::{self, Mismatch, TestCase};
use crate::domain::rules::{Evaluation, RuleSet, diagnostics, explain};

/// What came of one test.
struct Ran {
    case: TestCase,
    outcome: Result<Passed, String>,
}

/// A test that could be run.
struct Passed {
    mismatches: Vec<Mismatch>,
    evaluation: Evaluation,
}

impl Ran {
    fn passed(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|p| p.mismatches.is_empty())
    }
}

pub(super) fn run(config: &Config, args: &RulesTestArgs) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let checked = Checked::load(config, args.path.as_deref())?;
    let folder = checked.folder.clone();
    if args.json && checked.compiled.is_err() {
        let found = diagnostics::to_json(checked.diagnostics());
        out.json(&json!({"ok": false, "diagnostics": found, "tests": []}))?;
        return out.finish(Outcome::No);
    }
    let Some(rules) = checked.usable(&mut out) else { return out.finish(Outcome::No) };
    let tests = rules_folder::read_tests(&folder).context("the tests of the rules folder")?;
    let mut cases = match testing::load(&tests, &rules, &config.declarations()) {
        Ok(cases) => cases,
        Err(found) if args.json => {
            out.json(&json!({"ok": false, "diagnostics": diagnostics::to_json(&found), "tests": []}))?;
            return out.finish(Outcome::No);
        }
        Err(found) => {
            out.line(diagnostics::render(&found, &tests, out.has_colour()).trim_end());
            return out.finish(Outcome::No);
        }
    };
    if let Some(filter) = &args.filter {
        cases.retain(|case| case.name.contains(filter.as_str()));
    }
    let reader = Reader::new(config);
    // Templates belong to the configuration, not to another folder of rules.
    let of_templates = match &args.path {
        None => templates::run(config.known_templates.cases(), &reader, args.filter.as_deref()),
        Some(_) => Vec::new(),
    };
    if cases.is_empty() && of_templates.is_empty() {
        anyhow::bail!("no test to run; write one in {}, see rules/README.md", folder.join("tests").display());
    }
    let ran: Vec<Ran> = cases
        .into_iter()
        .map(|case| {
            let outcome = one(&rules, &reader, &folder, &case);
            Ran { case, outcome }
        })
        .collect();
    let failed = ran.iter().filter(|r| !r.passed()).count() + of_templates.iter().filter(|r| !r.passed()).count();
    let count = ran.len() + of_templates.len();
    if args.json {
        let tests: Vec<Value> = ran.iter().map(as_json).collect();
        let of_templates: Vec<Value> = of_templates.iter().map(templates::Ran::as_json).collect();
        out.json(&json!({"ok": failed == 0, "diagnostics": [], "tests": tests, "templates": of_templates}))?;
    } else {
        for r in &ran {
            tell(&rules, r, &mut out);
        }
        for r in &of_templates {
            r.tell(&mut out);
        }
        out.line(format!("{} passed, {failed} failed", plural(count - failed, "test")));
    }
    out.finish(Outcome::yes(failed == 0))
}

/// Runs one test. The error says why it could not be run.
fn one(rules: &RuleSet, reader: &Reader, folder: &std::path::Path, case: &TestCase) -> Result<Passed, String> {
    let path = folder.join("tests").join(&case.input);
    let sample = reader.file(&path, None, case.intake.as_deref(), case.at).map_err(|e| told(&e))?;
    let facts = Facts::gather(&sample.enquiry, &sample.submission, &sample.envelope, &case.world, &reader.declared);
    let evaluation = rules.evaluate(&facts, case.at);
    Ok(Passed { mismatches: testing::compare(case, &facts, &evaluation), evaluation })
}

fn tell(rules: &RuleSet, ran: &Ran, out: &mut Output) {
    let place = format!("{}:{}", ran.case.file, ran.case.line);
    if ran.passed() {
        let good = out.styled(Style::Good, "ok  ");
        out.line(format!("{good}  {place}  {}", ran.case.name));
        return;
    }
    let bad = out.styled(Style::Bad, "FAIL");
    out.line(format!("{bad}  {place}  {}", ran.case.name));
    match &ran.outcome {
        Err(reason) => {
            out.line(format!("      {reason}"));
        }
        Ok(passed) => {
            for m in &passed.mismatches {
                out.line(plain::lines(&format!("      {}: wanted {}, got {}", m.key, m.wanted, m.got)));
            }
            for line in explain::text(rules, &passed.evaluation).lines() {
                out.line(plain::lines(&format!("      | {line}")));
            }
        }
    }
}

fn as_json(ran: &Ran) -> Value {
    let case = &ran.case;
    let (mismatches, error) = match &ran.outcome {
        Ok(passed) => (json!(passed.mismatches), Value::Null),
        Err(reason) => (json!([]), json!(reason)),
    };
    json!({
        "file": case.file,
        "line": case.line,
        "name": case.name,
        "passed": ran.passed(),
        "mismatches": mismatches,
        "error": error,
    })
}
