//! The folders that docker-compose.yml mounts: a development PKI, both configurations, keys and passwords.

use std::{fmt::Write as _, path::Path, time::SystemTime};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use renkei_proto::r#type::v1::Agency;

use crate::{
    pki,
    setup::{AGENCIES, CALLERS, Setup, kept, key_id},
};

/// Writes `ppc` and `ipa` in a folder. Certificates and revocation lists are made anew each time; keys and passwords
/// that are there stay, since databases live longer than containers.
///
/// # Errors
/// Fails if something cannot be made or written.
pub fn write(dir: &Path, now: SystemTime, seed: [u8; 32]) -> Result<(), String> {
    let setup = Setup::new(dir, now, seed)?;
    for own in AGENCIES {
        let side = dir.join(own.id());
        let password = || {
            let bytes = seed.iter().map(|byte| byte ^ if own == Agency::Ppc { 0x5a } else { 0xa5 });
            BASE64_STANDARD_NO_PAD.encode(bytes.collect::<Vec<_>>()) + "\n"
        };
        kept(&side.join("database/password"), &password)?;
        let config = config(&setup, own);
        pki::write(&side.join(format!("{}.toml", own.id())), &config).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The configuration of one side as its container sees it. Paths begin at the folder that is mounted.
fn config(setup: &Setup, own: Agency) -> String {
    let (id, peer) = (own.id(), own.peer().id());
    let key = base64::prelude::BASE64_STANDARD.encode(setup.public_keys.get(peer).copied().unwrap_or_default());
    let port = |name: &str, port: u16| {
        format!(
            "[{name}]\nlisten = \"0.0.0.0:{port}\"\ncertificate = \"{name}/certificate.pem\"\n\
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
         [operator]\nlisten = \"{}:9464\"\n\n\
         [telemetry]\notlp_endpoint = \"http://collector:4317\"\nsample_ratio = 1.0\n",
        port("desk", 7443),
        port("link", 7444),
        key_id(own.peer()),
        key_id(own),
        if own == Agency::Ppc { "10.71.1.10" } else { "10.71.2.10" },
    );
    for (name, role, unit) in CALLERS {
        // Writing into a string cannot fail.
        let _ = write!(text, "\n[callers.\"spiffe://{id}/desk/{name}\"]\nroles = [\"{role}\"]\nunit = \"{unit}\"\n");
    }
    text
}
