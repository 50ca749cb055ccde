//! What a body says, as far as the door must know: names and values to check limits, to recognise a repeat and to find
//! control fields.
//!
//! Invariants: linear in the body; the reader is the one that reads the journalled bytes later, so what passes here is
//! read there as the same fields and as long; what it could not read whole is refused.

use super::faults::RefusedFile;
use super::problem::Why;
use crate::clock::Timestamp;
use crate::config::form::FormConfig;
use crate::domain::envelope::Digest;
use crate::domain::reading::ReadLimits;
use crate::domain::reading::arrival_key::form_keys;
use crate::domain::reading::files::{Bounds, Refusal};
use crate::domain::reading::form::{FormPairs, take_apart};

/// Refused files named to the visitor, at most.
const TOLD: usize = 50;

/// The encodings of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::intake) enum Encoding {
    Urlencoded,
    Multipart,
    Json,
}

impl Encoding {
    /// The encoding a media type (lower case, no parameters) stands for.
    pub(super) fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/x-www-form-urlencoded" => Some(Self::Urlencoded),
            "multipart/form-data" => Some(Self::Multipart),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    /// Only multipart bodies carry files.
    pub(super) fn may_hold_files(self) -> bool {
        self == Self::Multipart
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Urlencoded => "application/x-www-form-urlencoded",
            Self::Multipart => "multipart/form-data",
            Self::Json => "application/json",
        }
    }
}

/// How much is allowed.
#[derive(Debug, Clone, Copy)]
pub(in crate::intake) struct Allowed<'a> {
    pub(super) fields: usize,
    pub(super) name_bytes: usize,
    pub(super) value_bytes: usize,
    /// All values together.
    pub(super) text_bytes: usize,
    /// Which files, and their kinds, by group or ending, empty = the usual ones; `None` = files are not looked at.
    pub(super) files: Option<(Bounds, &'a [String])>,
}

impl Allowed<'static> {
    /// No bounds, for bodies that passed them once.
    pub(in crate::intake) const ANY: Self = Self {
        fields: usize::MAX,
        name_bytes: usize::MAX,
        value_bytes: usize::MAX,
        text_bytes: usize::MAX,
        files: None,
    };
}

/// What a body says.
#[derive(Debug, Clone, Default)]
pub(in crate::intake) struct Said {
    /// Names and values in the order sent.
    pub(super) fields: Vec<(String, String)>,
    /// Field name and content digest of every file.
    pub(super) files: Vec<(String, String)>,
    /// Files that are not taken, though the rest is.
    pub(super) refused: Vec<RefusedFile>,
    /// Name, and digest of the bytes, of every value whose charset had to be told or guessed.
    foreign: Vec<(String, String)>,
    /// Digest of the body, and what names its content, once they were made: both take time where it is large.
    pub(super) digest: Option<Digest>,
    content_name: Option<String>,
}

impl Said {
    /// With its digest and the name of its content.
    pub(super) fn named(mut self, form: &FormConfig, raw: &[u8]) -> Self {
        self.content_name = Some(self.name_of_content(form));
        self.digest = Some(Digest::of(raw));
        self
    }

    /// What names its content, whenever it comes.
    pub(super) fn name_of_content(&self, form: &FormConfig) -> String {
        if let Some(name) = &self.content_name {
            return name.clone();
        }
        let is_data = |name: &str| form.is_data(name);
        let ever = (std::time::Duration::from_micros(1), Timestamp::from_seconds(0));
        form_keys(&form.id, &self.content(), is_data, None, ever.0, ever.1).pop().map_or_else(String::new, |k| k.value)
    }

    /// Nothing but control fields, attribution and blanks.
    pub(in crate::intake) fn is_empty(&self, form: &FormConfig) -> bool {
        self.files.is_empty() && !self.has_data(form)
    }

    /// Something was filled in.
    pub(super) fn has_data(&self, form: &FormConfig) -> bool {
        let data = |(name, value): &&(String, String)| {
            form.is_data(name) && !value.trim_matches(|c: char| c.is_whitespace() || c == '\0').is_empty()
        };
        self.fields.iter().any(|field| data(&field))
    }

    /// The first non-blank value under `name`.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, v)| n == name && !v.trim().is_empty()).map(|(_, value)| value.trim())
    }

    /// Fields, and by their digest files and values that are not UTF-8, for recognising a repeat.
    pub(in crate::intake) fn content(&self) -> Vec<(String, String)> {
        self.fields.iter().chain(&self.files).chain(&self.foreign).cloned().collect()
    }
}

/// Reads a body.
pub(in crate::intake) fn read(
    encoding: Encoding,
    content_type: &str,
    body: &[u8],
    allowed: &Allowed<'_>,
) -> Result<Said, Why> {
    if body.trim_ascii().is_empty() {
        return Ok(Said::default());
    }
    let most = ReadLimits::default();
    let limits = ReadLimits { fields: allowed.fields.min(most.fields), ..most };
    // A body that came without a type is none of the three; the type of a file in the watched folder is known.
    let content_type = if content_type.is_empty() { encoding.media_type() } else { content_type };
    let pairs = take_apart(body, Some(content_type), &limits);
    check(encoding, body, &pairs, &limits, allowed)?;
    let refused = refused(body, &pairs, allowed);
    let files = pairs.uploads.into_iter().map(|upload| (upload.field, upload.digest));
    let surplus = pairs.surplus_files.map(|(_, digest)| (String::new(), digest));
    let files = files.chain(surplus).map(|(field, digest)| (field, format!("file:{digest}"))).collect();
    Ok(Said { fields: pairs.fields, files, refused, foreign: pairs.foreign, ..Said::default() })
}

/// Files that are not taken. The visitor is told the names of so many, and how many there are beyond them.
fn refused(body: &[u8], pairs: &FormPairs, allowed: &Allowed<'_>) -> Vec<RefusedFile> {
    let Some((bounds, kinds)) = allowed.files else { return Vec::new() };
    let judged = pairs.uploads.iter().zip(&pairs.files).enumerate().filter_map(|(index, (upload, file))| {
        let why = upload.judge(body, index, kinds, &bounds).err()?;
        Some(RefusedFile::new(&upload.field, &file.name, why, &bounds))
    });
    let mut refused: Vec<RefusedFile> = judged.collect();
    let beyond = pairs.surplus_files.map_or(0, |(count, _)| count) + refused.len().saturating_sub(TOLD);
    refused.truncate(TOLD);
    if beyond > 0 {
        refused.push(RefusedFile::new("", &format!("+{beyond}"), Refusal::TooMany, &bounds));
    }
    refused
}

fn check(
    encoding: Encoding,
    body: &[u8],
    pairs: &FormPairs,
    limits: &ReadLimits,
    allowed: &Allowed<'_>,
) -> Result<(), Why> {
    if let Some(detail) = &pairs.broken {
        return Err(Why::Malformed { detail: detail.clone() });
    }
    let is_object = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start().starts_with(b"{");
    if encoding == Encoding::Json && !is_object {
        return Err(Why::Malformed { detail: "a JSON object is expected".to_owned() });
    }
    if pairs.cut {
        return Err(Why::TooManyFields { limit: limits.fields });
    }
    let names = pairs.fields.iter().map(|(name, _)| name).chain(pairs.uploads.iter().map(|upload| &upload.field));
    if names.into_iter().any(|name| name.len() > allowed.name_bytes) {
        return Err(Why::NameTooLong { limit: allowed.name_bytes });
    }
    if let Some((name, _)) = pairs.fields.iter().find(|(_, value)| value.len() > allowed.value_bytes) {
        return Err(Why::ValueTooLong { field: name.clone(), limit: allowed.value_bytes });
    }
    if pairs.fields.iter().map(|(_, value)| value.len()).sum::<usize>() > allowed.text_bytes {
        return Err(Why::TextTooLong { limit: allowed.text_bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: Allowed<'static> = Allowed {
        fields: 5,
        name_bytes: 10,
        value_bytes: 20,
        text_bytes: 1_000,
        files: Some((Bounds { taken: true, most: 2, bytes: 10, name_bytes: 10 }, &[])),
    };

    fn said(encoding: Encoding, content_type: &str, body: &[u8]) -> Result<Said, Why> {
        read(encoding, content_type, body, &ALLOWED)
    }

    fn pairs(said: &Said) -> Vec<(&str, &str)> {
        said.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
    }

    #[test]
    fn urlencoded_keeps_order_repeats_and_survives_bad_bytes() {
        let said = said(Encoding::Urlencoded, "", b"b=1&a=%ff&b=2&=x&n=%00;y").unwrap();
        assert_eq!(pairs(&said), [("b", "1"), ("a", "ÿ"), ("b", "2"), ("", "x"), ("n", "\0;y")]);
    }

    #[test]
    fn json_is_unfolded_as_it_is_read_later() {
        let body = br#"{"a":{"b":{"c":1}},"l":["x",2],"n":null}"#;
        let said = said(Encoding::Json, "", body).unwrap();
        assert_eq!(pairs(&said), [("a[b][c]", "1"), ("l", "x"), ("l", "2")]);
    }

    #[test]
    fn broken_json_says_where() {
        for body in [&b"{"[..], b"[1]", b"nul", b"{\"a\":\"\\ud80\"}", b"\xff\xfe"] {
            assert!(matches!(said(Encoding::Json, "", body), Err(Why::Malformed { .. })), "{body:?}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500));
        assert!(matches!(said(Encoding::Json, "", deep.as_bytes()), Err(Why::Malformed { .. })));
    }

    #[test]
    fn multipart_tells_files_from_fields() {
        let kind = "multipart/form-data; boundary=B";
        let body = b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhi\r\n--B\r\nContent-Disposition: \
            form-data; name=\"f\"; filename*=UTF-8''x.txt\r\n\r\ndata\r\n--B--\r\n";
        let said = said(Encoding::Multipart, kind, body).unwrap();
        assert_eq!(pairs(&said), [("a", "hi")]);
        assert_eq!(said.files.len(), 1);
    }

    #[test]
    fn broken_multipart_is_malformed() {
        let cases: [(&str, &[u8]); 4] = [
            ("multipart/form-data", b"--B--"),
            ("multipart/form-data; boundary=B", b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhi"),
            ("multipart/form-data; boundary=B", b"no boundary here"),
            (&format!("multipart/form-data; boundary={}", "b".repeat(71)), b"x"),
        ];
        for (kind, body) in cases {
            assert!(matches!(said(Encoding::Multipart, kind, body), Err(Why::Malformed { .. })), "{kind}");
        }
    }

    #[test]
    fn every_limit_of_fields_is_named() {
        let refused = |body: &[u8]| said(Encoding::Urlencoded, "", body).unwrap_err();
        assert_eq!(refused(b"a&b&c&d&e&f"), Why::TooManyFields { limit: 5 });
        assert_eq!(refused(b"12345678901=1"), Why::NameTooLong { limit: 10 });
        let value = Why::ValueTooLong { field: "a".into(), limit: 20 };
        assert_eq!(refused(b"a=123456789012345678901"), value);
        let three = format!("a={0}&b={0}&c={0}", "x".repeat(17));
        let short = Allowed { text_bytes: 50, ..ALLOWED };
        let refused = read(Encoding::Urlencoded, "", three.as_bytes(), &short).unwrap_err();
        assert_eq!(refused, Why::TextTooLong { limit: 50 }, "together they are more than is read");
    }

    #[test]
    fn fields_that_go_unseen_take_no_room_of_others() {
        let hidden = "_x=1&utm_source=a&".repeat(93);
        let said = said(Encoding::Urlencoded, "", format!("{hidden}a=1&b=2&c=3&d=4&e=5").as_bytes()).unwrap();
        assert_eq!(said.value("e"), Some("5"));
        let many = "_x=1&utm_source=a&".repeat(5_000) + "_last=1&";
        let said = super::tests::said(Encoding::Urlencoded, "", format!("{many}a=1").as_bytes()).unwrap();
        assert_eq!((said.value("a"), said.value("_x"), said.value("_last")), (Some("1"), Some("1"), None));
        assert!(said.fields.len() < 1_000, "{}", said.fields.len());
    }

    #[test]
    fn every_limit_of_files_marks_the_file_and_keeps_the_rest() {
        let file = |name: &str, content: &str| {
            format!("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{content}\r\n")
        };
        let refused = |files: &str, allowed: &Allowed<'_>| {
            let body = format!("{files}--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhi\r\n--B--");
            let said = read(Encoding::Multipart, "multipart/form-data; boundary=B", body.as_bytes(), allowed).unwrap();
            assert_eq!(said.value("a"), Some("hi"));
            said.refused.into_iter().map(|refused| (refused.file, refused.why)).collect::<Vec<_>>()
        };
        let fit = file("a.txt", "x");
        let one = |name: &str, why: Refusal| vec![(name.to_owned(), why)];
        assert_eq!(refused(&fit.repeat(2), &ALLOWED), []);
        assert_eq!(refused(&(fit.repeat(2) + &file("3.txt", "x")), &ALLOWED), one("3.txt", Refusal::TooMany));
        assert_eq!(refused(&file("b.txt", "12345678901"), &ALLOWED), one("b.txt", Refusal::TooLarge));
        assert_eq!(refused(&file("1234567.txt", "x"), &ALLOWED), one("1234567.txt", Refusal::NameTooLong));
        let none = Allowed { files: Some((Bounds { taken: false, ..Bounds::default() }, &[])), ..ALLOWED };
        assert_eq!(refused(&fit, &none), one("a.txt", Refusal::NoFiles));
        let many = refused(&fit.repeat(3_000), &ALLOWED);
        assert_eq!((many.len(), many[50].0.as_str()), (51, "+2948"), "3000 - 2 - 50");
    }

    #[test]
    fn control_fields_and_blanks_are_nothing() {
        let empty = said(Encoding::Urlencoded, "", b"_next=/a&name=++&utm_source=x").unwrap();
        let form = FormConfig::named("contact");
        assert!(empty.is_empty(&form));
        for something in [&b"name=a"[..], b"_replyto=eva%40web.example"] {
            assert!(!said(Encoding::Urlencoded, "", something).unwrap().is_empty(&form));
        }
    }
}
