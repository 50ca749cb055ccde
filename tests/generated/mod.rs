//! Mails made at random with their exact truth: form notifications, signatures, automotive leads. The same seed makes the
//! same mail; names, companies, layouts and languages are drawn.

pub mod adf;
pub mod arrivals;
pub mod crm;
pub mod judge;
pub mod notifications;
pub mod people;
pub mod signatures;
pub mod strangers;
pub mod variants;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

/// A language that mails are made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tongue {
    /// French.
    Fr,
    /// English.
    En,
    /// German.
    De,
    /// Czech.
    Cs,
    /// Persian.
    Fa,
}

/// Every language.
pub const TONGUES: [Tongue; 5] = [Tongue::Fr, Tongue::En, Tongue::De, Tongue::Cs, Tongue::Fa];

/// What is known of a value: its name, and what reading must find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Name of the value: `email`, `full_name`, `phone`, ..
    pub what: &'static str,
    /// As a person reads it.
    pub value: String,
}

/// A mail with its truth.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name of the layout.
    pub layout: &'static str,
    /// Its language.
    pub tongue: Tongue,
    /// The bytes.
    pub raw: Vec<u8>,
    /// What must be found; more than one set where a mail brings several people.
    pub truth: Vec<Vec<Fact>>,
}

/// Draws.
pub struct Dice(StdRng);

impl Dice {
    /// The dice of a seed.
    pub fn of(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// One of a list.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.0).expect("a list with something in it")
    }

    /// A number of a range, both ends included.
    pub fn number(&mut self, from: u32, to: u32) -> u32 {
        self.0.random_range(from..=to)
    }

    /// True in so many of a hundred throws.
    pub fn happens(&mut self, percent: u32) -> bool {
        self.number(1, 100) <= percent
    }

    /// So many digits, the first one not zero.
    pub fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|place| char::from(b'0' + u8::try_from(self.number(u32::from(place == 0), 9)).unwrap_or(1)))
            .collect()
    }
}

/// A message of one text part, or of two.
pub fn mail(dice: &mut Dice, header: &str, plain: Option<&str>, html: Option<&str>) -> Vec<u8> {
    let id = dice.digits(12);
    let head = format!(
        "{header}Message-ID: <{id}@made.example>\r\nDate: Mon, 10 Mar 2025 09:00:00 +0100\r\nMIME-Version: 1.0\r\n"
    );
    let part = |kind: &str, text: &str| {
        let text = text.replace('\n', "\r\n");
        format!("Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n")
    };
    let whole = match (plain, html) {
        (Some(plain), Some(html)) => format!(
            "{head}Content-Type: multipart/alternative; boundary=\"made{id}\"\r\n\r\n--made{id}\r\n{}--made{id}\r\n{}--made{id}--\r\n",
            part("plain", plain),
            part("html", html)
        ),
        (Some(plain), None) => head + &part("plain", plain),
        (None, html) => head + &part("html", html.unwrap_or_default()),
    };
    whole.into_bytes()
}

/// A header word with letters beyond ASCII as RFC 2047 writes them.
pub fn encoded(word: &str) -> String {
    use base64::Engine as _;
    if word.is_ascii() {
        return format!("\"{word}\"");
    }
    format!("=?UTF-8?B?{}?=", base64::engine::general_purpose::STANDARD.encode(word))
}

/// Text for markup.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// White space as one space each.
pub fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
