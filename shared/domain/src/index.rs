//! Other names of matters, which the store keeps beside the pages. They follow from the entries.

/// Another name of a matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// The kind of name, such as `code/ppc`.
    pub kind: String,
    /// The name, unique within its kind.
    pub value: String,
}
