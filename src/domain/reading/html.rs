//! HTML -> readable text, bounded: hostile nesting never reaches the tree builder.
//!
//! The tree builder's work grows with depth times length, so markup that is too deep or too long takes the linear
//! path of the mail parser, which keeps the words and loses the layout.

use std::borrow::Cow;

use html2text::config;
use html2text::render::TextDecorator;

use super::budget;
use super::lean;
use super::markup_scan::{self, Tags};
use super::shorthand::Shorthand;

/// Longest markup laid out properly, in bytes.
const LAYOUT_BYTES: usize = 1_000_000;
/// Wide enough that no paragraph wraps.
const WIDTH: usize = 100_000;
/// Steps that a byte of markup costs to lay out.
const LOOKS: usize = 20;

/// What is laid out for a rule, which would be drawn as wide as the page.
const RULE: &str = "<br>________________<br>";

/// Text of `html`: one line a block, table cells on lines of their own, quotations prefixed by `> `, links by text.
pub fn to_text(html: &str) -> String {
    in_bounds(html).unwrap_or_else(|| mail_parser::decoders::html::html_to_text(html))
}

/// The text of a markup that can be laid out in a bounded time. What is counted is what is laid out.
fn in_bounds(html: &str) -> Option<String> {
    if html.len() > LAYOUT_BYTES {
        return None;
    }
    let html = with_short_rules(html);
    // Laying out takes the tree builder and the writer many looks at each byte.
    if !markup_scan::is_bounded(&html) || !budget::pay(LOOKS * html.len()) {
        return None;
    }
    let short = Shorthand::of(&html);
    let restored = short.and_then(|short| short.restore(&laid_out(&short.markup)?));
    Some(restored.or_else(|| laid_out(&html))?.replace('\u{a0}', " "))
}

/// `html` with every `<hr>` replaced, no matter what stands in its attributes.
fn with_short_rules(html: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    let mut tags = Tags { html, at: 0 };
    while let Some(tag) = tags.next() {
        if tag.closes || !tag.name.eq_ignore_ascii_case("hr") {
            continue;
        }
        out.push_str(html.get(done..tag.start).unwrap_or_default());
        out.push_str(RULE);
        done = tag.end;
        // A quotation mark that is never closed takes no words with it.
        if tag.end == html.len() {
            done = tag.inside.find('>').map_or(done, |end| tag.end - tag.inside.len() + end + 1);
            tags.at = done;
        }
    }
    if done == 0 {
        return Cow::Borrowed(html);
    }
    out.push_str(html.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// The text of a markup as a page shows it.
pub(super) fn laid_out(html: &str) -> Option<String> {
    config::with_decorator(Plain)
        .raw_mode(true)
        .allow_width_overflow()
        .link_footnotes(false)
        .string_from_read(lean::narrow(html).as_bytes(), WIDTH)
        .ok()
}

/// Nothing but the words, with quotation marks that the quote rules know.
#[derive(Debug, Clone)]
struct Plain;

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, _url: &str) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_link_end(&mut self) -> String {
        String::new()
    }
    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_em_end(&self) -> String {
        String::new()
    }
    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_strong_end(&self) -> String {
        String::new()
    }
    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }
    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_code_end(&self) -> String {
        String::new()
    }
    fn decorate_preformat_first(&self) {}
    fn decorate_preformat_cont(&self) {}
    fn decorate_image(&mut self, _src: &str, _title: &str) -> (String, ()) {
        (String::new(), ())
    }
    fn header_prefix(&self, _level: usize) -> String {
        String::new()
    }
    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }
    fn unordered_item_prefix(&self) -> String {
        "* ".to_owned()
    }
    fn ordered_item_prefix(&self, i: i64) -> String {
        format!("{i}. ")
    }
    fn decorate_superscript_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_superscript_end(&self) -> String {
        String::new()
    }
    fn make_subblock_decorator(&self) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_quotes_and_cells_come_out() {
        let text = to_text(
            "<html><head><style>p{}</style></head><body><p>Hello <b>you</b></p><hr><table><tr><td>Name</td><td>Eva</td>\
             </tr></table><blockquote>old</blockquote><script>x</script></body></html>",
        );
        for wanted in ["Hello you", "Name\n", "Eva", "> old"] {
            assert!(text.contains(wanted), "{wanted:?} in {text:?}");
        }
        assert!(!text.contains("p{}") && !text.contains('x'));
    }

    #[test]
    fn what_is_counted_is_what_is_laid_out() {
        assert_eq!(
            with_short_rules("a<hr>b<HR id='>' /><!-- <hr> --></hr>c"),
            format!("a{RULE}b{RULE}<!-- <hr> --></hr>c")
        );
        assert_eq!(with_short_rules("a<hr id=\">b<hr>c"), format!("a{RULE}b{RULE}c"));
        let deep = format!("<p>20 chairs</p><hr id=\">x{}", "<ul><li>".repeat(1_000));
        assert_eq!(in_bounds(&deep), None, "the mark hides it from one who counts first");
        assert_eq!(in_bounds(&"<hr>".repeat(20_000)), None, "a rule is two line breaks");
        assert!(in_bounds(&"<p>a</p>\n<hr>\n".repeat(500)).is_some());
    }

    #[test]
    fn deep_nesting_takes_the_linear_path() {
        let bomb = format!("{}deep{}", "<div>".repeat(50_000), "</div>".repeat(50_000));
        assert!(to_text(&bomb).contains("deep"));
    }
}
