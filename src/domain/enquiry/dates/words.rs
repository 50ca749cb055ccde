//! The words in which people speak of days, by what they can mean there; a word may mean several things.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::reading::field_names::fold;

/// Joins two days to a period.
pub(super) const TO: u64 = 1;
/// Joins two days to a period behind a word for "between".
pub(super) const AND: u64 = 1 << 1;
/// "Between".
pub(super) const BETWEEN: u64 = 1 << 2;
/// Stands before a day.
pub(super) const CUE: u64 = 1 << 3;
/// Stands before a month.
pub(super) const IN_MONTH: u64 = 1 << 4;
/// "Next", before or behind.
pub(super) const NEXT: u64 = 1 << 5;
/// "This".
pub(super) const THIS: u64 = 1 << 6;
/// "In" before a number of days.
pub(super) const IN: u64 = 1 << 7;
/// "Within" before a number of days.
pub(super) const WITHIN: u64 = 1 << 8;
/// "From now" behind a number of days.
pub(super) const LATER: u64 = 1 << 9;
/// The day after this one.
pub(super) const TOMORROW: u64 = 1 << 10;
/// The day after that.
pub(super) const AFTER_TOMORROW: u64 = 1 << 11;
/// Makes "tomorrow" the day after it.
pub(super) const AFTER: u64 = 1 << 12;
/// Before "tomorrow": it means the morning.
pub(super) const MORNING: u64 = 1 << 13;
/// Looks forward before a weekday.
pub(super) const BY: u64 = 1 << 14;
/// Before a weekday: forward or back.
pub(super) const ON: u64 = 1 << 15;
/// Tells that something has been.
pub(super) const PAST: u64 = 1 << 16;
/// Again and again.
pub(super) const EVERY: u64 = 1 << 17;
/// A number of something stands behind it.
pub(super) const NUMBERED: u64 = 1 << 18;
/// Tells of a birth.
pub(super) const BIRTH: u64 = 1 << 19;
/// Stands between a day, its month and its year.
pub(super) const OF: u64 = 1 << 20;
/// Stands before a day and tells nothing.
pub(super) const ARTICLE: u64 = 1 << 21;
/// Behind a number that counts a day.
pub(super) const ORDINAL: u64 = 1 << 22;
/// A part of a month.
pub(super) const PART: u64 = 1 << 23;
/// A measure or currency: what stands before it is an amount.
pub(super) const MEASURE: u64 = 1 << 24;
/// Named as a month only when written large.
pub(super) const LARGE: u64 = 1 << 25;
/// "Last", before or behind.
pub(super) const LAST: u64 = 1 << 26;
/// Joins two days to a period behind a word for "from"; elsewhere it is "at" or "and".
pub(super) const LINK: u64 = 1 << 27;
/// "From": the first day of a period may stand behind it.
pub(super) const FROM: u64 = 1 << 28;
/// "Since": what began and goes on.
pub(super) const SINCE: u64 = 1 << 29;
/// Tells of what is still to come.
pub(super) const FUTURE: u64 = 1 << 30;
/// Something written, which has the day on which it was.
pub(super) const DOCUMENT: u64 = 1 << 31;
/// Between something written and its day.
pub(super) const DATED: u64 = 1 << 32;
/// An hour stands before it.
pub(super) const HOUR: u64 = 1 << 33;
/// An hour may stand behind it.
pub(super) const AT: u64 = 1 << 34;
/// One or another.
pub(super) const OR: u64 = 1 << 35;
/// Begins a greeting or a name.
pub(super) const GREETING: u64 = 1 << 36;
/// A street or square, before its name.
pub(super) const STREET: u64 = 1 << 37;
/// The same, when "of" stands between.
pub(super) const PLACE: u64 = 1 << 38;
/// Between a street and its name.
pub(super) const STREET_OF: u64 = 1 << 39;
/// A street, behind its name.
pub(super) const ROAD: u64 = 1 << 40;
/// A number in Roman letters.
pub(super) const ROMAN: u64 = 1 << 41;
/// Goes on with the sentence behind a day.
pub(super) const TAIL: u64 = 1 << 42;
/// A week of the calendar, by its number.
pub(super) const WEEK: u64 = 1 << 43;
/// Before a day it may as well stand before a fraction.
pub(super) const LOOSE: u64 = 1 << 44;
/// A year, counted from this one.
pub(super) const YEAR: u64 = 1 << 45;
/// The letter before the number of a quarter.
pub(super) const Q: u64 = 1 << 46;

/// A length of time that people count in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Weekend,
}

/// What a word can mean.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meaning {
    pub(super) roles: u64,
    /// 1-12, Gregorian.
    pub(super) month: Option<i8>,
    /// 1-12, of the Solar Hijri calendar.
    pub(super) hijri: Option<i8>,
    /// 0-6 from Monday.
    pub(super) weekday: Option<i8>,
    pub(super) count: Option<u8>,
    /// The first to the twentieth.
    pub(super) ordinal: Option<u8>,
    pub(super) unit: Option<Unit>,
}

const ROLES: [(u64, &str); 46] = [
    (TO, "to until till through thru au bis až do tot al até ate por تا الی"),
    (AND, "and et und a y e i en و"),
    (BETWEEN, "between entre zwischen mezi tussen tra fra między بین"),
    (
        CUE,
        "on by until till before from to le du au dès avant den am vom zum bis ab od do dne na v ve el al dal il op dnia \
         em از تا در برای date datum la",
    ),
    (IN_MONTH, "in en im v ve w we em nel for pour für per در برای during během ab dès from od"),
    (
        NEXT,
        "next coming prochain prochaine nächste nächsten nächster nächstem nächstes kommende kommenden kommender \
         kommendem příští příštího příštím próximo próxima viene prossimo prossima volgende komende przyszły \
         przyszłym przyszłą przyszłego przyszłej آینده بعد بعدی",
    ),
    (THIS, "this ce cet diesen dieser dieses tento tuto toto este questo deze ten tę این همین"),
    (IN, "in dans za dentro tra fra em"),
    (WITHIN, "within innerhalb sous ici binnen do během entro ظرف"),
    (LATER, "دیگر دیگه بعد"),
    (TOMORROW, "tomorrow demain zítra فردا mañana domani jutro amanhã morgen"),
    (AFTER_TOMORROW, "übermorgen pozítří پسفردا dopodomani overmorgen pojutrze"),
    (AFTER, "after après پس pasado depois"),
    (MORNING, "guten gute heute gestern jeden jede la esta buena goede am elke dobre"),
    (BY, "by until till before for avant pour ici bis für para do před تا برای al voor na"),
    (ON, "on am v ve op w we el در روز"),
    (
        PAST,
        "spoke talked called met visited wrote sent was were received had saw discussed agreed yesterday haben habe hatte \
         hatten war waren gesprochen gekauft bestellt erhalten geliefert bekommen bezahlt bought purchased ordered placed \
         paid did étais étions était étaient acheté commandé reçu payé parlé koupili koupil koupila objednali objednal \
         objednala dostali zaplatili zakoupili خریدیم کردیم شد دادیم گرفتیم telefoniert mluvili volali volal volala byli byl byla psali dohodli hablamos \
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
    (ARTICLE, "the le la les den dem der il el dne o a am em no dia"),
    (ORDINAL, "st nd rd th er e ème º ª o ste de"),
    (
        PART,
        "début fin mi courant konce konci پایان آخر early mid late end beginning anfang mitte ende začátkem koncem začátek konec polovině \
         půlce اوایل اواسط اواخر principios finales mediados inizio fine metà begin eind początku końcu",
    ),
    (
        MEASURE,
        "eur euro euros usd czk kč kg g mm cm m m2 m² km h hod uhr people persons personnes personen osob % l inch inches pouce pouces zoll palce palců اینچ",
    ),
    (LARGE, "may march"),
    (LINK, "a"),
    (FROM, "from du de del dal desde od ab vom von z ze از"),
    (SINCE, "since depuis seit seitdem sinds"),
    (
        FUTURE,
        "book booking reserve reservation réserver réservation buchen reservieren reservierung rezervovat rezervaci \
         rezervace رزرو will shall sera aura auront aurons serons wird werden bude budeme budou خواهد خواهیم wedding \
         mariage hochzeit svatba svatbu svatby عروسی free available availability libre disponible disponibilité \
         disponibilités frei verfügbar volno volný volné dostupné خالی plan planning planned prévu prévoyons planen \
         geplant plánujeme plánován",
    ),
    (
        DOCUMENT,
        "offer quote quotation letter mail email message order invoice estimate note devis offre facture commande \
         courrier courriel lettre angebot angebots rechnung bestellung auftrag schreiben brief nachricht anfrage \
         nabídka nabídku nabídky nabídce faktura fakturu faktury faktuře objednávka objednávku objednávky objednávce \
         dopis dopisu mailu emailu zpráva zprávu zprávy نامه فاکتور پیشنهاد سفارش ایمیل پیام smlouva smlouvu smlouvy contract contrat vertrag قرارداد oferta factura offerta \
         fattura",
    ),
    (DATED, "of from dated du de del datée daté vom von z ze dne datiert مورخ تاریخ the den"),
    (HOUR, "h hr hrs hod hodin hodiny hodině uhr heures heure am pm oclock noon ساعت uur ore godz"),
    (AT, "at à um v ve ab od do bis from until till dès ساعت alle alas"),
    (OR, "or ou oder nebo či anebo یا o of lub"),
    (
        GREETING,
        "hi hello dear hey hallo hej liebe lieber guten salut bonjour cher chère coucou ahoj čau milý milá dobrý \
         zdravím mr mrs ms miss herr herrn frau pan pane paní monsieur madame m mme thanks merci danke díky regards \
         سلام آقای خانم",
    ),
    (
        STREET,
        "rue avenue boulevard bd quai impasse allée strasse straße str ulice ulici ul náměstí nám třída třídě tř \
         nábřeží nábř via viale piazza corso calle avenida plaza خیابان میدان کوچه بلوار",
    ),
    (PLACE, "place square platz allee promenade esplanade pont cours passage most"),
    (STREET_OF, "du des de del della of the"),
    (ROAD, "road street avenue lane drive square close court strasse straße platz"),
    (
        TAIL,
        "please thanks thank if is are would we i with works suits suit bitte wenn wir merci si svp nous prosím pokud \
         děkuji لطفا",
    ),
    (WEEK, "kw kalenderwoche"),
    (Q, "q"),
    (LOOSE, "du au the la el il to from vom zum von de of al del dal desde"),
    (YEAR, "year an année jahr jahres rok roku roce سال año anno jaar"),
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

const ORDINALS: [(u8, &str); 20] = [
    (1, "first premier première ersten erstes erste prvního první primero primo اول یکم"),
    (2, "second deuxième zweiten zweites zweite druhého druhé druhém دوم"),
    (3, "third troisième dritten drittes dritte třetího třetí třetím سوم"),
    (4, "fourth quatrième vierten viertes vierte čtvrtého čtvrté čtvrtém چهارم"),
    (5, "fifth fünften pátého پنجم"),
    (6, "sixth sechsten šestého ششم"),
    (7, "seventh siebten sedmého هفتم"),
    (8, "eighth achten osmého هشتم"),
    (9, "ninth neunten devátého نهم"),
    (10, "tenth zehnten desátého دهم"),
    (11, "یازدهم"),
    (12, "دوازدهم"),
    (13, "سیزدهم"),
    (14, "چهاردهم"),
    (15, "fifteenth fünfzehnten patnáctého پانزدهم"),
    (16, "شانزدهم"),
    (17, "هفدهم"),
    (18, "هجدهم"),
    (19, "نوزدهم"),
    (20, "twentieth zwanzigsten dvacátého بیستم"),
];

const UNITS: [(Unit, &str); 5] = [
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
    (Unit::Quarter, "quarter quartal quartals trimestre čtvrtletí kwartaal kwartał"),
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
    for (ordinal, words) in ORDINALS {
        add(words, &|meaning| meaning.ordinal = Some(ordinal));
    }
    for (unit, words) in UNITS {
        add(words, &|meaning| meaning.unit = Some(unit));
    }
    all
});

/// What a folded word can mean.
pub(super) fn meaning(folded: &str) -> Meaning {
    let mut meaning = MEANINGS.get(folded).copied().unwrap_or_default();
    if folded.bytes().all(|byte| b"ivx".contains(&byte)) {
        meaning.roles |= ROMAN;
    }
    meaning
}
