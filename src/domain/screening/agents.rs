//! Programs that post forms by themselves, by how they name themselves. A short list: whoever hides is not on it, and
//! websites whose own server posts for its visitors are, so that it weighs little.

use super::Part;

/// Beginnings of names, lower case: libraries and tools.
const LIBRARIES: [&str; 30] = [
    "curl/",
    "wget/",
    "python-requests/",
    "python-urllib/",
    "python-httpx/",
    "aiohttp/",
    "scrapy/",
    "go-http-client/",
    "java/",
    "apache-httpclient/",
    "okhttp/",
    "libwww-perl/",
    "lwp::simple/",
    "php/",
    "guzzlehttp/",
    "ruby",
    "rest-client/",
    "faraday",
    "mechanize",
    "node-fetch",
    "axios/",
    "undici",
    "got (",
    "postmanruntime/",
    "insomnia/",
    "httpie/",
    "powershell/",
    "winhttp",
    "reqwest/",
    "zgrab/",
];

/// Words anywhere in a name, lower case: browsers without a person, crawlers, scanners.
const DRIVEN: [&str; 18] = [
    "headlesschrome",
    "phantomjs",
    "slimerjs",
    "selenium",
    "puppeteer",
    "playwright",
    "googlebot",
    "bingbot",
    "yandexbot",
    "baiduspider",
    "ahrefsbot",
    "semrushbot",
    "mj12bot",
    "dotbot",
    "petalbot",
    "nikto",
    "sqlmap",
    "masscan",
];

/// What the name of the program says.
pub(super) fn part(agent: Option<&str>) -> Option<Part> {
    let Some(agent) = agent.map(str::trim).filter(|agent| !agent.is_empty()) else {
        return Some(Part::new("no_agent", 10, "no program is named, which browsers do"));
    };
    let lower = agent.to_ascii_lowercase();
    let known = LIBRARIES.iter().find(|name| lower.starts_with(*name));
    let known = known.or_else(|| DRIVEN.iter().find(|name| lower.contains(*name)))?;
    let name = known.trim_end_matches(['/', '(', ' ']);
    Some(Part::new("agent", 20, format!("sent by a program ({name}), not by a person's browser")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_and_browsers_are_not_taken_for_one() {
        let points = |agent: Option<&str>| part(agent).map(|part| part.points);
        for browser in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148",
            "Opera/9.80 (Android; Opera Mini/36) Presto/2.12.423 Version/12.16",
            "Lynx/2.9.0 libwww-FM/2.14",
        ] {
            assert_eq!(points(Some(browser)), None, "{browser}");
        }
        for program in ["curl/8.5.0", "python-requests/2.32", "Go-http-client/1.1", "Mozilla/5.0 HeadlessChrome/126.0"]
        {
            assert_eq!(points(Some(program)), Some(20), "{program}");
        }
        assert_eq!(points(None), Some(10));
        assert_eq!(points(Some(" ")), Some(10));
    }
}
