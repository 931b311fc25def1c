//! The hello, with which each side begins a session: the ends of both journals as it has them, each with its signature, and
//! its versions of the memorandum.

use std::sync::PoisonError;

use prost::Message as _;
use renkei_book::{HelloVerdict, PeerHolds};
use renkei_domain::{
    calendar,
    memorandum::{Memorandum, NamedVersion, Version},
    page::Journal,
};
use renkei_journal::{header_hash, verify_header};
use renkei_proto::{
    journal::v1::{Entry, Header, SignedHeader},
    link::v1::{AgreementVersion, Hello},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{error::Error, host::Host, link::Link};

/// The version of the protocol.
pub(crate) const VERSION: u32 = 1;

/// The hello of this side, as it is now.
pub(crate) async fn hello<H: Host>(link: &Link<H>) -> Result<Hello, Error> {
    let heads = link.host().heads().borrow().clone();
    Ok(Hello {
        agency: link.own().into(),
        version: VERSION,
        incarnation: heads.own.incarnation,
        agreement_sha256: own_agreement(link).to_vec(),
        own: last(link, link.own(), heads.own.seq).await?,
        held: last(link, link.own().peer(), heads.peer.seq).await?,
        key_ids: vec![link.host().key().key_id().to_owned()],
        agreements: link.settings().memorandum.versions().iter().map(in_hello).collect(),
    })
}

/// The digest of the version of the agreement that applies now.
pub(crate) fn own_agreement<H: Host>(link: &Link<H>) -> [u8; 32] {
    let settings = link.settings();
    settings.memorandum.digest_on(calendar::day(settings.source.moment().now))
}

fn in_hello(version: &Version) -> AgreementVersion {
    let first_day = version.first_day.map(|day| day.to_string()).unwrap_or_default();
    AgreementVersion { sha256: version.digest.to_vec(), first_day }
}

/// Notes the versions of the agreement that the peer has, and tells whether each side has the one that applies at the
/// other. A version that applies later and that one side lacks is no hindrance before its day.
pub(crate) fn agreement_is_shared<H: Host>(link: &Link<H>, peer: &Hello) -> bool {
    let mut named: Vec<_> = peer.agreements.iter().filter_map(named_version).collect();
    if named.is_empty() {
        // A service that knows one version only names no others.
        let digest = peer.agreement_sha256.as_slice().try_into().unwrap_or_default();
        named.push(NamedVersion { first_day: None, digest });
    }
    let here = link.settings().memorandum.version(&peer.agreement_sha256).is_some();
    let there = named.iter().any(|it| it.digest == own_agreement(link));
    *link.inner.agreements_of_peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(named);
    for lacking in link.lacking_agreements() {
        let (agency, first_day, digest) = (lacking.by.id(), lacking.first_day, hex::encode(lacking.digest));
        tracing::warn!(agency, %first_day, digest, "an agency lacks a version of the agreement");
    }
    here && there
}

fn named_version(version: &AgreementVersion) -> Option<NamedVersion> {
    let digest = version.sha256.as_slice().try_into().ok()?;
    Some(NamedVersion { first_day: calendar::parse_day(&version.first_day), digest })
}

/// The header of a journal's last entry, as its author signed it.
async fn last<H: Host>(link: &Link<H>, journal: Agency, seq: u64) -> Result<Option<SignedHeader>, Error> {
    let held = link.host().entry(Journal::Of(journal), seq).await?;
    Ok(held.map(|held| {
        let Entry { header, key_id, signature, .. } = held.entry;
        SignedHeader { header, key_id, signature }
    }))
}

/// The peer's position in our journal, and whether our own signature proves it. No proof is needed if the entry is
/// stored here.
pub(crate) async fn peer_holds<H: Host>(link: &Link<H>, last: Option<&SignedHeader>) -> Result<PeerHolds, Error> {
    let Some(last) = last else { return Ok(PeerHolds { head: renkei_journal::Head::EMPTY, is_proved: true }) };
    let claimed = Header::decode(last.header.as_slice()).unwrap_or_default();
    let head = renkei_journal::Head { seq: claimed.seq, hash: header_hash(&last.header) };
    let keys = link.keys(link.own()).await?;
    let is_proved = verify_header(last, &keys)
        .is_ok_and(|opened| is_exchanged(opened.header(), link.own(), &link.settings().memorandum));
    Ok(PeerHolds { head, is_proved })
}

/// The digests of the own versions of the agreement that the peer did not name.
pub(crate) fn not_at_peer<H: Host>(link: &Link<H>) -> Vec<[u8; 32]> {
    let named = link.inner.agreements_of_peer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let named = named.unwrap_or_default();
    let own = link.settings().memorandum.versions().iter().map(|version| version.digest);
    own.filter(|digest| named.iter().all(|other| other.digest != *digest)).collect()
}

/// True if a verified header is of the journal that its author exchanges. A private entry is signed with the same key,
/// but for another agreement digest.
fn is_exchanged(header: &Header, author: Agency, memorandum: &Memorandum) -> bool {
    header.author() == author && memorandum.version(&header.agreement_sha256).is_some()
}

/// Compares the peer's position in our journal with our own head. If our own signature proves that the peer has more,
/// our journal is fetched back. A claim without proof changes nothing, and the reason is returned.
pub(crate) async fn refuted<H: Host>(link: &Link<H>, holds: &PeerHolds) -> Result<Option<Reason>, Error> {
    Ok(match link.host().standing(holds).await? {
        HelloVerdict::Agreed => None,
        HelloVerdict::Behind => {
            link.host().rewind(holds.head, &link.settings().source.moment()).await?;
            None
        }
        HelloVerdict::Unproven => Some(Reason::BadSignature),
        HelloVerdict::Contradicted => Some(Reason::Fork),
    })
}

/// The number of the peer's last entry; `None` while its signature cannot be verified.
pub(crate) async fn peer_head<H: Host>(link: &Link<H>, last: Option<&SignedHeader>) -> Result<Option<u64>, Error> {
    let Some(last) = last else { return Ok(Some(0)) };
    let keys = link.keys(link.own().peer()).await?;
    match verify_header(last, &keys) {
        Ok(opened) if is_exchanged(opened.header(), link.own().peer(), &link.settings().memorandum) => {
            Ok(Some(opened.header().seq))
        }
        Ok(_) => Ok(None),
        Err(broken) => {
            tracing::warn!(%broken, "the peer's own head does not verify: no recovery ends in this session");
            Ok(None)
        }
    }
}
