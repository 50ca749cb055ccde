//! What is kept under an address alone, whoever's arrival it hangs on.

use super::super::super::driver::Connection;
use super::{count, statements};
use crate::clock::Timestamp;
use crate::domain::envelope::Digest;
use crate::domain::visitor::mailbox;
use crate::store::erase::suppressed;
use crate::store::{ErasedCounts, StoreResult};

statements! {
    FORGET_PLACES("DELETE FROM participant WHERE address = $1");
    FORGET_TOKENS("DELETE FROM visitor_token WHERE address = $1");
    FORGET_TURNS("DELETE FROM visitor_mail WHERE recipient = $1");
    FORGET_CONFIRMATIONS(
        "UPDATE opt_in SET address = 'erased', client_ip = NULL, user_agent = NULL, page = NULL,",
        " withdrawn_at = COALESCE(withdrawn_at, $2) WHERE address = $1");
    KEEP_SUPPRESSED(
        "INSERT INTO suppression (address, at, arrival) SELECT $2, s.at, s.arrival FROM suppression s",
        " WHERE s.address = $1 ON CONFLICT DO NOTHING");
    DROP_SUPPRESSED("DELETE FROM suppression WHERE address = $1");
}

/// Removes what is kept under a canonical address. That it asked not to be written to goes on holding, as a hash.
pub(super) async fn erase(conn: &mut Connection, address: &str, now: Timestamp) -> StoreResult<ErasedCounts> {
    let mut counts = ErasedCounts::new();
    let recipient = Digest::of(mailbox(address).as_bytes()).to_string();
    let of = [
        ("conversations", FORGET_PLACES, address),
        ("links", FORGET_TOKENS, address),
        ("mails to them", FORGET_TURNS, recipient.as_str()),
    ];
    for (word, sql, value) in of {
        let done = sqlx::query(sql).bind(value).execute(&mut *conn).await?;
        count(&mut counts, word, done.rows_affected());
    }
    let confirmed = sqlx::query(FORGET_CONFIRMATIONS).bind(address).bind(now.micros()).execute(&mut *conn).await?;
    count(&mut counts, "confirmations", confirmed.rows_affected());
    let behind = mailbox(address);
    for known in [address, &behind] {
        sqlx::query(KEEP_SUPPRESSED).bind(known).bind(suppressed(known)).execute(&mut *conn).await?;
        let done = sqlx::query(DROP_SUPPRESSED).bind(known).execute(&mut *conn).await?;
        count(&mut counts, "unsubscribing kept as a hash", done.rows_affected());
    }
    Ok(counts)
}
