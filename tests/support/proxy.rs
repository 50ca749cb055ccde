//! A TCP proxy that misbehaves when told: cuts, refuses, stalls, throttles, loses an answer.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a pump looks at its orders.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
struct Orders {
    closed: AtomicBool,
    refuse: AtomicBool,
    stall: AtomicBool,
    /// Bytes per second in each direction; 0 = no limit.
    rate: AtomicU64,
    /// Connections of an older generation are cut.
    generation: AtomicU64,
    /// Connections taken so far.
    connections: AtomicU64,
    /// When a client sends this, its server's answer is thrown away and the connection cut.
    lose_answer_to: Mutex<Option<Vec<u8>>>,
    /// Port on 127.0.0.1 that new connections go to instead; 0 = the usual server.
    elsewhere: AtomicU16,
    /// The server's answer to `lose_answer_to` came and was thrown away.
    lost: AtomicU64,
}

/// The proxy; it ends when dropped.
#[derive(Debug)]
pub struct ChaosProxy {
    port: u16,
    orders: Arc<Orders>,
}

impl ChaosProxy {
    /// In front of `upstream` on 127.0.0.1.
    pub fn to_port(upstream: u16) -> Self {
        Self::to(SocketAddr::from(([127, 0, 0, 1], upstream)))
    }

    /// In front of `upstream`.
    pub fn to(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let orders = Arc::new(Orders::default());
        let shared = Arc::clone(&orders);
        std::thread::spawn(move || serve(&listener, upstream, &shared));
        Self { port, orders }
    }

    /// Port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection that [`Self::connections`] counts.
    pub fn cut(&self) {
        self.orders.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on new connections are closed at once (true) or served (false).
    pub fn refuse(&self, on: bool) {
        self.orders.refuse.store(on, Ordering::SeqCst);
    }

    /// From now on new connections go to another server on 127.0.0.1.
    pub fn lead_to(&self, port: u16) {
        self.orders.elsewhere.store(port, Ordering::SeqCst);
        self.cut();
    }

    /// Cuts what is open and refuses what comes: the server is away.
    pub fn go_away(&self) {
        self.refuse(true);
        self.cut();
    }

    /// From now on bytes are neither read nor written (true), or again (false); connections stay open.
    pub fn stall(&self, on: bool) {
        self.orders.stall.store(on, Ordering::SeqCst);
    }

    /// Bytes per second in each direction; 0 = no limit.
    pub fn throttle(&self, bytes_per_second: u64) {
        self.orders.rate.store(bytes_per_second, Ordering::SeqCst);
    }

    /// Once: when a client sends `pattern`, it reaches the server, but the answer is thrown away and the line cut.
    pub fn lose_answer_to(&self, pattern: &[u8]) {
        *lock(&self.orders.lose_answer_to) = Some(pattern.to_vec());
    }

    /// How many answers were lost by [`Self::lose_answer_to`].
    pub fn lost(&self) -> u64 {
        self.orders.lost.load(Ordering::SeqCst)
    }

    /// Connections taken so far.
    pub fn connections(&self) -> u64 {
        self.orders.connections.load(Ordering::SeqCst)
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.orders.closed.store(true, Ordering::SeqCst);
        self.cut();
        // Wakes the accept loop so that it sees the order.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(listener: &TcpListener, upstream: SocketAddr, orders: &Arc<Orders>) {
    for client in listener.incoming() {
        if orders.closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        if orders.refuse.load(Ordering::SeqCst) {
            continue;
        }
        // Read before the connection is counted: who has seen the count can cut the connection.
        let generation = orders.generation.load(Ordering::SeqCst);
        orders.connections.fetch_add(1, Ordering::SeqCst);
        let elsewhere = orders.elsewhere.load(Ordering::SeqCst);
        let to = if elsewhere == 0 { upstream } else { SocketAddr::from(([127, 0, 0, 1], elsewhere)) };
        let Ok(server) = TcpStream::connect(to) else { continue };
        let (Ok(client_in), Ok(server_in)) = (client.try_clone(), server.try_clone()) else { continue };
        let losing = Arc::new(AtomicBool::new(false));
        let (o, l) = (Arc::clone(orders), Arc::clone(&losing));
        std::thread::spawn(move || pump(client_in, server, &o, generation, &l, true));
        let o = Arc::clone(orders);
        std::thread::spawn(move || pump(server_in, client, &o, generation, &losing, false));
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, orders: &Orders, generation: u64, losing: &AtomicBool, upward: bool) {
    let ready = from.set_read_timeout(Some(LOOK)).is_ok() && to.set_nodelay(true).is_ok();
    let mut buffer = vec![0_u8; 64 * 1024];
    while ready && orders.generation.load(Ordering::SeqCst) == generation {
        if orders.stall.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
            continue;
        }
        let rate = orders.rate.load(Ordering::SeqCst);
        // A throttled pump moves a fiftieth of a second's bytes, then rests that long.
        let most =
            if rate == 0 { buffer.len() } else { usize::try_from(rate / 50).unwrap_or(1).clamp(1, buffer.len()) };
        let n = match from.read(&mut buffer[..most]) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                continue;
            }
            Err(_) => break,
        };
        // Bytes read while a stall or a cut was ordered wait for the order to end.
        while orders.stall.load(Ordering::SeqCst) && orders.generation.load(Ordering::SeqCst) == generation {
            std::thread::sleep(LOOK);
        }
        if orders.generation.load(Ordering::SeqCst) != generation {
            break;
        }
        if upward {
            let mut wanted = lock(&orders.lose_answer_to);
            if wanted.as_ref().is_some_and(|w| buffer[..n].windows(w.len()).any(|at| at == w.as_slice())) {
                *wanted = None;
                losing.store(true, Ordering::SeqCst);
            }
        } else if losing.load(Ordering::SeqCst) {
            orders.lost.fetch_add(1, Ordering::SeqCst);
            break;
        }
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
        if rate != 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
