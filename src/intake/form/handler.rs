//! One request to a form, from its head to its answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, header, request};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::Semaphore;
use ulid::Ulid;

use super::answer::Manner;
use super::body::Taken;
use super::faults;
use super::fields::{self, Allowed, Encoding, Said};
use super::journalled::{Arrived, Beside, RATE_LIMIT, write_down};
use super::marked;
use super::pages::{Landing, Place};
use super::problem::Why;
use super::rates::Standing;
use super::redirect::{self, Sender, Target};
use super::texts::Language;
use super::{FormDoor, FormSet, OverTls, Peer, body, cors, near, negotiate, pages};
use crate::config::form::{FormConfig, origin};
use crate::domain::reading::ReadLimits;
use crate::domain::reading::field_names::{self, is_relay};
use crate::domain::submission::Canonical;
use crate::intake::accept::Journal;

/// Whoever is turned away for a moment still gets back what was typed, if the body is no larger than this.
pub(super) const TYPED_BYTES: usize = 64 << 10;

/// A body larger than this is read beside the threads that talk to everybody.
const LARGE_BYTES: usize = 256 << 10;

/// What a request brings.
pub(super) enum Sent {
    /// A body on its way.
    Coming(Body),
    /// One that was taken in to see whose it is.
    Here(Here),
}

/// A body in memory.
pub(super) struct Here {
    /// Its bytes; its share of the memory and its turn go with them.
    pub(super) raw: Bytes,
    /// How its client is known, or why it is turned away.
    pub(super) standing: Result<Standing, Why>,
}

impl Here {
    /// Takes a turn, if its client may come in: only what is here whole does, slow senders would hold them all.
    fn new(taken: Taken, knocked: Result<Standing, Duration>, turns: &Arc<Semaphore>) -> Self {
        let (turn, standing) = match knocked {
            Ok(standing) => match Arc::clone(turns).try_acquire_owned() {
                Ok(turn) => (Some(turn), Ok(standing)),
                Err(_) => (None, Err(Why::Busy)),
            },
            Err(wait) => (None, Err(Why::RateLimited { wait })),
        };
        Self { raw: taken.keep(turn), standing }
    }

    /// The body of a client that has knocked, at most `most` bytes. Of one that knocks too often no more is read than can
    /// be shown to it again.
    pub(super) async fn take(
        (set, client): (&FormSet, IpAddr),
        headers: &HeaderMap,
        body: Body,
        knocked: Result<Standing, Duration>,
        most: usize,
    ) -> Result<Self, Why> {
        let limit = if knocked.is_ok() { most } else { most.min(TYPED_BYTES) };
        match body::take_from(client, set, headers, body, limit).await {
            Ok(taken) => Ok(Self::new(taken, knocked, &set.in_hand)),
            Err(why) => Err(knocked.err().map_or(why, |wait| Why::RateLimited { wait })),
        }
    }
}

/// The encoding of a body, if its type names one.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Option<Encoding>, Why> {
    if negotiate::is_encoded(headers) {
        return Err(Why::ContentEncoding);
    }
    let media_type = negotiate::media_type(headers);
    match Encoding::of(&media_type) {
        None if !media_type.is_empty() => Err(Why::ContentType),
        found => Ok(found),
    }
}

impl Sent {
    async fn discard(self) {
        if let Self::Coming(body) = self {
            body::discard(body).await;
        }
    }
}

/// Does work on so many bytes: a little at once, much of it aside.
pub(super) async fn by_size<T: Send + 'static>(
    journal: &Journal,
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Why> {
    if bytes > LARGE_BYTES { journal.aside(work).await.ok_or(Why::Unavailable) } else { Ok(work()) }
}

/// A refusal, with what had been read by then.
pub(super) struct Refused {
    pub(super) why: Why,
    pub(super) said: Option<Box<Said>>,
}

impl From<Why> for Refused {
    fn from(why: Why) -> Self {
        Self { why, said: None }
    }
}

/// The name in the address, if it is text at all.
pub(super) type Name = Result<Path<String>, PathRejection>;

/// No form has an empty name, so that one that is not text names none.
pub(super) fn name_of(name: Name) -> String {
    name.map_or_else(|_| String::new(), |Path(name)| name)
}

/// `/f/{form}`, every method.
pub(super) async fn form(State(door): State<Arc<FormDoor>>, name: Name, request: Request) -> Response {
    let set = door.forms.load_full();
    let (head, body) = request.into_parts();
    answer(door, set, &name_of(name), head, Sent::Coming(body)).await
}

/// One request to the form at `name`.
pub(super) async fn answer(
    door: Arc<FormDoor>,
    set: Arc<FormSet>,
    name: &str,
    head: request::Parts,
    brought: Sent,
) -> Response {
    let form = set.at(name);
    let peer = request_peer(&head);
    set.proxies.notice(peer, &head.headers);
    let request_id = door.journal.clock().new_id();
    let mut manner = Manner::of(&head.headers, head.uri.query().unwrap_or_default(), form.as_deref(), request_id);
    manner.opened = matches!(head.method, Method::GET | Method::HEAD);
    let Some(form) = form else {
        brought.discard().await;
        // A browser that may not even ask would tell its page nothing.
        let is_question = head.method == Method::OPTIONS;
        let mut response = if is_question { cors::preflight() } else { manner.refusal(&Why::UnknownForm, None, None) };
        cors::sign(&mut response, &cors::Verdict { allow: Some("*".to_owned()), refused: false });
        return response;
    };
    manner.widget = door.gate.widget(&form);
    let verdict = cors::verdict(&form, &head.headers, set.public_url.as_deref());
    let mut response = match head.method {
        Method::OPTIONS => cors::preflight(),
        Method::POST => {
            let visit = Arc::new(Visit { door, set, form, head, origin_refused: verdict.refused });
            match visit.receive(brought, &mut manner).await {
                Ok(response) => response,
                Err(refused) => visit.refuse(&refused, &manner),
            }
        }
        Method::GET | Method::HEAD => {
            brought.discard().await;
            hosted(&door, &set, &form, &manner, &head)
        }
        _ => manner.refusal(if form.hosted { &Why::Method } else { &Why::PostOnly }, Some(&form), None),
    };
    cors::sign(&mut response, &verdict);
    response
}

/// The form's own page, for whoever has no website to put it on.
fn hosted(door: &FormDoor, set: &FormSet, form: &FormConfig, manner: &Manner, head: &request::Parts) -> Response {
    if !form.enabled || !form.hosted {
        let why = if form.enabled { Why::PostOnly } else { Why::Inactive };
        return manner.refusal(&why, Some(form), None);
    }
    let base = near::base(set, request_peer(head), OverTls::scheme(&head.extensions), &head.headers);
    let base = base.filter(|_| manner.place == Place::Alone);
    pages::landing(&Landing {
        language: manner.language,
        home: &format!("/f/{}", form.path_name()),
        query: head.uri.query().unwrap_or_default(),
        referer: &negotiate::text(&head.headers, header::REFERER),
        place: manner.place.clone(),
        form: Some(form),
        widget: manner.widget.as_ref(),
        submission_id: manner.request_id.to_string(),
        stamp: door.gate.stamp(&form.id, door.journal.clock().now()),
        base: base.as_deref(),
    })
}

/// `GET /f/{form}/thanks`.
pub(super) async fn thanks(State(door): State<Arc<FormDoor>>, name: Name, request: Request) -> Response {
    let name = name_of(name);
    let form = door.forms.load().at(&name);
    let query = request.uri().query().unwrap_or_default();
    let mut manner = Manner::of(request.headers(), query, form.as_deref(), door.journal.clock().new_id());
    manner.opened = true;
    match form {
        Some(form) => pages::thanks(manner.language, manner.back.as_deref(), Some(&form), &manner.place),
        None => manner.refusal(&Why::UnknownForm, None, None),
    }
}

/// The socket's peer.
pub(super) fn request_peer(head: &request::Parts) -> IpAddr {
    head.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
}

/// One submission under way.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) door: Arc<FormDoor>,
    pub(super) set: Arc<FormSet>,
    pub(super) form: Arc<FormConfig>,
    pub(super) head: request::Parts,
    pub(super) origin_refused: bool,
}

impl Visit {
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// A header as text; empty when absent.
    pub(super) fn header(&self, name: &str) -> String {
        negotiate::text(self.headers(), name)
    }

    /// The visitor's address.
    pub(super) fn client(&self) -> IpAddr {
        self.set.proxies.client(request_peer(&self.head), self.headers())
    }

    /// What a field of the form means, as declared or by its name.
    pub(super) fn meaning(&self, name: &str) -> Option<Canonical> {
        let declared = self.form.fields.iter().find(|field| field.name == name).and_then(|field| field.canonical);
        let to_answer_to = || field_names::is_reply_address(name).then_some(Canonical::Email);
        declared.or_else(to_answer_to).or_else(|| field_names::canonical(name))
    }

    async fn receive(self: &Arc<Self>, sent: Sent, manner: &mut Manner) -> Result<Response, Refused> {
        let encoding = match self.check_head() {
            Ok(encoding) => encoding,
            Err(why) => {
                sent.discard().await;
                return Err(why.into());
            }
        };
        let Here { raw, standing } = self.bring_in(encoding, sent).await?;
        let standing = match standing {
            Ok(standing) => standing,
            Err(why) => return Err(self.turned_away(encoding, raw, why).await),
        };
        // No type and no bytes: an empty form rather than a wrong type.
        let encoding = match encoding {
            Some(encoding) => encoding,
            None if raw.is_empty() => return Err(Why::Empty.into()),
            None => return Err(Why::ContentType.into()),
        };
        let said = self.read(encoding, &raw).await?;
        if let Some(language) = said.value("_language").or_else(|| said.value("_lang")).and_then(Language::of_tag) {
            manner.language = language;
        }
        if said.is_empty(&self.form) {
            return Err(Refused { why: Why::Empty, said: Some(Box::new(said)) });
        }
        if !self.form.allow_files && !said.files.is_empty() && !said.has_data(&self.form) {
            return Err(Refused { why: Why::NoFiles, said: Some(Box::new(said)) });
        }
        self.note_relays(&said);
        self.note_origin();
        let test = marked::is_test(self.headers(), &self.door.journal).await?;
        let beside = Beside { faults: faults::of(&self.form, &said), test, crowded: standing.is_crowded() };
        let said = Arc::new(said);
        match self.settle(raw, &said, beside, manner.json).await {
            Ok(id) => Ok(manner.success(id, &self.next(&said, manner), &said.refused, &self.form)),
            Err(why) => Err(Refused { why, said: Some(Box::new(Arc::unwrap_or_clone(said))) }),
        }
    }

    /// The body, once its client has knocked.
    async fn bring_in(&self, encoding: Option<Encoding>, brought: Sent) -> Result<Here, Why> {
        let (set, client) = (&*self.set, self.client());
        let most = set.body_limit(&self.form, encoding.is_some_and(Encoding::may_hold_files));
        let body = match brought {
            Sent::Coming(body) => body,
            Sent::Here(here) if here.raw.len() > most => return Err(Why::TooLarge { limit: most }),
            Sent::Here(Here { raw, standing }) => {
                let standing = standing.and_then(|known| {
                    let knocked = set.rates.knock_at(client, &self.form.id);
                    knocked.map(|knocked| known.or(knocked)).map_err(|wait| Why::RateLimited { wait })
                });
                return Ok(Here { raw, standing });
            }
        };
        let knocked = set.rates.knock(client, &self.form.id);
        Here::take((set, client), self.headers(), body, knocked, most).await
    }

    /// What the body says. One beyond the limits is read all the same when it is small, so that it can be put right.
    async fn read(self: &Arc<Self>, encoding: Encoding, raw: &Bytes) -> Result<Said, Refused> {
        let (visit, body) = (Arc::clone(self), raw.clone());
        by_size(&self.door.journal, raw.len(), move || visit.read_now(encoding, &body)).await?
    }

    fn read_now(&self, encoding: Encoding, raw: &[u8]) -> Result<Said, Refused> {
        let said = fields::read(encoding, &self.content_type(), raw, &self.allowed());
        said.map(|said| said.named(&self.form, raw)).map_err(|why| {
            let small = raw.len() <= TYPED_BYTES && !matches!(why, Why::Malformed { .. });
            let said = small.then(|| fields::read(encoding, &self.content_type(), raw, &Allowed::ANY).ok()).flatten();
            Refused { why, said: said.map(Box::new) }
        })
    }

    /// Judges a submission and writes it down. A visitor who hangs up does not stop it, neither while a captcha is asked
    /// nor between two writes.
    async fn settle(self: &Arc<Self>, raw: Bytes, said: &Arc<Said>, beside: Beside, script: bool) -> Result<Ulid, Why> {
        let (visit, said) = (Arc::clone(self), Arc::clone(said));
        let settled = async move { visit.judge_and_write(raw, &said, beside, script).await };
        self.door.journal.apart(settled).await.unwrap_or(Err(Why::Unavailable))
    }

    async fn judge_and_write(&self, raw: Bytes, said: &Said, beside: Beside, script: bool) -> Result<Ulid, Why> {
        let mut judged = self.door.gate.judge(self, said, &beside).await;
        if beside.crowded {
            judged.held = judged.held.or(Some(RATE_LIMIT));
            self.note_crowd();
        }
        let refusal = judged.refusal.clone();
        let Arrived(id) = write_down(self, raw, said, (judged, &beside), script).await?;
        refusal.map_or(Ok(id), Err)
    }

    /// What can be refused before the body; the encoding, if one is named.
    fn check_head(&self) -> Result<Option<Encoding>, Why> {
        if !self.form.enabled {
            return Err(Why::Inactive);
        }
        encoding(self.headers())
    }

    fn content_type(&self) -> String {
        negotiate::text(self.headers(), header::CONTENT_TYPE)
    }

    fn allowed(&self) -> Allowed<'_> {
        let limits = &self.set.limits;
        Allowed {
            fields: self.form.max_fields.unwrap_or(limits.fields),
            name_bytes: limits.name_bytes,
            value_bytes: limits.value_bytes,
            text_bytes: ReadLimits::default().text_bytes,
            files: Some((self.form.file_bounds(limits), &self.form.allowed_file_types)),
        }
    }

    /// Whoever is turned away for a moment gets back what was typed.
    async fn turned_away(self: &Arc<Self>, encoding: Option<Encoding>, raw: Bytes, why: Why) -> Refused {
        let Some(encoding) = encoding.filter(|_| raw.len() <= TYPED_BYTES) else { return why.into() };
        let said = self.read(encoding, &raw).await;
        Refused { why, said: said.map_or_else(|refused| refused.said, |said| Some(Box::new(said))) }
    }

    fn refuse(&self, refused: &Refused, manner: &Manner) -> Response {
        let (status, slug) = refused.why.status();
        tracing::info!(form = %self.form.id, request = %manner.request_id, status = status.as_u16(), reason = slug,
            "a submission to form {} was refused: {slug}", self.form.id);
        metrics::counter!("pisteur_refused_total", "form" => self.form.id.clone(), "reason" => slug).increment(1);
        let resend = !matches!(refused.why, Why::Inactive | Why::Origin);
        let typed = refused.said.as_ref().filter(|said| resend && !said.is_empty(&self.form));
        // From our own page a path would be one of ours.
        let typed = typed.map(|said| redirect::carried(&self.form, &said.fields, &self.sender()));
        manner.refusal(&refused.why, Some(&self.form), typed.as_deref().map(|fields| (&*self.form, fields)))
    }

    /// A website that is not on the form's list may be one that was forgotten there.
    fn note_origin(&self) {
        if self.origin_refused
            && let Some(times) = self.set.warned.due(&format!("{}/origin", self.form.id), Instant::now())
        {
            let site = crate::domain::plain::one_line(&self.header("origin"), 200);
            tracing::warn!(form = %self.form.id, site, times, "form {} refused what {} sent; if that website is yours, add it \
                to allowed_origins", self.form.id, if site.is_empty() { "no website" } else { site.as_str() });
        }
    }

    /// More clients than can be told from each other: somebody should look.
    fn note_crowd(&self) {
        if let Some(times) = self.set.warned.due("crowd", Instant::now()) {
            tracing::warn!(form = %self.form.id, times, "more clients come than limits.clients_remembered: {times} \
                submissions from networks of which many come wait in quarantine: pisteur submissions list --state \
                quarantined");
        }
    }

    /// Fields that ask for mail to somebody or calls to an address are dropped; that a page sends them is worth a word.
    fn note_relays(&self, said: &Said) {
        let mut asked = said.fields.iter().filter(|(name, value)| is_relay(name) && !value.trim().is_empty());
        if let Some((name, _)) = asked.next()
            && let Some(times) = self.set.warned.due(&format!("{}/relay", self.form.id), Instant::now())
        {
            let name = name.trim().to_ascii_lowercase();
            tracing::warn!(form = %self.form.id, field = name, times, "form {} sends the field {name}, which is dropped: \
                who gets mail and what is called is configured, never sent", self.form.id);
        }
    }

    /// Who sent it, as the browser names it.
    fn sender(&self) -> Sender {
        let page = self.header("referer");
        let site = origin(&self.header("origin")).or_else(|| origin(&page));
        let public = || self.set.public_url.as_deref().and_then(origin);
        let is_own = |site: &String| cors::is_own(site, self.headers()) || public().as_ref() == Some(site);
        let own = site.as_ref().is_some_and(is_own);
        Sender::of(site, own, &page)
    }

    /// Where a browser goes, and `next` for scripts.
    fn next(&self, said: &Said, manner: &Manner) -> String {
        let target = redirect::target(&self.form, redirect::asked(&said.fields), &self.sender());
        if target == Target::Refused
            && let Some(times) = self.set.warned.due(&self.form.id, Instant::now())
        {
            tracing::warn!(form = %self.form.id, times, "form {} was asked to send the visitor to a page that is not on its \
                list; add the site to allowed_redirects if it is yours", self.form.id);
        }
        match target {
            Target::Page(page) => page,
            Target::OwnPage | Target::Refused => {
                let site = if manner.json { self.set.public_url.as_deref().unwrap_or_default() } else { "" };
                let place = manner.place.query('&');
                format!("{site}/f/{}/thanks?lang={}{place}", self.form.path_name(), manner.language.code())
            }
        }
    }
}
