//! Everything has a bound (blueprint, section 2).

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::{arriving, message, methods, reachable, rules::Rules};

const MOST_CHARACTERS: usize = 100_000;
const MOST_BYTES: usize = 1024 * 1024;
const MOST_ITEMS: usize = 100;
/// Lists that may be longer.
const LONGER: &[(&str, usize)] = &[
    // A batch on the link.
    ("renkei.link.v1.EntryBatch.entries", 256),
    // Names of kinds count as ids.
    ("renkei.journal.v1.KindsSpoken.kinds", 500),
    // The schemes of both agencies, at most a hundred each.
    ("renkei.referral.v1.ReferralsCounted.schemes", 200),
];

fn arriving_fields() -> Vec<FieldDescriptor> {
    fields(reachable(arriving()))
}

fn fields(messages: Vec<MessageDescriptor>) -> Vec<FieldDescriptor> {
    messages.iter().flat_map(|message| message.fields().collect::<Vec<_>>()).collect()
}

#[test]
fn every_text_has_a_most_length() {
    for field in arriving_fields().iter().filter(|field| field.kind() == Kind::String) {
        let rules = Rules::of(field).of_values(field);
        let own = rules.text.as_ref().map(|text| text.len()).or(rules.uuid.then_some(36));
        let most = rules.max_len.or(rules.len).or(own);
        let most = most.unwrap_or_else(|| panic!("{} needs max_len, len, const or uuid", field.full_name()));
        assert!(most <= MOST_CHARACTERS, "{}: {most} characters are too many", field.full_name());
    }
}

#[test]
fn all_bytes_have_a_most_length() {
    for field in arriving_fields().iter().filter(|field| field.kind() == Kind::Bytes) {
        let rules = Rules::of(field).of_values(field);
        let most = rules.max_len.or(rules.len).unwrap_or_else(|| panic!("{} needs max_len or len", field.full_name()));
        assert!(most <= MOST_BYTES, "{}: {most} bytes are too many", field.full_name());
    }
}

#[test]
fn every_list_has_a_most_count() {
    for field in arriving_fields().iter().filter(|field| field.is_list()) {
        let name = field.full_name();
        let most = Rules::of(field).max_items.unwrap_or_else(|| panic!("{name} needs max_items"));
        let longer = LONGER.iter().find(|(list, _)| *list == name).map(|(_, most)| *most);
        assert!(most <= longer.unwrap_or(MOST_ITEMS), "{name}: {most} items are too many");
    }
}

/// The bytes of a map have no defined order, and digests cover bytes.
#[test]
fn no_message_whose_bytes_are_compared_contains_a_map() {
    let roots = methods().iter().map(|method| method.input()).chain(arriving()).collect::<Vec<_>>();
    let roots = roots.into_iter().chain([message("renkei.journal.v1.Page")]);
    for field in fields(reachable(roots)) {
        assert!(!field.is_map(), "{} is a map", field.full_name());
    }
}

/// Without anchors a pattern would accept every text that contains a match.
#[test]
fn every_pattern_covers_the_whole_text() {
    for field in arriving_fields() {
        if let Some(pattern) = Rules::of(&field).of_values(&field).pattern {
            let anchored = pattern.starts_with('^') && pattern.ends_with('$');
            assert!(anchored && pattern.is_ascii(), "{}: {pattern}", field.full_name());
        }
    }
}
