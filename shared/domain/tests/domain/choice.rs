//! Everything an agency can do today, each as one choice: for tests that try all pairs, and random sequences.

use jiff::ToSpan as _;
use renkei_proto::{
    agreement::v1::NoticeKind,
    r#type::v1::{Agency, Finding},
};

use super::{
    acts::{
        Report, assent, count_last, follow_up, give, issue, judge, notice, paper, publish, referral, report, revise,
        withdraw, withdraw_notice,
    },
    catalogue::{IDS, KINDS, REPORTERS, scheme},
    model::{Act, Party, notices},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Publish,
    Revise,
    Withdraw,
    Issue,
    Give,
    FollowUp,
    Judge,
    Notice,
    WithdrawNotice,
    Assent,
    Paper,
    Count,
}

pub const CHOICES: [Choice; 12] = [
    Choice::Publish,
    Choice::Revise,
    Choice::Withdraw,
    Choice::Issue,
    Choice::Give,
    Choice::FollowUp,
    Choice::Judge,
    Choice::Notice,
    Choice::WithdrawNotice,
    Choice::Assent,
    Choice::Paper,
    Choice::Count,
];

const FINDINGS: [Finding; 4] = [Finding::Applies, Finding::Suspected, Finding::DoesNotApply, Finding::Pending];
const NOTICES: [NoticeKind; 3] = [NoticeKind::Other, NoticeKind::NotRenew, NoticeKind::Change];

impl Choice {
    /// The act of this agency on the nth thing of its kind; `None` when there is no such thing. Whether it is permitted is
    /// another question.
    pub fn act(self, party: &Party, n: u8) -> Option<Act> {
        let own = party.own;
        let notice_of = |giver: Agency| notices(party, giver).get(usize::from(n)).copied();
        Some(match self {
            Self::Publish => publish(own, &format!("another-{}", n % 4)),
            Self::Revise => revise(party, &scheme(own, id(own, n))),
            Self::Withdraw => withdraw(party, &scheme(own, id(own, n))),
            Self::Issue => issue(party, &referral(own, 2 + n % 4), &varied(own, n)),
            Self::Give => give(party, &referral(own, n % 6)),
            Self::FollowUp => follow_up(party, &referral(own.peer(), n % 6)),
            Self::Judge => judge(party, &referral(own, n % 6), of(FINDINGS, n)),
            Self::Notice => notice(party, of(NOTICES, n)),
            Self::WithdrawNotice => withdraw_notice(notice_of(own)?),
            Self::Assent => assent(party, notice_of(own.peer())?),
            Self::Paper => paper(notice_of(own.peer())?, party.now - 1.hour()),
            Self::Count => count_last(party),
        })
    }
}

fn of<T: Copy, const N: usize>(all: [T; N], n: u8) -> T {
    all[usize::from(n) % N]
}

fn id(own: Agency, n: u8) -> &'static str {
    let (first, second) = if own == Agency::Ppc { (IDS[0].1, IDS[1].1) } else { (IDS[2].1, IDS[3].1) };
    if n.is_multiple_of(2) { first } else { second }
}

/// Reports of all sorts, by the bits of a number.
fn varied(own: Agency, n: u8) -> Report {
    let mut varied = report(own, of(KINDS, n));
    varied.finding = of(FINDINGS, n >> 2);
    varied.facts.reporter = of(REPORTERS, n >> 4).into();
    varied.facts.personal_information = n & 64 == 0;
    varied.facts.taken_by_ministry = n & 128 != 0;
    varied
}
