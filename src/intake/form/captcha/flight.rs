//! One question for one token: a double click asks once, and both clicks have the answer.
//!
//! Invariants: memory is bounded in number and time; what is forgotten is asked again, and then found spent. Nobody waits
//! longer than one question takes: that nobody could be asked is told to all who waited for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use super::Outcome;

/// Tokens remembered.
const REMEMBERED: usize = 10_000;
/// For so long.
const KEPT: Duration = Duration::from_mins(10);

type Token = [u8; 32];

#[derive(Debug)]
struct Flight {
    content: String,
    /// The question under way, or what came of it.
    question: Mutex<Question>,
}

type Question = Arc<OnceCell<Outcome>>;

impl Flight {
    fn question(&self) -> Question {
        Arc::clone(&self.question.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes room for another question, unless somebody did.
    fn forget(&self, old: &Question) {
        let mut question = self.question.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&question, old) {
            *question = Question::default();
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    by_token: HashMap<Token, Arc<Flight>>,
    in_order: VecDeque<(Instant, Token)>,
}

/// Tokens asked for lately.
#[derive(Debug, Default)]
pub(in crate::intake::form) struct Flights(Mutex<Known>);

impl Flights {
    /// What came of `token` sent with `content`: asked by `ask` if nobody asked before. What could not be asked is told to
    /// those who waited, and asked again when it comes the next time.
    pub(in crate::intake::form) async fn once(
        &self,
        (captcha, token): (&str, &str),
        content: &str,
        ask: impl AsyncFnOnce() -> Outcome,
    ) -> Outcome {
        let name = *blake3::hash(format!("{captcha}\n{token}").as_bytes()).as_bytes();
        let flight = self.flight(name, content, Instant::now());
        if flight.content != content {
            return Outcome::Spent;
        }
        let question = flight.question();
        let outcome = question.get_or_init(|| ask()).await.clone();
        if matches!(outcome, Outcome::Away(_)) {
            flight.forget(&question);
        }
        outcome
    }

    fn flight(&self, name: Token, content: &str, now: Instant) -> Arc<Flight> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while known.in_order.len() >= REMEMBERED
            || known.in_order.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > KEPT)
        {
            let Some((_, oldest)) = known.in_order.pop_front() else { break };
            known.by_token.remove(&oldest);
        }
        if let Some(found) = known.by_token.get(&name) {
            return Arc::clone(found);
        }
        let made = Arc::new(Flight { content: content.to_owned(), question: Mutex::default() });
        known.by_token.insert(name, Arc::clone(&made));
        known.in_order.push_back((now, name));
        made
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_double_click_asks_once_and_other_words_find_the_token_spent() {
        let (flights, asked) = (Flights::default(), AtomicU32::new(0));
        let ask = async || {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Outcome::Passed
        };
        let (one, two) =
            tokio::join!(flights.once(("altcha", "t"), "hi", ask), flights.once(("altcha", "t"), "hi", ask));
        assert_eq!((one, two, asked.load(Ordering::Relaxed)), (Outcome::Passed, Outcome::Passed, 1));
        assert_eq!(flights.once(("altcha", "t"), "other", ask).await, Outcome::Spent);
        assert_eq!(flights.once(("turnstile", "t"), "other", ask).await, Outcome::Passed);
    }

    #[tokio::test]
    async fn what_could_not_be_asked_is_asked_again() {
        let flights = Flights::default();
        let away = flights.once(("a", "t"), "hi", async || Outcome::Away("x".into())).await;
        assert_eq!(away, Outcome::Away("x".into()));
        assert_eq!(flights.once(("a", "t"), "hi", async || Outcome::Passed).await, Outcome::Passed);
    }

    #[tokio::test]
    async fn those_who_wait_for_one_question_wait_no_longer_than_it_takes() {
        let (flights, asked) = (Flights::default(), AtomicU32::new(0));
        let ask = async || {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Outcome::Away("no answer".into())
        };
        let all = tokio::join!(
            flights.once(("a", "t"), "hi", ask),
            flights.once(("a", "t"), "hi", ask),
            flights.once(("a", "t"), "hi", ask)
        );
        let away = Outcome::Away("no answer".into());
        assert_eq!((all, asked.load(Ordering::Relaxed)), ((away.clone(), away.clone(), away), 1));
    }

    #[test]
    fn memory_is_bounded() {
        let (flights, now) = (Flights::default(), Instant::now());
        for n in 0..u32::try_from(REMEMBERED).unwrap() + 500 {
            flights.flight(*blake3::hash(&n.to_be_bytes()).as_bytes(), "hi", now);
        }
        assert!(flights.0.lock().unwrap().by_token.len() <= REMEMBERED);
        flights.flight([0; 32], "hi", now + KEPT * 2);
        assert_eq!(flights.0.lock().unwrap().by_token.len(), 1);
    }
}
