//! Runs of digits in a line that may be numbers: where they begin and end, and how their digits are grouped.

/// Runs looked at in one line.
const RUNS: usize = 12;
/// Fewest digits of a number.
const FEWEST: usize = 6;
/// Most digits: the fifteen of E.164, with `00` and a trunk zero.
const MOST: usize = 18;
/// Marks between two digits of one number.
const MARKS: usize = 4;

/// One run, by bytes of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) text: &'a str,
}

impl<'a> Run<'a> {
    fn of(line: &'a str, start: usize, end: usize) -> Option<Self> {
        let text = line.get(start..end)?;
        // A bracket around all of it is not its own.
        let start = if text.starts_with('(') && !text.contains(')') { start + 1 } else { start };
        Some(Self { start, end, text: line.get(start..end)? })
    }

    /// With `+`, or the `00` that is dialled for it, where the digits are grouped.
    pub(super) fn is_international(&self) -> bool {
        self.text.starts_with('+') || self.text.starts_with("00") && self.groups().len() > 1
    }

    /// How many digits stand together.
    pub(super) fn groups(&self) -> Vec<usize> {
        let groups = self.text.split(|c: char| !c.is_ascii_digit()).map(str::len);
        groups.filter(|length| *length > 0).collect()
    }

    pub(super) fn digits(&self) -> String {
        self.text.chars().filter(char::is_ascii_digit).collect()
    }

    /// `12.05.2025`, `2025-05-12`.
    pub(super) fn is_date(&self) -> bool {
        let numbers = || self.text.split(['.', '-', '/', ' ']).filter(|part| !part.is_empty());
        let values: Vec<u32> = numbers().filter_map(|part| part.parse().ok()).collect();
        let lengths: Vec<usize> = numbers().map(str::len).collect();
        let [first, middle, last] = values[..] else { return false };
        let year = |value: u32| (1900..=2100).contains(&value);
        let small = |value: u32| (1..=31).contains(&value);
        match lengths[..] {
            [1 | 2, 1 | 2, 4] => small(first) && small(middle) && year(last),
            [4, 1 | 2, 1 | 2] => year(first) && small(middle) && small(last),
            _ => false,
        }
    }

    /// The run, and what it may hold where it is more than one number: by the marks that divide numbers, and without
    /// its last groups (`777 123 456 9-17 h`).
    pub(super) fn readings(&self) -> Vec<Vec<Self>> {
        let mut all = Vec::new();
        if self.is_long_enough() {
            all.push(vec![*self]);
        }
        for divider in [" / ", "  ", " - ", " – ", "/"] {
            let parts = self.divided(divider);
            if parts.len() > 1 && parts.iter().any(Self::is_long_enough) {
                all.push(parts.into_iter().filter(Self::is_long_enough).collect());
            }
        }
        let ends = self.text.char_indices().rev().filter(|(_, c)| *c == ' ').take(3);
        all.extend(
            ends.filter_map(|(at, _)| Some(vec![self.part(0, at)?]))
                .filter(|part| part.iter().all(Self::is_long_enough)),
        );
        all
    }

    fn is_long_enough(&self) -> bool {
        (FEWEST..=MOST).contains(&self.text.bytes().filter(u8::is_ascii_digit).count())
    }

    fn part(&self, from: usize, to: usize) -> Option<Self> {
        let text = self.text.get(from..to)?;
        let front = text.len() - text.trim_start_matches(|c: char| !is_front(c)).len();
        let back = text.trim_end_matches(|c: char| !c.is_ascii_digit()).len();
        Some(Self { start: self.start + from + front, end: self.start + from + back, text: text.get(front..back)? })
    }

    fn divided(&self, divider: &str) -> Vec<Self> {
        let mut from = 0;
        let parts = self.text.split(divider).map(|part| {
            let to = from + part.len();
            let found = self.part(from, to);
            from = to + divider.len();
            found
        });
        parts.flatten().collect()
    }
}

fn is_front(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '+' | '(')
}

fn is_mark(c: char) -> bool {
    matches!(c, ' ' | '.' | '-' | '/' | '(' | ')' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{2010}'..='\u{2013}')
}

/// The runs of a line with ASCII digits, in order, that are long enough and no part of a word, an address or an amount.
pub(super) fn runs(line: &str) -> Vec<Run<'_>> {
    let chars: Vec<(usize, char)> = line.char_indices().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() && found.len() < RUNS {
        if !begins(&chars, at) {
            at += 1;
            continue;
        }
        let last = last_digit(&chars, at);
        let end = chars.get(last).map_or(line.len(), |(byte, c)| byte + c.len_utf8());
        let start = chars.get(at).map_or(0, |(byte, _)| *byte);
        let run = Run::of(line, start, end).filter(|run| run.text.bytes().filter(u8::is_ascii_digit).count() >= FEWEST);
        if let Some(run) = run.filter(|_| !is_glued(&chars, at, last)) {
            found.push(run);
        }
        at = last + 1;
    }
    found
}

fn char_at(chars: &[(usize, char)], at: usize) -> Option<char> {
    chars.get(at).map(|(_, c)| *c)
}

fn begins(chars: &[(usize, char)], at: usize) -> bool {
    let next = |step: usize| char_at(chars, at + step);
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    match char_at(chars, at) {
        Some('+') => digit(next(1)) || next(1) == Some('(') && digit(next(2)),
        Some('(') => digit(next(1)) || next(1) == Some('+') && digit(next(2)),
        Some(c) => c.is_ascii_digit(),
        None => false,
    }
}

/// The place of the last digit of the run that begins at `at`.
fn last_digit(chars: &[(usize, char)], at: usize) -> usize {
    let (mut last, mut here, mut digits) =
        (at, at + 1, usize::from(char_at(chars, at).is_some_and(|c| c.is_ascii_digit())));
    while let Some(c) = char_at(chars, here) {
        if c.is_ascii_digit() {
            (last, digits) = (here, digits + 1);
        } else if c == '+' && digits == 0 {
            last = here;
        } else if !is_mark(c) || here - last > MARKS || ends_number(chars, here, digits) {
            break;
        }
        here += 1;
    }
    last
}

/// A bracket behind more digits than a country code and `0` have opens another number; a full stop before a blank ends
/// a sentence.
fn ends_number(chars: &[(usize, char)], here: usize, digits: usize) -> bool {
    match char_at(chars, here) {
        Some('(') => digits > 4,
        Some('.') => digits > 2 && char_at(chars, here + 1).is_some_and(char::is_whitespace),
        _ => false,
    }
}

/// Part of a word, of a web or mail address, of an amount with a comma.
fn is_glued(chars: &[(usize, char)], first: usize, last: usize) -> bool {
    let before = |back: usize| first.checked_sub(back).and_then(|at| char_at(chars, at));
    let behind = |step: usize| char_at(chars, last + step);
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let word_behind = match behind(1) {
        // `0143x12` is an extension.
        Some('x' | 'X') => !behind(2).is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_alphanumeric() || matches!(c, '_' | '@' | '%' | '€' | '$' | '£' | '='),
        None => false,
    };
    let amount_behind = behind(1) == Some(',') && {
        let decimals = (2..6).map_while(behind).take_while(char::is_ascii_digit).count();
        (1..=3).contains(&decimals)
    };
    let host_behind = behind(1) == Some('.') && behind(2).is_some_and(char::is_alphabetic);
    if char_at(chars, first) == Some('+') {
        return word_behind || amount_behind;
    }
    let tied = match before(1) {
        Some('-' | '/' | '=' | '&' | '?' | '_' | '#' | '@' | '€' | '$' | '£') => {
            letter(before(2)) || before(1) != Some('-') && before(1) != Some('/')
        }
        Some('.' | ',') => before(2).is_some_and(|c| c.is_ascii_digit()) && !ends_long(chars, first),
        other => letter(other) || other == Some('+'),
    };
    tied || word_behind || amount_behind || host_behind
}

/// Before the mark stands a number as long as a telephone's: the mark divides two.
fn ends_long(chars: &[(usize, char)], first: usize) -> bool {
    let back = (2..40).map_while(|back| first.checked_sub(back).and_then(|at| char_at(chars, at)));
    back.take_while(|c| c.is_ascii_digit() || is_mark(*c)).filter(char::is_ascii_digit).count() >= FEWEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_a_line_are_divided_where_numbers_end() {
        for (line, expected) in [
            ("tel: 00420 777 123 456, fax 541 123 457", &["00420 777 123 456", "541 123 457"][..]),
            ("+420777123456,+420608111222", &["+420777123456", "+420608111222"]),
            ("Tel.: +49 (0) 89 / 123 456 - 0, Mobil +49 171 1234567", &["+49 (0) 89 / 123 456 - 0", "+49 171 1234567"]),
            ("777 123 456 (608 111 222)", &["777 123 456", "608 111 222"]),
            ("(217) 555-0143 office", &["(217) 555-0143"]),
            ("call 202-555-0143x12", &["202-555-0143"]),
            ("0475 12 34 56, BTW BE0417497106", &["0475 12 34 56"]),
            ("until 123456. 20 pieces", &["123456"]),
            ("www.shop.example/123456789 id=123456789 V-123456 1234567,50 a123456@b.cz 123456.example", &[]),
        ] {
            assert_eq!(runs(line).iter().map(|run| run.text).collect::<Vec<_>>(), expected, "{line}");
        }
    }

    #[test]
    fn dates_are_told_apart() {
        for (text, date) in
            [("12.05.2025", true), ("2025-05-12", true), ("02 40 12 34 56", false), ("40.12.2025", false)]
        {
            assert_eq!(runs(text)[0].is_date(), date, "{text}");
        }
    }
}
