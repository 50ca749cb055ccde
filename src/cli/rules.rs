//! `pisteur rules`.
