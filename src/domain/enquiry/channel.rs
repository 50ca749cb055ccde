//! The marketing channel of a source, medium and campaign: the default channel group of GA4, with one more for AI
//! assistants. What a source is stands in the tables of [`super::referrers`].

use super::referrers::{self, Kind};

/// Every channel, in the order of its rule; the first rule that holds wins.
pub const CHANNELS: [&str; 20] = [
    "Direct",
    "Cross-network",
    "Paid Shopping",
    "Paid Search",
    "Paid Social",
    "Paid Video",
    "Display",
    "Paid Other",
    "AI Assistant",
    "Organic Shopping",
    "Organic Social",
    "Organic Video",
    "Organic Search",
    "Email",
    "Affiliates",
    "Referral",
    "Audio",
    "SMS",
    "Mobile Push",
    "Unassigned",
];

const DISPLAY: [&str; 5] = ["display", "banner", "expandable", "interstitial", "cpm"];
const SOCIAL: [&str; 6] = ["social", "social-network", "social-media", "sm", "social network", "social media"];
const EMAIL: [&str; 4] = ["email", "e-mail", "e_mail", "e mail"];

/// What the rules look at, lower case; a medium that nobody named is `(not set)`.
struct Visit {
    source: String,
    medium: String,
    campaign: String,
    kind: Option<Kind>,
}

/// The channel; `None` when neither source nor medium is known.
#[must_use]
pub fn of(source: Option<&str>, medium: Option<&str>, campaign: Option<&str>) -> Option<&'static str> {
    if source.is_none() && medium.is_none() {
        return None;
    }
    let lower = |text: Option<&str>, else_: &str| text.map_or_else(|| else_.to_owned(), |t| t.trim().to_lowercase());
    let source = lower(source, "(not set)");
    let kind = referrers::kind_of(&source);
    let visit = Visit { source, medium: lower(medium, "(not set)"), campaign: lower(campaign, ""), kind };
    Some(visit.first().or_else(|| visit.paid()).or_else(|| visit.unpaid()).unwrap_or_else(|| visit.by_medium()))
}

impl Visit {
    fn medium_in(&self, list: &[&str]) -> bool {
        list.contains(&self.medium.as_str())
    }

    /// `^(.*cp.*|ppc|retargeting|paid.*)$`
    fn is_paid(&self) -> bool {
        self.medium.contains("cp") || self.medium_in(&["ppc", "retargeting"]) || self.medium.starts_with("paid")
    }

    fn is_shopping(&self) -> bool {
        self.kind == Some(Kind::Shopping) || names_a_shop(&self.campaign)
    }

    fn first(&self) -> Option<&'static str> {
        if self.source == "(direct)" && self.medium_in(&["(none)", "(not set)"]) {
            return Some("Direct");
        }
        self.campaign.contains("cross-network").then_some("Cross-network")
    }

    fn paid(&self) -> Option<&'static str> {
        let paid = self.is_paid();
        match self.kind {
            _ if paid && self.is_shopping() => Some("Paid Shopping"),
            Some(Kind::Search) if paid => Some("Paid Search"),
            Some(Kind::Social) if paid => Some("Paid Social"),
            Some(Kind::Video) if paid => Some("Paid Video"),
            _ if self.medium_in(&DISPLAY) => Some("Display"),
            _ => paid.then_some("Paid Other"),
        }
    }

    fn unpaid(&self) -> Option<&'static str> {
        match self.kind {
            Some(Kind::Assistant) => Some("AI Assistant"),
            _ if self.is_shopping() => Some("Organic Shopping"),
            Some(Kind::Social) => Some("Organic Social"),
            _ if self.medium_in(&SOCIAL) => Some("Organic Social"),
            Some(Kind::Video) => Some("Organic Video"),
            _ if self.medium.contains("video") => Some("Organic Video"),
            Some(Kind::Search) => Some("Organic Search"),
            _ => None,
        }
    }

    fn by_medium(&self) -> &'static str {
        let (source, medium) = (self.source.as_str(), self.medium.as_str());
        match medium {
            "organic" => "Organic Search",
            _ if self.medium_in(&EMAIL) || EMAIL.contains(&source) => "Email",
            "affiliate" => "Affiliates",
            "referral" | "app" | "link" => "Referral",
            "audio" => "Audio",
            "sms" => "SMS",
            _ if source == "sms" => "SMS",
            _ if medium.ends_with("push") || medium.contains("mobile") || medium.contains("notification") => {
                "Mobile Push"
            }
            _ if source == "firebase" => "Mobile Push",
            _ => "Unassigned",
        }
    }
}

/// `^(.*(([^a-df-z]|^)shop|shopping).*)$`: no letter before `shop`, or an `e`.
fn names_a_shop(campaign: &str) -> bool {
    let begins_word = |at: usize| {
        let before = campaign.get(..at).and_then(|head| head.chars().next_back());
        before.is_none_or(|c| c == 'e' || !c.is_ascii_lowercase())
    };
    campaign.contains("shopping") || campaign.match_indices("shop").any(|(at, _)| begins_word(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_of_the_default_group_is_reached_in_its_order() {
        let table = [
            ("(direct)", "(none)", "", "Direct"),
            ("(direct)", "(not set)", "", "Direct"),
            ("(direct)", "cpc", "", "Paid Other"),
            ("google", "cpc", "Spring Cross-network", "Cross-network"),
            ("heureka", "cpc", "", "Paid Shopping"),
            ("google", "cpc", "eshop-spring", "Paid Shopping"),
            ("google", "cpc", "spring shopping", "Paid Shopping"),
            ("google", "cpc", "workshop", "Paid Search"),
            ("google", "cpc", "k-shop", "Paid Shopping"),
            ("google", "cpc", "", "Paid Search"),
            ("bing", "cpm", "", "Paid Search"),
            ("Google", "PPC", "", "Paid Search"),
            ("www.google.fr", "paid_search", "", "Paid Search"),
            ("facebook", "paid_social", "", "Paid Social"),
            ("facebook_ads", "cpc", "", "Paid Social"),
            ("ig", "retargeting", "", "Paid Social"),
            ("youtube", "cpv-cpc", "", "Paid Video"),
            ("partner", "cpm", "", "Display"),
            ("x", "banner", "", "Display"),
            ("facebook", "interstitial", "", "Display"),
            ("partner", "cpa", "", "Paid Other"),
            ("chatgpt.com", "cpc", "", "Paid Other"),
            ("chatgpt.com", "referral", "", "AI Assistant"),
            ("perplexity", "(not set)", "", "AI Assistant"),
            ("heureka.cz", "referral", "", "Organic Shopping"),
            ("newsletter", "email", "e-shop", "Organic Shopping"),
            ("facebook", "referral", "", "Organic Social"),
            ("partner.example", "social-media", "", "Organic Social"),
            ("youtube", "referral", "", "Organic Video"),
            ("partner.example", "promo-video", "", "Organic Video"),
            ("google", "organic", "", "Organic Search"),
            ("google", "referral", "", "Organic Search"),
            ("my-engine", "organic", "", "Organic Search"),
            ("newsletter", "email", "", "Email"),
            ("e-mail", "x", "", "Email"),
            ("impact", "affiliate", "", "Affiliates"),
            ("partner.example", "referral", "", "Referral"),
            ("evilgoogle.com", "link", "", "Referral"),
            ("spotty", "audio", "", "Audio"),
            ("crm", "sms", "", "SMS"),
            ("sms", "x", "", "SMS"),
            ("crm", "web-push", "", "Mobile Push"),
            ("crm", "mobile banner", "", "Mobile Push"),
            ("crm", "in-notification", "", "Mobile Push"),
            ("newsletter", "cp-mail", "", "Paid Other"),
            ("something", "y", "", "Unassigned"),
            ("something", "video push", "", "Organic Video"),
        ];
        for (source, medium, campaign, channel) in table {
            assert_eq!(of(Some(source), Some(medium), Some(campaign)), Some(channel), "{source}/{medium}/{campaign}");
        }
        let reached: std::collections::BTreeSet<_> = table.iter().map(|row| row.3).collect();
        assert_eq!(reached, CHANNELS.into_iter().collect(), "each channel has a row");
    }

    #[test]
    fn what_nobody_named_is_no_channel() {
        assert_eq!(of(None, None, Some("spring")), None);
        assert_eq!(of(Some("(direct)"), None, None), Some("Direct"));
        assert_eq!(of(None, Some("cpc"), None), Some("Paid Other"));
        assert_eq!(of(Some("partner"), None, None), Some("Unassigned"));
    }
}
