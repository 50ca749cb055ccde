//! Where an arrival comes from: utm parameters, click ids, referrer; all of it untrusted and cut to size.
//!
//! Invariants:
//! - Of each parameter the surest place wins: hidden fields of the form, the query of the page it stands on, of the page
//!   the visit began on, of `Referer`, of the address it was sent to.
//! - Within the values utm beats click id, that what a field states or an adapter maps (`leadsource`), and that the
//!   referrer. A visitor of our own pages, or of a page that sends nobody
//!   (payment, sign-on), came directly, if a script measured it; else nothing is known.
//! - First and last touch are objects of their own: neither fills a gap of the other. What a script remembers as the
//!   last touch counts for the visit, whole, when the visit names neither campaign nor click: one with a campaign or
//!   click in any case, one with a referrer instead of a direct visit.
//! - Nothing is thrown away: parameters stay as sent beside the names made of them.

mod said;
mod settings;

use url::Url;

use said::{Said, meant, moment};
pub use settings::{Aliases, AttributionSettings, folded};

use super::Attribution;
use super::channel;
use super::email::registrable_domain;
use super::referrers::{self, Kind};
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalContext;
use crate::domain::reading::form;
use crate::domain::reading::text::{non_empty_line, one_line};
use crate::domain::reading::tracking::Touch;
use crate::domain::submission::{Canonical, Field};

/// Longest value kept, in characters.
const CHARS: usize = 255;

/// Click ids with the source and medium they mean, strongest first. `fbclid` is not paid: organic links carry it. `dclid`
/// is Google's for display: `cpm` of a search engine would count as search.
const CLICKS: [(&str, &str, &str); 16] = [
    ("gclid", "google", "cpc"),
    ("gbraid", "google", "cpc"),
    ("wbraid", "google", "cpc"),
    ("dclid", "google", "display"),
    ("msclkid", "bing", "cpc"),
    ("ttclid", "tiktok", "cpc"),
    ("li_fat_id", "linkedin", "cpc"),
    ("twclid", "twitter", "cpc"),
    ("ScCid", "snapchat", "cpc"),
    ("epik", "pinterest", "cpc"),
    ("rdt_cid", "reddit", "cpc"),
    ("yclid", "yandex", "cpc"),
    ("irclickid", "impact", "affiliate"),
    ("mc_cid", "mailchimp", "email"),
    ("_hsenc", "hubspot", "email"),
    ("fbclid", "facebook", "referral"),
];

/// Hosts that stand between a visitor and the page without having sent them, with everything below: payment, sign-on.
const IGNORED_REFERRERS: &str = "paypal.com stripe.com stripe.network adyen.com klarna.com mollie.com worldpay.com \
    payu.com gopay.com gopay.cz gpwebpay.com comgate.cz thepay.cz payplug.com systempay.fr sips-services.com \
    sips-atos.com paybox.com e-transactions.fr monetico-services.com lyra.com 3dsecure.io shaparak.ir zarinpal.com \
    idpay.ir checkout.com braintreegateway.com squareup.com amazonpay.com pay.google.com \
    accounts.google.com accounts.youtube.com login.microsoftonline.com login.microsoft.com login.live.com \
    appleid.apple.com idmsa.apple.com login.yahoo.com login.szn.cz login.seznam.cz auth0.com okta.com onelogin.com \
    franceconnect.gouv.fr mojeid.cz identita.gov.cz identitaobcana.cz";

/// What an arrival says of its origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Of the visit that ended in it.
    pub visit: Attribution,
    /// The first touch a script remembers.
    pub first: Option<Attribution>,
    /// The last one.
    pub last: Option<Attribution>,
}

/// What reading an origin rests on, beside the fields.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// Context of the arrival.
    pub context: &'a ArrivalContext,
    /// When it came.
    pub received_at: Timestamp,
    /// How the house names things.
    pub settings: &'a AttributionSettings,
    /// Our own domains, lower case.
    pub own_domains: &'a [String],
}

/// Reads the origin of an arrival from its trusted fields and its context. A mail has no context: its origin is what
/// a trusted form notification or an ADF provider states, and rules tag it by address and sender.
#[must_use]
pub fn read(fields: &[Field], around: &Around<'_>) -> Origin {
    let mut said = Said::of(fields, Touch::Visit);
    let referer = around.context.referer.as_deref();
    said.page = said.page.or_else(|| referer.map(str::to_owned));
    for address in [said.page.clone(), said.landing.clone(), referer.map(str::to_owned)].into_iter().flatten() {
        said.add_query(address.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or(query)));
    }
    said.add_query(around.context.query.as_deref());
    let site = said.page.as_deref().and_then(host).and_then(|h| registrable_domain(&h));
    let reader = Reader { around, site };
    let mapped = |canonical| form::first(fields, canonical).and_then(meant);
    let named = Named {
        source: mapped(Canonical::Source),
        medium: mapped(Canonical::Medium),
        campaign: mapped(Canonical::Campaign),
    };
    let (mut visit, tells) = reader.touch(&said, named);
    let touch = |which| {
        let said = Said::of(fields, which);
        let (mut touch, tells) = reader.touch(&said, Named::default());
        touch.at = said.at.as_deref().and_then(|at| moment(at, around.received_at));
        (touch.source.is_some() || touch.landing_page.is_some() || touch.referrer.is_some()).then_some((touch, tells))
    };
    let last = touch(Touch::Last);
    let direct = |touch: &Attribution| touch.source.as_deref().is_none_or(|source| source == "(direct)");
    if let (false, Some((last, last_tells))) = (tells, &last)
        && (*last_tells || direct(&visit) && !direct(last))
    {
        let page = visit.page.take();
        visit = Attribution { page, at: None, ..last.clone() };
    }
    // The address the form stands on is where the visit began, as far as is known.
    visit.landing_page = visit.landing_page.or_else(|| visit.page.clone());
    Origin { visit, first: touch(Touch::First).map(|(touch, _)| touch), last: last.map(|(touch, _)| touch) }
}

/// Names that need no reading.
#[derive(Debug, Default)]
struct Named {
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
}

/// Reads touches of one arrival.
struct Reader<'a> {
    around: &'a Around<'a>,
    /// Registrable domain of the page the form stands on.
    site: Option<String>,
}

impl Reader<'_> {
    /// Understands one touch. The second value says whether it names a campaign or a click, not only a referrer.
    fn touch(&self, said: &Said, named: Named) -> (Attribution, bool) {
        let settings = self.around.settings;
        let as_source = |said: String| settings.sources.name(said.to_lowercase());
        let as_medium = |said: String| settings.mediums.name(said.to_lowercase());
        let mut source = said.meant("utm_source").map(as_source);
        let mut medium = said.meant("utm_medium").map(as_medium);
        let campaign = said.meant("utm_campaign").or(named.campaign).map(|c| settings.campaigns.name(c));
        let click = CLICKS.iter().find(|(name, _, _)| said.meant(name).is_some());
        if let Some((_, by, how)) = click {
            fill(&mut source, &mut medium, by, Some(how));
        }
        match (named.source.map(as_source), named.medium.map(as_medium)) {
            (Some(by), how) => fill(&mut source, &mut medium, &by, how.as_deref()),
            (None, how) => medium = medium.or(how),
        }
        let tells = source.is_some() || medium.is_some() || campaign.is_some();
        let referrer = said.referrer.as_deref().and_then(|r| self.external(r));
        let mut term = said.meant("utm_term");
        match &referrer {
            Some(url) if source.is_none() => {
                let (by, how, words) = sender(url);
                fill(&mut source, &mut medium, &settings.sources.name(by), Some(how));
                term = term.or(words);
            }
            None if said.measured && !tells => fill(&mut source, &mut medium, "(direct)", Some("(none)")),
            _ => {}
        }
        let channel = channel::of(source.as_deref(), medium.as_deref(), campaign.as_deref()).map(str::to_owned);
        let touch = Attribution {
            content: said.meant("utm_content"),
            click_id: click.and_then(|(name, _, _)| Some(one_line(&format!("{name}={}", said.meant(name)?), CHARS))),
            landing_page: said.landing.as_deref().and_then(address),
            page: said.page.as_deref().and_then(address),
            referrer: referrer.as_ref().and_then(|url| address(url.as_str())),
            parameters: said.parameters.clone(),
            at: None,
            source,
            medium,
            campaign,
            term,
            channel,
        };
        (touch, tells)
    }

    /// A referrer that has sent the visitor: not our own site, not one that stands between.
    fn external(&self, referrer: &str) -> Option<Url> {
        let url = Url::parse(referrer).ok().filter(|u| matches!(u.scheme(), "http" | "https" | "android-app"))?;
        let host = url.host_str()?.trim_end_matches('.').to_lowercase();
        let registrable = registrable_domain(&host);
        let below = |known: &str| host.strip_suffix(known).is_some_and(|head| head.is_empty() || head.ends_with('.'));
        let own = registrable == self.site && registrable.is_some() || self.around.own_domains.iter().any(|o| below(o));
        let ignored = IGNORED_REFERRERS.split_whitespace().any(below)
            || self.around.settings.ignored_referrers.iter().any(|known| below(known));
        (!own && !ignored).then_some(url)
    }
}

/// Fills what is missing; a medium belongs to its source and is not taken from another one's.
fn fill(source: &mut Option<String>, medium: &mut Option<String>, by: &str, how: Option<&str>) {
    if source.get_or_insert_with(|| by.to_owned()) == by && medium.is_none() {
        *medium = how.map(str::to_owned);
    }
}

/// Source and medium of an external referrer, and what was searched for there.
fn sender(url: &Url) -> (String, &'static str, Option<String>) {
    let Some(found) = referrers::of_url(url) else {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_lowercase();
        return (host.strip_prefix("www.").map(str::to_owned).unwrap_or(host), "referral", None);
    };
    let medium = match found.kind {
        Kind::Search => "organic",
        Kind::Social => "social",
        Kind::Video | Kind::Shopping | Kind::Assistant => "referral",
    };
    (found.name.to_owned(), medium, found.words)
}

fn host(address: &str) -> Option<String> {
    Url::parse(address).ok()?.host_str().map(|h| h.trim_end_matches('.').to_lowercase())
}

/// An address fit to be kept and shown: of a page or an application, or a path; without password and fragment.
fn address(said: &str) -> Option<String> {
    if said.starts_with('/') && !said.starts_with("//") {
        return non_empty_line(said, CHARS);
    }
    let mut url = Url::parse(said).ok().filter(|u| matches!(u.scheme(), "http" | "https" | "android-app"))?;
    url.set_fragment(None);
    // Only addresses without a host refuse this.
    if url.set_username("").is_err() || url.set_password(None).is_err() {
        return None;
    }
    non_empty_line(url.as_str(), CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn form(fields: &[(&str, &str)]) -> Vec<Field> {
        let field = |(name, value): &(&str, &str)| Field {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            canonical: None,
        };
        fields.iter().map(field).collect()
    }

    fn origin_at(fields: &[(&str, &str)], referer: &str, settings: &AttributionSettings) -> Origin {
        let referer = Some(referer).filter(|r| !r.is_empty()).map(str::to_owned);
        let context = ArrivalContext { referer, ..ArrivalContext::default() };
        let own = ["ours.example".to_owned()];
        read(&form(fields), &Around { context: &context, received_at: NOW, settings, own_domains: &own })
    }

    fn origin(fields: &[(&str, &str)]) -> Origin {
        origin_at(fields, "", &AttributionSettings::default())
    }

    fn names(touch: &Attribution) -> (&str, &str, &str) {
        let text = |part: &'_ Option<String>| part.clone().unwrap_or_default().leak() as &str;
        (text(&touch.source), text(&touch.medium), text(&touch.campaign))
    }

    #[test]
    fn the_surest_place_wins_for_each_parameter() {
        let page = "https://www.site.cz/kontakt?utm_source=page&utm_medium=page&utm_campaign=page&utm_term=page";
        let landing = "https://www.site.cz/?utm_source=landing&utm_content=landing&utm_term=landing&gclid=G1";
        let fields = [("utm_source", "Field"), ("utm_medium", " "), ("_page", page), ("_landing", landing)];
        let referer = "https://www.site.cz/kontakt?utm_source=referer&utm_id=9&utm_content=referer";
        let visit = origin_at(&fields, referer, &AttributionSettings::default()).visit;
        assert_eq!(names(&visit), ("field", "page", "page"));
        assert_eq!((visit.term.as_deref(), visit.content.as_deref()), (Some("page"), Some("landing")));
        assert_eq!(visit.click_id.as_deref(), Some("gclid=G1"), "kept, although utm says more");
        assert_eq!(visit.parameters["utm_id"], "9");
        assert_eq!(visit.parameters["utm_source"], "Field", "as sent");
        assert!(visit.landing_page.unwrap().starts_with("https://www.site.cz/?utm_source=landing"));
    }

    #[test]
    fn utm_beats_click_id_beats_referrer() {
        let referrer = ("_referrer", "https://www.seznam.cz/");
        for (fields, expected) in [
            (vec![("utm_source", "news"), ("gclid", "x"), referrer], ("news", "", "")),
            (vec![("utm_source", "google"), ("gclid", "x"), referrer], ("google", "cpc", "")),
            (vec![("gclid", "x"), ("fbclid", "y"), referrer], ("google", "cpc", "")),
            (vec![("utm_medium", "email"), ("_referrer", "https://mail.example/")], ("mail.example", "email", "")),
            (vec![("utm_campaign", "spring"), ("wbraid", "x")], ("google", "cpc", "spring")),
            (vec![("fbclid", "y"), referrer], ("facebook", "referral", "")),
            (vec![("msclkid", "y")], ("bing", "cpc", "")),
            (vec![("dclid", "y"), referrer], ("google", "display", "")),
            (vec![("ttclid", "y")], ("tiktok", "cpc", "")),
            (vec![("li_fat_id", "y")], ("linkedin", "cpc", "")),
            (vec![("ScCid", "y")], ("snapchat", "cpc", "")),
            (vec![("_hsenc", "y")], ("hubspot", "email", "")),
            (vec![referrer], ("seznam.cz", "referral", "")),
            (vec![("_referrer", "https://search.seznam.cz/?q=okna")], ("seznam", "organic", "")),
        ] {
            assert_eq!(names(&origin(&fields).visit), expected, "{fields:?}");
        }
        assert_eq!(origin(&[("fbclid", "y")]).visit.channel.as_deref(), Some("Organic Social"), "not paid");
        assert_eq!(origin(&[("dclid", "y")]).visit.channel.as_deref(), Some("Display"), "and no search");
        assert_eq!(origin(&[("gclid", "y")]).visit.channel.as_deref(), Some("Paid Search"));
        assert_eq!(origin(&[("_referrer", "https://search.seznam.cz/?q=okna")]).visit.term.as_deref(), Some("okna"));
    }

    #[test]
    fn our_own_pages_and_those_between_send_nobody() {
        let page = ("_page", "https://shop.site.co.uk/contact");
        for referrer in [
            "",
            "https://www.site.co.uk/",
            "https://crm.ours.example/",
            "https://www.paypal.com/checkout",
            "https://accounts.google.com/o/oauth2",
            "https://login.microsoftonline.com./x",
            "javascript:alert(1)",
        ] {
            let visit = origin(&[page, ("_referrer", referrer)]).visit;
            assert_eq!(names(&visit), ("(direct)", "(none)", ""), "{referrer}");
            assert_eq!((visit.channel.as_deref(), visit.referrer), (Some("Direct"), None), "{referrer}");
        }
        for referrer in ["https://other.co.uk/", "https://notpaypal.com/", "https://paypal.com.evil.example/"] {
            let visit = origin(&[page, ("_referrer", referrer)]).visit;
            assert_eq!(visit.channel.as_deref(), Some("Referral"), "{referrer}");
        }
        assert_eq!(origin(&[page]).visit.source, None, "nobody looked for a referrer");
        let settings = AttributionSettings { ignored_referrers: vec!["id.bank.cz".to_owned()], ..Default::default() };
        let visit = origin_at(&[("_referrer", "https://sso.id.bank.cz/")], "", &settings).visit;
        assert_eq!(names(&visit), ("(direct)", "(none)", ""));
    }

    #[test]
    fn first_and_last_touch_fill_no_gap_of_each_other_or_of_the_visit() {
        let origin = origin(&[
            ("utm_source", "google"),
            ("_first_utm_source", "Heureka"),
            ("_first_utm_medium", "cpc"),
            ("_first_landing", "https://site.cz/akce"),
            ("_first_referrer", "https://www.heureka.cz/okna"),
            ("_first_at", "2027-01-10T08:00:00Z"),
            ("_last_fbclid", "F1"),
            ("_last_at", "1799999999000"),
        ]);
        assert_eq!(names(&origin.visit), ("google", "", ""));
        let (first, last) = (origin.first.unwrap(), origin.last.unwrap());
        assert_eq!((names(&first), first.channel.as_deref()), (("heureka", "cpc", ""), Some("Paid Shopping")));
        assert_eq!(first.landing_page.as_deref(), Some("https://site.cz/akce"));
        assert_eq!(first.at, Some(Timestamp::from_seconds(1_799_568_000)));
        assert_eq!((names(&last), last.click_id.as_deref()), (("facebook", "referral", ""), Some("fbclid=F1")));
        assert_eq!(last.at, Some(Timestamp::from_seconds(1_799_999_999)));
        assert_eq!(super::read(&[], &Around { received_at: NOW, ..around() }), Origin::default());
    }

    fn around() -> Around<'static> {
        static CONTEXT: std::sync::LazyLock<ArrivalContext> = std::sync::LazyLock::new(ArrivalContext::default);
        static SETTINGS: std::sync::LazyLock<AttributionSettings> = std::sync::LazyLock::new(Default::default);
        Around { context: &CONTEXT, received_at: NOW, settings: &SETTINGS, own_domains: &[] }
    }

    #[test]
    fn a_remembered_last_touch_counts_whole_when_the_visit_names_nothing() {
        let last = [("_last_utm_source", "mailchimp"), ("_last_utm_campaign", "May"), ("_last_mc_cid", "m1")];
        let visit = origin(&[&last[..], &[("_referrer", ""), ("_page", "https://site.cz/kontakt")]].concat()).visit;
        assert_eq!(names(&visit), ("mailchimp", "email", "May"));
        assert_eq!(visit.page.as_deref(), Some("https://site.cz/kontakt"));
        let searched = [("_last_referrer", "https://search.seznam.cz/"), ("_last_landing", "https://site.cz/okna")];
        let visit = origin(&[&searched[..], &[("_referrer", "")]].concat()).visit;
        assert_eq!(
            (names(&visit), visit.landing_page.as_deref()),
            (("seznam", "organic", ""), Some("https://site.cz/okna"))
        );
        let visit = origin(&[&searched[..], &[("_referrer", "https://www.bing.com/")]].concat()).visit;
        assert_eq!(names(&visit), ("bing", "organic", ""), "today's referrer is surer than a remembered one");
        let visit = origin(&[&last[..], &[("gclid", "g")]].concat()).visit;
        assert_eq!((names(&visit), visit.parameters.len()), (("google", "cpc", ""), 1));
    }

    #[test]
    fn moments_that_cannot_be_are_not_believed() {
        for at in ["2030-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "yesterday", "9223372036854775807", "-1", ""] {
            let first = origin(&[("_first_utm_source", "x"), ("_first_at", at)]).first.unwrap();
            assert_eq!(first.at, None, "{at}");
        }
    }

    #[test]
    fn what_strangers_send_is_bounded_and_clean() {
        let long = "x".repeat(100_000);
        let many: Vec<(String, String)> = (0..500).map(|n| (format!("utm_a{n}"), "v".to_owned())).collect();
        let mut fields: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.insert(0, ("utm_source", "new\r\nline\0\u{1b}[2J"));
        fields.insert(1, ("utm_campaign", &long));
        fields.insert(2, ("_referrer", "https://user:secret@evil.example/a?b#fragment"));
        fields.insert(3, ("_landing", "javascript:alert(1)"));
        let visit = origin(&fields).visit;
        assert_eq!(visit.source.as_deref(), Some("new line [2j"));
        assert_eq!(visit.campaign.map(|c| c.len()), Some(255));
        assert_eq!(visit.referrer.as_deref(), Some("https://evil.example/a?b"));
        assert_eq!((visit.landing_page, visit.parameters.len()), (None, 64));
        for nothing in ["{keyword}", "{{campaign.name}}", "undefined", "NULL", "%%CAMPAIGN%%", "[object Object]"] {
            let visit = origin(&[("utm_source", "google"), ("utm_campaign", nothing)]).visit;
            assert_eq!(
                (visit.campaign, visit.parameters.len()),
                (None, 2),
                "{nothing} is kept as sent, and means nothing"
            );
        }
    }

    #[test]
    fn a_long_address_keeps_the_parameters_at_its_end() {
        let page = format!("https://site.cz/p?filter={}&utm_source=bing&utm_medium=cpc#top", "a".repeat(1_000));
        let visit = origin(&[("_page", &page)]).visit;
        assert_eq!((names(&visit), visit.page.as_deref().unwrap().len()), (("bing", "cpc", ""), 255));
    }

    #[test]
    fn the_house_renames_sources_mediums_and_campaigns() {
        let pairs = |from: &str, to: &str| {
            let map: std::collections::BTreeMap<String, String> = [(from.to_owned(), to.to_owned())].into();
            Aliases::new(&map)
        };
        let settings = AttributionSettings {
            sources: pairs("FB", "facebook"),
            mediums: pairs("paid-social*", "paid_social"),
            campaigns: pairs("batimat26*", "Batimat 2026"),
            ..AttributionSettings::default()
        };
        let fields = [("utm_source", "fb"), ("utm_medium", "Paid-Social-X"), ("utm_campaign", "BATIMAT26_stand")];
        let visit = origin_at(&fields, "", &settings).visit;
        assert_eq!(names(&visit), ("facebook", "paid_social", "Batimat 2026"));
        assert_eq!(visit.channel.as_deref(), Some("Paid Social"));
        assert_eq!(visit.parameters["utm_campaign"], "BATIMAT26_stand");
    }

    #[test]
    fn what_an_adapter_maps_counts_when_no_parameter_says_it() {
        let mapped = |name: &str, value: &str, canonical| Field {
            name: name.to_owned(),
            value: value.to_owned(),
            canonical: Some(canonical),
        };
        let fields = [
            mapped("platform", "Meta Lead Ads", Canonical::Source),
            mapped("ad campaign", "Spring", Canonical::Campaign),
            mapped("kind", "Paid_Social", Canonical::Medium),
        ];
        let visit = read(&fields, &around()).visit;
        assert_eq!(names(&visit), ("meta lead ads", "paid_social", "Spring"));
        let click = Field { name: "gclid".to_owned(), value: "G".to_owned(), canonical: None };
        let visit = read(&[&fields[..], &[click]].concat(), &around()).visit;
        assert_eq!(names(&visit), ("google", "cpc", "Spring"), "a click was measured, the rest only said");
        let page = Field { name: "_referrer".to_owned(), value: "https://www.bing.com/".to_owned(), canonical: None };
        let visit = read(&[&fields[..], &[page]].concat(), &around()).visit;
        assert_eq!(visit.source.as_deref(), Some("meta lead ads"));
    }
}
