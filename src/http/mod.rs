//! Listeners, limits, health, metrics, landing page.
