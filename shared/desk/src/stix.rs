//! STIX 2.1 bundles (OASIS) as they come with items: what is no bundle is refused before it is shared.

use renkei_domain::decide::Refusal;
use renkei_proto::options::v1::Reason;
use serde::Deserialize;

/// Cyber-observable objects (STIX 2.1, section 6). In that version they are objects of their own, so one that names no
/// version is of it.
const OBSERVABLE: [&str; 18] = [
    "artifact",
    "autonomous-system",
    "directory",
    "domain-name",
    "email-addr",
    "email-message",
    "file",
    "ipv4-addr",
    "ipv6-addr",
    "mac-addr",
    "mutex",
    "network-traffic",
    "process",
    "software",
    "url",
    "user-account",
    "windows-registry-key",
    "x509-certificate",
];

/// The part of a bundle that is looked at; everything else is kept as it is.
#[derive(Deserialize)]
struct Bundle {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    spec_version: Option<String>,
}

/// Checks that the bytes, if there are any, are a STIX 2.1 bundle: a JSON object of that type with objects whose ids fit
/// their types. `field` is where they stand in the request.
///
/// # Errors
/// `FIELD_INVALID`.
pub(crate) fn check(field: &'static str, bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.is_empty() {
        return Ok(());
    }
    let invalid = |must: &str| Refusal::field(Reason::FieldInvalid, field, must);
    let bundle: Bundle = serde_json::from_slice(bytes).map_err(|_| invalid("is no STIX bundle in JSON"))?;
    let named =
        |kind: &str, id: &str| id.strip_prefix(kind).and_then(|rest| rest.strip_prefix("--")).is_some_and(is_uuid);
    if bundle.kind != "bundle" || !named("bundle", &bundle.id) || bundle.objects.is_empty() {
        return Err(invalid("is no STIX bundle with objects"));
    }
    let sound = |object: &Object| {
        // Marking definitions of the specification itself stand in bundles without a version of their own.
        let may_lack = object.kind == "marking-definition" || OBSERVABLE.contains(&object.kind.as_str());
        named(&object.kind, &object.id) && object.spec_version.as_deref().map_or(may_lack, |version| version == "2.1")
    };
    if bundle.objects.iter().all(sound) { Ok(()) } else { Err(invalid("holds an object that is none of STIX 2.1")) }
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok() && text.len() == 36
}
