//! People and companies as senders, addresses and subjects, in every shape that mail programs show: particles, capitals,
//! inverted names, one word, titles, other scripts, companies.

use super::people::somebody;
use super::{Dice, TONGUES, Tongue};

/// Somebody of a mail header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// As shown beside the address.
    pub name: String,
    /// The address.
    pub address: String,
}

/// Names of languages that nothing else is made in.
const OTHERS: [&str; 34] = [
    "Ursula von der Leyden",
    "Pieter van 't Hoff",
    "María José de la Cruz Ñúñez",
    "João dos Santos e Silva",
    "Łukasz Żółkiewski",
    "Nguyễn Thị Minh Khai",
    "Åsa Öberg-Lindqvist",
    "İlker Çağlayan",
    "Szűcs Győző",
    "Ștefan Țepeluș",
    "Guðrún Jónsdóttir",
    "Ķirsts Bērziņš",
    "Иван Петрович Сидоров",
    "Оксана Ґалаґан",
    "Ελένη Παπαδοπούλου",
    "שרה כהן-לוי",
    "محمد بن عبد الله",
    "فاطمة الزهراء",
    "سید محمدعلی حسینی‌نژاد",
    "زهره",
    "山田 太郎",
    "佐藤花子",
    "李小龙",
    "歐陽美華",
    "김철수",
    "박 지은",
    "สมชาย ใจดี",
    "अनिल कुमार",
    "bell hooks",
    "J. R. R. Tolkner",
    "Jean-Luc d'Orléans-Braganza",
    "Vusi",
    "O",
    "X Æ",
];

/// Companies, offices and programs as senders.
const COMPANIES: [&str; 18] = [
    "Müller & Söhne GmbH & Co. KG",
    "Kovovýroba Hrubeš, s.r.o.",
    "ACME, Inc.",
    "3M Deutschland",
    "Société d'Équipement du Mans",
    "شرکت پولاد تهرانی",
    "株式会社山田製作所",
    "ООО «Ромашка»",
    "Info",
    "nákup",
    "Sales @ Veltrex",
    "Objednávky: Tiskárna Zimex",
    "From Paris SARL",
    "Web-Shop 24/7",
    "Lumora | Customer Care",
    "Ostell - Einkauf",
    "no-reply",
    "Date & Fils",
];

/// Before a name, and behind it.
const TITLES: [(&str, &str); 10] = [
    ("Ing. ", ""),
    ("Dr. med. ", ""),
    ("", ", Ph.D."),
    ("Mgr. ", ", MBA"),
    ("Me ", ""),
    ("", " (Velana GmbH)"),
    ("", " [Extern]"),
    ("", " | Korium"),
    ("", " - Tamex"),
    ("مهندس ", ""),
];

/// Subjects. `#` stands for a number.
const SUBJECTS: [&str; 48] = [
    "Poptávka: # kusů židlí",
    "Devis n° # : fenêtres en bois",
    "Re: Angebot Nr. #",
    "AW: AW: Anfrage – # Stück",
    "RE: Fwd: quotation #",
    "TR : Demande de prix",
    "Odp: Zapytanie ofertowe #/2025",
    "Rif: preventivo [#]",
    "Fwd: Fwd: order",
    "VS: tarjouspyyntö",
    "SV: förfrågan",
    "WG: Ihre Bestellung vom 3.3.",
    "Ответ: запрос цены №#",
    "答复: 报价",
    "Re: 見積もりのお願い",
    "رد: طلب عرض سعر",
    "پاسخ: درخواست قیمت #",
    "درخواست خرید ۲۰ عدد پمپ",
    "طلب عرض أسعار رقم #",
    "[Ticket ##] Pump does not start",
    "[sales] [urgent] price list?",
    "(no subject)",
    "(bez předmětu)",
    "",
    "?",
    "-",
    "...",
    "x",
    "#",
    "10:30",
    "Termin: Datum: 3.3.2025",
    "To: be or not to be",
    "From: Paris with love",
    "Objet : Subject: Betreff:",
    "Kopie: Rechnung #",
    "Meeting 3 March 10:11, Eva <eva@web.example> wrote:",
    "Dotaz na <nerez> \"A2\" & šrouby M#",
    "Price: 3 × 20 € = 60 €",
    "*** URGENT *** offer",
    "> quoted subject",
    "Café – “devis” … 100 %",
    "Žádost o cenovou nabídku na dodávku a montáž # ks dřevěných oken včetně parapetů a žaluzií pro rodinný dům v Hradci Králové",
    "Ερώτηση για την προσφορά",
    "שאלה: מחיר",
    "문의드립니다",
    "Forwarded message",
    "Original Message",
    "https://www.web.example/shop?item=#",
];

/// A number of up to six digits.
fn number(dice: &mut Dice) -> String {
    let count = dice.number(1, 6);
    dice.digits(usize::try_from(count).unwrap_or(3))
}

/// A subject, perhaps almost none.
pub fn subject(dice: &mut Dice) -> String {
    let mut subject = dice.one(&SUBJECTS).to_owned();
    while let Some(at) = subject.find('#') {
        subject.replace_range(at..=at, &number(dice));
    }
    subject
}

/// A name as shown beside an address.
pub fn name(dice: &mut Dice) -> String {
    let tongue = dice.one(&TONGUES);
    let who = somebody(dice, tongue);
    let arabic = tongue == Tongue::Fa;
    match dice.number(0, 15) {
        0..=2 => who.name(),
        3 => format!("{}, {}", who.last, who.first),
        4 if !arabic => format!("{}, {}", who.last.to_uppercase(), who.first),
        5 if !arabic => format!("{} {}", who.last.to_uppercase(), who.first),
        6 if !arabic => who.name().to_uppercase(),
        7 if !arabic => who.name().to_lowercase(),
        8 => who.first,
        9 => who.company,
        10 | 11 => {
            let (before, behind) = dice.one(&TITLES);
            format!("{before}{}{behind}", who.name())
        }
        12 => dice.one(&COMPANIES).to_owned(),
        _ => dice.one(&OTHERS).to_owned(),
    }
}

/// A mail address.
pub fn address(dice: &mut Dice) -> String {
    let tongue = dice.one(&TONGUES);
    let email = somebody(dice, tongue).email;
    let (local, host) = email.split_once('@').unwrap_or(("eva", "web.example"));
    let many = number(dice);
    match dice.number(0, 11) {
        0 => format!("{local}+{many}@{host}"),
        1 => format!("{}@{}", local.to_uppercase(), host),
        2 => format!("{}@mail.{host}", dice.one(&["info", "nakup", "orders", "contact", "office"])),
        3 => format!("o'{local}@{host}"),
        4 => format!("{local}_{many}@veltrex.technology"),
        5 => format!("{local}@{}", dice.one(&["kovář-zimex.cz", "xn--bcher-kva.example", "müller.example"])),
        6 => format!("{many}@{host}"),
        7 => format!("{local}-x@a.b.{host}"),
        _ => format!("{local}{}@{host}", dice.number(1, 999)),
    }
}

/// Somebody.
pub fn stranger(dice: &mut Dice) -> Stranger {
    Stranger { name: name(dice), address: address(dice) }
}
