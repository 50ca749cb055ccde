//! `[mailbox.oauth]`: access tokens instead of a password (XOAUTH2), with presets for the two large providers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Problem, SecretSource, on_this_machine};

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Gmail and Google Workspace.
    Google,
    /// Microsoft 365 and Outlook.com.
    Microsoft,
    /// Any other: `token_url` and `host` are required.
    Custom,
}

impl Provider {
    /// The provider's IMAP host.
    #[must_use]
    pub const fn imap_host(self) -> Option<&'static str> {
        match self {
            Self::Google => Some("imap.gmail.com"),
            Self::Microsoft => Some("outlook.office365.com"),
            Self::Custom => None,
        }
    }
}

/// How the access token is obtained (RFC 6749 sections 6 and 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// With a refresh token that a person granted once.
    #[default]
    RefreshToken,
    /// With the application's own secret (Microsoft 365, app-only).
    ClientCredentials,
}

/// OAuth2 for one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OauthConfig {
    /// `google`, `microsoft` or `custom`.
    pub provider: Provider,
    /// `refresh_token` or `client_credentials`.
    #[serde(default)]
    pub grant: Grant,
    /// Application (client) id.
    pub client_id: String,
    /// Where the client secret lies; public clients have none.
    #[serde(default)]
    pub client_secret: Option<SecretSource>,
    /// Where the first refresh token lies. Rotated ones are kept in the database.
    #[serde(default)]
    pub refresh_token: Option<SecretSource>,
    /// Directory (tenant) id of Microsoft 365; `common` for refresh tokens of any account.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Token endpoint; the presets know theirs.
    #[serde(default)]
    pub token_url: Option<String>,
    /// Scope; the presets know theirs.
    #[serde(default)]
    pub scope: Option<String>,
}

impl OauthConfig {
    /// The token endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        if let Some(url) = &self.token_url {
            return url.clone();
        }
        match self.provider {
            Provider::Google => "https://oauth2.googleapis.com/token".to_owned(),
            Provider::Microsoft => {
                let tenant = self.tenant.as_deref().unwrap_or("common");
                format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token")
            }
            Provider::Custom => String::new(),
        }
    }

    /// The scope to ask for, if any.
    #[must_use]
    pub fn asked_scope(&self) -> Option<&str> {
        if let Some(scope) = &self.scope {
            return Some(scope);
        }
        match (self.provider, self.grant) {
            (Provider::Google, _) => Some("https://mail.google.com/"),
            (Provider::Microsoft, Grant::ClientCredentials) => Some("https://outlook.office365.com/.default"),
            (Provider::Microsoft, Grant::RefreshToken) => {
                Some("https://outlook.office365.com/IMAP.AccessAsUser.All offline_access")
            }
            (Provider::Custom, _) => None,
        }
    }

    /// What is wrong with this section; `at` is its path.
    #[must_use]
    pub fn validate(&self, at: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |key: &str, text: &str| problems.push((format!("{at}.{key}"), text.to_owned()));
        if self.client_id.trim().is_empty() {
            say("client_id", "the application id is missing: copy it from the provider's app registration");
        }
        let endpoint = self.endpoint();
        if endpoint.is_empty() {
            say("token_url", "a custom provider needs its token endpoint: token_url = \"https://...\"");
        } else if url::Url::parse(&endpoint).is_err()
            || !(endpoint.starts_with("https://") || on_this_machine(&endpoint))
        {
            say("token_url", "not an https address");
        }
        match self.grant {
            Grant::RefreshToken if self.refresh_token.is_none() => {
                say("refresh_token", "missing: write refresh_token = { file = \"path\" }");
            }
            Grant::ClientCredentials if self.client_secret.is_none() => {
                say("client_secret", "client_credentials needs it: write client_secret = { file = \"path\" }");
            }
            Grant::RefreshToken | Grant::ClientCredentials => {}
        }
        if self.grant == Grant::ClientCredentials && self.provider == Provider::Microsoft && self.tenant.is_none() {
            say("tenant", "client_credentials needs the directory (tenant) id, not `common`");
        }
        for (key, source) in [("client_secret", &self.client_secret), ("refresh_token", &self.refresh_token)] {
            if let Some(text) = source.as_ref().and_then(SecretSource::problem) {
                say(key, &text);
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_know_their_addresses() {
        let google: OauthConfig =
            toml::from_str("provider = \"google\"\nclient_id = \"x\"\nrefresh_token = { env = \"T\" }").unwrap();
        assert_eq!(google.validate("o"), Vec::new());
        assert_eq!(google.asked_scope(), Some("https://mail.google.com/"));
        let microsoft: OauthConfig = toml::from_str(
            "provider = \"microsoft\"\ngrant = \"client_credentials\"\nclient_id = \"x\"\nclient_secret = { env = \"S\" }\ntenant = \"t\"",
        )
        .unwrap();
        assert_eq!(microsoft.validate("o"), Vec::new());
        assert_eq!(microsoft.endpoint(), "https://login.microsoftonline.com/t/oauth2/v2.0/token");
        assert_eq!(microsoft.asked_scope(), Some("https://outlook.office365.com/.default"));
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (url, good) in [
            ("http://127.0.0.1:8080/token", true),
            ("http://localhost/token", true),
            ("http://[::1]/token", true),
            ("https://id.example/token", true),
            ("http://127.0.0.1.id.example/token", false),
            ("http://localhost@id.example/token", false),
            ("http://id.example/token", false),
        ] {
            let text = "provider = \"custom\"\nclient_id = \"x\"\nrefresh_token = { env = \"T\" }\ntoken_url = ";
            let config: OauthConfig = toml::from_str(&format!("{text}\"{url}\"")).unwrap();
            assert_eq!(config.validate("o").is_empty(), good, "{url}");
        }
    }

    #[test]
    fn incomplete_sections_name_what_is_missing() {
        let custom: OauthConfig = toml::from_str("provider = \"custom\"\nclient_id = \"\"").unwrap();
        let keys: Vec<String> = custom.validate("o").into_iter().map(|p| p.0).collect();
        assert_eq!(keys, ["o.client_id", "o.token_url", "o.refresh_token"]);
        let app: OauthConfig =
            toml::from_str("provider = \"microsoft\"\ngrant = \"client_credentials\"\nclient_id = \"x\"").unwrap();
        let keys: Vec<String> = app.validate("o").into_iter().map(|p| p.0).collect();
        assert_eq!(keys, ["o.client_secret", "o.tenant"]);
    }
}
