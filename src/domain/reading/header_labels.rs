//! How mail programs write the header of a message inside a text: labels, the words that say "forwarded", and the
//! prefixes of subjects, in the languages that mail programs come in.
//!
//! Words are compared folded ([`field_names::fold`]): lower case, without marks, letters and digits only.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::budget;
use super::field_names::fold;

/// What a header line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Label {
    From,
    To,
    Cc,
    Date,
    Subject,
    ReplyTo,
}

const LABELS: [(Label, &str); 6] = [
    (
        Label::From,
        "from de von od da van fra från dela delapart expeditorul expeditor mittente absender expéditeur remitente remetente \
         nadawca odesílatel odosielateľ feladó lähettäjä saatja siuntėjas nuo gönderen kimden от отправитель від відкого \
         відправник подател šalje pošiljatelj pošiljatelj пошиљалац αποστολέας από 差出人 送信元 送信者 发件人 發件人 寄件者 \
         寄件人 보낸사람 발신 발신인 מאת מ من المرسل از فرستنده",
    ),
    (
        Label::To,
        "to a à an komu para pour aan til till do adresat destinatario destinatário destinataire destinatarul către empfänger \
         prima primatelj kome za címzett vastaanottaja saaja kellele kam kime alıcı кому получатель до príjemca příjemce pre \
         mottaker modtager mottagare ontvanger προς 宛先 送信先 收件人 收件者 받는사람 수신 수신인 אל לכבוד إلى الى المستلم به \
         گیرنده",
    ),
    (
        Label::Cc,
        "cc kopie kopiecc kopia kópia kopi kopio copie copieà copia cópia másolat másolatotkap dw dowiadomości bilgi копия \
         копія копиякому kopija koopia bcc cci cco 抄送 副本 参照 参考 참조 עותק העתק نسخة نسخةإلى رونوشت κοινοποίηση κοιν",
    ),
    (
        Label::Date,
        "date sent messagedu datum data dată dato dátum fecha päivämäärä päiväys pvm kuupäev datums tarih дата отправлено надіслано \
         відправлено envoyé envoyéle gesendet gesendetam odesláno odoslané poslané poslano enviado enviadoel enviadoem \
         inviato inviatoil verzonden verzondenop skickat sendt lähetetty wysłano wysłane data elküldve gönderildi \
         gönderilmetarihi gönderim trimis trimisla saadetud 日付 日時 送信日時 发送时间 發送時間 日期 時間 时间 寄件日期 날짜 \
         보낸날짜 보낸시간 תאריך נשלח تاريخ التاريخ تمالإرسال أرسلت تاریخ ارسالشده زمان ημερομηνία εστάλη στάλθηκε",
    ),
    (
        Label::Subject,
        "subject objet sujet betreff předmět predmet asunto assunto oggetto onderwerp emne ämne aihe temat tárgy subiect \
         subiectul tema тема teema konu naslov assumpte θέμα 件名 主题 主題 主旨 標題 标题 제목 נושא הנדון الموضوع موضوع عنوان",
    ),
    (
        Label::ReplyTo,
        "replyto répondreà antwortan odpovědětna odpovedaťna odpowiedzdo rispondia respondera responderá responderpara \
         svaratill svartil vastausosoite válaszcím ответитькому",
    ),
];

/// "Forwarded message", as mail programs write it above what they pass on.
const FORWARDED: &str = "forwardedmessage beginforwardedmessage forwardedmail messagetransféré messagetransmis \
     débutdumessageréexpédié débutdumessagetransféré weitergeleitetenachricht anfangderweitergeleitetennachricht \
     mensajereenviado iniciodelmensajereenviado messaggioinoltrato iniziomessaggioinoltrato mensagemencaminhada \
     mensagemreencaminhada iníciodamensagemencaminhada iníciodamensagemreencaminhada doorgestuurdbericht \
     begindoorgestuurdbericht přeposlanázpráva začátekpřeposlanézprávy preposlanáspráva začiatokpreposlanejsprávy \
     przekazanawiadomość wiadomośćprzesłanadalej treśćprzekazanejwiadomości początekprzekazywanejwiadomości \
     początekprzekazanejwiadomości vidarebefordratmeddelande vidarebefordratmejl börjanpåvidarebefordratmeddelande \
     videresendtmelding videresendtmeddelelse videresendtbesked startpåvideresendtbesked startpåvideresendtmelding \
     edelleenlähetettyviesti välitettyviesti välitettyviestialkaa továbbítottüzenet továbbítottlevél \
     továbbítottlevélkezdete mesajredirecționat începemesajulredirecționat iletileniileti iletilenileti iletilmişmesaj \
     iletibaşlangıcı iletilenmesaj пересылаемоесообщение пересланноесообщение перенаправленноесообщение \
     началопереадресованногосообщения перенаправленеповідомлення пересланеповідомлення \
     початокпереадресованогоповідомлення proslijeđenaporuka započniproslijeđenuporuku edasisaadetudkiri \
     edastatudkiri メッセージを転送 転送されたメッセージ 転送メッセージ 转发的邮件 转发邮件 已转发邮件 以下是转发的邮件 轉寄的郵件 轉寄郵件 \
     轉寄信件 전달된메시지 전달된메일 전달된메세지 הודעהשהועברה ההודעההמועברת رسالةمعادتوجيهها الرسالةالمعادتوجيهها \
     رسالةمحولة پیامهدایتشده پیامبازارسالشده προωθημένομήνυμα προωθούμενομήνυμα";

/// "Original message": above what is passed on as well as above what is answered.
const ORIGINAL: &str = "originalmessage messagedorigine messageoriginal ursprünglichenachricht originalnachricht \
     původnízpráva původníemail pôvodnáspráva pôvodnýemail mensajeoriginal messaggiooriginale mensagemoriginal oorspronkelijkbericht \
     oprindeligmeddelelse opprinneligmelding ursprungligtmeddelande alkuperäinenviesti wiadomośćoryginalna \
     oryginalnawiadomość eredetiüzenet mesajoriginal mesajinițial özgünileti orijinalmesaj исходноесообщение \
     оригінальнеповідомлення izvornaporuka originaalkiri 元のメッセージ 原始邮件 原始郵件 원본메시지 원본메일 הודעהמקורית \
     الرسالةالأصلية پیاماصلی αρχικόμήνυμα";

const FORWARD_PREFIXES: &str = "fw fwd fwd tr trans wg rv i doorst vl vb pd enc ilt i̇lt tov továbbítás redir пер пересл \
     переслано fs prp 転送 转发 轉寄 轉發 전달 fyi";
const REPLY_PREFIXES: &str = "re aw sv antw odp odpověď vá rif res ref r ré rép atb yan ynt ha antwort отв на відп 答复 回复 \
     回覆 返信 답장 회신 השב رد پاسخ απ σχετ";

/// How a subject begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    Forward,
    Reply,
    None,
}

static BY_WORD: LazyLock<HashMap<String, Label>> = LazyLock::new(|| {
    let words = LABELS.iter().flat_map(|(label, words)| words.split_whitespace().map(move |w| (fold(w), *label)));
    words.collect()
});

fn folded(words: &str) -> HashSet<String> {
    words.split_whitespace().map(fold).collect()
}

static FORWARDED_WORDS: LazyLock<Vec<String>> = LazyLock::new(|| folded(FORWARDED).into_iter().collect());
static ORIGINAL_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| folded(ORIGINAL));
static FORWARDS: LazyLock<HashSet<String>> = LazyLock::new(|| folded(FORWARD_PREFIXES));
static REPLIES: LazyLock<HashSet<String>> = LazyLock::new(|| folded(REPLY_PREFIXES));

/// Labels that say when, and not only of mails: an itinerary has a date too, but was not sent.
const PLAIN_DATES: &str = "date datum data dată dato dátum fecha päivämäärä päiväys pvm kuupäev datums tarih дата 日付 日時 日期 \
     時間 时间 날짜 תאריך تاريخ التاريخ تاریخ زمان ημερομηνία";

static PLAIN_DATE_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| folded(PLAIN_DATES));

/// The line says when a mail was sent, in a word that only mails have: "Sent: ..".
pub(super) fn says_sent(line: &str) -> bool {
    header_line(line).is_some_and(|(label, _)| label == Label::Date)
        && !line.split([':', '：']).next().is_some_and(|word| PLAIN_DATE_WORDS.contains(&fold(word)))
}

/// Longest label with its colon, in bytes.
const LABEL_BYTES: usize = 60;

/// The label that a word before a colon is.
pub(super) fn label(word: &str) -> Option<Label> {
    if word.len() > LABEL_BYTES || word.trim().is_empty() {
        return None;
    }
    budget::pay(word.len());
    BY_WORD.get(&fold(word)).copied()
}

/// A header line in its two parts: `*Von:* Eva` -> From, `Eva`.
pub(super) fn header_line(line: &str) -> Option<(Label, &str)> {
    let line = line.trim().trim_start_matches(['*', '_', '\u{feff}', '|']).trim_start();
    let at = line.char_indices().take(LABEL_BYTES).find(|(_, c)| matches!(c, ':' | '：')).map(|(at, _)| at)?;
    let (word, value) = line.split_at_checked(at)?;
    let found = label(word.trim_end_matches(['*', '_', ' ', '\u{a0}', '\t']))?;
    Some((found, value.trim_start_matches([':', '：', '*', '_', '|']).trim().trim_end_matches('*').trim_end()))
}

/// What a line above a header block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// "Forwarded message" in words.
    Forwarded,
    /// "Original message" in words.
    Original,
    /// A ruled line.
    Line,
}

/// Reads a line above a header block; `None` for any other line.
pub(super) fn rule(line: &str) -> Option<Rule> {
    let line = line.trim();
    if line.len() > 200 || !budget::pay(line.len()) {
        return None;
    }
    let words = fold(line);
    if words.is_empty() {
        let ruled = line.chars().filter(|c| "_-=*—─".contains(*c)).count();
        return (ruled >= 5).then_some(Rule::Line);
    }
    let framed = line.starts_with(['-', '_', '=', '*']) || line.ends_with([':', '：', '-', '。']);
    if framed && FORWARDED_WORDS.iter().any(|phrase| words.starts_with(phrase) || words.ends_with(phrase)) {
        return Some(Rule::Forwarded);
    }
    (framed && ORIGINAL_WORDS.contains(&words)).then_some(Rule::Original)
}

/// How a subject begins: the first prefix decides, `[list]` and `External:` before it do not.
pub(super) fn prefix(subject: &str) -> Prefix {
    let mut rest = subject.trim_start();
    while let Some(after) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        rest = after.1.trim_start();
    }
    let Some(at) = rest.char_indices().take(16).find(|(_, c)| matches!(c, ':' | '：' | '[' | '(')).map(|(at, _)| at)
    else {
        return Prefix::None;
    };
    let word = fold(rest.get(..at).unwrap_or_default());
    // `VS:` is neither: it passes on in Danish and Norwegian, and answers in Finnish.
    if REPLIES.contains(&word) {
        Prefix::Reply
    } else if FORWARDS.contains(&word) {
        Prefix::Forward
    } else {
        Prefix::None
    }
}

/// What a message passed on was about, from the subject of the mail that passes it on: `Fwd: RE: x` -> `RE: x`. An answer
/// to such a mail counts as the mail.
pub(super) fn passed_on(subject: &str) -> &str {
    let (mut rest, mut answered) = (subject.trim(), None);
    loop {
        let kind = prefix(rest);
        // `VS:` passes on in Danish and Norwegian.
        let forwards = kind == Prefix::Forward || rest.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("vs:"));
        let after = rest.split_once([':', '：']).map(|(_, after)| after.trim_start());
        match (kind, after) {
            (_, Some(after)) if forwards => return after,
            (Prefix::Reply, Some(after)) => {
                answered = Some(after);
                rest = after;
            }
            _ => return answered.unwrap_or(rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_are_read_in_many_languages() {
        for (line, label, value) in [
            ("From: Eva", Label::From, "Eva"),
            ("*Von:* Eva", Label::From, "Eva"),
            ("De : Eva", Label::From, "Eva"),
            ("Envoyé le : lundi 3 mars 2025 10:11", Label::Date, "lundi 3 mars 2025 10:11"),
            ("Předmět: x: y", Label::Subject, "x: y"),
            ("差出人： 田中", Label::From, "田中"),
            ("موضوع: درخواست", Label::Subject, "درخواست"),
            ("Відправлено: 3.3.2025", Label::Date, "3.3.2025"),
        ] {
            assert_eq!(header_line(line), Some((label, value)), "{line}");
        }
        for line in ["Hello: there", "10:11", "no colon", ": x", "https://a.example/"] {
            assert_eq!(header_line(line), None, "{line}");
        }
    }

    #[test]
    fn rules_and_prefixes_are_told_apart() {
        assert_eq!(rule("---------- Forwarded message ---------"), Some(Rule::Forwarded));
        assert_eq!(rule("Début du message réexpédié :"), Some(Rule::Forwarded));
        assert_eq!(rule("-----Původní zpráva-----"), Some(Rule::Original));
        assert_eq!(rule("________________"), Some(Rule::Line));
        assert_eq!(rule("I got your forwarded message"), None);
        for (subject, expected) in [
            ("Fwd: x", Prefix::Forward),
            ("[sales] TR : x", Prefix::Forward),
            ("Re: Fwd: x", Prefix::Reply),
            ("AW: x", Prefix::Reply),
            ("Re[2]: x", Prefix::Reply),
            ("Price: 3", Prefix::None),
            ("", Prefix::None),
        ] {
            assert_eq!(prefix(subject), expected, "{subject}");
        }
        assert_eq!(
            ["Fwd: RE: x: y", "VS: x", "x: y", "TR :", "[a] Fw: x", "Re: Re: WG: AW: x", "Re: x"].map(passed_on),
            ["RE: x: y", "x", "x: y", "", "x", "AW: x", "x"]
        );
    }
}
