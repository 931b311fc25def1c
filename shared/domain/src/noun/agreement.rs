//! The agreement as the pages show it: the notices under Art. 8 and the state of the agreement.
//!
//! State of a notice: `WITHDRAWN` (withdrawal and assent) `> ARRIVED > PENDING_ARRIVAL`. The machine never refuses a
//! notice for being late; the timing is a label.

mod notices;

use jiff::Timestamp;
use prost::Message as _;
use renkei_proto::{
    FactMessage, Sentence,
    agreement::v1::{
        self as proto, Agreement, ArrivalChannel, Notice, NoticeArrived, NoticeGiven, NoticeReceived, NoticeTermWarned,
        NoticeTiming, NoticeWithdrawalAssented, NoticeWithdrawn, notice::State,
    },
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    r#type::v1::{Agency, Text},
};

pub use self::notices::{KnownNotice, document, notices};
use self::notices::{NoticeName, arrival, entry_of, has_assent, written};
use crate::{
    calendar,
    case::Case,
    citation::{Citation, citations},
    duty::{Duty, DutyKind},
    matter::{Collection, Matter, entry_name},
    memorandum::{self, Memorandum},
    moment::stamp,
    noun::{Noun, Owed, OwnService, Resource},
    page::{MarkView as _, Seen, View},
    refusal::{Refusal, must, past},
    term::{self, NoticeView, TermStanding, Timing},
};

/// `agreement`, the matter of both agencies.
pub const COLLECTION: Collection = Collection::shared(Matter::AGREEMENT);

/// Both agencies' duty to decide whether to give notice about the running term. It begins with the first warning, is due
/// on the last open day, and ends with a notice or after that day (our rule).
pub const DECIDE_ON_NOTICE: DutyKind = DutyKind::new("decide_on_notice");
/// The receiver's duty to answer the withdrawal of a notice. No day is named: the memorandum knows no withdrawal.
pub const ASSENT: DutyKind = DutyKind::new("assent_to_withdrawal");

/// The number of the warning that the last open day is over (`NoticeTermWarned` in the contract).
const OVER: u32 = 5;

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
            Fact::NoticeReceived(received) => judge_record(case, received),
            Fact::NoticeTermWarned(warned) => {
                let is_due = due_warning(case.page(), case.now).as_ref() == Some(warned);
                must(
                    is_due,
                    Reason::WrongState,
                    ("no such warning is due", "この申し出の期限に関する警告の時期に当たりません。"),
                )
            }
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn needs_room(&self, fact: &Fact) -> bool {
        // Nothing may keep an agency from giving notice, or a service from recording an arrival over the link.
        match fact {
            Fact::NoticeReceived(_) => true,
            Fact::NoticeArrived(_) => !self.is_automatic(fact),
            _ => false,
        }
    }

    fn duty_kinds(&self) -> &'static [DutyKind] {
        &[DECIDE_ON_NOTICE, ASSENT]
    }

    fn duties(&self, own: Agency, _: &Matter, seen: Seen<'_>) -> Vec<Duty> {
        let all = notices(seen);
        let waits = |notice: &KnownNotice| notice.withdrawal.is_some() && notice.state != State::Withdrawn;
        let assent = all.iter().any(|notice| notice.giver != own && waits(notice)).then(|| ASSENT.undated());
        let decide = last_warning(seen).filter(|warned| {
            let is_decided = all.iter().any(|notice| notice.giver == own && notice.view.term == warned.term);
            warned.warning < OVER && !is_decided
        });
        let decide = decide.and_then(|warned| term::term(warned.term));
        let decide =
            decide.map(|term| Duty { kind: DECIDE_ON_NOTICE, due: Some(term.last_open), by_rule: term.is_by_rule() });
        decide.into_iter().chain(assent).collect()
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
            document: String::new(),
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
    must(right, Reason::FactDiffers, Sentence::for_developers("the notice names another term than that of its day"))?;
    must_be_canonical(&fact.document)?;
    let same = |it: &NoticeGiven| (it.kind, it.term, &it.document) == (fact.kind, fact.term, &fact.document);
    let is_known = || case.page().all_of::<NoticeGiven>(case.author()).any(|(_, it)| same(it));
    if !fact.document.is_empty() && is_known() {
        let detail = (
            "a notice of this kind was given in this term under this number",
            "同じ有効期間に、同じ種類及び文書番号の申し出が既に行われています。",
        );
        return Err(Refusal::field(Reason::AlreadyExists, "document", detail));
    }
    Ok(())
}

fn must_be_canonical(number: &str) -> Result<(), Refusal> {
    must(
        document(number) == number,
        Reason::FactDiffers,
        Sentence::for_developers("the document number is not in its canonical form"),
    )
}

/// Recorded once over the link; only an earlier arrival on paper or by telephone is recorded beside that.
fn judge_arrival(case: &Case, fact: &NoticeArrived) -> Result<(), Refusal> {
    case.answers(fact.notice_seq)?;
    let giver = case.author().peer();
    let (_, given) = find::<NoticeGiven>(case.page(), giver, fact.notice_seq)?;
    let arrived_at = past("arrived_at", fact.arrived_at.as_ref(), case.now)?;
    let is_by_link = fact.channel() == ArrivalChannel::Link;
    must(
        !is_by_link || fact.document.is_empty(),
        Reason::FactDiffers,
        Sentence::for_developers("an arrival over the link has no number"),
    )?;
    must_be_canonical(&fact.document)?;
    let term = term::term(given.term).filter(|term| !is_by_link && calendar::day(arrived_at) < term.from);
    if term.is_some() {
        let detail = (
            "must not lie before the term that the notice is about",
            "申し出の対象となる有効期間の始まる前の日時を指定することはできません。",
        );
        return Err(Refusal::field(Reason::FieldInvalid, "arrived_at", detail));
    }
    let news = arrival(case.page(), giver, fact.notice_seq).is_none_or(|recorded| !is_by_link && arrived_at < recorded);
    must(news, Reason::WrongState, ("its arrival is recorded already", "この申し出の到達は、既に登録されています。"))
}

/// A paper is recorded once, and not beside the entry that states the same notice: then the arrival of that entry is
/// recorded. So a record is never a copy of what its author has read in the giver's entry.
fn judge_record(case: &Case, fact: &NoticeReceived) -> Result<(), Refusal> {
    if !matches!(fact.channel(), ArrivalChannel::Paper | ArrivalChannel::Telephone) {
        return Err(Refusal::field(
            Reason::FieldInvalid,
            "channel",
            ("must be paper or telephone", "「書面」又は「電話」を指定してください。"),
        ));
    }
    must_be_canonical(&fact.document)?;
    let Some((written_on, _)) = written(fact) else {
        let detail = ("must be a day in a term of the agreement", "覚書の有効期間内の日を指定してください。");
        return Err(Refusal::field(Reason::FieldInvalid, "received.written_on", detail));
    };
    let arrived_at = past("arrived_at", fact.arrived_at.as_ref(), case.now)?;
    if calendar::day(arrived_at) < written_on {
        return Err(Refusal::field(
            Reason::FieldInvalid,
            "arrived_at",
            ("must not lie before the day of writing", "作成日より前の日時を指定することはできません。"),
        ));
    }
    let giver = case.author().peer();
    if entry_of(case.page(), giver, fact).is_some() {
        let detail = (
            "this notice came over the link: record the arrival of its entry",
            "この申し出は機関間接続により受信しています。その記録の到達を登録してください。",
        );
        return Err(Refusal::field(Reason::AlreadyExists, "received", detail));
    }
    let key = |it: &NoticeReceived| (it.kind, written(it).map(|(_, term)| term.ordinal), it.document.clone());
    let is_withdrawn = |seq| NoticeName { giver, seq, received: true }.is_withdrawn(case.page());
    let mut records = case.page().all_of::<NoticeReceived>(case.author());
    if records.any(|(mark, it)| key(it) == key(fact) && !is_withdrawn(mark.seq)) {
        return Err(Refusal::field(
            Reason::AlreadyExists,
            "document",
            ("this notice is recorded already", "この申し出は、既に登録されています。"),
        ));
    }
    Ok(())
}

fn judge_withdrawal(case: &Case, fact: &NoticeWithdrawn) -> Result<(), Refusal> {
    let name = NoticeName { giver: case.author(), seq: fact.notice_seq, received: fact.received };
    if fact.received {
        let (_, received) = find::<NoticeReceived>(case.page(), case.author().peer(), fact.notice_seq)?;
        let is_given = entry_of(case.page(), case.author(), received).is_some() && !name.is_withdrawn(case.page());
        must(
            !is_given,
            Reason::WrongState,
            (
                "it was given over the link, too: withdraw its entry",
                "この申し出は機関間接続によっても行われています。その記録を取り下げてください。",
            ),
        )?;
    } else {
        find::<NoticeGiven>(case.page(), case.author(), fact.notice_seq)?;
    }
    must(
        name.withdrawal(case.page()).is_none(),
        Reason::WrongState,
        ("it is withdrawn already", "この申し出は、既に取り下げられています。"),
    )
}

fn judge_assent(case: &Case, fact: &NoticeWithdrawalAssented) -> Result<(), Refusal> {
    let giver = case.author().peer();
    if fact.received {
        find::<NoticeReceived>(case.page(), case.author(), fact.notice_seq)?;
    } else {
        find::<NoticeGiven>(case.page(), giver, fact.notice_seq)?;
    }
    let name = NoticeName { giver, seq: fact.notice_seq, received: fact.received };
    let Some(withdrawal) = name.withdrawal(case.page()) else {
        return Err(Refusal::new(
            Reason::WrongState,
            ("the notice is not withdrawn", "この申し出は、取り下げられていません。"),
        ));
    };
    case.answers(withdrawal.seq)?;
    must(
        !matches!(standing(&case.view, case.now), TermStanding::Expired { .. }),
        Reason::AgreementNotInForce,
        (
            "an agreement that has ended is not revived: a new conclusion is a new agreement",
            "満了した覚書の効力を回復することはできません。新たな締結が必要です。",
        ),
    )?;
    must(
        !has_assent(case.page(), giver, withdrawal),
        Reason::WrongState,
        ("its withdrawal is assented to already", "この申し出の取下げには、既に同意されています。"),
    )
}

fn find<'a, F: FactMessage + 'a>(seen: Seen<'a>, author: Agency, seq: u64) -> Result<(&'a Mark, &'a F), Refusal> {
    let found = seen.all_of::<F>(author).find(|(mark, _)| mark.seq == seq);
    found.ok_or_else(|| Refusal::field(Reason::NotFound, "notice", Sentence::for_developers("there is no such notice")))
}

/// The state of a notice that came over the link.
pub fn state(seen: Seen<'_>, giver: Agency, seq: u64) -> State {
    let all = notices(seen);
    let notice = all.iter().find(|notice| (notice.author, notice.mark.seq) == (giver, seq));
    notice.map_or(State::PendingArrival, |notice| notice.state)
}

/// The withdrawal with this number in the giver's journal.
pub fn withdrawal(seen: Seen<'_>, giver: Agency, seq: u64) -> Option<&NoticeWithdrawn> {
    seen.all_of::<NoticeWithdrawn>(giver).find(|(mark, _)| mark.seq == seq).map(|(_, withdrawn)| withdrawn)
}

/// The last warning about the time for a notice.
fn last_warning(seen: Seen<'_>) -> Option<NoticeTermWarned> {
    let warned = |mark: &Mark| match mark.stated() {
        Some(Fact::NoticeTermWarned(warned)) => Some(*warned),
        _ => None,
    };
    seen.local().iter().rev().find_map(warned)
}

/// The warning about the time for a notice that the own service has to record now. Of several that are due only the last
/// is recorded. When the last open day is over, this is recorded if there was a warning before.
pub fn due_warning(seen: Seen<'_>, now: Timestamp) -> Option<NoticeTermWarned> {
    let (today, last) = (calendar::day(now), last_warning(seen));
    let is_over = |warned: &NoticeTermWarned| {
        warned.warning < OVER && term::term(warned.term).is_some_and(|term| today > term.last_open)
    };
    if let Some(warned) = last.filter(is_over) {
        return Some(NoticeTermWarned { warning: OVER, ..warned });
    }
    let (TermStanding::InForce(term) | TermStanding::Disputed(term)) = standing_of(seen, now) else { return None };
    if today > term.last_open {
        return None;
    }
    let begun = term::warnings(&term).iter().filter(|day| **day <= today).count();
    let due = NoticeTermWarned { term: term.ordinal, warning: u32::try_from(begun).ok()? };
    let is_news = last.is_none_or(|last| (last.term, last.warning) < (due.term, due.warning));
    (begun > 0 && is_news).then_some(due)
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
    // Disputes are resolved by an agreed method `term/{n}`, which cannot exist before consultation is built.
    term::in_force(now, &views(&notices(seen)), &[])
}

/// The standing at the first instant of the next term, if nothing is added to these notices. `None` before the first term.
pub fn next_standing(notices: &[KnownNotice<'_>], now: Timestamp) -> Option<TermStanding> {
    term::next(now, &views(notices), &[])
}

fn views(notices: &[KnownNotice<'_>]) -> Vec<NoticeView> {
    notices.iter().map(|notice| notice.view).collect()
}

fn state_of(standing: TermStanding) -> proto::agreement::State {
    match standing {
        TermStanding::InForce(_) => proto::agreement::State::InForce,
        TermStanding::Disputed(_) => proto::agreement::State::Disputed,
        TermStanding::Expired { .. } => proto::agreement::State::Expired,
        TermStanding::NotYet => proto::agreement::State::NotYet,
    }
}

impl Resource for Agreement {
    fn of(_: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self> {
        let notices = notices(seen);
        let mut shown = Self {
            name: Matter::AGREEMENT.to_owned(),
            digest: String::new(),
            state: state_of(standing_of(seen, now)).into(),
            term: term::term_on(calendar::day(now)).map(|term| term_resource(&term)),
            articles: Vec::new(),
            versions: Vec::new(),
            notices: notices.iter().map(KnownNotice::resource).collect(),
            etag,
            next_state: next_standing(&notices, now).map_or(0, |standing| state_of(standing).into()),
        };
        show_text(&mut shown, &Memorandum::built_in(), now);
        Some(shown)
    }
}

/// Shows the version of the text that applies at an instant, and the versions that the service has.
pub fn show_text(shown: &mut Agreement, memorandum: &Memorandum, now: Timestamp) {
    let today = calendar::day(now);
    let law = |it: &Citation| Text { ja: it.ja.to_owned(), en: it.en.to_owned() };
    let article = |it: &memorandum::Article| proto::Article {
        number: it.number.clone(),
        title: Some(Text { ja: it.title_ja.clone(), en: it.title_en.clone() }),
        laws: citations(&it.number, today).map(law).collect(),
    };
    let version = |it: &memorandum::Version| proto::AgreementText {
        digest: hex::encode(it.digest),
        first_day: it.first_day.map(|day| day.to_string()).unwrap_or_default(),
    };
    let applies = memorandum.on(today);
    shown.digest = applies.map(|it| hex::encode(it.digest)).unwrap_or_default();
    shown.articles = applies.map(|it| it.agreement.articles.iter().map(article).collect()).unwrap_or_default();
    shown.versions = memorandum.versions().iter().map(version).collect();
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
        by_rule: term.is_by_rule(),
    }
}

impl KnownNotice<'_> {
    /// The notice as the desk shows it, without its words.
    pub fn resource(&self) -> Notice {
        let timing = match self.view.timing() {
            Some(Timing::InTime) => NoticeTiming::InTime,
            Some(Timing::InDoubt) => NoticeTiming::InDoubt,
            Some(Timing::Late) => NoticeTiming::Late,
            None => NoticeTiming::Unspecified,
        };
        let (author, receiver) = (self.author, self.giver.peer());
        Notice {
            entry: entry_name(author, self.mark.seq),
            author: self.giver.into(),
            kind: self.kind.into(),
            term: self.view.term,
            written_at: self.mark.written_at,
            arrived_at: self.arrival.map(|arrival| stamp(arrival.at)),
            timing: timing.into(),
            state: self.state.into(),
            written_on: self.view.written_on.to_string(),
            document: self.document.to_owned(),
            channel: self.arrival.map_or(0, |arrival| arrival.channel.into()),
            record: self.record.map(|mark| entry_name(receiver, mark.seq)).unwrap_or_default(),
            receiver_only: self.view.receiver_only,
            withdrawal: self.withdrawal.map(|mark| entry_name(self.giver, mark.seq)).unwrap_or_default(),
        }
    }
}
