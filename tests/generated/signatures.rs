//! Mails of people with a signature block.

use super::people::{Somebody, message, somebody};
use super::{Case, Dice, Fact, TONGUES, Tongue, encoded, mail};

/// Ways in which blocks look.
pub const LAYOUTS: [&str; 9] = [
    "delimiter",
    "closing, then the block",
    "labels before the numbers",
    "one line with bars",
    "name in capitals",
    "ruled line above",
    "name and number only",
    "telephone's footer below",
    "disclaimer below",
];

fn closing(dice: &mut Dice, tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Fr => dice.one(&["Cordialement,", "Bien cordialement", "Meilleures salutations,"]),
        Tongue::En => dice.one(&["Kind regards,", "Best regards", "Many thanks,"]),
        Tongue::De => dice.one(&["Mit freundlichen Grüßen", "Viele Grüße", "Freundliche Grüße,"]),
        Tongue::Cs => dice.one(&["S pozdravem", "S pozdravem,", "Děkuji a přeji hezký den"]),
        Tongue::Fa => dice.one(&["با احترام", "با تشکر"]),
    }
}

fn footer(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Fr => "Envoyé de mon iPhone",
        Tongue::En => "Sent from my iPhone",
        Tongue::De => "Von meinem iPhone gesendet",
        Tongue::Cs => "Odesláno z iPhonu",
        Tongue::Fa => "ارسال شده از آیفون من",
    }
}

fn disclaimer(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Fr => {
            "Ce message et ses pièces jointes sont confidentiels et destinés exclusivement à leur destinataire. Si vous l'avez reçu \
             par erreur, merci de le détruire et d'en avertir l'expéditeur."
        }
        Tongue::De => {
            "Diese E-Mail enthält vertrauliche Informationen und ist nur für den Empfänger bestimmt. Wenn Sie nicht der richtige \
             Adressat sind, informieren Sie bitte den Absender und vernichten Sie diese E-Mail."
        }
        Tongue::Cs => {
            "Tato zpráva je důvěrná a je určena pouze adresátovi. Pokud jste ji obdrželi omylem, informujte prosím odesílatele a \
             zprávu smažte."
        }
        Tongue::En | Tongue::Fa => {
            "This message and any attachments are confidential and intended solely for the addressee. If you have received it in \
             error, please notify the sender and delete it."
        }
    }
}

fn block(dice: &mut Dice, layout: &str, who: &Somebody) -> (String, Vec<&'static str>) {
    let labels = match who.tongue {
        Tongue::Fr => ("Tél. : ", "Mob. : "),
        Tongue::De | Tongue::Cs => ("Tel.: ", "Mobil: "),
        Tongue::En => ("T: ", "M: "),
        Tongue::Fa => ("تلفن: ", "موبایل: "),
    };
    let place = match who.tongue {
        Tongue::En => format!("{}, {} {}", who.street, who.city, who.postcode),
        _ => format!("{}, {} {}", who.street, who.postcode, who.city),
    };
    let name = if layout == "name in capitals" && who.tongue != Tongue::Fa {
        format!("{} {}", who.first, who.last.to_uppercase())
    } else {
        who.name()
    };
    match layout {
        "one line with bars" => (
            format!("{name} | {} | {}\n{} | {}", who.title, who.company, who.phone, who.website),
            vec!["name", "title", "company", "phone", "website"],
        ),
        "name and number only" => (format!("{name}\n{}", who.mobile), vec!["name", "mobile"]),
        "labels before the numbers" => (
            format!(
                "{name}\n{}\n{}\n{}{}\n{}{}\n{}",
                who.title, who.company, labels.0, who.phone, labels.1, who.mobile, who.website
            ),
            vec!["name", "title", "company", "phone", "mobile", "website"],
        ),
        _ => {
            let site = if dice.happens(60) { format!("\n{}", who.website) } else { String::new() };
            let mut named = vec!["name", "title", "company", "phone", "postcode", "city"];
            if !site.is_empty() {
                named.push("website");
            }
            (format!("{name}\n{}\n{}\n{place}\n{}{}{site}", who.title, who.company, labels.0, who.phone), named)
        }
    }
}

/// A mail of that seed. Its truth names the text above the block (`text`), the block's first line, and what stands in it.
pub fn case(seed: u64) -> Case {
    let mut dice = Dice::of(seed);
    let tongue = dice.one(&TONGUES);
    let layout = dice.one(&LAYOUTS);
    let who = somebody(&mut dice, tongue);
    let text = message(&mut dice, tongue);
    let (block, named) = block(&mut dice, layout, &who);
    let closing = closing(&mut dice, tongue);
    let below = match layout {
        "delimiter" => format!("-- \n{block}"),
        "ruled line above" => format!("{closing}\n____________________\n{block}"),
        "telephone's footer below" => format!("{closing}\n{block}\n\n{}", footer(tongue)),
        "disclaimer below" => format!("{closing}\n{block}\n\n{}", disclaimer(tongue)),
        _ => format!("{closing}\n{}{block}", if dice.happens(50) { "\n" } else { "" }),
    };
    let header = format!(
        "From: {} <{}>\r\nTo: sales@ours.example\r\nSubject: {}\r\n",
        encoded(&who.name()),
        who.email,
        encoded(dice.one(&["Devis", "Question", "Anfrage", "Poptávka"])).trim_matches('"')
    );
    let raw = mail(&mut dice, &header, Some(&format!("{text}\n\n{below}\n")), None);
    let value = |what| match what {
        "name" => who.name(),
        "title" => who.title.clone(),
        "company" => who.company.clone(),
        "phone" => who.phone.clone(),
        "mobile" => who.mobile.clone(),
        "postcode" => who.postcode.clone(),
        "city" => who.city.clone(),
        _ => who.website.clone(),
    };
    let mut truth: Vec<Fact> = named.into_iter().map(|what| Fact { what, value: value(what) }).collect();
    truth.push(Fact { what: "text", value: text });
    Case { layout, tongue, raw, truth: vec![truth] }
}
