//! `[mailbox.timing]`: intervals and time-outs of one mailbox.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;

/// A length of time in seconds; fractions are allowed.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Seconds(pub f64);

impl Seconds {
    /// As a duration; what is no length of time is zero.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::try_from_secs_f64(self.0).unwrap_or(Duration::ZERO)
    }
}

/// Intervals and time-outs, all in seconds. The defaults suit the large providers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// Look for mail at least this often, whatever IDLE says.
    pub poll: Seconds,
    /// Look this often when the server has no IDLE.
    pub poll_without_idle: Seconds,
    /// One IDLE lasts at most this long (servers allow 29 minutes, firewalls less).
    pub idle: Seconds,
    /// Wait for the end of IDLE.
    pub done: Seconds,
    /// Wait for the TCP connection and the TLS handshake, each.
    pub connect: Seconds,
    /// Wait for the answer to one command; a long message may take longer while it comes fast enough.
    pub command: Seconds,
    /// Slowest acceptable transfer of a long message, in bytes per second.
    pub slowest_bytes_per_second: u32,
    /// First pause after a failure; it doubles with each further one.
    pub retry: Seconds,
    /// Longest pause after failures.
    pub retry_max: Seconds,
    /// Pause after refused credentials; it doubles up to `auth_retry_max`.
    pub auth_retry: Seconds,
    /// Longest pause after refused credentials.
    pub auth_retry_max: Seconds,
    /// After failures at most two connections are made in this time.
    pub reconnect_window: Seconds,
    /// How long the lock on the mailbox outlives a dead daemon; it is renewed at a third of this.
    pub lock: Seconds,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Seconds(300.0),
            poll_without_idle: Seconds(60.0),
            idle: Seconds(420.0),
            done: Seconds(15.0),
            connect: Seconds(60.0),
            command: Seconds(60.0),
            slowest_bytes_per_second: 4096,
            retry: Seconds(2.0),
            retry_max: Seconds(80.0),
            auth_retry: Seconds(300.0),
            auth_retry_max: Seconds(3600.0),
            reconnect_window: Seconds(120.0),
            lock: Seconds(30.0),
        }
    }
}

impl Timing {
    /// What is wrong with this section; `at` is its path.
    #[must_use]
    pub fn validate(&self, at: &str) -> Vec<Problem> {
        let spans = [
            ("poll", self.poll),
            ("poll_without_idle", self.poll_without_idle),
            ("idle", self.idle),
            ("done", self.done),
            ("connect", self.connect),
            ("command", self.command),
            ("retry", self.retry),
            ("retry_max", self.retry_max),
            ("auth_retry", self.auth_retry),
            ("auth_retry_max", self.auth_retry_max),
            ("reconnect_window", self.reconnect_window),
            ("lock", self.lock),
        ];
        let mut problems: Vec<Problem> = spans
            .into_iter()
            .filter(|(_, span)| !(span.0.is_finite() && span.0 > 0.0 && span.0 <= 86_400.0))
            .map(|(key, _)| (format!("{at}.{key}"), "must be seconds above 0 and at most 86400 (a day)".to_owned()))
            .collect();
        if self.idle.0 > 1740.0 {
            problems.push((format!("{at}.idle"), "servers end IDLE after 29 minutes: at most 1740".to_owned()));
        }
        if self.slowest_bytes_per_second == 0 {
            problems.push((format!("{at}.slowest_bytes_per_second"), "must be at least 1".to_owned()));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_take_whole_and_broken_seconds() {
        let timing: Timing = toml::from_str("poll = 10\nidle = 0.5").unwrap();
        assert_eq!(timing.poll.duration(), Duration::from_secs(10));
        assert_eq!(timing.idle.duration(), Duration::from_millis(500));
        assert_eq!(timing.validate("t"), Vec::new());
    }

    #[test]
    fn senseless_spans_are_named() {
        let timing: Timing = toml::from_str("poll = 0\nidle = 1800\ncommand = nan").unwrap();
        let keys: Vec<String> = timing.validate("t").into_iter().map(|p| p.0).collect();
        assert_eq!(keys, ["t.poll", "t.command", "t.idle"]);
    }
}
