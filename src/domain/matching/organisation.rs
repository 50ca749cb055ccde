//! Which known organisation an arrival is for, decided apart from the person.
//!
//! Invariants:
//! - two valid numbers of one register are two companies, whatever else they have in common;
//! - one number is one company; then counts whose the person is, then one domain, then one name;
//! - one name at two domains is nobody's automatically: a brand may have many houses. A new organisation is made, and a
//!   person is asked.

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::verdict::{CANDIDATES, Verdict};
use super::words::Language;
use super::{EntityKind, EntityRef, KeyKind, Neighbour, Neighbourhood};
use crate::domain::enquiry::registration::{self, Registered};
use crate::domain::enquiry::{Enquiry, Organisation, company};

/// Likeness of two names of one company, from 0 to 1.
const LIKE: f64 = 0.9;

/// What told an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByWhat {
    /// A number in a register, with right check digits.
    Registration,
    /// The person is known, and whose they are.
    Person,
    /// The domain.
    Domain,
    /// The name without its legal form, and nothing against it.
    Name,
    /// The same name, but at another domain: a second one of the same house, or another house of the brand.
    NameElsewhere,
    /// The name or domain is that of a company with another number in the same register.
    OtherNumber,
    /// Nothing that is known.
    Nothing,
}

impl ByWhat {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Registration,
        Self::Person,
        Self::Domain,
        Self::Name,
        Self::NameElsewhere,
        Self::OtherNumber,
        Self::Nothing,
    ];

    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Person => "person",
            Self::Domain => "domain",
            Self::Name => "name",
            Self::NameElsewhere => "name_elsewhere",
            Self::OtherNumber => "other_number",
            Self::Nothing => "nothing",
        }
    }
}

/// Which organisation an arrival is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationMatch {
    /// Known, possible, or new.
    pub verdict: Verdict,
    /// What told it.
    pub rule: ByWhat,
    /// The same as a sentence.
    pub because: String,
    /// The one it is, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<EntityRef>,
    /// Those it may be, which a person is asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<EntityRef>,
}

impl OrganisationMatch {
    /// It is known by what belongs to one organisation only: what else is said of it is true of it.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        matches!(self.rule, ByWhat::Registration | ByWhat::Domain)
    }
}

/// The organisation of an arrival; `None` where it names none and none is known. `matched`: the records of the same person.
pub(super) fn organisation_of(
    enquiry: &Enquiry,
    around: &Neighbourhood,
    matched: &[&Neighbour],
) -> Option<OrganisationMatch> {
    let asked = &enquiry.organisation;
    let numbers = registered(&asked.registrations);
    let (others, possible): (Vec<&Neighbour>, Vec<&Neighbour>) = around
        .records
        .iter()
        .filter(|n| n.entity.kind == EntityKind::Organisation)
        .partition(|n| registration::are_two(&numbers, &registered(&n.registrations)));
    let by = |kind: KeyKind| possible.iter().filter(move |n| n.keys.iter().any(|key| key.kind == kind));
    let is_other = |id: &Ulid| others.iter().any(|n| n.entity.id == *id);
    let known = by(KeyKind::Registration).map(|n| (ByWhat::Registration, n.entity)).next();
    let known = known.or_else(|| {
        let id = of_person(asked, matched).find(|id| !is_other(id))?;
        Some((ByWhat::Person, EntityRef { kind: EntityKind::Organisation, id }))
    });
    let known = known.or_else(|| by(KeyKind::Domain).map(|n| (ByWhat::Domain, n.entity)).next());
    let here = || by(KeyKind::Company).filter(|n| !is_elsewhere(asked, n));
    let known = known.or_else(|| here().map(|n| (ByWhat::Name, n.entity)).next());
    if let Some((rule, organisation)) = known {
        return Some(told(Verdict::Match, rule, Some(organisation), Vec::new()));
    }
    let elsewhere: Vec<EntityRef> = by(KeyKind::Company).map(|n| n.entity).take(CANDIDATES).collect();
    if !elsewhere.is_empty() {
        return Some(told(Verdict::Review, ByWhat::NameElsewhere, None, elsewhere));
    }
    let said = asked.name.is_some() || asked.domain.is_some() || !numbers.is_empty();
    let rule = if others.is_empty() { ByWhat::Nothing } else { ByWhat::OtherNumber };
    said.then(|| told(Verdict::New, rule, None, Vec::new()))
}

fn told(
    verdict: Verdict,
    rule: ByWhat,
    organisation: Option<EntityRef>,
    candidates: Vec<EntityRef>,
) -> OrganisationMatch {
    let because = Language::En.says("organisation", rule.as_str()).to_owned();
    OrganisationMatch { verdict, rule, because, organisation, candidates }
}

/// Organisations of the person, but those with another name than the one named.
fn of_person<'a>(asked: &'a Organisation, matched: &'a [&Neighbour]) -> impl Iterator<Item = Ulid> + 'a {
    let named = asked.name.as_deref().and_then(company::fingerprint);
    let agrees = move |n: &Neighbour| match (&named, n.organisation_name.as_deref().and_then(company::fingerprint)) {
        (Some(mine), Some(theirs)) => *mine == theirs || strsim::jaro_winkler(mine, &theirs) >= LIKE,
        _ => true,
    };
    matched.iter().filter(move |n| agrees(n)).filter_map(|n| n.organisation)
}

fn registered(numbers: &[String]) -> Vec<Registered> {
    numbers.iter().filter_map(|number| registration::registered(number)).collect()
}

/// Both have a domain, and it is not the same one.
fn is_elsewhere(asked: &Organisation, known: &Neighbour) -> bool {
    asked.domain.as_ref().zip(known.domain.as_ref()).is_some_and(|(a, b)| a != b)
}

#[cfg(test)]
mod tests {
    use super::super::{EntityRef, MatchKey};
    use super::*;
    use crate::clock::Timestamp;

    fn known(n: u64, kinds: &[KeyKind], number: &str, domain: Option<&str>) -> Neighbour {
        Neighbour {
            entity: EntityRef { kind: EntityKind::Organisation, id: Ulid::from_parts(n, 0) },
            keys: kinds.iter().map(|kind| MatchKey { kind: *kind, hash: 1 }).collect(),
            first_name: None,
            last_name: None,
            full_name: None,
            organisation_name: Some("Kovo".to_owned()),
            registrations: vec![number.to_owned()],
            domain: domain.map(str::to_owned),
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

    fn asked(number: &str, domain: Option<&str>) -> Enquiry {
        let organisation = Organisation {
            name: Some("Kovo".to_owned()),
            domain: domain.map(str::to_owned),
            registrations: vec![number.to_owned()],
        };
        Enquiry { organisation, ..Enquiry::default() }
    }

    fn found(enquiry: &Enquiry, records: Vec<Neighbour>, matched: &[&Neighbour]) -> Option<u64> {
        let around = Neighbourhood { records, ..Neighbourhood::default() };
        let decided = organisation_of(enquiry, &around, matched)?;
        assert_eq!(decided.organisation.is_some(), decided.verdict == Verdict::Match, "{decided:?}");
        decided.organisation.map(|organisation| organisation.id.timestamp_ms())
    }

    #[test]
    fn one_number_is_one_company_and_two_are_two() {
        use KeyKind::{Company, Domain, Registration};
        let records = || {
            vec![
                known(1, &[Company, Domain], "25596641", Some("kovo.cz")),
                known(2, &[Registration], "27082440", Some("kovo.eu")),
            ]
        };
        assert_eq!(found(&asked("27082440", Some("kovo.cz")), records(), &[]), Some(2), "before name and domain");
        assert_eq!(found(&asked("CZ27082440", None), records(), &[]), Some(2));
        let first = || vec![known(1, &[Company, Domain], "25596641", Some("kovo.cz"))];
        assert_eq!(found(&asked("27082440", Some("kovo.cz")), first(), &[]), None, "two numbers of one register");
        assert_eq!(found(&asked("732829320", Some("kovo.cz")), first(), &[]), Some(1), "two registers say nothing");
        assert_eq!(found(&asked("27082441", Some("kovo.cz")), first(), &[]), Some(1), "a wrong number says nothing");
        let mut person = known(9, &[], "", None);
        (person.entity.kind, person.organisation) = (EntityKind::Contact, Some(Ulid::from_parts(1, 0)));
        assert_eq!(found(&asked("27082440", None), first(), &[&person]), None, "nor is it by its person");
        assert_eq!(found(&asked("", None), first(), &[&person]), Some(1));
    }

    #[test]
    fn a_brand_at_two_domains_is_not_one_house_by_its_name() {
        let brand = || vec![known(1, &[KeyKind::Company], "", Some("kovo-brno.cz"))];
        assert_eq!(found(&asked("", Some("kovo-praha.cz")), brand(), &[]), None);
        assert_eq!(found(&asked("", None), brand(), &[]), Some(1));
        let around = Neighbourhood { records: brand(), ..Neighbourhood::default() };
        let possible = organisation_of(&asked("", Some("kovo-praha.cz")), &around, &[]).unwrap();
        assert_eq!((possible.verdict, possible.rule), (Verdict::Review, ByWhat::NameElsewhere));
        assert_eq!(possible.candidates, [around.records[0].entity], "a person is asked");
        let nowhere = vec![known(1, &[KeyKind::Company], "", None)];
        assert_eq!(found(&asked("", Some("kovo-praha.cz")), nowhere, &[]), Some(1));
    }
}
