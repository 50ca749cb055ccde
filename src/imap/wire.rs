//! The byte stream to the server, plain or TLS. It remembers the last bytes read, so that a server's parting word
//! (`* BYE ...`) is known even when the client under way did not look for it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// How many bytes of the end are remembered.
const TAIL: usize = 512;

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Bytes that greeting, login and whatever has no size of its own may bring.
pub(super) const SMALL: u64 = 1 << 20;
/// What the error of a server that brings more than it may says.
pub(super) const TOO_MUCH: &str = "the server sends more than was asked for";

/// A connection to a mail server. It takes no more bytes than it was told to expect: memory and time are ours, not the
/// server's.
pub(super) struct Wire {
    transport: Transport,
    tail: Vec<u8>,
    received: u64,
    /// `received` never passes this.
    allowed: u64,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("tls", &matches!(self.transport, Transport::Tls(_))).finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self { transport: Transport::Plain(stream), tail: Vec::new(), received: 0, allowed: SMALL }
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { transport: Transport::Tls(Box::new(stream)), tail: Vec::new(), received: 0, allowed: SMALL }
    }

    /// The TCP stream of a plain connection, for STARTTLS.
    pub(super) fn into_plain(self) -> Option<TcpStream> {
        match self.transport {
            Transport::Plain(stream) => Some(stream),
            Transport::Tls(_) => None,
        }
    }

    /// The text of `* BYE`, when that was the last line received.
    pub(super) fn bye(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.tail);
        let last = text.trim_end().rsplit("\r\n").next()?;
        let said = last.get(..6).filter(|start| start.eq_ignore_ascii_case("* BYE "))?.len();
        last.get(said..).map(super::error::printable)
    }

    /// From now on at most so many bytes more are taken, beside what was expected before if `also` says so.
    pub(super) fn expect(&mut self, bytes: u64, also: bool) {
        let base = if also { self.allowed.max(self.received) } else { self.received };
        self.allowed = base.saturating_add(bytes);
    }

    /// Bytes received so far.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    fn remember(&mut self, new: &[u8]) {
        self.received = self.received.saturating_add(new.len() as u64);
        let keep = new.get(new.len().saturating_sub(TAIL)..).unwrap_or(new);
        let excess = (self.tail.len() + keep.len()).saturating_sub(TAIL);
        self.tail.drain(..excess.min(self.tail.len()));
        self.tail.extend_from_slice(keep);
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_read(cx, buf),
        };
        if let Poll::Ready(Ok(())) = &polled
            && let Some(new) = buf.filled().get(before..)
        {
            self.remember(new);
            if self.received > self.allowed {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, TOO_MUCH)));
            }
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_write(cx, bytes),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_flush(cx),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_shutdown(cx),
        }
    }
}
