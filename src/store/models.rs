//! What passes between the store and the fitting of models.

use crate::domain::matching::model::Model;
use crate::domain::matching::profile::Profile;

/// A profile as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexed {
    /// Row id of its record, and hash of the profile.
    pub place: (i64, i64),
    /// Row id of the contact that the record is linked to, else of the record itself.
    pub person: i64,
    /// What it says.
    pub profile: Profile,
}

/// A model to keep.
#[derive(Debug, Clone)]
pub struct NewModel {
    /// The weights.
    pub model: Model,
    /// What was found when it was fitted.
    pub report: serde_json::Value,
    /// It is in force from now on, in the place of the one before.
    pub active: bool,
}
