//! Each mailbox: can it be reached, logged in to, read?

use std::sync::Arc;

use super::Check;
use crate::app::mailboxes::token_fetcher;
use crate::cli::context::Context;
use crate::config::Config;
use crate::imap::{self, Access, Grade, Vault};
use crate::intake::mailbox::vault;
use crate::store::Store;

/// Tries every mailbox that is switched on.
pub(super) async fn examine(context: &Context, config: &Config, store: Option<&Arc<dyn Store>>) -> Vec<Check> {
    let mut checks = Vec::new();
    for mailbox in config.mailbox.iter().filter(|m| m.enabled) {
        let name = format!("mailbox {}", mailbox.id);
        if mailbox.oauth.is_some() && store.is_none() {
            // Without the database a rotated refresh token would be lost, and with it the access.
            checks.push(Check::warn(name, "not tried: its tokens are kept in the database", "mend the database first"));
            continue;
        }
        let kept = store.map_or_else(Vault::forgetful, vault);
        let access = Access::new(mailbox, Arc::clone(&context.clock), token_fetcher(), kept);
        let report = imap::probe(mailbox, &access).await;
        checks.extend(report.lines.into_iter().map(|line| {
            let found = format!("{}: {}", line.name, line.text);
            match line.grade {
                Grade::Ok => Check::ok(&name, found),
                Grade::Warn => Check::warn(&name, found, line.remedy),
                Grade::Fail => Check::fail(&name, found, line.remedy),
            }
        }));
    }
    checks
}
