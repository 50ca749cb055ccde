//! Imports, people, rule sets and lists of records.

use pisteur::domain::matching::EntityKind;
use pisteur::store::rows::{ContactImport, Imported, PersonRow, RecordFilter, TeamRow};

use super::lab::{Lab, keys, person};

fn line(lab: &Lab, name: &str, email: &str) -> ContactImport {
    let mut enquiry = person(name, email, None);
    enquiry.organisation.name = Some("Bell SARL".to_owned());
    enquiry.organisation.domain = Some("bell.example".to_owned());
    ContactImport {
        line: 2,
        keys: keys(&enquiry),
        organisation_keys: keys(&enquiry),
        enquiry,
        customer: true,
        owner: Some("ana".to_owned()),
        known: None,
        known_organisation: None,
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
