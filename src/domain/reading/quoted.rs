//! The new text of a reply, apart from what it quotes.
//!
//! Losing a word is far worse than keeping a quotation, so this cuts only what is certain:
//! - never on a first message or a forward;
//! - a quotation begins with a head: an attribution ("On .. wrote:"), a header block, "-----Original Message-----", or a
//!   place that the client's markup names; lines marked by `>` are quoted too;
//! - everything behind a head is old, unless its lines are marked: then only they are;
//! - answers written between quotations keep the exchange up to the last answer; a quotation without a head that stands
//!   above its answer is part of the answer;
//! - text that would be nothing but a signature gives the original back.
//!
//! Every line goes to exactly one side, so the reply is a subsequence of the text. Linear: each of the first [`LINES`]
//! lines is looked at with a bounded number of lines below it.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use super::attribution::{self, Certainty};
use super::budget;
use super::forwarded;
use super::header_labels::{Rule, header_line, rule};
use super::signature_words::{is_footer, list_footer};

/// Lines looked at for heads.
const LINES: usize = 5_000;
/// Longest text taken apart, in lines.
const TEXT_LINES: usize = 100_000;
/// Most lines that an attribution is wrapped over.
const WRAPPED: usize = 6;
/// Lines between a place named by markup and its first marked line.
const MARKED_HEAD: usize = 10;
/// Columns from which a line of a program that breaks lines is full.
const FULL: usize = 70;

/// A text in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The new text.
    pub reply: String,
    /// What was cut.
    pub quoted: Option<String>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Empty,
    Quote,
    Text,
}

/// The lines that say that a quotation follows.
#[derive(Debug, Clone, Copy)]
struct Head {
    start: usize,
    /// First line of what it heads.
    body: usize,
    /// Where the quotation ends, when markup says so.
    stop: Option<usize>,
    /// The first filled line of the body carries a mark.
    marked: bool,
}

/// Splits `text`. `is_reply`: the message answers another (In-Reply-To, References or a subject with `Re:`). `markup`:
/// the lines that the client's markup calls quoted.
pub fn split(text: &str, is_reply: bool, markup: Option<&Range<usize>>) -> Split {
    let whole = || Split { reply: text.to_owned(), quoted: None };
    if !is_reply {
        return whole();
    }
    let lines: Vec<&str> = text.split('\n').collect();
    if lines.len() > TEXT_LINES || !budget::pay(text.len()) {
        return whole();
    }
    let page = Page { kinds: kinds(&lines), lines, markup };
    let cuts = page.cuts();
    if cuts.is_empty() {
        return whole();
    }
    let (mut reply, mut quoted) = (Vec::new(), Vec::new());
    let mut next = cuts.iter().peekable();
    for (index, line) in page.lines.iter().enumerate() {
        while next.peek().is_some_and(|cut| cut.end <= index) {
            next.next();
        }
        if next.peek().is_some_and(|cut| cut.contains(&index)) { quoted.push(*line) } else { reply.push(*line) }
    }
    let (reply, quoted) = (reply.join("\n"), quoted.join("\n"));
    // The answers stand inside of what they answer.
    if has_unmarked(&quoted) && answers_inside(&reply) {
        return whole();
    }
    if reply.trim().is_empty() || quoted.trim().is_empty() {
        return whole();
    }
    Split { reply: reply.trim_end().to_owned(), quoted: Some(quoted) }
}

/// Old lines that carry no mark, in which answers can stand unseen: more than the line above them that says who wrote.
fn has_unmarked(quoted: &str) -> bool {
    quoted.lines().filter(|line| !matches!(kind(line), Line::Empty | Line::Quote)).nth(ABOVE).is_some()
}

/// Words for answers, and for where they stand or what tells them apart; lower case.
const ANSWERS: &str = "answer answers reply replies response responses comment comments remarks notes \
    réponse réponses commentaire commentaires remarques antwort antworten anmerkung anmerkungen kommentar kommentare \
    odpověď odpovědi komentář komentáře poznámky odpovede komentáre odpowiedzi komentarze respuesta respuestas comentarios \
    risposte commenti respostas antwoorden opmerkingen svar kommentarer ответы комментарии پاسخ پاسخ‌ها جواب توضیحات";
const INSIDE: &str = "below inline red blue green bold colour color dessous rouge bleu vert gras couleur texte \
    unten rot blau grün fett farbig text níže červeně modře zeleně tučně barevně textu nižšie červenou poniżej czerwono \
    abajo rojo azul texto sotto rosso blu testo abaixo vermelho onder rood blauw nedan rött nedenfor rødt ниже красным \
    زیر پایین قرمز آبی متن";

static ANSWER_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| ANSWERS.split_whitespace().collect());
static INSIDE_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| INSIDE.split_whitespace().collect());

/// Longest line above a quotation, as it is wrapped.
const ABOVE: usize = 3;
/// Longest text that only says where the answers stand, in words.
const SAID: usize = 30;

/// Words between the two.
const BETWEEN: usize = 4;
/// Words of a clause that thanks for answers or speaks of a file; lower case.
const ASIDE: &str = "thanks thank attached attachment file merci joint fichier danke dank anhang datei díky děkuji \
    děkujeme příloze příloha gracias adjunto grazie allegato obrigado obrigada anexo bedankt bijlage dziękuję tack takk \
    tak спасибо ممنون پیوست";
/// Whose answer it is when it is not the writer's; lower case.
const YOURS: &str =
    "your votre vos ton ihre ihrer ihren deine vaši vaše vaší su sus tu vostra sua vossa uw twoją ваш شما";

static ASIDE_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| ASIDE.split_whitespace().collect());
static YOUR_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| YOURS.split_whitespace().collect());

/// "See my answers below in red": a clause of the new text says that the old one holds the answers.
fn answers_inside(reply: &str) -> bool {
    let word = |c: char| c.is_alphabetic() || c == '\u{200c}';
    if reply.split(|c| !word(c)).filter(|one| !one.is_empty()).nth(SAID).is_some() {
        return false;
    }
    reply.split(['.', ',', ';', ':', '!', '?', '\n', '،', '؟']).any(|clause| {
        let words: Vec<String> =
            clause.split(|c| !word(c)).filter(|one| !one.is_empty()).map(str::to_lowercase).collect();
        let places = |known: &HashSet<&str>| -> Vec<usize> {
            words.iter().enumerate().filter(|(_, word)| known.contains(word.as_str())).map(|(at, _)| at).collect()
        };
        let (inside, yours) = (places(&INSIDE_WORDS), places(&YOUR_WORDS));
        let near = |at: &usize| inside.iter().any(|other| (1..=BETWEEN).contains(&other.abs_diff(*at)));
        // "Your quick answer", and in Persian behind it.
        let own = |at: &usize| !yours.iter().any(|whose| whose + 2 >= *at && *whose <= at + 1);
        places(&ASIDE_WORDS).is_empty() && places(&ANSWER_WORDS).iter().any(|at| near(at) && own(at))
    })
}

fn kinds(lines: &[&str]) -> Vec<Line> {
    let mut kinds: Vec<Line> = lines.iter().map(|line| kind(line)).collect();
    // Nobody quotes three times at once: these mark an answer in an old message that has no marks.
    let thrice = |(kind, line): (&Line, &&str)| *kind != Line::Quote || line.trim_start().starts_with(">>>");
    if kinds.iter().zip(lines).all(thrice) {
        kinds.iter_mut().filter(|kind| **kind == Line::Quote).for_each(|kind| *kind = Line::Text);
    }
    let mut breaks = false;
    for at in 1..kinds.len() {
        let (Some(before), Some(line)) = (lines.get(at - 1), lines.get(at)) else { break };
        let around = (kinds.get(at - 1), kinds.get(at), kinds.get(at + 1));
        let now = match around {
            (Some(Line::Text), Some(Line::Quote), _) if closes_bracket(before, line) => Line::Text,
            (Some(Line::Quote), Some(Line::Text), Some(Line::Quote)) if runs_over(before, line, breaks) => {
                breaks = true;
                Line::Quote
            }
            _ => continue,
        };
        if let Some(kind) = kinds.get_mut(at) {
            *kind = now;
        }
    }
    kinds
}

fn kind(line: &str) -> Line {
    let start = line.trim_start();
    if start.is_empty() {
        Line::Empty
    } else if start.starts_with('>') && line.len() - start.len() <= 3 && !start.trim_end().ends_with("<<") {
        Line::Quote
    } else {
        Line::Text
    }
}

/// A line was broken inside `<address>`: the `>` at the start of the next line is no mark.
fn closes_bracket(before: &str, line: &str) -> bool {
    let tail = before.rsplit('>').next().unwrap_or_default();
    let open = tail.rsplit_once('<').is_some_and(|(_, inside)| inside.contains('@') || inside.contains("://"));
    open && line.trim_start().strip_prefix('>').is_some_and(|rest| !rest.starts_with([' ', '>']) || rest.contains('<'))
}

/// A quoted line that was too long for a program was broken, and its second half lost the mark: it goes on in small
/// letters where the line above was full and no sentence ended.
fn runs_over(before: &str, line: &str, breaks: bool) -> bool {
    let before = before.trim_end();
    let ended =
        if breaks { before.ends_with(['?', '!', ':']) } else { before.ends_with(['.', '?', '!', ':', ';', '…']) };
    let word = line.split_whitespace().next().unwrap_or_default();
    line.starts_with(char::is_lowercase) && !ended && before.chars().count() + 1 + word.chars().count() >= FULL
}

struct Page<'a> {
    lines: Vec<&'a str>,
    kinds: Vec<Line>,
    markup: Option<&'a Range<usize>>,
}

impl Page<'_> {
    fn is(&self, at: usize, kind: Line) -> bool {
        self.kinds.get(at) == Some(&kind)
    }

    fn first_filled(&self, mut range: Range<usize>) -> Option<usize> {
        range.find(|&at| self.kinds.get(at).is_some_and(|kind| *kind != Line::Empty))
    }

    /// The lines to cut, in order.
    fn cuts(&self) -> Vec<Range<usize>> {
        let (heads, tail) = self.heads();
        let end = tail.as_ref().map_or(self.lines.len(), |tail| tail.start);
        let groups = self.groups(&heads, end);
        let below = groups.last().map_or(0, |(group, _)| group.end);
        let signed = self.signature(below, end);
        let in_head = |at: usize| heads.iter().any(|head| head.start <= at && at < head.body);
        let behind = tail.as_ref().and_then(|tail| self.first_filled(tail.end..self.lines.len()));
        let answers = |at: &usize| {
            self.is(*at, Line::Text) && !in_head(*at) && !self.lines.get(*at).is_some_and(|line| is_footer(line))
        };
        let last = (0..signed).rev().find(answers);
        if last.is_none() && behind.is_none() {
            return Vec::new();
        }
        let single = groups.len() == 1;
        let mut cuts: Vec<Range<usize>> = groups
            .into_iter()
            .filter(|(group, headed)| last.is_none_or(|last| group.start > last) || single && *headed)
            .map(|(group, _)| group)
            .collect();
        cuts.extend(tail);
        cuts
    }

    /// All heads up to the one behind which everything is old, and what that one cuts.
    fn heads(&self) -> (Vec<Head>, Option<Range<usize>>) {
        let block_lines: Vec<_> = self.lines.iter().take(LINES + 100).map(|line| forwarded::unquoted(line)).collect();
        let mut heads: Vec<Head> = Vec::new();
        let (mut at, mut text) = (0, false);
        while at < self.lines.len().min(LINES) && budget::pay(1) {
            let found = self.marked_up(at).or_else(|| {
                self.is(at, Line::Text).then(|| self.block(&block_lines, at).or_else(|| self.attribution(at)))?
            });
            let Some(head) = found else {
                text |= self.is(at, Line::Text);
                at += 1;
                continue;
            };
            if !head.marked {
                let stop = head.stop.unwrap_or(self.lines.len());
                // With nothing new above, the new text stands below it, if anywhere.
                if text || head.stop.is_some() && self.first_filled(stop..self.lines.len()).is_some() {
                    return (heads, Some(head.start..stop));
                }
            }
            heads.push(head);
            at = head.body.max(at + 1);
        }
        (heads, None)
    }

    /// The place that markup names. Its first lines are the attribution; marked lines follow, or the old text itself.
    fn marked_up(&self, at: usize) -> Option<Head> {
        let range = self.markup.filter(|range| range.start == at)?;
        let near = at..range.end.min(at + MARKED_HEAD);
        match near.clone().find(|&line| self.is(line, Line::Quote)) {
            Some(body) => Some(Head { start: at, body, stop: None, marked: true }),
            None => Some(Head { start: at, body: at, stop: Some(range.end), marked: false }),
        }
    }

    fn head(&self, start: usize, body: usize) -> Head {
        let first = self.first_filled(body..self.lines.len());
        budget::pay(first.unwrap_or(self.lines.len()).saturating_sub(body));
        Head { start, body, stop: None, marked: first.is_some_and(|first| self.is(first, Line::Quote)) }
    }

    /// A header block, or a line that says "original message".
    fn block(&self, lines: &[forwarded::Line<'_>], at: usize) -> Option<Head> {
        if let Some(found) = forwarded::answered(lines, at) {
            return Some(self.head(found.start, found.end));
        }
        let line = self.lines.get(at).filter(|line| line.trim_start().starts_with(['-', '_', '=', '*']))?;
        let said = rule(line)?;
        if said != Rule::Original {
            return None;
        }
        let framed = line.trim_start().starts_with("--") && line.trim_end().ends_with("--");
        let next = self.first_filled(at + 1..self.lines.len().min(at + 5));
        let headed = next.is_some_and(|n| {
            self.is(n, Line::Quote) || self.lines.get(n).is_some_and(|line| header_line(line).is_some())
        });
        (framed || headed).then(|| self.head(at, at + 1))
    }

    /// An attribution that starts at `at`, wrapped over some lines.
    fn attribution(&self, at: usize) -> Option<Head> {
        let mut joined = String::new();
        for index in at..at + WRAPPED {
            let line = self.lines.get(index)?.trim();
            if !self.is(index, Line::Text) || joined.len() + line.len() > attribution::BYTES {
                return None;
            }
            if !joined.is_empty() && !joined.ends_with('<') {
                joined.push(' ');
            }
            joined.push_str(line);
            if !budget::pay(joined.len()) {
                return None;
            }
            if attribution::ends(line) {
                let first = self.lines.get(at).copied().unwrap_or_default();
                if index > at && !attribution::begins(first) {
                    return None;
                }
                let head = self.head(at, index + 1);
                return match attribution::read(&joined)? {
                    Certainty::Certain => Some(head),
                    Certainty::IfQuoted => Some(head).filter(|head| head.marked && index == at),
                };
            }
        }
        None
    }

    /// Runs of marked lines before `end`, each with the head above it, and whether it has one.
    fn groups(&self, heads: &[Head], end: usize) -> Vec<(Range<usize>, bool)> {
        let mut groups: Vec<(Range<usize>, bool)> = Vec::new();
        let mut heads = heads.iter().peekable();
        let mut above: Option<Head> = None;
        for at in 0..end {
            while let Some(head) = heads.next_if(|head| head.start <= at) {
                above = Some(*head);
            }
            let in_head = above.is_some_and(|head| at < head.body);
            if in_head || self.is(at, Line::Empty) {
                continue;
            }
            if self.is(at, Line::Text) {
                above = None;
                if let Some((group, _)) = groups.last_mut().filter(|(group, _)| group.end == usize::MAX) {
                    group.end = at;
                }
                continue;
            }
            let open = groups.last().is_some_and(|(group, _)| group.end == usize::MAX);
            if !open {
                let start = above.map_or(at, |head| head.start);
                groups.push((start..usize::MAX, above.is_some()));
            }
        }
        for (group, _) in &mut groups {
            group.end = group.end.min(end);
        }
        groups
    }

    /// Where a signature or the footer of a mailing list begins behind the last quotation: nothing below it answers.
    fn signature(&self, from: usize, end: usize) -> usize {
        let lines = self.lines.get(from..end).unwrap_or_default();
        let delimited = lines.iter().position(|line| matches!(line.trim_end(), "--" | "—"));
        let footer = list_footer(lines);
        delimited.into_iter().chain(footer).min().map_or(end, |at| from + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> String {
        split(text, true, None).reply
    }

    #[test]
    fn quotations_of_common_programs_are_cut() {
        for text in [
            "Yes please.\n\nOn Mon, 3 Mar 2025 at 10:11, Eva Example <eva@web.example> wrote:\n> old\n> text\n",
            "Yes please.\n\nLe lun. 3 mars 2025 à 10:11, Eva <eva@web.example> a\nécrit :\n> ancien\n",
            "Yes please.\n\nDne po 3. 3. 2025 10:11 Eva <eva@web.example> napsala:\n> starý\n",
            "Yes please.\n\n-----Original Message-----\nFrom: Eva\nSent: Monday\nold",
            "Yes please.\n\n________________________________\nFrom: Eva <e@w.example>\nSent: Monday, 3 March\nTo: us\nSubject: x\n\nold",
            "Yes please.\n\nVon: Eva\nGesendet: Montag\nAn: uns\nBetreff: x\n\nalt",
            "Yes please.\n\nFrom: Eva <e@w.example>\nDate: 3.3.2025\n\nold",
            "Yes please.\nOn Mon, 3 Mar 2025 at 10:11, Eva <eva@web.example\n>:\n> old",
            "Yes please.\n> old",
        ] {
            assert_eq!(reply(text), "Yes please.", "{text}");
        }
    }

    #[test]
    fn answers_below_the_quotation_stay() {
        assert_eq!(reply("On 3 Mar 2025 10:11, Eva wrote:\n> old?\n\nYes."), "Yes.");
        assert_eq!(reply("Hello\n\nOn 3 Mar 2025 10:11, Eva wrote:\n> old?\n\nYes."), "Hello\n\nYes.");
    }

    #[test]
    fn answers_inside_of_the_old_message_keep_it() {
        let block = "From: Shop <s@w.example>\nSent: Monday\nTo: Eva\nSubject: x\n\nHow many?\n";
        for text in [
            format!("Please see my answers below in blue.\n\n{block}Twenty\nWhich colour?\nBlue"),
            format!("Meine Antworten stehen unten in Rot.\n\n{block}Zwanzig"),
            format!("Odpovědi níže.\n\n{block}dvacet"),
            format!("-----Original Message-----\n{block}>>> twenty\nWhich colour?\n>>> blue"),
        ] {
            assert_eq!(reply(&text), text);
        }
        for thanks in [
            "Thanks for your reply. We'd like the blue one please.",
            "Thanks for the quick response, see my order below:\n2 red chairs",
            "Thank you for your answer in red.",
            "Merci pour votre réponse, je prends le modèle rouge.",
            "Danke für die schnelle Antwort! Wir nehmen Blau.",
            "Díky za odpověď, beru modrou, v textu prosím Kovo.",
            "Gracias por su respuesta, queremos el rojo.",
            "ممنون از پاسخ شما، رنگ آبی را میخواهم.",
        ] {
            assert_eq!(reply(&format!("{thanks}\n\n{block}Which colour?\nCall us")), thanks);
        }
        let marked = "See my answers below.\n\nOn 3 Mar 2025 10:11, Eva wrote:\n> How many?\n> Which colour?";
        assert_eq!(reply(marked), "See my answers below.", "nothing unmarked can hold an answer");
    }

    #[test]
    fn answers_between_quotations_keep_what_they_answer() {
        assert_eq!(reply("Eva wrote:\n> one?\nyes\n> two?\nno\n> bye"), "Eva wrote:\n> one?\nyes\n> two?\nno");
        assert_eq!(reply("> one?\nyes\n\nFrom: Eva <e@w.example>\nSent: today\nTo: us\n\nold"), "> one?\nyes");
    }

    #[test]
    fn a_quoted_line_that_a_program_broke_is_no_answer() {
        let long = "> Could you please send us the list of all of the wooden tables and chairs that";
        let text = format!("Yes.\n\nOn 3 Mar 2025 10:11, Eva wrote:\n{long}\nyou have in stock\n> now?\n");
        assert_eq!(reply(&text), "Yes.");
        let answered = text.replace("you have in stock", "All sold.");
        assert!(reply(&answered).contains("All sold."));
    }

    #[test]
    fn what_is_not_certain_stays_whole() {
        for text in [
            "> one?\nyes\n> two?\nno",
            "> one?\n\nyes",
            "On Monday we wrote:\nplease send 3 pieces",
            "> only a quotation",
            "From: Paris\nwith love",
            "Bonjour,\n\nDe : Lyon\nÀ : Paris\nDate : 5 mai 2027\nObjet : 20 palettes\n\nMerci",
            "Dobrý den,\n\nOd: Brno\nKomu: Praha\nDatum: 5. 5. 2027\nPředmět: 20 palet\n\nDíky",
            ">>> buy now <<<\nsaid the mail",
            "On 3 Mar 2025 10:11, Eva <e@w.example> wrote:\n",
            "",
        ] {
            assert_eq!(split(text, true, None), Split { reply: text.to_owned(), quoted: None }, "{text}");
        }
        assert_eq!(split("a\n> b", false, None).quoted, None);
    }

    #[test]
    fn markup_names_the_old_message() {
        let text = "new\n\nEva, yesterday\nold\nbelow";
        assert_eq!(split(text, true, Some(&(2..4))).reply, "new\n\nbelow");
        assert_eq!(split(text, true, Some(&(0..5))).quoted, None);
    }
}
