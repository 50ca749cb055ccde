//! People and companies that do not exist.

use super::{Dice, Tongue};

/// Somebody who writes.
#[derive(Debug, Clone)]
pub struct Somebody {
    /// Language.
    pub tongue: Tongue,
    /// Given name.
    pub first: String,
    /// Family name.
    pub last: String,
    /// Address.
    pub email: String,
    /// Number as written.
    pub phone: String,
    /// Mobile number as written.
    pub mobile: String,
    /// Company with its legal form.
    pub company: String,
    /// Its website.
    pub website: String,
    /// Job title.
    pub title: String,
    /// Street and number.
    pub street: String,
    /// Postcode.
    pub postcode: String,
    /// City.
    pub city: String,
}

impl Somebody {
    /// Given and family name.
    pub fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
}

struct Words {
    first: &'static [&'static str],
    last: &'static [&'static str],
    forms: &'static [&'static str],
    trades: &'static [&'static str],
    titles: &'static [&'static str],
    streets: &'static [&'static str],
    cities: &'static [&'static str],
    domain: &'static str,
}

const FR: Words = Words {
    first: &[
        "Élodie",
        "Thibault",
        "Maëlys",
        "Jean-Baptiste",
        "Solène",
        "Anaïs",
        "Grégoire",
        "Noémie",
        "Benoît",
        "Capucine",
        "Hippolyte",
        "Marie-Laure",
        "Aurélien",
        "Clémence",
        "Quentin",
        "Ségolène",
    ],
    last: &[
        "Vaugirard",
        "de La Tour",
        "Chassagne",
        "Le Goffic",
        "Pontmercy",
        "d'Argenson",
        "Brisebois",
        "Lachaume",
        "Du Plessis",
        "Ferrandier",
        "Montreuil",
        "Guéguen",
        "Taillefer",
        "Roquebrune",
        "Lemaître-Petit",
        "Vasseur",
    ],
    forms: &["SARL", "SAS", "SA", "EURL", "SASU"],
    trades: &["Menuiserie", "Mécanique", "Transports", "Imprimerie", "Conserverie", "Électricité", "Fonderie"],
    titles: &["Responsable des achats", "Directrice générale", "Chef de projet", "Ingénieur d'affaires", "Gérant"],
    streets: &["rue des Tanneurs", "avenue Jean Moulin", "boulevard Voltaire", "chemin du Moulin", "impasse des Lilas"],
    cities: &["Nantes", "Saint-Étienne", "Besançon", "Le Mans", "Aix-en-Provence", "Angers"],
    domain: "fr",
};

const EN: Words = Words {
    first: &[
        "Imogen",
        "Rupert",
        "Saoirse",
        "Callum",
        "Philippa",
        "Desmond",
        "Beatrix",
        "Alistair",
        "Winifred",
        "Tobias",
        "Marguerite",
        "Everett",
        "Rosalind",
        "Lachlan",
        "Thea",
        "Barnaby",
    ],
    last: &[
        "Ashworth",
        "O'Donnell",
        "Fairweather",
        "McAllister",
        "Pemberton",
        "Holloway",
        "Thistlewood",
        "Kingsley-Shaw",
        "Barraclough",
        "Whitcombe",
        "Sedgwick",
        "Penhaligon",
        "Ravenscroft",
        "Drummond",
        "Lockhart",
        "Winterbourne",
    ],
    forms: &["Ltd", "Limited", "Inc.", "LLC", "plc"],
    trades: &["Joinery", "Engineering", "Logistics", "Packaging", "Foundry", "Instruments", "Textiles"],
    titles: &["Purchasing Manager", "Head of Operations", "Project Engineer", "Managing Director", "Office Manager"],
    streets: &["Mill Lane", "Station Road", "Canal Street", "Harbour View", "Orchard Close"],
    cities: &["Leeds", "Bristol", "Norwich", "Aberdeen", "Cardiff", "Exeter"],
    domain: "co.uk",
};

const DE: Words = Words {
    first: &[
        "Jürgen",
        "Anneliese",
        "Götz",
        "Mechthild",
        "Lutz",
        "Friederike",
        "Jörg",
        "Hannelore",
        "Tilman",
        "Wiebke",
        "Karl-Heinz",
        "Roswitha",
        "Sönke",
        "Gesine",
        "Burkhard",
        "Käthe",
    ],
    last: &[
        "von der Heide",
        "Brückner",
        "Schönfelder",
        "Kühlwein",
        "zu Eltzbach",
        "Grünewald",
        "Meyer-Lüdenscheid",
        "Strauß",
        "Hölzel",
        "Wagenknecht",
        "Rübsam",
        "Dünnebier",
        "Knoblauch",
        "Lindenthal",
        "Oppermann",
        "Zschäpitz",
    ],
    forms: &["GmbH", "AG", "KG", "GmbH & Co. KG", "UG"],
    trades: &["Maschinenbau", "Werkzeugtechnik", "Spedition", "Druckerei", "Gießerei", "Messtechnik", "Holzbau"],
    titles: &["Leiter Einkauf", "Geschäftsführerin", "Projektleiter", "Vertriebsingenieurin", "Technischer Leiter"],
    streets: &["Mühlenweg", "Bahnhofstraße", "Am Kirchberg", "Lindenallee", "Gewerbepark"],
    cities: &["Göttingen", "Nürnberg", "Osnabrück", "Halle", "Würzburg", "Kiel"],
    domain: "de",
};

const CS: Words = Words {
    first: &[
        "Zdeněk",
        "Květoslava",
        "Jiří",
        "Božena",
        "Řehoř",
        "Ludmila",
        "Vítězslav",
        "Šárka",
        "Bohumil",
        "Jindřiška",
        "Oldřich",
        "Drahomíra",
        "Přemysl",
        "Růžena",
        "Ctibor",
        "Hedvika",
    ],
    last: &[
        "Hrubeš",
        "Skřivánková",
        "Dvořáček",
        "Růžičková",
        "Šťastný",
        "Zahradníková",
        "Procházka",
        "Ježková",
        "Koubek",
        "Pospíšilová",
        "Vrána",
        "Tichá",
        "Blažek",
        "Křížová",
        "Havránek",
        "Součková",
    ],
    forms: &["s.r.o.", "a.s.", "v.o.s.", "spol. s r.o."],
    trades: &["Strojírny", "Truhlářství", "Doprava", "Tiskárna", "Slévárna", "Elektro", "Stavby"],
    titles: &["vedoucí nákupu", "jednatel", "obchodní ředitelka", "projektový manažer", "technik"],
    streets: &["Nádražní", "Lipová", "Na Výsluní", "Husova", "Palackého"],
    cities: &["Olomouc", "Hradec Králové", "Ústí nad Labem", "Třebíč", "Zlín", "Písek"],
    domain: "cz",
};

const FA: Words = Words {
    first: &["آرش", "نیلوفر", "کیارش", "شقایق", "بهنام", "پریسا", "سیاوش", "مهسا", "فرهاد", "گلناز", "داریوش", "یاسمن"],
    last: &[
        "رضایی",
        "موسوی",
        "کریمی‌نژاد",
        "شیرازی",
        "تهرانی",
        "قاسمی",
        "صادقی",
        "نوروزی",
        "فرهمند",
        "یزدانی",
        "ابراهیمی",
        "کاظمی",
    ],
    forms: &["شرکت"],
    trades: &["پولاد", "چاپ", "حمل و نقل", "صنایع غذایی", "ماشین‌سازی", "نساجی"],
    titles: &["مدیر خرید", "مدیرعامل", "کارشناس فروش", "مدیر پروژه"],
    streets: &["خیابان آزادی", "بلوار کشاورز", "خیابان انقلاب"],
    cities: &["شیراز", "اصفهان", "تبریز", "مشهد"],
    domain: "ir",
};

const START: [&str; 16] =
    ["Vel", "Kor", "Tam", "Bris", "Lun", "Dor", "Mar", "Sel", "Ned", "Gal", "Ost", "Fer", "Ran", "Pol", "Hav", "Zim"];
const END: [&str; 12] = ["ana", "ex", "or", "ium", "ora", "eda", "isto", "ell", "ovar", "int", "ade", "ux"];

fn words(tongue: Tongue) -> &'static Words {
    match tongue {
        Tongue::Fr => &FR,
        Tongue::En => &EN,
        Tongue::De => &DE,
        Tongue::Cs => &CS,
        Tongue::Fa => &FA,
    }
}

/// Latin small letters of a name.
fn plain(name: &str) -> String {
    any_ascii::any_ascii(name).chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

fn persian(digits: &str) -> String {
    digits.chars().map(|c| c.to_digit(10).and_then(|d| char::from_u32(0x6f0 + d)).unwrap_or(c)).collect()
}

fn phone(dice: &mut Dice, tongue: Tongue, mobile: bool) -> String {
    let pairs = |digits: &str| {
        digits.as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p).into_owned()).collect::<Vec<_>>().join(" ")
    };
    match tongue {
        Tongue::Fr => {
            let rest = format!("{}{}", dice.number(10, 69), dice.digits(6));
            let lead = if mobile { "6" } else { "2" };
            match dice.number(0, 2) {
                0 => format!("0{lead} {}", pairs(&rest)),
                1 => format!("+33 {lead} {}", pairs(&rest)),
                _ => format!("0{lead}.{}", pairs(&rest).replace(' ', ".")),
            }
        }
        Tongue::En => {
            let rest = dice.digits(6);
            let lead = if mobile { "7400" } else { "1132" };
            if dice.happens(50) { format!("+44 {lead} {rest}") } else { format!("0{lead} {rest}") }
        }
        Tongue::De => {
            let lead = if mobile { dice.one(&["151", "160", "171"]) } else { dice.one(&["30", "551", "911"]) };
            let rest = dice.digits(if mobile { 8 } else { 7 });
            match dice.number(0, 2) {
                0 => format!("+49 {lead} {rest}"),
                1 => format!("0{lead} / {rest}"),
                _ => format!("0{lead} {rest}"),
            }
        }
        Tongue::Cs => {
            let lead = if mobile { dice.one(&["602", "731", "777"]) } else { dice.one(&["585", "495", "567"]) };
            let rest = format!("{} {}", dice.digits(3), dice.digits(3));
            if dice.happens(50) { format!("+420 {lead} {rest}") } else { format!("{lead} {rest}") }
        }
        Tongue::Fa => {
            let number = if mobile { format!("0912{}", dice.digits(7)) } else { format!("021{}", dice.digits(8)) };
            if dice.happens(60) { persian(&number) } else { number }
        }
    }
}

fn freemail(tongue: Tongue) -> &'static [&'static str] {
    match tongue {
        Tongue::Fr => &["gmail.com", "orange.fr", "free.fr"],
        Tongue::En => &["gmail.com", "hotmail.co.uk"],
        Tongue::De => &["gmail.com", "gmx.de", "web.de"],
        Tongue::Cs => &["gmail.com", "seznam.cz", "email.cz"],
        Tongue::Fa => &["gmail.com", "yahoo.com"],
    }
}

/// Somebody of that language.
pub fn somebody(dice: &mut Dice, tongue: Tongue) -> Somebody {
    let words = words(tongue);
    let (first, last) = (dice.one(words.first).to_owned(), dice.one(words.last).to_owned());
    let brand = format!("{}{}", dice.one(&START), dice.one(&END));
    let company = match tongue {
        Tongue::Fa => format!("شرکت {} {}", dice.one(words.trades), dice.one(words.last)),
        Tongue::Fr => format!("{} {brand} {}", dice.one(words.trades), dice.one(words.forms)),
        Tongue::Cs => format!("{} {brand}, {}", dice.one(words.trades), dice.one(words.forms)),
        _ => format!("{brand} {} {}", dice.one(words.trades), dice.one(words.forms)),
    };
    let host = format!("{}-{}.{}", brand.to_lowercase(), dice.number(10, 99), words.domain);
    let local = match dice.number(0, 3) {
        0 => format!("{}.{}", plain(&first), plain(&last)),
        1 => format!("{}{}", plain(&first).chars().take(1).collect::<String>(), plain(&last)),
        2 => plain(&last),
        _ => format!("{}_{}", plain(&first), dice.number(60, 99)),
    };
    let host_of_mail = if dice.happens(70) { host.clone() } else { dice.one(freemail(tongue)).to_owned() };
    let postcode = match tongue {
        Tongue::En => format!("LS{} {}{}", dice.number(1, 9), dice.number(1, 9), dice.one(&["AB", "TQ", "JN"])),
        Tongue::Cs => format!("{} {}", dice.number(100, 799), dice.number(10, 99)),
        Tongue::Fa => dice.digits(10),
        _ => format!("{}", dice.number(10_000, 89_999)),
    };
    let house = dice.number(1, 180);
    let road = dice.one(words.streets);
    Somebody {
        tongue,
        email: format!("{local}@{host_of_mail}"),
        phone: phone(dice, tongue, false),
        mobile: phone(dice, tongue, true),
        company,
        website: format!("www.{host}"),
        title: dice.one(words.titles).to_owned(),
        street: if matches!(tongue, Tongue::Fr | Tongue::En) {
            format!("{house} {road}")
        } else {
            format!("{road} {house}")
        },
        postcode,
        city: dice.one(words.cities).to_owned(),
        first,
        last,
    }
}

/// Some sentences, over one or several paragraphs.
pub fn message(dice: &mut Dice, tongue: Tongue) -> String {
    let sentences: &[&str] = match tongue {
        Tongue::Fr => &[
            "Bonjour, nous cherchons un fournisseur pour le printemps.",
            "Pourriez-vous nous envoyer un devis pour 250 pièces ?",
            "Le délai souhaité : fin mai au plus tard.",
            "Merci de me rappeler de préférence le matin.",
            "Nous avons vu votre stand au salon de Lyon.",
        ],
        Tongue::En => &[
            "Hello, we are looking for a supplier for the spring.",
            "Could you send us a quotation for 250 pieces?",
            "Our deadline: the end of May at the latest.",
            "Please call me back, mornings are best.",
            "We saw your stand at the fair in Hanover.",
        ],
        Tongue::De => &[
            "Guten Tag, wir suchen einen Lieferanten für das Frühjahr.",
            "Könnten Sie uns ein Angebot über 250 Stück schicken?",
            "Unser Termin: spätestens Ende Mai.",
            "Bitte rufen Sie mich zurück, am besten vormittags.",
            "Wir haben Ihren Stand auf der Messe gesehen.",
        ],
        Tongue::Cs => &[
            "Dobrý den, hledáme dodavatele na jaro.",
            "Můžete nám poslat nabídku na 250 kusů?",
            "Náš termín: nejpozději konec května.",
            "Prosím zavolejte mi zpět, nejlépe dopoledne.",
            "Viděli jsme váš stánek na veletrhu v Brně.",
        ],
        Tongue::Fa => &[
            "سلام، ما به دنبال یک تأمین‌کننده برای بهار هستیم.",
            "لطفاً پیش‌فاکتور ۲۵۰ عدد را بفرستید.",
            "مهلت ما: پایان ماه آینده.",
            "لطفاً صبح‌ها تماس بگیرید.",
        ],
    };
    let count = dice.number(1, 4);
    let mut text = String::new();
    for n in 0..count {
        if n > 0 {
            text.push_str(dice.one(&[" ", "\n", "\n\n"]));
        }
        text.push_str(dice.one(sentences));
    }
    text
}
