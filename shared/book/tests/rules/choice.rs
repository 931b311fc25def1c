//! Everything an agency can do today, each as one choice: for tests that try all pairs, and random sequences.

use jiff::ToSpan as _;
use renkei_proto::{
    advice::v1::QuotationFinding,
    agreement::v1::NoticeKind,
    sharing::v1::RecallReason,
    r#type::v1::{Agency, Audience, Finding, Purpose},
};

use super::{
    acts::{
        Report, assent, assent_to_record, count_last, discharge, follow_up, give, issue, judge, notice, numbered,
        paper, publish, received, records, referral, report, revise, withdraw, withdraw_notice, withdraw_record,
    },
    advice_acts as advice,
    catalogue::{IDS, KINDS, REPORTERS, scheme},
    consent_acts as consent, item_acts as item,
    model::{Act, Party, notices},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Publish,
    Revise,
    Withdraw,
    Issue,
    Give,
    FollowUp,
    Judge,
    Discharge,
    Notice,
    WithdrawNotice,
    Assent,
    Paper,
    Numbered,
    Received,
    WithdrawRecord,
    AssentRecord,
    Count,
    AskAdvice,
    Supplement,
    AnswerClarification,
    AskFurther,
    AskQuotation,
    WithdrawRequest,
    Close,
    Accept,
    RevisePlan,
    HandBack,
    Decline,
    AskClarification,
    GiveInterim,
    GiveFinal,
    Correct,
    AnswerQuotation,
    PublishItem,
    ReviseItem,
    Recall,
    AnswerQuestion,
    Acknowledge,
    Raise,
    AskAbout,
    Feedback,
    Seal,
    GrantInAdvance,
    Grant,
    Narrow,
    Deny,
    Revoke,
    Keep,
    Widen,
    Opinion,
    RecallMisdirected,
    Remind,
    CloseMisdirection,
    DisposeOwn,
    RequestConsent,
    WithdrawConsentRequest,
    DiscloseInScope,
    DiscloseByConsent,
    DiscloseByLaw,
    Announce,
    AnswerRecall,
    ReportMisdirection,
    CountReaders,
    DisposePeers,
}

/// Referral and the agreement: either agency does all of it.
pub const CHOICES: [Choice; 15] = [
    Choice::Publish,
    Choice::Revise,
    Choice::Withdraw,
    Choice::Issue,
    Choice::Give,
    Choice::FollowUp,
    Choice::Judge,
    Choice::Discharge,
    Choice::Notice,
    Choice::WithdrawNotice,
    Choice::Assent,
    Choice::Paper,
    Choice::Numbered,
    Choice::Received,
    Choice::Count,
];

/// Notices: all that either agency does with them.
pub const NOTICE: [Choice; 8] = [
    Choice::Notice,
    Choice::WithdrawNotice,
    Choice::Assent,
    Choice::Paper,
    Choice::Numbered,
    Choice::Received,
    Choice::WithdrawRecord,
    Choice::AssentRecord,
];

/// Advice: PPC's acts, then IPA's.
pub const ADVICE: [Choice; 16] = [
    Choice::AskAdvice,
    Choice::Supplement,
    Choice::AnswerClarification,
    Choice::AskFurther,
    Choice::AskQuotation,
    Choice::WithdrawRequest,
    Choice::Close,
    Choice::Accept,
    Choice::RevisePlan,
    Choice::HandBack,
    Choice::Decline,
    Choice::AskClarification,
    Choice::GiveInterim,
    Choice::GiveFinal,
    Choice::Correct,
    Choice::AnswerQuotation,
];

/// Items: the originator's acts, then the receiver's.
pub const ITEM: [Choice; 9] = [
    Choice::PublishItem,
    Choice::ReviseItem,
    Choice::Recall,
    Choice::AnswerQuestion,
    Choice::Acknowledge,
    Choice::Raise,
    Choice::AskAbout,
    Choice::Feedback,
    Choice::Seal,
];

/// Consent, disclosure and the effect of a recall: the originator's acts, then the receiver's.
pub const CONSENT: [Choice; 22] = [
    Choice::GrantInAdvance,
    Choice::Grant,
    Choice::Narrow,
    Choice::Deny,
    Choice::Revoke,
    Choice::Keep,
    Choice::Widen,
    Choice::Opinion,
    Choice::RecallMisdirected,
    Choice::Remind,
    Choice::CloseMisdirection,
    Choice::DisposeOwn,
    Choice::RequestConsent,
    Choice::WithdrawConsentRequest,
    Choice::DiscloseInScope,
    Choice::DiscloseByConsent,
    Choice::DiscloseByLaw,
    Choice::Announce,
    Choice::AnswerRecall,
    Choice::ReportMisdirection,
    Choice::CountReaders,
    Choice::DisposePeers,
];

const FINDINGS: [Finding; 4] = [Finding::Applies, Finding::Suspected, Finding::DoesNotApply, Finding::Pending];
const NOTICES: [NoticeKind; 3] = [NoticeKind::Other, NoticeKind::NotRenew, NoticeKind::Change];

impl Choice {
    /// The act of this agency on the nth object of its kind; `None` if there is no such object. The act may still be
    /// refused.
    pub fn act(self, party: &Party, n: u8) -> Option<Act> {
        let own = party.own;
        let notice_of = |giver: Agency| notices(party, giver).get(usize::from(n)).copied();
        Some(match self {
            Self::Publish => publish(own, &format!("another-{}", n % 4)),
            Self::Revise => revise(party, &scheme(own, id(own, n))),
            Self::Withdraw => withdraw(party, &scheme(own, id(own, n))),
            Self::Issue => issue(party, &referral(own, 2 + n % 4), &varied(own, n)),
            Self::Give => give(party, &referral(own, n % 6)),
            Self::FollowUp => follow_up(party, &referral(own.peer(), n % 6)),
            Self::Judge => judge(party, &referral(own, n % 6), of(FINDINGS, n)),
            Self::Discharge => discharge(&referral(own, n % 6)),
            Self::Notice => notice(party, of(NOTICES, n)),
            Self::WithdrawNotice => withdraw_notice(notice_of(own)?),
            Self::Assent => assent(party, notice_of(own.peer())?),
            Self::Paper => paper(notice_of(own.peer())?, party.now - 1.hour()),
            Self::Numbered => numbered(party, of(NOTICES, n), &number(n)),
            Self::Received => received(party, of(NOTICES, n), &number(n)),
            Self::WithdrawRecord => withdraw_record(*records(party, own.peer()).get(usize::from(n))?),
            Self::AssentRecord => assent_to_record(party, *records(party, own).get(usize::from(n))?),
            Self::Count => count_last(party),
            _ => self.on_advice(party, n).or_else(|| self.on_item(party, n)).or_else(|| self.on_consent(party, n))?,
        })
    }

    fn on_advice(self, party: &Party, n: u8) -> Option<Act> {
        let matter = advice::request(n % 4);
        Some(match self {
            Self::AskAdvice => advice::ask(party, &matter),
            Self::Supplement => advice::supplement(party, &matter, 1),
            Self::AnswerClarification => advice::answer_clarification(party, &matter),
            Self::AskFurther => advice::ask_further(party, &matter, 1),
            Self::AskQuotation => advice::ask_quotation(party, &matter),
            Self::WithdrawRequest => advice::withdraw_request(&matter),
            Self::Close => advice::close(party, &matter),
            Self::Accept => advice::accept(party, &matter),
            Self::RevisePlan => advice::revise_plan(party, &matter),
            Self::HandBack => advice::hand_back(party, &matter),
            Self::Decline => advice::decline(party, &matter),
            Self::AskClarification => advice::ask_clarification(party, &matter),
            Self::GiveInterim => advice::give_interim(party, &matter),
            Self::GiveFinal => advice::give_final(party, &matter),
            Self::Correct => advice::correct(party, &matter),
            Self::AnswerQuotation => advice::answer_quotation(party, &matter, QuotationFinding::Agreed),
            _ => return None,
        })
    }

    fn on_item(self, party: &Party, n: u8) -> Option<Act> {
        let (own, peers) = (item::item(party.own, n % 4), item::item(party.own.peer(), n % 4));
        Some(match self {
            Self::PublishItem => item::publish_some(party, n),
            Self::ReviseItem => item::revise(party, &own, item::terms()),
            Self::Recall => item::recall_item(&own),
            Self::AnswerQuestion => item::answer_question(party, &own),
            Self::Acknowledge => item::acknowledge(party, &peers, None),
            Self::Raise => item::raise(party, &peers),
            Self::AskAbout => item::ask_about(party, &peers),
            Self::Feedback => item::feedback(party, &peers),
            Self::Seal => item::seal(party, &peers),
            _ => return None,
        })
    }

    fn on_consent(self, party: &Party, n: u8) -> Option<Act> {
        let (own, peers) = (item::item(party.own, n % 4), item::item(party.own.peer(), n % 4));
        let community = item::designated(Audience::Community, &[], &[Purpose::IncidentResponse, Purpose::Policy]);
        Some(match self {
            Self::GrantInAdvance => consent::grant_in_advance(party, &own),
            Self::Grant => consent::grant(party, &own),
            Self::Narrow => consent::narrow(party, &own),
            Self::Deny => consent::deny(party, &own),
            Self::Revoke => consent::revoke(party, &own),
            Self::Keep => consent::keep(party, &own),
            Self::Widen => item::revise(party, &own, item::within(community)),
            Self::Opinion => consent::opinion(party, &own),
            Self::RecallMisdirected => consent::recall_for(party, &own, RecallReason::Misdirected),
            Self::Remind => consent::remind(&own),
            Self::CloseMisdirection => consent::close_misdirection(party, &own),
            Self::DisposeOwn => consent::dispose(party, &own),
            Self::RequestConsent => consent::request(party, &peers),
            Self::WithdrawConsentRequest => consent::withdraw_request(party, &peers),
            Self::DiscloseInScope => consent::disclose_in_scope(party, &peers),
            Self::DiscloseByConsent => consent::disclose_by_consent(party, &peers),
            Self::DiscloseByLaw => consent::disclose_by_law(party, &peers),
            Self::Announce => consent::announce(party, &peers),
            Self::AnswerRecall => consent::answer_recall(party, &peers),
            Self::ReportMisdirection => consent::report_misdirection(party, &peers),
            Self::CountReaders => consent::count_readers(party, &peers),
            Self::DisposePeers => consent::dispose(party, &peers),
            _ => return None,
        })
    }

    /// The agency that acts: for items, `opener` is the originator.
    pub fn author(self, opener: Agency) -> Agency {
        if let Some(place) = CONSENT.iter().position(|it| *it == self) {
            return if place < 12 { opener } else { opener.peer() };
        }
        match (ADVICE.iter().position(|it| *it == self), ITEM.iter().position(|it| *it == self)) {
            (Some(place), _) => {
                if place < 7 {
                    Agency::Ppc
                } else {
                    Agency::Ipa
                }
            }
            (_, Some(place)) if place >= 4 => opener.peer(),
            _ => opener,
        }
    }
}

fn of<T: Copy, const N: usize>(all: [T; N], n: u8) -> T {
    all[usize::from(n) % N]
}

/// The document number of the nth paper, whoever states it.
fn number(n: u8) -> String {
    format!("第{n}号")
}

fn id(own: Agency, n: u8) -> &'static str {
    let (first, second) = if own == Agency::Ppc { (IDS[0].1, IDS[1].1) } else { (IDS[2].1, IDS[3].1) };
    if n.is_multiple_of(2) { first } else { second }
}

/// Reports of all sorts, by the bits of a number.
fn varied(own: Agency, n: u8) -> Report {
    let mut varied = report(own, of(KINDS, n));
    varied.finding = of(FINDINGS, n >> 2);
    varied.facts.reporter = of(REPORTERS, n >> 4).into();
    varied.facts.personal_information = n & 64 == 0;
    varied.facts.taken_by_ministry = n & 128 != 0;
    varied
}
