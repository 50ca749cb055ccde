//! Bytes of an address book -> text: byte order marks, UTF-8, else a guess among the older character sets.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

/// The text of `raw` and the name of the character set it was read in.
///
/// # Errors
/// When `named` is no character set of the Encoding Standard.
pub(super) fn decode(raw: &[u8], named: Option<&str>) -> Result<(String, &'static str), String> {
    let encoding = match named {
        Some(name) => Encoding::for_label(name.as_bytes())
            .ok_or_else(|| format!("--charset {name}: not known; try utf-8, windows-1252 or windows-1250"))?,
        None => guess(raw),
    };
    // A byte order mark wins over both.
    let (text, used, _) = encoding.decode(raw);
    Ok((text.into_owned(), used.name()))
}

fn guess(raw: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(raw).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(raw, true);
    detector.guess(None, Utf8Detection::Deny)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_utf_8_and_windows_1252_are_told_apart() {
        assert_eq!(decode("nom;é".as_bytes(), None).unwrap(), ("nom;é".to_owned(), "UTF-8"));
        assert_eq!(decode("\u{feff}nom".as_bytes(), None).unwrap().0, "nom");
        assert_eq!(
            decode(b"pr\xe9nom;soci\xe9t\xe9\nH\xe9l\xe8ne;Caf\xe9 de la Gare", None).unwrap().1,
            "windows-1252"
        );
        assert_eq!(decode(b"\xff\xfen\0o\0m\0", None).unwrap().0, "nom");
        assert_eq!(decode(b"\x8e", Some("windows-1250")).unwrap().0, "Ž");
        assert!(decode(b"", Some("klingon")).is_err());
    }
}
