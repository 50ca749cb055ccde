//! Signatures that only the earlier mails of the same sender show, on both engines.

use pisteur::domain::matching::EntityKind;

use super::house::House;
use super::mail;
use crate::support::postgres::Postgres;

const BLOCK: &str = "Oddělení údržby\nHala 3, vrata B";
const PETR: &str = "Petr Hora <petr.hora@strojirny-hora.cz>";

/// The text of every stored message, with what its decision says of the signature.
async fn said(house: &House) -> Vec<(String, bool)> {
    let mut said = Vec::new();
    for lead in house.leads().await {
        let detail = house.show(EntityKind::Lead, lead.id).await;
        for message in &detail.communications {
            let known = detail
                .decisions
                .iter()
                .any(|d| d["arrival"] == message["arrival"] && d["trace"]["signature"].as_str().is_some());
            said.push((message["text"].as_str().unwrap_or_default().to_owned(), known));
        }
    }
    said
}

async fn send(house: &House, from: &str, id: &str, text: &str) {
    house.mail(&mail(from, &format!("{id}@x.cz"), "Ložiska", "In-Reply-To: <s3@x.cz>\n", text)).await;
}

async fn what_ended_two_mails_is_the_signature_of_the_next(house: House) {
    let words = |n: usize| {
        ["Dobrý den, máte ložiska?", "Díky, a čepy?", "Bereme to.", "Kdy přijedou?", "Dorazilo to.", "Zase ložiska."][n]
    };
    for n in 0..6 {
        send(&house, PETR, &format!("s{n}"), &format!("{}\n\n{BLOCK}", words(n))).await;
        if n < 3 {
            house.work().await;
        }
    }
    // The others came at once.
    house.work().await;
    let whole = |words: &str| (format!("{words}\n\n{BLOCK}"), false);
    let all = said(&house).await;
    assert_eq!(all.len(), 6, "{all:?}");
    for expected in [whole(words(0)), whole(words(1))] {
        assert!(all.contains(&expected), "nothing but their end tells: {expected:?} {all:?}");
    }
    for n in 2..6 {
        assert!(all.contains(&(words(n).to_owned(), true)), "{n}: {all:?}");
    }
    // The lines of somebody else show nothing, not even in the same conversation.
    let other = "Iva Malá <iva.mala@jinde.cz>";
    send(&house, other, "o1", &format!("Přidávám se.\n\n{BLOCK}")).await;
    house.work().await;
    assert!(said(&house).await.contains(&whole("Přidávám se.")));
    house.store.close().await;
}

async fn a_text_sent_again_stays_whole(house: House) {
    let text = format!("Máte ještě tři čerpadla\n\n{BLOCK}");
    for id in ["r1", "r2", "r3", "r4"] {
        send(&house, PETR, id, &text).await;
        house.work().await;
    }
    let all = said(&house).await;
    assert!(all.len() == 4 && all.iter().all(|one| *one == (text.clone(), false)), "{all:?}");
    house.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_mails_show_a_signature_on_sqlite() {
    what_ended_two_mails_is_the_signature_of_the_next(House::sqlite().await).await;
    a_text_sent_again_stays_whole(House::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_mails_show_a_signature_on_postgres() {
    let server = Postgres::shared();
    what_ended_two_mails_is_the_signature_of_the_next(House::at(&server.url(&server.database())).await).await;
    a_text_sent_again_stays_whole(House::at(&server.url(&server.database())).await).await;
}
