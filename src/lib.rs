//! Pisteur turns every enquiry a company receives into the right lead or opportunity in its CRM database.
//!
//! The map, from the heart outwards; a room imports only from rooms above it:
//! - [`clock`]: time and identifiers as arguments.
//! - [`domain`]: pure: bytes -> submission -> enquiry -> decision.
//! - [`config`], [`telemetry`]: what operators set, and what they see.
//! - [`store`], [`imap`], [`outbound`]: database, mailbox and HTTP clients.
//! - [`intake`], [`delivery`]: doors in, effects out.
//! - [`pipeline`]: from journal to record.
//! - [`http`][]: listeners.
//! - [`cli`][]: sub-commands.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod domain;
pub mod http;
pub mod imap;
pub mod intake;
pub mod lifecycle;
pub mod outbound;
pub mod pipeline;
pub mod store;
pub mod telemetry;
