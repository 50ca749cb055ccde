//! Third-party webhooks: adapters against their fixtures, the door, fetching, what people connect.

mod away;
mod command;
mod door;
mod golden;
mod guide;
mod hostile;
mod kept;
mod reload;
mod retrieval;
pub mod rig;
pub mod several;
mod ssrf;
mod unverified;
mod waiting;
mod wordpress;
