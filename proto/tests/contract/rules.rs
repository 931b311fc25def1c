//! The `buf.validate` rules of a field as the tests read them: a second opinion beside the generator in `build/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};
use regex::Regex;

use crate::option;

/// The rules of one field, or of the items of a repeated field.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub required: bool,
    pub len: Option<usize>,
    pub min_len: Option<usize>,
    pub max_len: Option<usize>,
    pub pattern: Option<String>,
    pub uuid: bool,
    pub text: Option<String>,
    pub number: Option<u64>,
    pub gte: Option<u64>,
    pub lte: Option<u64>,
    pub defined_only: bool,
    pub set: bool,
    pub min_items: Option<usize>,
    pub max_items: Option<usize>,
    pub unique: bool,
    pub items: Option<Box<Rules>>,
}

impl Rules {
    pub fn of(field: &FieldDescriptor) -> Self {
        let mut rules = Self::default();
        if let Some(option) = option(&field.options(), "buf.validate.field") {
            rules.read(&option);
        }
        rules
    }

    /// The rules of the single values: those of the items where the field is repeated.
    pub fn of_values(self, field: &FieldDescriptor) -> Self {
        if field.is_list() { self.items.map(|items| *items).unwrap_or_default() } else { self }
    }

    fn read(&mut self, option: &DynamicMessage) {
        for (rule, value) in option.fields() {
            let size = || usize::try_from(value.as_u64().expect("a size")).ok();
            let number = || value.as_u64().or(value.as_u32().map(u64::from));
            match (rule.name(), value) {
                ("required", Value::Bool(true)) => self.required = true,
                ("len", _) => self.len = size(),
                ("min_len", _) => self.min_len = size(),
                ("max_len", _) => self.max_len = size(),
                ("pattern", Value::String(pattern)) => self.pattern = Some(pattern.clone()),
                ("uuid", Value::Bool(true)) => self.uuid = true,
                ("const", Value::String(text)) => self.text = Some(text.clone()),
                ("const", _) => self.number = number(),
                ("gte", _) => self.gte = number(),
                ("lte", _) => self.lte = number(),
                ("defined_only", Value::Bool(true)) => self.defined_only = true,
                ("not_in", Value::List(numbers)) if numbers.as_slice() == [Value::I32(0)] => self.set = true,
                ("min_items", _) => self.min_items = size(),
                ("max_items", _) => self.max_items = size(),
                ("unique", Value::Bool(true)) => self.unique = true,
                ("items", Value::Message(items)) => {
                    let mut rules = Self::default();
                    rules.read(items);
                    self.items = Some(Box::new(rules));
                }
                ("string" | "bytes" | "enum" | "uint32" | "uint64" | "repeated", Value::Message(inner)) => {
                    self.read(inner);
                }
                (other, _) => panic!("the tests do not know the rule {other}"),
            }
        }
    }

    /// The ids of the rules that the value breaks.
    pub fn broken(&self, kind: &Kind, value: &Value) -> BTreeSet<String> {
        let broken = self.judged(kind, value).into_iter().filter(|(_, holds)| !holds);
        broken.map(|(id, _)| id).collect()
    }

    /// The ids of all rules that apply to a value of this kind.
    pub fn ids(&self, kind: &Kind, value: &Value) -> BTreeSet<String> {
        self.judged(kind, value).into_iter().map(|(id, _)| id).collect()
    }

    fn judged(&self, kind: &Kind, value: &Value) -> Vec<(String, bool)> {
        match value {
            Value::String(text) => self.judge_text(text),
            Value::Bytes(bytes) => self.judge_length("bytes", bytes.len()),
            Value::U32(number) => self.judge_number("uint32", u64::from(*number)),
            Value::U64(number) => self.judge_number("uint64", *number),
            Value::EnumNumber(number) => {
                let defined = kind.as_enum().is_some_and(|list| list.get_value(*number).is_some());
                let defined_only = self.defined_only.then(|| ("enum.defined_only".to_owned(), defined));
                let not_in = self.set.then(|| ("enum.not_in".to_owned(), *number != 0));
                defined_only.into_iter().chain(not_in).collect()
            }
            Value::List(items) => self.judge_items(items),
            _ => Vec::new(),
        }
    }

    fn judge_text(&self, text: &str) -> Vec<(String, bool)> {
        let mut out = self.judge_length("string", text.chars().count());
        if let Some(pattern) = &self.pattern {
            out.push(("string.pattern".to_owned(), regex(pattern).is_match(text)));
        }
        if let Some(only) = &self.text {
            out.push(("string.const".to_owned(), text == only));
        }
        if self.uuid {
            let groups: Vec<&str> = text.split('-').collect();
            let hex = groups.concat().chars().all(|c| c.is_ascii_hexdigit());
            let whole = hex && groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
            out.push(("string.uuid_empty".to_owned(), !text.is_empty()));
            out.push(("string.uuid".to_owned(), text.is_empty() || whole));
        }
        out
    }

    fn judge_length(&self, kind: &str, n: usize) -> Vec<(String, bool)> {
        let checks = [
            (self.len, "len", self.len == Some(n)),
            (self.min_len, "min_len", self.min_len <= Some(n)),
            (self.max_len, "max_len", self.max_len >= Some(n)),
        ];
        let present = checks.into_iter().filter(|(limit, ..)| limit.is_some());
        present.map(|(_, rule, holds)| (format!("{kind}.{rule}"), holds)).collect()
    }

    fn judge_number(&self, kind: &str, n: u64) -> Vec<(String, bool)> {
        let range = match (self.gte, self.lte) {
            (None, None) => None,
            (Some(least), None) => Some(("gte", least <= n)),
            (None, Some(most)) => Some(("lte", n <= most)),
            (Some(least), Some(most)) => Some(("gte_lte", (least..=most).contains(&n))),
        };
        let only = self.number.map(|only| ("const", n == only));
        range.into_iter().chain(only).map(|(rule, holds)| (format!("{kind}.{rule}"), holds)).collect()
    }

    fn judge_items(&self, items: &[Value]) -> Vec<(String, bool)> {
        let n = items.len();
        let distinct = items.iter().enumerate().all(|(i, item)| !items[..i].contains(item));
        let checks = [
            (self.min_items.is_some(), "repeated.min_items", self.min_items <= Some(n)),
            (self.max_items.is_some(), "repeated.max_items", self.max_items >= Some(n)),
            (self.unique, "repeated.unique", distinct),
        ];
        checks.into_iter().filter(|(present, ..)| *present).map(|(_, id, holds)| (id.to_owned(), holds)).collect()
    }
}

/// The pattern as RE2 reads it, whose `\s` is ASCII.
fn regex(pattern: &str) -> Regex {
    static MADE: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
    let make = || {
        let regex = Regex::new(&pattern.replace(r"\s", r"\t\n\f\r "));
        regex.unwrap_or_else(|error| panic!("{pattern}: {error}"))
    };
    MADE.lock().unwrap().entry(pattern.to_owned()).or_insert_with(make).clone()
}
