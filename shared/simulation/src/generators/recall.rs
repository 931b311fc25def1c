//! The effect of a recall, disposal, and misdirected information (Art. 7(2)).

use renkei_proto::sharing::v1::{CopyFate, DisposalGround, Item, Misdirection, RecallReason, RecipientDemand};

use super::sharing::{is_published, own, own_with, peers, peers_with};
use crate::{
    act::Act,
    generator::{Choosing, Generator},
};

pub(super) const GENERATORS: &[Generator] = &[
    Generator::valid("report a sealed copy", |it| reported(it, CopyFate::Sealed)),
    Generator::valid("report a returned copy", |it| reported(it, CopyFate::Returned)),
    Generator::valid("report a destroyed copy", |it| reported(it, CopyFate::Disposed)),
    Generator::valid("report a copy that a law requires to be kept", |it| reported(it, CopyFate::Retained)),
    Generator::valid("report a disclosed copy", |it| {
        let item = peers_with(it, |item| !item.copies_outside.is_empty())?;
        let mut request = it.requests.reporting_copy(&item, CopyFate::Disclosed);
        request.demand = it.any(&[RecipientDemand::StopUse.into(), RecipientDemand::NotPossible.into()]);
        Some(request.into())
    }),
    Generator::valid("report a sealed copy as destroyed", |it| {
        let is_sealed = |item: &Item| item.copies.iter().any(|copy| copy.fate() == CopyFate::Sealed);
        let item = recalled_with(it, is_sealed)?;
        let sealed = item.copies.iter().find(|copy| copy.fate() == CopyFate::Sealed)?;
        let mut request = it.requests.reporting_copy(&item, CopyFate::Disposed);
        request.copy = sealed.copy;
        Some(request.into())
    }),
    Generator::valid("report the last copy of a recalled item", |it| {
        let item = recalled_with(it, |item| !item.recall_complete && item.copies_outside.is_empty())?;
        let mut request = it.requests.reporting_copy(&item, CopyFate::Returned);
        request.complete = true;
        Some(request.into())
    }),
    Generator::boundary("report the last copy, whatever was disclosed", |it| {
        let item = recalled_with(it, |item| !item.copies_outside.is_empty())?;
        let fate = if it.draw.one_in(2) { CopyFate::Disclosed } else { CopyFate::Sealed };
        let mut request = it.requests.reporting_copy(&item, fate);
        request.complete = true;
        Some(request.into())
    }),
    Generator::boundary("report a copy of an item that is not recalled", |it| {
        let item = peers(it)?;
        Some(it.requests.reporting_copy(&item, CopyFate::Sealed).into())
    }),
    Generator::forbidden("report a copy of an own item", |it| {
        let item = own_with(it, |item| !is_published(item))?;
        Some(it.requests.reporting_copy(&item, CopyFate::Sealed).into())
    }),
    Generator::forbidden("report a destroyed copy without a decision", |it| {
        let item = recalled_with(it, |_| true)?;
        let mut request = it.requests.reporting_copy(&item, CopyFate::Disposed);
        request.content.get_or_insert_default().approval = String::new();
        Some(request.into())
    }),
    Generator::forbidden("report a disclosed copy of another item", |it| {
        let of = peers_with(it, |item| !item.disclosures.is_empty())?;
        let item = recalled_with(it, |item| item.name != of.name)?;
        let mut request = it.requests.reporting_copy(&item, CopyFate::Disclosed);
        (request.disclosure, request.demand) = (of.disclosures.first().cloned()?, RecipientDemand::Return.into());
        Some(request.into())
    }),
    Generator::valid("remind of a recall", |it| {
        let item = own_with(it, |item| !item.recall_answer_by.is_empty() && !item.recall_complete)?;
        Some(it.requests.reminding(&item).into())
    }),
    Generator::forbidden("remind of a recall of the peer", |it| {
        let item = recalled_with(it, |_| true)?;
        Some(it.requests.reminding(&item).into())
    }),
    Generator::valid("approve a disposal", |it| {
        let opener = if it.draw.one_in(2) { it.own() } else { it.own().peer() };
        let item: Item = it.one_with(&renkei_domain::noun::item::ItemNoun, opener, |item| !is_published(item))?;
        let mut request = it.requests.disposing(&item);
        request.ground = it.any(&[DisposalGround::ShortRetention.into(), DisposalGround::RetentionEnded.into()]);
        Some(request.into())
    }),
    Generator::forbidden("approve a disposal without a decision", |it| {
        let item = own(it)?;
        let mut request = it.requests.disposing(&item);
        request.content = None;
        Some(request.into())
    }),
    Generator::valid("report an item that came by mistake", |it| {
        let item = peers(it)?;
        Some(it.requests.reporting_misdirection(&item).into())
    }),
    Generator::forbidden("report an own item as sent by mistake", |it| {
        let item = own(it)?;
        Some(it.requests.reporting_misdirection(&item).into())
    }),
    Generator::valid("count the readers of an item that came by mistake", |it| {
        let item = peers_with(it, |item| is_open(item, |incident| incident.readers_entry.is_empty()))?;
        Some(it.requests.counting_readers(&item).into())
    }),
    Generator::valid("close an incident that was none", |it| {
        let item = own_with(it, |item| is_published(item) && is_open(item, is_counted))?;
        Some(it.requests.closing_misdirection(&item, true).into())
    }),
    Generator::valid("recall an item that was sent by mistake", |it| {
        let item = own_with(it, |item| is_published(item) && is_open(item, |_| true))?;
        let mut request = it.requests.recalling(&item);
        request.reason = RecallReason::Misdirected.into();
        Some(request.into())
    }),
    Generator::valid("close an incident of a recalled item", |it| {
        let item = own_with(it, |item| !is_published(item) && is_open(item, is_counted))?;
        Some(it.requests.closing_misdirection(&item, false).into())
    }),
    Generator::boundary("close an incident whatever its state is", |it| {
        let item = own_with(it, |item| item.misdirection.is_some())?;
        let unfounded = it.draw.one_in(2);
        Some(it.requests.closing_misdirection(&item, unfounded).into())
    }),
    Generator::forbidden("close an incident as the one who reports it", |it| {
        let item = peers_with(it, |item| item.misdirection.is_some())?;
        Some(it.requests.closing_misdirection(&item, true).into())
    }),
];

/// A recalled item of the peer that fits.
fn recalled_with(it: &mut Choosing<'_>, fits: impl Fn(&Item) -> bool) -> Option<Item> {
    peers_with(it, |item| !is_published(item) && fits(item))
}

fn reported(it: &mut Choosing<'_>, fate: CopyFate) -> Option<Act> {
    let item = recalled_with(it, |item| !item.recall_complete)?;
    Some(it.requests.reporting_copy(&item, fate).into())
}

fn is_open(item: &Item, fits: impl Fn(&Misdirection) -> bool) -> bool {
    item.misdirection.as_ref().is_some_and(|incident| incident.closing_entry.is_empty() && fits(incident))
}

fn is_counted(incident: &Misdirection) -> bool {
    !incident.readers_entry.is_empty()
}
