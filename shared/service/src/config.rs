//! The configuration: one strict TOML file, overridden by the environment. Every value is documented in `example.toml`.

mod check;
pub(crate) mod error;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use config::{Environment, File, FileFormat};
use renkei_domain::{calendar::Calendar, memorandum::Memorandum};
use renkei_proto::{
    FactKind,
    options::v1::{Author, Role},
    r#type::v1::Agency,
};
use renkei_rpc::{
    authorize::{Caller, Callers},
    tls::Files,
};
use serde::Deserialize;

pub use self::error::ConfigError;
use self::error::value;
use crate::database::Database;
pub use crate::language::Language;

/// The maximum number of internal systems.
const CALLERS: usize = 1000;
/// The maximum number of versions of the memorandum, which a hello can name besides those of the program.
const AGREEMENTS: usize = 50;

/// The configuration of one service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Allows the sections `clock` and `failures`.
    #[serde(default)]
    pub sandbox: bool,
    /// The stable name of this replica.
    pub replica: String,
    /// The language of the command line; English by default.
    #[serde(default)]
    pub language: Language,
    /// A list of holidays for years that the program's own list does not contain, or in place of them.
    pub holidays: Option<PathBuf>,
    /// Later versions of the memorandum than the program's own, oldest first.
    #[serde(default)]
    pub agreements: Vec<PathBuf>,
    /// The database of the service.
    pub database: Database,
    /// The port for the agency's internal systems.
    pub desk: Listener,
    /// The port for the peer.
    pub link: Listener,
    /// The address, certificate name and keys of the other agency's service.
    pub peer: Peer,
    /// The keys that sign the own journal.
    pub journal: Journal,
    /// The encryption of contents.
    pub content: Content,
    /// The keys for digests, tokens and referral codes.
    pub secrets: Secrets,
    /// The internal systems by the URI in their certificate.
    #[serde(default)]
    pub callers: BTreeMap<String, CallerRow>,
    /// The counter that the papers for reporters name; nothing by default.
    #[serde(default)]
    pub contact: Contact,
    /// The port for the operator; none by default.
    pub operator: Option<Operator>,
    /// The schedule of the verification of the database.
    #[serde(default)]
    pub verify: Verify,
    /// The destinations of traces, metrics and logs.
    #[serde(default)]
    pub telemetry: Telemetry,
    /// The clock of a sandbox.
    pub clock: Option<Clock>,
    /// The failures of a sandbox.
    pub failures: Option<Failures>,
}

/// A port with its certificate and its trust roots.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The address and port; port 0 selects a free one.
    pub listen: SocketAddr,
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// The private key of the certificate, PEM.
    pub key: PathBuf,
    /// The certificates that sign the callers' certificates, PEM.
    pub roots: PathBuf,
    /// Revocation lists, PEM.
    #[serde(default)]
    pub crls: Vec<PathBuf>,
}

impl Listener {
    /// The paths of the files, for TLS.
    pub fn files(&self) -> Files {
        Files {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            roots: self.roots.clone(),
            crls: self.crls.clone(),
        }
    }
}

/// The other agency's service, as this one reaches and verifies it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The address as `host:port`.
    pub address: String,
    /// The name for which its certificate must be valid.
    pub server_name: String,
    /// The side that dials.
    #[serde(default)]
    pub dial: DialMode,
    /// The keys that sign its journal.
    pub keys: Vec<PublicKey>,
}

/// The sides that dial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DialMode {
    /// Each side dials and streams its own journal.
    #[default]
    Both,
    /// Only the peer dials; both journals use its session.
    PeerOnly,
}

/// A public signing key in the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// The id that entries name.
    pub id: String,
    /// The Ed25519 key, 32 bytes in base64.
    pub public_key: String,
}

/// The keys of the own journal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The id of the key that signs.
    pub key_id: String,
    /// The file of the signing key, PKCS#8.
    pub key: PathBuf,
    /// The own keys that signed earlier entries.
    #[serde(default)]
    pub former_keys: Vec<PublicKey>,
}

/// The keys that encrypt contents.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The ring's keys, oldest first.
    pub keys: Vec<KeyFile>,
}

/// A secret key in a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// The id that ciphertexts name.
    pub id: String,
    /// The path of a file of 32 bytes in base64.
    pub file: PathBuf,
}

/// Further keys: files of 32 bytes in base64.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The key for the digests of requests, by which repeats are recognised.
    pub digest_key: PathBuf,
    /// The key that encrypts cursors and page tokens.
    pub token_key: PathBuf,
    /// The key from which the secrets of referral codes are derived.
    pub code_key: PathBuf,
}

/// The permissions of an internal system.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerRow {
    /// The names of its roles, such as `intake`.
    pub roles: Vec<String>,
    /// The unit on whose behalf it acts.
    #[serde(default)]
    pub unit: String,
}

/// The counter of the agency for reporters. Empty parts are left out of the papers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// The unit in charge, in Japanese.
    #[serde(default)]
    pub unit_ja: String,
    /// The same in English; the Japanese name where it is left out.
    #[serde(default)]
    pub unit_en: String,
    /// The telephone number.
    #[serde(default)]
    pub telephone: String,
    /// The e-mail address.
    #[serde(default)]
    pub mail: String,
}

/// The port for the operator, plain HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// The address and port; port 0 selects a free one.
    pub listen: SocketAddr,
}

/// The schedule of the verification of the database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The time between two verifications of the whole database, in hours.
    pub hours: u64,
}

impl Default for Verify {
    fn default() -> Self {
        Self { hours: 24 }
    }
}

/// The destinations of traces, metrics and logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The URL of the collector for OTLP.
    pub otlp_endpoint: Option<String>,
    /// The share of traces that is exported, 0 to 1.
    #[serde(default = "tenth")]
    pub sample_ratio: f64,
    /// The log filter, such as `info`.
    #[serde(default = "info")]
    pub log: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { otlp_endpoint: None, sample_ratio: tenth(), log: info() }
    }
}

/// The clock of a sandbox.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The first line of this file contains the instant (RFC 3339) that the clock shows. If `runs` follows it, the
    /// clock showed that instant when the file was written, and runs on from there.
    pub file: PathBuf,
    /// True if its jumps are judged like those of a machine's clock.
    #[serde(default)]
    pub judged: bool,
}

/// The failures that a sandbox simulates.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    /// `{step}:{n}`: the process aborts when it passes this step of the store for the nth time.
    pub abort_at: Option<String>,
    /// The kinds of fact that this service does not speak, like an older version.
    #[serde(default)]
    pub kinds_unspoken: Vec<String>,
}

fn tenth() -> f64 {
    0.1
}

fn info() -> String {
    "info".to_owned()
}

impl Config {
    /// Reads a file and the variables `RENKEI__…`.
    ///
    /// # Errors
    /// A defect of the configuration; the sentence names the key.
    pub fn load(file: &Path, variables: HashMap<String, String>) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: file.display().to_string(), source };
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        let base = file.parent().unwrap_or(Path::new("."));
        Self::with(&text, base, variables).map_err(|error| error.of(file))
    }

    /// Reads a text; relative paths begin at `base`.
    ///
    /// # Errors
    /// A defect of the configuration; the sentence names the key.
    pub fn parse(text: &str, base: &Path) -> Result<Self, ConfigError> {
        Self::with(text, base, HashMap::new())
    }

    fn with(text: &str, base: &Path, variables: HashMap<String, String>) -> Result<Self, ConfigError> {
        // The values are text: they are read as numbers or flags only where the configuration has one.
        let environment = Environment::with_prefix("RENKEI").prefix_separator("__").separator("__");
        let read = config::Config::builder()
            .add_source(File::from_str(text, FileFormat::Toml))
            .add_source(environment.source(Some(variables)))
            .build()?;
        let mut config: Self = read.try_deserialize()?;
        config.check()?;
        config.begin_at(base);
        Ok(config)
    }

    /// Makes relative paths begin at the file's folder.
    fn begin_at(&mut self, base: &Path) {
        let mut paths: Vec<&mut PathBuf> = Vec::new();
        for listener in [&mut self.desk, &mut self.link] {
            paths.extend([&mut listener.certificate, &mut listener.key, &mut listener.roots]);
            paths.extend(&mut listener.crls);
        }
        paths.extend(self.content.keys.iter_mut().map(|key| &mut key.file));
        paths.extend([&mut self.journal.key, &mut self.secrets.digest_key]);
        paths.extend([&mut self.secrets.token_key, &mut self.secrets.code_key]);
        paths.extend(self.clock.as_mut().map(|clock| &mut clock.file));
        paths.extend(&mut self.holidays);
        paths.extend(&mut self.agreements);
        for path in paths {
            *path = base.join(&*path);
        }
        self.database.begin_at(base);
    }

    /// True if the clock is judged. That of a sandbox may jump.
    pub(crate) fn judges_clock(&self) -> bool {
        !self.sandbox || self.clock.as_ref().is_some_and(|clock| clock.judged)
    }

    /// The internal systems with their roles.
    ///
    /// # Errors
    /// A URI of another agency or form, or an unknown role.
    pub fn callers(&self, own: Agency) -> Result<Callers, ConfigError> {
        if self.callers.len() > CALLERS {
            return Err(value("callers", format!("must name at most {CALLERS} systems")));
        }
        let desk = format!("spiffe://{}/desk/", own.id());
        let mut callers = Callers::new();
        for (uri, row) in &self.callers {
            if !uri.starts_with(&desk) {
                return Err(value(format!("callers.{uri}"), format!("must begin with {desk}")));
            }
            let mut roles = Vec::with_capacity(row.roles.len());
            for name in &row.roles {
                let role = Role::from_str_name(&format!("ROLE_{}", name.to_uppercase()));
                match role.filter(|role| !matches!(role, Role::Unspecified | Role::Peer)) {
                    Some(role) => roles.push(role),
                    None => {
                        return Err(value(
                            format!("callers.{uri}.roles"),
                            format!("names no role of the desk: {name}"),
                        ));
                    }
                }
            }
            callers.insert(uri.clone(), Caller { roles, unit: row.unit.clone() });
        }
        Ok(callers)
    }

    /// The units of the agency: those of its internal systems.
    pub fn units(&self) -> BTreeSet<String> {
        self.callers.values().map(|row| row.unit.clone()).filter(|unit| !unit.is_empty()).collect()
    }

    /// The calendar of open days: the program's list of holidays with the years of the agency's own.
    ///
    /// # Errors
    /// A list that cannot be read, or its first defect with the number of the line, in English and in Japanese.
    pub fn calendar(&self) -> Result<Calendar, ConfigError> {
        let Some(file) = &self.holidays else { return Ok(Calendar::built_in()) };
        let unusable = |why: &dyn std::fmt::Display| {
            value("holidays", format!("must name a list of holidays that can be used; {}: {why}", file.display()))
        };
        let text = std::fs::read_to_string(file).map_err(|error| unusable(&error))?;
        Calendar::built_in().with_list(&text).map_err(|fault| unusable(&fault))
    }

    /// The versions of the memorandum: those of the program and those of the configuration.
    ///
    /// # Errors
    /// A text that cannot be read, or its first defect, in English and in Japanese.
    pub fn memorandum(&self) -> Result<Memorandum, ConfigError> {
        if self.agreements.len() > AGREEMENTS {
            return Err(value("agreements", format!("must name at most {AGREEMENTS} texts")));
        }
        self.agreements.iter().try_fold(Memorandum::built_in(), |known, file| {
            let unusable = |why: &dyn std::fmt::Display| {
                let file = file.display();
                value("agreements", format!("must name texts of the memorandum that can be used; {file}: {why}"))
            };
            let text = std::fs::read_to_string(file).map_err(|error| unusable(&error))?;
            known.with_text(&text).map_err(|fault| unusable(&fault))
        })
    }

    /// The kinds of fact that this service speaks.
    ///
    /// # Errors
    /// An unknown kind.
    pub fn kinds(&self) -> Result<std::collections::BTreeSet<FactKind>, ConfigError> {
        let unspoken = self.failures.as_ref().map(|failures| failures.kinds_unspoken.as_slice()).unwrap_or_default();
        let mut kinds: std::collections::BTreeSet<_> = FactKind::ALL.iter().copied().collect();
        for name in unspoken {
            let kind = FactKind::named(name);
            let kind =
                kind.ok_or_else(|| value("failures.kinds_unspoken", format!("names no kind of fact: {name}")))?;
            kinds.remove(&kind);
        }
        Ok(kinds)
    }

    /// The kinds of fact that this service announces to the peer. Private kinds never cross.
    ///
    /// # Errors
    /// The same as [`Config::kinds`].
    pub fn spoken(&self) -> Result<Vec<String>, ConfigError> {
        let public = self.kinds()?.into_iter().filter(|kind| kind.rule().author != Author::Private);
        Ok(public.map(|kind| kind.name().to_owned()).collect())
    }

    /// The step at which the process aborts, and the number of its passing.
    ///
    /// # Errors
    /// A text that does not have the form `{step}:{n}`.
    pub fn failpoint(&self) -> Result<Option<(String, u64)>, ConfigError> {
        let Some(text) = self.failures.as_ref().and_then(|failures| failures.abort_at.as_ref()) else {
            return Ok(None);
        };
        let parts = text.rsplit_once(':').and_then(|(step, n)| Some((step.to_owned(), n.parse().ok()?)));
        parts.map(Some).ok_or_else(|| value("failures.abort_at", "must be of the form `before commit:3`"))
    }
}

/// The documented example.
pub const EXAMPLE: &str = include_str!("example.toml");
