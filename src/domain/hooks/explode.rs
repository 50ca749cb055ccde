//! One request -> n leads, with their ids: what a door journals.
//!
//! Invariants:
//! - one lead keeps the request byte for byte; of several, each keeps the same document with only itself in it, so that
//!   reading it is reading the request, and forgetting one person forgets nothing of another and leaves nothing behind;
//! - beside a lead, what is no lead is kept too, in the same way;
//! - what cannot be taken apart within the bounds is not taken apart at all: it waits whole.

use std::ops::ControlFlow;

use serde_json::Value;

use super::document::Document;
use super::mapping::Mapping;
use super::path::{Budget, Path, Scope};

/// Leads of one request; a request with more waits whole.
pub const MOST: usize = 20_000;
/// Bytes of all documents made of one request.
const BYTES: usize = 32 << 20;
/// Nodes looked at to tell the leads of one request.
pub const NODES: u64 = 5_000_000;

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
    /// It has too many leads, or several together with files.
    #[error("the request holds more leads than are taken at once ({MOST}), too much beside them, or files of several")]
    TooMany,
}

/// The leads of a document. A document without one is one other event.
///
/// # Errors
/// See [`Unfit`].
pub fn explode(document: &Document, mapping: &Mapping) -> Result<Vec<Lead>, Unfit> {
    explode_within(document, mapping, &mut Budget::of(NODES))
}

/// The same, looking at no more than `budget` allows.
///
/// # Errors
/// See [`Unfit`].
pub fn explode_within(document: &Document, mapping: &Mapping, budget: &mut Budget) -> Result<Vec<Lead>, Unfit> {
    if let Some(why) = &document.broken {
        return Err(Unfit::Broken(why.clone()));
    }
    let scope = Scope::whole(&document.value);
    let Some(path) = &mapping.leads else {
        return Ok(vec![lead(scope, mapping, budget)]);
    };
    let found = all(path, &document.value)?;
    let mut leads: Vec<Lead> = found.iter().map(|here| lead(scope.at(here), mapping, budget)).collect();
    if budget.is_spent() {
        return Err(Unfit::TooMany);
    }
    if leads.len() > 1 && leads.iter().any(|lead| lead.is_lead) {
        // Whose a file is, the request does not say.
        if !document.files.is_empty() {
            return Err(Unfit::TooMany);
        }
        cut(path, &document.value, &mut leads)?;
    } else {
        leads.truncate(1);
        leads.iter_mut().filter(|lead| !lead.is_lead).for_each(|lead| lead.id = None);
    }
    if leads.is_empty() {
        leads.push(Lead { id: None, test: false, is_lead: false, alone: None });
    }
    Ok(leads)
}

/// Everything that may be a lead.
fn all<'d>(path: &Path, document: &'d Value) -> Result<Vec<&'d Value>, Unfit> {
    let mut found = Vec::new();
    path.walk(document, &mut |here, _| {
        found.push(here);
        if found.len() > MOST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if found.len() > MOST { Err(Unfit::TooMany) } else { Ok(found) }
}

fn lead(here: Scope<'_>, mapping: &Mapping, budget: &mut Budget) -> Lead {
    let is_lead = mapping.is_lead(here, budget);
    let id = mapping.known_by(here, budget);
    let test = is_lead && mapping.test.iter().any(|test| test.holds(here, budget));
    Lead { id, test, is_lead, alone: None }
}

/// Gives each lead its own document.
fn cut(path: &Path, document: &Value, leads: &mut [Lead]) -> Result<(), Unfit> {
    let (mut leads, mut bytes) = (leads.iter_mut(), 0_usize);
    path.walk(document, &mut |here, way| {
        let Some(lead) = leads.next() else { return ControlFlow::Break(()) };
        let own = way.alone(here).to_string().into_bytes();
        bytes = bytes.saturating_add(own.len());
        lead.alone = Some(own);
        if bytes > BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if bytes > BYTES { Err(Unfit::TooMany) } else { Ok(()) }
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
        let ids: Vec<_> = leads.iter().filter(|l| l.is_lead).map(|l| l.id.as_deref().unwrap()).collect();
        assert_eq!(ids, ["11", "12", "13"]);
        let first: serde_json::Value = serde_json::from_slice(leads[0].alone.as_ref().unwrap()).unwrap();
        assert_eq!(
            first,
            json!({"object": "page", "entry": [{"id": "1", "changes": [{"field": "leadgen", "value": {"leadgen_id": "11"}}]}]}),
            "the first has nothing of the others"
        );
        let other: serde_json::Value = serde_json::from_slice(leads[1].alone.as_ref().unwrap()).unwrap();
        assert!(!leads[1].is_lead);
        assert_eq!(
            other,
            json!({"object": "page", "entry": [{"id": "1", "changes": [{"field": "feed", "value": {}}]}]}),
            "what is no lead is kept beside them"
        );
        let alone: serde_json::Value = serde_json::from_slice(leads[3].alone.as_ref().unwrap()).unwrap();
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
            assert!(!leads[0].is_lead && leads[0].alone.is_none(), "{body}");
        }
    }

    #[test]
    fn a_lead_alone_in_its_request_keeps_the_request() {
        let body = json!({"entry": [{"changes": [{"field": "leadgen", "value": {"leadgen_id": 1}}]}]});
        let leads = explode(&document(&body), &mapping()).unwrap();
        assert_eq!((leads.len(), leads[0].is_lead, &leads[0].alone), (1, true, &None));
    }

    #[test]
    fn thousands_of_leads_are_taken_apart_and_what_is_absurd_waits_whole() {
        let body = |n: usize, common: &str| {
            let changes: Vec<_> = (0..n).map(|i| json!({"field": "leadgen", "value": {"leadgen_id": i}})).collect();
            json!({"common": common, "entry": [{"changes": changes}]})
        };
        let leads = explode(&document(&body(MOST, "")), &mapping()).unwrap();
        assert_eq!((leads.len(), leads[MOST - 1].id.as_deref()), (MOST, Some("19999")));
        assert_eq!(explode(&document(&body(MOST + 1, "")), &mapping()), Err(Unfit::TooMany));
        let much = "x".repeat(100_000);
        assert_eq!(explode(&document(&body(1_000, &much)), &mapping()), Err(Unfit::TooMany));
        assert!(explode(&document(&body(100, &much)), &mapping()).is_ok());
    }
}
