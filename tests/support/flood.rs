//! Clients that hold on to their connections, and the honest one among them.

use std::fmt;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::wait;

/// Opens `count` connections from an address that is not the honest client's, sends `first` on each, and holds them.
pub fn held(address: SocketAddr, count: usize, first: &[u8]) -> Vec<TcpStream> {
    // Both ends of every connection are files of this machine.
    pisteur::http::handles::raise();
    (0..count)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).expect("an address of this machine");
            socket.connect_timeout(&address.into(), wait::LONG).expect("a connection");
            let mut stream = TcpStream::from(socket);
            // The other end may have had to make room already.
            drop(stream.write_all(first));
            stream
        })
        .collect()
}

/// What a well-behaved client met with.
#[derive(Debug)]
pub struct Honest {
    statuses: Vec<u16>,
    times: Vec<Duration>,
}

impl Honest {
    /// Sends `count` requests one after the other.
    pub fn measure(count: usize, mut request: impl FnMut(usize) -> u16) -> Self {
        let mut honest = Self { statuses: Vec::new(), times: Vec::new() };
        for number in 0..count {
            let begun = Instant::now();
            honest.statuses.push(request(number));
            honest.times.push(begun.elapsed());
        }
        honest.times.sort_unstable();
        honest
    }

    /// Fails the test unless every request was answered 200.
    pub fn assert_all_got_through(&self) {
        assert!(self.statuses.iter().all(|status| *status == 200), "{:?}", self.statuses);
    }
}

impl fmt::Display for Honest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
        let (median, worst) = (millis(self.times.get(self.times.len() / 2)), millis(self.times.last()));
        write!(f, "an honest client's {} posts took {median:.1} ms (median), {worst:.1} ms (worst)", self.times.len())
    }
}
