//! Names of the parameters that say where a visitor came from: which field of a form or part of a query is kept as
//! attribution, and of which touch it speaks. What their values mean is the business of `enquiry::attribution`.
//!
//! Kept are the utm parameters, click identifiers (also where a form sends a cookie as a field), the advertiser's own
//! `hsa_*`, the identifiers of a visitor in `HubSpot` and Google Analytics, and the pages: landing page, page of the form,
//! referrer. A prefix says of which touch: `_first_utm_source`, `_last_gclid`; without one it is this visit's. In JSON
//! they may stand together: `first_touch[utm_source]`, `hidden[gclid]`, `utm[source]`.

use std::borrow::Cow;

/// Of which visit a parameter speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// The one that ended in this form.
    Visit,
    /// The first one that a script of the site remembers.
    First,
    /// The last one with a source, as a script remembers it.
    Last,
}

/// What a parameter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tracked {
    /// utm, click or visitor identifier, by its usual spelling.
    Parameter(Cow<'static, str>),
    /// Address of the page the form stands on.
    Page,
    /// Address of the page the visit began on.
    Landing,
    /// Address of the page that led to the site.
    Referrer,
    /// When the touch was, RFC 3339 or milliseconds since 1970.
    At,
}

impl Tracked {
    /// Whether its value is the address of a page.
    #[must_use]
    pub const fn is_address(&self) -> bool {
        matches!(self, Self::Page | Self::Landing | Self::Referrer)
    }
}

/// Parameters by their usual spelling. Longer than it must be: what a browser sends once is never sent again.
const PARAMETERS: [&str; 39] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "utm_id",
    "utm_source_platform",
    "utm_creative_format",
    "utm_marketing_tactic",
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "gclsrc",
    "gad_source",
    "gad_campaignid",
    "_gcl_aw",
    "fbclid",
    "_fbc",
    "_fbp",
    "msclkid",
    "ttclid",
    "_ttp",
    "li_fat_id",
    "twclid",
    "ScCid",
    "epik",
    "rdt_cid",
    "yclid",
    "mc_cid",
    "mc_eid",
    "_hsenc",
    "_hsmi",
    "irclickid",
    "hubspotutk",
    "_ga",
    "ga_client_id",
    "gaclientid",
    "srsltid",
];

/// Longest name of a parameter that is known by its beginning, in bytes.
const OPEN_NAME_BYTES: usize = 40;
/// Longest name looked at, with prefix or brackets, in bytes.
const NAME_BYTES: usize = 128;

/// What the field or query parameter `name` tells of a visit; `None` when it tells nothing of it.
#[must_use]
pub fn parameter(name: &str) -> Option<(Touch, Tracked)> {
    let name = name.trim();
    if name.len() > NAME_BYTES || !name.is_ascii() {
        return None;
    }
    let lower = spelled(&name.to_ascii_lowercase());
    let (touch, bare) = match (lower.strip_prefix("_first_"), lower.strip_prefix("_last_")) {
        (Some(bare), _) => (Touch::First, bare),
        (_, Some(bare)) => (Touch::Last, bare),
        _ => (Touch::Visit, lower.as_str()),
    };
    let tracked = match bare {
        "_page" | "source_url" | "page_url" => Tracked::Page,
        "_landing" | "landing_page" => Tracked::Landing,
        "_referrer" | "referrer" => Tracked::Referrer,
        "page" if touch != Touch::Visit => Tracked::Page,
        "landing" if touch != Touch::Visit => Tracked::Landing,
        "at" if touch != Touch::Visit => Tracked::At,
        _ => Tracked::Parameter(usual(bare)?),
    };
    Some((touch, tracked))
}

/// The name in one piece: `UTM Source` of a notification, `first_touch[utm_source]` and `utm[source]` of JSON.
fn spelled(lower: &str) -> String {
    let Some((outer, inner)) = lower.strip_suffix(']').and_then(|name| name.rsplit_once('[')) else {
        return if lower.starts_with("utm") { lower.replace([' ', '-'], "_") } else { lower.to_owned() };
    };
    let holder = outer.trim_end_matches(']').rsplit('[').next().unwrap_or(outer);
    match holder {
        "first" | "_first" | "first_touch" => format!("_first_{inner}"),
        "last" | "_last" | "last_touch" => format!("_last_{inner}"),
        "utm" => format!("utm_{inner}"),
        _ => inner.to_owned(),
    }
}

fn usual(bare: &str) -> Option<Cow<'static, str>> {
    if let Some(known) = PARAMETERS.iter().find(|known| known.eq_ignore_ascii_case(bare)) {
        return Some(Cow::Borrowed(known));
    }
    // Advertisers add their own.
    let tail = bare.strip_prefix("utm_").or_else(|| bare.strip_prefix("hsa_"))?;
    let fits = !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (fits && bare.len() <= OPEN_NAME_BYTES).then(|| Cow::Owned(bare.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &'static str) -> Tracked {
        Tracked::Parameter(Cow::Borrowed(name))
    }

    #[test]
    fn each_name_says_of_which_touch_it_speaks() {
        for (name, touch, tracked) in [
            ("utm_source", Touch::Visit, named("utm_source")),
            (" UTM_Source ", Touch::Visit, named("utm_source")),
            ("_first_utm_medium", Touch::First, named("utm_medium")),
            ("_last_gclid", Touch::Last, named("gclid")),
            ("sccid", Touch::Visit, named("ScCid")),
            ("ScCid", Touch::Visit, named("ScCid")),
            ("_fbc", Touch::Visit, named("_fbc")),
            ("_first__fbp", Touch::First, named("_fbp")),
            ("_page", Touch::Visit, Tracked::Page),
            ("source_url", Touch::Visit, Tracked::Page),
            ("_first_landing", Touch::First, Tracked::Landing),
            ("_last_referrer", Touch::Last, Tracked::Referrer),
            ("_first_at", Touch::First, Tracked::At),
            ("UTM Source", Touch::Visit, named("utm_source")),
            ("utm[source]", Touch::Visit, named("utm_source")),
            ("form_response[hidden][gclid]", Touch::Visit, named("gclid")),
            ("origin[first_touch][utm_source]", Touch::First, named("utm_source")),
            ("last_touch[referrer]", Touch::Last, Tracked::Referrer),
        ] {
            assert_eq!(parameter(name), Some((touch, tracked)), "{name}");
        }
        assert_eq!(parameter("hsa_cam").unwrap().1, Tracked::Parameter("hsa_cam".into()));
    }

    #[test]
    fn other_names_tell_nothing_of_a_visit() {
        let long = format!("utm_{}", "a".repeat(60));
        for name in [
            "source",
            "page",
            "landing",
            "at",
            "_at",
            "utm_",
            "utm_<b>",
            "hsa-cam",
            "_first_name",
            "gclid2",
            "a[b]",
            "utm[]",
            "[]",
            "]",
            &long,
        ] {
            assert_eq!(parameter(name), None, "{name}");
        }
    }
}
