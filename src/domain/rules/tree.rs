//! A TOML document as a plain tree of values, each with its byte span. Hides the four table shapes of the parser.

use toml_edit::{Document, Item, Key as TomlKey, TableLike, Value as TomlValue};

/// Byte range in a file.
pub type Span = (usize, usize);

/// A key with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The key, unquoted.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// The shapes a value may have.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A string; `body` is where its content begins when it is a literal string (`'..'`), so that places inside it
    /// can be named without an escape map.
    Text {
        /// Content.
        value: String,
        /// Byte offset of the content in the file, for literal strings only.
        body: Option<usize>,
    },
    /// An integer.
    Integer(i64),
    /// A float, finite or not.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A date or date and time.
    Time(toml_edit::Datetime),
    /// An array, or an array of tables.
    List(Vec<Node>),
    /// A table of any spelling.
    Table(Vec<(Key, Node)>),
}

/// Dots on one line beyond which a file is refused: keys nested so deep come from no person, and the parser's tree is
/// walked by recursion.
const MAX_DOTS_PER_LINE: usize = 400;

impl Node {
    /// Parses a TOML file. The error is a place and what the parser says of it.
    pub fn parse(text: &str) -> Result<Self, (Span, String)> {
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let code = line.split('#').next().unwrap_or_default();
            if code.bytes().filter(|b| *b == b'.').count() > MAX_DOTS_PER_LINE && code.contains('{') {
                return Err(((at, at + line.len()), "keys nested too deep".to_owned()));
            }
            at += line.len();
        }
        let document = Document::parse(text).map_err(|e| {
            let span = e.span().map_or((0, 0), |s| (s.start, s.end));
            (span, e.message().lines().collect::<Vec<_>>().join("; "))
        })?;
        Ok(table(document.as_table(), (0, 0), text))
    }

    /// The pairs of a table, if it is one.
    pub fn as_table(&self) -> Option<&[(Key, Self)]> {
        match &self.kind {
            Kind::Table(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The elements of an array, if it is one.
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::List(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// The content of a string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The value under `name` of a table.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_table()?.iter().find(|(k, _)| k.name == name).map(|(_, v)| v)
    }

    /// What it is, in words for messages.
    pub const fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Text { .. } => "a text",
            Kind::Integer(_) => "a whole number",
            Kind::Float(_) => "a number",
            Kind::Bool(_) => "true or false",
            Kind::Time(_) => "a date",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }
}

fn span_of(range: Option<std::ops::Range<usize>>, fallback: Span) -> Span {
    range.map_or(fallback, |r| (r.start, r.end))
}

fn table(source: &dyn TableLike, span: Span, text: &str) -> Node {
    let mut pairs = Vec::with_capacity(source.len());
    for (name, value) in source.iter() {
        let key_span = span_of(source.key(name).and_then(TomlKey::span), span);
        if let Some(node) = item(value, key_span, text) {
            pairs.push((Key { name: name.to_owned(), span: key_span }, node));
        }
    }
    Node { span, kind: Kind::Table(pairs) }
}

fn item(source: &Item, fallback: Span, text: &str) -> Option<Node> {
    match source {
        Item::None => None,
        Item::Value(v) => Some(value(v, fallback, text)),
        Item::Table(t) => Some(table(t, span_of(t.span(), fallback), text)),
        Item::ArrayOfTables(tables) => {
            let nodes = tables.iter().map(|t| table(t, span_of(t.span(), fallback), text)).collect();
            Some(Node { span: span_of(tables.span(), fallback), kind: Kind::List(nodes) })
        }
    }
}

fn value(source: &TomlValue, fallback: Span, text: &str) -> Node {
    let span = span_of(source.span(), fallback);
    let kind = match source {
        TomlValue::String(s) => Kind::Text { value: s.value().clone(), body: literal_body(text, span) },
        TomlValue::Integer(n) => Kind::Integer(*n.value()),
        TomlValue::Float(n) => Kind::Float(*n.value()),
        TomlValue::Boolean(b) => Kind::Bool(*b.value()),
        TomlValue::Datetime(t) => Kind::Time(*t.value()),
        TomlValue::Array(nodes) => Kind::List(nodes.iter().map(|n| value(n, span, text)).collect()),
        TomlValue::InlineTable(t) => return table(t, span, text),
    };
    Node { span, kind }
}

/// Where the content of a literal string begins; `None` for basic strings.
fn literal_body(text: &str, span: Span) -> Option<usize> {
    let source = text.get(span.0..span.1)?;
    if let Some(rest) = source.strip_prefix("'''") {
        let newline = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        return Some(span.0 + 3 + newline);
    }
    source.starts_with('\'').then_some(span.0 + 1)
}
