//! Why the mail server did not do it, in the classes that decide what happens next.

use std::io;

use async_imap::error::Error as Protocol;

use crate::domain::plain;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// The configuration can never work as it is (missing secret, unusable certificate file, no such folder).
    Settings,
    /// Credentials refused: a person must act; long pauses.
    Auth,
    /// The access token ended: get a new one and reconnect at once.
    TokenExpired,
    /// The server asks for patience.
    Throttled,
    /// Connection lost, refused or timed out.
    Network,
    /// The server's words could not be understood: the connection is dropped.
    Protocol,
    /// A tagged NO or BAD to this one command; the connection is still good.
    Refused,
    /// Not the mail server: our own database does not take mail at present.
    Store,
}

impl ErrorClass {
    /// The word for metrics, logs and status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Auth => "auth",
            Self::TokenExpired => "token_expired",
            Self::Throttled => "throttled",
            Self::Network => "network",
            Self::Protocol => "protocol",
            Self::Refused => "refused",
            Self::Store => "store",
        }
    }
}

/// A failure of the IMAP client: its class and one sentence without secrets or message text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ImapError {
    /// Decides what happens next.
    pub class: ErrorClass,
    /// One sentence.
    pub text: String,
}

impl ImapError {
    /// A failure of this class.
    pub fn new(class: ErrorClass, text: impl Into<String>) -> Self {
        Self { class, text: text.into() }
    }

    /// The same without `secret`, should the server have repeated it.
    pub(super) fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            self.text = self.text.replace(secret, "***");
        }
        self
    }

    pub(super) fn timed_out(what: &str) -> Self {
        Self::new(ErrorClass::Network, format!("time-out: {what}"))
    }

    /// The connection is gone; `bye` is the server's last word, if it said one.
    pub(super) fn lost(bye: Option<String>) -> Self {
        match bye {
            Some(text) => Self::new(class_of_text(&text, ErrorClass::Network), format!("server said BYE: {text}")),
            None => Self::new(ErrorClass::Network, "the connection was lost"),
        }
    }

    /// A tagged NO or BAD.
    pub(super) fn refused(command: &str, answer: &str) -> Self {
        let text = printable(answer);
        Self::new(class_of_text(&text, ErrorClass::Refused), format!("{command} refused: {text}"))
    }

    /// From reading or writing the stream. Parse errors carry the raw bytes in their text: those are left out.
    pub(super) fn io(error: &io::Error, bye: Option<String>) -> Self {
        if bye.is_some() {
            return Self::lost(bye);
        }
        let text = error.to_string();
        if text.contains("during parsing of") {
            return Self::new(ErrorClass::Protocol, "the server's answer could not be parsed");
        }
        if text.contains("incoming data too large") {
            return Self::new(ErrorClass::Protocol, "the server's answer is too large");
        }
        if text.contains(super::wire::TOO_MUCH) {
            return Self::new(ErrorClass::Protocol, super::wire::TOO_MUCH);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::new(ErrorClass::Network, "the connection was lost within an answer"),
            io::ErrorKind::Other => Self::new(ErrorClass::Network, "the connection failed"),
            kind => Self::new(ErrorClass::Network, format!("the connection failed: {kind}")),
        }
    }

    /// From async-imap's own commands.
    pub(super) fn command(command: &str, error: &Protocol, bye: Option<String>) -> Self {
        match error {
            Protocol::Io(e) => Self::io(e, bye),
            Protocol::No(text) | Protocol::Bad(text) => Self::refused(command, said(text)),
            Protocol::ConnectionLost => Self::lost(bye),
            Protocol::Validate(_) => {
                Self::new(ErrorClass::Settings, format!("{command}: a name contains a line break: remove it"))
            }
            _ => Self::new(ErrorClass::Protocol, format!("{command}: the server's answer could not be parsed")),
        }
    }
}

/// Reads the class out of a server's sentence; `otherwise` when it tells nothing.
fn class_of_text(text: &str, otherwise: ErrorClass) -> ErrorClass {
    let lower = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|w| lower.contains(w));
    if says(&["accesstokenexpired", "session invalidated", "token expired", "session expired"]) {
        ErrorClass::TokenExpired
    } else if says(&[
        "[unavailable]",
        "[limit]",
        "[overquota]",
        "[inuse]",
        "maximum number of connections",
        "too many",
        "throttl",
        "try again later",
        "temporarily",
        "rate limit",
        "bandwidth",
    ]) {
        ErrorClass::Throttled
    } else if says(&[
        "[authenticationfailed]",
        "[authorizationfailed]",
        "[expired]",
        "[privacyrequired]",
        "basic authentication is disabled",
        "authenticated but not connected",
        "invalid credentials",
        "invalid_grant",
        "logindisabled",
        "application-specific password",
        "not authenticated",
    ]) {
        ErrorClass::Auth
    } else {
        otherwise
    }
}

/// At most 200 columns of a server's sentence, on one line.
pub(super) fn printable(text: &str) -> String {
    plain::one_line(text, 200)
}

/// The server's own words out of async-imap's description of an answer.
fn said(described: &str) -> &str {
    let words = described.split_once("info: Some(\"").map(|(_, rest)| rest.trim_end_matches("\")"));
    words.unwrap_or(described)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_servers_decide_the_class() {
        let class = |text: &str| ImapError::refused("X", text).class;
        assert_eq!(class("[AUTHENTICATIONFAILED] Authentication failed."), ErrorClass::Auth);
        assert_eq!(class("User is authenticated but not connected."), ErrorClass::Auth);
        assert_eq!(class("[UNAVAILABLE] Temporary authentication failure."), ErrorClass::Throttled);
        assert_eq!(class("[OVERQUOTA] Not now"), ErrorClass::Throttled);
        assert_eq!(class("[NONEXISTENT] Unknown Mailbox"), ErrorClass::Refused);
        assert_eq!(
            ImapError::lost(Some("Session invalidated - AccessTokenExpired".into())).class,
            ErrorClass::TokenExpired
        );
        assert_eq!(ImapError::lost(None).class, ErrorClass::Network);
    }

    #[test]
    fn parse_errors_do_not_carry_the_message() {
        let error = io::Error::other("Error(..) during parsing of \"* 1 FETCH secret mail text\"");
        let said = ImapError::io(&error, None);
        assert_eq!(said.class, ErrorClass::Protocol);
        assert!(!said.text.contains("secret"));
    }
}
