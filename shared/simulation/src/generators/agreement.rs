//! Notices under Art. 8, their papers and their withdrawals.

use jiff::SignedDuration;
use prost::Message as _;
use renkei_domain::matter::Matter;
use renkei_proto::agreement::v1::{Agreement, ArrivalChannel, Notice, NoticeKind, notice::State};

use crate::generator::{Choosing, Generator, Make};

/// The document numbers of the papers. There are few, so that a paper and an entry often state one notice.
const NUMBERS: [&str; 3] = ["個情第1号", "IPA-2026-2", "令8-3"];
const KINDS: [NoticeKind; 3] = [NoticeKind::Other, NoticeKind::Change, NoticeKind::NotRenew];

pub(super) const GENERATORS: &[Generator] = &[
    Generator::valid("give notice", |it| {
        let kind = kind(it)?;
        let mut request = it.requests.giving_notice(kind);
        if it.draw.one_in(2) {
            request.document = number(it)?;
        }
        Some(request.into())
    }),
    Generator::valid("record the arrival of a notice on paper", |it| {
        let (notice, now) = (peers(it, |_| true)?, it.requests.now());
        Some(it.requests.recording_arrival(&notice, now - hours(it)).into())
    }),
    Generator::boundary("record an arrival of this instant", |it| {
        let (notice, now) = (peers(it, |_| true)?, it.requests.now());
        let mut request = it.requests.recording_arrival(&notice, now);
        request.channel = ArrivalChannel::Telephone.into();
        Some(request.into())
    }),
    Generator::valid("record a paper that never came over the link", |it| {
        let (kind, number, now) = (kind(it)?, number(it)?, it.requests.now());
        Some(it.requests.recording_paper(kind, &number, now - hours(it)).into())
    }),
    Generator::valid("withdraw a notice", |it| {
        let notice = own(it, |notice| notice.withdrawal.is_empty())?;
        Some(it.requests.withdrawing_notice(&notice).into())
    }),
    Generator::valid("assent to a withdrawal", |it| {
        let waits = |notice: &Notice| !notice.withdrawal.is_empty() && notice.state() != State::Withdrawn;
        let notice = theirs(it, waits)?;
        Some(it.requests.assenting(&notice).into())
    }),
    // One row, so that the acts of the other nouns are drawn often enough.
    Generator::forbidden("state what nobody may state about a notice", |it| {
        let forbidden = it.draw.pick(FORBIDDEN).copied()?;
        forbidden(it)
    }),
];

/// Acts that are refused, whatever the state of the notices is.
const FORBIDDEN: &[Make] = &[
    // A number with a comma.
    |it| {
        let mut request = it.requests.giving_notice(NoticeKind::Other);
        request.document = "第１号、写し".to_owned();
        Some(request.into())
    },
    // The arrival of an own notice.
    |it| {
        let (notice, now) = (own(it, |_| true)?, it.requests.now());
        Some(it.requests.recording_arrival(&notice, now).into())
    },
    // A paper that arrived before it was written.
    |it| {
        let now = it.requests.now();
        let mut request = it.requests.recording_paper(NoticeKind::NotRenew, NUMBERS[0], now);
        request.arrived_at = Some(it.requests.in_days(-2));
        Some(request.into())
    },
    // An arrival over the link, which the service itself records.
    |it| {
        let (notice, now) = (peers(it, |_| true)?, it.requests.now());
        let mut request = it.requests.recording_arrival(&notice, now);
        request.channel = ArrivalChannel::Link.into();
        Some(request.into())
    },
    // A second withdrawal.
    |it| {
        let notice = own(it, |notice| notice.state() == State::Withdrawn)?;
        Some(it.requests.withdrawing_notice(&notice).into())
    },
    // The withdrawal of the peer's notice.
    |it| {
        let notice = peers(it, |_| true)?;
        Some(it.requests.withdrawing_notice(&notice).into())
    },
    // An assent to the own withdrawal.
    |it| {
        let notice = own(it, |notice| !notice.withdrawal.is_empty())?;
        Some(it.requests.assenting(&notice).into())
    },
];

/// A time of up to two days.
fn hours(it: &mut Choosing<'_>) -> SignedDuration {
    SignedDuration::from_hours(i64::try_from(it.draw.below(48)).unwrap_or_default())
}

fn kind(it: &mut Choosing<'_>) -> Option<NoticeKind> {
    it.draw.pick(&KINDS).copied()
}

fn number(it: &mut Choosing<'_>) -> Option<String> {
    it.draw.pick(&NUMBERS).map(|number| (*number).to_owned())
}

/// One of the notices that fit.
fn one(it: &mut Choosing<'_>, fits: impl Fn(&Notice) -> bool) -> Option<Notice> {
    let agreement = it.shown.resource(Matter::AGREEMENT)?;
    let notices = Agreement::decode(agreement.as_slice()).ok()?.notices;
    let fitting: Vec<Notice> = notices.into_iter().filter(fits).collect();
    it.draw.pick(&fitting).cloned()
}

fn own(it: &mut Choosing<'_>, fits: impl Fn(&Notice) -> bool) -> Option<Notice> {
    let own = it.own();
    one(it, |notice| notice.author() == own && fits(notice))
}

/// A notice of the peer, whether it came over the link or not.
fn theirs(it: &mut Choosing<'_>, fits: impl Fn(&Notice) -> bool) -> Option<Notice> {
    let own = it.own();
    one(it, |notice| notice.author() != own && fits(notice))
}

/// A notice that the peer gave over the link.
fn peers(it: &mut Choosing<'_>, fits: impl Fn(&Notice) -> bool) -> Option<Notice> {
    theirs(it, |notice| !notice.receiver_only && fits(notice))
}
