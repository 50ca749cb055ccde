//! A comparison step by step, from the prior to the verdict, in the operator's language: what lists and pages show.
//!
//! Invariants: the steps make the total; values are masked; it is made of what is stored with a decision and of nothing
//! else.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EntityRef;
use super::field::Field;
use super::judge::{self, Judged, MARGIN, MATCH, REVIEW, WITNESSES};
use super::model::Step;
use super::rule::Rule;
use super::score::Veto;
use super::verdict::{Evidence, Verdict};
use super::words::Language;

/// Comparisons that are shown step by step.
pub const SHOWN: usize = 3;
/// Records that are named at all.
const NAMED: usize = 5;

/// What counting alone says, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Bits and witnesses for a match.
    Match,
    /// Bits for a match, but too few witnesses.
    Witnesses,
    /// More likely than not.
    Review,
    /// Less likely than not.
    New,
    /// Two companies of which the names have nothing in common.
    Companies,
}

impl Band {
    /// Every band.
    pub const ALL: [Self; 5] = [Self::Match, Self::Witnesses, Self::Review, Self::New, Self::Companies];

    /// The word printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Witnesses => "witnesses",
            Self::Review => "review",
            Self::New => "new",
            Self::Companies => "companies",
        }
    }

    fn of(judged: &Judged) -> Self {
        let score = &judged.best;
        if judge::is_other_company(score) {
            Self::Companies
        } else if score.total < REVIEW {
            Self::New
        } else if score.total < MATCH {
            Self::Review
        } else if score.witnesses < WITNESSES {
            Self::Witnesses
        } else {
            Self::Match
        }
    }
}

/// One line of a waterfall.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Bar {
    /// Bits before anything is compared.
    Prior {
        /// Bits.
        prior: f64,
        /// One sentence.
        says: String,
    },
    /// One piece of evidence.
    Step {
        /// Which field.
        field: Field,
        /// Name of its level.
        level: &'static str,
        /// The arrival's value, masked.
        #[serde(skip_serializing_if = "String::is_empty")]
        a: String,
        /// The record's value, masked.
        #[serde(skip_serializing_if = "String::is_empty")]
        b: String,
        /// Share of the level among records of one person; absent in what older versions stored.
        #[serde(skip_serializing_if = "Option::is_none")]
        m: Option<f64>,
        /// And of two people.
        #[serde(skip_serializing_if = "Option::is_none")]
        u: Option<f64>,
        /// Bits, those below among them.
        w: f64,
        /// Bits for how frequent the value is.
        tf: f64,
        /// Known records that have the value in common.
        #[serde(skip_serializing_if = "Option::is_none")]
        used: Option<usize>,
        /// One sentence.
        says: String,
    },
}

impl Bar {
    /// Its bits.
    #[must_use]
    pub const fn bits(&self) -> f64 {
        match self {
            Self::Prior { prior, .. } => *prior,
            Self::Step { w, .. } => *w,
        }
    }

    /// Its sentence.
    #[must_use]
    pub fn says(&self) -> &str {
        match self {
            Self::Prior { says, .. } | Self::Step { says, .. } => says,
        }
    }

    /// Its values, masked: one where both are the same.
    #[must_use]
    pub fn values(&self) -> String {
        match self {
            Self::Step { a, b, .. } if a == b || b.is_empty() => a.clone(),
            Self::Step { a, b, .. } if a.is_empty() => b.clone(),
            Self::Step { a, b, .. } => format!("{a} / {b}"),
            Self::Prior { .. } => String::new(),
        }
    }
}

/// One record compared, step by step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waterfall {
    /// Which record.
    pub record: EntityRef,
    /// Number of the model; 0 for the weights of the start, absent where that was not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<i64>,
    /// Version of the rules of normalising; 0 where that was not stored.
    pub norm_v: u32,
    /// The verdict on it.
    pub verdict: Verdict,
    /// Bits, all of them; absent where nothing but keys was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// The same as a probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prob: Option<f64>,
    /// Something was left unread.
    pub truncated: bool,
    /// Kinds of keys in common.
    pub keys_hit: Vec<String>,
    /// Bits before the next record that is somebody else, where it is a match by count; below nought when behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_up_margin: Option<f64>,
    /// The rule that gave the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// What counting alone says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// What speaks against a match by itself.
    pub vetoes: Vec<Veto>,
    /// Independent witnesses that speak strongly for it.
    pub witnesses: usize,
    /// The prior and every piece of evidence.
    pub steps: Vec<Bar>,
    /// Why the verdict is what it is, a sentence each.
    pub reasons: Vec<String>,
}

/// The part of a stored match that is needed.
#[derive(Debug, Deserialize)]
struct Stored {
    #[serde(default)]
    model: Option<i64>,
    #[serde(default)]
    truncated: bool,
    #[serde(default)]
    evidence: Vec<Evidence>,
}

/// One record beside the arrival: a sentence on it, and the steps where everything was compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The verdict on it.
    pub verdict: Verdict,
    /// Which record.
    pub record: EntityRef,
    /// Why, in one sentence.
    pub says: String,
    /// Step by step, of the first [`SHOWN`].
    pub waterfall: Option<Waterfall>,
}

/// What a stored match says of the closest records, at most five; nothing where it is of a version of which the words are
/// not known.
#[must_use]
pub fn told(stored: &Value, language: Language) -> Vec<Told> {
    let Ok(stored) = Stored::deserialize(stored) else { return Vec::new() };
    let one = |(at, evidence): (usize, &Evidence)| Told {
        verdict: evidence.verdict,
        record: evidence.record,
        says: evidence.says(language).to_owned(),
        waterfall: (at < SHOWN).then(|| waterfall(evidence, &stored, language)),
    };
    stored.evidence.iter().take(NAMED).enumerate().map(one).collect()
}

/// The closest comparisons of a stored match, at most [`SHOWN`].
#[must_use]
pub fn waterfalls(stored: &Value, language: Language) -> Vec<Waterfall> {
    told(stored, language).into_iter().filter_map(|told| told.waterfall).collect()
}

fn waterfall(evidence: &Evidence, stored: &Stored, language: Language) -> Waterfall {
    let truncated = stored.truncated;
    let judged = evidence.compared.as_ref();
    let prior =
        |judged: &Judged| Bar::Prior { prior: judged.best.prior, says: language.says("line", "prior").to_owned() };
    let steps = judged.into_iter().flat_map(|judged| {
        let step = |step: &Step| bar(evidence, judged, step, language);
        std::iter::once(prior(judged)).chain(judged.best.steps.iter().map(step))
    });
    Waterfall {
        record: evidence.record,
        model: stored.model,
        norm_v: judged.map_or(0, |judged| judged.norm),
        verdict: evidence.verdict,
        total: judged.map(|judged| judged.best.total),
        prob: judged.map(|judged| judged.best.probability()),
        truncated,
        keys_hit: evidence.shares.clone(),
        runner_up_margin: judged.and_then(|judged| judged.margin),
        rule: evidence.rule,
        band: judged.map(Band::of),
        vetoes: judged.map(|judged| judged.vetoes.clone()).unwrap_or_default(),
        witnesses: judged.map_or(0, |judged| judged.best.witnesses),
        steps: steps.collect(),
        reasons: reasons(evidence, truncated, language),
    }
}

/// One piece of evidence.
fn bar(evidence: &Evidence, judged: &Judged, step: &Step, language: Language) -> Bar {
    let shown = judged.shown.iter().find(|shown| shown.field == step.field);
    let used = match (step.field, step.level) {
        (Field::Email, 1) => evidence.used.get("email"),
        (Field::Email, 7) => evidence.used.get("shared_email"),
        (Field::Phone, 1) => evidence.used.get("phone"),
        _ => None,
    };
    let level = step.field.level(step.level);
    let mobile = step.field == Field::Phone && step.level == 1 && shown.is_some_and(|shown| shown.mobile);
    let mut says = language.says(step.field.as_str(), if mobile { "mobile" } else { level }).to_owned();
    if let Some(count) = used {
        says = format!("{says}{}{}", language.comma(), language.used_by(*count));
    }
    Bar::Step {
        field: step.field,
        level,
        a: shown.map(|shown| shown.a.clone()).unwrap_or_default(),
        b: shown.map(|shown| shown.b.clone()).unwrap_or_default(),
        m: shown.map(|shown| shown.m),
        u: shown.map(|shown| shown.u),
        w: step.weight,
        tf: step.frequency,
        used: used.copied(),
        says,
    }
}

/// The rule, the band, what speaks against it, the next one, and what was not looked at.
fn reasons(evidence: &Evidence, truncated: bool, language: Language) -> Vec<String> {
    let mut reasons = vec![evidence.says(language).to_owned()];
    if let Some(judged) = &evidence.compared {
        reasons.extend(counted(judged, language));
    }
    if truncated {
        reasons.push(language.says("search", "truncated").to_owned());
    }
    reasons
}

fn counted(judged: &Judged, language: Language) -> Vec<String> {
    let mut reasons = Vec::new();
    let (cut, count, needed) = (bits(MATCH), judged.best.witnesses.to_string(), WITNESSES.to_string());
    let values = [("cut", cut.as_str()), ("count", count.as_str()), ("needed", needed.as_str())];
    reasons.push(language.fill("band", Band::of(judged).as_str(), &values));
    reasons.extend(judged.vetoes.iter().map(|veto| language.says("veto", veto.as_str()).to_owned()));
    let next = match judged.margin {
        Some(margin) if margin < 0.0 => Some(("ahead", -margin)),
        Some(margin) if judged.close => Some(("close", margin)),
        Some(margin) => Some(("clear", margin)),
        None if judged.close => Some(("other", 0.0)),
        None => None,
    };
    if let Some((name, margin)) = next {
        reasons.push(language.fill("margin", name, &[("bits", &bits(margin)), ("needed", &bits(MARGIN))]));
    }
    reasons
}

/// Bits as they are said: one place behind the point.
fn bits(bits: f64) -> String {
    format!("{bits:.1}")
}

#[cfg(test)]
mod tests {
    use super::super::model::Model;
    use super::super::profile::{Fact, Profile};
    use super::*;

    fn person(facts: &[(Fact, &str)]) -> Profile {
        Profile::of(facts.iter().copied())
    }

    /// Ann as she writes, Ann as she is known, and somebody who may be another one.
    fn surveyed(other: &[(Fact, &str)]) -> Vec<Judged> {
        let ann = person(&[
            (Fact::FirstName, "Ann"),
            (Fact::LastName, "Bell"),
            (Fact::Email, "ann@kovo.cz"),
            (Fact::Phone, "+33155000000"),
        ]);
        let known = [vec![ann.clone()], vec![person(other)]];
        let known: Vec<&[Profile]> = known.iter().map(Vec::as_slice).collect();
        judge::survey(&Model::start(), &ann, &known, 1).into_iter().flatten().collect()
    }

    #[test]
    fn how_far_the_next_one_is_behind_is_told_of_a_match_only() {
        let common = [(Fact::LastName, "Bell"), (Fact::Email, "ann@kovo.cz"), (Fact::Phone, "+33155000000")];
        let judged = surveyed(&common);
        assert_eq!(judged.iter().map(|judged| judged.margin).collect::<Vec<_>>(), [None, None], "they may be one");
        let close = Judged { close: true, margin: Some(1.25), ..judged[0].clone() };
        let clear = Judged { close: false, margin: Some(9.0), ..close.clone() };
        let behind = Judged { margin: Some(-2.0), ..close.clone() };
        let other = Judged { margin: None, ..close.clone() };
        for (judged, wanted) in [
            (&close, "The next other record is only 1.2 bits behind; 4.0 are needed."),
            (&clear, "The next other record is 9.0 bits behind; 4.0 are needed."),
            (&behind, "Another record is 2.0 bits ahead."),
            (&other, "Another record is about as likely."),
        ] {
            assert_eq!(counted(judged, Language::En).last().map(String::as_str), Some(wanted));
        }
    }

    #[test]
    fn the_band_is_what_the_bits_and_the_witnesses_say() {
        let judged = surveyed(&[(Fact::LastName, "Moor")]);
        assert_eq!(judged.iter().map(Band::of).collect::<Vec<_>>(), [Band::Match, Band::New]);
        let mut one = judged[0].clone();
        one.best.witnesses = 1;
        assert_eq!(Band::of(&one), Band::Witnesses);
        one.best.total = 3.0;
        assert_eq!(Band::of(&one), Band::Review);
    }

    #[test]
    fn what_an_older_version_stored_is_still_told() {
        let stored = serde_json::json!({ "truncated": false, "evidence": [{
            "record": { "kind": "lead", "id": "01JABCDEFGHJKMNPQRSTVWXYZ0" }, "shares": ["email"], "names": "full",
            "verdict": "match", "because": "As it was said then.",
            "compared": { "best": { "prior": -1.0, "steps": [{ "field": "email", "level": 1, "weight": 3.0,
                "frequency": 0.0 }], "total": 2.0, "vetoes": [], "witnesses": 1 }, "record": 0, "vetoes": [],
                "verdict": "review" } }] });
        let told = waterfalls(&stored, Language::Fr);
        let said: Vec<&str> = told[0].steps.iter().map(Bar::says).collect();
        assert_eq!(said, ["Avant toute comparaison", "Même adresse e-mail"]);
        assert_eq!(told[0].reasons[0], "As it was said then.");
        assert!(waterfalls(&serde_json::json!({ "evidence": 7 }), Language::Fr).is_empty());
    }
}
