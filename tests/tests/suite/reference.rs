//! The reference of the contract (`docs/errors.md`, `docs/api`): made from the contract and the table of reasons, and compared with
//! what is there. `./dev reference` writes it anew.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::PathBuf,
};

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    ServiceDescriptor, Value,
};
use renkei_proto::options::v1::{Reason, Surface};
use renkei_rpc::{
    comment::{COMMENTED, comment},
    reason::{answer, status_name},
    remedy::{Repeat, meaning, remedy, repeat},
};

use crate::checkout::checkout;

/// The first of the reasons that are no answers to calls: those of refused entries and stopped journals.
const NO_ANSWERS: i32 = 150;

/// The messages of the project that callers of the desk send and get.
pub(crate) fn of_the_desk() -> Vec<MessageDescriptor> {
    let mut shown = Shown::default();
    let methods = COMMENTED.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    for method in methods.filter(|method| rule(method).is_some_and(|rule| rule.surface == Surface::Desk)) {
        shown.follow(&method.input());
        shown.follow(&method.output());
    }
    shown.messages.into_values().filter(|it| it.package_name().starts_with("renkei.")).collect()
}

/// The paragraphs of a comment, which everything in the contract has.
fn paragraphs(file: &FileDescriptor, path: &[i32]) -> String {
    let paragraphs = comment(file, path);
    assert!(!paragraphs.is_empty(), "something in {} has no comment: {path:?}", file.name());
    paragraphs.join("\n\n")
}

/// The comment of a field in one paragraph.
pub(crate) fn of_field(field: &FieldDescriptor) -> String {
    paragraphs(&field.parent_file(), field.path()).replace("\n\n", " ")
}

const HEAD: &str = "<!-- Made from the contract by `./dev reference`; do not edit. -->\n\n";

fn errors() -> String {
    let mut text = format!(
        "{HEAD}# Errors\n\nEvery refused call has a gRPC status with `google.rpc.ErrorInfo` (domain `renkei`, and a reason that never \
         changes its meaning) and `google.rpc.LocalizedMessage` in Japanese, which officials read. `BadRequest` names fields, \
         `PreconditionFailure` comes with FAILED_PRECONDITION, and `RetryInfo` states when the same call may succeed. Programs \
         decide by the reason, never by the sentence. A call that nobody answered may be repeated with the same request id.\n"
    );
    let reasons = COMMENTED.get_enum_by_name("renkei.options.v1.Reason").unwrap();
    let mut part = "";
    for value in reasons.values().filter(|value| value.number() != 0) {
        let reason = Reason::try_from(value.number()).unwrap();
        let answer = answer(reason);
        let heading =
            if value.number() < NO_ANSWERS { "Answers to calls" } else { "Refused entries and stopped journals" };
        if heading != part {
            part = heading;
            let note = match value.number() < NO_ANSWERS {
                true => "",
                false => "\nThese are no answers to calls. `status` and `trace` show them to operators.\n",
            };
            write!(text, "\n## {heading}\n{note}").unwrap();
        }
        write!(text, "\n### {}\n\n", reason.id()).unwrap();
        if value.number() < NO_ANSWERS {
            writeln!(text, "- Status: {}", status_name(answer.code)).unwrap();
        }
        let retry = match repeat(reason) {
            Repeat::After(time) => format!("after {} s", time.as_secs()),
            Repeat::AsDescribed => "as described".to_owned(),
            Repeat::No => "no".to_owned(),
        };
        writeln!(text, "- Name: {}", reason.ja()).unwrap();
        writeln!(text, "- Meaning: {}", meaning(reason)).unwrap();
        writeln!(text, "- English: {}", answer.english).unwrap();
        writeln!(text, "- Japanese: {}", answer.japanese).unwrap();
        if value.number() < NO_ANSWERS {
            writeln!(text, "- Repeat: {retry}").unwrap();
        }
        let remedy = remedy(reason);
        writeln!(text, "- What to do: {}", remedy.english).unwrap();
        writeln!(text, "- 対処方法: {}", remedy.japanese).unwrap();
    }
    text
}

/// The packages with a service of the desk, and their pages.
fn api() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut index = format!(
        "{HEAD}# Methods\n\nThe methods of the desk by service. Every method also gives the reasons of all calls \
         (`OFFICIAL_MISSING`, `ROLE_MISSING`, `BUSY`, `DEADLINE` and others): see [errors](../errors.md). The roles, limits and \
         methods of a caller are the answer of `WhoAmI`.\n"
    );
    let desk = |service: &ServiceDescriptor| {
        service.methods().any(|method| rule(&method).is_some_and(|rule| rule.surface == Surface::Desk))
    };
    let packages: BTreeSet<String> =
        COMMENTED.services().filter(desk).map(|service| service.package_name().to_owned()).collect();
    for package in packages {
        let short = package.trim_start_matches("renkei.").trim_end_matches(".v1").to_owned();
        let mut page = format!("{HEAD}# {package}\n");
        let (mut shown, mut requests) = (Shown::default(), BTreeSet::new());
        let services = COMMENTED.services().filter(|it| it.package_name() == package && desk(it));
        for service in services {
            write!(page, "\n## {}\n\n{}\n", service.name(), paragraphs(&service.parent_file(), service.path()))
                .unwrap();
            write!(index, "\n## [{}]({short}.md#{})\n\n", service.full_name(), service.name().to_lowercase()).unwrap();
            for method in service.methods() {
                let comment = paragraphs(&service.parent_file(), method.path());
                let first = comment.split_once(". ").map_or(comment.as_str(), |(first, _)| first);
                let first = first.split("\n\n").next().unwrap().trim_end_matches('.');
                writeln!(index, "- [{}]({short}.md#{}): {first}.", method.name(), method.name().to_lowercase())
                    .unwrap();
                page.push_str(&of_method(&method, &comment));
                requests.insert(method.input().full_name().to_owned());
                shown.follow(&method.input());
                shown.follow(&method.output());
            }
        }
        page.push_str("\n## Messages\n");
        for message in shown.messages.values().filter(|it| it.package_name() == package) {
            // The fields of a request are beside its method.
            if requests.contains(message.full_name()) {
                continue;
            }
            page.push_str(&of_message(message));
        }
        let enums: Vec<_> = shown.enums.values().filter(|it| it.package_name() == package).collect();
        if !enums.is_empty() {
            page.push_str("\n## Values\n");
        }
        for list in enums {
            page.push_str(&of_enum(list));
        }
        pages.insert(format!("{short}.md"), page);
    }
    for package in ["renkei.journal.v1", "renkei.options.v1", "renkei.type.v1"] {
        pages.insert(format!("{}.md", package.split('.').nth(1).unwrap()), common(package));
    }
    pages.insert("README.md".to_owned(), index);
    pages
}

/// The messages and enums of a package that methods share.
fn common(package: &str) -> String {
    let mut page = format!("{HEAD}# {package}\n\n## Messages\n");
    let of = |name: &str| name == package;
    for message in COMMENTED.all_messages().filter(|it| of(it.package_name()) && !it.is_map_entry()) {
        page.push_str(&of_message(&message));
    }
    page.push_str("\n## Values\n");
    for list in COMMENTED.all_enums().filter(|it| of(it.package_name())) {
        page.push_str(&of_enum(&list));
    }
    page
}

fn rule(method: &MethodDescriptor) -> Option<&'static renkei_proto::Rule> {
    renkei_proto::rule(&format!("/{}/{}", method.parent_service().full_name(), method.name()))
}

fn of_method(method: &MethodDescriptor, comment: &str) -> String {
    let stream = if method.is_server_streaming() { "stream of " } else { "" };
    let mut text = format!(
        "\n### {}\n\n{comment}\n\nAnswers with {stream}{}.{}\n",
        method.name(),
        linked(method.output().full_name(), method.parent_service().package_name()),
        if method.input().fields().next().is_some() { " The fields of the request:" } else { "" },
    );
    text.push_str(&fields(&method.input()));
    text
}

fn of_message(message: &MessageDescriptor) -> String {
    let name = message.full_name();
    let title = name.trim_start_matches(message.package_name()).trim_start_matches('.');
    format!("\n### {title}\n\n{}\n{}", paragraphs(&message.parent_file(), message.path()), fields(message))
}

fn of_enum(list: &EnumDescriptor) -> String {
    let title = list.full_name().trim_start_matches(list.package_name()).trim_start_matches('.');
    let mut text = format!(
        "\n### {title}\n\n{}\n\n| Value | Meaning |\n|---|---|\n",
        paragraphs(&list.parent_file(), list.path())
    );
    for value in list.values() {
        let comment = paragraphs(&list.parent_file(), value.path()).replace("\n\n", " ");
        writeln!(text, "| `{}` | {} |", value.name(), cell(&comment)).unwrap();
    }
    text
}

fn fields(message: &MessageDescriptor) -> String {
    if message.fields().next().is_none() {
        return String::new();
    }
    let mut text = "\n| Field | Type | Form | Meaning |\n|---|---|---|---|\n".to_owned();
    for field in message.fields() {
        let comment = of_field(&field);
        let of = match field.containing_oneof() {
            Some(oneof) => format!("one of `{}`; ", oneof.name()),
            None => String::new(),
        };
        let kind = kind(&field);
        writeln!(text, "| `{}` | {kind} | {of}{} | {} |", field.name(), cell(&pattern(&field)), cell(&comment))
            .unwrap();
    }
    text.replace("; |", " |")
}

fn kind(field: &FieldDescriptor) -> String {
    let package = field.parent_message().package_name().to_owned();
    let one = match field.kind() {
        Kind::Message(it) => linked(it.full_name(), &package),
        Kind::Enum(it) => linked(it.full_name(), &package),
        other => format!("{other:?}").to_lowercase(),
    };
    if field.is_list() { format!("list of {one}") } else { one }
}

/// The name of a message or enum, with a link to where it is described.
fn linked(name: &str, from: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let ["renkei", package, "v1", title @ ..] = parts.as_slice() else { return name.to_owned() };
    let title = title.join(".");
    let place = title.to_lowercase().replace('.', "");
    match from == format!("renkei.{package}.v1") {
        true => format!("[{title}](#{place})"),
        false => format!("[{title}]({package}.md#{place})"),
    }
}

/// The rules of `buf.validate` for a field.
pub(crate) fn rules(field: &FieldDescriptor) -> Option<DynamicMessage> {
    let extension = field.parent_pool().get_extension_by_name("buf.validate.field").unwrap();
    let options = field.options();
    options.has_extension(&extension).then(|| options.get_extension(&extension).as_message().unwrap().clone())
}

/// The pattern that the text of a field has. Its comment states all other bounds.
fn pattern(field: &FieldDescriptor) -> String {
    let Some(rules) = rules(field) else { return String::new() };
    let inner = |rules: &DynamicMessage, name: &str| {
        rules.get_field_by_name(name).filter(|_| rules.has_field_by_name(name)).map(|it| it.into_owned())
    };
    let message = |value: Option<Value>| value.and_then(|value| value.as_message().cloned());
    let items = message(inner(&rules, "repeated")).and_then(|list| message(inner(&list, "items")));
    let text = message(inner(items.as_ref().unwrap_or(&rules), "string"));
    text.and_then(|text| inner(&text, "pattern")).map_or_else(String::new, |it| format!("`{}`", number(&it)))
}

pub(crate) fn number(value: &Value) -> String {
    match value {
        Value::U32(it) => it.to_string(),
        Value::U64(it) => it.to_string(),
        Value::I32(it) | Value::EnumNumber(it) => it.to_string(),
        Value::I64(it) => it.to_string(),
        Value::String(it) => it.clone(),
        Value::Bool(it) => it.to_string(),
        Value::List(list) => list.iter().map(number).collect::<Vec<_>>().join(", "),
        other => format!("{other:?}"),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The messages and enums that a package's methods use, with everything inside them.
#[derive(Default)]
struct Shown {
    messages: BTreeMap<String, MessageDescriptor>,
    enums: BTreeMap<String, EnumDescriptor>,
}

impl Shown {
    fn follow(&mut self, message: &MessageDescriptor) {
        if self.messages.insert(message.full_name().to_owned(), message.clone()).is_some() {
            return;
        }
        for field in message.fields() {
            match field.kind() {
                Kind::Message(inner) => self.follow(&inner),
                Kind::Enum(list) => {
                    self.enums.insert(list.full_name().to_owned(), list);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_reference_is_what_the_contract_states() {
    let docs = checkout().join("docs");
    let mut files: BTreeMap<PathBuf, String> =
        api().into_iter().map(|(name, text)| (docs.join("api").join(name), text)).collect();
    files.insert(docs.join("errors.md"), errors());
    #[expect(clippy::disallowed_methods, reason = "`./dev reference` tells the test to write")]
    let writes = std::env::var_os("RENKEI_WRITE_REFERENCE").is_some();
    for (file, text) in &files {
        if writes {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let found = std::fs::read_to_string(file).unwrap_or_default();
        assert!(found == *text, "{} is not what the contract states: run ./dev reference", file.display());
    }
    let there = std::fs::read_dir(docs.join("api")).unwrap().map(|it| it.unwrap().path());
    let left: Vec<PathBuf> = there.filter(|file| !files.contains_key(file)).collect();
    assert_eq!(left, [] as [PathBuf; 0], "nothing makes these files");
}
