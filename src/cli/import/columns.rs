//! What the columns of an address book mean: the names of our forms, and those that mail programs export.

use std::collections::BTreeMap;

use crate::domain::reading::field_names;
use crate::domain::submission::Canonical;

/// Folded names of Outlook, Google and Thunderbird exports that no form would use.
const EXPORTED: [(&str, Canonical); 24] = [
    ("emailaddress", Canonical::Email),
    ("emailvalue", Canonical::Email),
    ("primaryemail", Canonical::Email),
    ("secondaryemail", Canonical::Email),
    ("phonevalue", Canonical::Phone),
    ("businessphone", Canonical::Phone),
    ("workphone", Canonical::Phone),
    ("homephone", Canonical::Phone),
    ("mobilephone", Canonical::Mobile),
    ("businessfax", Canonical::Fax),
    ("givenname", Canonical::FirstName),
    ("familyname", Canonical::LastName),
    ("displayname", Canonical::FullName),
    ("organizationname", Canonical::Company),
    ("organization1name", Canonical::Company),
    ("organizationtitle", Canonical::JobTitle),
    ("organization1title", Canonical::JobTitle),
    ("businessstreet", Canonical::Street),
    ("businesscity", Canonical::City),
    ("businesspostalcode", Canonical::Postcode),
    ("businesscountryregion", Canonical::Country),
    ("workaddress", Canonical::Street),
    ("workcity", Canonical::City),
    ("workzipcode", Canonical::Postcode),
];

/// Meanings given with `--map COLUMN=FIELD`.
///
/// # Errors
/// When one is not of that shape or names no canonical field.
pub(super) fn given(map: &[String]) -> Result<BTreeMap<String, Canonical>, String> {
    map.iter()
        .map(|pair| {
            let (column, field) =
                pair.rsplit_once('=').ok_or_else(|| format!("--map {pair}: write COLUMN=FIELD, such as Tel=phone"))?;
            let canonical = field_names::parse_canonical(field.trim()).ok_or_else(|| {
                format!("--map {pair}: \"{field}\" is not a field; such as full_name, email, phone, company, city")
            })?;
            Ok((field_names::fold(column), canonical))
        })
        .collect()
}

/// What a column means: as given, by the names of forms, by those of mail programs; numbers in a name are ignored.
pub(super) fn meaning(column: &str, given: &BTreeMap<String, Canonical>) -> Option<Canonical> {
    let folded = field_names::fold(column);
    if let Some(canonical) = given.get(&folded) {
        return Some(*canonical);
    }
    let bare: String = folded.chars().filter(|c| !c.is_ascii_digit()).collect();
    [folded.as_str(), bare.as_str()]
        .into_iter()
        .find_map(|name| field_names::canonical(name).or_else(|| exported(name)))
}

fn exported(folded: &str) -> Option<Canonical> {
    EXPORTED.iter().find(|(name, _)| *name == folded).map(|(_, canonical)| *canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_our_languages_and_of_mail_programs_are_understood() {
        let none = BTreeMap::new();
        for (column, canonical) in [
            ("Courriel", Canonical::Email),
            ("E-mail 1 - Value", Canonical::Email),
            ("Société", Canonical::Company),
            ("Jméno", Canonical::FullName),
            ("Mobile Phone", Canonical::Mobile),
            ("Given Name", Canonical::FirstName),
        ] {
            assert!(meaning(column, &none).is_some(), "{column} should be about {canonical:?}");
        }
        assert_eq!(meaning("Numéro d'adhérent", &none), None);
    }

    #[test]
    fn a_given_meaning_wins() {
        let map = given(&["Numéro d'adhérent=registration".to_owned()]).unwrap();
        assert_eq!(meaning("numéro d'adhérent", &map), Some(Canonical::Registration));
        assert!(given(&["x=nonsense".to_owned()]).is_err());
        assert!(given(&["x".to_owned()]).is_err());
    }
}
