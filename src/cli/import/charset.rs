//! The character set of an address book that is read in pieces: UTF-8, else a guess among the older ones. A byte order
//! mark wins over both when the text is decoded.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

/// Bytes looked at in one go.
pub(super) const PIECE: usize = 64 << 10;

/// The character set of this name.
///
/// # Errors
/// When `name` is none of the Encoding Standard.
pub(super) fn named(name: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(name.as_bytes())
        .ok_or_else(|| format!("--charset {name}: not known; try utf-8, windows-1252 or windows-1250"))
}

/// Hands `raw` to `each` piece by piece, to its end.
///
/// # Errors
/// Those of reading.
pub(super) fn pieces(raw: &mut impl Read, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match raw.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(n) => each(piece.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Whether a text is UTF-8, asked piece by piece: a character may be cut by the end of a piece.
#[derive(Debug, Default)]
pub(super) struct Utf8Check {
    broken: bool,
    cut: Vec<u8>,
}

impl Utf8Check {
    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        if self.broken {
            return;
        }
        let mut rest = piece;
        // At most three bytes are missing from a character that was cut.
        while !self.cut.is_empty() {
            let Some((first, others)) = rest.split_first() else { return };
            self.cut.push(*first);
            rest = others;
            match std::str::from_utf8(&self.cut) {
                Ok(_) => self.cut.clear(),
                Err(e) if e.error_len().is_none() => {}
                Err(_) => {
                    self.broken = true;
                    return;
                }
            }
        }
        if let Err(e) = std::str::from_utf8(rest) {
            self.broken = e.error_len().is_some();
            self.cut.extend_from_slice(rest.get(e.valid_up_to()..).unwrap_or_default());
        }
    }

    /// Whether all of it was.
    pub(super) const fn passed(&self) -> bool {
        !self.broken && self.cut.is_empty()
    }
}

/// The older character set that `raw` looks most like.
///
/// # Errors
/// Those of reading.
pub(super) fn guess(raw: &mut impl Read) -> io::Result<&'static Encoding> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    pieces(raw, |piece| {
        detector.feed(piece, false);
    })?;
    detector.feed(&[], true);
    Ok(detector.guess(None, Utf8Detection::Deny))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_utf_8(raw: &[u8], piece: usize) -> bool {
        let mut check = Utf8Check::default();
        raw.chunks(piece).for_each(|piece| check.feed(piece));
        check.passed()
    }

    #[test]
    fn a_character_that_a_piece_cuts_is_still_utf_8() {
        let text = "prénom;société\nHélène;東京 𐍈\n".as_bytes();
        let cut_off = &text[..text.len() - 2];
        let mixed = [text, b"pr\xe9nom;"].concat();
        for piece in 1..=text.len() {
            assert!(is_utf_8(text, piece), "{piece}");
            assert!(!is_utf_8(cut_off, piece), "{piece}: the end is missing");
            assert!(!is_utf_8(&mixed, piece), "{piece}");
        }
        assert!(is_utf_8(b"", 1) && !is_utf_8(b"\xff\xfen\0", 3));
    }

    #[test]
    fn an_older_set_is_guessed_whatever_the_pieces() {
        struct Drops<'a>(&'a [u8]);
        impl Read for Drops<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let some = into.len().min(3);
                self.0.read(&mut into[..some])
            }
        }
        let raw = b"pr\xe9nom;soci\xe9t\xe9\nH\xe9l\xe8ne;Caf\xe9 de la Gare";
        assert_eq!(guess(&mut &raw[..]).unwrap().name(), "windows-1252");
        assert_eq!(guess(&mut Drops(raw)).unwrap().name(), "windows-1252");
    }
}
