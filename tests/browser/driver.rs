//! A small client of `WebDriver` (W3C) over chromedriver, which it starts and ends.

use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::Http;
use crate::support::process::{Leashed, Signal, find_program, free_port, wait_for_port};
use crate::support::wait;

/// Key under which `WebDriver` names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser at a time: two would starve each other and the daemon on a small machine.
static TURN: Mutex<()> = Mutex::new(());

/// What a visitor's browser is like.
#[derive(Debug, Clone)]
pub struct Wishes {
    pub javascript: bool,
    /// `Accept-Language`.
    pub language: &'static str,
    /// Window in CSS pixels.
    pub size: (u32, u32),
}

impl Default for Wishes {
    fn default() -> Self {
        Self { javascript: true, language: "en", size: (1100, 1400) }
    }
}

/// A browser with one window.
pub struct Browser {
    http: Http,
    session: String,
    driver: Option<Leashed>,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

fn program(name: &str) -> std::path::PathBuf {
    find_program(name, &[])
        .unwrap_or_else(|| panic!("{name} is not installed: run tests/run, or install chromium and chromium-driver"))
}

impl Browser {
    pub fn open(wishes: &Wishes) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = TempDir::with_prefix("pisteur-browser-").unwrap();
        let port = free_port();
        let mut command = Command::new(program("chromedriver"));
        command.arg(format!("--port={port}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut driver = Leashed::spawn(&mut command, Signal::Term, Some(folder.path()));
        wait_for_port("chromedriver", port, || driver.ended().is_some());
        let mut browser = Self {
            http: Http { timeout: Duration::from_secs(60), ..Http::to(([127, 0, 0, 1], port).into()) },
            session: String::new(),
            driver: Some(driver),
            folder,
            _turn: turn,
        };
        let data = browser.folder.path().join("profile");
        let (width, height) = wishes.size;
        let args = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--accept-lang={}", wishes.language),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", data.display()),
        ];
        let mut options = json!({
            "binary": program("chromium"), "args": args,
            "prefs": { "intl.accept_languages": wishes.language },
        });
        if !wishes.javascript {
            options["prefs"]["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let made = browser.call("POST", "/session", &wanted).unwrap_or_else(|e| panic!("no browser: {e}"));
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        if width < 500 {
            // Windows have a least width; a telephone has not.
            let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
            let wanted = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
            browser.must("POST", "/goog/cdp/execute", &wanted);
        }
        browser
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let path = format!("{}{path}", self.session);
        let answer = self.http.request(method, &path, &[("content-type", "application/json")], &body);
        let answer = answer.map_err(|e| format!("{path}: {e}"))?;
        let value = answer.json()["value"].clone();
        if answer.status == 200 { Ok(value) } else { Err(format!("{path}: {value}")) }
    }

    fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, path, body).unwrap_or_else(|e| panic!("{e}\nthe browser said: {:#?}", self.console()))
    }

    /// Opens an address and waits until it is loaded.
    pub fn go(&self, address: &str) {
        self.must("POST", "/url", &json!({ "url": address }));
    }

    /// Where it is.
    pub fn address(&self) -> String {
        self.must("GET", "/url", &Value::Null).as_str().unwrap().to_owned()
    }

    fn find(&self, css: &str) -> Result<String, String> {
        let found = self.call("POST", "/element", &json!({ "using": "css selector", "value": css }))?;
        found[ELEMENT].as_str().map(str::to_owned).ok_or_else(|| format!("{css}: {found}"))
    }

    /// The first element that matches, waiting for it.
    fn element(&self, css: &str) -> String {
        let mut found = String::new();
        self.until(&format!("{css} is there"), || self.find(css).map(|id| found = id).is_ok());
        found
    }

    /// Whether an element matches now.
    pub fn has(&self, css: &str) -> bool {
        self.find(css).is_ok()
    }

    /// Types into a field, as a person does.
    pub fn fill(&self, css: &str, text: &str) {
        let id = self.element(css);
        self.must("POST", &format!("/element/{id}/clear"), &json!({}));
        self.must("POST", &format!("/element/{id}/value"), &json!({ "text": text }));
    }

    pub fn click(&self, css: &str) {
        let id = self.element(css);
        self.must("POST", &format!("/element/{id}/click"), &json!({}));
    }

    /// What is seen of an element.
    pub fn text(&self, css: &str) -> String {
        let id = self.element(css);
        self.must("GET", &format!("/element/{id}/text"), &Value::Null).as_str().unwrap().to_owned()
    }

    /// Whether an element is there now and shows these words; pages may change under the question.
    pub fn shows(&self, css: &str, words: &str) -> bool {
        let text = self.find(css).and_then(|id| self.call("GET", &format!("/element/{id}/text"), &Value::Null));
        text.is_ok_and(|text| text.as_str().is_some_and(|text| text.contains(words)))
    }

    /// A property of an element, such as `value`.
    pub fn property(&self, css: &str, name: &str) -> Value {
        let id = self.element(css);
        self.must("GET", &format!("/element/{id}/property/{name}"), &Value::Null)
    }

    /// The accessible name that a screen reader says.
    pub fn said(&self, css: &str) -> String {
        let id = self.element(css);
        self.must("GET", &format!("/element/{id}/computedlabel"), &Value::Null).as_str().unwrap().to_owned()
    }

    /// A computed style of an element.
    pub fn style(&self, css: &str, name: &str) -> String {
        let id = self.element(css);
        self.must("GET", &format!("/element/{id}/css/{name}"), &Value::Null).as_str().unwrap().to_owned()
    }

    /// Whether the keyboard is at an element.
    pub fn is_focused(&self, css: &str) -> bool {
        let active = self.must("GET", "/element/active", &Value::Null);
        self.find(css).is_ok_and(|id| active[ELEMENT] == *id)
    }

    /// What a function body returns in the page.
    pub fn run(&self, script: &str) -> Value {
        self.run_with(script, &json!([]))
    }

    /// The same with `arguments`.
    pub fn run_with(&self, script: &str, arguments: &Value) -> Value {
        self.must("POST", "/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Goes into a frame.
    pub fn enter(&self, css: &str) {
        let id = self.element(css);
        self.must("POST", "/frame", &json!({ "id": { ELEMENT: id } }));
    }

    /// Back to the page around all frames.
    pub fn leave(&self) {
        self.must("POST", "/frame", &json!({ "id": null }));
    }

    /// Waits until a condition holds; says what the browser said when it never does.
    pub fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let start = Instant::now();
        while !condition() {
            if start.elapsed() > wait::LONG {
                let page = self.call("GET", "/source", &Value::Null);
                panic!("in vain until {what}\nat {}\nconsole {:#?}\n{page:?}", self.address(), self.console());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Errors and warnings of pages: their policy refused something, a script failed.
    pub fn console(&self) -> Vec<String> {
        let log = self.call("POST", "/se/log", &json!({ "type": "browser" })).unwrap_or_default();
        let lines = log.as_array().cloned().unwrap_or_default();
        lines.iter().filter_map(|line| Some(line["message"].as_str()?.to_owned())).collect()
    }

    /// Keeps a picture of the whole page below `target/`, for people.
    pub fn picture(&self, name: &str) {
        let size = self.call("POST", "/goog/cdp/execute", &json!({ "cmd": "Page.getLayoutMetrics", "params": {} }));
        let size = size.map(|found| found["cssContentSize"].clone()).unwrap_or_default();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let wanted =
            json!({ "cmd": "Page.captureScreenshot", "params": { "captureBeyondViewport": true, "clip": clip } });
        let taken = self.must("POST", "/goog/cdp/execute", &wanted);
        let bytes = base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.call("DELETE", "", &Value::Null));
        if let Some(mut driver) = self.driver.take() {
            driver.ended_within(Signal::Term, Duration::from_secs(5));
        }
    }
}
