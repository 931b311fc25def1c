//! The only way to a request's body: an opened request has a caller, obeys every bound of the contract and has its key
//! for repeats.

use aws_lc_rs::hmac;
use prost::{
    Message,
    encoding::{WireType, decode_key, decode_varint},
};
use renkei_domain::{
    moment::{Moment, Source},
    refusal::Refusal,
    visibility::Reader,
};
use renkei_proto::{Rule, Validate, Violation, options::v1::Reason};
use tonic::{Request, Status, Streaming};

pub use crate::limits::{DESK_MESSAGE_MAX, LINK_MESSAGE_MAX};
use crate::{
    authorize::Authorized,
    error::{Error, reason_of, reason_of_tonic},
};

/// The key of request digests (HMAC-SHA-256). Facts that cross the link contain such a digest, and without the key
/// nobody can test guessed requests against it.
#[derive(Clone)]
pub struct DigestKey(hmac::Key);

impl DigestKey {
    /// A key from 32 bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    fn digest(&self, caller: &str, method: &str, request: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [caller.as_bytes(), b"\0", method.as_bytes(), b"\0", request] {
            context.update(part);
        }
        context.sign().as_ref().to_vec()
    }
}

/// A call with a valid request.
#[derive(Clone)]
pub struct Call {
    /// The time and randomness of the call, drawn once.
    pub moment: Moment,
    /// The rule of the method.
    pub rule: &'static Rule,
    /// The URI of the calling system.
    pub caller: String,
    /// The official on whose behalf it calls.
    pub official: String,
    /// The roles, the unit and the purpose by which a read is judged.
    pub reader: Reader,
    /// The request's id; empty for a read.
    pub request_id: String,
    /// The keyed digest of caller, method and request, by which a repeat is recognised; empty for a read.
    pub digest: Vec<u8>,
    /// The W3C trace context; empty if there is none.
    pub traceparent: String,
}

/// A valid request.
pub struct Opened<M> {
    /// The call in which it came.
    pub call: Call,
    /// The body of the request.
    pub message: M,
}

/// Opens a request that passed [`crate::authorize::Authorize`].
///
/// # Errors
/// `REQUEST_ID_MISSING` and `FIELD_INVALID`, as a status with details.
pub fn open<M: Message + Validate>(
    request: Request<M>,
    source: &Source,
    digest_key: &DigestKey,
) -> Result<Opened<M>, Status> {
    let moment = source.moment();
    let checked = authorized(&request).and_then(|authorized| {
        let message = body(request);
        check(&message, authorized.rule)?;
        Ok((authorized, message))
    });
    let (authorized, message) = checked.map_err(|error| error.status(&moment))?;
    let Authorized { rule, caller, roles, official, unit, purpose, traceparent, .. } = authorized;
    let (mut request_id, mut digest) = (String::new(), Vec::new());
    if rule.mutating {
        let bytes = message.encode_to_vec();
        self::request_id(&bytes).unwrap_or_default().clone_into(&mut request_id);
        digest = digest_key.digest(&caller, rule.path, &bytes);
    }
    let reader = Reader { roles, unit, purpose };
    Ok(Opened { call: Call { moment, rule, caller, official, reader, request_id, digest, traceparent }, message })
}

/// Opens a stream of requests: their sender, and the frames.
///
/// # Errors
/// `INTERNAL` if the request did not pass [`crate::authorize::Authorize`].
pub fn open_frames<M>(request: Request<Streaming<M>>, source: &Source) -> Result<(Authorized, Frames<M>), Status> {
    let authorized = authorized(&request).map_err(|error| error.status(&source.moment()))?;
    Ok((authorized, Frames::new(body(request))))
}

/// The frames from the other side, each of which is validated before it is returned.
pub struct Frames<M>(Streaming<M>);

impl<M: Message + Validate> Frames<M> {
    /// The next frame; `None` when the other side has ended its stream.
    ///
    /// # Errors
    /// `FIELD_INVALID` and `MALFORMED` for a frame that breaks the contract, `TOO_LARGE` for one beyond
    /// [`LINK_MESSAGE_MAX`], and [`Error::Ended`] with the other side's status, or if the connection broke.
    pub async fn next(&mut self) -> Result<Option<M>, Error> {
        match self.0.message().await {
            Ok(Some(message)) => validated(message).map(Some),
            Ok(None) => Ok(None),
            Err(status) => Err(ended(status)),
        }
    }
}

impl<M> Frames<M> {
    /// The frames of a stream, on the calling side or on the called one.
    pub fn new(stream: Streaming<M>) -> Self {
        Self(stream)
    }
}

fn ended(status: Status) -> Error {
    match reason_of_tonic(&status) {
        Some(Reason::TooLarge) if reason_of(&status).is_none() => {
            Error::Full { reason: Reason::TooLarge, limit: "bytes in a message", most: LINK_MESSAGE_MAX }
        }
        Some(Reason::Malformed) if reason_of(&status).is_none() => Refusal::plain(Reason::Malformed).into(),
        _ => Error::Ended(status),
    }
}

/// The message, if it obeys every bound of the contract.
///
/// # Errors
/// `FIELD_INVALID` with every broken rule.
pub fn validated<M: Validate>(message: M) -> Result<M, Error> {
    let violations = message.violations();
    if violations.is_empty() { Ok(message) } else { Err(Error::Invalid(violations)) }
}

#[expect(clippy::disallowed_methods, reason = "the one way to a body; what calls this validates it")]
fn body<M>(request: Request<M>) -> M {
    request.into_inner()
}

fn authorized<M>(request: &Request<M>) -> Result<Authorized, Error> {
    let found = request.extensions().get::<Authorized>().cloned();
    found.ok_or_else(|| Error::Fault("a request came to a service past the authorize layer".to_owned()))
}

fn check(message: &impl Validate, rule: &Rule) -> Result<(), Error> {
    let violations = message.violations();
    match violations.as_slice() {
        [] => Ok(()),
        [Violation { field, rule: "string.uuid_empty", must }] if rule.mutating && field == "request_id" => {
            Err(Refusal::field(Reason::RequestIdMissing, "request_id", must.clone()).into())
        }
        _ => Err(Error::Invalid(violations)),
    }
}

/// The `request_id` of an encoded request. The messages of the contract have no trait in common, but in each of them it
/// is field 1, and fields are encoded in the order of their numbers.
fn request_id(mut bytes: &[u8]) -> Option<&str> {
    if decode_key(&mut bytes).ok()? != (1, WireType::LengthDelimited) {
        return None;
    }
    let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
    std::str::from_utf8(bytes.get(..length)?).ok()
}

#[cfg(test)]
mod tests;
