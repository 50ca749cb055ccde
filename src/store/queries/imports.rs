//! Imported contacts, after matching: the same rows and the same guard as live arrivals.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::driver::{self, Connection};
use super::probe::{probe, resolve};
use super::{statements, writes};
use crate::clock::Timestamp;
use crate::domain::matching::MatchKey;
use crate::store::StoreResult;
use crate::store::batch::column;
use crate::store::plan::Plan;
use crate::store::plan::import::IDS_PER_IMPORT;
use crate::store::rows::{ContactImport, Imported};

statements! {
    AUDIT("INSERT INTO audit (at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5)");
}

/// Creates or completes contacts; a line whose strong key meets an unseen record is a conflict and writes nothing.
pub(in super::super) async fn import(
    conn: &mut Connection,
    lines: &[ContactImport],
    now: Timestamp,
) -> StoreResult<Vec<Imported>> {
    let strong: BTreeSet<MatchKey> = lines.iter().flat_map(strong_keys).collect();
    driver::lock_keys(conn, &strong).await?;
    let written_to = lines.iter().flat_map(|l| l.known.into_iter().chain(l.known_organisation));
    driver::hold(conn, &column(written_to.map(|id| id.to_string()))).await?;
    let references = lines.iter().flat_map(|l| l.seen.iter().copied().chain(l.known).chain(l.known_organisation));
    let known = resolve(conn, references).await?;
    let hits = probe(conn, strong).await?;
    let mut ids = driver::reserve(conn, lines.len().saturating_mul(IDS_PER_IMPORT)).await?.into_iter();
    let (mut plan, mut placed, mut answers) = (Plan::default(), HashSet::new(), Vec::with_capacity(lines.len()));
    for line in lines {
        let seen: HashSet<i64> = line.seen.iter().filter_map(|id| known.get(id)).map(|k| k.id).collect();
        let unseen = |key: &MatchKey| {
            placed.contains(key)
                || hits.get(key).is_some_and(|h| !h.generic && h.entities.iter().any(|id| !seen.contains(id)))
        };
        if strong_keys(line).any(|k| unseen(&k)) {
            answers.push(Imported::Conflict);
            continue;
        }
        placed.extend(strong_keys(line));
        let contact = line.known.and_then(|id| known.get(&id)).copied();
        let organisation = line.known_organisation.and_then(|id| known.get(&id)).copied();
        let possible = line.organisation_candidates.iter().filter_map(|id| Some((*id, known.get(id)?.id))).collect();
        plan.import(line, contact, (organisation, possible), now.micros(), &mut ids);
        answers.push(if contact.is_some() { Imported::Updated } else { Imported::Created });
    }
    writes::write(conn, &plan).await?;
    note(conn, now, "import", "contacts", Some(&summary(&answers))).await?;
    Ok(answers)
}

fn strong_keys(line: &ContactImport) -> impl Iterator<Item = MatchKey> + '_ {
    line.keys.iter().chain(&line.organisation_keys).copied().filter(|k| k.kind.is_strong())
}

fn summary(answers: &[Imported]) -> String {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for answer in answers {
        let word = match answer {
            Imported::Created => "created",
            Imported::Updated => "updated",
            Imported::Conflict => "conflict",
        };
        *counts.entry(word).or_default() += 1;
    }
    serde_json::to_string(&counts).unwrap_or_default()
}

/// Writes an audit row about something a person did.
pub(super) async fn note(
    conn: &mut Connection,
    now: Timestamp,
    action: &str,
    subject: &str,
    detail: Option<&str>,
) -> StoreResult<()> {
    audit(conn, now, ("operator", action), subject, detail).await
}

/// As [`note`], naming who.
pub(super) async fn audit(
    conn: &mut Connection,
    now: Timestamp,
    (actor, action): (&str, &str),
    subject: &str,
    detail: Option<&str>,
) -> StoreResult<()> {
    sqlx::query(AUDIT).bind(now.micros()).bind(actor).bind(action).bind(subject).bind(detail).execute(conn).await?;
    Ok(())
}
