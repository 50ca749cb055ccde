//! The public listener: landing page, forms, `/healthz`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::intake::form::{self, FormDoor, Peer, answer, pages};

/// What the public listener needs.
#[derive(Debug)]
pub struct PublicDeps {
    /// The form door.
    pub door: Arc<FormDoor>,
}

/// Routes of the public listener.
pub fn public_router(deps: PublicDeps) -> Router {
    let own = Router::new()
        .route("/", get(landing))
        .route("/healthz", get(|| async { ([(header::CACHE_CONTROL, "no-store")], "alive\n") }))
        .with_state(Arc::clone(&deps.door));
    own.merge(form::router(deps.door)).fallback(nothing_here)
}

async fn nothing_here() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, "There is nothing at this address.\n")
}

async fn landing(State(door): State<Arc<FormDoor>>, request: Request) -> Response {
    let set = door.forms.load();
    let form = set.shown();
    let language = answer::language(request.headers(), request.uri().query().unwrap_or_default(), form.as_deref());
    // Hints for the operator only where nobody else looks: on this machine.
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    let is_near = set.proxies.client(peer, request.headers()).is_loopback();
    let base = if is_near { set.public_url.clone().or_else(|| base(request.headers())) } else { None };
    pages::landing(&pages::Landing {
        language,
        home: "/",
        form: form.as_deref(),
        submission_id: door.journal.clock().new_id().to_string(),
        base: base.as_deref(),
    })
}

/// The address by which the visitor came, when its host looks like one: it stands in a command to be copied.
fn base(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-[]".contains(&b));
    plain.then(|| format!("http://{host}"))
}
