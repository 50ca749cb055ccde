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

/// The adapters as they are shipped: what is exercised is what runs.
const FILES: [(&str, &str); 12] = [
    ("calendly", include_str!("../../../../config/adapters/calendly.toml")),
    ("formstack", include_str!("../../../../config/adapters/formstack.toml")),
    ("hmac", include_str!("../../../../config/adapters/hmac.toml")),
    ("linkedin-lead-gen", include_str!("../../../../config/adapters/linkedin-lead-gen.toml")),
    ("meta-lead-ads", include_str!("../../../../config/adapters/meta-lead-ads.toml")),
    ("opnform", include_str!("../../../../config/adapters/opnform.toml")),
    ("standard-webhooks", include_str!("../../../../config/adapters/standard-webhooks.toml")),
    ("stripe-style", include_str!("../../../../config/adapters/stripe-style.toml")),
    ("tally", include_str!("../../../../config/adapters/tally.toml")),
    ("tiktok", include_str!("../../../../config/adapters/tiktok.toml")),
    ("typeform", include_str!("../../../../config/adapters/typeform.toml")),
    ("webflow", include_str!("../../../../config/adapters/webflow.toml")),
];

/// A way of proof of a shipped adapter: `typeform`, or `standard-webhooks 2` for the third one.
fn shipped(which: &str) -> Verifier {
    let (name, nth) = which.split_once(' ').unwrap_or((which, "0"));
    let (_, text) = FILES.iter().find(|(file, _)| *file == name).unwrap();
    let adapter = crate::domain::hooks::Adapter::parse(name, name, text).unwrap();
    adapter.verifiers.get(nth.parse::<usize>().unwrap()).unwrap().clone()
}

const META: &str = "meta-lead-ads";
const STRIPE: &str = "stripe-style";
const TYPEFORM: &str = "typeform";
const WEBFLOW: &str = "webflow";

const BASE64: &str = "qp4uNXX11wmLbKzNeQiIw21f22M0KnO62i1qUXR6hJQ=";
const HEX: &str = "aa9e2e3575f5d7098b6caccd790888c36d5fdb63342a73bada2d6a51747a8494";
const LINKEDIN_HEX: &str = "f2d9a5026c4b83880f40f6453d1467f17be0e906ea8841d7ba8a4560f8220fd6";
const WEBFLOW_HEX: &str = "2771fa9d831c2c34306a777725c9743ffdedaf3030596bc7b488c970ff31f61c";
const STRIPE_HEX: &str = "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";

/// Adapter, and headers of which the first holds the signature.
fn vectors() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    vec![
        (TYPEFORM, vec![("Typeform-Signature", format!("sha256={BASE64}"))]),
        ("tally", vec![("Tally-Signature", BASE64.to_owned())]),
        (META, vec![("X-Hub-Signature-256", format!("sha256={HEX}"))]),
        ("hmac", vec![("X-Signature", format!("sha256={HEX}"))]),
        ("opnform", vec![("X-Webhook-Signature", format!("sha256={HEX}"))]),
        ("formstack", vec![("X-FS-Signature", format!("sha256={HEX}"))]),
        ("linkedin-lead-gen", vec![("X-LI-Signature", LINKEDIN_HEX.to_owned())]),
        (
            WEBFLOW,
            vec![("x-webflow-signature", WEBFLOW_HEX.to_owned()), ("x-webflow-timestamp", "1700000000000".to_owned())],
        ),
        (STRIPE, vec![("X-Signature", format!("t=1700000000,v1={STRIPE_HEX}"))]),
        ("calendly", vec![("Calendly-Webhook-Signature", format!("t=1700000000,v1={STRIPE_HEX}"))]),
        ("tiktok", vec![("TikTok-Signature", format!("t=1700000000,s={STRIPE_HEX}"))]),
    ]
}

fn plain<'a>(sent: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    sent.iter().map(|(n, v)| (*n, v.as_str())).collect()
}

#[test]
fn the_published_vectors_hold() {
    for (which, sent) in vectors() {
        assert_eq!(verified(&shipped(which), &["secret"], &plain(&sent), BODY, NOW), Ok(()), "{which}");
    }
}

#[test]
fn the_vector_of_standard_webhooks_holds_under_both_names() {
    let (secret, body) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", br#"{"test": 2432232314}"#);
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    for (which, prefix) in [("standard-webhooks", "webhook"), ("standard-webhooks 1", "svix")] {
        let rule = shipped(which);
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
    for (which, sent) in vectors() {
        let rule = shipped(which);
        for at in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[at] ^= 1;
            assert_eq!(verified(&rule, &["secret"], &plain(&sent), &body, NOW), Err(Unproven::Wrong), "{which} {at}");
        }
        let value = sent[0].1.clone();
        let start = value.len() - if rule.encoding == Encoding::Base64 { 43 } else { 64 };
        for at in start..value.len() - 2 {
            let mut forged = value.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            let mut sent = sent.clone();
            sent[0].1 = String::from_utf8(forged).unwrap();
            assert_eq!(verified(&rule, &["secret"], &plain(&sent), BODY, NOW), Err(Unproven::Wrong), "{which} {at}");
        }
    }
}

#[test]
fn old_and_future_times_are_refused_where_there_is_a_time() {
    for (which, sent) in vectors() {
        let dated = shipped(which).tolerance().is_some();
        for off in [-301, 301] {
            let expected = if dated { Err(Unproven::Time) } else { Ok(()) };
            assert_eq!(
                verified(&shipped(which), &["secret"], &plain(&sent), BODY, NOW + off),
                expected,
                "{which} {off}"
            );
        }
        assert_eq!(verified(&shipped(which), &["secret"], &plain(&sent), BODY, NOW + 300), Ok(()), "{which}");
    }
    // Another time than the signed one does not make an old message young.
    let sent = [("X-Signature", format!("t=1700009999,v1={STRIPE_HEX}"))];
    assert_eq!(verified(&shipped(STRIPE), &["secret"], &plain(&sent), BODY, 1_700_009_999), Err(Unproven::Wrong));
    for time in ["", "-5", "1e9", "99999999999999999999", "1700000000 "] {
        let sent = [("x-webflow-signature", WEBFLOW_HEX), ("x-webflow-timestamp", time)];
        assert_eq!(verified(&shipped(WEBFLOW), &["secret"], &sent, BODY, NOW), Err(Unproven::NoTime), "{time}");
    }
}

#[test]
fn without_a_secret_nothing_is_believed() {
    for (which, sent) in vectors() {
        assert_eq!(verified(&shipped(which), &[], &plain(&sent), BODY, NOW), Err(Unproven::NoSecret));
        assert_eq!(verified(&shipped(which), &[""], &plain(&sent), BODY, NOW), Err(Unproven::NoSecret));
        assert!(verified(&shipped(which), &["secret"], &[], BODY, NOW).is_err());
    }
    // The signature of an empty key is not accepted either.
    let empty = format!("sha256={}", hmac_hex(b"", BODY));
    assert_eq!(
        verified(&shipped(META), &["", " "], &[("X-Hub-Signature-256", &empty)], BODY, NOW),
        Err(Unproven::NoSecret)
    );
}

#[test]
fn while_secrets_change_both_are_good_and_afterwards_only_the_new_one() {
    let sent = [("X-Hub-Signature-256", format!("sha256={HEX}"))];
    assert_eq!(verified(&shipped(META), &["new", "secret"], &plain(&sent), BODY, NOW), Ok(()));
    assert_eq!(verified(&shipped(META), &["new"], &plain(&sent), BODY, NOW), Err(Unproven::Wrong));
}

#[test]
fn a_signature_in_another_encoding_or_without_its_prefix_is_refused() {
    let check =
        |which: &str, name: &str, value: &str| verified(&shipped(which), &["secret"], &[(name, value)], BODY, NOW);
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
    let sent = [("X-Signature", format!("t=1700000000,v0={STRIPE_HEX}"))];
    assert_eq!(verified(&shipped(STRIPE), &["secret"], &plain(&sent), BODY, NOW), Err(Unproven::Missing));
    let both = [("X-Signature", format!("t=1700000000,v1=00,v1={STRIPE_HEX},v0=11"))];
    assert_eq!(verified(&shipped(STRIPE), &["secret"], &plain(&both), BODY, NOW), Ok(()));
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
    let rule = shipped("standard-webhooks 2");
    let signature = format!("v1a,{}", STANDARD.encode(pair.sign(b"msg_1.1700000000.{\"a\":1}")));
    let sent = [("webhook-id", "msg_1"), ("webhook-timestamp", "1700000000"), ("webhook-signature", &signature)];
    assert_eq!(verified(&rule, &[&public], &sent, BODY, NOW), Ok(()));
    assert_eq!(verified(&rule, &[&public], &sent, b"{}", NOW), Err(Unproven::Wrong));
    assert_eq!(verified(&rule, &["whpk_c2hvcnQ="], &sent, BODY, NOW), Err(Unproven::NoSecret));
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
    let shared = shipped("standard-webhooks");
    let public = "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert!(shared.key(public).is_err());
    assert!(shared.key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_ok(), "the prefix may be left out");
}
