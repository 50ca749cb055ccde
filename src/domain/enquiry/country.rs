//! Countries: names in our languages, codes and top-level domains -> ISO 3166-1 alpha-2.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::reading::field_names::fold;

/// Code and names as written.
const COUNTRIES: [(&str, &str); 48] = [
    ("FR", "france|francie|frankreich|francia|فرانسه|fra"),
    (
        "CZ",
        "czech republic|czechia|tchéquie|république tchèque|česko|česká republika|čr|tschechien|chequia|cechia|چک|cze",
    ),
    ("SK", "slovakia|slovaquie|slovensko|slowakei|eslovaquia|slovacchia|اسلواکی|svk"),
    ("DE", "germany|allemagne|německo|deutschland|alemania|germania|آلمان|deu|ger"),
    ("AT", "austria|autriche|rakousko|österreich|اتریش|aut"),
    ("CH", "switzerland|suisse|švýcarsko|schweiz|suiza|svizzera|سوئیس|che"),
    ("BE", "belgium|belgique|belgie|belgien|bélgica|belgio|belgië|بلژیک|bel"),
    ("LU", "luxembourg|lucembursko|luxemburg|luxemburgo|lussemburgo|lux"),
    (
        "NL",
        "netherlands|the netherlands|holland|pays-bas|nizozemsko|niederlande|países bajos|paesi bassi|nederland|هلند|nld",
    ),
    (
        "GB",
        "united kingdom|great britain|uk|england|scotland|wales|royaume-uni|angleterre|velká británie|spojené království|großbritannien|vereinigtes königreich|reino unido|regno unito|انگلستان|بریتانیا|gbr",
    ),
    ("IE", "ireland|irlande|irsko|irland|irlanda|ایرلند|irl"),
    ("ES", "spain|espagne|španělsko|spanien|españa|spagna|اسپانیا|esp"),
    ("PT", "portugal|portugalsko|portogallo|پرتغال|prt"),
    ("IT", "italy|italie|itálie|italien|italia|ایتالیا|ita"),
    ("PL", "poland|pologne|polsko|polen|polonia|polska|لهستان|pol"),
    ("HU", "hungary|hongrie|maďarsko|ungarn|hungría|ungheria|magyarország|مجارستان|hun"),
    ("RO", "romania|roumanie|rumunsko|rumänien|rumanía|românia|رومانی|rou"),
    ("BG", "bulgaria|bulgarie|bulharsko|bulgarien|بلغارستان|bgr"),
    ("HR", "croatia|croatie|chorvatsko|kroatien|croacia|croazia|hrvatska|کرواسی|hrv"),
    ("SI", "slovenia|slovénie|slovinsko|slowenien|eslovenia|slovenija|اسلوونی|svn"),
    ("RS", "serbia|serbie|srbsko|serbien|srbija|صربستان|srb"),
    ("GR", "greece|grèce|řecko|griechenland|grecia|یونان|grc"),
    ("SE", "sweden|suède|švédsko|schweden|suecia|svezia|sverige|سوئد|swe"),
    ("NO", "norway|norvège|norsko|norwegen|noruega|norvegia|norge|نروژ|nor"),
    ("DK", "denmark|danemark|dánsko|dänemark|dinamarca|danimarca|danmark|دانمارک|dnk"),
    ("FI", "finland|finlande|finsko|finnland|finlandia|suomi|فنلاند|fin"),
    ("EE", "estonia|estonie|estonsko|estland|est"),
    ("LV", "latvia|lettonie|lotyšsko|lettland|letonia|lettonia|lva"),
    ("LT", "lithuania|lituanie|litva|litauen|lituania|ltu"),
    ("UA", "ukraine|ukrajina|ucrania|ucraina|اوکراین|ukr"),
    ("RU", "russia|russie|rusko|russland|rusia|روسیه|rus"),
    ("TR", "turkey|türkiye|turquie|turecko|türkei|turquía|turchia|ترکیه|tur"),
    ("IR", "iran|írán|irán|ایران|irn|islamic republic of iran"),
    ("IQ", "iraq|irak|irák|عراق|irq"),
    ("AF", "afghanistan|afganistan|افغانستان|afg"),
    ("AE", "united arab emirates|uae|émirats arabes unis|spojené arabské emiráty|emiratos árabes unidos|امارات|are"),
    ("SA", "saudi arabia|arabie saoudite|saúdská arábie|saudi-arabien|arabia saudí|عربستان|sau"),
    ("IL", "israel|israël|izrael|israele|isr"),
    ("MA", "morocco|maroc|maroko|marokko|marruecos|marocco|مراکش|mar"),
    ("DZ", "algeria|algérie|alžírsko|algerien|argelia|الجزایر|dza"),
    ("TN", "tunisia|tunisie|tunisko|tunesien|túnez|تونس|tun"),
    (
        "US",
        "united states|united states of america|usa|états-unis|spojené státy|vereinigte staaten|estados unidos|stati uniti|آمریکا|america",
    ),
    ("CA", "canada|kanada|canadá|کانادا|can"),
    ("MX", "mexico|mexique|mexiko|méxico|messico|mex"),
    ("BR", "brazil|brésil|brazílie|brasilien|brasil|brasile|bra"),
    ("CN", "china|chine|čína|cina|چین|chn"),
    ("JP", "japan|japon|japonsko|japón|giappone|ژاپن|jpn"),
    ("IN", "india|inde|indie|indien|هند|ind"),
];

/// Folded name -> code; of two countries with one name the first.
static BY_NAME: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for (code, list) in COUNTRIES {
        for name in list.split('|') {
            names.entry(fold(name)).or_insert(code);
        }
    }
    names
});

/// Country codes that serve as general top-level domains: they say nothing about a country.
const GENERIC_TLDS: [&str; 14] = ["io", "co", "me", "tv", "ai", "ly", "fm", "cc", "ws", "to", "gg", "so", "sh", "eu"];

/// The country a name or code means. Two letters are taken as an ISO code when they are one.
pub fn parse(raw: &str) -> Option<String> {
    let folded = fold(raw);
    if folded.is_empty() || folded.len() > 80 {
        return None;
    }
    BY_NAME.get(&folded).map(|code| (*code).to_owned()).or_else(|| code(raw))
}

/// An ISO 3166-1 alpha-2 code, upper case. `UK` is `GB`.
pub fn code(raw: &str) -> Option<String> {
    let upper = raw.trim().to_ascii_uppercase();
    if upper == "UK" {
        return Some("GB".to_owned());
    }
    let known = upper.len() == 2 && upper.parse::<phonenumber::country::Id>().is_ok();
    known.then_some(upper)
}

/// The country of a domain's top level, when it is one country's own.
pub fn of_domain(domain: &str) -> Option<String> {
    let tld = domain.rsplit('.').next()?.to_ascii_lowercase();
    if tld.len() != 2 || GENERIC_TLDS.contains(&tld.as_str()) { None } else { code(&tld) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_codes_and_domains_are_known() {
        for (raw, expected) in [
            ("Francie", Some("FR")),
            ("FRANCE", Some("FR")),
            ("Česká republika", Some("CZ")),
            ("ايران", Some("IR")),
            ("uk", Some("GB")),
            ("de", Some("DE")),
            ("États-Unis", Some("US")),
            ("Atlantis", None),
            ("", None),
            ("zz", None),
        ] {
            assert_eq!(parse(raw).as_deref(), expected, "{raw}");
        }
        assert_eq!(of_domain("firma.cz").as_deref(), Some("CZ"));
        assert_eq!(of_domain("acme.co.uk").as_deref(), Some("GB"));
        assert_eq!(of_domain("start.io"), None);
    }
}
