//! What `doctor` asks a mailbox: step by step, each line with its remedy. Nothing is read or changed.

use super::connect::{Access, greet, resolve};
use super::error::{ErrorClass, ImapError};
use super::folder::Selected;
use super::login;
use super::oauth::TokenFacts;
use super::session::Session;
use crate::config::mailbox::{After, MailboxConfig, TlsMode};

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Ok,
    /// Works, with a loss.
    Warn,
    /// Does not work.
    Fail,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeLine {
    /// What was tried.
    pub name: &'static str,
    /// How it went.
    pub grade: Grade,
    /// What was found.
    pub text: String,
    /// What to do; empty when nothing.
    pub remedy: String,
}

/// All steps, in order, up to the first that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReport {
    /// Mailbox id.
    pub mailbox: String,
    /// Steps.
    pub lines: Vec<ProbeLine>,
}

impl ProbeReport {
    /// The worst grade.
    #[must_use]
    pub fn grade(&self) -> Grade {
        let has = |g: Grade| self.lines.iter().any(|l| l.grade == g);
        if has(Grade::Fail) {
            Grade::Fail
        } else if has(Grade::Warn) {
            Grade::Warn
        } else {
            Grade::Ok
        }
    }

    fn say(&mut self, name: &'static str, grade: Grade, text: impl Into<String>, remedy: &str) {
        self.lines.push(ProbeLine { name, grade, text: text.into(), remedy: remedy.to_owned() });
    }

    fn failed(mut self, name: &'static str, error: &ImapError) -> Self {
        self.say(name, Grade::Fail, error.text.clone(), remedy(name, error.class));
        self
    }
}

/// Tries a mailbox: name, connection and TLS, login, folder, marks.
pub async fn probe(config: &MailboxConfig, access: &Access) -> ProbeReport {
    let mut report = ProbeReport { mailbox: config.id.clone(), lines: Vec::new() };
    match resolve(config).await {
        Ok(addresses) => {
            report.say("resolve", Grade::Ok, format!("{} has {} address(es)", config.server(), addresses.len()), "");
        }
        Err(error) => return report.failed("resolve", &error),
    }
    let client = match greet(config).await {
        Ok(client) => client,
        Err(error) => return report.failed("connect", &error),
    };
    let (grade, how) = match config.tls {
        TlsMode::Implicit => (Grade::Ok, "implicit TLS"),
        TlsMode::Starttls => (Grade::Ok, "STARTTLS"),
        TlsMode::None => (Grade::Warn, "no TLS, this machine only"),
    };
    report.say("connect", grade, format!("{}:{} with {how}", config.server(), config.server_port()), "");
    let mut session = match login::login(client, config, access).await {
        Ok(session) => session,
        Err(error) => return report.failed("login", &error),
    };
    report.say("login", Grade::Ok, format!("logged in as {}", config.user), "");
    if config.oauth.is_some() {
        tokens(&mut report, &access.token_facts().await);
    }
    let selected = match session.select(&config.folder, config.after != After::None).await {
        Ok(selected) => selected,
        Err(error) => return report.failed("folder", &error),
    };
    describe(&mut report, config, &session, &selected);
    session.logout().await;
    report
}

fn tokens(report: &mut ProbeReport, facts: &TokenFacts) {
    if let Some(trouble) = &facts.trouble {
        let remedy = "mend the database at once and run this again; if the login fails then, grant access anew";
        return report.say("token", Grade::Fail, trouble.clone(), remedy);
    }
    let age = facts.granted_at.zip(facts.obtained_at).map(|(given, now)| now.since(given).as_secs() / 86_400);
    let text = match age {
        Some(days) => format!("the grant is good; the refresh token in force was given {days} day(s) ago"),
        None => "the grant is good; it is the one of the configuration".to_owned(),
    };
    report.say("token", Grade::Ok, text, "");
}

fn describe(report: &mut ProbeReport, config: &MailboxConfig, session: &Session, selected: &Selected) {
    let Selected { exists, uidvalidity, uidnext, .. } = selected;
    let text = format!("{}: {exists} message(s), UIDVALIDITY {uidvalidity}, next UID {uidnext}", config.folder);
    report.say("folder", Grade::Ok, text, "");
    let list: Vec<&str> = session.capabilities().collect();
    if config.idle && !session.can("IDLE") {
        let text = format!("no IDLE: mail is looked for every {} s", config.timing.poll_without_idle.0);
        report.say("capabilities", Grade::Warn, text, "lower timing.poll_without_idle if that is too slow");
    } else {
        report.say("capabilities", Grade::Ok, list.join(" "), "");
    }
    let (grade, text, remedy) = match &config.after {
        After::None => (Grade::Ok, "messages stay as they are".to_owned(), ""),
        _ if selected.read_only => {
            (Grade::Warn, "the folder is read-only".to_owned(), "grant write access, or set after = \"none\"")
        }
        After::Keyword if selected.own_keywords => (Grade::Ok, "own keywords are allowed".to_owned(), ""),
        After::Keyword => (
            Grade::Warn,
            "the server takes no own keywords (PERMANENTFLAGS)".to_owned(),
            "use after = { move = \"Processed\" }, or \"none\"",
        ),
        After::Move(folder) if session.can("MOVE") || session.can("UIDPLUS") => {
            (Grade::Ok, format!("messages can be moved to {folder}"), "")
        }
        After::Move(_) => {
            (Grade::Warn, "the server has neither MOVE nor UIDPLUS".to_owned(), "use after = \"keyword\" or \"none\"")
        }
    };
    report.say("marks", grade, text, remedy);
}

fn remedy(step: &str, class: ErrorClass) -> &'static str {
    match (step, class) {
        ("resolve", _) => "check host, and that this machine can resolve names",
        (_, ErrorClass::Auth) => {
            "check user and password; Google and Microsoft need an app password or [mailbox.oauth]; \
             for app-only access grant IMAP.AccessAsApp and the mailbox permission"
        }
        (_, ErrorClass::Settings) => "correct the configuration as said",
        (_, ErrorClass::Throttled) => "wait: the server limits connections; close other clients of this account",
        (_, ErrorClass::TokenExpired) => "run this again; if it stays, grant access anew",
        ("connect", _) => "check host, port, tls and ca_file, and that no firewall is between",
        _ => "run this again; if it stays, ask the mail provider",
    }
}
