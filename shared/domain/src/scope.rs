//! The scope of shared information (共有範囲, Art. 7(2)): its audience, purposes and end; and its marking (取扱い).

use jiff::Timestamp;
use renkei_proto::{
    options::v1::Reason,
    sharing::v1::{ItemTerm, ItemTerms},
    r#type::v1::{Audience, Confidentiality, Designated, Marking, Scope, Tlp, scope},
};

use crate::{
    moment::{self, instant},
    refusal::{Refusal, missing, must},
    visibility::{self, Visibility},
};

/// The audiences that see an item shared under these terms.
pub(crate) fn audiences(terms: &ItemTerms) -> Vec<Visibility<'_>> {
    let designated = match terms.scope.as_ref().and_then(|scope| scope.scope.as_ref()) {
        None => return Vec::new(),
        // The default, unless an agreed method sets another one: the receiving party.
        Some(scope::Scope::Undesignated(_)) => return vec![Visibility::EVERYBODY],
        Some(scope::Scope::Designated(designated)) => designated,
    };
    let until_us = moment::end(designated.expires.as_ref()).map_or(i64::MAX, Timestamp::as_microsecond);
    let units = match designated.audience() {
        Audience::Units => designated.units.iter().map(|unit| Some(unit.as_str())).collect(),
        _ => vec![None],
    };
    let purposes = match designated.audience() {
        Audience::Public => vec![None],
        _ => designated.purposes().map(Some).collect(),
    };
    let each = units.iter().flat_map(|unit| purposes.iter().map(|purpose| (*unit, *purpose)));
    each.map(|(unit, purpose)| Visibility { audience: visibility::Audience { unit, purpose }, until_us }).collect()
}

/// The end of a scope; `None` for one without an end.
pub(crate) fn end(terms: &ItemTerms) -> Option<Timestamp> {
    moment::end(designated(terms)?.expires.as_ref())
}

/// The last instant up to `now` at which a scope had not ended.
pub(crate) fn last_instant(terms: &ItemTerms, now: Timestamp) -> Timestamp {
    let before = |end: Timestamp| Timestamp::from_microsecond(end.as_microsecond() - 1).unwrap_or(now);
    end(terms).filter(|end| *end <= now).map_or(now, before)
}

/// True if everybody may read an item.
pub(crate) fn is_public(terms: &ItemTerms) -> bool {
    designated(terms).is_some_and(|it| it.audience() == Audience::Public)
}

/// The scope that the originator has designated; `None` for the default.
pub(crate) fn designated(terms: &ItemTerms) -> Option<&Designated> {
    match terms.scope.as_ref()?.scope.as_ref()? {
        scope::Scope::Designated(designated) => Some(designated),
        scope::Scope::Undesignated(_) => None,
    }
}

/// The units that terms name; none where they name a wider circle.
pub(crate) fn units(terms: &ItemTerms) -> &[String] {
    designated(terms).map_or(&[], |designated| &designated.units)
}

/// Judges the terms of an item when it is published.
///
/// # Errors
/// `SCOPE_EMPTY` if nobody would see it, `SCOPE_CONTRADICTORY` if the scope contradicts itself, `FIELD_INVALID`.
pub fn check(terms: &ItemTerms, now: Timestamp) -> Result<(), Refusal> {
    for (field, is_set) in [("terms.scope", terms.scope.is_some()), ("terms.marking", terms.marking.is_some())] {
        if !is_set {
            return Err(missing(field));
        }
    }
    let from = terms.valid_from.as_ref().map(instant);
    if let Some(until) = moment::end(terms.valid_until.as_ref())
        && (until <= now || from.is_some_and(|from| until <= from))
    {
        let must =
            ("must lie in the future and after valid_from", "将来の日時で、開始日時より後の日時を指定してください。");
        return Err(Refusal::field(Reason::FieldInvalid, "terms.valid_until", must));
    }
    let embargo = terms.plan.as_ref().and_then(|plan| plan.embargo_until.as_ref()).map(instant);
    designated(terms).map_or(Ok(()), |designated| designation(designated, embargo, now))
}

fn designation(it: &Designated, embargo: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    let empty = |field, detail: (&str, &str)| Err(Refusal::field(Reason::ScopeEmpty, field, detail));
    let contradictory = |field, detail: (&str, &str)| Err(Refusal::field(Reason::ScopeContradictory, field, detail));
    let (units, purposes, expires) =
        ("terms.scope.designated.units", "terms.scope.designated.purposes", "terms.scope.designated.expires");
    let until = moment::end(it.expires.as_ref());
    match it.audience() {
        Audience::Units if it.units.is_empty() => {
            return empty(
                units,
                ("no unit is named, so nobody would see it", "部署が指定されていないため、誰も閲覧できません。"),
            );
        }
        Audience::Units => {}
        _ if !it.units.is_empty() => {
            return contradictory(
                units,
                (
                    "units are named, but the audience is wider than units",
                    "部署が指定されていますが、閲覧者の区分が「指定部署」ではありません。",
                ),
            );
        }
        Audience::Public if !it.purposes.is_empty() => {
            return contradictory(
                purposes,
                (
                    "a public item cannot be bound to a purpose",
                    "公開する共有情報に、利用目的を指定することはできません。",
                ),
            );
        }
        Audience::Public if it.expires.is_some() => {
            return contradictory(
                expires,
                ("a public item cannot have an end", "公開する共有情報に、共有の期限を指定することはできません。"),
            );
        }
        Audience::Public if embargo.is_some_and(|embargo| embargo > now) => {
            return contradictory(
                "terms.plan.embargo_until",
                (
                    "a public item cannot have an embargo that has not ended",
                    "公開する共有情報に、公表前の期間を指定することはできません。",
                ),
            );
        }
        _ => {}
    }
    if it.purposes.is_empty() && it.audience() != Audience::Public {
        return empty(
            purposes,
            ("no purpose is named, so nobody would see it", "利用目的が指定されていないため、誰も閲覧できません。"),
        );
    }
    if until.is_some_and(|until| until <= now) {
        return empty(
            expires,
            ("it has expired, so nobody would see it", "共有の期限を過ぎているため、誰も閲覧できません。"),
        );
    }
    if let (Some(until), Some(embargo)) = (until, embargo)
        && until <= embargo
    {
        return contradictory(
            expires,
            ("it expires before the embargo ends", "共有の期限が、公表前の期間の終わりより前です。"),
        );
    }
    Ok(())
}

/// Traffic Light Protocol 2.0 of a scope. An undesignated scope means the receiving party.
pub fn tlp(scope: Option<&Scope>) -> Tlp {
    let audience = match scope.and_then(|scope| scope.scope.as_ref()) {
        None => return Tlp::Unspecified,
        Some(scope::Scope::Undesignated(_)) => Audience::Party,
        Some(scope::Scope::Designated(it)) => it.audience(),
    };
    match audience {
        Audience::Units => Tlp::Red,
        Audience::Party | Audience::Organisation => Tlp::AmberStrict,
        Audience::Clients => Tlp::Amber,
        Audience::Community => Tlp::Green,
        Audience::Public => Tlp::Clear,
        Audience::Unspecified => Tlp::Unspecified,
    }
}

/// True if an object with this mark of the Traffic Light Protocol may go to everybody in this scope.
pub fn admits(scope: Option<&Scope>, mark: Tlp) -> bool {
    // The contract numbers the levels from the strictest on.
    tlp(scope) <= mark
}

/// The terms of a revision: those that it names, and the previous ones for those that it neither names nor clears.
///
/// # Errors
/// `FIELD_INVALID` if it names a term that it clears.
pub fn revised(before: &ItemTerms, named: ItemTerms, cleared: &[i32]) -> Result<ItemTerms, Refusal> {
    let clears = |term: ItemTerm| cleared.contains(&term.into());
    let both = (clears(ItemTerm::ValidFrom) && named.valid_from.is_some())
        || (clears(ItemTerm::ValidUntil) && named.valid_until.is_some())
        || (clears(ItemTerm::Plan) && named.plan.is_some());
    must(
        !both,
        Reason::FieldInvalid,
        ("clears a term that is named: do one of both", "一つの条件に、値の指定と削除とを同時に行うことはできません。"),
    )
    .map_err(|refusal| Refusal { field: "cleared", ..refusal })?;
    Ok(ItemTerms {
        scope: named.scope.or_else(|| before.scope.clone()),
        marking: named.marking.or_else(|| before.marking.clone()),
        valid_from: named.valid_from.or(before.valid_from.filter(|_| !clears(ItemTerm::ValidFrom))),
        valid_until: named.valid_until.or(before.valid_until.filter(|_| !clears(ItemTerm::ValidUntil))),
        plan: named.plan.or(before.plan.filter(|_| !clears(ItemTerm::Plan))),
    })
}

/// The marking that a call gives, or the default: 機密性2 without restriction.
pub fn marking(given: Option<Marking>) -> Marking {
    given.unwrap_or(Marking { confidentiality: Confidentiality::Level2.into(), restrictions: Vec::new() })
}

/// Both markings at once: the higher level, all restrictions in the order of their numbers.
pub fn raised(one: &Marking, other: &Marking) -> Marking {
    let mut restrictions = [one.restrictions.as_slice(), &other.restrictions].concat();
    restrictions.sort_unstable();
    restrictions.dedup();
    Marking { confidentiality: one.confidentiality.max(other.confidentiality), restrictions }
}

/// Refuses a marking that is lower than another in anything.
pub(crate) fn must_raise(from: &Marking, to: &Marking) -> Result<(), Refusal> {
    let lowers = to.confidentiality < from.confidentiality
        || from.restrictions.iter().any(|restriction| !to.restrictions.contains(restriction));
    must(
        !lowers,
        Reason::FieldInvalid,
        ("the receiver may only raise a marking", "受領した機関は、取扱いの区分を厳しくすることだけができます。"),
    )
    .map_err(|refusal| Refusal { field: "marking", ..refusal })
}
