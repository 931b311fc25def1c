//! The acts of officials: every method of the desk that changes something, as a value that is submitted in memory or called
//! over a connection.

use aws_lc_rs::digest::{SHA256, digest};
use prost::Message as _;
use renkei_book::{CallOrigin, Submission};
use renkei_desk::{ActCommand, CheckContext, Count, CountFiling, FollowUp, Issue, Quoted};
use renkei_domain::{
    calendar::Calendar,
    matter::Matter,
    moment::Moment,
    noun::{
        code,
        referral::{self, code_lookup},
    },
    refusal::Refusal,
    visibility::Reader,
};
use renkei_proto::{
    Sentence, Validate as _,
    advice::v1::{
        AcceptAdviceRequestRequest, AnswerClarificationRequest, AnswerQuotationRequest, AskClarificationRequest,
        AskFurtherQuestionsRequest, AskQuotationRequest, CloseAdviceRequestRequest, CorrectAdviceRequest,
        DeclineAdviceRequestRequest, GiveAdviceRequest, HandBackAdviceRequestRequest, RevisePlanRequest,
        SubmitAdviceRequestRequest, SupplementAdviceRequestRequest, WithdrawAdviceRequestRequest,
    },
    agreement::v1::{AssentToWithdrawalRequest, GiveNoticeRequest, RecordNoticeArrivalRequest, WithdrawNoticeRequest},
    evidence::v1::{BarOfficialRequest, UnbarOfficialRequest},
    options::v1::Reason,
    referral::v1::{
        ConfirmReferralGivenRequest, CountReferralsRequest, DischargeReferralRequest, FollowUpReferralRequest,
        IssueReferralRequest, PublishSchemeRequest, ReviseJudgementRequest, ReviseSchemeRequest,
        ReviseStatutoryFactsRequest, WithdrawSchemeRequest,
    },
    sharing::v1::{
        AcknowledgeItemRequest, AnnounceDisclosureRequest, AnswerItemQuestionRequest, AnswerRecallRequest,
        ApproveDisposalRequest, AskAboutItemRequest, CloseMisdirectionRequest, CountMisdirectionReadersRequest,
        DenyConsentRequest, GiveDisclosureOpinionRequest, GiveFeedbackRequest, GrantConsentRequest,
        NarrowConsentRequest, PublishItemRequest, RecallItemRequest, RecordDisclosureRequest, RemindOfRecallRequest,
        ReportMisdirectionRequest, RequestConsentRequest, ReviseItemRequest, RevokeConsentRequest,
        WithdrawConsentRequestRequest,
    },
    r#type::v1::Agency,
};

/// The way of a request to its command.
type Way<R> = fn(R, &Caller<'_>, &CheckContext<'_>) -> Result<Submission, Refusal>;

/// A caller of the desk.
pub struct Caller<'a> {
    /// The agency of the desk.
    pub own: Agency,
    /// The official who acts.
    pub official: &'a str,
    /// The roles, the unit and the purpose by which the caller is judged.
    pub reader: Reader,
    /// The matter that has this other name, as the desk finds it.
    pub lookup: &'a dyn Fn(&renkei_domain::index::Lookup) -> Option<String>,
}

macro_rules! acts {
    ($($method:ident($request:ty, $path:literal, $way:expr),)*) => {
        /// The request of an act.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Act {
            $(#[doc = concat!("A request of `", $path, "`.")] $method($request),)*
        }

        impl Act {
            /// The paths of all methods.
            pub const PATHS: &[&str] = &[$($path,)*];

            /// The method's path.
            pub fn path(&self) -> &'static str {
                match self {
                    $(Self::$method(_) => $path,)*
                }
            }

            /// The key under which a repeat is found.
            pub fn request_id(&self) -> &str {
                match self {
                    $(Self::$method(request) => &request.request_id,)*
                }
            }

            /// The number of rules of the contract that the request breaks.
            pub fn violations(&self) -> usize {
                match self {
                    $(Self::$method(request) => request.violations().len(),)*
                }
            }

            /// The bytes of the request.
            fn bytes(&self) -> Vec<u8> {
                match self {
                    $(Self::$method(request) => request.encode_to_vec(),)*
                }
            }

            fn command(self, caller: &Caller<'_>, context: &CheckContext<'_>) -> Result<Submission, Refusal> {
                match self {
                    $(Self::$method(request) => {
                        let way: Way<$request> = $way;
                        way(request, caller, context)
                    })*
                }
            }
        }

        $(impl From<$request> for Act {
            fn from(request: $request) -> Self {
                Self::$method(request)
            }
        })*
    };
}

acts! {
    SubmitAdviceRequest(SubmitAdviceRequestRequest, "/renkei.advice.v1.AdviceAskingService/SubmitAdviceRequest", act),
    SupplementAdviceRequest(
        SupplementAdviceRequestRequest, "/renkei.advice.v1.AdviceAskingService/SupplementAdviceRequest", act),
    AnswerClarification(AnswerClarificationRequest, "/renkei.advice.v1.AdviceAskingService/AnswerClarification", act),
    AskFurtherQuestions(AskFurtherQuestionsRequest, "/renkei.advice.v1.AdviceAskingService/AskFurtherQuestions", act),
    AskQuotation(AskQuotationRequest, "/renkei.advice.v1.AdviceAskingService/AskQuotation", act),
    WithdrawAdviceRequest(
        WithdrawAdviceRequestRequest, "/renkei.advice.v1.AdviceAskingService/WithdrawAdviceRequest", act),
    CloseAdviceRequest(CloseAdviceRequestRequest, "/renkei.advice.v1.AdviceAskingService/CloseAdviceRequest", act),
    AcceptAdviceRequest(AcceptAdviceRequestRequest, "/renkei.advice.v1.AdviceGivingService/AcceptAdviceRequest", act),
    RevisePlan(RevisePlanRequest, "/renkei.advice.v1.AdviceGivingService/RevisePlan", act),
    HandBackAdviceRequest(
        HandBackAdviceRequestRequest, "/renkei.advice.v1.AdviceGivingService/HandBackAdviceRequest", act),
    DeclineAdviceRequest(
        DeclineAdviceRequestRequest, "/renkei.advice.v1.AdviceGivingService/DeclineAdviceRequest", act),
    AskClarification(AskClarificationRequest, "/renkei.advice.v1.AdviceGivingService/AskClarification", act),
    GiveAdvice(GiveAdviceRequest, "/renkei.advice.v1.AdviceGivingService/GiveAdvice", act),
    CorrectAdvice(CorrectAdviceRequest, "/renkei.advice.v1.AdviceGivingService/CorrectAdvice", act),
    AnswerQuotation(AnswerQuotationRequest, "/renkei.advice.v1.AdviceGivingService/AnswerQuotation", act),
    GiveNotice(GiveNoticeRequest, "/renkei.agreement.v1.AgreementService/GiveNotice", act),
    RecordNoticeArrival(RecordNoticeArrivalRequest, "/renkei.agreement.v1.AgreementService/RecordNoticeArrival", act),
    WithdrawNotice(WithdrawNoticeRequest, "/renkei.agreement.v1.AgreementService/WithdrawNotice", act),
    AssentToWithdrawal(AssentToWithdrawalRequest, "/renkei.agreement.v1.AgreementService/AssentToWithdrawal", act),
    PublishItem(PublishItemRequest, "/renkei.sharing.v1.ItemService/PublishItem", act),
    ReviseItem(ReviseItemRequest, "/renkei.sharing.v1.ItemService/ReviseItem", act),
    RecallItem(RecallItemRequest, "/renkei.sharing.v1.ItemService/RecallItem", act),
    AcknowledgeItem(AcknowledgeItemRequest, "/renkei.sharing.v1.ItemService/AcknowledgeItem", act),
    AskAboutItem(AskAboutItemRequest, "/renkei.sharing.v1.ItemService/AskAboutItem", act),
    AnswerItemQuestion(AnswerItemQuestionRequest, "/renkei.sharing.v1.ItemService/AnswerItemQuestion", act),
    GiveFeedback(GiveFeedbackRequest, "/renkei.sharing.v1.ItemService/GiveFeedback", act),
    RequestConsent(RequestConsentRequest, "/renkei.sharing.v1.ConsentService/RequestConsent", act),
    GrantConsent(GrantConsentRequest, "/renkei.sharing.v1.ConsentService/GrantConsent", act),
    NarrowConsent(NarrowConsentRequest, "/renkei.sharing.v1.ConsentService/NarrowConsent", act),
    DenyConsent(DenyConsentRequest, "/renkei.sharing.v1.ConsentService/DenyConsent", act),
    RevokeConsent(RevokeConsentRequest, "/renkei.sharing.v1.ConsentService/RevokeConsent", act),
    WithdrawConsentRequest(
        WithdrawConsentRequestRequest, "/renkei.sharing.v1.ConsentService/WithdrawConsentRequest", act),
    RecordDisclosure(RecordDisclosureRequest, "/renkei.sharing.v1.DisclosureService/RecordDisclosure", act),
    AnnounceDisclosure(AnnounceDisclosureRequest, "/renkei.sharing.v1.DisclosureService/AnnounceDisclosure", act),
    GiveDisclosureOpinion(
        GiveDisclosureOpinionRequest, "/renkei.sharing.v1.DisclosureService/GiveDisclosureOpinion", act),
    AnswerRecall(AnswerRecallRequest, "/renkei.sharing.v1.RecallService/AnswerRecall", act),
    RemindOfRecall(RemindOfRecallRequest, "/renkei.sharing.v1.RecallService/RemindOfRecall", act),
    ApproveDisposal(ApproveDisposalRequest, "/renkei.sharing.v1.RecallService/ApproveDisposal", act),
    ReportMisdirection(ReportMisdirectionRequest, "/renkei.sharing.v1.RecallService/ReportMisdirection", act),
    CountMisdirectionReaders(
        CountMisdirectionReadersRequest, "/renkei.sharing.v1.RecallService/CountMisdirectionReaders", act),
    CloseMisdirection(CloseMisdirectionRequest, "/renkei.sharing.v1.RecallService/CloseMisdirection", act),
    PublishScheme(PublishSchemeRequest, "/renkei.referral.v1.SchemeService/PublishScheme", act),
    ReviseScheme(ReviseSchemeRequest, "/renkei.referral.v1.SchemeService/ReviseScheme", act),
    WithdrawScheme(WithdrawSchemeRequest, "/renkei.referral.v1.SchemeService/WithdrawScheme", act),
    IssueReferral(IssueReferralRequest, "/renkei.referral.v1.ReferralService/IssueReferral", issue),
    ConfirmReferralGiven(
        ConfirmReferralGivenRequest, "/renkei.referral.v1.ReferralService/ConfirmReferralGiven", act),
    FollowUpReferral(FollowUpReferralRequest, "/renkei.referral.v1.ReferralService/FollowUpReferral", follow_up),
    DischargeReferral(DischargeReferralRequest, "/renkei.referral.v1.ReferralService/DischargeReferral", act),
    ReviseStatutoryFacts(
        ReviseStatutoryFactsRequest, "/renkei.referral.v1.ReferralService/ReviseStatutoryFacts", act),
    ReviseJudgement(ReviseJudgementRequest, "/renkei.referral.v1.ReferralService/ReviseJudgement", act),
    CountReferrals(CountReferralsRequest, "/renkei.referral.v1.ReferralService/CountReferrals", count),
    BarOfficial(BarOfficialRequest, "/renkei.evidence.v1.OfficialService/BarOfficial", act),
    UnbarOfficial(UnbarOfficialRequest, "/renkei.evidence.v1.OfficialService/UnbarOfficial", act),
}

impl Act {
    /// The act as it waits for the writer, after every check that the desk makes before.
    ///
    /// # Errors
    /// The refusal of such a check.
    pub fn submission(self, caller: &Caller<'_>, moment: &Moment, barred: usize) -> Result<Submission, Refusal> {
        if self.violations() > 0 {
            return Err(Refusal::new(
                Reason::FieldInvalid,
                Sentence::for_developers("the request breaks the contract"),
            ));
        }
        let calendar = &Calendar::built_in();
        let context = CheckContext { own: caller.own, moment, official: caller.official, barred, calendar };
        let identity = format!("{}-{}", caller.own.id(), caller.reader.unit);
        let call = CallOrigin {
            digest: keyed(&[identity.as_bytes(), self.path().as_bytes(), &self.bytes()]),
            caller: identity,
            official: caller.official.to_owned(),
            unit: caller.reader.unit.clone(),
            purpose: caller.reader.purpose.id(),
            method: self.path().to_owned(),
            request_id: self.request_id().to_owned(),
            traceparent: String::new(),
        };
        let mut submission = self.command(caller, &context)?;
        submission.call = call;
        Ok(submission)
    }
}

/// A command whose call is filled in by [`Act::submission`].
fn of_call(command: impl renkei_book::Command, context: &CheckContext<'_>) -> Submission {
    Submission::new(command, CallOrigin::default(), context.moment.clone())
}

fn act<A: renkei_desk::Act>(
    request: A,
    caller: &Caller<'_>,
    context: &CheckContext<'_>,
) -> Result<Submission, Refusal> {
    Ok(of_call(ActCommand::checked(request, caller.reader.clone(), context)?, context))
}

fn count(request: CountReferralsRequest, _: &Caller<'_>, context: &CheckContext<'_>) -> Result<Submission, Refusal> {
    Ok(of_call(Count { own: context.own, month: request.month }, context))
}

fn issue(request: IssueReferralRequest, _: &Caller<'_>, context: &CheckContext<'_>) -> Result<Submission, Refusal> {
    let matter = Matter::new(referral::COLLECTION, context.own, &context.moment.id("referral", 0));
    let proof = proof(code::secret(&CODE_KEY, &matter.id), &matter.id);
    let digest = if request.with_code { keyed(&[&proof]) } else { Vec::new() };
    Ok(of_call(Issue::new(matter, &CODE_KEY, digest, request), context))
}

fn follow_up(
    request: FollowUpReferralRequest,
    caller: &Caller<'_>,
    context: &CheckContext<'_>,
) -> Result<Submission, Refusal> {
    let own = context.own;
    let mistyped =
        |_| Refusal::field(Reason::CodeMistyped, "code", Sentence::for_developers("its check character does not fit"));
    let code = code::parse(&request.code).map_err(mistyped)?;
    let found = (caller.lookup)(&code_lookup(own.peer(), code.locator())).map(|name| Matter::of(&name));
    let proof = proof(code.secret(), found.as_ref().map_or("", |matter| matter.id.as_str()));
    let tries = Matter::new(code::COLLECTION, own.peer(), code.locator());
    let quoted = Quoted { found, tries, proof };
    if !request.reporter_agreed {
        return Ok(of_call(CountFiling { own, quoted: Some(quoted), request }, context));
    }
    Ok(of_call(FollowUp { quoted, request }, context))
}

/// The key from which the secrets of codes are derived, for both agencies.
const CODE_KEY: [u8; 32] = [7; 32];

/// The code of a referral with this ordinal.
pub fn code_of(ordinal: u64, referral_id: &str) -> String {
    code::Code::new(ordinal, code::secret(&CODE_KEY, referral_id)).to_string()
}

/// A proof that is cheap. The real one takes as long as a guess must take, and its digest is used alike.
fn proof(secret: [u8; 5], referral_id: &str) -> [u8; 32] {
    let mut proof = [0; 32];
    proof.copy_from_slice(&keyed(&[&secret, referral_id.as_bytes()]));
    proof
}

fn keyed(parts: &[&[u8]]) -> Vec<u8> {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}
