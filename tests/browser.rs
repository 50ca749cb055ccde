//! Real headless Chromium, driven over `WebDriver`: the form's own page, and what websites include.

mod driver;
mod house;

mod attribution;
mod embedded;
mod hosted;
mod hostile;
mod sent;
mod services;
mod sites;
