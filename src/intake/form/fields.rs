//! What a body says, as far as the door must know: names and values to check limits, to recognise a repeat and to find
//! control fields. The full reading happens later, on the journalled bytes.
//!
//! Invariants: linear in the body; at most the allowed number of fields is kept; invalid UTF-8 becomes U+FFFD.

use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use multer::{Constraints, Multipart, SizeLimit};
use serde_json::Value;

use super::problem::Why;
use crate::domain::envelope::Digest;
use crate::domain::reading::field_names::{is_attribution, is_control};

/// Longest boundary, RFC 2046 section 5.1.1.
const BOUNDARY_BYTES: usize = 70;
/// Deepest nesting of JSON that is unfolded into names.
const JSON_DEPTH: usize = 3;

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
}

/// How much is allowed.
#[derive(Debug, Clone, Copy)]
pub(in crate::intake) struct Allowed {
    pub(super) fields: usize,
    pub(super) files: usize,
    pub(super) take_files: bool,
    pub(super) name_bytes: usize,
    pub(super) value_bytes: usize,
    pub(super) file_name_bytes: usize,
}

impl Allowed {
    /// No bounds, for bodies that passed them once.
    pub(in crate::intake) const ANY: Self = Self {
        fields: usize::MAX,
        files: usize::MAX,
        take_files: true,
        name_bytes: usize::MAX,
        value_bytes: usize::MAX,
        file_name_bytes: usize::MAX,
    };
}

/// What a body says.
#[derive(Debug, Default)]
pub(in crate::intake) struct Said {
    /// Names and values in the order sent.
    pub(super) fields: Vec<(String, String)>,
    /// Field name and content digest of every file.
    pub(super) files: Vec<(String, String)>,
}

impl Said {
    /// Nothing but control fields, attribution and blanks.
    pub(in crate::intake) fn is_empty(&self) -> bool {
        let data = |(name, value): &&(String, String)| {
            !is_control(name)
                && !is_attribution(name)
                && !value.trim_matches(|c: char| c.is_whitespace() || c == '\0').is_empty()
        };
        self.files.is_empty() && !self.fields.iter().any(|field| data(&field))
    }

    /// The first non-blank value under `name`.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, v)| n == name && !v.trim().is_empty()).map(|(_, value)| value.trim())
    }

    /// Fields, and files by their digest, for recognising a repeat.
    pub(in crate::intake) fn content(&self) -> Vec<(String, String)> {
        self.fields.iter().chain(&self.files).cloned().collect()
    }

    fn add(&mut self, name: String, value: String, allowed: &Allowed) -> Result<(), Why> {
        if self.fields.len() >= allowed.fields {
            return Err(Why::TooManyFields { limit: allowed.fields });
        }
        if name.len() > allowed.name_bytes {
            return Err(Why::NameTooLong { limit: allowed.name_bytes });
        }
        if value.len() > allowed.value_bytes {
            return Err(Why::ValueTooLong { field: name, limit: allowed.value_bytes });
        }
        self.fields.push((name, value));
        Ok(())
    }
}

/// Reads a body.
pub(in crate::intake) async fn read(
    encoding: Encoding,
    content_type: &str,
    body: &Bytes,
    allowed: &Allowed,
) -> Result<Said, Why> {
    match encoding {
        Encoding::Urlencoded => urlencoded(body, allowed),
        Encoding::Json => json(body, allowed),
        Encoding::Multipart => multipart(content_type, body.clone(), allowed).await,
    }
}

fn urlencoded(body: &[u8], allowed: &Allowed) -> Result<Said, Why> {
    let mut said = Said::default();
    for (name, value) in form_urlencoded::parse(body.trim_ascii_end()) {
        said.add(name.into_owned(), value.into_owned(), allowed)?;
    }
    Ok(said)
}

fn json(body: &[u8], allowed: &Allowed) -> Result<Said, Why> {
    if body.trim_ascii().is_empty() {
        return Ok(Said::default());
    }
    let text = String::from_utf8_lossy(body);
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Why::Malformed { detail: format!("line {}, column {}", error.line(), error.column()) })?;
    let Value::Object(members) = value else {
        return Err(Why::Malformed { detail: "a JSON object is expected".to_owned() });
    };
    let mut said = Said::default();
    for (name, value) in members {
        unfold(name, value, 1, &mut said, allowed)?;
    }
    Ok(said)
}

fn unfold(name: String, value: Value, depth: usize, said: &mut Said, allowed: &Allowed) -> Result<(), Why> {
    match value {
        Value::Null => said.add(name, String::new(), allowed),
        Value::String(text) => said.add(name, text, allowed),
        Value::Bool(flag) => said.add(name, flag.to_string(), allowed),
        Value::Number(number) => said.add(name, number.to_string(), allowed),
        Value::Array(items) if depth < JSON_DEPTH => {
            items.into_iter().try_for_each(|item| unfold(name.clone(), item, depth + 1, said, allowed))
        }
        Value::Object(members) if depth < JSON_DEPTH => members
            .into_iter()
            .try_for_each(|(inner, item)| unfold(format!("{name}[{inner}]"), item, depth + 1, said, allowed)),
        deeper => said.add(name, deeper.to_string(), allowed),
    }
}

async fn multipart(content_type: &str, body: Bytes, allowed: &Allowed) -> Result<Said, Why> {
    let boundary = multer::parse_boundary(content_type)
        .map_err(|_| Why::Malformed { detail: "the multipart boundary is missing".to_owned() })?;
    if boundary.len() > BOUNDARY_BYTES {
        return Err(Why::Malformed { detail: "the multipart boundary is too long".to_owned() });
    }
    if body.is_empty() {
        return Ok(Said::default());
    }
    let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let bounds = Constraints::new().size_limit(SizeLimit::new().whole_stream(size).per_field(size));
    let once = stream::once(std::future::ready(Ok::<_, Infallible>(body)));
    let mut parts = Multipart::with_constraints(once, boundary, bounds);
    let mut said = Said::default();
    while let Some(part) = parts.next_field().await.map_err(|error| malformed(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        if file_name.is_some() || is_file(&part) {
            let bytes = part.bytes().await.map_err(|error| malformed(&error))?;
            add_file(&mut said, name, file_name.as_deref().unwrap_or_default(), &bytes, allowed)?;
        } else {
            let bytes = part.bytes().await.map_err(|error| malformed(&error))?;
            said.add(name, String::from_utf8_lossy(&bytes).into_owned(), allowed)?;
        }
    }
    Ok(said)
}

/// A part is a file too when its name comes as `filename*=`, which the multipart reader passes over, or when it has a
/// media type that no text field has.
fn is_file(part: &multer::Field<'_>) -> bool {
    let disposition = part.headers().get("content-disposition").map(|v| v.as_bytes().to_ascii_lowercase());
    let named = disposition.is_some_and(|value| String::from_utf8_lossy(&value).contains("filename*"));
    named || part.content_type().is_some_and(|kind| kind.type_() != "text" || kind.subtype() != "plain")
}

fn add_file(said: &mut Said, name: String, file: &str, bytes: &Bytes, allowed: &Allowed) -> Result<(), Why> {
    if bytes.is_empty() && file.is_empty() {
        return Ok(()); // a file input left alone
    }
    if !allowed.take_files {
        return Err(Why::NoFiles);
    }
    if said.files.len() >= allowed.files {
        return Err(Why::TooManyFiles { limit: allowed.files });
    }
    if name.len() > allowed.name_bytes {
        return Err(Why::NameTooLong { limit: allowed.name_bytes });
    }
    if file.len() > allowed.file_name_bytes {
        return Err(Why::FileNameTooLong { limit: allowed.file_name_bytes });
    }
    said.files.push((name, format!("file:{}", Digest::of(bytes))));
    Ok(())
}

fn malformed(error: &multer::Error) -> Why {
    let detail = match error {
        multer::Error::IncompleteStream | multer::Error::IncompleteFieldData { .. } => "the last part has no end",
        multer::Error::IncompleteHeaders | multer::Error::ReadHeaderFailed(_) => "the header of a part is broken",
        _ => "the multipart body is broken",
    };
    Why::Malformed { detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: Allowed =
        Allowed { fields: 5, files: 1, take_files: true, name_bytes: 10, value_bytes: 20, file_name_bytes: 10 };

    async fn said(encoding: Encoding, content_type: &str, body: &[u8]) -> Result<Said, Why> {
        read(encoding, content_type, &Bytes::copy_from_slice(body), &ALLOWED).await
    }

    fn pairs(said: &Said) -> Vec<(&str, &str)> {
        said.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
    }

    #[tokio::test]
    async fn urlencoded_keeps_order_repeats_and_survives_bad_bytes() {
        let said = said(Encoding::Urlencoded, "", b"b=1&a=%ff&b=2&=x&n=%00;y").await.unwrap();
        assert_eq!(pairs(&said), [("b", "1"), ("a", "\u{fffd}"), ("b", "2"), ("", "x"), ("n", "\0;y")]);
    }

    #[tokio::test]
    async fn json_is_unfolded_three_deep() {
        let body = br#"{"a":{"b":{"c":{"d":1}}},"l":["x",2],"n":null}"#;
        let said = said(Encoding::Json, "", body).await.unwrap();
        assert_eq!(pairs(&said), [("a[b][c]", "{\"d\":1}"), ("l", "x"), ("l", "2"), ("n", "")]);
    }

    #[tokio::test]
    async fn broken_json_says_where() {
        for body in [&b"{"[..], b"[1]", b"nul", b"{\"a\":\"\\ud800\"}", b"\xff\xfe"] {
            assert!(matches!(said(Encoding::Json, "", body).await, Err(Why::Malformed { .. })), "{body:?}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500));
        assert!(matches!(said(Encoding::Json, "", deep.as_bytes()).await, Err(Why::Malformed { .. })));
    }

    #[tokio::test]
    async fn multipart_tells_files_from_fields() {
        let kind = "multipart/form-data; boundary=B";
        let body = b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhi\r\n--B\r\nContent-Disposition: \
            form-data; name=\"f\"; filename*=UTF-8''x.txt\r\n\r\ndata\r\n--B--\r\n";
        let said = said(Encoding::Multipart, kind, body).await.unwrap();
        assert_eq!(pairs(&said), [("a", "hi")]);
        assert_eq!(said.files.len(), 1);
    }

    #[tokio::test]
    async fn broken_multipart_is_malformed() {
        let cases: [(&str, &[u8]); 4] = [
            ("multipart/form-data", b"--B--"),
            ("multipart/form-data; boundary=B", b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhi"),
            ("multipart/form-data; boundary=B", b"no boundary here"),
            (&format!("multipart/form-data; boundary={}", "b".repeat(71)), b"x"),
        ];
        for (kind, body) in cases {
            assert!(matches!(said(Encoding::Multipart, kind, body).await, Err(Why::Malformed { .. })), "{kind}");
        }
    }

    #[tokio::test]
    async fn every_limit_is_named() {
        use Encoding::{Multipart, Urlencoded};
        let kind = "multipart/form-data; boundary=B";
        let file =
            |name: &str| format!("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\nx\r\n");
        let two = format!("{}{}--B--", file("a"), file("b"));
        let long = format!("{}--B--", file("12345678901"));
        let refused = |result: Result<Said, Why>| result.unwrap_err();
        assert_eq!(refused(said(Urlencoded, "", b"a&b&c&d&e&f").await), Why::TooManyFields { limit: 5 });
        assert_eq!(refused(said(Urlencoded, "", b"12345678901=1").await), Why::NameTooLong { limit: 10 });
        let value = Why::ValueTooLong { field: "a".into(), limit: 20 };
        assert_eq!(refused(said(Urlencoded, "", b"a=123456789012345678901").await), value);
        assert_eq!(refused(said(Multipart, kind, two.as_bytes()).await), Why::TooManyFiles { limit: 1 });
        assert_eq!(refused(said(Multipart, kind, long.as_bytes()).await), Why::FileNameTooLong { limit: 10 });
    }

    #[tokio::test]
    async fn control_fields_and_blanks_are_nothing() {
        let empty = said(Encoding::Urlencoded, "", b"_next=/a&name=++&utm_source=x").await.unwrap();
        assert!(empty.is_empty());
        assert!(!said(Encoding::Urlencoded, "", b"name=a").await.unwrap().is_empty());
    }
}
