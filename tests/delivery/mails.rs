//! Mail to owners, from the committed decision to the SMTP server.

use mail_parser::MessageParser;
use pisteur::config::delivery::{DeliveryConfig, MailLanguage};
use pisteur::domain::decision::OwnerChoice;
use pisteur::domain::enquiry::EmailKind;
use pisteur::domain::reading::{OWN_HEADER, ReadSettings};
use pisteur::domain::submission::MailClass;

use super::scene::{Scene, Visitor};
use crate::reading::generated::arrivals::mail;
use crate::support::proxy::ChaosProxy;
use crate::support::smtp::{Mail, SmtpSink};
use pisteur::delivery::check;

async fn settle(scene: &Scene, config: &DeliveryConfig) {
    let worker = scene.worker(config, scene.deliverers(config));
    scene.until("every effect is settled", async || scene.settled_or_later().await).await;
    worker.stop().await;
}

async fn mail_for(visitor: &Visitor, change: impl Fn(&mut DeliveryConfig)) -> (Vec<Mail>, Scene, String) {
    let (scene, sink) = (Scene::new().await, SmtpSink::start());
    let mut config = Scene::mail_config(sink.port());
    change(&mut config);
    let (_, effects) = scene.arrive(&config, visitor).await;
    settle(&scene, &config).await;
    (sink.mails(), scene, effects[0].id.to_string())
}

fn head(mail: &Mail) -> String {
    mail.text().split("\r\n\r\n").next().unwrap().to_owned()
}

#[tokio::test]
async fn the_owner_is_told_who_and_what_by_a_mail_that_is_recognisably_automatic_and_ours() {
    let (mails, _scene, id) = mail_for(&Visitor::default(), |_| {}).await;
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("crm@ours.example.net", &["anne@ours.example.net".to_owned()][..])
    );
    let head = head(mail);
    for line in [
        "Auto-Submitted: auto-generated".to_owned(),
        "X-Auto-Response-Suppress: All".to_owned(),
        format!("{OWN_HEADER}: {id}"),
    ] {
        assert!(head.lines().any(|l| l == line), "{line} not in {head}");
    }
    let read = MessageParser::default().parse(&mail.data).unwrap();
    assert_eq!(read.subject(), Some("Nouvelle piste : Zoé Čapek"));
    assert_eq!(read.message_id().unwrap(), format!("{id}.notification@ours.example.net"));
    assert_eq!(read.from().unwrap().first().unwrap().address(), Some("crm@ours.example.net"));
    assert_eq!(read.reply_to().unwrap().first().unwrap().address(), Some("zoe@client.example.org"));
    let text = read.body_text(0).unwrap();
    assert!(text.contains("Qui : Zoé Čapek") && text.contains("Objet : Devis chaudière"), "{text}");
    assert!(!text.contains("a private message") && !text.contains("http"), "{text}");
}

#[tokio::test]
async fn our_own_mail_is_recognised_when_it_comes_back() {
    let (mails, ..) = mail_for(&Visitor::default(), |_| {}).await;
    let raw = mails[0].data.clone();
    let envelope = mail(raw);
    // The sender of our mails is one of our addresses; a stranger who copies the header is not us.
    let ours = ReadSettings { own_addresses: vec!["crm@ours.example.net".to_owned()], ..ReadSettings::default() };
    assert_eq!(pisteur::domain::reading::read(&envelope, &ours).class, Some(MailClass::OwnMessage));
    let others = pisteur::domain::reading::read(&envelope, &ReadSettings::default());
    assert_ne!(others.class, Some(MailClass::OwnMessage));
}

#[tokio::test]
async fn each_configured_language_arrives_readable() {
    for (language, subject) in [
        (MailLanguage::En, "New lead: Zoé Čapek"),
        (MailLanguage::Cs, "Nová poptávka: Zoé Čapek"),
        (MailLanguage::Fa, "سرنخ جدید: Zoé Čapek"),
    ] {
        let (mails, ..) = mail_for(&Visitor::default(), |c| c.owner_mail.language = language).await;
        assert_eq!(MessageParser::default().parse(&mails[0].data).unwrap().subject(), Some(subject));
    }
}

#[tokio::test]
async fn a_reply_goes_only_to_a_person() {
    for kind in [EmailKind::Role, EmailKind::Disposable, EmailKind::Own] {
        let visitor = Visitor { kind, ..Visitor::default() };
        let (mails, ..) = mail_for(&visitor, |_| {}).await;
        assert!(!head(&mails[0]).to_lowercase().contains("reply-to:"), "{kind:?}: {}", head(&mails[0]));
    }
}

#[tokio::test]
async fn names_and_topics_cannot_add_headers_or_recipients() {
    let visitor = Visitor {
        name: "Eve\r\nBcc: everyone@example.com\r\n\r\n<script>".into(),
        topic: "x\r\n.\r\nMAIL FROM:<spam@example.com>\r\nSubject: y".into(),
        ..Visitor::default()
    };
    let (mails, ..) = mail_for(&visitor, |_| {}).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ["anne@ours.example.net"]);
    let read = MessageParser::default().parse(&mails[0].data).unwrap();
    assert!(read.bcc().is_none() && read.header_values("Bcc").next().is_none());
    assert!(read.subject().unwrap().contains("Eve Bcc: everyone@example.com"), "{:?}", read.subject());
    assert_eq!(head(&mails[0]).lines().filter(|l| l.to_lowercase().starts_with("subject:")).count(), 1);
}

#[tokio::test]
async fn a_hostile_address_is_no_reply_address() {
    for email in ["a@b.example>\r\nBcc: x@y.example", "not an address", "ž@příklad.example", "a@b.example, c@d.example"]
    {
        let visitor = Visitor { email: email.into(), ..Visitor::default() };
        let (mails, ..) = mail_for(&visitor, |_| {}).await;
        assert_eq!(mails[0].to, ["anne@ours.example.net"], "{email:?}");
        assert!(!head(&mails[0]).to_lowercase().contains("reply-to:"), "{email:?}: {}", head(&mails[0]));
    }
}

#[tokio::test]
async fn a_mail_that_cannot_go_now_goes_later_as_the_same_mail() {
    let (scene, sink) = (Scene::new().await, SmtpSink::start());
    let config = Scene::mail_config(sink.port());
    sink.refuse(Some("450 4.2.1 anne@ours.example.net is over quota"));
    scene.arrive(&config, &Visitor::default()).await;
    let worker = scene.worker(&config, scene.deliverers(&config));
    scene
        .until("the first attempt failed", async || {
            // A failed attempt waits for its time: nothing is held any more, one is waiting.
            let stats = scene.store.stats().await;
            stats.leased.get("deliver").copied().unwrap_or(0) == 0 && scene.open_effects().await == 1
        })
        .await;
    worker.stop().await;
    sink.refuse(None);
    sink.lose_reply(true);
    let worker = scene.worker(&config, scene.deliverers(&config));
    scene
        .until("the mail was taken and its answer lost", async || {
            scene.settled_or_later().await || !sink.mails().is_empty()
        })
        .await;
    sink.lose_reply(false);
    scene.until("every effect is settled", async || scene.settled_or_later().await).await;
    worker.stop().await;
    let mails = sink.mails();
    assert!(mails.len() >= 2, "the lost answer makes a second mail");
    let ids: std::collections::BTreeSet<String> = mails
        .iter()
        .map(|m| MessageParser::default().parse(&m.data).unwrap().message_id().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "recognisably the same mail");
}

#[tokio::test]
async fn a_refused_recipient_is_a_dead_letter_without_the_address() {
    let (scene, sink) = (Scene::new().await, SmtpSink::start());
    let config = Scene::mail_config(sink.port());
    sink.refuse(Some("550 5.1.1 <anne@ours.example.net> nobody here"));
    scene.arrive(&config, &Visitor::default()).await;
    settle(&scene, &config).await;
    let dead = scene.dead().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].error.as_deref(), Some("the mail server refused it (550)"));
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn a_wrong_password_waits_for_the_operator() {
    let (scene, sink) = (Scene::new().await, SmtpSink::start());
    let mut config = Scene::mail_config(sink.port());
    config.max_attempts = 2;
    sink.refuse(Some("535 5.7.8 wrong password"));
    scene.arrive(&config, &Visitor::default()).await;
    settle(&scene, &config).await;
    let dead = scene.dead().await;
    assert_eq!(dead[0].attempts, 2, "it was tried again: {dead:?}");
    assert!(dead[0].error.as_deref().unwrap().contains("check user and password"), "{dead:?}");
}

#[tokio::test]
async fn nobody_is_mailed_about_a_record_without_owner_and_a_nameless_owner_is_visible() {
    let visitor = Visitor { owner: OwnerChoice::Nobody, ..Visitor::default() };
    let (mails, scene, _) = mail_for(&visitor, |_| {}).await;
    assert!(mails.is_empty() && scene.dead().await.is_empty());
    let visitor = Visitor { owner: OwnerChoice::Person("ghost".into()), ..Visitor::default() };
    let (mails, scene, _) = mail_for(&visitor, |_| {}).await;
    assert!(mails.is_empty());
    assert!(scene.dead().await[0].error.as_deref().unwrap().contains("add an email in people.toml"));
}

#[tokio::test]
async fn a_bad_line_to_the_mail_server_loses_nothing() {
    let (scene, sink) = (Scene::new().await, SmtpSink::start());
    let proxy = ChaosProxy::to_port(sink.port());
    let config = DeliveryConfig { timeout_seconds: 1, ..Scene::mail_config(proxy.port()) };
    for _ in 0..5 {
        scene.arrive(&config, &Visitor::default()).await;
    }
    proxy.refuse(true);
    let worker = scene.worker(&config, scene.deliverers(&config));
    let mut looks = 0;
    scene
        .until("every effect is settled", async || {
            looks += 1;
            match looks {
                20 => proxy.refuse(false),
                25 => proxy.cut(),
                _ => {}
            }
            scene.settled_or_later().await
        })
        .await;
    worker.stop().await;
    assert!(scene.dead().await.is_empty());
    let ids: std::collections::BTreeSet<String> = sink
        .mails()
        .iter()
        .map(|m| MessageParser::default().parse(&m.data).unwrap().message_id().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn the_check_says_whether_the_server_answers() {
    let sink = SmtpSink::start();
    let well = check(&Scene::mail_config(sink.port())).await;
    assert_eq!(well[0].result.as_deref(), Ok("connected and logged in"));
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let ill = check(&Scene::mail_config(port)).await;
    assert!(ill[0].result.is_err(), "{ill:?}");
    assert!(sink.mails().is_empty());
}
