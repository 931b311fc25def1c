//! The terms of the agreement and its standing (Art. 8).
//!
//! The agreement runs in terms of one year, 1 April to 31 March in Japan. Each is followed by the
//! next unless a party gives notice three months before expiry. The article leaves open whether
//! that day itself is still early enough, so each term has a strict and an everyday reading, and
//! a notice that only one of them admits is in doubt.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::{
    calendar::{self, Calendar},
    era,
};

/// The fiscal year of the first term, 2023-04-01 … 2024-03-31.
const FIRST_YEAR: i16 = 2023;

/// Days before the last open day on which the agencies are warned.
const WARNINGS: [i64; 4] = [90, 30, 14, 7];

/// One year of the agreement. All days are days in Japan, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// 1 for 2023-04-01 … 2024-03-31.
    pub ordinal: u32,
    /// The first day, 1 April.
    pub from: Date,
    /// The last day (期間満了日), 31 March.
    pub to: Date,
    /// The last day on which a notice is in time under every reading of "three months before".
    pub strict: Date,
    /// The day three calendar months before the last day: in time as people usually count.
    pub everyday: Date,
    /// The open day on or before the strict day: the last on which an office can send a notice.
    pub last_open: Date,
}

/// The timing of a notice, relative to three months before expiry (Art. 8). It is a label; nothing is refused by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// Written and arrived by the strict day.
    InTime,
    /// Arrived on the everyday day, or written by the strict day and arrived later. Also an arrival by one of these days
    /// that lies before the writing: it is the receiver's word against the giver's.
    InDoubt,
    /// Anything else.
    Late,
}

/// The kind of a notice (Art. 8: 申し出).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// The agreement shall end with its term.
    NotRenew,
    /// The agreement is to continue in another form.
    Change,
    /// Something else, which the parties have to read together.
    Other,
}

/// The parts of one notice on which the state of the agreement depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeView {
    /// The kind of the notice.
    pub kind: NoticeKind,
    /// Ordinal of the term in which it was written, and whose end it is about.
    pub term: u32,
    /// The day in Japan on which its author wrote it.
    pub written_on: Date,
    /// The time of its arrival at the peer, as the peer recorded it; `None` while that is pending.
    pub arrived_at: Option<Timestamp>,
    /// Known from its receiver alone: it ends nothing.
    pub receiver_only: bool,
    /// Withdrawn with the peer's assent: it does not count.
    pub withdrawn: bool,
}

/// An agreed method `term/{n}` (basis: Art. 9) that ends a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution {
    /// Ordinal of the disputed term, the `n` of the method's key.
    pub term: u32,
    /// The agreed outcome.
    pub outcome: Outcome,
}

/// The parties' agreement on a disputed term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The term runs.
    Renewed,
    /// The agreement ended before it.
    Ended,
}

/// The standing of the agreement at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermStanding {
    /// The term runs.
    InForce(Term),
    /// The term would run, but a notice makes it doubtful and nothing has been agreed yet.
    Disputed(Term),
    /// The agreement ended with `last`.
    Expired {
        /// The last term that ran.
        last: Term,
    },
    /// Before the first day of the first term.
    NotYet,
}

/// The term with that ordinal. `None` for 0 and for years beyond the civil calendar.
#[must_use]
pub fn term(ordinal: u32) -> Option<Term> {
    let years = i16::try_from(ordinal.checked_sub(1)?).ok()?;
    let year = FIRST_YEAR.checked_add(years)?;
    let from = Date::new(year, 4, 1).ok()?;
    let to = Date::new(year.checked_add(1)?, 3, 31).ok()?;
    let everyday = to.checked_sub(3.months()).ok()?;
    let strict = everyday.yesterday().ok()?;
    Some(Term { ordinal, from, to, strict, everyday, last_open: open_on_or_before(strict) })
}

impl Term {
    /// True if the last open day lies in a year that the program's list of holidays does not contain.
    #[must_use]
    pub fn is_by_rule(&self) -> bool {
        Calendar::built_in().is_by_rule(self.last_open)
    }
}

/// The term in which the day lies, whether or not the agreement was renewed for it. `None` before
/// the first term.
#[must_use]
pub fn term_on(date: Date) -> Option<Term> {
    let years = era::fiscal_year(date).checked_sub(FIRST_YEAR)?;
    term(u32::try_from(years).ok()?.checked_add(1)?)
}

/// The days on which the agencies are warned that the time for a notice runs out: the open days
/// on or before 90, 30, 14 and 7 days before the last open day, earliest first (our rule).
#[must_use]
pub fn warnings(term: &Term) -> [Date; 4] {
    WARNINGS.map(|days| open_on_or_before(term.last_open.saturating_sub(days.days())))
}

/// The open day on or before a day by the list of the program. Both agencies show the same last open day, so a list of
/// one of them alone does not move it.
fn open_on_or_before(day: Date) -> Date {
    Calendar::built_in().open_on_or_before(day)
}

/// The label of a notice about the end of `term`, by the days of its writing and of its arrival.
#[must_use]
pub fn timing(term: &Term, written: Date, arrived: Date) -> Timing {
    if written <= term.strict && arrived <= term.strict {
        Timing::InTime
    } else if written <= term.strict || arrived <= term.everyday {
        Timing::InDoubt
    } else {
        Timing::Late
    }
}

impl NoticeView {
    /// The label of the notice; `None` while its arrival is pending. A notice that its receiver alone knows is never in
    /// time, because nobody ends a term by a statement about the other party's notice.
    #[must_use]
    pub fn timing(&self) -> Option<Timing> {
        let label = timing(&term(self.term)?, self.written_on, calendar::day(self.arrived_at?));
        Some(if self.receiver_only && label == Timing::InTime { Timing::InDoubt } else { label })
    }
}

/// The state of the agreement at `now`, given the notices of both parties and the agreed methods in force then.
///
/// A notice counts from its arrival. It affects the term after the one in which it was written, never that one. In time
/// and not to renew: the agreement ends. In time with another wish, or in doubt: the next term is disputed. Late: the
/// agreement is renewed. A dispute lasts, over further terms too, until a method settles it; of several methods for one
/// term the last in the slice counts. A method does not revive an agreement that was ended in time.
#[must_use]
pub fn in_force(now: Timestamp, notices: &[NoticeView], resolutions: &[Resolution]) -> TermStanding {
    let Some(first) = term(1) else {
        return TermStanding::NotYet;
    };
    let Some(running) = term_on(calendar::day(now)) else {
        return TermStanding::NotYet;
    };
    let (mut last, mut disputed) = (first, false);
    for next in (2..=running.ordinal).map_while(term) {
        let resolution = resolutions.iter().rfind(|one| one.term == next.ordinal);
        match expiry(&last, now, notices) {
            Expiry::Ends => return TermStanding::Expired { last },
            Expiry::Doubtful => disputed = true,
            Expiry::Renewed => {}
        }
        match resolution.map(|one| one.outcome) {
            Some(Outcome::Ended) if disputed => return TermStanding::Expired { last },
            Some(Outcome::Renewed) => disputed = false,
            Some(Outcome::Ended) | None => {}
        }
        last = next;
    }
    if disputed { TermStanding::Disputed(running) } else { TermStanding::InForce(running) }
}

/// The state of the agreement at the first instant of the term after that of `now`. `None` before the first term.
#[must_use]
pub fn next(now: Timestamp, notices: &[NoticeView], resolutions: &[Resolution]) -> Option<TermStanding> {
    let next = term(term_on(calendar::day(now))?.ordinal + 1)?;
    Some(in_force(calendar::start(next.from).max(now), notices, resolutions))
}

/// The fate of the agreement at the end of one term.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Expiry {
    Renewed,
    Doubtful,
    Ends,
}

fn expiry(term: &Term, now: Timestamp, notices: &[NoticeView]) -> Expiry {
    let about = notices.iter().filter(|notice| notice.term == term.ordinal && !notice.withdrawn);
    about
        .filter_map(|notice| {
            notice.arrived_at.filter(|at| *at <= now)?;
            Some(match notice.timing()? {
                Timing::InTime if notice.kind == NoticeKind::NotRenew => Expiry::Ends,
                Timing::InTime | Timing::InDoubt => Expiry::Doubtful,
                Timing::Late => Expiry::Renewed,
            })
        })
        .max()
        .unwrap_or(Expiry::Renewed)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// Ordinal, from, to, days, strict, everyday, last open day.
    const TABLE: [(u32, &str, &str, i32, &str, &str, &str); 6] = [
        (1, "2023-04-01", "2024-03-31", 366, "2023-12-30", "2023-12-31", "2023-12-28"),
        (2, "2024-04-01", "2025-03-31", 365, "2024-12-30", "2024-12-31", "2024-12-27"),
        (3, "2025-04-01", "2026-03-31", 365, "2025-12-30", "2025-12-31", "2025-12-26"),
        (4, "2026-04-01", "2027-03-31", 365, "2026-12-30", "2026-12-31", "2026-12-28"),
        (5, "2027-04-01", "2028-03-31", 366, "2027-12-30", "2027-12-31", "2027-12-28"),
        (6, "2028-04-01", "2029-03-31", 365, "2028-12-30", "2028-12-31", "2028-12-28"),
    ];

    fn nth(ordinal: u32) -> Term {
        term(ordinal).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A notice of term 4 that was written when it arrived.
    fn notice(kind: NoticeKind, arrived_at: &str) -> NoticeView {
        NoticeView {
            kind,
            term: 4,
            written_on: calendar::day(at(arrived_at)),
            arrived_at: Some(at(arrived_at)),
            receiver_only: false,
            withdrawn: false,
        }
    }

    const IN_TIME: &str = "2026-12-30T14:59:00Z";
    const IN_DOUBT: &str = "2026-12-30T15:00:00Z";
    const LATE: &str = "2026-12-31T15:00:00Z";
    const LAST_INSTANT: &str = "2027-03-31T14:59:59.999999Z";
    const NEXT_TERM: &str = "2027-03-31T15:00:00Z";

    fn standing(now: &str, notices: &[NoticeView]) -> TermStanding {
        in_force(at(now), notices, &[])
    }

    #[test]
    fn the_terms_are_those_of_the_table() {
        for (ordinal, from, to, days, strict, everyday, last_open) in TABLE {
            let term = nth(ordinal);
            assert_eq!(term.ordinal, ordinal);
            assert_eq!(term.from.to_string(), from);
            assert_eq!(term.to.to_string(), to);
            assert_eq!(term.from.until(term.to).unwrap().get_days() + 1, days);
            assert_eq!(term.strict.to_string(), strict);
            assert_eq!(term.everyday.to_string(), everyday);
            assert_eq!(term.last_open.to_string(), last_open);
        }
    }

    #[test]
    fn the_warnings_fall_on_open_days() {
        let days = |ordinal| warnings(&nth(ordinal)).map(|day| day.to_string());
        assert_eq!(days(4), ["2026-09-29", "2026-11-27", "2026-12-14", "2026-12-21"]);
        assert_eq!(days(5), ["2027-09-29", "2027-11-26", "2027-12-14", "2027-12-21"]);
    }

    #[test]
    fn a_day_lies_in_one_term_and_none_before_the_first() {
        assert_eq!(term_on(date(2023, 3, 31)), None);
        assert_eq!(term_on(Date::MIN), None);
        assert_eq!(term(0), None);
        assert_eq!(term(u32::MAX), None);
        for ordinal in 1..=10 {
            assert_eq!(term_on(nth(ordinal).from), Some(nth(ordinal)));
            assert_eq!(term_on(nth(ordinal).to), Some(nth(ordinal)));
        }
    }

    #[test]
    fn the_timing_of_a_notice_turns_at_midnight_in_japan() {
        let label =
            |written: &str, arrived: &str| timing(&nth(4), calendar::day(at(written)), calendar::day(at(arrived)));
        assert_eq!(label(IN_TIME, IN_TIME), Timing::InTime);
        assert_eq!(label(IN_DOUBT, IN_DOUBT), Timing::InDoubt);
        assert_eq!(label(IN_DOUBT, LATE), Timing::Late);
        assert_eq!(label(LATE, LATE), Timing::Late);
    }

    #[test]
    fn a_notice_written_in_time_is_in_doubt_however_long_the_link_was_down() {
        let label = |arrived: &str| timing(&nth(4), date(2026, 12, 28), calendar::day(at(arrived)));
        assert_eq!(label("2026-12-28T05:00:01Z"), Timing::InTime);
        assert_eq!(label("2027-01-04T00:30:00Z"), Timing::InDoubt);
        assert_eq!(label("2027-04-02T00:00:00Z"), Timing::InDoubt);
    }

    /// The giver's own day decides with the receiver's: an arrival that the receiver puts before it raises a doubt only.
    #[test]
    fn an_arrival_before_the_writing_is_in_doubt_at_most() {
        let label = |written: Date, arrived: Date| timing(&nth(4), written, arrived);
        assert_eq!(label(date(2027, 1, 5), date(2026, 12, 1)), Timing::InDoubt);
        assert_eq!(label(date(2026, 12, 31), date(2026, 12, 30)), Timing::InDoubt);
        assert_eq!(label(date(2027, 1, 5), date(2026, 12, 31)), Timing::InDoubt);
        assert_eq!(label(date(2027, 1, 5), date(2027, 1, 1)), Timing::Late);
        assert_eq!(label(date(2026, 12, 30), date(2026, 12, 28)), Timing::InTime);
    }

    #[test]
    fn a_notice_that_its_receiver_alone_knows_disputes_at_most() {
        for kind in [NoticeKind::NotRenew, NoticeKind::Change, NoticeKind::Other] {
            let known = NoticeView { receiver_only: true, ..notice(kind, IN_TIME) };
            assert_eq!(known.timing(), Some(Timing::InDoubt));
            assert_eq!(standing(NEXT_TERM, &[known]), TermStanding::Disputed(nth(5)));
            let late = NoticeView { receiver_only: true, ..notice(kind, LATE) };
            assert_eq!(late.timing(), Some(Timing::Late));
            assert_eq!(standing(NEXT_TERM, &[late]), TermStanding::InForce(nth(5)));
        }
    }

    #[test]
    fn the_next_state_is_that_of_the_next_terms_first_instant() {
        let next = |now: &str, notices: &[NoticeView]| next(at(now), notices, &[]);
        assert_eq!(next("2023-03-01T00:00:00Z", &[]), None);
        assert_eq!(next("2026-04-01T00:00:00+09:00", &[]), Some(TermStanding::InForce(nth(5))));
        assert_eq!(next(LAST_INSTANT, &[notice(NoticeKind::Change, IN_TIME)]), Some(TermStanding::Disputed(nth(5))));
        let ending = [notice(NoticeKind::NotRenew, IN_TIME)];
        assert_eq!(next(LAST_INSTANT, &ending), Some(TermStanding::Expired { last: nth(4) }));
        assert_eq!(next(NEXT_TERM, &ending), Some(TermStanding::Expired { last: nth(4) }));
    }

    #[test]
    fn the_agreement_is_in_force_from_its_first_instant_in_japan() {
        assert_eq!(standing("2023-03-31T14:59:59Z", &[]), TermStanding::NotYet);
        assert_eq!(standing("2023-03-31T15:00:00Z", &[]), TermStanding::InForce(nth(1)));
    }

    #[test]
    fn without_a_notice_every_term_is_followed_by_the_next() {
        assert_eq!(standing(LAST_INSTANT, &[]), TermStanding::InForce(nth(4)));
        assert_eq!(standing(NEXT_TERM, &[]), TermStanding::InForce(nth(5)));
    }

    #[test]
    fn a_notice_in_time_not_to_renew_ends_the_agreement_with_its_term() {
        let notices = [notice(NoticeKind::NotRenew, IN_TIME)];
        let ended = TermStanding::Expired { last: nth(4) };
        assert_eq!(standing(LAST_INSTANT, &notices), TermStanding::InForce(nth(4)));
        assert_eq!(standing(NEXT_TERM, &notices), ended);
        assert_eq!(standing("2030-06-01T00:00:00Z", &notices), ended);
        let renewed = [Resolution { term: 5, outcome: Outcome::Renewed }];
        assert_eq!(in_force(at(NEXT_TERM), &notices, &renewed), ended);
    }

    #[test]
    fn another_notice_in_time_and_every_notice_in_doubt_disputes_the_next_term() {
        for (kind, arrived_at) in [
            (NoticeKind::Change, IN_TIME),
            (NoticeKind::Other, IN_TIME),
            (NoticeKind::NotRenew, IN_DOUBT),
            (NoticeKind::Change, IN_DOUBT),
            (NoticeKind::Other, IN_DOUBT),
        ] {
            let notices = [notice(kind, arrived_at)];
            assert_eq!(standing(LAST_INSTANT, &notices), TermStanding::InForce(nth(4)));
            assert_eq!(standing(NEXT_TERM, &notices), TermStanding::Disputed(nth(5)));
            assert_eq!(standing("2028-04-01T00:00:00Z", &notices), TermStanding::Disputed(nth(6)));
        }
    }

    #[test]
    fn a_late_notice_leaves_the_agreement_renewed() {
        for kind in [NoticeKind::NotRenew, NoticeKind::Change, NoticeKind::Other] {
            assert_eq!(standing(NEXT_TERM, &[notice(kind, LATE)]), TermStanding::InForce(nth(5)));
        }
    }

    #[test]
    fn a_method_settles_a_dispute_but_nothing_else() {
        let notices = [notice(NoticeKind::Change, IN_TIME)];
        let renewed = Resolution { term: 5, outcome: Outcome::Renewed };
        let ended = Resolution { term: 5, outcome: Outcome::Ended };
        let settled = |now: &str, methods: &[Resolution]| in_force(at(now), &notices, methods);
        assert_eq!(settled(NEXT_TERM, &[renewed]), TermStanding::InForce(nth(5)));
        assert_eq!(settled(NEXT_TERM, &[ended]), TermStanding::Expired { last: nth(4) });
        assert_eq!(settled(NEXT_TERM, &[ended, renewed]), TermStanding::InForce(nth(5)));
        assert_eq!(settled(LAST_INSTANT, &[ended]), TermStanding::InForce(nth(4)));
        assert_eq!(settled("2028-04-01T00:00:00Z", &[renewed]), TermStanding::InForce(nth(6)));
        assert_eq!(in_force(at(NEXT_TERM), &[], &[ended]), TermStanding::InForce(nth(5)));
    }

    #[test]
    fn a_withdrawn_notice_does_not_count() {
        let withdrawn = NoticeView { withdrawn: true, ..notice(NoticeKind::NotRenew, IN_TIME) };
        assert_eq!(standing(NEXT_TERM, &[withdrawn]), TermStanding::InForce(nth(5)));
    }

    #[test]
    fn a_notice_counts_from_its_arrival() {
        let sent = notice(NoticeKind::NotRenew, IN_TIME);
        let pending = NoticeView { arrived_at: None, ..sent };
        assert_eq!(standing(NEXT_TERM, &[pending]), TermStanding::InForce(nth(5)));
        let arrival = "2027-04-10T00:00:00Z";
        let arrived = NoticeView { arrived_at: Some(at(arrival)), ..sent };
        assert_eq!(standing("2027-04-09T23:59:59Z", &[arrived]), TermStanding::InForce(nth(5)));
        assert_eq!(standing(arrival, &[arrived]), TermStanding::Disputed(nth(5)));
    }

    #[test]
    fn the_strongest_notice_decides() {
        let doubtful = notice(NoticeKind::Change, IN_DOUBT);
        let ending = notice(NoticeKind::NotRenew, IN_TIME);
        let late = notice(NoticeKind::NotRenew, LATE);
        let ended = TermStanding::Expired { last: nth(4) };
        assert_eq!(standing(NEXT_TERM, &[doubtful, ending]), ended);
        assert_eq!(standing(NEXT_TERM, &[doubtful, late]), TermStanding::Disputed(nth(5)));
    }
}
