//! Clock and randomness: they are read here and nowhere below.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering::SeqCst},
};

use jiff::Timestamp;
use renkei_domain::{
    moment::{Moment, Source},
    timekeeper::{Doubt, Timekeeper, Witness},
};
use renkei_store::Store;
use tokio::time::Instant;

use crate::{config::Config, error::StartError};

/// The machine's clock, or a sandbox's file, with the machine's randomness.
///
/// # Errors
/// A sandbox's clock that cannot be read, or missing randomness.
pub fn source(config: &Config) -> Result<Source, StartError> {
    seed().ok_or(StartError::Randomness)?;
    let wall = match &config.clock {
        Some(clock) => of_file(clock.file.clone())?,
        None => Box::new(machine),
    };
    if !config.judges_clock() {
        return Ok(Source::new(move || Moment::new(wall(), certain_seed())));
    }
    let begun = Instant::now();
    Ok(Source::judged(Timekeeper::new(wall, move || begun.elapsed()), certain_seed))
}

/// Compares the clock with the time until which the service ran before.
///
/// # Errors
/// A database that does not answer.
pub(crate) async fn compare(source: &Source, store: &Store) -> Result<(), renkei_store::Error> {
    if let Some(keeper) = source.keeper() {
        keeper.ran_until(store.ran_until().await?);
    }
    Ok(())
}

/// The reason for which the clock stops acts, in a sentence; empty if it does not.
///
/// # Errors
/// A database that does not answer.
pub(crate) async fn stopped_by_clock(source: &Source, store: &Store) -> Result<String, renkei_store::Error> {
    let Some(keeper) = source.keeper() else { return Ok(String::new()) };
    if let Some(doubt) = keeper.doubt() {
        return Ok(doubted(&doubt));
    }
    let ahead = store.dated_ahead(source.moment().now).await?.filter(|(_, is_agreed)| !is_agreed);
    Ok(ahead
        .map(|(last, _)| format!("the last entry is dated {last}, ahead of the clock: {CONFIRM}"))
        .unwrap_or_default())
}

const CONFIRM: &str = "set the clock right, or see `confirm-clock`";

/// The reason for which the clock is doubted, in a sentence.
pub(crate) fn doubted(doubt: &Doubt) -> String {
    let Doubt { witness, shown, expected } = doubt;
    let contradiction = match witness {
        Witness::SteadyClock => "although, by the time that has passed, it is",
        Witness::LastRun => "although this service last ran at",
        Witness::Peer => "although the peer's clock shows",
    };
    format!("it shows {shown:.0}, {contradiction} {expected:.0}: {CONFIRM}")
}

type Wall = Box<dyn Fn() -> Timestamp + Send + Sync>;

fn of_file(file: PathBuf) -> Result<Wall, StartError> {
    let first = read(&file).map_err(|why| StartError::Clock { file: file.display().to_string(), why })?;
    let last = AtomicI64::new(first.as_microsecond());
    Ok(Box::new(move || {
        // While the file is missing, the last time that it showed is used.
        let shown = read(&file).map_or_else(|_| last.load(SeqCst), Timestamp::as_microsecond);
        last.store(shown, SeqCst);
        Timestamp::from_microsecond(shown).unwrap_or_default()
    }))
}

fn read(file: &Path) -> Result<Timestamp, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let line = text.lines().next().unwrap_or_default().trim();
    let instant = |text: &str| text.parse::<Timestamp>().map_err(|error| error.to_string());
    let Some(begun) = line.strip_suffix(" runs") else { return instant(line) };
    let written = std::fs::metadata(file).and_then(|it| it.modified()).map_err(|error| error.to_string())?;
    let written = Timestamp::try_from(written).map_err(|error| error.to_string())?;
    instant(begun.trim())?.checked_add(machine().duration_since(written)).map_err(|error| error.to_string())
}

/// The machine's clock. TLS judges certificates and revocation lists by it, also in a sandbox.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
pub(crate) fn machine() -> Timestamp {
    Timestamp::now()
}

fn seed() -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).ok()?;
    Some(seed)
}

/// A seed of random bytes. A service without randomness must stop: ids, salts and nonces would repeat.
fn certain_seed() -> [u8; 32] {
    seed().unwrap_or_else(|| std::process::abort())
}
