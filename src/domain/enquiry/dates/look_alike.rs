//! What reads as a day with its month and is none: a name with a number behind it, a street, a question.

use super::Reader;
use super::tokens::{Kind, Token};
use super::words::{ARTICLE, CUE, GREETING, LARGE, PLACE, ROAD, ROMAN, STREET, STREET_OF};

/// Tokens of a question looked at behind its first word.
const QUESTION: usize = 20;

impl Reader {
    pub(super) fn is_weekday_before(&self, at: usize) -> bool {
        (1..=2).any(|back| self.before(at, back).is_some_and(|token| token.meaning.weekday.is_some()))
    }

    /// The end of a line stands between two tokens.
    pub(super) fn is_wrapped(&self, from: usize, to: usize) -> bool {
        (from + 1..=to).any(|at| self.get(at).is_some_and(|token| token.first))
    }

    /// `Hi Jan 2 questions`, `Dear June, 20 chairs`: somebody's name, and a number that begins something else.
    pub(super) fn is_called(&self, month_at: usize, day_at: usize) -> bool {
        let comma = (month_at..day_at).any(|at| self.mark(at, ",،"));
        let wrapped = self.is_wrapped(month_at, day_at);
        let short = self.get(month_at).is_some_and(|token| token.end - token.start <= 3);
        let led = self.before_has(month_at, 1, CUE) && !short;
        let greeted = (1..=2).any(|back| self.before_has(month_at, back, GREETING));
        comma || wrapped && !led || greeted && !self.before_has(month_at, 1, CUE | ARTICLE)
    }

    /// `We can sit 20. May we bring dogs?`: the point ends a sentence, and the month is the verb of the next.
    pub(super) fn is_asking(&self, word: &Token, month_at: usize) -> bool {
        let ahead = usize::from(self.number(month_at + 1).is_some_and(|(_, digits)| digits != 4));
        let verb = self.get(month_at + 1 + ahead).is_some_and(|token| token.kind == Kind::Word && !token.first);
        word.has(LARGE) && verb && self.before(month_at, 1).is_some_and(|token| token.is_mark("."))
    }

    /// `May 7 units be sent?`: the verb begins a sentence that asks, and the number counts.
    pub(super) fn is_may_i(&self, at: usize, word: &Token, behind: usize) -> bool {
        let begins = self.before(at, 1).is_none_or(|token| token.kind == Kind::Break || token.is_mark(".!?"));
        let counted = self.get(behind).is_some_and(|token| token.kind == Kind::Word && !token.large);
        word.has(LARGE) && (begins || word.first) && counted && self.asks(behind)
    }

    /// A question mark ends the sentence that goes on at a token.
    pub(super) fn asks(&self, at: usize) -> bool {
        let mut ahead = (at..at + QUESTION).map_while(|at| self.get(at));
        ahead.find(|token| token.kind == Kind::Break || token.is_mark(".!?؟")).is_some_and(|token| token.is_mark("?؟"))
    }

    /// `rue du 11 novembre`, `nám. 28. října 5`, `Straße des 17. Juni`, `12 April Road`.
    pub(super) fn is_street(&self, at: usize, next: usize) -> bool {
        self.is_behind_street(at) || self.has(next, ROAD) && self.is_large(next) || self.is_house(at, next)
    }

    fn is_behind_street(&self, at: usize) -> bool {
        let mut back = 1;
        let abbreviated = self.before(at, 2).is_some_and(|token| token.end - token.start <= 5);
        if self.before(at, 1).is_some_and(|token| token.is_mark(".")) && abbreviated
            || self.before_has(at, 1, ROMAN) && self.number(at).is_none()
        {
            back = 2;
        }
        let linked = self.before_has(at, back, STREET_OF);
        let street = back + usize::from(linked);
        self.before_has(at, street, STREET) || linked && self.before_has(at, street, PLACE)
    }

    /// A number of a house behind the name, and a town behind that.
    fn is_house(&self, at: usize, next: usize) -> bool {
        let number = self.number(next).is_some_and(|(_, digits)| digits <= 3) && !self.is_hour(next);
        let town = match self.get(next + 2) {
            Some(token) if self.mark(next + 1, ",") => match token.kind {
                Kind::Number { digits, .. } => digits >= 3,
                _ => token.large,
            },
            _ => false,
        };
        number && town && !self.before_has(at, 1, CUE) && !self.is_weekday_before(at)
    }

    fn is_large(&self, at: usize) -> bool {
        self.get(at).is_some_and(|token| token.large)
    }
}
