//! A tiny path language over JSON documents.
//!
//! ```text
//! path   = [ "$" ] step *( "." step / select )      $ = from the whole document, otherwise from the lead or answer
//! step   = word / "'" text "'" / "(" path ")"       (path) = the member named by the text found there
//! select = "[]" / "[" digits "]" / "[" path "=" ( text / "'" text "'" / "(" path ")" ) "]"
//! ```
//! `answers[field.ref=email].email`, `user_column_data[column_id=EMAIL].string_value`, `(type).label`,
//! `$.definition.fields[id=(field.id)].title`, `'1.3'`.
//!
//! Invariants: evaluation never fails, it finds nothing; every node looked at costs one of the [`Budget`].

use std::fmt;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest path as written, in bytes.
const LONGEST: usize = 400;
/// Paths inside each other.
const DEEPEST: usize = 4;
/// Nodes one path may find.
const MOST: usize = 5_000;

/// How much may still be looked at in one document.
#[derive(Debug, Clone)]
pub struct Budget(u64);

impl Default for Budget {
    /// Enough for any real request; a hostile one ends in a warning after some milliseconds.
    fn default() -> Self {
        Self(500_000)
    }
}

impl Budget {
    /// So many nodes.
    #[must_use]
    pub const fn of(nodes: u64) -> Self {
        Self(nodes)
    }

    /// Pays for `nodes`; false when there is nothing left.
    pub fn pay(&mut self, nodes: usize) -> bool {
        self.0 = self.0.saturating_sub(nodes as u64);
        self.0 > 0
    }

    /// How much may still be looked at.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.0
    }

    /// Whether it is used up.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// Where a path starts.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'d> {
    /// The whole document.
    pub root: &'d Value,
    /// The lead or the answer in hand.
    pub here: &'d Value,
}

impl<'d> Scope<'d> {
    /// The document itself in hand.
    #[must_use]
    pub const fn whole(root: &'d Value) -> Self {
        Self { root, here: root }
    }

    /// Another part of the same document in hand.
    #[must_use]
    pub const fn at(self, here: &'d Value) -> Self {
        Self { root: self.root, here }
    }
}

/// A compiled path; written and stored as its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path {
    text: String,
    from_root: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(Word),
    Every,
    At(usize),
    Where(Path, Word),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Text(String),
    Of(Path),
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.text
    }
}

impl TryFrom<String> for Path {
    type Error = String;

    /// As [`Path::parse`]; an empty text is what is in hand.
    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() { Ok(Self::default()) } else { Self::parse(&text) }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Path {
    /// Compiles a path.
    ///
    /// # Errors
    /// What is wrong with it, with the place in the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("the path is longer than {LONGEST} bytes"));
        }
        let mut reader = Reader { text, at: 0 };
        let path = reader.path(0)?;
        if reader.at < text.len() { Err(reader.wrong("a dot or [ is missing")) } else { Ok(path) }
    }

    /// Everything the path finds, in document order.
    #[must_use]
    pub fn find<'d>(&self, scope: Scope<'d>, budget: &mut Budget) -> Vec<&'d Value> {
        let mut found = vec![if self.from_root { scope.root } else { scope.here }];
        for step in &self.steps {
            let mut next = Vec::new();
            for node in found {
                step.take(node, scope, budget, &mut next);
                if next.len() > MOST || budget.is_spent() {
                    next.truncate(MOST);
                    break;
                }
            }
            found = next;
        }
        found
    }

    /// The first text the path finds that is not blank.
    #[must_use]
    pub fn text(&self, scope: Scope<'_>, budget: &mut Budget) -> Option<String> {
        self.find(scope, budget).into_iter().find_map(text_of).filter(|text| !text.trim().is_empty())
    }

    /// Goes to everything the path finds, in document order, with the way to it: by that a request with many leads is cut
    /// into single ones. Ends when `take` breaks. Only for paths of names and `[]`; unlike [`Path::find`] it leaves
    /// nothing out.
    pub(super) fn walk<'d>(&self, document: &'d Value, take: Take<'_, 'd>) {
        // That it ended early is the caller's own doing.
        let _ended: ControlFlow<()> = walk(&self.steps, document, &Way::Top, take);
    }

    /// Whether it consists of names and `[]`.
    pub(super) fn is_plain(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Every | Step::Member(Word::Text(_))))
    }
}

/// What is done at each find of a walk.
pub(super) type Take<'t, 'd> = &'t mut dyn FnMut(&'d Value, &Way<'_, 'd>) -> ControlFlow<()>;

/// From the top of a document to what lies in it.
#[derive(Debug)]
pub(super) enum Way<'w, 'd> {
    Top,
    Member(&'w Way<'w, 'd>, &'d Map<String, Value>, &'w str),
    Item(&'w Way<'w, 'd>),
}

impl Way<'_, '_> {
    /// The document with, of every list on the way, only what lies at its end.
    pub(super) fn alone(&self, end: &Value) -> Value {
        let mut made = end.clone();
        let mut here = self;
        loop {
            match here {
                Way::Top => return made,
                Way::Member(above, object, name) => {
                    let others = object.iter().filter(|(key, _)| key != name);
                    let mut members: Map<String, Value> = others.map(|(k, v)| (k.clone(), v.clone())).collect();
                    members.insert((*name).to_owned(), made);
                    made = Value::Object(members);
                    here = above;
                }
                Way::Item(above) => {
                    made = Value::Array(vec![made]);
                    here = above;
                }
            }
        }
    }
}

fn walk<'d>(steps: &[Step], node: &'d Value, way: &Way<'_, 'd>, take: Take<'_, 'd>) -> ControlFlow<()> {
    let Some((step, rest)) = steps.split_first() else { return take(node, way) };
    match step {
        Step::Member(Word::Text(name)) => match (node.as_object(), node.get(name.as_str())) {
            (Some(object), Some(inner)) => walk(rest, inner, &Way::Member(way, object, name), take),
            _ => ControlFlow::Continue(()),
        },
        Step::Every => {
            let items = node.as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().try_for_each(|item| walk(rest, item, &Way::Item(way), &mut *take))
        }
        _ => ControlFlow::Continue(()),
    }
}

impl Step {
    fn take<'d>(&self, node: &'d Value, scope: Scope<'d>, budget: &mut Budget, out: &mut Vec<&'d Value>) {
        if !budget.pay(1) {
            return;
        }
        match self {
            Self::Member(word) => {
                let name = word.text(scope, budget);
                out.extend(name.and_then(|name| node.get(name.as_str())));
            }
            Self::At(index) => out.extend(node.get(index)),
            Self::Every => {
                let members = node.as_array().map(Vec::as_slice).unwrap_or_default();
                budget.pay(members.len());
                out.extend(members.iter().take(MOST));
            }
            Self::Where(path, word) => {
                let Some(wanted) = word.text(scope, budget) else { return };
                for member in node.as_array().map(Vec::as_slice).unwrap_or_default() {
                    if !budget.pay(1) {
                        return;
                    }
                    if path.text(scope.at(member), budget).is_some_and(|text| text == wanted) {
                        out.push(member);
                    }
                }
            }
        }
    }
}

impl Word {
    fn text(&self, scope: Scope<'_>, budget: &mut Budget) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Of(path) => path.text(scope, budget),
        }
    }
}

/// A scalar as text; NUL removed.
#[must_use]
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if text.contains('\0') => Some(text.replace('\0', "")),
        Value::String(text) => Some(text.clone()),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self, what: &str) -> String {
        format!("the path \"{}\" is wrong at character {}: {what}", self.text, self.at + 1)
    }

    fn next(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let there = self.next() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn path(&mut self, depth: usize) -> Result<Path, String> {
        if depth > DEEPEST {
            return Err(self.wrong("paths inside each other are too deep"));
        }
        let start = self.at;
        let from_root = self.eat('$');
        let mut steps = Vec::new();
        if !from_root {
            steps.push(self.step(depth)?);
        }
        loop {
            if self.eat('.') {
                steps.push(self.step(depth)?);
            } else if self.eat('[') {
                steps.push(self.select(depth)?);
            } else {
                break;
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default().to_owned();
        Ok(Path { text, from_root, steps })
    }

    fn step(&mut self, depth: usize) -> Result<Step, String> {
        if self.eat('[') {
            return self.select(depth);
        }
        self.word(depth, |c| ".[]()'=".contains(c)).map(Step::Member)
    }

    fn word(&mut self, depth: usize, ends: impl Fn(char) -> bool) -> Result<Word, String> {
        if self.eat('\'') {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let end = rest.find('\'').ok_or_else(|| self.wrong("the closing ' is missing"))?;
            let text = rest.get(..end).unwrap_or_default().to_owned();
            self.at += end + 1;
            return Ok(Word::Text(text));
        }
        if self.eat('(') {
            let path = self.path(depth + 1)?;
            return if self.eat(')') { Ok(Word::Of(path)) } else { Err(self.wrong("the closing ) is missing")) };
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(&ends).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.wrong("a name is missing"));
        }
        self.at += end;
        Ok(Word::Text(rest.get(..end).unwrap_or_default().to_owned()))
    }

    fn select(&mut self, depth: usize) -> Result<Step, String> {
        if self.eat(']') {
            return Ok(Step::Every);
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let digits = rest.find(']').and_then(|end| rest.get(..end));
        if let Some(index) = digits.filter(|d| d.bytes().all(|b| b.is_ascii_digit())).and_then(|d| d.parse().ok()) {
            self.at += digits.map_or(0, str::len) + 1;
            return Ok(Step::At(index));
        }
        let path = self.path(depth + 1)?;
        if !self.eat('=') {
            return Err(self.wrong("= or ] is missing"));
        }
        let word = self.word(depth, |c| c == ']')?;
        if self.eat(']') { Ok(Step::Where(path, word)) } else { Err(self.wrong("the closing ] is missing")) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str, document: &Value) -> Vec<String> {
        let path = Path::parse(path).unwrap();
        path.find(Scope::whole(document), &mut Budget::default()).into_iter().filter_map(text_of).collect()
    }

    #[test]
    fn lists_are_selected_by_key_by_number_and_whole() {
        let document = json!({
            "user_column_data": [{"column_id": "FULL_NAME", "string_value": "Eva"}, {"column_id": "EMAIL", "string_value": "e@w.example"}],
            "answers": [{"field": {"ref": "email"}, "type": "email", "email": "a@b"}, {"type": "number", "number": 7, "field": {"ref": "n"}}],
            "fields": [{"id": 3, "title": "Three"}], "wanted": "3", "1.3": "First", "a b": {"c=d": true},
        });
        for (path, expected) in [
            ("user_column_data[column_id=EMAIL].string_value", vec!["e@w.example"]),
            ("answers[field.ref=email].email", vec!["a@b"]),
            ("answers[].field.ref", vec!["email", "n"]),
            ("answers[1].(type)", vec![]),
            ("fields[id=(wanted)].title", vec!["Three"]),
            ("$.fields[0].title", vec!["Three"]),
            ("'1.3'", vec!["First"]),
            ("'a b'.'c=d'", vec!["true"]),
            ("user_column_data[column_id='EMAIL'].string_value", vec!["e@w.example"]),
            ("nothing[].there[0][x=y]", vec![]),
        ] {
            assert_eq!(found(path, &document), expected, "{path}");
        }
        let answers = Path::parse("answers[]").unwrap();
        let kind = Path::parse("(type)").unwrap();
        let scope = Scope::whole(&document);
        let mut budget = Budget::default();
        let values: Vec<_> = answers
            .find(scope, &mut budget)
            .into_iter()
            .filter_map(|answer| kind.text(scope.at(answer), &mut Budget::default()))
            .collect();
        assert_eq!(values, ["a@b", "7"]);
    }

    #[test]
    fn a_wrong_path_says_where() {
        for (path, at) in [
            ("", "character 1"),
            ("a..b", "character 3"),
            ("a[", "character 3"),
            ("a[b]", "character 4"),
            ("a[b=c", "missing"),
            ("'a", "closing '"),
            ("(a", "closing )"),
            ("a]b", "character 2"),
            ("((((((a))))))", "too deep"),
        ] {
            let error = Path::parse(path).unwrap_err();
            assert!(error.contains(at), "{path}: {error}");
        }
        assert!(Path::parse(&"a".repeat(401)).is_err());
    }

    #[test]
    fn a_path_is_stored_as_its_text() {
        let path: Path = serde_json::from_str("\"a[b=(c.d)].'e f'\"").unwrap();
        assert_eq!(serde_json::to_string(&path).unwrap(), "\"a[b=(c.d)].'e f'\"");
    }

    #[test]
    fn work_on_a_hostile_document_is_bounded() {
        let row: Vec<Value> = (0..3_000).map(|i| json!({"id": i, "of": 2_999})).collect();
        let document = json!({"rows": row, "all": row});
        let path = Path::parse("rows[].nothing[id=(of)].x").unwrap();
        let every = Path::parse("$.all[]").unwrap();
        let look = Path::parse("$.rows[id=(of)].id").unwrap();
        let mut budget = Budget::default();
        let _none = path.find(Scope::whole(&document), &mut budget);
        for row in every.find(Scope::whole(&document), &mut budget) {
            let _found = look.text(Scope::whole(&document).at(row), &mut budget);
        }
        assert!(budget.is_spent(), "3000 look-ups in 3000 rows would be nine millions");
    }
}
