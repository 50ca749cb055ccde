//! Email addresses.

use super::super::profile::Mailbox;
use super::text::{edits, likeness};

/// The level of a mailbox that several people read.
pub(super) const SHARED: u8 = 7;
/// Likeness of local parts from which on they are spellings of one.
const SIMILAR: f64 = 0.88;

/// The best level of any two addresses: one in common outweighs that others differ.
pub(super) fn closest(a: &[Mailbox], b: &[Mailbox]) -> u8 {
    let levels = a.iter().flat_map(|x| b.iter().map(move |y| level(x, y)));
    levels.min_by_key(|level| if *level == SHARED { 9 } else { level * 2 }).unwrap_or(0)
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
    let similar = likeness(&a.local, &b.local) >= SIMILAR;
    if locals + domains <= 2 || similar && domains <= 2 {
        return 2;
    }
    match (similar, domains) {
        (true, _) => 4,
        (false, 0) => 5,
        (false, _) => 6,
    }
}
