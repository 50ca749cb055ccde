//! What can be wrong with `[delivery]`, and its remedy.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{DeliveryConfig, SmtpConfig, SmtpTls, WebhookConfig};
use crate::config::Problem;

impl WebhookConfig {
    fn validate(&self, key: &str, problems: &mut Vec<Problem>) {
        let mut add = |name: &str, message: String| {
            problems.push(Problem::new(format!("{key}.{name}"), message));
        };
        if self.id.is_empty() || !self.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            add("id", format!("{:?} is no name: use letters, digits, - and _", self.id));
        }
        match url::Url::parse(&self.url) {
            Err(e) => add("url", format!("not an address ({e}): write https://host/path")),
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                add("url", "no user or password in the address: the signature proves who sends".to_owned());
            }
            Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && self.allow_http) => {}
            Ok(url) if url.scheme() == "http" => {
                add("url", "http is not encrypted: use https, or set allow_http = true".to_owned());
            }
            Ok(url) => add("url", format!("{} is not supported: use https", url.scheme())),
        }
        if self.secret_env.as_slice().is_empty() && self.secret_file.as_slice().is_empty() {
            add("secret_env", "no secret: name a variable (secret_env) or file (secret_file) with whsec_..".to_owned());
        } else if let Err(message) =
            self.secrets().and_then(|all| all.iter().try_for_each(|s| s.signing_key().map(drop)))
        {
            let key = if self.secret_env.as_slice().is_empty() { "secret_file" } else { "secret_env" };
            add(key, message);
        }
        if self.events.is_empty() {
            add("events", "empty: name created, appended or both, or remove the webhook".to_owned());
        }
        for network in self.allow_private.iter().filter(|n| n.parse::<IpNet>().is_err()) {
            add("allow_private", format!("{network:?} is no network: write it like 10.0.0.0/8 or fd00::/8"));
        }
    }
}

impl SmtpConfig {
    fn validate(&self, problems: &mut Vec<Problem>) {
        let mut add = |name: &str, message: String| {
            problems.push(Problem::new(format!("delivery.smtp.{name}"), message));
        };
        if self.host.trim().is_empty() {
            add("host", "empty: write the name of the mail server".to_owned());
        }
        let local = matches!(self.host.as_str(), "localhost" | "::1")
            || self.host.parse::<std::net::Ipv4Addr>().is_ok_and(|a| a.is_loopback());
        if self.tls == SmtpTls::None && !local {
            add("tls", "none is only for this machine (127.0.0.1): use implicit or starttls".to_owned());
        }
        if self.from.parse::<lettre::Address>().is_err() {
            add("from", format!("{:?} is no address: write it like crm@example.com", self.from));
        }
        if let Err(message) = self.password() {
            add("password_env", message);
        }
    }
}

impl DeliveryConfig {
    /// Everything wrong with the section; reads the secrets to see that they are there.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |key: &str, message: &str| {
            problems.push(Problem::new(key, message));
        };
        if !(1..=64).contains(&self.per_target) {
            add("delivery.per_target", "must be 1 to 64");
        }
        if !(1..=1_000).contains(&self.max_attempts) {
            add("delivery.max_attempts", "must be 1 to 1000");
        }
        if !(1..=300).contains(&self.timeout_seconds) {
            add("delivery.timeout_seconds", "must be 1 to 300");
        }
        if self.owner_mail.enabled && self.smtp.is_none() {
            add("delivery.owner_mail.enabled", "mail needs a server: add [delivery.smtp], or set enabled = false");
        }
        let mut seen = BTreeSet::new();
        for (index, webhook) in self.webhook.iter().enumerate() {
            let key = format!("delivery.webhook.{index}");
            webhook.validate(&key, &mut problems);
            if !seen.insert(webhook.id.as_str()) {
                let message = format!("{:?} is used twice: give each webhook its own id", webhook.id);
                problems.push(Problem::new(format!("{key}.id"), message));
            }
        }
        self.visitor_mail.validate(&mut problems);
        if let Some(smtp) = &self.smtp {
            smtp.validate(&mut problems);
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let config: DeliveryConfig = toml::from_str(text).expect("parses");
        config.validate().into_iter().map(|p| format!("{}: {}", p.key, p.message)).collect()
    }

    #[test]
    fn nothing_is_delivered_until_it_is_configured() {
        let config: DeliveryConfig = toml::from_str("").expect("parses");
        assert!(config.webhook.is_empty() && config.smtp.is_none() && !config.owner_mail.enabled);
        assert!(config.validate().is_empty());
    }

    #[test]
    fn each_mistake_names_its_key_and_a_remedy() {
        let found = problems(
            r#"
            owner_mail = { enabled = true }
            [[webhook]]
            id = "a b"
            url = "http://example.com/x"
            [[webhook]]
            id = "crm"
            url = "https://me:pw@example.com/"
            secret_env = "PISTEUR_TEST_SECRET_THAT_IS_NOT_SET"
            allow_private = ["10.0.0.0/99"]
            events = []
            [[webhook]]
            id = "crm"
            url = "ftp://example.com/"
            secret_file = ["/nonexistent/secret"]
            "#,
        );
        for wanted in [
            "delivery.owner_mail.enabled: mail needs a server",
            "delivery.webhook.0.id: \"a b\" is no name",
            "delivery.webhook.0.url: http is not encrypted",
            "delivery.webhook.0.secret_env: no secret",
            "delivery.webhook.1.url: no user or password",
            "delivery.webhook.1.secret_env: the environment variable PISTEUR_TEST_SECRET_THAT_IS_NOT_SET is not set",
            "delivery.webhook.1.allow_private: \"10.0.0.0/99\" is no network",
            "delivery.webhook.1.events: empty",
            "delivery.webhook.2.url: ftp is not supported",
            "delivery.webhook.2.secret_file: the secret file /nonexistent/secret cannot be read",
            "delivery.webhook.2.id: \"crm\" is used twice",
        ] {
            assert!(found.iter().any(|f| f.starts_with(wanted)), "{wanted} not in {found:#?}");
        }
    }

    #[test]
    fn unencrypted_smtp_leaves_this_machine_never() {
        let text = |host: &str| format!("[smtp]\nhost = \"{host}\"\ntls = \"none\"\nfrom = \"crm@example.com\"\n");
        assert_eq!(problems(&text("127.0.0.1")), Vec::<String>::new());
        assert!(problems(&text("mail.example.com"))[0].starts_with("delivery.smtp.tls: none is only for this machine"));
    }

    #[test]
    fn a_user_without_password_is_refused() {
        let found = problems("[smtp]\nhost = \"mx\"\nuser = \"u\"\nfrom = \"no address\"\n");
        assert!(found.iter().any(|f| f.contains("user is set but no password")), "{found:?}");
        assert!(found.iter().any(|f| f.contains("is no address")), "{found:?}");
    }
}
