//! Folders, disk and ports of this machine.

use std::path::{Path, PathBuf};

use super::{Check, daemon};
use crate::cli::context::Context;
use crate::config::Config;
use crate::config::http::TlsConfig;
use crate::domain::plain;
use crate::http::tls::Pair;

/// Less free space than this is a failure, in bytes.
const TIGHT: u64 = 200_000_000;
/// Less free space than this deserves a look, in bytes.
const LOW: u64 = 2_000_000_000;

/// Examines folders, disk and ports.
pub(super) async fn examine(context: &Context, config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut folders: Vec<(&str, PathBuf)> = Vec::new();
    if config.spool.enabled {
        folders.push(("spool.path", config.spool.path.clone()));
    }
    if let Some(file) = config.sqlite_path() {
        folders.push(("database", file.parent().map(Path::to_path_buf).unwrap_or_default()));
    } else {
        folders.push(("spill.dir", config.spill.dir.clone()));
    }
    let uploads = config.limits.uploads_dir.clone().unwrap_or_else(std::env::temp_dir);
    if folders.iter().all(|(_, folder)| *folder != uploads) {
        folders.insert(0, ("limits.uploads_dir", uploads));
    }
    for (key, folder) in &folders {
        checks.push(writable(context, key, folder));
    }
    if let Some((_, folder)) = folders.last() {
        checks.push(space(folder));
    }
    let own = config.http.tls.as_ref().and_then(|tls| tls.listen.as_ref()).map(|listen| ("http.tls.listen", listen));
    let plain = [("http.public", &config.http.public), ("http.operator", &config.http.operator)];
    for (key, address) in plain.into_iter().chain(own) {
        checks.push(port(key, address).await);
    }
    checks.extend(config.http.tls.as_ref().map(|tls| certificate(context, tls)));
    checks.extend(daemon::examine(&config.http.operator).await);
    checks
}

/// The folder itself, or the nearest one above it that exists.
fn existing(folder: &Path) -> PathBuf {
    let found = folder.ancestors().find(|p| !p.as_os_str().is_empty() && p.exists());
    found.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn writable(context: &Context, key: &str, folder: &Path) -> Check {
    let name = format!("folder {key}");
    let real = existing(folder);
    let probe = real.join(format!(".pisteur-{}", context.clock.new_id()));
    match std::fs::write(&probe, b"") {
        Ok(()) => {
            if std::fs::remove_file(&probe).is_err() {
                return Check::warn(
                    name,
                    format!("{} can be written but not deleted from", real.display()),
                    "chmod it",
                );
            }
            let note = if real.as_path() == folder { "" } else { " (will be created)" };
            Check::ok(name, format!("{}{note}", folder.display()))
        }
        Err(e) => {
            let remedy = "give the user of pisteur the right to write there, or set another path";
            Check::fail(name, format!("{}: {e}", real.display()), remedy)
        }
    }
}

fn space(folder: &Path) -> Check {
    let real = existing(folder);
    match rustix::fs::statvfs(&real) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let found = format!("{} MB free at {}", free / 1_000_000, real.display());
            let remedy = "make room: with a full disk nothing can be accepted";
            if free < TIGHT {
                Check::fail("disk", found, remedy)
            } else if free < LOW {
                Check::warn("disk", found, remedy)
            } else {
                Check::ok("disk", found)
            }
        }
        Err(e) => Check::warn("disk", format!("{}: {e}", real.display()), "look with df"),
    }
}

/// Certificate and key of HTTPS.
fn certificate(context: &Context, tls: &TlsConfig) -> Check {
    let remedy = "mend it; a running pisteur keeps the pair it has until then";
    match Pair::read(&tls.certificate, &tls.key) {
        Err(why) => Check::fail("http.tls", why.to_string(), remedy),
        Ok(pair) => match pair.trouble(context.clock.now()) {
            Some(trouble) => Check::warn("http.tls", format!("{pair}: {trouble}"), "certbot renew, or as you do it"),
            None if is_open_to_all(&tls.key) => {
                let found = format!("{pair}; every user of this machine can read the key");
                Check::warn("http.tls", found, format!("chmod o-r {}", plain::path(&tls.key)))
            }
            None => Check::ok("http.tls", pair.to_string()),
        },
    }
}

fn is_open_to_all(key: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(key).is_ok_and(|found| found.permissions().mode() & 0o004 != 0)
}

/// A port in use is as it should be while the daemon runs.
async fn port(key: &str, address: &str) -> Check {
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) => Check::ok(key, format!("{address} is free")),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
            let found = format!("{address} is in use: by a running pisteur, or by another program");
            Check::ok(key, found)
        }
        Err(e) => Check::fail(key, format!("{address}: {e}"), "set an address of this machine and a port above 1023"),
    }
}
