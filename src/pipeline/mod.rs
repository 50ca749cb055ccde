//! From journal to record: workers, processing, outbox.
