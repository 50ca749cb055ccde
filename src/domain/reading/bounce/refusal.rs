//! Why a message was refused, by the words and codes of the refusal, and whether it will always be.
//!
//! A reason is permanent only when it is about the address itself: nobody is there and nobody will be. A full mailbox or
//! a refused content is the end of one message, not of the address.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// Why, surest first: the order in which words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of as_str say it")]
pub enum Refusal {
    SenderRefused,
    Moved,
    MailboxFull,
    TooLarge,
    Disabled,
    Relaying,
    Authentication,
    Blocked,
    NoMailService,
    NoSuchHost,
    NoSuchRecipient,
    Content,
    TooMany,
    Policy,
    Expired,
    Network,
    System,
}

use Refusal::{
    Authentication, Blocked, Content, Disabled, Expired, MailboxFull, Moved, Network, NoMailService, NoSuchHost,
    NoSuchRecipient, Policy, Relaying, SenderRefused, System, TooLarge, TooMany,
};

/// Words by reason, in lower case, `|` between them; the first reason of the list that has a word in the text is the one.
const WORDS: &[(Refusal, &str)] = &[
    (
        SenderRefused,
        "sender address|address of sender|sender domain|domain of sender|sender rejected|sender denied|\
         sender refused|sender verif|sender is not|sender not|invalid sender|envelope sender|mail from:|\
         your sender|adresse d'expéditeur|absenderadresse",
    ),
    (
        Moved,
        "has moved|have moved|was moved to|has changed address|changed their address|new address is|\
         address has changed|is no longer with|no longer works|has left the company|\
         user not local; please try",
    ),
    (
        MailboxFull,
        "quota|mailbox full|mailbox is full|mailbox was full|inbox is full|folder is full|is full|storage|\
         mailbox size|out of space|disk space for the recipient|mailbox has exceeded|boîte pleine|\
         boîte aux lettres pleine|postfach voll|postfach ist voll|buzón lleno|casella piena|schránka je plná|\
         skrzynka pełna|переполнен",
    ),
    (
        TooLarge,
        "too large|too big|message size|size limit|exceeds the maximum|maximum size|size exceed|\
         message length exceeds|trop volumineux|zu groß",
    ),
    (
        Disabled,
        "disabled|suspended|deactivated|inactive|not active|is locked|temporary locked|temporarily locked|\
         account expired|account has expired|on hold|discontinued|has been frozen|désactivé|deaktiviert|\
         gesperrt",
    ),
    (Relaying, "relay|not a gateway|not authorised to send through|not authorized to send through"),
    (
        Authentication,
        "spf |spf:|spf)|dkim|dmarc|authentication|unauthenticated|not authenticated|auth required|\
         must issue a starttls|tls required|encryption required",
    ),
    (
        Blocked,
        "blacklist|black list|blocklist|block list|denylist|blocked|is listed|listed at|listed in|listed by|\
         listed on|rbl|dnsbl|reputation|reverse dns|reverse lookup|rdns|ptr record|no ptr|banned|client host|\
         your ip|ip address|dynamic ip|access from ip|bad helo|helo command rejected|invalid helo|abuse",
    ),
    (System, "child process|pipe to|command failed|command died|command output|from command"),
    (Policy, "permission|not a member|not member|only members|prohibit|policy"),
    (
        NoMailService,
        "does not accept mail|doesn't accept mail|does not accept email|not accept any mail|no smtp service|\
         null mx|nullmx|no mx found|no mx record|no mx for|no mail exchanger|does not receive mail|\
         does not receive email|not a mail server|accepts no mail",
    ),
    (
        NoSuchHost,
        "host unknown|unknown host|host not found|domain not found|no such domain|no such host|\
         domain does not exist|domain doesn't exist|domain name not found|non-existent domain|\
         nonexistent domain|non-existent host|nxdomain|unknown domain|domain unknown|unrouteable mail domain|\
         unroutable mail domain|unroutable domain|illegal host|dns error|bad destination host|\
         bad destination system|couldn't find any host|could not find any host|find a host for|\
         dns lookup failed|domain isn't in my list|domäne existiert nicht|domain existiert nicht|\
         domaine inconnu",
    ),
    (
        NoSuchRecipient,
        "user unknown|unknown user|user is unknown|unknown recipient|recipient unknown|recipient is unknown|\
         unknown address|address unknown|address is unknown|addressee unknown|unknown local|unknown mailbox|\
         mailbox unknown|unknown account|unknown or illegal alias|unknown alias|no such|no mailbox|\
         no account|no user|no recipient|no valid recipient|not a valid recipient|not a valid user|\
         not a valid mailbox|not a valid address|not a known|no longer exists|not exist|n't exist|nonexist|\
         non-exist|not found|n't found|n't be found|notfound|not recognized|not recognised|not listed|\
         not known|n't known|n't have|not have an account|invalid recipient|invalid mailbox|invalid user|\
         invalid address|invalid email|invalid account|bad destination mailbox|bad recipient|bad address|\
         mailbox unavailable|mailbox is unavailable|mailbox not available|recipient not available|\
         unrouteable address|unroutable address|not our customer|not my customer|user has no mailbox|\
         not local|is not here|inconnu|n'existe pas|introuvable|unbekannt|existiert nicht|nicht gefunden|\
         desconocid|no existe|sconosciut|non esiste|inesistente|não existe|desconhecid|onbekend|bestaat niet|\
         neexistuje|neznám|nie istnieje|nieznan|не существует|не найден|неизвест|okänd|ukjent|ukendt|存在しません|\
         不存在|وجود ندارد|غير موجود",
    ),
    (
        Content,
        "spam|virus|malware|phish|junk|unsolicited|content|attachment|message rejected|bulk mail|\
         header error|suspicious",
    ),
    (
        TooMany,
        "too many|too much|rate limit|throttl|greylist|graylist|try again|try later|deferred|overloaded|\
         too fast",
    ),
    (Policy, "restrict|not permitted|not authorized|not authorised|denied|not allowed|moderat|refused by|rule"),
    (
        Expired,
        "timed out|time out|timeout|time expired|expired|retry time|too long|been in the queue|\
         could not be delivered for|gave up|giving up|unable to deliver this message after",
    ),
    (
        Network,
        "connection refused|no route|unreachable|lost connection|connection reset|connection dropped|\
         connection closed|loop|too many hops|name server|name service|could not connect|unable to connect|\
         not responding|no answer",
    ),
    (
        System,
        "system error|i/o error|internal error|configuration|local problem|server error|out of memory|\
         cannot open|can't open",
    ),
];

/// Words that mean a dead address when nothing surer is said.
const WEAK: [&str; 4] = ["address rejected", "recipient rejected", "rejected recipient", "user rejected"];

/// Every word, and by its number the reason.
static FINDER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(WORDS.iter().flat_map(|(_, words)| words.split('|'))).ok());

impl Refusal {
    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SenderRefused => "sender_refused",
            Moved => "moved",
            MailboxFull => "mailbox_full",
            TooLarge => "too_large",
            Disabled => "disabled",
            Relaying => "relaying",
            Authentication => "authentication",
            Blocked => "blocked",
            NoMailService => "no_mail_service",
            NoSuchHost => "no_such_host",
            NoSuchRecipient => "no_such_recipient",
            Content => "content",
            TooMany => "too_many",
            Policy => "policy",
            Expired => "expired",
            Network => "network",
            System => "system",
        }
    }

    /// The address is dead: no later message will reach it.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        matches!(self, Moved | NoMailService | NoSuchHost | NoSuchRecipient)
    }

    /// The reason that the words of a refusal name. A status that names a dead address is only overruled by words that
    /// are about something else altogether; words about a host mean little where a name server may yet answer.
    #[must_use]
    pub fn of_words(said: &str, status: Option<&str>) -> Option<Self> {
        let said = said.to_lowercase();
        let by_status = Self::of_status(status);
        let weak = WEAK.iter().any(|w| said.contains(w));
        // Exchange answers 5.4.1 for recipients that its directory does not know.
        let unknown_here = weak && status.is_some_and(|s| s.starts_with("5.1.") || s == "5.4.1");
        let found = match first_of(&said).or(weak.then_some(NoSuchRecipient)) {
            Some(Policy | Network | System) if unknown_here => NoSuchRecipient,
            Some(NoSuchHost) if said.contains("try again") || status.is_some_and(|s| s.starts_with('4')) => Network,
            Some(NoSuchRecipient) if status.is_some_and(|s| s.starts_with('4')) && !is_unknown(&said) => TooMany,
            Some(found) => found,
            None => return None,
        };
        let dead = by_status.filter(|reason| reason.is_permanent());
        Some(match (dead, found) {
            (Some(_), SenderRefused | Moved | MailboxFull | Blocked | NoSuchHost | NoMailService) => found,
            (Some(dead), _) => dead,
            // The code says that it is full, whatever the words say.
            (None, _) if by_status == Some(MailboxFull) => MailboxFull,
            (None, NoSuchRecipient | NoSuchHost) if by_status == Some(SenderRefused) => SenderRefused,
            (None, found) => found,
        })
    }

    /// The reason that an enhanced status code names (RFC 3463 and its registry); `None` for codes that say nothing of it.
    #[must_use]
    pub fn of_status(status: Option<&str>) -> Option<Self> {
        let (class, detail) = status?.split_once('.')?;
        let reason = match detail {
            "1.1" | "1.3" => NoSuchRecipient,
            "1.2" | "4.4" => NoSuchHost,
            "1.6" => Moved,
            "1.10" => NoMailService,
            "1.7" | "1.8" | "1.9" => SenderRefused,
            "2.1" | "7.13" => Disabled,
            "2.2" | "3.1" => MailboxFull,
            "2.3" | "3.4" => TooLarge,
            "4.7" => Expired,
            "4.1" | "4.2" | "4.3" | "4.5" | "4.6" => Network,
            "6.0" | "6.1" | "6.2" | "6.3" | "6.4" | "6.5" => Content,
            "7.8" | "7.9" | "7.20" | "7.21" | "7.22" | "7.23" | "7.24" | "7.26" | "7.27" | "7.30" => Authentication,
            "7.25" => Blocked,
            "7.28" => TooMany,
            _ if detail.starts_with("7.") => Policy,
            _ if detail.starts_with("3.") => System,
            _ => return None,
        };
        // What is only so for the moment is no dead address.
        let for_now = class == "4" && reason.is_permanent();
        Some(if for_now { Network } else { reason })
    }
}

/// The first reason of the table with a word in `said`, in one walk over it.
fn first_of(said: &str) -> Option<Refusal> {
    let best = FINDER.as_ref()?.find_overlapping_iter(said).map(|found| found.pattern().as_usize()).min()?;
    let mut seen = 0;
    WORDS.iter().find_map(|(reason, words)| {
        seen += words.split('|').count();
        (best < seen).then_some(*reason)
    })
}

/// Said in so many words, and not only that the mailbox cannot be had now.
fn is_unknown(said: &str) -> bool {
    ["unknown", "no such", "not exist", "n't exist", "not found"].iter().any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_dead_only_when_the_refusal_says_so() {
        for (said, status, reason) in [
            ("550 5.1.1 <eva@web.example>: User unknown in local table", Some("5.1.1"), "no_such_recipient"),
            ("552 5.1.1 eva is over quota", Some("5.1.1"), "mailbox_full"),
            ("550 Requested action not taken: mailbox unavailable", Some("5.5.0"), "no_such_recipient"),
            ("450 Requested action not taken: mailbox unavailable", Some("4.2.0"), "too_many"),
            ("553 5.1.8 Domain of sender address eva@web.example does not exist", Some("5.1.8"), "sender_refused"),
            ("550 5.7.1 Recipient address rejected: Policy violation", Some("5.7.1"), "policy"),
            ("550 Recipient address rejected", None, "no_such_recipient"),
            ("554 5.7.1 relay access denied", Some("5.7.1"), "relaying"),
            ("Host or domain name not found, try again", Some("4.4.3"), "network"),
            ("Unrouteable mail domain", None, "no_such_host"),
            ("525 5.7.13 user account disabled", Some("5.7.13"), "disabled"),
            ("554 message looks like spam", Some("5.7.1"), "content"),
            ("destinataire inconnu", None, "no_such_recipient"),
        ] {
            let found = Refusal::of_words(said, status).map(Refusal::as_str);
            assert_eq!(found, Some(reason), "{said}");
        }
        assert_eq!(Refusal::of_words("Good morning", None), None);
        assert_eq!(Refusal::of_status(Some("5.0.0")), None);
        assert!(!Refusal::of_status(Some("4.1.1")).unwrap().is_permanent());
    }
}
