//! Integration tests: reading.
