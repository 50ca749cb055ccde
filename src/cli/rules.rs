//! `pisteur rules`: check, test and explain the routing rules.

mod explain;
mod templates;
mod test;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;
use ulid::Ulid;

use super::explain::through_its_door;
use super::output::Style;
use super::{Context, Outcome, Output, RulesCheckArgs, RulesCommand, parse};
use crate::clock::Timestamp;
use crate::config::{Config, rules_folder};
use crate::domain::enquiry::{Enquiry, understand};
use crate::domain::envelope::Envelope;
use crate::domain::reading::prospects::apart;
use crate::domain::reading::{ReadSettings, read};
use crate::domain::rules::{Compiled, Declarations, Diagnostic, Level, RuleSet, RuleSources, diagnostics};
use crate::domain::submission::Submission;

/// Runs one of the rules commands.
pub(super) fn run(context: &Context, command: &RulesCommand) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    match command {
        RulesCommand::Check(args) => check(&config, args),
        RulesCommand::Test(args) => test::run(&config, args),
        RulesCommand::Explain(args) => explain::run(context, &config, args),
    }
}

/// A rules folder with what came of compiling it.
#[derive(Debug)]
pub struct Checked {
    /// The folder.
    pub folder: PathBuf,
    /// Its text.
    pub sources: RuleSources,
    /// The set, or everything that is wrong.
    pub compiled: Result<Compiled, Vec<Diagnostic>>,
}

impl Checked {
    /// Reads and compiles `folder`, or the configured one.
    ///
    /// # Errors
    /// When the folder cannot be read; what is wrong inside it is in [`Checked::compiled`].
    pub fn load(config: &Config, folder: Option<&Path>) -> anyhow::Result<Self> {
        let folder = folder.unwrap_or(&config.rules.path).to_path_buf();
        let sources = rules_folder::read(&folder).context("the rules folder")?;
        let compiled = RuleSet::compile(&sources, &config.declarations());
        Ok(Self { folder, sources, compiled })
    }

    /// Everything to be said, errors or warnings.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match &self.compiled {
            Ok(compiled) => &compiled.diagnostics,
            Err(found) => found,
        }
    }

    /// Adds the diagnostics and one line of summary.
    pub(super) fn tell(&self, out: &mut Output) {
        let found = self.diagnostics();
        let text = diagnostics::render(found, &self.sources, out.has_colour());
        if !text.is_empty() {
            out.line(text.trim_end());
            out.line("");
        }
        let count = |level| found.iter().filter(|d| d.level == level).count();
        let (errors, warnings) = (count(Level::Error), count(Level::Warning));
        let folder = self.folder.display();
        let verdict = if let Ok(compiled) = &self.compiled {
            let rules = compiled.rules.rule_ids().count();
            let hash: String = compiled.rules.hash().chars().take(12).collect();
            let good = out.styled(Style::Good, "ok");
            format!("{good}  rules {folder}: {}, {}, set {hash}", plural(rules, "rule"), plural(warnings, "warning"))
        } else {
            let bad = out.styled(Style::Bad, "refused");
            format!("{bad}  rules {folder}: {}, {}", plural(errors, "error"), plural(warnings, "warning"))
        };
        out.line(verdict);
    }

    /// The set, or nothing after telling what is wrong.
    fn usable(self, out: &mut Output) -> Option<RuleSet> {
        if self.compiled.is_err() {
            self.tell(out);
        }
        self.compiled.ok().map(|c| c.rules)
    }
}

/// `1 rule`, `2 rules`.
pub(super) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn check(config: &Config, args: &RulesCheckArgs) -> anyhow::Result<Outcome> {
    let checked = Checked::load(config, args.path.as_deref())?;
    let mut out = Output::new();
    if args.json {
        let hash = checked.compiled.as_ref().ok().map(|c| c.rules.hash());
        let found = diagnostics::to_json(checked.diagnostics());
        out.json(&json!({"ok": hash.is_some(), "folder": checked.folder, "hash": hash, "diagnostics": found}))?;
    } else {
        checked.tell(&mut out);
    }
    out.finish(Outcome::yes(checked.compiled.is_ok()))
}

/// A file as the arrival it stands for, and what it says.
struct Sample {
    envelope: Envelope,
    submission: Submission,
    enquiry: Enquiry,
}

/// How files are read.
struct Reader {
    /// What reading knows of the house.
    settings: ReadSettings,
    declared: Declarations,
}

impl Reader {
    fn new(config: &Config) -> Self {
        Self { settings: config.read_settings(), declared: config.declarations() }
    }

    /// Reads a file as if it arrived at `at` through `intake`, or through the only form when it is a form's body.
    fn file(
        &self,
        path: &Path,
        kind: Option<super::FileKind>,
        intake: Option<&str>,
        at: Timestamp,
    ) -> anyhow::Result<Sample> {
        Ok(self.arrival(self.whole(path, kind, intake, at)?))
    }

    /// The same, taken apart as the doors do: a mail with several prospects is an arrival of each.
    fn arrivals(
        &self,
        path: &Path,
        kind: Option<super::FileKind>,
        intake: Option<&str>,
        at: Timestamp,
    ) -> anyhow::Result<Vec<Sample>> {
        let whole = self.whole(path, kind, intake, at)?;
        Ok(apart(whole, Ulid::nil).into_iter().map(|one| self.arrival(one)).collect())
    }

    fn whole(
        &self,
        path: &Path,
        kind: Option<super::FileKind>,
        intake: Option<&str>,
        at: Timestamp,
    ) -> anyhow::Result<Envelope> {
        let raw = parse::read_file(path)?;
        let envelope = parse::envelope(path, raw, kind, intake, at);
        Ok(through_its_door(envelope, &self.declared, intake.is_some()))
    }

    fn arrival(&self, envelope: Envelope) -> Sample {
        let submission = read(&envelope, &self.settings);
        let enquiry = understand(&submission, &envelope, &self.settings);
        Sample { envelope, submission, enquiry }
    }
}
