//! What the integration tests share: own servers, own daemon, own folders.
//!
//! Everything listens on 127.0.0.1 on a free port, lives in a temporary folder and ends with the test process, however
//! that ends (see [`process`]). A server that is not installed is a failure that names the remedy, never a skip.

pub mod authority;
pub mod certs;
pub mod clamd;
pub mod corpora;
pub mod daemon;
pub mod dovecot;
pub mod flood;
pub mod http;
pub mod ledger;
pub mod load;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod smtp;
pub mod tls;
pub mod visitors;
pub mod wait;
pub mod webhook;
