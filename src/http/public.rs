//! The public listener: landing page, forms, hooks, `/healthz`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::Response;
use axum::routing::get;

use crate::intake::form::pages::Place;
use crate::intake::form::{self, FormDoor, OverTls, Peer, answer, near, pages};
use crate::intake::webhook::{self, WebhookDoor};

/// What the public listener needs.
#[derive(Debug)]
pub struct PublicDeps {
    /// The form door.
    pub door: Arc<FormDoor>,
    /// The door of third parties.
    pub hooks: Arc<WebhookDoor>,
}

/// Routes of the public listener.
pub fn public_router(deps: PublicDeps) -> Router {
    let own = Router::new()
        .route("/", get(landing).fallback(form::only_shown))
        .route("/healthz", get(|| async { ([(header::CACHE_CONTROL, "no-store")], "alive\n") }))
        .with_state(Arc::clone(&deps.door));
    let door = Arc::clone(&deps.door);
    let nothing_here = move |request: Request| {
        let id = door.journal.clock().new_id();
        std::future::ready(answer::nothing_here(request.uri(), request.headers(), id))
    };
    own.merge(form::router(deps.door)).merge(webhook::router(deps.hooks)).fallback(nothing_here)
}

async fn landing(State(door): State<Arc<FormDoor>>, request: Request) -> Response {
    let set = door.forms.load();
    let form = set.shown();
    let query = request.uri().query().unwrap_or_default();
    let language = answer::language(request.headers(), query, form.as_deref());
    // Hints for the operator only where nobody else looks: on this machine.
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    let base = near::base(&set, peer, OverTls::scheme(request.extensions()), request.headers());
    let widget = form.as_deref().and_then(|form| door.gate.widget(form));
    let referer = request.headers().get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    pages::landing(&pages::Landing {
        language,
        home: "/",
        query,
        referer,
        place: Place::Alone,
        form: form.as_deref(),
        widget: widget.as_ref(),
        submission_id: door.journal.clock().new_id().to_string(),
        stamp: form.as_ref().map_or_else(String::new, |form| door.gate.stamp(&form.id, door.journal.clock().now())),
        base: base.as_deref(),
    })
}
