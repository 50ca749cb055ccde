//! `[[mailbox]]`: IMAP accounts to poll.
