//! The reference of every key, made from the sections themselves: their comments, defaults and order. What has no
//! default is shown with an example, behind `#`.

use serde_json::{Map, Value};

const HEAD: &str = "\
# Every key of pisteur.toml with its meaning and default. Printed by `pisteur check --reference`; do not edit.
#
# Lines behind a single # are examples of what is off by default. Every key can be overridden in the environment:
# PISTEUR__HTTP__PUBLIC=0.0.0.0:8080, lists as PISTEUR__OWN_DOMAINS=a.example,b.example, elements of lists of tables by
# id or index: PISTEUR__MAILBOX__SALES__FOLDER=Leads.
#
# Relative paths start at the project folder: the folder around config/ when this file lies in a folder of that name,
# the file's own folder otherwise.
";

/// Keys without a default, as an operator might set them.
const EXAMPLES: &[(&str, &str)] = &[
    ("language", "\"fr\""),
    ("http.public_url", "\"https://forms.example.com\""),
    ("http.tls.certificate", "\"/etc/letsencrypt/live/forms.example.com/fullchain.pem\""),
    ("http.tls.key", "\"/etc/letsencrypt/live/forms.example.com/privkey.pem\""),
    ("http.tls.listen", "\"0.0.0.0:443\""),
    ("limits.per_client_per_minute", "30"),
    ("limits.per_client_and_form_per_minute", "5"),
    ("limits.all_forms_per_minute", "600"),
    ("limits.challenges_per_minute", "90"),
    ("mailbox.id", "\"sales\""),
    ("mailbox.host", "\"imap.example.com\""),
    ("mailbox.port", "993"),
    ("mailbox.ca_file", "\"/etc/ssl/private-ca.pem\""),
    ("mailbox.user", "\"sales@example.com\""),
    ("mailbox.password", "{ env = \"SALES_PASSWORD\" }"),
    ("mailbox.first_run", "\"from_now\""),
    ("mailbox.oauth.provider", "\"microsoft\""),
    ("mailbox.oauth.client_id", "\"00000000-0000-0000-0000-000000000000\""),
    ("mailbox.oauth.client_secret", "{ file = \"/etc/pisteur/client-secret\" }"),
    ("mailbox.oauth.refresh_token", "{ file = \"/etc/pisteur/refresh-token\" }"),
    ("mailbox.oauth.tenant", "\"common\""),
    ("mailbox.oauth.token_url", "\"https://login.example.com/token\""),
    ("mailbox.oauth.scope", "\"imap\""),
    ("form.id", "\"contact\""),
    ("form.public_id", "\"f3b9c1d27a4e4f0c9d51c6a8e2b7d640\""),
    ("form.title", "\"Contact\""),
    ("form.heading", "{ fr = \"Votre demande\", en = \"Your request\" }"),
    ("form.intro", "{ fr = \"Nous répondons sous un jour ouvré.\" }"),
    ("form.language", "\"fr\""),
    ("form.country", "\"FR\""),
    ("form.redirect", "\"https://www.example.com/thanks\""),
    ("form.body_bytes", "1048576"),
    ("form.max_fields", "100"),
    ("form.max_files", "10"),
    ("form.file_bytes", "10485760"),
    ("clamav.address", "\"unix:/run/clamav/clamd.ctl\""),
    ("form.captcha", "\"altcha\""),
    ("form.screening.honeypot", "\"house_number_2\""),
    ("form.field.name", "\"budget\""),
    ("form.field.canonical", "\"budget\""),
    ("form.field.required", "false"),
    ("form.field.label", "{ fr = \"Votre budget\", en = \"Your budget\" }"),
    ("form.field.text", "{ fr = \"J’accepte d’être rappelé.\", en = \"You may call me back.\" }"),
    ("form.field.options", "[\"small\", \"large\"]"),
    ("form.field.option_labels", "{ fr = [\"moins de 10 000 €\", \"davantage\"] }"),
    ("form.consent.field", "\"newsletter\""),
    ("form.consent.purpose", "\"newsletter\""),
    ("form.consent.version", "\"2026-01\""),
    ("form.consent.text", "{ en = \"Send me offers\", fr = \"Envoyez-moi vos offres\" }"),
    ("hook.consent.field", "\"newsletter\""),
    ("hook.consent.purpose", "\"newsletter\""),
    ("hook.consent.version", "\"2026-01\""),
    ("hook.consent.text", "{ en = \"Send me offers\", fr = \"Envoyez-moi vos offres\" }"),
    ("form.acknowledgement.template.language", "\"de\""),
    ("form.acknowledgement.template.subject", "\"{{ company }}: wir haben Ihre Nachricht\""),
    ("form.acknowledgement.template.text", "\"Guten Tag {{ name }}, Ihre Nummer: {{ id }}\""),
    ("form.double_opt_in.template.language", "\"de\""),
    ("form.double_opt_in.template.subject", "\"Bitte bestätigen\""),
    ("form.double_opt_in.template.text", "\"Bestätigen: {{ url }}\""),
    ("form.privacy.hash_key_env", "\"VISITOR_HASH_KEY\""),
    ("form.privacy.hash_key_file", "\"/etc/pisteur/visitor-hash-key\""),
    ("delivery.visitor_mail.company", "\"Example Ltd\""),
    ("captcha.provider.id", "\"turnstile\""),
    ("captcha.provider.kind", "\"turnstile\""),
    ("captcha.provider.site_key", "\"0x4AAAAAAAexample\""),
    ("captcha.provider.secret_env", "\"TURNSTILE_SECRET\""),
    ("captcha.provider.secret_file", "\"/etc/pisteur/turnstile-secret\""),
    ("captcha.provider.url", "\"https://captcha.example.com/siteverify\""),
    ("captcha.provider.script_url", "\"https://www.recaptcha.net/recaptcha/api.js\""),
    ("captcha.provider.action", "\"contact\""),
    ("captcha.provider.ca_file", "\"/etc/ssl/private-ca.pem\""),
    ("hook.id", "\"typeform\""),
    ("hook.adapter", "\"typeform\""),
    ("hook.title", "\"Quote\""),
    ("hook.language", "\"fr\""),
    ("hook.country", "\"FR\""),
    ("hook.secret_env", "\"TYPEFORM_SECRET\""),
    ("hook.verify_token_env", "\"META_VERIFY_TOKEN\""),
    ("hook.verify_token_file", "\"/etc/pisteur/meta-verify-token\""),
    ("hook.token_env", "\"META_PAGE_TOKEN\""),
    ("hook.token_file", "\"/etc/pisteur/meta-page-token\""),
    ("hook.fetch_base", "\"https://graph.facebook.com\""),
    ("hook.ca_file", "\"/etc/ssl/private-ca.pem\""),
    ("hook.lead_id", "\"data.id\""),
    ("hook.body_bytes", "1048576"),
    ("hook.field.name", "\"budget\""),
    ("hook.field.canonical", "\"budget\""),
    ("delivery.webhook.id", "\"crm\""),
    ("delivery.webhook.url", "\"https://crm.example.com/hooks/pisteur\""),
    ("delivery.webhook.secret_env", "\"CRM_WEBHOOK_SECRET\""),
    ("delivery.webhook.ca_file", "\"/etc/ssl/private-ca.pem\""),
    ("delivery.smtp.host", "\"smtp.example.com\""),
    ("delivery.smtp.port", "465"),
    ("delivery.smtp.user", "\"crm@example.com\""),
    ("delivery.smtp.password_env", "\"SMTP_PASSWORD\""),
    ("delivery.smtp.password_file", "\"/etc/pisteur/smtp-password\""),
    ("delivery.smtp.from", "\"crm@example.com\""),
    ("delivery.smtp.ca_file", "\"/etc/ssl/private-ca.pem\""),
];

/// The reference, from the JSON Schema of the configuration.
#[must_use]
pub fn reference() -> String {
    let schema = super::schema();
    let writer = Writer { definitions: schema.get("$defs").cloned().unwrap_or_default() };
    let mut text = HEAD.to_owned();
    if let Some(properties) = properties(&schema) {
        writer.table(&mut text, "", properties, false);
    }
    text
}

struct Writer {
    definitions: Value,
}

/// What a key holds.
enum Shape {
    Leaf,
    Table(Map<String, Value>),
    Tables(Map<String, Value>),
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

impl Writer {
    /// Plain keys first, then the tables below: TOML wants them in that order.
    fn table(&self, text: &mut String, path: &str, properties: &Map<String, Value>, off: bool) {
        for (key, schema) in properties {
            if matches!(self.shape(schema), Shape::Leaf) {
                leaf(text, &join(path, key), key, schema, off);
            }
        }
        for (key, schema) in properties {
            let path = join(path, key);
            let (below, off, header) = match self.shape(schema) {
                Shape::Leaf => continue,
                Shape::Table(below) => {
                    let off = off || is_optional(schema);
                    (below, off, format!("[{path}]"))
                }
                Shape::Tables(below) => (below, true, format!("[[{path}]]")),
            };
            text.push('\n');
            comment(text, schema);
            line(text, off, &header);
            self.table(text, &path, &below, off);
        }
    }

    fn shape(&self, schema: &Value) -> Shape {
        if let Some(below) = self.object(schema) {
            return Shape::Table(below);
        }
        match schema.get("items").and_then(|items| self.object(items)) {
            Some(below) => Shape::Tables(below),
            None => Shape::Leaf,
        }
    }

    /// The keys of a table that `schema` is, refers to, or may be.
    fn object(&self, schema: &Value) -> Option<Map<String, Value>> {
        if let Some(below) = properties(schema) {
            return Some(below.clone());
        }
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self.object(self.definitions.get(name.rsplit('/').next()?)?);
        }
        let choices = schema.get("anyOf")?.as_array()?;
        let [one, null] = choices.as_slice() else { return None };
        (null.get("type")?.as_str()? == "null").then(|| self.object(one)).flatten()
    }
}

fn is_optional(schema: &Value) -> bool {
    schema.get("anyOf").is_some()
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn comment(text: &mut String, schema: &Value) {
    for words in schema.get("description").and_then(Value::as_str).unwrap_or_default().lines() {
        line(text, false, format!("# {words}").trim_end());
    }
}

fn leaf(text: &mut String, path: &str, key: &str, schema: &Value, off: bool) {
    text.push('\n');
    comment(text, schema);
    let example = EXAMPLES.iter().find(|(name, _)| *name == path).map(|(_, value)| *value);
    let default = schema.get("default").filter(|v| !v.is_null()).and_then(toml_value);
    let (value, off) = match (example, default) {
        (Some(example), _) => (example.to_owned(), true),
        (None, Some(default)) => (default, off),
        (None, None) => ("\"\"".to_owned(), true),
    };
    line(text, off, &format!("{key} = {value}"));
}

fn line(text: &mut String, off: bool, content: &str) {
    if off {
        text.push('#');
    }
    text.push_str(content);
    text.push('\n');
}

fn toml_value(value: &Value) -> Option<String> {
    toml::Value::try_from(value).ok().map(|v| v.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_about_a_key_that_exists() {
        let text = reference();
        for (path, value) in EXAMPLES {
            let key = path.rsplit('.').next().unwrap();
            assert!(text.contains(&format!("\n#{key} = {value}\n")), "{path}");
        }
    }

    #[test]
    fn no_key_is_left_without_a_word_on_it() {
        let text = reference();
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2) {
            let is_key = pair[1].split_once(" = ").is_some_and(|(k, _)| !k.trim_start_matches('#').contains(' '));
            assert!(!is_key || pair[0].starts_with("# "), "{} has no description", pair[1]);
        }
    }
}
