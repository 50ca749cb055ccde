//! The time stamp of a page: `_t` = base64url(time ‖ form ‖ HMAC-SHA256). It tells how long a form took to be filled in.
//!
//! Not a secret and not single use: whoever has one may send it again until it is old. A page without one is nothing
//! unusual.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

use super::keys::{Key, hmac};
use crate::clock::Timestamp;
use crate::domain::screening::Stamp;

/// Name of the field.
pub const FIELD: &str = "_t";
/// What clocks of daemons may differ by.
const SKEW: Duration = Duration::from_mins(5);
const TIME: usize = 8;
const MAC: usize = 32;

/// A time stamp of `now` for `form`.
pub(super) fn mint(key: &Key, form: &str, now: Timestamp) -> String {
    let time = now.micros().to_be_bytes();
    let mac = hmac(&key.stamp, &[&time, form.as_bytes()]).map(|mac| mac.finalize().into_bytes());
    let mac = mac.as_ref().map_or(&[][..], |mac| mac.as_slice());
    URL_SAFE_NO_PAD.encode([&time[..], form.as_bytes(), mac].concat())
}

/// What a time stamp says that came with a submission to `form` at `now`.
pub(super) fn read(keys: &[Key], form: &str, text: Option<&str>, now: Timestamp) -> Stamp {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Stamp::Missing };
    let Some((time, of, mac)) = take_apart(text) else { return Stamp::Unreadable };
    let ours = |key: &Key| hmac(&key.stamp, &[&time, &of]).is_some_and(|made| made.verify_slice(&mac).is_ok());
    if !keys.iter().any(ours) {
        return Stamp::Forged;
    }
    if of != form.as_bytes() {
        return Stamp::OtherForm;
    }
    let at = Timestamp::from_micros(i64::from_be_bytes(time));
    if at <= now {
        return Stamp::Age(now.since(at));
    }
    // Another daemon's clock may be ahead of ours: then nothing can be told from the time.
    if at.since(now) <= SKEW { Stamp::Missing } else { Stamp::Future }
}

/// Time, form and signature.
fn take_apart(text: &str) -> Option<([u8; TIME], Vec<u8>, Vec<u8>)> {
    if text.len() > 256 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    let (time, rest) = bytes.split_at_checked(TIME)?;
    let (form, mac) = rest.split_at_checked(rest.len().checked_sub(MAC)?)?;
    (!form.is_empty()).then(|| Some((time.try_into().ok()?, form.to_vec(), mac.to_vec())))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn a_stamp_tells_its_age_and_nothing_else_passes_for_one() {
        let (key, other) = (Key::of(b"one"), Key::of(b"two"));
        let made = mint(&key, "contact", NOW);
        let later = NOW.after(Duration::from_secs(7));
        let seen = |text: &str, form: &str, keys: &[Key], at| read(keys, form, Some(text), at);
        assert_eq!(seen(&made, "contact", std::slice::from_ref(&key), later), Stamp::Age(Duration::from_secs(7)));
        assert_eq!(seen(&made, "contact", &[other.clone(), key.clone()], later), Stamp::Age(Duration::from_secs(7)));
        assert_eq!(seen(&made, "quote", std::slice::from_ref(&key), later), Stamp::OtherForm);
        assert_eq!(seen(&made, "contact", &[other], later), Stamp::Forged);
        assert_eq!(seen(&made, "contact", std::slice::from_ref(&key), NOW.before(SKEW)), Stamp::Missing);
        assert_eq!(seen(&made, "contact", std::slice::from_ref(&key), NOW.before(SKEW * 2)), Stamp::Future);
        for text in ["1800000000", "x", "....", &"A".repeat(300)] {
            assert_eq!(seen(text, "contact", std::slice::from_ref(&key), later), Stamp::Unreadable, "{text}");
        }
        assert_eq!(read(std::slice::from_ref(&key), "contact", None, later), Stamp::Missing);
        assert_eq!(seen(" ", "contact", &[key], later), Stamp::Missing);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let key = Key::of(b"one");
        let bytes = URL_SAFE_NO_PAD.decode(mint(&key, "contact", NOW)).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let text = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(read(std::slice::from_ref(&key), "contact", Some(&text), NOW), Stamp::Forged, "byte {at}");
        }
    }
}
