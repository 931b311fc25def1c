//! The versions of the memorandum as the journals name them.

use std::sync::LazyLock;

use renkei_domain::{
    calendar,
    memorandum::{self, Memorandum},
    page::Journal,
};
use renkei_journal::{Agreements as Digests, Previous};
use renkei_proto::r#type::v1::Agency;

/// The digests that entries name, each from the first instant of its version's first day in Japan. Clones share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreements {
    exchanged: Digests,
    private: Digests,
}

impl Agreements {
    /// Those of the versions that a service has.
    pub fn of(memorandum: &Memorandum) -> Self {
        let digests = |digest: fn([u8; 32]) -> [u8; 32]| {
            let (first, later) =
                memorandum.versions().split_first().map_or((None, &[][..]), |(first, later)| (Some(first), later));
            let from =
                |it: &memorandum::Version| Some((calendar::start(it.first_day?).as_microsecond(), digest(it.digest)));
            Digests::new(first.map(|first| digest(first.digest)).unwrap_or_default(), later.iter().filter_map(from))
        };
        // The private journal is bound to other digests, so that no private entry is ever valid in the shared journal.
        Self { exchanged: digests(|it| it), private: digests(|it| memorandum::private_digest(&it)) }
    }

    /// Those of the versions of this program.
    pub fn built_in() -> Self {
        static BUILT_IN: LazyLock<Agreements> = LazyLock::new(|| Agreements::of(&Memorandum::built_in()));
        BUILT_IN.clone()
    }

    /// The state before the first entry of a journal.
    pub fn start(&self, own: Agency, journal: Journal) -> Previous {
        match journal {
            Journal::Of(agency) => Previous::start(agency, self.exchanged.clone()),
            Journal::Private => Previous::start(own, self.private.clone()),
        }
    }
}
