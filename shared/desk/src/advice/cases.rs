//! The case numbers that a request for advice names: each is spelled by a person, and names a matter that they may read.

use renkei_book::{Command, Stage};
use renkei_domain::{case_number::CaseNumber, moment::Moment, read_set::ReadSet, refusal::Refusal};
use renkei_proto::{
    advice::v1::{AdviceRequest, SubmitAdviceRequestRequest},
    options::v1::Reason,
};
use renkei_rpc::validate::Call;

use crate::{act::ActCommand, desk::Desk, error::Error, read::by_case_number};

/// The case numbers that a request for advice names.
#[derive(Default)]
pub struct NamedCases {
    /// The referral of the same case.
    pub(super) referral: Option<CaseNumber>,
    /// Related matters, in the order in which they are named.
    pub(super) related: Vec<CaseNumber>,
}

impl NamedCases {
    /// The case numbers as they are spelled in a request.
    ///
    /// # Errors
    /// `FIELD_INVALID` for a text that is no case number.
    pub(super) fn of(it: &SubmitAdviceRequestRequest) -> Result<Self, Refusal> {
        let referral = Some(&it.referral).filter(|text| !text.is_empty());
        let referral = referral.map(|text| CaseNumber::parse(text, "referral")).transpose()?;
        let related = it.related_cases.iter().map(|text| CaseNumber::parse(text, "related_cases"));
        Ok(Self { referral, related: related.collect::<Result<_, _>>()? })
    }

    /// True if no case is named.
    pub(super) fn is_empty(&self) -> bool {
        self.referral.is_none() && self.related.is_empty()
    }

    /// The first field that names a matter which this register does not contain, or which is hidden from the caller.
    async fn unknown(&self, desk: &Desk, call: &Call) -> Result<Option<&'static str>, Error> {
        let fields = [("referral", self.referral.as_slice()), ("related_cases", self.related.as_slice())];
        for (field, numbers) in fields {
            for number in numbers {
                if by_case_number(desk, call, number).await?.is_none() {
                    return Ok(Some(field));
                }
            }
        }
        Ok(None)
    }
}

/// A request for advice whose case numbers were looked up in the own register. The refusal waits for the writer, so that a
/// repeat of the call gets the first reply even if a named matter was hidden from its caller since.
pub(super) struct Submit {
    command: ActCommand<SubmitAdviceRequestRequest>,
    unknown: Option<&'static str>,
}

impl Submit {
    /// A checked request for advice.
    ///
    /// # Errors
    /// `FIELD_INVALID`, or a database that does not answer.
    pub(super) async fn new(desk: &Desk, call: &Call, it: SubmitAdviceRequestRequest) -> Result<Self, Error> {
        let command = ActCommand::by(desk, call, it)?;
        let unknown = command.checked.cases.unknown(desk, call).await?;
        Ok(Self { command, unknown })
    }
}

impl Command for Submit {
    type Reply = AdviceRequest;

    fn reads(&self, moment: &Moment) -> ReadSet {
        self.command.reads(moment)
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<AdviceRequest, Refusal> {
        match self.unknown {
            // Hidden and missing look the same.
            Some(field) => Err(Refusal::field(
                Reason::FieldInvalid,
                field,
                ("names a matter that is not known here", "指定された案件は、当機関の台帳にありません。"),
            )),
            None => self.command.run(stage, moment),
        }
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, moment: &Moment) -> Option<AdviceRequest> {
        self.command.reply_to_repeat(stage, matter, moment)
    }
}
