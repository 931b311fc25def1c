//! The acts of officials at one agency's desk: valid requests, of which a test changes the part under test, and calls
//! over connections that stay open.

use std::ops::Deref;

use renkei_client::{Answer, CallError, OfficialChannel, Watch};
use renkei_proto::{
    advice::v1::{
        advice_asking_service_client::AdviceAskingServiceClient,
        advice_giving_service_client::AdviceGivingServiceClient, advice_service_client::AdviceServiceClient,
    },
    agreement::v1::agreement_service_client::AgreementServiceClient,
    evidence::v1::{
        JournalEntry, evidence_service_client::EvidenceServiceClient, official_service_client::OfficialServiceClient,
    },
    link::v1::LinkStatus,
    options::v1::Reason,
    referral::v1::{referral_service_client::ReferralServiceClient, scheme_service_client::SchemeServiceClient},
    sharing::v1::{
        consent_service_client::ConsentServiceClient, disclosure_service_client::DisclosureServiceClient,
        item_service_client::ItemServiceClient, recall_service_client::RecallServiceClient,
    },
    r#type::v1::{Agency, Purpose},
};
use renkei_simulation::requests::Requests;
use tonic::Status;

use crate::{
    desk::{Desk, PATIENCE},
    pair::Pair,
    schemes,
    setup::AGENCIES,
};

mod advice;
mod agreement;
mod call;
mod consent;
mod evidence;
mod item;
mod referral;
mod reply;

pub use self::reply::Reply;
pub use renkei_simulation::requests::{
    body, item_content, named, scope_facts, stated, stated_again, terms, terms_for, to_audience, to_the_party,
    to_units, unit, words,
};

/// The acts at one agency's desk.
pub struct Acts {
    /// The desk to which the calls go.
    pub desk: Desk,
    schemes: SchemeServiceClient<OfficialChannel>,
    referrals: ReferralServiceClient<OfficialChannel>,
    papers: ReferralServiceClient<OfficialChannel>,
    counts: ReferralServiceClient<OfficialChannel>,
    agreement: AgreementServiceClient<OfficialChannel>,
    notices: AgreementServiceClient<OfficialChannel>,
    evidence: EvidenceServiceClient<OfficialChannel>,
    feed: OfficialChannel,
    advice_asking: AdviceAskingServiceClient<OfficialChannel>,
    advice_giving: AdviceGivingServiceClient<OfficialChannel>,
    advice: AdviceServiceClient<OfficialChannel>,
    items: ItemServiceClient<OfficialChannel>,
    consents: ConsentServiceClient<OfficialChannel>,
    disclosures: DisclosureServiceClient<OfficialChannel>,
    recalls: RecallServiceClient<OfficialChannel>,
    disposals: RecallServiceClient<OfficialChannel>,
    officials: OfficialServiceClient<OfficialChannel>,
    requests: Requests,
}

/// The requests that the calls at this desk begin with.
impl Deref for Acts {
    type Target = Requests;

    fn deref(&self) -> &Requests {
        &self.requests
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
            assert_eq!(refused.code, expected.code, "{refused:?}");
            // Both languages state what was not met, or neither does.
            let japanese = refused.japanese.strip_prefix(expected.japanese);
            let english = refused.message.strip_prefix(expected.english);
            assert_eq!(japanese.map(str::is_empty), english.map(str::is_empty), "{refused:?}");
            // That a state does not allow something helps no official who is not told which or why.
            assert!(reason != Reason::WrongState || japanese != Some(""), "{refused:?}");
            assert_eq!(refused.retry_after, expected.retry_after);
        }
    }
}

/// The acts at both desks of a pair, PPC's first.
///
/// # Errors
/// Fails if certificates cannot be read.
pub fn both(pair: &Pair) -> Result<(Acts, Acts), String> {
    Ok((Acts::new(pair, Agency::Ppc)?, Acts::new(pair, Agency::Ipa)?))
}

/// Publishes the four real schemes and waits until both sides have them.
///
/// # Errors
/// Fails if a call is refused or the journals do not settle.
pub async fn publish_all(ppc: &Acts, ipa: &Acts) -> Result<(), String> {
    for scheme in schemes::all()? {
        let acts = if scheme.agency == Agency::Ppc { ppc } else { ipa };
        let mut request = acts.publishing(&scheme.id);
        (request.terms, request.content) = (Some(scheme.terms), Some(scheme.content));
        acts.publish(request).await.map_err(|refused| format!("{refused:?}"))?;
    }
    settle(ppc, ipa).await
}

/// Waits until each side has a receipt for all that it wrote, and so each has all of the other's.
///
/// # Errors
/// Fails if that does not come about.
pub async fn settle(ppc: &Acts, ipa: &Acts) -> Result<(), String> {
    // Each side that receives entries may write a refusal for them, so it is over when neither has written meanwhile.
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
    /// Fails if certificates cannot be read.
    pub fn new(pair: &Pair, agency: Agency) -> Result<Self, String> {
        let (desk, world) = (pair.side(agency).desk.clone(), pair.world());
        let seed = [if agency == Agency::Ppc { 1 } else { 2 }; 32];
        Ok(Self {
            schemes: desk.schemes()?,
            referrals: desk.referrals()?,
            papers: desk.papers()?,
            counts: desk.counts()?,
            agreement: desk.agreement()?,
            notices: desk.notices()?,
            evidence: desk.evidence()?,
            feed: desk.feed()?,
            advice_asking: desk.advice_asking()?,
            advice_giving: desk.advice_giving()?,
            advice: desk.advice()?,
            items: desk.items("sharing", Purpose::Policy)?,
            consents: desk.consents("sharing", Purpose::Policy)?,
            disclosures: desk.disclosures("sharing", Purpose::Policy)?,
            recalls: desk.recalls("sharing", Purpose::Policy)?,
            disposals: desk.recalls("approver", Purpose::Policy)?,
            officials: desk.officials()?,
            desk,
            requests: Requests::new(agency, seed, move || world.now()),
        })
    }

    /// Watches from a cursor on (see `WatchRequest`).
    pub async fn watch(&self, cursor: &str, matter: &str) -> Answer<Watch> {
        Watch::open(self.feed.clone(), cursor, matter).await
    }

    /// The state of the link.
    ///
    /// # Errors
    /// Fails if the call fails for good.
    pub async fn link(&self) -> Result<LinkStatus, String> {
        self.desk.link_status().await
    }

    /// Waits until the link is in this state.
    ///
    /// # Errors
    /// Fails if it does not come about.
    pub async fn until_link(&self, what: &str, holds: impl Fn(&LinkStatus) -> bool) -> Result<LinkStatus, String> {
        let what = format!("{} at {}", what, self.agency.id());
        self.desk.until(&what, || async { Ok(Some(self.link().await?).filter(&holds)) }).await
    }

    /// Asks for the state of the link until it is this one: for parts that the feed does not show, such as the cause.
    ///
    /// # Errors
    /// Fails if it does not come about.
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

    /// All entries of a journal as they are stored here, without what differs between the two sides.
    ///
    /// # Errors
    /// Fails if a call fails.
    pub async fn journal(&self, author: Agency) -> Answer<Vec<JournalEntry>> {
        let link =
            self.link().await.map_err(|text| CallError::from(Status::from(renkei_rpc::error::Error::Fault(text))))?;
        let head = if author == self.agency { link.own_seq } else { link.peer_seq };
        let mut entries = Vec::new();
        for seq in 1..=head {
            let entry = self.entry(author, seq).await?;
            entries.push(JournalEntry { arrived_at: None, delivery: None, content_present: false, ..entry });
        }
        Ok(entries)
    }
}

/// Asserts that both sides have the same journals, and gives how many entries in them are refusals.
///
/// # Errors
/// Fails if a call fails, or if a journal is not at both sides in time.
pub async fn same_journals(ppc: &Acts, ipa: &Acts) -> Answer<usize> {
    let mut refusals = 0;
    for author in AGENCIES {
        // A service also writes by itself, such as the anchor of its audit chains: between two reads there may be one entry more.
        let reading = async {
            loop {
                let (here, there) = (ppc.journal(author).await?, ipa.journal(author).await?);
                if here.len() == there.len() {
                    return Ok::<_, CallError>((here, there));
                }
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        let late = |_| CallError::from(Status::from(renkei_rpc::error::Error::Fault("the journals differ".to_owned())));
        let (here, there) = read.map_err(late)??;
        here.iter().zip(&there).for_each(|(here, there)| assert_eq!(here, there));
        refusals += here.iter().filter(|entry| entry.fact_type == "entry_refused").count();
    }
    Ok(refusals)
}
