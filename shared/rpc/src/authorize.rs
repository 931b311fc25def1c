//! The permission to call: a tower layer around all services of a port. It refuses a call before the body is read, and
//! refuses everything that no rule allows.
//!
//! The rules are those of the contract (`renkei.options.v1.rule`); the few rows of `FOREIGN`, for health and reflection,
//! are the only ones beside them.
//!
//! ```ignore
//! check_rules(Surface::Desk, &[ReferralServiceServer::<Referrals>::NAME, "grpc.health.v1.Health"])?;
//! let authorize = Authorize::new(Surface::Desk, own, callers, barred, source, metrics);
//! let (v1, v1alpha) = health::reflection(own)?;
//! let routes = Routes::new(readiness.server())
//!     .add_service(v1)
//!     .add_service(v1alpha)
//!     .add_service(ReferralServiceServer::new(referrals).max_decoding_message_size(DESK_MESSAGE_MAX));
//! serve(listener, authorize.layer(routes.prepare()), port, shutdown).await;
//! ```

mod rules;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use renkei_domain::{matter::is_official, moment::Source, refusal::Refusal};
use renkei_proto::{
    Rule, Sentence,
    options::v1::{Reason, Role, Surface},
    r#type::v1::{Agency, Purpose},
};
use renkei_telemetry::{Metrics, Traceparent, span, traceparent::traceparent_of};
use tokio::{
    sync::{Semaphore, SemaphorePermit, watch},
    time::{Instant, timeout_at},
};
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::{Instrument as _, Span};

pub use self::rules::{RuleError, check_rules};
use self::rules::{is_foreign, is_health, rule};
use crate::{
    client::TRACEPARENT, contract, deadline, error::Error, http2, identity::Kind, outcome::Underway, places::Places,
    serve::Connection,
};

/// Metadata key of the official on whose behalf a desk system calls.
pub const OFFICIAL: &str = "renkei-official";
/// Metadata key of the purpose. It is required if the rule asks for one, and is read in any case.
pub const PURPOSE: &str = "renkei-purpose";
/// The maximum number of calls in flight on one port. Health checks are not counted, so that a balancer does not
/// mistake a busy service for a dead one.
pub const IN_FLIGHT: usize = 1024;
/// The maximum number of calls in flight of one caller on one port.
pub const IN_FLIGHT_EACH: usize = 256;
/// The maximum size of the metadata of one call in bytes, counted as in HTTP/2: names, values, and 32 for each.
pub const METADATA_MAX: usize = 16 << 10;
/// The time after its deadline in which a unary call may still send its answer. Then its stream is reset.
const SENDS_FOR: Duration = Duration::from_millis(500);

/// The maximum number of lists that one caller reads at the same time. Further lists wait, so that they do not keep the
/// processor and the database connections from others.
pub const LISTS_EACH: usize = 2;

const CALLS_OF_ONE: &str = "calls in flight of one caller";

/// A calling system as it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The roles that the system has.
    pub roles: Vec<Role>,
    /// The unit on whose behalf it acts; empty for none.
    pub unit: String,
}

/// The calling systems by the URI in their certificate, such as `spiffe://ppc/desk/intake`.
pub type Callers = HashMap<String, Caller>;

/// The ids of the officials who are barred now.
pub type Barred = watch::Receiver<BTreeSet<String>>;

/// An authorised call. The layer puts it into the request's extensions.
#[derive(Clone, Debug)]
pub struct Authorized {
    /// The rule of the method.
    pub rule: &'static Rule,
    /// The URI of the calling system or of the peer's link.
    pub caller: String,
    /// The roles of the calling system.
    pub roles: Vec<Role>,
    /// The official on whose behalf it calls; empty on the link and for health and reflection.
    pub official: String,
    /// The caller's unit; empty on the link.
    pub unit: String,
    /// The purpose that the caller named; unspecified if it named none and the rule asks for none.
    pub purpose: Purpose,
    /// The trace context of this call; empty if there is none.
    pub traceparent: String,
    /// The time by which the call has to be answered; `None` for streams.
    pub deadline: Option<Instant>,
}

/// The layer. Clones share their counters.
#[derive(Clone)]
pub struct Authorize(Arc<Gate>);

impl Authorize {
    /// The layer of one port. `callers` are the desk's systems; the link has one caller, the peer. `barred` are the
    /// officials in whose name all calls are refused.
    #[must_use]
    pub fn new(
        surface: Surface,
        own: Agency,
        callers: Arc<Callers>,
        barred: Barred,
        source: Source,
        metrics: Metrics,
    ) -> Self {
        let methods = contract::POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let streaming = methods.filter(contract::is_streaming).map(|method| contract::path(&method)).collect();
        let message_max = match surface {
            Surface::Link => crate::limits::LINK_MESSAGE_MAX,
            Surface::Desk | Surface::Unspecified => crate::limits::DESK_MESSAGE_MAX,
        };
        let lists = callers.keys().map(|uri| (uri.clone(), Semaphore::new(LISTS_EACH))).collect();
        let (places, handled) = (Places::new(IN_FLIGHT, IN_FLIGHT_EACH), AtomicU64::new(0));
        Self(Arc::new(Gate {
            surface,
            own,
            callers,
            barred,
            source,
            metrics,
            streaming,
            message_max,
            places,
            lists,
            handled,
        }))
    }

    /// The number of calls that reached a service since the start.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.0.handled.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn places(&self) -> Places {
        self.0.places.clone()
    }
}

impl<S> Layer<S> for Authorize {
    type Service = Authorizing<S>;

    fn layer(&self, inner: S) -> Authorizing<S> {
        Authorizing { gate: self.0.clone(), inner }
    }
}

/// The services behind the layer.
#[derive(Clone)]
pub struct Authorizing<S> {
    gate: Arc<Gate>,
    inner: S,
}

impl<S, B> Service<Request<B>> for Authorizing<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone is not known to be ready, so the service that is ready handles this call.
        let fresh = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, fresh);
        let gate = self.gate.clone();
        Box::pin(async move { Ok(gate.serve(ready, request).await) })
    }
}

struct Gate {
    surface: Surface,
    own: Agency,
    callers: Arc<Callers>,
    barred: Barred,
    source: Source,
    metrics: Metrics,
    streaming: HashSet<String>,
    message_max: usize,
    places: Places,
    /// The places for lists, by the caller's URI.
    lists: HashMap<String, Semaphore>,
    handled: AtomicU64,
}

/// The caller, once it is certain.
struct Known<'a> {
    uri: &'a str,
    roles: &'a [Role],
    unit: &'a str,
}

impl Gate {
    async fn serve<S, B>(&self, mut inner: S, mut request: Request<B>) -> Response<Body>
    where
        S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    {
        let known = rule(self.surface, request.uri().path());
        let mut call = self.begin(known, request.headers());
        let span = call.span.clone();
        // All of it in one span, which is entered once each time that the call goes on.
        let answering = async {
            let authorized = self.admit(known, &mut call, &request)?;
            let deadline = authorized.deadline;
            let turn = self.turn(authorized.rule, authorized.caller.clone());
            // An answer that its client does not read is given up.
            deadline.into_iter().for_each(|deadline| http2::end_at(deadline + SENDS_FOR));
            request.extensions_mut().insert(authorized);
            self.handled.fetch_add(1, Ordering::Relaxed);
            let answer = async {
                let _turn = turn.await;
                inner.call(request).await
            };
            within(deadline, answer).await
        };
        let answer = answering.instrument(span).await;
        let response = answer.unwrap_or_else(|error| error.status(&self.source.moment()).into_http());
        call.answer(response)
    }

    /// Waits until the caller may read another list; other calls do not wait.
    async fn turn(&self, rule: &Rule, caller: String) -> Option<SemaphorePermit<'_>> {
        let is_list = rule.path.rsplit('/').next().is_some_and(|method| method.starts_with("List"));
        let lists = self.lists.get(&caller).filter(|_| is_list)?;
        lists.acquire().await.ok()
    }

    fn begin(&self, known: Option<&'static Rule>, headers: &HeaderMap) -> Underway {
        let method = known.map(|rule| rule.path.trim_start_matches('/'));
        let traceparent = single(headers, TRACEPARENT).once();
        Underway {
            span: span::rpc_server(method.unwrap_or_default(), known.is_some(), traceparent),
            method,
            begun: Instant::now(),
            metrics: self.metrics.clone(),
            source: self.source.clone(),
            message_max: self.message_max,
            place: None,
            deadline: None,
            over: false,
        }
    }

    fn admit<B>(
        &self,
        known: Option<&'static Rule>,
        call: &mut Underway,
        request: &Request<B>,
    ) -> Result<Authorized, Error> {
        let headers = request.headers();
        let size = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum::<usize>();
        if size > METADATA_MAX {
            return Err(Error::Full { reason: Reason::TooLarge, limit: "bytes of metadata", most: METADATA_MAX });
        }
        let judged = span::authorize().in_scope(|| self.judge(known, headers, request.extensions().get()));
        let mut authorized = judged.inspect_err(|refusal| log(known, refusal))?;
        if !is_health(authorized.rule) {
            let busy = |shortage| Error::short_of(shortage, Reason::Busy, ["calls in flight", CALLS_OF_ONE]);
            call.place = Some(self.places.take(&authorized.caller).map_err(busy)?);
        }
        if !self.streaming.contains(authorized.rule.path) {
            authorized.deadline = Some(deadline::of_unary(headers, call.begun));
            call.deadline = authorized.deadline;
        }
        authorized.traceparent = trace(&call.span, headers);
        Ok(authorized)
    }

    /// Judges the call in the order of the information that a stranger may receive: the existence of the method, then
    /// the caller's identity, then the caller's permissions.
    fn judge(
        &self,
        known: Option<&'static Rule>,
        headers: &HeaderMap,
        connection: Option<&Connection>,
    ) -> Result<Authorized, Refusal> {
        let rule = known.ok_or_else(|| Refusal::plain(Reason::MethodUnknown))?;
        let caller = self.caller(connection)?;
        if rule.surface != self.surface {
            return Err(Refusal::new(
                Reason::MethodUnknown,
                Sentence::for_developers("the method belongs to the other port"),
            ));
        }
        if !rule.served_by.contains(&self.own) {
            return Err(Refusal::plain(Reason::WrongSide));
        }
        if !rule.roles.iter().any(|role| caller.roles.contains(role)) {
            return Err(Refusal::new(Reason::RoleMissing, roles(rule)));
        }
        let asked = self.surface == Surface::Desk && !is_foreign(rule);
        let official = if asked { official(headers)? } else { String::new() };
        if self.barred.borrow().contains(&official) {
            return Err(Refusal::plain(Reason::OfficialBarred));
        }
        Ok(Authorized {
            rule,
            caller: caller.uri.to_owned(),
            roles: caller.roles.to_vec(),
            official,
            unit: caller.unit.to_owned(),
            purpose: if asked { purpose(headers, rule)? } else { Purpose::Unspecified },
            traceparent: String::new(),
            deadline: None,
        })
    }

    fn caller<'a>(&'a self, connection: Option<&'a Connection>) -> Result<Known<'a>, Refusal> {
        let nobody = |why: &str| Refusal::new(Reason::CertificateIdentityMissing, Sentence::for_developers(why));
        let unknown = |why: &str| Refusal::new(Reason::CallerUnknown, Sentence::for_developers(why));
        let connection = connection.ok_or_else(|| nobody("the connection has no certificate"))?;
        let identity = connection.identity().map_err(|error| nobody(&error.to_string()))?;
        if connection.is_revoked() {
            return Err(unknown("the certificate has been revoked"));
        }
        let uri = identity.uri();
        match (self.surface, identity.kind()) {
            (Surface::Desk, Kind::Desk(_)) if identity.domain() == self.own.id() => {
                let caller = self.callers.get(uri).ok_or_else(|| unknown("it is not in the configuration"))?;
                Ok(Known { uri, roles: &caller.roles, unit: &caller.unit })
            }
            (Surface::Link, Kind::Link) if identity.domain() == self.own.peer().id() => {
                Ok(Known { uri, roles: &[Role::Peer], unit: "" })
            }
            _ => Err(unknown("its certificate is not for this port")),
        }
    }
}

/// The answer, unless the deadline comes first. A call that is already late is not made.
async fn within(
    deadline: Option<Instant>,
    answer: impl Future<Output = Result<Response<Body>, Infallible>>,
) -> Result<Response<Body>, Error> {
    let answered = match deadline {
        None => answer.await,
        Some(deadline) => {
            let late = || Refusal::plain(Reason::Deadline).into();
            if deadline <= Instant::now() {
                return Err(late());
            }
            timeout_at(deadline, answer).await.map_err(|_| late())?
        }
    };
    match answered {
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}

fn official(headers: &HeaderMap) -> Result<String, Refusal> {
    let must = (
        "metadata renkei-official must be present once: 1 to 64 of A-Z a-z 0-9 . _ @ -",
        "役職員等の識別子を、メタデータ「renkei-official」に一度だけ指定してください。",
    );
    match single(headers, OFFICIAL) {
        Value::Absent => Err(Refusal::new(Reason::OfficialMissing, must)),
        Value::Once(text) if is_official(text) => Ok(text.to_owned()),
        Value::Once(_) | Value::Unclear => Err(Refusal::new(Reason::OfficialInvalid, must)),
    }
}

/// The purpose that the caller names; it may be absent if the rule asks for none.
fn purpose(headers: &HeaderMap, rule: &Rule) -> Result<Purpose, Refusal> {
    match single(headers, PURPOSE) {
        Value::Absent if !rule.purpose => Ok(Purpose::Unspecified),
        Value::Once(text) if let Some(purpose) = Purpose::from_id(text) => Ok(purpose),
        _ => Err(Refusal::new(
            Reason::PurposeMissing,
            (
                format!("metadata renkei-purpose: once, one of {}", purposes()),
                "利用目的を、メタデータ「renkei-purpose」に一度だけ指定してください。",
            ),
        )),
    }
}

fn purposes() -> String {
    let all = (1..).map_while(|number| Purpose::try_from(number).ok());
    all.map(Purpose::id).collect::<Vec<_>>().join(", ")
}

/// A key of the metadata, as a caller states it.
enum Value<'a> {
    Absent,
    Once(&'a str),
    /// It is there twice, so that two readers could use different values, or it is no text.
    Unclear,
}

impl<'a> Value<'a> {
    fn once(self) -> Option<&'a str> {
        match self {
            Self::Once(text) => Some(text),
            Self::Absent | Self::Unclear => None,
        }
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Value<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (None, _) => Value::Absent,
        (Some(Ok(text)), None) => Value::Once(text),
        _ => Value::Unclear,
    }
}

/// The trace context of this call. Without an exported span the caller's own is used.
fn trace(span: &Span, headers: &HeaderMap) -> String {
    let own = traceparent_of(span);
    if !own.is_empty() {
        return own;
    }
    let callers = single(headers, TRACEPARENT).once().and_then(Traceparent::parse);
    callers.map(|context| context.to_string()).unwrap_or_default()
}

fn roles(rule: &Rule) -> (String, String) {
    let names: Vec<String> = rule.roles.iter().map(|role| role.as_str_name().replace("ROLE_", "")).collect();
    let japanese: Vec<&str> = rule.roles.iter().map(|role| role.ja()).collect();
    let english = format!("one of {}", names.join(", ").to_lowercase());
    (english, format!("必要な権限：{}。", japanese.join("又は")))
}

fn log(known: Option<&'static Rule>, refusal: &Refusal) {
    let method = known.map_or("unknown", |rule| rule.path);
    tracing::info!(method, reason = refusal.reason.id(), why = %refusal.detail, "a call was refused");
}

#[cfg(test)]
pub(crate) mod tests;
