//! The folders that docker-compose.yml mounts: a development PKI, both configurations, keys and passwords.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::Path,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use renkei_proto::r#type::v1::Agency;

use renkei_rpc::tls::{Files, Material};

use crate::{
    pki::{self, Pki},
    setup::{AGENCIES, CALLERS, kept, key_id, keys},
};

/// A set of certificates and revocation lists is kept if all of it lasts for this long: the copied files of a caller stay good,
/// and `up` on a Monday serves until the weekend at least.
const LASTS: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// Writes `ppc` and `ipa` in a folder. Certificates and revocation lists that are whole and last are kept, unless `fresh` ones are
/// wanted; keys and passwords that are there always stay, since databases live longer than containers.
///
/// # Errors
/// Fails if something cannot be made or written.
pub fn write(dir: &Path, now: SystemTime, seed: [u8; 32], fresh: bool) -> Result<(), String> {
    if fresh || !lasts(dir, now) {
        let made = Pki::new(now).and_then(|mut made| made.write(dir));
        made.map_err(|error| error.to_string())?;
    }
    let public_keys = keys(dir, seed)?;
    for own in AGENCIES {
        let side = dir.join(own.id());
        let password = || {
            let bytes = seed.iter().map(|byte| byte ^ if own == Agency::Ppc { 0x5a } else { 0xa5 });
            BASE64_STANDARD_NO_PAD.encode(bytes.collect::<Vec<_>>()) + "\n"
        };
        kept(&side.join("database/password"), &password)?;
        let config = config(&public_keys, own);
        pki::write(&side.join(format!("{}.toml", own.id())), &config).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// True if the certificates and lists of both agencies are there, fit together and last.
fn lasts(dir: &Path, now: SystemTime) -> bool {
    let until = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + LASTS;
    let until = i64::try_from(until.as_secs()).unwrap_or(i64::MAX);
    let lasts = |files: Files| {
        let Ok(material) = Material::load(&files) else { return false };
        let it = material.in_use();
        it.certificate.ends > until && it.crl.is_some_and(|lists| lists.ends > until)
    };
    AGENCIES.into_iter().map(Agency::id).all(|id| {
        let callers = pki::CALLERS.iter().map(|name| pki::caller_files(dir, id, name));
        callers.chain([pki::desk_files(dir, id), pki::link_files(dir, id)]).all(lasts)
    })
}

/// The configuration of one side as its container sees it. Paths begin at the folder that is mounted.
fn config(public_keys: &BTreeMap<&'static str, [u8; 32]>, own: Agency) -> String {
    let (id, peer) = (own.id(), own.peer().id());
    let key = base64::prelude::BASE64_STANDARD.encode(public_keys.get(peer).copied().unwrap_or_default());
    // The address in the agency's own network: the peer reaches the link alone.
    let inside = if own == Agency::Ppc { "10.71.1.10" } else { "10.71.2.10" };
    let port = |name: &str, address: &str, port: u16| {
        format!(
            "[{name}]\nlisten = \"{address}:{port}\"\ncertificate = \"{name}/certificate.pem\"\n\
             key = \"{name}/key.pem\"\nroots = \"{name}/roots.pem\"\ncrls = [\"{name}/crl.pem\"]\n"
        )
    };
    let mut text = format!(
        "# Written for docker-compose.yml. For development: its certificates are valid for localhost.\n\
         replica = \"a\"\n\n[database]\nurl = \"postgres:///{id}?host=/run/postgresql&user={id}\"\n\
         password = \"database/password\"\nmigrate = true\n\n{}\n{}\n\
         [peer]\naddress = \"{peer}:7444\"\nserver_name = \"localhost\"\n\n\
         [[peer.keys]]\nid = \"{}\"\npublic_key = \"{key}\"\n\n\
         [journal]\nkey_id = \"{}\"\nkey = \"journal.pem\"\n\n[[content.keys]]\nid = \"content-1\"\nfile = \"content.key\"\n\n\
         [secrets]\ndigest_key = \"digest.key\"\ntoken_key = \"token.key\"\ncode_key = \"code.key\"\n\n\
         [operator]\nlisten = \"{inside}:9464\"\n\n\
         [telemetry]\notlp_endpoint = \"http://collector:4317\"\nsample_ratio = 1.0\n",
        port("desk", inside, 7443),
        port("link", "0.0.0.0", 7444),
        key_id(own.peer()),
        key_id(own),
    );
    for (name, role, unit) in CALLERS {
        // Writing into a string cannot fail.
        let _ = write!(text, "\n[callers.\"spiffe://{id}/desk/{name}\"]\nroles = [\"{role}\"]\nunit = \"{unit}\"\n");
    }
    text
}
