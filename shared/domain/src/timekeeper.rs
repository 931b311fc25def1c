//! The reliability of the wall clock, judged by its witnesses: the steady clock, the time until which the service is
//! known to have run, and the peer. While the clock is doubted, nothing is dated by it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// The wall clock may differ so much from the steady one, and may be set back so far while the service is down.
pub const JUMP: SignedDuration = SignedDuration::from_hours(1);
/// A service may be down for so long before an operator has to confirm the clock.
pub const DOWN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// A clock that nothing else vouches for may differ so much from the peer's.
pub const PEER: SignedDuration = SignedDuration::from_hours(24);
/// The time that an operator confirms may differ so much from the wall clock.
pub const CONFIRMED: SignedDuration = SignedDuration::from_mins(10);

/// The wall clock with its witnesses.
pub struct Timekeeper {
    wall: Clock<Timestamp>,
    steady: Clock<Duration>,
    state: Mutex<State>,
}

type Clock<T> = Box<dyn Fn() -> T + Send + Sync>;

/// The witness that contradicts the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The steady clock: the wall clock has jumped while the service ran.
    SteadyClock,
    /// The time up to which the service is known to have run.
    LastRun,
    /// The peer's clock, after a start that the last run does not vouch for.
    Peer,
}

/// The basis of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A clock that nobody judges: a sandbox's or a test's.
    Unjudged,
    /// The wall clock, which its witnesses do not contradict.
    WallClock,
    /// The steady clock, since the wall clock was last right. It dates the service's own work, and no act of an
    /// official.
    SteadyClock,
    /// A witness that contradicts the wall clock at the start. It dates nothing.
    Unknown,
}

impl Basis {
    /// True if the wall clock is doubted.
    #[must_use]
    pub fn is_doubted(self) -> bool {
        matches!(self, Self::SteadyClock | Self::Unknown)
    }
}

/// The reason for which the wall clock is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The witness that contradicts it.
    pub witness: Witness,
    /// The time that it shows.
    pub shown: Timestamp,
    /// The time according to the witness.
    pub expected: Timestamp,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// The last time that was right, and the steady clock then.
    anchor: Option<(Timestamp, Duration)>,
    doubt: Option<Witness>,
    /// The last run, the peer or an operator vouches for the wall clock.
    is_vouched: bool,
}

impl Timekeeper {
    /// A timekeeper that has not met its witnesses yet. `steady` never goes back and is never set.
    pub fn new(
        wall: impl Fn() -> Timestamp + Send + Sync + 'static,
        steady: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self { wall: Box::new(wall), steady: Box::new(steady), state: Mutex::default() }
    }

    /// The time, and its basis.
    pub fn time(&self) -> (Timestamp, Basis) {
        self.with(|state, wall, steady| state.time(wall, steady))
    }

    /// The reason for which the wall clock is doubted now; `None` if it is not.
    pub fn doubt(&self) -> Option<Doubt> {
        self.with(|state, shown, steady| {
            let (expected, _) = state.time(shown, steady);
            state.doubt.map(|witness| Doubt { witness, shown, expected })
        })
    }

    /// Compares the wall clock with the time up to which the service is known to have run. A new database knows none.
    pub fn ran_until(&self, last: Option<Timestamp>) {
        self.with(|state, wall, steady| {
            let is_near = last.is_some_and(|last| apart(wall, last) <= JUMP);
            *state = State { anchor: Some((wall, steady)), doubt: None, is_vouched: is_near };
            if let Some(last) = last.filter(|last| !Witness::LastRun.allows(wall, *last)) {
                *state = State { anchor: Some((last, steady)), doubt: Some(Witness::LastRun), is_vouched: false };
            }
        });
    }

    /// Hears the peer's clock. It counts only where nothing else vouches for the wall clock, so a wrong clock of the
    /// peer never stops a service that runs.
    pub fn heard(&self, peer: Timestamp) {
        self.with(|state, wall, steady| {
            state.time(wall, steady);
            if state.is_vouched || !matches!(state.doubt, None | Some(Witness::Peer)) {
                return;
            }
            *state = if Witness::Peer.allows(wall, peer) {
                State { anchor: Some((wall, steady)), doubt: None, is_vouched: true }
            } else {
                State { anchor: Some((peer, steady)), doubt: Some(Witness::Peer), is_vouched: false }
            };
        });
    }

    /// Accepts an operator's statement of the time. Returns the time of the wall clock.
    ///
    /// # Errors
    /// The time of the wall clock, if it is another time; the doubt then stays.
    pub fn confirm(&self, time: Timestamp) -> Result<Timestamp, Timestamp> {
        self.with(|state, wall, steady| {
            if apart(wall, time) > CONFIRMED {
                return Err(wall);
            }
            *state = State { anchor: Some((wall, steady)), doubt: None, is_vouched: true };
            Ok(wall)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State, Timestamp, Duration) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that the anchor never goes back.
        act(&mut state, (self.wall)(), (self.steady)())
    }
}

impl State {
    fn time(&mut self, wall: Timestamp, steady: Duration) -> (Timestamp, Basis) {
        let Some((time, then)) = self.anchor else {
            self.anchor = Some((wall, steady));
            return (wall, Basis::WallClock);
        };
        let expected = later(time, steady.saturating_sub(then));
        if self.doubt.unwrap_or(Witness::SteadyClock).allows(wall, expected) {
            (self.anchor, self.doubt) = (Some((wall, steady)), None);
            return (wall, Basis::WallClock);
        }
        let witness = *self.doubt.get_or_insert(Witness::SteadyClock);
        (expected, if witness == Witness::SteadyClock { Basis::SteadyClock } else { Basis::Unknown })
    }
}

impl Witness {
    /// True if the wall clock may show this time when the witness expects that one.
    fn allows(self, shown: Timestamp, expected: Timestamp) -> bool {
        match self {
            Self::SteadyClock => apart(shown, expected) <= JUMP,
            Self::LastRun => (-JUMP..=DOWN).contains(&shown.duration_since(expected)),
            Self::Peer => apart(shown, expected) <= PEER,
        }
    }
}

fn apart(one: Timestamp, other: Timestamp) -> SignedDuration {
    one.duration_since(other).abs()
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    };

    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    const START: i64 = 1_795_478_400;

    /// A timekeeper whose clocks a test moves, in seconds.
    struct Clocks {
        wall: Arc<AtomicI64>,
        steady: Arc<AtomicI64>,
        keeper: Timekeeper,
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or_default()
    }

    impl Clocks {
        fn new() -> Self {
            let (wall, steady) = (Arc::new(AtomicI64::new(START)), Arc::new(AtomicI64::new(0)));
            let (shown, run) = (Arc::clone(&wall), Arc::clone(&steady));
            let seconds = move || Duration::from_secs(u64::try_from(run.load(SeqCst)).unwrap_or_default());
            Self { keeper: Timekeeper::new(move || at(shown.load(SeqCst)), seconds), wall, steady }
        }

        /// A timekeeper whose service was last known to run so many seconds before.
        fn down_for(seconds: i64) -> Self {
            let clocks = Self::new();
            clocks.keeper.ran_until(Some(at(START - seconds)));
            clocks
        }

        fn pass(&self, seconds: i64) {
            self.wall.fetch_add(seconds, SeqCst);
            self.steady.fetch_add(seconds, SeqCst);
        }

        fn jump(&self, seconds: i64) {
            self.wall.fetch_add(seconds, SeqCst);
        }

        /// The time in seconds after the start, and its basis.
        fn time(&self) -> (i64, Basis) {
            let (time, basis) = self.keeper.time();
            (time.as_second() - START, basis)
        }
    }

    #[test]
    fn time_passes_by_the_wall_clock_and_small_steps_are_followed() {
        let clocks = Clocks::down_for(60);
        clocks.pass(90 * DAY);
        assert_eq!(clocks.time(), (90 * DAY, Basis::WallClock));
        for step in [HOUR, -HOUR, -600, 600] {
            clocks.jump(step);
            assert_eq!(clocks.time().1, Basis::WallClock);
        }
        assert_eq!(clocks.keeper.doubt(), None);
    }

    #[test]
    fn after_a_jump_time_goes_on_by_the_steady_clock_until_the_wall_clock_is_right_again() {
        for jump in [HOUR + 1, -HOUR - 1, 7000 * 365 * DAY] {
            let clocks = Clocks::down_for(60);
            clocks.jump(jump);
            clocks.pass(30);
            assert_eq!(clocks.time(), (30, Basis::SteadyClock), "{jump}");
            let doubt = clocks.keeper.doubt();
            let shown = at(START + jump + 30);
            assert_eq!(doubt, Some(Doubt { witness: Witness::SteadyClock, shown, expected: at(START + 30) }));
            clocks.jump(-jump);
            clocks.pass(30);
            assert_eq!(clocks.time(), (60, Basis::WallClock), "{jump}");
        }
    }

    #[test]
    fn an_operator_confirms_the_time_that_the_wall_clock_shows_and_no_other() {
        let clocks = Clocks::down_for(60);
        clocks.jump(2 * HOUR);
        assert_eq!(clocks.keeper.confirm(at(START)), Err(at(START + 2 * HOUR)));
        assert_eq!(clocks.time(), (0, Basis::SteadyClock));
        assert_eq!(clocks.keeper.confirm(at(START + 2 * HOUR - 600)), Ok(at(START + 2 * HOUR)));
        assert_eq!(clocks.time(), (2 * HOUR, Basis::WallClock));
    }

    #[test]
    fn a_start_is_compared_with_the_last_run() {
        for (down, basis) in [
            (-HOUR, Basis::WallClock),
            (30 * DAY, Basis::WallClock),
            (-HOUR - 1, Basis::Unknown),
            (30 * DAY + 1, Basis::Unknown),
        ] {
            assert_eq!(Clocks::down_for(down).time().1, basis, "{down}");
        }
        let clocks = Clocks::down_for(365 * DAY);
        clocks.pass(5);
        assert_eq!(clocks.time(), (5 - 365 * DAY, Basis::Unknown), "nothing is ahead of what is known");
        clocks.jump(-364 * DAY);
        assert_eq!(clocks.time(), (5 - 364 * DAY, Basis::WallClock), "a time server has set it right");
    }

    #[test]
    fn the_peer_counts_only_where_nothing_else_vouches_for_the_clock() {
        let vouched = Clocks::down_for(HOUR);
        vouched.keeper.heard(at(START - 20 * DAY));
        assert_eq!(vouched.time(), (0, Basis::WallClock));

        let agreed = Clocks::down_for(2 * DAY);
        agreed.keeper.heard(at(START - DAY));
        agreed.keeper.heard(at(START - 20 * DAY));
        assert_eq!(agreed.time(), (0, Basis::WallClock), "it has agreed before");

        let contradicted = Clocks::down_for(20 * DAY);
        contradicted.keeper.heard(at(START - 20 * DAY));
        contradicted.pass(5);
        assert_eq!(contradicted.time(), (5 - 20 * DAY, Basis::Unknown));
        contradicted.keeper.heard(at(START + 5));
        assert_eq!(contradicted.time(), (5, Basis::WallClock), "the peer's clock was wrong and is right again");

        let confirmed = Clocks::down_for(20 * DAY);
        assert_eq!(confirmed.keeper.confirm(at(START)), Ok(at(START)));
        confirmed.keeper.heard(at(START - 20 * DAY));
        assert_eq!(confirmed.time(), (0, Basis::WallClock));
    }

    #[test]
    fn the_peer_does_not_lift_what_another_witness_has_found() {
        let clocks = Clocks::down_for(60);
        clocks.jump(3 * HOUR);
        assert_eq!(clocks.time().1, Basis::SteadyClock);
        clocks.keeper.heard(at(START + 3 * HOUR));
        assert_eq!(clocks.time().1, Basis::SteadyClock);
    }
}
