//! Names that people of five countries have, as often as they have them.

use super::super::{Dice, Tongue};

/// Given names, a form that friends use or nothing, and whether it is a woman's.
type Given = (&'static str, &'static str, bool);

const FR: [Given; 40] = [
    ("Jean", "", false),
    ("Pierre", "", false),
    ("Michel", "", false),
    ("Philippe", "", false),
    ("Alain", "", false),
    ("Nicolas", "Nico", false),
    ("Christophe", "Chris", false),
    ("Jean-Pierre", "JP", false),
    ("Frédéric", "Fred", false),
    ("Alexandre", "Alex", false),
    ("Guillaume", "", false),
    ("Mathieu", "Matt", false),
    ("Benjamin", "Ben", false),
    ("Jean-Luc", "", false),
    ("Antoine", "", false),
    ("Maxime", "Max", false),
    ("Hugo", "", false),
    ("Louis", "", false),
    ("Thomas", "Tom", false),
    ("Sébastien", "Seb", false),
    ("Marie", "", true),
    ("Nathalie", "", true),
    ("Isabelle", "Isa", true),
    ("Catherine", "Cathy", true),
    ("Sylvie", "", true),
    ("Françoise", "", true),
    ("Valérie", "Val", true),
    ("Christine", "Chris", true),
    ("Stéphanie", "", true),
    ("Élodie", "", true),
    ("Céline", "", true),
    ("Anne-Sophie", "", true),
    ("Camille", "", true),
    ("Léa", "", true),
    ("Manon", "", true),
    ("Chloé", "", true),
    ("Émilie", "", true),
    ("Hélène", "", true),
    ("Laurence", "", true),
    ("Agnès", "", true),
];
const EN: [Given; 40] = [
    ("James", "Jim", false),
    ("Robert", "Bob", false),
    ("John", "Jack", false),
    ("Michael", "Mike", false),
    ("David", "Dave", false),
    ("William", "Bill", false),
    ("Richard", "Dick", false),
    ("Joseph", "Joe", false),
    ("Thomas", "Tom", false),
    ("Christopher", "Chris", false),
    ("Daniel", "Dan", false),
    ("Matthew", "Matt", false),
    ("Anthony", "Tony", false),
    ("Andrew", "Andy", false),
    ("Edward", "Ted", false),
    ("George", "", false),
    ("Oliver", "", false),
    ("Harry", "", false),
    ("Samuel", "Sam", false),
    ("Benjamin", "Ben", false),
    ("Mary", "", true),
    ("Patricia", "Pat", true),
    ("Jennifer", "Jenny", true),
    ("Elizabeth", "Liz", true),
    ("Barbara", "", true),
    ("Susan", "Sue", true),
    ("Jessica", "Jess", true),
    ("Sarah", "", true),
    ("Margaret", "Maggie", true),
    ("Katherine", "Kate", true),
    ("Emma", "", true),
    ("Olivia", "", true),
    ("Charlotte", "", true),
    ("Amelia", "", true),
    ("Rebecca", "Becky", true),
    ("Victoria", "Vicky", true),
    ("Alice", "", true),
    ("Grace", "", true),
    ("Hannah", "", true),
    ("Rachel", "", true),
];
const DE: [Given; 30] = [
    ("Peter", "", false),
    ("Michael", "", false),
    ("Thomas", "", false),
    ("Andreas", "", false),
    ("Wolfgang", "", false),
    ("Klaus", "", false),
    ("Jürgen", "", false),
    ("Günter", "", false),
    ("Stefan", "", false),
    ("Christian", "", false),
    ("Uwe", "", false),
    ("Werner", "", false),
    ("Hans-Peter", "", false),
    ("Maximilian", "Max", false),
    ("Alexander", "Alex", false),
    ("Maria", "", true),
    ("Ursula", "", true),
    ("Monika", "", true),
    ("Petra", "", true),
    ("Elisabeth", "", true),
    ("Sabine", "", true),
    ("Renate", "", true),
    ("Karin", "", true),
    ("Brigitte", "", true),
    ("Claudia", "", true),
    ("Gisela", "", true),
    ("Anna", "", true),
    ("Katharina", "", true),
    ("Lena", "", true),
    ("Käthe", "", true),
];
const CS: [Given; 30] = [
    ("Jiří", "Jirka", false),
    ("Jan", "Honza", false),
    ("Petr", "Péťa", false),
    ("Josef", "Pepa", false),
    ("Pavel", "", false),
    ("Martin", "", false),
    ("Jaroslav", "Jarda", false),
    ("Tomáš", "Tom", false),
    ("Miroslav", "Mirek", false),
    ("Zdeněk", "", false),
    ("František", "Franta", false),
    ("Václav", "Vašek", false),
    ("Michal", "", false),
    ("Karel", "", false),
    ("Milan", "", false),
    ("Marie", "", true),
    ("Jana", "", true),
    ("Eva", "", true),
    ("Hana", "", true),
    ("Anna", "", true),
    ("Věra", "", true),
    ("Lenka", "", true),
    ("Alena", "", true),
    ("Kateřina", "Katka", true),
    ("Lucie", "", true),
    ("Petra", "", true),
    ("Zuzana", "", true),
    ("Tereza", "", true),
    ("Šárka", "", true),
    ("Veronika", "", true),
];
/// With the spelling in Latin letters that passports have.
const FA: [Given; 24] = [
    ("محمد", "Mohammad", false),
    ("علی", "Ali", false),
    ("حسین", "Hossein", false),
    ("رضا", "Reza", false),
    ("مهدی", "Mehdi", false),
    ("حسن", "Hassan", false),
    ("امیر", "Amir", false),
    ("سعید", "Saeed", false),
    ("احمد", "Ahmad", false),
    ("بهرام", "Bahram", false),
    ("آرش", "Arash", false),
    ("فرهاد", "Farhad", false),
    ("فاطمه", "Fatemeh", true),
    ("زهرا", "Zahra", true),
    ("مریم", "Maryam", true),
    ("مینا", "Mina", true),
    ("سارا", "Sara", true),
    ("نرگس", "Narges", true),
    ("لیلا", "Leila", true),
    ("شیرین", "Shirin", true),
    ("پریسا", "Parisa", true),
    ("مهسا", "Mahsa", true),
    ("نیلوفر", "Niloofar", true),
    ("یاسمن", "Yasaman", true),
];

const FR_LAST: [&str; 40] = [
    "Martin",
    "Bernard",
    "Dubois",
    "Thomas",
    "Robert",
    "Richard",
    "Petit",
    "Durand",
    "Leroy",
    "Moreau",
    "Simon",
    "Laurent",
    "Lefèvre",
    "Michel",
    "Garcia",
    "David",
    "Bertrand",
    "Roux",
    "Vincent",
    "Fournier",
    "Morel",
    "Girard",
    "André",
    "Le Goff",
    "Mercier",
    "Dupont",
    "Lambert",
    "Bonnet",
    "François",
    "Martinez",
    "de La Fontaine",
    "Gauthier",
    "Rousseau",
    "Blanc",
    "Guérin",
    "Muller",
    "Henry",
    "Roussel",
    "d'Aubigny",
    "Perrin",
];
const EN_LAST: [&str; 40] = [
    "Smith", "Jones", "Taylor", "Brown", "Williams", "Wilson", "Johnson", "Davies", "Robinson", "Wright", "Thompson",
    "Evans", "Walker", "White", "Roberts", "Green", "Hall", "Wood", "Jackson", "Clarke", "O'Brien", "McDonald",
    "Hughes", "Edwards", "Turner", "Hill", "Cooper", "Ward", "Morris", "Moore", "Clark", "Lee", "King", "Baker",
    "Harrison", "Morgan", "Allen", "Scott", "Phillips", "Watson",
];
const DE_LAST: [&str; 40] = [
    "Müller",
    "Schmidt",
    "Schneider",
    "Fischer",
    "Weber",
    "Meyer",
    "Wagner",
    "Becker",
    "Schulz",
    "Hoffmann",
    "Schäfer",
    "Koch",
    "Bauer",
    "Richter",
    "Klein",
    "Wolf",
    "Schröder",
    "Neumann",
    "Schwarz",
    "Zimmermann",
    "Braun",
    "Krüger",
    "Hofmann",
    "Hartmann",
    "Lange",
    "Werner",
    "Schmitt",
    "Krause",
    "Meier",
    "Lehmann",
    "Huber",
    "Kaiser",
    "Fuchs",
    "von Stein",
    "Lang",
    "Weiß",
    "Jung",
    "Hahn",
    "Vogel",
    "Keller",
];
/// Of men; women's are made from them.
const CS_LAST: [&str; 40] = [
    "Novák",
    "Svoboda",
    "Novotný",
    "Dvořák",
    "Černý",
    "Procházka",
    "Kučera",
    "Veselý",
    "Krejčí",
    "Horák",
    "Němec",
    "Marek",
    "Pospíšil",
    "Pokorný",
    "Hájek",
    "Král",
    "Jelínek",
    "Růžička",
    "Beneš",
    "Fiala",
    "Sedláček",
    "Doležal",
    "Zeman",
    "Kolář",
    "Navrátil",
    "Čermák",
    "Vaněk",
    "Urban",
    "Blažek",
    "Kříž",
    "Kovář",
    "Bartoš",
    "Vlček",
    "Polák",
    "Musil",
    "Kopecký",
    "Šimek",
    "Konečný",
    "Malý",
    "Holub",
];
const FA_LAST: [(&str, &str); 24] = [
    ("رضایی", "Rezaei"),
    ("محمدی", "Mohammadi"),
    ("حسینی", "Hosseini"),
    ("احمدی", "Ahmadi"),
    ("موسوی", "Mousavi"),
    ("کریمی", "Karimi"),
    ("جعفری", "Jafari"),
    ("صادقی", "Sadeghi"),
    ("رحیمی", "Rahimi"),
    ("ابراهیمی", "Ebrahimi"),
    ("هاشمی", "Hashemi"),
    ("قاسمی", "Ghasemi"),
    ("نوروزی", "Norouzi"),
    ("شیرازی", "Shirazi"),
    ("تهرانی", "Tehrani"),
    ("کاظمی", "Kazemi"),
    ("مرادی", "Moradi"),
    ("اکبری", "Akbari"),
    ("یزدانی", "Yazdani"),
    ("فرهادی", "Farhadi"),
    ("سلیمانی", "Soleimani"),
    ("زارعی", "Zarei"),
    ("باقری", "Bagheri"),
    ("عباسی", "Abbasi"),
];
/// Beginnings and ends of the rare surnames that most people have.
const ROOTS: [&str; 36] = [
    "Bar", "Cor", "Dar", "Fal", "Gan", "Har", "Kal", "Lan", "Mar", "Nor", "Pel", "Ros", "Sal", "Tar", "Val", "Wal",
    "Bre", "Cle", "Dre", "Fre", "Gre", "Kre", "Ble", "Ste", "Tre", "Mon", "Bon", "Don", "Kon", "Lom", "Rom", "Som",
    "Vin", "Lin", "Min", "Zim",
];
const MIDDLES: [&str; 20] = [
    "te", "ba", "di", "go", "la", "me", "ni", "po", "ra", "si", "tu", "ve", "ke", "lo", "mi", "du", "fa", "be", "ri",
    "so",
];

/// A name: as written at home, in Latin letters where that is another, as friends say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given1 {
    pub name: String,
    pub short: Option<String>,
    pub latin: Option<String>,
    pub woman: bool,
}

/// A given name; some are far more frequent than others.
pub fn given(dice: &mut Dice, tongue: Tongue, woman: Option<bool>) -> Given1 {
    let list: &[Given] = match tongue {
        Tongue::Fr => &FR,
        Tongue::En => &EN,
        Tongue::De => &DE,
        Tongue::Cs => &CS,
        Tongue::Fa => &FA,
    };
    let list: Vec<Given> = list.iter().copied().filter(|given| woman.is_none_or(|woman| given.2 == woman)).collect();
    let (name, other, woman) = list[skewed(dice, list.len())];
    let other = Some(other.to_owned()).filter(|other| !other.is_empty());
    let (short, latin) = if tongue == Tongue::Fa { (None, other) } else { (other, None) };
    Given1 { name: name.to_owned(), short, latin, woman }
}

/// A surname of a family, as a man bears it, and in Latin letters.
pub fn family(dice: &mut Dice, tongue: Tongue) -> (String, Option<String>) {
    if tongue == Tongue::Fa {
        let (name, latin) = FA_LAST[skewed(dice, FA_LAST.len())];
        return (name.to_owned(), Some(latin.to_owned()));
    }
    // Two of three people have a name that few have.
    if dice.happens(65) {
        let end: &[&str] = match tongue {
            Tongue::Fr => &["ier", "eau", "ault", "ot", "et", "on", "in", "ard"],
            Tongue::En => &["ton", "ley", "ford", "well", "son", "er", "by", "ham"],
            Tongue::De => &["mann", "er", "bach", "berg", "stein", "ke", "ing", "feld"],
            _ => &["ek", "ka", "ák", "ec", "il", "al", "ún", "ík"],
        };
        return (format!("{}{}{}", dice.one(&ROOTS), dice.one(&MIDDLES), dice.one(end)), None);
    }
    let list = match tongue {
        Tongue::Fr => &FR_LAST,
        Tongue::En => &EN_LAST,
        Tongue::De => &DE_LAST,
        _ => &CS_LAST,
    };
    (list[skewed(dice, list.len())].to_owned(), None)
}

/// The surname as somebody of that sex bears it.
pub fn borne(family: &str, tongue: Tongue, woman: bool) -> String {
    if tongue != Tongue::Cs || !woman {
        return family.to_owned();
    }
    let cut = |end: &str| family.strip_suffix(end);
    if let Some(stem) = cut("ý") {
        format!("{stem}á")
    } else if family.ends_with('í') {
        family.to_owned()
    } else if let Some(stem) = cut("ek") {
        format!("{stem}ková")
    } else if let Some(stem) = cut("ec") {
        format!("{stem}cová")
    } else if let Some(stem) = cut("a") {
        format!("{stem}ová")
    } else {
        format!("{family}ová")
    }
}

/// The first places are drawn more often.
fn skewed(dice: &mut Dice, length: usize) -> usize {
    let throw = |dice: &mut Dice| dice.number(0, u32::try_from(length).unwrap_or(1) - 1);
    let (a, b) = (throw(dice), throw(dice));
    a.min(b) as usize
}
