//! Integration tests: bad days.

#[path = "ops/away.rs"]
mod away;
#[path = "ops/daemon_away.rs"]
mod daemon_away;
#[path = "ops/postgres_tls.rs"]
mod postgres_tls;
#[path = "ops/reused.rs"]
mod reused;
