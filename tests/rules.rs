//! Integration tests: rules.

mod fixtures;
mod golden;
mod hostile;
mod language;
mod shipped;
