//! Figures of the process itself, from `/proc`: memory, processor time, open files. Absent where `/proc` is.

use std::fs;

/// Clock ticks a second in `/proc/self/stat`: the kernel's `USER_HZ`, 100 on every Linux architecture in use.
const TICKS: f64 = 100.0;

/// Reads the figures into their gauges.
pub(super) fn read() {
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident) {
        metrics::gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(processor) {
        metrics::gauge!("process_cpu_seconds").set(seconds);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let open = u32::try_from(open.count()).unwrap_or(u32::MAX);
        metrics::gauge!("process_open_fds").set(f64::from(open));
    }
}

/// `VmRSS:  12345 kB` in bytes (`proc_pid_status(5)`).
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// utime + stime in seconds, fields 14 and 15 (`proc_pid_stat(5)`); the name in field 2 may contain anything.
fn processor(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_processor_time_are_read_from_proc() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   2048 kB\n"), Some(2_097_152.0));
        let stat = "12 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0";
        assert_eq!(processor(stat), Some(2.0));
        assert_eq!(processor("nonsense"), None);
    }
}
