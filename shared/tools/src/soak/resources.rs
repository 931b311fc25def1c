//! Memory and file descriptors of the processes.

use std::fmt;

use renkei_proto::r#type::v1::Agency;
use tokio::time::Instant;

use crate::{
    bench::machine::{descriptors, resident},
    fault::Report,
    pair::Pair,
    setup::AGENCIES,
};

/// The growth of the number of descriptors between two moments of rest that pools of connections explain.
const POOLS: usize = 64;

/// Memory and descriptors of both processes at one moment, PPC's first.
pub(super) struct Rest([Held; 2]);

#[derive(Clone, Copy)]
struct Held {
    agency: Agency,
    /// Resident memory, in MiB.
    resident: f64,
    descriptors: usize,
}

impl Rest {
    /// The present moment.
    ///
    /// # Errors
    /// Fails if a process has ended.
    pub(super) fn of(pair: &Pair) -> Result<Self, String> {
        let of = |agency| {
            let process = process(pair, agency)?;
            Ok::<_, String>(Held { agency, resident: resident(process)?, descriptors: descriptors(process)? })
        };
        Ok(Self([of(Agency::Ppc)?, of(Agency::Ipa)?]))
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |it: &Held| format!("{} {:.1} MiB, {} descriptors", it.agency.id(), it.resident, it.descriptors);
        write!(f, "{}", self.0.each_ref().map(of).join("; "))
    }
}

/// Memory over time since the last start of each process.
#[derive(Default)]
pub(super) struct Resources([Life; 2]);

#[derive(Default)]
struct Life {
    process: u32,
    /// The minutes since the first look, and resident memory in KiB.
    looks: Vec<(f64, f64)>,
    begun: Option<Instant>,
}

impl Resources {
    /// Reads the memory of both processes.
    ///
    /// # Errors
    /// Fails if one has ended by itself.
    pub(super) fn look(&mut self, pair: &Pair) -> Result<(), String> {
        for (life, agency) in self.0.iter_mut().zip(AGENCIES) {
            let process = process(pair, agency)?;
            if life.process != process {
                *life = Life { process, begun: Some(Instant::now()), looks: Vec::new() };
            }
            let minutes = life.begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64() / 60.0);
            life.looks.push((minutes, resident(process)? * 1024.0));
        }
        Ok(())
    }

    /// Prints memory and descriptors at rest before and after, and checks that no descriptors were lost.
    pub(super) fn print(&self, before: &Rest, after: &Rest, report: &mut Report<'_>) {
        for ((life, before), after) in self.0.iter().zip(before.0).zip(after.0) {
            let (id, over) = (after.agency.id(), life.looks.last().map_or(0.0, |(minutes, _)| *minutes));
            report.figure(
                &format!("memory of {id} at rest"),
                format!(
                    "{:.1} MiB before, {:.1} MiB after; {:+.0} KiB a minute over the {over:.1} minutes since its last start",
                    before.resident,
                    after.resident,
                    slope(&life.looks),
                ),
            );
            let (first, last) = (before.descriptors, after.descriptors);
            report.check(
                &format!("{id} loses no file descriptors: {first} open at rest before, {last} after"),
                last <= first + POOLS,
            );
        }
    }
}

/// The slope of the straight line with the least squares of distances; 0 for fewer than two points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (both, square) = points.iter().fold((0.0, 0.0), |(both, square), point| {
        (both + (point.0 - x) * (point.1 - y), square + (point.0 - x).powi(2))
    });
    if square > 0.0 { both / square } else { 0.0 }
}

fn process(pair: &Pair, agency: Agency) -> Result<u32, String> {
    pair.side(agency).process_id().ok_or_else(|| format!("the process of {} has ended by itself", agency.id()))
}
