//! An own Dovecot 2.3: IMAP plain and STARTTLS on one port, IMAPS on another. Every user logs in with `secret`.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::certs::Certs;
use super::process::{Leashed, ServerUser, Signal, find_program, free_port, wait_for_port};
use super::wait;

/// The password of every user.
pub const PASSWORD: &str = "secret";

/// How the server is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// URL that a token is appended to (`http://127.0.0.1:PORT/tokeninfo?access_token=`): turns XOAUTH2 on. The answer
    /// is JSON with `email` naming the user.
    pub tokeninfo_url: Option<String>,
    /// Names in the certificate, where not those of this machine.
    pub names: Vec<&'static str>,
    /// Further lines of the configuration.
    pub extra: String,
}

/// A running server.
#[derive(Debug)]
pub struct Dovecot {
    dir: Option<TempDir>,
    program: PathBuf,
    port: u16,
    tls_port: u16,
    server: Mutex<Option<Leashed>>,
    delivered: AtomicU64,
}

impl Dovecot {
    /// With plain and LOGIN authentication.
    pub fn start() -> Self {
        Self::start_with(&Options::default())
    }

    /// With options.
    pub fn start_with(options: &Options) -> Self {
        let program = find_program("dovecot", &[]).expect(
            "Dovecot is not installed: run tests/run, or `apt-get install --no-install-recommends dovecot-imapd`",
        );
        let dir = TempDir::with_prefix("pisteur-imap-").expect("a temporary folder");
        let user = ServerUser::get();
        user.own(dir.path());
        let server = Self {
            program,
            port: free_port(),
            tls_port: free_port(),
            server: Mutex::new(None),
            delivered: AtomicU64::new(0),
            dir: Some(dir),
        };
        for name in ["run", "state", "mail", "home"] {
            user.folder(&server.folder().join(name));
        }
        let certs = if options.names.is_empty() { Certs::local() } else { Certs::for_names(&options.names) };
        for (name, text) in [("ca.pem", &certs.ca), ("cert.pem", &certs.cert), ("key.pem", &certs.key)] {
            std::fs::write(server.folder().join(name), text).expect("a certificate file");
            user.own(&server.folder().join(name));
        }
        std::fs::write(server.folder().join("dovecot.conf"), server.configuration(&user.name, options))
            .expect("a file");
        if let Some(url) = &options.tokeninfo_url {
            let text = format!("tokeninfo_url = {url}\nusername_attribute = email\n");
            std::fs::write(server.folder().join("oauth2.conf"), text).expect("a file");
        }
        server.resume();
        server
    }

    fn configuration(&self, user: &str, options: &Options) -> String {
        let dir = self.folder().display();
        let (port, tls_port) = (self.port, self.tls_port);
        let oauth = options.tokeninfo_url.is_some();
        let mechanisms = if oauth { "plain login xoauth2 oauthbearer" } else { "plain login" };
        let mut text = format!(
            "base_dir = {dir}/run\nstate_dir = {dir}/state\nlog_path = {dir}/log\nprotocols = imap\nlisten = 127.0.0.1\n\
             default_internal_user = {user}\ndefault_internal_group = {user}\ndefault_login_user = {user}\n\
             mail_location = maildir:{dir}/mail/%u\nmail_home = {dir}/home/%u\nfirst_valid_uid = 1\n\
             disable_plaintext_auth = no\nauth_failure_delay = 0\nmail_max_userip_connections = 100\n\
             ssl = yes\nssl_cert = <{dir}/cert.pem\nssl_key = <{dir}/key.pem\nauth_mechanisms = {mechanisms}\n\
             service imap-login {{\n  chroot =\n  inet_listener imap {{\n    port = {port}\n  }}\n\
             \x20 inet_listener imaps {{\n    port = {tls_port}\n  }}\n}}\n\
             service anvil {{\n  chroot =\n}}\nservice stats {{\n  chroot =\n}}\n"
        );
        if oauth {
            let _written = write!(
                text,
                "passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {dir}/oauth2.conf\n}}\n"
            );
        }
        // Beside tokens the password is for LOGIN only.
        let passwords = if oauth { "  mechanisms = plain login\n" } else { "" };
        let _written = write!(
            text,
            "passdb {{\n  driver = static\n{passwords}  args = password={PASSWORD}\n}}\n\
             userdb {{\n  driver = static\n  args = uid={user} gid={user} home={dir}/home/%u\n}}\n{}\n",
            options.extra
        );
        text
    }

    /// Port of IMAP, plain and STARTTLS.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Port of IMAPS.
    pub const fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The authority to trust.
    pub fn ca_file(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// The Maildir of a user's INBOX.
    pub fn inbox(&self, user: &str) -> PathBuf {
        self.folder().join("mail").join(user)
    }

    /// Delivers one message into INBOX by its file; deliveries get their UIDs in this order.
    pub fn deliver(&self, user: &str, message: &[u8]) -> PathBuf {
        let inbox = self.inbox(user);
        let owner = ServerUser::get();
        for part in ["cur", "new", "tmp"] {
            owner.folder(&inbox.join(part));
        }
        let n = self.delivered.fetch_add(1, Ordering::Relaxed);
        // Dovecot numbers new files by the time their name begins with.
        let name = format!("{}.M{n:09}.pisteur", 1_700_000_000 + n);
        let tmp = inbox.join("tmp").join(&name);
        std::fs::write(&tmp, message).expect("the message is written");
        owner.own(&tmp);
        let new = inbox.join("new").join(&name);
        std::fs::rename(&tmp, &new).expect("the message is delivered");
        new
    }

    /// Logs a user in and runs commands over the plain port, as another client of the mailbox; every line it said.
    pub fn talk(&self, user: &str, commands: &[&str]) -> Vec<String> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server answers");
        stream.set_read_timeout(Some(wait::LONG)).expect("a time-out");
        let mut lines = BufReader::new(&stream);
        let mut out = &stream;
        let mut all = vec![String::new()];
        lines.read_line(&mut all[0]).expect("a greeting");
        let login = format!("LOGIN {user} {PASSWORD}");
        for (n, command) in std::iter::once(login.as_str()).chain(commands.iter().copied()).enumerate() {
            write!(out, "a{n} {command}\r\n").expect("the server listens");
            loop {
                let mut line = String::new();
                assert_ne!(lines.read_line(&mut line).expect("a line"), 0, "the server closed: {all:?}");
                let last = line.starts_with(&format!("a{n} "));
                all.push(line);
                if last {
                    break;
                }
            }
        }
        all
    }

    /// Files of INBOX, `cur` and `new`, sorted by name; the flags are at the end of a name (`:2,S`; `a`.. are
    /// keywords as numbered by `dovecot-keywords`).
    pub fn files(&self, user: &str) -> Vec<PathBuf> {
        Self::list(&self.inbox(user))
    }

    /// Files of another folder of the user.
    pub fn files_in(&self, user: &str, folder: &str) -> Vec<PathBuf> {
        Self::list(&self.inbox(user).join(format!(".{folder}")))
    }

    fn list(maildir: &Path) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = ["cur", "new"]
            .iter()
            .filter_map(|part| std::fs::read_dir(maildir.join(part)).ok())
            .flat_map(|entries| entries.flatten().map(|e| e.path()))
            .collect();
        files.sort_by_key(|p| p.file_name().map(std::ffi::OsStr::to_owned));
        files
    }

    /// Keywords in use in INBOX, by the letter they have in file names.
    pub fn keywords(&self, user: &str) -> Vec<(char, String)> {
        let text = std::fs::read_to_string(self.inbox(user).join("dovecot-keywords")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(n, word)| Some((char::from(b'a' + n.parse::<u8>().ok()?), word.to_owned())))
            .collect()
    }

    /// UIDVALIDITY of INBOX, once a session has opened it.
    pub fn uidvalidity(&self, user: &str) -> Option<u32> {
        let text = std::fs::read_to_string(self.inbox(user).join("dovecot-uidlist")).ok()?;
        text.lines().next()?.split(' ').find_map(|word| word.strip_prefix('V'))?.parse().ok()
    }

    /// Gives INBOX another UIDVALIDITY and its messages new UIDs, as a restored or migrated server does.
    pub fn reset_uidvalidity(&self, user: &str) -> u32 {
        self.stop();
        let inbox = self.inbox(user);
        let next = self.uidvalidity(user).unwrap_or(1_000_000) + 1_000;
        for entry in std::fs::read_dir(&inbox).expect("the inbox exists").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("dovecot") && name != "dovecot-keywords" {
                std::fs::remove_file(entry.path()).expect("an index file can go");
            }
        }
        let list = inbox.join("dovecot-uidlist");
        std::fs::write(&list, format!("3 V{next} N1 G{:032x}\n", u128::from(next))).expect("a file");
        ServerUser::get().own(&list);
        self.resume();
        next
    }

    /// Stops the server in good order.
    pub fn stop(&self) {
        self.end(Signal::Term);
    }

    /// Stops the server with `kill -9`; its sessions die with it.
    pub fn kill(&self) {
        self.end(Signal::Kill);
    }

    fn end(&self, signal: Signal) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            server.end(signal, wait::LONG);
            // Login and imap processes end a moment after the master; the port is free only then.
            wait::until("the port is free again", wait::LONG, || TcpStream::connect(("127.0.0.1", self.port)).is_err());
            drop(std::fs::remove_file(self.folder().join("run/master.pid")));
        }
    }

    /// Starts the server again on the same ports and waits until it answers.
    pub fn resume(&self) {
        let mut slot = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(slot.is_none(), "the server runs already");
        let mut command = ServerUser::get().command(&self.program);
        command.arg("-F").arg("-c").arg(self.folder().join("dovecot.conf"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).current_dir(self.folder());
        let mut server = Leashed::spawn(&mut command, Signal::Term, Some(self.folder()));
        wait_for_port("Dovecot", self.port, || {
            let ended = server.ended().is_some();
            assert!(!ended, "Dovecot ended: {}", self.log());
            ended
        });
        wait_for_port("Dovecot", self.tls_port, || false);
        *slot = Some(server);
    }

    /// The server's log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    fn folder(&self) -> &Path {
        self.dir.as_ref().expect("there until dropped").path()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        drop(self.server.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.dir.take());
    }
}
