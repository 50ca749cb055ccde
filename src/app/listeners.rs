//! The listeners, taken before anything else is touched: a daemon that cannot listen changes nothing.

use std::sync::Arc;

use anyhow::Context as _;

use super::Addresses;
use crate::clock::Timestamp;
use crate::config::HttpConfig;
use crate::http::tls::Certificates;
use crate::http::{self, Bound};

/// What the daemon listens on.
#[derive(Debug)]
pub(super) struct Listeners {
    /// For visitors: one, or a plain one and one with TLS.
    pub(super) public: Vec<Bound>,
    /// For operators.
    pub(super) operator: Bound,
    /// Of the one with TLS.
    pub(super) certificates: Option<Arc<Certificates>>,
}

/// Takes every address of `config`; its certificate is read first.
pub(super) async fn take(config: &HttpConfig, now: Timestamp) -> anyhow::Result<Listeners> {
    let certificates = config.tls.as_ref().map(|tls| Certificates::open(tls, now)).transpose()?;
    let own = config.tls.as_ref().and_then(|tls| tls.listen.as_deref());
    let mut public = vec![http::bind(&config.public, "http.public").await?];
    if let Some(listen) = own {
        public.push(http::bind(listen, "http.tls.listen").await?);
    }
    if let (Some(tls), Some(certificates)) = (&config.tls, &certificates) {
        let secured = public.pop().map(|bound| bound.over_tls(Arc::clone(certificates), tls.hsts_seconds));
        public.extend(secured.transpose().context("http.tls: TLS cannot be set up")?);
    }
    let operator = http::bind(&config.operator, "http.operator").await?;
    Ok(Listeners { public, operator, certificates })
}

impl Listeners {
    /// Where they are.
    pub(super) fn addresses(&self) -> Addresses {
        let operator = self.operator.address();
        let public = self.public.first().map_or(operator, Bound::address);
        let tls = self.public.last().filter(|bound| bound.is_over_tls()).map(Bound::address);
        Addresses { public, operator, tls }
    }
}
