//! Two profiles beside each other: for each field the level of their likeness.
//!
//! Invariants: comparing is symmetric; where one side has no value nothing is said (level 0), and nothing is held against
//! it.

mod address;
mod company;
mod date;
mod email;
mod name;
mod text;

use super::field::{FIELDS, Field};
use super::profile::Profile;

/// The levels of all fields, in the order of [`Field::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Levels([u8; FIELDS]);

impl Levels {
    /// Level of a field; 0 where nothing could be compared.
    #[must_use]
    pub fn of(self, field: Field) -> u8 {
        self.0.get(field.index()).copied().unwrap_or(0)
    }

    /// Every field with its level.
    pub fn all(self) -> impl Iterator<Item = (Field, u8)> {
        Field::ALL.into_iter().zip(self.0)
    }

    /// Of the fields that were compared, each with its level.
    #[must_use]
    pub fn of_steps(steps: impl IntoIterator<Item = (Field, u8)>) -> Self {
        let mut levels = Self::default();
        steps.into_iter().for_each(|(field, level)| levels.set(field, level));
        levels
    }

    fn set(&mut self, field: Field, level: u8) {
        if let Some(place) = self.0.get_mut(field.index()) {
            *place = level;
        }
    }
}

/// Compares two profiles.
#[must_use]
pub fn compare(a: &Profile, b: &Profile) -> Levels {
    let mut levels = Levels::default();
    let email = email::closest(&a.emails, &b.emails);
    let names = name::levels(a, b, email);
    let email = if names.agree() && email::is_of_a_name(a, b, email) { email::DIFFERENT } else { email };
    for (field, level) in [
        (Field::Given, names.given),
        (Field::Surname, names.surname),
        (Field::Crossed, names.crossed),
        (Field::Email, email),
        (Field::Born, both(a.born.as_ref(), b.born.as_ref(), date::level)),
        (Field::Number, closest(&a.numbers, &b.numbers, |x: &String, y| text::digits(x, y))),
        (Field::Phone, closest(&a.phones, &b.phones, |x, y| text::digits(x, y))),
        (Field::Company, company::level(a, b)),
        (Field::Address, address::level(a, b)),
        (Field::Place, closest(&a.places, &b.places, |x, y| text::level(x, y))),
        (Field::Postcode, both(a.postcode.as_deref(), b.postcode.as_deref(), text::digits)),
        (Field::State, both(a.state.as_deref(), b.state.as_deref(), text::word)),
    ] {
        levels.set(field, level);
    }
    levels
}

fn both<T: ?Sized>(a: Option<&T>, b: Option<&T>, level: impl Fn(&T, &T) -> u8) -> u8 {
    a.zip(b).map_or(0, |(a, b)| level(a, b))
}

/// The best level of any pair of values: people have several of most things.
fn closest<T>(a: &[T], b: &[T], level: impl Fn(&T, &T) -> u8) -> u8 {
    let level = &level;
    a.iter().flat_map(|x| b.iter().map(move |y| level(x, y))).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::profile::Fact;
    use super::*;

    fn levels(a: &[(Fact, &str)], b: &[(Fact, &str)]) -> Levels {
        let (a, b) = (Profile::of(a.iter().copied()), Profile::of(b.iter().copied()));
        assert_eq!(compare(&a, &b), compare(&b, &a), "comparing is symmetric");
        let itself = compare(&a, &a);
        let like = |(field, level)| level <= 2 || (field, level) == (Field::Address, 5);
        assert!(itself.all().all(like), "a record is like itself: {itself:?}");
        compare(&a, &b)
    }

    #[test]
    fn each_field_is_compared_by_its_kind() {
        use Fact::{City, Company, DateOfBirth, Email, FirstName, HouseNumber, LastName, OtherId, Phone, Street};
        for (fact, a, b, field, wanted) in [
            (FirstName, "Robert", "Robert", Field::Given, "equal"),
            (FirstName, "Robert", "Rboert", Field::Given, "one_edit"),
            (FirstName, "Robert", "Bob", Field::Given, "close"),
            (FirstName, "Robert", "Alice", Field::Given, "different"),
            (LastName, "Allen", "Alan", Field::Surname, "sounds_alike"),
            (LastName, "Gauthier", "Gault", Field::Surname, "similar"),
            (LastName, "Dupont-Martin", "Martin", Field::Surname, "sounds_alike"),
            (FirstName, "Jean-Pierre", "JP", Field::Given, "sounds_alike"),
            (FirstName, "Anna", "Hana", Field::Given, "different"),
            (FirstName, "Jean-Pierre", "Pierre", Field::Given, "far"),
            (FirstName, "Jean-Pierre", "Jean", Field::Given, "far"),
            (FirstName, "Anna Maria", "Anna", Field::Given, "sounds_alike"),
            (Email, "ann@kovo.cz", "ann@kovo.cz", Field::Email, "equal"),
            (Email, "ann.bell@kovo.cz", "ann.bel@kovo.cz", Field::Email, "typing_error"),
            (Email, "ann.bell@kovo.cz", "ann.bell@seznam.cz", Field::Email, "same_local_part"),
            (Email, "ann.bell562@gmx.de", "ann.bell196@gmx.de", Field::Email, "same_domain"),
            (Email, "ann.bell562@gmx.de", "ann.bell563@gmx.de", Field::Email, "typing_error"),
            (Email, "ann.bell562@gmx.de", "ann.bell652@gmx.de", Field::Email, "typing_error"),
            (Email, "ann.bell433@gmx.de", "ann.bell424@gmx.de", Field::Email, "same_domain"),
            (Email, "ann@kovo.cz", "petr@kovo.cz", Field::Email, "same_domain"),
            (DateOfBirth, "1971-06-24", "1971-05-24", Field::Born, "one_edit"),
            (DateOfBirth, "1971-06-24", "1971-24-06", Field::Born, "one_edit"),
            (DateOfBirth, "1971-12-31", "1972-01-02", Field::Born, "within_a_year"),
            (DateOfBirth, "1971-06-24", "2009-11-10", Field::Born, "different"),
            (Phone, "310/246-1501", "310-246-1501", Field::Phone, "equal"),
            (OtherId, "1804974", "1804794", Field::Number, "one_edit"),
            (Company, "Kovo s.r.o.", "KOVO", Field::Company, "equal"),
            (Company, "Kovo Brno", "Kovo", Field::Company, "part"),
            (Company, "Kovo", "Dreva", Field::Company, "different"),
            (City, "London", "Lonon", Field::Place, "one_edit"),
            (HouseNumber, "7", "7", Field::Address, "same_number"),
            (Street, "12 wallaby place", "12 wallaby place", Field::Address, "same_house"),
            (Street, "12 wallaby place", "14 wallaby place", Field::Address, "same_street"),
        ] {
            let level = levels(&[(fact, a)], &[(fact, b)]).of(field);
            assert_eq!(field.level(level), wanted, "{a} / {b}");
        }
    }

    #[test]
    fn names_in_each_others_place_are_told() {
        use Fact::{Email, FirstName, LastName};
        let crossed = levels(&[(FirstName, "Poppy"), (LastName, "Fox")], &[(FirstName, "Fox"), (LastName, "Poppy")]);
        assert_eq!([Field::Given, Field::Surname, Field::Crossed].map(|f| crossed.of(f)), [1, 1, 1]);
        let half = levels(&[(FirstName, "Poppy"), (LastName, "Fox")], &[(LastName, "Poppy")]);
        assert_eq!([Field::Given, Field::Surname, Field::Crossed].map(|f| half.of(f)), [1, 0, 1]);
        let mailed = levels(&[(LastName, "Hughes")], &[(Email, "ohughes@page.info")]);
        assert_eq!(Field::Surname.level(mailed.of(Field::Surname)), "in_the_email");
        let none = levels(&[(FirstName, "Poppy")], &[(LastName, "Hughes")]);
        assert!(none.all().all(|(_, level)| level == 0), "what is missing says nothing: {none:?}");
    }
}
