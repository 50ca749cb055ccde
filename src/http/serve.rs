//! Connections: accepted, bounded, timed, and let go.
//!
//! Invariants: every wait on the network has a time-out, the TLS handshake's included; too many connections are told so
//! and closed ([`super::farewell`]); a shutdown lets requests under way finish, for a while.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::STRICT_TRANSPORT_SECURITY;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::connections::{Admission, Connections, Phase, Place};
use super::farewell;
use super::listener::Bound;
use super::paced::{Pace, PacedBody, Received, overdue};
use super::tls::Opener;
use super::write_stall::WriteStall;
use crate::clock::Clock;
use crate::config::http::{HttpConfig, LimitsConfig};
use crate::intake::form::answer::Hurried;
use crate::intake::form::{OverTls, Peer};
use crate::telemetry::seldom::Seldom;

/// Wait after the system refused to give a connection (out of file handles, usually).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time to send the last answers after the drain.
const LAST_WORD: Duration = Duration::from_secs(2);
/// Time for the last bytes of a connection that must make room.
const MAKING_ROOM: Duration = Duration::from_millis(20);
/// Largest request header in bytes.
const HEADER_BYTES: usize = 64 << 10;
/// Most header fields.
const HEADER_FIELDS: usize = 100;
/// This machine: usually a proxy.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// Bounds of one listener.
#[derive(Debug, Clone)]
pub struct ServeLimits {
    /// Time to send a request header, and for a kept connection to be idle.
    pub header: Duration,
    /// Time for a whole request.
    pub request: Duration,
    /// Time before the pace of a body counts.
    pub grace: Duration,
    /// Slowest pace of a body.
    pub bytes_per_second: u64,
    /// Open connections. Above it the oldest that nobody works for makes room.
    pub connections: usize,
    /// Open connections of one client.
    pub connections_per_client: usize,
    /// Peers that speak for many clients, and are not counted as one.
    pub exempt: Vec<IpNet>,
    /// Time for requests under way when stopping.
    pub drain: Duration,
}

impl ServeLimits {
    /// As configured. Trusted proxies and this machine are not counted as one client.
    #[must_use]
    pub fn new(limits: &LimitsConfig, http: &HttpConfig) -> Self {
        let mut exempt = http.proxies();
        exempt.extend(LOOPBACK.iter().filter_map(|net| net.parse::<IpNet>().ok()));
        Self {
            header: limits.header_time(),
            request: limits.request_time(),
            grace: Duration::from_secs(5),
            bytes_per_second: limits.body_bytes_per_second,
            connections: limits.connections,
            connections_per_client: limits.connections_per_client,
            exempt,
            drain: Duration::from_secs(15),
        }
    }
}

/// One listener's way of talking.
struct Door {
    router: Router,
    limits: ServeLimits,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
    tls: Option<Opener>,
    /// Connections too many that may be listened to at one time.
    farewells: Arc<Semaphore>,
}

/// Serves `router` until `cancel`. Connections are tasks of `tracker`; waiting for it waits for them. The clock names
/// requests that are answered too late to be known by anything else.
pub async fn serve(
    bound: Bound,
    router: Router,
    limits: ServeLimits,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
    tracker: TaskTracker,
) {
    let connections = Connections::new(limits.connections, limits.connections_per_client, limits.exempt.clone());
    let refused = Seldom::default();
    let Bound { listener, address, tls } = bound;
    let farewells = Arc::new(Semaphore::new(farewell::AT_ONCE));
    let door = Arc::new(Door { router, limits, clock, cancel: cancel.clone(), tls, farewells });
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(admission) = admitted(&connections, peer).await {
                    tracker.spawn(converse(Arc::clone(&door), stream, peer, admission));
                    continue;
                }
                turn_away(stream, &door, &tracker);
                if let Some(times) = refused.due("full", Instant::now()) {
                    tracing::warn!(times, "too many connections at {address}: {times} were turned away lately");
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if let Some(times) = refused.due("accept", Instant::now()) {
                    tracing::warn!(times, "no connection can be accepted at {address}: {error}");
                }
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
}

/// A place for a newcomer, perhaps after a moment.
async fn admitted(connections: &Arc<Connections>, peer: SocketAddr) -> Option<Admission> {
    if let Some(admission) = connections.admit(peer.ip()) {
        return Some(admission);
    }
    if connections.room_soon().await { connections.admit(peer.ip()) } else { None }
}

fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Tells a connection too many so, where it speaks plain HTTP.
fn turn_away(stream: TcpStream, door: &Arc<Door>, tracker: &TaskTracker) {
    metrics::counter!("pisteur_connections_refused_total").increment(1);
    if door.tls.is_some() {
        return;
    }
    let id = door.clock.new_id();
    match Arc::clone(&door.farewells).try_acquire_owned() {
        Ok(turn) => {
            let header_time = door.limits.header;
            tracker.spawn(async move {
                farewell::heard(stream, header_time, id).await;
                drop(turn);
            });
        }
        Err(_) => farewell::unheard(&stream, id),
    }
}

async fn converse(door: Arc<Door>, stream: TcpStream, peer: SocketAddr, admission: Admission) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::trace!("no TCP_NODELAY: {error}");
    }
    let place = Arc::clone(&admission.place);
    let Some(tls) = &door.tls else {
        let stream = WriteStall::new(stream, door.limits.request);
        return talk(door, stream, peer, place).await;
    };
    let opened = tokio::select! {
        opened = tls.open(stream, door.limits.header, door.limits.request) => opened,
        () = place.asked_to_leave() => None,
        () = door.cancel.cancelled() => None,
    };
    if let Some(stream) = opened {
        talk(door, stream, peer, place).await;
    }
}

/// HTTP over an opened connection, until its end.
async fn talk<S>(door: Arc<Door>, stream: S, peer: SocketAddr, place: Arc<Place>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = {
        let (door, place) = (Arc::clone(&door), Arc::clone(&place));
        service_fn(move |request| answer(Arc::clone(&door), request, peer, Arc::clone(&place)))
    };
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(door.limits.header);
    builder.max_headers(HEADER_FIELDS).max_buf_size(HEADER_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = door.cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(door.limits.drain + LAST_WORD, connection).await.unwrap_or(Ok(()))
        }
        () = place.asked_to_leave() => {
            connection.as_mut().graceful_shutdown();
            let soon = tokio::time::timeout(MAKING_ROOM, connection.as_mut()).await;
            // A request that became whole just then is answered.
            match soon {
                Err(_) if place.is_busy() => {
                    tokio::time::timeout(door.limits.request + LAST_WORD, connection).await.unwrap_or(Ok(()))
                }
                soon => soon.unwrap_or(Ok(())),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

async fn answer(
    door: Arc<Door>,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    place: Arc<Place>,
) -> Result<Response, Infallible> {
    let limits = &door.limits;
    let slowest = Pace { grace: limits.grace, bytes_per_second: limits.bytes_per_second };
    let manner = Hurried::of(request.uri(), request.headers());
    let received = Arc::new(Received::default());
    let paced = |body| PacedBody::new(body, slowest, Arc::clone(&received), Arc::clone(&place));
    let mut request = request.map(|body| Body::new(paced(body)));
    request.extensions_mut().insert(Peer(peer.ip()));
    if door.tls.is_some() {
        request.extensions_mut().insert(OverTls);
    }
    let stopping = async {
        door.cancel.cancelled().await;
        tokio::time::sleep(limits.drain).await;
    };
    let answered = tokio::select! {
        biased;
        answered = door.router.clone().oneshot(request) => answered,
        () = overdue(limits.request, &received) => Ok(late(&door, manner)),
        () = stopping => Ok(late(&door, manner)),
        () = place.pushed_out() => Ok(late(&door, manner)),
    };
    place.is_at(Phase::Waiting);
    let insist = door.tls.as_ref().and_then(|tls| tls.insist.clone());
    answered.map(|mut response| {
        response.headers_mut().extend(insist.map(|insist| (STRICT_TRANSPORT_SECURITY, insist)));
        response
    })
}

/// The answer when a request took its whole time, or the daemon cannot wait for it any longer: because it stops, or needs
/// the connection for somebody else.
fn late(door: &Door, manner: Hurried) -> Response {
    let id = door.clock.new_id();
    tracing::info!(request = %id, "request {id} took too long and was answered 503");
    manner.late(id)
}
