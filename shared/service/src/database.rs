//! The place of the database and the way to it: an embedded file, or a server over TLS or a Unix socket.

use std::path::{Path, PathBuf};

use renkei_store::Dialect;
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use crate::{
    config::error::{ConfigError, value},
    error::StartError,
};

/// The parameters that a server's URL may have besides account, host and name.
const PARAMETERS: [&str; 9] =
    ["host", "port", "dbname", "user", "application_name", "sslmode", "sslrootcert", "sslcert", "sslkey"];
/// The parameters that are paths of files.
const FILES: [&str; 3] = ["sslrootcert", "sslcert", "sslkey"];

/// The database of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The URL: `sqlite:…` or `postgres://…`.
    pub url: String,
    /// A file with the password of the account on a server.
    pub password: Option<PathBuf>,
    /// True if `serve` upgrades it; by default for SQLite only.
    pub migrate: Option<bool>,
    /// True if `serve` sets it up; this is requested on the command line only.
    #[serde(skip)]
    pub first_start: bool,
}

impl Database {
    /// True if `serve` upgrades it. On a database server an upgrade is a separate act, with rights of its own.
    pub fn migrates(&self) -> bool {
        self.migrate.unwrap_or(Dialect::of(&self.url) == Some(Dialect::Sqlite))
    }

    /// The file of an embedded database; `None` on a server.
    pub(crate) fn file(&self) -> Option<&Path> {
        renkei_store::file_of(&self.url)
    }

    pub(crate) fn check(&self, sandbox: bool) -> Result<(), ConfigError> {
        match Dialect::of(&self.url) {
            None => Err(value("database.url", "must begin with `sqlite:` or `postgres:`")),
            Some(Dialect::Sqlite) if self.password.is_some() => {
                Err(value("database.password", "is for a server only: leave it out with SQLite"))
            }
            Some(Dialect::Sqlite) => Ok(()),
            Some(Dialect::Postgres) => {
                let must = |must: String| value("database.url", must);
                let url = Url::parse(&self.url).map_err(|error| must(format!("is not a URL ({error})")))?;
                server(&url, sandbox).map_err(must)
            }
        }
    }

    /// Makes relative paths begin at the configuration's folder.
    pub(crate) fn begin_at(&mut self, base: &Path) {
        if let Some(file) = self.url.strip_prefix("sqlite:").filter(|file| !file.starts_with('/')) {
            self.url = format!("sqlite:{}", base.join(file).display());
        }
        if let Some(file) = &mut self.password {
            *file = base.join(&*file);
        }
        let Some(mut url) = Url::parse(&self.url).ok().filter(|_| Dialect::of(&self.url) == Some(Dialect::Postgres))
        else {
            return;
        };
        let given = url.clone();
        if given.query_pairs().any(|(key, _)| FILES.contains(&&*key)) {
            url.query_pairs_mut().clear().extend_pairs(given.query_pairs().map(|(key, text)| {
                let is_file = FILES.contains(&&*key);
                let text = if is_file { base.join(&*text).display().to_string() } else { text.into_owned() };
                (key, text)
            }));
            self.url = url.into();
        }
    }

    /// The URL with which the database is opened, with the password from its file.
    ///
    /// # Errors
    /// A file that cannot be read, or that contains no password.
    pub(crate) fn opened_with(&self) -> Result<String, StartError> {
        self.files_are_there()?;
        let Some(file) = &self.password else { return Ok(self.url.clone()) };
        let wrong = |why: String| StartError::Key { file: file.display().to_string(), why };
        let text = std::fs::read_to_string(file).map(Zeroizing::new);
        let text = text.map_err(|error| wrong(format!("it cannot be read ({error})")))?;
        let password = text.lines().next().unwrap_or_default();
        if password.is_empty() {
            return Err(wrong("it contains no password: write it into its first line".to_owned()));
        }
        let mut url = Url::parse(&self.url).map_err(|error| wrong(error.to_string()))?;
        // The password is added as a parameter, whose encoding has no exceptions.
        url.query_pairs_mut().append_pair("password", password);
        Ok(url.into())
    }

    /// Checks that the files exist, because the driver's error does not name the missing one.
    fn files_are_there(&self) -> Result<(), ConfigError> {
        let Some(url) = Url::parse(&self.url).ok().filter(|_| Dialect::of(&self.url) == Some(Dialect::Postgres)) else {
            return Ok(());
        };
        for (_, file) in url.query_pairs().filter(|(key, _)| FILES.contains(&&**key)) {
            let unreadable = |error| value("database.url", format!("names {file}, which cannot be read ({error})"));
            std::fs::File::open(&*file).map_err(unreadable)?;
        }
        Ok(())
    }
}

/// Checks a server's URL: it contains no secret, and nobody on the way can read or change the traffic.
fn server(url: &Url, sandbox: bool) -> Result<(), String> {
    if url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password") {
        return Err("must contain no password: write it into a file and name that in `database.password`".to_owned());
    }
    if let Some((key, _)) = url.query_pairs().find(|(key, _)| !PARAMETERS.contains(&&**key)) {
        return Err(format!("must not contain `{key}`, but only {}", PARAMETERS.join(", ")));
    }
    let last =
        |wanted: &str| url.query_pairs().filter(|(key, _)| key == wanted).last().map(|(_, text)| text.into_owned());
    let host = last("host").or_else(|| url.host_str().filter(|host| !host.is_empty()).map(str::to_owned));
    let Some(host) = host else {
        return Err("must name a host, or the folder of a Unix socket as `?host=/run/postgresql`".to_owned());
    };
    let is_socket = host.starts_with('/') || host.to_ascii_uppercase().starts_with("%2F");
    let is_near = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(&host.as_str());
    if is_socket || (sandbox && is_near) || last("sslmode").as_deref() == Some("verify-full") {
        return Ok(());
    }
    Err("must contain `sslmode=verify-full` and `sslrootcert=FILE`, or reach the server by a Unix socket".to_owned())
}
