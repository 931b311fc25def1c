//! Referral between the two agencies (紹介, Art. 4(1)).
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use futures::StreamExt as _;
use renkei_domain::moment::stamp;
use renkei_proto::{
    advice::v1::SubmitAdviceRequestRequest,
    options::v1::Reason,
    referral::v1::{
        ConfirmReferralGivenRequest, IssueReferralRequest, ListReferralsRequest, Referral, ReferralGround,
        ReferralWarning, ReviseJudgementRequest, SchemeVersion, ScopeFacts, referral::State,
    },
    r#type::v1::{
        Agency, Finding, IncidentKind, Persons, PersonsKind, ReporterKind, Sector, StatutoryDates, StatutoryFacts,
    },
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, scope_facts, settle},
    pair::Pair,
    scenario::{instant, start},
};

/// The number of revisions that are under way at once: more would wait for each other longer than a call may last on a
/// busy machine.
const AT_ONCE: usize = 64;

#[tokio::test]
async fn a_referral_goes_from_issue_to_follow_up_in_both_directions() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    for (issuer, peer, case, introduced) in
        [(&ppc, &ipa, "甲-R08-REF-0001", "unauthorised-access"), (&ipa, &ppc, "乙-R08-REF-0001", "leak-report-private")]
    {
        let request = IssueReferralRequest { with_code: true, ..issuer.issuing() };
        let issued = issuer.issue(request).await.unwrap();
        let referral = issued.referral.unwrap();
        assert_eq!((referral.state(), referral.ground()), (State::Issued, ReferralGround::Duty));
        assert_eq!((referral.case_number.as_str(), referral.issuer()), (case, issuer.agency));
        assert_eq!(referral.introduced, [SchemeVersion { scheme_id: introduced.to_owned(), version: 1 }]);
        assert_eq!(issued.schemes.iter().map(|it| it.name.clone()).collect::<Vec<_>>(), [peer.scheme_name(introduced)]);
        assert!(referral.code_issued && !issued.code.is_empty());
        assert_eq!(at_both(&ppc, &ipa, &referral.name).await.state(), State::Issued);

        let given = issuer.confirm(issuer.confirming(&referral)).await.unwrap();
        assert_eq!((given.state(), given.given_at), (State::Given, Some(stamp(pair.clock.now()))));
        settle(&ppc, &ipa).await.unwrap();
        let followed = peer.follow_up(peer.following_up(&issued.code)).await.unwrap().referral.unwrap();
        assert_eq!((followed.name.as_str(), followed.state()), (referral.name.as_str(), State::FollowedUp));
        let seen = at_both(&ppc, &ipa, &referral.name).await;
        assert_eq!((seen.state(), seen.filed_on.as_str()), (State::FollowedUp, "2026-11-24"));
        assert_eq!((seen.filed_under, seen.entries.len()), (peer.following_up("").filed_under, 3));
    }
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

/// The referral as both sides show it once each has everything.
pub async fn at_both(ppc: &Acts, ipa: &Acts, name: &str) -> Referral {
    settle(ppc, ipa).await.unwrap();
    let seen = ppc.shared_referral(name).await.unwrap();
    assert_eq!(seen, ipa.shared_referral(name).await.unwrap());
    seen
}

#[tokio::test]
async fn the_rule_of_the_article_gives_the_ground() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let facts = scope_facts;
    let delegated = ReporterKind::DelegatedSector.into();
    let cases = [
        (Finding::Applies, facts(), ReferralGround::Duty),
        (Finding::Suspected, facts(), ReferralGround::Duty),
        (Finding::DoesNotApply, facts(), ReferralGround::Voluntary),
        (Finding::Pending, facts(), ReferralGround::Pending),
        (Finding::Pending, ScopeFacts { electronic: false, ..facts() }, ReferralGround::Voluntary),
        (Finding::Applies, ScopeFacts { electronic: false, ..facts() }, ReferralGround::Voluntary),
        (Finding::Applies, ScopeFacts { personal_information: false, ..facts() }, ReferralGround::Voluntary),
        (
            Finding::Applies,
            ScopeFacts { taken_by_ministry: true, reporter: delegated, ..facts() },
            ReferralGround::Voluntary,
        ),
        (Finding::Applies, ScopeFacts { kind: IncidentKind::DenialOfService.into(), ..facts() }, ReferralGround::Duty),
        (
            Finding::Pending,
            ScopeFacts { kind: IncidentKind::None.into(), ..facts() },
            ReferralGround::NoApplicableScheme,
        ),
    ];
    for (finding, facts, ground) in cases {
        let judgement = Some(ppc.judgement(finding));
        let request = IssueReferralRequest { judgement, scope_facts: Some(facts), with_code: true, ..ppc.issuing() };
        let issued = ppc.issue(request).await.unwrap();
        let referral = issued.referral.unwrap();
        let fits = ground != ReferralGround::NoApplicableScheme;
        assert_eq!(referral.ground(), ground);
        assert_eq!(referral.state(), if fits { State::Issued } else { State::Discharged });
        assert_eq!((issued.notice.is_some(), !issued.code.is_empty(), !issued.schemes.is_empty()), (fits, fits, fits));
        assert_eq!(referral.code_issued, fits);
    }
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn the_reporter_gets_a_notice_in_both_languages_with_dates_and_code() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let statutory = StatutoryFacts {
        sector: Sector::Private.into(),
        knew_on: "2026-11-13".to_owned(),
        items: vec![2, 3, 4],
        persons: Some(Persons { number: 3200, kind: PersonsKind::AtMost.into() }),
    };
    let request = IssueReferralRequest { with_code: true, statutory: Some(statutory.clone()), ..ppc.issuing() };
    let issued = ppc.issue(request).await.unwrap();
    let StatutoryDates { preliminary_from, preliminary_to, final_due, final_days, by_rule, .. } = issued.dates.unwrap();
    assert_eq!((preliminary_from.as_str(), preliminary_to.as_str()), ("2026-11-15", "2026-11-17"));
    assert_eq!((final_due.as_str(), final_days, by_rule), ("2027-01-12", 60, false));
    let notice = issued.notice.unwrap();
    for said in ["コンピュータ不正アクセスに関する届出", "令和9年1月12日（火）", "任意", &issued.code]
    {
        assert!(notice.ja.contains(said), "{said}: {}", notice.ja);
    }
    for said in ["Notification of unauthorised computer access", "2027-01-12", "voluntary", &issued.code] {
        assert!(notice.en.contains(said), "{said}: {}", notice.en);
    }

    let unknown_day = StatutoryFacts { knew_on: String::new(), ..statutory.clone() };
    let without = ppc.issue(IssueReferralRequest { statutory: Some(unknown_day), ..ppc.issuing() }).await.unwrap();
    assert_eq!((without.dates, without.code.as_str()), (None, ""));
    assert!(!without.notice.unwrap().ja.contains(&issued.code));

    let before = ppc.link().await.unwrap().own_seq;
    let no_day = StatutoryFacts { knew_on: "2026-11-31".to_owned(), ..statutory.clone() };
    // The clock of the test is at 2026-11-24: a slip of the year, and a day to come.
    let day = |knew_on: &str| StatutoryFacts { knew_on: knew_on.to_owned(), ..statutory.clone() };
    let [slip, tomorrow, far] = ["2032-11-13", "2026-11-25", "9999-12-31"].map(day);
    let no_item = StatutoryFacts { items: vec![5], ..statutory.clone() };
    let asking = SubmitAdviceRequestRequest { statutory: Some(slip.clone()), ..ppc.requesting() };
    refused(ppc.submit_advice_request(asking).await, Reason::FieldInvalid, "statutory.knew_on");
    for (field, wrong) in [
        ("statutory.knew_on", no_day),
        ("statutory.knew_on", slip),
        ("statutory.knew_on", tomorrow),
        ("statutory.knew_on", far),
        ("statutory.items", no_item),
    ] {
        let request = IssueReferralRequest { statutory: Some(wrong), ..ppc.issuing() };
        refused(ppc.issue(request).await, Reason::FieldInvalid, field);
    }
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
}

#[tokio::test]
async fn an_unsound_report_is_not_issued_and_writes_nothing() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let (mut feed, before) = (ppc.watch("", "").await.unwrap(), ppc.link().await.unwrap().own_seq);

    for under in [String::new(), ipa.scheme_name("virus"), ppc.scheme_name("missing")] {
        let request = IssueReferralRequest { reported_under: under, ..ppc.issuing() };
        refused(ppc.issue(request).await, Reason::NotAReport, "reported_under");
    }
    type Spoil = fn(&mut IssueReferralRequest);
    let cases: [(&str, Spoil); 9] = [
        ("report", |it| it.report = "A社".to_owned()),
        ("report", |it| it.report = String::new()),
        ("reported_under", |it| it.reported_under = "leak-report-private".to_owned()),
        ("judgement", |it| it.judgement = None),
        ("judgement.finding", |it| it.judgement.as_mut().unwrap().finding = 9),
        ("judgement.judged_at", |it| it.judgement.as_mut().unwrap().judged_at.as_mut().unwrap().seconds += 1),
        ("scope_facts", |it| it.scope_facts = None),
        ("scope_facts.reporter", |it| it.scope_facts.as_mut().unwrap().reporter = ReporterKind::Unspecified.into()),
        ("language", |it| it.language = 0),
    ];
    for (field, spoil) in cases {
        let mut request = ppc.issuing();
        spoil(&mut request);
        refused(ppc.issue(request).await, Reason::FieldInvalid, field);
    }

    let next = ppc.issued(ppc.issuing()).await.unwrap();
    assert_eq!((next.case_number.as_str(), next.entries[0].as_str()), ("甲-R08-REF-0001", &*entry(before + 1)));
    assert_eq!(feed.event().await.unwrap().matter, next.name);
}

fn entry(seq: u64) -> String {
    format!("agencies/ppc/entries/{seq}")
}

#[tokio::test]
async fn a_report_that_contradicts_itself_is_refused_with_the_field_that_does_not_fit() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let before = (ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq);
    let dates = |sector: Sector| StatutoryFacts {
        sector: sector.into(),
        knew_on: "2026-11-13".to_owned(),
        items: vec![3],
        persons: Some(Persons { number: 500, kind: PersonsKind::Exact.into() }),
    };
    let public = |it: &mut IssueReferralRequest| {
        it.reported_under = "agencies/ppc/schemes/leak-report-public".to_owned();
    };
    let of = |it: &mut IssueReferralRequest, reporter: ReporterKind| {
        it.scope_facts.as_mut().unwrap().reporter = reporter.into();
    };
    type Spoil<'a> = &'a dyn Fn(&mut IssueReferralRequest);
    let cases: [(&Acts, &str, Spoil<'_>); 9] = [
        (&ppc, "scope_facts.reporter", &|it| public(it)),
        (&ppc, "scope_facts.reporter", &|it| of(it, ReporterKind::PublicBody)),
        (&ppc, "scope_facts.reporter", &|it| of(it, ReporterKind::Person)),
        (&ppc, "statutory.sector", &|it| it.statutory = Some(dates(Sector::Public))),
        (&ppc, "statutory.sector", &|it| {
            public(it);
            of(it, ReporterKind::PublicBody);
            it.statutory = Some(dates(Sector::Private));
        }),
        (&ipa, "statutory.sector", &|it| {
            of(it, ReporterKind::Person);
            it.statutory = Some(dates(Sector::Private));
        }),
        (&ppc, "scope_facts.taken_by_ministry", &|it| it.scope_facts.as_mut().unwrap().taken_by_ministry = true),
        (&ipa, "scope_facts.taken_by_ministry", &|it| {
            of(it, ReporterKind::DelegatedSector);
            it.scope_facts.as_mut().unwrap().taken_by_ministry = true;
        }),
        (&ppc, "scope_facts.further_kinds", &|it| {
            it.scope_facts.as_mut().unwrap().further_kinds = vec![IncidentKind::None.into()];
        }),
    ];
    for (acts, field, spoil) in cases {
        let mut request = acts.issuing();
        spoil(&mut request);
        refused(acts.issue(request).await, Reason::FieldInvalid, field);
    }
    assert_eq!((ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq), before);
}

#[tokio::test]
async fn an_incident_of_two_kinds_is_introduced_to_both_schemes_at_both_agencies_alike() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let further_kinds = vec![IncidentKind::Virus.into()];
    let facts = ScopeFacts { further_kinds, ..scope_facts() };
    let issued = ppc.issue(IssueReferralRequest { scope_facts: Some(facts), ..ppc.issuing() }).await.unwrap();
    let titles = ["１　コンピュータ不正アクセスに関する届出", "２　コンピュータウイルスに関する届出"];
    let notice = issued.notice.unwrap();
    assert!(titles.iter().all(|title| notice.ja.contains(title)), "{}", notice.ja);
    let seen = at_both(&ppc, &ipa, &issued.referral.unwrap().name).await;
    let introduced: Vec<&str> = seen.introduced.iter().map(|it| it.scheme_id.as_str()).collect();
    assert_eq!(introduced, ["unauthorised-access", "virus"]);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_found_access_without_a_wrongful_purpose_is_issued_with_a_warning() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issuing = |items: &[u32]| {
        let statutory = StatutoryFacts {
            sector: Sector::Private.into(),
            knew_on: "2026-11-13".to_owned(),
            items: items.to_vec(),
            persons: None,
        };
        IssueReferralRequest { statutory: Some(statutory), ..ppc.issuing() }
    };
    for (items, warned, due) in [([1].as_slice(), true, "2026-12-14"), (&[1, 3], false, "2027-01-12")] {
        let issued = ppc.issue(issuing(items)).await.unwrap();
        let warnings: Vec<_> = issued.warnings().collect();
        assert_eq!(warnings.contains(&ReferralWarning::WrongfulPurposeUnstated), warned, "{items:?}");
        assert_eq!((warnings.len(), issued.dates.unwrap().final_due.as_str()), (usize::from(warned), due));
    }
}

#[tokio::test]
async fn an_act_that_the_state_of_a_referral_does_not_allow_is_refused_and_writes_nothing() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    let given = ppc.confirm(ppc.confirming(&issued)).await.unwrap();
    let facts = ScopeFacts { kind: IncidentKind::None.into(), ..scope_facts() };
    let discharged = IssueReferralRequest { scope_facts: Some(facts), ..ppc.issuing() };
    let discharged = ppc.issued(discharged).await.unwrap();
    let peers = ipa.issued(ipa.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let peers = ppc.referral(&peers.name).await.unwrap();
    let open = ppc.issued(ppc.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let (mut feed, before) = (ppc.watch("", "").await.unwrap(), ppc.link().await.unwrap().own_seq);

    let missing =
        Referral { name: "agencies/ppc/referrals/0199b7c4-0000-7000-8000-000000000001".into(), ..open.clone() };
    let missing = Referral { etag: String::new(), ..missing };
    refused(ppc.confirm(ppc.confirming(&missing)).await, Reason::NotFound, "");
    refused(ppc.revise(ppc.revising(&missing, Finding::Applies)).await, Reason::NotFound, "");
    refused(ppc.referral(&missing.name).await, Reason::NotFound, "");
    refused(ppc.confirm(ppc.confirming(&peers)).await, Reason::WrongDirection, "");
    refused(ppc.revise(ppc.revising(&peers, Finding::Applies)).await, Reason::WrongDirection, "");
    refused(ppc.confirm(ppc.confirming(&issued)).await, Reason::EtagStale, "etag");
    refused(ppc.revise(ppc.revising(&issued, Finding::Applies)).await, Reason::EtagStale, "etag");
    refused(ppc.confirm(ppc.confirming(&given)).await, Reason::WrongState, "");
    for given_at in ["0001-01-01T00:00:00Z", "2020-01-01T00:00:00+09:00"] {
        let given_at = Some(stamp(instant(given_at).unwrap()));
        let long_before = ConfirmReferralGivenRequest { given_at, ..ppc.confirming(&open) };
        refused(ppc.confirm(long_before).await, Reason::FieldInvalid, "given_at");
    }
    refused(ppc.confirm(ppc.confirming(&discharged)).await, Reason::WrongState, "");

    type Spoil = fn(&mut ConfirmReferralGivenRequest);
    let version = |it: &mut ConfirmReferralGivenRequest, scheme_id: &str, version: u32| {
        it.introduced = vec![SchemeVersion { scheme_id: scheme_id.to_owned(), version }];
    };
    let unpublished: [(&str, u32); 2] = [("unauthorised-access", 2), ("leak-report-private", 1)];
    for (id, number) in unpublished {
        let mut request = ppc.confirming(&open);
        version(&mut request, id, number);
        refused(ppc.confirm(request).await, Reason::FieldInvalid, "introduced");
    }
    let cases: [(&str, Spoil); 5] = [
        ("given_at", |it| it.given_at = None),
        ("given_at", |it| it.given_at.as_mut().unwrap().seconds += 1),
        ("channel", |it| it.channel = 0),
        ("channel", |it| it.channel = 6),
        ("introduced[0].version", |it| it.introduced = vec![SchemeVersion { scheme_id: "virus".into(), version: 0 }]),
    ];
    for (field, spoil) in cases {
        let mut request = ppc.confirming(&open);
        spoil(&mut request);
        refused(ppc.confirm(request).await, Reason::FieldInvalid, field);
    }
    let mut early = ppc.revising(&open, Finding::Applies);
    early.judgement.as_mut().unwrap().judged_at.as_mut().unwrap().seconds += 1;
    refused(ppc.revise(early).await, Reason::FieldInvalid, "judgement.judged_at");
    let blank = ReviseJudgementRequest { judgement: None, ..ppc.revising(&open, Finding::Applies) };
    refused(ppc.revise(blank).await, Reason::FieldInvalid, "judgement");

    let next = ppc.confirm(ppc.confirming(&open)).await.unwrap();
    assert_eq!(next.entries.last(), Some(&entry(before + 1)));
    assert_eq!(feed.event().await.unwrap().matter, next.name);
}

#[tokio::test]
async fn a_judgement_is_revised_and_what_was_done_stays() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let request = IssueReferralRequest { judgement: Some(ppc.judgement(Finding::Pending)), ..ppc.issuing() };
    let issued = ppc.issued(request).await.unwrap();
    pair.set_clock(instant("2026-11-27T09:00:00+09:00").unwrap()).unwrap();
    assert_eq!(ppc.referral(&issued.name).await.unwrap().open_days, 3);
    let revised = ppc.revise(ppc.revising(&issued, Finding::DoesNotApply)).await.unwrap();
    assert_eq!((revised.judgement_revision, revised.judgement.unwrap().finding()), (2, Finding::DoesNotApply));
    assert_eq!((revised.ground(), revised.state()), (ReferralGround::Pending, State::Issued));
    let given = ppc.confirm(ppc.confirming(&revised)).await.unwrap();
    assert_eq!(given.open_days, 0);
    // Also after it was given, and as often as the contract allows.
    let many = (3..=1000).map(|_| {
        let request = ReviseJudgementRequest { etag: String::new(), ..ppc.revising(&given, Finding::Applies) };
        ppc.revise(request)
    });
    let mut many = futures::stream::iter(many).buffer_unordered(AT_ONCE);
    while let Some(revised) = many.next().await {
        revised.unwrap();
    }
    let last = at_both(&ppc, &ipa, &issued.name).await;
    assert_eq!((last.judgement_revision, last.ground()), (1000, ReferralGround::Pending));
    let request = ReviseJudgementRequest { etag: String::new(), ..ppc.revising(&given, Finding::Applies) };
    refused(ppc.revise(request).await, Reason::WrongState, "");
}

#[tokio::test]
async fn referrals_are_listed_newest_first_at_both_agencies() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        newest_first.insert(0, ppc.issued(ppc.issuing()).await.unwrap().name);
    }
    let of_ipa = ipa.issued(ipa.issuing()).await.unwrap().name;
    settle(&ppc, &ipa).await.unwrap();
    let list = |parent: &str, page_size, page_token: &str| ListReferralsRequest {
        parent: parent.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let names = |referrals: Vec<Referral>| referrals.into_iter().map(|it| it.name).collect::<Vec<_>>();
    for acts in [&ppc, &ipa] {
        let first = acts.list_referrals(list("agencies/ppc", 3, "")).await.unwrap();
        let rest = acts.list_referrals(list("agencies/ppc", 3, &first.next_page_token)).await.unwrap();
        assert_eq!(rest.next_page_token, "");
        assert_eq!([names(first.referrals), names(rest.referrals)].concat(), newest_first);
        assert_eq!(
            names(acts.list_referrals(list("agencies/ipa", 0, "")).await.unwrap().referrals),
            std::slice::from_ref(&of_ipa)
        );
        assert_eq!(acts.list_referrals(list("agencies/-", 0, "")).await.unwrap().referrals.len(), 6);
        refused(
            acts.list_referrals(list("agencies/-", 3, &first.next_page_token)).await,
            Reason::PageTokenInvalid,
            "page_token",
        );
        refused(acts.list_referrals(list("agencies", 3, "")).await, Reason::FieldInvalid, "parent");
    }
}

#[tokio::test]
async fn acts_at_both_ends_of_a_cut_link_make_the_same_page_in_either_order() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let mut names = Vec::new();
    for issuer_first in [true, false] {
        let issued = ppc.issue(IssueReferralRequest { with_code: true, ..ppc.issuing() }).await.unwrap();
        let referral = issued.referral.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        pair.cut_link();
        for own in [issuer_first, !issuer_first] {
            pair.clock.advance(jiff::SignedDuration::from_mins(1));
            if own {
                assert_eq!(ppc.confirm(ppc.confirming(&referral)).await.unwrap().state(), State::Given);
            } else {
                ipa.follow_up(ipa.following_up(&issued.code)).await.unwrap();
            }
        }
        assert_eq!(ppc.referral(&referral.name).await.unwrap().state(), State::Given);
        assert_eq!(ipa.referral(&referral.name).await.unwrap().given_at, None);
        pair.mend_link();
        names.push(referral.name);
    }
    for name in names {
        let seen = at_both(&ppc, &ipa, &name).await;
        assert_eq!((seen.state(), seen.given_at.is_some(), seen.entries.len()), (State::FollowedUp, true, 3));
    }
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_scheme_withdrawn_while_the_peer_introduces_it_stays_introduced() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let name = ipa.scheme_name("unauthorised-access");
    let scheme = ipa.scheme(&name).await.unwrap();
    pair.cut_link();
    let before = ppc.issued(ppc.issuing()).await.unwrap();
    ipa.withdraw(ipa.withdrawing(&scheme)).await.unwrap();
    pair.clock.advance(jiff::SignedDuration::from_mins(1));
    let after = ppc.issued(ppc.issuing()).await.unwrap();
    ppc.confirm(ppc.confirming(&after)).await.unwrap();
    pair.mend_link();
    for referral in [before, after] {
        let seen = at_both(&ppc, &ipa, &referral.name).await;
        assert_eq!((seen.ground(), seen.introduced.len()), (ReferralGround::Duty, 1));
    }
    // From now on PPC knows: nothing fits any more.
    let next = ppc.issued(ppc.issuing()).await.unwrap();
    assert_eq!((next.ground(), next.issuer()), (ReferralGround::NoApplicableScheme, Agency::Ppc));
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_repeat_gets_the_first_papers_after_the_scheme_was_revised_and_withdrawn() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let request = IssueReferralRequest { with_code: true, ..ppc.issuing() };
    let first = ppc.issue(request.clone()).await.unwrap();
    let name = ipa.scheme_name("unauthorised-access");
    let revision = ipa.revising_scheme(&ipa.scheme(&name).await.unwrap());
    let revised = ipa.revise_scheme(revision).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_ne!(ppc.scheme(&name).await.unwrap().terms, first.schemes[0].terms);
    assert_eq!(ppc.issue(request.clone()).await.unwrap(), first);
    ipa.withdraw(ipa.withdrawing(&revised)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.issue(request).await.unwrap(), first);
}
