//! A way of proof as an adapter or the configuration writes it, and the keys that secrets stand for.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::hooks::path::Path;

/// The kinds of proof.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A signature in a header.
    #[default]
    Signature,
    /// A token in a header.
    Token,
    /// User and password in `Authorization` (RFC 7617); the secret is `user:password`.
    Basic,
    /// A key inside the body.
    Body,
    /// A secret in the address.
    Path,
}

/// Encodings of signatures and secrets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal, either case.
    #[default]
    Hex,
    /// Base64, padded or not, either alphabet.
    Base64,
    /// As it is (secrets only).
    Text,
}

/// Algorithms of signatures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// HMAC-SHA256.
    #[default]
    Sha256,
    /// HMAC-SHA1, where a producer offers nothing else.
    Sha1,
    /// HMAC-SHA512.
    Sha512,
    /// Ed25519 (RFC 8032); the secret is the producer's public key.
    Ed25519,
}

/// Units of time stamps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds.
    #[default]
    S,
    /// Milliseconds.
    Ms,
}

/// One way of proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Verifier {
    /// `signature`, `token`, `basic`, `body` or `path`.
    pub kind: Kind,
    /// Header of the signature or token.
    pub header: String,
    /// What stands before the signature or token in its header, or before each of a list.
    pub prefix: String,
    /// `hex` or `base64`.
    pub encoding: Encoding,
    /// `sha256`, `sha1`, `sha512` or `ed25519`.
    pub algorithm: Algorithm,
    /// What is signed, with `{body}`, `{ts}` and `{id}`.
    pub signed: String,
    /// Header of the message id.
    pub id_header: String,
    /// Header of the time stamp.
    pub ts_header: String,
    /// Name of the time stamp inside the signature header: `t` in `t=1700000000,v1=..`.
    pub ts_in_header: String,
    /// Name of the signatures inside that header: `v1`.
    pub signature_in_header: String,
    /// `s` or `ms`.
    pub ts_unit: Unit,
    /// How far the time stamp may lie from this clock, in seconds.
    pub tolerance_seconds: u32,
    /// What separates several signatures in one header.
    pub separator: String,
    /// What stands before the secret as the producer shows it: `whsec_`.
    pub secret_prefix: String,
    /// How the secret is written: `text`, `base64` or `hex`.
    pub secret_encoding: Encoding,
    /// Where the key lies in the body.
    #[schemars(with = "String")]
    pub path: Path,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            kind: Kind::Signature,
            header: String::new(),
            prefix: String::new(),
            encoding: Encoding::Hex,
            algorithm: Algorithm::Sha256,
            signed: "{body}".to_owned(),
            id_header: String::new(),
            ts_header: String::new(),
            ts_in_header: String::new(),
            signature_in_header: String::new(),
            ts_unit: Unit::S,
            tolerance_seconds: 300,
            separator: String::new(),
            secret_prefix: String::new(),
            secret_encoding: Encoding::Text,
            path: Path::default(),
        }
    }
}

impl Verifier {
    /// What is wrong with it as written.
    ///
    /// # Errors
    /// The key and what to do, one sentence.
    pub fn check(&self) -> Result<(), String> {
        let dated = !self.ts_header.is_empty() || !self.ts_in_header.is_empty();
        let say = |what: &str| Err(what.to_owned());
        match self.kind {
            Kind::Signature if self.header.is_empty() => say("verify.header: name the header of the signature"),
            Kind::Signature if !self.signed.contains("{body}") => {
                say("verify.signed: {body} must be signed, or anybody could send another body")
            }
            Kind::Signature if self.signed.contains("{ts}") != dated => say(
                "verify.signed: {ts} needs ts_header or ts_in_header, and a time stamp that is not signed proves nothing",
            ),
            Kind::Signature if self.signed.contains("{id}") && self.id_header.is_empty() => {
                say("verify.id_header: name the header of the {id} that is signed")
            }
            Kind::Signature if self.encoding == Encoding::Text => say("verify.encoding: hex or base64"),
            Kind::Signature if dated && !(1..=86_400).contains(&self.tolerance_seconds) => {
                say("verify.tolerance_seconds: between 1 and 86400")
            }
            Kind::Signature if self.ts_in_header.is_empty() != self.signature_in_header.is_empty() => {
                say("verify.ts_in_header and verify.signature_in_header belong together")
            }
            Kind::Token if self.header.is_empty() => say("verify.header: name the header of the token"),
            Kind::Body if self.path == Path::default() => say("verify.path: name where the key lies in the body"),
            _ => Ok(()),
        }
    }

    /// The key that a configured secret stands for.
    ///
    /// # Errors
    /// What is wrong with it; the secret is not repeated.
    pub fn key(&self, secret: &str) -> Result<Vec<u8>, String> {
        let secret = secret.trim();
        if self.kind == Kind::Basic && !secret.contains(':') {
            return Err("a user and a password are needed: write the secret as user:password".to_owned());
        }
        let wrong = || "the secret is not in the producer's form: copy it anew".to_owned();
        // What wears another producer's or another kind's prefix is never taken for a key of this kind: a public key
        // used as a shared secret would let anybody sign.
        let bare = match secret.strip_prefix(self.secret_prefix.as_str()) {
            Some(bare) => bare,
            None if self.algorithm == Algorithm::Ed25519 || secret.contains('_') => return Err(wrong()),
            None => secret,
        };
        let key = decode(self.secret_encoding, bare).ok_or_else(wrong)?;
        if key.is_empty() {
            return Err("the secret is empty".to_owned());
        }
        if self.algorithm == Algorithm::Ed25519 && key.len() != 32 {
            return Err("the public key must have 32 bytes".to_owned());
        }
        Ok(key)
    }
}

/// Bytes of a text in an encoding; `None` when it is not in it.
pub(super) fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Text => Some(text.as_bytes().to_vec()),
        Encoding::Base64 => {
            [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].iter().find_map(|form| form.decode(text).ok())
        }
        Encoding::Hex => {
            let bytes = text.as_bytes();
            if bytes.is_empty() || !bytes.len().is_multiple_of(2) {
                return None;
            }
            let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
            let pair = |pair: &[u8]| match pair {
                [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
                _ => None,
            };
            bytes.chunks(2).map(pair).collect()
        }
    }
}
