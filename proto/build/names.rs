//! The Japanese names of the values of enums, from the option `renkei.names.v1.ja`.

use std::{collections::BTreeSet, error::Error, fmt::Write as _};

use prost_reflect::{DescriptorPool, EnumDescriptor, ExtensionDescriptor};

/// The maximum length of a name in characters, so that it fits into a column.
pub const LENGTH: usize = 40;

pub fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let option = crate::rules::option(pool, "renkei.names.v1.ja")?;
    let mut enums: Vec<EnumDescriptor> =
        pool.all_enums().filter(|list| list.package_name().starts_with("renkei.")).collect();
    enums.sort_by(|one, other| one.full_name().cmp(other.full_name()));
    let (mut methods, mut table) = (String::new(), String::new());
    for list in &enums {
        let names = names(list, &option)?;
        let (mut arms, mut values) = (String::new(), String::new());
        for Named { number, value, ja } in &names {
            writeln!(arms, "            {} => {ja:?},", crate::rules::variant(list, *number)?)?;
            write!(values, "({value:?}, {number}, {ja:?}), ")?;
        }
        let path = crate::rust_path(list.full_name())?;
        let none = crate::rules::variant(list, 0)?;
        writeln!(
            methods,
            "impl {path} {{
    /// The Japanese name for officials; empty for the unspecified value.
    pub fn ja(self) -> &'static str {{
        match self {{
            {none} => \"\",
{arms}        }}
    }}
}}
"
        )?;
        writeln!(table, "    Names {{ name: {:?}, values: &[{values}] }},", list.full_name())?;
    }
    Ok(format!(
        "{methods}/// The names of the values of all enums, by the full name of the enum.
pub static NAMES: &[Names] = &[
{table}];
"
    ))
}

/// A value of an enum with its name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    number: i32,
    value: String,
    ja: String,
}

/// The values of one enum in the order of their numbers.
fn names(list: &EnumDescriptor, option: &ExtensionDescriptor) -> Result<Vec<Named>, Box<dyn Error>> {
    let (mut all, mut known) = (Vec::new(), BTreeSet::new());
    for value in list.values().filter(|value| value.number() != 0) {
        let ja = value.options().get_extension(option).as_str().unwrap_or_default().to_owned();
        let is_sound = (1..=LENGTH).contains(&ja.chars().count()) && known.insert(ja.clone());
        if !is_sound {
            return Err(format!("{} has no Japanese name of its own", value.full_name()).into());
        }
        all.push(Named { number: value.number(), value: value.name().to_owned(), ja });
    }
    all.sort();
    Ok(all)
}
