//! Email addresses.

use super::super::profile::{Mailbox, Profile};
use super::text::{edits, likeness};

/// The level of a mailbox that several people read.
pub(super) const SHARED: u8 = 7;
/// So many digits of a local part are no chance.
const DIGITS: usize = 2;
/// Likeness of local parts from which on they are spellings of one.
const SIMILAR: f64 = 0.88;

/// The level of two mailboxes that have nothing in common.
pub(super) const DIFFERENT: u8 = 6;

/// Local parts that are alike at two providers, and have no digits in common: where the names agree it follows from the
/// names, and says nothing more.
pub(super) fn is_of_a_name(a: &Profile, b: &Profile, level: u8) -> bool {
    let in_common = |a: &Mailbox, b: &Mailbox| {
        let (a, b) = (digits(&a.local), digits(&b.local));
        a.len().min(b.len()) >= DIGITS && (a.contains(&b) || b.contains(&a))
    };
    matches!(level, 3 | 4) && !a.emails.iter().any(|x| b.emails.iter().any(|y| in_common(x, y)))
}

/// The best level of any two addresses: one in common outweighs that others differ.
pub(super) fn closest(a: &[Mailbox], b: &[Mailbox]) -> u8 {
    let levels = a.iter().flat_map(|x| b.iter().map(move |y| level(x, y)));
    levels.min_by_key(|level| if *level == SHARED { 9 } else { level * 2 }).unwrap_or(0)
}

/// A provider has told two people of one name apart by numbers: a typing error makes one digit of them another.
fn numbered(a: &str, b: &str) -> bool {
    let (a, b) = (digits(a), digits(b));
    !a.is_empty() && !b.is_empty() && edits(&a, &b) > 1
}

fn digits(local: &str) -> String {
    local.chars().filter(char::is_ascii_digit).collect()
}

/// Equal, a typing error, same local part, similar local part, same domain, different; the same mailbox of several people.
fn level(a: &Mailbox, b: &Mailbox) -> u8 {
    if a == b {
        return if a.shared { SHARED } else { 1 };
    }
    let domains = edits(&a.domain, &b.domain);
    let locals = edits(&a.local, &b.local);
    if locals == 0 && a.local.len() >= 4 && !(a.shared || b.shared) {
        return 3;
    }
    let numbered = numbered(&a.local, &b.local);
    let similar = likeness(&a.local, &b.local) >= SIMILAR && !numbered;
    if locals + domains <= 2 && !numbered || similar && domains <= 2 {
        return 2;
    }
    match (similar, domains) {
        (true, _) => 4,
        (false, 0) => 5,
        (false, _) => DIFFERENT,
    }
}
