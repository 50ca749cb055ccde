//! Integration tests: the outer wall. HTTPS, hostile clients, what is carried out again, proxies, the published document.

mod floods;
mod tls;
