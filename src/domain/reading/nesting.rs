//! How deep a mail is nested and what it costs to take apart, found out before mail-parser does it.
//!
//! mail-parser recurses once for every message inside a message (when such a tree is dropped or copied), reads to the
//! end for every boundary that never comes, and keeps every part. None of that is bounded there. So the parts are
//! walked here first: with mail-parser's own header reader, in the order in which it goes, with a stack of our own.
//!
//! Invariants:
//! - Whatever mail-parser would open, this opens: it may refuse too much in absurd mails, never too little;
//! - words in a text are no structure: only header fields at the start of the message or of a part count;
//! - the walk costs no more than what it allows.

use aho_corasick::AhoCorasick;
use mail_parser::parsers::MessageStream;
use mail_parser::{ContentType, GetHeader as _, Header, HeaderName, HeaderValue, MessageParser};

use super::ReadLimits;

/// Mails up to this size cannot hold enough of anything to do harm, in bytes.
const HARMLESS: usize = 16 << 10;
/// Parts of all levels before only the header is read.
const PARTS: usize = 20_000;
/// Longest boundary followed, in bytes; RFC 2046 allows 70.
const BOUNDARY: usize = 256;
/// What searches for boundaries that never come may read: this often the size of the mail ..
const SEARCHES: usize = 6;
/// .. and this much beside, in bytes.
const SEARCHED: usize = 1 << 20;
/// Messages inside each other whose transfer encoding mail-parser undoes.
const ENCODED: usize = 3;

/// Whether mail-parser may be given the body.
pub(super) fn is_bounded(raw: &[u8], limits: &ReadLimits) -> bool {
    let mut walk = Walk {
        limits,
        parts: 0,
        multiparts: 0,
        to_search: raw.len().saturating_mul(SEARCHES).saturating_add(SEARCHED),
    };
    raw.len() <= HARMLESS || walk.message(raw, 0, ENCODED).is_ok()
}

/// Nested too deeply, or too dear to take apart.
#[derive(Debug, Clone, Copy)]
struct TooMuch;

/// What is left to spend, for a mail and the encoded messages inside it.
struct Walk<'l> {
    limits: &'l ReadLimits,
    parts: usize,
    multiparts: usize,
    to_search: usize,
}

/// What mail-parser is inside of.
#[derive(Default)]
struct Level {
    /// A message, not a multipart.
    message: bool,
    /// Parts without a type are messages.
    digest: bool,
    boundary: Option<Boundary>,
}

struct Boundary {
    length: usize,
    finder: AhoCorasick,
}

impl Boundary {
    /// `None` for one too long to be honest.
    fn new(text: &str) -> Option<Self> {
        let finder = AhoCorasick::new([format!("--{text}")]).ok()?;
        (text.len() <= BOUNDARY).then_some(Self { length: text.len() + 2, finder })
    }

    /// Moves behind the next delimiter line's boundary, if there is one.
    fn seek(&self, stream: &mut MessageStream<'_>, raw: &[u8]) -> bool {
        let rest = raw.get(stream.offset()..).unwrap_or_default();
        let found = self.finder.find(rest).map(|found| found.start().saturating_add(self.length));
        if let Some(behind) = found {
            stream.skip_bytes(behind);
        }
        found.is_some()
    }
}

/// What one header section opens.
struct Part<'h> {
    boundary: Option<&'h str>,
    digest: bool,
    message: bool,
    /// Another `message/..`, or one written so that only other readers would know it.
    like_message: bool,
    encoding: Option<Encoded>,
}

#[derive(Clone, Copy)]
enum Encoded {
    Base64,
    QuotedPrintable,
}

impl<'h> Part<'h> {
    fn of(headers: &'h Vec<Header<'_>>, inside: &Level) -> Self {
        let content_type = headers.header_value(&HeaderName::ContentType).and_then(HeaderValue::as_content_type);
        let is = |ctype: &str| content_type.is_some_and(|ct| ct.ctype() == ctype);
        let subtype = content_type.and_then(ContentType::subtype);
        let encoding = match headers.header_value(&HeaderName::ContentTransferEncoding) {
            Some(HeaderValue::Text(name)) if name.eq_ignore_ascii_case("base64") => Some(Encoded::Base64),
            Some(HeaderValue::Text(name)) if name.eq_ignore_ascii_case("quoted-printable") => {
                Some(Encoded::QuotedPrintable)
            }
            _ => None,
        };
        let known = matches!(subtype, Some("rfc822" | "global"));
        Self {
            like_message: is("message") && !known,
            boundary: content_type.filter(|_| is("multipart")).and_then(|ct| ct.attribute("boundary")),
            digest: subtype == Some("digest"),
            message: if content_type.is_some() { is("message") && known } else { inside.digest },
            encoding,
        }
    }
}

impl Walk<'_> {
    /// Walks one message, `outer` messages deep already.
    fn message(&mut self, raw: &[u8], outer: usize, encoded_left: usize) -> Result<(), TooMuch> {
        let (mut stream, parser) = (MessageStream::new(raw), MessageParser::default());
        let mut level = Level { message: true, ..Level::default() };
        let mut above: Vec<(Level, bool)> = Vec::new();
        let mut open_messages = outer;
        let mut headers = Vec::new();
        loop {
            headers.clear();
            if !stream.parse_headers(&parser, &mut headers) {
                return Ok(());
            }
            self.parts = spend(self.parts, PARTS)?;
            let part = Part::of(&headers, &level);
            if let Some(inside) = self.multipart(&part, &mut stream, raw)? {
                above.push((std::mem::replace(&mut level, inside), false));
                stream.skip_crlf();
                continue;
            }
            if part.message && part.encoding.is_none() {
                open_messages = spend(open_messages, self.limits.nested_messages)?;
                let boundary = level.boundary.take();
                let inside = Level { message: true, digest: false, boundary };
                above.push((std::mem::replace(&mut level, inside), true));
                continue;
            }
            if part.message && encoded_left > 0 || part.like_message {
                let depth = spend(open_messages, self.limits.nested_messages)?;
                self.apart(&part, raw.get(stream.offset()..).unwrap_or_default(), &level, depth, encoded_left)?;
            }
            let goes_on = level.boundary.as_ref().is_some_and(|boundary| boundary.seek(&mut stream, raw));
            if !goes_on || !climb(&mut level, &mut above, &mut open_messages, &mut stream, raw) {
                return Ok(());
            }
        }
    }

    /// The multipart this part opens; nothing when it is none or its boundary never comes.
    fn multipart(
        &mut self,
        part: &Part<'_>,
        stream: &mut MessageStream<'_>,
        raw: &[u8],
    ) -> Result<Option<Level>, TooMuch> {
        let Some(text) = part.boundary.filter(|text| !text.is_empty()) else { return Ok(None) };
        self.multiparts = spend(self.multiparts, self.limits.multiparts)?;
        let boundary = Boundary::new(text).ok_or(TooMuch)?;
        if boundary.seek(stream, raw) {
            return Ok(Some(Level { message: false, digest: part.digest, boundary: Some(boundary) }));
        }
        self.to_search = self.to_search.checked_sub(stream.remaining()).ok_or(TooMuch)?;
        Ok(None)
    }

    /// A message that mail-parser takes apart by itself, having undone its transfer encoding; or might.
    fn apart(
        &mut self,
        part: &Part<'_>,
        rest: &[u8],
        level: &Level,
        depth: usize,
        encoded_left: usize,
    ) -> Result<(), TooMuch> {
        let end = level.boundary.as_ref().and_then(|boundary| boundary.finder.find(rest)).map(|found| found.start());
        let body = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.to_search = self.to_search.checked_sub(body.len()).ok_or(TooMuch)?;
        let mut stream = MessageStream::new(body);
        let (end, bytes) = match part.encoding {
            Some(_) if encoded_left == 0 => return Ok(()),
            Some(Encoded::Base64) => stream.decode_base64_mime(b""),
            Some(Encoded::QuotedPrintable) => stream.decode_quoted_printable_mime(b""),
            None => return self.message(body, depth, encoded_left),
        };
        if end == usize::MAX { Ok(()) } else { self.message(&bytes, depth, encoded_left - 1) }
    }
}

/// Leaves what a delimiter has ended. False when mail-parser would stop here.
fn climb(
    level: &mut Level,
    above: &mut Vec<(Level, bool)>,
    open_messages: &mut usize,
    stream: &mut MessageStream<'_>,
    raw: &[u8],
) -> bool {
    loop {
        if level.message {
            let Some((mut outside, true)) = above.pop() else { return false };
            outside.boundary = level.boundary.take();
            *level = outside;
            *open_messages = open_messages.saturating_sub(1);
        }
        if !stream.is_multipart_end() {
            return true;
        }
        let Some((outside, _)) = above.pop() else { return false };
        *level = outside;
        if !level.boundary.as_ref().is_some_and(|boundary| boundary.seek(stream, raw)) {
            return false;
        }
    }
}

/// One more, unless that is more than `most`.
fn spend(spent: usize, most: usize) -> Result<usize, TooMuch> {
    if spent < most { Ok(spent + 1) } else { Err(TooMuch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(raw: &str) -> bool {
        is_bounded(raw.as_bytes(), &ReadLimits::default())
    }

    #[test]
    fn nesting_bombs_are_refused_however_they_are_disguised() {
        for level in [
            "Content-Type: message/rfc822\n\n",
            "Content-Type: MESSAGE/\n (x) rfc822\n\n",
            "C ontent- Type : message/global\n\n",
            "Subject: x\nContent-Type: multipart/digest; boundary=a\n\n--a\n\n",
        ] {
            assert!(!bounded(&level.repeat(30_000)), "{level}");
        }
        let parts =
            "From: a@b.cz\nContent-Type: multipart/mixed; boundary=a\n\n".to_owned() + &"--a\n\n".repeat(30_000);
        assert!(!bounded(&parts), "a part of five bytes costs much more than that");
    }

    #[test]
    fn a_bomb_under_a_transfer_encoding_is_found() {
        let bomb = "Content-Type: message/rfc822\n\n".repeat(20_000).replace('=', "=3D");
        let quoted = format!("Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n{bomb}");
        assert!(!bounded(&quoted));
        // 30 bytes of header are 40 characters.
        let line = "Q29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMgoK";
        let encoded = format!(
            "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\
             Content-Transfer-Encoding: base64\n\n{}\n--a--\n",
            line.repeat(20_000)
        );
        assert!(!bounded(&encoded));
    }

    #[test]
    fn words_in_a_text_are_no_structure() {
        let log = "content-type: message/rfc822; boundary=x\n\n".repeat(5_000);
        assert!(bounded(&format!("From: a@b.cz\nSubject: log\n\n{log}")));
        assert!(bounded(&format!("From: a@b.cz\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\n{log}\n--a--\n")));
    }

    #[test]
    fn boundaries_that_never_come_are_counted_and_those_that_come_are_not() {
        let many = |inner: &str| {
            let part = format!("--a\nContent-Type: multipart/mixed; boundary={inner}\n\n--b\n\nx\n--b--\n");
            "Content-Type: multipart/mixed; boundary=a\n\n".to_owned() + &part.repeat(180) + &"x".repeat(3_000_000)
        };
        assert!(!bounded(&many("zz")));
        assert!(bounded(&many("b")));
        let long = format!("Content-Type: multipart/mixed; boundary={}\n\n", "-".repeat(300)) + &"-".repeat(100_000);
        assert!(!bounded(&long));
    }
}
