//! Postcodes and French departments. A postcode is text, never a number.

use serde::Serialize;

/// A postcode with the department it implies, if any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Postcode {
    /// Normalised: upper case, single spaces; France: five digits.
    pub code: String,
    /// Department, France only: `01`..`95`, `2A`, `2B`, `971`..`988`.
    pub department: Option<String>,
}

impl Postcode {
    /// Normalises `raw` as a postcode of `country` (ISO 3166-1 alpha-2). `None` when it cannot be one.
    #[must_use]
    pub fn parse(raw: &str, country: &str) -> Option<Self> {
        if country.eq_ignore_ascii_case("FR") {
            let code = french(raw)?;
            let department = department_of(&code);
            return Some(Self { code, department });
        }
        let code = raw.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        let plausible = (2..=12).contains(&code.len())
            && code.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'))
            && code.bytes().any(|b| b.is_ascii_digit());
        plausible.then_some(Self { code, department: None })
    }
}

/// `F-75008 CEDEX 08` -> `75008`; five digits or nothing.
fn french(raw: &str) -> Option<String> {
    let text = raw.trim().to_uppercase();
    let text = text.strip_prefix("FR-").or_else(|| text.strip_prefix("F-")).unwrap_or(&text);
    let text = text.split_once("CEDEX").map_or(text, |(before, _)| before);
    let code: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    (code.len() == 5 && code.bytes().all(|b| b.is_ascii_digit())).then_some(code)
}

/// Department of a five-digit French postcode: `200`, `201` are Corse-du-Sud, `202`..`206` Haute-Corse, `97x` and
/// `98x` take three digits, every other the first two.
#[must_use]
pub fn department_of(code: &str) -> Option<String> {
    match (code.get(..2)?, code.get(2..3)?) {
        ("20", "0" | "1") => Some("2A".to_owned()),
        ("20", _) => Some("2B".to_owned()),
        ("97" | "98", _) => code.get(..3).map(str::to_owned),
        ("00", _) => None,
        (two, _) => Some(two.to_owned()),
    }
}

/// Place of a department in the order `01 .. 19, 2A, 2B, 21 .. 95, 971 ..`; `None` when it is no department.
#[must_use]
pub fn department_order(department: &str) -> Option<u32> {
    match department {
        "2A" | "2a" => Some(195),
        "2B" | "2b" => Some(196),
        "20" => None,
        _ => {
            let digits = department.bytes().all(|b| b.is_ascii_digit());
            let number: u32 = department.parse().ok()?;
            let two = department.len() == 2 && (1..=95).contains(&number);
            let three = department.len() == 3 && (971..=988).contains(&number);
            (digits && (two || three)).then_some(number * 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn department(raw: &str) -> Option<String> {
        Postcode::parse(raw, "FR").and_then(|p| p.department)
    }

    #[test]
    fn departments_follow_from_postcodes() {
        for (raw, expected) in [
            ("06000", "06"),
            ("20137", "2A"),
            ("20200", "2B"),
            ("20600", "2B"),
            ("97400", "974"),
            ("98800", "988"),
            ("75 008", "75"),
            ("F-69003 CEDEX 03", "69"),
        ] {
            assert_eq!(department(raw).as_deref(), Some(expected), "{raw}");
        }
        assert_eq!(department("6000"), None);
        assert_eq!(Postcode::parse("110 00", "CZ").map(|p| p.code).as_deref(), Some("110 00"));
        assert_eq!(Postcode::parse("hello", "CZ"), None);
    }

    #[test]
    fn corsica_lies_between_19_and_21() {
        let order = |d| department_order(d).unwrap();
        assert!(order("19") < order("2A") && order("2A") < order("2B") && order("2B") < order("21"));
        assert!(order("95") < order("971"));
        assert_eq!(department_order("20"), None);
        assert_eq!(department_order("96"), None);
    }
}
