//! Logs and metrics: every event the daemon can emit, in one list.
