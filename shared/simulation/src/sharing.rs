//! What must be true of shared information (Art. 7(2)).

use std::collections::BTreeSet;

use renkei_domain::{
    decide::decide_read,
    matter::Matter,
    moment::instant,
    noun::{
        item::{self, ANSWER_RECALL, FOLLOW_UP_RECALL},
        registry,
    },
    page::{Journal, MarkView as _, Page, Seen},
    visibility::Reader,
};
use renkei_proto::{journal::v1::fact::Fact, options::v1::Role, r#type::v1::Purpose};

use crate::{basis::ItemFacts, side::Side, violation::Violation};

type Checked = Result<(), Violation>;

/// Each item that a side has.
fn items(disk: &renkei_book::Memory) -> impl Iterator<Item = (Matter, &Page)> {
    let all = disk.pages().iter().map(|(name, page)| (Matter::of(name), page.as_ref()));
    all.filter(|(matter, _)| matter.collection == item::COLLECTION)
}

/// No disclosure is in a journal that was not permitted at the position that its header names: on the originator's entries
/// that the discloser had then, and on its own before. Entries that faulty versions wrote, and those that rest on entries
/// which were given up, are excepted.
pub(crate) fn disclosed(side: &Side, excepted: impl Fn(&String) -> bool, at: usize) -> Checked {
    let disk = side.disk();
    for (matter, page) in items(&disk) {
        let (opener, discloser) = (matter.opener, matter.opener.peer());
        let known = disk.heads().of(side.own, Journal::Of(opener)).seq;
        for (mark, _) in ItemFacts::all(page, opener).disclosures() {
            let Some(entry) = disk.entry(Journal::Of(discloser), mark.seq) else { continue };
            let header = &entry.header;
            // After a loss the entries on which it rests may not be back.
            if header.seen_peer_seq > known || excepted(&header.entry_id) {
                continue;
            }
            let seen = ItemFacts::until(page, opener, header.seen_peer_seq, header.seq - 1);
            let Some(Fact::ItemDisclosed(it)) = mark.stated() else { continue };
            let written_at = header.written_at.as_ref().map(instant).unwrap_or_default();
            if let Some(why) = seen.forbids(it, written_at) {
                let detail =
                    format!("{} at {}, entry {} of {}: {why}", matter, side.own.id(), header.seq, discloser.id());
                return Err(Violation::new("nothing is disclosed without a basis", &detail, at));
            }
        }
    }
    Ok(())
}

/// The answer to a recall is complete only if each disclosure before it was reported, and both agencies have the duty until it
/// is.
pub(crate) fn recalled(side: &Side, excepted: impl Fn(&String) -> bool, at: usize) -> Checked {
    let disk = side.disk();
    for (matter, page) in items(&disk) {
        let (opener, receiver) = (matter.opener, matter.opener.peer());
        let facts = ItemFacts::all(page, opener);
        let recall = facts.originator.iter().find_map(|(mark, fact)| match fact {
            Fact::ItemRecalled(it) => Some((*mark, it)),
            _ => None,
        });
        let Some((recall, recalled)) = recall else { continue };
        let complete = facts.receiver.iter().find_map(|(mark, fact)| match fact {
            Fact::CopyAnswered(it) if it.complete && mark.answers == recall.seq => Some(*mark),
            _ => None,
        });
        let wrong = |invariant, what: &str| {
            Err(Violation::new(invariant, &format!("{matter} at {}: {what}", side.own.id()), at))
        };
        if let Some(entry) = complete.and_then(|mark| disk.entry(Journal::Of(receiver), mark.seq)) {
            let unreported = ItemFacts::until(page, opener, u64::MAX, entry.header.seq).unreported();
            if !unreported.is_empty() && !excepted(&entry.header.entry_id) {
                let what = format!("no report of {unreported:?}");
                return wrong("a recall is answered completely only with every disclosure", &what);
            }
        }
        let duties: BTreeSet<_> = registry::of(&matter)
            .duties(side.own, &matter, Seen::whole(page))
            .into_iter()
            .map(|duty| duty.kind)
            .collect();
        let is_open = !recalled.answer_by.is_empty() && complete.is_none();
        let (duty, is_due) = if opener == side.own {
            (FOLLOW_UP_RECALL, is_open)
        } else {
            (ANSWER_RECALL, is_open || !facts.unreported().is_empty())
        };
        if duties.contains(&duty) != is_due {
            return wrong("a recall is a duty until it is answered completely", duty.id());
        }
    }
    Ok(())
}

/// Every recall that counts is answered.
pub(crate) fn sealed(side: &Side, at: usize) -> Checked {
    let disk = side.disk();
    for (matter, page) in items(&disk).filter(|(matter, _)| matter.opener != side.own) {
        let facts = ItemFacts::all(page, matter.opener);
        let is_answered = facts.receiver.iter().any(|(_, fact)| matches!(fact, Fact::RecallAnswered(_)));
        if facts.is_recalled() && !is_answered {
            return Err(Violation::new("a recall is answered", &matter.to_string(), at));
        }
    }
    Ok(())
}

/// No item of the peer is shown to a unit outside its scope and without a consent in force, and no content of it is handed out
/// after its recall.
pub(crate) fn scoped(side: &Side, at: usize) -> Checked {
    let disk = side.disk();
    let (now, own) = (side.wall(), side.own);
    for (matter, page) in items(&disk).filter(|(matter, _)| matter.opener != own) {
        let (facts, journal) = (ItemFacts::all(page, matter.opener), Journal::Of(matter.opener));
        let revisions = facts.revisions();
        let Some((current, newest)) = revisions.last() else { continue };
        for unit in ["incident-response", "policy", ""] {
            for purpose in [Purpose::IncidentResponse, Purpose::Policy] {
                let reader = Reader { roles: vec![Role::Casework, Role::Sharing], unit: unit.to_owned(), purpose };
                let Ok(permit) = decide_read(own, &matter, Seen::whole(page), &reader, now) else { continue };
                let detail = format!("{matter} at {} for {unit}/{}", own.id(), purpose.id());
                if !facts.may_read(newest, unit, purpose, now) {
                    return Err(Violation::new("nothing is shown outside its scope", &detail, at));
                }
                let shown = revisions.iter().filter(|(mark, _)| permit.shows(journal, mark.seq));
                if let Some((_, former)) = shown.into_iter().find(|(_, it)| !facts.may_read(it, unit, purpose, now)) {
                    let detail = format!("{detail}: revision {}", former.publication.revision);
                    return Err(Violation::new("no former revision is shown outside its own scope", &detail, at));
                }
                let opens = current.kind().is_some_and(|kind| permit.opens(journal, current.seq, kind));
                if facts.is_sealed() && opens {
                    return Err(Violation::new("no content is handed out after a recall", &detail, at));
                }
            }
        }
    }
    Ok(())
}

/// The reasons with which the private journal has recorded refused disclosures of an item behind a number.
pub(crate) fn attempts(side: &Side, item: &str, behind: u64) -> Vec<renkei_proto::options::v1::Reason> {
    let disk = side.disk();
    let later = disk.entries(Journal::Private, behind + 1).filter(|entry| entry.header.matter == item);
    let attempts = later.filter_map(|entry| match &entry.fact.fact {
        Some(Fact::DisclosureRefused(refused)) => Some(refused.reason()),
        _ => None,
    });
    attempts.collect()
}
