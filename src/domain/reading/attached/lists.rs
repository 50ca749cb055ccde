//! The leads of a JSON file that holds several: a list, a list somewhere in an object, or one object after the other.
//!
//! Two people are never one lead: what holds several and cannot be taken apart without losing one of them waits whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::{LEADS, is_reach, json_fields};
use crate::domain::reading::notification::{self, Sender};
use crate::domain::reading::{ReadSettings, adf, budget, form};
use crate::domain::submission::Field;

/// Objects and lists inside each other in which lists of leads are looked for.
const DEPTH: usize = 6;
/// Lists of leads inside each other that are noticed.
const NESTED: usize = 3;

/// One of several leads: its JSON as it stands there, and what it says.
pub(in crate::domain::reading) struct Lead {
    /// The object.
    pub json: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// What a file holds.
pub(in crate::domain::reading) enum Lists {
    /// One lead, or none.
    None,
    /// Leads, each once and at most [`LEADS`], and what stands beside their lists.
    Apart { leads: Vec<Lead>, beside: String },
    /// Several that cannot be taken apart; the fields of the first.
    Whole(Vec<Field>),
}

/// Reads the lists of a JSON text.
pub(in crate::domain::reading) fn read(text: &str, sender: Sender) -> Lists {
    within(text, sender, NESTED)
}

fn within(text: &str, sender: Sender, nested: usize) -> Lists {
    let mut shape = Shape::default();
    match values(text).as_deref() {
        Some([]) | None => return Lists::None,
        Some([one]) => shape.walk("", one, DEPTH),
        Some(many) if many.iter().all(|value| is_object(value)) => shape.lists.push(many.to_vec()),
        Some(_) => return Lists::None,
    }
    shape.leads(sender, nested)
}

/// The values of a text, one after the other.
fn values(text: &str) -> Option<Vec<&RawValue>> {
    budget::pay(text.len());
    serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().ok()
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// The lists of objects in a value, and the values that stand beside them.
#[derive(Default)]
struct Shape<'t> {
    lists: Vec<Vec<&'t RawValue>>,
    beside: Vec<(String, &'t RawValue)>,
}

impl<'t> Shape<'t> {
    fn walk(&mut self, name: &str, value: &'t RawValue, depth: usize) {
        let text = value.get();
        if depth > 0
            && is_object(value)
            && let Ok(members) = serde_json::from_str::<BTreeMap<String, &'t RawValue>>(text)
        {
            for (name, member) in members {
                self.walk(&name, member, depth - 1);
            }
            return;
        }
        let items: Vec<&'t RawValue> = if depth > 0 && text.starts_with('[') {
            serde_json::from_str(text).unwrap_or_default()
        } else {
            Vec::new()
        };
        if items.is_empty() || !items.iter().all(|item| is_object(item)) {
            self.beside.push((name.to_owned(), value));
            return;
        }
        let mut inner = Self::default();
        if let [one] = items.as_slice() {
            inner.walk("", one, depth - 1);
        }
        if inner.lists.iter().any(|list| list.len() > 1) {
            self.lists.append(&mut inner.lists);
            self.beside.append(&mut inner.beside);
        } else {
            self.lists.push(items);
        }
    }

    fn leads(self, sender: Sender, nested: usize) -> Lists {
        let bare = self.lists.len() == 1 && self.beside.is_empty();
        let settings = ReadSettings::default();
        let (mut found, mut known, mut beside) = (Vec::new(), BTreeSet::new(), self.told());
        let (mut reached, mut is_whole) = (BTreeSet::new(), self.reaches_by_itself());
        for list in &self.lists {
            let read = |item: &&'t RawValue| (item.get(), json_fields(item.get().as_bytes(), &settings));
            let items: Vec<(&str, Option<Vec<Field>>)> = list.iter().take(LEADS).map(read).collect();
            let here: Vec<Vec<String>> = items.iter().filter_map(|(_, fields)| reach(fields.as_deref()?)).collect();
            if here.is_empty() {
                beside.extend(items.iter().map(|(json, _)| format!("{json}\n")));
                continue;
            }
            reached.extend(here);
            for (json, fields) in items {
                let holds_more = nested > 0 && !matches!(within(json, sender, nested - 1), Lists::None);
                match fields.filter(|fields| !holds_more && notification::accept(fields, sender)) {
                    Some(fields) if known.insert(adf::says(&fields)) => {
                        found.push(Lead { json: json.to_owned(), fields });
                    }
                    Some(_) => {}
                    None => is_whole = true,
                }
            }
        }
        found.truncate(LEADS);
        let is_several = reached.len() > 1 || bare && found.len() > 1;
        match found.first() {
            Some(first) if is_several && is_whole => Lists::Whole(first.fields.clone()),
            Some(_) if is_several => Lists::Apart { leads: found, beside: beside.concat() },
            _ => Lists::None,
        }
    }

    /// What stands beside the lists, a line each.
    fn told(&self) -> Vec<String> {
        self.beside.iter().map(|(name, value)| format!("{name}: {}\n", value.get())).collect()
    }

    /// Whether somebody is named beside the lists, whose the lists then are.
    fn reaches_by_itself(&self) -> bool {
        self.beside.iter().any(|(name, value)| {
            let text = serde_json::from_str::<String>(value.get());
            text.is_ok_and(|text| form::interpret(name, text, None).iter().any(is_reach))
        })
    }
}

/// How the person of these fields is reached, if at all.
fn reach(fields: &[Field]) -> Option<Vec<String>> {
    let found: Vec<String> = fields.iter().filter(|field| is_reach(field)).map(|field| field.value.clone()).collect();
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVA: &str = r#"{"name":"Eva Malá","email":"eva@mala.cz","message":"Cena?"}"#;
    const JAN: &str = r#"{"name":"Jan Novák","email":"jan@novak.cz","message":"Kdy?"}"#;

    fn shown(text: &str) -> String {
        let of = |fields: &[Field]| {
            let emails: Vec<&str> = fields.iter().filter(|f| is_reach(f)).map(|f| f.value.as_str()).collect();
            emails.join("+")
        };
        match read(text, Sender::Mailer) {
            Lists::None => "none".to_owned(),
            Lists::Apart { leads, .. } => leads.iter().map(|lead| of(&lead.fields)).collect::<Vec<_>>().join(" "),
            Lists::Whole(fields) => format!("whole {}", of(&fields)),
        }
    }

    #[test]
    fn two_people_of_a_file_are_never_one_lead() {
        let both = "eva@mala.cz jan@novak.cz";
        for (text, wanted) in [
            (format!("[{EVA},{JAN}]"), both),
            (format!("{{\"total\":2,\"leads\":[{EVA},{JAN}]}}"), both),
            (format!("{{\"data\":{{\"leads\":[{EVA},{JAN}],\"page\":{{\"next\":null}}}}}}"), both),
            (format!("[{{\"leads\":[{EVA},{JAN}]}}]"), both),
            (format!("{{\"new\":[{EVA}],\"old\":[{JAN},{EVA}]}}"), "jan@novak.cz eva@mala.cz"),
            (format!("{{\"a\":[{EVA}],\"b\":[{JAN}]}}"), both),
            (
                format!("{{\"a\":[{EVA},{JAN}],\"b\":[{}]}}", JAN.replace("jan", "ota")),
                "eva@mala.cz jan@novak.cz ota@novak.cz",
            ),
            (format!("{EVA}\n{JAN}\n"), both),
            (format!("[{EVA},{JAN},{{\"note\":\"x\"}}]"), "whole eva@mala.cz"),
            (format!("{{\"name\":\"Ida\",\"email\":\"ida@cesty.cz\",\"people\":[{EVA},{JAN}]}}"), "whole eva@mala.cz"),
            (format!("[{EVA},{{\"name\":\"Day\",\"leads\":[{EVA},{JAN}]}}]"), "whole eva@mala.cz"),
        ] {
            let found = shown(&text);
            let sorted = |text: &str| {
                let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
                words.sort_unstable();
                words
            };
            assert_eq!(sorted(&found), sorted(wanted), "{text}");
        }
    }

    #[test]
    fn one_lead_with_lists_of_its_own_is_one() {
        for text in [
            EVA.to_owned(),
            format!("[{EVA}]"),
            r#"{"email":"eva@mala.cz","name":"Eva","items":[{"name":"Pump"},{"name":"Hose"}]}"#.to_owned(),
            r#"{"name":"Eva","emails":["eva@mala.cz","e@mala.cz"]}"#.to_owned(),
            r#"{"name":"Eva","email":"eva@mala.cz","mails":[{"email":"eva@mala.cz","id":"1"},{"email":"eva@mala.cz","id":"2"}]}"#
                .to_owned(),
            "{\"name\":".to_owned(),
            String::new(),
        ] {
            assert_eq!(shown(&text), "none", "{text}");
        }
    }

    #[test]
    fn what_stands_beside_the_list_is_kept() {
        let text = format!("{{\"note\":\"Call them today\",\"pages\":[{{\"no\":1}}],\"leads\":[{EVA},{JAN}]}}");
        let Lists::Apart { leads, beside } = read(&text, Sender::Mailer) else { panic!("taken apart") };
        assert_eq!((leads.len(), leads[1].json.as_str()), (2, JAN));
        assert!(beside.contains("Call them today") && beside.contains("\"no\":1"), "{beside}");
        assert!(!beside.contains("mala.cz"));
    }
}
