//! Other names of matters, which the store keeps beside the pages. They follow from the entries.

use renkei_proto::r#type::v1::Agency;

/// A kind of name, declared by its noun.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LookupKind(String);

impl LookupKind {
    /// Names that one agency gives, such as `code/ppc`.
    pub(crate) fn given_by(agency: Agency, name: &str) -> Self {
        Self(format!("{name}/{}", agency.id()))
    }

    /// The kind of a lookup in the database.
    pub fn stored(id: String) -> Self {
        Self(id)
    }

    /// The name in the database.
    pub fn id(&self) -> &str {
        &self.0
    }
}

/// Another name of a matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// The kind of name.
    pub kind: LookupKind,
    /// The name, unique within its kind.
    pub value: String,
}
