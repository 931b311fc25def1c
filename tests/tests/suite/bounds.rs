//! The comment of a field states its bounds: generated code shows comments, and no options.

use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use crate::reference::{number, of_field, of_the_desk, rules};

/// Greater numbers only keep a value within its type.
const NO_BOUND: u64 = 1 << 62;

const REQUIRED: &str = "required";

#[test]
fn the_comment_of_each_field_states_its_bounds() {
    let mut missing = Vec::new();
    for field in of_the_desk().iter().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let comment = of_field(&field).to_lowercase();
        for phrases in rules(&field).map(|rules| stated(&rules)).unwrap_or_default() {
            if !phrases.iter().any(|phrase| comment.contains(&phrase.to_lowercase())) {
                let (file, name) = (field.parent_file(), field.full_name());
                missing.push(format!("{}: {name}: {:?}", file.name(), phrases.join(" or ")));
            }
        }
    }
    assert!(missing.is_empty(), "{} bounds are in no comment:\n{}", missing.len(), missing.join("\n"));
}

/// What the comment of a field with these rules must contain: one text of each list.
fn stated(rules: &DynamicMessage) -> Vec<Vec<String>> {
    let get = |name: &str| rules.get_field_by_name(name).filter(|_| rules.has_field_by_name(name));
    let digits = |name: &str| get(name).map(|value| number(&value));
    let mut all = Vec::new();
    match rules.descriptor().name() {
        kind @ ("StringRules" | "BytesRules") => {
            let unit = if kind == "BytesRules" { " bytes" } else { " characters" };
            match digits("pattern") {
                // The form of a text is code, such as `YYYY-MM-DD`, and most forms have a length.
                Some(pattern) => {
                    all.push(vec!["`".to_owned()]);
                    if pattern.contains(['*', '+']) {
                        all.extend(range(None, digits("max_len"), unit));
                    }
                }
                None => all.extend(range(digits("min_len"), digits("max_len"), unit)),
            }
            if let Some(length) = digits("len").filter(|_| get("pattern").is_none()) {
                all.push(vec![format!("{}{unit}", grouped(&length))]);
            }
            if get("uuid").is_some() {
                all.push(vec!["UUID".to_owned()]);
            }
        }
        "RepeatedRules" => all.extend(range(digits("min_items"), digits("max_items"), "")),
        // The value that is never used is refused.
        "EnumRules" if get("not_in").is_some() => all.push(vec![REQUIRED.to_owned()]),
        _ => all.extend(range(digits("gte"), digits("lte"), "")),
    }
    for (rule, value) in rules.fields() {
        match value {
            // A list need not have an item that may not be missing in it.
            Value::Message(inner) if rule.name() == "items" => {
                all.extend(stated(inner).into_iter().filter(|phrases| phrases[0] != REQUIRED));
            }
            Value::Message(inner) => all.extend(stated(inner)),
            Value::Bool(true) if rule.name() == "required" => all.push(vec![REQUIRED.to_owned()]),
            _ => {}
        }
    }
    all
}

fn range(least: Option<String>, most: Option<String>, unit: &str) -> Option<Vec<String>> {
    let most = most.filter(|most| most.parse::<u64>().is_ok_and(|most| most < NO_BOUND));
    Some(match (least, most) {
        (Some(least), Some(most)) => {
            vec![format!("{}-{}{unit}", grouped(&least), grouped(&most)), format!("{least}-{most}{unit}")]
        }
        // A range from 1 on has a meaning of its own for 0.
        (None, Some(most)) => {
            vec![format!("at most {}{unit}", grouped(&most)), format!("1-{}{unit}", grouped(&most))]
        }
        (Some(least), None) => vec![format!("at least {}{unit}", grouped(&least))],
        (None, None) => return None,
    })
}

/// A number as the comments write it: `4,000`.
fn grouped(number: &str) -> String {
    let length = number.len();
    let grouped = number.chars().enumerate().flat_map(|(at, digit)| {
        let comma = (at > 0 && (length - at).is_multiple_of(3)).then_some(',');
        comma.into_iter().chain([digit])
    });
    grouped.collect()
}
