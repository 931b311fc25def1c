//! Straight-line checks for the `buf.validate` rules that the contract uses. An unknown rule fails the build.

use std::{collections::BTreeMap, error::Error, fmt::Write as _};

use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Generator {
    field: ExtensionDescriptor,
    oneof: ExtensionDescriptor,
    message: ExtensionDescriptor,
    patterns: BTreeMap<String, usize>,
}

pub fn generate(pool: &DescriptorPool) -> Result<String> {
    let mut generator = Generator {
        field: pool.get_extension_by_name("buf.validate.field").ok_or("no buf.validate.field")?,
        oneof: pool.get_extension_by_name("buf.validate.oneof").ok_or("no buf.validate.oneof")?,
        message: pool.get_extension_by_name("buf.validate.message").ok_or("no buf.validate.message")?,
        patterns: BTreeMap::new(),
    };
    let mut out = String::new();
    for message in pool.all_messages().filter(|message| message.package_name().starts_with("renkei.")) {
        out.push_str(&generator.message(&message)?);
    }
    for (pattern, index) in &generator.patterns {
        same_everywhere(pattern)?;
        writeln!(out, "static PATTERN_{index}: Pattern = Pattern::new(|| Regex::new({pattern:?}).ok());")?;
    }
    Ok(out)
}

fn by_reference(kind: &str) -> bool {
    matches!(kind, "string" | "bytes")
}

/// In RE2, which protovalidate uses, `\s` and similar classes are ASCII; in Rust they are Unicode. The contract may
/// therefore use none of them.
fn same_everywhere(pattern: &str) -> Result<()> {
    if [r"\s", r"\S", r"\d", r"\D", r"\w", r"\W", r"\b", r"\B"].iter().any(|class| pattern.contains(class)) {
        return Err(format!("the pattern {pattern} means different things in RE2 and in Rust").into());
    }
    Ok(())
}

impl Generator {
    fn message(&mut self, message: &MessageDescriptor) -> Result<String> {
        if message.options().has_extension(&self.message) {
            return Err(
                format!("{}: rules of a whole message are not known to the generator", message.full_name()).into()
            );
        }
        let mut body = String::new();
        for oneof in message.oneofs() {
            let required = oneof
                .options()
                .get_extension(&self.oneof)
                .as_message()
                .and_then(|rules| rules.get_field_by_name("required").and_then(|value| value.as_bool()))
                .unwrap_or_default();
            if required {
                writeln!(
                    body,
                    "        if self.{0}.is_none() {{ found.add({0:?}, \"required\", (\"exactly one of its fields\", \"いずれか一つを指定してください。\")); }}",
                    oneof.name()
                )?;
            }
        }
        for field in message.fields() {
            body.push_str(&self.one_field(message, &field)?);
        }
        let found = if body.is_empty() { "_found" } else { "found" };
        Ok(format!(
            "impl Validate for {} {{\n    fn check(&self, {found}: &mut Violations) {{\n{body}    }}\n}}\n",
            crate::rust_path(message.full_name())?
        ))
    }

    fn one_field(&mut self, message: &MessageDescriptor, field: &FieldDescriptor) -> Result<String> {
        let options = field.options();
        let extension = options.get_extension(&self.field);
        let rules = extension.as_message().ok_or("field rules are not a message")?;
        let name = field.name();
        if let Some(oneof) = field.containing_oneof() {
            // A oneof contains only messages, and they have their own rules.
            if rules.fields().next().is_some() || field.kind().as_message().is_none() {
                return Err(
                    format!("{}: in a oneof only messages without further rules are known", field.full_name()).into()
                );
            }
            let path = crate::rust_path(message.full_name())?;
            let module = path.rsplit_once("::").map_or("crate", |(module, _)| module);
            let variant = format!(
                "{module}::{}::{}::{}",
                crate::snake(message.name()),
                crate::camel(oneof.name()),
                crate::camel(field.name())
            );
            return Ok(format!(
                "        if let Some({variant}(value)) = &self.{} {{ found.inside({:?}, value); }}\n",
                oneof.name(),
                field.name()
            ));
        }
        let mut out = String::new();
        for (rule, value) in rules.fields() {
            match (rule.name(), value) {
                ("required", Value::Bool(true)) => {
                    writeln!(
                        out,
                        "        if self.{name}.is_none() {{ found.add({:?}, \"required\", (\"must be set\", \"必ず指定してください。\")); }}",
                        field.name()
                    )?;
                }
                ("repeated", Value::Message(rules)) => out.push_str(&self.repeated(field, name, rules)?),
                ("string" | "bytes" | "enum" | "uint32" | "uint64", Value::Message(rules)) => {
                    let place = format!("{:?}", field.name());
                    let value = format!("{}self.{name}", if by_reference(rule.name()) { "&" } else { "" });
                    out.push_str(&self.scalar(field, rule.name(), rules, &place, &value)?);
                }
                (other, _) => {
                    return Err(format!("{}: the rule {other} is not known to the generator", field.full_name()).into());
                }
            }
        }
        if let Kind::Message(inner) = field.kind() {
            if inner.package_name().starts_with("renkei.") {
                if field.is_list() {
                    writeln!(
                        out,
                        "        for (i, item) in self.{name}.iter().enumerate() {{ found.inside_item({:?}, i, item); }}",
                        field.name()
                    )?;
                } else {
                    writeln!(
                        out,
                        "        if let Some(value) = &self.{name} {{ found.inside({:?}, value); }}",
                        field.name()
                    )?;
                }
            } else if inner.full_name() == "google.protobuf.Timestamp" {
                writeln!(
                    out,
                    "        if let Some(value) = &self.{name} {{ found.timestamp({:?}, value); }}",
                    field.name()
                )?;
            }
        }
        Ok(out)
    }

    fn repeated(&mut self, field: &FieldDescriptor, name: &str, rules: &DynamicMessage) -> Result<String> {
        let mut out = String::new();
        for (rule, value) in rules.fields() {
            match (rule.name(), value) {
                ("min_items", Value::U64(n)) => {
                    writeln!(out, "        found.min_items({:?}, self.{name}.len(), {n});", field.name())?
                }
                ("max_items", Value::U64(n)) => {
                    writeln!(out, "        found.max_items({:?}, self.{name}.len(), {n});", field.name())?
                }
                ("unique", Value::Bool(true)) => {
                    writeln!(out, "        found.unique({:?}, &self.{name});", field.name())?
                }
                ("items", Value::Message(items)) => {
                    for (kind, value) in items.fields() {
                        let Value::Message(rules) = value else { return Err("item rules are not a message".into()) };
                        let value = if by_reference(kind.name()) { "item" } else { "*item" };
                        let checks = self.scalar(field, kind.name(), rules, "&place", value)?;
                        writeln!(
                            out,
                            "        for (i, item) in self.{name}.iter().enumerate() {{ let place = format!(\"{}[{{i}}]\");\n{checks}        }}",
                            field.name()
                        )?;
                    }
                }
                (other, _) => {
                    return Err(format!(
                        "{}: the rule repeated.{other} is not known to the generator",
                        field.full_name()
                    )
                    .into());
                }
            }
        }
        Ok(out)
    }

    /// Emits the checks of one value. `place` and `value` are the Rust expressions of the field's path and of its
    /// value.
    fn scalar(
        &mut self,
        field: &FieldDescriptor,
        kind: &str,
        rules: &DynamicMessage,
        place: &str,
        value: &str,
    ) -> Result<String> {
        let mut out = String::new();
        let has = |name: &str| rules.fields().any(|(rule, _)| rule.name() == name);
        for (rule, limit) in rules.fields() {
            let rule = rule.name();
            match (kind, rule, limit) {
                ("string", "min_len" | "max_len" | "len", Value::U64(n)) => {
                    writeln!(out, "        found.string_{rule}({place}, {value}, {n});")?;
                }
                ("string", "pattern", Value::String(pattern)) => {
                    let next = self.patterns.len();
                    let index = *self.patterns.entry(pattern.clone()).or_insert(next);
                    writeln!(out, "        found.string_pattern({place}, {value}, &PATTERN_{index}, {pattern:?});")?;
                }
                ("string", "uuid", Value::Bool(true)) => writeln!(out, "        found.string_uuid({place}, {value});")?,
                ("string", "const", Value::String(text)) => {
                    writeln!(out, "        found.string_const({place}, {value}, {text:?});")?
                }
                ("bytes", "min_len" | "max_len" | "len", Value::U64(n)) => {
                    writeln!(out, "        found.bytes_{rule}({place}, {value}, {n});")?;
                }
                ("enum", "defined_only", Value::Bool(true)) => {
                    let Kind::Enum(list) = field.kind() else { return Err("enum rules on another kind".into()) };
                    let path = crate::rust_path(list.full_name())?;
                    writeln!(out, "        found.enum_defined({place}, {path}::try_from({value}).is_ok());")?;
                }
                ("enum", "not_in", Value::List(numbers)) => {
                    if numbers.as_slice() != [Value::I32(0)] {
                        return Err(format!("{}: enum.not_in is known for [0] only", field.full_name()).into());
                    }
                    writeln!(out, "        found.enum_set({place}, {value});")?;
                }
                ("uint32" | "uint64", "gte" | "lte", Value::U32(_) | Value::U64(_)) => {
                    let n = limit.as_u64().or(limit.as_u32().map(u64::from)).unwrap_or_default();
                    let value = if kind == "uint64" { value.to_owned() } else { format!("u64::from({value})") };
                    let id =
                        if has("gte") && has("lte") { format!("{kind}.gte_lte") } else { format!("{kind}.{rule}") };
                    writeln!(out, "        found.{rule}({place}, {id:?}, {value}, {n});")?;
                }
                ("uint32", "const", Value::U32(n)) => {
                    writeln!(out, "        found.number_const({place}, \"uint32.const\", u64::from({value}), {n});")?;
                }
                _ => {
                    return Err(
                        format!("{}: the rule {kind}.{rule} is not known to the generator", field.full_name()).into()
                    );
                }
            }
        }
        Ok(out)
    }
}
