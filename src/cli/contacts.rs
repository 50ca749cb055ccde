//! `pisteur contacts`: the people we know, and bringing in more of them.

use clap::Subcommand;

use super::export::{self, ExportRecords};
use super::records::{self, ListRecords, RecordsCommand, ShowRecord};
use super::{Context, Outcome, import};
use crate::domain::matching::EntityKind;

/// `pisteur contacts`.
#[derive(Debug, Clone, Subcommand)]
pub enum ContactsCommand {
    /// List contacts, newest first
    #[command(after_help = "Examples:\n  pisteur contacts list\n  pisteur contacts list --since 7d --json")]
    List(ListRecords),
    /// Show one contact with everything that hangs on it
    #[command(after_help = "Example:\n  pisteur contacts show 01JABCDEFGHJKMNPQRSTVWXYZ0")]
    Show(ShowRecord),
    /// Write contacts as a table for spreadsheets, or as JSON
    #[command(after_help = "Example:\n  pisteur contacts export > contacts.csv")]
    Export(ExportRecords),
    /// Bring in contacts from a CSV or vCard file, through the same matching as live arrivals
    Import(import::ImportArgs),
}

/// Lists, shows or imports contacts.
pub(super) fn run(context: &Context, command: ContactsCommand) -> anyhow::Result<Outcome> {
    match command {
        ContactsCommand::List(args) => records::run(context, EntityKind::Contact, RecordsCommand::List(args)),
        ContactsCommand::Show(args) => records::run(context, EntityKind::Contact, RecordsCommand::Show(args)),
        ContactsCommand::Export(args) => export::run(context, EntityKind::Contact, &args),
        ContactsCommand::Import(args) => import::run(context, &args),
    }
}
