//! The same door under `wrk`, a generator that is not ours.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// What `wrk` sends and reports: every body another one, so that no submission repeats an earlier one.
const SCRIPT: &str = r#"
local threads, n = 0, 0
function setup(thread)
  threads = threads + 1
  thread:set("own", threads)
end
function request()
  n = n + 1
  local who = own .. "x" .. n
  local body = "name=Prenom" .. who .. "+Nom" .. who .. "&email=personne" .. who .. "%40societe-" .. who
    .. ".fr&message=Bonjour%2C+votre+catalogue+numero+" .. who .. "%2C+merci."
  local head = { ["Content-Type"] = "application/x-www-form-urlencoded", ["Accept"] = "application/json" }
  return wrk.format("POST", nil, head, body)
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("figures %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

/// Requests a second, p50 and p99 with so many connections for some seconds; `None` where `wrk` is not installed.
pub fn post(address: SocketAddr, connections: usize, seconds: u32) -> Option<(f64, Duration, Duration)> {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("post.lua");
    std::fs::write(&script, SCRIPT).expect("a script");
    let threads = connections.min(2).to_string();
    let run = Command::new("wrk")
        .args(["-t", &threads, "-c", &connections.to_string(), "-d", &format!("{seconds}s"), "-s"])
        .arg(&script)
        .arg(format!("http://{address}/f/contact"))
        .output()
        .ok()?;
    let printed = String::from_utf8_lossy(&run.stdout);
    let line = printed.lines().find_map(|line| line.strip_prefix("figures ")).expect("the figures of wrk");
    let figures: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [requests, micros, half, most, errors] = figures[..] else { panic!("figures of wrk: {line}") };
    assert_eq!(errors, 0, "requests without a good answer: {printed}");
    let time = Duration::from_micros;
    Some((requests as f64 / time(micros).as_secs_f64(), time(half), time(most)))
}
