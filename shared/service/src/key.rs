//! Keys from files and from the configuration.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use renkei_journal::{PublicKeys, SigningKey};
use renkei_store::KeyRing;
use zeroize::Zeroizing;

use crate::{
    config::{Config, PublicKey},
    error::StartError,
};

/// Tries every key that a service needs, so that a start with a bad key fails before it has changed anything.
pub(crate) fn check(config: &Config) -> Result<(), StartError> {
    ring(config)?;
    of_own(config, &signing(config)?)?;
    of_peer(config)?;
    let secrets = [&config.secrets.digest_key, &config.secrets.token_key, &config.secrets.code_key];
    let mut known: Vec<(&Path, Zeroizing<[u8; 32]>)> = Vec::new();
    for file in secrets.into_iter().chain(config.content.keys.iter().map(|key| &key.file)) {
        let key = secret(file)?;
        if let Some((other, _)) = known.iter().find(|(_, other)| **other == *key) {
            let why = format!("it is the one in {}: every secret is a key of its own", other.display());
            return Err(StartError::Key { file: file.display().to_string(), why });
        }
        known.push((file, key));
    }
    Ok(())
}

/// Reads a secret of 32 bytes in base64.
pub(crate) fn secret(file: &Path) -> Result<Zeroizing<[u8; 32]>, StartError> {
    let wrong = |why: &str| StartError::Key { file: file.display().to_string(), why: why.to_owned() };
    let text = std::fs::read_to_string(file).map(Zeroizing::new);
    let text = text.map_err(|error| wrong(&format!("it cannot be read ({error})")))?;
    let bytes = BASE64_STANDARD.decode(text.trim()).map(Zeroizing::new).map_err(|_| wrong("it is not base64"))?;
    let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| wrong("it does not have 32 bytes"))?;
    Ok(Zeroizing::new(key))
}

/// The key that signs the own journal.
pub(crate) fn signing(config: &Config) -> Result<SigningKey, StartError> {
    let file = &config.journal.key;
    let wrong = |why: String| StartError::Key { file: file.display().to_string(), why };
    let bytes =
        std::fs::read(file).map(Zeroizing::new).map_err(|error| wrong(format!("it cannot be read ({error})")))?;
    SigningKey::from_pkcs8(config.journal.key_id.clone(), &bytes).map_err(|error| wrong(error.to_string()))
}

/// The ring that wraps the keys of contents.
pub(crate) fn ring(config: &Config) -> Result<KeyRing, StartError> {
    let mut keys = Vec::with_capacity(config.content.keys.len());
    for key in &config.content.keys {
        keys.push((key.id.clone(), secret(&key.file)?));
    }
    Ok(KeyRing::new(keys)?)
}

/// The peer's keys.
pub(crate) fn of_peer(config: &Config) -> Result<PublicKeys, StartError> {
    public(&config.peer.keys)
}

/// The own keys, former ones included.
pub(crate) fn of_own(config: &Config, key: &SigningKey) -> Result<PublicKeys, StartError> {
    let mut keys = public(&config.journal.former_keys)?;
    let wrong =
        |why: renkei_journal::KeyError| StartError::PublicKey { id: key.key_id().to_owned(), why: why.to_string() };
    keys.add(key.key_id(), key.public_key(), 1).map_err(wrong)?;
    Ok(keys)
}

fn public(rows: &[PublicKey]) -> Result<PublicKeys, StartError> {
    let mut keys = PublicKeys::new();
    for row in rows {
        let wrong = |why: String| StartError::PublicKey { id: row.id.clone(), why };
        let bytes = BASE64_STANDARD.decode(&row.public_key).map_err(|_| wrong("it is not base64".to_owned()))?;
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| wrong("it does not have 32 bytes".to_owned()))?;
        keys.add(&row.id, key, 1).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(keys)
}
