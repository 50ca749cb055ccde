//! Killing the built binary while it works: afterwards the ledger must balance.
//!
//! The short form runs always; `PISTEUR_FULL=1` runs ten thousand arrivals and twenty kills on each engine.

mod dealers;
mod disk;
mod fail_points;
mod fsync;
mod kills;
mod poison;
mod reindex;
