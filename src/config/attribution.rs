//! `[attribution]`: how sources, mediums and campaigns that visitors' addresses name become those of the house.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::domain::decision::UnknownCampaign;
use crate::domain::enquiry::AttributionSettings;
use crate::domain::enquiry::attribution::{Aliases, folded};

/// Longest name, in characters; what a visitor's address says is cut to as many.
const NAME_CHARS: usize = 255;

/// `[attribution]`: how sources, mediums and campaigns that visitors' addresses name become those of the house.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AttributionConfig {
    /// What becomes of a campaign that is neither in the database nor named in this section: `create` makes it known at
    /// its first use; `map` leaves the record without a campaign; `default` counts it as `default_campaign`; `review`
    /// leaves the record without one, tags it `campaign_review` and keeps the name until a person says
    /// `pisteur campaigns add`. What was sent stays with the touches of the record in any case, and a campaign that a
    /// rule sets is always known. Sources and mediums are made at their first use, in lower case.
    pub unknown_campaign: UnknownCampaignPolicy,
    /// The campaign of `unknown_campaign = "default"`.
    pub default_campaign: String,
    /// Other names of campaigns: what is written -> the campaign meant, such as `"batimat26*" = "batimat-2026"`. Upper
    /// and lower case are the same; a `*` at the end stands for anything, the longest match wins.
    pub campaigns: BTreeMap<String, String>,
    /// Other names of sources, written as in `campaigns`: `fb = "facebook"`.
    pub sources: BTreeMap<String, String>,
    /// Other names of mediums, written as in `campaigns`: `"paid-social" = "paid_social"`.
    pub mediums: BTreeMap<String, String>,
    /// Sites that send nobody, with everything below them, beside the built-in ones for payment and sign-on: a visitor
    /// who comes back from `login.example.com` did not come from there.
    pub ignored_referrers: Vec<String>,
}

/// What becomes of a campaign that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownCampaignPolicy {
    /// It becomes a known one.
    #[default]
    Create,
    /// The record has none.
    Map,
    /// The record counts as of `default_campaign`.
    Default,
    /// The record waits for a person.
    Review,
}

impl AttributionConfig {
    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let default = self.default_campaign.trim();
        match self.unknown_campaign {
            UnknownCampaignPolicy::Default if default.is_empty() => problems.push(Problem::new(
                "default_campaign",
                "unknown_campaign = \"default\" needs the name of a campaign here, such as \"other\"",
            )),
            UnknownCampaignPolicy::Default => {}
            _ if default.is_empty() => {}
            _ => problems.push(Problem::new(
                "default_campaign",
                "is used with unknown_campaign = \"default\" only; set that, or take this line out",
            )),
        }
        if default.chars().count() > NAME_CHARS {
            problems.push(Problem::new("default_campaign", "at most 255 characters"));
        }
        for (key, map) in [("campaigns", &self.campaigns), ("sources", &self.sources), ("mediums", &self.mediums)] {
            problems.extend(aliases(key, map));
        }
        for (i, host) in self.ignored_referrers.iter().enumerate() {
            if !host.contains('.') || host.contains(['/', ':', '@', '*', ' ']) || host.starts_with('.') {
                let say = "not a site; write it as login.example.com, without https:// and without *";
                problems.push(Problem::new(format!("ignored_referrers.{i}"), say));
            }
        }
        problems
    }

    /// What reading needs to know.
    #[must_use]
    pub fn settings(&self) -> AttributionSettings {
        AttributionSettings {
            sources: Aliases::new(&self.sources),
            mediums: Aliases::new(&self.mediums),
            campaigns: Aliases::new(&self.campaigns),
            ignored_referrers: self.ignored_referrers.iter().map(|h| h.trim_end_matches('.').to_lowercase()).collect(),
        }
    }

    /// What becomes of an unknown campaign.
    #[must_use]
    pub fn unknown(&self) -> UnknownCampaign {
        match self.unknown_campaign {
            UnknownCampaignPolicy::Create => UnknownCampaign::Create,
            UnknownCampaignPolicy::Map => UnknownCampaign::Leave,
            UnknownCampaignPolicy::Default => UnknownCampaign::Default(self.default_campaign.trim().to_owned()),
            UnknownCampaignPolicy::Review => UnknownCampaign::Review,
        }
    }

    /// Campaigns that this section names, folded.
    #[must_use]
    pub fn named(&self) -> BTreeSet<String> {
        let mut named = Aliases::new(&self.campaigns).meant();
        named.extend(Some(folded(&self.default_campaign)).filter(|name| !name.is_empty()));
        named
    }
}

/// What is wrong with one list of other names.
fn aliases(key: &str, map: &BTreeMap<String, String>) -> Vec<Problem> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for (written, meant) in map {
        let mut wrong = |say: String| problems.push(Problem::new(format!("{key}.{written}"), say));
        if meant.trim().is_empty() {
            wrong("names nothing; write the name that is meant".to_owned());
        } else if meant.chars().count() > NAME_CHARS {
            wrong("at most 255 characters".to_owned());
        } else if folded(written).trim_end_matches('*').is_empty() {
            wrong("stands for every name; write at least how the names begin, such as \"spring*\"".to_owned());
        } else if written.trim().trim_end_matches('*').contains('*') {
            wrong("a * may stand at the end only".to_owned());
        } else if let Some(other) = seen.insert(folded(written), written) {
            wrong(format!("is the same name as \"{other}\", since upper and lower case are one; keep one of the two"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(config: &AttributionConfig) -> Vec<String> {
        config.validate().into_iter().map(|p| p.key).collect()
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let pairs = |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let config = AttributionConfig {
            unknown_campaign: UnknownCampaignPolicy::Default,
            campaigns: pairs(&[("a*b", "x"), ("*", "x"), ("Spring", "s"), ("spring", "s"), ("ok*", "fine")]),
            sources: pairs(&[("fb", " ")]),
            ignored_referrers: vec!["https://login.example.com".to_owned(), "sso.example.com".to_owned()],
            ..AttributionConfig::default()
        };
        let expected = [
            "default_campaign",
            "campaigns.*",
            "campaigns.a*b",
            "campaigns.spring",
            "sources.fb",
            "ignored_referrers.0",
        ];
        assert_eq!(keys(&config), expected);
        let unused = AttributionConfig { default_campaign: "other".to_owned(), ..AttributionConfig::default() };
        assert_eq!(keys(&unused), ["default_campaign"]);
        assert!(keys(&AttributionConfig::default()).is_empty());
    }
}
