//! What a connection too many is told before it is closed: in the shape of every refusal, so that a website's script can
//! read it and a visitor gets a page in a language of theirs.
//!
//! Invariant: only a few are listened to at one time, and not for long; all others are told at once what suits a script.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use ulid::Ulid;

use crate::intake::form::answer::Hurried;

/// Connections that are listened to at one time.
pub(super) const AT_ONCE: usize = 64;
/// Longest time for request and answer.
const TIME: Duration = Duration::from_secs(2);
/// Bytes read of a body that nobody wants, so that the answer is seen instead of a broken connection.
const UNWANTED: usize = 64 << 10;
/// Words for those that are not listened to.
const WORDS: &str = "We are busy at the moment. Please try again in a few seconds.";

/// Hears what it asks for, and answers that there is no room.
pub(super) async fn heard(stream: TcpStream, header_time: Duration, id: Ulid) {
    let service = service_fn(move |request: hyper::Request<Incoming>| async move {
        let manner = Hurried::of(request.uri(), request.headers());
        // Whatever it was, it is thrown away.
        Limited::new(request.into_body(), UNWANTED).collect().await.map(drop).unwrap_or_default();
        Ok::<_, Infallible>(manner.busy(id))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_time.min(TIME)).keep_alive(false);
    let talk = tokio::time::timeout(TIME, builder.serve_connection(TokioIo::new(stream), service));
    match talk.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::trace!("a connection too many could not be told so: {error}"),
        Err(_) => tracing::trace!("a connection too many asked for nothing"),
    }
}

/// Answers without having heard anything.
pub(super) fn unheard(stream: &TcpStream, id: Ulid) {
    let error = serde_json::json!({ "code": "TRY_AGAIN", "field": null, "message": WORDS });
    let said = serde_json::json!({ "ok": false, "error": "busy", "message": WORDS, "errors": [error],
                                   "request_id": id.to_string(), "retry_after": 1 });
    let body = said.to_string();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\n\
         Cache-Control: no-store\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if let Err(error) = stream.try_write(answer.as_bytes()) {
        tracing::trace!("a connection too many could not be told so: {error}");
    }
}
