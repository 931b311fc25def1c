//! The fields of a request as options: scalars and values of enums by themselves, messages as JSON or field by field.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{
    Arg, ArgAction, ArgMatches,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _},
};
use prost_reflect::{
    Cardinality, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};
use serde_json::{Map, Value as Json};

use crate::contract::{comment, is_time, kebab, short};

/// The most names in an option, such as the three of `--terms.scope.designated`. Deeper fields are stated as JSON.
const DEPTH: usize = 3;

/// The first name of an option whose field has the same name as one of the program's own options.
const OF_REQUEST: &str = "request";

/// The option for a field of a request, or for a field of one of its messages.
pub(crate) struct Flag {
    /// The fields from the request on.
    path: Vec<FieldDescriptor>,
    /// The name without hyphens before it, such as `judgement.finding`.
    pub(crate) name: String,
}

/// The options for a request; a message is before its fields. `taken` are the names of the program's own options.
pub(crate) fn flags(request: &MessageDescriptor, taken: &[String]) -> Vec<Flag> {
    let mut flags = Vec::new();
    collect(request, &[], &mut flags);
    for flag in &mut flags {
        if taken.contains(&flag.name) {
            flag.name = format!("{OF_REQUEST}.{}", flag.name);
        }
    }
    flags
}

fn collect(message: &MessageDescriptor, before: &[FieldDescriptor], flags: &mut Vec<Flag>) {
    for field in message.fields() {
        let path = [before, std::slice::from_ref(&field)].concat();
        let names: Vec<String> = path.iter().map(|field| kebab(field.name())).collect();
        flags.push(Flag { name: names.join("."), path: path.clone() });
        if let Kind::Message(inner) = field.kind()
            && !field.is_list()
            && !is_time(&inner)
            && path.len() < DEPTH
        {
            collect(&inner, &path, flags);
        }
    }
}

impl Flag {
    /// The option for clap.
    pub(crate) fn arg(&self) -> Option<Arg> {
        let field = self.path.last()?;
        let help = comment(&field.parent_file(), field.path());
        let arg = Arg::new(self.name.clone()).long(self.name.clone()).help(help).help_heading(self.heading());
        let arg = if field.cardinality() == Cardinality::Repeated { arg.action(ArgAction::Append) } else { arg };
        Some(match field.kind() {
            Kind::Bool => arg
                .value_name("true|false")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_parser(json),
            Kind::Enum(list) => arg.value_name(list.name().to_owned()).value_parser(values(&list)),
            Kind::Bytes => arg.value_name("BASE64|@FILE").value_parser(bytes),
            Kind::String => arg.value_name("TEXT").value_parser(text),
            Kind::Message(message) if is_time(&message) => arg.value_name("TIME").value_parser(text),
            Kind::Message(_) => arg.value_name("JSON|@FILE").value_parser(json_or_file),
            _ => arg.value_name("NUMBER").allow_negative_numbers(true).value_parser(json),
        })
    }

    fn heading(&self) -> String {
        let fields = if self.path.len() > 1 { "Fields of its messages" } else { "Fields of the request" };
        fields.to_owned()
    }

    /// Puts the values that were given into the request.
    pub(crate) fn put(&self, matches: &ArgMatches, request: &mut DynamicMessage) -> Result<(), String> {
        let Some(values) = matches.get_many::<Json>(&self.name) else { return Ok(()) };
        let is_list = self.path.last().is_some_and(FieldDescriptor::is_list);
        let mut values: Vec<Json> = values.cloned().collect();
        let value = if is_list { Json::Array(values) } else { values.pop().unwrap_or_default() };
        set(request, &self.path, value).map_err(|error| format!("--{}: {error}", self.name))
    }
}

/// Sets the field at the end of a path to a value in JSON.
fn set(message: &mut DynamicMessage, path: &[FieldDescriptor], value: Json) -> Result<(), String> {
    let Some((field, rest)) = path.split_first() else { return Ok(()) };
    if rest.is_empty() {
        let alone = Json::Object(Map::from_iter([(field.json_name().to_owned(), value)]));
        let alone = DynamicMessage::deserialize(message.descriptor(), alone).map_err(|error| error.to_string())?;
        message.set_field(field, alone.get_field(field).into_owned());
        return Ok(());
    }
    match message.get_field_mut(field) {
        Value::Message(inner) => set(inner, rest, value),
        _ => Ok(()),
    }
}

/// The values of an enum, with their comments as help. The unspecified one is the absence of the option.
fn values(list: &EnumDescriptor) -> impl clap::builder::TypedValueParser<Value = Json> + use<> {
    let stated = list.values().filter(|value| value.number() != 0);
    let (mut names, mut shown) = (Vec::new(), Vec::new());
    for value in stated {
        let name = short(list.name(), value.name());
        shown.push(PossibleValue::new(name.clone()).help(comment(&list.parent_file(), value.path())));
        names.push((name, value.name().to_owned()));
    }
    PossibleValuesParser::new(shown).map(move |given| {
        let name = names.iter().find(|(name, _)| *name == given);
        Json::String(name.map_or(given.clone(), |(_, value)| value.clone()))
    })
}

#[expect(clippy::unnecessary_wraps, reason = "clap calls a parser that may fail")]
fn text(given: &str) -> Result<Json, String> {
    Ok(Json::String(given.to_owned()))
}

fn json(given: &str) -> Result<Json, String> {
    serde_json::from_str(given).map_err(|error| error.to_string())
}

fn json_or_file(given: &str) -> Result<Json, String> {
    let Some(file) = given.strip_prefix('@') else { return json(given) };
    json(&std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?)
}

fn bytes(given: &str) -> Result<Json, String> {
    let Some(file) = given.strip_prefix('@') else { return text(given) };
    let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    Ok(Json::String(STANDARD.encode(bytes)))
}
