//! What is known about mail providers: alias rules, free mail, throw-away mail, role names.
//!
//! Facts stated by the providers themselves; a domain not listed is treated as a company's own.

/// Domains anyone may have a mailbox at. Country variants of the big ones are recognised by their name.
const FREE: [&str; 78] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "passport.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.com",
    "aim.com",
    "proton.me",
    "protonmail.com",
    "protonmail.ch",
    "pm.me",
    "fastmail.com",
    "fastmail.fm",
    "zoho.com",
    "zohomail.eu",
    "mail.com",
    "email.com",
    "gmx.net",
    "gmx.de",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.fr",
    "web.de",
    "t-online.de",
    "freenet.de",
    "arcor.de",
    "posteo.de",
    "mailbox.org",
    "tutanota.com",
    "tuta.io",
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "laposte.net",
    "sfr.fr",
    "neuf.fr",
    "bbox.fr",
    "numericable.fr",
    "cegetel.net",
    "club-internet.fr",
    "seznam.cz",
    "email.cz",
    "post.cz",
    "centrum.cz",
    "atlas.cz",
    "volny.cz",
    "tiscali.cz",
    "quick.cz",
    "azet.sk",
    "centrum.sk",
    "zoznam.sk",
    "libero.it",
    "virgilio.it",
    "tiscali.it",
    "alice.it",
    "tin.it",
    "telefonica.net",
    "terra.es",
    "wp.pl",
    "o2.pl",
    "onet.pl",
    "interia.pl",
    "op.pl",
    "yandex.com",
    "yandex.ru",
    "ya.ru",
    "mail.ru",
    "bk.ru",
    "qq.com",
    "163.com",
    "126.com",
    "chmail.ir",
];

/// Names whose every public-suffix variant is the same provider.
const FREE_NAMES: [&str; 8] = ["yahoo", "ymail", "rocketmail", "hotmail", "outlook", "live", "gmx", "yandex"];

/// Services that send for others: their domain is nobody's organisation.
const SERVICES: [&str; 22] = [
    "amazonses.com",
    "sendgrid.net",
    "mailgun.org",
    "mandrillapp.com",
    "mailchimpapp.net",
    "mcsv.net",
    "sparkpostmail.com",
    "postmarkapp.com",
    "sendinblue.com",
    "brevo.com",
    "mailjet.com",
    "wixforms.com",
    "typeform.com",
    "jotform.com",
    "formspree.io",
    "hubspotemail.net",
    "wordpress.com",
    "squarespace.info",
    "facebookmail.com",
    "linkedin.com",
    "googlegroups.com",
    "onmicrosoft.com",
];

/// Local parts that belong to a function, not to a person.
const ROLES: [&str; 74] = [
    "info",
    "infos",
    "information",
    "informace",
    "contact",
    "contacts",
    "kontakt",
    "contacto",
    "contatto",
    "hello",
    "hi",
    "hallo",
    "bonjour",
    "ahoj",
    "sales",
    "sale",
    "vente",
    "ventes",
    "verkauf",
    "vertrieb",
    "ventas",
    "vendite",
    "prodej",
    "obchod",
    "commercial",
    "commerciale",
    "comercial",
    "office",
    "bureau",
    "kancelar",
    "buero",
    "admin",
    "administrator",
    "administration",
    "support",
    "help",
    "helpdesk",
    "service",
    "servis",
    "sav",
    "accueil",
    "reception",
    "recepce",
    "compta",
    "comptabilite",
    "accounting",
    "accounts",
    "billing",
    "invoice",
    "invoices",
    "faktury",
    "ucetni",
    "finance",
    "facturation",
    "rechnung",
    "achats",
    "purchasing",
    "nakup",
    "einkauf",
    "orders",
    "commande",
    "objednavky",
    "marketing",
    "press",
    "presse",
    "jobs",
    "hr",
    "rh",
    "team",
    "mail",
    "email",
    "webmaster",
    "postmaster",
    "abuse",
];

/// Local parts of machines, wherever they stand in the name.
const MACHINES: [&str; 10] = [
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "do-not-reply",
    "nepasrepondre",
    "mailer-daemon",
    "bounce",
    "notification",
    "neodpovidat",
];

/// Whether this local part (lower case) is a function or a machine.
pub(super) fn is_role(local: &str) -> bool {
    let base = local.split('+').next().unwrap_or(local);
    let plain = base.trim_end_matches(|c: char| c.is_ascii_digit());
    ROLES.contains(&plain)
        || MACHINES.iter().any(|m| base.contains(m))
        || (local.contains("reply+") || local.starts_with("srs0="))
}

fn listed(domain: &str, list: &[&str]) -> bool {
    list.iter().any(|name| domain == *name || domain.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
}

/// Whether this domain (lower case ASCII) is a service that sends for others.
pub(super) fn is_mail_service(domain: &str) -> bool {
    listed(domain, &SERVICES)
}

/// Whether anyone may have a mailbox at this domain (lower case ASCII).
pub(super) fn is_free_mail(domain: &str) -> bool {
    if FREE.contains(&domain) {
        return true;
    }
    // yahoo.fr, hotmail.co.uk: the provider's name directly before a public suffix.
    let registrable = psl::domain_str(domain).unwrap_or(domain);
    registrable == domain && domain.split('.').next().is_some_and(|name| FREE_NAMES.contains(&name))
}

/// Canonical address from a lower-case local part and an ASCII domain.
pub(super) fn canonical(local: &str, domain: &str) -> String {
    // A name that is all tag keeps it; a dot before the tag is no part of the name.
    let untagged = || {
        let base = local.split_once('+').map_or(local, |(base, _)| base).trim_end_matches('.');
        if base.is_empty() { local } else { base }
    };
    let without = |text: &str, ignored: &[char]| text.replace(ignored, "");
    let (local, domain) = match domain {
        "gmail.com" | "googlemail.com" => (without(untagged(), &['.']), "gmail.com"),
        "proton.me" | "protonmail.com" | "protonmail.ch" | "pm.me" => {
            (without(untagged(), &['.', '-', '_']), "proton.me")
        }
        "icloud.com" | "me.com" | "mac.com" | "fastmail.com" | "fastmail.fm" | "zoho.com" | "posteo.de"
        | "mailbox.org" => (untagged().to_owned(), domain),
        _ if microsoft(domain) => (untagged().to_owned(), domain),
        _ => (local.to_owned(), domain),
    };
    format!("{local}@{domain}")
}

fn microsoft(domain: &str) -> bool {
    let name = domain.split('.').next().unwrap_or_default();
    matches!(name, "outlook" | "hotmail" | "live" | "msn") && is_free_mail(domain)
}
