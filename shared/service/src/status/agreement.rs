//! The state of the memorandum: its terms, and the notices under Art. 8.

use jiff::Timestamp;
use renkei_domain::{
    calendar,
    moment::micros,
    noun::agreement,
    page::Seen,
    term::{self, TermStanding},
};
use renkei_proto::agreement::v1::{Notice, NoticeTiming, agreement::State, notice};
use serde::{Deserialize, Serialize};

use crate::language::time;

/// The maximum number of notices that are shown.
const NOTICES: usize = 10;

/// The state of the memorandum.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AgreementStands {
    pub(crate) standing: String,
    /// The same in parts. Services of earlier versions do not report it.
    #[serde(default)]
    pub(crate) current: TermStands,
    /// The last open day on which a notice about the end of the term can be sent (Art. 8).
    pub(crate) notice_by: Option<String>,
    /// True if that day is provisional. Services of earlier versions do not report it.
    #[serde(default)]
    pub(crate) notice_by_rule: bool,
    pub(crate) notice_days_left: Option<i64>,
    pub(crate) notice_seconds_left: Option<i64>,
    /// The standing on the first day of the next term by the notices that are known now. Services of earlier versions do
    /// not report it.
    #[serde(default)]
    pub(crate) next_term: String,
    /// The same in parts.
    #[serde(default)]
    pub(crate) next: TermStands,
    /// The notices under Art. 8, newest first; at most [`NOTICES`].
    #[serde(default)]
    pub(crate) notices: Vec<NoticeStands>,
}

/// A standing of the agreement in parts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct TermStands {
    /// `IN_FORCE`, `DISPUTED`, `EXPIRED` or `NOT_YET`; empty while nothing is known of it.
    pub(crate) state: String,
    /// The term that runs, would run or ran last; 0 before the first.
    pub(crate) term: u32,
    /// The last day of a term in force or expired, the first of a disputed one.
    pub(crate) day: String,
}

/// A notice under Art. 8.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NoticeStands {
    /// The entry by which it is named: that of its giver, or its receiver's record.
    pub(crate) entry: String,
    pub(crate) giver: String,
    /// `NOT_RENEW`, `CHANGE` or `OTHER`.
    pub(crate) kind: String,
    pub(crate) term: u32,
    pub(crate) written_on: String,
    pub(crate) document: String,
    pub(crate) arrived_at: Option<String>,
    /// `IN_TIME`, `IN_DOUBT` or `LATE`; empty while the arrival is pending.
    pub(crate) timing: String,
    /// `PENDING_ARRIVAL`, `ARRIVED` or `WITHDRAWN`.
    pub(crate) state: String,
    /// Its giver has not given it over the link.
    pub(crate) receiver_only: bool,
    /// Its withdrawal waits for the receiver's assent.
    pub(crate) awaits_assent: bool,
}

impl AgreementStands {
    pub(super) fn of(seen: Seen<'_>, now: Timestamp) -> Self {
        let words = |standing| match standing {
            TermStanding::InForce(term) => format!("in force, term {} until {}", term.ordinal, term.to),
            TermStanding::Disputed(term) => format!("disputed since {}", term.from),
            TermStanding::Expired { last } => format!("expired with term {} on {}", last.ordinal, last.to),
            TermStanding::NotYet => "not begun".to_owned(),
        };
        let known = agreement::notices(seen);
        let notices = known.iter().rev().take(NOTICES).map(|it| NoticeStands::of(it.resource())).collect();
        let (standing, next) = (agreement::standing_of(seen, now), agreement::next_standing(&known, now));
        let today = calendar::day(now);
        let term = term::term_on(today);
        let by = term.map(|term| term.last_open);
        let days = by.and_then(|by| today.until(by).ok()).map(|span| i64::from(span.get_days()));
        let end = by.and_then(|by| by.tomorrow().ok()).map(calendar::start);
        Self {
            standing: words(standing),
            current: TermStands::of(standing),
            notice_by: by.map(|by| by.to_string()),
            notice_by_rule: term.is_some_and(|term| term.is_by_rule()),
            notice_days_left: days,
            notice_seconds_left: end.map(|end| end.as_second() - now.as_second()),
            next_term: next.map(words).unwrap_or_default(),
            next: next.map(TermStands::of).unwrap_or_default(),
            notices,
        }
    }
}

impl TermStands {
    fn of(standing: TermStanding) -> Self {
        let (state, term, day) = match standing {
            TermStanding::InForce(term) => (State::InForce, term.ordinal, term.to.to_string()),
            TermStanding::Disputed(term) => (State::Disputed, term.ordinal, term.from.to_string()),
            TermStanding::Expired { last } => (State::Expired, last.ordinal, last.to.to_string()),
            TermStanding::NotYet => (State::NotYet, 0, String::new()),
        };
        Self { state: state.as_str_name().trim_start_matches("STATE_").to_owned(), term, day }
    }
}

impl NoticeStands {
    fn of(it: Notice) -> Self {
        let short = |name: &str, of: &str| name.strip_prefix(of).unwrap_or(name).to_owned();
        let timing = if it.timing() == NoticeTiming::Unspecified { "" } else { it.timing().as_str_name() };
        Self {
            giver: it.author().id().to_owned(),
            kind: short(it.kind().as_str_name(), "NOTICE_KIND_"),
            term: it.term,
            timing: short(timing, "NOTICE_TIMING_"),
            state: short(it.state().as_str_name(), "STATE_"),
            receiver_only: it.receiver_only,
            awaits_assent: !it.withdrawal.is_empty() && it.state() != notice::State::Withdrawn,
            arrived_at: it.arrived_at.as_ref().map(|at| time(micros(Some(at)))),
            entry: it.entry,
            written_on: it.written_on,
            document: it.document,
        }
    }
}
