//! Notices under Art. 8: given, recorded from paper, withdrawn and read at both desks, on a stepped clock.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use jiff::SignedDuration;
use renkei_client::CallError;
use renkei_desk::warn_of_term;
use renkei_domain::moment::stamp;
use renkei_proto::{
    agreement::v1::{
        ArrivalChannel, AssentToWithdrawalRequest, GiveNoticeRequest, ListNoticeEntriesRequest, ListNoticesRequest,
        Notice, NoticeKind, NoticeTiming, RecordNoticeArrivalRequest, WithdrawNoticeRequest, agreement::State,
        notice::State as NoticeState, notice_entry::Content,
    },
    evidence::v1::ListAuditRecordsRequest,
    options::v1::Reason,
    r#type::v1::{Agency, Text},
    watch::v1::{TermWarned, event::Change},
};
use renkei_tools::{
    acts::{Acts, both, refused, same_journals, settle, to_the_party},
    pair::Pair,
    scenario::{instant, start},
    setup::AGENCIES,
};

use crate::term::{BOUNDARY, at, at_both, give_notice};

/// The number under which IPA gives its paper.
const NUMBER: &str = "IPA-2026-0042";

async fn begin(time: &str) -> (Pair, Acts, Acts) {
    let pair = Pair::in_process(instant(time).unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    settle(&ppc, &ipa).await.unwrap();
    (pair, ppc, ipa)
}

#[tokio::test]
async fn a_notice_is_given_read_withdrawn_and_assented_to() {
    let (pair, ppc, ipa) = begin("2026-12-01T09:00:00+09:00").await;
    let text = Text { ja: "更新しない旨を申し出ます。".to_owned(), en: "Not to be renewed.".to_owned() };
    let request = GiveNoticeRequest {
        text: Some(text.clone()),
        document: "個情第 １２号".to_owned(),
        ..ppc.giving_notice(NoticeKind::NotRenew)
    };
    let given = ppc.give_notice(request).await.unwrap();
    let pending = given.notices[0].clone();
    assert_eq!((pending.author(), pending.kind(), pending.term), (Agency::Ppc, NoticeKind::NotRenew, 4));
    assert_eq!((&*pending.document, &*pending.written_on), ("個情第12号", "2026-12-01"));
    assert_eq!(given.state(), State::InForce);
    let arrived = at_both(&ppc, &ipa).await;
    let notice = arrived.notices[0].clone();
    assert_eq!((notice.state(), notice.timing()), (NoticeState::Arrived, NoticeTiming::InTime));
    assert_eq!((notice.channel(), notice.receiver_only, &*notice.record), (ArrivalChannel::Link, false, ""));
    assert_eq!((arrived.state(), arrived.next_state()), (State::InForce, State::Expired));

    for acts in [&ppc, &ipa] {
        let entries = acts.notice_entries().await.unwrap();
        let words: Vec<_> = entries.iter().filter_map(|entry| entry.content.clone()).collect();
        let [Content::NoticeGiven(content)] = words.as_slice() else { unreachable!("one entry has words: {words:?}") };
        assert_eq!(content.text.as_ref(), Some(&text));
        assert_eq!(entries[0].name, notice.entry);
        assert_eq!(entries.iter().map(|it| &*it.fact_type).collect::<Vec<_>>(), ["notice_given", "notice_arrived"]);
        let records = ListAuditRecordsRequest { matter: "agreement".to_owned(), page_size: 500, ..Default::default() };
        let records = acts.list_audit_records(records).await.unwrap().records;
        let read = records.iter().rfind(|it| it.method.ends_with("/ListNoticeEntries")).unwrap();
        assert_eq!((&*read.official, &*read.purpose, &*read.outcome), ("tanaka", "", "OK"));
    }

    let withdrawn = ppc.withdraw_notice(ppc.withdrawing_notice(&notice)).await.unwrap();
    refused(ppc.withdraw_notice(ppc.withdrawing_notice(&notice)).await, Reason::WrongState, "");
    assert_eq!(withdrawn.notices[0].state(), NoticeState::Arrived);
    let waiting = at_both(&ppc, &ipa).await;
    assert_eq!(waiting.next_state(), State::Expired, "it counts until the assent");
    ipa.assent_to_withdrawal(ipa.assenting(&waiting.notices[0])).await.unwrap();
    refused(ipa.assent_to_withdrawal(ipa.assenting(&waiting.notices[0])).await, Reason::WrongState, "");
    let settled = at_both(&ppc, &ipa).await;
    assert_eq!((settled.notices[0].state(), settled.next_state()), (NoticeState::Withdrawn, State::InForce));
    assert_eq!(at(&pair, &ppc, BOUNDARY[1]).await.state(), State::InForce);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

/// 2026-12-28 is the last open day, 2026-12-30 the strict day and 2026-12-31 the everyday day of term 4.
#[tokio::test]
async fn the_last_open_day_for_a_notice_about_the_running_term_is_28_december_2026() {
    use NoticeTiming::{InDoubt, InTime, Late};
    let (pair, ppc, ipa) = begin("2026-12-28T00:00:00+09:00").await;
    let term = ppc.agreement().await.unwrap().term.unwrap();
    assert_eq!((term.ordinal, &*term.last_open, &*term.strict, &*term.everyday), {
        (4, "2026-12-28", "2026-12-30", "2026-12-31")
    });
    for (time, timing) in [
        ("2026-12-28T17:15:00+09:00", InTime),
        ("2026-12-30T23:59:59+09:00", InTime),
        ("2026-12-31T00:00:00+09:00", InDoubt),
        ("2026-12-31T23:59:59+09:00", InDoubt),
        ("2027-01-01T00:00:00+09:00", Late),
        ("2027-03-31T23:59:59+09:00", Late),
    ] {
        pair.set_clock(instant(time).unwrap()).unwrap();
        let notice = give_notice(&ppc, NoticeKind::Other).await;
        let seen = at_both(&ppc, &ipa).await;
        let seen = seen.notices.iter().find(|it| it.entry == notice.entry).unwrap();
        assert_eq!((seen.timing(), seen.term), (timing, 4), "{time}");
    }
    pair.set_clock(instant(BOUNDARY[1]).unwrap()).unwrap();
    let notice = give_notice(&ppc, NoticeKind::Other).await;
    assert_eq!(notice.term, 5, "never refused for being late: it is about the new term");
    assert_eq!(at_both(&ppc, &ipa).await.state(), State::Disputed);
}

/// The link is down over the deadline. The paper that was handed over in time is recorded by its receiver; IPA gives the
/// notice under the paper's number, before the deadline or long after it.
#[tokio::test]
async fn over_a_link_that_is_down_a_paper_counts_with_the_entry_under_its_number() {
    for given_at in ["2026-12-28T17:00:00+09:00", "2027-01-05T09:00:00+09:00"] {
        let (pair, ppc, ipa) = begin("2026-12-28T15:00:00+09:00").await;
        pair.cut_link();
        let paper = ppc.recording_paper(NoticeKind::NotRenew, NUMBER, instant("2026-12-28T14:00:00+09:00").unwrap());
        let recorded = ppc.record_notice_arrival(paper).await.unwrap();
        let alone = &recorded.notices[0];
        assert_eq!((alone.author(), alone.receiver_only, alone.timing()), (Agency::Ipa, true, NoticeTiming::InDoubt));
        assert_eq!(recorded.next_state(), State::Disputed, "its receiver alone knows it");
        pair.set_clock(instant(given_at).unwrap()).unwrap();
        let request = GiveNoticeRequest { document: NUMBER.to_owned(), ..ipa.giving_notice(NoticeKind::NotRenew) };
        let given = ipa.give_notice(request).await.unwrap();
        assert_eq!(given.notices[0].state(), NoticeState::PendingArrival);
        pair.set_clock(instant("2027-01-06T09:00:00+09:00").unwrap()).unwrap();
        assert_eq!(ppc.agreement().await.unwrap().next_state(), State::Disputed);
        pair.mend_link();
        let seen = at_both(&ppc, &ipa).await;
        assert_eq!(seen.notices.len(), 1, "one notice");
        let notice = &seen.notices[0];
        assert_eq!((notice.timing(), notice.receiver_only), (NoticeTiming::InTime, false), "{given_at}");
        assert_eq!((&notice.record, notice.channel()), (&alone.entry, ArrivalChannel::Paper));
        let states = [at(&pair, &ppc, BOUNDARY[0]).await.state(), at(&pair, &ppc, BOUNDARY[1]).await.state()];
        assert_eq!(states, [State::InForce, State::Expired]);
        at_both(&ppc, &ipa).await;
        assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn no_side_ends_a_term_by_what_it_alone_records() {
    // IPA gives late; PPC then records a paper as early as it likes.
    let (pair, ppc, ipa) = begin("2027-01-05T09:00:00+09:00").await;
    let request = GiveNoticeRequest { document: NUMBER.to_owned(), ..ipa.giving_notice(NoticeKind::NotRenew) };
    ipa.give_notice(request).await.unwrap();
    let seen = at_both(&ppc, &ipa).await;
    assert_eq!((seen.notices[0].timing(), seen.next_state()), (NoticeTiming::Late, State::InForce));
    let early = instant("2026-12-01T09:00:00+09:00").unwrap();
    refused(
        ppc.record_notice_arrival(ppc.recording_paper(NoticeKind::NotRenew, NUMBER, early)).await,
        Reason::AlreadyExists,
        "received",
    );
    ppc.record_notice_arrival(ppc.recording_arrival(&seen.notices[0], early)).await.unwrap();
    let seen = at_both(&ppc, &ipa).await;
    assert_eq!((seen.notices[0].timing(), seen.next_state()), (NoticeTiming::InDoubt, State::Disputed));
    assert_eq!(at(&pair, &ppc, BOUNDARY[1]).await.state(), State::Disputed);

    // PPC invents a paper; IPA withdraws what it never gave, and PPC assents.
    let (pair, ppc, ipa) = begin("2026-12-10T09:00:00+09:00").await;
    let paper = ppc.recording_paper(NoticeKind::NotRenew, NUMBER, ppc.now());
    ppc.record_notice_arrival(paper).await.unwrap();
    let seen = at_both(&ppc, &ipa).await;
    assert_eq!(seen.next_state(), State::Disputed);
    pair.set_clock(instant(BOUNDARY[1]).unwrap()).unwrap();
    for acts in [&ppc, &ipa] {
        let item = acts.publish_item(acts.publishing_item(to_the_party())).await;
        refused(item, Reason::AgreementNotInForce, "");
        give_notice(acts, NoticeKind::Other).await;
    }
    ipa.withdraw_notice(ipa.withdrawing_notice(&seen.notices[0])).await.unwrap();
    let seen = at_both(&ppc, &ipa).await;
    ppc.assent_to_withdrawal(ppc.assenting(&seen.notices[0])).await.unwrap();
    assert_eq!(at_both(&ppc, &ipa).await.state(), State::InForce, "the dispute is over");
    for acts in [&ppc, &ipa] {
        acts.publish_item(acts.publishing_item(to_the_party())).await.unwrap();
    }
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn an_agreement_that_has_ended_is_not_revived() {
    let (pair, ppc, ipa) = begin("2026-12-01T09:00:00+09:00").await;
    let notice = give_notice(&ppc, NoticeKind::NotRenew).await;
    at_both(&ppc, &ipa).await;
    pair.set_clock(instant(BOUNDARY[1]).unwrap()).unwrap();
    ppc.withdraw_notice(ppc.withdrawing_notice(&notice)).await.unwrap();
    let seen = at_both(&ppc, &ipa).await;
    refused(ipa.assent_to_withdrawal(ipa.assenting(&seen.notices[0])).await, Reason::AgreementNotInForce, "");
    assert_eq!(at_both(&ppc, &ipa).await.state(), State::Expired);
}

#[tokio::test]
async fn every_bad_input_is_refused_with_its_reason_and_field() {
    let (_pair, ppc, ipa) = begin("2026-12-10T09:00:00+09:00").await;
    let own = give_notice(&ppc, NoticeKind::Other).await;
    let other = give_notice(&ipa, NoticeKind::Other).await;
    at_both(&ppc, &ipa).await;
    let before = ppc.link().await.unwrap().own_seq;
    let hour = SignedDuration::from_hours(1);

    let give = |spoil: fn(&mut GiveNoticeRequest)| {
        let mut request = ppc.giving_notice(NoticeKind::Change);
        spoil(&mut request);
        request
    };
    for (field, request) in [
        ("request_id", give(|it| it.request_id = "1".to_owned())),
        ("kind", give(|it| it.kind = 0)),
        ("kind", give(|it| it.kind = 4)),
        ("text", give(|it| it.text = None)),
        ("text.ja", give(|it| it.text = Some(Text::default()))),
        ("text.en", give(|it| it.text.as_mut().unwrap().en = "a".repeat(2001))),
        ("document", give(|it| it.document = "第1号、写し".to_owned())),
        ("document", give(|it| it.document = "-1".to_owned())),
        ("document", give(|it| it.document = "1".repeat(41))),
        ("document", give(|it| it.document = "1".repeat(81))),
    ] {
        refused(ppc.give_notice(request).await, Reason::FieldInvalid, field);
    }

    let arrival = |spoil: fn(&mut RecordNoticeArrivalRequest)| {
        let mut request = ppc.recording_arrival(&other, ppc.now() - hour);
        spoil(&mut request);
        request
    };
    let paper = |spoil: fn(&mut RecordNoticeArrivalRequest)| {
        let mut request = ppc.recording_paper(NoticeKind::NotRenew, NUMBER, ppc.now() - hour);
        spoil(&mut request);
        request
    };
    let day = |text: &str| Some(stamp(instant(text).unwrap()));
    let to_come = RecordNoticeArrivalRequest { arrived_at: day("2026-12-10T09:00:01+09:00"), ..arrival(|_| {}) };
    let early = RecordNoticeArrivalRequest { arrived_at: day("2026-03-31T23:59:59+09:00"), ..arrival(|_| {}) };
    let unwritten = RecordNoticeArrivalRequest { arrived_at: day("2026-12-09T23:59:59+09:00"), ..paper(|_| {}) };
    for (reason, field, request) in [
        (Reason::FieldInvalid, "name", arrival(|it| it.name = "agreements".to_owned())),
        (Reason::EtagStale, "etag", arrival(|it| it.etag = "0123456789abcdef".to_owned())),
        (Reason::FieldInvalid, "channel", arrival(|it| it.channel = 0)),
        (Reason::FieldInvalid, "channel", arrival(|it| it.channel = ArrivalChannel::Link.into())),
        (Reason::FieldInvalid, "channel", paper(|it| it.channel = ArrivalChannel::Link.into())),
        (Reason::FieldInvalid, "arrived_at", arrival(|it| it.arrived_at = None)),
        (Reason::FieldInvalid, "arrived_at", to_come),
        (Reason::FieldInvalid, "arrived_at", early),
        (Reason::FieldInvalid, "arrived_at", unwritten),
        (Reason::FieldInvalid, "document", arrival(|it| it.document = String::new())),
        (Reason::FieldInvalid, "document", arrival(|it| it.document = "（写）".to_owned())),
        (Reason::FieldInvalid, "document", paper(|it| it.document = " 　".to_owned())),
        (Reason::FieldInvalid, "notice", arrival(|it| it.notice = "agencies/ipa/entries/0".to_owned())),
        (Reason::FieldInvalid, "notice", arrival(|it| it.notice = String::new())),
        (Reason::FieldInvalid, "received", paper(|it| it.notice = "agencies/ipa/entries/1".to_owned())),
        (Reason::FieldInvalid, "received.kind", paper(|it| it.received.as_mut().unwrap().kind = 0)),
        (Reason::FieldInvalid, "received.written_on", written(paper(|_| {}), "2026-02-30")),
        (Reason::FieldInvalid, "received.written_on", written(paper(|_| {}), "2026-12-11")),
        (Reason::FieldInvalid, "received.written_on", written(paper(|_| {}), "2023-03-31")),
        (Reason::FieldInvalid, "received.written_on", written(paper(|_| {}), "today")),
        (Reason::NotFound, "", arrival(|it| it.notice = "agencies/ipa/entries/1".to_owned())),
        (Reason::NotFound, "", arrival(|it| it.notice = "agencies/ipa/entries/999".to_owned())),
        (Reason::NotFound, "", arrival(|it| it.notice = "agencies/ppc/entries/1".to_owned())),
    ] {
        refused(ppc.record_notice_arrival(request).await, reason, field);
    }
    refused(ppc.record_notice_arrival(ppc.recording_arrival(&own, ppc.now())).await, Reason::NotFound, "");
    // No earlier than the arrival over the link.
    refused(ppc.record_notice_arrival(ppc.recording_arrival(&other, ppc.now())).await, Reason::WrongState, "");

    let withdrawal = |notice: &str| WithdrawNoticeRequest { notice: notice.to_owned(), ..ppc.withdrawing_notice(&own) };
    refused(ppc.withdraw_notice(withdrawal("")).await, Reason::FieldInvalid, "notice");
    refused(ppc.withdraw_notice(withdrawal(&other.entry)).await, Reason::NotFound, "");
    refused(ppc.withdraw_notice(withdrawal("agencies/ppc/entries/1")).await, Reason::NotFound, "");
    let stale = WithdrawNoticeRequest { etag: "0123456789abcdef".to_owned(), ..ppc.withdrawing_notice(&own) };
    refused(ppc.withdraw_notice(stale).await, Reason::EtagStale, "etag");
    let assent = |withdrawal: &str| AssentToWithdrawalRequest {
        withdrawal: withdrawal.to_owned(),
        ..ppc.assenting(&Notice::default())
    };
    refused(ppc.assent_to_withdrawal(assent("")).await, Reason::FieldInvalid, "withdrawal");
    for nothing in [&other.entry, &own.entry, "agencies/ipa/entries/999"] {
        refused(ppc.assent_to_withdrawal(assent(nothing)).await, Reason::NotFound, "");
    }
    assert_eq!(ppc.link().await.unwrap().own_seq, before, "nothing was written");
}

fn written(request: RecordNoticeArrivalRequest, day: &str) -> RecordNoticeArrivalRequest {
    let received =
        request.received.map(|it| renkei_proto::agreement::v1::ReceivedNotice { written_on: day.to_owned(), ..it });
    RecordNoticeArrivalRequest { received, ..request }
}

#[tokio::test]
async fn one_notice_has_one_number_and_one_record() {
    let (_pair, ppc, ipa) = begin("2026-12-10T09:00:00+09:00").await;
    let numbered = |kind| GiveNoticeRequest { document: NUMBER.to_owned(), ..ipa.giving_notice(kind) };
    ipa.give_notice(numbered(NoticeKind::Other)).await.unwrap();
    refused(ipa.give_notice(numbered(NoticeKind::Other)).await, Reason::AlreadyExists, "document");
    at_both(&ppc, &ipa).await;
    let paper = |kind, number: &str| ppc.recording_paper(kind, number, ppc.now());
    refused(ppc.record_notice_arrival(paper(NoticeKind::Other, NUMBER)).await, Reason::AlreadyExists, "received");
    ppc.record_notice_arrival(paper(NoticeKind::Change, NUMBER)).await.unwrap();
    // In full-width characters and with spaces it is the same number.
    let same = paper(NoticeKind::Change, "ＩＰＡ－２０２６－ ００４２");
    refused(ppc.record_notice_arrival(same).await, Reason::AlreadyExists, "document");
    let seen = at_both(&ppc, &ipa).await;
    assert_eq!(seen.notices.len(), 2);
    // What was given over the link, too, is withdrawn by its entry.
    ipa.give_notice(numbered(NoticeKind::Change)).await.unwrap();
    let record = seen.notices.iter().find(|it| it.receiver_only).unwrap();
    refused(ipa.withdraw_notice(ipa.withdrawing_notice(record)).await, Reason::WrongState, "");
    assert_eq!(at_both(&ppc, &ipa).await.notices.len(), 2);
}

#[tokio::test]
async fn notices_are_listed_newest_first_in_pages() {
    let (pair, ppc, ipa) = begin("2026-12-10T09:00:00+09:00").await;
    let page = |page_size, page_token: &str| ListNoticesRequest {
        parent: "agreement".to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    assert_eq!(ppc.list_notices(page(0, "")).await.unwrap().notices, []);
    let entries = ListNoticeEntriesRequest { parent: "agreement".to_owned(), ..Default::default() };
    refused(ppc.list_notice_entries(entries.clone()).await, Reason::NotFound, "");
    for n in 0..5 {
        let acts = if n % 2 == 0 { &ppc } else { &ipa };
        give_notice(acts, NoticeKind::Other).await;
        pair.clock.advance(SignedDuration::from_mins(1));
        settle(&ppc, &ipa).await.unwrap();
    }
    for acts in [&ppc, &ipa] {
        let mut expected = acts.agreement().await.unwrap().notices;
        expected.reverse();
        for size in [1, 2, 3, 5, 500] {
            let (mut found, mut token) = (Vec::new(), String::new());
            loop {
                let shown = acts.list_notices(page(size, &token)).await.unwrap();
                assert!(!shown.as_of.is_empty() && shown.notices.len() <= usize::try_from(size).unwrap());
                found.extend(shown.notices);
                token = shown.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(found, expected, "{size}");
        }
        let token = acts.list_notices(page(2, "")).await.unwrap().next_page_token;
        let entries = ListNoticeEntriesRequest { page_size: 2, page_token: token, ..entries.clone() };
        refused(acts.list_notice_entries(entries).await, Reason::PageTokenInvalid, "page_token");
        refused(acts.list_notices(page(2, "no token")).await, Reason::PageTokenInvalid, "page_token");
        refused(acts.list_notices(page(501, "")).await, Reason::FieldInvalid, "page_size");
        let other = ListNoticesRequest { parent: "agreements".to_owned(), ..Default::default() };
        refused(acts.list_notices(other).await, Reason::FieldInvalid, "parent");
        let words = acts.notice_entries().await.unwrap();
        assert_eq!(words.len(), 10, "each notice and its arrival");
    }
}

/// Who may: notices, withdrawals and assents are the approver's, a record of paper casework's too.
#[tokio::test]
async fn formal_acts_are_the_approvers() {
    let (_pair, ppc, ipa) = begin("2026-12-10T09:00:00+09:00").await;
    let notice = give_notice(&ipa, NoticeKind::Other).await;
    at_both(&ppc, &ipa).await;
    let client = |caller: &str| {
        let channel = ppc.desk.on_behalf_of(caller, renkei_tools::desk::TANAKA).unwrap();
        renkei_proto::agreement::v1::agreement_service_client::AgreementServiceClient::new(channel)
    };
    for caller in ["intake", "casework", "sharing", "reader", "operator", "auditor"] {
        let give = client(caller).give_notice(ppc.giving_notice(NoticeKind::Other)).await;
        refused(give.map_err(CallError::from), Reason::RoleMissing, "");
        let withdraw = client(caller).withdraw_notice(ppc.withdrawing_notice(&notice)).await;
        refused(withdraw.map_err(CallError::from), Reason::RoleMissing, "");
    }
    let record = ppc.recording_arrival(&notice, ppc.now() - SignedDuration::from_hours(1));
    client("casework").record_notice_arrival(record).await.unwrap();
    let record = ppc.recording_arrival(&notice, ppc.now() - SignedDuration::from_hours(2));
    refused(client("reader").record_notice_arrival(record).await.map_err(CallError::from), Reason::RoleMissing, "");
}

#[tokio::test]
async fn warnings_are_events_and_a_duty_until_the_last_open_day() {
    let (pair, ppc, ipa) = begin("2026-09-28T09:00:00+09:00").await;
    let mut watch = ppc.watch("", "agreement").await.unwrap();
    let store = pair.side(Agency::Ppc).store().unwrap();
    let kind = renkei_domain::noun::agreement::DECIDE_ON_NOTICE;
    let mut draws = 0_u8;
    let mut warned = async |day: &str| {
        pair.set_clock(instant(&format!("{day}T09:00:00+09:00")).unwrap()).unwrap();
        // Another moment each time, or entries would have the same id.
        for _ in 0..2 {
            draws += 1;
            warn_of_term(&store, &pair.clock.source([draws; 32])).await.unwrap();
        }
        store.duties(kind, 10).await.unwrap()
    };
    assert_eq!(warned("2026-09-28").await, []);
    let due = Some("2026-12-28".parse().unwrap());
    for day in ["2026-09-29", "2026-11-27", "2026-12-14", "2026-12-21", "2026-12-28"] {
        assert_eq!(warned(day).await, [(due, "agreement".to_owned())], "{day}");
    }
    assert_eq!(warned("2026-12-29").await, [], "the last open day is over");
    // Four warnings and the end, each once; a private entry never crosses.
    for warning in 1..6 {
        let event = watch.event().await.unwrap();
        let last_open = "2026-12-28".to_owned();
        assert_eq!(event.change, Some(Change::TermWarned(TermWarned { term: 4, warning, last_open })));
        assert_eq!(event.matter, "agreement");
    }
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ipa.agreement().await.unwrap().notices, []);
    for acts in [&ppc, &ipa] {
        assert_eq!(acts.verify().await.unwrap().fault, "");
    }
}

#[tokio::test]
async fn status_shows_the_notices_with_their_labels() {
    let choice = renkei_tools::setup::Choice::default();
    let pair = Pair::processes(None, start().unwrap(), [9; 32], choice).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    give_notice(&ppc, NoticeKind::Change).await;
    let paper = ppc.recording_paper(NoticeKind::Other, NUMBER, ppc.now());
    ppc.record_notice_arrival(paper).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for agency in AGENCIES {
        let (code, text) = pair.command_line(agency, &["status"]).await.unwrap();
        assert_eq!(code, Some(0), "{text}");
        for line in [
            "next term               disputed since 2027-04-01",
            "notice                  CHANGE of ppc about term 4: written 2026-11-24, arrived",
            "notice                  OTHER of ipa about term 4 (IPA-2026-0042): written 2026-11-24, arrived",
            "IN_DOUBT, known from its receiver only",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
