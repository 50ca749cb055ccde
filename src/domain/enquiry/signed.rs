//! What a signature block says of its writer: title, company, website, postal address, registration numbers.
//!
//! Nothing is guessed: a company has a legal form or the name of the sender's domain, a title a word of titles directly
//! below the name, an address a postcode of its country. What the block only hints at is left out.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::{Address, address, company, registration};
use crate::domain::reading::disclaimer::is_disclaimer;
use crate::domain::reading::field_names::fold;
use crate::domain::reading::signature::BARS;
use crate::domain::reading::text::one_line;
use crate::domain::submission::Mailbox;

/// Lines of a block that are looked at.
const LINES: usize = 25;
/// Longest line looked at, in characters.
const LINE_CHARS: usize = 200;
/// Longest company, title and place, in characters.
const CHARS: usize = 70;

/// Hosts whose addresses in a signature are no website of a company.
const ELSEWHERE: [&str; 22] = [
    "linkedin.",
    "facebook.",
    "fb.com",
    "fb.me",
    "twitter.",
    "x.com",
    "instagram.",
    "youtube.",
    "youtu.be",
    "xing.",
    "tiktok.",
    "wa.me",
    "whatsapp.",
    "t.me",
    "calendly.",
    "goo.gl",
    "google.",
    "zoom.us",
    "aka.ms",
    "outlook.",
    "microsoft.",
    "apple.com",
];

/// Words of titles, folded, in our languages: one of them makes a short line below the name a title.
const TITLES: &str = "manager director engineer president ceo cfo cto coo vp analyst consultant recruiter assistant officer head \
    lead specialist coordinator partner associate founder owner buyer representative executive administrator secretary architect \
    developer technician supervisor accountant attorney lawyer professor doctor researcher planner operator clerk chairman chair \
    directeur directrice responsable gerant gerante chef cheffe ingenieur ingenieure assistante assistant commercial commerciale \
    acheteur acheteuse charge chargee technicien technicienne comptable president presidente adjoint adjointe conseiller \
    conseillere secretaire redacteur fondateur fondatrice associe associee delegue technico \
    geschaftsfuhrer geschaftsfuhrerin leiter leiterin vertrieb vertriebsingenieur vertriebsingenieurin vertriebsleiter \
    projektleiter projektleiterin einkauf einkaufer einkauferin prokurist prokuristin ingenieurin inhaber inhaberin referent \
    referentin sachbearbeiter sachbearbeiterin techniker technikerin berater beraterin assistenz sekretariat abteilungsleiter \
    jednatel jednatelka reditel reditelka vedouci obchodni zastupce zastupkyne manazer manazerka technik ucetni asistentka \
    asistent majitel majitelka nakupci projektovy projektant konstrukter prodejce specialista referentka \
    konatel riaditel riaditelka veduci kierownik dyrektor prezes wlasciciel specjalista handlowiec \
    gerente jefe jefa directora encargado encargada comercial ingeniero ingeniera responsable socio compras ventas \
    direttore direttrice titolare responsabile impiegato addetto addetta tecnico amministratore vendite acquisti \
    diretor diretora gestor gestora engenheiro engenheira vendas \
    verkoop inkoop manager directeur eigenaar medewerker adviseur hoofd bedrijfsleider \
    chef forsaljning forsaljningschef inkopare saljare salgschef direktor daglig leder myyntipaallikko johtaja toimitusjohtaja \
    ugyvezeto igazgato mudur muduru uzmani mudurlugu \
    менеджер директор руководитель инженер специалист начальник заместитель бухгалтер \
    مدیر مدیرعامل کارشناس مهندس رئیس معاون سرپرست مسئول مدیره مهندسی";

static TITLE_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| TITLES.split_whitespace().map(fold).collect());

/// What a block says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) title: Option<String>,
    pub(super) company: Option<String>,
    pub(super) website: Option<String>,
    pub(super) address: Option<Address>,
    pub(super) registrations: Vec<String>,
}

/// Reads the block of `sender`, who writes from `domain` (none for a mailbox of everybody) and is thought to be in
/// `region`.
pub(super) fn read(block: &str, sender: &Mailbox, domain: Option<&str>, region: Option<&str>) -> Signed {
    let parts = parts(block);
    let name = parts.iter().position(|part| is_name(part, sender));
    let website = website(&parts, domain);
    let company = company_of(&parts, name, domain);
    Signed {
        title: title(&parts, name, company.as_deref()),
        address: address::read(&parts, region),
        registrations: parts.iter().flat_map(|part| registration::find(part)).take(5).collect(),
        company,
        website,
    }
}

/// The country that the address of a block tells by itself; `region` is where its writer is thought to be.
pub(super) fn country(block: &str, region: Option<&str>) -> Option<String> {
    address::told(&parts(block), region)
}

/// Lines, and what bars divide, each trimmed; up to the disclaimer.
fn parts(block: &str) -> Vec<String> {
    let lines = block.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES);
    let lines = lines.take_while(|line| !is_disclaimer(line)).filter(|line| line.chars().count() <= LINE_CHARS);
    lines
        .flat_map(|line| {
            BARS.iter().fold(line.to_owned(), |line, bar| line.replace(bar, "\n")).lines().map(tidy).collect::<Vec<_>>()
        })
        .flat_map(|part| role_and_house(&part).unwrap_or_else(|| vec![part]))
        .filter(|part| part.chars().any(char::is_alphanumeric))
        .collect()
}

/// `Director, Durand Ltd` is a title and a company.
fn role_and_house(part: &str) -> Option<Vec<String>> {
    let (role, house) = part.split_once(',').map(|(role, house)| (role.trim(), house.trim()))?;
    let both = words(role).any(|word| is_title_word(&word)) && company::has_legal_form(house);
    both.then(|| vec![role.to_owned(), house.to_owned()])
}

/// Without stars and underscores of plain-text emphasis.
fn tidy(part: &str) -> String {
    one_line(part.trim().trim_matches(['*', '_', '|', '/']), 200)
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(fold).filter(|w| !w.is_empty())
}

/// Half of the words, and one at least, are the sender's.
fn is_name(part: &str, sender: &Mailbox) -> bool {
    let local = sender.address.as_deref().and_then(|a| a.split('@').next()).unwrap_or_default();
    let known: HashSet<String> = words(sender.name.as_deref().unwrap_or_default())
        .chain(words(local))
        .filter(|w| w.chars().count() >= 2)
        .collect();
    let said: Vec<String> = words(part).collect();
    let meant = said.iter().filter(|word| known.contains(*word)).count();
    (1..=7).contains(&said.len()) && meant >= 1 && meant * 2 >= said.len() && !part.contains(['@', ':'])
}

fn is_plain(part: &str) -> bool {
    part.chars().count() <= CHARS && !part.contains(['@', ':']) && !part.chars().any(char::is_numeric)
}

/// The line directly below the name (or what a comma divides from it) with a word of titles.
fn title(parts: &[String], name: Option<usize>, company: Option<&str>) -> Option<String> {
    let at = name?;
    let titled = |part: &&str| {
        is_plain(part)
            && Some(*part) != company
            && !company::has_legal_form(part)
            && words(part).any(|word| is_title_word(&word))
    };
    let beside = parts.get(at)?.split_once(',').map(|(_, rest)| rest.trim());
    let below = parts.get(at + 1..)?.iter().take(2).map(String::as_str);
    beside.into_iter().chain(below).find(titled).map(str::to_owned)
}

/// A word of titles, or a compound of German, Dutch or the north that ends with one: `Projektleiterin`.
fn is_title_word(word: &str) -> bool {
    const ENDS: [&str; 10] = [
        "leiter",
        "leiterin",
        "fuhrer",
        "fuhrerin",
        "ingenieur",
        "ingenieurin",
        "manager",
        "berater",
        "chef",
        "direktor",
    ];
    TITLE_WORDS.contains(word) || word.len() > 8 && ENDS.iter().any(|end| word.ends_with(end))
}

fn company_of(parts: &[String], name: Option<usize>, domain: Option<&str>) -> Option<String> {
    let candidates =
        || parts.iter().enumerate().filter(|(at, part)| Some(*at) != name && is_plain(part)).map(|(_, part)| part);
    let formed = candidates().find(|part| company::has_legal_form(part));
    let label = domain.and_then(|domain| domain.split('.').next()).map(fold).filter(|label| label.len() >= 4);
    let like_domain = |part: &&String| {
        let folded = fold(part);
        label.as_deref().is_some_and(|label| {
            let bare = label.trim_end_matches(|c: char| c.is_ascii_digit());
            bare.len() >= 4
                && (folded == bare || folded.starts_with(bare) && words(part).next().as_deref() == Some(bare))
        })
    };
    formed.or_else(|| candidates().find(like_domain)).and_then(|part| company::read(part))
}

/// An address on the web: that of the sender's domain first.
fn website(parts: &[String], domain: Option<&str>) -> Option<String> {
    let found: Vec<String> = parts.iter().flat_map(|part| part.split_whitespace()).filter_map(web_address).collect();
    let own = |url: &&String| {
        domain
            .is_some_and(|domain| host(url).is_some_and(|host| host == domain || host.ends_with(&format!(".{domain}"))))
    };
    found.iter().find(own).or_else(|| found.iter().find(|_| domain.is_none())).cloned()
}

fn host(url: &str) -> Option<String> {
    let bare = url.split("://").last()?;
    Some(bare.split(['/', '?', '#', ':']).next()?.to_lowercase())
}

fn web_address(word: &str) -> Option<String> {
    let word = word.trim_matches(['(', ')', '<', '>', '[', ']', ',', ';', '"', '\'']);
    let word = word.rsplit_once(['<', '[']).map_or(word, |(before, _)| before).trim_end_matches('.');
    let lower = word.to_lowercase();
    let starts = ["http://", "https://", "www."].iter().any(|start| lower.starts_with(start));
    let host = host(word)?;
    let elsewhere =
        ELSEWHERE.iter().any(|site| host.starts_with(site) || host.contains(&format!(".{site}")) || host == *site);
    (starts && host.contains('.') && !word.contains('@') && !elsewhere).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(block: &str, region: &str) -> Signed {
        let sender =
            Mailbox { name: Some("Eva Nováková".to_owned()), address: Some("eva.novakova@kovo-dilna.cz".to_owned()) };
        read(block, &sender, Some("kovo-dilna.cz"), Some(region))
    }

    #[test]
    fn a_block_tells_who_the_writer_works_for() {
        let read = signed(
            "S pozdravem\n\nEva Nováková\nvedoucí nákupu\nKovo dílna Písek, s.r.o.\nHusova 12\n397 01 Písek\nTel.: +420 777 123 456\n\
             www.kovo-dilna.cz\nIČO: 25596641",
            "CZ",
        );
        assert_eq!(read.title.as_deref(), Some("vedoucí nákupu"));
        assert_eq!(read.company.as_deref(), Some("Kovo dílna Písek, s.r.o."));
        assert_eq!(read.website.as_deref(), Some("www.kovo-dilna.cz"));
        let address = read.address.unwrap();
        assert_eq!(address.street.as_deref(), Some("Husova 12"));
        assert_eq!(address.postcode.as_deref(), Some("397 01"));
        assert_eq!(address.city.as_deref(), Some("Písek"));
        assert_eq!(read.registrations, ["25596641"]);
    }

    #[test]
    fn addresses_of_other_countries_are_read() {
        for (line, region, street, code, city) in [
            ("12 rue des Tanneurs, 44000 Nantes", "FR", "12 rue des Tanneurs", "44000", "Nantes"),
            ("Mill Lane 4, Leeds LS1 4AB", "GB", "Mill Lane 4", "LS1 4AB", "Leeds"),
            ("Lindenallee 7, D-37073 Göttingen", "DE", "Lindenallee 7", "37073", "Göttingen"),
            ("Rue Haute 3, 1000 Bruxelles", "BE", "Rue Haute 3", "1000", "Bruxelles"),
        ] {
            let address = signed(&format!("Eva Nováková\n{line}"), region).address.unwrap();
            assert_eq!(address.street.as_deref(), Some(street), "{line}");
            assert_eq!(address.postcode.as_deref(), Some(code), "{line}");
            assert_eq!(address.city.as_deref(), Some(city), "{line}");
        }
    }

    #[test]
    fn what_is_not_said_is_not_read() {
        let read = signed("Eva Nováková\nwww.facebook.com/eva\nSee you soon\n777 123 456", "CZ");
        assert_eq!(read, Signed::default());
        let read = signed("Eva Nováková\nDirectrice commerciale, Durand SARL", "FR");
        assert_eq!(
            (read.title.as_deref(), read.company.as_deref()),
            (Some("Directrice commerciale"), Some("Durand SARL"))
        );
        let read = signed("Eva | Sales Manager | Kovo\nhttps://elsewhere.example", "CZ");
        assert_eq!(read.title.as_deref(), Some("Sales Manager"));
        assert_eq!(read.website, None, "not the sender's");
    }
}
