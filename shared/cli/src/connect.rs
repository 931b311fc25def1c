//! The connection that the options describe.

use std::path::{Path, PathBuf};

use renkei_client::{Connection, Files, Official, Service};
use renkei_proto::r#type::v1::Agency;
use serde::Deserialize;

use crate::options::Options;

/// The file with addresses and certificates, as a sandbox writes it. Paths are those of the folder in which the program runs.
#[derive(Deserialize)]
struct Profile {
    ppc: Option<Entry>,
    ipa: Option<Entry>,
}

/// One agency's service in a profile.
#[derive(Deserialize)]
struct Entry {
    address: String,
    server_name: String,
    /// The folder of the calling systems, each with `certificate.pem`, `key.pem`, `roots.pem` and perhaps `crl.pem`.
    callers: PathBuf,
}

/// The connection to an agency's service, and the official on whose behalf its calls are made.
pub(crate) struct Line {
    pub(crate) agency: Agency,
    pub(crate) connection: Connection,
    pub(crate) official: Official,
}

/// The line that the options describe. Nothing is sent yet.
pub(crate) fn open(options: &Options) -> Result<Line, String> {
    let agency = options.agency.ok_or("--agency is missing: ppc or ipa")?;
    let official = options.official.as_deref().ok_or("--official is missing: the id of the official who acts")?;
    let official = Official::new(official).map_err(|error| format!("--official: {error}"))?;
    let official = match options.purpose {
        Some(purpose) => official.with_purpose(purpose),
        None => official,
    };
    let entry = options.profile.as_deref().map(|file| entry(file, agency)).transpose()?;
    let connection = Connection::new(&service(options, agency, entry.as_ref())?, &files(options, entry.as_ref())?);
    Ok(Line { agency, connection: connection.map_err(|error| error.to_string())?, official })
}

fn entry(file: &Path, agency: Agency) -> Result<Entry, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the profile {} cannot be used: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    let profile: Profile = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    let entry = if agency == Agency::Ppc { profile.ppc } else { profile.ipa };
    entry.ok_or_else(|| wrong(&format!("it does not name the service of {}", agency.id())))
}

fn service(options: &Options, agency: Agency, entry: Option<&Entry>) -> Result<Service, String> {
    let address = options.address.clone().or_else(|| entry.map(|entry| entry.address.clone()));
    let address = address.ok_or("neither --profile nor --address names a service")?;
    // An address without the profile's name has a name of its own.
    let of_profile = entry.filter(|_| options.address.is_none()).map(|entry| entry.server_name.clone());
    let of_address = || address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host).trim_matches(['[', ']']);
    let server_name = options.server_name.clone().or(of_profile).unwrap_or_else(|| of_address().to_owned());
    Ok(Service { agency, address, server_name })
}

fn files(options: &Options, entry: Option<&Entry>) -> Result<Files, String> {
    let folder = entry.zip(options.caller.as_deref()).map(|(entry, caller)| entry.callers.join(caller));
    let file = |given: &Option<PathBuf>, name: &str| {
        let of_caller = || folder.as_deref().map(|folder| folder.join(format!("{name}.pem")));
        given
            .clone()
            .or_else(of_caller)
            .ok_or_else(|| format!("the {name} is missing: name --caller with --profile, or --{name}"))
    };
    let lists = folder.as_deref().map(|folder| folder.join("crl.pem")).filter(|file| file.is_file());
    Ok(Files {
        certificate: file(&options.certificate, "certificate")?,
        key: file(&options.key, "key")?,
        roots: file(&options.roots, "roots")?,
        crls: if options.crl.is_empty() && options.roots.is_none() {
            lists.into_iter().collect()
        } else {
            options.crl.clone()
        },
    })
}
