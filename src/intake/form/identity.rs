//! `POST /f`: the body names its form, for page builders that cannot change an address or a hidden field.
//!
//! The client knocks; then the body is taken within the largest limit of any form, asked for its form, and handed on as
//! it lies in memory: from there on everything is as if it had been sent to that form's address. A form that is not
//! named, or not known, is 404, like an address without a form.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, header, request};
use axum::response::Response;

use super::answer::Manner;
use super::fields::{self, Allowed, Encoding};
use super::handler::{self, Here, Sent, request_peer};
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
    let encoding = match handler::encoding(&head.headers).and_then(|found| found.ok_or(Why::ContentType)) {
        Ok(encoding) => encoding,
        Err(why) => {
            body::discard(body).await;
            return refuse(&why);
        }
    };
    let here = match bring_in(&set, &head, encoding, body).await {
        Ok(here) => here,
        Err(why) => return refuse(&why),
    };
    match named(&door, &set, encoding, &head, &here).await {
        Ok(name) => handler::answer(door, set, &name, head, Sent::Here(here)).await,
        Err(why) => refuse(here.standing.as_ref().err().unwrap_or(&why)),
    }
}

/// The body, once its client has knocked.
async fn bring_in(set: &FormSet, head: &request::Parts, encoding: Encoding, body: Body) -> Result<Here, Why> {
    let client = set.proxies.client(request_peer(head), &head.headers);
    let knocked = set.rates.knock_anywhere(client);
    Here::take((set, client), &head.headers, body, knocked, set.largest_body(encoding.may_hold_files())).await
}

/// The name of the form that a body belongs to, as it stands in its address.
async fn named(
    door: &FormDoor,
    set: &FormSet,
    encoding: Encoding,
    head: &request::Parts,
    here: &Here,
) -> Result<String, Why> {
    let (raw, content_type) = (here.raw.clone(), negotiate::text(&head.headers, header::CONTENT_TYPE));
    let read = move || {
        let said = fields::read(encoding, &content_type, &raw, &Allowed::ANY)?;
        NAMES.iter().find_map(|name| said.value(name)).map(str::to_owned).ok_or(Why::UnknownForm)
    };
    let name = handler::by_size(&door.journal, here.raw.len(), read).await??;
    set.at(&name).map(|form| form.path_name().to_owned()).ok_or(Why::UnknownForm)
}

/// No form's list applies yet; the answer says nothing about anybody.
fn everybody_may_read(mut response: Response) -> Response {
    cors::sign(&mut response, &cors::Verdict { allow: Some("*".to_owned()), refused: false });
    response
}
