//! An own PostgreSQL: one shared cluster per test binary, a new database per test, and private clusters for the tests
//! that stop or kill the server.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tempfile::TempDir;

use super::certs::Certs;
use super::process::{Leashed, ServerUser, Signal, free_port};
use super::wait;

/// Whether the server writes through to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// As in production: for crash tests.
    On,
    /// Fast; the store refuses such a server unless `allow_unsafe_server` is set.
    Off,
}

/// A cluster in a temporary folder.
#[derive(Debug)]
pub struct Postgres {
    dir: Option<TempDir>,
    bin: PathBuf,
    port: u16,
    settings: String,
    server: Mutex<Option<Leashed>>,
    databases: AtomicU32,
}

impl Postgres {
    /// The cluster all tests of this binary share (fsync off). Never stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| {
            let cluster = Self::start(Fsync::Off);
            // The value is never dropped: the leash removes the folder when the test process ends.
            cluster
        })
    }

    /// A private cluster.
    pub fn start(fsync: Fsync) -> Self {
        let settings = match fsync {
            Fsync::On => "",
            Fsync::Off => "-c fsync=off -c full_page_writes=off -c synchronous_commit=off",
        };
        Self::start_with(settings)
    }

    /// A private cluster with server settings in the form `-c name=value ..`.
    pub fn start_with(settings: &str) -> Self {
        Self::start_in(settings, None)
    }

    /// A private cluster (fsync off) that offers TLS with this certificate. What clients trust: [`Self::ca_file`].
    pub fn start_with_tls(certs: &Certs) -> Self {
        Self::start_in("-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c ssl=on", Some(certs))
    }

    fn start_in(settings: &str, certs: Option<&Certs>) -> Self {
        let bin = binaries();
        let user = ServerUser::get();
        let dir = TempDir::with_prefix("pisteur-pg-").expect("a temporary folder");
        user.own(dir.path());
        let data = dir.path().join("data");
        let out = user
            .command(bin.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .current_dir(dir.path())
            .output()
            .expect("initdb starts");
        assert!(out.status.success(), "initdb failed: {}", String::from_utf8_lossy(&out.stderr));
        if let Some(certs) = certs {
            for (name, text) in [("server.crt", &certs.cert), ("server.key", &certs.key), ("ca.pem", &certs.ca)] {
                let path = data.join(name);
                std::fs::write(&path, text).expect("a file");
                // The server refuses a key that others can read.
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
                user.own(&path);
            }
        }
        let cluster = Self {
            dir: Some(dir),
            bin,
            port: free_port(),
            settings: settings.to_owned(),
            server: Mutex::new(None),
            databases: AtomicU32::new(0),
        };
        cluster.resume();
        cluster
    }

    /// Port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The authority of a cluster started with TLS.
    pub fn ca_file(&self) -> PathBuf {
        self.folder().join("data/ca.pem")
    }

    /// URL of the database `name`.
    pub fn url(&self, name: &str) -> String {
        Self::url_at(self.port, name)
    }

    /// URL of the database `name` through another port (the chaos proxy).
    pub fn url_at(port: u16, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/{name}")
    }

    /// Makes an empty database; its name.
    pub fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        name
    }

    /// Makes a database as a copy of `template`, which nobody may be using; its name.
    pub fn database_like(&self, template: &str) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        name
    }

    /// Runs SQL with psql; what it prints, unaligned, without headers.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let out = self.psql_command(database).args(["-c", sql]).output().expect("psql starts");
        assert!(out.status.success(), "psql: {}\n{sql}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    fn psql_command(&self, database: &str) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h", "127.0.0.1", "-p"])
            .arg(self.port.to_string())
            .args(["-d", database])
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }

    /// Ends every session on `database` from the server's side (admin shutdown of a connection, 57P01).
    pub fn terminate_sessions(&self, database: &str) {
        self.psql(
            "postgres",
            &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"),
        );
    }

    /// Stops the server as an administrator would (sessions are ended, data is written).
    pub fn stop(&self) {
        self.end(Signal::Int);
    }

    /// Stops the server at once, without writing anything more: the next start recovers from the log.
    pub fn kill(&self) {
        self.end(Signal::Quit);
    }

    fn end(&self, signal: Signal) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut server) = server
            && server.ended_within(signal, wait::LONG).is_none()
        {
            panic!("PostgreSQL did not end by {signal:?}:\n{}", self.log());
        }
    }

    /// Starts the server again on the same port and waits until it answers.
    pub fn resume(&self) {
        let mut slot = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(slot.is_none(), "the server runs already");
        let dir = self.folder();
        let log = std::fs::File::create(dir.join("log")).expect("a log file");
        let mut command = ServerUser::get().command(self.bin.join("postgres"));
        command
            .arg("-D")
            .arg(dir.join("data"))
            .arg("-p")
            .arg(self.port.to_string())
            .arg("-k")
            .arg(dir)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "shared_buffers=64MB"])
            // A stop waits for connections that have not introduced themselves yet; a test that blocks its own client
            // while it stops the server would wait for the usual minute.
            .args(["-c", "authentication_timeout=5s"])
            .args(self.settings.split_whitespace())
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(log);
        let mut server = Leashed::spawn(&mut command, Signal::Quit, Some(dir));
        wait::until("PostgreSQL answers", wait::LONG, || {
            assert!(server.ended().is_none(), "PostgreSQL ended: {}", self.log());
            let mut probe = self.psql_command("postgres");
            probe.args(["-c", "SELECT 1"]).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|s| s.success())
        });
        *slot = Some(server);
    }

    /// What the server wrote to its log since its last start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// Where pgbench and the others are.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    fn folder(&self) -> &Path {
        self.dir.as_ref().expect("there until dropped").path()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The server first: it writes into the folder.
        drop(self.server.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.dir.take());
    }
}

/// The folder of initdb and postgres.
fn binaries() -> PathBuf {
    let configured = Command::new("pg_config").arg("--bindir").output().ok().filter(|o| o.status.success());
    let mut folders: Vec<PathBuf> =
        configured.iter().map(|o| PathBuf::from(String::from_utf8_lossy(&o.stdout).trim())).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<PathBuf> = versions.flatten().map(|v| v.path().join("bin")).collect();
        versions.sort();
        folders.extend(versions.into_iter().rev());
    }
    folders
        .into_iter()
        .find(|f| f.join("initdb").is_file() && f.join("postgres").is_file())
        .expect("PostgreSQL is not installed: run tests/run, or `apt-get install --no-install-recommends postgresql`")
}
