//! How forms written for other services look, so that a page needs no more than a new address.
//!
//! Two things differ beyond names: `HubSpot` sends its fields as a list of names and values, and some services use plain
//! words (`name`, `debug`, `action`) to steer themselves. Such a word steers only beside the mark of its service, and
//! is then kept with a leading `_`, as every name that steers and is no data.

use super::form::FormPairs;
use super::json::Node;

/// Fields of a service that are no data when one of its marks is there.
struct Service {
    /// A field of this name shows the service; a name that ends in `[` shows it by its beginning.
    marks: &'static [&'static str],
    /// What steers there; a name that ends in `[` means all that begin so.
    steering: &'static [&'static str],
}

const SERVICES: &[Service] = &[
    // Web3Forms: who the mail is from and who gets a copy is the site's choice.
    Service { marks: &["access_key", "apikey"], steering: &["from_name", "ccemail", "bcc", "attachment_link"] },
    // Salesforce Web-to-Lead and Web-to-Case.
    Service {
        marks: &["oid", "orgid"],
        steering: &["oid", "orgid", "member_status", "recordtype", "debug", "debugemail", "external", "submit"],
    },
    // Elementor Pro.
    Service {
        marks: &["form_fields["],
        steering: &["post_id", "form_id", "queried_id", "referer_title", "action", "submit", "g-recaptcha-response-v3"],
    },
    // WPForms.
    Service {
        marks: &["wpforms["],
        steering: &[
            "wpforms[id]",
            "wpforms[author]",
            "wpforms[post_id]",
            "wpforms[submit]",
            "wpforms[token]",
            "wpforms[nonce]",
            "wpforms[hp]",
            "wpforms[recaptcha]",
            "page_title",
            "page_id",
            "action",
        ],
    },
    // Gravity Forms.
    Service {
        marks: &["gform_submit", "is_submit_"],
        steering: &["gform_", "is_submit_", "state_", "version_hash", "action"],
    },
    // Odoo.
    Service {
        marks: &["website_form_signature", "csrf_token"],
        steering: &["website_form_signature", "context", "model_name", "website_id"],
    },
    // Vtiger: `name` is the form's own.
    Service { marks: &["__vtrftk"], steering: &["name", "publicid", "urlencodeenable", "returnurl", "callback"] },
    // Frappe.
    Service {
        marks: &["web_form"],
        steering: &["web_form", "doctype", "docname", "for_payment", "cmd", "data[doctype]", "data[web_form_name]"],
    },
];

/// Puts a `_` before the names by which a recognised service steers itself.
pub(super) fn settle(pairs: &mut FormPairs) {
    let is_shown = |service: &&Service| {
        pairs.fields.iter().any(|(name, _)| service.marks.iter().any(|mark| is_meant(mark, name.trim())))
    };
    let shown: Vec<&Service> = SERVICES.iter().filter(is_shown).collect();
    if shown.is_empty() {
        return;
    }
    for (name, _) in &mut pairs.fields {
        let bare = name.trim();
        if !bare.starts_with('_') && shown.iter().any(|s| s.steering.iter().any(|word| is_meant(word, bare))) {
            *name = format!("_{bare}");
        }
    }
}

/// Whether `word` means the name: the same in any case, or its beginning when it ends in `[` or `_`.
fn is_meant(word: &str, name: &str) -> bool {
    if word.ends_with(['[', '_']) {
        return name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    }
    name.eq_ignore_ascii_case(word)
}

/// The fields of a body in the shape of `HubSpot`'s forms API (v3): a list of names and values, where the visitor was, and
/// what was consented to. `None` for any other body.
pub(super) fn unfold(body: &Node) -> Option<Vec<(String, &Node)>> {
    let Node::List(list) = body.member("fields")? else { return None };
    let mut fields = Vec::with_capacity(list.len());
    for item in list {
        let name = item.member("name").and_then(Node::text)?;
        // Fields may name their object: `0-2/name` is the company's name, `company.domain` likewise.
        let name = match (item.member("objectTypeId").and_then(Node::text), name) {
            (Some("0-2"), "name") => "company",
            (_, name) => name.rsplit('/').next().unwrap_or(name),
        };
        fields.push((name.to_owned(), item.member("value").unwrap_or(&Node::Null)));
    }
    let Node::Object(members) = body else { return None };
    for (name, member) in members.iter().filter(|(name, _)| name != "fields") {
        match (name.as_str(), member) {
            ("context", Node::Object(context)) => fields.extend(context.iter().map(|(name, v)| (place(name), v))),
            ("legalConsentOptions", options) => consent(options, &mut fields),
            ("submittedAt" | "skipValidation" | "portalId" | "formGuid", _) => {
                fields.push((format!("_{name}"), member));
            }
            (name, member) => fields.push((name.to_owned(), member)),
        }
    }
    Some(fields)
}

/// What a part of the context is called here; the address is the client's own word and the rest is the service's.
fn place(name: &str) -> String {
    match name {
        "hutk" => "hubspotutk".to_owned(),
        "pageUri" => "_page".to_owned(),
        name => format!("_{name}"),
    }
}

/// The answer and the sentence it was given to; subscriptions keep their own.
fn consent<'n>(options: &'n Node, fields: &mut Vec<(String, &'n Node)>) {
    let Node::Object(kinds) = options else { return };
    for (kind, said) in kinds {
        let Node::Object(said) = said else { continue };
        for (name, value) in said {
            match (name.as_str(), value) {
                ("consentToProcess" | "value", value) => fields.push(("consent".to_owned(), value)),
                ("communications", Node::List(list)) => {
                    for one in list {
                        let id = one.member("subscriptionTypeId").and_then(Node::text).unwrap_or_default();
                        for part in ["value", "text"] {
                            if let Some(value) = one.member(part) {
                                fields.push((format!("communications[{id}][{part}]"), value));
                            }
                        }
                    }
                }
                (name, value) => fields.push((format!("{kind}[{name}]"), value)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::reading::ReadLimits;
    use crate::domain::reading::form::read_pairs;

    fn read(raw: &[u8], kind: &str) -> Vec<(String, String)> {
        read_pairs(raw, Some(kind), &ReadLimits::default()).fields
    }

    fn names(raw: &str) -> Vec<String> {
        read(raw.as_bytes(), "application/x-www-form-urlencoded").into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_hubspot_body_is_a_list_of_fields() {
        let body = br#"{"submittedAt":"1517927174000","fields":[{"objectTypeId":"0-1","name":"email","value":"eva@web.example"},
            {"objectTypeId":"0-1","name":"firstname","value":"Eva"},{"objectTypeId":"0-2","name":"name","value":"ACME"}],
            "context":{"hutk":"abc","pageUri":"https://shop.example/x?utm_source=a","pageName":"X","ipAddress":"1.2.3.4"},
            "legalConsentOptions":{"consent":{"consentToProcess":true,"text":"I agree",
            "communications":[{"value":true,"subscriptionTypeId":999,"text":"News"}]}},"skipValidation":true}"#;
        let expected = [
            ("_submittedAt", "1517927174000"),
            ("_skipValidation", "true"),
            ("email", "eva@web.example"),
            ("firstname", "Eva"),
            ("company", "ACME"),
            ("hubspotutk", "abc"),
            ("_page", "https://shop.example/x?utm_source=a"),
            ("_pageName", "X"),
            ("_ipAddress", "1.2.3.4"),
            ("consent", "true"),
            ("consent[text]", "I agree"),
            ("communications[999][value]", "true"),
            ("communications[999][text]", "News"),
        ];
        let mut read = read(body, "application/json");
        for (name, value) in expected {
            let at =
                read.iter().position(|(n, v)| n == name && v == value).unwrap_or_else(|| panic!("{name} in {read:?}"));
            read.remove(at);
        }
        assert_eq!(read, []);
    }

    #[test]
    fn a_field_called_fields_is_no_hubspot_body() {
        let kept = read(br#"{"fields":["a","b"],"name":"Eva"}"#, "application/json");
        assert_eq!(kept.len(), 3);
        assert_eq!(read(br#"{"fields":"a"}"#, "application/json")[0].0, "fields");
    }

    #[test]
    fn what_steers_a_service_is_data_elsewhere() {
        assert_eq!(
            names("oid=00D&debug=1&retURL=/a&last_name=X&00N20=9"),
            ["_oid", "_debug", "retURL", "last_name", "00N20"]
        );
        assert_eq!(names("debug=1&action=buy&name=Eva"), ["debug", "action", "name"]);
        assert_eq!(names("form_fields[email]=a&post_id=1&action=x"), ["form_fields[email]", "_post_id", "_action"]);
        assert_eq!(names("wpforms[fields][1]=a&wpforms[id]=7"), ["wpforms[fields][1]", "_wpforms[id]"]);
        assert_eq!(names("input_1.3=Eva&is_submit_1=1&gform_submit=1"), ["input_1.3", "_is_submit_1", "_gform_submit"]);
        assert_eq!(names("__vtrftk=t&name=Form+7&lastname=X"), ["__vtrftk", "_name", "lastname"]);
        assert_eq!(names("access_key=k&from_name=Shop&name=Eva"), ["access_key", "_from_name", "name"]);
    }
}
