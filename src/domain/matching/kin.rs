//! People who are not one and have much in common all the same: relatives and colleagues.
//!
//! Two people drawn by chance share nothing, so a model of "one person" against "chance" takes a brother for the same man
//! with a wrong given name. These are two further explanations of a pair, with what such people share by their nature; how
//! frequent they are is fitted. They only ever speak against a match.

use serde::{Deserialize, Serialize};

use super::field::Field;

/// Share of relatives who have the same given name, a father and his son.
const NAMESAKES: f64 = 0.02;
/// Share of relatives born on one day.
const TWINS: f64 = 0.01;
/// Share of relatives, or of colleagues, who use one telephone, one mailbox, one employer.
const SHARED: f64 = 0.5;

/// What two people may be to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kin {
    /// They have a surname and a house in common.
    Relatives,
    /// They have an employer and its address in common.
    Colleagues,
}

/// How kin share a field.
enum Shares {
    /// As one person does.
    Whole,
    /// Some of them do.
    Half,
    /// As anybody; but so many of them agree by their nature.
    Own(f64),
}

impl Kin {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Relatives, Self::Colleagues];

    fn shares(self, field: Field, level: u8) -> Shares {
        match (self, field) {
            (_, Field::Address | Field::Place | Field::Postcode | Field::State) | (Self::Relatives, Field::Surname) => {
                Shares::Whole
            }
            (Self::Colleagues, Field::Company) => Shares::Whole,
            // Two addresses at one employer.
            (Self::Colleagues, Field::Email) if level == 5 => Shares::Whole,
            (Self::Relatives, Field::Email | Field::Company) | (_, Field::Phone) => Shares::Half,
            (Self::Colleagues, Field::Email) if level == 7 => Shares::Half,
            (Self::Relatives, Field::Given) => Shares::Own(NAMESAKES),
            (Self::Relatives, Field::Born) => Shares::Own(TWINS),
            _ => Shares::Own(0.0),
        }
    }

    /// What a field weighs for this explanation against chance, in bits. `weight`: what it weighs for one person; `equal`:
    /// the share of two people by chance who are equal in it.
    #[must_use]
    pub fn weight(self, field: Field, level: u8, weight: f64, equal: f64) -> f64 {
        match self.shares(field, level) {
            Shares::Whole => weight,
            Shares::Half => (SHARED * weight.exp2() + 1.0 - SHARED).log2(),
            Shares::Own(agree) if level == 1 => (1.0 + agree / equal).log2(),
            Shares::Own(_) => 0.0,
        }
    }
}
