//! An agency's facts about its own journal: refusals of the peer's entries, kinds, keys, recovery, checkpoints.
//!
//! Nothing answers these facts: they are right, or the journal stops.

use renkei_proto::{
    FactKind, Sentence,
    journal::v1::{
        AuditCheckpointed, ClockConfirmed, EntryRefused, JournalReopened, KeyAdded, KeyRevoked, KindsSpoken, Mark,
        PrivateAnchored, fact::Fact,
    },
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{
    case::Case,
    matter::{Collection, Matter},
    moment::micros,
    noun::Noun,
    page::{MarkView as _, Seen},
    refusal::{Refusal, must},
};

/// `agencies/{author}/journal`.
pub const COLLECTION: Collection = Collection::of_agency("journal");

/// The agencies' own journals.
pub struct JournalNoun;

impl Noun for JournalNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn judge(&self, case: &Case, fact: &Fact) -> Result<(), Refusal> {
        match fact {
            Fact::EntryRefused(refused) => judge_refusal(case, refused),
            Fact::KeyAdded(added) => judge_new_key(case, added),
            Fact::KeyRevoked(revoked) => judge_revocation(case, revoked),
            Fact::JournalReopened(reopened) => judge_reopening(case, reopened),
            Fact::KindsSpoken(_)
            | Fact::AuditCheckpointed(_)
            | Fact::PrivateAnchored(_)
            | Fact::StopLifted(_)
            | Fact::JournalStopped(_)
            | Fact::LossFound(_)
            | Fact::ClockConfirmed(_)
            | Fact::RecoveryEnded(_)
            | Fact::OfficialsConfirmed(_) => Ok(()),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn needs_room(&self, _: &Fact) -> bool {
        false
    }

    fn is_automatic(&self, fact: &Fact) -> bool {
        FactKind::of(fact).rule().wrong_stops
    }
}

impl Matter {
    /// The matter of an agency's own journal: `agencies/{author}/journal`.
    pub fn journal(author: Agency) -> Self {
        Self::new(COLLECTION, author, "")
    }
}

fn judge_refusal(case: &Case, fact: &EntryRefused) -> Result<(), Refusal> {
    case.answers(fact.seq)?;
    let refused = case.author().peer();
    let Some(mark) = case.page().all(refused).find(|mark| mark.seq == fact.seq) else {
        return Err(Refusal::new(
            Reason::FactDiffers,
            Sentence::for_developers("the refused entry is not in this matter"),
        ));
    };
    let stops = mark.kind().is_some_and(|kind| kind.rule().wrong_stops);
    must(!stops, Reason::FactDiffers, Sentence::for_developers("nothing answers a journal's own fact"))?;
    must(
        case.page().refusal(refused, fact.seq).is_none(),
        Reason::FactDiffers,
        Sentence::for_developers("the entry is refused already"),
    )
}

fn judge_new_key(case: &Case, fact: &KeyAdded) -> Result<(), Refusal> {
    let known = case.page().all_of::<KeyAdded>(case.author()).any(|(_, it)| it.key_id == fact.key_id);
    must(!known, Reason::FactDiffers, Sentence::for_developers("this key was added before"))
}

fn judge_revocation(case: &Case, fact: &KeyRevoked) -> Result<(), Refusal> {
    let revoked = case.page().all_of::<KeyRevoked>(case.author()).any(|(_, it)| it.key_id == fact.key_id);
    must(!revoked, Reason::FactDiffers, Sentence::for_developers("this key was revoked before"))
}

fn judge_reopening(case: &Case, fact: &JournalReopened) -> Result<(), Refusal> {
    let is_next = fact.incarnation == incarnation(case.page(), case.author()) + 1;
    must(is_next, Reason::FactDiffers, Sentence::for_developers("a new incarnation is the one before plus one"))
}

/// The incarnation that an agency's journal has reached, from 1.
pub fn incarnation(seen: Seen<'_>, agency: Agency) -> u32 {
    seen.last::<JournalReopened>(agency).map_or(1, |(_, reopened)| reopened.incarnation)
}

/// The kinds of fact that an agency's service speaks by its own account; `None` before it gave one.
pub fn spoken(seen: Seen<'_>, agency: Agency) -> Option<&[String]> {
    seen.last::<KindsSpoken>(agency).map(|(_, spoken)| spoken.kinds.as_slice())
}

/// The heads of an agency's audit chains as last checkpointed.
pub fn checkpoint(seen: Seen<'_>, agency: Agency) -> Option<&AuditCheckpointed> {
    seen.last(agency).map(|(_, checkpoint)| checkpoint)
}

/// The last checkpoint with its time of writing, in microseconds since 1970.
pub fn checkpointed_at(seen: Seen<'_>, agency: Agency) -> Option<(i64, &AuditCheckpointed)> {
    seen.last(agency).map(|(mark, checkpoint)| (micros(mark.written_at.as_ref()), checkpoint))
}

/// The head of an agency's private journal as last anchored.
pub fn anchor(seen: Seen<'_>, agency: Agency) -> Option<&PrivateAnchored> {
    seen.last(agency).map(|(_, anchored)| anchored)
}

/// The last confirmation of the clock in the private part of the own journal's page, with its number there.
pub fn clock_confirmed(local: &[Mark]) -> Option<(u64, &ClockConfirmed)> {
    local.iter().rev().find_map(|mark| match mark.stated() {
        Some(Fact::ClockConfirmed(it)) => Some((mark.seq, it)),
        _ => None,
    })
}

/// The name of an agency's journal page.
pub fn name(agency: Agency) -> String {
    Matter::journal(agency).to_string()
}
