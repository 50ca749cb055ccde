//! What is said of one touch, gathered from fields and queries; not yet what it means.

use std::collections::BTreeMap;

use super::CHARS;
use crate::clock::Timestamp;
use crate::domain::reading::text::non_empty_line;
use crate::domain::reading::tracking::{self, Touch, Tracked};
use crate::domain::submission::Field;

/// Parameters kept of one touch.
const PARAMETERS: usize = 64;
/// Parts of a query looked at.
const QUERY_PARTS: usize = 200;
/// How long a script may remember a touch, in seconds: two years.
const REMEMBERED: u64 = 2 * 366 * 86_400;

/// Values that mean nothing: what programs write for a value that is not there.
const EMPTY: [&str; 7] = ["null", "undefined", "(not provided)", "[object object]", "nan", "-", "{}"];

/// What is said of one touch, before it is understood.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) page: Option<String>,
    pub(super) landing: Option<String>,
    pub(super) referrer: Option<String>,
    /// A script looked for a referrer, whether there was one or not.
    pub(super) measured: bool,
    pub(super) at: Option<String>,
}

impl Said {
    /// What the fields say of one touch.
    pub(super) fn of(fields: &[Field], touch: Touch) -> Self {
        let mut said = Self::default();
        for field in fields {
            let Some((_, tracked)) = tracking::parameter(&field.name).filter(|(of, _)| *of == touch) else { continue };
            let value = Some(field.value.trim()).filter(|value| !value.is_empty()).map(str::to_owned);
            match tracked {
                Tracked::Parameter(name) => said.add(&name, &field.value),
                Tracked::Page => said.page = said.page.or(value),
                Tracked::Landing => said.landing = said.landing.or(value),
                Tracked::Referrer => {
                    said.measured |= value.is_some() || field.name.trim().starts_with('_');
                    said.referrer = said.referrer.or(value);
                }
                Tracked::At => said.at = said.at.or(value),
            }
        }
        said
    }

    /// Keeps a parameter unless a surer place has told it.
    fn add(&mut self, name: &str, value: &str) {
        if let Some(value) = non_empty_line(value, CHARS)
            && self.parameters.len() < PARAMETERS
        {
            self.parameters.entry(name.to_owned()).or_insert(value);
        }
    }

    /// Keeps what a query says of the visit, where no surer place has told it.
    pub(super) fn add_query(&mut self, query: Option<&str>) {
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()).take(QUERY_PARTS) {
            if let Some((Touch::Visit, Tracked::Parameter(name))) = tracking::parameter(&name) {
                self.add(&name, &value);
            }
        }
    }

    /// A parameter that means something.
    pub(super) fn meant(&self, name: &str) -> Option<String> {
        self.parameters.get(name).and_then(|value| meant(value))
    }
}

/// A value on one line; `None` for what stands for nothing, and for a placeholder nobody filled in (`{keyword}`).
pub(super) fn meant(value: &str) -> Option<String> {
    let value = non_empty_line(value, CHARS)?;
    let unfilled = value.starts_with('{') && value.ends_with('}') || value.starts_with("%%") && value.ends_with("%%");
    (!unfilled && !EMPTY.contains(&value.to_lowercase().as_str())).then_some(value)
}

/// A moment a script remembers: RFC 3339 or milliseconds, not in the future, not longer ago than it may remember.
pub(super) fn moment(said: &str, now: Timestamp) -> Option<Timestamp> {
    let millis = || said.parse::<i64>().ok()?.checked_mul(1_000);
    let micros = said.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_microsecond).ok().or_else(millis)?;
    let at = Timestamp::from_micros(micros);
    (at <= now && now.since(at).as_secs() <= REMEMBERED).then_some(at)
}
