//! The command line: one file per sub-command. Results go to standard output, logs and complaints to standard error.
//!
//! Exit codes: 0 done; 1 the answer is no (errors found, a test failed, not found); 2 could not do it (usage,
//! unreadable, database away). A reader that closes the pipe early ends the program quietly.

mod args;
mod campaigns;
mod check;
mod chosen;
mod contacts;
pub(crate) mod context;
mod deliveries;
mod doctor;
mod erase;
mod explain;
mod export;
mod forms;
mod hooks;
mod import;
mod matching;
mod merging;
mod migrate;
mod output;
mod paging;
pub mod parse;
mod records;
mod replay;
mod review;
pub mod rules;
mod serve;
mod submissions;
mod waterfall;
mod when;

use std::process::ExitCode;

use clap::Parser as _;

use crate::pipeline::probe;

use args::{Cli, Command};
pub use args::{FileKind, ParseArgs, RulesCheckArgs, RulesCommand, RulesExplainArgs, RulesTestArgs};
pub use context::{Context, Outcome};
pub use output::Output;

/// Runs the command that the arguments of this process name.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are answers; printing them to a closed pipe is no failure.
            e.print().ok();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    match dispatch(cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(e) if output::is_closed_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("pisteur: {}", output::told(&e));
            ExitCode::from(2)
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<Outcome> {
    let context = Context::new(cli.config);
    match cli.command.unwrap_or(Command::Serve(serve::ServeArgs::default())) {
        Command::Serve(args) => serve::run(&context, &args),
        Command::Check(args) => check::run(&context, &args),
        Command::Parse(args) => parse::run(&context, &args),
        Command::Explain(args) => explain::run(&context, &args),
        Command::Rules(command) => rules::run(&context, &command),
        Command::Submissions(command) => submissions::run(&context, command),
        Command::Forms(command) => forms::run(&context, command),
        Command::Leads(command) => records::leads(&context, command),
        Command::Opportunities(command) => records::opportunities(&context, command),
        Command::Contacts(command) => contacts::run(&context, command),
        Command::Campaigns(command) => campaigns::run(&context, command),
        Command::Deliveries(command) => deliveries::run(&context, command),
        Command::Hooks(command) => hooks::run(&context, command),
        Command::Match(command) => matching::run(&context, &command),
        Command::Review(command) => review::run(&context, command),
        Command::Merge(args) => merging::merge(&context, &args),
        Command::Unmerge(args) => merging::unmerge(&context, &args),
        Command::Replay(args) => replay::run(&context, &args),
        Command::Erase(args) => erase::run(&context, &args),
        Command::Migrate(args) => migrate::run(&context, &args),
        Command::Doctor(args) => doctor::run(&context, &args),
        Command::ReadProbe => probe::child().map(|()| Outcome::Done).map_err(Into::into),
    }
}
