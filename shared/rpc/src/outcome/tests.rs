#![expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]

use std::{convert::Infallible, future::pending, time::Duration};

use http::Request;
use http_body_util::{BodyExt as _, Full};
use renkei_proto::{
    evidence::v1::{
        CheckpointAuditRequest, CheckpointAuditResponse, GetEntryRequest, JournalEntry, ListAuditRecordsRequest,
        ListAuditRecordsResponse, ListEntriesRequest, ListEntriesResponse, LookUpMatterRequest, LookUpMatterResponse,
        Verification, VerifyJournalsRequest,
        evidence_service_client::EvidenceServiceClient,
        evidence_service_server::{EvidenceService, EvidenceServiceServer},
    },
    options::v1::Role,
};
use renkei_telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    service::Routes,
    transport::{Endpoint, Server},
};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

use super::*;
use crate::{
    authorize::{
        IN_FLIGHT_EACH, OFFICIAL,
        tests::{GET_ENTRY, INTAKE, ISSUE, LIST_ENTRIES, TRACE, answered, desk, named, request},
    },
    client::TRACEPARENT,
    validate::DESK_MESSAGE_MAX,
};

#[tokio::test]
async fn a_place_is_in_use_until_the_last_byte_and_one_call_too_many_is_busy() {
    let layer = desk(&[Role::Intake]);
    let places = layer.places();
    let connection = named(INTAKE);
    let ask = async || {
        let service = layer.layer(service_fn(|_| async { Ok::<_, Infallible>(answered("0")) }));
        service.oneshot(request(ISSUE, Some(connection.clone()), &[(OFFICIAL, "a1")], ())).await.unwrap()
    };
    let others: Vec<_> = (1..IN_FLIGHT_EACH).map(|_| places.take(INTAKE).unwrap()).collect();
    let first = ask().await;
    let status = Status::from_header_map(ask().await.headers()).unwrap();
    assert_eq!(reason_of(&status), Some(Reason::Busy));
    assert_eq!(layer.handled(), 1);
    assert_eq!(first.into_body().collect().await.unwrap().to_bytes(), "message");
    assert_eq!(places.in_use(), others.len());
    drop(ask().await);
    assert_eq!(places.in_use(), others.len());
}

#[test]
fn a_call_has_one_span_in_its_callers_trace_that_knows_how_it_ended() {
    // While there is only one dispatcher, tracing asks each thread for its own, and the first test to make a span on a
    // thread without one would switch that span off for all.
    let (second, _) = Telemetry::in_memory("renkei-test");
    let _second = second.dispatch();
    let ended = |metadata: &[(&'static str, &str)], answer: &'static str, read: bool| {
        let (telemetry, spans) = Telemetry::in_memory("renkei-test");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tracing::dispatcher::with_default(&telemetry.dispatch(), || {
            runtime.block_on(async {
                let service = desk(&[Role::Intake])
                    .layer(service_fn(move |_| async move { Ok::<_, Infallible>(answered(answer)) }));
                let response = service.oneshot(request(ISSUE, Some(named(INTAKE)), metadata, ())).await.unwrap();
                if read {
                    response.into_body().collect().await.unwrap();
                }
            });
        });
        let spans = spans.finished();
        let served = spans.into_iter().find(|span| span.kind == "server").unwrap();
        assert_eq!(served.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(served.name, ISSUE.trim_start_matches('/'));
        served.attributes["rpc.status_code"].clone()
    };
    let official = [(TRACEPARENT, TRACE), (OFFICIAL, "a1")];
    assert_eq!(ended(&official[..1], "0", false), "INVALID_ARGUMENT");
    assert_eq!(ended(&official, "0", true), "OK");
    assert_eq!(ended(&official, "14", true), "UNAVAILABLE");
    assert_eq!(ended(&official, "0", false), "CANCELLED");
}

/// A service that never answers, or with a fault.
struct Unreached;

#[tonic::async_trait]
impl EvidenceService for Unreached {
    async fn get_entry(&self, _: tonic::Request<GetEntryRequest>) -> Result<tonic::Response<JournalEntry>, Status> {
        pending().await
    }

    async fn look_up_matter(
        &self,
        _: tonic::Request<LookUpMatterRequest>,
    ) -> Result<tonic::Response<LookUpMatterResponse>, Status> {
        Err(Error::Fault("the tests look nothing up".to_owned()).into())
    }

    async fn list_entries(
        &self,
        _: tonic::Request<ListEntriesRequest>,
    ) -> Result<tonic::Response<ListEntriesResponse>, Status> {
        Err(Error::Fault("the tests ask for no list".to_owned()).into())
    }

    async fn checkpoint_audit(
        &self,
        _: tonic::Request<CheckpointAuditRequest>,
    ) -> Result<tonic::Response<CheckpointAuditResponse>, Status> {
        Err(Error::Fault("the tests ask for no checkpoint".to_owned()).into())
    }

    async fn verify_journals(
        &self,
        _: tonic::Request<VerifyJournalsRequest>,
    ) -> Result<tonic::Response<Verification>, Status> {
        Err(Error::Fault("the tests ask for no verification".to_owned()).into())
    }

    async fn list_audit_records(
        &self,
        _: tonic::Request<ListAuditRecordsRequest>,
    ) -> Result<tonic::Response<ListAuditRecordsResponse>, Status> {
        Err(Error::Fault("the tests ask for no records".to_owned()).into())
    }
}

/// The status of a call to the real service with these bytes as its one message.
async fn sent(path: &str, metadata: &[(&'static str, &str)], flag: u8, length: usize, message: &[u8]) -> Status {
    let layer = desk(&[Role::Auditor]);
    let service = EvidenceServiceServer::new(Unreached).max_decoding_message_size(DESK_MESSAGE_MAX);
    let frame = [&[flag], &u32::try_from(length).unwrap().to_be_bytes()[..], message].concat();
    let metadata: Vec<_> = [(OFFICIAL, "a1")].into_iter().chain(metadata.iter().copied()).collect();
    let body = Body::new(Full::new(Bytes::from(frame)));
    let request = request(path, Some(named(INTAKE)), &metadata, body);
    let response = layer.layer(Routes::new(service).prepare()).oneshot(request).await.unwrap();
    Status::from_header_map(response.headers())
        .unwrap_or_else(|| Error::because(Reason::NotFound, renkei_proto::Sentence::default()).into())
}

#[tokio::test]
async fn a_refusal_by_tonic_itself_gets_details_too() {
    let given = |status: &Status| (status.code(), reason_of(status).unwrap());
    let malformed = (Code::InvalidArgument, Reason::Malformed);
    assert_eq!(given(&sent(GET_ENTRY, &[], 0, 2, b"\xff\xff").await), malformed);
    assert_eq!(given(&sent(GET_ENTRY, &[], 0, 9, b"\x0a").await), malformed);
    assert_eq!(given(&sent(GET_ENTRY, &[], 7, 1, b"\x0a").await), malformed);
    assert_eq!(given(&sent(GET_ENTRY, &[], 1, 1, b"\x0a").await), malformed);
    let compressed = sent(GET_ENTRY, &[("grpc-encoding", "gzip")], 1, 1, b"\x0a").await;
    assert_eq!(given(&compressed), (Code::Unimplemented, Reason::Compressed));
    let large = sent(GET_ENTRY, &[], 0, DESK_MESSAGE_MAX + 1, b"").await;
    assert_eq!(given(&large), (Code::ResourceExhausted, Reason::TooLarge));
    assert!(large.message().contains("at most 2097152 bytes in a message"));
}

#[tokio::test]
async fn a_service_that_is_not_mounted_is_an_unknown_method() {
    let layer = desk(&[Role::Intake]);
    let request = request(ISSUE, Some(named(INTAKE)), &[(OFFICIAL, "a1")], Body::empty());
    let response = layer.layer(Routes::default()).oneshot(request).await.unwrap();
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!(reason_of(&status), Some(Reason::MethodUnknown));
}

#[tokio::test]
async fn the_details_of_a_service_stay_as_they_are() {
    let status = sent(LIST_ENTRIES, &[], 0, 0, b"").await;
    assert_eq!(reason_of(&status), Some(Reason::Internal));
    assert!(status.message().ends_with("Id: -"));
}

#[tokio::test]
async fn a_status_behind_the_messages_gets_details_too() {
    let layer = desk(&[Role::Intake]);
    for (status, reason) in [("13", Some(Reason::Internal)), ("5", Some(Reason::NotFound)), ("1", None)] {
        let service = layer.layer(service_fn(move |_| async move { Ok::<_, Infallible>(answered(status)) }));
        let request = request(ISSUE, Some(named(INTAKE)), &[(OFFICIAL, "a1")], ());
        let body = service.oneshot(request).await.unwrap().into_body();
        assert!(!body.is_end_stream());
        let collected = body.collect().await.unwrap();
        let status = Status::from_header_map(collected.trailers().unwrap()).unwrap();
        assert_eq!(reason_of(&status), reason);
    }
}

/// The real client and the real server each end the call by themselves at the same deadline.
#[tokio::test]
async fn a_late_answer_arrives_with_its_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connection = named(INTAKE);
    let service = ServiceBuilder::new()
        .map_request(move |mut request: Request<Body>| {
            request.extensions_mut().insert(connection.clone());
            request
        })
        .layer(desk(&[Role::Auditor]))
        .service(Routes::new(EvidenceServiceServer::new(Unreached)).prepare());
    let serving = tokio::spawn(Server::builder().serve_with_incoming(service, TcpListenerStream::new(listener)));

    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    // If the machine pauses for the 20 ms between the two, the client's own clock wins, so the test may ask again.
    for attempt in 0.. {
        let mut request = tonic::Request::new(GetEntryRequest { name: "agencies/ppc/entries/1".to_owned() });
        request.metadata_mut().insert(OFFICIAL, "a1".parse().unwrap());
        request.set_timeout(Duration::from_millis(200));
        let status = EvidenceServiceClient::new(channel.clone()).get_entry(request).await.unwrap_err();
        if reason_of(&status).is_some() || attempt == 20 {
            assert_eq!((status.code(), reason_of(&status)), (Code::DeadlineExceeded, Some(Reason::Deadline)));
            break;
        }
    }
    serving.abort();
}
