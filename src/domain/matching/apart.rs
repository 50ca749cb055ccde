//! What a person called two stays two, whatever they have in common.
//!
//! Invariants:
//! - an arrival that is one of them is no question about the other one;
//! - an arrival that could be either is neither, unless something that only one of them has tells which.

use super::judge::MARGIN;
use super::rule::Rule;
use super::verdict::{Evidence, Verdict};
use super::{MatchKey, Neighbour};

/// Lets what people said count in what was compared.
pub(super) fn hear(compared: &mut [(&Neighbour, Evidence)]) {
    let matched: Vec<usize> = of(compared, Verdict::Match);
    let mut said: Vec<(usize, Verdict, Rule)> = Vec::new();
    for (nth, one) in matched.iter().enumerate() {
        for other in matched.iter().skip(nth.saturating_add(1)) {
            let (Some((a, _)), Some((b, _))) = (compared.get(*one), compared.get(*other)) else { continue };
            if !are_two(a, b) {
                continue;
            }
            match is_first(a, b) {
                Some(true) => said.push((*other, Verdict::New, Rule::NotThis)),
                Some(false) => said.push((*one, Verdict::New, Rule::NotThis)),
                None => said.extend([*one, *other].map(|at| (at, Verdict::Review, Rule::Either))),
            }
        }
    }
    say(compared, said);
    let taken: Vec<&Neighbour> =
        of(compared, Verdict::Match).into_iter().filter_map(|at| compared.get(at).map(|(n, _)| *n)).collect();
    let asked = of(compared, Verdict::Review).into_iter();
    let is_other = |at: &usize| compared.get(*at).is_some_and(|(n, _)| taken.iter().any(|taken| are_two(taken, n)));
    let said = asked.filter(is_other).map(|at| (at, Verdict::New, Rule::NotThis)).collect();
    say(compared, said);
}

fn of(compared: &[(&Neighbour, Evidence)], verdict: Verdict) -> Vec<usize> {
    compared.iter().enumerate().filter(|(_, (_, e))| e.verdict == verdict).map(|(at, _)| at).collect()
}

fn say(compared: &mut [(&Neighbour, Evidence)], said: Vec<(usize, Verdict, Rule)>) {
    for (at, verdict, rule) in said {
        if let Some((_, evidence)) = compared.get_mut(at) {
            // What lost to one is not asked about because of another one.
            if evidence.verdict != Verdict::New {
                evidence.verdict = verdict;
                evidence.rests_on(rule);
            }
        }
    }
}

/// A person said that these are two, or that the contacts they hang on are.
fn are_two(a: &Neighbour, b: &Neighbour) -> bool {
    let person = |n: &Neighbour| n.contact.unwrap_or(n.entity.id);
    let says = |a: &Neighbour, b: &Neighbour| {
        [Some(b.entity.id), b.contact].into_iter().flatten().any(|id| a.not_same_as.contains(&id))
    };
    person(a) != person(b) && (says(a, b) || says(b, a))
}

/// Whether the first of two is the one meant; nothing where neither the keys that only one of them has nor everything
/// compared tells.
fn is_first(a: &Neighbour, b: &Neighbour) -> Option<bool> {
    let own = |a: &Neighbour, b: &Neighbour| {
        a.keys.iter().any(|key: &MatchKey| key.kind.is_strong() && !b.keys.contains(key))
    };
    let by_keys = match (own(a, b), own(b, a)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    };
    let by_bits = a.judged.as_ref().zip(b.judged.as_ref()).and_then(|(a, b)| {
        let ahead = a.best.total - b.best.total;
        (ahead.abs() >= MARGIN).then_some(ahead > 0.0)
    });
    match (by_keys, by_bits) {
        (Some(keys), Some(bits)) if keys != bits => None,
        (keys, bits) => keys.or(bits),
    }
}
