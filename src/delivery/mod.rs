//! One file per kind of effect.
