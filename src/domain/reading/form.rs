//! Form bodies -> [`Submission`]: urlencoded, multipart and JSON, with the meaning of field names.
//!
//! Values are untrusted text. Control fields never become data; an unknown name keeps its value under that name and
//! nothing else; order is kept; a form's own map wins over the built-in names.

use std::ops::Range;

use super::body::warning;
use super::files::{Bounds, Sent};
use super::text::{clean, non_empty_line};
use super::{
    FormReading, ReadLimits, ReadSettings, charset, field_names, files, json, multipart, shapes, tracking, typed,
};
use crate::domain::enquiry::consent;
use crate::domain::envelope::{Digest, Envelope};
use crate::domain::submission::{Attachment, Canonical, Field, Submission, Verdict, Warning};

/// Longest field name kept, in bytes.
const NAME_BYTES: usize = 128;
/// Longest attribution value kept, in characters.
const ATTRIBUTION_CHARS: usize = 255;
/// Longest address of a page that is read, in characters: parameters stand at its end.
const ADDRESS_CHARS: usize = 4_096;

/// A form body taken apart, nothing interpreted yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormPairs {
    /// Names and values as sent, in order; NUL removed.
    pub fields: Vec<(String, String)>,
    /// Files of a multipart body; `part` is the 1-based position of the part.
    pub files: Vec<Attachment>,
    /// The same files as their fields name them.
    pub uploads: Vec<Upload>,
    /// Name, and digest of the bytes, of every value that was not UTF-8: its text may be a guess, its bytes are not.
    pub foreign: Vec<(String, String)>,
    /// What was odd: `broken_multipart`, `broken_json`, `fields_cut`, `unknown_encoding`, ...
    pub warnings: Vec<Warning>,
    /// Why not all of the body could be read, in English.
    pub broken: Option<String>,
    /// There were more fields than the limits let in.
    pub cut: bool,
    /// Files beyond the limit: how many, and a digest over all of them.
    pub surplus_files: Option<(usize, Digest)>,
    /// Fields of each kind so far.
    counts: Counts,
}

/// Fields by kind: what people do not see takes no room of what they fill in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Counts {
    data: usize,
    control: usize,
    attribution: usize,
}

/// What becomes of a field that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It is kept.
    Free,
    /// It is dropped, for there are too many of those that nobody sees.
    Dropped,
    /// There are more fields than are read; nothing behind them is read either.
    Full,
}

impl FormPairs {
    /// Notes that the body is broken.
    pub(super) fn is_broken(&mut self, code: &str, detail: String) {
        self.warnings.push(warning(code, detail.clone()));
        self.broken = Some(detail);
    }

    /// Counts a field called `name`, if there is room for one of its kind.
    pub(super) fn room(&mut self, name: &str, limits: &ReadLimits) -> Room {
        let hidden = if field_names::is_attribution(name) {
            Some(&mut self.counts.attribution)
        } else if field_names::is_control(name) {
            Some(&mut self.counts.control)
        } else {
            None
        };
        if let Some(count) = hidden {
            *count = count.saturating_add(1);
            if *count == limits.hidden.saturating_add(1) {
                let detail = format!("Only the first {} hidden fields of a kind were read.", limits.hidden);
                self.warnings.push(warning("hidden_cut", detail));
            }
            return if *count > limits.hidden { Room::Dropped } else { Room::Free };
        }
        if self.counts.data < limits.fields {
            self.counts.data += 1;
            return Room::Free;
        }
        self.is_cut(limits);
        Room::Full
    }

    /// Notes that there is more than is read.
    pub(super) fn is_cut(&mut self, limits: &ReadLimits) {
        if !self.cut {
            let detail = format!("Only the first {} fields were read.", limits.fields);
            self.warnings.push(warning("fields_cut", detail));
            self.cut = true;
        }
    }

    /// Notes a file beyond the limit.
    pub(super) fn is_surplus(&mut self, bytes: &[u8], limits: &ReadLimits) {
        let own = Digest::of(bytes);
        self.surplus_files = if let Some((count, all)) = self.surplus_files {
            Some((count.saturating_add(1), Digest::of(&[all.0, own.0].concat())))
        } else {
            let detail = format!("Only the first {} files were read.", limits.attachments);
            self.warnings.push(warning("files_cut", detail));
            Some((1, own))
        };
    }

    /// Notes the bytes of a value that is not UTF-8.
    pub(super) fn note_foreign(&mut self, name: &str, bytes: &[u8]) {
        if std::str::from_utf8(bytes).is_err() {
            self.foreign.push((name.to_owned(), format!("bytes:{}", Digest::of(bytes))));
        }
    }
}

/// A file of a multipart body as its field names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Name of its field.
    pub field: String,
    /// Its name as sent; empty when it has none.
    pub file: String,
    /// Digest of its content.
    pub digest: Digest,
    /// Declared media type, lower case; empty when none was declared.
    pub media_type: String,
    /// Where its content lies in the body.
    pub place: Range<usize>,
}

impl Upload {
    /// Its bytes inside the body it was read from.
    #[must_use]
    pub fn bytes<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        body.get(self.place.clone()).unwrap_or_default()
    }

    /// Whether a form that takes `allowed` takes it as the file at `index` (from 0) of its submission; why not.
    ///
    /// # Errors
    /// See [`files::Bounds::judge`] and [`files::judge`].
    pub fn judge(&self, body: &[u8], index: usize, allowed: &[String], bounds: &Bounds) -> Result<(), files::Refusal> {
        let sent = Sent { name: &self.file, media_type: &self.media_type, bytes: self.bytes(body) };
        bounds.judge(index, sent)?;
        files::judge(sent, allowed)
    }
}

/// Takes a form body apart by its `Content-Type`. Total: a broken body gives what was readable and a warning.
/// Without a content type, JSON is recognised by its first character. Names are no longer than 128 bytes.
pub fn read_pairs(raw: &[u8], content_type: Option<&str>, limits: &ReadLimits) -> FormPairs {
    let mut pairs = take_apart(raw, content_type, limits);
    for (name, value) in &mut pairs.fields {
        name.truncate(super::body::cut(name, NAME_BYTES).len());
        name.retain(|c| c != '\0');
        if value.contains('\0') {
            value.retain(|c| c != '\0');
        }
    }
    pairs
}

/// As [`read_pairs`], with names and values as they were sent: for the door, which refuses what is too long.
pub fn take_apart(raw: &[u8], content_type: Option<&str>, limits: &ReadLimits) -> FormPairs {
    let mut pairs = by_type(raw, content_type, limits);
    shapes::settle(&mut pairs);
    pairs
}

fn by_type(raw: &[u8], content_type: Option<&str>, limits: &ReadLimits) -> FormPairs {
    let content_type = content_type.unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let label = multipart::parameter(content_type, "charset");
    match media.as_str() {
        "multipart/form-data" => multipart::read(raw, content_type, limits),
        "application/json" | "text/json" => json::read(raw, label.as_deref(), limits),
        "" if matches!(raw.trim_ascii_start().first(), Some(b'{' | b'[')) => json::read(raw, None, limits),
        _ if media.ends_with("+json") => json::read(raw, label.as_deref(), limits),
        _ => {
            let mut pairs = urlencoded(raw, label, limits);
            if !matches!(media.as_str(), "" | "application/x-www-form-urlencoded") {
                let detail = format!("The content type {media} was read as a urlencoded form.");
                pairs.warnings.push(warning("unknown_encoding", super::text::one_line(&detail, 200)));
            }
            pairs
        }
    }
}

/// `application/x-www-form-urlencoded` (WHATWG URL); the `_charset_` field says more than the content type.
fn urlencoded(raw: &[u8], label: Option<String>, limits: &ReadLimits) -> FormPairs {
    let mut pairs = FormPairs::default();
    let raw = raw.trim_ascii();
    let pieces = || raw.split(|&b| b == b'&').filter(|piece| !piece.is_empty());
    let looked_at = limits.fields.saturating_add(limits.hidden.saturating_mul(2));
    let said = pieces().take(looked_at).find_map(|piece| {
        let (name, value) = split_piece(piece);
        (name == b"_charset_").then(|| String::from_utf8_lossy(&percent_decode(value)).into_owned())
    });
    let label = said.or(label);
    for piece in pieces() {
        let (name, value) = split_piece(piece);
        let name = percent_decode(name);
        let text = charset::decode(&name, label.as_deref()).text;
        match pairs.room(&text, limits) {
            Room::Free => {}
            Room::Dropped => continue,
            Room::Full => break,
        }
        let bytes = percent_decode(value);
        let value = charset::decode(&bytes, label.as_deref());
        if let Some(guessed) =
            value.guessed.filter(|_| pairs.warnings.iter().all(|known| known.code != "charset_guessed"))
        {
            pairs.warnings.push(warning("charset_guessed", format!("A value was read as {guessed}.")));
        }
        pairs.note_foreign(&text, &name);
        pairs.note_foreign(&text, &bytes);
        pairs.fields.push((text, value.text));
    }
    pairs
}

fn split_piece(piece: &[u8]) -> (&[u8], &[u8]) {
    match piece.iter().position(|&b| b == b'=') {
        Some(at) => (piece.get(..at).unwrap_or_default(), piece.get(at + 1..).unwrap_or_default()),
        None => (piece, b""),
    }
}

/// `+` is a space, `%XX` a byte; anything else stays, broken escapes too.
pub fn percent_decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        index += 1;
        match byte {
            b'+' => out.push(b' '),
            b'%' => match bytes.get(index..index + 2).and_then(hex_byte) {
                Some(decoded) => {
                    out.push(decoded);
                    index += 2;
                }
                None => out.push(b'%'),
            },
            other => out.push(other),
        }
    }
    out
}

fn hex_byte(pair: &[u8]) -> Option<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let [high, low] = pair else { return None };
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Reads a form submission.
pub fn read(envelope: &Envelope, settings: &ReadSettings) -> Submission {
    let pairs = read_pairs(&envelope.raw, envelope.content_type.as_deref(), &settings.limits);
    let form = settings.forms.get(&envelope.intake_id);
    let mut out = Submission { warnings: pairs.warnings, ..Submission::default() };
    let kinds = form.map(|form| form.file_types.as_slice()).unwrap_or_default();
    let bounds = form.map(|form| form.file_bounds).unwrap_or_default();
    for (index, (mut file, upload)) in pairs.files.into_iter().zip(pairs.uploads).enumerate() {
        file.sha256 = Some(files::fingerprint(upload.bytes(&envelope.raw)));
        let verdict = match upload.judge(&envelope.raw, index, kinds, &bounds) {
            Ok(()) if settings.scan_files => Verdict::Unscanned,
            judged => Verdict::of(judged),
        };
        file.verdict = Some(verdict.to_string());
        out.attachments.push(file);
    }
    let mut left = settings.limits.text_bytes;
    for (name, value) in pairs.fields {
        let (value, was_cut) = clean(&value, left);
        if was_cut {
            out.warnings
                .push(warning("text_cut", format!("Values were cut at {} bytes in all.", settings.limits.text_bytes)));
        }
        left = left.saturating_sub(value.len());
        if let Some(field) = interpret(&name, value, form) {
            out.fields.push(field);
        }
    }
    of_fields(out)
}

/// The subject and the text that the fields of a submission make.
pub(in crate::domain) fn of_fields(mut out: Submission) -> Submission {
    typed::note(&mut out);
    out.warnings.truncate(50);
    out.subject = first(&out.fields, Canonical::Topic).and_then(|s| non_empty_line(s, 500));
    out.text = all(&out.fields, Canonical::Message).join("\n\n");
    out.text.trim().clone_into(&mut out.reply);
    out
}

/// What one field is: data, attribution, a typed control that still tells something, or nothing.
pub(in crate::domain) fn interpret(name: &str, value: String, form: Option<&FormReading>) -> Option<Field> {
    let lower = name.trim().to_ascii_lowercase();
    let keep = |canonical, value| Some(Field { name: name.to_owned(), value, canonical });
    if let Some(mapped) = form.and_then(|f| f.map.get(name).or_else(|| f.map.get(name.strip_suffix("[]")?))) {
        return keep(Some(*mapped), value);
    }
    if consent::is_option(name) {
        return keep(Some(Canonical::Consent), value);
    }
    if let Some((_, tracked)) = tracking::parameter(name) {
        let limit = if tracked.is_address() { ADDRESS_CHARS } else { ATTRIBUTION_CHARS };
        let value: String = value.trim().chars().take(limit).collect();
        let canonical = match lower.as_str() {
            "utm_source" => Some(Canonical::Source),
            "utm_medium" => Some(Canonical::Medium),
            "utm_campaign" => Some(Canonical::Campaign),
            _ => None,
        };
        return if value.is_empty() && !lower.starts_with('_') { None } else { keep(canonical, value) };
    }
    // A blank control value must not hide a configured default.
    match lower.as_str() {
        _ if field_names::is_reply_address(name) && !value.trim().is_empty() => {
            return keep(Some(Canonical::Email), value);
        }
        "_language" | "_lang" if !value.trim().is_empty() => return keep(Some(Canonical::Language), value),
        _ => {}
    }
    if field_names::is_control(name) {
        return None;
    }
    keep(field_names::canonical(name), value)
}

/// First non-blank value with this meaning.
pub fn first(fields: &[Field], canonical: Canonical) -> Option<&str> {
    fields.iter().filter(|f| f.canonical == Some(canonical)).map(|f| f.value.trim()).find(|v| !v.is_empty())
}

/// Every non-blank value with this meaning, in order.
pub fn all(fields: &[Field], canonical: Canonical) -> Vec<&str> {
    let meant = fields.iter().filter(|f| f.canonical == Some(canonical));
    meant.map(|f| f.value.trim()).filter(|v| !v.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(raw: &[u8], content_type: &str) -> Vec<(String, String)> {
        read_pairs(raw, Some(content_type), &ReadLimits::default()).fields
    }

    #[test]
    fn urlencoded_keeps_order_repeats_and_broken_escapes() {
        let read = fields(b"a=1&b=%C3%A9+x&a=2&c&=v&d=%zz%0", "application/x-www-form-urlencoded; charset=UTF-8");
        let expected = [("a", "1"), ("b", "é x"), ("a", "2"), ("c", ""), ("", "v"), ("d", "%zz%0")];
        assert_eq!(read, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn the_charset_field_decodes_the_values() {
        let read = fields(b"_charset_=windows-1250&name=Ji%F8%ED", "application/x-www-form-urlencoded");
        assert_eq!(read[1].1, "Jiří");
        assert_eq!(fields(b"name=Ren%E9e", "application/x-www-form-urlencoded")[0].1, "Renée");
        assert_eq!(fields(b"name=%C8%ED%9E", "application/x-www-form-urlencoded; charset=windows-1250")[0].1, "Číž");
    }

    #[test]
    fn a_blank_control_or_a_relay_field_is_never_data() {
        assert_eq!(interpret("_cc", "x@y.z".to_owned(), None), None);
        assert_eq!(interpret("_replyto", " ".to_owned(), None), None);
        assert_eq!(interpret("_replyto", "e@w.example".to_owned(), None).unwrap().canonical, Some(Canonical::Email));
        let form = FormReading { map: [("f1".to_owned(), Canonical::Company)].into(), ..FormReading::default() };
        assert_eq!(interpret("f1", "ACME".to_owned(), Some(&form)).unwrap().canonical, Some(Canonical::Company));
    }
}
