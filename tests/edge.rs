//! Integration tests: the outer wall. HTTPS, hostile clients, what is carried out again, proxies, the published document.

mod export;
mod floods;
mod hostile;
mod openapi;
mod proxies;
mod shown;
mod submitted;
mod tls;
