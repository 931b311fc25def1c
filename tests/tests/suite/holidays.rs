//! A list of holidays that one agency names for a year that its program does not contain.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, fmt::Write as _};

use renkei_domain::calendar::Calendar;
use renkei_proto::{
    advice::v1::{Due, SubmitAdviceRequestRequest},
    duty::v1::{DutyKind, ListDutiesRequest},
    referral::v1::IssueReferralRequest,
    r#type::v1::{Agency, Sector, StatutoryDates, StatutoryFacts},
};
use renkei_tools::{
    acts::{Acts, both, publish_all, settle},
    pair::Pair,
    scenario::instant,
    setup::Choice,
};

/// Shortly before the end of the last year that the program contains.
const NOW: &str = "2027-12-20T09:00:00+09:00";

/// The holidays of 2028, with one more that no rule knows.
fn list() -> String {
    let calendar = Calendar::built_in();
    let mut list = String::from("# 令和10年\n");
    let mut day = jiff::civil::date(2028, 1, 1);
    while day.year() == 2028 {
        if let Some(holiday) = calendar.holiday(day) {
            writeln!(list, "{day}\t{}", holiday.name).unwrap();
        }
        if day == jiff::civil::date(2028, 1, 5) {
            writeln!(list, "{day}\t特別の休日").unwrap();
        }
        day = day.tomorrow().unwrap();
    }
    list
}

/// The dates of a reporter who knew on this day.
async fn dates(acts: &Acts, knew_on: &str) -> StatutoryDates {
    let statutory =
        StatutoryFacts { sector: Sector::Private.into(), knew_on: knew_on.into(), items: vec![1, 3], persons: None };
    let issuing = IssueReferralRequest { statutory: Some(statutory), with_code: false, ..acts.issuing() };
    acts.issue(issuing).await.unwrap().dates.unwrap()
}

/// The due days of the advice that IPA owes, and whether they are provisional.
async fn owed(ipa: &Acts) -> Vec<(String, bool)> {
    let mut duties = ipa.desk.duties("casework").unwrap();
    let listed = duties.list_duties(ListDutiesRequest::default()).await.unwrap().into_inner().duties;
    let advice = listed.into_iter().filter(|it| it.kind() == DutyKind::GiveAdvice);
    advice.map(|it| (it.due_day, it.by_rule)).collect()
}

async fn asked(ppc: &Acts, ipa: &Acts, request: SubmitAdviceRequestRequest) -> Due {
    let it = ppc.submit_advice_request(request).await.unwrap();
    settle(ppc, ipa).await.unwrap();
    let seen = ipa.shared_advice_request(&it.name).await.unwrap();
    assert_eq!(seen, ppc.shared_advice_request(&it.name).await.unwrap());
    seen.due.unwrap()
}

#[tokio::test]
async fn agencies_with_different_lists_show_the_same_due_day() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("holidays.tsv");
    std::fs::write(&file, list()).unwrap();
    let top = BTreeMap::from([("ppc", format!("holidays = {:?}\n", file.display().to_string()))]);
    let choice = Choice { top, ..Choice::default() };
    let pair = Pair::in_process_with(instant(NOW).unwrap(), 91, choice).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();

    // The tenth open day after 2027-12-20: 21–24 and 27, 28 December, 4, 6, 7 January, then Tuesday after 成人の日.
    let due = asked(&ppc, &ipa, ppc.requesting()).await;
    assert_eq!(due, Due { on: "2028-01-11".into(), calendar: "jp-2023-2028".into(), by_rule: false });
    assert_eq!(owed(&ipa).await, [("2028-01-11".to_owned(), false)]);
    // 60 days from 2027-11-07 end on the day that only PPC's list closes.
    let listed = dates(&ppc, "2027-11-07").await;
    assert_eq!((listed.final_due.as_str(), listed.by_rule), ("2028-01-06", false));
    assert!(listed.calendar.starts_with("jp-2023-2028-") && listed.calendar.len() == 21, "{}", listed.calendar);
    let computed = dates(&ipa, "2027-11-07").await;
    assert_eq!((computed.final_due.as_str(), computed.by_rule), ("2028-01-05", true));
    assert_eq!(computed.calendar, "jp-2023-2027");
}

#[tokio::test]
async fn a_due_day_beyond_the_list_is_marked_wherever_it_is_shown() {
    let choice = Choice::default();
    let pair = Pair::processes(None, instant(NOW).unwrap(), [92; 32], choice).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let due = asked(&ppc, &ipa, ppc.requesting()).await;
    assert_eq!(due, Due { on: "2028-01-07".into(), calendar: "jp-2023-2027".into(), by_rule: true });
    assert_eq!(owed(&ipa).await, [("2028-01-07".to_owned(), true)]);
    let (code, status) = pair.command_line(Agency::Ipa, &["status"]).await.unwrap();
    assert!(code == Some(0) && status.contains("next by 2028-01-07 (provisional)"), "{status}");
    // The list of 2028 was published in February 2027.
    let (_, found) = pair.command_line(Agency::Ppc, &["doctor"]).await.unwrap();
    assert!(found.contains("warn holidays       jp-2023-2027: those of 2028 are published by now"), "{found}");
    // The last open day for a notice lies in a year that the program does not contain from the sixth term on.
    for (now, provisional) in [("2028-03-31T14:59:59Z", false), ("2028-03-31T15:00:00Z", true)] {
        pair.set_clock(instant(now).unwrap()).unwrap();
        assert_eq!(ppc.agreement().await.unwrap().term.unwrap().by_rule, provisional, "{now}");
        let (_, status) = pair.command_line(Agency::Ppc, &["status"]).await.unwrap();
        let row = status.lines().find(|line| line.starts_with("agreement")).unwrap();
        assert_eq!(row.contains("(provisional)"), provisional, "{row}");
    }
}
