//! Text that its writer moved to the right: mail programs write that as a quotation, too.
//!
//! Gmail, Outlook in the browser and Yahoo write `<blockquote style="margin:0 0 0 40px;border:none">` for "indent more";
//! what they quote has a class, a type or a line at its side. Linear: one pass over the tags, and nothing is laid out twice.

use std::borrow::Cow;

use super::budget;
use super::client_markup::{Tags, values};
use super::html;

/// Most elements of a mail; what comes after stays a quotation.
const ELEMENTS: usize = 20;

/// `html` in which what was only moved to the right is an ordinary block.
pub(super) fn flat(html: &str) -> Cow<'_, str> {
    let found = found(html);
    if found.is_empty() {
        return Cow::Borrowed(html);
    }
    let mut names: Vec<usize> = found.iter().flat_map(|one| [one.open + 1, one.close + 2]).collect();
    names.sort_unstable();
    let mut out = String::with_capacity(html.len());
    let mut done = 0;
    for at in names {
        out.push_str(html.get(done..at).unwrap_or_default());
        out.push_str("div");
        done = at + NAME.len();
    }
    out.push_str(html.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// `text`, the plain part of the same mail, without the marks of quotations that its markup only moves to the right.
pub(super) fn beside(markup: &str, text: &str) -> Option<String> {
    if !text.contains("\n>") && !text.starts_with('>') {
        return None;
    }
    let blocks: Vec<String> = outermost(found(markup)).filter_map(|one| one.words(markup)).collect();
    if blocks.is_empty() {
        return None;
    }
    let mut out: Vec<&str> = Vec::new();
    let mut changed = false;
    let lines: Vec<&str> = text.split('\n').collect();
    for run in lines.chunk_by(|a, b| a.starts_with('>') == b.starts_with('>')) {
        let bare =
            |line: &&'_ str| line.strip_prefix('>').map_or("", |rest| rest.strip_prefix(' ').unwrap_or(rest)).len();
        let words = words(run.iter().map(|line| line.trim_start_matches('>')));
        let moved = run.first().is_some_and(|line| line.starts_with('>')) && blocks.contains(&words);
        changed |= moved;
        out.extend(
            run.iter().map(|line| if moved { line.get(line.len() - bare(line)..).unwrap_or(line) } else { line }),
        );
    }
    changed.then(|| out.join("\n"))
}

const NAME: &str = "blockquote";

/// Where such an element's tags begin.
struct Indent {
    open: usize,
    inside: usize,
    close: usize,
}

impl Indent {
    /// Its words, each behind one blank. `None` where nothing is left to draw on, too.
    fn words(&self, markup: &str) -> Option<String> {
        let markup = markup.get(self.inside..self.close).filter(|inside| budget::pay(inside.len()))?;
        let text = html::to_text(markup);
        Some(words(text.lines())).filter(|words| !words.is_empty())
    }
}

fn words<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

fn found(html: &str) -> Vec<Indent> {
    let mut out: Vec<Indent> = Vec::new();
    // Every one of them says so; most mails need no second look.
    if !html.contains("border") {
        return out;
    }
    // The open ones, those that are indents with their place in `out`.
    let mut open: Vec<Option<usize>> = Vec::new();
    for tag in Tags::of(html).filter(|tag| tag.name.eq_ignore_ascii_case(NAME)) {
        if tag.closes {
            if let Some(one) = open.pop().flatten().and_then(|place| out.get_mut(place)) {
                one.close = tag.start;
            }
        } else {
            let indent = out.len() < ELEMENTS && is_indent(tag.inside);
            open.push(indent.then_some(out.len()));
            out.extend(indent.then_some(Indent { open: tag.start, inside: tag.end, close: 0 }));
        }
    }
    // What is never closed, and what comes after, stays a quotation.
    out.truncate(out.iter().position(|one| one.close == 0).unwrap_or(out.len()));
    out
}

/// Without those inside of others, so that nothing is laid out twice.
fn outermost(found: Vec<Indent>) -> impl Iterator<Item = Indent> {
    let mut end = 0;
    found.into_iter().filter(move |one| {
        let is_inside = one.open < end;
        end = end.max(one.close);
        !is_inside
    })
}

fn is_indent(attributes: &str) -> bool {
    let style: String = values(attributes, "style").flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let plain = ["border:none", "border:0"].iter().any(|none| style.to_ascii_lowercase().contains(none));
    plain
        && !style.contains("border-left")
        && ["type", "class", "cite"].iter().all(|name| values(attributes, name).next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVED: &str = "<div>We need</div><blockquote style=\"margin:0 0 0 40px;border:none;padding:0px\"><div>20 blue chairs</div>\
                         <div>30 tables</div></blockquote><div class=gmail_quote>Eva:<blockquote class=gmail_quote>old</blockquote></div>";

    #[test]
    fn what_is_moved_to_the_right_is_no_quotation() {
        let text = html::to_text(&flat(MOVED));
        assert!(text.contains("\n20 blue chairs") && text.contains("> old"), "{text}");
        for quoted in [
            "<blockquote>old</blockquote>",
            "<blockquote type=cite style='border:none'>old</blockquote>",
            "<blockquote style='border:none;border-left:1px solid'>old</blockquote>",
            "<blockquote style='border:none'>old",
            "<blockquote style='border:none'>a<blockquote style='border:none'>b</blockquote>",
        ] {
            assert_eq!(flat(quoted), quoted);
        }
    }

    #[test]
    fn the_plain_part_beside_it_loses_its_marks() {
        let text = "We need\n\n> 20 blue chairs\n> 30 tables\n\nEva:\n\n> old\n";
        assert_eq!(beside(MOVED, text).as_deref(), Some("We need\n\n20 blue chairs\n30 tables\n\nEva:\n\n> old\n"));
        assert_eq!(beside(MOVED, "We need\n> 20 blue chairs\n> 31 tables"), None);
        assert_eq!(beside("<p>x</p>", text), None);
    }

    #[test]
    fn nothing_is_laid_out_twice_or_for_nothing() {
        const OPEN: &str = "<blockquote style=\"border:none\">";
        let nested = |levels: usize| {
            format!("{}{}{}<p>b", OPEN.repeat(levels), "<p>a</p>".repeat(500), "</blockquote>".repeat(levels))
        };
        let taken = |levels: usize, text: &str| budget::within(u64::MAX, || beside(&nested(levels), text)).1;
        let (once, often) = (taken(1, "> x"), taken(20, "> x"));
        assert!(often < 4 * once, "{once} {often}");
        assert_eq!(taken(20, "x > y"), 0);
        let scanned = |levels: usize| budget::within(u64::MAX, || found(&nested(levels)).len()).1;
        assert!(scanned(20) < 2 * scanned(1), "{} {}", scanned(1), scanned(20));
        assert_eq!(outermost(found(&format!("{}{}", nested(3), nested(2)))).count(), 2);
        let moved = format!("{OPEN}20 chairs{OPEN}and tables</blockquote></blockquote>");
        assert_eq!(beside(&moved, "> 20 chairs\n> > and tables").as_deref(), Some("20 chairs\n> and tables"));
        assert_eq!(budget::within(10, || beside(&moved, "> 20 chairs\n> > and tables")).0, None);
    }
}
