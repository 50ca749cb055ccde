//! The pages behind the links in mails to visitors: `/c/{token}` confirms, `/u/{token}` ends mail to an address.
//!
//! Invariants:
//! - Opening a page does nothing and asks nothing of the database, so that scanners which fetch every link of a mail
//!   confirm nothing and learn nothing. Only POST acts: the button, or the one click of RFC 8058.
//! - The second POST answers as the first. A link that never was, that has ended, or that is of the other kind: one
//!   neutral page. No page names an address.
//! - The same rates as at the form door; no cookie; nothing another website's script may read. Above them a link that
//!   works still does: mail providers post the one click of many people from few addresses. Looking for it there is
//!   bounded by the rate of challenges, so that guessing stays cheap for us.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::answer::Manner;
use super::handler::{Name, name_of, request_peer};
use super::opt_in_texts::{LinkTexts, texts};
use super::pages::{self, Note};
use super::problem::Why;
use super::{FormDoor, FormSet, body, negotiate};
use crate::domain::visitor::token::Token;
use crate::store::{Evidence, LinkKind, StoreError, Used};

/// Name under which rates know these pages.
const RATE: &str = "link";
/// Methods of both pages.
const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");

/// `/c/{token}`.
pub(super) async fn confirm(State(door): State<Arc<FormDoor>>, name: Name, request: Request) -> Response {
    page(&door, LinkKind::Confirm, name, request).await
}

/// `/u/{token}`.
pub(super) async fn unsubscribe(State(door): State<Arc<FormDoor>>, name: Name, request: Request) -> Response {
    page(&door, LinkKind::Unsubscribe, name, request).await
}

async fn page(door: &FormDoor, kind: LinkKind, name: Name, request: Request) -> Response {
    let (head, unread) = request.into_parts();
    // A body says nothing here: the one click of RFC 8058 is a POST, and so is the button.
    body::discard(unread).await;
    let set = door.forms.load_full();
    let query = head.uri.query().unwrap_or_default();
    let mut manner = Manner::of(&head.headers, query, None, door.journal.clock().new_id());
    manner.json = false;
    let visit = Visit { door, set: &set, kind, manner: &manner, path: head.uri.path() };
    let token = name_of(name);
    let mut response = match head.method {
        Method::GET | Method::HEAD => visit.button(),
        Method::OPTIONS => (StatusCode::NO_CONTENT, [(header::ALLOW, ALLOW)]).into_response(),
        Method::POST => {
            let client = set.proxies.client(request_peer(&head), &head.headers);
            let token = Token::parse(&token);
            if let Err(wait) = visit.knock(token.as_ref(), client).await {
                manner.refusal(&Why::RateLimited { wait }, None, None)
            } else {
                let agent = negotiate::agent(&head.headers);
                visit.act(token, client, agent).await
            }
        }
        _ => {
            let mut refusal = manner.refusal(&Why::Method, None, None);
            refusal.headers_mut().insert(header::ALLOW, ALLOW);
            refusal
        }
    };
    // The address of the page is a secret: no link on it tells where it was.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if head.method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

struct Visit<'a> {
    door: &'a FormDoor,
    set: &'a FormSet,
    kind: LinkKind,
    manner: &'a Manner,
    path: &'a str,
}

impl Visit<'_> {
    fn texts(&self) -> &'static LinkTexts {
        texts(self.manner.language, self.kind)
    }

    fn note(&self, status: StatusCode, title: &str, words: &str, button: Option<&str>) -> Response {
        let action = format!("{}?lang={}", self.path, self.manner.language.code());
        pages::note(&Note { language: self.manner.language, status, title, words, button, action: &action })
    }

    fn button(&self) -> Response {
        let texts = self.texts();
        self.note(StatusCode::OK, texts.ask, texts.ask_more, Some(texts.button))
    }

    /// Counts one use. Who has none left may still use a link that works.
    async fn knock(&self, token: Option<&Token>, client: IpAddr) -> Result<(), Duration> {
        let Err(wait) = self.set.rates.knock(client, RATE) else { return Ok(()) };
        let Some(token) = token else { return Err(wait) };
        self.set.rates.ask(client)?;
        match self.door.journal.open_link(self.kind, &token.hash()).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) | Err(_) => Err(wait),
        }
    }

    async fn act(&self, token: Option<Token>, client: IpAddr, agent: String) -> Response {
        let used = match token {
            Some(token) => self.redeem(&token.hash(), client, agent).await,
            None => Ok(Used::Unknown),
        };
        let texts = self.texts();
        match used {
            Ok(Used::Done) => self.note(StatusCode::OK, texts.done, texts.done_more, None),
            Ok(Used::Unknown) => self.note(StatusCode::NOT_FOUND, texts.ended, texts.ended_more, None),
            Err(error) => {
                tracing::warn!(%error, "a link in a mail could not be used: {error}");
                self.manner.refusal(&Why::Unavailable, None, None)
            }
        }
    }

    async fn redeem(&self, hash: &str, client: IpAddr, agent: String) -> Result<Used, StoreError> {
        let journal = &self.door.journal;
        let Some(link) = journal.open_link(self.kind, hash).await? else { return Ok(Used::Unknown) };
        let site = self.set.public_url.as_deref().unwrap_or_default();
        let path = match self.kind {
            LinkKind::Confirm => "/c/",
            LinkKind::Unsubscribe => "/u/",
        };
        let evidence = Evidence {
            client_ip: self.set.kept_ip(&link.form, client),
            user_agent: Some(agent).filter(|agent| !agent.is_empty()),
            // Without the token: who reads the evidence is not to use the link.
            page: Some(format!("{site}{path}")),
        };
        let used = journal.use_link(self.kind, hash, evidence).await?;
        if used == Used::Done {
            metrics::counter!("pisteur_links_used_total", "kind" => self.kind.as_str()).increment(1);
        }
        Ok(used)
    }
}
