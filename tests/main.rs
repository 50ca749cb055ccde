//! All integration tests in one binary: one link, shared servers.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod architecture;
mod browser;
mod cli;
mod config;
mod crash;
mod delivery;
mod edge;
mod erase;
mod forms;
mod hooks;
mod imap;
mod imports;
mod matching;
mod ops;
mod pipeline;
mod reading;
mod reload;
mod rules;
mod servers;
mod store_conformance;
mod support;
mod sweep;
mod two_daemons;
