//! A service as pages show it: its script, its element, and what a page's policy has to permit for it.
//!
//! Invariants: nothing of a visitor is in it; what is written into a policy cannot end a directive of it.

use serde::Serialize;
use url::Url;

use crate::config::screening::ProviderConfig;
use crate::intake::form::texts::Texts;

/// A value that is known only with the configuration, or with the visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// The same everywhere.
    Fixed(&'static str),
    /// Language of the page.
    Language,
    /// Key of the website.
    SiteKey,
    /// Configured action; without one it is left out.
    Action,
    /// Region by the address where tokens are checked; left out when it is the usual one.
    Region,
}

/// What is known of a service's part in a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// What visitors know it by.
    pub(super) name: &'static str,
    /// Address of its script, without a query.
    pub(super) script: &'static str,
    /// Query of that address.
    pub(super) query: &'static [(&'static str, Value)],
    /// Class of its element, by which its script (or ours) finds it.
    pub(super) class: &'static str,
    /// Names, behind `data-`, and values of that element beside the site key.
    pub(super) attributes: &'static [(&'static str, Value)],
    /// There is nothing to see at its element.
    pub(super) unseen: bool,
    /// Hosts where tokens are checked, and what their region is called in a page.
    pub(super) regions: &'static [(&'static str, &'static str)],
    /// Where its scripts come from, as a policy lists it; empty when it is the folder of the first.
    pub(super) script_src: &'static str,
    /// Where its frames come from.
    pub(super) frame_src: &'static str,
    /// Where its scripts connect to from the page.
    pub(super) connect_src: &'static str,
    /// Where its style sheets come from.
    pub(super) style_src: &'static str,
    /// Its scripts write styles into the page.
    pub(super) inline_styles: bool,
}

impl Shown {
    /// What most services do without.
    pub(super) const NOTHING: Self = Self {
        name: "",
        script: "",
        query: &[],
        class: "",
        attributes: &[],
        unseen: false,
        regions: &[],
        script_src: "",
        frame_src: "",
        connect_src: "",
        style_src: "",
        inline_styles: false,
    };
}

/// A service that pages can show.
#[derive(Debug, Clone)]
pub struct Widget {
    shown: &'static Shown,
    site_key: String,
    action: Option<String>,
    region: Option<&'static str>,
    /// Address of its script when it is not the usual one.
    elsewhere: Option<Url>,
}

/// An attribute of an element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::intake::form) struct Attribute {
    name: &'static str,
    value: String,
}

/// A service on one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::intake::form) struct OnPage {
    /// Address of its script.
    script: String,
    /// Class of its element.
    class: &'static str,
    /// What stands behind `data-` in that element.
    attributes: Vec<Attribute>,
    /// There is something to see.
    seen: bool,
    /// What it does, for the visitor.
    words: String,
}

/// What a policy permits beyond the page's own: lists that begin with a space, or are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::intake::form) struct Sources {
    pub(in crate::intake::form) script: String,
    pub(in crate::intake::form) frame: String,
    pub(in crate::intake::form) connect: String,
    pub(in crate::intake::form) style: String,
    /// Styles written into the page by a script.
    pub(in crate::intake::form) inline_styles: bool,
}

impl Widget {
    /// A service as configured; none without a key to show it with.
    pub(super) fn new(shown: &'static Shown, config: &ProviderConfig) -> Option<Self> {
        let checked_at = config.url.as_deref().and_then(|url| Url::parse(url).ok());
        let host = checked_at.as_ref().and_then(Url::host_str);
        let region = shown.regions.iter().find(|(known, _)| Some(*known) == host).map(|(_, region)| *region);
        Some(Self {
            shown,
            site_key: config.key_for_pages()?.to_owned(),
            action: config.action.clone(),
            region,
            elsewhere: config.script_url.as_deref().and_then(|url| Url::parse(url).ok()),
        })
    }

    /// On a page with these texts.
    pub(in crate::intake::form) fn on_page(&self, texts: &Texts) -> OnPage {
        let key = Attribute { name: "sitekey", value: self.site_key.clone() };
        let known = self.shown.attributes.iter();
        let more = known.filter_map(|(name, value)| Some(Attribute { name, value: self.fill(*value, texts)? }));
        OnPage {
            script: self.script(texts),
            class: self.shown.class,
            attributes: std::iter::once(key).chain(more).collect(),
            seen: !self.shown.unseen,
            words: texts.captcha_service.replace("{service}", self.shown.name),
        }
    }

    fn script(&self, texts: &Texts) -> String {
        let base = self.elsewhere.as_ref().map_or(self.shown.script, Url::as_str);
        let query = self.shown.query.iter().filter_map(|(name, value)| Some((name, self.fill(*value, texts)?)));
        match Url::parse(base) {
            Ok(mut url) if !self.shown.query.is_empty() => {
                url.query_pairs_mut().extend_pairs(query);
                url.into()
            }
            _ => base.to_owned(),
        }
    }

    fn fill(&self, value: Value, texts: &Texts) -> Option<String> {
        match value {
            Value::Fixed(text) => Some(text.to_owned()),
            Value::Language => Some(texts.lang.to_owned()),
            Value::SiteKey => Some(self.site_key.clone()),
            Value::Action => self.action.clone(),
            Value::Region => self.region.map(str::to_owned),
        }
    }

    /// What the policy of a page that shows it permits. A script from elsewhere may bring the rest of its folder, and show
    /// and ask its own server.
    pub(in crate::intake::form) fn sources(&self) -> Sources {
        let usual = Url::parse(self.shown.script).ok().filter(|_| self.shown.script_src.is_empty());
        let origin = self.elsewhere.as_ref().map(|url| url.origin().ascii_serialization());
        let list = |known: &str, more: Option<&str>| {
            let all = known.split(' ').filter(|source| !source.is_empty()).chain(more);
            all.fold(String::new(), |list, source| list + " " + source)
        };
        Sources {
            script: list(self.shown.script_src, self.elsewhere.as_ref().or(usual.as_ref()).map(folder).as_deref()),
            frame: list(self.shown.frame_src, origin.as_deref()),
            connect: list(self.shown.connect_src, origin.as_deref()),
            style: list(self.shown.style_src, None),
            inline_styles: self.shown.inline_styles,
        }
    }
}

/// The folder of an address, as a policy names it (CSP 3 section 2.3.1): without the characters that separate its parts.
fn folder(url: &Url) -> String {
    let path = url.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = path.replace(';', "%3B").replace(',', "%2C");
    format!("{}{path}/", url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::super::services::row;
    use super::*;
    use crate::intake::form::texts::Language;

    fn widget(kind: &str, more: &str) -> Option<Widget> {
        let config: ProviderConfig = toml::from_str(&format!("id = \"service\"\nkind = \"{kind}\"\n{more}")).unwrap();
        Widget::new(&row(config.kind).unwrap().shown, &config)
    }

    #[test]
    fn without_a_key_nothing_can_be_shown() {
        assert!(widget("turnstile", "").is_none());
        assert!(widget("turnstile", "site_key = \"k\"").is_some());
    }

    #[test]
    fn a_script_from_elsewhere_is_asked_the_same_and_permitted_with_its_folder() {
        let more = "site_key = \"k&l\"\nscript_url = \"https://www.recaptcha.net/recaptcha/api.js?x=1\"";
        let made = widget("recaptcha_v3", more).unwrap();
        let script = made.on_page(Language::Fa.texts()).script;
        assert_eq!(script, "https://www.recaptcha.net/recaptcha/api.js?x=1&hl=fa&render=k%26l");
        let sources = made.sources();
        assert!(sources.script.ends_with(" https://www.recaptcha.net/recaptcha/"), "{sources:?}");
        assert!(sources.frame.ends_with(" https://www.recaptcha.net"), "{sources:?}");
        let hostile = "site_key = \"k\"\nscript_url = \"https://a.example/x;script-src *,y/z 'w'/api.js\"";
        let script = widget("turnstile", hostile).unwrap().sources().script;
        assert_eq!(script, " https://challenges.cloudflare.com https://a.example/x%3Bscript-src%20*%2Cy/z%20'w'/");
    }

    #[test]
    fn a_region_where_tokens_are_checked_is_the_pages_too() {
        let region = |url: &str| {
            let more = format!("site_key = \"k\"\nurl = \"https://{url}/api/v2/captcha/siteverify\"");
            let attributes = widget("friendly_captcha", &more).unwrap().on_page(Language::En.texts()).attributes;
            attributes.into_iter().find(|attribute| attribute.name == "api-endpoint").map(|attribute| attribute.value)
        };
        assert_eq!(region("eu.frcapi.com").as_deref(), Some("eu"));
        assert_eq!(region("global.frcapi.com"), None);
    }
}
