//! `pisteur erase`: everything personal about one address goes (GDPR article 17); what statistics count stays.
//!
//! Each step is a transaction of its own. What a kill leaves is found again, so the remedy is to run it again.

mod recognise;

use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use ulid::Ulid;

use self::recognise::{Found, Recognise};
use super::context::actor;
use super::output::Style;
use super::{Context, Outcome, Output};
use crate::config::Config;
use crate::domain::enquiry::EmailKind;
use crate::domain::enquiry::email::EmailAddress;
use crate::store::{Erasable, EraseStep, ErasedCounts, Erasure, Store};

/// `pisteur erase`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur erase anne@example.org --dry-run           how much there is, and nothing changed
  pisteur erase anne@example.org                     asks before it erases
  pisteur erase anne@example.org --yes --json        in a script

What goes: every arrival from that address; every one that became no record (quarantined, parked,
failed, repeated) and names it in a field, or in any place of a request that could not be read; each
with its bytes, sender, context and files; messages, notes, touches, links and mails to the visitor;
names, contact points and all text of the leads, contacts and opportunities that have the address,
each with its whole conversation, whoever wrote in it. Deliveries not made
yet are withheld; links in mails sent before work no more.

What stays, for statistics: id, kind, dates, owner, status or stage, source and amounts of a record,
with the name \"erased\"; an organisation, unless it only had the person's name; of a consent its
purpose, version and moment. Unsubscribing goes on working: the address is kept as a hash, which
recognises it and does not show it. Keys of mails and hooks are hashes or the producer's number and
stay: the same mail or lead sent again is a repeat and makes no record. A form posted again from the
address is a new person.

Not reached: the mail server's own copy, logs, backups, what was delivered already, the spill while
the database is away. Messages of other people that mention the address, in their text, subject or
further fields, are listed for you to look at. It is safe beside running daemons; interrupted, it is finished by running it again.
Exit codes: 0 erased (or would be), 1 nothing is stored about the address, 2 could not do it.")]
pub struct EraseArgs {
    /// The person's address, in any spelling that matching takes for the same
    #[arg(value_name = "EMAIL")]
    email: String,
    /// Change nothing: count what would be erased
    #[arg(long)]
    dry_run: bool,
    /// Erase without asking; needed when there is no terminal to ask at
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Arrivals or records of one transaction.
const AT_ONCE: usize = 200;
/// Times to look again for what a daemon wrote meanwhile.
const ROUNDS: usize = 5;
/// Other people's messages named at most.
const MENTIONS: usize = 20;
/// Later rounds look at what came since this long before the first: clocks of several daemons differ.
const LOOK_BACK: Duration = Duration::from_mins(15);

/// Erases one person, or counts what there is.
pub(super) fn run(context: &Context, args: &EraseArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let address = address(&args.email, &config)?;
    let asks = !args.dry_run && !args.yes;
    if asks && !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        anyhow::bail!("erasing cannot be undone: say --yes, or --dry-run to see how much there is");
    }
    context.with_store(&config, async |store| {
        let (written, shared, mentioned) = (args.email.as_str(), Mutex::default(), Mutex::default());
        let work = Work { context, config: &config, store, address: &address, written, shared, mentioned };
        if asks {
            let counts = work.rehearse().await?;
            work.tell(args, true, &counts)?;
            if counts.is_empty() {
                return work.remarks(&counts).await;
            }
            if !agreed()? {
                anyhow::bail!("nothing was erased");
            }
        }
        let counts = if args.dry_run { work.rehearse().await? } else { work.erase().await? };
        if args.json {
            work.json(args, &counts).await
        } else {
            work.tell(args, args.dry_run, &counts)?;
            work.remarks(&counts).await
        }
    })
}

/// The canonical address of somebody who is not of the house.
fn address(said: &str, config: &Config) -> anyhow::Result<String> {
    let Some(address) = EmailAddress::parse(said) else { anyhow::bail!("{said:?} is no email address") };
    let settings = config.read_settings();
    let canonical = address.canonical();
    let own = |own: &String| EmailAddress::parse(own).is_some_and(|own| own.canonical() == canonical);
    if address.kind(&settings.own_domains) == EmailKind::Own || settings.own_addresses.iter().any(own) {
        anyhow::bail!(
            "{canonical} is an address of the house (own_domains, reading.own_addresses): half of what is \
            stored went through it"
        );
    }
    Ok(canonical)
}

/// Asks the person at the terminal.
fn agreed() -> anyhow::Result<bool> {
    let mut asking = std::io::stderr().lock();
    write!(asking, "This cannot be undone. Erase it? Type yes: ")?;
    asking.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

struct Work<'a> {
    context: &'a Context,
    config: &'a Config,
    store: &'a Arc<dyn Store>,
    address: &'a str,
    /// As the person at the keyboard wrote it.
    written: &'a str,
    /// Requests of many people.
    shared: Mutex<BTreeSet<Ulid>>,
    /// Arrivals of others, of no record, that name the address.
    mentioned: Mutex<BTreeSet<Ulid>>,
}

impl Work<'_> {
    fn by(&self, rehearsal: bool) -> Erasure {
        Erasure { address: self.address.to_owned(), actor: actor(), rehearsal }
    }

    /// Counts by doing it and going back.
    async fn rehearse(&self) -> anyhow::Result<ErasedCounts> {
        let settings = self.config.read_settings();
        let also = Recognise::new(self.store, &settings, self.address).arrivals(None).await?;
        self.note(&also);
        let found = self.store.erasable(self.address, &also.theirs).await?;
        Ok(self.store.erase(steps(&found), &self.by(true)).await?)
    }

    /// Erases until there is nothing left.
    async fn erase(&self) -> anyhow::Result<ErasedCounts> {
        let (settings, by) = (self.config.read_settings(), self.by(false));
        let recognise = Recognise::new(self.store, &settings, self.address);
        let later = self.context.clock.now().before(LOOK_BACK);
        let mut total = ErasedCounts::new();
        for round in 0..ROUNDS {
            let also = recognise.arrivals((round > 0).then_some(later)).await?;
            self.note(&also);
            let found = self.store.erasable(self.address, &also.theirs).await?;
            let mut done = ErasedCounts::new();
            for step in steps(&found) {
                add(&mut done, self.store.erase(vec![step], &by).await?);
            }
            if done.is_empty() {
                break;
            }
            add(&mut total, done);
        }
        Ok(total)
    }

    fn note(&self, found: &Found) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).extend(&found.shared);
        self.mentioned.lock().unwrap_or_else(PoisonError::into_inner).extend(&found.mentions);
    }

    /// Requests of many people that are kept whole, one of whom this is.
    fn shared(&self) -> Vec<Ulid> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// The counts as a person reads them.
    fn tell(&self, args: &EraseArgs, would: bool, counts: &ErasedCounts) -> anyhow::Result<()> {
        if args.json {
            return Ok(());
        }
        let mut out = Output::new();
        if counts.is_empty() {
            out.line(format!("Nothing is stored about {}.", self.address));
        } else {
            let title = if would { "would be erased" } else { "erased" };
            let title = out.styled(Style::Bold, &format!("{}: {title}", self.address));
            out.line(title);
        }
        for (word, rows) in counts {
            out.line(format!("  {word:<32} {rows:>8}"));
        }
        out.flush()
    }

    /// What the command did not reach.
    async fn remarks(&self, counts: &ErasedCounts) -> anyhow::Result<Outcome> {
        let mut out = Output::new();
        let mentions = self.mentions().await?;
        if !mentions.is_empty() {
            let more = mentions.len() > MENTIONS;
            let many = if more { format!("more than {MENTIONS}") } else { mentions.len().to_string() };
            out.line(format!("The address stands in {many} messages of other people; look at them:"));
            for id in mentions.into_iter().take(MENTIONS) {
                out.line(format!("  pisteur submissions show {id}"));
            }
        }
        for id in self.shared() {
            out.line(format!(
                "Request {id} holds too many leads to be taken apart, and the address among them; when you do not need \
                 it: pisteur submissions discard {id}, then erase again"
            ));
        }
        for waiting in self.waiting() {
            out.line(waiting);
        }
        out.finish(Outcome::yes(!counts.is_empty()))
    }

    /// The same for scripts.
    async fn json(&self, args: &EraseArgs, counts: &ErasedCounts) -> anyhow::Result<Outcome> {
        let words: serde_json::Map<String, Value> =
            counts.iter().map(|(word, rows)| (word.replace(' ', "_"), Value::from(*rows))).collect();
        let mut out = Output::new();
        out.json(&json!({
            "address": self.address,
            "dry_run": args.dry_run,
            "found": !counts.is_empty(),
            "counts": words,
            "mentioned_in": self.mentions().await?,
            "in_requests_of_many": self.shared(),
            "not_looked_at": self.waiting(),
        }))?;
        out.finish(Outcome::yes(!counts.is_empty()))
    }

    /// Messages with the address in them that are of no record of theirs.
    async fn mentions(&self) -> anyhow::Result<Vec<Ulid>> {
        // One more than is shown, to tell that there are more.
        let most = i64::try_from(MENTIONS).unwrap_or(i64::MAX).saturating_add(1);
        let mut found = Vec::new();
        // Before the erasure the messages of the person themselves are among those of conversations.
        if self.store.erasable(self.address, &[]).await? == Erasable::default() {
            found.extend(self.store.mentioned(self.address, most).await?);
            if !self.written.trim().eq_ignore_ascii_case(self.address) {
                found.extend(self.store.mentioned(self.written.trim(), most).await?);
            }
        }
        found.extend(self.mentioned.lock().unwrap_or_else(PoisonError::into_inner).iter());
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Arrivals that no database knows of yet.
    fn waiting(&self) -> Vec<String> {
        let mut told = Vec::new();
        let spill = self.config.spill.dir.join("spill.db");
        if self.config.sqlite_path().is_none() && spill.exists() {
            told.push(format!(
                "{} takes arrivals while the database is away; if any wait there, run this again once a running pisteur \
                 has brought them in",
                spill.display()
            ));
        }
        let files = files(&self.config.spool.path);
        if files > 0 {
            let lie = if files == 1 { "1 file lies".to_owned() } else { format!("{files} files lie") };
            told.push(format!("{lie} in the watched folder, what was taken in its done/; nothing there was looked at"));
        }
        told
    }
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

/// The transactions that erase what was found, in the order that an interruption leaves something to find it by.
fn steps(found: &Erasable) -> Vec<EraseStep> {
    let arrivals = found.arrivals.chunks(AT_ONCE).map(|ids| EraseStep::Arrivals(ids.to_vec()));
    let records = found.records.chunks(AT_ONCE).map(|ids| EraseStep::Records(ids.to_vec()));
    arrivals.chain(records).chain([EraseStep::Address]).collect()
}

fn add(total: &mut ErasedCounts, more: ErasedCounts) {
    for (word, rows) in more {
        let had = total.entry(word).or_default();
        *had = had.saturating_add(rows);
    }
}
