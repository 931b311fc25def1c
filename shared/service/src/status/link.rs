//! The connection to the peer.

use jiff::Timestamp;
use renkei_domain::memorandum::NamedVersion;
use renkei_link::Link;
use renkei_proto::link::v1::link_status::State;
use renkei_store::Store;
use serde::{Deserialize, Serialize};

use crate::past::Past;

pub(crate) const CONNECTED: &str = "connected";
pub(crate) const AGREEMENT_DIFFERS: &str = "agreement differs";

/// The connection to the peer.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct LinkStands {
    /// `connected`, `waiting` or `agreement differs`.
    pub(crate) state: String,
    /// The cause of this state; empty if connected.
    pub(crate) cause: String,
    /// The difference between the two services' clocks at the last receipt of this session.
    pub(crate) clock_skew_seconds: Option<f64>,
    /// The versions of the memorandum that one of the agencies lacks, from 30 days before their day, by what the peer named
    /// when the last session began. Services of earlier versions do not report them.
    #[serde(default)]
    pub(crate) lacking: Vec<LackingVersion>,
    /// The time since which it is connected, or is not. Services of earlier versions do not report it, nor what follows.
    #[serde(default)]
    pub(crate) since: Option<String>,
    /// The last cause since the start for which it was lost or could not be established, with the time at which it began.
    #[serde(default)]
    pub(crate) last_failure: Option<LinkFailure>,
    /// The versions of the memorandum that the peer named when the last session began.
    #[serde(default)]
    pub(crate) peer_versions: Vec<PeerVersion>,
}

/// A failure of the link.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LinkFailure {
    pub(crate) at: String,
    pub(crate) cause: String,
}

/// A version of the memorandum that the peer has.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PeerVersion {
    /// The first day on which it applies; `None` for the first version.
    pub(crate) first_day: Option<String>,
    /// The SHA-256 of its text.
    pub(crate) digest: String,
}

/// A version of the memorandum that an agency lacks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LackingVersion {
    /// The agency without it: `ppc` or `ipa`.
    pub(crate) agency: String,
    /// The first day on which it applies.
    pub(crate) first_day: String,
    /// The SHA-256 of its text.
    pub(crate) digest: String,
}

impl LinkStands {
    pub(super) fn of(store: &Store, live: &Link, past: &Past, now: Timestamp) -> Self {
        // The task that follows the link may not have seen this state yet.
        let status = past.note(|| (now, store.replicas().borrow().link()));
        let state = match status.state() {
            State::Connected => CONNECTED,
            State::AgreementDiffers => AGREEMENT_DIFFERS,
            State::Unspecified | State::Waiting => "waiting",
        };
        let skew = live.skew().map(|apart| apart.as_secs_f64());
        let lacking = live.lacking_agreements().into_iter().map(|it| LackingVersion {
            agency: it.by.id().to_owned(),
            first_day: it.first_day.to_string(),
            digest: hex::encode(it.digest),
        });
        let course = past.link();
        Self {
            state: state.to_owned(),
            cause: status.cause,
            clock_skew_seconds: skew,
            lacking: lacking.collect(),
            since: course.since.map(|at| at.to_string()),
            last_failure: course.failure.map(|(at, cause)| LinkFailure { at: at.to_string(), cause }),
            peer_versions: live.agreements_of_peer().iter().map(PeerVersion::of).collect(),
        }
    }

    pub(super) fn unknown() -> Self {
        let (state, cause) = ("waiting".to_owned(), "the service is not running".to_owned());
        Self { state, cause, ..Self::default() }
    }
}

impl PeerVersion {
    fn of(named: &NamedVersion) -> Self {
        Self { first_day: named.first_day.map(|day| day.to_string()), digest: hex::encode(named.digest) }
    }
}
