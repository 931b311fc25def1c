//! The names of recipients in a content, and their digests in the fact to which it belongs.

use prost::Message;
use renkei_proto::{
    journal::v1::fact::Fact,
    sharing::v1::{
        ConsentGrantedContent, ConsentNarrowedContent, ConsentRequestedContent, ConsentTerms,
        DisclosureAnnouncedContent, ItemDisclosedContent, Recipient, recipient::Recipient as Kind,
    },
};

use super::{consent::requested_by, recipient::digest};
use crate::{matter::Matter, page::Seen};

/// True if the content of a fact names exactly the recipients that the fact contains as digests, in their order. A grant that takes
/// over all recipients of the request which it answers may leave their names to the content of that request.
pub(super) fn belong_to(matter: &Matter, seen: Seen<'_>, fact: &Fact, answers: u64, content: &[u8]) -> bool {
    let (recipients, names) = match fact {
        Fact::ConsentRequested(it) => {
            (extent(it.terms.as_ref()), decoded(content, |it: ConsentRequestedContent| it.names))
        }
        Fact::ConsentGranted(it) => (extent(it.terms.as_ref()), decoded(content, |it: ConsentGrantedContent| it.names)),
        Fact::ConsentNarrowed(it) => {
            (extent(it.terms.as_ref()), decoded(content, |it: ConsentNarrowedContent| it.names))
        }
        Fact::DisclosureAnnounced(it) => {
            (it.recipient.as_slice(), decoded(content, |it: DisclosureAnnouncedContent| only(it.name)))
        }
        Fact::ItemDisclosed(it) => {
            (it.recipient.as_slice(), decoded(content, |it: ItemDisclosedContent| only(it.name)))
        }
        _ => return true,
    };
    let Some(names) = names else { return false };
    let committed = recipients.iter().filter_map(|it| match &it.recipient {
        Some(Kind::Named(it)) => Some(it.digest.as_slice()),
        _ => None,
    });
    let named: Vec<_> = names.iter().map(|name| digest(matter, name).unwrap_or_default()).collect();
    let takes_over = || {
        let request = requested_by(seen, matter.opener, answers);
        matches!(fact, Fact::ConsentGranted(_)) && request.is_some_and(|it| extent(it.it.terms.as_ref()) == recipients)
    };
    named.iter().map(Vec::as_slice).eq(committed) || (names.is_empty() && takes_over())
}

fn decoded<C: Message + Default>(content: &[u8], names: impl Fn(C) -> Vec<String>) -> Option<Vec<String>> {
    C::decode(content).ok().map(names)
}

fn extent(terms: Option<&ConsentTerms>) -> &[Recipient] {
    terms.map_or(&[], |terms| &terms.recipients)
}

/// The name of a content with one; it is empty where the recipient is in the list, and then there is none.
fn only(name: String) -> Vec<String> {
    if name.is_empty() { Vec::new() } else { vec![name] }
}
