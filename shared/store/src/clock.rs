//! The database's record of the service's clock: the time until which it has run, and the confirmations of operators.

use jiff::Timestamp;
use renkei_domain::{
    matter::Matter,
    moment::{Moment, instant, stamp},
    noun::journal,
    page::Journal,
    read_set::ReadSet,
    refusal::Refusal,
    timekeeper::{Basis, JUMP},
};
use renkei_proto::{
    journal::v1::{ClockConfirmed, ClockConfirmedContent, Mark, fact},
    options::v1::Reason,
};
use sqlx::Row as _;

use crate::{
    command::{Command, Job},
    error::Error,
    head::{Heads, last_us},
    stage::Stage,
    store::Store,
};

pub(crate) const RAN_UNTIL: &str = "SELECT ran_until_us FROM clock WHERE one = 1";
pub(crate) const RUNS: &str = "INSERT INTO clock (one, ran_until_us) VALUES (1, $1) \
     ON CONFLICT (one) DO UPDATE SET ran_until_us = excluded.ran_until_us";

impl Store {
    /// The time until which the service is known to have run with a right clock. If the database does not contain it,
    /// the time of the last own entry; `None` if there is no entry either.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn ran_until(&self) -> Result<Option<Timestamp>, Error> {
        let row = sqlx::query(RAN_UNTIL).fetch_optional(&self.inner.read).await?;
        let known = row.map(|row| row.try_get::<i64, _>(0)).transpose()?;
        let last = last_us(&self.inner.heads.borrow());
        let known = known.or_else(|| (last > 0).then_some(last));
        Ok(known.and_then(|us| Timestamp::from_microsecond(us).ok()))
    }

    /// Records that the service runs and its clock is right.
    ///
    /// # Errors
    /// A database that does not answer or cannot be written.
    pub async fn runs(&self, now: Timestamp) -> Result<(), Error> {
        sqlx::query(RUNS).bind(now.as_microsecond()).execute(&self.inner.write).await?;
        Ok(())
    }

    /// The time that an operator confirmed last, with the number of that entry in the private journal.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn clock_confirmed(&self) -> Result<Option<(u64, Timestamp)>, Error> {
        let page = self.page(&journal::name(self.own())).await?.unwrap_or_default();
        let found = journal::clock_confirmed(page.marks(Journal::Private));
        Ok(found.and_then(|(seq, it)| Some((seq, instant(it.time.as_ref()?)))))
    }

    /// The time of the last entry if it is far ahead of this time, and whether an operator has agreed that acts are
    /// dated by it.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn dated_ahead(&self, now: Timestamp) -> Result<Option<(Timestamp, bool)>, Error> {
        let last = ahead(&self.inner.heads.borrow(), now);
        let Some(last) = last else { return Ok(None) };
        let page = self.page(&journal::name(self.own())).await?.unwrap_or_default();
        Ok(Some((last, last <= dated_until(page.marks(Journal::Private)))))
    }
}

fn ahead(heads: &Heads, now: Timestamp) -> Option<Timestamp> {
    let last = Timestamp::from_microsecond(last_us(heads)).ok()?;
    (last.duration_since(now) > JUMP).then_some(last)
}

/// Refuses commands that the clock does not allow to be dated. While the time is taken from the steady clock, the
/// service's own work continues, but no act of an official does; while the time is unknown, nothing with a date does.
/// No act is dated far ahead of the clock, unless an operator has agreed to it.
pub(crate) fn admit(stage: &Stage, job: &Job) -> Result<(), Error> {
    let is_act = !job.call.request_id.is_empty();
    match job.moment.basis {
        Basis::Unjudged => Ok(()),
        Basis::Unknown if !job.command.is_undated() => Err(Error::ClockDoubted),
        Basis::SteadyClock if is_act => Err(Error::ClockDoubted),
        Basis::Unknown | Basis::SteadyClock => Ok(()),
        Basis::WallClock => match ahead(stage.heads(), job.moment.now) {
            // Every batch loads this page.
            Some(last) if is_act && last > dated_until(stage.view().local(&journal::name(stage.own()))) => {
                Err(Error::DatedAhead { last })
            }
            _ => Ok(()),
        },
    }
}

/// The time until which an operator has agreed that acts are dated by the last entry.
fn dated_until(local: &[Mark]) -> Timestamp {
    let found = journal::clock_confirmed(local);
    found.and_then(|(_, it)| Some(instant(it.dated_until.as_ref()?))).unwrap_or(Timestamp::MIN)
}

/// An operator's confirmation of the clock. It is recorded, and the running services accept it.
pub struct ConfirmClock {
    /// The time that the clock shows.
    pub time: Timestamp,
    /// True if the operator agrees that acts are dated by the last entry until the clock has reached it.
    pub dated_ahead: bool,
    /// The reason for which the clock is right.
    pub reason: String,
}

impl Command for ConfirmClock {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        let last = ahead(stage.heads(), self.time);
        if let Some(last) = last.filter(|_| !self.dated_ahead) {
            let detail = format!(
                "the last entry is dated {last}, and no act is dated before it: set the clock right if it is slow; \
                 `--dated-ahead` lets acts be dated {last} until the clock reaches it"
            );
            return Err(Refusal::new(Reason::WrongState, detail));
        }
        let confirmed = ClockConfirmed { time: Some(stamp(self.time)), dated_until: last.map(stamp) };
        let words = ClockConfirmedContent { reason: self.reason.clone() };
        let matter = Matter::journal(stage.own());
        stage.write(&matter, fact::Fact::ClockConfirmed(confirmed), crate::stage::content(&words), 0)?;
        Ok(())
    }

    fn while_recovering(&self) -> bool {
        true
    }
}
