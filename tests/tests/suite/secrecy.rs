//! Secrecy (Art. 7(1)): who read what, when and for what is on record before the reply leaves.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use jiff::SignedDuration;
use prost::Message;
use renkei_client::{Official, OfficialChannel};
use renkei_domain::moment::stamp;
use renkei_proto::{
    RULES,
    advice::v1::ListAdviceEntriesRequest,
    agreement::v1::{ListNoticeEntriesRequest, NoticeKind},
    evidence::v1::{AuditRecord, ListAuditRecordsRequest},
    options::v1::{Reason, Surface},
    referral::v1::GetReferralPaperRequest,
    sharing::v1::{
        GetItemRequest, Item, ListDisclosuresRequest, ListItemEntriesRequest, ListItemsRequest,
        item_service_client::ItemServiceClient,
    },
    title::v1::ListTitlesRequest,
    r#type::v1::{Agency, Purpose},
};
use renkei_rpc::error::reason_of;
use renkei_tools::{
    acts::{Acts, both, refused, settle, to_the_party, to_units},
    database::{self, Engine},
    desk::TANAKA,
    pair::Pair,
    raw,
    scenario::start,
    setup::CALLERS,
};
use tonic::{Response, Status, service::interceptor::InterceptedService};

const SUZUKI: Official = Official::from_static("suzuki");

fn items(acts: &Acts, caller: &str, official: Official) -> ItemServiceClient<OfficialChannel> {
    ItemServiceClient::new(InterceptedService::new(acts.desk.channel(caller).unwrap(), official))
}

fn get(name: &str) -> GetItemRequest {
    GetItemRequest { name: name.to_owned() }
}

fn words(name: &str) -> ListItemEntriesRequest {
    ListItemEntriesRequest { parent: name.to_owned(), ..ListItemEntriesRequest::default() }
}

fn who_knew(name: &str, page_size: u32, page_token: &str) -> ListAuditRecordsRequest {
    ListAuditRecordsRequest { matter: name.to_owned(), page_size, page_token: page_token.to_owned() }
}

/// The official, the caller, the method, the purpose and the outcome of a record.
fn said(it: &AuditRecord) -> [&str; 5] {
    let (caller, method) = (it.caller.rsplit('/').next().unwrap(), it.method.rsplit('/').next().unwrap());
    [&it.official, caller, method, &it.purpose, &it.outcome]
}

#[tokio::test]
async fn every_reader_of_a_matter_is_on_record_with_time_and_purpose() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let scope = to_units(&["policy"], &[Purpose::Policy, Purpose::Training]);
    let it = ipa.publish_item(ipa.publishing_item(scope)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let later = || pair.clock.advance(SignedDuration::from_mins(1));
    let read = items(&ppc, "sharing", TANAKA.with_purpose(Purpose::Policy))
        .get_item(get(&it.name))
        .await
        .unwrap()
        .into_inner();
    later();
    items(&ppc, "reader", SUZUKI.with_purpose(Purpose::Training)).list_item_entries(words(&it.name)).await.unwrap();
    later();
    // Tries beyond the scope, and on what is not there.
    let beyond = items(&ppc, "casework", SUZUKI.with_purpose(Purpose::Policy)).get_item(get(&it.name)).await;
    refused(beyond.map(Response::into_inner).map_err(Into::into), Reason::NotFound, "");
    let missing = "agencies/ipa/items/0199b7c4-0000-7000-8000-000000000001";
    refused(ppc.item(missing).await, Reason::NotFound, "");
    later();
    ppc.acknowledge_item(ppc.acknowledging(&read)).await.unwrap();
    // A call that reads no words leaves no such record.
    ppc.list_items(ListItemsRequest { parent: "agencies/-".to_owned(), ..Default::default() }).await.unwrap();
    later();

    let records = ppc.list_audit_records(who_knew(&it.name, 0, "")).await.unwrap().records;
    let expected = [
        ["tanaka", "sharing", "GetItem", "policy", "OK"],
        ["suzuki", "reader", "ListItemEntries", "training", "OK"],
        ["suzuki", "casework", "GetItem", "policy", "NOT_FOUND"],
        ["tanaka", "sharing", "AcknowledgeItem", "policy", "OK"],
    ];
    assert_eq!(records.iter().map(said).collect::<Vec<_>>(), expected);
    let minutes = |n| Some(stamp(start().unwrap() + SignedDuration::from_mins(n)));
    assert_eq!(records.iter().map(|it| it.time).collect::<Vec<_>>(), (0..4).map(minutes).collect::<Vec<_>>());
    let tried = ppc.list_audit_records(who_knew(missing, 0, "")).await.unwrap().records;
    assert_eq!(tried.iter().map(said).collect::<Vec<_>>(), [["tanaka", "sharing", "GetItem", "policy", "NOT_FOUND"]]);

    // In pages, and with the auditor's own reading behind them.
    let (mut paged, mut token) = (Vec::new(), String::new());
    // Each of these readings is listed last in turn, so there is always a next page.
    for _ in 0..4 {
        let page = ppc.list_audit_records(who_knew(&it.name, 1, &token)).await.unwrap();
        assert_eq!(page.records.len(), 1);
        (token, paged) = (page.next_page_token, [paged, page.records].concat());
    }
    assert_eq!(paged, records);
    let again = ppc.list_audit_records(who_knew(&it.name, 0, "")).await.unwrap().records;
    assert_eq!(again[..4], records);
    assert_eq!(
        again[4..].iter().map(said).collect::<Vec<_>>(),
        [["tanaka", "auditor", "ListAuditRecords", "", "OK"]; 5]
    );
    refused(ppc.list_audit_records(who_knew(missing, 1, &token)).await, Reason::PageTokenInvalid, "page_token");
    refused(ppc.list_audit_records(who_knew("", 0, "")).await, Reason::FieldInvalid, "matter");
    let refusal = ppc.list_audit_records(who_knew(missing, 0, "")).await.unwrap().records;
    assert_eq!(said(refusal.last().unwrap())[4], "PAGE_TOKEN_INVALID");
    // The peer has its own officials' reads and no others.
    let there = ipa.list_audit_records(who_knew(&it.name, 0, "")).await.unwrap().records;
    assert_eq!(there.iter().map(said).collect::<Vec<_>>(), [["tanaka", "sharing", "PublishItem", "policy", "OK"]]);
}

#[tokio::test]
async fn a_call_for_no_known_purpose_is_refused_where_one_is_asked_for() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut asked = BTreeSet::new();
    for acts in [&ppc, &ipa] {
        for (caller, role, _) in CALLERS {
            let channel = acts.desk.channel(caller).unwrap();
            let role = format!("ROLE_{}", role.to_uppercase());
            let open =
                RULES.iter().filter(|rule| rule.surface == Surface::Desk && rule.served_by.contains(&acts.agency));
            for rule in open.filter(|rule| rule.roles.iter().any(|it| it.as_str_name() == role)) {
                let call = async |purposes: &[&'static str]| {
                    let mut metadata = vec![("renkei-official", "tanaka")];
                    metadata.extend(purposes.iter().map(|purpose| ("renkei-purpose", *purpose)));
                    reason_of(&raw::call(&channel, rule.path, b"no message", &metadata).await.unwrap_err()).unwrap()
                };
                let what = format!("{caller} {}", rule.path);
                for unknown in ["", "Policy", "POLICY", "curiosity", "unspecified", "policy,training", "policy "] {
                    assert_eq!(call(&[unknown]).await, Reason::PurposeMissing, "{what} {unknown:?}");
                }
                assert_eq!(call(&["policy", "policy"]).await, Reason::PurposeMissing, "{what}");
                assert_eq!(call(&[]).await == Reason::PurposeMissing, rule.purpose, "{what}");
                assert_ne!(call(&["policy"]).await, Reason::PurposeMissing, "{what}");
                asked.extend(Some(rule.path).filter(|_| rule.purpose));
            }
        }
    }
    let expected: BTreeSet<&str> = RULES.iter().filter(|rule| rule.purpose).map(|rule| rule.path).collect();
    assert_eq!(asked, expected);
    assert!(RULES.iter().filter(|rule| rule.secret && !["7(1)", "8"].contains(&rule.article)).all(|rule| rule.purpose));
}

/// The method that hands out the paper of an own referral. The peer is refused, which is on record too.
const PAPER: &str = "/renkei.referral.v1.ReferralService/GetReferralPaper";

/// An ordinary request of every method that hands out secret material: caller, path, matter, body.
async fn secret_calls(ppc: &Acts, ipa: &Acts) -> Vec<(&'static str, &'static str, String, Vec<u8>)> {
    let item = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap().name;
    let advice = ppc.submit_advice_request(ppc.requesting()).await.unwrap().name;
    ppc.publish(ppc.publishing("leak-report-private")).await.unwrap();
    let referral = ppc.issued(ppc.issuing()).await.unwrap().name;
    settle(ppc, ipa).await.unwrap();
    let paper = GetReferralPaperRequest { name: referral.clone(), ..GetReferralPaperRequest::default() };
    let listing = ListAdviceEntriesRequest { parent: advice.clone(), ..Default::default() };
    let agreement = ppc.give_notice(ppc.giving_notice(NoticeKind::Other)).await.unwrap().name;
    settle(ppc, ipa).await.unwrap();
    let notices = ListNoticeEntriesRequest { parent: agreement.clone(), ..Default::default() };
    vec![
        ("sharing", "/renkei.sharing.v1.ItemService/GetItem", item.clone(), get(&item).encode_to_vec()),
        (
            "reader",
            "/renkei.title.v1.TitleService/ListTitles",
            item.clone(),
            ListTitlesRequest { matters: vec![advice.clone(), item.clone()] }.encode_to_vec(),
        ),
        (
            "sharing",
            "/renkei.sharing.v1.DisclosureService/ListDisclosures",
            item.clone(),
            ListDisclosuresRequest { name: item.clone(), ..Default::default() }.encode_to_vec(),
        ),
        ("reader", "/renkei.sharing.v1.ItemService/ListItemEntries", item.clone(), words(&item).encode_to_vec()),
        ("casework", "/renkei.advice.v1.AdviceService/ListAdviceEntries", advice, listing.encode_to_vec()),
        ("approver", "/renkei.agreement.v1.AgreementService/ListNoticeEntries", agreement, notices.encode_to_vec()),
        ("intake", PAPER, referral, paper.encode_to_vec()),
        (
            "auditor",
            "/renkei.evidence.v1.EvidenceService/ListAuditRecords",
            item.clone(),
            who_knew(&item, 0, "").encode_to_vec(),
        ),
    ]
}

async fn secret_call(acts: &Acts, caller: &str, path: &str, body: &[u8]) -> Result<Vec<Vec<u8>>, Status> {
    let metadata = [("renkei-official", "yamada"), ("renkei-purpose", "investigation")];
    raw::call(&acts.desk.channel(caller).unwrap(), path, body, &metadata).await
}

#[tokio::test]
async fn every_method_that_hands_out_secrets_is_on_record_at_both_agencies() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let calls = secret_calls(&ppc, &ipa).await;
    let tried: BTreeSet<&str> = calls.iter().map(|(_, path, ..)| *path).collect();
    assert_eq!(tried, RULES.iter().filter(|rule| rule.secret).map(|rule| rule.path).collect());
    for acts in [&ppc, &ipa] {
        for (caller, path, matter, body) in &calls {
            let call = secret_call(acts, caller, path, body).await;
            let outcome = match acts.agency {
                Agency::Ipa if *path == PAPER => {
                    refused::<()>(Err(call.unwrap_err().into()), Reason::WrongDirection, "");
                    "WRONG_DIRECTION"
                }
                _ => {
                    call.unwrap();
                    "OK"
                }
            };
            let records = acts.list_audit_records(who_knew(matter, 500, "")).await.unwrap().records;
            let found: Vec<&AuditRecord> =
                records.iter().filter(|it| it.official == "yamada" && it.method == *path).collect();
            assert_eq!(found.len(), 1, "{path} at {}", acts.agency.id());
            assert_eq!(found[0].caller, format!("spiffe://{}/desk/{caller}", acts.agency.id()));
            assert_eq!((found[0].purpose.as_str(), found[0].outcome.as_str()), ("investigation", outcome));
        }
        assert_eq!(acts.verify().await.unwrap().fault, "");
    }
}

#[tokio::test]
async fn a_read_that_cannot_be_recorded_is_refused_and_everything_else_continues() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let calls = secret_calls(&ppc, &ipa).await;
    let item = &calls[0].2;
    let sql = |text: &str| database::behind_its_back(&pair.setup, Agency::Ppc, text).unwrap();
    let records = async || ppc.list_audit_records(who_knew(item, 500, "")).await;
    let before = records().await.unwrap().records.len();
    sql(match database::engine_of(&pair.setup) {
        Engine::Sqlite => {
            "CREATE TRIGGER no_room BEFORE INSERT ON call WHEN NEW.chain = 'a/r' BEGIN SELECT RAISE(ABORT, 'full'); END;"
        }
        Engine::Postgres => {
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$;
             CREATE TRIGGER no_room BEFORE INSERT ON call FOR EACH ROW WHEN (NEW.chain = 'a/r') EXECUTE FUNCTION no_room();"
        }
    });
    for (caller, path, _, body) in &calls {
        let status = secret_call(&ppc, caller, path, body).await.unwrap_err();
        refused::<()>(Err(status.into()), Reason::AuditUnavailable, "");
    }
    // A try that finds nothing reveals nothing of the audit, nor of the item.
    refused(ppc.item("agencies/ipa/items/0199b7c4-0000-7000-8000-000000000001").await, Reason::NotFound, "");
    // Other reads, writes, the link and health go on.
    let list = ListItemsRequest { parent: "agencies/-".to_owned(), ..ListItemsRequest::default() };
    let listed = ppc.list_items(list).await.unwrap().items;
    assert_eq!(listed.iter().map(|it| &it.name).collect::<Vec<_>>(), [item]);
    ppc.acknowledge_item(ppc.acknowledging(&listed[0])).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ipa.item(item).await.unwrap().acknowledged_revision, 1);
    let health = raw::call(&ppc.desk.channel("operator").unwrap(), "/grpc.health.v1.Health/Check", &[], &[]).await;
    assert_eq!(health.unwrap(), [[8, 1]], "serving");
    assert_eq!(ppc.verify().await.unwrap().fault, "");

    sql(match database::engine_of(&pair.setup) {
        Engine::Sqlite => "DROP TRIGGER no_room;",
        Engine::Postgres => "DROP TRIGGER no_room ON call;",
    });
    // Nothing was read meanwhile: of the tries none is on record, and the chain has no gap.
    let after = records().await.unwrap().records;
    assert_eq!(after.len(), before + 2, "the first listing and the acknowledgement: {after:?}");
    let read: Item = ppc.item(item).await.unwrap();
    assert!(read.content.is_some());
    assert_eq!(ppc.verify().await.unwrap().fault, "");
}

#[tokio::test]
async fn reads_at_once_are_all_on_record_in_one_chain() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    // Many at once, on both sides, in one chain each.
    for acts in [&ppc, &ipa] {
        let mut reads = tokio::task::JoinSet::new();
        // One caller has at most 64 connections, so calls share them.
        let clients = [(); 8].map(|()| items(acts, "sharing", SUZUKI.with_purpose(Purpose::Policy)));
        for client in clients.iter().cycle().take(64) {
            let (mut client, request) = (client.clone(), get(&it.name));
            reads.spawn(async move { client.get_item(request).await.map(|_| ()) });
        }
        while let Some(read) = reads.join_next().await {
            read.unwrap().unwrap();
        }
        let records = acts.list_audit_records(who_knew(&it.name, 500, "")).await.unwrap().records;
        let reads: Vec<u64> = records.iter().filter(|it| it.official == "suzuki").map(|it| it.seq).collect();
        assert_eq!(reads, (1..=64).collect::<Vec<_>>());
        assert_eq!(acts.verify().await.unwrap().fault, "");
    }
}
