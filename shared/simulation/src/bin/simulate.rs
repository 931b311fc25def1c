//! Runs histories of the pair and prints what they violate: `simulate --histories N --operations M --seed S`.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::{
    collections::BTreeMap,
    num::NonZero,
    panic::resume_unwind,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use aws_lc_rs::digest::{SHA256, digest};
use clap::Parser;
use renkei_simulation::{
    Operation,
    check::Violation,
    generators,
    history::{Setting, Told, plan, run, shrunk},
    operation::seed_of,
};

/// Runs histories of the pair under a seeded scheduler. The same arguments give the same output on every machine.
#[derive(Parser)]
struct Arguments {
    /// The number of histories.
    #[arg(long, default_value_t = 100)]
    histories: u64,
    /// The number of operations of each.
    #[arg(long, default_value_t = 400)]
    operations: usize,
    /// The seed of all.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Officials act in the matters of this noun alone, such as `items`, several times on each side before anything crosses.
    #[arg(long, value_parser = noun)]
    about: Option<&'static str>,
    /// Shrinks the first history that violates each invariant to the fewest operations, and tells its story.
    #[arg(long)]
    shrink: bool,
    /// Ends after the first history that fails.
    #[arg(long)]
    first: bool,
    /// Runs this history alone, and tells its story.
    #[arg(long)]
    history: Option<u64>,
    /// Tells of every frame of that history.
    #[arg(long, requires = "history")]
    frames: bool,
    /// Keeps only these operations of the history, by their numbers.
    #[arg(long, value_delimiter = ',', requires = "history")]
    keep: Option<Vec<usize>>,
}

impl Arguments {
    fn setting(&self) -> Setting {
        Setting { about: self.about, tells_frames: self.frames }
    }
}

/// The collection of a noun with generators.
fn noun(named: &str) -> Result<&'static str, String> {
    let all = generators::collections();
    let found = all.iter().find(|of| **of == named).copied();
    found.ok_or_else(|| format!("must be one of {}", all.iter().copied().collect::<Vec<_>>().join(", ")))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(history) = arguments.history {
        let mut planned = plan(seed_of(arguments.seed, history), arguments.operations, arguments.setting());
        if let Some(keep) = &arguments.keep {
            planned.retain(|(at, _)| keep.contains(at));
        }
        let told = run(seed_of(arguments.seed, history), &planned, arguments.setting());
        if let Some(violation) = told.violation.as_ref().filter(|_| arguments.shrink) {
            shrink(&arguments, history, violation);
            return ExitCode::FAILURE;
        }
        return tell(&told);
    }
    let mut all = all(&arguments);
    let mut digests = Vec::new();
    let (mut entries, mut failed) = (0, Vec::new());
    let (mut acts, mut refusals) = (BTreeMap::new(), BTreeMap::new());
    for (history, told) in &mut all {
        digests.extend_from_slice(told.digest.as_bytes());
        entries += told.entries;
        for (name, (tried, done)) in &told.acts {
            let all = acts.entry(*name).or_insert((0, 0));
            *all = (all.0 + tried, all.1 + done);
        }
        told.refusals.iter().for_each(|(name, count)| *refusals.entry(name.clone()).or_insert(0) += count);
        failed.extend(told.violation.clone().map(|violation| (*history, violation)));
    }
    println!("   tried     done  act");
    for (name, (tried, done)) in &acts {
        println!("{tried:>8} {done:>8}  {name}");
    }
    for (reason, count) in &refusals {
        println!("         {count:>8}  entries refused: {reason}");
    }
    let Arguments { histories, operations, seed, .. } = arguments;
    let digest = hex::encode(digest(&SHA256, &digests));
    println!("{histories} histories of {operations} operations, seed {seed}: {entries} entries, digest {digest}");
    for (history, violation) in &failed {
        println!("history {history}: {violation}");
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    if arguments.shrink {
        // One of each kind: the shortest way to a second fault does not lead through the first.
        let kinds: BTreeMap<&str, &(u64, Violation)> =
            failed.iter().rev().map(|failed| (failed.1.invariant, failed)).collect();
        kinds.values().for_each(|(history, violation)| shrink(&arguments, *history, violation));
    }
    ExitCode::FAILURE
}

/// Runs all histories on all processors, in their order.
fn all(arguments: &Arguments) -> BTreeMap<u64, Told> {
    let (next, last) = (AtomicU64::new(0), AtomicU64::new(arguments.histories));
    let work = || {
        let mut all = Vec::new();
        loop {
            let history = next.fetch_add(1, Ordering::SeqCst);
            if history >= last.load(Ordering::SeqCst) {
                return all;
            }
            let seed = seed_of(arguments.seed, history);
            let setting = arguments.setting();
            let told = run(seed, &plan(seed, arguments.operations, setting), setting);
            if arguments.first && told.violation.is_some() {
                last.fetch_min(history + 1, Ordering::SeqCst);
            }
            all.push((history, told));
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        // A later history may have been under way when the first one failed.
        joined.filter(|(history, _)| *history < last.load(Ordering::SeqCst)).collect()
    })
}

fn tell(told: &Told) -> ExitCode {
    told.story.iter().for_each(|line| println!("{line}"));
    println!("digest {}", told.digest);
    match &told.violation {
        Some(violation) => {
            println!("{violation}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn shrink(arguments: &Arguments, history: u64, violation: &Violation) {
    let seed = seed_of(arguments.seed, history);
    let setting = arguments.setting();
    let planned = plan(seed, arguments.operations, setting);
    let kept: Vec<(usize, Operation)> = shrunk(seed, &planned, violation, setting);
    println!("\nThe story of history {history}, shrunk to {} operations:", kept.len());
    tell(&run(seed, &kept, setting));
    let numbers: Vec<String> = kept.iter().map(|(at, _)| at.to_string()).collect();
    let Arguments { operations, seed, about, .. } = arguments;
    let about = about.map(|noun| format!(" --about {noun}")).unwrap_or_default();
    println!(
        "\n./dev simulate --operations {operations} --seed {seed}{about} --history {history} --keep {}",
        numbers.join(",")
    );
}
