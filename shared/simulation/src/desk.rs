//! The desk of an agency as its officials see it, for the generators.

use renkei_book::etag;
use renkei_domain::{
    matter::{Collection, Matter},
    noun::{referral, registry},
    page::Seen,
};
use renkei_proto::r#type::v1::Agency;

use crate::{act::code_of, generator::Shown, side::Side};

/// The desk of an agency as its officials see it.
pub(crate) struct Desk<'a> {
    pub(crate) side: &'a Side,
}

impl Shown for Desk<'_> {
    fn own(&self) -> Agency {
        self.side.own
    }

    fn names(&self, collection: Collection, opener: Agency) -> Vec<String> {
        let prefix = collection.prefix(opener);
        let disk = self.side.disk();
        let pages = disk.pages().range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
        pages.map(|(name, _)| name.clone()).collect()
    }

    fn resource(&self, name: &str) -> Option<Vec<u8>> {
        let matter = Matter::of(name);
        let disk = self.side.disk();
        let page = disk.pages().get(name)?;
        registry::of(&matter).resource(&matter, Seen::whole(page), self.side.wall(), etag(page, self.side.own))
    }

    fn code(&self, name: &str) -> Option<String> {
        let matter = Matter::of(name);
        let disk = self.side.disk();
        let (_, issued) = referral::issue(Seen::whole(disk.pages().get(name)?), matter.opener)?;
        (!issued.code_digest.is_empty()).then(|| code_of(issued.ordinal, &matter.id))
    }
}
