//! The operations of a history. Each is a kind and a number from which everything else about it is drawn, so a history from
//! which some operations were removed is still a history.

use crate::draw::Draw;

/// The kinds of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An official acts.
    Act,
    /// A caller repeats its last call, as after an answer that was lost.
    Repeat,
    /// A second replica judges the call of an official, or writes the one that it has judged.
    Replica,
    /// A watcher goes on from its cursor, or begins with a list.
    Watch,
    /// The sessions and the network go on for some steps.
    Steps,
    /// Time passes.
    Pass,
    /// The link is cut, in both directions or in one.
    Cut,
    /// The link is mended.
    Mend,
    /// A connection is lost.
    Lose,
    /// The network delivers an old frame again, on another connection.
    Replay,
    /// The peer, or someone with its certificate, changes a frame.
    Lie,
    /// A process ends at once.
    Crash,
    /// A process ends in order.
    Drain,
    /// A process starts.
    Start,
    /// A database is copied.
    BackUp,
    /// A database is replaced by a copy.
    Restore,
    /// A key is added, or the former one is revoked.
    Keys,
    /// A process is restarted with a version that does not know the newest kinds of fact, or with one that does.
    Version,
    /// A wall clock is set wrong or right.
    Clock,
    /// An operator does what the service waits for.
    Operate,
    /// A faulty version of a service writes a fact that its rules forbid.
    Faulty,
}

/// The kinds with their weights.
const WEIGHTS: [(Kind, u64); 21] = [
    (Kind::Act, 230),
    (Kind::Repeat, 12),
    (Kind::Replica, 40),
    (Kind::Watch, 24),
    (Kind::Steps, 160),
    (Kind::Pass, 30),
    (Kind::Cut, 8),
    (Kind::Mend, 14),
    (Kind::Lose, 12),
    (Kind::Replay, 6),
    (Kind::Lie, 14),
    (Kind::Crash, 8),
    (Kind::Drain, 3),
    (Kind::Start, 20),
    (Kind::BackUp, 6),
    (Kind::Restore, 4),
    (Kind::Keys, 16),
    (Kind::Version, 4),
    (Kind::Clock, 5),
    (Kind::Operate, 12),
    (Kind::Faulty, 6),
];

/// The table from which the kinds of operation are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Every failure, with officials who act in between.
    Failures,
    /// Officials of both sides who act at the same time, for the most part while the link is cut.
    Races,
}

/// The kinds that make races, with the factors of their weights. Officials act several times on each side before anything of
/// that crosses, and then everything does.
const RACES: [(Kind, u64); 4] = [(Kind::Act, 3), (Kind::Replica, 2), (Kind::Cut, 5), (Kind::Mend, 4)];

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What befalls the pair.
    pub kind: Kind,
    /// The number from which the rest is drawn.
    pub seed: u64,
}

/// The seed of a history, by the seed of all and its number.
pub fn seed_of(seed: u64, history: u64) -> u64 {
    Draw::new(seed ^ history.wrapping_mul(0x9e37_79b9_7f4a_7c15)).number()
}

/// The operations of a history.
pub fn operations(seed: u64, number: usize, table: Table) -> Vec<Operation> {
    let mut draw = Draw::new(seed);
    // In some histories little fails, so that matters come to their end; in others failures meet failures.
    let calm = draw.pick(&[0, 1, 4, 12]).copied().unwrap_or_default();
    (0..number).map(|_| Operation { kind: kind(&mut draw, calm, table), seed: draw.number() }).collect()
}

fn kind(draw: &mut Draw, calm: u64, table: Table) -> Kind {
    let factor = |kind: Kind| match table {
        Table::Failures => 1,
        Table::Races => RACES.iter().find(|(of, _)| *of == kind).map_or(1, |(_, factor)| *factor),
    };
    let weight = |kind: Kind, weight: u64| match kind {
        Kind::Act
        | Kind::Repeat
        | Kind::Replica
        | Kind::Watch
        | Kind::Steps
        | Kind::Pass
        | Kind::Start
        | Kind::Mend
        | Kind::Operate => factor(kind) * weight * (calm + 1),
        _ => factor(kind) * weight,
    };
    let all: u64 = WEIGHTS.iter().map(|(kind, it)| weight(*kind, *it)).sum();
    let mut left = draw.below(all);
    for (kind, it) in WEIGHTS {
        let it = weight(kind, it);
        if left < it {
            return kind;
        }
        left -= it;
    }
    Kind::Steps
}
