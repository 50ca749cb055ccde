//! Another content under a key that its sender chose before: a page edited and sent again, a script that uses a key twice.
//!
//! Such an arrival is no repeat and is never swallowed. It becomes a submission of its own in the very transaction that
//! finds its key taken: linked to the first by [`FOLLOWS`], under a key that only what it says has, so that the same
//! edit again is a repeat of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{HELD, InitialState, NewArrival};
use crate::domain::envelope::{ArrivalContext, ArrivalKey, Envelope, FOLLOWS, HELD_KEY};

/// A key of the content that ends sooner is none.
const MOMENT: Duration = Duration::from_millis(100);

/// Whether a key was chosen by its sender (`form:contact:idem:..`), as opposed to one made of the content.
#[must_use]
pub(in crate::store) fn is_chosen(key: &str) -> bool {
    key.contains(":idem:")
}

/// What an arrival says, for telling a repeat from another content: the key of its content where a door made one, else
/// its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Content {
    key: Option<String>,
    digest: String,
}

impl Content {
    /// Of an arrival.
    #[must_use]
    pub fn of(envelope: &Envelope) -> Self {
        Self::from_parts(&envelope.context, envelope.digest.to_string())
    }

    /// Of what has this key of its content.
    #[must_use]
    pub fn named(key: &ArrivalKey) -> Self {
        Self { key: Some(key.value.clone()), digest: String::new() }
    }

    pub(in crate::store) fn from_parts(context: &ArrivalContext, digest: String) -> Self {
        Self { key: context.content_key.as_ref().map(|k| k.value.clone()), digest }
    }

    /// Whether both say the same.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        match (&self.key, &other.key) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => self.digest == other.digest,
        }
    }
}

/// The key of this content under a chosen key that names another one. It never ends, as chosen keys do not.
#[must_use]
pub fn edited_key(chosen: &str, content: &Content) -> ArrivalKey {
    let hash = blake3::hash(content.key.as_ref().unwrap_or(&content.digest).as_bytes()).to_hex();
    let mark: String = hash.chars().take(32).collect();
    ArrivalKey { value: format!("{chosen}:{mark}"), expires_at: None }
}

/// What becomes of an arrival whose chosen key names another content.
#[derive(Debug, Clone)]
pub struct Edited {
    said: Content,
    keys: Vec<ArrivalKey>,
    initial: InitialState,
    extra: BTreeMap<String, String>,
}

impl Edited {
    /// Of an arrival with a chosen key; `None` without one. It then starts as `initial`, and lists show `extra` of it.
    #[must_use]
    pub fn of(envelope: &Envelope, initial: InitialState, mut extra: BTreeMap<String, String>) -> Option<Self> {
        let chosen = chosen(envelope).next()?;
        let said = Content::of(envelope);
        let own = edited_key(&chosen.value, &said);
        let mut keys = vec![own.clone()];
        // Where repeats are not recognised the key of the content runs out at once: it joins nobody.
        let lasting = |key: &&ArrivalKey| key.expires_at.is_none_or(|end| end > envelope.received_at.after(MOMENT));
        keys.extend(envelope.context.content_key.as_ref().filter(lasting).cloned());
        if initial != InitialState::Received {
            let held = |key: &ArrivalKey| ArrivalKey { value: format!("{HELD}{}", key.value), ..key.clone() };
            keys.extend(keys.iter().map(held).collect::<Vec<_>>());
            extra.insert(HELD_KEY.to_owned(), own.value);
        }
        Some(Self { said, keys, initial, extra })
    }

    /// Of one that was answered as a repeat of what said `first`: it stays with that one, whatever becomes of it.
    pub(in crate::store) fn with_first(arrival: &NewArrival, first: Content) -> Option<Self> {
        let own = edited_key(&chosen(&arrival.envelope).next()?.value, &first);
        let twin = ArrivalKey { value: format!("{HELD}{}", own.value), expires_at: None };
        let is_held = arrival.initial != InitialState::Received;
        let keys = [own].into_iter().chain(is_held.then_some(twin)).collect();
        Some(Self { said: first, keys, initial: arrival.initial.clone(), extra: BTreeMap::new() })
    }
}

/// The key that its sender chose, and by which what is held under it knows its like.
pub(in crate::store) fn chosen(envelope: &Envelope) -> impl Iterator<Item = &ArrivalKey> {
    envelope.keys.iter().filter(|key| is_chosen(&key.value))
}

impl NewArrival {
    /// As it is to be written when its chosen key belongs to `holder`, which said `theirs`; `None` when it says the same
    /// or does not mind.
    pub(in crate::store) fn edited_after(&self, holder: Ulid, theirs: &Content) -> Option<Self> {
        let edited = self.edited.as_ref().filter(|edited| !edited.said.same_as(theirs))?;
        let mut envelope = self.envelope.clone();
        envelope.keys.clone_from(&edited.keys);
        let extra = &mut envelope.context.extra;
        extra.remove(HELD_KEY);
        extra.extend(edited.extra.clone());
        extra.insert(FOLLOWS.to_owned(), holder.to_string());
        Some(Self { envelope, initial: edited.initial.clone(), edited: None })
    }
}
