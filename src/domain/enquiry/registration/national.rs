//! Check digits of the numbers of single countries, behind the letters of the country.

use super::{digits, luhn, values, weighted};

/// Austria: `U` and eight digits.
pub(super) fn austrian(rest: &str) -> bool {
    let Some(number) = rest.strip_prefix('U').and_then(digits).filter(|number| number.len() == 8) else { return false };
    let values = values(&number);
    let sum: u32 =
        values.iter().take(7).enumerate().map(|(at, d)| if at % 2 == 1 { d / 5 + d * 2 % 10 } else { *d }).sum();
    values.last() == Some(&((96 - sum) % 10))
}

/// The Netherlands: nine digits, `B` and two digits; the nine by modulo 11, or since 2020 all of it by modulo 97.
pub(super) fn dutch(rest: &str) -> bool {
    let Some((number, _)) = rest.split_once('B').filter(|(number, suffix)| {
        number.len() == 9 && suffix.len() == 2 && digits(number).is_some() && digits(suffix).is_some()
    }) else {
        return false;
    };
    let values = values(number);
    let old = values.last() == Some(&(weighted(&values, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11));
    let whole = "NL".chars().chain(rest.chars()).filter_map(|c| c.to_digit(36));
    let remainder = whole.fold(0, |left, value| (left * if value > 9 { 100 } else { 10 } + value) % 97);
    old || remainder == 1
}

/// The United Kingdom: nine digits, or twelve of which the last three are of a branch.
pub(super) fn british(rest: &str) -> bool {
    let Some(number) = digits(rest).filter(|number| matches!(number.len(), 9 | 12)) else { return false };
    let sum = weighted(&values(&number), &[8, 7, 6, 5, 4, 3, 2, 10, 1]);
    sum > 0 && (sum.is_multiple_of(97) || (sum + 55).is_multiple_of(97))
}

/// Switzerland: `E` and nine digits, behind which a word may stand.
pub(super) fn swiss(rest: &str) -> bool {
    let number: String = rest.strip_prefix('E').unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
    let values = values(&number);
    let check = (11 - weighted(&values, &[5, 4, 3, 2, 7, 6, 5, 4]) % 11) % 11;
    values.len() == 9 && values.last() == Some(&check)
}

/// Spain: of a person eight digits and a letter (of a foreigner X, Y or Z for the first), of a company a letter, seven
/// digits and a digit or letter.
pub(super) fn spanish(rest: &str) -> bool {
    let (Some(first), Some(last), true) = (rest.chars().next(), rest.chars().last(), rest.len() == 9) else {
        return false;
    };
    let Some(body) = rest.get(1..8).and_then(digits) else { return false };
    let of_person = |number: String| {
        let at = number.parse::<usize>().ok().map(|number| number % 23);
        at.and_then(|at| "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth(at)) == Some(last)
    };
    match first {
        '0'..='9' => of_person(format!("{first}{body}")),
        'X' | 'Y' | 'Z' => of_person(format!("{}{body}", u32::from(first) - u32::from('X'))),
        _ => {
            let check = (0..10).find(|check| luhn(&format!("{body}{check}")));
            let letter = check.and_then(|check| "JABCDEFGHI".chars().nth(check));
            check.is_some_and(|check| last.to_digit(10) == u32::try_from(check).ok()) || letter == Some(last)
        }
    }
}

/// Iran: eleven digits of a company.
pub(super) fn iranian(number: &str) -> bool {
    let values = values(number);
    let Some(tens) = values.get(9).map(|tens| tens + 2).filter(|_| values.len() == 11) else { return false };
    let shifted: Vec<u32> = values.iter().map(|value| value + tens).collect();
    let check = weighted(&shifted, &[29, 27, 23, 19, 17, 29, 27, 23, 19, 17]) % 11 % 10;
    values.last() == Some(&check)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Country = (fn(&str) -> bool, &'static [&'static str], &'static [&'static str]);

    #[test]
    fn each_country_checks_its_own() {
        let all: [Country; 6] = [
            (austrian, &["U13585627", "U37675002"], &["U13585626", "13585627", "U1358562"]),
            (dutch, &["004495445B01", "123456789B13"], &["004495446B01", "123456789B14", "004495445C01", "B"]),
            (british, &["980780684", "802311782", "980780684001"], &["980780683", "000000000", "98078068"]),
            (swiss, &["E100155212", "E107787577", "E100155212MWST"], &["E100155213", "100155212", "E"]),
            (
                spanish,
                &["B58378431", "B64717838", "54362315K", "X2482300W", "A28015865"],
                &["B64717839", "54362315A", ""],
            ),
            (iranian, &["10380284790", "14007650912", "10100171920"], &["10380285692", "10102118000", "1038028479"]),
        ];
        for (right, good, bad) in all {
            for number in good {
                assert!(right(number), "{number}");
            }
            for number in bad {
                assert!(!right(number), "{number}");
            }
        }
    }
}
