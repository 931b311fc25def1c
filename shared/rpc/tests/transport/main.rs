//! The transport from both ends: the accepted callers, the reasons for the others, and the end.
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod bounds;
mod fixture;
mod material;
mod refused;

use renkei_rpc::serve::Drained;
use rustls::{NamedGroup, ProtocolVersion};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;

use crate::fixture::{INTAKE, Running, SERVICE, Spec, World, ask, within};

#[tokio::test]
async fn a_trusted_client_is_served_and_every_layer_knows_it() {
    let world = World::new();
    let mut port = Running::start(&world.server_files(), Default::default()).await;
    let dial = world.dial(port.address, &world.client());

    let channel = dial.channel().unwrap();
    assert_eq!(ask(&channel).await, Ok(()));
    assert_eq!(ask(&channel).await, Ok(()));
    for _ in 0..2 {
        let caller = port.caller().await;
        assert_eq!(caller.uri.as_deref(), Ok(INTAKE));
        assert!(caller.connection.peer_addr().ip().is_loopback());
    }
    assert_eq!(within(dial.probe()).await.unwrap().uri(), SERVICE);
    assert_eq!((port.counters.accepted(), port.counters.refused()), (2, 0));
    assert_eq!(port.stop().await, Drained::Cleanly);
}

#[tokio::test]
async fn only_tls_13_with_a_hybrid_key_exchange_and_http2_is_agreed_on() {
    let world = World::new();
    let port = Running::start(&world.server_files(), Default::default()).await;
    let config = world.dial(port.address, &world.client()).tls.config();

    let tcp = tokio::net::TcpStream::connect(port.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut tls = within(TlsConnector::from(config).connect(name, tcp)).await.unwrap();
    // A ticket would precede the first bytes of HTTP/2.
    within(tls.read_exact(&mut [0; 9])).await.unwrap();
    let session = tls.get_ref().1;
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(session.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519MLKEM768);
    assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(session.tls13_tickets_received(), 0);
}

#[tokio::test]
async fn a_trusted_certificate_that_names_nobody_is_served_as_nobody() {
    let cases: [(&[&str], &str); 4] = [
        (&[], "names no URI"),
        (&[INTAKE, "spiffe://ppc/desk/other"], "several URIs"),
        (&["spiffe://ppc/desk/Intake"], "neither"),
        (&["spiffe://ppc/desk/*"], "neither"),
    ];
    let world = World::new();
    let mut port = Running::start(&world.server_files(), Default::default()).await;
    for (uris, words) in cases {
        let leaf = world.trusted.issue(&Spec { uris: uris.to_vec(), ..Spec::client() });
        assert_eq!(ask(&world.dial(port.address, &leaf).channel().unwrap()).await, Ok(()));
        let caller = port.caller().await;
        assert!(caller.uri.as_ref().unwrap_err().contains(words), "{caller:?}");
    }
}
