//! Integration tests: what leaves the house.

mod client;
