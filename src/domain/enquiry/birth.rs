//! The day of birth that a form asked for: it tells apart who shares a name and a house.
//!
//! Read only from a field named so, never from a text. It says the same in every order of day, month and year.

use super::phone::ascii_digits;
use crate::domain::reading::field_names::fold;
use crate::domain::submission::Field;

/// What such fields are called, folded.
const NAMES: &str = "birthdate dateofbirth dob birthday birth_date date_of_birth bday datedenaissance naissance \
    date_naissance datumnarozeni narozen narozeni datum_narozeni geburtsdatum geburtstag fechadenacimiento datadinascita \
    dataurodzenia geboortedatum تاریخ_تولد تاریخ_تولد_شما تولد";
/// Countries that write the month first where slashes part it.
const MONTH_FIRST: [&str; 1] = ["US"];

/// The day of birth among the fields, as year, month and day with hyphens; the first that can be read.
pub(super) fn date(fields: &[Field], country: Option<&str>) -> Option<String> {
    let named = |field: &&Field| {
        let name = fold(&field.name);
        NAMES.split_whitespace().any(|known| fold(known) == name)
    };
    fields.iter().filter(named).find_map(|field| read(&field.value, country))
}

fn read(value: &str, country: Option<&str>) -> Option<String> {
    let value = ascii_digits(value);
    let parts: Vec<&str> = value.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let (year, month, day) = match *parts.get(..3)? {
        [year, month, day] if year.len() == 4 => (year, month, day),
        [first, second, year] if year.len() == 4 => {
            let month_first = value.contains('/') && country.is_some_and(|country| MONTH_FIRST.contains(&country));
            let turned = second.parse::<u8>().ok()? > 12;
            if month_first || turned { (year, first, second) } else { (year, second, first) }
        }
        _ => return None,
    };
    let (year, month, day) = (year.parse::<u16>().ok()?, month.parse::<u8>().ok()?, day.parse::<u8>().ok()?);
    // Years of the Persian calendar, too: people write the one they use.
    let fits = (1200..=2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    fits.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &str, country: Option<&str>) -> Option<String> {
        date(&[Field { name: name.to_owned(), value: value.to_owned(), canonical: None }], country)
    }

    #[test]
    fn a_day_is_the_same_however_it_is_written() {
        for (name, value, country, wanted) in [
            ("birthdate", "1971-06-24", None, Some("1971-06-24")),
            ("Date de naissance", "24/06/1971", Some("FR"), Some("1971-06-24")),
            ("Datum narození", "24. 6. 1971", Some("CZ"), Some("1971-06-24")),
            ("Geburtsdatum", "24.06.1971", Some("DE"), Some("1971-06-24")),
            ("date-of-birth", "06/24/1971", Some("US"), Some("1971-06-24")),
            ("date-of-birth", "06/24/1971", Some("GB"), Some("1971-06-24")),
            ("dob", "05/06/1971", Some("US"), Some("1971-05-06")),
            ("dob", "05/06/1971", Some("GB"), Some("1971-06-05")),
            ("تاریخ تولد", "۱۳۵۰/۰۴/۰۳", Some("IR"), Some("1350-04-03")),
            ("birthdate", "1971-06-24T00:00:00Z", None, Some("1971-06-24")),
            ("birthdate", "in June", None, None),
            ("birthdate", "1971-13-24", None, None),
            ("birthdate", "24/06/71", None, None),
            ("date", "24/06/1971", None, None),
        ] {
            assert_eq!(of(name, value, country).as_deref(), wanted, "{name}: {value}");
        }
    }
}
