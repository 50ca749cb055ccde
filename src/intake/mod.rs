//! The doors in.

pub mod mailbox;
