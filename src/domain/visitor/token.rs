//! Tokens of links in mails to visitors: 128 random bits, written as 32 hexadecimal digits, kept as a hash.

use crate::domain::envelope::Digest;

/// A token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(u128);

impl std::fmt::Debug for Token {
    /// Whoever holds a token may use it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

impl Token {
    /// Of bits nobody can guess.
    #[must_use]
    pub const fn new(secret: u128) -> Self {
        Self(secret)
    }

    /// As it was read from a link; `None` when it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| u128::from_str_radix(text, 16).ok().map(Self))?
    }

    /// As it stands in a link.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{:032x}", self.0)
    }

    /// As it is kept.
    #[must_use]
    pub fn hash(&self) -> String {
        Digest::of(self.text().as_bytes()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_nothing_else_is_one() {
        for secret in [0, 1, u128::MAX] {
            let token = Token::new(secret);
            assert_eq!(token.text().len(), 32);
            assert_eq!(Token::parse(&token.text()), Some(token.clone()));
            assert!(!token.hash().contains(&token.text()) && !format!("{token:?}").contains(&token.text()));
        }
        let odd = ["", "x", "+0000000000000000000000000000001", "ABCDEF00000000000000000000000001", &"0".repeat(33)];
        assert!(odd.iter().all(|text| Token::parse(text).is_none()));
    }
}
