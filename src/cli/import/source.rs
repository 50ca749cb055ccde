//! The file of an import: looked at once for its length, digest and character set, then read as text, piece by piece.
//! What cannot be read twice (standard input, a pipe) is kept in a file without a name first.

use std::fs::File;
use std::io::{self, Read, Seek as _, Take};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};

use super::charset::{self, PIECE, Utf8Check};
use crate::domain::plain;

/// Longest row or card, in bytes of text. A quotation mark that nobody closed takes everything behind it for one row.
pub(super) const LONGEST: u64 = 16 << 20;

/// A file that can be read from its beginning.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    /// Bytes.
    pub(super) length: u64,
    /// BLAKE3 of its bytes.
    pub(super) digest: blake3::Hash,
    /// What it is decoded from, unless a byte order mark says otherwise.
    pub(super) encoding: &'static Encoding,
}

impl Source {
    /// Opens `path` (`-` is standard input) and finds out what there is to know before it is read.
    ///
    /// # Errors
    /// When it cannot be read, or `charset` is no character set.
    pub(super) fn open(path: &Path, charset: Option<&str>) -> anyhow::Result<Self> {
        let named = charset.map(charset::named).transpose().map_err(anyhow::Error::msg)?;
        if path.as_os_str() == "-" {
            let file = spooled(&mut io::stdin().lock()).context("cannot read standard input")?;
            return Self::of(file, named).context("cannot read standard input");
        }
        let shown = plain::path(path);
        anyhow::ensure!(!path.is_dir(), "{shown} is a folder: name a file in it");
        let opened = || {
            let mut file = File::open(path)?;
            Self::of(if file.metadata()?.is_file() { file } else { spooled(&mut file)? }, named)
        };
        opened().with_context(|| format!("cannot read {shown}"))
    }

    fn of(mut file: File, named: Option<&'static Encoding>) -> io::Result<Self> {
        file.rewind()?;
        let (mut length, mut digest, mut utf_8) = (0, blake3::Hasher::new(), Utf8Check::default());
        charset::pieces(&mut file, |piece| {
            length += piece.len() as u64;
            digest.update(piece);
            utf_8.feed(piece);
        })?;
        file.rewind()?;
        let encoding = match named {
            Some(encoding) => encoding,
            None if utf_8.passed() => UTF_8,
            None => charset::guess(&mut (&file).take(length))?,
        };
        file.rewind()?;
        Ok(Self { file, length, digest: digest.finalize(), encoding })
    }

    /// The text of it, from the beginning.
    pub(super) fn text(self, meter: &Arc<Meter>) -> Text {
        Text {
            // What is added to the file meanwhile belongs to the next import.
            file: self.file.take(self.length),
            expected: self.digest,
            digest: blake3::Hasher::new(),
            decoder: self.encoding.new_decoder(),
            raw: vec![0; PIECE],
            decoded: String::new(),
            given: 0,
            ended: false,
            meter: Arc::clone(meter),
        }
    }
}

/// A copy without a name, in the folder for temporary files.
fn spooled(from: &mut impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(from, &mut file)?;
    Ok(file)
}

/// How far the file was read.
#[derive(Debug, Default)]
pub(super) struct Meter {
    read: AtomicU64,
    row: AtomicU64,
}

impl Meter {
    /// Bytes of the file read so far.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// A row or card ended here.
    pub(super) fn row_ended(&self) {
        self.row.store(0, Ordering::Relaxed);
    }
}

/// A file as UTF-8, decoded while it is read.
pub(super) struct Text {
    file: Take<File>,
    expected: blake3::Hash,
    digest: blake3::Hasher,
    decoder: Decoder,
    raw: Vec<u8>,
    decoded: String,
    given: usize,
    ended: bool,
    meter: Arc<Meter>,
}

impl Text {
    fn fill(&mut self) -> io::Result<()> {
        let n = self.file.read(&mut self.raw)?;
        let raw = self.raw.get(..n).unwrap_or_default();
        self.digest.update(raw);
        self.meter.read.fetch_add(n as u64, Ordering::Relaxed);
        self.ended = n == 0;
        if self.ended && self.digest.finalize() != self.expected {
            return Err(io::Error::other("the file was changed while it was read; import it again"));
        }
        self.given = 0;
        self.decoded.clear();
        let mut rest = raw;
        loop {
            self.decoded.reserve(self.decoder.max_utf8_buffer_length(rest.len()).unwrap_or(4 * PIECE));
            let (result, read, _) = self.decoder.decode_to_string(rest, &mut self.decoded, self.ended);
            rest = rest.get(read..).unwrap_or_default();
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        Ok(())
    }
}

impl Read for Text {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.decoded.len() && !self.ended {
            self.fill()?;
        }
        let n = self.decoded.as_bytes().get(self.given..).unwrap_or_default().read(into)?;
        self.given += n;
        let row = self.meter.row.fetch_add(n as u64, Ordering::Relaxed).saturating_add(n as u64);
        if row > LONGEST {
            return Err(io::Error::other(format!(
                "a row or card longer than {} MB; a quotation mark or END:VCARD may be missing",
                LONGEST >> 20
            )));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn source(raw: &[u8], named: Option<&str>) -> Source {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(raw).unwrap();
        Source::of(file, named.map(|name| charset::named(name).unwrap())).unwrap()
    }

    fn read(raw: &[u8], named: Option<&str>) -> String {
        let mut text = String::new();
        source(raw, named).text(&Arc::default()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn byte_order_marks_utf_8_and_windows_1252_are_told_apart() {
        assert_eq!(read("nom;é".as_bytes(), None), "nom;é");
        assert_eq!(read("\u{feff}nom".as_bytes(), None), "nom");
        let french = b"pr\xe9nom;soci\xe9t\xe9\nH\xe9l\xe8ne;Caf\xe9 de la Gare";
        assert_eq!(read(french, None), "prénom;société\nHélène;Café de la Gare");
        assert_eq!(read(b"\xff\xfen\0o\0m\0", None), "nom");
        assert_eq!(read(b"\x8e", Some("windows-1250")), "Ž");
        assert!(charset::named("klingon").is_err());
    }

    #[test]
    fn a_text_of_many_pieces_is_what_it_was() {
        // Characters of three bytes and pieces of a power of two: some are cut.
        let text = "東京;Hélène\n".repeat(50_000);
        assert_eq!(read(text.as_bytes(), None), text);
        let utf_16: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf_16, None), text);
    }

    #[test]
    fn a_row_without_an_end_is_named_and_many_short_ones_are_read() {
        let raw = vec![b'x'; usize::try_from(LONGEST).unwrap() + PIECE];
        let (mut rest, meter) = (Vec::new(), Arc::default());
        let error = source(&raw, None).text(&meter).read_to_end(&mut rest).unwrap_err();
        assert!(error.to_string().contains("longer than 16 MB"), "{error}");
        let mut text = source(&raw, None).text(&meter);
        meter.row_ended();
        let mut piece = vec![0; PIECE];
        while text.read(&mut piece).unwrap() > 0 {
            meter.row_ended();
        }
    }

    #[test]
    fn a_file_that_changes_meanwhile_says_so_and_one_that_grows_is_read_as_it_was() {
        let mut first = source(b"nom;courriel\n", None);
        first.file.seek(io::SeekFrom::End(0)).unwrap();
        first.file.write_all(b"more\n").unwrap();
        first.file.rewind().unwrap();
        let mut text = String::new();
        first.text(&Arc::default()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "nom;courriel\n");

        let mut second = source(b"nom;courriel\n", None);
        second.file.write_all(b"NOM").unwrap();
        second.file.rewind().unwrap();
        let error = second.text(&Arc::default()).read_to_string(&mut text).unwrap_err();
        assert!(error.to_string().contains("changed while it was read"), "{error}");
    }
}
