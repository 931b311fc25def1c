//! The table of methods: one row per method from its option `renkei.options.v1.rule`.

use std::{error::Error, fmt::Write as _};

use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _, Value};

pub fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let extension = pool
        .get_extension_by_name("renkei.options.v1.rule")
        .ok_or("the contract has no option renkei.options.v1.rule")?;
    let mut rows = String::new();
    for service in pool.services().filter(|service| service.package_name().starts_with("renkei.")) {
        for method in service.methods() {
            let options = method.options();
            if !options.has_extension(&extension) {
                return Err(format!("{} has no rule", method.full_name()).into());
            }
            let value = options.get_extension(&extension);
            let rule = value.as_message().ok_or("the rule is no message")?;
            let mutating = method.input().get_field_by_name("request_id").is_some();
            writeln!(
                rows,
                "    Rule {{ path: \"/{}/{}\", surface: {}, served_by: &{}, article: {:?}, roles: &{}, effect: {}, secret: {}, purpose: {}, mutating: {mutating}, reasons: &{} }},",
                service.full_name(),
                method.name(),
                one(rule, "surface")?,
                many(rule, "served_by")?,
                text(rule, "article"),
                many(rule, "roles")?,
                one(rule, "effect")?,
                flag(rule, "secret"),
                flag(rule, "purpose"),
                many(rule, "reasons")?,
            )?;
        }
    }
    Ok(format!("/// One row per method of the contract, by path.\npub static RULES: &[Rule] = &[\n{rows}];\n"))
}

/// The Rust expression of an enum field's value.
pub fn one(message: &DynamicMessage, field: &str) -> Result<String, Box<dyn Error>> {
    let descriptor = message.descriptor().get_field_by_name(field).ok_or("no such field")?;
    let kind = descriptor.kind();
    let list = kind.as_enum().ok_or("no enum")?;
    let number = message.get_field(&descriptor).as_enum_number().ok_or("no enum number")?;
    variant(list, number)
}

fn many(message: &DynamicMessage, field: &str) -> Result<String, Box<dyn Error>> {
    let descriptor = message.descriptor().get_field_by_name(field).ok_or("no such field")?;
    let kind = descriptor.kind();
    let list = kind.as_enum().ok_or("no enum")?;
    let value = message.get_field(&descriptor);
    let mut out = Vec::new();
    for item in value.as_list().unwrap_or_default() {
        if let Value::EnumNumber(number) = item {
            out.push(variant(list, *number)?);
        }
    }
    Ok(format!("[{}]", out.join(", ")))
}

fn variant(list: &prost_reflect::EnumDescriptor, number: i32) -> Result<String, Box<dyn Error>> {
    let value = list.get_value(number).ok_or("unknown enum number")?;
    let prefix = format!("{}_", crate::snake(list.name()).to_uppercase());
    let name = value.name().strip_prefix(&prefix).unwrap_or(value.name()).to_lowercase();
    Ok(format!("{}::{}", crate::rust_path(list.full_name())?, crate::camel(&name)))
}

pub fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn flag(message: &DynamicMessage, field: &str) -> bool {
    message.get_field_by_name(field).and_then(|value| value.as_bool()).unwrap_or_default()
}
