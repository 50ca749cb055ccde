//! `pisteur parse`.
