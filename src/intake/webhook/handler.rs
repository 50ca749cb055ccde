//! One request of a third party, from its head to its answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, header, request};
use axum::response::Response;
use bytes::Bytes;

use super::answer::{self, Refusal};
use super::arrivals::{Empty, HOOK_RATE_LIMIT, Parted, Proven, Taken};
use super::proofs::Sender;
use super::{Hook, HookSet, Proof, WebhookDoor};
use crate::clock::Clock;
use crate::domain::hooks::SEEN_BEFORE;
use crate::domain::hooks::handshake::NoShake;
use crate::domain::hooks::verify::{Evidence, Headers, Unproven};
use crate::intake::form::{FormSet, Peer, body, negotiate};
use crate::store::{NewArrival, StoreResult};

/// Bodies above this are looked into beside the threads that talk to everybody.
const LARGE_BYTES: usize = 64 << 10;
/// Leads journalled in one transaction: up to so many all of a request are kept or none. Of more, what is kept when the
/// others are not is a repeat when the producer, who saw no answer, sends them again.
const AT_ONCE: usize = 1_000;

/// What became of the arrivals of a request.
#[derive(Debug, Default)]
struct Kept {
    /// How many are no repeats.
    new: usize,
    /// How many of these wait because their bytes came long ago.
    late: usize,
}

/// `/hooks/{id}`, every method.
pub(super) async fn hook(
    State(door): State<Arc<WebhookDoor>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    serve(&door, &name, None, request).await
}

/// `/hooks/{id}/{secret}`, every method.
pub(super) async fn hook_with_secret(
    State(door): State<Arc<WebhookDoor>>,
    names: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let (name, secret) = names.map_or_else(|_| (String::new(), String::new()), |Path(names)| names);
    serve(&door, &name, Some(secret), request).await
}

async fn serve(door: &WebhookDoor, name: &str, secret: Option<String>, request: Request) -> Response {
    let (hooks, forms) = (door.hooks.load_full(), door.forms.load_full());
    let (head, body) = request.into_parts();
    let Some(hook) = hooks.at(name) else {
        body::discard(body).await;
        return Refusal::Unknown.answer();
    };
    let peer = head.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    forms.proxies.notice(peer, &head.headers);
    let client = forms.proxies.client(peer, &head.headers);
    let head = Arc::new(head);
    let visit = Visit { door, hooks: &hooks, forms: &forms, hook: &hook, head: &head, client, secret };
    let outcome = match head.method {
        _ if !hook.config.enabled => refuse(body, Refusal::Disabled).await,
        Method::POST => visit.receive(body).await,
        Method::GET if hook.adapter.handshake.is_some() => visit.shake(body).await,
        _ => {
            let allow = if hook.adapter.handshake.is_some() { "GET, POST" } else { "POST" };
            refuse(body, Refusal::Method(allow)).await
        }
    };
    outcome.unwrap_or_else(|refusal| {
        let (status, slug) = refusal.status();
        // Anybody can provoke these: what an operator is to know of is said apart, and seldom.
        tracing::debug!(hook = %hook.config.id, status = status.as_u16(), reason = slug,
            "a request to hook {} was refused: {slug}", hook.config.id);
        metrics::counter!("pisteur_refused_total", "form" => hook.config.id.clone(), "reason" => slug).increment(1);
        refusal.answer()
    })
}

async fn refuse<T>(body: Body, refusal: Refusal) -> Result<T, Refusal> {
    body::discard(body).await;
    Err(refusal)
}

/// Headers of a request; one that comes twice counts as none.
#[derive(Debug)]
struct Sent<'r>(&'r HeaderMap);

impl Headers for Sent<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.0.get_all(name).iter();
        let value = values.next().filter(|_| values.next().is_none())?;
        value.to_str().ok()
    }
}

/// One request under way.
struct Visit<'a> {
    door: &'a WebhookDoor,
    hooks: &'a HookSet,
    forms: &'a FormSet,
    hook: &'a Arc<Hook>,
    head: &'a Arc<request::Parts>,
    client: IpAddr,
    secret: Option<String>,
}

impl Visit<'_> {
    async fn receive(&self, body: Body) -> Result<Response, Refusal> {
        if let Err(refusal) = self.check_head() {
            return refuse(body, refusal).await;
        }
        // A mail provider sends all it has from one address.
        let is_trusted = self.hooks.known.is_trusted(self.client, &self.hook.config.id, Instant::now());
        let counted = Some(self.client).filter(|_| !is_trusted);
        let coming = counted.map(|client| self.forms.unfinished.admit(client).ok_or(Refusal::Busy)).transpose();
        let _coming = match coming {
            Ok(coming) => coming,
            Err(busy) => return refuse(body, busy).await,
        };
        let taken = body::take(counted, &self.head.headers, body, self.body_limit(), &self.forms.uploads).await?;
        // Only what is here whole takes a turn.
        let Ok(turn) = Arc::clone(&self.forms.in_hand).try_acquire_owned() else { return Err(Refusal::Busy) };
        let raw = taken.keep(Some(turn));
        let parted = self.look_into(raw).await?;
        let Taken { arrivals, held } = parted.arrivals();
        match self.keep(arrivals).await {
            Ok(kept) => {
                if let Some(reason) = held.filter(|_| kept.new > 0) {
                    self.tell_held(reason, kept.new);
                }
                if kept.late > 0 {
                    self.tell_held(SEEN_BEFORE, kept.late);
                }
                Ok(answer::reply(&self.hook.adapter.reply))
            }
            Err(error) => {
                tracing::warn!(hook = %self.hook.config.id, %error, "a request to hook {} could not be written down: {error}",
                    self.hook.config.id);
                Err(Refusal::Unavailable)
            }
        }
    }

    /// Proves the request and takes it apart: a little at once, much of it aside, and not more of that at one time than
    /// there are processors.
    async fn look_into(&self, raw: Bytes) -> Result<Parted, Refusal> {
        let waits = self.hooks.waits(self.client, &self.hook.config.id, Instant::now());
        let (hook, head, journal) = (Arc::clone(self.hook), Arc::clone(self.head), self.door.journal.clone());
        let (secret, client, is_large) = (self.secret.clone(), self.client.to_string(), raw.len() > LARGE_BYTES);
        let work = move || {
            let proof = prove(&hook, &head, secret.as_deref(), &raw, journal.clock(), waits.is_none())?;
            Ok(Proven { hook: &hook, head: &head, raw, client, proof }.part(journal.clock()))
        };
        let looked: Result<Result<Parted, Empty>, Unproven> = if is_large {
            let _turn = self.hooks.large.acquire().await;
            self.door.journal.aside(work).await.ok_or(Refusal::Unavailable)?
        } else {
            work()
        };
        let now = self.door.journal.clock().now();
        match looked {
            Ok(parted) => {
                self.hooks.known.note(self.client, &self.hook.config.id, Instant::now());
                self.hooks.proofs.held(&self.hook.config.id);
                parted.map_err(|Empty| Refusal::Malformed("the body is empty".to_owned()))
            }
            // Neither looked at nor counted again.
            Err(why) => waits.map_or_else(
                || {
                    let sender =
                        Sender { client: self.client, known: self.hooks.known.has(self.client, &self.hook.config.id) };
                    self.hooks.proofs.failed(&self.hook.config.id, sender, why, now);
                    Err(self.unproven(why))
                },
                |wait| Err(Refusal::Wait(wait)),
            ),
        }
    }

    /// Writes the arrivals down.
    async fn keep(&self, arrivals: Vec<NewArrival>) -> StoreResult<Kept> {
        let (mut kept, mut arrivals) = (Kept::default(), arrivals.into_iter());
        loop {
            let part: Vec<NewArrival> = arrivals.by_ref().take(AT_ONCE).collect();
            if part.is_empty() {
                return Ok(kept);
            }
            let accepted = self.door.journal.accept_all(part).await?;
            let new = accepted.iter().filter(|accepted| accepted.duplicate_of().is_none());
            kept.new += new.clone().count();
            kept.late += new.filter(|accepted| accepted.is_late()).count();
        }
    }

    /// What is held at the door waits for somebody, who must hear of it.
    fn tell_held(&self, reason: &'static str, leads: usize) {
        let id = &self.hook.config.id;
        if reason == HOOK_RATE_LIMIT {
            self.hooks.overflows.note(id, leads, self.door.journal.clock().now());
            let leads = u64::try_from(leads).unwrap_or(u64::MAX);
            metrics::counter!("pisteur_overflow_total", "form" => id.clone(), "reason" => reason).increment(leads);
        }
        if let Some(times) = self.hooks.warned.due(&format!("{id} {reason}"), Instant::now()) {
            tracing::warn!(hook = %id, times, reason, "hook {id} put a proven request into quarantine ({reason}): pisteur \
                submissions list --state quarantined");
        }
    }

    /// What can be refused before the body.
    fn check_head(&self) -> Result<(), Refusal> {
        if negotiate::is_encoded(&self.head.headers) {
            return Err(Refusal::Encoded);
        }
        let media = negotiate::media_type(&self.head.headers);
        let known = if self.hook.adapter.mail {
            matches!(
                media.as_str(),
                "" | "message/rfc822" | "message/global" | "text/plain" | "application/octet-stream"
            )
        } else {
            matches!(
                media.as_str(),
                "" | "application/json"
                    | "text/json"
                    | "text/plain"
                    | "application/x-www-form-urlencoded"
                    | "multipart/form-data"
            ) || media.ends_with("+json")
        };
        if known { Ok(()) } else { Err(Refusal::Type) }
    }

    fn body_limit(&self) -> usize {
        let limits = &self.forms.limits;
        let usual = if self.hook.adapter.mail { limits.body_with_files_bytes } else { limits.body_bytes };
        self.hook.config.body_bytes.unwrap_or(usual)
    }

    fn unproven(&self, why: Unproven) -> Refusal {
        let id = &self.hook.config.id;
        if let Some(times) = self.hooks.warned.due(id, Instant::now()) {
            let remedy = match why {
                Unproven::Time | Unproven::NoTime => "compare the clocks of both machines",
                _ => {
                    "if the producer is the right one, compare its secret with this hook's, and where `pisteur hooks \
                    list` says that it is looked for"
                }
            };
            tracing::warn!(hook = %id, times, reason = %why, "hook {id} turned a request away: {why}; {remedy}");
        }
        self.count()
    }

    /// Counts a request without proof.
    fn count(&self) -> Refusal {
        let counted = self.hooks.unproven(self.client, &self.hook.config.id, Instant::now());
        counted.map_or_else(Refusal::Wait, |()| Refusal::Unproven)
    }

    async fn shake(&self, body: Body) -> Result<Response, Refusal> {
        body::discard(body).await;
        let Some(handshake) = &self.hook.adapter.handshake else { return Err(Refusal::Method("POST")) };
        let query = form_urlencoded::parse(self.head.uri.query().unwrap_or_default().as_bytes());
        let query: Vec<(String, String)> = query.into_owned().take(50).collect();
        let id = &self.hook.config.id;
        if let Some(wait) = self.hooks.waits(self.client, id, Instant::now()) {
            return Err(Refusal::Wait(wait));
        }
        match handshake.answer(&query, self.hook.tokens(), self.hook.secrets()) {
            Ok(shake) => {
                tracing::info!(hook = %id, "hook {id} answered a handshake");
                Ok(answer::shake(shake))
            }
            Err(NoShake::Malformed) => Err(Refusal::Malformed("this is no handshake".to_owned())),
            Err(NoShake::Unproven) => {
                if let Some(times) = self.hooks.warned.due(&format!("{id} handshake"), Instant::now()) {
                    tracing::warn!(hook = %id, times,
                        "hook {id} refused a handshake: the verify token is not the configured one");
                }
                Err(self.count())
            }
        }
    }
}

/// Proof over the bytes as received. The sender is told nothing, the operator why.
fn prove(
    hook: &Hook,
    head: &request::Parts,
    secret: Option<&str>,
    raw: &[u8],
    clock: &dyn Clock,
    may_guess: bool,
) -> Result<Proof, Unproven> {
    let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let in_query = query.into_iter().find(|(name, _)| name == "key").map(|(_, value)| value.into_owned());
    let content_type = negotiate::text(&head.headers, header::CONTENT_TYPE);
    let evidence = Evidence {
        headers: &Sent(&head.headers),
        body: raw,
        content_type: Some(content_type.as_str()).filter(|t| !t.is_empty()),
        path_secret: secret.or(in_query.as_deref()),
        now: clock.now().seconds(),
    };
    hook.verify(&evidence, may_guess)
}
