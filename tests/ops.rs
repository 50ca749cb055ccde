//! Integration tests: bad days.

#[path = "ops/away.rs"]
mod away;
#[path = "ops/daemon_away.rs"]
mod daemon_away;
