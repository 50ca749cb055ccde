//! Logs and metrics: every figure the daemon can emit, in one list, and the set-up of both.
//!
//! Logs go to standard error: text on a terminal, JSON otherwise. Metrics are kept in memory and rendered when asked;
//! who serves them is not decided here.

pub mod fail_point;
pub mod lately;
mod metric_names;
mod process_figures;
pub mod seldom;

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::domain::plain;

pub use metric_names::{Kind, METRICS, Metric, describe_all};

/// Upper bounds of the latency histograms, in seconds: from a tenth of a millisecond to a minute.
const SECONDS: [f64; 17] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogStyle {
    /// Text when standard error is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One readable line per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// Why logs or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is neither a level nor a filter.
    #[error("\"{0}\" is not a log level; use error, warn, info, debug or trace")]
    Level(String),
    /// Somebody else holds the process-wide recorder or subscriber.
    #[error("logs and metrics are set up already: {0}")]
    Taken(String),
}

/// Logs and metrics of this process.
#[derive(Clone)]
pub struct Telemetry {
    metrics: PrometheusHandle,
    filter: reload::Handle<EnvFilter, Registry>,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();

/// Sets up logs and metrics. The first call of a process counts; later ones change the level only.
///
/// # Errors
/// [`TelemetryError::Level`] for an unusable level, [`TelemetryError::Taken`] when another subscriber or recorder was
/// installed before.
pub fn init(level: &str, style: LogStyle) -> Result<Telemetry, TelemetryError> {
    let filter = parse_filter(level)?;
    if let Some(telemetry) = TELEMETRY.get() {
        telemetry.set_level(level)?;
        return Ok(telemetry.clone());
    }
    let taken = |e: &dyn std::fmt::Display| TelemetryError::Taken(e.to_string());
    let metrics = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .map_err(|e| taken(&e))?
        .install_recorder()
        .map_err(|e| taken(&e))?;
    describe_all();
    let (filter, handle) = reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(filter);
    let installed = if writes_json(style) {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
    } else {
        let lines = fmt::layer().with_ansi(colour()).with_target(false).fmt_fields(text_fields());
        registry.with(lines.with_writer(std::io::stderr)).try_init()
    };
    installed.map_err(|e| taken(&e))?;
    Ok(TELEMETRY.get_or_init(|| Telemetry { metrics, filter: handle }).clone())
}

impl Telemetry {
    /// Every metric in the Prometheus text format, with the process's own figures read now.
    #[must_use]
    pub fn render(&self) -> String {
        process_figures::read();
        self.metrics.render()
    }

    /// Folds recorded samples into their histograms. To be called every few seconds, so that memory stays small when
    /// nobody asks for [`Self::render`].
    pub fn upkeep(&self) {
        self.metrics.run_upkeep();
    }

    /// Changes the log level from now on.
    ///
    /// # Errors
    /// [`TelemetryError::Level`] when it is not one; the old level stays.
    pub fn set_level(&self, level: &str) -> Result<(), TelemetryError> {
        let filter = parse_filter(level)?;
        self.filter.reload(filter).map_err(|e| TelemetryError::Taken(e.to_string()))
    }
}

/// A plain level is about this program; the libraries below it speak from `warn` on.
fn parse_filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let level = level.trim();
    let wrong = || TelemetryError::Level(level.to_owned());
    let directives = match level.parse::<tracing::Level>() {
        Ok(tracing::Level::ERROR) => "error".to_owned(),
        Ok(plain) => format!("warn,pisteur={}", plain.as_str().to_lowercase()),
        Err(_) if level.contains(['=', ',']) => level.to_owned(),
        Err(_) => return Err(wrong()),
    };
    EnvFilter::builder().parse(directives).map_err(|_| wrong())
}

/// Values of text lines with control characters written out: names of files and words of servers come from strangers.
/// What goes on after a line end is indented, so that nothing can pass for a line of its own.
fn text_fields() -> impl for<'writer> FormatFields<'writer> {
    fmt::format::debug_fn(|writer, field, value| {
        let value = plain::escaped_lines(&format!("{value:?}")).replace('\n', "\n    ");
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{name}={value}"),
        }
    })
    .delimited(" ")
}

fn writes_json(style: LogStyle) -> bool {
    match style {
        LogStyle::Auto => !std::io::stderr().is_terminal(),
        LogStyle::Text => false,
        LogStyle::Json => true,
    }
}

/// Colour on a terminal, unless `NO_COLOR` is set to anything (no-color.org).
fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_level_is_about_this_program() {
        assert_eq!(parse_filter("debug").unwrap().to_string(), "pisteur=debug,warn");
        assert_eq!(parse_filter("info,sqlx=debug").unwrap().to_string(), "sqlx=debug,info");
        assert!(parse_filter("loud").is_err());
        assert!(parse_filter("").is_err());
    }

    /// A writer that keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_text_line_cannot_be_steered_by_what_it_names() {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = fmt::layer().with_ansi(false).fmt_fields(text_fields()).with_writer(move || writer.clone());
        let name = "a\u{1b}[2J\nERROR forged\u{202e}.eml";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(file = %name, count = 3, "the file {name} was not taken");
        });
        let said = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(said.contains("the file a\\u{1b}[2J\n    ERROR forged\\u{202e}.eml was not taken"), "{said}");
        assert!(said.contains(" count=3") && said.contains(" file=a\\u{1b}"), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']) && !said.contains("\nERROR"), "{said}");
    }

    #[test]
    fn what_is_recorded_is_rendered_with_its_help() {
        let telemetry = init("error", LogStyle::Json).unwrap();
        metrics::counter!("pisteur_accepted_total", "intake" => "contact").increment(2);
        metrics::histogram!("pisteur_stage_seconds", "stage" => "read").record(0.002);
        let text = telemetry.render();
        assert!(text.contains("pisteur_accepted_total{intake=\"contact\"} 2"), "{text}");
        assert!(text.contains("# HELP pisteur_accepted_total"), "{text}");
        assert!(text.contains("pisteur_stage_seconds_bucket{stage=\"read\",le=\"0.0025\"} 1"), "{text}");
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }
}
