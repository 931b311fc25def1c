//! The list of everything that is part of the programs, in the format CycloneDX 1.6. It contains no time and no random
//! number, so that the same build gives the same bytes.

use std::collections::BTreeMap;

use cargo_metadata::PackageId;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    licences::{BUNDLED, Bundled},
    linked::Linked,
};

/// A program as it is in the archive.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// The SHA-256 of some bytes, as hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The document, as JSON.
pub(crate) fn sbom(version: &str, programs: &[Program], linked: &[Linked]) -> Result<Vec<u8>, String> {
    let references: BTreeMap<&PackageId, String> = linked.iter().map(|it| (&it.package.id, reference(it))).collect();
    let mut components: Vec<Value> = programs.iter().map(|program| of_program(version, program)).collect();
    for one in linked {
        components.push(of_package(one)?);
    }
    components.extend(BUNDLED.iter().map(of_bundled));
    let main = "renkei";
    let mut dependencies = vec![json!({"ref": main, "dependsOn": programs.iter().map(of_name).collect::<Vec<_>>()})];
    for program in programs {
        let package = linked.iter().find(|it| it.package.name == program.package).map(reference);
        dependencies.push(json!({"ref": of_name(program), "dependsOn": package.as_slice()}));
    }
    for one in linked {
        let needs: Vec<&String> = one.needs.iter().filter_map(|id| references.get(id)).collect();
        dependencies.push(json!({"ref": reference(one), "dependsOn": needs}));
    }
    let component = json!({"type": "application", "bom-ref": main, "name": main, "version": version,
        "licenses": [{"expression": "Apache-2.0"}]});
    let mut document = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": component}, "components": components, "dependencies": dependencies});
    // A document is named by its content: another one has another number.
    let number = serial_number(&sha256(&written(&document)?));
    document["serialNumber"] = json!(number);
    written(&document)
}

fn written(document: &Value) -> Result<Vec<u8>, String> {
    let mut text = serde_json::to_vec_pretty(document).map_err(|error| error.to_string())?;
    text.push(b'\n');
    Ok(text)
}

/// A UUID of version 8, whose bits the author chooses.
fn serial_number(digest: &str) -> String {
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

fn of_name(program: &Program) -> String {
    format!("program/{}", program.name)
}

fn of_program(version: &str, program: &Program) -> Value {
    json!({"type": "application", "bom-ref": of_name(program), "name": program.name, "version": version,
        "hashes": [{"alg": "SHA-256", "content": sha256(&program.bytes)}], "licenses": [{"expression": "Apache-2.0"}]})
}

fn of_package(linked: &Linked) -> Result<Value, String> {
    let (package, reference) = (&linked.package, reference(linked));
    let mut component = json!({"type": "library", "bom-ref": reference, "name": package.name.as_str(),
        "version": package.version.to_string(), "licenses": [{"expression": linked.licence()?}]});
    if linked.is_foreign() {
        component["purl"] = json!(reference);
    }
    if let Some(checksum) = &linked.checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    Ok(component)
}

fn of_bundled(bundled: &Bundled) -> Value {
    json!({"type": "data", "bom-ref": format!("file/{}", bundled.file), "name": bundled.name,
        "licenses": [{"expression": bundled.licence}]})
}

/// The package's address in the registry; a package of this project is in none.
fn reference(linked: &Linked) -> String {
    let kind = if linked.is_foreign() { "pkg:cargo" } else { "package" };
    // The one character of versions that an address must not contain.
    format!("{kind}/{}@{}", linked.package.name, linked.package.version.to_string().replace('+', "%2B"))
}
