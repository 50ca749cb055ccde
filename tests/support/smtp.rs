//! A small SMTP sink (RFC 5321, no STARTTLS): keeps every mail it accepted, refuses when told. Any AUTH succeeds.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A mail as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// MAIL FROM, without brackets; empty for the null sender.
    pub from: String,
    /// RCPT TO.
    pub to: Vec<String>,
    /// The message, dots unstuffed, lines ended by CR LF.
    pub data: Vec<u8>,
}

impl Mail {
    /// The message as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }
}

#[derive(Debug, Default)]
struct State {
    mails: Mutex<Vec<Mail>>,
    /// Reply to RCPT instead of 250, e.g. `550 5.1.1 nobody here`.
    refuse: Mutex<Option<String>>,
    /// Read DATA, keep the mail, then close without the final reply.
    lose_reply: AtomicBool,
    closed: AtomicBool,
}

/// The sink; it ends when dropped.
#[derive(Debug)]
pub struct SmtpSink {
    port: u16,
    state: Arc<State>,
}

impl SmtpSink {
    /// On a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let state = Arc::clone(&shared);
                std::thread::spawn(move || drop(session(&stream, &state)));
            }
        });
        Self { port, state }
    }

    /// Port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Mails accepted so far, in order.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.state.mails).clone()
    }

    /// Answers every RCPT with this reply (`450 4.2.1 later`), or accepts again (`None`).
    pub fn refuse(&self, reply: Option<&str>) {
        *lock(&self.state.refuse) = reply.map(str::to_owned);
    }

    /// Keeps the mail but closes before the final reply: the sender cannot know.
    pub fn lose_reply(&self, on: bool) {
        self.state.lose_reply.store(on, Ordering::SeqCst);
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn session(stream: &TcpStream, state: &State) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut out = stream;
    let mut lines = BufReader::new(stream);
    out.write_all(b"220 sink ESMTP\r\n")?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let line = read_line(&mut lines)?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let verb = line.split([' ', ':']).next().unwrap_or("").to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => out.write_all(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN\r\n")?,
            "AUTH" => authenticate(&line, &mut lines, out)?,
            "MAIL" => {
                from = address(&line);
                to.clear();
                out.write_all(b"250 2.1.0 ok\r\n")?;
            }
            "RCPT" => {
                let refusal = lock(&state.refuse).clone();
                if refusal.is_none() {
                    to.push(address(&line));
                }
                out.write_all(format!("{}\r\n", refusal.as_deref().unwrap_or("250 2.1.5 ok")).as_bytes())?;
            }
            "DATA" if to.is_empty() => out.write_all(b"503 5.5.1 no recipient\r\n")?,
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let data = read_data(&mut lines)?;
                lock(&state.mails).push(Mail { from: std::mem::take(&mut from), to: std::mem::take(&mut to), data });
                if state.lose_reply.load(Ordering::SeqCst) {
                    return Ok(());
                }
                out.write_all(b"250 2.0.0 kept\r\n")?;
            }
            "QUIT" => return out.write_all(b"221 2.0.0 bye\r\n"),
            "HELO" | "RSET" | "NOOP" => out.write_all(b"250 ok\r\n")?,
            _ => out.write_all(b"502 5.5.2 unknown\r\n")?,
        }
    }
}

fn authenticate(line: &str, lines: &mut impl BufRead, mut out: &TcpStream) -> Result<()> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let questions = match (words.get(1).map(|w| w.to_ascii_uppercase()).as_deref(), words.len()) {
        (Some("LOGIN"), 2) => 2,
        (Some("LOGIN"), _) | (Some("PLAIN"), 2) => 1,
        _ => 0,
    };
    for _ in 0..questions {
        out.write_all(b"334 \r\n")?;
        read_line(lines)?;
    }
    out.write_all(b"235 2.7.0 welcome\r\n")
}

fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(address, _)| address.to_owned())
}

fn read_line(lines: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    if lines.read_until(b'\n', &mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}

fn read_data(lines: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let line = read_line(lines)?;
        if line == b".\r\n" {
            return Ok(data);
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
