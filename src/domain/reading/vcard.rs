//! vCard 2.1 (versit), 3.0 (RFC 2426) and 4.0 (RFC 6350) -> fields. Photos, keys and calendars are left out.

use encoding_rs::Encoding;

use super::budget;
use crate::domain::submission::{Canonical, Field};

/// One card of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The line it begins on.
    pub line: u64,
    /// What it says, or why it cannot be read.
    pub fields: Result<Vec<Field>, String>,
}

/// One `NAME;PARAM=VALUE:content` line, unfolded.
pub(super) struct Line<'t> {
    /// Upper case, without its group.
    pub(super) name: String,
    params: Vec<(String, String)>,
    content: &'t str,
}

/// Reads every card of `text`. Broken cards are entries that say why.
#[must_use]
pub fn read(text: &str) -> Vec<Card> {
    let mut cards = Cards::default();
    let mut entries: Vec<Card> = Vec::new();
    for raw in text.lines() {
        if !budget::pay(4 * raw.len() + 1) {
            break;
        }
        entries.extend(cards.line(raw));
    }
    entries.extend(cards.end());
    entries
}

/// Reads cards line by line: what is held is one card and one line of it.
#[derive(Debug, Default)]
pub struct Cards {
    unfolding: Unfolding,
    card: Option<(u64, Vec<Field>)>,
}

impl Cards {
    /// Takes the next line of the text, without its end; the card that it ended, if any.
    pub fn line(&mut self, raw: &str) -> Option<Card> {
        let (number, line) = self.unfolding.line(raw)?;
        self.unfolded(number, &line)
    }

    /// The text is over: what is left.
    #[must_use]
    pub fn end(mut self) -> Vec<Card> {
        let last = self.unfolding.last.take().and_then(|(number, line)| self.unfolded(number, &line));
        last.into_iter().chain(self.card.take().map(|(start, _)| unended(start))).collect()
    }

    fn unfolded(&mut self, number: u64, line: &str) -> Option<Card> {
        match line.trim().to_ascii_uppercase().as_str() {
            "BEGIN:VCARD" => self.card.replace((number, Vec::new())).map(|(start, _)| unended(start)),
            "END:VCARD" => self.card.take().map(|(start, fields)| Card { line: start, fields: Ok(fields) }),
            _ => {
                if let (Some((_, fields)), Some(line)) = (&mut self.card, Line::parse(line)) {
                    property(&line, fields);
                }
                None
            }
        }
    }
}

fn unended(line: u64) -> Card {
    Card { line, fields: Err("the card has no END:VCARD".to_owned()) }
}

/// Joins folded lines (RFC 6350 3.2) and quoted-printable soft breaks.
#[derive(Debug, Default)]
struct Unfolding {
    seen: u64,
    last: Option<(u64, String)>,
    soft: bool,
}

impl Unfolding {
    /// Takes the next line; the one before it, with the number of its first line, once it is known to be whole.
    fn line(&mut self, raw: &str) -> Option<(u64, String)> {
        let raw = raw.trim_end_matches('\r');
        self.seen = self.seen.saturating_add(1);
        let whole = match &mut self.last {
            Some((_, last)) if self.soft => {
                last.pop();
                last.push_str(raw.trim_start());
                None
            }
            Some((_, last)) if raw.starts_with([' ', '\t']) => {
                last.push_str(raw.get(1..).unwrap_or_default());
                None
            }
            last => last.replace((self.seen, raw.to_owned())),
        };
        self.soft = self.last.as_ref().is_some_and(|(_, l)| l.ends_with('=') && is_quoted_printable(l));
        whole
    }
}

/// The unfolded lines of `text`, each with the number of its first line.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (u64, String)> {
    let mut unfolding = Unfolding::default();
    let mut lines: Vec<(u64, String)> = Vec::new();
    for raw in text.lines() {
        if !budget::pay(4 * raw.len() + 1) {
            break;
        }
        lines.extend(unfolding.line(raw));
    }
    lines.extend(unfolding.last);
    lines.into_iter()
}

/// Its parameters say so; looked for at the start only, because a line may be very long.
fn is_quoted_printable(line: &str) -> bool {
    let start = super::body::cut(line, 500).split(':').next().unwrap_or_default();
    start.to_ascii_uppercase().contains("QUOTED-PRINTABLE")
}

impl<'t> Line<'t> {
    /// Takes a line apart; `None` for one without a colon.
    pub(super) fn parse(line: &'t str) -> Option<Self> {
        let mut quoted = false;
        let colon = line.char_indices().find(|(_, c)| {
            quoted ^= *c == '"';
            *c == ':' && !quoted
        })?;
        let (head, content) = (line.get(..colon.0)?, line.get(colon.0 + 1..)?);
        let mut parts = head.split(';');
        // `item1.EMAIL`: the group only ties lines together.
        let name = parts.next()?.rsplit('.').next()?.trim().to_ascii_uppercase();
        let params = parts
            .flat_map(|p| match p.split_once('=') {
                Some((k, v)) => {
                    v.split(',').map(|v| (k.to_ascii_uppercase(), v.trim_matches('"').to_ascii_uppercase())).collect()
                }
                // vCard 2.1 writes the value alone: TEL;CELL;VOICE:
                None => vec![("TYPE".to_owned(), p.to_ascii_uppercase())],
            })
            .collect();
        Some(Self { name, params, content })
    }

    /// A parameter, in upper case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, value: &str) -> bool {
        self.params.iter().any(|(_, v)| v == value)
    }

    /// Content with its transfer encoding undone; escapes stay.
    fn decoded(&self) -> String {
        if !self.has("QUOTED-PRINTABLE") {
            return self.content.to_owned();
        }
        let bytes = quoted_printable(self.content);
        let charset =
            self.params.iter().find(|(k, _)| k == "CHARSET").and_then(|(_, v)| Encoding::for_label(v.as_bytes()));
        let (text, _, _) = charset.unwrap_or(encoding_rs::UTF_8).decode(&bytes);
        // Line ends inside are written as escapes are, so that one place undoes them.
        text.replace("\r\n", "\\n").replace('\n', "\\n")
    }

    /// Components split at unescaped `;`, escapes undone, empty ones kept.
    fn components(&self) -> Vec<String> {
        split(&self.decoded(), ';').iter().map(|c| unescape(c)).collect()
    }

    /// Content as it is meant.
    pub(super) fn text(&self) -> String {
        unescape(&self.decoded())
    }
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(b) = bytes.next() {
        if b != b'=' {
            out.push(b);
            continue;
        }
        let rest = bytes.clone();
        let pair: String = bytes.by_ref().take(2).map(char::from).collect();
        if let Ok(value) = u8::from_str_radix(&pair, 16) {
            out.push(value);
        } else {
            // Not an escape: keep what was written.
            out.push(b'=');
            bytes = rest;
        }
    }
    out
}

fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == separator && !escaped {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    parts
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            '\0' => {}
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}

fn property(line: &Line<'_>, fields: &mut Vec<Field>) {
    let mut add = |canonical: Option<Canonical>, value: &str| {
        let value = value.trim();
        if !value.is_empty() {
            fields.push(Field { name: line.name.to_lowercase(), value: value.to_owned(), canonical });
        }
    };
    match line.name.as_str() {
        "FN" => add(Some(Canonical::FullName), &line.text()),
        "N" => {
            let parts = line.components();
            let order = [Canonical::LastName, Canonical::FirstName];
            for (canonical, part) in order.into_iter().zip(&parts) {
                add(Some(canonical), part);
            }
            add(Some(Canonical::Salutation), parts.get(3).map_or("", String::as_str));
        }
        "ORG" => add(Some(Canonical::Company), line.components().first().map_or("", String::as_str)),
        "TITLE" => add(Some(Canonical::JobTitle), &line.text()),
        "EMAIL" => add(Some(Canonical::Email), line.text().trim_start_matches("mailto:")),
        "TEL" => {
            let kind = match () {
                () if line.has("FAX") => Canonical::Fax,
                () if line.has("CELL") => Canonical::Mobile,
                () => Canonical::Phone,
            };
            add(Some(kind), line.text().trim_start_matches("tel:"));
        }
        "ADR" => {
            let parts = line.components();
            let part = |i: usize| parts.get(i).map_or("", String::as_str);
            add(Some(Canonical::Street), part(2));
            add(Some(Canonical::City), part(3));
            add(Some(Canonical::State), part(4));
            add(Some(Canonical::Postcode), part(5));
            add(Some(Canonical::Country), part(6));
        }
        "URL" => add(Some(Canonical::Website), &line.text()),
        "LANG" => add(Some(Canonical::Language), &line.text()),
        "NOTE" => add(Some(Canonical::Message), &line.text()),
        "CATEGORIES" | "NICKNAME" | "ROLE" => add(None, &line.text()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Vec<(Canonical, String)> {
        let entries = read(text);
        assert_eq!(entries.len(), 1);
        let fields = entries[0].fields.clone().unwrap();
        fields.into_iter().filter_map(|f| Some((f.canonical?, f.value))).collect()
    }

    #[test]
    fn version_3_with_folding_groups_and_escapes() {
        let fields = one(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Dupont;Zoé;;Mme;\r\nFN:Zoé Du\r\n pont\r\nORG:Caf\\, Bar;Sales\r\n\
             item1.EMAIL;type=INTERNET:zoe@a.example\r\nTEL;type=CELL:+33 6 12 34 56 78\r\nNOTE:a\\nb\r\nEND:VCARD\r\n",
        );
        assert!(fields.contains(&(Canonical::FullName, "Zoé Dupont".into())));
        assert!(fields.contains(&(Canonical::LastName, "Dupont".into())));
        assert!(fields.contains(&(Canonical::Salutation, "Mme".into())));
        assert!(fields.contains(&(Canonical::Company, "Caf, Bar".into())));
        assert!(fields.contains(&(Canonical::Email, "zoe@a.example".into())));
        assert!(fields.contains(&(Canonical::Mobile, "+33 6 12 34 56 78".into())));
        assert!(fields.contains(&(Canonical::Message, "a\nb".into())));
    }

    #[test]
    fn version_2_1_with_quoted_printable_and_soft_breaks() {
        let fields = one(
            "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Nov=C3=A1k;Ji=\n=C5=99=C3=AD\nTEL;CELL;VOICE:+420601123456\nEND:VCARD\n",
        );
        assert!(fields.contains(&(Canonical::LastName, "Novák".into())));
        assert!(fields.contains(&(Canonical::FirstName, "Jiří".into())));
        assert!(fields.contains(&(Canonical::Mobile, "+420601123456".into())));
    }

    #[test]
    fn version_4_with_uris_and_an_address() {
        let fields = one("BEGIN:VCARD\nVERSION:4.0\nFN:A B\nTEL;VALUE=uri;TYPE=\"voice,home\":tel:+1-555-555-5555\n\
             ADR;TYPE=work:;;1 rue X;Lyon;;69001;France\nEND:VCARD");
        assert!(fields.contains(&(Canonical::Phone, "+1-555-555-5555".into())));
        assert!(fields.contains(&(Canonical::Postcode, "69001".into())));
    }

    #[test]
    fn a_card_cut_off_is_named_with_its_line() {
        let entries = read("BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\nEMAIL:b@b.example\nEND:VCARD\nBEGIN:VCARD\nFN:C\n");
        let lines: Vec<(u64, bool)> = entries.iter().map(|e| (e.line, e.fields.is_ok())).collect();
        assert_eq!(lines, [(1, false), (3, true), (7, false)]);
    }

    #[test]
    fn a_line_that_is_folded_into_another_ends_no_card() {
        let text = "BEGIN:VCARD\nNOTE:a\n END:VCARD\nN;QUOTED-PRINTABLE:b=\nEND:VCARD\nFN:C\nEND:VCARD";
        assert_eq!(
            one(text),
            [
                (Canonical::Message, "aEND:VCARD".to_owned()),
                (Canonical::LastName, "bEND:VCARD".to_owned()),
                (Canonical::FullName, "C".to_owned())
            ]
        );
    }

    #[test]
    fn a_card_is_there_with_the_line_behind_its_end() {
        let mut cards = Cards::default();
        let text = "BEGIN:VCARD\nFN:A\nEND:VCARD\nBEGIN:VCARD\nFN:B\nEND:VCARD";
        let came: Vec<Option<u64>> = text.lines().map(|line| cards.line(line).map(|card| card.line)).collect();
        assert_eq!(came, [None, None, None, Some(1), None, None]);
        assert_eq!(cards.end().iter().map(|card| card.line).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn any_text_is_survived() {
        for text in [
            "",
            ":",
            ";;;:",
            "BEGIN:VCARD\n=\n:=\nN;ENCODING=QUOTED-PRINTABLE:=\n=4\n",
            "BEGIN:VCARD\n\u{e9}:\u{e9}\nEND:VCARD",
        ] {
            assert!(read(text).len() <= 1, "{text:?}");
        }
    }
}
