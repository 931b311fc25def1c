//! The database's record of the service's clock.

use jiff::Timestamp;
use renkei_book::{ahead, dated_until};
use renkei_domain::{moment::instant, noun::journal, page::Journal};

use crate::{error::Error, query::query, store::Store};

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
        let row = query(RAN_UNTIL).fetch_optional(&self.inner.read).await?;
        let known = row.map(|row| row.try_get::<i64>(0)).transpose()?;
        let last = self.inner.heads.borrow().last_us();
        let known = known.or_else(|| (last > 0).then_some(last));
        Ok(known.and_then(|us| Timestamp::from_microsecond(us).ok()))
    }

    /// Records that the service runs and its clock is right.
    ///
    /// # Errors
    /// A database that does not answer or cannot be written.
    pub async fn runs(&self, now: Timestamp) -> Result<(), Error> {
        query(RUNS).bind(now.as_microsecond()).execute(&self.inner.write).await?;
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
