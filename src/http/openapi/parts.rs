//! What the operations of the document are made of: bodies, answers, parameters, schemas.

use serde_json::{Map, Value, json};

use crate::config::form::FormConfig;

/// An answer in JSON by the schema of that name.
pub(super) fn answer(description: &str, schema: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": reference(schema) } },
    })
}

/// A refusal: JSON for scripts, a page for browsers.
pub(super) fn refusals(description: &str) -> Value {
    json!({
        "description": description,
        "content": {
            "application/json": { "schema": reference("Refused") },
            "text/html": { "schema": { "type": "string" } },
        },
    })
}

/// A page.
pub(super) fn page(description: &str) -> Value {
    json!({ "description": description, "content": { "text/html": { "schema": { "type": "string" } } } })
}

/// Plain text.
pub(super) fn text(description: &str) -> Value {
    json!({ "description": description, "content": { "text/plain": { "schema": { "type": "string" } } } })
}

/// A script.
pub(super) fn scripted() -> Value {
    json!({ "description": "The script.", "content": { "text/javascript": { "schema": { "type": "string" } } } })
}

/// A parameter that may be left out.
pub(super) fn parameter(place: &str, name: &str, description: &str) -> Value {
    json!({ "in": place, "name": name, "description": description, "schema": { "type": "string" } })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// What a form takes, in its three encodings. Fields that are not declared are taken too.
pub(super) fn body(form: &FormConfig) -> Value {
    let mut fields = Map::new();
    for field in &form.fields {
        fields.insert(field.name.clone(), json!({ "type": "string" }));
    }
    let schema = json!({ "type": "object", "properties": fields, "minProperties": 1 });
    json!({
        "required": true,
        "content": {
            "application/x-www-form-urlencoded": { "schema": schema },
            "multipart/form-data": { "schema": schema },
            "application/json": { "schema": schema },
        },
    })
}

/// Schemas that several answers share.
pub(super) fn schemas() -> Value {
    let ulid = json!({ "type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{26}$" });
    json!({
        "Accepted": {
            "type": "object",
            "required": ["ok", "id", "next"],
            "properties": {
                "ok": { "const": true },
                "id": ulid,
                "next": { "type": "string" },
                "message": { "type": "string", "description": "Thanks, in the visitor's language." },
                "warnings": { "type": "array", "description": "Files that were not taken.", "items": { "type": "object" } },
                "notice": { "type": "string", "description": "A sentence above the warnings." },
                "go_on": { "type": "string", "description": "Words of a link to `next` below them." },
            },
        },
        "Refused": {
            "type": "object",
            "required": ["ok", "error", "message", "errors", "request_id"],
            "properties": {
                "ok": { "const": false },
                "error": { "type": "string", "description": "A slug that does not change." },
                "message": { "type": "string", "description": "A sentence in the visitor's language." },
                "errors": { "type": "array", "items": reference("Fault") },
                "request_id": ulid,
                "retry_after": { "type": "integer", "minimum": 0, "description": "Seconds." },
            },
        },
        "Fault": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": { "type": "string" },
                "field": { "type": ["string", "null"] },
                "message": { "type": "string" },
            },
        },
        "Challenge": {
            "type": "object",
            "required": ["parameters", "signature"],
            "properties": { "parameters": { "type": "object" }, "signature": { "type": "string" } },
        },
        "Stamp": {
            "type": "object",
            "required": ["_t", "submission_id"],
            "properties": { "_t": { "type": "string" }, "submission_id": ulid },
        },
        "Readiness": {
            "type": "object",
            "required": ["status", "reasons"],
            "properties": {
                "status": { "enum": ["ok", "degraded", "stopping", "unavailable"] },
                "reasons": { "type": "array", "items": { "type": "string" } },
            },
        },
        "Document": { "type": "object", "required": ["openapi", "info", "paths"] },
    })
}
