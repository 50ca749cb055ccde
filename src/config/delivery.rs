//! `[delivery]`: what leaves the house.
