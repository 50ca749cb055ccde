//! A scripted `clamd`: speaks `zINSTREAM` as documented in clamd(8), and misbehaves when told.

use std::io::{BufReader, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The test file of the antivirus industry (EICAR), in two halves so that no scanner takes this source for it.
pub const EICAR: [&str; 2] = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD", "-ANTIVIRUS-TEST-FILE!$H+H*"];

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Scans: finds EICAR, and nothing else.
    Honest,
    /// Takes the file and never answers.
    Silent,
    /// Hangs up at once.
    Rude,
    /// Answers with this error.
    Failing(&'static str),
    /// Takes so many bytes, says that the limit is exceeded and hangs up.
    Limited(usize),
}

#[derive(Debug)]
struct State {
    mood: Mutex<Mood>,
    seen: Mutex<Vec<Vec<u8>>>,
    closed: AtomicBool,
}

/// The double; it ends when dropped.
#[derive(Debug)]
pub struct Clamd {
    address: SocketAddr,
    state: Arc<State>,
}

impl Clamd {
    /// On a free port.
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(State { mood: Mutex::new(mood), seen: Mutex::default(), closed: AtomicBool::new(false) });
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
        Self { address, state }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub fn turn(&self, mood: Mood) {
        *self.state.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Files it was shown whole.
    pub fn seen(&self) -> Vec<Vec<u8>> {
        self.state.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

fn session(stream: &TcpStream, state: &State) -> Result<()> {
    let mood = *state.mood.lock().unwrap_or_else(PoisonError::into_inner);
    if mood == Mood::Rude {
        return Ok(());
    }
    let mut from = BufReader::new(stream);
    let mut command = [0_u8; 10];
    from.read_exact(&mut command)?;
    if command != *b"zINSTREAM\0" {
        return (&*stream).write_all(b"UNKNOWN COMMAND\0");
    }
    let mut file = Vec::new();
    loop {
        let mut length = [0_u8; 4];
        from.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 {
            break;
        }
        if matches!(mood, Mood::Limited(most) if file.len() + length > most) {
            (&*stream).write_all(b"INSTREAM size limit exceeded. ERROR\0")?;
            // What is still on its way is read, so that the answer is not lost with it.
            return std::io::copy(&mut from, &mut std::io::sink()).map(drop);
        }
        let start = file.len();
        file.resize(start + length, 0);
        from.read_exact(&mut file[start..])?;
    }
    let eicar = EICAR.concat();
    let infected = file.windows(eicar.len()).any(|window| window == eicar.as_bytes());
    state.seen.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    match mood {
        Mood::Silent => {
            // Until the other side gives up.
            let mut rest = Vec::new();
            from.read_to_end(&mut rest)?;
            Ok(())
        }
        Mood::Failing(why) => (&*stream).write_all(format!("stream: {why} ERROR\0").as_bytes()),
        _ if infected => (&*stream).write_all(b"stream: Eicar-Test-Signature FOUND\0"),
        _ => (&*stream).write_all(b"stream: OK\0"),
    }
}
