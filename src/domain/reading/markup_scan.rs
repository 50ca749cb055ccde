//! Where tags stand in markup, as a tokenizer of HTML finds them (WHATWG HTML section 13.2.5), and what it costs to lay the
//! markup out, found out before a tree is built.
//!
//! A tree builder's work grows with depth times length, elements that are never closed are opened again in every paragraph,
//! and what stands in a table outside of its cells is moved in front of it. So all of this is counted here first.
//!
//! Invariants:
//! - linear, and nothing is allocated but the names of the open elements;
//! - an end tag cancels one start tag of its name at most, and none across a table or another element that end tags do
//!   not reach out of: damaged markup counts as deeper than it is, never as flatter.

use super::budget;

/// Open elements at once.
const DEPTH: usize = 200;
/// Steps that laying out may take, each about a tenth of a microsecond.
const STEPS: usize = 8_000_000;
/// Steps of an element, beside those of the elements that it stands in.
const ELEMENT: usize = 60;
/// Pairs of attributes of one tag that are compared in a step.
const ATTRIBUTES: usize = 200;
/// Line breaks times elements: where nothing but breaks stands above, they are looked through for each element. The same for
/// elements moved out of tables: their neighbours are looked through.
const PAIRS: usize = 200_000_000;
/// Rows of a table times the cells of its longest: every row remembers the width of every column.
const GRID: usize = 4_000_000;
/// Steps of each row that a cell reaches down to, and the furthest that is counted.
const SPAN: usize = 33;
const SPANNED: usize = 100_000;
/// Largest number of a list item or of columns that a cell takes.
const NUMBER: usize = 1_000_000_000_000;

/// Elements without an end tag, or whose end tag people leave out; they do not nest.
const FLAT: [&str; 23] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "p",
    "li", "td", "th", "tr", "dt", "dd", "option", "tbody",
];

/// Elements that the end tag of another one does not close, or whose inside is no markup.
const WALLS: [&str; 18] = [
    "table", "caption", "select", "svg", "math", "object", "applet", "marquee", "template", "button", "textarea",
    "title", "style", "script", "xmp", "iframe", "noembed", "noframes",
];

/// Elements that every paragraph inside of them opens again, closed or not, and what each costs there.
const FORMATS: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
const FORMAT: usize = 26;

/// Elements whose lines are laid out by themselves and then put into the page, and what each costs the elements inside.
const BLOCKS: [&str; 11] = ["blockquote", "ul", "ol", "dl", "table", "h1", "h2", "h3", "h4", "h5", "h6"];
const BLOCK: usize = 4;

/// What stands directly in a table, and where a cell ends.
const ROWS: [&str; 7] = ["tr", "tbody", "thead", "tfoot", "col", "colgroup", "table"];
const CELLS: [&str; 3] = ["td", "th", "caption"];

fn is_one(names: &[&str], name: &str) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// Whether laying out takes a bounded time.
pub(super) fn is_bounded(html: &str) -> bool {
    let mut cost = Cost::default();
    let mut at = 0;
    let mut lines = Some(memchr::memchr_iter(b'\n', html.as_bytes()));
    for tag in (Tags { html, at: 0 }) {
        cost.misplaced +=
            usize::from(cost.is_outside_cells() && !html.get(at..tag.start).unwrap_or_default().trim().is_empty());
        at = tag.end;
        if tag.closes {
            cost.close(tag.name);
            continue;
        }
        cost.open(&tag);
        if tag.name.eq_ignore_ascii_case("pre") {
            cost.breaks += lines.take().map_or(0, Iterator::count);
        }
        if !cost.is_bounded() {
            return false;
        }
    }
    true
}

/// An open table.
#[derive(Default)]
struct Table {
    /// A cell is open.
    cell: bool,
    rows: usize,
    /// Cells of the open row, and of the longest.
    cells: usize,
    longest: usize,
}

/// What was counted.
#[derive(Default)]
struct Cost<'a> {
    /// Open elements with what each costs those inside.
    open: Vec<(&'a str, usize)>,
    /// The sum of that.
    inside: usize,
    /// Open tables, the innermost last.
    tables: Vec<Table>,
    /// The largest table.
    grid: usize,
    /// Something stands directly in a table that leaves cells unknown.
    astray: bool,
    /// A number that sums would overflow with.
    absurd: bool,
    steps: usize,
    elements: usize,
    breaks: usize,
    misplaced: usize,
}

impl<'a> Cost<'a> {
    fn is_bounded(&self) -> bool {
        let pairs = self.breaks.max(self.misplaced).saturating_mul(self.elements);
        self.open.len() <= DEPTH && self.steps <= STEPS && pairs <= PAIRS && self.grid <= GRID && !self.absurd
    }

    fn is_outside_cells(&self) -> bool {
        self.tables.last().is_some_and(|table| !table.cell || self.astray)
    }

    fn open(&mut self, tag: &Tag<'a>) {
        let name = tag.name;
        self.elements += 1;
        self.steps += ELEMENT + self.inside + tag.attributes.saturating_mul(tag.attributes) / ATTRIBUTES;
        self.breaks += usize::from(name.eq_ignore_ascii_case("br"));
        let (row, cell) = (is_one(&ROWS, name), is_one(&CELLS, name));
        if self.is_outside_cells() && (self.astray || !row && !cell) {
            self.misplaced += 1;
            self.astray |= is_one(&WALLS, name);
        }
        self.astray |= name.eq_ignore_ascii_case("template") && !self.tables.is_empty();
        if row {
            self.end_row();
        } else if cell {
            self.steps += SPAN * number(tag.inside, "rowspan").saturating_sub(1).min(SPANNED);
            self.absurd |= number(tag.inside, "colspan") > NUMBER;
            self.begin_cell();
        } else if name.eq_ignore_ascii_case("ol") {
            self.absurd |= number(tag.inside, "start") > NUMBER;
        }
        if name.eq_ignore_ascii_case("table") {
            self.tables.push(Table::default());
        }
        if !is_one(&FLAT, name) {
            let costs = if is_one(&FORMATS, name) {
                FORMAT
            } else if is_one(&BLOCKS, name) {
                BLOCK
            } else {
                1
            };
            self.inside += costs;
            self.open.push((name, costs));
        }
    }

    /// Cancels the last open element of that name, if its end tag reaches it.
    fn close(&mut self, name: &str) {
        if is_one(&ROWS, name) {
            self.end_row();
        } else if is_one(&CELLS, name) {
            self.tables.last_mut().into_iter().for_each(|table| table.cell = false);
        }
        let reached = |(one, _): &&(&str, usize)| !is_one(&WALLS, one);
        let above = self.open.iter().rev().take_while(reached).position(|(one, _)| one.eq_ignore_ascii_case(name));
        let wall = || {
            let place = self.open.iter().rposition(|(one, _)| is_one(&WALLS, one))?;
            self.open.get(place).filter(|(one, _)| one.eq_ignore_ascii_case(name)).map(|_| place)
        };
        let Some(place) = above.map(|above| self.open.len() - 1 - above).or_else(wall) else { return };
        let (one, costs) = self.open.remove(place);
        self.inside -= costs;
        if one.eq_ignore_ascii_case("table") {
            self.tables.pop();
            self.astray &= !self.tables.is_empty();
        }
    }

    fn begin_cell(&mut self) {
        let Some(table) = self.tables.last_mut() else { return };
        table.cell = true;
        table.cells += 1;
        table.longest = table.longest.max(table.cells);
        self.grid = self.grid.max((table.rows + 1).saturating_mul(table.longest));
    }

    fn end_row(&mut self) {
        let astray = self.astray;
        let Some(table) = self.tables.last_mut() else { return };
        table.cell = false;
        table.rows += 1;
        if !astray {
            table.cells = 0;
        }
        self.grid = self.grid.max(table.rows.saturating_mul(table.longest));
    }
}

/// The largest number that an attribute of that name may hold; what cannot be read here may be any.
fn number(attributes: &str, name: &str) -> usize {
    let read = |at: usize| {
        let (found, value) = attributes.get(at..)?.split_at_checked(name.len())?;
        let value = value.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '&');
        let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
        let (digits, behind) = value.split_at_checked(end).filter(|_| found.eq_ignore_ascii_case(name))?;
        Some(match (digits, behind.starts_with('&')) {
            (_, true) => usize::MAX,
            ("", false) => 0,
            (digits, false) => digits.parse().unwrap_or(usize::MAX),
        })
    };
    let first = name.bytes().next().unwrap_or_default();
    let places = memchr::memchr2_iter(first, first.to_ascii_uppercase(), attributes.as_bytes());
    places.filter_map(read).max().unwrap_or(0)
}

/// A tag and where it stands; a comment or declaration is one without a name.
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    /// It is no start tag.
    pub(super) closes: bool,
    pub(super) attributes: usize,
    /// Attributes as written.
    pub(super) inside: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What is not text in a markup, in order.
pub(super) struct Tags<'a> {
    pub(super) html: &'a str,
    pub(super) at: usize,
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let bytes = self.html.as_bytes();
        loop {
            let start = self.at + memchr::memchr(b'<', bytes.get(self.at..)?)?;
            let rest = bytes.get(start + 1..)?;
            let (name, closes) = match rest {
                [b'/', first, ..] if first.is_ascii_alphabetic() => (tag_name(self.html.get(start + 2..)?), true),
                [first, ..] if first.is_ascii_alphabetic() => (tag_name(self.html.get(start + 1..)?), false),
                [b'!' | b'?' | b'/', ..] => ("", true),
                _ => {
                    self.at = start + 1;
                    continue;
                }
            };
            let (length, attributes) = if let Some(comment) = rest.strip_prefix(b"!--") {
                (3 + comment_length(comment), 0)
            } else if name.is_empty() {
                (memchr::memchr(b'>', rest).map_or(rest.len(), |end| end + 1), 0)
            } else {
                let named = usize::from(rest.first() == Some(&b'/')) + name.len();
                let (length, attributes) = attributes(rest.get(named..)?);
                (named + length, attributes)
            };
            self.at = start + 1 + length;
            budget::pay(self.at - start);
            let inside = self.html.get(start..self.at)?.get(1 + name.len()..).unwrap_or_default();
            return Some(Tag { name, closes, attributes, inside, start, end: self.at });
        }
    }
}

fn tag_name(from_name: &str) -> &str {
    let end = from_name.bytes().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
    from_name.get(..end.unwrap_or(from_name.len())).unwrap_or_default()
}

/// Bytes of what follows `<!--`, with its end: `-->` or `--!>`; at once `>` or `->`.
fn comment_length(inside: &[u8]) -> usize {
    let ends = |at: &usize| match inside.get(..*at).unwrap_or_default() {
        b"" | b"-" => true,
        before => before.ends_with(b"--") || before.ends_with(b"--!"),
    };
    memchr::memchr_iter(b'>', inside).find(ends).map_or(inside.len(), |end| end + 1)
}

/// Where a tokenizer is inside of a tag.
#[derive(Clone, Copy)]
enum Inside {
    /// Before the name of an attribute, or behind its value.
    Between,
    Name,
    AfterName,
    BeforeValue,
    BareValue,
}

/// Bytes of attributes up to and with the `>` that ends the tag, and how many there are; a `>` in a quoted value ends nothing.
fn attributes(bytes: &[u8]) -> (usize, usize) {
    let (mut at, mut count, mut inside) = (0, 0, Inside::Between);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        let blank = byte.is_ascii_whitespace();
        inside = match (inside, byte) {
            (_, b'>') => return (at, count),
            (Inside::BeforeValue, b'"' | b'\'') => {
                let value = bytes.get(at..).unwrap_or_default();
                at += memchr::memchr(byte, value).map_or(value.len(), |end| end + 1);
                Inside::Between
            }
            (Inside::BeforeValue | Inside::BareValue, _) if !blank => Inside::BareValue,
            (Inside::BeforeValue, _) | (Inside::Name | Inside::AfterName, b'=') => Inside::BeforeValue,
            (Inside::Name | Inside::AfterName, _) if blank => Inside::AfterName,
            (_, byte) if blank || byte == b'/' => Inside::Between,
            (Inside::Name, _) => Inside::Name,
            _ => {
                count += 1;
                Inside::Name
            }
        };
    }
    (bytes.len(), count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(html: &str) -> Vec<&str> {
        (Tags { html, at: 0 }).filter(|tag| !tag.name.is_empty()).map(|tag| tag.name).collect()
    }

    #[test]
    fn tags_are_found_as_a_tokenizer_finds_them() {
        for (html, expected) in [
            ("<p>a<br/>b</p >", vec!["p", "br", "p"]),
            ("<a x=\"<b>\" y='<i>'><u>", vec!["a", "u"]),
            ("<a x=y\"><b>", vec!["a", "b"]),
            ("<a =\"><b>\">", vec!["a", "b"]),
            ("<a x = = \"><b>", vec!["a", "b"]),
            ("<a x=\"", vec!["a"]),
            ("<!-- <b> --><i><!--><u><!--!><b>--!><s>", vec!["i", "u", "s"]),
            ("<!doctype a '><b>'><?x <i>?><u></ <s></><q>", vec!["b", "u", "q"]),
            ("a < b <3 <", vec![]),
        ] {
            assert_eq!(names(html), expected, "{html}");
        }
    }

    #[test]
    fn depth_is_never_counted_as_less_than_it_is() {
        for one in [
            "<div>",
            "<div a=\"</div>\">",
            "<div><!--</div>-->",
            "<div><b id=1></div>",
            "<div><textarea></div></textarea>",
            "<div><table><td></div></td></table>",
            "<div><svg><title></div><i></svg>",
            "<table>x<b></b>",
            "<table><tr><td rowspan=9000>x",
        ] {
            assert!(!is_bounded(&one.repeat(10_000)), "{one}");
        }
        for one in ["<p>a<br>", "<div><b>x</b></div>", "<table><tr><td>x</table>", "<b><i>x</b></i>", "<ul><li>x</ul>"]
        {
            assert!(is_bounded(&one.repeat(10_000)), "{one}");
        }
    }

    #[test]
    fn what_is_cheap_once_is_counted_when_it_is_many() {
        let quotes = "<blockquote>".repeat(190);
        assert!(is_bounded(&format!("{quotes}{}", "<p>x".repeat(1_000))));
        assert!(!is_bounded(&format!("{quotes}{}", "<p>x".repeat(50_000))));
        assert!(!is_bounded(&format!("{}{}", "<br>".repeat(50_000), "<p>x".repeat(50_000))));
        assert!(!is_bounded(&format!("<pre>{}{}", "\n".repeat(50_000), "<p>x".repeat(50_000))));
        assert!(!is_bounded(&format!("<table>{}", "x<b></b>".repeat(50_000))));
        assert!(is_bounded(&format!("<table>{}", "<tr> <td>x<b></b>y</td> </tr>\n".repeat(25_000))));
        assert!(!is_bounded(&format!("<p {}>", "a=1 ".repeat(50_000))));
        assert!(!is_bounded("<ol start=9223372036854775807><li>x<li>y</ol>"));
        assert!(!is_bounded("<table><td title=colspan COLSPAN='&#49;8446744073709551615'>x"));
        assert!(is_bounded("<ol start=-3><li>x</ol><table><td colspan=1000000000 rowspan=2>x</table>"));
        assert!(!is_bounded(&format!("<table>{}{}", "<td>x".repeat(9_000), "<tr><td>x".repeat(9_000))));
        assert!(is_bounded(&format!("<table>{}", "<tr><td rowspan=2>x<td>y".repeat(9_000))));
    }
}
