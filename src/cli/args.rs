//! The arguments as a person meets them: every command says what it is for and shows an example.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use ulid::Ulid;

use super::{
    campaigns, check, contacts, deliveries, doctor, erase, explain, forms, hooks, matching, merging, migrate, records,
    replay, review, serve, submissions,
};
use crate::domain::matching::EntityKind;

const TOP_EXAMPLES: &str = "\
Examples:
  pisteur                                   start with config/pisteur.toml, or the built-in configuration
  pisteur -c /etc/pisteur/pisteur.toml check  is this configuration right, and its rules?
  pisteur submissions list --state failed   what needs a person
  pisteur explain mail.eml                  what would become of this message, and why
  pisteur doctor                            is everything in order on this machine?

Every configuration key can be set in the environment too: PISTEUR__HTTP__PUBLIC=0.0.0.0:8080 pisteur
Exit codes: 0 done, 1 the answer is no, 2 could not do it.";

/// Turns every enquiry a company receives into the right lead or opportunity.
#[derive(Debug, Parser)]
#[command(
    name = "pisteur",
    version,
    about = "Turns every enquiry a company receives into the right lead or opportunity: once, with the right owner, \
             and able to say why.",
    after_help = TOP_EXAMPLES,
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub(super) struct Cli {
    /// Configuration file [default: config/pisteur.toml here, else the built-in copy]
    #[arg(short = 'c', long = "config", value_name = "CONFIG", global = true)]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the daemon (also without any command)
    Serve(serve::ServeArgs),
    /// Check configuration and rules together
    Check(check::CheckArgs),
    /// Show what is read from mail files or form bodies; needs no database
    Parse(ParseArgs),
    /// Explain the whole decision on a file or a stored arrival; writes nothing
    Explain(explain::ExplainArgs),
    /// Check, test and explain the routing rules
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Every arrival and its state
    #[command(subcommand)]
    Submissions(submissions::SubmissionsCommand),
    /// Website forms: list, new, test from end to end
    #[command(subcommand)]
    Forms(forms::FormsCommand),
    /// Leads
    #[command(subcommand)]
    Leads(records::RecordsCommand),
    /// Opportunities
    #[command(subcommand)]
    Opportunities(records::RecordsCommand),
    /// Contacts: list, show, import
    #[command(subcommand)]
    Contacts(contacts::ContactsCommand),
    /// Campaigns: list them, make one known
    #[command(subcommand)]
    Campaigns(campaigns::CampaignsCommand),
    /// Deliveries that gave up
    #[command(subcommand)]
    Deliveries(deliveries::DeliveriesCommand),
    /// How known people are recognised: fit it to the house, bring records up to it, measure it
    #[command(subcommand)]
    Match(matching::MatchCommand),
    /// Records that may be one: list the questions, answer them
    #[command(subcommand)]
    Review(review::ReviewCommand),
    /// Make one record of two
    Merge(merging::MergeArgs),
    /// Undo a merge
    Unmerge(merging::UnmergeArgs),
    /// Third parties that post leads: list, adapters, test
    #[command(subcommand)]
    Hooks(hooks::HooksCommand),
    /// Process stored arrivals again
    Replay(replay::ReplayArgs),
    /// Erase everything personal about one email address
    Erase(erase::EraseArgs),
    /// Create the database or bring it to this version
    Migrate(migrate::MigrateArgs),
    /// Examine configuration, database, mailboxes, folders, clock and disk
    Doctor(doctor::DoctorArgs),
    /// The daemon's own helper: reads one suspect arrival from standard input and throws the result away
    #[command(hide = true)]
    ReadProbe,
}

/// How the bytes of a file are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FileKind {
    /// An RFC 5322 message
    Mail,
    /// A form body, urlencoded or multipart
    Form,
    /// A form body in JSON
    Json,
}

/// `pisteur parse`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur parse mail.eml
  pisteur parse --json *.eml | jq -r .class
  pisteur parse --kind form --intake contact body.txt")]
pub struct ParseArgs {
    /// Files to read; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What the files are [default: by their ending, .json is json, anything else mail]
    #[arg(long, value_enum)]
    pub kind: Option<FileKind>,
    /// Read as if it came through this mailbox or form
    #[arg(long, value_name = "ID")]
    pub intake: Option<String>,
    /// One JSON object a file, a line each; of a mail with several prospects one each
    #[arg(long)]
    pub json: bool,
}

/// `pisteur rules`.
#[derive(Debug, Clone, Subcommand)]
pub enum RulesCommand {
    /// Check the rules folder; prints diagnostics with line, column and remedy
    #[command(after_help = "Examples:\n  pisteur rules check\n  pisteur rules check --path /tmp/new-rules --json")]
    Check(RulesCheckArgs),
    /// Run the tests in the rules folder
    #[command(
        after_help = "Examples:\n  pisteur rules test\n  pisteur rules test --filter rfq\n\nThe cases of templates (config/templates.md) run too."
    )]
    Test(RulesTestArgs),
    /// The rules part of `pisteur explain`: which rules match, and why the others do not
    #[command(after_help = "\
Examples:
  pisteur rules explain mail.eml
  pisteur rules explain mail.eml --why-not rfq-to-opportunity
  pisteur rules explain 01JABCDEFGHJKMNPQRSTVWXYZ0 --at 2026-12-24T10:00:00Z")]
    Explain(RulesExplainArgs),
}

/// `pisteur rules check`.
#[derive(Debug, Clone, Args)]
pub struct RulesCheckArgs {
    /// Another folder than the configured one
    #[arg(long, value_name = "FOLDER")]
    pub path: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `pisteur rules test`.
#[derive(Debug, Clone, Args)]
pub struct RulesTestArgs {
    /// Another folder than the configured one
    #[arg(long, value_name = "FOLDER")]
    pub path: Option<PathBuf>,
    /// Only tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `pisteur rules explain`.
#[derive(Debug, Clone, Args)]
pub struct RulesExplainArgs {
    /// A mail or form file, or the identifier of a stored arrival
    #[arg(value_name = "FILE|SUBMISSION")]
    pub what: String,
    /// What a file is [default: by its ending]
    #[arg(long, value_enum)]
    pub kind: Option<FileKind>,
    /// Read a file as if it came through this mailbox or form
    #[arg(long, value_name = "ID")]
    pub intake: Option<String>,
    /// Say why this rule does not match
    #[arg(long, value_name = "RULE")]
    pub why_not: Option<String>,
    /// As if it were this moment (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    pub at: Option<String>,
    /// Use this stored rule set (its hash) instead of the folder
    #[arg(long, value_name = "HASH")]
    pub rev: Option<String>,
    /// One JSON object; for a mail with several prospects one each, a line each
    #[arg(long)]
    pub json: bool,
}

/// How a list is printed.
#[derive(Debug, Clone, Args)]
pub(super) struct ListArgs {
    /// At most this many, newest first; 0 = all
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(0..))]
    pub(super) limit: i64,
    /// One JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

/// What can be shown by its identifier; commands print records as `lead:01JABCDEFGHJKMNPQRSTVWXYZ0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Submission,
    Record(EntityKind),
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Submission,
        Self::Record(EntityKind::Lead),
        Self::Record(EntityKind::Opportunity),
        Self::Record(EntityKind::Contact),
        Self::Record(EntityKind::Organisation),
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Submission => "submission",
            Self::Record(kind) => kind.as_str(),
        }
    }

    /// The command that shows it, if one does.
    const fn command(self) -> Option<&'static str> {
        match self {
            Self::Submission => Some("submissions"),
            Self::Record(EntityKind::Lead) => Some("leads"),
            Self::Record(EntityKind::Opportunity) => Some("opportunities"),
            Self::Record(EntityKind::Contact) => Some("contacts"),
            Self::Record(EntityKind::Organisation) => None,
        }
    }
}

/// An identifier as lists print it, alone or behind the word for what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference {
    kind: Option<Kind>,
    id: Ulid,
}

impl Reference {
    /// The identifier, for a command about `wanted`.
    ///
    /// # Errors
    /// When it names something else; the sentence says which command shows that.
    pub(super) fn of(self, wanted: Kind) -> anyhow::Result<Ulid> {
        let Some(kind) = self.kind.filter(|kind| *kind != wanted) else { return Ok(self.id) };
        let (word, id) = (kind.word(), self.id);
        match kind.command() {
            Some(command) => anyhow::bail!("{word}:{id} is no {}; see `pisteur {command} show {id}`", wanted.word()),
            None => anyhow::bail!("{word}:{id} is no {}; see its people with `pisteur contacts list`", wanted.word()),
        }
    }
}

impl Reference {
    /// The identifier of a record of any kind.
    ///
    /// # Errors
    /// When it names an arrival.
    pub(super) fn record(self) -> anyhow::Result<Ulid> {
        let id = self.id;
        anyhow::ensure!(
            self.kind != Some(Kind::Submission),
            "submission:{id} is no record; `pisteur submissions show {id}` names the record it made"
        );
        Ok(id)
    }
}

/// A public identifier as printed by lists, alone or with its kind before it.
pub(super) fn reference(text: &str) -> Result<Reference, String> {
    let (kind, id) = match text.trim().split_once(':') {
        None => (None, text.trim()),
        Some((word, id)) => {
            let known = Kind::ALL.into_iter().find(|kind| kind.word().eq_ignore_ascii_case(word.trim()));
            let known = known.ok_or_else(|| {
                let words = Kind::ALL.map(Kind::word).join(", ");
                format!("not an identifier; before the colon stands one of {words}")
            })?;
            (Some(known), id.trim())
        }
    };
    let id = Ulid::from_string(id)
        .map_err(|_| "not an identifier; they have 26 letters and digits, copy one from a list".to_owned())?;
    Ok(Reference { kind, id })
}

/// The identifier of a stored arrival, alone or as `submission:..`.
pub(super) fn submission(text: &str) -> Result<Ulid, String> {
    reference(text)?.of(Kind::Submission).map_err(|e| e.to_string())
}

/// The stored arrival that `what` names; `None` when it is a file or standard input.
///
/// # Errors
/// When it is the identifier of something else.
pub(super) fn stored(what: &str) -> anyhow::Result<Option<Ulid>> {
    if what == "-" || Path::new(what).exists() {
        return Ok(None);
    }
    reference(what).ok().map(|found| found.of(Kind::Submission)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01JABCDEFGHJKMNPQRSTVWXYZ0";

    #[test]
    fn an_identifier_is_taken_alone_and_behind_its_kind() {
        let lead = Kind::Record(EntityKind::Lead);
        for text in [ID.to_owned(), format!("lead:{ID}"), format!(" Lead: {ID} ")] {
            assert_eq!(reference(&text).unwrap().of(lead).unwrap().to_string(), ID, "{text}");
        }
        assert_eq!(submission(&format!("submission:{ID}")).unwrap().to_string(), ID);
        for wrong in ["x", "lead:x", "leed:01JABCDEFGHJKMNPQRSTVWXYZ0", "lead:", ":"] {
            assert!(reference(wrong).unwrap_err().starts_with("not an identifier"), "{wrong}");
        }
    }

    #[test]
    fn the_identifier_of_something_else_names_the_right_command() {
        let said = |text: &str| reference(text).unwrap().of(Kind::Record(EntityKind::Lead)).unwrap_err().to_string();
        let opportunity = said(&format!("opportunity:{ID}"));
        assert_eq!(opportunity, format!("opportunity:{ID} is no lead; see `pisteur opportunities show {ID}`"));
        assert!(said(&format!("submission:{ID}")).contains("`pisteur submissions show"));
        assert!(said(&format!("organisation:{ID}")).contains("`pisteur contacts list`"));
    }
}
