//! The moment of a call: time and randomness, drawn once at the edge. Everything below is a function of it.

use std::sync::Arc;

use aws_lc_rs::hmac;
use jiff::Timestamp;

use crate::timekeeper::{Basis, Timekeeper};

/// Time and randomness of one call.
#[derive(Clone)]
pub struct Moment {
    /// The time at which the call is judged.
    pub now: Timestamp,
    /// The basis of that time.
    pub basis: Basis,
    seed: [u8; 32],
}

impl Moment {
    /// A moment from a reading of the clock and 32 bytes of randomness, which must be used for nothing else.
    pub fn new(now: Timestamp, seed: [u8; 32]) -> Self {
        Self { now: whole_micros(now), basis: Basis::Unjudged, seed }
    }

    /// The same randomness at another time: the writer raises the time to the last one written.
    pub fn at(&self, now: Timestamp) -> Self {
        Self { now: whole_micros(now), ..self.clone() }
    }

    /// The `n`th 32 random bytes for one use of this call. Different labels and numbers are independent (HMAC-SHA-256).
    pub fn bytes(&self, label: &str, n: u64) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.seed);
        let mut context = hmac::Context::with_key(&key);
        context.update(label.as_bytes());
        context.update(&n.to_be_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    /// The `n`th UUIDv7 (RFC 9562) for one use of this call.
    pub fn id(&self, label: &str, n: u64) -> String {
        let millis = u64::try_from(self.now.as_millisecond()).unwrap_or_default();
        let random = self.bytes(label, n);
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&random[..10]);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().to_string()
    }
}

/// The source of moments. The services pass in clock and randomness; tests pass in their own.
#[derive(Clone)]
pub struct Source {
    draw: Arc<dyn Fn() -> Moment + Send + Sync>,
    keeper: Option<Arc<Timekeeper>>,
}

impl Source {
    /// A source that draws with this function. Nobody judges its clock.
    pub fn new(draw: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        Self { draw: Arc::new(draw), keeper: None }
    }

    /// A source whose clock is judged, with 32 bytes of randomness for each moment.
    pub fn judged(keeper: Timekeeper, seed: impl Fn() -> [u8; 32] + Send + Sync + 'static) -> Self {
        let keeper = Arc::new(keeper);
        let clock = Arc::clone(&keeper);
        let draw = move || {
            let (now, basis) = clock.time();
            Moment { basis, ..Moment::new(now, seed()) }
        };
        Self { draw: Arc::new(draw), keeper: Some(keeper) }
    }

    /// Draws the moment of one call.
    pub fn moment(&self) -> Moment {
        (self.draw)()
    }

    /// The judge of the clock; `None` if the clock is not judged.
    pub fn keeper(&self) -> Option<&Timekeeper> {
        self.keeper.as_deref()
    }
}

/// Times on the wire and in SQL are whole microseconds.
fn whole_micros(now: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// An instant of the wire. The calendar ends some hours before the contract does (9999-12-30T22:00:00Z), so an instant
/// that it cannot compute is the nearest one that it can: the far future or the far past, and never an absent one.
pub fn instant(stamp: &prost_types::Timestamp) -> Timestamp {
    let nearest = if stamp.seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::new(stamp.seconds, stamp.nanos.clamp(0, 999_999_999)).unwrap_or(nearest)
}

/// The end of a period; `None` if it never comes: it is absent, or beyond the range that the calendar can compute.
pub fn end(stamp: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    stamp.map(instant).filter(|end| *end < Timestamp::MAX)
}

/// An instant for the wire.
pub fn stamp(instant: Timestamp) -> prost_types::Timestamp {
    let micros = instant.as_microsecond();
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    prost_types::Timestamp { seconds, nanos: i32::try_from(rest * 1_000).unwrap_or_default() }
}

/// An instant of the wire in microseconds since 1970; 0 when it is absent.
pub fn micros(stamp: Option<&prost_types::Timestamp>) -> i64 {
    stamp.map_or(0, |stamp| instant(stamp).as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_gives_the_same_ids_again_and_another_moment_others() {
        let now: Timestamp = Timestamp::from_second(1_795_478_400).unwrap_or_default();
        let one = Moment::new(now, [7; 32]);
        assert_eq!(one.id("entry", 1), one.id("entry", 1));
        assert_ne!(one.id("entry", 1), one.id("entry", 2));
        assert_ne!(one.id("entry", 1), Moment::new(now, [8; 32]).id("entry", 1));
        assert_eq!(one.id("entry", 1).len(), 36);
        assert_eq!(one.id("entry", 1).as_bytes()[14], b'7');
    }

    #[test]
    fn every_instant_of_the_contract_has_its_place_in_the_calendar_and_keeps_the_order() {
        let wire = |seconds, nanos| prost_types::Timestamp { seconds, nanos };
        let in_order = [
            wire(-62_135_596_800, 0),
            wire(-1, 999_999_999),
            wire(0, 0),
            wire(253_402_207_200, 0),
            wire(253_402_207_201, 0),
            wire(253_402_300_799, 999_999_999),
        ];
        assert!(in_order.windows(2).all(|pair| instant(&pair[0]) <= instant(&pair[1])));
        assert_eq!(instant(&in_order[5]), Timestamp::MAX);
        assert_eq!(micros(Some(&in_order[5])), Timestamp::MAX.as_microsecond());
        for beyond in [wire(i64::MAX, 0), wire(i64::MAX, i32::MIN), wire(253_402_300_800, 0)] {
            assert_eq!(instant(&beyond), Timestamp::MAX);
        }
        assert_eq!(instant(&wire(i64::MIN, -1)), Timestamp::MIN);
        assert_eq!(micros(None), 0);
    }

    #[test]
    fn instants_before_1970_keep_positive_nanos() {
        let instant = Timestamp::from_microsecond(-1).unwrap_or_default();
        assert_eq!(stamp(instant), prost_types::Timestamp { seconds: -1, nanos: 999_999_000 });
    }
}
