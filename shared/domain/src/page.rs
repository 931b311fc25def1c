//! The page of a matter: the facts of both agencies, folded from the journals.
//!
//! A half is a set of marks that only grows, so two registers with the same entries have the same page whatever the
//! order in which the journals came. An author's view at the time of its decision is the same page cut at two numbers
//! ([`Seen`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use prost::Message as _;
use renkei_proto::{
    FactKind, FactMessage,
    journal::v1::{self as proto, EntryRefused, Fact, Half, Header, Mark, fact},
    r#type::v1::Agency,
};

use crate::{
    matter::{Collection, entry_name},
    moment::{instant, micros},
};

/// The journal that contains an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Journal {
    /// An agency's entries for the peer.
    Of(Agency),
    /// The own entries that are never sent.
    Private,
}

impl Journal {
    /// `ppc`, `ipa` or `private`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Of(agency) => agency.id(),
            Self::Private => "private",
        }
    }
}

/// A page: PPC's half, IPA's half and the local part that never crosses. The marks are in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    ppc: Half,
    ipa: Half,
    local: Half,
}

/// Pages by the name of their matter. They are shared, because a batch is written while the next one is judged on its
/// pages.
pub type Pages = BTreeMap<String, Arc<Page>>;

impl Page {
    /// A page from its stored bytes: both halves, and the local part.
    pub fn decode(page: &[u8], local: &[u8]) -> Result<Self, prost::DecodeError> {
        let page = proto::Page::decode(page)?;
        Ok(Self { ppc: page.ppc.unwrap_or_default(), ipa: page.ipa.unwrap_or_default(), local: Half::decode(local)? })
    }

    /// The bytes of both halves, as the message `Page` has them. They are equal on both sides if both have the same
    /// entries.
    pub fn encode(&self) -> Vec<u8> {
        // Without a copy of every mark, as the message would ask for.
        let mut out = Vec::with_capacity(self.ppc.encoded_len() + self.ipa.encoded_len() + 16);
        prost::encoding::message::encode(1, &self.ppc, &mut out);
        prost::encoding::message::encode(2, &self.ipa, &mut out);
        out
    }

    /// The bytes of the local part.
    pub fn encode_local(&self) -> Vec<u8> {
        self.local.encode_to_vec()
    }

    /// The bytes of one agency's half: what an etag covers.
    pub fn encode_half(&self, agency: Agency) -> Vec<u8> {
        match agency {
            Agency::Ppc => self.ppc.encode_to_vec(),
            Agency::Ipa => self.ipa.encode_to_vec(),
            Agency::Unspecified => Vec::new(),
        }
    }

    /// The marks of one journal in this matter.
    pub fn marks(&self, journal: Journal) -> &[Mark] {
        match journal {
            Journal::Of(Agency::Ppc) => &self.ppc.marks,
            Journal::Of(Agency::Ipa) => &self.ipa.marks,
            Journal::Of(Agency::Unspecified) => &[],
            Journal::Private => &self.local.marks,
        }
    }

    /// The hash of a journal's last header in this matter; zeros if there is none.
    pub fn last_hash(&self, journal: Journal) -> [u8; 32] {
        self.marks(journal).last().and_then(|mark| mark.hash.as_slice().try_into().ok()).unwrap_or_default()
    }

    /// True if neither agency has written an entry.
    pub fn is_empty(&self) -> bool {
        self.ppc.marks.is_empty() && self.ipa.marks.is_empty()
    }
}

/// Adds an entry to a page. Cannot fail and does not depend on the order of the two journals.
pub fn apply(page: &mut Page, journal: Journal, header: &Header, hash: [u8; 32], fact: &Fact) {
    let marks = match journal {
        Journal::Of(Agency::Ppc) => &mut page.ppc.marks,
        Journal::Of(Agency::Ipa) => &mut page.ipa.marks,
        Journal::Of(Agency::Unspecified) => return,
        Journal::Private => &mut page.local.marks,
    };
    let Err(place) = marks.binary_search_by_key(&header.seq, |mark| mark.seq) else {
        return;
    };
    marks.insert(
        place,
        Mark {
            seq: header.seq,
            written_at: header.written_at,
            answers: header.answers,
            hash: hash.to_vec(),
            fact: Some(fact.clone()),
        },
    );
    if let Some(kind) = fact.fact.as_ref().map(FactKind::of).filter(|kind| kind.rule().replaces) {
        keep_latest(marks, kind);
    }
}

/// Keeps only the latest fact of such a kind, so that the journal's own page stays small. The very last mark of the
/// page is kept too, because the next header of the matter names its hash.
fn keep_latest(marks: &mut Vec<Mark>, kind: FactKind) {
    let latest = marks.iter().rev().find(|mark| mark.kind() == Some(kind)).map(|mark| mark.seq);
    marks.retain(|mark| mark.kind() != Some(kind) || Some(mark.seq) == latest);
}

/// A mark in the types of the domain.
pub trait MarkView {
    /// The fact in its kind; `None` for a kind that this version does not know.
    fn stated(&self) -> Option<&fact::Fact>;
    /// The kind of fact.
    fn kind(&self) -> Option<FactKind>;
    /// The time of writing.
    fn at(&self) -> Timestamp;
}

impl MarkView for Mark {
    fn stated(&self) -> Option<&fact::Fact> {
        self.fact.as_ref()?.fact.as_ref()
    }

    fn kind(&self) -> Option<FactKind> {
        self.stated().map(FactKind::of)
    }

    fn at(&self) -> Timestamp {
        self.written_at.as_ref().map(instant).unwrap_or_default()
    }
}

/// A page as somebody saw it: both halves cut at a number, without the marks of refused entries.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    page: &'a Page,
    ppc_until: u64,
    ipa_until: u64,
}

impl<'a> Seen<'a> {
    /// Everything that is stored.
    pub fn whole(page: &'a Page) -> Self {
        Self { page, ppc_until: u64::MAX, ipa_until: u64::MAX }
    }

    /// The page as it was when the journals ended at these numbers.
    pub fn until(page: &'a Page, ppc_until: u64, ipa_until: u64) -> Self {
        Self { page, ppc_until, ipa_until }
    }

    /// The marks of the local part, in order. Only the own service has one.
    pub fn local(self) -> &'a [Mark] {
        self.page.marks(Journal::Private)
    }

    fn end(&self, agency: Agency) -> u64 {
        match agency {
            Agency::Ppc => self.ppc_until,
            _ => self.ipa_until,
        }
    }

    /// True if neither agency has written an entry in this view.
    pub fn is_empty(self) -> bool {
        [Agency::Ppc, Agency::Ipa].into_iter().all(|agency| self.all(agency).next().is_none())
    }

    /// An agency's marks that count, in order: those that the peer has not refused.
    pub fn marks(self, agency: Agency) -> impl Iterator<Item = &'a Mark> + use<'a> {
        // Read once: a page is passed over for each of its marks.
        let refused = self.refused(agency);
        self.all(agency).filter(move |mark| !refused.contains(&mark.seq))
    }

    /// The numbers of an agency's entries that the peer has refused.
    fn refused(self, agency: Agency) -> BTreeSet<u64> {
        let refused = self.all(agency.peer()).filter_map(|mark| match mark.stated() {
            Some(fact::Fact::EntryRefused(refused)) => Some(refused.seq),
            _ => None,
        });
        refused.collect()
    }

    /// All of an agency's marks in this view, refused ones too.
    pub fn all(self, agency: Agency) -> impl Iterator<Item = &'a Mark> + use<'a> {
        let until = self.end(agency);
        self.page.marks(Journal::Of(agency)).iter().take_while(move |mark| mark.seq <= until)
    }

    /// The peer's refusal of an agency's entry.
    pub fn refusal(self, agency: Agency, seq: u64) -> Option<(&'a Mark, &'a EntryRefused)> {
        self.all(agency.peer()).find_map(|mark| match mark.stated() {
            Some(fact::Fact::EntryRefused(refused)) if refused.seq == seq => Some((mark, refused)),
            _ => None,
        })
    }

    /// The marks of an agency that count and that `pick` chooses, in order.
    pub fn each<T, P>(self, agency: Agency, pick: P) -> impl Iterator<Item = (&'a Mark, T)> + use<'a, T, P>
    where
        P: Fn(&'a fact::Fact) -> Option<T>,
    {
        self.marks(agency).filter_map(move |mark| mark.stated().and_then(&pick).map(|fact| (mark, fact)))
    }

    /// The facts of one kind that an agency wrote and that count, in order.
    pub fn all_of<F: FactMessage + 'a>(self, agency: Agency) -> impl Iterator<Item = (&'a Mark, &'a F)> + use<'a, F> {
        self.each(agency, F::of)
    }

    /// The facts of one kind that an agency wrote, refused ones too, in order: for facts that only take a permission away, so that
    /// the peer cannot keep it by refusing them.
    pub fn stated<F: FactMessage + 'a>(self, agency: Agency) -> impl Iterator<Item = (&'a Mark, &'a F)> + use<'a, F> {
        self.all(agency).filter_map(|mark| Some((mark, F::of(mark.stated()?)?)))
    }

    /// The first fact of one kind that an agency wrote and that counts.
    pub fn first<F: FactMessage + 'a>(self, agency: Agency) -> Option<(&'a Mark, &'a F)> {
        self.all_of(agency).next()
    }

    /// The last fact of one kind that an agency wrote and that counts.
    pub fn last<F: FactMessage + 'a>(self, agency: Agency) -> Option<(&'a Mark, &'a F)> {
        self.all_of(agency).last()
    }

    /// True if an agency wrote a fact of one kind that counts.
    pub fn has<F: FactMessage + 'a>(self, agency: Agency) -> bool {
        self.first::<F>(agency).is_some()
    }

    /// The first fact of one kind that an agency wrote in answer to this number of the other's journal and that counts.
    pub fn answer<F: FactMessage + 'a>(self, agency: Agency, seq: u64) -> Option<(&'a Mark, &'a F)> {
        self.all_of(agency).find(|(mark, _)| mark.answers == seq)
    }

    /// The time of the last entry of either half.
    pub fn updated_at(self) -> Option<prost_types::Timestamp> {
        let both = [Agency::Ppc, Agency::Ipa].into_iter().flat_map(|agency| self.all(agency));
        both.filter_map(|mark| mark.written_at).max_by_key(|at| (at.seconds, at.nanos))
    }

    /// Names of all entries of both halves in the order of their writing.
    pub fn entries(self) -> Vec<String> {
        let mut all: Vec<_> = [Agency::Ppc, Agency::Ipa]
            .into_iter()
            .flat_map(|agency| self.all(agency).map(move |mark| (micros(mark.written_at.as_ref()), agency, mark.seq)))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, agency, seq)| entry_name(agency, seq)).collect()
    }
}

/// The view of an author at its decision: its own entries before this one, the peer's up to `peer_until`.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pages: &'a Pages,
    author: Agency,
    author_until: u64,
    peer_until: u64,
}

static EMPTY: Page = {
    const NOTHING: Half = Half { marks: Vec::new() };
    Page { ppc: NOTHING, ipa: NOTHING, local: NOTHING }
};

impl<'a> View<'a> {
    /// The view of the author's own service: everything that it has stored.
    pub fn whole(pages: &'a Pages, author: Agency) -> Self {
        Self { pages, author, author_until: u64::MAX, peer_until: u64::MAX }
    }

    /// The view of the author of this entry, as the receiver can repeat it.
    pub fn of_author(pages: &'a Pages, author: Agency, header: &Header) -> Self {
        Self { pages, author, author_until: header.seq.saturating_sub(1), peer_until: header.seen_peer_seq }
    }

    /// The agency that decides.
    pub fn author(&self) -> Agency {
        self.author
    }

    /// The highest number of the peer's journal that the author had.
    pub fn peer_until(&self) -> u64 {
        self.peer_until
    }

    fn seen(&self, page: &'a Page) -> Seen<'a> {
        let (ppc_until, ipa_until) = match self.author {
            Agency::Ppc => (self.author_until, self.peer_until),
            _ => (self.peer_until, self.author_until),
        };
        Seen { page, ppc_until, ipa_until }
    }

    /// A matter's page as the author saw it; empty if there is none.
    pub fn page(&self, matter: &str) -> Seen<'a> {
        self.seen(self.pages.get(matter).map_or(&EMPTY, Arc::as_ref))
    }

    /// The local part of a matter's page. Only the own service has one.
    pub fn local(&self, matter: &str) -> &'a [Mark] {
        self.pages.get(matter).map_or(&[], |page| page.marks(Journal::Private))
    }

    /// All pages of a collection of one agency, by id.
    pub fn list(&self, collection: Collection, opener: Agency) -> impl Iterator<Item = (&'a str, Seen<'a>)> + use<'a> {
        let (view, prefix) = (*self, collection.prefix(opener));
        let skip = prefix.len();
        let end = prefix.clone();
        view.pages
            .range(prefix..)
            .take_while(move |(name, _)| name.starts_with(&end))
            .map(move |(name, page)| (&name[skip..], view.seen(page)))
    }
}
