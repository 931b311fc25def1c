//! A whole history: its operations, its outcome, and the shortest one that fails alike.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use prost::Message as _;

use crate::{
    check::{Violation, refusals},
    operation::{Operation, Table, operations},
    world::{BOTH, World},
};

/// The outcome of a history.
pub struct Told {
    /// What happened, line by line.
    pub story: Vec<String>,
    /// The first violation, if there is one.
    pub violation: Option<Violation>,
    /// The digest of the story and of both sides' journals: equal on every machine.
    pub digest: String,
    /// The number of entries in both journals.
    pub entries: u64,
    /// By generator, the number of acts that were tried, and of those that were carried out.
    pub acts: BTreeMap<&'static str, (u64, u64)>,
    /// The reasons of refusals in the journals.
    pub refusals: BTreeMap<String, usize>,
}

/// What a history is about, and how it is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting {
    /// The collection of the noun in whose matters officials act; `None` for all.
    pub about: Option<&'static str>,
    /// True if the story tells of every frame.
    pub tells_frames: bool,
}

/// Runs a history: the operations in their places, and then the rest.
pub fn run(seed: u64, planned: &[(usize, Operation)], setting: Setting) -> Told {
    let mut world = World::new(seed, setting.tells_frames);
    world.about = setting.about;
    let end = planned.last().map_or(0, |(at, _)| at + 1);
    let ran = planned.iter().try_for_each(|(at, operation)| world.operate(*at, *operation));
    let violation = ran.and_then(|()| world.settle(end)).err();
    let mut bytes = world.story.join("\n").into_bytes();
    let mut entries = 0;
    let mut all = BTreeMap::new();
    for side in &world.sides {
        for author in BOTH {
            for entry in side.journal(author) {
                entries += 1;
                bytes.extend(entry.encode_to_vec());
            }
        }
        for (reason, count) in refusals(side) {
            *all.entry(reason).or_default() += count;
        }
    }
    let digest = hex::encode(digest(&SHA256, &bytes));
    Told { story: world.story, violation, digest, entries, acts: world.acts, refusals: all }
}

/// The planned operations of a history.
pub fn plan(seed: u64, number: usize, setting: Setting) -> Vec<(usize, Operation)> {
    let table = if setting.about.is_some() { Table::Races } else { Table::Failures };
    operations(seed, number, table).into_iter().enumerate().collect()
}

/// The fewest of these operations after which the same invariant is violated: parts are left out as long as it is.
pub fn shrunk(
    seed: u64,
    planned: &[(usize, Operation)],
    violation: &Violation,
    setting: Setting,
) -> Vec<(usize, Operation)> {
    let fails = |planned: &[(usize, Operation)]| {
        run(seed, planned, setting).violation.is_some_and(|found| found.invariant == violation.invariant)
    };
    let mut kept: Vec<(usize, Operation)> = planned.to_vec();
    // Whatever came after the violation had no part in it.
    let until: Vec<_> = kept.iter().copied().filter(|(at, _)| *at <= violation.at).collect();
    if fails(&until) {
        kept = until;
    }
    let mut part = kept.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        let before = kept.len();
        while from < kept.len() {
            let to = (from + part).min(kept.len());
            let rest: Vec<_> = kept[..from].iter().chain(&kept[to..]).copied().collect();
            if fails(&rest) {
                kept = rest;
            } else {
                from = to;
            }
        }
        if part == 1 && kept.len() == before {
            return kept;
        }
        part = (part / 2).max(1);
    }
}
