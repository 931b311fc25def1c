//! The acts of referral, and the commands for those that write more than one entry.

use aws_lc_rs::digest::{SHA256, digest};
use renkei_book::{Command, Stage, content};
use renkei_domain::{
    calendar,
    matter::Matter,
    moment::{Moment, instant},
    noun::{
        Resource as _,
        referral::{self, days, follow_up, issue, latest_judgement, latest_statutory, soundness},
        report,
        scheme::{self, current},
    },
    page::MarkView as _,
    read_set::ReadSet,
    refusal::Refusal,
    statutory,
};
use renkei_proto::{
    FactKind, Sentence,
    journal::v1::fact,
    options::v1::Reason,
    referral::v1::{
        AnotherBecause, CodeTried, ConfirmReferralGivenRequest, DischargeReferralRequest, FollowUpReferralRequest,
        FollowUpReferralResponse, IssueReferralRequest, JudgementRevised, Referral, ReferralDischarged,
        ReferralFollowedUp, ReferralGiven, ReferralGround, ReferralIssued, ReportLinked, ReportReferred,
        ReportReferredContent, ReviseJudgementRequest, ReviseStatutoryFactsRequest, SchemeVersion,
        StatutoryFactsRevised,
    },
    r#type::v1::Finding,
};

use crate::{
    act::{Act, ActContext, CheckContext, FactDraft, fiscal_year},
    scheme::own_scheme,
};

/// The most wrong codes per locator and day in Japan.
const TRIES: usize = 5;

/// The referral as a command leaves it.
fn reply(stage: &Stage, name: &str) -> Result<Referral, Refusal> {
    Referral::of(&Matter::of(name), stage.page(name), stage.now(), stage.etag(name))
        .ok_or_else(|| Refusal::new(Reason::Internal, Sentence::for_developers("the referral has no page")))
}

/// The issue of a referral.
pub struct Issue {
    matter: Matter,
    /// The private matter of the report, in which its referrals are noted.
    filed: Matter,
    code_digest: Vec<u8>,
    /// The reference of the report, encoded.
    report: Option<Vec<u8>>,
    request: IssueReferralRequest,
}

impl Issue {
    /// The issue of this referral, with the key under which reports are named, and with the digest of the proof that its
    /// code gives; no digest for a referral without a code.
    pub fn new(matter: Matter, code_key: &[u8], code_digest: Vec<u8>, request: IssueReferralRequest) -> Self {
        let filed = report::matter(matter.opener, code_key, &request.report);
        let report = content(&ReportReferredContent { report: request.report.clone() });
        Self { matter, filed, code_digest, report, request }
    }

    /// Refuses a second referral of one report, unless the caller states why it is another one.
    fn refuse_a_second(&self, stage: &Stage) -> Result<(), Refusal> {
        let filed = self.filed.to_string();
        let first = report::first_referral(stage.page(&filed));
        match first.filter(|_| self.request.another_because() == AnotherBecause::Unspecified) {
            Some(first) => {
                let detail = (
                    format!("the report was referred in {first}: state another_because for another referral"),
                    format!(
                        "この報告・届出には、既に紹介（{first}）があります。別の紹介とする場合は、その理由を指定してください。"
                    ),
                );
                Err(Refusal::field(Reason::AlreadyExists, "report", detail))
            }
            None => Ok(()),
        }
    }

    /// The ground that a peer of an earlier version expects; unspecified where the rule completes it.
    fn earlier_ground(&self, stage: &Stage) -> ReferralGround {
        let pending = self.request.judgement.is_some_and(|it| it.finding() == Finding::Pending);
        if pending && !reads_newer(stage) { ReferralGround::Pending } else { ReferralGround::Unspecified }
    }
}

/// True if the peer's service reads everything that came with the discharge of referrals: further kinds of an incident, and
/// filings that were counted before. A service of an earlier version would stop at them.
fn reads_newer(stage: &Stage) -> bool {
    stage.speaks(FactKind::ReferralDischarged)
}

impl Command for Issue {
    type Reply = Referral;

    fn reads(&self, moment: &Moment) -> ReadSet {
        // The writer may raise the time over the end of a fiscal year.
        let year = fiscal_year(moment);
        let mut keys = ReadSet::matter(self.matter.to_string()).with(scheme::catalogues());
        keys.matters.insert(self.filed.to_string());
        keys.with_year(0).with_year(year).with_year(year + 1)
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<Referral, Refusal> {
        let it = &self.request;
        let year = fiscal_year(moment);
        let under = own_scheme(stage, &it.reported_under).ok_or_else(|| {
            let detail = referral::NOT_A_REPORT;
            Refusal::field(Reason::NotAReport, "reported_under", detail)
        })?;
        if let (Some(facts), Some(scheme)) = (&it.scope_facts, current(stage.page(&it.reported_under), stage.own())) {
            soundness::check(stage.own(), scheme.terms, facts, it.statutory.as_ref())?;
            if !facts.further_kinds.is_empty() && !reads_newer(stage) {
                let detail = (
                    "the peer's service does not read several kinds yet: state the chief one alone",
                    "相手方のシステムは、複数の種類の記載にまだ対応していません。主な種類のみを指定してください。",
                );
                return Err(Refusal::field(Reason::WrongState, "scope_facts.further_kinds", detail));
            }
        }
        self.refuse_a_second(stage)?;
        let draft = ReferralIssued {
            judgement: it.judgement,
            scope_facts: it.scope_facts.clone(),
            reported_under: Some(under),
            ordinal: stage.counter(0, &referral::ORDINAL) + 1,
            fiscal_year: year,
            year_ordinal: stage.counter(year, &referral::ORDINAL) + 1,
            code_digest: self.code_digest.clone(),
            ground: self.earlier_ground(stage).into(),
            // The judgement completes the ground and the schemes.
            ..ReferralIssued::default()
        };
        stage.write(&self.matter, draft.into(), None, 0)?;
        let report = ReportReferred {
            statutory: it.statutory.clone(),
            language: it.language,
            another_because: it.another_because,
        };
        stage.write(&self.matter, fact::Fact::ReportReferred(report), self.report.clone(), 0)?;
        let linked = ReportLinked { referral: self.matter.to_string() };
        stage.write(&self.filed, fact::Fact::ReportLinked(linked), None, 0)?;
        reply(stage, &self.matter.to_string())
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, _: &Moment) -> Option<Referral> {
        reply(stage, matter).ok()
    }
}

impl Act for ConfirmReferralGivenRequest {
    type Resource = Referral;
    type Checked = ();

    fn reads(&self, matter: &Matter, _: &Moment) -> ReadSet {
        ReadSet::matter(matter.to_string()).with(scheme::catalogues())
    }

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let issued = issue(context.page(), context.matter.opener);
        let introduced = match (&issued, self.introduced.is_empty()) {
            (Some((_, issued)), true) => issued.introduced.clone(),
            _ => self.introduced.clone(),
        };
        let given_at = self.given_at.as_ref().map(instant);
        let days = issued.zip(given_at).map_or(0, |((mark, _), given_at)| days(mark, given_at));
        Ok(FactDraft::new(ReferralGiven { given_at: self.given_at, channel: self.channel, introduced, days }))
    }
}

impl Act for ReviseJudgementRequest {
    type Resource = Referral;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let last = latest_judgement(context.page(), context.matter.opener).map_or(1, |(revision, _)| revision);
        Ok(FactDraft::new(JudgementRevised { revision: last + 1, judgement: self.judgement }))
    }
}

impl Act for DischargeReferralRequest {
    type Resource = Referral;
    type Checked = ();

    fn draft(&self, (): &(), _: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(ReferralDischarged { reason: self.reason }))
    }
}

impl Act for ReviseStatutoryFactsRequest {
    type Resource = Referral;
    type Checked = ();

    fn check(&mut self, context: &CheckContext<'_>) -> Result<(), Refusal> {
        let stated =
            self.statutory.as_ref().map(|facts| statutory::dates_of(facts, context.moment.now, context.calendar));
        stated.transpose().map(|_| ())
    }

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let issued = issue(context.page(), context.matter.opener).and_then(|(_, issued)| issued.scope_facts.as_ref());
        if let (Some(facts), Some(stated)) = (issued, &self.statutory) {
            soundness::check_sector(facts.reporter(), stated)?;
        }
        let last = latest_statutory(context.page()).map_or(1, |(revision, _)| revision);
        Ok(FactDraft::new(StatutoryFactsRevised { revision: last + 1, statutory: self.statutory.clone() }))
    }
}

/// A code that a reporter quotes, with everything that shows whether it is right.
pub struct Quoted {
    /// The referral to which the code belongs, if there is one.
    pub found: Option<Matter>,
    /// The matter in which wrong tries of the code, and its counted filing, are noted.
    pub tries: Matter,
    /// The proof that the code gives.
    pub proof: [u8; 32],
}

impl Quoted {
    /// The pages that tell whether the code is right and was used.
    pub(crate) fn reads(&self) -> ReadSet {
        let mut keys = ReadSet::matter(self.tries.to_string());
        keys.matters.extend(self.found.as_ref().map(ToString::to_string));
        keys
    }

    /// True if the code is that of a referral.
    pub(crate) fn is_right(&self, stage: &Stage) -> bool {
        self.found.as_ref().is_some_and(|matter| {
            let name = matter.to_string();
            let issued = issue(stage.page(&name), matter.opener).map(|(_, issued)| issued.code_digest.clone());
            issued.is_some_and(|right| digest(&SHA256, &self.proof).as_ref() == right)
        })
    }

    /// True if the issuer was told of the filing under this code.
    pub(crate) fn is_followed_up(&self, stage: &Stage) -> bool {
        self.found.as_ref().is_some_and(|it| follow_up(stage.page(&it.to_string()), it.opener).is_some())
    }

    /// True if the filing under this code was counted without the reporter's agreement.
    pub(crate) fn is_counted(&self, stage: &Stage) -> bool {
        let name = self.tries.to_string();
        stage.view().local(&name).iter().any(|mark| matches!(mark.stated(), Some(fact::Fact::CodeCounted(_))))
    }
}

/// A filing that quotes the code of a referral.
pub struct FollowUp {
    /// The code, which must be right for the issuer to be told.
    pub quoted: Quoted,
    /// The filing as the call states it.
    pub request: FollowUpReferralRequest,
}

impl Command for FollowUp {
    type Reply = FollowUpReferralResponse;

    fn reads(&self, _: &Moment) -> ReadSet {
        self.quoted.reads().with(scheme::catalogues())
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<FollowUpReferralResponse, Refusal> {
        let it = &self.request;
        let under = own_scheme(stage, &it.filed_under);
        referral::filing(&stage.view(), under.as_ref(), &it.filed_on, moment.now)?;
        let today = calendar::day(moment.now).to_string();
        if self.tried(stage, &today) >= TRIES {
            let detail = (
                format!("at most {TRIES} wrong codes a day"),
                format!("1日に誤って入力できる回数は{TRIES}回までです。"),
            );
            return Err(Refusal::field(Reason::TooManyAttempts, "code", detail));
        }
        let written = self.follow_up(stage, under);
        if let Err(refusal) = &written
            && refusal.reason == Reason::CodeNotFound
        {
            stage.note(self.quoted.tries.clone(), fact::Fact::CodeTried(CodeTried { day: today }), None);
        }
        let name = written?;
        Ok(FollowUpReferralResponse { referral: Some(reply(stage, &name)?) })
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, _: &Moment) -> Option<FollowUpReferralResponse> {
        Some(FollowUpReferralResponse { referral: reply(stage, matter).ok() })
    }
}

impl FollowUp {
    fn tried(&self, stage: &Stage, today: &str) -> usize {
        let name = self.quoted.tries.to_string();
        let tries = stage.view().local(&name).iter();
        tries.filter(|mark| matches!(mark.stated(), Some(fact::Fact::CodeTried(it)) if it.day == today)).count()
    }

    fn follow_up(&self, stage: &mut Stage, under: Option<SchemeVersion>) -> Result<String, Refusal> {
        let unknown =
            || Refusal::field(Reason::CodeNotFound, "code", Sentence::for_developers("no referral has this code"));
        let matter = self.quoted.found.as_ref().ok_or_else(unknown)?;
        let name = matter.to_string();
        let answers = issue(stage.page(&name), matter.opener).ok_or_else(unknown)?.0.seq;
        let followed_up = ReferralFollowedUp {
            filed_under: under,
            filed_on: self.request.filed_on.clone(),
            proof: self.quoted.proof.to_vec(),
            counted_before: self.quoted.is_counted(stage) && reads_newer(stage),
        };
        stage.write(matter, fact::Fact::ReferralFollowedUp(followed_up), None, answers)?;
        Ok(name)
    }
}
