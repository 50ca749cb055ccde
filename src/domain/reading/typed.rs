//! What people type into the fields of a form: the address of an email field, and names that name nobody.
//!
//! An email field holds an address, or a list of them on one line, parted by commas or semicolons. White space ends it:
//! what comes after is no address, whatever it looks like (`a@x.fr`, line break, `Bcc: b@y.fr`).

use super::body::warning;
use super::text::one_line;
use crate::domain::submission::{Canonical, Field, Submission};

/// Addresses of one email field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// As written, in order; not yet checked to be addresses.
    pub found: Vec<String>,
    /// Something stood behind them that was not read.
    pub rest: bool,
}

/// The addresses of an email field.
pub fn addresses(value: &str) -> Addresses {
    let value = value.trim();
    let line = value.split(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')).next().unwrap_or_default();
    let mut read = Addresses { found: Vec::new(), rest: line.len() < value.len() };
    for piece in line.split([',', ';']).map(str::trim).filter(|piece| !piece.is_empty()) {
        // Only the first address may have words around it (`Dupont, Jean <jean@dupont.fr>`).
        if !read.found.is_empty() && piece.contains(char::is_whitespace) {
            read.rest = true;
            break;
        }
        let (address, more) = leading(piece);
        read.found.extend(address);
        if more {
            read.rest = true;
            break;
        }
    }
    read
}

/// The address a piece begins with, words before it left out, and whether more follows.
fn leading(piece: &str) -> (Option<String>, bool) {
    if let Some((_, behind)) = piece.split_once('<').filter(|(before, _)| !before.contains('@')) {
        let (inner, after) = behind.split_once('>').unwrap_or((behind, ""));
        let address = inner.split('<').next().unwrap_or_default();
        let address: String = address.chars().filter(|c| !c.is_whitespace()).collect();
        return (one_at(&address).then_some(address), after.contains('@'));
    }
    let words: Vec<&str> = piece.split_whitespace().collect();
    let Some(at) = words.iter().position(|word| word.contains('@')) else { return (None, false) };
    let (word, after) = (words.get(at).copied().unwrap_or_default(), words.get(at + 1..).unwrap_or_default());
    if !word.starts_with('@') && !word.ends_with('@') {
        return (Some(word.to_owned()), !after.is_empty());
    }
    // One address with a space in it (`jean @ dupont.fr`) is still one address.
    let joined = words.concat();
    if one_at(&joined) { (Some(joined), false) } else { (None, true) }
}

fn one_at(text: &str) -> bool {
    text.matches('@').count() == 1
}

/// Takes control characters out of names and values. Cells of markup, cards and documents come as they were written, and no
/// database takes a NUL in a text.
pub fn clean(fields: &mut [Field], limit: usize) {
    for text in fields.iter_mut().flat_map(|field| [&mut field.name, &mut field.value]) {
        if text.contains(char::is_control) {
            *text = super::text::clean(text, limit).0;
        }
    }
}

/// Whether a name field's value can be nobody's name: no letter, an address, a place in the web, markup.
pub fn names_nobody(value: &str) -> bool {
    let line = one_line(value, 400).to_lowercase();
    let web = |word: &str| {
        word.contains("://")
            || word.starts_with("www.")
            || word.split_once('/').is_some_and(|(host, _)| host.contains('.'))
            || word.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
    };
    !line.chars().any(char::is_alphabetic) || line.contains(['<', '>', '{', '}', '[', ']']) || line.split(' ').any(web)
}

/// A name field that holds something and names nobody.
pub fn is_refused_name(field: &Field) -> bool {
    matches!(field.canonical, Some(Canonical::FullName | Canonical::FirstName | Canonical::LastName))
        && !field.value.trim().is_empty()
        && names_nobody(&field.value)
}

/// Warns of what was typed and is not taken over.
pub fn note(out: &mut Submission) {
    let emails = out.fields.iter().filter(|f| f.canonical == Some(Canonical::Email));
    if emails.into_iter().any(|f| addresses(&f.value).rest) {
        out.warnings.push(warning("email_cut", "An email field holds more than an address; the rest was not read."));
    }
    if out.fields.iter().any(is_refused_name) {
        out.warnings.push(warning("name_refused", "A name field holds no name; it is kept as a field of its own."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_ends_an_email_field() {
        for (value, found, rest) in [
            ("a@x.fr\nBcc: b@y.fr", &["a@x.fr"][..], true),
            ("a@x.fr\r\nb@y.fr", &["a@x.fr"], true),
            ("a@x.fr\tb@y.fr", &["a@x.fr"], true),
            ("a@x.fr b@y.fr", &["a@x.fr"], true),
            ("a@x.fr\u{a0}Bcc: b@y.fr", &["a@x.fr"], true),
            ("a@x.fr, Bcc: b@y.fr, c@z.fr", &["a@x.fr"], true),
            ("a@x.frBcc: b@y.fr", &["a@x.frBcc:"], true),
            ("<a@x.fr> <b@y.fr>", &["a@x.fr"], true),
            ("a@x.fr; b@y.fr", &["a@x.fr", "b@y.fr"], false),
            ("Dupont, Jean <jean@dupont.fr>", &["jean@dupont.fr"], false),
            ("Jean Dupont <jean@dupont.fr>", &["jean@dupont.fr"], false),
            ("jean @ dupont.fr", &["jean@dupont.fr"], false),
            (" jean@dupont.fr ", &["jean@dupont.fr"], false),
            ("none", &[], false),
            ("", &[], false),
        ] {
            let read = addresses(value);
            assert_eq!(
                (read.found.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), read.rest),
                (found, rest),
                "{value:?}"
            );
        }
    }

    #[test]
    fn links_addresses_and_numbers_name_nobody() {
        for value in
            ["12345", "!!!", "https://x.cz", "Win www.x.cz", "bit.ly/abc now", "eva@web.cz", "[name]", "<b>x</b>"]
        {
            assert!(names_nobody(value), "{value}");
        }
        for value in ["Jean/Marie Dupont", "Jean Dupont 75", "John Smith 3rd", "李", "Dr. Eva", "J @ Home"] {
            assert!(!names_nobody(value), "{value}");
        }
    }
}
