//! Mails of portals, from the journal to the lead.

use pisteur::domain::matching::EntityKind;
use tempfile::TempDir;

use super::house::House;
use super::mail;
use crate::reading::templates::examples;

/// A house with the templates of the guide; `reading`: more of its section.
async fn house(reading: &str) -> (House, TempDir) {
    let folder = TempDir::with_prefix("pisteur-templates-").expect("a folder");
    for (name, text) in ["clef.toml", "motor.toml"].iter().zip(examples()) {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let keys = format!("{reading}\n[templates]\npath = \"{}\"\n", folder.path().display());
    (House::sqlite_with(&keys).await, folder)
}

const OURS: &str = "authserv_ids = [\"mx.our-company.example\"]";
const VOUCHED: &str = "Authentication-Results: mx.our-company.example; dkim=pass header.d=clef-en-main.example\n";

fn visit(id: &str, header: &str, name: &str, email: &str) -> String {
    let text = format!(
        "Réf. annonce : LY-2041\nNom et prénom : {name}\nCourriel : {email}\nTéléphone : \nMessage du prospect :\n\
         Bonjour, est-il encore libre ?\nRépondre depuis votre espace\n"
    );
    let header = format!("{header}Content-Type: text/plain; charset=utf-8\n");
    mail("Clef en main <ne-pas-repondre@clef-en-main.example>", id, "Demande de visite", &header, &text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_a_portal_becomes_the_lead_of_its_prospect() {
    let (house, _folder) = house(OURS).await;
    house.mail(&visit("v1@p.example", VOUCHED, "Hélène Vasseur", "helene@vasseur-conseil.example")).await;
    house.mail(&visit("v2@p.example", VOUCHED, "Marc Petit", "marc@petit-bois.example")).await;
    house.work().await;
    let leads = house.leads().await;
    let found: Vec<_> = leads.iter().map(|l| (l.name.as_deref(), l.email.as_deref(), l.source.as_deref())).collect();
    assert_eq!(found.len(), 2, "two prospects of one portal are two people: {found:?}");
    for (name, email) in
        [("Hélène Vasseur", "helene@vasseur-conseil.example"), ("Marc Petit", "marc@petit-bois.example")]
    {
        assert!(found.contains(&(Some(name), Some(email), Some("clef-en-main"))), "{found:?}");
    }
    let lead = house.show(EntityKind::Lead, leads[0].id).await;
    let whole = serde_json::to_string(&lead.contact_points).unwrap();
    assert!(!whole.contains("clef-en-main.example"), "the portal is no contact: {whole}");
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_claims_to_be_the_portal_makes_a_lead_without_its_source() {
    let (house, _folder) = house(OURS).await;
    house.mail(&visit("v3@p.example", "", "Hélène Vasseur", "helene@vasseur-conseil.example")).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 1);
    assert_eq!((leads[0].email.as_deref(), leads[0].source.as_deref()), (Some("helene@vasseur-conseil.example"), None));
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prospect_with_a_phone_only_is_reached_by_it_and_not_through_the_portal() {
    let (house, _folder) = house(OURS).await;
    let raw =
        visit("v4@p.example", VOUCHED, "Hélène Vasseur", "").replace("Téléphone : ", "Téléphone : 06 12 34 56 78");
    house.mail(&raw).await;
    house.work().await;
    let leads = house.leads().await;
    assert_eq!(leads.len(), 1);
    assert_eq!((leads[0].email.as_deref(), leads[0].phone.as_deref()), (None, Some("06 12 34 56 78")));
    house.store.close().await;
}
