//! The same long text at several forms within an hour: a hint, no more, for one daemon and as long as it runs.
//!
//! Invariant: memory is bounded, and holds digests only.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Texts remembered.
const REMEMBERED: usize = 10_000;
/// For so long.
const KEPT: Duration = Duration::from_hours(1);
/// Shortest text looked at, in characters: greetings are said everywhere.
const LONG: usize = 60;

#[derive(Debug, Default)]
struct Heard {
    forms: HashMap<u64, (u64, Instant)>,
    in_order: VecDeque<(u64, Instant)>,
}

/// Texts that came lately, and where.
#[derive(Debug, Default)]
pub(super) struct Echoes(Mutex<Heard>);

impl Echoes {
    /// Whether the longest of `texts` came to another form lately; from now on it is known.
    pub(super) fn elsewhere(&self, form: &str, texts: &[&str], now: Instant) -> bool {
        let Some(longest) = texts.iter().max_by_key(|text| text.len()).filter(|text| text.chars().count() >= LONG)
        else {
            return false;
        };
        let words = longest.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = xxhash_rust::xxh3::xxh3_64(words.as_bytes());
        let form = xxhash_rust::xxh3::xxh3_64(form.as_bytes());
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while heard.in_order.len() >= REMEMBERED
            || heard.in_order.front().is_some_and(|(_, at)| now.saturating_duration_since(*at) > KEPT)
        {
            let Some((oldest, at)) = heard.in_order.pop_front() else { break };
            if heard.forms.get(&oldest).is_some_and(|(_, since)| *since == at) {
                heard.forms.remove(&oldest);
            }
        }
        if let Some((first, _)) = heard.forms.get(&text) {
            return *first != form;
        }
        heard.forms.insert(text, (form, now));
        heard.in_order.push_back((text, now));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_at_other_forms_for_an_hour() {
        let (echoes, start) = (Echoes::default(), Instant::now());
        let text = "We offer the best services for your website at the lowest prices on earth";
        assert!(!echoes.elsewhere("a", &[text], start));
        assert!(!echoes.elsewhere("a", &[text], start), "the same form twice is a repeat, not spam");
        assert!(echoes.elsewhere("b", &["x", &text.replace(' ', "\n ")], start));
        assert!(!echoes.elsewhere("b", &["Hello, please call me"], start));
        assert!(!echoes.elsewhere("b", &[text], start + KEPT * 2));
    }

    #[test]
    fn memory_is_bounded() {
        let (echoes, now) = (Echoes::default(), Instant::now());
        for n in 0..REMEMBERED + 100 {
            echoes.elsewhere("a", &[&format!("{n:080}")], now);
        }
        assert!(echoes.0.lock().unwrap().forms.len() <= REMEMBERED);
    }
}
