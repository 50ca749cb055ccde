//! Integration tests: store_conformance.
