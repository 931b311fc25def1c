//! The Japanese names of values, as every desk can read them.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::DescriptorPool;
use renkei_domain::moment::stamp;
use renkei_proto::{
    FILE_DESCRIPTOR_SET, RULES,
    contract::v1::{
        ListNamesRequest, ListNamesResponse, WhoAmIRequest, contract_service_client::ContractServiceClient,
    },
    options::v1::{Role, Surface},
    r#type::v1::Purpose,
};
use renkei_tools::{
    acts::{Acts, both},
    desk::TANAKA,
    pair::Pair,
    scenario::start,
    setup::{AGENCIES, CALLERS},
};

/// The names on which both agencies have agreed for states, by the enum.
const STATES: [(&str, &[(&str, &str)]); 4] = [
    (
        "renkei.advice.v1.AdviceRequest.State",
        &[
            ("STATE_SUBMITTED", "受付待ち"),
            ("STATE_ACCEPTED", "対応中"),
            ("STATE_CLARIFYING", "照会中"),
            ("STATE_HANDED_BACK", "補正依頼中（差戻し）"),
            ("STATE_ANSWERED", "回答済（了知待ち）"),
            ("STATE_CLOSED", "了知済"),
            ("STATE_DECLINED", "対応困難（回答済）"),
            ("STATE_WITHDRAWN", "取下げ"),
        ],
    ),
    (
        "renkei.agreement.v1.Notice.State",
        &[("STATE_PENDING_ARRIVAL", "到達確認待ち"), ("STATE_ARRIVED", "到達済"), ("STATE_WITHDRAWN", "取下げ済")],
    ),
    (
        "renkei.referral.v1.Referral.State",
        &[
            ("STATE_ISSUED", "紹介未了"),
            ("STATE_DISCHARGED", "紹介不要"),
            ("STATE_GIVEN", "紹介済"),
            ("STATE_FOLLOWED_UP", "届出・報告確認済"),
        ],
    ),
    ("renkei.sharing.v1.Item.State", &[("STATE_PUBLISHED", "共有中"), ("STATE_RECALLED", "共有停止")]),
];

async fn names(acts: &Acts) -> ListNamesResponse {
    acts.desk.contract().unwrap().list_names(ListNamesRequest {}).await.unwrap().into_inner()
}

#[tokio::test]
async fn every_system_learns_who_it_is_and_what_it_may_do() {
    let pair = Pair::in_process(start().unwrap(), 2).await.unwrap();
    for agency in AGENCIES {
        for (name, role, unit) in CALLERS {
            let official = TANAKA.with_purpose(Purpose::Policy);
            let channel = pair.side(agency).desk.on_behalf_of(name, official).unwrap();
            let it = ContractServiceClient::new(channel).who_am_i(WhoAmIRequest {}).await.unwrap().into_inner();
            let role = Role::from_str_name(&format!("ROLE_{}", role.to_uppercase())).unwrap();
            assert_eq!(it.caller, format!("spiffe://{}/desk/{name}", agency.id()));
            assert_eq!((it.agency(), it.roles().collect::<Vec<_>>()), (agency, vec![role]));
            assert_eq!((it.unit.as_str(), it.official.as_str(), it.purpose()), (unit, "tanaka", Purpose::Policy));
            assert_eq!(it.time, Some(stamp(pair.clock.now())));
            let limits = it.limits.unwrap();
            assert!(limits.message_bytes >= 1 << 20 && limits.calls > 0 && limits.lists > 0 && limits.watches == 16);
            let versions = it.versions.unwrap();
            assert_eq!(versions.service, env!("CARGO_PKG_VERSION"));
            assert_eq!(versions.agreement_digest, renkei_domain::memorandum::agreement_digest());
            assert!(!versions.holidays.is_empty());
            let permitted = |path: &str| it.methods.iter().any(|method| path == format!("/{method}"));
            for rule in RULES {
                let is_here = rule.surface == Surface::Desk && rule.served_by.contains(&agency);
                assert_eq!(permitted(rule.path), is_here && rule.roles.contains(&role), "{name} {}", rule.path);
            }
            assert!(it.methods.is_sorted());
        }
    }
}

#[tokio::test]
async fn both_desks_name_every_value_of_the_contract_in_japanese() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let listed = names(&ppc).await;
    assert_eq!(listed, names(&ipa).await);

    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let ours = pool.all_enums().filter(|list| list.package_name().starts_with("renkei."));
    let expected: BTreeMap<String, Vec<i32>> = ours
        .map(|list| {
            let mut numbers: Vec<i32> = list.values().map(|value| value.number()).filter(|it| *it != 0).collect();
            numbers.sort_unstable();
            (list.full_name().to_owned(), numbers)
        })
        .collect();
    let found: Vec<(String, Vec<i32>)> =
        listed.enums.iter().map(|it| (it.name.clone(), it.values.iter().map(|value| value.number).collect())).collect();
    // The descriptors are in alphabetical order as well, because the map is.
    assert_eq!(found, expected.into_iter().collect::<Vec<_>>());

    let fact = pool.get_message_by_name("renkei.journal.v1.Fact").unwrap();
    let ours = fact.oneofs().flat_map(|oneof| oneof.fields().collect::<Vec<_>>());
    let mut kinds: Vec<(u32, String)> = ours.map(|field| (field.number(), field.name().to_owned())).collect();
    kinds.sort_unstable();
    let found = listed.facts.iter().map(|it| (u32::try_from(it.number).unwrap(), it.value.clone()));
    assert_eq!(found.collect::<Vec<_>>(), kinds);
    let names: BTreeSet<&str> = listed.facts.iter().map(|it| it.ja.as_str()).collect();
    assert_eq!((names.len(), names.contains("")), (kinds.len(), false));
    assert!(listed.facts.iter().any(|it| (it.value.as_str(), it.ja.as_str()) == ("advice_further_asked", "再照会")));

    let named: BTreeMap<(&str, &str), &str> = listed
        .enums
        .iter()
        .flat_map(|it| it.values.iter().map(|value| ((it.name.as_str(), value.value.as_str()), value.ja.as_str())))
        .collect();
    for (list, states) in STATES {
        for &(state, ja) in states {
            assert_eq!(named.get(&(list, state)), Some(&ja), "{list} {state}");
        }
    }
}
