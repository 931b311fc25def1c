//! A hundred histories, each with all failures, and some that are races in the items. `./dev simulate` runs more of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZero,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use renkei_simulation::{
    generator::Sort,
    generators,
    history::{Setting, Told, plan, run, shrunk},
    operation::seed_of,
};

const SEED: u64 = 20_261_201;
const HISTORIES: u64 = 100;
const OPERATIONS: usize = 400;
/// The number of histories that are races.
const RACES: u64 = 24;
const ABOUT_ITEMS: Setting = Setting { about: Some("items"), tells_frames: false };

fn told(history: u64, setting: Setting) -> Told {
    let seed = seed_of(SEED, history);
    run(seed, &plan(seed, OPERATIONS, setting), setting)
}

/// All histories of a setting on all processors.
fn all(histories: u64, setting: Setting) -> Vec<(u64, Told)> {
    let next = AtomicU64::new(0);
    let work = || {
        let mine = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        mine.take_while(|history| *history < histories)
            .map(|history| (history, told(history, setting)))
            .collect::<Vec<_>>()
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

#[test]
fn nothing_is_violated_and_every_act_is_tried() {
    let (all, races) = (all(HISTORIES, Setting::default()), all(RACES, ABOUT_ITEMS));
    let mut acts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (about, (history, told)) in all.iter().map(|it| ("", it)).chain(races.iter().map(|it| (" --about items", it))) {
        if let Some(violation) = &told.violation {
            panic!("history {history}: {violation}\n./dev simulate --seed {SEED}{about} --history {history} --shrink");
        }
        for (name, (tried, done)) in &told.acts {
            let all = acts.entry(name).or_default();
            *all = (all.0 + tried, all.1 + done);
        }
    }
    // Officials of a history about a noun act in no matter of another one.
    let items = generators::ALL.iter().filter(|(noun, _)| *noun == "items").flat_map(|(_, of_noun)| of_noun.iter());
    let of_items: BTreeSet<&str> = items.map(|generator| generator.name).collect();
    let strangers = races.iter().flat_map(|(_, told)| told.acts.keys()).find(|name| !of_items.contains(*name));
    assert_eq!(strangers, None);
    for generator in generators::ALL.iter().flat_map(|(_, of_noun)| of_noun.iter()) {
        let (tried, done) = acts.get(generator.name).copied().unwrap_or_default();
        assert!(tried > 0, "{} was never tried", generator.name);
        assert!(generator.sort != Sort::Valid || done > 0, "{} was never carried out", generator.name);
    }
    // Entries of faulty versions are refused, so the histories contain refusals of every sort of lie.
    assert!(all.iter().any(|(_, told)| !told.refusals.is_empty()));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for history in 0..3 {
        let (one, other) = (told(history, Setting::default()), told(history, ABOUT_ITEMS));
        let (again, other_again) = (told(history, Setting::default()), told(history, ABOUT_ITEMS));
        assert_eq!((&one.digest, &other.digest), (&again.digest, &other_again.digest));
        assert_eq!((one.story, other.story), (again.story, other_again.story));
    }
    assert_ne!(told(0, Setting::default()).digest, told(1, Setting::default()).digest);
}

#[test]
fn a_part_of_a_history_is_a_history() {
    let seed = seed_of(SEED, 0);
    let planned: Vec<_> =
        plan(seed, OPERATIONS, Setting::default()).into_iter().filter(|(at, _)| at % 3 == 0).collect();
    assert_eq!(run(seed, &planned, Setting::default()).violation, None);
}

/// A violation that is not one of the histories' own: the shrinking has to end all the same.
#[test]
fn a_history_that_does_not_fail_alike_is_not_shrunk() {
    let (seed, planned) = (seed_of(SEED, 1), plan(seed_of(SEED, 1), 12, Setting::default()));
    let violation = renkei_simulation::check::Violation::new("no such invariant", "", 11);
    assert_eq!(shrunk(seed, &planned, &violation, Setting::default()), planned);
}
