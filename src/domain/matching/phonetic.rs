//! How names sound: Double Metaphone (Lawrence Philips, 2000).

use rphonetic::DoubleMetaphone;

/// Longest code, in letters: long enough to tell compound names apart.
const LENGTH: usize = 8;

/// The codes of a name in lower-case ASCII: one, or two where it may be spoken in two ways; none without letters.
#[must_use]
pub fn codes(name: &str) -> Vec<String> {
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    if letters.is_empty() {
        return Vec::new();
    }
    let spoken = DoubleMetaphone::new(Some(LENGTH)).double_metaphone(&letters);
    let mut codes = vec![spoken.primary(), spoken.alternate()];
    codes.retain(|code| !code.is_empty());
    codes.sort();
    codes.dedup();
    codes
}
