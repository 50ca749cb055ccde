//! Typed configuration: sections, layering (file < environment), validation that names file, line and key.

pub mod delivery;
pub mod form;
pub mod http;
pub mod mailbox;
mod problem;

pub use self::problem::Problem;
