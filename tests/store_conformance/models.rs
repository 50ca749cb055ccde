//! Models: what they are fitted to, which of them is in force, and what reviewers said.

use pisteur::domain::decision::{Action, RecordKind};
use pisteur::domain::matching::compare::compare;
use pisteur::domain::matching::judge;
use pisteur::domain::matching::model::Model;
use pisteur::domain::matching::profile::Profile;
use pisteur::domain::matching::{EntityKind, EntityRef};
use pisteur::store::merge::MergeOrder;
use pisteur::store::{Commit, Committed, Guard, NewModel};
use ulid::Ulid;

use super::lab::{Lab, person};

fn kept(prior: f64, active: bool) -> NewModel {
    NewModel { model: Model { prior, ..Model::start() }, report: serde_json::json!({ "records": 7 }), active }
}

pub async fn one_model_is_in_force_and_whoever_has_it_is_told_nothing(lab: &Lab) {
    let store = &lab.store;
    assert_eq!(store.in_force(None).await.unwrap().unwrap(), Model::start());
    assert_eq!(store.in_force(Some(0)).await.unwrap(), None, "who has the start is told nothing");
    let first = store.keep_model(kept(0.25, true)).await.unwrap();
    let second = store.keep_model(kept(0.125, true)).await.unwrap();
    let refused = store.keep_model(kept(0.5, false)).await.unwrap();
    assert!(0 < first && first < second && second < refused);
    let now = store.in_force(Some(first)).await.unwrap().unwrap();
    assert_eq!((now.id, now.prior), (second, 0.125), "the last one that is active");
    assert_eq!(Model { id: 0, prior: 0.0, ..now }, Model { prior: 0.0, ..Model::start() }, "as it was kept");
    assert_eq!(store.in_force(Some(second)).await.unwrap(), None);
    assert!(store.put_in_force(refused).await.unwrap());
    assert_eq!(store.in_force(None).await.unwrap().unwrap().id, refused);
    assert!(!store.put_in_force(99_999).await.unwrap());
    assert_eq!(store.in_force(None).await.unwrap().unwrap().id, refused, "nothing changed");
    assert!(store.put_in_force(0).await.unwrap());
    assert_eq!(store.in_force(Some(refused)).await.unwrap().unwrap(), Model::start());
}

/// A lead that raised a question about another one, with what was compared; the number of the question.
async fn asked(lab: &Lab, n: u32, email: &str) -> (i64, Profile, Profile) {
    let known = person(&format!("Ana Bell{n}"), &format!("ana{n}@bell.example"), Some(&format!("+3361234{n:04}")));
    let other = lab.lead(&known).await;
    let came = person(&format!("Eve Bell{n}"), email, Some(&format!("+3361234{n:04}")));
    let profiles = [&known, &came].map(|enquiry| Profile::of_enquiry(enquiry).unwrap());
    let judged = judge::survey(&Model::start(), &profiles[1], &[&profiles[..1]], 10).remove(0).unwrap();
    let lease = lab.claimed(email).await;
    let mut new = lab.record(RecordKind::Lead);
    new.candidates = vec![EntityRef { kind: EntityKind::Lead, id: other }];
    let mut commit = lab.commit(&lease, &came, Action::Create(Box::new(new)));
    commit.decision.trace = serde_json::json!({ "match": { "evidence": [
        { "record": { "kind": "lead", "id": Ulid::nil() } },
        { "record": { "kind": "lead", "id": other }, "compared": judged } ] } });
    let answer = lab.one(Commit { guard: Guard::default(), ..commit }).await;
    assert!(matches!(answer, Committed::Done { .. }), "{answer:?}");
    let question = lab.store.questions(None, 1).await.unwrap().remove(0);
    let [known, came] = profiles;
    (question.id, known, came)
}

pub async fn what_reviewers_said_is_learned_as_it_was_compared(lab: &Lab) {
    let (one, a, b) = asked(lab, 1, "eve@work.example").await;
    let (two, c, d) = asked(lab, 2, "eva@home.example").await;
    asked(lab, 3, "ida@home.example").await;
    let answers = lab.store.answers().await.unwrap();
    assert!(answers.one.is_empty() && answers.two.is_empty(), "an open question says nothing");
    let event = lab.id();
    let order = MergeOrder { one: event, other: event, overrule: false, actor: "ana".to_owned(), event };
    lab.store.accept_question(one, order).await.unwrap().unwrap();
    lab.store.reject_question(two, "ana").await.unwrap().unwrap();
    let answers = lab.store.answers().await.unwrap();
    assert_eq!((answers.one, answers.two), (vec![compare(&a, &b)], vec![compare(&c, &d)]));
    assert!(answers.near.is_empty(), "two given names keep them apart, whatever they weigh");
    lab.store.unmerge(event, "ana").await.unwrap().unwrap();
    assert!(lab.store.answers().await.unwrap().one.is_empty(), "the question is open again");
}

pub async fn every_profile_is_read_once_page_by_page(lab: &Lab) {
    for n in 0..5 {
        lab.lead(&person(&format!("Ana Bell{n}"), &format!("ana{n}@bell.example"), None)).await;
    }
    let (mut place, mut read) = ((0, i64::MIN), Vec::new());
    loop {
        let page = lab.store.profiles(place, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        place = last.place;
        assert!(page.len() <= 2);
        read.extend(page);
    }
    assert_eq!(read.len(), 5);
    assert!(read.windows(2).all(|two| two[0].place < two[1].place));
    let expected = Profile::of_enquiry(&person("Ana Bell3", "ana3@bell.example", None)).unwrap();
    assert_eq!(read.iter().filter(|one| one.profile == expected).count(), 1);
}

pub async fn a_decision_is_made_once_more_among_what_was_there(lab: &Lab) {
    let (ana, again) = (
        person("Ana Bell", "ana@bell.example", Some("+33612345678")),
        person("Ana Bell", "ana@work.example", Some("+33612345678")),
    );
    let lead = lab.lead(&ana).await;
    let lease = lab.claimed("again").await;
    let commit = lab.commit(&lease, &again, Action::Append(EntityRef { kind: EntityKind::Lead, id: lead }));
    assert!(matches!(lab.one(Commit { guard: Guard::default(), ..commit }).await, Committed::Done { .. }));
    lab.lead(&person("Zed Marlow", "zed@marlow.example", None)).await;
    let profile = |enquiry| Profile::of_enquiry(enquiry).unwrap();
    let (mut before, mut trials) = (i64::MAX, Vec::new());
    loop {
        let (page, last) = lab.store.trials(before, 2).await.unwrap();
        trials.extend(page);
        let Some(last) = last else { break };
        assert!(last < before, "it goes down");
        before = last;
    }
    let of = |wanted: &Profile| trials.iter().find(|trial| trial.profile == *wanted).unwrap();
    let (first, second) = (profile(&ana), profile(&again));
    let known: Vec<_> = of(&second).known.values().collect();
    assert_eq!(known, [&vec![first]], "what else was told of the record, and not itself");
    let zed = person("Zed Marlow", "zed@marlow.example", None);
    assert!(of(&profile(&zed)).known.is_empty(), "nobody was like him");
}
