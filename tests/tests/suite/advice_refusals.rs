//! The refusals of technical advice at the desk: each method with every reason that its contract names. A refused call
//! writes nothing.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fmt::Debug;

use futures::future::join_all;
use renkei_client::Answer;
use renkei_proto::{
    advice::v1::{
        AcceptAdviceRequestRequest, AdviceContent, AdviceRequest, AdviceStage, AnswerQuotationRequest,
        GiveAdviceRequest, ListAdviceEntriesRequest, Submission, SubmitAdviceRequestRequest, advice_request::State,
    },
    options::v1::Reason,
    r#type::v1::{
        Agency, Attachment, Certainty, CveId, ExternalId, Marking, Statement, StatutoryFacts, external_id::Id,
    },
};
use renkei_tools::{
    acts::{Acts, both, refused, same_journals, settle},
    pair::Pair,
    scenario::start,
};

use crate::advice::at_both;

/// An entry that was never written.
const NEVER: &str = "agencies/ipa/entries/900000000";

/// PPC's six methods or IPA's seven on a request, each as it would be sound somewhere.
async fn half(acts: &Acts, half: Agency, it: &AdviceRequest) -> Vec<Answer<AdviceRequest>> {
    // The names in them are well-formed, though nobody has written such entries.
    let open_clarifications = vec![NEVER.to_owned()];
    let advice = vec![renkei_proto::advice::v1::Advice { entry: NEVER.to_owned(), ..Default::default() }];
    let it = &AdviceRequest { open_clarifications, advice, questions: 1, ..it.clone() };
    let quotation = NEVER.replace("ipa", "ppc");
    if half == Agency::Ppc {
        return vec![
            acts.supplement_advice_request(acts.supplementing(it)).await,
            acts.answer_clarification(acts.clarifying(it)).await,
            acts.ask_quotation(acts.asking_quotation(it)).await,
            acts.withdraw_advice_request(acts.withdrawing_advice(it)).await,
            acts.close_advice_request(acts.closing(it)).await,
        ];
    }
    vec![
        acts.accept_advice_request(acts.accepting(it)).await,
        acts.hand_back_advice_request(acts.handing_back(it)).await,
        acts.decline_advice_request(acts.declining(it)).await,
        acts.ask_clarification(acts.asking_clarification(it)).await,
        acts.give_advice(acts.giving(it)).await,
        acts.correct_advice(acts.correcting(it)).await,
        acts.answer_quotation(AnswerQuotationRequest { quotation, ..acts.answering_quotation(it) }).await,
    ]
}

#[tokio::test]
async fn each_half_is_served_by_its_agency_alone() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let before = (ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq);
    refused(ipa.submit_advice_request(ipa.requesting()).await, Reason::WrongSide, "");
    for (acts, others) in [(&ppc, Agency::Ipa), (&ipa, Agency::Ppc)] {
        for answer in half(acts, others, &it).await {
            refused(answer, Reason::WrongSide, "");
        }
    }
    assert_eq!((ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq), before);
}

#[tokio::test]
async fn a_request_that_is_missing_or_was_read_before_it_changed_accepts_no_act() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let name = "agencies/ppc/adviceRequests/0199b7c4-0000-7000-8000-000000000001".to_owned();
    let missing = AdviceRequest { name, ..AdviceRequest::default() };
    let stale = AdviceRequest { etag: "0123456789abcdef".to_owned(), ..it.clone() };
    let page = |parent: &str| ListAdviceEntriesRequest { parent: parent.to_owned(), ..Default::default() };
    for acts in [&ppc, &ipa] {
        let before = acts.link().await.unwrap().own_seq;
        for answer in half(acts, acts.agency, &missing).await {
            refused(answer, Reason::NotFound, "");
        }
        for answer in half(acts, acts.agency, &stale).await {
            refused(answer, Reason::EtagStale, "etag");
        }
        refused(acts.advice_request(&missing.name).await, Reason::NotFound, "");
        refused(acts.list_advice_entries(page(&missing.name)).await, Reason::NotFound, "");
        for wrong in
            ["agencies/ipa/adviceRequests/0199b7c4-0000-7000-8000-000000000001", "agencies/ppc/adviceRequests/-", ""]
        {
            refused(acts.advice_request(wrong).await, Reason::FieldInvalid, "name");
            refused(acts.list_advice_entries(page(wrong)).await, Reason::FieldInvalid, "parent");
            let wrong = AdviceRequest { name: wrong.to_owned(), ..AdviceRequest::default() };
            for answer in half(acts, acts.agency, &wrong).await {
                refused(answer, Reason::FieldInvalid, "name");
            }
        }
        assert_eq!(acts.link().await.unwrap().own_seq, before);
    }
    // The etag is that of the own half: what the other one wrote since does not age it.
    let read = ppc.advice_request(&it.name).await.unwrap();
    ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let supplemented = ppc.supplement_advice_request(ppc.supplementing(&read)).await.unwrap();
    refused(ppc.supplement_advice_request(ppc.supplementing(&read)).await, Reason::EtagStale, "etag");
    ppc.withdraw_advice_request(ppc.withdrawing_advice(&supplemented)).await.unwrap();
}

#[tokio::test]
async fn a_refusal_by_the_state_names_the_state_in_japanese() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let at_ipa = at_both(&ppc, &ipa, &it.name).await;
    let accepted = ipa.accept_advice_request(ipa.accepting(&at_ipa)).await.unwrap();
    let handed_back = ipa.hand_back_advice_request(ipa.handing_back(&accepted)).await.unwrap();
    let advising = ipa.give_advice(ipa.giving(&handed_back)).await.unwrap_err();
    ppc.withdraw_advice_request(ppc.withdrawing_advice(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let own = ppc.advice_request(&it.name).await.unwrap();
    let supplementing = ppc.supplement_advice_request(ppc.supplementing(&own)).await.unwrap_err();
    for (refused, state) in [(advising, "補正依頼中（差戻し）"), (supplementing, "取下げ")] {
        assert_eq!(refused.reason, Reason::WrongState);
        let expected =
            format!("案件の現在の状態では、この操作を行うことはできません。この依頼は「{state}」の状態にあります。");
        assert_eq!(refused.japanese, expected);
    }
}

type Spoil<R> = fn(&mut R);

/// A sound request that is spoiled in one field after the other.
async fn spoiled<R: Clone, T: Debug, const N: usize>(
    sound: R,
    call: impl AsyncFn(R) -> Answer<T>,
    cases: [(&str, Spoil<R>); N],
) {
    for (field, spoil) in cases {
        let mut request = sound.clone();
        spoil(&mut request);
        refused(call(request).await, Reason::FieldInvalid, field);
    }
}

fn submission(it: &mut SubmitAdviceRequestRequest) -> &mut Submission {
    it.submission.as_mut().unwrap()
}

fn answer(it: &mut GiveAdviceRequest) -> &mut Statement {
    it.content.as_mut().unwrap().answers[0].answer.as_mut().unwrap()
}

fn attach(it: &mut SubmitAdviceRequestRequest, spoil: fn(&mut Attachment)) {
    let (file_name, media_type) = ("log.txt".to_owned(), "text/plain".to_owned());
    let mut attachment = Attachment { file_name, media_type, size: 1, sha256: vec![0; 32] };
    spoil(&mut attachment);
    submission(it).attachments = vec![attachment];
}

#[tokio::test]
async fn a_breach_of_the_contract_in_a_field_names_the_field() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    spoiled(
        ppc.requesting(),
        async |it| ppc.submit_advice_request(it).await,
        [
            ("request_id", |it| it.request_id = "1".to_owned()),
            ("title", |it| it.title = String::new()),
            ("title", |it| it.title = "題".repeat(201)),
            ("purposes", |it| it.purposes = Vec::new()),
            ("purposes", |it| it.purposes = vec![1, 1]),
            ("purposes[0]", |it| it.purposes = vec![7]),
            ("urgency", |it| it.urgency = 0),
            ("urgency", |it| it.urgency = 3),
            ("marking.confidentiality", |it| {
                it.marking = Some(Marking { confidentiality: 3, restrictions: Vec::new() })
            }),
            ("marking.confidentiality", |it| it.marking = Some(Marking::default())),
            ("marking.restrictions", |it| it.marking = Some(Marking { confidentiality: 2, restrictions: vec![1, 1] })),
            ("submission", |it| it.submission = None),
            ("submission.questions", |it| submission(it).questions = Vec::new()),
            ("submission.questions", |it| submission(it).questions = vec!["問".to_owned(); 51]),
            ("submission.questions[0]", |it| submission(it).questions[0] = String::new()),
            ("submission.questions[1]", |it| submission(it).questions[1] = "問".repeat(2001)),
            ("submission.facts[0].text", |it| submission(it).facts[0].text = String::new()),
            ("submission.facts[0].certainty", |it| submission(it).facts[0].certainty = 0),
            ("submission.facts[0].as_of", |it| submission(it).facts[0].as_of = None),
            ("submission.external_ids[0].id", |it| submission(it).external_ids = vec![ExternalId { id: None }]),
            ("submission.external_ids[0].cve.id", |it| {
                submission(it).external_ids =
                    vec![ExternalId { id: Some(Id::Cve(CveId { id: "CVE-21-1".to_owned() })) }];
            }),
            ("submission.attachments[0].file_name", |it| attach(it, |file| file.file_name = String::new())),
            ("submission.attachments[0].media_type", |it| attach(it, |file| file.media_type = "pdf".to_owned())),
            ("submission.attachments[0].size", |it| attach(it, |file| file.size = 0)),
            ("submission.attachments[0].sha256", |it| attach(it, |file| file.sha256 = vec![0; 31])),
            ("statutory.sector", |it| it.statutory = Some(StatutoryFacts::default())),
        ],
    )
    .await;
    assert_eq!(ppc.link().await.unwrap().own_seq, before);

    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let before = ipa.link().await.unwrap().own_seq;
    spoiled(
        ipa.accepting(&it),
        async |it| ipa.accept_advice_request(it).await,
        [
            ("unit", |it| it.unit = "分析課".to_owned()),
            ("planned_on", |it| it.planned_on = "2026-11-23".to_owned()),
            ("planned_on", |it| it.planned_on = "2026-11-31".to_owned()),
            ("planned_on", |it| it.planned_on = String::new()),
        ],
    )
    .await;
    spoiled(
        ipa.handing_back(&it),
        async |it| ipa.hand_back_advice_request(it).await,
        [
            ("reason", |it| it.reason = 0),
            ("content", |it| it.content = None),
            ("content.wanted", |it| it.content.as_mut().unwrap().wanted = String::new()),
        ],
    )
    .await;
    spoiled(
        ipa.declining(&it),
        async |it| ipa.decline_advice_request(it).await,
        [
            ("reason", |it| it.reason = 5),
            ("content", |it| it.content = None),
            ("content.explanation", |it| it.content.as_mut().unwrap().explanation = String::new()),
            ("content.possible_instead", |it| it.content.as_mut().unwrap().possible_instead = String::new()),
        ],
    )
    .await;
    spoiled(
        ipa.asking_clarification(&it),
        async |it| ipa.ask_clarification(it).await,
        [
            ("content", |it| it.content = None),
            ("content.questions", |it| it.content.as_mut().unwrap().questions = Vec::new()),
            ("content.questions[0]", |it| it.content.as_mut().unwrap().questions[0] = String::new()),
        ],
    )
    .await;
    assert_eq!(ipa.link().await.unwrap().own_seq, before);
    let other = AcceptAdviceRequestRequest { unit: "analysis".to_owned(), ..ipa.accepting(&it) };
    let it = ipa.accept_advice_request(other).await.unwrap();
    assert_eq!(it.unit, "analysis");
    let it = ipa.ask_clarification(ipa.asking_clarification(&it)).await.unwrap();
    let before = ipa.link().await.unwrap().own_seq;
    spoiled(
        ipa.giving(&it),
        async |it| ipa.give_advice(it).await,
        [
            ("stage", |it| it.stage = 0),
            ("quotation", |it| it.quotation = 4),
            ("content", |it| it.content = None),
            ("content", |it| it.content = Some(AdviceContent::default())),
            ("content.answers", |it| it.content.as_mut().unwrap().answers[1].question = 1),
            ("content.answers", |it| it.content.as_mut().unwrap().answers[1].question = 3),
            ("content.answers[1].question", |it| it.content.as_mut().unwrap().answers[1].question = 0),
            ("content.answers[0].answer", |it| it.content.as_mut().unwrap().answers[0].answer = None),
            ("content.answers[0].answer.certainty", |it| answer(it).certainty = 0),
            ("content.findings[0].text", |it| it.content.as_mut().unwrap().findings = vec![Statement::default()]),
        ],
    )
    .await;
    assert_eq!(ipa.link().await.unwrap().own_seq, before);
    ipa.give_advice(ipa.giving(&it)).await.unwrap();

    let it = at_both(&ppc, &ipa, &it.name).await;
    let before = ppc.link().await.unwrap().own_seq;
    spoiled(
        ppc.supplementing(&it),
        async |it| ppc.supplement_advice_request(it).await,
        [("submission", |it| it.submission = None), ("submission", |it| it.submission = Some(Submission::default()))],
    )
    .await;
    spoiled(
        ppc.clarifying(&it),
        async |it| ppc.answer_clarification(it).await,
        [
            ("clarification", |it| it.clarification = it.clarification.replace("ipa", "ppc")),
            ("content", |it| it.content = None),
            ("content.statements", |it| it.content.as_mut().unwrap().statements = Vec::new()),
        ],
    )
    .await;
    spoiled(
        ppc.asking_quotation(&it),
        async |it| ppc.ask_quotation(it).await,
        [
            ("advice", |it| it.advice = it.advice.replace("ipa", "ppc")),
            ("wanted_by", |it| it.wanted_by = None),
            ("content.text", |it| it.content.as_mut().unwrap().text = String::new()),
            ("content.medium", |it| it.content.as_mut().unwrap().medium = String::new()),
        ],
    )
    .await;
    spoiled(
        ppc.withdrawing_advice(&it),
        async |it| ppc.withdraw_advice_request(it).await,
        [("reason", |it| it.reason = 0)],
    )
    .await;
    spoiled(
        ppc.closing(&it),
        async |it| ppc.close_advice_request(it).await,
        [("advice", |it| it.advice = "agencies/ipa/entries/0".to_owned())],
    )
    .await;
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
    // A named entry must be of the expected kind; one that is not found is not described either.
    let request = it.entries[0].clone();
    let before = (before, ipa.link().await.unwrap().own_seq);
    let mut asking = ppc.asking_quotation(&it);
    asking.advice.clone_from(&it.open_clarifications[0]);
    refused(ppc.ask_quotation(asking).await, Reason::NotFound, "");
    let mut correcting = ipa.correcting(&it);
    correcting.advice.clone_from(&it.open_clarifications[0]);
    refused(ipa.correct_advice(correcting).await, Reason::NotFound, "");
    let answering = AnswerQuotationRequest { quotation: request, ..ipa.answering_quotation(&it) };
    refused(ipa.answer_quotation(answering).await, Reason::NotFound, "");
    spoiled(
        ipa.correcting(&it),
        async |it| ipa.correct_advice(it).await,
        [
            ("content", |it| it.content = None),
            ("content", |it| it.content.as_mut().unwrap().advice = Some(AdviceContent::default())),
            ("content.explanation", |it| it.content.as_mut().unwrap().explanation = String::new()),
            ("content.advice", |it| it.content.as_mut().unwrap().advice = None),
        ],
    )
    .await;
    assert_eq!((ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq), before);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn the_words_of_an_entry_have_at_most_one_mebibyte() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap();
    // Four bytes to a character: each field is as long as may be.
    let statement =
        |acts: &Acts| Statement { certainty: Certainty::Unknown.into(), ..acts.statement(&"𠮷".repeat(4000)) };
    let large = |acts: &Acts| Submission {
        facts: vec![statement(acts); 50],
        questions: vec!["𠮷".repeat(2000); 40],
        ..Submission::default()
    };
    let before = (ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq);
    let mut request = ppc.requesting();
    request.submission = Some(large(&ppc));
    refused(ppc.submit_advice_request(request).await, Reason::TooLarge, "");
    let mut request = ppc.supplementing(&ppc.advice_request(&it.name).await.unwrap());
    request.submission = Some(large(&ppc));
    refused(ppc.supplement_advice_request(request).await, Reason::TooLarge, "");
    let content = AdviceContent {
        findings: vec![statement(&ipa); 50],
        measures: vec![statement(&ipa); 20],
        ..AdviceContent::default()
    };
    let mut request = ipa.giving(&it);
    (request.stage, request.content) = (1, Some(content.clone()));
    refused(ipa.give_advice(request).await, Reason::TooLarge, "");
    let it = ipa.give_advice(ipa.giving(&it)).await.unwrap();
    let mut request = ipa.correcting(&it);
    request.content.as_mut().unwrap().advice = Some(content);
    refused(ipa.correct_advice(request).await, Reason::TooLarge, "");
    assert_eq!((ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq), (before.0, before.1 + 1));
}

#[tokio::test]
async fn a_request_has_at_most_a_hundred_questions_and_two_hundred_entries_of_an_agency_and_can_still_be_ended() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let it = AdviceRequest { etag: String::new(), ..it };
    let questions = |count: usize| {
        let mut request = ppc.supplementing(&it);
        request.submission.as_mut().unwrap().questions = vec!["問".to_owned(); count];
        ppc.supplement_advice_request(request)
    };
    questions(50).await.unwrap();
    refused(questions(49).await, Reason::WrongState, "");
    assert_eq!(questions(48).await.unwrap().questions, 100);
    // Three are there already.
    join_all((3..200).map(|_| questions(0))).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    refused(questions(0).await, Reason::WrongState, "");
    let it = at_both(&ppc, &ipa, &it.name).await;
    ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap();
    let mut interim = ipa.giving(&it);
    interim.stage = AdviceStage::Interim.into();
    let advised = AdviceRequest { etag: String::new(), ..ipa.give_advice(interim).await.unwrap() };
    join_all((2..200).map(|_| ipa.ask_clarification(ipa.asking_clarification(&it))))
        .await
        .into_iter()
        .for_each(|answer| drop(answer.unwrap()));
    refused(ipa.ask_clarification(ipa.asking_clarification(&it)).await, Reason::WrongState, "");
    refused(ipa.hand_back_advice_request(ipa.handing_back(&it)).await, Reason::WrongState, "");
    refused(ipa.correct_advice(ipa.correcting(&advised)).await, Reason::WrongState, "");
    // Neither has seen the other's end, however fast the link is.
    settle(&ppc, &ipa).await.unwrap();
    pair.cut_link();
    ipa.decline_advice_request(ipa.declining(&it)).await.unwrap();
    ppc.withdraw_advice_request(ppc.withdrawing_advice(&AdviceRequest { etag: String::new(), ..it.clone() }))
        .await
        .unwrap();
    pair.mend_link();
    let seen = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((seen.state(), seen.entries.len(), seen.open_clarifications.len()), (State::Withdrawn, 402, 198));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}
