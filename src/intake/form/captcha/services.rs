//! The services known, as data: what pages show of them, where they are asked, how, and what their answers mean. Facts of
//! their documentation.

use super::widget::{Shown, Value};
use crate::config::screening::ProviderKind;

/// How the question is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// Urlencoded, with the secret as `secret`.
    Form,
    /// JSON, with the secret in the header `X-API-Key`.
    JsonWithKeyHeader,
}

/// One service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) kind: ProviderKind,
    /// Form field that brings the token.
    pub(super) field: &'static str,
    /// A second name of that field.
    pub(super) also: &'static str,
    /// Where it is asked.
    pub(super) url: &'static str,
    /// Longest token in bytes.
    pub(super) longest: usize,
    pub(super) asking: Asking,
    /// The site key goes with the question.
    pub(super) site_key: bool,
    /// Where the answer names the website: a host name, or an origin.
    pub(super) host: &'static str,
    /// Where it names the action; empty when it does not.
    pub(super) action: &'static str,
    /// Where it gives a score; empty when it does not.
    pub(super) score: &'static str,
    /// Where it names errors: a text, or a list of them.
    pub(super) errors: &'static str,
    /// Errors that say that the token was used, or came too late.
    pub(super) spent: &'static [&'static str],
    /// Errors that no token provokes: our secret, or the service itself.
    pub(super) ours: &'static [&'static str],
    /// Errors that may be ours, and that a token can provoke as well: one made with another website's key.
    pub(super) doubtful: &'static [&'static str],
    /// What pages show of it.
    pub(super) shown: Shown,
}

const OURS: &[&str] = &["missing-input-secret", "invalid-input-secret", "internal-error"];
const DOUBTFUL: &[&str] = &["bad-request", "sitekey-secret-mismatch"];

/// What both versions of reCAPTCHA have in common: developers.google.com/recaptcha/docs/faq. Its script is served from
/// gstatic.cn to some countries, and it writes its styles into the page (github.com/google/recaptcha/issues/107).
const GOOGLE: Shown = Shown {
    name: "Google reCAPTCHA",
    script: "https://www.google.com/recaptcha/api.js",
    script_src: "https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/ https://www.gstatic.cn/recaptcha/",
    frame_src: "https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/",
    connect_src: "https://www.google.com/recaptcha/",
    inline_styles: true,
    ..Shown::NOTHING
};

/// Every service.
pub(super) const SERVICES: [Row; 5] = [
    Row {
        kind: ProviderKind::Turnstile,
        field: "cf-turnstile-response",
        also: "",
        url: "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        longest: 2_048,
        asking: Asking::Form,
        site_key: false,
        host: "/hostname",
        action: "/action",
        score: "",
        errors: "/error-codes",
        spent: &["timeout-or-duplicate"],
        ours: OURS,
        doubtful: DOUBTFUL,
        // developers.cloudflare.com/turnstile: widget configurations, content security policy.
        shown: Shown {
            name: "Cloudflare Turnstile",
            script: "https://challenges.cloudflare.com/turnstile/v0/api.js",
            query: &[],
            class: "cf-turnstile",
            attributes: &[("language", Value::Language), ("action", Value::Action), ("size", Value::Fixed("flexible"))],
            script_src: "https://challenges.cloudflare.com",
            frame_src: "https://challenges.cloudflare.com",
            ..Shown::NOTHING
        },
    },
    Row {
        kind: ProviderKind::Hcaptcha,
        field: "h-captcha-response",
        also: "g-recaptcha-response",
        url: "https://api.hcaptcha.com/siteverify",
        longest: 16_384,
        asking: Asking::Form,
        site_key: true,
        host: "/hostname",
        action: "",
        score: "",
        errors: "/error-codes",
        spent: &["already-seen-response", "invalid-or-already-seen-response", "expired-input-response"],
        ours: OURS,
        doubtful: DOUBTFUL,
        // docs.hcaptcha.com: configuration, content-security-policy settings.
        shown: Shown {
            name: "hCaptcha",
            script: "https://js.hcaptcha.com/1/api.js",
            query: &[("hl", Value::Language), ("recaptchacompat", Value::Fixed("off"))],
            class: "h-captcha",
            script_src: "https://hcaptcha.com https://*.hcaptcha.com",
            frame_src: "https://hcaptcha.com https://*.hcaptcha.com",
            connect_src: "https://hcaptcha.com https://*.hcaptcha.com",
            style_src: "https://hcaptcha.com https://*.hcaptcha.com",
            ..Shown::NOTHING
        },
    },
    Row {
        kind: ProviderKind::RecaptchaV2,
        field: "g-recaptcha-response",
        also: "recaptcha_response",
        url: "https://www.google.com/recaptcha/api/siteverify",
        longest: 16_384,
        asking: Asking::Form,
        site_key: false,
        host: "/hostname",
        action: "",
        score: "",
        errors: "/error-codes",
        spent: &["timeout-or-duplicate"],
        ours: OURS,
        doubtful: DOUBTFUL,
        shown: Shown { query: &[("hl", Value::Language)], class: "g-recaptcha", ..GOOGLE },
    },
    Row {
        kind: ProviderKind::RecaptchaV3,
        field: "g-recaptcha-response",
        also: "recaptcha_response",
        url: "https://www.google.com/recaptcha/api/siteverify",
        longest: 16_384,
        asking: Asking::Form,
        site_key: false,
        host: "/hostname",
        action: "/action",
        score: "/score",
        errors: "/error-codes",
        spent: &["timeout-or-duplicate"],
        ours: OURS,
        doubtful: DOUBTFUL,
        // It has no element to tick: our script asks for a token when the form is sent.
        shown: Shown {
            query: &[("hl", Value::Language), ("render", Value::SiteKey)],
            class: "pisteur-recaptcha-v3",
            attributes: &[("action", Value::Action)],
            unseen: true,
            ..GOOGLE
        },
    },
    Row {
        kind: ProviderKind::FriendlyCaptcha,
        field: "frc-captcha-response",
        also: "",
        url: "https://global.frcapi.com/api/v2/captcha/siteverify",
        longest: 16_384,
        asking: Asking::JsonWithKeyHeader,
        site_key: true,
        host: "/data/challenge/origin",
        action: "",
        score: "",
        errors: "/error/error_code",
        spent: &["response_duplicate", "response_timeout"],
        ours: &["auth_required", "auth_invalid"],
        doubtful: &["sitekey_invalid", "bad_request", "response_missing"],
        // developer.friendlycaptcha.com: install, configuration, eu-endpoint, csp. The language is the page's.
        shown: Shown {
            name: "Friendly Captcha",
            script: "https://cdn.jsdelivr.net/npm/@friendlycaptcha/sdk@1.0.2/site.min.js",
            class: "frc-captcha",
            attributes: &[("theme", Value::Fixed("auto")), ("api-endpoint", Value::Region)],
            regions: &[("eu.frcapi.com", "eu")],
            frame_src: "https://*.frcapi.com",
            ..Shown::NOTHING
        },
    },
];

/// The row of a kind.
pub(super) fn row(kind: ProviderKind) -> Option<&'static Row> {
    SERVICES.iter().find(|row| row.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reading::field_names::is_control;

    #[test]
    fn every_kind_has_its_row_and_tokens_are_never_data() {
        for kind in [
            ProviderKind::Turnstile,
            ProviderKind::Hcaptcha,
            ProviderKind::RecaptchaV2,
            ProviderKind::RecaptchaV3,
            ProviderKind::FriendlyCaptcha,
        ] {
            let row = row(kind).unwrap();
            assert!(is_control(row.field) && (row.also.is_empty() || is_control(row.also)), "{kind:?}");
            assert!(row.url.starts_with("https://"));
        }
    }
}
