//! The weights before anything is fitted: what is thought of any house's records.
//!
//! Shares of each level, of one person and of two people, chosen so that a level weighs what experience says of it, on the
//! careful side. A fit replaces all of it.

use super::field::{FIELDS, Field, LEVELS};
use super::model::{Frequencies, Learned, Model, Shares};

/// One repeat is expected among so many records.
const RECORDS: u64 = 100_000;

/// Share of one person and of two people, by level from 1 on.
const fn levels(field: Field) -> &'static [(f64, f64)] {
    match field {
        Field::Given => &[
            (0.75, 0.005),
            (0.08, 0.002),
            (0.06, 0.003),
            (0.03, 0.004),
            (0.01, 0.004),
            (0.01, 0.02),
            (0.05, 0.96),
            (0.6, 0.01),
            (0.4, 0.99),
        ],
        Field::Surname => &[
            (0.7, 0.003),
            (0.1, 0.002),
            (0.05, 0.003),
            (0.03, 0.004),
            (0.02, 0.006),
            (0.02, 0.02),
            (0.08, 0.96),
            (0.6, 0.01),
            (0.4, 0.99),
        ],
        Field::Crossed => &[(0.1, 0.004), (0.9, 0.996)],
        Field::Email => &[
            (0.45, 0.000_03),
            (0.01, 0.000_3),
            (0.02, 0.000_3),
            (0.01, 0.001_5),
            (0.05, 0.006),
            (0.43, 0.99),
            (0.03, 0.002),
        ],
        Field::Born => {
            &[(0.9, 0.003), (0.03, 0.001), (0.01, 0.015), (0.01, 0.018), (0.01, 0.09), (0.02, 0.33), (0.02, 0.54)]
        }
        Field::Number => &[(0.9, 0.000_01), (0.05, 0.000_5), (0.01, 0.001), (0.04, 0.998)],
        Field::Phone => &[(0.5, 0.000_2), (0.02, 0.002_5), (0.01, 0.01), (0.47, 0.987)],
        Field::Company => &[(0.5, 0.002), (0.15, 0.002), (0.1, 0.003), (0.05, 0.005), (0.05, 0.03), (0.15, 0.958)],
        Field::Address => &[
            (0.6, 0.000_5),
            (0.05, 0.000_5),
            (0.03, 0.000_5),
            (0.1, 0.003),
            (0.05, 0.011),
            (0.02, 0.006),
            (0.15, 0.979),
        ],
        Field::Place => &[(0.65, 0.03), (0.08, 0.005), (0.02, 0.005), (0.01, 0.01), (0.03, 0.03), (0.21, 0.92)],
        Field::Postcode => &[(0.7, 0.05), (0.08, 0.02), (0.05, 0.1), (0.17, 0.83)],
        Field::State => &[(0.83, 0.25), (0.02, 0.02), (0.15, 0.73)],
    }
}

impl Model {
    /// The weights before anything is fitted.
    #[must_use]
    pub fn start() -> Self {
        let (mut m, mut u): (Shares, Shares) = ([[1.0; LEVELS]; FIELDS], [[1.0; LEVELS]; FIELDS]);
        for (field, (m, u)) in Field::ALL.into_iter().zip(m.iter_mut().zip(u.iter_mut())) {
            for ((of_one, of_two), (m, u)) in levels(field).iter().zip(m.iter_mut().zip(u.iter_mut()).skip(1)) {
                (*m, *u) = (*of_one, *of_two);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a round number")]
        let prior = 1.0 / RECORDS as f64;
        // As many relatives and colleagues as repeats: nothing is known of either.
        Self::new(Learned { m, u, prior, kin: [prior; 2] }, RECORDS, Frequencies::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_weigh_what_experience_says() {
        let model = Model::start();
        for (field, level, least, most) in [
            (Field::Email, 1, 13.0, 15.0),
            (Field::Email, 6, -1.5, 0.0),
            (Field::Email, 7, 3.0, 4.0),
            (Field::Phone, 1, 11.0, 12.0),
            (Field::Surname, 1, 7.0, 9.0),
            (Field::Surname, 7, -5.0, -3.0),
            (Field::Given, 1, 6.0, 8.0),
            (Field::Given, 3, 4.0, 5.0),
            (Field::Given, 7, -5.0, -3.0),
            (Field::Born, 1, 8.0, 9.0),
            (Field::Born, 7, -7.0, -4.0),
            (Field::Number, 1, 16.0, 17.0),
            (Field::Company, 1, 7.5, 8.5),
            (Field::Company, 6, -3.0, -2.0),
        ] {
            let weight = model.weight(field, level);
            assert!(least <= weight && weight <= most, "{} {level}: {weight}", field.as_str());
        }
        for (field, levels) in Field::ALL.map(|field| (field, levels(field))) {
            assert_eq!(levels.len(), field.levels().len(), "{}", field.as_str());
        }
    }

    #[test]
    fn the_prior_falls_with_the_number_of_records_and_never_rises() {
        let model = Model::start();
        let bits = [10, 100_000, 1_000_000, 10_000_000].map(|records| model.prior(records));
        assert!((bits[0] - bits[1]).abs() < 1e-9 && (bits[1] + 16.6).abs() < 0.1, "{bits:?}");
        assert!((bits[2] + 19.9).abs() < 0.1 && (bits[3] + 23.3).abs() < 0.1, "{bits:?}");
    }
}
