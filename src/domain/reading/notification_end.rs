//! Where a form notification ends: at the footer of the website's mailer. A visitor, too, may write such a line.

use super::body::cut;
use super::field_names;
use super::markup_rows::Item;
use super::notification::{LINES, label_of, separator};
use crate::domain::submission::Canonical;

/// Filled lines below a footer that are looked at.
const BELOW: usize = 40;
/// The same below a ruled line.
const BELOW_RULED: usize = 12;

/// Lines that end the last field.
const FOOTERS: [&str; 30] = [
    "this e-mail was sent from",
    "this email was sent from",
    "this message was sent from",
    "this is a notification that",
    "sent from your website",
    "cet e-mail a été envoyé",
    "ce message a été envoyé",
    "cet email a été envoyé",
    "ce courriel a été envoyé",
    "diese e-mail wurde",
    "diese nachricht wurde",
    "tento e-mail",
    "tato zpráva byla odeslána",
    "este correo",
    "este mensaje fue enviado",
    "este e-mail foi enviado",
    "esta mensagem foi enviada",
    "questa e-mail",
    "questo messaggio è stato inviato",
    "deze e-mail is verzonden",
    "dit bericht is verzonden",
    "ta wiadomość została wysłana",
    "ten e-mail został wysłany",
    "это письмо отправлено",
    "это сообщение отправлено",
    "این ایمیل از",
    "این پیام از",
    "تم إرسال هذه الرسالة",
    "تم إرسال هذا البريد",
    "powered by",
];

/// What a footer speaks of, lower case: a form, or where it is.
pub(super) const SIGNS: [&str; 18] = [
    "http://",
    "https://",
    "www.",
    "contact form",
    "web form",
    "a form ",
    "formulaire",
    "formulario",
    "formulár",
    "formulář",
    "formularz",
    "kontaktformular",
    "das formular",
    " форм",
    "فرم",
    "نموذج",
    "wordpress",
    "submitted",
];
/// Words of a footer that says how the message was sent, lower case; they count beside one of [`SITES`].
const SENT: [&str; 14] = [
    "sent",
    "envoyé",
    "gesendet",
    "versendet",
    "geschickt",
    "odeslán",
    "enviado",
    "enviada",
    "inviat",
    "verzonden",
    "wysłan",
    "отправлен",
    "ارسال",
    "إرسال",
];
/// Words for a website, lower case.
pub(super) const SITES: [&str; 10] =
    ["site", "web", "homepage", "stránk", "sitio", "página", "stron", "сайт", "وب", "موقع"];

/// What only a visitor tells: below a ruled line it says that the notification goes on.
const OF_VISITORS: [Canonical; 12] = [
    Canonical::FullName,
    Canonical::FirstName,
    Canonical::LastName,
    Canonical::Email,
    Canonical::Phone,
    Canonical::Mobile,
    Canonical::Company,
    Canonical::Street,
    Canonical::Postcode,
    Canonical::City,
    Canonical::Topic,
    Canonical::Message,
];

/// Whether a line ends the notification. A visitor, too, may begin a line with "Este correo": so it must speak of a form
/// or a website, or nothing may follow, and no field stands below.
pub(super) fn is_footer(line: &str, below: &[Item]) -> bool {
    let trimmed = line.trim();
    if trimmed == "--" || trimmed == "---" {
        return is_end(line.ends_with(' '), below);
    }
    let lower = cut(trimmed, 200).to_lowercase();
    if !FOOTERS.iter().any(|footer| lower.starts_with(footer)) {
        return false;
    }
    let filled = below.iter().take(LINES).filter(|item| !matches!(item, Item::Line(line) if line.trim().is_empty()));
    let next = match filled.clone().next() {
        Some(Item::Line(line)) => cut(line.trim(), 200).to_lowercase(),
        _ => String::new(),
    };
    let is_field = |item: &Item| match item {
        Item::Line(line) => separator(line.trim()).is_some() && label_of(line).is_some(),
        Item::Pair(name, _) | Item::Label(name) => field_names::canonical(name).is_some(),
    };
    let brand = lower.starts_with("powered by") && lower.split_whitespace().count() <= 5;
    let signed = SIGNS.iter().any(|sign| lower.contains(sign) || next.contains(sign));
    let sent = SENT.iter().any(|word| lower.contains(word)) && SITES.iter().any(|word| lower.contains(word));
    (brand || signed || sent) && !filled.take(BELOW).any(is_field)
}

/// Whether a ruled line ends the notification: a footer stands below it, what the website knows of the visit, or nothing.
/// Below a ruled line of the visitor their words go on, or other fields. `delimits`: it is written as above a signature.
fn is_end(delimits: bool, below: &[Item]) -> bool {
    let is_ruled = |item: &Item| matches!(item, Item::Line(line) if matches!(line.trim(), "--" | "---"));
    let Some(at) = below.iter().take(LINES).position(|item| item.is_filled() && !is_ruled(item)) else { return true };
    let filled = || below.iter().skip(at).filter(|item| item.is_filled());
    let of_visitor = |item: &Item| {
        let canonical = match item {
            Item::Line(line) if separator(line.trim()).is_some() => label_of(line).map(|(_, canonical)| canonical),
            Item::Line(_) => None,
            Item::Pair(name, _) | Item::Label(name) => field_names::canonical(name),
        };
        canonical.is_some_and(|c| OF_VISITORS.contains(&c))
    };
    if filled().take(BELOW_RULED).any(of_visitor) {
        return false;
    }
    let Some(Item::Line(first)) = below.get(at) else { return true };
    let linked = |line: &str| ["://", "www.", "Mozilla/"].iter().any(|sign| line.contains(sign));
    let labelled = |item: &&Item| matches!(item, Item::Line(line) if separator(line.trim()).is_some());
    let of_visit = || filled().take(8).any(|item| matches!(item, Item::Line(line) if linked(line) || has_ip(line)));
    has_ip(first)
        || delimits && linked(first)
        || is_footer(first, below.get(at + 1..).unwrap_or_default())
        || filled().take(2).filter(labelled).count() == 2 && of_visit()
}

/// Four numbers with dots between them.
fn has_ip(line: &str) -> bool {
    line.split(|c: char| !c.is_ascii_digit() && c != '.').any(|word| {
        let parts = word.trim_matches('.').split('.');
        parts.clone().count() == 4 && parts.clone().all(|part| (1..=3).contains(&part.len()))
    })
}
