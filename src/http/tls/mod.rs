//! HTTPS on a listener: rustls on ring, TLS 1.2 and 1.3, one pair of certificate and key that is exchanged while running.
//!
//! Invariants:
//! - A pair that cannot be used never replaces one that can, nor one outside its time one inside; what was refused is
//!   said in the log and by `/readyz`, and looked at again until it can be used.
//! - Exchanging the pair touches no open connection: those keep what they agreed on, new ones get the new pair.
//! - A client that does not finish its handshake in time is let go; nothing about it is logged above debug.

mod pair;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use http::HeaderValue;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub use self::pair::{Pair, PairError};
use super::write_stall::WriteStall;
use crate::clock::Timestamp;
use crate::config::http::TlsConfig;

/// First byte of every TLS connection: a record of type handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;
/// What a client that speaks plain HTTP to this port is told.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nCache-Control: no-store\r\n\
    Content-Type: text/plain\r\nContent-Length: 41\r\n\r\nThis port speaks HTTPS. Use https:// here";
/// Time to take that answer.
const PLAIN_TIME: Duration = Duration::from_secs(2);
/// Most bytes of a plain request that are read so that its client sees the answer.
const PLAIN_BYTES: u64 = 64 << 10;

/// The certificate and key in force, and where they come from.
#[derive(Debug)]
pub struct Certificates {
    pair: ArcSwap<Pair>,
    refused: ArcSwapOption<String>,
    /// What the files held when they were last looked at.
    seen: Mutex<blake3::Hash>,
}

impl Certificates {
    /// Reads the pair that `config` names.
    ///
    /// # Errors
    /// When it cannot be used; the text names key and file and says what to do.
    pub fn open(config: &TlsConfig, now: Timestamp) -> Result<Arc<Self>, PairError> {
        // Before they are read, so that a change in between is found as one.
        let seen = Mutex::new(fingerprint(config));
        let pair = Pair::read(&config.certificate, &config.key)?;
        let certificates = Arc::new(Self { pair: ArcSwap::from_pointee(pair), refused: ArcSwapOption::empty(), seen });
        certificates.tell(now);
        Ok(certificates)
    }

    /// Takes over what the files hold when it is something else than at the last look, or was refused then. What cannot
    /// be used changes nothing.
    pub fn renew(&self, config: &TlsConfig, now: Timestamp) {
        let found = fingerprint(config);
        let before = std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), found);
        if before == found && self.refused.load().is_none() {
            return;
        }
        let fresh = Pair::read(&config.certificate, &config.key).and_then(|pair| self.in_time(pair, now));
        match fresh {
            Ok(pair) => {
                self.pair.store(Arc::new(pair));
                self.refused.store(None);
                self.tell(now);
            }
            Err(error) => {
                let error = error.to_string();
                if self.refused.load().as_deref() == Some(&error) {
                    return;
                }
                tracing::error!("the new certificate is not taken over, the old one stays in force: {error}");
                self.refused.store(Some(Arc::new(error)));
                metrics::gauge!("pisteur_tls_last_reload_successful").set(0.0);
            }
        }
    }

    /// Refuses a pair outside its time while the one in force is inside.
    fn in_time(&self, pair: Pair, now: Timestamp) -> Result<Pair, PairError> {
        match pair.untimely(now) {
            Some(why) if self.pair.load().untimely(now).is_none() => Err(PairError::of_time(&why)),
            _ => Ok(pair),
        }
    }

    fn tell(&self, now: Timestamp) {
        let pair = self.pair.load();
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
        metrics::gauge!("pisteur_tls_certificate_expiry_timestamp_seconds").set(pair.ends().seconds() as f64);
        metrics::gauge!("pisteur_tls_last_reload_successful").set(1.0);
        match pair.trouble(now) {
            None => tracing::info!("HTTPS certificate in force: {pair}"),
            Some(trouble) => tracing::warn!("HTTPS certificate in force: {pair}; {trouble}"),
        }
    }

    /// What needs a look: a new pair that was refused, a certificate that has run out or soon will.
    #[must_use]
    pub fn troubles(&self, now: Timestamp) -> Vec<String> {
        let refused = self
            .refused
            .load_full()
            .map(|why| format!("the new HTTPS certificate cannot be used, the old one stays in force: {why}"));
        refused.into_iter().chain(self.pair.load().trouble(now)).collect()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.load().certified())
    }
}

/// What both files hold; unreadable counts as content of its own.
fn fingerprint(config: &TlsConfig) -> blake3::Hash {
    let mut hash = blake3::Hasher::new();
    for path in [&config.certificate, &config.key] {
        hash.update(path.as_os_str().as_encoded_bytes()).update(&[0]);
        match std::fs::read(path) {
            Ok(text) => hash.update(blake3::hash(&text).as_bytes()),
            Err(error) => hash.update(error.to_string().as_bytes()),
        };
    }
    hash.finalize()
}

/// The folders in which certificate and key lie.
#[must_use]
pub fn folders(config: &TlsConfig) -> Vec<PathBuf> {
    let files = [&config.certificate, &config.key];
    let mut folders: Vec<PathBuf> = files.into_iter().filter_map(|file| file.parent().map(Path::to_path_buf)).collect();
    folders.dedup();
    folders
}

/// How one listener opens its connections.
#[derive(Clone)]
pub(super) struct Opener {
    acceptor: TlsAcceptor,
    /// `Strict-Transport-Security` of every answer.
    pub(super) insist: Option<HeaderValue>,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("insist", &self.insist).finish_non_exhaustive()
    }
}

impl Opener {
    /// With the pair of `certificates`; HTTP/1.1 is all that is spoken inside.
    pub(super) fn new(certificates: Arc<Certificates>, hsts_seconds: u64) -> Result<Self, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = ring::Ticketer::new()?;
        let insist = (hsts_seconds > 0).then(|| HeaderValue::from_str(&format!("max-age={hsts_seconds}")).ok());
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), insist: insist.flatten() })
    }

    /// The handshake, in at most `patience`. `None` when there is nobody to talk to.
    pub(super) async fn open(
        &self,
        stream: TcpStream,
        patience: Duration,
        stall: Duration,
    ) -> Option<TlsStream<WriteStall<TcpStream>>> {
        let (outcome, opened) = match tokio::time::timeout(patience, self.shake(stream, stall)).await {
            Ok(Ok(Some(stream))) => ("done", Some(stream)),
            Ok(Ok(None)) => ("plain", None),
            Ok(Err(error)) => {
                tracing::debug!("a TLS handshake failed: {error}");
                ("failed", None)
            }
            Err(_) => ("timeout", None),
        };
        metrics::counter!("pisteur_tls_handshakes_total", "outcome" => outcome).increment(1);
        opened
    }

    async fn shake(&self, stream: TcpStream, stall: Duration) -> io::Result<Option<TlsStream<WriteStall<TcpStream>>>> {
        let mut first = [0_u8; 1];
        if stream.peek(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first != [HANDSHAKE] {
            refuse_plain(stream).await;
            return Ok(None);
        }
        self.acceptor.accept(WriteStall::new(stream, stall)).await.map(Some)
    }
}

/// Tells a client that speaks plain HTTP so. What it still sends is read, because unread bytes would reset the
/// connection before the answer is seen.
async fn refuse_plain(mut stream: TcpStream) {
    let answering = async {
        stream.write_all(PLAIN).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(PLAIN_BYTES), &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(PLAIN_TIME, answering).await {
        tracing::trace!("a plain request could not be answered: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::pair::made;
    use super::*;

    struct Files {
        folder: tempfile::TempDir,
        config: TlsConfig,
    }

    impl Files {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
            Self { config: TlsConfig { certificate, key, listen: None, hsts_seconds: 0 }, folder }
        }

        fn hold(&self, certificate: &str, key: &str) {
            std::fs::write(self.folder.path().join("cert.pem"), certificate).unwrap();
            std::fs::write(self.folder.path().join("key.pem"), key).unwrap();
        }
    }

    /// The first moment of 2026-07.
    const NOW: Timestamp = Timestamp::from_seconds(1_782_864_000);

    fn in_force(certificates: &Certificates) -> String {
        certificates.pair.load().to_string()
    }

    #[test]
    fn a_pair_outside_its_time_replaces_none_inside() {
        let files = Files::new();
        let (certificate, key) = made("good.example", 2026, 2028);
        files.hold(&certificate, &key);
        let certificates = Certificates::open(&files.config, NOW).unwrap();
        let good = in_force(&certificates);
        for (name, from, to, why) in
            [("old.example", 2024, 2026, "ran out at 2026-01-01"), ("new.example", 2027, 2029, "only from 2027-01-01")]
        {
            let (certificate, key) = made(name, from, to);
            files.hold(&certificate, &key);
            for _ in 0..2 {
                certificates.renew(&files.config, NOW);
                assert_eq!(in_force(&certificates), good, "{name}");
                let troubles = certificates.troubles(NOW);
                assert!(troubles.len() == 1 && troubles[0].contains(why), "{troubles:?}");
                assert!(troubles[0].contains("the old one stays in force: http.tls.certificate: "), "{troubles:?}");
            }
        }
        let begun = NOW.after(Duration::from_hours(24 * 200));
        certificates.renew(&files.config, begun);
        assert!(in_force(&certificates).contains("new.example"), "taken over once its time has come");
        assert_eq!(certificates.troubles(begun), [""; 0]);
    }

    #[test]
    fn a_pair_outside_its_time_replaces_one_that_is_no_better() {
        let files = Files::new();
        let (certificate, key) = made("old.example", 2024, 2025);
        files.hold(&certificate, &key);
        let certificates = Certificates::open(&files.config, NOW).unwrap();
        let (certificate, key) = made("newer.example", 2024, 2026);
        files.hold(&certificate, &key);
        certificates.renew(&files.config, NOW);
        assert!(in_force(&certificates).contains("newer.example"));
    }

    #[test]
    fn half_written_files_and_a_foreign_key_change_nothing_until_they_are_whole() {
        let files = Files::new();
        let (certificate, key) = made("good.example", 2026, 2028);
        files.hold(&certificate, &key);
        let certificates = Certificates::open(&files.config, NOW).unwrap();
        let good = in_force(&certificates);
        let (fresh, its_key) = made("fresh.example", 2026, 2029);
        let (authority, _) = made("authority.example", 2026, 2029);
        let half = |text: &str| text[..text.len() / 2].to_owned();
        let chain = format!("{fresh}{authority}");
        for (certificate, key) in [
            (String::new(), key.clone()),
            (half(&fresh), its_key.clone()),
            (format!("{fresh}{}", half(&authority)), its_key.clone()),
            (chain.clone(), key.clone()),
            (chain.clone(), String::new()),
            (chain.clone(), half(&its_key)),
            (certificate.clone(), its_key.clone()),
        ] {
            files.hold(&certificate, &key);
            certificates.renew(&files.config, NOW);
            assert_eq!(in_force(&certificates), good, "{certificate}{key}");
            assert_eq!(certificates.troubles(NOW).len(), 1);
        }
        files.hold(&chain, &its_key);
        certificates.renew(&files.config, NOW);
        assert!(in_force(&certificates).contains("fresh.example"));
        assert_eq!(certificates.troubles(NOW), [""; 0]);
        files.hold(&half(&chain), &its_key);
        certificates.renew(&files.config, NOW);
        files.hold(&chain, &its_key);
        certificates.renew(&files.config, NOW);
        assert_eq!(certificates.troubles(NOW), [""; 0], "what was refused is forgotten when the files are mended");
    }
}
