//! A request body as one JSON document: JSON as it is, form bodies with their bracket names taken apart. Numbers are
//! texts, as they were written.

use serde_json::{Map, Value};

use crate::domain::reading::form::take_apart;
use crate::domain::reading::{ReadLimits, json, multipart};
use crate::domain::submission::{Attachment, Warning};

/// Brackets of one name that are taken apart.
const DEEPEST: usize = 8;

/// A body that can be looked into.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The document; null when there is none.
    pub value: Value,
    /// Files of a multipart body.
    pub files: Vec<Attachment>,
    /// What was odd.
    pub warnings: Vec<Warning>,
    /// Why it cannot be read, in English.
    pub broken: Option<String>,
}

impl Document {
    /// Reads a body by its content type; `json` names members of a form body whose text is JSON. Total.
    #[must_use]
    pub fn read(raw: &[u8], content_type: Option<&str>, json: &[String], limits: &ReadLimits) -> Self {
        let media = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let looks = matches!(raw.trim_ascii_start().first(), Some(b'{' | b'['));
        // Many producers call their JSON text.
        let is_json = media == "application/json" || media.ends_with("+json") || media == "text/json" || {
            looks && !matches!(media.as_str(), "application/x-www-form-urlencoded" | "multipart/form-data")
        };
        if is_json { Self::json(raw, content_type) } else { Self::pairs(raw, content_type, json, limits) }
    }

    fn json(raw: &[u8], content_type: Option<&str>) -> Self {
        let label = content_type.and_then(|value| multipart::parameter(value, "charset"));
        match json::document(raw, label.as_deref()) {
            Ok(value) => Self { value, ..Self::default() },
            Err(why) => {
                let warning = Warning { code: "broken_json".to_owned(), detail: why.clone() };
                Self { warnings: vec![warning], broken: Some(why), ..Self::default() }
            }
        }
    }

    fn pairs(raw: &[u8], content_type: Option<&str>, opened: &[String], limits: &ReadLimits) -> Self {
        let pairs = take_apart(raw, content_type, limits);
        let mut members = Map::new();
        for (name, text) in pairs.fields {
            let inner = opened.contains(&name).then(|| json::document(text.as_bytes(), None).ok()).flatten();
            put(&mut members, &name, inner.unwrap_or(Value::String(text)));
        }
        Self { value: Value::Object(members), files: pairs.files, warnings: pairs.warnings, broken: pairs.broken }
    }
}

/// Puts a value under a name with brackets: `a[b][c]`, `a[]`. A name that does not fit what is there stays whole.
fn put(members: &mut Map<String, Value>, name: &str, value: Value) {
    let parts = keys(name);
    let parts = if fits(members, &parts) { parts } else { vec![name] };
    if let Some(slot) = descend(members, &parts) {
        add(slot, value);
    }
}

/// `a[b][c]` -> a, b, c; `a[]` -> a; anything else is one key.
fn keys(name: &str) -> Vec<&str> {
    let whole = vec![name];
    let Some((first, rest)) = name.split_once('[') else { return whole };
    let Some(inner) = rest.strip_suffix(']') else { return whole };
    let mut keys: Vec<&str> = std::iter::once(first).chain(inner.split("][")).collect();
    if first.is_empty() || keys.len() > DEEPEST {
        return whole;
    }
    if keys.last() == Some(&"") {
        keys.pop();
    }
    if keys.iter().any(|key| key.is_empty() || key.contains(['[', ']'])) { whole } else { keys }
}

/// Whether every key but the last leads to an object or to nothing yet.
fn fits(members: &Map<String, Value>, keys: &[&str]) -> bool {
    let mut here = members;
    let Some((_, way)) = keys.split_last() else { return false };
    for key in way {
        match here.get(*key) {
            None => return true,
            Some(Value::Object(inner)) => here = inner,
            Some(_) => return false,
        }
    }
    true
}

fn descend<'m>(members: &'m mut Map<String, Value>, keys: &[&str]) -> Option<&'m mut Value> {
    let (last, way) = keys.split_last()?;
    let mut here = members;
    for key in way {
        here = here.entry((*key).to_owned()).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
    }
    Some(here.entry((*last).to_owned()).or_insert(Value::Null))
}

/// A name sent again makes a list.
fn add(slot: &mut Value, value: Value) {
    match slot {
        Value::Null => *slot = value,
        Value::Array(items) => items.push(value),
        other => {
            let first = std::mem::take(other);
            *other = Value::Array(vec![first, value]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(body: &str, names: &[&str]) -> Value {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let kind = Some("application/x-www-form-urlencoded");
        Document::read(body.as_bytes(), kind, &names, &ReadLimits::default()).value
    }

    #[test]
    fn bracket_names_become_members() {
        assert_eq!(
            form("form[id]=7&fields[email][value]=a%40b&fields[email][id]=email&c[]=1&c[]=2&x=1&x=2&1.3=First", &[]),
            json!({"form": {"id": "7"}, "fields": {"email": {"value": "a@b", "id": "email"}}, "c": ["1", "2"],
                   "x": ["1", "2"], "1.3": "First"})
        );
        assert_eq!(
            form("a=1&a[b]=2&[c]=3&d[=4&e[f]g=5", &[]),
            json!({"a": "1", "a[b]": "2", "[c]": "3", "d[": "4", "e[f]g": "5"})
        );
        assert_eq!(form("a[b]=2&a=1", &[]), json!({"a": [{"b": "2"}, "1"]}));
    }

    #[test]
    fn json_inside_a_form_field_is_opened_only_where_the_adapter_says() {
        let body = "rawRequest=%7B%22q3_name%22%3A%22Eva%22%7D&other=%7B%22a%22%3A1%7D&broken=%7B";
        let read = form(body, &["rawRequest", "broken"]);
        assert_eq!(read, json!({"rawRequest": {"q3_name": "Eva"}, "other": "{\"a\":1}", "broken": "{"}));
        // What a script cut in two opens too.
        let cut = form("rawRequest=%7B%22q3_name%22%3A%22Eva%20%5Cud83d%22%2C%22n%22%3A1.50%7D", &["rawRequest"]);
        assert_eq!(cut, json!({"rawRequest": {"q3_name": "Eva \u{fffd}", "n": "1.50"}}));
    }

    #[test]
    fn what_is_no_document_says_why() {
        let limits = ReadLimits::default();
        for (raw, kind) in [(&b"{\"a\""[..], "application/json"), (b"3", "application/json"), (b"", "application/json")]
        {
            assert!(Document::read(raw, Some(kind), &[], &limits).broken.is_some());
        }
        assert!(Document::read(b"{\"a\":1}", Some("text/plain"), &[], &limits).broken.is_none());
        assert!(Document::read(&vec![b'['; 100_000], Some("application/json"), &[], &limits).broken.is_some());
    }
}
