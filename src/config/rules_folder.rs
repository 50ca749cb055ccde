//! Reading a rules folder from disk: files in name order, bounded in number, size and depth. What they mean is the
//! rules' own business.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::plain;
use crate::domain::rules::RuleSources;

/// Files beyond which a folder is refused.
const MAX_FILES: usize = 2_000;
/// Bytes of one file beyond which a folder is refused; the rules themselves allow less.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of all files together.
const MAX_TOTAL_BYTES: u64 = 64 * 1024 * 1024;

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no such folder.
    #[error(
        "there is no rules folder {path}; start pisteur in the folder that holds config/ and rules/, or name its \
         configuration: pisteur -c FOLDER/config/pisteur.toml (its rules.path says where the rules are)"
    )]
    Missing {
        /// Which.
        path: String,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}; check that it exists and that this user may read it")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not UTF-8.
    #[error("{path} is not UTF-8 text; save it as UTF-8")]
    NotText {
        /// Which.
        path: PathBuf,
    },
    /// Too many files, or too many bytes.
    #[error("{path}: {what}; move what does not belong to the rules out of the folder")]
    TooBig {
        /// Where.
        path: PathBuf,
        /// What is too big.
        what: String,
    },
}

/// Reads the rules: `*.toml` of the folder and of its sub-folders, `lists/*.txt`, `tables/*.csv`. Left out: `tests/`,
/// `schema/`, hidden files, and files with other endings.
///
/// # Errors
/// [`FolderError`] naming the file.
pub fn read(folder: &Path) -> Result<RuleSources, FolderError> {
    if matches!(fs::metadata(folder), Err(e) if e.kind() == io::ErrorKind::NotFound) {
        // As people would look for it: `rules` alone says nothing about where.
        let path = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        return Err(FolderError::Missing { path: plain::path(&path) });
    }
    let mut reading = Reading::default();
    for path in entries(folder)? {
        let name = name_of(&path);
        if path.is_dir() {
            let ending = match name.as_str() {
                "tests" | "schema" => continue,
                "lists" => "txt",
                "tables" => "csv",
                _ => "toml",
            };
            for inner in entries(&path)? {
                reading.add(&inner, &format!("{name}/{}", name_of(&inner)), ending)?;
            }
        } else {
            reading.add(&path, &name, "toml")?;
        }
    }
    Ok(RuleSources { files: reading.files })
}

/// Reads the tests of a rules folder: `tests/*.toml`; names begin with `tests/`. No folder means no tests.
///
/// # Errors
/// [`FolderError`] naming the file.
pub fn read_tests(folder: &Path) -> Result<RuleSources, FolderError> {
    let tests = folder.join("tests");
    let mut reading = Reading::default();
    if tests.is_dir() {
        for path in entries(&tests)? {
            reading.add(&path, &format!("tests/{}", name_of(&path)), "toml")?;
        }
    }
    Ok(RuleSources { files: reading.files })
}

#[derive(Default)]
struct Reading {
    files: BTreeMap<String, String>,
    total: u64,
}

impl Reading {
    fn add(&mut self, path: &Path, name: &str, ending: &str) -> Result<(), FolderError> {
        if path.extension().is_none_or(|e| e != ending) || path.is_dir() {
            return Ok(());
        }
        let too_big = |what: String| FolderError::TooBig { path: path.to_owned(), what };
        let size = fs::metadata(path).map_err(|source| unreadable(path, source))?.len();
        self.total = self.total.saturating_add(size);
        if size > MAX_FILE_BYTES {
            return Err(too_big(format!("larger than {MAX_FILE_BYTES} bytes")));
        }
        if self.total > MAX_TOTAL_BYTES || self.files.len() >= MAX_FILES {
            return Err(too_big(format!("more than {MAX_FILES} files or {MAX_TOTAL_BYTES} bytes in the folder")));
        }
        let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
        let text = String::from_utf8(bytes).map_err(|_| FolderError::NotText { path: path.to_owned() })?;
        self.files.insert(name.to_owned(), text);
        Ok(())
    }
}

fn unreadable(path: &Path, source: io::Error) -> FolderError {
    FolderError::Unreadable { path: path.to_owned(), source }
}

/// The visible entries of a folder, in name order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let listed = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
    let mut paths = Vec::new();
    for entry in listed {
        let path = entry.map_err(|source| unreadable(folder, source))?.path();
        if !name_of(&path).starts_with('.') && !name_of(&path).ends_with('~') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}
