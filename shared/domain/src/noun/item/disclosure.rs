//! The disclosure of an item beyond the party that received it (開示, Art. 7(2)), and its basis: the scope, a consent, or a
//! law.
//!
//! A basis is judged at the discloser, on the page as it is there: an entry names the position of the originator's journal
//! in its header, so the originator repeats the judgement on the same page.

use jiff::Timestamp;
use renkei_proto::{
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    sharing::v1::{
        ConsentBasis, DisclosureAnnounced, DisclosureOpinionGiven, DisclosureRefused, ItemDisclosed, ItemTerms,
        LegalBasis, LegalDisclosure, NextStep, Recipient, RefusedDisclosure, consent, disclosure_basis,
    },
    r#type::v1::{Agency, Audience, Purpose},
};

use super::{
    consent as consents, recipient,
    revision::{self, current, find, is_sealed, stays},
};
use crate::{
    calendar::{self, parse_day},
    case::Case,
    matter::{Matter, entry_name},
    moment::instant,
    page::{MarkView as _, Seen},
    refusal::{Refusal, missing, must},
    scope,
};

/// The highest number of refused attempts in an item that are recorded on one day in Japan.
pub const ATTEMPTS: usize = 100;

/// An entry that announces no disclosure of the item.
pub const NO_ANNOUNCEMENT: (&str, &str) = (
    "there is no such announcement of a disclosure of this item",
    "この共有情報について、指定された開示の通知はありません。",
);
const SEALED: (&str, &str) = (
    "the item is recalled or sealed: only a disclosure that a law requires is possible",
    "この共有情報は、共有停止等により閲覧が停止されています。法令に基づく場合を除き、開示することはできません。",
);

/// The disclosure that somebody wants to make.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The body or unit that receives the item.
    pub recipient: &'a Recipient,
    /// The purpose of the recipient.
    pub purpose: Purpose,
    /// The parts of the item; none for the whole item.
    pub parts: &'a [i32],
}

/// A basis that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number of the entry that consented; 0 for the scope.
    pub consent: u64,
    /// The first instant at which the basis is no longer there; `None` for no end.
    pub until: Option<Timestamp>,
}

/// The scope as the basis of a disclosure, and the end of that.
///
/// # Errors
/// `BEYOND_SCOPE`.
pub fn within_scope(
    seen: Seen<'_>,
    opener: Agency,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    let Some(current) = current(seen, opener) else { return Err(Refusal::plain(Reason::BeyondScope)) };
    let terms = current.terms();
    let beyond = |detail: (&str, &str)| Err(Refusal::new(Reason::BeyondScope, detail));
    let until = scope::end(terms);
    if until.is_some_and(|until| until <= now) {
        // Stated first, because no consent lasts longer.
        return beyond(("the scope has ended", "この共有情報は、共有の期限を過ぎています。"));
    }
    if !admits(terms, wanted.recipient) {
        return beyond((
            "the scope does not include the recipient: the originator's consent is needed (Art. 7(2))",
            "提供先が共有範囲に含まれていません。覚書第7条第2項に基づく提供元の同意が必要です。",
        ));
    }
    if !serves(terms, wanted.purpose) {
        return beyond((
            "the scope does not include the purpose: the originator's consent is needed (Art. 7(2))",
            "利用目的が共有範囲に含まれていません。覚書第7条第2項に基づく提供元の同意が必要です。",
        ));
    }
    let embargo = terms.plan.as_ref().and_then(|plan| plan.embargo_until.as_ref()).map(instant);
    if embargo.is_some_and(|embargo| now < embargo) {
        return beyond((
            "the embargo has not ended: the originator's consent is needed (Art. 7(2))",
            "公表前の期間が終わっていません。覚書第7条第2項に基づく提供元の同意が必要です。",
        ));
    }
    if stays(seen, opener) {
        return beyond((
            "its marking forbids passing it on: the originator's consent is needed (Art. 7(2))",
            "取扱いの区分により転送又は配付が禁止されています。覚書第7条第2項に基づく提供元の同意が必要です。",
        ));
    }
    Ok(until)
}

/// True if the audience of the scope includes the recipient, whatever the purpose and the time are.
fn admits(terms: &ItemTerms, to: &Recipient) -> bool {
    // The default scope is the receiving party.
    let Some(it) = scope::designated(terms) else { return false };
    let audience = it.audience();
    match audience {
        Audience::Unspecified | Audience::Party => false,
        Audience::Units => recipient::unit(to).is_some_and(|unit| it.units.iter().any(|named| named == unit)),
        Audience::Public => true,
        Audience::Organisation | Audience::Clients | Audience::Community => {
            recipient::unit(to).is_some()
                || (audience >= Audience::Clients && recipient::is_served(to))
                || (audience >= Audience::Community && recipient::is_of_community(to))
        }
    }
}

/// True if the scope includes the purpose, whatever the audience is.
fn serves(terms: &ItemTerms, purpose: Purpose) -> bool {
    let Some(it) = scope::designated(terms) else { return true };
    it.audience() == Audience::Public || it.purposes().any(|named| named == purpose)
}

/// A consent as the basis of a disclosure, and the end of that.
///
/// # Errors
/// `BEYOND_SCOPE`.
fn within_consent(
    granted: consents::Granted<'_>,
    seen: Seen<'_>,
    opener: Agency,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    let beyond = |detail: (&str, &str)| Err(Refusal::field(Reason::BeyondScope, "consent.entry", detail));
    match granted.state(seen, opener, now) {
        consent::State::InForce => {}
        consent::State::Revoked => return beyond(("the consent was revoked", "この同意は、撤回されています。")),
        consent::State::Expired => return beyond(("the consent has ended", "この同意は、期限を過ぎています。")),
        _ => {
            return beyond((
                "the consent is for an older revision, and the present one does not keep it",
                "この同意は、以前の改訂に対するものであり、最新の改訂には及びません。",
            ));
        }
    }
    let is_covered = granted.covers(wanted.recipient, wanted.purpose, wanted.parts);
    must(
        is_covered,
        Reason::BeyondScope,
        (
            "the consent does not cover the recipient, the purpose or the parts",
            "提供先、利用目的又は提供する部分が、同意の範囲に含まれていません。",
        ),
    )?;
    Ok(granted.until(seen, opener))
}

/// The first basis on which an item may be disclosed now: the scope, or else a consent.
///
/// # Errors
/// `WRONG_STATE` for an item whose content is sealed, `BEYOND_SCOPE`.
pub fn basis_for(seen: Seen<'_>, opener: Agency, wanted: Wanted<'_>, now: Timestamp) -> Result<Found, Refusal> {
    must(!is_sealed(seen, opener), Reason::WrongState, SEALED)?;
    let beyond = match within_scope(seen, opener, wanted, now) {
        Ok(until) => return Ok(Found { consent: 0, until }),
        Err(beyond) => beyond,
    };
    let consents = consents::granted(seen, opener);
    let found = consents.filter_map(|granted| {
        let until = within_consent(granted, seen, opener, wanted, now).ok()?;
        Some(Found { consent: granted.mark.seq, until })
    });
    // The consent that lasts longest.
    found.max_by_key(|found| found.until.unwrap_or(Timestamp::MAX)).ok_or(beyond)
}

/// The step that can make a refused disclosure possible.
pub fn next_step(seen: Seen<'_>, opener: Agency, wanted: Wanted<'_>, refusal: &Refusal, now: Timestamp) -> NextStep {
    let asked = |it: consents::Requested<'_>| {
        let terms = it.it.terms.as_ref();
        terms.is_some_and(|terms| terms.recipients.iter().any(|named| recipient::is_same(named, wanted.recipient)))
    };
    match refusal.reason {
        Reason::ConsentNotFresh => NextStep::AwaitLink,
        // No consent lasts longer than the scope.
        Reason::BeyondScope if scope_ended(seen, opener, now) => NextStep::None,
        Reason::BeyondScope if consents::open_requests(seen, opener).any(asked) => NextStep::AwaitConsent,
        Reason::BeyondScope => NextStep::RequestConsent,
        _ => NextStep::None,
    }
}

fn scope_ended(seen: Seen<'_>, opener: Agency, now: Timestamp) -> bool {
    let ends = current(seen, opener).and_then(|it| scope::end(it.terms()));
    ends.is_some_and(|ends| ends <= now)
}

pub(super) fn judge_disclosure(case: &Case, fact: &ItemDisclosed) -> Result<(), Refusal> {
    let (seen, opener) = (case.page(), case.matter.opener);
    let current = find(case)?;
    let Some(recipient) = fact.recipient.as_ref().filter(|it| it.recipient.is_some()) else {
        return Err(missing("recipient"));
    };
    let Some(basis) = fact.basis.as_ref().and_then(|it| it.basis.as_ref()) else {
        return Err(missing("basis"));
    };
    must(
        fact.revision == current.it.publication.revision,
        Reason::WrongState,
        (
            "this is not the current revision: read it first",
            "開示の対象は、最新の改訂ではありません。最新の改訂を確認してください。",
        ),
    )?;
    case.answers(current.mark.seq)?;
    let wanted = Wanted { recipient, purpose: fact.purpose(), parts: &fact.parts };
    if let disclosure_basis::Basis::Law(law) = basis {
        // A law goes before a scope, a recall and the opinion of the originator.
        return judge_law(case, law, wanted);
    }
    if wanted.purpose == Purpose::Unspecified {
        return Err(missing("purpose"));
    }
    must(!is_sealed(seen, opener), Reason::WrongState, SEALED)?;
    match basis {
        disclosure_basis::Basis::Consent(ConsentBasis { consent }) => {
            let Some(granted) = consents::granted_by(seen, opener, *consent) else {
                return Err(Refusal::field(Reason::FieldInvalid, "consent.entry", consents::NO_CONSENT));
            };
            within_consent(granted, seen, opener, wanted, case.now).map(|_| ())
        }
        _ => within_scope(seen, opener, wanted, case.now).map(|_| ()),
    }
}

fn judge_law(case: &Case, law: &LegalBasis, wanted: Wanted<'_>) -> Result<(), Refusal> {
    if law.announcement == 0 {
        return Ok(());
    }
    let mut announced = case.page().all_of::<DisclosureAnnounced>(case.author());
    let Some((_, it)) = announced.find(|(mark, _)| mark.seq == law.announcement) else {
        return Err(Refusal::field(Reason::FieldInvalid, "law.announcement", NO_ANNOUNCEMENT));
    };
    let is_same = it.ground == law.ground
        && it.recipient.as_ref().is_some_and(|named| recipient::is_same(named, wanted.recipient))
        && recipient::are_parts_within(wanted.parts, &it.parts);
    let must_be = (
        "the ground, the recipient or the parts are others than those that were announced",
        "根拠、提供先又は提供する部分が、提供元に通知した内容と異なります。",
    );
    must(is_same, Reason::FieldInvalid, must_be).map_err(|refusal| Refusal { field: "law.announcement", ..refusal })
}

pub(super) fn judge_announcement(case: &Case, fact: &DisclosureAnnounced) -> Result<(), Refusal> {
    let current = find(case)?;
    case.answers(current.mark.seq)?;
    if fact.recipient.as_ref().is_none_or(|it| it.recipient.is_none()) {
        return Err(missing("recipient"));
    }
    let is_to_come = parse_day(&fact.planned_on).is_some_and(|day| day >= case.today());
    let must_be = ("must be a day of the calendar, today or later", "暦にある日で、本日以後の日を指定してください。");
    must(is_to_come, Reason::FieldInvalid, must_be).map_err(|refusal| Refusal { field: "planned_on", ..refusal })
}

pub(super) fn judge_opinion(case: &Case, _: &DisclosureOpinionGiven) -> Result<(), Refusal> {
    find(case)?;
    let (seen, opener) = (case.page(), case.matter.opener);
    let announced = announced(seen, opener).any(|(mark, _)| mark.seq == case.answers);
    if !announced {
        return Err(Refusal::field(Reason::FieldInvalid, "announcement", NO_ANNOUNCEMENT));
    }
    must(
        seen.answer::<DisclosureOpinionGiven>(opener, case.answers).is_none(),
        Reason::WrongState,
        ("the opinion is given already", "この開示については、既に意見が述べられています。"),
    )
}

/// The disclosures of an item, oldest first.
pub fn disclosed(seen: Seen<'_>, opener: Agency) -> impl Iterator<Item = (&Mark, &ItemDisclosed)> {
    seen.all_of::<ItemDisclosed>(opener.peer())
}

/// The law on which a disclosure rests.
pub fn law(it: &ItemDisclosed) -> Option<&LegalBasis> {
    match it.basis.as_ref()?.basis.as_ref()? {
        disclosure_basis::Basis::Law(law) => Some(law),
        _ => None,
    }
}

/// The consent on which a disclosure rests.
pub fn consent(it: &ItemDisclosed) -> Option<u64> {
    match it.basis.as_ref()?.basis.as_ref()? {
        disclosure_basis::Basis::Consent(it) => Some(it.consent),
        _ => None,
    }
}

/// The entry of the originator that has ended the basis of a disclosure; `None` while the basis is there, and for an end by
/// time. The law is no basis that the originator could end, but a recall asks about its copy too.
pub fn ended_by<'a>(seen: Seen<'a>, opener: Agency, it: &ItemDisclosed) -> Option<&'a Mark> {
    if let Some((recall, _)) = revision::recall(seen, opener) {
        return Some(recall);
    }
    let recipient = it.recipient.as_ref()?;
    if law(it).is_some() {
        return None;
    }
    let Some(consent) = consent(it) else {
        let current = current(seen, opener)?;
        let is_outside = !admits(current.terms(), recipient) || !serves(current.terms(), it.purpose());
        return is_outside.then_some(current.mark);
    };
    let granted = consents::granted_by(seen, opener, consent)?;
    let is_outside = !granted.covers(recipient, it.purpose(), &it.parts);
    granted.revocation(seen, opener).or(granted.narrowing.filter(|_| is_outside))
}

/// The announced disclosures that laws require, oldest first.
fn announced(seen: Seen<'_>, opener: Agency) -> impl Iterator<Item = (&Mark, &DisclosureAnnounced)> {
    seen.all_of::<DisclosureAnnounced>(opener.peer())
}

/// The disclosure that rests on an announcement.
fn made(seen: Seen<'_>, opener: Agency, announcement: u64) -> Option<&Mark> {
    let mut all = disclosed(seen, opener);
    all.find(|(_, it)| law(it).is_some_and(|law| law.announcement == announcement)).map(|(mark, _)| mark)
}

/// The announced disclosures on which the originator has not stated its opinion, and that were not made.
pub(super) fn awaiting_opinion(seen: Seen<'_>, opener: Agency) -> impl Iterator<Item = &DisclosureAnnounced> {
    let open = announced(seen, opener).filter(move |(mark, _)| {
        seen.answer::<DisclosureOpinionGiven>(opener, mark.seq).is_none() && made(seen, opener, mark.seq).is_none()
    });
    open.map(|(_, it)| it)
}

/// The announced disclosures as the desk shows them.
pub(super) fn announced_shown(seen: Seen<'_>, opener: Agency) -> Vec<LegalDisclosure> {
    let shown = announced(seen, opener).map(|(mark, it)| {
        let opinion = seen.answer::<DisclosureOpinionGiven>(opener, mark.seq);
        LegalDisclosure {
            entry: entry_name(opener.peer(), mark.seq),
            ground: it.ground,
            recipient: it.recipient.clone(),
            parts: it.parts.clone(),
            planned_on: it.planned_on.clone(),
            opinion: opinion.map(|(mark, _)| entry_name(opener, mark.seq)).unwrap_or_default(),
            objects: opinion.is_some_and(|(_, it)| it.objects),
            disclosure: made(seen, opener, mark.seq)
                .map(|mark| entry_name(opener.peer(), mark.seq))
                .unwrap_or_default(),
        }
    });
    shown.collect()
}

/// The attempts that the own service has refused, oldest first.
pub fn refused<'a>(matter: &'a Matter, seen: Seen<'a>) -> impl Iterator<Item = RefusedDisclosure> + 'a {
    seen.local().iter().filter_map(|mark| {
        let Some(Fact::DisclosureRefused(it)) = mark.stated() else { return None };
        Some(RefusedDisclosure {
            item: matter.to_string(),
            recipient: it.recipient.clone(),
            purpose: it.purpose,
            parts: it.parts.clone(),
            reason: it.reason,
            refused_at: mark.written_at,
        })
    })
}

/// Refuses a disclosure if the day has its highest number of refused attempts, because each attempt is recorded.
///
/// # Errors
/// `TOO_MANY_ATTEMPTS`.
pub fn must_have_attempts_left(local: &[Mark], now: Timestamp) -> Result<(), Refusal> {
    let today = calendar::day(now);
    let is_of_today =
        |mark: &&Mark| matches!(mark.stated(), Some(Fact::DisclosureRefused(_))) && calendar::day(mark.at()) == today;
    let detail = (
        format!("at most {ATTEMPTS} refused disclosures of an item a day"),
        format!("一件の共有情報について根拠のない開示を試行できる回数は、1日{ATTEMPTS}回までです。"),
    );
    must(local.iter().filter(is_of_today).count() < ATTEMPTS, Reason::TooManyAttempts, detail)
}

/// The private record of a refused disclosure; `None` for a refusal that has nothing to do with its basis.
pub fn attempt(fact: &ItemDisclosed, refusal: &Refusal) -> Option<DisclosureRefused> {
    let is_without_basis = matches!(refusal.reason, Reason::BeyondScope | Reason::ConsentNotFresh);
    is_without_basis.then(|| DisclosureRefused {
        reason: refusal.reason.into(),
        recipient: fact.recipient.clone(),
        purpose: fact.purpose,
        parts: fact.parts.clone(),
        basis: fact.basis,
    })
}
