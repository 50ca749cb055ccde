//! Whom to believe: people and domains that the house has named, as far as its own mail server vouches for them.
//!
//! `Authentication-Results` (RFC 8601) is written by anybody: only the topmost field of a server of the house counts, or
//! without such a name the topmost of all, which can only take trust away.

use super::ReadSettings;
use super::addresses::domain_of;
use super::mime::HeaderBag;
use crate::domain::enquiry::email::registrable_domain;
use crate::domain::submission::Mailbox;

/// Longest field read, in bytes.
const FIELD: usize = 8_000;
/// Results of one field looked at.
const RESULTS: usize = 50;

/// Whether `from` may name whom a mail that it passes on is from: named in the configuration, and not refuted by the
/// mail server that took the mail in.
pub(super) fn is_trusted_forwarder(from: &Mailbox, bag: &HeaderBag, settings: &ReadSettings) -> bool {
    let Some(address) = from.address.as_deref().map(str::to_lowercase) else { return false };
    let Some(domain) = domain_of(&address) else { return false };
    let named = settings.forwarders.iter().any(|entry| match entry.trim_start_matches('@') {
        person if person.contains('@') => *person == address,
        house => domain == house || domain.strip_suffix(house).is_some_and(|rest| rest.ends_with('.')),
    });
    named && vouched(&domain, bag, &settings.authserv_ids) != Some(false)
}

/// Whether the mail server vouches for a From of `domain`; `None` when it says nothing.
fn vouched(domain: &str, bag: &HeaderBag, ours: &[String]) -> Option<bool> {
    let mut fields = bag.all("authentication-results").map(|value| without_comments(super::body::cut(value, FIELD)));
    let field = fields.find(|value| ours.is_empty() || ours.iter().any(|id| *id == server(value)))?;
    Some(field.split(';').skip(1).take(RESULTS).any(|result| aligns(result, domain)))
}

/// Who wrote the field, lower case.
fn server(field: &str) -> String {
    let id = field.split(';').next().unwrap_or_default().split_whitespace().next().unwrap_or_default();
    id.trim_matches('"').trim_end_matches('.').to_lowercase()
}

/// One result that passed for the domain of From or one of the same house (RFC 7489 section 3.1, relaxed).
fn aligns(result: &str, domain: &str) -> bool {
    let mut words = result.split_whitespace().map(str::to_lowercase);
    let Some((method, verdict)) =
        words.next().and_then(|w| w.split_once('=').map(|(m, v)| (m.to_owned(), v.to_owned())))
    else {
        return false;
    };
    if verdict != "pass" {
        return false;
    }
    let properties: Vec<String> = words.take(50).collect();
    let property = |name: &str| {
        let value = properties.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        let value = value.trim_matches(['"', '<', '>']);
        Some(value.rsplit('@').next().unwrap_or(value).to_owned())
    };
    let signed_for = match method.split('/').next().unwrap_or_default() {
        "dmarc" => return property("header.from").is_none_or(|from| from == domain),
        "dkim" => property("header.d").or_else(|| property("header.i")),
        "spf" => property("smtp.mailfrom"),
        _ => None,
    };
    signed_for.is_some_and(|signed| signed == domain || same_house(&signed, domain))
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
            _ if escaped => escaped = false,
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
