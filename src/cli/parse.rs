//! `pisteur parse`: bytes -> what was read, and what it means. Touches no database.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use ulid::Ulid;

use super::output::{Output, Style, told};
use super::{Context, FileKind, Outcome, ParseArgs};
use crate::clock::Timestamp;
use crate::domain::enquiry::{Enquiry, understand};
use crate::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, PART, RawKind};
use crate::domain::plain::{self, one_line};
use crate::domain::reading::prospects::apart;
use crate::domain::reading::{arrival_key, read};
use crate::domain::submission::{MailClass, MailFacts, Submission};

/// Lines of the message shown to people.
const MESSAGE_LINES: usize = 40;

/// Prints what is read from each file.
pub(super) fn run(context: &Context, args: &ParseArgs) -> anyhow::Result<Outcome> {
    let settings = context.config()?.read_settings();
    let mut out = Output::new();
    let mut unreadable = None;
    for path in &args.files {
        let filled = |raw: Vec<u8>| {
            anyhow::ensure!(!raw.is_empty(), "{} is empty: there is nothing to read", plain::path(path));
            Ok(raw)
        };
        let raw = match read_file(path).and_then(filled) {
            Ok(raw) => raw,
            Err(error) => {
                eprintln!("pisteur: {}", told(&error));
                unreadable = Some(error);
                continue;
            }
        };
        let envelope = envelope(path, raw, args.kind, args.intake.as_deref(), context.clock.now());
        for envelope in apart(envelope, Ulid::nil) {
            let submission = read(&envelope, &settings);
            let enquiry = understand(&submission, &envelope, &settings);
            if args.json {
                let object = to_json(&path.to_string_lossy(), &envelope, &submission, &enquiry);
                out.line(serde_json::to_string(&object)?);
            } else {
                page(path, &submission, &enquiry, &mut out);
            }
        }
    }
    out.finish(Outcome::Done)?;
    unreadable.map_or(Ok(Outcome::Done), |_| Err(anyhow::anyhow!("some files could not be read")))
}

/// Bytes of a file, or of standard input for `-`.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut raw = Vec::new();
        std::io::stdin().lock().read_to_end(&mut raw).context("cannot read standard input")?;
        return Ok(raw);
    }
    let shown = plain::path(path);
    anyhow::ensure!(!path.is_dir(), "{shown} is a folder: name the files in it, as {shown}/*.eml");
    std::fs::read(path).with_context(|| format!("cannot read {shown}"))
}

/// The arrival that a file would be, received at `now` through `intake`.
#[must_use]
pub fn envelope(path: &Path, raw: Vec<u8>, kind: Option<FileKind>, intake: Option<&str>, now: Timestamp) -> Envelope {
    let (raw_kind, content_type) = match kind.unwrap_or_else(|| guess_kind(path, &raw)) {
        FileKind::Mail => (RawKind::Mail, None),
        FileKind::Json => (RawKind::Form, Some("application/json".to_owned())),
        FileKind::Form => (RawKind::Form, Some(form_type(&raw))),
    };
    let keys = if raw_kind == RawKind::Mail { arrival_key::mail_keys(&raw) } else { Vec::new() };
    Envelope {
        id: Ulid::nil(),
        channel: Channel::File,
        intake_id: intake.unwrap_or_default().to_owned(),
        keys,
        received_at: now,
        digest: Digest::of(&raw),
        raw_kind,
        content_type,
        context: ArrivalContext::default(),
        raw: raw.into(),
    }
}

/// By the file's ending, else by its first bytes.
fn guess_kind(path: &Path, raw: &[u8]) -> FileKind {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "eml" | "mbox" => return FileKind::Mail,
        "json" => return FileKind::Json,
        "form" | "multipart" | "urlencoded" => return FileKind::Form,
        _ => {}
    }
    let line = raw.split(|&b| b == b'\n').next().unwrap_or_default();
    let pairs = line.contains(&b'=') && !line.contains(&b':') && !line.contains(&b' ');
    match raw.trim_ascii_start().first() {
        Some(b'{' | b'[') => FileKind::Json,
        _ if line.starts_with(b"--") || pairs => FileKind::Form,
        _ => FileKind::Mail,
    }
}

/// A multipart body begins with its boundary; anything else is urlencoded.
fn form_type(raw: &[u8]) -> String {
    let line = raw.split(|&b| b == b'\n').next().unwrap_or_default().trim_ascii_end();
    match line.strip_prefix(b"--") {
        Some(boundary) if !boundary.is_empty() && boundary.len() <= 70 => {
            format!("multipart/form-data; boundary=\"{}\"", String::from_utf8_lossy(boundary))
        }
        _ => "application/x-www-form-urlencoded".to_owned(),
    }
}

/// The object of `parse --json`. Its shape is an interface: additions only.
#[must_use]
pub fn to_json(file: &str, envelope: &Envelope, submission: &Submission, enquiry: &Enquiry) -> Value {
    let none = MailFacts::default();
    let mail = submission.mail.as_ref().unwrap_or(&none);
    let mut object = json!({
        "file": file,
        "digest": envelope.digest.to_string(),
        "kind": if envelope.raw_kind == RawKind::Mail { "mail" } else { "form" },
        "class": submission.class,
        "flags": submission.flags,
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to,
        "references": mail.references,
        "date": mail.date,
        "subject": submission.subject,
        "from": mail.from,
        "reply_to": mail.reply_to,
        "to": mail.to,
        "cc": mail.cc,
        "text": submission.text,
        "reply": submission.reply,
        "quoted": mail.quoted,
        "signature": mail.signature,
        "forwarded": mail.forwarded,
        "bounce": mail.bounce,
        "attachments": submission.attachments,
        "fields": submission.fields,
        "enquiry": enquiry,
        "may_reply": submission.mail.as_ref().map(|m| m.may_reply),
        "warnings": submission.warnings,
    });
    if let Value::Object(map) = &mut object {
        let part = envelope.context.extra.get(PART);
        map.extend(part.map(|part| (PART.to_owned(), json!(part))));
        map.extend(submission.template.as_ref().map(|template| ("template".to_owned(), json!(template))));
        map.extend(mail.complaint.as_ref().map(|complaint| ("complaint".to_owned(), json!(complaint))));
        map.extend(mail.event.as_ref().map(|event| ("event".to_owned(), json!(event))));
        map.extend(mail.returns_on.as_ref().map(|day| ("returns_on".to_owned(), json!(day))));
    }
    object
}

/// A page for people: what matters first, what is absent left out.
fn page(path: &Path, submission: &Submission, enquiry: &Enquiry, out: &mut Output) {
    out.line(out.styled(Style::Bold, &plain::path(path)));
    let mut line = |label: &str, value: Option<&str>| {
        if let Some(value) = value.map(|v| one_line(v, 200)).filter(|v| !v.is_empty()) {
            out.line(format!("  {label:<13} {value}"));
        }
    };
    line("class", submission.class.map(MailClass::as_str));
    line("template", submission.template.as_ref().map(ToString::to_string).as_deref());
    line("flags", Some(&submission.flags.join(", ")));
    line("subject", submission.subject.as_deref());
    let mail = submission.mail.as_ref();
    if let Some(bounce) = mail.and_then(|m| m.bounce.as_ref()) {
        line("undelivered", bounce.recipient.as_deref());
        line("because", bounce.diagnostic.as_deref().or(bounce.reason.as_deref()));
        for other in &bounce.others {
            let action = other.action.as_deref().unwrap_or_default();
            line(action, other.recipient.as_deref());
        }
    }
    line("complaint", mail.and_then(|m| m.complaint.as_ref()).and_then(|c| c.recipient.as_deref()));
    line("returns on", mail.and_then(|m| m.returns_on.as_deref()));
    line("person", enquiry.person.full_name.as_deref());
    line("organisation", enquiry.organisation.name.as_deref().or(enquiry.organisation.domain.as_deref()));
    enquiry.emails.iter().for_each(|email| line("email", Some(&email.address)));
    enquiry.phones.iter().for_each(|p| line(&p.kind, Some(p.e164.as_deref().unwrap_or(&p.raw))));
    line("sender", enquiry.raw_sender.as_deref());
    line("topic", enquiry.topic.as_deref());
    line("inquiry", enquiry.inquiry_kind.as_deref());
    for date in &enquiry.dates {
        line("date", Some(&format!("{} ({})", date.iso(), date.text)));
    }
    line("language", enquiry.language.as_deref());
    line("country", enquiry.country.as_deref());
    line("channel", enquiry.attribution.channel.as_deref());
    for file in &submission.attachments {
        line("attachment", Some(&format!("{} ({}, {} bytes)", file.name, file.media_type, file.size)));
    }
    enquiry.custom.iter().for_each(|c| line("other", Some(&format!("{}: {}", c.name, c.value))));
    submission.warnings.iter().for_each(|w| line("warning", Some(&w.detail)));
    for text in enquiry.message.lines().take(MESSAGE_LINES) {
        out.line(format!("  | {}", plain::lines(text)));
    }
}
