//! What hundreds share: a message id, a telephone number, a mailbox. It makes nobody unknown and stops nobody.

use super::{DAY, House, mail, only_lead};
use pisteur::domain::matching::EntityKind;

const JAN: &str = "Jan Novák <jan.novak@stavby-novak.cz>";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_id_used_a_hundred_times_is_still_one_conversation_for_who_takes_part() {
    let house = House::sqlite().await;
    let copied: Vec<String> = (0..40).map(|n| format!("Osoba{n}@velka-firma.cz")).collect();
    let copied = format!("Cc: {}\n", copied.join(",\n "));
    for n in 0..100 {
        house.mail(&mail(JAN, "same@x.cz", "Okna", &copied, &format!("Zpráva číslo {n}"))).await;
    }
    house.work().await;
    let lead = only_lead(&house).await;
    house.later(DAY * 40);
    let reply = "In-Reply-To: <same@x.cz>\nReferences: <same@x.cz>\n";
    for n in 0..8 {
        house.mail(&mail(JAN, &format!("r{n}@x.cz"), "Re: Okna", reply, &format!("Odpověď {n}"))).await;
    }
    house.mail(&mail("Pavel <osoba7@velka-firma.cz>", "r8@x.cz", "Re: Okna", reply, "Souhlasím s Janem")).await;
    house.work().await;
    assert_eq!(house.show(EntityKind::Lead, lead.id).await.communications.len(), 109, "all joined");
    house.mail(&mail("Eva Cizí <eva@cizi-firma.cz>", "r9@x.cz", "Re: Okna", reply, "Já bych chtěla také")).await;
    house.work().await;
    assert_eq!(house.leads().await.len(), 2, "a stranger is somebody else");
}
