//! What the project is built from: licences, sources, and crates it does without.

use std::process::Command;

use serde_json::Value;

/// The only source of crates.
pub const REGISTRY: &str = "registry+https://";

/// Licences that ask for no more than a notice.
const PERMISSIVE: [&str; 14] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "0BSD",
    "Zlib",
    "BSL-1.0",
    "CC0-1.0",
    "Unlicense",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
];

/// File-level copyleft that cannot be avoided, by crate; ARCHITECTURE.md says why.
const MPL: [&str; 0] = [];

/// Crates the project does without: one TLS (rustls on ring), no C libraries of TLS.
const BANNED: [&str; 6] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys"];

/// `cargo metadata` for this machine.
pub fn metadata() -> Value {
    let host = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let host = String::from_utf8(host.stdout).unwrap();
    let host = host.lines().find_map(|l| l.strip_prefix("host: ")).expect("rustc names its host");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What is wrong with the packages of `metadata`.
pub fn violations(metadata: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_default();
        let own = name == env!("CARGO_PKG_NAME");
        let tolerated = licence == "MPL-2.0" && MPL.contains(&name);
        if !tolerated && !permissive(licence) {
            found.push(format!("{name}: licence \"{licence}\" is not on the list"));
        }
        if !own && !package["source"].as_str().is_some_and(|s| s.starts_with(REGISTRY)) {
            found.push(format!("{name}: comes from {}", package["source"]));
        }
        if BANNED.contains(&name) {
            found.push(format!("{name}: the project does without it"));
        }
    }
    found
}

/// Whether an SPDX expression can be met with permissive licences only.
pub fn permissive(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&tokens, &mut at);
    met && at == tokens.len()
}

fn any(tokens: &[&str], at: &mut usize) -> bool {
    let mut met = all(tokens, at);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(tokens, at);
    }
    met
}

fn all(tokens: &[&str], at: &mut usize) -> bool {
    let mut met = one(tokens, at);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(tokens, at);
    }
    met
}

fn one(tokens: &[&str], at: &mut usize) -> bool {
    let Some(token) = tokens.get(*at) else { return false };
    *at += 1;
    if *token == "(" {
        let met = any(tokens, at);
        *at += 1;
        return met;
    }
    if tokens.get(*at) == Some(&"WITH") {
        let whole = format!("{token} WITH {}", tokens.get(*at + 1).copied().unwrap_or_default());
        *at += 2;
        return PERMISSIVE.contains(&whole.as_str());
    }
    PERMISSIVE.contains(token)
}
