//! Whether an uploaded file is taken: its name, its declared type and its bytes must all belong to one kind that the
//! form takes.
//!
//! Invariants:
//! - pure and total on any bytes; linear in the file;
//! - what runs, and what a browser would show as a page, is refused whatever the form allows;
//! - nothing is unpacked and no image is decoded;
//! - a refused file is still where it was, inside the raw bytes: only its verdict says that nobody is to open it.

mod content;
mod kinds;
mod name;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::kinds::{KINDS, Kind};
pub(super) use self::name::is_deceiving;

/// What forms take that say nothing else.
pub const USUAL: [&str; 4] = ["pdf", "image", "office", "text"];

/// Why a file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It can run: a program, a script, a document with macros.
    Executable,
    /// A browser would show it as a page: HTML, SVG, XML.
    ActiveContent,
    /// Its name hides a second, dangerous ending: `invoice.exe.pdf`.
    DoubleExtension,
    /// Its name is written so that it looks like another one.
    MisleadingName,
    /// Its ending is not among those that the form takes.
    Extension,
    /// Its declared type is not that of its ending.
    DeclaredType,
    /// Its bytes are not what its name says.
    Content,
    /// It is two kinds of file at once.
    Polyglot,
    /// It has no bytes.
    Empty,
    /// The form takes no files.
    NoFiles,
    /// There are more than the form takes.
    TooMany,
    /// It is larger than the form takes.
    TooLarge,
    /// Its name is longer than the form takes.
    NameTooLong,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::Executable,
        Self::ActiveContent,
        Self::DoubleExtension,
        Self::MisleadingName,
        Self::Extension,
        Self::DeclaredType,
        Self::Content,
        Self::Polyglot,
        Self::Empty,
        Self::NoFiles,
        Self::TooMany,
        Self::TooLarge,
        Self::NameTooLong,
    ];

    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Executable => "executable",
            Self::ActiveContent => "active_content",
            Self::DoubleExtension => "double_extension",
            Self::MisleadingName => "misleading_name",
            Self::Extension => "extension",
            Self::DeclaredType => "declared_type",
            Self::Content => "content",
            Self::Polyglot => "polyglot",
            Self::Empty => "empty",
            Self::NoFiles => "no_files",
            Self::TooMany => "too_many",
            Self::TooLarge => "too_large",
            Self::NameTooLong => "name_too_long",
        }
    }
}

/// How many files of what size a form takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// Takes files at all.
    pub taken: bool,
    /// Files of one submission.
    pub most: usize,
    /// Largest file, in bytes.
    pub bytes: usize,
    /// Longest name, in bytes.
    pub name_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { taken: true, most: usize::MAX, bytes: usize::MAX, name_bytes: usize::MAX }
    }
}

impl Bounds {
    /// Whether the file at `index` (from 0) among those of its submission is within them.
    ///
    /// # Errors
    /// Why not.
    pub const fn judge(&self, index: usize, file: Sent<'_>) -> Result<(), Refusal> {
        if !self.taken {
            Err(Refusal::NoFiles)
        } else if index >= self.most {
            Err(Refusal::TooMany)
        } else if file.bytes.len() > self.bytes {
            Err(Refusal::TooLarge)
        } else if file.name.len() > self.name_bytes {
            Err(Refusal::NameTooLong)
        } else {
            Ok(())
        }
    }
}

/// A file as it came.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Its name as sent, with everything in it.
    pub name: &'a str,
    /// Its declared media type, lower case, without parameters; empty when none was declared.
    pub media_type: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Whether a form that takes `allowed` (groups or endings; empty = [`USUAL`]) takes this file.
///
/// # Errors
/// Why not.
pub fn judge(file: Sent<'_>, allowed: &[String]) -> Result<(), Refusal> {
    if file.bytes.is_empty() {
        return Err(Refusal::Empty);
    }
    if content::runs(file.bytes) {
        return Err(Refusal::Executable);
    }
    let ending = name::ending(file.name)?;
    let declared = file.media_type.trim();
    if content::is_page(file.bytes) || is_page_type(declared) {
        return Err(Refusal::ActiveContent);
    }
    if is_script_type(declared) {
        return Err(Refusal::Executable);
    }
    let kind = kind_of(&ending).filter(|kind| is_allowed(kind, &ending, allowed)).ok_or(Refusal::Extension)?;
    if !matches!(declared, "" | "application/octet-stream" | "binary/octet-stream") && !kind.types.contains(&declared) {
        return Err(Refusal::DeclaredType);
    }
    content::check(file.bytes, kind.magic)
}

fn kind_of(ending: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.endings.contains(&ending))
}

fn is_allowed(kind: &Kind, ending: &str, allowed: &[String]) -> bool {
    let means = |word: &str| word == kind.group || word == ending;
    if allowed.is_empty() { USUAL.into_iter().any(means) } else { allowed.iter().any(|word| means(word)) }
}

fn is_page_type(declared: &str) -> bool {
    matches!(declared, "text/html" | "application/xhtml+xml" | "text/xml" | "application/xml" | "text/xsl")
        || declared.ends_with("+xml")
}

fn is_script_type(declared: &str) -> bool {
    declared.ends_with("javascript")
        || declared.ends_with("ecmascript")
        || declared.contains("msdownload")
        || declared.contains("executable")
        || matches!(
            declared,
            "application/x-sh" | "text/x-shellscript" | "application/hta" | "application/java-archive"
        )
}

/// Whether a word may stand in a form's list of what it takes: a group or an ending.
#[must_use]
pub fn is_known(word: &str) -> bool {
    KINDS.iter().any(|kind| kind.group == word || kind.endings.contains(&word))
}

/// Whether a word names what is never taken.
#[must_use]
pub fn is_never_taken(word: &str) -> bool {
    let word = word.trim_start_matches('.').to_ascii_lowercase();
    kinds::RUNS.contains(&word.as_str()) || kinds::PAGES.contains(&word.as_str())
}

/// The words a form's list is made of: groups, then endings.
#[must_use]
pub fn words() -> Vec<&'static str> {
    let mut groups: Vec<&str> = KINDS.iter().map(|kind| kind.group).collect();
    groups.dedup();
    groups.extend(KINDS.iter().flat_map(|kind| kind.endings));
    groups.dedup();
    groups
}

/// Endings that a form takes, with a dot, for the `accept` of its file field.
#[must_use]
pub fn endings(allowed: &[String]) -> Vec<String> {
    let every = KINDS.iter().flat_map(|kind| kind.endings.iter().map(move |ending| (kind, *ending)));
    every.filter(|(kind, ending)| is_allowed(kind, ending, allowed)).map(|(_, ending)| format!(".{ending}")).collect()
}

/// SHA-256 of a file in lower-case hexadecimal, by which the same file is known everywhere.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, media_type: &str, bytes: &[u8]) -> Result<(), Refusal> {
        judge(Sent { name, media_type, bytes }, &[])
    }

    fn zip(entries: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in entries {
            out.extend_from_slice(b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
            out.extend_from_slice(&u16::try_from(entry.len()).unwrap().to_le_bytes());
            out.extend_from_slice(b"\0\0");
            out.extend_from_slice(entry.as_bytes());
        }
        out.extend_from_slice(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        out
    }

    #[test]
    fn what_people_send_is_taken() {
        let docx = zip(&["[Content_Types].xml", "_rels/.rels", "word/document.xml"]);
        let odt = [
            &b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0"[..],
            b"mimetypeapplication/vnd.oasis.opendocument.text",
        ]
        .concat();
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        let cases: [(&str, &str, &[u8]); 12] = [
            ("plan.pdf", "application/pdf", b"%PDF-1.7\n..."),
            ("PLAN.PDF", "application/octet-stream", b"%PDF-1.7\n..."),
            ("v1.2.final.pdf", "", b"%PDF-1.4"),
            ("photo.jpeg", "image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
            ("photo.heic", "image/heic", b"\0\0\0\x18ftypheic\0\0\0\0"),
            ("scan.tif", "image/tiff", b"II*\0\x08\0\0\0"),
            ("lettre.docx", word, &docx),
            ("dopis.odt", "application/vnd.oasis.opendocument.text", &odt),
            ("old.doc", "application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1...."),
            ("list.csv", "application/vnd.ms-excel", "jméno;město\nŽofie;Brno\n".as_bytes()),
            ("note.txt", "text/plain", b"a < b and <angle> brackets are text\n"),
            ("نامه.pdf", "application/pdf", b"%PDF-1.7"),
        ];
        for (name, media_type, bytes) in cases {
            assert_eq!(judged(name, media_type, bytes), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_runs_or_shows_as_a_page_is_refused_under_any_name() {
        use Refusal::{ActiveContent, Executable};
        let macros = zip(&["[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"]);
        let cases: [(&str, &str, &[u8], Refusal); 16] = [
            ("setup.exe", "application/octet-stream", b"MZ\x90\0", Executable),
            ("plan.pdf", "application/pdf", b"MZ\x90\0\x03", Executable),
            ("photo.jpg", "image/jpeg", b"\x7fELF\x02\x01\x01", Executable),
            ("run.txt", "text/plain", b"#!/bin/sh\nrm -rf /\n", Executable),
            ("x.js", "text/javascript", b"alert(1)", Executable),
            ("x.txt", "application/javascript", b"alert(1)", Executable),
            ("x.php", "text/plain", b"<?php system($_GET[0]);", Executable),
            ("a.docx", "application/octet-stream", &macros, Executable),
            ("a.docm", "application/octet-stream", b"PK\x03\x04", Executable),
            ("a.lnk", "", b"L\0\0\0\x01\x14\x02\0", Executable),
            ("page.html", "text/html", b"hello", ActiveContent),
            ("page.txt", "text/plain", b" \n<!DOCTYPE html><html>", ActiveContent),
            ("note.txt", "text/plain", b"\xef\xbb\xbf<script>alert(1)</script>", ActiveContent),
            ("logo.svg", "image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\">", ActiveContent),
            ("logo.png", "image/png", b"<?xml version=\"1.0\"?><svg onload=\"x\">", ActiveContent),
            ("logo.png", "image/svg+xml", b"\x89PNG\r\n\x1a\n", ActiveContent),
        ];
        for (name, media_type, bytes, why) in cases {
            let all: Vec<String> =
                ["pdf", "image", "office", "text", "archive", "js", "html", "exe"].map(Into::into).into();
            assert_eq!(judged(name, media_type, bytes), Err(why), "{name}");
            assert_eq!(judge(Sent { name, media_type, bytes }, &all), Err(why), "{name}");
        }
    }

    #[test]
    fn names_that_lie_are_refused() {
        use Refusal::{DoubleExtension, Executable, Extension, MisleadingName};
        for (name, why) in [
            ("invoice.exe.pdf", DoubleExtension),
            ("photo.php.jpg.pdf", DoubleExtension),
            ("invoice.pdf.exe", Executable),
            ("invoice.pdf.exe. . ", Executable),
            ("invoice.pdf:evil.exe", Executable),
            ("invoice\u{202e}fdp.exe", MisleadingName),
            ("evil\u{202e}gpj.pdf", MisleadingName),
            ("a\u{2066}b\u{2069}.pdf", MisleadingName),
            ("a.exe\0.pdf", MisleadingName),
            ("a.exe\r\n.pdf", MisleadingName),
            ("a.exe                                                                 .pdf", DoubleExtension),
            ("noending", Extension),
            ("", Extension),
            ("x.zip", Extension),
            (".htaccess", Executable),
        ] {
            assert_eq!(judged(name, "", b"%PDF-1.7"), Err(why), "{name:?}");
        }
    }

    #[test]
    fn name_type_and_bytes_must_agree() {
        use Refusal::{Content, DeclaredType, Empty, Polyglot};
        let gif_and_archive = [&b"GIF89a\x01\0\x01\0"[..], &zip(&["META-INF/MANIFEST.MF"])].concat();
        let pdf_and_archive = [&b"%PDF-1.4\n%%EOF\n"[..], &zip(&["a.class"])].concat();
        let cases: [(&str, &str, &[u8], Refusal); 11] = [
            ("a.pdf", "image/png", b"%PDF-1.7", DeclaredType),
            ("a.png", "image/png", b"%PDF-1.7", Content),
            ("a.pdf", "application/pdf", b"<<hello", Content),
            ("a.pdf", "application/pdf", b"\n\n%PDF-1.7", Content),
            ("a.docx", "", b"PK\x03\x04 nothing of the kind", Content),
            ("a.txt", "text/plain", b"text\0with nul", Content),
            ("a.pdf", "application/pdf", b"", Empty),
            ("a.gif", "image/gif", &gif_and_archive, Polyglot),
            ("a.pdf", "application/pdf", &pdf_and_archive, Polyglot),
            ("a.gif", "image/gif", b"GIF89a/*..*/=1;<script>alert(1)</script>", Polyglot),
            ("a.jpg", "image/jpeg", b"\xff\xd8\xff\xe1 <?php echo 1; ?>", Polyglot),
        ];
        for (name, media_type, bytes, why) in cases {
            assert_eq!(judged(name, media_type, bytes), Err(why), "{name}");
        }
    }

    #[test]
    fn a_form_says_what_it_takes_by_group_or_ending() {
        let zip = |allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(|word| (*word).to_owned()).collect();
            judge(Sent { name: "a.zip", media_type: "application/zip", bytes: b"PK\x03\x04...." }, &allowed)
        };
        assert_eq!(zip(&[]), Err(Refusal::Extension));
        assert_eq!(zip(&["archive"]), Ok(()));
        assert_eq!(zip(&["zip"]), Ok(()));
        assert_eq!(zip(&["pdf", "image"]), Err(Refusal::Extension));
        assert!(is_known("pdf") && is_known("jpeg") && is_known("office") && !is_known("html") && !is_known(".pdf"));
        assert!(is_never_taken("html") && is_never_taken(".SVG") && is_never_taken("js") && !is_never_taken("pdf"));
        assert_eq!(endings(&["pdf".to_owned(), "png".to_owned()]), [".pdf", ".png"]);
    }

    #[test]
    fn no_kind_is_among_what_is_never_taken() {
        for kind in KINDS {
            for ending in kind.endings {
                assert!(!is_never_taken(ending), "{ending}");
                assert_eq!(kind_of(ending), Some(kind), "{ending} belongs to one kind");
            }
        }
    }
}
