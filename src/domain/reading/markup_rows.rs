//! What markup says of rows and labels, for form notifications: the cells that stand side by side, the labels that stand
//! in bold above their values. Not for showing text.
//!
//! Invariants: one pass, linear in the markup and bounded by [`ITEMS`]; no tree is built, so that nesting costs nothing; of
//! tables inside tables the innermost rows count.

use std::borrow::Cow;

use super::budget;
use super::field_names;

/// Pieces taken from one mail.
const ITEMS: usize = 4_000;
/// Cells of one row.
const CELLS: usize = 60;
/// Longest label, in characters.
const LABEL_CHARS: usize = 60;
/// Longest tag looked at, in bytes.
const TAG_BYTES: usize = 16;
/// A line break inside a cell, until its text is decoded.
const BREAK: char = '\u{1}';

/// A piece of markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Label and value, side by side or one above the other in rows of their own.
    Pair(String, String),
    /// A line that is all bold and short: a label whose value follows.
    Label(String),
    /// Any other line; empty for a blank one.
    Line(String),
}

impl Item {
    /// It is no blank line.
    pub fn is_filled(&self) -> bool {
        !matches!(self, Self::Line(line) if line.trim().is_empty())
    }
}

/// The pieces of `html` in order: all of them, or some more than the first `filled` that are not blank.
pub fn items(html: &str, filled: usize) -> Vec<Item> {
    walk(html, filled, Walk::default())
}

/// All pieces of `html`, for one who knows its labels: a short cell beside which nothing but empty ones stand is a label
/// without a value, whatever it says and whatever follows.
pub fn rows(html: &str) -> Vec<Item> {
    walk(html, usize::MAX, Walk { keeps_empty: true, ..Walk::default() })
}

fn walk(html: &str, filled: usize, mut walk: Walk) -> Vec<Item> {
    let mut rest = html;
    let (mut counted, mut found) = (0, 0);
    while !rest.is_empty() && walk.items.len() < ITEMS && found < filled && budget::pay(1) {
        let Some(at) = rest.find('<') else {
            walk.text(rest);
            break;
        };
        let (before, tail) = rest.split_at(at);
        walk.text(before);
        rest = walk.tag(tail);
        budget::pay(at + tail.len().saturating_sub(rest.len()));
        found += walk.items.iter().skip(counted).filter(|item| item.is_filled()).count();
        counted = walk.items.len();
    }
    walk.end_row();
    walk.end_line();
    walk.end_label();
    walk.items
}

/// A cell: its text, and whether it is all bold.
#[derive(Debug, Default, Clone)]
struct Cell {
    text: String,
    bold: bool,
}

#[derive(Debug, Default)]
struct Walk {
    items: Vec<Item>,
    /// Markup without tags, of the open line or cell: empty, or it begins with something that is no white space. Every tag
    /// asks which, so a look at the first byte must do.
    open: String,
    /// Elements open that set text in bold.
    bold: usize,
    /// Text that is not bold stands in `open`.
    mixed: bool,
    /// Cells of the open row.
    row: Option<Vec<Cell>>,
    in_cell: bool,
    /// Known labels of a row, whose values may stand in the next one.
    head: Option<Vec<String>>,
    /// A row that is one label, whose value may be the next row.
    above: Option<Above>,
    /// A label beside an empty cell is a pair.
    keeps_empty: bool,
}

/// A label in a row of its own.
#[derive(Debug)]
struct Above {
    name: String,
    /// An empty cell stands beside it, so that its value, if there is one, does not stand in the first column.
    beside: bool,
}

impl Walk {
    fn text(&mut self, text: &str) {
        // Space between cells is nobody's.
        if self.row.is_some() && !self.in_cell || text.is_empty() {
            return;
        }
        let words = text.trim();
        self.mixed |= self.bold == 0 && !words.is_empty() && words != "&nbsp;";
        self.open.push_str(if self.open.is_empty() { text.trim_start() } else { text });
    }

    /// Takes the tag at the head of `tail`; what comes after it.
    fn tag<'h>(&mut self, tail: &'h str) -> &'h str {
        if let Some(comment) = tail.strip_prefix("<!--") {
            return comment.split_once("-->").map_or("", |(_, after)| after);
        }
        let inner = tail.get(1..).unwrap_or_default();
        let (closing, name_at) = inner.strip_prefix('/').map_or((false, inner), |rest| (true, rest));
        if !name_at.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?') {
            self.text("&lt;");
            return inner;
        }
        let Some((tag, after)) = inner.split_once('>') else { return "" };
        let name: String = name_at
            .chars()
            .take(TAG_BYTES)
            .take_while(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if !closing
            && matches!(name.as_str(), "style" | "script" | "head" | "title" | "template")
            && !tag.ends_with('/')
        {
            return after_end(after, &name);
        }
        if closing {
            self.end(&name);
        } else {
            self.begin(&name);
        }
        after
    }

    fn begin(&mut self, name: &str) {
        match name {
            "table" | "dl" => {
                self.end_row();
                self.end_line();
            }
            "tr" => self.begin_row(),
            "dt" => {
                self.begin_row();
                self.begin_cell();
                self.bold += 1;
            }
            "th" => {
                self.begin_cell();
                self.bold += 1;
            }
            "td" | "dd" => self.begin_cell(),
            "b" | "strong" | "label" => self.bold += 1,
            "br" => self.line_break(),
            _ if is_block(name) => self.block(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "th" | "dt" => {
                self.bold = self.bold.saturating_sub(1);
                self.end_cell();
            }
            "td" | "dd" => self.end_cell(),
            "tr" | "table" | "dl" => self.end_row(),
            "b" | "strong" | "label" => self.bold = self.bold.saturating_sub(1),
            _ if is_block(name) => self.block(),
            _ => {}
        }
    }

    fn block(&mut self) {
        if self.in_cell {
            if !self.open.is_empty() && !self.open.ends_with(BREAK) {
                self.open.push(BREAK);
            }
        } else {
            self.end_line();
        }
    }

    fn line_break(&mut self) {
        if self.in_cell {
            self.open.push(BREAK);
        } else if self.open.is_empty() {
            self.items.push(Item::Line(String::new()));
        } else {
            self.end_line();
        }
    }

    fn begin_row(&mut self) {
        self.end_row();
        self.end_line();
        self.row = Some(Vec::new());
    }

    fn begin_cell(&mut self) {
        self.end_cell();
        if self.row.is_none() {
            self.end_line();
            self.row = Some(Vec::new());
        }
        self.in_cell = true;
    }

    fn end_cell(&mut self) {
        if !self.in_cell {
            return;
        }
        self.in_cell = false;
        let cell = self.take();
        if let Some(row) = self.row.as_mut().filter(|row| row.len() < CELLS) {
            row.push(cell);
        }
    }

    /// The open text, decoded.
    fn take(&mut self) -> Cell {
        let bold = !std::mem::take(&mut self.mixed);
        let text = decoded(&std::mem::take(&mut self.open));
        Cell { bold: bold && !text.is_empty(), text }
    }

    fn end_line(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let line = self.take();
        if line.text.is_empty() {
            return;
        }
        self.head = None;
        self.end_label();
        let item = if line.bold && is_label(&line.text) { Item::Label } else { Item::Line };
        self.items.push(item(line.text));
    }

    fn end_row(&mut self) {
        self.end_cell();
        let Some(cells) = self.row.take() else { return };
        let filled: Vec<&Cell> = cells.iter().filter(|cell| !cell.text.is_empty()).collect();
        if filled.is_empty() {
            return;
        }
        if let Some(head) = self.head.take().filter(|head| head.len() == cells.len()) {
            let pairs = head.into_iter().zip(cells).map(|(label, cell)| Item::Pair(label, cell.text));
            self.items.extend(pairs);
            return;
        }
        if let [only] = filled.as_slice() {
            self.one_cell(only, &cells);
            return;
        }
        self.end_label();
        match filled.as_slice() {
            all if all.len() == cells.len() && all.iter().all(|cell| is_known(cell)) => {
                self.head = Some(all.iter().map(|cell| label(&cell.text).to_owned()).collect());
            }
            [name, value] if is_label(&name.text) => {
                self.items.push(Item::Pair(label(&name.text).to_owned(), value.text.clone()));
            }
            all => {
                let line = all.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join("\t");
                self.items.push(Item::Line(line));
            }
        }
    }

    /// A row of which one cell is filled.
    fn one_cell(&mut self, only: &Cell, cells: &[Cell]) {
        let first = cells.first().is_some_and(|cell| !cell.text.is_empty());
        let beside = self.keeps_empty && first && cells.len() > 1 && is_label(&only.text);
        // A label again: the one above has no value.
        let is_value = !(only.bold && is_label(&only.text));
        if let Some(above) = self.above.take_if(|above| is_value && !(above.beside && first)) {
            self.items.push(Item::Pair(above.name, only.text.clone()));
            return;
        }
        self.end_label();
        if beside || is_label(&only.text) && (only.bold || is_known(only)) {
            self.above = Some(Above { name: label(&only.text).to_owned(), beside });
        } else {
            self.items.extend(only.text.lines().map(|line| Item::Line(line.to_owned())));
        }
    }

    /// The label above has no value.
    fn end_label(&mut self) {
        if let Some(above) = self.above.take().filter(|above| above.beside) {
            self.items.push(Item::Pair(above.name, String::new()));
        }
    }
}

/// A label of the lexicon. `Enquiry 17` is a value.
fn is_known(cell: &Cell) -> bool {
    !cell.text.contains(char::is_numeric) && field_names::canonical(label(&cell.text)).is_some()
}

/// A label without the colon or star behind it.
fn label(text: &str) -> &str {
    text.trim().trim_end_matches([':', '：', '*', ' ']).trim_start_matches(['*', ' '])
}

fn is_label(text: &str) -> bool {
    let text = label(text);
    !text.is_empty() && !text.contains(['\n', '@']) && text.chars().take(LABEL_CHARS + 1).count() <= LABEL_CHARS
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "li"
            | "ul"
            | "ol"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "hr"
            | "section"
            | "article"
            | "header"
            | "footer"
            | "blockquote"
            | "pre"
            | "center"
            | "fieldset"
            | "address"
            | "body"
            | "tbody"
            | "thead"
            | "caption"
    )
}

/// What comes after the end tag of that name.
fn after_end<'h>(html: &'h str, name: &str) -> &'h str {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        let tail = rest.get(at + 2..).unwrap_or_default();
        if tail.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return tail.split_once('>').map_or("", |(_, after)| after);
        }
        rest = tail;
    }
    ""
}

/// Text without character references, white space as a browser shows it, a line for each break.
fn decoded(markup: &str) -> String {
    let mut out = String::with_capacity(markup.len());
    for (at, line) in markup.split(BREAK).enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let text = if line.contains('&') {
            mail_parser::decoders::html::html_to_text(line).into()
        } else {
            Cow::Borrowed(line)
        };
        let words = text.split([' ', '\t', '\n', '\r', '\u{a0}']).filter(|word| !word.is_empty());
        for (at, word) in words.enumerate() {
            if at > 0 {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
    let end = out.trim_end().len();
    out.truncate(end);
    let start = out.len() - out.trim_start().len();
    out.drain(..start);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(label: &str, value: &str) -> Item {
        Item::Pair(label.to_owned(), value.to_owned())
    }

    #[test]
    fn cells_side_by_side_are_pairs() {
        let html = "<style>td{}</style><table><tr><th>Name:</th><td>Eva &amp; Jan</td></tr>\n<tr><td>Message</td>\
            <td>one<br>two<p>three</p></td></tr></table>";
        assert_eq!(items(html, usize::MAX), [pair("Name", "Eva & Jan"), pair("Message", "one\ntwo\nthree")]);
    }

    #[test]
    fn a_row_of_a_label_has_its_value_in_the_next_row() {
        let html = "<table><tr><td colspan=2><strong>E-mail</strong></td></tr><tr><td>&nbsp;</td><td>eva@web.example</td></tr>\
            <tr><td colspan=2><strong>Phone</strong></td></tr><tr><td colspan=2><strong>Budget</strong></td></tr>\
            <tr><td></td><td>20</td></tr></table>";
        assert_eq!(items(html, usize::MAX), [pair("E-mail", "eva@web.example"), pair("Budget", "20")]);
    }

    #[test]
    fn a_row_of_labels_has_its_values_below() {
        let html = "<table><tr><th>Name</th><th>Phone</th><th>Email</th></tr><tr><td>Eva</td><td></td><td>e@web.example</td></tr></table>";
        assert_eq!(items(html, usize::MAX), [pair("Name", "Eva"), pair("Phone", ""), pair("Email", "e@web.example")]);
    }

    #[test]
    fn bold_lines_are_labels_and_others_are_lines() {
        let html = "<p>New <b>lead</b></p><strong>Name</strong><br>Eva<br><br>x &lt; 3 <i>and</i> more<dl><dt>City</dt><dd>Písek</dd></dl>";
        let line = |text: &str| Item::Line(text.to_owned());
        assert_eq!(
            items(html, usize::MAX),
            [
                line("New lead"),
                Item::Label("Name".to_owned()),
                line("Eva"),
                line(""),
                line("x < 3 and more"),
                pair("City", "Písek")
            ]
        );
    }

    #[test]
    fn of_tables_inside_tables_the_inner_rows_count() {
        let html = "<table><tr><td><h2>Lead</h2><table><tr><td>Name</td><td>Eva</td></tr></table></td></tr></table>";
        assert_eq!(items(html, usize::MAX), [Item::Line("Lead".to_owned()), pair("Name", "Eva")]);
    }

    #[test]
    fn of_one_who_knows_the_labels_an_empty_cell_is_an_empty_value() {
        let html = "<table><tr><td>Surface</td><td></td></tr><tr><td>City</td><td>&nbsp;</td></tr><tr><td>Bye</td></tr>\
            <tr><td>Phone</td><td></td></tr><tr><td></td><td>123</td></tr><tr><td>Budget</td><td></td></tr></table><p>Bye</p>";
        let line = |text: &str| Item::Line(text.to_owned());
        assert_eq!(
            rows(html),
            [pair("Surface", ""), pair("City", ""), line("Bye"), pair("Phone", "123"), pair("Budget", ""), line("Bye")]
        );
        assert_eq!(items(html, usize::MAX)[..2], [line("Surface"), pair("City", "Bye")], "a guess takes the next row");
        assert_eq!(rows("<table><tr><td>City</td><td></td></tr>"), [pair("City", "")], "at the very end, too");
    }

    #[test]
    fn white_space_before_words_is_not_gathered() {
        for in_cell in [false, true] {
            let mut walk = Walk { in_cell, row: in_cell.then(Vec::new), ..Walk::default() };
            for _ in 0..3 {
                walk.text("\n \u{a0}\t");
                walk.block();
            }
            assert_eq!(walk.open, "");
            walk.text(" a ");
            walk.text(" b");
            assert_eq!(walk.open, "a  b");
        }
        let html = "<p> </p>\n<b> Name </b> <br> Eva<br> <table><tr><td>\n<p> \n<b>City</b><td> <br> <p> Brno </table>";
        let (name, eva) = (Item::Label("Name".to_owned()), Item::Line("Eva".to_owned()));
        assert_eq!(items(html, usize::MAX), [name, eva, pair("City", "Brno")]);
    }

    #[test]
    fn damaged_markup_ends() {
        for html in
            ["<", "<td", "</", "<!--", "<td><td><tr></td>", "a < b", "<style>", "<title>x</tit", "<table><tr><td>x"]
        {
            assert!(items(html, usize::MAX).len() <= 2, "{html}");
        }
        assert!(items(&"<tr><td>Name</td><td>x</td></tr>".repeat(100_000), usize::MAX).len() <= ITEMS);
    }
}
