//! `POST /f`: the body names its form, for page builders that cannot change an address or a hidden field.
//!
//! The body is taken within the largest limit of any form, asked for its form, and handed to that form's own address: from
//! there on everything is as if it had been sent there. A form that is not named, or not known, is 404, like an address
//! without a form.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Method, header};
use axum::response::Response;
use bytes::Bytes;

use super::answer::Manner;
use super::fields::{self, Allowed, Encoding};
use super::handler::{self, request_peer};
use super::problem::Why;
use super::{FormDoor, FormSet, body, cors, negotiate};

/// Names under which a body says whose it is, strongest first.
const NAMES: [&str; 4] = ["access_key", "apikey", "_form", "form-name"];

/// `/f`, every method.
pub(super) async fn anywhere(State(door): State<Arc<FormDoor>>, request: Request) -> Response {
    let set = door.forms.load_full();
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    let manner = Manner::of(&head.headers, query, None, door.journal.clock().new_id());
    let refuse = |why: &Why| everybody_may_read(manner.refusal(why, None, None));
    match head.method {
        Method::OPTIONS => return everybody_may_read(cors::preflight()),
        Method::POST => {}
        _ => {
            body::discard(body).await;
            return refuse(&Why::PostOnly);
        }
    }
    let encoding = match encoding(&head.headers) {
        Ok(encoding) => encoding,
        Err(why) => {
            body::discard(body).await;
            return refuse(&why);
        }
    };
    let client = set.proxies.client(request_peer(&head), &head.headers);
    let taken = {
        let Some(_coming) = set.unfinished.admit(client) else {
            body::discard(body).await;
            return refuse(&Why::Busy);
        };
        body::take(&head.headers, body, set.largest_body(), &set.in_hand_bytes).await
    };
    let taken = match taken {
        Ok(taken) => taken,
        Err(why) => return refuse(&why),
    };
    let raw = Bytes::from(taken.bytes);
    match named(&set, encoding, &negotiate::text(&head.headers, header::CONTENT_TYPE), &raw) {
        // Its share of the memory is held to the end: the form's address takes one of its own.
        Ok(name) => {
            let request = Request::from_parts(head, Body::from(raw));
            let response = handler::form(State(Arc::clone(&door)), Ok(Path(name)), request).await;
            drop(taken.share);
            response
        }
        Err(why) => refuse(&why),
    }
}

fn encoding(headers: &axum::http::HeaderMap) -> Result<Encoding, Why> {
    if negotiate::is_encoded(headers) {
        return Err(Why::ContentEncoding);
    }
    Encoding::of(&negotiate::media_type(headers)).ok_or(Why::ContentType)
}

/// The name of the form that a body belongs to, as it stands in its address.
fn named(set: &FormSet, encoding: Encoding, content_type: &str, raw: &[u8]) -> Result<String, Why> {
    let said = fields::read(encoding, content_type, raw, &Allowed::ANY)?;
    let name = NAMES.iter().find_map(|name| said.value(name)).ok_or(Why::UnknownForm)?;
    set.at(name).map(|form| form.path_name().to_owned()).ok_or(Why::UnknownForm)
}

/// No form's list applies yet; the answer says nothing about anybody.
fn everybody_may_read(mut response: Response) -> Response {
    cors::sign(&mut response, &cors::Verdict { allow: Some("*".to_owned()), refused: false });
    response
}
