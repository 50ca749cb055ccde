//! A small valid folder, and arrivals to run it on.

use pisteur::clock::Timestamp;
use pisteur::domain::enquiry::{Address, Email, EmailKind, Enquiry, Money};
use pisteur::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use pisteur::domain::rules::facts::{Facts, KnownFacts};
use pisteur::domain::rules::{Declarations, Diagnostic, Evaluation, FieldType, RuleSet, RuleSources, diagnostics};
use pisteur::domain::submission::{Field, MailClass, MailFacts, Mailbox, Submission};
use ulid::Ulid;

pub const NOW: Timestamp = Timestamp::from_seconds(1_763_630_000);

/// What the configuration declares.
pub fn declared() -> Declarations {
    let fields = [
        ("name", FieldType::Text),
        ("email", FieldType::Email),
        ("phone", FieldType::Phone),
        ("company", FieldType::Text),
        ("postcode", FieldType::Postcode),
        ("message", FieldType::Text),
        ("budget", FieldType::Money),
        ("quantity", FieldType::Number),
        ("newsletter", FieldType::Bool),
    ];
    let fields = fields.into_iter().map(|(n, t)| (n.to_owned(), t)).collect();
    Declarations {
        forms: [("contact".to_owned(), fields)].into(),
        intakes: vec!["contact".to_owned(), "sales".to_owned()],
        templates: vec!["house-portal".to_owned()],
        own_domains: vec!["our-company.example".to_owned()],
        default_country: "FR".to_owned(),
    }
}

/// A valid folder with the given files put over it.
pub fn folder(files: &[(&str, &str)]) -> RuleSources {
    let mut sources = RuleSources::default();
    let base = [
        ("rules.toml", "language = 1\ncurrency = \"EUR\"\n[facts]\nquantity = \"number\"\n"),
        (
            "people.toml",
            "[[user]]\nid = \"alice\"\n[[user]]\nid = \"bruno\"\n[[user]]\nid = \"gone\"\nactive = false\n\
             [[team]]\nid = \"france\"\nmembers = [\"alice\"]\n",
        ),
        (
            "pools.toml",
            "[pool.inside-sales]\non_empty = \"queue:triage\"\nmembers = [{ user = \"alice\", weight = 2 }, \"bruno\"]\n\
             [pool.lyon]\non_empty = \"pool:inside-sales\"\nmembers = [\"bruno\"]\n",
        ),
        ("lists/competitors.txt", "# ours\nrival.example\n"),
        ("tables/territories.csv", "from,to,pool,comment\n69,69,inside-sales,\n69001,69009,lyon,city\n2A,2B,lyon,\n"),
        (
            "40-assign.toml",
            "[[rule]]\nid = \"catch-all\"\nwhen.always = true\nthen.owner = { pool = \"inside-sales\" }\n",
        ),
    ];
    for (name, text) in base.iter().chain(files) {
        sources.files.insert((*name).to_owned(), (*text).to_owned());
    }
    sources
}

/// The compiled folder; panics with the rendered diagnostics.
pub fn compile(files: &[(&str, &str)]) -> RuleSet {
    let sources = folder(files);
    match RuleSet::compile(&sources, &declared()) {
        Ok(compiled) => compiled.rules,
        Err(found) => panic!("{}", diagnostics::render(&found, &sources, false)),
    }
}

/// Everything found in the folder.
pub fn diagnose(files: &[(&str, &str)]) -> (RuleSources, Vec<Diagnostic>) {
    let sources = folder(files);
    let found = match RuleSet::compile(&sources, &declared()) {
        Ok(compiled) => compiled.diagnostics,
        Err(found) => found,
    };
    (sources, found)
}

/// An arrival under construction.
pub struct Arrival {
    pub submission: Submission,
    pub enquiry: Enquiry,
    pub envelope: Envelope,
    pub known: KnownFacts,
}

impl Arrival {
    pub fn mail(subject: &str, body: &str) -> Self {
        let mut arrival = Self::new(Channel::Mail, RawKind::Mail, "sales");
        let mailbox = |address: &str| Mailbox { name: None, address: Some(address.to_owned()) };
        arrival.submission.class = Some(MailClass::Person);
        arrival.submission.subject = Some(subject.to_owned());
        body.clone_into(&mut arrival.submission.text);
        body.clone_into(&mut arrival.submission.reply);
        arrival.submission.mail = Some(MailFacts {
            from: mailbox("claire@acme.example"),
            to: vec![mailbox("Sales@Our-Company.example")],
            ..MailFacts::default()
        });
        arrival.enquiry.language = Some("fr".to_owned());
        arrival.email("claire@mail.acme.example")
    }

    pub fn form(fields: &[(&str, &str)]) -> Self {
        let mut arrival = Self::new(Channel::Form, RawKind::Form, "contact");
        let field = |(name, value): &(&str, &str)| Field {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            canonical: None,
        };
        arrival.submission.fields = fields.iter().map(field).collect();
        arrival
    }

    fn new(channel: Channel, raw_kind: RawKind, intake: &str) -> Self {
        let envelope = Envelope {
            id: Ulid::from_parts(1, 7),
            channel,
            intake_id: intake.to_owned(),
            keys: Vec::new(),
            received_at: NOW,
            digest: Digest::of(b""),
            raw_kind,
            content_type: None,
            context: ArrivalContext::default(),
            raw: bytes::Bytes::new(),
        };
        let (submission, enquiry) = (Submission::default(), Enquiry::default());
        Self { submission, enquiry, envelope, known: KnownFacts::default() }
    }

    pub fn email(mut self, address: &str) -> Self {
        let (address, kind) = (address.to_owned(), EmailKind::Personal);
        self.enquiry.emails = vec![Email { canonical: address.clone(), address, kind }];
        self
    }

    pub fn postcode(mut self, code: &str) -> Self {
        self.enquiry.addresses = vec![Address { postcode: Some(code.to_owned()), ..Address::default() }];
        self
    }

    pub fn budget(mut self, minor: i64, currency: Option<&str>) -> Self {
        self.enquiry.budget = Some(Money { minor, currency: currency.map(str::to_owned) });
        self
    }

    pub fn facts(&self) -> Facts {
        Facts::gather(&self.enquiry, &self.submission, &self.envelope, &self.known, &declared())
    }

    pub fn run(&self, rules: &RuleSet) -> Evaluation {
        rules.evaluate(&self.facts(), NOW)
    }
}

/// Whether one classify rule with this `when` matches the arrival, and why.
pub fn matches(when: &str, arrival: &Arrival) -> (bool, String) {
    let rule = format!("[[rule]]\nid = \"r\"\n{when}\nthen.create = \"opportunity\"\n");
    let rules = compile(&[("30-classify.toml", &rule)]);
    let evaluation = arrival.run(&rules);
    let step = evaluation.trace.iter().find(|s| s.rule == "r").expect("the rule is looked at");
    (step.matched, step.because.clone())
}
