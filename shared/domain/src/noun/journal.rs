//! What an agency says about its own journal: refusals of the peer's entries, kinds, keys, recovery, checkpoints.
//!
//! Nothing answers these facts: they are right, or the journal stops.

use renkei_proto::{
    FactKind,
    journal::v1::{
        AuditCheckpointed, ClockConfirmed, EntryRefused, JournalReopened, KeyAdded, KeyRevoked, KindsSpoken, Mark,
        PrivateAnchored, fact,
    },
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{
    decide::{Case, Refusal, must},
    matter::{Matter, Noun},
    moment::micros,
    page::{MarkView as _, Seen},
};

/// A wrong fact of this kind stops the journal; others are refused.
pub fn stops(kind: FactKind) -> bool {
    matches!(
        kind,
        FactKind::EntryRefused
            | FactKind::KindsSpoken
            | FactKind::KeyAdded
            | FactKind::KeyRevoked
            | FactKind::JournalReopened
            | FactKind::AuditCheckpointed
            | FactKind::PrivateAnchored
    )
}

/// A private fact of this kind guards somebody, so its loss must be noticed at once: it is anchored with its own commit.
pub fn guards(kind: FactKind) -> bool {
    matches!(kind, FactKind::OfficialBarred | FactKind::OfficialUnbarred | FactKind::CodeTried)
}

pub(crate) fn refused(case: &Case, fact: &EntryRefused) -> Result<(), Refusal> {
    case.answers(fact.seq)?;
    let refused = case.author().peer();
    let Some(mark) = case.page().all(refused).find(|mark| mark.seq == fact.seq) else {
        return Err(Refusal::new(Reason::FactDiffers, "the refused entry does not stand in this matter"));
    };
    must(!mark.kind().is_some_and(stops), Reason::FactDiffers, "nothing answers a journal's own fact")?;
    must(case.page().refusal(refused, fact.seq).is_none(), Reason::FactDiffers, "the entry is refused already")
}

pub(crate) fn kinds_spoken(case: &Case, _: &KindsSpoken) -> Result<(), Refusal> {
    case.noun(Noun::Journal)?;
    case.answers_nothing()
}

pub(crate) fn key_added(case: &Case, fact: &KeyAdded) -> Result<(), Refusal> {
    case.noun(Noun::Journal)?;
    case.answers_nothing()?;
    must(!has_key(case.page(), case.author(), &fact.key_id), Reason::FactDiffers, "this key was added before")
}

pub(crate) fn key_revoked(case: &Case, fact: &KeyRevoked) -> Result<(), Refusal> {
    case.noun(Noun::Journal)?;
    case.answers_nothing()?;
    let again = case.page().first(case.author(), |it| match it {
        fact::Fact::KeyRevoked(it) if it.key_id == fact.key_id => Some(()),
        _ => None,
    });
    must(again.is_none(), Reason::FactDiffers, "this key was revoked before")
}

pub(crate) fn reopened(case: &Case, fact: &JournalReopened) -> Result<(), Refusal> {
    case.noun(Noun::Journal)?;
    case.answers_nothing()?;
    let right = fact.incarnation == incarnation(case.page(), case.author()) + 1;
    must(right, Reason::FactDiffers, "a new incarnation is the one before plus one")
}

pub(crate) fn checkpointed(case: &Case, _: &AuditCheckpointed) -> Result<(), Refusal> {
    case.noun(Noun::Journal)?;
    case.answers_nothing()
}

pub(crate) fn anchored(case: &Case, _: &PrivateAnchored) -> Result<(), Refusal> {
    case.noun(Noun::Journal)?;
    case.answers_nothing()
}

fn has_key(seen: Seen<'_>, agency: Agency, key_id: &str) -> bool {
    let found = seen.first(agency, |fact| match fact {
        fact::Fact::KeyAdded(it) if it.key_id == key_id => Some(()),
        _ => None,
    });
    found.is_some()
}

/// The incarnation that an agency's journal has reached, from 1.
pub fn incarnation(seen: Seen<'_>, agency: Agency) -> u32 {
    let last = seen.last(agency, |fact| match fact {
        fact::Fact::JournalReopened(it) => Some(it.incarnation),
        _ => None,
    });
    last.map_or(1, |(_, incarnation)| incarnation)
}

/// The kinds that an agency has said it speaks; `None` before it has said so.
pub fn spoken(seen: Seen<'_>, agency: Agency) -> Option<&[String]> {
    let (_, kinds) = seen.last(agency, |fact| match fact {
        fact::Fact::KindsSpoken(it) => Some(it.kinds.as_slice()),
        _ => None,
    })?;
    Some(kinds)
}

/// The heads of an agency's audit chains as last checkpointed.
pub fn checkpoint(seen: Seen<'_>, agency: Agency) -> Option<&AuditCheckpointed> {
    last_checkpoint(seen, agency).map(|(_, checkpoint)| checkpoint)
}

/// As [`checkpoint`], with when it was written, in microseconds since 1970.
pub fn checkpointed_at(seen: Seen<'_>, agency: Agency) -> Option<(i64, &AuditCheckpointed)> {
    last_checkpoint(seen, agency).map(|(mark, checkpoint)| (micros(mark.written_at.as_ref()), checkpoint))
}

/// The head of an agency's private journal as last anchored.
pub fn anchor(seen: Seen<'_>, agency: Agency) -> Option<&PrivateAnchored> {
    let (_, anchored) = seen.last(agency, |fact| match fact {
        fact::Fact::PrivateAnchored(it) => Some(it),
        _ => None,
    })?;
    Some(anchored)
}

fn last_checkpoint(seen: Seen<'_>, agency: Agency) -> Option<(&Mark, &AuditCheckpointed)> {
    seen.last(agency, |fact| match fact {
        fact::Fact::AuditCheckpointed(it) => Some(it),
        _ => None,
    })
}

/// The last confirmation of the clock in the private part of the own journal's page, with its number there.
pub fn clock_confirmed(local: &[Mark]) -> Option<(u64, &ClockConfirmed)> {
    local.iter().rev().find_map(|mark| match mark.said() {
        Some(fact::Fact::ClockConfirmed(it)) => Some((mark.seq, it)),
        _ => None,
    })
}

/// The name of an agency's journal page.
pub fn name(agency: Agency) -> String {
    Matter::journal(agency).to_string()
}
