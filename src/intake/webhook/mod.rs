//! The door for third parties: `POST /hooks/{id}`, and `GET` for handshakes.
//!
//! Invariants:
//! - proof comes before parsing, but for a key inside the body; parsing before the journal, the journal before the answer;
//! - the bytes as received are journalled; of a request with several leads each has an arrival of its own with nothing of
//!   the others in it, under a key made of the producer's id, so that a redelivery changes nothing;
//! - what is proven is kept: a request that cannot be read or taken apart, or is one too many, waits in quarantine and is
//!   named;
//! - whoever cannot prove who they are is told no more than 401, and to wait after that: then no secret of theirs is
//!   looked at before the time has come;
//! - large bodies are looked into beside the threads that talk to everybody, a few at a time;
//! - connections, slow bodies and memory are bounded with those of the form door.

mod answer;
mod arrivals;
mod handler;
mod known;
mod overflows;
mod proofs;
pub mod set;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::routing::any;
use tokio_util::sync::CancellationToken;

pub use self::set::{Hook, HookSet, Proof};
use crate::intake::accept::Journal;
use crate::intake::form::FormSet;

/// What the door needs.
#[derive(Debug)]
pub struct WebhookDoor {
    /// Where requests are written down.
    pub journal: Journal,
    /// Limits and proxies, shared with the form door.
    pub forms: Arc<ArcSwap<FormSet>>,
    /// Hooks in force; a reload stores a new set.
    pub hooks: Arc<ArcSwap<HookSet>>,
}

/// Between two rounds in which quiet clients are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// Forgets quiet clients, until `cancel`.
pub async fn tend(hooks: Arc<ArcSwap<HookSet>>, cancel: CancellationToken) {
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(FORGET_EVERY) => hooks.load().forget(),
        }
    }
}

/// Routes of the door: `/hooks/{id}`, and `/hooks/{id}/{secret}` for producers that can prove nothing else.
pub fn router(door: Arc<WebhookDoor>) -> Router {
    Router::new()
        .route("/hooks/{id}", any(handler::hook))
        .route("/hooks/{id}/{secret}", any(handler::hook_with_secret))
        .with_state(door)
}
