//! The last hour of a running service in memory: its backlog, and the course of its link. Nothing of it outlasts the process.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use renkei_proto::link::v1::{LinkStatus, link_status::State};

/// The time that is remembered.
pub(crate) const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// The most samples: one a minute, and one at each end.
const SAMPLES: usize = 61;

/// The number of own entries without a receipt at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) at: Timestamp,
    pub(crate) backlog: u64,
}

/// The course of the link since the service started.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkCourse {
    is_connected: bool,
    /// The time at which it was connected or lost; `None` before the first look.
    pub(crate) since: Option<Timestamp>,
    /// The last cause for which it was lost or could not be established.
    pub(crate) failure: Option<(Timestamp, String)>,
}

/// The past of a service. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Past(Arc<Mutex<Remembered>>);

#[derive(Default)]
struct Remembered {
    samples: VecDeque<Sample>,
    link: LinkCourse,
}

impl Past {
    /// Adds a sample, and forgets the oldest one where there are too many.
    pub(crate) fn sample(&self, sample: Sample) {
        let mut it = self.remembered();
        it.samples.push_back(sample);
        let surplus = it.samples.len().saturating_sub(SAMPLES);
        it.samples.drain(..surplus);
    }

    /// The samples of the hour before `now`, and the backlog now. A clock that was set leaves out those that it contradicts.
    pub(crate) fn hour(&self, now: Sample) -> Vec<Sample> {
        let it = self.remembered();
        let is_within = |sample: &&Sample| sample.at < now.at && now.at.duration_since(sample.at) <= REMEMBERED;
        it.samples.iter().filter(is_within).copied().chain([now]).collect()
    }

    /// Looks at the link and notes its state, which it gives. The one at the start is not a failure, because nothing was tried
    /// yet. Nobody else looks meanwhile: of two states, the older one would be noted last.
    pub(crate) fn note(&self, look: impl FnOnce() -> (Timestamp, LinkStatus)) -> LinkStatus {
        let mut it = self.remembered();
        let (now, link) = look();
        let is_connected = link.state() == State::Connected;
        let is_first = it.link.since.is_none();
        if is_first || it.link.is_connected != is_connected {
            (it.link.is_connected, it.link.since) = (is_connected, Some(now));
        }
        let is_known = it.link.failure.as_ref().is_some_and(|(_, cause)| *cause == link.cause);
        let is_told = is_known && it.link.since != Some(now);
        if !is_connected && !is_first && !link.cause.is_empty() && !is_told {
            it.link.failure = Some((now, link.cause.clone()));
        }
        link
    }

    /// The course of the link.
    pub(crate) fn link(&self) -> LinkCourse {
        self.remembered().link.clone()
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap_or_default()
    }

    #[test]
    fn an_hour_of_samples_is_remembered_and_no_more() {
        let past = Past::default();
        for minute in 0..200 {
            past.sample(Sample { at: at(minute * 60), backlog: 1 });
        }
        let now = Sample { at: at(200 * 60), backlog: 7 };
        let hour = past.hour(now);
        assert_eq!((hour.len(), hour.first().map(|it| it.at)), (61, Some(at(140 * 60))));
        assert_eq!(hour.last(), Some(&now));
        let before = Sample { at: at(150 * 60), backlog: 0 };
        assert!(past.hour(before).iter().all(|it| it.at <= before.at), "a clock that was set back");
    }

    #[test]
    fn the_last_failure_is_remembered_while_the_link_is_up() {
        let past = Past::default();
        let status = |state: State, cause: &str| LinkStatus {
            state: state.into(),
            cause: cause.to_owned(),
            ..LinkStatus::default()
        };
        let note = |second: i64, link: LinkStatus| past.note(|| (at(second), link));
        note(1, status(State::Waiting, "the peer was not reached yet"));
        note(2, status(State::Connected, ""));
        assert_eq!((past.link().since, past.link().failure), (Some(at(2)), None));
        note(3, status(State::Waiting, "closed"));
        note(4, status(State::Waiting, "closed"));
        note(5, status(State::Connected, ""));
        let link = past.link();
        assert_eq!(link.since, Some(at(5)));
        assert_eq!(link.failure, Some((at(3), "closed".to_owned())));
    }
}
