//! Templates for the mails of portals: what they read, whom they believe, what they refuse.

use std::fmt::Write as _;

use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::reading::template::parse;
use pisteur::domain::reading::{ReadLimits, ReadSettings, TOO_MUCH_WORK, Template, read, read_counted};
use pisteur::domain::submission::{MailClass, Submission};

use super::{mail, settings, targets};
use crate::support::daemon::Setup;

/// The guide, whose examples are what is tested here.
pub const GUIDE: &str = include_str!("../../config/templates.md");

/// The examples of the guide, as copied.
pub fn examples() -> Vec<&'static str> {
    GUIDE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn templates(text: &str) -> Vec<Template> {
    parse("portals.toml", text).unwrap().into_iter().map(|written| written.template).collect()
}

fn portal() -> ReadSettings {
    ReadSettings {
        templates: examples().iter().flat_map(|text| templates(text)).collect(),
        authserv_ids: vec!["mx.ours.example".to_owned()],
        ..settings()
    }
}

fn understood(raw: &str, settings: &ReadSettings) -> (Submission, Enquiry) {
    let envelope = mail(raw.replace('\n', "\r\n").as_bytes());
    let submission = read(&envelope, settings);
    let enquiry = understand(&submission, &envelope, settings);
    (submission, enquiry)
}

const VOUCHED: &str = "Authentication-Results: mx.ours.example; dkim=pass header.d=clef-en-main.example\n";
const DENIED: &str = "Authentication-Results: mx.ours.example; spf=fail smtp.mailfrom=evil.example; dmarc=fail header.from=clef-en-main.example\n";

fn visit(header: &str, body: &str) -> String {
    format!(
        "{header}From: Clef en main <ne-pas-repondre@mail.clef-en-main.example>\nTo: sales@ours.example\n\
         Subject: Une demande de visite\nMessage-ID: <v1@clef-en-main.example>\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\n{body}"
    )
}

const BODY: &str = "Bonjour,\nune personne souhaite visiter votre bien.\nRéf. annonce : LY-2041\n\
    Nom et prénom : Hélène Vasseur\nCourriel : helene@vasseur-conseil.example\nTéléphone : 06 12 34 56 78\n\
    Message du prospect :\nBonjour, est-il encore libre ?\n\nCordialement\nRépondre depuis votre espace : https://x\n";

fn codes(submission: &Submission) -> Vec<&str> {
    submission.warnings.iter().map(|w| w.code.as_str()).collect()
}

#[test]
fn the_prospect_is_read_and_never_the_portal() {
    let (submission, enquiry) = understood(&visit(VOUCHED, BODY), &portal());
    assert_eq!(submission.class, Some(MailClass::FormNotification));
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Hélène Vasseur"));
    let addresses: Vec<&str> = enquiry.emails.iter().map(|e| e.address.as_str()).collect();
    assert_eq!(addresses, ["helene@vasseur-conseil.example"]);
    assert_eq!(enquiry.phones[0].e164.as_deref(), Some("+33612345678"));
    assert_eq!(enquiry.message, "Bonjour, est-il encore libre ?\n\nCordialement");
    assert_eq!(enquiry.attribution.source.as_deref(), Some("clef-en-main"));
    assert_eq!(enquiry.inquiry_kind.as_deref(), Some("visite"));
    assert_eq!(enquiry.custom[0].value, "LY-2041", "{:?}", enquiry.custom);
    let used = submission.template.unwrap();
    assert_eq!((used.name.as_str(), used.proven, used.is_used()), ("clef-en-main", true, true));
    let by_phone = BODY.replace("Courriel : helene@vasseur-conseil.example\n", "");
    let (_, enquiry) = understood(&visit(VOUCHED, &by_phone), &portal());
    assert!(enquiry.emails.is_empty() && enquiry.raw_sender.is_none(), "{enquiry:?}");
    assert_eq!(enquiry.phones.len(), 1);
}

#[test]
fn a_sender_that_is_not_proven_names_the_prospect_and_routes_nothing() {
    let (submission, enquiry) = understood(&visit("", BODY), &portal());
    assert!(!submission.template.as_ref().unwrap().proven);
    assert_eq!(enquiry.emails[0].address, "helene@vasseur-conseil.example");
    assert_eq!((enquiry.attribution.source.as_deref(), enquiry.attribution.medium.as_deref()), (None, None));
    assert_ne!(enquiry.inquiry_kind.as_deref(), Some("visite"));
    // Without a mail server of ours anybody's word is no word.
    let nobody = ReadSettings { authserv_ids: Vec::new(), ..portal() };
    let (submission, enquiry) = understood(&visit(VOUCHED, BODY), &nobody);
    assert!(!submission.template.unwrap().proven);
    assert_eq!(enquiry.attribution.source, None);
    let trusted = ReadSettings { form_senders: vec!["ne-pas-repondre@mail.clef-en-main.example".to_owned()], ..nobody };
    let (_, enquiry) = understood(&visit("", BODY), &trusted);
    assert_eq!(enquiry.attribution.source.as_deref(), Some("clef-en-main"));
}

#[test]
fn what_an_unproven_sender_says_of_origin_and_kind_is_a_remark() {
    let text = "[[template]]\nname = \"p\"\nfrom = [\"clef-en-main.example\"]\nrequired = [\"source\"]\n[template.fields]\n\
                email = \"Courriel\"\nsource = \"Origine\"\ninquiry_kind = \"Type\"\ncampaign = \"Campagne\"\n";
    let settings = ReadSettings { templates: templates(text), ..portal() };
    let body = "Courriel : a@b-co.example\nOrigine : forged\nType : vente\nCampagne : forged\n";
    let (submission, enquiry) = understood(&visit("", body), &settings);
    assert!(submission.by_template().is_some(), "{:?}", submission.template);
    assert_eq!((enquiry.attribution.source, enquiry.attribution.campaign), (None, None));
    assert_ne!(enquiry.inquiry_kind.as_deref(), Some("vente"));
    assert!(enquiry.custom.iter().any(|c| c.name == "Origine" && c.value == "forged"), "{:?}", enquiry.custom);
    let (_, enquiry) = understood(&visit(VOUCHED, body), &settings);
    assert_eq!(enquiry.attribution.source.as_deref(), Some("forged"), "a proven one may");
    assert_eq!(enquiry.inquiry_kind.as_deref(), Some("vente"));
}

#[test]
fn a_denied_sender_is_read_as_any_other_and_that_is_said() {
    let (submission, enquiry) = understood(&visit(DENIED, BODY), &portal());
    assert!(submission.template.is_none());
    assert!(codes(&submission).contains(&"template_denied"), "{:?}", submission.warnings);
    assert_eq!(enquiry.attribution.source, None);
}

#[test]
fn a_template_that_does_not_find_what_it_must_leaves_the_usual_reading() {
    let body = "Le prospect a préféré rester discret.\nMessage du prospect : rien\n";
    let (with, _) = understood(&visit(VOUCHED, body), &portal());
    let (without, _) = understood(&visit(VOUCHED, body), &ReadSettings { templates: Vec::new(), ..portal() });
    assert!(codes(&with).contains(&"template_incomplete"), "{:?}", with.warnings);
    let used = with.template.as_ref().unwrap();
    assert!(!used.is_used() && used.to_string().contains("does not find email, phone or mobile"), "{used}");
    assert_eq!((with.class, with.fields, with.reply), (without.class, without.fields, without.reply));
}

#[test]
fn neither_our_address_nor_the_portals_is_taken_for_the_prospects() {
    let text = "[[template]]\nname = \"p\"\nfrom = [\"clef-en-main.example\"]\n[template.fields]\n\
                email = [{ regex = '(\\S+@\\S+)' }, \"Courriel\", { in = \"from\" }]\n";
    let settings = ReadSettings { templates: templates(text), ..portal() };
    for (first, wanted) in [
        ("ne-pas-repondre@mail.clef-en-main.example", "a@b-co.example"),
        ("sales@ours.example", "a@b-co.example"),
        ("c@d-co.example", "c@d-co.example"),
    ] {
        let body = format!("{first}\nCourriel : a@b-co.example\n");
        let (_, enquiry) = understood(&visit(VOUCHED, &body), &settings);
        assert_eq!(enquiry.emails.iter().map(|e| e.address.as_str()).collect::<Vec<_>>(), [wanted]);
    }
    let (_, enquiry) = understood(&visit(VOUCHED, "Rien.\n"), &settings);
    assert_eq!(enquiry.emails[0].address, "ne-pas-repondre@mail.clef-en-main.example", "as the template asks");
}

#[test]
fn a_portals_mail_that_a_trusted_colleague_passes_on_is_the_prospects_and_proves_nothing() {
    let body = format!(
        "---------- Forwarded message ---------\nFrom: Clef en main <ne-pas-repondre@clef-en-main.example>\n\
         Date: Mon, Mar 10, 2025 at 9:00 AM\nSubject: Une demande de visite\nTo: <eva@ours.example>\n\n{BODY}"
    );
    let raw = visit("", &body).replace("ne-pas-repondre@mail.clef-en-main.example", "eva@ours.example");
    let raw = raw.replace("Subject: Une demande", "Subject: Fwd: Une demande");
    let settings = ReadSettings { forwarders: vec!["eva@ours.example".to_owned()], ..portal() };
    let (submission, enquiry) = understood(&raw, &settings);
    let used = submission.by_template().unwrap_or_else(|| panic!("{submission:?}"));
    assert_eq!((used.name.as_str(), used.proven), ("clef-en-main", false));
    assert_eq!(enquiry.emails[0].address, "helene@vasseur-conseil.example");
    assert_eq!(enquiry.message, "Bonjour, est-il encore libre ?\n\nCordialement");
    assert_eq!((enquiry.attribution.source, enquiry.emails.len()), (None, 1));
    let (submission, enquiry) = understood(&raw, &portal());
    assert!(submission.by_template().is_none(), "whom nobody trusts is read as ever");
    assert_eq!(enquiry.emails[0].address, "eva@ours.example");
}

#[test]
fn only_the_senders_and_mails_it_names_are_read_by_a_template() {
    let settings = portal();
    for (from, subject, text, used) in [
        (
            "leads@motor-mile.example",
            "New enquiry: Aster",
            "Eva Malá is interested in your car\nPhone: 020 7946 0321",
            true,
        ),
        (
            "LEADS@Motor-Mile.example",
            "New enquiry: Aster",
            "Eva IS INTERESTED IN YOUR car\nEva is interested in your car\nPhone: 020 7946 0321",
            true,
        ),
        (
            "other@motor-mile.example",
            "New enquiry: Aster",
            "Eva is interested in your car\nPhone: 020 7946 0321",
            false,
        ),
        (
            "leads@motor-mile.example.evil.example",
            "New enquiry: A",
            "Eva is interested in your car\nPhone: 020 7946 0321",
            false,
        ),
        ("leads@motor-mile.example", "Your invoice", "Eva is interested in your car\nPhone: 020 7946 0321", false),
        ("leads@motor-mile.example", "New enquiry: Aster", "Phone: 020 7946 0321", false),
    ] {
        let raw = format!("From: Motor Mile <{from}>\nTo: sales@ours.example\nSubject: {subject}\n\n{text}\n");
        let (submission, _) = understood(&raw, &settings);
        assert_eq!(submission.by_template().is_some(), used, "{from} {subject} {text}");
    }
}

#[test]
fn the_recipient_tells_templates_of_one_portal_apart() {
    let of = |name: &str, to: &str| {
        format!(
            "[[template]]\nname = \"{name}\"\nfrom = [\"clef-en-main.example\"]\nto = [{to}]\nfields.email = \"Courriel\"\n\
             [[template.case]]\nname = \"c\"\ntext = \"Courriel : a@b-co.example\"\nexpect.email = \"a@b-co.example\"\n"
        )
    };
    let text = of("rent", "\"leads+rent@\"") + &of("sale", "\"leads+sale@ours.example\", \"@sale.ours.example\"");
    let settings = ReadSettings { templates: templates(&text), ..portal() };
    for (header, name) in [
        ("To: Leads <leads+rent@ours.example>\n", Some("rent")),
        ("To: sales@ours.example\nDelivered-To: Leads+Sale@ours.example\n", Some("sale")),
        ("To: x@agents.example\nCc: eva@sale.ours.example\n", Some("sale")),
        ("To: leads@ours.example\n", None),
        ("To: leads+rent@other.example\n", None),
        ("", None),
    ] {
        let raw = visit(VOUCHED, "Courriel : a@b-co.example\n").replace("To: sales@ours.example\n", header);
        let (submission, _) = understood(&raw, &settings);
        assert_eq!(submission.by_template().map(|used| used.name.as_str()), name, "{header}");
    }
    let passed_on = "From: Eva <eva@ours.example>\nTo: sales@ours.example\nSubject: Fwd: Une demande\n\
        Authentication-Results: mx.ours.example; dkim=pass header.d=ours.example\n\n---------- Forwarded message ----------\n\
        From: Clef <mail@clef-en-main.example>\nDate: Mon, 10 Mar 2025 at 09:12\nSubject: Une demande\nTo: <leads+rent@ours.example>\n\n\
        Courriel : a@b-co.example\n";
    let settings = ReadSettings { forwarders: vec!["ours.example".to_owned()], ..settings };
    let (submission, _) = understood(passed_on, &settings);
    assert_eq!(submission.by_template().map(|used| used.name.as_str()), Some("rent"), "{submission:?}");
    let setup = Setup::new().contact_form().file("templates/both.toml", &text);
    let (code, said) = run(&setup, &["rules", "test", "--filter", "c"]);
    assert_eq!(code, Some(0), "{said}");
    let fault = parse("p.toml", &text.replace("leads+rent@", "leads+rent")).unwrap_err();
    assert!(fault.line == 4 && fault.message.contains("is no recipient; write"), "{fault}");
}

#[test]
fn rules_route_by_the_template_of_a_proven_sender() {
    let rule = |name: &str| {
        format!(
            "[[rule]]\nid = \"visits\"\nwhy = \"Visits\"\nwhen.template = \"{name}\"\nthen.create = \"opportunity\"\n"
        )
    };
    let reading = "[reading]\nauthserv_ids = [\"mx.ours.example\"]\n";
    let setup = portals().tables(reading).file("rules/30-classify.toml", rule("clef-en-main"));
    let setup = setup.file("proven.eml", visit(VOUCHED, BODY)).file("claimed.eml", visit("", BODY));
    let (_, text) = run(&setup, &["rules", "explain", "proven.eml", "--why-not", "visits"]);
    assert!(text.contains("visits matches") && text.contains("clef-en-main"), "{text}");
    let (_, text) = run(&setup, &["rules", "explain", "claimed.eml", "--why-not", "visits"]);
    assert!(text.contains("visits does not match"), "whoever only says so is not routed: {text}");
    let setup = setup.file("rules/30-classify.toml", rule("clef-en-man"));
    let (code, text) = run(&setup, &["rules", "check"]);
    assert_eq!(code, Some(1), "{text}");
    for said in ["R003", "unknown template `clef-en-man` for template", "clef-en-main", "[templates]"] {
        assert!(text.contains(said), "{said} not in {text}");
    }
}

#[test]
fn labels_are_found_beside_below_and_in_cells() {
    let text = "[[template]]\nname = \"p\"\nfrom = [\"clef-en-main.example\"]\nempty = [\"N/A\"]\n[template.fields]\n\
                email = \"Courriel\"\ncompany = [\"Raison sociale\", \"Société\"]\nmessage = \"Votre mot\"\n[template.other]\n\
                \"Surface\" = \"Surface\"\n";
    let settings = ReadSettings { templates: templates(text), ..portal() };
    let bodies = [
        (
            "plain",
            "Courriel : a@b-co.example\nRaison sociale : n/a\nSociété = Bois SARL\nSurface : 80 m2\nVotre mot : un\n\ndeux\n",
        ),
        ("plain", "Courriel\na@b-co.example\n\nSociété :\n\nBois SARL\nSurface\n80 m2\nVotre mot\nun\n\ndeux\n"),
        (
            "html",
            "<table><tr><td>Courriel</td><td>a@b-co.example</td></tr><tr><td>Raison sociale</td><td></td></tr>\
                  <tr><td>Société</td><td>Bois SARL</td></tr><tr><td>Surface</td><td>80 m2</td></tr></table>\
                  <p><b>Votre mot</b></p><p>un</p><p>deux</p>",
        ),
        (
            "html",
            "<p>Courriel : a@b-co.example</p><p>Société : Bois SARL<br>Surface : 80 m2<br>Votre mot : un</p><p>deux</p>",
        ),
    ];
    for (kind, body) in bodies {
        let raw = visit(VOUCHED, body).replace("text/plain", &format!("text/{kind}"));
        let (submission, enquiry) = understood(&raw, &settings);
        assert!(submission.by_template().is_some(), "{body}: {submission:?}");
        assert_eq!(enquiry.emails[0].address, "a@b-co.example", "{body}");
        assert_eq!(enquiry.organisation.name.as_deref(), Some("Bois SARL"), "{body}: {:?}", submission.fields);
        assert!(
            enquiry.custom.iter().any(|c| c.name == "Surface" && c.value == "80 m2"),
            "{body}: {:?}",
            enquiry.custom
        );
        let words: Vec<&str> = enquiry.message.split_whitespace().collect();
        assert_eq!(words, ["un", "deux"], "{body}");
    }
}

#[test]
fn an_empty_cell_or_line_does_not_take_the_next_ones_value() {
    let text = "[[template]]\nname = \"p\"\nfrom = [\"clef-en-main.example\"]\n[template.fields]\n\
                email = \"Courriel\"\nphone = \"Téléphone\"\ncity = \"Ville\"\n";
    let settings = ReadSettings { templates: templates(text), ..portal() };
    for (kind, body) in [
        ("plain", "Courriel : a@b-co.example\nTéléphone :\nBudget : 200 000\nVille :\nCourriel : c@d.example\n"),
        (
            "html",
            "<table><tr><td>Courriel</td><td>a@b-co.example</td></tr><tr><td>Téléphone</td><td></td></tr>\
             <tr><td>Budget</td><td>200 000</td></tr><tr><td>Ville</td><td></td></tr></table><p>Au revoir</p>",
        ),
        (
            "html",
            "<table><tr><td>Courriel</td><td>a@b-co.example</td></tr><tr><td>Ville</td><td> </td></tr>\
             <tr><td colspan=2>Au revoir</td></tr></table>",
        ),
    ] {
        let raw = visit(VOUCHED, body).replace("text/plain", &format!("text/{kind}"));
        let (submission, _) = understood(&raw, &settings);
        let found: Vec<&str> = submission.fields.iter().map(|f| f.value.as_str()).collect();
        assert_eq!(found, ["a@b-co.example"], "{kind}");
    }
}

#[test]
fn every_mistake_in_a_file_names_its_line_and_a_remedy() {
    let good = "[[template]]\nname = \"p\"\nfrom = [\"portal.example\"]\nfields.email = \"E-mail\"\n";
    assert_eq!(templates(good).len(), 1);
    assert!(parse("x.toml", "").unwrap().is_empty());
    let long = format!("fields.phone = {{ regex = '(\\d{{9}}{}' }}\n", "x".repeat(600));
    for (added, line, said) in [
        ("fields.phone = { regex = '(a' }\n", 5, "unclosed group"),
        ("fields.phone = { regex = 'a+' }\n", 5, "exactly one group"),
        ("fields.phone = { regex = '(a)(b)' }\n", 5, "exactly one group"),
        ("fields.phone = { regex = '(a*)' }\n", 5, "empty text"),
        ("fields.phone = { regex = '((?:\\p{L}{900}){900})' }\n", 5, "too big"),
        ("fields.phone = { regex = '(a)(?=b)' }\n", 5, "look-around"),
        (long.as_str(), 5, "more than 500 characters"),
        ("fields.phone = { label = \"a\", regex = '(a)' }\n", 5, "one of label, regex and after"),
        ("fields.phone = { }\n", 5, "one of label, regex and after"),
        ("fields.phone = { before = \"a\" }\n", 5, "one of label, regex and after"),
        ("fields.phone = \" : \"\n", 5, "label is blank"),
        ("fields.phone = []\n", 5, "a list of 1 to 10"),
        ("fields.phone = [[\"a\", \"b\"]]\n", 5, "a list"),
        ("fields.phone = 7\n", 5, "a label, a table"),
        ("fields.phone = { in = \"reply_to\", label = \"a\" }\n", 5, "stand alone"),
        ("fields.phone = { in = \"subject\", label = \"a\" }\n", 5, "no labels"),
        ("fields.phone = { in = \"nowhere\", after = \"a\" }\n", 5, "unknown variant"),
        ("fields.fone = \"a\"\n", 5, "unknown variant `fone`"),
        ("sbject = 'x'\n", 5, "unknown field"),
        ("subject = '('\n", 5, "unclosed group"),
        ("contains = [\" \"]\n", 2, "none blank"),
        ("required = [\"email\",\n  \"company\"]\n", 6, "company is not among the fields"),
        ("fixed.source = \"\"\n", 5, "1 to 500"),
        ("fixed.email = \"a@b.example\"\n", 5, "only source, medium"),
        ("fields.source = \"a\"\nfixed.source = \"x\"\n", 6, "keep one of both"),
        ("[[template.case]]\nname = \"c\"\ntext = \"x\"\n", 5, "expects nothing"),
        ("[[template.case]]\nname = \"c\"\nexpect.email = \"a\"\n", 5, "a case is a file"),
        ("[[template.case]]\nname = \"c\"\nmail = \"x.eml\"\ntext = \"x\"\nused = false\n", 5, "a case is a file"),
        ("[[template.case]]\nname = \"c\"\ntext = \"x\"\nused = false\nabsent = [\"email\"]\n", 5, "leave expect"),
    ] {
        let fault = parse("p.toml", &format!("{good}{added}")).expect_err(added);
        assert!(fault.message.contains(said), "{added}: {fault}");
        assert_eq!((fault.file.as_str(), fault.line), ("p.toml", line), "{added}: {fault}");
    }
    for (text, line, said) in [
        ("[[template]]\nname = \"p\"\nfrom = []\nfields.email = \"E\"\n", 3, "believes everybody"),
        (
            "[[template]]\nname = \"p\"\nfrom = [\"portal\"]\nfields.email = \"E\"\n",
            3,
            "neither an address nor a domain",
        ),
        ("[[template]]\nname = \"p\"\nfrom = [\"gmail.com\"]\nfields.email = \"E\"\n", 3, "write the whole address"),
        ("[[template]]\nname = \"p\"\nfrom = [\"co.uk\"]\nfields.email = \"E\"\n", 3, "write the whole address"),
        ("[[template]]\nname = \"p\"\nfrom = [\"p.example\"]\nfields.company = \"E\"\n", 4, "at least one of email"),
        ("[[template]]\nname = \"a b\"\nfrom = [\"p.example\"]\nfields.email = \"E\"\n", 2, "letters, digits"),
        ("[[template]]\nname = \"p\"\nfields.email = \"E\"\n", 1, "missing field `from`"),
        ("[template]\n", 1, "sequence"),
        ("[[template]", 1, ""),
    ] {
        let fault = parse("p.toml", text).expect_err(text);
        assert!(fault.message.contains(said) && fault.line == line, "{text}: {fault}");
    }
}

#[test]
fn hostile_mails_are_read_by_templates_to_an_end() {
    let text = "[[template]]\nname = \"p\"\nfrom = [\"clef-en-main.example\"]\n[template.fields]\n\
                email = [\"Courriel\", { regex = '((?:a+)+@(?:b+)+)x' }, { regex = '([\\p{L}\\s]{1,5}@\\S{2,9}zz)' }]\n\
                message = \"Mot\"\ncompany = { after = \"aaaa\", before = \"bbbb\" }\n";
    let settings = ReadSettings { templates: templates(text), ..portal() };
    let mut cells = String::from("<table>");
    for n in 0..40_000 {
        write!(cells, "<tr><td>Courriel</td><td></td></tr><tr><td>Mot {n}</td><td>x</td></tr>").unwrap();
    }
    for (kind, body) in [
        ("plain", "a".repeat(2_000_000)),
        ("plain", "Courriel :\n".repeat(200_000)),
        ("plain", "Mot :\n".repeat(200_000)),
        ("plain", format!("{}@{}", "a".repeat(60_000), "b".repeat(60_000))),
        ("plain", ":".repeat(1_000_000)),
        ("html", cells),
        ("html", "<b>Mot</b><p>".repeat(100_000)),
        ("html", "<table><tr><td>".repeat(50_000)),
    ] {
        let raw = visit(VOUCHED, &body).replace("text/plain", &format!("text/{kind}"));
        let (submission, _) = understood(&raw, &settings);
        assert!(submission.template.is_some_and(|used| !used.is_used()), "{}", &body[..20]);
    }
    let long = format!("Courriel : a@b-co.example\nMot : {}\n", "mot\n".repeat(100_000));
    let (submission, _) = understood(&visit(VOUCHED, &long), &settings);
    let message = submission.fields.iter().find(|f| f.name == "Mot").expect("a message");
    assert!(message.value.len() <= 100_000, "{}", message.value.len());
}

#[test]
fn templates_draw_on_the_work_that_a_mail_may_take() {
    let raw = visit(VOUCHED, BODY).replace('\n', "\r\n");
    let settings = portal();
    let (_, taken) = read_counted(&mail(raw.as_bytes()), &settings);
    let (_, without) = read_counted(&mail(raw.as_bytes()), &ReadSettings { templates: Vec::new(), ..portal() });
    assert!(taken < settings.limits.steps(raw.len()) / 100, "{taken} beside {without}");
    let many =
        (0..50).map(|n| format!("\"v{n}\" = {{ regex = '(no such value {n})' }}")).collect::<Vec<_>>().join("\n");
    let text = format!("{}\n[template.other]\n{many}", examples()[0].split("\n\n").next().unwrap());
    let costly = ReadSettings { templates: templates(&text), ..portal() };
    assert!(read_counted(&mail(raw.as_bytes()), &costly).1 > taken + 40 * BODY.len() as u64);
    let limits = ReadLimits { least_steps: 300, steps_per_byte: 0, ..ReadLimits::default() };
    let (found, _) = read_counted(&mail(raw.as_bytes()), &ReadSettings { limits, ..costly });
    assert!(found.by_template().is_none() && found.flags.iter().any(|flag| flag == TOO_MUCH_WORK), "{found:?}");
    assert!(found.text.contains("est-il encore libre"), "{}", found.text);
}

#[test]
fn every_example_cut_and_changed_compiles_or_says_where_it_is_wrong() {
    for text in examples() {
        for cut in (0..text.len()).step_by(text.len() / 60 + 1).filter(|cut| text.is_char_boundary(*cut)) {
            targets::template_file(&text[..cut]);
            for put in ["[", "\"", "'", "=", ".", "(", "\n", "{", "é"] {
                targets::template_file(&format!("{}{put}{}", &text[..cut], &text[cut..]));
            }
        }
    }
}

fn run(setup: &Setup, args: &[&str]) -> (Option<i32>, String) {
    let out = setup.run(args);
    (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
}

fn portals() -> Setup {
    let named = ["templates/clef.toml", "templates/motor.toml"].into_iter().zip(examples());
    named.fold(Setup::new().contact_form(), |setup, (file, text)| setup.file(file, text))
}

#[test]
fn the_examples_of_the_guide_are_ten_lines_and_pass_their_own_cases() {
    assert_eq!(examples().len(), 2);
    for example in examples() {
        let lines = example.split("\n\n").next().unwrap().lines().count();
        assert!(lines <= 10, "{lines} lines: {example}");
    }
    let setup = portals();
    let (_, text) = run(&setup, &["check"]);
    assert!(text.contains("templates: 2 templates, 3 cases"), "{text}");
    let (code, text) = run(&setup, &["rules", "test"]);
    assert_eq!(code, Some(0), "{text}");
    for said in ["clef-en-main: une visite", "motor-mile: an enquiry", "motor-mile: a bill is no lead"] {
        assert!(text.contains(said), "{said} not in {text}");
    }
    let (code, json) = run(&setup, &["rules", "test", "--json", "--filter", "une visite"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, json["templates"][0]["passed"].as_bool()), (Some(0), Some(true)), "{json}");
}

#[test]
fn a_failing_case_shows_what_differs_value_by_value() {
    let wrong = examples()[0]
        .replace("product = \"LY-2041\"", "product = \"LY-2042\"")
        .replace("[template.case.expect]", "absent = [\"phone\"]\n[template.case.expect]");
    let unproven = "\n[[template.case]]\nname = \"a stranger\"\nproven = false\ntext = \"Téléphone : 0612345678\"\nexpect.source = \"clef-en-main\"\n\
                    [[template.case]]\nname = \"nobody\"\ntext = \"rien\"\nexpect.email = \"a@b.example\"\n\
                    [[template.case]]\nname = \"a file\"\nmail = \"gone.eml\"\nexpect.email = \"a@b.example\"\n";
    let setup = Setup::new().contact_form().file("templates/clef.toml", format!("{wrong}{unproven}"));
    let (code, text) = run(&setup, &["rules", "test", "--filter", "clef-en-main"]);
    assert_eq!(code, Some(1), "{text}");
    for said in [
        "FAIL",
        "clef.toml:12  clef-en-main: une visite",
        "      product\n        wanted  \"LY-2042\"\n        got     \"LY-2041\"\n",
        "      phone\n        wanted  absent\n        got     \"06 12 34 56 78\"\n",
        "      source\n        wanted  \"clef-en-main\"\n        got     absent\n",
        "      template\n        wanted  clef-en-main\n        got     none: clef-en-main does not find email, phone or mobile\n",
        "gone.eml",
        "4 failed",
    ] {
        assert!(text.contains(said), "{said} not in {text}");
    }
}

#[test]
fn a_wrong_template_is_named_by_check_with_its_place_and_used_twice_too() {
    let setup = portals()
        .file("templates/wrong.toml", "[[template]]\nname = \"x\"\nfrom = [\"nobody\"]\nfields.email = \"E\"\n");
    let setup = setup.file("templates/zz.toml", examples()[0]);
    let (code, text) = run(&setup, &["check"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("templates.path") && text.contains("wrong.toml:3: from: \"nobody\""), "{text}");
    assert!(text.contains("zz.toml:2: name: there is a template clef-en-main already"), "{text}");
}

#[test]
fn explain_and_parse_name_the_template_that_was_used() {
    let setup = portals().file("visit.eml", visit("", BODY));
    let (_, text) = run(&setup, &["explain", "visit.eml"]);
    assert!(text.contains("template  clef-en-main, its sender is not proven"), "{text}");
    assert!(text.contains("Hélène Vasseur") && text.contains("helene@vasseur-conseil.example"), "{text}");
    let (_, json) = run(&setup, &["parse", "visit.eml", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["template"]["name"], "clef-en-main", "{json}");
    let setup = setup.file("empty.eml", visit("", "Rien.\n"));
    let (_, text) = run(&setup, &["explain", "empty.eml"]);
    assert!(text.contains("clef-en-main knows it but does not find email, phone or mobile"), "{text}");
}
