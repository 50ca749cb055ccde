//! What is wrong with a rules folder: building, sorting, and showing it with its line and its remedy.

use codespan_reporting::diagnostic::{Diagnostic as Shown, Label, Severity};
use codespan_reporting::files::SimpleFiles;
use codespan_reporting::term::{self, termcolor};

use super::tree::Span;
use super::{Diagnostic, Level, RuleSources};

/// Collects diagnostics while files are read.
#[derive(Debug)]
pub struct Reporter<'a> {
    sources: &'a RuleSources,
    found: Vec<Diagnostic>,
}

/// What is to be said, without its place.
#[derive(Debug, Clone)]
pub struct Problem {
    code: &'static str,
    level: Level,
    message: String,
    label: String,
    notes: Vec<String>,
}

impl Problem {
    /// An error: the folder is refused.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, level: Level::Error, message: message.into(), label: String::new(), notes: Vec::new() }
    }

    /// A warning: the folder is accepted.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(code, message) }
    }

    /// Text beside the underline.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// A sentence below.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl<'a> Reporter<'a> {
    /// Nothing found yet.
    pub const fn new(sources: &'a RuleSources) -> Self {
        Self { sources, found: Vec::new() }
    }

    /// Adds a problem at a place.
    pub fn add(&mut self, file: &str, span: Span, problem: Problem) {
        let text = self.sources.files.get(file).map_or("", String::as_str);
        let span = clamp(text, span);
        let (line, column) = position(text, span.0);
        self.found.push(Diagnostic {
            code: problem.code.to_owned(),
            level: problem.level,
            file: file.to_owned(),
            span,
            line,
            column,
            message: problem.message,
            label: problem.label,
            notes: problem.notes,
        });
    }

    /// 1-based line of a place.
    pub fn line_of(&self, file: &str, span: Span) -> usize {
        let text = self.sources.files.get(file).map_or("", String::as_str);
        position(text, clamp(text, span).0).0
    }

    /// Whether an error was found.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.level == Level::Error)
    }

    /// Everything found, in the order of files and lines, each once.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| (&a.file, a.span, &a.code, &a.message).cmp(&(&b.file, b.span, &b.code, &b.message)));
        self.found.dedup();
        self.found
    }
}

/// Moves both ends onto character boundaries inside the text.
fn clamp(text: &str, (from, to): Span) -> Span {
    let floor = |i: usize| {
        let i = i.min(text.len());
        (0..=i).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
    };
    let (from, to) = (floor(from), floor(to));
    (from, to.max(from))
}

/// 1-based line and column, in characters, of a byte offset.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    (line, before.get(line_start..).map_or(0, |l| l.chars().count()) + 1)
}

/// The candidate nearest to `word`, when it is near enough to be meant: Damerau distance at most 2, or a third of its
/// length when that is more.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > 80 {
        return None;
    }
    let limit = (word.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .filter(|c| c.len() <= 160)
        .map(|c| (strsim::damerau_levenshtein(word, c), c))
        .filter(|(distance, c)| *distance <= limit && *distance < c.chars().count().max(word.chars().count()))
        .min()
        .map(|(_, c)| c)
}

/// `did you mean `x`?`, or the list of what would be valid.
pub fn suggestion<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str> + Clone) -> String {
    nearest(word, candidates.clone()).map_or_else(
        || {
            let all = listed(candidates);
            if all.is_empty() { "nothing is valid here".to_owned() } else { format!("valid: {all}") }
        },
        |near| format!("did you mean `{near}`?"),
    )
}

/// Names joined by commas, at most 40 of them.
pub fn listed<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names.iter().take(40).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 40 { format!("{shown}, … ({} in all)", names.len()) } else { shown }
}

/// For people: every diagnostic with its line of source underlined, as compilers do.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &RuleSources, colour: bool) -> String {
    let mut files = SimpleFiles::new();
    let mut ids = std::collections::BTreeMap::new();
    for d in diagnostics {
        ids.entry(d.file.as_str()).or_insert_with(|| {
            let text = sources.files.get(&d.file).map_or("", String::as_str);
            files.add(format!("rules/{}", d.file), text)
        });
    }
    let config = term::Config { tab_width: 4, ..term::Config::default() };
    let mut out = String::new();
    for d in diagnostics {
        let Some(id) = ids.get(d.file.as_str()) else { continue };
        out.push_str(&render_one(d, *id, &files, &config, colour));
    }
    out
}

fn render_one(
    d: &Diagnostic,
    id: usize,
    files: &SimpleFiles<String, &str>,
    config: &term::Config,
    colour: bool,
) -> String {
    let severity = match d.level {
        Level::Error => Severity::Error,
        Level::Warning => Severity::Warning,
        Level::Info => Severity::Note,
    };
    let shown = Shown::new(severity)
        .with_code(&d.code)
        .with_message(&d.message)
        .with_label(Label::primary(id, d.span.0..d.span.1).with_message(&d.label))
        .with_notes(d.notes.clone());
    let written = if colour {
        let mut ansi = termcolor::Ansi::new(Vec::new());
        let styles = term::Styles::default();
        let mut writer = term::StylesWriter::new(&mut ansi, &styles);
        let done = term::emit_to_write_style(&mut writer, config, files, &shown);
        done.ok().and_then(|()| String::from_utf8(ansi.into_inner()).ok())
    } else {
        term::emit_into_string(config, files, &shown).ok()
    };
    written.unwrap_or_else(|| format!("{}: {}:{}:{}: {}\n", d.code, d.file, d.line, d.column, d.message))
}

/// For machines: the diagnostics as one JSON array.
#[must_use]
pub fn to_json(diagnostics: &[Diagnostic]) -> serde_json::Value {
    serde_json::to_value(diagnostics).unwrap_or_default()
}
