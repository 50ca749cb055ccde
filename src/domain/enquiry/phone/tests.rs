//! Numbers as people write them, and what only looks like one.

use super::*;

#[test]
fn a_signature_needs_no_label() {
    let numbers = |block| {
        find_signed(block, &Likely::new(["FR"], None), 5)
            .into_iter()
            .map(|p| (p.e164.unwrap(), p.kind))
            .collect::<Vec<_>>()
    };
    let pair = |number: &str, kind: &str| (number.to_owned(), kind.to_owned());
    assert_eq!(
        numbers("Eva\n02 40 12 34 56\nM: 06.12.34.56.78\nEva | 02.40.11.11.11 | www.web.example"),
        [pair("+33240123456", "phone"), pair("+33612345678", "mobile"), pair("+33240111111", "phone")]
    );
    assert!(numbers("12 rue Haute, 44000 Nantes\nOrder 0240123456 of May\n12.05.2025").is_empty());
}

#[test]
fn numbers_as_people_write_them_are_read() {
    for (raw, region, expected) in [
        ("06 12 34 56 78", "FR", Some("+33612345678")),
        ("+33 (0)6 12 34 56 78", "CZ", Some("+33612345678")),
        ("0033 6.12.34.56.78", "FR", Some("+33612345678")),
        ("605 123 456", "CZ", Some("+420605123456")),
        ("۰۹۱۲ ۳۴۵ ۶۷۸۹", "IR", Some("+989123456789")),
        ("tel:+420605123456", "", Some("+420605123456")),
        ("605 123 456", "", None),
        ("12345", "FR", None),
        ("call me", "FR", None),
        ("+420 605 123 456, evenings", "FR", Some("+420605123456")),
    ] {
        let region = Some(region).filter(|r| !r.is_empty());
        assert_eq!(PhoneE164::parse(raw, region).as_ref().map(PhoneE164::as_str), expected, "{raw}");
    }
}

#[test]
fn kinds_come_from_the_field_or_the_number() {
    assert_eq!(read("06 12 34 56 78", Some("FR"), None).unwrap().kind, "mobile");
    assert_eq!(read("01 42 68 53 00", Some("FR"), None).unwrap().kind, "phone");
    assert_eq!(read("01 42 68 53 00", Some("FR"), Some("fax")).unwrap().kind, "fax");
    assert_eq!(read("ask me", Some("FR"), None), None);
}

#[test]
fn announced_numbers_are_found_in_text() {
    let text = "Eva Nováková\nTel.: 605 123 456 | Mobil: 606 123 456\norder 605123457\n+33 6 12 34 56 78";
    let found: Vec<_> = find(text, &Likely::new(["CZ"], None), 5).into_iter().filter_map(|p| p.e164).collect();
    assert_eq!(found, ["+420605123456", "+420606123456", "+33612345678"]);
}

fn of(numbers: Vec<Phone>) -> Vec<String> {
    numbers.into_iter().map(|p| format!("{} {}", p.e164.unwrap(), p.kind)).collect()
}

/// What somebody in a country writes, and the numbers in it.
const SPOKEN: [(&str, &str, &[&str]); 34] = [
    ("Appelez-moi au 06 12 34 56 78.", "FR", &["+33612345678 mobile"]),
    ("Je suis joignable au 01 42 68 53 00 le matin.", "FR", &["+33142685300 phone"]),
    ("Merci de me rappeler pour le devis au 0612345678", "FR", &["+33612345678 mobile"]),
    ("Mon numéro : 06.12.34.56.78, merci", "FR", &["+33612345678 mobile"]),
    ("Eva Malá, 06 12 34 56 78", "FR", &["+33612345678 mobile"]),
    ("Rufen Sie mich bitte unter 0171 1234567 an.", "DE", &["+491711234567 mobile"]),
    ("Sie erreichen mich unter 089 / 123456.", "DE", &["+4989123456 phone"]),
    ("Meine Nummer ist 0171 1234567", "DE", &["+491711234567 mobile"]),
    ("Volejte prosím na 777 123 456.", "CZ", &["+420777123456 mobile"]),
    ("Můj telefon je 777 123 456", "CZ", &["+420777123456 mobile"]),
    ("Zavolejte mi na 777123456 nebo 608 111 222", "CZ", &["+420777123456 mobile", "+420608111222 mobile"]),
    ("Prosím zavolejte ohledně objednávky na číslo\n777 123 456", "CZ", &["+420777123456 mobile"]),
    ("Jsem na čísle 777 123 456, volejte kdykoliv", "CZ", &["+420777123456 mobile"]),
    ("Call me on 07700 900123", "GB", &["+447700900123 mobile"]),
    ("Please call 202-555-0143", "US", &["+12025550143 phone"]),
    ("my cell is (202) 555-0143", "US", &["+12025550143 mobile"]),
    ("You can text me at 202.555.0143", "US", &["+12025550143 phone"]),
    ("با شماره ۰۹۱۲۳۴۵۶۷۸۹ تماس بگیرید", "IR", &["+989123456789 mobile"]),
    ("شماره من ۰۹۱۲ ۳۴۵ ۶۷۸۹ است", "IR", &["+989123456789 mobile"]),
    ("tel: 00420 777 123 456, fax 541 123 457", "CZ", &["+420777123456 mobile", "+420541123457 fax"]),
    ("Tel.: +49 (0) 89 / 123 456 - 0, Mobil +49 171 1234567", "DE", &["+49891234560 phone", "+491711234567 mobile"]),
    ("+420777123456,+420608111222", "CZ", &["+420777123456 mobile", "+420608111222 mobile"]),
    ("GSM 0475 12 34 56, BTW BE0417497106", "BE", &["+32475123456 mobile"]),
    ("Call +44 (0)20 7946 0958 ext. 12 or mobile 07700 900123", "FR", &["+442079460958 phone", "+447700900123 mobile"]),
    ("Tél. 02 40 12 34 56 / 06 12 34 56 78", "FR", &["+33240123456 phone", "+33612345678 mobile"]),
    ("Telefon 777 123 456 9-17 h", "CZ", &["+420777123456 mobile"]),
    ("Volejte Evě 777 123 456 (8:00-16:00)", "CZ", &["+420777123456 mobile"]),
    ("Llámeme al 612 345 678", "ES", &["+34612345678 mobile"]),
    ("Mi chiami al 333 123 4567", "IT", &["+393331234567 mobile"]),
    ("U kunt mij bellen op 06 12345678", "NL", &["+31612345678 mobile"]),
    ("For the order call 07700 900123", "GB", &["+447700900123 mobile"]),
    ("0171 1234567 (mobil), 089 123456 (Büro)", "DE", &["+491711234567 mobile", "+4989123456 phone"]),
    ("Je vous appelle demain. Eva\n06 12 34 56 78", "FR", &["+33612345678 mobile"]),
    ("WhatsApp: 0912 345 6789", "IR", &["+989123456789 whatsapp"]),
];

#[test]
fn numbers_in_sentences_are_found() {
    for (text, region, expected) in SPOKEN {
        assert_eq!(of(find(text, &Likely::new([region], Some("Eva Malá")), 5)), expected, "{text}");
    }
}

/// Digits that are no telephone's.
const OTHERS: [(&str, &str); 46] = [
    ("Order 4711 0815 22", "DE"),
    ("Bitte rufen Sie wegen Auftrag 4711 0815 22 zurück", "DE"),
    ("Artikel 0171 1234567", "DE"),
    ("Die Teile 0815 471122 und 0815 471123 fehlen", "DE"),
    ("Bestellnummer: 0171 1234567", "DE"),
    ("Invoice 2024 123 456", "US"),
    ("Invoice 2024 123 456", "CZ"),
    ("Call us about invoice 2024 123 456", "US"),
    ("SIRET 732 829 320 00074", "FR"),
    ("SIREN 732 829 320", "CZ"),
    ("IČO 123 45 678", "CZ"),
    ("IČO: 25596641, DIČ: CZ25596641", "CZ"),
    ("FR76 3000 1007 9412 3456 7890 185", "FR"),
    ("IBAN: CZ65 0800 0000 1920 0014 5399", "CZ"),
    ("číslo účtu 777123456/0800", "CZ"),
    ("Volejte ohledně faktury 777 123 456", "CZ"),
    ("Objednávka č. 777 123 456", "CZ"),
    ("díl 601 123 456 a 601 123 457", "CZ"),
    ("Potřebujeme 601 123 456", "CZ"),
    ("rozpočet je 777 123 456 Kč, volejte", "CZ"),
    ("Tel. neuvádím, cena 601 123 456 CZK", "CZ"),
    ("Budget 120 000 000 EUR", "FR"),
    ("Commande 06 12 34 56 78", "FR"),
    ("La référence est 06 12 34 56 78", "FR"),
    ("Commission: 0612345678", "FR"),
    ("Réf. 0612345678", "FR"),
    ("N° de série 0612345678", "FR"),
    ("le 12.05.2025 ou le 2025-05-12", "FR"),
    ("appelez le 12.05.2025", "DK"),
    ("Please call on 2025-05-12", "NO"),
    ("1200 x 800 x 600, 2000 - 3000 kg", "NO"),
    ("https://shop.example/p/0612345678?id=0612345678", "FR"),
    ("a0612345678@mail.example", "FR"),
    ("Order number 202-555-0143", "US"),
    ("my order number is 2025550143", "US"),
    ("Quantity 2025550143", "US"),
    ("part 202-555-0143", "US"),
    ("EAN 4006381333931", "DE"),
    ("شماره سفارش ۰۹۱۲۳۴۵۶۷۸۹", "IR"),
    ("کد ملی ۰۰۱۲۳۴۵۶۷۸", "IR"),
    ("کد پستی ۱۵۹۸۷۶۵۴۳۲", "IR"),
    ("مبلغ ۰۹۱۲۳۴۵۶۷۸۹ ریال", "IR"),
    ("VAT number GB 123 4567 89", "GB"),
    ("Case 020 7946 0958", "GB"),
    ("Customer no. 020 7946 0958", "GB"),
    ("Serial: 07700 900123", "GB"),
];

#[test]
fn numbers_of_another_kind_are_no_telephones() {
    for (text, region) in OTHERS {
        assert_eq!(of(find(text, &Likely::new([region, "FR"], Some("Eva Malá")), 5)), [""; 0], "{text}");
    }
}

#[test]
fn a_writer_from_elsewhere_writes_as_at_home() {
    for (text, expected) in [
        ("Rufen Sie mich bitte unter 0171 1234567 an.", "+491711234567 mobile"),
        ("Tel.: 0171 1234567", "+491711234567 mobile"),
    ] {
        assert_eq!(of(find(text, &Likely::new(["FR", "DE"], None), 5)), [expected], "{text}");
    }
    assert_eq!(of(find("Tel.: 777 123 456", &Likely::new(["FR", "CZ"], None), 5)), ["+420777123456 mobile"]);
    assert_eq!(of(find("Call me on 202-555-0143", &Likely::new(["FR", "GB", "US"], None), 5)), ["+12025550143 phone"]);
    assert!(find("0171 1234567", &Likely::new(["FR", "DE"], None), 5).is_empty(), "its form alone is none elsewhere");
}

#[test]
fn blocks_have_letters_and_labels_behind() {
    for (block, region, expected) in [
        ("T 020 123 4567 M 06 12345678", "NL", &["+31201234567 phone", "+31612345678 mobile"][..]),
        ("(217) 555-0143 office\n(217) 555-0144 cell", "US", &["+12175550143 phone", "+12175550144 mobile"]),
        ("D: 0113 496 0000 F 0113 496 0001", "GB", &["+441134960000 phone", "+441134960001 fax"]),
        ("777 123 456, 608 111 222", "CZ", &["+420777123456 mobile", "+420608111222 mobile"]),
        ("Kancelář 541 123 456", "CZ", &["+420541123456 phone"]),
        ("P.O. Box 123456\nSIREN 732829320\nRCS Nantes 732 829 320\nHRB 123456", "FR", &[]),
        ("IČO 25596641 DIČ CZ25596641\n397 01 Písek 12/345", "CZ", &[]),
    ] {
        assert_eq!(of(find_signed(block, &Likely::new([region], None), 5)), expected, "{block}");
    }
}

#[test]
fn what_was_written_is_kept_with_its_extension_and_nothing_else() {
    let raw = |text, region| find(text, &Likely::new([region], None), 5).into_iter().map(|p| p.raw).collect::<Vec<_>>();
    assert_eq!(raw("tel: 00420 777 123 456, fax 541 123 457", "CZ"), ["00420 777 123 456", "541 123 457"]);
    assert_eq!(raw("Call +44 20 7946 0958 ext. 12, please", "GB"), ["+44 20 7946 0958 ext. 12"]);
    assert_eq!(raw("GSM 0475 12 34 56, BTW BE0417497106", "BE"), ["0475 12 34 56"]);
    assert_eq!(raw("Mobil (608 111 222)", "CZ"), ["608 111 222"]);
}

#[test]
fn numbers_of_other_people_are_not_the_writers() {
    for (text, region) in [
        ("Please call Kim Ward at 713-555-0143", "US"),
        ("Kontaktujte prosím kolegyni Janu na 777 123 456", "CZ"),
        ("Volejte Janu Novou na +420 777 123 456", "CZ"),
        ("Merci d'appeler mon collègue au 06 12 34 56 78", "FR"),
        ("Bitte rufen Sie Herrn Max Muster unter 0171 1234567 an", "DE"),
        ("the driver is Petr, +420 777 555 444", "CZ"),
        ("Kontakt: paní Dvořáková 602 111 222", "CZ"),
        ("Anlieferung: Herr Huber, Tel. 089 1234567", "DE"),
        ("merci d'appeler le gardien M. Durand au 06 12 34 56 78", "FR"),
    ] {
        assert_eq!(of(find(text, &Likely::new([region], Some("Eva Malá")), 5)), [""; 0], "{text}");
    }
    for (text, region) in [
        ("Please call Eva Malá at +420 777 123 456", "CZ"),
        ("Eva Malá, Kovo Brno, mobil 777 123 456", "CZ"),
        ("Volejte na 777 123 456", "CZ"),
        ("Paní Malá, telefon 777 123 456", "CZ"),
        ("Dobrý den pane Nový. Volejte mi na 777 123 456", "CZ"),
    ] {
        assert_eq!(of(find(text, &Likely::new([region], Some("Eva Malá")), 5)).len(), 1, "{text}");
    }
}
