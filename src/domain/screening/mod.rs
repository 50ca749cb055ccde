//! How much an enquiry looks like spam: signals -> parts with points -> score -> verdict. Nothing is dropped here, and
//! nothing is done: the door and [`super::decide`] act on the verdict.
//!
//! Invariants:
//! - every point has a part that names its reason in one plain sentence, without personal data;
//! - one weak signal alone never makes an enquiry suspect, and no amount of links alone makes it spam;
//! - no signal that a browser can cause by itself (no time stamp, an old page, no language) counts by itself.
//!
//! | signal | code | points |
//! |---|---|---|
//! | a trap field is filled | `trap` | 100 |
//! | sent faster than a person types | `too_fast` | 50 |
//! | time stamp not ours, or of another form | `stamp_forged`, `stamp_other_form` | 60, 40 |
//! | time stamp old, unreadable, or from the future | `stamp_old`, `stamp_unreadable`, `stamp_future` | 5, 15, 15 |
//! | captcha failed or low score | `captcha_failed`, `captcha_low_score` | 60, 45 |
//! | captcha optional and left out | `captcha_missing` | 10 |
//! | three links and more | `links` | 8 for each above two, at most 48 |
//! | link markup: `[url=..]`, `<a href` | `markup` | 45 for each of the two kinds |
//! | an address of a page where a name belongs | `link_in_name` | 45 |
//! | a script nobody expects here; Latin and Cyrillic letters in one word | `script`, `mixed_script` | 20, 40 |
//! | one character fifteen times running | `repeated` | 20 |
//! | throw-away address; free mail | `disposable`, `free_mail` | 25, 2 |
//! | the same long text at another form | `elsewhere` | 25 |
//! | sent by a program; no program named; no language named | `agent`, `no_agent`, `no_language` | 20, 10, 10 |
//!
//! Usual thresholds: suspect from 40, spam from 80. `unverified` is not a score: the captcha could not be asked.

pub mod agents;
pub mod content;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::enquiry::Enquiry;
use super::envelope::Envelope;
use super::submission::{MailClass, Submission};

/// What screening makes of an enquiry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing against it.
    #[default]
    Clean,
    /// The captcha that should have been asked was away: a record with that flag, no acknowledgement.
    Unverified,
    /// A record with that flag, no acknowledgement.
    Suspect,
    /// Quarantined.
    Spam,
}

impl Verdict {
    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Unverified => "unverified",
            Self::Suspect => "suspect",
            Self::Spam => "spam",
        }
    }

    /// The verdict a stored word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Clean, Self::Unverified, Self::Suspect, Self::Spam].into_iter().find(|v| v.as_str() == word)
    }
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Stable slug, see the table of the module.
    pub code: String,
    /// Its points.
    pub points: i32,
    /// One plain sentence, without personal data.
    pub detail: String,
}

impl Part {
    /// A part.
    #[must_use]
    pub fn new(code: &str, points: i32, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), points, detail: detail.into() }
    }
}

/// The outcome, kept with the arrival.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Screening {
    /// What to make of it.
    pub verdict: Verdict,
    /// Sum of the points.
    pub score: i32,
    /// Reasons, in the order of the table.
    pub parts: Vec<Part>,
}

/// How it is found stored: whole, or as one line that begins with the verdict.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Line(String),
    Whole {
        verdict: Verdict,
        #[serde(default)]
        score: i32,
        #[serde(default)]
        parts: Vec<Part>,
    },
}

impl From<Stored> for Screening {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Whole { verdict, score, parts } => Self { verdict, score, parts },
            Stored::Line(line) => {
                let word = line.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty());
                let verdict = word.and_then(Verdict::parse).unwrap_or_default();
                Self { verdict, score: 0, parts: vec![Part::new("earlier", 0, line)] }
            }
        }
    }
}

/// What the time stamp of a page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// None: a static page cannot have one.
    Missing,
    /// Something else under that name.
    Unreadable,
    /// Not signed by us.
    Forged,
    /// Signed for another form.
    OtherForm,
    /// Signed at a time that has not come yet, beyond what clocks differ by.
    Future,
    /// So long ago.
    Age(Duration),
}

/// What came of the captcha.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The form asks for none.
    NotAsked,
    /// Solved.
    Passed,
    /// Solved, with a score below what is wanted.
    Low(String),
    /// No token.
    Missing,
    /// The token is no good: why, one clause.
    Failed(String),
    /// Nobody could be asked: why, one clause.
    Away(String),
}

/// What is held against an enquiry, and from where on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Score at all.
    pub enabled: bool,
    /// Score from which it is suspect.
    pub suspect_from: i32,
    /// Score from which it is spam.
    pub spam_from: i32,
    /// A form filled in faster is suspect.
    pub fastest: Duration,
    /// A page older is old.
    pub oldest: Duration,
    /// Languages expected beside those of the house: ISO 639-1.
    pub languages: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            enabled: true,
            suspect_from: 40,
            spam_from: 80,
            fastest: Duration::from_secs(2),
            oldest: Duration::from_hours(24),
            languages: Vec::new(),
        }
    }
}

/// Everything that is known at the door beside the text.
#[derive(Debug, Clone)]
pub struct Signals<'a> {
    /// Name of a trap field that is filled.
    pub trap: Option<&'a str>,
    /// Time stamp.
    pub stamp: Stamp,
    /// Captcha.
    pub proof: Proof,
    /// The same long text came to another form lately.
    pub elsewhere: bool,
    /// `User-Agent`.
    pub agent: Option<&'a str>,
    /// Whether a language was named.
    pub language: bool,
}

impl<'a> Signals<'a> {
    /// Nothing odd, and nothing asked for, about what this browser sends.
    #[must_use]
    pub const fn calm(agent: &'a str) -> Self {
        let (stamp, proof) = (Stamp::Missing, Proof::NotAsked);
        Self { trap: None, stamp, proof, elsewhere: false, agent: Some(agent), language: true }
    }
}

/// Screens a submission at the door.
#[must_use]
pub fn screen(signals: &Signals<'_>, content: &content::Content<'_>, policy: &Policy) -> Screening {
    if !policy.enabled {
        return weigh(Vec::new(), &signals.proof, policy);
    }
    let mut parts = Vec::new();
    if let Some(name) = signals.trap {
        parts.push(Part::new("trap", 100, format!("the trap field {name} is filled, which people do not see")));
    }
    parts.extend(stamp(signals.stamp, policy));
    parts.extend(proof(&signals.proof));
    parts.extend(content::parts(content, &policy.languages));
    if signals.elsewhere {
        parts.push(Part::new("elsewhere", 25, "the same text came to another form a short while ago"));
    }
    parts.extend(agents::part(signals.agent));
    if !signals.language {
        parts.push(Part::new("no_language", 10, "no language is named, which browsers do"));
    }
    weigh(parts, &signals.proof, policy)
}

fn stamp(stamp: Stamp, policy: &Policy) -> Option<Part> {
    match stamp {
        Stamp::Unreadable => Some(Part::new("stamp_unreadable", 15, "the time stamp of the page cannot be read")),
        Stamp::Forged => Some(Part::new("stamp_forged", 60, "the time stamp of the page is not signed by us")),
        Stamp::OtherForm => Some(Part::new("stamp_other_form", 40, "the time stamp belongs to another form")),
        Stamp::Future => Some(Part::new("stamp_future", 15, "the time stamp lies in the future")),
        Stamp::Age(age) if age < policy.fastest => {
            let (took, least) = (age.as_secs_f32(), policy.fastest.as_secs());
            Some(Part::new("too_fast", 50, format!("filled in within {took:.1} s; a person takes {least} s at least")))
        }
        Stamp::Age(age) if age > policy.oldest => {
            Some(Part::new("stamp_old", 5, format!("the page was {} hours old", age.as_secs() / 3_600)))
        }
        Stamp::Missing | Stamp::Age(_) => None,
    }
}

fn proof(proof: &Proof) -> Option<Part> {
    match proof {
        Proof::NotAsked | Proof::Passed => None,
        Proof::Missing => Some(Part::new("captcha_missing", 10, "the captcha was left out")),
        Proof::Low(why) => Some(Part::new("captcha_low_score", 45, format!("the captcha doubts it: {why}"))),
        Proof::Failed(why) => Some(Part::new("captcha_failed", 60, format!("the captcha failed: {why}"))),
        Proof::Away(why) => Some(Part::new("captcha_away", 0, format!("the captcha could not be asked: {why}"))),
    }
}

fn weigh(parts: Vec<Part>, proof: &Proof, policy: &Policy) -> Screening {
    let score = parts.iter().fold(0_i32, |sum, part| sum.saturating_add(part.points));
    let verdict = if policy.enabled && score >= policy.spam_from {
        Verdict::Spam
    } else if policy.enabled && score >= policy.suspect_from {
        Verdict::Suspect
    } else if matches!(proof, Proof::Away(_)) {
        Verdict::Unverified
    } else {
        Verdict::Clean
    };
    Screening { verdict, score, parts }
}

/// What screening says of an arrival: what the door found, else what its text shows. Machine mail is not looked at.
#[must_use]
pub fn of_arrival(envelope: &Envelope, submission: &Submission, enquiry: &Enquiry) -> Screening {
    if let Some(found) = &envelope.context.screening {
        return found.clone();
    }
    let looked_at = submission.class.is_none_or(|class| {
        matches!(class, MailClass::Person | MailClass::FormNotification | MailClass::Adf | MailClass::MailingList)
    });
    if !looked_at {
        return Screening::default();
    }
    let content = content::Content::of(submission, enquiry);
    weigh(content::parts(&content, &[]), &Proof::NotAsked, &Policy::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Signals<'static> {
        Signals::calm("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
    }

    fn verdict(signals: &Signals<'_>, policy: &Policy) -> (Verdict, i32) {
        let said = screen(signals, &content::Content::default(), policy);
        (said.verdict, said.score)
    }

    #[test]
    fn a_filled_trap_alone_is_spam_and_nothing_else_alone_is() {
        let policy = Policy::default();
        assert_eq!(verdict(&calm(), &policy), (Verdict::Clean, 0));
        assert_eq!(verdict(&Signals { trap: Some("_gotcha"), ..calm() }, &policy), (Verdict::Spam, 100));
        let alone = [
            (Signals { stamp: Stamp::Forged, ..calm() }, Verdict::Suspect),
            (Signals { stamp: Stamp::OtherForm, ..calm() }, Verdict::Suspect),
            (Signals { stamp: Stamp::Age(Duration::from_millis(900)), ..calm() }, Verdict::Suspect),
            (Signals { stamp: Stamp::Age(Duration::from_secs(2)), ..calm() }, Verdict::Clean),
            (Signals { stamp: Stamp::Age(Duration::from_hours(30)), ..calm() }, Verdict::Clean),
            (Signals { stamp: Stamp::Unreadable, ..calm() }, Verdict::Clean),
            (Signals { stamp: Stamp::Future, ..calm() }, Verdict::Clean),
            (Signals { proof: Proof::Missing, ..calm() }, Verdict::Clean),
            (Signals { proof: Proof::Low("0.1".into()), ..calm() }, Verdict::Suspect),
            (Signals { proof: Proof::Failed("spent".into()), ..calm() }, Verdict::Suspect),
            (Signals { proof: Proof::Away("timed out".into()), ..calm() }, Verdict::Unverified),
            (Signals { elsewhere: true, ..calm() }, Verdict::Clean),
            (Signals { agent: Some("curl/8.5.0"), language: false, ..calm() }, Verdict::Clean),
        ];
        for (signals, expected) in alone {
            assert_eq!(verdict(&signals, &policy).0, expected, "{signals:?}");
        }
        let both = Signals { stamp: Stamp::Forged, agent: Some("curl/8.5.0"), ..calm() };
        assert_eq!(verdict(&both, &policy).0, Verdict::Spam);
    }

    #[test]
    fn thresholds_and_times_are_the_forms_own_and_off_is_off() {
        let mild = Policy { suspect_from: 200, spam_from: 300, ..Policy::default() };
        assert_eq!(verdict(&Signals { trap: Some("x"), ..calm() }, &mild).0, Verdict::Clean);
        let slow = Policy { fastest: Duration::from_secs(10), ..Policy::default() };
        assert_eq!(
            verdict(&Signals { stamp: Stamp::Age(Duration::from_secs(9)), ..calm() }, &slow).0,
            Verdict::Suspect
        );
        let off = Policy { enabled: false, ..Policy::default() };
        let signals = Signals { trap: Some("x"), proof: Proof::Away("x".into()), ..calm() };
        assert_eq!(verdict(&signals, &off), (Verdict::Unverified, 0));
    }

    #[test]
    fn what_was_stored_as_one_line_is_still_read() {
        let old: Screening = serde_json::from_str("\"suspect: many links\"").unwrap();
        assert_eq!((old.verdict, old.score), (Verdict::Suspect, 0));
        assert_eq!(old.parts.first().unwrap().detail, "suspect: many links");
        let new = Screening { verdict: Verdict::Spam, score: 100, parts: vec![Part::new("trap", 100, "x")] };
        assert_eq!(serde_json::from_str::<Screening>(&serde_json::to_string(&new).unwrap()).unwrap(), new);
        assert_eq!(serde_json::from_str::<Screening>("{\"verdict\":\"clean\"}").unwrap(), Screening::default());
    }
}
