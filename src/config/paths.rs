//! Where relative paths start. Not for reading files.

use std::path::{Path, PathBuf};

use super::Config;
use super::mailbox::SecretSource;

/// Folder around `config/` when the file lies in a folder of that name, else the file's own.
pub(super) fn project_folder(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    match folder.file_name() {
        Some(name) if name == "config" => folder.parent().unwrap_or(Path::new("")).to_path_buf(),
        _ => folder.to_path_buf(),
    }
}

impl Config {
    /// `path` as seen from the project folder.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        // Joining an absolute path gives that path.
        self.source.base.join(path)
    }

    pub(super) fn resolve_paths(&mut self) {
        self.rules.path = self.resolve(&self.rules.path);
        self.spill.dir = self.resolve(&self.spill.dir);
        self.spool.path = self.resolve(&self.spool.path);
        self.templates.path = self.resolve(&self.templates.path);
        self.adapters.path = self.resolve(&self.adapters.path);
        let base = self.source.base.clone();
        let fix = |path: &mut PathBuf| *path = base.join(&*path);
        if let Some(tls) = &mut self.http.tls {
            [&mut tls.certificate, &mut tls.key].into_iter().filter(|path| !path.as_os_str().is_empty()).for_each(fix);
        }
        for mailbox in &mut self.mailbox {
            mailbox.ca_file.iter_mut().for_each(fix);
            let oauth = mailbox.oauth.iter_mut().flat_map(|o| [&mut o.refresh_token, &mut o.client_secret]).flatten();
            for source in mailbox.password.iter_mut().chain(oauth) {
                if let SecretSource::File(path) = source {
                    fix(path);
                }
            }
        }
        for webhook in &mut self.delivery.webhook {
            webhook.ca_file.iter_mut().for_each(fix);
            webhook.secret_file.as_mut_slice().iter_mut().for_each(fix);
        }
        for form in &mut self.form {
            form.privacy.hash_key_file.iter_mut().for_each(fix);
        }
        self.captcha.secret_file.as_mut_slice().iter_mut().for_each(fix);
        for provider in &mut self.captcha.provider {
            provider.ca_file.iter_mut().chain(&mut provider.secret_file).for_each(fix);
        }
        for hook in &mut self.hook {
            let own = [&mut hook.ca_file, &mut hook.verify_token_file, &mut hook.token_file];
            own.into_iter().flatten().for_each(fix);
            hook.secret_file.as_mut_slice().iter_mut().for_each(fix);
        }
        if let Some(smtp) = &mut self.delivery.smtp {
            smtp.ca_file.iter_mut().chain(&mut smtp.password_file).for_each(fix);
        }
        if let Some(path) = self.sqlite_path().map(|path| self.resolve(&path)) {
            self.database = format!("sqlite://{}", path.display());
        }
        let uploads = self.limits.uploads_dir.as_ref().map(|folder| self.resolve(folder));
        self.limits.uploads_dir = uploads.or_else(|| Some(self.beside_database()));
    }

    /// The folder of the daemon's own disk: that of the database file, or of the spill.
    fn beside_database(&self) -> PathBuf {
        let file = self.sqlite_path();
        file.and_then(|file| file.parent().map(Path::to_path_buf)).unwrap_or_else(|| self.spill.dir.clone())
    }

    /// File of an SQLite database as `database` names it, `None` for PostgreSQL and for a database in memory.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        let path = self.database.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or(path);
        (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_around_config_is_where_paths_start() {
        assert_eq!(project_folder(Path::new("config/pisteur.toml")), PathBuf::new());
        assert_eq!(project_folder(Path::new("/srv/shop/config/pisteur.toml")), PathBuf::from("/srv/shop"));
        assert_eq!(project_folder(Path::new("/etc/pisteur/pisteur.toml")), PathBuf::from("/etc/pisteur"));
    }
}
