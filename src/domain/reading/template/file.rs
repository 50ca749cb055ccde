//! One file of templates -> [`Template`]s with their cases, or where it is wrong.
//!
//! Invariant: a template that would believe anybody, or could never name anybody, is refused with file and line.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::case::Case;
use super::finder::{Finders, Pattern};
use super::recipient::Recipient;
use super::{REACHED_BY, Template, word};
use crate::domain::enquiry::email::{is_free_mail, registrable_domain};
use crate::domain::hooks::Fault;
use crate::domain::submission::Canonical;

/// Senders, words and values of one list.
const ENTRIES: usize = 100;
/// Longest entry, in characters.
const CHARS: usize = 500;
/// Values beside the fields.
const OTHER: usize = 50;
/// What every mail of a portal may be said to have.
const FIXABLE: [Canonical; 9] = [
    Canonical::Source,
    Canonical::Medium,
    Canonical::Campaign,
    Canonical::InquiryKind,
    Canonical::Topic,
    Canonical::Product,
    Canonical::ReferredBy,
    Canonical::Language,
    Canonical::Country,
];

/// A template with what its file has beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The template.
    pub template: Template,
    /// Line of its name.
    pub line: usize,
    /// Its cases, each with its line.
    pub cases: Vec<(usize, Case)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    template: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: Spanned<String>,
    from: Spanned<Vec<String>>,
    #[serde(default)]
    to: Vec<Recipient>,
    #[serde(default)]
    subject: Option<Pattern>,
    #[serde(default)]
    contains: Vec<String>,
    #[serde(default)]
    required: Vec<Spanned<Canonical>>,
    #[serde(default)]
    empty: Vec<String>,
    #[serde(default)]
    fixed: BTreeMap<Canonical, Spanned<String>>,
    fields: Spanned<BTreeMap<Canonical, Finders>>,
    #[serde(default)]
    other: BTreeMap<String, Finders>,
    #[serde(default)]
    case: Vec<Spanned<Case>>,
}

/// What is wrong, and the byte at which it stands.
type Wrong = (usize, String);

/// Reads a file of templates.
///
/// # Errors
/// The first thing wrong with it, with its place.
pub fn parse(file: &str, text: &str) -> Result<Vec<Written>, Fault> {
    let line_of = |at: usize| text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
    let fault = |at: usize, message: String| Fault { file: file.to_owned(), line: line_of(at), message };
    let read: Result<File, toml::de::Error> = toml::from_str(text);
    let read = read.map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        fault(at, error.message().lines().next().unwrap_or_default().to_owned())
    })?;
    let written = read.template.into_iter().map(|raw| {
        let line = line_of(raw.name.span().start);
        let cases = raw.case.iter().map(|case| (line_of(case.span().start), case.get_ref().clone())).collect();
        check(&raw).map_err(|(at, message)| fault(at, message))?;
        Ok(Written { template: taken(raw), line, cases })
    });
    written.collect()
}

fn check(raw: &Raw) -> Result<(), Wrong> {
    let name = raw.name.get_ref();
    let at = raw.name.span().start;
    if name.is_empty() || name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err((at, "name: letters, digits, - and _, such as house-portal".to_owned()));
    }
    let from = raw.from.get_ref();
    if from.is_empty() {
        let say =
            "from: name the addresses or domains that send it; a template that believes everybody is not possible";
        return Err((raw.from.span().start, say.to_owned()));
    }
    for entry in from {
        if is_shared(entry.trim_start_matches('@')) {
            let say = format!("from: anybody may have a mailbox of \"{entry}\"; write the whole address");
            return Err((raw.from.span().start, say));
        }
        if !is_sender(entry.trim_start_matches('@')) {
            let say = format!("from: \"{entry}\" is neither an address nor a domain; write leads@portal.example");
            return Err((raw.from.span().start, say));
        }
    }
    for (key, list) in [("from", from), ("contains", &raw.contains), ("empty", &raw.empty)] {
        let blank = key == "contains" && list.iter().any(|entry| entry.trim().is_empty());
        if blank || list.len() > ENTRIES || list.iter().any(|entry| entry.chars().count() > CHARS) {
            return Err((
                at,
                format!("{key}: at most {ENTRIES} entries, none blank or longer than {CHARS} characters"),
            ));
        }
    }
    if raw.to.len() > ENTRIES {
        return Err((at, format!("to: at most {ENTRIES} entries")));
    }
    fields(raw)?;
    raw.case.iter().try_for_each(|case| case.get_ref().check().map_err(|message| (case.span().start, message)))
}

fn fields(raw: &Raw) -> Result<(), Wrong> {
    let fields = raw.fields.get_ref();
    let at = raw.fields.span().start;
    if !REACHED_BY.iter().any(|canonical| fields.contains_key(canonical)) {
        return Err((at, "fields: at least one of email, phone and mobile is needed to name anybody".to_owned()));
    }
    for (canonical, value) in &raw.fixed {
        let (at, name) = (value.span().start, word(*canonical));
        if !FIXABLE.contains(canonical) {
            let known: Vec<String> = FIXABLE.iter().map(|canonical| word(*canonical)).collect();
            return Err((at, format!("fixed.{name}: only {} may be fixed", known.join(", "))));
        }
        if fields.contains_key(canonical) {
            return Err((at, format!("fixed.{name}: it is looked for as well; keep one of both")));
        }
        if value.get_ref().trim().is_empty() || value.get_ref().chars().count() > CHARS {
            return Err((at, format!("fixed.{name}: 1 to {CHARS} characters")));
        }
    }
    if let Some(lost) = raw.required.iter().find(|required| !fields.contains_key(required.get_ref())) {
        let name = word(*lost.get_ref());
        return Err((lost.span().start, format!("required: {name} is not among the fields; add {name} = \"LABEL\"")));
    }
    if raw.other.len() > OTHER || raw.other.keys().any(|name| name.trim().is_empty() || name.chars().count() > CHARS) {
        return Err((at, format!("other: at most {OTHER} values, each with a name")));
    }
    Ok(())
}

/// A domain under which anybody writes: of free mail, or one like `co.uk`.
fn is_shared(domain: &str) -> bool {
    let domain = domain.to_lowercase();
    !domain.contains('@') && domain.contains('.') && (is_free_mail(&domain) || registrable_domain(&domain).is_none())
}

/// An address, or a domain.
fn is_sender(entry: &str) -> bool {
    let is_domain = |text: &str| {
        text.contains('.') && !text.contains(['@', ' ', '/', ':', '<', '>', ',']) && !text.starts_with('.')
    };
    match entry.split_once('@') {
        Some((local, domain)) => !local.is_empty() && is_domain(domain),
        None => is_domain(entry),
    }
}

fn taken(raw: Raw) -> Template {
    let lower = |list: Vec<String>| list.into_iter().map(|entry| entry.to_lowercase()).collect();
    Template {
        name: raw.name.into_inner(),
        from: lower(raw.from.into_inner()),
        to: raw.to,
        subject: raw.subject,
        contains: lower(raw.contains),
        required: raw.required.into_iter().map(Spanned::into_inner).collect(),
        empty: raw.empty.into_iter().map(|entry| entry.trim().to_lowercase()).collect(),
        fixed: raw.fixed.into_iter().map(|(canonical, value)| (canonical, value.into_inner())).collect(),
        fields: raw.fields.into_inner(),
        other: raw.other,
    }
}
