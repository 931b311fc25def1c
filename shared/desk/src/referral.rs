//! Referral of reporters to the other agency's schemes (紹介, Art. 4(1)).

use aws_lc_rs::digest::{SHA256, digest};
use renkei_book::{Command, Stage, content, etag};
use renkei_domain::{
    calendar,
    matter::Matter,
    moment::{Moment, instant},
    noun::{
        Resource as _,
        code::{self, Code},
        referral::{self, code_lookup, days, introduction, issue, latest_judgement, report},
        scheme::{self, current},
    },
    page::{MarkView as _, Seen},
    read_set::ReadSet,
    refusal::Refusal,
    statutory,
};
use renkei_proto::{
    Sentence,
    journal::v1::fact,
    options::v1::Reason,
    referral::v1::{
        CodeTried, ConfirmReferralGivenRequest, CountReferralsRequest, FollowUpReferralRequest,
        FollowUpReferralResponse, GetReferralCountsRequest, GetReferralRequest, IssueReferralRequest,
        IssueReferralResponse, JudgementRevised, ListReferralsRequest, ListReferralsResponse, Referral, ReferralCounts,
        ReferralFollowedUp, ReferralGiven, ReferralIssued, ReportReferred, ReportReferredContent,
        ReviseJudgementRequest, Scheme, SchemeVersion, referral_service_server::ReferralService,
    },
    r#type::v1::{StatutoryDates, StatutoryFacts},
};
use renkei_rpc::validate::Call;
use tonic::Request;
use zeroize::Zeroizing;

pub use renkei_domain::noun::referral::introduction::Contact;

use crate::{
    act::{Act, ActContext, FactDraft, act, fiscal_year},
    desk::{Answer, Desk, open},
    error::Error,
    proof::Proofs,
    read::{PageRequest, Readable, get, list, readable},
    referral_counts::{Count, CountFiling},
    scheme::own_scheme,
    scheme::scheme_content,
};

/// The most wrong codes per locator and day in Japan.
const TRIES: usize = 5;
/// The referral that is checked if nobody has the code, so that an unknown code needs the same work as a wrong one.
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// The implementation of `ReferralService`.
pub(crate) struct Referrals {
    desk: Desk,
    code_key: Zeroizing<[u8; 32]>,
    proofs: Proofs,
    contact: Contact,
}

impl Referrals {
    pub(crate) fn new(desk: Desk, code_key: Zeroizing<[u8; 32]>, contact: Contact) -> Self {
        Self { desk, code_key, proofs: Proofs::default(), contact }
    }

    /// The papers for the reporter. They are made from the stored referral, so a repeat of the call gets the same.
    async fn hand_out(
        &self,
        call: &Call,
        statutory: Option<&StatutoryFacts>,
        dates: Option<StatutoryDates>,
        referral: Referral,
    ) -> Result<IssueReferralResponse, Error> {
        let Readable { matter, page, .. } = readable(&self.desk, call, &referral.name).await?;
        let Some((mark, issued)) = issue(Seen::whole(&page), matter.opener) else {
            return Err(Error::fault("an issued referral has no page".to_owned()));
        };
        let mut schemes = Vec::new();
        for version in &issued.introduced {
            schemes.extend(self.introduced(call, version).await?);
        }
        let code = if issued.code_digest.is_empty() {
            String::new()
        } else {
            Code::new(issued.ordinal, code::secret(self.code_key.as_slice(), &matter.id)).to_string()
        };
        let facts = issued.scope_facts.clone().unwrap_or_default();
        let notice = (!schemes.is_empty()).then(|| {
            introduction::introduction(&introduction::Paper {
                issuer: self.desk.own,
                contact: &self.contact,
                on: calendar::day(mark.at()),
                case_number: &referral.case_number,
                schemes: &schemes,
                reporter: facts.reporter(),
                knew_on: statutory.map_or("", |stated| &stated.knew_on),
                dates: dates.as_ref(),
                code: &code,
            })
        });
        let finding = issued.judgement.unwrap_or_default().finding();
        let warnings = report::warnings(&facts, finding, statutory).into_iter().map(i32::from).collect();
        Ok(IssueReferralResponse { referral: Some(referral), schemes, dates, notice, code, warnings })
    }

    /// The version of the peer's scheme that was introduced, as it was then: also when the scheme was revised or withdrawn
    /// since, because a repeat of the call gets the first answer.
    async fn introduced(&self, call: &Call, version: &SchemeVersion) -> Result<Option<Scheme>, Error> {
        let peer = self.desk.own.peer();
        let name = scheme::matter(peer, version).to_string();
        let it = readable(&self.desk, call, &name).await?;
        let seen = Seen::whole(&it.page);
        let Some(seq) = scheme::entry_of(seen, peer, version.version) else { return Ok(None) };
        let content = scheme_content(&self.desk, &it, seq).await?;
        let scheme = scheme::as_published(&it.matter, seen, version.version, etag(&it.page, self.desk.own));
        Ok(scheme.map(|scheme| Scheme { content, ..scheme }))
    }
}

#[tonic::async_trait]
impl ReferralService for Referrals {
    async fn issue_referral(&self, request: Request<IssueReferralRequest>) -> Answer<IssueReferralResponse> {
        open(request, &self.desk, async |call, it: IssueReferralRequest| {
            let stated = it.statutory.as_ref().map(|facts| statutory::dates_of(facts, call.moment.now));
            let dates = stated.transpose()?.flatten();
            let id = call.moment.id("referral", 0);
            let mut code_digest = Vec::new();
            if it.with_code {
                let proof = self.proofs.prove(code::secret(self.code_key.as_slice(), &id), &id).await?;
                code_digest = digest(&SHA256, &proof).as_ref().to_vec();
            }
            let matter = Matter::new(referral::COLLECTION, self.desk.own, &id);
            let statutory = it.statutory.clone();
            let issue = Issue::new(matter, code_digest, it);
            let referral = self.desk.write(&call, issue).await?;
            self.hand_out(&call, statutory.as_ref(), dates, referral).await
        })
        .await
    }

    async fn confirm_referral_given(&self, request: Request<ConfirmReferralGivenRequest>) -> Answer<Referral> {
        act(request, &self.desk).await
    }

    async fn follow_up_referral(&self, request: Request<FollowUpReferralRequest>) -> Answer<FollowUpReferralResponse> {
        open(request, &self.desk, async |call, it: FollowUpReferralRequest| {
            let code = quoted(&it)?;
            if !it.reporter_agreed {
                let count = CountFiling { own: self.desk.own, request: it };
                return self.desk.write(&call, count).await;
            }
            let code = code.ok_or_else(|| {
                Refusal::field(
                    Reason::FieldInvalid,
                    "code",
                    (
                        "must be set when the reporter agrees that the issuer is told",
                        "報告者・届出者が通知に同意した場合は、必ず指定してください。",
                    ),
                )
            })?;
            let lookup = code_lookup(self.desk.own.peer(), code.locator());
            let found = self.desk.store.lookup(&lookup).await?;
            let id = found.as_ref().map_or(NOBODY, |matter| matter.id.as_str());
            let proof = self.proofs.prove(code.secret(), id).await?;
            let tries = Matter::new(code::COLLECTION, self.desk.own.peer(), code.locator());
            let follow_up = FollowUp { found, tries, proof, request: it };
            self.desk.write(&call, follow_up).await
        })
        .await
    }

    async fn revise_judgement(&self, request: Request<ReviseJudgementRequest>) -> Answer<Referral> {
        act(request, &self.desk).await
    }

    async fn get_referral(&self, request: Request<GetReferralRequest>) -> Answer<Referral> {
        open(request, &self.desk, async |call, it: GetReferralRequest| get(&self.desk, &call, &it.name).await).await
    }

    async fn list_referrals(&self, request: Request<ListReferralsRequest>) -> Answer<ListReferralsResponse> {
        open(request, &self.desk, async |call, it: ListReferralsRequest| {
            let query = ListReferralsRequest { parent: it.parent.clone(), ..ListReferralsRequest::default() };
            let page = PageRequest { page_size: it.page_size, token: &it.page_token };
            let listing = list(&self.desk, &call, referral::COLLECTION, &it.parent, &query, page).await?;
            let (referrals, next_page_token) = listing.resources(&self.desk, &call)?;
            Ok(ListReferralsResponse { referrals, next_page_token, as_of: listing.as_of })
        })
        .await
    }

    async fn count_referrals(&self, request: Request<CountReferralsRequest>) -> Answer<ReferralCounts> {
        open(request, &self.desk, async |call, it: CountReferralsRequest| {
            let count = Count { own: self.desk.own, month: it.month };
            self.desk.write(&call, count).await
        })
        .await
    }

    async fn get_referral_counts(&self, request: Request<GetReferralCountsRequest>) -> Answer<ReferralCounts> {
        open(request, &self.desk, async |call, it: GetReferralCountsRequest| get(&self.desk, &call, &it.name).await)
            .await
    }
}

/// The code that a reporter quotes; `None` if there is none.
fn quoted(it: &FollowUpReferralRequest) -> Result<Option<Code>, Refusal> {
    if it.code.is_empty() {
        return Ok(None);
    }
    let mistyped =
        |_| Refusal::field(Reason::CodeMistyped, "code", ("has a wrong check character", "検査文字が一致しません。"));
    code::parse(&it.code).map(Some).map_err(mistyped)
}

/// The referral as a command leaves it.
fn reply(stage: &Stage, name: &str) -> Result<Referral, Refusal> {
    Referral::of(&Matter::of(name), stage.page(name), stage.now(), stage.etag(name))
        .ok_or_else(|| Refusal::new(Reason::Internal, Sentence::for_developers("the referral has no page")))
}

/// The issue of a referral.
pub struct Issue {
    matter: Matter,
    code_digest: Vec<u8>,
    /// The reference of the report, encoded.
    report: Option<Vec<u8>>,
    request: IssueReferralRequest,
}

impl Issue {
    /// The issue of this referral, with the digest of the proof that its code gives; no digest for a referral without a
    /// code.
    pub fn new(matter: Matter, code_digest: Vec<u8>, request: IssueReferralRequest) -> Self {
        let report = content(&ReportReferredContent { report: request.report.clone() });
        Self { matter, code_digest, report, request }
    }
}

impl Command for Issue {
    type Reply = Referral;

    fn reads(&self, moment: &Moment) -> ReadSet {
        // The writer may raise the time over the end of a fiscal year.
        let year = fiscal_year(moment);
        let keys = ReadSet::matter(self.matter.to_string()).with(scheme::catalogues());
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
            report::check(stage.own(), scheme.terms, facts, it.statutory.as_ref())?;
        }
        let draft = ReferralIssued {
            judgement: it.judgement,
            scope_facts: it.scope_facts.clone(),
            reported_under: Some(under),
            ordinal: stage.counter(0, &referral::ORDINAL) + 1,
            fiscal_year: year,
            year_ordinal: stage.counter(year, &referral::ORDINAL) + 1,
            code_digest: self.code_digest.clone(),
            // The judgement completes the ground and the schemes.
            ..ReferralIssued::default()
        };
        stage.write(&self.matter, draft.into(), None, 0)?;
        let report = ReportReferred { statutory: it.statutory.clone(), language: it.language };
        stage.write(&self.matter, fact::Fact::ReportReferred(report), self.report.clone(), 0)?;
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

/// A filing that quotes the code of a referral.
pub struct FollowUp {
    /// The referral to which the code belongs, if there is one.
    pub found: Option<Matter>,
    /// The matter in which wrong tries of the code are noted.
    pub tries: Matter,
    /// The proof that the code gives.
    pub proof: [u8; 32],
    /// The filing as the call states it.
    pub request: FollowUpReferralRequest,
}

impl Command for FollowUp {
    type Reply = FollowUpReferralResponse;

    fn reads(&self, _: &Moment) -> ReadSet {
        let mut keys = ReadSet::matter(self.tries.to_string()).with(scheme::catalogues());
        keys.matters.extend(self.found.as_ref().map(ToString::to_string));
        keys
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
            stage.note(self.tries.clone(), fact::Fact::CodeTried(CodeTried { day: today }), None);
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
        let name = self.tries.to_string();
        let tries = stage.view().local(&name).iter();
        tries.filter(|mark| matches!(mark.stated(), Some(fact::Fact::CodeTried(it)) if it.day == today)).count()
    }

    fn follow_up(&self, stage: &mut Stage, under: Option<SchemeVersion>) -> Result<String, Refusal> {
        let unknown =
            || Refusal::field(Reason::CodeNotFound, "code", Sentence::for_developers("no referral has this code"));
        let matter = self.found.as_ref().ok_or_else(unknown)?;
        let name = matter.to_string();
        let answers = issue(stage.page(&name), matter.opener).ok_or_else(unknown)?.0.seq;
        let followed_up = ReferralFollowedUp {
            filed_under: under,
            filed_on: self.request.filed_on.clone(),
            proof: self.proof.to_vec(),
        };
        stage.write(matter, fact::Fact::ReferralFollowedUp(followed_up), None, answers)?;
        Ok(name)
    }
}
