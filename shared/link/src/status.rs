//! The state of the connection, for the desk and for the feed.

use renkei_book::{Command, Stage};
use renkei_domain::moment::Moment;
use renkei_domain::{read_set::ReadSet, refusal::Refusal};
use renkei_proto::{
    link::v1::{LinkStatus, link_status::State},
    options::v1::Reason,
    watch::v1::{LinkChanged, event::Change},
};
use renkei_rpc::{
    connect::explain,
    error::{Error as CallError, reason_of},
};

use crate::{error::Error, host::Host, link::Link, session::Ended};

const DIFFERS: &str = "the two agreements' digests differ: both agencies must compare the versions that they have";

/// The state of the link after the session that carried the own journal, and the cause.
pub(crate) fn after(ended: &Result<Ended, Error>) -> (State, String) {
    match ended {
        Ok(Ended::Closed(cause)) => (State::Waiting, cause.clone()),
        Ok(Ended::AgreementDiffers) => (State::AgreementDiffers, DIFFERS.to_owned()),
        Err(Error::Call(CallError::Ended(status))) if reason_of(status) == Some(Reason::AgreementDiffers) => {
            (State::AgreementDiffers, DIFFERS.to_owned())
        }
        Err(Error::Call(CallError::Ended(status))) => (State::Waiting, explain(status)),
        Err(error) => (State::Waiting, error.to_string()),
    }
}

impl<H: Host> Link<H> {
    /// Records that a session is open.
    pub(crate) async fn connected(&self) {
        let connected = LinkStatus { state: State::Connected.into(), ..LinkStatus::default() };
        self.stands(connected).await;
    }

    /// Records that no session is open, with the cause.
    pub(crate) async fn disconnected(&self, state: State, cause: String) {
        self.stands(LinkStatus { state: state.into(), cause, ..LinkStatus::default() }).await;
    }

    async fn stands(&self, status: LinkStatus) {
        let connected = status.state() == State::Connected;
        let before = self.host().say_link(&status);
        if before.state() == status.state() && before.cause == status.cause {
            return;
        }
        tracing::info!(connected, cause = status.cause, "the state of the link has changed");
        if (before.state() == State::Connected) == connected {
            return;
        }
        let moment = self.settings().source.moment();
        let told = self.host().write("link_changed", moment, LinkAnnouncement { connected }).await;
        if let Err(error) = told {
            tracing::warn!(%error, "the feed was not notified of the link");
        }
    }
}

/// The announcement in the feed that the link went up or down.
struct LinkAnnouncement {
    connected: bool,
}

impl Command for LinkAnnouncement {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        stage.tell("", Change::LinkChanged(LinkChanged { connected: self.connected }));
        Ok(())
    }

    fn while_recovering(&self) -> bool {
        true
    }
}
