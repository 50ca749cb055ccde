//! A new lead or opportunity with the contact and organisation made for it.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::parties::{Party, suppression_address, suppression_hash};
use super::touches::{Named, Touches};
use super::{Ids, KnownRecords, Ownership, Plan, is_corporate, text};
use crate::domain::decision::{Link, NewRecord, RecordKind, UnknownCampaign};
use crate::domain::enquiry::attribution::folded;
use crate::domain::matching::EntityKind;
use crate::store::Commit;
use crate::store::batch::row;

/// Row ids of what a new record hangs on.
struct Ties {
    contact: Option<i64>,
    organisation: Option<i64>,
    linked_to: Option<i64>,
    /// Lead of origin of an opportunity.
    lead: Option<i64>,
}

impl Plan {
    /// A new record; its row id.
    pub(super) fn create(
        &mut self,
        commit: &Commit,
        new: &NewRecord,
        known: &KnownRecords,
        ownership: &Ownership,
        ids: Ids<'_>,
    ) -> i64 {
        let id = ids.next().unwrap_or(0);
        let ties = self.ties(commit, new, known, ownership, ids);
        let kind = match new.kind {
            RecordKind::Lead => EntityKind::Lead,
            RecordKind::Opportunity => EntityKind::Opportunity,
        };
        self.entity(id, new.id, kind);
        let touches = Touches::of(commit);
        let facts = match new.kind {
            RecordKind::Lead => self.lead(commit, new, ownership, &touches, id, &ties),
            RecordKind::Opportunity => self.opportunity(commit, new, ownership, &touches, id, &ties),
        };
        self.touches(id, commit, touches);
        let holder = match new.kind {
            RecordKind::Lead => id,
            RecordKind::Opportunity => ties.contact.unwrap_or(id),
        };
        self.points(holder, &commit.enquiry, 0);
        self.addresses(holder, &commit.enquiry);
        self.consents_of(holder, commit);
        self.custom(id, &commit.enquiry, facts.rest());
        self.known_by(id, &commit.decision.keys, commit.decision.profile.as_ref());
        if holder != id {
            self.known_by(holder, &commit.decision.keys, commit.decision.profile.as_ref());
        }
        for tag in &new.tags {
            row!(self.tags; id, tag);
        }
        for other in new.candidates.iter().filter_map(|c| known.get(&c.id)) {
            row!(self.candidates; id, other.id, self.now, None::<String>);
        }
        id
    }

    /// The contact and organisation, made when they are new.
    fn ties(
        &mut self,
        commit: &Commit,
        new: &NewRecord,
        known: &KnownRecords,
        ownership: &Ownership,
        ids: Ids<'_>,
    ) -> Ties {
        let mut party = |ulid| Party {
            id: ids.next().unwrap_or(0),
            ulid,
            ownership,
            team: new.team.as_deref(),
            verification_required: false,
            customer_since: None,
            last_message_at: Some(commit.envelope.received_at.micros()),
        };
        let organisation = match new.organisation {
            Link::None => None,
            Link::Existing(ulid) => {
                let id = known.get(&ulid).map(|k| k.id);
                if let Some(id) = id.filter(|_| new.organisation_learns) {
                    self.organisation_learns(id, &commit.enquiry, &commit.decision.keys);
                }
                id
            }
            Link::New(ulid) => {
                let party = party(ulid);
                self.organisation(&party, &commit.enquiry);
                self.keys_of(party.id, &commit.decision.keys, is_corporate);
                let possible =
                    new.organisation_candidates.iter().filter_map(|c| known.get(&c.id).map(|row| (c.id, row.id)));
                self.possibly(party.id, possible);
                Some(party.id)
            }
        };
        let contact = match new.contact {
            Link::None => None,
            Link::Existing(ulid) => known.get(&ulid).map(|k| k.id),
            Link::New(ulid) => {
                let party = party(ulid);
                self.contact(&party, &commit.enquiry, organisation);
                self.known_by(party.id, &commit.decision.keys, commit.decision.profile.as_ref());
                if new.kind == RecordKind::Lead {
                    self.points(party.id, &commit.enquiry, 0);
                }
                Some(party.id)
            }
        };
        let linked_to = new.linked_to.and_then(|l| known.get(&l.id));
        let lead = new.lead_of_origin.and_then(|l| known.get(&l)).filter(|k| k.kind == EntityKind::Lead).map(|k| k.id);
        if let (RecordKind::Opportunity, Some(lead)) = (new.kind, lead) {
            row!(self.origins; lead, contact, organisation);
        }
        Ties { contact, organisation, linked_to: linked_to.map(|k| k.id), lead }
    }

    fn lead(
        &mut self,
        commit: &Commit,
        new: &NewRecord,
        ownership: &Ownership,
        touches: &Touches,
        id: i64,
        ties: &Ties,
    ) -> Facts {
        let (enquiry, mut facts) = (&commit.enquiry, Facts::of(commit));
        let person = &enquiry.person;
        let names = self.attribution(commit, new, id, &mut facts);
        let (first, last) = touches.columns(commit);
        let kind = if enquiry.kind == "organisation" { "organisation" } else { "person" };
        let (budget, currency) = revenue(commit, new);
        row!(self.leads; id, self.now, kind,
            facts.take("salutation", person.salutation.as_ref()), facts.take("first_name", person.first_name.as_ref()),
            facts.take("last_name", person.last_name.as_ref()), facts.take("full_name", person.full_name.as_ref()),
            facts.take("job_title", person.job_title.as_ref()),
            facts.take("company", enquiry.organisation.name.as_ref()),
            facts.take("website", enquiry.website.as_ref()),
            facts.take("topic", Some(&new.title)), facts.take("inquiry_kind", enquiry.inquiry_kind.as_ref()),
            enquiry.message, facts.take("language", enquiry.language.as_ref()),
            facts.take("country", enquiry.country.as_ref()), facts.take("territory", None), names.source,
            names.medium, names.campaign, names.channel, first, facts.take("referred_by", None), facts.take("referred_kind", None),
            facts.take("industry", None), facts.take("market_segment", None), facts.take_number("annual_revenue"),
            facts.take_number("employees"), facts.take_number("market_share"), facts.take("region", None), budget,
            currency, ownership.owner, ownership.queue, new.team, i64::from(new.priority), new.score, ties.contact,
            ties.organisation, ties.linked_to, i64::from(new.verification_required), incomplete(new),
            commit.envelope.received_at.micros(), suppression_address(enquiry), last, names.else_campaign,
            suppression_hash(enquiry));
        facts
    }

    fn opportunity(
        &mut self,
        commit: &Commit,
        new: &NewRecord,
        ownership: &Ownership,
        touches: &Touches,
        id: i64,
        ties: &Ties,
    ) -> Facts {
        let (enquiry, mut facts) = (&commit.enquiry, Facts::of(commit));
        let names = self.attribution(commit, new, id, &mut facts);
        let (first, last) = touches.columns(commit);
        let (revenue, currency) = revenue(commit, new);
        if let Some(stage) = &new.stage {
            self.stages.insert(stage.clone());
        }
        row!(self.opportunities; id, self.now, new.title, ties.contact, ties.organisation, ties.lead, ties.linked_to,
            facts.take("topic", enquiry.topic.as_ref()), facts.take("inquiry_kind", enquiry.inquiry_kind.as_ref()),
            enquiry.message, facts.take("language", enquiry.language.as_ref()),
            facts.take("country", enquiry.country.as_ref()), facts.take("territory", None), revenue, currency,
            new.stage, i64::from(new.priority), new.score, names.source, names.medium, names.campaign,
            names.channel, first, facts.take("referred_by", None), ownership.owner, ownership.queue, new.team,
            i64::from(new.verification_required), incomplete(new), commit.envelope.received_at.micros(),
            last, names.else_campaign);
        facts
    }

    /// The names of a new record's origin, those of its source, medium and campaign also as records of their own.
    fn attribution(&mut self, commit: &Commit, new: &NewRecord, id: i64, facts: &mut Facts) -> Names {
        let named = Named::take(commit, facts);
        let mut tied = Names {
            source: make(&mut self.sources, named.source),
            medium: make(&mut self.mediums, named.medium),
            channel: named.channel,
            ..Names::default()
        };
        let Some(campaign) = named.campaign else { return tied };
        tied.campaign = Some(folded(&campaign));
        match &new.unknown_campaign {
            UnknownCampaign::Create => drop(make(&mut self.campaigns, Some(campaign))),
            UnknownCampaign::Leave => {}
            UnknownCampaign::Default(other) => tied.else_campaign = make(&mut self.campaigns, Some(other.clone())),
            UnknownCampaign::Review => row!(self.campaign_reviews; id, tied.campaign, campaign),
        }
        tied
    }
}

/// Names as a new record refers to them, folded.
#[derive(Debug, Default)]
struct Names {
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
    /// The campaign it counts as when its own is not known.
    else_campaign: Option<String>,
    channel: Option<String>,
}

/// Makes a name known; the name folded.
fn make(known: &mut BTreeMap<String, String>, name: Option<String>) -> Option<String> {
    let name = name?;
    let key = Some(folded(&name)).filter(|key| !key.is_empty())?;
    known.entry(key.clone()).or_insert(name);
    Some(key)
}

/// What the rules expect, or the budget the arrival names: minor units and currency.
fn revenue(commit: &Commit, new: &NewRecord) -> (Option<i64>, Option<String>) {
    match (&new.expected_revenue, &commit.enquiry.budget) {
        (Some((minor, currency)), _) => (Some(*minor), currency.clone()),
        (None, Some(budget)) => (Some(budget.minor), budget.currency.clone()),
        (None, None) => (None, None),
    }
}

fn incomplete(new: &NewRecord) -> Option<String> {
    (!new.incomplete.is_empty()).then(|| text(&new.incomplete))
}
