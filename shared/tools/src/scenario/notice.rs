//! Step 18: PPC gives notice under Art. 8, and withdraws it with IPA's assent, so that the next term is not disputed.

use renkei_proto::{
    agreement::v1::{
        Agreement, AssentToWithdrawalRequest, GetAgreementRequest, GiveNoticeRequest, ListNoticeEntriesRequest, Notice,
        NoticeKind, NoticeTiming, WithdrawNoticeRequest, agreement::State as Standing, notice::State,
        notice_entry::Content,
    },
    r#type::v1::Text,
};

use super::{Scenario, must};
use crate::desk::{Desk, failure, insist};

impl Scenario<'_> {
    /// Step 18: the notice, its words at the peer, its withdrawal and the assent.
    pub(super) async fn notice(&mut self) -> Result<(), String> {
        self.at("2026-11-30", "10:00")?;
        let (ppc, ipa) = (self.world.ppc.clone(), self.world.ipa.clone());
        let ja = "覚書第8条ただし書に基づき、次期の連絡体制の見直しについて申し出ます。".to_owned();
        let en = "Under the proviso of Art. 8: the contact points are to be reviewed for the next term.".to_owned();
        let text = Text { ja, en };
        let request = GiveNoticeRequest {
            request_id: self.request_id(),
            kind: NoticeKind::Other.into(),
            text: Some(text.clone()),
            document: "個情第1234号".to_owned(),
        };
        let client = ppc.notices()?;
        let given = insist(async || client.clone().give_notice(request.clone()).await).await.map_err(failure)?;
        must(given.notices.len() == 1, "PPC gives its first notice")?;
        let arrived = until(&ipa, "PPC's notice at IPA", |it| it.state() == State::Arrived).await?;
        let notice = only(&arrived)?;
        must(notice.timing() == NoticeTiming::InTime, "the notice is in time")?;
        must(arrived.state() == Standing::InForce, "the running term is not touched")?;
        must(arrived.next_state() == Standing::Disputed, "the next term would be disputed")?;
        must(words(&ipa).await? == Some(text), "IPA reads the words of the notice")?;
        (self.say)(
            "18  PPC gives notice 個情第1234号 under Art. 8: IN_TIME, the next term would be disputed".to_owned(),
        );

        self.at("2026-11-30", "15:00")?;
        let request = WithdrawNoticeRequest {
            request_id: self.request_id(),
            name: "agreement".to_owned(),
            etag: String::new(),
            notice: notice.entry.clone(),
        };
        let client = ppc.notices()?;
        insist(async || client.clone().withdraw_notice(request.clone()).await).await.map_err(failure)?;
        let waiting = until(&ipa, "the withdrawal at IPA", |it| !it.withdrawal.is_empty()).await?;
        must(waiting.next_state() == Standing::Disputed, "the notice counts until the assent")?;
        let request = AssentToWithdrawalRequest {
            request_id: self.request_id(),
            name: "agreement".to_owned(),
            etag: String::new(),
            withdrawal: only(&waiting)?.withdrawal,
        };
        let client = ipa.notices()?;
        insist(async || client.clone().assent_to_withdrawal(request.clone()).await).await.map_err(failure)?;
        let settled = until(&ppc, "the assent at PPC", |it| it.state() == State::Withdrawn).await?;
        must(settled.next_state() == Standing::InForce, "the next term is not disputed")?;
        (self.say)("18  PPC withdraws the notice, and IPA assents: the next term is not disputed".to_owned());
        Ok(())
    }
}

/// The agreement at a desk, once its only notice is like this.
async fn until(desk: &Desk, what: &str, holds: impl Fn(&Notice) -> bool) -> Result<Agreement, String> {
    desk.until(what, || async {
        let client = desk.agreement()?;
        let request = GetAgreementRequest { name: "agreement".to_owned() };
        let agreement = insist(async || client.clone().get_agreement(request.clone()).await).await.map_err(failure)?;
        Ok(agreement.notices.first().is_some_and(&holds).then_some(agreement))
    })
    .await
}

fn only(agreement: &Agreement) -> Result<Notice, String> {
    agreement.notices.first().cloned().ok_or_else(|| "there is no notice".to_owned())
}

/// The words of the first notice, as an approver reads them.
async fn words(desk: &Desk) -> Result<Option<Text>, String> {
    let client = desk.notices()?;
    let request = ListNoticeEntriesRequest { parent: "agreement".to_owned(), ..Default::default() };
    let listed = insist(async || client.clone().list_notice_entries(request.clone()).await).await.map_err(failure)?;
    let content = listed.entries.into_iter().find_map(|entry| entry.content);
    Ok(content.and_then(|Content::NoticeGiven(it)| it.text))
}
