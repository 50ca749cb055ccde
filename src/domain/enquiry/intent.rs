//! What they want, by few sure words: kind of inquiry, request to be left alone.

use std::sync::LazyLock;

use crate::domain::reading::body::cut;
use crate::domain::reading::budget;
use crate::domain::reading::field_names::{fold, fold_into};

/// Most words of an unsubscribe request: longer texts mean something else.
const UNSUBSCRIBE_WORDS: usize = 5;

/// Words that ask not to be written to, folded.
const UNSUBSCRIBE: [&str; 26] = [
    "unsubscribe",
    "unsubscribeme",
    "pleaseunsubscribe",
    "removeme",
    "optout",
    "stop",
    "desabonner",
    "desabonnement",
    "desinscription",
    "desinscrire",
    "medesabonner",
    "stopmail",
    "abmelden",
    "abbestellen",
    "austragen",
    "odhlasit",
    "odhlaste",
    "odhlaseni",
    "baja",
    "dardebaja",
    "desuscribir",
    "cancellami",
    "disiscrivi",
    "annullaiscrizione",
    "لغو",
    "لغواشتراک",
];

/// Subjects that ask it alone, folded, whatever stands below: providers that send the `mailto:` of `List-Unsubscribe` for
/// their user add a sentence of their own. Only what our mails offer; `لغو` alone may also cancel an order, so it asks
/// with the word beside it.
const SUBJECTS: [&str; 4] = ["unsubscribe", "desabonner", "odhlasit", "لغواشتراک"];

/// Whether the new text, or for an empty text the subject, is a request to be unsubscribed; or the subject is the one that
/// our mails ask for.
pub fn is_unsubscribe(reply: &str, subject: Option<&str>) -> bool {
    if subject.is_some_and(|subject| SUBJECTS.contains(&fold(subject).as_str())) {
        return true;
    }
    let text = reply.trim();
    let text = if text.is_empty() { subject.unwrap_or_default() } else { text };
    let words: Vec<String> =
        text.split_whitespace().take(UNSUBSCRIBE_WORDS + 1).map(fold).filter(|w| !w.is_empty()).collect();
    // Who names a number wants something else as well.
    if words.is_empty() || words.len() > UNSUBSCRIBE_WORDS || words.iter().any(|w| w.contains(char::is_numeric)) {
        return false;
    }
    let whole = words.concat();
    // "stop" means it only alone; the longer words also in a short sentence.
    UNSUBSCRIBE.contains(&whole.as_str())
        || words.iter().any(|w| w.chars().count() > 6 && UNSUBSCRIBE.contains(&w.as_str()))
}

/// Kinds with words that begin a word of the text, folded.
const KINDS: [(&str, &[&str]); 7] = [
    ("complaint", &["reclamation", "reklamac", "complaint", "beschwerde", "reklamation", "quej", "reclamo", "شکایت"]),
    ("job", &["candidature", "curriculumvitae", "zivotopis", "bewerbung", "jobapplication", "استخدام"]),
    ("partnership", &["partnership", "partenariat", "partnerstvi", "spoluprac", "partnerschaft", "همکاری"]),
    ("test drive", &["testdrive", "probefahrt", "zkusebnijizd"]),
    (
        "service",
        &["reparation", "repair", "oprav", "reparatur", "maintenance", "entretien", "servis", "wartung", "تعمیر"],
    ),
    (
        "price",
        &[
            "devis",
            "quotation",
            "quote",
            "pricelist",
            "cenovanabidk",
            "nabidk",
            "poptavk",
            "angebot",
            "kostenvoranschlag",
            "presupuesto",
            "preventivo",
            "tarif",
            "قیمت",
        ],
    ),
    ("product", &["catalogue", "katalog", "brochure", "produktinformation", "availability", "disponibilit", "محصول"]),
];

/// Kind of inquiry by keywords in subject and text; `None` when no word is sure.
pub fn inquiry_kind(topic: Option<&str>, message: &str) -> Option<String> {
    [topic.unwrap_or_default(), cut(message, 1_000)].into_iter().find_map(kind_of).map(str::to_owned)
}

/// The first kind of which a word begins a word of the text, or two words written as one.
fn kind_of(text: &str) -> Option<&'static str> {
    let (mut before, mut word) = (String::new(), String::new());
    let mut found = KINDS.len();
    for raw in text.split_whitespace().take(150).filter(|raw| budget::pay(8 * raw.len())) {
        word.clear();
        fold_into(raw, &mut word);
        let alone = starts_like(&word).iter().filter(|(start, _)| word.starts_with(start));
        let joined = starts_like(&before)
            .iter()
            .filter(|(start, _)| start.strip_prefix(before.as_str()).is_some_and(|rest| word.starts_with(rest)));
        found = alone.chain(joined).map(|(_, kind)| *kind).chain([found]).min().unwrap_or(found);
        std::mem::swap(&mut before, &mut word);
    }
    KINDS.get(found).map(|(kind, _)| *kind)
}

/// The words of [`KINDS`] with the place of their kind, by their first byte: few of them can begin a given word.
static STARTS: LazyLock<Vec<Vec<(&str, usize)>>> = LazyLock::new(|| {
    let mut starts = vec![Vec::new(); 256];
    for (kind, (_, words)) in KINDS.iter().enumerate() {
        for word in *words {
            let first = word.bytes().next().map_or(0, usize::from);
            starts.get_mut(first).into_iter().for_each(|list: &mut Vec<_>| list.push((*word, kind)));
        }
    }
    starts
});

/// The words that begin with the same byte.
fn starts_like(word: &str) -> &'static [(&'static str, usize)] {
    let list = word.bytes().next().and_then(|first| STARTS.get(usize::from(first)));
    list.map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_requests_are_unsubscribes_and_sentences_are_not() {
        for text in ["Unsubscribe", "Please unsubscribe me.", "STOP", "Odhlásit prosím", "se désabonner", "لغو"] {
            assert!(is_unsubscribe(text, None), "{text}");
        }
        for text in [
            "How can I unsubscribe a machine from your service?",
            "non stop please",
            "",
            "Hello",
            "Unsubscribe | 20 chairs",
        ] {
            assert!(!is_unsubscribe(text, None), "{text}");
        }
        assert!(is_unsubscribe(" ", Some("unsubscribe")));
    }

    #[test]
    fn the_subject_our_mails_ask_for_counts_whatever_stands_below() {
        let body =
            "This message was generated automatically because your subscriber asked to be removed from the list.";
        for subject in ["unsubscribe", "Unsubscribe", " UNSUBSCRIBE. ", "désabonner", "Odhlásit", "لغو اشتراک"]
        {
            assert!(is_unsubscribe(body, Some(subject)), "{subject}");
        }
        for subject in ["Unsubscribe a machine", "Re: unsubscribe from your service?", "stop", "لغو", "Hello"] {
            assert!(!is_unsubscribe(body, Some(subject)), "{subject}");
        }
    }

    #[test]
    fn kinds_come_from_sure_words() {
        assert_eq!(inquiry_kind(Some("Demande de devis"), "").as_deref(), Some("price"));
        assert_eq!(inquiry_kind(None, "Prosím o cenovou nabídku").as_deref(), Some("price"));
        assert_eq!(inquiry_kind(Some("Hello"), "just saying hello"), None);
    }
}
