//! Mail to the owner of a record, through the house's SMTP server.
//!
//! Invariants:
//! - The recipient comes from the house's own people, never from what arrived.
//! - The envelope sender is our own address, as From is.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use lettre::message::{Mailbox, SinglePart};
use lettre::{Address, Message};
use ulid::Ulid;

use super::record::{self, Record, kind_word};
use super::smtp::{Automatic, Outgoing};
use super::{Attempt, Deliver, Delivery, Notice, wording};
use crate::clock::Timestamp;
use crate::config::delivery::{DeliveryConfig, MailLanguage};
use crate::domain::plain::one_line;
use crate::store::{Effect, Store};

/// Somebody of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Name beside the address.
    pub name: String,
    /// Address.
    pub email: String,
}

/// Finds a person of the house by user id; `None` when there is no such person, or no address.
pub type People = Arc<dyn Fn(&str) -> Option<Recipient> + Send + Sync>;

/// Mails owners.
pub struct OwnerMail {
    outgoing: Arc<Outgoing>,
    language: MailLanguage,
    people: People,
    store: Arc<dyn Store>,
}

impl fmt::Debug for OwnerMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerMail").field("outgoing", &self.outgoing).finish_non_exhaustive()
    }
}

impl OwnerMail {
    /// Mails in the language of `[delivery.owner_mail]`.
    #[must_use]
    pub fn new(config: &DeliveryConfig, outgoing: Arc<Outgoing>, store: Arc<dyn Store>, people: People) -> Self {
        Self { outgoing, language: config.owner_mail.language, people, store }
    }

    fn write(
        &self,
        id: Ulid,
        notice: &Notice,
        record: &Record,
        to: Mailbox,
        now: Timestamp,
    ) -> Result<Message, String> {
        let reply_to = reply_to(record);
        let mut message = self
            .outgoing
            .begin(id, "notification", Automatic::Generated, now)
            .to(to)
            .subject(wording::subject(self.language, notice, record));
        let text = wording::text(self.language, record, reply_to.is_some());
        if let Some(reply_to) = reply_to {
            message = message.reply_to(reply_to);
        }
        message.singlepart(SinglePart::plain(text)).map_err(|e| format!("the mail cannot be written: {e}"))
    }
}

/// The enquirer, when the address is one person's: then a reply reaches who asked. Never an address that needs
/// extended mail (RFC 6532), which many servers refuse.
fn reply_to(record: &Record) -> Option<Mailbox> {
    let email = record.emails.first().filter(|e| e.personal && e.address.is_ascii())?;
    let address: Address = email.address.parse().ok()?;
    Some(Mailbox::new(record.name.clone(), address))
}

#[async_trait]
impl Deliver for OwnerMail {
    async fn deliver(&self, effect: &Effect, attempt: Attempt) -> Delivery {
        let Ok(notice) = serde_json::from_value::<Notice>(effect.payload.clone()) else {
            return Delivery::never("the stored effect cannot be read");
        };
        let record = match record::look_up(self.store.as_ref(), notice.kind, notice.record).await {
            Ok(Some(record)) => record,
            Ok(None) => return Delivery::never(format!("{} {} is gone", kind_word(notice.kind), notice.record)),
            Err(error) => return Delivery::retry(format!("the record could not be read: {error}")),
        };
        // Nobody owns it yet: there is nobody to tell.
        let Some(owner) = record.owner.as_deref() else { return Delivery::Done };
        let Some(person) = (self.people)(owner) else {
            return Delivery::never(format!("{owner} has no address: add an email in people.toml and try again"));
        };
        let Ok(address) = person.email.parse::<Address>() else {
            return Delivery::never(format!("the address of {owner} is none: correct it in people.toml and try again"));
        };
        let to = Mailbox::new(Some(one_line(&person.name, 80)), address);
        match self.write(effect.id, &notice, &record, to, attempt.now) {
            Ok(message) => self.outgoing.send(message).await,
            Err(why) => Delivery::never(why),
        }
    }
}
