//! Two records that are both there already: may they be one? Judged like an arrival that says what one of them says.
//!
//! Invariants:
//! - only records of one kind are asked about: what is about one person is a link, not a copy;
//! - two that have a contact each are told by their contacts;
//! - what a person called two is not asked about;
//! - a number or mailbox that proves nobody, with everything compared against it, was seen when the record came.

use std::collections::BTreeMap;
use std::sync::Arc;

use ulid::Ulid;

use super::model::Model;
use super::profile::Profile;
use super::rule::Rule;
use super::verdict::{self, CANDIDATES, Evidence, Verdict};
use super::{Compare, Neighbour, NeighbourQuery, Neighbourhood};
use crate::domain::enquiry::email::EmailAddress;
use crate::domain::enquiry::{Email, EmailKind, Enquiry, Person};

/// Different things that messages of one record told, each compared; of more the first ones.
const PROFILES: usize = 8;

/// Whom to look for around a record: one query for each of what it is compared by, at least one. `tied`: records that are
/// known to be about its person, itself among them.
#[must_use]
pub fn queries(record: &Neighbour, profiles: &[Profile], tied: &[Ulid], model: &Arc<Model>) -> Vec<NeighbourQuery> {
    let query = NeighbourQuery { keys: record.keys.clone(), except: tied.to_vec(), ..NeighbourQuery::default() };
    if profiles.is_empty() {
        return vec![query];
    }
    let of = |profile: &Profile| Compare { profile: profile.clone(), model: Arc::clone(model) };
    profiles
        .iter()
        .take(PROFILES)
        .map(|profile| NeighbourQuery { compare: Some(of(profile)), ..query.clone() })
        .collect()
}

/// Records of its kind that a record may be the same as, the likeliest first, at most [`CANDIDATES`]. `around`: what its
/// queries found.
#[must_use]
pub fn suspects(record: &Neighbour, around: &[Neighbourhood]) -> Vec<Evidence> {
    let said = said(record);
    let mut found: BTreeMap<Ulid, Evidence> = BTreeMap::new();
    for around in around {
        let others: BTreeMap<Ulid, &Neighbour> = around.records.iter().map(|n| (n.entity.id, n)).collect();
        for evidence in verdict::known(&said, around).evidence {
            let other = others.get(&evidence.record.id).copied();
            let speaks_for_two = evidence.compared.as_ref().is_none_or(|judged| judged.verdict == Verdict::New);
            let counted_out = speaks_for_two && around.searched.contains(&evidence.record.id);
            if !other.is_some_and(|other| may_ask(record, other) && tells(&evidence, counted_out)) {
                continue;
            }
            let had = found.get(&evidence.record.id);
            if had.is_none_or(|had| is_stronger(&evidence, had)) {
                found.insert(evidence.record.id, evidence);
            }
        }
    }
    let mut found: Vec<Evidence> = found.into_values().collect();
    found.sort_by(|a, b| a.verdict.cmp(&b.verdict).then(bits(b).total_cmp(&bits(a))));
    found.truncate(CANDIDATES);
    found
}

/// Evidence on two records, from the newer to the older one: the record that asks is the newer. `asker`: whose query
/// found it.
#[must_use]
pub fn turned(asker: &Neighbour, evidence: Evidence) -> (Ulid, Evidence) {
    if asker.entity.id > evidence.record.id {
        return (asker.entity.id, evidence);
    }
    let (newer, mut turned) = (evidence.record.id, Evidence { record: asker.entity, ..evidence });
    for shown in turned.compared.iter_mut().flat_map(|judged| &mut judged.shown) {
        std::mem::swap(&mut shown.a, &mut shown.b);
    }
    (newer, turned)
}

/// A record as an arrival that says the same.
fn said(record: &Neighbour) -> Enquiry {
    let email = |canonical: &String| {
        let kind = EmailAddress::parse(canonical).map_or(EmailKind::Personal, |address| address.kind(&[]));
        Email { address: canonical.clone(), canonical: canonical.clone(), kind }
    };
    Enquiry {
        kind: "person".to_owned(),
        person: Person {
            first_name: record.first_name.clone(),
            last_name: record.last_name.clone(),
            full_name: record.full_name.clone(),
            ..Person::default()
        },
        emails: record.emails.iter().map(email).collect(),
        ..Enquiry::default()
    }
}

/// Whether these two are for a person to look at at all.
fn may_ask(a: &Neighbour, b: &Neighbour) -> bool {
    let names = |a: &Neighbour, b: &Neighbour| {
        [Some(b.entity.id), b.contact].into_iter().flatten().any(|id| a.not_same_as.contains(&id))
    };
    a.entity.kind == b.entity.kind && (a.contact.is_none() || b.contact.is_none()) && !names(a, b) && !names(b, a)
}

/// Whether more speaks for one person than what many have in common. `counted_out`: everything compared, they are two.
fn tells(evidence: &Evidence, counted_out: bool) -> bool {
    let weak = matches!(
        evidence.rule,
        Some(Rule::PhoneAlone | Rule::SharedMailbox | Rule::Reserved | Rule::Disposable | Rule::RequestOtherPerson)
    );
    evidence.verdict != Verdict::New && !(weak && counted_out)
}

fn is_stronger(evidence: &Evidence, than: &Evidence) -> bool {
    evidence.verdict < than.verdict || (evidence.verdict == than.verdict && bits(evidence) > bits(than))
}

fn bits(evidence: &Evidence) -> f64 {
    evidence.compared.as_ref().map_or(f64::NEG_INFINITY, |judged| judged.best.total)
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::profile::Fact;
    use super::super::{EntityKind, EntityRef, KeyKind, MatchKey};
    use super::*;
    use crate::clock::Timestamp;

    fn record(n: u64, kind: EntityKind, name: &str) -> Neighbour {
        Neighbour {
            entity: EntityRef { kind, id: Ulid::from_parts(n, 0) },
            keys: Vec::new(),
            first_name: None,
            last_name: None,
            full_name: Some(name.to_owned()),
            organisation_name: None,
            registrations: Vec::new(),
            domain: None,
            emails: Vec::new(),
            phones: Vec::new(),
            status: String::new(),
            open: false,
            customer: false,
            owner: None,
            team: None,
            last_message_at: None,
            created_at: Timestamp::from_seconds(1),
            contact: None,
            organisation: None,
            judged: None,
            not_same_as: Vec::new(),
        }
    }

    fn profile(first: &str, last: &str, born: &str) -> Profile {
        Profile::of([(Fact::FirstName, first), (Fact::LastName, last), (Fact::DateOfBirth, born)])
    }

    /// What looking around finds: these, each with what comparing it with a profile said.
    fn around(asks: &Profile, found: &[(&Neighbour, Profile)]) -> Neighbourhood {
        let profiles: Vec<&[Profile]> = found.iter().map(|(_, profile)| std::slice::from_ref(profile)).collect();
        let judged = judge::survey(&Model::start(), asks, &profiles, 100);
        let records = found.iter().zip(judged);
        Neighbourhood {
            records: records.map(|((n, _), judged)| Neighbour { judged, ..(*n).clone() }).collect(),
            searched: found.iter().map(|(n, _)| n.entity.id).collect(),
            ..Neighbourhood::default()
        }
    }

    fn asked(a: &Neighbour, b: &Neighbour) -> bool {
        let (one, other) = (profile("Jean", "Gauthier", "1971-06-24"), profile("Jean", "Gaultier", "1971-06-24"));
        let found = suspects(a, &[around(&one, &[(b, other.clone())])]);
        let back = suspects(b, &[around(&other, &[(a, one)])]);
        assert_eq!(found.len(), back.len(), "whoever asks");
        !found.is_empty()
    }

    #[test]
    fn two_of_a_kind_are_asked_about_unless_it_is_known_whose_they_are() {
        use EntityKind::{Contact, Lead};
        let (a, b) = (record(1, Lead, "Jean Gauthier"), record(2, Lead, "Jean Gaultier"));
        assert!(asked(&a, &b));
        assert!(!asked(&a, &record(2, Contact, "Jean Gaultier")), "two kinds");
        let of = |n: &Neighbour, contact: u64| Neighbour { contact: Some(Ulid::from_parts(contact, 0)), ..n.clone() };
        assert!(asked(&of(&a, 8), &b), "one of them has no contact to be asked about");
        assert!(!asked(&of(&a, 8), &of(&b, 9)));
        for told in [b.entity.id, Ulid::from_parts(9, 0)] {
            let apart = Neighbour { not_same_as: vec![told], ..a.clone() };
            assert!(!asked(&apart, &Neighbour { contact: Some(Ulid::from_parts(9, 0)), ..b.clone() }), "{told}");
        }
    }

    #[test]
    fn a_number_is_a_question_only_with_something_beside_it() {
        let number = vec![MatchKey::of(KeyKind::Phone, "+420222333444")];
        let of = |n, name: &str| Neighbour { keys: number.clone(), ..record(n, EntityKind::Contact, name) };
        let (a, b) = (of(1, "Zdenka Rybova"), of(2, "Hugo Lefevre"));
        let compared =
            around(&profile("Zdenka", "Rybova", "1950-01-02"), &[(&b, profile("Hugo", "Lefevre", "1981-11-30"))]);
        assert!(suspects(&a, &[compared]).is_empty());
        // Nothing more is known of either: then the number is all there is.
        let alone = Neighbourhood { records: vec![b], ..Neighbourhood::default() };
        assert_eq!(suspects(&a, &[alone]).len(), 1);
    }

    #[test]
    fn of_what_several_profiles_say_the_likeliest_is_kept() {
        let (a, b) = (record(1, EntityKind::Contact, "Jean Gauthier"), record(2, EntityKind::Contact, "Jean Gaultier"));
        let known = profile("Jean", "Gaultier", "1971-06-24");
        let [weak, strong] =
            ["1971-06-25", "1971-06-24"].map(|born| around(&profile("Jean", "Gauthier", born), &[(&b, known.clone())]));
        let alone = suspects(&a, std::slice::from_ref(&strong));
        for both in [[weak.clone(), strong.clone()], [strong, weak]] {
            assert_eq!(suspects(&a, &both), alone);
        }
    }

    #[test]
    fn the_newer_record_is_the_one_that_asks() {
        let (old, new) =
            (record(1, EntityKind::Contact, "Jean Gauthier"), record(2, EntityKind::Contact, "Luc Renoir"));
        let (jean, luc) = (profile("Jean", "Gauthier", "1971-06-24"), profile("Jehan", "Gauthier", "1971-06-24"));
        let from_new = suspects(&new, &[around(&luc, &[(&old, jean.clone())])]).remove(0);
        let from_old = suspects(&old, &[around(&jean, &[(&new, luc)])]).remove(0);
        let (one, other) = (turned(&new, from_new.clone()), turned(&old, from_old));
        assert_eq!((one.0, &one.1), (new.entity.id, &from_new), "as it is");
        assert_eq!((other.0, other.1.record), (new.entity.id, old.entity));
        let shown = |evidence: Evidence| evidence.compared.unwrap().shown;
        assert_eq!(shown(other.1), shown(one.1), "each value on its side");
    }
}
