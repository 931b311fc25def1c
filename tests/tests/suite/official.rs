//! Officials who may not call any more (Art. 7(1)).
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_client::{CallError, Official, OfficialChannel, Watch};
use renkei_domain::page::Journal;
use renkei_proto::{
    RULES,
    evidence::v1::{
        BarOfficialRequest, CheckpointAuditRequest, ListAuditRecordsRequest, ListEntriesRequest, Official as Barred,
        UnbarOfficialRequest,
    },
    journal::v1::BarReason,
    options::v1::{Reason, Role, Surface},
    sharing::v1::{GetItemRequest, Item, item_service_client::ItemServiceClient},
    r#type::v1::{Agency, Purpose},
};
use renkei_rpc::error::reason_of;
use renkei_tools::{
    acts::{Acts, both, refused, settle, to_the_party},
    database,
    pair::Pair,
    raw,
    scenario::start,
    setup::{AGENCIES, CALLERS},
};
use tonic::service::interceptor::InterceptedService;

use crate::watch::end;

/// The official's id is nowhere else.
const SUZUKI_ID: &str = "suzuki.canary.8e41";
const SUZUKI: Official = Official::from_static(SUZUKI_ID);

fn authentic(acts: &Acts, caller: &str) -> OfficialChannel {
    InterceptedService::new(acts.desk.channel(caller).unwrap(), SUZUKI.with_purpose(Purpose::Policy))
}

fn items(acts: &Acts) -> ItemServiceClient<OfficialChannel> {
    ItemServiceClient::new(authentic(acts, "sharing"))
}

fn get(it: &Item) -> GetItemRequest {
    GetItemRequest { name: it.name.clone() }
}

#[tokio::test]
async fn a_barred_official_is_refused_by_every_method_at_once_and_stays_on_record() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let seen = items(&ppc).get_item(get(&it)).await.unwrap().into_inner();
    let (written, later) = (ppc.acknowledging(&seen), ppc.asking_about(&Item { etag: String::new(), ..seen }));
    let first = items(&ppc).acknowledge_item(written.clone()).await.unwrap().into_inner();
    let mut feed = Watch::open(authentic(&ppc, "sharing"), "", "").await.unwrap();

    let barred = ppc.bar(SUZUKI_ID).await.unwrap();
    assert_eq!((&barred.name, barred.barred, barred.reason()), (&ppc.official_name(SUZUKI_ID), true, BarReason::Left));
    refused::<()>(Err(end(&mut feed).await), Reason::OfficialBarred, "");
    let status = items(&ppc).get_item(get(&it)).await.unwrap_err();
    refused::<()>(Err(status.into()), Reason::OfficialBarred, "");
    let status = items(&ppc).ask_about_item(later.clone()).await.unwrap_err();
    refused::<()>(Err(status.into()), Reason::OfficialBarred, "");
    // Not even what was answered before is answered again.
    let status = items(&ppc).acknowledge_item(written.clone()).await.unwrap_err();
    refused::<()>(Err(status.into()), Reason::OfficialBarred, "");
    every_method_refuses(&ppc).await;
    // Other officials, and hers of the same name at the other agency, go on.
    ppc.item(&it.name).await.unwrap();
    items(&ipa).get_item(get(&it)).await.unwrap();
    assert!(ipa.barred().await.unwrap().is_empty());

    pair.stop(Agency::Ppc).await.unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    assert_eq!(ppc.barred().await.unwrap().len(), 1);
    let status = items(&ppc).get_item(get(&it)).await.unwrap_err();
    refused::<()>(Err(status.into()), Reason::OfficialBarred, "");
    let request = ListAuditRecordsRequest { matter: it.name.clone(), ..ListAuditRecordsRequest::default() };
    let records = ppc.list_audit_records(request).await.unwrap().records;
    let hers = records.iter().filter(|it| it.official == SUZUKI_ID);
    let hers: Vec<&str> = hers.filter_map(|it| it.method.rsplit('/').next()).collect();
    assert_eq!(hers, ["GetItem", "AcknowledgeItem"], "what she knew");

    let unbarred = ppc.unbar(SUZUKI_ID).await.unwrap();
    assert_eq!((unbarred.barred, unbarred.reason()), (false, BarReason::Unspecified));
    assert!(ppc.barred().await.unwrap().is_empty());
    // The official who barred her is on record too, and so is the one who asked.
    let request = ListAuditRecordsRequest { matter: ppc.official_name(SUZUKI_ID), ..Default::default() };
    ppc.list_audit_records(request.clone()).await.unwrap();
    let records = ppc.list_audit_records(request).await.unwrap().records;
    assert!(records.iter().all(|it| it.official == "tanaka" && it.outcome == "OK"));
    let methods: Vec<&str> = records.iter().filter_map(|it| it.method.rsplit('/').next()).collect();
    assert_eq!(methods, ["ListAuditRecords", "BarOfficial", "UnbarOfficial"]);
    assert_eq!(items(&ppc).acknowledge_item(written).await.unwrap().into_inner(), first);
    items(&ppc).ask_about_item(later).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    never_crossed(&pair, &ppc, &ipa).await;
}

/// Before the body is read, in every role.
async fn every_method_refuses(acts: &Acts) {
    let mut tried = 0;
    for (caller, role, _) in CALLERS {
        let channel = acts.desk.channel(caller).unwrap();
        let role = Role::from_str_name(&format!("ROLE_{}", role.to_uppercase())).unwrap();
        let open = RULES.iter().filter(|it| it.surface == Surface::Desk && it.served_by.contains(&acts.agency));
        for rule in open.filter(|rule| rule.roles.contains(&role)) {
            let metadata = [("renkei-official", SUZUKI_ID), ("renkei-purpose", "policy")];
            let status = raw::call(&channel, rule.path, b"no message", &metadata).await.unwrap_err();
            assert_eq!(reason_of(&status), Some(Reason::OfficialBarred), "{caller} {}", rule.path);
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

/// Officials are the agency's own affair.
async fn never_crossed(pair: &Pair, ppc: &Acts, ipa: &Acts) {
    let matter = ppc.official_name(SUZUKI_ID);
    for acts in [ppc, ipa] {
        let request = ListEntriesRequest { matter: matter.clone(), ..ListEntriesRequest::default() };
        assert_eq!(acts.list_entries(request).await.unwrap().entries, []);
        for author in AGENCIES {
            let journal = acts.journal(author).await.unwrap();
            assert!(journal.iter().all(|it| !it.matter.contains("official") && !it.fact_type.contains("official")));
        }
    }
    // At IPA she is but an official of its own, who read once; so the other's acts must be looked at.
    let store = pair.ipa.store().unwrap();
    let own = Journal::Of(Agency::Ppc);
    for held in store.entries(own, 1, 500).await.unwrap() {
        let entry = format!("{:?}", held);
        assert!(!entry.contains(SUZUKI_ID), "{entry}");
    }
    assert!(store.page(&matter).await.unwrap().is_none());
}

#[tokio::test]
async fn the_other_agencys_database_never_names_an_official() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let seen = items(&ppc).get_item(get(&it)).await.unwrap().into_inner();
    items(&ppc).acknowledge_item(ppc.acknowledging(&seen)).await.unwrap();
    ppc.bar(SUZUKI_ID).await.unwrap();
    let checkpoint = CheckpointAuditRequest { request_id: ppc.request_id() };
    ppc.checkpoint(checkpoint).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let holds = |agency: Agency| {
        let bytes = database::bytes(&pair.setup, agency).unwrap();
        bytes.windows(SUZUKI_ID.len()).any(|it| it == SUZUKI_ID.as_bytes())
    };
    assert_eq!((holds(Agency::Ppc), holds(Agency::Ipa)), (true, false));
    assert!(!pair.ipa.log().contains(SUZUKI_ID));
}

#[tokio::test]
async fn nobody_bars_themselves_or_an_official_of_the_other_agency() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, _ipa) = both(&pair).unwrap();
    let client = ppc.desk.officials().unwrap();
    let bar = async |name: &str, reason: BarReason| {
        let (request_id, name) = (ppc.request_id(), name.to_owned());
        let request = BarOfficialRequest { request_id, name, reason: reason.into() };
        client.clone().bar_official(request).await.map(|it| it.into_inner()).map_err(CallError::from)
    };
    let unbar = async |name: &str| {
        let request = UnbarOfficialRequest { request_id: ppc.request_id(), name: name.to_owned() };
        client.clone().unbar_official(request).await.map(|it| it.into_inner()).map_err(CallError::from)
    };
    let (left, hers) = (BarReason::Left, ppc.official_name("suzuki"));
    refused(bar("agencies/ppc/officials/tanaka", left).await, Reason::FieldInvalid, "name");
    for other in ["agencies/ipa/officials/tanaka", "agencies/ipa/officials/suzuki"] {
        refused(bar(other, left).await, Reason::NotFound, "");
        refused(unbar(other).await, Reason::NotFound, "");
    }
    refused(bar("agencies/ppc/officials/鈴木", left).await, Reason::FieldInvalid, "name");
    refused(bar(&hers, BarReason::Unspecified).await, Reason::FieldInvalid, "reason");
    refused(unbar(&hers).await, Reason::WrongState, "");
    bar(&hers, left).await.unwrap();
    refused(bar(&hers, left).await, Reason::WrongState, "");
    // Another id of the same letters is another official.
    bar(&ppc.official_name("Suzuki"), left).await.unwrap();
    let names: Vec<String> = ppc.barred().await.unwrap().into_iter().map(|it: Barred| it.name).collect();
    assert_eq!(names, [ppc.official_name("Suzuki"), hers.clone()]);
    unbar(&hers).await.unwrap();
    refused(unbar(&hers).await, Reason::WrongState, "");
    // Private facts appear in no feed.
    let last = ppc.publish(ppc.publishing("last")).await.unwrap().name;
    for caller in ["casework", "operator", "auditor"] {
        let sato = ppc.desk.on_behalf_of(caller, Official::from_static("sato")).unwrap();
        let mut feed = Watch::open(sato, "-", "").await.unwrap();
        loop {
            let matter = feed.event().await.unwrap().matter;
            assert!(!matter.contains("/officials/"), "{caller}: {matter}");
            if matter == last {
                break;
            }
        }
    }
}
