//! Consent to go beyond the scope of an item (同意, Art. 7(2)).
//!
//! The default is to deny: nothing but a grant of the originator makes a consent, and an oral one is a request until the
//! originator grants it. The state of a consent follows from the page, so both agencies have the same one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use renkei_proto::{
    Sentence,
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    sharing::v1::{
        Consent, ConsentDenialReason, ConsentDenied, ConsentGranted, ConsentNarrowed, ConsentRequestWithdrawn,
        ConsentRequested, ConsentRevoked, ConsentTerms, Recipient, RequestedConsent, consent, requested_consent,
    },
    r#type::v1::{Agency, Purpose},
};

use super::{
    recipient,
    revision::{current, find, is_sealed, open, published_in, stays},
};
use crate::{
    calendar::parse_day,
    case::Case,
    matter::{entry_name, entry_name_if_any},
    moment::end,
    page::{MarkView as _, Seen},
    refusal::{Refusal, missing, must, past},
    scope,
    visibility::{self, Visibility},
};

/// An entry that is no request for consent to the item.
pub const NO_REQUEST: (&str, &str) =
    ("there is no such request for consent to this item", "この共有情報について、指定された同意の求めはありません。");
/// An entry that is no consent to the item.
pub const NO_CONSENT: (&str, &str) =
    ("there is no such consent to this item", "この共有情報について、指定された同意はありません。");
const NO_LONGER: (&str, &str) = ("the consent is no longer in force", "この同意は、既に効力を失っています。");

/// A consent of the originator, with its present extent.
#[derive(Clone, Copy)]
pub struct Granted<'a> {
    /// The place of the grant in the originator's journal.
    pub mark: &'a Mark,
    /// The fact that grants it.
    pub it: &'a ConsentGranted,
    /// The extent as the originator has narrowed it.
    pub terms: &'a ConsentTerms,
    /// The last narrowing.
    pub narrowing: Option<&'a Mark>,
}

/// The consents of an item, oldest first.
pub fn granted(seen: Seen<'_>, opener: Agency) -> impl Iterator<Item = Granted<'_>> {
    seen.all_of::<ConsentGranted>(opener).map(move |(mark, it)| with_extent(seen, opener, mark, it))
}

fn with_extent<'a>(seen: Seen<'a>, opener: Agency, mark: &'a Mark, it: &'a ConsentGranted) -> Granted<'a> {
    static NONE: ConsentTerms = ConsentTerms {
        recipients: Vec::new(),
        purposes: Vec::new(),
        until: None,
        parts: Vec::new(),
        conditions: Vec::new(),
    };
    let narrowed = seen.all_of::<ConsentNarrowed>(opener).filter(|(_, narrowed)| narrowed.consent == mark.seq);
    let last = narrowed.last();
    let terms = last.map_or(it.terms.as_ref(), |(_, narrowed)| narrowed.terms.as_ref()).unwrap_or(&NONE);
    Granted { mark, it, terms, narrowing: last.map(|(mark, _)| mark) }
}

/// The consent that an entry of the originator granted.
pub fn granted_by(seen: Seen<'_>, opener: Agency, seq: u64) -> Option<Granted<'_>> {
    let mut all = seen.all_of::<ConsentGranted>(opener);
    all.find(|(mark, _)| mark.seq == seq).map(|(mark, it)| with_extent(seen, opener, mark, it))
}

impl Granted<'_> {
    /// True if a consent covers this: the recipient, the purpose and the parts are all in it.
    pub fn covers(&self, to: &Recipient, purpose: Purpose, parts: &[i32]) -> bool {
        let is_named = self.terms.recipients.iter().any(|it| recipient::is_same(it, to));
        let serves = self.terms.purposes().any(|named| named == purpose);
        is_named && serves && recipient::are_parts_within(parts, &self.terms.parts)
    }

    /// The first instant at which it is no longer in force; `None` for no end. No consent outlasts the scope.
    pub fn until(&self, seen: Seen<'_>, opener: Agency) -> Option<Timestamp> {
        let scope_ends = current(seen, opener).and_then(|it| scope::end(it.terms()));
        [end(self.terms.until.as_ref()), scope_ends].into_iter().flatten().min()
    }

    /// The place in the originator's journal at which it was revoked.
    pub fn revocation<'a>(&self, seen: Seen<'a>, opener: Agency) -> Option<&'a Mark> {
        let mut revoked = seen.stated::<ConsentRevoked>(opener);
        revoked.find(|(_, it)| it.consent == self.mark.seq).map(|(mark, _)| mark)
    }

    /// Its state at an instant.
    pub fn state(&self, seen: Seen<'_>, opener: Agency, now: Timestamp) -> consent::State {
        let is_over = |until: Timestamp| until <= now;
        if self.revocation(seen, opener).is_some() {
            consent::State::Revoked
        } else if is_sealed(seen, opener) {
            consent::State::Sealed
        } else if !self.is_kept(seen, opener) {
            consent::State::Superseded
        } else if self.until(seen, opener).is_some_and(is_over) {
            consent::State::Expired
        } else {
            consent::State::InForce
        }
    }

    /// True if every revision since the grant has kept it.
    fn is_kept(&self, seen: Seen<'_>, opener: Agency) -> bool {
        let mut since = seen.each(opener, published_in).filter(|(mark, _)| mark.seq > self.mark.seq);
        since.all(|(_, it)| it.publication.kept_consents.contains(&self.mark.seq))
    }
}

/// A unit beyond the scope to which the receiver's service shows an item.
#[derive(Clone, Copy)]
pub(super) struct Beyond<'a> {
    /// The first revision that it sees: the one for which the consent was granted.
    first: u32,
    /// The unit, with a purpose and the end of the consent by time.
    shown: Visibility<'a>,
}

/// The units beyond the scope to which the receiver's service shows an item. The end of a consent by time is in the
/// visibility, and every other end is on the page.
pub(super) fn beyond(seen: Seen<'_>, opener: Agency) -> Vec<Beyond<'_>> {
    let ended = |it: &Granted<'_>| it.state(seen, opener, Timestamp::MIN) != consent::State::InForce;
    let consents =
        granted(seen, opener).filter(|it| it.terms.recipients.iter().any(|it| recipient::unit(it).is_some()));
    let shown = consents.filter(|it| !ended(it)).flat_map(|it| {
        let until_us = it.until(seen, opener).map_or(i64::MAX, Timestamp::as_microsecond);
        let units = it.terms.recipients.iter().filter_map(recipient::unit);
        units.flat_map(move |unit| {
            let audience = move |purpose| visibility::Audience { unit: Some(unit), purpose: Some(purpose) };
            let shown = move |purpose| Visibility { audience: audience(purpose), until_us };
            it.terms.purposes().map(move |purpose| Beyond { first: it.it.revision, shown: shown(purpose) })
        })
    });
    shown.collect()
}

/// The entries about consents, disclosures and copies that are withheld from a unit which sees the item by a consent alone: all but
/// the consents for this unit alone, with their requests, narrowings and revocations. A consent that also names others would tell
/// of them.
pub(super) fn of_others(seen: Seen<'_>, opener: Agency, unit: &str) -> BTreeSet<(Agency, u64)> {
    let is_own = |terms: Option<&ConsentTerms>| {
        let recipients = terms.map_or(&[][..], |terms| &terms.recipients);
        !recipients.is_empty() && recipients.iter().all(|it| recipient::unit(it) == Some(unit))
    };
    let own: Vec<_> = seen
        .all_of::<ConsentGranted>(opener)
        .filter(|(_, it)| is_own(it.terms.as_ref()))
        .map(|(mark, _)| mark)
        .collect();
    let is_granted = |consent: u64| own.iter().any(|mark| mark.seq == consent);
    let is_requested = |request: u64| own.iter().any(|mark| mark.answers == request);
    let is_others = |mark: &Mark, fact: &Fact| match fact {
        Fact::ConsentRequested(it) => !(is_requested(mark.seq) && is_own(it.terms.as_ref())),
        Fact::ConsentGranted(_) => !is_granted(mark.seq),
        Fact::ConsentNarrowed(it) => !is_granted(it.consent),
        Fact::ConsentRevoked(it) => !is_granted(it.consent),
        Fact::ConsentDenied(_)
        | Fact::ConsentRequestWithdrawn(_)
        | Fact::DisclosureAnnounced(_)
        | Fact::DisclosureOpinionGiven(_)
        | Fact::ItemDisclosed(_)
        | Fact::CopyAnswered(_) => true,
        _ => false,
    };
    let each = [opener, opener.peer()].into_iter().flat_map(|author| {
        let others = seen.all(author).filter(|mark| mark.stated().is_some_and(|fact| is_others(mark, fact)));
        others.map(move |mark| (author, mark.seq))
    });
    each.collect()
}

/// The units among these that see a revision.
pub(super) fn audiences<'a>(beyond: &[Beyond<'a>], revision: u32) -> Vec<Visibility<'a>> {
    let mut shown: Vec<_> = beyond.iter().filter(|it| it.first <= revision).map(|it| it.shown).collect();
    // Two consents for one unit and purpose are one row of a list, with the later end.
    shown.sort_unstable_by_key(|it| (it.audience, std::cmp::Reverse(it.until_us)));
    shown.dedup_by_key(|it| it.audience);
    shown
}

/// A request for consent.
#[derive(Clone, Copy)]
pub struct Requested<'a> {
    /// The place in the receiver's journal.
    pub mark: &'a Mark,
    /// The fact that requests it.
    pub it: &'a ConsentRequested,
}

/// The requests for consent, oldest first.
pub fn requested(seen: Seen<'_>, opener: Agency) -> impl Iterator<Item = Requested<'_>> {
    seen.all_of::<ConsentRequested>(opener.peer()).map(|(mark, it)| Requested { mark, it })
}

/// The request that an entry of the receiver made.
pub fn requested_by(seen: Seen<'_>, opener: Agency, seq: u64) -> Option<Requested<'_>> {
    requested(seen, opener).find(|it| it.mark.seq == seq)
}

impl Requested<'_> {
    /// Its state with the name of the entry that ended it, and the reason of a denial. A grant counts even if the request was
    /// withdrawn at the same time: a consent permits and does not oblige.
    fn standing(&self, seen: Seen<'_>, opener: Agency) -> (requested_consent::State, String, i32) {
        let seq = self.mark.seq;
        if let Some((mark, _)) = seen.answer::<ConsentGranted>(opener, seq) {
            return (requested_consent::State::Granted, entry_name(opener, mark.seq), 0);
        }
        if let Some((mark, it)) = seen.answer::<ConsentDenied>(opener, seq) {
            return (requested_consent::State::Denied, entry_name(opener, mark.seq), it.reason);
        }
        let mut withdrawn = seen.all_of::<ConsentRequestWithdrawn>(opener.peer());
        if let Some((mark, _)) = withdrawn.find(|(_, it)| it.request == seq) {
            return (requested_consent::State::Withdrawn, entry_name(opener.peer(), mark.seq), 0);
        }
        let revision = current(seen, opener).map_or(0, |it| it.it.publication.revision);
        if is_sealed(seen, opener) || revision != self.it.revision {
            return (requested_consent::State::Lapsed, String::new(), 0);
        }
        (requested_consent::State::Open, String::new(), 0)
    }

    /// Its state by the facts of both agencies.
    pub fn state(&self, seen: Seen<'_>, opener: Agency) -> requested_consent::State {
        self.standing(seen, opener).0
    }
}

/// The requests that the originator has not answered.
pub fn open_requests(seen: Seen<'_>, opener: Agency) -> impl Iterator<Item = Requested<'_>> {
    requested(seen, opener).filter(move |it| it.state(seen, opener) == requested_consent::State::Open)
}

/// The requests as the desk shows them.
pub(super) fn requests_shown(seen: Seen<'_>, opener: Agency) -> Vec<RequestedConsent> {
    let shown = requested(seen, opener).map(|request| {
        let (state, answer, denial_reason) = request.standing(seen, opener);
        RequestedConsent {
            entry: entry_name(opener.peer(), request.mark.seq),
            revision: request.it.revision,
            terms: request.it.terms.clone(),
            oral: request.it.oral.clone(),
            state: state.into(),
            answer,
            denial_reason,
        }
    });
    shown.collect()
}

/// The consents as the desk shows them.
pub(super) fn shown(seen: Seen<'_>, opener: Agency, now: Timestamp) -> Vec<Consent> {
    let shown = granted(seen, opener).map(|granted| Consent {
        entry: entry_name(opener, granted.mark.seq),
        request: entry_name_if_any(opener.peer(), granted.mark.answers),
        revision: granted.it.revision,
        terms: Some(granted.terms.clone()),
        narrowed: granted.narrowing.is_some(),
        state: granted.state(seen, opener, now).into(),
    });
    shown.collect()
}

/// Judges the extent of a consent in itself, and against the item's own limits.
fn check(case: &Case, terms: &ConsentTerms) -> Result<(), Refusal> {
    let item = open(case)?.terms();
    let contradictory = |field, detail: (&str, &str)| Err(Refusal::field(Reason::ScopeContradictory, field, detail));
    if terms.recipients.is_empty() || terms.recipients.iter().any(|it| it.recipient.is_none()) {
        return Err(missing("terms.recipients"));
    }
    let is_twice = |(place, one)| terms.recipients.iter().skip(place + 1).any(|other| recipient::is_same(one, other));
    if terms.recipients.iter().enumerate().any(is_twice) {
        let must = ("must name each recipient once", "提供先が重複して指定されています。");
        return Err(Refusal::field(Reason::FieldInvalid, "terms.recipients", must));
    }
    if !terms.parts.is_empty() && terms.recipients.iter().any(|it| recipient::unit(it).is_some()) {
        let must = (
            "a unit sees the whole item or nothing: name its parts for other recipients alone",
            "部署は共有情報の全体を閲覧することとなるため、提供する部分を指定することはできません。",
        );
        return contradictory("terms.parts", must);
    }
    if scope::is_public(item) && !stays(case.page(), case.matter.opener) {
        let must = ("a public item needs no consent", "公開する共有情報の提供には、同意を要しません。");
        return contradictory("terms", must);
    }
    let until = end(terms.until.as_ref());
    let ends = scope::end(item);
    must(
        ends.is_none_or(|ends| case.now < ends),
        Reason::WrongState,
        ("the scope of the item has ended", "この共有情報は、共有の期限を過ぎています。"),
    )?;
    if until.is_some_and(|until| until <= case.now) {
        let must = ("must lie in the future: it would permit nothing", "将来の日時を指定してください。");
        return Err(Refusal::field(Reason::ScopeEmpty, "terms.until", must));
    }
    if let (Some(until), Some(ends)) = (until, ends)
        && until > ends
    {
        let must = ("it ends after the scope of the item", "共有の期限より後の日時を指定することはできません。");
        return contradictory("terms.until", must);
    }
    Ok(())
}

/// Refuses an extent that is not within another one.
fn must_be_within(inner: &ConsentTerms, outer: &ConsentTerms) -> Result<(), Refusal> {
    let beyond = |field, english: &str, japanese: &str| {
        Err(Refusal::field(Reason::ScopeContradictory, field, (english.to_owned(), japanese.to_owned())))
    };
    let is_named = |it: &Recipient| outer.recipients.iter().any(|named| recipient::is_same(it, named));
    if !inner.recipients.iter().all(is_named) {
        return beyond(
            "terms.recipients",
            "names a recipient that the extent before does not",
            "元の範囲に含まれない提供先が指定されています。",
        );
    }
    if inner.purposes.iter().any(|purpose| !outer.purposes.contains(purpose)) {
        return beyond(
            "terms.purposes",
            "names a purpose that the extent before does not",
            "元の範囲に含まれない利用目的が指定されています。",
        );
    }
    let (inner_end, outer_end) = (end(inner.until.as_ref()), end(outer.until.as_ref()));
    if outer_end.is_some_and(|outer| inner_end.is_none_or(|inner| inner > outer)) {
        return beyond(
            "terms.until",
            "ends after the extent before",
            "期限は、元の範囲の期限を超えることができません。",
        );
    }
    if !recipient::are_parts_within(&inner.parts, &outer.parts) {
        return beyond(
            "terms.parts",
            "names a part that the extent before does not",
            "元の範囲に含まれない部分が指定されています。",
        );
    }
    Ok(())
}

fn terms_of(terms: Option<&ConsentTerms>) -> Result<&ConsentTerms, Refusal> {
    terms.ok_or_else(|| missing("terms"))
}

pub(super) fn judge_request(case: &Case, fact: &ConsentRequested) -> Result<(), Refusal> {
    open(case)?.must_be_answered(case, fact.revision)?;
    let terms = terms_of(fact.terms.as_ref())?;
    check(case, terms)?;
    must(
        terms.conditions.is_empty(),
        Reason::FactDiffers,
        Sentence::for_developers("the originator alone sets conditions"),
    )?;
    let Some(oral) = &fact.oral else { return Ok(()) };
    past("given_orally_at", oral.given_at.as_ref(), case.now)?;
    let is_to_come = parse_day(&oral.confirm_by).is_some_and(|day| day >= case.today());
    must(is_to_come, Reason::FactDiffers, Sentence::for_developers("the day of confirmation is over"))
}

pub(super) fn judge_grant(case: &Case, fact: &ConsentGranted) -> Result<(), Refusal> {
    // A request for an older revision has lapsed, so an open one is for the current revision too.
    open(case)?.must_be(fact.revision)?;
    let request = (case.answers != 0).then(|| open_request(case, case.answers)).transpose()?;
    let terms = terms_of(fact.terms.as_ref())?;
    check(case, terms)?;
    request.map_or(Ok(()), |request| must_be_within(terms, terms_of(request.it.terms.as_ref())?))
}

/// The request with this number, if it has no answer.
fn open_request<'a>(case: &Case<'a>, seq: u64) -> Result<Requested<'a>, Refusal> {
    find(case)?;
    let (seen, opener) = (case.page(), case.matter.opener);
    let Some(request) = requested_by(seen, opener, seq) else {
        return Err(Refusal::field(Reason::FieldInvalid, "request", NO_REQUEST));
    };
    let why = match request.state(seen, opener) {
        requested_consent::State::Open => return Ok(request),
        requested_consent::State::Withdrawn => {
            ("the request was withdrawn", "この同意の求めは、取り下げられています。")
        }
        requested_consent::State::Lapsed => (
            "the request has lapsed, because the item was revised or recalled since",
            "この同意の求めは、改訂又は共有停止により失効しています。",
        ),
        _ => ("the request is answered already", "この同意の求めには、既に回答されています。"),
    };
    Err(Refusal::field(Reason::WrongState, "request", why))
}

/// The consent with this number, if it is in force.
fn in_force<'a>(case: &Case<'a>, seq: u64) -> Result<Granted<'a>, Refusal> {
    find(case)?;
    let (seen, opener) = (case.page(), case.matter.opener);
    let Some(granted) = granted_by(seen, opener, seq) else {
        return Err(Refusal::field(Reason::FieldInvalid, "consent", NO_CONSENT));
    };
    match granted.state(seen, opener, case.now) {
        consent::State::InForce => Ok(granted),
        _ => Err(Refusal::field(Reason::WrongState, "consent", NO_LONGER)),
    }
}

pub(super) fn judge_narrowing(case: &Case, fact: &ConsentNarrowed) -> Result<(), Refusal> {
    let before = in_force(case, fact.consent)?.terms;
    let terms = terms_of(fact.terms.as_ref())?;
    check(case, terms)?;
    must_be_within(terms, before)?;
    must(
        before.conditions.iter().all(|condition| terms.conditions.contains(condition)),
        Reason::FactDiffers,
        Sentence::for_developers("a narrowing keeps the conditions"),
    )?;
    must(
        must_be_within(before, terms).is_err(),
        Reason::WrongState,
        ("it is not narrower than before", "同意の範囲が縮小されていません。"),
    )
}

pub(super) fn judge_denial(case: &Case, fact: &ConsentDenied) -> Result<(), Refusal> {
    let request = open_request(case, case.answers)?;
    let is_of_oral = request.it.oral.is_some() || fact.reason() != ConsentDenialReason::NotGiven;
    let must_be =
        ("is stated for an oral consent alone", "口頭による同意の確認を求められた場合に限り、指定することができます。");
    must(is_of_oral, Reason::FieldInvalid, must_be).map_err(|refusal| Refusal { field: "reason", ..refusal })
}

pub(super) fn judge_revocation(case: &Case, fact: &ConsentRevoked) -> Result<(), Refusal> {
    in_force(case, fact.consent).map(|_| ())
}

pub(super) fn judge_withdrawal(case: &Case, fact: &ConsentRequestWithdrawn) -> Result<(), Refusal> {
    open_request(case, fact.request).map(|_| ())
}

/// Refuses a revision that keeps a consent which is not in force.
pub(super) fn judge_kept(case: &Case, kept: &[u64]) -> Result<(), Refusal> {
    let kept_once = kept.is_sorted_by(|one, other| one < other);
    must(kept_once, Reason::FactDiffers, Sentence::for_developers("the kept consents are not in order"))?;
    let is_in_force = |seq: &u64| in_force(case, *seq).map(|_| ());
    kept.iter().try_for_each(is_in_force).map_err(|refusal| Refusal { field: "kept_consents", ..refusal })
}
