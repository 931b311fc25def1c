//! The tables of services and methods, from the options `renkei.options.v1.service_rule` and `renkei.options.v1.rule`.

use std::{collections::BTreeMap, error::Error, fmt::Write as _};

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, ReflectMessage as _, Value};

pub fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let on_method = option(pool, "renkei.options.v1.rule")?;
    let on_service = option(pool, "renkei.options.v1.service_rule")?;
    let (mut rows, mut services, mut readers) = (String::new(), String::new(), BTreeMap::new());
    for service in pool.services().filter(|service| service.package_name().starts_with("renkei.")) {
        let common =
            stated(&service.options(), &on_service).ok_or_else(|| format!("{} has no rule", service.full_name()))?;
        writeln!(
            services,
            "    ServiceRule {{ name: {:?}, surface: {}, served_by: &{} }},",
            service.full_name(),
            one(&common, "surface")?,
            many(&common, "served_by")?,
        )?;
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let rule = stated(&method.options(), &on_method).ok_or_else(|| format!("{path} has no rule"))?;
            // A method states only the differences from its service.
            let of = |field: &str| if rule.has_field_by_name(field) { &rule } else { &common };
            let mutating = method.input().get_field_by_name("request_id").is_some();
            writeln!(
                rows,
                "    Rule {{ path: {path:?}, name: {:?}, surface: {}, served_by: &{}, article: {:?}, roles: &{}, effect: {}, secret: {}, purpose: {}, mutating: {mutating}, reasons: &{} }},",
                crate::snake(method.name()),
                one(of("surface"), "surface")?,
                many(of("served_by"), "served_by")?,
                text(of("article"), "article"),
                many(&rule, "roles")?,
                one(&rule, "effect")?,
                flag(&rule, "secret"),
                flag(&rule, "purpose"),
                many(&rule, "reasons")?,
            )?;
            for collection in rule.get_field_by_name("reads").iter().filter_map(|value| value.as_list()).flatten() {
                let collection = collection.as_str().ok_or("a collection is not text")?.to_owned();
                if readers.insert(collection.clone(), many(&rule, "roles")?).is_some() {
                    return Err(format!("two methods state who reads {collection}").into());
                }
            }
        }
    }
    let readers = readers
        .iter()
        .fold(String::new(), |all, (collection, roles)| all + &format!("        {collection:?} => &{roles},\n"));
    Ok(format!(
        "/// One row per method of the contract, by path.
pub static RULES: &[Rule] = &[
{rows}];

/// One row per service of the contract, by name.
pub static SERVICES: &[ServiceRule] = &[
{services}];

/// The roles that may read the matters of a collection; none for an unknown one.
pub fn readers(collection: &str) -> &'static [Role] {{
    match collection {{
{readers}        _ => &[],
    }}
}}
"
    ))
}

pub fn option(pool: &DescriptorPool, name: &str) -> Result<ExtensionDescriptor, String> {
    pool.get_extension_by_name(name).ok_or_else(|| format!("the contract has no option {name}"))
}

/// The value of an option, if it is there.
fn stated(options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<DynamicMessage> {
    let value = options.has_extension(extension).then(|| options.get_extension(extension))?;
    value.as_message().cloned()
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

pub fn variant(list: &prost_reflect::EnumDescriptor, number: i32) -> Result<String, Box<dyn Error>> {
    let value = list.get_value(number).ok_or("unknown enum number")?;
    let prefix = format!("{}_", crate::snake(list.name()).to_uppercase());
    let name = value.name().strip_prefix(&prefix).unwrap_or(value.name()).to_lowercase();
    Ok(format!("{}::{}", crate::rust_path(list.full_name())?, crate::camel(&name)))
}

pub fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

pub fn flag(message: &DynamicMessage, field: &str) -> bool {
    message.get_field_by_name(field).and_then(|value| value.as_bool()).unwrap_or_default()
}
