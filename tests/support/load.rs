//! A cheap load generator for forms: keep-alive connections, bounded in count and time, one thread's worth of work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a run found.
#[derive(Debug, Default)]
pub struct LoadResult {
    /// Ids acknowledged, with the number of the post.
    pub acknowledged: Vec<(usize, String)>,
    /// Posts without an acknowledgement (refused, connection cut).
    pub unanswered: Vec<usize>,
    /// From the first post to the last answer.
    pub elapsed: Duration,
    /// Time of each answered request.
    pub latencies: Vec<Duration>,
}

impl LoadResult {
    /// Answered posts a second.
    pub fn rate(&self) -> f64 {
        self.acknowledged.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Latency at `share` (0.5, 0.99).
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "a share of a length")]
    pub fn latency(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let index = ((sorted.len() as f64 - 1.0) * share).round().max(0.0) as usize;
        sorted.get(index).copied().unwrap_or_default()
    }
}

/// Posts `numbers` to `/f/{form}` over `clients` connections; `body` gives the urlencoded body of each number.
/// A cut connection leaves that post unanswered and the client goes on with a new connection while `patience` lasts.
pub async fn post_forms(
    addr: SocketAddr,
    form: &str,
    numbers: Vec<usize>,
    clients: usize,
    patience: Duration,
    body: impl Fn(usize) -> String + Send + Sync + 'static,
) -> LoadResult {
    let (body, numbers, next) = (Arc::new(body), Arc::new(numbers), Arc::new(AtomicUsize::new(0)));
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (body, numbers, next, form) = (Arc::clone(&body), Arc::clone(&numbers), Arc::clone(&next), form.to_owned());
        tasks.push(tokio::spawn(async move {
            let mut found = LoadResult::default();
            let mut connection: Option<TcpStream> = None;
            while let Some(&number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                let begun = Instant::now();
                let posted = post_once(&mut connection, addr, &form, &body(number), started, patience).await;
                if let Some(id) = posted {
                    found.latencies.push(begun.elapsed());
                    found.acknowledged.push((number, id));
                } else {
                    connection = None;
                    found.unanswered.push(number);
                }
            }
            found
        }));
    }
    let mut whole = LoadResult::default();
    for task in tasks {
        let found = task.await.expect("a load client panicked");
        whole.acknowledged.extend(found.acknowledged);
        whole.unanswered.extend(found.unanswered);
        whole.latencies.extend(found.latencies);
    }
    whole.elapsed = started.elapsed();
    whole
}

async fn post_once(
    connection: &mut Option<TcpStream>,
    addr: SocketAddr,
    form: &str,
    body: &str,
    started: Instant,
    patience: Duration,
) -> Option<String> {
    while connection.is_none() && started.elapsed() < patience {
        match TcpStream::connect(addr).await {
            Ok(stream) => {
                stream.set_nodelay(true).ok();
                *connection = Some(stream);
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    let stream = connection.as_mut()?;
    let request = format!(
        "POST /f/{form} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        stream.write_all(request.as_bytes()).await.ok()?;
        read_id(stream).await
    };
    tokio::time::timeout(Duration::from_secs(35), exchange).await.ok().flatten()
}

/// Reads one response; the `id` of its JSON when the status is 200.
async fn read_id(stream: &mut TcpStream) -> Option<String> {
    let mut buffer = Vec::with_capacity(1024);
    let mut chunk = [0_u8; 2048];
    loop {
        let read = stream.read(&mut chunk).await.ok()?;
        if read == 0 {
            return None;
        }
        buffer.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&buffer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|l| l.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case("content-length")))
            .and_then(|(_, v)| v.trim().parse::<usize>().ok())?;
        if body.len() < length {
            continue;
        }
        if !head.starts_with("HTTP/1.1 200") {
            return None;
        }
        let json: serde_json::Value = serde_json::from_str(body).ok()?;
        return json.get("id")?.as_str().map(str::to_owned);
    }
}
