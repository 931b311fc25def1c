//! The reporting schemes that the agencies introduce to reporters.

use renkei_domain::noun::scheme::SchemeNoun;
use renkei_proto::{referral::v1::Scheme, r#type::v1::Agency};

use crate::generator::{Choosing, Generator};

pub(super) const GENERATORS: &[Generator] = &[
    Generator::valid("publish the scheme of reports", |it| {
        let id = id_of(it.own());
        Some(it.requests.publishing(id).into())
    }),
    Generator::valid("publish another scheme", |it| {
        let id = format!("another-{}", it.draw.below(4));
        Some(it.requests.publishing(&id).into())
    }),
    Generator::forbidden("publish a scheme without terms", |it| {
        let mut request = it.requests.publishing("without-terms");
        request.terms = None;
        Some(request.into())
    }),
    Generator::valid("revise a scheme", |it| {
        let scheme = own(it)?;
        Some(it.requests.revising_scheme(&scheme).into())
    }),
    Generator::forbidden("revise the peer's scheme", |it| {
        let scheme: Scheme = it.one_of(&SchemeNoun, it.own().peer())?;
        Some(it.requests.revising_scheme(&scheme).into())
    }),
    Generator::boundary("withdraw a scheme", |it| {
        if !it.draw.one_in(4) {
            return None;
        }
        let scheme = own(it)?;
        Some(it.requests.withdrawing(&scheme).into())
    }),
];

/// The id of the scheme under which an agency's reports are made.
fn id_of(agency: Agency) -> &'static str {
    if agency == Agency::Ppc { "leak-report-private" } else { "unauthorised-access" }
}

fn own(it: &mut Choosing<'_>) -> Option<Scheme> {
    it.one_of(&SchemeNoun, it.own())
}
