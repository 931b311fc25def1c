//! The effect of a recall, the disposal of texts, and misdirected information: the acts, and the service.

use std::collections::BTreeSet;

use renkei_domain::{
    matter::Matter,
    noun::item::copies,
    page::Seen,
    refusal::{Refusal, missing},
};
use renkei_proto::{
    options::v1::Reason,
    sharing::v1::{
        AnswerRecallRequest, ApproveDisposalRequest, CloseMisdirectionRequest, CopyAnswered, CopyFate,
        CountMisdirectionReadersRequest, Item, ItemDisposed, MisdirectionClosed, MisdirectionReadersCounted,
        MisdirectionReported, RecallReminded, RemindOfRecallRequest, ReportMisdirectionRequest,
        recall_service_server::RecallService,
    },
};
use tonic::Request;

use super::acts::{Revision, named};
use crate::{
    act::{Act, ActCommand, ActContext, CheckContext, FactDraft, act},
    desk::{Answer, Desk, open},
    error::Error,
};

/// The methods that return texts of an item.
const TEXTS: [&str; 3] = ["ItemService/GetItem", "ItemService/ListItemEntries", "TitleService/ListTitles"];

/// The number of records of reads that are counted at once.
const CHUNK: usize = 1000;

impl Act for AnswerRecallRequest {
    type Resource = Item;
    type Checked = ();

    fn outlasts_scope(&self) -> bool {
        true
    }

    fn check(&mut self, _: &CheckContext<'_>) -> Result<(), Refusal> {
        let content = self.content.clone().unwrap_or_default();
        let must_match = |is_named: bool, fate: CopyFate, field, detail: (&str, &str)| match self.fate() == fate {
            true if !is_named => Err(missing(field)),
            false if is_named => Err(Refusal::field(Reason::FieldInvalid, field, detail)),
            _ => Ok(()),
        };
        let disposed = ("is stated for a destroyed copy alone", "廃棄した写しに限り指定することができます。");
        must_match(!content.approval.trim().is_empty(), CopyFate::Disposed, "content.approval", disposed)?;
        let retained = (
            "is stated for a copy that a law requires to be kept",
            "法令に基づき保存する写しに限り指定することができます。",
        );
        must_match(!content.law.trim().is_empty(), CopyFate::Retained, "content.law", retained)?;
        let disclosed = ("is named for a disclosed copy alone", "開示済の写しに限り指定することができます。");
        must_match(!self.disclosure.is_empty(), CopyFate::Disclosed, "disclosure", disclosed)
    }

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let (seen, opener) = (context.page(), context.matter.opener);
        let disclosure = match self.disclosure.as_str() {
            "" => 0,
            name => named(name, opener.peer(), "disclosure", copies::NO_DISCLOSURE)?,
        };
        let copy = if self.copy == 0 { copies::copy_of(seen, opener, disclosure) } else { self.copy };
        let answered = CopyAnswered {
            copy,
            fate: self.fate,
            disclosure,
            demand: self.demand,
            retained_until: self.retained_until.clone(),
            complete: self.complete,
        };
        Ok(FactDraft::new(answered).answering(copies::answered(seen, opener, disclosure)))
    }
}

impl Act for RemindOfRecallRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), _: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(RecallReminded {}))
    }
}

impl Act for ApproveDisposalRequest {
    type Resource = Item;
    type Checked = ();

    fn outlasts_scope(&self) -> bool {
        true
    }

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let peer_seq = copies::last_of(context.page(), context.stage.own().peer());
        Ok(FactDraft::new(ItemDisposed { ground: self.ground, peer_seq }))
    }
}

impl Act for ReportMisdirectionRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(MisdirectionReported {}).answering(Revision::current(context).entry))
    }
}

impl Act for CountMisdirectionReadersRequest {
    type Resource = Item;
    type Checked = MisdirectionReadersCounted;

    fn outlasts_scope(&self) -> bool {
        true
    }

    fn draft(&self, counted: &MisdirectionReadersCounted, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let (opener, own) = (context.matter.opener, context.stage.own());
        let answers = copies::incident_entry(context.page(), opener, own);
        Ok(FactDraft::new(*counted).answering(answers))
    }
}

impl Act for CloseMisdirectionRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let (opener, own) = (context.matter.opener, context.stage.own());
        let answers = copies::incident_entry(context.page(), opener, own);
        Ok(FactDraft::new(MisdirectionClosed { unfounded: self.unfounded }).answering(answers))
    }
}

/// The implementation of `RecallService`.
pub(crate) struct Recalls {
    desk: Desk,
}

impl Recalls {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    /// The officials and systems that have read a text of the item before it was sealed, by the records of reads.
    async fn readers(&self, item: &str) -> Result<MisdirectionReadersCounted, Error> {
        let page = self.desk.store.page(item).await?.unwrap_or_default();
        let sealed_us = copies::sealed_at(Seen::whole(&page), Matter::of(item).opener)
            .map_or(i64::MAX, |sealed| sealed.as_microsecond());
        let (mut officials, mut systems, mut reads) = (BTreeSet::new(), BTreeSet::new(), 0);
        let mut last = (i64::MIN, String::new(), 0);
        loop {
            let records = self.desk.store.recorded(item, (last.0, &last.1, last.2), CHUNK).await?;
            let is_all = records.len() < CHUNK;
            for it in records {
                last = (it.at_us, it.chain, it.seq);
                let is_of_texts = TEXTS.iter().any(|method| it.method.ends_with(method));
                if is_of_texts && it.outcome == "OK" && it.at_us < sealed_us {
                    officials.insert(it.official);
                    systems.insert(it.caller);
                    reads += 1;
                }
            }
            if is_all {
                let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
                let (officials, systems) = (number(officials.len()), number(systems.len()));
                return Ok(MisdirectionReadersCounted { officials, reads, systems });
            }
        }
    }
}

#[tonic::async_trait]
impl RecallService for Recalls {
    async fn answer_recall(&self, it: Request<AnswerRecallRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn remind_of_recall(&self, it: Request<RemindOfRecallRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn approve_disposal(&self, it: Request<ApproveDisposalRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn report_misdirection(&self, it: Request<ReportMisdirectionRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn count_misdirection_readers(&self, it: Request<CountMisdirectionReadersRequest>) -> Answer<Item> {
        open(it, &self.desk, async |call, act: CountMisdirectionReadersRequest| {
            let counted = self.readers(&act.name).await?;
            let mut command = ActCommand::by(&self.desk, &call, act)?;
            command.checked = counted;
            self.desk.write(&call, command).await
        })
        .await
    }

    async fn close_misdirection(&self, it: Request<CloseMisdirectionRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }
}
