//! Integration tests: bad days, and what operators look at.

#[path = "ops/away.rs"]
mod away;
#[path = "ops/daemon_away.rs"]
mod daemon_away;
#[path = "ops/machine.rs"]
mod machine;
#[path = "ops/postgres_tls.rs"]
mod postgres_tls;
#[path = "ops/reused.rs"]
mod reused;
