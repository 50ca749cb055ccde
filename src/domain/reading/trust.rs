//! Whom to believe: people and domains that the house has named, as far as its own mail server vouches for them.
//!
//! `Authentication-Results` (RFC 8601) is written by anybody: only the topmost field of a server of the house counts, or
//! without such a name the topmost of all, which can only take trust away.

use super::addresses::{domain_of, is_own_domain};
use super::mime::HeaderBag;
use super::{ReadSettings, rewritten};
use crate::domain::enquiry::EmailKind;
use crate::domain::enquiry::email::{EmailAddress, registrable_domain};
use crate::domain::submission::{Mailbox, Submission};

/// Flag of a report whose sender is known to tell of such things, and truly is that sender.
pub const VOUCHED_REPORT: &str = "vouched_report";
/// Flag of a mail of which our own mail server says that it is not from whom it names in From.
pub const UNVOUCHED: &str = "unvouched_sender";

/// Flag of a form notification from a configured form sender.
pub const FORM_SENDER: &str = "form_sender";
/// Flag of a form notification that a person wrote: nothing says that a website did.
pub const TYPED_BY_SENDER: &str = "typed_by_sender";

/// Longest field read, in bytes.
const FIELD: usize = 8_000;
/// Results of one field looked at.
const RESULTS: usize = 50;

/// Who tells of complaints and failures for a big mail service: notices of Amazon SES, Microsoft's complaints.
const REPORTERS: [&str; 2] = ["no-reply@sns.amazonaws.com", "staff@hotmail.com"];
/// Domain from which Amazon SES sends reports.
const SES: &str = "amazonses.com";
/// Mailboxes of mail systems.
const DAEMONS: [&str; 2] = ["mailer-daemon", "postmaster"];

/// Whether `from` may name whom a mail that it passes on is from: named in the configuration, and not refuted by the
/// mail server that took the mail in.
pub(super) fn is_trusted_forwarder(from: &Mailbox, bag: &HeaderBag, settings: &ReadSettings) -> bool {
    let Some(address) = from.address.as_deref().map(str::to_lowercase) else { return false };
    let Some(domain) = domain_of(&address) else { return false };
    is_named(&settings.forwarders, &address) && vouched(&domain, bag, &settings.authserv_ids) != Some(false)
}

/// Whether a mail is from a configured form sender: neither is From refuted, nor is it only what a list says.
pub(in crate::domain) fn is_form_sender(submission: &Submission, from: &Mailbox, settings: &ReadSettings) -> bool {
    let address = from.address.as_deref().unwrap_or_default().to_lowercase();
    let doubted = submission.flags.iter().any(|flag| flag == UNVOUCHED || flag == rewritten::FLAG);
    !doubted && settings.form_senders.contains(&address)
}

/// Whether an address is of a person, not of a role or a website.
pub(super) fn is_person(address: &str) -> bool {
    EmailAddress::parse(address).is_some_and(|address| address.kind(&[]) == EmailKind::Personal)
}

/// Whether `entries` name an address, all in lower case: itself, or its domain or one above.
pub(super) fn is_named(entries: &[String], address: &str) -> bool {
    let Some(domain) = domain_of(address) else { return false };
    entries.iter().any(|entry| match entry.trim_start_matches('@') {
        person if person.contains('@') => *person == *address,
        house => domain == house || domain.strip_suffix(house).is_some_and(|rest| rest.ends_with('.')),
    })
}

/// Whether a mail is surely from its From: a configured form sender, or one for whom our own mail server vouches.
pub(super) fn is_proven(submission: &Submission, from: &Mailbox, bag: &HeaderBag, settings: &ReadSettings) -> bool {
    let doubted = submission.flags.iter().any(|flag| flag == UNVOUCHED || flag == rewritten::FLAG);
    is_form_sender(submission, from, settings) || !doubted && of_our_server(from, bag, settings) == Some(true)
}

/// Whether our own mail server says that From did not write this: something failed for its domain, or for the sender of the
/// envelope whoever it is, and nothing passed. `none` and a name server that was away say nothing, nor does a signature of
/// another that broke (RFC 6376 section 6.1); and a server that no configuration names denies nothing: it may be one on the
/// way, before which a list wrote itself into From.
pub(super) fn is_refuted(from: &Mailbox, bag: &HeaderBag, settings: &ReadSettings) -> bool {
    let Some(domain) = from.address.as_deref().and_then(domain_of) else { return false };
    let Some(field) = our_field(bag, &settings.authserv_ids).filter(|_| !settings.authserv_ids.is_empty()) else {
        return false;
    };
    let mut results = parted(&field, |c| c == ';').skip(1).take(RESULTS);
    let denies = |verdict: &str| ["fail", "softfail", "reject"].contains(&verdict);
    let of_envelope = |result: &str| {
        result
            .trim()
            .to_lowercase()
            .strip_prefix("spf=")
            .is_some_and(|rest| denies(rest.split_whitespace().next().unwrap_or_default()))
    };
    vouched(&domain, bag, &settings.authserv_ids) != Some(true)
        && results.any(|result| of_envelope(result) || verdict(result, &domain).as_deref().is_some_and(denies))
}

/// What our own mail server says of From; `None` without a server that the configuration names, or its word.
fn of_our_server(from: &Mailbox, bag: &HeaderBag, settings: &ReadSettings) -> Option<bool> {
    let domain = from.address.as_deref().and_then(domain_of)?;
    vouched(&domain, bag, &settings.authserv_ids).filter(|_| !settings.authserv_ids.is_empty())
}

/// Whether our own mail server vouches for a sender that is known to tell of mail that failed or was complained about:
/// Amazon's and Microsoft's services, and the mail systems of our own domains.
pub(super) fn is_vouched_reporter(from: &Mailbox, bag: &HeaderBag, settings: &ReadSettings) -> bool {
    let Some(address) = from.address.as_deref().map(str::to_lowercase) else { return false };
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let daemon = DAEMONS.contains(&local);
    let known = REPORTERS.contains(&address.as_str())
        || daemon && (domain == SES || domain.strip_suffix(SES).is_some_and(|rest| rest.ends_with('.')))
        || daemon && is_own_domain(domain, &settings.own_domains);
    known && of_our_server(from, bag, settings) == Some(true)
}

/// Whether the mail server vouches for a From of `domain`; `None` when it says nothing.
fn vouched(domain: &str, bag: &HeaderBag, ours: &[String]) -> Option<bool> {
    let field = our_field(bag, ours)?;
    // A quoted local part may hold anything; where two stand, their quotes may have been set to let one end too early.
    if field.matches('"').count() > 2 && field.contains("\"@") {
        return Some(false);
    }
    Some(
        parted(&field, |c| c == ';')
            .skip(1)
            .take(RESULTS)
            .any(|result| verdict(result, domain).as_deref() == Some("pass")),
    )
}

/// What the mail server found, without comments.
fn our_field(bag: &HeaderBag, ours: &[String]) -> Option<String> {
    let mut fields = bag.all("authentication-results").map(|value| without_comments(super::body::cut(value, FIELD)));
    fields.find(|value| ours.is_empty() || ours.iter().any(|id| *id == server(value)))
}

/// The parts between the separators that stand outside of quotes; blank ones are left out.
fn parted(text: &str, separator: fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let parts = text.split(move |c: char| {
        quoted ^= c == '"';
        !quoted && separator(c)
    });
    parts.filter(|part| !part.trim().is_empty())
}

/// Who wrote the field, lower case.
fn server(field: &str) -> String {
    let id = parted(field, |c| c == ';').next().unwrap_or_default().split_whitespace().next().unwrap_or_default();
    id.trim_matches('"').trim_end_matches('.').to_lowercase()
}

/// What one result says of the domain of From or one of the same house (RFC 7489 section 3.1, relaxed), lower case; `None`
/// when it is about another's.
fn verdict(result: &str, domain: &str) -> Option<String> {
    let mut words = parted(result, char::is_whitespace).map(str::to_lowercase);
    let first = words.next()?;
    let (method, verdict) = first.split_once('=')?;
    let properties: Vec<String> = words.take(50).collect();
    let property = |name: &str| {
        let value = properties.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        let value = value.trim_matches(['"', '<', '>']);
        Some(value.rsplit('@').next().unwrap_or(value).to_owned())
    };
    let signed_for = match method.split('/').next().unwrap_or_default() {
        "dmarc" => property("header.from").or_else(|| Some(domain.to_owned())).filter(|from| from == domain),
        "dkim" => property("header.d").or_else(|| property("header.i")),
        "spf" => property("smtp.mailfrom"),
        _ => None,
    };
    signed_for.filter(|signed| signed == domain || same_house(signed, domain)).map(|_| verdict.to_owned())
}

fn same_house(one: &str, other: &str) -> bool {
    registrable_domain(one).is_some_and(|house| registrable_domain(other).as_ref() == Some(&house))
}

/// A structured value without its comments, which may hold anything.
fn without_comments(value: &str) -> String {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            // What is escaped ends nothing; a quote among it would, once the mark before it is gone.
            _ if escaped => {
                escaped = false;
                if c == '"' {
                    continue;
                }
            }
            '\\' => {
                escaped = true;
                continue;
            }
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => {
                depth = depth.saturating_add(1);
                continue;
            }
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                out.push(' ');
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(from: &str, header: &str, ours: &[&str]) -> bool {
        let settings = ReadSettings {
            forwarders: vec!["agent@partner.example".to_owned(), "house.cz".to_owned()],
            authserv_ids: ours.iter().map(|id| (*id).to_owned()).collect(),
            ..ReadSettings::default()
        };
        let from = Mailbox { name: None, address: Some(from.to_owned()) };
        is_trusted_forwarder(&from, &HeaderBag::read(format!("{header}\r\n\r\n").as_bytes()), &settings)
    }

    #[test]
    fn people_and_domains_are_trusted_and_their_lookalikes_are_not() {
        for (from, wanted) in [
            ("Agent@Partner.example", true),
            ("other@partner.example", false),
            ("eva@house.cz", true),
            ("eva@mail.house.cz", true),
            ("eva@greenhouse.cz", false),
            ("eva@house.cz.evil.example", false),
        ] {
            assert_eq!(trusted(from, "X: y", &[]), wanted, "{from}");
        }
    }

    #[test]
    fn only_our_own_servers_word_makes_a_reporter() {
        let said = |from: &str, header: &str, ours: &[&str]| {
            let settings = ReadSettings {
                own_domains: vec!["ours.example".to_owned()],
                authserv_ids: ours.iter().map(|id| (*id).to_owned()).collect(),
                ..ReadSettings::default()
            };
            let from = Mailbox { name: None, address: Some(from.to_owned()) };
            let bag = HeaderBag::read(format!("Authentication-Results: {header}\r\n\r\n").as_bytes());
            (is_vouched_reporter(&from, &bag, &settings), is_refuted(&from, &bag, &settings))
        };
        let ours: &[&str] = &["mx.ours.example"];
        for (from, header, wanted) in [
            (
                "MAILER-DAEMON@eu-west-1.amazonses.com",
                "mx.ours.example; dkim=pass header.d=amazonses.com",
                (true, false),
            ),
            ("no-reply@sns.amazonaws.com", "mx.ours.example; dkim=pass header.d=sns.amazonaws.com", (true, false)),
            ("mailer-daemon@mx.ours.example", "mx.ours.example; dmarc=pass header.from=mx.ours.example", (true, false)),
            ("web@ours.example", "mx.ours.example; dkim=pass header.d=ours.example", (false, false)),
            ("mailer-daemon@evil.example", "mx.ours.example; dkim=pass header.d=evil.example", (false, false)),
            ("no-reply@sns.amazonaws.com", "mx.ours.example; dkim=fail header.d=sns.amazonaws.com", (false, true)),
            ("web@ours.example", "mx.ours.example; none", (false, false)),
            ("web@ours.example", "mx.ours.example; dkim=none; spf=none smtp.mailfrom=www@web1", (false, false)),
            ("web@ours.example", "mx.ours.example; spf=temperror; dkim=none", (false, false)),
            (
                "web@ours.example",
                "mx.ours.example; spf=pass smtp.mailfrom=u1@hoster.example; dmarc=none",
                (false, false),
            ),
            ("web@ours.example", "mx.ours.example; dkim=fail; spf=pass smtp.mailfrom=w@ours.example", (false, false)),
            (
                "web@ours.example",
                "mx.ours.example; spf=softfail smtp.mailfrom=w@ours.example; dkim=none",
                (false, true),
            ),
            ("web@ours.example", "mx.ours.example; dmarc=fail header.from=ours.example", (false, true)),
            // A list that adds a footer breaks the writer's signature, which says nothing of the list.
            ("web@ours.example", "mx.ours.example; spf=none; dkim=fail (body) header.d=customer.cz", (false, false)),
            (
                "web@ours.example",
                "mx.ours.example; spf=pass smtp.mailfrom=u1@hoster.example; dkim=fail header.d=hoster.example",
                (false, false),
            ),
            ("web@ours.example", "mx.ours.example; dkim=none; spf=none; iprev=fail", (false, false)),
            ("web@ours.example", "mx.ours.example; dkim=fail header.d=mail.ours.example", (false, true)),
            ("no-reply@sns.amazonaws.com", "elsewhere.example; dkim=pass header.d=sns.amazonaws.com", (false, false)),
        ] {
            assert_eq!(said(from, header, ours), wanted, "{from} {header}");
        }
        let header = "anyone.example; dkim=pass header.d=sns.amazonaws.com";
        assert_eq!(said("no-reply@sns.amazonaws.com", header, &[]), (false, false), "anybody may write it");
    }

    #[test]
    fn what_the_mail_server_says_counts_where_it_says_anything() {
        let from = "eva@house.cz";
        for (said, wanted) in [
            ("mx.ours.example; dkim=pass header.d=house.cz", true),
            ("mx.ours.example; spf=fail smtp.mailfrom=x@evil.example; dkim=pass (good) header.i=@mail.house.cz", true),
            ("mx.ours.example 1; dmarc=pass (p=none) header.from=house.cz", true),
            ("mx.ours.example; spf=pass smtp.mailfrom=bounce@mail.house.cz", true),
            ("mx.ours.example; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=evil.example", false),
            ("mx.ours.example; dkim=fail header.d=house.cz", false),
            ("mx.ours.example; dkim=fail (dkim=pass header.d=house.cz; x)", false),
            ("mx.ours.example; none", false),
            ("mx.ours.example; dkim=pass reason=\"good; as ever\" header.d=house.cz", true),
            ("mx.ours.example; spf=pass smtp.mailfrom=\"a; dkim=pass header.d=house.cz; b\"@evil.example", false),
            ("mx.ours.example; spf=pass smtp.mailfrom=\"a dkim=pass header.d=house.cz b\"@evil.example", false),
            (r#"mx.ours.example; spf=pass smtp.mailfrom="a\"; dkim=pass header.d=house.cz; \"b"@evil.example"#, false),
            (r#"mx.ours.example; spf=pass smtp.mailfrom="a"; dkim=pass header.d=house.cz; "b"@evil.example"#, false),
            ("mx.ours.example; spf=pass smtp.mailfrom=\"x smtp.mailfrom=y@house.cz z\"@evil.example", false),
        ] {
            assert_eq!(
                trusted(from, &format!("Authentication-Results: {said}"), &["mx.ours.example"]),
                wanted,
                "{said}"
            );
        }
        let forged = "Authentication-Results: mx.ours.example; spf=fail smtp.mailfrom=evil.example\r\n\
                      Authentication-Results: mx.ours.example; dkim=pass header.d=house.cz";
        assert!(!trusted(from, forged, &["mx.ours.example"]), "the topmost one counts");
        let foreign = "Authentication-Results: elsewhere.example; dkim=fail header.d=house.cz";
        assert!(trusted(from, foreign, &["mx.ours.example"]), "another's word is no word");
        assert!(!trusted(from, foreign, &[]), "with no name configured, doubt takes trust away");
    }
}
