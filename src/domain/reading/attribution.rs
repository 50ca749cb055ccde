//! The line above a quotation that says who wrote it and when: "On 3 March 2025 10:11, Eva <eva@web.example> wrote:".
//!
//! Mail programs build it from a date, a name, an address and a verb, in the order and language of their user, and end it
//! with a colon. So it is recognised by these parts, not by whole phrases:
//! - a line that begins with a date ("On", "Le", a weekday or nothing before it) and holds a verb, a time or an address;
//! - a line that begins with a name and an address and holds a verb.
//!
//! Not here: where the line stands in the text, and whether it is wrapped.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::budget;
use super::field_names::fold;
use super::header_labels::header_line;

/// How sure it is that a quotation follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// Whatever follows is the old message.
    Certain,
    /// Only if the lines below are marked as quoted.
    IfQuoted,
}

/// "wrote", folded, in the forms that stand alone as a word.
const WROTE: &str = "wrote writes schrieb schreibt geschrieben ecrit ecrivait escribio escrito escribe escrit escriu scritto \
    scrive scriveva escreveu escreve schreef geschreven schrijft skrev skriver kirjoitti kirjoittaa irta ir scris scrie \
    napsal napsala napsalo napise pise napisal napisala napisano napisali napisał napisała pisał pisze pisząc написал написала пишет писал писала написали \
    написав написала пише писав написано пишетъ напише пиша yazdi yazdı yazmis yazmış yazdılar εγραψε εγραψες γραφει \
    كتب كتبت كتابة كتبه نوشت نوشته نوشتند כתב כתבה כותב כתבו viet kirjutas rakstija rase menulis";

/// The same where words are not parted, or the word carries an ending.
const WROTE_INSIDE: [&str; 13] = [
    "写道",
    "寫道",
    "写到",
    "写了",
    "书写",
    "書きました",
    "のメッセージ",
    "のメール",
    "より",
    "작성",
    "썼습니다",
    "쓴글",
    "보낸메시지",
];

/// "Quoting Eva <e@w.example>:".
const QUOTING: &str =
    "quoting zitat citando citazione citat citace citat cytat цитирую цитата idezet lainaus alinti alıntı zitiere";

/// Words before the date.
const OPENERS: &str = "on at le am um dne dňa el il em op den de w dnia na da la pe în din på a à dana u у в во на від от no \
    στις την στισ σε 在 于 於 في فی در به ב בתאריך ביום vào pada ma ti ke to pe la su";

/// Words between the date and a name: of having written, and for a user.
const BEFORE_NAMES: &str = "heeft hat ha har a időpontban uživatel uživatelka používateľ používateľka użytkownik użytkowniczka пользователь \
     користувач usuario utente utilisateur utilizador usuário brukeren användaren brugeren käyttäjä utilizatorul kullanıcı \
     korisnik felhasználó gebruiker benutzer user";

/// Those who quote themselves: "On 3 March 2025 we wrote:" is a sentence.
const SELVES: &str = "i we ich wir je nous yo nosotros io noi eu nos ik wij jag vi ja my já my já мы я";

/// Lower-case words inside of names.
const PARTICLES: &str = "de da di du des del della van von vom zu der den la le el al bin ibn dos das y e via";

fn set(words: &str) -> HashSet<String> {
    words.split_whitespace().map(fold).collect()
}

static VERBS: LazyLock<HashSet<String>> = LazyLock::new(|| set(WROTE));
static VERB_PARTS: LazyLock<Vec<String>> = LazyLock::new(|| WROTE_INSIDE.iter().map(|w| fold(w)).collect());
static QUOTERS: LazyLock<HashSet<String>> = LazyLock::new(|| set(QUOTING));
static OPENING: LazyLock<HashSet<String>> = LazyLock::new(|| set(OPENERS));
static BEFORE: LazyLock<HashSet<String>> = LazyLock::new(|| set(BEFORE_NAMES));
static FIRST_PERSONS: LazyLock<HashSet<String>> = LazyLock::new(|| set(SELVES));
static SMALL: LazyLock<HashSet<String>> = LazyLock::new(|| set(PARTICLES));

/// Longest line, joined, in bytes.
pub(super) const BYTES: usize = 600;
/// Most words of a line.
const WORDS: usize = 30;
/// Most words between the first number and the end of the date.
const DATE_WORDS: usize = 6;

/// Whether a line ends as these lines end.
pub(super) fn ends(line: &str) -> bool {
    line.trim_end_matches(is_margin).ends_with([':', '：'])
}

/// Whether a wrapped line can begin so: with a word like "On", or with a date, a time or an address on its first line.
/// What stands above it, a name under a letter, is then never taken for its beginning.
pub(super) fn begins(first: &str) -> bool {
    if first.len() > BYTES {
        return false;
    }
    let parts = Parts::of(first);
    parts.words.first().is_some_and(|word| OPENING.contains(word))
        || parts.date.is_some()
        || parts.clock.is_some()
        || parts.address.is_some()
        || first.contains('<')
}

/// Whether a word between a date and a name is no part of the name: "schrieb", "użytkownik".
pub(super) fn stands_before_name(word: &str) -> bool {
    let folded = fold(word);
    word.starts_with(char::is_lowercase) && (VERBS.contains(&folded) || BEFORE.contains(&folded))
}

/// A line of somebody else's: marked as quoted, or of what stands above a quotation.
pub(in crate::domain) fn is_of_another(line: &str) -> bool {
    if line.trim_start().starts_with('>') {
        return true;
    }
    // A form asks for a date, too: a header has the moment with it, or a person.
    let header = header_line(line).is_some_and(|(_, value)| {
        value.contains(['@', ':']) || [" at ", " à "].iter().any(|between| value.contains(between))
    });
    header || read(line).is_some()
}

/// Marks that programs put around a line, seen or unseen.
fn is_margin(c: char) -> bool {
    c.is_whitespace() || matches!(c, '*' | '_') || is_unseen(c)
}

/// Direction marks and joiners.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Reads a line, joined when it was wrapped. `None`: nothing says that a quotation follows.
pub(super) fn read(line: &str) -> Option<Certainty> {
    if line.len() > BYTES || !ends(line) || !budget::pay(4 * line.len()) {
        return None;
    }
    let parts = Parts::of(line);
    let words = parts.words.len();
    if words > WORDS {
        return None;
    }
    let verb = parts.verb.is_some();
    let who = parts.address.is_some();
    if parts.starts_with_date() {
        let sure = match (verb, parts.date.is_some(), parts.clock.is_some()) {
            (true, true, clock) => !parts.of_oneself() && (clock || who || words <= 12),
            (true, false, true) => who,
            (false, true, true) => parts.address_ends,
            _ => false,
        };
        let likely = (verb || who).then_some(Certainty::IfQuoted);
        return if sure { Some(Certainty::Certain) } else { likely };
    }
    if parts.starts_with_name() {
        let dated = parts.date.is_some();
        let short = words.saturating_sub(parts.address.unwrap_or(words)) <= 3;
        let sure = verb && !parts.of_oneself() && (who && (dated || short) || dated && parts.clock.is_some());
        let likely = (verb || who && parts.address_ends).then_some(Certainty::IfQuoted);
        return if sure { Some(Certainty::Certain) } else { likely };
    }
    (parts.quotes_by_name && who && parts.address_ends).then_some(Certainty::Certain)
}

/// What a line consists of. Places are numbers of words.
#[derive(Default)]
struct Parts {
    /// Words outside of brackets, folded.
    words: Vec<String>,
    /// Words that a name cannot hold, by place.
    small: Vec<bool>,
    /// Words before the first address.
    address: Option<usize>,
    /// The address is in brackets and the line ends behind it.
    address_ends: bool,
    /// First word with a digit.
    number: Option<usize>,
    /// Word with which a date with its year ends.
    date: Option<usize>,
    clock: Option<usize>,
    verb: Option<usize>,
    quotes_by_name: bool,
}

impl Parts {
    fn of(line: &str) -> Self {
        let mut parts = Self::default();
        let line: String = line.chars().filter(|c| !is_unseen(*c)).collect();
        let line = line.trim_matches(|c| is_margin(c) || matches!(c, '-' | '>' | ':' | '：' | '[' | '|'));
        let mut rest = line;
        let mut date = Dates::default();
        while !rest.is_empty() {
            let open = rest.find(['<', '(', '[', '«']).unwrap_or(rest.len());
            let (before, from) = rest.split_at_checked(open).unwrap_or((rest, ""));
            parts.take(before, &mut date);
            let close = from.find(['>', ')', ']', '»']).map_or(from.len(), |at| at + 1);
            let (inside, behind) = from.split_at_checked(close).unwrap_or((from, ""));
            if inside.contains('@') {
                parts.address.get_or_insert(parts.words.len());
                parts.address_ends = behind.chars().all(|c| !c.is_alphanumeric());
            } else {
                // `napsal(a)`, `(lun)`: words like others, and a bracket ends no word.
                parts.take_inside(inside, &mut date);
            }
            rest = behind.trim_start_matches(['>', ')', ']']);
        }
        parts.date = date.date;
        parts.clock = date.clock;
        parts.quotes_by_name = parts.words.first().is_some_and(|w| QUOTERS.contains(w));
        parts
    }

    fn take_inside(&mut self, inside: &str, date: &mut Dates) {
        let glued = inside.chars().filter(|c| c.is_alphanumeric()).count() <= 2;
        if !glued {
            self.take(inside, date);
        }
    }

    fn take(&mut self, text: &str, date: &mut Dates) {
        for token in text.split(|c: char| c.is_whitespace() || "、，,;،".contains(c)) {
            let word = fold(token);
            if word.is_empty() {
                continue;
            }
            if token.contains('@') && token.contains('.') {
                self.address.get_or_insert(self.words.len());
                continue;
            }
            let place = self.words.len();
            if token.contains(char::is_numeric) {
                self.number.get_or_insert(place);
            }
            date.take(token, place);
            // `a/ont écrit`, `napsal/a`, `כתב/ה`: folded without the stroke, or up to it.
            let stem = fold(token.split(['/', '(']).next().unwrap_or_default());
            if VERBS.contains(&word) || VERBS.contains(&stem) || VERB_PARTS.iter().any(|part| word.contains(part)) {
                self.verb.get_or_insert(place);
            }
            let small = token.chars().find(|c| c.is_alphabetic()).is_some_and(char::is_lowercase);
            self.small.push(small && !SMALL.contains(&word));
            self.words.push(word);
        }
    }

    /// At most a weekday or words like "On" stand before a date.
    fn starts_with_date(&self) -> bool {
        let (Some(number), Some(end)) = (self.number, self.date.or(self.clock)) else { return false };
        let opened = self.words.first().is_some_and(|w| OPENING.contains(w));
        let bare = number <= 1 || number == 2 && !self.small.iter().take(2).any(|small| *small);
        (opened && number <= 5 || bare) && end <= number + DATE_WORDS
    }

    /// At most six words that can be a name stand before the address, or before the verb.
    fn starts_with_name(&self) -> bool {
        let end = match (self.address, self.verb) {
            (Some(address), Some(verb)) => address.min(verb),
            (Some(end), None) | (None, Some(end)) => end,
            (None, None) => return false,
        };
        let small = self.small.iter().take(end);
        let named = self.small.first() == Some(&false) && small.filter(|small| **small).count() <= 1;
        (1..=6).contains(&end) && named && !self.quotes_by_name || end == 0 && self.address.is_some()
    }

    /// "we wrote", "schrieb ich".
    fn of_oneself(&self) -> bool {
        let Some(verb) = self.verb else { return false };
        let word = |at: Option<usize>| at.and_then(|at| self.words.get(at));
        let behind = word(verb.checked_add(1)).filter(|word| !matches!(word.as_str(), "i" | "my"));
        [word(verb.checked_sub(1)), behind].into_iter().flatten().any(|word| FIRST_PERSONS.contains(word))
    }
}

/// Dates and times, number by number.
#[derive(Default)]
struct Dates {
    date: Option<usize>,
    clock: Option<usize>,
    /// Numbers in a row that end in a mark of dates: `3. 3. 2025`.
    row: usize,
}

impl Dates {
    fn take(&mut self, token: &str, place: usize) {
        let mut runs: Vec<(u32, usize, char)> = Vec::new();
        let mut open: Option<(u32, usize)> = None;
        for c in token.chars() {
            match (digit(c), open) {
                (Some(d), Some((value, length))) => {
                    open = Some((value.saturating_mul(10).saturating_add(d), length + 1));
                }
                (Some(d), None) => open = Some((d, 1)),
                (None, Some((value, length))) => {
                    runs.push((value, length, c));
                    open = None;
                }
                (None, None) => {}
            }
        }
        if let Some((value, length)) = open {
            runs.push((value, length, ' '));
        }
        let is_year = |&(value, length, _): &(u32, usize, char)| length == 4 && (1300..=2600).contains(&value);
        let parted =
            |&(_, _, mark): &(u32, usize, char)| matches!(mark, '.' | '/' | '-' | '‐' | '年' | '月' | '년' | '월');
        let clock = |pair: &[(u32, usize, char)]| match pair {
            [(hour, _, mark), (minute, 2, _)] => {
                *hour < 24 && *minute < 60 && matches!(mark, ':' | '：' | 'h' | 'H' | '時' | '时' | '시')
            }
            _ => false,
        };
        let numeric = runs.windows(3).any(|w| w.iter().take(2).all(parted));
        self.row = if runs.len() == 1 && runs.iter().all(|r| r.1 <= 4) { self.row + 1 } else { 0 };
        if runs.iter().any(is_year) || numeric || self.row >= 3 && runs.iter().all(parted) {
            self.date.get_or_insert(place);
        }
        if runs.windows(2).any(clock) {
            self.clock.get_or_insert(place);
        }
    }
}

/// The value of a digit, Arabic, Persian and full-width ones too.
fn digit(c: char) -> Option<u32> {
    let zero = match c {
        '0'..='9' => '0',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
        '\u{ff10}'..='\u{ff19}' => '\u{ff10}',
        _ => return None,
    };
    u32::from(c).checked_sub(u32::from(zero))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_mail_programs_are_certain_in_many_languages() {
        for line in [
            "On Mon, 3 Mar 2025 at 10:11, Eva Example <eva@web.example> wrote:",
            "- On 2025-03-03 10:11, Eva Example wrote:",
            "On Mar 3, 2025 you wrote:",
            "Le lun. 3 mars 2025 à 10:11, Eva <eva@web.example> a écrit :",
            "Am 03.03.2025 um 10:11 schrieb Eva Muster:",
            "Eva Muster <eva@web.example> schrieb am Mo., 3. März 2025, 10:11:",
            "El lun, 3 mar 2025 a la(s) 10:11, Eva (eva@web.example) escribió:",
            "Il giorno lun 3 mar 2025 alle ore 10:11 Eva <eva@web.example> ha scritto:",
            "Em seg., 3 de mar. de 2025 às 10:11, Eva <eva@web.example> escreveu:",
            "Op ma 3 mrt 2025 om 10:11 schreef Eva <eva@web.example>:",
            "W dniu 03.03.2025 o 10:11, Eva pisze:",
            "pon., 3 mar 2025 o 10:11 Eva <eva@web.example> napisał(a):",
            "po 3. 3. 2025 v 10:11 odesílatel Eva <eva@web.example> napsal:",
            "Dne 3. 3. 2025 v 10:11 Eva Nová napsal(a):",
            "po 3. 3. 2025 o 10:11 Eva <eva@web.example> napísal(a):",
            "пн, 3 мар. 2025 г. в 10:11, Ева <eva@web.example>:",
            "03.03.2025 10:11, Ева пишет:",
            "пн, 3 бер. 2025 р. о 10:11 Єва <eva@web.example> пише:",
            "Den mån 3 mars 2025 kl 10:11 skrev Eva <eva@web.example>:",
            "man. 3. mar. 2025 kl. 10.11 skrev Eva <eva@web.example>:",
            "ma 3. maalisk. 2025 klo 10.11 Eva (eva@web.example) kirjoitti:",
            "Eva <eva@web.example> ezt írta (időpont: 2025. márc. 3., H, 10:11):",
            "În lun., 3 mar. 2025 la 10:11, Eva <eva@web.example> a scris:",
            "Eva <eva@web.example>, 3 Mar 2025 Pzt, 10:11 tarihinde şunu yazdı:",
            "Στις Δευ 3 Μαρ 2025 στις 10:11 π.μ., ο χρήστης Eva <eva@web.example> έγραψε:",
            "2025年3月3日(月) 10:11 田中 <tanaka@web.example>:",
            "2025/03/03 10:11、田中 <tanaka@web.example>のメール:",
            "王芳 <wang@web.example> 于2025年3月3日周一 10:11写道：",
            "在 2025年3月3日，上午10:11，王芳 <wang@web.example> 写道：",
            "2025년 3월 3일 (월) 오전 10:11, 김민수 <kim@web.example>님이 작성:",
            "في الاثنين، ٣ مارس ٢٠٢٥ في ١٠:١١ ص تمت كتابة ما يلي بواسطة \u{202a}Eva\u{202c} <\u{202a}eva@web.example\u{202c}>:",
            "در تاریخ دوشنبه ۳ مارس ۲۰۲۵، ۱۰:۱۱ Eva <eva@web.example> نوشت:",
            "\u{202b}בתאריך יום ב׳, 3 במרץ 2025 ב-10:11 מאת Eva <eva@web.example>:\u{202c}",
            "Eva Example <eva@web.example> wrote:",
            "Quoting Eva Example <eva@web.example>:",
            "Eva Example/Paris/Firm wrote on 03/03/2025 10:11:12:",
        ] {
            assert_eq!(read(line), Some(Certainty::Certain), "{line}");
        }
    }

    #[test]
    fn sentences_are_not() {
        for line in [
            "On Monday we wrote:",
            "On 3 March 2025 we wrote:",
            "On 3 March 2025 at 10:00 I wrote:",
            "On 3 March 2025 at 10:00 we wrote to sales@web.example:",
            "Am 3. März 2025 um 10:00 schrieb ich:",
            "As Eva wrote:",
            "Our address is eva@web.example:",
            "please write to us (eva@web.example) before 3.3.2025 10:00 or call:",
            "We need 3 pieces by 2025:",
            "The following items:",
            "Delivery 3.3.2025 10:00:",
            "From: Eva",
            "",
        ] {
            assert_ne!(read(line), Some(Certainty::Certain), "{line}");
        }
        assert_eq!(read("Eva wrote:"), Some(Certainty::IfQuoted));
        assert_eq!(read("thanks, and as Eva wrote:"), None);
    }
}
