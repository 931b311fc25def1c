//! A watcher of an agency's feed, which keeps its cursor over everything that befalls the service and its database.

use std::collections::BTreeSet;

use renkei_book::{Cursor, Memory};
use renkei_domain::page::Journal;
use renkei_proto::r#type::v1::Agency;

use crate::{
    check::Violation,
    draw::Draw,
    world::{BOTH, World, place},
};

impl World {
    /// A watcher goes on from its cursor, or lists and continues from there.
    pub(crate) fn watch(&mut self, agency: Agency, draw: &mut Draw) -> Result<(), Violation> {
        let at = place(agency);
        if self.sides[at].process.is_none() {
            return Ok(());
        }
        let disk = self.sides[at].disk().clone();
        let watcher = &mut self.watchers[at];
        let begun = watcher.cursor.as_deref().filter(|_| !draw.one_in(8)).map(|cursor| {
            let cursor = Cursor::from_bytes(cursor);
            cursor.continued(disk.heads(), 0, disk.around(&cursor)).map(|_| cursor)
        });
        let line = match begun {
            Some(Ok(cursor)) => {
                let told = disk.feed(cursor.turn);
                // It may be cut off before the end.
                let some = if draw.one_in(3) { draw.index(told.len() + 1) } else { told.len() };
                let place = told[..some].iter().fold(cursor, |place, it| place.behind(agency, it));
                watcher.known.extend(told[..some].iter().filter_map(|it| id_of(&disk, it.entry?)));
                let is_all = some == told.len();
                let place = if is_all { place.reached(Cursor::at(disk.heads())) } else { place };
                watcher.cursor = Some(place.to_bytes());
                let missed = listed(&disk).into_iter().find(|id| is_all && !watcher.known.contains(id));
                if let Some(missed) = missed {
                    let detail = format!("{}: a watcher was never told of {missed}", agency.id());
                    return Err(Violation::new("a watcher misses nothing", &detail, self.at));
                }
                format!("is told of {some} of {} changes", told.len())
            }
            other => {
                watcher.known = listed(&disk);
                watcher.cursor = Some(Cursor::at(disk.heads()).to_bytes());
                let why = other.and_then(Result::err).map_or("lists", |refusal| refusal.reason.id());
                format!("begins with a list: {why}")
            }
        };
        self.tell(format!("{}'s watcher {line}", agency.id()));
        Ok(())
    }
}

fn id_of(disk: &Memory, (author, end): (Agency, renkei_journal::Head)) -> Option<String> {
    disk.entry(Journal::Of(author), end.seq).map(|entry| entry.header.entry_id.clone())
}

/// The ids of the entries of both journals that have a fact: all that a list can show.
fn listed(disk: &Memory) -> BTreeSet<String> {
    let entries = BOTH.into_iter().flat_map(|author| disk.entries(Journal::Of(author), 1));
    entries.filter(|entry| entry.fact.fact.is_some()).map(|entry| entry.header.entry_id.clone()).collect()
}
