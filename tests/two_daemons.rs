//! Two daemons on one PostgreSQL share the work and never the same piece of it.

use std::time::Duration;

use crate::support::daemon::{Daemon, Setup};
use crate::support::dovecot::Dovecot;
use crate::support::ledger::count_blocking;
use crate::support::postgres::{Fsync, Postgres};
use crate::support::wait;

fn member(server_url: &str, dovecot: &Dovecot) -> Daemon {
    let mailbox = format!(
        "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n[worker]\nlease_seconds = 5\n\
         [[mailbox]]\nid = \"sales\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"sales\"\n\
         password = {{ env = \"SALES_PASSWORD\" }}\nfirst_run = \"all\"\n",
        dovecot.port()
    );
    Setup::new().database(server_url).contact_form().tables(&mailbox).env("SALES_PASSWORD", "secret").start()
}

fn deliver(dovecot: &Dovecot, from: usize, to: usize) {
    for n in from..to {
        let message = format!(
            "From: P{n} N{n} <p{n}@firma-{n}.cz>\r\nTo: sales@our-company.example\r\nMessage-ID: <m{n}@firma-{n}.cz>\r\n\
             Subject: Dotaz {n}\r\n\r\nProsim o informace.\r\n"
        );
        dovecot.deliver("sales", message.as_bytes());
    }
}

fn leads(url: &str, count: i64) {
    wait::until("every arrival is a lead", Duration::from_secs(120), || {
        count_blocking(url, "SELECT count(*) FROM lead") == count
            && count_blocking(url, "SELECT count(*) FROM job") == 0
    });
}

#[test]
fn two_daemons_share_a_mailbox_and_forms_without_doing_anything_twice() {
    let server = Postgres::start(Fsync::On);
    let url = server.url(&server.database());
    let dovecot = Dovecot::start();
    deliver(&dovecot, 0, 60);
    let mut first = member(&url, &dovecot);
    let mut second = member(&url, &dovecot);
    for n in 0..40 {
        let daemon = if n % 2 == 0 { &first } else { &second };
        let (name, email) = (format!("Q{n} R{n}"), format!("q{n}@dilna-{n}.cz"));
        let fields = [("name", name.as_str()), ("email", email.as_str()), ("message", "Dotaz")];
        assert_eq!(daemon.public().post_form("/f/contact", &fields).expect("answers").status, 200);
    }
    leads(&url, 100);
    let connected = |d: &Daemon| d.metric("pisteur_mailbox_connected").unwrap_or(0.0);
    assert!(connected(&first) + connected(&second) <= 1.0, "one session for the mailbox");
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM arrival"), 100, "no message was read twice");
    // Whoever holds the mailbox dies: the other one takes it over when the lock ends.
    let held = |d: &Daemon| d.metric("pisteur_mailbox_connected").unwrap_or(0.0) > 0.0;
    wait::until("one of them reads the mailbox", wait::LONG, || held(&first) || held(&second));
    let (gone, stays) = if held(&first) { (&mut first, &second) } else { (&mut second, &first) };
    gone.kill9();
    deliver(&dovecot, 60, 90);
    leads(&url, 130);
    assert!(held(stays), "the other daemon reads the mailbox now");
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM communication"), 130);
}
