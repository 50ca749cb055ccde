//! The doors in.

pub mod accept;
pub mod form;
pub mod mailbox;
pub mod spool;
pub mod webhook;
