//! Imports, people, rule sets and lists of records.

use pisteur::domain::decision::{Action, Link, OwnerChoice, RecordKind};
use pisteur::domain::enquiry::{Email, EmailKind};
use pisteur::domain::matching::EntityKind;
use pisteur::store::rows::{ContactImport, ImportPlace, Imported, PersonRow, RecordFilter, TeamRow};
use pisteur::store::{Commit, Guard};

use super::lab::{Lab, keys, person};

fn line(lab: &Lab, name: &str, email: &str) -> ContactImport {
    let mut enquiry = person(name, email, None);
    enquiry.organisation.name = Some("Bell SARL".to_owned());
    enquiry.organisation.domain = Some("bell.example".to_owned());
    ContactImport {
        line: 2,
        keys: keys(&enquiry),
        profile: None,
        organisation_keys: keys(&enquiry),
        enquiry,
        customer: true,
        owner: Some("ana".to_owned()),
        known: None,
        known_organisation: None,
        organisation_candidates: Vec::new(),
        organisation_learns: false,
        id: lab.id(),
        organisation_id: lab.id(),
        verification_required: false,
        seen: Vec::new(),
    }
}

pub async fn contacts_are_imported_once(lab: &Lab) {
    let first = line(lab, "Bob Bell", "bob@bell.example");
    let (id, organisation) = (first.id, first.organisation_id);
    assert_eq!(lab.store.import_contacts(vec![first]).await.unwrap(), [Imported::Created]);
    let mut again = line(lab, "Bob Bell", "bob@bell.example");
    again.enquiry.person.job_title = Some("Buyer".to_owned());
    again.enquiry.person.first_name = Some("Robert".to_owned());
    (again.known, again.known_organisation, again.seen) = (Some(id), Some(organisation), vec![id, organisation]);
    assert_eq!(lab.store.import_contacts(vec![again]).await.unwrap(), [Imported::Updated]);
    let contact = lab.store.show_record(EntityKind::Contact, id).await.unwrap().unwrap();
    assert_eq!(contact.fields["first_name"], "Bob", "nothing is overwritten");
    assert_eq!(contact.fields["job_title"], "Buyer", "what was empty is filled");
    assert!(contact.fields["customer_since"].is_i64());
    assert_eq!(contact.contact_points.len(), 1);
    let known = lab.neighbours(keys(&person("Bob Bell", "bob@bell.example", None))).await;
    let contact = known.records.iter().find(|n| n.entity.kind == EntityKind::Contact).unwrap();
    assert!(contact.customer && !contact.open);
    assert_eq!(contact.organisation, Some(organisation));
    assert_eq!(contact.emails, ["bob@bell.example"]);
}

pub async fn an_import_conflicts_with_an_unseen_record(lab: &Lab) {
    lab.lead(&person("Bob Bell", "bob@bell.example", None)).await;
    let lines = vec![
        line(lab, "Bob Bell", "bob@bell.example"),
        line(lab, "Eve Moor", "eve@moor.example"),
        line(lab, "Eva Moor", "eve@moor.example"),
    ];
    let answers = lab.store.import_contacts(lines).await.unwrap();
    assert_eq!(answers, [Imported::Conflict, Imported::Created, Imported::Conflict]);
    let list = lab.store.list_records(EntityKind::Contact, RecordFilter::default()).await.unwrap();
    assert_eq!(list.len(), 1);
}

pub async fn an_import_has_a_place_until_it_ends(lab: &Lab) {
    let place = |entries| ImportPlace { entries, line: entries + 1, created: 3, updated: 2, refused: 1, uncertain: 4 };
    assert_eq!(lab.store.import_place("a").await.unwrap(), None);
    for entries in [200, 400] {
        lab.store.keep_import_place("a", Some(place(entries))).await.unwrap();
    }
    assert_eq!(lab.store.import_place("a").await.unwrap(), Some(place(400)));
    let half_a_year_ago = lab.skewed(-180 * 86_400).await;
    half_a_year_ago.store.keep_import_place("left lying", Some(place(1))).await.unwrap();
    half_a_year_ago.end().await;
    lab.store.keep_import_place("b", Some(place(2))).await.unwrap();
    assert_eq!(lab.store.import_place("left lying").await.unwrap(), Some(place(1)));
    lab.store.keep_import_place("a", None).await.unwrap();
    let mut left = Vec::new();
    for source in ["a", "b", "left lying"] {
        left.push(lab.store.import_place(source).await.unwrap().is_some());
    }
    assert_eq!(left, [false, true, false], "and of the others those that nobody went on with");
}

pub async fn people_and_rule_sets_are_kept(lab: &Lab) {
    let people = vec![PersonRow {
        id: "ana".to_owned(),
        name: "Ana".to_owned(),
        email: None,
        active: true,
        languages: vec!["fr".to_owned()],
    }];
    let teams = vec![TeamRow { id: "sales".to_owned(), name: "Sales".to_owned(), members: vec!["ana".to_owned()] }];
    lab.store.sync_people(people.clone(), teams).await.unwrap();
    lab.store.sync_people(people, Vec::new()).await.unwrap();
    assert_eq!(lab.store.ruleset("h").await.unwrap(), None);
    let sources = serde_json::json!({ "rules.toml": "language = 1" });
    lab.store.save_ruleset("h", &sources).await.unwrap();
    lab.store.save_ruleset("h", &sources).await.unwrap();
    assert_eq!(lab.store.ruleset("h").await.unwrap(), Some(sources));
}

pub async fn lists_of_records_filter_and_page(lab: &Lab) {
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(lab.lead(&person("Ana Bell", &format!("a{n}@bell.example"), None)).await);
    }
    let list = async |filter| lab.store.list_records(EntityKind::Lead, filter).await.unwrap();
    let all = list(RecordFilter::default()).await;
    assert_eq!(all.iter().map(|r| r.id).collect::<Vec<_>>(), [ids[2], ids[1], ids[0]]);
    assert_eq!((all[0].name.as_deref(), all[0].email.as_deref()), (Some("Ana Bell"), Some("a2@bell.example")));
    assert_eq!(all[0].status.as_deref(), Some("open"));
    let page = list(RecordFilter { before: Some(ids[2]), limit: 1, ..RecordFilter::default() }).await;
    assert_eq!(page.iter().map(|r| r.id).collect::<Vec<_>>(), [ids[1]]);
    let status = |s: &str| RecordFilter { status: Some(s.to_owned()), ..RecordFilter::default() };
    assert_eq!((list(status("open")).await.len(), list(status("contacted")).await.len()), (3, 0));
    assert!(list(RecordFilter { owner: Some("ana".to_owned()), ..RecordFilter::default() }).await.is_empty());
    for kind in [EntityKind::Opportunity, EntityKind::Contact, EntityKind::Organisation] {
        assert!(lab.store.list_records(kind, status("open")).await.unwrap().is_empty());
        assert!(lab.store.show_record(kind, ids[0]).await.unwrap().is_none(), "it is a lead");
    }
}

pub async fn a_record_in_outline_is_what_deliveries_tell(lab: &Lab) {
    let mut enquiry = person("Ana Bell", "ana@bell.example", Some("+33612345678"));
    enquiry.organisation.name = Some("Bell SARL".to_owned());
    enquiry.attribution.source = Some("google".to_owned());
    enquiry.attribution.campaign = Some("spring".to_owned());
    for n in 0..14 {
        let address = format!("a{n}@bell.example");
        enquiry.emails.push(Email { address: address.clone(), canonical: address, kind: EmailKind::Role });
    }
    let outline = async |kind, id| lab.store.outline(kind, id).await.unwrap();
    let lead = outline(RecordKind::Lead, lab.lead(&enquiry).await).await.unwrap();
    assert_eq!((lead.name.as_deref(), lead.company.as_deref()), (Some("Ana Bell"), Some("Bell SARL")));
    assert_eq!((lead.source.as_deref(), lead.campaign.as_deref()), (Some("google"), Some("spring")));
    assert_eq!((lead.title.as_deref(), lead.state.as_deref()), (Some("Bike"), Some("open")));
    assert_eq!((lead.kind, lead.owner.as_deref(), lead.team.as_deref()), (RecordKind::Lead, None, None));
    let of = |class: &str| lead.points.iter().filter(|p| p.class == class).cloned().collect::<Vec<_>>();
    assert_eq!((of("email").len(), of("phone").len()), (10, 1), "no more than are told");
    assert_eq!((of("email")[0].value.as_str(), of("email")[0].kind.as_str()), ("ana@bell.example", "personal"));
    assert_eq!(of("phone")[0].normalised, "+33612345678");
    assert_eq!(outline(RecordKind::Opportunity, lead.id).await, None, "it is a lead");
    // Of an opportunity, person and company are those it hangs on.
    let lease = lab.claimed("deal").await;
    let mut new = lab.record(RecordKind::Opportunity);
    let id = new.id;
    (new.contact, new.organisation) = (Link::New(lab.id()), Link::New(lab.id()));
    (new.team, new.owner) = (Some("north".to_owned()), OwnerChoice::Person("ana".to_owned()));
    let commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(new)));
    lab.one(Commit { guard: Guard::default(), ..commit }).await;
    let deal = outline(RecordKind::Opportunity, id).await.unwrap();
    assert_eq!((deal.name, deal.company), (lead.name.clone(), lead.company.clone()));
    assert_eq!((deal.owner.as_deref(), deal.team.as_deref()), (Some("ana"), Some("north")));
    assert_eq!((deal.title.as_deref(), deal.state.as_deref()), (Some("Bike"), Some("new")));
    assert_eq!(deal.points, lead.points, "of its contact");
}

pub async fn the_known_states_are_listed(lab: &Lab) {
    let states = async |kind| lab.store.states(kind).await.unwrap();
    let leads = states(EntityKind::Lead).await;
    assert_eq!((leads[0].as_str(), leads.len()), ("open", 10));
    let before = states(EntityKind::Opportunity).await;
    assert_eq!((before[0].as_str(), before.last().map(String::as_str)), ("new", Some("lost")));
    // A stage that a rule names is one from its first use on.
    let lease = lab.claimed("deal").await;
    let mut new = lab.record(RecordKind::Opportunity);
    new.stage = Some("site visit".to_owned());
    lab.one(lab.commit(&lease, &person("Ana Bell", "ana@bell.example", None), Action::Create(Box::new(new)))).await;
    assert!(states(EntityKind::Opportunity).await.contains(&"site visit".to_owned()));
    assert_eq!(states(EntityKind::Contact).await, ["customer"]);
}
