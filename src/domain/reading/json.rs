//! JSON form bodies, flattened to names and values: `{"a":{"b":[1,2]}}` -> `a[b]=1`, `a[b]=2`; and JSON documents of third
//! parties, kept as they are nested.
//!
//! What was sent is kept: the order, a name that stands twice, and numbers as they were written (`1.50`, identifiers of
//! eight bytes). Half of a character that a script cut in two (a lone surrogate) becomes U+FFFD; the rest stays.
//!
//! Of a form body no more values are kept in memory than its limits let become fields, with room for those that become
//! none: what stands behind them is not walked through.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::Visitor;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::ReadLimits;
use super::budget;
use super::charset;
use super::form::{FormPairs, Room};
use super::shapes;

/// Objects and lists inside each other.
const DEPTH: usize = 32;
/// Values of a form body for each field that is read: an object around it with its meaning and its order, and what is null.
const VALUES_OF_A_FIELD: usize = 8;

/// One value, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// `null`.
    Null,
    /// Text, a number as written, `true` or `false`.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object: names may repeat.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The first member under `name`.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(key, _)| key == name).map(|(_, member)| member)
    }

    /// As a document to look into: numbers, `true` and `false` are texts as they were written.
    fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::String(text),
            Self::List(items) => Value::Array(items.into_iter().map(Self::into_value).collect()),
            Self::Object(members) => {
                let mut map = Map::new();
                for (name, member) in members {
                    put(&mut map, name, member.into_value());
                }
                Value::Object(map)
            }
        }
    }
}

/// Puts a member; a name that stands twice makes a list.
fn put(map: &mut Map<String, Value>, name: String, value: Value) {
    match map.get_mut(&name) {
        None => drop(map.insert(name, value)),
        Some(slot @ Value::Null) => *slot = value,
        Some(Value::Array(items)) => items.push(value),
        Some(slot) => {
            let first = std::mem::take(slot);
            *slot = Value::Array(vec![first, value]);
        }
    }
}

/// Reads a JSON object or list as a document, as tolerantly as [`read`]: half a character costs no more than itself, a
/// number of any length is the text it was written as.
///
/// # Errors
/// Why it cannot be read, in English.
pub fn document(raw: &[u8], label: Option<&str>) -> Result<Value, String> {
    let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    match parse(&charset::decode(raw, label).text, usize::MAX)?.0 {
        Node::Null | Node::Text(_) => Err("The JSON body is neither an object nor a list.".to_owned()),
        node => Ok(node.into_value()),
    }
}

/// Reads a JSON body. Bytes that are not UTF-8 are read by the charset `label` or by guess; null is nothing.
pub fn read(raw: &[u8], label: Option<&str>, limits: &ReadLimits) -> FormPairs {
    let mut pairs = FormPairs::default();
    let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    pairs.note_foreign("", raw);
    budget::pay(4 * raw.len());
    let text = charset::decode(raw, label).text;
    let fields = limits.fields.saturating_add(limits.hidden.saturating_mul(2));
    match parse(&text, fields.saturating_mul(VALUES_OF_A_FIELD)) {
        Ok((Node::Null | Node::Text(_), _)) => {
            pairs.is_broken("broken_json", "The JSON body is neither an object nor a list.".to_owned());
        }
        Ok((value, is_whole)) => {
            match shapes::unfold(&value) {
                Some(fields) => fields.into_iter().for_each(|(name, node)| flatten(name, node, &mut pairs, limits)),
                None => flatten(String::new(), &value, &mut pairs, limits),
            }
            if !is_whole {
                pairs.is_cut(limits);
            }
        }
        Err(why) => pairs.is_broken("broken_json", why),
    }
    pairs
}

/// At most `most` values of a text, and whether these are all.
fn parse(text: &str, most: usize) -> Result<(Node, bool), String> {
    // The whole is checked first, so that what is wrong has its place in the body; then it is walked through once more.
    let _whole: &RawValue = serde_json::from_str(text)
        .map_err(|error| format!("The JSON body is broken at line {}, column {}.", error.line(), error.column()))?;
    let mut walk = Walk { text, at: 0, left: most, is_full: false };
    let node = walk.value(DEPTH).map_err(|why| match why {
        Unread::TooDeep => format!("The JSON body is nested deeper than {DEPTH} levels."),
        Unread::Strange => "The JSON body holds a value that cannot be read.".to_owned(),
    })?;
    Ok((node, !walk.is_full))
}

/// Why a value is not read.
#[derive(Debug)]
enum Unread {
    TooDeep,
    Strange,
}

/// A walk through a text that is known to be JSON. It goes forward only: however deep the text, every byte is met once.
/// When there is room for no more values it ends, and what it has met stays as it is.
struct Walk<'t> {
    text: &'t str,
    at: usize,
    /// Values that there is room for.
    left: usize,
    is_full: bool,
}

impl Walk<'_> {
    /// The next byte that is no white space; it stays where it is.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self, depth: usize) -> Result<Node, Unread> {
        let Some(left) = self.left.checked_sub(1) else {
            self.is_full = true;
            return Ok(Node::Null);
        };
        self.left = left;
        match self.next().ok_or(Unread::Strange)? {
            b'{' | b'[' if depth == 0 => Err(Unread::TooDeep),
            b'{' => self.object(depth - 1),
            b'[' => self.list(depth - 1),
            b'"' => self.string().map(Node::Text),
            _ => Ok(self.scalar()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, Unread> {
        let mut members = Vec::new();
        self.at += 1;
        while !self.is_full {
            match self.next() {
                Some(b'}') => break,
                Some(b',') => self.at += 1,
                Some(b'"') => {
                    let name = self.string()?;
                    if self.next() != Some(b':') {
                        return Err(Unread::Strange);
                    }
                    self.at += 1;
                    members.push((name, self.value(depth)?));
                }
                _ => return Err(Unread::Strange),
            }
        }
        self.at += 1;
        Ok(Node::Object(members))
    }

    fn list(&mut self, depth: usize) -> Result<Node, Unread> {
        let mut items = Vec::new();
        self.at += 1;
        while !self.is_full {
            match self.next().ok_or(Unread::Strange)? {
                b']' => break,
                b',' => self.at += 1,
                _ => items.push(self.value(depth)?),
            }
        }
        self.at += 1;
        Ok(Node::List(items))
    }

    /// A text, from its first quote to behind its last.
    fn string(&mut self) -> Result<String, Unread> {
        let (bytes, start) = (self.text.as_bytes(), self.at);
        let (mut end, mut escaped) = (start + 1, false);
        loop {
            let rest = bytes.get(end..).ok_or(Unread::Strange)?;
            end += rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).ok_or(Unread::Strange)?;
            if bytes.get(end) == Some(&b'"') {
                break;
            }
            escaped = true;
            end += 2;
        }
        self.at = end + 1;
        if !escaped {
            return self.text.get(start + 1..end).map(str::to_owned).ok_or(Unread::Strange);
        }
        let quoted = self.text.get(start..=end).ok_or(Unread::Strange)?;
        serde_json::Deserializer::from_str(quoted).deserialize_bytes(Bytes).map_err(|_| Unread::Strange)
    }

    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Node {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(|c: char| matches!(c, ',' | '}' | ']') || c.is_ascii_whitespace()).unwrap_or(rest.len());
        self.at += end;
        match rest.get(..end).unwrap_or_default() {
            "null" => Node::Null,
            text => Node::Text(text.to_owned()),
        }
    }
}

/// Text as bytes: there a lone surrogate is no error.
struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
        Ok(match String::from_utf8_lossy(bytes) {
            Cow::Borrowed(text) => text.to_owned(),
            // A surrogate takes three bytes, each replaced by itself.
            Cow::Owned(text) => text.replace("\u{fffd}\u{fffd}\u{fffd}", "\u{fffd}"),
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

fn flatten(name: impl Into<String>, value: &Node, pairs: &mut FormPairs, limits: &ReadLimits) {
    let name = name.into();
    if pairs.cut {
        return;
    }
    match value {
        Node::Text(text) if pairs.room(&name, limits) == Room::Free => pairs.fields.push((name, text.clone())),
        Node::Null | Node::Text(_) => {}
        Node::List(items) => {
            // A list repeats its name; lists of objects are numbered so that their members stay together.
            let numbered = items.iter().any(|item| matches!(item, Node::List(_) | Node::Object(_)));
            for (index, item) in items.iter().enumerate() {
                let name = if numbered { join(&name, &index.to_string()) } else { name.clone() };
                flatten(name, item, pairs, limits);
            }
        }
        Node::Object(members) => {
            for (key, member) in members {
                flatten(join(&name, key), member, pairs, limits);
            }
        }
    }
}

/// `a` and `b` -> `a[b]`; names grow no longer than a few hundred bytes however deep the body.
fn join(outer: &str, key: &str) -> String {
    if outer.is_empty() {
        key.to_owned()
    } else if outer.len() > 300 {
        outer.to_owned()
    } else {
        format!("{outer}[{key}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(raw: &[u8]) -> Vec<(String, String)> {
        let read = read(raw, None, &ReadLimits::default());
        assert_eq!(read.broken, None, "{}", String::from_utf8_lossy(raw));
        read.fields
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn nested_values_get_bracket_names_in_order() {
        let read = fields(br#"{"z":1.50,"a":{"b":["x",true]},"n":null,"l":[{"k":"v"}],"e":12345678901234567890}"#);
        let expected =
            [("z", "1.50"), ("a[b]", "x"), ("a[b]", "true"), ("l[0][k]", "v"), ("e", "12345678901234567890")];
        assert_eq!(read, owned(&expected));
    }

    #[test]
    fn numbers_stay_as_they_were_written() {
        let read = fields(br#"{"a":1.50,"b":18446744073709551617,"c":1e400,"d":-0.0,"e":0.10}"#);
        let expected = [("a", "1.50"), ("b", "18446744073709551617"), ("c", "1e400"), ("d", "-0.0"), ("e", "0.10")];
        assert_eq!(read, owned(&expected));
    }

    #[test]
    fn a_name_that_stands_twice_is_two_values() {
        let read = fields(br#"{"topic":"a","n":1,"topic":"b","topic":["c","d"]}"#);
        assert_eq!(read, owned(&[("topic", "a"), ("n", "1"), ("topic", "b"), ("topic", "c"), ("topic", "d")]));
    }

    #[test]
    fn half_a_character_does_not_lose_the_rest() {
        let read = fields(br#"{"m":"cut \ud83d","\udc00k":"\ud83d\ude00 \u00e9","q":"a\"\\\n"}"#);
        assert_eq!(read, owned(&[("m", "cut \u{fffd}"), ("\u{fffd}k", "😀 é"), ("q", "a\"\\\n")]));
    }

    #[test]
    fn a_document_keeps_numbers_as_written_and_what_half_a_character_leaves() {
        let read = document(
            br#"{"id":18446744073709551617,"p":1.50,"x":1e400,"m":"cut \ud83d","b":true,"n":null,"t":"a","t":"b","l":[{"\udc00":0}]}"#,
            None,
        );
        assert_eq!(
            read,
            Ok(serde_json::json!({"id": "18446744073709551617", "p": "1.50", "x": "1e400", "m": "cut \u{fffd}",
                "b": "true", "n": null, "t": ["a", "b"], "l": [{"\u{fffd}": "0"}]}))
        );
        for raw in [&b"{"[..], b"", b"3", b"\"a\"", b"null", b"{\"a\":1}x", &vec![b'['; 100_000]] {
            assert!(document(raw, None).is_err());
        }
    }

    #[test]
    fn broken_json_is_a_warning() {
        for raw in [&b"{"[..], b"", b"3", b"\xff", b"nul", b"{\"a\":01}", b"{\"a\":1}x", b"{a:1}", &vec![b'['; 100_000]]
        {
            let read = read(raw, None, &ReadLimits::default());
            assert_eq!(read.warnings.len(), 1, "{:?}", String::from_utf8_lossy(&raw[..raw.len().min(20)]));
        }
    }

    #[test]
    fn white_space_and_quotes_lead_nobody_astray() {
        let body =
            b" { \"a\" : [ 1 , { \"b\\\"]\" : \"}\\\\\" } ,null, true ] ,\n\"c\":{},\"d\":[],\"e\":\"[\\u007d,\" } ";
        let read = fields(body);
        assert_eq!(read, owned(&[("a[0]", "1"), ("a[1][b\"]]", "}\\"), ("a[3]", "true"), ("e", "[},")]));
    }

    #[test]
    fn no_more_values_are_walked_through_than_can_become_fields() {
        let limits = ReadLimits { fields: 10, hidden: 5, ..ReadLimits::default() };
        let parsed = |body: &str| super::parse(body, 160).unwrap();
        let (node, is_whole) = parsed(&format!("{{\"a\":[{}1]}}", "1,".repeat(100_000)));
        let Node::Object(members) = node else { panic!("an object") };
        let Node::List(items) = &members[0].1 else { panic!("a list") };
        assert!(items.len() <= 160 && !is_whole, "{}", items.len());
        for body in [
            format!("{{\"a\":[{}1]}}", "1,".repeat(100_000)),
            format!("{{\"a\":[{}null]}}", "null,".repeat(100_000)),
            format!("{{\"a\":[{}[]]}}", "[],".repeat(100_000)),
            format!("{{{}\"a\":{{}}}}", "\"a\":{},".repeat(100_000)),
        ] {
            let read = read(body.as_bytes(), None, &limits);
            assert!(read.cut && read.broken.is_none() && read.fields.len() <= 10, "{:?}", read.warnings);
        }
        let shape: Vec<String> = (0..10)
            .map(|n| format!("{{\"objectTypeId\":\"0-1\",\"name\":\"f{n}\",\"value\":\"v\",\"x\":null}}"))
            .collect();
        let read = read(format!("{{\"fields\":[{}]}}", shape.join(",")).as_bytes(), None, &limits);
        assert_eq!((read.cut, read.fields.len()), (false, 10));
    }

    #[test]
    fn depth_is_bounded_and_said() {
        let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(fields(nested(DEPTH - 1).as_bytes()).len(), 1);
        let read = read(nested(50_000).as_bytes(), None, &ReadLimits::default());
        assert!(read.broken.unwrap().contains("deeper than 32"));
    }
}
