//! Authorities and certificates with fixed dates, so that no clock is needed, and a health
//! service behind the port under test.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
    date_time_ymd,
};
use renkei_rpc::connect::{Dial, explain};
use renkei_rpc::serve::{Connection, Counters, Drained, Limits, Port, Refused, serve};
use renkei_rpc::tls::{Files, Reloading};
use rustls::ServerConfig;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// The time limit of every wait; after it the test fails.
pub(crate) const BOUND: Duration = Duration::from_secs(10);

/// The instant at which the tests look at files, in unix seconds: in 2026.
pub(crate) const NOW: i64 = 1_793_491_200;

pub(crate) const SERVICE: &str = "spiffe://ppc/desk/service";
pub(crate) const INTAKE: &str = "spiffe://ppc/desk/intake";

/// The contents of a certificate.
#[derive(Clone)]
pub(crate) struct Spec {
    pub(crate) uris: Vec<&'static str>,
    pub(crate) years: (i32, i32),
    pub(crate) usages: Vec<KeyUsagePurpose>,
    pub(crate) purposes: Vec<ExtendedKeyUsagePurpose>,
}

impl Spec {
    pub(crate) fn client() -> Self {
        Self {
            uris: vec![INTAKE],
            years: (2020, 2090),
            usages: vec![KeyUsagePurpose::DigitalSignature],
            purposes: vec![ExtendedKeyUsagePurpose::ClientAuth],
        }
    }

    pub(crate) fn server() -> Self {
        Self { uris: vec![SERVICE], purposes: vec![ExtendedKeyUsagePurpose::ServerAuth], ..Self::client() }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "spiffe://ppc/desk/common-name");
        params.not_before = date_time_ymd(self.years.0, 1, 1);
        params.not_after = date_time_ymd(self.years.1, 1, 1);
        params.key_usages.clone_from(&self.usages);
        params.extended_key_usages.clone_from(&self.purposes);
        for uri in &self.uris {
            params.subject_alt_names.push(SanType::URI((*uri).try_into().unwrap()));
        }
        params
    }
}

/// A certificate with its key, both PEM.
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
    serial: SerialNumber,
}

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, spec: &Spec) -> Leaf {
        let key = KeyPair::generate().unwrap();
        // The first half of the key's own number: different for each certificate.
        let serial = SerialNumber::from_slice(&[&[0x5a], &key.public_key_raw()[1..12]].concat());
        let mut params = spec.params();
        params.serial_number = Some(serial.clone());
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Leaf { certificate, key: key.serialize_pem(), serial }
    }

    /// A revocation list that is valid until the year `until`, number 1.
    pub(crate) fn crl(&self, revoked: &[&Leaf], until: i32) -> String {
        self.numbered_crl(1, 2020, revoked, until)
    }

    /// A revocation list with this number, valid from the beginning of the year `from` to that of `until`.
    pub(crate) fn numbered_crl(&self, number: u64, from: i32, revoked: &[&Leaf], until: i32) -> String {
        let revoked_certs = revoked
            .iter()
            .map(|leaf| RevokedCertParams {
                serial_number: leaf.serial.clone(),
                revocation_time: date_time_ymd(2021, 1, 1),
                reason_code: None,
                invalidity_date: None,
            })
            .collect();
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(from, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

pub(crate) fn self_signed(spec: &Spec) -> Leaf {
    let key = KeyPair::generate().unwrap();
    let certificate = spec.params().self_signed(&key).unwrap().pem();
    Leaf { certificate, key: key.serialize_pem(), serial: SerialNumber::from(1) }
}

/// One trusted authority, one foreign one, and a folder for the files.
pub(crate) struct World {
    pub(crate) trusted: Authority,
    pub(crate) foreign: Authority,
    dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            trusted: Authority::new("trusted authority"),
            foreign: Authority::new("foreign authority"),
            dir: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Files of a party that trusts the trusted authority, without revocation lists.
    pub(crate) fn files(&self, name: &str, leaf: &Leaf) -> Files {
        Files {
            certificate: self.write(&format!("{name}.pem"), &leaf.certificate),
            key: self.write(&format!("{name}.key"), &leaf.key),
            roots: self.write(&format!("{name}.roots"), &self.trusted.pem()),
            crls: Vec::new(),
        }
    }

    /// Files of the server, with an empty revocation list.
    pub(crate) fn server_files(&self) -> Files {
        let mut files = self.files("server", &self.trusted.issue(&Spec::server()));
        files.crls = vec![self.write("server.crl", &self.trusted.crl(&[], 2090))];
        files
    }

    pub(crate) fn dial(&self, address: SocketAddr, leaf: &Leaf) -> Dial {
        Dial {
            address: address.to_string(),
            server_name: "localhost".to_owned(),
            peer: SERVICE.to_owned(),
            tls: Arc::new(Reloading::client(&self.files("client", leaf)).unwrap()),
            connect_timeout: BOUND,
        }
    }

    pub(crate) fn client(&self) -> Leaf {
        self.trusted.issue(&Spec::client())
    }
}

/// A port under test. The layer around its service records the callers.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<Reloading<ServerConfig>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) refusals: mpsc::Receiver<Refused>,
    pub(crate) callers: mpsc::UnboundedReceiver<Caller>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) ended: JoinHandle<Drained>,
    calls: Arc<AtomicU64>,
}

/// A caller as the layer saw it.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) uri: Result<String, String>,
    pub(crate) connection: Connection,
}

impl Running {
    pub(crate) async fn start(files: &Files, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = Arc::new(Reloading::server(files).unwrap());
        let counters = Arc::new(Counters::default());
        let (refusals_in, refusals) = mpsc::channel(64);
        let (callers_in, callers) = mpsc::unbounded_channel();
        let calls = Arc::new(AtomicU64::new(0));
        let counted = calls.clone();
        let (_, health) = tonic_health::server::health_reporter();
        let service = tower::ServiceBuilder::new()
            .map_request(move |request: http::Request<tonic::body::Body>| {
                counted.fetch_add(1, Ordering::SeqCst);
                let connection = request.extensions().get::<Connection>().unwrap();
                let uri = connection.identity().map(|peer| peer.uri().to_owned());
                let uri = uri.map_err(|error| error.to_string());
                let _ = callers_in.send(Caller { uri, connection: connection.clone() });
                request
            })
            .service(tonic::service::Routes::new(health).prepare());
        let port =
            Port { name: "desk", tls: tls.clone(), limits, counters: counters.clone(), refusals: Some(refusals_in) };
        let shutdown = CancellationToken::new();
        let ended = tokio::spawn(serve(listener, service, port, shutdown.clone()));
        Self { address, tls, counters, refusals, callers, shutdown, ended, calls }
    }

    /// The number of requests that reached the layers.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) async fn refused(&mut self) -> Refused {
        within(self.refusals.recv()).await.unwrap()
    }

    pub(crate) async fn caller(&mut self) -> Caller {
        within(self.callers.recv()).await.unwrap()
    }

    /// Stops the port and returns its end.
    pub(crate) async fn stop(self) -> Drained {
        self.shutdown.cancel();
        within(self.ended).await.unwrap()
    }
}

pub(crate) async fn within<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(BOUND, future.into_future()).await.unwrap()
}

/// Calls the health service; the error is the sentence for the caller.
pub(crate) async fn ask(channel: &Channel) -> Result<(), String> {
    let request = HealthCheckRequest { service: String::new() };
    within(HealthClient::new(channel.clone()).check(request)).await.map(|_| ()).map_err(|status| explain(&status))
}

/// The names of the cases in a table must differ, or a failure points to the wrong one.
pub(crate) fn assert_distinct<'a>(names: impl Iterator<Item = &'a str>) {
    let mut seen = HashMap::new();
    for name in names {
        assert_eq!(seen.insert(name, ()), None, "{name} twice");
    }
}
