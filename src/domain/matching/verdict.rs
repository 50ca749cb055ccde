//! The verdict on person and organisation, apart from each other.
//!
//! A rule is asked first: a personal email attaches unless the names contradict; a phone attaches only together with an
//! agreeing surname; shared, disposable and reserved addresses never attach by themselves. Then counts what comparing
//! everything says. What is neither is new, and whatever overlapped is named as a candidate for review, the closest ones:
//! a number that hundreds share would name hundreds.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::apart;
use super::judge::{Judged, MARGIN};
use super::names::{NameAgreement, NameParts};
use super::organisation::{OrganisationMatch, organisation_of};
use super::rule::Rule;
use super::score::Veto;
use super::waterfall::SHOWN;
use super::words::Language;
use super::{EntityKind, EntityRef, KeyKind, MatchKey, Neighbour, Neighbourhood};
use crate::clock::Timestamp;
use crate::domain::enquiry::{Email, EmailKind, Enquiry};

/// Candidates named for review; nobody looks through hundreds.
pub const CANDIDATES: usize = 10;
/// Comparisons kept with a decision.
pub const EVIDENCE: usize = 20;

/// Match, possible match, or new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Verdict {
    Match,
    Review,
    New,
}

impl Verdict {
    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Review => "review",
            Self::New => "new",
        }
    }
}

/// One piece of evidence, masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The record compared with.
    pub record: EntityRef,
    /// What they share: `email`, `phone`, `shared_email`, `request`, `domain`, `company`.
    pub shares: Vec<String>,
    /// How the names stand: contradict, unknown, compatible, surname, full.
    pub names: String,
    /// match, review or new, for this record alone.
    pub verdict: Verdict,
    /// One plain sentence.
    pub because: String,
    /// What that sentence says, to say it in any language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// Of each email and phone they share, how many known records have it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub used: BTreeMap<String, usize>,
    /// What comparing everything said, where there was anything to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Judged>,
}

impl Evidence {
    /// Another rule gives the verdict.
    pub(super) fn rests_on(&mut self, rule: Rule) {
        (self.rule, self.because) = (Some(rule), Language::En.says("rule", rule.as_str()).to_owned());
    }

    /// Its sentence in a language; that which was stored where it is of a version without a rule.
    #[must_use]
    pub fn says(&self, language: Language) -> &str {
        self.rule.map_or(self.because.as_str(), |rule| language.says("rule", rule.as_str()))
    }
}

/// What is known about the person and the organisation of an enquiry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Verdict on the person.
    pub person: Verdict,
    /// Open leads and opportunities of the same person: opportunities first, then by newest message.
    pub open: Vec<OpenRecord>,
    /// The newest record of the same person, open or not.
    pub latest: Option<EntityRef>,
    /// Lead among the matched records, newest.
    pub lead: Option<Ulid>,
    /// The oldest lead or opportunity of the same request, when what else is known of the person agrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<EntityRef>,
    /// Contact that is this person.
    pub contact: Option<Ulid>,
    /// Organisation it is for.
    pub organisation: Option<Ulid>,
    /// How that was decided, apart from the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_match: Option<OrganisationMatch>,
    /// Bought before.
    pub customer: bool,
    /// Owner of what matched: open record, else contact, else organisation.
    pub owner: Option<String>,
    /// Owner of the organisation's account.
    pub account_owner: Option<String>,
    /// Team of what matched.
    pub team: Option<String>,
    /// Overlapping records that are not taken for the same person, the closest ones first, at most [`CANDIDATES`].
    pub candidates: Vec<EntityRef>,
    /// Further ones, not named.
    pub more_candidates: usize,
    /// A phone or shared mailbox was left out: so many records carry it that it tells nothing.
    pub truncated: bool,
    /// Records compared with.
    pub compared: usize,
    /// The closest comparisons, at most [`EVIDENCE`].
    pub evidence: Vec<Evidence>,
}

/// An open lead or opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct OpenRecord {
    pub record: EntityRef,
    pub last_message_at: Timestamp,
}

impl Known {
    /// Something overlaps that nobody has looked at: the new record is to be verified.
    #[must_use]
    pub fn overlaps(&self) -> bool {
        !self.candidates.is_empty() || (self.truncated && self.person != Verdict::Match)
    }
}

/// Decides what is known around `enquiry`.
#[must_use]
pub fn known(enquiry: &Enquiry, around: &Neighbourhood) -> Known {
    let person = &enquiry.person;
    let names = NameParts::new(person.first_name.as_deref(), person.last_name.as_deref(), person.full_name.as_deref());
    let persons = around.records.iter().filter(|n| n.entity.kind != EntityKind::Organisation);
    let mut compared: Vec<(&Neighbour, Evidence)> = persons.map(|n| (n, compare(&names, enquiry, n))).collect();
    apart::hear(&mut compared);
    let matched: Vec<&Neighbour> =
        compared.iter().filter(|(_, e)| e.verdict == Verdict::Match).map(|(n, _)| *n).collect();
    let organisation_match = organisation_of(enquiry, around, &matched);
    let organisation = organisation_match.as_ref().and_then(|decided| decided.organisation).map(|known| known.id);
    let account =
        around.records.iter().find(|n| n.entity.kind == EntityKind::Organisation && Some(n.entity.id) == organisation);
    let open = open_records(&matched);
    let newest = |kind: Option<EntityKind>| {
        matched
            .iter()
            .filter(|n| kind.is_none_or(|k| n.entity.kind == k))
            .max_by_key(|n| (n.last_message_at, n.created_at))
    };
    let contact = likeliest(&matched).map(|n| n.entity.id).or_else(|| matched.iter().find_map(|n| n.contact));
    let owner_of = |id: Option<EntityRef>| matched.iter().find(|n| Some(n.entity) == id).copied();
    let holder = owner_of(open.first().map(|o| o.record)).or_else(|| newest(Some(EntityKind::Contact)).copied());
    let account_owner = account.and_then(|n| n.owner.clone());
    let count = compared.len();
    compared.sort_by_cached_key(|(n, e)| Reverse(closeness(&names, n, e)));
    let review = compared.iter().filter(|(_, e)| e.verdict == Verdict::Review).map(|(n, _)| n.entity);
    let mut candidates: Vec<EntityRef> = review.collect();
    let more_candidates = candidates.len().saturating_sub(CANDIDATES);
    candidates.truncate(CANDIDATES);
    Known {
        person: match (matched.is_empty(), candidates.is_empty()) {
            (false, _) => Verdict::Match,
            (true, false) => Verdict::Review,
            (true, true) => Verdict::New,
        },
        latest: matched
            .iter()
            .filter(|n| matches!(n.entity.kind, EntityKind::Lead | EntityKind::Opportunity))
            .max_by_key(|n| (n.last_message_at, n.created_at))
            .map(|n| n.entity),
        request: matched
            .iter()
            .filter(|n| matches!(n.entity.kind, EntityKind::Lead | EntityKind::Opportunity) && has(n, KeyKind::Request))
            .min_by_key(|n| n.created_at)
            .map(|n| n.entity),
        lead: newest(Some(EntityKind::Lead)).map(|n| n.entity.id),
        contact,
        organisation,
        organisation_match,
        customer: matched.iter().any(|n| n.customer) || account.is_some_and(|n| n.customer),
        owner: holder.and_then(|n| n.owner.clone()).or_else(|| account_owner.clone()),
        account_owner,
        team: holder.and_then(|n| n.team.clone()).or_else(|| account.and_then(|n| n.team.clone())),
        open,
        candidates,
        more_candidates,
        truncated: around.truncated,
        compared: count,
        evidence: told(compared, &around.records),
    }
}

/// The comparisons that are kept; what they rest on is told of the closest ones only.
fn told(compared: Vec<(&Neighbour, Evidence)>, all: &[Neighbour]) -> Vec<Evidence> {
    let kept = compared.into_iter().take(EVIDENCE).enumerate().map(|(at, (neighbour, mut evidence))| {
        if at < SHOWN {
            evidence.used = used(neighbour, all);
        } else if let Some(judged) = &mut evidence.compared {
            judged.shown.clear();
        }
        evidence
    });
    kept.collect()
}

/// How many of the people around have the same email or phone; of several in common the rarest counts.
fn used(neighbour: &Neighbour, all: &[Neighbour]) -> BTreeMap<String, usize> {
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for key in &neighbour.keys {
        if matches!(key.kind, KeyKind::Email | KeyKind::SharedEmail | KeyKind::Phone) {
            let people = all.iter().filter(|n| n.entity.kind != EntityKind::Organisation);
            let count = people.filter(|n| n.keys.contains(key)).count();
            let least = used.entry(key.kind.as_str().to_owned()).or_insert(count);
            *least = count.min(*least);
        }
    }
    used
}

/// The contact that is most like the arrival; of several about as like the one with the newest message.
fn likeliest<'a>(matched: &[&'a Neighbour]) -> Option<&'a Neighbour> {
    let total = |n: &Neighbour| n.judged.as_ref().map_or(f64::NEG_INFINITY, |judged| judged.best.total);
    let contacts = || matched.iter().copied().filter(|n| n.entity.kind == EntityKind::Contact);
    let best = contacts().map(total).fold(f64::NEG_INFINITY, f64::max);
    contacts().filter(|n| total(n) >= best - MARGIN).max_by_key(|n| (n.last_message_at, n.created_at))
}

/// What is most likely the same person is greatest: verdict, then what is shared, how the names agree, and how recently
/// there was something to do with them.
type Closeness = (Reverse<Verdict>, bool, bool, NameAgreement, usize, bool, Option<Timestamp>, Timestamp);

fn closeness(names: &NameParts, n: &Neighbour, evidence: &Evidence) -> Closeness {
    let has = |kind| has(n, kind);
    let agreement = agreement(names, n);
    let shared = evidence.shares.len();
    let verdict = Reverse(evidence.verdict);
    (verdict, has(KeyKind::Email), has(KeyKind::Phone), agreement, shared, n.open, n.last_message_at, n.created_at)
}

fn agreement(names: &NameParts, n: &Neighbour) -> NameAgreement {
    names.agreement(&NameParts::new(n.first_name.as_deref(), n.last_name.as_deref(), n.full_name.as_deref()))
}

fn has(n: &Neighbour, kind: KeyKind) -> bool {
    n.keys.iter().any(|k| k.kind == kind)
}

fn compare(names: &NameParts, enquiry: &Enquiry, neighbour: &Neighbour) -> Evidence {
    let agreement = agreement(names, neighbour);
    let has = |kind| has(neighbour, kind);
    let contradict = agreement == NameAgreement::Contradict;
    let surname = agreement >= NameAgreement::Surname;
    let (verdict, rule) = if has(KeyKind::Email) && !contradict {
        (Verdict::Match, Rule::Email)
    } else if has(KeyKind::Email) {
        (Verdict::Review, Rule::EmailOtherName)
    } else if has(KeyKind::Phone) && surname {
        (Verdict::Match, Rule::PhoneSurname)
    } else if has(KeyKind::Request) && !contradict && (surname || has(KeyKind::Phone) || has(KeyKind::SharedEmail)) {
        (Verdict::Match, Rule::Request)
    } else if has(KeyKind::Request) && enquiry.request.as_ref().is_some_and(|request| request.resend) {
        (Verdict::Review, Rule::RequestOtherPerson)
    } else if has(KeyKind::Phone) {
        (Verdict::Review, Rule::PhoneAlone)
    } else if has(KeyKind::SharedEmail) && !contradict {
        (Verdict::Review, weak_address(enquiry, neighbour).0)
    } else if has(KeyKind::SharedEmail) {
        (Verdict::New, weak_address(enquiry, neighbour).1)
    } else if has(KeyKind::Request) {
        (Verdict::New, Rule::RequestAlone)
    } else if neighbour.keys.is_empty() {
        (Verdict::New, Rule::Unlike)
    } else {
        (Verdict::New, Rule::OrganisationOnly)
    };
    let (verdict, rule) = weighed(verdict, rule, neighbour.judged.as_ref(), has(KeyKind::Request));
    Evidence {
        record: neighbour.entity,
        shares: shares(neighbour),
        names: format!("{agreement:?}").to_lowercase(),
        verdict,
        because: Language::En.says("rule", rule.as_str()).to_owned(),
        rule: Some(rule),
        used: BTreeMap::new(),
        compared: neighbour.judged.clone(),
    }
}

/// What the rules say, and what comparing everything says: a rule is asked first, and a contradiction is heard.
fn weighed(verdict: Verdict, rule: Rule, judged: Option<&Judged>, requested: bool) -> (Verdict, Rule) {
    let Some(judged) = judged else { return (verdict, rule) };
    match (verdict, judged.verdict) {
        (Verdict::Match, _) if judged.vetoes.contains(&Veto::Born) => (Verdict::Review, Rule::BornOtherwise),
        // One request names one person, whatever address they have by now.
        (Verdict::Match, _) if !requested && judged.vetoes.iter().any(Veto::is_kin) => {
            (Verdict::Review, Rule::MayBeRelatives)
        }
        (Verdict::Match, _) => (verdict, rule),
        (_, Verdict::Match) => (Verdict::Match, Rule::Counted),
        (Verdict::New, Verdict::Review) if judged.close => (Verdict::Review, Rule::TwoAlike),
        (Verdict::New, Verdict::Review) if !judged.vetoes.is_empty() => (Verdict::Review, Rule::Contradicted),
        (Verdict::New, Verdict::Review) => (Verdict::Review, Rule::NotEnough),
        _ => (verdict, rule),
    }
}

/// Why the address in common proves no person: with names that do not contradict, and with others.
fn weak_address(enquiry: &Enquiry, neighbour: &Neighbour) -> (Rule, Rule) {
    let common = |email: &&Email| neighbour.keys.contains(&MatchKey::of(KeyKind::SharedEmail, &email.canonical));
    match enquiry.emails.iter().find(common).map(|email| email.kind) {
        Some(EmailKind::Reserved) => (Rule::Reserved, Rule::ReservedOtherName),
        Some(EmailKind::Disposable) => (Rule::Disposable, Rule::DisposableOtherName),
        _ => (Rule::SharedMailbox, Rule::SharedMailboxOtherName),
    }
}

fn shares(neighbour: &Neighbour) -> Vec<String> {
    let mut words: Vec<&str> = neighbour.keys.iter().map(|k| k.kind.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    words.into_iter().map(str::to_owned).collect()
}

fn open_records(matched: &[&Neighbour]) -> Vec<OpenRecord> {
    let mut open: Vec<&&Neighbour> = matched.iter().filter(|n| n.open).collect();
    open.sort_by_key(|n| {
        Reverse((n.entity.kind == EntityKind::Opportunity, n.last_message_at, n.created_at, n.entity.id))
    });
    open.into_iter()
        .map(|n| OpenRecord { record: n.entity, last_message_at: n.last_message_at.unwrap_or(n.created_at) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::MatchKey;
    use super::*;
    use crate::domain::enquiry::Person;

    fn neighbour(n: i64, name: &str, kinds: &[KeyKind]) -> Neighbour {
        Neighbour {
            entity: EntityRef { kind: EntityKind::Lead, id: Ulid::from_parts(u64::try_from(n).unwrap(), 0) },
            keys: kinds.iter().map(|kind| MatchKey { kind: *kind, hash: 1 }).collect(),
            first_name: None,
            last_name: None,
            full_name: Some(name.to_owned()),
            organisation_name: None,
            registrations: Vec::new(),
            domain: None,
            emails: Vec::new(),
            phones: Vec::new(),
            status: "open".to_owned(),
            open: true,
            customer: false,
            owner: None,
            team: None,
            last_message_at: Some(Timestamp::from_seconds(n)),
            created_at: Timestamp::from_seconds(n),
            contact: None,
            organisation: None,
            judged: None,
            not_same_as: Vec::new(),
        }
    }

    fn asked() -> Enquiry {
        let person = Person { full_name: Some("Ana Bell".to_owned()), ..Person::default() };
        Enquiry { kind: "person".to_owned(), person, ..Enquiry::default() }
    }

    #[test]
    fn of_hundreds_behind_one_number_the_closest_ten_are_named_and_the_others_counted() {
        let mut records: Vec<Neighbour> =
            (0..150).map(|n| neighbour(n, &format!("Name{n} Other{n}"), &[KeyKind::Phone])).collect();
        records.push(neighbour(3, "Eve Moor", &[KeyKind::Email, KeyKind::Phone]));
        let closest = records[150].entity;
        let known = known(&asked(), &Neighbourhood { records, ..Neighbourhood::default() });
        assert_eq!((known.candidates.len(), known.more_candidates), (CANDIDATES, 141));
        assert_eq!(known.candidates[0], closest, "the same mailbox before the same number");
        let newest = EntityRef { kind: EntityKind::Lead, id: Ulid::from_parts(149, 0) };
        assert_eq!(known.candidates[1], newest, "then the newest");
        assert_eq!((known.evidence.len(), known.compared), (EVIDENCE, 151));
        assert!(known.overlaps() && known.person == Verdict::Review);
    }

    #[test]
    fn an_address_that_proves_nobody_is_called_what_it_is() {
        for (address, kind, wanted) in [
            ("ana@example.com", EmailKind::Reserved, "a domain reserved for examples"),
            ("ana@mailinator.com", EmailKind::Disposable, "throw-away"),
            ("info@bell.co.uk", EmailKind::Role, "shared mailbox"),
        ] {
            let (address, canonical) = (address.to_owned(), address.to_owned());
            let key = MatchKey::of(KeyKind::SharedEmail, &canonical);
            let enquiry = Enquiry { emails: vec![Email { address, canonical, kind }], ..asked() };
            for (name, verdict) in [("Ana Bell", Verdict::Review), ("Karel Horak", Verdict::New)] {
                let records = vec![Neighbour { keys: vec![key], ..neighbour(1, name, &[]) }];
                let known = known(&enquiry, &Neighbourhood { records, ..Neighbourhood::default() });
                let evidence = &known.evidence[0];
                assert!(evidence.verdict == verdict && evidence.because.contains(wanted), "{evidence:?}");
            }
        }
    }

    /// Two leads that a person called two, and what is thought of an arrival with these keys in common with each.
    fn told_apart(one: &[KeyKind], other: &[KeyKind]) -> (Known, EntityRef, EntityRef) {
        let (mut a, b) = (neighbour(1, "Ana Bell", one), neighbour(2, "Ana Bell", other));
        a.not_same_as = vec![b.entity.id];
        let (one, other) = (a.entity, b.entity);
        (known(&asked(), &Neighbourhood { records: vec![a, b], ..Neighbourhood::default() }), one, other)
    }

    #[test]
    fn who_is_one_of_two_is_no_question_about_the_other() {
        // Both are matched by rule; only one of them has the telephone.
        let (known, a, _) = told_apart(&[KeyKind::Email, KeyKind::Phone], &[KeyKind::Email]);
        assert_eq!((known.person, known.latest, known.overlaps()), (Verdict::Match, Some(a), false));
        // The other one would be a question by itself.
        let (known, a, _) = told_apart(&[KeyKind::Email], &[KeyKind::SharedEmail]);
        assert_eq!((known.person, known.latest, known.overlaps()), (Verdict::Match, Some(a), false));
        assert!(known.evidence[1].because.contains("not the same"), "{:?}", known.evidence);
        assert!(known.evidence[1].says(Language::Fr).contains("n’est pas la même"), "{:?}", known.evidence);
        let (known, _, b) = told_apart(&[KeyKind::SharedEmail], &[KeyKind::Email]);
        assert_eq!((known.latest, known.overlaps()), (Some(b), false), "said of one, it holds for both");
    }

    #[test]
    fn who_could_be_either_of_two_is_neither() {
        let (known, a, b) = told_apart(&[KeyKind::Email], &[KeyKind::Email]);
        assert_eq!((known.person, known.open.len()), (Verdict::Review, 0));
        assert!(known.candidates.contains(&a) && known.candidates.contains(&b));
        // Two requests of one contact are that person's, whoever called them two requests.
        let (mut one, mut two) =
            (neighbour(1, "Ana Bell", &[KeyKind::Email]), neighbour(2, "Ana Bell", &[KeyKind::Email]));
        (one.contact, two.contact) = (Some(Ulid::from_parts(9, 0)), Some(Ulid::from_parts(9, 0)));
        one.not_same_as = vec![two.entity.id];
        let around = Neighbourhood { records: vec![one, two], ..Neighbourhood::default() };
        assert_eq!(super::known(&asked(), &around).person, Verdict::Match);
    }

    #[test]
    fn a_worn_out_number_turns_no_match_into_a_question() {
        let records = vec![neighbour(1, "Ana Bell", &[KeyKind::Email])];
        let around = Neighbourhood { records, truncated: true, ..Neighbourhood::default() };
        let known_by_mail = known(&asked(), &around);
        assert_eq!(known_by_mail.person, Verdict::Match);
        assert!(!known_by_mail.overlaps());
        let nobody = known(&asked(), &Neighbourhood { truncated: true, ..Neighbourhood::default() });
        assert!(nobody.person == Verdict::New && nobody.overlaps(), "nobody could be compared with");
    }
}
