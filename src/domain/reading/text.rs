//! Plain text made fit to work on: line ends, control characters, flowed lines, length.

/// Line ends become LF; NUL and other control characters but tab vanish; at most `limit` bytes are kept.
/// The second value says whether text was cut.
pub fn clean(text: &str, limit: usize) -> (String, bool) {
    super::budget::pay(text.len());
    let mut out = String::with_capacity(text.len().min(limit));
    let mut rest = text;
    loop {
        // What stays as it is goes over in one piece.
        let (kept, tail) = rest.split_at(rest.bytes().position(may_change).unwrap_or(rest.len()));
        let room = limit - out.len();
        if kept.len() > room {
            out.push_str(super::body::cut(kept, room));
            return (out, true);
        }
        out.push_str(kept);
        let mut chars = tail.chars();
        let Some(c) = chars.next() else { return (out, false) };
        rest = chars.as_str();
        let c = match c {
            '\r' if rest.starts_with('\n') => continue,
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\u{feff}' => continue,
            c if c.is_control() && c != '\n' && c != '\t' => continue,
            c => c,
        };
        if out.len() + c.len_utf8() > limit {
            return (out, true);
        }
        out.push(c);
    }
}

/// Whether a character that begins with this byte may be another one afterwards: a control character, U+0080 to U+00BF,
/// U+2000 to U+2FFF, U+F000 to U+FFFF.
const fn may_change(byte: u8) -> bool {
    matches!(byte, 0..=0x8 | 0xb..=0x1f | 0x7f | 0xc2 | 0xe2 | 0xef)
}

pub use crate::domain::plain::kept_line as one_line;

/// [`one_line`], `None` when nothing is left.
pub fn non_empty_line(text: &str, limit: usize) -> Option<String> {
    Some(one_line(text, limit)).filter(|line| !line.is_empty())
}

/// Joins the soft line breaks of `format=flowed` text (RFC 3676); `delsp` drops the space that marks them.
pub fn unfold_flowed(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // Quote depth of an open paragraph, whose next line continues it.
    let mut open: Option<usize> = None;
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let depth = line.bytes().take_while(|&b| b == b'>').count();
        let body = line.get(depth..).unwrap_or_default();
        let body = body.strip_prefix(' ').unwrap_or(body);
        let signature = body == "-- ";
        match open {
            Some(before) if before == depth && !signature => {}
            _ => {
                if !out.is_empty() || open.is_some() {
                    out.push('\n');
                }
                if depth > 0 {
                    out.push_str(&">".repeat(depth.min(100)));
                    out.push(' ');
                }
            }
        }
        let flows = body.ends_with(' ') && !signature;
        out.push_str(if flows && delsp { body.strip_suffix(' ').unwrap_or(body) } else { body });
        if flows {
            open = Some(depth);
        } else {
            open = None;
            if out.is_empty() {
                // An empty first line still ends with a break.
                out.push('\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_breaks_are_joined_and_hard_ones_stay() {
        let flowed = "This is one \nline only.\n\nNext.\n> quoted \n> text\n-- \nEva";
        assert_eq!(unfold_flowed(flowed, false), "This is one line only.\n\nNext.\n> quoted text\n-- \nEva");
        assert_eq!(unfold_flowed("ab \ncd", true), "abcd");
    }

    #[test]
    fn cleaning_twice_is_cleaning_once() {
        let (once, cut) = clean("a\0b\r\nc\rd\u{1b}[0m\te", 100);
        assert_eq!(once, "ab\nc\nd[0m\te");
        assert!(!cut);
        assert_eq!(clean(&once, 100).0, once);
        assert_eq!(clean("éé", 3), ("é".to_owned(), true));
    }
}
