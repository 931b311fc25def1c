//! Evidence: entries with how far they have come at the peer.

use jiff::Timestamp;
use renkei_domain::{
    decide::{Keys, Refusal, decide_read},
    journal as journal_rules,
    matter::{Matter, entry_name, parse_entry_name},
    moment::{Moment, stamp},
    page::Journal,
};
use renkei_proto::{
    FactKind,
    evidence::v1::{
        CheckpointAuditRequest, CheckpointAuditResponse, Delivery, DeliveryLevel, GetEntryRequest, JournalEntry,
        ListEntriesRequest, ListEntriesResponse, evidence_service_server::EvidenceService,
    },
    journal::v1::{AuditCheckpointed, AuditHead, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_rpc::{
    error::Error,
    token::Query,
    validate::{Call, Desk, open},
};
use renkei_store::{ChainHead, Command, Held, Stage};
use tonic::{Request, Response, Status};

use crate::list::{begin, size};

/// The service.
pub(crate) struct Evidences {
    desk: Desk,
}

impl Evidences {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    /// The entry as the desk shows it. Its fact is shown to those who may read its matter.
    async fn entry(&self, call: &Call, held: Held) -> Result<Option<JournalEntry>, Error> {
        let Journal::Of(author) = held.journal else { return Ok(None) };
        let delivery = match author == self.desk.own {
            true => Some(self.delivery(held.header.seq).await?),
            false => None,
        };
        let header = held.header;
        let may_read = decide_read(&Matter::of(&header.matter), &call.roles).is_ok();
        Ok(Some(JournalEntry {
            name: entry_name(author, header.seq),
            entry_id: header.entry_id,
            author: author.into(),
            matter: header.matter,
            fact_type: header.fact_type,
            fact: (may_read && held.fact.fact.is_some()).then_some(held.fact),
            written_at: header.written_at,
            arrived_at: instant(held.arrived_us),
            hash: held.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            key_id: held.entry.key_id,
            content_present: held.content_present,
            trace_id: header.traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
            delivery,
        }))
    }

    /// The three levels: received by a receipt, recorded when the peer's journal is held up to that receipt, answered by
    /// an official.
    async fn delivery(&self, seq: u64) -> Result<Delivery, Error> {
        let mut delivery = Delivery { level: DeliveryLevel::Written.into(), ..Delivery::default() };
        let Some((at_us, peer_seq)) = self.desk.store.receipt_for(seq).await? else { return Ok(delivery) };
        delivery.level = DeliveryLevel::Received.into();
        delivery.received_at = instant(at_us);
        let peer = self.desk.own.peer();
        let recorded_us = match peer_seq {
            0 => Some(at_us),
            seq => self.desk.store.arrived_us(Journal::Of(peer), seq).await?,
        };
        let Some(recorded_us) = recorded_us else { return Ok(delivery) };
        delivery.level = DeliveryLevel::Recorded.into();
        delivery.recorded_at = instant(recorded_us.max(at_us));
        for answer in self.desk.store.answers(seq).await? {
            match answer.fact.fact {
                Some(fact::Fact::EntryRefused(refused)) => {
                    delivery.level = DeliveryLevel::Refused.into();
                    delivery.refused_by = entry_name(peer, answer.seq);
                    delivery.refused_reason = refused.reason;
                    return Ok(delivery);
                }
                Some(fact) if delivery.answered_by.is_empty() && !journal_rules::stops(FactKind::of(&fact)) => {
                    delivery.level = DeliveryLevel::Answered.into();
                    delivery.answered_by = entry_name(peer, answer.seq);
                    delivery.answered_at = instant(answer.written_us);
                }
                _ => {}
            }
        }
        Ok(delivery)
    }
}

fn instant(us: i64) -> Option<prost_types::Timestamp> {
    Timestamp::from_microsecond(us).ok().map(stamp)
}

#[tonic::async_trait]
impl EvidenceService for Evidences {
    async fn get_entry(&self, request: Request<GetEntryRequest>) -> Result<Response<JournalEntry>, Status> {
        open(request, &self.desk, async |call, it: GetEntryRequest| {
            let missing = || Error::because(Reason::NotFound, "there is no such entry");
            let (author, seq) = parse_entry_name(&it.name).ok_or_else(missing)?;
            let held = self.desk.store.entry(Journal::Of(author), seq).await?.ok_or_else(missing)?;
            self.entry(&call, held).await?.ok_or_else(missing)
        })
        .await
    }

    async fn list_entries(
        &self,
        request: Request<ListEntriesRequest>,
    ) -> Result<Response<ListEntriesResponse>, Status> {
        open(request, &self.desk, async |call, it: ListEntriesRequest| {
            let query = ListEntriesRequest { matter: it.matter.clone(), ..ListEntriesRequest::default() };
            let query = Query::new(&call.call.method, &query);
            let after = begin(&self.desk, &query, &it.page_token, 0)?;
            let size = size(it.page_size);
            let mut held = self.desk.store.entries_of(&it.matter, after, size + 1).await?;
            let more = held.len() > size;
            held.truncate(size);
            let next_page_token = match held.last().filter(|_| more) {
                Some(last) => self.desk.tokens.page_token_encode(&call.moment, &query, &last.turn.to_be_bytes())?,
                None => String::new(),
            };
            let mut entries = Vec::with_capacity(held.len());
            for held in held {
                entries.extend(self.entry(&call, held).await?);
            }
            Ok(ListEntriesResponse { entries, next_page_token })
        })
        .await
    }

    async fn checkpoint_audit(
        &self,
        request: Request<CheckpointAuditRequest>,
    ) -> Result<Response<CheckpointAuditResponse>, Status> {
        open(request, &self.desk, async |call, _: CheckpointAuditRequest| {
            let heads = self.desk.store.audit_heads().await?;
            let checkpoint = Checkpoint { own: self.desk.own, heads };
            Ok(self.desk.store.write("checkpoint_audit", call.call, call.moment, checkpoint).await?)
        })
        .await
    }
}

/// Writes the ends of the audit chains into the own journal, if they moved.
pub struct Checkpoint {
    /// Whose chains.
    pub own: Agency,
    /// Their ends.
    pub heads: Vec<ChainHead>,
}

impl Command for Checkpoint {
    type Reply = CheckpointAuditResponse;

    fn keys(&self, _: &Moment) -> Keys {
        Keys::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<CheckpointAuditResponse, Refusal> {
        let chains = self.heads.iter().map(|head| AuditHead {
            chain: head.chain.clone(),
            seq: head.seq,
            hash: head.hash.to_vec(),
        });
        let checkpoint = AuditCheckpointed { chains: chains.collect() };
        let page = stage.page(&journal_rules::name(self.own));
        let unmoved = journal_rules::checkpoint(page, self.own) == Some(&checkpoint);
        if unmoved || checkpoint.chains.is_empty() {
            return Ok(CheckpointAuditResponse::default());
        }
        let seq = stage.write(&Matter::journal(self.own), fact::Fact::AuditCheckpointed(checkpoint), None, 0)?;
        Ok(CheckpointAuditResponse { entry: entry_name(self.own, seq) })
    }
}
