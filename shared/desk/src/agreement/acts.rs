//! The acts of the agreement: the check of each request, and the fact that it writes.

use prost::Message as _;
use renkei_domain::{
    calendar,
    matter::{Matter, parse_entry_name},
    moment::Moment,
    noun::agreement::{document, withdrawal},
    refusal::{Refusal, past, past_day},
    term,
};
use renkei_proto::{
    Sentence, Validate,
    agreement::v1::{
        Agreement, ArrivalChannel, AssentToWithdrawalRequest, GiveNoticeRequest, NoticeArrived, NoticeGiven,
        NoticeGivenContent, NoticeReceived, NoticeWithdrawalAssented, NoticeWithdrawn, RecordNoticeArrivalRequest,
        WithdrawNoticeRequest,
    },
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::act::{Act, ActContext, CheckContext, FactDraft, seq_of};

impl Act for GiveNoticeRequest {
    type Resource = Agreement;
    type Checked = ();

    fn matter(&self, _: Agency, _: &Moment) -> Matter {
        Matter::of(Matter::AGREEMENT)
    }

    fn check(&mut self, _: &CheckContext<'_>) -> Result<(), Refusal> {
        self.document = document(&self.document);
        let sample = NoticeGiven { kind: self.kind, term: 1, document: self.document.clone() };
        must_be_number(&sample)
    }

    fn content(&mut self, (): &()) -> Option<Vec<u8>> {
        Some(NoticeGivenContent { text: self.text.take() }.encode_to_vec())
    }

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        // The writer may raise the time over the end of a term, so the term is that of the writing.
        let Some(term) = term::term_on(calendar::day(context.moment.now)) else {
            return Err(Refusal::new(
                Reason::AgreementNotInForce,
                ("the agreement has not begun", "覚書の有効期間は始まっていません。"),
            ));
        };
        let document = self.document.clone();
        Ok(FactDraft::new(NoticeGiven { kind: self.kind, term: term.ordinal, document }))
    }
}

/// Refuses a document number that the contract's fact does not admit.
fn must_be_number(sample: &impl Validate) -> Result<(), Refusal> {
    if sample.violations().is_empty() {
        return Ok(());
    }
    let detail = (
        "must be 1-40 letters, digits and ( ) . / _ -, beginning with a letter or digit",
        "文書番号は、英数字等40文字以内で、英数字から始まるように指定してください。",
    );
    Err(Refusal::field(Reason::FieldInvalid, "document", detail))
}

impl Act for RecordNoticeArrivalRequest {
    type Resource = Agreement;
    type Checked = ();

    fn check(&mut self, context: &CheckContext<'_>) -> Result<(), Refusal> {
        if self.channel() == ArrivalChannel::Link {
            let detail = (
                "must be paper or telephone: the service records arrivals over the link",
                "「書面」又は「電話」を指定してください。機関間接続による到達は、システムが登録します。",
            );
            return Err(Refusal::field(Reason::FieldInvalid, "channel", detail));
        }
        let arrived_at = past("arrived_at", self.arrived_at.as_ref(), context.moment.now)?;
        self.document = document(&self.document);
        must_be_number(&NoticeReceived {
            kind: 1,
            written_on: calendar::day(arrived_at).to_string(),
            channel: self.channel,
            arrived_at: self.arrived_at,
            document: self.document.clone(),
        })?;
        match (&self.received, self.notice.is_empty()) {
            (None, true) => {
                let detail = (
                    "must name the peer's entry, or `received` must state the notice",
                    "相手方の記録を指定するか、受領した申し出の内容を記載してください。",
                );
                Err(Refusal::field(Reason::FieldInvalid, "notice", detail))
            }
            (Some(_), false) => {
                let detail = (
                    "must be absent where `notice` names the entry",
                    "記録を指定した場合は、申し出の内容を記載することはできません。",
                );
                Err(Refusal::field(Reason::FieldInvalid, "received", detail))
            }
            (None, false) => Ok(()),
            (Some(received), true) => {
                past_day("received.written_on", &received.written_on, context.moment.now).map(|_| ())
            }
        }
    }

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let (channel, arrived_at, document) = (self.channel, self.arrived_at, self.document.clone());
        if let Some(received) = &self.received {
            let (kind, written_on) = (received.kind, received.written_on.clone());
            return Ok(FactDraft::new(NoticeReceived { kind, written_on, channel, arrived_at, document }));
        }
        let notice_seq = seq_of(&self.notice, context.stage.own().peer(), "notice")?;
        let arrived = NoticeArrived { notice_seq, channel, arrived_at, document };
        Ok(FactDraft::new(arrived).answering(notice_seq))
    }
}

impl Act for WithdrawNoticeRequest {
    type Resource = Agreement;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let Some((author, notice_seq)) = parse_entry_name(&self.notice) else {
            return Err(Refusal::field(Reason::NotFound, "notice", Sentence::for_developers("there is no such entry")));
        };
        let received = author != context.stage.own();
        Ok(FactDraft::new(NoticeWithdrawn { notice_seq, received }))
    }
}

impl Act for AssentToWithdrawalRequest {
    type Resource = Agreement;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let giver = context.stage.own().peer();
        let seq = seq_of(&self.withdrawal, giver, "withdrawal")?;
        let Some(withdrawn) = withdrawal(context.page(), giver, seq) else {
            return Err(Refusal::field(
                Reason::NotFound,
                "withdrawal",
                Sentence::for_developers("there is no such withdrawal"),
            ));
        };
        let NoticeWithdrawn { notice_seq, received } = *withdrawn;
        Ok(FactDraft::new(NoticeWithdrawalAssented { notice_seq, received }).answering(seq))
    }
}
