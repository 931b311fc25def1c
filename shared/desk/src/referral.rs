//! Referral of reporters to the other agency's schemes (紹介, Art. 4(1)).

pub(crate) mod acts;
mod sheet;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{Timestamp, civil::Date};
use renkei_book::etag;
use renkei_domain::{
    calendar,
    matter::Matter,
    moment::instant,
    noun::{
        code::{self, Code},
        referral::{self, code_lookup, introduction, issue, latest_judgement, latest_statutory, soundness},
        scheme,
    },
    page::{MarkView as _, Seen},
    refusal::Refusal,
    statutory,
};
use renkei_print::Sheet;
use renkei_proto::{
    Sentence,
    journal::v1::{Mark, fact},
    options::v1::Reason,
    referral::v1::{
        ConfirmReferralGivenRequest, CountReferralsRequest, DischargeReferralRequest, FollowUpReferralRequest,
        FollowUpReferralResponse, GetReferralCountsRequest, GetReferralPaperRequest, GetReferralPaperResponse,
        GetReferralRequest, IssueReferralRequest, IssueReferralResponse, ListReferralsRequest, ListReferralsResponse,
        Referral, ReferralCounts, ReferralWarning, ReviseJudgementRequest, ReviseStatutoryFactsRequest,
        ReviseStatutoryFactsResponse, Scheme, SchemeVersion, referral_service_server::ReferralService,
    },
    r#type::v1::{Finding, Language, StatutoryDates, StatutoryFacts, Text},
};
use renkei_rpc::validate::Call;
use tonic::Request;
use zeroize::Zeroizing;

pub use renkei_domain::noun::referral::introduction::Contact;

pub use self::acts::{FollowUp, Issue, Quoted};
use crate::{
    act::{ActCommand, act},
    desk::{Answer, Desk, open, open_secret},
    error::Error,
    proof::Proofs,
    read::{PageRequest, Readable, filter, get, list, readable},
    referral_counts::{Count, CountFiling},
    scheme::scheme_content,
};

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

    /// The papers for the reporter, of a day. They are made from the stored referral, so a repeat of a call gets the same.
    async fn papers(&self, call: &Call, it: &Readable, on: Date, stated: Stated<'_>) -> Result<Papers, Error> {
        let (matter, seen) = (&it.matter, Seen::whole(&it.page));
        let Some((_, issued)) = issue(seen, matter.opener) else {
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
        let case_number = matter.case_number(issued.fiscal_year, issued.year_ordinal);
        let paper = introduction::Paper {
            issuer: self.desk.own,
            contact: &self.contact,
            memorandum: &self.desk.memorandum,
            on,
            case_number: &case_number,
            schemes: &schemes,
            reporter: facts.reporter(),
            knew_on: stated.facts.map_or("", |facts| &facts.knew_on),
            dates: stated.dates,
            code: &code,
        };
        let notice = (!schemes.is_empty()).then(|| introduction::introduction(&paper));
        let sheet =
            (notice.is_some() && stated.printed != Language::Unspecified).then(|| sheet::sheet(&paper, stated.printed));
        let warnings = soundness::warnings(&facts, stated.finding, stated.facts).into_iter().map(i32::from).collect();
        Ok(Papers { schemes, notice, sheet, code, warnings })
    }

    /// The reporter's dates by these facts; `None` where no facts are stated, or no day of knowing.
    fn dates(&self, facts: Option<&StatutoryFacts>, now: Timestamp) -> Result<Option<StatutoryDates>, Refusal> {
        let dates = facts.map(|facts| statutory::dates_of(facts, now, &self.desk.calendar));
        Ok(dates.transpose()?.flatten())
    }

    /// A referral that was issued, with its page.
    async fn issued(&self, call: &Call, name: &str) -> Result<Readable, Error> {
        let it = readable(&self.desk, call, name).await?;
        if it.matter.opener != self.desk.own {
            return Err(Error::because(
                Reason::WrongDirection,
                ("the referral is the peer's, and so is its paper", "この紹介は相手方の機関のものです。"),
            ));
        }
        if issue(Seen::whole(&it.page), it.matter.opener).is_none() {
            return Err(Error::because(Reason::NotFound, Sentence::for_developers("there is no such referral")));
        }
        Ok(it)
    }

    /// The code that a reporter quotes, with the referral to which it belongs and its proof.
    async fn quoted(&self, code: &Code) -> Result<Quoted, Error> {
        let lookup = code_lookup(self.desk.own.peer(), code.locator());
        let found = self.desk.store.lookup(&lookup).await?;
        let id = found.as_ref().map_or(NOBODY, |matter| matter.id.as_str());
        let proof = self.proofs.prove(code.secret(), id).await?;
        let tries = Matter::new(code::COLLECTION, self.desk.own.peer(), code.locator());
        Ok(Quoted { found, tries, proof })
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
            let dates = self.dates(it.statutory.as_ref(), call.moment.now)?;
            let id = call.moment.id("referral", 0);
            let mut code_digest = Vec::new();
            if it.with_code {
                let proof = self.proofs.prove(code::secret(self.code_key.as_slice(), &id), &id).await?;
                code_digest = digest(&SHA256, &proof).as_ref().to_vec();
            }
            let matter = Matter::new(referral::COLLECTION, self.desk.own, &id);
            let (facts, judgement) = (it.statutory.clone(), it.judgement.unwrap_or_default());
            let issue = Issue::new(matter, self.code_key.as_slice(), code_digest, it);
            let referral = self.desk.write(&call, issue).await?;
            let it = self.issued(&call, &referral.name).await?;
            let on = referral.issued_at.as_ref().map(instant).unwrap_or(call.moment.now);
            let stated = Stated::new(facts.as_ref(), dates.as_ref(), judgement.finding());
            let papers = self.papers(&call, &it, calendar::day(on), stated).await?;
            let Papers { schemes, notice, code, warnings, .. } = papers;
            Ok(IssueReferralResponse { referral: Some(referral), schemes, dates, notice, code, warnings })
        })
        .await
    }

    async fn confirm_referral_given(&self, request: Request<ConfirmReferralGivenRequest>) -> Answer<Referral> {
        act(request, &self.desk).await
    }

    async fn follow_up_referral(&self, request: Request<FollowUpReferralRequest>) -> Answer<FollowUpReferralResponse> {
        open(request, &self.desk, async |call, it: FollowUpReferralRequest| {
            let quoted = match code_of(&it)? {
                Some(code) => Some(self.quoted(&code).await?),
                None => None,
            };
            if !it.reporter_agreed {
                let count = CountFiling { own: self.desk.own, quoted, request: it };
                return self.desk.write(&call, count).await;
            }
            let quoted = quoted.ok_or_else(|| {
                Refusal::field(
                    Reason::FieldInvalid,
                    "code",
                    (
                        "must be set when the reporter agrees that the issuer is told",
                        "報告者・届出者が通知に同意した場合は、必ず指定してください。",
                    ),
                )
            })?;
            self.desk.write(&call, FollowUp { quoted, request: it }).await
        })
        .await
    }

    async fn discharge_referral(&self, request: Request<DischargeReferralRequest>) -> Answer<Referral> {
        act(request, &self.desk).await
    }

    async fn revise_statutory_facts(
        &self,
        request: Request<ReviseStatutoryFactsRequest>,
    ) -> Answer<ReviseStatutoryFactsResponse> {
        open(request, &self.desk, async |call, act: ReviseStatutoryFactsRequest| {
            let facts = act.statutory.clone().unwrap_or_default();
            let dates = self.dates(Some(&facts), call.moment.now)?;
            let command = ActCommand::by(&self.desk, &call, act)?;
            let referral = self.desk.write(&call, command).await?;
            let it = self.issued(&call, &referral.name).await?;
            let on = calendar::day(revised_at(&it, &facts).unwrap_or(call.moment.now));
            let stated = Stated::new(Some(&facts), dates.as_ref(), referral.judgement.unwrap_or_default().finding());
            let Papers { notice, code, warnings, .. } = self.papers(&call, &it, on, stated).await?;
            Ok(ReviseStatutoryFactsResponse { referral: Some(referral), dates, notice, code, warnings })
        })
        .await
    }

    async fn get_referral_paper(&self, request: Request<GetReferralPaperRequest>) -> Answer<GetReferralPaperResponse> {
        open_secret(
            request,
            &self.desk,
            |it| &mut it.name,
            async |call, it: GetReferralPaperRequest| {
                let printed = it.pdf_language();
                let it = self.issued(&call, &it.name).await?;
                let (seen, now) = (Seen::whole(&it.page), call.moment.now);
                let facts = latest_statutory(seen).and_then(|(_, facts)| facts).cloned();
                let dates = self.dates(facts.as_ref(), now)?;
                let finding = latest_judgement(seen, it.matter.opener).map(|(_, judgement)| judgement.finding());
                let stated = Stated::new(facts.as_ref(), dates.as_ref(), finding.unwrap_or_default());
                let papers = self.papers(&call, &it, calendar::day(now), Stated { printed, ..stated }).await?;
                let Papers { notice, sheet, code, mut warnings, .. } = papers;
                let (pdf, pdf_missing) = match sheet {
                    Some(sheet) => sheet::print(sheet).await?,
                    None => Default::default(),
                };
                if !pdf_missing.is_empty() {
                    warnings.push(ReferralWarning::CharactersNotPrinted.into());
                }
                Ok(GetReferralPaperResponse { notice, dates, statutory: facts, code, warnings, pdf, pdf_missing })
            },
        )
        .await
    }

    async fn revise_judgement(&self, request: Request<ReviseJudgementRequest>) -> Answer<Referral> {
        act(request, &self.desk).await
    }

    async fn get_referral(&self, request: Request<GetReferralRequest>) -> Answer<Referral> {
        open(request, &self.desk, async |call, it: GetReferralRequest| {
            get(&self.desk, &call, &self.desk.named(&it.name).await?).await
        })
        .await
    }

    async fn list_referrals(&self, request: Request<ListReferralsRequest>) -> Answer<ListReferralsResponse> {
        open(request, &self.desk, async |call, it: ListReferralsRequest| {
            let query = ListReferralsRequest { page_size: 0, page_token: String::new(), ..it.clone() };
            let page = PageRequest { page_size: it.page_size, token: &it.page_token };
            let filter = filter(it.state().as_str_name(), it.waiting_for());
            let listing = list(&self.desk, &call, referral::COLLECTION, (&it.parent, &filter), &query, page).await?;
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
fn code_of(it: &FollowUpReferralRequest) -> Result<Option<Code>, Refusal> {
    if it.code.is_empty() {
        return Ok(None);
    }
    let mistyped =
        |_| Refusal::field(Reason::CodeMistyped, "code", ("has a wrong check character", "検査文字が一致しません。"));
    code::parse(&it.code).map(Some).map_err(mistyped)
}

/// The facts on which a paper's dates rest, as they are stated, with the dates and with the finding beside them.
struct Stated<'a> {
    facts: Option<&'a StatutoryFacts>,
    dates: Option<&'a StatutoryDates>,
    finding: Finding,
    /// The language in which the paper is printed as well; unspecified for none.
    printed: Language,
}

impl<'a> Stated<'a> {
    /// Those of a paper that is not printed.
    fn new(facts: Option<&'a StatutoryFacts>, dates: Option<&'a StatutoryDates>, finding: Finding) -> Self {
        Self { facts, dates, finding, printed: Language::Unspecified }
    }
}

/// What is handed out with a referral.
struct Papers {
    schemes: Vec<Scheme>,
    notice: Option<Text>,
    sheet: Option<Sheet>,
    code: String,
    warnings: Vec<i32>,
}

/// The time at which these facts were last stated.
fn revised_at(it: &Readable, facts: &StatutoryFacts) -> Option<Timestamp> {
    let states = |mark: &&Mark| match mark.stated() {
        Some(fact::Fact::StatutoryFactsRevised(it)) => it.statutory.as_ref() == Some(facts),
        _ => false,
    };
    Seen::whole(&it.page).local().iter().rev().find(states).map(|mark| mark.at())
}
