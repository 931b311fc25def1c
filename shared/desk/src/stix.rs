//! STIX 2.1 bundles (OASIS) as they come with items. They are read once, before the queue. A bundle that some reader
//! would reject is refused before it is shared, and its marks are compared with the item's scope.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use renkei_domain::refusal::Refusal;
use renkei_proto::{options::v1::Reason, r#type::v1::Tlp};
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

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

/// The marking definitions that OASIS has published for the Traffic Light Protocol, versions 1 (STIX 2.1, section
/// 7.2.1.4) and 2. Bundles refer to them without repeating them.
const MARKS: [(&str, Tlp); 9] = [
    ("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", Tlp::Clear),
    ("marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", Tlp::Green),
    ("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", Tlp::Amber),
    ("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", Tlp::Red),
    ("marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", Tlp::Clear),
    ("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", Tlp::Green),
    ("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", Tlp::Amber),
    ("marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", Tlp::AmberStrict),
    ("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", Tlp::Red),
];

/// The level that a marking definition names, in either version of the protocol.
fn level(name: &str) -> Option<Tlp> {
    match name.to_ascii_lowercase().as_str() {
        "clear" | "white" => Some(Tlp::Clear),
        "green" => Some(Tlp::Green),
        "amber" => Some(Tlp::Amber),
        "amber+strict" => Some(Tlp::AmberStrict),
        "red" => Some(Tlp::Red),
        _ => None,
    }
}

/// Reads the bytes, if there are any: a STIX 2.1 bundle in JSON and UTF-8 with objects whose ids fit their types. Gives
/// the strictest mark of the Traffic Light Protocol that an object or a part of one bears. `field` is where they are in
/// the request.
///
/// # Errors
/// `FIELD_INVALID` with the first rule that is broken, and the number of the object.
pub(crate) fn read(field: &'static str, bytes: &[u8]) -> Result<Option<Tlp>, Refusal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    // The rules are those of a format of machines: officials learn that it is broken, developers where.
    let invalid = |must: String| {
        let japanese = "STIX 2.1の形式に適合していません。";
        Refusal::field(Reason::FieldInvalid, field, (must, japanese))
    };
    if bytes.starts_with("\u{feff}".as_bytes()) {
        return Err(invalid("begins with a byte order mark: JSON has none (RFC 8259, section 8.1)".to_owned()));
    }
    let utf8 = "is not UTF-8, as JSON between systems must be (RFC 8259, section 8.1)";
    let text = std::str::from_utf8(bytes).map_err(|_| invalid(utf8.to_owned()))?;
    let mut bundle = Bundle::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Value { bundle: &mut bundle, place: Place::Bundle }.deserialize(&mut json).and_then(|()| json.end());
    match (bundle.broken.take(), read) {
        (Some(broken), _) => Err(invalid(broken)),
        // The parser's message about a text that is not JSON names a place in it and none of its words.
        (None, Err(error)) => Err(invalid(format!("is not JSON that every reader accepts: {error}"))),
        (None, Ok(())) => bundle.sound().map_err(invalid),
    }
}

/// The place of a value in a bundle, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Bundle,
    BundleType,
    BundleId,
    Objects,
    Object,
    Type,
    Id,
    Version,
    Marks,
    Mark,
    Parts,
    Part,
    Definition,
    Level,
    Extensions,
    Extension,
    ExtensionType,
    Elsewhere,
}

impl Place {
    /// The place of a member of an object.
    fn member(self, name: &str) -> Self {
        match (self, name) {
            (Self::Bundle, "type") => Self::BundleType,
            (Self::Bundle, "id") => Self::BundleId,
            (Self::Bundle, "objects") => Self::Objects,
            (Self::Object, "type") => Self::Type,
            (Self::Object, "id") => Self::Id,
            (Self::Object, "spec_version") => Self::Version,
            (Self::Object, "object_marking_refs") => Self::Marks,
            (Self::Object, "granular_markings") => Self::Parts,
            (Self::Part, "marking_ref") => Self::Mark,
            (Self::Object, "definition") => Self::Definition,
            (Self::Definition, "tlp") | (Self::Extension, "tlp_2_0") => Self::Level,
            (Self::Object, "extensions") => Self::Extensions,
            (Self::Extensions, _) => Self::Extension,
            (Self::Extension, "extension_type") => Self::ExtensionType,
            _ => Self::Elsewhere,
        }
    }

    /// The place of an item of an array.
    fn item(self) -> Self {
        match self {
            Self::Objects => Self::Object,
            Self::Marks => Self::Mark,
            Self::Parts => Self::Part,
            _ => Self::Elsewhere,
        }
    }
}

/// The state of reading a bundle.
#[derive(Default)]
struct Bundle {
    is_bundle: bool,
    has_id: bool,
    /// The number of objects read so far.
    objects: usize,
    object: Object,
    /// Ids of the marking definitions that objects or parts of them refer to.
    marks: BTreeSet<String>,
    /// The levels of marking definitions that the bundle brings itself.
    levels: BTreeMap<String, Tlp>,
    /// The first rule that is broken. Reading ends there.
    broken: Option<String>,
}

/// The state of reading one object.
#[derive(Default)]
struct Object {
    kind: Option<String>,
    id: Option<String>,
    version: Option<String>,
    level: Option<Tlp>,
    /// True if its own extension states that its type is a new kind of cyber-observable.
    is_new_observable: bool,
}

impl Bundle {
    fn text(&mut self, place: Place, text: &str) {
        let it = &mut self.object;
        match place {
            Place::BundleType => self.is_bundle = text == "bundle",
            Place::BundleId => self.has_id = is_id(text, "bundle"),
            Place::Type => it.kind = Some(text.to_owned()),
            Place::Id => it.id = Some(text.to_owned()),
            Place::Version => it.version = Some(text.to_owned()),
            Place::Level => it.level = level(text),
            Place::ExtensionType => it.is_new_observable |= text == "new-sco",
            Place::Mark => {
                self.marks.insert(text.to_owned());
            }
            _ => {}
        }
    }

    /// Judges the object that was read.
    fn object(&mut self) -> Result<(), String> {
        let it = std::mem::take(&mut self.object);
        let number = self.objects;
        self.objects += 1;
        let broken = |rule: &str| Err(format!("objects[{number}]: {rule}"));
        let Some(kind) = it.kind.filter(|kind| is_type(kind)) else {
            return broken("its type must be 3 to 250 of a-z, 0-9 and hyphens");
        };
        let Some(id) = it.id.filter(|id| is_id(id, &kind)) else {
            return broken("its id must be its type, two hyphens and a UUID");
        };
        // Marking definitions of the specification itself are in bundles without a version of their own.
        let may_lack = kind == "marking-definition" || OBSERVABLE.contains(&kind.as_str()) || it.is_new_observable;
        if !it.version.map_or(may_lack, |version| version == "2.1") {
            return broken("its spec_version must be 2.1");
        }
        if let Some(level) = it.level.filter(|_| kind == "marking-definition") {
            self.levels.insert(id, level);
        }
        Ok(())
    }

    /// Judges the whole, and gives its strictest mark.
    fn sound(self) -> Result<Option<Tlp>, String> {
        if !self.is_bundle || !self.has_id {
            return Err("must be a STIX bundle: an object of the type `bundle` with such an id".to_owned());
        }
        if self.objects == 0 {
            return Err("has no objects: leave out an empty bundle".to_owned());
        }
        let published = |id: &str| MARKS.iter().find(|(mark, _)| *mark == id).map(|(_, level)| *level);
        let level = |id: &String| published(id).or_else(|| self.levels.get(id).copied());
        Ok(self.marks.iter().filter_map(level).min())
    }
}

fn is_type(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=250).contains(&text.len()) && text.bytes().all(plain)
}

fn is_id(text: &str, kind: &str) -> bool {
    let uuid = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix("--"));
    uuid.and_then(renkei_proto::uuid).is_some()
}

/// One value of the bundle, however deep: every string of it is decoded, so that none is one that other readers refuse,
/// and next to nothing is kept. The parser ends at 128 levels.
struct Value<'a> {
    bundle: &'a mut Bundle,
    place: Place,
}

impl Value<'_> {
    /// It is not a text. A version that is not one is another version.
    fn not_text(&mut self) {
        if self.place == Place::Version {
            self.bundle.text(Place::Version, "");
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.bundle.text(self.place, text);
        Ok(())
    }

    fn visit_bool<E>(mut self, _: bool) -> Result<(), E> {
        self.not_text();
        Ok(())
    }

    fn visit_i64<E>(mut self, _: i64) -> Result<(), E> {
        self.not_text();
        Ok(())
    }

    fn visit_u64<E>(mut self, _: u64) -> Result<(), E> {
        self.not_text();
        Ok(())
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<(), E> {
        self.not_text();
        Ok(())
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.not_text();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.not_text();
        let place = self.place.item();
        while items.next_element_seed(Value { bundle: &mut *self.bundle, place })?.is_some() {
            if place == Place::Object
                && let Err(broken) = self.bundle.object()
            {
                self.bundle.broken = Some(broken);
                return Err(de::Error::custom("the bundle breaks a rule"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        self.not_text();
        while let Some(place) = members.next_key_seed(Name(self.place))? {
            members.next_value_seed(Value { bundle: &mut *self.bundle, place })?;
        }
        Ok(())
    }
}

/// The name of a member of the object at this place.
struct Name(Place);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Place;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Place, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Place;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Place, E> {
        Ok(self.0.member(name))
    }
}
