//! What tells the small print of a company from a sentence of a person that has words of it: it speaks of the message
//! itself, of a case that may be ("if you are not .."), and nobody says "I" in it.

/// The message speaks of itself, or of whom it is meant for in words that only lawyers use; folded.
const OF_ITSELF: &str = "thismessage thisemail thismail thiscommunication thistransmission thisinformation \
    intendedrecipient namedaddressee intendedsolely solelyforthe intendedonlyfor cemessage cecourriel cemail cetemail \
    dieseemail diesemail diesernachricht diesenachricht diesemitteilung tentoemail tentomail tutozpravu tatozprava \
    tohotoemailu tejtospravy tatosprava tatoemail estemensaje estecorreo esteemail estamensagem estemail questomessaggio \
    questaemail questamail questacomunicazione presentemessaggio dezemail dezeemail ditbericht ditemailbericht dezemelding \
    tawiadomosc tewiadomosc niniejszawiadomosc tenemail detmejl dettameddelande dettamejl dettaemail denneepost denneemail \
    dennemeldingen dennemelding dennemail dettemeddelelse tamaviesti tamasahkoposti ezazuzenet ezazemail eztazuzenet \
    eztazemailt acestmesaj acestemail bueposta bumesaj buileti этосообщение этописьмо данноесообщение данноеписьмо \
    цеповідомлення цейлист 本邮件 本电子邮件 此邮件 本郵件 本メール このメール 本電子メール 본메일 이메일 본전자우편 הודעהזו \
    דואראלקטרוניזה هذهالرسالة هذاالبريد اینایمیل اینپیام τοπαρονμηνυμα αυτοτομηνυμα παρονemail";

/// Beginnings of a case that may be, as whole words, lower case.
const CASES: &str = "if should unless falls wenn sollten sofern pokud jestliže jestli ak als indien jeśli jeżeli gdy если \
    якщо om hvis dersom jos ha dacă eğer اگر چنانچه إذا אם εάν αν caso";
/// The same at the beginning of a clause only: within, Czech has them everywhere.
const CASES_FIRST: [&str; 2] = ["si", "se"];
/// The same where words are not parted.
const CASES_INSIDE: [&str; 6] = ["如果", "若您", "万一", "もし", "만약", "haben sie"];

/// Words with which a person speaks of themselves, lower case, that mean nothing else in a language of disclaimers.
const SELVES: &str = "i'm i've i'd i'll my j j'ai ich mein meine meinen meinem meiner jsem yo io ik mijn jag jeg minä я мой мне мною \
    мої мені کردم فرستادم نوشتم دادم";

/// Words with which people speak of their company as the one who does something, lower case.
const WE: &str = "we we're we've we'd we'll our wir unser unsere unseren unserem unserer nous notre nos my jsme chceme potřebujeme \
    prosíme náš naše našich ما nosotros nuestro nuestra noi nostro nostra wij onze nasz nasza мы наш наша наши";

/// What companies say of themselves in small print: what they are not liable for, what they check, and that they want to be
/// told; folded.
const OF_COMPANIES: &str = "liab virus viren responsab responsib verantwort haft odpoved garant guarant warrant notify monitor \
    nousavert nousenavert nousinform nouseninform nousprev nouslesignal";

/// Words with which people ask for something, lower case.
const POLITE: &str = "please bitte merci veuillez prosím prosíme prosim لطفا لطفاً proszę prego";

/// Whether somebody speaks of their company as the one who does something.
pub(super) fn of_us(sentence: &str) -> bool {
    has_word(&sentence.to_lowercase().replace('’', "'"), WE)
}

/// Whether somebody asks for something.
pub(super) fn asks_politely(sentence: &str) -> bool {
    has_word(&sentence.to_lowercase(), POLITE)
}

/// Whether it says what companies say of themselves in small print. `folded`: without blanks and marks.
pub(super) fn of_companies(folded: &str) -> bool {
    OF_COMPANIES.split_whitespace().any(|word| folded.contains(word))
}

/// Whether the message speaks of itself. `folded`: without blanks and marks.
pub(super) fn of_itself(folded: &str) -> bool {
    OF_ITSELF.split_whitespace().any(|word| folded.contains(word))
}

/// Whether a case is put: "if this message reached you by mistake".
pub(super) fn puts_a_case(paragraph: &str) -> bool {
    let lower = paragraph.to_lowercase();
    let first = |clause: &str| clause.split_whitespace().next().is_some_and(|word| CASES_FIRST.contains(&word));
    CASES_INSIDE.iter().any(|word| lower.contains(word))
        || has_word(&lower, CASES)
        || lower.split(['.', ',', ';', ':', '!', '?']).any(first)
}

/// Whether somebody speaks of themselves. "I" and "je" are little words of other languages, too: they count beside others
/// of their own.
pub(super) fn of_oneself(paragraph: &str) -> bool {
    let lower = paragraph.to_lowercase().replace('’', "'");
    let english = || paragraph.split(|c: char| !c.is_alphanumeric()).any(|word| word == "I");
    has_word(&lower, SELVES)
        || has_word(&lower, "je") && has_word(&lower, "vous")
        || english() && has_word(&lower, "the you please and")
}

fn has_word(lower: &str, words: &str) -> bool {
    let mut said = lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty());
    said.any(|word| words.split_whitespace().any(|known| known == word))
}
