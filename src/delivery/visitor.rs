//! Mail of a machine to a visitor: the message has arrived, or please confirm.
//!
//! Invariants:
//! - Planned in the transaction that makes the record; sent at most once for a submission, within bounds that the store
//!   counts over all daemons. Above them it ends as withheld: seen, counted, never tried again.
//! - Nothing the visitor wrote stands in it but a name that is nothing but a name. To has no display name, the subject
//!   and every header are ours.
//! - The envelope sender is empty (RFC 3834 section 3.3, RFC 5321 section 4.5.5): nobody's machine answers it.
//! - A link's token is made when its mail is sent and leaves the house in that mail only; the store keeps its hash.

mod texts;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::address::Envelope as SmtpEnvelope;
use lettre::message::{Mailbox, SinglePart};
use lettre::{Address, Message};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ulid::Ulid;

use super::smtp::{Automatic, Outgoing, raw};
use super::{ACKNOWLEDGE, Attempt, Deliver, Delivery, OPT_IN};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::config::form::FormConfig;
use crate::config::visitor::{self, MailTemplate, VisitorForms};
use crate::domain::decision::{Action, Decision};
use crate::domain::enquiry::email::{EmailAddress, registrable_domain};
use crate::domain::enquiry::{Email, Enquiry, language};
use crate::domain::envelope::{Digest, Envelope};
use crate::domain::plain::one_line;
use crate::domain::reading::form::first;
use crate::domain::submission::{Canonical, Submission};
use crate::domain::visitor::token::Token;
use crate::domain::visitor::{Ask, acknowledged, askable, mailbox, plain_name};
use crate::store::{Effect, LinkKind, MailBounds, NewLink, Store, Turn, VisitorMail};

/// A mail that could not be sent within this time is not sent any more.
const PATIENCE: Duration = Duration::from_hours(24);
/// How long a link that ends mail to an address works.
const UNSUBSCRIBE_EXPIRY: Duration = Duration::from_hours(24 * 730);
/// Longest subject in characters.
const SUBJECT: usize = 150;

/// What mails to visitors need to know of the house.
#[derive(Debug, Clone)]
pub struct House {
    forms: Arc<VisitorForms>,
    company: String,
    public_url: Option<String>,
    bounds: MailBounds,
    clock: Arc<dyn Clock>,
}

impl House {
    /// The house of a configuration; secrets of links come from `clock`.
    #[must_use]
    pub fn of(config: &Config, clock: Arc<dyn Clock>) -> Self {
        let limits = &config.delivery.visitor_mail;
        let from_name = config.delivery.smtp.as_ref().map(|smtp| smtp.from_name.clone());
        Self {
            forms: Arc::new(config.visitor_forms()),
            company: limits.company.clone().or(from_name).unwrap_or_default(),
            public_url: config.http.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
            bounds: MailBounds {
                per_recipient: limits.per_recipient_per_day,
                per_domain: limits.per_domain_per_hour,
                per_house: limits.per_hour,
            },
            clock,
        }
    }
}

/// Payload of both kinds: whom, and the few safe values. The text is made when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitorNotice {
    /// The form.
    pub form: String,
    /// The submission.
    pub arrival: Ulid,
    /// When it came.
    pub received_at: Timestamp,
    /// When the mail was decided on.
    pub at: Timestamp,
    /// Where it goes.
    pub to: String,
    /// The same for recognition.
    pub canonical: String,
    /// Language of the mail.
    pub language: String,
    /// A plain name, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Purposes to be confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<String>,
}

/// One arrival as it was read.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Arrived<'a> {
    pub envelope: &'a Envelope,
    pub submission: &'a Submission,
    pub enquiry: &'a Enquiry,
    /// What is to be confirmed.
    pub ask: Option<&'a Ask>,
    /// When what it agreed to was confirmed.
    pub confirmed_at: Option<Timestamp>,
}

/// The mail to the visitor that follows a decision, if any. Why there is none is written into the decision's trace.
#[must_use]
pub fn plan(forms: &VisitorForms, arrived: Arrived<'_>, decision: &mut Decision, clock: &dyn Clock) -> Option<Effect> {
    // History and tests write to nobody.
    let form = forms.get(&arrived.envelope.intake_id).filter(|_| !arrived.envelope.context.silent)?;
    let now = clock.now();
    let (kind, planned) = match arrived.ask {
        Some(ask) => (OPT_IN, asked(&arrived, ask, decision).map(|()| &ask.email)),
        None if form.acknowledgement.enabled => {
            (ACKNOWLEDGE, acknowledged(arrived.envelope, arrived.enquiry, decision, arrived.confirmed_at, now))
        }
        None => return None,
    };
    if let Some(trace) = decision.trace.as_object_mut() {
        let words = planned.as_ref().err().map_or_else(|| "planned".to_owned(), |why| format!("withheld: {why}"));
        trace.insert("visitor_mail".to_owned(), json!({ kind: words }));
    }
    let email = planned.ok()?;
    let notice = notice(form, kind, &arrived, email, now);
    // Plain strings and numbers always serialise; a null payload would end as a visible dead letter.
    let payload = serde_json::to_value(&notice).unwrap_or(Value::Null);
    Some(Effect { id: clock.new_id(), kind: kind.to_owned(), target: form.id.clone(), payload })
}

fn asked(arrived: &Arrived<'_>, ask: &Ask, decision: &Decision) -> Result<(), &'static str> {
    let waits = decision.reason.as_deref() == Some(crate::domain::visitor::AWAITING);
    if !waits && !matches!(decision.action, Action::Create(_) | Action::Append(_)) {
        return Err("no_record");
    }
    askable(arrived.envelope, &ask.email)
}

fn notice(form: &FormConfig, kind: &str, arrived: &Arrived<'_>, email: &Email, now: Timestamp) -> VisitorNotice {
    let (offered, templates) = texts_of(form, kind);
    let stated = first(&arrived.submission.fields, Canonical::Language).and_then(language::code);
    let accepted = arrived.envelope.context.accept_language.as_deref().unwrap_or_default();
    let reads: Vec<String> = stated
        .into_iter()
        .chain(arrived.enquiry.language.clone())
        .chain(accepted.split(',').take(10).filter_map(language::code))
        .collect();
    let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
    VisitorNotice {
        form: form.id.clone(),
        arrival: arrived.envelope.id,
        received_at: arrived.envelope.received_at,
        at: now,
        to: email.address.clone(),
        canonical: email.canonical.clone(),
        language: visitor::language(offered, templates, &reads, form.language.as_deref()),
        name: plain_name(arrived.enquiry),
        purposes: arrived.ask.map(|ask| ask.purposes.clone()).unwrap_or_default(),
    }
}

fn texts_of<'a>(form: &'a FormConfig, kind: &str) -> (&'a [String], &'a [MailTemplate]) {
    if kind == OPT_IN {
        (&form.double_opt_in.languages, &form.double_opt_in.template)
    } else {
        (&form.acknowledgement.languages, &form.acknowledgement.template)
    }
}

/// Mails visitors.
#[derive(Debug)]
pub struct VisitorMails {
    outgoing: Arc<Outgoing>,
    store: Arc<dyn Store>,
    house: House,
}

/// A link and its address.
struct Link {
    url: Option<String>,
    link: NewLink,
}

impl VisitorMails {
    /// Of its parts.
    #[must_use]
    pub fn new(outgoing: Arc<Outgoing>, store: Arc<dyn Store>, house: House) -> Self {
        Self { outgoing, store, house }
    }

    fn link(&self, kind: LinkKind, notice: &VisitorNotice, purposes: &[String], expiry: Duration) -> Link {
        let token = Token::new(self.house.clock.secret());
        let path = match kind {
            LinkKind::Confirm => "c",
            LinkKind::Unsubscribe => "u",
        };
        let url = |base: &String| format!("{base}/{path}/{}?lang={}", token.text(), notice.language);
        Link {
            url: self.house.public_url.as_ref().map(url),
            link: NewLink { kind, hash: token.hash(), purposes: purposes.to_vec(), expiry },
        }
    }

    /// Sends it if it has its turn.
    async fn send(
        &self,
        id: Ulid,
        kind: &'static str,
        form: &FormConfig,
        notice: &VisitorNotice,
        now: Timestamp,
    ) -> Delivery {
        let leave = self.link(LinkKind::Unsubscribe, notice, &[], UNSUBSCRIBE_EXPIRY);
        let expiry = form.double_opt_in.expiry();
        let confirm = (kind == OPT_IN).then(|| self.link(LinkKind::Confirm, notice, &notice.purposes, expiry));
        if confirm.as_ref().is_some_and(|link| link.url.is_none()) {
            return Delivery::withheld("the link in it has no address: http.public_url is not set");
        }
        let message = match self.write(id, kind, form, notice, (&leave, confirm.as_ref()), now) {
            Ok(message) => message,
            Err(why) => return Delivery::never(why),
        };
        let links = [Some(leave), confirm].into_iter().flatten().map(|link| link.link).collect();
        match self.store.visitor_turn(self.turn(id, kind, notice, links)).await {
            Ok(Turn::Granted) => self.outgoing.send(message).await,
            Ok(Turn::Withheld(why)) => Delivery::withheld(why),
            Err(error) => Delivery::retry(format!("its turn could not be counted: {error}")),
        }
    }

    fn turn(&self, effect: Ulid, kind: &'static str, notice: &VisitorNotice, links: Vec<NewLink>) -> VisitorMail {
        let host = EmailAddress::parse(&notice.to).map(|address| address.ascii_domain()).unwrap_or_default();
        VisitorMail {
            effect,
            kind,
            arrival: notice.arrival,
            form: notice.form.clone(),
            address: notice.canonical.clone(),
            recipient: Digest::of(mailbox(&notice.canonical).as_bytes()).to_string(),
            domain: registrable_domain(&host).unwrap_or(host),
            links,
            bounds: self.house.bounds,
        }
    }

    fn write(
        &self,
        id: Ulid,
        kind: &str,
        form: &FormConfig,
        notice: &VisitorNotice,
        (leave, confirm): (&Link, Option<&Link>),
        now: Timestamp,
    ) -> Result<Message, String> {
        let to: Address = notice.to.parse().map_err(|_| "the visitor's address cannot be written to".to_owned())?;
        let words = texts::words(&notice.language);
        let values = self.values(form, notice, confirm, now);
        let (_, templates) = texts_of(form, kind);
        let own = templates.iter().find(|t| t.language == notice.language);
        let built_in = if kind == OPT_IN { words.opt_in } else { words.acknowledgement };
        let (subject, text) = own.map_or(built_in, |t| (t.subject.as_str(), t.text.as_str()));
        let subject = one_line(&visitor::render(subject, &values)?, SUBJECT);
        let text = format!("{}\n\n-- \n{}\n", visitor::render(text, &values)?.trim(), footer(words, leave));
        let envelope =
            SmtpEnvelope::new(None, vec![to.clone()]).map_err(|e| format!("the mail cannot be written: {e}"))?;
        let mut message = self
            .outgoing
            .begin(id, kind, Automatic::Replied, now)
            .to(Mailbox::new(None, to))
            .subject(subject)
            .raw_header(raw("List-Unsubscribe", &self.list_unsubscribe(leave)))
            .envelope(envelope);
        // RFC 8058 allows the one click over HTTPS only.
        if leave.url.as_deref().is_some_and(|url| url.starts_with("https:")) {
            message = message.raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        message.singlepart(SinglePart::plain(text)).map_err(|e| format!("the mail cannot be written: {e}"))
    }

    fn list_unsubscribe(&self, leave: &Link) -> String {
        let mailto = format!("<mailto:{}?subject=unsubscribe>", self.outgoing.from().email);
        match &leave.url {
            Some(url) => format!("<{url}>, {mailto}"),
            None => mailto,
        }
    }

    fn values(&self, form: &FormConfig, notice: &VisitorNotice, confirm: Option<&Link>, now: Timestamp) -> Value {
        let url = confirm.and_then(|link| link.url.clone()).unwrap_or_default();
        let date = moment(notice.received_at);
        let until = confirm.map(|link| moment(now.after(link.link.expiry))).unwrap_or_default();
        let asked = form.consent.iter().filter(|consent| notice.purposes.contains(&consent.purpose));
        let texts = asked.filter_map(|c| c.text.get(&notice.language).or_else(|| c.text.values().next()));
        json!({
            "name": notice.name.as_deref().unwrap_or_default(), "company": self.house.company,
            "form": form.title.as_deref().unwrap_or_default(), "id": notice.arrival.to_string(), "date": date,
            "url": url, "optInUrl": url, "optInLink": url, "optInDate": date, "until": until,
            "consents": texts.collect::<Vec<_>>(),
        })
    }
}

/// Below every mail, own texts too: why it came, and how to get no more.
fn footer(words: &texts::Words, leave: &Link) -> String {
    match &leave.url {
        Some(url) => format!("{}\n{} {url}", words.why, words.leave),
        None => format!("{}\n{}", words.why, words.leave_by_mail),
    }
}

/// `2026-01-31 09:30 UTC`.
fn moment(at: Timestamp) -> String {
    let shown = jiff::Timestamp::from_microsecond(at.micros()).map(|t| t.strftime("%Y-%m-%d %H:%M UTC").to_string());
    shown.unwrap_or_default()
}

#[async_trait]
impl Deliver for VisitorMails {
    async fn deliver(&self, effect: &Effect, attempt: Attempt) -> Delivery {
        let Ok(notice) = serde_json::from_value::<VisitorNotice>(effect.payload.clone()) else {
            return Delivery::never("the stored effect cannot be read");
        };
        let kind = if effect.kind == OPT_IN { OPT_IN } else { ACKNOWLEDGE };
        let Some(form) = self.house.forms.get(&notice.form) else {
            return Delivery::withheld(format!("form {} sends no such mails any more", notice.form));
        };
        let wanted = if kind == OPT_IN { form.double_opt_in.enabled } else { form.acknowledgement.enabled };
        if !wanted {
            return Delivery::withheld(format!("form {} sends no such mails any more", notice.form));
        }
        if attempt.now.since(notice.at) > PATIENCE {
            return Delivery::withheld("it could not be sent within a day, and now it is too late");
        }
        self.send(effect.id, kind, form, &notice, attempt.now).await
    }
}
