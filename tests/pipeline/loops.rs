//! Writers who make one new record after another, on both engines.

use std::time::Duration;

use pisteur::domain::envelope::ArrivalState;
use ulid::Ulid;

use super::house::House;
use super::{mail, only_lead};
use crate::support::postgres::Postgres;

const MINUTE: Duration = Duration::from_secs(60);
const WRITER: &str = "Info <info@stavby-novak.cz>";
const KEYS: &str = "form_senders = [\"noreply@portal.example\"]\nforwarders = [\"partner.example\"]\nauthserv_ids = [\"mx.our-company.example\"]\n[matching]\nappend_within_days = 0\n";

fn nth(n: u32) -> String {
    mail(WRITER, &format!("l{n}@x.cz"), &format!("Poptávka {n}"), "", &format!("Prosím o cenu, číslo {n}."))
}

/// Journals and works, one after the other: each sees what the one before made.
async fn sent(house: &House, raw: &str) -> Ulid {
    let id = house.mail(raw).await.id();
    house.work().await;
    id
}

async fn states(house: &House, id: Ulid) -> (ArrivalState, Option<String>) {
    let arrival = house.arrival(id).await;
    (arrival.state, arrival.reason)
}

async fn the_twenty_first_new_record_of_a_writer_waits_for_a_person(house: House) {
    for n in 0..20 {
        house.mail(&nth(n)).await;
    }
    house.work().await;
    assert_eq!(house.leads().await.len(), 20, "twenty are a busy customer");
    let held = sent(&house, &nth(20)).await;
    assert_eq!(states(&house, held).await, (ArrivalState::Quarantined, Some("loop".to_owned())));
    let other = mail("Eva Malá <eva@mala-dilna.cz>", "e1@x.cz", "Dveře", "", "Prosím o cenu dveří");
    assert_eq!(states(&house, sent(&house, &other).await).await.0, ArrivalState::Decided, "nobody else is held");
    house.release(held).await;
    house.work().await;
    assert_eq!(states(&house, held).await.0, ArrivalState::Decided, "a person let it through");
    assert_eq!(house.leads().await.len(), 22);
    house.later(MINUTE * 119);
    assert_eq!(states(&house, sent(&house, &nth(21)).await).await.0, ArrivalState::Quarantined);
    house.later(MINUTE);
    assert_eq!(states(&house, sent(&house, &nth(22)).await).await.0, ArrivalState::Decided, "the time is over");
    house.store.close().await;
}

async fn a_sender_whom_our_server_denies_joins_nothing(house: House) {
    let eva = |id: &str, extra: &str, text: &str| mail("Eva Malá <eva@mala-dilna.cz>", id, "Dveře", extra, text);
    sent(&house, &eva("e1@x.cz", "", "Prosím o cenu dveří.")).await;
    let denied = "Authentication-Results: mx.our-company.example; dmarc=fail header.from=mala-dilna.cz; spf=fail\n";
    let forged = sent(&house, &eva("e2@evil.example", denied, "Moje nové číslo je +420 777 000 111.")).await;
    assert_eq!(states(&house, forged).await, (ArrivalState::Quarantined, Some("unvouched_sender".to_owned())));
    let unknown = mail("Jan Nový <jan@novy-dum.cz>", "n1@x.cz", "Okna", denied, "Prosím o cenu oken.");
    let unknown = sent(&house, &unknown.replace("mala-dilna", "novy-dum")).await;
    assert_eq!(states(&house, unknown).await.0, ArrivalState::Decided, "nobody known is touched");
    assert_eq!(house.leads().await.len(), 2);
    house.store.close().await;
}

async fn an_id_that_a_forger_chose_proves_no_report(house: House) {
    let said = |result: &str, domain: &str| {
        format!("Authentication-Results: mx.our-company.example; dmarc={result} header.from={domain}\n")
    };
    let vouched = said("pass", "mala-dilna.cz");
    sent(&house, &mail("Eva Malá <eva@mala-dilna.cz>", "e1@x.cz", "Dveře", &vouched, "Prosím o cenu dveří.")).await;
    let silent = "Authentication-Results: mx.our-company.example; dmarc=none; spf=none\n";
    sent(&house, &mail("Eva Malá <eva@mala-dilna.cz>", "f1@evil.example", "Dveře", silent, "A ještě okno.")).await;
    let bounce = |id: &str, named: &str| {
        format!(
            "Return-Path: <>\nFrom: <MAILER-DAEMON@mx.evil.example>\nTo: sales@our-company.example\nMessage-ID: <{id}>\n\
             Subject: Undelivered Mail\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nIt failed.\n--r\n\
             Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; eva@mala-dilna.cz\n\
             Action: failed\nStatus: 5.1.1\n\n--r\nContent-Type: message/rfc822\n\nFrom: sales@our-company.example\n\
             To: eva@mala-dilna.cz\nMessage-ID: <out@mx>\nReferences: <{named}>\nSubject: Re: x\n\nx\n--r--\n"
        )
    };
    for (id, named, reason) in [("b1@evil", "f1@evil.example", "unproven_report"), ("b2@mx", "e1@x.cz", "bounce")] {
        let report = sent(&house, &bounce(id, named)).await;
        assert_eq!(states(&house, report).await.1.as_deref(), Some(reason), "{named}");
    }
    house.store.close().await;
}

async fn who_speaks_for_others_is_not_counted(house: House) {
    for n in 0..25 {
        let form = format!(
            "Name: Jan Novák{n}\nEmail: jan{n}@stavby-novak{n}.cz\nPhone: +420 601 100 1{n:02}\nMessage: Prosím o cenu {n}"
        );
        house.mail(&mail("Web <web@shop.example>", &format!("w{n}@x"), "New contact form submission", "", &form)).await;
        let nobody = format!("Prosím zavolejte, poptávka číslo {n}.");
        house
            .mail(&mail("Portal <noreply@portal.example>", &format!("p{n}@x"), &format!("Lead {n}"), "", &nobody))
            .await;
        let said = format!("K poptávce {n} prosím zavolat.");
        house
            .mail(&mail("Petr <info@agent.partner.example>", &format!("a{n}@x"), &format!("Okna {n}"), "", &said))
            .await;
    }
    house.work().await;
    assert_eq!(house.in_state(ArrivalState::Quarantined).await, 0);
    assert_eq!(house.leads().await.len(), 75);
    house.store.close().await;
}

async fn a_visitor_who_floods_a_form_by_mail_is_counted_and_not_the_website(house: House) {
    let form = |n: u32, who: &str| {
        let text = format!("Name: Jan Novák\nEmail: {who}\nMessage: Prosím o cenu {n}");
        mail("Web <web@shop.example>", &format!("{who}-{n}@x"), "New contact form submission", "", &text)
    };
    for n in 0..22 {
        house.mail(&form(n, "info@stavby-novak.cz")).await;
    }
    house.work().await;
    assert_eq!(house.in_state(ArrivalState::Quarantined).await, 2);
    let other = sent(&house, &form(0, "eva@mala-dilna.cz")).await;
    assert_eq!(states(&house, other).await.0, ArrivalState::Decided);
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_joins_a_record_is_never_held() {
    let house = House::sqlite().await;
    for n in 0..30 {
        let text = format!("Ještě otázka {n}");
        house.mail(&mail("Jan Novák <jan.novak@stavby-novak.cz>", &format!("j{n}@x.cz"), &text, "", &text)).await;
    }
    house.work().await;
    only_lead(&house).await;
    assert_eq!(house.in_state(ArrivalState::Quarantined).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_can_be_set_and_switched_off() {
    for (keys, held) in [("loop_records = 3\nloop_minutes = 10\n", 2), ("loop_records = 0\n", 0)] {
        let house = House::sqlite_with(&format!("{KEYS}{keys}")).await;
        for n in 0..5 {
            house.mail(&nth(n)).await;
        }
        house.work().await;
        assert_eq!(house.in_state(ArrivalState::Quarantined).await, held, "{keys}");
    }
}

macro_rules! on_both {
    ($($name:ident),+) => { $(
        mod $name {
            use super::{House, KEYS, Postgres};

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$name(House::sqlite_with(KEYS).await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                let server = Postgres::shared();
                super::$name(House::at_with(&server.url(&server.database()), KEYS).await).await;
            }
        }
    )+ };
}

on_both!(
    a_sender_whom_our_server_denies_joins_nothing,
    an_id_that_a_forger_chose_proves_no_report,
    the_twenty_first_new_record_of_a_writer_waits_for_a_person,
    who_speaks_for_others_is_not_counted,
    a_visitor_who_floods_a_form_by_mail_is_counted_and_not_the_website
);
