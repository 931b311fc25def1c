//! Steps 10 and 12: both agencies share, and IPA recalls an item.

use renkei_domain::moment::stamp;
use renkei_proto::{
    options::v1::Reason,
    sharing::v1::{
        AcknowledgeItemRequest, AttackMethod, GetItemRequest, Item, ItemContent, ItemRecalledContent, ItemTerms,
        ItemText, Necessity, PublishItemRequest, RecallItemRequest, RecallReason, TechnologyTrend, ThreatInformation,
        item::State, item_content::Item as Kind,
    },
    r#type::v1::{Agency, Audience, Certainty, Designated, Language, Purpose, Scope, Tlp, Undesignated, scope},
};

use super::{Scenario, advice::technique, found, instant, must};
use crate::desk::{Desk, failure, insist};

/// A report that OASIS has published (see `shared/tools/data/stix/LICENSE`).
const APT1: &[u8] = include_bytes!("../../data/stix/apt1.json");

impl Scenario<'_> {
    /// Step 10: an attack method of PPC, the APT1 report and a technology trend for named units of IPA. Gives the trend and
    /// the report.
    pub(super) async fn share(&mut self) -> Result<(Item, Item), String> {
        self.at("2026-11-27", "13:00")?;
        let method =
            self.text("改ざんされた通販サイトの手口", "# 手口\n未更新のプラグインから侵入し、決済画面を改ざんする。");
        let method = AttackMethod {
            text: Some(ItemText { external_ids: vec![technique("T1190"), technique("T1056.003")], ..method }),
            way_in: "未更新のプラグイン".to_owned(),
            taken: "カード情報".to_owned(),
            stopped_by: "ファイルの改ざん検知".to_owned(),
        };
        let party = Designated {
            audience: Audience::Party.into(),
            units: Vec::new(),
            purposes: vec![Purpose::Guidance.into(), Purpose::Policy.into()],
            expires: Some(stamp(instant("2027-04-01T00:00:00+09:00")?)),
        };
        let (necessity, scope) = (Necessity::PreventSimilar, scope::Scope::Designated(party));
        let method = self.publish(Agency::Ppc, Kind::AttackMethod(method), necessity, scope).await?;
        must(method.tlp() == Tlp::AmberStrict, "the receiving party alone is TLP:AMBER+STRICT")?;

        let report = self.text("APT1", "OASISが公開した脅威情報の例");
        let report = ThreatInformation { text: Some(ItemText { stix_bundle: APT1.to_vec(), ..report }) };
        let (none, everybody) = (Necessity::Unspecified, scope::Scope::Undesignated(Undesignated {}));
        let report = self.publish(Agency::Ipa, Kind::ThreatInformation(report), none, everybody).await?;

        let trend =
            TechnologyTrend { text: Some(self.text("VPN機器の動向", "VPN機器を狙う手口の動向")) };
        let units = Designated {
            audience: Audience::Units.into(),
            units: vec!["policy".to_owned()],
            purposes: vec![Purpose::Policy.into()],
            expires: None,
        };
        let units = scope::Scope::Designated(units);
        let trend = self.publish(Agency::Ipa, Kind::TechnologyTrend(trend), none, units).await?;
        must(trend.tlp() == Tlp::Red, "named units alone are TLP:RED")?;

        let (ppc, ipa) = (self.world.ppc.clone(), self.world.ipa.clone());
        ipa.until("PPC's item at IPA", || find(&ipa, "sharing", Purpose::Policy, &method.name)).await?;
        let held = ppc
            .until("the APT1 report at PPC", || find(&ppc, "casework", Purpose::Investigation, &report.name))
            .await?;
        let bundle = held.content.and_then(|content| content.item).and_then(|item| match item {
            Kind::ThreatInformation(it) => it.text.map(|text| text.stix_bundle),
            _ => None,
        });
        must(bundle.as_deref() == Some(APT1), "the STIX bundle arrives byte for byte")?;
        let seen = ppc.until("the trend at its unit", || find(&ppc, "sharing", Purpose::Policy, &trend.name)).await?;
        let hidden = find(&ppc, "casework", Purpose::Investigation, &trend.name).await?;
        must(hidden.is_none(), "another unit does not find what is shared with the policy unit")?;
        let acknowledge = AcknowledgeItemRequest {
            request_id: self.request_id(),
            name: seen.name.clone(),
            etag: seen.etag.clone(),
            marking: None,
        };
        let client = ppc.items("sharing", Purpose::Policy)?;
        let it = insist(async || client.clone().acknowledge_item(acknowledge.clone()).await).await;
        must(it.map_err(failure)?.acknowledged_revision == 1, "PPC acknowledges the trend")?;
        (self.say)("10  shared: within its unit the trend is found, outside it is not".to_owned());
        Ok((trend, report))
    }

    /// Step 12: IPA recalls the trend while the link is cut; PPC's service seals it on arrival and reports this.
    pub(super) async fn recall(&mut self, trend: &Item) -> Result<(), String> {
        self.at("2026-12-01", "08:30")?;
        (self.say)("17  the link is cut again; IPA goes on".to_owned());
        self.world.cut_link();
        let (ppc, ipa) = (self.world.ppc.clone(), self.world.ipa.clone());
        let recall = RecallItemRequest {
            request_id: self.request_id(),
            name: trend.name.clone(),
            etag: String::new(),
            answer_by: String::new(),
            reason: RecallReason::Incorrect.into(),
            content: Some(ItemRecalledContent {
                explanation: "影響を受けるバージョンの記載に誤りがあったため。".to_owned(),
            }),
        };
        let client = ipa.items("sharing", Purpose::Policy)?;
        let it = insist(async || client.clone().recall_item(recall.clone()).await).await;
        let it = it.map_err(failure)?;
        must(it.state() == State::Recalled && it.sealed_at.is_none(), "PPC cannot have sealed it yet")?;
        (self.say)(format!("12  {}: recalled by IPA", it.case_number));
        self.world.mend_link();
        let is_sealed = async |desk: Desk| {
            let it = find(&desk, "sharing", Purpose::Policy, &trend.name).await?;
            Ok(it.filter(|it| it.sealed_at.is_some()))
        };
        let here = ppc.until("the recall at PPC", || is_sealed(ppc.clone())).await?;
        must(here.content.is_none() && here.state() == State::Recalled, "PPC reads nothing of it any more")?;
        ipa.until("PPC's answer at IPA", || is_sealed(ipa.clone())).await?;
        (self.say)(format!("12  {}: sealed at PPC, and IPA knows", here.case_number));
        Ok(())
    }

    async fn publish(
        &mut self,
        agency: Agency,
        item: Kind,
        necessity: Necessity,
        scope: scope::Scope,
    ) -> Result<Item, String> {
        let terms = ItemTerms { scope: Some(Scope { scope: Some(scope) }), ..ItemTerms::default() };
        let request = PublishItemRequest {
            request_id: self.request_id(),
            terms: Some(terms),
            necessity: necessity.into(),
            content: Some(ItemContent { item: Some(item) }),
        };
        let client = self.world.desk(agency).items("sharing", Purpose::Policy)?;
        let it = insist(async || client.clone().publish_item(request.clone()).await).await;
        let it = it.map_err(failure)?;
        let (kind, tlp) = (it.kind().as_str_name(), it.tlp().as_str_name());
        (self.say)(format!("10  {}: {kind} published, {tlp}", it.case_number));
        Ok(it)
    }

    fn text(&self, title: &str, body: &str) -> ItemText {
        ItemText {
            title: title.to_owned(),
            body: body.to_owned(),
            language: Language::Ja.into(),
            certainty: Certainty::Confirmed.into(),
            as_of: Some(stamp(self.world.now())),
            ..ItemText::default()
        }
    }
}

/// The item as one system sees it for a purpose; `None` when it does not find it.
async fn find(desk: &Desk, caller: &str, purpose: Purpose, name: &str) -> Result<Option<Item>, String> {
    let client = desk.items(caller, purpose)?;
    let request = GetItemRequest { name: name.to_owned() };
    let got = insist(async || client.clone().get_item(request.clone()).await).await;
    if let Err(error) = &got {
        must(error.reason == Reason::NotFound, &error.to_string())?;
    }
    found(got)
}
