//! `mark` effects: hands a mark to the task of its mailbox, which carries it out in its own session.
//!
//! A mark that cannot be carried out now (another daemon reads the mailbox, it is not connected, its queue is full)
//! comes back later; one whose message is gone or whose folder was rebuilt is done.

use std::time::Duration;

use async_trait::async_trait;

use super::{Attempt, Deliver, Delivery, MarkNotice};
use crate::imap::{Mailboxes, MarkError};
use crate::store::Effect;

/// Pause before a mark tries again when its mailbox is read elsewhere or not connected.
const LATER: Duration = Duration::from_secs(30);

/// Marks of one mailbox under way at once; its task carries out about as many in one command.
const AT_ONCE: usize = 128;

/// Delivers marks to the mailboxes this daemon runs.
#[derive(Debug, Clone)]
pub struct MarkDelivery {
    mailboxes: Mailboxes,
}

impl MarkDelivery {
    /// To these mailboxes.
    #[must_use]
    pub const fn new(mailboxes: Mailboxes) -> Self {
        Self { mailboxes }
    }
}

#[async_trait]
impl Deliver for MarkDelivery {
    async fn deliver(&self, effect: &Effect, _attempt: Attempt) -> Delivery {
        let notice: MarkNotice = match serde_json::from_value(effect.payload.clone()) {
            Ok(notice) => notice,
            Err(_) => return Delivery::never("the mark does not say which message it is for"),
        };
        let Some(mailbox) = self.mailboxes.get(&effect.target) else {
            return Delivery::never(format!("no mailbox {} is configured any more", effect.target));
        };
        match mailbox.mark(&notice.position, notice.state).await {
            Ok(_) => Delivery::Done,
            Err(error @ (MarkError::Elsewhere | MarkError::Offline)) => {
                Delivery::Retry { after: Some(LATER), why: error.to_string() }
            }
            Err(error) => Delivery::retry(error.to_string()),
        }
    }

    fn at_once(&self) -> Option<usize> {
        Some(AT_ONCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::envelope::{ArrivalState, MailPosition};
    use crate::imap::{MarkOutcome, channel};
    use ulid::Ulid;

    fn effect(state: ArrivalState) -> Effect {
        let position = MailPosition { folder: "INBOX".into(), uidvalidity: 1, uid: 7, internal_date: None };
        let notice = MarkNotice { arrival: Ulid::nil(), position, state };
        let payload = serde_json::to_value(notice).unwrap();
        Effect { id: Ulid::nil(), kind: super::super::MARK.into(), target: "sales".into(), payload }
    }

    const ATTEMPT: Attempt = Attempt { number: 1, now: Timestamp::from_seconds(0) };

    #[tokio::test]
    async fn a_mark_reaches_its_mailbox_and_brings_the_outcome() {
        let mailboxes = Mailboxes::default();
        let (handle, mut receiver, _status) = channel("sales");
        mailboxes.insert(handle);
        let marks = MarkDelivery::new(mailboxes);
        for (outcome, expected) in [
            (Ok(MarkOutcome::Gone), Delivery::Done),
            (Err(MarkError::Failed("no".into())), Delivery::retry("no")),
            (Err(MarkError::Elsewhere), Delivery::Retry { after: Some(LATER), why: MarkError::Elsewhere.to_string() }),
        ] {
            let decided = effect(ArrivalState::Decided);
            let (delivery, ()) = tokio::join!(marks.deliver(&decided, ATTEMPT), async {
                receiver.recv().await.unwrap().answer(outcome);
            });
            assert_eq!(delivery, expected);
        }
    }

    #[tokio::test]
    async fn quarantined_mail_stays_where_people_see_it() {
        let mailboxes = Mailboxes::default();
        let (handle, _receiver, _status) = channel("sales");
        mailboxes.insert(handle);
        let delivery = MarkDelivery::new(mailboxes).deliver(&effect(ArrivalState::Quarantined), ATTEMPT).await;
        assert_eq!(delivery, Delivery::Done);
    }

    #[tokio::test]
    async fn a_mark_without_its_mailbox_is_a_dead_letter() {
        let delivery = MarkDelivery::new(Mailboxes::default()).deliver(&effect(ArrivalState::Decided), ATTEMPT).await;
        assert!(matches!(delivery, Delivery::Never { .. }));
    }
}
