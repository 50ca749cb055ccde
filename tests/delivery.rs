//! Integration tests: what leaves the house.

mod acknowledge;
mod client;
mod mails;
mod outbox;
mod scene;
mod webhooks;
