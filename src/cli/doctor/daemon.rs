//! What a running daemon says of itself: the reasons that its `/readyz` gives.

use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Check;

/// Longest the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Most bytes read of an answer.
const MOST: u64 = 256 << 10;

/// The part of the answer that is told.
#[derive(Debug, Deserialize)]
struct Report {
    status: String,
    reasons: Vec<String>,
}

/// Asks the daemon at the operator address; nothing when none answers there.
pub(super) async fn examine(address: &str) -> Vec<Check> {
    let answer = tokio::time::timeout(PATIENCE, ask(address)).await;
    let Ok(Ok(answer)) = answer else { return Vec::new() };
    report(&answer).map_or_else(Vec::new, checks)
}

/// One request (RFC 9112); the answer ends with the connection.
async fn ask(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The report inside an answer; none of another program's.
fn report(answer: &str) -> Option<Report> {
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body.trim()).ok()
}

fn checks(report: Report) -> Vec<Check> {
    if report.reasons.is_empty() {
        return vec![Check::ok("daemon", format!("it runs and says: {}", report.status))];
    }
    let remedy = "see the log of the running pisteur";
    report.reasons.into_iter().map(|why| Check::warn("daemon", format!("{}: {why}", report.status), remedy)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_a_line_and_other_programs_have_none() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"status\":\"degraded\",\"reasons\":[\"a\",\"b\"]}";
        let found: Vec<String> = checks(report(answer).unwrap()).into_iter().map(|c| c.found).collect();
        assert_eq!(found, ["degraded: a", "degraded: b"]);
        assert!(report("HTTP/1.1 404 Not Found\r\n\r\nno").is_none());
    }
}
