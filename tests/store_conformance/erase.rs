//! A person forgotten: nothing of them is left in any column, and nothing of anybody else is gone.

use std::sync::Arc;

use pisteur::domain::decision::{Action, Link, RecordKind};
use pisteur::domain::enquiry::{Address, Attribution, Consent, Enquiry};
use pisteur::domain::enquiry::{CustomField, EmailKind};
use pisteur::domain::matching::EntityKind;
use pisteur::domain::submission::{Attachment, MailFacts, Mailbox, Submission};
use pisteur::store::rows::RecordFilter;
use pisteur::store::{
    Committed, Effect, Erasable, EraseStep, ErasedCounts, Erasure, Evidence, InitialState, JobSubject, LinkKind,
    MailBounds, NewLink, Queue, Turn, VisitorMail,
};
use sqlx::{Connection as _, Row as _};
use ulid::Ulid;

use super::lab::{LEASE, Lab, keys, person};

/// One person with words that nobody else has.
struct Somebody {
    name: &'static str,
    email: &'static str,
    phone: &'static str,
    word: &'static str,
}

const JANA: Somebody =
    Somebody { name: "Jana Needleova", email: "Jana.N@needle.cz", phone: "+420777123456", word: "pinwheel" };
const OTTO: Somebody =
    Somebody { name: "Otto Stayer", email: "otto@stayer.cz", phone: "+420777654321", word: "gazebo" };

impl Somebody {
    fn canonical(&self) -> String {
        self.email.to_lowercase()
    }

    fn words(&self) -> [String; 5] {
        let surname = self.name.split(' ').next_back().unwrap();
        [self.canonical(), surname.to_lowercase(), self.phone.to_owned(), self.word.to_owned(), self.ip()]
    }

    /// An address of theirs, different for everybody.
    fn ip(&self) -> String {
        format!("203.0.113.{}", self.name.len())
    }

    fn enquiry(&self) -> Enquiry {
        let mut enquiry = person(self.name, self.email, Some(self.phone));
        enquiry.message = format!("I am {} and want a {}.", self.name, self.word);
        enquiry.topic = Some(format!("A {} for {}", self.word, self.name));
        enquiry.addresses.push(Address { city: Some(format!("{}ville", self.word)), ..Address::default() });
        enquiry.consents.push(Consent { purpose: "news".to_owned(), given: true, ..Consent::default() });
        enquiry.custom.push(CustomField { name: "colour".to_owned(), value: format!("{} blue", self.word) });
        let page = format!("https://x.example/?mail={}", self.email);
        enquiry.attribution = Attribution { landing_page: Some(page), ..Attribution::default() };
        enquiry.organisation.name = None;
        enquiry
    }

    fn submission(&self, enquiry: &Enquiry) -> Submission {
        let from = Mailbox { name: Some(self.name.to_owned()), address: Some(self.email.to_owned()) };
        Submission {
            subject: enquiry.topic.clone(),
            text: enquiry.message.clone(),
            mail: Some(MailFacts { message_id: Some(format!("{}@mua", self.word)), from, ..MailFacts::default() }),
            attachments: vec![Attachment {
                name: format!("{}.pdf", self.word),
                media_type: "application/pdf".to_owned(),
                size: 9,
                part: "2".to_owned(),
                sha256: None,
                verdict: None,
                inline: false,
            }],
            ..Submission::default()
        }
    }
}

pub(super) async fn texts(lab: &Lab) -> String {
    let mut all = String::new();
    if lab.store.engine() == "sqlite" {
        let mut conn = sqlx::SqliteConnection::connect(&lab.url).await.unwrap();
        let columns = "SELECT m.name AS t, c.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                       WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2";
        for row in sqlx::query(columns).fetch_all(&mut conn).await.unwrap() {
            let (table, column): (String, String) = (row.get("t"), row.get("c"));
            let sql = format!("SELECT group_concat(CAST(\"{column}\" AS TEXT), char(10)) AS v FROM \"{table}\"");
            let found = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut conn).await.unwrap();
            all.push_str(&format!("{table}.{column}: {}\n", found.get::<Option<String>, _>("v").unwrap_or_default()));
        }
        conn.close().await.unwrap();
    } else {
        let mut conn = sqlx::PgConnection::connect(&lab.url).await.unwrap();
        let columns = "SELECT table_name::text AS t, column_name::text AS c, data_type::text AS d \
                       FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2";
        for row in sqlx::query(columns).fetch_all(&mut conn).await.unwrap() {
            let (table, column, kind): (String, String, String) = (row.get("t"), row.get("c"), row.get("d"));
            let text =
                if kind == "bytea" { format!("encode(\"{column}\", 'escape')") } else { format!("\"{column}\"::text") };
            let sql = format!("SELECT string_agg({text}, E'\\n' ORDER BY {text}) AS v FROM \"{table}\"");
            let found = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut conn).await.unwrap();
            all.push_str(&format!("{table}.{column}: {}\n", found.get::<Option<String>, _>("v").unwrap_or_default()));
        }
        conn.close().await.unwrap();
    }
    all.to_lowercase()
}

fn mail_to(lab: &Lab, who: &Somebody, arrival: Ulid, links: Vec<NewLink>) -> VisitorMail {
    VisitorMail {
        effect: lab.id(),
        kind: "acknowledge",
        arrival,
        form: "contact".to_owned(),
        address: who.canonical(),
        recipient: format!("hash {}", who.word.len()),
        domain: "visitors.example".to_owned(),
        links,
        bounds: MailBounds { per_recipient: 99, per_domain: 99, per_house: 99 },
    }
}

/// A lead with everything, an opportunity with its contact, something held and repeated, links used. The held arrival.
async fn lives(lab: &Lab, who: &Somebody) -> Ulid {
    let enquiry = who.enquiry();
    let mut form = lab.form(&enquiry.message, &[&format!("form:contact:hash:{}", who.word.len())]);
    form.envelope.context.client_ip = Some(who.ip());
    form.envelope.context.referer = Some(format!("https://x.example/{}", who.word));
    let context = form.envelope.context.clone();
    let arrival = lab.accept(form).await.id();
    let lease = lab.lease_of(arrival).await;
    let mut commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(lab.record(RecordKind::Lead))));
    commit.submission = Arc::new(who.submission(&enquiry));
    commit.decision.trace = serde_json::json!({ "why": who.word });
    commit.envelope = Arc::new(pisteur::domain::envelope::Envelope { context, ..(*commit.envelope).clone() });
    let payload = serde_json::json!({ "to": who.email });
    commit.effects.push(Effect { id: lab.id(), kind: "webhook".to_owned(), target: "crm".to_owned(), payload });
    assert_eq!(lab.one(commit).await, Committed::Done { owner: None });

    let lease = lab.claimed(&format!("again {}", who.word)).await;
    let mut deal = lab.record(RecordKind::Opportunity);
    deal.title = format!("{} for {}", who.word, who.name);
    (deal.contact, deal.organisation) = (Link::New(lab.id()), Link::New(lab.id()));
    let mut commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(deal)));
    commit.guard.keys.clear();
    assert_eq!(lab.one(commit).await, Committed::Done { owner: None });

    let mut repeat = lab.form(&format!("{} once more", who.word), &[&format!("form:contact:hash:{}", who.word.len())]);
    repeat.envelope.context.client_ip = Some(who.ip());
    assert!(lab.accept(repeat).await.duplicate_of().is_some());
    let mut held = lab.form(&format!("buy a {} from {}", who.word, who.email), &[]);
    held.initial = InitialState::Quarantined("suspected_spam".to_owned());
    held.envelope.context.extra.insert("sender".to_owned(), who.email.to_owned());
    let held = lab.accept(held).await.id();

    let hash = |kind: LinkKind| format!("{} {}", kind.as_str(), who.word.len());
    let link = |kind, purposes: &[&str]| NewLink {
        kind,
        hash: hash(kind),
        purposes: purposes.iter().map(|p| (*p).to_owned()).collect(),
        expiry: LEASE,
    };
    let links = vec![link(LinkKind::Confirm, &["news"]), link(LinkKind::Unsubscribe, &[])];
    assert_eq!(lab.store.visitor_turn(mail_to(lab, who, arrival, links)).await.unwrap(), Turn::Granted);
    let evidence = Evidence { client_ip: Some(who.ip()), user_agent: Some(who.word.to_owned()), page: None };
    for kind in [LinkKind::Confirm, LinkKind::Unsubscribe] {
        lab.store.use_link(kind, &hash(kind), evidence.clone()).await.unwrap();
    }
    held
}

fn steps(found: Erasable) -> Vec<EraseStep> {
    vec![EraseStep::Arrivals(found.arrivals), EraseStep::Records(found.records), EraseStep::Address]
}

fn by(who: &Somebody, rehearsal: bool) -> Erasure {
    Erasure { address: who.canonical(), actor: "cli:test".to_owned(), rehearsal }
}

pub async fn nothing_of_an_erased_person_is_left_in_any_column(lab: &Lab) {
    let held = lives(lab, &JANA).await;
    lives(lab, &OTTO).await;
    lab.sql("INSERT INTO note (record, author, at, text) SELECT id, 'eva', 1, 'Needleova called' FROM lead WHERE last_name = 'Needleova';
         INSERT INTO activity (record, kind, summary, due_at, created_at, created_by)
         SELECT id, 'call', 'ring Needleova', 1, 1, 'eva' FROM lead WHERE last_name = 'Needleova'",
    )
    .await;
    let before = texts(lab).await;
    for word in JANA.words().iter().chain(&OTTO.words()) {
        assert!(before.contains(word.as_str()), "{word} is there to be found");
    }
    let found = lab.store.erasable(&JANA.canonical(), &[held]).await.unwrap();
    assert_eq!((found.arrivals.len(), found.records.len()), (4, 3), "{found:?}");
    let would = lab.store.erase(steps(found.clone()), &by(&JANA, true)).await.unwrap();
    assert_eq!(texts(lab).await, before, "a rehearsal changes nothing");

    // Each step by itself, as an interruption would leave them.
    let mut done = ErasedCounts::new();
    for step in steps(found) {
        for (word, rows) in lab.store.erase(vec![step], &by(&JANA, false)).await.unwrap() {
            *done.entry(word).or_default() += rows;
        }
        let left = lab.store.erasable(&JANA.canonical(), &[held]).await.unwrap();
        assert!(left.arrivals.is_empty(), "what is done is not found again");
    }
    assert_eq!(would, done, "a rehearsal counts what is done");
    for (word, rows) in
        [("arrivals", 4), ("leads", 1), ("contacts", 1), ("opportunities", 1), ("files", 1), ("notes", 1)]
    {
        assert_eq!(done.get(word), Some(&rows), "{word} in {done:?}");
    }
    assert_eq!(lab.store.erasable(&JANA.canonical(), &[held]).await.unwrap(), Erasable::default());

    let after = texts(lab).await;
    for word in JANA.words() {
        let lines: Vec<&str> = after.lines().filter(|line| line.contains(&word)).collect();
        assert!(lines.is_empty(), "{word} is left: {lines:?}");
    }
    for word in OTTO.words() {
        assert_eq!(after.matches(&word).count(), before.matches(&word).count(), "{word} of another person");
    }
    assert!(after.contains("cli:test"), "who did it is in the audit trail");
    let again = lab.store.erase(vec![EraseStep::Address], &by(&JANA, false)).await.unwrap();
    assert!(again.is_empty(), "{again:?}");
}

pub async fn records_of_an_erased_person_still_count_and_unsubscribing_still_holds(lab: &Lab) {
    let held = lives(lab, &JANA).await;
    lives(lab, &OTTO).await;
    let found = lab.store.erasable(&JANA.canonical(), &[held]).await.unwrap();
    lab.store.erase(steps(found), &by(&JANA, false)).await.unwrap();

    let leads = lab.store.list_records(EntityKind::Lead, RecordFilter::default()).await.unwrap();
    assert_eq!(leads.len(), 2);
    let shown = lab.store.show_record(EntityKind::Lead, leads[1].id).await.unwrap().unwrap();
    assert_eq!((&shown.fields["full_name"], &shown.fields["status"]), (&"erased".into(), &"open".into()));
    assert!(lab.neighbours(keys(&JANA.enquiry())).await.records.is_empty(), "the same person is a new one");
    let row = lab.store.show_arrival(held).await.unwrap().unwrap().row;
    assert_eq!((row.state.as_str(), row.reason.as_deref()), ("discarded", Some("erased")));

    let sent: Vec<_> = lab.claim_of(Queue::Deliver, "courier", 9, LEASE, false).await;
    let payload = |lease: &pisteur::store::Lease| match lease.subject() {
        JobSubject::Effect(effect) => effect.payload.to_string(),
        JobSubject::Arrival(_) => String::new(),
    };
    assert_eq!(sent.len(), 1, "only the other person's delivery goes out");
    assert!(payload(&sent[0]).contains(OTTO.email));

    let mail = mail_to(lab, &JANA, lab.id(), Vec::new());
    let why = Turn::Withheld("the address asked not to be written to");
    assert_eq!(lab.store.visitor_turn(mail).await.unwrap(), why);
    let same = lab.form(&JANA.enquiry().message, &[&format!("form:contact:hash:{}", JANA.word.len())]);
    let anew = lab.accept(same).await;
    assert_eq!(anew.duplicate_of(), None, "the same words again are no repeat");
    let lease = lab.lease_of(anew.id()).await;
    let enquiry = JANA.enquiry();
    assert_eq!(enquiry.emails[0].kind, EmailKind::Personal);
    lab.decide(&lease, &enquiry).await;
    let leads = lab.store.list_records(EntityKind::Lead, RecordFilter::default()).await.unwrap();
    let new = lab.store.show_record(EntityKind::Lead, leads[0].id).await.unwrap().unwrap();
    assert_eq!((leads.len(), &new.fields["unsubscribed"]), (3, &true.into()), "{:?}", new.fields);
}

pub async fn an_erasure_takes_the_work_from_whoever_has_it(lab: &Lab) {
    let enquiry = JANA.enquiry();
    let lease = lab.claimed(&enquiry.message).await;
    let JobSubject::Arrival(arrival) = *lease.subject() else { panic!("a process job") };
    let commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(lab.record(RecordKind::Lead))));
    let found = lab.store.erasable(&JANA.canonical(), &[arrival]).await.unwrap();
    lab.store.erase(steps(found), &by(&JANA, false)).await.unwrap();
    assert_eq!(lab.one(commit).await, Committed::Fenced);
    let all = texts(lab).await;
    assert!(!all.contains(JANA.word) && !all.contains(&JANA.canonical()), "{all}");
}

pub async fn an_erasure_beside_daemons_that_write_leaves_nothing(lab: &Lab) {
    let held = lives(lab, &JANA).await;
    let mut leases = Vec::new();
    for n in 0..12 {
        let lease = lab.claimed(&format!("{n} {}", JANA.word)).await;
        leases.push(lease);
    }
    let also: Vec<Ulid> = leases
        .iter()
        .filter_map(|l| if let JobSubject::Arrival(id) = l.subject() { Some(*id) } else { None })
        .chain([held])
        .collect();
    let writers = async {
        for lease in &leases {
            let enquiry = JANA.enquiry();
            let known = lab.neighbours(keys(&enquiry)).await;
            let action = known.records.iter().find(|n| n.open).map_or_else(
                || Action::Create(Box::new(lab.record(RecordKind::Lead))),
                |open| Action::Append(open.entity),
            );
            let mut commit = lab.commit(lease, &enquiry, action);
            commit.guard.seen = known.records.iter().map(|n| n.entity.id).collect();
            lab.one(commit).await;
        }
    };
    let eraser = async {
        for _ in 0..3 {
            let found = lab.store.erasable(&JANA.canonical(), &also).await.unwrap();
            lab.store.erase(steps(found), &by(&JANA, false)).await.unwrap();
        }
    };
    futures::join!(writers, eraser);
    let found = lab.store.erasable(&JANA.canonical(), &also).await.unwrap();
    lab.store.erase(steps(found), &by(&JANA, false)).await.unwrap();
    let all = texts(lab).await;
    assert!(!all.contains(JANA.word) && !all.contains(&JANA.canonical()), "{all}");
}

pub async fn mentions_are_found_in_text_subject_and_fields_in_any_case(lab: &Lab) {
    for at in ["text", "subject", "field"] {
        let mut enquiry = person(&format!("Otto {at}"), &format!("otto@{at}.cz"), None);
        let mut submission = Submission { text: enquiry.message.clone(), ..Submission::default() };
        let said = format!("ask JÖRG_{at}@Needle.cz");
        match at {
            "text" => (enquiry.message, submission.text) = (said.clone(), said),
            "subject" => submission.subject = Some(said),
            _ => enquiry.custom.push(CustomField { name: "colleague".to_owned(), value: said }),
        }
        let lease = lab.claimed(at).await;
        let mut commit = lab.commit(&lease, &enquiry, Action::Nothing);
        let new = lab.record(RecordKind::Lead);
        commit.decision.action = Action::Create(Box::new(new));
        commit.submission = Arc::new(submission);
        assert_eq!(lab.one(commit).await, Committed::Done { owner: None }, "{at}");
        let found = lab.store.mentioned(&format!("jörg_{at}@needle.cz"), 10).await.unwrap();
        assert_eq!(found.len(), 1, "{at}");
        assert!(lab.store.mentioned(&format!("jorg-{at}@needle.cz"), 10).await.unwrap().is_empty());
    }
}
