//! Evidence: entries with how far they have come at the peer.

use jiff::Timestamp;
use prost::Message as _;
use renkei_book::{Command, Stage};
use renkei_domain::{
    case_number::CaseNumber,
    decide::{Judged, ReadPermit},
    matter::{Matter, entry_name, parse_entry_name},
    moment::{Moment, stamp},
    noun::{journal as journal_rules, registry},
    page::Journal,
    read_set::ReadSet,
    refusal::Refusal,
};
use renkei_journal::PublicKeys;
use renkei_proto::{
    Sentence,
    evidence::v1::{
        AuditRecord, CheckpointAuditRequest, CheckpointAuditResponse, Delivery, DeliveryLevel, GetEntryRequest,
        JournalEntry, ListAuditRecordsRequest, ListAuditRecordsResponse, ListEntriesRequest, ListEntriesResponse,
        LookUpMatterRequest, LookUpMatterResponse, Verification, VerifiedChain, VerifiedJournal, VerifyJournalsRequest,
        evidence_service_server::EvidenceService,
    },
    journal::v1::{AuditCheckpointed, AuditHead, fact},
    options::v1::{Reason, Role},
    r#type::v1::Agency,
};
use renkei_rpc::{error::Error as CallError, token::Query, validate::Call};
use renkei_store::{ChainHead, Recorded, StoredEntry};
use tokio::sync::Semaphore;
use tonic::Request;

use crate::{
    desk::{Answer, Desk, open, open_secret},
    error::Error,
    read::{Filling, begin, by_case_number, permit, place, size},
    verify::{Verified, verify},
};

/// The roles that see the existence of an entry, whoever may read its matter.
const EXAMINERS: [Role; 2] = [Role::Operator, Role::Auditor];

/// The part of a matter's entries that is shown.
struct Sight {
    /// The leave to read the matter: entries are shown whole, but for those that are withheld.
    permit: Option<ReadPermit>,
    /// The envelopes of all other entries are shown.
    examines: bool,
}

impl Sight {
    /// True if the fact of an entry is shown.
    fn is_whole(&self, journal: Journal, seq: u64) -> bool {
        self.permit.as_ref().is_some_and(|permit| permit.shows(journal, seq))
    }
}

/// The public keys by which journals are verified.
#[derive(Clone)]
pub struct JournalKeys {
    /// The own ones.
    pub own: PublicKeys,
    /// The peer's.
    pub peer: PublicKeys,
}

/// The implementation of `EvidenceService`.
pub(crate) struct Evidences {
    desk: Desk,
    keys: JournalKeys,
    /// One verification at a time.
    verifying: Semaphore,
}

impl Evidences {
    pub(crate) fn new(desk: Desk, keys: JournalKeys) -> Self {
        Self { desk, keys, verifying: Semaphore::new(1) }
    }

    /// The part of a matter's entries that the caller sees: the whole for those who may read the matter, the envelopes
    /// for operators and auditors, and nothing for others.
    async fn sight(&self, call: &Call, matter: &str) -> Result<Option<Sight>, Error> {
        let permit = permit(&self.desk, call, matter).await?;
        let examines = EXAMINERS.iter().any(|role| call.reader.roles.contains(role));
        Ok((permit.is_some() || examines).then_some(Sight { permit, examines }))
    }

    /// The entry as the desk shows it; `None` for one of the private journal, for one that was written after the reader was
    /// judged, and for one that is withheld from a reader who sees no envelopes.
    async fn entry(&self, sight: &Sight, held: StoredEntry) -> Result<Option<JournalEntry>, Error> {
        let Journal::Of(author) = held.journal else { return Ok(None) };
        if let Some(permit) = &sight.permit {
            match permit.judged(held.journal, held.header.seq, &held.hash) {
                Judged::Entry => {}
                Judged::Later => return Ok(None),
                Judged::Another => return Err(self.desk.store.altered(&held.header.matter).into()),
            }
        }
        let is_whole = sight.is_whole(held.journal, held.header.seq);
        if !is_whole && !sight.examines {
            return Ok(None);
        }
        let delivery = match author == self.desk.own {
            true => Some(self.delivery(held.header.seq).await?),
            false => None,
        };
        let header = held.header;
        Ok(Some(JournalEntry {
            name: entry_name(author, header.seq),
            entry_id: header.entry_id,
            author: author.into(),
            matter: header.matter,
            fact_type: header.fact_type,
            fact: (is_whole && held.fact.fact.is_some()).then_some(held.fact),
            written_at: header.written_at,
            arrived_at: instant(held.arrived_us),
            hash: hex::encode(held.hash),
            key_id: held.entry.key_id,
            content_present: held.content_present,
            trace_id: header.traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
            delivery,
            header: held.entry.header,
            signature: held.entry.signature,
        }))
    }

    /// The three levels: received by a receipt, recorded when the peer's journal is held up to that receipt, answered
    /// by an official.
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
                Some(fact) if delivery.answered_by.is_empty() && !registry::of_fact(&fact).is_automatic(&fact) => {
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
    async fn get_entry(&self, request: Request<GetEntryRequest>) -> Answer<JournalEntry> {
        open(request, &self.desk, async |call, it: GetEntryRequest| {
            let missing = || Error::because(Reason::NotFound, Sentence::for_developers("there is no such entry"));
            let (author, seq) = parse_entry_name(&it.name).ok_or_else(missing)?;
            let held = self.desk.store.entry(Journal::Of(author), seq).await?.ok_or_else(missing)?;
            let sight = self.sight(&call, &held.header.matter).await?.ok_or_else(missing)?;
            self.entry(&sight, held).await?.ok_or_else(missing)
        })
        .await
    }

    async fn look_up_matter(&self, request: Request<LookUpMatterRequest>) -> Answer<LookUpMatterResponse> {
        open(request, &self.desk, async |call, it: LookUpMatterRequest| {
            let number = CaseNumber::parse(&it.case_number, "case_number")?;
            let missing = || Error::because(Reason::NotFound, Sentence::for_developers("there is no such matter"));
            let matter = by_case_number(&self.desk, &call, &number).await?.ok_or_else(missing)?;
            Ok(LookUpMatterResponse { name: matter.to_string(), case_number: number.to_string() })
        })
        .await
    }

    async fn list_entries(&self, request: Request<ListEntriesRequest>) -> Answer<ListEntriesResponse> {
        open(request, &self.desk, async |call, it: ListEntriesRequest| {
            let query = ListEntriesRequest { matter: it.matter.clone(), ..ListEntriesRequest::default() };
            let query = Query::new(call.rule.path, &query);
            let after = begin(&self.desk, &query, &it.page_token, 0)?;
            // Before anything is counted: a hidden matter has no more pages than one that is not there.
            let Some(sight) = self.sight(&call, &it.matter).await? else { return Ok(ListEntriesResponse::default()) };
            let size = size(it.page_size);
            let mut held = self.desk.store.entries_of(&it.matter, after, size + 1).await?;
            let more = held.len() > size;
            held.truncate(size);
            let mut page = Filling::default();
            for held in held {
                if !page.add(held.turn, self.entry(&sight, held).await?) {
                    break;
                }
            }
            let next_page_token = match page.last.filter(|_| more || page.is_full) {
                Some(last) => self.desk.tokens.page_token_encode(&call.moment, &query, &last.to_be_bytes())?,
                None => String::new(),
            };
            Ok(ListEntriesResponse { entries: page.shown, next_page_token })
        })
        .await
    }

    async fn verify_journals(&self, request: Request<VerifyJournalsRequest>) -> Answer<Verification> {
        open(request, &self.desk, async |_, _: VerifyJournalsRequest| {
            let busy = |_| CallError::Full { reason: Reason::Busy, limit: "verifications at once", most: 1 };
            let _one = self.verifying.try_acquire().map_err(busy)?;
            Ok(match verify(&self.desk.store, &self.keys.own, &self.keys.peer).await {
                Ok(verified) => verification(&verified),
                Err(fault) => Verification { fault, ..Verification::default() },
            })
        })
        .await
    }

    async fn list_audit_records(&self, request: Request<ListAuditRecordsRequest>) -> Answer<ListAuditRecordsResponse> {
        open_secret(
            request,
            &self.desk,
            |it| &mut it.matter,
            async |call, it: ListAuditRecordsRequest| {
                let query = ListAuditRecordsRequest { matter: it.matter.clone(), ..ListAuditRecordsRequest::default() };
                let query = Query::new(call.rule.path, &query);
                let last = place::<RecordPlace>(&self.desk, &query, &it.page_token)?;
                let last = last.unwrap_or(RecordPlace { at_us: i64::MIN, ..RecordPlace::default() });
                let size = size(it.page_size);
                let mut found =
                    self.desk.store.recorded(&it.matter, (last.at_us, &last.chain, last.seq), size + 1).await?;
                let more = found.len() > size;
                found.truncate(size);
                let next_page_token = match found.last().filter(|_| more) {
                    Some(it) => {
                        let last = RecordPlace { at_us: it.at_us, chain: it.chain.clone(), seq: it.seq };
                        self.desk.tokens.page_token_encode(&call.moment, &query, &last.encode_to_vec())?
                    }
                    None => String::new(),
                };
                Ok(ListAuditRecordsResponse { records: found.into_iter().map(record).collect(), next_page_token })
            },
        )
        .await
    }

    async fn checkpoint_audit(&self, request: Request<CheckpointAuditRequest>) -> Answer<CheckpointAuditResponse> {
        open(request, &self.desk, async |call, _: CheckpointAuditRequest| {
            let heads = self.desk.store.audit_heads().await?;
            let checkpoint = Checkpoint { own: self.desk.own, heads };
            self.desk.write(&call, checkpoint).await
        })
        .await
    }
}

fn verification(verified: &Verified) -> Verification {
    let journals = verified.journals.iter().map(|(journal, head)| VerifiedJournal {
        journal: journal.id().to_owned(),
        seq: head.seq,
        hash: hex::encode(head.hash),
    });
    let chains = verified.chains.iter().map(|end| VerifiedChain {
        chain: end.chain.clone(),
        seq: end.seq,
        hash: hex::encode(end.hash),
    });
    Verification { journals: journals.collect(), chains: chains.collect(), fault: String::new() }
}

/// The place at which a list of records continues.
#[derive(Clone, PartialEq, prost::Message)]
struct RecordPlace {
    #[prost(sint64, tag = "1")]
    at_us: i64,
    #[prost(string, tag = "2")]
    chain: String,
    #[prost(uint64, tag = "3")]
    seq: u64,
}

fn record(it: Recorded) -> AuditRecord {
    AuditRecord {
        chain: it.chain,
        seq: it.seq,
        time: instant(it.at_us),
        official: it.official,
        caller: it.caller,
        method: it.method,
        purpose: it.purpose,
        outcome: it.outcome,
    }
}

/// Writes the ends of the audit chains and the head of the private journal into the own journal, if they moved.
pub struct Checkpoint {
    /// The agency whose chains are checkpointed.
    pub own: Agency,
    /// Their ends.
    pub heads: Vec<ChainHead>,
}

impl Command for Checkpoint {
    type Reply = CheckpointAuditResponse;

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
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
        stage.anchor_private();
        if unmoved || checkpoint.chains.is_empty() {
            return Ok(CheckpointAuditResponse::default());
        }
        let seq = stage.write(&Matter::journal(self.own), fact::Fact::AuditCheckpointed(checkpoint), None, 0)?;
        Ok(CheckpointAuditResponse { entry: entry_name(self.own, seq) })
    }
}
