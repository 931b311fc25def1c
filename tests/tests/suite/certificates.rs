//! Certificates with one flaw each, on both ports: whoever shows one learns in a sentence what is wrong, no service
//! sees a call of theirs, and the pair goes on.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, time::Duration};

use renkei_proto::{
    options::v1::{Reason, Surface},
    r#type::v1::Agency,
};
use renkei_rpc::{connect::explain, error::reason_of, tls::Files};
use renkei_tools::{
    acts::{Acts, both, settle},
    pair::Pair,
    pki::{self, Flaw, Issued, Use},
    raw,
    scenario::start,
    setup::AGENCIES,
};
use tonic::{Status, transport::Channel};

/// Nobody waits longer to learn what is wrong.
const BOUND: Duration = Duration::from_secs(5);

const PORTS: [Surface; 2] = [Surface::Desk, Surface::Link];

/// The message to the owner of a flawed certificate, and the line in the service's log.
fn told(flaw: Flaw) -> (&'static str, &'static str) {
    match flaw {
        Flaw::Expired => ("our certificate has expired or is not valid yet", "the client's certificate has expired"),
        Flaw::NotYetValid => ("our certificate has expired or is not valid yet", "is not valid yet"),
        Flaw::SelfSigned => (
            "the peer does not trust the issuer of our certificate",
            "not issued by an authority that this port trusts",
        ),
        Flaw::OtherAuthority => ("issued with the key that the peer trusts", "a signature in the client's certificate"),
        Flaw::Revoked => ("our certificate has been revoked", "the client's certificate has been revoked"),
        Flaw::WrongKeyUsage | Flaw::WrongUse | Flaw::ForeignUse => {
            ("our certificate is not meant for clients", "is not meant for clients")
        }
        Flaw::WrongUri | Flaw::SeveralUris | Flaw::Wildcard | Flaw::CommonNameOnly => {
            ("names no caller of this system", "CERTIFICATE_IDENTITY_MISSING")
        }
    }
}

/// The flawed certificates for PPC's two ports, as files with what their owner trusts. PPC must be started after this:
/// it learns of the revoked ones from its lists.
fn flawed(pair: &mut Pair) -> BTreeMap<(&'static str, String), (Flaw, Surface, Files)> {
    let dir = pair.setup.dir.clone();
    let pki = &mut pair.setup.pki;
    let roots = [pki.ppc.desk_authority.certificate(), pki.ppc.link_authority.certificate()];
    let mut made = BTreeMap::new();
    for flaw in Flaw::ALL {
        for (port, roots) in PORTS.into_iter().zip(&roots) {
            let issued = match port {
                Surface::Desk => pki.ppc.desk_authority.flawed("spiffe://ppc/desk/intake", Use::Client, flaw),
                _ => pki.ipa.link_authority.flawed("spiffe://ipa/link", Use::Both, flaw),
            };
            let folder = dir.join("flawed").join(format!("{port:?}{flaw:?}"));
            let files = pki::outfit(&folder, &issued.unwrap(), roots).unwrap();
            made.insert((port.as_str_name(), format!("{flaw:?}")), (flaw, port, files));
        }
    }
    pki.write_crls(&dir).unwrap();
    made
}

fn channel(pair: &Pair, port: Surface, files: &Files) -> Channel {
    match port {
        Surface::Desk => raw::desk(Agency::Ppc, pair.ppc.desk_wire.address(), files).unwrap(),
        _ => raw::link(Agency::Ppc, pair.ppc.link_wire.address(), files).unwrap(),
    }
}

async fn refused(channel: &Channel, path: &str) -> Status {
    let call = raw::call(channel, path, &[], &[("renkei-official", "tanaka")]);
    tokio::time::timeout(BOUND, call).await.unwrap().unwrap_err()
}

/// PPC publishes a scheme, and IPA gets it.
async fn goes_on((ppc, ipa): &(Acts, Acts), id: &str) {
    let published = ppc.publish(ppc.publishing(id)).await.unwrap();
    settle(ppc, ipa).await.unwrap();
    assert_eq!(ipa.scheme(&published.name).await.unwrap().version, 1);
}

/// The lines of PPC's log about somebody who was refused.
fn refusals(pair: &Pair) -> Vec<String> {
    pair.ppc.log().lines().filter(|line| line.contains(" was refused")).map(str::to_owned).collect()
}

/// The next such line. The client may know before it is written.
async fn logged(pair: &Pair, before: usize) -> String {
    let reading = async {
        loop {
            if let Some(line) = refusals(pair).get(before) {
                return line.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, reading).await.unwrap()
}

#[tokio::test]
async fn the_owner_of_a_flawed_certificate_learns_what_is_wrong_and_reaches_no_service() {
    let mut pair = Pair::in_process(start().unwrap(), 21).await.unwrap();
    pair.stop(Agency::Ppc).await.unwrap();
    let flawed = flawed(&mut pair);
    pair.start(Agency::Ppc).await.unwrap();
    let acts = both(&pair).unwrap();
    goes_on(&acts, "before").await;
    let before = PORTS.map(|port| pair.ppc.handled(port));
    for (name, (flaw, port, files)) in &flawed {
        let channel = channel(&pair, *port, files);
        let path = match port {
            Surface::Desk => "/renkei.agreement.v1.AgreementService/GetAgreement",
            _ => "/renkei.link.v1.LinkService/Exchange",
        };
        let before = refusals(&pair).len();
        let status = refused(&channel, path).await;
        let (at_client, at_server) = told(*flaw);
        assert!(explain(&status).contains(at_client), "{name:?}: {}", explain(&status));
        let reason = flaw.is_of_the_name().then_some(Reason::CertificateIdentityMissing);
        assert_eq!(reason_of(&status), reason, "{name:?}");
        let line = logged(&pair, before).await;
        assert!(line.contains(at_server), "{name:?}: {line}");
        assert!(flaw.is_of_the_name() || line.contains("\"serial\":"), "{name:?}: {line}");
    }
    assert_eq!(PORTS.map(|port| pair.ppc.handled(port)), before);
    goes_on(&acts, "after").await;
    pair.stop_both().await.unwrap();
}

/// Waits until PPC's operator reads these words as the cause of the broken link.
async fn cause(pair: &Pair, words: &str) {
    let reading = async {
        loop {
            let status = pair.ppc.desk.link_status().await.unwrap();
            if status.cause.contains(words) {
                return;
            }
            assert!(status.cause.is_empty() || !status.cause.contains("spiffe"), "{words}: {}", status.cause);
        }
    };
    if tokio::time::timeout(BOUND, reading).await.is_err() {
        let status = pair.ppc.desk.link_status().await.unwrap();
        assert_eq!(status.cause, words, "the cause after {BOUND:?}");
    }
}

/// Starts both again, IPA with this certificate. PPC then dials at once.
async fn start_with(pair: &mut Pair, issued: &Issued) {
    pair.stop_both().await.unwrap();
    let files = pki::link_files(&pair.setup.dir, "ipa");
    pki::write_pair(&files, issued).unwrap();
    let dir = pair.setup.dir.clone();
    pair.setup.pki.write_crls(&dir).unwrap();
    pair.start(Agency::Ipa).await.unwrap();
    pair.start(Agency::Ppc).await.unwrap();
}

#[tokio::test]
async fn the_operator_reads_in_a_sentence_what_is_wrong_with_the_peers_certificate() {
    let mut pair = Pair::in_process(start().unwrap(), 22).await.unwrap();
    let sound = pair.setup.pki.ipa.link.clone();
    let authority = &mut pair.setup.pki.ipa.link_authority;
    let mut cases = vec![
        (
            authority.issue("spiffe://ipa/desk/service", Use::Both).unwrap(),
            "is answered by spiffe://ipa/desk/service instead of spiffe://ipa/link, so nothing was sent to it",
        ),
        (
            authority.issue("spiffe://ppc/link", Use::Both).unwrap(),
            "is answered by spiffe://ppc/link instead of spiffe://ipa/link, so nothing was sent to it",
        ),
    ];
    for (flaw, words) in [
        (Flaw::WrongUri, "is not spiffe://ipa/link, so nothing was sent to it"),
        (Flaw::CommonNameOnly, "the peer's certificate is not valid for the server name that we expect"),
        (Flaw::OtherAuthority, "the peer's certificate was not issued with the key of an authority that we trust"),
        (Flaw::WrongKeyUsage, "the peer's certificate is not meant for servers"),
        (Flaw::Revoked, "the peer's certificate has been revoked"),
    ] {
        cases.push((authority.flawed("spiffe://ipa/link", Use::Both, flaw).unwrap(), words));
    }
    for (issued, words) in cases {
        start_with(&mut pair, &issued).await;
        cause(&pair, words).await;
        assert_eq!(AGENCIES.map(|agency| pair.side(agency).handled(Surface::Link)), [0, 0], "{words}");
    }
    start_with(&mut pair, &sound).await;
    let acts = both(&pair).unwrap();
    goes_on(&acts, "after").await;
    for agency in AGENCIES {
        assert_eq!(pair.side(agency).desk.link_status().await.unwrap().cause, "");
    }
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn an_old_tls_or_an_expired_revocation_list_lets_nobody_in() {
    let mut pair = Pair::in_process(start().unwrap(), 23).await.unwrap();
    let desk = pki::desk_files(&pair.setup.dir, "ppc");
    let roots = pair.setup.pki.ppc.desk_authority.certificate();
    let path = "/renkei.agreement.v1.AgreementService/GetAgreement";
    let old = raw::bare(pair.ppc.desk_wire.address(), &roots, &rustls::version::TLS12).unwrap();
    let told = explain(&refused(&old, path).await);
    assert!(told.contains("it must be TLS 1.3"), "{told}");

    pair.stop(Agency::Ppc).await.unwrap();
    let expired = pair.setup.pki.ppc.desk_authority.expired_crl().unwrap();
    pki::write(&desk.crls[0], &expired).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    let told = explain(&refused(&pair.ppc.desk.channel("reader").unwrap(), path).await);
    assert!(told.contains("has no current revocation list"), "{told}");
    assert_eq!(pair.ppc.handled(Surface::Desk), 0);
    pair.stop_both().await.unwrap();
}
