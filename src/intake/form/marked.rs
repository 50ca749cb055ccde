//! Submissions that an operator marked as a test: kept and decided like any other, but nobody is told and nobody gets it.
//!
//! The mark is a header with a token that lies in the database: only who can write there can leave one. Nothing else in a
//! request marks it, and a token that is not there is refused before anything is written down, so that no test ever
//! passes for an enquiry.

use axum::http::HeaderMap;
use subtle::ConstantTimeEq as _;

use super::negotiate;
use super::problem::Why;
use crate::intake::accept::Journal;

/// Name of the header.
pub const HEADER: &str = "x-pisteur-test";
/// Name under which the token lies in the database.
pub const SECRET: &str = "forms:test";
/// Shortest token that is believed.
const SHORTEST: usize = 32;

/// Whether the request is a test.
///
/// # Errors
/// [`Why::Malformed`] when it says so with a token that is not the one in the database.
pub(super) async fn is_test(headers: &HeaderMap, journal: &Journal) -> Result<bool, Why> {
    let sent = negotiate::text(headers, HEADER);
    if sent.is_empty() {
        return Ok(false);
    }
    let known = journal.secret(SECRET).await.unwrap_or_default();
    let same = known.len() >= SHORTEST && bool::from(known.as_bytes().ct_eq(sent.as_bytes()));
    if same { Ok(true) } else { Err(Why::Malformed { detail: "the test token is not known".to_owned() }) }
}
