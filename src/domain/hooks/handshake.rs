//! Proof of ownership by GET at the hook's own address.
//!
//! Invariant: what is signed or reflected has a strict shape. A door that signed any text would sign bodies, and its
//! answer would be a forged signature.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::verify::hmac_hex;

/// Longest challenge reflected, in characters.
const CHALLENGE_CHARS: usize = 64;

/// How a producer asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Handshake {
    /// The challenge comes back as it is, when the verify token is right.
    Echo {
        /// Parameter of the token.
        token: String,
        /// Parameter of the challenge.
        challenge: String,
        /// A parameter with its only right value.
        #[serde(default)]
        mode: Option<(String, String)>,
    },
    /// The challenge, a UUID, comes back signed with the secret.
    Sign {
        /// Parameter of the challenge.
        challenge: String,
        /// Member of the answer with the challenge.
        echo: String,
        /// Member of the answer with its signature.
        answer: String,
    },
}

/// What to answer: content type and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shake {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Body.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoShake {
    /// No such question; what is asked has another shape.
    #[error("the request is no handshake")]
    Malformed,
    /// The token is wrong, or there is no secret.
    #[error("the verify token is wrong, or no secret is configured")]
    Unproven,
}

impl Handshake {
    /// Answers a GET. `tokens` are the verify tokens, `secrets` the signing secrets, newest first.
    ///
    /// # Errors
    /// See [`NoShake`].
    pub fn answer(&self, query: &[(String, String)], tokens: &[String], secrets: &[String]) -> Result<Shake, NoShake> {
        let once = |name: &str| {
            let mut values = query.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
            values.next().filter(|_| values.next().is_none())
        };
        match self {
            Self::Echo { token, challenge, mode } => {
                let asked = once(challenge).filter(|c| is_plain(c)).ok_or(NoShake::Malformed)?;
                if mode.as_ref().is_some_and(|(name, value)| once(name) != Some(value)) {
                    return Err(NoShake::Malformed);
                }
                let given = once(token).ok_or(NoShake::Malformed)?;
                let right = tokens
                    .iter()
                    .filter(|t| !t.is_empty())
                    .fold(subtle::Choice::from(0), |found, token| found | token.as_bytes().ct_eq(given.as_bytes()));
                if !bool::from(right) {
                    return Err(NoShake::Unproven);
                }
                Ok(Shake { content_type: "text/plain; charset=utf-8", body: asked.to_owned() })
            }
            Self::Sign { challenge, echo, answer } => {
                let asked = once(challenge).filter(|c| is_uuid(c)).ok_or(NoShake::Malformed)?;
                let secret = secrets.iter().find(|s| !s.is_empty()).ok_or(NoShake::Unproven)?;
                let signed = hmac_hex(secret.as_bytes(), asked.as_bytes());
                let body = serde_json::json!({ echo.as_str(): asked, answer.as_str(): signed }).to_string();
                Ok(Shake { content_type: "application/json", body })
            }
        }
    }
}

fn is_plain(text: &str) -> bool {
    (1..=CHALLENGE_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// A UUID in its usual form (RFC 9562): 8-4-4-4-12 hexadecimal digits, nothing around it.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linkedin() -> Handshake {
        let (challenge, echo, answer) = ("challengeCode", "challengeCode", "challengeResponse");
        Handshake::Sign { challenge: challenge.into(), echo: echo.into(), answer: answer.into() }
    }

    fn meta() -> Handshake {
        Handshake::Echo {
            token: "hub.verify_token".into(),
            challenge: "hub.challenge".into(),
            mode: Some(("hub.mode".into(), "subscribe".into())),
        }
    }

    fn ask(handshake: &Handshake, query: &str, tokens: &[&str], secrets: &[&str]) -> Result<Shake, NoShake> {
        let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let owned = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        handshake.answer(&query, &owned(tokens), &owned(secrets))
    }

    #[test]
    fn linkedin_is_answered_with_the_signature_of_its_challenge() {
        let code = "890e4665-4dfe-4ab1-b689-ed553bceeed0";
        let answer = ask(&linkedin(), &format!("challengeCode={code}&applicationId=7"), &[], &["secret"]).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["challengeCode"], code);
        assert_eq!(answer["challengeResponse"], "9585d359e64d6a2013e0cf377f702b7141313246286c6891f22e3bfcc3938f65");
    }

    #[test]
    fn the_door_is_no_signing_oracle_for_linkedin() {
        // Signed, this string would be the signature of the body {"a":1}: f2d9a5026c4b..
        let oracle = "hmacsha256={\"a\":1}";
        assert_eq!(
            hmac_hex(b"secret", oracle.as_bytes()),
            "f2d9a5026c4b83880f40f6453d1467f17be0e906ea8841d7ba8a4560f8220fd6"
        );
        let encoded: String = form_urlencoded::byte_serialize(oracle.as_bytes()).collect();
        assert_eq!(ask(&linkedin(), &format!("challengeCode={encoded}"), &[], &["secret"]), Err(NoShake::Malformed));
        for code in [
            "",
            "890e4665-4dfe-4ab1-b689-ed553bceeed",
            "890e4665-4dfe-4ab1-b689-ed553bceeed00",
            "890e4665-4dfe-4ab1-b689-ed553bceeedg",
            "890e46654dfe4ab1b689ed553bceeed0",
            "{890e4665-4dfe-4ab1-b689-ed553bceeed0}",
            "urn:uuid:890e4665-4dfe-4ab1-b689-ed553bceeed0",
            "890e4665-4dfe-4ab1-b689-ed553bceeed0%0A",
            "%20890e4665-4dfe-4ab1-b689-ed553bceeed0",
            "890e4665-4dfe-4ab1-b689-ed553bceeed0&challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0",
        ] {
            assert_eq!(
                ask(&linkedin(), &format!("challengeCode={code}"), &[], &["secret"]),
                Err(NoShake::Malformed),
                "{code}"
            );
        }
        let code = "challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0";
        assert_eq!(ask(&linkedin(), code, &[], &[]), Err(NoShake::Unproven));
        assert_eq!(ask(&linkedin(), code, &[], &[""]), Err(NoShake::Unproven));
    }

    #[test]
    fn meta_gets_its_challenge_back_for_the_right_token_only() {
        let query = |token: &str, challenge: &str| {
            format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge={challenge}")
        };
        let answer = ask(&meta(), &query("right", "1158201444"), &["new", "right"], &[]).unwrap();
        assert_eq!((answer.body.as_str(), answer.content_type), ("1158201444", "text/plain; charset=utf-8"));
        assert_eq!(ask(&meta(), &query("wrong", "1"), &["right"], &[]), Err(NoShake::Unproven));
        assert_eq!(ask(&meta(), &query("", "1"), &[], &[]), Err(NoShake::Unproven));
        assert_eq!(ask(&meta(), &query("", "1"), &[""], &[]), Err(NoShake::Unproven));
        for challenge in ["", "%3Cscript%3E", "a.b", "a%20b", "a%0Ab", "é", &"1".repeat(65)] {
            assert_eq!(
                ask(&meta(), &query("right", challenge), &["right"], &[]),
                Err(NoShake::Malformed),
                "{challenge}"
            );
        }
        let longest = "A-z_".repeat(16);
        assert!(ask(&meta(), &query("right", &longest), &["right"], &[]).is_ok());
        let other = "hub.mode=unsubscribe&hub.verify_token=right&hub.challenge=1";
        assert_eq!(ask(&meta(), other, &["right"], &[]), Err(NoShake::Malformed));
    }
}
