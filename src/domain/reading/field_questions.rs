//! Titles of fields that are questions or requests, as builders of forms write them: "What is your name?", "Quelle est
//! votre adresse e-mail ?", "Zadejte prosím váš telefon", «ایمیل شما چیست؟». What frames the question is taken away; what
//! is left is a name like any other, which its caller looks up.
//!
//! Not here: what a name means. A question that frames no name is none of ours, above all one that is answered with yes.

use super::field_names::fold;

/// Longest title that is taken apart, in words.
const WORDS: usize = 14;

/// Words that begin a question for a value.
const ASKS: &[&str] =
    &["what", "whats", "which", "quel", "quelle", "quels", "quelles", "jaky", "jaka", "jake", "jakou", "چه", "لطفا"];
/// Words that begin a request for a value, where somebody's is named.
const REQUESTS: &[&str] = &[
    "enter",
    "type",
    "tell",
    "give",
    "provide",
    "share",
    "leave",
    "add",
    "indiquez",
    "indiquer",
    "entrez",
    "entrer",
    "saisissez",
    "saisir",
    "donnez",
    "laissez",
    "precisez",
    "zadejte",
    "uvedte",
    "napiste",
    "vyplnte",
    "zanechte",
];
/// Politeness before a request or question.
const PLEASE: &[&str] = &["please", "merci", "veuillez", "svp", "prosim", "de", "d"];
/// Words between the beginning and the name.
const BETWEEN: &[&str] = &[
    "is", "are", "s", "us", "in", "est", "sont", "nous", "je", "jsou", "nam", "the", "a", "an", "le", "la", "les", "l",
];
/// Words that say whose it is.
const WHOSE: &[&str] =
    &["your", "votre", "vos", "vas", "vase", "vasi", "vaseho", "sve", "svuj", "svou", "svoje", "شما", "خود", "خودتان"];
/// Somebody else, whose name or address is not the visitor's.
const OTHERS: &[&str] = &[
    "customers",
    "clients",
    "contacts",
    "friend",
    "friends",
    "guest",
    "colleague",
    "partner",
    "manager",
    "boss",
    "child",
    "childs",
    "zakaznika",
    "kolegy",
    "partnera",
    "مشتری",
    "همکار",
];
/// The same where it stands behind "of your", or with a genitive: "your contact number" is the visitor's own.
const OTHERS_OF: &[&str] = &["customer", "client", "contact", "lead", "visitor"];
/// What stands before whose such a one is.
const OF: &[&str] = &["of", "de"];
/// Words within a name that it is also known without.
const INNER: &[&str] = &["de", "du", "des", "d", "la", "le", "l", "the", "s"];
/// Words at the end of a question or request.
const ENDS: &[&str] = &[
    "please",
    "here",
    "svp",
    "ici",
    "prosim",
    "چیست",
    "چیه",
    "است",
    "کنید",
    "نمایید",
    "وارد",
    "بنویسید",
    "بفرمایید",
    "را",
];
/// Words that ask what a person is called.
const CALLED: &[&str] = &[
    "jmenujete",
    "vousappelezvous",
    "whatshouldwecallyou",
    "whatcanwecallyou",
    "whatmaywecallyou",
    "whatdowecallyou",
    "whatshallwecallyou",
    "howshouldwecallyou",
];
/// A question what may be done for the visitor has a word of each of these three.
const HOW: &[&str] = &["how", "what", "comment", "en", "que", "jak", "cim", "چگونه", "چطور", "چه"];
const MAY_WE: &[&str] = &[
    "canwe",
    "couldwe",
    "maywe",
    "cani",
    "mayi",
    "pouvonsnous",
    "peuton",
    "puisje",
    "muzeme",
    "mohu",
    "muzu",
    "potrebujete",
    "میتوانیم",
    "توانیم",
    "میتونیم",
];
/// The one word that may stand between those two: "en quoi pouvons-nous", "jak vám můžeme".
const TO_WHOM: &[&str] = &["quoi", "vam", "te", "کمکی", "کار", "کاری"];
const DO: &[&str] =
    &["help", "assist", "do", "aider", "faire", "pomoci", "pomoct", "udelat", "کمک", "کمکتان", "کمکی", "انجام"];

/// Names that a title may be looked up by, the likeliest first; none when it is no question or request.
pub(super) fn names(title: &str) -> Vec<String> {
    let words = words(title);
    if words.len() < 2 || words.len() > WORDS {
        return Vec::new();
    }
    let joined = words.concat();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if asks_what_to_do(&words) && has(DO) {
        return vec!["message".to_owned()];
    }
    if has(WHOSE) && (has(OTHERS) || is_of_another(&words)) {
        return Vec::new();
    }
    if CALLED.iter().any(|called| joined.ends_with(called)) {
        return vec!["fullname".to_owned()];
    }
    framed(&words).map(readings).unwrap_or_default()
}

/// Whether it asks, at its beginning, what may be done for the visitor, and not when or where.
fn asks_what_to_do(words: &[String]) -> bool {
    let at = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    let may_we =
        |index: usize| MAY_WE.contains(&at(index)) || MAY_WE.contains(&[at(index), at(index + 1)].concat().as_str());
    (0..2).filter(|how| HOW.contains(&at(*how))).any(|how| {
        let next = how + 1;
        may_we(next) || TO_WHOM.contains(&at(next)) && may_we(next + 1)
    })
}

/// "What is your client's name?", "the e-mail of your customer".
fn is_of_another(words: &[String]) -> bool {
    let is_in = |index: Option<usize>, list: &[&str]| {
        index.and_then(|index| words.get(index)).is_some_and(|word| list.contains(&word.as_str()))
    };
    (0..words.len()).filter(|at| is_in(Some(*at), OTHERS_OF)).any(|at| {
        let behind_of = is_in(at.checked_sub(1), WHOSE) && is_in(at.checked_sub(2), OF);
        is_in(Some(at + 1), &["s"]) || behind_of
    })
}

/// The words of a title, folded; what stands between a half-space or a hyphen is one word.
fn words(title: &str) -> Vec<String> {
    let pieces = title.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '’' | ':'));
    pieces.map(fold).filter(|word| !word.is_empty()).collect()
}

/// What a frame leaves over; nothing when there is none.
fn framed(words: &[String]) -> Option<&[String]> {
    let polite = words.iter().take_while(|word| PLEASE.contains(&word.as_str())).count();
    let mut rest = words.get(polite..)?;
    let is_of = |rest: &[String], list: &[&str]| rest.first().is_some_and(|word| list.contains(&word.as_str()));
    let (asks, requests) = (is_of(rest, ASKS), is_of(rest, REQUESTS));
    let is_named = rest.iter().any(|word| WHOSE.contains(&word.as_str()));
    if asks || requests && is_named {
        rest = rest.get(1..)?;
        while is_of(rest, BETWEEN) || is_of(rest, PLEASE) {
            rest = rest.get(1..)?;
        }
    }
    let before = rest.len();
    while rest.last().is_some_and(|word| ENDS.contains(&word.as_str())) {
        rest = rest.get(..rest.len() - 1)?;
    }
    // Of "Your company's name" only the sign of the genitive is too much.
    let has_genitive = is_named && rest.iter().any(|word| word == "s");
    let is_framed = asks || requests && is_named || before > rest.len() && is_named || has_genitive;
    (is_framed && !rest.is_empty()).then_some(rest)
}

/// A name with whose it is, without, without small words, and "the name of your company" the other way round.
fn readings(words: &[String]) -> Vec<String> {
    let without = |lists: &[&[&str]]| {
        let kept = words.iter().filter(|word| !lists.iter().any(|list| list.contains(&word.as_str())));
        kept.map(String::as_str).collect::<Vec<_>>()
    };
    let mut found = vec![words.concat(), without(&[&["s"]]).concat(), without(&[WHOSE]).concat()];
    let bare = without(&[WHOSE, INNER]);
    if let Some(of) = bare.iter().position(|word| *word == "of") {
        let (thing, whose) = bare.split_at(of);
        found.push(whose.get(1..).unwrap_or_default().iter().chain(thing).copied().collect());
    }
    found.push(bare.concat());
    found
}
