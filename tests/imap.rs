//! Mailboxes, end to end: against a scripted server for everything servers do wrong, and against a real Dovecot.

mod daemon;
mod dovecot;
mod fetching;
mod login;
mod marking;
mod memory_store;
mod oauth;
mod rig;
mod scripted;
mod sessions;
