//! The only way to a request's body: what comes through has a caller, keeps every bound of the contract and has its key
//! for repeats.

use std::{future::Future, pin::Pin};

use aws_lc_rs::hmac;
use futures::{Stream, StreamExt as _};
use prost::{
    Message,
    encoding::{WireType, decode_key, decode_varint},
};
use renkei_domain::{
    moment::{Moment, Source},
    refusal::Refusal,
    visibility::Reader,
};
use renkei_proto::{Rule, Validate, Violation, options::v1::Reason, r#type::v1::Agency};
use renkei_store::Store;
use renkei_telemetry::Metrics;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    authorize::Authorized,
    error::{Error, reason_of, reason_of_tonic},
    token::Tokens,
};

/// The most bytes of a message on the desk: for `max_decoding_message_size` of every desk service.
pub const DESK_MESSAGE_MAX: usize = 2 << 20;
/// The most bytes of a message on the link.
pub const LINK_MESSAGE_MAX: usize = 4 << 20;

/// What every desk service holds. Clones share everything.
#[derive(Clone)]
pub struct Desk {
    /// The agency that it serves.
    pub own: Agency,
    /// Where the moment of each call comes from.
    pub source: Source,
    /// The key under which requests are digested: what a repeat of a call is told by.
    pub digest_key: DigestKey,
    /// Makes and opens cursors and page tokens.
    pub tokens: Tokens,
    /// The database.
    pub store: Store,
    /// The instruments.
    pub metrics: Metrics,
}

/// The key of request digests (HMAC-SHA-256). A digest stands in facts that cross, and without the key nobody can try
/// requests against it.
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

/// A call whose request was found sound.
#[derive(Clone)]
pub struct Call {
    /// Its time and randomness, drawn once.
    pub moment: Moment,
    /// Who calls what; what the store wants to know.
    pub call: renkei_store::Caller,
    /// The method's rule.
    pub rule: &'static Rule,
    /// Who reads: what it is shown depends on it.
    pub reader: Reader,
}

/// The stream of a server-streaming method.
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Opens a request and answers it with what `body` makes of it.
///
/// # Errors
/// `REQUEST_ID_MISSING`, `FIELD_INVALID`, and every error of `body`, as a status with details.
pub async fn open<M, R, F>(
    request: Request<M>,
    desk: &Desk,
    body: impl FnOnce(Call, M) -> F,
) -> Result<Response<R>, Status>
where
    M: Message + Validate,
    F: Future<Output = Result<R, Error>>,
{
    let (call, message) = opened(request, &desk.source, &desk.digest_key)?;
    let moment = call.moment.clone();
    let answered = async { body(not_secret(call)?, message).await };
    answered.await.map(Response::new).map_err(|error| error.status(&moment))
}

/// Opens a request for secret material of the matter that `matter` finds in it, and answers it with what `body` makes of
/// it: after it is recorded who read it, when and for what. A read that `body` refuses is recorded too; while the own
/// journal is fetched back nothing is looked at, nor recorded.
///
/// # Errors
/// `AUDIT_UNAVAILABLE` when it cannot be recorded, `RECOVERING` during a recovery and until the list of barred officials is
/// confirmed after it; else as [`open`].
pub async fn open_secret<M, R, F>(
    request: Request<M>,
    desk: &Desk,
    matter: impl FnOnce(&M) -> String,
    body: impl FnOnce(Call, M) -> F,
) -> Result<Response<R>, Status>
where
    M: Message + Validate,
    F: Future<Output = Result<R, Error>>,
{
    let (call, message) = opened(request, &desk.source, &desk.digest_key)?;
    let (moment, who, matter) = (call.moment.clone(), call.call.clone(), matter(&message));
    let read = async {
        // What was recalled since the backup is not known to be, nor who was barred.
        desk.store.heads().borrow().admit_officials()?;
        if moment.basis.is_doubted() {
            // Embargoes and scopes end by the clock, and the read would be recorded under a doubtful date.
            return Err(renkei_store::Error::ClockDoubted.into());
        }
        let answer = body(call, message).await;
        let outcome = answer.as_ref().err().map_or("OK", |error| error.reason().id());
        let recorded = desk.store.record_read(&who, &matter, outcome, &moment).await;
        let answer = answer?;
        recorded?;
        Ok(answer)
    };
    read.await.map(Response::new).map_err(|error: Error| error.status(&moment))
}

/// What a rule calls secret goes through [`open_secret`] and no other way.
fn not_secret(call: Call) -> Result<Call, Error> {
    if call.rule.secret {
        return Err(Error::Fault(format!("{} hands out secret material that nobody records", call.rule.path)));
    }
    Ok(call)
}

/// Opens a request and answers it with the stream that `body` makes of it.
///
/// # Errors
/// As [`open`]; errors of the stream end it as a status with details.
pub async fn open_stream<M, T, S, F>(
    request: Request<M>,
    desk: &Desk,
    body: impl FnOnce(Call, M) -> F,
) -> Result<Response<Answers<T>>, Status>
where
    M: Message + Validate,
    S: Stream<Item = Result<T, Error>> + Send + 'static,
    F: Future<Output = Result<S, Error>>,
{
    let (call, message) = opened(request, &desk.source, &desk.digest_key)?;
    let moment = call.moment.clone();
    let opened = async { body(not_secret(call)?, message).await };
    let stream = opened.await.map_err(|error| error.status(&moment))?;
    let answers = stream.map(move |answer| answer.map_err(|error| error.status(&moment)));
    Ok(Response::new(Box::pin(answers)))
}

/// Opens a stream of requests: who sends them, and the frames.
///
/// # Errors
/// `INTERNAL` when the request did not come through [`crate::authorize::Authorize`].
pub fn open_frames<M>(request: Request<Streaming<M>>, source: &Source) -> Result<(Authorized, Frames<M>), Status> {
    let authorized = authorized(&request).map_err(|error| error.status(&source.moment()))?;
    Ok((authorized, Frames::new(body(request))))
}

/// Frames from the other side, each validated before anybody sees it.
pub struct Frames<M>(Streaming<M>);

impl<M: Message + Validate> Frames<M> {
    /// The next frame; `None` when the other side has ended its stream.
    ///
    /// # Errors
    /// `FIELD_INVALID` and `MALFORMED` for a frame that breaks the contract, `TOO_LARGE` for one beyond
    /// [`LINK_MESSAGE_MAX`], and [`Error::Ended`] with the other side's status or when the connection broke.
    pub async fn next(&mut self) -> Result<Option<M>, Error> {
        match self.0.message().await {
            Ok(Some(message)) => validated(message).map(Some),
            Ok(None) => Ok(None),
            Err(status) => Err(ended(status)),
        }
    }
}

impl<M> Frames<M> {
    /// The frames of a stream, on the side that called as well as on the one that was called.
    pub fn new(stream: Streaming<M>) -> Self {
        Self(stream)
    }
}

fn ended(status: Status) -> Error {
    match reason_of_tonic(&status) {
        Some(Reason::TooLarge) if reason_of(&status).is_none() => {
            Error::Full { reason: Reason::TooLarge, limit: "bytes in a message", most: LINK_MESSAGE_MAX }
        }
        Some(Reason::Malformed) if reason_of(&status).is_none() => Error::because(Reason::Malformed, ""),
        _ => Error::Ended(status),
    }
}

/// The message, if it keeps every bound of the contract.
///
/// # Errors
/// `FIELD_INVALID` with every broken rule.
pub fn validated<M: Validate>(message: M) -> Result<M, Error> {
    let violations = message.violations();
    if violations.is_empty() { Ok(message) } else { Err(Error::Invalid(violations)) }
}

fn opened<M>(request: Request<M>, source: &Source, digest_key: &DigestKey) -> Result<(Call, M), Status>
where
    M: Message + Validate,
{
    let moment = source.moment();
    let checked = authorized(&request).and_then(|authorized| {
        let message = body(request);
        check(&message, authorized.rule)?;
        Ok((authorized, message))
    });
    let (authorized, message) = checked.map_err(|error| error.status(&moment))?;
    let reader = Reader { roles: authorized.roles, unit: authorized.unit.clone(), purpose: authorized.purpose.clone() };
    let call = keyed(
        &message,
        authorized.rule,
        digest_key,
        renkei_store::Caller {
            caller: authorized.caller,
            official: authorized.official,
            unit: authorized.unit,
            purpose: authorized.purpose,
            method: authorized.rule.path.to_owned(),
            request_id: String::new(),
            digest: Vec::new(),
            traceparent: authorized.traceparent,
        },
    );
    Ok((Call { moment, call, rule: authorized.rule, reader }, message))
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

/// Adds what a repeat of the call is told by, if it changes anything.
fn keyed(message: &impl Message, rule: &Rule, key: &DigestKey, mut call: renkei_store::Caller) -> renkei_store::Caller {
    if rule.mutating {
        let bytes = message.encode_to_vec();
        call.request_id = request_id(&bytes).unwrap_or_default().to_owned();
        call.digest = key.digest(&call.caller, &call.method, &bytes);
    }
    call
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
