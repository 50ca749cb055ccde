//! What the integration tests share: own servers, own daemon, own folders.
