//! The prospects of the ADF documents of a mail, wherever they stand in it.

use std::collections::{BTreeSet, HashMap, HashSet};

use aho_corasick::AhoCorasick;
use mail_parser::{Message, MessagePart, PartType};

use super::{MOST, PARTS, Pieces, TEXT, has_document, header, mails, rest};
use crate::domain::reading::mail::{is_document, quotes_document, unescape};
use crate::domain::reading::{ReadLimits, adf, body, html, mime};
use crate::domain::submission::{Canonical, Field};

/// Prospects that one is compared with to know it again.
const COMPARED: usize = 20;

/// The prospects of all documents; `None` when there are not several.
pub(super) fn apart(raw: &[u8], message: &Message<'_>, is_answer: bool) -> Option<Pieces> {
    let found = Found::read(message, is_answer)?;
    if found.prospects.len() < 2 {
        return None;
    }
    let header = header(raw, message);
    let ends = ("<?adf version=\"1.0\"?>\n<adf>\n", "\n</prospect>\n</adf>\n");
    let texts = found.prospects.iter().map(|prospect| prospect.trim_end());
    let leads = mails(&header, "text/plain", texts, ends)?;
    Some(Pieces { leads, rest: rest(raw, message, header, (&found.parts, &found.words)) })
}

/// The prospects of a mail and where they stood.
#[derive(Default)]
struct Found {
    /// Each as it stands in the mail.
    prospects: Vec<String>,
    /// What those of the parts before say, to know them again.
    told: Vec<Told>,
    /// Those of [`Self::told`] that can be reached in that way.
    by_reach: HashMap<String, Vec<usize>>,
    /// How those of the parts before are reached, and under which id they are known.
    reached: HashSet<String>,
    /// Parts that hold nothing else.
    parts: Vec<usize>,
    /// Words beside them.
    words: String,
    /// Words of everything that was taken.
    seen: HashSet<String>,
}

impl Found {
    /// `None` when there are more than are taken apart.
    fn read(message: &Message<'_>, is_answer: bool) -> Option<Self> {
        let limits = ReadLimits { text_bytes: TEXT, ..ReadLimits::default() };
        let mut found = Self::default();
        // Laying out markup is dear, and few mails hold the tag.
        let texts: Vec<Option<String>> =
            message.parts.iter().take(PARTS).map(|part| part_text(message, part)).collect();
        if !texts.iter().flatten().any(|text| has_document(text)) {
            return None;
        }
        let text = body::read(message, &limits);
        if is_answer && quotes_document(message, &text) {
            return None;
        }
        // Tags in the laid out text of a document in markup are what a visitor typed.
        let in_markup = text.from_html
            && message.parts.iter().any(|part| matches!(&part.body, PartType::Html(own) if adf::is_open_in(own)));
        let text = text.text;
        let of_body: Vec<usize> = [&message.text_body, &message.html_body]
            .into_iter()
            .flatten()
            .filter_map(|&id| usize::try_from(id).ok())
            .collect();
        let in_text = !in_markup && found.take(&text, false)?;
        if in_text {
            found.keep(&text, &adf::beside(&text));
        }
        for (index, own) in texts.iter().enumerate() {
            let is_body = of_body.contains(&index);
            let Some(own) = own.as_deref() else { continue };
            // Of the text one rendering is read; the others mostly say the same, in tags or as a table.
            let same = is_body && in_text;
            let holds = found.take(own, same)? || same && found.names(own);
            if !holds {
                continue;
            }
            found.parts.push(index);
            let laid_out = message.parts.get(index).is_some_and(|part| matches!(part.body, PartType::Html(_)));
            let words = adf::beside(own);
            found.keep(own, &if laid_out { html::to_text(&words) } else { words });
        }
        Some(found)
    }

    /// Keeps the lines of `beside` that hold a word which nothing taken before holds; `text` is taken.
    fn keep(&mut self, text: &str, beside: &str) {
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
        };
        let first = self.seen.is_empty();
        for line in beside.lines() {
            if first || words(line).iter().any(|word| !self.seen.contains(word)) {
                self.words.push_str(line);
                self.words.push('\n');
            }
        }
        self.words.truncate(self.words.trim_end().len());
        if !self.words.is_empty() {
            self.words.push('\n');
        }
        self.seen.extend(words(text));
    }

    /// Whether an address or a number of one of them stands in `text`.
    fn names(&self, text: &str) -> bool {
        let values = self.reached.iter().filter(|value| value.len() >= 5);
        let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(values);
        finder.is_ok_and(|finder| finder.is_match(text))
    }

    /// Takes the prospects of a text; whether there are any. `same`: it is another rendering of one that was taken, so
    /// that only whoever can be reached and was not there is somebody else.
    fn take(&mut self, text: &str, same: bool) -> Option<bool> {
        let all = adf::prospects(text, MOST.saturating_add(1));
        if all.is_empty() {
            return Some(false);
        }
        if text.len() >= TEXT || all.len() > MOST {
            return None;
        }
        let (mut here, mut told, mut reached) = (HashSet::new(), Vec::new(), Vec::new());
        for one in all {
            let fields = adf::fields(one);
            let reach: Vec<String> = fields.iter().filter(|field| is_reach(field)).map(|f| f.value.clone()).collect();
            let says = adf::says(&fields);
            let known = if same {
                reach.is_empty() || reach.iter().any(|value| self.reached.contains(value))
            } else {
                self.knows(&says, &reach, one)
            };
            // In one text the same prospect is one that stands there twice, letter by letter but for its own tag.
            let inside = one.split_once('>').map_or(one, |(_, inside)| inside);
            if here.insert(inside.split_whitespace().collect::<String>()) && !known {
                told.push((Told { says, at: self.prospects.len() }, reach.clone()));
                self.prospects.push(one.to_owned());
            }
            reached.extend(reach);
        }
        for (one, reach) in told {
            for value in if reach.is_empty() { vec![String::new()] } else { reach } {
                self.by_reach.entry(value).or_default().push(self.told.len());
            }
            self.told.push(one);
        }
        self.reached.extend(reached);
        (self.prospects.len() <= MOST).then_some(true)
    }

    /// Whether a part before holds the same prospect: reached in the same way, and one of the two says all that the other
    /// says. The one that says more is kept.
    fn knows(&mut self, says: &BTreeSet<String>, reach: &[String], text: &str) -> bool {
        let nobody = [String::new()];
        let ways = if reach.is_empty() { &nobody } else { reach };
        let same = ways.iter().filter_map(|way| self.by_reach.get(way)).flatten().take(COMPARED);
        let same: Vec<usize> = same.copied().collect();
        for at in same {
            let Some(known) = self.told.get_mut(at) else { continue };
            if known.says.is_superset(says) {
                return true;
            }
            if says.is_superset(&known.says) {
                known.says.clone_from(says);
                if let Some(kept) = self.prospects.get_mut(known.at) {
                    text.clone_into(kept);
                }
                return true;
            }
        }
        false
    }
}

/// What a prospect says.
struct Told {
    says: BTreeSet<String>,
    /// Which of the prospects it is.
    at: usize,
}

/// An address, a number, the id of the request.
fn is_reach(field: &Field) -> bool {
    matches!(field.canonical, Some(Canonical::Email | Canonical::Phone | Canonical::Mobile))
        || field.name == adf::REQUEST_ID
}

/// Text of a part that may hold a document.
pub(super) fn part_text(message: &Message<'_>, part: &MessagePart<'_>) -> Option<String> {
    match &part.body {
        PartType::Html(markup) => Some(unescape(body::cut(markup, TEXT))),
        PartType::Text(_) => Some(body::cut(&mime::part_text(message, part).text, TEXT).to_owned()),
        PartType::Binary(bytes) if is_document(part) => {
            Some(body::cut(&adf::decoded(bytes.get(..TEXT).unwrap_or(bytes)), TEXT).to_owned())
        }
        _ => None,
    }
}
