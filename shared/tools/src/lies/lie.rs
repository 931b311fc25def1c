//! A lie, and the telling of it.

use renkei_proto::{journal::v1::Entry, options::v1::Reason, r#type::v1::Agency};

use crate::{
    liar::{Fate, Liar},
    peer::header,
};

/// A lie, with its expected outcome.
pub struct Lie {
    /// The untrue part, in words.
    pub what: String,
    /// The agencies that can tell it.
    pub by: Vec<Agency>,
    /// The expected fate.
    pub fate: Fate,
    /// Tells it.
    pub tell: Telling,
}

/// Makes the entry that lies.
pub type Telling = Box<dyn Fn(&mut Liar) -> Result<Entry, String> + Send + Sync>;

pub(super) const BOTH: &[Agency] = &[Agency::Ppc, Agency::Ipa];
pub(super) const PPC: &[Agency] = &[Agency::Ppc];
pub(super) const IPA: &[Agency] = &[Agency::Ipa];

pub(super) fn lie(
    what: impl Into<String>,
    by: &[Agency],
    reason: Reason,
    tell: impl Fn(&mut Liar) -> Result<Entry, String> + Send + Sync + 'static,
) -> Lie {
    Lie { what: what.into(), by: by.to_vec(), fate: Fate::Refused(reason), tell: Box::new(tell) }
}

pub(super) fn stop(
    what: &str,
    by: &[Agency],
    tell: impl Fn(&mut Liar) -> Result<Entry, String> + Send + Sync + 'static,
) -> Lie {
    Lie { fate: Fate::Stopped(Reason::NotUnderstood), ..lie(what, by, Reason::NotUnderstood, tell) }
}

impl Liar {
    /// Tells a lie and gives what becomes of it.
    ///
    /// # Errors
    /// Fails if the lie cannot be told, or nothing becomes of it.
    pub async fn tell(&mut self, lie: &Lie) -> Result<Fate, String> {
        let before = self.peer.place.clone();
        let entry = (lie.tell)(self)?;
        let fate = self.send(&entry).await.map_err(|error| format!("{}: {error}", lie.what))?;
        if let Fate::Stopped(_) = fate {
            self.peer.place = before;
            self.resume(header(&entry).seq).await?;
        }
        Ok(fate)
    }
}
