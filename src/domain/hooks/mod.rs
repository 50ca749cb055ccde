//! Third-party webhooks as data: what one producer's request looks like, how it is proven, and what it says.
//!
//! An [`Adapter`] is one TOML file. The built-in ones are files of the same kind: nothing in the code knows a producer.
//!
//! Invariants:
//! - a signature is checked over the bytes as received, before anything is parsed, and never without a secret;
//! - reading is total and bounded on any bytes ([`path::Budget`]); what does not fit an adapter is a visible state;
//! - what a door does with a request and what a worker reads later come from the same mapping.
//!
//! Not here: HTTP (`intake/webhook`), fetching (`delivery/retrieve`), where adapter files lie (`config/hook`).

pub mod adapter;
pub mod document;
pub mod explode;
pub mod fetch;
pub mod handshake;
pub mod mapping;
pub mod path;
pub mod read;
pub mod verify;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::adapter::{Adapter, Fault};
pub use self::mapping::Mapping;
use self::path::Path;
pub use super::envelope::TEST;

/// Name in [`crate::domain::envelope::ArrivalContext::extra`] of what the bytes are: [`STAGE_LEAD`], or nothing for a
/// request as received.
pub const STAGE: &str = "hook_stage";
/// The bytes are a lead that was fetched, not a request.
pub const STAGE_LEAD: &str = "lead";
/// Name in `extra` of the arrival whose notification led to a fetched lead.
pub const FETCHED_FOR: &str = "fetched_for";

/// Flag of a submission: the request is no lead (another kind of event, a ping).
pub const OTHER_EVENT: &str = "other_event";
/// Flag of a submission, and reason of an arrival: it is proven, and cannot be read.
pub const UNREADABLE: &str = "unreadable";
/// Flag of a submission, and reason of an arrival: it is proven, and holds several leads that were not taken apart.
pub const TOO_MANY_LEADS: &str = "too_many_leads";
/// Reason of an arrival held because the same signed bytes came long ago, and nothing tells a new request from a
/// recorded one.
pub const SEEN_BEFORE: &str = "seen_before";
/// Flag of a submission: the producer, or the operator, calls it a test.
pub const TEST_EVENT: &str = "test_event";
/// Reason of an arrival that waits for what it announces to be fetched.
pub const TO_BE_FETCHED: &str = "to_be_fetched";

/// What reading needs to know of one hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookReading {
    /// How requests are understood.
    pub request: Mapping,
    /// How fetched leads are understood, where requests only announce them.
    pub lead: Option<Mapping>,
    /// Names whose text is JSON (a form field that holds a document).
    pub json: Vec<String>,
    /// The operator's own paths by canonical or plain name; they come first.
    pub fields: BTreeMap<String, Paths>,
    /// Where the body holds the secret that proves it: never data.
    #[serde(default)]
    pub secrets: Vec<Path>,
}

/// One path or several of which the first that finds something counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OneOrSeveral", into = "Vec<Path>")]
pub struct Paths(pub Vec<Path>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

impl TryFrom<OneOrSeveral> for Paths {
    type Error = String;

    fn try_from(given: OneOrSeveral) -> Result<Self, String> {
        match given {
            OneOrSeveral::One(path) => Ok(Self(vec![Path::try_from(path)?])),
            OneOrSeveral::Several(paths) => paths.into_iter().map(Path::try_from).collect::<Result<_, _>>().map(Self),
        }
    }
}

impl From<Paths> for Vec<Path> {
    fn from(paths: Paths) -> Self {
        paths.0
    }
}

/// The key under which a lead of a hook is known: `hook:<id>:<the producer's id>`. What is long or unusual is hashed.
#[must_use]
pub fn key_of(hook: &str, id: &str) -> String {
    let plain = (1..=100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:#".contains(&b));
    let plain = plain && !id.contains(":idem:");
    if plain { format!("hook:{hook}:{id}") } else { format!("hook:{hook}:{}", blake3::hash(id.as_bytes()).to_hex()) }
}

/// The key of a fetched lead, by whichever way it was fetched.
#[must_use]
pub fn fetched_key(hook: &str, id: &str) -> String {
    key_of(hook, &format!("lead:{id}"))
}
