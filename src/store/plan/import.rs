//! Rows of imported contacts.

use ulid::Ulid;

use super::parties::Party;
use super::{Ids, Known, Ownership, Plan, is_corporate};
use crate::store::batch::row;
use crate::store::rows::ContactImport;

/// Inside numbers one import may take.
pub(in crate::store) const IDS_PER_IMPORT: usize = 2;

impl Plan {
    /// Adds one imported line: a new contact, or details for a known one. `organisation`: the known one, and those that a
    /// new one may be, by public id and row.
    pub(in crate::store) fn import(
        &mut self,
        line: &ContactImport,
        known: Option<Known>,
        (organisation, possible): (Option<Known>, Vec<(Ulid, i64)>),
        now: i64,
        ids: Ids<'_>,
    ) {
        self.now = now;
        let ownership = Ownership { owner: line.owner.clone(), ..Ownership::default() };
        let mut party = |ulid| Party {
            id: ids.next().unwrap_or(0),
            ulid,
            ownership: &ownership,
            team: None,
            verification_required: line.verification_required,
            customer_since: line.customer.then_some(now),
            last_message_at: None,
        };
        let organisation = match organisation {
            Some(known) => {
                if line.organisation_learns {
                    self.organisation_learns(known.id, &line.enquiry, &line.organisation_keys);
                }
                Some(known.id)
            }
            None if line.enquiry.organisation.name.is_some() => {
                let party = party(line.organisation_id);
                self.organisation(&party, &line.enquiry);
                self.keys_of(party.id, &line.organisation_keys, is_corporate);
                self.possibly(party.id, possible.into_iter());
                Some(party.id)
            }
            None => None,
        };
        let contact = if let Some(known) = known {
            self.known_contact(known.id, line, organisation);
            known.id
        } else {
            let party = party(line.id);
            self.contact(&party, &line.enquiry, organisation);
            party.id
        };
        self.points(contact, &line.enquiry, if known.is_some() { 1_000 } else { 0 });
        self.addresses(contact, &line.enquiry);
        self.consents(contact, &line.enquiry);
        self.custom(contact, &line.enquiry, std::collections::BTreeMap::new());
        self.known_by(contact, &line.keys, line.profile.as_ref());
    }

    fn known_contact(&mut self, id: i64, line: &ContactImport, organisation: Option<i64>) {
        let (person, enquiry) = (&line.enquiry.person, &line.enquiry);
        row!(self.known_contacts; id, self.now, organisation, person.salutation, person.first_name, person.last_name,
            person.full_name, person.job_title, enquiry.organisation.name, enquiry.website, enquiry.language,
            enquiry.country, line.owner, line.customer.then_some(self.now));
    }
}
