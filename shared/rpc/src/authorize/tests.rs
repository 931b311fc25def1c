#![expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]

use std::{convert::Infallible, future::pending, net::SocketAddr, sync::atomic::AtomicBool, time::Duration};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, ExtendedKeyUsagePurpose,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use renkei_domain::moment::Moment;
use renkei_proto::RULES;
use tonic::{Code, Status};
use tower::{ServiceExt as _, service_fn};

use super::{
    rules::{DESK, FOREIGN},
    *,
};
use crate::{
    error::reason_of,
    identity::{Identity, IdentityError},
    tls::{Files, Reloading},
};

pub(crate) const INTAKE: &str = "spiffe://ppc/desk/intake";
pub(crate) const GET_ENTRY: &str = "/renkei.evidence.v1.EvidenceService/GetEntry";
pub(crate) const LIST_ENTRIES: &str = "/renkei.evidence.v1.EvidenceService/ListEntries";
pub(crate) const ISSUE: &str = "/renkei.referral.v1.ReferralService/IssueReferral";
const GET_ITEM: &str = "/renkei.sharing.v1.ItemService/GetItem";
const GIVE_ADVICE: &str = "/renkei.advice.v1.AdviceGivingService/GiveAdvice";
const EXCHANGE: &str = "/renkei.link.v1.LinkService/Exchange";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
pub(crate) const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn params(uri: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1));
    params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.serial_number = Some(SerialNumber::from(5));
    params
}

/// A connection whose certificate names this URI.
pub(crate) fn named(uri: &str) -> Connection {
    let certificate = params(uri).self_signed(&key()).unwrap();
    connection(Identity::from_certificate(certificate.der()))
}

fn connection(identity: Result<Identity, IdentityError>) -> Connection {
    let (_, revoked) = tokio::sync::watch::channel(Arc::default());
    Connection::new(identity, SocketAddr::from(([127, 0, 0, 1], 1)), revoked)
}

/// A connection whose certificate names this URI and was revoked while the connection was open.
fn revoked(uri: &str) -> Connection {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, key()).unwrap();
    let key = key();
    let certificate = params(uri).signed_by(&key, &authority).unwrap();
    let crl = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(2090, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(5),
            revocation_time: date_time_ymd(2021, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let files = Files {
        certificate: write("certificate", certificate.pem()),
        key: write("key", key.serialize_pem()),
        roots: write("roots", authority.pem()),
        crls: vec![write("crl", crl.signed_by(&authority).unwrap().pem().unwrap())],
    };
    let revoked = Reloading::server(&files).unwrap().revoked();
    let identity = Identity::from_certificate(certificate.der());
    Connection::new(identity, SocketAddr::from(([127, 0, 0, 1], 1)), revoked)
}

fn layer(surface: Surface, roles: &[Role], barred: &[&str]) -> Authorize {
    let caller = Caller { roles: roles.to_vec(), unit: "first-unit".to_owned() };
    let callers = Callers::from([(INTAKE.to_owned(), caller)]);
    let source = Source::new(|| Moment::new(Timestamp::UNIX_EPOCH, [7; 32]));
    // Nobody is barred later, so the sender may be dropped.
    let (_, barred) = watch::channel(barred.iter().map(|id| (*id).to_owned()).collect());
    Authorize::new(surface, Agency::Ppc, Arc::new(callers), barred, source, Metrics::none())
}

pub(crate) fn desk(roles: &[Role]) -> Authorize {
    layer(Surface::Desk, roles, &[])
}

fn desk_barring(roles: &[Role], official: &str) -> Authorize {
    layer(Surface::Desk, roles, &[official])
}

/// A body that records whether it is read.
#[derive(Clone, Default)]
struct Watched(Arc<AtomicBool>);

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.store(true, Ordering::SeqCst);
        Poll::Ready(None)
    }
}

pub(crate) fn request<B>(
    path: &str,
    connection: Option<Connection>,
    metadata: &[(&'static str, &str)],
    body: B,
) -> Request<B> {
    let mut request = Request::builder().uri(path).body(body).unwrap();
    for (name, value) in metadata {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    if let Some(connection) = connection {
        request.extensions_mut().insert(connection);
    }
    request
}

fn trailers(status: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), http::HeaderValue::from_static(status))])
}

/// An answer of one message.
pub(crate) fn answered(status: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from_static(b"message")).with_trailers(async move { Some(Ok(trailers(status))) });
    Response::new(Body::new(body))
}

/// The reason of the refusal, after proof that no service saw the call and the body was not read; `None` if the call
/// passed.
async fn refusal(
    layer: &Authorize,
    path: &str,
    connection: Option<Connection>,
    metadata: &[(&'static str, &str)],
) -> Option<&'static str> {
    let before = layer.handled();
    let body = Watched::default();
    let service = layer.layer(service_fn(|_| async { Ok::<_, Infallible>(answered("0")) }));
    let response = service.oneshot(request(path, connection, metadata, body.clone())).await.unwrap();
    let reason = Status::from_header_map(response.headers()).map(|status| reason_of(&status).unwrap().id());
    assert_eq!(layer.handled() - before, u64::from(reason.is_none()));
    assert!(!body.0.load(Ordering::SeqCst), "the body was read");
    reason
}

#[tokio::test]
async fn refusals_come_in_their_order_and_before_the_body_is_read() {
    let intake = desk(&[Role::Intake]);
    let by = |uri: &str| Some(named(uri));
    let nobody = || Some(connection(Err(IdentityError::NoUri)));
    assert_eq!(refusal(&intake, "/renkei.none.v1.None/Get", nobody(), &[]).await, Some("METHOD_UNKNOWN"));
    assert_eq!(refusal(&intake, EXCHANGE, None, &[]).await, Some("CERTIFICATE_IDENTITY_MISSING"));
    assert_eq!(refusal(&intake, EXCHANGE, nobody(), &[]).await, Some("CERTIFICATE_IDENTITY_MISSING"));
    assert_eq!(refusal(&intake, EXCHANGE, Some(revoked(INTAKE)), &[]).await, Some("CALLER_UNKNOWN"));
    for stranger in ["spiffe://ppc/desk/other", "spiffe://ipa/desk/intake", "spiffe://ppc/link", "spiffe://ipa/link"] {
        assert_eq!(refusal(&intake, EXCHANGE, by(stranger), &[]).await, Some("CALLER_UNKNOWN"), "{stranger}");
    }
    assert_eq!(refusal(&intake, EXCHANGE, by(INTAKE), &[]).await, Some("METHOD_UNKNOWN"));
    assert_eq!(refusal(&desk(&[Role::Reader]), ISSUE, by(INTAKE), &[]).await, Some("ROLE_MISSING"));
    assert_eq!(refusal(&desk(&[]), ISSUE, by(INTAKE), &[]).await, Some("ROLE_MISSING"));
    assert_eq!(refusal(&intake, ISSUE, by(INTAKE), &[]).await, Some("OFFICIAL_MISSING"));
    let long = "a".repeat(65);
    for bad in ["", "suzuki taro", "suzuki/taro", "%E9%88%B4", &long] {
        assert_eq!(refusal(&intake, ISSUE, by(INTAKE), &[(OFFICIAL, bad)]).await, Some("OFFICIAL_INVALID"), "{bad}");
    }
    let twice = [(OFFICIAL, "a1"), (OFFICIAL, "a2")];
    assert_eq!(refusal(&intake, ISSUE, by(INTAKE), &twice).await, Some("OFFICIAL_INVALID"));
    assert_eq!(intake.handled(), 0);
    for good in ["A.b_c@d-9", &long[1..]] {
        assert_eq!(refusal(&intake, ISSUE, by(INTAKE), &[(OFFICIAL, good)]).await, None);
    }
    assert_eq!(intake.handled(), 2);
}

#[test]
fn the_other_side_the_purpose_and_whether_the_official_is_barred_are_judged_too() {
    let (sharing, connection) = (desk(&[Role::Sharing]), named(INTAKE));
    let judge = |layer: &Authorize, path: &str, metadata: &[(&'static str, &str)]| {
        let request = request("/", None, metadata, ());
        let judged = layer.0.judge(renkei_proto::rule(path), request.headers(), Some(&connection));
        judged.map(|authorized| authorized.purpose).map_err(|refusal| refusal.reason)
    };
    assert_eq!(judge(&desk(&[]), GIVE_ADVICE, &[]), Err(Reason::WrongSide));
    assert_eq!(judge(&sharing, GET_ITEM, &[(PURPOSE, "statistics")]), Err(Reason::OfficialMissing));
    assert_eq!(judge(&sharing, GET_ITEM, &[(OFFICIAL, "a1")]), Err(Reason::PurposeMissing));
    let of = |purpose| [(OFFICIAL, "a1"), (PURPOSE, purpose)];
    for bad in ["", "a/b", "*", "unspecified", "STATISTICS", "statistics "] {
        for path in [GET_ITEM, GET_ENTRY] {
            assert_eq!(judge(&sharing, path, &of(bad)), Err(Reason::PurposeMissing), "{bad} for {path}");
        }
    }
    assert_eq!(judge(&sharing, GET_ITEM, &of("statistics")), Ok(Purpose::Statistics));
    // A caller may also name one if the rule asks for none.
    assert_eq!(judge(&sharing, GET_ENTRY, &of("statistics")), Ok(Purpose::Statistics));
    assert_eq!(judge(&sharing, GET_ENTRY, &[(OFFICIAL, "a1")]), Ok(Purpose::Unspecified));
    let barring = desk_barring(&[Role::Sharing], "a1");
    assert_eq!(judge(&barring, GET_ITEM, &of("statistics")), Err(Reason::OfficialBarred));
    assert_eq!(judge(&barring, GET_ENTRY, &[(OFFICIAL, "a2")]), Ok(Purpose::Unspecified));
}

#[tokio::test]
async fn every_method_is_open_to_its_roles_and_to_no_others() {
    let connection = named(INTAKE);
    for role in DESK {
        let layer = desk(&[*role]);
        for rule in RULES.iter().chain(FOREIGN).filter(|rule| rule.surface == Surface::Desk) {
            let metadata = [(OFFICIAL, "a1"), (PURPOSE, "policy")];
            let found = refusal(&layer, rule.path, Some(connection.clone()), &metadata).await;
            let expected = match rule {
                rule if !rule.served_by.contains(&Agency::Ppc) => Some("WRONG_SIDE"),
                rule => (!rule.roles.contains(role)).then_some("ROLE_MISSING"),
            };
            assert_eq!(found, expected, "{role:?} {}", rule.path);
        }
    }
}

#[tokio::test]
async fn the_link_is_for_the_peer_alone() {
    let link = layer(Surface::Link, &[Role::Intake], &[]);
    for stranger in [INTAKE, "spiffe://ipa/desk/intake", "spiffe://ppc/link"] {
        assert_eq!(refusal(&link, EXCHANGE, Some(named(stranger)), &[]).await, Some("CALLER_UNKNOWN"), "{stranger}");
    }
    let peer = named("spiffe://ipa/link");
    for (path, expected) in
        [(EXCHANGE, None), (HEALTH, None), (REFLECTION, Some("METHOD_UNKNOWN")), (ISSUE, Some("METHOD_UNKNOWN"))]
    {
        assert_eq!(refusal(&link, path, Some(peer.clone()), &[]).await, expected, "{path}");
    }
}

#[tokio::test]
async fn health_and_reflection_are_for_every_caller_that_is_configured() {
    for role in DESK {
        for path in [HEALTH, REFLECTION] {
            assert_eq!(refusal(&desk(&[*role]), path, Some(named(INTAKE)), &[]).await, None, "{role:?} {path}");
        }
    }
    assert_eq!(
        refusal(&desk(&[Role::Intake]), REFLECTION, Some(named("spiffe://ppc/desk/stranger")), &[]).await,
        Some("CALLER_UNKNOWN")
    );
}

#[tokio::test]
async fn the_service_finds_who_calls() {
    let layer = desk(&[Role::Intake]);
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        let mut response = answered("0");
        response.extensions_mut().insert(request.extensions().get::<Authorized>().unwrap().clone());
        Ok::<_, Infallible>(response)
    }));
    let metadata = [(OFFICIAL, "a1"), (PURPOSE, "guidance"), (TRACEPARENT, TRACE), ("grpc-timeout", "2S")];
    let now = Instant::now();
    let response = service.oneshot(request(ISSUE, Some(named(INTAKE)), &metadata, ())).await.unwrap();
    let found = response.extensions().get::<Authorized>().unwrap();
    let texts = [&found.caller, &found.official, &found.unit, &found.traceparent];
    assert_eq!(texts, [INTAKE, "a1", "first-unit", TRACE]);
    assert_eq!((found.purpose, found.rule.path), (Purpose::Guidance, ISSUE));
    let left = found.deadline.unwrap() - now;
    assert!(left > Duration::from_secs(1) && left < Duration::from_secs(2), "{left:?}");
}

#[tokio::test]
async fn a_call_that_takes_too_long_ends_with_its_deadline() {
    let layer = desk(&[Role::Intake]);
    for timeout in ["30m", "0S"] {
        let service = layer.layer(service_fn(|_| pending::<Result<Response<Body>, Infallible>>()));
        let metadata = [(OFFICIAL, "a1"), ("grpc-timeout", timeout)];
        let response = service.oneshot(request(ISSUE, Some(named(INTAKE)), &metadata, ())).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!((status.code(), reason_of(&status)), (Code::DeadlineExceeded, Some(Reason::Deadline)));
    }
}

#[tokio::test]
async fn a_stream_has_no_deadline() {
    let layer = layer(Surface::Link, &[], &[]);
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        assert_eq!(request.extensions().get::<Authorized>().unwrap().deadline, None);
        Ok::<_, Infallible>(answered("0"))
    }));
    service.oneshot(request(EXCHANGE, Some(named("spiffe://ipa/link")), &[], ())).await.unwrap();
    assert_eq!(layer.handled(), 1);
}

#[test]
fn a_port_starts_only_with_rules_for_all_its_methods() {
    let contract: Vec<_> = contract::POOL.services().filter(|it| it.package_name().starts_with("renkei.")).collect();
    for service in &contract {
        let first = contract::path(&service.methods().next().unwrap());
        let own = renkei_proto::rule(&first).unwrap().surface;
        let other = if own == Surface::Desk { Surface::Link } else { Surface::Desk };
        assert_eq!(check_rules(own, &[service.full_name()]), Ok(()));
        assert_eq!(check_rules(other, &[service.full_name()]), Err(RuleError::WrongPort(first)));
    }
    let both = ["grpc.health.v1.Health"];
    assert_eq!((check_rules(Surface::Desk, &both), check_rules(Surface::Link, &both)), (Ok(()), Ok(())));
    for reflection in ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"] {
        assert_eq!(check_rules(Surface::Desk, &[reflection]), Ok(()));
        let path = format!("/{reflection}/ServerReflectionInfo");
        assert_eq!(check_rules(Surface::Link, &[reflection]), Err(RuleError::NoRule(path)));
    }
    let unknown = check_rules(Surface::Desk, &["renkei.none.v1.None"]);
    assert_eq!(unknown, Err(RuleError::UnknownService("renkei.none.v1.None".to_owned())));
}
