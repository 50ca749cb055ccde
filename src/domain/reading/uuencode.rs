//! Files that old programs write into the text (uuencode), told apart from the words around them.
//!
//! One walk over the lines; a beginning without proper lines behind it stays text.

use super::budget;

/// Files cut out of one text.
const FILES: usize = 50;

/// One file, its bytes not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Name as written.
    pub name: String,
    /// Bytes once decoded.
    pub size: u64,
}

/// The text without its files, and the files.
#[must_use]
pub fn cut(text: &str) -> (String, Vec<Encoded>) {
    let mut files = Vec::new();
    if !text.contains("begin ") {
        return (text.to_owned(), files);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    budget::pay(text.len());
    while !rest.is_empty() {
        let (line, behind) = first_line(rest);
        let found = begins(line).filter(|_| files.len() < FILES).and_then(|name| Some((name, body(behind)?)));
        if let Some((name, (size, after))) = found {
            files.push(Encoded { name: name.to_owned(), size });
            rest = after;
        } else {
            out.push_str(rest.get(..rest.len() - behind.len()).unwrap_or_default());
            rest = behind;
        }
    }
    (out, files)
}

/// A line without its end, and what follows it.
fn first_line(text: &str) -> (&str, &str) {
    match text.split_once('\n') {
        Some((line, rest)) => (line.strip_suffix('\r').unwrap_or(line), rest),
        None => (text, ""),
    }
}

/// The name in `begin 644 plan.pdf`.
fn begins(line: &str) -> Option<&str> {
    let (mode, name) = line.strip_prefix("begin ")?.split_once(' ')?;
    let is_mode = (3..=4).contains(&mode.len()) && mode.bytes().all(|b| (b'0'..=b'7').contains(&b));
    Some(name.trim()).filter(|name| is_mode && !name.is_empty() && name.len() <= 255)
}

/// Size of the encoded lines and what follows `end`; `None` when the first line is none.
fn body(text: &str) -> Option<(u64, &str)> {
    let (mut size, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let (line, behind) = first_line(rest);
        if line.trim_end() == "end" {
            return Some((size, behind));
        }
        let Some(length) = encoded(line) else { break };
        size += length;
        rest = behind;
    }
    // Cut off: what was proper is the file.
    (size > 0).then_some((size, rest))
}

/// Bytes that a line encodes.
fn encoded(line: &str) -> Option<u64> {
    let Some((&first, data)) = line.as_bytes().split_first() else { return Some(0) };
    if !(b' '..=b'`').contains(&first) || !data.iter().all(|b| (b' '..=b'`').contains(b)) {
        return None;
    }
    let length = usize::from((first - b' ') & 63);
    let full = length.div_ceil(3) * 4;
    // Mailers cut spaces at the end; some writers add a mark behind.
    (data.len() <= full + 2 && (data.len() + 4 > full || length <= 3)).then_some(length as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_out_and_the_words_stay() {
        let text = "Hello,\nsee:\nbegin 644 cat.txt\n#0V%T\n`\nend\nBye\n";
        let (words, files) = cut(text);
        assert_eq!(words, "Hello,\nsee:\nBye\n");
        assert_eq!(files, [Encoded { name: "cat.txt".to_owned(), size: 3 }]);
    }

    #[test]
    fn words_that_only_look_so_stay_words() {
        for text in [
            "begin 644 things\nwe like to do this year\n",
            "begin with this\nend\n",
            "Let us begin 123 a\n",
            "begin 999 x\n#0V%T\nend\n",
            "begin 644 x",
        ] {
            assert_eq!(cut(text), (text.to_owned(), Vec::new()), "{text}");
        }
    }

    #[test]
    fn a_file_without_an_end_takes_only_its_own_lines() {
        let (words, files) = cut("begin 644 cat.txt\r\n#0V%T\r\nthen we go on\r\n");
        assert_eq!((words.as_str(), files.len()), ("then we go on\r\n", 1));
    }
}
