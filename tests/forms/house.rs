//! The doors over a real store, without workers: what is journalled stays as it came.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pisteur::clock::{Clock, ManualClock, Timestamp};
use pisteur::config::CaptchaConfig;
use pisteur::config::form::FormConfig;
use pisteur::config::http::{HttpConfig, LimitsConfig};
use pisteur::domain::envelope::Envelope;
use pisteur::http::{PublicDeps, ServeLimits, bind, public_router, serve};
use pisteur::intake::accept::Journal;
use pisteur::intake::form::{FormDoor, FormSet, Gate};
use pisteur::intake::webhook::{HookSet, WebhookDoor};
use pisteur::store::rows::{ArrivalFilter, ArrivalRow};
use pisteur::store::{OpenOptions, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::http::Http;

/// What a test wants otherwise than usual.
pub struct Plan {
    pub forms: Vec<FormConfig>,
    pub http: HttpConfig,
    pub limits: LimitsConfig,
    pub serve: fn(&mut ServeLimits),
    pub captcha: CaptchaConfig,
    /// Where hooks are taken from.
    pub config: pisteur::config::Config,
}

impl Default for Plan {
    fn default() -> Self {
        let limits = LimitsConfig { per_client_per_minute: Some(0), per_form_per_minute: 0, ..LimitsConfig::default() };
        Self {
            forms: vec![FormConfig::named("contact")],
            http: HttpConfig::default(),
            limits,
            serve: |_| {},
            captcha: CaptchaConfig::default(),
            config: pisteur::config::Config::default(),
        }
    }
}

impl Plan {
    /// One form called `contact`, changed.
    pub fn form(change: impl FnOnce(&mut FormConfig)) -> Self {
        let mut form = FormConfig::named("contact");
        change(&mut form);
        Self { forms: vec![form], ..Self::default() }
    }

    /// The usual form under changed limits.
    pub fn limits(change: impl FnOnce(&mut LimitsConfig)) -> Self {
        let mut plan = Self::default();
        change(&mut plan.limits);
        plan
    }
}

pub struct House {
    pub http: Http,
    pub store: Arc<dyn Store>,
    pub clock: Arc<ManualClock>,
    pub journal: Journal,
    pub gate: Arc<Gate>,
    pub forms: Arc<ArcSwap<FormSet>>,
    pub folder: tempfile::TempDir,
    pub tracker: TaskTracker,
    pub cancel: CancellationToken,
}

impl House {
    pub async fn usual() -> Self {
        Self::open(Plan::default()).await
    }

    pub async fn open(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
        let options = OpenOptions {
            url: format!("sqlite://{}", folder.path().join("p.db").display()),
            spill: true,
            spill_dir: folder.path().join("spill"),
            spill_limit: 1 << 20,
            allow_unsafe_server: false,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            migrate: true,
        };
        let (store, _) = pisteur::store::open(options).await.unwrap();
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let journal = Journal::new(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>, tracker.clone());
        let forms = Arc::new(ArcSwap::from_pointee(FormSet::new(&plan.forms, &plan.limits, &plan.http)));
        let gate = Arc::new(Gate::new(&plan.captcha, &*clock).unwrap());
        gate.keys().settle(&*store, &*clock).await.unwrap();
        let door = Arc::new(FormDoor { journal: journal.clone(), gate: Arc::clone(&gate), forms: Arc::clone(&forms) });
        let hooks = HookSet::new(&plan.config).unwrap();
        let hooks = Arc::new(WebhookDoor {
            journal: journal.clone(),
            forms: Arc::clone(&forms),
            hooks: Arc::new(ArcSwap::from_pointee(hooks)),
        });
        let bound = bind("127.0.0.1:0", "http.public").await.unwrap();
        let http = Http::to(bound.address());
        let mut limits = ServeLimits::new(&plan.limits, &plan.http);
        (plan.serve)(&mut limits);
        let router = public_router(PublicDeps { door, hooks });
        let serving =
            serve(bound, router, limits, Arc::clone(&clock) as Arc<dyn Clock>, cancel.clone(), tracker.clone());
        tracker.spawn(serving);
        Self { http, store, clock, journal, gate, forms, folder, tracker, cancel }
    }

    /// A second listener, with a door of its own, over the same store.
    pub async fn also(&self, door: FormDoor) -> Http {
        let bound = bind("127.0.0.1:0", "http.public").await.unwrap();
        let http = Http::to(bound.address());
        let limits = ServeLimits::new(&LimitsConfig::default(), &HttpConfig::default());
        let hooks = HookSet::new(&pisteur::config::Config::default()).unwrap();
        let hooks = Arc::new(WebhookDoor {
            journal: self.journal.clone(),
            forms: Arc::clone(&self.forms),
            hooks: Arc::new(ArcSwap::from_pointee(hooks)),
        });
        let router = public_router(PublicDeps { door: Arc::new(door), hooks });
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        self.tracker.spawn(serve(bound, router, limits, clock, self.cancel.clone(), self.tracker.clone()));
        http
    }

    /// Everything journalled, newest first.
    pub async fn arrivals(&self) -> Vec<ArrivalRow> {
        self.store.list_arrivals(ArrivalFilter { limit: 0, ..ArrivalFilter::default() }).await.unwrap()
    }

    /// The newest arrival with its bytes.
    pub async fn newest(&self) -> Envelope {
        let id = self.arrivals().await.first().expect("an arrival").id;
        self.store.load(&[id]).await.unwrap().remove(0)
    }

    /// Stops everything and waits for it.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(Duration::from_secs(30), self.tracker.wait()).await.expect("every task ends");
        self.store.close().await;
    }
}
