//! Must-fail vectors: every rule of every message that may arrive is broken in turn. The file beside contains them for
//! other languages (`tests/clients/python/parity.py`); it is written again with `RENKEI_WRITE_VECTORS=1`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    sync::LazyLock,
};

use prost_reflect::prost::Message as _;
use renkei_proto::{
    Validate as _,
    journal::v1::{Entry, Receipt},
    link::v1::EntryBatch,
    r#type::v1::Agency,
};
use serde_json::json;

use crate::{arriving, cases::cases, checks, samples::samples};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.json");

type Broken = BTreeSet<(String, String)>;

/// The type and bytes of a message with the rules that it breaks. Each change is made in the first sample that has room
/// for it.
static VECTORS: LazyLock<BTreeMap<(String, Vec<u8>), Broken>> = LazyLock::new(|| {
    let mut found = BTreeMap::new();
    for message in arriving() {
        let (name, mut made) = (message.full_name(), BTreeSet::new());
        for sample in samples(&message) {
            found.insert((name.to_owned(), sample.encode_to_vec()), Broken::new());
            for case in cases(&sample).into_iter().filter(|case| made.insert(case.change.clone())) {
                found.insert((name.to_owned(), case.message.encode_to_vec()), case.broken);
            }
        }
    }
    found
});

#[test]
fn everything_that_may_arrive_is_checked() {
    let listed: Vec<String> = checks::CHECKS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let arriving: Vec<String> = arriving().iter().map(|message| message.full_name().to_owned()).collect();
    assert_eq!(listed, arriving);
}

#[test]
fn a_broken_rule_is_reported_at_its_field_and_nothing_else() {
    for ((name, bytes), broken) in &*VECTORS {
        let found = checks::violations(name, bytes);
        let reported: Broken = found.iter().map(|broken| (broken.field.clone(), broken.rule.to_owned())).collect();
        assert_eq!(&reported, broken, "{name} {}", packed(bytes));
        assert_eq!(found.len(), broken.len(), "{name}: reported twice");
        assert!(
            found.iter().all(|it| !it.must.english.is_empty() && !it.must.japanese.is_empty()),
            "{name}: a rule without words"
        );
    }
}

/// A type with fields but without any rule would make the test above an empty promise.
#[test]
fn every_message_that_may_arrive_can_be_refused() {
    let refused: BTreeSet<String> =
        VECTORS.iter().filter(|(_, broken)| !broken.is_empty()).map(|((name, _), _)| name.clone()).collect();
    let arriving = arriving().into_iter().filter(|message| message.fields().len() > 0);
    let arriving: BTreeSet<String> = arriving.map(|message| message.full_name().to_owned()).collect();
    assert_eq!(refused, arriving);
}

#[test]
fn the_vectors_for_other_languages_are_current() {
    let mut rows = Vec::new();
    for ((name, bytes), broken) in &*VECTORS {
        rows.push(json!([name, packed(bytes), broken]).to_string());
    }
    let text = format!("[\n{}\n]\n", rows.join(",\n"));
    #[expect(clippy::disallowed_methods, reason = "the only way to tell a test something from outside")]
    let write = std::env::var_os("RENKEI_WRITE_VECTORS").is_some();
    if write {
        fs::write(FILE, &text).unwrap();
    }
    let held = fs::read_to_string(Path::new(FILE)).unwrap_or_default();
    assert!(held == text, "{FILE} is out of date: run the test once with RENKEI_WRITE_VECTORS=1");
}

/// Hex, in which `(e38182*2000)` means these bytes two thousand times.
fn packed(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        // Only a unit that is repeated at least eight times is packed.
        let mut units = (1..=(rest.len() / 8).min(200)).filter(|unit| rest[..8 * unit].ends_with(&rest[..*unit]));
        let run = units.find_map(|unit| {
            let times = rest.chunks_exact(unit).take_while(|chunk| *chunk == &rest[..unit]).count();
            (times >= 8).then_some((unit, times))
        });
        if let Some((unit, times)) = run {
            let hex = hex::encode(&rest[..unit]);
            write!(out, "({hex}*{times})").unwrap();
            rest = &rest[unit * times..];
        } else {
            write!(out, "{first:02x}").unwrap();
            rest = &rest[1..];
        }
    }
    out
}

#[test]
fn an_instant_outside_the_years_1_to_9999_is_refused() {
    let receipt = |seconds, nanos| Receipt {
        journal: Agency::Ppc.into(),
        up_to_seq: 1,
        head_hash: vec![7; 32],
        own_seq: 1,
        at: Some(prost_types::Timestamp { seconds, nanos }),
    };
    for (seconds, nanos) in [(0, 0), (-62_135_596_800, 0), (253_402_300_799, 999_999_999)] {
        assert_eq!(receipt(seconds, nanos).violations(), [], "{seconds} {nanos}");
    }
    for (seconds, nanos) in [(-62_135_596_801, 0), (253_402_300_800, 0), (0, -1), (0, 1_000_000_000)] {
        let found = receipt(seconds, nanos).violations();
        assert_eq!(found.len(), 1, "{seconds} {nanos}");
        assert_eq!((found[0].field.as_str(), found[0].rule), ("at", "timestamp"));
    }
}

#[test]
fn at_most_fifty_broken_rules_are_reported() {
    let entries = EntryBatch { journal: Agency::Ppc.into(), entries: vec![Entry::default(); 256] };
    assert_eq!(entries.violations().len(), 50);
}

#[test]
fn a_violation_tells_the_limit_and_never_the_value() {
    let entry = Entry { key_id: "himitsu!".repeat(20), ..Entry::default() };
    let found = entry.violations();
    let key = found.iter().find(|broken| broken.field == "key_id" && broken.rule == "string.max_len").unwrap();
    assert_eq!(key.must, ("at most 64 characters", "64文字以内で指定してください。").into());
    assert!(found.iter().all(|broken| !format!("{:?}", broken.must).contains("himitsu")));
}
