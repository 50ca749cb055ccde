//! What portals word anew and visitors type: no word of the prospect is lost in a template.

use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::reading::template::parse;
use pisteur::domain::reading::{ReadSettings, read};
use pisteur::domain::submission::{MailClass, Submission};

use super::templates::examples;
use super::{mail, settings};

const LAB: &str = "[[template]]\nname = \"lab\"\nfrom = [\"lab.example\"]\nfields.full_name = \"Name\"\nfields.email = \"Email\"\n\
                   fields.phone = \"Phone\"\nfields.company = \"Company\"\nfields.message = \"Message\"\n";

fn understood(from: &str, header: &str, body: &str) -> (Submission, Enquiry) {
    let texts = examples().into_iter().chain([LAB]);
    let templates = texts.flat_map(|text| parse("portals.toml", text).unwrap()).map(|written| written.template);
    let settings = ReadSettings { templates: templates.collect(), ..settings() };
    let raw = format!(
        "From: {from}\nTo: sales@ours.example\nSubject: Une demande de visite\nMessage-ID: <v1@lab.example>\n{header}\
         Content-Type: text/plain; charset=utf-8\n\n{body}"
    );
    let envelope = mail(raw.replace('\n', "\r\n").as_bytes());
    let submission = read(&envelope, &settings);
    let enquiry = understand(&submission, &envelope, &settings);
    (submission, enquiry)
}

const LABS: &str = "Lab <noreply@lab.example>";
const KEYS: &str = "Clef en main <ne-pas-repondre@mail.clef-en-main.example>";
const VISIT: &str = "Bonjour,\nune personne souhaite visiter votre bien.\nRéf. annonce : LY-2041\nNom et prénom : Hélène Vasseur\n\
    Courriel : helene@vasseur-conseil.example\nMessage du prospect :\nBonjour, est-il encore libre ?\n";

#[test]
fn a_footer_that_is_worded_anew_ends_no_message_too_early() {
    for footer in ["Répondre depuis votre espace : https://x\n", "Pour répondre, cliquez : https://x\n", ""] {
        let (submission, enquiry) = understood(KEYS, "", &format!("{VISIT}{footer}"));
        assert!(submission.template.is_some_and(|used| used.is_used()), "{footer}");
        assert!(enquiry.message.starts_with("Bonjour, est-il encore libre ?"), "{footer}: {:?}", enquiry.message);
    }
}

#[test]
fn where_no_finder_finds_the_message_what_no_label_names_is_kept() {
    let body = "Name: Eva Malá\nEmail: eva@mala.example\nNachricht:\nIch brauche 20 Stühle bis Freitag.\n";
    let (submission, enquiry) = understood(LABS, "", body);
    assert!(enquiry.message.contains("Ich brauche 20 Stühle bis Freitag."), "{:?}", enquiry.message);
    assert!(submission.warnings.iter().any(|warning| warning.code == "template_message"));
    // A label without a value says that there is none.
    let (submission, enquiry) = understood(LABS, "", "Hello,\nName: Eva Malá\nEmail: eva@mala.example\nMessage:\n");
    assert_eq!(enquiry.message, "");
    assert!(submission.warnings.iter().all(|warning| warning.code != "template_message"));
}

#[test]
fn a_label_that_stood_above_is_a_word_of_the_message() {
    let body = "Name: Eva Malá\nEmail: eva@mala.example\nPhone: 777 123 456\nCompany: Kovo\n\
                Message: Hello, please call.\nPhone: only mornings please\nI need 20 tables.\nCompany\nlast words\n";
    let (_, enquiry) = understood(LABS, "", body);
    for words in ["Hello, please call.", "only mornings please", "I need 20 tables.", "last words"] {
        assert!(enquiry.message.contains(words), "{words}: {:?}", enquiry.message);
    }
}

#[test]
fn an_answer_from_the_portal_is_no_second_lead() {
    let header = "In-Reply-To: <a@ours.example>\n";
    let body = format!(
        "Bonjour, nous avons une question sur votre facture, pouvez-vous rappeler ?\n\n\
         De : Clef en main <ne-pas-repondre@mail.clef-en-main.example>\nEnvoyé : lundi 3 mars 2025 10:11\n\
         À : sales@ours.example\nObjet : Une demande de visite\n\n{VISIT}"
    );
    let (submission, enquiry) = understood("Paul Staff <paul@clef-en-main.example>", header, &body);
    assert_eq!(submission.class, Some(MailClass::Person));
    assert_eq!(enquiry.emails[0].address, "paul@clef-en-main.example");
    assert!(enquiry.message.contains("question sur votre facture"), "{:?}", enquiry.message);
    // A portal that threads its mails quotes nothing.
    let (submission, _) = understood(KEYS, header, VISIT);
    assert!(submission.template.is_some_and(|used| used.is_used()));
}

#[test]
fn of_several_addresses_those_of_the_prospect_are_taken() {
    let body = "Name: Eva Malá\nEmail: eva@mala.cz, sales@ours.example\nMessage: Hi\n";
    let (_, enquiry) = understood(LABS, "", body);
    let addresses: Vec<&str> = enquiry.emails.iter().map(|email| email.address.as_str()).collect();
    assert_eq!(addresses, ["eva@mala.cz"]);
}
