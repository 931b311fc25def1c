//! The control of everything that reads: a gRPC call that is answered with its own bytes, over the same mutual TLS, by
//! a process of its own.

use std::{
    convert::Infallible,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use http::uri::PathAndQuery;
use renkei_client::Raw;
use renkei_proto::r#type::v1::Agency;
use renkei_rpc::{
    serve::{Counters, Limits, Port},
    tls::Reloading,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, body::Body, client, server, transport::Channel};

use super::{
    load::{Load, load},
    services::CONNECTIONS,
};
use crate::{desk::Desk, desk::failure, pki};

/// The one method; the service answers to any.
const PATH: &str = "/renkei.bench.Echo/Echo";

/// Serves with PPC's certificates in a folder until the standard input ends, and prints its address.
///
/// # Errors
/// Fails if it cannot serve.
pub async fn serve(dir: &Path, say: impl FnOnce(String)) -> Result<(), String> {
    let tls = Reloading::server(&pki::desk_files(dir, Agency::Ppc.id())).map_err(|error| error.to_string())?;
    let port = Port {
        name: "echo",
        tls: Arc::new(tls),
        limits: Limits::default(),
        counters: Arc::new(Counters::default()),
        refusals: None,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| error.to_string())?;
    say(listener.local_addr().map_err(|error| error.to_string())?.to_string());
    let service = tower::service_fn(|request: http::Request<Body>| async {
        Ok::<_, Infallible>(server::Grpc::new(Raw).unary(tower::service_fn(back), request).await)
    });
    let shutdown = CancellationToken::new();
    let ending = shutdown.clone();
    std::thread::spawn(move || {
        // It ends with whoever started it.
        let _ = std::io::stdin().read(&mut [0]);
        ending.cancel();
    });
    renkei_rpc::serve::serve(listener, service, port, shutdown).await;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the control validates nothing")]
async fn back(request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Status> {
    Ok(Response::new(request.into_inner()))
}

/// The process that echoes.
pub(super) struct Echo {
    child: Child,
    address: SocketAddr,
    dir: PathBuf,
}

impl Echo {
    /// Starts it with the certificates of a setup's folder.
    ///
    /// # Errors
    /// Fails if it does not start.
    pub(super) async fn start(dir: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["echo", "--folder"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("the echo has no output")?;
        BufReader::new(output).read_line(&mut line).await.map_err(|error| error.to_string())?;
        let address = line.trim().parse().map_err(|_| "the echo did not start".to_owned())?;
        Ok(Self { child, address, dir: dir.to_owned() })
    }

    /// The id of the server's process; `None` once it has ended.
    pub(super) fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Echoes these bytes for this time, so many calls at once.
    ///
    /// # Errors
    /// Fails if a call is not answered.
    pub(super) async fn load(&self, bytes: Vec<u8>, in_flight: usize, time: Duration) -> Result<Load, String> {
        let desk = Desk::at(Agency::Ppc, &self.dir, self.address);
        let channels = (0..CONNECTIONS).map(|_| desk.channel("sharing")).collect::<Result<Vec<_>, _>>()?;
        load(in_flight, time, move |number| echo(channels[number % CONNECTIONS].clone(), bytes.clone())).await
    }
}

/// One call.
async fn echo(channel: Channel, body: Vec<u8>) -> Result<(), String> {
    let mut client = client::Grpc::new(channel);
    client.ready().await.map_err(|error| error.to_string())?;
    client.unary(Request::new(body), PathAndQuery::from_static(PATH), Raw).await.map(|_| ()).map_err(failure)
}
