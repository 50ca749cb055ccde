//! Addresses as signatures have them.

use super::*;

/// Street, postcode, city, state, country; `-` for none.
fn of(block: &str, region: &str) -> String {
    let parts: Vec<String> = block.lines().map(str::to_owned).collect();
    let Some(found) = read(&parts, Some(region)) else { return String::new() };
    let all = [found.street, found.postcode, found.city, found.state, found.country];
    all.map(|field| field.unwrap_or_else(|| "-".to_owned())).join(" | ")
}

const ADDRESSES: [(&str, &str, &str); 36] = [
    ("123 Main St\nSpringfield, IL 62704", "FR", "123 Main St | 62704 | Springfield | IL | US"),
    ("Springfield IL 62704", "US", "- | 62704 | Springfield | IL | US"),
    ("123 Main St, Springfield, IL 62704-1234, USA", "FR", "123 Main St | 62704-1234 | Springfield | IL | US"),
    ("Suite 4000, 12345 Broadway, New York, NY 10001", "FR", "Suite 4000, 12345 Broadway | 10001 | New York | NY | US"),
    ("500 Pine Ave\nSuite 200\nPortland, Oregon 97201", "FR", "500 Pine Ave, Suite 200 | 97201 | Portland | OR | US"),
    ("12 Elm Street Austin TX 78701", "FR", "12 Elm Street | 78701 | Austin | TX | US"),
    ("1 High St\nAnytown, CA 12345\nUnited States", "FR", "1 High St | 12345 | Anytown | CA | US"),
    ("100 King St W\nToronto, ON M5H 2N2", "FR", "100 King St W | M5H 2N2 | Toronto | ON | CA"),
    ("12 rue Sherbrooke\nMontréal (Québec) H2X 1Y4\nCanada", "FR", "12 rue Sherbrooke | H2X 1Y4 | Montréal | QC | CA"),
    ("5 Rue Haute, Gatineau QC J8X 2K1", "FR", "5 Rue Haute | J8X 2K1 | Gatineau | QC | CA"),
    ("تهران، خیابان ولیعصر، پلاک ۱۲، کد پستی ۱۵۹۸۷۶۵۴۳۲", "FR", "خیابان ولیعصر، پلاک ۱۲ | 15987-65432 | تهران | - | IR"),
    ("تهران، خیابان ولیعصر، پلاک ۱۲\nکد پستی: ۱۵۹۸۷۶۵۴۳۲", "IR", "خیابان ولیعصر، پلاک ۱۲ | 15987-65432 | تهران | - | IR"),
    (
        "آدرس: ایران، استان اصفهان، کاشان، بلوار امام ۵ کدپستی 87198-76543",
        "IR",
        "بلوار امام ۵ | 87198-76543 | کاشان | اصفهان | IR",
    ),
    ("12 Valiasr St., Tehran 15987-65432, Iran", "FR", "12 Valiasr St. | 15987-65432 | Tehran | - | IR"),
    ("Hauptstr. 5, 80331 München", "FR", "Hauptstr. 5 | 80331 | München | - | DE"),
    ("Hauptstr. 5, 80331 München", "CZ", "Hauptstr. 5 | 80331 | München | - | DE"),
    ("Mozartgasse 3\n1040 Wien", "FR", "Mozartgasse 3 | 1040 | Wien | - | AT"),
    ("Bahnhofstrasse 5, 8001 Zürich", "FR", "Bahnhofstrasse 5 | 8001 | Zürich | - | CH"),
    ("Bahnhofstrasse 5, 8001 Zürich", "CH", "Bahnhofstrasse 5 | 8001 | Zürich | - | CH"),
    ("Lange Gasse 3\nA-1080 Wien", "FR", "Lange Gasse 3 | 1080 | Wien | - | AT"),
    ("Lindenallee 7, D-37073 Göttingen", "CZ", "Lindenallee 7 | 37073 | Göttingen | - | DE"),
    ("Lindenallee 7\n37073 Göttingen\nDeutschland", "FR", "Lindenallee 7 | 37073 | Göttingen | - | DE"),
    ("12 rue Haute\n69002 Lyon CEDEX 02", "FR", "12 rue Haute | 69002 | Lyon | - | FR"),
    ("12 rue Haute\nBP 12345\n44000 NANTES CEDEX 1", "FR", "12 rue Haute, BP 12345 | 44000 | NANTES | - | FR"),
    ("12 rue Haute, 75008 Paris", "CZ", "12 rue Haute | 75008 | Paris | - | FR"),
    ("Rue Haute 3, 1000 Bruxelles", "BE", "Rue Haute 3 | 1000 | Bruxelles | - | BE"),
    ("5 High Street\nLeeds\nLS1 4AP", "FR", "5 High Street | LS1 4AP | Leeds | - | GB"),
    ("5 High Street\nLeeds\nWest Yorkshire\nLS1 4AP", "FR", "5 High Street | LS1 4AP | Leeds | - | GB"),
    (
        "Unit 5, The Old Mill, Leeds, West Yorkshire LS1 4AP, United Kingdom",
        "FR",
        "Unit 5, The Old Mill | LS1 4AP | Leeds | - | GB",
    ),
    ("5 High Street, London SW1A 1AA", "GB", "5 High Street | SW1A 1AA | London | - | GB"),
    ("110 00 Praha 1, Václavské nám. 1", "CZ", "Václavské nám. 1 | 110 00 | Praha 1 | - | CZ"),
    ("Václavské nám. 1, 110 00 Praha 1", "FR", "Václavské nám. 1 | 110 00 | Praha 1 | - | CZ"),
    ("Hlavná ulica 5\n811 01 Bratislava", "FR", "Hlavná ulica 5 | 811 01 | Bratislava | - | SK"),
    ("Na Hlavní ulici 3\n140 00 Praha 4 - Nusle", "CZ", "Na Hlavní ulici 3 | 140 00 | Praha 4 - Nusle | - | CZ"),
    ("Keizersgracht 5\n1015 CJ Amsterdam", "NL", "Keizersgracht 5 | 1015 CJ | Amsterdam | - | NL"),
    ("Via Roma 5\n20121 Milano\nItalia", "FR", "Via Roma 5 | 20121 | Milano | - | IT"),
];

#[test]
fn addresses_are_read_as_their_country_writes_them() {
    for (block, region, expected) in ADDRESSES {
        assert_eq!(of(block, region), expected, "{block}");
    }
}

#[test]
fn what_is_no_address_is_none() {
    for (block, region) in [
        ("Director of IT\nHR", "FR"),
        ("Invoice DE 80331", "FR"),
        ("VAT GB 123 4567 89", "GB"),
        ("Order M5H 2N2", "FR"),
        ("Model A4 4AB", "FR"),
        ("کد ملی ۰۰۱۲۳۴۵۶۷۸", "IR"),
        ("BP 12345", "FR"),
        ("Certified ISO 27001 Partner", "FR"),
        ("Model X 12345 Pro Sales", "FR"),
        ("Call 62704", "US"),
        ("LS1 4AP", "FR"),
    ] {
        assert_eq!(of(block, region), "", "{block}");
    }
}

#[test]
fn an_address_tells_its_country_only_by_its_form() {
    let tells = |block: &str, region| told(&block.lines().map(str::to_owned).collect::<Vec<_>>(), region);
    assert_eq!(tells("123 Main St\nSpringfield, IL 62704", Some("FR")).as_deref(), Some("US"));
    assert_eq!(tells("Hauptstr. 5, 80331 München", None).as_deref(), Some("DE"));
    assert_eq!(tells("Mill 4\n80331 Somewhere\nGermany", None).as_deref(), Some("DE"));
    assert_eq!(tells("Mill 4\n80331 Somewhere", Some("FR")), None);
    assert_eq!(tells("Berlin, DE 10115", None), None);
    assert_eq!(tells("Eva Malá\nGermany", None), None);
}
