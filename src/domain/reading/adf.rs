//! Automotive leads (ADF 1.0), read leniently: what dealers' systems send is rarely well-formed XML.
//!
//! Tags are found by name in any case; what is not found is not invented. Work is linear in the text.

use std::borrow::Cow;
use std::ops::Range;

use super::budget;
use super::field_names;
use super::text::one_line;
use crate::domain::submission::{Canonical, Field};

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
    let first = fields(first);
    others.iter().any(|other| fields(other) != first)
}

/// What stands in `text` beside its prospects, without the tags and declarations of their documents.
pub fn beside(text: &str) -> String {
    let mut kept = String::new();
    let mut from = 0;
    for place in places(text, usize::MAX) {
        kept.push_str(text.get(from..place.start).unwrap_or_default());
        let behind = text.get(place.end..).unwrap_or_default();
        let closes = find_ignore_case(behind, "</prospect") == Some(0);
        let tag = behind.find('>').filter(|_| closes).map_or(0, |end| end + 1);
        kept.push('\n');
        from = place.end + tag;
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    without(&without(&without(&kept, "<?", "?>"), "<adf", ">"), "</adf", ">").trim().to_owned()
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

/// The fields of one prospect.
pub fn fields(prospect: &str) -> Vec<Field> {
    let prospect = escaped(super::body::cut(prospect, BYTES));
    let prospect = prospect.as_ref();
    let mut fields = Vec::new();
    request(prospect, &mut fields);
    let customer = element(prospect, "customer").map_or("", |(_, inner)| inner);
    contact(element(customer, "contact").map_or(customer, |(_, inner)| inner), &mut fields);
    vehicles(prospect, &mut fields);
    for (tag, name) in [("timeframe", "timeframe"), ("id", "customer_id")] {
        // A customer without a contact element: its own ids stand before it, all the same.
        if let Some((_, value)) = element(customer, tag) {
            push(&mut fields, name, value, None);
        }
    }
    for (_, value) in elements(customer, "comments", 1) {
        push(&mut fields, "comments", value, Some(Canonical::Message));
    }
    parties(prospect, &mut fields);
    fields
}

/// How the request is known to whoever sends it. Its ids stand before everything else of a prospect.
fn request(prospect: &str, fields: &mut Vec<Field>) {
    let own = ["vehicle", "customer", "vendor", "provider"].iter().filter_map(|tag| find_tag(prospect, tag)).min();
    let own = own.and_then(|end| prospect.get(..end)).unwrap_or(prospect);
    let ids = elements(own, "id", 5);
    let with_source = ids.iter().find(|(attributes, _)| attribute(attributes, "source").is_some());
    if let Some((attributes, id)) = with_source.or(ids.first()) {
        push(fields, REQUEST_ID, id, None);
        push(fields, REQUEST_SOURCE, &attribute(attributes, "source").unwrap_or_default(), None);
    }
    let head = prospect.split('>').next().unwrap_or_default();
    push(
        fields,
        REQUEST_STATUS,
        &attribute(head, "status").filter(|status| status == RESEND).unwrap_or_default(),
        None,
    );
    if let Some((_, value)) = element(own, "requestdate") {
        push(fields, "requested_at", value, None);
    }
}

fn contact(contact: &str, fields: &mut Vec<Field>) {
    for (attributes, value) in elements(contact, "name", 10) {
        let canonical = match attribute(attributes, "part").unwrap_or_default().as_str() {
            _ if attribute(attributes, "type").is_some_and(|kind| kind == "business") => Canonical::Company,
            "first" => Canonical::FirstName,
            "last" | "surname" => Canonical::LastName,
            "prefix" | "title" | "salutation" => Canonical::Salutation,
            "middle" | "suffix" => continue,
            _ => Canonical::FullName,
        };
        push(fields, "name", value, Some(canonical));
    }
    for (_, value) in elements(contact, "email", 5) {
        push(fields, "email", value, Some(Canonical::Email));
    }
    for (attributes, value) in elements(contact, "phone", 5) {
        let canonical = match attribute(attributes, "type").unwrap_or_default().as_str() {
            "cellphone" | "mobile" | "cell" => Canonical::Mobile,
            "fax" => Canonical::Fax,
            _ => Canonical::Phone,
        };
        push(fields, "phone", value, Some(canonical));
    }
    let lines: Vec<String> =
        ["street", "apartment"].iter().flat_map(|tag| elements(contact, tag, 3)).map(|(_, line)| clean(line)).collect();
    let street: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    push(fields, "street", &street.join(", "), Some(Canonical::Street));
    for (tag, canonical) in [
        ("cellphone", Canonical::Mobile),
        ("company", Canonical::Company),
        ("city", Canonical::City),
        ("regioncode", Canonical::State),
        ("region", Canonical::State),
        ("postalcode", Canonical::Postcode),
        ("country", Canonical::Country),
    ] {
        for (_, value) in elements(contact, tag, 2) {
            push(fields, tag, value, Some(canonical));
        }
    }
}

/// The vehicle asked about, and apart from it the one that is given in part payment.
fn vehicles(prospect: &str, fields: &mut Vec<Field>) {
    let mut asked = false;
    for (attributes, vehicle) in elements(prospect, "vehicle", 10) {
        let interest = attribute(attributes, "interest").unwrap_or_default();
        let given = interest.starts_with("trade");
        let name = match (given, asked) {
            (true, _) => "trade_in",
            (false, true) => "other_vehicle",
            (false, false) => "vehicle",
        };
        let parts = ["year", "make", "model", "trim"].iter().filter_map(|tag| element(vehicle, tag));
        let words: Vec<String> = parts.map(|(_, value)| clean(value)).filter(|w| !w.is_empty()).collect();
        push(fields, name, &words.join(" "), (name == "vehicle").then_some(Canonical::Product));
        if name == "vehicle" {
            asked = true;
            let kind = (interest == "test-drive").then_some(Canonical::InquiryKind);
            push(fields, "interest", &interest.replace('-', " "), kind);
            push(fields, "status", &attribute(attributes, "status").unwrap_or_default(), None);
        }
        for tag in ["vin", "stock", "odometer", "condition", "doors", "bodystyle", "transmission", "exteriorcolor"] {
            if let Some((_, value)) = element(vehicle, tag) {
                push(fields, &format!("{name}_{tag}"), value, None);
            }
        }
        if let Some((attributes, price)) = element(vehicle, "price") {
            let currency = attribute(attributes, "currency").unwrap_or_default().to_uppercase();
            push(fields, &format!("{name}_price"), format!("{} {currency}", clean(price)).trim(), None);
        }
        if let Some((_, value)) = element(vehicle, "comments") {
            push(fields, &format!("{name}_comments"), value, None);
        }
    }
}

/// The house it is for, and who brought it. Their addresses are nobody's to be answered, and are left out.
fn parties(prospect: &str, fields: &mut Vec<Field>) {
    if let Some((_, vendor)) = element(prospect, "vendor") {
        let name = element(vendor, "vendorname").or_else(|| element(vendor, "name"));
        push(fields, "vendor", name.map_or("", |(_, value)| value), None);
        push(fields, "vendor_id", element(vendor, "id").map_or("", |(_, value)| value), None);
    }
    if let Some((_, provider)) = element(prospect, "provider") {
        for (_, value) in elements(provider, "name", 1) {
            push(fields, "provider", value, Some(Canonical::Source));
        }
        for (tag, name) in [("service", "provider_service"), ("url", "provider_url"), ("id", "provider_id")] {
            push(fields, name, element(provider, tag).map_or("", |(_, value)| value), None);
        }
    }
}

fn push(fields: &mut Vec<Field>, name: &str, value: &str, canonical: Option<Canonical>) {
    let value = clean(value);
    // A template's placeholder is no value.
    let placeholder = value.starts_with('[') && value.ends_with(']');
    if !value.is_empty() && !placeholder {
        debug_assert!(canonical.is_none() || !field_names::is_control(name), "own names are data");
        fields.push(Field { name: name.to_owned(), value, canonical });
    }
}

/// Text of an element: CDATA unwrapped, the five entities decoded, tags inside dropped.
fn clean(raw: &str) -> String {
    let inner = raw.replace("<![CDATA[", "").replace("]]>", "");
    let mut text = String::with_capacity(inner.len());
    let mut in_tag = false;
    for c in inner.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    one_line(&text.replace("&amp;", "&"), 10_000)
}

/// First element of this name: (attributes, content).
fn element<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    elements(text, name, 1).into_iter().next()
}

/// Elements of this name, at most `limit`, not nested in each other.
fn elements<'a>(text: &'a str, name: &str, limit: usize) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while found.len() < limit && budget::pay(1) {
        let Some(at) = find_tag(rest, name) else { break };
        let after = rest.get(at + 1 + name.len()..).unwrap_or_default();
        let Some((attributes, content)) = after.split_once('>') else { break };
        if attributes.ends_with('/') {
            rest = content;
            continue;
        }
        let Some(end) = find_mark(content, &format!("</{name}")) else { break };
        found.push((attributes, content.get(..end).unwrap_or_default()));
        rest = content.get(end..).unwrap_or_default();
    }
    found
}

/// Value of an attribute, quoted or not, lower case.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let at = find_ignore_case(attributes, &format!("{name}="))?;
    let value = attributes.get(at + name.len() + 1..)?;
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value.get(1..)?.split(quote).next()?,
        _ => value.split_whitespace().next()?,
    };
    Some(value.to_lowercase())
}

/// Byte position of the tag of this name.
fn find_tag(text: &str, name: &str) -> Option<usize> {
    find_mark(text, &format!("<{name}"))
}

/// Byte position of a tag that begins with `mark` and has no longer name.
fn find_mark(text: &str, mark: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let found = find_ignore_case(text.get(from..)?, mark);
        if !budget::pay(found.map_or(text.len() - from, |at| at + 1)) {
            return None;
        }
        let at = from + found?;
        let after = text.get(at + mark.len()..)?;
        if !after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return Some(at);
        }
        from = at + mark.len();
    }
}

/// Byte position of an ASCII `needle` in any case.
fn find_ignore_case(text: &str, needle: &str) -> Option<usize> {
    let (bytes, needle) = (text.as_bytes(), needle.as_bytes());
    let first = *needle.first()?;
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), bytes)
        .find(|&at| bytes.get(at..at + needle.len()).is_some_and(|window| window.eq_ignore_ascii_case(needle)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
