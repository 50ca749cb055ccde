//! Words that stand where nobody looks for them: in the markup beside a plain part that says nothing, or outside of all
//! parts.
//!
//! Linear: the words of both parts are looked at once.

use std::collections::HashSet;

use mail_parser::{Message, MimeHeaders as _, PartType};

use super::body::cut;
use super::signature_words::is_picture;
use super::{ReadLimits, budget, charset, markup_hidden, mime, text};

/// Words of the longest plain part that may be a stub: longer ones are a text.
const STUB: usize = 200;
/// The same of one whose words the markup has not: `Your program does not show HTML`.
const NOTICE: usize = 40;
/// Words of one that may stand beside other ones.
const FEW: usize = 12;
/// Parts of words, lower case, with which a stub says that the text is elsewhere.
const ELSEWHERE: [&str; 24] = [
    "html",
    "browser",
    "online",
    "webmail",
    "view",
    "display",
    "click",
    "navigat",
    "navegador",
    "affich",
    "visuali",
    "anzeig",
    "darstell",
    "ansicht",
    "ansehen",
    "prohlížeč",
    "zobraz",
    "prehliada",
    "przegląd",
    "wyświetl",
    "браузер",
    "مرورگر",
    "ブラウザ",
    "浏览器",
];
/// Words that the markup has more than a stub, at least.
const MORE: usize = 3;
/// Markup looked at, in bytes.
const MARKUP: usize = 200_000;

/// What the plain text of a mail is beside its markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// The text.
    Text,
    /// Nothing, or a stub: the markup has far more words, and the plain ones are not those of its text, or are a small
    /// part of it.
    Stub,
    /// Words that the markup has not and that speak of no page to be seen: who can tell which are meant.
    Other,
}

/// What the plain text of a mail is.
pub(super) fn plain(message: &Message<'_>, plain: &str, limits: &ReadLimits) -> Plain {
    if plain.trim().is_empty() {
        return Plain::Stub;
    }
    let words = words(plain).take(STUB + 1).collect::<Vec<_>>();
    let Some(part) = message.html_bodies().find(|part| matches!(part.body, PartType::Html(_))) else {
        return Plain::Text;
    };
    if words.len() > STUB {
        return Plain::Text;
    }
    let markup = mime::part_text(message, part).text;
    let markup = cut(&markup, limits.text_bytes.min(MARKUP));
    if !budget::pay(markup.len()) {
        return Plain::Text;
    }
    let said = mail_parser::decoders::html::html_to_text(&markup_hidden::shown(markup)).to_lowercase();
    let mut rest = said.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let all = rest.clone().count();
    let said: Vec<&str> = rest.clone().take(NOTICE).collect();
    let known: HashSet<&str> = rest.clone().collect();
    let told = words.iter().all(|word| rest.any(|other| other == word));
    let foreign = !words.is_empty() && !words.iter().any(|word| said.contains(&word.as_str()));
    let missing = words.iter().filter(|word| !known.contains(word.as_str())).count();
    let count = words.len();
    let far_more = match (told, foreign) {
        (true, _) => all > 4 * count + MORE,
        (false, true) => count <= NOTICE && all > count + count / 2 + MORE,
        (false, false) => count <= NOTICE && all > 2 * count + MORE,
    };
    if far_more {
        let own = 3 * missing >= words.len().max(1) && !is_elsewhere(&words) && !is_picture(plain);
        return if own { Plain::Other } else { Plain::Stub };
    }
    if foreign && all > 1 && count <= FEW { Plain::Other } else { Plain::Text }
}

/// The words say where the text can be seen, and count nothing.
fn is_elsewhere(words: &[String]) -> bool {
    words.iter().any(|word| ELSEWHERE.iter().any(|part| word.contains(part)))
        && !words.iter().any(|word| word.chars().all(char::is_numeric))
}

/// Words in lower case, without addresses of pages: a stub says where the text can be seen.
fn words(plain: &str) -> impl Iterator<Item = String> {
    let spoken = plain.split_whitespace().filter(|word| !word.contains("://"));
    let parts = spoken.flat_map(|word| word.split(|c: char| !c.is_alphanumeric()));
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// What stands in a multipart outside of its parts, where no part says anything: above the first one, or all of it where
/// no boundary parts it.
pub(super) fn outside(message: &Message<'_>, limits: &ReadLimits) -> Option<String> {
    let root = message.parts.first().filter(|root| mime::media_type(root).starts_with("multipart/"))?;
    let range = usize::try_from(root.offset_body).ok()?..;
    let body = message.raw_message.get(range)?;
    let body = charset::decode(body.get(..limits.text_bytes).unwrap_or(body), None).text;
    let boundary = root.content_type().and_then(|ct| ct.attribute("boundary")).filter(|text| !text.is_empty());
    let delimiter = boundary.map(|boundary| format!("--{boundary}"));
    let above = |line: &&str| delimiter.as_deref().is_none_or(|delimiter| !line.starts_with(delimiter));
    let said = body.lines().take_while(above).collect::<Vec<_>>().join("\n");
    let lower = cut(&said, 400).to_lowercase();
    // What every program writes there for readers of another age.
    let notice = delimiter.is_some() && ["mime", "multi-part", "multipart"].iter().any(|word| lower.contains(word));
    let (said, _) = text::clean(&said, limits.text_bytes);
    (!notice && said.contains(char::is_alphanumeric)).then_some(said)
}
