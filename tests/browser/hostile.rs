//! What visitors send is shown as they wrote it and never becomes part of a page: every payload through every template,
//! read by the browser's own parser.

use serde_json::{Value, json};

use super::driver::{Browser, Wishes};
use super::house::{address, daemon};

const PAYLOADS: [&str; 34] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "\"><script src=//evil.example/x.js></script>",
    "'><img src=x onerror=alert(1)>",
    "\" autofocus onfocus=\"alert(1)",
    "' onmouseover='alert(1)",
    "x onclick=alert(1) y",
    "</textarea><script>alert(1)</script>",
    "</title><svg onload=alert(1)>",
    "</style><style>*{background:url(//evil.example)}</style>",
    "</option></select><iframe src=javascript:alert(1)>",
    "</form><form action=//evil.example>",
    "<!--",
    "--><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&quot;&gt;&lt;b&gt;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "{{ 7 * 7 }}{% raw %}{{ css|safe }}{% endraw %}",
    "${alert(1)}`-alert(1)-`",
    "<scr\u{0}ipt>alert(1)</scr\u{0}ipt>",
    "\u{2028}<script>alert(1)</script>\u{2029}",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\u{202e}<b>gnp.exe",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "\n\"><b>after a line",
    "=cmd|'/c calc'!A1",
];

/// What is wrong with a page, and its values by field name.
const LOOK: &str = "
    const page = new DOMParser().parseFromString(arguments[0], 'text/html');
    const known = new Set('html head meta title link style script body main section nav ul li a h1 p form input label \
        textarea select option span div noscript button code details summary ol pre small'.split(' '));
    const wrong = [];
    const own = (address) => address === '' || address.startsWith('/') && !address.startsWith('//') || address.startsWith('data:,');
    for (const element of page.querySelectorAll('*')) {
        if (!known.has(element.localName)) wrong.push('element ' + element.localName);
        for (const { name, value } of element.attributes) {
            if (name.startsWith('on') || ['style', 'srcdoc', 'formaction', 'autofocus'].includes(name)) wrong.push('attribute ' + name);
            if (['src', 'href', 'action'].includes(name) && !own(value) && !value.startsWith(arguments[1])) wrong.push(name + ' ' + value);
        }
    }
    const count = (css) => page.querySelectorAll(css).length;
    if (count('script') !== 1 || page.querySelector('script').textContent) wrong.push('scripts');
    if (count('style') !== 1 || count('form') > 1 || count('title') !== 1 || count('main') !== 1) wrong.push('structure');
    if (count('meta[http-equiv]') || page.body.parentElement !== page.documentElement) wrong.push('meta');
    const walker = page.createTreeWalker(page, NodeFilter.SHOW_COMMENT);
    if (walker.nextNode()) wrong.push('comment');
    return { wrong, values: [...page.querySelectorAll('input, textarea, select')].map((field) => [field.name, field.value]) };";

fn look(browser: &Browser, html: &str, own: &str, what: &str) -> Vec<(String, String)> {
    let found = browser.run_with(LOOK, &json!([html, own]));
    assert_eq!(found["wrong"], json!([]), "{what}\n{html}");
    let values = found["values"].as_array().unwrap();
    values.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// As an input element holds it: browsers leave lines out of one-line fields, and NUL out of every page.
fn held(value: &str) -> String {
    value.replace('\0', "\u{fffd}")
}

#[test]
fn no_payload_becomes_part_of_a_page() {
    let daemon = daemon(
        "[[form]]\nid = \"contact\"\nmax_fields = 3\nallowed_origins = [\"*\"]\n[[form.field]]\nname = \"name\"\n[[form.field]]\n\
         name = \"email\"\n[[form.field]]\nname = \"day\"\ntype = \"date\"\n[[form.field]]\nname = \"size\"\noptions = [\"s\"]\n\
         [[form.field]]\nname = \"ok\"\ntype = \"bool\"\n[[form.field]]\nname = \"message\"\n",
    );
    let own = address(&daemon);
    let browser = Browser::open(&Wishes::default());
    browser.go(&format!("{own}/f/contact"));
    let encode = |pairs: &[(&str, &str)]| form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    for payload in PAYLOADS {
        let fields: Vec<(&str, &str)> =
            ["name", "email", "day", "size", "ok", "message", "_next", "utm_source", "_gotcha", payload]
                .iter()
                .map(|name| (*name, payload))
                .collect();
        let referer = format!("{own}/{}", payload.replace(|c: char| !c.is_ascii_graphic(), "%20"));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "text/html"),
            ("referer", referer.as_str()),
        ];
        let body = encode(&fields);
        let page = daemon.public().request("POST", "/f/contact", &headers, body.as_bytes()).unwrap();
        assert_eq!(page.status, 413, "{payload}");
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'; script-src 'self';"));
        let values = look(&browser, &page.text(), &own, payload);
        // A page that visitors may not be sent to is not sent again.
        assert!(!values.iter().any(|(found, _)| found == "_next"), "{payload:?}");
        for name in ["name", "email", "size", "ok", "message", "utm_source", "_gotcha"] {
            let shown = values.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
            // The trap has one line.
            let wanted = if name == "_gotcha" { held(payload).replace('\n', "") } else { held(payload) };
            assert_eq!(shown, Some(wanted.as_str()), "{name}");
        }
        assert!(values.iter().any(|(found, _)| *found == held(payload)), "{payload:?} in {values:?}");
        // The pages that are opened: what stands in their address and in what led to them.
        let query = encode(&[
            ("utm_source", payload),
            ("embed", payload),
            ("lang", payload),
            (&format!("utm_{payload}"), payload),
        ]);
        for path in ["/", "/f/contact", "/f/contact/thanks", "/f/nosuch"] {
            let page = daemon.public().request("GET", &format!("{path}?{query}"), &headers[1..], &[]).unwrap();
            look(&browser, &page.text(), &own, &format!("{path} {payload}"));
        }
    }
}
