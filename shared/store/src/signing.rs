//! Signs own entries and encrypts contents, on other threads while further commands are judged.

use std::sync::Arc;

use prost::Message as _;
use renkei_book::{Body, Stage, StagedEntry};
use renkei_domain::moment::Moment;
use renkei_journal::SigningKey;
use renkei_proto::journal::v1::Entry;
use tokio::task::JoinHandle;

use crate::{
    content::{Encrypted, KeyRing},
    error::Error,
    inner::Inner,
};

/// The number of own entries from which signing is worth another thread: waking one takes about as long as signing an
/// entry.
const WORTH: usize = 8;

/// An entry as it is stored: signed, with its content encrypted beside it.
pub(crate) struct Written {
    pub(crate) entry: Entry,
    pub(crate) content: Option<Encrypted>,
}

/// The entries of a batch, in order, in parts as its commands were judged.
#[derive(Default)]
pub(crate) struct Signing {
    begun: usize,
    parts: Vec<Part>,
}

enum Part {
    Done(Vec<Written>),
    Underway(JoinHandle<Result<Vec<Written>, Error>>),
}

impl Signing {
    /// Begins to sign the entries that were staged since the last call. A finished command is never rolled back, so its
    /// entries are final. The batch's randomness is drawn from `moment`.
    pub(crate) fn begin(&mut self, inner: &Inner, stage: &mut Stage, moment: &Moment) -> Result<(), Error> {
        let unsigned: Vec<Unsigned> = stage.bodies(self.begun).map(|(entry, body)| Unsigned::of(entry, body)).collect();
        self.begun += unsigned.len();
        if unsigned.is_empty() {
            return Ok(());
        }
        let own = unsigned.iter().filter(|entry| matches!(entry.body, Body::Own(_))).count();
        self.parts.push(if own < WORTH {
            Part::Done(write(unsigned, &inner.key, &inner.ring, moment)?)
        } else {
            let (key, ring, moment) = (Arc::clone(&inner.key), Arc::clone(&inner.ring), moment.clone());
            Part::Underway(tokio::task::spawn_blocking(move || write(unsigned, &key, &ring, &moment)))
        });
        Ok(())
    }

    /// Waits until all entries are signed, and returns them in order.
    pub(crate) async fn end(self) -> Result<Vec<Written>, Error> {
        let mut all = Vec::with_capacity(self.begun);
        for part in self.parts {
            all.extend(match part {
                Part::Done(written) => written,
                Part::Underway(writing) => writing.await.map_err(|_| Error::Ended)??,
            });
        }
        Ok(all)
    }
}

/// An entry before it is signed, with what its content is bound to.
struct Unsigned {
    matter: String,
    place: String,
    turn: u64,
    body: Body,
}

impl Unsigned {
    fn of(entry: &StagedEntry, body: Body) -> Self {
        let (matter, place) = (entry.header.matter.clone(), place(entry.journal.id(), entry.header.seq));
        Self { matter, place, turn: entry.turn, body }
    }
}

fn write(entries: Vec<Unsigned>, key: &SigningKey, ring: &KeyRing, moment: &Moment) -> Result<Vec<Written>, Error> {
    let written = entries.into_iter().map(|Unsigned { matter, place, turn, body }| {
        let mut entry = match body {
            Body::Own(chained) => chained.sign(key),
            Body::Arrived(entry) => entry,
        };
        let draw = |label: &str| moment.bytes(&format!("{label} {place}"), turn);
        let content = entry.content.take().map(|it| ring.encrypt(&matter, &place, draw, &it.encode_to_vec()));
        Ok(Written { entry, content: content.transpose()? })
    });
    written.collect()
}

/// The place of a content, which is bound to its ciphertext so that contents cannot be exchanged.
pub(crate) fn place(journal: &str, seq: u64) -> String {
    format!("{journal}/{seq}")
}
