//! The cases of templates, run by `pisteur rules test` the way production reads.

use std::path::Path;

use serde_json::{Value, json};

use super::Reader;
use crate::cli::output::{Style, told};
use crate::cli::{FileKind, Output, parse};
use crate::clock::Timestamp;
use crate::config::templates::TemplateCase;
use crate::domain::plain;
use crate::domain::reading::template::case::SERVER;
use crate::domain::reading::{ReadSettings, read};
use crate::domain::rules::testing::Mismatch;

/// When the mails of cases arrive: 2026-11-20T09:00:00Z.
const AT: i64 = 1_795_165_200;

/// What came of one case.
pub(super) struct Ran<'a> {
    of: &'a TemplateCase,
    /// What is not as wanted; the error says why it could not be run.
    outcome: Result<Vec<Mismatch>, String>,
}

/// Runs the cases whose name or template contains `filter`.
pub(super) fn run<'a>(cases: &'a [TemplateCase], reader: &Reader, filter: Option<&str>) -> Vec<Ran<'a>> {
    let asked =
        cases.iter().filter(|of| filter.is_none_or(|f| of.case.name.contains(f) || of.template.name.contains(f)));
    asked.map(|of| Ran { of, outcome: one(of, reader).map_err(|e| told(&e)) }).collect()
}

fn one(of: &TemplateCase, reader: &Reader) -> anyhow::Result<Vec<Mismatch>> {
    let folder = of.file.parent().unwrap_or(Path::new(""));
    let (path, raw) = match &of.case.mail {
        Some(mail) => (folder.join(mail), parse::read_file(&folder.join(mail))?),
        None => (of.file.clone(), of.case.raw(&of.template)),
    };
    let mut settings: ReadSettings = reader.settings.clone();
    if of.case.mail.is_none() {
        settings.authserv_ids.push(SERVER.to_owned());
        settings.own_domains.push(SERVER.to_owned());
    }
    let envelope = parse::envelope(&path, raw, Some(FileKind::Mail), None, Timestamp::from_seconds(AT));
    Ok(of.case.compare(&of.template.name, &read(&envelope, &settings)))
}

impl Ran<'_> {
    /// Whether all is as wanted.
    pub(super) fn passed(&self) -> bool {
        self.outcome.as_ref().is_ok_and(Vec::is_empty)
    }

    fn name(&self) -> String {
        format!("{}: {}", self.of.template.name, self.of.case.name)
    }

    /// Adds a line, and what differs.
    pub(super) fn tell(&self, out: &mut Output) {
        let place = format!("{}:{}", plain::path(&self.of.file), self.of.line);
        let verdict = if self.passed() { out.styled(Style::Good, "ok  ") } else { out.styled(Style::Bad, "FAIL") };
        out.line(format!("{verdict}  {place}  {}", plain::one_line(&self.name(), 200)));
        match &self.outcome {
            Err(reason) => {
                out.line(format!("      {reason}"));
            }
            Ok(mismatches) => {
                for m in mismatches {
                    out.line(plain::lines(&format!("      {}", m.key)));
                    out.line(plain::lines(&format!("        wanted  {}", m.wanted)));
                    out.line(plain::lines(&format!("        got     {}", m.got)));
                }
            }
        }
    }

    /// The case as JSON.
    pub(super) fn as_json(&self) -> Value {
        let (mismatches, error) = match &self.outcome {
            Ok(mismatches) => (json!(mismatches), Value::Null),
            Err(reason) => (json!([]), json!(reason)),
        };
        json!({
            "file": self.of.file,
            "line": self.of.line,
            "template": self.of.template.name,
            "name": self.of.case.name,
            "passed": self.passed(),
            "mismatches": mismatches,
            "error": error,
        })
    }
}
