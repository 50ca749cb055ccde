//! The built binary, as an operator runs it: own folder, own ports, own configuration.
//!
//! The folder is the working directory, so relative paths (`var/`, `rules/`) stay inside it. It holds a copy of the
//! project's `rules/`; a test may write its own files over it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::http::Http;
use super::process::{Leashed, Signal, free_port};
use super::wait;

/// Longest a graceful stop may take (the daemon promises 30 s).
const STOP: Duration = Duration::from_secs(40);

/// The points of an arrival's way at which a daemon can be made to die, in order.
pub const ARRIVAL_POINTS: [&str; 5] = [
    "accept-before-commit",
    "accept-after-commit",
    "process-after-claim",
    "process-before-commit",
    "process-after-commit",
];

/// The form `contact` with the fields that the shipped rules look at.
pub const CONTACT: &str = r#"
[[form]]
id = "contact"
field = [
    { name = "name" },
    { name = "email", type = "email" },
    { name = "phone", type = "phone" },
    { name = "company" },
    { name = "postcode", type = "postcode" },
    { name = "budget", type = "money" },
    { name = "message" },
]
"#;

/// What a daemon is started with.
#[derive(Debug)]
pub struct Setup {
    dir: TempDir,
    database: String,
    keys: String,
    tables: String,
    env: Vec<(String, String)>,
    launcher: Vec<String>,
    public: u16,
    operator: u16,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// SQLite in an own folder, the listeners on free ports, no mailbox, no form.
    pub fn new() -> Self {
        let dir = TempDir::with_prefix("pisteur-").expect("a temporary folder");
        std::fs::create_dir(dir.path().join("var")).expect("a folder");
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        if rules.is_dir() {
            copy_tree(&rules, &dir.path().join("rules"));
        }
        let database = format!("sqlite://{}", dir.path().join("var/pisteur.db").display());
        Self {
            dir,
            database,
            keys: String::new(),
            tables: String::new(),
            env: Vec::new(),
            launcher: Vec::new(),
            public: free_port(),
            operator: free_port(),
        }
    }

    /// As [`Setup::new`], without the shipped rules that ask for fields of the form `contact`.
    pub fn bare() -> Self {
        Self::new().file("rules/30-classify.toml", "# No match makes a lead.\n")
    }

    /// Another database.
    #[must_use]
    pub fn database(mut self, url: &str) -> Self {
        url.clone_into(&mut self.database);
        self
    }

    /// Top-level keys of the configuration (`own_domains = [..]`).
    #[must_use]
    pub fn keys(mut self, toml: &str) -> Self {
        self.keys.push_str(toml);
        self.keys.push('\n');
        self
    }

    /// Tables of the configuration (`[[form]]`, `[[mailbox]]`, `[limits]`); not `[http]`.
    #[must_use]
    pub fn tables(mut self, toml: &str) -> Self {
        self.tables.push_str(toml);
        self.tables.push('\n');
        self
    }

    /// The form that the shipped rules know, and the domain they take for ours.
    #[must_use]
    pub fn contact_form(self) -> Self {
        self.keys("own_domains = [\"our-company.example\"]").tables(CONTACT)
    }

    /// A variable of the daemon's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A program that starts the daemon and the sub-commands, by replacing itself with them.
    pub fn launch_with(&mut self, launcher: Vec<String>) {
        self.launcher = launcher;
    }

    /// Adds a variable for the next start.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Forgets the variables given so far.
    pub fn clear_env(&mut self) {
        self.env.clear();
    }

    /// A file in the daemon's folder.
    #[must_use]
    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
        self
    }

    /// The daemon's folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The daemon's `database`.
    pub fn database_url(&self) -> &str {
        &self.database
    }

    /// The configuration as written to `pisteur.toml`.
    pub fn toml(&self) -> String {
        format!(
            "database = \"{}\"\n{}\n[http]\npublic = \"127.0.0.1:{}\"\noperator = \"127.0.0.1:{}\"\n\n{}",
            self.database, self.keys, self.public, self.operator, self.tables
        )
    }

    /// A sub-command with this configuration, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let path = self.dir.path().join("pisteur.toml");
        self.write_configuration(&path);
        let binary = env!("CARGO_BIN_EXE_pisteur").to_owned();
        let mut words = self.launcher.iter().chain([&binary]);
        let mut command = Command::new(words.next().expect("the binary at least"));
        command.args(words).arg("-c").arg(path).args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("NO_COLOR", "1").envs(self.env.iter().map(|(k, v)| (k, v)));
        command
    }

    /// Whole at every moment: commands of several threads read it, and so does a daemon that reloads.
    fn write_configuration(&self, path: &Path) {
        let text = self.toml();
        if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
            return;
        }
        let mut file = tempfile::NamedTempFile::new_in(self.dir.path()).expect("a file beside it");
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("the configuration is written");
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).expect("readable by all");
        file.persist(path).expect("the configuration is in its place");
    }

    /// Runs a sub-command to its end with this configuration.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary starts")
    }

    /// Starts the daemon and waits until it is ready.
    pub fn start(self) -> Daemon {
        let mut daemon = self.start_unready();
        daemon.wait_ready();
        daemon
    }

    /// Starts the daemon without waiting.
    pub fn start_unready(self) -> Daemon {
        let mut daemon = Daemon { setup: self, process: None, stderr: Arc::default() };
        daemon.spawn();
        daemon
    }
}

/// A daemon under test; it is killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    setup: Setup,
    process: Option<Leashed>,
    stderr: Arc<Mutex<String>>,
}

impl Daemon {
    fn spawn(&mut self) {
        let mut command = self.setup.command(&["serve"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = Leashed::spawn(&mut command, Signal::Kill, None);
        let pipe = process.child().stderr.take().expect("piped");
        let kept = Arc::clone(&self.stderr);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let mut text = kept.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&String::from_utf8_lossy(&line));
                text.push('\n');
            }
        });
        self.process = Some(process);
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_ready(&mut self) {
        let operator = Http { timeout: Duration::from_secs(2), ..self.operator() };
        wait::until("the daemon is ready", wait::LONG, || {
            if let Some(status) = self.process.as_mut().and_then(Leashed::ended) {
                panic!("the daemon ended ({status}) before it was ready:\n{}", self.stderr());
            }
            operator.get("/readyz").is_ok_and(|a| a.status == 200)
        });
    }

    /// Client of the public listener.
    pub fn public(&self) -> Http {
        Http::to(SocketAddr::from(([127, 0, 0, 1], self.setup.public)))
    }

    /// Client of the operator listener.
    pub fn operator(&self) -> Http {
        Http::to(SocketAddr::from(([127, 0, 0, 1], self.setup.operator)))
    }

    /// A figure of `/metrics`: the sum over all series of `name`.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = self.operator().get("/metrics").ok()?.text();
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        let values: Vec<f64> =
            text.lines().filter(of_name).filter_map(|l| l.rsplit(' ').next()?.parse().ok()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// What it was started with.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// To change the environment or configuration before a restart.
    pub const fn setup_mut(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// A path in its folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.setup.dir().join(relative)
    }

    /// Everything it wrote to stderr so far, over all its lives.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the daemon runs").id()
    }

    /// Sends a signal (SIGHUP, SIGSTOP).
    pub fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("the daemon runs").signal(signal);
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill9(&mut self) {
        self.process.take().expect("the daemon runs").end(Signal::Kill, STOP);
    }

    /// Asks it to stop (SIGTERM) and waits; how it ended.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.take().expect("the daemon runs").end(Signal::Term, STOP)
    }

    /// Asks it to stop; fails the test unless it ends with exit code 0.
    pub fn stop_cleanly(&mut self) {
        let status = self.stop();
        assert_eq!(status.code(), Some(0), "a graceful stop exits with 0:\n{}", self.stderr());
    }

    /// Waits until it ends by itself; its exit code.
    pub fn wait_end(&mut self) -> Option<i32> {
        let process = self.process.as_mut().expect("the daemon was started");
        wait::until("the daemon ends by itself", wait::LONG, || process.ended().is_some());
        let code = process.ended().and_then(|s| s.code());
        self.process = None;
        code
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|p| p.ended().is_none())
    }

    /// Starts it again with the same folder and ports, and waits until it is ready.
    pub fn restart(&mut self) {
        self.restart_unready();
        self.wait_ready();
    }

    /// Starts it again without waiting.
    pub fn restart_unready(&mut self) {
        assert!(!self.runs(), "the daemon runs already");
        self.process = None;
        self.spawn();
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file is copied");
        }
    }
}
