//! From journal to record: workers, processing, outbox.

pub mod backoff;
pub mod outbox;
