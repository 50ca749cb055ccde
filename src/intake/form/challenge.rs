//! What a page's script fetches before it sends: `GET /f/{form}/challenge` and `GET /f/{form}/stamp`.
//!
//! Any website's script may read them: they are for nobody in particular. Nothing is written down for them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header, request};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::Manner;
use super::handler::{Name, name_of, request_peer};
use super::problem::Why;
use super::{FormDoor, body, cors};

/// What is asked for.
#[derive(Clone, Copy)]
enum Wanted {
    Challenge,
    Stamp,
}

/// `/f/{form}/challenge`.
pub(super) async fn challenge(State(door): State<Arc<FormDoor>>, name: Name, request: Request) -> Response {
    answer(&door, &name_of(name), request, Wanted::Challenge).await
}

/// `/f/{form}/stamp`.
pub(super) async fn stamp(State(door): State<Arc<FormDoor>>, name: Name, request: Request) -> Response {
    answer(&door, &name_of(name), request, Wanted::Stamp).await
}

async fn answer(door: &FormDoor, name: &str, request: Request, wanted: Wanted) -> Response {
    let (head, content) = request.into_parts();
    body::discard(content).await;
    let mut response = match head.method {
        Method::OPTIONS => cors::preflight_to_read(),
        Method::GET | Method::HEAD => give(door, name, &head, wanted).unwrap_or_else(|why| refusal(door, &head, &why)),
        _ => refusal(door, &head, &Why::GetOnly),
    };
    cors::sign(&mut response, &cors::Verdict { allow: Some("*".to_owned()), refused: false });
    response
}

fn refusal(door: &FormDoor, head: &request::Parts, why: &Why) -> Response {
    let id = door.journal.clock().new_id();
    let mut manner = Manner::of(&head.headers, head.uri.query().unwrap_or_default(), None, id);
    manner.json = true;
    manner.refusal(why, None, None)
}

fn give(door: &FormDoor, name: &str, head: &request::Parts, wanted: Wanted) -> Result<Response, Why> {
    let set = door.forms.load();
    let form = set.at(name).ok_or(Why::UnknownForm)?;
    if !form.enabled {
        return Err(Why::Inactive);
    }
    let client = set.proxies.client(request_peer(head), &head.headers);
    set.rates.ask(client).map_err(|wait| Why::RateLimited { wait })?;
    let clock = door.journal.clock();
    let said = match wanted {
        Wanted::Stamp => {
            json!({ "_t": door.gate.stamp(&form.id, clock.now()), "submission_id": clock.new_id().to_string(),
                    "captcha": form.captcha })
        }
        Wanted::Challenge => {
            // Making one is work: no more of it at one time than of submissions.
            let Ok(_turn) = set.in_hand.try_acquire() else { return Err(Why::Busy) };
            door.gate.challenge(&form.id, clock).ok_or(Why::Busy)?
        }
    };
    let mut response = (StatusCode::OK, said.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
