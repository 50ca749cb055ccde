//! Arrivals that a command is to act on: named one by one, or by what they have in common, which is counted first.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;
use ulid::Ulid;

use super::args::submission;
use super::{Output, paging, submissions, when};
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalState;
use crate::store::Store;
use crate::store::rows::{ArrivalFilter, ArrivalRow};

/// Names, or what they have in common.
#[derive(Debug, Clone, Args)]
pub(super) struct Chosen {
    /// Identifiers
    #[arg(value_name = "ID", value_parser = submission,
          conflicts_with_all = ["state", "held_for", "intake", "since", "yes"])]
    ids: Vec<Ulid>,
    /// All in this state [default: quarantined]
    #[arg(long, value_parser = submissions::state)]
    state: Option<ArrivalState>,
    /// All that are held for this reason, as `submissions list` shows it: `spam`, `origin_refused`, `rate_limit` ..
    #[arg(long, value_name = "REASON")]
    held_for: Option<String>,
    /// All of this mailbox, form or folder
    #[arg(long, value_name = "ID")]
    intake: Option<String>,
    /// All received since then: 2026-03-14, 2026-03-14T09:26:00Z, 2h, 3d
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Do it to all of them; without this they are only counted
    #[arg(long)]
    yes: bool,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Choice {
    /// To these, oldest first.
    Act(Vec<Ulid>),
    /// To nobody: they were counted.
    Counted,
}

impl Chosen {
    /// Who is meant; where they are only to be counted, says how many there are and that they `would` be.
    ///
    /// # Errors
    /// When nothing says who, or when in that state none `can` be.
    pub(super) async fn choose(
        &self,
        store: &Arc<dyn Store>,
        now: Timestamp,
        would: &str,
        can: &[ArrivalState],
    ) -> anyhow::Result<Choice> {
        if !self.ids.is_empty() {
            return Ok(Choice::Act(self.ids.clone()));
        }
        if self.state.is_none() && self.held_for.is_none() && self.intake.is_none() && self.since.is_none() {
            anyhow::bail!("name arrivals by their ids, or say which: --state, --held-for, --intake, --since");
        }
        let state = self.state.unwrap_or(ArrivalState::Quarantined);
        if !can.contains(&state) {
            let can = can.iter().map(|state| format!("--state {}", state.as_str())).collect::<Vec<_>>().join(", ");
            anyhow::bail!("what is {} cannot be {would}; what can is: {can}", state.as_str());
        }
        let filter = ArrivalFilter {
            state: Some(state),
            intake: self.intake.clone(),
            since: when::since(self.since.as_deref(), now)?,
            before: None,
            limit: 0,
        };
        let wanted = |row: &ArrivalRow| self.held_for.as_ref().is_none_or(|reason| row.reason.as_ref() == Some(reason));
        let (mut ids, mut reasons, mut others) = (Vec::new(), Reasons::new(), Reasons::new());
        paging::arrivals(store, filter, async |rows| {
            for row in rows {
                let of = if wanted(&row) { &mut reasons } else { &mut others };
                if wanted(&row) {
                    ids.push(row.id);
                }
                *of.entry(row.reason.unwrap_or_else(|| "no reason".to_owned())).or_default() += 1;
            }
            Ok(())
        })
        .await?;
        ids.reverse();
        let (count, state) = (ids.len(), state.as_str());
        let told = match (&self.held_for, ids.is_empty()) {
            (Some(reason), true) if !others.is_empty() => {
                vec![format!("Nothing {state} is held for {reason}; there are: {}.", counted(&others))]
            }
            (_, false) if !self.yes => vec![
                format!("{count} {state} would be {would}: {}", counted(&reasons)),
                "Nothing was changed: add --yes to do it.".to_owned(),
            ],
            _ => return Ok(Choice::Act(ids)),
        };
        let mut out = Output::new();
        for line in told {
            out.line(line);
        }
        out.flush()?;
        Ok(Choice::Counted)
    }
}

/// How many are held for each reason.
type Reasons = BTreeMap<String, usize>;

fn counted(reasons: &Reasons) -> String {
    let each = reasons.iter().map(|(reason, count)| format!("{count} {reason}"));
    each.collect::<Vec<_>>().join(", ")
}
