//! A sender whom a mail server of the house denies touches nobody who is known.

use super::{Question, participates};
use crate::domain::matching::ThreadHit;
use crate::domain::matching::verdict::Known;
use crate::domain::reading::trust::UNVOUCHED;
use crate::domain::submission::MailClass;

/// A mail server of the house says that the sender did not write it, and it would join what is known of the sender: their
/// record would take the words and numbers of whoever did.
pub(super) fn reason(q: &Question<'_>, known: &Known, thread: Option<&ThreadHit>) -> Option<&'static str> {
    let joins = known.contact.is_some() || !known.open.is_empty() || thread.is_some_and(|hit| participates(q, hit));
    let personal = q.submission.class == Some(MailClass::Person);
    (personal && joins && q.submission.flags.iter().any(|flag| flag == UNVOUCHED)).then_some(UNVOUCHED)
}
