//! How announced leads are fetched, as data: addresses, token, errors in plain words, and the poll that finds what a
//! notification lost.
//!
//! Invariant: nothing an answer says chooses an address; paging goes on by cursor on our own address.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Paths;
use super::path::{Budget, Path, Scope};

/// Longest id put into an address, in characters.
const ID_CHARS: usize = 200;

/// `[fetch]` of an adapter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// Its shape is certain. Otherwise a hook fetches only with `allow_unverified = true`.
    #[serde(default)]
    pub verified: bool,
    /// `https://graph.example`: scheme, host, port.
    pub base: String,
    /// Path and query of one lead, with `{id}`, or `{tail}`: what follows the last colon of the id.
    pub lead: String,
    /// How the token is sent: `bearer`, or `query:NAME`.
    pub token: String,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Where an answer names its error.
    #[serde(default)]
    pub error_code: Paths,
    /// Errors in plain words; the first that fits.
    #[serde(default)]
    pub errors: Vec<Meaning>,
    /// The poll for what notifications lost.
    #[serde(default)]
    pub backfill: Option<Backfill>,
}

/// What an error of the producer means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// Codes in the answer; empty = any.
    #[serde(default)]
    pub code: Vec<String>,
    /// HTTP states; empty = any.
    #[serde(default)]
    pub status: Vec<u16>,
    /// One sentence with the remedy.
    pub say: String,
    /// Trying again cannot help until somebody acts.
    #[serde(default)]
    pub last: bool,
    /// For so many hours after the announcement it may pass by itself all the same: the producer announces faster than
    /// it can be asked.
    #[serde(default)]
    pub patience_hours: u32,
}

/// `[fetch.backfill]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backfill {
    /// Path and query of one page, with `{form}` and `{since}` (unix seconds).
    pub page: String,
    /// The leads of a page.
    pub items: Path,
    /// Id of a lead.
    pub id: Path,
    /// There is a further page when something is here.
    pub more: Path,
    /// The cursor of the further page.
    pub cursor: Path,
    /// Parameter of the cursor.
    pub cursor_parameter: String,
}

impl Fetch {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        let base = url::Url::parse(&self.base).map_err(|error| format!("fetch.base: no address ({error})"))?;
        if base.scheme() != "https" || base.path() != "/" || base.query().is_some() {
            return Err("fetch.base: https://, host and port only".to_owned());
        }
        if !self.lead.starts_with('/') || !(self.lead.contains("{id}") || self.lead.contains("{tail}")) {
            return Err("fetch.lead: begins with / and holds {id} or {tail}".to_owned());
        }
        if self.token != "bearer" && self.token.strip_prefix("query:").is_none_or(str::is_empty) {
            return Err("fetch.token: bearer or query:NAME".to_owned());
        }
        match &self.backfill {
            Some(page) if !page.page.starts_with('/') || !page.page.contains("{form}") => {
                Err("fetch.backfill.page: begins with / and holds {form}".to_owned())
            }
            Some(page) if page.cursor_parameter.is_empty() => {
                Err("fetch.backfill.cursor_parameter: name the parameter of the cursor".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Address of one lead at `base`; `None` for an id of another shape.
    #[must_use]
    pub fn lead_at(&self, base: &str, id: &str) -> Option<String> {
        let tail = plain_id(id.rsplit(':').next().unwrap_or(id))?;
        let path = self.lead.replace("{id}", &plain_id(id)?).replace("{tail}", &tail);
        Some(format!("{}{path}", base.trim_end_matches('/')))
    }

    /// The address with the token, when it belongs into the query.
    #[must_use]
    pub fn with_token(&self, address: String, token: &str) -> String {
        let Some(name) = self.token.strip_prefix("query:") else { return address };
        let mark = if address.contains('?') { '&' } else { '?' };
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, token).finish();
        format!("{address}{mark}{pair}")
    }

    /// Error code of an answer.
    #[must_use]
    pub fn code_of(&self, answer: &Value) -> Option<String> {
        self.error_code.text(Scope::whole(answer), &mut Budget::default())
    }

    /// What an error means.
    #[must_use]
    pub fn meaning(&self, status: u16, code: Option<&str>) -> Option<&Meaning> {
        self.errors.iter().find(|error| {
            (error.code.is_empty() || code.is_some_and(|code| error.code.iter().any(|c| c == code)))
                && (error.status.is_empty() || error.status.contains(&status))
        })
    }
}

impl Backfill {
    /// Address of a page at `base`.
    #[must_use]
    pub fn page_at(&self, base: &str, form: &str, since: i64, cursor: Option<&str>) -> Option<String> {
        let page = self.page.replace("{form}", &plain_id(form)?).replace("{since}", &since.to_string());
        let mut address = format!("{}{page}", base.trim_end_matches('/'));
        if let Some(cursor) = cursor {
            let pair =
                form_urlencoded::Serializer::new(String::new()).append_pair(&self.cursor_parameter, cursor).finish();
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(&pair);
        }
        Some(address)
    }

    /// Leads of a page, with their ids.
    #[must_use]
    pub fn leads<'d>(&self, page: &'d Value) -> Vec<(String, &'d Value)> {
        let scope = Scope::whole(page);
        let mut budget = Budget::default();
        let items = self.items.find(scope, &mut budget);
        items.into_iter().filter_map(|item| Some((self.id.text(scope.at(item), &mut budget)?, item))).collect()
    }

    /// The page after this one.
    #[must_use]
    pub fn further(&self, page: &Value) -> Further {
        let mut budget = Budget::default();
        let scope = Scope::whole(page);
        if self.more.text(scope, &mut budget).is_none() {
            return Further::Last;
        }
        self.cursor.text(scope, &mut budget).map_or(Further::Lost, Further::At)
    }
}

/// Where a page is gone on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Further {
    /// It is the last one.
    Last,
    /// At this cursor.
    At(String),
    /// There is a further one, and nothing says where.
    Lost,
}

/// An id as it may stand in an address: no separators, so that it names one thing and no other path.
fn plain_id(id: &str) -> Option<String> {
    let id = id.trim();
    let good = (1..=ID_CHARS).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_:.".contains(&b))
        && !id.contains("..")
        && id != ".";
    good.then(|| id.replace(':', "%3A"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_not_leave_its_place_in_the_address() {
        assert_eq!(plain_id("1234"), Some("1234".to_owned()));
        assert_eq!(plain_id("urn:li:x:1-2"), Some("urn%3Ali%3Ax%3A1-2".to_owned()));
        for id in ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a&b=c", "a b", "é", &"1".repeat(201)] {
            assert_eq!(plain_id(id), None, "{id}");
        }
    }

    #[test]
    fn a_further_page_without_a_way_to_it_is_not_taken_for_the_last_one() {
        let path = |text: &str| Path::parse(text).unwrap();
        let poll = Backfill {
            page: "/{form}".to_owned(),
            items: path("data[]"),
            id: path("id"),
            more: path("paging.next"),
            cursor: path("paging.cursors.after"),
            cursor_parameter: "after".to_owned(),
        };
        let further = |paging: Value| poll.further(&serde_json::json!({"data": [], "paging": paging}));
        assert_eq!(further(serde_json::json!({"cursors": {"after": "c"}})), Further::Last);
        assert_eq!(further(serde_json::json!({"next": "x", "cursors": {"after": "c"}})), Further::At("c".to_owned()));
        assert_eq!(further(serde_json::json!({"next": "x", "cursors": {}})), Further::Lost);
    }
}
