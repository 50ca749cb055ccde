//! The one IMAP client: connect, log in, select, search, fetch, wait, mark. It knows nothing of the journal.
//!
//! Invariants:
//! - Every wait has a time-out; a session that timed out or failed to parse is dropped, never used again.
//! - Every command reads to its own tagged answer: a NO, a BAD or a lost connection is never an empty result.
//! - `\Seen` is never set: only `BODY.PEEK` is fetched. ENVELOPE and BODYSTRUCTURE are never asked for.
//! - Secrets appear in no error text and in no `Debug` output.

mod connect;
mod error;
mod fetch;
mod folder;
mod handle;
mod login;
mod marking;
mod moving;
mod oauth;
mod probe;
mod secret;
mod session;
mod tls;
mod wire;

pub use connect::{Access, open};
pub use error::{ErrorClass, ImapError};
pub use fetch::{Got, How, Meta, Want};
pub use folder::Selected;
pub use handle::{
    Link, MailboxHandle, MailboxStatus, Mailboxes, MarkError, MarkOutcome, MarkReceiver, MarkRequest, StatusSender,
    channel,
};
pub use marking::{KEYWORD, Marked};
pub use oauth::{TokenFacts, TokenFetcher, TokenSource, Vault};
pub use probe::{Grade, ProbeLine, ProbeReport, probe};
pub use session::Session;
