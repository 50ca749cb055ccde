//! Submissions that an operator marked as a test: kept and decided like any other, but nobody is told and nobody gets it.
//!
//! Invariants: the mark is a token signed with a secret that lies in the database, so that only who can read it there can
//! make one; it has an end, so that one left behind is worth nothing; several tests at one time do not know of each other.
//! Nothing else in a request marks it, and a token that is not good is refused before anything is written down, so that
//! no test ever passes for an enquiry.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;
use subtle::ConstantTimeEq as _;

use super::keys::hmac;
use super::negotiate;
use super::problem::Why;
use crate::clock::Timestamp;
use crate::intake::accept::Journal;

/// Name of the header.
pub const HEADER: &str = "x-pisteur-test";
/// Name under which the secret lies in the database.
pub const SECRET: &str = "forms:test";

/// A token that marks tests until `ends`. `nonce` makes it another than any before: letters and digits.
#[must_use]
pub fn token(secret: &str, ends: Timestamp, nonce: &str) -> Option<String> {
    sealed(secret, &format!("{}.{nonce}", ends.seconds()))
}

fn sealed(secret: &str, said: &str) -> Option<String> {
    let mac = hmac(secret.as_bytes(), &[b"a test of a form\n", said.as_bytes()])?;
    Some(format!("{said}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())))
}

fn holds(secret: &str, sent: &str, now: Timestamp) -> bool {
    let Some((said, _)) = sent.rsplit_once('.') else { return false };
    let ends = said.split('.').next().and_then(|ends| ends.parse::<i64>().ok());
    let good = sealed(secret, said).is_some_and(|good| bool::from(good.as_bytes().ct_eq(sent.as_bytes())));
    good && ends.is_some_and(|ends| ends >= now.seconds())
}

/// Whether the request is a test.
///
/// # Errors
/// [`Why::Malformed`] when it says so with a token that is not good, or not any more.
pub(super) async fn is_test(headers: &HeaderMap, journal: &Journal) -> Result<bool, Why> {
    let sent = negotiate::text(headers, HEADER);
    if sent.is_empty() {
        return Ok(false);
    }
    let secret = journal.secret(SECRET).await.filter(|secret| !secret.is_empty());
    if secret.is_some_and(|secret| holds(&secret, &sent, journal.clock().now())) {
        return Ok(true);
    }
    Err(Why::Malformed { detail: "the test token is not known".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_secret_until_its_end() {
        let (now, secret) = (Timestamp::from_seconds(1_800_000_000), "a secret of good length, from the database");
        let ends = now.after(std::time::Duration::from_mins(1));
        let (one, two) = (token(secret, ends, "a").unwrap(), token(secret, ends, "b").unwrap());
        assert!(one != two && holds(secret, &one, now) && holds(secret, &two, ends), "several at one time");
        assert!(!holds(secret, &one, ends.after(std::time::Duration::from_secs(1))), "it has ended");
        assert!(!holds("another secret", &one, now));
        let longer = one.replacen("1800000060", "1900000000", 1);
        for forged in ["", ".", "1900000000.a.", longer.as_str(), &one[1..]] {
            assert!(!holds(secret, forged, now), "{forged}");
        }
    }
}
