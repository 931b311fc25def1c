//! Lies about notices under Art. 8 and their arrival.

use prost::Message as _;
use renkei_domain::{calendar, matter::Matter};
use renkei_proto::{
    agreement::v1::{
        ArrivalChannel, NoticeArrived, NoticeGiven, NoticeGivenContent, NoticeKind, NoticeReceived, NoticeTermWarned,
        NoticeWithdrawalAssented, NoticeWithdrawn,
    },
    journal::v1::{Entry, fact},
    options::v1::Reason,
    r#type::v1::Text,
};

use super::lie::{BOTH, Lie, lie};
use crate::liar::Liar;

/// The number under which the other side gave its notice.
pub(crate) const NUMBER: &str = "第1号";

/// The fact, in the agreement.
fn say(it: &mut Liar, fact: impl Into<fact::Fact>, answers: u64) -> Result<Entry, String> {
    it.say(Matter::AGREEMENT, fact.into(), None, answers)
}

/// The words of a notice.
pub(crate) fn words() -> Option<Vec<u8>> {
    let text = Some(Text { ja: "申し出".to_owned(), en: String::new() });
    Some(NoticeGivenContent { text }.encode_to_vec())
}

fn given(what: &str, reason: Reason, term: u32, document: &'static str) -> Lie {
    lie(what, BOTH, reason, move |it| {
        let given = NoticeGiven { kind: NoticeKind::NotRenew.into(), term, document: document.to_owned() };
        it.say(Matter::AGREEMENT, given.into(), words(), 0)
    })
}

/// The arrival of the other side's notice, spoiled.
fn arrival(what: &str, reason: Reason, spoil: fn(&Liar, &mut NoticeArrived)) -> Lie {
    lie(what, BOTH, reason, move |it| {
        let mut arrived = NoticeArrived {
            notice_seq: it.scene.other_notice.seq,
            channel: ArrivalChannel::Paper.into(),
            arrived_at: it.in_days(0),
            document: String::new(),
        };
        spoil(it, &mut arrived);
        let answers = arrived.notice_seq;
        say(it, arrived, answers)
    })
}

/// A paper of the other side, spoiled.
fn record(what: &str, reason: Reason, spoil: fn(&Liar, &mut NoticeReceived)) -> Lie {
    lie(what, BOTH, reason, move |it| {
        let mut received = NoticeReceived {
            kind: NoticeKind::NotRenew.into(),
            written_on: "2026-11-02".to_owned(),
            channel: ArrivalChannel::Paper.into(),
            arrived_at: it.in_days(-1),
            document: NUMBER.to_owned(),
        };
        spoil(it, &mut received);
        say(it, received, 0)
    })
}

/// All of them. None ends a term or makes it doubtful.
pub(super) fn notices() -> Vec<Lie> {
    vec![
        given("a notice about the next term", Reason::FactDiffers, 5, ""),
        given("a notice about the term before", Reason::FactDiffers, 3, ""),
        given("a notice under a number in another form", Reason::FactDiffers, 4, "第１号"),
        lie("a notice without its words", BOTH, Reason::ContentDiffers, |it| {
            let given = NoticeGiven { kind: NoticeKind::Other.into(), term: 4, document: String::new() };
            say(it, given, 0)
        }),
        lie("a notice that answers something", BOTH, Reason::HeaderDiffers, |it| {
            let given = NoticeGiven { kind: NoticeKind::Other.into(), term: 4, document: String::new() };
            let answers = it.scene.other_notice.seq;
            it.say(Matter::AGREEMENT, given.into(), words(), answers)
        }),
        arrival("an arrival over the link for the second time", Reason::WrongState, |it, arrived| {
            (arrived.channel, arrived.arrived_at) = (ArrivalChannel::Link.into(), it.in_days(-1));
        }),
        arrival("an arrival over the link under a number", Reason::FactDiffers, |_, arrived| {
            (arrived.channel, arrived.document) = (ArrivalChannel::Link.into(), NUMBER.to_owned());
        }),
        arrival("an arrival on paper that is no earlier", Reason::WrongState, |it, arrived| {
            arrived.arrived_at = it.in_days(0);
        }),
        arrival("an arrival that is to come", Reason::FieldInvalid, |it, arrived| arrived.arrived_at = it.in_days(1)),
        arrival("an arrival before the term of the notice", Reason::FieldInvalid, |it, arrived| {
            arrived.arrived_at = it.in_days(-300);
        }),
        arrival("the arrival of an entry that is no notice", Reason::NotFound, |_, arrived| arrived.notice_seq = 1),
        lie("an arrival as the answer to something else", BOTH, Reason::HeaderDiffers, |it| {
            let (notice_seq, arrived_at) = (it.scene.other_notice.seq, it.in_days(-1));
            let channel = ArrivalChannel::Paper.into();
            say(it, NoticeArrived { notice_seq, channel, arrived_at, document: String::new() }, notice_seq - 1)
        }),
        record("a paper that came over the link", Reason::FieldInvalid, |_, received| {
            received.channel = ArrivalChannel::Link.into();
        }),
        record("a paper that is to come", Reason::FieldInvalid, |it, received| received.arrived_at = it.in_days(1)),
        record("a paper that came before it was written", Reason::FieldInvalid, |it, received| {
            received.arrived_at = it.in_days(-60);
        }),
        record("a paper of a day before the agreement", Reason::FieldInvalid, |_, received| {
            received.written_on = "2023-03-31".to_owned();
        }),
        record("a paper of the notice that came over the link", Reason::AlreadyExists, |_, received| {
            received.kind = NoticeKind::Change.into();
        }),
        lie("the withdrawal of the other side's notice", BOTH, Reason::NotFound, |it| {
            let notice_seq = it.scene.other_notice.seq;
            say(it, NoticeWithdrawn { notice_seq, received: false }, 0)
        }),
        lie("the withdrawal of a paper that nobody recorded", BOTH, Reason::NotFound, |it| {
            let notice_seq = it.scene.own_notice.seq;
            say(it, NoticeWithdrawn { notice_seq, received: true }, 0)
        }),
        lie("a second withdrawal", BOTH, Reason::WrongState, |it| {
            let notice_seq = it.scene.own_notice.seq;
            say(it, NoticeWithdrawn { notice_seq, received: false }, 0)
        }),
        lie("an assent to the own withdrawal", BOTH, Reason::NotFound, |it| {
            let notice_seq = it.scene.own_notice.seq;
            say(it, NoticeWithdrawalAssented { notice_seq, received: false }, 0)
        }),
        lie("an assent to no withdrawal", BOTH, Reason::WrongState, |it| {
            let notice_seq = it.scene.other_notice.seq;
            say(it, NoticeWithdrawalAssented { notice_seq, received: false }, notice_seq)
        }),
        lie("a warning about the term of the other side", BOTH, Reason::WrongDirection, |it| {
            say(it, NoticeTermWarned { term: 4, warning: 1 }, 0)
        }),
    ]
}

impl Liar {
    /// Each side gives a notice: that of the liar is withdrawn without an assent, that of the other side has arrived.
    pub(crate) async fn notices(&mut self) -> Result<(), String> {
        let term = renkei_domain::term::term_on(calendar::day(self.now())).map_or(0, |term| term.ordinal);
        let given = NoticeGiven { kind: NoticeKind::Other.into(), term, document: String::new() };
        self.scene.own_notice = self.truth(Matter::AGREEMENT, given.into(), words(), 0).await?;
        let withdrawn = NoticeWithdrawn { notice_seq: self.scene.own_notice.seq, received: false };
        self.truth(Matter::AGREEMENT, withdrawn.into(), None, 0).await?;
        let notice_seq = self.hear_notice(NoticeKind::Change, NUMBER).await?;
        self.scene.other_notice.seq = notice_seq;
        let (channel, arrived_at) = (ArrivalChannel::Link.into(), self.in_days(0));
        let arrived = NoticeArrived { notice_seq, channel, arrived_at, document: String::new() };
        self.truth(Matter::AGREEMENT, arrived.into(), None, notice_seq).await.map(|_| ())
    }
}
