//! Who speaks: a person, a machine for a person, or a machine. Two independent outputs: the class of a mail, and
//! whether an automatic answer would be allowed (RFC 3834). `may_reply = false` never prevents a lead.
//!
//! Traps that shape the rules: `Auto-Submitted: no` is a person; `X-Auto-Response-Suppress` alone means "do not answer",
//! not "I am automatic"; `Precedence: list` stands on most human list mail; the list headers of our own group address
//! do not make a customer's mail list mail.

use std::sync::LazyLock;

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
use regex::Regex;

use super::ReadSettings;
use super::addresses::{clean_address, domain_of, is_own_address, is_own_domain};
use super::header_labels::{self, Prefix};
use super::mime::{self, HeaderBag};
use crate::domain::submission::{MailClass, Mailbox};

/// What classification looks at.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sign of its own")]
pub struct Evidence<'a> {
    /// The parsed message.
    pub message: &'a Message<'a>,
    /// Its header.
    pub bag: &'a HeaderBag,
    /// Who it is from.
    pub from: &'a Mailbox,
    /// From was one of our addresses and a rewriting list named the true sender.
    pub rewritten: bool,
    /// Decoded subject.
    pub subject: &'a str,
    /// Readable text.
    pub text: &'a str,
    /// Key/value lines of a form were accepted.
    pub has_form: bool,
    /// An ADF document was found.
    pub has_adf: bool,
    /// The sender is configured to send forms, or a template of the house reads its mail.
    pub is_known: bool,
    /// What a notice of a mail service is.
    pub noticed: Option<MailClass>,
}

/// Where the complaints of Microsoft's programme come from.
const JMRP: [&str; 4] = ["hotmail.com", "outlook.com", "live.com", "microsoft.com"];

/// Start of subjects of automatic answers, lower case.
const AUTO_SUBJECTS: [&str; 38] = [
    "auto reply",
    "auto-reply",
    "autoreply",
    "automatic reply",
    "auto response",
    "autoresponse",
    "auto-response",
    "vacation reply",
    "réponse automatique",
    "reponse automatique",
    "automatische antwort",
    "abwesenheitsnotiz",
    "automatisch antwoord",
    "autosvar",
    "automatisk svar",
    "automaattinen",
    "risposta automatica",
    "risposta non al computer",
    "respuesta automática",
    "resposta automática",
    "automatická odpověď",
    "automatyczna odpowiedź",
    "پاسخ خودکار",
    "رد تلقائي",
    "auto respond",
    "automatische abwesenheit",
    "automatická odpoveď",
    "automatikus válasz",
    "răspuns automat",
    "otomatik yanıt",
    "αυτόματη απάντηση",
    "автоматический ответ",
    "автоответ",
    "автоматична відповідь",
    "自動返信",
    "自动回复",
    "자동 회신",
    "תשובה אוטומטית",
];

/// Words of an absence with which subjects of such answers begin, lower case. Customers write them, too: of a car, of
/// furniture, of the days on which they are not there.
const ABSENCES: [&str; 21] = [
    "auto",
    "out of office",
    "out of the office",
    "i am out of the office",
    "on vacation",
    "absence du bureau",
    "absent du bureau",
    "abwesend",
    "afwezig",
    "fuori sede",
    "fuori ufficio",
    "fuera de la oficina",
    "frånvaro",
    "mimo kancelář",
    "خارج از دفتر",
    "خارج المكتب",
    "out-of-office",
    "ooo",
    "away from the office",
    "abwesenheit",
    "nieobecność",
];

/// The same in words that customers write, too: who asks for a holiday by answering an old mail.
const HOLIDAYS: [&str; 4] = ["dovolená", "nepřítomnost", "poza biurem", "در مرخصی"];

static DAEMON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:mailer[-_.]?daemon|postmaster|mail[-_.]?delivery|maildelivery|mdaemon|mail[-_.]daemon)").ok()
});
/// Names that no person has.
static PROGRAM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^(?:mailer[-_.]?daemon|mdaemon|mail[-_.]daemon)").ok());
/// A status (RFC 3463) or the reply of a server (RFC 5321) beside words.
static STATUS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b[245]\.\d{1,3}\.\d{1,3}\b|\b(?:4[25]\d|5[05]\d)[ -](?:[A-Za-z#]|\d\.)").ok());
static DAEMON_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\W*(?:mail(?:er)?[-_ .]?(?:delivery|daemon)|postmaster\b|delivery (?:subsystem|status)|returned mail)",
    )
    .ok()
});

/// What a delivery report says in its subject or first lines. A postmaster is also a person.
static FAILURE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)undeliver|not (?:be )?deliver|deliver|return|fail|reject|bounce|error|delay|warning|unknown user|user unknown|mail system|could ?n.t|cannot|unzustell|non remis|no se ha podido|blocked|spam|quota|mailbox|refused",
    )
    .ok()
});

/// Bytes of a text in which a report says whom it is about.
const REPORT: usize = 8_000;

/// The first lines, where a report says what it is.
fn head(text: &str) -> &str {
    super::body::cut(text, 600)
}

/// A sign beside the words of the subject that no person wrote this now.
fn looks_automatic(bag: &HeaderBag) -> bool {
    auto_submitted(bag).is_some()
        || ["x-auto-response-suppress", "in-reply-to", "references", "precedence", "x-precedence"]
            .iter()
            .any(|name| bag.has(name))
        || bag.get("return-path").is_some_and(|path| path.trim() == "<>")
}

/// Header fields that only machines write, or programs for people.
fn is_marked(bag: &HeaderBag) -> bool {
    says_machine(bag) || bag.has("x-auto-response-suppress")
}

/// Header fields that only machines write.
fn says_machine(bag: &HeaderBag) -> bool {
    auto_submitted(bag).is_some() || bag.get("return-path").is_some_and(|path| path.trim() == "<>")
}

fn matches(regex: &LazyLock<Option<Regex>>, text: Option<&str>) -> bool {
    text.is_some_and(|text| regex.as_ref().is_some_and(|r| r.is_match(text)))
}

/// The class of a mail, by the first rule that holds.
pub fn classify(e: &Evidence<'_>, settings: &ReadSettings) -> MailClass {
    if is_own_message(e, settings) {
        return MailClass::OwnMessage;
    }
    let auto_submitted = auto_submitted(e.bag);
    match report(e.message) {
        Some(Report::Complaint) => return MailClass::Complaint,
        Some(Report::Delivery) => return MailClass::Bounce,
        // A read receipt: about a message of ours, and no failure.
        Some(Report::Other) => return MailClass::DeliveryStatus,
        None => {}
    }
    if is_daemon(e) {
        return MailClass::Bounce;
    }
    if complained(e) {
        return MailClass::Complaint;
    }
    if let Some(class) = e.noticed {
        return class;
    }
    if e.has_adf {
        return MailClass::Adf;
    }
    // Who is away may name a colleague in lines like those of a form.
    if e.has_form && (e.is_known || !says_auto_reply(e.bag, auto_submitted.as_deref())) {
        return MailClass::FormNotification;
    }
    if is_auto_reply(e, auto_submitted.as_deref()) {
        return MailClass::AutoReply;
    }
    // Some relays send what people wrote with an empty sender, too.
    if e.bag.get("return-path").is_some_and(|path| path.trim() == "<>") && is_report(e) {
        return MailClass::Bounce;
    }
    if is_foreign_list(e.bag, settings) {
        return MailClass::MailingList;
    }
    let precedence = e.bag.get("precedence").unwrap_or_default().to_lowercase();
    let automatic = auto_submitted.as_deref().is_some_and(|v| v.starts_with("auto-generated"));
    if automatic || matches!(precedence.as_str(), "bulk" | "junk") {
        return MailClass::Bulk;
    }
    MailClass::Person
}

/// Ours: the header every mail of this daemon carries, a loop mark naming us, or From one of our mailboxes.
/// A website that writes in our name for a visitor is not us.
fn is_own_message(e: &Evidence<'_>, settings: &ReadSettings) -> bool {
    // A header alone proves nothing: anybody may copy it, and forwarders stamp loop marks on customers' mail.
    let house = e.from.address.as_deref().is_some_and(|a| {
        is_own_address(a, &settings.own_addresses)
            || domain_of(a).is_some_and(|domain| is_own_domain(&domain, &settings.own_domains))
    });
    if house && e.bag.has(&super::OWN_HEADER.to_ascii_lowercase()) {
        return true;
    }
    let marked = |mark: &str| is_own_address(mark.trim_matches(['<', '>', ' ']), &settings.own_addresses);
    if house && e.bag.all("x-loop").any(marked) {
        return true;
    }
    let from_us = e.from.address.as_deref().is_some_and(|a| is_own_address(a, &settings.own_addresses));
    from_us && !e.rewritten && !e.has_form && !e.has_adf && report(e.message).is_none()
}

enum Report {
    Delivery,
    Complaint,
    Other,
}

/// What a `multipart/report` (RFC 6522) or a bare report part reports.
fn report(message: &Message<'_>) -> Option<Report> {
    let parts = || message.parts.iter().take(50).map(mime::media_type);
    if parts().any(|t| t == "message/feedback-report") {
        return Some(Report::Complaint);
    }
    if parts().any(|t| matches!(t.as_str(), "message/delivery-status" | "message/global-delivery-status")) {
        return Some(Report::Delivery);
    }
    if parts().any(|t| t == "message/disposition-notification") {
        return Some(Report::Other);
    }
    let root = message.parts.first()?;
    if mime::media_type(root) != "multipart/report" {
        return None;
    }
    let kind = root.content_type().and_then(|ct| ct.attribute("report-type")).unwrap_or_default().to_lowercase();
    Some(match kind.as_str() {
        "feedback-report" => Report::Complaint,
        "disposition-notification" => Report::Other,
        _ => Report::Delivery,
    })
}

/// A complaint that says so in its subject alone (Microsoft JMRP), and carries the message complained about: customers
/// complain, too.
fn complained(e: &Evidence<'_>) -> bool {
    let returned = |part: &MessagePart<'_>| {
        matches!(part.body, PartType::Message(_)) || mime::media_type(part).starts_with("text/rfc822")
    };
    let service = e.from.address.as_deref().and_then(domain_of).is_some_and(|d| JMRP.contains(&d.as_str()));
    service
        && e.subject.to_lowercase().starts_with("complaint about message from")
        && e.message.parts.iter().take(50).any(returned)
}

/// The sender is a mail system, or the header lists failed recipients.
fn is_daemon(e: &Evidence<'_>) -> bool {
    if e.bag.has("x-failed-recipients") {
        return true;
    }
    let named = matches(&DAEMON, e.from.address.as_deref()) || matches(&DAEMON_NAME, e.from.name.as_deref());
    let fails = || matches(&FAILURE, Some(e.subject)) || matches(&FAILURE, Some(head(e.text)));
    if matches(&PROGRAM, e.from.address.as_deref()) {
        return looks_automatic(e.bag) || fails();
    }
    named && (says_machine(e.bag) || fails() && reports(e))
}

/// With an empty sender: a machine wrote it, or it tells of a failure, or has what a report has.
fn is_report(e: &Evidence<'_>) -> bool {
    let fails = matches(&FAILURE, Some(e.subject)) || matches(&FAILURE, Some(head(e.text)));
    auto_submitted(e.bag).is_some() || matches(&DAEMON, e.from.address.as_deref()) || fails || reports(e)
}

/// What a report has and a letter has not: whom it is about, a status, or the message that came back.
fn reports(e: &Evidence<'_>) -> bool {
    let head = super::body::cut(e.text, REPORT);
    let own = e.from.address.as_deref().unwrap_or_default();
    let names =
        |word: &str| clean_address(word.trim_matches(':')).is_some_and(|address| !address.eq_ignore_ascii_case(own));
    let returned = |part: &MessagePart<'_>| matches!(part.body, PartType::Message(_));
    matches(&STATUS, Some(head))
        || e.message.parts.iter().take(50).any(returned)
        || head.split_whitespace().filter(|word| word.contains('@')).take(50).any(names)
}

/// `Auto-Submitted` (RFC 3834) unless it says `no`, lower case.
fn auto_submitted(bag: &HeaderBag) -> Option<String> {
    bag.get("auto-submitted").map(|v| v.trim().to_lowercase()).filter(|v| !v.starts_with("no") && !v.is_empty())
}

/// The header says that it answers by itself.
fn says_auto_reply(bag: &HeaderBag, auto_submitted: Option<&str>) -> bool {
    auto_submitted.is_some_and(|v| v.starts_with("auto-replied") || v.contains("vacation"))
        || ["x-autoreply", "x-autorespond", "x-autoresponder", "x-autoreply-from", "x-mail-autoreply"].iter().any(
            |name| bag.get(name).is_some_and(|v| !["", "no", "false", "0"].contains(&v.trim().to_lowercase().as_str())),
        )
        || bag.says("x-auto-response-suppress", "all") && bag.has("x-ms-exchange-inbox-rules-loop")
        || bag.says("precedence", "auto_reply")
        || bag.says("x-precedence", "auto_reply")
        || bag.get("delivered-to").is_some_and(|v| v.eq_ignore_ascii_case("autoresponder"))
}

fn is_auto_reply(e: &Evidence<'_>, auto_submitted: Option<&str>) -> bool {
    if says_auto_reply(e.bag, auto_submitted) {
        return true;
    }
    // `Auto-Submitted: no` is a person, whatever the subject.
    if auto_submitted.is_none() && e.bag.has("auto-submitted") {
        return false;
    }
    let subject = e.subject.trim_start().to_lowercase();
    let begins = |starts: &[&str], holds: &dyn Fn(&str) -> bool| {
        starts.iter().any(|start| subject.strip_prefix(start).is_some_and(holds))
    };
    let titled = |rest: &str| rest.trim_start().starts_with([':', '：']) && looks_automatic(e.bag);
    begins(&AUTO_SUBJECTS, &|_| looks_automatic(e.bag))
        || begins(&ABSENCES, &|rest| says_away(rest, e.bag))
        || begins(&HOLIDAYS, &|rest| is_marked(e.bag) || titled(rest))
}

/// Whether what follows the words of an absence makes the subject that of an automatic answer: nothing, the subject that is
/// answered, or `reply`. A customer's words go on in another way, unless the header has the mark of a machine.
fn says_away(rest: &str, bag: &HeaderBag) -> bool {
    if rest.starts_with(char::is_alphanumeric) {
        return false;
    }
    let rest = rest.trim_start().trim_end_matches(['.', '!', ']', ')']);
    let answers = rest.strip_prefix([':', '：', '-', '–', '(']).map(str::trim_start);
    let is_title = |rest: &str| ["auto", "reply", "response", "message", "notif"].iter().any(|w| rest.starts_with(w));
    says_machine(bag)
        || looks_automatic(bag)
            && (rest.is_empty()
                || is_title(rest)
                || answers.is_some_and(|rest| rest.is_empty() || is_title(rest) || is_answer(rest)))
}

/// The lower-case subject of an answer.
fn is_answer(subject: &str) -> bool {
    header_labels::prefix(subject) == Prefix::Reply
}

/// List headers that are not those of a group address of our own.
fn is_foreign_list(bag: &HeaderBag, settings: &ReadSettings) -> bool {
    let ours = |value: &str| {
        let lower = value.to_lowercase();
        settings.own_addresses.iter().any(|own| lower.contains(own.as_str()))
            || lower.split(['<', '>', ' ', ',', ':', '?', '/', '"']).any(|word| {
                // `<sales.ours.example>` as a list id, `sales@ours.example` as an address.
                let domain = domain_of(word).unwrap_or_else(|| word.to_owned());
                is_own_domain(&domain, &settings.own_domains)
            })
    };
    let identified: Vec<&str> = ["list-id", "list-post"].iter().flat_map(|name| bag.all(name)).collect();
    if !identified.is_empty() {
        return !identified.iter().all(|value| ours(value));
    }
    if bag.all("list-unsubscribe").next().is_some() {
        return !bag.all("list-unsubscribe").any(ours);
    }
    bag.get("precedence").is_some_and(|p| p.trim().eq_ignore_ascii_case("list"))
}

/// Whether an automatic answer would be allowed. `to_us`: one of our addresses stands in To or Cc.
pub fn may_reply(class: MailClass, bag: &HeaderBag, from: &Mailbox, to_us: bool) -> bool {
    let local = from.address.as_deref().and_then(|a| a.split('@').next()).unwrap_or_default().to_lowercase();
    let machine = local.is_empty()
        || ["noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "nepasrepondre", "ne-pas-repondre"]
            .iter()
            .any(|word| local.contains(word))
        || matches(&DAEMON, Some(&local));
    let silent = bag.get("return-path").is_some_and(|path| path.trim() == "<>")
        || auto_submitted(bag).is_some()
        || bag.has_prefix("list-")
        || bag
            .get("precedence")
            .is_some_and(|p| matches!(p.trim().to_lowercase().as_str(), "bulk" | "list" | "junk" | "auto_reply"))
        || bag.has("x-auto-response-suppress");
    class == MailClass::Person && to_us && !machine && !silent
}
