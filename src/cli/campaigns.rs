//! `pisteur campaigns`: the campaigns that are known, and those that arrivals named and a person has yet to look at.

use clap::{Args, Subcommand};

use super::args::ListArgs;
use super::output::{Cell, Table};
use super::{Context, Outcome, Output, when};
use crate::domain::enquiry::attribution::folded;
use crate::domain::plain::one_line;
use crate::store::rows::CampaignRow;

/// Longest name, in characters.
const NAME_CHARS: usize = 255;

/// `pisteur campaigns`.
#[derive(Debug, Clone, Subcommand)]
pub enum CampaignsCommand {
    /// List campaigns, newest first, with how many leads and opportunities came by them
    #[command(after_help = "\
Examples:
  pisteur campaigns list
  pisteur campaigns list --waiting     those that records wait for (attribution.unknown_campaign = \"review\")")]
    List(ListCampaigns),
    /// Make a campaign known, and give it to the records that wait for it
    #[command(after_help = "\
Examples:
  pisteur campaigns add spring-2027
  pisteur campaigns add spring-2027 --also Spring27 --also sprng-27")]
    Add(AddCampaign),
}

/// Which campaigns to list.
#[derive(Debug, Clone, Args)]
pub struct ListCampaigns {
    /// Only those that wait for a person
    #[arg(long)]
    waiting: bool,
    #[command(flatten)]
    list: ListArgs,
}

/// Which campaign to make known.
#[derive(Debug, Clone, Args)]
pub struct AddCampaign {
    /// Its name; upper and lower case are the same
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// Another name that waiting records have for it
    #[arg(long, value_name = "NAME", value_parser = name)]
    also: Vec<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if folded(name).is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        return Err(format!("a name of 1 to {NAME_CHARS} characters on one line is needed"));
    }
    Ok(name.to_owned())
}

/// Lists campaigns or makes one known.
pub(super) fn run(context: &Context, command: CampaignsCommand) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    context.with_store(&config, async |store| {
        let mut out = Output::new();
        match command {
            CampaignsCommand::List(args) => {
                let rows = store.campaigns(args.waiting, args.list.limit).await?;
                if args.list.json {
                    rows.iter().try_for_each(|row| out.json(row).map(drop))?;
                } else if rows.is_empty() {
                    out.line(if args.waiting { "No campaign waits for a person." } else { "No campaign is known." });
                } else {
                    let mut table = Table::new(&["SINCE", "LEADS", "OPPORTUNITIES", "CAMPAIGN"]);
                    table.add(&mut out, &rows.iter().map(cells).collect::<Vec<_>>());
                    if args.waiting {
                        out.line("Make one known: pisteur campaigns add NAME");
                    }
                }
            }
            CampaignsCommand::Add(args) => {
                let made = store.add_campaign(&args.name, &args.also).await?;
                if args.json {
                    out.json(&made)?;
                } else {
                    let said = if made.created { "is known now" } else { "was known already" };
                    let records = if made.records == 1 { "record" } else { "records" };
                    out.line(format!("{} {said}; {} waiting {records} got it", one_line(&args.name, 80), made.records));
                }
            }
        }
        out.finish(Outcome::Done)
    })
}

fn cells(row: &CampaignRow) -> Vec<Cell> {
    vec![
        Cell::new(row.since.map_or_else(|| "-".to_owned(), when::local)),
        Cell::new(row.leads.to_string()),
        Cell::new(row.opportunities.to_string()),
        Cell::new(one_line(&row.name, 80)),
    ]
}
