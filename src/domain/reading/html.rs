//! HTML -> readable text, bounded: hostile nesting never reaches the tree builder.
//!
//! The tree builder's work grows with depth times length, so markup that is too deep or too long takes the linear
//! path of the mail parser, which keeps the words and loses the layout.

use std::sync::LazyLock;

use html2text::config;
use html2text::render::TextDecorator;
use regex::Regex;

use super::budget;
use super::lean;
use super::markup_scan;
use super::shorthand::Shorthand;

/// Longest markup laid out properly, in bytes.
const LAYOUT_BYTES: usize = 1_000_000;
/// Wide enough that no paragraph wraps.
const WIDTH: usize = 100_000;
/// Steps that a byte of markup costs to lay out.
const LOOKS: usize = 20;

static RULE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)<hr\b[^>]*>").ok());

/// Text of `html`: one line a block, table cells on lines of their own, quotations prefixed by `> `, links by text.
pub fn to_text(html: &str) -> String {
    // Laying out takes the tree builder and the writer many looks at each byte.
    if html.len() > LAYOUT_BYTES || !markup_scan::is_bounded(html) || !budget::pay(LOOKS * html.len()) {
        return mail_parser::decoders::html::html_to_text(html);
    }
    // A rule would be drawn as wide as the page.
    let html = RULE.as_ref().map_or(html.into(), |rule| rule.replace_all(html, "<br>________________<br>"));
    let short = Shorthand::of(&html);
    let restored = short.and_then(|short| short.restore(&laid_out(&short.markup)?));
    match restored.or_else(|| laid_out(&html)) {
        Some(text) => text.replace('\u{a0}', " "),
        None => mail_parser::decoders::html::html_to_text(&html),
    }
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
    fn deep_nesting_takes_the_linear_path() {
        let bomb = format!("{}deep{}", "<div>".repeat(50_000), "</div>".repeat(50_000));
        assert!(to_text(&bomb).contains("deep"));
    }
}
