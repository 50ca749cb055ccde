//! What the words of an enquiry show: links, markup, scripts, repetition, throw-away addresses.
//!
//! Invariants: linear in the text, of which at most [`LOOKED_AT`] bytes are read; real enquiries in the languages of the
//! house, with names of any origin and a signature with its two links, stay without a point that counts.

use super::Part;
use crate::domain::enquiry::email::{EmailAddress, is_free_mail};
use crate::domain::enquiry::{EmailKind, Enquiry};
use crate::domain::reading::body::cut;
use crate::domain::submission::{Canonical, Submission};

/// Bytes read of one enquiry.
const LOOKED_AT: usize = 64 << 10;
/// Links that need no reason: a signature's.
const FREE_LINKS: usize = 2;
/// Letters from which the script of a text tells anything.
const LETTERS: usize = 20;
/// Times one character stands in a row before it is a finger on a key.
const RUN: usize = 15;
/// Words of two scripts before they are no slip.
const MIXED_WORDS: usize = 2;

/// The words of an enquiry.
#[derive(Debug, Clone, Default)]
pub struct Content<'a> {
    /// What was written, without names and addresses.
    pub texts: Vec<&'a str>,
    /// Names of people.
    pub names: Vec<&'a str>,
    /// Addresses of mailboxes, as written.
    pub emails: Vec<&'a str>,
}

impl<'a> Content<'a> {
    /// The words of a form's fields: `meaning` tells what a field is for.
    pub fn of_fields(
        fields: impl IntoIterator<Item = &'a (String, String)>,
        meaning: impl Fn(&str) -> Option<Canonical>,
    ) -> Self {
        let mut content = Self::default();
        for (name, value) in fields {
            match meaning(name) {
                Some(Canonical::Email) => content.emails.push(value),
                Some(Canonical::FullName | Canonical::FirstName | Canonical::LastName) => content.names.push(value),
                _ => content.texts.push(value),
            }
        }
        content
    }

    /// The words of an arrival as it was read: of a mail the new text only, nothing quoted and no signature.
    #[must_use]
    pub fn of(submission: &'a Submission, enquiry: &'a Enquiry) -> Self {
        let mut content = Self::default();
        if submission.class.is_some() {
            let new = if submission.reply.trim().is_empty() { &submission.text } else { &submission.reply };
            content.texts.extend(submission.subject.as_deref().into_iter().chain([new.as_str()]));
        } else {
            let data =
                submission.fields.iter().filter(|field| !crate::domain::reading::field_names::is_control(&field.name));
            for field in data {
                match field.canonical {
                    Some(Canonical::Email) => {}
                    Some(Canonical::FullName | Canonical::FirstName | Canonical::LastName) => {
                        content.names.push(&field.value);
                    }
                    _ => content.texts.push(&field.value),
                }
            }
        }
        let sender = enquiry.emails.iter().filter(|email| email.kind != EmailKind::Own);
        content.emails.extend(sender.map(|email| email.address.as_str()));
        content
    }
}

/// What the words show, in the order of the table.
#[must_use]
pub fn parts(content: &Content<'_>, languages: &[String]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut left = LOOKED_AT;
    let mut seen = Seen::default();
    for text in &content.texts {
        let text = cut(text, left);
        left = left.saturating_sub(text.len());
        seen.read(text);
    }
    parts.extend(links(seen.links));
    parts.extend(markup(&seen));
    if content.names.iter().any(|name| has_link(cut(name, LOOKED_AT))) {
        parts.push(Part::new("link_in_name", 45, "a link stands where a name belongs"));
    }
    parts.extend(seen.scripts.parts(languages));
    if seen.longest_run >= RUN {
        parts.push(Part::new("repeated", 20, format!("one character stands {} times in a row", seen.longest_run)));
    }
    parts.extend(addresses(&content.emails));
    parts
}

fn links(count: usize) -> Option<Part> {
    let above = i32::try_from(count.saturating_sub(FREE_LINKS)).unwrap_or(i32::MAX);
    (above > 0).then(|| Part::new("links", above.saturating_mul(8).min(48), format!("{count} links")))
}

fn markup(seen: &Seen) -> Option<Part> {
    match (seen.bbcode, seen.anchors) {
        (false, false) => None,
        (true, true) => Some(Part::new("markup", 90, "links marked up both as [url] and as HTML")),
        (true, false) => Some(Part::new("markup", 45, "links marked up as [url]")),
        (false, true) => Some(Part::new("markup", 45, "links marked up as HTML")),
    }
}

fn addresses(emails: &[&str]) -> Option<Part> {
    let parsed = || emails.iter().filter_map(|raw| EmailAddress::parse(cut(raw, 1_024)));
    if let Some(found) = parsed().find(|address| address.kind(&[]) == EmailKind::Disposable) {
        let detail = format!("the address is a throw-away one of {}", found.ascii_domain());
        return Some(Part::new("disposable", 25, detail));
    }
    let free = parsed().any(|address| is_free_mail(&address.ascii_domain()));
    free.then(|| Part::new("free_mail", 2, "the address is one that anybody may have"))
}

/// What reading has seen so far.
#[derive(Debug, Default)]
struct Seen {
    links: usize,
    bbcode: bool,
    anchors: bool,
    longest_run: usize,
    scripts: Scripts,
}

impl Seen {
    fn read(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        self.links = self.links.saturating_add(count_links(&lower));
        self.bbcode |= ["[url=", "[url]", "[/url]", "[link="].iter().any(|mark| lower.contains(mark));
        self.anchors |= anchor(&lower);
        self.longest_run = self.longest_run.max(longest_run(text));
        self.scripts.read(text);
    }
}

/// Where links begin: `http://`, `https://`, and `www.` that does not follow one of them.
fn count_links(lower: &str) -> usize {
    let schemes = lower.matches("http://").count() + lower.matches("https://").count();
    let bare = lower.match_indices("www.").filter(|(at, _)| {
        let before = lower.get(..*at).unwrap_or_default();
        !before.ends_with("//") && !before.ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '@')
    });
    schemes + bare.count()
}

fn has_link(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    count_links(&lower) > 0 || lower.contains("://")
}

/// `<a href=`, with any white space.
fn anchor(lower: &str) -> bool {
    lower.match_indices("<a").any(|(at, _)| {
        let rest = lower.get(at.saturating_add(2)..).unwrap_or_default();
        rest.starts_with(char::is_whitespace) && rest.trim_start().starts_with("href")
    })
}

/// The longest run of one letter or digit, or of `!` and `?`. Lines of dashes and dots are layout.
fn longest_run(text: &str) -> usize {
    let (mut longest, mut run, mut last) = (0, 0, '\0');
    for c in text.chars() {
        run = if c == last { run + 1 } else { 1 };
        last = c;
        if c.is_alphanumeric() || matches!(c, '!' | '?') {
            longest = longest.max(run);
        }
    }
    longest
}

/// Letters by script, as far as scripts are told apart here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    Indic,
    Thai,
    EastAsian,
    Other,
}

/// Blocks of the Unicode Character Database.
const fn script(c: char) -> Script {
    match c {
        'A'..='Z' | 'a'..='z' | '\u{aa}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{590}'..='\u{5ff}' => Script::Hebrew,
        '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' => {
            Script::Arabic
        }
        '\u{900}'..='\u{dff}' => Script::Indic,
        '\u{e00}'..='\u{e7f}' => Script::Thai,
        '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => {
            Script::EastAsian
        }
        _ => Script::Other,
    }
}

/// The script of a language, where it is not Latin: ISO 639-1.
fn script_of(language: &str) -> Script {
    match language {
        "el" => Script::Greek,
        "ru" | "uk" | "be" | "bg" | "sr" | "mk" | "kk" | "mn" => Script::Cyrillic,
        "he" | "yi" => Script::Hebrew,
        "ar" | "fa" | "ur" | "ps" | "ku" => Script::Arabic,
        "hi" | "bn" | "ta" | "te" | "mr" | "gu" | "pa" | "kn" | "ml" | "ne" | "si" => Script::Indic,
        "th" => Script::Thai,
        "zh" | "ja" | "ko" => Script::EastAsian,
        _ => Script::Latin,
    }
}

#[derive(Debug, Default)]
struct Scripts {
    letters: std::collections::BTreeMap<Script, usize>,
    mixed: usize,
}

impl Scripts {
    fn read(&mut self, text: &str) {
        for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
            let (mut latin, mut cyrillic) = (false, false);
            for c in word.chars() {
                let script = script(c);
                latin |= script == Script::Latin;
                cyrillic |= script == Script::Cyrillic;
                *self.letters.entry(script).or_default() += 1;
            }
            if latin && cyrillic {
                self.mixed = self.mixed.saturating_add(1);
            }
        }
    }

    fn parts(&self, languages: &[String]) -> Vec<Part> {
        let mut parts = Vec::new();
        let total: usize = self.letters.values().sum();
        // The four languages of the house are written in these two.
        let expected = |script: &Script| {
            matches!(script, Script::Latin | Script::Arabic | Script::Other)
                || languages.iter().any(|language| script_of(language) == *script)
        };
        let foreign: usize = self.letters.iter().filter(|(script, _)| !expected(script)).map(|(_, count)| count).sum();
        if total >= LETTERS && foreign.saturating_mul(2) > total {
            parts.push(Part::new("script", 20, "written in a script that this form does not expect"));
        }
        if self.mixed >= MIXED_WORDS {
            let detail = format!("{} words mix Latin with Cyrillic letters that look alike", self.mixed);
            parts.push(Part::new("mixed_script", 40, detail));
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(texts: &[&str], names: &[&str], emails: &[&str]) -> i32 {
        let content = Content { texts: texts.to_vec(), names: names.to_vec(), emails: emails.to_vec() };
        parts(&content, &[]).iter().map(|part| part.points).sum()
    }

    #[test]
    fn real_enquiries_in_the_languages_of_the_house_stay_clean() {
        let cases: [(&str, &str, &str); 14] = [
            (
                "Bonjour, je voudrais un devis pour 3 pompes à chaleur. Merci d'avance !\n--\nJean Dupont\nhttps://dupont.fr\nhttps://www.linkedin.com/in/jdupont",
                "Jean Dupont",
                "jean@dupont.fr",
            ),
            (
                "Hello, could you please quote 12 pallets of item A-77/3 delivered to Leeds? We need it ASAP!!!",
                "O'Brien-Nguyễn",
                "pat@gmail.com",
            ),
            (
                "Dobrý den, prosím o cenovou nabídku na čerpadlo ČS-200, viz www.vyrobce.cz/cs200. Děkuji, Žofie Říhová",
                "Žofie Říhová",
                "zofie@seznam.cz",
            ),
            (
                "سلام، لطفاً قیمت سه دستگاه پمپ ۲۲۰ ولت را برای شرکت ما بفرستید. با تشکر",
                "محمد رضایی",
                "m.rezaei@chmail.ir",
            ),
            (
                "سلام، من به catalogue شما نیاز دارم: https://firma.ir و https://firma.ir/fa",
                "Sara رضایی",
                "sara@firma.ir",
            ),
            (
                "Bonjour, mon collègue Дмитрий Иванов (Kyiv) vous appellera demain.",
                "Olena Шевченко",
                "olena@firma.com.ua",
            ),
            (
                "Please ring me. ---------------------------------- Order 000000012345 ..................................",
                "李明 Li Ming",
                "li@firma.cn",
            ),
            ("ok", "Eva", "eva@web.example"),
            (
                "Voir nos produits : https://a.fr/1 https://a.fr/2 https://a.fr/3 https://a.fr/4, lesquels avez-vous ?",
                "Zoé",
                "zoe@a.fr",
            ),
            (
                "Je cherche un tuyau de 40 μm, réf. Ω-3, 5 kΩ, T° > 20 °C; budget 10.000,00 €",
                "Ångström & fils",
                "a@fils.fr",
            ),
            ("Rappelez-moi au 06 12 34 56 78 s'il vous plaîîîîît", "Inès", "ines@laposte.net"),
            ("[Ref: 12345] Objednávka <urgentní> a > b", "Jiří", "jiri@firma.cz"),
            ("Our site is www.example.org, mail info@www.example.org", "Ann", "ann@example.org"),
            (
                "Guten Tag, wir benötigen ein Angebot über 20 Stück. Mit freundlichen Grüßen",
                "Jürgen Groß",
                "j@gross.de",
            ),
        ];
        for (text, name, email) in cases {
            let points = score(&[text], &[name], &[email]);
            assert!(points < 20, "{points} points: {text}");
        }
    }

    #[test]
    fn what_spam_is_made_of_counts() {
        let cases: [(&str, &str, &str, i32); 8] = [
            ("[url=http://pills.example]buy[/url] <a href=\"http://pills.example\">buy</a>", "x", "x@y.example", 90),
            ("see [URL=http://a.example]a[/URL]", "x", "x@y.example", 45),
            ("see <A\n HREF='http://a.example'>a</A>", "x", "x@y.example", 45),
            ("hi", "Win 1000$ http://a.example", "x@y.example", 45),
            (
                "http://a http://b http://c http://d http://e http://f http://g http://h http://i",
                "x",
                "x@y.example",
                48,
            ),
            ("Здравствуйте, предлагаем продвижение сайта в поисковых системах недорого", "x", "x@y.example", 20),
            ("Раypal ассоunt sесurity nоtiсe", "x", "x@y.example", 40),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", "x", "x@mailinator.com", 45),
        ];
        for (text, name, email, expected) in cases {
            assert_eq!(score(&[text], &[name], &[email]), expected, "{text}");
        }
    }

    #[test]
    fn a_form_in_another_script_expects_it() {
        let content = Content {
            texts: vec!["Здравствуйте, пришлите пожалуйста прайс-лист"], ..Content::default()
        };
        assert!(parts(&content, &["ru".to_owned()]).is_empty());
        assert_eq!(parts(&content, &[]).first().unwrap().code, "script");
    }

    #[test]
    fn a_huge_text_is_read_no_further_than_needed() {
        let huge = format!("{}http://a http://b http://c http://d", "x y ".repeat(LOOKED_AT));
        assert!(parts(&Content { texts: vec![&huge], ..Content::default() }, &[]).is_empty());
    }
}
