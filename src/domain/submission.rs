//! What an arrival says: the neutral form of a mail and of a form body, before anyone asks what it means.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reading::files::Refusal;
use super::reading::trust::FORM_SENDER;

/// A display name with an address, both as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Display name, decoded.
    pub name: Option<String>,
    /// Address as written, cleaned of brackets and spaces.
    pub address: Option<String>,
}

/// Class of a mail. The words are those of the interfaces page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailClass {
    /// A person wrote it.
    Person,
    /// A website's form mailer wrote it for a person.
    FormNotification,
    /// An automotive lead in ADF/XML.
    Adf,
    /// Out of office and the like.
    AutoReply,
    /// A message of ours that could not be delivered.
    Bounce,
    /// Delayed, relayed or delivered: not a failure.
    DeliveryStatus,
    /// A feedback report (ARF).
    Complaint,
    /// Mail of a mailing list.
    MailingList,
    /// Bulk mail from which no person can be identified.
    Bulk,
    /// Our own mail come back.
    OwnMessage,
}

impl MailClass {
    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::FormNotification => "form_notification",
            Self::Adf => "adf",
            Self::AutoReply => "auto_reply",
            Self::Bounce => "bounce",
            Self::DeliveryStatus => "delivery_status",
            Self::Complaint => "complaint",
            Self::MailingList => "mailing_list",
            Self::Bulk => "bulk",
            Self::OwnMessage => "own_message",
        }
    }
}

/// What is wanted to be known of the canonical fields; the names of `canonical` in `parse --json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it; crm-model terms")]
pub enum Canonical {
    Salutation,
    FullName,
    FirstName,
    LastName,
    JobTitle,
    Company,
    Registration,
    Email,
    Phone,
    Mobile,
    Fax,
    Website,
    Street,
    Postcode,
    City,
    State,
    Country,
    Topic,
    Message,
    InquiryKind,
    Budget,
    Language,
    Consent,
    Source,
    Medium,
    Campaign,
    Product,
    Quantity,
    ReferredBy,
}

/// One named value, in the order sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Name as sent.
    pub name: String,
    /// Value as sent, NUL removed.
    pub value: String,
    /// What the name means, if known.
    pub canonical: Option<Canonical>,
}

/// A view on a part of the raw bytes; never a second copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name, cleaned; a made-up one when none was given.
    pub name: String,
    /// Media type as declared, lower case.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Decoded size in bytes.
    pub size: u64,
    /// Path of the part inside the raw bytes: mail `1.2`, multipart form `2`; the third file wrapped into part 2 `2/3`.
    pub part: String,
    /// SHA-256 of the decoded bytes in lower-case hexadecimal, by which the same file is known; files of forms only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// A [`Verdict`] as text; files of forms only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// A picture that the text shows, such as the logo of a signature: no file anybody attached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inline: bool,
}

/// What is thought of an uploaded file. As text: `accepted`, `refused:<why>`, `unscanned`, `clean`, `infected:<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Name, declared type and bytes agree, and its kind is taken; no scanner is configured.
    Accepted,
    /// Not to be opened: why.
    Refused(Refusal),
    /// The virus scanner has not said anything yet.
    Unscanned,
    /// The virus scanner found nothing.
    Clean,
    /// The virus scanner found this.
    Infected(String),
}

impl Verdict {
    /// The verdict before any scan.
    #[must_use]
    pub const fn of(judged: Result<(), Refusal>) -> Self {
        match judged {
            Ok(()) => Self::Accepted,
            Err(why) => Self::Refused(why),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::Refused(why) => write!(f, "refused:{}", why.as_str()),
            Self::Unscanned => f.write_str("unscanned"),
            Self::Clean => f.write_str("clean"),
            Self::Infected(name) => write!(f, "infected:{name}"),
        }
    }
}

/// An inner message someone passed on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the header fields of RFC 5322")]
pub struct Forwarded {
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub subject: Option<String>,
    pub date: Option<String>,
    pub text: String,
}

/// What a delivery report (RFC 3464) says of its first failed recipient, and of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounce {
    /// Final-Recipient or what the text names.
    pub recipient: Option<String>,
    /// Enhanced status code (RFC 3463), `5.1.1`.
    pub status: Option<String>,
    /// Code with which the mail server refused (RFC 5321), `550`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_code: Option<String>,
    /// Why, as a slug: `no_such_recipient`, `mailbox_full`, `blocked`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Action: failed, delayed, delivered, relayed, expanded.
    pub action: Option<String>,
    /// The address is dead: no later message will reach it.
    pub hard: bool,
    /// Message-ID of the message reported on, without brackets.
    pub original_message_id: Option<String>,
    /// Diagnostic-Code, one line.
    pub diagnostic: Option<String>,
    /// Further recipients of the same report, each with what it says of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Self>,
}

impl Bounce {
    /// What is said of each recipient that was not reached: the first, and those others that failed, too.
    pub fn failures(&self) -> impl Iterator<Item = &Self> {
        let others = self.others.iter().filter(|other| other.action.as_deref() == Some("failed"));
        std::iter::once(self).chain(others)
    }
}

/// An invitation (RFC 5545).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What.
    pub summary: Option<String>,
    /// Begin: `2025-05-03`, `2025-05-03T10:00:00Z`, or a local moment with the zone it names behind it.
    pub starts: Option<String>,
    /// End, written the same way.
    pub ends: Option<String>,
    /// Where.
    pub location: Option<String>,
    /// Address of whoever invites.
    pub organizer: Option<String>,
    /// `request`, `reply`, `cancel`, ...
    pub method: Option<String>,
    /// Words beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A feedback report (RFC 5965): somebody does not want a message of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// Who complained, when the report says so.
    pub recipient: Option<String>,
    /// `abuse`, `opt-out`, `auth-failure`, ... as the report says, lower case.
    pub feedback_type: Option<String>,
    /// Message-ID of the message complained about, without brackets.
    pub original_message_id: Option<String>,
}

/// Something odd that was survived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable slug, e.g. `no_from`, `too_deep`, `charset_guessed`.
    pub code: String,
    /// One plain sentence.
    pub detail: String,
}

/// Facts only a mail has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailFacts {
    /// Message-ID without brackets.
    pub message_id: Option<String>,
    /// In-Reply-To, first id, without brackets.
    pub in_reply_to: Option<String>,
    /// References, oldest first, at most the last 32, without brackets.
    pub references: Vec<String>,
    /// Date header as RFC 3339, if it could be read.
    pub date: Option<String>,
    /// From.
    pub from: Mailbox,
    /// Sender.
    pub sender: Option<Mailbox>,
    /// Reply-To.
    pub reply_to: Vec<Mailbox>,
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Delivered-To, X-Original-To, Envelope-To: where the message really went, in order.
    pub delivered_to: Vec<String>,
    /// `tag` of `sales+tag@ours` among the recipients.
    pub plus_tag: Option<String>,
    /// Whether an automatic answer would be allowed (RFC 3834).
    pub may_reply: bool,
    /// What was cut from the text as quotation.
    pub quoted: Option<String>,
    /// The signature block.
    pub signature: Option<String>,
    /// Whether it is surely from its From; absent where no mail server of the house is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<bool>,
    /// What those wrote, without their signatures, who passed a message on: the sender, and of colleagues all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_with: Option<String>,
    /// A message passed on inside this one.
    pub forwarded: Option<Forwarded>,
    /// Delivery report.
    pub bounce: Option<Bounce>,
    /// Feedback report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complaint: Option<Complaint>,
    /// Ids in the header of the message that a report is about, without brackets: its own, and of what it answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returned_ids: Vec<String>,
    /// The first invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// The day an automatic answer says its writer is back, or away until: `2025-05-03`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns_on: Option<String>,
}

impl MailFacts {
    /// Whom a report is about: who could not be reached, or complained.
    pub fn reported_on(&self) -> impl Iterator<Item = &String> {
        let failed = self.bounce.iter().flat_map(Bounce::failures).filter_map(|failure| failure.recipient.as_ref());
        failed.chain(self.complaint.as_ref().and_then(|complaint| complaint.recipient.as_ref()))
    }

    /// Every id that a report gives of the message it is about.
    pub fn reported_ids(&self) -> impl Iterator<Item = &String> {
        let failed = self.bounce.as_ref().and_then(|bounce| bounce.original_message_id.as_ref());
        let complained = self.complaint.as_ref().and_then(|complaint| complaint.original_message_id.as_ref());
        failed.into_iter().chain(complained).chain(&self.returned_ids)
    }
}

/// A template that knows a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateUse {
    /// Its name.
    pub name: String,
    /// The sender is proven, so that origin and kind count.
    pub proven: bool,
    /// What it must find and did not: the mail is read as any other. Empty: the fields are its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

impl TemplateUse {
    /// Whether the fields are those that it found.
    #[must_use]
    pub const fn is_used(&self) -> bool {
        self.missing.is_empty()
    }
}

impl fmt::Display for TemplateUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match (self.is_used(), self.proven) {
            (false, _) => {
                write!(f, "{name} knows it but does not find {}; it is read as any other", self.missing.join(", "))
            }
            (true, true) => write!(f, "{name}, its sender is proven"),
            (true, false) => write!(f, "{name}, its sender is not proven, so that origin and kind are not set"),
        }
    }
}

/// What an arrival says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Class of a mail; `None` for forms.
    pub class: Option<MailClass>,
    /// `encrypted`, `signed`, `attachments_omitted`, ...
    pub flags: Vec<String>,
    /// Mail subject, or the form's subject field.
    pub subject: Option<String>,
    /// All readable text.
    pub text: String,
    /// The new text: nothing quoted, no signature.
    pub reply: String,
    /// Attached files.
    pub attachments: Vec<Attachment>,
    /// Named values: form fields, or key/value lines of a form notification.
    pub fields: Vec<Field>,
    /// Mail only.
    pub mail: Option<MailFacts>,
    /// The operator's template that knows this mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateUse>,
    /// The producer's id of a lead that this only announces: it is fetched, and arrives by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_fetch: Option<String>,
    /// Oddities survived.
    pub warnings: Vec<Warning>,
}

impl Submission {
    /// The template whose fields these are.
    #[must_use]
    pub fn by_template(&self) -> Option<&TemplateUse> {
        self.template.as_ref().filter(|template| template.is_used())
    }

    /// The fields of a mail are those of a form of the house: a configured form sender or the portal of a template sent
    /// them, and is who it says.
    #[must_use]
    pub fn is_of_proven_form(&self) -> bool {
        self.flags.iter().any(|flag| flag == FORM_SENDER) || self.by_template().is_some_and(|template| template.proven)
    }
}
