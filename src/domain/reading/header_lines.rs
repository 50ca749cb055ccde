//! The header section of raw bytes, field by field, without the mail parser: linear, total, no allocation per line.
//!
//! For what must be known before (or without) parsing: arrival keys, the safety check, trace headers. It is not a
//! decoder: values come as written, folded lines included.

/// One header field as it lies in the raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawHeader<'a> {
    /// Field name as written; empty for a line without a colon.
    pub name: &'a [u8],
    /// Everything after the colon up to the line that ends the field, line breaks inside kept.
    pub value: &'a [u8],
}

impl RawHeader<'_> {
    /// Whether the field has this name (ASCII case ignored).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Whether the field's name starts with this (ASCII case ignored).
    pub fn starts_with(&self, prefix: &str) -> bool {
        self.name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    }

    /// The value as text (lossy), unfolded: runs of white space become one space, ends trimmed.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(self.value.len());
        for word in String::from_utf8_lossy(self.value).split_whitespace() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
        out
    }
}

/// Fields of a header section, in order.
#[derive(Debug, Clone)]
pub struct RawHeaders<'a> {
    rest: &'a [u8],
}

/// Reads the header fields at the start of `raw`; a leading mbox `From ` line is skipped.
pub fn headers(raw: &[u8]) -> RawHeaders<'_> {
    // The mark that editors put in front of UTF-8.
    let mut rest = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    while let Some(tail) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
        rest = tail;
    }
    if rest.starts_with(b"From ") {
        rest = rest.get(line_end(rest)..).unwrap_or_default();
    }
    RawHeaders { rest }
}

impl<'a> RawHeaders<'a> {
    /// What follows the blank line that ends the section. Call after the iterator is exhausted.
    pub fn body(&self) -> &'a [u8] {
        self.rest
    }
}

/// Index just behind the first line break, or the length.
fn line_end(bytes: &[u8]) -> usize {
    bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |at| at + 1)
}

impl<'a> Iterator for RawHeaders<'a> {
    type Item = RawHeader<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(body) = self.rest.strip_prefix(b"\r\n").or_else(|| self.rest.strip_prefix(b"\n")) {
            // The blank line: from here on `rest` is the body, and the iterator stays at its end.
            self.rest = body;
            return None;
        }
        if self.rest.is_empty() {
            return None;
        }
        let mut end = line_end(self.rest);
        while matches!(self.rest.get(end), Some(b' ' | b'\t')) {
            end += self.rest.get(end..).map_or(0, line_end);
        }
        let (field, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        let first_line = field.get(..line_end(field)).unwrap_or_default();
        Some(match first_line.iter().position(|&b| b == b':') {
            Some(colon) => {
                let (name, value) = field.split_at_checked(colon)?;
                RawHeader { name: name.trim_ascii(), value: value.get(1..).unwrap_or_default() }
            }
            None => RawHeader { name: b"", value: field },
        })
    }
}

/// The header without what it says of the body.
pub(super) fn without_content(section: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(section.len());
    for field in headers(section).filter(|field| !field.name.is_empty()) {
        if !field.starts_with("content-") && !field.is("mime-version") {
            write_field(&field, &mut out);
        }
    }
    out
}

/// Writes a field as it stands, with the line end of RFC 5322.
pub(super) fn write_field(field: &RawHeader<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(field.name);
    out.push(b':');
    out.extend_from_slice(field.value.trim_ascii_end());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_fields_are_one_field_and_the_body_follows() {
        let mut fields = headers(b"From: a@b\r\nSubject: one\r\n two\r\nbroken line\r\n\r\nbody: no\r\n");
        let subject = fields.nth(1).unwrap();
        assert!(subject.is("subject"));
        assert_eq!(subject.text(), "one two");
        assert_eq!(fields.next().unwrap().name, b"");
        assert_eq!(fields.next(), None);
        assert_eq!(fields.body(), b"body: no\r\n");
    }

    #[test]
    fn any_bytes_end() {
        for raw in [&b""[..], b"\n", b"\r\n\r\n", b":", b" \n \n ", b"a", b"a:\n b", b"From x\n"] {
            assert!(headers(raw).count() < 4, "{raw:?}");
        }
    }
}
