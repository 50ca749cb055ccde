//! The words in which people speak of days, by what they can mean there; a word may mean several things.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::reading::field_names::fold;

/// Joins two days to a period.
pub(super) const TO: u32 = 1;
/// Joins two days to a period behind a word for "between".
pub(super) const AND: u32 = 1 << 1;
/// "Between".
pub(super) const BETWEEN: u32 = 1 << 2;
/// Stands before a day.
pub(super) const CUE: u32 = 1 << 3;
/// Stands before a month.
pub(super) const IN_MONTH: u32 = 1 << 4;
/// "Next", before or behind.
pub(super) const NEXT: u32 = 1 << 5;
/// "This".
pub(super) const THIS: u32 = 1 << 6;
/// "In" before a number of days.
pub(super) const IN: u32 = 1 << 7;
/// "Within" before a number of days.
pub(super) const WITHIN: u32 = 1 << 8;
/// "From now" behind a number of days.
pub(super) const LATER: u32 = 1 << 9;
/// The day after this one.
pub(super) const TOMORROW: u32 = 1 << 10;
/// The day after that.
pub(super) const AFTER_TOMORROW: u32 = 1 << 11;
/// Makes "tomorrow" the day after it.
pub(super) const AFTER: u32 = 1 << 12;
/// Before "tomorrow": it means the morning.
pub(super) const MORNING: u32 = 1 << 13;
/// Looks forward before a weekday.
pub(super) const BY: u32 = 1 << 14;
/// Before a weekday: forward or back.
pub(super) const ON: u32 = 1 << 15;
/// Tells that something has been.
pub(super) const PAST: u32 = 1 << 16;
/// Again and again.
pub(super) const EVERY: u32 = 1 << 17;
/// A number of something stands behind it.
pub(super) const NUMBERED: u32 = 1 << 18;
/// Tells of a birth.
pub(super) const BIRTH: u32 = 1 << 19;
/// Stands between a day, its month and its year.
pub(super) const OF: u32 = 1 << 20;
/// Stands before a day and tells nothing.
pub(super) const ARTICLE: u32 = 1 << 21;
/// Behind a number that counts a day.
pub(super) const ORDINAL: u32 = 1 << 22;
/// A part of a month.
pub(super) const PART: u32 = 1 << 23;
/// A measure or currency: what stands before it is an amount.
pub(super) const MEASURE: u32 = 1 << 24;
/// Named as a month only when written large.
pub(super) const LARGE: u32 = 1 << 25;
/// "Last", before or behind.
pub(super) const LAST: u32 = 1 << 26;

/// A length of time that people count in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
    Weekend,
}

/// What a word can mean.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meaning {
    pub(super) roles: u32,
    /// 1-12, Gregorian.
    pub(super) month: Option<i8>,
    /// 1-12, of the Solar Hijri calendar.
    pub(super) hijri: Option<i8>,
    /// 0-6 from Monday.
    pub(super) weekday: Option<i8>,
    pub(super) count: Option<u8>,
    pub(super) unit: Option<Unit>,
}

const ROLES: [(u32, &str); 27] = [
    (TO, "to until till through thru au à bis až do tot al a até ate por تا الی"),
    (AND, "and et und a y e i en و"),
    (BETWEEN, "between entre zwischen mezi tussen tra fra między بین"),
    (
        CUE,
        "on by until till before from to le du au dès avant den am vom zum bis ab od do dne na v ve el al dal il op dnia \
         em از تا در برای date datum la",
    ),
    (IN_MONTH, "in en im v ve w we em nel for pour für per در برای during během ab dès from od since"),
    (
        NEXT,
        "next coming prochain prochaine nächste nächsten nächster nächstem nächstes kommende kommenden kommender \
         kommendem příští příštího příštím próximo próxima viene prossimo prossima volgende komende przyszły \
         przyszłym przyszłą przyszłego przyszłej آینده بعد بعدی",
    ),
    (THIS, "this ce cet diesen dieser dieses tento tuto toto este questo deze ten tę این همین"),
    (IN, "in dans za dentro tra fra em"),
    (WITHIN, "within innerhalb sous ici binnen do během entro ظرف"),
    (LATER, "دیگر دیگه"),
    (TOMORROW, "tomorrow demain zítra فردا mañana domani jutro amanhã morgen"),
    (AFTER_TOMORROW, "übermorgen pozítří پسفردا dopodomani overmorgen pojutrze"),
    (AFTER, "after après پس pasado depois"),
    (MORNING, "guten gute heute gestern jeden jede la esta buena goede am elke dobre"),
    (BY, "by until till before for avant pour ici bis für para do před تا برای al voor na"),
    (ON, "on am v ve op w we el در روز"),
    (
        PAST,
        "spoke talked called met visited wrote sent was were received had saw discussed agreed yesterday haben habe hatte \
         hatten war waren gesprochen telefoniert mluvili volali volal volala byli byl byla psali dohodli hablamos \
         parlato gesproken rozmawialiśmy زدیم داشتیم بود",
    ),
    (EVERY, "every each chaque tous jeden jede jedes každé každý každou každou cada ogni elke każdy هر"),
    (
        NUMBERED,
        "ref reference référence réf n no nr number num numéro order invoice facture commande auftrag rechnung bestellung \
         objednávka objednávky faktura faktury dossier ticket case id vin serial section paragraph article version verze \
         tel phone fax mobil mobile číslo č tél téléphone telefon شماره bod kapitola punkt rev revision ip art",
    ),
    (
        BIRTH,
        "born birth birthday birthdate dob né née naissance geboren geburtsdatum geb narozen narozena narozený narození \
         nacido nacida nacimiento nato nata nascita geboortedatum urodzony urodzona urodzenia nascido nascida nascimento \
         متولد تولد",
    ),
    (OF, "of de del di da von do roku r sal سال ماه"),
    (ARTICLE, "the le la den dem der il el dne o a am em no dia"),
    (ORDINAL, "st nd rd th er e ème º ª o ste de"),
    (
        PART,
        "début fin mi courant early mid late end beginning anfang mitte ende začátkem koncem začátek konec polovině \
         půlce اوایل اواسط اواخر principios finales mediados inizio fine metà begin eind początku końcu",
    ),
    (MEASURE, "eur euro euros usd czk kč kg g mm cm m m2 m² km h hod uhr people persons personnes personen osob % l"),
    (LARGE, "may march"),
    (
        LAST,
        "last past dernier dernière passé letzte letzten letzter letztem vergangenen minulý minulé minulého minulou \
         minulém pasado pasada scorso scorsa vorige afgelopen zeszły zeszłym ubiegły passado گذشته قبل پیش",
    ),
];

const MONTHS: [&str; 12] = [
    "january jan janvier janv januar jänner leden ledna lednu enero ene gennaio gen januari stycznia styczeń styczniu \
     janeiro ژانویه",
    "february feb février févr fév februar únor února únoru febrero febbraio februari lutego luty lutym fevereiro فوریه",
    "march mar mars märz mrz březen března březnu marzo maart marca marzec marcu março مارس",
    "april apr avril avr duben dubna dubnu abril abr aprile kwietnia kwiecień kwietniu آوریل",
    "may mai květen května květnu mayo maggio mei maja maj maju maio مه",
    "june jun juin juni červen června červnu junio giugno giu czerwca czerwiec czerwcu junho ژوئن",
    "july jul juillet juil juli červenec července červenci julio luglio lug lipca lipiec lipcu julho ژوئیه ژوییه",
    "august aug août srpen srpna srpnu agosto augustus sierpnia sierpień sierpniu اوت اگوست",
    "september sep sept septembre září septiembre settembre września wrzesień wrześniu setembro سپتامبر",
    "october oct octobre oktober okt říjen října říjnu octubre ottobre ott października październik październiku \
     outubro اکتبر",
    "november nov novembre listopad listopadu noviembre listopada listopadzie novembro نوامبر",
    "december dec déc décembre dezember dez prosinec prosince prosinci diciembre dic dicembre grudnia grudzień \
     grudniu dezembro دسامبر",
];

const HIJRI: [&str; 12] =
    ["فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"];

const WEEKDAYS: [&str; 7] = [
    "monday lundi montag pondělí lunes lunedì maandag poniedziałek دوشنبه",
    "tuesday mardi dienstag úterý úterka martes martedì dinsdag wtorek سهشنبه",
    "wednesday mercredi mittwoch středa středu středy miércoles mercoledì woensdag środa środę چهارشنبه",
    "thursday jeudi donnerstag čtvrtek čtvrtka jueves giovedì donderdag czwartek پنجشنبه",
    "friday vendredi freitag pátek pátku viernes venerdì vrijdag piątek جمعه",
    "saturday samedi samstag sonnabend sobota sobotu soboty sábado sabato zaterdag sobotę شنبه",
    "sunday dimanche sonntag neděle neděli domingo domenica zondag niedziela niedzielę یکشنبه",
];

const COUNTS: [(u8, &str); 12] = [
    (1, "a an one un une ein eine einem einer einen jeden jedna jednu uno una een یک um uma"),
    (2, "two deux zwei dva dvě dos due twee dwa dwie دو dois duas"),
    (3, "three trois drei tři tres tre drie trzy سه três"),
    (4, "four quatre vier čtyři cuatro quattro cztery چهار quatro"),
    (5, "five cinq fünf pět cinco cinque vijf pięć پنج"),
    (6, "six sechs šest seis sei zes sześć شش"),
    (7, "seven sept sieben sedm siete sette zeven siedem هفت sete"),
    (8, "eight huit acht osm ocho otto osiem هشت oito"),
    (9, "nine neuf neun devět nueve nove negen dziewięć نه"),
    (10, "ten dix zehn deset diez dieci tien dziesięć ده dez"),
    (14, "fourteen quatorze vierzehn čtrnáct catorce"),
    (15, "fifteen quinze fünfzehn patnáct پانزده"),
];

const UNITS: [(Unit, &str); 4] = [
    (
        Unit::Day,
        "day days jour jours tag tage tagen den dny dní dnů dnech روز día días giorno giorni dag dagen dzień dni",
    ),
    (
        Unit::Week,
        "week weeks semaine semaines woche wochen týden týdne týdny týdnů týdnu هفته هفتهی semana semanas settimana \
         settimane weken tydzień tygodnie tygodni tygodniu",
    ),
    (
        Unit::Month,
        "month months mois monat monate monaten měsíc měsíce měsíců měsíci ماه mes meses mese mesi maand maanden miesiąc \
         miesiące miesięcy miesiącu mês",
    ),
    (Unit::Weekend, "weekend wochenende víkend víkendu"),
];

static MEANINGS: LazyLock<HashMap<String, Meaning>> = LazyLock::new(|| {
    let mut all: HashMap<String, Meaning> = HashMap::new();
    let mut add = |words: &str, set: &dyn Fn(&mut Meaning)| {
        for word in words.split_whitespace() {
            set(all.entry(fold(word)).or_default());
        }
    };
    for (role, words) in ROLES {
        add(words, &|meaning| meaning.roles |= role);
    }
    for (month, words) in (1..).zip(MONTHS) {
        add(words, &|meaning| meaning.month = Some(month));
    }
    for (month, word) in (1..).zip(HIJRI) {
        add(&format!("{word} {word}ماه"), &|meaning| meaning.hijri = Some(month));
    }
    for (weekday, words) in (0..).zip(WEEKDAYS) {
        add(words, &|meaning| meaning.weekday = Some(weekday));
    }
    for (count, words) in COUNTS {
        add(words, &|meaning| meaning.count = Some(count));
    }
    for (unit, words) in UNITS {
        add(words, &|meaning| meaning.unit = Some(unit));
    }
    all
});

/// What a folded word can mean.
pub(super) fn meaning(folded: &str) -> Meaning {
    MEANINGS.get(folded).copied().unwrap_or_default()
}
