//! Hours beside a day: what makes a number no day, and a day one that somebody is asked to come.

use super::Reader;
use super::tokens::Kind;
use super::words::{AT, HOUR, MEASURE};

impl Reader {
    /// `14h`, `10:30`, `14.30 Uhr`, `2 pm`, `14 hodin`: the number at a token is an hour.
    pub(super) fn is_hour(&self, at: usize) -> bool {
        let Some((hour, digits)) = self.number(at) else { return false };
        if hour > 24 || digits > 2 {
            return false;
        }
        let minutes = self.mark(at + 1, ":.") && !self.is_spaced(at + 1) && !self.is_spaced(at + 2);
        let minutes = minutes && self.number(at + 2).is_some_and(|(value, digits)| value < 60 && digits == 2);
        let more = self.mark(at + 3, "./-") && !self.is_spaced(at + 3) && self.number(at + 4).is_some();
        self.has(at + 1, HOUR) || self.before_has(at, 1, HOUR) || minutes && !more
    }

    /// An hour, with or without the word that leads to it.
    pub(super) fn is_at_hour(&self, at: usize) -> bool {
        let lead = usize::from(self.mark(at, ",(") || self.has(at, AT));
        let lead = lead + usize::from(self.has(at + lead, AT) && lead == 1 && !self.has(at, HOUR));
        self.is_hour(at) || self.is_hour(at + lead)
    }

    /// Nothing stands at a token that the number before it would count: the phrase ends, or goes on as a sentence does.
    pub(super) fn is_end(&self, at: usize) -> bool {
        self.get(at).is_none_or(|token| match token.kind {
            Kind::Break => true,
            Kind::Mark(c) => !"%€$£:°/".contains(c),
            Kind::Number { .. } => token.first,
            Kind::Word => token.first || token.meaning.roles != 0 && !token.large && !token.has(MEASURE | HOUR),
        })
    }
}
