//! A small HTTP receiver: keeps every request, answers as programmed.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::http::{read_body, read_head};

/// A request as received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Vec<u8>,
}

impl Received {
    /// Body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Further headers (`location`, `retry-after`).
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Time before the answer.
    pub delay: Duration,
}

impl Reply {
    /// An empty answer with this status.
    pub const fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), delay: Duration::ZERO }
    }

    /// 200 with a JSON body.
    pub fn json(body: &serde_json::Value) -> Self {
        let mut reply = Self::status(200);
        reply.body = body.to_string().into_bytes();
        reply.with_header("content-type", "application/json")
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// After a while.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// Answers by what is asked.
struct Handler(Box<dyn Fn(&Received) -> Reply + Send + Sync>);

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handler")
    }
}

#[derive(Debug)]
struct State {
    handler: Mutex<Option<Handler>>,
    requests: Mutex<Vec<Received>>,
    next: Mutex<VecDeque<Reply>>,
    usual: Mutex<Reply>,
    closed: AtomicBool,
}

/// The receiver; it ends when dropped.
#[derive(Debug)]
pub struct WebhookReceiver {
    port: u16,
    state: Arc<State>,
}

impl WebhookReceiver {
    /// On a free port, answering 200.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(State {
            handler: Mutex::default(),
            requests: Mutex::default(),
            next: Mutex::default(),
            usual: Mutex::new(Reply::status(200)),
            closed: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let state = Arc::clone(&shared);
                std::thread::spawn(move || drop(answer(&stream, &state)));
            }
        });
        Self { port, state }
    }

    /// Port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// URL of a path on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Requests so far, in order of arrival.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.state.requests).clone()
    }

    /// Answers every request like this from now on.
    pub fn answer(&self, reply: Reply) {
        *lock(&self.state.usual) = reply;
    }

    /// Answers every request by what it asks from now on, before anything else said here.
    pub fn answer_by(&self, handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *lock(&self.state.handler) = Some(Handler(Box::new(handler)));
    }

    /// Answers the next request not yet provided for like this, before the usual answer applies again.
    pub fn answer_next(&self, reply: Reply) {
        lock(&self.state.next).push_back(reply);
    }
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(stream: &TcpStream, state: &State) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut lines = BufReader::new(stream);
    let (first, headers) = read_head(&mut lines)?;
    let body = read_body(&mut lines, &headers, false)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let request = Received { method, path, headers, body };
    let handled = lock(&state.handler).as_ref().map(|handler| handler.0(&request));
    lock(&state.requests).push(request);
    let reply = handled.or_else(|| lock(&state.next).pop_front());
    let reply = reply.unwrap_or_else(|| lock(&state.usual).clone());
    std::thread::sleep(reply.delay);
    let mut head =
        format!("HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut out = stream;
    out.write_all(head.as_bytes())?;
    out.write_all(&reply.body)
}
