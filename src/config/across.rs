//! What can be wrong between sections that are each well.

use std::collections::BTreeMap;

use super::{Config, Problem, SPOOL_ID};

const SPOOL_ID_TAKEN: &str = "this id belongs to the watched folder; choose another one";

impl Config {
    /// What is wrong between sections.
    pub(super) fn validate_across(&self) -> Vec<Problem> {
        let mut problems = self.captcha.validate_forms(&self.form);
        problems.extend(self.repeated_ids());
        problems.extend(self.repeated_addresses());
        problems.extend(self.visitor_needs());
        problems.extend(self.strange_identities());
        problems
    }

    /// What is said for one mailbox is for one that exists.
    fn strange_identities(&self) -> Vec<Problem> {
        let known = |id: &String| id == SPOOL_ID || self.mailbox.iter().any(|mailbox| mailbox.id == *id);
        let identity = self.reading.identity.keys().map(|id| ("identity", id));
        let strange =
            identity.chain(self.reading.reply_to.keys().map(|id| ("reply_to", id))).filter(|(_, id)| !known(id));
        strange.map(|(key, id)| Problem::new(format!("reading.{key}.{id}"), "no mailbox has this id")).collect()
    }

    /// Mail to visitors needs a server, and links in it an address.
    fn visitor_needs(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (i, form) in self.form.iter().enumerate() {
            let tables =
                [("acknowledgement", form.acknowledgement.enabled), ("double_opt_in", form.double_opt_in.enabled)];
            for (table, _) in tables.into_iter().filter(|(_, enabled)| *enabled && self.delivery.smtp.is_none()) {
                let message = "mail needs a server: add [delivery.smtp], or set enabled = false";
                problems.push(Problem::new(format!("form.{i}.{table}.enabled"), message));
            }
            if form.double_opt_in.enabled && self.http.public_url.is_none() {
                let message = "the link in the mail needs an address: set http.public_url";
                problems.push(Problem::new(format!("form.{i}.double_opt_in.enabled"), message));
            }
        }
        problems
    }

    /// Mailboxes, forms and hooks share one space of ids, because rules name them all `intake`. That two mailboxes differ is
    /// seen with the mailboxes.
    fn repeated_ids(&self) -> Vec<Problem> {
        let mut seen = BTreeMap::new();
        let mut problems = Vec::new();
        for (i, mailbox) in self.mailbox.iter().enumerate() {
            if mailbox.id == SPOOL_ID {
                problems.push(Problem::new(format!("mailbox.{i}.id"), SPOOL_ID_TAKEN));
            }
            seen.insert(mailbox.id.as_str(), format!("mailbox.{i}"));
        }
        let forms = self.form.iter().enumerate().map(|(i, form)| (format!("form.{i}"), form.id.as_str()));
        let hooks = self.hook.iter().enumerate().map(|(i, hook)| (format!("hook.{i}"), hook.id.as_str()));
        for (place, id) in forms.chain(hooks) {
            let key = format!("{place}.id");
            if id == SPOOL_ID {
                problems.push(Problem::new(key, SPOOL_ID_TAKEN));
            } else if let Some(first) = seen.get(id) {
                problems.push(Problem::new(key, format!("\"{id}\" is taken by {first}; choose another id")));
            } else {
                seen.insert(id, place);
            }
        }
        problems
    }

    /// A form's address is its `public_id`, or its `id`: no two forms answer at one.
    fn repeated_addresses(&self) -> Vec<Problem> {
        let mut seen = BTreeMap::new();
        let mut problems = Vec::new();
        for (i, form) in self.form.iter().enumerate() {
            let key = if form.public_id.is_some() { "public_id" } else { "id" };
            match seen.insert(form.path_name(), (i, form.id.as_str())) {
                // Two of one id are told of already.
                Some((first, id)) if id != form.id => {
                    let say = format!("/f/{} is the address of form.{first} already; choose another", form.path_name());
                    problems.push(Problem::new(format!("form.{i}.{key}"), say));
                }
                _ => {}
            }
        }
        problems
    }
}
