//! What officials do at one agency's desk: sound requests, of which a test changes what it is about, and calls over
//! connections that stay open.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use renkei_domain::moment::{Moment, stamp};
use renkei_proto::{
    advice::v1::{
        advice_asking_service_client::AdviceAskingServiceClient,
        advice_giving_service_client::AdviceGivingServiceClient, advice_service_client::AdviceServiceClient,
    },
    agreement::v1::{Agreement, GetAgreementRequest, agreement_service_client::AgreementServiceClient},
    evidence::v1::{
        JournalEntry, evidence_service_client::EvidenceServiceClient, official_service_client::OfficialServiceClient,
    },
    link::v1::LinkStatus,
    options::v1::Reason,
    referral::v1::{
        ConfirmReferralGivenRequest, CountReferralsRequest, FilingDuty, FollowUpReferralRequest,
        FollowUpReferralResponse, GetReferralCountsRequest, GetReferralRequest, GetSchemeRequest, IssueReferralRequest,
        IssueReferralResponse, ListReferralsRequest, ListReferralsResponse, ListSchemesRequest, ListSchemesResponse,
        PublishSchemeRequest, Referral, ReferralChannel, ReferralCounts, ReviseJudgementRequest, ReviseSchemeRequest,
        Scheme, SchemeContent, SchemeTerms, ScopeFacts, WithdrawSchemeRequest,
        referral_service_client::ReferralServiceClient, scheme_service_client::SchemeServiceClient,
    },
    sharing::v1::item_service_client::ItemServiceClient,
    r#type::v1::{Agency, Certainty, Finding, Ground, IncidentKind, Judgement, Language, ReporterKind, Text},
    watch::v1::watch_service_client::WatchServiceClient,
};
use renkei_rpc::error::reason_of;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

use crate::{
    desk::{Authentic, Desk, PATIENCE},
    feed::Feed,
    pair::{Pair, World},
    schemes,
    setup::AGENCIES,
};

mod advice;
mod evidence;
mod item;

pub use item::{item_content, terms_for, to_the_party, to_units};

/// The acts at one agency's desk.
pub struct Acts {
    /// Whose desk.
    pub agency: Agency,
    /// The desk.
    pub desk: Desk,
    world: World,
    schemes: SchemeServiceClient<Authentic>,
    referrals: ReferralServiceClient<Authentic>,
    counts: ReferralServiceClient<Authentic>,
    agreement: AgreementServiceClient<Authentic>,
    evidence: EvidenceServiceClient<Authentic>,
    watch: WatchServiceClient<Authentic>,
    advice_asking: AdviceAskingServiceClient<Authentic>,
    advice_giving: AdviceGivingServiceClient<Authentic>,
    advice: AdviceServiceClient<Authentic>,
    items: ItemServiceClient<Authentic>,
    officials: OfficialServiceClient<Authentic>,
    requests: Moment,
    drawn: AtomicU64,
}

/// A call that was not answered with what it asked for, as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status.
    pub code: Code,
    /// The reason; unspecified when the status is nobody's of this system.
    pub reason: Reason,
    /// The fields that are named.
    pub fields: Vec<String>,
    /// The limit that is named, with its value.
    pub limit: Option<(String, String)>,
    /// The sentence for officials.
    pub japanese: String,
    /// The sentence for developers.
    pub message: String,
    /// When the same call may succeed.
    pub retry_after: Option<Duration>,
}

/// An answer, or why there is none.
pub type Answer<T> = Result<T, Refused>;

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let limit =
            details.error_info().and_then(|info| Some((info.metadata.get("limit")?, info.metadata.get("most")?)));
        Self {
            code: status.code(),
            reason: reason_of(&status).unwrap_or_default(),
            fields: details
                .bad_request()
                .map(|bad| bad.field_violations.iter().map(|violation| violation.field.clone()).collect())
                .unwrap_or_default(),
            limit: limit.map(|(limit, most)| (limit.clone(), most.clone())),
            japanese: details.localized_message().map(|words| words.message.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        }
    }
}

/// Asserts that a call was refused for this reason in full form: code, field (none for ""), Japanese sentence.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Answer<T>, reason: Reason, field: &str) {
    let expected = renkei_rpc::reason::answer(reason);
    match answer {
        Ok(answer) => assert_eq!(format!("{answer:?}"), reason.id(), "the call was answered"),
        Err(refused) => {
            let fields: Vec<&str> = refused.fields.iter().map(String::as_str).collect();
            assert_eq!((refused.reason, fields.first().copied().unwrap_or_default()), (reason, field), "{refused:?}");
            assert_eq!((refused.code, refused.japanese.as_str()), (expected.code, expected.japanese), "{refused:?}");
            assert_eq!(refused.retry_after, expected.retry_after);
        }
    }
}

/// The acts at both desks of a pair, PPC's first.
///
/// # Errors
/// When certificates cannot be read.
pub fn both(pair: &Pair) -> Result<(Acts, Acts), String> {
    Ok((Acts::new(pair, Agency::Ppc)?, Acts::new(pair, Agency::Ipa)?))
}

/// Publishes the four real schemes and waits until both sides hold them.
///
/// # Errors
/// What is not as it must be.
pub async fn publish_all(ppc: &Acts, ipa: &Acts) -> Result<(), String> {
    for scheme in schemes::all()? {
        let acts = if scheme.agency == Agency::Ppc { ppc } else { ipa };
        let mut request = acts.publishing(&scheme.id);
        (request.terms, request.content) = (Some(scheme.terms), Some(scheme.content));
        acts.publish(request).await.map_err(|refused| format!("{refused:?}"))?;
    }
    settle(ppc, ipa).await
}

/// Waits until each side has a receipt for all that it wrote, and so each holds all of the other's.
///
/// # Errors
/// When that does not come about.
pub async fn settle(ppc: &Acts, ipa: &Acts) -> Result<(), String> {
    // Whoever takes entries may write a refusal for them, so it is over when neither has written meanwhile.
    loop {
        let before = (ppc.link().await?.own_seq, ipa.link().await?.own_seq);
        for acts in [ppc, ipa] {
            acts.until_link("all receipts", |link| link.backlog == 0 && !link.recovering).await?;
        }
        if before == (ppc.link().await?.own_seq, ipa.link().await?.own_seq) {
            return Ok(());
        }
    }
}

impl Acts {
    /// The acts at one desk of a pair.
    ///
    /// # Errors
    /// When certificates cannot be read.
    pub fn new(pair: &Pair, agency: Agency) -> Result<Self, String> {
        let desk = pair.side(agency).desk.clone();
        Ok(Self {
            agency,
            world: pair.world(),
            schemes: desk.schemes()?,
            referrals: desk.referrals()?,
            counts: desk.counts()?,
            agreement: desk.agreement()?,
            evidence: desk.evidence()?,
            watch: desk.watch()?,
            advice_asking: desk.advice_asking()?,
            advice_giving: desk.advice_giving()?,
            advice: desk.advice()?,
            items: desk.items("sharing", "policy")?,
            officials: desk.officials()?,
            desk,
            requests: Moment::new(jiff::Timestamp::UNIX_EPOCH, [if agency == Agency::Ppc { 1 } else { 2 }; 32]),
            drawn: AtomicU64::new(0),
        })
    }

    /// A request id that was never given.
    pub fn request_id(&self) -> String {
        self.requests.id("request", self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    /// The name of one of the agency's own schemes.
    pub fn scheme_name(&self, id: &str) -> String {
        format!("agencies/{}/schemes/{id}", self.agency.id())
    }

    /// A judgement of now.
    pub fn judgement(&self, finding: Finding) -> Judgement {
        Judgement {
            finding: finding.into(),
            ground: Ground::Traces.into(),
            certainty: Certainty::Confirmed.into(),
            judged_at: Some(stamp(self.world.now())),
        }
    }

    /// A scheme that fits every report.
    pub fn publishing(&self, id: &str) -> PublishSchemeRequest {
        PublishSchemeRequest {
            request_id: self.request_id(),
            scheme_id: id.to_owned(),
            terms: Some(terms()),
            content: Some(words("制度")),
        }
    }

    /// A revision with other words.
    pub fn revising_scheme(&self, scheme: &Scheme) -> ReviseSchemeRequest {
        ReviseSchemeRequest {
            request_id: self.request_id(),
            name: scheme.name.clone(),
            etag: scheme.etag.clone(),
            terms: Some(terms()),
            content: Some(words("改めた制度")),
        }
    }

    /// A withdrawal.
    pub fn withdrawing(&self, scheme: &Scheme) -> WithdrawSchemeRequest {
        WithdrawSchemeRequest { request_id: self.request_id(), name: scheme.name.clone(), etag: scheme.etag.clone() }
    }

    /// A referral that is a duty once the peer has published a scheme: unauthorised access at a business. PPC takes it as
    /// a leak report, IPA as a notification of access. Without code.
    pub fn issuing(&self) -> IssueReferralRequest {
        let under = if self.agency == Agency::Ppc { "leak-report-private" } else { "unauthorised-access" };
        IssueReferralRequest {
            request_id: self.request_id(),
            report: "2026-000001".to_owned(),
            reported_under: self.scheme_name(under),
            judgement: Some(self.judgement(Finding::Applies)),
            scope_facts: Some(scope_facts()),
            statutory: None,
            language: Language::Ja.into(),
            with_code: false,
        }
    }

    /// A giving of now, by telephone.
    pub fn confirming(&self, referral: &Referral) -> ConfirmReferralGivenRequest {
        ConfirmReferralGivenRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            given_at: Some(stamp(self.world.now())),
            channel: ReferralChannel::Telephone.into(),
            introduced: Vec::new(),
        }
    }

    /// A filing of today that quotes a code, with the reporter's agreement.
    pub fn following_up(&self, code: &str) -> FollowUpReferralRequest {
        let under = if self.agency == Agency::Ppc { "leak-report-private" } else { "unauthorised-access" };
        FollowUpReferralRequest {
            request_id: self.request_id(),
            code: code.to_owned(),
            reporter_agreed: true,
            filed_under: self.scheme_name(under),
            filed_on: renkei_domain::calendar::day(self.world.now()).to_string(),
        }
    }

    /// Another judgement.
    pub fn revising(&self, referral: &Referral, finding: Finding) -> ReviseJudgementRequest {
        ReviseJudgementRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            judgement: Some(self.judgement(finding)),
        }
    }

    /// The counts of a month.
    pub fn counting(&self, month: &str) -> CountReferralsRequest {
        CountReferralsRequest { request_id: self.request_id(), month: month.to_owned() }
    }
}

/// Calls. Each is repeated while nobody answers, as every client of the system does.
impl Acts {
    /// Publishes a scheme.
    pub async fn publish(&self, request: PublishSchemeRequest) -> Answer<Scheme> {
        answered(async || self.schemes.clone().publish_scheme(request.clone()).await).await
    }

    /// Revises a scheme.
    pub async fn revise_scheme(&self, request: ReviseSchemeRequest) -> Answer<Scheme> {
        answered(async || self.schemes.clone().revise_scheme(request.clone()).await).await
    }

    /// Withdraws a scheme.
    pub async fn withdraw(&self, request: WithdrawSchemeRequest) -> Answer<Scheme> {
        answered(async || self.schemes.clone().withdraw_scheme(request.clone()).await).await
    }

    /// Gets a scheme.
    pub async fn scheme(&self, name: &str) -> Answer<Scheme> {
        let request = GetSchemeRequest { name: name.to_owned() };
        answered(async || self.schemes.clone().get_scheme(request.clone()).await).await
    }

    /// A scheme without the own half's version: what is the same at both agencies.
    pub async fn shared_scheme(&self, name: &str) -> Answer<Scheme> {
        Ok(Scheme { etag: String::new(), ..self.scheme(name).await? })
    }

    /// Lists schemes.
    pub async fn list_schemes(&self, request: ListSchemesRequest) -> Answer<ListSchemesResponse> {
        answered(async || self.schemes.clone().list_schemes(request.clone()).await).await
    }

    /// Issues a referral.
    pub async fn issue(&self, request: IssueReferralRequest) -> Answer<IssueReferralResponse> {
        answered(async || self.referrals.clone().issue_referral(request.clone()).await).await
    }

    /// Issues a referral and gives it without what is handed out.
    pub async fn issued(&self, request: IssueReferralRequest) -> Answer<Referral> {
        Ok(self.issue(request).await?.referral.unwrap_or_default())
    }

    /// Confirms that a referral was given.
    pub async fn confirm(&self, request: ConfirmReferralGivenRequest) -> Answer<Referral> {
        answered(async || self.referrals.clone().confirm_referral_given(request.clone()).await).await
    }

    /// Follows up on a referral of the peer.
    pub async fn follow_up(&self, request: FollowUpReferralRequest) -> Answer<FollowUpReferralResponse> {
        answered(async || self.referrals.clone().follow_up_referral(request.clone()).await).await
    }

    /// Revises a judgement.
    pub async fn revise(&self, request: ReviseJudgementRequest) -> Answer<Referral> {
        answered(async || self.referrals.clone().revise_judgement(request.clone()).await).await
    }

    /// Gets a referral.
    pub async fn referral(&self, name: &str) -> Answer<Referral> {
        let request = GetReferralRequest { name: name.to_owned() };
        answered(async || self.referrals.clone().get_referral(request.clone()).await).await
    }

    /// A referral without the own half's version: what is the same at both agencies.
    pub async fn shared_referral(&self, name: &str) -> Answer<Referral> {
        Ok(Referral { etag: String::new(), ..self.referral(name).await? })
    }

    /// Lists referrals.
    pub async fn list_referrals(&self, request: ListReferralsRequest) -> Answer<ListReferralsResponse> {
        answered(async || self.referrals.clone().list_referrals(request.clone()).await).await
    }

    /// Counts a month.
    pub async fn count(&self, request: CountReferralsRequest) -> Answer<ReferralCounts> {
        answered(async || self.counts.clone().count_referrals(request.clone()).await).await
    }

    /// Gets an agency's counts of a month.
    pub async fn counts_of(&self, agency: Agency, month: &str) -> Answer<ReferralCounts> {
        let request = GetReferralCountsRequest { name: format!("agencies/{}/referralCounts/{month}", agency.id()) };
        answered(async || self.counts.clone().get_referral_counts(request.clone()).await).await
    }

    /// Gets the agreement.
    pub async fn agreement(&self) -> Answer<Agreement> {
        let request = GetAgreementRequest { name: "agreement".to_owned() };
        answered(async || self.agreement.clone().get_agreement(request.clone()).await).await
    }

    /// What changes from a cursor on (see `WatchRequest`).
    pub async fn watch(&self, cursor: &str, matter: &str) -> Answer<Feed> {
        Feed::open(&self.watch, cursor, matter).await
    }

    /// How the link stands.
    ///
    /// # Errors
    /// When the call fails for good.
    pub async fn link(&self) -> Result<LinkStatus, String> {
        self.desk.link_status().await
    }

    /// Waits until the link stands so.
    ///
    /// # Errors
    /// When it does not come about.
    pub async fn until_link(&self, what: &str, holds: impl Fn(&LinkStatus) -> bool) -> Result<LinkStatus, String> {
        let what = format!("{} at {}", what, self.agency.id());
        self.desk.until(&what, || async { Ok(Some(self.link().await?).filter(&holds)) }).await
    }

    /// Asks how the link stands until it stands so: for what the feed does not tell of, such as the cause.
    ///
    /// # Errors
    /// When it does not come about.
    pub async fn ask_link(&self, what: &str, holds: impl Fn(&LinkStatus) -> bool) -> Result<LinkStatus, String> {
        let asking = async {
            loop {
                let link = self.link().await?;
                if holds(&link) {
                    return Ok(link);
                }
            }
        };
        let asked = tokio::time::timeout(PATIENCE, asking).await;
        asked.map_err(|_| format!("{what} at {}: not within {} s", self.agency.id(), PATIENCE.as_secs()))?
    }

    /// All entries of a journal as they are held here, without what differs between the two sides.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn journal(&self, author: Agency) -> Answer<Vec<JournalEntry>> {
        let link =
            self.link().await.map_err(|text| Refused::from(Status::from(renkei_rpc::error::Error::Fault(text))))?;
        let head = if author == self.agency { link.own_seq } else { link.peer_seq };
        let mut entries = Vec::new();
        for seq in 1..=head {
            entries.push(JournalEntry { arrived_at: None, delivery: None, ..self.entry(author, seq).await? });
        }
        Ok(entries)
    }
}

/// Asserts that both sides hold the same journals, and gives how many entries in them are refusals.
///
/// # Errors
/// When a call fails.
pub async fn same_journals(ppc: &Acts, ipa: &Acts) -> Answer<usize> {
    let mut refusals = 0;
    for author in AGENCIES {
        let (here, there) = (ppc.journal(author).await?, ipa.journal(author).await?);
        assert_eq!(here.len(), there.len(), "the journal of {}", author.id());
        here.iter().zip(&there).for_each(|(here, there)| assert_eq!(here, there));
        refusals += here.iter().filter(|entry| entry.fact_type == "entry_refused").count();
    }
    Ok(refusals)
}

/// Repeats a call that was answered by nobody, or by a service that shuts down.
async fn answered<T>(call: impl AsyncFn() -> Result<Response<T>, Status>) -> Answer<T> {
    let start = tokio::time::Instant::now();
    loop {
        let status = match call().await {
            Ok(response) => return Ok(response.into_inner()),
            Err(status) => status,
        };
        let reason = reason_of(&status);
        let nobody =
            reason.is_none() && (status.code() == Code::Unavailable || renkei_rpc::connect::is_broken(&status));
        if !(nobody || reason == Some(Reason::Draining)) || start.elapsed() > PATIENCE {
            return Err(status.into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Unauthorised access at a business, recorded electronically, with personal information.
pub fn scope_facts() -> ScopeFacts {
    ScopeFacts {
        electronic: true,
        personal_information: true,
        kind: IncidentKind::Access.into(),
        reporter: ReporterKind::Business.into(),
        taken_by_ministry: false,
    }
}

/// Terms that fit every report.
pub fn terms() -> SchemeTerms {
    SchemeTerms {
        kinds: vec![IncidentKind::Virus.into(), IncidentKind::Access.into()],
        reporters: vec![ReporterKind::Business.into(), ReporterKind::Person.into()],
        needs_personal_information: false,
        duty: FilingDuty::May.into(),
        valid_from: "2023-04-01".to_owned(),
        valid_until: String::new(),
    }
}

/// The words of a scheme with this title.
pub fn words(title: &str) -> SchemeContent {
    let text = |ja: &str| Some(Text { ja: ja.to_owned(), en: "A reference translation".to_owned() });
    SchemeContent {
        title: text(title),
        basis: text("根拠"),
        who: text("届け出る者"),
        what: text("届け出る事項"),
        how: text("届出の方法"),
        deadlines: text("期限"),
        links: vec!["https://example.jp/todoke".to_owned()],
        telephone: "03-0000-0000".to_owned(),
    }
}
