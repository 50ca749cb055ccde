//! An IMAP server in this process that behaves well until a test tells it otherwise, command by command.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A message on the server.
#[derive(Debug, Clone)]
pub struct Mail {
    pub uid: u32,
    pub raw: Vec<u8>,
    pub date: String,
    pub flags: BTreeSet<String>,
    /// The size told, when it is not the true one.
    pub told_size: Option<String>,
}

/// What to do instead of the usual.
#[derive(Debug, Clone)]
pub enum Act {
    /// These bytes; `{tag}` stands for the command's tag.
    Say(String),
    /// These bytes, then the connection is closed.
    SayAndCut(Vec<u8>),
    /// The first, then the second again and again, until the client goes or so many bytes were taken.
    Flood(Vec<u8>, Vec<u8>, usize),
    /// This line every 50 ms, until the client goes.
    Trickle(&'static str),
    /// Nothing, for ever.
    Stall,
    /// These bytes before the usual answer.
    First(String),
}

type Hook = Box<dyn FnMut(&str, &mut World) -> Option<Act> + Send>;

/// Everything the server knows.
#[expect(clippy::struct_excessive_bools, reason = "each is one quirk of a server")]
pub struct World {
    pub mails: Vec<Mail>,
    pub moved: Vec<(String, Mail)>,
    pub folders: BTreeSet<String>,
    pub uidvalidity: u32,
    pub uidnext: u32,
    pub capabilities: Vec<&'static str>,
    pub tells_uidnext: bool,
    pub status_tells: bool,
    pub needs_id: bool,
    pub own_keywords: bool,
    pub password: String,
    pub tokens: BTreeSet<String>,
    pub greeting: &'static str,
    pub log: Vec<String>,
    pub connections: usize,
    /// Bytes of the last flood that were taken.
    pub flooded: usize,
    hook: Option<Hook>,
    epoch: usize,
}

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub struct Scripted {
    world: Arc<Mutex<World>>,
    changed: Arc<Notify>,
    pub port: u16,
}

/// A plain message whose content is unique to `n`.
pub fn message(n: u32) -> Vec<u8> {
    let head = format!("From: Person {n} <p{n}@example.org>\r\nTo: sales@example.com\r\nSubject: Question {n}\r\n");
    format!("{head}Message-ID: <m{n}@example.org>\r\n\r\nHello, this is message {n}.\r\n").into_bytes()
}

impl Scripted {
    pub async fn start() -> Self {
        let world = World {
            mails: Vec::new(),
            moved: Vec::new(),
            folders: BTreeSet::new(),
            uidvalidity: 7,
            uidnext: 1,
            capabilities: vec!["IMAP4rev1", "IDLE", "MOVE", "UIDPLUS", "ID", "AUTH=XOAUTH2"],
            tells_uidnext: true,
            status_tells: true,
            needs_id: false,
            own_keywords: true,
            password: "secret".into(),
            tokens: BTreeSet::new(),
            greeting: "* OK ready\r\n",
            log: Vec::new(),
            connections: 0,
            flooded: 0,
            hook: None,
            epoch: 0,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { world: Arc::new(Mutex::new(world)), changed: Arc::new(Notify::new()), port };
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = own.clone();
                tokio::spawn(async move { drop(server.serve(stream).await) });
            }
        });
        server
    }

    /// A look at, or a change of, the world. Waiting sessions notice.
    pub fn with<T>(&self, f: impl FnOnce(&mut World) -> T) -> T {
        let result = f(&mut self.world.lock().unwrap());
        self.changed.notify_waiters();
        result
    }

    /// From now on `hook` sees every command (without its tag) before the server does.
    pub fn on(&self, hook: impl FnMut(&str, &mut World) -> Option<Act> + Send + 'static) {
        self.with(|w| w.hook = Some(Box::new(hook)));
    }

    /// Closes every connection.
    pub fn cut(&self) {
        self.with(|w| w.epoch += 1);
    }

    /// Delivers message `n` of [`message`].
    pub fn deliver(&self, n: u32) -> u32 {
        self.deliver_raw(message(n))
    }

    pub fn deliver_raw(&self, raw: Vec<u8>) -> u32 {
        self.with(|w| {
            let uid = w.uidnext;
            w.uidnext += 1;
            w.mails.push(Mail { uid, raw, date: today(), flags: BTreeSet::new(), told_size: None });
            uid
        })
    }

    /// Commands seen that contain `part`.
    pub fn seen(&self, part: &str) -> Vec<String> {
        self.with(|w| w.log.iter().filter(|l| l.contains(part)).cloned().collect())
    }

    pub fn connections(&self) -> usize {
        self.with(|w| w.connections)
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read);
        let (greeting, epoch) = self.with(|w| {
            w.connections += 1;
            (w.greeting, w.epoch)
        });
        write.write_all(greeting.as_bytes()).await?;
        if greeting.starts_with("* BYE") {
            return Ok(());
        }
        let mut session = Talk { server: self, epoch, selected: None, identified: false, known: 0 };
        loop {
            let mut line = String::new();
            let read = tokio::select! {
                read = lines.read_line(&mut line) => read?,
                () = self.epoch_ends(epoch) => return Ok(()),
            };
            if read == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_owned();
            if line == "DONE" {
                continue;
            }
            let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
            if !session.answer(tag, command, &mut lines, &mut write).await? {
                return Ok(());
            }
        }
    }

    async fn epoch_ends(&self, epoch: usize) {
        loop {
            let changed = self.changed.notified();
            if self.world.lock().unwrap().epoch != epoch {
                return;
            }
            drop(tokio::time::timeout(Duration::from_millis(20), changed).await);
        }
    }
}

fn today() -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let at = jiff::Timestamp::from_second(i64::try_from(now).unwrap()).unwrap();
    at.strftime("%d-%b-%Y %H:%M:%S +0000").to_string()
}

struct Talk<'a> {
    server: &'a Scripted,
    epoch: usize,
    /// The open folder; INBOX by any name that was not created.
    selected: Option<String>,
    identified: bool,
    /// Messages of INBOX that this session knows of.
    known: usize,
}

impl World {
    /// Messages of a folder: UIDs of those that were moved or copied there count from 1.
    fn folder(&self, name: &str) -> Vec<Mail> {
        if !self.folders.contains(name) {
            return self.mails.clone();
        }
        let there = self.moved.iter().filter(|(folder, _)| folder == name);
        (1..).zip(there).map(|(uid, (_, mail))| Mail { uid, ..mail.clone() }).collect()
    }
}

impl Talk<'_> {
    async fn answer(
        &mut self,
        tag: &str,
        command: &str,
        lines: &mut BufReader<OwnedReadHalf>,
        write: &mut OwnedWriteHalf,
    ) -> std::io::Result<bool> {
        let act = {
            let mut world = self.server.world.lock().unwrap();
            world.log.push(command.to_owned());
            let mut hook = world.hook.take();
            let act = hook.as_mut().and_then(|hook| hook(command, &mut world));
            if world.hook.is_none() {
                world.hook = hook;
            }
            act
        };
        match act {
            Some(Act::Say(text)) => {
                write.write_all(text.replace("{tag}", tag).as_bytes()).await?;
                return Ok(true);
            }
            Some(Act::SayAndCut(bytes)) => {
                write.write_all(&bytes).await?;
                write.flush().await?;
                return Ok(false);
            }
            Some(Act::Flood(first, again, most)) => {
                write.write_all(&first).await?;
                let mut taken = 0;
                while taken < most {
                    write.write_all(&again).await?;
                    taken += again.len();
                    self.server.world.lock().unwrap().flooded = taken;
                }
                return Ok(false);
            }
            Some(Act::Trickle(line)) => loop {
                write.write_all(line.as_bytes()).await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            },
            Some(Act::Stall) => {
                self.server.epoch_ends(self.epoch).await;
                return Ok(false);
            }
            Some(Act::First(text)) => write.write_all(text.replace("{tag}", tag).as_bytes()).await?,
            None => {}
        }
        if command == "IDLE" {
            return self.idle(tag, lines, write).await;
        }
        if command.starts_with("AUTHENTICATE") {
            return self.authenticate(tag, command, lines, write).await;
        }
        let reply = self.reply(tag, command);
        write.write_all(&reply).await?;
        Ok(command != "LOGOUT")
    }

    async fn idle(
        &self,
        tag: &str,
        lines: &mut BufReader<OwnedReadHalf>,
        write: &mut OwnedWriteHalf,
    ) -> std::io::Result<bool> {
        write.write_all(b"+ idling\r\n").await?;
        let mut known = self.known;
        let mut line = String::new();
        loop {
            let changed = self.server.changed.notified();
            let count = self.server.world.lock().unwrap().mails.len();
            if count > known {
                write.write_all(format!("* {count} EXISTS\r\n").as_bytes()).await?;
            }
            known = count;
            tokio::select! {
                read = lines.read_line(&mut line) => {
                    if read? == 0 {
                        return Ok(false);
                    }
                    assert_eq!(line.trim_end(), "DONE", "IDLE is ended by DONE");
                    self.server.world.lock().unwrap().log.push("DONE".into());
                    write.write_all(format!("{tag} OK idle ended\r\n").as_bytes()).await?;
                    return Ok(true);
                }
                () = self.server.epoch_ends(self.epoch) => return Ok(false),
                () = changed => {}
            }
        }
    }

    async fn authenticate(
        &self,
        tag: &str,
        command: &str,
        lines: &mut BufReader<OwnedReadHalf>,
        write: &mut OwnedWriteHalf,
    ) -> std::io::Result<bool> {
        write.write_all(b"+ \r\n").await?;
        let mut line = String::new();
        lines.read_line(&mut line).await?;
        let said = String::from_utf8(STANDARD.decode(line.trim_end()).unwrap()).unwrap();
        let (tokens, password) = self.server.with(|w| (w.tokens.clone(), w.password.clone()));
        let good = if command.ends_with("XOAUTH2") {
            tokens.iter().any(|t| said == format!("user=sales@example.com\u{1}auth=Bearer {t}\u{1}\u{1}"))
        } else {
            said == format!("\0sales@example.com\0{password}")
        };
        if good {
            write.write_all(format!("{tag} OK welcome\r\n").as_bytes()).await?;
            return Ok(true);
        }
        if command.ends_with("XOAUTH2") {
            let json = STANDARD.encode(r#"{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}"#);
            write.write_all(format!("+ {json}\r\n").as_bytes()).await?;
            line.clear();
            lines.read_line(&mut line).await?;
            assert_eq!(line, "\r\n", "the refusal is answered empty");
        }
        write.write_all(format!("{tag} NO [AUTHENTICATIONFAILED] Invalid credentials\r\n").as_bytes()).await?;
        Ok(true)
    }

    fn mails(&self, world: &World) -> Vec<Mail> {
        world.folder(self.selected.as_deref().unwrap_or("INBOX"))
    }

    fn reply(&mut self, tag: &str, command: &str) -> Vec<u8> {
        let mut world = self.server.world.lock().unwrap();
        let mut out = Vec::new();
        let (verb, rest) = match command.strip_prefix("UID ") {
            Some(tail) => tail.split_once(' ').unwrap_or((tail, "")),
            None => command.split_once(' ').unwrap_or((command, "")),
        };
        let status = match verb {
            "CAPABILITY" => {
                out.extend(format!("* CAPABILITY {}\r\n", world.capabilities.join(" ")).into_bytes());
                "OK done".to_owned()
            }
            "ID" => {
                self.identified = true;
                out.extend(b"* ID (\"name\" \"scripted\")\r\n");
                "OK done".to_owned()
            }
            "LOGIN" => {
                if rest == format!("\"sales@example.com\" \"{}\"", world.password) {
                    "OK logged in".to_owned()
                } else {
                    "NO [AUTHENTICATIONFAILED] Authentication failed.".to_owned()
                }
            }
            "SELECT" | "EXAMINE" if world.needs_id && !self.identified => "NO SELECT Unsafe Login".to_owned(),
            "SELECT" | "EXAMINE" => {
                let name = rest.trim_matches('"');
                if name == "INBOX" || world.folders.contains(name) {
                    self.selected = Some(name.to_owned());
                    self.known = world.mails.len();
                    select(&world, &world.folder(name), &mut out);
                    "OK selected".to_owned()
                } else {
                    // RFC 9051 section 6.3.2: after a failure no folder is selected.
                    self.selected = None;
                    "NO [NONEXISTENT] no such folder".to_owned()
                }
            }
            "STATUS" => {
                if world.status_tells {
                    let (next, validity) = (world.uidnext, world.uidvalidity);
                    out.extend(format!("* STATUS \"INBOX\" (UIDNEXT {next} UIDVALIDITY {validity})\r\n").into_bytes());
                }
                "OK done".to_owned()
            }
            "SEARCH" | "FETCH" | "STORE" | "MOVE" | "COPY" | "EXPUNGE" if self.selected.is_none() => {
                "BAD No mailbox is currently selected".to_owned()
            }
            "SEARCH" => {
                let found = search(&self.mails(&world), rest);
                let words: Vec<String> = found.iter().map(u32::to_string).collect();
                out.extend(format!("* SEARCH {}\r\n", words.join(" ")).into_bytes());
                "OK done".to_owned()
            }
            "FETCH" => {
                fetch(&self.mails(&world), rest, &mut out);
                "OK done".to_owned()
            }
            "STORE" | "MOVE" | "COPY" | "EXPUNGE" => {
                let before = world.mails.len();
                let status = mark(&mut world, command, verb, rest);
                self.known = self.known.saturating_sub(before - world.mails.len());
                status
            }
            "CREATE" => {
                world.folders.insert(rest.trim_matches('"').to_owned());
                "OK done".to_owned()
            }
            "NOOP" => "OK done".to_owned(),
            "LOGOUT" => {
                out.extend(b"* BYE goodbye\r\n");
                "OK done".to_owned()
            }
            "STARTTLS" => "BAD no TLS here".to_owned(),
            other => panic!("the scripted server does not know {other}"),
        };
        out.extend(format!("{tag} {status}\r\n").into_bytes());
        out
    }
}

fn mark(world: &mut World, command: &str, verb: &str, rest: &str) -> String {
    assert!(command.starts_with("UID "), "by UID only, and never a plain EXPUNGE");
    let (set, what) = rest.split_once(' ').unwrap_or((rest, ""));
    let uids = in_set(&world.mails, set);
    match verb {
        "STORE" => {
            let flag = what.split_once('(').unwrap().1.trim_end_matches(')').to_owned();
            for mail in world.mails.iter_mut().filter(|m| uids.contains(&m.uid)) {
                mail.flags.insert(flag.clone());
            }
        }
        "EXPUNGE" => world.mails.retain(|m| !(uids.contains(&m.uid) && m.flags.contains("\\Deleted"))),
        _ => {
            let folder = what.trim_matches('"').to_owned();
            if !world.folders.contains(&folder) {
                return "NO [TRYCREATE] no such folder".to_owned();
            }
            let there: Vec<Mail> = world.mails.iter().filter(|m| uids.contains(&m.uid)).cloned().collect();
            world.moved.extend(there.into_iter().map(|m| (folder.clone(), m)));
            if verb == "MOVE" {
                world.mails.retain(|m| !uids.contains(&m.uid));
            }
        }
    }
    "OK done".to_owned()
}

fn select(world: &World, mails: &[Mail], out: &mut Vec<u8>) {
    let keywords = if world.own_keywords { " \\*" } else { "" };
    out.extend(b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n");
    out.extend(format!("* OK [PERMANENTFLAGS (\\Deleted \\Seen{keywords})] kept\r\n").into_bytes());
    out.extend(format!("* {} EXISTS\r\n* 0 RECENT\r\n", mails.len()).into_bytes());
    out.extend(format!("* OK [UIDVALIDITY {}] valid\r\n", world.uidvalidity).into_bytes());
    if world.tells_uidnext {
        out.extend(format!("* OK [UIDNEXT {}] next\r\n", world.uidnext).into_bytes());
    }
}

fn in_set(mails: &[Mail], set: &str) -> BTreeSet<u32> {
    let last = mails.iter().map(|m| m.uid).max().unwrap_or(0);
    let number = |word: &str| if word == "*" { last } else { word.parse::<u32>().unwrap() };
    let mut found = BTreeSet::new();
    for part in set.split(',') {
        let (a, b) = part.split_once(':').unwrap_or((part, part));
        let (a, b) = (number(a), number(b));
        assert!(a >= 1 || last == 0, "no UID below 1 is asked for");
        // `n:*` always names the last message, also when n is above it (RFC 3501 section 6.4.8).
        let range = a.min(b)..=a.max(b);
        found.extend(mails.iter().map(|m| m.uid).filter(|uid| range.contains(uid)));
    }
    found
}

fn search(mails: &[Mail], criteria: &str) -> Vec<u32> {
    let words: Vec<&str> = criteria.split(' ').collect();
    let size = |word: &str| word.parse::<usize>().unwrap();
    match words[..] {
        ["UID", set, ..] => in_set(mails, set).into_iter().collect(),
        ["HEADER", "Message-ID", id] => {
            let line = format!("Message-ID: <{}>", id.trim_matches('"'));
            mails.iter().filter(|m| String::from_utf8_lossy(&m.raw).contains(&line)).map(|m| m.uid).collect()
        }
        ["LARGER", a, "SMALLER", b] => {
            mails.iter().filter(|m| m.raw.len() > size(a) && m.raw.len() < size(b)).map(|m| m.uid).collect()
        }
        _ => panic!("the scripted server does not know this search: {criteria}"),
    }
}

fn fetch(mails: &[Mail], rest: &str, out: &mut Vec<u8>) {
    let (set, items) = rest.split_once(' ').unwrap();
    let uids = in_set(mails, set);
    assert!(!items.contains("ENVELOPE") && !items.contains("BODYSTRUCTURE") && !items.contains("BODY["));
    for (n, mail) in mails.iter().enumerate().filter(|(_, m)| uids.contains(&m.uid)) {
        out.extend(format!("* {} FETCH (UID {}", n + 1, mail.uid).into_bytes());
        if items.contains("RFC822.SIZE") {
            let size = mail.told_size.clone().unwrap_or_else(|| mail.raw.len().to_string());
            out.extend(format!(" RFC822.SIZE {size} INTERNALDATE \"{}\" FLAGS ()", mail.date).into_bytes());
        }
        if items.contains("BODY.PEEK[HEADER]") {
            let end = mail.raw.windows(4).position(|w| w == b"\r\n\r\n").map_or(mail.raw.len(), |at| at + 4);
            literal(out, " BODY[HEADER]", &mail.raw[..end]);
        }
        if let Some(limit) = items.split_once("BODY.PEEK[]<0.").map(|(_, tail)| tail.split_once('>').unwrap().0) {
            let limit = limit.parse::<usize>().unwrap().min(mail.raw.len());
            literal(out, " BODY[]<0>", &mail.raw[..limit]);
        } else if items.contains("BODY.PEEK[]") {
            literal(out, " BODY[]", &mail.raw);
        }
        out.extend(b")\r\n");
    }
}

fn literal(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    out.extend(format!("{name} {{{}}}\r\n", bytes.len()).into_bytes());
    out.extend(bytes);
}
