//! Clients and servers that do not accept each other: no request is handled, and each side learns the reason.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use renkei_rpc::connect::{Dial, explain};
use renkei_rpc::serve::{Limits, Refusal};
use renkei_rpc::tls::Reloading;
use rustls::crypto::aws_lc_rs;
use rustls::{AlertDescription, ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::fixture::{Leaf, Running, Spec, World, ask, assert_distinct, self_signed, within};

struct Case {
    name: &'static str,
    leaf: Leaf,
    refusal: Refusal,
    told: &'static str,
}

fn cases(world: &World) -> Vec<Case> {
    let trusted = |spec: Spec| world.trusted.issue(&spec);
    let client = Spec::client;
    let case = |name, leaf, refusal, told| Case { name, leaf, refusal, told };
    vec![
        case("self-signed", self_signed(&client()), Refusal::UnknownIssuer, "does not trust the issuer"),
        case("other authority", world.foreign.issue(&client()), Refusal::UnknownIssuer, "does not trust the issuer"),
        case("expired", trusted(Spec { years: (2020, 2021), ..client() }), Refusal::Expired, "has expired"),
        case("not yet valid", trusted(Spec { years: (2089, 2090), ..client() }), Refusal::NotYetValid, "not valid yet"),
        case("server's certificate", trusted(Spec::server()), Refusal::WrongPurpose, "not meant for clients"),
        case(
            "purpose of another trade",
            trusted(Spec { purposes: vec![ExtendedKeyUsagePurpose::EmailProtection], ..client() }),
            Refusal::WrongPurpose,
            "not meant for clients",
        ),
        case(
            "key that may not sign",
            trusted(Spec { usages: vec![KeyUsagePurpose::KeyEncipherment], ..client() }),
            Refusal::WrongPurpose,
            "not meant for clients",
        ),
    ]
}

#[tokio::test]
async fn a_refused_client_is_told_why_and_no_request_is_handled() {
    let world = World::new();
    let mut files = world.server_files();
    let revoked = world.client();
    files.crls = vec![world.write("server.crl", &world.trusted.crl(&[&revoked], 2090))];
    let mut port = Running::start(&files, Limits::default()).await;
    let mut cases = cases(&world);
    cases.push(Case { name: "revoked", leaf: revoked, refusal: Refusal::Revoked, told: "has been revoked" });
    assert_distinct(cases.iter().map(|case| case.name));

    for case in &cases {
        let told = ask(&world.dial(port.address, &case.leaf).channel().unwrap()).await.unwrap_err();
        assert!(told.contains(case.told), "{}: {told}", case.name);
        let refused = port.refused().await;
        assert_eq!(refused.refusal, case.refusal, "{}", case.name);
        assert!(refused.serial.is_some(), "{}", case.name);

        // A client that does not wait for the verdict learns the same from its broken stream.
        let told = ask(&naive(port.address.to_string(), shown(&world, &case.leaf))).await.unwrap_err();
        assert!(told.contains(case.told), "{}, without waiting: {told}", case.name);
        assert_eq!(port.refused().await.refusal, case.refusal, "{}", case.name);
    }
    assert_eq!((port.calls(), port.counters.accepted()), (0, 0));
}

#[tokio::test]
async fn a_client_without_a_certificate_or_with_old_tls_is_refused() {
    let world = World::new();
    let mut port = Running::start(&world.server_files(), Limits::default()).await;

    let bare = config(&world, &rustls::version::TLS13).with_no_client_auth();
    let told = ask(&naive(port.address.to_string(), bare)).await.unwrap_err();
    assert!(told.contains("wants a client certificate"), "{told}");
    let refused = port.refused().await;
    assert_eq!((refused.refusal, refused.serial), (Refusal::NoCertificate, None));

    let (chain, key) = pair(&world.client());
    let old = config(&world, &rustls::version::TLS12).with_client_auth_cert(chain, key).unwrap();
    let told = ask(&naive(port.address.to_string(), old)).await.unwrap_err();
    assert!(told.contains("must be TLS 1.3"), "{told}");
    assert_eq!(port.refused().await.refusal, Refusal::ProtocolVersion);
    assert_eq!((port.calls(), port.counters.accepted()), (0, 0));
}

#[tokio::test]
async fn a_client_with_another_protocol_is_refused() {
    let world = World::new();
    let mut port = Running::start(&world.server_files(), Limits::default()).await;
    let mut config = shown(&world, &world.client());
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let told = ask(&naive(port.address.to_string(), config)).await.unwrap_err();
    assert!(told.contains("does not speak HTTP/2"), "{told}");
    assert_eq!(port.refused().await.refusal, Refusal::ApplicationProtocol);

    let mut plain = TcpStream::connect(port.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(port.refused().await.refusal, Refusal::NotTls);
    assert_eq!(port.counters.accepted(), 0);
}

#[tokio::test]
async fn without_a_valid_revocation_list_nobody_gets_in() {
    let world = World::new();
    let mut files = world.server_files();
    files.crls = vec![world.write("server.crl", &world.trusted.crl(&[], 2021))];
    let mut port = Running::start(&files, Limits::default()).await;
    let channel = world.dial(port.address, &world.client()).channel().unwrap();
    let told = ask(&channel).await.unwrap_err();
    assert!(told.contains("no current revocation list"), "{told}");
    assert_eq!(port.refused().await.refusal, Refusal::RevocationListExpired);

    files.crls = vec![world.write("foreign.crl", &world.foreign.crl(&[], 2090))];
    let mut port = Running::start(&files, Limits::default()).await;
    let channel = world.dial(port.address, &world.client()).channel().unwrap();
    assert!(ask(&channel).await.is_err());
    assert_eq!(port.refused().await.refusal, Refusal::RevocationUnknown);
    assert_eq!(port.calls(), 0);
}

#[tokio::test]
async fn a_server_that_is_not_the_expected_one_gets_no_request() {
    let world = World::new();
    let mut port = Running::start(&world.server_files(), Limits::default()).await;
    let leaf = world.client();
    let dial = || world.dial(port.address, &leaf);

    let other = Dial { peer: "spiffe://ipa/link".to_owned(), ..dial() };
    let told = ask(&other.channel().unwrap()).await.unwrap_err();
    assert!(told.contains("is answered by spiffe://ppc/desk/service instead of spiffe://ipa/link"), "{told}");

    let misnamed = Dial { server_name: "service.example".to_owned(), ..dial() };
    let told = ask(&misnamed.channel().unwrap()).await.unwrap_err();
    assert!(told.contains("not valid for the server name"), "{told}");

    let mut files = world.files("stranger", &leaf);
    files.roots = world.write("stranger.roots", &world.foreign.pem());
    let stranger = Dial { tls: Arc::new(Reloading::client(&files).unwrap()), ..dial() };
    let told = ask(&stranger.channel().unwrap()).await.unwrap_err();
    assert!(told.contains("not issued by an authority that we trust"), "{told}");

    assert_eq!(port.refused().await.refusal, Refusal::ClientAlert(AlertDescription::BadCertificate));
    assert_eq!(port.refused().await.refusal, Refusal::ClientAlert(AlertDescription::UnknownCA));
    assert_eq!(port.calls(), 0);
}

#[tokio::test]
async fn a_revoked_unfit_or_nameless_server_gets_no_request() {
    let world = World::new();
    let revoked = world.trusted.issue(&Spec::server());
    let mut port = Running::start(&world.files("server", &revoked), Limits::default()).await;
    let mut files = world.files("client", &world.client());
    files.crls = vec![world.write("client.crl", &world.trusted.crl(&[&revoked], 2090))];
    let tls = Arc::new(Reloading::client(&files).unwrap());
    let dial = Dial { tls: tls.clone(), ..world.dial(port.address, &world.client()) };
    let told = ask(&dial.channel().unwrap()).await.unwrap_err();
    assert!(told.contains("the peer's certificate has been revoked"), "{told}");
    assert_eq!(port.refused().await.refusal, Refusal::ClientAlert(AlertDescription::CertificateRevoked));

    let unfit = Spec { usages: vec![KeyUsagePurpose::KeyEncipherment], ..Spec::server() };
    let mut port = Running::start(&world.files("server", &world.trusted.issue(&unfit)), Limits::default()).await;
    let dial = Dial { address: port.address.to_string(), ..dial };
    let told = ask(&dial.channel().unwrap()).await.unwrap_err();
    assert!(told.contains("not meant for servers"), "{told}");
    assert_eq!(port.refused().await.refusal, Refusal::ClientAlert(AlertDescription::UnsupportedCertificate));

    let nameless = world.trusted.issue(&Spec { uris: Vec::new(), ..Spec::server() });
    let port = Running::start(&world.files("server", &nameless), Limits::default()).await;
    let dial = Dial { address: port.address.to_string(), ..dial };
    let told = within(dial.probe()).await.unwrap_err().to_string();
    assert!(told.contains("is not spiffe://ppc/desk/service") && told.contains("names no URI"), "{told}");
    assert_eq!(port.calls(), 0);
}

#[tokio::test]
async fn an_absent_peer_is_reported_as_absent() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = Dial { connect_timeout: Duration::from_millis(200), ..world.dial(address, &world.client()) };
    let told = ask(&silent.channel().unwrap()).await.unwrap_err();
    assert!(told.contains("did not answer in time during the TLS handshake"), "{told}");

    // The port stays taken without a listener, so that no other program gets it meanwhile.
    let away = TcpSocket::new_v4().unwrap();
    away.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let away = world.dial(away.local_addr().unwrap(), &world.client());
    let told = ask(&away.channel().unwrap()).await.unwrap_err();
    assert!(told.contains("nothing listens at 127.0.0.1"), "{told}");

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = world.dial(plain.local_addr().unwrap(), &world.client());
    let answer = async {
        let (mut tcp, _) = plain.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        // The socket stays open until the client has read the answer and left.
        let _ = tcp.read_to_end(&mut Vec::new()).await;
    };
    let (probed, ()) = within(async { tokio::join!(dial.probe(), answer) }).await;
    let told = probed.unwrap_err().to_string();
    assert!(told.contains("does not speak TLS"), "{told}");
}

#[test]
fn a_wrong_address_is_found_before_anything_is_sent() {
    let world = World::new();
    let good = world.dial("127.0.0.1:1".parse().unwrap(), &world.client());
    for address in ["", "localhost", "localhost:", ":50051", "localhost:99999", "a b:1", "localhost:http"] {
        let dial = Dial { address: address.to_owned(), ..good.clone() };
        assert!(dial.channel().unwrap_err().to_string().contains("host:port"), "{address}");
    }
    let dial = Dial { server_name: "not a name".to_owned(), ..good };
    assert!(dial.channel().unwrap_err().to_string().contains("neither a DNS name"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the status is what tonic makes of an error")]
fn an_error_of_unknown_kind_is_not_hidden() {
    let status = tonic::Status::from_error("the office is closed".into());
    assert!(explain(&status).contains("the office is closed"));
    let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    assert!(explain(&error).contains("closed the connection"));
}

/// A channel of a client that starts to speak as soon as its own side of the handshake is done.
fn naive(address: String, config: ClientConfig) -> Channel {
    let connector = TlsConnector::from(Arc::new(config));
    let connect = tower::service_fn(move |_: http::Uri| {
        let (connector, address) = (connector.clone(), address.clone());
        async move {
            let tcp = TcpStream::connect(address).await?;
            let name = "localhost".try_into().unwrap();
            connector.connect(name, tcp).await.map(TokioIo::new)
        }
    });
    Endpoint::from_static("http://localhost").connect_with_connector_lazy(connect)
}

fn config(
    world: &World,
    version: &'static SupportedProtocolVersion,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(world.trusted.pem().as_bytes()).unwrap()).unwrap();
    ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
}

fn pair(leaf: &Leaf) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap();
    (vec![certificate], PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap())
}

fn shown(world: &World, leaf: &Leaf) -> ClientConfig {
    let (chain, key) = pair(leaf);
    let mut config = config(world, &rustls::version::TLS13).with_client_auth_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}
