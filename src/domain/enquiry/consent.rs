//! What a visitor agreed to, as evidence: one consent a purpose, with the text that was shown and what was sent.
//!
//! Not here: when and from where (the arrival and its store), the confirmation by mail (`delivery/visitor`).
//!
//! Invariants:
//! - A declared consent carries the text of the form's declaration in the language its page was in, never a text that
//!   the visitor sent; an undeclared one carries what was sent and says so by having no version.
//! - A box that was not ticked is not sent and is no consent; it withdraws none either.
//! - A declared consent is given by a word that means yes or by its own text, and by nothing else. What nobody declared is
//!   given by a word that means yes, its own name, or a text that agrees; whatever is doubtful is kept as sent and gives
//!   nothing. It never stands for a purpose that is declared.
//! - Of two values for one purpose the last counts: websites put a hidden "no" before the box.

mod answer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::answer::{agrees, says_yes};
use super::Consent;
use crate::domain::envelope::Digest;
use crate::domain::reading::FormReading;
use crate::domain::reading::text::{non_empty_line, one_line};
use crate::domain::submission::{Canonical, Field};

/// Most consents of one arrival.
const CONSENTS: usize = 20;
/// Longest text of a consent, in characters.
const TEXT_CHARS: usize = 2_000;
/// Longest value of a consent field that is kept, in characters.
const VALUE_CHARS: usize = 200;
/// Longest name of a purpose, in characters.
const PURPOSE_CHARS: usize = 120;

/// The shape of the `HubSpot` forms interface, flattened (<https://developers.hubspot.com/docs/api/marketing/forms>).
const OPTIONS: &str = "legalConsentOptions[";

/// A consent that a form asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentReading {
    /// Name of the box as the website sends it.
    pub field: String,
    /// What is agreed to.
    pub purpose: String,
    /// Version of the text.
    pub version: Option<String>,
    /// Text shown beside the box, by language (ISO 639-1).
    pub text: BTreeMap<String, String>,
    /// Values that mean yes, beside the usual ones.
    #[serde(default)]
    pub yes: Vec<String>,
}

impl ConsentReading {
    /// Whether this value agrees: a word that means yes, or what stands beside the box, which some websites send.
    fn agrees(&self, value: &str) -> bool {
        let own = [&self.field, &self.purpose].into_iter().chain(self.text.values()).chain(&self.yes);
        agrees(value, own.map(String::as_str))
    }
}

/// Whether the field belongs to `legalConsentOptions`.
#[must_use]
pub fn is_option(name: &str) -> bool {
    name.starts_with(OPTIONS)
}

/// The consents of an arrival. `accepted`: its `Accept-Language`, for a page that names no language.
#[must_use]
pub fn read(fields: &[Field], form: Option<&FormReading>, accepted: Option<&str>) -> Vec<Consent> {
    let declared = form.map(|f| f.consents.as_slice()).unwrap_or_default();
    let languages = page_languages(fields, form, accepted);
    let mut found: Vec<Consent> = Vec::new();
    let mut add = |consent: Consent, by_declaration: bool| {
        if !by_declaration && declared.iter().any(|d| d.purpose == consent.purpose) {
            return;
        }
        if let Some(earlier) = found.iter_mut().find(|c| c.purpose == consent.purpose) {
            *earlier = consent;
        } else if found.len() < CONSENTS {
            found.push(consent);
        }
    };
    let plain = fields.iter().filter(|f| f.canonical == Some(Canonical::Consent) && !is_option(&f.name));
    for field in plain.take(CONSENTS * 4) {
        let mut asked = declared.iter().filter(|d| d.field == field.name).peekable();
        if asked.peek().is_none() {
            add(undeclared(field), false);
        }
        asked.for_each(|d| add(one_of(d, field, &languages), true));
    }
    for consent in options(fields) {
        add(consent, false);
    }
    found
}

/// The language the page was in, as far as is known, the surest sign first: said by it, the form's own, the browser's.
/// English stands last, as on our pages.
fn page_languages(fields: &[Field], form: Option<&FormReading>, accepted: Option<&str>) -> Vec<String> {
    let said = fields.iter().find(|f| f.name.eq_ignore_ascii_case("_language") || f.name.eq_ignore_ascii_case("_lang"));
    let known = [said.map(|f| f.value.as_str()), form.and_then(|f| f.language.as_deref()), accepted, Some("en")];
    known.into_iter().flatten().filter_map(super::language::code).collect()
}

fn one_of(declared: &ConsentReading, field: &Field, languages: &[String]) -> Consent {
    let shown =
        languages.iter().find_map(|l| declared.text.get_key_value(l)).or_else(|| declared.text.first_key_value());
    Consent {
        purpose: declared.purpose.clone(),
        given: declared.agrees(&field.value),
        text: shown.map(|(_, text)| text.clone()),
        version: declared.version.clone(),
        field: Some(field.name.clone()),
        value: Some(one_line(&field.value, VALUE_CHARS)),
        language: shown.map(|(language, _)| language.clone()),
        text_hash: shown.map(|(_, text)| hash(text)),
    }
}

fn undeclared(field: &Field) -> Consent {
    let value = field.value.trim();
    // A ticked box sends `on`, or the text beside it.
    let text = (value.chars().count() > 12).then(|| one_line(value, TEXT_CHARS));
    Consent {
        purpose: field.name.clone(),
        given: agrees(value, std::iter::once(field.name.as_str())) || says_yes(value),
        text_hash: text.as_deref().map(hash),
        text,
        field: Some(field.name.clone()),
        value: Some(one_line(value, VALUE_CHARS)),
        ..Consent::default()
    }
}

/// `legalConsentOptions{consent{consentToProcess,text,communications[{value,subscriptionTypeId,text}]},
/// legitimateInterest{value,subscriptionTypeId,legalBasis,text}}`.
fn options(fields: &[Field]) -> Vec<Consent> {
    let mut groups: BTreeMap<String, Vec<(&str, &Field)>> = BTreeMap::new();
    for field in fields.iter().filter(|f| is_option(&f.name)).take(CONSENTS * 8) {
        let Some((path, member)) = field.name.strip_suffix(']').and_then(|n| n.rsplit_once('[')) else { continue };
        groups.entry(path.to_owned()).or_default().push((member, field));
    }
    groups.iter().filter_map(|(path, members)| option(path, members)).collect()
}

fn option(path: &str, members: &[(&str, &Field)]) -> Option<Consent> {
    let get = |name: &str| members.iter().find(|(member, _)| *member == name).map(|(_, field)| *field);
    let numbered = |kind: &str| match get("subscriptionTypeId").and_then(|f| non_empty_line(&f.value, PURPOSE_CHARS)) {
        Some(id) => format!("{kind}:{id}"),
        None => kind.to_owned(),
    };
    let (field, purpose) = if path.contains("[communications]") {
        (get("value")?, numbered("communications"))
    } else if path.ends_with("[legitimateInterest]") {
        (get("value")?, numbered("legitimate_interest"))
    } else {
        (get("consentToProcess")?, "process".to_owned())
    };
    let text = get("text").and_then(|f| non_empty_line(&f.value, TEXT_CHARS));
    Some(Consent {
        purpose,
        // Booleans in that interface, so nothing else is taken for a yes.
        given: agrees(&field.value, std::iter::empty()),
        text_hash: text.as_deref().map(hash),
        text,
        version: get("legalBasis").and_then(|f| non_empty_line(&f.value, PURPOSE_CHARS)),
        field: Some(field.name.clone()),
        value: Some(one_line(&field.value, VALUE_CHARS)),
        language: None,
    })
}

/// BLAKE3 of a text, in hexadecimal: tells whether it was changed without a new version.
fn hash(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        let canonical = match name {
            "_language" => Some(Canonical::Language),
            _ => Some(Canonical::Consent),
        };
        Field { name: name.into(), value: value.into(), canonical }
    }

    fn form() -> FormReading {
        let text = [("fr", "J'accepte la lettre."), ("en", "I want the letter.")];
        let letter = ConsentReading {
            field: "news".into(),
            purpose: "newsletter".into(),
            version: Some("2026-01".into()),
            text: text.map(|(l, t)| (l.to_owned(), t.to_owned())).into(),
            yes: vec!["Subscribe me".into()],
        };
        FormReading { consents: vec![letter], language: Some("en".into()), ..FormReading::default() }
    }

    #[test]
    fn a_declared_consent_carries_the_text_that_was_shown() {
        let read = read(&[field("_language", "fr"), field("news", "on")], Some(&form()), None);
        assert_eq!(read.len(), 1);
        let consent = &read[0];
        assert_eq!((consent.purpose.as_str(), consent.given), ("newsletter", true));
        assert_eq!(consent.text.as_deref(), Some("J'accepte la lettre."));
        assert_eq!((consent.version.as_deref(), consent.language.as_deref()), (Some("2026-01"), Some("fr")));
        assert_eq!(consent.text_hash.as_deref(), Some(hash("J'accepte la lettre.").as_str()));
        let plain = super::read(&[field("news", "1")], Some(&form()), Some("fr"));
        assert_eq!(plain[0].language.as_deref(), Some("en"), "the form's own page is in the form's language");
    }

    #[test]
    fn a_hidden_no_before_the_box_is_overruled_by_the_box() {
        let both = [field("news", "0"), field("news", "1")];
        let given: Vec<bool> = read(&both, Some(&form()), None).iter().map(|c| c.given).collect();
        assert_eq!(given, [true]);
        assert!(!read(&both[..1], Some(&form()), None)[0].given);
        assert!(read(&[], Some(&form()), None).is_empty());
    }

    #[test]
    fn a_text_that_was_sent_does_not_pass_for_the_declared_one() {
        let sent = [field("news", "I sell my house"), field("gdpr", "I agree to the processing")];
        let read = read(&sent, Some(&form()), None);
        assert_eq!(read[0].text.as_deref(), Some("I want the letter."));
        assert_eq!((read[0].value.as_deref(), read[0].given), (Some("I sell my house"), false));
        assert_eq!((read[1].purpose.as_str(), &read[1].version), ("gdpr", &None));
    }

    #[test]
    fn a_declared_consent_is_given_by_a_yes_and_by_nothing_else() {
        let given = |value: &str| read(&[field("news", value)], Some(&form()), None)[0].given;
        for value in [
            "on",
            "true",
            "1",
            "Yes",
            "I agree",
            "Oui",
            "J’accepte",
            "Souhlasím.",
            "Ano",
            "بله",
            "می‌پذیرم",
            "news",
            "newsletter",
            "J'accepte la lettre.",
            "i want the letter",
            "subscribe me",
        ] {
            assert!(given(value), "{value} is a yes");
        }
        for value in [
            "I do not agree",
            "I don't agree",
            "No, thanks",
            "disagree",
            "I agree to nothing",
            "Non merci",
            "Je n'accepte pas",
            "Je refuse",
            "Ne, děkuji",
            "Nesouhlasím",
            "Nechci",
            "خیر، ممنون",
            "موافق نیستم",
            "نمی‌پذیرم",
            "maybe",
            "2",
            "-",
            "",
        ] {
            assert!(!given(value), "{value} is no yes");
        }
    }

    #[test]
    fn what_nobody_declared_is_given_only_by_a_yes() {
        let of = |value: &str| super::read(&[field("newsletter", value)], None, None).remove(0);
        for value in ["on", "1", "Yes", "newsletter", "I agree to be written to", "Souhlasím se zasíláním novinek"]
        {
            assert!(of(value).given, "{value}");
        }
        for value in ["maybe", "nee", "nej", "não", "later", "unsure", "I do not agree to this at all", "2", ""] {
            let consent = of(value);
            assert!(!consent.given, "{value} is no yes");
            assert_eq!(consent.value.as_deref(), Some(value), "it is kept as sent");
        }
    }

    #[test]
    fn what_nobody_declared_never_speaks_for_a_declared_purpose() {
        let sent = [field("news", "I do not agree"), field("newsletter", "please")];
        let read = read(&sent, Some(&form()), None);
        let short: Vec<(&str, bool)> = read.iter().map(|c| (c.purpose.as_str(), c.given)).collect();
        assert_eq!(short, [("newsletter", false)]);
    }

    #[test]
    fn legal_consent_options_are_one_consent_a_purpose() {
        let name = |rest: &str| format!("legalConsentOptions{rest}");
        let fields = [
            field(&name("[consent][consentToProcess]"), "true"),
            field(&name("[consent][text]"), "I agree to be stored."),
            field(&name("[consent][communications][0][value]"), "true"),
            field(&name("[consent][communications][0][subscriptionTypeId]"), "999"),
            field(&name("[consent][communications][0][text]"), "Marketing mails."),
            field(&name("[consent][communications][1][value]"), "false"),
            field(&name("[consent][communications][1][subscriptionTypeId]"), "777"),
            field(&name("[legitimateInterest][value]"), "true"),
            field(&name("[legitimateInterest][legalBasis]"), "CUSTOMER"),
        ];
        let read = read(&fields, None, None);
        let short: Vec<(&str, bool, Option<&str>)> =
            read.iter().map(|c| (c.purpose.as_str(), c.given, c.text.as_deref())).collect();
        assert_eq!(
            short,
            [
                ("process", true, Some("I agree to be stored.")),
                ("communications:999", true, Some("Marketing mails.")),
                ("communications:777", false, None),
                ("legitimate_interest", true, None),
            ]
        );
        assert_eq!(read[3].version.as_deref(), Some("CUSTOMER"));
    }
}
