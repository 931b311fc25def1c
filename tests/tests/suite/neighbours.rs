//! One caller never closes a port to the others: its calls, connections and streams are bounded below the port's.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{net::SocketAddr, time::Duration};

use renkei_client::CallError;
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};
use renkei_rpc::tls::Files;
use renkei_tools::{
    acts::{both, refused},
    frames::{END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, RST_STREAM, frame, headers},
    pair::Pair,
    pki, raw,
    scenario::start,
};
use tokio::task::JoinSet;
use tonic::Code;

/// Nobody waits longer for something to happen.
const BOUND: Duration = Duration::from_secs(30);
const AGREEMENT: &str = "/renkei.agreement.v1.AgreementService/GetAgreement";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// A request for the agreement: its name, in field 1.
const ASK: &[u8] = b"\x0a\x09agreement";
const OFFICIAL: (&str, &str) = ("renkei-official", "tanaka");
/// Nothing is found out about such a path, and the smallest headers name it: method, scheme, path.
const SMALLEST: &[u8] = &[0x83, 0x87, 0x84];

async fn arranged(seed: u8) -> (Pair, SocketAddr, Files) {
    let pair = Pair::in_process(start().unwrap(), seed).await.unwrap();
    let (address, files) = (pair.ppc.desk_wire.address(), pki::caller_files(&pair.setup.dir, "ppc", "reader"));
    (pair, address, files)
}

/// The answer to a reader that asks for the agreement.
async fn told_to_the_reader(pair: &Pair) -> Result<(), CallError> {
    let channel = pair.ppc.desk.channel("reader").unwrap();
    let answer = tokio::time::timeout(BOUND, raw::call(&channel, AGREEMENT, ASK, &[OFFICIAL])).await.unwrap();
    answer.map(|_| ()).map_err(CallError::from)
}

/// Another system of the desk is served, and health is told to everybody, whatever the reader does.
async fn others_go_on(pair: &Pair) {
    let (ppc, _ipa) = both(pair).unwrap();
    tokio::time::timeout(BOUND, ppc.link()).await.unwrap().unwrap();
    let channel = pair.ppc.desk.channel("reader").unwrap();
    tokio::time::timeout(BOUND, raw::call(&channel, HEALTH, &[], &[])).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_that_reads_no_answers_uses_only_its_share_and_not_beyond_its_deadline() {
    let (mut pair, address, files) = arranged(41).await;
    let mut calls = JoinSet::new();
    for _ in 0..5 {
        let channel = raw::windowless(address, &files).unwrap();
        for _ in 0..220 {
            let channel = channel.clone();
            calls.spawn(async move {
                raw::call(&channel, AGREEMENT, ASK, &[OFFICIAL, ("grpc-timeout", "6S")]).await.map_err(CallError::from)
            });
        }
    }
    let first = tokio::time::timeout(BOUND, calls.join_next()).await.unwrap().unwrap().unwrap().unwrap_err();
    assert_eq!(first.limit, Some(("calls in flight of one caller".to_owned(), "256".to_owned())), "{first:?}");
    refused::<()>(Err(first), Reason::Busy, "");
    others_go_on(&pair).await;
    let (mut busy, mut late) = (1, 0);
    while let Some(ended) = tokio::time::timeout(BOUND, calls.join_next()).await.unwrap() {
        let ended = ended.unwrap().unwrap_err();
        match (ended.reason, ended.code) {
            (Reason::Busy, _) => busy += 1,
            // The stream is reset a moment after its deadline; the client may be the first to see that it is over.
            (_, Code::Cancelled | Code::DeadlineExceeded) => late += 1,
            _ => assert_eq!(format!("{ended:?}"), "busy, or not answered in time"),
        }
    }
    assert!(late >= 256 && busy > 0, "{late} late, {busy} busy");
    told_to_the_reader(&pair).await.unwrap();
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn the_places_of_unfinished_calls_are_free_when_their_connection_goes() {
    let (mut pair, address, files) = arranged(42).await;
    let mut connections = Vec::new();
    for _ in 0..2 {
        let mut connection = Frames::connect(address, &files, &[]).await.unwrap();
        for n in 0..128 {
            // The message never comes, and the deadline is far away.
            let begun = headers(AGREEMENT, &[OFFICIAL, ("grpc-timeout", "60S")]);
            connection.send(&frame(HEADERS, END_HEADERS, 2 * n + 1, &begun)).await.unwrap();
        }
        connections.push(connection);
    }
    let filled = async { while told_to_the_reader(&pair).await.is_ok() {} };
    tokio::time::timeout(BOUND, filled).await.unwrap();
    refused(told_to_the_reader(&pair).await, Reason::Busy, "");
    others_go_on(&pair).await;
    drop(connections);
    let freed = async { while told_to_the_reader(&pair).await.is_err() {} };
    tokio::time::timeout(BOUND, freed).await.unwrap();
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn one_caller_has_64_connections_and_the_next_one_is_closed() {
    let (mut pair, address, files) = arranged(43).await;
    // A connection that was let in sends its settings.
    let let_in = async || {
        let mut connection = Frames::connect(address, &files, &[]).await.ok()?;
        tokio::time::timeout(BOUND, connection.next()).await.unwrap().ok().map(|_| connection)
    };
    let mut connections = Vec::new();
    for n in 0..64 {
        connections.push(let_in().await.ok_or(n).unwrap());
    }
    assert!(let_in().await.is_none());
    let (ppc, _ipa) = both(&pair).unwrap();
    ppc.link().await.unwrap();
    connections.pop();
    let freed = async { while let_in().await.is_none() {} };
    tokio::time::timeout(BOUND, freed).await.unwrap();
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn a_burst_of_cancelled_calls_ends_no_connection_and_a_flood_does() {
    let (mut pair, address, files) = arranged(44).await;
    let mut connection = Frames::connect(address, &files, &[]).await.unwrap();
    let mut number = 1;
    let mut cancelled = |calls: usize| {
        let mut bytes = Vec::new();
        for _ in 0..calls {
            bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, number, SMALLEST));
            bytes.extend(frame(RST_STREAM, 0, number, &8_u32.to_be_bytes()));
            number += 2;
        }
        bytes
    };
    // In one record of TLS, so that the service reads all of it before it looks at the first call.
    connection.send(&cancelled(100)).await.unwrap();
    connection.send(&frame(PING, 0, 0, &[7; 8])).await.unwrap();
    let answer = tokio::time::timeout(BOUND, connection.next_of(&[PING, GOAWAY])).await.unwrap().unwrap();
    assert_eq!((answer.kind, answer.payload), (PING, vec![7; 8]));
    connection.send(&cancelled(600)).await.unwrap();
    let answer = tokio::time::timeout(BOUND, connection.next_of(&[GOAWAY])).await.unwrap().unwrap();
    // ENHANCE_YOUR_CALM.
    assert_eq!(answer.payload[4..8], [0, 0, 0, 11]);
    others_go_on(&pair).await;
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn too_much_metadata_refuses_its_own_call_and_no_other_on_the_connection() {
    let (mut pair, _, _) = arranged(45).await;
    let channel = pair.ppc.desk.channel("reader").unwrap();
    for size in [17 << 10, 40 << 10, 60 << 10] {
        let note: &'static str = Box::leak("n".repeat(size).into_boxed_str());
        let answer = raw::call(&channel, AGREEMENT, ASK, &[OFFICIAL, ("note", note)]).await.map_err(CallError::from);
        let limit = answer.as_ref().unwrap_err().limit.clone();
        assert_eq!(limit, Some(("bytes of metadata".to_owned(), "16384".to_owned())), "{answer:?}");
        refused(answer, Reason::TooLarge, "");
    }
    let note: &'static str = Box::leak("n".repeat(15 << 10).into_boxed_str());
    raw::call(&channel, AGREEMENT, ASK, &[OFFICIAL, ("note", note)]).await.unwrap();
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn the_peer_has_so_many_sessions_and_no_more() {
    let pair =
        Pair::one_sided(Agency::Ppc, start().unwrap(), 46, renkei_tools::setup::Choice::default()).await.unwrap();
    let files = pki::link_files(&pair.setup.dir, "ipa");
    let channel = raw::link(Agency::Ppc, pair.ppc.link_wire.address(), &files).unwrap();
    let mut sessions = JoinSet::new();
    for _ in 0..17 {
        let channel = channel.clone();
        sessions.spawn(async move { raw::silent(&channel, "/renkei.link.v1.LinkService/Exchange").await });
    }
    let one_too_many = async {
        loop {
            let ended = sessions.join_next().await.unwrap().unwrap().map_err(CallError::from);
            // The others are waited for until they ought to have sent a hello.
            if ended.as_ref().is_err_and(|refused| refused.reason == Reason::Busy) {
                return ended;
            }
        }
    };
    let ended = tokio::time::timeout(BOUND, one_too_many).await.unwrap();
    let limit = ended.as_ref().unwrap_err().limit.clone();
    assert_eq!(limit, Some(("sessions of the peer".to_owned(), "16".to_owned())), "{ended:?}");
    refused(ended, Reason::Busy, "");
}
