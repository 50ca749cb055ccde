//! Which site a visitor came from: search engines with the words searched for, social networks, video and shopping
//! sites, AI assistants. The facts stand in two tables beside this file, which say how they are written.
//!
//! Invariants:
//! - A host is known whole or at the boundary of a label: `evilgoogle.com` and `google.evil.com` are not Google.
//! - A search engine is known by its exact host, since the mail or the shop of its house is no search.
//! - A site that is more than its search counts as one only when the words searched for are there.

use std::collections::HashMap;
use std::sync::LazyLock;

use url::Url;

use crate::domain::reading::text::non_empty_line;
use crate::domain::reading::{charset, form};

const SEARCH: &str = include_str!("referrers/search.txt");
const SITES: &str = include_str!("referrers/sites.txt");

/// Longest search kept, in characters.
const WORDS_CHARS: usize = 255;

/// What a site is to whoever advertises: the source categories of GA4, and AI assistants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Search,
    Social,
    Video,
    Shopping,
    Assistant,
}

/// A known site that somebody came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name as a source: `google`, `facebook`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What they searched for, where the engine tells.
    pub words: Option<String>,
}

/// Names under which campaigns mention sites, beside the names of the table of sites. Engines stand here by hand: some
/// of their names are everyday words.
const NAMES: [(Kind, &str); 5] = [
    (
        Kind::Search,
        "google bing yahoo duckduckgo ddg ecosia qwant baidu yandex seznam sklik naver daum sogou 360 ask aol lycos \
         startpage brave centrum kagi mojeek msn adwords googleads microsoft rambler onet virgilio presearch swisscows",
    ),
    (Kind::Social, "fb meta ig lnkd linkedin x tw vkontakte tumbler bsky insta"),
    (Kind::Video, "yt"),
    (Kind::Shopping, "shopping shopify igshopping google-shopping merchant"),
    (Kind::Assistant, "openai gpt anthropic bard you"),
];

/// Words that campaigns hang on the name of a site: `facebook_ads`, `google-ads`.
const TAILS: [&str; 4] = ["ads", "ad", "cpc", "paid"];

#[derive(Debug)]
struct Site {
    name: &'static str,
    kind: Kind,
    /// Where an engine has the words searched for.
    words: Vec<&'static str>,
}

/// A host in the tables: its site, and whether it counts only with words.
type Place = (usize, bool);

#[derive(Debug, Default)]
struct Table {
    sites: Vec<Site>,
    /// Engines: exact hosts, a star for a country.
    engines: HashMap<&'static str, Place>,
    /// Other sites: hosts and everything below them.
    others: HashMap<&'static str, usize>,
    /// Hosts that are such a site only below a path.
    paths: Vec<(&'static str, &'static str, Place)>,
    /// By name.
    names: HashMap<&'static str, Kind>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::read);

impl Table {
    fn read() -> Self {
        let mut table = Self::default();
        for line in SEARCH.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split(" | ");
            let hosts = match (columns.next(), columns.next(), columns.next()) {
                (Some(name), Some(words), Some(hosts)) => {
                    table.sites.push(Site { name, kind: Kind::Search, words: words.split_whitespace().collect() });
                    hosts
                }
                _ => line,
            };
            hosts.split_whitespace().for_each(|host| table.engine(host));
        }
        for line in SITES.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split(" | ");
            let hosts = match (columns.next().and_then(kind), columns.next(), columns.next()) {
                (Some(kind), Some(name), Some(hosts)) => {
                    table.names.insert(name, kind);
                    table.sites.push(Site { name, kind, words: Vec::new() });
                    hosts
                }
                _ => line,
            };
            hosts.split_whitespace().for_each(|host| table.other(host));
        }
        for (kind, names) in NAMES {
            table.names.extend(names.split_whitespace().map(|name| (name, kind)));
        }
        table
    }

    fn engine(&mut self, host: &'static str) {
        let (host, only_with_words) = host.strip_prefix('?').map_or((host, false), |host| (host, true));
        let place = (self.sites.len().saturating_sub(1), only_with_words);
        match split_path(host) {
            Some((host, path)) => self.paths.push((host, path, place)),
            None => drop(self.engines.entry(host).or_insert(place)),
        }
    }

    fn other(&mut self, host: &'static str) {
        let site = self.sites.len().saturating_sub(1);
        match split_path(host) {
            Some((host, path)) => self.paths.push((host, path, (site, false))),
            None => drop(self.others.insert(host, site)),
        }
    }

    fn site(&self, host: &str, path: &str) -> Option<Place> {
        let by_path = self.paths.iter().find(|(known, start, _)| *known == host && path.starts_with(start));
        by_path.map(|(_, _, place)| *place).or_else(|| self.other_site(host)).or_else(|| self.search_site(host))
    }

    fn other_site(&self, host: &str) -> Option<Place> {
        let below = std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, rest)| rest));
        let found = below
            .filter(|host| host.contains('.'))
            .find_map(|host| self.others.get(host).or_else(|| self.others.get(any_ending(host)?.as_str())));
        found.map(|site| (*site, false))
    }

    fn search_site(&self, host: &str) -> Option<Place> {
        let country = |at: usize| {
            let mut labels: Vec<&str> = host.split('.').collect();
            let label = labels.get_mut(at).filter(|label| is_country(label))?;
            *label = "*";
            Some(labels.join("."))
        };
        let starred = || [any_ending(host), country(0), country(1)].into_iter().flatten();
        let found = self.engines.get(host).or_else(|| starred().find_map(|host| self.engines.get(host.as_str())));
        found.copied()
    }
}

fn kind(word: &str) -> Option<Kind> {
    match word {
        "social" => Some(Kind::Social),
        "video" => Some(Kind::Video),
        "shopping" => Some(Kind::Shopping),
        "assistant" => Some(Kind::Assistant),
        _ => None,
    }
}

/// Host and path of `x.com/i/grok`.
fn split_path(host: &'static str) -> Option<(&'static str, &'static str)> {
    host.find('/').map(|at| host.split_at(at))
}

fn is_country(label: &str) -> bool {
    label.len() == 2 && label.bytes().all(|b| b.is_ascii_lowercase())
}

/// `google.*` of `google.fr` and of `google.co.uk`; `None` where the ending is no country's.
fn any_ending(host: &str) -> Option<String> {
    const SECOND: [&str; 6] = ["co", "com", "org", "net", "edu", "it"];
    let (rest, _) = host.rsplit_once('.').filter(|(_, label)| is_country(label))?;
    let name = rest.rsplit_once('.').filter(|(_, second)| SECOND.contains(second)).map_or(rest, |(name, _)| name);
    Some(format!("{name}.*"))
}

/// The host as the tables have it: lower case, no `www.`, no final dot.
fn plain_host(host: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.strip_prefix("www.").map(str::to_owned).unwrap_or(host)
}

/// The site at an address that a visitor came from.
#[must_use]
pub fn of_url(url: &Url) -> Option<Found> {
    let host = plain_host(url.host_str()?);
    let (site, only_with_words) = TABLE.site(&host, url.path())?;
    let site = TABLE.sites.get(site)?;
    let words = site.words.iter().find_map(|place| words(url, place));
    (words.is_some() || !only_with_words).then_some(Found { name: site.name, kind: site.kind, words })
}

/// What a source is, as a campaign or a referrer names it: a name (`facebook`, `google-ads`) or a host
/// (`l.instagram.com`). Lower case.
#[must_use]
pub fn kind_of(source: &str) -> Option<Kind> {
    let source = source.trim();
    if source.contains('.')
        && let Some((site, only_with_words)) = TABLE.site(&plain_host(source), "/")
    {
        return TABLE.sites.get(site).map(|site| site.kind).filter(|_| !only_with_words);
    }
    let named = |name: &str| TABLE.names.get(name).copied();
    named(source).or_else(|| {
        let (name, tail) = source.rsplit_once(['-', '_', ' '])?;
        TAILS.contains(&tail).then(|| named(name)).flatten()
    })
}

/// The words searched for at one place of an address.
fn words(url: &Url, place: &str) -> Option<String> {
    let raw = if place.starts_with('/') {
        let (marker, skipped) = place.strip_suffix("*/").map_or((place, 0), |marker| (marker, 1));
        let (_, after) = url.path().split_once(marker)?;
        after.split('/').nth(skipped)?
    } else {
        let pairs = url.query()?.split('&').take(100);
        pairs.filter_map(|pair| pair.split_once('=')).find(|(name, value)| *name == place && !value.is_empty())?.1
    };
    non_empty_line(&charset::decode(&form::percent_decode(raw.as_bytes()), None).text, WORDS_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(url: &str) -> Option<(&'static str, Kind, Option<String>)> {
        of_url(&Url::parse(url).unwrap()).map(|f| (f.name, f.kind, f.words))
    }

    #[test]
    fn the_tables_are_read_whole() {
        let count = |kind| {
            let names = TABLE.sites.iter().filter(|s| s.kind == kind).map(|s| s.name);
            names.collect::<std::collections::BTreeSet<_>>().len()
        };
        let counts = [Kind::Search, Kind::Social, Kind::Video, Kind::Shopping, Kind::Assistant].map(count);
        assert!(counts[0] >= 260 && counts[1] >= 90 && counts[4] >= 19, "{counts:?}");
        assert!(TABLE.engines.len() >= 590, "{}", TABLE.engines.len());
        for host in TABLE.engines.keys().chain(TABLE.others.keys()).chain(TABLE.paths.iter().map(|(h, _, _)| h)) {
            let fits = host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.*_".contains(&b));
            assert!(fits && host.contains('.') && !host.starts_with("www."), "{host}");
        }
    }

    #[test]
    fn engines_are_known_by_their_exact_host_in_every_country() {
        for (url, name) in [
            ("https://www.google.com/", "google"),
            ("https://google.co.uk/", "google"),
            ("https://www.google.fr/search?x=1", "google"),
            ("https://www.google.com.tr/", "google"),
            ("https://news.google.com/topstories", "google"),
            ("https://images.google.de/", "google"),
            ("android-app://com.google.android.googlequicksearchbox/", "google"),
            ("https://cn.bing.com/", "bing"),
            ("https://fr.search.yahoo.com/", "yahoo"),
            ("https://yandex.com.tr/", "yandex"),
            ("https://search.seznam.cz/", "seznam"),
            ("https://www.ecosia.org./", "ecosia"),
            ("https://search.brave.com/", "brave"),
            ("https://WWW.QWANT.COM:443/", "qwant"),
        ] {
            assert_eq!(found(url), Some((name, Kind::Search, None)), "{url}");
        }
    }

    #[test]
    fn hosts_that_only_look_like_a_known_one_are_not_it() {
        for url in [
            "https://evilgoogle.com/",
            "https://google.evil.com/",
            "https://google.com.evil.com/",
            "https://google.co.evil/",
            "https://www.google.fr.example/",
            "https://mail.google.com/",
            "https://docs.google.com/",
            "https://notfacebook.com/",
            "https://facebook.com.phish.example/",
            "https://xyz.com/",
            "https://com/",
            "https://fr/",
            "https://[::1]/",
            "https://192.0.2.1/",
        ] {
            assert_eq!(found(url), None, "{url}");
        }
    }

    #[test]
    fn other_sites_are_known_with_everything_below_them() {
        for (url, name, kind) in [
            ("https://l.facebook.com/l.php?u=x", "facebook", Kind::Social),
            ("https://fr-fr.facebook.com/", "facebook", Kind::Social),
            ("https://t.co/abc", "twitter", Kind::Social),
            ("https://x.com/someone/status/1", "twitter", Kind::Social),
            ("https://x.com/i/grok", "grok", Kind::Assistant),
            ("https://www.pinterest.co.uk/pin/1", "pinterest", Kind::Social),
            ("https://chatgpt.com/", "chatgpt", Kind::Assistant),
            ("https://gemini.google.com/app", "gemini", Kind::Assistant),
            ("https://copilot.microsoft.com/", "copilot", Kind::Assistant),
            ("https://m.youtube.com/watch?v=1", "youtube", Kind::Video),
            ("https://www.amazon.de/dp/1", "amazon", Kind::Shopping),
            ("https://zavesy.heureka.cz/", "heureka", Kind::Shopping),
        ] {
            assert_eq!(found(url), Some((name, kind, None)), "{url}");
        }
    }

    #[test]
    fn what_was_searched_for_is_read_where_the_engine_tells() {
        for (url, name, words) in [
            ("https://www.bing.com/search?q=fen%C3%AAtre+bois&form=x", "bing", "fenêtre bois"),
            ("https://search.yahoo.com/search?fr=x&p=porte", "yahoo", "porte"),
            ("https://www.baidu.com/s?wd=%E9%97%A8", "baidu", "门"),
            ("https://1.cz/s/okna%20praha/", "1.cz", "okna praha"),
            ("https://msxml.excite.com/x/ws/results/Web/doors/1", "excite", "doors"),
            ("https://edition.cnn.com/", "", ""),
            ("https://www.cnn.com/search?query=news", "google", "news"),
        ] {
            let expected = (!name.is_empty()).then(|| (name, Kind::Search, Some(words.to_owned())));
            assert_eq!(found(url), expected, "{url}");
        }
        assert_eq!(found("https://www.cnn.com/2026/article"), None, "a newspaper with a search is no search engine");
        let long = format!("https://www.google.com/search?q={}", "a".repeat(5_000));
        assert_eq!(found(&long).unwrap().2.unwrap().len(), WORDS_CHARS);
    }

    #[test]
    fn campaigns_name_sites_by_name_or_host() {
        for (source, kind) in [
            ("google", Some(Kind::Search)),
            ("google-ads", Some(Kind::Search)),
            ("www.google.fr", Some(Kind::Search)),
            ("facebook_ads", Some(Kind::Social)),
            ("ig", Some(Kind::Social)),
            ("l.instagram.com", Some(Kind::Social)),
            ("linkedin", Some(Kind::Social)),
            ("youtube", Some(Kind::Video)),
            ("chatgpt.com", Some(Kind::Assistant)),
            ("perplexity", Some(Kind::Assistant)),
            ("heureka.cz", Some(Kind::Shopping)),
            ("evilgoogle.com", None),
            ("google partner", None),
            ("newsletter", None),
            ("cnn.com", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(kind_of(source), kind, "{source}");
        }
    }
}
