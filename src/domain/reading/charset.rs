//! Bytes of unknown or wrongly labelled charset -> text. Total: whatever comes in, text comes out.
//!
//! Order: the label (WHATWG names and the aliases mail uses), unless the bytes contradict it; UTF-8 when they are valid
//! UTF-8; the statistical guess of chardetng; windows-1252 where that guess cannot say more.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// Bytes looked at for a guess; more changes nothing.
const GUESS_BYTES: usize = 65_536;

/// Text, and how sure its charset is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// The name of a charset that was guessed because the label was missing, unknown or wrong.
    pub guessed: Option<&'static str>,
    /// Bytes that mean nothing in the charset became U+FFFD.
    pub damaged: bool,
}

/// The encoding a charset label names. `None` for unknown labels and for `us-ascii`, which says nothing about 8-bit
/// bytes. Knows what mail writes beside the WHATWG labels: `1252`, `cp1252`, `x-cp1256`, `win-1250`, `latin-1`.
pub fn by_label(label: &str) -> Option<&'static Encoding> {
    let lower = label.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    if matches!(lower.as_str(), "" | "us-ascii" | "ascii" | "ansi_x3.4-1968" | "default" | "unknown" | "unknown-8bit") {
        return None;
    }
    if let Some(found) = Encoding::for_label(lower.as_bytes()) {
        return Some(found);
    }
    let bare = lower.strip_prefix("x-").unwrap_or(&lower).replace(['_', ' '], "-");
    let digits: String = bare.chars().filter(char::is_ascii_digit).collect();
    let alias = match bare.as_str() {
        "utf-8mb4" | "unicode-1-1-utf-8" => "utf-8".to_owned(),
        "latin-1" => "iso-8859-1".to_owned(),
        "latin-2" => "iso-8859-2".to_owned(),
        "gb18030-2000" => "gb18030".to_owned(),
        "cp936" | "ms936" | "gb-2312" => "gbk".to_owned(),
        "cp932" | "ms932" | "sjis-win" => "shift_jis".to_owned(),
        "cp949" | "ms949" => "euc-kr".to_owned(),
        "cp950" | "ms950" => "big5".to_owned(),
        _ if digits.len() == 4 && digits.starts_with("125") => format!("windows-{digits}"),
        _ if bare.starts_with("iso8859") || bare.starts_with("8859") => {
            format!("iso-8859-{}", digits.strip_prefix("8859").unwrap_or_default())
        }
        _ if bare.starts_with("utf8") => "utf-8".to_owned(),
        _ => bare,
    };
    Encoding::for_label(alias.as_bytes())
}

/// Decodes `bytes` that are said to be in the charset `label`.
pub fn decode(bytes: &[u8], label: Option<&str>) -> Decoded {
    let labelled = label.and_then(by_label);
    let utf8 = std::str::from_utf8(bytes).ok();
    match labelled {
        // ISO-2022 and UTF-16 look like ASCII and like nothing; their label is all there is.
        Some(encoding) if encoding != UTF_8 => {
            let contradicted = encoding.is_single_byte() && utf8.is_some() && !bytes.is_ascii();
            if let (true, Some(text)) = (contradicted, utf8) {
                return Decoded { text: text.to_owned(), guessed: Some("UTF-8"), damaged: false };
            }
            let (text, damaged) = encoding.decode_without_bom_handling(bytes);
            if damaged && !encoding.is_single_byte() && utf8.is_some() {
                return guess(bytes);
            }
            Decoded { text: text.into_owned(), guessed: None, damaged }
        }
        _ => match utf8 {
            Some(text) if !looks_like_iso_2022(bytes) => {
                let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
                Decoded { text, guessed: None, damaged: false }
            }
            _ => match label.and_then(|l| mail_parser::decoders::charsets::map::charset_decoder(l.as_bytes())) {
                // UTF-7 and the few others only the mail parser knows.
                Some(decoder) if labelled.is_none() => Decoded { text: decoder(bytes), guessed: None, damaged: false },
                _ => guess(bytes),
            },
        },
    }
}

/// ASCII bytes with ISO-2022-JP escapes.
fn looks_like_iso_2022(bytes: &[u8]) -> bool {
    let is_escape = |at| matches!(bytes.get(at..), Some([_, b'$', b'B' | b'@', ..] | [_, b'(', b'J', ..]));
    bytes.is_ascii() && memchr::memchr_iter(0x1b, bytes).any(is_escape)
}

/// Decodes without a usable label.
pub fn guess(bytes: &[u8]) -> Decoded {
    // Mostly UTF-8 with a few bad bytes (a cut text): repairing beats reading it all as something else.
    if let Err(error) = std::str::from_utf8(bytes)
        && bytes.len() - error.valid_up_to() <= 3
        && bytes.get(..error.valid_up_to()).is_some_and(|head| !head.is_ascii())
    {
        return Decoded { text: String::from_utf8_lossy(bytes).into_owned(), guessed: Some("UTF-8"), damaged: true };
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes.get(..GUESS_BYTES).unwrap_or(bytes), true);
    let encoding = detector.guess(None, Utf8Detection::Allow);
    let (text, damaged) = encoding.decode_without_bom_handling(bytes);
    if damaged {
        let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
        return Decoded { text: text.into_owned(), guessed: Some(WINDOWS_1252.name()), damaged: false };
    }
    Decoded { text: text.into_owned(), guessed: Some(encoding.name()), damaged: false }
}

/// A header section in UTF-8: raw 8-bit fields that are not UTF-8 are decoded by the body's charset, else by guess.
/// Borrowed when nothing had to be done.
pub fn headers_as_utf8<'a>(section: &'a [u8], body_charset: Option<&str>) -> Cow<'a, [u8]> {
    if memchr::memchr(0, section).is_some() {
        let shown: Vec<u8> = section.iter().copied().filter(|byte| *byte != 0).collect();
        return Cow::Owned(headers_as_utf8(&shown, body_charset).into_owned());
    }
    if std::str::from_utf8(section).is_ok() {
        return Cow::Borrowed(section);
    }
    let mut out = Vec::with_capacity(section.len() + section.len() / 8);
    for line in section.split_inclusive(|&b| b == b'\n') {
        if std::str::from_utf8(line).is_ok() {
            out.extend_from_slice(line);
            continue;
        }
        let by_body = body_charset.and_then(by_label).filter(|e| *e != UTF_8);
        let labelled = by_body.map(|e| e.decode_without_bom_handling(line)).filter(|(_, damaged)| !damaged);
        match labelled {
            Some((text, _)) => out.extend_from_slice(text.as_bytes()),
            None => out.extend_from_slice(guess(line).text.as_bytes()),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_as_mail_writes_them_are_known() {
        for (label, name) in [
            ("1252", "windows-1252"),
            ("cp1256", "windows-1256"),
            ("x-cp1250", "windows-1250"),
            ("WIN-1251", "windows-1251"),
            ("iso8859-2", "ISO-8859-2"),
            ("\"ISO-8859-15\"", "ISO-8859-15"),
            ("utf8", "UTF-8"),
            ("cp932", "Shift_JIS"),
        ] {
            assert_eq!(by_label(label).map(Encoding::name), Some(name), "{label}");
        }
        assert!(by_label("us-ascii").is_none() && by_label("nonsense").is_none());
    }

    #[test]
    fn accents_survive_missing_and_wrong_labels() {
        assert_eq!(decode(b"caf\xe9 \xe0 Paris, tr\xe8s int\xe9ressant", None).text, "café à Paris, très intéressant");
        assert_eq!(decode(b"caf\xe9 \xe0 Paris, tr\xe8s", Some("utf-8")).text, "café à Paris, très");
        assert_eq!(decode("café".as_bytes(), Some("iso-8859-1")).text, "café");
        assert_eq!(decode(b"\x80 100", Some("iso-8859-1")).text, "€ 100");
        assert_eq!(decode(b"caf\xe9", Some("us-ascii")).text, "café");
        assert_eq!(
            decode(b"P\xf8\xedli\x9a \x9elu\x9dou\xe8k\xfd k\xf9\xf2", Some("1250")).text,
            "Příliš žluťoučký kůň"
        );
    }

    #[test]
    fn japanese_in_seven_bits_is_recognised_without_a_label() {
        assert_eq!(decode(b"\x1b$B$3$s\x1b(B", None).text, "こん");
    }
}
