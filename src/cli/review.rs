//! `pisteur review`: records that may be one, and a person's word on them.

use clap::{Args, Subcommand};

use super::args::ListArgs;
use super::context::actor;
use super::merging::{refused, shown, told};
use super::output::Style;
use super::{Context, Outcome, Output, paging, when};
use crate::domain::matching::EntityRef;
use crate::domain::plain::one_line;
use crate::store::merge::{Joined, Linked, MergeOrder, Question, Side};

/// `pisteur review`.
#[derive(Debug, Clone, Subcommand)]
pub enum ReviewCommand {
    /// List records that may be one, with what speaks for it, newest first
    #[command(after_help = "\
Examples:
  pisteur review list
  pisteur review list --limit 0 --json | jq -r '[.id, .why] | @tsv'")]
    List(ListArgs),
    /// They are one: merge two of a kind; a lead or opportunity gets its contact
    #[command(after_help = "Example:\n  pisteur review accept 17")]
    Accept(AnswerArgs),
    /// They are two: neither joined nor asked about again
    #[command(after_help = "Example:\n  pisteur review reject 17")]
    Reject(AnswerArgs),
}

/// Which question is answered.
#[derive(Debug, Clone, Args)]
pub struct AnswerArgs {
    /// Number of the question, from the list
    #[arg(value_name = "ID")]
    id: i64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Lists or answers questions.
pub(super) fn run(context: &Context, command: ReviewCommand) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let event = context.clock.new_id();
    context.with_store(&config, async |store| match command {
        ReviewCommand::List(args) => {
            let (mut out, mut any) = (Output::new(), false);
            paging::questions(store, args.limit, async |questions| {
                any = true;
                if args.json {
                    questions.iter().try_for_each(|question| out.json(question).map(drop))?;
                } else {
                    for question in &questions {
                        describe(&mut out, question);
                    }
                }
                out.flush()
            })
            .await?;
            match (args.json, any) {
                (true, _) => {}
                (false, true) => drop(out.line("One: pisteur review accept ID. Two: pisteur review reject ID.")),
                (false, false) => drop(out.line("No question is open.")),
            }
            out.finish(Outcome::Done)
        }
        ReviewCommand::Accept(args) => {
            // The store knows which two it is about.
            let order = MergeOrder { one: event, other: event, overrule: false, actor: actor(), event };
            match store.accept_question(args.id, order).await? {
                Ok(Joined::Linked(done)) => linked(&done, args.json),
                Ok(Joined::Merged(done)) => told(&Ok(done), args.json),
                Err(refusal) => refused(&refusal, args.json),
            }
        }
        ReviewCommand::Reject(args) => match store.reject_question(args.id, &actor()).await? {
            Err(refusal) => refused(&refusal, args.json),
            Ok(done) => {
                let mut out = Output::new();
                if args.json {
                    out.json(&done)?;
                } else {
                    let (record, other) = (shown(done.record), shown(done.other));
                    out.line(format!("{record} and {other} are two; they are not asked about again"));
                }
                out.finish(Outcome::Done)
            }
        },
    })
}

/// Prints what a link did.
fn linked(done: &Linked, json: bool) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    if json {
        out.json(done)?;
    } else {
        out.line(format!("{} is linked to {}", shown(done.linked), shown(done.to)));
        if !done.changed.is_empty() {
            out.line(format!("  changed: {}", done.changed.join(", ")));
        }
        out.line(format!("Undo it: pisteur unmerge {}", done.event));
    }
    out.finish(Outcome::Done)
}

/// A question on four lines: number and score, both records, why.
fn describe(out: &mut Output, question: &Question) {
    let score = match (question.probability, question.bits) {
        (Some(p), Some(bits)) => format!("{:.1} % ({bits:+.1} bits)", p * 100.0),
        _ => "not weighed".to_owned(),
    };
    let number = out.styled(Style::Bold, &question.id.to_string());
    out.line(format!("{number}  {}  {score}", when::local(question.asked_at)));
    out.line(format!("  {}", side(&question.record)));
    out.line(format!("  {}", side(&question.other)));
    out.line(format!("  {}", one_line(question.why.as_deref().unwrap_or("why is not kept any more"), 160)));
}

/// A record on one line.
fn side(side: &Side) -> String {
    let record = shown(EntityRef { kind: side.kind, id: side.id });
    let said = [&side.name, &side.company, &side.email, &side.phone, &side.status];
    let said = said.into_iter().flatten().map(|text| one_line(text, 48));
    [record].into_iter().chain(said).collect::<Vec<_>>().join("  ")
}
