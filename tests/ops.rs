//! Integration tests: bad days.

#[path = "ops/away.rs"]
mod away;
