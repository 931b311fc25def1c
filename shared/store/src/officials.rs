//! The officials who were ever barred or unbarred, for the gate and the desk.

use std::collections::BTreeSet;

use renkei_book::Declined;
use renkei_domain::{
    matter::Matter,
    noun::official,
    page::{Journal, Page},
};
use renkei_proto::r#type::v1::Agency;
use renkei_telemetry::Metrics;

use crate::{
    connection::Pool,
    content::KeyRing,
    error::Error,
    load::{PAGES_BETWEEN, prefix_range},
    query::query,
    seal::StoredPage,
    store::Store,
};

impl Store {
    /// The pages of the officials who were ever barred or unbarred.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn officials(&self) -> Result<Vec<(Matter, Page)>, Error> {
        let found = officials(&self.inner.read, self.inner.own, &self.inner.ring, &self.inner.metrics).await?;
        found.into_iter().map(|(matter, page)| page.map(|page| (matter, page))).collect()
    }
}

/// An official's matter with its page, or the reason for which the page is not believed.
pub(crate) type OfficialPage = (Matter, Result<Page, Error>);

pub(crate) async fn officials(
    pool: &Pool,
    own: Agency,
    ring: &KeyRing,
    metrics: &Metrics,
) -> Result<Vec<OfficialPage>, Error> {
    let (from, to) = prefix_range(&renkei_domain::noun::official::COLLECTION.prefix(own));
    let mut found = Vec::new();
    for row in query(PAGES_BETWEEN).bind(from).bind(to).fetch_all(pool).await? {
        let stored = StoredPage::read(&mut row.columns())?;
        let matter = Matter::of(stored.matter);
        match stored.believe(ring, metrics) {
            Ok(page) => found.extend(page.map(|page| (matter, Ok(page)))),
            Err(error @ Error::Declined(Declined::Altered { .. })) => found.push((matter, Err(error))),
            Err(error) => return Err(error),
        }
    }
    found.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    Ok(found)
}

/// The ids of the officials who are barred. An official whose page was changed counts as barred, because the truth is
/// not known.
pub(crate) fn barred(officials: &[OfficialPage]) -> BTreeSet<String> {
    let barred = officials
        .iter()
        .filter(|(_, page)| page.as_ref().map_or(true, |page| official::is_barred(page.marks(Journal::Private))));
    barred.map(|(matter, _)| matter.id.clone()).collect()
}
