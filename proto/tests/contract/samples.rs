//! Messages that obey every rule, made from the rules alone.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::rules::Rules;

/// A text for each pattern of the contract.
const TEXTS: &[(&str, &str)] = &[
    ("^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})?$", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("^(T[0-9]{4}([.][0-9]{3})?|G[0-9]{4}|S[0-9]{4}|TA[0-9]{4}|M[0-9]{4}|C[0-9]{4})$", "T1505.003"),
    ("^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", "2026-11-24"),
    ("^([a-z0-9][a-z0-9-]{0,63})?$", "security-center"),
    ("^([A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,189})?$", "todoke@example.jp"),
    ("^(agencies/(ppc|ipa)/entries/[1-9][0-9]{0,17})?$", "agencies/ipa/entries/42"),
    ("^(agencies/(ppc|ipa)/schemes/[a-z][a-z0-9-]{0,63})?$", "agencies/ipa/schemes/virus"),
    ("^(agreement|agencies/(ppc|ipa)/[A-Za-z]+(/[A-Za-z0-9-]{1,64})?)?$", "agreement"),
    ("^(agreement|agencies/(ppc|ipa)/[A-Za-z]+(/[A-Za-z0-9._@-]{1,64})?)$", "agencies/ipa/journal"),
    (
        "^(agencies/(ppc|ipa)/items/[0-9a-f-]{36}|\\p{Han}.{1,62})$",
        "agencies/ipa/items/0198c0de-0000-7000-8000-00000000abcd",
    ),
    ("^(agencies/(ppc|ipa)/referrals/[0-9a-f-]{36}|\\p{Han}.{1,62})$", "乙-R08-REF-0001"),
    ("^(agencies/ppc/adviceRequests/[0-9a-f-]{36}|\\p{Han}.{1,62})$", "甲 令和8年 ADV 12"),
    ("^CVE-[0-9]{4}-[0-9]{4,12}$", "CVE-2021-44228"),
    ("^CVSS:[34][.][0-9](/[A-Z]{1,3}:[A-Za-z]{1,5}){4,40}$", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    ("^CWE-[0-9]{1,6}$", "CWE-79"),
    ("^JVN(VU|TA)?#[0-9]{8}$", "JVNVU#97658321"),
    ("^JVNDB-[0-9]{4}-[0-9]{6}$", "JVNDB-2026-001234"),
    (r"^([\p{L}\p{N}][\p{L}\p{N}()./_-]*)?$", "個情第1234号"),
    (r"^[\p{L}\p{N}][\p{L}\p{N}()./_-]*$", "個情第1234号"),
    ("^[0-9+() -]*$", "+81 (0)3-0000-0000"),
    ("^[0-9]{1,3}([.][0-9]{1,3})?$", "17.1"),
    ("^[0-9]{4}-(0[1-9]|1[0-2])$", "2026-11"),
    ("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "2026-11-24"),
    ("^[A-Z]{3}$", "ADV"),
    ("^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$", "R-2026/0042.a"),
    ("^[a-z0-9-]*$", "jiken-1"),
    ("^[a-z0-9][a-z0-9!#$&^_.+-]{0,49}/[a-z0-9][a-z0-9!#$&^_.+-]{0,48}$", "application/pdf"),
    ("^[a-z0-9][a-z0-9-]{0,63}$", "2026-a"),
    ("^[a-z0-9][a-z0-9-]{0,63}/[wr]$", "ppc-1/w"),
    ("^[a-z][a-z0-9-]{0,63}$", "virus"),
    ("^[a-z][a-z_]{0,63}$", "referral_issued"),
    (
        "^agencies/(ppc|ipa)/(adviceRequests|items)/[0-9a-f-]{36}$",
        "agencies/ppc/items/0198c0de-0000-7000-8000-00000000abcd",
    ),
    ("^agencies/(ppc|ipa)/entries/[1-9][0-9]{0,17}$", "agencies/ipa/entries/42"),
    ("^agencies/(ppc|ipa)/items/[0-9a-f-]{36}$", "agencies/ipa/items/0198c0de-0000-7000-8000-00000000abcd"),
    ("^agencies/(ppc|ipa)/officials/[A-Za-z0-9._@-]{1,64}$", "agencies/ppc/officials/yamada.hanako"),
    ("^agencies/(ppc|ipa)/referralCounts/[0-9]{4}-(0[1-9]|1[0-2])$", "agencies/ppc/referralCounts/2026-10"),
    ("^agencies/(ppc|ipa)/referrals/[0-9a-f-]{36}$", "agencies/ppc/referrals/0198c0de-0000-7000-8000-00000000abcd"),
    ("^agencies/(ppc|ipa)/schemes/[a-z][a-z0-9-]{0,63}$", "agencies/ipa/schemes/virus"),
    ("^agencies/(ppc|ipa|-)$", "agencies/-"),
    ("^agencies/ipa/entries/[1-9][0-9]{0,17}$", "agencies/ipa/entries/42"),
    ("^agencies/ppc/adviceRequests/[0-9a-f-]{36}$", "agencies/ppc/adviceRequests/0198c0de-0000-7000-8000-00000000abcd"),
    ("^agencies/ppc/entries/[1-9][0-9]{0,17}$", "agencies/ppc/entries/42"),
    ("^https://[!-~]+$", "https://www.example.jp/todokede"),
    ("^jp-[0-9]{4}-[0-9]{4}$", "jp-2023-2027"),
];

/// Messages of this type that obey every rule: so many that each alternative of a oneof occurs in one.
pub fn samples(message: &MessageDescriptor) -> Vec<DynamicMessage> {
    let fields: Vec<(FieldDescriptor, Vec<Value>)> = message
        .fields()
        .filter(|field| field.containing_oneof().is_none())
        .map(|field| (field.clone(), values(&field)))
        .collect();
    let choices: Vec<(FieldDescriptor, Value)> = message
        .oneofs()
        .flat_map(|oneof| oneof.fields().collect::<Vec<_>>())
        .flat_map(|field| values(&field).into_iter().map(move |value| (field.clone(), value)))
        .collect();
    let count = fields.iter().map(|(_, values)| values.len()).max().unwrap_or(1).max(choices.len());
    (0..count)
        .map(|i| {
            let mut sample = DynamicMessage::new(message.clone());
            for (field, values) in &fields {
                sample.set_field(field, values[i % values.len()].clone());
            }
            if let Some((field, value)) = choices.get(i % choices.len().max(1)) {
                sample.set_field(field, value.clone());
            }
            sample
        })
        .collect()
}

/// Values of a field that obey its rules; several only if there is a oneof inside.
fn values(field: &FieldDescriptor) -> Vec<Value> {
    let rules = Rules::of(field);
    let singles = match field.kind() {
        Kind::Message(inner) => samples(&inner).into_iter().map(Value::Message).collect(),
        kind => vec![scalar(field, &kind, &rules.clone().of_values(field))],
    };
    if !field.is_list() {
        return singles;
    }
    let count = rules.min_items.unwrap_or(1).max(1);
    singles.into_iter().map(|value| Value::List(vec![value; count])).collect()
}

fn scalar(field: &FieldDescriptor, kind: &Kind, rules: &Rules) -> Value {
    let number = rules.number.or(rules.gte).unwrap_or(1);
    match kind {
        Kind::String => Value::String(text(rules)),
        Kind::Bytes => Value::Bytes(vec![7; rules.len.or(rules.min_len).unwrap_or(1)].into()),
        Kind::Bool => Value::Bool(true),
        Kind::Uint32 => Value::U32(u32::try_from(number).expect("a small number")),
        Kind::Uint64 => Value::U64(number),
        Kind::Int32 => Value::I32(1),
        Kind::Int64 => Value::I64(1),
        Kind::Enum(list) => {
            let first = list.values().map(|value| value.number()).find(|number| *number != 0);
            Value::EnumNumber(first.expect("an enum has more than its zero"))
        }
        other => panic!("{}: the tests do not know {other:?}", field.full_name()),
    }
}

fn text(rules: &Rules) -> String {
    if let Some(only) = &rules.text {
        return only.clone();
    }
    if rules.uuid {
        return "0198c0de-0000-7000-8000-00000000abcd".to_owned();
    }
    if let Some(pattern) = &rules.pattern {
        let found = TEXTS.iter().find(|(known, _)| known == pattern);
        return found.unwrap_or_else(|| panic!("add a text for the pattern {pattern}")).1.to_owned();
    }
    "あ".repeat(rules.len.or(rules.min_len).unwrap_or(1))
}
