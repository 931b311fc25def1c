//! The contract keeps its own promises: every method has its rule, every fact its author, every field its bound, and
//! every violation is reported as that rule and nothing else.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod bounds;
mod cases;
mod checks;
mod facts;
mod languages;
mod methods;
mod reasons;
mod rules;
mod samples;
mod services;
mod vectors;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage as _,
};

/// The contract with its options.
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(renkei_proto::FILE_DESCRIPTOR_SET).expect("the contract decodes"));

/// Every method of the contract.
fn methods() -> Vec<MethodDescriptor> {
    let ours = POOL.services().filter(|service| service.package_name().starts_with("renkei."));
    ours.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// The option of a method or field with this name, if it is there.
fn option(options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let extension = POOL.get_extension_by_name(name).expect("the contract has the option");
    options.has_extension(&extension).then(|| options.get_extension(&extension).as_message().unwrap().clone())
}

/// The messages that another party may send: requests, both sides of the link, signed parts, and contents. Signed parts
/// travel as bytes inside an entry, so they cannot be reached from the frames.
fn arriving() -> Vec<MessageDescriptor> {
    let mut found = BTreeMap::new();
    let mut add = |message: MessageDescriptor| found.insert(message.full_name().to_owned(), message);
    for method in methods() {
        add(method.input());
        if method.is_client_streaming() {
            add(method.output());
        }
    }
    for message in POOL.all_messages().filter(|message| message.package_name().starts_with("renkei.")) {
        let signed = ["Header", "Fact", "Entry", "Receipt"].contains(&message.name())
            && message.package_name() == "renkei.journal.v1"
            || message.full_name() == "renkei.link.v1.Stop";
        if message.name().ends_with("Content") || signed {
            add(message);
        }
    }
    found.into_values().collect()
}

/// The messages of the contract that are reachable from these, and these themselves.
fn reachable(roots: impl IntoIterator<Item = MessageDescriptor>) -> Vec<MessageDescriptor> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut open: Vec<MessageDescriptor> = roots.into_iter().collect();
    while let Some(message) = open.pop() {
        if message.package_name().starts_with("renkei.") && seen.insert(message.full_name().to_owned()) {
            open.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
            found.push(message);
        }
    }
    found
}

/// The fields of the oneof `Fact.fact`.
fn facts() -> Vec<FieldDescriptor> {
    message("renkei.journal.v1.Fact").fields().filter(|field| field.containing_oneof().is_some()).collect()
}

fn message(full_name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(full_name).unwrap_or_else(|| panic!("the contract has no {full_name}"))
}

/// The name of an enum field's value, such as `AUTHOR_PPC`.
fn enum_name(message: &DynamicMessage, field: &str) -> String {
    let descriptor = message.descriptor().get_field_by_name(field).expect("the field exists");
    let Kind::Enum(list) = descriptor.kind() else { panic!("{field} is not an enum") };
    let number = message.get_field(&descriptor).as_enum_number().expect("an enum number");
    list.get_value(number).expect("a known number").name().to_owned()
}
