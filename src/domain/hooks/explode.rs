//! One request -> n leads, with their ids: what a door journals.
//!
//! Invariant: the first lead keeps the request byte for byte; each further one keeps the same document with only itself
//! in it, so that reading either is reading the request.

use super::document::Document;
use super::mapping::Mapping;
use super::path::{Budget, Scope};

/// Leads of one request; a request with more is refused.
pub const MOST: usize = 1_000;
/// Bytes of all documents made of one request.
const BYTES: usize = 16 << 20;

/// One lead of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// The producer's id, if it has one.
    pub id: Option<String>,
    /// A test.
    pub test: bool,
    /// It is a lead, not another kind of event.
    pub is_lead: bool,
    /// Its own document; `None` is the request as received.
    pub alone: Option<Vec<u8>>,
}

/// Why a request has no leads to be journalled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It cannot be read.
    #[error("{0}")]
    Broken(String),
    /// It has too many leads.
    #[error("the request holds more leads than are taken at once ({MOST})")]
    TooMany,
}

/// The leads of a document. A document without one is one other event.
///
/// # Errors
/// See [`Unfit`].
pub fn explode(document: &Document, mapping: &Mapping) -> Result<Vec<Lead>, Unfit> {
    if let Some(why) = &document.broken {
        return Err(Unfit::Broken(why.clone()));
    }
    let mut budget = Budget::default();
    let scope = Scope::whole(&document.value);
    let found = mapping.leads_of(&document.value, &mut budget);
    if found.len() > MOST || budget.is_spent() {
        return Err(Unfit::TooMany);
    }
    let mut leads = Vec::with_capacity(found.len().max(1));
    let mut bytes = 0;
    for (index, here) in found.iter().enumerate() {
        let here = scope.at(here);
        let mut budget = Budget::default();
        let is_lead = mapping.is_lead(here, &mut budget);
        // Among several, what is no lead tells nothing that the first arrival does not keep.
        if !is_lead && found.len() > 1 {
            continue;
        }
        let alone = if leads.is_empty() && index == 0 { None } else { cut_down(document, mapping, index) };
        bytes += alone.as_ref().map_or(0, Vec::len);
        if bytes > BYTES {
            return Err(Unfit::TooMany);
        }
        let id = mapping.known_by(here, &mut budget);
        let test = mapping.test.iter().any(|test| test.holds(here, &mut budget));
        leads.push(Lead { id, test: is_lead && test, is_lead, alone });
    }
    if let Some(first) = leads.first_mut() {
        first.alone = None;
    } else {
        leads.push(Lead { id: None, test: false, is_lead: false, alone: None });
    }
    Ok(leads)
}

/// The same document with only the `nth` lead.
fn cut_down(document: &Document, mapping: &Mapping, nth: usize) -> Option<Vec<u8>> {
    mapping.leads.as_ref()?.only(&document.value, nth).map(|own| own.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::reading::ReadLimits;

    fn mapping() -> Mapping {
        toml::from_str(
            "match = [{path = \"field\", equals = [\"leadgen\"]}]\nleads = \"entry[].changes[]\"\nid = \"value.leadgen_id\"",
        )
        .unwrap()
    }

    fn document(value: &serde_json::Value) -> Document {
        Document::read(value.to_string().as_bytes(), Some("application/json"), &[], &ReadLimits::default())
    }

    #[test]
    fn each_lead_of_a_request_stands_alone() {
        let body = json!({"object": "page", "entry": [
            {"id": "1", "changes": [{"field": "leadgen", "value": {"leadgen_id": 11}}, {"field": "feed", "value": {}}]},
            {"id": "2", "changes": [{"field": "leadgen", "value": {"leadgen_id": "12"}}, {"field": "leadgen", "value": {"leadgen_id": 13}}]},
        ]});
        let leads = explode(&document(&body), &mapping()).unwrap();
        let ids: Vec<_> = leads.iter().map(|l| l.id.as_deref().unwrap()).collect();
        assert_eq!(ids, ["11", "12", "13"]);
        assert_eq!(leads[0].alone, None);
        let alone: serde_json::Value = serde_json::from_slice(leads[2].alone.as_ref().unwrap()).unwrap();
        assert_eq!(
            alone,
            json!({"object": "page", "entry": [{"id": "2", "changes": [{"field": "leadgen", "value": {"leadgen_id": "13"}}]}]})
        );
        let again = explode(&document(&alone), &mapping()).unwrap();
        assert_eq!((again.len(), again[0].id.as_deref()), (1, Some("13")));
    }

    #[test]
    fn long_numbers_name_different_leads() {
        let body = br#"{"entry":[{"changes":[{"field":"leadgen","value":{"leadgen_id":18446744073709551617}},
            {"field":"leadgen","value":{"leadgen_id":18446744073709551618}}]}]}"#;
        let document = Document::read(body, Some("application/json"), &[], &ReadLimits::default());
        let ids: Vec<_> = explode(&document, &mapping()).unwrap().into_iter().map(|l| l.id.unwrap()).collect();
        assert_eq!(ids, ["18446744073709551617", "18446744073709551618"]);
    }

    #[test]
    fn an_id_that_counts_within_something_is_used_only_with_it() {
        let mapping: Mapping = toml::from_str("id = \"entry\"\nid_within = [\"site\", \"form\"]").unwrap();
        let id = |body: serde_json::Value| explode(&document(&body), &mapping).unwrap().remove(0).id;
        assert_eq!(id(json!({"entry": 7, "site": "a", "form": 3})).as_deref(), Some("1:a1:37"));
        assert_ne!(id(json!({"entry": 7, "site": "a", "form": 3})), id(json!({"entry": 7, "site": "b", "form": 3})));
        assert_ne!(id(json!({"entry": 7, "site": "a", "form": 33})), id(json!({"entry": 37, "site": "a", "form": 3})));
        assert_eq!(id(json!({"entry": 7, "site": "a"})), None);
    }

    #[test]
    fn a_request_without_a_lead_is_one_other_event() {
        for body in [json!({"entry": []}), json!({"x": 1}), json!({"entry": [{"changes": [{"field": "feed"}]}]})] {
            let leads = explode(&document(&body), &mapping()).unwrap();
            assert_eq!(leads.len(), 1, "{body}");
            assert!(!leads[0].is_lead, "{body}");
        }
    }

    #[test]
    fn too_many_leads_are_refused_as_a_whole() {
        let changes: Vec<_> = (0..=MOST).map(|i| json!({"field": "leadgen", "value": {"leadgen_id": i}})).collect();
        assert_eq!(explode(&document(&json!({"entry": [{"changes": changes}]})), &mapping()), Err(Unfit::TooMany));
    }
}
