//! From scores to a verdict: match, review or new, over all that is known of an entity.
//!
//! Invariants:
//! - a match needs two independent witnesses, no veto from anything the entity is known by, and to be well ahead of the
//!   next entity, unless those two are possibly one;
//! - where something was left unread there is no match, and no silent "new".

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::model::Model;
use super::profile::{NORM, Profile};
use super::score::{Score, Veto, score};
use super::shown::{Shown, shown};
use super::verdict::{EVIDENCE, Verdict};

/// Bits of a probability of 0.999.
pub const MATCH: f64 = 9.964_340_867_792_418;
/// Bits of a probability of one half.
pub const REVIEW: f64 = 0.0;
/// So many bits the best entity must be ahead of the next.
pub const MARGIN: f64 = 4.0;
/// Independent witnesses that a match needs.
pub const WITNESSES: usize = 2;
/// Level from which on names of organisations have nothing in common.
const OTHER_COMPANY: u8 = 6;

/// Verdict on two records by themselves.
#[must_use]
pub fn pair(score: &Score) -> Verdict {
    if is_other_company(score) || score.apart {
        Verdict::New
    } else if score.total >= MATCH && score.witnesses >= WITNESSES && score.vetoes.is_empty() {
        Verdict::Match
    } else if score.total >= REVIEW {
        Verdict::Review
    } else {
        Verdict::New
    }
}

/// Two organisations of which the names have no word in common: whatever else agrees, it is no question.
pub(super) fn is_other_company(score: &Score) -> bool {
    let company = score.steps.iter().any(|step| step.field == Field::Company && step.level >= OTHER_COMPANY);
    let named = score.steps.iter().any(|step| matches!(step.field, Field::Given | Field::Surname));
    company && !named
}

/// An entity compared with: its best record, and what any of its records says against it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Score of the record that is most like the arrival.
    pub best: Score,
    /// Which of the entity's records that is.
    pub record: usize,
    /// Vetoes of its records that none of its other records answers, each once.
    pub vetoes: Vec<Veto>,
    /// Another entity is about as likely, so that neither is taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub close: bool,
    /// Verdict on this entity.
    pub verdict: Verdict,
    /// Bits before the next possible entity that is somebody else, where this is a match by count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Version of the rules of normalising; 0 where that was not kept.
    #[serde(default)]
    pub norm: u32,
    /// What the best record says beside the arrival, for the closest ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Shown>,
}

/// Judges an arrival against everything an entity is known by. `None` without any record.
#[must_use]
pub fn entity(model: &Model, arrival: &Profile, known: &[Profile], records: u64) -> Option<Judged> {
    let scores: Vec<Score> = known.iter().map(|known| score(model, arrival, known, records)).collect();
    let said = scores.iter().flat_map(|score| score.vetoes.iter().copied());
    let mut vetoes: Vec<Veto> = said.filter(|veto| !scores.iter().any(|score| veto.is_answered(score))).collect();
    vetoes.sort_unstable();
    vetoes.dedup();
    let (record, best) = scores.into_iter().enumerate().max_by(|(_, a), (_, b)| a.total.total_cmp(&b.total))?;
    let verdict = match pair(&best) {
        Verdict::New => Verdict::New,
        Verdict::Match | Verdict::Review if !vetoes.is_empty() => Verdict::Review,
        Verdict::Match => Verdict::Match,
        // What the best record contradicts, another one answers.
        Verdict::Review if best.total >= MATCH && best.witnesses >= WITNESSES => Verdict::Match,
        Verdict::Review => Verdict::Review,
    };
    Some(Judged { best, record, vetoes, close: false, verdict, margin: None, norm: NORM, shown: Vec::new() })
}

/// Judges an arrival against everything that was found, in the order of `known`; nothing for those without a record.
///
/// A match that is not well ahead of another possible entity becomes a question, unless those two may be one: then being
/// close says nothing against either. Each entity keeps the verdict that is right for it: all matches left are one person.
#[must_use]
pub fn survey(model: &Model, arrival: &Profile, known: &[&[Profile]], records: u64) -> Vec<Option<Judged>> {
    let mut judged = weighed(model, arrival, known, records);
    let mut closest: Vec<(&mut Judged, &&[Profile])> =
        judged.iter_mut().zip(known).filter_map(|(judged, known)| Some((judged.as_mut()?, known))).collect();
    closest.sort_by(|(a, _), (b, _)| a.verdict.cmp(&b.verdict).then(b.best.total.total_cmp(&a.best.total)));
    for (judged, known) in closest.into_iter().take(EVIDENCE) {
        if let Some(record) = known.get(judged.record) {
            judged.shown = shown(model, arrival, record, &judged.best);
        }
    }
    judged
}

fn weighed(model: &Model, arrival: &Profile, known: &[&[Profile]], records: u64) -> Vec<Option<Judged>> {
    let mut judged: Vec<Option<Judged>> = known.iter().map(|known| entity(model, arrival, known, records)).collect();
    let total = |judged: &Option<Judged>| judged.as_ref().map_or(f64::NEG_INFINITY, |judged| judged.best.total);
    let mut order: Vec<usize> = (0..judged.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (judged.get(*a), judged.get(*b));
        b.map_or(f64::NEG_INFINITY, total).total_cmp(&a.map_or(f64::NEG_INFINITY, total))
    });
    let verdict = |at: usize| judged.get(at).and_then(Option::as_ref).map_or(Verdict::New, |judged| judged.verdict);
    let bits = |at: usize| judged.get(at).map_or(f64::NEG_INFINITY, total);
    let Some(best) = order.iter().copied().find(|at| verdict(*at) == Verdict::Match) else { return judged };
    let possible: Vec<usize> = order.into_iter().filter(|at| *at != best && verdict(*at) != Verdict::New).collect();
    let apart: Vec<usize> = possible.into_iter().filter(|at| !may_be_one(model, known, best, *at, records)).collect();
    let margin = apart.iter().map(|at| bits(best) - bits(*at)).min_by(f64::total_cmp);
    let close = margin.is_some_and(|margin| margin < MARGIN);
    for at in 0..judged.len() {
        if let Some(Some(judged)) = judged.get_mut(at) {
            judged.margin = margin.filter(|_| at == best);
            // Two people cannot both be the one who writes.
            if judged.verdict == Verdict::Match && (close || apart.contains(&at)) {
                judged.verdict = Verdict::Review;
                judged.close = close;
            }
        }
    }
    judged
}

fn may_be_one(model: &Model, known: &[&[Profile]], a: usize, b: usize, records: u64) -> bool {
    let of = |at: usize| known.get(at).copied().unwrap_or_default();
    of(a).iter().any(|a| entity(model, a, of(b), records).is_some_and(|judged| judged.verdict != Verdict::New))
}
