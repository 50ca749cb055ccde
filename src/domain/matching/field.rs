//! The fields by which two records are compared, and what each level of likeness is called.

use serde::{Deserialize, Serialize};

/// Levels a field may have, nought among them.
pub const LEVELS: usize = 10;
/// Fields there are.
pub const FIELDS: usize = 12;

/// A field of two records. The order is that of the explanation, and of what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Given name.
    Given,
    /// Surname.
    Surname,
    /// Given name and surname stand in each other's place.
    Crossed,
    /// Email address.
    Email,
    /// Date of birth.
    Born,
    /// A number that a person or an organisation has alone: a register entry, a social security number.
    Number,
    /// Telephone number.
    Phone,
    /// Name of the organisation.
    Company,
    /// House and street.
    Address,
    /// Town or part of it.
    Place,
    /// Postcode.
    Postcode,
    /// State or region.
    State,
}

/// What two things that are compared have to do with each other: the fields of one group are one witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// Name of a person.
    Name,
    /// Email address.
    Email,
    /// Date of birth.
    Born,
    /// A number of their own.
    Number,
    /// Telephone number.
    Phone,
    /// Name of an organisation.
    Company,
    /// Where they are.
    Place,
}

impl Field {
    /// Every field, in order.
    pub const ALL: [Self; FIELDS] = [
        Self::Given,
        Self::Surname,
        Self::Crossed,
        Self::Email,
        Self::Born,
        Self::Number,
        Self::Phone,
        Self::Company,
        Self::Address,
        Self::Place,
        Self::Postcode,
        Self::State,
    ];

    /// Where the field stands in [`Field::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Which witness it belongs to.
    #[must_use]
    pub const fn witness(self) -> Witness {
        match self {
            Self::Given | Self::Surname | Self::Crossed => Witness::Name,
            Self::Email => Witness::Email,
            Self::Born => Witness::Born,
            Self::Number => Witness::Number,
            Self::Phone => Witness::Phone,
            Self::Company => Witness::Company,
            Self::Address | Self::Place | Self::Postcode | Self::State => Witness::Place,
        }
    }

    /// The word printed and stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given_name",
            Self::Surname => "surname",
            Self::Crossed => "crossed",
            Self::Email => "email",
            Self::Born => "date_of_birth",
            Self::Number => "number",
            Self::Phone => "phone",
            Self::Company => "company",
            Self::Address => "address",
            Self::Place => "place",
            Self::Postcode => "postcode",
            Self::State => "state",
        }
    }

    /// Names of the levels, from 1 on; level 0 is a field with nothing to compare.
    #[must_use]
    pub const fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Given | Self::Surname => &[
                "equal",
                "one_edit",
                "close",
                "sounds_alike",
                "similar",
                "far",
                "different",
                "in_the_email",
                "not_in_the_email",
            ],
            Self::Crossed => &["crossed", "straight"],
            Self::Email => &[
                "equal",
                "typing_error",
                "same_local_part",
                "similar_local_part",
                "same_domain",
                "different",
                "same_shared_mailbox",
            ],
            Self::Born => {
                &["equal", "one_edit", "two_edits", "within_a_year", "three_edits", "four_edits", "different"]
            }
            Self::Number | Self::Phone | Self::Postcode => &["equal", "one_edit", "two_edits", "different"],
            Self::Company => &["equal", "same_words", "part", "half_the_words", "one_word", "different"],
            Self::Address => &[
                "same_house",
                "same_house_similar_street",
                "same_street_similar_number",
                "same_street",
                "same_number",
                "similar_street",
                "different",
            ],
            Self::Place => &["equal", "one_edit", "close", "similar", "far", "different"],
            Self::State => &["equal", "one_edit", "different"],
        }
    }

    /// Name of a level; `missing` where nothing could be compared.
    #[must_use]
    pub fn level(self, level: u8) -> &'static str {
        let names = self.levels();
        usize::from(level).checked_sub(1).and_then(|at| names.get(at)).copied().unwrap_or("missing")
    }
}
