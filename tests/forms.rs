//! Integration tests: forms, listeners, watched folder. Real sockets, a real SQLite store.

pub mod house;

mod answers;
mod bodies;
mod bulk;
mod captcha;
mod connections;
mod consent;
pub mod files;
mod formspree;
mod limits;
mod onward;
mod operator;
mod pages;
mod repeats;
mod screening;
mod slow_and_many;
mod spool;
mod uploads;
mod wire;
