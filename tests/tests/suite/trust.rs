//! Trust material that gets worse while a service runs: what is in use stays in use, and every sign tells of it.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{path::Path, time::Duration};

use renkei_proto::r#type::v1::Agency;
use renkei_tools::{
    http::get,
    pair::Pair,
    pki, raw,
    scenario::start,
    setup::{AGENCIES, Choice},
};
use serde_json::Value;

/// Nobody waits longer for a service to do what it was told.
const BOUND: Duration = Duration::from_secs(20);

/// Tells whether PPC's desk lets a caller in, on a connection of its own.
async fn is_let_in(pair: &Pair, caller: &str) -> bool {
    let channel = pair.ppc.desk.channel(caller).unwrap();
    raw::call(&channel, "/grpc.health.v1.Health/Check", &[], &[]).await.is_ok()
}

/// Makes PPC look at its files until `status` tells of exactly these faults: port and words.
async fn told(pair: &Pair, faults: &[(&str, &str)]) {
    let mut seen = Value::Null;
    let looking = async {
        loop {
            pair.hang_up(Agency::Ppc).unwrap();
            let (_, text) = get(pair.ppc.operator().unwrap(), "/status").await.unwrap();
            seen = serde_json::from_str::<Value>(&text).unwrap()["trust_faults"].clone();
            let all = seen.as_array().unwrap();
            let is = |(port, words): &(&str, &str)| {
                all.iter().any(|it| it["port"] == *port && it["why"].as_str().unwrap().contains(words))
            };
            if all.len() == faults.len() && faults.iter().all(is) {
                return;
            }
        }
    };
    if tokio::time::timeout(BOUND, looking).await.is_err() {
        assert_eq!(seen, format!("{faults:?}"), "the faults after {BOUND:?}");
    }
}

/// The revocation list of the link that is in use at PPC, as `status` names it.
async fn in_use(pair: &Pair) -> String {
    let (_, text) = get(pair.ppc.operator().unwrap(), "/status").await.unwrap();
    let status = serde_json::from_str::<Value>(&text).unwrap();
    let mut all = status["trust"].as_array().unwrap().iter();
    let list = all.find(|it| it["port"] == "link" && it["what"] == "revocation list").unwrap();
    list["version"].as_str().unwrap().to_owned()
}

/// Every sign tells of these words, or none tells of anything.
async fn every_sign(pair: &Pair, words: &str) {
    for task in ["check", "doctor"] {
        let (code, text) = pair.command_line(Agency::Ppc, &[task]).await.unwrap();
        assert_eq!((code, text.contains(words)), (Some(i32::from(!words.is_empty())), true), "{task}: {text}");
    }
    let (_, table) = pair.command_line(Agency::Ppc, &["status"]).await.unwrap();
    assert!(table.contains(words) && table.contains("trust  ") != words.is_empty(), "{table}");
    let (_, metrics) = get(pair.ppc.operator().unwrap(), "/metrics").await.unwrap();
    let faults: u64 = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("renkei_trust_faults{"))
        .filter_map(|line| line.split_once("} ")?.1.parse::<u64>().ok())
        .sum();
    assert_eq!(faults == 0, words.is_empty(), "{metrics}");
}

fn put(file: &Path, text: &str) {
    pki::write(file, text).unwrap();
}

#[tokio::test]
async fn a_revoked_caller_does_not_come_in_again_by_a_list_that_is_older_ended_or_of_another_authority() {
    let mut pair = Pair::processes(None, start().unwrap(), [31; 32], Choice::default()).await.unwrap();
    let dir = pair.setup.dir.clone();
    let crl = pki::desk_files(&dir, "ppc").crls[0].clone();
    let older = std::fs::read_to_string(&crl).unwrap();
    let intake = pair.setup.pki.ppc.caller("intake").unwrap().clone();
    assert!(is_let_in(&pair, "intake").await);
    every_sign(&pair, "").await;

    pair.setup.pki.ppc.desk_authority.revoke(&intake);
    put(&crl, &pair.setup.pki.ppc.desk_authority.crl().unwrap());
    told(&pair, &[]).await;
    let cut_off = async { while is_let_in(&pair, "intake").await {} };
    tokio::time::timeout(BOUND, cut_off).await.unwrap();

    let expired = pair.setup.pki.ppc.desk_authority.expired_crl().unwrap();
    let foreign = pair.setup.pki.ipa.desk_authority.crl().unwrap();
    for (list, words) in [
        (&older, "is older than the one in use"),
        (&expired, "has ended; the one in use has not"),
        (&foreign, "no file of `crls` contains a revocation list of CN=ppc desk authority (development)"),
    ] {
        put(&crl, list);
        told(&pair, &[("desk", words)]).await;
        assert!(!is_let_in(&pair, "intake").await, "{words}");
        assert!(is_let_in(&pair, "reader").await, "{words}: the list in use is good");
        // The command line also sees the file for itself.
        every_sign(&pair, words.split(';').next().unwrap()).await;
    }
    let log = std::fs::read_to_string(dir.join("ppc.log")).unwrap();
    assert!(log.contains("fresh certificates or revocation lists were not accepted; those in use stay"), "{log}");

    put(&crl, &pair.setup.pki.ppc.desk_authority.crl().unwrap());
    told(&pair, &[]).await;
    assert!(!is_let_in(&pair, "intake").await);
    every_sign(&pair, "").await;
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn the_link_refuses_worse_files_like_the_desk_and_one_bad_file_delays_no_other() {
    let mut pair = Pair::processes(None, start().unwrap(), [32; 32], Choice::default()).await.unwrap();
    let dir = pair.setup.dir.clone();
    let (desk, link) = (pki::desk_files(&dir, "ppc"), pki::link_files(&dir, "ppc"));
    let older = std::fs::read_to_string(&link.crls[0]).unwrap();
    let first = in_use(&pair).await;
    put(&link.crls[0], &pair.setup.pki.ipa.link_authority.crl().unwrap());
    let replaced = async {
        while in_use(&pair).await == first {
            pair.hang_up(Agency::Ppc).unwrap();
        }
    };
    tokio::time::timeout(BOUND, replaced).await.unwrap();
    told(&pair, &[]).await;
    put(&link.crls[0], &older);
    told(&pair, &[("link", "is older than the one in use")]).await;

    // A certificate for somebody else and a list that revokes a caller come together: the list is accepted.
    let intake = pair.setup.pki.ppc.caller("intake").unwrap().clone();
    let other = pair.setup.pki.ppc.desk_authority.issue("spiffe://ppc/link", pki::Use::Server).unwrap();
    pair.setup.pki.ppc.desk_authority.revoke(&intake);
    pki::write_pair(&desk, &other).unwrap();
    put(&desk.crls[0], &pair.setup.pki.ppc.desk_authority.crl().unwrap());
    let worse = [("link", "is older than the one in use"), ("desk", "does not name whom the one in use names")];
    told(&pair, &worse).await;
    let cut_off = async { while is_let_in(&pair, "intake").await {} };
    tokio::time::timeout(BOUND, cut_off).await.unwrap();
    assert!(is_let_in(&pair, "reader").await, "the certificate in use is good");

    // Roots of an authority without a list are added and told of; the callers of the other one come in.
    let both = AGENCIES.map(|agency| match agency {
        Agency::Ppc => pair.setup.pki.ppc.desk_authority.certificate(),
        _ => pair.setup.pki.ipa.desk_authority.certificate(),
    });
    pki::write_pair(&desk, &pair.setup.pki.ppc.desk).unwrap();
    put(&desk.roots, &both.concat());
    put(&link.crls[0], &pair.setup.pki.ipa.link_authority.crl().unwrap());
    let lacking = "contains a revocation list of CN=ipa desk authority (development), so all certificates";
    told(&pair, &[("desk", lacking)]).await;
    assert!(is_let_in(&pair, "reader").await);
    every_sign(&pair, lacking).await;
    pair.stop_both().await.unwrap();
}
