//! What portals send in ways of their own: leads in a thread, cut off, twice in one mail, several in JSON.

use std::fmt::Write as _;

use pisteur::domain::envelope::{Envelope, PART, REST};
use pisteur::domain::reading::arrival_key::mail_keys;
use pisteur::domain::reading::prospects::apart;
use pisteur::domain::submission::MailClass;
use ulid::Ulid;

use super::{mail, understood};

const ATTACHED: &str = "Content-Disposition: attachment; filename=";

fn prospect(name: &str, inside: &str) -> String {
    let address = name.to_lowercase();
    format!(
        "<prospect><id source=\"Cars\">77</id><vehicle><make>Skoda</make></vehicle><customer><contact>\
         <name part=\"full\">{name} Malá</name><email>{address}@mala.cz</email></contact>{inside}</customer></prospect>"
    )
}

fn document(prospects: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<?adf version=\"1.0\"?>\n<adf>\n{prospects}\n</adf>\n")
}

fn one(inside: &str) -> String {
    document(&prospect("Eva", inside))
}

fn headed(more: &str, rest: &str) -> String {
    format!(
        "From: Leads <leads@portal.cz>\nTo: sales@ours.example\nSubject: New lead\nMessage-ID: <l1@portal.cz>\n{more}\
         MIME-Version: 1.0\n{rest}"
    )
}

fn text(more: &str, words: &str) -> String {
    headed(more, &format!("Content-Type: text/plain; charset=utf-8\n\n{words}"))
}

fn mixed(more: &str, parts: &[(&str, &str)]) -> String {
    let mut out = String::from("Content-Type: multipart/mixed; boundary=\"b\"\n\n");
    for (head, body) in parts {
        writeln!(out, "--b\n{head}\n\n{body}").unwrap();
    }
    headed(more, &format!("{out}--b--\n"))
}

fn file(name: &str, kind: &str) -> String {
    format!("Content-Type: {kind}\n{ATTACHED}{name}")
}

fn arrived(raw: &str) -> Envelope {
    let raw = raw.replace('\n', "\r\n");
    Envelope { keys: mail_keys(raw.as_bytes()), ..mail(raw.as_bytes()) }
}

fn parts(raw: &str) -> Vec<Envelope> {
    let mut next = 0;
    apart(arrived(raw), || {
        next += 1;
        Ulid::from_parts(next, 0)
    })
}

/// Class, addresses, flags, message.
fn shown(one: &Envelope) -> (Option<MailClass>, String, String, String) {
    let (submission, enquiry) = understood(one);
    let emails: Vec<_> = enquiry.emails.iter().map(|email| email.address.clone()).collect();
    (submission.class, emails.join(" "), submission.flags.join(" "), enquiry.message)
}

fn addresses(found: &[Envelope]) -> Vec<String> {
    let leads = found.iter().filter(|one| one.context.extra.get(PART).is_none_or(|part| part != REST));
    leads.map(|one| shown(one).1).collect()
}

const PLAIN: &str = "Content-Type: text/plain; charset=utf-8";
const THREAD: &str = "In-Reply-To: <l0@portal.cz>\nReferences: <l0@portal.cz>\n";

#[test]
fn a_lead_in_a_thread_of_its_portal_is_a_lead() {
    let said = "<comments>Cena?</comments>";
    let xml = file("lead.xml", "application/xml");
    for raw in [
        text(THREAD, &one(said)),
        text("", &one(said)).replace("Subject: New lead", "Subject: RE: 2020 Skoda"),
        text(THREAD, &format!("{}\n-- \nThe portal", one(said))),
        mixed(THREAD, &[(PLAIN, ""), (&xml, &one(said))]),
        mixed(THREAD, &[(PLAIN, "A lead is attached."), (&xml, &one(said))]),
        headed(THREAD, &format!("Content-Type: text/html\n\n<html>{}</html>", one(said))),
    ] {
        let (class, emails, flags, message) = shown(&arrived(&raw));
        assert_eq!((class, emails.as_str(), flags.as_str()), (Some(MailClass::Adf), "eva@mala.cz", ""), "{raw}");
        assert_eq!(message, "Cena?", "{raw}");
    }
    let two = document(&format!("{}{}", prospect("Eva", ""), prospect("Jan", "")));
    assert_eq!(addresses(&parts(&text(THREAD, &two))), ["eva@mala.cz", "jan@mala.cz"]);
    // Words before it, or a quotation: somebody answers.
    let quoted = format!("> {}", two.trim_end().replace('\n', "\n> "));
    for words in [format!("I want 20 pumps.\n\n{two}"), format!("I want 20 pumps.\n\n{quoted}"), quoted] {
        let found = parts(&text(THREAD, &words));
        let (class, emails, ..) = shown(&found[0]);
        assert_eq!((found.len(), class, emails.as_str()), (1, Some(MailClass::Person), "leads@portal.cz"), "{words}");
    }
}

#[test]
fn words_of_a_customer_reach_the_message_whole() {
    for (inside, wanted) in [
        (
            "<comments>My budget is < 5000 EUR, please call. Ren&#233;e</comments>",
            "My budget is < 5000 EUR, please call. Renée",
        ),
        ("<comments><![CDATA[line one\nline two\n- a\n- b]]></comments>", "line one\nline two\n- a\n- b"),
        ("<comments>[Urgent] the red one [mornings]</comments>", "[Urgent] the red one [mornings]"),
        ("<comments>Is it free?</comments><comments>tow bar</comments>", "Is it free?\n\ntow bar"),
        ("</customer><comments>Outside</comments><customer>", "Outside"),
        ("", ""),
    ] {
        let (submission, enquiry) = understood(&arrived(&text("", &one(inside))));
        assert_eq!(enquiry.message, wanted, "{inside}");
        assert!(submission.flags.is_empty(), "{:?}", submission.flags);
    }
    let long = "many words ".repeat(4_000);
    let (_, _, _, message) = shown(&arrived(&text("", &one(&format!("<comments>{long}</comments>")))));
    assert_eq!(message, long.trim());
}

#[test]
fn words_beside_a_document_are_kept() {
    let xml = file("lead.xml", "application/xml");
    let words = "See attached: I want 20 chairs";
    for raw in [
        mixed("", &[(PLAIN, words), (&xml, &one(""))]),
        text("", &format!("{words}\n\n{}", one(""))),
        headed("", &format!("Content-Type: text/html\n\n<p>{words}</p>{}", one(""))),
    ] {
        assert_eq!(shown(&arrived(&raw)).3, words, "{raw}");
    }
    let remark = "<comments>Cena?</comments>";
    let (_, enquiry) = understood(&arrived(&mixed("", &[(PLAIN, words), (&xml, &one(remark))])));
    assert_eq!(enquiry.message, "Cena?");
    assert!(enquiry.custom.iter().any(|field| field.name == "mail_text" && field.value == words));
    // The same lead in words of the portal is no remark.
    let told = "Name: Eva\nE-mail: eva@mala.cz";
    let (_, enquiry) = understood(&arrived(&mixed("", &[(PLAIN, told), (&xml, &one(""))])));
    assert_eq!((enquiry.message.as_str(), enquiry.emails.len()), ("", 1));
}

#[test]
fn a_document_that_is_cut_off_waits_and_is_never_the_portals_own() {
    let long = format!("<!-- {} -->", "x".repeat(300_000));
    let far = document(&format!(
        "<prospect><id>1</id>{long}<customer><contact><email>e@mala.cz</email></contact></customer></prospect>"
    ));
    let huge = far.replacen("<!--", &format!("<!-- {}", "y".repeat(4_200_000)), 1);
    let cut = one("<comments>I want").split("</customer>").next().unwrap().to_owned();
    let xml = file("lead.xml", "application/xml");
    for (raw, emails) in [
        (text("", &far), ""),
        (text("", &huge), ""),
        (text("", &cut), "eva@mala.cz"),
        (mixed("", &[(PLAIN, ""), (&xml, &cut)]), "eva@mala.cz"),
    ] {
        let found = parts(&raw);
        let (class, read, flags, _) = shown(&found[0]);
        assert_eq!((found.len(), class, read.as_str()), (1, Some(MailClass::Adf), emails), "{raw:.600}");
        assert!(flags.contains("too_many_leads"), "{raw:.600}");
    }
    // No customer at all: nobody is reached, the portal least of all.
    let (submission, enquiry) = understood(&arrived(&text("", &document("<prospect><id>1</id></prospect>"))));
    assert_eq!(submission.class, Some(MailClass::Adf));
    assert!(enquiry.emails.is_empty() && enquiry.raw_sender.is_none() && enquiry.person.full_name.is_none());
}

#[test]
fn a_file_in_another_encoding_is_read() {
    let wide: Vec<u8> = one("<comments>Kůň?</comments>").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let encoded = super::decoding::base64(&[&[0xff, 0xfe][..], &wide].concat());
    let head = format!("{}\nContent-Transfer-Encoding: base64", file("lead.xml", "application/xml"));
    let (class, emails, flags, message) = shown(&arrived(&mixed("", &[(PLAIN, ""), (&head, &encoded)])));
    assert_eq!((class, emails.as_str(), flags.as_str()), (Some(MailClass::Adf), "eva@mala.cz", ""));
    assert_eq!(message, "Kůň?");
}

#[test]
fn the_same_prospect_in_a_file_that_says_more_is_one() {
    let said = "<comments>It&#39;s free?</comments>";
    let more = one("<comments><![CDATA[It's free?]]></comments>").replace("</make>", "</make><vin>VIN1</vin>");
    let xml = file("lead.xml", "application/xml");
    for raw in [
        mixed("", &[(PLAIN, &one(said)), (&xml, &more)]),
        mixed("", &[(PLAIN, &more), (&xml, &one(said))]),
        text(
            "",
            &one(said).replace(
                "\n</adf>",
                &format!("{}</adf>", prospect("Eva", said).replace("<prospect>", "<prospect status=\"resend\">")),
            ),
        ),
    ] {
        let found = parts(&raw);
        let (submission, enquiry) = understood(&found[0]);
        assert_eq!((found.len(), enquiry.message.as_str()), (1, "It's free?"), "{raw}");
        assert!(submission.flags.is_empty(), "{:?}", submission.flags);
        assert_eq!(submission.fields.iter().any(|field| field.value == "VIN1"), raw.contains("VIN1"), "{raw}");
    }
    // Beside somebody else each stands once, and says all.
    let both = document(&format!("{}{}", prospect("Eva", said), prospect("Jan", "")));
    let found = parts(&mixed("", &[(PLAIN, &both), (&xml, &more)]));
    assert_eq!(addresses(&found), ["eva@mala.cz", "jan@mala.cz"]);
    assert!(String::from_utf8_lossy(&found[0].raw).contains("VIN1"));
}

fn lead(name: &str) -> String {
    let address = name.to_lowercase();
    format!("{{\"name\":\"{name} Malá\",\"email\":\"{address}@mala.cz\",\"message\":\"Cena {name}?\"}}")
}

#[test]
fn no_person_of_a_json_file_is_lost_in_another() {
    let json = |name: &str| file(name, "application/json");
    let (a, b) = (json("a.json"), json("b.json"));
    let list = |names: &[&str]| format!("[{}]", names.iter().map(|name| lead(name)).collect::<Vec<_>>().join(","));
    let two = list(&["Eva", "Jan"]);
    let all = ["eva@mala.cz", "jan@mala.cz", "ota@mala.cz", "ida@mala.cz"];
    let wrapped = format!("{{\"total\":2,\"leads\":{two}}}");
    let deep = format!("{{\"data\":{{\"leads\":{two}}}}}");
    let lines = format!("{}\n{}", lead("Eva"), lead("Jan"));
    for (files, wanted) in [
        (vec![(&a, wrapped)], &all[..2]),
        (vec![(&a, deep)], &all[..2]),
        (vec![(&a, lines)], &all[..2]),
        (vec![(&a, two.clone()), (&b, list(&["Ota", "Ida"]))], &all[..]),
        (vec![(&a, lead("Eva")), (&b, lead("Jan"))], &all[..2]),
        (vec![(&a, lead("Eva")), (&b, lead("Eva"))], &all[..1]),
    ] {
        for more in ["", THREAD] {
            let parts_of: Vec<(&str, &str)> = files.iter().map(|(head, json)| (head.as_str(), json.as_str())).collect();
            let raw = mixed(more, &parts_of).replace("leads@portal.cz", "noreply@portal.cz");
            assert_eq!(addresses(&parts(&raw)), wanted, "{raw}");
        }
    }
    // What cannot be taken apart waits whole: of the first alone.
    let note = two.replace(']', ",{\"note\":\"x\"}]");
    let found = parts(&mixed("", &[(&a, &note)]).replace("leads@portal.cz", "noreply@portal.cz"));
    let (_, emails, flags, message) = shown(&found[0]);
    assert_eq!((found.len(), emails.as_str(), message.as_str()), (1, "eva@mala.cz", "Cena Eva?"));
    assert!(flags.contains("too_many_leads"), "{flags}");
}

#[test]
fn a_program_is_known_at_the_door_by_more_than_its_name() {
    let words = "Two new leads, see the attached file.";
    let json = file("a.json", "application/json");
    let list = format!("[{},{}]", lead("Eva"), lead("Jan"));
    let sent = |more: &str| parts(&mixed(more, &[(PLAIN, words), (&json, &list)]));
    assert_eq!(addresses(&sent("Auto-Submitted: auto-generated\n")), ["eva@mala.cz", "jan@mala.cz"]);
    assert_eq!(addresses(&sent("X-Mailer: PHPMailer 6.1\n")), ["eva@mala.cz", "jan@mala.cz"]);
    assert_eq!(sent("").len(), 1, "a letter with a file");
}

#[test]
fn an_entry_without_contact_is_not_reached_by_the_portal() {
    let zoe = "{\"name\":\"Zoe Malá\",\"message\":\"Call me\"}";
    let list = format!("[{},{zoe},{}]", lead("Eva"), lead("Jan"));
    let raw = mixed("", &[(&file("a.json", "application/json"), &list)]).replace("leads@portal", "noreply@portal");
    let found = parts(&raw);
    assert_eq!(addresses(&found), ["eva@mala.cz", "", "jan@mala.cz"]);
    let (_, enquiry) = understood(&found[1]);
    assert_eq!((enquiry.person.full_name.as_deref(), enquiry.message.as_str()), (Some("Zoe Malá"), "Call me"));
}

#[test]
fn whoever_talks_of_such_documents_sends_none() {
    let (class, emails, flags, message) = shown(&arrived(&text("", "Can your program read <adf> files?")));
    assert_eq!((class, emails.as_str(), flags.as_str()), (Some(MailClass::Person), "leads@portal.cz", ""));
    assert_eq!(message, "Can your program read <adf> files?");
}
