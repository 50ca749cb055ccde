//! The HTTP surface as an `OpenAPI` 3.1 document: every route of both listeners, with the forms that are configured.
//!
//! Invariant: each route of the router stands here under its pattern (`x-route`); a test reads the sources and compares.
//! Not here: what a form means by its fields (`config/form`), and the pages' looks.

mod parts;

use serde_json::{Map, Value, json};

use self::parts::{answer, body, page, parameter, refusals, scripted, text};
use crate::config::Config;
use crate::config::form::FormConfig;

/// Version of the document's format.
const OPENAPI: &str = "3.1.0";

/// One path with its operations.
struct Path {
    /// Pattern in the router.
    route: &'static str,
    /// As called; the same unless a form is named in it.
    called: String,
    operations: Vec<(&'static str, Value)>,
}

impl Path {
    fn new(route: &'static str, operations: Vec<(&'static str, Value)>) -> Self {
        Self { route, called: route.to_owned(), operations }
    }
}

/// The document for `config`.
#[must_use]
pub fn document(config: &Config) -> Value {
    let mut paths = Map::new();
    for path in operator_paths().into_iter().chain(public_paths(config)) {
        let mut item = Map::new();
        item.insert("x-route".to_owned(), path.route.into());
        item.extend(path.operations.into_iter().map(|(method, operation)| (method.to_owned(), operation)));
        paths.insert(path.called, Value::Object(item));
    }
    json!({
        "openapi": OPENAPI,
        "info": {
            "title": "pisteur",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Website forms and health of this server, as it is configured now. Paths tagged `operator` \
                            are on http.operator, the others on http.public.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": servers(config),
        "tags": [
            { "name": "visitor", "description": "On http.public: for websites and their visitors." },
            { "name": "operator", "description": "On http.operator: for people and programs that look after this server." },
        ],
        "paths": paths,
        "components": { "schemas": parts::schemas() },
    })
}

fn servers(config: &Config) -> Value {
    json!([
        { "url": config.http.website(), "description": "visitors" },
        { "url": format!("http://{}", config.http.operator), "description": "operators" },
    ])
}

fn operator_paths() -> Vec<Path> {
    let ready = json!({
        "200": answer("Arrivals can be journalled; `status` is ok or degraded.", "Readiness"),
        "503": answer("Arrivals cannot be journalled, or the daemon stops.", "Readiness"),
    });
    let figures = json!({ "200": text("Figures in the text format of Prometheus.") });
    let document = json!({ "200": answer("This document.", "Document") });
    vec![
        Path::new("/readyz", vec![("get", operation("readiness", "operator", "Can arrivals be journalled?", &ready))]),
        Path::new("/metrics", vec![("get", operation("metrics", "operator", "Figures", &figures))]),
        Path::new("/api/v1/openapi.json", vec![("get", operation("document", "operator", "This document", &document))]),
    ]
}

fn public_paths(config: &Config) -> Vec<Path> {
    let alive = json!({ "200": text("It runs.") });
    let landing = json!({ "200": page("The first form, and how to put it on a website.") });
    let mut paths = vec![
        // Both listeners have these two.
        Path::new("/healthz", vec![("get", operation("alive", "visitor", "Alive", &alive))]),
        Path::new("/", vec![("get", operation("landing", "visitor", "Landing page", &landing))]),
        script("/pisteur.js", "enhancer", "Sends a form without leaving its page"),
        script("/attribution.js", "attribution", "Fills the fields that tell where a visitor came from"),
    ];
    for form in &config.form {
        paths.extend(form_paths(form));
    }
    paths.push(link("/c/{token}", "confirm", "Confirm an address"));
    paths.push(link("/u/{token}", "unsubscribe", "End mail to an address"));
    paths.extend([("/f", "submit"), ("/f/", "submit-slash")].map(|(route, id)| anywhere(route, id)));
    paths.extend(["/hooks/{id}", "/hooks/{id}/{secret}"].map(hook));
    if config.form.is_empty() {
        paths.extend(form_paths(&FormConfig::named("form")));
    }
    paths
}

/// Paths of one form.
fn form_paths(form: &FormConfig) -> Vec<Path> {
    let name = form.path_name();
    let thanks = json!({ "200": page("Thank you."), "404": refusals("No such form.") });
    vec![
        form_itself(form, "/f/{form}", ""),
        form_itself(form, "/f/{form}/", "/"),
        Path {
            route: "/f/{form}/thanks",
            called: format!("/f/{name}/thanks"),
            operations: vec![("get", operation(&format!("thanks-{name}"), "visitor", "Thank-you page", &thanks))],
        },
        for_scripts(form, "/f/{form}/challenge", "challenge", "A challenge to be solved before sending (ALTCHA)"),
        for_scripts(form, "/f/{form}/stamp", "stamp", "The signed time at which the form was shown"),
    ]
}

/// A form's own address, and the same with a slash at its end.
fn form_itself(form: &FormConfig, route: &'static str, suffix: &str) -> Path {
    let called = format!("/f/{}{suffix}", form.path_name());
    let id = |verb: &str| format!("{verb}-{}{}", form.path_name(), if suffix.is_empty() { "" } else { "-slash" });
    let mut submit = operation(&id("submit"), "visitor", "Send the form", &submitted());
    if let Some(members) = submit.as_object_mut() {
        members.insert(
            "parameters".to_owned(),
            json!([
                parameter("header", "Idempotency-Key", "The same key again is the same submission."),
                parameter("header", "Accept", "`application/json` for scripts; pages and redirects otherwise."),
                parameter("header", "Accept-Language", "Language of words."),
                parameter("query", "lang", "Language of words: fr, en, cs, fa."),
            ]),
        );
        members.insert("requestBody".to_owned(), body(form));
    }
    let shown = json!({
        "200": page("The form."),
        "404": refusals("No such form."),
        "405": refusals("This form shows no page of its own."),
        "410": refusals("The form is switched off."),
        "503": refusals("It took too long."),
    });
    let preflight = json!({ "204": { "description": "What scripts of other sites may send (CORS)." } });
    let operations = vec![
        ("get", operation(&id("show"), "visitor", "The form's own page", &shown)),
        ("post", submit),
        ("options", operation(&id("preflight"), "visitor", "CORS preflight", &preflight)),
    ];
    Path { route, called, operations }
}

/// What a page's script fetches before it sends.
fn for_scripts(form: &FormConfig, route: &'static str, what: &str, summary: &str) -> Path {
    let name = form.path_name();
    let given = json!({
        "200": answer(summary, if what == "stamp" { "Stamp" } else { "Challenge" }),
        "404": answer("No such form.", "Refused"),
        "410": answer("The form is switched off.", "Refused"),
        "429": answer("Too often; `Retry-After` says when to come back.", "Refused"),
        "503": answer("Not now; `Retry-After` says when to come back.", "Refused"),
    });
    let preflight = json!({ "204": { "description": "What scripts of other sites may send (CORS)." } });
    let options = operation(&format!("preflight-{what}-{name}"), "visitor", "CORS preflight", &preflight);
    let get = operation(&format!("{what}-{name}"), "visitor", summary, &given);
    Path { route, called: format!("/f/{name}/{what}"), operations: vec![("get", get), ("options", options)] }
}

/// Every answer to a submission.
fn submitted() -> Value {
    let mut answers = Map::new();
    answers.insert("200".to_owned(), answer("Written down; for scripts.", "Accepted"));
    answers.insert(
        "303".to_owned(),
        json!({
            "description": "Written down; a browser is sent to the page afterwards.",
            "headers": { "Location": { "schema": { "type": "string" }, "required": true } },
        }),
    );
    for (status, why) in [
        ("400", "Empty, malformed, or files where none are taken."),
        ("403", "The website is not on the form's list, or a challenge was not solved. What was sent is kept."),
        ("404", "No such form."),
        ("405", "Another method than those of the form."),
        ("408", "The body came too slowly."),
        ("410", "The form is switched off."),
        ("413", "Larger than allowed: body, fields, files, a name or a value."),
        ("415", "Neither a form body nor JSON, or compressed."),
        ("422", "The Idempotency-Key was used for other content, or a field cannot be taken."),
        ("429", "Too often; `Retry-After` says when to come back."),
        ("503", "Not now; `Retry-After` says when to come back. Nothing was written down."),
    ] {
        answers.insert(status.to_owned(), refusals(why));
    }
    Value::Object(answers)
}

/// The address at which the body names its form.
fn anywhere(route: &'static str, id: &str) -> Path {
    let mut submit = operation(id, "visitor", "Send a form that the body names by access_key", &submitted());
    if let Some(members) = submit.as_object_mut() {
        members.insert("requestBody".to_owned(), body(&FormConfig::named("form")));
    }
    let preflight = json!({ "204": { "description": "What scripts of other sites may send (CORS)." } });
    let options = operation(&format!("preflight-{id}"), "visitor", "CORS preflight", &preflight);
    Path::new(route, vec![("post", submit), ("options", options)])
}

/// A page behind a link in a mail: opening it does nothing, POST acts.
fn link(route: &'static str, id: &str, summary: &str) -> Path {
    let token = json!([{ "in": "path", "name": "token", "required": true, "schema": { "type": "string" } }]);
    let opened = json!({ "200": page("The page with its button.") });
    let acted = json!({
        "200": page("Done, now or earlier."),
        "404": page("The link has ended, or never was."),
        "429": page("Too often; `Retry-After` says when to come back."),
        "503": page("Not now; `Retry-After` says when to come back."),
    });
    let with_token = |method: &str, responses: &Value| {
        let mut operation = operation(&format!("{id}-{method}"), "visitor", summary, responses);
        if let Some(members) = operation.as_object_mut() {
            members.insert("parameters".to_owned(), token.clone());
        }
        operation
    };
    Path::new(route, vec![("get", with_token("show", &opened)), ("post", with_token("act", &acted))])
}

/// Where a third party posts leads; its GET is a handshake, where the third party asks for one.
fn hook(route: &'static str) -> Path {
    let in_path = |name: &str| json!({ "in": "path", "name": name, "required": true, "schema": { "type": "string" } });
    let mut parameters = vec![in_path("id")];
    if route.ends_with("{secret}") {
        parameters.push(in_path("secret"));
    }
    let mut answers = Map::new();
    for (status, why) in [
        ("200", "Written down, or the handshake's answer, as the third party expects it."),
        ("202", "Written down."),
        ("204", "Written down."),
        ("400", "Nothing was sent, or no handshake."),
        ("401", "Not proven to come from the third party."),
        ("404", "No such hook."),
        ("405", "Another method than the hook's."),
        ("408", "The body came too slowly."),
        ("410", "The hook is switched off."),
        ("413", "Larger than allowed."),
        ("415", "Another type than the third party sends, or compressed."),
        ("429", "Too many attempts without proof; `Retry-After` says when to come back."),
        ("503", "Not now; `Retry-After` says when to come back. Nothing was written down."),
    ] {
        answers.insert(status.to_owned(), json!({ "description": why }));
    }
    let answers = Value::Object(answers);
    let with_path = |id: String, summary: &str| {
        let mut operation = operation(&id, "visitor", summary, &answers);
        if let Some(members) = operation.as_object_mut() {
            members.insert("parameters".to_owned(), parameters.clone().into());
        }
        operation
    };
    let kind = if parameters.len() > 1 { "hook-with-secret" } else { "hook" };
    let get = with_path(format!("shake-{kind}"), "Answer the handshake of a third party");
    let mut post = with_path(format!("take-{kind}"), "Take leads of a third party");
    if let Some(members) = post.as_object_mut() {
        let any = json!({ "schema": { "type": "object" } });
        let content = json!({ "application/json": any, "application/x-www-form-urlencoded": any });
        members.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    Path::new(route, vec![("get", get), ("post", post)])
}

fn script(route: &'static str, id: &str, summary: &str) -> Path {
    Path::new(route, vec![("get", operation(id, "visitor", summary, &json!({ "200": scripted() })))])
}

fn operation(id: &str, tag: &str, summary: &str, responses: &Value) -> Value {
    json!({ "operationId": id, "tags": [tag], "summary": summary, "responses": responses })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_has_its_path_and_its_fields() {
        let text = "[[form]]\nid = \"contact\"\npublic_id = \"f3b9\"\nallow_files = true\n\
                    field = [{ name = \"email\", type = \"email\" }]\n[[form]]\nid = \"jobs\"\n";
        let config = crate::config::parse("x", text, &[], crate::config::Source::default()).unwrap();
        let document = document(&config);
        assert_eq!(document["paths"]["/f/f3b9"]["x-route"], "/f/{form}");
        assert!(document["paths"]["/f/jobs"]["post"].is_object() && document["paths"]["/f/contact"].is_null());
        let content = &document["paths"]["/f/f3b9"]["post"]["requestBody"]["content"];
        assert_eq!(content["application/json"]["schema"]["properties"]["email"]["type"], "string");
        let ids: Vec<&str> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
            .filter_map(|operation| operation["operationId"].as_str())
            .collect();
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "operation ids are unique");
    }
}
