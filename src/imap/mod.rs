//! The one IMAP client.
