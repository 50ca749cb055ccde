//! Lists and groups that write their own address into From (because of DMARC) and name the writer elsewhere.
//!
//! - Google Groups: `"'Eva' via Sales" <sales@..>` with `X-Original-From` or `X-Original-Sender`; its Reply-To proves
//!   nothing unless it says the same;
//! - Mailman and its like: From is the address of List-Post, `Eva via List`; the writer stands in `X-MailFrom`, in
//!   Reply-To, or under her name in Cc.
//!
//! Invariant: only a list of our own is believed. Anybody can write From and List-Post alike and name a customer as the
//! writer; that such mail is truly of their own domain says nothing about the customer.

use super::addresses::{clean_address, display_name, domain_of, is_own_address, is_own_domain};
use super::mime::HeaderBag;
use super::{ReadSettings, trust};
use crate::domain::submission::{MailFacts, Mailbox, Submission};

/// Flag of a mail whose writer a list of ours named: From is the list's word, and its domain vouches for nothing.
pub(super) const FLAG: &str = "from_rewritten";

/// Words between the writer and the list in a rewritten name, lower case.
const VIA: [&str; 8] =
    [" via ", " über ", " prostřednictvím ", " através de ", " tramite ", " przez ", " från ", " از طریق "];

/// Makes the writer the sender again. True when the mail was rewritten.
pub(super) fn undo(facts: &mut MailFacts, bag: &HeaderBag, out: &mut Submission, settings: &ReadSettings) -> bool {
    let Some(from) = facts.from.address.as_deref().map(str::to_lowercase) else { return false };
    let house = domain_of(&from).is_some_and(|domain| is_own_domain(&domain, &settings.own_domains));
    let list = is_own_address(&from, &settings.own_addresses) || house && is_list(&from, bag);
    let written = facts.from.name.as_deref().and_then(writer);
    if !list || trust::is_refuted(&facts.from, bag, settings) {
        return false;
    }
    let other =
        |address: &String| !address.eq_ignore_ascii_case(&from) && !is_own_address(address, &settings.own_addresses);
    let named = ["x-original-from", "x-original-sender"].iter().find_map(|name| bag.get(name));
    let found = match named.and_then(clean_address).filter(other) {
        Some(address) => {
            let name = named.and_then(|v| v.split_once('<')).and_then(|(name, _)| display_name(name));
            Some(Mailbox { name, address: Some(address) })
        }
        // Without the list's own word only a name that says "via" shows that From is not the writer's.
        None if written.is_some() && has_list(bag) => by_list(facts, bag, written.as_deref(), &other),
        None => None,
    };
    let Some(found) = found else { return false };
    let beside = facts.reply_to.iter().find(|m| m.address == found.address).and_then(|m| m.name.clone());
    facts.from = Mailbox { name: found.name.or(beside).or(written), address: found.address };
    out.flags.push(FLAG.to_owned());
    true
}

/// The writer, where the list leaves it: the address it took the mail from, where answers go, or beside the name.
fn by_list(
    facts: &MailFacts,
    bag: &HeaderBag,
    written: Option<&str>,
    other: &dyn Fn(&String) -> bool,
) -> Option<Mailbox> {
    let bare = |address: String| Mailbox { name: None, address: Some(address) };
    let fits = |m: &&Mailbox| m.address.as_ref().is_some_and(other);
    let named_so = |m: &&Mailbox| m.name.is_some() && m.name.as_deref() == written;
    let copied = || facts.cc.iter().filter(fits).find(named_so).cloned();
    let mut answers = facts.reply_to.iter().filter(fits);
    let only = answers.next().filter(|_| answers.next().is_none()).cloned();
    only.or_else(copied).or_else(|| bag.get("x-mailfrom").and_then(clean_address).filter(other).map(bare))
}

fn has_list(bag: &HeaderBag) -> bool {
    bag.has("list-id") || bag.has("list-post")
}

/// From is the address to which one posts.
fn is_list(from: &str, bag: &HeaderBag) -> bool {
    bag.all("list-post").take(5).any(|value| {
        let posted = value.to_lowercase();
        let posted = posted.split("mailto:").nth(1).unwrap_or_default();
        posted.split(['>', '?', ',', ' ']).next() == Some(from)
    })
}

/// `Eva` of `'Eva' via Sales`.
fn writer(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let at = VIA.iter().filter_map(|via| lower.find(via)).min()?;
    // Lower case may be longer than what was written; then the cut is not taken.
    name.get(..at).and_then(display_name).and_then(|name| display_name(name.trim_matches(['\'', '"'])))
}
