//! Markup without what costs much and says nothing: long white space, and pictures written into attributes.

use std::borrow::Cow;

/// White space in a row that layout makes one blank of, in bytes; what is as long where lines are kept as they are.
const BLANKS: usize = 8;
const KEPT_BLANKS: usize = 200;
/// Shortest picture that is taken out, in bytes.
const PICTURE: usize = 1_000;

/// `html` with each long white space as one line break: layout goes through it again for every block behind it.
pub(super) fn narrow(html: &str) -> Cow<'_, str> {
    let keeps = memchr::memmem::find(html.as_bytes(), b"pre").is_some();
    let keeps = keeps || memchr::memmem::find(html.as_bytes(), b"PRE").is_some();
    let (most, left) = if keeps { (KEPT_BLANKS, KEPT_BLANKS) } else { (BLANKS, 1) };
    rewritten(html, |rest| {
        let blank = |b: &u8| b.is_ascii_whitespace();
        let start = rest.as_bytes().iter().position(blank)?;
        let length = rest.as_bytes().iter().skip(start).take_while(|b| blank(b)).count();
        Some((start, length, if length > most { left } else { length }))
    })
}

/// `html` without the bytes of pictures (RFC 2397) in its attributes.
pub(super) fn without_pictures(html: &str) -> Cow<'_, str> {
    rewritten(html, |rest| {
        let start = memchr::memmem::find(rest.as_bytes(), b";base64,")? + ";base64,".len();
        let of_code = |b: &&u8| b.is_ascii_alphanumeric() || b"+/=\r\n".contains(b);
        let length = rest.as_bytes().iter().skip(start).take_while(of_code).count();
        Some((start, length, if length >= PICTURE { 0 } else { length }))
    })
}

/// Copies `html`, each found run (where it begins, its bytes, how many of them stay) shortened. One pass.
fn rewritten(html: &str, find: impl Fn(&str) -> Option<(usize, usize, usize)>) -> Cow<'_, str> {
    let (mut out, mut kept, mut at) = (String::new(), 0, 0);
    while let Some((start, length, stays)) = html.get(at..).and_then(&find) {
        let end = at + start + length;
        if stays < length {
            out.push_str(html.get(kept..at + start + stays).unwrap_or_default());
            kept = end;
        }
        at = end;
    }
    if kept == 0 {
        return Cow::Borrowed(html);
    }
    out.push_str(html.get(kept..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_white_space_is_one() {
        assert_eq!(narrow(&format!("a{}<hr>b  c", "\n".repeat(300))), "a\n<hr>b  c");
        assert_eq!(narrow(&format!("{}a{}", " ".repeat(9), "\t ".repeat(9))), " a\t");
        assert_eq!(narrow("a b\n c"), "a b\n c");
        assert_eq!(narrow(&format!("<pre>a{}b", " ".repeat(300))).len(), "<pre>ab".len() + KEPT_BLANKS);
        assert_eq!(narrow(""), "");
    }

    #[test]
    fn pictures_in_attributes_are_taken_out() {
        let picture = "iVBORw0K".repeat(200);
        let html = format!("<p>a</p><img src=\"data:image/png;base64,{picture}\"><p>20 chairs ;base64,QUJD</p>");
        assert_eq!(
            without_pictures(&html),
            "<p>a</p><img src=\"data:image/png;base64,\"><p>20 chairs ;base64,QUJD</p>"
        );
        assert_eq!(without_pictures("x ;base64,"), "x ;base64,");
    }
}
