//! ALTCHA, version 2: a challenge that costs a browser some work and asks nobody else.
//!
//! Issuing derives one key; checking is one HMAC over the solution (`keySignature`). A challenge without an end, or of
//! another form, is refused.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hmac::Mac;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::clock::Timestamp;
use crate::intake::form::keys::{Key, hmac};

/// Name of the field that brings a solution.
pub(in crate::intake::form) const FIELD: &str = "altcha";
/// The one algorithm issued.
const ALGORITHM: &str = "PBKDF2/SHA-256";
/// Bytes of a derived key.
const KEY_BYTES: usize = 32;
/// Longest payload read.
const PAYLOAD_BYTES: usize = 8 << 10;

/// What a challenge is made of.
#[derive(Debug, Clone, Copy)]
pub(in crate::intake::form) struct Recipe<'a> {
    /// Form it is for.
    pub(in crate::intake::form) form: &'a str,
    /// When it ends.
    pub(in crate::intake::form) expires_at: Timestamp,
    /// Rounds of one try.
    pub(in crate::intake::form) cost: u32,
    /// The try that solves it.
    pub(in crate::intake::form) counter: u32,
    /// Nonce and salt.
    pub(in crate::intake::form) random: [u8; 32],
}

/// A solved challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::intake::form) struct Solved {
    /// Names the challenge.
    pub(in crate::intake::form) nonce: String,
    /// When it ends.
    pub(in crate::intake::form) expires_at: Timestamp,
}

/// A challenge as the browser gets it: `{"parameters", "signature"}`.
pub(in crate::intake::form) fn issue(key: &Key, recipe: &Recipe<'_>) -> Value {
    let (nonce, salt) = recipe.random.split_at(16);
    let derived = derive(nonce, salt, recipe.counter, recipe.cost);
    let prefix = derived.get(..KEY_BYTES / 2).unwrap_or_default();
    let parameters = json!({
        "algorithm": ALGORITHM,
        "cost": recipe.cost,
        "data": { "formId": recipe.form },
        "expiresAt": recipe.expires_at.seconds(),
        "keyLength": KEY_BYTES,
        "keyPrefix": hex(prefix),
        "keySignature": sign(&key.solution, &derived),
        "nonce": hex(nonce),
        "salt": hex(salt),
    });
    let signature = sign(&key.challenge, canonical(&parameters).as_bytes());
    json!({ "parameters": parameters, "signature": signature })
}

/// Why a solution is no good whose challenge has ended.
pub(in crate::intake::form) const TOO_LATE: &str = "it came too late";

/// Checks what came in the field `altcha`.
///
/// # Errors
/// Why it is no good, one clause.
pub(in crate::intake::form) fn check(
    keys: &[Key],
    form: &str,
    payload: &str,
    now: Timestamp,
) -> Result<Solved, &'static str> {
    let payload = unpack(payload).ok_or("it cannot be read")?;
    let parameters = payload.pointer("/challenge/parameters").ok_or("it has no challenge")?;
    let signature = text(&payload, "/challenge/signature").ok_or("it has no signature")?;
    let signed = canonical(parameters);
    let key = keys.iter().find(|key| matches(&key.challenge, signed.as_bytes(), signature));
    let key = key.ok_or("its challenge is not ours")?;
    let ends = parameters.get("expiresAt").and_then(Value::as_i64).filter(|ends| *ends > 0);
    let expires_at = Timestamp::from_seconds(ends.ok_or("its challenge has no end")?);
    if expires_at < now {
        return Err(TOO_LATE);
    }
    if text(parameters, "/data/formId") != Some(form) {
        return Err("it belongs to another form");
    }
    solved(key, parameters, &payload)?;
    let nonce = text(parameters, "/nonce").ok_or("its challenge has no nonce")?.to_owned();
    Ok(Solved { nonce, expires_at })
}

/// The solution fits the challenge: by the signature of the key, or by deriving the key again where a challenge has none.
fn solved(key: &Key, parameters: &Value, payload: &Value) -> Result<(), &'static str> {
    let derived = text(payload, "/solution/derivedKey").and_then(unhex).ok_or("it has no solution")?;
    if let Some(signature) = text(parameters, "/keySignature") {
        return matches(&key.solution, &derived, signature).then_some(()).ok_or("its solution is wrong");
    }
    let counter = payload.pointer("/solution/counter").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let cost = parameters.get("cost").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let part = |name: &str| text(parameters, name).and_then(unhex);
    let again = (|| Some(derive(&part("/nonce")?, &part("/salt")?, counter?, cost?)))().ok_or("it has no solution")?;
    let prefix = text(parameters, "/keyPrefix").unwrap_or_default();
    let same: bool = again.as_slice().ct_eq(&derived).into();
    (same && hex(&again).starts_with(prefix)).then_some(()).ok_or("its solution is wrong")
}

/// The key of one try (RFC 8018 section 5.2).
fn derive(nonce: &[u8], salt: &[u8], counter: u32, cost: u32) -> [u8; KEY_BYTES] {
    let password = [nonce, &counter.to_be_bytes()].concat();
    let mut derived = [0; KEY_BYTES];
    pbkdf2::pbkdf2_hmac::<Sha256>(&password, salt, cost, &mut derived);
    derived
}

fn unpack(payload: &str) -> Option<Value> {
    let payload = payload.trim();
    if payload.len() > PAYLOAD_BYTES {
        return None;
    }
    let bare = payload.trim_end_matches('=');
    let bytes = STANDARD
        .decode(payload)
        .or_else(|_| STANDARD_NO_PAD.decode(bare))
        .or_else(|_| URL_SAFE_NO_PAD.decode(bare))
        .ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// JSON with sorted keys and without spaces.
fn canonical(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            let members = names.into_iter().filter_map(|name| Some((name.clone(), sorted(members.get(name)?))));
            Value::Object(members.collect::<Map<String, Value>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn sign(key: &[u8], message: &[u8]) -> String {
    hmac(key, &[message]).map_or_else(String::new, |mac| hex(&mac.finalize().into_bytes()))
}

fn matches(key: &[u8], message: &[u8], signature: &str) -> bool {
    let Some(signature) = unhex(signature) else { return false };
    hmac(key, &[message]).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0 && digits.len() <= 256)?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: &str = "{\"algorithm\":\"PBKDF2/SHA-256\",\"cost\":1000,\"expiresAt\":2000000000,\"keyLength\":32,\
        \"keyPrefix\":\"d3efa83bba1824b915cd52d557d7bada\",\
        \"keySignature\":\"85281ca88d4091dc2f0e5320eb4e8a61321d3e1b4705b4fb2bf7c561893c5249\",\
        \"nonce\":\"000102030405060708090a0b0c0d0e0f\",\"salt\":\"101112131415161718191a1b1c1d1e1f\"}";
    const SIGNATURE: &str = "7a949962a64c8f9e8ee60b216a59d91645677a30ab66218bdc3fe32560b7b8fc";
    const DERIVED: &str = "d3efa83bba1824b915cd52d557d7bada223cdc1297473458cab9de331c35f748";

    fn solution(parameters: &Value, counter: u32, derived: &str) -> Result<(), &'static str> {
        let mut key = Key::of(b"unused");
        // The vector's secret is shorter than a key: HMAC pads it with zeros, and so does this.
        key.solution = [0; 32];
        key.solution[..15].copy_from_slice(b"test-key-secret");
        solved(&key, parameters, &json!({ "solution": { "counter": counter, "derivedKey": derived, "time": 1 } }))
    }

    #[test]
    fn the_published_vector_is_signed_derived_and_accepted_both_ways() {
        let parameters: Value = serde_json::from_str(PARAMETERS).unwrap();
        assert_eq!(canonical(&parameters), PARAMETERS);
        assert_eq!(sign(b"test-hmac-key", PARAMETERS.as_bytes()), SIGNATURE);
        assert!(matches(b"test-hmac-key", PARAMETERS.as_bytes(), SIGNATURE));
        let (nonce, salt): (Vec<u8>, Vec<u8>) = ((0..16).collect(), (16..32).collect());
        assert_eq!(hex(&derive(&nonce, &salt, 7, 1_000)), DERIVED);
        assert_eq!(solution(&parameters, 7, DERIVED), Ok(()), "by its signature");
        let other = DERIVED.replace('d', "e");
        assert_eq!(solution(&parameters, 7, &other), Err("its solution is wrong"));
        let mut unsigned = parameters;
        unsigned.as_object_mut().unwrap().remove("keySignature");
        assert_eq!(solution(&unsigned, 7, DERIVED), Ok(()), "by deriving it again");
        assert_eq!(solution(&unsigned, 8, DERIVED), Err("its solution is wrong"));
        assert_eq!(solution(&unsigned, 7, &other), Err("its solution is wrong"));
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn issued(key: &Key, form: &str) -> Value {
        let expires_at = NOW.after(std::time::Duration::from_mins(20));
        issue(key, &Recipe { form, expires_at, cost: 2, counter: 5, random: [7; 32] })
    }

    /// As a browser does it.
    fn payload(challenge: &Value) -> String {
        let parameters = &challenge["parameters"];
        let part = |name: &str| unhex(parameters[name].as_str().unwrap()).unwrap();
        let prefix = parameters["keyPrefix"].as_str().unwrap();
        let cost = u32::try_from(parameters["cost"].as_u64().unwrap()).unwrap();
        let found = (0..100).find_map(|counter| {
            let derived = hex(&derive(&part("nonce"), &part("salt"), counter, cost));
            derived.starts_with(prefix).then_some((counter, derived))
        });
        let (counter, derived) = found.unwrap();
        let solution = json!({ "counter": counter, "derivedKey": derived, "time": 12 });
        STANDARD.encode(json!({ "challenge": challenge, "solution": solution }).to_string())
    }

    #[test]
    fn a_solved_challenge_is_good_for_its_form_until_it_ends() {
        let key = Key::of(b"one");
        let sent = payload(&issued(&key, "contact"));
        let keys = [Key::of(b"newer"), key];
        let solved = check(&keys, "contact", &sent, NOW).unwrap();
        assert_eq!((solved.nonce.len(), solved.expires_at), (32, Timestamp::from_seconds(1_800_001_200)));
        assert_eq!(check(&keys, "quote", &sent, NOW), Err("it belongs to another form"));
        assert_eq!(check(&keys, "contact", &sent, Timestamp::from_seconds(1_800_001_201)), Err("it came too late"));
        assert_eq!(check(&keys[..1], "contact", &sent, NOW), Err("its challenge is not ours"));
        for nonsense in ["", "x", "e30=", &STANDARD.encode("[]"), &"A".repeat(PAYLOAD_BYTES + 1)] {
            assert!(check(&keys, "contact", nonsense, NOW).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_changed_challenge_is_not_ours_and_one_without_end_is_refused() {
        let key = Key::of(b"one");
        let keys = std::slice::from_ref(&key);
        let mut longer = issued(&key, "contact");
        longer["parameters"]["expiresAt"] = json!(2_000_000_000);
        assert_eq!(check(keys, "contact", &payload(&longer), NOW), Err("its challenge is not ours"));
        for ends in [json!(null), json!(0)] {
            let mut endless = issued(&key, "contact");
            endless["parameters"]["expiresAt"] = ends;
            endless["signature"] = json!(sign(&key.challenge, canonical(&endless["parameters"]).as_bytes()));
            assert_eq!(check(keys, "contact", &payload(&endless), NOW), Err("its challenge has no end"));
        }
    }
}
