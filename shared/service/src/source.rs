//! Clock and randomness: read here and nowhere below.

use std::path::Path;

use jiff::Timestamp;
use renkei_domain::moment::{Moment, Source};

use crate::{config::Config, error::StartError};

/// The machine's clock, or a sandbox's file, with the machine's randomness.
///
/// # Errors
/// When a sandbox's clock cannot be read, or there is no randomness.
pub fn source(config: &Config) -> Result<Source, StartError> {
    seed().ok_or(StartError::Randomness)?;
    let Some(clock) = &config.clock else { return Ok(Source::new(|| Moment::new(machine(), certain_seed()))) };
    let file = clock.file.clone();
    let first = read(&file).map_err(|why| StartError::Clock { file: file.display().to_string(), why })?;
    let last = std::sync::atomic::AtomicI64::new(first.as_microsecond());
    Ok(Source::new(move || {
        use std::sync::atomic::Ordering::SeqCst;
        // A file that is gone for a moment leaves the last time that it showed.
        let shown = read(&file).map_or_else(|_| last.load(SeqCst), Timestamp::as_microsecond);
        last.store(shown, SeqCst);
        Moment::new(Timestamp::from_microsecond(shown).unwrap_or_default(), certain_seed())
    }))
}

fn read(file: &Path) -> Result<Timestamp, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    text.lines().next().unwrap_or_default().trim().parse().map_err(|error: jiff::Error| error.to_string())
}

/// The machine's clock. TLS judges certificates and revocation lists by it, in a sandbox too.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
pub(crate) fn machine() -> Timestamp {
    Timestamp::now()
}

fn seed() -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).ok()?;
    Some(seed)
}

/// A service without randomness must not go on: ids, salts and nonces would repeat.
fn certain_seed() -> [u8; 32] {
    seed().unwrap_or_else(|| std::process::abort())
}
