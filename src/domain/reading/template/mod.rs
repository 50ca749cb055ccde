//! Mails of portals, read by the operator's own templates: who sends them, and where in them each field stands.
//!
//! A [`Template`] is data (a `[[template]]` of a file, see [`file`]). It speaks when the sender is one it names, the mail
//! server of the house does not deny that sender, and the recipient, subject and words it asks for are there.
//!
//! Invariants:
//! - what a template finds names the prospect, never the portal;
//! - its fixed values, and what it finds of origin and kind, count only when the sender is proven: vouched for by our own
//!   mail server, or a configured form sender (`trust`). Otherwise a found one is kept as a plain remark;
//! - a template that knows its mail and does not find what it must leaves the usual reading as it is, and says so;
//! - reading is bounded: [`page`] cuts texts and rows, patterns are linear and limited in size ([`finder`]).

pub mod case;
pub mod file;
pub mod finder;
mod page;
pub mod recipient;

use std::collections::{BTreeMap, BTreeSet};

use mail_parser::{Message, PartType};
use serde::{Deserialize, Serialize};

pub use self::file::parse;
use self::finder::{Finder, Finders, Pattern, Place};
use self::page::Page;
use self::recipient::Recipient;
use super::addresses::is_own_address;
use super::body::{Body, warning};
use super::mime::{self, HeaderBag};
use super::{ReadSettings, field_names, trust, typed};
use crate::domain::enquiry::EmailKind;
use crate::domain::enquiry::email::EmailAddress;
use crate::domain::submission::{Canonical, Field, MailFacts, Submission, TemplateUse};

/// What says where something came from or what it is for, by which it is routed.
const ROUTING: [Canonical; 4] = [Canonical::Source, Canonical::Medium, Canonical::Campaign, Canonical::InquiryKind];
/// What a template without a contact detail lacks.
const CONTACT: &str = "email, phone or mobile";
/// Templates tried on one mail.
const TRIED: usize = 20;
/// Recipients looked at.
const RECIPIENTS: usize = 200;
/// Fewest digits of a phone number.
const DIGITS: usize = 5;
/// Ways to reach somebody.
const REACHED_BY: [Canonical; 3] = [Canonical::Email, Canonical::Phone, Canonical::Mobile];

/// How the mails of one portal are known and read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Name, unique among all.
    pub name: String,
    /// Addresses and domains (with those below) that send such mails, lower case.
    pub from: Vec<String>,
    /// To whom they are addressed: one of them must be a recipient; none named: anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Recipient>,
    /// What the subject must match.
    pub subject: Option<Pattern>,
    /// Words that must all occur in the text, lower case.
    pub contains: Vec<String>,
    /// What must be found, beside a contact detail.
    pub required: Vec<Canonical>,
    /// Values that mean nothing, lower case: `not given`.
    pub empty: Vec<String>,
    /// Values that every such mail has.
    pub fixed: BTreeMap<Canonical, String>,
    /// Where the fields stand.
    pub fields: BTreeMap<Canonical, Finders>,
    /// Where other values stand, by the name they are kept under.
    pub other: BTreeMap<String, Finders>,
}

/// What a mail brings to a template.
pub(super) struct Mail<'a> {
    /// The parsed message.
    pub message: &'a Message<'a>,
    /// Its readable text.
    pub text: &'a Body,
    /// Its header.
    pub bag: &'a HeaderBag,
    /// What the header says.
    pub facts: &'a MailFacts,
    /// Decoded subject.
    pub subject: &'a str,
}

/// Fields found by the first template that knows the mail and finds what it must; what came of it is noted in `out`.
pub(super) fn read(mail: &Mail<'_>, out: &mut Submission, settings: &ReadSettings) -> Option<Vec<Field>> {
    let named = named(settings, mail.facts);
    if named.is_empty() {
        return None;
    }
    let markup = mail.message.html_bodies().find(|part| matches!(part.body, PartType::Html(_)));
    let markup = markup.map(|part| mime::part_text(mail.message, part).text);
    let page = Page::of(&mail.text.text, markup.as_deref(), mail.subject, mail.facts);
    let fitting = named.into_iter().filter(|template| template.fits(&page)).take(TRIED);
    let proven = trust::is_proven(out, &mail.facts.from, mail.bag, settings);
    for template in fitting {
        if out.flags.iter().any(|flag| flag == trust::UNVOUCHED) {
            let name = &template.name;
            let detail = format!(
                "It looks like a mail for the template {name}, but the mail server denies that its sender wrote it."
            );
            out.warnings.push(warning("template_denied", detail));
            return None;
        }
        let (used, mut fields) = template.read(&Asked { page: &page, proven, settings });
        if used.is_used() {
            if let Some(left) = template.unfound(&fields, &page) {
                let name = &used.name;
                let detail =
                    format!("The template {name} does not find the message; what no label names is kept as it.");
                out.warnings.push(warning("template_message", detail));
                fields.push(left);
            }
            out.template = Some(used);
            return Some(fields);
        }
        let (name, missing) = (&used.name, used.missing.join(", "));
        let detail =
            format!("The template {name} knows this mail but does not find {missing}; it is read as any other.");
        out.warnings.push(warning("template_incomplete", detail));
        out.template.get_or_insert(used);
    }
    None
}

/// The same of a message that somebody trusted passed on: the one inside proves nothing. `facts`: its own header.
pub(super) fn read_inner(
    text: &str,
    subject: &str,
    facts: &MailFacts,
    settings: &ReadSettings,
) -> Option<(TemplateUse, Vec<Field>)> {
    let page = Page::of(text, None, subject, facts);
    let fitting = named(settings, facts).into_iter().filter(|template| template.fits(&page)).take(TRIED);
    let mut read = fitting.map(|template| template.read(&Asked { page: &page, proven: false, settings }));
    read.find(|(used, _)| used.is_used())
}

/// Templates that speak for the sender and the recipient.
fn named<'s>(settings: &'s ReadSettings, facts: &MailFacts) -> Vec<&'s Template> {
    let Some(address) = facts.from.address.as_deref().map(str::to_lowercase) else { return Vec::new() };
    let named = settings.templates.iter().filter(|template| trust::is_named(&template.from, &address));
    named.filter(|template| template.is_for(facts, settings)).collect()
}

/// A mail that a template is asked about.
struct Asked<'a> {
    page: &'a Page<'a>,
    proven: bool,
    settings: &'a ReadSettings,
}

impl Asked<'_> {
    /// The value when it can be what it is taken for; of addresses those of the prospect.
    fn fitting(&self, canonical: Canonical, finder: &Finder, value: String) -> Option<String> {
        let digits = || value.chars().filter(|c| c.is_numeric()).count();
        match canonical {
            Canonical::Email => self.of_prospect(finder, value),
            Canonical::Phone | Canonical::Mobile | Canonical::Fax if digits() < DIGITS => None,
            _ => Some(value),
        }
    }

    /// The addresses that are neither ours nor the portal's.
    fn of_prospect(&self, finder: &Finder, value: String) -> Option<String> {
        let portal = self.page.sender().filter(|_| finder.place != Place::From);
        let found: Vec<EmailAddress> =
            typed::addresses(&value).found.iter().filter_map(|address| EmailAddress::parse(address)).collect();
        let ours = |address: &str| is_own_address(address, &self.settings.own_addresses);
        let is_theirs = |address: &&EmailAddress| {
            let written = address.to_string();
            address.kind(&self.settings.own_domains) != EmailKind::Own
                && !ours(&written)
                && !portal.is_some_and(|portal| portal.eq_ignore_ascii_case(&written))
        };
        let theirs: Vec<String> = found.iter().filter(is_theirs).map(ToString::to_string).collect();
        match theirs.len() {
            0 => None,
            all if all == found.len() => Some(value),
            _ => Some(theirs.join(", ")),
        }
    }
}

impl Template {
    /// Whether it goes to one whom the template names.
    fn is_for(&self, facts: &MailFacts, settings: &ReadSettings) -> bool {
        let named = facts.to.iter().chain(&facts.cc).filter_map(|mailbox| mailbox.address.as_deref());
        let mut all = named.chain(facts.delivered_to.iter().map(String::as_str)).take(RECIPIENTS);
        self.to.is_empty() || all.any(|address| self.to.iter().any(|one| one.is(address, &settings.own_domains)))
    }

    fn fits(&self, page: &Page<'_>) -> bool {
        self.subject.as_ref().is_none_or(|pattern| pattern.is_match(page.subject))
            && self.contains.iter().all(|words| page.contains(words))
    }

    fn read(&self, asked: &Asked<'_>) -> (TemplateUse, Vec<Field>) {
        let fields = self.extract(asked);
        let missing = self.missing(&fields, asked.proven);
        (TemplateUse { name: self.name.clone(), proven: asked.proven, missing }, fields)
    }

    /// The labels of all its finders, folded.
    fn labels(&self) -> BTreeSet<String> {
        self.fields.values().chain(self.other.values()).flat_map(Finders::labels).collect()
    }

    /// What no finder names, where none finds the message nor its label: the portal words its mail anew.
    fn unfound(&self, fields: &[Field], page: &Page<'_>) -> Option<Field> {
        let finders = self.fields.get(&Canonical::Message)?;
        let is_there = |finder: &Finder| finder.label.as_deref().is_some_and(|label| page.has_label(label));
        if fields.iter().any(|field| field.canonical == Some(Canonical::Message)) || finders.0.iter().any(is_there) {
            return None;
        }
        let value = Some(page.unlabelled(&self.labels())).filter(|value| self.tells(value))?;
        Some(Field { name: word(Canonical::Message), value, canonical: Some(Canonical::Message) })
    }

    fn extract(&self, asked: &Asked<'_>) -> Vec<Field> {
        let (page, proven) = (asked.page, asked.proven);
        let labels = self.labels();
        let mut fields = Vec::new();
        for (canonical, finders) in &self.fields {
            let found = finders.0.iter().find_map(|finder| {
                let value =
                    page.find(finder, *canonical == Canonical::Message, *canonical == Canonical::Email, &labels);
                let value = asked.fitting(*canonical, finder, value.filter(|value| self.tells(value))?)?;
                Some((finder.label.clone(), value))
            });
            let Some((label, value)) = found else { continue };
            let name = label.unwrap_or_else(|| word(*canonical));
            fields.push(Field { name, value, canonical: believed(*canonical, proven) });
        }
        for (name, finders) in &self.other {
            let found = finders.0.iter().find_map(|finder| page.find(finder, false, false, &labels));
            if let Some(value) = found.filter(|value| self.tells(value)) {
                fields.push(Field { name: name.clone(), value, canonical: None });
            }
        }
        let fixed = self.fixed.iter().filter(|_| proven);
        fields.extend(fixed.map(|(canonical, value)| Field {
            name: word(*canonical),
            value: value.clone(),
            canonical: Some(*canonical),
        }));
        fields
    }

    /// It is none of the values that mean nothing.
    fn tells(&self, value: &str) -> bool {
        let value = value.trim().to_lowercase();
        !value.is_empty() && !self.empty.contains(&value)
    }

    /// What must be there and is not. What is only a remark of an unproven sender is not asked for.
    fn missing(&self, fields: &[Field], proven: bool) -> Vec<String> {
        let has = |canonical: &Canonical| fields.iter().any(|field| field.canonical == Some(*canonical));
        let mut missing: Vec<String> = self
            .required
            .iter()
            .filter(|c| believed(**c, proven).is_some_and(|c| !has(&c)))
            .map(|c| word(*c))
            .collect();
        if !REACHED_BY.iter().any(has) {
            missing.retain(|name| !REACHED_BY.iter().any(|c| *name == word(*c)));
            missing.push(CONTACT.to_owned());
        }
        missing
    }
}

/// What is found of origin and kind is a remark, unless the sender is proven.
fn believed(canonical: Canonical, proven: bool) -> Option<Canonical> {
    Some(canonical).filter(|canonical| proven || !ROUTING.contains(canonical))
}

/// The word for a field, as templates and `parse --json` write it.
fn word(canonical: Canonical) -> String {
    let word = serde_json::to_value(canonical).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A label as it is compared.
fn folded(label: &str) -> String {
    field_names::fold(label)
}
