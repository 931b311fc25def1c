//! What an agency has to do next, as its systems list it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_client::{Answer, CallError};
use renkei_proto::{
    duty::v1::{Duty, DutyKind, ListDutiesRequest, ListDutiesResponse},
    options::v1::Reason,
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, settle},
    pair::Pair,
    scenario::{instant, start},
};

/// The duties that a system of an agency sees.
async fn listed(acts: &Acts, caller: &str, request: ListDutiesRequest) -> Answer<ListDutiesResponse> {
    let answer = acts.desk.duties(caller).unwrap().list_duties(request).await;
    answer.map(tonic::Response::into_inner).map_err(CallError::from)
}

async fn all(acts: &Acts, caller: &str) -> Vec<Duty> {
    let page = listed(acts, caller, ListDutiesRequest::default()).await.unwrap();
    assert_eq!(page.next_page_token, "");
    page.duties
}

/// The kind, the case number and the due day of each.
fn short(duties: &[Duty]) -> Vec<(DutyKind, &str, &str, bool)> {
    duties.iter().map(|it| (it.kind(), it.case_number.as_str(), it.due_day.as_str(), it.overdue)).collect()
}

#[tokio::test]
async fn duties_are_listed_by_their_day_and_go_with_the_act() {
    let pair = Pair::in_process(start().unwrap(), 83).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let referral = ppc.issued(ppc.issuing()).await.unwrap();
    let first = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let second = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();

    let own = all(&ppc, "intake").await;
    assert_eq!(short(&own), [(DutyKind::ConfirmReferral, referral.case_number.as_str(), "", false)]);
    assert_eq!((own[0].matter.as_str(), own[0].opened_at), (referral.name.as_str(), referral.issued_at));
    // A system that may not read a kind of matter does not learn that there is one.
    assert_eq!(all(&ppc, "sharing").await, []);
    assert_eq!(all(&ipa, "sharing").await, []);

    let day = first.due.as_ref().unwrap().on.clone();
    let waiting = all(&ipa, "casework").await;
    let advice = |it: &'static str| (DutyKind::GiveAdvice, it, day.as_str(), false);
    assert_eq!(short(&waiting), [advice("甲-R08-ADV-0001"), advice("甲-R08-ADV-0002")]);

    // The pages of one list have each duty once.
    let mut request = ListDutiesRequest { page_size: 1, ..ListDutiesRequest::default() };
    let one = listed(&ipa, "casework", request.clone()).await.unwrap();
    request.page_token = one.next_page_token;
    let two = listed(&ipa, "casework", request.clone()).await.unwrap();
    assert_eq!([one.duties, two.duties].concat(), waiting);
    assert_eq!(two.next_page_token, "");
    let other = ListDutiesRequest { overdue_only: true, ..request };
    refused(listed(&ipa, "casework", other).await, Reason::PageTokenInvalid, "page_token");

    // Kinds, days and overdue ones.
    let wanted = |kinds: &[DutyKind], due_until: &str, overdue_only| ListDutiesRequest {
        kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
        due_until: due_until.to_owned(),
        overdue_only,
        ..ListDutiesRequest::default()
    };
    let count = async |request| listed(&ipa, "casework", request).await.unwrap().duties.len();
    assert_eq!(count(wanted(&[DutyKind::GiveAdvice], "", false)).await, 2);
    assert_eq!(count(wanted(&[DutyKind::NoteAdvice, DutyKind::AnswerAdvice], "", false)).await, 0);
    assert_eq!(count(wanted(&[], &day, false)).await, 2);
    assert_eq!(count(wanted(&[], "2026-01-01", false)).await, 0);
    assert_eq!(count(wanted(&[], "", true)).await, 0);
    // A duty without a day is never due until a day.
    assert_eq!(listed(&ppc, "intake", wanted(&[], "2099-12-31", false)).await.unwrap().duties, []);
    let nonsense = listed(&ipa, "casework", wanted(&[], "2026-02-30", false)).await;
    refused(nonsense, Reason::FieldInvalid, "due_until");

    // The due day itself is not over before midnight in Japan.
    pair.set_clock(instant(&format!("{day}T14:59:59Z")).unwrap()).unwrap();
    assert_eq!(count(wanted(&[], "", true)).await, 0);
    pair.set_clock(instant(&format!("{day}T15:00:00Z")).unwrap()).unwrap();
    assert_eq!(count(wanted(&[], "", true)).await, 2);
    assert!(all(&ipa, "casework").await.iter().all(|it| it.overdue));

    // The duty goes to the other agency with the act.
    let first = ipa.advice_request(&first.name).await.unwrap();
    ipa.hand_back_advice_request(ipa.handing_back(&first)).await.unwrap();
    assert_eq!(short(&all(&ipa, "casework").await), [(DutyKind::GiveAdvice, "甲-R08-ADV-0002", day.as_str(), true)]);
    settle(&ppc, &ipa).await.unwrap();
    let supplement = (DutyKind::CompleteAdviceRequest, "甲-R08-ADV-0001", "", false);
    let own = all(&ppc, "casework").await;
    assert!(short(&own).contains(&supplement) && own.iter().all(|it| it.matter != second.name), "{own:?}");
}
