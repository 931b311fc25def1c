//! The table of facts: one row per field of the oneof `Fact.fact`, from its option `renkei.options.v1.fact_rule`; the
//! message of each kind, and the content of an entry in its type.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt::Write as _,
};

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, OneofDescriptor, Value};

use crate::rules::{flag, one, text};

/// One kind of fact with its rule.
struct Kind {
    field: FieldDescriptor,
    variant: String,
    rule: DynamicMessage,
}

pub fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let kinds = kinds(pool)?;
    let (mut variants, mut rows, mut arms, mut messages) = (String::new(), String::new(), String::new(), String::new());
    for kind in &kinds {
        let (name, variant) = (kind.field.name(), &kind.variant);
        let message = kind.field.kind().as_message().ok_or("a fact is not a message")?.full_name().to_owned();
        writeln!(variants, "    /// `{name}`.\n    {variant},")?;
        writeln!(arms, "            fact::Fact::{variant}(_) => Self::{variant},")?;
        writeln!(rows, "            Self::{variant} => &{},", row(pool, &kinds, kind)?)?;
        let path = crate::rust_path(&message)?;
        writeln!(
            messages,
            "impl FactMessage for {path} {{
    const KIND: FactKind = FactKind::{variant};
    fn of(fact: &fact::Fact) -> Option<&Self> {{
        match fact {{
            fact::Fact::{variant}(message) => Some(message),
            _ => None,
        }}
    }}
}}
impl From<{path}> for fact::Fact {{
    fn from(message: {path}) -> Self {{
        Self::{variant}(message)
    }}
}}"
        )?;
    }
    let all = kinds.iter().map(|kind| format!("FactKind::{}", kind.variant)).collect::<Vec<_>>().join(", ");
    let contents = contents(pool, &kinds)?;
    Ok(format!(
        "/// The kinds of fact, named after the fields of the oneof `Fact.fact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactKind {{
{variants}}}

impl FactKind {{
    /// Every kind, in the order of its number.
    pub const ALL: &[Self] = &[{all}];

    /// The kind of a fact.
    pub fn of(fact: &fact::Fact) -> Self {{
        match fact {{
{arms}        }}
    }}

    /// The rule of the kind in the contract.
    pub fn rule(self) -> &'static FactRule {{
        match self {{
{rows}        }}
    }}
}}

{messages}
{contents}"
    ))
}

fn kinds(pool: &DescriptorPool) -> Result<Vec<Kind>, Box<dyn Error>> {
    let extension = pool
        .get_extension_by_name("renkei.options.v1.fact_rule")
        .ok_or("the contract has no option renkei.options.v1.fact_rule")?;
    let fact = pool.get_message_by_name("renkei.journal.v1.Fact").ok_or("the contract has no Fact")?;
    let (mut kinds, mut named) = (Vec::new(), BTreeSet::new());
    for field in fact.fields().filter(|field| field.containing_oneof().is_some()) {
        let options = field.options();
        if !options.has_extension(&extension) {
            return Err(format!("the fact {} has no rule", field.name()).into());
        }
        let rule = options.get_extension(&extension).as_message().ok_or("the fact's rule is not a message")?.clone();
        let ja = text(&rule, "ja");
        if !(1..=crate::names::LENGTH).contains(&ja.chars().count()) || !named.insert(ja) {
            return Err(format!("the fact {} has no Japanese name of its own", field.name()).into());
        }
        kinds.push(Kind { variant: crate::camel(field.name()), rule, field });
    }
    Ok(kinds)
}

fn row(pool: &DescriptorPool, kinds: &[Kind], kind: &Kind) -> Result<String, Box<dyn Error>> {
    let (name, rule) = (kind.field.name(), &kind.rule);
    let content = match text(rule, "content") {
        none if none.is_empty() => "None".to_owned(),
        message if pool.get_message_by_name(&message).is_none() => {
            return Err(format!("the content {message} of the fact {name} is not a message of the contract").into());
        }
        message => {
            let path = crate::rust_path(&message)?;
            format!("Some(ContentType {{ name: {message:?}, is_sound: is_sound::<{path}> }})")
        }
    };
    let mut answers = Vec::new();
    let named = rule.get_field_by_name("answers");
    for answered in named.iter().filter_map(|value| value.as_list()).flatten() {
        let Value::String(answered) = answered else { return Err("an answered fact is not a name".into()) };
        let found = kinds.iter().find(|kind| kind.field.name() == answered);
        let found = found.ok_or_else(|| format!("the fact {name} answers {answered}, which is not a fact"))?;
        answers.push(format!("FactKind::{}", found.variant));
    }
    Ok(format!(
        "FactRule {{ kind: FactKind::{}, name: {name:?}, ja: {:?}, number: {}, author: {}, article: {:?}, effect: {}, \
         collection: {:?}, content: {content}, opens: {}, answers: &[{}], replaces: {}, wrong_stops: {} }}",
        kind.variant,
        text(rule, "ja"),
        kind.field.number(),
        one(rule, "author")?,
        text(rule, "article"),
        one(rule, "effect")?,
        text(rule, "collection"),
        flag(rule, "opens"),
        answers.join(", "),
        flag(rule, "replaces"),
        flag(rule, "wrong_stops"),
    ))
}

/// Every oneof `content` of the contract whose fields are contents of facts, in its type by the kind of fact.
fn contents(pool: &DescriptorPool, kinds: &[Kind]) -> Result<String, Box<dyn Error>> {
    let mut by_content: BTreeMap<String, Vec<&Kind>> = BTreeMap::new();
    for kind in kinds {
        by_content.entry(text(&kind.rule, "content")).or_default().push(kind);
    }
    let mut out = String::new();
    let messages = pool.all_messages().filter(|message| message.package_name().starts_with("renkei."));
    for oneof in messages.flat_map(|message| message.oneofs().collect::<Vec<_>>()) {
        if oneof.name() != "content" {
            continue;
        }
        let mut arms = String::new();
        for field in oneof.fields() {
            let message = field.kind().as_message().ok_or("a content is not a message")?.clone();
            let variant = crate::camel(field.name());
            if let Some(kinds) = by_content.get(message.full_name()) {
                for kind in kinds {
                    writeln!(
                        arms,
                        "            FactKind::{} => Self::{variant}(Message::decode(bytes)?),",
                        kind.variant
                    )?;
                }
                continue;
            }
            // This is a message around the contents of several kinds, such as that of an item.
            let no_fact = |name: &str| format!("{name} is returned as a content and is the content of no fact");
            let inner = message.oneofs().next().ok_or_else(|| no_fact(message.full_name()))?;
            let path = crate::rust_path(message.full_name())?;
            for part in inner.fields() {
                let content = part.kind().as_message().ok_or("a content is not a message")?.full_name().to_owned();
                for kind in by_content.get(&content).ok_or_else(|| no_fact(&content))? {
                    writeln!(
                        arms,
                        "            FactKind::{} => Self::{variant}({path} {{ {}: Some({}::{}(Message::decode(bytes)?)) }}),",
                        kind.variant,
                        inner.name(),
                        oneof_path(&inner)?,
                        crate::camel(part.name()),
                    )?;
                }
            }
        }
        writeln!(
            out,
            "impl EntryContent for {} {{
    fn decode(kind: FactKind, bytes: &[u8]) -> Result<Option<Self>, prost::DecodeError> {{
        Ok(Some(match kind {{
{arms}            _ => return Ok(None),
        }}))
    }}
}}",
            oneof_path(&oneof)?
        )?;
    }
    Ok(out)
}

fn oneof_path(oneof: &OneofDescriptor) -> Result<String, String> {
    let message = oneof.parent_message();
    let path = crate::rust_path(message.full_name())?;
    let module = path.rsplit_once("::").map_or("crate", |(module, _)| module);
    Ok(format!("{module}::{}::{}", crate::snake(message.name()), crate::camel(oneof.name())))
}
