//! The state of the link to the peer.

use jiff::Timestamp;
use renkei_domain::{moment::stamp, page::Journal};
use renkei_proto::link::v1::{GetLinkStatusRequest, LinkStatus, link_status_service_server::LinkStatusService};
use tonic::Request;

use crate::{
    desk::{Answer, Desk, open},
    error::Error,
};

/// The implementation of `LinkStatusService`.
pub(crate) struct Links {
    desk: Desk,
}

impl Links {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    async fn status(&self) -> Result<LinkStatus, Error> {
        let connection = self.desk.store.replicas().borrow().link();
        let heads = self.desk.store.heads().borrow().clone();
        let (own, peer) = (&heads.own, &heads.peer);
        let oldest = match heads.oldest_waiting() {
            Some(seq) => self.desk.store.written_us(Journal::Of(self.desk.own), seq).await?,
            None => None,
        };
        let instant = |us: i64| Timestamp::from_microsecond(us).ok().map(stamp);
        Ok(LinkStatus {
            name: "linkStatus".to_owned(),
            own_seq: own.seq,
            own_receipted_seq: own.receipted,
            backlog: heads.backlog(),
            oldest_waiting: oldest.and_then(instant),
            peer_seq: peer.seq,
            last_receipt_at: (own.receipted_us != 0).then(|| instant(own.receipted_us)).flatten(),
            stopped_at_seq: peer.stop_seq,
            stopped_reason: peer.stop_reason.into(),
            stopped_by_peer_at_seq: own.stop_seq,
            stopped_by_peer_reason: own.stop_reason.into(),
            recovering: heads.recovering(),
            ..connection
        })
    }
}

#[tonic::async_trait]
impl LinkStatusService for Links {
    async fn get_link_status(&self, request: Request<GetLinkStatusRequest>) -> Answer<LinkStatus> {
        open(request, &self.desk, async |_, _: GetLinkStatusRequest| self.status().await).await
    }
}
