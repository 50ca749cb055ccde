//! Whether a person sent it: our own challenge, or a service that is asked. One gate for every form.
//!
//! Invariants:
//! - a token counts once: sent again with the same content it has the answer of the first time, with other content none;
//! - a service that does not answer is a third outcome, neither passed nor failed;
//! - no wait is longer than the service's time-out, whoever else waits, and no more of them than [`service::AT_ONCE`] are
//!   under way.

pub(super) mod altcha;
mod breaker;
mod flight;
mod service;
mod services;
mod spent;
mod widget;

pub(super) use self::flight::Flights;
pub(super) use self::service::Service;
pub(super) use self::spent::Spent;
pub(super) use self::widget::OnPage;
pub use self::widget::Widget;

/// What came of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Good.
    Passed,
    /// Good, with a low score: the score in words.
    Low(String),
    /// No good: why, one clause.
    Failed(String),
    /// It was used before.
    Spent,
    /// Nobody could be asked: why, one clause.
    Away(String),
}
