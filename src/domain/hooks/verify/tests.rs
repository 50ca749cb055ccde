//! Every published vector, and what must not pass.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

const BODY: &[u8] = br#"{"a":1}"#;
const NOW: i64 = 1_700_000_000;

/// A verifier as an adapter writes it.
fn rule(toml: &str) -> Verifier {
    let verifier: Verifier = toml::from_str(toml).unwrap();
    verifier.check().unwrap();
    verifier
}

fn headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(n, v)| (n.to_ascii_lowercase(), (*v).to_owned())).collect()
}

fn verified(rule: &Verifier, secrets: &[&str], sent: &[(&str, &str)], body: &[u8], now: i64) -> Result<(), Unproven> {
    let secrets: Vec<String> = secrets.iter().map(|s| (*s).to_owned()).collect();
    let headers = headers(sent);
    let evidence = Evidence { headers: &headers, body, content_type: Some("application/json"), path_secret: None, now };
    rule.verify(&secrets, &evidence)
}

const TYPEFORM: &str = "header = 'Typeform-Signature'\nprefix = 'sha256='\nencoding = 'base64'";
const TALLY: &str = "header = 'Tally-Signature'\nencoding = 'base64'";
const META: &str = "header = 'X-Hub-Signature-256'\nprefix = 'sha256='";
const OPNFORM: &str = "header = 'X-Webhook-Signature'\nprefix = 'sha256='";
const LINKEDIN: &str = "header = 'X-LI-Signature'\nsigned = 'hmacsha256={body}'";
const WEBFLOW: &str =
    "header = 'x-webflow-signature'\nts_header = 'x-webflow-timestamp'\nts_unit = 'ms'\nsigned = '{ts}:{body}'";
const STRIPE: &str =
    "header = 'Stripe-Signature'\nts_in_header = 't'\nsignature_in_header = 'v1'\nsigned = '{ts}.{body}'";
const TIKTOK: &str =
    "header = 'TikTok-Signature'\nts_in_header = 't'\nsignature_in_header = 's'\nsigned = '{ts}.{body}'";
const STANDARD_WEBHOOKS: &str = "header = 'webhook-signature'\nprefix = 'v1,'\nseparator = ' '\nencoding = 'base64'\nid_header = 'webhook-id'\nts_header = 'webhook-timestamp'\nsigned = '{id}.{ts}.{body}'\nsecret_prefix = 'whsec_'\nsecret_encoding = 'base64'";

const BASE64: &str = "qp4uNXX11wmLbKzNeQiIw21f22M0KnO62i1qUXR6hJQ=";
const HEX: &str = "aa9e2e3575f5d7098b6caccd790888c36d5fdb63342a73bada2d6a51747a8494";
const LINKEDIN_HEX: &str = "f2d9a5026c4b83880f40f6453d1467f17be0e906ea8841d7ba8a4560f8220fd6";
const WEBFLOW_HEX: &str = "2771fa9d831c2c34306a777725c9743ffdedaf3030596bc7b488c970ff31f61c";
const STRIPE_HEX: &str = "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";

/// Rule, headers and what part of them is the signature's own text.
fn vectors() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    vec![
        (TYPEFORM, vec![("Typeform-Signature", format!("sha256={BASE64}"))]),
        (TALLY, vec![("Tally-Signature", BASE64.to_owned())]),
        (META, vec![("X-Hub-Signature-256", format!("sha256={HEX}"))]),
        (OPNFORM, vec![("X-Webhook-Signature", format!("sha256={HEX}"))]),
        (LINKEDIN, vec![("X-LI-Signature", LINKEDIN_HEX.to_owned())]),
        (
            WEBFLOW,
            vec![("x-webflow-signature", WEBFLOW_HEX.to_owned()), ("x-webflow-timestamp", "1700000000000".to_owned())],
        ),
        (STRIPE, vec![("Stripe-Signature", format!("t=1700000000,v1={STRIPE_HEX}"))]),
        (TIKTOK, vec![("TikTok-Signature", format!("t=1700000000,s={STRIPE_HEX}"))]),
    ]
}

fn plain<'a>(sent: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    sent.iter().map(|(n, v)| (*n, v.as_str())).collect()
}

#[test]
fn the_published_vectors_hold() {
    for (toml, sent) in vectors() {
        assert_eq!(verified(&rule(toml), &["secret"], &plain(&sent), BODY, NOW), Ok(()), "{toml}");
    }
}

#[test]
fn the_vector_of_standard_webhooks_holds_under_both_names() {
    let (secret, body) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", br#"{"test": 2432232314}"#);
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    for (toml, prefix) in
        [(STANDARD_WEBHOOKS.to_owned(), "webhook"), (STANDARD_WEBHOOKS.replace("webhook-", "svix-"), "svix")]
    {
        let rule = rule(&toml);
        let names = ["id", "timestamp", "signature"].map(|name| format!("{prefix}-{name}"));
        let sent = |signature: &'static str| {
            let values = ["msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", signature];
            names.iter().map(String::as_str).zip(values).collect::<Vec<_>>()
        };
        let check = |signature, now| verified(&rule, &[secret], &sent(signature), body, now);
        assert_eq!(check(signature, 1_614_265_330), Ok(()));
        assert_eq!(check("v1,AAAA v2,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", 1_614_265_330), Ok(()));
        assert_eq!(check("v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", 1_614_265_330), Err(Unproven::Missing));
        assert_eq!(check(signature, 1_614_265_330 + 300), Ok(()));
        assert_eq!(check(signature, 1_614_265_330 + 301), Err(Unproven::Time));
        assert_eq!(check(signature, 1_614_265_330 - 301), Err(Unproven::Time));
        let other =
            [(names[0].as_str(), "msg_other"), (names[1].as_str(), "1614265330"), (names[2].as_str(), signature)];
        assert_eq!(verified(&rule, &[secret], &other, body, 1_614_265_330), Err(Unproven::Wrong));
    }
}

#[test]
fn no_byte_of_body_or_signature_may_differ() {
    for (toml, sent) in vectors() {
        let rule = rule(toml);
        for at in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[at] ^= 1;
            assert_eq!(verified(&rule, &["secret"], &plain(&sent), &body, NOW), Err(Unproven::Wrong), "{toml} {at}");
        }
        let value = sent[0].1.clone();
        let start = value.len() - if value.contains('=') && toml.contains("base64") { 43 } else { 64 };
        for at in start..value.len() - 2 {
            let mut forged = value.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            let mut sent = sent.clone();
            sent[0].1 = String::from_utf8(forged).unwrap();
            assert_eq!(verified(&rule, &["secret"], &plain(&sent), BODY, NOW), Err(Unproven::Wrong), "{toml} {at}");
        }
    }
}

#[test]
fn old_and_future_times_are_refused_where_there_is_a_time() {
    for (toml, sent) in vectors() {
        let dated = toml.contains("ts_");
        for off in [-301, 301] {
            let expected = if dated { Err(Unproven::Time) } else { Ok(()) };
            assert_eq!(verified(&rule(toml), &["secret"], &plain(&sent), BODY, NOW + off), expected, "{toml} {off}");
        }
        assert_eq!(verified(&rule(toml), &["secret"], &plain(&sent), BODY, NOW + 300), Ok(()), "{toml}");
    }
    // Another time than the signed one does not make an old message young.
    let sent = [("Stripe-Signature", format!("t=1700009999,v1={STRIPE_HEX}"))];
    assert_eq!(verified(&rule(STRIPE), &["secret"], &plain(&sent), BODY, 1_700_009_999), Err(Unproven::Wrong));
    for time in ["", "-5", "1e9", "99999999999999999999", "1700000000 "] {
        let sent = [("x-webflow-signature", WEBFLOW_HEX), ("x-webflow-timestamp", time)];
        assert_eq!(verified(&rule(WEBFLOW), &["secret"], &sent, BODY, NOW), Err(Unproven::NoTime), "{time}");
    }
}

#[test]
fn without_a_secret_nothing_is_believed() {
    for (toml, sent) in vectors() {
        assert_eq!(verified(&rule(toml), &[], &plain(&sent), BODY, NOW), Err(Unproven::NoSecret));
        assert_eq!(verified(&rule(toml), &[""], &plain(&sent), BODY, NOW), Err(Unproven::NoSecret));
        assert!(verified(&rule(toml), &["secret"], &[], BODY, NOW).is_err());
    }
    // The signature of an empty key is not accepted either.
    let empty = format!("sha256={}", hmac_hex(b"", BODY));
    assert_eq!(
        verified(&rule(META), &["", " "], &[("X-Hub-Signature-256", &empty)], BODY, NOW),
        Err(Unproven::NoSecret)
    );
}

#[test]
fn while_secrets_change_both_are_good_and_afterwards_only_the_new_one() {
    let sent = [("X-Hub-Signature-256", format!("sha256={HEX}"))];
    assert_eq!(verified(&rule(META), &["new", "secret"], &plain(&sent), BODY, NOW), Ok(()));
    assert_eq!(verified(&rule(META), &["new"], &plain(&sent), BODY, NOW), Err(Unproven::Wrong));
}

#[test]
fn a_signature_in_another_encoding_or_without_its_prefix_is_refused() {
    let check = |toml: &str, name: &str, value: &str| verified(&rule(toml), &["secret"], &[(name, value)], BODY, NOW);
    assert_eq!(check(TYPEFORM, "Typeform-Signature", &format!("sha256={HEX}")), Err(Unproven::Wrong));
    assert_eq!(check(TYPEFORM, "Typeform-Signature", BASE64), Err(Unproven::Missing));
    assert_eq!(check(META, "X-Hub-Signature-256", &format!("sha256={BASE64}")), Err(Unproven::Missing));
    assert_eq!(check(META, "X-Hub-Signature-256", &format!("sha1={HEX}")), Err(Unproven::Missing));
    assert_eq!(check(META, "X-Hub-Signature-256", "sha256="), Err(Unproven::Missing));
    assert_eq!(check(META, "X-Hub-Signature-256", &format!("sha256={}", HEX.to_uppercase())), Ok(()));
    // Half a signature is no signature.
    assert_eq!(check(META, "X-Hub-Signature-256", &format!("sha256={}", &HEX[..32])), Err(Unproven::Wrong));
}

#[test]
fn an_old_scheme_beside_the_signature_is_ignored() {
    let sent = [("Stripe-Signature", format!("t=1700000000,v0={STRIPE_HEX}"))];
    assert_eq!(verified(&rule(STRIPE), &["secret"], &plain(&sent), BODY, NOW), Err(Unproven::Missing));
    let both = [("Stripe-Signature", format!("t=1700000000,v1=00,v1={STRIPE_HEX},v0=11"))];
    assert_eq!(verified(&rule(STRIPE), &["secret"], &plain(&both), BODY, NOW), Ok(()));
}

#[test]
fn the_other_algorithms_are_those_of_their_standards() {
    // RFC 2202 case 2 and RFC 4231 case 2.
    let (key, data) = ("Jefe", b"what do ya want for nothing?");
    let sha1 = rule("header = 'x'\nalgorithm = 'sha1'");
    assert_eq!(verified(&sha1, &[key], &[("x", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")], data, 0), Ok(()));
    let sha512 = rule("header = 'x'\nalgorithm = 'sha512'");
    let tag = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    assert_eq!(verified(&sha512, &[key], &[("x", tag)], data, 0), Ok(()));
    assert_eq!(verified(&sha512, &["jefe"], &[("x", tag)], data, 0), Err(Unproven::Wrong));
}

#[test]
fn signatures_with_a_public_key_are_checked() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = format!("whpk_{}", STANDARD.encode(pair.public_key()));
    let mut toml = STANDARD_WEBHOOKS.replace("v1,", "v1a,").replace("whsec_", "whpk_");
    toml.push_str("\nalgorithm = 'ed25519'");
    let signature = format!("v1a,{}", STANDARD.encode(pair.sign(b"msg_1.1700000000.{\"a\":1}")));
    let sent = [("webhook-id", "msg_1"), ("webhook-timestamp", "1700000000"), ("webhook-signature", &signature)];
    assert_eq!(verified(&rule(&toml), &[&public], &sent, BODY, NOW), Ok(()));
    assert_eq!(verified(&rule(&toml), &[&public], &sent, b"{}", NOW), Err(Unproven::Wrong));
    assert_eq!(verified(&rule(&toml), &["whpk_c2hvcnQ="], &sent, BODY, NOW), Err(Unproven::NoSecret));
}

#[test]
fn tokens_are_compared_whole() {
    let bearer = rule("kind = 'token'\nheader = 'Authorization'\nprefix = 'Bearer '");
    let check = |value: &str| verified(&bearer, &["t0ken", "older"], &[("Authorization", value)], BODY, NOW);
    assert_eq!(check("Bearer t0ken"), Ok(()));
    assert_eq!(check("bearer older"), Ok(()));
    for wrong in ["Bearer t0ke", "Bearer t0kenn", "Bearer T0ken", "Bearer ", "t0ken", "Basic t0ken", ""] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
    let basic = rule("kind = 'basic'");
    let check = |value: &str| verified(&basic, &["eva:pass:word"], &[("Authorization", value)], BODY, NOW);
    assert_eq!(check(&format!("Basic {}", STANDARD.encode("eva:pass:word"))), Ok(()));
    assert_eq!(check(&format!("basic {}", STANDARD.encode("eva:password"))), Err(Unproven::Wrong));
    assert_eq!(check("Basic %%%"), Err(Unproven::Missing));
}

#[test]
fn a_key_in_the_body_is_compared_and_a_body_without_one_refused() {
    let google = rule("kind = 'body'\npath = 'google_key'");
    let check = |body: &[u8]| verified(&google, &["k3y"], &[], body, NOW);
    assert_eq!(check(br#"{"google_key":"k3y"}"#), Ok(()));
    assert_eq!(check(br#"{"google_key":"k3Y"}"#), Err(Unproven::Wrong));
    assert_eq!(check(br#"{"google_key":["k3y"]}"#), Err(Unproven::Missing));
    assert_eq!(check(br#"{"lead_id":"1"}"#), Err(Unproven::Missing));
    assert_eq!(check(b"{broken"), Err(Unproven::Missing));
}

#[test]
fn a_rule_that_proves_nothing_is_refused() {
    for (toml, key) in [
        ("prefix = 'x'", "verify.header"),
        ("header = 'x'\nsigned = '{ts}'", "verify.signed"),
        ("header = 'x'\nts_header = 't'", "verify.signed"),
        ("header = 'x'\nsigned = '{ts}{body}'", "verify.signed"),
        ("header = 'x'\nsigned = '{id}{body}'", "verify.id_header"),
        ("header = 'x'\nencoding = 'text'", "verify.encoding"),
        ("header = 'x'\nsigned = '{ts}{body}'\nts_header = 't'\ntolerance_seconds = 0", "verify.tolerance_seconds"),
        ("kind = 'token'", "verify.header"),
        ("kind = 'body'", "verify.path"),
    ] {
        let verifier: Verifier = toml::from_str(toml).unwrap();
        let error = verifier.check().unwrap_err();
        assert!(error.starts_with(key), "{toml}: {error}");
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_shared_secret() {
    let shared = rule(STANDARD_WEBHOOKS);
    let public = "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert!(shared.key(public).is_err());
    assert!(shared.key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_ok(), "the prefix may be left out");
}
