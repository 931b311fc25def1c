//! Technical advice (Art. 4(2)) on the pair: PPC asks, IPA helps, both show the same.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use prost::Message as _;
use renkei_domain::moment::stamp;
use renkei_proto::{
    advice::v1::{
        AdviceEntry, AdvicePurpose, AdviceRequest, AdviceRequestedContent, AdviceStage, DeclineReason, Due,
        HandBackReason, ListAdviceRequestsRequest, Quotation, QuotationFinding, Submission, Urgency,
        advice_entry::Content, advice_request::State,
    },
    options::v1::Reason,
    r#type::v1::{
        Agency, Attachment, AttackId, Certainty, Confidentiality, CveId, CvssVector, CweId, ExternalId, JvnId, JvndbId,
        Marking, Persons, PersonsKind, Restriction, Sector, Statement, StatutoryFacts, external_id::Id,
    },
};
use renkei_tools::{
    acts::{Acts, both, refused, same_journals, settle},
    pair::Pair,
    scenario::{instant, start},
};

/// A request as both sides show it once each has everything.
pub async fn at_both(ppc: &Acts, ipa: &Acts, name: &str) -> AdviceRequest {
    settle(ppc, ipa).await.unwrap();
    let seen = ppc.shared_advice_request(name).await.unwrap();
    assert_eq!(seen, ipa.shared_advice_request(name).await.unwrap());
    seen
}

/// The words of a request, as both sides show them once each has everything: the entries in the order of their
/// writing.
pub async fn words_at_both(ppc: &Acts, ipa: &Acts, it: &AdviceRequest) -> Vec<AdviceEntry> {
    let names = at_both(ppc, ipa, &it.name).await.entries;
    let (here, there) = (ppc.advice_entries(&it.name).await.unwrap(), ipa.advice_entries(&it.name).await.unwrap());
    assert_eq!((here.len(), there.len()), (names.len(), names.len()));
    let find = |entries: &[AdviceEntry], name: &str| entries.iter().find(|entry| entry.name == *name).unwrap().clone();
    names.iter().for_each(|name| assert_eq!(find(&here, name), find(&there, name)));
    names.iter().map(|name| find(&here, name)).collect()
}

/// A request with two questions that IPA has accepted.
pub async fn accepted(ppc: &Acts, ipa: &Acts) -> AdviceRequest {
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let it = at_both(ppc, ipa, &it.name).await;
    ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap();
    at_both(ppc, ipa, &it.name).await
}

/// One with final advice on both questions.
pub async fn answered(ppc: &Acts, ipa: &Acts) -> AdviceRequest {
    let it = accepted(ppc, ipa).await;
    ipa.give_advice(ipa.giving(&it)).await.unwrap();
    at_both(ppc, ipa, &it.name).await
}

pub fn due(on: &str) -> Option<Due> {
    Some(Due { on: on.to_owned(), calendar: "jp-2023-2027".to_owned(), by_rule: false })
}

#[tokio::test]
async fn advice_goes_from_request_to_close_and_both_show_the_same() {
    let pair = Pair::in_process(start().unwrap(), 31).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    assert_eq!(
        (it.state(), it.waiting_for(), it.case_number.as_str()),
        (State::Submitted, Agency::Ipa, "甲-R08-ADV-0001")
    );
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap();
    assert_eq!((it.state(), it.waiting_for(), it.unit.as_str()), (State::Accepted, Agency::Ipa, "investigation"));
    assert_eq!(it.planned_on, "2026-11-24");
    let it = ipa.ask_clarification(ipa.asking_clarification(&it)).await.unwrap();
    assert_eq!((it.state(), it.waiting_for()), (State::Clarifying, Agency::Ppc));
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ppc.answer_clarification(ppc.clarifying(&it)).await.unwrap();
    assert_eq!((it.state(), it.waiting_for()), (State::Accepted, Agency::Ipa));
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ipa.give_advice(ipa.giving(&it)).await.unwrap();
    assert_eq!((it.state(), it.waiting_for()), (State::Answered, Agency::Ppc));
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ppc.ask_quotation(ppc.asking_quotation(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ipa.answer_quotation(ipa.answering_quotation(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ppc.close_advice_request(ppc.closing(&it)).await.unwrap();
    assert_eq!((it.state(), it.waiting_for(), it.advice[0].noted), (State::Closed, Agency::Unspecified, true));
    let words = words_at_both(&ppc, &ipa, &it).await;
    let kinds: Vec<&str> = words.iter().map(|entry| entry.fact_type.as_str()).collect();
    let expected = [
        "advice_requested",
        "advice_accepted",
        "advice_clarification_asked",
        "advice_clarification_answered",
        "advice_given",
        "advice_quotation_asked",
        "advice_quotation_answered",
        "advice_closed",
    ];
    // All at the same time, so in the order of the two journals.
    assert_eq!(kinds.iter().collect::<BTreeSet<_>>(), expected.iter().collect());
    let has_words: Vec<bool> = words.iter().map(|entry| entry.content.is_some()).collect();
    let should = |kind: &&str| !["advice_accepted", "advice_closed"].contains(kind);
    assert_eq!(has_words, kinds.iter().map(should).collect::<Vec<_>>());
    assert!(words.iter().all(|entry| entry.unit == "investigation" && !entry.refused));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

/// Texts that only the answer of `ListAdviceEntries` may contain.
const WORDS: &str = "秘中の語";

fn external_ids() -> Vec<ExternalId> {
    let text = str::to_owned;
    let ids = [
        Id::Attack(AttackId { id: text("T1505.003"), version: text("17.1") }),
        Id::Cve(CveId { id: text("CVE-2021-44228") }),
        Id::Cwe(CweId { id: text("CWE-79") }),
        Id::Jvn(JvnId { id: text("JVNVU#97658321") }),
        Id::Jvndb(JvndbId { id: text("JVNDB-2026-001234") }),
        Id::Cvss(CvssVector { vector: text("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H") }),
    ];
    ids.map(|id| ExternalId { id: Some(id) }).to_vec()
}

fn attachments() -> Vec<Attachment> {
    let (file_name, media_type) = (format!("{WORDS}.pdf"), "application/pdf".to_owned());
    vec![Attachment { file_name, media_type, size: 1 << 30, sha256: (0..32).collect() }]
}

fn statements() -> Vec<Statement> {
    let each = [
        (Certainty::Confirmed, "2026-11-20T10:00:00.123456+09:00"),
        (Certainty::Estimated, "2026-11-21T00:00:00+09:00"),
        (Certainty::Unconfirmed, "2026-11-22T23:59:59+09:00"),
        (Certainty::Unknown, "2026-11-24T09:00:00+09:00"),
    ];
    let statement = |(certainty, at): (Certainty, &str)| Statement {
        text: format!("{WORDS} {}", certainty.as_str_name()),
        certainty: certainty.into(),
        as_of: Some(stamp(instant(at).unwrap())),
    };
    each.map(statement).to_vec()
}

#[tokio::test]
async fn certainty_ids_and_attachments_cross_as_stated_and_are_in_the_entries_alone() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut request = ppc.requesting();
    request.title = WORDS.to_owned();
    request.purposes = vec![AdvicePurpose::AlertIssuance.into(), AdvicePurpose::InitialResponse.into()];
    request.urgency = Urgency::Urgent.into();
    request.wanted_by = Some(ppc.in_days(1));
    let restrictions = vec![Restriction::NoForward.into(), Restriction::NoCopy.into()];
    request.marking = Some(Marking { confidentiality: Confidentiality::Level1.into(), restrictions });
    request.submission = Some(Submission {
        facts: statements(),
        questions: vec![WORDS.to_owned(); 3],
        external_ids: external_ids(),
        attachments: attachments(),
    });
    let asked = ppc.submit_advice_request(request.clone()).await.unwrap();
    let it = at_both(&ppc, &ipa, &asked.name).await;
    assert_eq!((&it.purposes, it.urgency(), it.wanted_by), (&request.purposes, Urgency::Urgent, request.wanted_by));
    assert_eq!((&it.marking, it.questions, it.requested_at), (&request.marking, 3, Some(stamp(pair.clock.now()))));

    ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap();
    let mut advice = ipa.giving(&it);
    let content = advice.content.as_mut().unwrap();
    content.answers.iter_mut().zip(statements()).for_each(|(answer, statement)| answer.answer = Some(statement));
    (content.findings, content.measures) = (statements(), statements());
    (content.external_ids, content.attachments) = (external_ids(), attachments());
    ipa.give_advice(advice.clone()).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let words = words_at_both(&ppc, &ipa, &it).await;
    let asked =
        AdviceRequestedContent { title: WORDS.to_owned(), submission: request.submission, reporter_dates: None };
    let find = |kind: &str| words.iter().find(|entry| entry.fact_type == kind).unwrap().content.clone();
    assert_eq!(find("advice_requested"), Some(Content::AdviceRequested(asked)));
    assert_eq!(find("advice_given"), advice.content.map(Content::AdviceGiven));

    for acts in [&ppc, &ipa] {
        let list = acts.list_advice_requests(ListAdviceRequestsRequest::default()).await.unwrap();
        let one = acts.advice_request(&it.name).await.unwrap();
        for answer in [list.encode_to_vec(), one.encode_to_vec()] {
            assert!(!answer.windows(WORDS.len()).any(|bytes| bytes == WORDS.as_bytes()));
        }
        assert_eq!(list.advice_requests, [one]);
    }
}

#[tokio::test]
async fn the_reporters_dates_cross_and_what_they_follow_from_does_not() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let facts = StatutoryFacts {
        sector: Sector::Private.into(),
        knew_on: "2026-11-13".to_owned(),
        items: vec![2, 3, 4],
        persons: Some(Persons { number: 3200, kind: PersonsKind::AtMost.into() }),
    };
    let unknown_day = StatutoryFacts { knew_on: String::new(), ..facts.clone() };
    let days = |facts: Option<StatutoryFacts>| {
        let mut request = ppc.requesting();
        request.statutory = facts;
        async {
            let it = ppc.submit_advice_request(request).await.unwrap();
            let content = words_at_both(&ppc, &ipa, &it).await.remove(0).content;
            let Some(Content::AdviceRequested(content)) = content else { return None };
            content.reporter_dates
        }
    };
    let dates = days(Some(facts.clone())).await.unwrap();
    assert_eq!((dates.preliminary_from.as_str(), dates.preliminary_to.as_str()), ("2026-11-15", "2026-11-17"));
    assert_eq!((dates.final_due.as_str(), dates.final_days, dates.by_rule), ("2027-01-12", 60, false));
    assert_eq!((dates.rules.is_empty(), dates.calendar.as_str()), (false, "jp-2023-2027"));
    assert_eq!((days(Some(unknown_day)).await, days(None).await), (None, None));

    let before = ppc.link().await.unwrap().own_seq;
    let no_day = StatutoryFacts { knew_on: "2026-11-31".to_owned(), ..facts.clone() };
    let no_item = StatutoryFacts { items: vec![5], ..facts.clone() };
    let few = StatutoryFacts { persons: Some(Persons { number: 1000, kind: PersonsKind::Exact.into() }), ..facts };
    for (field, wrong) in [("statutory.knew_on", no_day), ("statutory.items", no_item), ("statutory.items", few)] {
        let mut request = ppc.requesting();
        request.statutory = Some(wrong);
        refused(ppc.submit_advice_request(request).await, Reason::FieldInvalid, field);
    }
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
}

#[tokio::test]
async fn case_numbers_count_within_the_fiscal_year_and_are_alike_at_both() {
    let pair = Pair::in_process(instant("2027-03-31T23:59:59+09:00").unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut numbers = Vec::new();
    for time in ["2027-03-31T23:59:59+09:00", "2027-04-01T00:00:00+09:00"] {
        pair.set_clock(instant(time).unwrap()).unwrap();
        for _ in 0..2 {
            let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
            numbers.push(at_both(&ppc, &ipa, &it.name).await.case_number);
        }
    }
    assert_eq!(numbers, ["甲-R08-ADV-0001", "甲-R08-ADV-0002", "甲-R09-ADV-0001", "甲-R09-ADV-0002"]);
}

#[tokio::test]
async fn a_request_that_is_handed_back_and_supplemented_is_due_anew() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = accepted(&ppc, &ipa).await;
    assert_eq!(it.due, due("2026-12-08"));
    let mut request = ipa.handing_back(&it);
    request.reason = HandBackReason::QuestionUnclear.into();
    let handing = request.content.clone().map(Content::AdviceHandedBack);
    let it = ipa.hand_back_advice_request(request).await.unwrap();
    assert_eq!((it.state(), it.waiting_for()), (State::HandedBack, Agency::Ppc));
    pair.set_clock(instant("2026-11-30T09:00:00+09:00").unwrap()).unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let mut request = ppc.supplementing(&it);
    request.submission.as_mut().unwrap().questions = vec!["侵入の経路".to_owned()];
    let it = ppc.supplement_advice_request(request).await.unwrap();
    // IPA's acceptance is still valid.
    assert_eq!((it.state(), it.waiting_for(), it.questions), (State::Accepted, Agency::Ipa, 3));
    assert_eq!(it.due, due("2026-12-14"));
    // A supplement that answers nothing leaves the day.
    pair.set_clock(instant("2026-12-01T09:00:00+09:00").unwrap()).unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ppc.supplement_advice_request(ppc.supplementing(&it)).await.unwrap();
    assert_eq!((it.due.clone(), it.questions), (due("2026-12-14"), 3));
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ipa.give_advice(ipa.giving(&it)).await.unwrap();
    assert_eq!((it.state(), it.answered_questions.as_slice()), (State::Answered, [1, 2, 3].as_slice()));

    let words = words_at_both(&ppc, &ipa, &it).await;
    let kinds: Vec<(&str, bool)> =
        words.iter().map(|entry| (entry.fact_type.as_str(), entry.answers.is_empty())).collect();
    let expected = [
        ("advice_requested", true),
        ("advice_accepted", false),
        ("advice_handed_back", false),
        ("advice_supplemented", false),
        ("advice_supplemented", true),
        ("advice_given", false),
    ];
    assert_eq!(kinds, expected);
    assert_eq!((&words[2].content, &words[3].answers), (&handing, &words[2].name));
    assert_eq!(words[5].answers, words[4].name, "IPA answers what PPC submitted last");
}

#[tokio::test]
async fn a_declined_request_states_the_reason_and_the_alternative() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut request = ipa.declining(&accepted(&ppc, &ipa).await);
    request.reason = DeclineReason::Confidence.into();
    let it = ipa.decline_advice_request(request.clone()).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((it.state(), it.waiting_for(), it.overdue), (State::Declined, Agency::Unspecified, false));
    let said = words_at_both(&ppc, &ipa, &it).await.pop().unwrap().content;
    assert_eq!(said, request.content.map(Content::AdviceDeclined));
    pair.set_clock(instant("2027-02-01T09:00:00+09:00").unwrap()).unwrap();
    assert!(!at_both(&ppc, &ipa, &it.name).await.overdue);
}

#[tokio::test]
async fn each_request_for_clarification_is_answered_by_itself_and_the_advice_is_due_anew() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    // Also before it is accepted.
    for _ in 0..2 {
        ipa.ask_clarification(ipa.asking_clarification(&it)).await.unwrap();
    }
    pair.set_clock(instant("2026-11-26T09:00:00+09:00").unwrap()).unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let (first, second) = (&it.open_clarifications[0], &it.open_clarifications[1]);
    let mut later = ppc.clarifying(&it);
    later.clarification.clone_from(second);
    let it = ppc.answer_clarification(later).await.unwrap();
    assert_eq!((it.state(), &it.open_clarifications), (State::Clarifying, &vec![first.clone()]));
    assert_eq!(it.due, due("2026-12-10"));
    let it = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap().state(), State::Clarifying);
    let it = ppc.answer_clarification(ppc.clarifying(&it)).await.unwrap();
    assert_eq!(it.open_clarifications.len(), 0);
    assert_eq!(at_both(&ppc, &ipa, &it.name).await.state(), State::Accepted);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn advice_is_complete_when_no_question_of_the_supplements_is_open_either() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = accepted(&ppc, &ipa).await;
    let mut request = ppc.supplementing(&it);
    request.submission =
        Some(Submission { questions: vec!["三".to_owned(), "四".to_owned()], ..Submission::default() });
    ppc.supplement_advice_request(request).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let mut interim = ipa.giving(&it);
    (interim.stage, interim.content) = (AdviceStage::Interim.into(), Some(ipa.advising(2..=3)));
    interim.quotation = Quotation::Free.into();
    let it = ipa.give_advice(interim).await.unwrap();
    assert_eq!((it.state(), it.waiting_for()), (State::Accepted, Agency::Ipa));
    assert_eq!((it.answered_questions.as_slice(), it.questions), ([2, 3].as_slice(), 4));
    let mut last = ipa.giving(&it);
    last.content = Some(ipa.advising(1..=1));
    refused(ipa.give_advice(last.clone()).await, Reason::WrongState, "");
    last.content.as_mut().unwrap().answers.extend(ipa.advising(4..=4).answers);
    last.quotation = Quotation::Internal.into();
    let it = ipa.give_advice(last).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((it.state(), it.answered_questions.as_slice()), (State::Answered, [1, 2, 3, 4].as_slice()));
    let given = |n: usize| (it.advice[n].stage(), it.advice[n].quotation(), it.advice[n].questions.clone());
    assert_eq!(given(0), (AdviceStage::Interim, Quotation::Free, vec![2, 3]));
    assert_eq!(given(1), (AdviceStage::Final, Quotation::Internal, vec![1, 4]));
}

#[tokio::test]
async fn a_correction_after_the_close_is_to_be_noted_again() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = answered(&ppc, &ipa).await;
    ppc.close_advice_request(ppc.closing(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let corrected = ipa.correct_advice(ipa.correcting(&it)).await.unwrap();
    // PPC has not seen it: what it notes now is noted already.
    refused(ppc.close_advice_request(ppc.closing(&it)).await, Reason::WrongState, "");
    let it = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((it.state(), it.waiting_for()), (State::Closed, Agency::Ppc));
    let (first, second) = (&it.advice[0], &it.advice[1]);
    assert_eq!((first.noted, second.noted, &second.corrects, second.stage), (true, false, &first.entry, 0));
    assert_eq!((second.questions.as_slice(), second.quotation()), ([1].as_slice(), Quotation::ConfirmFirst));
    // The newest is noted, so that none is passed over.
    let mut older = ppc.closing(&it);
    older.advice.clone_from(&first.entry);
    refused(ppc.close_advice_request(older).await, Reason::WrongState, "");
    ppc.close_advice_request(ppc.closing(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &corrected.name).await;
    assert_eq!((it.state(), it.waiting_for()), (State::Closed, Agency::Unspecified));
    assert!(it.advice.iter().all(|advice| advice.noted));
    // A correction can be wrong, too.
    let it = ipa.correct_advice(ipa.correcting(&it)).await.unwrap();
    assert_eq!((&it.advice[2].corrects, it.waiting_for()), (&it.advice[1].entry, Agency::Ppc));
    at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn advice_to_be_confirmed_first_is_quoted_on_a_recorded_answer() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = answered(&ppc, &ipa).await;
    assert_eq!(it.advice[0].quotation(), Quotation::ConfirmFirst);
    let it = ppc.close_advice_request(ppc.closing(&it)).await.unwrap();
    let findings = [QuotationFinding::ChangesWanted, QuotationFinding::Refused, QuotationFinding::Agreed];
    for (n, finding) in findings.into_iter().enumerate() {
        let mut asking = ppc.asking_quotation(&it);
        (asking.etag, asking.embargo_until) = (String::new(), Some(ppc.in_days(7)));
        let asked = ppc.ask_quotation(asking.clone()).await.unwrap();
        assert_eq!(asked.waiting_for(), Agency::Ipa);
        let asked = at_both(&ppc, &ipa, &it.name).await;
        let quotation = &asked.quotations[n];
        assert_eq!((&quotation.advice, quotation.wanted_by), (&it.advice[0].entry, asking.wanted_by));
        assert_eq!(
            (quotation.embargo_until, quotation.finding, quotation.answer.as_str()),
            (asking.embargo_until, 0, "")
        );
        let mut answering = ipa.answering_quotation(&asked);
        answering.finding = finding.into();
        let comment = format!("{} 回目", n + 1);
        answering.content = Some(renkei_proto::advice::v1::AdviceQuotationAnsweredContent { comment });
        ipa.answer_quotation(answering.clone()).await.unwrap();
        let seen = at_both(&ppc, &ipa, &it.name).await;
        assert_eq!((seen.quotations[n].finding(), seen.waiting_for()), (finding, Agency::Unspecified));
        refused(ipa.answer_quotation(ipa.answering_quotation(&seen)).await, Reason::WrongState, "");
        let words = words_at_both(&ppc, &ipa, &it).await;
        let answer = words.iter().find(|entry| entry.name == seen.quotations[n].answer).unwrap();
        assert_eq!(answer.content, answering.content.map(Content::AdviceQuotationAnswered));
    }
    for (quotation, n) in [(Quotation::Free, 1), (Quotation::Internal, 2)] {
        let mut correcting = ipa.correcting(&it);
        (correcting.etag, correcting.quotation) = (String::new(), quotation.into());
        ipa.correct_advice(correcting).await.unwrap();
        let it = at_both(&ppc, &ipa, &it.name).await;
        assert_eq!(it.advice[n].quotation(), quotation);
        refused(ppc.ask_quotation(ppc.asking_quotation(&it)).await, Reason::WrongState, "");
    }
}

#[tokio::test]
async fn due_days_pass_over_closed_days_and_overdue_follows_the_clock_in_japan() {
    let pair = Pair::in_process(instant("2026-12-25T18:00:00+09:00").unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut urgent = ppc.requesting();
    urgent.urgency = Urgency::Urgent.into();
    let urgent = ppc.submit_advice_request(urgent).await.unwrap();
    let normal = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    // Weekend, the turn of the year, and Coming of Age Day on 11 January.
    assert_eq!((&urgent.due, &normal.due), (&due("2027-01-04"), &due("2027-01-15")));
    for (time, overdue) in [
        ("2027-01-04T23:59:59+09:00", [false, false]),
        ("2027-01-05T00:00:00+09:00", [true, false]),
        ("2027-01-15T23:59:59+09:00", [true, false]),
        ("2027-01-16T00:00:00+09:00", [true, true]),
    ] {
        pair.set_clock(instant(time).unwrap()).unwrap();
        let seen = [at_both(&ppc, &ipa, &urgent.name).await, at_both(&ppc, &ipa, &normal.name).await];
        assert_eq!(seen.map(|it| it.overdue), overdue, "{time}");
    }
    // A late answer ends the delay, and so does a withdrawal.
    let it = at_both(&ppc, &ipa, &urgent.name).await;
    ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap();
    assert!(at_both(&ppc, &ipa, &it.name).await.overdue);
    assert!(!ipa.give_advice(ipa.giving(&it)).await.unwrap().overdue);
    assert!(!ppc.withdraw_advice_request(ppc.withdrawing_advice(&normal)).await.unwrap().overdue);
}

#[tokio::test]
async fn a_withdrawn_request_stays_withdrawn_and_readable() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = accepted(&ppc, &ipa).await;
    ppc.withdraw_advice_request(ppc.withdrawing_advice(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((it.state(), it.waiting_for(), it.entries.len()), (State::Withdrawn, Agency::Unspecified, 3));
    assert_eq!(words_at_both(&ppc, &ipa, &it).await.len(), 3);
}
