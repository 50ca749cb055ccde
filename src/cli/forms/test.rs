//! `pisteur forms test`: one submission from end to end: over HTTP into the running daemon, through its workers, into a
//! record. It is marked by a token signed with a secret of the database, so no visitor can mark theirs; the token ends with
//! the test.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use ulid::Ulid;

use super::{public_id, sample};
use crate::cli::output::Style;
use crate::cli::{Context, Outcome, Output};
use crate::config::Config;
use crate::config::form::FormConfig;
use crate::domain::envelope::ArrivalState;
use crate::intake::form::keys::made_once;
use crate::intake::form::marked;
use crate::outbound::{Client, OutboundPolicy, Request};
use crate::store::Store;
use crate::store::rows::ArrivalRow;

/// Between two looks at what became of it.
const LOOK: Duration = Duration::from_millis(100);

/// By so much the clocks of two machines may differ.
const GRACE: Duration = Duration::from_mins(5);

/// `pisteur forms test`.
#[derive(Debug, Clone, Args)]
pub struct TestForm {
    /// The form, by its id
    #[arg(value_name = "ID")]
    id: String,
    /// Where the public listener is reached [default: its own address]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Seconds to wait for it to be decided
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What a test found.
#[derive(Debug)]
enum Found {
    /// It was not taken.
    NotTaken(String),
    /// Taken, but not decided in time; its id.
    Waiting(Ulid),
    /// Decided, or held.
    Ended(Box<ArrivalRow>),
}

/// Sends a marked submission and says what became of it.
pub(super) fn run(context: &Context, args: &TestForm) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let Some(form) = config.form.iter().find(|form| form.id == args.id) else {
        let known: Vec<&str> = config.form.iter().map(|form| form.id.as_str()).collect();
        anyhow::bail!("no form \"{}\" is configured; there is {}", args.id, known.join(", "));
    };
    let found = context.with_store(&config, async |store| {
        let longest = Duration::from_secs(args.timeout);
        let secret = made_once(store.as_ref(), context.clock.as_ref(), marked::SECRET).await?;
        let nonce = public_id();
        let token = marked::token(&secret, context.clock.now().after(longest + GRACE), &nonce);
        match send(&config, form, args, (&token.unwrap_or_default(), &nonce)).await {
            Ok(id) => wait(store.as_ref(), id, longest).await,
            Err(why) => Ok(Found::NotTaken(why)),
        }
    })?;
    report(form, args, &found)
}

/// Posts it; its id.
async fn send(
    config: &Config,
    form: &FormConfig,
    args: &TestForm,
    (token, nonce): (&str, &str),
) -> Result<Ulid, String> {
    let base = match &args.url {
        Some(url) => url.clone(),
        None if config.http.only_https() => config.http.public_url.clone().ok_or(ONLY_HTTPS)?,
        None => own_address(&config.http.public),
    };
    let url = format!("{}/f/{}", base.trim_end_matches('/'), form.path_name());
    let mut fields = sample::submission(form);
    fields.push(("_submission_id".to_owned(), nonce.to_owned()));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let value = HeaderValue::from_str(token).map_err(|error| error.to_string())?;
    headers.insert(HeaderName::from_static(marked::HEADER), value);
    // The operator names the address: any network will do, and the listener itself speaks no TLS.
    let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let policy = OutboundPolicy {
        allow: everywhere.iter().filter_map(|address| ipnet::IpNet::new(*address, 0).ok()).collect(),
        total_timeout: Duration::from_secs(args.timeout),
        ..OutboundPolicy::default()
    };
    let client = Client::new(policy.with_plain_http_to(&url)).map_err(|error| error.to_string())?;
    let request = Request { method: Method::POST, url: url.clone(), headers, body: Bytes::from(body), read_body: true };
    let answer = client.send(request).await.map_err(|error| format!("{url} cannot be reached: {error}"))?;
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let id = said.get("id").and_then(Value::as_str).and_then(|id| Ulid::from_string(id).ok());
    id.filter(|_| answer.status.is_success()).ok_or_else(|| {
        let why = said.get("message").and_then(Value::as_str).unwrap_or("the answer is none of pisteur's");
        format!("{url} answered {}: {why}", answer.status.as_u16())
    })
}

/// A certificate is good for a name only.
const ONLY_HTTPS: &str = "the listener speaks HTTPS only, so it is reached by the name in its certificate: set \
                          http.public_url, or name it with --url https://forms.example.com";

/// The listener as reached from this machine.
fn own_address(listens: &str) -> String {
    let Ok(mut address) = listens.parse::<SocketAddr>() else { return format!("http://{listens}") };
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{address}")
}

/// Looks until it is decided or held. In the spill it is not to be seen yet.
async fn wait(store: &dyn Store, id: Ulid, longest: Duration) -> anyhow::Result<Found> {
    let began = Instant::now();
    loop {
        let row = store.show_arrival(id).await?.map(|found| found.row);
        if let Some(row) = row
            && !matches!(row.state, ArrivalState::Received | ArrivalState::Processing)
        {
            return Ok(Found::Ended(Box::new(row)));
        }
        if began.elapsed() >= longest {
            return Ok(Found::Waiting(id));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn report(form: &FormConfig, args: &TestForm, found: &Found) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let (arrived, id, state, said) = match found {
        Found::NotTaken(why) => (false, None, None, format!("not taken: {why}")),
        Found::Waiting(id) => {
            let said = format!("taken as {id}, but not decided within {} seconds: is a worker running?", args.timeout);
            (false, Some(*id), None, said)
        }
        Found::Ended(row) => {
            let record = row.record.as_deref();
            let said = match (record, &row.reason) {
                (Some(record), _) => format!("arrived as {} and became {record}, tagged test", row.id),
                (None, reason) => format!(
                    "arrived as {} but made no record: {}{}; see `pisteur explain {}`",
                    row.id,
                    row.state.as_str(),
                    reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default(),
                    row.id
                ),
            };
            (record.is_some(), Some(row.id), Some(row.state), said)
        }
    };
    if args.json {
        let record = if let Found::Ended(row) = found { row.record.clone() } else { None };
        out.json(&json!({ "form": form.id, "arrived": arrived, "submission": id, "state": state, "record": record,
                          "message": said }))?;
    } else {
        let word = if arrived { out.styled(Style::Good, "ok") } else { out.styled(Style::Bad, "fail") };
        out.line(format!("{word}    form {}: {said}", form.id));
    }
    out.finish(Outcome::yes(arrived))
}
