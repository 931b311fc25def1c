//! A clock that a test moves, and randomness that comes from a seed.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use renkei_domain::moment::{Moment, Source};

/// The time of both sides. Clones share it.
#[derive(Clone)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// A clock that is stopped at an instant.
    pub fn at(instant: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(instant.as_microsecond())))
    }

    /// The time that it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }

    /// Moves it on.
    pub fn advance(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or_default();
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// Sets it, forwards or back.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.as_microsecond(), Ordering::SeqCst);
    }

    /// A source of moments with this time and randomness that depends on nothing but the seed and the order of calls.
    pub fn source(&self, seed: [u8; 32]) -> Source {
        let (clock, drawn) = (self.clone(), AtomicU64::new(0));
        let root = Moment::new(Timestamp::UNIX_EPOCH, seed);
        Source::new(move || Moment::new(clock.now(), root.bytes("moment", drawn.fetch_add(1, Ordering::SeqCst))))
    }
}
