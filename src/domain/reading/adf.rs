//! Automotive leads (ADF 1.0), read leniently: what dealers' systems send is rarely well-formed XML.
//!
//! Tags are found by name in any case; what is not found is not invented. Work is linear in the text.

mod prospect;
mod words;
mod xml;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use encoding_rs::{UTF_16BE, UTF_16LE};

pub use prospect::fields;
use xml::{attribute, find_ignore_case, find_tag};

use super::charset;
use crate::domain::submission::Field;

/// Length looked at of one prospect, in bytes.
const BYTES: usize = 200_000;
/// Prospects compared to tell whether there are several.
const COMPARED: usize = 1_000;

/// Name of the field with the id that the sender's system gave the request.
pub const REQUEST_ID: &str = "request_id";
/// Name of the field with the system that counts those ids.
pub const REQUEST_SOURCE: &str = "request_source";
/// Name of the field that says whether the request was sent before: [`RESEND`].
pub const REQUEST_STATUS: &str = "request_status";
/// The request was sent before.
pub const RESEND: &str = "resend";

/// The prospects of the ADF documents in `text`, at most `limit`: each from its tag to its end, or to where the next one
/// begins. A document without such a tag is one prospect. What stands in CDATA is text.
pub fn prospects(text: &str, limit: usize) -> Vec<&str> {
    places(text, limit).into_iter().filter_map(|place| text.get(place)).collect()
}

/// Whether a document stands in `text` in tags.
pub fn is_open_in(text: &str) -> bool {
    find_ignore_case(text, "<adf").is_some()
}

/// Whether a prospect begins in `text`: who only talks of such documents names no more than their tag.
pub fn has_prospect(text: &str) -> bool {
    find_tag(text, "prospect").is_some()
}

/// Where [`prospects`] stand.
fn places(text: &str, limit: usize) -> Vec<Range<usize>> {
    let masked = masked(text);
    let Some(start) = find_ignore_case(&masked, "<adf") else { return Vec::new() };
    let find = |from: usize| masked.get(from..).and_then(|rest| find_tag(rest, "prospect")).map(|at| from + at);
    let Some(mut from) = find(start) else { return std::iter::once(start..text.len()).collect() };
    let mut found = Vec::new();
    while found.len() < limit {
        let next = find(from + 1);
        let own = masked.get(from..next.unwrap_or(text.len())).unwrap_or_default();
        let end = ["</prospect", "</adf"].iter().filter_map(|close| find_ignore_case(own, close)).min();
        found.push(from..from + end.unwrap_or(own.len()));
        let Some(next) = next else { break };
        from = next;
    }
    found
}

/// How a section of text begins and ends in which no tag counts.
const CDATA: (&str, &str) = ("<![CDATA[", "]]>");

/// The text with blanks for everything inside of CDATA, byte for byte as long.
fn masked(text: &str) -> Cow<'_, str> {
    with_sections(text, |inside, out| {
        out.extend(std::iter::repeat_n(' ', CDATA.0.len() + inside.len() + CDATA.1.len()));
    })
}

/// The same with the characters of CDATA written as entities: what a visitor typed there opens and closes nothing.
fn escaped(text: &str) -> Cow<'_, str> {
    with_sections(text, |inside, out| {
        for c in inside.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                c => out.push(c),
            }
        }
    })
}

/// The text with each section of CDATA as `write` writes its inside. A section without an end is none.
fn with_sections(text: &str, write: impl Fn(&str, &mut String)) -> Cow<'_, str> {
    if !text.contains(CDATA.0) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once(CDATA.0) {
        let Some((inside, behind)) = inside.split_once(CDATA.1) else { break };
        out.push_str(before);
        write(inside, &mut out);
        rest = behind;
    }
    out.push_str(rest);
    out.into()
}

/// Whether `text` holds prospects that are not the same.
pub fn is_several(text: &str) -> bool {
    let found = prospects(text, COMPARED);
    let Some((first, others)) = found.split_first() else { return false };
    if others.is_empty() {
        return false;
    }
    let first = says(&fields(first));
    others.iter().any(|other| says(&fields(other)) != first)
}

/// Whether the last prospect of `text` goes on where the text ends, or beyond what is looked at of one.
pub fn is_cut(text: &str) -> bool {
    let Some(last) = places(text, COMPARED).pop() else { return false };
    let masked = masked(text);
    let rest = masked.get(last.start..).unwrap_or_default();
    let is_open = ["</prospect", "</adf"].iter().all(|close| find_ignore_case(rest, close).is_none());
    is_open || last.len() > BYTES
}

/// What a prospect says, however it is written: with words apart by one blank, and whether it was sent before or not.
pub fn says(fields: &[Field]) -> BTreeSet<String> {
    let said = fields.iter().filter(|field| field.name != REQUEST_STATUS);
    said.map(|field| {
        let words: Vec<&str> = field.value.split_whitespace().collect();
        format!("{}\0{}", field.name, words.join(" "))
    })
    .collect()
}

/// Whether a document is the first thing in `text`, with nothing before it but its own declarations.
pub fn begins(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let declared =
            [("<!--", "-->"), ("<?", "?>"), ("<!", ">")].into_iter().find(|(open, _)| rest.starts_with(open));
        match declared.and_then(|(_, close)| rest.split_once(close)) {
            Some((_, behind)) => rest = behind,
            None => return starts(rest, "<adf"),
        }
    }
}

/// Bytes of a file as text: by their byte order mark or by how the first tag is written (XML 1.0 appendix F), else by
/// the declaration, else by guess.
pub fn decoded(bytes: &[u8]) -> String {
    let wide = match bytes {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] | [0, b'<', ..] => Some(UTF_16BE),
        _ => None,
    };
    if let Some(encoding) = wide {
        return encoding.decode_with_bom_removal(bytes).0.into_owned();
    }
    let head = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).into_owned();
    let declaration = head.split_once("?>").map(|(declaration, _)| declaration);
    let label = declaration.and_then(|declaration| attribute(declaration, "encoding"));
    // Some say UTF-16 of a text that was written in another way.
    charset::decode(bytes, label.as_deref().filter(|label| !label.starts_with("utf-16"))).text
}

/// What stands in `text` beside its prospects, without the tags and declarations of their documents.
pub fn beside(text: &str) -> String {
    let mut kept = String::new();
    let mut from = 0;
    let places = places(text, usize::MAX);
    let starts_of_next = places.iter().skip(1).map(|place| place.start).chain([text.len()]);
    for (place, next) in places.iter().zip(starts_of_next) {
        kept.push_str(text.get(from..place.start).unwrap_or_default());
        let behind = text.get(place.end..next).unwrap_or_default();
        let closes = starts(behind, "</prospect");
        let tag = closes.then(|| behind.find('>')).flatten().map_or(0, |end| end + 1);
        kept.push('\n');
        from = place.end + tag;
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    without(&without(&without(&kept, "<?", "?>"), "<adf", ">"), "</adf", ">").trim().to_owned()
}

/// Whether `text` begins with an ASCII `mark` in any case.
fn starts(text: &str, mark: &str) -> bool {
    text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
}

/// The text without what stands from each `open` to the next `close`. One that does not end is words.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find_ignore_case(rest, open) {
        let Some(end) = rest.get(at..).and_then(|from| from.find(close)) else { break };
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + end + close.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The fields of the first prospect in `text`, `None` when there is no ADF document.
pub fn read(text: &str) -> Option<Vec<Field>> {
    prospects(text, 1).first().map(|prospect| fields(prospect))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::submission::Canonical;

    #[test]
    fn an_ill_formed_document_is_read() {
        let text = "<?ADF VERSION \"1.0\"?>\n<?xml version=\"1.0\"?><ADF><PROSPECT status=new><vehicle interest=\"buy\">\
            <year>2020</year><make>Skoda & co</make></vehicle><customer><contact><name part=\"first\">Eva</name>\
            <name part=last><![CDATA[Novak]]></name><email>eva@web.example</email><phone type=\"cellphone\">605123456\
            </phone></contact><comments>[comments]</comments></customer><provider><name>Web</name></provider></ADF>";
        let fields = read(text).unwrap();
        let value = |canonical| fields.iter().find(|f| f.canonical == Some(canonical)).map(|f| f.value.as_str());
        assert_eq!(value(Canonical::FirstName), Some("Eva"));
        assert_eq!(value(Canonical::LastName), Some("Novak"));
        assert_eq!(value(Canonical::Mobile), Some("605123456"));
        assert_eq!(value(Canonical::Product), Some("2020 Skoda & co"));
        assert_eq!(value(Canonical::Message), None);
        assert_eq!(read("no document"), None);
    }

    #[test]
    fn prospects_that_only_the_document_closes_take_no_longer() {
        let many = "<prospect><id>1</id></adf>".repeat(998);
        let text = format!("<adf>{many}{}", "<".repeat(3_000_000));
        let begun = std::time::Instant::now();
        assert!(beside(&text).starts_with('<'));
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
        assert_eq!(beside("<adf><prospect>a</PROSPECT >b<prospect>c</adf>d"), "b\nd");
    }

    #[test]
    fn a_document_is_cut_when_nothing_closes_its_last_prospect() {
        for (text, wanted) in [
            ("<adf><prospect><id>1</id></prospect></adf>", false),
            ("<adf><prospect><id>1</id></adf>", false),
            ("<adf><prospect><id>1</id></prospect>", false),
            ("<adf><prospect><id>1</id></prospect><prospect><id>2", true),
            ("<adf><prospect><customer>Eva <![CDATA[</prospect>]]>", true),
            ("no document", false),
        ] {
            assert_eq!(is_cut(text), wanted, "{text}");
        }
        assert!(is_cut(&format!("<adf><prospect><!-- {} --></prospect></adf>", "x".repeat(BYTES))));
    }

    #[test]
    fn a_text_begins_with_a_document_behind_its_declarations_only() {
        for (text, wanted) in [
            ("\u{feff}<?ADF VERSION \"1.0\"?>\n<?xml version=\"1.0\"?>\n<!-- portal --><!DOCTYPE adf>\n<ADF>", true),
            ("> <adf>", false),
            ("Hello\n<adf>", false),
            ("<?xml", false),
        ] {
            assert_eq!(begins(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_file_is_read_in_the_encoding_it_shows() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><adf>Malá</adf>";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let czech = [b"<?xml version='1.0' encoding='windows-1250'?><adf>\x8alapka</adf>".to_vec()].concat();
        assert_eq!((decoded(&little).as_str(), decoded(&big).as_str()), (text, text));
        assert_eq!(decoded(&[&[0xff, 0xfe][..], &little].concat()), text);
        assert_eq!(decoded(text.as_bytes()), text);
        assert!(decoded(&czech).contains("Šlapka"));
    }
}
