//! The table of facts: one row per field of the oneof `Fact.fact` from its option `renkei.options.v1.fact_rule`.

use std::{error::Error, fmt::Write as _};

use prost_reflect::DescriptorPool;

use crate::rules::{one, text};

pub fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let extension = pool
        .get_extension_by_name("renkei.options.v1.fact_rule")
        .ok_or("the contract has no option renkei.options.v1.fact_rule")?;
    let fact = pool.get_message_by_name("renkei.journal.v1.Fact").ok_or("the contract has no Fact")?;
    let (mut kinds, mut rows, mut arms) = (String::new(), String::new(), String::new());
    for field in fact.fields().filter(|field| field.containing_oneof().is_some()) {
        let options = field.options();
        if !options.has_extension(&extension) {
            return Err(format!("the fact {} has no rule", field.name()).into());
        }
        let value = options.get_extension(&extension);
        let rule = value.as_message().ok_or("the fact's rule is no message")?;
        let variant = crate::camel(field.name());
        writeln!(kinds, "    /// `{}`.\n    {variant},", field.name())?;
        writeln!(arms, "            fact::Fact::{variant}(_) => Self::{variant},")?;
        writeln!(
            rows,
            "            Self::{variant} => &FactRule {{ kind: FactKind::{variant}, name: {:?}, number: {}, author: {}, article: {:?}, effect: {} }},",
            field.name(),
            field.number(),
            one(rule, "author")?,
            text(rule, "article"),
            one(rule, "effect")?,
        )?;
    }
    let all = fact
        .fields()
        .filter(|field| field.containing_oneof().is_some())
        .map(|field| format!("FactKind::{}", crate::camel(field.name())))
        .collect::<Vec<_>>()
        .join(", ");
    Ok(format!(
        "/// The kinds of fact, named after the fields of the oneof `Fact.fact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactKind {{
{kinds}}}

impl FactKind {{
    /// Every kind, in the order of its number.
    pub const ALL: &[Self] = &[{all}];

    /// The kind of a fact.
    pub fn of(fact: &fact::Fact) -> Self {{
        match fact {{
{arms}        }}
    }}

    /// Its rule in the contract.
    pub fn rule(self) -> &'static FactRule {{
        match self {{
{rows}        }}
    }}
}}
"
    ))
}
