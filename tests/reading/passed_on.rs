//! Mail that comes through somebody else: forwarders, lists, portals. Who is the enquirer.

use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::reading::{ReadSettings, ReplyTo, read};
use pisteur::domain::submission::{MailClass, Submission};

use super::{mail, settings};
use crate::support::daemon::Setup;

fn house() -> ReadSettings {
    ReadSettings {
        forwarders: vec!["anna@partner.example".to_owned(), "ours.example".to_owned()],
        authserv_ids: vec!["mx.ours.example".to_owned()],
        ..settings()
    }
}

fn through(raw: &str, settings: &ReadSettings) -> (Submission, Enquiry) {
    let envelope = mail(raw.replace('\n', "\r\n").as_bytes());
    let submission = read(&envelope, settings);
    let enquiry = understand(&submission, &envelope, settings);
    (submission, enquiry)
}

fn addresses(enquiry: &Enquiry) -> Vec<&str> {
    enquiry.emails.iter().map(|e| e.address.as_str()).collect()
}

fn forward(from: &str, header: &str) -> String {
    format!(
        "From: {from}\nTo: sales@ours.example\nSubject: Fwd: Okna\nDate: Fri, 7 Mar 2025 10:00:00 +0100\n{header}\
         Content-Type: text/plain; charset=utf-8\n\nProsím vyřídit.\n\n---------- Forwarded message ---------\n\
         From: Jan Novák <jan@novak.cz>\nDate: Thu, 6 Mar 2025 at 09:00\nSubject: Okna\nTo: <anna@partner.example>\n\n\
         Dobrý den, kolik stojí okna?\n\n-- \nJan Novák\n+420 777 123 456\n"
    )
}

#[test]
fn the_one_inside_is_the_enquirer_only_when_somebody_trusted_passed_it_on() {
    let passed = "Authentication-Results: mx.ours.example; dkim=pass header.d=partner.example\n";
    let refuted = "Authentication-Results: mx.ours.example; spf=fail smtp.mailfrom=evil.example\n";
    for (from, header, wanted) in [
        ("Anna <anna@partner.example>", passed, "jan@novak.cz"),
        ("Anna <anna@partner.example>", "", "jan@novak.cz"),
        ("Anna <anna@partner.example>", refuted, "anna@partner.example"),
        ("Other <other@partner.example>", passed, "other@partner.example"),
        ("Eve <eve@evil.example>", "", "eve@evil.example"),
    ] {
        let (submission, enquiry) = through(&forward(from, header), &house());
        assert_eq!(addresses(&enquiry), [wanted], "{from} {header}");
        let inner = submission.mail.unwrap().forwarded.expect("a fact of the mail in any case");
        assert_eq!(inner.from.address.as_deref(), Some("jan@novak.cz"));
    }
    let (_, nobody) = through(&forward("Anna <anna@partner.example>", passed), &settings());
    assert_eq!(addresses(&nobody), ["anna@partner.example"], "nobody is trusted who is not named");
}

#[test]
fn what_the_enquirer_wrote_is_theirs_and_the_cover_note_is_not() {
    let (submission, enquiry) = through(&forward("Anna <anna@partner.example>", ""), &house());
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Jan Novák"));
    assert!(enquiry.message.starts_with("Dobrý den, kolik stojí okna?"), "{}", enquiry.message);
    assert!(!enquiry.message.contains("vyřídit"));
    assert_eq!(enquiry.topic.as_deref(), Some("Okna"));
    assert_eq!(enquiry.phones[0].e164.as_deref(), Some("+420777123456"));
    assert!(submission.text.contains("vyřídit") && submission.reply.contains("vyřídit"), "the mail stays whole");
}

#[test]
fn a_mail_attached_whole_and_a_form_passed_on_are_unwrapped_too() {
    let attached = "From: Anna <anna@partner.example>\nTo: sales@ours.example\nSubject: Fwd: x\nMIME-Version: 1.0\n\
        Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee below\n--b\nContent-Type: message/rfc822\n\n\
        From: Jan <jan@novak.cz>\nSubject: Dveře\nContent-Type: text/plain; charset=utf-8\n\nKolik stojí dveře?\n--b--\n";
    let (_, enquiry) = through(attached, &house());
    assert_eq!((addresses(&enquiry), enquiry.message.trim()), (vec!["jan@novak.cz"], "Kolik stojí dveře?"));
    let form = "From: Anna <anna@partner.example>\nTo: sales@ours.example\nSubject: Fwd: New message\n\
        Content-Type: text/plain; charset=utf-8\n\n---------- Forwarded message ---------\n\
        From: Web <web@ours.example>\nDate: Thu, 6 Mar 2025 at 09:00\nSubject: New message\nTo: <anna@partner.example>\n\n\
        Name: Eva Malá\nE-mail: eva@mala.cz\nPhone: +420 777 123 457\nMessage: Dobrý den\n";
    let (_, enquiry) = through(form, &house());
    assert_eq!((addresses(&enquiry), enquiry.message.as_str()), (vec!["eva@mala.cz"], "Dobrý den"));
    let ours = forward("Anna <anna@partner.example>", "").replace("jan@novak.cz", "petr@ours.example");
    assert_eq!(addresses(&through(&ours, &house()).1), ["anna@partner.example"], "our own mail passed on asks nothing");
}

#[test]
fn a_list_that_writes_itself_into_from_is_undone() {
    let list = |from: &str, header: &str| {
        format!(
            "From: {from}\nTo: sales@ours.example\nSubject: Dotaz\n{header}Message-ID: <1@x>\n\nIs the pump in stock?\n"
        )
    };
    let own = "List-Id: <sales.ours.example>\nList-Post: <mailto:sales@ours.example>\n";
    for (from, header, address, name) in [
        (
            "\"'Lucie' via Sales\" <sales@ours.example>",
            "X-Original-From: Lucie K <lucie@z.cz>\nReply-To: spoof@y.cz\n",
            "lucie@z.cz",
            "Lucie K",
        ),
        ("\"'Lucie' via Sales\" <sales@ours.example>", "X-Original-Sender: lucie@z.cz\n", "lucie@z.cz", "Lucie"),
        ("Lucie K via Sales <sales@ours.example>", "Reply-To: Lucie K <lucie@z.cz>\n", "lucie@z.cz", "Lucie K"),
        (
            "Lucie K via Sales <sales@ours.example>",
            "Reply-To: sales@ours.example\nCc: Lucie K <lucie@z.cz>\n",
            "lucie@z.cz",
            "Lucie K",
        ),
        ("Lucie K via Sales <sales@ours.example>", "X-MailFrom: lucie@z.cz\n", "lucie@z.cz", "Lucie K"),
    ] {
        let (submission, enquiry) = through(&list(from, &format!("{own}{header}")), &settings());
        assert_eq!(submission.class, Some(MailClass::Person), "{header}");
        assert_eq!(addresses(&enquiry), [address], "{header}");
        assert_eq!(enquiry.person.full_name.as_deref(), Some(name), "{header}");
    }
    let foreign =
        "List-Id: <pumps.lists.example>\nList-Post: <mailto:pumps@lists.example>\nReply-To: Lucie <lucie@z.cz>\n";
    let (submission, _) = through(&list("Lucie via Pumps <pumps@lists.example>", foreign), &settings());
    assert_eq!(submission.class, Some(MailClass::MailingList), "a list is a list");
    assert_eq!(submission.mail.unwrap().from.address.as_deref(), Some("pumps@lists.example"), "and not believed");
    let plain = list("Eva via Ostrava <eva@firma.cz>", "Reply-To: jan@novak.cz\n");
    assert_eq!(addresses(&through(&plain, &settings()).1), ["eva@firma.cz"], "no list, no rewriting");
}

#[test]
fn only_a_list_of_our_own_names_the_writer() {
    let raw = |from: &str, header: &str| {
        format!("From: {from}\nTo: sales@ours.example\nSubject: Dotaz\n{header}Message-ID: <1@x>\n\nunsubscribe\n")
    };
    let forged =
        "List-Id: <sales.ours.example>\nList-Post: <mailto:x@evil.example>\nX-Original-From: Jan <jan@novak.cz>\n";
    let (submission, enquiry) = through(&raw("x@evil.example", forged), &settings());
    assert_eq!(submission.class, Some(MailClass::MailingList), "one list of ours among others is none of ours");
    assert_eq!(addresses(&enquiry), ["x@evil.example"]);
    // In the name of our own list, and our mail server denies it.
    let refuted = "Authentication-Results: mx.ours.example; spf=fail smtp.mailfrom=evil.example\n\
                   List-Id: <sales.ours.example>\nX-Original-From: Jan <jan@novak.cz>\n";
    let (submission, _) = through(&raw("Jan via Sales <sales@ours.example>", refuted), &house());
    assert_eq!(submission.mail.unwrap().from.address.as_deref(), Some("sales@ours.example"));
    // A footer broke the writer's signature: that denies neither the list nor the writer.
    for said in
        ["spf=none; dkim=fail header.d=novak.cz", "dkim=fail header.d=novak.cz; dkim=pass header.d=ours.example"]
    {
        let header = format!(
            "Authentication-Results: mx.ours.example; {said}\nList-Id: <sales.ours.example>\nX-Original-From: Jan <jan@novak.cz>\n"
        );
        let (submission, enquiry) = through(&raw("Jan via Sales <sales@ours.example>", &header), &house());
        assert_eq!(addresses(&enquiry), ["jan@novak.cz"], "{said}");
        assert!(!submission.flags.iter().any(|flag| flag == "unvouched_sender"), "{said}");
    }
    // What a list says of the writer makes no forwarder.
    let list = "List-Id: <sales.ours.example>\nX-Original-From: Anna <anna@partner.example>\n";
    let (_, enquiry) = through(&forward("Anna via Sales <sales@ours.example>", list), &house());
    assert_eq!(addresses(&enquiry), ["anna@partner.example"]);
}

#[test]
fn a_form_sender_that_our_mail_server_denies_is_not_believed() {
    let typed = "Name: Eva Malá\nE-mail: eva@mala.cz\nPhone: +420 777 123 457\nutm_source: ads\nMessage: Dobrý den\n";
    let raw = |said: &str| {
        format!(
            "From: Web <site@web.example>\nReply-To: jan@novak.cz\nTo: sales@ours.example\nSubject: Kontakt\n{said}\n{typed}"
        )
    };
    let house = ReadSettings { form_senders: vec!["site@web.example".to_owned()], ..house() };
    for (said, believed) in [
        ("", true),
        ("Authentication-Results: mx.ours.example; dkim=pass header.d=web.example\n", true),
        ("Authentication-Results: elsewhere.example; dkim=fail header.d=web.example\n", true),
        ("Authentication-Results: mx.ours.example; dmarc=fail header.from=web.example\n", false),
    ] {
        let (submission, enquiry) = through(&raw(said), &house);
        assert_eq!(enquiry.attribution.source.as_deref() == Some("ads"), believed, "{said}");
        assert_eq!(submission.flags.iter().any(|flag| flag == "unvouched_sender"), !believed, "{said}");
    }
}

#[test]
fn reply_to_says_who_writes_only_where_the_house_says_so() {
    let raw = |from: &str| {
        format!(
            "From: {from}\nReply-To: Jan <jan@novak.cz>\nTo: sales@ours.example\nSubject: Hi\n\nI want a pump, please.\n"
        )
    };
    let with = |policy: Option<ReplyTo>, from: &str| {
        let reply_to = policy.map(|policy| ("sales".to_owned(), policy)).into_iter().collect();
        let (_, enquiry) = through(&raw(from), &ReadSettings { reply_to, ..settings() });
        addresses(&enquiry).join(" ")
    };
    assert_eq!(with(None, "noreply@portal.cz"), "noreply@portal.cz");
    assert_eq!(with(Some(ReplyTo::Nobody), "noreply@portal.cz"), "jan@novak.cz");
    assert_eq!(with(Some(ReplyTo::Nobody), "eva@firma.cz"), "eva@firma.cz");
    assert_eq!(with(Some(ReplyTo::Always), "eva@firma.cz"), "jan@novak.cz");
    assert_eq!(with(Some(ReplyTo::Ignore), "eva@firma.cz"), "eva@firma.cz");
}

#[test]
fn the_keys_of_trust_are_checked() {
    let check = |table: &str| {
        let output = Setup::new().contact_form().tables(table).run(&["check"]);
        (
            output.status.success(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    let (good, said) =
        check("[reading]\nforwarders = [\"anna@partner.example\", \"house.cz\"]\nauthserv_ids = [\"mx.house.cz\"]\n");
    assert!(good, "{said}");
    for (table, words) in [
        ("[reading]\nforwarders = [\"anna\"]\n", "neither an address nor a domain"),
        ("[reading]\nauthserv_ids = [\"mx; house\"]\n", "not the name of a mail server"),
        ("[reading.reply_to]\nnowhere = \"always\"\n", "no mailbox has this id"),
    ] {
        let (good, said) = check(table);
        assert!(!good && said.contains(words), "{table}: {said}");
    }
}
