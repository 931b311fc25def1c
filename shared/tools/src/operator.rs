//! The operator's commands, applied to a service that runs in the test's process.

use std::collections::BTreeSet;

use renkei_book::{CallOrigin, Cause, ConfirmOfficials};
use renkei_proto::r#type::v1::Agency;
use renkei_store::Error;

use crate::pair::Pair;

/// Confirms after a loss that these officials are barred, and nobody else: `recover --barred`.
///
/// # Errors
/// Fails if the service does not run, or refuses it.
pub async fn confirm_barred(pair: &Pair, agency: Agency, barred: &[&str]) -> Result<(), Error> {
    let store = pair.side(agency).store().ok_or(Error::Ended)?;
    let barred: BTreeSet<String> = barred.iter().map(|id| (*id).to_owned()).collect();
    let confirm = ConfirmOfficials { own: agency, barred, reason: "the list of the personnel office".to_owned() };
    store.write("recover", CallOrigin::own("recover"), pair.clock.source([6; 32]).moment(), confirm).await
}

/// Ends a recovery without what is not back: `recover --end`.
///
/// # Errors
/// Fails if the service does not run, or refuses it.
pub async fn end_recovery(pair: &Pair, agency: Agency) -> Result<(), Error> {
    let store = pair.side(agency).store().ok_or(Error::Ended)?;
    let end = store.reopening(Cause::GivenUp("the peer has lost its database, too".to_owned())).await?;
    store.write("recover", CallOrigin::own("recover"), pair.clock.source([7; 32]).moment(), end).await
}
