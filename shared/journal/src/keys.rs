//! The public keys of one journal, and the numbers at which each is in force.

use std::collections::BTreeMap;

use renkei_proto::journal::v1::{Fact, fact};

use crate::{
    fault::Break,
    key::{KeyError, is_key_id},
};

/// The maximum number of keys of a journal, revoked ones included.
const MOST: usize = 1000;

/// The public keys of one journal's author by their ids. An id names the same key permanently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicKeys {
    keys: BTreeMap<String, Key>,
}

/// A key in force at the numbers `from..revoked_from`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    public_key: [u8; 32],
    from: u64,
    revoked_from: Option<u64>,
}

impl PublicKeys {
    /// A set without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key that is in force from `from_seq` on; 1 for a key from the configuration. If the same key is added
    /// again, the lower number is kept.
    ///
    /// # Errors
    /// [`KeyError::Taken`] if the id names another key or a revoked one; [`KeyError::IdInvalid`];
    /// [`KeyError::TooMany`].
    pub fn add(&mut self, key_id: &str, public_key: [u8; 32], from_seq: u64) -> Result<(), KeyError> {
        if !is_key_id(key_id) {
            return Err(KeyError::IdInvalid);
        }
        if let Some(key) = self.keys.get_mut(key_id) {
            if key.public_key != public_key || key.revoked_from.is_some() {
                return Err(KeyError::Taken { key_id: key_id.to_owned() });
            }
            key.from = key.from.min(from_seq);
            return Ok(());
        }
        if self.keys.len() >= MOST {
            return Err(KeyError::TooMany { limit: MOST });
        }
        self.keys.insert(key_id.to_owned(), Key { public_key, from: from_seq, revoked_from: None });
        Ok(())
    }

    /// Revokes a key from `from_seq` on. If it is revoked again, the lower number is kept.
    ///
    /// # Errors
    /// [`KeyError::Unknown`].
    pub fn revoke(&mut self, key_id: &str, from_seq: u64) -> Result<(), KeyError> {
        let key = self.keys.get_mut(key_id).ok_or_else(|| KeyError::Unknown { key_id: shown(key_id) })?;
        key.revoked_from = Some(key.revoked_from.map_or(from_seq, |known| known.min(from_seq)));
        Ok(())
    }

    /// The public key with this id, if it is in force at this number.
    #[must_use]
    pub fn get(&self, key_id: &str, seq: u64) -> Option<&[u8; 32]> {
        let key = self.keys.get(key_id)?;
        let holds = key.from <= seq && key.revoked_from.is_none_or(|revoked| seq < revoked);
        holds.then_some(&key.public_key)
    }

    /// The public key with this id, whether or not it is in force at any number.
    pub(crate) fn any(&self, key_id: &str) -> Option<&[u8; 32]> {
        self.keys.get(key_id).map(|key| &key.public_key)
    }

    /// Applies the key fact of entry `seq`: from the next entry on an added key is in force, and a revoked one is not.
    /// Other facts change nothing.
    ///
    /// # Errors
    /// [`Break::KeyContradicts`].
    pub fn apply(&mut self, seq: u64, fact: &Fact) -> Result<(), Break> {
        let next = seq.saturating_add(1);
        let done = match &fact.fact {
            Some(fact::Fact::KeyAdded(added)) => {
                let public_key = added.public_key.as_slice().try_into().map_err(|_| KeyError::Malformed);
                public_key.and_then(|public_key| self.add(&added.key_id, public_key, next))
            }
            Some(fact::Fact::KeyRevoked(revoked)) => self.revoke(&revoked.key_id, next),
            _ => Ok(()),
        };
        done.map_err(|source| Break::KeyContradicts { seq, source })
    }

    /// The key beside a signature that is judged at the number `at`. An error names `seq`.
    pub(crate) fn find(&self, key_id: &str, at: u64, seq: u64) -> Result<&[u8; 32], Break> {
        self.get(key_id, at).ok_or_else(|| Break::KeyUnknown { seq, key_id: shown(key_id) })
    }
}

/// A key id as it may appear in an error. A text that does not have the form of a key id comes from a stranger and is
/// left out.
fn shown(key_id: &str) -> String {
    if is_key_id(key_id) { key_id.to_owned() } else { "?".to_owned() }
}
