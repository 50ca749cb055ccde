//! A webhook arrival -> [`Submission`], by its hook's mapping.
//!
//! As with forms: control names never become data, an unknown name keeps its value under that name, and the operator's
//! own map wins.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::Document;
use super::mapping::{Answers, Mapping, Members};
use super::path::{Budget, Scope, text_of};
use super::{HookReading, OTHER_EVENT, Paths, STAGE, STAGE_LEAD, TEST, TEST_EVENT, TOO_MANY_LEADS, UNREADABLE};
use crate::domain::envelope::Envelope;
use crate::domain::reading::form::{interpret, of_fields};
use crate::domain::reading::text::clean;
use crate::domain::reading::{FormReading, ReadSettings, charset, field_names, multipart};
use crate::domain::submission::{Canonical, Field, Submission, Warning};

/// Levels of an answer that is an object.
const DEEPEST: usize = 4;
/// Longest name of a field, in characters.
const NAME_CHARS: usize = 128;

/// Reads the arrival of a hook. Total; what is no lead says so by a flag.
#[must_use]
pub fn read(envelope: &Envelope, hook: &HookReading, settings: &ReadSettings) -> Submission {
    let document = Document::read(&envelope.raw, envelope.content_type.as_deref(), &hook.json, &settings.limits);
    let scope = Scope::whole(&document.value);
    let mut budget = Budget::default();
    let (mapping, is_fetched) = stage(envelope, hook, scope, &mut budget);
    let leads = mapping.leads_of(&document.value, &mut budget);
    let mut proper = leads.iter().copied().filter(|lead| mapping.is_lead(scope.at(lead), &mut budget));
    let lead = proper.next();
    // Doors take requests apart: what still holds several is not read as if it were the first alone.
    let several = !is_fetched && mapping.leads.is_some() && proper.next().is_some();
    let here = scope.at(lead.or(leads.first().copied()).unwrap_or(&document.value));
    let form = settings.forms.get(&envelope.intake_id);
    let limits = &settings.limits;
    let secrets = hook.secrets.iter().flat_map(|path| path.find(scope, &mut budget)).collect();
    let mut out = Gather { fields: Vec::new(), form, left: limits.text_bytes, most: limits.fields, secrets };
    if !several {
        out.mapping(mapping, &hook.fields, here, &mut budget);
    }
    let (mut fields, is_full, secrets) = (out.fields, out.left == 0, out.secrets);
    let mut submission =
        Submission { attachments: document.files, warnings: document.warnings, ..Submission::default() };
    if budget.is_spent() || is_full || fields.len() >= limits.fields {
        let detail = "The request is larger than is read; what came after is left out.".to_owned();
        submission.warnings.push(Warning { code: "fields_cut".to_owned(), detail });
    }
    if document.broken.is_some() {
        submission.flags.push(UNREADABLE.to_owned());
        if fields.is_empty() {
            fields.extend(as_it_came(envelope, settings, &[]));
        }
    } else if several {
        submission.flags.push(TOO_MANY_LEADS.to_owned());
        fields.extend(as_it_came(envelope, settings, &secrets));
    } else if lead.is_none() {
        submission.flags.push(OTHER_EVENT.to_owned());
    } else if hook.lead.is_some() && !is_fetched {
        submission.to_fetch = mapping.id.text(here, &mut budget);
    }
    submission.fields = fields;
    let marked = envelope.context.extra.contains_key(TEST);
    if lead.is_some() && !several && (marked || mapping.test.iter().any(|test| test.holds(here, &mut budget))) {
        submission.flags.push(TEST_EVENT.to_owned());
    }
    of_fields(submission)
}

/// The mapping for these bytes, and whether they are a fetched lead. A file without context is told by what it says.
fn stage<'h>(envelope: &Envelope, hook: &'h HookReading, scope: Scope<'_>, budget: &mut Budget) -> (&'h Mapping, bool) {
    let Some(lead) = &hook.lead else { return (&hook.request, false) };
    let said = envelope.context.extra.get(STAGE).is_some_and(|stage| stage == STAGE_LEAD);
    let looks = || {
        let announced = hook.request.leads_of(scope.root, &mut Budget::default());
        announced.is_empty() && lead.is_lead(scope, &mut Budget::default())
    };
    let is_fetched = said || !envelope.context.extra.contains_key(STAGE) && looks();
    budget.pay(1);
    if is_fetched { (lead, true) } else { (&hook.request, false) }
}

/// A body that cannot be read or is not taken apart, as a message without the secrets in it: a person sees what came, and
/// can release it.
fn as_it_came(envelope: &Envelope, settings: &ReadSettings, secrets: &[&Value]) -> Option<Field> {
    let label = envelope.content_type.as_deref().and_then(|value| multipart::parameter(value, "charset"));
    let mut text = charset::decode(&envelope.raw, label.as_deref()).text;
    for secret in secrets.iter().copied().filter_map(text_of).filter(|secret| !secret.is_empty()) {
        text = text.replace(&secret, "***");
    }
    let (text, _) = clean(&text, settings.limits.text_bytes);
    let field = Field { name: "body".to_owned(), value: text, canonical: Some(Canonical::Message) };
    (!field.value.trim().is_empty()).then_some(field)
}

impl Mapping {
    /// The leads of a document: where the mapping says they lie, or the document itself.
    #[must_use]
    pub fn leads_of<'d>(&self, document: &'d Value, budget: &mut Budget) -> Vec<&'d Value> {
        match &self.leads {
            Some(path) => path.find(Scope::whole(document), budget),
            None => vec![document],
        }
    }

    /// Whether what is in hand is a lead.
    #[must_use]
    pub fn is_lead(&self, here: Scope<'_>, budget: &mut Budget) -> bool {
        self.matches.iter().all(|condition| condition.holds(here, budget))
    }
}

/// Fields found so far.
struct Gather<'s> {
    fields: Vec<Field>,
    form: Option<&'s FormReading>,
    left: usize,
    most: usize,
    /// What proves the request.
    secrets: Vec<&'s Value>,
}

/// What is known of an answer before its value.
struct Answer<'a> {
    name: &'a str,
    also: &'a [String],
    meant: Option<Canonical>,
}

impl Gather<'_> {
    fn mapping(&mut self, mapping: &Mapping, own: &BTreeMap<String, Paths>, here: Scope<'_>, budget: &mut Budget) {
        for (name, paths) in own.iter().chain(&mapping.fields) {
            for value in paths.find(here, budget) {
                let answer = Answer { name, also: &[], meant: field_names::parse_canonical(name) };
                self.value(&answer, value, &BTreeMap::new(), 0);
            }
        }
        for answers in &mapping.answers {
            self.answers(answers, here, budget);
        }
        for members in &mapping.members {
            self.members(members, here, budget);
        }
        let further: Vec<_> = mapping.when.iter().filter(|when| when.holds(here, budget)).collect();
        for (name, text) in mapping.constants.iter().chain(further.into_iter().flat_map(|when| &when.constants)) {
            if !self.fields.iter().any(|f| f.name.eq_ignore_ascii_case(name) && !f.value.trim().is_empty()) {
                let answer = Answer { name, also: &[], meant: field_names::parse_canonical(name) };
                self.keep(&answer, text);
            }
        }
    }

    fn answers(&mut self, answers: &Answers, here: Scope<'_>, budget: &mut Budget) {
        for entry in answers.path.find(here, budget) {
            let entry = here.at(entry);
            let also: Vec<String> = answers.also.iter().filter_map(|path| path.text(entry, budget)).collect();
            let name = answers.name.text(entry, budget).or_else(|| also.first().cloned()).unwrap_or_default();
            let kind = answers.kind.text(entry, budget);
            let meant = meaning(&name, &also, kind.as_deref(), &answers.names, &answers.kinds);
            let answer = Answer { name: &name, also: &also, meant };
            let chosen = answers.options.as_ref().map(|o| (o, o.path.find(entry, budget)));
            for value in answers.value.find(entry, budget) {
                let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
                for value in values.iter().take(self.most) {
                    let text = chosen.as_ref().and_then(|(options, choices)| {
                        let id = text_of(value)?;
                        let same = choices.iter().find(|choice| {
                            budget.pay(1) && options.id.text(here.at(choice), budget).is_some_and(|found| found == id)
                        })?;
                        options.text.text(here.at(same), budget)
                    });
                    match text {
                        Some(text) => self.keep(&answer, &text),
                        None => self.value(&answer, value, &answers.parts, 0),
                    }
                }
            }
            if budget.is_spent() || self.fields.len() >= self.most {
                return;
            }
        }
    }

    fn members(&mut self, members: &Members, here: Scope<'_>, budget: &mut Budget) {
        for object in members.path.find(here, budget) {
            for (key, value) in object.as_object().into_iter().flatten() {
                let Some(bare) = members.bare(key).filter(|_| budget.pay(1)) else { continue };
                let inside = here.at(value);
                let described = members.name.text(inside, budget);
                let name = described.as_deref().unwrap_or(bare);
                let also = [key.clone(), bare.to_owned()];
                let kind = members.kind.text(inside, budget);
                let meant = meaning(name, &also, kind.as_deref(), &members.names, &members.kinds);
                let answer = Answer { name, also: &also, meant };
                let found = if members.value.is_empty() { vec![value] } else { members.value.find(inside, budget) };
                for value in found {
                    self.value(&answer, value, &members.parts, 0);
                }
            }
        }
    }

    /// Keeps a value: texts as they are, lists one by one, objects by their members.
    fn value(&mut self, answer: &Answer<'_>, value: &Value, parts: &BTreeMap<String, String>, depth: usize) {
        if depth > DEEPEST || self.fields.len() >= self.most || self.secrets.iter().any(|s| std::ptr::eq(*s, value)) {
            return;
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.value(answer, item, parts, depth + 1)),
            Value::Object(members) => {
                for (key, inner) in members {
                    match parts.get(key).map(String::as_str) {
                        Some("") => self.value(answer, inner, parts, depth + 1),
                        Some("-") => {}
                        part => {
                            let name = format!("{}[{key}]", answer.name);
                            let meant = part.and_then(field_names::parse_canonical);
                            let answer = Answer { name: &name, also: &[], meant };
                            self.value(&answer, inner, parts, depth + 1);
                        }
                    }
                }
            }
            scalar => {
                if let Some(text) = text_of(scalar) {
                    self.keep(answer, &text);
                }
            }
        }
    }

    fn keep(&mut self, answer: &Answer<'_>, text: &str) {
        if text.trim().is_empty() || self.fields.len() >= self.most {
            return;
        }
        let (text, _) = clean(text, self.left);
        self.left = self.left.saturating_sub(text.len());
        let name: String = answer.name.chars().filter(|c| *c != '\0').take(NAME_CHARS).collect();
        let own = |name: &str| self.form.and_then(|form| form.map.get(name).copied());
        let mapped = own(&name).or_else(|| answer.also.iter().find_map(|name| own(name)));
        let field = match mapped {
            Some(canonical) => Some(Field { name, value: text, canonical: Some(canonical) }),
            // An adapter's word is certain for what is no parameter of a campaign.
            None if answer.meant.is_some() && !field_names::is_attribution(&name) => {
                Some(Field { name, value: text, canonical: answer.meant })
            }
            None => interpret(&name, text, self.form),
        };
        self.fields.extend(field);
    }
}

/// What an answer means by the adapter's tables: its names first, then its type.
fn meaning(
    name: &str,
    also: &[String],
    kind: Option<&str>,
    names: &BTreeMap<String, String>,
    kinds: &BTreeMap<String, String>,
) -> Option<Canonical> {
    let by_name = names.get(name).or_else(|| also.iter().find_map(|name| names.get(name)));
    by_name.or_else(|| kind.and_then(|kind| kinds.get(kind))).and_then(|word| field_names::parse_canonical(word))
}
