//! The one gate: every submission to a form is judged here before it is written down, by whatever way it came.
//!
//! Invariants: nothing is turned away without having been written down; what cannot be told (a service that is away, a
//! database that is) is flagged and never refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;

use super::captcha::{Flights, Outcome, Service, Spent, Widget, altcha};
use super::echoes::Echoes;
use super::fields::Said;
use super::handler::Visit;
use super::journalled::{self, Beside};
use super::keys::{self, KeyRing};
use super::problem::Why;
use super::shares::{Fate, Shares};
use super::stamp;
use crate::clock::{Clock, Timestamp};
use crate::config::screening::{ALTCHA, CaptchaAway};
use crate::config::{CaptchaConfig, FormConfig};
use crate::domain::decide::SPAM;
use crate::domain::screening::content::Content;
use crate::domain::screening::{self, Proof, Screening, Signals, Verdict};

/// Reason of an arrival whose captcha was left out.
pub const CAPTCHA_MISSING: &str = "captcha_missing";
/// Reason of an arrival whose captcha failed.
pub const CAPTCHA_FAILED: &str = "captcha_failed";
/// Reason of an arrival held because its captcha could not be asked.
pub const CAPTCHA_AWAY: &str = "captcha_away";

/// Trap fields that every form has.
const TRAPS: [&str; 5] = ["_gotcha", "_honey", "_honeypot", "botcheck", "bot-field"];

/// What judging needs beside the forms: keys, services, and what is remembered.
#[derive(Debug)]
pub struct Gate {
    keys: KeyRing,
    captcha: ArcSwap<Captchas>,
    spent: Spent,
    flights: Flights,
    echoes: Echoes,
    /// How much of what came was taken.
    pub(super) shares: Shares,
}

/// Captchas as configured.
#[derive(Debug)]
struct Captchas {
    config: CaptchaConfig,
    services: BTreeMap<String, Service>,
}

impl Captchas {
    fn new(config: &CaptchaConfig) -> Result<Self, String> {
        let services = config.provider.iter().map(|one| Ok((one.id.clone(), Service::new(one)?)));
        Ok(Self { config: config.clone(), services: services.collect::<Result<_, String>>()? })
    }

    /// Whether both are configured alike, down to the secrets that files hold.
    fn is_like(&self, other: &Self) -> bool {
        let alike = |(one, two): (&Service, &Service)| one.is_like(two);
        self.config == other.config && self.services.values().zip(other.services.values()).all(alike)
    }
}

/// Another configuration with its secrets read, to be taken over.
#[derive(Debug)]
pub struct Prepared {
    captchas: Captchas,
    keys: Vec<keys::Key>,
}

/// What was made of one submission.
#[derive(Debug, Clone, Default)]
pub(super) struct Judged {
    /// Score and parts.
    pub(super) screening: Screening,
    /// Why it waits in quarantine.
    pub(super) held: Option<&'static str>,
    /// What the visitor is told instead of success.
    pub(super) refusal: Option<Why>,
}

impl Gate {
    /// As configured in `[captcha]`.
    ///
    /// # Errors
    /// When a secret is missing; one sentence.
    pub fn new(config: &CaptchaConfig, clock: &dyn Clock) -> Result<Self, String> {
        Ok(Self {
            keys: KeyRing::new(config, clock)?,
            captcha: ArcSwap::from_pointee(Captchas::new(config)?),
            spent: Spent::default(),
            flights: Flights::default(),
            echoes: Echoes::default(),
            shares: Shares::default(),
        })
    }

    /// Reads another configuration, which changes nothing yet.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn prepare(config: &CaptchaConfig) -> Result<Prepared, String> {
        // Their files may hold other secrets under the same names.
        Ok(Prepared { captchas: Captchas::new(config)?, keys: keys::configured(config)? })
    }

    /// Takes over what was prepared.
    pub fn take_over(&self, prepared: Prepared) {
        let Prepared { captchas, keys } = prepared;
        self.keys.configure(keys);
        if !self.captcha.load().is_like(&captchas) {
            self.captcha.store(Arc::new(captchas));
        }
    }

    /// Keys that sign time stamps and challenges.
    #[must_use]
    pub const fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// A signed time stamp for a page that shows `form` now: the value of its hidden field `_t`.
    #[must_use]
    pub fn stamp(&self, form: &str, now: Timestamp) -> String {
        self.keys.signing().map_or_else(String::new, |key| stamp::mint(&key, form, now))
    }

    /// What a page shows of the service that `form` asks; none when it asks none, or there is no key to show it with.
    #[must_use]
    pub fn widget(&self, form: &FormConfig) -> Option<Widget> {
        self.captcha.load().services.get(form.captcha.as_deref()?)?.widget()
    }

    /// A challenge for `form`: what `GET /f/{form}/challenge` answers.
    pub(super) fn challenge(&self, form: &str, clock: &dyn Clock) -> Option<serde_json::Value> {
        let key = self.keys.signing()?;
        let captcha = self.captcha.load();
        let most = captcha.config.altcha_tries;
        let (fewest, draw) = (most / 2, clock.random());
        let number = draw.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let recipe = altcha::Recipe {
            form,
            expires_at: clock.now().after(std::time::Duration::from_secs(captcha.config.altcha_seconds)),
            cost: captcha.config.altcha_cost,
            counter: fewest.saturating_add(number % most.saturating_sub(fewest).max(1)),
            random: clock.random(),
        };
        Some(altcha::issue(&key, &recipe))
    }

    /// What is wrong, for readiness: one sentence each.
    #[must_use]
    pub fn troubles(&self, now: Timestamp) -> Vec<String> {
        let captcha = self.captcha.load();
        let away = captcha.services.values().filter_map(|service| service.trouble(Instant::now()));
        away.chain(self.shares.troubles(now)).collect()
    }

    /// Judges one submission.
    pub(super) async fn judge(&self, visit: &Visit, said: &Said, beside: &Beside) -> Judged {
        // What has to be corrected and sent again keeps its token for then; an operator's test has none.
        let asked = beside.faults.is_empty() && !beside.test;
        let proof = if asked { self.proof(visit, said).await } else { Proof::NotAsked };
        let screening = self.screen(visit, said, &proof);
        let refused = match &proof {
            _ if !visit.form.captcha_required => None,
            Proof::Missing => Some((CAPTCHA_MISSING, Why::CaptchaMissing)),
            Proof::Failed(_) => Some((CAPTCHA_FAILED, Why::CaptchaFailed)),
            _ => None,
        };
        let (mut held, mut refusal) = refused.unzip();
        if visit.origin_refused && !beside.test {
            held = held.or(Some(journalled::ORIGIN_REFUSED));
            refusal = Some(Why::Origin);
        }
        if !beside.faults.is_empty() {
            held = Some(journalled::INVALID_FIELDS);
            refusal = Some(Why::Invalid { faults: beside.faults.clone() });
        }
        let away = matches!(proof, Proof::Away(_));
        if held.is_none() && screening.verdict == Verdict::Spam {
            held = Some(SPAM);
        } else if held.is_none() && away && visit.form.screening.captcha_away == CaptchaAway::Quarantine {
            held = Some(CAPTCHA_AWAY);
        }
        let fate = if held.is_some() { Fate::Held } else { Fate::Taken };
        self.shares.note(&visit.form.id, fate, visit.door.journal.clock().now());
        metrics::counter!("pisteur_screened_total", "form" => visit.form.id.clone(),
            "verdict" => screening.verdict.as_str())
        .increment(1);
        Judged { screening, held, refusal }
    }

    fn screen(&self, visit: &Visit, said: &Said, proof: &Proof) -> Screening {
        let form = &visit.form;
        let policy = form.screening.policy(form.language.as_deref());
        let now = visit.door.journal.clock().now();
        let data = |name: &str| form.is_data(name) && form.screening.honeypot.as_deref() != Some(name);
        let fields = said.fields.iter().filter(|(name, _)| data(name));
        let content = Content::of_fields(fields, |name| visit.meaning(name));
        let agent = visit.header("user-agent");
        let signals = Signals {
            trap: trap(said, form.screening.honeypot.as_deref()),
            stamp: stamp::read(&self.keys.all(), &form.id, said.value(stamp::FIELD), now),
            proof: proof.clone(),
            elsewhere: policy.enabled && self.echoes.elsewhere(&form.id, &content.texts, Instant::now()),
            agent: Some(&agent),
            language: !visit.header("accept-language").is_empty(),
        };
        screening::screen(&signals, &content, &policy)
    }

    async fn proof(&self, visit: &Visit, said: &Said) -> Proof {
        let Some(name) = visit.form.captcha.as_deref() else { return Proof::NotAsked };
        let captcha = self.captcha.load_full();
        let (fields, service) = match captcha.services.get(name) {
            Some(service) => (service.fields(), Some(service)),
            None if name == ALTCHA => ([altcha::FIELD, ""], None),
            None => return Proof::Away(format!("there is no captcha {name}")),
        };
        let Some(token) = fields.iter().find_map(|field| said.value(field)) else { return Proof::Missing };
        let submission = journalled::identity(visit, said);
        let outcome = self.flights.once((name, token), &submission, async || match service {
            Some(service) => service.ask(token).await,
            None => self.altcha(visit, token).await,
        });
        match outcome.await {
            Outcome::Passed => Proof::Passed,
            Outcome::Low(why) => Proof::Low(why),
            Outcome::Failed(why) => Proof::Failed(why),
            Outcome::Away(why) => Proof::Away(why),
            // Sent again after the answer was lost: the first time counted.
            Outcome::Spent if journalled::is_repeat(visit, said).await => Proof::Passed,
            Outcome::Spent => Proof::Failed("it was used before, or came too late".to_owned()),
        }
    }

    async fn altcha(&self, visit: &Visit, payload: &str) -> Outcome {
        let journal = &visit.door.journal;
        let solved = match altcha::check(&self.keys.all(), &visit.form.id, payload, journal.clock().now()) {
            Ok(solved) => solved,
            Err(altcha::TOO_LATE) => return Outcome::Spent,
            Err(why) => return Outcome::Failed(why.to_owned()),
        };
        match self.spent.spend(journal, &format!("altcha:{}", solved.nonce), solved.expires_at).await {
            Some(true) => Outcome::Passed,
            Some(false) => Outcome::Spent,
            None => Outcome::Away("used challenges cannot be told from new ones at present".to_owned()),
        }
    }
}

/// Name of a trap field that is filled. A box that was not ticked says `false` in JSON.
fn trap<'a>(said: &'a Said, own: Option<&str>) -> Option<&'a str> {
    let is_trap = |name: &str| TRAPS.iter().any(|trap| name.eq_ignore_ascii_case(trap)) || own == Some(name);
    let filled = |value: &str| !value.trim().is_empty() && !value.trim().eq_ignore_ascii_case("false");
    said.fields.iter().find(|(name, value)| is_trap(name) && filled(value)).map(|(name, _)| name.as_str())
}
