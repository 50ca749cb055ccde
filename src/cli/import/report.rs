//! What came of an import: one line for each row that could not be taken, then the sum.

use serde_json::json;

use super::ImportArgs;
use crate::cli::output::{Cell, Style};
use crate::cli::{Outcome, Output};
use crate::domain::plain;
use crate::pipeline::import::{Entry, Outcome as Done};
use crate::store::rows::Imported;

/// What was understood, row by row; nothing was written.
pub(super) fn rehearsal(understood: &[(u64, Result<Entry, String>)], args: &ImportArgs) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let mut rows = Vec::new();
    let mut refused = Vec::new();
    for (line, entry) in understood {
        match entry {
            Ok(entry) if args.json => {
                out.json(&json!({"line": line, "enquiry": entry.enquiry}))?;
            }
            Ok(entry) => rows.push(cells(*line, entry)),
            Err(why) => refused.push((*line, why.clone())),
        }
    }
    if !rows.is_empty() {
        out.table(&["LINE", "NAME", "COMPANY", "EMAIL", "PHONE"], &rows);
    }
    tell_refused(&mut out, &refused, args)?;
    if !args.json {
        out.line(format!("{} would be imported, {} refused; nothing was written", rows.len(), refused.len()));
    }
    out.finish(Outcome::yes(refused.is_empty()))
}

fn cells(line: u64, entry: &Entry) -> Vec<Cell> {
    let person = &entry.enquiry.person;
    let parts = || [person.first_name.as_deref(), person.last_name.as_deref()].into_iter().flatten();
    let name = person.full_name.clone().unwrap_or_else(|| parts().collect::<Vec<_>>().join(" "));
    let phone = entry.enquiry.phones.first().map(|p| p.e164.as_deref().unwrap_or(&p.raw));
    vec![
        Cell::new(line.to_string()),
        Cell::new(name),
        Cell::maybe(entry.enquiry.organisation.name.as_deref()),
        Cell::maybe(entry.enquiry.emails.first().map(|e| e.address.as_str())),
        Cell::maybe(phone),
    ]
}

/// What was written, and what was not.
pub(super) fn result(done: &[Done], mut refused: Vec<(u64, String)>, args: &ImportArgs) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let count = |became| done.iter().filter(|d| d.became == became).count();
    for entry in done.iter().filter(|d| d.became == Imported::Conflict) {
        refused.push((entry.line, "somebody else is changing this person; import the file again".to_owned()));
    }
    refused.sort();
    if args.json {
        for entry in done.iter().filter(|d| d.became != Imported::Conflict) {
            let became = if entry.became == Imported::Created { "created" } else { "updated" };
            let verify = entry.verification_required;
            out.json(&json!({"line": entry.line, "became": became, "verification_required": verify}))?;
        }
    }
    tell_refused(&mut out, &refused, args)?;
    if !args.json {
        let verify = done.iter().filter(|d| d.verification_required && d.became == Imported::Created).count();
        let (created, updated) = (count(Imported::Created), count(Imported::Updated));
        out.line(format!("{created} created, {updated} known already, {} refused", refused.len()));
        if verify > 0 {
            out.line(format!("{verify} of the new ones resemble a known record: see `pisteur contacts list`"));
        }
    }
    out.finish(Outcome::yes(refused.is_empty()))
}

fn tell_refused(out: &mut Output, refused: &[(u64, String)], args: &ImportArgs) -> anyhow::Result<()> {
    for (line, why) in refused {
        if args.json {
            out.json(&json!({"line": line, "error": why}))?;
        } else {
            let text = out.styled(Style::Bad, &plain::lines(&format!("{}:{line}: {why}", plain::path(&args.file))));
            out.line(text);
        }
    }
    Ok(())
}
