//! What mail of machines does to the records it is about, on both engines.

use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::matching::EntityKind;
use pisteur::store::{Claim, Queue};

use super::house::House;
use super::{jan, mail, only_lead};
use crate::support::postgres::Postgres;

const JAN: &str = "jan.novak@stavby-novak.cz";

fn report(id: &str, status: &str, said: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: Mail System <MAILER-DAEMON@mx.our-company.example>\nTo: sales@our-company.example\n\
         Message-ID: <{id}>\nSubject: Undelivered Mail\nDate: Fri, 20 Nov 2026 10:00:00 +0100\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nIt failed.\n--r\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.our-company.example\n\n\
         Final-Recipient: rfc822; Jan.Novak@Stavby-Novak.cz\nAction: failed\nStatus: {status}\n\
         Diagnostic-Code: smtp; {said}\n--r\nContent-Type: message/rfc822\n\nFrom: sales@our-company.example\n\
         To: {JAN}\nMessage-ID: <out-{id}>\nIn-Reply-To: <m1@x.cz>\nSubject: Re: Okna\n\nNabídka\n--r--\n"
    )
}

async fn a_bounce_flags_the_address_and_makes_nothing(house: House) {
    house.mail(&jan("m1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    let soft = house.mail(&report("b1@mx", "5.2.2", "552 5.2.2 mailbox full")).await;
    house.work().await;
    let point = async || house.show(EntityKind::Lead, lead.id).await.contact_points.remove(0);
    let flagged = point().await;
    assert_eq!((flagged["bounce"].as_str(), flagged["bounce_status"].as_str()), (Some("soft"), Some("5.2.2")));
    let hard = house.mail(&report("b2@mx", "5.1.1", "550 5.1.1 user unknown")).await;
    house.work().await;
    let flagged = point().await;
    assert_eq!((flagged["bounce"].as_str(), flagged["bounce_status"].as_str()), (Some("hard"), Some("5.1.1")));
    for id in [soft.id(), hard.id()] {
        assert_eq!(house.arrival(id).await.state, ArrivalState::Parked);
    }
    let lead = only_lead(&house).await;
    assert!(!house.show(EntityKind::Lead, lead.id).await.fields["unsubscribed"].as_bool().unwrap_or(true));
    house.store.close().await;
}

async fn each_recipient_of_a_report_is_flagged_by_what_is_said_of_them(house: House) {
    let people = ["eva@mala-dilna.cz", "petr@velky-dum.cz", "ota@dlouhy-plot.cz", "iva@kratka-zed.cz"];
    for (n, address) in people.iter().enumerate() {
        let from = format!("{} <{address}>", ["Eva Malá", "Petr Velký", "Ota Dlouhý", "Iva Krátká"][n]);
        house.mail(&mail(&from, &format!("m{n}@x.cz"), &format!("Poptávka {n}"), "", "Prosím o cenu")).await;
    }
    house.work().await;
    let block = |n: usize, action: &str, status: &str, said: &str| {
        let address = people[n];
        format!(
            "Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {said}\n\n"
        )
    };
    let blocks = [
        block(1, "delayed", "4.4.1", "451 4.4.1 no answer yet"),
        block(2, "delivered", "2.0.0", "250 2.0.0 ok"),
        block(0, "failed", "5.1.1", "550 5.1.1 user unknown"),
        block(3, "failed", "5.2.2", "552 5.2.2 mailbox full"),
    ];
    let report = format!(
        "Return-Path: <>\nFrom: <MAILER-DAEMON@mx.our-company.example>\nTo: sales@our-company.example\n\
         Message-ID: <many@mx>\nSubject: Undelivered Mail\nDate: Fri, 20 Nov 2026 10:00:00 +0100\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nIt failed.\n--r\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.our-company.example\n\n{}--r\n\
         Content-Type: message/rfc822\n\nFrom: sales@our-company.example\nTo: {}\nMessage-ID: <out@mx>\n\
         References: <m0@x.cz> <m1@x.cz> <m2@x.cz> <m3@x.cz>\nSubject: Re: Okna\n\nNabídka\n--r--\n",
        blocks.concat(),
        people.join(", "),
    );
    let arrival = house.mail(&report).await;
    house.work().await;
    assert_eq!(house.arrival(arrival.id()).await.reason.as_deref(), Some("bounce"));
    let mut flagged = Vec::new();
    for lead in house.leads().await {
        let points = house.show(EntityKind::Lead, lead.id).await.contact_points;
        let said = |name: &str| points[0][name].as_str().map(str::to_owned);
        flagged.push((lead.email.unwrap_or_default(), said("bounce"), said("bounce_status")));
    }
    flagged.sort();
    let said = |word: &str, status: &str| (Some(word.to_owned()), Some(status.to_owned()));
    let wanted = [said("hard", "5.1.1"), said("soft", "5.2.2"), (None, None), (None, None)];
    let order = [0, 3, 2, 1].map(|n: usize| people[n].to_owned());
    let wanted: Vec<_> = order.into_iter().zip(wanted).map(|(address, (how, status))| (address, how, status)).collect();
    assert_eq!(flagged, wanted);
    house.store.close().await;
}

async fn a_complaint_and_a_request_end_mail_to_an_address(house: House) {
    house.mail(&jan("m1@x.cz", "Okna", "Dobrý den")).await;
    house.mail(&mail("Eva Malá <eva@mala-dilna.cz>", "e1@x.cz", "Dveře", "", "Prosím o cenu dveří")).await;
    house.mail(&mail("Petr Velký <petr@velky-dum.cz>", "p1@x.cz", "Střecha", "", "Prosím o cenu střechy")).await;
    house.work().await;
    let complaint = |id: &str, kind: &str, to: &str, answered: &str| {
        format!(
            "From: <feedback@isp.example>\nTo: sales@our-company.example\nMessage-ID: <{id}>\nSubject: complaint\n\
             Date: Fri, 20 Nov 2026 10:00:00 +0100\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=feedback-report; boundary=r\n\n--r\n\nA report.\n--r\n\
             Content-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: Isp/1\nVersion: 1\n\
             Original-Rcpt-To: {to}\n--r\nContent-Type: message/rfc822\n\nFrom: sales@our-company.example\nTo: {to}\n\
             Message-ID: <news-{id}>\nReferences: <{answered}>\nSubject: News\n\nNews\n--r--\n"
        )
    };
    let abuse = house.mail(&complaint("c1@isp", "abuse", "JAN.NOVAK@stavby-novak.cz", "m1@x.cz")).await;
    house.mail(&complaint("c2@isp", "auth-failure", "petr@velky-dum.cz", "p1@x.cz")).await;
    house.mail(&mail("Eva Malá <eva@mala-dilna.cz>", "e2@x.cz", "Re: News", "", "Odhlásit prosím")).await;
    house.work().await;
    assert_eq!(house.arrival(abuse.id()).await.state, ArrivalState::Parked);
    let mut left = Vec::new();
    for lead in house.leads().await {
        let unsubscribed = house.show(EntityKind::Lead, lead.id).await.fields["unsubscribed"].as_bool();
        left.push((lead.email.unwrap_or_default(), unsubscribed.unwrap_or_default()));
    }
    left.sort();
    let wanted = [("eva@mala-dilna.cz", true), (JAN, true), ("petr@velky-dum.cz", false)];
    assert_eq!(left, wanted.map(|(address, gone)| (address.to_owned(), gone)));
    house.store.close().await;
}

/// Reports of strangers about an address: what anybody can write.
fn forged_reports(about: &str) -> Vec<String> {
    let arf = format!(
        "From: <x@evil.example>\nTo: sales@our-company.example\nMessage-ID: <f1@evil>\nSubject: complaint\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=r\n\n--r\n\nA report.\n--r\n\
         Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: {about}\n--r\n\
         Content-Type: message/rfc822\n\nFrom: sales@our-company.example\nTo: {about}\nMessage-ID: <guess@our-company.example>\n\
         Subject: News\n\nNews\n--r--\n"
    );
    let notice = |kind: &str, key: &str, list: &str| {
        format!(
            r#"{{"notificationType":"{kind}","{key}":{{"{list}":[{{"emailAddress":"{about}","status":"5.1.1"}}]}}}}"#
        )
    };
    let stranger = "Stranger <x@evil.example>";
    vec![
        arf,
        mail(stranger, "f2@evil", "Notice", "", &notice("Complaint", "complaint", "complainedRecipients")),
        mail(stranger, "f3@evil", "Notice", "", &notice("Bounce", "bounce", "bouncedRecipients")),
        mail(stranger, "f4@evil", "Failed", &format!("X-Failed-Recipients: {about}\n"), "550 5.1.1 user unknown"),
        report("f5@evil", "5.1.1", "550 5.1.1 user unknown").replace("In-Reply-To: <m1@x.cz>\n", ""),
    ]
}

async fn a_strangers_report_silences_nobody(house: House) {
    house.mail(&jan("m1@x.cz", "Okna", "Dobrý den")).await;
    // Whoever is in Cc of a stranger's mail takes part in a conversation of that stranger only.
    let copied = format!("Cc: {JAN}\n");
    house.mail(&mail("Eva Malá <eva@mala-dilna.cz>", "e1@x.cz", "Dveře", &copied, "Prosím o cenu dveří")).await;
    house.work().await;
    let mut arrivals = Vec::new();
    for raw in forged_reports(JAN) {
        arrivals.push(house.mail(&raw).await.id());
    }
    // It names a conversation of ours, which is another's.
    let other = report("f6@evil", "5.1.1", "550 5.1.1 user unknown").replace("<m1@x.cz>", "<e1@x.cz>");
    arrivals.push(house.mail(&other).await.id());
    house.work().await;
    for id in arrivals {
        let arrival = house.arrival(id).await;
        assert_eq!(arrival.state, ArrivalState::Parked);
        assert_eq!(arrival.reason.as_deref(), Some("unproven_report"));
    }
    for lead in house.leads().await {
        let detail = house.show(EntityKind::Lead, lead.id).await;
        assert!(!detail.fields["unsubscribed"].as_bool().unwrap_or_default());
        assert!(detail.contact_points.iter().all(|point| point["bounce"].is_null()), "{:?}", detail.contact_points);
    }
    house.store.close().await;
}

async fn a_reporter_that_our_server_vouches_for_is_believed(house: House) {
    house.mail(&jan("m1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    let notice = format!(
        r#"{{"notificationType":"Bounce","bounce":{{"bouncedRecipients":[{{"emailAddress":"{JAN}","status":"5.1.1"}}]}}}}"#
    );
    let signed = "Authentication-Results: mx.our-company.example; dkim=pass header.d=sns.amazonaws.com\n";
    let known = house.mail(&mail("AWS <no-reply@sns.amazonaws.com>", "n1@aws", "Notification", signed, &notice)).await;
    house.work().await;
    let lead = only_lead(&house).await;
    let point = house.show(EntityKind::Lead, lead.id).await.contact_points.remove(0);
    assert_eq!(point["bounce"].as_str(), Some("hard"));
    assert_eq!(house.arrival(known.id()).await.reason.as_deref(), Some("bounce"));
    house.store.close().await;
}

/// The same words, from whom our mail server denies and from whom it does not.
async fn only_the_person_asks_to_be_left_alone(house: House) {
    house.mail(&jan("m1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    for (n, result, ends) in [(1, "dmarc=fail header.from=stavby-novak.cz", false), (2, "none", true)] {
        let verdict = format!("Authentication-Results: mx.our-company.example; {result}\n");
        let from = format!("Jan Novák <{JAN}>");
        house.mail(&mail(&from, &format!("u{n}@x.cz"), "unsubscribe", &verdict, "unsubscribe")).await;
        house.work().await;
        let fields = house.show(EntityKind::Lead, lead.id).await.fields;
        assert_eq!(fields["unsubscribed"].as_bool().unwrap_or_default(), ends, "{result}");
    }
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_person_asks_to_be_left_alone_on_sqlite() {
    only_the_person_asks_to_be_left_alone(House::sqlite_with(AGENT).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reporter_that_our_server_vouches_for_is_believed_on_sqlite() {
    a_reporter_that_our_server_vouches_for_is_believed(House::sqlite_with(AGENT).await).await;
}

async fn two_machines_that_answer_each_other_make_nothing(house: House) {
    house.mail(&jan("m1@x.cz", "Okna", "Dobrý den")).await;
    house.work().await;
    let lead = only_lead(&house).await;
    for n in 0..60 {
        let extra = "In-Reply-To: <m1@x.cz>\nAuto-Submitted: auto-replied\n";
        let from = format!("Jan Novák <{JAN}>");
        house
            .mail(&mail(&from, &format!("v{n}@x.cz"), "Mimo kancelář", extra, &format!("Vrátím se 30. 11. ({n})")))
            .await;
        let extra = "Auto-Submitted: auto-replied\nReturn-Path: <>\n";
        house.mail(&mail("Robot <robot@jinde.cz>", &format!("r{n}@y.cz"), "Re: Auto", extra, &format!("{n}"))).await;
    }
    house.work().await;
    only_lead(&house).await;
    assert_eq!(house.in_state(ArrivalState::Parked).await, 120, "every one is kept");
    let (queue, owner, lease) = (Queue::Deliver, "test".to_owned(), std::time::Duration::from_secs(60));
    let waiting = house.store.claim(Claim { queue, owner, limit: 10, lease, suspects: false }).await.expect("claimed");
    assert!(waiting.is_empty(), "and nobody is told or answered");
    let detail = house.show(EntityKind::Lead, lead.id).await;
    assert_eq!(detail.fields["status"], "open");
    let said = detail.communications.last().expect("joined");
    assert_eq!(said["fields"][0]["value"], "2026-11-30", "the day of return stands beside the answer: {said}");
    house.store.close().await;
}

/// Keys under which an agent may pass enquiries on.
const AGENT: &str = "forwarders = [\"agent@partner.example\"]\nauthserv_ids = [\"mx.our-company.example\"]\n";

async fn a_forged_forward_chooses_no_lead(house: House) {
    let text = "---------- Forwarded message ---------\nFrom: Jan Novák <jan.novak@stavby-novak.cz>\n\
                Date: Thu, 19 Nov 2026 at 09:00\nSubject: Okna\nTo: <agent@partner.example>\n\nDobrý den, kolik stojí okna?";
    let agent = "Agent <agent@partner.example>";
    let forged = "Authentication-Results: mx.our-company.example; spf=fail smtp.mailfrom=evil.example\n";
    house.mail(&mail(agent, "f1@evil", "Fwd: Okna", forged, text)).await;
    house.work().await;
    assert_eq!(only_lead(&house).await.email.as_deref(), Some("agent@partner.example"));
    let signed = "Authentication-Results: mx.our-company.example; dkim=pass header.d=partner.example\n";
    house.mail(&mail(agent, "f2@partner", "Fwd: Okna", signed, text)).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 2);
    assert_eq!(leads[1].email.as_deref(), Some(JAN));
    let detail = house.show(EntityKind::Lead, leads[1].id).await;
    assert!(detail.fields["message"].as_str().is_some_and(|m| m.starts_with("Dobrý den")), "{:?}", detail.fields);
    house.mail(&jan("j1@x.cz", "Re: Okna", "Ještě dotaz")).await;
    house.work().await;
    assert_eq!(house.leads().await.len(), 2, "and his own next mail joins it");
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_forward_chooses_no_lead_on_sqlite() {
    a_forged_forward_chooses_no_lead(House::sqlite_with(AGENT).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_forward_chooses_no_lead_on_postgres() {
    let server = Postgres::shared();
    a_forged_forward_chooses_no_lead(House::at_with(&server.url(&server.database()), AGENT).await).await;
}

macro_rules! on_both {
    ($($name:ident),+) => { $(
        mod $name {
            use super::{House, Postgres};

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$name(House::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                let server = Postgres::shared();
                super::$name(House::at(&server.url(&server.database())).await).await;
            }
        }
    )+ };
}

on_both!(
    a_bounce_flags_the_address_and_makes_nothing,
    each_recipient_of_a_report_is_flagged_by_what_is_said_of_them,
    a_complaint_and_a_request_end_mail_to_an_address,
    a_strangers_report_silences_nobody,
    two_machines_that_answer_each_other_make_nothing
);
