//! Arrivals against a house's contacts, through the production path, counted by how they were changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use pisteur::clock::{Clock, SystemClock};
use pisteur::domain::enquiry::email::EmailAddress;
use pisteur::domain::enquiry::{Address, Enquiry, phone};
use pisteur::domain::matching::fit::Answers;
use pisteur::domain::matching::model::Model;
use pisteur::domain::matching::profile::{Fact, Profile};
use pisteur::domain::matching::refit::{MOST, Sample};
use pisteur::domain::matching::verdict::{Known, Verdict};
use pisteur::pipeline::import::{self, Entry};
use pisteur::store::{OpenOptions, Store, open};
use ulid::Ulid;

use super::super::Tongue;
use super::{Arrival, Being, Change, Truth, World};

/// What became of arrivals of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken for whom they are.
    pub right: usize,
    /// Taken for somebody they are not.
    pub wrong: usize,
    /// A question for a person.
    pub review: usize,
    /// Taken for nobody known.
    pub new: usize,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub kinds: BTreeMap<Change, Tally>,
    /// Contacts, all of them different people, that were taken for one another while they came.
    pub contacts: Tally,
    /// The arrivals that went wrong, some of them.
    pub examples: Vec<String>,
}

impl Table {
    /// Arrivals taken for somebody, and those of them that are not.
    pub fn automatic(&self) -> (usize, usize) {
        let decidable = self.kinds.iter().filter(|(change, _)| **change != Change::FatherSonNothing);
        decidable.fold((0, self.contacts.wrong), |(all, wrong), (_, tally)| {
            (all + tally.right + tally.wrong, wrong + tally.wrong)
        })
    }

    /// Share of decidable arrivals that are a question.
    pub fn review_share(&self) -> f64 {
        let decidable = || self.kinds.iter().filter(|(change, _)| **change != Change::FatherSonNothing);
        let all: usize = decidable().map(|(_, t)| t.right + t.wrong + t.review + t.new).sum();
        decidable().map(|(_, t)| t.review).sum::<usize>() as f64 / all.max(1) as f64
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = format!("{:<18} {:>7} {:>7} {:>7} {:>7}\n", "change", "right", "wrong", "review", "new");
        let rows = self.kinds.iter().map(|(change, tally)| (format!("{change:?}"), tally));
        for (name, tally) in rows.chain([("contacts".to_owned(), &self.contacts)]) {
            let Tally { right, wrong, review, new } = tally;
            writeln!(out, "{name:<18} {right:>7} {wrong:>7} {review:>7} {new:>7}").expect("a text");
        }
        let (all, wrong) = self.automatic();
        writeln!(out, "taken for somebody: {all}, wrongly: {wrong}; questions: {:.2} %", self.review_share() * 100.0)
            .expect("a text");
        out
    }
}

/// So many contacts, and so many arrivals of every kind that fits.
pub struct Scene {
    pub contacts: Vec<Being>,
    pub arrivals: Vec<Arrival>,
}

impl Scene {
    pub fn of(seed: u64, contacts: usize, arrivals: usize, kinds: &[Change]) -> Self {
        let mut world = World::of(seed);
        let contacts: Vec<Being> = (0..contacts).map(|_| world.being()).collect();
        let mut made = Vec::with_capacity(arrivals);
        let mut turn = 0;
        while made.len() < arrivals {
            let kind = kinds[turn % kinds.len()];
            let at = turn.wrapping_mul(7919) % contacts.len();
            made.extend(world.arrival(&contacts, at, kind));
            turn += 1;
            assert!(turn < arrivals * 200, "each kind fits somebody");
        }
        Self { contacts, arrivals: made }
    }

    /// A model fitted to what such a house holds after a while, without the truth.
    pub fn fitted(&self) -> Model {
        let mut sample = Sample::new(MOST);
        let beings = self.contacts.iter().chain(self.arrivals.iter().map(|arrival| &arrival.says));
        for (person, being) in (0..).zip(beings) {
            if let Some(profile) = Profile::of_enquiry(&enquiry(being)) {
                sample.add(person, profile);
            }
        }
        sample.fit(&Answers::default()).expect("enough records").model
    }

    /// Lets the contacts come, then asks of every arrival who it is.
    pub async fn measure(&self, model: Model) -> Table {
        let folder = tempfile::tempdir().expect("a folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let store = database(&format!("sqlite://{}", folder.path().join("crm.db").display()), &clock).await;
        let (model, mut table) = (Arc::new(model), Table::default());
        let mut ids = Vec::with_capacity(self.contacts.len());
        for being in &self.contacts {
            let step = import::one(&store, &*clock, &model, entry(being)).await.expect("an import");
            match step.verdict {
                Verdict::Match => table.contacts.wrong += 1,
                Verdict::Review => table.contacts.review += 1,
                Verdict::New => table.contacts.new += 1,
            }
            if step.verdict == Verdict::Match {
                table.example(format!("a contact was taken for another: {being:?}"));
            }
            ids.push(step.contact.expect("a place"));
        }
        for arrival in &self.arrivals {
            table.ask(&store, &model, &ids, arrival, &self.contacts).await;
        }
        store.close().await;
        table
    }
}

impl Table {
    async fn ask(
        &mut self,
        store: &Arc<dyn Store>,
        model: &Arc<Model>,
        ids: &[Ulid],
        arrival: &Arrival,
        contacts: &[Being],
    ) {
        let known: Known = import::look(store, model, &entry(&arrival.says)).await.expect("an answer");
        let is = |at: usize| known.contact == ids.get(at).copied();
        let tally = self.kinds.entry(arrival.change).or_default();
        match (known.person, arrival.truth) {
            (Verdict::Match, Truth::Same(at)) if is(at) => tally.right += 1,
            (Verdict::Match, Truth::Undecidable) => tally.wrong += 1,
            (Verdict::Match, _) => {
                tally.wrong += 1;
                let near = known.contact.and_then(|id| ids.iter().position(|known| *known == id));
                let evidence = known.evidence.first().map(|e| format!("{} {:?}", e.because, e.compared));
                self.example(format!(
                    "{:?}: {:?}\n  taken for {:?}\n  {evidence:?}",
                    arrival.change,
                    arrival.says,
                    near.map(|at| &contacts[at])
                ));
            }
            (Verdict::Review, _) => tally.review += 1,
            (Verdict::New, _) => tally.new += 1,
        }
    }

    fn example(&mut self, example: String) {
        if self.examples.len() < 20 {
            self.examples.push(example);
        }
    }
}

/// A new database that `url` names.
pub async fn database(url: &str, clock: &Arc<dyn Clock>) -> Arc<dyn Store> {
    let options = OpenOptions {
        url: url.to_owned(),
        spill: false,
        spill_dir: std::env::temp_dir(),
        spill_limit: 0,
        allow_unsafe_server: false,
        clock: Arc::clone(clock),
        migrate: true,
    };
    open(options).await.expect("a database").0
}

/// A line of an address book.
pub fn entry(being: &Being) -> Entry {
    Entry { line: 1, enquiry: enquiry(being), customer: false, owner: None }
}

/// What somebody says, as a form would tell it.
pub fn enquiry(being: &Being) -> Enquiry {
    let region = match being.tongue {
        Tongue::Fr => "FR",
        Tongue::En => "GB",
        Tongue::De => "DE",
        Tongue::Cs => "CZ",
        Tongue::Fa => "IR",
    };
    let mut enquiry = Enquiry { kind: "person".to_owned(), ..Enquiry::default() };
    enquiry.person.first_name = Some(being.first.name.clone());
    enquiry.person.last_name = Some(being.last.clone());
    enquiry.person.full_name = Some(format!("{} {}", being.first.name, being.last));
    let email = being.email.as_deref().and_then(EmailAddress::parse);
    enquiry.emails.extend(email.map(|email| email.to_email(&[])));
    let phones = being.mobile.iter().chain(&being.landline);
    enquiry.phones.extend(phones.filter_map(|number| phone::read(number, Some(region), None)));
    if let Some(company) = &being.company {
        enquiry.organisation.name = Some(format!("{} {}", company.brand, company.form).trim().to_owned());
        enquiry.organisation.domain = Some(company.domain.clone());
    }
    if let Some(place) = &being.house {
        enquiry.addresses.push(Address {
            street: Some(place.street.clone()),
            postcode: Some(place.postcode.clone()),
            city: Some(place.city.clone()),
            ..Address::default()
        });
    }
    enquiry.particulars.extend(being.born.iter().map(|born| (Fact::DateOfBirth, born.clone())));
    enquiry
}
