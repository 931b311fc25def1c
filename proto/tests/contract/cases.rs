//! Turns a message that obeys every rule into messages that break each rule in turn, or are exactly at its limit.

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

use crate::{option, rules::Rules};

/// A message with the rules that it breaks: path of the field and id of the rule.
pub struct Case {
    /// The change: the same in every sample of a message.
    pub change: String,
    pub message: DynamicMessage,
    pub broken: BTreeSet<(String, String)>,
}

/// One case for each way in which a field of the message, however deep, can break its rules, and for each limit.
pub fn cases(message: &DynamicMessage) -> Vec<Case> {
    let mut out = Vec::new();
    let descriptor = message.descriptor();
    for oneof in descriptor.oneofs() {
        let mut without = message.clone();
        oneof.fields().for_each(|field| without.clear_field(&field));
        let required = option(&oneof.options(), "buf.validate.oneof")
            .and_then(|rules| rules.get_field_by_name("required").and_then(|value| value.as_bool()))
            .unwrap_or_default();
        let broken = required.then(|| (oneof.name().to_owned(), "required".to_owned())).into_iter().collect();
        out.push(Case { change: format!("without {}", oneof.name()), message: without, broken });
    }
    for field in descriptor.fields().filter(|field| message.has_field(field)) {
        for (change, value, broken) in field_cases(&field, &message.get_field(&field)) {
            let mut changed = message.clone();
            match value {
                Some(value) => changed.set_field(&field, value),
                None => changed.clear_field(&field),
            }
            out.push(Case { change, message: changed, broken });
        }
    }
    out
}

/// The name of a change, the new value of the field (`None`: unset), and the rules that the change breaks.
type Change<V = Option<Value>> = (String, V, BTreeSet<(String, String)>);

fn field_cases(field: &FieldDescriptor, sample: &Value) -> Vec<Change> {
    let (name, kind, rules) = (field.name(), field.kind(), Rules::of(field));
    let mut out = Vec::new();
    match sample {
        Value::List(items) => {
            for (change, value, broken) in judged(&rules, &kind, name, sample, lists(&rules, &items[0])) {
                out.push((change, Some(value), broken));
            }
            let inner = value_cases(&rules.of_values(field), &kind, &format!("{name}[0]"), &items[0]);
            for (change, item, broken) in inner {
                let mut changed = items.clone();
                changed[0] = item;
                out.push((change, Some(Value::List(changed)), broken));
            }
        }
        single => {
            if matches!(kind, Kind::Message(_)) && field.containing_oneof().is_none() {
                let broken = rules.required.then(|| (name.to_owned(), "required".to_owned()));
                out.push((format!("without {name}"), None, broken.into_iter().collect()));
            }
            for (change, value, broken) in value_cases(&rules, &kind, name, single) {
                out.push((change, Some(value), broken));
            }
        }
    }
    out
}

/// The same of a single value: a message's inner cases, or a scalar's own.
fn value_cases(rules: &Rules, kind: &Kind, path: &str, sample: &Value) -> Vec<Change<Value>> {
    let Value::Message(inner) = sample else {
        return judged(rules, kind, path, sample, candidates(rules, sample));
    };
    cases(inner)
        .into_iter()
        .map(|case| {
            let broken = case.broken.into_iter().map(|(field, id)| (format!("{path}.{field}"), id)).collect();
            (format!("{path}.{}", case.change), Value::Message(case.message), broken)
        })
        .collect()
}

/// Candidates with the rules that they break; of texts one in ASCII and one beyond for each set of rules. Every rule of
/// the field must be among them.
fn judged(rules: &Rules, kind: &Kind, path: &str, sample: &Value, candidates: Vec<Value>) -> Vec<Change<Value>> {
    assert!(rules.broken(kind, sample).is_empty(), "{path}: the sample {sample:?} breaks {rules:?}");
    let mut met = BTreeSet::new();
    let mut out = Vec::new();
    for (i, value) in candidates.into_iter().enumerate() {
        let broken = rules.broken(kind, &value);
        let ascii = value.as_str().is_none_or(str::is_ascii);
        if met.insert((broken.clone(), ascii)) || value.as_str().is_none() {
            let broken = broken.into_iter().map(|id| (path.to_owned(), id)).collect();
            out.push((format!("{path} {i}"), value, broken));
        }
    }
    let met: BTreeSet<String> = met.into_iter().flat_map(|(broken, _)| broken).collect();
    assert_eq!(met, rules.ids(kind, sample), "{path}: no case for some rule of {rules:?}");
    out
}

/// Values at and just beyond each limit; of those that break the same rules only the first is used.
fn candidates(rules: &Rules, sample: &Value) -> Vec<Value> {
    let limits = [rules.len, rules.max_len, rules.min_len].into_iter().flatten();
    match sample {
        Value::String(text) => {
            let mut out = Vec::new();
            for limit in limits {
                for n in [limit, limit + 1, limit.saturating_sub(1)] {
                    // The limit is in characters, not bytes.
                    out.push("あ".repeat(n));
                    out.push(stretched(text, n));
                }
            }
            // A pattern is anchored at the end of the text, not of a line.
            out.extend([format!("{text}\n"), format!("{text}\u{3000}"), text.replace('-', ""), String::new()]);
            out.into_iter().map(Value::String).collect()
        }
        Value::Bytes(_) => limits
            .flat_map(|limit| [limit, limit + 1, limit.saturating_sub(1)])
            .map(|n| Value::Bytes(vec![7; n].into()))
            .collect(),
        Value::U32(_) | Value::U64(_) => {
            let limits = [rules.number, rules.lte, rules.gte].into_iter().flatten();
            let numbers = limits.flat_map(|n| [n, n.saturating_add(1), n.saturating_sub(1)]);
            let small = matches!(sample, Value::U32(_));
            numbers
                .map(|n| if small { Value::U32(u32::try_from(n).expect("a small number")) } else { Value::U64(n) })
                .collect()
        }
        Value::EnumNumber(_) => [0, 9999, -1].map(Value::EnumNumber).to_vec(),
        _ => Vec::new(),
    }
}

fn lists(rules: &Rules, item: &Value) -> Vec<Value> {
    let limits = [rules.max_items, rules.min_items].into_iter().flatten();
    let counts = limits.flat_map(|n| [n, n + 1, n.saturating_sub(1)]).chain([2]);
    counts.map(|n| Value::List(vec![item.clone(); n])).collect()
}

/// The text with its last character repeated, or its end cut off, so that it has `n` characters.
fn stretched(text: &str, n: usize) -> String {
    text.chars().chain(std::iter::repeat(text.chars().last().unwrap_or('a'))).take(n).collect()
}
