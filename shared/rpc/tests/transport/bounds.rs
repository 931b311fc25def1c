//! The bounds of the transport: handshakes, connections, their age, and the end.

use std::time::Duration;

use renkei_rpc::connect::{explain, is_broken};
use renkei_rpc::serve::{Drained, Limits, Refusal};
use rustls::ClientConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Streaming;
use tonic::transport::Channel;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::fixture::{Leaf, NOW, Running, SERVICE, Spec, World, ask, within};

/// The first bytes of an HTTP/2 client, with empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn the_end_comes_in_time_with_an_idle_and_a_half_open_client() {
    let world = World::new();
    let limits = Limits { drain: Duration::from_millis(500), ..Limits::default() };
    let port = Running::start(&world.server_files(), limits.clone()).await;
    let idle = world.dial(port.address, &world.client()).channel().unwrap();
    assert_eq!(ask(&idle).await, Ok(()));
    let mut half_open = raw(&world, &port).await;
    half_open.write_all(PREFACE).await.unwrap();
    half_open.read_exact(&mut [0; 9]).await.unwrap();

    let counters = port.counters.clone();
    let began = tokio::time::Instant::now();
    assert_eq!(port.stop().await, Drained::ByForce);
    // The bound covers the drain, at most a second for cutting, and some room for a busy machine.
    assert!(began.elapsed() < limits.drain + Duration::from_secs(4));
    assert!(counters.cut() >= 1, "the half-open one was cut");
    within(half_open.read_to_end(&mut Vec::new())).await.unwrap_err();
}

#[tokio::test]
async fn an_idle_client_does_not_delay_the_end() {
    let world = World::new();
    let patient = Limits { drain: Duration::from_secs(600), ..Limits::default() };
    let port = Running::start(&world.server_files(), patient).await;
    let idle = world.dial(port.address, &world.client()).channel().unwrap();
    assert_eq!(ask(&idle).await, Ok(()));
    let address = port.address;
    assert_eq!(port.stop().await, Drained::Cleanly);
    let told = ask(&idle).await.unwrap_err();
    assert!(told.contains("nothing listens"), "{told}");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn silent_clients_keep_nobody_out_and_are_dropped() {
    let world = World::new();
    let limits = Limits { pending: 8, handshake_timeout: Duration::from_secs(2), ..Limits::default() };
    let mut port = Running::start(&world.server_files(), limits).await;
    let mut mute = Vec::new();
    for _ in 0..8 {
        mute.push(TcpStream::connect(port.address).await.unwrap());
    }
    // The ninth is served although eight have not begun and there are only eight places.
    assert_eq!(ask(&world.dial(port.address, &world.client()).channel().unwrap()).await, Ok(()));
    assert_eq!(port.refused().await.refusal, Refusal::MadeRoom);
    for _ in 1..mute.len() {
        assert_eq!(port.refused().await.refusal, Refusal::Timeout);
    }
    assert_eq!((port.counters.accepted(), port.counters.refused()), (1, 8));
}

#[tokio::test]
async fn one_caller_does_not_use_all_connections() {
    let world = World::new();
    let limits = Limits { connections: 4, connections_each: 2, ..Limits::default() };
    let mut port = Running::start(&world.server_files(), limits).await;
    let (one, other) = (world.client(), world.trusted.issue(&Spec { uris: vec![SERVICE], ..Spec::client() }));
    let dial = |leaf: &Leaf| world.dial(port.address, leaf).channel().unwrap();
    let (first, second, third, neighbour) = (dial(&one), dial(&one), dial(&one), dial(&other));
    assert_eq!((ask(&first).await, ask(&second).await), (Ok(()), Ok(())));
    assert!(ask(&third).await.is_err());
    assert_eq!(port.refused().await.refusal, Refusal::FullOfOne(2));
    assert_eq!(ask(&neighbour).await, Ok(()));

    drop(first);
    let freed = async { while ask(&third).await.is_err() {} };
    within(freed).await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_the_place_comes_free_again() {
    let world = World::new();
    let limits = Limits { connections: 1, ..Limits::default() };
    let mut port = Running::start(&world.server_files(), limits).await;
    let first = world.dial(port.address, &world.client()).channel().unwrap();
    assert_eq!(ask(&first).await, Ok(()));
    let second = world.dial(port.address, &world.client()).channel().unwrap();
    let told = ask(&second).await.unwrap_err();
    assert!(told.contains("without giving a reason"), "{told}");
    assert_eq!(port.refused().await.refusal, Refusal::Full(1));
    assert_eq!(ask(&first).await, Ok(()));

    drop(first);
    let freed = async { while ask(&second).await.is_err() {} };
    within(freed).await;
}

#[tokio::test]
async fn a_connection_beyond_its_age_and_grace_is_cut() {
    let world = World::new();
    let moment = Duration::from_millis(300);
    let limits = Limits { connection_age: moment, connection_grace: moment, ..Limits::default() };
    let port = Running::start(&world.server_files(), limits).await;
    let channel = world.dial(port.address, &world.client()).channel().unwrap();
    let mut stream = watch(&channel).await;
    assert!(within(stream.message()).await.is_err());
    assert_eq!(port.counters.cut(), 1);
    assert_eq!(ask(&channel).await, Ok(()), "a new connection replaces it");
}

#[tokio::test]
async fn an_old_connection_is_exchanged_and_no_call_fails_twice() {
    let world = World::new();
    let limits = Limits { connection_age: Duration::from_millis(300), ..Limits::default() };
    let port = Running::start(&world.server_files(), limits).await;
    let mut health = HealthClient::new(world.dial(port.address, &world.client()).channel().unwrap());
    let request = HealthCheckRequest { service: String::new() };
    let exchanged = async {
        while port.counters.accepted() < 3 {
            if let Err(status) = health.check(request.clone()).await {
                assert!(is_broken(&status), "{status:?}");
                health.check(request.clone()).await.unwrap();
            }
        }
    };
    within(exchanged).await;
    assert_eq!(port.counters.cut(), 0);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the status is what tonic makes of a deadline")]
async fn a_call_that_was_answered_or_has_no_time_left_is_not_broken() {
    let world = World::new();
    let port = Running::start(&world.server_files(), Limits::default()).await;
    let mut health = HealthClient::new(world.dial(port.address, &world.client()).channel().unwrap());
    let unknown = HealthCheckRequest { service: "nobody".to_owned() };
    let status = within(health.check(unknown)).await.unwrap_err();
    assert!(!is_broken(&status), "{status:?}");
    assert!(explain(&status).contains("the peer answered"), "{}", explain(&status));

    let status = tonic::Status::from_error(Box::new(tonic::TimeoutExpired(())));
    assert!(!is_broken(&status), "{status:?}");
    assert!(explain(&status).contains("within its deadline"), "{}", explain(&status));
}

#[tokio::test]
async fn a_client_that_is_silent_after_its_handshake_is_cut_and_others_may_rest() {
    let world = World::new();
    let limits = Limits { handshake_timeout: Duration::from_secs(1), ..Limits::default() };
    let port = Running::start(&world.server_files(), limits).await;
    let resting = world.dial(port.address, &world.client()).channel().unwrap();
    assert_eq!(ask(&resting).await, Ok(()));
    let mut silent = raw(&world, &port).await;
    within(silent.read_to_end(&mut Vec::new())).await.unwrap_err();
    assert_eq!(ask(&resting).await, Ok(()));
    assert_eq!((port.counters.accepted(), port.counters.cut()), (2, 1));
}

#[tokio::test]
async fn a_handshake_that_stalls_half_way_keeps_nobody_out() {
    let world = World::new();
    let limits = Limits { pending: 1, ..Limits::default() };
    let port = Running::start(&world.server_files(), limits).await;
    let dial = world.dial(port.address, &world.client());
    let mut stalled = TcpStream::connect(port.address).await.unwrap();
    let mut session = ClientConnection::new(dial.tls.config(), "localhost".try_into().unwrap()).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    stalled.write_all(&hello).await.unwrap();
    // The server's answer shows that the handshake has begun.
    stalled.read_exact(&mut [0; 5]).await.unwrap();
    assert_eq!(ask(&dial.channel().unwrap()).await, Ok(()));
    assert_eq!(port.counters.refused(), 1, "the stalled one made room");
}

#[tokio::test]
async fn a_revoked_client_is_cut_off_while_it_is_connected() {
    let world = World::new();
    let mut files = world.server_files();
    let mut port = Running::start(&files, Limits::default()).await;
    let (revoked, other) = (world.client(), world.client());
    let channel = world.dial(port.address, &revoked).channel().unwrap();
    let unaffected = world.dial(port.address, &other).channel().unwrap();
    let mut stream = watch(&channel).await;
    let mut stays = watch(&unaffected).await;
    while port.callers.try_recv().is_ok() {}

    files.crls = vec![world.write("server.crl", &world.trusted.crl(&[&revoked], 2090))];
    port.tls.reload(&files, NOW).whole().unwrap();
    assert!(within(stream.message()).await.is_err());
    assert_eq!(port.counters.cut(), 1);
    let told = ask(&channel).await.unwrap_err();
    assert!(told.contains("our certificate has been revoked"), "{told}");
    assert_eq!(port.refused().await.refusal, Refusal::Revoked);
    assert_eq!(port.callers.try_recv().unwrap_err(), mpsc::error::TryRecvError::Empty);

    assert_eq!(ask(&unaffected).await, Ok(()));
    assert!(tokio::time::timeout(Duration::from_millis(1), stays.message()).await.is_err());
}

#[tokio::test]
async fn a_handler_sees_at_once_that_its_callers_certificate_was_revoked() {
    let world = World::new();
    let mut files = world.server_files();
    let mut port = Running::start(&files, Limits::default()).await;
    let leaf = world.client();
    assert_eq!(ask(&world.dial(port.address, &leaf).channel().unwrap()).await, Ok(()));
    let connection = port.caller().await.connection;
    assert!(!connection.is_revoked());
    assert!(!port.tls.is_revoked(connection.identity().unwrap()));

    files.crls = vec![world.write("server.crl", &world.trusted.crl(&[&leaf], 2090))];
    port.tls.reload(&files, NOW).whole().unwrap();
    assert!(connection.is_revoked());
    assert!(port.tls.is_revoked(connection.identity().unwrap()));
}

#[tokio::test]
async fn a_server_that_is_revoked_while_connected_is_cut_off_too() {
    let world = World::new();
    let leaf = world.trusted.issue(&crate::fixture::Spec::server());
    let port = Running::start(&world.files("server", &leaf), Limits::default()).await;
    let dial = world.dial(port.address, &world.client());
    let channel = dial.channel().unwrap();
    let mut stream = watch(&channel).await;

    let mut files = world.files("client", &world.client());
    files.crls = vec![world.write("client.crl", &world.trusted.crl(&[&leaf], 2090))];
    dial.tls.reload(&files, NOW).whole().unwrap();
    let status = within(stream.message()).await.unwrap_err();
    let told = explain(&status);
    assert!(told.contains("the peer's certificate has been revoked"), "{told}");
}

/// A stream that stays open by itself; its first message has been read.
async fn watch(channel: &Channel) -> Streaming<HealthCheckResponse> {
    let request = HealthCheckRequest { service: String::new() };
    let mut stream = within(HealthClient::new(channel.clone()).watch(request)).await.unwrap().into_inner();
    within(stream.message()).await.unwrap().unwrap();
    stream
}

/// A connection with a finished handshake and nothing sent on it.
async fn raw(world: &World, port: &Running) -> TlsStream<TcpStream> {
    let config = world.dial(port.address, &world.client()).tls.config();
    let tcp = TcpStream::connect(port.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    within(TlsConnector::from(config).connect(name, tcp)).await.unwrap()
}
