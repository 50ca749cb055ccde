//! Mail that was passed on more than once, and messages that come as files.

use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::reading::{ReadSettings, read};
use pisteur::domain::submission::Submission;

use super::{mail, settings};

fn through(raw: &str) -> (Submission, Enquiry) {
    let settings = ReadSettings { forwarders: vec!["ours.example".to_owned()], ..settings() };
    let envelope = mail(raw.replace('\n', "\r\n").as_bytes());
    let submission = read(&envelope, &settings);
    let enquiry = understand(&submission, &envelope, &settings);
    (submission, enquiry)
}

fn addresses(enquiry: &Enquiry) -> Vec<&str> {
    enquiry.emails.iter().map(|email| email.address.as_str()).collect()
}

const EVA: &str = "From: Eva Malá <eva@mala.cz>\nTo: jan@ours.example\nSubject: Židle\n\
    Date: Thu, 6 Mar 2025 09:00:00 +0100\nContent-Type: text/plain; charset=utf-8\n\nKolik stojí 20 židlí?\n";

fn parts(from: &str, parts: &[&str]) -> String {
    let parts = parts.join("\n--b\n");
    format!(
        "From: {from}\nTo: sales@ours.example\nSubject: Fwd\nMessage-ID: <p@x>\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=b\n\n--b\n{parts}\n--b--\n"
    )
}

fn file(message: &str) -> String {
    format!("Content-Type: message/rfc822\n\n{message}")
}

#[test]
fn what_colleagues_pass_on_to_each_other_is_from_the_customer() {
    let raw = "From: Boss <boss@ours.example>\nTo: sales@ours.example\nSubject: Fwd: Fwd: Židle\nMessage-ID: <f@x>\n\
        Content-Type: text/plain; charset=utf-8\n\nVyřiďte.\n\n---------- Forwarded message ---------\n\
        From: Jan <jan@ours.example>\nDate: Thu, 6 Mar 2025 at 10:00\nSubject: Fwd: Židle\nTo: <boss@ours.example>\n\n\
        Pro tebe.\n\n---------- Forwarded message ---------\nFrom: Eva Malá <eva@mala.cz>\n\
        Date: Thu, 6 Mar 2025 at 09:00\nSubject: Židle\nTo: <jan@ours.example>\n\nKolik stojí 20 židlí?\n";
    let (submission, enquiry) = through(raw);
    assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
    assert_eq!(enquiry.message, "Kolik stojí 20 židlí?");
    assert!(["Vyřiďte.", "Pro tebe."].iter().all(|words| submission.text.contains(words)), "{}", submission.text);
    let stranger = raw.replace("boss@ours.example>\nTo: sales", "boss@evil.example>\nTo: sales");
    assert_eq!(addresses(&through(&stranger).1), ["boss@evil.example"]);
    let attached = parts(
        "Boss <boss@ours.example>",
        &[&file(&parts("Jan <jan@ours.example>", &[&file(EVA)]).replace("=b", "=c").replace("--b", "--c"))],
    );
    let (_, enquiry) = through(&attached);
    assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
    assert_eq!(enquiry.message, "Kolik stojí 20 židlí?");
}

#[test]
fn a_message_without_words_of_its_own_has_those_inside() {
    let alone =
        "From: Petr <petr@velky.cz>\nTo: sales@ours.example\nSubject: Fwd\nMessage-ID: <p@x>\nMIME-Version: 1.0\n";
    let nested = format!("From: A <a@b.cz>\nSubject: x\nContent-Type: message/rfc822\n\n{EVA}");
    for raw in [
        format!("{alone}Content-Type: message/rfc822\n\n{EVA}"),
        parts("Petr <petr@velky.cz>", &[&file(EVA)]),
        parts("Petr <petr@velky.cz>", &[&file(&nested)]),
        format!(
            "{alone}Content-Type: multipart/digest; boundary=b\n\n--b\n\n{EVA}\n--b\n\n{}\n--b--\n",
            EVA.replace("20", "30")
        ),
    ] {
        let (submission, enquiry) = through(&raw);
        assert_eq!(addresses(&enquiry), ["petr@velky.cz"], "{raw}");
        assert!(enquiry.message.contains("Kolik stojí 20 židlí?"), "{raw}: {:?}", enquiry.message);
        assert!(submission.warnings.iter().all(|warning| warning.code != "no_text"), "{raw}");
        assert_eq!(enquiry.message.contains("30 židlí"), raw.contains("digest"));
    }
}

#[test]
fn several_enquiries_that_a_colleague_attaches_wait_for_a_person() {
    let words = "Content-Type: text/plain\n\nThree new ones.";
    let jan = EVA.replace("Eva Malá <eva@mala.cz>", "Jan <jan@novy.cz>");
    let (submission, _) = through(&parts("Anna <anna@ours.example>", &[words, &file(EVA), &file(&jan)]));
    assert!(submission.flags.iter().any(|flag| flag == "too_many_leads"), "{:?}", submission.flags);
    assert!(submission.warnings.iter().any(|warning| warning.code == "several_messages"));
    let (one, enquiry) = through(&parts("Anna <anna@ours.example>", &[words, &file(EVA)]));
    assert!(one.flags.iter().all(|flag| flag != "too_many_leads"));
    assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
    let (stranger, _) = through(&parts("Petr <petr@velky.cz>", &[words, &file(EVA), &file(&jan)]));
    assert!(stranger.flags.iter().all(|flag| flag != "too_many_leads"));
}

fn custom<'e>(enquiry: &'e Enquiry, name: &str) -> Option<&'e str> {
    enquiry.custom.iter().find(|field| field.name == name).map(|field| field.value.as_str())
}

/// A mail with `message` attached, its parts parted by a mark of its own.
fn around(from: &str, words: &str, message: &str, mark: usize) -> String {
    let words = format!("Content-Type: text/plain; charset=utf-8\n\n{words}");
    parts(from, &[&words, &file(message)])
        .replace("=b\n", &format!("=b{mark}\n"))
        .replace("\n--b\n", &format!("\n--b{mark}\n"))
        .replace("\n--b--\n", &format!("\n--b{mark}--\n"))
}

#[test]
fn what_a_colleague_says_of_it_stands_beside_the_message() {
    let block = "-- \nJan Novák\nObchodní oddělení\nTel. +420 602 111 222";
    let passed = |words: &str| {
        format!(
            "From: Jan Novák <jan@ours.example>\nTo: sales@ours.example\nSubject: Fwd: Židle\nMessage-ID: <f@x>\n\
             Content-Type: text/plain; charset=utf-8\n\n{words}\n\n---------- Forwarded message ---------\n\
             From: Eva Malá <eva@mala.cz>\nDate: Thu, 6 Mar 2025 at 09:00\nSubject: Židle\nTo: <jan@ours.example>\n\n\
             Kolik stojí 20 židlí?\n"
        )
    };
    let (_, enquiry) = through(&passed(&format!("Spěchá, chce slevu 10 %.\n\n{block}")));
    assert_eq!(enquiry.message, "Kolik stojí 20 židlí?");
    assert_eq!(custom(&enquiry, "forwarder_note"), Some("Spěchá, chce slevu 10 %."));
    for nothing in ["", block] {
        assert_eq!(custom(&through(&passed(nothing)).1, "forwarder_note"), None, "{nothing}");
    }
    let chain = around(
        "Boss <boss@ours.example>",
        "Vyřiďte to prosím dnes.",
        &around("Jan <jan@ours.example>", "Volal jsem jí, chce modré.", EVA, 1),
        2,
    );
    let (submission, enquiry) = through(&chain);
    assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
    assert_eq!(enquiry.message, "Kolik stojí 20 židlí?");
    let note = custom(&enquiry, "forwarder_note");
    assert_eq!(note, Some("Vyřiďte to prosím dnes.\n\nVolal jsem jí, chce modré."), "{submission:?}");
    let (_, stranger) =
        through(&passed("Spěchá.").replace("From: Jan Novák <jan@ours.example>", "From: P <p@velky.cz>"));
    assert_eq!(custom(&stranger, "forwarder_note"), None);
}

#[test]
fn messages_deep_inside_are_read_and_what_is_not_opened_is_said() {
    let nest = |levels: usize| {
        (1..levels).fold(EVA.to_owned(), |inner, level| {
            parts(&format!("A{level} <a{level}@velky.cz>"), &[&file(&inner)])
                .replace("=b\n", &format!("=b{level}\n"))
                .replace("\n--b\n", &format!("\n--b{level}\n"))
                .replace("\n--b--\n", &format!("\n--b{level}--\n"))
        })
    };
    let mail = |levels: usize| parts("Petr <petr@velky.cz>", &[&file(&nest(levels))]);
    let omitted =
        |submission: &Submission| submission.warnings.iter().any(|warning| warning.code == "messages_omitted");
    let (submission, enquiry) = through(&mail(10));
    assert_eq!((enquiry.message.as_str(), omitted(&submission)), ("Kolik stojí 20 židlí?", false));
    let (submission, enquiry) = through(&mail(11));
    assert_eq!((enquiry.message.as_str(), omitted(&submission)), ("", true), "{:?}", submission.warnings);
}

#[test]
fn every_message_of_a_digest_is_read() {
    let digest = |from: &str, count: usize| {
        let all: Vec<String> = (1..=count)
            .map(|n| {
                format!("\n{}", EVA.replace("eva@", &format!("eva{n}@")).replace("20 židlí", &format!("{n} židlí")))
            })
            .collect();
        format!(
            "From: {from}\nTo: sales@ours.example\nSubject: Fwd\nMessage-ID: <p@x>\nMIME-Version: 1.0\n\
             Content-Type: multipart/digest; boundary=b\n\n--b\n{}\n--b--\n",
            all.join("\n--b\n")
        )
    };
    let (submission, enquiry) = through(&digest("Petr <petr@velky.cz>", 25));
    assert!((1..=25).all(|n| enquiry.message.contains(&format!("stojí {n} židlí"))), "{}", enquiry.message);
    assert!(submission.warnings.is_empty(), "{:?}", submission.warnings);
    let (submission, _) = through(&digest("Petr <petr@velky.cz>", 60));
    let omitted = submission.warnings.iter().find(|warning| warning.code == "messages_omitted");
    assert!(omitted.is_some_and(|warning| warning.detail.starts_with("10 ")), "{:?}", submission.warnings);
    let (submission, _) = through(&digest("Jan <jan@ours.example>", 2));
    assert!(submission.flags.iter().any(|flag| flag == "too_many_leads"));
    // Two inside one that a colleague only passed on are two as well.
    let (submission, _) =
        through(&around("Boss <boss@ours.example>", "Vyřiďte.", &digest("Jan <jan@ours.example>", 2), 1));
    assert!(submission.flags.iter().any(|flag| flag == "too_many_leads"), "{:?}", submission.mail);
}

#[test]
fn a_portals_prospect_that_a_colleague_attaches_is_a_lead() {
    let adf = "<?xml version=\"1.0\"?>\n<?adf version=\"1.0\"?>\n<adf><prospect><id>77</id><customer><contact>\
        <name part=\"full\">Eva Mala</name><email>eva@mala.cz</email></contact><comments>Is it still there?</comments>\
        </customer></prospect></adf>\n";
    let portal = format!(
        "From: Leads <leads@portal.example>\nTo: jan@ours.example\nSubject: Lead\nMessage-ID: <l@portal>\n\
         Content-Type: text/plain\n\n{adf}"
    );
    let (_, enquiry) = through(&around("Jan <jan@ours.example>", "Z portálu.", &portal, 1));
    assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Eva Mala"));
    assert_eq!(enquiry.message, "Is it still there?");
}

fn numbers(enquiry: &Enquiry) -> Vec<&str> {
    enquiry.phones.iter().map(|phone| phone.raw.as_str()).collect()
}

/// Passed on by Gmail: `inner` of Eva, below `words` of somebody.
fn gmail(from: &str, words: &str, subject: &str, inner: &str) -> String {
    format!(
        "From: {from}\nTo: sales@ours.example\nSubject: Fwd: {subject}\nMessage-ID: <f@x>\n\
         Content-Type: text/plain; charset=utf-8\n\n{words}\n\n---------- Forwarded message ---------\n\
         From: Eva Malá <eva@mala.cz>\nDate: Thu, 6 Mar 2025 at 09:00\nSubject: {subject}\nTo: <jan@ours.example>\n\n{inner}\n"
    )
}

#[test]
fn of_an_answer_that_is_passed_on_only_the_new_words_count() {
    let inner = "Ano, objednávám 20 židlí.\n\nS pozdravem\nEva Malá\nTel. 777 555 444\n\n\
        po 16. 11. 2026 v 9:00 odesílatel Jan Boss <jan@ours.example> napsal:\n\n\
        > nabízíme židle za 100 Kč. Tel. +420 222 333 444";
    let outlook = "Ano, objednávám 20 židlí.\n\nS pozdravem\nEva Malá\nTel. 777 555 444\n\n\
        Von: Jan Boss <jan@ours.example>\nGesendet: Montag, 16. November 2026 09:00\nAn: Eva Malá <eva@mala.cz>\n\
        Betreff: Angebot\n\nwir bieten Stühle für 100 Kč. Tel. +420 222 333 444";
    for inner in [inner, outlook] {
        let (submission, enquiry) = through(&gmail("Jan <jan@ours.example>", "", "Re: Nabidka", inner));
        assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
        assert_eq!(enquiry.message, "Ano, objednávám 20 židlí.");
        assert_eq!(numbers(&enquiry), ["777 555 444"]);
        assert!(submission.text.contains("222 333 444"));
    }
}

#[test]
fn who_passes_a_message_on_has_no_number_and_no_company_of_it() {
    let inner = "poptávám 20 židlí.\n\nS pozdravem\nEva Malá\nMala s.r.o.\ntel. 777 555 444";
    let (submission, enquiry) = through(&gmail("Bob Agent <bob@partner.com>", "Pro vás.", "Židle", inner));
    assert_eq!(addresses(&enquiry), ["bob@partner.com"]);
    assert_eq!((numbers(&enquiry), enquiry.organisation.name.as_deref()), (vec![], None));
    assert!(enquiry.message.contains("poptávám 20 židlí."), "{}", enquiry.message);
    assert!(enquiry.message.contains("777 555 444"), "every word stays");
    assert_eq!(submission.mail.and_then(|mail| mail.signature), None);
    let block = "Pro vás.\n\n-- \nBob Agent\nPartner Ltd\nTel. +420 602 111 222";
    let (submission, enquiry) = through(&gmail("Bob Agent <bob@partner.com>", block, "Židle", inner));
    assert_eq!(numbers(&enquiry), ["+420 602 111 222"]);
    assert_eq!(enquiry.organisation.name.as_deref(), Some("Partner Ltd"));
    assert!(enquiry.message.starts_with("Pro vás.\n\n---------- Forwarded"), "{}", enquiry.message);
    assert!(submission.text.contains("Partner Ltd"));
}

#[test]
fn a_number_beside_another_ones_name_is_not_the_writers() {
    let mail = |of: &str| {
        format!(
            "From: Ann Lee <ann.lee@brightco.com>\nTo: sales@ours.example\nSubject: Chairs\nMessage-ID: <a@x>\n\
             Content-Type: text/plain\n\nPlease send your offer to our branch:\n\n{of}\n\nWe need 20 chairs by Friday.\n"
        )
    };
    let of_eva = "Company: Kovo s.r.o.\nContact: Eva Mala\nE-mail: eva@kovo.cz\nPhone: +420 777 555 444";
    let (_, enquiry) = through(&mail(of_eva));
    assert!(numbers(&enquiry).is_empty(), "{:?}", enquiry.phones);
    assert!(enquiry.message.contains(of_eva));
    let own = of_eva.replace("Eva Mala", "Ann Lee").replace("eva@kovo.cz", "ann@kovo.cz");
    assert_eq!(numbers(&through(&mail(&own)).1), ["+420 777 555 444"]);
    let office = of_eva.replace("eva@kovo.cz", "office@brightco.com");
    assert_eq!(numbers(&through(&mail(&office)).1), ["+420 777 555 444"]);
}
