//! The form door: `POST /f/{form}` (or `/f`, when the body names the form), the form's own page at the same address, and its thank-you page.
//!
//! Invariants:
//! - what is answered with success is journalled and synced first;
//! - unknown form, wrong method, wrong type, too large, malformed, empty and too frequent are refused before the
//!   journal; everything else is written down first, whatever is answered;
//! - nothing in a request chooses another site to be sent to, unless the form lists it.

pub mod answer;
pub(in crate::intake) mod body;
pub mod budget;
mod captcha;
mod challenge;
pub mod client;
pub mod cors;
mod echoes;
pub mod faults;
pub(in crate::intake) mod fields;
pub mod gate;
mod handler;
mod identity;
mod journalled;
pub mod keys;
pub mod marked;
pub mod near;
pub mod negotiate;
mod opt_in;
mod opt_in_texts;
pub mod pages;
pub mod problem;
pub mod rates;
pub mod redirect;
pub mod scripts;
pub mod set;
mod shares;
pub mod stamp;
pub mod texts;
pub mod unfinished;
pub mod uploads;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use tokio_util::sync::CancellationToken;

pub use self::body::TooSlow;
pub use self::captcha::Widget;
pub use self::client::{OverTls, Peer};
pub use self::gate::Gate;
pub use self::journalled::KEY_REUSED;
pub use self::set::FormSet;
use crate::intake::accept::Journal;

/// Between two rounds in which rates forget quiet clients.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// What the form door needs.
#[derive(Debug)]
pub struct FormDoor {
    /// Where submissions are written down.
    pub journal: Journal,
    /// What judges submissions.
    pub gate: Arc<Gate>,
    /// Forms in force; a reload stores a new set.
    pub forms: Arc<ArcSwap<FormSet>>,
}

/// Routes of the form door: `/f/{form}`, with a slash at its end or without; below it `thanks`, `challenge` and `stamp`; the scripts for websites; `/c/{token}`
/// and `/u/{token}` of mails to visitors.
pub fn router(door: Arc<FormDoor>) -> Router {
    Router::new()
        .route("/f", any(identity::anywhere))
        .route("/f/", any(identity::anywhere))
        .route("/f/{form}", any(handler::form))
        .route("/f/{form}/", any(handler::form))
        .route("/f/{form}/thanks", get(handler::thanks).fallback(only_shown))
        .route("/pisteur.js", get(scripts::enhancer).fallback(only_shown))
        .route("/attribution.js", get(scripts::attribution).fallback(only_shown))
        .route("/c/{token}", any(opt_in::confirm))
        .route("/u/{token}", any(opt_in::unsubscribe))
        .route("/f/{form}/challenge", any(challenge::challenge))
        .route("/f/{form}/stamp", any(challenge::stamp))
        .with_state(door)
}

/// What an address answers that only shows something, when it is asked for anything else.
pub async fn only_shown(State(door): State<Arc<FormDoor>>, request: Request) -> Response {
    let (head, content) = request.into_parts();
    body::discard(content).await;
    answer::only_shown(&head.method, &head.uri, &head.headers, door.journal.clock().new_id())
}

/// Lets rates forget quiet clients, until `cancel`.
pub async fn tend(forms: Arc<ArcSwap<FormSet>>, cancel: CancellationToken) {
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(FORGET_EVERY) => forms.load().rates.forget(),
        }
    }
}
