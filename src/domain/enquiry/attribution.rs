//! Where an arrival comes from: utm parameters, click ids, referrer; all of it untrusted and cut to size.
//!
//! Order of truth, per parameter: hidden fields of the form, the query of the page it stood on, the query of `Referer`.
//! Within them utm beats click id beats referrer. Click ids without utm: `fbclid` is not paid, organic links carry it.

use url::Url;

use super::Attribution;
use super::channel;
use super::email::registrable_domain;
use crate::domain::envelope::{ArrivalContext, RawKind};
use crate::domain::reading::{field_names, form};
use crate::domain::submission::{Canonical, Field};

/// Longest value kept, in characters.
const CHARS: usize = 255;

/// Click ids with the source and medium they mean, strongest first.
const CLICKS: [(&str, &str, &str); 16] = [
    ("gclid", "google", "cpc"),
    ("gbraid", "google", "cpc"),
    ("wbraid", "google", "cpc"),
    ("dclid", "google", "cpm"),
    ("msclkid", "bing", "cpc"),
    ("ttclid", "tiktok", "cpc"),
    ("li_fat_id", "linkedin", "cpc"),
    ("twclid", "twitter", "cpc"),
    ("sccid", "snapchat", "cpc"),
    ("epik", "pinterest", "cpc"),
    ("rdt_cid", "reddit", "cpc"),
    ("yclid", "yandex", "cpc"),
    ("irclickid", "impact", "affiliate"),
    ("mc_cid", "mailchimp", "email"),
    ("_hsenc", "hubspot", "email"),
    ("fbclid", "facebook", "referral"),
];

/// Hosts that stand between a visitor and the page without having sent them: payment, sign-on.
const IGNORED_REFERRERS: [&str; 6] =
    ["paypal.com", "stripe.com", "accounts.google.com", "login.microsoftonline.com", "appleid.apple.com", "gopay.com"];

/// Names and values from one place, name lower case.
type Parameters = Vec<(String, String)>;

/// Reads the attribution of an arrival. Mails have none of their own: rules tag them by address and sender.
pub fn read(kind: RawKind, fields: &[Field], context: &ArrivalContext, own: &[String]) -> Attribution {
    if kind == RawKind::Mail {
        return from_fields_only(fields);
    }
    let typed: Parameters = fields
        .iter()
        .filter(|f| field_names::is_attribution(&f.name) && !f.value.trim().is_empty())
        .map(|f| (f.name.trim().to_ascii_lowercase(), cut(&f.value)))
        .collect();
    let page =
        ["_page", "source_url", "page_url"].iter().find_map(|name| value(&typed, name)).or(context.referer.clone());
    let landing = value(&typed, "_landing").or_else(|| value(&typed, "landing_page"));
    let places =
        [typed.clone(), query(page.as_deref()), query(context.referer.as_deref()), pairs(context.query.as_deref())];
    let get = |name: &str| places.iter().find_map(|place| value(place, name));
    let mut out = Attribution {
        source: get("utm_source").or_else(|| mapped(fields, Canonical::Source)),
        medium: get("utm_medium").or_else(|| mapped(fields, Canonical::Medium)),
        campaign: get("utm_campaign").or_else(|| mapped(fields, Canonical::Campaign)),
        term: get("utm_term"),
        content: get("utm_content"),
        landing_page: landing.or(page.clone()).map(|url| cut(&url)),
        ..Attribution::default()
    };
    if let Some((name, source, medium)) = CLICKS.iter().find(|(name, _, _)| get(name).is_some()) {
        out.click_id = get(name).map(|id| cut(&format!("{name}={id}")));
        if out.source.is_none() && out.medium.is_none() {
            out.source = Some((*source).to_owned());
            out.medium = Some((*medium).to_owned());
        }
    }
    let measured = fields.iter().any(|f| f.name.eq_ignore_ascii_case("_referrer"));
    let referrer = value(&typed, "_referrer").or_else(|| value(&typed, "referrer"));
    by_referrer(&mut out, referrer, measured, page.as_deref(), own);
    out.channel = channel::of(out.source.as_deref(), out.medium.as_deref(), out.campaign.as_deref());
    out
}

/// What a trusted form notification or an ADF provider states.
fn from_fields_only(fields: &[Field]) -> Attribution {
    let source = mapped(fields, Canonical::Source);
    Attribution {
        source,
        medium: mapped(fields, Canonical::Medium),
        campaign: mapped(fields, Canonical::Campaign),
        ..Attribution::default()
    }
}

fn mapped(fields: &[Field], canonical: Canonical) -> Option<String> {
    form::first(fields, canonical).map(cut)
}

fn cut(value: &str) -> String {
    crate::domain::reading::text::one_line(value, CHARS)
}

fn value(place: &[(String, String)], name: &str) -> Option<String> {
    place.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.clone())
}

fn query(url: Option<&str>) -> Parameters {
    pairs(url.and_then(|u| u.split_once('?')).map(|(_, query)| query.split('#').next().unwrap_or(query)))
}

fn pairs(query: Option<&str>) -> Parameters {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).take(100);
    pairs.filter(|(n, _)| field_names::is_attribution(n)).map(|(n, v)| (n.to_ascii_lowercase(), cut(&v))).collect()
}

/// The external page that led to the site, when utm and click ids say nothing; a visit without one is direct only when
/// the page's script measured it.
fn by_referrer(out: &mut Attribution, referrer: Option<String>, measured: bool, page: Option<&str>, own: &[String]) {
    let host = |url: &str| Url::parse(url).ok().and_then(|u| u.host_str().map(str::to_lowercase));
    let site = page.and_then(host).and_then(|h| registrable_domain(&h));
    let external = referrer.as_deref().and_then(host).filter(|h| {
        let registrable = registrable_domain(h);
        registrable != site
            && !registrable.as_deref().is_some_and(|r| own.iter().any(|o| o == r))
            && !IGNORED_REFERRERS.iter().any(|ignored| h == ignored || h.ends_with(&format!(".{ignored}")))
    });
    out.referrer = referrer.filter(|_| external.is_some()).map(|r| cut(&r));
    if out.source.is_some() || out.medium.is_some() {
        return;
    }
    match external {
        Some(host) => {
            let (source, medium) = channel::of_referrer(&host);
            out.source = Some(source);
            out.medium = Some(medium.to_owned());
        }
        None if measured => {
            out.source = Some("(direct)".to_owned());
            out.medium = Some("(none)".to_owned());
        }
        None => {}
    }
}
