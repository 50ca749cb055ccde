//! What comes of an import, told as it comes: what became of each row, one line for each that could not be taken, then
//! the sum.

use std::time::Duration;

use serde_json::json;

use super::ImportArgs;
use super::batches::Batch;
use crate::cli::output::{Cell, Style, Table};
use crate::cli::{Outcome, Output};
use crate::domain::plain;
use crate::pipeline::import::{Entry, Outcome as Done};
use crate::store::rows::{ImportPlace, Imported};

/// What was understood, row by row; nothing is written. A reader that goes away ends it.
pub(super) fn rehearsal(
    batches: impl Iterator<Item = anyhow::Result<Batch>>,
    args: &ImportArgs,
) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let mut table = Table::new(&["LINE", "NAME", "COMPANY", "EMAIL", "PHONE"]);
    let (mut good, mut bad) = (0, 0);
    for batch in batches {
        let batch = batch?;
        if args.json {
            for entry in &batch.entries {
                out.json(&json!({"line": entry.line, "enquiry": entry.enquiry}))?;
            }
        } else if !batch.entries.is_empty() {
            let rows: Vec<Vec<Cell>> = batch.entries.iter().map(cells).collect();
            table.add(&mut out, &rows);
        }
        tell_refused(&mut out, &batch.refused, args)?;
        out.flush()?;
        good += batch.entries.len();
        bad += batch.refused.len();
    }
    if !args.json {
        out.line(format!("{good} would be imported, {bad} refused; nothing was written"));
    }
    out.finish(Outcome::yes(bad == 0))
}

fn cells(entry: &Entry) -> Vec<Cell> {
    let person = &entry.enquiry.person;
    let parts = || [person.first_name.as_deref(), person.last_name.as_deref()].into_iter().flatten();
    let name = person.full_name.clone().unwrap_or_else(|| parts().collect::<Vec<_>>().join(" "));
    let phone = entry.enquiry.phones.first().map(|p| p.e164.as_deref().unwrap_or(&p.raw));
    vec![
        Cell::new(entry.line.to_string()),
        Cell::new(name),
        Cell::maybe(entry.enquiry.organisation.name.as_deref()),
        Cell::maybe(entry.enquiry.emails.first().map(|e| e.address.as_str())),
        Cell::maybe(phone),
    ]
}

/// Adds what became of a batch to `out`, and counts it in `place`.
pub(super) fn batch(
    out: &mut Output,
    done: &[Done],
    mut refused: Vec<(u64, String)>,
    args: &ImportArgs,
    place: &mut ImportPlace,
) -> anyhow::Result<()> {
    for entry in done {
        let became = match entry.became {
            Imported::Created => {
                place.created += 1;
                place.uncertain += u64::from(entry.verification_required);
                "created"
            }
            Imported::Updated => {
                place.updated += 1;
                "updated"
            }
            Imported::Conflict => {
                refused.push((entry.line, "somebody else is changing this person; import the file again".to_owned()));
                continue;
            }
        };
        if args.json {
            let verify = entry.verification_required;
            out.json(&json!({"line": entry.line, "became": became, "verification_required": verify}))?;
        }
    }
    refused.sort();
    place.refused += refused.len() as u64;
    tell_refused(out, &refused, args)
}

/// The sum of the whole import; `made` contacts of it in the last `took`.
pub(super) fn sum(
    mut out: Output,
    place: &ImportPlace,
    (made, took): (u64, Duration),
    args: &ImportArgs,
) -> anyhow::Result<Outcome> {
    if !args.json {
        let ImportPlace { created, updated, refused, uncertain, .. } = place;
        let a_second = u128::from(made) * 1_000 / took.as_millis().max(1);
        out.line(format!(
            "{created} created, {updated} known already, {refused} refused; {a_second} contacts a second"
        ));
        if *uncertain > 0 {
            out.line(format!("{uncertain} of the new ones resemble a known record: see `pisteur contacts list`"));
        }
    }
    out.flush_if_read()?;
    Ok(Outcome::yes(place.refused == 0))
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
