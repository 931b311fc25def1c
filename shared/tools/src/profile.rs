//! The profile of a sandbox: the file by which every client finds addresses, certificates and the way to restart a service.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use renkei_proto::r#type::v1::Agency;
use serde::Serialize;

use crate::{
    pair::Pair,
    pki::{self, Flaw, Use},
    setup::AGENCIES,
};

/// The caller whose identity the wrong certificates claim.
const CLAIMED: &str = "intake";

/// A running sandbox, as `profile.json` in its folder describes it.
#[derive(Debug, Serialize)]
pub struct Profile {
    /// By agency, the service that its own systems call.
    #[serde(flatten)]
    services: BTreeMap<&'static str, Service>,
    /// The folder of certificates that PPC's desk refuses: `expired`, `foreign` (of IPA's authority), `revoked`,
    /// `self_signed`, and `unconfigured`, whose calls are refused and not its handshakes. Each has the files of a caller.
    wrong: PathBuf,
    /// The command that restarts a service; the agency is its last argument.
    restart: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Service {
    /// Host and port of the desk, which stay the same while the sandbox runs.
    address: String,
    /// The name in the certificate of the desk.
    server_name: &'static str,
    /// The folder of the agency's own systems, each with `certificate.pem`, `key.pem`, `roots.pem` and `crl.pem`.
    callers: PathBuf,
    /// The operator's port: `/status`, `/metrics`.
    operator: String,
}

impl Profile {
    /// Describes a pair that `program` has started in its folder.
    ///
    /// # Errors
    /// Fails if a service does not run.
    pub fn of(pair: &Pair, program: &Path) -> Result<Self, String> {
        let dir = &pair.setup.dir;
        let mut services = BTreeMap::new();
        for agency in AGENCIES {
            let side = pair.side(agency);
            let operator = side.operator().ok_or("the operator's port is not open")?;
            let service = Service {
                address: side.desk_wire.address().to_string(),
                server_name: "localhost",
                callers: dir.join(agency.id()).join("callers"),
                operator: format!("http://{operator}"),
            };
            services.insert(agency.id(), service);
        }
        let text = |path: &Path| path.display().to_string();
        let restart = vec![text(program), "restart".to_owned(), "--folder".to_owned(), text(dir)];
        Ok(Self { services, wrong: wrong(dir), restart })
    }

    /// Writes `profile.json`, and the same as variables of a shell: `sandbox.env`.
    ///
    /// # Errors
    /// Fails if a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), String> {
        let json = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        for (name, text) in [("profile.json", json + "\n"), ("sandbox.env", self.variables(dir))] {
            pki::write(&dir.join(name), &text).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn variables(&self, dir: &Path) -> String {
        let mut lines = vec![
            ("RENKEI_PROFILE".to_owned(), dir.join("profile.json").display().to_string()),
            ("RENKEI_WRONG".to_owned(), self.wrong.display().to_string()),
        ];
        for (agency, service) in &self.services {
            let name = |what: &str| format!("RENKEI_{}_{what}", agency.to_uppercase());
            lines.push((name("ADDRESS"), service.address.clone()));
            lines.push((name("SERVER_NAME"), service.server_name.to_owned()));
            lines.push((name("CALLERS"), service.callers.display().to_string()));
            lines.push((name("OPERATOR"), service.operator.clone()));
        }
        // Paths may contain blanks and quotes.
        lines.into_iter().map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', r"'\''"))).collect()
    }
}

fn wrong(dir: &Path) -> PathBuf {
    dir.join("wrong")
}

/// Makes the certificates that PPC's desk refuses, and tells it of the revocation list that names one of them.
///
/// # Errors
/// Fails if a file cannot be made or written, or if PPC's service does not run.
pub async fn make_wrong(pair: &mut Pair) -> Result<(), String> {
    write_wrong(pair).map_err(|error| error.to_string())?;
    pair.hang_up(Agency::Ppc)
}

fn write_wrong(pair: &mut Pair) -> Result<(), pki::PkiError> {
    let dir = pair.setup.dir.clone();
    let uri = format!("spiffe://ppc/desk/{CLAIMED}");
    let roots = pair.setup.pki.ppc.desk_authority.certificate();
    let (ppc, ipa) = (&mut pair.setup.pki.ppc.desk_authority, &mut pair.setup.pki.ipa.desk_authority);
    let all = [
        ("expired", ppc.flawed(&uri, Use::Client, Flaw::Expired)?),
        ("foreign", ipa.issue(&uri, Use::Client)?),
        ("revoked", ppc.flawed(&uri, Use::Client, Flaw::Revoked)?),
        ("self_signed", ppc.flawed(&uri, Use::Client, Flaw::SelfSigned)?),
        ("unconfigured", ppc.issue("spiffe://ppc/desk/unconfigured", Use::Client)?),
    ];
    for (name, issued) in &all {
        pki::outfit(&wrong(&dir).join(name), issued, &roots)?;
    }
    pair.setup.pki.write_crls(&dir)
}
