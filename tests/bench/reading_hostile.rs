//! How long mails take that were written to take long: a mebibyte each, of what readers of mail tend to look at again and
//! again.

use std::time::{Duration, Instant};

use pisteur::domain::enquiry;
use pisteur::domain::reading::{self, ReadSettings};

use crate::figures::{Table, millis};
use crate::reading::envelope;

/// Bytes of each mail, about.
const SIZE: usize = 1 << 20;

/// What each plain mail repeats.
const PLAIN: [(&str, &str); 18] = [
    ("quoted lines", ">\n"),
    ("quoted words", "> some words of an old mail, 12 pieces\n"),
    ("quotation marks in one line", ">"),
    ("digits in one line", "0123456789"),
    ("numbers in one line", "01 23 45 67 89 "),
    ("telephone numbers", "+33612345678\n"),
    ("beginnings of attributions", "On Eva:\n"),
    ("wrapped attributions", "On 3 Mar 2025 Eva\n"),
    ("attributions", "On 3 Mar 2025 10:11, Eva wrote:\n"),
    ("header lines", "From: Eva <e@w.example>\nTo: x\n"),
    ("rules of forwards", "-----Original Message-----\n"),
    ("labels of forms", "Name: Eva\nEmail: e@w.example\nMessage: x\n"),
    ("words with @", "a@b.example "),
    ("open addresses", "<a@b"),
    ("disclaimers", "this is confidential and meant for the addressee, by mistake\n\n"),
    ("marks on one letter", "\u{301}"),
    ("Persian words", "سلام دنیا "),
    ("open encoded files", "begin 644 a\n"),
];

/// What stands once, and what is repeated behind it, in each HTML mail.
const HTML: [(&str, &str, &str); 18] = [
    ("blockquotes", "", "<blockquote>"),
    ("tables", "", "<table>"),
    ("tables in cells", "", "<table><tr><td>x"),
    ("rows", "<table>", "<tr><td>Name</td><td>x</td></tr>"),
    ("cells", "<table><tr>", "<td>x</td>"),
    ("text between cells", "<table>", "x<b></b>"),
    ("paragraphs between cells", "<table>", "<p>x"),
    ("wide cells", "<table>", "<tr><td colspan=1000>x"),
    ("paragraphs", "", "<p>x"),
    ("paragraphs in open bold", "", "<p><b>x"),
    ("breaks", "", "<br>"),
    ("list items", "<ul>", "<li>x"),
    ("terms", "<dl>", "<dt>x<dd>y"),
    ("end tags in attributes", "", "<div a='</div>'>"),
    ("end tags in comments", "", "<div><!--</div>-->"),
    ("open quotes", "", "<a x=\""),
    ("open comments", "", "<!--"),
    ("open rules", "", "<hr "),
];

/// The table.
pub fn measure() -> String {
    let mut table = Table::new(&["a mebibyte of", "bytes to enquiry", "half of it", "of the allowance"]);
    for (name, repeated) in PLAIN {
        row(&mut table, name, &|size| mail("plain", &repeated.repeat(size / repeated.len())));
    }
    for (name, once, repeated) in HTML {
        row(&mut table, name, &|size| mail("html", &format!("{once}{}", repeated.repeat(size / repeated.len()))));
    }
    let deep = |element: &str, times: usize| format!("<{element}>").repeat(times);
    for (name, made) in [
        ("paragraphs in 190 blockquotes", deep("blockquote", 190) + &deep("p", SIZE / 3)),
        (
            "paragraphs in 190 kinds of bold",
            (0..190).map(|n| format!("<b id={n}>")).collect::<Vec<_>>().concat() + &deep("p", SIZE / 3),
        ),
        ("paragraphs below breaks", deep("br", SIZE / 8) + &deep("p", SIZE / 6)),
        ("rules below line ends", "\n".repeat(SIZE / 3) + &deep("hr", SIZE / 18)),
    ] {
        let made = made.replace("<p>", "<p>x");
        row(&mut table, name, &|size| mail("html", made.get(..size).unwrap_or(&made)));
    }
    row(&mut table, "attributes", &|size| {
        mail("html", &format!("<p {}>x", (0..size / 10).map(|n| format!("a{n}=1 ")).collect::<Vec<_>>().concat()))
    });
    table.to_string()
}

/// An answer of that text.
fn mail(kind: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Eva Nova <eva@web.example>\r\nTo: a@b.example\r\nSubject: Re: x\r\nIn-Reply-To: <a@b>\r\n\
         Date: Mon, 3 Mar 2025 10:11:10 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n{text}"
    )
    .into_bytes()
}

fn row(table: &mut Table, name: &str, make: &dyn Fn(usize) -> Vec<u8>) {
    let settings = ReadSettings { default_country: "FR".to_owned(), ..ReadSettings::default() };
    let took = |size: usize| -> (Duration, String) {
        let mail = envelope(make(size));
        let begun = Instant::now();
        let (submission, steps) = reading::read_counted(&mail, &settings);
        std::hint::black_box(enquiry::understand(&submission, &mail, &settings));
        let took = begun.elapsed();
        (took, format!("{} %", steps.saturating_mul(100) / settings.limits.steps(mail.raw.len())))
    };
    let ((whole, share), (half, _)) = (took(SIZE), took(SIZE / 2));
    table.row(&[name, &millis(whole), &millis(half), &share]);
}
