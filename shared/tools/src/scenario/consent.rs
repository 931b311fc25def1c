//! Steps 11, 12 and 14: consent in part and denied, a refused disclosure, a recall that is answered with a disclosure, and a
//! disclosure that a law requires.

use renkei_domain::moment::stamp;
use renkei_proto::{
    options::v1::Reason,
    sharing::v1::{
        AnnounceDisclosureRequest, AnswerRecallRequest, Body, CheckDisclosureRequest, ConsentCondition,
        ConsentDenialReason, ConsentDeniedContent, CopyAnsweredContent, CopyFate, DenyConsentRequest, Disclosure,
        DisclosureOpinionGivenContent, GetItemRequest, GiveDisclosureOpinionRequest, GrantConsentRequest, Item,
        ItemPart, LegalGround, ListDisclosuresRequest, ListedBody, NamedConsent, NextStep, RecipientDemand,
        RecordDisclosureRequest, RequestConsentRequest, StatedConsent, StatedLaw, StatedName, StatedRecipient,
        record_disclosure_request::Basis, stated_recipient::Recipient,
    },
    r#type::v1::Purpose,
};

use super::{Scenario, instant, must};
use crate::desk::{Desk, failure, insist};

/// The applicant who requests information in step 14.
const APPLICANT: &str = "開示請求者（第12号）";

impl Scenario<'_> {
    /// Step 11: PPC asks to hand the trend to two bodies. IPA consents to one in part and denies the other. A disclosure beyond
    /// is refused and recorded; the one within is recorded and known to both.
    pub(super) async fn consent(&mut self, trend: &Item) -> Result<String, String> {
        self.at("2026-11-27", "15:00")?;
        let (ppc, ipa) = (self.world.ppc.clone(), self.world.ipa.clone());
        let necessity = "個人情報保護法サイバーセキュリティ連絡会において注意喚起の内容を調整するため。";
        let asked = self.request_consent(trend, Body::Nco, necessity).await?;
        let denied = self.request_consent(trend, Body::NpaCyber, "捜査の参考とするため。").await?;
        let open = until(&ipa, "PPC's requests at IPA", &trend.name, |it| it.consent_requests.len() == 2).await?;
        must(open.waiting_for().any(|agency| agency == ipa.agency), "IPA has to answer the requests")?;

        let summary = StatedConsent {
            recipients: vec![listed(Body::Nco)],
            purposes: vec![Purpose::Policy.into()],
            until: Some(stamp(instant("2026-12-25T00:00:00+09:00")?)),
            parts: vec![ItemPart::Summary.into()],
        };
        let grant = GrantConsentRequest {
            request_id: self.request_id(),
            name: trend.name.clone(),
            etag: String::new(),
            request: asked,
            terms: Some(summary),
            conditions: vec![ConsentCondition::NoOnward.into()],
            explanation: "出典を明示してください。".to_owned(),
        };
        let client = ipa.consents("sharing", Purpose::Policy)?;
        let granted = insist(async || client.clone().grant_consent(grant.clone()).await).await.map_err(failure)?;
        let consent = granted.consents.first().map(|it| it.entry.clone()).unwrap_or_default();
        let deny = DenyConsentRequest {
            request_id: self.request_id(),
            name: trend.name.clone(),
            etag: String::new(),
            request: denied,
            reason: ConsentDenialReason::Harm.into(),
            content: Some(ConsentDeniedContent {
                explanation: "届出者の特定につながるおそれがあるため。".to_owned()
            }),
        };
        insist(async || client.clone().deny_consent(deny.clone()).await).await.map_err(failure)?;
        until(&ppc, "IPA's answers at PPC", &trend.name, |it| {
            it.consent_requests.iter().all(|it| !it.answer.is_empty())
        })
        .await?;
        (self.say)(
            "11  IPA consents for 国家サイバー統括室 in part (表題及び要旨), and not for 警察庁サイバー警察局"
                .to_owned(),
        );

        self.refused_disclosure(trend, &consent).await?;
        let record = self.recording(trend, Body::Nco, &consent);
        let client = ppc.disclosures("sharing", Purpose::Policy)?;
        let it = insist(async || client.clone().record_disclosure(record.clone()).await).await.map_err(failure)?;
        let disclosed = it.disclosures.first().cloned().ok_or("the disclosure is recorded")?;
        until(&ipa, "the disclosure at IPA", &trend.name, |it| it.disclosures.len() == 1).await?;
        for desk in [&ppc, &ipa] {
            let all = disclosures(desk, &trend.name).await?;
            let [one] = all.as_slice() else { return Err("both agencies know of one disclosure".to_owned()) };
            must(
                one.recipient_name == "国家サイバー統括室" && one.consent == consent,
                "the disclosure names its basis",
            )?;
        }
        (self.say)("11  disclosed to 国家サイバー統括室 with this consent: both agencies list it".to_owned());
        Ok(disclosed)
    }

    async fn request_consent(&mut self, item: &Item, to: Body, necessity: &str) -> Result<String, String> {
        let request = RequestConsentRequest {
            request_id: self.request_id(),
            name: item.name.clone(),
            etag: String::new(),
            terms: Some(StatedConsent {
                recipients: vec![listed(to)],
                purposes: vec![Purpose::Policy.into()],
                until: Some(stamp(instant("2026-12-25T00:00:00+09:00")?)),
                parts: Vec::new(),
            }),
            necessity: necessity.to_owned(),
            given_orally_at: None,
        };
        let client = self.world.ppc.consents("sharing", Purpose::Policy)?;
        let it = insist(async || client.clone().request_consent(request.clone()).await).await.map_err(failure)?;
        (self.say)(format!("11  {}: PPC requests consent for {}", it.case_number, to.ja()));
        it.consent_requests.last().map(|it| it.entry.clone()).ok_or_else(|| "the request is there".to_owned())
    }

    /// A disclosure to the body for which consent was denied: the check states what to do, and the act is refused.
    async fn refused_disclosure(&mut self, trend: &Item, consent: &str) -> Result<(), String> {
        let client = self.world.ppc.disclosures("sharing", Purpose::Policy)?;
        let check = CheckDisclosureRequest {
            name: trend.name.clone(),
            recipient: Some(listed(Body::NpaCyber)),
            purpose: Purpose::Policy.into(),
            ..CheckDisclosureRequest::default()
        };
        let checked = insist(async || client.clone().check_disclosure(check.clone()).await).await.map_err(failure)?;
        must(!checked.allowed && checked.next_step() == NextStep::RequestConsent, "the check answers before")?;
        let beyond = self.recording(trend, Body::NpaCyber, consent);
        let refused = insist(async || client.clone().record_disclosure(beyond.clone()).await).await;
        let reason = refused.err().map(|error| error.reason);
        must(reason == Some(Reason::BeyondScope), "a disclosure beyond the consent is refused")?;
        (self.say)(
            "11  警察庁サイバー警察局: a disclosure is refused (BEYOND_SCOPE), and the attempt is recorded".to_owned(),
        );
        Ok(())
    }

    fn recording(&mut self, item: &Item, to: Body, consent: &str) -> RecordDisclosureRequest {
        RecordDisclosureRequest {
            request_id: self.request_id(),
            name: item.name.clone(),
            recipient: Some(listed(to)),
            purpose: Purpose::Policy.into(),
            parts: vec![ItemPart::Summary.into()],
            basis: Some(Basis::Consent(NamedConsent { entry: consent.to_owned() })),
            document: "個情第1240号".to_owned(),
            ..RecordDisclosureRequest::default()
        }
    }

    /// Step 12, when the recall has arrived: PPC reports the recipient's copy, and that there is no other.
    pub(super) async fn answer_recall(&mut self, trend: &Item, disclosed: &str) -> Result<(), String> {
        let (ppc, ipa) = (self.world.ppc.clone(), self.world.ipa.clone());
        let answer = AnswerRecallRequest {
            request_id: self.request_id(),
            name: trend.name.clone(),
            fate: CopyFate::Disclosed.into(),
            disclosure: disclosed.to_owned(),
            demand: RecipientDemand::Dispose.into(),
            complete: true,
            content: Some(CopyAnsweredContent {
                description: "国家サイバー統括室に提供した要旨".to_owned(),
                ..CopyAnsweredContent::default()
            }),
            ..AnswerRecallRequest::default()
        };
        let client = ppc.recalls("sharing", Purpose::Policy)?;
        insist(async || client.clone().answer_recall(answer.clone()).await).await.map_err(failure)?;
        let known = until(&ipa, "PPC's report at IPA", &trend.name, |it| it.recall_complete).await?;
        must(known.copies.len() == 1 && known.waiting_for.is_empty(), "the recall is answered in full")?;
        (self.say)(format!(
            "12  {}: PPC reports DISCLOSED (国家サイバー統括室), destruction demanded: complete",
            known.case_number
        ));
        Ok(())
    }

    /// Step 14: an information request touches the APT1 report. IPA is told first and gives its opinion; PPC discloses a part
    /// because the law requires it.
    pub(super) async fn required_by_law(&mut self, report: &Item) -> Result<(), String> {
        self.at("2026-12-01", "08:45")?;
        let (ppc, ipa) = (self.world.ppc.clone(), self.world.ipa.clone());
        let applicant = StatedRecipient {
            recipient: Some(Recipient::Named(StatedName { name: APPLICANT.to_owned(), served: false })),
        };
        let announce = AnnounceDisclosureRequest {
            request_id: self.request_id(),
            name: report.name.clone(),
            etag: String::new(),
            ground: LegalGround::InformationRequest.into(),
            recipient: Some(applicant.clone()),
            parts: vec![ItemPart::Summary.into()],
            planned_on: "2026-12-10".to_owned(),
            explanation: "行政機関の保有する情報の公開に関する法律第4条に基づく開示請求".to_owned(),
        };
        let client = ppc.disclosures("casework", Purpose::Investigation)?;
        let it = insist(async || client.clone().announce_disclosure(announce.clone()).await).await.map_err(failure)?;
        let announcement = it.legal_disclosures.first().map(|it| it.entry.clone()).unwrap_or_default();
        until(&ipa, "PPC's announcement at IPA", &report.name, |it| !it.legal_disclosures.is_empty()).await?;
        let opinion = GiveDisclosureOpinionRequest {
            request_id: self.request_id(),
            name: report.name.clone(),
            etag: String::new(),
            announcement: announcement.clone(),
            objects: false,
            content: Some(DisclosureOpinionGivenContent {
                opinion: "要旨に限り、支障はありません。".to_owned()
            }),
        };
        let asked = ipa.disclosures("sharing", Purpose::Policy)?;
        insist(async || asked.clone().give_disclosure_opinion(opinion.clone()).await).await.map_err(failure)?;
        let opined = |it: &Item| it.legal_disclosures.iter().all(|it| !it.opinion.is_empty());
        until(&ppc, "IPA's opinion at PPC", &report.name, opined).await?;
        let record = RecordDisclosureRequest {
            request_id: self.request_id(),
            name: report.name.clone(),
            recipient: Some(applicant),
            parts: vec![ItemPart::Summary.into()],
            basis: Some(Basis::Law(StatedLaw {
                ground: LegalGround::InformationRequest.into(),
                announcement,
                notice_forbidden: false,
            })),
            document: "個情第1251号".to_owned(),
            approval: "個情決第88号".to_owned(),
            ..RecordDisclosureRequest::default()
        };
        insist(async || client.clone().record_disclosure(record.clone()).await).await.map_err(failure)?;
        until(&ipa, "the disclosure at IPA", &report.name, |it| it.disclosures.len() == 1).await?;
        let [one] = &disclosures(&ipa, &report.name).await?[..] else {
            return Err("IPA knows of one disclosure".to_owned());
        };
        must(
            one.ground() == LegalGround::InformationRequest && one.recipient_name == APPLICANT,
            "IPA knows the ground",
        )?;
        (self.say)(format!(
            "14  {}: an information request; IPA has given its opinion, the summary is disclosed",
            one.case_number
        ));
        Ok(())
    }
}

fn listed(body: Body) -> StatedRecipient {
    StatedRecipient { recipient: Some(Recipient::Listed(ListedBody { body: body.into() })) }
}

/// The item at a desk, once it is like this.
async fn until(desk: &Desk, what: &str, name: &str, holds: impl Fn(&Item) -> bool) -> Result<Item, String> {
    desk.until(what, || async {
        let client = desk.items("sharing", Purpose::Policy)?;
        let request = GetItemRequest { name: name.to_owned() };
        let item = insist(async || client.clone().get_item(request.clone()).await).await.map_err(failure)?;
        Ok(holds(&item).then_some(item))
    })
    .await
}

async fn disclosures(desk: &Desk, name: &str) -> Result<Vec<Disclosure>, String> {
    let client = desk.disclosures("sharing", Purpose::Policy)?;
    let request = ListDisclosuresRequest { name: name.to_owned(), ..ListDisclosuresRequest::default() };
    let listed = insist(async || client.clone().list_disclosures(request.clone()).await).await.map_err(failure)?;
    Ok(listed.disclosures)
}
