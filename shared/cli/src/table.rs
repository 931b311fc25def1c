//! Answers as tables for people.
//!
//! The columns of a list follow from the contract: the fields of a row that have one short value. Those by which people know a
//! matter come first, then times, then the others in the contract's order. A column that is empty in every row is left out.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

use crate::{
    call::list,
    contract::{japanese, kebab, short},
    options::Language,
    terminal::width,
};

/// The fields that come first, with their Japanese names.
const FIRST: [(&str, &str); 8] = [
    ("case_number", "案件番号"),
    ("name", "名前"),
    ("matter", "案件"),
    ("title", "件名"),
    ("kind", "種別"),
    ("state", "状態"),
    ("waiting_for", "対応する機関"),
    ("due_day", "期日"),
];
/// Fields for programs alone.
const LEFT_OUT: [&str; 1] = ["etag"];
/// The fields that a list needs only where a row has no case number, which every command accepts in their place.
const OF_CASE: [&str; 2] = ["name", "matter"];
/// The most columns of a list.
const COLUMNS: usize = 6;

/// An answer as a table: a row for each element of a list, or for each field of anything else.
pub(crate) fn table(answer: &DynamicMessage, language: Language) -> String {
    match list(answer).filter(|_| answer.descriptor().name().starts_with("List")) {
        Some(field) => rows(answer, &field, language),
        None => fields(answer, language),
    }
}

fn rows(answer: &DynamicMessage, list: &FieldDescriptor, language: Language) -> String {
    let value = answer.get_field(list);
    let elements: Vec<&DynamicMessage> =
        value.as_list().unwrap_or_default().iter().filter_map(Value::as_message).collect();
    if elements.is_empty() {
        return language.pick("none\n", "該当なし\n").to_owned();
    }
    let Kind::Message(row) = list.kind() else { return String::new() };
    let mut columns: Vec<FieldDescriptor> = row.fields().filter(is_short).collect();
    columns.sort_by_key(|field| {
        let first = FIRST.iter().position(|(name, _)| *name == field.name()).unwrap_or(FIRST.len());
        (first, !matches!(field.kind(), Kind::Message(_)))
    });
    columns.retain(|field| elements.iter().any(|row| !cell(row, field, language).is_empty()));
    let of_case = row.get_field_by_name("case_number");
    if of_case.is_some_and(|field| elements.iter().all(|row| row.has_field(&field))) {
        columns.retain(|field| !OF_CASE.contains(&field.name()));
    }
    columns.truncate(COLUMNS);
    let mut table = plain();
    table.set_header(columns.iter().map(|field| head(field, language)));
    for row in elements {
        table.add_row(columns.iter().map(|field| cell(row, field, language)));
    }
    print(&table)
}

fn fields(message: &DynamicMessage, language: Language) -> String {
    let mut table = plain();
    for field in message.descriptor().fields() {
        let text = cell(message, &field, language);
        if !text.is_empty() {
            table.add_row([head(&field, language), text]);
        }
    }
    print(&table)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width() {
        table.set_width(width);
    }
    table
}

fn print(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn head(field: &FieldDescriptor, language: Language) -> String {
    let known = FIRST.iter().find(|(name, _)| *name == field.name());
    match known {
        Some((_, japanese)) if language == Language::Ja => (*japanese).to_owned(),
        _ => kebab(field.name()),
    }
}

/// True if a field has one short value, or a few values of an enum.
fn is_short(field: &FieldDescriptor) -> bool {
    let is_short = match field.kind() {
        Kind::Message(message) => message.full_name() == "google.protobuf.Timestamp",
        Kind::Bytes => false,
        _ => true,
    };
    let is_list = field.is_list() && !matches!(field.kind(), Kind::Enum(_));
    is_short && !is_list && !LEFT_OUT.contains(&field.name())
}

/// The value of a field as text; empty for a value that is not set.
fn cell(message: &DynamicMessage, field: &FieldDescriptor, language: Language) -> String {
    if !message.has_field(field) {
        return String::new();
    }
    let value = message.get_field(field);
    match value.as_list() {
        Some(values) => values.iter().map(|value| text(field, value, language)).collect::<Vec<_>>().join(", "),
        None => text(field, &value, language),
    }
}

fn text(field: &FieldDescriptor, value: &Value, language: Language) -> String {
    match (field.kind(), value) {
        (Kind::Enum(list), Value::EnumNumber(number)) => {
            let name = list.get_value(*number).map(|value| short(list.name(), value.name()));
            let english = name.unwrap_or_else(|| number.to_string());
            language.pick(&english, japanese(list.full_name(), *number)).to_owned()
        }
        (_, Value::Bool(_)) => language.pick("yes", "はい").to_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Message(message)) => {
            let json = serde_json::to_value(message).unwrap_or_default();
            // A time is a text in JSON, and any other message is shown as JSON.
            json.as_str().map_or_else(|| json.to_string(), |at| language.time(at))
        }
        (_, Value::Bytes(bytes)) => format!("{} bytes", bytes.len()),
        (_, Value::U32(number)) => number.to_string(),
        (_, Value::U64(number)) => number.to_string(),
        (_, Value::I32(number)) => number.to_string(),
        (_, Value::I64(number)) => number.to_string(),
        (_, other) => format!("{other:?}"),
    }
}
