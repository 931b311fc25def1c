//! The replicas of a service that are alive.

use renkei_proto::link::v1::{LinkStatus, link_status::State};

/// One replica of the service.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// The configured name of the replica.
    pub name: String,
    /// The order in which replicas began to serve: an earlier one has a lower number.
    pub started: u64,
    /// The kinds of fact that it speaks.
    pub kinds: Vec<String>,
    /// The state of its own connection to the peer, with the cause.
    pub link: LinkStatus,
}

/// The live replicas of the service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replicas {
    /// The live replicas; the one that has served longest comes first. Empty in a process that does not serve.
    pub live: Vec<Replica>,
    /// True if this replica leads: it sends the journal, counts months and writes checkpoints for all.
    pub leads: bool,
}

impl Replicas {
    /// The kinds of fact that all of them speak.
    #[must_use]
    pub fn kinds(&self) -> Vec<String> {
        let Some((first, others)) = self.live.split_first() else { return Vec::new() };
        let all = first.kinds.iter().filter(|kind| others.iter().all(|other| other.kinds.contains(kind)));
        all.cloned().collect()
    }

    /// The state of the service's connection to the peer, whichever replica has it.
    #[must_use]
    pub fn link(&self) -> LinkStatus {
        let connected = self.live.iter().find(|replica| replica.link.state() == State::Connected);
        connected.or(self.live.first()).map(|replica| replica.link.clone()).unwrap_or_default()
    }
}
