//! Answers as tables for people.
//!
//! The columns of a list follow from the contract: the fields of a row that have one short value. Those by which people know a
//! matter come first, then times, then the others in the contract's order. A column that is empty in every row is left out, and
//! so is one for which the terminal is too narrow.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use renkei_proto::{FactKind, r#type::v1::Agency};

use crate::{
    call::list,
    contract::{is_time, japanese, kebab, short},
    options::Language,
    terminal::width,
};

/// The enum whose values have short names besides those of the contract.
const AGENCY: &str = "renkei.type.v1.Agency";
/// The field with the id of a kind of fact, which has a Japanese name too.
const FACT: &str = "fact_type";
/// The fields that come first, with their Japanese names.
const FIRST: [(&str, &str); 9] = [
    ("case_number", "案件番号"),
    ("name", "名前"),
    ("title", "件名"),
    ("kind", "種類"),
    (FACT, "事実の種類"),
    ("state", "状態"),
    ("waiting_for", "対応を要する機関"),
    ("due_day", "期日"),
    ("matter", "案件"),
];
/// Fields for programs alone.
const LEFT_OUT: [&str; 1] = ["etag"];
/// The fields that a list needs only where a row has no case number, which every command accepts in their place.
const OF_CASE: [&str; 2] = ["name", "matter"];
/// The most columns of a list, and those that even a narrow terminal shows, in several lines where they must be.
const COLUMNS: usize = 6;
const LEAST: usize = 2;
/// The blanks beside a cell.
const BLANKS: usize = 2;

/// An answer as a table: a row for each element of a list, or for each field of anything else.
pub(crate) fn table(answer: &DynamicMessage, language: Language) -> String {
    match list(answer) {
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
    let mut shown = Vec::new();
    for column in columns {
        shown.push(column);
        if shown.len() > COLUMNS || (shown.len() > LEAST && !fits(&with_rows(&shown, &elements, language))) {
            shown.pop();
        }
    }
    print(&with_rows(&shown, &elements, language))
}

fn with_rows(columns: &[FieldDescriptor], rows: &[&DynamicMessage], language: Language) -> Table {
    let mut table = plain();
    table.set_header(columns.iter().map(|field| head(field, language)));
    for row in rows {
        table.add_row(columns.iter().map(|field| cell(row, field, language)));
    }
    table
}

fn fits(table: &Table) -> bool {
    let widths = table.column_max_content_widths();
    let all: usize = widths.into_iter().map(|width| usize::from(width) + BLANKS).sum();
    width().is_none_or(|width| all <= usize::from(width))
}

fn fields(message: &DynamicMessage, language: Language) -> String {
    let mut table = plain();
    add_fields(&mut table, "", message, language);
    print(&table)
}

/// Adds a row for each field that is set, and for each field of its messages. `before` are the names of the fields that lead
/// to the message, each with a dot after it.
fn add_fields(table: &mut Table, before: &str, message: &DynamicMessage, language: Language) {
    for (field, value) in message.fields() {
        let name = format!("{before}{}", kebab(field.name()));
        match (value, value.as_list()) {
            (_, Some(values)) if values.iter().any(|value| value.as_message().is_some()) => {
                let elements = values.iter().filter_map(Value::as_message).enumerate();
                elements.for_each(|(at, element)| add_fields(table, &format!("{name}.{}.", at + 1), element, language));
            }
            (Value::Message(inner), _) if !is_time(&inner.descriptor()) => {
                add_fields(table, &format!("{name}."), inner, language);
            }
            _ => {
                table.add_row([name, cell(message, &field, language)]);
            }
        }
    }
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

/// The party as the memorandum calls it, for tables in which the names of the agencies would fill the line.
fn party(number: i32) -> &'static str {
    match Agency::try_from(number) {
        Ok(Agency::Ppc) => "甲",
        Ok(Agency::Ipa) => "乙",
        _ => "",
    }
}

/// True if a field has one short value, or a few values of an enum.
fn is_short(field: &FieldDescriptor) -> bool {
    let is_short = match field.kind() {
        Kind::Message(message) => is_time(&message),
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
            let short = if list.full_name() == AGENCY { party(*number) } else { japanese(list.full_name(), *number) };
            language.pick(&english, short).to_owned()
        }
        (_, Value::Bool(_)) => language.pick("yes", "はい").to_owned(),
        (_, Value::String(text)) => match FactKind::named(text) {
            Some(kind) if field.name() == FACT => language.pick(text, kind.rule().ja).to_owned(),
            _ => text.clone(),
        },
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
