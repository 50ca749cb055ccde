//! What is wrong with the fields of a submission, and which of its files are not taken.
//!
//! Not here: what happens then. A submission with a wrong field is written down first and then answered 422; one with a
//! refused file is taken, and says so.

use super::fields::Said;
use super::pages::FILES;
use super::texts::faults::{self, Faults};
use crate::config::form::{FormConfig, FormField};
use crate::domain::enquiry::consent;
use crate::domain::enquiry::email::EmailAddress;
use crate::domain::reading::field_names::{is_attribution, is_control};
use crate::domain::reading::files::{Bounds, Refusal};
use crate::domain::reading::typed;
use crate::domain::rules::FieldType;
use crate::domain::rules::fold::fold;

/// Faults told of one submission, at most.
const MOST: usize = 50;

/// What is wrong with one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the codes say it")]
pub enum Fault {
    RequiredFieldMissing,
    RequiredFieldEmpty,
    TypeEmail,
    TypeNumeric,
    TypeText,
    FieldNotInFormDefinition,
    ValueNotInFieldDefinition,
}

impl Fault {
    /// The code that form libraries know.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::RequiredFieldMissing => "REQUIRED_FIELD_MISSING",
            Self::RequiredFieldEmpty => "REQUIRED_FIELD_EMPTY",
            Self::TypeEmail => "TYPE_EMAIL",
            Self::TypeNumeric => "TYPE_NUMERIC",
            Self::TypeText => "TYPE_TEXT",
            Self::FieldNotInFormDefinition => "FIELD_NOT_IN_FORM_DEFINITION",
            Self::ValueNotInFieldDefinition => "VALUE_NOT_IN_FIELD_DEFINITION",
        }
    }

    /// What to do, with the field's name in it.
    #[must_use]
    pub fn words(self, texts: &Faults, field: &str) -> String {
        let text = match self {
            Self::RequiredFieldMissing | Self::RequiredFieldEmpty => texts.required,
            Self::TypeEmail => texts.email,
            Self::TypeNumeric => texts.number,
            Self::TypeText => texts.text,
            Self::FieldNotInFormDefinition => texts.unknown,
            Self::ValueNotInFieldDefinition => texts.choice,
        };
        text.replace("{field}", field)
    }
}

/// A field with something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Its name.
    pub field: String,
    /// What is wrong.
    pub fault: Fault,
}

/// A file that is not taken, while the rest of its submission is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedFile {
    /// Its field.
    pub field: String,
    /// Its name, fit to be shown.
    pub file: String,
    /// Why.
    pub why: Refusal,
    /// The limit it is beyond; none when it is beyond none.
    limit: Option<Limit>,
}

/// A limit of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// Of something that is counted.
    Count(usize),
    /// Bytes of its content.
    Size(usize),
}

impl RefusedFile {
    /// A file that is not taken by a form of these bounds.
    pub(super) fn new(field: &str, file: &str, why: Refusal, bounds: &Bounds) -> Self {
        let limit = match why {
            Refusal::TooMany => Some(Limit::Count(bounds.most)),
            Refusal::TooLarge => Some(Limit::Size(bounds.bytes)),
            Refusal::NameTooLong => Some(Limit::Count(bounds.name_bytes)),
            _ => None,
        };
        Self { field: field.to_owned(), file: file.to_owned(), why, limit }
    }

    /// The code that form libraries know, where they know one.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.why {
            Refusal::NoFiles => "NO_FILE_UPLOADS",
            Refusal::TooMany => "TOO_MANY_FILES",
            Refusal::TooLarge => "FILES_TOO_BIG",
            Refusal::NameTooLong => "TOO_LONG",
            _ => "FILE_REFUSED",
        }
    }

    /// What it is and why it is not taken, in the language of `lang` (ISO 639-1).
    #[must_use]
    pub fn words(&self, lang: &str) -> String {
        let texts = faults::of(lang);
        let limit = match self.limit {
            Some(Limit::Count(count)) => count.to_string(),
            Some(Limit::Size(bytes)) => texts.size(bytes),
            None => String::new(),
        };
        texts.refusal(self.why).replace("{limit}", &limit).replace("{file}", &self.file)
    }
}

/// Everything that is wrong with the fields, in the order in which the form declares and the visitor sent them.
pub(super) fn of(form: &FormConfig, said: &Said) -> Vec<FieldFault> {
    let mut found = Vec::new();
    for field in &form.fields {
        found.extend(of_field(form, field, said).map(|fault| FieldFault { field: field.name.clone(), fault }));
    }
    if form.strict {
        let names = said.fields.iter().map(|(name, _)| name).chain(said.files.iter().map(|(name, _)| name));
        for name in names.filter(|name| !is_control(name) && !is_attribution(name) && !is_ours(form, name)) {
            let known = found.iter().any(|fault| fault.field == *name);
            if !known && !form.fields.iter().any(|field| is_of(&field.name, name)) {
                found.push(FieldFault { field: name.clone(), fault: Fault::FieldNotInFormDefinition });
            }
        }
    }
    found.truncate(MOST);
    found
}

/// What the form's own page sends beside the declared fields: its trap, its consents, its files.
fn is_ours(form: &FormConfig, name: &str) -> bool {
    form.screening.honeypot.as_deref() == Some(name)
        || form.consent.iter().any(|consent| consent.field == name)
        || consent::is_option(name)
        || form.allow_files && is_of(FILES, name)
}

/// Whether a value sent under `sent` belongs to the declared `name`: `topic` takes `topic[]` too.
fn is_of(name: &str, sent: &str) -> bool {
    name == sent || sent.strip_suffix("[]") == Some(name)
}

fn of_field(form: &FormConfig, field: &FormField, said: &Said) -> Option<Fault> {
    let mut values = said.fields.iter().filter(|(name, _)| is_of(&field.name, name)).map(|(_, value)| value.trim());
    let (sent, filled): (bool, Vec<&str>) = {
        let all: Vec<&str> = values.by_ref().collect();
        (!all.is_empty(), all.into_iter().filter(|value| !value.trim_matches('\0').is_empty()).collect())
    };
    let files = said.files.iter().any(|(name, _)| is_of(&field.name, name));
    if filled.is_empty() {
        return match (field.required == Some(true), files) {
            (_, true) if is_typed(field.kind) => Some(Fault::TypeText),
            (true, false) if sent => Some(Fault::RequiredFieldEmpty),
            (true, false) => Some(Fault::RequiredFieldMissing),
            _ => None,
        };
    }
    let wrong = |is_right: &dyn Fn(&str) -> bool| filled.iter().any(|value| !is_right(value));
    match field.kind {
        FieldType::Email if wrong(&is_email) => Some(Fault::TypeEmail),
        FieldType::Number if wrong(&is_number) => Some(Fault::TypeNumeric),
        _ if form.strict && !field.options.is_empty() && wrong(&|value| field.options.iter().any(|o| o == value)) => {
            Some(Fault::ValueNotInFieldDefinition)
        }
        _ => None,
    }
}

/// A type that no file can have: a declared file is a plain field.
const fn is_typed(kind: FieldType) -> bool {
    !matches!(kind, FieldType::Text)
}

/// A number as people write it: digits of any script, grouped or not, with a sign or a decimal mark.
fn is_number(value: &str) -> bool {
    let text: String = fold(value).chars().filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '’' | '_')).collect();
    text.chars().any(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '٫' | '٬'))
        || text.strip_prefix(['-', '+', '−']).is_some_and(|rest| !rest.starts_with(['-', '+', '−']) && is_number(rest))
}

/// At least one address; what stands behind it is not read, here as later.
fn is_email(value: &str) -> bool {
    let read = typed::addresses(value);
    read.found.iter().any(|address| EmailAddress::parse(address).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::fields::{Allowed, Encoding, read};
    use super::*;

    fn faults(form: &FormConfig, body: &str) -> Vec<(String, &'static str)> {
        let said = read(Encoding::Urlencoded, "", body.as_bytes(), &Allowed::ANY).unwrap();
        of(form, &said).into_iter().map(|f| (f.field, f.fault.code())).collect()
    }

    fn field(name: &str, kind: FieldType, required: Option<bool>) -> FormField {
        FormField { kind, required, ..FormField::named(name) }
    }

    fn form(strict: bool) -> FormConfig {
        let fields = vec![
            field("name", FieldType::Text, Some(true)),
            field("email", FieldType::Email, Some(true)),
            field("size", FieldType::Number, None),
            FormField { options: vec!["a".into(), "b".into()], ..FormField::named("topic") },
        ];
        FormConfig { strict, fields, ..FormConfig::named("contact") }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let found = faults(&form(false), "name=+&email=nobody&size=big&other=1");
        let expected = [("name", "REQUIRED_FIELD_EMPTY"), ("email", "TYPE_EMAIL"), ("size", "TYPE_NUMERIC")];
        assert_eq!(found, expected.map(|(n, c)| (n.to_owned(), c)));
        assert_eq!(faults(&form(false), "size=1")[0].1, "REQUIRED_FIELD_MISSING");
    }

    #[test]
    fn what_is_right_is_let_through() {
        for size in ["", "3", "1 200,50", "-4.5", "0.10"] {
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("name", "Eva"), ("email", "Eva <eva@web.example>"), ("size", size), ("topic[]", "z")])
                .finish();
            assert_eq!(faults(&form(false), &body), [], "{size}");
        }
    }

    #[test]
    fn a_strict_form_takes_what_it_declares_and_what_steers_it() {
        let base = "name=Eva&email=eva@web.example";
        assert_eq!(faults(&form(true), &format!("{base}&topic[]=a&_next=/x&utm_source=y&gclid=z&_replyto=a@b.cz")), []);
        let found = faults(&form(true), &format!("{base}&owner_id=7&status=won&topic=c"));
        let expected = [
            ("topic", "VALUE_NOT_IN_FIELD_DEFINITION"),
            ("owner_id", "FIELD_NOT_IN_FORM_DEFINITION"),
            ("status", "FIELD_NOT_IN_FORM_DEFINITION"),
        ];
        assert_eq!(found, expected.map(|(n, c)| (n.to_owned(), c)));
    }
}
