//! Generators: the table from which the acts of a history are drawn. Every noun contributes valid, boundary and forbidden
//! acts.

use prost::Message;
use renkei_domain::{matter::Collection, noun::Noun};
use renkei_proto::r#type::v1::Agency;

use crate::{act::Act, draw::Draw, requests::Requests};

/// The expectation of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// An official would do it. It is carried out unless the matter has moved on meanwhile.
    Valid,
    /// It is at the edge of what is permitted, so either answer is right.
    Boundary,
    /// It is refused, whatever the state of the matter is.
    Forbidden,
}

/// What an official of one agency sees on the desk.
pub trait Shown {
    /// The agency of the desk.
    fn own(&self) -> Agency;

    /// The names of the matters of a collection that an agency has opened.
    fn names(&self, collection: Collection, opener: Agency) -> Vec<String>;

    /// A matter as the desk shows it, encoded.
    fn resource(&self, name: &str) -> Option<Vec<u8>>;

    /// The code of a referral, as its reporter has it.
    fn code(&self, referral: &str) -> Option<String>;
}

/// The number of matters that an official looks at for one that fits.
const LOOKED_AT: usize = 4;

/// The surroundings of a generator.
pub struct Choosing<'a> {
    /// What the official sees.
    pub shown: &'a dyn Shown,
    /// The makers of its agency's requests.
    pub requests: &'a Requests,
    /// The randomness of the act.
    pub draw: &'a mut Draw,
}

impl Choosing<'_> {
    /// One of the matters that an agency has opened, as the desk shows it.
    pub fn one_of<R: Message + Default>(&mut self, noun: &dyn Noun, opener: Agency) -> Option<R> {
        self.one_with(noun, opener, |_| true)
    }

    /// One of the matters that an agency has opened and that fit, as the desk shows it.
    pub fn one_with<R: Message + Default>(
        &mut self,
        noun: &dyn Noun,
        opener: Agency,
        fits: impl Fn(&R) -> bool,
    ) -> Option<R> {
        let mut names = self.shown.names(noun.collection(), opener);
        // The newest matters are drawn more often, so that some of them come to their end.
        let newest = names.len().saturating_sub(if self.draw.one_in(2) { LOOKED_AT } else { names.len() });
        let mut names = names.split_off(newest);
        let first = self.draw.index(names.len());
        names.rotate_left(first);
        let resources = names.iter().take(LOOKED_AT).filter_map(|name| self.shown.resource(name));
        resources.filter_map(|bytes| R::decode(bytes.as_slice()).ok()).find(fits)
    }

    /// The agency of the desk.
    pub fn own(&self) -> Agency {
        self.shown.own()
    }

    /// One of these numbers of an enum of the contract.
    pub fn any(&mut self, of: &[i32]) -> i32 {
        self.draw.pick(of).copied().unwrap_or_default()
    }
}

/// A way to make an act; `None` if the desk shows nothing on which it could be done.
pub type Make = fn(&mut Choosing<'_>) -> Option<Act>;

/// One row of the table.
pub struct Generator {
    /// The name of the row, for stories.
    pub name: &'static str,
    /// Whether the act is to be carried out.
    pub sort: Sort,
    /// The agency that does it; `None` if both do.
    pub by: Option<Agency>,
    /// Makes the act.
    pub make: Make,
}

impl Generator {
    /// A valid act of both agencies.
    pub const fn valid(name: &'static str, make: Make) -> Self {
        Self { name, sort: Sort::Valid, by: None, make }
    }

    /// An act at the edge of what is permitted.
    pub const fn boundary(name: &'static str, make: Make) -> Self {
        Self { name, sort: Sort::Boundary, by: None, make }
    }

    /// A forbidden act.
    pub const fn forbidden(name: &'static str, make: Make) -> Self {
        Self { name, sort: Sort::Forbidden, by: None, make }
    }

    /// The same for one agency only.
    #[must_use]
    pub const fn of(self, agency: Agency) -> Self {
        Self { by: Some(agency), ..self }
    }
}
