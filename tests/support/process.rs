//! Child processes that end with the test process.
//!
//! Invariants:
//! - Beside every server runs a *leash*: a shell that reads a pipe from the test process. When the pipe closes (clean
//!   end, panic, `kill -9` of the tests) it ends the server and removes its folder. `PR_SET_PDEATHSIG` would not do:
//!   it fires when the *thread* that spawned the server ends, and each test is a thread.
//! - Servers that refuse to run as root run as the system user [`USER`]; everything else as whoever runs the tests.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::wait;

/// The system user that servers run as when the tests run as root.
pub const USER: &str = "pisteur-test";

/// Ends the server when the test process is gone.
const LEASH: &str = r#"trap '' INT TERM HUP
read -r word
if [ "$word" != free ]; then
  kill -"$2" "$1" 2>/dev/null
  n=0
  while kill -0 "$1" 2>/dev/null; do
    grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null && break
    n=$((n+1)); [ $n -gt 100 ] && kill -KILL "$1" 2>/dev/null; [ $n -gt 120 ] && break
    sleep 0.1
  done
fi
[ "$word" = free ] || [ -z "$3" ] || rm -rf -- "$3""#;

/// Signals by the names `kill` knows.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    Term,
    Int,
    Quit,
    Kill,
    Hup,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
            Self::Quit => "QUIT",
            Self::Kill => "KILL",
            Self::Hup => "HUP",
        }
    }
}

/// A running child on its leash.
#[derive(Debug)]
pub struct Leashed {
    child: Child,
    leash: Child,
    last_signal: Signal,
}

impl Leashed {
    /// Starts `command`. `last_signal` ends it when this value or the test process goes; then `folder` is removed if
    /// the test process went.
    pub fn spawn(command: &mut Command, last_signal: Signal, folder: Option<&Path>) -> Self {
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let leash = Command::new("sh")
            .arg("-c")
            .arg(LEASH)
            .arg("leash")
            .arg(child.id().to_string())
            .arg(last_signal.name())
            .arg(folder.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("sh starts");
        Self { child, leash, last_signal }
    }

    /// Process id of the server.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child's pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Sends a signal to the server.
    pub fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }

    /// The exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Sends `signal`, waits for the end and lets the leash go. Fails the test after `deadline`, leaving no process.
    pub fn end(mut self, signal: Signal, deadline: Duration) -> ExitStatus {
        if let Some(status) = self.ended_within(signal, deadline) {
            return status;
        }
        let id = self.id();
        drop(self);
        panic!("process {id} did not end within {deadline:?} of SIG{}", signal.name());
    }

    /// Sends `signal` and waits for the end, at most `deadline`.
    pub fn ended_within(&mut self, signal: Signal, deadline: Duration) -> Option<ExitStatus> {
        if self.ended().is_none() {
            self.signal(signal);
        }
        let start = std::time::Instant::now();
        while start.elapsed() <= deadline {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        use std::io::Write;
        if matches!(self.child.try_wait(), Ok(None)) {
            send(self.child.id(), self.last_signal);
            let start = std::time::Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) {
                if start.elapsed() > Duration::from_secs(10) {
                    send(self.child.id(), Signal::Kill);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        if let Some(mut stdin) = self.leash.stdin.take() {
            drop(stdin.write_all(b"free\n"));
        }
        drop(self.leash.wait());
    }
}

/// Sends a signal by process id.
pub fn send(id: u32, signal: Signal) {
    // The shell has `kill` built in; the program of that name is missing on small systems. A process that has just
    // ended is no failure of the test.
    let kill = format!("kill -{} {id}", signal.name());
    let sent = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
    assert!(sent.is_ok(), "a shell runs: {sent:?}");
}

/// A port nobody listened on a moment ago.
pub fn free_port() -> u16 {
    // The kernel may give out one port twice, as nothing listens there yet.
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port on 127.0.0.1").port();
        if GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return port;
        }
    }
}

/// Waits until something listens on `port`, or `gone` says that the server has ended.
pub fn wait_for_port(what: &str, port: u16, mut gone: impl FnMut() -> bool) {
    wait::until(&format!("{what} answers on port {port}"), wait::LONG, || {
        assert!(!gone(), "{what} ended while starting");
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    id(&["-u"]).as_deref() == Some("0")
}

/// Ids and name of the user that servers run as.
#[derive(Debug, Clone)]
pub struct ServerUser {
    pub uid: u32,
    pub gid: u32,
    pub name: String,
    root: bool,
}

impl ServerUser {
    /// [`USER`] when the tests run as root, else whoever runs them.
    pub fn get() -> &'static Self {
        static USER_IDS: OnceLock<ServerUser> = OnceLock::new();
        USER_IDS.get_or_init(|| {
            let root = is_root();
            let of = |flag: &str| {
                let answer = if root { id(&[flag, USER]) } else { id(&[flag]) };
                answer.unwrap_or_else(|| {
                    panic!("as root the servers run as {USER}: run tests/run, or `useradd --system --no-create-home {USER}`")
                })
            };
            Self {
                uid: of("-u").parse().expect("a number"),
                gid: of("-g").parse().expect("a number"),
                name: id(if root { &["-un", USER] } else { &["-un"] }).expect("a user name"),
                root,
            }
        })
    }

    /// A command run as this user.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).env("LC_ALL", "C");
        if self.root {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a file or folder to this user.
    pub fn own(&self, path: &Path) {
        if self.root {
            chown(path, Some(self.uid), Some(self.gid)).expect("root may give files away");
        }
    }

    /// A folder, with its parents below an owned one, that belongs to this user.
    pub fn folder(&self, path: &Path) {
        if !path.exists() {
            if let Some(parent) = path.parent() {
                self.folder(parent);
            }
            std::fs::create_dir(path).expect("the folder can be made");
            self.own(path);
        }
    }
}

fn id(args: &[&str]) -> Option<String> {
    let out = Command::new("id").args(args).output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// The first of `candidates` that exists, else the first found on the PATH.
pub fn find_program(name: &str, candidates: &[PathBuf]) -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::split_paths(&on_path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    candidates.iter().cloned().chain(paths.map(|p| p.join(name))).find(|p| p.is_file())
}
