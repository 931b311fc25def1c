//! The Rust client: renewed certificates, repeated calls, case numbers.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{fs, path::Path, time::Duration};

use futures::future::join_all;
use renkei_client::{Answer, CaseNumber, Connection, Files, Service, answered};
use renkei_proto::{
    contract::v1::{WhoAmIRequest, WhoAmIResponse, contract_service_client::ContractServiceClient},
    r#type::v1::Agency,
};
use renkei_tools::{
    desk::{PATIENCE, TANAKA},
    pair::Pair,
    pki,
    scenario::start,
};

/// Puts the certificate and the key of one of PPC's systems into a folder.
fn outfit(pair: &Pair, caller: &str, folder: &Path) {
    let of_caller = pki::caller_files(&pair.setup.dir, "ppc", caller);
    fs::copy(of_caller.certificate, folder.join("certificate.pem")).unwrap();
    fs::copy(of_caller.key, folder.join("key.pem")).unwrap();
}

/// A connection to PPC's desk over its wire.
fn connection(pair: &Pair, files: &Files) -> Connection {
    let address = pair.ppc.desk_wire.address().to_string();
    let service = Service { agency: Agency::Ppc, address, server_name: "localhost".to_owned() };
    Connection::new(&service, files).unwrap()
}

/// The files of PPC's intake, as its folder has them.
fn files(pair: &Pair) -> Files {
    let files = pki::caller_files(&pair.setup.dir, "ppc", "intake");
    Files { certificate: files.certificate, key: files.key, roots: files.roots, crls: files.crls }
}

async fn caller(connection: &Connection) -> String {
    let client = ContractServiceClient::new(connection.on_behalf_of(TANAKA));
    answered(PATIENCE, async || client.clone().who_am_i(WhoAmIRequest {}).await).await.unwrap().caller
}

async fn throttled(connection: &Connection, limit: Duration) -> Answer<WhoAmIResponse> {
    let client = ContractServiceClient::new(connection.on_behalf_of(TANAKA));
    connection.answered(limit, async || client.clone().who_am_i(WhoAmIRequest {}).await).await
}

#[tokio::test]
async fn a_connection_shows_the_certificate_that_is_there_when_it_is_opened() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    outfit(&pair, "intake", folder.path());
    let of_folder = |name: &str| folder.path().join(name);
    let files = Files { certificate: of_folder("certificate.pem"), key: of_folder("key.pem"), ..files(&pair) };
    let connection = connection(&pair, &files);
    let wire = &pair.ppc.desk_wire;
    let reopen = || {
        wire.cut();
        wire.mend();
    };
    assert_eq!(caller(&connection).await, "spiffe://ppc/desk/intake");

    // An open connection stays as it is; the next one is that of the new certificate.
    outfit(&pair, "casework", folder.path());
    assert_eq!(caller(&connection).await, "spiffe://ppc/desk/intake");
    reopen();
    assert_eq!(caller(&connection).await, "spiffe://ppc/desk/casework");

    // Files that are only half replaced do not fit each other, and those before them go on.
    fs::copy(pki::caller_files(&pair.setup.dir, "ppc", "intake").key, folder.path().join("key.pem")).unwrap();
    reopen();
    assert_eq!(caller(&connection).await, "spiffe://ppc/desk/casework");
    fs::remove_file(folder.path().join("certificate.pem")).unwrap();
    reopen();
    assert_eq!(caller(&connection).await, "spiffe://ppc/desk/casework");
    outfit(&pair, "intake", folder.path());
    reopen();
    assert_eq!(caller(&connection).await, "spiffe://ppc/desk/intake");
}

#[tokio::test]
async fn a_connection_repeats_a_call_until_the_service_is_back() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let connection = connection(&pair, &files(&pair));
    pair.stop(Agency::Ppc).await.unwrap();
    let (started, found) = tokio::join!(pair.start(Agency::Ppc), throttled(&connection, PATIENCE));
    started.unwrap();
    assert_eq!(found.unwrap().caller, "spiffe://ppc/desk/intake");
}

/// Without a common limit, none of these calls would ever end.
#[tokio::test]
async fn the_calls_over_one_connection_share_their_repetitions() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let connection = connection(&pair, &files(&pair));
    pair.ppc.desk_wire.cut();
    let calls = (0..60).map(|_| throttled(&connection, Duration::MAX));
    for answer in join_all(calls).await {
        assert!(answer.unwrap_err().is_unanswered);
    }
    // A first attempt is always made.
    pair.ppc.desk_wire.mend();
    assert_eq!(throttled(&connection, Duration::ZERO).await.unwrap().caller, "spiffe://ppc/desk/intake");
}

#[test]
fn a_case_number_is_read_in_every_spelling_and_printed_in_one() {
    for spelling in ["甲-R08-ADV-0012", "甲－Ｒ０８－ＡＤＶ－００１２", "甲 令和8年 adv 12", "甲令和８年度ADV12"]
    {
        assert_eq!(spelling.parse::<CaseNumber>().unwrap().to_string(), "甲-R08-ADV-0012", "{spelling}");
    }
    assert!("agencies/ppc/adviceRequests/1".parse::<CaseNumber>().is_err());
}
