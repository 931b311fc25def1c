//! The parts of the contract on which generated code in other languages depends: the options of each file, and names
//! that no language has to change.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{FileDescriptor, MessageDescriptor, Value};

use crate::{POOL, methods, reachable};

/// Python's keywords. A field with such a name cannot be read as an attribute.
const PYTHON: &str = "False None True and as assert async await break class continue def del elif else except finally for \
                      from global if import in is lambda nonlocal not or pass raise return try while with yield";
/// Rust's keywords. A field with such a name is escaped. The other languages put words around a field's name, or write
/// it with a capital, which none of their keywords has.
const RUST: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn \
                    for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct \
                    super trait true try type typeof unsafe unsized use virtual where while yield";
/// Resources whose names end as those of requests do. Collections and case numbers are named after them.
const NAMED_AS_REQUESTS: [&str; 1] = ["renkei.advice.v1.AdviceRequest"];

/// The files of the contract without the foreign ones.
fn files() -> Vec<FileDescriptor> {
    POOL.files().filter(|file| file.package_name().starts_with("renkei.")).collect()
}

/// Every message of the contract, nested ones too.
fn messages() -> Vec<MessageDescriptor> {
    reachable(POOL.all_messages())
}

/// `external_id` as `ExternalId`.
fn pascal(name: &str) -> String {
    let words = name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect()
}

/// An option of a file, as protoc reads it.
fn file_option(file: &FileDescriptor, name: &str) -> Option<Value> {
    file.options().get_field_by_name(name).map(std::borrow::Cow::into_owned)
}

/// The name that Java gives to the class of a file itself.
fn outer_class(file: &FileDescriptor) -> String {
    let stem = file.name().rsplit('/').next().and_then(|name| name.strip_suffix(".proto")).unwrap();
    format!("{}Proto", pascal(stem))
}

#[test]
fn every_file_names_its_place_in_other_languages() {
    assert!(files().len() > 20);
    for file in files() {
        let package = file.package_name();
        let [_, name, version] = package.split('.').collect::<Vec<_>>()[..] else { panic!("{package}") };
        let path = package.replace('.', "/");
        assert!(file.name().starts_with(&format!("{path}/")), "{} is outside of {path}", file.name());
        let expected = [
            ("csharp_namespace", format!("Renkei.{}.{}", pascal(name), pascal(version))),
            ("go_package", format!("renkei.dev/gen/go/{path};{name}{version}")),
            ("java_outer_classname", outer_class(&file)),
            ("java_package", format!("dev.{package}")),
        ];
        for (option, expected) in expected {
            assert_eq!(file_option(&file, option), Some(Value::String(expected)), "{}: {option}", file.name());
        }
        let apart = file_option(&file, "java_multiple_files");
        assert_eq!(apart, Some(Value::Bool(true)), "{}: java_multiple_files", file.name());
    }
}

/// Java puts the class of a file beside those of its messages, enums and services.
#[test]
fn no_outer_class_of_java_is_named_as_another_class_of_its_package() {
    let mut classes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files() {
        let mut add = |class: String| {
            let package = classes.entry(file.package_name().to_owned()).or_default();
            assert!(package.insert(class.to_lowercase()), "{}: {class} twice, or but for its case", file.name());
        };
        add(outer_class(&file));
        file.enums().for_each(|list| add(list.name().to_owned()));
        file.services().for_each(|service| add(format!("{}Grpc", service.name())));
        for message in file.messages() {
            add(message.name().to_owned());
            add(format!("{}OrBuilder", message.name()));
        }
    }
}

#[test]
fn no_field_or_choice_is_named_with_a_keyword() {
    let keywords: BTreeSet<&str> = [PYTHON, RUST].into_iter().flat_map(str::split_whitespace).collect();
    for message in messages() {
        let choices = message.oneofs().map(|oneof| oneof.name().to_owned()).collect::<Vec<_>>();
        for name in message.fields().map(|field| field.name().to_owned()).chain(choices) {
            assert!(!keywords.contains(name.as_str()), "{}.{name} is a keyword", message.full_name());
        }
    }
}

/// C# makes a property of each field, and a class may have no member of its own name: the field would be renamed.
#[test]
fn no_field_is_named_as_its_message() {
    for message in messages() {
        for field in message.fields() {
            assert_ne!(pascal(field.name()), message.name(), "{}", field.full_name());
        }
    }
}

/// The one method that begins with the word: the memorandum's own act is to request consent, and the resource that it makes is
/// named otherwise (`RequestedConsent`).
const ASKED_FOR: &str = "RequestConsent";

#[test]
fn every_message_named_request_or_response_belongs_to_a_method() {
    let mut exchanged = BTreeSet::from(NAMED_AS_REQUESTS.map(str::to_owned));
    for method in methods() {
        assert_eq!(method.input().name(), format!("{}Request", method.name()), "{}", method.full_name());
        let reads_as_resource = method.name().starts_with("Request") && method.name() != ASKED_FOR;
        assert!(!reads_as_resource, "{}: its request reads as a resource", method.full_name());
        exchanged.extend([method.input().full_name().to_owned(), method.output().full_name().to_owned()]);
    }
    for message in messages() {
        let (name, full_name) = (message.name(), message.full_name());
        if name.ends_with("Request") || name.ends_with("Response") {
            assert!(exchanged.contains(full_name), "{full_name} belongs to no method");
        }
    }
}
