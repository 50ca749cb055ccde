//! What is new in a reply: text and client markup, in the languages of our customers.

use std::collections::HashMap;

use pisteur::domain::submission::Submission;

use super::reply_languages::{LANGUAGES, Language};
use super::{mail, settings};

/// A mail with a text, read. `headers` are lines that end in a line break.
fn read_as(headers: &str, kind: &str, text: &str) -> Submission {
    let raw = format!(
        "From: Some Body <body@kunde.example>\nTo: sales@ours.example\n{headers}MIME-Version: 1.0\n\
         Content-Type: {kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}"
    );
    let once = pisteur::domain::reading::read(&mail(raw.as_bytes()), &settings());
    let crlf = pisteur::domain::reading::read(&mail(raw.replace('\n', "\r\n").as_bytes()), &settings());
    assert_eq!(once.reply, crlf.reply, "line ends change nothing");
    assert_eq!(once.text, crlf.text, "line ends change nothing");
    assert!(is_subsequence(&once.reply, &once.text), "{:?} of {:?}", once.reply, once.text);
    once
}

fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut whole = whole.chars();
    part.chars().all(|c| whole.any(|w| w == c))
}

const ANSWERS: &str = "Subject: Re: tables\nIn-Reply-To: <first@ours.example>\n";
const ASKS: &str = "Subject: tables\n";

/// All that was new: text and signature, white space made even.
fn new_text(read: &Submission) -> String {
    let signature = read.mail.as_ref().and_then(|m| m.signature.clone()).unwrap_or_default();
    even(&format!("{} {signature}", read.reply))
}

fn even(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn expect(what: &str, language: &Language, read: &Submission) {
    assert_eq!(new_text(read), even(language.answer), "{what} in {}:\n{}", language.code, read.text);
}

fn marked(text: &str) -> String {
    text.lines().flat_map(|line| ["> ", line, "\n"]).collect()
}

/// A header block as Outlook writes it; `bold` is what stands around the labels.
fn block(language: &Language, open: &str, close: &str) -> String {
    let [from, sent, to, subject] = language.labels;
    let old_sender = "Muriel Okonkwo-Lind";
    format!(
        "{open}{from}:{close} {old_sender}\n{open}{sent}:{close} {}\n{open}{to}:{close} Some Body\n{open}{subject}:{close} tables\n",
        language.sent
    )
}

#[test]
fn wrapped_attributions_are_cut_with_what_they_quote_in_every_language() {
    for language in &LANGUAGES {
        let Language { answer, old, attribution, .. } = language;
        for (what, text) in [
            ("marked", format!("{answer}\n\n{attribution}\n\n{}", marked(old))),
            ("marked, no blank line", format!("{answer}\n{attribution}\n{}", marked(old))),
            ("unmarked", format!("{answer}\n\n{attribution}\n\n{old}\n")),
            (
                "on one line",
                format!("{answer}\n\n{}\n{}", attribution.replace("<\n", "<").replace('\n', " "), marked(old)),
            ),
            ("with nothing below", format!("{answer}\n\n{attribution}\n")),
        ] {
            expect(what, language, &read_as(ANSWERS, "text/plain", &text));
        }
    }
}

#[test]
fn answers_below_the_quotation_are_kept_in_every_language() {
    for language in &LANGUAGES {
        let text = format!("{}\n{}\n{}\n", language.attribution, marked(language.old), language.answer);
        expect("below", language, &read_as(ANSWERS, "text/plain", &text));
    }
}

#[test]
fn header_blocks_are_cut_in_every_language() {
    for language in &LANGUAGES {
        let Language { answer, old, original, .. } = language;
        let (plain, starred) = (block(language, "", ""), block(language, "*", "*"));
        for (what, text) in [
            ("plain", format!("{answer}\n\n{plain}\n{old}\n")),
            ("starred", format!("{answer}\n\n{starred}\n{old}\n")),
            ("ruled", format!("{answer}\n\n________________________________\n{plain}\n{old}\n")),
            ("original", format!("{answer}\n\n-----{original}-----\n{plain}\n{old}\n")),
            ("original without a header", format!("{answer}\n\n-------- {original} --------\n\n{old}\n")),
            ("marked", format!("{answer}\n\n{plain}\n{}", marked(old))),
        ] {
            expect(what, language, &read_as(ANSWERS, "text/plain", &text));
        }
    }
}

#[test]
fn client_markup_is_cut_in_every_language() {
    for language in &LANGUAGES {
        let html = |text: &str| text.replace('<', "&lt;").replace('\n', "<br>\n");
        let (answer, old) = (html(language.answer), html(language.old));
        let attribution = html(&language.attribution.replace('\n', " "));
        let header = block(language, "<b>", "</b>").replace('\n', "<br>");
        for (what, page) in [
            (
                "Gmail",
                format!(
                    "<div dir=\"ltr\">{answer}</div><br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" \
                     class=\"gmail_attr\">{attribution}<br></div><blockquote class=\"gmail_quote\">{old}</blockquote></div>"
                ),
            ),
            (
                "Apple",
                format!(
                    "<body>{answer}<div><br><blockquote type=\"cite\"><div>{attribution}</div><br><div>{old}</div>\
                     </blockquote></div></body>"
                ),
            ),
            (
                "Thunderbird",
                format!(
                    "<body><p>{answer}</p><div class=\"moz-cite-prefix\">{attribution}<br></div>\
                     <blockquote type=\"cite\" cite=\"mid:x@y\">{old}</blockquote></body>"
                ),
            ),
            (
                "Outlook on the web",
                format!(
                    "<div>{answer}</div><div id=\"appendonsend\"></div><hr><div id=\"divRplyFwdMsg\" dir=\"ltr\">{header}</div>\
                     <div>{old}</div>"
                ),
            ),
            (
                "Outlook",
                format!(
                    "<div class=WordSection1><p class=MsoNormal>{answer}</p><div style='border:none;border-top:solid #E1E1E1 \
                     1.0pt'><p class=MsoNormal>{header}</p></div><p class=MsoNormal>{old}</p></div>"
                ),
            ),
            (
                "Yahoo",
                format!(
                    "<div>{answer}</div><div id=\"yahoo_quoted_7\" class=\"yahoo_quoted\"><div>{attribution}</div><div>{old}</div></div>"
                ),
            ),
            (
                "Proton",
                format!(
                    "<div>{answer}</div><div class=\"protonmail_quote\">{attribution}<br><blockquote class=\"protonmail_quote\" type=\"cite\">{old}</blockquote></div>"
                ),
            ),
            (
                "Zimbra",
                format!(
                    "<div>{answer}<br><hr id=\"zwchr\" data-marker=\"__DIVIDER__\"><div data-marker=\"__HEADERS__\">{header}</div><div data-marker=\"__QUOTED_TEXT__\">{old}</div></div>"
                ),
            ),
            (
                "GMX",
                format!(
                    "<div>{answer}</div><div name=\"quote\" style=\"border-left:2px solid\"><div>{header}</div><div name=\"quoted-content\">{old}</div></div>"
                ),
            ),
            (
                "Notes",
                format!(
                    "<p>{answer}</p><br><table><tr><td>{}:</td><td>Muriel Okonkwo-Lind &lt;mo@lind.example&gt;</td></tr><tr><td>{}:</td><td>{}</td></tr><tr><td>{}:</td><td>tables</td></tr></table><hr><p>{old}</p>",
                    language.labels[0], language.labels[1], language.sent, language.labels[3]
                ),
            ),
        ] {
            expect(what, language, &read_as(ANSWERS, "text/html", &page));
        }
    }
}

#[test]
fn a_first_message_is_never_cut_in_any_language() {
    for language in &LANGUAGES {
        let Language { answer, old, attribution, .. } = language;
        for text in [
            format!("{answer}\n\n{attribution}\n\n{}", marked(old)),
            format!("{answer}\n\n{}\n{old}", block(language, "", "")),
        ] {
            let read = read_as(ASKS, "text/plain", &text);
            assert_eq!(read.mail.unwrap().quoted, None, "{}", language.code);
        }
    }
}

#[test]
fn words_that_only_sound_like_a_quotation_stay() {
    for text in [
        "Your colleague wrote:\nten tables are no problem.\nIs that so?",
        "On Tuesday you wrote:\nthe oak ones are sold out.",
        "From: Brest\nTo: Quimper\nDate: 4 March 2025\n\nFor two people, please.",
        "Colours, as discussed:\nFrom: light oak\nTo: dark walnut",
        "We ordered 3 chairs and 2 tables on 4 March 2025 at 10:15:\n- chairs: oak\n- tables: ash",
        "Please send the invoice to Ada Brix <ada@brix.example>:\nshe will pay it.",
        "The price list of 12.02.2025, 10:00, says:\n- table 300\n- chair 90",
        ">From the first day it squeaked.\n\nWhat can be done?",
        "Subject: tables\nwe need ten.",
    ] {
        for headers in [ANSWERS, ASKS] {
            let read = read_as(headers, "text/plain", text);
            assert_eq!(read.mail.as_ref().unwrap().quoted, None, "{text}");
            assert_eq!(new_text(&read), even(text));
        }
    }
}

#[test]
fn answers_between_quotations_are_kept_and_what_is_below_the_last_is_not() {
    let text = "Hello,\n\nOn 4 March 2025 14:05, Orla Finch <orla@finch.example> wrote:\n> Which wood?\n\nOak.\n\n> How many?\n\nTen.\n\n\
        > Regards,\n> Orla Finch\n> +44 20 7946 0000\n\n-- \nSome Body\nKunde Ltd";
    let read = read_as(ANSWERS, "text/plain", text);
    for kept in ["Hello,", "> Which wood?", "Oak.", "> How many?", "Ten."] {
        assert!(read.reply.contains(kept), "{kept} in {}", read.reply);
    }
    assert!(!read.reply.contains("Orla Finch\n> +44"), "{}", read.reply);
    assert_eq!(read.mail.unwrap().signature.as_deref(), Some("-- \nSome Body\nKunde Ltd"));

    let html = "<div>Hello</div><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Tue, 4 Mar 2025 at 14:05, Orla \
        &lt;orla@finch.example&gt; wrote:<br></div><blockquote class=\"gmail_quote\">Which wood?</blockquote><div>Oak.</div>\
        <blockquote class=\"gmail_quote\">How many?</blockquote><div>Ten.</div></div>";
    let read = read_as(ANSWERS, "text/html", html);
    assert!(read.reply.contains("Oak.") && read.reply.ends_with("Ten."), "{}", read.reply);
}

#[test]
fn text_below_the_old_message_of_a_named_element_stays() {
    let html = "<div class=\"yahoo_quoted\"><div>Orla wrote on Tuesday</div><div>Which wood?</div></div><div>Oak, please.</div>";
    assert_eq!(read_as(ANSWERS, "text/html", html).reply, "Oak, please.");
    let only = "<div class=\"gmail_quote\">Oak, please.</div>";
    assert_eq!(read_as(ANSWERS, "text/html", only).reply, "Oak, please.");
}

#[test]
fn a_name_right_above_an_attribution_is_part_of_the_answer() {
    for above in ["Ten.\nAda", "Ten.\nAda Brix", "Best, Ada", "Thank you, we need 3 of them", "See you on the 4th"] {
        for attribution in [
            "On Tue, 4 Mar 2025 at 14:05, Orla Finch\n<orla@finch.example> wrote:",
            "4.3.2025, 14:05, \"Orla Finch\" <orla@finch.example>:",
            "Orla Finch <orla@finch.example> wrote:",
        ] {
            let text = format!("{above}\n{attribution}\n> Which wood?\n");
            assert_eq!(new_text(&read_as(ANSWERS, "text/plain", &text)), even(above), "{text}");
        }
    }
}

#[test]
fn footers_of_telephones_and_lists_are_no_answer_to_a_quotation() {
    for (footer, language) in [
        ("Sent from my iPhone", "en"),
        ("Envoyé de mon iPhone", "fr"),
        ("Von meinem iPhone gesendet", "de"),
        ("Odesláno z iPhonu", "cs"),
        ("Inviato da iPhone", "it"),
    ] {
        let text = format!("> Which wood?\n\nOak.\n\n> How many?\n\n{footer}\n");
        let read = read_as(ANSWERS, "text/plain", &text);
        assert!(!read.reply.contains("How many"), "{language}: {}", read.reply);
    }
    let list = "Ten.\n\n> How many?\n\n______________________________\nwoodworkers mailing list\nwood@lists.example\nhttps://lists.example/wood\n";
    let read = read_as(ANSWERS, "text/plain", list);
    assert_eq!(read.reply, "Ten.");
    assert!(read.mail.unwrap().signature.unwrap().contains("woodworkers mailing list"));
}

#[test]
fn an_answer_is_never_empty_and_every_word_of_it_comes_from_the_text() {
    let pieces = [
        "Ten oak tables.",
        "> Which wood?",
        "",
        "On Tue, 4 Mar 2025 at 14:05, Orla Finch",
        "<orla@finch.example> wrote:",
        "From: Orla Finch <orla@finch.example>",
        "Sent: Tuesday",
        "Subject: tables",
        "-----Original Message-----",
        "-- ",
        "________________________",
        "Sent from my iPhone",
    ];
    let mut state = 7_usize;
    for _ in 0..3_000 {
        let mut lines = Vec::new();
        for _ in 0..=(state % 9) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            lines.push(pieces[(state >> 33) % pieces.len()]);
        }
        let read = read_as(ANSWERS, "text/plain", &lines.join("\n"));
        assert_eq!(read.reply.is_empty(), read.text.trim().is_empty(), "{lines:?}");
        // Every line is in the answer, in the signature or in what was cut.
        let facts = read.mail.unwrap();
        let parts = [Some(read.reply), facts.quoted, facts.signature];
        let mut count: HashMap<&str, i32> = HashMap::new();
        for word in parts.iter().flatten().flat_map(|part| part.split_whitespace()) {
            *count.entry(word).or_default() += 1;
        }
        for word in read.text.split_whitespace() {
            *count.entry(word).or_default() -= 1;
        }
        assert!(count.values().all(|n| *n == 0), "{lines:?} {count:?}");
    }
}

#[test]
fn long_quotations_cost_no_more_than_their_length() {
    let quoted = "> a line of an old message, with a time 14:05 and a name:\n".repeat(90_000);
    let text = format!("Ten.\n\nOn Tue, 4 Mar 2025 at 14:05, Orla <orla@finch.example> wrote:\n{quoted}");
    assert_eq!(read_as(ANSWERS, "text/plain", &text).reply, "Ten.");
    let labels = "From: a\nOn 4 March 2025 14:05 and so on\n".repeat(10_000);
    assert!(!read_as(ANSWERS, "text/plain", &labels).reply.is_empty());
    let tags = "<div class=gmail_quote>".repeat(20_000) + &"<b title='".repeat(1_000);
    read_as(ANSWERS, "text/html", &format!("Ten.{tags}"));
}
