//! What is known of one arrival, typed. Built once, before any rule is looked at.
//!
//! Invariants: a fact that is not there is absent, never false or empty; gathering is pure and total; an amount that
//! can be read in two ways is absent and leaves a warning.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::address::{Address, canonical_domain};
use super::amount::{self, Amount};
use super::fold::{Folded, fold};
use super::postcode::Postcode;
use super::schema::UTM_FIELDS;
use super::{Declarations, FieldType};
use crate::domain::enquiry::{Attribution, EmailKind, Enquiry, Money};
use crate::domain::envelope::{Channel, Envelope, RawKind};
use crate::domain::screening;
use crate::domain::submission::{Canonical, MailClass, MailFacts, Submission};

/// What the database knows about the sender: found by matching, before the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct KnownFacts {
    /// The person is a contact.
    pub contact: bool,
    /// The organisation is known.
    pub organisation: bool,
    /// The person or organisation has bought.
    pub customer: bool,
    /// There is an open lead.
    pub open_lead: bool,
    /// There is an open opportunity.
    pub open_opportunity: bool,
    /// Owner of the matched organisation (user id).
    pub account_owner: Option<String>,
    /// Team of the matched organisation.
    pub account_team: Option<String>,
    /// Owner of the matched record (user id).
    pub owner: Option<String>,
    /// Pools in which nobody can take a turn, although their members are active.
    pub empty_pools: BTreeSet<String>,
}

/// A text with its folded view, made on first use.
#[derive(Debug, Clone, Default)]
pub struct Text {
    /// Which part of the message it is, for explain: `subject`, `body`.
    pub part: &'static str,
    /// As written.
    pub raw: String,
    folded: OnceLock<Folded>,
}

impl Text {
    /// A text of the message part `part`.
    #[must_use]
    pub fn new(part: &'static str, raw: impl Into<String>) -> Self {
        Self { part, raw: raw.into(), folded: OnceLock::new() }
    }

    /// The folded view.
    #[must_use]
    pub fn folded(&self) -> &Folded {
        self.folded.get_or_init(|| Folded::new(&self.raw))
    }
}

/// One value of a fact.
#[derive(Debug, Clone)]
pub enum Value {
    /// Free text.
    Text(Arc<Text>),
    /// A word of a closed list.
    Word(String),
    /// A domain, canonical.
    Domain(String),
    /// A mail address.
    Address(Address),
    /// A number.
    Number(f64),
    /// An amount.
    Money(Money),
    /// A postcode.
    Postcode(Postcode),
    /// A French department.
    Department(String),
    /// True or false.
    Bool(bool),
}

/// The facts of one arrival. A fact may have several values (recipients, subject and body).
#[derive(Debug, Clone, Default)]
pub struct Facts {
    values: BTreeMap<String, Vec<Value>>,
    warnings: Vec<(String, String)>,
    empty_pools: BTreeSet<String>,
    released: bool,
    sample_key: u64,
}

impl Facts {
    /// Gathers the facts of an arrival.
    #[must_use]
    pub fn gather(
        enquiry: &Enquiry,
        submission: &Submission,
        envelope: &Envelope,
        known: &KnownFacts,
        declared: &Declarations,
    ) -> Self {
        let mut facts = Self {
            empty_pools: known.empty_pools.clone(),
            released: envelope.context.released,
            sample_key: xxhash_rust::xxh3::xxh3_64(&envelope.id.to_bytes()),
            ..Self::default()
        };
        facts.word("channel", envelope.channel.as_str());
        facts.word("intake", &envelope.intake_id);
        facts.word("screening", screening::of_arrival(envelope, submission, enquiry).verdict.as_str());
        // Whoever only claims to be the portal is not routed as one.
        if let Some(used) = submission.by_template().filter(|used| used.proven) {
            facts.word("template", &used.name);
        }
        facts.gather_texts(submission, enquiry);
        if let Some(mail) = &submission.mail {
            facts.gather_mail(mail, submission);
        }
        facts.gather_sender(enquiry, submission);
        facts.gather_request(enquiry, submission, declared);
        facts.gather_form(submission, envelope, declared);
        facts.gather_known(known);
        facts
    }

    /// The values of a fact; empty when absent.
    #[must_use]
    pub fn get(&self, path: &str) -> &[Value] {
        self.values.get(path).map_or(&[], Vec::as_slice)
    }

    /// Why a fact is absent although something was written.
    #[must_use]
    pub fn warning(&self, path: &str) -> Option<&str> {
        self.warnings.iter().find(|(p, _)| p == path).map(|(_, w)| w.as_str())
    }

    /// Names of the facts that are there.
    pub fn present(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Whether nobody of the pool can take a turn, by the state given with the facts.
    #[must_use]
    pub fn pool_is_empty(&self, pool: &str) -> bool {
        self.empty_pools.contains(pool)
    }

    /// An operator released it from quarantine: guard rules no longer hold it.
    #[must_use]
    pub const fn released(&self) -> bool {
        self.released
    }

    /// A number from 0 to 99, fixed for this arrival and `salt`, for samples.
    #[must_use]
    pub fn sample(&self, salt: &str) -> u64 {
        xxhash_rust::xxh3::xxh3_64_with_seed(salt.as_bytes(), self.sample_key) % 100
    }

    /// Replaces a fact by one value.
    pub fn set(&mut self, path: &str, value: Value) {
        self.values.insert(path.to_owned(), vec![value]);
    }

    fn push(&mut self, path: &str, value: Value) {
        self.values.entry(path.to_owned()).or_default().push(value);
    }

    fn word(&mut self, path: &str, word: &str) {
        if !word.trim().is_empty() {
            self.push(path, Value::Word(word.trim().to_owned()));
        }
    }

    fn text(&mut self, path: &str, raw: Option<&str>) {
        if let Some(raw) = raw.map(str::trim).filter(|r| !r.is_empty()) {
            self.push(path, Value::Text(Arc::new(Text::new("", raw))));
        }
    }

    fn flag(&mut self, path: &str, flag: bool) {
        self.push(path, Value::Bool(flag));
    }

    fn address(&mut self, path: &str, raw: Option<&str>) {
        if let Some(address) = raw.and_then(Address::parse) {
            self.push(path, Value::Address(address));
        }
    }

    fn domain(&mut self, path: &str, raw: Option<&str>) {
        if let Some(domain) = raw.and_then(canonical_domain) {
            self.push(path, Value::Domain(domain));
        }
    }

    fn gather_texts(&mut self, submission: &Submission, enquiry: &Enquiry) {
        let part = |name: &'static str, raw: &str| {
            (!raw.trim().is_empty()).then(|| Value::Text(Arc::new(Text::new(name, raw))))
        };
        let reply = if submission.reply.trim().is_empty() { &enquiry.message } else { &submission.reply };
        if let Some(subject) = submission.subject.as_deref().and_then(|s| part("subject", s)) {
            self.push("subject", subject.clone());
            self.push("subject_or_body", subject);
        }
        if let Some(body) = part("body", reply) {
            self.push("body", body.clone());
            self.push("subject_or_body", body);
        }
        let whole = if submission.text.trim().is_empty() { reply } else { &submission.text };
        if let Some(text) = part("text", whole) {
            self.push("text", text);
        }
        self.text("topic", enquiry.topic.as_deref());
        #[expect(clippy::cast_precision_loss, reason = "a count of attachments is small")]
        self.push(
            "attachments",
            Value::Number(submission.attachments.iter().filter(|file| !file.inline).count() as f64),
        );
        for flag in &submission.flags {
            self.text("mail.flag", Some(flag));
        }
    }

    fn gather_mail(&mut self, mail: &MailFacts, submission: &Submission) {
        if let Some(class) = submission.class {
            self.word("mail.class", class.as_str());
        }
        self.address("mail.from", mail.from.address.as_deref());
        for to in mail.to.iter().chain(&mail.cc) {
            self.address("mail.to", to.address.as_deref());
        }
        for to in &mail.delivered_to {
            self.address("mail.to", Some(to));
        }
        for reply_to in &mail.reply_to {
            self.address("mail.reply_to", reply_to.address.as_deref());
        }
        self.text("mail.plus_tag", mail.plus_tag.as_deref());
        self.flag("mail.is_reply", mail.in_reply_to.is_some() || !mail.references.is_empty());
        self.flag("mail.is_forward", mail.forwarded.is_some());
    }

    fn gather_sender(&mut self, enquiry: &Enquiry, submission: &Submission) {
        let from = submission.mail.as_ref().and_then(|m| m.from.address.as_deref());
        let first = enquiry.emails.first();
        let email = first.map(|e| e.address.as_str()).or(from);
        self.address("sender.email", email);
        self.domain("sender.domain", email.and_then(|e| e.rsplit_once('@')).map(|(_, d)| d.trim_end_matches('>')));
        if let Some(email) = first {
            self.word("sender.email_kind", email_kind_word(email.kind));
        }
        let person = &enquiry.person;
        let parts = [person.first_name.as_deref(), person.last_name.as_deref()];
        let joined = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.text("sender.name", person.full_name.as_deref().or(Some(&joined)));
        for phone in &enquiry.phones {
            self.text("sender.phone", Some(phone.e164.as_deref().unwrap_or(&phone.raw)));
        }
        self.text("person.first_name", person.first_name.as_deref());
        self.text("person.last_name", person.last_name.as_deref());
        self.text("person.job_title", person.job_title.as_deref());
        self.text("organisation.name", enquiry.organisation.name.as_deref());
        self.domain("organisation.domain", enquiry.organisation.domain.as_deref());
    }

    fn gather_request(&mut self, enquiry: &Enquiry, submission: &Submission, declared: &Declarations) {
        let believed = submission.mail.is_none()
            || submission.class != Some(MailClass::FormNotification)
            || submission.by_template().is_some()
            || submission.is_of_proven_form();
        let country = country_of(enquiry, believed);
        if let Some(country) = &country {
            self.word("country", country);
        }
        if let Some(lang) = &enquiry.language {
            self.word("lang", &lang.to_lowercase());
        }
        self.text("inquiry_kind", enquiry.inquiry_kind.as_deref());
        let by_field = submission.fields.iter().find(|f| f.canonical == Some(Canonical::Postcode));
        let written =
            enquiry.addresses.iter().find_map(|a| a.postcode.as_deref()).or(by_field.map(|f| f.value.as_str()));
        let region = country.as_deref().unwrap_or(&declared.default_country);
        if let Some(postcode) = written.and_then(|raw| Postcode::parse(raw, region)) {
            if let Some(department) = &postcode.department {
                self.push("department", Value::Department(department.clone()));
            }
            self.push("postcode", Value::Postcode(postcode));
        }
        self.text("city", enquiry.addresses.iter().find_map(|a| a.city.as_deref()));
        if let Some(budget) = &enquiry.budget {
            self.push("budget", Value::Money(budget.clone()));
        }
        self.flag("unsubscribe", enquiry.unsubscribe);
        self.gather_touch("", Some(&enquiry.attribution));
        self.gather_touch("first.", enquiry.first_touch.as_deref());
        self.gather_touch("last.", enquiry.last_touch.as_deref());
    }

    fn gather_touch(&mut self, prefix: &str, touch: Option<&Attribution>) {
        let Some(touch) = touch else { return };
        for (name, value) in [
            ("source", &touch.source),
            ("medium", &touch.medium),
            ("campaign", &touch.campaign),
            ("term", &touch.term),
            ("content", &touch.content),
            ("click_id", &touch.click_id),
            ("landing_page", &touch.landing_page),
            ("referrer", &touch.referrer),
        ] {
            self.text(&format!("{prefix}{name}"), value.as_deref());
        }
        if let Some(channel) = &touch.channel {
            self.word(&format!("{prefix}channel_group"), channel);
        }
    }

    /// Values of a form. Of a mail only when a configured form sender or the portal of a template sent it: anybody may write
    /// such lines.
    fn gather_form(&mut self, submission: &Submission, envelope: &Envelope, declared: &Declarations) {
        if envelope.raw_kind == RawKind::Form && declared.forms.contains_key(&envelope.intake_id) {
            self.word("form.id", &envelope.intake_id);
        }
        if submission.mail.is_some() && !submission.is_of_proven_form() {
            return;
        }
        let own = (envelope.channel != Channel::Mail).then(|| declared.forms.get(&envelope.intake_id)).flatten();
        let region = submission.fields.iter().find(|f| f.canonical == Some(Canonical::Country));
        let region = region.map_or(declared.default_country.as_str(), |f| f.value.trim());
        for field in &submission.fields {
            let name = field.name.trim();
            let kind = match own {
                Some(fields) => fields.get(name).copied(),
                None => declared.forms.values().find_map(|fields| fields.get(name)).copied(),
            };
            let kind = kind.or_else(|| UTM_FIELDS.contains(&name).then_some(FieldType::Text));
            if let Some(kind) = kind {
                self.form_field(&format!("form.{name}"), kind, field.value.trim(), region);
            }
        }
    }

    fn form_field(&mut self, path: &str, kind: FieldType, raw: &str, region: &str) {
        if raw.is_empty() {
            return;
        }
        match kind {
            FieldType::Text | FieldType::Phone | FieldType::Date => self.text(path, Some(raw)),
            FieldType::Email => self.address(path, Some(raw)),
            FieldType::Number => match amount::number(raw) {
                Some(n) => self.push(path, Value::Number(n)),
                None => self.warnings.push((path.to_owned(), "not a number".to_owned())),
            },
            FieldType::Money => match amount::money(raw) {
                Amount::Read(money) => self.push(path, Value::Money(money)),
                Amount::Unclear => self.warnings.push((path.to_owned(), "unclear amount".to_owned())),
                Amount::Empty => {}
            },
            FieldType::Postcode => match Postcode::parse(raw, region) {
                Some(code) => self.push(path, Value::Postcode(code)),
                None => self.warnings.push((path.to_owned(), "not a postcode".to_owned())),
            },
            FieldType::Country => self.word(path, &raw.to_uppercase()),
            FieldType::Bool => match boolean(raw) {
                Some(b) => self.flag(path, b),
                None => self.warnings.push((path.to_owned(), "neither yes nor no".to_owned())),
            },
        }
    }

    fn gather_known(&mut self, known: &KnownFacts) {
        self.flag("known.contact", known.contact);
        self.flag("known.organisation", known.organisation);
        self.flag("known.customer", known.customer);
        self.flag("known.open_lead", known.open_lead);
        self.flag("known.open_opportunity", known.open_opportunity);
        self.text("known.owner", known.owner.as_deref());
        self.text("account.owner", known.account_owner.as_deref());
        self.text("account.team", known.account_team.as_deref());
    }
}

/// The country of an enquiry; that of its address only when who wrote it is believed.
fn country_of(enquiry: &Enquiry, believed: bool) -> Option<String> {
    let mut addresses = enquiry.addresses.iter().filter(|_| believed);
    let of_address = addresses.find_map(|a| a.country.as_deref());
    let country = of_address.or(enquiry.country.as_deref())?.trim().to_uppercase();
    (country.len() == 2).then_some(country)
}

const fn email_kind_word(kind: EmailKind) -> &'static str {
    match kind {
        EmailKind::Personal => "personal",
        EmailKind::Role => "role",
        EmailKind::Disposable => "disposable",
        EmailKind::Reserved => "reserved",
        EmailKind::Own => "own",
    }
}

/// Yes and no as forms send them.
#[must_use]
pub fn boolean(raw: &str) -> Option<bool> {
    match fold(raw.trim()).as_str() {
        "true" | "1" | "yes" | "y" | "on" | "oui" | "ano" | "بله" => Some(true),
        "false" | "0" | "no" | "n" | "off" | "non" | "ne" | "خیر" => Some(false),
        _ => None,
    }
}

/// A text as a value of the given type; `None` when it cannot be one.
#[must_use]
pub fn typed(kind: &super::schema::FactType, raw: &str) -> Option<Value> {
    use super::schema::FactType;
    let raw = raw.trim();
    if raw.is_empty() {
        return None;
    }
    match kind {
        FactType::Text => Some(Value::Text(Arc::new(Text::new("", raw)))),
        FactType::Word(words) => words.iter().find(|w| fold(w) == fold(raw)).cloned().map(Value::Word),
        FactType::Domain => canonical_domain(raw).map(Value::Domain),
        FactType::Address => Address::parse(raw).map(Value::Address),
        FactType::Number => amount::number(raw).map(Value::Number),
        FactType::Money => match amount::money(raw) {
            Amount::Read(money) => Some(Value::Money(money)),
            Amount::Unclear | Amount::Empty => None,
        },
        FactType::Postcode => Postcode::parse(raw, "FR").map(Value::Postcode),
        FactType::Department => Some(Value::Department(raw.to_uppercase())),
        FactType::Bool => boolean(raw).map(Value::Bool),
    }
}

/// A value as text: what a rule sets, and what traces show of facts that may be shown.
#[must_use]
pub fn show(value: &Value) -> String {
    match value {
        Value::Text(t) => t.raw.clone(),
        Value::Word(w) | Value::Domain(w) | Value::Department(w) => w.clone(),
        Value::Address(a) => format!("{}@{}", a.local, a.domain),
        Value::Number(n) => format!("{n}"),
        Value::Money(m) => amount::show(m),
        Value::Postcode(p) => p.code.clone(),
        Value::Bool(b) => b.to_string(),
    }
}
