//! The fields of a form as a page shows them: label, kind of input, what was typed, what is wrong with it.

use std::borrow::Cow;

use serde::Serialize;

use super::super::texts::{Texts, faults};
use crate::config::form::{FormConfig, FormField, in_language};
use crate::config::visitor::ConsentConfig;
use crate::domain::reading::field_names::{canonical, is_attribution, is_control};
use crate::domain::reading::files::{self, Refusal};
use crate::domain::rules::FieldType;
use crate::domain::submission::Canonical;

/// The fields of a form that declares none.
const OWN: [&str; 5] = ["name", "email", "phone", "company", "message"];

/// Name of the field for files, where the form takes them.
pub(in crate::intake::form) const FILES: &str = "files";

/// What a box sends when it is ticked.
const TICKED: &str = "yes";

/// A value longer than this, in characters, is shown over several lines.
const LONG: usize = 80;

/// One choice of a list.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Choice<'a> {
    pub(super) value: Cow<'a, str>,
    pub(super) label: Cow<'a, str>,
    pub(super) chosen: bool,
}

/// One field of a page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Field<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) label: Cow<'a, str>,
    /// `textarea`, `checkbox`, `select`, `file`, or the type of another `input`.
    pub(super) kind: &'static str,
    /// What browsers fill in by themselves.
    autocomplete: &'static str,
    /// Keyboard on a telephone.
    inputmode: &'static str,
    longest: usize,
    required: bool,
    /// Written from left to right in every language.
    ltr: bool,
    options: Vec<Choice<'a>>,
    pub(super) value: Cow<'a, str>,
    ticked: bool,
    /// Kinds of files, as `accept` names them.
    accept: String,
    /// What else is to be known before filling it in.
    hint: String,
    /// How large files may be, where that is known.
    room: Option<FileRoom>,
    pub(super) error: Option<Cow<'a, str>>,
}

/// How large files may be: bounds in bytes, and what is said of files beyond them before they are sent.
#[derive(Debug, Clone, Serialize)]
struct FileRoom {
    each: usize,
    together: usize,
    large: String,
    much: String,
}

/// Room of a body for what is no file, in bytes: text, names, boundaries. Of a small body an eighth.
const NO_FILE: usize = 1 << 20;

/// What a form takes of each file and of all together, so that its body takes them too.
fn file_room(form: &FormConfig, words: &faults::Faults) -> Option<FileRoom> {
    let body = form.body_bytes?;
    let together = body - NO_FILE.min(body / 8);
    let each = form.file_bytes?.min(together);
    let said = |text: &str, bytes| text.replace("{limit}", &words.size(bytes));
    let large = said(words.refusal(Refusal::TooLarge), each);
    Some(FileRoom { each, together, large, much: said(words.files_together, together) })
}

impl<'a> Field<'a> {
    /// A field of a form whose page is not ours, as it was sent.
    pub(super) fn foreign(name: &'a str, value: &'a str, texts: &'static Texts) -> Self {
        let label = label(canonical(name).filter(|_| OWN.contains(&name)), texts).unwrap_or(name);
        let kind = if name == "message" { "textarea" } else { "text" };
        let mut field = Self { label: label.into(), kind, ..Self::blank(name) };
        field.fill(value);
        field
    }

    fn blank(name: &'a str) -> Self {
        Self {
            name: name.into(),
            label: Cow::Borrowed(""),
            kind: "text",
            autocomplete: "",
            inputmode: "",
            longest: 500,
            required: false,
            ltr: false,
            options: Vec::new(),
            value: Cow::Borrowed(""),
            ticked: false,
            accept: String::new(),
            hint: String::new(),
            room: None,
            error: None,
        }
    }

    /// Shows what was typed, whatever it is: no input may lose it.
    pub(super) fn fill(&mut self, value: &'a str) {
        match self.kind {
            "checkbox" => {
                self.ticked = !value.trim().is_empty();
                if self.ticked {
                    self.value = value.into();
                }
                return;
            }
            "select" => {
                self.options.iter_mut().for_each(|option| option.chosen = option.value == value);
                if !value.is_empty() && !self.options.iter().any(|option| option.chosen) {
                    self.options.push(Choice { value: value.into(), label: value.into(), chosen: true });
                }
                return;
            }
            "file" => return,
            "date" if !is_day(value) => self.kind = "text",
            _ => {}
        }
        if self.kind != "textarea" && (value.contains(['\n', '\r']) || value.chars().count() > LONG) {
            self.kind = "textarea";
        }
        // Browsers count UTF-16.
        self.longest = self.longest.max(value.encode_utf16().count());
        self.value = value.into();
    }

    /// Whether a browser always sends it: boxes are left out when they are not ticked.
    pub(super) fn is_always_sent(&self) -> bool {
        !matches!(self.kind, "checkbox" | "file")
    }
}

/// As an input of type `date` writes it: 2027-01-31.
fn is_day(value: &str) -> bool {
    value.is_empty() || value.len() == 10 && value.parse::<jiff::civil::Date>().is_ok()
}

/// The fields to fill in: those the form declares, in that order.
pub(super) fn blanks<'a>(form: &'a FormConfig, texts: &'static Texts) -> Vec<Field<'a>> {
    let mut all: Vec<Field<'a>> = if form.fields.is_empty() {
        OWN.iter().map(|name| blank(name, canonical(name), FieldType::Text, texts)).collect()
    } else {
        let wanted = |field: &&FormField| !is_control(&field.name) && !is_attribution(&field.name);
        form.fields.iter().filter(wanted).map(|field| declared(form, field, texts)).collect()
    };
    let listed = |name: &str| form.fields.iter().any(|field| field.name == name);
    all.extend(form.consent.iter().filter(|consent| !listed(&consent.field)).map(|asked| consent(form, asked, texts)));
    if form.allow_files && form.max_files != Some(0) {
        all.push(uploads(form, texts));
    }
    all
}

/// The field for files, with what the form takes of them.
fn uploads<'a>(form: &FormConfig, texts: &'static Texts) -> Field<'a> {
    let endings = files::endings(&form.allowed_file_types);
    let words = faults::of(texts.lang);
    let kinds: Vec<String> = form.allowed_file_types.iter().map(|word| words.kind_of_files(word)).collect();
    let room = file_room(form, words);
    let limits = room.as_ref().zip(form.max_files).map(|(room, count)| {
        let hint = words.files_hint.replace("{kinds}", &kinds.join(", ")).replace("{count}", &count.to_string());
        hint.replace("{limit}", &words.size(room.each)).replace("{together}", &words.size(room.together))
    });
    let (accept, hint) = (endings.join(","), limits.unwrap_or_default());
    Field { label: texts.files.into(), kind: "file", accept, hint, room, ..Field::blank(FILES) }
}

/// A box with the text that is kept as evidence of its tick; never ticked beforehand.
fn consent<'a>(form: &FormConfig, asked: &'a ConsentConfig, texts: &'static Texts) -> Field<'a> {
    let words = in_language(&asked.text, texts.lang, form.language.as_deref());
    let words = words.or_else(|| asked.text.values().next().map(String::as_str));
    Field {
        label: words.unwrap_or_default().into(),
        kind: "checkbox",
        value: TICKED.into(),
        ..Field::blank(&asked.field)
    }
}

fn declared<'a>(form: &'a FormConfig, field: &'a FormField, texts: &'static Texts) -> Field<'a> {
    let meaning = field.canonical.or_else(|| canonical(&field.name));
    let mut shown = blank(&field.name, meaning, field.kind, texts);
    let own = form.language.as_deref();
    if let Some(words) = in_language(&field.label, texts.lang, own) {
        shown.label = words.into();
    }
    if let Some(words) = in_language(&field.text, texts.lang, own).filter(|_| shown.kind == "checkbox") {
        shown.label = words.into();
    }
    if let Some(asked) = form.consent.iter().find(|consent| consent.field == field.name) {
        let required = shown.required;
        shown = Field { required, ..consent(form, asked, texts) };
    }
    if let Some(required) = field.required {
        shown.required = required;
    }
    if !field.options.is_empty() {
        let found = field.option_labels.get(texts.lang).or_else(|| field.option_labels.get(own?));
        let labels = found.or_else(|| field.option_labels.get("en")).unwrap_or(&field.options);
        let pairs = field.options.iter().zip(labels);
        shown.options = pairs.map(|(v, l)| Choice { value: v.into(), label: l.into(), chosen: false }).collect();
        shown.kind = "select";
    }
    shown
}

fn blank<'a>(name: &'a str, meaning: Option<Canonical>, declared: FieldType, texts: &'static Texts) -> Field<'a> {
    let label = label(meaning, texts).map_or_else(|| Cow::Owned(name.replace(['_', '-'], " ")), Cow::Borrowed);
    let required = matches!(meaning, Some(Canonical::FullName | Canonical::Email | Canonical::Message));
    let (kind, autocomplete, inputmode, longest) = match (meaning, declared) {
        (Some(Canonical::Consent), _) | (_, FieldType::Bool) => ("checkbox", "", "", 0),
        (Some(Canonical::Email), _) | (_, FieldType::Email) => ("email", "email", "", 254),
        (Some(Canonical::Phone | Canonical::Mobile), _) | (_, FieldType::Phone) => ("tel", "tel", "", 40),
        (_, FieldType::Date) => ("date", "", "", 10),
        (Some(Canonical::Message), _) => ("textarea", "", "", 20_000),
        (_, FieldType::Number | FieldType::Money) => ("text", "", "decimal", 40),
        (Some(Canonical::Postcode), _) | (_, FieldType::Postcode) => ("text", "postal-code", "", 20),
        (Some(Canonical::Country), _) | (_, FieldType::Country) => ("text", "country-name", "", 80),
        (Some(Canonical::FullName), _) => ("text", "name", "", 200),
        (Some(Canonical::FirstName), _) => ("text", "given-name", "", 200),
        (Some(Canonical::LastName), _) => ("text", "family-name", "", 200),
        (Some(Canonical::JobTitle), _) => ("text", "organization-title", "", 200),
        (Some(Canonical::Company), _) => ("text", "organization", "", 200),
        (Some(Canonical::Website), _) => ("text", "url", "url", 500),
        (Some(Canonical::Street), _) => ("text", "street-address", "", 200),
        (Some(Canonical::City), _) => ("text", "address-level2", "", 200),
        _ => ("text", "", "", 500),
    };
    let value = if kind == "checkbox" { Cow::Borrowed(TICKED) } else { Cow::Borrowed("") };
    let ltr = matches!(kind, "email" | "tel" | "date") || inputmode == "url";
    Field { label, kind, autocomplete, inputmode, longest, required, ltr, value, ..Field::blank(name) }
}

/// What a visitor reads beside a field whose meaning is known.
const fn label(meaning: Option<Canonical>, texts: &'static Texts) -> Option<&'static str> {
    Some(match meaning {
        Some(Canonical::FullName) => texts.name,
        Some(Canonical::FirstName) => texts.first_name,
        Some(Canonical::LastName) => texts.last_name,
        Some(Canonical::JobTitle) => texts.job_title,
        Some(Canonical::Email) => texts.email,
        Some(Canonical::Phone) => texts.phone,
        Some(Canonical::Mobile) => texts.mobile,
        Some(Canonical::Company) => texts.company,
        Some(Canonical::Website) => texts.website,
        Some(Canonical::Street) => texts.street,
        Some(Canonical::Postcode) => texts.postcode,
        Some(Canonical::City) => texts.city,
        Some(Canonical::Country) => texts.country,
        Some(Canonical::Topic) => texts.topic,
        Some(Canonical::Message) => texts.message,
        Some(Canonical::Budget) => texts.budget,
        Some(Canonical::Product) => texts.product,
        Some(Canonical::Quantity) => texts.quantity,
        Some(Canonical::Consent) => texts.consent,
        _ => return None,
    })
}
