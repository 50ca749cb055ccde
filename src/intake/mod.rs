//! The doors in.
