//! What was told and is not asked for: a day that is over and whose year nobody wrote.
//!
//! A day without a year is the next of its name. Where that is most of a year away and this year's is over, that was meant; where it is
//! not so far, only words for what has been say so, and of something written the day is always behind.

use super::tokens::{Kind, Token};
use super::words::{ARTICLE, DATED, DOCUMENT, FUTURE, NEXT, NUMBERED, PAST, SINCE, YEAR};
use super::{Period, Reader};

/// Tokens of a sentence looked at for a sign of what has been or will be.
const SENTENCE: usize = 14;
/// Farther ahead than this many days, in the next year, the last one was meant.
const FAR: i32 = 270;
/// Nearer than this, the next one was.
const NEAR: i32 = 120;
/// Tokens between something written and its day.
const TITLE: usize = 6;

impl Reader {
    pub(super) fn is_told(&self, period: &Period, at: usize) -> bool {
        if !period.yearless {
            return false;
        }
        let single = period.start == period.end;
        if self.is_since(at) || single && self.is_of_document(at) {
            return true;
        }
        let ahead = (period.start - self.written.on).get_days();
        let future = self.tells_of_future(at);
        let past = self.tells_of_past(at);
        let under_way = ahead <= 0 && !single;
        let over = ahead > FAR && period.start.year() != self.written.on.year();
        if over { past || !future } else { (ahead > NEAR || under_way) && past && !future && !self.asks(at) }
    }

    /// `since 3 January`, `seit dem 3. Januar`, `depuis début mars`.
    pub(super) fn is_since(&self, at: usize) -> bool {
        (1..=2).any(|back| self.before_has(at, back, SINCE))
    }

    /// `your offer of 12 February`, `nabídku č. 7 ze dne 12. února`.
    fn is_of_document(&self, at: usize) -> bool {
        let dated = (1..=3).take_while(|back| self.before_has(at, *back, DATED | ARTICLE)).count();
        if !(1..=dated).any(|back| self.before_has(at, back, DATED)) {
            return false;
        }
        let mut title = (dated + 1..=dated + TITLE).map_while(|back| self.before(at, back)).skip_while(|token| {
            let numbered = token.has(NUMBERED) && !token.has(DOCUMENT);
            numbered || matches!(token.kind, Kind::Number { .. } | Kind::Mark('-' | '/' | '.' | '(' | ')' | '°' | '#'))
        });
        title.next().is_some_and(|token| token.has(DOCUMENT))
    }

    /// A sentence that tells of what has been.
    pub(super) fn tells_of_past(&self, at: usize) -> bool {
        self.sentence(at).any(|token| token.has(PAST))
    }

    fn tells_of_future(&self, at: usize) -> bool {
        let mut last: Option<&Token> = None;
        self.sentence(at).any(|token| {
            let next_year = last
                .replace(token)
                .is_some_and(|last| last.has(NEXT) && token.has(YEAR) || last.has(YEAR) && token.has(NEXT));
            next_year || token.has(FUTURE)
        })
    }

    /// The tokens of the sentence around one, in order, to a bound.
    fn sentence(&self, at: usize) -> impl Iterator<Item = &Token> {
        // The point behind a number counts.
        let ends = |at: usize| match self.get(at).map(|token| token.kind) {
            Some(Kind::Mark('.')) => at.checked_sub(1).is_none_or(|before| self.number(before).is_none()),
            kind => matches!(kind, None | Some(Kind::Break | Kind::Mark('!' | '?' | '؟'))),
        };
        let back = (1..=SENTENCE.min(at)).take_while(|back| !ends(at - back)).count();
        let on = (1..=SENTENCE).take_while(|on| !ends(at + on)).count();
        (at - back..=at + on).filter_map(|at| self.get(at))
    }
}
