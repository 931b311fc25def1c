//! The sandbox: both services as processes on either database with a throw-away PKI, and the scenario on them.

use std::{net::SocketAddr, path::PathBuf};

use renkei_proto::{advice::v1::ListAdviceRequestsRequest, r#type::v1::Agency};

use crate::{
    acts::both,
    database::Engine,
    pair::Pair,
    pki,
    scenario::{Say, Scenario, start},
    setup::{AGENCIES, Choice},
};

/// Starts both services in a folder and walks through the scenario; on the engine of the run when none is named.
///
/// # Errors
/// The first thing that is not as it must be.
pub async fn walk(
    folder: Option<PathBuf>,
    seed: [u8; 32],
    engine: Option<Engine>,
    say: Say<'_>,
) -> Result<Pair, String> {
    walk_with(folder, seed, Choice { engine, ..Choice::default() }, say).await
}

/// As [`walk`], with what may differ between setups.
///
/// # Errors
/// The first thing that is not as it must be.
pub async fn walk_with(folder: Option<PathBuf>, seed: [u8; 32], choice: Choice, say: Say<'_>) -> Result<Pair, String> {
    let pair = Pair::processes(folder, start()?, seed, choice).await?;
    Scenario::new(pair.world(), seed, say).run().await?;
    Ok(pair)
}

/// The operator's view of each side: the status of the service, and the life of the scenario's advice request.
///
/// # Errors
/// Fails if a command line does not do its work.
pub async fn overview(pair: &Pair, options: &[&str]) -> Result<String, String> {
    let (ppc, _) = both(pair)?;
    let listed = ppc.list_advice_requests(ListAdviceRequestsRequest::default()).await;
    let listed = listed.map_err(|refused| format!("{refused:?}"))?;
    let request = listed.advice_requests.first().ok_or("the scenario left no advice request")?.name.clone();
    let mut text = String::new();
    for agency in AGENCIES {
        for command in [["status"].as_slice(), &["trace", &request]] {
            let arguments = [options, command].concat();
            let (code, said) = pair.command_line(agency, &arguments).await?;
            if code != Some(0) {
                return Err(format!("{} {}: {said}", agency.id(), arguments.join(" ")));
            }
            text.push_str(&format!("\n{} {}\n{said}", agency.id(), arguments.join(" ")));
        }
    }
    Ok(text)
}

/// The last line of a sandbox: how many entries were written, and that all are signed for and proven on both sides.
///
/// # Errors
/// Names the receipts or proofs that are missing.
pub async fn last_line(pair: &Pair) -> Result<String, String> {
    let mut entries = Vec::new();
    for agency in AGENCIES {
        let status = pair.side(agency).desk.link_status().await?;
        if status.backlog != 0 {
            return Err(format!("{} waits for receipts of {} entries", agency.id(), status.backlog));
        }
        entries.push(format!("{} {}", agency.id(), status.own_seq));
        let (code, text) = pair.command_line(agency, &["verify"]).await?;
        if code != Some(0) {
            return Err(format!("{}: the journals do not verify: {text}", agency.id()));
        }
    }
    Ok(format!("entries: {}, receipts complete, journals verified on both sides", entries.join(" ")))
}

/// Addresses, certificates and calls to paste.
pub fn invitation(pair: &Pair, root: &std::path::Path, collector: Option<SocketAddr>) -> String {
    let mut text = String::new();
    for agency in AGENCIES {
        let side = pair.side(agency);
        let shown = side.operator().map(|address| address.to_string()).unwrap_or_default();
        text.push_str(&format!(
            "{}\n  desk   https://{}\n  link   {} (the peer's port)\n  status http://{shown}/status, metrics at http://{shown}/metrics\n  traces and logs {}\n  config {}\n  log    {}\n  callers' certificates in {}\n",
            agency.id(),
            side.desk_wire.address(),
            side.link_wire.address(),
            collector.map_or_else(|| "go nowhere: name a collector with --collector".to_owned(), |it| format!("go to http://{it}")),
            pair.setup.dir.join(format!("{}.toml", agency.id())).display(),
            pair.setup.dir.join(format!("{}.log", agency.id())).display(),
            pair.setup.dir.join(agency.id()).join("callers").display(),
        ));
        for (caller, method, body, purpose) in calls(agency) {
            let files = pki::caller_files(&pair.setup.dir, agency.id(), caller);
            let purpose = if purpose.is_empty() { String::new() } else { format!(" -H 'renkei-purpose: {purpose}'") };
            text.push_str(&format!(
                "  buf curl --protocol grpc --schema {} --cert {} --key {} --cacert {} --servername localhost \\\n    -H 'renkei-official: tanaka'{purpose} -d '{body}' https://{}/{method}\n",
                root.join("proto").display(),
                files.certificate.display(),
                files.key.display(),
                files.roots.display(),
                side.desk_wire.address(),
            ));
        }
    }
    text
}

/// The place of both services' clock, and the way to move it. It runs on from the end of the scenario.
pub fn on_the_clock(pair: &Pair) -> String {
    let (file, ended) = (pair.setup.dir.join("clock"), pair.clock.now());
    let file = file.display();
    format!(
        "The clock of both services was at {ended} when the scenario ended, and runs on from there. Set it with\n  \
         echo \"2026-12-15T09:00:00+09:00 runs\" > {file}\n  \
         echo \"$(date +%Y-%m-%dT%H:%M:%S%:z) runs\" > {file}   # the time of this machine\n\
         Without `runs` it does not advance."
    )
}

/// Caller, method, request and purpose.
fn calls(agency: Agency) -> [(&'static str, &'static str, String, &'static str); 5] {
    let of_peer = || format!(r#"{{"parent":"agencies/{}"}}"#, agency.peer().id());
    [
        ("operator", "renkei.link.v1.LinkStatusService/GetLinkStatus", r#"{"name":"linkStatus"}"#.to_owned(), ""),
        ("operator", "renkei.agreement.v1.AgreementService/GetAgreement", r#"{"name":"agreement"}"#.to_owned(), ""),
        ("operator", "renkei.referral.v1.SchemeService/ListSchemes", of_peer(), ""),
        ("casework", "renkei.advice.v1.AdviceService/ListAdviceRequests", "{}".to_owned(), ""),
        ("sharing", "renkei.sharing.v1.ItemService/ListItems", of_peer(), "policy"),
    ]
}
