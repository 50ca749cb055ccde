//! The marketing channel of a source and medium: the default channel group of GA4, with one more for AI assistants.
//!
//! The host names are facts written down by hand; `{}`-style country variants are covered by the provider's name.

/// Search engines by name in a source or host.
const SEARCH: [&str; 16] = [
    "google",
    "bing",
    "duckduckgo",
    "seznam",
    "qwant",
    "ecosia",
    "baidu",
    "startpage",
    "brave",
    "ask",
    "naver",
    "sogou",
    "yahoo",
    "yandex",
    "centrum",
    "lycos",
];
/// Social networks.
const SOCIAL: [&str; 24] = [
    "facebook",
    "fb",
    "instagram",
    "ig",
    "linkedin",
    "lnkd",
    "twitter",
    "x.com",
    "t.co",
    "tiktok",
    "pinterest",
    "reddit",
    "snapchat",
    "whatsapp",
    "telegram",
    "mastodon",
    "bluesky",
    "bsky",
    "threads",
    "xing",
    "viadeo",
    "quora",
    "tumblr",
    "vk",
];
/// Video sites.
const VIDEO: [&str; 5] = ["youtube", "vimeo", "dailymotion", "twitch", "aparat"];
/// Shopping sites and comparers.
const SHOPPING: [&str; 12] = [
    "amazon",
    "ebay",
    "etsy",
    "aliexpress",
    "shopping",
    "heureka",
    "zbozi",
    "idealo",
    "leguide",
    "cdiscount",
    "allegro",
    "digikala",
];
/// Assistants that cite pages.
const ASSISTANTS: [&str; 12] = [
    "chatgpt",
    "openai",
    "perplexity",
    "claude",
    "anthropic",
    "gemini",
    "copilot",
    "deepseek",
    "mistral",
    "you.com",
    "poe.com",
    "meta.ai",
];

fn names(list: &[&str], source: &str) -> bool {
    list.iter().any(|name| {
        // A name with a dot is a whole host; another is one label of a host or the source itself.
        if name.contains('.') {
            source == *name || source.ends_with(&format!(".{name}"))
        } else {
            source.split(['.', '/', ' ', '-', '_']).any(|l| l == *name)
        }
    })
}

/// The channel; `None` when neither source nor medium is known. First rule that holds wins, as in GA4.
pub fn of(source: Option<&str>, medium: Option<&str>, campaign: Option<&str>) -> Option<String> {
    if source.is_none() && medium.is_none() {
        return None;
    }
    let source = source.unwrap_or_default().trim().to_lowercase();
    let medium = medium.unwrap_or_default().trim().to_lowercase();
    let campaign = campaign.unwrap_or_default().to_lowercase();
    let paid = medium.contains("cp") || medium == "ppc" || medium == "retargeting" || medium.starts_with("paid");
    let shop = names(&SHOPPING, &source)
        || campaign.contains("shopping")
        || campaign.split(|c: char| !c.is_alphanumeric()).any(|w| w == "shop");
    let is = |list: &[&str]| list.contains(&medium.as_str());
    let email = ["email", "e-mail", "e_mail", "e mail", "newsletter"];
    let channel = if source == "(direct)" && is(&["(none)", "(not set)", ""]) {
        "Direct"
    } else if campaign.contains("cross-network") {
        "Cross-network"
    } else if paid && shop {
        "Paid Shopping"
    } else if paid && names(&SEARCH, &source) {
        "Paid Search"
    } else if paid && names(&SOCIAL, &source) {
        "Paid Social"
    } else if paid && names(&VIDEO, &source) {
        "Paid Video"
    } else if is(&["display", "banner", "expandable", "interstitial", "cpm"]) {
        "Display"
    } else if paid {
        "Paid Other"
    } else if shop {
        "Organic Shopping"
    } else if names(&ASSISTANTS, &source) {
        "AI Assistant"
    } else if names(&SOCIAL, &source)
        || is(&["social", "social-network", "social-media", "sm", "social network", "social media"])
    {
        "Organic Social"
    } else if names(&VIDEO, &source) || medium.contains("video") {
        "Organic Video"
    } else if email.contains(&source.as_str()) || is(&email) {
        "Email"
    } else if names(&SEARCH, &source) || medium == "organic" {
        "Organic Search"
    } else {
        return Some(rest(&source, &medium).to_owned());
    };
    Some(channel.to_owned())
}

fn rest(source: &str, medium: &str) -> &'static str {
    match medium {
        "affiliate" | "affiliates" => "Affiliates",
        "referral" | "app" | "link" => "Referral",
        "audio" => "Audio",
        "sms" => "SMS",
        _ if source == "sms" => "SMS",
        _ if medium.ends_with("push") || medium.contains("mobile") || medium.contains("notification") => "Mobile Push",
        _ => "Unassigned",
    }
}

/// Source and medium of an external referrer's host.
pub fn of_referrer(host: &str) -> (String, &'static str) {
    let host = host.strip_prefix("www.").unwrap_or(host);
    let known = |list: &[&str]| list.iter().find(|name| names(&[name], host)).map(|name| (*name).to_owned());
    if let Some(name) = known(&ASSISTANTS) {
        return (name, "referral");
    }
    if let Some(name) = known(&SOCIAL).or_else(|| known(&VIDEO)) {
        return (name, "social");
    }
    if let Some(name) = known(&SEARCH) {
        return (name, "organic");
    }
    (host.to_owned(), "referral")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_follow_the_default_group() {
        for (source, medium, campaign, channel) in [
            ("google", "cpc", "", "Paid Search"),
            ("google", "organic", "", "Organic Search"),
            ("bing", "cpm", "", "Paid Search"),
            ("facebook", "referral", "", "Organic Social"),
            ("facebook", "paid_social", "", "Paid Social"),
            ("heureka", "cpc", "", "Paid Shopping"),
            ("newsletter", "email", "", "Email"),
            ("(direct)", "(none)", "", "Direct"),
            ("chatgpt.com", "referral", "", "AI Assistant"),
            ("partner.example", "referral", "", "Referral"),
            ("x", "banner", "", "Display"),
            ("x", "y", "", "Unassigned"),
        ] {
            assert_eq!(of(Some(source), Some(medium), Some(campaign)).as_deref(), Some(channel), "{source}/{medium}");
        }
        assert_eq!(of(None, None, None), None);
        assert_eq!(of_referrer("www.google.fr"), ("google".to_owned(), "organic"));
        assert_eq!(of_referrer("blog.partner.example"), ("blog.partner.example".to_owned(), "referral"));
    }
}
