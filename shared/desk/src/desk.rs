//! The desk: the way of a call from its request to its answer, with the audit of reads and the write to the store.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use futures::{Stream, StreamExt as _};
use prost::Message;
use renkei_book::{CallOrigin, Command, Declined};
use renkei_domain::{
    calendar::Calendar,
    case_number::CaseNumber,
    memorandum::Memorandum,
    moment::{Moment, Source},
};
use renkei_proto::{Validate, options::v1::Reason, r#type::v1::Agency};
use renkei_rpc::{
    error::Error as CallError,
    token::Tokens,
    validate::{self, Call, DigestKey, Opened},
};
use renkei_store::Store;
use renkei_telemetry::Metrics;
use tonic::{Request, Response, Status};

use crate::error::Error;

/// The parts of the service that every method of the desk needs. Clones share everything.
#[derive(Clone)]
pub struct Desk {
    /// The agency that it serves.
    pub own: Agency,
    /// The origin of the moment of each call.
    pub source: Source,
    /// The key under which requests are digested, so that a repeat of a call is recognised.
    pub digest_key: DigestKey,
    /// Makes and opens cursors and page tokens.
    pub tokens: Tokens,
    /// The database with journals and pages.
    pub store: Store,
    /// The metrics of the service.
    pub metrics: Metrics,
    /// The open days by the agency's list of holidays.
    pub calendar: Calendar,
    /// The versions of the memorandum that the service has.
    pub memorandum: Memorandum,
}

impl Desk {
    /// The name of the matter that a caller states by its name or by its case number. This tells nobody that there is such a
    /// matter: it is judged under its name afterwards. A case number that no matter has is given back as both agencies write
    /// it, and names nothing.
    ///
    /// # Errors
    /// `FIELD_INVALID` of `name` for a text that is neither.
    pub(crate) async fn named(&self, stated: &str) -> Result<String, Error> {
        // Names are ASCII, and a case number begins with the letter of its agency.
        if stated.is_ascii() {
            return Ok(stated.to_owned());
        }
        let number = CaseNumber::parse(stated, "name")?;
        let found = self.store.numbered(&number).await?;
        Ok(found.map_or_else(|| number.to_string(), |(matter, _)| matter.to_string()))
    }

    /// Runs a command for a call and waits until it is durable.
    ///
    /// # Errors
    /// The command's refusal, or the reason why it was not written.
    pub(crate) async fn write<C: Command>(&self, call: &Call, command: C) -> Result<C::Reply, Error> {
        Ok(self.store.write(call.rule.name, origin(call), call.moment.clone(), command).await?)
    }
}

/// The origin of the call, as the store records it.
fn origin(call: &Call) -> CallOrigin {
    CallOrigin {
        caller: call.caller.clone(),
        official: call.official.clone(),
        unit: call.reader.unit.clone(),
        purpose: call.reader.purpose.id(),
        method: call.rule.path.to_owned(),
        request_id: call.request_id.clone(),
        digest: call.digest.clone(),
        traceparent: call.traceparent.clone(),
    }
}

/// Opens a request and answers it with the result of `body`.
///
/// # Errors
/// `REQUEST_ID_MISSING`, `FIELD_INVALID`, and every error of `body`, as a status with details.
pub(crate) async fn open<M, R, F>(
    request: Request<M>,
    desk: &Desk,
    body: impl FnOnce(Call, M) -> F,
) -> Result<Response<R>, Status>
where
    M: Message + Validate,
    F: Future<Output = Result<R, Error>>,
{
    let Opened { call, message } = validate::open(request, &desk.source, &desk.digest_key)?;
    let moment = call.moment.clone();
    let answered = async { body(not_secret(call)?, message).await };
    answered.await.map(Response::new).map_err(|error| CallError::from(error).status(&moment))
}

/// Opens a request for secret material of the matter that the field `matter` names, and answers it with the result of
/// `body` after the read was recorded: its reader, its time and its purpose. A case number in the field is replaced by the
/// name first. A read that `body` refuses is recorded too; while the own journal is fetched back, nothing is read or
/// recorded.
///
/// # Errors
/// `AUDIT_UNAVAILABLE` when it cannot be recorded, `RECOVERING` during a recovery and until the list of barred officials is
/// confirmed after it; else as [`open`].
pub(crate) async fn open_secret<M, R, F>(
    request: Request<M>,
    desk: &Desk,
    matter: impl FnOnce(&mut M) -> &mut String,
    body: impl FnOnce(Call, M) -> F,
) -> Result<Response<R>, Status>
where
    M: Message + Validate,
    F: Future<Output = Result<R, Error>>,
{
    let Opened { call, mut message } = validate::open(request, &desk.source, &desk.digest_key)?;
    let (moment, origin) = (call.moment.clone(), origin(&call));
    let read = async {
        admit_secret_read(desk, &moment)?;
        let field = matter(&mut message);
        *field = desk.named(field).await?;
        let matter = field.clone();
        let answer = body(call, message).await;
        let outcome = answer.as_ref().err().map_or("OK", |error| error.reason().id());
        let recorded = desk.store.record_read(&origin, &matter, outcome, &moment).await;
        let answer = answer?;
        recorded?;
        Ok(answer)
    };
    read.await.map(Response::new).map_err(|error: Error| CallError::from(error).status(&moment))
}

/// Opens a request for secret material of several matters, and answers it after the read was recorded for each of them.
/// `body` returns the answer with the names of the matters of which it contains something: of every other one the record
/// is that nothing was found. If `body` refuses the read, each record names its reason.
///
/// # Errors
/// As [`open_secret`].
pub(crate) async fn open_secrets<M, R, F>(
    request: Request<M>,
    desk: &Desk,
    matters: impl FnOnce(&M) -> &[String],
    body: impl FnOnce(Call, M) -> F,
) -> Result<Response<R>, Status>
where
    M: Message + Validate,
    F: Future<Output = Result<(R, BTreeSet<String>), Error>>,
{
    let Opened { call, message } = validate::open(request, &desk.source, &desk.digest_key)?;
    let (moment, origin) = (call.moment.clone(), origin(&call));
    let read = async {
        admit_secret_read(desk, &moment)?;
        let matters = matters(&message).to_vec();
        let answer = body(call, message).await;
        let outcome = |matter: &String| match &answer {
            Ok((_, found)) if found.contains(matter) => "OK",
            Ok(_) => Reason::NotFound.id(),
            Err(error) => error.reason().id(),
        };
        let outcomes = matters.iter().map(|matter| (matter.as_str(), outcome(matter)));
        let recorded = desk.store.record_reads(&origin, outcomes, &moment).await;
        let (answer, _) = answer?;
        recorded?;
        Ok(answer)
    };
    read.await.map(Response::new).map_err(|error: Error| CallError::from(error).status(&moment))
}

/// Refuses a read of secret material while nobody may have one.
///
/// # Errors
/// `RECOVERING`, `CLOCK_DOUBTED`.
fn admit_secret_read(desk: &Desk, moment: &Moment) -> Result<(), Error> {
    // Recalls and barred officials since the backup are not known yet.
    desk.store.admit_officials()?;
    if moment.basis.is_doubted() {
        // Embargoes and scopes end by the clock, and the read would be recorded under a doubtful date.
        return Err(renkei_store::Error::from(Declined::ClockDoubted).into());
    }
    Ok(())
}

/// Refuses a call whose rule calls its answer secret: such a call goes through [`open_secret`] or [`open_secrets`].
fn not_secret(call: Call) -> Result<Call, Error> {
    if call.rule.secret {
        return Err(Error::fault(format!("{} hands out secret material that nobody records", call.rule.path)));
    }
    Ok(call)
}

/// The answer of a unary method.
pub(crate) type Answer<T> = Result<Response<T>, Status>;

/// The stream of a server-streaming method.
pub(crate) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Opens a request and answers it with the stream that `body` returns.
///
/// # Errors
/// As [`open`]; errors of the stream end it as a status with details.
pub(crate) async fn open_stream<M, T, S, F>(
    request: Request<M>,
    desk: &Desk,
    body: impl FnOnce(Call, M) -> F,
) -> Result<Response<Answers<T>>, Status>
where
    M: Message + Validate,
    S: Stream<Item = Result<T, Error>> + Send + 'static,
    F: Future<Output = Result<S, Error>>,
{
    let Opened { call, message } = validate::open(request, &desk.source, &desk.digest_key)?;
    let moment = call.moment.clone();
    let opened = async { body(not_secret(call)?, message).await };
    let stream = opened.await.map_err(|error| CallError::from(error).status(&moment))?;
    let answers = stream.map(move |answer| answer.map_err(|error| CallError::from(error).status(&moment)));
    Ok(Response::new(Box::pin(answers)))
}

#[cfg(test)]
mod tests {
    use renkei_proto::{
        evidence::v1::CheckpointAuditRequest,
        watch::v1::{WatchRequest, WatchResponse},
    };

    use super::*;

    /// Generated service traits ask for futures that may move between threads. Never called: it has to compile.
    #[expect(dead_code, reason = "its type is the test")]
    fn the_future_of_a_service_is_send(
        request: Request<CheckpointAuditRequest>,
        desk: &Desk,
    ) -> impl Future<Output = Result<Response<String>, Status>> + Send {
        let store = desk.store.clone();
        open(request, desk, |call, message| async move {
            tokio::task::yield_now().await;
            Ok(format!("{} {} {}", store.id(), call.moment.id("entry", 0), message.request_id))
        })
    }

    /// As above, for a stream.
    #[expect(dead_code, reason = "its type is the test")]
    fn the_future_of_a_streaming_service_is_send(
        request: Request<WatchRequest>,
        desk: &Desk,
    ) -> impl Future<Output = Result<Response<Answers<WatchResponse>>, Status>> + Send {
        open_stream(request, desk, |_, message| async move {
            let first = WatchResponse { cursor: message.cursor, event: None };
            Ok(tokio_stream::iter([
                Ok(first),
                Err(Error::from(renkei_domain::refusal::Refusal::plain(Reason::Draining))),
            ]))
        })
    }
}
