//! Form notifications in many layouts.

use super::people::{Somebody, message, somebody};
use super::{Case, Dice, Fact, TONGUES, Tongue, encoded, escaped, mail};

/// One line of a notification: its label, its value, what it is.
struct Entry {
    label: &'static str,
    value: String,
    what: &'static str,
}

/// Names of the layouts: lines of text first, then markup.
pub const LAYOUTS: [&str; 24] = [
    "colon",
    "colon with a space before",
    "wide colon",
    "equals sign",
    "dash",
    "stars around the label",
    "label above its value",
    "label above, blank line below",
    "tab",
    "aligned by spaces",
    "dots up to the colon",
    "bullets",
    "Contact Form 7",
    "Elementor",
    "two-column table",
    "head cells with colons",
    "label row above value row",
    "labels in the first row",
    "definition list",
    "bold label, line break",
    "bold label in a paragraph",
    "list items",
    "table inside tables",
    "boxes one below the other",
];

/// The first of the layouts in markup.
const MARKUP: usize = 14;

fn labels(tongue: Tongue, what: &str) -> &'static [&'static str] {
    match (tongue, what) {
        (Tongue::Fr | Tongue::En | Tongue::De, "budget") => &["Budget"],
        (Tongue::Fr, "full_name") => &["Nom complet", "Nom et prénom", "Votre nom"],
        (Tongue::Fr, "first_name") => &["Prénom"],
        (Tongue::Fr, "last_name") => &["Nom", "Nom de famille"],
        (Tongue::Fr, "email") => &["E-mail", "Adresse e-mail", "Courriel"],
        (Tongue::Fr, "phone") => &["Téléphone", "Numéro de téléphone", "Tél."],
        (Tongue::Fr, "mobile") => &["Portable", "Téléphone portable"],
        (Tongue::Fr, "company") => &["Société", "Entreprise", "Raison sociale"],
        (Tongue::Fr, "postcode") => &["Code postal"],
        (Tongue::Fr, "city") => &["Ville"],
        (Tongue::Fr, "topic") => &["Objet", "Sujet"],
        (Tongue::Fr, _) => &["Message", "Votre message", "Votre demande"],
        (Tongue::En, "full_name") => &["Name", "Full name", "Your name"],
        (Tongue::En, "first_name") => &["First name"],
        (Tongue::En, "last_name") => &["Last name", "Surname"],
        (Tongue::En, "email") => &["Email", "E-mail address", "Your email"],
        (Tongue::En, "phone") => &["Phone", "Telephone", "Phone number"],
        (Tongue::En, "mobile") => &["Mobile", "Cell phone"],
        (Tongue::En, "company") => &["Company", "Organisation", "Company name"],
        (Tongue::En, "postcode") => &["Postcode", "ZIP"],
        (Tongue::En, "city") => &["City", "Town"],
        (Tongue::En, "topic") => &["Subject"],
        (Tongue::En, _) => &["Message", "Comments", "Your message", "Enquiry"],
        (Tongue::De, "full_name") => &["Name", "Ihr Name", "Vor- und Nachname"],
        (Tongue::De, "first_name") => &["Vorname"],
        (Tongue::De, "last_name") => &["Nachname", "Familienname"],
        (Tongue::De, "email") => &["E-Mail", "E-Mail-Adresse", "Ihre E-Mail"],
        (Tongue::De, "phone") => &["Telefon", "Telefonnummer", "Rufnummer"],
        (Tongue::De, "mobile") => &["Mobil", "Handy", "Mobilnummer"],
        (Tongue::De, "company") => &["Firma", "Unternehmen", "Firmenname"],
        (Tongue::De, "postcode") => &["PLZ", "Postleitzahl"],
        (Tongue::De, "city") => &["Ort", "Stadt"],
        (Tongue::De, "topic") => &["Betreff"],
        (Tongue::De, _) => &["Nachricht", "Ihre Nachricht", "Anfrage"],
        (Tongue::Cs, "full_name") => &["Jméno a příjmení", "Celé jméno", "Vaše jméno"],
        (Tongue::Cs, "first_name") => &["Jméno", "Křestní jméno"],
        (Tongue::Cs, "last_name") => &["Příjmení"],
        (Tongue::Cs, "email") => &["E-mail", "Váš e-mail", "E-mailová adresa"],
        (Tongue::Cs, "phone") => &["Telefon", "Telefonní číslo"],
        (Tongue::Cs, "mobile") => &["Mobil", "Mobilní telefon"],
        (Tongue::Cs, "company") => &["Firma", "Společnost", "Název firmy"],
        (Tongue::Cs, "postcode") => &["PSČ"],
        (Tongue::Cs, "city") => &["Město", "Obec"],
        (Tongue::Cs, "topic") => &["Předmět"],
        (Tongue::Cs, "budget") => &["Rozpočet"],
        (Tongue::Cs, _) => &["Zpráva", "Text zprávy", "Dotaz"],
        (Tongue::Fa, "full_name") => &["نام و نام خانوادگی"],
        (Tongue::Fa, "first_name") => &["نام"],
        (Tongue::Fa, "last_name") => &["نام خانوادگی"],
        (Tongue::Fa, "email") => &["ایمیل", "پست الکترونیک"],
        (Tongue::Fa, "phone") => &["تلفن", "شماره تماس"],
        (Tongue::Fa, "mobile") => &["موبایل", "تلفن همراه"],
        (Tongue::Fa, "company") => &["شرکت", "نام شرکت"],
        (Tongue::Fa, "postcode") => &["کد پستی"],
        (Tongue::Fa, "city") => &["شهر"],
        (Tongue::Fa, "topic") => &["موضوع"],
        (Tongue::Fa, "budget") => &["بودجه"],
        (Tongue::Fa, _) => &["پیام", "متن پیام", "توضیحات"],
    }
}

fn entries(dice: &mut Dice, who: &Somebody, text: &str) -> Vec<Entry> {
    let mut wanted: Vec<(&'static str, String)> = Vec::new();
    if dice.happens(50) {
        wanted.push(("full_name", who.name()));
    } else {
        let both = [("first_name", who.first.clone()), ("last_name", who.last.clone())];
        if dice.happens(50) { wanted.extend(both) } else { wanted.extend(both.into_iter().rev()) }
    }
    if dice.happens(60) {
        wanted.push(("company", who.company.clone()));
    }
    wanted.push(("email", who.email.clone()));
    match dice.number(0, 3) {
        0 => {}
        1 => wanted.push(("mobile", who.mobile.clone())),
        _ => wanted.push(("phone", who.phone.clone())),
    }
    if dice.happens(40) {
        wanted.push(("postcode", who.postcode.clone()));
        wanted.push(("city", who.city.clone()));
    }
    if dice.happens(25) {
        wanted.push(("budget", format!("{} 000 EUR", dice.number(2, 90))));
    }
    if dice.happens(40) {
        wanted.push(("topic", format!("{} {}", dice.one(&["Devis", "Quote", "Angebot", "Poptávka"]), dice.digits(4))));
    }
    wanted.push(("message", text.to_owned()));
    let mut entries = Vec::new();
    for (what, value) in wanted {
        entries.push(Entry { label: dice.one(labels(who.tongue, what)), value, what });
    }
    entries
}

fn intro(dice: &mut Dice, tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Fr => {
            dice.one(&["", "Nouveau message depuis votre site", "Vous avez reçu une nouvelle demande de contact."])
        }
        Tongue::En => dice.one(&["", "New submission from your website", "You have received a new contact request."]),
        Tongue::De => {
            dice.one(&["", "Neue Nachricht von Ihrer Website", "Sie haben eine neue Kontaktanfrage erhalten."])
        }
        Tongue::Cs => dice.one(&["", "Nová zpráva z vašeho webu", "Obdrželi jste novou poptávku."]),
        Tongue::Fa => dice.one(&["", "پیام تازه از وب‌سایت شما"]),
    }
}

fn footer(dice: &mut Dice, tongue: Tongue) -> String {
    let site = format!("https://www.{}{}.example/", dice.one(&["shop", "works", "atelier"]), dice.number(1, 99));
    match tongue {
        Tongue::Fr => format!("Cet e-mail a été envoyé via le formulaire de contact de {site}"),
        Tongue::En => format!("This e-mail was sent from a contact form on {site}"),
        Tongue::De => format!("Diese E-Mail wurde über das Kontaktformular auf {site} gesendet"),
        Tongue::Cs => format!("Tento e-mail byl odeslán z kontaktního formuláře na {site}"),
        Tongue::Fa => format!("این ایمیل از فرم تماس در {site} ارسال شده است"),
    }
}

fn lines(dice: &mut Dice, layout: &str, entries: &[Entry]) -> String {
    let widest = entries.iter().map(|e| e.label.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    let (blank, gap) = (dice.happens(30), dice.happens(50));
    for Entry { label, value, what } in entries {
        let fill = |with: &str| with.repeat(widest + 3 - label.chars().count());
        // What has several lines begins below its label as often as beside it.
        let own_line = *what == "message" && gap;
        let between = if own_line { "\n" } else { " " };
        out.push_str(&match layout {
            "colon" => format!("{label}:{between}{value}\n"),
            "colon with a space before" => format!("{label} :{between}{value}\n"),
            "wide colon" => format!("{label}：{value}\n"),
            "equals sign" => format!("{label} = {value}\n"),
            "dash" => format!("{label} - {value}\n"),
            "stars around the label" => format!("*{label}*:{between}{value}\n"),
            "label above its value" => format!("{label}\n{value}\n"),
            "label above, blank line below" => format!("{label}\n{value}\n\n"),
            "tab" => format!("{label}\t{value}\n"),
            "aligned by spaces" => format!("{label}{}: {value}\n", fill(" ")),
            "dots up to the colon" => format!("{label} {}: {value}\n", fill(".")),
            _ => format!("{} {label}: {value}\n", if gap { "•" } else { "-" }),
        });
        if blank && layout == "colon" {
            out.push('\n');
        }
    }
    out
}

fn contact_form_7(who: &Somebody, entries: &[Entry], text: &str, footer: &str) -> String {
    let topic = entries.iter().find(|e| e.what == "topic").map_or("Kontakt", |e| e.value.as_str());
    let body = match who.tongue {
        Tongue::Fr => ("De", "Objet", "Corps du message"),
        Tongue::De => ("Von", "Betreff", "Nachrichtentext"),
        Tongue::Cs => ("Od", "Předmět", "Text zprávy"),
        _ => ("From", "Subject", "Message Body"),
    };
    format!("{}: {} <{}>\n{}: {topic}\n\n{}:\n{text}\n\n-- \n{footer}\n", body.0, who.name(), who.email, body.1, body.2)
}

fn elementor(entries: &[Entry]) -> String {
    let fields = entries.iter().map(|e| format!("{}: {}", e.label, e.value)).collect::<Vec<_>>().join("\n") + "\n";
    format!(
        "{fields}\n---\n\nDate: March 10, 2025\nTime: 9:12 am\nPage URL: https://www.site.example/contact/\n\
         User Agent: Mozilla/5.0 (X11; Linux x86_64)\nRemote IP: 203.0.113.7\nPowered by: Elementor\n"
    )
}

fn markup(layout: &str, entries: &[Entry], intro: &str, footer: &str) -> String {
    let cells: Vec<(String, String)> =
        entries.iter().map(|e| (escaped(e.label), escaped(&e.value).replace('\n', "<br>\n"))).collect();
    let each = |of: &dyn Fn(&str, &str) -> String| cells.iter().map(|(k, v)| of(k, v)).collect::<String>();
    let table =
        |rows: String| format!("<table border=\"0\" cellpadding=\"5\" width=\"100%\"><tbody>{rows}</tbody></table>");
    let body = match layout {
        "two-column table" => table(each(&|k, v| format!("<tr><td>{k}</td><td>{v}</td></tr>\n"))),
        "head cells with colons" => {
            table(each(&|k, v| format!("<tr>\n  <th align=\"left\" valign=\"top\">{k}:</th>\n  <td>{v}</td>\n</tr>\n")))
        }
        "label row above value row" => table(each(&|k, v| {
            format!(
                "<tr bgcolor=\"#EAF2FA\"><td colspan=\"2\"><font style=\"font-size:12px\"><strong>{k}</strong></font></td></tr>\n\
                 <tr bgcolor=\"#FFFFFF\"><td width=\"20\">&nbsp;</td><td><font style=\"font-size:12px\">{v}</font></td></tr>\n"
            )
        })),
        "labels in the first row" => table(format!(
            "<tr>{}</tr>\n<tr>{}</tr>\n",
            each(&|k, _| format!("<th>{k}</th>")),
            each(&|_, v| format!("<td>{v}</td>"))
        )),
        "definition list" => format!("<dl>{}</dl>", each(&|k, v| format!("<dt>{k}</dt><dd>{v}</dd>\n"))),
        "bold label, line break" => each(&|k, v| format!("<strong>{k}</strong><br>\n{v}<br><br>\n")),
        "bold label in a paragraph" => each(&|k, v| format!("<p><b>{k}:</b> {v}</p>\n")),
        "list items" => format!("<ul>{}</ul>", each(&|k, v| format!("<li><b>{k}</b>: {v}</li>\n"))),
        "table inside tables" => format!(
            "<table width=\"600\" align=\"center\"><tr><td><table><tr><td><img src=\"logo.png\" alt=\"\"></td></tr></table></td></tr>\
             <tr><td style=\"padding:20px\"><h2>{intro}</h2>{}</td></tr></table>",
            table(each(&|k, v| format!(
                "<tr><td style=\"color:#888\">{k}</td><td><p style=\"margin:0\">{v}</p></td></tr>\n"
            )))
        ),
        _ => each(&|k, v| {
            format!(
                "<div class=\"row\"><div class=\"label\" style=\"font-weight:bold\">{k}</div><div>{v}</div></div>\n"
            )
        }),
    };
    let style = "<style type=\"text/css\">td { font: 12px sans-serif } p > b { color: #333 }</style>";
    format!(
        "<html><head>{style}</head><body><p>{intro}</p>\n{body}\n<p style=\"font-size:10px\">{footer}</p></body></html>"
    )
}

/// A notification of that seed.
pub fn case(seed: u64) -> Case {
    let mut dice = Dice::of(seed);
    let tongue = dice.one(&TONGUES);
    let place = dice.number(0, 23) as usize;
    let layout = LAYOUTS.get(place).copied().unwrap_or("colon");
    let who = somebody(&mut dice, tongue);
    let mut text = message(&mut dice, tongue);
    if matches!(layout, "label above, blank line below" | "label above its value") {
        // Nothing would tell where it ends.
        text = text.replace("\n\n", "\n");
    }
    let mut entries = entries(&mut dice, &who, &text);
    let footer = footer(&mut dice, tongue);
    let intro = intro(&mut dice, tongue);
    let raw = {
        let (plain, html) = if place >= MARKUP {
            (None, Some(markup(layout, &entries, intro, &footer)))
        } else if layout == "Contact Form 7" {
            entries.retain(|e| matches!(e.what, "topic" | "message" | "email"));
            entries.push(Entry { label: "", value: who.name(), what: "full_name" });
            (Some(contact_form_7(&who, &entries, &text, &footer)), None)
        } else if layout == "Elementor" {
            (Some(elementor(&entries)), None)
        } else {
            let head = if intro.is_empty() { String::new() } else { format!("{intro}\n\n") };
            let tail = if dice.happens(50) { format!("\n--\n{footer}\n") } else { String::new() };
            (Some(format!("{head}{}{tail}", lines(&mut dice, layout, &entries))), None)
        };
        // Some send the same once more as poor text.
        let plain =
            plain.or_else(|| (dice.happens(20)).then(|| "This message needs a program that shows HTML.\n".to_owned()));
        let site = format!("{}{}.example", dice.one(&["shop", "works", "atelier"]), dice.number(1, 99));
        let reply_to = if dice.happens(40) {
            format!("Reply-To: {} <{}>\r\n", encoded(&who.name()), who.email)
        } else {
            String::new()
        };
        let from = dice.one(&["wordpress", "noreply", "no-reply", "webform"]);
        let header = format!(
            "From: {} <{from}@{site}>\r\nTo: sales@ours.example\r\n{reply_to}Subject: {}\r\n",
            encoded(dice.one(&["Website", "Kontaktformular", "Formulaire"])),
            encoded(dice.one(&["New message", "Nouvelle demande", "Neue Anfrage"])).trim_matches('"'),
        );
        mail(&mut dice, &header, plain.as_deref(), html.as_deref())
    };
    let truth = entries.into_iter().map(|e| Fact { what: e.what, value: e.value }).collect();
    Case { layout, tongue, raw, truth: vec![truth] }
}
