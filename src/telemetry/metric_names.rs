//! The one list of metrics: name, kind, unit, meaning. A metric that is not here is refused by a test.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What a metric does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// A present value.
    Gauge,
    /// Spread of samples.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Name as exported.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Unit, when it has one.
    pub unit: Option<Unit>,
    /// What it says, its labels, and when to worry.
    pub help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit: None, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit: None, help }
}

const fn seconds(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit: Some(Unit::Seconds), help }
}

const fn histogram(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, unit: Some(Unit::Seconds), help }
}

/// Every metric of the daemon.
pub const METRICS: &[Metric] = &[
    // Doors.
    counter("pisteur_accepted_total", "Arrivals journalled with fsync, by intake."),
    counter("pisteur_repeated_total", "Arrivals that repeat an earlier one, by intake."),
    counter("pisteur_refused_total", "Form submissions answered with an error, by form and reason."),
    counter("pisteur_links_used_total", "Links in mails to visitors that were used, by kind (confirm, unsubscribe)."),
    // Listeners.
    counter("pisteur_connections_refused_total", "Connections turned away because too many were open."),
    counter("pisteur_connections_pushed_out_total", "Connections that nobody worked for, closed to make room."),
    counter("pisteur_tls_handshakes_total", "TLS handshakes, by outcome: done, failed, timeout, plain."),
    gauge("pisteur_tls_certificate_expiry_timestamp_seconds", "Unix time at which the certificate in force ends."),
    gauge("pisteur_tls_last_reload_successful", "0 while a new certificate was refused and the old one is in force."),
    counter("pisteur_infected_files_total", "Uploaded files in which the virus scanner found something."),
    counter("pisteur_screened_total", "Form submissions judged, by form and verdict."),
    counter(
        "pisteur_captcha_overload_total",
        "Submissions that waited in vain for their captcha to be asked, by captcha; many visitors at one time.",
    ),
    counter("pisteur_overflow_total", "Submissions held because too many came, by form (or hook) and reason."),
    counter("pisteur_leads_fetched_total", "Leads fetched after a notification or by the backfill, by hook."),
    // Mailboxes.
    gauge("pisteur_mailbox_connected", "1 while the mailbox is logged in."),
    gauge(
        "pisteur_mailbox_last_ok_timestamp_seconds",
        "Unix time of the last look for mail that ended well; worry when it is 15 minutes ago.",
    ),
    gauge("pisteur_mailbox_gap_messages", "Messages seen on the server and not yet journalled."),
    gauge("pisteur_mailbox_token_expiry_timestamp_seconds", "Unix time at which the access token ends."),
    gauge(
        "pisteur_mailbox_token_obtained_timestamp_seconds",
        "Unix time at which the access token was obtained: the grant worked then.",
    ),
    gauge(
        "pisteur_mailbox_refresh_token_timestamp_seconds",
        "Unix time at which the provider gave the refresh token in force.",
    ),
    gauge("pisteur_mailbox_refresh_token_unkept", "1 while the refresh token in force is only in memory."),
    counter("pisteur_mailbox_polls_total", "Looks for mail that ended well."),
    counter("pisteur_mailbox_messages_total", "Messages journalled."),
    counter("pisteur_mailbox_bytes_total", "Bytes of messages journalled."),
    counter("pisteur_mailbox_quarantined_total", "Messages quarantined because they could not be fetched."),
    counter("pisteur_mailbox_errors_total", "Failures, by class."),
    counter("pisteur_mailbox_connections_total", "Connections made."),
    counter("pisteur_mailbox_marks_total", "Marks on messages, by outcome."),
    counter("pisteur_mailbox_rebuilt_total", "Folders found rebuilt by their server."),
    // Processing.
    histogram("pisteur_stage_seconds", "Time of one stage, by stage."),
    histogram("pisteur_arrival_seconds", "From receipt to committed decision."),
    counter("pisteur_decisions_total", "Decisions committed, by the state they end in."),
    counter("pisteur_commit_conflicts_total", "Commits decided again because a record appeared meanwhile."),
    counter("pisteur_leases_lost_total", "Jobs that another worker had taken before they were settled."),
    counter("pisteur_reading_failures_total", "Arrivals whose reading panicked or took too long."),
    counter("pisteur_poison_arrivals_total", "Arrivals quarantined because reading them killed a process."),
    counter("pisteur_swept_records_total", "Records compared once more after they were written."),
    counter("pisteur_swept_questions_total", "Questions that came of it: pairs of records that may be one."),
    // Outbox.
    counter(
        "pisteur_deliveries_total",
        "Attempts to deliver, by kind, target and outcome (delivered, failed, dead, withheld).",
    ),
    histogram("pisteur_delivery_seconds", "Time of one attempt to deliver, by kind."),
    counter("pisteur_purged_total", "Submissions whose bytes were removed after their time, by form."),
    // Progress, read from the store.
    gauge("pisteur_arrivals", "Arrivals stored, by state; failed and quarantined ones wait for a person."),
    gauge("pisteur_jobs", "Jobs by queue and state: waiting, leased, dead; a dead one needs a person."),
    seconds("pisteur_oldest_unprocessed_seconds", "Age of the oldest arrival without a decision; 0 = none."),
    seconds(
        "pisteur_oldest_lease_seconds",
        "Age of the oldest lease on a job, renewed or not; 0 = none. Worry when it grows beyond minutes: work hangs.",
    ),
    gauge("pisteur_spilled_arrivals", "Arrivals in the local spill, waiting for PostgreSQL."),
    gauge("pisteur_spilled_refused", "Arrivals in the local spill that PostgreSQL refused; tried again every hour."),
    gauge("pisteur_database_reachable", "1 while the database answers."),
    // Reload.
    gauge(
        "pisteur_rules_last_reload_successful",
        "0 while the rules folder is broken and the last good set is in force.",
    ),
    gauge("pisteur_config_last_reload_successful", "0 after a changed configuration was refused."),
    // Process.
    Metric {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        help: "Memory of the process that lies in RAM.",
    },
    seconds("process_cpu_seconds", "Processor time used since the start, user and system."),
    gauge("process_open_fds", "Open files and sockets."),
];

/// Tells the recorder what each metric means.
pub fn describe_all() {
    for metric in METRICS {
        match (metric.kind, metric.unit) {
            (Kind::Counter, None) => describe_counter!(metric.name, metric.help),
            (Kind::Counter, Some(unit)) => describe_counter!(metric.name, unit, metric.help),
            (Kind::Gauge, None) => describe_gauge!(metric.name, metric.help),
            (Kind::Gauge, Some(unit)) => describe_gauge!(metric.name, unit, metric.help),
            (Kind::Histogram, None) => describe_histogram!(metric.name, metric.help),
            (Kind::Histogram, Some(unit)) => describe_histogram!(metric.name, unit, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_follow_the_prometheus_conventions() {
        let mut names: Vec<_> = METRICS.iter().map(|m| m.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for metric in METRICS {
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
