//! Everything two services need to start: certificates, keys and configuration, made anew in a folder.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use renkei_domain::moment::Moment;
use renkei_journal::{SigningKey, generate_pkcs8};
use renkei_proto::r#type::v1::Agency;

use crate::{
    cluster::{Database, Engine},
    pki::{self, Pki},
    process::OPERATOR,
};

/// Both agencies, in the order in which tests name them.
pub const AGENCIES: [Agency; 2] = [Agency::Ppc, Agency::Ipa];

/// The systems that call a desk, with their roles and units.
pub const CALLERS: [(&str, &str, &str); 7] = [
    ("intake", "intake", "intake"),
    ("casework", "casework", "investigation"),
    ("sharing", "sharing", "policy"),
    ("approver", "approver", "secretariat"),
    ("reader", "reader", "policy"),
    ("operator", "operator", "systems"),
    ("auditor", "auditor", "audit"),
];

/// A folder with everything for both sides.
pub struct Setup {
    /// The path of the folder.
    pub dir: PathBuf,
    /// The authorities, for further certificates.
    pub pki: Pki,
    /// The public signing keys.
    pub public_keys: BTreeMap<&'static str, [u8; 32]>,
    /// The databases on the server; none when they are files in the folder.
    pub(crate) databases: BTreeMap<&'static str, Database>,
}

/// The configuration of one side in a folder, where a pair of processes writes it.
pub fn config_file(dir: &Path, own: Agency) -> PathBuf {
    dir.join(format!("{}.toml", own.id()))
}

/// The options of a setup.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The engine of the databases; that of the run when there is none.
    pub engine: Option<Engine>,
    /// An agency whose database is a file even if the engine is a server.
    pub embedded: Option<Agency>,
    /// The folder with the programs of another version; those of this build when there is none.
    pub programs: Option<PathBuf>,
    /// The services read their time from the file `clock` in the folder.
    pub clock_file: bool,
    /// Each service has a file of its own, `clock-ppc` and `clock-ipa`, and judges it like a machine's clock.
    pub judged_clocks: bool,
    /// Lines for the section `[sandbox]` of an agency.
    pub sandbox: BTreeMap<&'static str, String>,
    /// Lines before the first section of an agency's configuration.
    pub top: BTreeMap<&'static str, String>,
    /// An agency that never dials.
    pub dialled_only: Option<Agency>,
    /// The ports of the desks, by agency; any free one where none is named.
    pub desk_ports: BTreeMap<&'static str, u16>,
    /// The collectors of traces, metrics and logs, by agency.
    pub collectors: BTreeMap<&'static str, std::net::SocketAddr>,
    /// The share of traces that processes keep; in one process all are kept.
    pub sample_ratio: f64,
    /// The filter of the logs in one process: `level` or `target=level`, comma-separated; `info` when not set.
    pub log_filter: Option<&'static str>,
}

impl Setup {
    /// The `database.url` of a side's configuration.
    pub fn database_url(&self, own: Agency) -> String {
        let served = self.databases.get(own.id()).map(|database| database.url().to_owned());
        served.unwrap_or_else(|| format!("sqlite:{}", self.file(own, "renkei.db")))
    }

    /// Makes certificates valid from now on, and keys from a seed. Keys that are there stay: databases depend on them.
    ///
    /// # Errors
    /// Fails if something cannot be made or written; the text states the reason.
    pub fn new(dir: &Path, now: SystemTime, seed: [u8; 32]) -> Result<Self, String> {
        let mut pki = Pki::new(now).map_err(|error| error.to_string())?;
        pki.write(dir).map_err(|error| error.to_string())?;
        let public_keys = keys(dir, seed)?;
        Ok(Self { dir: dir.to_owned(), pki, public_keys, databases: BTreeMap::new() })
    }

    /// The configuration of one side, as text. `peer` is where the other side is dialled.
    pub fn config(&self, own: Agency, peer: &str, choice: &Choice) -> String {
        let (id, other) = (own.id(), own.peer().id());
        let database = self.database_url(own);
        let public_key = BASE64_STANDARD.encode(self.public_keys.get(other).copied().unwrap_or_default());
        let top = choice.top.get(id).map(String::as_str).unwrap_or_default();
        let dial = if choice.dialled_only == Some(own) { "peer-only" } else { "both" };
        let mut text = format!(
            "sandbox = true\nreplica = \"a\"\n{top}\n[database]\nurl = \"{database}\"\nmigrate = true\n\n{}\n{}\n[peer]\naddress = \"{peer}\"\nserver_name = \"localhost\"\ndial = \"{dial}\"\n\n\
             [[peer.keys]]\nid = \"{}\"\npublic_key = \"{public_key}\"\n\n[journal]\nkey_id = \"{}\"\nkey = \"{}\"\n\n\
             [[content.keys]]\nid = \"content-1\"\nfile = \"{}\"\n\n\
             [secrets]\ndigest_key = \"{}\"\ntoken_key = \"{}\"\ncode_key = \"{}\"\n\n",
            listener("desk", &pki::desk_files(&self.dir, id)),
            listener("link", &pki::link_files(&self.dir, id)),
            key_id(own.peer()),
            key_id(own),
            self.file(own, "journal.pem"),
            self.file(own, "content.key"),
            self.file(own, "digest.key"),
            self.file(own, "token.key"),
            self.file(own, "code.key"),
        );
        for (name, role, unit) in CALLERS {
            // Writing into a string cannot fail.
            let _ =
                writeln!(text, "[callers.\"spiffe://{id}/desk/{name}\"]\nroles = [\"{role}\"]\nunit = \"{unit}\"\n");
        }
        text.push_str(counter(own));
        text.push_str(OPERATOR);
        let endpoint = choice.collectors.get(id).map(|address| format!("otlp_endpoint = \"http://{address}\"\n"));
        let _ =
            writeln!(text, "\n[telemetry]\n{}sample_ratio = {:?}\n", endpoint.unwrap_or_default(), choice.sample_ratio);
        if choice.clock_file {
            let file = self.clock_file(own, choice);
            let _ = writeln!(text, "[clock]\nfile = \"{}\"\njudged = {}\n", file.display(), choice.judged_clocks);
        }
        if let Some(lines) = choice.sandbox.get(id) {
            let _ = writeln!(text, "[failures]\n{lines}\n");
        }
        text
    }

    /// The file with the time of one side.
    pub(crate) fn clock_file(&self, own: Agency, choice: &Choice) -> PathBuf {
        self.dir.join(if choice.judged_clocks { format!("clock-{}", own.id()) } else { "clock".to_owned() })
    }

    /// A file of one side.
    pub fn file(&self, own: Agency, name: &str) -> String {
        self.dir.join(own.id()).join(name).display().to_string()
    }
}

/// Makes the keys of both agencies from a seed, and returns the public signing keys. Keys that are there stay.
///
/// # Errors
/// Fails if a key cannot be read or written.
pub fn keys(dir: &Path, seed: [u8; 32]) -> Result<BTreeMap<&'static str, [u8; 32]>, String> {
    let moment = Moment::new(Timestamp::UNIX_EPOCH, seed);
    let mut public_keys = BTreeMap::new();
    for agency in AGENCIES {
        let side = dir.join(agency.id());
        let kept = |name: &str, made: &dyn Fn() -> String| kept(&side.join(name), made);
        let key = kept("journal.pem", &|| pem(&generate_pkcs8(&moment.bytes(agency.id(), 0))))?;
        let key = SigningKey::from_pkcs8(key_id(agency), key.as_bytes()).map_err(|error| error.to_string())?;
        public_keys.insert(agency.id(), key.public_key());
        for (name, n) in [("content.key", 1), ("digest.key", 2), ("token.key", 3), ("code.key", 4)] {
            kept(name, &|| BASE64_STANDARD.encode(moment.bytes(agency.id(), n)))?;
        }
    }
    Ok(public_keys)
}

/// The content of a secret file, which is made if it does not exist.
///
/// # Errors
/// Fails if it cannot be read or written.
pub fn kept(file: &Path, made: &dyn Fn() -> String) -> Result<String, String> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let fresh = made();
            pki::write_secret(file, &fresh).map_err(|error| error.to_string())?;
            Ok(fresh)
        }
        read => read.map_err(|error| format!("{}: {error}", file.display())),
    }
}

/// The id of an agency's first signing key.
pub fn key_id(agency: Agency) -> String {
    format!("{}-1", agency.id())
}

fn listener(name: &str, files: &renkei_rpc::tls::Files) -> String {
    let crls: Vec<String> = files.crls.iter().map(|crl| format!("{:?}", crl.display().to_string())).collect();
    format!(
        "[{name}]\nlisten = \"127.0.0.1:0\"\ncertificate = {:?}\nkey = {:?}\nroots = {:?}\ncrls = [{}]\n",
        files.certificate.display().to_string(),
        files.key.display().to_string(),
        files.roots.display().to_string(),
        crls.join(", "),
    )
}

fn pem(pkcs8: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(pkcs8);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// The counter that the papers of one side name.
fn counter(own: Agency) -> &'static str {
    match own {
        Agency::Ppc => {
            "[contact]\nunit_ja = \"報告受付係\"\nunit_en = \"Report desk\"\ntelephone = \"03-0000-0001\"\n\n"
        }
        _ => {
            "[contact]\nunit_ja = \"届出受付係\"\nunit_en = \"Notification desk\"\ntelephone = \"03-0000-0002\"\n\
             mail = \"todokede@ipa.example\"\n\n"
        }
    }
}
