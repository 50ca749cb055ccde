//! The mailbox actors: started, restarted when their section changes, stopped when it goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::App;
use crate::config::MailboxConfig;
use crate::config::mailbox::on_this_machine;
use crate::imap::{Mailboxes, TokenFetcher};
use crate::intake::mailbox::{self, MailboxDeps};
use crate::outbound::{Client, OutboundPolicy};

/// Running actors by mailbox id.
#[derive(Debug, Default)]
pub struct Actors {
    /// Handles, shared with the deliverer of marks.
    pub handles: Mailboxes,
    running: Mutex<BTreeMap<String, (MailboxConfig, CancellationToken)>>,
}

/// Makes the running actors those of the configuration in force; unchanged ones go on undisturbed.
pub fn apply(app: &Arc<App>) {
    let config = app.config.load_full();
    let wanted: BTreeMap<&str, &MailboxConfig> =
        config.mailbox.iter().filter(|m| m.enabled).map(|m| (m.id.as_str(), m)).collect();
    let mut running = app.mailboxes.running.lock().unwrap_or_else(PoisonError::into_inner);
    running.retain(|id, (config, cancel)| {
        let stays = wanted.get(id.as_str()).is_some_and(|w| *w == config);
        if !stays {
            cancel.cancel();
            app.mailboxes.handles.remove(id);
        }
        stays
    });
    for (id, mailbox) in wanted {
        if running.contains_key(id) {
            continue;
        }
        let cancel = app.life.doors.child_token();
        let deps = MailboxDeps {
            store: Arc::clone(&app.store),
            clock: Arc::clone(&app.clock),
            cancel: cancel.clone(),
            tracker: app.life.door_tasks.clone(),
            fetch_token: token_fetcher(),
            on_status: Arc::new(|_| {}),
        };
        app.mailboxes.handles.insert(mailbox::spawn(mailbox.clone(), &deps));
        running.insert(id.to_owned(), (mailbox.clone(), cancel));
    }
}

/// Fetches OAuth tokens through the house's one HTTP client.
#[must_use]
pub fn token_fetcher() -> TokenFetcher {
    Arc::new(|url, pairs| {
        Box::pin(async move {
            let client = Client::new(policy(&url)).map_err(|e| e.to_string())?;
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let response = client.post_form(&url, &pairs).await.map_err(|e| e.to_string())?;
            Ok((response.status.as_u16(), response.body.to_vec()))
        })
    })
}

/// The operator names the token endpoint, nobody else can: an identity server of the house may have a private address,
/// and on this machine it may speak plain http.
fn policy(url: &str) -> OutboundPolicy {
    let own = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"];
    let policy =
        OutboundPolicy { allow: own.iter().filter_map(|net| net.parse().ok()).collect(), ..OutboundPolicy::default() };
    if on_this_machine(url) { policy.with_plain_http_to(url) } else { policy }
}
