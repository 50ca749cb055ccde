//! Automotive leads in ADF/XML, well-formed and not.

use super::people::{Somebody, message, somebody};
use super::{Case, Dice, Fact, Tongue, escaped, mail};

/// Ways in which such mails differ.
pub const LAYOUTS: [&str; 10] = [
    "as the standard says",
    "declaration after the ADF one",
    "capitals",
    "bare attributes",
    "CDATA",
    "cellphone element",
    "bare ampersand",
    "escaped in markup",
    "attached file",
    "several prospects",
];

struct Prospect {
    who: Somebody,
    make: &'static str,
    model: &'static str,
    year: u32,
    text: String,
    provider: String,
}

fn prospect(dice: &mut Dice, tongue: Tongue) -> Prospect {
    let (make, model) = dice.one(&[
        ("Skoda", "Octavia"),
        ("Renault", "Kangoo"),
        ("Volvo", "V60"),
        ("Honda", "Jazz"),
        ("Opel", "Astra"),
    ]);
    Prospect {
        who: somebody(dice, tongue),
        make,
        model,
        year: dice.number(2012, 2025),
        text: message(dice, tongue),
        provider: format!("{}{}", dice.one(&["AutoPortal", "CarFinder", "Wagenwelt"]), dice.number(1, 9)),
    }
}

fn element(p: &Prospect, layout: &str) -> String {
    let quote = if layout == "bare attributes" { "" } else { "\"" };
    let text = |value: &str| match layout {
        "CDATA" => format!("<![CDATA[{value}]]>"),
        _ => escaped(value),
    };
    let model = if layout == "bare ampersand" { format!("{} S&S", p.model) } else { text(p.model) };
    let phone = if layout == "cellphone element" {
        format!("<cellphone>{}</cellphone>", p.who.mobile)
    } else {
        format!("<phone type={quote}cellphone{quote}>{}</phone>", p.who.mobile)
    };
    format!(
        "<prospect status={quote}new{quote}>\n<requestdate>2025-03-10T09:00:00</requestdate>\n<vehicle interest={quote}buy{quote} status={quote}used{quote}>\n\
         <year>{}</year>\n<make>{}</make>\n<model>{model}</model>\n</vehicle>\n<customer>\n<contact>\n\
         <name part={quote}first{quote}>{}</name>\n<name part={quote}last{quote}>{}</name>\n<email>{}</email>\n{phone}\n\
         <address><street line={quote}1{quote}>{}</street><city>{}</city><postalcode>{}</postalcode></address>\n</contact>\n\
         <comments>{}</comments>\n</customer>\n<provider><name>{}</name></provider>\n</prospect>\n",
        p.year,
        p.make,
        text(&p.who.first),
        text(&p.who.last),
        p.who.email,
        text(&p.who.street),
        text(&p.who.city),
        p.who.postcode,
        text(&p.text),
        p.provider,
    )
}

fn facts(p: &Prospect, layout: &str) -> Vec<Fact> {
    let fact = |what, value: &str| Fact { what, value: value.to_owned() };
    let model = if layout == "bare ampersand" { format!("{} S&S", p.model) } else { p.model.to_owned() };
    vec![
        fact("first_name", &p.who.first),
        fact("last_name", &p.who.last),
        fact("email", &p.who.email),
        fact("mobile", &p.who.mobile),
        fact("street", &p.who.street),
        fact("city", &p.who.city),
        fact("postcode", &p.who.postcode),
        fact("message", &p.text),
        fact("product", &format!("{} {} {model}", p.year, p.make)),
        fact("source", &p.provider),
    ]
}

/// A lead of that seed.
pub fn case(seed: u64) -> Case {
    let mut dice = Dice::of(seed);
    let tongue = dice.one(&super::TONGUES);
    let layout = dice.one(&LAYOUTS);
    let count = if layout == "several prospects" { dice.number(2, 4) } else { 1 };
    let prospects: Vec<Prospect> = (0..count).map(|_| prospect(&mut dice, tongue)).collect();
    let inner: String = prospects.iter().map(|p| element(p, layout)).collect();
    let document = match layout {
        "declaration after the ADF one" => {
            format!("<?ADF VERSION \"1.0\"?>\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<adf>\n{inner}</adf>\n")
        }
        _ => format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?adf version=\"1.0\"?>\n<adf>\n{inner}</adf>\n"),
    };
    let document = if layout == "capitals" { capitals(&document) } else { document };
    let header = "From: \"Leads\" <leads@portal.example>\r\nTo: sales@ours.example\r\nSubject: New lead\r\n";
    let raw = match layout {
        "escaped in markup" => {
            let html = format!("<html><body><p>A new lead:</p><pre>{}</pre></body></html>", escaped(&document));
            mail(&mut dice, header, None, Some(&html))
        }
        "attached file" => attached(header, &document),
        _ => mail(&mut dice, header, Some(&document), None),
    };
    Case { layout, tongue, raw, truth: prospects.iter().map(|p| facts(p, layout)).collect() }
}

/// Tag names in capitals.
fn capitals(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut in_name = false;
    for c in document.chars() {
        match c {
            '<' => in_name = true,
            ' ' | '>' => in_name = false,
            _ => {}
        }
        if in_name { out.extend(c.to_uppercase()) } else { out.push(c) }
    }
    out
}

fn attached(header: &str, document: &str) -> Vec<u8> {
    let document = document.replace('\n', "\r\n");
    format!(
        "{header}Message-ID: <adf@made.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"part\"\r\n\r\n\
         --part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nA lead is attached.\r\n--part\r\n\
         Content-Type: application/xml; name=\"lead.xml\"\r\nContent-Disposition: attachment; filename=\"lead.xml\"\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{document}\r\n--part--\r\n"
    )
    .into_bytes()
}
