//! The Japanese names of values, as every desk can read them.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::DescriptorPool;
use renkei_proto::{
    FILE_DESCRIPTOR_SET,
    contract::v1::{ListNamesRequest, ListNamesResponse},
};
use renkei_tools::{
    acts::{Acts, both},
    pair::Pair,
    scenario::start,
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
