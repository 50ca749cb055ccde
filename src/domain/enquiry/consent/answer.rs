//! Whether a value says yes or no, in the languages of the house and some of their neighbours.
//!
//! A text gives a consent when it has one of the phrases by which people and makers of forms agree, and nothing in it
//! denies, asks, limits or takes back. Everything else is no consent, so nothing here needs to know what a refusal is.
//!
//! Invariant: what is doubtful is no yes. A consent that is missing can be asked for again, one that was made up cannot be
//! taken back.

use crate::domain::reading::field_names::fold;
use crate::domain::reading::text::one_line;

/// Words that mean yes, folded: what a ticked box sends, and how people and makers of forms say it.
const YES: [&str; 53] = [
    "1",
    "on",
    "true",
    "t",
    "y",
    "yes",
    "yesplease",
    "ok",
    "okay",
    "checked",
    "selected",
    "agree",
    "agreed",
    "iagree",
    "iconsent",
    "consent",
    "accept",
    "accepted",
    "iaccept",
    "optin",
    "subscribe",
    "oui",
    "vrai",
    "daccord",
    "jaccepte",
    "accepte",
    "jesuisdaccord",
    "jeconsens",
    "ano",
    "souhlas",
    "souhlasim",
    "ja",
    "jo",
    "jasouhlasim",
    "anosouhlasim",
    "prijimam",
    "chci",
    "einverstanden",
    "ichstimmezu",
    "akzeptiert",
    "si",
    "acepto",
    "accetto",
    "tak",
    "zgadzamsie",
    "بله",
    "بلی",
    "اری",
    "موافقم",
    "موافقهستم",
    "میپذیرم",
    "پذیرفتم",
    "قبولدارم",
];

/// Phrases by which a text agrees: folded words that follow one another. `*` stands for up to [`GAP`] words between two, `/`
/// parts words of which one will do. Of wishes only those for what consents are asked for: whoever wants to receive a
/// quotation has agreed to nothing.
const AGREEING: &[&str] = &[
    // English
    "i agree/accept/consent/authorise/authorize",
    "i hereby/do agree/accept/consent",
    "i give * consent/permission",
    "read/understand/understood * and agree/accept/consent",
    "like/want/wish to receive/get * newsletter/newsletters/news/offers/updates",
    "like/want/wish to subscribe",
    "sign me up",
    "subscribe me",
    "yes send me * newsletter/news/offers/updates",
    "yes you may call/contact/email/write",
    // French
    "j accepte/autorise",
    "lu et accepte",
    "je consens",
    "je donne * consentement/accord",
    "je suis d accord",
    "souhaite/veux/voudrais/aimerais/desire recevoir * newsletter/lettre/infolettre/offres/actualites/nouvelles",
    "m inscris/inscrire/abonne/abonner * newsletter/lettre/infolettre",
    "oui vous pouvez m/me appeler/contacter/ecrire",
    // Czech
    "souhlasim",
    "udeluji/davam/poskytuji * souhlas",
    "prijimam/akceptuji",
    "chci/preji * dostavat/odebirat * novinky/newsletter/nabidky/zpravodaj",
    "chci novinky/newsletter/zpravodaj",
    "prihlasuji se * odberu/novinek/newsletteru",
    "ano muzete me/mi psat/volat/zavolat/kontaktovat",
    // Persian
    "موافقم/میپذیرم/پذیرفتم",
    "موافق هستم",
    "می پذیرم",
    "قبول دارم/میکنم",
    "موافقت میکنم",
    "موافقت/قبول می کنم",
    "رضایت دارم/میدهم",
    "اجازه میدهم",
    "میخواهم * خبرنامه * دریافت",
    // German
    "stimme * zu",
    "willige * ein",
    "bin * einverstanden",
    "ich akzeptiere",
    "akzeptiere ich",
    "mochte * newsletter/rundbrief/angebote * erhalten",
    // Dutch, Spanish, Italian, Polish, Portuguese
    "ik ga akkoord",
    "ik geef * toestemming",
    "acepto/autorizo/consiento",
    "accetto/acconsento/autorizzo",
    "wyrazam zgode",
    "zgadzam sie",
    "aceito/concordo",
];

/// Most words that `*` stands for.
const GAP: usize = 8;

/// What leaves no agreement wherever it stands: it is bound to something else, or a part of it is refused. A hyphen at the
/// end is any end of a word.
const AGAINST: &[&str] = &[
    "but/unless/until",
    "i/and opt/refuse/reject/decline/revoke",
    "disagree-",
    "mais/sauf",
    "je refuse",
    "ale",
    "nesouhlas-/nechci/nepreji/neprijim-/neakcept-/neudel-/odmit-/zamit-",
    "aber/maar/pero",
    // Persian denies in the verb at the end.
    "اما/ولی/مگر/هیچ-/مخالف-/رد/لغو/حذف/قطع",
    "نیستم/ندارم/نمی-/نپذیرفتم/نکنم/نکنید/نشود/نگیرید/نفرستید/ندهید/نبود-",
];

/// What makes an agreement doubtful that it stands before, or within [`NEAR`] words behind: denials, doubts, limits, and what
/// ends or takes back. Further on a text may use them for something else ("I may withdraw my consent at any time").
const DOUBTING: &[&str] = &[
    "no/non/not/never/none/nothing/nobody/cannot/without/neither/n/less/fewer/only/solely/just/first/before/after/when/if",
    "later/maybe/perhaps/unsure/protest/alone/off/out/back/leave/unable/mistake/refus-/declin-/reject-/oppos-/object-",
    "withdr-/revok-/unsub-/stop-/remov-/cancel-/delet-/eras-",
    "ne/pas/aucun-/jamais/rien/ni/sans/moins/seulement/uniquement/abord/avant/apres/quand/peut/tard/suppr-/efface-",
    "accepte/accord/autorise si",
    "retir-/revoqu-/annul-/desabonn-/desinscr-/arret-/enlev-",
    "nic/nikdy/zadn-/bez/mene/jen/jenom/pouze/nejdriv-/nejprve/az/kdyz/pokud/mozna/pozdeji/nedal-/neposkyt-/zpet/rusim",
    "zrus-/odvol-/odhlas-/vyrad-/vymaz-/smaz-/ukonc-/odeber/odeberte",
    "نه/خیر/شاید/فقط/تنها/ابتدا/اگر/بعد-/پس/کمتر/بدون/دیگر/متوقف/پاک/هرگز",
    "nicht-/kein-/nein/nie/nimmer/nur/erst/wenn/weniger/losch-/niet/geen/nao/solo",
];

/// Words behind an agreement that are about it.
const NEAR: usize = 4;
/// Signs that ask.
const QUESTION: [char; 3] = ['?', '؟', '？'];
/// Characters of a value looked at.
const CHARS: usize = 2_000;
/// Words of a value looked at.
const WORDS: usize = 300;

/// Whether the value is a word that means yes, or one of `own`.
pub(super) fn agrees<'a>(value: &str, own: impl Iterator<Item = &'a str>) -> bool {
    let said = fold(&one_line(value, CHARS));
    let mut own = own.map(|text| fold(&one_line(text, CHARS)));
    let yes = YES.contains(&said.as_str()) && !value.contains(QUESTION);
    !said.is_empty() && (yes || own.any(|text| text == said))
}

/// Whether the value is a text that agrees in a language that is known here.
pub(super) fn says_yes(value: &str) -> bool {
    let line = one_line(value, CHARS);
    let words = words(&line);
    let everywhere = |phrases: &'static [&str]| {
        phrases.iter().flat_map(|phrase| (0..words.len()).filter_map(|from| find(&words, from, phrase)))
    };
    if line.contains(QUESTION) || everywhere(AGAINST).next().is_some() {
        return false;
    }
    let doubts: Vec<usize> = everywhere(DOUBTING).flatten().collect();
    let is_doubtful = |agreement: &Vec<usize>| {
        let end = agreement.last().copied().unwrap_or_default();
        doubts.iter().any(|doubt| *doubt <= end + NEAR && !agreement.contains(doubt))
    };
    let mut agreements = everywhere(AGREEING).peekable();
    agreements.peek().is_some() && !agreements.any(|agreement| is_doubtful(&agreement))
}

/// Where each word of the phrase stands, when it begins with the word at `from`.
fn find(words: &[String], from: usize, phrase: &str) -> Option<Vec<usize>> {
    let (mut at, mut gap, mut found) = (from, 0, Vec::new());
    for part in phrase.split(' ') {
        if part == "*" {
            gap = GAP;
            continue;
        }
        at += words.iter().skip(at).take(gap + 1).position(|word| part.split('/').any(|known| is(word, known)))?;
        found.push(at);
        (at, gap) = (at + 1, 0);
    }
    Some(found)
}

/// Whether it is this word, or begins with it when it has a hyphen at its end.
fn is(word: &str, known: &str) -> bool {
    known.strip_suffix('-').map_or(word == known, |start| word.starts_with(start))
}

/// The words, folded. `n't` is a word of its own, and so is what stands before an apostrophe; the joiner inside Persian
/// words is none.
fn words(line: &str) -> Vec<String> {
    let line = line.replace('’', "'").replace("n't", " not ").replace("N'T", " not ");
    let parts = line.split(|c: char| !c.is_alphanumeric() && !is_joint(c));
    parts.map(fold).filter(|word| !word.is_empty()).take(WORDS).collect()
}

/// Stands inside a word: the zero-width non-joiner, and marks on the letter before.
fn is_joint(c: char) -> bool {
    c == '\u{200c}' || unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_refusals_in_each_language() {
        for (language, refusals) in [
            ("any", &["", "0", "off", "false", "null", " - ", "opt-out"][..]),
            ("neighbours", &["nee", "Nej", "Não", "não, obrigado", "niet", "Ik wil geen reclame", "Nein danke"]),
            (
                "en",
                &[
                    "no",
                    "No, thanks",
                    "I do not agree",
                    "I don't agree to be called",
                    "I don’t want it",
                    "I would not like that",
                    "Thanks, but no thanks",
                    "disagree",
                    "I disagree with the processing of all of my data",
                    "Decline",
                    "I refuse",
                    "Never",
                    "I agree to nothing",
                ],
            ),
            (
                "fr",
                &[
                    "Non",
                    "Non merci",
                    "Je n'accepte pas",
                    "Je n’accepte pas de recevoir la lettre",
                    "Je ne souhaite pas recevoir d'offres",
                    "Je refuse",
                    "Pas d'accord",
                    "Merci, mais non",
                ],
            ),
            (
                "cs",
                &[
                    "Ne",
                    "Ne, děkuji",
                    "Nesouhlasím",
                    "Já nesouhlasím se zpracováním svých osobních údajů",
                    "Se zpracováním osobních údajů pro tyto účely nesouhlasím",
                    "Nechci",
                    "Děkuji, nechci",
                    "Nepřeji si dostávat novinky",
                    "Odmítám",
                ],
            ),
            (
                "fa",
                &[
                    "خیر",
                    "نه",
                    "نه، ممنون",
                    "خیر، متشکرم",
                    "موافق نیستم",
                    "من با دریافت خبرنامه و پیشنهادها موافق نیستم",
                    "نمی‌پذیرم",
                    "نمی پذیرم",
                    "نمی‌خواهم",
                    "مخالفم",
                    "رد می‌کنم",
                    "نميخواهم",
                ],
            ),
        ] {
            for refusal in refusals {
                assert!(!says_yes(refusal), "{language}: {refusal}");
                assert!(!agrees(refusal, std::iter::empty()), "{language}: {refusal}");
            }
        }
    }

    const AGREEMENTS: &[&str] = &[
        "I agree to the processing of my data",
        "You may write to me, and I agree that my data are not passed on to anybody",
        "J'accepte que mes données soient conservées et qu'elles ne soient pas transmises",
        "Souhlasím se zpracováním osobních údajů",
        "با دریافت خبرنامه موافقم",
        "Ich stimme der Verarbeitung zu",
        "Oui, je souhaite recevoir la lettre",
        "I would like to receive the newsletter",
        "Chci dostávat novinky e-mailem",
        "Yes, you may call me",
        "می‌خواهم خبرنامه را دریافت کنم",
        "I agree to receive news and know that I may withdraw my consent at any time",
        "Souhlasím se zpracováním údajů, souhlas mohu kdykoli odvolat",
        "I have read and accept the privacy policy",
        "J'ai lu et j'accepte la politique de confidentialité",
        "En soumettant ce formulaire, j'accepte que mes données soient utilisées uniquement pour me répondre",
        "Odesláním formuláře souhlasím se zpracováním osobních údajů",
        "Ich habe die Hinweise gelesen und bin mit der Verarbeitung meiner Daten einverstanden",
        "Přeji si dostávat novinky",
        "با شرایط و قوانین موافق هستم",
        "با پردازش اطلاعات ضروری موافقم",
        "I have read and understood the privacy policy and agree to it",
        "I understand and agree",
        "Je souhaite m'inscrire à la newsletter",
        "Přeji si odebírat novinky",
        "Ano, chci novinky",
        "Beru na vědomí zásady a souhlasím",
        "I consent to the processing necessary to answer my enquiry",
        "Souhlasím se zpracováním údajů nezbytných k vyřízení poptávky",
    ];

    const OTHER_TEXTS: &[&str] = &[
        "maybe",
        "later",
        "unsure",
        "Maybe I agree",
        "I may agree later",
        "Peut-être que j'accepte",
        "I agree to nothing",
        "Ik ga niet akkoord",
        "Não aceito receber ofertas",
        "Nonstop newsletter",
        "Ezzel semmi nincs megmondva",
        "Ask me another day",
        "Please call me first",
        "I want to read it first",
        "Only the January issue",
        "According to your policy",
        "According to our agreement of May",
        "Erst im nächsten Jahr",
        "J'ai une question",
        "Do you accept credit cards?",
        "Ja, aber erst im Januar",
        "Abonnement kündigen bitte sofort",
        "I want to see the newsletter first",
        "Ask me any time",
        "At this time I do not wish to receive offers",
        "Thank you very much, I do not want to receive the newsletter",
        "I have read the privacy policy and do not consent",
        "I agree to the terms but do not wish to receive the newsletter",
        "Please unsubscribe me from the newsletter",
        "Please stop sending me news",
        "Please remove me from your newsletter",
        "I withdraw my consent",
        "I hereby withdraw any consent given earlier",
        "Je retire mon consentement",
        "Mon consentement est retiré",
        "Souhlas jsem nedala",
        "Souhlas beru zpět",
        "Ich widerrufe meine Zustimmung",
        "رضایتم را پس می‌گیرم",
        "Ano, vyřaďte mě",
        "yes, opt me out",
        "I agree to opt out",
        "I agree, please delete my data",
        "I am unable to agree",
        "Consent is missing",
        "nobody asked me to agree",
        "Accept only necessary",
        "I accept essential cookies only",
        "I would only agree if paid",
        "J'accepte uniquement le nécessaire",
        "Souhlasím pouze s nezbytnými",
        "فقط ضروری را می‌پذیرم",
        "I agree / I decline",
        "Yes I agree / No I do not agree",
        "Souhlasím nebo nesouhlasím",
        "J'accepte si c'est gratuit",
        "I agreed last year and regret it",
        "My wife agrees",
        "I consented to this by mistake",
        "under protest I accept",
        "Before I agree, call me",
        "I agree to be left alone",
        "I agree that you may not contact me",
        "Yes, but only by phone",
        "yes i want to be removed",
        "J'accepte de ne rien recevoir",
        "Je souhaite me désabonner",
        "Je ne souhaite plus recevoir vos offres",
        "J'accepte les conditions mais je ne veux pas de publicité",
        "Souhlasím jen s vyřízením dotazu",
        "Prosím neposílat",
        "با شرایط موافقم ولی خبرنامه نمی‌خواهم",
        "دیگر مایل نیستم",
        "می‌خواهم دیگر خبرنامه دریافت نکنم",
        "می‌خواهم خبرنامه را دیگر دریافت نکنم",
        "موافقم که دیگر تماس نگیرید",
        "موافقم که خبرنامه ارسال نشود",
        "با قطع ارسال خبرنامه موافقم",
        "با پاک کردن اطلاعاتم موافقم",
        "هرگز موافقم نبودید",
        "Souhlasím s výmazem svých údajů",
        "Souhlasím s ukončením zasílání novinek",
        "J'accepte la suppression de mes données",
        "I agree you should erase all my personal data",
        "Ich stimme der Löschung meiner Daten zu",
        "Ano, můžete mě vymazat z databáze",
        "I agree to the contract. I opt out of marketing",
        "I agree to be contacted for contract matters only, marketing I refuse altogether",
        "Under no circumstances whatsoever and at no point in time do I agree",
        "Never in my whole long life as a customer would I accept",
        "I would like to receive a quote for 20 pumps",
        "Je souhaite recevoir un devis",
        "Potvrzuji termín v úterý",
        "yes please, call me at five",
        "I confirm that I have read the policy",
        "",
    ];

    #[test]
    fn a_text_agrees_by_what_it_says_and_by_nothing_less() {
        for text in AGREEMENTS {
            assert!(says_yes(text), "{text}");
        }
        for text in OTHER_TEXTS {
            assert!(!says_yes(text), "{text}");
        }
        assert!(!agrees("consent?", std::iter::empty()), "a question");
    }

    #[test]
    fn one_word_makes_an_agreement_doubtful_and_taken_away_it_stands() {
        for (agreement, doubt) in [
            ("I agree to receive * newsletter", "no"),
            ("I * agree to the processing of my data", "cannot; others"),
            ("I consent to be contacted * by mail", "only"),
            ("Please * subscribe me", "do not"),
            ("I agree to receive the newsletter *", "but not weekly"),
            ("J'accepte * de mes données", "la suppression"),
            ("J'accepte de recevoir la lettre *", "sauf le lundi"),
            ("Je * souhaite recevoir vos offres", "ne"),
            ("Souhlasím * se zpracováním údajů", "až později"),
            ("Souhlasím se zpracováním údajů *", "ale nechci novinky"),
            ("Chci dostávat novinky *", "pouze v lednu"),
            ("* موافقم", "هرگز"),
            ("می‌خواهم خبرنامه را دریافت کنم *", "اما بعدا"),
            ("Ich stimme der Verarbeitung * zu", "nicht"),
            ("Ich bin * einverstanden", "erst morgen"),
        ] {
            let (without, with) = (agreement.replace('*', ""), agreement.replace('*', doubt));
            assert!(says_yes(&without), "{without}");
            assert!(!says_yes(&with), "{with}");
        }
    }
}
