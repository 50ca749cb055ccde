//! Medians, process figures and a plain table.

use std::fmt;
use std::time::Duration;

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Processor seconds a process has used so far.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let fields: Vec<&str> = after.split(' ').collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// A figure of `/proc/PID/status` in megabytes: `VmRSS`, `VmHWM`.
pub fn memory_mb(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Milliseconds with one digit.
pub fn millis(d: Duration) -> String {
    format!("{:.1} ms", d.as_secs_f64() * 1000.0)
}

/// A table of text.
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// With these headings.
    pub fn new(head: &[&str]) -> Self {
        Self(vec![head.iter().map(|h| (*h).to_owned()).collect()])
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[&str]) {
        self.0.push(cells.iter().map(|c| (*c).to_owned()).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |c: usize| self.0.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
        for (n, row) in self.0.iter().enumerate() {
            let cells: Vec<String> = (0..columns).map(|c| format!("{:<w$}", row[c], w = width(c))).collect();
            writeln!(f, "| {} |", cells.join(" | "))?;
            if n == 0 {
                let rule: Vec<String> = (0..columns).map(|c| "-".repeat(width(c))).collect();
                writeln!(f, "|-{}-|", rule.join("-|-"))?;
            }
        }
        Ok(())
    }
}
