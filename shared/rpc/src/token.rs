//! Cursors and page tokens: opaque to clients, and readable only by the service that made them (AES-256-GCM,
//! base64url).
//!
//! The context of a token (its use, the store, the query) is authenticated with it and is not part of it.

use std::sync::Arc;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, SHA256_OUTPUT_LEN, digest},
    error::Unspecified,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prost::Message;
use renkei_domain::{moment::Moment, refusal::Refusal};
use renkei_proto::options::v1::Reason;

use crate::error::Error;

const CURSOR: &str = "renkei cursor v1";
const PAGE_TOKEN: &str = "renkei page token v1";

/// The maximum size in bytes of the key that a page ends with: more would not fit into the 512 characters of a
/// `page_token`.
pub const KEY_MAX: usize = 512 / 4 * 3 - NONCE_LEN - 16;

/// The maximum size of a cursor in bytes: more would not fit into the 256 characters of a `cursor`.
pub const CURSOR_MAX: usize = 256 / 4 * 3 - NONCE_LEN - 16;

/// Makes and opens the tokens of one store. Clones share the key.
#[derive(Clone)]
pub struct Tokens {
    key: Arc<LessSafeKey>,
    store_id: Arc<str>,
}

/// The list that a page token continues.
pub struct Query([u8; SHA256_OUTPUT_LEN]);

impl Query {
    /// The query of a method's request. `request` has no `page_size` and `page_token`, so that every page of the list
    /// has the same query.
    pub fn new(method: &str, request: &impl Message) -> Self {
        let text = [method.as_bytes(), b"\0", &request.encode_to_vec()].concat();
        Self(sha256(&text))
    }
}

impl Tokens {
    /// The tokens under this key for the store with this id: after a change of either, clients begin again.
    ///
    /// # Errors
    /// Never for a key of 32 bytes; the cryptography's signature requires a result.
    pub fn new(key: &[u8; 32], store_id: &str) -> Result<Self, Unspecified> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?);
        Ok(Self { key: Arc::new(key), store_id: store_id.into() })
    }

    /// The bytes of a cursor, of at most [`CURSOR_MAX`] bytes, as text.
    ///
    /// # Errors
    /// [`Error::Fault`] if there are more, or when the cryptography fails.
    pub fn cursor_encode(&self, moment: &Moment, cursor: &[u8]) -> Result<String, Error> {
        if cursor.len() > CURSOR_MAX {
            return Err(Error::Fault(format!("a cursor has more than {CURSOR_MAX} bytes")));
        }
        self.seal(CURSOR, &[], moment, cursor)
    }

    /// The bytes of the cursor in a text.
    ///
    /// # Errors
    /// `CURSOR_UNKNOWN` for anything but a cursor of this store.
    pub fn cursor_decode(&self, cursor: &str) -> Result<Vec<u8>, Error> {
        let unknown = || {
            Refusal::field(
                Reason::CursorUnknown,
                "cursor",
                ("was not made by this service", "この値は、このサービスが作成したものではありません。"),
            )
        };
        Ok(self.open(CURSOR, &[], cursor).ok_or_else(unknown)?)
    }

    /// The token that continues after the key `last`, of at most [`KEY_MAX`] bytes.
    ///
    /// # Errors
    /// [`Error::Fault`] if the key is too long or the cryptography fails.
    pub fn page_token_encode(&self, moment: &Moment, query: &Query, last: &[u8]) -> Result<String, Error> {
        if last.len() > KEY_MAX {
            return Err(Error::Fault(format!("the key of a page token has more than {KEY_MAX} bytes")));
        }
        self.seal(PAGE_TOKEN, &query.0, moment, last)
    }

    /// The key after which this query continues; `None` at its beginning, for the empty token.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID` for anything but a token of this store for this query.
    pub fn page_token_decode(&self, query: &Query, token: &str) -> Result<Option<Vec<u8>>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let invalid = || {
            Refusal::field(
                Reason::PageTokenInvalid,
                "page_token",
                ("was not made for this query", "この値は、この一覧の続きを示すものではありません。"),
            )
        };
        Ok(Some(self.open(PAGE_TOKEN, &query.0, token).ok_or_else(invalid)?))
    }

    fn seal(&self, kind: &str, query: &[u8], moment: &Moment, plain: &[u8]) -> Result<String, Error> {
        let aad = self.aad(kind, query);
        // A moment may make many tokens. The nonce is derived from the token's context and content, so two tokens have
        // the same nonce only if they are the same token.
        let number = sha256(&[&aad, plain].concat());
        let number = number.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&moment.bytes("token nonce", number)[..NONCE_LEN]);

        let mut out = nonce.to_vec();
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed)
            .map_err(|_| Error::Fault("a token cannot be encrypted".to_owned()))?;
        out.append(&mut sealed);
        Ok(URL_SAFE_NO_PAD.encode(out))
    }

    fn open(&self, kind: &str, query: &[u8], token: &str) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.key.open_in_place(nonce, Aad::from(self.aad(kind, query)), sealed).ok()?;
        Some(plain.to_vec())
    }

    fn aad(&self, kind: &str, query: &[u8]) -> Vec<u8> {
        [kind.as_bytes(), b"\0", self.store_id.as_bytes(), b"\0", query].concat()
    }
}

fn sha256(bytes: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut out = [0; SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use jiff::Timestamp;
    use renkei_proto::evidence::v1::ListEntriesRequest;

    use super::*;

    fn tokens(key: u8, store_id: &str) -> Tokens {
        Tokens::new(&[key; 32], store_id).unwrap()
    }

    fn moment(seed: u8) -> Moment {
        Moment::new(Timestamp::UNIX_EPOCH, [seed; 32])
    }

    fn query(matter: &str) -> Query {
        let request = ListEntriesRequest { matter: matter.to_owned(), ..ListEntriesRequest::default() };
        Query::new("/renkei.evidence.v1.EvidenceService/ListEntries", &request)
    }

    #[test]
    fn a_cursor_opens_to_its_place() {
        let tokens = tokens(1, "store");
        for place in [&b""[..], b"a place", &[0xff; CURSOR_MAX]] {
            let cursor = tokens.cursor_encode(&moment(1), place).unwrap();
            assert_eq!(tokens.cursor_decode(&cursor).unwrap(), place);
            assert!(cursor.len() <= 256 && cursor.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)));
        }
        let long = tokens.cursor_encode(&moment(1), &[0; CURSOR_MAX + 1]).unwrap_err();
        assert_eq!(long.reason(), Reason::Internal);
    }

    #[test]
    fn a_page_token_opens_to_its_key() {
        let tokens = tokens(1, "store");
        for last in [&b""[..], b"0000000000000007 agreement", &[0xff; KEY_MAX]] {
            let token = tokens.page_token_encode(&moment(1), &query("agreement"), last).unwrap();
            assert_eq!(tokens.page_token_decode(&query("agreement"), &token).unwrap().unwrap(), last);
            assert!(token.len() <= 512);
        }
        assert_eq!(tokens.page_token_decode(&query("agreement"), "").unwrap(), None);
        let long = tokens.page_token_encode(&moment(1), &query("agreement"), &[0; KEY_MAX + 1]).unwrap_err();
        assert_eq!(long.reason(), Reason::Internal);
    }

    #[test]
    fn nothing_else_opens() {
        let own = tokens(1, "store");
        let cursor = own.cursor_encode(&moment(1), b"place").unwrap();
        let page = own.page_token_encode(&moment(1), &query("agreement"), b"last").unwrap();
        let unknown = |tokens: &Tokens, text: &str| {
            assert_eq!(tokens.cursor_decode(text).unwrap_err().reason(), Reason::CursorUnknown, "{text}");
        };
        let invalid = |tokens: &Tokens, query: Query, text: &str| {
            let error = tokens.page_token_decode(&query, text).unwrap_err();
            assert_eq!(error.reason(), Reason::PageTokenInvalid, "{text}");
        };
        for place in 0..cursor.len() {
            let mut text = cursor.clone().into_bytes();
            text[place] = if text[place] == b'A' { b'B' } else { b'A' };
            unknown(&own, std::str::from_utf8(&text).unwrap());
        }
        for text in ["", "-", "A", &cursor[1..], &cursor[..cursor.len() - 1], &format!("{cursor}="), "受付", &page] {
            unknown(&own, text);
        }
        unknown(&tokens(1, "other store"), &cursor);
        unknown(&tokens(2, "store"), &cursor);
        invalid(&own, query("agencies/ppc/journal"), &page);
        invalid(&tokens(1, "other store"), query("agreement"), &page);
        invalid(&own, query("agreement"), &cursor);
        let request = ListEntriesRequest { matter: "agreement".to_owned(), ..ListEntriesRequest::default() };
        invalid(&own, Query::new("/renkei.evidence.v1.EvidenceService/GetEntry", &request), &page);
    }

    #[test]
    fn two_tokens_of_one_moment_share_no_nonce() {
        let tokens = tokens(1, "store");
        let one = tokens.cursor_encode(&moment(1), b"one").unwrap();
        let two = tokens.cursor_encode(&moment(1), b"two").unwrap();
        assert_ne!(one[..16], two[..16]);
        assert_eq!(one, tokens.cursor_encode(&moment(1), b"one").unwrap());
        assert_ne!(one, tokens.cursor_encode(&moment(2), b"one").unwrap());
    }
}
