//! The HTTP client against good, bad and hostile servers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use pisteur::outbound::{Client, OutboundError, OutboundPolicy, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::certs::Certs;
use crate::support::proxy::ChaosProxy;
use crate::support::webhook::{Reply, WebhookReceiver};

fn local() -> OutboundPolicy {
    OutboundPolicy {
        allow: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        plain_http: ["127.0.0.1", "localhost", "::1", "::ffff:7f00:1"].map(str::to_owned).into_iter().collect(),
        ..OutboundPolicy::default()
    }
}

async fn get(policy: OutboundPolicy, url: &str) -> Result<Response, OutboundError> {
    let request = Request {
        method: Method::GET,
        url: url.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        read_body: true,
    };
    Client::new(policy).unwrap().send(request).await
}

/// Answers every connection with these bytes, and keeps it open.
async fn raw(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            if read > 0 && stream.write_all(&answer).await.is_ok() {
                open.push(stream);
            }
        }
    });
    port
}

async fn tls(certs: &Certs) -> u16 {
    let chain = vec![CertificateDer::from_pem_slice(certs.cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certs.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            let name = stream.get_ref().1.server_name().unwrap_or("nobody").to_owned();
            let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
            let host = head.lines().find(|l| l.to_ascii_lowercase().starts_with("host:")).unwrap_or("").to_owned();
            let body = format!("{name} {host}");
            let answer = format!("HTTP/1.1 200 ok\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    });
    port
}

#[tokio::test]
async fn a_request_brings_its_answer_whatever_the_status() {
    let receiver = WebhookReceiver::start();
    receiver.answer_next(Reply::json(&serde_json::json!({"a": 1})));
    receiver.answer_next(Reply::status(404));
    let answer = get(local(), &receiver.url("/x?y=z")).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, br#"{"a":1}"#.as_slice()));
    assert_eq!(get(local(), &receiver.url("/")).await.unwrap().status.as_u16(), 404);
    let seen = &receiver.requests()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/x?y=z"));
    assert_eq!(seen.headers["host"], format!("127.0.0.1:{}", receiver.port()));
}

#[tokio::test]
async fn a_form_is_posted_encoded() {
    let receiver = WebhookReceiver::start();
    let client = Client::new(local()).unwrap();
    let answer = client.post_form(&receiver.url("/token"), &[("grant_type", "x y"), ("é", "&=")]).await.unwrap();
    assert_eq!(answer.status.as_u16(), 200);
    let seen = &receiver.requests()[0];
    assert_eq!(seen.body, b"grant_type=x+y&%C3%A9=%26%3D");
    assert_eq!(seen.headers["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn nothing_that_is_not_public_is_reached_in_any_spelling() {
    let receiver = WebhookReceiver::start();
    let port = receiver.port();
    let every_host = |policy: OutboundPolicy| OutboundPolicy {
        plain_http: ["127.0.0.1", "localhost", "::1", "::ffff:7f00:1", "0.0.0.0", "::"]
            .map(str::to_owned)
            .into_iter()
            .collect::<BTreeSet<_>>(),
        allow: Vec::new(),
        ..policy
    };
    for host in
        ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "[::]", "127.1"]
    {
        let error = get(every_host(local()), &format!("http://{host}:{port}/")).await.unwrap_err();
        assert!(matches!(error, OutboundError::Refused(_)), "{host}: {error}");
    }
    assert!(receiver.requests().is_empty());
    let mapped = get(local(), &format!("http://[::ffff:127.0.0.1]:{port}/")).await;
    assert_eq!(mapped.unwrap().status.as_u16(), 200, "a listed network is reached in that spelling too");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (first, second) = (WebhookReceiver::start(), WebhookReceiver::start());
    first.answer(Reply::status(307).with_header("location", &second.url("/")));
    assert_eq!(get(local(), &first.url("/")).await.unwrap().status.as_u16(), 307);
    assert!(second.requests().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let mut endless = b"HTTP/1.1 200 ok\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..400 {
        endless.extend_from_slice(b"1000\r\n");
        endless.extend_from_slice(&[b'x'; 0x1000]);
        endless.extend_from_slice(b"\r\n");
    }
    let port = raw(endless).await;
    let error = get(local(), &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(matches!(error, OutboundError::TooLarge), "{error}");
    let mut head = b"HTTP/1.1 200 ok\r\n".to_vec();
    for n in 0..3_000 {
        head.extend_from_slice(format!("x-{n}: {}\r\n", "y".repeat(20)).as_bytes());
    }
    let port = raw(head).await;
    let error = get(local(), &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(matches!(error, OutboundError::TooLarge | OutboundError::Protocol(_)), "{error}");
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    for answer in [&b"220 mail.example ESMTP\r\n"[..], b"\0\0\0\0\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"] {
        let port = raw(answer.to_vec()).await;
        let error = get(local(), &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
        assert!(matches!(error, OutboundError::Protocol(_)), "{error}");
    }
}

#[tokio::test]
async fn silence_and_half_an_answer_end_by_the_clock() {
    let policy = || OutboundPolicy { total_timeout: Duration::from_millis(300), ..local() };
    for answer in [&b""[..], b"HTTP/1.1 200 ok\r\ncontent-le", b"HTTP/1.1 200 ok\r\ncontent-length: 10\r\n\r\nabc"] {
        let port = raw(answer.to_vec()).await;
        let error = get(policy(), &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
        assert!(matches!(error, OutboundError::Timeout(_)), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_is_a_connect_error() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = get(local(), &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(matches!(error, OutboundError::Connect(_)), "{error}");
    let error = get(local(), "https://no-such-name.invalid/").await.unwrap_err();
    assert!(matches!(error, OutboundError::Connect(_) | OutboundError::Timeout(_)), "{error}");
}

#[tokio::test]
async fn a_line_that_breaks_in_the_middle_is_an_error_and_never_half_an_answer() {
    let receiver = WebhookReceiver::start();
    let proxy = ChaosProxy::to_port(receiver.port());
    proxy.lose_answer_to(b"/lost");
    let error = get(local(), &format!("http://127.0.0.1:{}/lost", proxy.port())).await.unwrap_err();
    assert!(matches!(error, OutboundError::Protocol(_)), "{error}");
    assert_eq!(proxy.lost(), 1);
}

#[tokio::test]
async fn tls_checks_the_name_and_the_authority() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let certs = Certs::for_names(&["localhost"]);
    std::fs::write(&ca_file, &certs.ca).unwrap();
    let port = tls(&certs).await;
    let trusting = || OutboundPolicy { ca_file: Some(ca_file.clone()), ..local() };
    let answer = get(trusting(), &format!("https://localhost:{port}/")).await.unwrap();
    let said = String::from_utf8_lossy(&answer.body).to_lowercase();
    assert_eq!(said, format!("localhost host: localhost:{port}"));
    let wrong_name = get(trusting(), &format!("https://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(matches!(wrong_name, OutboundError::Tls(_)), "{wrong_name}");
    let unknown = get(local(), &format!("https://localhost:{port}/")).await.unwrap_err();
    assert!(matches!(unknown, OutboundError::Tls(_)), "{unknown}");
    let client = Client::new(trusting()).unwrap();
    assert_eq!(client.probe(&format!("https://localhost:{port}/")).await.unwrap().port(), port);
}

#[test]
fn an_unreadable_authority_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing here").unwrap();
    for path in [empty, folder.path().join("missing.pem")] {
        let error = Client::new(OutboundPolicy { ca_file: Some(path.clone()), ..local() }).unwrap_err();
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn what_is_printed_of_a_request_holds_no_address_header_or_body() {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer secret-token".parse().unwrap());
    let url = "https://example.com/hook/secret-path".to_owned();
    let request =
        Request { method: Method::POST, url, headers, body: Bytes::from_static(b"secret-body"), read_body: false };
    assert!(!format!("{request:?}").contains("secret"));
}
