//! What kind of answer the visitor wants: JSON for scripts, pages for browsers.

use axum::http::{HeaderMap, HeaderValue, header};

/// A header as text, unreadable bytes replaced; empty when absent.
pub(in crate::intake) fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

/// The media type of `Content-Type`, lower case, without parameters; empty when absent.
pub(in crate::intake) fn media_type(headers: &HeaderMap) -> String {
    text(headers, header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether the body is compressed or otherwise encoded. Each line of `Content-Encoding` counts: a second one names what
/// was done on top of the first (RFC 9110 section 8.4).
pub(in crate::intake) fn is_encoded(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
    lines.any(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity"))
}

/// Whether the answer is to be JSON: asked by a script library, or `Accept` names JSON before HTML, or JSON was sent
/// and HTML is not named, or `fetch()` says what it is and HTML is not named.
#[must_use]
pub fn wants_json(headers: &HeaderMap) -> bool {
    if text(headers, "x-requested-with").eq_ignore_ascii_case("XMLHttpRequest") {
        return true;
    }
    let accept = text(headers, header::ACCEPT).to_ascii_lowercase();
    let place =
        |kind: &str| accept.split(',').position(|item| item.split(';').next().unwrap_or_default().trim() == kind);
    match (place("application/json"), place("text/html")) {
        (Some(json), Some(html)) => json < html,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => {
            media_type(headers) == "application/json" || text(headers, "sec-fetch-mode").eq_ignore_ascii_case("cors")
        }
    }
}

/// Longest `User-Agent` kept, in bytes.
const AGENT_BYTES: usize = 512;

/// The browser as it names itself, as much of it as is kept.
pub(super) fn agent(headers: &HeaderMap) -> String {
    let mut agent = text(headers, header::USER_AGENT);
    agent.truncate(agent.floor_char_boundary(AGENT_BYTES));
    agent
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    fn asked(content_type: &str, accept: Option<&str>, more: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        for (name, value) in more {
            headers.insert(*name, value.parse().unwrap());
        }
        wants_json(&headers)
    }

    #[test]
    fn every_combination_of_content_type_and_accept_has_its_answer() {
        let accepts = [None, Some("*/*"), Some(BROWSER), Some("application/json"), Some("application/json, text/html")];
        let table = [
            ("application/x-www-form-urlencoded", [false, false, false, true, true]),
            ("multipart/form-data; boundary=x", [false, false, false, true, true]),
            ("application/json; charset=utf-8", [true, true, false, true, true]),
        ];
        for (content_type, answers) in table {
            for (accept, json) in accepts.iter().zip(answers) {
                assert_eq!(asked(content_type, *accept, &[]), json, "{content_type} {accept:?}");
            }
        }
    }

    #[test]
    fn a_second_line_of_encodings_counts() {
        let encoded = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(line));
            }
            is_encoded(&headers)
        };
        assert!(!encoded(&[]) && !encoded(&[""]) && !encoded(&["identity"]) && !encoded(&["Identity", "identity"]));
        assert!(encoded(&["gzip"]) && encoded(&["identity", "gzip"]) && encoded(&["identity, gzip"]));
    }

    #[test]
    fn script_libraries_and_fetch_are_recognised() {
        let form = "application/x-www-form-urlencoded";
        assert!(asked(form, Some(BROWSER), &[("x-requested-with", "XMLHttpRequest")]));
        assert!(asked(form, Some("*/*"), &[("sec-fetch-mode", "cors")]));
        assert!(!asked(form, Some(BROWSER), &[("sec-fetch-mode", "navigate")]));
    }
}
