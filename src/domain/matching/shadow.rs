//! What another model would have decided of late.
//!
//! Invariant: a decision is made once more by the verdict that production gives, rules first; only the weights differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use ulid::Ulid;

use super::fit::Answers;
use super::judge;
use super::keys::email_key;
use super::model::Model;
use super::profile::{Mailbox, Name, Profile};
use super::verdict::{Verdict, known};
use super::{EntityKind, EntityRef, KeyKind, MatchKey, Neighbour, Neighbourhood};
use crate::clock::Timestamp;
use crate::domain::enquiry::{Email, EmailKind, Enquiry, Person, Phone};

/// A decision of late: whoever came, and what was known of those it was compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Row id of whom it is of, and hash of the profile: the same is not tried twice.
    pub of: (i64, i64),
    /// Whoever came.
    pub profile: Profile,
    /// Records compared with, by row id.
    pub known: BTreeMap<i64, Vec<Profile>>,
    /// How many records there are.
    pub records: u64,
}

/// What a model would have decided otherwise than the one in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Shadow {
    /// Decisions made once more.
    pub decisions: u64,
    /// Verdicts that change, as `review -> new`, and how many.
    pub changes: BTreeMap<String, u64>,
    /// Those of them that were made without a person and would come out otherwise without one.
    pub flips: u64,
    /// Pairs that a reviewer called two and that would be taken for one.
    pub overruled: u64,
}

impl Shadow {
    /// Decides once more by both.
    pub fn add(&mut self, before: &Model, after: &Model, trial: &Trial) {
        self.decisions = self.decisions.saturating_add(1);
        let (old, new) = (decided(before, trial), decided(after, trial));
        if old == new {
            return;
        }
        let change = if old.0 == new.0 {
            "match -> match with another".to_owned()
        } else {
            format!("{} -> {}", old.0.as_str(), new.0.as_str())
        };
        let count = self.changes.entry(change).or_default();
        *count = count.saturating_add(1);
        if old.0 != Verdict::Review && new.0 != Verdict::Review {
            self.flips = self.flips.saturating_add(1);
        }
    }

    /// Holds a model against what reviewers said.
    pub fn hear(&mut self, after: &Model, answers: &Answers) {
        let overruled = answers.near.iter().filter(|levels| after.bits(**levels) >= judge::MATCH).count();
        self.overruled = u64::try_from(overruled).unwrap_or(u64::MAX);
    }

    /// Nothing that was decided without a person changes without one, and no reviewer is overruled.
    #[must_use]
    pub const fn is_safe(&self) -> bool {
        self.flips == 0 && self.overruled == 0
    }
}

/// The keys by which somebody is found for certain: mailboxes and telephone numbers.
#[must_use]
pub fn strong_keys(profile: &Profile) -> Vec<MatchKey> {
    let enquiry = enquiry(profile);
    let emails = enquiry.emails.iter().filter_map(email_key);
    let phones = enquiry.phones.iter().filter_map(|phone| phone.e164.as_deref());
    emails.chain(phones.map(|phone| MatchKey::of(KeyKind::Phone, phone))).collect()
}

/// An enquiry that says what a profile says.
fn enquiry(profile: &Profile) -> Enquiry {
    let text = |name: &Option<Name>| name.as_ref().map(|name| name.text.clone());
    let email = |mailbox: &Mailbox| {
        let address = format!("{}@{}", mailbox.local, mailbox.domain);
        let kind = if mailbox.shared { EmailKind::Role } else { EmailKind::Personal };
        Email { canonical: address.clone(), address, kind }
    };
    let phone = |number: &String| Phone {
        raw: number.clone(),
        e164: number.starts_with('+').then(|| number.clone()),
        kind: String::new(),
    };
    Enquiry {
        person: Person { first_name: text(&profile.given), last_name: text(&profile.surname), ..Person::default() },
        emails: profile.emails.iter().map(email).collect(),
        phones: profile.phones.iter().map(phone).collect(),
        ..Enquiry::default()
    }
}

/// The verdict, and which records are matched.
fn decided(model: &Model, trial: &Trial) -> (Verdict, BTreeSet<Ulid>) {
    let known_by: Vec<&[Profile]> = trial.known.values().map(Vec::as_slice).collect();
    let judged = judge::survey(model, &trial.profile, &known_by, trial.records);
    let own: BTreeSet<MatchKey> = strong_keys(&trial.profile).into_iter().collect();
    let records = trial.known.iter().zip(judged).map(|((id, profiles), judged)| Neighbour {
        keys: common(&own, profiles),
        judged: judged.filter(|judged| judged.verdict != Verdict::New),
        ..neighbour(*id, profiles)
    });
    let around = Neighbourhood { records: records.collect(), ..Neighbourhood::default() };
    let known = known(&enquiry(&trial.profile), &around);
    let matched = known.evidence.iter().filter(|evidence| evidence.verdict == Verdict::Match);
    (known.person, matched.map(|evidence| evidence.record.id).collect())
}

fn common(own: &BTreeSet<MatchKey>, profiles: &[Profile]) -> Vec<MatchKey> {
    let theirs: BTreeSet<MatchKey> = profiles.iter().flat_map(strong_keys).collect();
    own.intersection(&theirs).copied().collect()
}

/// A record as it is found; named as the first of its profiles that has a name.
fn neighbour(id: i64, profiles: &[Profile]) -> Neighbour {
    let names = profiles.iter().map(|profile| enquiry(profile).person);
    let person = names.into_iter().find(|person| *person != Person::default()).unwrap_or_default();
    Neighbour {
        entity: EntityRef { kind: EntityKind::Lead, id: Ulid::from_parts(0, u128::from(id.unsigned_abs())) },
        keys: Vec::new(),
        first_name: person.first_name,
        last_name: person.last_name,
        full_name: None,
        organisation_name: None,
        registrations: Vec::new(),
        domain: None,
        emails: Vec::new(),
        phones: Vec::new(),
        status: String::new(),
        open: true,
        customer: false,
        owner: None,
        team: None,
        last_message_at: None,
        created_at: Timestamp::from_micros(id),
        contact: None,
        organisation: None,
        not_same_as: Vec::new(),
        judged: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::compare::compare;
    use super::super::profile::Fact;
    use super::*;

    fn jan(email: &str, phone: &str) -> Profile {
        Profile::of([(Fact::FirstName, "Jan"), (Fact::LastName, "Novak"), (Fact::Email, email), (Fact::Phone, phone)])
    }

    fn trial(came: Profile, known: Profile) -> Trial {
        Trial { of: (1, 1), profile: came, known: BTreeMap::from([(7, vec![known])]), records: 10 }
    }

    /// A model to which nothing says anything.
    fn blind() -> Model {
        let mut blind = Model::start();
        blind.m = blind.u;
        blind
    }

    #[test]
    fn a_decision_made_by_counting_flips_and_one_made_by_a_rule_stays() {
        let counted = trial(
            Profile::of([
                (Fact::FirstName, "Jan"),
                (Fact::LastName, "Novak"),
                (Fact::Email, "jan.novak@seznam.cz"),
                (Fact::DateOfBirth, "1971-06-24"),
                (Fact::OtherId, "1804974"),
            ]),
            Profile::of([
                (Fact::FirstName, "Jan"),
                (Fact::LastName, "Novak"),
                (Fact::Email, "jan.novak@kovo.cz"),
                (Fact::DateOfBirth, "1971-06-24"),
                (Fact::OtherId, "1804974"),
            ]),
        );
        let ruled = trial(jan("jan.novak@seznam.cz", "+420605123456"), jan("jan.novak@seznam.cz", "+420605123456"));
        let (start, blind) = (Model::start(), blind());
        let mut shadow = Shadow::default();
        for trial in [&counted, &ruled] {
            shadow.add(&start, &start, trial);
        }
        assert_eq!((shadow.decisions, shadow.flips, shadow.changes.len()), (2, 0, 0));
        shadow.add(&start, &blind, &ruled);
        assert_eq!((shadow.decisions, shadow.flips), (3, 0), "one mailbox and no other name is a rule");
        shadow.add(&start, &blind, &counted);
        assert_eq!((shadow.decisions, shadow.flips), (4, 1));
        assert_eq!(shadow.changes.keys().collect::<Vec<_>>(), ["match -> new"]);
        assert!(!shadow.is_safe());
    }

    #[test]
    fn what_becomes_a_question_or_was_one_is_no_flip() {
        let (start, mut stricter) = (Model::start(), Model::start());
        stricter.prior /= 1e6;
        let possible = trial(
            jan("jan.novak@seznam.cz", "+420605123456"),
            Profile::of([(Fact::FirstName, "Jan"), (Fact::Phone, "+420605123456")]),
        );
        let mut shadow = Shadow::default();
        shadow.add(&start, &stricter, &possible);
        shadow.add(&stricter, &start, &possible);
        assert_eq!((shadow.decisions, shadow.flips), (2, 0), "{:?}", shadow.changes);
        assert!(shadow.is_safe());
    }

    #[test]
    fn a_model_that_takes_for_one_what_a_reviewer_called_two_is_not_safe() {
        let (a, b) = (jan("jan.novak@seznam.cz", "+420605123456"), jan("jan.novak@seznam.cz", "+420605123456"));
        let levels = compare(&a, &b);
        let answers = Answers { one: Vec::new(), two: vec![levels], near: vec![levels] };
        let mut shadow = Shadow::default();
        shadow.hear(&blind(), &answers);
        assert!(shadow.is_safe());
        shadow.hear(&Model::start(), &answers);
        assert_eq!((shadow.overruled, shadow.is_safe()), (1, false));
    }
}
