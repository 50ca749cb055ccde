//! Blocks with and without marks, and what only looks like one.

use super::*;

fn eva() -> Mailbox {
    Mailbox { name: Some("Eva Nováková".to_owned()), address: Some("eva.n@web.example".to_owned()) }
}

fn signature(text: &str) -> Option<String> {
    split(text, &eva()).1
}

#[test]
fn a_delimited_block_and_a_mobile_footer_are_signatures() {
    assert_eq!(split("Hi\n\n-- \nEva\nTel. 1", &eva()), ("Hi".to_owned(), Some("-- \nEva\nTel. 1".to_owned())));
    assert_eq!(signature("Hi\nSent from my iPhone\n").as_deref(), Some("Sent from my iPhone"));
}

#[test]
fn words_of_the_message_below_a_delimiter_stay() {
    for (text, kept, signed) in [
        (
            "Hi\n-- \nEva Nováková\nPS: urgent, we need 20 pieces",
            "Hi\nPS: urgent, we need 20 pieces",
            Some("-- \nEva Nováková"),
        ),
        ("Hi\n-- \nrick\n\nP.S. 20 pieces\nand a lamp", "Hi\nP.S. 20 pieces\nand a lamp", Some("-- \nrick")),
        (
            "Hi\n--\nEva Nováková\nTel. 123 456 789\n\nPotřebujeme ještě\n20 kusů do pátku.",
            "Hi\nPotřebujeme ještě\n20 kusů do pátku.",
            Some("--\nEva Nováková\nTel. 123 456 789"),
        ),
        ("Hello\n--\nline\nmore text, a question?", "Hello\n--\nline\nmore text, a question?", None),
        (
            "Hello\n--\nPlease send us the catalogue.\n\nThanks,\nEva",
            "Hello\n--\nPlease send us the catalogue.",
            Some("Thanks,\nEva"),
        ),
        ("Hello\n--\nHey there, this is my signature", "Hello", Some("--\nHey there, this is my signature")),
        (
            "Hello\n-- \nTo unsubscribe from this group, send an email to x@lists.example.\nWould you like more?",
            "Hello",
            Some("-- \nTo unsubscribe from this group, send an email to x@lists.example.\nWould you like more?"),
        ),
        (
            "Hi\n-- \nEva Nováková\nto unsubscribe mail x@firma.example\nPS: we need 20 pieces.",
            "Hi\nPS: we need 20 pieces.",
            Some("-- \nEva Nováková\nto unsubscribe mail x@firma.example"),
        ),
        (
            "Hi\n--\n\nQuantity: 20\nModel: X-200\nDelivery: Brno",
            "Hi\n--\n\nQuantity: 20\nModel: X-200\nDelivery: Brno",
            None,
        ),
        (
            "Hi\n-- \nEva Nováková\nTel 777 123 456\n20 pcs by Friday",
            "Hi\n20 pcs by Friday",
            Some("-- \nEva Nováková\nTel 777 123 456"),
        ),
    ] {
        assert_eq!(split(text, &eva()), (kept.to_owned(), signed.map(str::to_owned)), "{text}");
    }
}

#[test]
fn a_block_is_found_by_the_name_of_the_sender_and_its_shape() {
    for (text, expected) in [
        ("Please send a quote.\n\nBest regards,\nEva", "Best regards,\nEva"),
        (
            "Prosím o nabídku.\n\nS pozdravem\n\nEva Nováková\nobchodní zástupce\nFirma s.r.o.\n+420 777 123 456\nwww.firma.cz",
            "S pozdravem\n\nEva Nováková\nobchodní zástupce\nFirma s.r.o.\n+420 777 123 456\nwww.firma.cz",
        ),
        ("Call me.\n\nThanks, EN", "Thanks, EN"),
        ("Call me.\n\nJane Miller\nSales Manager\n(713) 215-3381", "Jane Miller\nSales Manager\n(713) 215-3381"),
        ("سلام، قیمت لطفا.\n\nبا احترام\neva.n@web.example", "با احترام\neva.n@web.example"),
    ] {
        assert_eq!(signature(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn words_of_an_address_that_names_nobody_end_no_message() {
    let text = "Hello,\nplease deliver\n\nOrder 4711\n20 chairs\n4 lamps";
    for (name, address) in [
        (None, "orders@client.example"),
        (Some("Kovo"), "table@client.example"),
        (Some("Orders of Kovo"), "kovo@client.example"),
    ] {
        let sender = Mailbox { name: name.map(str::to_owned), address: Some(address.to_owned()) };
        assert_eq!(split(text, &sender), (text.to_owned(), None), "{address}");
        let text = "Dobrý den,\nprosím o cenu\n\nKovo stůl\ntable lamps\nkovové židle";
        assert_eq!(split(text, &sender), (text.to_owned(), None), "{address}");
    }
    let info = Mailbox { name: None, address: Some("info@client.example".to_owned()) };
    let text = "Hello,\nwe need\n\nInformation\nA catalogue";
    assert_eq!(split(text, &info), (text.to_owned(), None));
}

#[test]
fn what_only_looks_like_one_is_text() {
    for text in [
        "-- \nall of it",
        "a -- b",
        "Sent from my desk, with three pages of remarks",
        "x\n--",
        "",
        "Please call me.\n\nThanks",
        "We need 3 pieces\nCertification Document",
        "Eva",
        "Do you know Eva?\nIs Eva there?",
        "Please write to\neva is away today",
        "Our offer:\n10 pieces\n20 pieces",
    ] {
        assert_eq!(split(text, &eva()), (text.to_owned(), None), "{text}");
    }
}

/// Text, what stays of it; what is missing there is the signature.
#[test]
fn what_is_added_to_a_block_stays() {
    let eva = Mailbox { name: Some("Eva Malá".to_owned()), address: Some("eva@mala.example".to_owned()) };
    for (text, kept) in [
        ("Hello\n-- \nEva\n\n2 blue tables\n3 red chairs", "Hello\n\n2 blue tables\n3 red chairs"),
        ("Bonjour\n-- \nEva\n\n2 tables bleues\n3 chaises rouges", "Bonjour\n\n2 tables bleues\n3 chaises rouges"),
        ("Hallo\n-- \nEva\n\n2 Tische blau\n3 Stühle rot", "Hallo\n\n2 Tische blau\n3 Stühle rot"),
        ("Ahoj\n-- \nEva\n\nmodrý stůl\nzelená židle", "Ahoj\n\nmodrý stůl\nzelená židle"),
        ("سلام\n-- \nEva\n\n۲ میز آبی\n۳ صندلی قرمز", "سلام\n\n۲ میز آبی\n۳ صندلی قرمز"),
        ("Hello\n-- \nEva Malá\n+420 777 123 456\n\nBudget 20 000 EUR", "Hello\n\nBudget 20 000 EUR"),
        ("Hello\n-- \nEva Malá\n+420 777 123 456\n\ncolour blue, size XL", "Hello\n\ncolour blue, size XL"),
        ("Hello\n-- \nEva Malá\n+420 777 123 456\n\nforgot: blue\nRAL 9005", "Hello\n\nforgot: blue\nRAL 9005"),
        (
            "Hello\n-- \nEva Malá\n+420 777 123 456\n\nThe delivery address is Nádražní 5, 602 00 Brno",
            "Hello\n\nThe delivery address is Nádražní 5, 602 00 Brno",
        ),
        (
            "Hello\n-- \nEva Malá\n+420 777 123 456\n\nDelivery address:\nNádražní 5\n602 00 Brno",
            "Hello\n\nDelivery address:\nNádražní 5\n602 00 Brno",
        ),
        ("Hello, offer for:\n--\nPump A 20\nPump B 30", "Hello, offer for:\n--\nPump A 20\nPump B 30"),
        ("Please quote.\n\nBest regards\nEva Malá\n+420 777 123 456\n\nPS: urgent", "Please quote.\n\nPS: urgent"),
        (
            "Please quote.\n\nBest regards\nEva Malá\nKovo s.r.o.\n\nP.S. also 5 lamps",
            "Please quote.\n\nP.S. also 5 lamps",
        ),
        ("Prosím.\n\nS pozdravem\nEva Malá\nKovo s.r.o.\n\nP.S. ještě 5 lamp", "Prosím.\n\nP.S. ještě 5 lamp"),
        ("سلام\n\nبا احترام\nEva Malá\n\nپ.ن: فوری", "سلام\n\nپ.ن: فوری"),
        (
            "Hi.\n\nRegards\nEva Malá\n\nPS: my other number is 608 111 222\nCall me",
            "Hi.\n\nPS: my other number is 608 111 222\nCall me",
        ),
        ("Hi.\n\nRegards\nEva Malá\nKovo s.r.o.\n\nalso 5 lamps", "Hi.\n\nalso 5 lamps"),
        ("Hi.\n\nThanks,\nEva\n20 chairs", "Hi.\n\n20 chairs"),
        ("Hi.\n\nBest regards\nEva Malá\n\nModel X200\nSerial A123456", "Hi.\n\nModel X200\nSerial A123456"),
        ("Hi.\n\nBest regards\nEva Malá\n\nOrder 1234567", "Hi.\n\nOrder 1234567"),
        ("Hi.\n\nBest regards\nEva Malá\n\nVIN TMBZZZ1Z2A1234567", "Hi.\n\nVIN TMBZZZ1Z2A1234567"),
        ("Hi.\n\nBest regards\nEva Malá\n\nOh, and twenty chairs.", "Hi.\n\nOh, and twenty chairs."),
        (
            "Ahoj,\n\nposlat na:\nEva Malá\nNádražní 5\n602 00 Brno",
            "Ahoj,\n\nposlat na:\nEva Malá\nNádražní 5\n602 00 Brno",
        ),
        ("please ship to\n\nEva Malá\n602 00 Brno", "please ship to\n\nEva Malá\n602 00 Brno"),
        ("Díky,\nEva Malá\nBarva: modrá\nRozměr: 20", "Díky,\nEva Malá\nBarva: modrá\nRozměr: 20"),
    ] {
        assert_eq!(filled(&split(text, &eva).0), filled(kept), "{text}");
    }
}

fn filled(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.trim().is_empty()).collect()
}

#[test]
fn what_is_typed_into_the_block_of_a_program_stays() {
    let eva = Mailbox { name: Some("Eva Malá".to_owned()), address: Some("eva@mala.example".to_owned()) };
    for (text, marked, kept) in [
        (
            "Chceme\n20 stolů\n30 židlí\n\nEva Malá\n+420 777 123 456",
            "20 stolů\n30 židlí\n\nEva Malá\n+420 777 123 456",
            "Chceme\n20 stolů\n30 židlí",
        ),
        (
            "Hallo\nmodrý stůl, zelená židle\nGet Outlook for iOS",
            "modrý stůl, zelená židle\nGet Outlook for iOS",
            "Hallo\nmodrý stůl, zelená židle",
        ),
        (
            "Dobrý den\n-- \nEva Malá\n+420 777 123 456\nKolik stojí doprava",
            "Eva Malá\n+420 777 123 456",
            "Dobrý den\nKolik stojí doprava",
        ),
        (
            "Chceme\nEva Malá\nKovo s.r.o.\n\nmodrý stůl\nzelená židle",
            "Eva Malá\nKovo s.r.o.\n\nmodrý stůl\nzelená židle",
            "Chceme\n\nmodrý stůl\nzelená židle",
        ),
    ] {
        assert_eq!(filled(&split_marked(text, &eva, Some(marked)).0), filled(kept), "{text}");
    }
}

#[test]
fn things_and_other_people_are_no_signature() {
    let eva = Mailbox { name: Some("Eva Malá".to_owned()), address: Some("eva@mala.example".to_owned()) };
    for text in [
        "Hello\nPlease quote:\n\nBall Bearing\n22205-0815",
        "Bitte Angebot für\n\nKugellager\n6204 1234567",
        "Hello,\nprice of\n\nOctavia Combi\nVIN 1234567890",
        "link\n\nBlue Chair\nhttps://shop.example/p/123",
        "first order\n\nWarehouse Leeds\nGate 5, 07700 900123",
        "Merci de livrer à :\n\nDupont Frères\n12 rue Haute\n44000 Nantes",
        "Please call our engineer.\n\nJohn Smith\n07700 900123",
        "Kontaktujte mou kolegyni:\n\nJana Nová\nvedoucí nákupu\njana@kovo.example\n777 123 456",
        "Kontaktujte mou kolegyni.\n\nJana Nová\nmanager\njana@kovo.example\n777 123 456",
        "Please deliver 5 tables, driver contact below\n\nPetr\n+420 777 555 444",
        "Hello, need\nEVA foam\n1234567",
        "Hello, price of\n\nEVA mats\nhttps://shop.example/p/1",
        "Velká židle\nMalá židle\n+420 777 123 456",
        "> Which colour?\n\nBlue\n\n> Delivery to?\n\nBrno",
        "> Who is the contact?\n\nKarel Novák\n+420 777 111 222",
        "FYI\n\n____\nFrom: Karel <k@v.example>\nSent: Monday\nTo: Eva Malá <eva@mala.example>\nSubject: Chairs\n\n20 blue chairs",
    ] {
        assert_eq!(split(text, &eva), (text.to_owned(), None), "{text}");
    }
}

#[test]
fn what_companies_must_say_of_themselves_belongs_to_the_block() {
    let thomas = Mailbox { name: Some("Thomas Müller".to_owned()), address: Some("t.mueller@mm.example".to_owned()) };
    let block = "Mit freundlichen Grüßen\nThomas Müller\nEinkauf\n\nMüller Maschinenbau GmbH\nIndustriestraße 12\n\
        73430 Aalen\nTel. +49 7361 123-45";
    for law in [
        "Sitz der Gesellschaft: Aalen, Registergericht Ulm HRB 123456",
        "Geschäftsführer: Hans Müller, Karl Huber\nSitz der Gesellschaft: Aalen, Registergericht Ulm HRB 123456\n\
         USt-IdNr.: DE123456789",
        "Vorsitzender des Aufsichtsrats: Dr. Karl Huber\nVorstand: Hans Müller (Vorsitzender), Eva Klein",
    ] {
        let text = format!("bitte ein Angebot über 50 Lager 6205.\n\n{block}\n{law}");
        let (kept, signature) = split(&text, &thomas);
        assert_eq!(kept, "bitte ein Angebot über 50 Lager 6205.", "{law}");
        assert!(signature.is_some_and(|block| block.ends_with(law)), "{law}");
    }
}

#[test]
fn addresses_and_links_below_a_block_are_words_where_they_are_announced() {
    let mark = Mailbox { name: Some("Mark Hill".to_owned()), address: Some("mark.hill@hillco.example".to_owned()) };
    let block = "Kind regards,\nMark Hill\nBuyer\nHill & Co Limited\nT: 0113 496 0000";
    for said in [
        "Invoice to: accounts@hillco.example",
        "Delivery address:\nHill & Co Limited\n3 Dock Road\nHull HU1 2AB",
        "This e-mail was scanned for viruses.\nhttps://scan.example/sig",
        "We need them by Friday, please.\nwww.hillco.example has the drawing",
    ] {
        let (kept, signature) = split(&format!("Please quote for 3 pumps.\n\n{block}\n\n{said}"), &mark);
        assert_eq!(filled(&kept), filled(&format!("Please quote for 3 pumps.\n{said}")), "{said}");
        assert_eq!(signature.as_deref().map(str::trim), Some(block), "{said}");
    }
    let wife = "Please quote for 3 pumps.\n\nPlease call my wife\nJane Hill\n07700 900456\n\nThanks Mark";
    assert!(split(wife, &mark).0.contains("Jane Hill\n07700 900456"), "{:?}", split(wife, &mark));
}

#[test]
fn what_a_telephone_adds_below_sentences_is_cut_alone() {
    for footer in [
        "Sent from my iPhone",
        "Von meinem Samsung Galaxy Smartphone gesendet.",
        "Odesláno z iPhonu",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Sent from Outlook for Android<https://aka.example/x>",
        "Virus-free. www.avast.com",
    ] {
        let text = format!("Hi,\nplease quote 3 pumps.\n\n{footer}");
        assert_eq!(split(&text, &eva()), ("Hi,\nplease quote 3 pumps.".to_owned(), Some(footer.to_owned())));
    }
    let text = "Hi,\nplease quote 3 pumps.\n\n-- \nEva\n\nSent from my iPhone";
    assert_eq!(signature(text).as_deref(), Some("-- \nEva\n\nSent from my iPhone"));
    let text = "Ahoj\n-- \nEva\n\nmodrý stůl\n\nSent from my iPhone";
    assert_eq!(filled(&split(text, &eva()).0), ["Ahoj", "modrý stůl"]);
}

#[test]
fn orders_places_and_links_below_a_block_are_words_of_the_message() {
    let ann = Mailbox { name: Some("Ann Lee".to_owned()), address: Some("ann.lee@brightco.example".to_owned()) };
    for block in ["Thanks,\nAnn Lee\nBrightco", "Mit freundlichen Grüßen\nAnn Lee\nBrightco Ltd"] {
        for said in [
            "Chairs - 20 pcs\nTables - 5 pcs\n\nDelivery: 5 Main Street, Leeds LS1 4AP",
            "blue chairs\ntables\n\nDelivery: 5 Main Street, Leeds LS1 4AP",
            "https://www.chairs.example/item/4711 - 5 pcs\nhttps://www.chairs.example/item/4712 - 3 pcs",
            "https://www.chairs.example/item/4711",
            "Lieferadresse\nKovo GmbH\nIndustriestr. 5\n73430 Aalen",
            "Lieferung an Kovo GmbH, Industriestr. 5, 73430 Aalen",
            "Livraison : 12 rue des Lilas, 69003 Lyon",
            "Dodací adresa: Nádražní 5, 602 00 Brno\nFakturační adresa: Kovo s.r.o., Hlavní 1, 110 00 Praha",
            "Entregar en C/ Mayor 25, 28013 Madrid",
            "Převzetí: Petr Novák 602 111 222",
            "cc: bob@brightco.example please too",
            "and also 5 tables for Friday",
        ] {
            let (kept, signature) = split(&format!("Hello, please quote.\n\n{block}\n\n{said}"), &ann);
            assert_eq!(filled(&kept), filled(&format!("Hello, please quote.\n{said}")), "{said}");
            assert_eq!(signature.as_deref().map(str::trim), Some(block), "{said}");
        }
        for own in ["https://www.brightco.example/shop/chairs/1", "https://www.linkedin.com/in/somebody-4711"] {
            let (kept, _) = split(&format!("Hello, please quote.\n\n{block}\n\n{own}"), &ann);
            assert_eq!(kept, "Hello, please quote.", "{own}");
        }
    }
}

#[test]
fn somebody_who_is_to_be_called_is_not_the_sender() {
    let ann = Mailbox { name: Some("Ann Lee".to_owned()), address: Some("ann.lee@orange.example".to_owned()) };
    for text in [
        "Merci de contacter mon avocat\nMaître Paul Lee\n01 23 45 67 89",
        "Please call my lawyer\nAnn Jones\n07700 900456",
        "Please call my wife\nJane Lee\n07700 900456",
    ] {
        assert_eq!(split(text, &ann), (text.to_owned(), None), "{text}");
    }
    for block in ["Ann Lee\n07700 900456", "Ann Maria Lee\n07700 900456", "Mrs Ann Lee\n07700 900456"] {
        assert_eq!(split(&format!("Please call me.\n\n{block}"), &ann).1.as_deref(), Some(block), "{block}");
    }
}

#[test]
fn what_is_typed_beside_the_footer_of_a_telephone_stays() {
    for said in ["and also 5 tables for Friday", "also 5 tables", "Delivery to Leeds", "Yes please", "Blue"] {
        for marked in [format!("Sent from my iPhone\n{said}"), format!("{said}\nSent from my iPhone")] {
            let (kept, signature) = split_marked(&format!("Please quote 20 chairs\n\n{marked}"), &eva(), Some(&marked));
            assert_eq!(filled(&kept), ["Please quote 20 chairs", said], "{marked}");
            assert_eq!(signature.as_deref(), Some("Sent from my iPhone"), "{marked}");
        }
    }
    for said in ["and also 5 tables for Friday", "also 5 tables", "Delivery to Leeds", "Yes please"] {
        let text = format!("Please quote 20 chairs\n\n-- \nEva Nováková\nKovo s.r.o.\n777 123 456\n{said}");
        assert_eq!(filled(&split(&text, &eva()).0), ["Please quote 20 chairs", said]);
    }
}

#[test]
fn pictures_below_a_block_are_nobodys_words() {
    for picture in [
        "[A picture containing text Description automatically generated]",
        "[Logo]",
        "[signature_123456]",
        "[image: Brightco logo]",
        "[Ein Bild, das Text enthält. Automatisch generierte Beschreibung]",
        "[facebook] [linkedin]",
        "[cid:image001.png@01D8AB00.0EF0ABC0]",
    ] {
        let block = format!("Best regards\nEva Nováková\nKovo s.r.o.\nT +44 113 496 0000\n\n{picture}");
        let (kept, signature) = split(&format!("Hello, quote 5 chairs.\n\n{block}"), &eva());
        assert_eq!((kept.as_str(), signature.as_deref()), ("Hello, quote 5 chairs.", Some(block.as_str())));
    }
    let text = "Hello, quote 5 chairs.\n\nBest regards\nEva Nováková\n\n[20 blue chairs]";
    assert!(split(text, &eva()).0.contains("[20 blue chairs]"));
}
