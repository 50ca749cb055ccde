//! The words of our mails to people of the house, in their language. One table; no logic beside filling it.

use super::Notice;
use super::record::{Record, kind_word};
use crate::config::delivery::{Event, MailLanguage};
use crate::domain::decision::RecordKind;
use crate::domain::plain::one_line;

/// Longest subject in characters.
const SUBJECT: usize = 120;

struct Words {
    new_lead: &'static str,
    new_opportunity: &'static str,
    wrote_again: &'static str,
    unknown: &'static str,
    who: &'static str,
    company: &'static str,
    about: &'static str,
    source: &'static str,
    reference: &'static str,
    lead: &'static str,
    opportunity: &'static str,
    reply: &'static str,
    no_reply: &'static str,
    separator: &'static str,
}

const FR: Words = Words {
    new_lead: "Nouvelle piste",
    new_opportunity: "Nouvelle opportunité",
    wrote_again: "Nouveau message",
    unknown: "expéditeur inconnu",
    who: "Qui",
    company: "Société",
    about: "Objet",
    source: "Origine",
    reference: "Référence",
    lead: "piste",
    opportunity: "opportunité",
    reply: "Message automatique. Votre réponse ira directement à cette personne.",
    no_reply: "Message automatique : n'y répondez pas.",
    separator: " : ",
};

const EN: Words = Words {
    new_lead: "New lead",
    new_opportunity: "New opportunity",
    wrote_again: "New message",
    unknown: "unknown sender",
    who: "Who",
    company: "Company",
    about: "About",
    source: "Source",
    reference: "Reference",
    lead: "lead",
    opportunity: "opportunity",
    reply: "Automatic message. Your reply goes straight to this person.",
    no_reply: "Automatic message: please do not reply.",
    separator: ": ",
};

const CS: Words = Words {
    new_lead: "Nová poptávka",
    new_opportunity: "Nová obchodní příležitost",
    wrote_again: "Nová zpráva",
    unknown: "neznámý odesílatel",
    who: "Kdo",
    company: "Firma",
    about: "Předmět",
    source: "Zdroj",
    reference: "Číslo",
    lead: "poptávka",
    opportunity: "příležitost",
    reply: "Automatická zpráva. Vaše odpověď půjde přímo této osobě.",
    no_reply: "Automatická zpráva, neodpovídejte na ni.",
    separator: ": ",
};

const FA: Words = Words {
    new_lead: "سرنخ جدید",
    new_opportunity: "فرصت جدید",
    wrote_again: "پیام جدید",
    unknown: "فرستنده ناشناس",
    who: "نام",
    company: "شرکت",
    about: "موضوع",
    source: "منبع",
    reference: "شناسه",
    lead: "سرنخ",
    opportunity: "فرصت",
    reply: "پیام خودکار. پاسخ شما مستقیم به این شخص می‌رسد.",
    no_reply: "پیام خودکار است؛ لطفاً به آن پاسخ ندهید.",
    separator: ": ",
};

const fn words(language: MailLanguage) -> &'static Words {
    match language {
        MailLanguage::Fr => &FR,
        MailLanguage::En => &EN,
        MailLanguage::Cs => &CS,
        MailLanguage::Fa => &FA,
    }
}

/// Subject: what happened, and who.
#[must_use]
pub fn subject(language: MailLanguage, notice: &Notice, record: &Record) -> String {
    let w = words(language);
    let what = match (notice.event, notice.kind) {
        (Event::Appended, _) => w.wrote_again,
        (Event::Created, RecordKind::Lead) => w.new_lead,
        (Event::Created, RecordKind::Opportunity) => w.new_opportunity,
    };
    let who = record.name.as_deref().or(record.company.as_deref()).unwrap_or(w.unknown);
    one_line(&format!("{what}{}{who}", w.separator), SUBJECT)
}

/// Body: who, what, where from, and the record's id. Never the message itself, never a link.
#[must_use]
pub fn text(language: MailLanguage, record: &Record, reply_reaches_them: bool) -> String {
    let w = words(language);
    let kind = match record.kind {
        RecordKind::Lead => w.lead,
        RecordKind::Opportunity => w.opportunity,
    };
    let reference = format!("{kind} ({} {})", kind_word(record.kind), record.id);
    let rows = [
        (w.who, Some(record.name.as_deref().unwrap_or(w.unknown))),
        (w.company, record.company.as_deref()),
        (w.about, record.title.as_deref()),
        (w.source, record.source.as_deref()),
        (w.reference, Some(reference.as_str())),
    ];
    let mut lines: Vec<String> =
        rows.iter().filter_map(|(name, value)| Some(format!("{name}{}{}", w.separator, (*value)?))).collect();
    lines.push(String::new());
    lines.push((if reply_reaches_them { w.reply } else { w.no_reply }).to_owned());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::clock::Timestamp;

    fn record() -> Record {
        Record {
            kind: RecordKind::Lead,
            id: Ulid(7),
            owner: Some("anne".into()),
            team: None,
            source: Some("google".into()),
            campaign: None,
            title: Some("Devis".into()),
            state: Some("open".into()),
            name: Some("Zoé Čapek".into()),
            company: None,
            emails: Vec::new(),
            phones: Vec::new(),
        }
    }

    #[test]
    fn every_language_says_who_and_what() {
        let notice = |event| Notice {
            event,
            kind: RecordKind::Lead,
            record: Ulid(7),
            arrival: Ulid(8),
            at: Timestamp::from_seconds(0),
        };
        for language in [MailLanguage::Fr, MailLanguage::En, MailLanguage::Cs, MailLanguage::Fa] {
            let created = subject(language, &notice(Event::Created), &record());
            assert!(created.ends_with("Zoé Čapek"), "{created}");
            assert_ne!(created, subject(language, &notice(Event::Appended), &record()));
            let text = text(language, &record(), true);
            for wanted in ["Zoé Čapek", "Devis", "google", "00000000000000000000000007"] {
                assert!(text.contains(wanted), "{wanted} not in {text}");
            }
            assert!(!text.contains("http"), "{text}");
        }
        assert_eq!(subject(MailLanguage::Fr, &notice(Event::Created), &record()), "Nouvelle piste : Zoé Čapek");
    }
}
