//! The agreement as the pages show it: the notices under Art. 8 and the state of the agreement.
//!
//! State of a notice: `WITHDRAWN` (withdrawal and assent) `> ARRIVED > PENDING_ARRIVAL`. The machine never refuses a
//! notice for being late; the timing is a label.

use jiff::Timestamp;
use prost::Message as _;
use renkei_proto::{
    agreement::v1::{
        self as proto, Agreement, ArrivalChannel, Notice, NoticeArrived, NoticeGiven, NoticeKind, NoticeTiming,
        NoticeWithdrawalAssented, NoticeWithdrawn, notice::State,
    },
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    r#type::v1::{Agency, Text},
};

use crate::{
    calendar,
    case::Case,
    matter::{Collection, Matter, entry_name},
    memorandum,
    moment::{instant, stamp},
    noun::{Noun, Owed, OwnService, Resource},
    page::{MarkView as _, Seen, View},
    refusal::{Refusal, must, past},
    term::{self, NoticeView, TermStanding, Timing},
};

/// `agreement`, the matter of both agencies.
pub const COLLECTION: Collection = Collection::shared(Matter::AGREEMENT);

/// The agreement with its notices.
pub struct AgreementNoun;

impl Noun for AgreementNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn resource(&self, matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Vec<u8>> {
        Agreement::of(matter, seen, now, etag).map(|it| it.encode_to_vec())
    }

    fn judge(&self, case: &Case, fact: &Fact) -> Result<(), Refusal> {
        match fact {
            Fact::NoticeGiven(given) => judge_notice(case, given),
            Fact::NoticeArrived(arrived) => judge_arrival(case, arrived),
            Fact::NoticeWithdrawn(withdrawn) => judge_withdrawal(case, withdrawn),
            Fact::NoticeWithdrawalAssented(assented) => judge_assent(case, assented),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn needs_room(&self, _: &Fact) -> bool {
        // Nothing may keep an agency from giving notice.
        false
    }

    /// A notice under Art. 8 counts from its arrival here, which the service records.
    fn owed(&self, service: &OwnService<'_>, _: &Matter, seen: Seen<'_>) -> Option<Owed> {
        let giver = service.own.peer();
        let mut notices = seen.all_of::<NoticeGiven>(giver);
        let (notice, _) = notices.find(|(mark, _)| arrival(seen, giver, mark.seq).is_none())?;
        let arrived = NoticeArrived {
            notice_seq: notice.seq,
            channel: ArrivalChannel::Link.into(),
            arrived_at: Some(stamp(service.now)),
        };
        Some(Owed { fact: arrived.into(), answers: notice.seq, can_wait: false })
    }

    fn is_automatic(&self, fact: &Fact) -> bool {
        matches!(fact, Fact::NoticeArrived(arrived) if arrived.channel() == ArrivalChannel::Link)
    }
}

impl Matter {
    /// The name of the agreement's matter.
    pub const AGREEMENT: &'static str = "agreement";
}

fn judge_notice(case: &Case, fact: &NoticeGiven) -> Result<(), Refusal> {
    let right = term::term_on(case.today()).is_some_and(|term| term.ordinal == fact.term);
    must(right, Reason::FactDiffers, "the notice names another term than that of its day")
}

/// Recorded once; only an earlier arrival on paper or by telephone is recorded beside the one over the link.
fn judge_arrival(case: &Case, fact: &NoticeArrived) -> Result<(), Refusal> {
    case.answers(fact.notice_seq)?;
    let giver = case.author().peer();
    find(case.page(), giver, fact.notice_seq)?;
    let arrived_at = past("arrived_at", fact.arrived_at.as_ref(), case.now)?;
    let news = arrival(case.page(), giver, fact.notice_seq)
        .is_none_or(|recorded| fact.channel() != ArrivalChannel::Link && arrived_at < recorded);
    must(news, Reason::WrongState, "its arrival is recorded already")
}

fn judge_withdrawal(case: &Case, fact: &NoticeWithdrawn) -> Result<(), Refusal> {
    find(case.page(), case.author(), fact.notice_seq)?;
    must(
        withdrawal(case.page(), case.author(), fact.notice_seq).is_none(),
        Reason::WrongState,
        "it is withdrawn already",
    )
}

fn judge_assent(case: &Case, fact: &NoticeWithdrawalAssented) -> Result<(), Refusal> {
    let giver = case.author().peer();
    find(case.page(), giver, fact.notice_seq)?;
    let Some(withdrawal) = withdrawal(case.page(), giver, fact.notice_seq) else {
        return Err(Refusal::new(Reason::WrongState, "the notice is not withdrawn"));
    };
    case.answers(withdrawal.seq)?;
    must(
        !matches!(standing(&case.view, case.now), TermStanding::Expired { .. }),
        Reason::AgreementNotInForce,
        "an agreement that has ended is not revived: a new conclusion is a new agreement",
    )?;
    must(!has_assent(case.page(), giver, withdrawal), Reason::WrongState, "its withdrawal is assented to already")
}

fn find<'a>(seen: Seen<'a>, giver: Agency, seq: u64) -> Result<&'a Mark, Refusal> {
    let notice = seen.all_of::<NoticeGiven>(giver).map(|(mark, _)| mark).find(|mark| mark.seq == seq);
    notice.ok_or_else(|| Refusal::new(Reason::NotFound, "there is no such notice"))
}

/// The earliest arrival that the receiving agency recorded.
fn arrival(seen: Seen<'_>, giver: Agency, seq: u64) -> Option<Timestamp> {
    let arrivals = seen.all_of::<NoticeArrived>(giver.peer()).filter(|(_, arrived)| arrived.notice_seq == seq);
    arrivals.filter_map(|(_, arrived)| arrived.arrived_at.as_ref().map(instant)).min()
}

fn withdrawal(seen: Seen<'_>, giver: Agency, seq: u64) -> Option<&Mark> {
    let mut withdrawals = seen.all_of::<NoticeWithdrawn>(giver);
    withdrawals.find(|(_, withdrawn)| withdrawn.notice_seq == seq).map(|(mark, _)| mark)
}

fn has_assent(seen: Seen<'_>, giver: Agency, withdrawal: &Mark) -> bool {
    seen.answer::<NoticeWithdrawalAssented>(giver.peer(), withdrawal.seq).is_some()
}

/// The state of a notice.
pub fn state(seen: Seen<'_>, giver: Agency, seq: u64) -> State {
    if withdrawal(seen, giver, seq).is_some_and(|withdrawal| has_assent(seen, giver, withdrawal)) {
        State::Withdrawn
    } else if arrival(seen, giver, seq).is_some() {
        State::Arrived
    } else {
        State::PendingArrival
    }
}

struct Given<'a> {
    giver: Agency,
    mark: &'a Mark,
    fact: &'a NoticeGiven,
    arrived_at: Option<Timestamp>,
    state: State,
}

fn notices(seen: Seen<'_>) -> Vec<Given<'_>> {
    let mut all = Vec::new();
    for giver in [Agency::Ppc, Agency::Ipa] {
        for (mark, fact) in seen.all_of::<NoticeGiven>(giver) {
            let arrived_at = arrival(seen, giver, mark.seq);
            all.push(Given { giver, mark, fact, arrived_at, state: state(seen, giver, mark.seq) });
        }
    }
    all.sort_by_key(|given| (given.mark.at(), given.giver));
    all
}

/// The standing of the agreement at an instant, as the author of the view sees it.
pub fn standing(view: &View, now: Timestamp) -> TermStanding {
    standing_of(view.page(Matter::AGREEMENT), now)
}

/// Tells whether the agreement is in force at an instant, as the author of the view sees it.
pub fn is_in_force(view: &View, now: Timestamp) -> bool {
    matches!(standing(view, now), TermStanding::InForce(_))
}

/// The standing of the agreement at an instant by its page.
pub fn standing_of(seen: Seen<'_>, now: Timestamp) -> TermStanding {
    let views: Vec<NoticeView> = notices(seen)
        .iter()
        .map(|given| NoticeView {
            kind: match given.fact.kind() {
                NoticeKind::NotRenew => term::NoticeKind::NotRenew,
                NoticeKind::Change => term::NoticeKind::Change,
                NoticeKind::Other | NoticeKind::Unspecified => term::NoticeKind::Other,
            },
            term: given.fact.term,
            written_at: given.mark.at(),
            arrived_at: given.arrived_at,
            withdrawn: given.state == State::Withdrawn,
        })
        .collect();
    // Disputes are resolved by an agreed method `term/{n}`, which cannot exist before consultation is built.
    term::in_force(now, &views, &[])
}

impl Resource for Agreement {
    fn of(_: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self> {
        let state = match standing_of(seen, now) {
            TermStanding::InForce(_) => proto::agreement::State::InForce,
            TermStanding::Disputed(_) => proto::agreement::State::Disputed,
            TermStanding::Expired { .. } => proto::agreement::State::Expired,
            TermStanding::NotYet => proto::agreement::State::NotYet,
        };
        Some(Self {
            name: Matter::AGREEMENT.to_owned(),
            digest: hex::encode(memorandum::agreement_digest()),
            state: state.into(),
            term: term::term_on(calendar::day(now)).map(|term| term_resource(&term)),
            articles: articles(),
            notices: notices(seen).iter().map(notice_resource).collect(),
            etag,
        })
    }
}

fn articles() -> Vec<proto::Article> {
    let Ok(agreement) = memorandum::agreement() else { return Vec::new() };
    let article = |it: &memorandum::Article| proto::Article {
        number: it.number.clone(),
        title: Some(Text { ja: it.title_ja.clone(), en: it.title_en.clone() }),
    };
    agreement.articles.iter().map(article).collect()
}

fn term_resource(term: &term::Term) -> proto::Term {
    proto::Term {
        ordinal: term.ordinal,
        first_day: term.from.to_string(),
        last_day: term.to.to_string(),
        strict: term.strict.to_string(),
        everyday: term.everyday.to_string(),
        last_open: term.last_open.to_string(),
        warnings: term::warnings(term).iter().map(ToString::to_string).collect(),
    }
}

fn notice_resource(given: &Given<'_>) -> Notice {
    let timing = given.arrived_at.zip(term::term(given.fact.term)).map(|(arrived_at, term)| {
        match term::timing(&term, given.mark.at(), arrived_at) {
            Timing::InTime => NoticeTiming::InTime,
            Timing::InDoubt => NoticeTiming::InDoubt,
            Timing::Late => NoticeTiming::Late,
        }
    });
    Notice {
        entry: entry_name(given.giver, given.mark.seq),
        author: given.giver.into(),
        kind: given.fact.kind,
        term: given.fact.term,
        written_at: given.mark.written_at,
        arrived_at: given.arrived_at.map(stamp),
        timing: timing.unwrap_or(NoticeTiming::Unspecified).into(),
        state: given.state.into(),
    }
}
