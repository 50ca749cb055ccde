//! Automotive leads: every prospect of a mail for itself, the two kinds of vehicle, files that hold a form's fields.

use std::fmt::Write as _;

use pisteur::domain::enquiry::Enquiry;
use pisteur::domain::envelope::{Envelope, PART, PART_OF, REST};
use pisteur::domain::reading::arrival_key::mail_keys;
use pisteur::domain::reading::prospects::{MOST, apart};
use pisteur::domain::submission::{MailClass, Submission};
use ulid::Ulid;

use super::{mail, understood};

fn prospect(n: usize) -> String {
    format!(
        "<prospect><id sequence=\"1\" source=\"Cars\">R{n}</id><vehicle interest=\"buy\"><year>2024</year>\
         <make>Skoda</make><model>Fabia</model></vehicle><customer><contact><name part=\"full\">Eva Mal&aacute;{n}</name>\
         <email>eva{n}@mala-{n}.cz</email></contact><comments>Number {n} &amp; more</comments></customer>\
         <provider><name>Cars</name></provider></prospect>\n"
    )
}

fn document(numbers: std::ops::Range<usize>) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<?adf version=\"1.0\"?>\n<adf>\n{}</adf>\n",
        numbers.map(prospect).collect::<String>()
    )
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

fn headed(rest: &str) -> String {
    format!(
        "Received: from portal by mx; Mon, 10 Mar 2025 09:00:00 +0100\nFrom: Leads <leads@portal.cz>\n\
         To: sales@ours.example\nSubject: New\n leads\nMessage-ID: <l1@portal.cz>\nMIME-Version: 1.0\n{rest}"
    )
}

fn text(document: &str) -> String {
    headed(&format!("Content-Type: text/plain; charset=utf-8\n\n{document}"))
}

fn mixed(parts: &[(&str, &str)]) -> String {
    let mut out = String::from("Content-Type: multipart/mixed; boundary=\"b\"\n\n");
    for (head, body) in parts {
        writeln!(out, "--b\n{head}\n\n{body}").unwrap();
    }
    headed(&format!("{out}--b--\n"))
}

fn addresses(envelopes: &[Envelope]) -> Vec<String> {
    let read = envelopes.iter().map(|one| understood(one).1);
    read.flat_map(|enquiry| enquiry.emails.into_iter().map(|email| email.address)).collect()
}

fn value<'s>(submission: &'s Submission, name: &str) -> Option<&'s str> {
    submission.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
}

fn kept<'e>(enquiry: &'e Enquiry, name: &str) -> Option<&'e str> {
    enquiry.custom.iter().find(|field| field.name == name).map(|field| field.value.as_str())
}

#[test]
fn each_prospect_of_a_mail_is_a_mail_with_nothing_of_the_others() {
    let raw = text(&document(1..4));
    let found = parts(&raw);
    assert_eq!(found.len(), 3);
    let whole = arrived(&raw);
    assert_eq!(found[0].keys, whole.keys, "the first has the key of the whole");
    for (n, one) in found.iter().enumerate() {
        let (submission, enquiry) = understood(one);
        assert_eq!(submission.class, Some(MailClass::Adf));
        assert_eq!(enquiry.emails[0].address, format!("eva{0}@mala-{0}.cz", n + 1));
        assert_eq!(enquiry.message, format!("Number {} & more", n + 1));
        assert_eq!(submission.subject.as_deref(), Some("New leads"));
        let facts = submission.mail.unwrap();
        assert_eq!(facts.message_id.as_deref(), Some("l1@portal.cz"));
        assert!(submission.flags.is_empty(), "{:?}", submission.flags);
        let bytes = String::from_utf8(one.raw.to_vec()).unwrap();
        for other in (1..4).filter(|other| *other != n + 1) {
            assert!(!bytes.contains(&format!("mala-{other}")), "{bytes}");
        }
        assert!(bytes.starts_with("Received: from portal"), "whom it came through is what trust rests on");
        assert_eq!(one.context.extra[PART], format!("{}/3", n + 1));
        assert_eq!(one.context.extra.contains_key(PART_OF), n > 0);
        assert_eq!(one.keys.len(), 1);
    }
    let mut keys: Vec<_> = found.iter().map(|one| one.keys[0].value.clone()).collect();
    keys.dedup();
    assert_eq!(keys.len(), 3);
    assert_eq!(
        parts(&raw).iter().map(|one| one.keys.clone()).collect::<Vec<_>>(),
        found.iter().map(|one| one.keys.clone()).collect::<Vec<_>>()
    );
    for one in &found {
        assert_eq!(apart(one.clone(), Ulid::nil).len(), 1, "a part is not taken apart again");
    }
}

#[test]
fn one_prospect_is_the_mail_as_it_came() {
    for raw in [text(&document(1..2)), text("A prospect wrote to us, base64 or not."), String::new()] {
        let found = parts(&raw);
        assert_eq!((found.len(), &found[0].raw[..]), (1, raw.replace('\n', "\r\n").as_bytes()), "{raw}");
        assert!(found[0].context.extra.is_empty());
    }
    // The same one as text and as a file, and twice in a document.
    let file = "Content-Type: application/xml; name=lead.xml\nContent-Disposition: attachment";
    for raw in [
        mixed(&[("Content-Type: text/plain", &document(1..2)), (file, &document(1..2))]),
        text(&format!("<adf>{0}{0}</adf>", prospect(1))),
    ] {
        assert_eq!(parts(&raw).len(), 1, "{raw}");
        let (submission, _) = understood(&arrived(&raw));
        assert!(submission.flags.is_empty() && submission.class == Some(MailClass::Adf), "{:?}", submission.flags);
    }
}

#[test]
fn prospects_are_found_wherever_a_mail_holds_them() {
    let escaped = document(1..3).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let file = |name: &str, kind: &str| {
        format!("Content-Type: {kind}; name=\"{name}\"\nContent-Disposition: attachment; filename=\"{name}\"")
    };
    let encoded = super::decoding::base64(document(1..3).as_bytes());
    let octets = format!("{}\nContent-Transfer-Encoding: base64", file("lead.adf", "application/octet-stream"));
    let words = ("Content-Type: text/plain", "Two leads are attached.");
    for (what, raw, count) in [
        ("escaped in markup", headed(&format!("Content-Type: text/html\n\n<p>New:</p><pre>{escaped}</pre>")), 3),
        ("in a comment", headed(&format!("Content-Type: text/html\n\n<p>New leads</p><!-- {} -->", document(1..3))), 3),
        ("bare in markup", headed(&format!("Content-Type: text/html\n\n<p>New leads</p>{}", document(1..3))), 3),
        ("a file", mixed(&[words, (&octets, &encoded)]), 3),
        (
            "two files",
            mixed(&[
                (&file("1.xml", "text/xml"), &document(1..2)),
                (&file("2.xml", "application/xml"), &document(2..3)),
            ]),
            2,
        ),
        ("no end tags", text(&document(1..3).replace("</prospect>", "")), 2),
        ("capitals", text(&document(1..3).replace("prospect", "PROSPECT").replace("adf", "ADF")), 2),
        ("a signature around", text(&format!("Dear team,\n{}\n-- \nPortal", document(1..3))), 3),
        (
            "base64 text",
            headed(&format!("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n{encoded}")),
            2,
        ),
    ] {
        let found = parts(&raw);
        assert_eq!(found.len(), count, "{what}: {found:?}");
        assert_eq!(addresses(&found[..2]), ["eva1@mala-1.cz", "eva2@mala-2.cz"], "{what}");
        if count == 3 {
            assert_eq!(found[2].context.extra[PART], REST, "{what}");
            let (submission, _) = understood(&found[2]);
            assert!(submission.flags.iter().any(|flag| flag == "other_event"), "{what}: no lead");
            assert!(
                !submission.text.trim().is_empty() && !submission.text.contains("mala"),
                "{what}: {}",
                submission.text
            );
        }
    }
}

#[test]
fn what_stands_beside_the_prospects_is_kept_byte_for_byte() {
    let pdf = "Content-Type: application/pdf; name=plan.pdf\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64";
    let raw = mixed(&[
        ("Content-Type: text/plain; charset=utf-8", &format!("Bonjour,\n{}", document(1..3))),
        (pdf, "JVBERi0x"),
    ]);
    let found = parts(&raw);
    assert_eq!(found.len(), 3);
    let (rest, _) = understood(&found[2]);
    assert_eq!(rest.text.trim(), "Bonjour,");
    assert_eq!(
        (rest.attachments.len(), rest.attachments[0].name.as_str(), rest.attachments[0].size),
        (1, "plan.pdf", 6)
    );
}

#[test]
fn a_table_of_the_same_people_beside_the_document_is_not_kept_with_all_of_them() {
    let both = |html: &str| {
        headed(&format!(
            "Content-Type: multipart/alternative; boundary=\"a\"\n\n--a\nContent-Type: text/plain\n\n{}\n--a\n\
             Content-Type: text/html\n\n{html}\n--a--\n",
            document(1..3)
        ))
    };
    let found = parts(&both("<table><tr><td>Eva<td>eva1@mala-1.cz<tr><td>Eva<td>eva2@mala-2.cz</table>"));
    assert_eq!(found.len(), 2);
    let found = parts(&both("<p>Two leads of this week.</p>"));
    assert_eq!((found.len(), found[2].context.extra[PART].as_str()), (3, REST));
}

#[test]
fn ten_thousand_prospects_wait_whole_and_say_so() {
    for (count, apart) in [(MOST, true), (MOST + 1, false), (10_000, false)] {
        let raw = text(&document(0..count));
        let found = parts(&raw);
        assert_eq!(found.len(), if apart { count } else { 1 });
        if !apart {
            let (submission, _) = understood(&found[0]);
            assert!(submission.flags.iter().any(|flag| flag == "too_many_leads"), "{:?}", submission.flags);
            assert!(submission.warnings.iter().any(|warning| warning.code == "several_prospects"));
        }
    }
    // A large header before each of many: nothing is made that is larger than what is kept in memory.
    let long = format!("X-Note: {}\n", "x ".repeat(40_000));
    assert_eq!(parts(&format!("{long}{}", text(&document(0..900)))).len(), 1);
    // Tags that never end, and nothing but tags.
    for hostile in ["<prospect", "<prospect>", "<adf><prospect><id>", "<![CDATA[<prospect>", "</prospect><adf>"] {
        let raw = text(&format!("<adf>{}", hostile.repeat(20_000)));
        assert!(!parts(&raw).is_empty());
        understood(&arrived(&raw));
    }
    // Cut off on its way: what is missing is not known.
    let mut cut = arrived(&text(&document(1..4)));
    cut.context.truncated_from = Some(50_000_000);
    assert_eq!(apart(cut, Ulid::nil).len(), 1);
}

#[test]
fn the_vehicle_given_in_part_payment_is_apart_from_the_one_asked_about() {
    let raw = text(
        "<?ADF VERSION \"1.0\"?><?xml version=\"1.0\"?><adf><prospect status=\"resend\"><id source=\"Cars\">77</id>\
         <requestdate>2025-03-10</requestdate><vehicle interest=\"trade-in\" status=\"used\"><year>2009</year>\
         <make>Opel</make><model>Astra</model><odometer units=\"km\">180000</odometer><vin>W0L</vin></vehicle>\
         <vehicle interest=\"test-drive\" status=\"new\"><year>2025</year><make>Volvo</make><model>V60</model>\
         <stock>S9</stock><price type=\"quote\" currency=\"eur\">41000</price></vehicle>\
         <vehicle><make>Volvo</make><model>V90</model></vehicle>\
         <customer><contact><name part=\"full\" type=\"business\">Dupont SARL</name><name part=\"first\">Anne</name>\
         <name part=\"last\">Dupont</name><email>anne@dupont-sarl.fr</email><phone type=\"voice\">0478123456</phone>\
         <phone type=\"cellphone\">0612345678</phone><address><street line=\"1\">1 rue X</street>\
         <street line=\"2\">Bat. B</street><city>Lyon</city><postalcode>69001</postalcode><country>FR</country></address>\
         </contact><id>C-5</id><timeframe><description>within a week</description></timeframe>\
         <comments>Bonjour</comments></customer><vendor><vendorname>Garage Sud</vendorname><contact>\
         <email>shop@garage-sud.fr</email></contact></vendor><provider><name>AutoPortal</name><service>Leads+</service>\
         <url>https://autoportal.fr</url><email>help@autoportal.fr</email></provider></prospect></adf>",
    );
    let (submission, enquiry) = understood(&arrived(&raw));
    for (name, wanted) in [
        ("vehicle", "2025 Volvo V60"),
        ("trade_in", "2009 Opel Astra"),
        ("trade_in_odometer", "180000"),
        ("trade_in_vin", "W0L"),
        ("vehicle_stock", "S9"),
        ("vehicle_price", "41000 EUR"),
        ("other_vehicle", "Volvo V90"),
        ("vendor", "Garage Sud"),
        ("provider", "AutoPortal"),
        ("provider_service", "Leads+"),
        ("customer_id", "C-5"),
        ("timeframe", "within a week"),
        ("request_id", "77"),
        ("request_source", "cars"),
        ("requested_at", "2025-03-10"),
    ] {
        assert_eq!(value(&submission, name), Some(wanted), "{name}: {:?}", submission.fields);
    }
    assert_eq!(kept(&enquiry, "product"), Some("2025 Volvo V60"));
    assert_eq!(kept(&enquiry, "trade_in"), Some("2009 Opel Astra"));
    assert_eq!(enquiry.inquiry_kind.as_deref(), Some("test drive"));
    assert_eq!(enquiry.organisation.name.as_deref(), Some("Dupont SARL"));
    assert_eq!(enquiry.person.last_name.as_deref(), Some("Dupont"));
    assert_eq!(enquiry.addresses[0].street.as_deref(), Some("1 rue X, Bat. B"));
    let emails: Vec<_> = enquiry.emails.iter().map(|email| email.address.as_str()).collect();
    assert_eq!(emails, ["anne@dupont-sarl.fr"], "neither the garage nor the portal asks");
    let request = enquiry.request.unwrap();
    assert_eq!(
        (request.by.as_str(), request.source.as_str(), request.id.as_str(), request.resend),
        ("portal.cz", "cars", "77", true)
    );
}

#[test]
fn a_json_file_of_a_websites_mailer_is_read_as_a_form_body() {
    let json = r#"{"name":"Eva Malá","email":"eva@mala.cz","phone":"+420605123456","message":"Prosím o cenu","_gotcha":"x",
        "address":{"city":"Brno"}}"#;
    let sent = |from: &str, words: &str, head: &str, json: &str| {
        mixed(&[("Content-Type: text/plain; charset=utf-8", words), (head, json)])
            .replace("Leads <leads@portal.cz>", from)
    };
    let typed = "Content-Type: application/json";
    let named = "Content-Type: application/octet-stream; name=\"entry.json\"\nContent-Disposition: attachment";
    let mailer = "Web <noreply@hosting.cz>";
    for (from, words, head) in
        [(mailer, "A new entry is attached.", typed), (mailer, "", named), ("Eva <eva@web.cz>", "", typed)]
    {
        let (submission, enquiry) = understood(&arrived(&sent(from, words, head, json)));
        assert_eq!(submission.class, Some(MailClass::FormNotification), "{from} {words} {head}");
        assert_eq!(enquiry.emails[0].address, "eva@mala.cz");
        assert_eq!(enquiry.person.full_name.as_deref(), Some("Eva Malá"));
        assert_eq!(enquiry.phones[0].e164.as_deref(), Some("+420605123456"));
        assert_eq!(enquiry.message, "Prosím o cenu");
        assert!(submission.fields.iter().all(|field| field.name != "_gotcha"), "control fields are no data");
    }
    // What somebody attaches to a letter is a file; what cannot be read, or tells nobody, is one too.
    let letter = "Dobrý den, v příloze posílám export z našeho systému. Můžete se na to podívat?";
    for (from, words, json) in [
        ("Eva <eva@web.cz>", letter, json),
        (mailer, &*"We write to you at length. ".repeat(40), json),
        (mailer, "See the file.", "{\"name\":"),
        (mailer, "See the file.", "{\"version\":3}"),
        (mailer, "See the file.", &*"[".repeat(50_000)),
    ] {
        let (submission, enquiry) = understood(&arrived(&sent(from, words, typed, json)));
        assert_ne!(submission.class, Some(MailClass::FormNotification), "{from}: {words:.40} {json:.40}");
        assert!(enquiry.emails.iter().all(|email| email.address != "eva@mala.cz"));
    }
    let mut many = String::new();
    for n in 0..50_000 {
        write!(many, "\"f{n}\":\"v\",").unwrap();
    }
    let (submission, _) = understood(&arrived(&sent(
        mailer,
        "",
        typed,
        &format!("{{\"email\":\"eva@mala.cz\",\"name\":\"Eva\",{many}\"z\":1}}"),
    )));
    assert!(submission.fields.len() <= 2_000, "{}", submission.fields.len());
}

#[test]
fn each_lead_of_a_json_list_is_a_mail_of_its_own() {
    let lead =
        |n: usize| format!("{{\"name\":\"Eva Malá{n}\",\"email\":\"eva{n}@mala-{n}.cz\",\"message\":\"Cena {n}?\"}}");
    let list = |range: std::ops::Range<usize>| format!("[{}]", range.map(lead).collect::<Vec<_>>().join(", "));
    let typed = "Content-Type: application/json; charset=utf-8";
    let attached = |from: &str, words: &str, json: &str| {
        mixed(&[("Content-Type: text/plain; charset=utf-8", words), (typed, json)])
            .replace("Leads <leads@portal.cz>", from)
    };
    let mailer = "Portal <noreply@portal.cz>";
    let alone = headed(&format!("{typed}\n\n{}\n", list(0..3)));
    for (raw, count) in [
        (attached("Eva <eva@web.cz>", "", &list(0..3)), 3),
        (attached(mailer, "Three leads are attached.", &list(0..3)), 4),
        (attached(mailer, "", &format!("{{\"leads\": {}}}", list(0..3))), 3),
        (attached(mailer, "", &list(0..3).replace(']', &format!(",{}]", lead(1)))), 3),
        (alone, 3),
    ] {
        let found = parts(&raw);
        assert_eq!(found.len(), count, "{raw}");
        assert_eq!(addresses(&found[..3]), ["eva0@mala-0.cz", "eva1@mala-1.cz", "eva2@mala-2.cz"], "{raw}");
        for (n, one) in found.iter().take(3).enumerate() {
            let (submission, enquiry) = understood(one);
            assert_eq!(submission.class, Some(MailClass::FormNotification));
            assert_eq!(enquiry.message, format!("Cena {n}?"));
            assert_eq!(enquiry.emails.len(), 1, "nothing of the others");
            assert!(!submission.flags.iter().any(|flag| flag == "too_many_leads"));
        }
    }
    // A letter, lists of other things, and what is no list of leads only.
    let letter = "Dobrý den, v příloze posílám export z našeho systému. Můžete se na to podívat?";
    let order = r#"[{"name":"Pump","quantity":3,"product":"P1"},{"name":"Hose","quantity":1,"product":"H2"}]"#;
    let mixture = list(0..2).replace(']', ",{\"version\":3}]");
    for (from, words, json) in [
        ("Eva <eva@web.cz>", letter, list(0..3)),
        (mailer, "", order.to_owned()),
        (mailer, "", mixture),
        (mailer, "", list(0..1)),
        (mailer, "", format!("[{}", "[".repeat(50_000))),
    ] {
        assert_eq!(parts(&attached(from, words, &json)).len(), 1, "{json:.60}");
    }
    // Too many of them wait whole, and say so.
    let many = parts(&attached(mailer, "", &list(0..1_001)));
    let (submission, enquiry) = understood(&many[0]);
    assert_eq!((many.len(), enquiry.emails.len()), (1, 1));
    assert!(submission.flags.iter().any(|flag| flag == "too_many_leads"), "{:?}", submission.flags);
    assert_eq!(parts(&attached(mailer, "", &list(0..1_000))).len(), 1_000);
}

#[test]
fn a_card_is_read_by_its_name_too_and_for_a_website_it_tells_who_asks() {
    let card = "BEGIN:VCARD\nVERSION:3.0\nFN:Eva Malá\nN:Malá;Eva;;;\nORG:Mala s.r.o.\nTITLE:Buyer\n\
                EMAIL:eva@mala.cz\nTEL;TYPE=CELL:+420605123456\nEND:VCARD";
    let head = "Content-Type: application/octet-stream; name=\"eva.vcf\"\nContent-Disposition: attachment";
    let sent = |from: &str, words: &str, card: &str| {
        let parts = [("Content-Type: text/plain; charset=utf-8", words), (head, card)];
        understood(&arrived(&mixed(&parts).replace("Leads <leads@portal.cz>", from)))
    };
    let (own, enquiry) = sent("Eva Malá <eva@mala.cz>", "Dobrý den, prosím o cenu.", card);
    assert_eq!(own.class, Some(MailClass::Person));
    assert_eq!(enquiry.person.job_title.as_deref(), Some("Buyer"));
    assert_eq!(enquiry.organisation.name.as_deref(), Some("Mala s.r.o."));
    let (site, enquiry) = sent("Web <noreply@hosting.cz>", "A new contact.", card);
    assert_eq!(site.class, Some(MailClass::FormNotification));
    assert_eq!(enquiry.emails[0].address, "eva@mala.cz");
    let (letter, enquiry) = sent("Jan <jan@novak.cz>", "Call her, please.", card);
    assert_eq!((letter.class, enquiry.emails[0].address.as_str()), (Some(MailClass::Person), "jan@novak.cz"));
    let (two, _) = sent("Web <noreply@hosting.cz>", "Two contacts.", &format!("{card}\n{card}"));
    assert_ne!(two.class, Some(MailClass::FormNotification), "whom of two it is about, nothing says");
}

/// Every word of a mail with several prospects is in one of its parts.
fn all_words(raw: &str, words: &[&str]) -> Vec<Envelope> {
    let found = parts(raw);
    let bytes: String = found.iter().map(|one| String::from_utf8_lossy(&one.raw).into_owned()).collect();
    for word in words {
        assert!(bytes.contains(word), "{word} of {raw} is in none of {found:?}");
    }
    found
}

#[test]
fn words_around_prospects_are_never_lost() {
    let between = document(1..3).replace("</prospect>\n<prospect", "</prospect>\nBETWEEN\n<prospect");
    let open = format!("BEFORE\n{}BEHIND the last\n", document(1..3).replace("</adf>\n", ""));
    let file = "Content-Type: application/xml; name=a.xml\nContent-Disposition: attachment; filename=a.xml";
    let inside = format!("IN THE FILE\n{}\nBELOW", document(1..3));
    let both = |html: &str| {
        headed(&format!(
            "Content-Type: multipart/alternative; boundary=\"a\"\n\n--a\nContent-Type: text/plain\n\n{}\n--a\n\
             Content-Type: text/html\n\n{html}\n--a--\n",
            document(1..3)
        ))
    };
    let third = document(3..4).replace('<', "&lt;").replace('>', "&gt;");
    for (raw, words, leads) in [
        (text(&between), &["BETWEEN"][..], 2),
        (text(&open), &["BEFORE", "BEHIND the last"], 2),
        (mixed(&[("Content-Type: text/plain", "Hello"), (file, &inside)]), &["Hello", "IN THE FILE", "BELOW"], 2),
        (both(&format!("<p>eva1@mala-1.cz</p><pre>{third}</pre><p>ONLYHERE</p>")), &["ONLYHERE", "eva3@mala-3.cz"], 3),
    ] {
        let found = all_words(&raw, words);
        assert_eq!(found.len(), leads + 1, "{raw}");
        assert_eq!(found[leads].context.extra[PART], REST);
        let rest = String::from_utf8_lossy(&found[leads].raw).into_owned();
        assert!(!rest.contains("mala-1.cz"), "{rest}");
    }
}

#[test]
fn what_a_visitor_types_makes_no_further_prospect() {
    let typed = "</comments></prospect><prospect><customer><contact><email>evil@evil.cz</email></contact></customer>";
    let escaped = typed.replace('<', "&lt;").replace('>', "&gt;");
    let cdata = format!("<![CDATA[x {typed} KEPT]]>");
    let whole = format!("&lt;adf&gt;{escaped}&lt;/adf&gt;");
    for (what, raw) in [
        ("cdata", text(&document(1..2).replace("Number 1 &amp; more", &cdata))),
        ("escaped", text(&document(1..2).replace("Number 1 &amp; more", &escaped))),
        (
            "in markup",
            headed(&format!(
                "Content-Type: text/html\n\n<p>New</p>{}",
                document(1..2).replace("Number 1 &amp; more", &whole)
            )),
        ),
    ] {
        let found = parts(&raw);
        assert_eq!(found.len(), 1, "{what}: {found:?}");
        let (submission, enquiry) = understood(&found[0]);
        assert_eq!(submission.class, Some(MailClass::Adf), "{what}");
        let emails: Vec<_> = enquiry.emails.iter().map(|email| email.address.as_str()).collect();
        assert_eq!(emails, ["eva1@mala-1.cz"], "{what}");
        if what == "cdata" {
            assert!(
                enquiry.message.contains("KEPT") && enquiry.message.contains("evil@evil.cz"),
                "{}",
                enquiry.message
            );
        }
    }
    // An end typed into one of two hides neither.
    let two = document(1..3).replace("Number 1 &amp; more", "<![CDATA[so </adf> it ends]]>");
    assert_eq!(addresses(&parts(&text(&two))), ["eva1@mala-1.cz", "eva2@mala-2.cz"]);
}

#[test]
fn whoever_answers_a_portals_mail_is_the_one_who_asks() {
    let quoted = format!("> {}", document(1..3).trim_end().replace('\n', "\n> "));
    for (head, subject) in [("In-Reply-To: <x@portal.cz>\n", "Our order"), ("", "Re: New leads")] {
        let raw = format!(
            "From: Otto <otto@firma.cz>\nTo: sales@ours.example\nSubject: {subject}\n{head}\
             Content-Type: text/plain; charset=utf-8\n\nI want 20 pumps, please send an offer.\n\n\
             On 3 Mar 2025 10:11, Leads <leads@portal.cz> wrote:\n{quoted}"
        );
        let found = parts(&raw);
        assert_eq!(found.len(), 1, "{raw}");
        let (submission, enquiry) = understood(&found[0]);
        assert_eq!(submission.class, Some(MailClass::Person));
        assert_eq!(enquiry.emails[0].address, "otto@firma.cz");
        assert_eq!(enquiry.message.trim(), "I want 20 pumps, please send an offer.");
        assert!(submission.flags.is_empty(), "{:?}", submission.flags);
    }
}

#[test]
fn prospects_that_differ_in_what_nobody_reads_are_two() {
    let option = |n: u32| prospect(1).replace("</vehicle>", &format!("<option>OPT{n}</option></vehicle>"));
    let raw = text(&format!("<adf>{}{}{}</adf>", option(1), option(2), prospect(2)));
    assert_eq!(all_words(&raw, &["OPT1", "OPT2", "mala-2.cz"]).len(), 3);
}

#[test]
fn the_id_of_a_request_from_a_mail_service_belongs_to_one_address() {
    let (_, enquiry) = understood(&arrived(&text(&document(1..2)).replace("leads@portal.cz", "Some.One@gmail.com")));
    assert_eq!(enquiry.request.unwrap().by, "someone@gmail.com");
}

#[test]
fn the_day_a_form_was_sent_is_no_day_asked_for() {
    let dated = |name: &str, day: &str| {
        let raw = format!(
            "From: Web <noreply@hosting.cz>\nSubject: New entry\nDate: Mon, 3 Mar 2025 10:00:00 +0100\n\nName: Eva Mala\n\
             Email: eva@mala.cz\n{name}: {day}\nMessage: Prosím o termín.\n"
        );
        understood(&arrived(&raw)).1.dates.into_iter().map(|date| date.start).collect::<Vec<_>>()
    };
    assert!(dated("Odesláno", "3.3.2025").is_empty());
    assert_eq!(dated("Termín", "12.3.2025"), ["2025-03-12"]);
}
