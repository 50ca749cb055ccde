//! `scan` effects: an uploaded file is shown to `clamd` of `ClamAV`, and what it says is written beside the file.
//!
//! The protocol is that of `clamd(8)`: `zINSTREAM` ended by NUL, then chunks, each behind its length as four bytes, big
//! end first; a length of zero ends the file. The answer is one text ended by NUL: `stream: OK`, `stream: NAME FOUND` or
//! a sentence that ends in `ERROR`.
//!
//! Invariants:
//! - It runs after the commit: a scanner that is away holds up no visitor and no record, only its own verdicts.
//! - A file without a verdict of the scanner stays `unscanned`, and the scan comes back until it is a dead letter.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::{Attempt, Deliver, Delivery, ScanNotice};
use crate::config::clamav::{ClamavConfig, ClamdAddress};
use crate::domain::reading::ReadLimits;
use crate::domain::reading::form::read_pairs;
use crate::domain::submission::Verdict;
use crate::store::{Effect, Store};

/// Bytes of one chunk.
const CHUNK: usize = 64 << 10;
/// Longest answer read, in bytes.
const ANSWER: u64 = 4_096;
/// Longest name of a virus kept, in characters.
const NAME: usize = 120;
/// Scans under way at once: a scanner has few threads.
const AT_ONCE: usize = 2;

/// What `clamd` said of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing was found.
    Clean,
    /// This was found.
    Found(String),
    /// The file is longer than its `StreamMaxLength`.
    TooLong,
    /// It could not scan: its own words.
    Error(String),
}

impl Said {
    /// Reads an answer.
    #[must_use]
    pub fn of(answer: &str) -> Self {
        let text = answer.trim_matches(['\0', '\n', '\r', ' ']);
        let text = text.strip_prefix("stream: ").unwrap_or(text);
        let shown = |text: &str| text.chars().filter(|c| !c.is_control()).take(NAME).collect::<String>();
        if text == "OK" {
            Self::Clean
        } else if let Some(name) = text.strip_suffix(" FOUND") {
            Self::Found(shown(name))
        } else if text.to_ascii_lowercase().contains("size limit exceeded") {
            Self::TooLong
        } else {
            Self::Error(shown(text.strip_suffix(" ERROR").unwrap_or(text)))
        }
    }
}

/// Shows files to `clamd`.
#[derive(Debug)]
pub struct Scanner {
    address: ClamdAddress,
    max_bytes: u64,
    timeout: Duration,
    store: Arc<dyn Store>,
}

impl Scanner {
    /// A scanner as configured; `None` without an address.
    #[must_use]
    pub fn new(config: &ClamavConfig, store: Arc<dyn Store>) -> Option<Self> {
        let address = config.listens()?;
        Some(Self { address, max_bytes: config.max_bytes, timeout: config.timeout(), store })
    }

    async fn scan(&self, notice: &ScanNotice) -> Delivery {
        let envelope = match self.store.load(&[notice.arrival]).await {
            Ok(found) => found.into_iter().next(),
            Err(error) => return Delivery::retry(format!("the submission could not be loaded: {error}")),
        };
        let Some(envelope) = envelope.filter(|envelope| !envelope.raw.is_empty()) else {
            return Delivery::never("the bytes of the submission are not kept any more");
        };
        let pairs = read_pairs(&envelope.raw, envelope.content_type.as_deref(), &ReadLimits::default());
        let at = pairs.files.iter().position(|file| file.part == notice.part);
        let Some(upload) = at.and_then(|at| pairs.uploads.get(at)) else {
            return Delivery::never("the submission has no such file");
        };
        let bytes = upload.bytes(&envelope.raw);
        if bytes.len() as u64 > self.max_bytes {
            return Delivery::never(format!(
                "the file has {} bytes, more than clamav.max_bytes; it stays unscanned",
                bytes.len()
            ));
        }
        match tokio::time::timeout(self.timeout, ask(&self.address, bytes)).await {
            Err(_) => Delivery::retry(format!("clamd did not answer within {} seconds", self.timeout.as_secs())),
            Ok(Err(error)) => Delivery::retry(format!("clamd could not be reached: {}", error.kind())),
            Ok(Ok(said)) => self.write_down(notice, said).await,
        }
    }

    async fn write_down(&self, notice: &ScanNotice, said: Said) -> Delivery {
        let verdict = match said {
            Said::Clean => Verdict::Clean,
            Said::Found(name) => {
                tracing::warn!(arrival = %notice.arrival, part = notice.part, name,
                    "the virus scanner found {name} in a file of submission {}", notice.arrival);
                metrics::counter!("pisteur_infected_files_total").increment(1);
                Verdict::Infected(name)
            }
            Said::TooLong => {
                return Delivery::never(
                    "the file is longer than clamd's StreamMaxLength; raise it there, or lower clamav.max_bytes",
                );
            }
            Said::Error(why) => return Delivery::retry(format!("clamd could not scan: {why}")),
        };
        match self.store.judge_file(notice.arrival, &notice.part, &verdict.to_string()).await {
            Ok(_) => Delivery::Done,
            Err(error) => Delivery::retry(format!("the verdict could not be written down: {error}")),
        }
    }
}

#[async_trait]
impl Deliver for Scanner {
    async fn deliver(&self, effect: &Effect, _attempt: Attempt) -> Delivery {
        match serde_json::from_value::<ScanNotice>(effect.payload.clone()) {
            Ok(notice) => self.scan(&notice).await,
            Err(_) => Delivery::never("the scan does not say which file it is for"),
        }
    }

    fn at_once(&self) -> Option<usize> {
        Some(AT_ONCE)
    }
}

/// Shows `bytes` to the `clamd` at `address`.
///
/// # Errors
/// When it cannot be reached, or hangs up without a word.
pub async fn ask(address: &ClamdAddress, bytes: &[u8]) -> io::Result<Said> {
    match address {
        ClamdAddress::Tcp(address) => stream(TcpStream::connect(address.as_str()).await?, bytes).await,
        ClamdAddress::Unix(path) => stream(UnixStream::connect(path).await?, bytes).await,
    }
}

/// A file, as the conversation goes. A scanner that has heard enough says so and hangs up: its word counts, not the
/// broken pipe.
async fn stream(stream: impl AsyncRead + AsyncWrite, bytes: &[u8]) -> io::Result<Said> {
    let (mut from, mut to) = tokio::io::split(stream);
    let telling = async {
        to.write_all(b"zINSTREAM\0").await?;
        for chunk in bytes.chunks(CHUNK) {
            to.write_all(&u32::try_from(chunk.len()).unwrap_or(0).to_be_bytes()).await?;
            to.write_all(chunk).await?;
        }
        to.write_all(&0_u32.to_be_bytes()).await?;
        to.flush().await
    };
    let hearing = async {
        let mut answer = Vec::new();
        let mut reader = (&mut from).take(ANSWER);
        loop {
            let mut piece = [0_u8; 256];
            let read = reader.read(&mut piece).await?;
            answer.extend_from_slice(piece.get(..read).unwrap_or_default());
            if read == 0 || answer.contains(&0) {
                return Ok::<_, io::Error>(answer);
            }
        }
    };
    let (told, heard) = tokio::join!(telling, hearing);
    match heard {
        Ok(answer) if !answer.is_empty() => Ok(Said::of(&String::from_utf8_lossy(&answer))),
        Ok(_) => Err(told.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(told.err().unwrap_or(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_clamd_writes_them() {
        for (answer, said) in [
            ("stream: OK\0", Said::Clean),
            ("stream: Eicar-Test-Signature FOUND\0", Said::Found("Eicar-Test-Signature".into())),
            ("stream: Win.Test.EICAR_HDB-1 FOUND\n", Said::Found("Win.Test.EICAR_HDB-1".into())),
            ("INSTREAM size limit exceeded. ERROR\0", Said::TooLong),
            ("stream: Can't allocate memory ERROR\0", Said::Error("Can't allocate memory".into())),
            ("UNKNOWN COMMAND\0", Said::Error("UNKNOWN COMMAND".into())),
        ] {
            assert_eq!(Said::of(answer), said, "{answer}");
        }
    }
}
