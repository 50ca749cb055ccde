//! Form notifications: what is one, and that no word of it is lost.

use super::*;

fn pairs(text: &str, sender: Sender) -> Option<Vec<(String, String)>> {
    read(text, sender).map(|fields| fields.into_iter().map(|f| (f.name, f.value)).collect())
}

#[test]
fn a_classic_notification_is_read() {
    let text = "From: Eva Nováková <eva@web.example>\nSubject: Pumps\n\nMessage Body:\nHello,\n\nwe need 3: two \
        red.\n-- \nThis e-mail was sent from a contact form";
    let read = pairs(text, Sender::Mailer).unwrap();
    assert_eq!(read[0], ("From".to_owned(), "Eva Nováková".to_owned()));
    assert_eq!(read[1].1, "eva@web.example");
    assert_eq!(read[3].1, "Hello,\n\nwe need 3: two red.");
}

#[test]
fn a_sentence_of_the_visitor_is_no_footer() {
    for line in [
        "Este correo es para solicitar un presupuesto de 20 sillas",
        "Tento e-mail píšu kvůli poptávce",
        "Questa e-mail è per chiedere un preventivo",
        "Diese E-Mail wurde mir von Herrn Muster empfohlen",
        "Diese Nachricht wurde auch per Post geschickt",
        "Powered by two motors of 5 kW each, the pump must run day and night",
        "این پیام از طرف خودم و همکارم است",
        "This e-mail was sent from my telephone, excuse the brevity",
    ] {
        let text = format!(
            "Name: Eva Malá\nMessage: Hello,\n{line}\nas we said.\nE-mail: eva@web.example\nPhone: 123456789\n"
        );
        let read = pairs(&text, Sender::Mailer).unwrap();
        assert_eq!(read.len(), 4, "{line}");
        assert_eq!(read[1].1, format!("Hello,\n{line}\nas we said."));
    }
    for line in [
        "Diese E-Mail wurde über das Kontaktformular auf https://www.web.example/ gesendet",
        "Tento e-mail byl odeslán z vašeho webu",
        "Este correo fue enviado desde su sitio web",
        "Powered by WPForms",
    ] {
        let text = format!("Name: Eva Malá\nE-mail: eva@web.example\nMessage: Hello,\nplease call.\n\n{line}\n");
        assert_eq!(pairs(&text, Sender::Mailer).unwrap()[2].1, "Hello,\nplease call.", "{line}");
    }
}

#[test]
fn no_line_of_a_field_is_lost() {
    let text = "Name: Eva Malá\nProjekt der Woche: Dach neu\nmit Gauben und PV\nTelefon: 123456789\nplease call \
        after five\nE-Mail: eva@web.example\nNachricht: Guten Tag\n";
    let read = pairs(text, Sender::Mailer).unwrap();
    let value = |name: &str| -> Vec<String> {
        read.iter().filter(|(n, _)| n == name).map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(value("Projekt der Woche"), ["Dach neu\nmit Gauben und PV"]);
    assert_eq!(value("Telefon"), ["123456789", "please call after five"]);
    assert_eq!(value("Nachricht"), ["Guten Tag"]);
    for label in ["Ihr Anliegen der Woche: ", "Phone: 123456789\n\n"] {
        let text = format!("Name: Eva Malá\nE-mail: eva@web.example\n{label}Hello,\n\nwe need 20 pumps.\n\nEva\n");
        let read = pairs(&text, Sender::Mailer).unwrap();
        assert!(read.last().unwrap().1.ends_with("Hello,\n\nwe need 20 pumps.\n\nEva"), "{read:?}");
    }
}

#[test]
fn a_ruled_line_of_the_visitor_ends_nothing() {
    let head = "Name: Eva Malá\nE-mail: eva@web.example\nMessage: Hello,\nplease call.\n";
    let message = |below: &str| {
        let read = pairs(&format!("{head}{below}"), Sender::Mailer).unwrap();
        read.into_iter().find(|(name, _)| name == "Message").unwrap().1
    };
    for below in
        ["--\nWe also need 20 pumps by Friday.", "---\none more thing: urgent\nno pallets", "-- \nPS: 20 pieces"]
    {
        assert_eq!(message(below), format!("Hello,\nplease call.\n{}", below.replace("-- ", "--")), "{below}");
    }
    for below in [
        "--",
        "-- \nThis e-mail was sent from a contact form on Web (https://web.example)",
        "---\n\nDate: March 10, 2025\nTime: 9:12 am\nPage URL: https://web.example/\nRemote IP: 203.0.113.7",
        "--\nSent from (ip address): 203.0.113.7 (host.example)\nDate/Time: 10 March",
    ] {
        assert_eq!(message(below), "Hello,\nplease call.", "{below}");
    }
    let parted = "Name: Eva Malá\nE-mail: eva@web.example\n---\nPhone: 123456789\n---\nMessage: Hello\n";
    assert_eq!(pairs(parted, Sender::Mailer).unwrap().len(), 4);
}

#[test]
fn labels_above_their_values_are_read() {
    let read = pairs("Nom\nDupont\nTéléphone\n06 12 34 56 78\nMessage\nBonjour\n", Sender::Unknown).unwrap();
    assert_eq!(read.len(), 3);
    assert_eq!(read[1].1, "06 12 34 56 78");
}

#[test]
fn signatures_and_quoted_headers_are_no_forms() {
    for text in [
        "Hello,\nplease call me.\n\nEva\nTel: 123\nE-mail: eva@web.example\nWeb: web.example",
        "Tel: 123\nE-mail: eva@web.example",
        "Hello\n\nFrom: Eva\nSent: today\nTo: you\nSubject: x",
        "",
    ] {
        assert_eq!(pairs(text, Sender::Unknown), None, "{text}");
    }
}
