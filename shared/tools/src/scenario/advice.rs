//! Steps 3 to 6: PPC asks IPA for advice on A社's case.

use renkei_domain::moment::stamp;
use renkei_proto::{
    advice::v1::{
        AcceptAdviceRequestRequest, AdviceAnswer, AdviceClarificationAnsweredContent, AdviceClarificationAskedContent,
        AdviceContent, AdvicePlanRevisedContent, AdvicePurpose, AdviceQuotationAnsweredContent,
        AdviceQuotationAskedContent, AdviceRequest, AdviceStage, AnswerClarificationRequest, AnswerQuotationRequest,
        AskClarificationRequest, AskFurtherQuestionsRequest, AskQuotationRequest, CloseAdviceRequestRequest,
        GetAdviceRequestRequest, GiveAdviceRequest, ListAdviceEntriesRequest, Quotation, QuotationFinding,
        RevisePlanRequest, Submission, SubmitAdviceRequestRequest, Urgency, advice_entry::Content,
        advice_request::State,
    },
    referral::v1::Referral,
    r#type::v1::{
        AttackId, Certainty, Confidentiality, ExternalId, Finding, Marking, PersonsKind, Restriction, Sector,
        Statement, external_id::Id,
    },
};

use super::{Scenario, found, instant, must, statutory};
use crate::desk::{Desk, failure, insist};

/// The version of ATT&CK to which the techniques belong.
const ATTACK: &str = "17.1";

impl Scenario<'_> {
    /// Step 3: in writing, urgent, on four questions, with the judgement and the referral of the case.
    pub(super) async fn ask_advice(&mut self, referral: &Referral) -> Result<AdviceRequest, String> {
        self.at("2026-11-24", "10:15")?;
        let request = SubmitAdviceRequestRequest {
            request_id: self.request_id(),
            title: "通販サイトの決済画面改ざん及びウェブシェル設置の疑い".to_owned(),
            purposes: [AdvicePurpose::InitialResponse, AdvicePurpose::RootCause, AdvicePurpose::AlertIssuance]
                .map(i32::from)
                .to_vec(),
            urgency: Urgency::Urgent.into(),
            wanted_by: Some(stamp(instant("2026-11-26T17:00:00+09:00")?)),
            marking: Some(Marking {
                confidentiality: Confidentiality::Level2.into(),
                restrictions: vec![Restriction::NoCopy.into()],
            }),
            submission: Some(Submission {
                facts: vec![
                    self.states("決済画面が改ざんされ、カード情報が窃取された", Certainty::Confirmed),
                    self.states("影響を受ける本人の数は最大3,200人", Certainty::Unconfirmed),
                ],
                questions: [
                    "決済画面の改ざん及びウェブシェル設置の疑いについて、運営者が直ちに保全すべきログ及びファイルは何か",
                    "侵入から発覚まで約7か月ある。窃取期間の始期を技術的にどのように推定すべきか",
                    "再発防止のために最低限必要な措置及びその確認方法は何か",
                    "同種の通販サイトの運営者に対する注意喚起に何を盛り込むべきか",
                ]
                .map(str::to_owned)
                .to_vec(),
                external_ids: ["T1190", "T1505.003", "T1056.003"].map(technique).to_vec(),
                attachments: Vec::new(),
            }),
            statutory: Some(statutory(Sector::Private, "2026-11-13", &[2, 3, 4], 3200, PersonsKind::AtMost)),
            judgement: Some(self.judgement(Finding::Applies)),
            referral: referral.case_number.clone(),
            related_cases: Vec::new(),
        };
        let client = self.world.ppc.advice_asking()?;
        let it = insist(async || client.clone().submit_advice_request(request.clone()).await).await;
        let it = it.map_err(failure)?;
        must(it.case_number == "甲-R08-ADV-0001", "the case number of the request")?;
        must(it.referral == referral.case_number, "the request names the referral of the case")?;
        let due = it.due.clone().unwrap_or_default().on;
        must(due == "2026-11-26", &format!("urgent advice is due on 2026-11-26, not {due}"))?;
        (self.say)(format!("3   {}: advice requested, urgent, due {due}", it.case_number));
        Ok(it)
    }

    /// Step 4: IPA receives it, takes it on and asks.
    pub(super) async fn take_on(&mut self, it: &AdviceRequest) -> Result<(), String> {
        self.at("2026-11-24", "11:05")?;
        let ipa = self.world.ipa.clone();
        let it = ipa.until("the request at IPA", || find(&ipa, &it.name, State::Submitted)).await?;
        let words = words(&ipa, &it.name).await?;
        let asked = words.iter().find_map(|content| match content {
            Content::AdviceRequested(it) => Some(it),
            _ => None,
        });
        let final_due = asked.and_then(|it| it.reporter_dates.as_ref()).map(|dates| dates.final_due.as_str());
        must(final_due == Some("2027-01-12"), "IPA reads the words, with the reporter's dates")?;
        let client = ipa.advice_giving()?;
        let accept = AcceptAdviceRequestRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            unit: "incident-analysis".to_owned(),
            planned_on: "2026-11-25".to_owned(),
        };
        let it = insist(async || client.clone().accept_advice_request(accept.clone()).await).await;
        let it = it.map_err(failure)?;
        let questions = ["CMSとプラグインのバージョン", "WAFの有無", "ログの保存期間"];
        let ask = AskClarificationRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            wanted_by: Some(stamp(instant("2026-11-24T15:00:00+09:00")?)),
            content: Some(AdviceClarificationAskedContent { questions: questions.map(str::to_owned).to_vec() }),
        };
        let it = insist(async || client.clone().ask_clarification(ask.clone()).await).await;
        let it = it.map_err(failure)?;
        must(it.state() == State::Clarifying && it.unit == "incident-analysis", "IPA asks for clarification")?;
        let ppc = self.world.ppc.clone();
        ppc.until("IPA's questions at PPC", || find(&ppc, &it.name, State::Clarifying)).await?;
        (self.say)(format!("4   {}: accepted by IPA, clarification asked", it.case_number));
        Ok(())
    }

    /// Step 4, while the link is cut: PPC answers.
    pub(super) async fn clarify(&mut self, name: &str) -> Result<(), String> {
        self.at("2026-11-24", "13:30")?;
        let it = got(&self.world.ppc, name).await?;
        let as_of = Some(stamp(instant("2026-11-24T13:00:00+09:00")?));
        let states =
            |text: &str, certainty: Certainty| Statement { text: text.to_owned(), certainty: certainty.into(), as_of };
        let request = AnswerClarificationRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            clarification: it.open_clarifications.first().cloned().unwrap_or_default(),
            content: Some(AdviceClarificationAnsweredContent {
                statements: vec![
                    states("ログの保存期間は90日", Certainty::Confirmed),
                    states("CMSとプラグインは旧バージョンとみられる", Certainty::Estimated),
                    states("WAFは未導入", Certainty::Confirmed),
                ],
                attachments: Vec::new(),
            }),
        };
        let client = self.world.ppc.advice_asking()?;
        let it = insist(async || client.clone().answer_clarification(request.clone()).await).await;
        let it = it.map_err(failure)?;
        must(it.state() == State::Accepted, "the clarification is answered")?;
        (self.say)(format!("4   {}: clarification answered", it.case_number));
        Ok(())
    }

    /// Step 5: interim advice the same day, final advice two days later.
    pub(super) async fn advise(&mut self, name: &str, stage: AdviceStage) -> Result<(), String> {
        let (day, time, answers): (_, _, &[(u32, &str)]) = match stage {
            AdviceStage::Interim => ("2026-11-24", "16:30", &INTERIM),
            _ => ("2026-11-26", "15:00", &FINAL),
        };
        self.at(day, time)?;
        let ipa = self.world.ipa.clone();
        let it = ipa.until("PPC's answer at IPA", || find(&ipa, name, State::Accepted)).await?;
        let certainty = if stage == AdviceStage::Interim { Certainty::Estimated } else { Certainty::Confirmed };
        let answer = |(question, text): &(u32, &str)| AdviceAnswer {
            question: *question,
            answer: Some(self.states(text, certainty)),
        };
        let answers: Vec<AdviceAnswer> = answers.iter().map(answer).collect();
        let request = GiveAdviceRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            stage: stage.into(),
            quotation: Quotation::ConfirmFirst.into(),
            content: Some(AdviceContent { answers, ..AdviceContent::default() }),
        };
        let client = ipa.advice_giving()?;
        let it = insist(async || client.clone().give_advice(request.clone()).await).await;
        let it = it.map_err(failure)?;
        let right = if stage == AdviceStage::Interim { State::Accepted } else { State::Answered };
        must(it.state() == right && !it.overdue, "the advice is given in time")?;
        (self.say)(format!("5   {}: {} given", it.case_number, stage.as_str_name()));
        Ok(())
    }

    /// Step 5: IPA needs a day longer, and PPC sees the new day beside the due day.
    pub(super) async fn replan(&mut self, name: &str) -> Result<(), String> {
        self.at("2026-11-25", "16:00")?;
        let it = got(&self.world.ipa, name).await?;
        let request = RevisePlanRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            planned_on: "2026-11-26".to_owned(),
            content: Some(AdvicePlanRevisedContent {
                reason: "追加で取得したログの解析に時間を要するため".to_owned()
            }),
        };
        let client = self.world.ipa.advice_giving()?;
        let it = insist(async || client.clone().revise_plan(request.clone()).await).await.map_err(failure)?;
        let entry = it.plans.last().map(|plan| plan.entry.clone()).unwrap_or_default();
        let ppc = self.world.ppc.clone();
        let seen = ppc.until("the new plan at PPC", || holds(&ppc, name, &entry)).await?;
        let due = seen.due.unwrap_or_default().on;
        must(seen.planned_on == "2026-11-26" && due == "2026-11-26", "the plan is another one, the due day is not")?;
        (self.say)(format!("5   {}: planned for {} instead", it.case_number, it.planned_on));
        Ok(())
    }

    /// Step 6, after the note: PPC asks one question more, IPA answers it the same day, and PPC takes note again.
    pub(super) async fn ask_further(&mut self, name: &str) -> Result<(), String> {
        self.at("2026-11-27", "10:30")?;
        let (ppc, ipa) = (self.world.ppc.clone(), self.world.ipa.clone());
        let it = got(&ppc, name).await?;
        let question = "調達仕様書に記載すべき更新義務の範囲は何か".to_owned();
        let request = AskFurtherQuestionsRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            submission: Some(Submission { questions: vec![question], ..Submission::default() }),
        };
        let client = ppc.advice_asking()?;
        let it = insist(async || client.clone().ask_further_questions(request.clone()).await).await.map_err(failure)?;
        let due = it.due.clone().unwrap_or_default().on;
        must(it.state() == State::Accepted && it.questions == 5, "the request is under way again")?;
        must(due == "2026-12-01", &format!("the further question is due on 2026-12-01, not {due}"))?;
        (self.say)(format!("6   {}: a further question asked, due {due}", it.case_number));
        self.at("2026-11-27", "12:00")?;
        let it = ipa.until("the further question at IPA", || find(&ipa, name, State::Accepted)).await?;
        let answer = self.states("CMS本体及びプラグインの双方について、更新の期限及び確認の方法", Certainty::Confirmed);
        let request = GiveAdviceRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            stage: AdviceStage::Final.into(),
            quotation: Quotation::Internal.into(),
            content: Some(AdviceContent {
                answers: vec![AdviceAnswer { question: 5, answer: Some(answer) }],
                ..AdviceContent::default()
            }),
        };
        let client = ipa.advice_giving()?;
        insist(async || client.clone().give_advice(request.clone()).await).await.map_err(failure)?;
        ppc.until("the answer at PPC", || find(&ppc, name, State::Answered)).await?;
        self.close(name).await
    }

    /// PPC takes note of the newest advice.
    async fn close(&mut self, name: &str) -> Result<(), String> {
        let ppc = self.world.ppc.clone();
        let it = got(&ppc, name).await?;
        let close = CloseAdviceRequestRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            advice: it.advice.last().map(|advice| advice.entry.clone()).unwrap_or_default(),
        };
        let client = ppc.advice_asking()?;
        let it = insist(async || client.clone().close_advice_request(close.clone()).await).await;
        let it = it.map_err(failure)?;
        must(it.state() == State::Closed, "PPC has taken note of the advice")?;
        (self.say)(format!("6   {}: closed", it.case_number));
        Ok(())
    }

    /// Step 6: PPC asks whether it may quote, IPA wants one change, then agrees; PPC takes note of the advice.
    pub(super) async fn quote(&mut self, name: &str) -> Result<(), String> {
        self.at("2026-11-27", "09:30")?;
        let ppc = self.world.ppc.clone();
        let it = ppc.until("the final advice at PPC", || find(&ppc, name, State::Answered)).await?;
        let rounds = [
            (
                "旧バージョンの利用は危険です。",
                QuotationFinding::ChangesWanted,
                "影響を受けることが確認されたバージョンに限って記載すること",
            ),
            (
                "影響を受けることが確認されたバージョンを利用している場合は、速やかに更新してください。",
                QuotationFinding::Agreed,
                "",
            ),
        ];
        for (text, finding, comment) in rounds {
            let it = got(&ppc, &it.name).await?;
            let ask = AskQuotationRequest {
                request_id: self.request_id(),
                name: it.name.clone(),
                etag: it.etag.clone(),
                advice: it.advice.last().map(|advice| advice.entry.clone()).unwrap_or_default(),
                wanted_by: Some(stamp(instant("2026-11-27T12:00:00+09:00")?)),
                embargo_until: Some(stamp(instant("2026-11-30T14:00:00+09:00")?)),
                content: Some(AdviceQuotationAskedContent { text: text.to_owned(), medium: "注意喚起".to_owned() }),
            };
            let client = ppc.advice_asking()?;
            let it = insist(async || client.clone().ask_quotation(ask.clone()).await).await;
            let asked = it.map_err(failure)?.quotations.pop().unwrap_or_default();
            let ipa = self.world.ipa.clone();
            let seen = ipa.until("PPC's draft at IPA", || holds(&ipa, name, &asked.entry)).await?;
            let answer = AnswerQuotationRequest {
                request_id: self.request_id(),
                name: seen.name.clone(),
                etag: seen.etag.clone(),
                quotation: asked.entry.clone(),
                finding: finding.into(),
                content: Some(AdviceQuotationAnsweredContent { comment: comment.to_owned() }),
            };
            let client = ipa.advice_giving()?;
            let it = insist(async || client.clone().answer_quotation(answer.clone()).await).await;
            let answer = it.map_err(failure)?.quotations.pop().unwrap_or_default().answer;
            ppc.until("IPA's answer at PPC", || holds(&ppc, name, &answer)).await?;
            (self.say)(format!("6   {}: quotation asked, {}", seen.case_number, finding.as_str_name()));
        }
        self.close(name).await
    }

    fn states(&self, text: &str, certainty: Certainty) -> Statement {
        Statement { text: text.to_owned(), certainty: certainty.into(), as_of: Some(stamp(self.world.now())) }
    }
}

const INTERIM: [(u32, &str); 2] = [
    (1, "ディスクイメージ、ウェブ・DB・認証のログ、更新時刻の一覧を保全すること。停止前にメモリの取得も検討すること"),
    (
        2,
        "ログの保存期間より前については、下限のみ推定可能。更新時刻、バックアップの差分及びカード会社の不正利用報告を突き合わせること",
    ),
];
const FINAL: [(u32, &str); 2] = [
    (3, "バージョンの管理、管理画面の接続元制限と多要素認証、ファイル改ざん検知、CSPとSRI、委託契約での更新義務"),
    (
        4,
        "次の6項目の点検を呼び掛けること。プラグインの更新状況、管理画面の公開範囲、管理者の一覧、不審なファイルの有無、決済画面の改変の有無及びログの保存期間",
    ),
];

pub(super) fn technique(id: &str) -> ExternalId {
    ExternalId { id: Some(Id::Attack(AttackId { id: id.to_owned(), version: ATTACK.to_owned() })) }
}

async fn find(desk: &Desk, name: &str, state: State) -> Result<Option<AdviceRequest>, String> {
    let client = desk.advice()?;
    let request = GetAdviceRequestRequest { name: name.to_owned() };
    let got = insist(async || client.clone().get_advice_request(request.clone()).await).await;
    Ok(found(got)?.filter(|it| it.state() == state))
}

/// The request, once this entry is in it.
async fn holds(desk: &Desk, name: &str, entry: &str) -> Result<Option<AdviceRequest>, String> {
    Ok(Some(got(desk, name).await?).filter(|it| it.entries.iter().any(|held| held == entry)))
}

async fn got(desk: &Desk, name: &str) -> Result<AdviceRequest, String> {
    let client = desk.advice()?;
    let request = GetAdviceRequestRequest { name: name.to_owned() };
    insist(async || client.clone().get_advice_request(request.clone()).await).await.map_err(failure)
}

async fn words(desk: &Desk, name: &str) -> Result<Vec<Content>, String> {
    let client = desk.advice()?;
    let request = ListAdviceEntriesRequest { parent: name.to_owned(), ..ListAdviceEntriesRequest::default() };
    let listed = insist(async || client.clone().list_advice_entries(request.clone()).await).await;
    Ok(listed.map_err(failure)?.entries.into_iter().filter_map(|entry| entry.content).collect())
}
