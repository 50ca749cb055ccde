//! Words at the end of a message: closings, footers of programs on telephones, words of titles and places; in the
//! languages of Europe and its neighbours.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::field_names::fold;

/// Closings, folded and without blanks: what stands alone on the line above a name.
const CLOSINGS: &str = "thanks thankyou thx tks tia thanksagain thankssomuch thanksalot manythanks thankyouverymuch \
    thanksinadvance thankyouinadvance thankyousomuch thanksforyourhelp thankyouforyourhelp thanksandregards \
    thanksandbestregards thanksregards regards rgds best bestregards kindregards kindestregards warmregards \
    warmestregards bestwishes allthebest withkindregards withbestregards cheers sincerely sincerelyyours yourssincerely \
    yoursfaithfully yourstruly yours love respectfully respectfullyyours cordially br takecare ciao \
    cordialement biencordialement trescordialement sinceressalutations salutations salutationsdistinguees \
    meilleuressalutations bienavous bonnejournee bonnereception merci mercidavance mercibeaucoup parvance amicalement \
    respectueusement veuillezagreermessalutationsdistinguees cdlt cdt \
    mitfreundlichengrussen mitfreundlichemgruss freundlichegrusse vielegrusse bestegrusse liebegrusse schonegrusse \
    herzlichegrusse mfg vg lg danke vielendank dankeschon hochachtungsvoll gruss grusse \
    spozdravem ssrdecnympozdravem spratelskympozdravem pozdrav zdravim hezkyden dekuji dekujeme predemdekuji prejihezkyden prejipeknyden prejemehezkyden sdiky diky \
    suctou spozdravom peknyden spriatelskympozdravom dakujem vopreddakujem \
    pozdrawiam zpowazaniem zwyrazamiszacunku serdeczniepozdrawiam dziekuje zgorydziekuje \
    saludos unsaludo uncordialsaludo saludoscordiales atentamente cordialmente gracias muchasgracias atte \
    cordialisaluti distintisaluti saluti unsaluto grazie grazieinfinite grazieanticipatamente cordialita \
    atenciosamente cumprimentos melhorescumprimentos comosmelhorescumprimentos obrigado obrigada abracos atte \
    metvriendelijkegroet metvriendelijkegroeten vriendelijkegroet vriendelijkegroeten groet groeten groetjes mvg bedankt \
    dank hartelijkegroet hoogachtend \
    medvanlighalsning medvanligahalsningar vanligahalsningar halsningar mvh tack tackpaforhand \
    medvenlighilsen venlighilsen venligehilsner hilsen medvennlighilsen vennlighilsen hilsner tak takk pahandtak \
    ystavallisinterveisin terveisin parhainterveisin kiitos kiitoksia \
    udvozlettel tisztelettel udvozlet koszonom koszonettel koszi baratiudvozlettel \
    custima cuconsideratie cubine ostimata multumesc vamultumesc toatecelebune ozibuna \
    saygilarimla saygilar iyicalismalar tesekkurler tesekkurederim selamlar \
    суважением снаилучшимипожеланиями спасибо благодарю заранееспасибо всегодоброго \
    зповагою знайкращимипобажаннями дякую наперед дякую \
    μεεκτιμηση φιλικα ευχαριστω \
    敬具 よろしくお願いします よろしくお願いいたします 宜しくお願い致します 以上 此致 敬礼 谢谢 謝謝 祝好 顺祝商祺 감사합니다 고맙습니다 안부를전하며 \
    מעתודה בברכה תודה תודהרבה בכבודרב معالتحية تحياتي معخالصالتحية شكرا شكراجزيلا وتفضلوابقبولفائقالاحترام \
    بااحترام باسپاس باتشکر سپاسگزارم متشکرم ممنون ارادتمند";

/// How programs on telephones sign, folded: the line begins with one of these.
const FOOTERS: &str = "sentfrommy sentfromyahoo sentfromoutlook sentfrommail sentviamy sentfrommobile sentusingmy virusfreewww getoutlookfor \
    envoyedemon envoyedepuismon envoyeapartirde envoyedepuisyahoo envoyedemonsmartphone obteniroutlookpour telechargeroutlook \
    vonmeinem gesendetvonmeinem gesendetvonmail gesendetmit outlookfur holensiesichoutlook \
    odeslanozmeho odeslanozi odeslanozaplikace odoslanezmojho odoslanez ziskatoutlook wyslanezmojego wyslanezi wyslanoz \
    enviadodesdemi enviadodesde obtenoutlook obteneroutlook inviatodalmio inviatoda scaricaoutlook \
    enviadodomeu enviadodo enviadopelo obteroutlook verzondenvanafmijn verstuurdvanafmijn verzondenmet outlookvoor \
    skickatfranmin skickadfran sendtframin sendtframi sendtfra lahetettyi hankioutlook elkuldvea azoutlookbeszerzese \
    trimisdepe trimisde obtineoutlook iphonumdangonderildi gonderildi отправленос отправленоиз надісланоз надісланоіз \
    στάλθηκεαπό iphoneから 从我的 發自我的 发自我的 나의iphone 내iphone נשלחמה أرسلتمن أرسلمن ارسالشدهاز فرستادهشدهاز";

/// Words that stand in a signature and seldom in a sentence: titles, legal forms, places, kinds of telephone.
const SIGNS: &str = "manager director engineer president ceo cfo cto coo vp analyst consultant recruiter assistant sales marketing \
    ltd inc llc corp plc gmbh ag kg sa sas sarl spa srl bv nv ab as oy kft sro attorney partner associate trader specialist \
    coordinator officer department suite street avenue ave floor box mobile cell phone fax tel office direct pager \
    directeur directrice responsable gerant gerante chef commercial commerciale assistante ingenieur rue portable bureau \
    geschaftsfuhrer geschaftsfuhrerin leiter leiterin vertrieb einkauf strasse telefon mobil buro prokurist \
    jednatel reditel reditelka obchodni zastupce ulice riaditel konatel kierownik dyrektor prezes ulica \
    gerente jefe calle movil directora ventas direttore responsabile via cellulare ufficio diretor vendas telemovel \
    verkoop inkoop straat kantoor forsaljning saljare konsult chefs direktor salgs myynti johtaja igazgato ertekesites \
    менеджер директор тел телефон мобильный مدیر فروش تلفن موبایل همراه دفتر مهندس";

/// Kinds of streets that stand behind the number of a house, folded.
const STREETS: &str = "rue avenue av bd blvd boulevard place chemin allee impasse quai route rte cours square residence esplanade \
    parvis passage villa faubourg fbg lotissement street st road rd lane ln drive dr way close hill court ct terrace gardens \
    grove row mews crescent parkway highway hwy wharf via viale piazza corso calle";

static STREET: LazyLock<HashSet<&str>> = LazyLock::new(|| STREETS.split_whitespace().collect());

/// The word says what kind of street it is, in a language that puts the number of the house before it.
pub(super) fn is_street(word: &str) -> bool {
    word.len() <= 20 && STREET.contains(fold(word).as_str())
}

static LISTED: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(LIST_WORDS).ok());
static CLOSED: LazyLock<BTreeSet<String>> = LazyLock::new(|| CLOSINGS.split_whitespace().map(fold).collect());
static FOOTED: LazyLock<Vec<String>> = LazyLock::new(|| FOOTERS.split_whitespace().map(fold).collect());
static SIGNED: LazyLock<HashSet<String>> = LazyLock::new(|| SIGNS.split_whitespace().map(fold).collect());

/// Longest line that is a closing or a footer, in bytes.
const SHORT: usize = 120;

/// Words that join two closings.
const JOINTS: [&str; 12] = ["a", "und", "et", "and", "&", "y", "e", "en", "og", "och", "i", "и"];

/// The whole line closes a message, or is made of closings: `Thank you and best wishes`.
pub(super) fn closes(line: &str) -> bool {
    let one = |part: &str| CLOSED.contains(&fold(part));
    line.len() < SHORT
        && may_close(line)
        && (one(line) || joints(line).any(|(before, behind)| one(before) && one(behind)))
}

/// A closing begins like the first word of the line: asked first, as most lines are none.
fn may_close(line: &str) -> bool {
    let mut words = line.split(|c: char| c.is_whitespace() || matches!(c, ',' | '.' | '!'));
    let Some(first) = words.by_ref().map(fold).find(|word| !word.is_empty()) else { return false };
    CLOSED.range(first.clone()..).next().is_some_and(|closing| closing.starts_with(&first))
}

/// What stands before and behind each word that may join two closings.
fn joints(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.match_indices(' ').filter_map(|(at, _)| {
        let (before, rest) = (line.get(..at)?, line.get(at + 1..)?);
        let (word, behind) = rest.split_once(' ').filter(|(word, _)| (1..=3).contains(&word.len()))?;
        JOINTS.contains(&word).then_some((before, behind))
    })
}

/// What follows a closing on its own line: `Thanks, BT` -> `BT`.
pub(super) fn after_closing(line: &str) -> Option<&str> {
    if line.len() >= SHORT || !may_close(line) {
        return None;
    }
    let at = line.char_indices().filter(|(_, c)| matches!(c, ',' | '.' | '!' | ' ')).map(|(at, _)| at).take(8);
    let at: Vec<usize> = at.collect();
    let cut = at.into_iter().rev().find(|&at| line.get(..at).is_some_and(closes))?;
    Some(line.get(cut + 1..)?.trim_matches(|c: char| !c.is_alphanumeric())).filter(|rest| !rest.is_empty())
}

/// A program on a telephone wrote the line: it has no punctuation inside that a sentence would have.
pub(super) fn is_footer(line: &str) -> bool {
    let line = line.trim().trim_end_matches('.');
    let first = line.split_whitespace().map(fold).find(|word| !word.is_empty()).unwrap_or_default();
    let may = |start: &&String| start.starts_with(&first) || first.starts_with(*start) || start.ends_with("から");
    let mut starts = FOOTED.iter().filter(may).peekable();
    if line.len() >= SHORT || starts.peek().is_none() || line.contains([',', ';', '!', '?']) {
        return false;
    }
    let folded = fold(line);
    starts.any(|start| folded.starts_with(start) || start.ends_with("から") && folded.contains(start.as_str()))
}

/// Endings of files that are pictures.
pub(super) const PICTURES: [&str; 6] = [".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"];

/// All in square brackets, as programs write pictures in plain text: `[Logo]`, `[facebook] [linkedin]`. A question, a link
/// and a count are words of somebody.
pub(super) fn is_picture(line: &str) -> bool {
    let line = line.trim();
    if !line.starts_with('[') || !line.ends_with(']') || line.len() > 300 {
        return false;
    }
    let (mut open, mut bare) = (false, false);
    for c in line.chars() {
        match c {
            '[' => open = true,
            ']' => open = false,
            c => bare = bare || !open && !c.is_whitespace(),
        }
    }
    let lower = line.to_lowercase();
    let file = PICTURES.iter().any(|ending| lower.contains(ending)) || lower.starts_with("[cid:");
    let counted = line.split(['[', ' ', ']']).any(|word| !word.is_empty() && word.chars().all(char::is_numeric));
    let said = line.contains(['?', '？', '؟']) || line.contains("://") || counted;
    !bare && !open && (file || !said) && lower.chars().filter(|c| c.is_alphabetic()).count() >= 3
}

/// Words of the footer that a mailing list adds, folded: one stands in it beside an address or a link.
const LIST_WORDS: [&str; 12] = [
    "mailinglist",
    "listinfo",
    "unsubscribe",
    "listedediffusion",
    "seddesabonner",
    "abbestellen",
    "listadecorreo",
    "listadidiscussione",
    "listadediscussao",
    "mailinglijst",
    "emailovakonference",
    "отписаться",
];

/// Filled lines of such a footer, with its ruled line.
const LIST_LINES: usize = 8;

/// A line of such a footer: one of its words, and an address or a link.
pub(super) fn is_of_list(line: &str) -> bool {
    (line.contains("://") || line.contains('@'))
        && line.len() <= 300
        && LISTED.as_ref().is_some_and(|words| words.is_match(&fold(line)))
}

/// Where the footer of a mailing list begins at the end of `lines`: a ruled line, and below it where the list lives.
pub(super) fn list_footer(lines: &[&str]) -> Option<usize> {
    let filled = (0..lines.len()).rev().filter(|&at| lines.get(at).is_some_and(|line| !line.trim().is_empty()));
    let (mut listed, mut linked) = (false, false);
    for at in filled.take(LIST_LINES) {
        let line = lines.get(at)?.trim();
        if line.len() >= 20 && line.chars().all(|c| "-_=".contains(c)) {
            return (listed && linked).then_some(at);
        }
        if line.len() > 300 || line.starts_with('>') {
            return None;
        }
        listed = listed || LISTED.as_ref().is_some_and(|words| words.is_match(&fold(line)));
        linked = linked || line.contains("://") || line.contains('@');
    }
    None
}

/// A word of the line is one that signatures hold.
pub(super) fn has_sign(line: &str) -> bool {
    let words = line.split(|c: char| !c.is_alphanumeric()).chain(line.split_whitespace());
    words.filter(|w| !w.is_empty()).any(|word| SIGNED.contains(&fold(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closings_and_footers_are_known_in_many_languages() {
        for line in
            ["Thanks,", "Bien cordialement", "Mit freundlichen Grüßen", "S pozdravem,", "با احترام،", "С уважением,"]
        {
            assert!(closes(line), "{line}");
        }
        for line in ["Thanks for checking the order", "Best price please", "", "Merci de rappeler Eva"] {
            assert!(!closes(line), "{line}");
        }
        assert_eq!(after_closing("Thanks, BT"), Some("BT"));
        assert_eq!(after_closing("Thanks again. Eva"), Some("Eva"));
        assert_eq!(after_closing("Hello Eva"), None);
        for line in
            ["Sent from my iPhone", "Envoyé de mon iPhone", "Odesláno z mého telefonu", "Verstuurd vanaf mijn iPad"]
        {
            assert!(is_footer(line), "{line}");
        }
        assert!(!is_footer("Sent from my desk, with three pages of remarks"));
        for line in ["[Logo]", "[facebook] [linkedin]", "[image: Brightco logo]", "[https://a.example/logo.png]"] {
            assert!(is_picture(line), "{line}");
        }
        for line in ["[x]", "[20 chairs]", "[Which colour?]", "[blue] or [red]", "[https://a.example/item/4711]", ""] {
            assert!(!is_picture(line), "{line}");
        }
        assert!(has_sign("Sales Manager") && has_sign("Firma s.r.o.") && !has_sign("green apples"));
    }
}
