//! Whom a machine may write to, and which of a visitor's own words may stand in such a mail.
//!
//! An address in a form is a stranger's claim: anybody may type anybody's. So a mail to it is sent for a clean
//! submission of a form only, to one person's mailbox, and repeats nothing the visitor wrote but a plain name.
//!
//! Not here: how many mails (`store`, in one transaction), their text (`config/visitor`), their sending (`delivery`).

pub mod token;

use std::collections::BTreeMap;
use std::time::Duration;

use super::decision::{Action, Decision};
use super::enquiry::email::EmailAddress;
use super::enquiry::{Email, EmailKind, Enquiry};
use super::envelope::{ArrivalContext, ArrivalState, Channel, Envelope};
use super::screening::Verdict;
use crate::clock::Timestamp;

/// Why an arrival waits in quarantine until its address is confirmed.
pub const AWAITING: &str = "awaiting_confirmation";

/// Name in [`ArrivalContext::extra`] of a submission made to try a form out.
pub const TEST: &str = "test";

/// Longest name repeated in a mail, in characters.
const NAME_CHARS: usize = 40;
/// Most words of such a name.
const NAME_WORDS: usize = 5;

/// An acknowledgement later than this would surprise more than it helps.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_hours(24);

/// Local parts that no person reads, beside role names such as `info`, which somebody may well read.
const MACHINES: [&str; 15] = [
    "abuse",
    "bounce",
    "bounces",
    "daemon",
    "donotreply",
    "do-not-reply",
    "hostmaster",
    "mailer-daemon",
    "nobody",
    "noreply",
    "no-reply",
    "postmaster",
    "root",
    "security",
    "webmaster",
];

/// When an address was confirmed for a purpose, by canonical address and purpose.
pub type Confirmed = BTreeMap<(String, String), Timestamp>;

/// What is to be confirmed by whoever owns the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The address.
    pub email: Email,
    /// Purposes agreed to and not confirmed yet.
    pub purposes: Vec<String>,
}

/// The address and the purposes a form wants confirmed, whatever is known of them already; empty purposes mean nothing
/// is to be confirmed.
#[must_use]
pub fn wanted(enquiry: &Enquiry, purposes: &[String]) -> Option<Ask> {
    let email = enquiry.emails.first()?.clone();
    let agreed = enquiry.consents.iter().filter(|c| c.given && purposes.contains(&c.purpose));
    let purposes: Vec<String> = agreed.map(|c| c.purpose.clone()).collect();
    (!purposes.is_empty()).then_some(Ask { email, purposes })
}

impl Ask {
    /// What is left of it after what was confirmed earlier.
    #[must_use]
    pub fn without(mut self, confirmed: &Confirmed) -> Option<Self> {
        let address = &self.email.canonical;
        self.purposes.retain(|purpose| !confirmed.contains_key(&(address.clone(), purpose.clone())));
        (!self.purposes.is_empty()).then_some(self)
    }
}

/// Holds what would become a record until its address is confirmed. What a person released is not held again.
pub fn hold(decision: &mut Decision, context: &ArrivalContext) {
    let record = matches!(decision.action, Action::Create(_) | Action::Append(_));
    if decision.state == ArrivalState::Decided && record && !context.released {
        decision.state = ArrivalState::Quarantined;
        decision.reason = Some(AWAITING.to_owned());
        decision.action = Action::Nothing;
        decision.unsubscribe = None;
    }
}

/// Whether a machine may write to whoever sent this arrival.
///
/// # Errors
/// The reason why not, as a slug.
pub fn writable(envelope: &Envelope) -> Result<(), &'static str> {
    if envelope.channel != Channel::Form {
        return Err("not_a_form");
    }
    let context = &envelope.context;
    if context.silent || context.extra.contains_key(TEST) {
        return Err("test");
    }
    if !is_clean(context) {
        return Err("screening");
    }
    if context.released { Err("released") } else { Ok(()) }
}

/// Nothing was found against it at the door.
#[must_use]
pub fn is_clean(context: &ArrivalContext) -> bool {
    context.screening.as_ref().is_none_or(|said| said.verdict == Verdict::Clean)
}

/// Whether the address may be thanked: one person's mailbox, for a decided submission that is not old.
///
/// # Errors
/// The reason why not, as a slug.
pub fn acknowledged<'a>(
    envelope: &Envelope,
    enquiry: &'a Enquiry,
    decision: &Decision,
    confirmed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<&'a Email, &'static str> {
    writable(envelope)?;
    if decision.state != ArrivalState::Decided || !matches!(decision.action, Action::Create(_) | Action::Append(_)) {
        return Err("no_record");
    }
    let since = confirmed_at.map_or(envelope.received_at, |at| at.max(envelope.received_at));
    if now.since(since) > ACKNOWLEDGED_WITHIN {
        return Err("late");
    }
    let email = enquiry.emails.first().ok_or("no_address")?;
    sendable(email)?;
    if email.kind == EmailKind::Role { Err("role_address") } else { Ok(email) }
}

/// Whether the address may be asked to confirm: somebody may read it.
///
/// # Errors
/// The reason why not, as a slug.
pub fn askable(envelope: &Envelope, email: &Email) -> Result<(), &'static str> {
    writable(envelope)?;
    sendable(email)
}

fn sendable(email: &Email) -> Result<(), &'static str> {
    // Extended addresses (RFC 6532) are refused by many servers, and look like others.
    let parsed = EmailAddress::parse(&email.address).filter(|_| email.address.is_ascii()).ok_or("odd_address")?;
    let local = parsed.local().to_ascii_lowercase();
    if MACHINES.contains(&local.split('+').next().unwrap_or_default()) {
        return Err("role_address");
    }
    match email.kind {
        EmailKind::Own => Err("own_address"),
        EmailKind::Reserved => Err("reserved_address"),
        EmailKind::Disposable => Err("disposable_address"),
        EmailKind::Personal | EmailKind::Role => Ok(()),
    }
}

/// The mailbox behind a canonical address, as far as mail to it is counted and refused: without its tag, whatever the
/// domain. Most servers deliver `jan+1@` and `jan+2@` to one person, so bounds that count them apart bound nothing. Never
/// for telling who somebody is: there two addresses that only look alike must stay two.
#[must_use]
pub fn mailbox(canonical: &str) -> String {
    let parts = canonical.rsplit_once('@').and_then(|(local, domain)| Some((local.split_once('+')?.0, domain)));
    match parts {
        Some((name, domain)) if !name.is_empty() => format!("{name}@{domain}"),
        _ => canonical.to_owned(),
    }
}

/// The visitor's name, if it is nothing but a name: few words of letters, no address, no number, no text of their own.
#[must_use]
pub fn plain_name(enquiry: &Enquiry) -> Option<String> {
    let person = &enquiry.person;
    let parts = || {
        let both = [person.first_name.as_deref(), person.last_name.as_deref()];
        let name = both.into_iter().flatten().collect::<Vec<_>>().join(" ");
        (!name.is_empty()).then_some(name)
    };
    let name = person.full_name.clone().or_else(parts)?;
    let words: Vec<&str> = name.split(' ').filter(|word| !word.is_empty()).collect();
    let fits = name.chars().count() <= NAME_CHARS && (1..=NAME_WORDS).contains(&words.len());
    (fits && words.iter().all(|word| is_name(word))).then(|| words.join(" "))
}

/// Letters and what stands between them in names. A dot ends a word (`Dr.`) and never stands inside one (`a.com`).
fn is_name(word: &str) -> bool {
    let body = word.strip_suffix('.').unwrap_or(word);
    let inside = |c: char| c.is_alphabetic() || is_mark(c) || matches!(c, '-' | '\'' | '’' | '\u{200c}');
    let lower = body.to_lowercase();
    body.starts_with(char::is_alphabetic)
        && body.chars().all(inside)
        && !lower.starts_with("http")
        && !lower.starts_with("www")
}

/// A mark on the letter before it, as decomposed text has them.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::enquiry::Person;

    fn named(name: &str) -> Option<String> {
        let person = Person { full_name: Some(name.to_owned()), ..Person::default() };
        plain_name(&Enquiry { person, ..Enquiry::default() })
    }

    #[test]
    fn a_name_is_repeated_and_a_message_is_not() {
        for name in ["Zoé Čapek", "Jean-Luc O'Brien", "Dr. Anne Novák", "علی\u{200c}رضا رضایی", "N. Dupont"]
        {
            assert_eq!(named(name).as_deref(), Some(name));
        }
        for text in [
            "http://x",
            "http //x",
            "www spam ru",
            "evil.com",
            "visit evil.com now",
            "a@b.cz",
            "call 0600000000",
            "win 1000 now",
            "x\r\nBcc: a@b.cz",
            "x\nSubject y",
            "x\u{2028}y",
            "x\0y",
            "=?utf-8?q?a=0Ab?=",
            "%0aBcc",
            "you have won the great prize today",
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnop",
            "<b>Bob</b>",
            "a\u{202e}b",
            "a/b",
            "",
            " ",
        ] {
            assert_eq!(named(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_machine_writes_to_nobody_who_may_not_have_asked() {
        let email = |address: &str| EmailAddress::parse(address).unwrap().to_email(&["ours.cz".to_owned()]);
        for (address, why) in [
            ("noreply@firma.cz", "role_address"),
            ("Postmaster+x@firma.cz", "role_address"),
            ("jan@ours.cz", "own_address"),
            ("jan@example.com", "reserved_address"),
            ("jan@mailinator.com", "disposable_address"),
            ("ján@firma.cz", "odd_address"),
        ] {
            assert_eq!(sendable(&email(address)), Err(why), "{address}");
        }
        assert_eq!(sendable(&email("jan@firma.cz")), Ok(()));
        assert_eq!(sendable(&email("info@firma.cz")), Ok(()), "somebody may read it");
    }

    #[test]
    fn tags_of_any_domain_are_one_mailbox_to_write_to() {
        for (address, expected) in [
            ("jan+1@firma.cz", "jan@firma.cz"),
            ("jan+1+2@firma.cz", "jan@firma.cz"),
            ("jan@firma.cz", "jan@firma.cz"),
            ("jan@a+b.cz", "jan@a+b.cz"),
            ("+1@firma.cz", "+1@firma.cz"),
            ("nobody", "nobody"),
        ] {
            assert_eq!(mailbox(address), expected);
            assert_eq!(mailbox(expected), expected, "twice: {address}");
        }
        let canonical = |address: &str| EmailAddress::parse(address).unwrap().canonical();
        assert_ne!(canonical("jan+1@firma.cz"), canonical("jan+2@firma.cz"), "who they are is another question");
    }

    #[test]
    fn only_what_was_agreed_to_is_asked_for_and_only_once() {
        let consent = |purpose: &str, given| super::super::enquiry::Consent {
            purpose: purpose.to_owned(),
            given,
            ..Default::default()
        };
        let email = EmailAddress::parse("jan@firma.cz").unwrap().to_email(&[]);
        let enquiry = Enquiry {
            emails: vec![email],
            consents: vec![consent("news", true), consent("offers", true), consent("calls", false)],
            ..Enquiry::default()
        };
        let purposes = ["news", "offers", "calls"].map(str::to_owned);
        let ask = wanted(&enquiry, &purposes).unwrap();
        assert_eq!(ask.purposes, ["news", "offers"]);
        let key = |purpose: &str| ("jan@firma.cz".to_owned(), purpose.to_owned());
        let mut confirmed = Confirmed::from([(key("news"), Timestamp::default())]);
        assert_eq!(ask.clone().without(&confirmed).unwrap().purposes, ["offers"], "opt-in is per purpose");
        confirmed.insert(key("offers"), Timestamp::default());
        assert_eq!(ask.without(&confirmed), None);
        assert_eq!(wanted(&enquiry, &purposes[2..]), None);
    }
}
