//! Cases beside a template: a mail, and what must be found in it. Run by `pisteur rules test`.
//!
//! Only the listed fields are compared, each exactly; a case that lists none proves nothing and is refused.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Template, word};
use crate::domain::reading::text::one_line;
use crate::domain::rules::testing::Mismatch;
use crate::domain::submission::{Canonical, Submission};

/// The mail server that vouches for senders of inline cases, beside those of the configuration, and a domain of ours there.
pub const SERVER: &str = "cases.invalid";

/// One case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// File of the mail, from the folder of the template's file.
    #[serde(default)]
    pub mail: Option<String>,
    /// Sender of an inline mail; else the first that the template names.
    #[serde(default)]
    pub from: Option<String>,
    /// Recipient of an inline mail; else the first that the template names.
    #[serde(default)]
    pub to: Option<String>,
    /// Subject of an inline mail.
    #[serde(default)]
    pub subject: Option<String>,
    /// Reply-To of an inline mail.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// Text of an inline mail.
    #[serde(default)]
    pub text: Option<String>,
    /// HTML of an inline mail.
    #[serde(default)]
    pub html: Option<String>,
    /// Whether our mail server vouches for the sender of an inline mail.
    #[serde(default = "yes")]
    pub proven: bool,
    /// Whether the template reads it.
    #[serde(default = "yes")]
    pub used: bool,
    /// What must be found.
    #[serde(default)]
    pub expect: BTreeMap<Canonical, String>,
    /// The same of values that are no fields.
    #[serde(default)]
    pub other: BTreeMap<String, String>,
    /// What must not be found.
    #[serde(default)]
    pub absent: Vec<Canonical>,
}

const fn yes() -> bool {
    true
}

impl Case {
    /// What its parts say to each other.
    pub(super) fn check(&self) -> Result<(), String> {
        let inline = self.text.is_some() || self.html.is_some();
        let around = [&self.from, &self.to, &self.subject, &self.reply_to].iter().any(|part| part.is_some());
        if self.mail.is_some() == inline || self.mail.is_some() && (around || !self.proven) {
            return Err(
                "a case is a file (mail), or is written here (text or html, with from, to, subject, reply_to, proven)"
                    .to_owned(),
            );
        }
        let lists = !self.expect.is_empty() || !self.other.is_empty() || !self.absent.is_empty();
        if self.used && !lists {
            return Err(format!("the case \"{}\" expects nothing; add expect = {{ email = \"..\" }}", self.name));
        }
        if !self.used && lists {
            return Err(
                "used = false expects that the template does not read it; leave expect and absent out".to_owned()
            );
        }
        Ok(())
    }

    /// The mail of an inline case.
    #[must_use]
    pub fn raw(&self, template: &Template) -> Vec<u8> {
        let first = template.from.first().map(|entry| entry.trim_start_matches('@')).unwrap_or_default();
        let usual = if first.contains('@') { first.to_owned() } else { format!("leads@{first}") };
        let from = one_line(self.from.as_deref().unwrap_or(&usual), 500);
        let domain = from.rsplit('@').next().unwrap_or_default().trim_end_matches('>').to_lowercase();
        let mut mail = String::new();
        if self.proven {
            mail.push_str(&format!("Authentication-Results: {SERVER}; dmarc=pass header.from={domain}\r\n"));
        }
        let id = blake3::hash(format!("{}\0{}", template.name, self.name).as_bytes()).to_hex();
        mail.push_str(&format!("Message-ID: <{id}@{SERVER}>\r\nFrom: {from}\r\nMIME-Version: 1.0\r\n"));
        let to = self.to.clone().or_else(|| Some(template.to.first()?.example(SERVER)));
        for (name, value) in [("To", &to), ("Subject", &self.subject), ("Reply-To", &self.reply_to)] {
            if let Some(value) = value {
                mail.push_str(&format!("{name}: {}\r\n", one_line(value, 900)));
            }
        }
        let part = |kind: &str, body: &str| {
            format!("Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n")
        };
        match (&self.text, &self.html) {
            (Some(text), Some(html)) => mail.push_str(&format!(
                "Content-Type: multipart/alternative; boundary=\"{id}\"\r\n\r\n--{id}\r\n{}--{id}\r\n{}--{id}--\r\n",
                part("plain", text),
                part("html", html)
            )),
            (Some(text), None) => mail.push_str(&part("plain", text)),
            (None, html) => mail.push_str(&part("html", html.as_deref().unwrap_or_default())),
        }
        mail.into_bytes()
    }

    /// What is not as the case wants it.
    #[must_use]
    pub fn compare(&self, template: &str, read: &Submission) -> Vec<Mismatch> {
        let used = read.template.as_ref();
        let by_it = used.is_some_and(|used| used.name == template && used.is_used());
        if by_it != self.used {
            let got = match used {
                Some(used) if used.is_used() => used.name.clone(),
                Some(used) => format!("none: {} does not find {}", used.name, used.missing.join(", ")),
                None => {
                    let denied = read.warnings.iter().find(|warning| warning.code == "template_denied");
                    denied.map_or_else(|| "none knows this mail".to_owned(), |warning| warning.detail.clone())
                }
            };
            let wanted = if self.used { template.to_owned() } else { format!("not {template}") };
            return vec![Mismatch { key: "template".to_owned(), wanted, got }];
        }
        let found = |canonical: Canonical| {
            read.fields.iter().find(|field| field.canonical == Some(canonical)).map(|field| field.value.as_str())
        };
        let other = |name: &str| {
            let named = read.fields.iter().find(|field| field.canonical.is_none() && field.name == name);
            named.map(|field| field.value.as_str())
        };
        let wanted = self.expect.iter().map(|(canonical, value)| (word(*canonical), Some(value), found(*canonical)));
        let beside = self.other.iter().map(|(name, value)| (format!("other.{name}"), Some(value), other(name)));
        let absent = self.absent.iter().map(|canonical| (word(*canonical), None, found(*canonical)));
        let all = wanted.chain(beside).chain(absent);
        let wrong = all.filter(|(_, wanted, got)| wanted.map(|text| text.trim()) != *got);
        let shown = |text: Option<&str>| text.map_or_else(|| "absent".to_owned(), |text| format!("{text:?}"));
        wrong
            .map(|(key, wanted, got)| Mismatch { key, wanted: shown(wanted.map(String::as_str)), got: shown(got) })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(text: &str) -> Case {
        toml::from_str(text).unwrap()
    }

    fn raw(text: &str) -> String {
        let template =
            Template { name: "p".to_owned(), from: vec!["portal.example".to_owned()], ..Template::default() };
        String::from_utf8(case(text).raw(&template)).unwrap()
    }

    #[test]
    fn an_inline_mail_has_the_parts_that_are_written_and_no_header_more() {
        let both = raw("name = \"c\"\ntext = \"one\"\nhtml = \"<p>one</p>\"\nsubject = \"a\\r\\nBcc: x@y.example\"");
        assert!(both.contains("From: leads@portal.example\r\n") && both.contains("multipart/alternative"), "{both}");
        assert!(!both.contains("\nBcc"), "{both}");
        assert!(both.starts_with("Authentication-Results: cases.invalid; dmarc=pass header.from=portal.example\r\n"));
        let stranger = raw("name = \"c\"\ntext = \"one\"\nproven = false\nfrom = \"Eva <eva@portal.example>\"");
        assert!(!stranger.contains("Authentication") && stranger.ends_with("\r\n\r\none\r\n"), "{stranger}");
    }
}
