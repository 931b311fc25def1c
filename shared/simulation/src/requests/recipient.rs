//! Recipients and extents, as calls state them.

use renkei_domain::{matter::Matter, noun::item::recipient};
use renkei_proto::{
    sharing::v1::{
        Body, ConsentTerms, ListedBody, ReceiverUnit, Recipient, StatedConsent, StatedName, StatedRecipient,
        stated_recipient,
    },
    r#type::v1::Purpose,
};

/// A body of the list.
pub fn body(body: Body) -> StatedRecipient {
    StatedRecipient { recipient: Some(stated_recipient::Recipient::Listed(ListedBody { body: body.into() })) }
}

/// Another body by its name, which the receiver serves or not.
pub fn named(name: &str, served: bool) -> StatedRecipient {
    let named = StatedName { name: name.to_owned(), served };
    StatedRecipient { recipient: Some(stated_recipient::Recipient::Named(named)) }
}

/// A unit of the receiver.
pub fn unit(unit: &str) -> StatedRecipient {
    StatedRecipient { recipient: Some(stated_recipient::Recipient::Unit(ReceiverUnit { unit: unit.to_owned() })) }
}

/// An extent without an end, of the whole item.
pub fn stated(recipients: &[StatedRecipient], purposes: &[Purpose]) -> StatedConsent {
    StatedConsent {
        recipients: recipients.to_vec(),
        purposes: purposes.iter().map(|purpose| (*purpose).into()).collect(),
        until: None,
        parts: Vec::new(),
    }
}

/// An extent of the facts of an item, as a call states it. Facts name a body that is not in the list by a digest, so its name
/// is looked for among these recipients; one that is not among them is left out.
pub fn stated_again(item: &str, terms: &ConsentTerms, known: &[StatedRecipient]) -> StatedConsent {
    let matter = Matter::of(item);
    let is_same = |it: &StatedRecipient, to: &Recipient| {
        let identified = recipient::identified(&matter, it, "recipient");
        identified.is_ok_and(|it| recipient::is_same(&it.recipient, to))
    };
    let stated = |to: &Recipient| known.iter().find(|it| is_same(it, to)).cloned();
    StatedConsent {
        recipients: terms.recipients.iter().filter_map(stated).collect(),
        purposes: terms.purposes.clone(),
        until: terms.until,
        parts: terms.parts.clone(),
    }
}
