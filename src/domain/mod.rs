//! The pure heart: bytes in, decision out. No runtime, no database, no network, no files, no system time.

pub mod decide;
pub mod decision;
pub mod enquiry;
pub mod envelope;
pub mod hooks;
pub mod matching;
pub mod plain;
pub mod reading;
pub mod rules;
pub mod screening;
pub mod spreadsheet;
pub mod submission;
pub mod visitor;
