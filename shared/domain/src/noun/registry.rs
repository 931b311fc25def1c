//! All nouns, and the noun of a fact or of a matter. The one place outside a noun's own files that names it.

use jiff::{Timestamp, civil::Date};
use renkei_proto::{FactKind, journal::v1::fact, r#type::v1::Agency};

use super::{Noun, advice, agreement, code, item, journal, official, referral, referral_counts, report, scheme};
use crate::{
    case_number::CaseNumber,
    duty::DutyKind,
    index::Lookup,
    matter::{Collection, Matter},
    page::{Journal, MarkView as _, Seen, View},
    read_set::ReadSet,
    tally::{Tally, month_key},
    term::TermStanding,
};

/// Every noun.
pub const ALL: &[&dyn Noun] = &[
    &agreement::AgreementNoun,
    &scheme::SchemeNoun,
    &referral::ReferralNoun,
    &referral_counts::ReferralCountsNoun,
    &code::CodeNoun,
    &report::ReportNoun,
    &advice::AdviceNoun,
    &item::ItemNoun,
    &official::OfficialNoun,
    &journal::JournalNoun,
];

impl Matter {
    /// The matter with this name; `None` when no noun has such a name.
    pub fn parse(name: &str) -> Option<Self> {
        ALL.iter().find_map(|noun| noun.collection().parse(name))
    }

    /// The matter of an entry, whatever its name is.
    pub fn of(name: &str) -> Self {
        Self::parse(name).unwrap_or_else(|| Self::unknown(name))
    }
}

/// The noun of a collection. A matter of no known collection contains nothing but refused entries, so it is judged as
/// the journal's own.
pub fn of_collection(collection: Collection) -> &'static dyn Noun {
    let noun = ALL.iter().find(|noun| noun.collection() == collection);
    noun.copied().unwrap_or(&journal::JournalNoun)
}

/// The noun of a matter.
pub fn of(matter: &Matter) -> &'static dyn Noun {
    of_collection(matter.collection)
}

/// The noun to which a kind of fact belongs. A refusal, which is written in any matter, is the journal's.
pub fn of_kind(kind: FactKind) -> &'static dyn Noun {
    let noun = ALL.iter().find(|noun| noun.collection().word() == kind.rule().collection);
    noun.copied().unwrap_or(&journal::JournalNoun)
}

/// The noun to which a fact belongs.
pub fn of_fact(fact: &fact::Fact) -> &'static dyn Noun {
    of_kind(FactKind::of(fact))
}

/// Everything that the judgement of a fact in a matter reads: its page, the noun's own wishes, and the counters of the
/// numbers that it gives.
pub fn reads(matter: &str, fact: &fact::Fact) -> ReadSet {
    let noun = of_fact(fact);
    let mut reads = ReadSet::matter(matter).with(noun.reads(fact));
    reads.years.extend(noun.ordinals(fact).iter().map(|ordinal| ordinal.year));
    reads
}

/// The counters that an entry moves. `day` is the day of writing in Japan.
pub fn tallies(own: Agency, journal: Journal, fact: &fact::Fact, day: Date) -> Vec<Tally> {
    let noun = of_fact(fact);
    let mut tallies = match journal {
        Journal::Of(author) => noun.ordinals(fact).iter().map(|ordinal| ordinal.tally(own, author)).collect(),
        Journal::Private => Vec::new(),
    };
    if journal != Journal::Of(own.peer()) {
        tallies.extend(noun.tallies(fact, month_key(day)));
    }
    tallies
}

/// The other names that an entry gives to its matter: the noun's own, and the case number where its opener wrote it.
pub fn lookups(journal: Journal, matter: &Matter, fact: &fact::Fact) -> Vec<Lookup> {
    let named = of_fact(fact).lookup(matter, fact);
    let is_openers = journal == Journal::Of(matter.opener);
    let numbered = if is_openers { numbered(matter, fact) } else { None };
    named.into_iter().chain(numbered.map(|it| it.lookup())).collect()
}

/// The case number of a matter; `None` for a matter without one, and where the entry that gave the number was refused.
pub fn case_number(matter: &Matter, seen: Seen<'_>) -> Option<CaseNumber> {
    seen.marks(matter.opener).find_map(|mark| numbered(matter, mark.stated()?))
}

/// The case number that a fact gives to its matter. An ordinal of all years is not one of a case.
fn numbered(matter: &Matter, fact: &fact::Fact) -> Option<CaseNumber> {
    let of_year = of_fact(fact).ordinals(fact).into_iter().find(|ordinal| ordinal.year > 0)?;
    CaseNumber::of(matter, of_year.year, of_year.number)
}

/// Every kind of duty.
pub fn duty_kinds() -> impl Iterator<Item = DutyKind> {
    ALL.iter().flat_map(|noun| noun.duty_kinds().iter().copied())
}

/// The duties by which matters are found in which a service may owe another fact after a start.
pub fn settled_at_start() -> impl Iterator<Item = DutyKind> {
    ALL.iter().filter_map(|noun| noun.settled_at_start())
}

/// The reason for which nothing new may begin at an instant, as the author of the view sees it; `None` while the agreement
/// is in force.
pub fn agreement_forbids(view: &View, now: Timestamp) -> Option<(&'static str, &'static str)> {
    match agreement::standing(view, now) {
        TermStanding::InForce(_) => None,
        TermStanding::Disputed(_) => Some((
            "new matters of this article are opened only while the agreement is in force, and its renewal is in dispute",
            "覚書の延長に疑義があります。",
        )),
        TermStanding::Expired { .. } => Some((
            "new matters of this article are opened only while the agreement is in force, and it has ended",
            "覚書の有効期間は満了しています。",
        )),
        TermStanding::NotYet => Some((
            "new matters of this article are opened only while the agreement is in force, and it has not begun",
            "覚書の有効期間は始まっていません。",
        )),
    }
}
