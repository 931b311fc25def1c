//! The warnings that the time for a notice about the running term runs out: a private entry, so that each is given once, and
//! an event, because watchers are not told of private entries.

use renkei_book::{CallOrigin, Command, Stage};
use renkei_domain::{
    matter::Matter,
    moment::{Moment, Source},
    noun::agreement::due_warning,
    page::Seen,
    read_set::ReadSet,
    refusal::Refusal,
    term,
};
use renkei_proto::watch::v1::{TermWarned, event::Change};
use renkei_store::{Error, Store};

/// The name of the work in the record of calls.
const METHOD: &str = "warn_of_term";

/// Records the warning that is due now, or that the last open day is over.
///
/// # Errors
/// If the warning cannot be written.
pub async fn warn_of_term(store: &Store, source: &Source) -> Result<(), Error> {
    let page = store.page(Matter::AGREEMENT).await?.unwrap_or_default();
    if due_warning(Seen::whole(&page), source.moment().now).is_none() {
        return Ok(());
    }
    store.write(METHOD, CallOrigin::own(METHOD), source.moment(), Warn).await
}

/// Writes the warning that is due when it runs.
struct Warn;

impl Command for Warn {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::matter(Matter::AGREEMENT)
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<(), Refusal> {
        let Some(warned) = due_warning(stage.page(Matter::AGREEMENT), moment.now) else { return Ok(()) };
        stage.write(&Matter::of(Matter::AGREEMENT), warned.into(), None, 0)?;
        let last_open = term::term(warned.term).map(|term| term.last_open.to_string()).unwrap_or_default();
        let told = TermWarned { term: warned.term, warning: warned.warning, last_open };
        stage.tell(Matter::AGREEMENT, Change::TermWarned(told));
        Ok(())
    }
}
