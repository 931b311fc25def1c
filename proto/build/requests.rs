//! The requests that change something: the trait `ActRequest` for the request of each method that has a `request_id`.

use std::{collections::BTreeMap, error::Error, fmt::Write as _};

use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

pub fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let services = pool.services().filter(|service| service.package_name().starts_with("renkei."));
    let inputs = services.flat_map(|service| service.methods().map(|method| method.input()).collect::<Vec<_>>());
    let acts = inputs.filter(|input| input.get_field_by_name("request_id").is_some());
    let acts: BTreeMap<String, MessageDescriptor> = acts.map(|input| (input.full_name().to_owned(), input)).collect();
    let mut out = String::new();
    for (name, request) in acts {
        let name_field = if is_text(&request, "name") { "&self.name" } else { "\"\"" };
        let etag = if is_text(&request, "etag") { "Some(&self.etag)" } else { "None" };
        let content = request.get_field_by_name("content").filter(|field| matches!(field.kind(), Kind::Message(_)));
        let content = match content {
            Some(_) => "Some(self.content.take().map(|content| content.encode_to_vec()).unwrap_or_default())",
            None => "None",
        };
        writeln!(
            out,
            "impl ActRequest for {} {{
    fn name(&self) -> &str {{
        {name_field}
    }}
    fn etag(&self) -> Option<&str> {{
        {etag}
    }}
    fn take_content(&mut self) -> Option<Vec<u8>> {{
        {content}
    }}
}}",
            crate::rust_path(&name)?
        )?;
    }
    Ok(out)
}

fn is_text(request: &MessageDescriptor, field: &str) -> bool {
    request.get_field_by_name(field).is_some_and(|field| matches!(field.kind(), Kind::String))
}
