//! A house's contacts, and arrivals from them and from others, each with its truth and how it was changed.

mod changes;
pub mod measure;
pub mod names;

use std::collections::HashSet;

use super::{Dice, Tongue};

/// Somebody of the house's contacts, or somebody who is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Being {
    pub tongue: Tongue,
    pub first: names::Given1,
    /// As a man of the family bears it.
    pub family: String,
    pub family_latin: Option<String>,
    pub last: String,
    pub email: Option<String>,
    /// `+` and digits.
    pub mobile: Option<String>,
    pub landline: Option<String>,
    /// Year, month and day.
    pub born: Option<String>,
    pub house: Option<Place>,
    pub company: Option<Company>,
}

/// Where somebody lives or works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub street: String,
    pub postcode: String,
    pub city: String,
}

/// An employer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    pub brand: String,
    pub form: &'static str,
    pub domain: String,
    pub phone: String,
    pub place: Place,
}

/// What becomes of an arrival if all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It is this contact.
    Same(usize),
    /// It is somebody new.
    Other,
    /// Nobody could tell: it says the same as this contact, and is somebody else.
    Undecidable,
}

/// How an arrival came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    Identical,
    PlusTag,
    Dots,
    ProviderTypo,
    PhoneFormat,
    Crossed,
    Nickname,
    Transliterated,
    Hyphen,
    Misspelt,
    Married,
    CompanyForm,
    NewJob,
    NewAddress,
    FamilyMailbox,
    SharedMailbox,
    Sibling,
    Twin,
    FatherSonBorn,
    FatherSonMobile,
    FatherSonEmail,
    Colleague,
    Namesake,
    Franchise,
    Stranger,
    FatherSonNothing,
}

impl Change {
    /// All of them; those that are the same person first.
    pub const ALL: [Self; 26] = [
        Self::Identical,
        Self::PlusTag,
        Self::Dots,
        Self::ProviderTypo,
        Self::PhoneFormat,
        Self::Crossed,
        Self::Nickname,
        Self::Transliterated,
        Self::Hyphen,
        Self::Misspelt,
        Self::Married,
        Self::CompanyForm,
        Self::NewJob,
        Self::NewAddress,
        Self::FamilyMailbox,
        Self::SharedMailbox,
        Self::Sibling,
        Self::Twin,
        Self::FatherSonBorn,
        Self::FatherSonMobile,
        Self::FatherSonEmail,
        Self::Colleague,
        Self::Namesake,
        Self::Franchise,
        Self::Stranger,
        Self::FatherSonNothing,
    ];

    /// Families and shared mailboxes.
    pub const CLOSE: [Self; 9] = [
        Self::FamilyMailbox,
        Self::SharedMailbox,
        Self::Sibling,
        Self::Twin,
        Self::FatherSonBorn,
        Self::FatherSonMobile,
        Self::FatherSonEmail,
        Self::Colleague,
        Self::Namesake,
    ];

    /// What a house may get in a usual month, in thousandths: mostly strangers and people who write as they always do.
    /// An assumption; what each kind does is counted apart.
    const USUAL: [(Self, usize); 25] = [
        (Self::Stranger, 390),
        (Self::Identical, 250),
        (Self::PlusTag, 10),
        (Self::Dots, 10),
        (Self::ProviderTypo, 15),
        (Self::PhoneFormat, 60),
        (Self::Crossed, 20),
        (Self::Nickname, 20),
        (Self::Transliterated, 10),
        (Self::Hyphen, 5),
        (Self::Misspelt, 30),
        (Self::Married, 5),
        (Self::CompanyForm, 30),
        (Self::NewJob, 15),
        (Self::NewAddress, 20),
        (Self::FamilyMailbox, 4),
        (Self::SharedMailbox, 30),
        (Self::Sibling, 6),
        (Self::Twin, 1),
        (Self::FatherSonBorn, 2),
        (Self::FatherSonMobile, 2),
        (Self::FatherSonEmail, 2),
        (Self::Colleague, 45),
        (Self::Namesake, 8),
        (Self::Franchise, 10),
    ];

    /// The kinds of a usual month, each as often as it comes, mixed.
    pub fn usual() -> Vec<Self> {
        let total: usize = Self::USUAL.iter().map(|(_, share)| share).sum();
        // A step that has no divisor in common with the total goes through all places once.
        let places: Vec<Self> =
            Self::USUAL.iter().flat_map(|(change, share)| std::iter::repeat_n(*change, *share)).collect();
        (0..total).map(|turn| places[turn * 379 % total]).collect()
    }
}

/// An arrival: how it came about, who it is, what it says.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub change: Change,
    pub truth: Truth,
    pub says: Being,
}

const CITIES: [(Tongue, &[&str]); 5] = [
    (Tongue::Fr, &["Paris", "Lyon", "Marseille", "Nantes", "Lille", "Toulouse", "Rennes", "Angers"]),
    (Tongue::En, &["London", "Leeds", "Bristol", "Manchester", "Glasgow", "Cardiff", "Norwich", "York"]),
    (Tongue::De, &["Berlin", "Hamburg", "München", "Köln", "Leipzig", "Kiel", "Ulm", "Mainz"]),
    (Tongue::Cs, &["Praha", "Brno", "Ostrava", "Plzeň", "Olomouc", "Liberec", "Zlín", "Písek"]),
    (Tongue::Fa, &["تهران", "شیراز", "اصفهان", "تبریز", "مشهد", "کرج", "قم", "رشت"]),
];
const ROADS: [(Tongue, &[&str]); 5] = [
    (Tongue::Fr, &["rue Lepic", "rue Victor Hugo", "avenue Jean Jaurès", "rue de la Gare", "place du Marché"]),
    (Tongue::En, &["High Street", "Station Road", "Church Lane", "Victoria Road", "Mill Lane"]),
    (Tongue::De, &["Hauptstraße", "Bahnhofstraße", "Gartenweg", "Schulstraße", "Lindenallee"]),
    (Tongue::Cs, &["Nádražní", "Husova", "Lipová", "Masarykova", "Palackého"]),
    (Tongue::Fa, &["خیابان آزادی", "خیابان انقلاب", "بلوار کشاورز", "خیابان ولیعصر", "خیابان حافظ"]),
];
const BRANDS: [&str; 24] = [
    "Vel", "Kor", "Tam", "Bris", "Lun", "Dor", "Sel", "Ned", "Gal", "Ost", "Fer", "Ran", "Pol", "Hav", "Zim", "Arc",
    "Nov", "Ter", "Mag", "Lux", "Sol", "Bel", "Cap", "Uni",
];
const TRADES: [(Tongue, &[&str]); 5] = [
    (Tongue::Fr, &["Menuiserie", "Transports", "Imprimerie", "Conseil"]),
    (Tongue::En, &["Joinery", "Logistics", "Packaging", "Consulting"]),
    (Tongue::De, &["Maschinenbau", "Spedition", "Druckerei", "Beratung"]),
    (Tongue::Cs, &["Strojírny", "Doprava", "Tiskárna", "Stavby"]),
    (Tongue::Fa, &["پولاد", "حمل و نقل", "چاپ", "مشاوره"]),
];

fn of<T: Copy>(table: &[(Tongue, T)], tongue: Tongue) -> T {
    table.iter().find(|(of, _)| *of == tongue).expect("every language").1
}

/// Latin small letters of a name.
pub(super) fn plain(name: &str) -> String {
    any_ascii::any_ascii(name).chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

impl Being {
    /// The name in Latin letters, small.
    fn latin(&self) -> (String, String) {
        let first = plain(self.first.latin.as_deref().unwrap_or(&self.first.name));
        (first, plain(self.family_latin.as_deref().unwrap_or(&self.last)))
    }
}

/// People and companies.
pub struct World {
    dice: Dice,
    /// Addresses that somebody has, without dots: a provider gives none to two people.
    given_out: HashSet<String>,
}

impl World {
    pub fn of(seed: u64) -> Self {
        Self { dice: Dice::of(seed), given_out: HashSet::new() }
    }

    /// Somebody with whatever the house happens to know.
    pub fn being(&mut self) -> Being {
        let dice = &mut self.dice;
        let tongue = dice.one(&super::TONGUES);
        let first = names::given(dice, tongue, None);
        let (family, family_latin) = names::family(dice, tongue);
        let last = names::borne(&family, tongue, first.woman);
        let mut being = Being {
            tongue,
            last,
            first,
            family,
            family_latin,
            email: None,
            mobile: None,
            landline: None,
            born: None,
            house: None,
            company: None,
        };
        if dice.happens(50) {
            being.company = Some(self.company(tongue));
        }
        let private = being.company.is_none();
        if private || self.dice.happens(15) {
            being.house = Some(self.place(tongue));
        }
        if private && self.dice.happens(60) {
            being.landline = Some(self.phone(tongue, false));
        }
        if self.dice.happens(65) {
            being.mobile = Some(self.phone(tongue, true));
        }
        if private && self.dice.happens(35) {
            being.born = Some(self.born());
        }
        if being.mobile.is_none() || self.dice.happens(85) {
            being.email = Some(self.email(&being));
        }
        being
    }

    /// An address of theirs that nobody else has: at work, or of a provider.
    pub fn email(&mut self, being: &Being) -> String {
        loop {
            let email = self.any_email(being);
            if self.given_out.insert(email.replace('.', "")) {
                return email;
            }
        }
    }

    fn any_email(&mut self, being: &Being) -> String {
        let (first, last) = being.latin();
        let (dice, number) = (&mut self.dice, |dice: &mut Dice| dice.number(1, 999));
        let initial: String = first.chars().take(1).collect();
        if let Some(company) = being.company.as_ref().filter(|_| dice.happens(85)) {
            let local = match dice.number(0, 2) {
                0 => format!("{first}.{last}"),
                1 => format!("{initial}.{last}"),
                _ => format!("{initial}{last}{}", number(dice)),
            };
            return format!("{local}@{}", company.domain);
        }
        let provider = dice.one(&["gmail.com", "outlook.com", "seznam.cz", "orange.fr", "gmx.de", "yahoo.com"]);
        match dice.number(0, 3) {
            0 => format!("{first}.{last}{}@{provider}", number(dice)),
            1 => format!("{initial}{last}{}@{provider}", number(dice)),
            2 => format!("{last}.{first}{}@{provider}", number(dice)),
            _ => format!("{}{}@{provider}", dice.one(&["sun", "blue", "fox", "moto", "star", "rock"]), dice.digits(5)),
        }
    }

    pub fn born(&mut self) -> String {
        let dice = &mut self.dice;
        format!("{}-{:02}-{:02}", dice.number(1940, 2004), dice.number(1, 12), dice.number(1, 28))
    }

    /// A day on which somebody's child may have been born.
    pub fn born_after(&mut self, parent: &str) -> String {
        let year: u32 = parent.get(..4).and_then(|year| year.parse().ok()).expect("a date");
        let child = self.born();
        format!("{}{}", year + self.dice.number(18, 40), &child[4..])
    }

    pub fn phone(&mut self, tongue: Tongue, mobile: bool) -> String {
        let dice = &mut self.dice;
        let (lead, digits) = match (tongue, mobile) {
            (Tongue::Fr, true) => ("+3361", 7),
            (Tongue::Fr, false) => ("+332", 8),
            (Tongue::En, true) => ("+4474", 8),
            (Tongue::En, false) => ("+44113", 7),
            (Tongue::De, true) => ("+49151", 8),
            (Tongue::De, false) => ("+4930", 8),
            (Tongue::Cs, true) => ("+42077", 7),
            (Tongue::Cs, false) => ("+42058", 7),
            (Tongue::Fa, true) => ("+98912", 7),
            (Tongue::Fa, false) => ("+9821", 8),
        };
        format!("{lead}{}", dice.digits(digits))
    }

    pub fn place(&mut self, tongue: Tongue) -> Place {
        let dice = &mut self.dice;
        let (road, city) = (dice.one(of(&ROADS, tongue)), dice.one(of(&CITIES, tongue)));
        let house = dice.number(1, 220);
        let street = if matches!(tongue, Tongue::Fr | Tongue::En) {
            format!("{house} {road}")
        } else {
            format!("{road} {house}")
        };
        Place { street, postcode: dice.digits(5), city: city.to_owned() }
    }

    pub fn company(&mut self, tongue: Tongue) -> Company {
        let (place, phone) = (self.place(tongue), self.phone(tongue, false));
        let dice = &mut self.dice;
        let word = format!("{}{}{}", dice.one(&BRANDS), dice.one(&["a", "o", "i", "e"]), plain(dice.one(&BRANDS)));
        let brand = format!("{word} {}", dice.one(of(&TRADES, tongue)));
        let form: &[&str] = match tongue {
            Tongue::Fr => &["SARL", "SAS"],
            Tongue::En => &["Ltd", "Limited"],
            Tongue::De => &["GmbH", "AG"],
            Tongue::Cs => &["s.r.o.", "a.s."],
            Tongue::Fa => &[""],
        };
        let top = dice.one(&["com", "eu", "net"]);
        let domain = format!("{}{}.{top}", word.to_lowercase(), dice.number(1, 9999));
        Company { brand, form: dice.one(form), domain, phone, place }
    }
}
