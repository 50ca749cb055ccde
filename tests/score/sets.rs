//! The sets that lie outside the project, with their truth, and how well each is read.
//!
//! Text is compared with white space normalised; lost content is a word of the truth that the output lacks.

use super::generated;

pub mod forwards;
pub mod machines;
pub mod replies;
pub mod scored;
pub mod signatures;
