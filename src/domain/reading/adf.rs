//! Automotive leads (ADF 1.0), read leniently: what dealers' systems send is rarely well-formed XML.
//!
//! Only the first prospect is read. Tags are found by name in any case; what is not found is not invented.

use super::field_names;
use super::text::one_line;
use crate::domain::submission::{Canonical, Field};

/// Document length looked at, in bytes.
const BYTES: usize = 200_000;

/// Prospects in `text`.
pub fn prospects(text: &str) -> usize {
    let Some(start) = find_ignore_case(text, "<adf") else { return 0 };
    elements(super::body::cut(text.get(start..).unwrap_or_default(), BYTES), "prospect", 100).len()
}

/// The fields of the first prospect in `text`, `None` when there is no ADF document.
pub fn read(text: &str) -> Option<Vec<Field>> {
    let start = find_ignore_case(text, "<adf")?;
    let document = super::body::cut(text.get(start..)?, BYTES);
    let prospect = element(document, "prospect").map_or(document, |(_, inner)| inner);
    let customer = element(prospect, "customer").map_or("", |(_, inner)| inner);
    let contact = element(customer, "contact").map_or(customer, |(_, inner)| inner);
    let mut fields = Vec::new();
    for (attributes, value) in elements(contact, "name", 10) {
        let part = attribute(attributes, "part").unwrap_or_default();
        let canonical = match part.as_str() {
            "first" => Canonical::FirstName,
            "last" | "surname" => Canonical::LastName,
            "middle" => continue,
            _ => Canonical::FullName,
        };
        push(&mut fields, "name", value, Some(canonical));
    }
    for (_, value) in elements(contact, "email", 5) {
        push(&mut fields, "email", value, Some(Canonical::Email));
    }
    for (attributes, value) in elements(contact, "phone", 5) {
        let kind = attribute(attributes, "type").unwrap_or_default();
        let canonical = match kind.as_str() {
            "cellphone" | "mobile" => Canonical::Mobile,
            "fax" => Canonical::Fax,
            _ => Canonical::Phone,
        };
        push(&mut fields, "phone", value, Some(canonical));
    }
    for (tag, canonical) in [
        ("cellphone", Canonical::Mobile),
        ("street", Canonical::Street),
        ("city", Canonical::City),
        ("regioncode", Canonical::State),
        ("postalcode", Canonical::Postcode),
        ("country", Canonical::Country),
    ] {
        for (_, value) in elements(contact, tag, 2) {
            push(&mut fields, tag, value, Some(canonical));
        }
    }
    vehicle(prospect, &mut fields);
    for (_, value) in elements(customer, "comments", 1) {
        push(&mut fields, "comments", value, Some(Canonical::Message));
    }
    if let Some((_, provider)) = element(prospect, "provider") {
        for (_, value) in elements(provider, "name", 1) {
            push(&mut fields, "provider", value, Some(Canonical::Source));
        }
    }
    Some(fields)
}

fn vehicle(prospect: &str, fields: &mut Vec<Field>) {
    let Some((attributes, vehicle)) = element(prospect, "vehicle") else { return };
    let parts = ["year", "make", "model", "trim"].iter().filter_map(|tag| element(vehicle, tag));
    let words: Vec<String> = parts.map(|(_, value)| clean(value)).filter(|w| !w.is_empty()).collect();
    push(fields, "vehicle", &words.join(" "), Some(Canonical::Product));
    for (name, value) in [("interest", attribute(attributes, "interest")), ("status", attribute(attributes, "status"))]
    {
        push(fields, name, &value.unwrap_or_default(), None);
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
    let (open, close) = (format!("<{name}"), format!("</{name}"));
    let mut found = Vec::new();
    let mut rest = text;
    while found.len() < limit {
        let Some(at) = find_ignore_case(rest, &open) else { break };
        let after = rest.get(at + open.len()..).unwrap_or_default();
        if after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            rest = after;
            continue;
        }
        let Some((attributes, content)) = after.split_once('>') else { break };
        if attributes.ends_with('/') {
            rest = content;
            continue;
        }
        let Some(end) = find_ignore_case(content, &close) else { break };
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
