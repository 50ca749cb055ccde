//! Rich text -> plain text, as far as mail needs it, and the compression in which Outlook wraps it (MS-OXRTFCP).
//!
//! Linear in the bytes; groups are counted, not followed.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::budget;
use super::html;

/// What the window of the compression begins with.
const DICTIONARY: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \
    \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
/// Bytes of the window.
const WINDOW: usize = 4096;
/// Groups inside each other; deeper ones are not shown.
const DEPTH: usize = 500;

/// The rich text inside a compressed property. `None` when it is none; at most `limit` bytes.
#[must_use]
pub fn decompressed(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let kind = bytes.get(8..12)?;
    let content = bytes.get(16..)?;
    if kind == b"MELA" {
        return Some(content.get(..limit).unwrap_or(content).to_vec());
    }
    if kind != b"LZFu" {
        return None;
    }
    let size = usize::try_from(u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?)).ok()?.min(limit);
    let mut window = [b' '; WINDOW];
    for (slot, byte) in window.iter_mut().zip(DICTIONARY) {
        *slot = *byte;
    }
    let (mut at, mut out, mut input) = (DICTIONARY.len(), Vec::new(), content.iter().copied());
    while out.len() < size {
        let Some(control) = input.next() else { break };
        for bit in 0..8 {
            if control >> bit & 1 == 0 {
                let Some(byte) = input.next() else { return Some(out) };
                put(&mut window, &mut at, &mut out, byte);
                continue;
            }
            let (Some(high), Some(low)) = (input.next(), input.next()) else { return Some(out) };
            let pair = usize::from(u16::from_be_bytes([high, low]));
            let (from, length) = (pair >> 4, (pair & 15) + 2);
            if from == at % WINDOW {
                return Some(out);
            }
            for step in 0..length {
                let byte = window.get((from + step) % WINDOW).copied().unwrap_or(b' ');
                put(&mut window, &mut at, &mut out, byte);
            }
        }
    }
    out.truncate(size);
    Some(out)
}

fn put(window: &mut [u8; WINDOW], at: &mut usize, out: &mut Vec<u8>, byte: u8) {
    if let Some(slot) = window.get_mut(*at % WINDOW) {
        *slot = byte;
    }
    *at = (*at + 1) % WINDOW;
    out.push(byte);
}

/// What is to be done with the words of a group.
#[derive(Clone, Copy)]
struct Group {
    /// Fonts, colours, pictures: never text.
    hidden: bool,
    /// Markup of the HTML that was wrapped into rich text.
    markup: bool,
    /// Rich text beside that HTML.
    beside: bool,
    /// Characters that stand in for one of Unicode.
    fallback: usize,
}

/// Groups that hold no text.
const HIDDEN: [&str; 16] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "header",
    "footer",
    "listtable",
    "listoverridetable",
    "generator",
    "themedata",
    "datastore",
    "xmlnstbl",
    "fldinst",
    "rsidtbl",
];

/// A document being read.
struct Reader<'a> {
    rest: &'a [u8],
    encoding: &'static Encoding,
    open: Vec<Group>,
    now: Group,
    is_html: bool,
    /// Bytes in the document's code page, not yet decoded.
    pending: Vec<u8>,
    /// Characters still to be passed over.
    skip: usize,
    out: String,
    limit: usize,
}

/// The text of a document. `None` when the bytes are none; at most `limit` bytes are read.
#[must_use]
pub fn to_text(bytes: &[u8], limit: usize) -> Option<String> {
    let rest = bytes.get(..limit).unwrap_or(bytes);
    (rest.starts_with(b"{\\rtf") && budget::pay(4 * rest.len())).then_some(())?;
    let now = Group { hidden: false, markup: false, beside: false, fallback: 1 };
    let mut reader = Reader {
        rest,
        encoding: WINDOWS_1252,
        open: Vec::new(),
        now,
        is_html: false,
        pending: Vec::new(),
        skip: 0,
        out: String::new(),
        limit,
    };
    reader.run();
    Some(if reader.is_html { html::to_text(&reader.out) } else { reader.out })
}

impl Reader<'_> {
    fn run(&mut self) {
        while let Some((&byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            match byte {
                b'{' => {
                    self.flush();
                    if self.open.len() < DEPTH {
                        self.open.push(self.now);
                    } else {
                        self.now.hidden = true;
                    }
                }
                b'}' => {
                    self.flush();
                    if let Some(group) = self.open.pop() {
                        self.now = group;
                    }
                }
                b'\\' => self.control(),
                b'\r' | b'\n' => {}
                _ => self.byte(byte),
            }
            if self.out.len() > self.limit {
                break;
            }
        }
        self.flush();
    }

    /// Whether words here are part of the text (of a wrapped HTML document: of its source).
    const fn is_shown(&self) -> bool {
        !(self.now.hidden || self.is_html && self.now.beside && !self.now.markup)
    }

    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.is_shown() {
            self.pending.push(byte);
        }
    }

    fn text(&mut self, text: &str) {
        self.flush();
        if self.is_shown() {
            self.out.push_str(text);
        }
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let (text, _) = self.encoding.decode_without_bom_handling(&self.pending);
            self.out.push_str(&text);
            self.pending.clear();
        }
    }

    fn control(&mut self) {
        let Some((&first, rest)) = self.rest.split_first() else { return };
        if !first.is_ascii_alphabetic() {
            self.rest = rest;
            return self.symbol(first);
        }
        let letters = self.rest.iter().take(32).take_while(|b| b.is_ascii_alphabetic()).count();
        let (word, rest) = self.rest.split_at(letters);
        let digits = rest.iter().take(11).enumerate();
        let digits = digits.take_while(|(i, b)| b.is_ascii_digit() || *i == 0 && **b == b'-').count();
        let (number, rest) = rest.split_at(digits);
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let word = std::str::from_utf8(word).unwrap_or_default().to_owned();
        let number = std::str::from_utf8(number).ok().and_then(|n| n.parse::<i32>().ok());
        self.word(&word, number);
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'\'' => {
                let Some((digits, rest)) = self.rest.split_at_checked(2) else { return };
                self.rest = rest;
                let byte = std::str::from_utf8(digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                self.byte(byte.unwrap_or(b'?'));
            }
            b'*' => self.star(),
            b'~' => self.text("\u{a0}"),
            b'_' => self.text("-"),
            b'\\' | b'{' | b'}' => self.byte(symbol),
            b'\r' | b'\n' => self.text("\n"),
            _ => {}
        }
    }

    /// `\*` begins a group that older readers pass over; only the one with HTML in it is of use.
    fn star(&mut self) {
        if self.rest.starts_with(b"\\htmltag") {
            (self.now.markup, self.now.hidden) = (true, false);
        } else {
            self.now.hidden = true;
        }
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        match word {
            "fromhtml" => self.is_html = true,
            "htmlrtf" => {
                self.flush();
                self.now.beside = number != Some(0);
            }
            "ansicpg" => {
                let page = number.unwrap_or(1252);
                let label = if page == 65_001 { "utf-8".to_owned() } else { format!("windows-{page}") };
                self.encoding = super::charset::by_label(&label)
                    .or_else(|| super::charset::by_label(&format!("cp{page}")))
                    .unwrap_or(WINDOWS_1252);
            }
            "uc" => self.now.fallback = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(10),
            "u" => {
                // Negative numbers are those above 32767.
                let code = number.unwrap_or(0).rem_euclid(65_536);
                let c = u32::try_from(code).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
                self.text(c.encode_utf8(&mut [0; 4]));
                self.skip = self.now.fallback;
            }
            "par" | "line" | "row" | "sect" | "page" => self.text("\n"),
            "tab" | "cell" => self.text("\t"),
            "emdash" => self.text("—"),
            "endash" => self.text("–"),
            "bullet" => self.text("•"),
            "lquote" => self.text("‘"),
            "rquote" => self.text("’"),
            "ldblquote" => self.text("“"),
            "rdblquote" => self.text("”"),
            word if HIDDEN.contains(&word) => self.now.hidden = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rtf: &str) -> String {
        to_text(rtf.as_bytes(), 100_000).unwrap()
    }

    #[test]
    fn words_are_read_and_what_is_beside_them_is_not() {
        let rtf = "{\\rtf1\\ansi\\ansicpg1250{\\fonttbl{\\f0 Arial;}}{\\*\\generator Word;}\\f0 Dobr\\'fd den,\\par \
                   cena \\u8364?100\\tab \\{ok\\}\\par}";
        assert_eq!(text(rtf), "Dobrý den,\ncena €100\t{ok}\n");
        assert_eq!(to_text(b"Hello", 100), None);
    }

    #[test]
    fn html_inside_rich_text_is_unwrapped() {
        let rtf = "{\\rtf1\\ansi\\fromhtml1 {\\*\\htmltag64 <p>}\\htmlrtf \\par\\htmlrtf0 Hello {\\*\\htmltag84 <b>}you{\\*\\htmltag92 </b>}\
                   {\\*\\htmltag72 </p>}}";
        assert_eq!(text(rtf).trim(), "Hello you");
    }

    #[test]
    fn the_compression_is_undone() {
        // Literal bytes, then a reference into what the window begins with.
        let mut bytes = Vec::new();
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(11_u32.to_le_bytes());
        bytes.extend(b"LZFu\0\0\0\0");
        // A reference to offset 0, six bytes (`{\rtf1`); then five literals.
        bytes.extend([0b0000_0001, 0x00, 0x04]);
        bytes.extend(b" abc}");
        assert_eq!(decompressed(&bytes, 1_000).unwrap(), b"{\\rtf1 abc}");
    }

    #[test]
    fn any_bytes_end() {
        let deep = format!("{{\\rtf1 {}", "{".repeat(100_000));
        assert_eq!(text(&deep), "");
        for odd in ["{\\rtf1\\", "{\\rtf1\\'", "{\\rtf1\\'z", "{\\rtf1\\u", "{\\rtf1\\u-1", "{\\rtf1}}}}}}x"] {
            let _ = text(odd);
        }
        assert_eq!(decompressed(b"", 10), None);
    }
}
