//! Folders, disk and ports of this machine.

use std::collections::BTreeMap;
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
    checks.extend(disks(config, &folders));
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

/// One line for each disk that the folders lie on; that of the journal, the last folder, is called `disk`.
fn disks(config: &Config, folders: &[(&str, PathBuf)]) -> Vec<Check> {
    use std::os::unix::fs::MetadataExt as _;
    let uploads = config.limits.uploads_dir.as_deref();
    let mut seen: BTreeMap<Option<u64>, (String, PathBuf, bool)> = BTreeMap::new();
    for (number, (key, folder)) in folders.iter().enumerate().rev() {
        let real = existing(folder);
        let device = std::fs::metadata(&real).ok().map(|found| found.dev());
        let name = if number + 1 == folders.len() { "disk".to_owned() } else { format!("disk of {key}") };
        let (_, _, takes_uploads) = seen.entry(device).or_insert((name, real, false));
        *takes_uploads |= uploads == Some(folder.as_path());
    }
    let limits = &config.limits;
    let needs =
        |takes_uploads: bool| takes_uploads.then_some((limits.uploads_reserve_bytes, limits.uploads_bytes as u64));
    seen.into_values().map(|(name, folder, takes_uploads)| space(name, &folder, needs(takes_uploads))).collect()
}

/// `uploads` are the bytes that large bodies on their way leave free there, and those that they may take.
fn space(name: String, folder: &Path, uploads: Option<(u64, u64)>) -> Check {
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            judge(name, &folder.display().to_string(), free, uploads)
        }
        Err(e) => Check::warn(name, format!("{}: {e}", folder.display()), "look with df"),
    }
}

fn judge(name: String, folder: &str, free: u64, uploads: Option<(u64, u64)>) -> Check {
    let found = format!("{} MB free at {folder}", free / 1_000_000);
    let (reserve, room) = uploads.unwrap_or_default();
    if free < TIGHT {
        Check::fail(name, found, "make room: with a full disk nothing can be accepted")
    } else if uploads.is_some() && free <= reserve {
        let found = format!("{found}, less than limits.uploads_reserve_bytes ({} MB)", reserve / 1_000_000);
        Check::fail(name, found, "make room: large bodies are told to come back")
    } else if free < reserve.saturating_add(room) {
        let found = format!(
            "{found}, less than limits.uploads_bytes ({} MB) above its reserve ({} MB)",
            room / 1_000_000,
            reserve / 1_000_000
        );
        Check::warn(
            name,
            found,
            "make room, or lower limits.uploads_bytes: many large bodies at once are told to come back",
        )
    } else if free < LOW {
        Check::warn(name, found, "make room: with a full disk nothing can be accepted")
    } else {
        Check::ok(name, found)
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

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn free_space_is_compared_with_what_large_bodies_may_take() {
        let status = |free: u64, uploads| judge("disk".to_owned(), "/srv", free, uploads).level;
        let uploads = Some((500_000_000, 1_000_000_000));
        assert_eq!(status(100_000_000, None), Level::Fail);
        assert_eq!(status(400_000_000, None), Level::Warn);
        assert_eq!(status(400_000_000, uploads), Level::Fail);
        assert_eq!(status(1_400_000_000, uploads), Level::Warn);
        assert_eq!(status(2_500_000_000, uploads), Level::Ok);
        assert_eq!(status(2_500_000_000, Some((500_000_000, 9_000_000_000))), Level::Warn);
    }

    #[test]
    fn each_disk_has_one_line() {
        let mut config = Config::default();
        let (here, far) = (PathBuf::from("/tmp"), PathBuf::from("/proc"));
        config.limits.uploads_dir = Some(far.clone());
        let found = disks(&config, &[("limits.uploads_dir", far), ("spool.path", here.clone()), ("database", here)]);
        let mut names: Vec<&str> = found.iter().map(|check| check.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["disk", "disk of limits.uploads_dir"]);
    }
}
