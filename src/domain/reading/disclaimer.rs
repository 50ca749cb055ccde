//! What companies put below every mail: that it is confidential, whom it is meant for, what to do when it went astray,
//! and that it need not be printed.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::budget;
use super::disclaimer_signs::{asks_politely, of_companies, of_itself, of_oneself, of_us, puts_a_case};
use super::field_names::fold;

/// Filled lines at the end that are looked at.
const LINES: usize = 40;
/// Shortest paragraph that is one, in bytes: a sentence of a person is seldom as long.
const LEAST: usize = 60;
/// Longest part of a paragraph looked at, in bytes.
const MOST: usize = 2_000;

/// Beginnings of folded words: of secrets, of who it is meant for, of mistakes, of what is to be done with it. A paragraph
/// with two kinds of them may be a disclaimer; people, too, send something by mistake and ask to delete it.
const KINDS: [&[&str]; 4] = [
    &[
        "confidenti",
        "confidencia",
        "confidenzial",
        "riservat",
        "vertraulich",
        "vertrouwelijk",
        "duvern",
        "dovern",
        "poufn",
        "конфиденциальн",
        "конфіденційн",
        "luottamuksell",
        "bizalmas",
        "gizli",
        "fortrolig",
        "konfidenti",
        "机密",
        "機密",
        "기밀",
        "חסוי",
        "سري",
        "محرمانه",
        "εμπιστευτικ",
        "privileged",
    ],
    &[
        "addressee",
        "intendedrecipient",
        "intendedfor",
        "intendedsolely",
        "solelyforthe",
        "destinataire",
        "destinatari",
        "destinatar",
        "empfanger",
        "adressat",
        "geadresseerde",
        "bestemdvoor",
        "adresat",
        "prijemc",
        "odbiorc",
        "адресат",
        "получател",
        "одержувач",
        "mottaker",
        "mottagar",
        "modtager",
        "vastaanottaj",
        "cimzett",
        "alici",
        "αποδεκτη",
        "παραληπτη",
        "收件人",
        "受信者",
        "宛先",
        "수신자",
        "נמען",
        "المرسلإليه",
        "المستلم",
        "گیرنده",
        "مخاطب",
    ],
    &[
        "inerror",
        "bymistake",
        "parerreur",
        "irrtum",
        "versehentlich",
        "richtigeadressat",
        "richtigeempfanger",
        "tenonrechte",
        "abusievelijk",
        "omylem",
        "pomylk",
        "przezpomylke",
        "ошибк",
        "помилк",
        "misstag",
        "vedenfeil",
        "vedfeil",
        "vedenfejl",
        "vedfejl",
        "vahingossa",
        "erehdyksessa",
        "tevedes",
        "yanlislik",
        "dingreseala",
        "dineroare",
        "pererrore",
        "porerror",
        "porengano",
        "porequivoco",
        "错误",
        "誤って",
        "誤送",
        "잘못",
        "בטעות",
        "خطأ",
        "اشتباه",
        "παραλαθος",
        "εκπαραδρομης",
    ],
    &[
        "delete",
        "destroy",
        "detrui",
        "supprime",
        "vernicht",
        "losche",
        "verwijder",
        "smazte",
        "vymazte",
        "zniszcz",
        "usuniec",
        "удалит",
        "видаліт",
        "radera",
        "slette",
        "poista",
        "torolj",
        "siliniz",
        "stergeti",
        "elimin",
        "distrugg",
        "borre",
        "apague",
        "删除",
        "削除",
        "삭제",
        "למחוק",
        "حذف",
        "διαγραψ",
    ],
];

/// Folded words of a line that asks not to print.
const PRINT: [&str; 8] = [
    "beforeprinting",
    "avantdimprimer",
    "vordemausdrucken",
    "predtiskem",
    "predvytisknutim",
    "antesdeimprimir",
    "primadistampare",
    "voorhetprinten",
];

/// What such a line asks to be thought of, folded: a print shop's customer writes of printing, too.
const NATURE: [&str; 10] = [
    "environment",
    "environnement",
    "umwelt",
    "prostred",
    "planet",
    "medioambiente",
    "meioambiente",
    "lambiente",
    "hetmilieu",
    "природ",
];

/// Whether a paragraph (or a line that is one) says such things.
pub(in crate::domain) fn is_disclaimer(paragraph: &str) -> bool {
    read(paragraph).is_some()
}

/// How sure it is that a paragraph is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// It speaks of secrets, or of printing.
    Certain,
    /// It only speaks of what to do with a message gone astray.
    Likely,
}

fn read(paragraph: &str) -> Option<Certainty> {
    if paragraph.len() < 20 {
        return None;
    }
    let paragraph = super::body::cut(paragraph, MOST);
    let folded = fold(paragraph);
    let finder = FINDER.as_ref()?;
    let (mut kinds, mut asks) = ([false; KINDS.len()], false);
    for found in finder.find_overlapping_iter(&folded) {
        match OF_WORD.get(found.pattern().as_usize()).and_then(|kind| kinds.get_mut(*kind)) {
            Some(kind) => *kind = true,
            None => asks = true,
        }
    }
    let few = kinds.iter().filter(|found| **found).count() < 2;
    let itself = (asks || !few) && of_itself(&folded);
    let printed = asks && (itself || NATURE.iter().any(|word| folded.contains(word)));
    let astray = itself && !few && paragraph.len() >= LEAST;
    if !printed && !astray || of_oneself(paragraph) || sentences(paragraph).any(is_request) {
        return None;
    }
    if printed {
        return Some(Certainty::Certain);
    }
    let [secret, ..] = kinds;
    if secret {
        return Some(Certainty::Certain);
    }
    puts_a_case(paragraph).then_some(Certainty::Likely)
}

/// Whether `above` has at least as many words as `below`: what is doubtful never takes most of a message.
fn is_longer(above: &[&str], below: &[&str]) -> bool {
    let words = |lines: &[&str], most: usize| lines.iter().flat_map(|line| line.split_whitespace()).take(most).count();
    let needed = words(below, MOST);
    words(above, needed) >= needed
}

/// Whether a sentence has a word of small print.
fn has_sign(sentence: &str) -> bool {
    let folded = fold(sentence);
    of_itself(&folded) || of_companies(&folded) || FINDER.as_ref().is_some_and(|finder| finder.is_match(&folded))
}

/// Whether a sentence wants something of its own: of itself it speaks of no message, no case and nothing that companies say
/// in small print.
fn is_request(sentence: &str) -> bool {
    let folded = || fold(sentence);
    of_us(sentence) && !puts_a_case(sentence) && !of_itself(&folded()) && !of_companies(&folded())
        || asks_politely(sentence) && !has_sign(sentence) && !puts_a_case(sentence)
}

/// The sentences, roughly: no word of small print has such a sign within.
fn sentences(paragraph: &str) -> impl Iterator<Item = &str> {
    paragraph.split(['.', '!', '?', '。', '؟', '\n']).filter(|sentence| !sentence.trim().is_empty())
}

/// All words of [`KINDS`] in their order, then those of [`PRINT`].
static FINDER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(KINDS.iter().copied().flatten().chain(&PRINT)).ok());

/// The kind of each word of [`KINDS`], in the order of [`FINDER`].
static OF_WORD: LazyLock<Vec<usize>> =
    LazyLock::new(|| KINDS.iter().enumerate().flat_map(|(kind, words)| words.iter().map(move |_| kind)).collect());

/// Where the disclaimers at the end of `lines` begin; how many there are lines when there is none. A paragraph is what no
/// blank line divides.
pub(super) fn start(lines: &[&str]) -> usize {
    let mut start = lines.len();
    let mut end = lines.len();
    let blank = |at: usize| lines.get(at).is_none_or(|line| line.trim().is_empty());
    for _ in 0..LINES {
        while end > 0 && blank(end - 1) {
            end -= 1;
        }
        let first = (0..end).rev().take(LINES).take_while(|&at| !blank(at)).last();
        let Some(first) = first else { break };
        let paragraph = lines.get(first..end).unwrap_or_default();
        if !budget::pay(4 * paragraph.iter().map(|line| line.len() + 1).sum::<usize>()) {
            break;
        }
        if paragraph.iter().any(|line| line.trim_start().starts_with('>')) {
            break;
        }
        let found = read(&paragraph.join(" "));
        // A signature may stand directly above it, in the same paragraph.
        let own = paragraph.iter().position(|line| line.len() >= LEAST).unwrap_or(0);
        let above = lines.get(..first).unwrap_or_default();
        let found = found.filter(|found| match found {
            Certainty::Certain => {
                let below = paragraph.get(own..).unwrap_or_default().join(" ");
                is_longer(above, paragraph) || sentences(&below).all(has_sign)
            }
            Certainty::Likely => is_longer(above, paragraph),
        });
        if found.is_some() {
            let within = own > 0 && is_disclaimer(&paragraph.get(own..).unwrap_or_default().join(" "));
            if within || first == 0 {
                // A message that is nothing else stays one.
                return if within { first + own } else { start };
            }
            start = first;
            end = first;
        } else {
            break;
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disclaimers_are_known_and_people_are_left_alone() {
        for text in [
            "This e-mail is confidential and meant for the addressee only; if it reached you in error, delete it.",
            "Ce courriel est confidentiel. Si vous n'en êtes pas le destinataire, merci de le supprimer sans délai.",
            "Diese Nachricht ist vertraulich. Haben Sie sie irrtümlich erhalten, löschen Sie sie bitte sofort wieder.",
            "Tento e-mail je důvěrný; pokud jste jej dostali omylem, smažte jej prosím a dejte nám o tom vědět.",
            "Please consider the environment before printing this e-mail.",
            "If you have received this e-mail in error, please notify the sender and delete it from your system.",
            "Si vous avez reçu ce message par erreur, nous vous prions de le supprimer et de nous en avertir.",
            "Sollten Sie nicht der richtige Empfänger sein, löschen Sie diese Nachricht bitte und geben Sie Bescheid.",
            "This e-mail is confidential and meant for the addressee. We accept no liability for viruses in it.",
            "This e-mail is confidential and meant for the addressee. If it is not for you, we ask you to delete it.",
            "Ce courriel est confidentiel et destiné à son seul destinataire. Merci de nous avertir s'il vous est parvenu.",
        ] {
            assert!(is_disclaimer(text), "{text}");
        }
        for text in [
            "Please delete my old order 4711 and send me a new quotation for thirty of the blue ones instead.",
            "Our plans are confidential, so please do not show the drawing to anybody outside of your company.",
            "Confidential, addressee",
            "Prosím o kontrolu dat před tiskem a o cenu za 500 letáků, děkujeme.",
            "Please send a proof before printing the 500 flyers, and a price for it.",
            "The attached drawing is confidential and intended for your technicians only, please destroy it after quoting.",
            "Die Zeichnung ist vertraulich, bitte löschen Sie sie nach der Kalkulation, wie immer besprochen.",
            "I sent the form twice by mistake, please delete the first one and keep the second.",
            "The form was sent twice by mistake, please delete the first one and keep the second.",
            "J'ai envoyé le formulaire deux fois par erreur, merci de supprimer la première demande.",
            "Merci de supprimer l'ancien destinataire de la commande et de le remplacer par notre dépôt de Lyon.",
            "Die Anfrage kam versehentlich zweimal, bitte löschen Sie die erste und behalten Sie die zweite.",
            "Poptávku jsme omylem odeslali dvakrát, první z nich prosím smažte a druhou nechte.",
            "Tento e-mail jsem omylem poslal dvakrát, první prosím smažte, poptávka v něm už neplatí.",
            "I sent you our confidential drawing by mistake; please delete it and use the new one instead.",
            "This e-mail and its attachments are confidential and intended for you only. We need 30 pumps. Call me.",
            "Hello, this message contains confidential information. We received this machine in error, collect it please.",
            "Diese E-Mail ist vertraulich. Wir haben die Ware irrtümlich erhalten und bitten um Abholung.",
            "Ce message est confidentiel et destiné à son destinataire. Nous voudrions trente pompes.",
            "Tato zpráva je důvěrná a určená jen adresátovi. Potřebujeme třicet čerpadel.",
            "Please mail us a proof before printing the 500 flyers, and your best price.",
            "Pošlete mi prosím náhled e-mailem před tiskem a cenu za 500 letáků.",
            "Merci de nous envoyer un BAT par mail avant d'imprimer les 500 flyers.",
            "Merci de nous envoyer une épreuve avant d'imprimer, il en faut environ 500.",
            "Dokumentace je důvěrná, po nacenění ji prosím smažte a ozvěte se s cenou do pátku.",
            "Výkresy jsou důvěrné, prosíme o cenu pro příjemce Novák a ozvěte se do pátku prosím.",
            "The plans are confidential; please delete them if you cannot quote, else send a price by Friday.",
            "Les plans sont confidentiels, merci de les supprimer si vous ne pouvez pas faire d'offre avant vendredi.",
            "نقشه‌ها محرمانه است، اگر قیمت نمی‌دهید لطفاً حذف کنید وگرنه تا جمعه قیمت بدهید.",
        ] {
            assert!(!is_disclaimer(text), "{text}");
        }
    }

    #[test]
    fn only_what_stands_at_the_end_is_cut_and_never_all() {
        let note =
            "This message is confidential and intended for the addressee; delete it if it came in error, please.";
        assert_eq!(start(&["Hello", "", note]), 2);
        assert_eq!(start(&["Hello", "", note, "", note]), 2);
        assert_eq!(start(&["Hello", "", note, "", "See you"]), 5);
        let secret = "Please treat this email and its attachments as confidential, they are intended solely for you.";
        assert_eq!(start(&["Dear Ms Novak,", "", secret, "Please quote 20 pumps."]), 4, "nothing else is said");
        assert_eq!(
            start(&["Dear Ms Jana Novak, good morning,", "", secret, "Please quote 20 pumps."]),
            4,
            "neither here"
        );
        assert_eq!(start(&[note]), 1, "a message that is nothing else");
        let astray = "If this message reached you by mistake, please delete it and tell the sender at once.";
        assert_eq!(start(&["Hello", "", astray]), 3, "never most of a message");
        let long = "Hello, we need thirty of the blue chairs and a table for the meeting room by the end of March.";
        assert_eq!(start(&[long, "", astray]), 2);
        assert_eq!(start(&["Eva", "Tel. 1", note]), 2, "below a block without a blank line");
    }
}
