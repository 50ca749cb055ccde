//! One adapter file -> [`Adapter`], or where it is wrong.
//!
//! Invariant: an adapter that could believe anybody, or whose paths cannot work, is refused with file and line.

use serde::Deserialize;

use super::fetch::Fetch;
use super::handshake::Handshake;
use super::mapping::Mapping;
use super::path::Path;
use super::verify::{Algorithm, Verifier};

/// What a producer's requests look like.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// Name of its file, without ending.
    #[serde(skip)]
    pub name: String,
    /// What people call the producer.
    pub title: String,
    /// Its shape is certain. Otherwise a hook starts only with `allow_unverified = true`.
    #[serde(default)]
    pub verified: bool,
    /// What is to be known before it is used.
    #[serde(default)]
    pub note: String,
    /// The body is a mail message (RFC 5322), not a document.
    #[serde(default)]
    pub mail: bool,
    /// Fields of a form body whose text is JSON.
    #[serde(default)]
    pub json: Vec<String>,
    /// Ways of proof; the first that the request carries counts.
    #[serde(rename = "verify")]
    pub verifiers: Vec<Verifier>,
    /// Proof of ownership by GET.
    #[serde(default)]
    pub handshake: Option<Handshake>,
    /// What is answered.
    #[serde(default)]
    pub reply: Reply,
    /// How requests are understood.
    #[serde(default)]
    pub request: Mapping,
    /// How fetched leads are understood.
    #[serde(default)]
    pub lead: Option<Mapping>,
    /// How leads are fetched that requests only announce.
    #[serde(default)]
    pub fetch: Option<Fetch>,
}

/// What is answered when a request is journalled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// 200 to 204.
    pub status: u16,
    /// Content type of the body.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Default for Reply {
    fn default() -> Self {
        Self { status: 200, content_type: "application/json".to_owned(), body: "{\"ok\":true}".to_owned() }
    }
}

/// What is wrong with an adapter file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct Fault {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Adapter {
    /// Reads an adapter file.
    ///
    /// # Errors
    /// The first thing wrong with it, with its place.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Self, Fault> {
        let fault = |line: usize, message: String| Fault { file: file.to_owned(), line, message };
        let read: Result<Self, toml::de::Error> = toml::from_str(text);
        let mut adapter = read.map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            fault(line_of(text, at), error.message().lines().next().unwrap_or_default().to_owned())
        })?;
        name.clone_into(&mut adapter.name);
        adapter.check().map_err(|(key, message)| fault(line_of_key(text, key), message))?;
        Ok(adapter)
    }

    /// What the parts say to each other; the key is where to look in the file.
    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.verifiers.is_empty() {
            return Err(("title", "add a [[verify]]: a hook that believes everybody is not possible".to_owned()));
        }
        for verifier in &self.verifiers {
            verifier.check().map_err(|message| ("[[verify]]", message))?;
        }
        if !matches!(self.reply.status, 200..=204) {
            return Err(("status", "reply.status: 200 to 204".to_owned()));
        }
        if http_unsafe(&self.reply.content_type) {
            return Err(("content_type", "reply.content_type: no content type".to_owned()));
        }
        if self.fetch.is_some() != self.lead.is_some() {
            return Err(("title", "[fetch] and [lead] belong together".to_owned()));
        }
        if self.fetch.is_some() && self.request.id.is_empty() {
            return Err(("[request]", "request.id: what is to be fetched needs an id".to_owned()));
        }
        let leads = self.request.leads.iter().chain(self.lead.iter().filter_map(|lead| lead.leads.as_ref()));
        if leads.into_iter().any(|path| !path.is_plain()) {
            return Err(("leads", "leads: only names and [] are possible here, such as entry[].changes[]".to_owned()));
        }
        self.words()?;
        self.fetch.as_ref().map_or(Ok(()), Fetch::check).map_err(|message| ("[fetch]", message))
    }

    /// Every canonical name that a table gives must exist.
    fn words(&self) -> Result<(), (&'static str, String)> {
        for mapping in std::iter::once(&self.request).chain(&self.lead) {
            let answers =
                mapping.answers.iter().flat_map(|a| [("kinds", &a.kinds), ("names", &a.names), ("parts", &a.parts)]);
            let members =
                mapping.members.iter().flat_map(|m| [("kinds", &m.kinds), ("names", &m.names), ("parts", &m.parts)]);
            for (key, table) in answers.chain(members) {
                for (name, word) in table {
                    let known = key == "parts" && matches!(word.as_str(), "" | "-")
                        || crate::domain::reading::field_names::parse_canonical(word).is_some();
                    if !known {
                        return Err((
                            key,
                            format!(
                                "{key}.{name}: \"{word}\" is no field; write one such as full_name, email, company"
                            ),
                        ));
                    }
                }
            }
            if mapping.answers.iter().any(|a| a.path == Path::default() || a.value.is_empty()) {
                return Err(("answers", "answers need a path and a value".to_owned()));
            }
        }
        Ok(())
    }

    /// Whether any proof is an HMAC or token of a secret, so that one must be configured: always, unless it is a public key.
    #[must_use]
    pub fn takes_public_key(&self) -> bool {
        self.verifiers.iter().any(|v| v.algorithm == Algorithm::Ed25519)
    }
}

fn http_unsafe(text: &str) -> bool {
    text.is_empty() || !text.bytes().all(|b| (0x20..0x7f).contains(&b))
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

/// The first line that begins with `key`, else the first.
fn line_of_key(text: &str, key: &str) -> usize {
    text.lines().position(|line| line.trim_start().starts_with(key) || line.contains(&format!(".{key}]"))).unwrap_or(0)
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "title = \"X\"\nverified = true\n[[verify]]\nkind = \"token\"\nheader = \"X-Token\"\n";

    #[test]
    fn every_mistake_names_file_line_and_remedy() {
        let line = GOOD.lines().count() + 1;
        for (added, at, said) in [
            ("[request]\nid = \"a..b\"\n", line + 1, "character 3"),
            ("[request]\nwhatever = 1\n", line + 1, "unknown field"),
            ("[request]\nleads = \"a[b=c]\"\n", line + 1, "only names and []"),
            (
                "[[request.answers]]\npath = \"a[]\"\nvalue = \"v\"\n[request.answers.kinds]\nX = \"owner_id\"\n",
                line + 3,
                "no field",
            ),
            ("[[request.answers]]\npath = \"a[]\"\n", line, "path and a value"),
            ("[lead]\n", 1, "belong together"),
            ("[reply]\nstatus = 500\n", line + 1, "200 to 204"),
            ("[handshake]\nkind = \"sing\"\n", line + 1, "sing"),
        ] {
            let fault = Adapter::parse("x", "adapters/x.toml", &format!("{GOOD}{added}")).unwrap_err();
            assert_eq!((fault.file.as_str(), fault.line), ("adapters/x.toml", at), "{added}: {fault}");
            assert!(fault.message.contains(said), "{added}: {fault}");
        }
        let fault = Adapter::parse("x", "x.toml", "title = \"X\"\nverify = []\n").unwrap_err();
        assert!(fault.to_string().starts_with("x.toml:1: add a [[verify]]"), "{fault}");
        assert!(Adapter::parse("x", "x.toml", "title = ").unwrap_err().to_string().starts_with("x.toml:1: "));
        assert!(Adapter::parse("x", "x.toml", GOOD).unwrap().verified);
    }
}
