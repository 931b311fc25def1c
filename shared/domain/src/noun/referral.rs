//! Referrals (紹介, Art. 4(1)): an agency tells a reporter about the other agency's schemes.
//!
//! State: `FOLLOWED_UP > GIVEN > DISCHARGED > ISSUED`.

pub mod introduction;
pub mod soundness;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use renkei_proto::{
    Sentence,
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    referral::v1::{
        JudgementRevised, Referral, ReferralDischarged, ReferralFollowedUp, ReferralGiven, ReferralGround,
        ReferralIssued, SchemeVersion, referral::State,
    },
    r#type::v1::{Agency, Finding, Judgement, StatutoryFacts},
};

use crate::{
    calendar,
    case::Case,
    duty::{Duty, DutyKind},
    index::{Lookup, LookupKind},
    matter::{Collection, Matter, entry_name, is_uuid},
    noun::{
        Noun, Resource, StateName, agreement, code,
        referral_counts::{DAYS, FILED, GIVEN, ISSUED},
        scheme,
    },
    page::{MarkView as _, Seen, View},
    read_set::ReadSet,
    refusal::{Refusal, must, past, past_day},
    standing::Standing,
    tally::{Ordinal, Tally, TallyKind},
    visibility::Visibility,
};

/// `agencies/{opener}/referrals/{uuid}`.
pub const COLLECTION: Collection = Collection::of_ids("referrals", is_uuid).with_case_letters("REF");
/// The counter of referrals, within a fiscal year and over all years.
pub const ORDINAL: TallyKind = TallyKind::new("referral");
/// The scheme of a filing is unknown, or not one of the agency that received it.
pub const NOT_A_REPORT: (&str, &str) =
    ("no version of the scheme was published", "公表された制度又は版ではありません。");

/// The opener's duty to confirm that a referral was given to the reporter (Art. 4(1)).
pub const CONFIRM_REFERRAL: DutyKind = DutyKind::new("confirm_referral");

/// The time before its issue at which a referral may have been given: an office tells the reporter first and registers
/// later, and often knows only the day.
const GIVEN_BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// Referrals of reporters.
pub struct ReferralNoun;

impl Noun for ReferralNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn reads(&self, fact: &Fact) -> ReadSet {
        match fact {
            Fact::ReferralIssued(_) | Fact::ReferralGiven(_) | Fact::ReferralFollowedUp(_) => scheme::catalogues(),
            _ => ReadSet::default(),
        }
    }

    fn resource(&self, matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Vec<u8>> {
        Referral::of(matter, seen, now, etag).map(|it| it.encode_to_vec())
    }

    fn judge(&self, case: &Case, fact: &Fact) -> Result<(), Refusal> {
        match fact {
            Fact::ReferralIssued(issued) => judge_issue(case, issued),
            Fact::ReferralGiven(given) => judge_giving(case, given),
            Fact::ReferralFollowedUp(followed_up) => judge_follow_up(case, followed_up),
            Fact::JudgementRevised(revised) => judge_revision(case, revised),
            Fact::ReferralDischarged(_) => judge_discharge(case),
            Fact::StatutoryFactsRevised(revised) => judge_statutory_facts(case, revised.revision),
            Fact::ReportReferred(_) => Ok(()),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn complete(&self, case: &Case, draft: Fact) -> Result<Fact, Refusal> {
        match draft {
            Fact::ReferralIssued(draft) => complete_issue(case, draft).map(Fact::ReferralIssued),
            other => {
                self.judge(case, &other)?;
                Ok(other)
            }
        }
    }

    fn needs_room(&self, _: &Fact) -> bool {
        // The number of revisions is bounded instead.
        false
    }

    fn ordinals(&self, fact: &Fact) -> Vec<Ordinal> {
        match fact {
            // The locator of the code is the number over all years.
            Fact::ReferralIssued(it) => [(0, it.ordinal), (it.fiscal_year, it.year_ordinal)]
                .map(|(year, number)| Ordinal { kind: ORDINAL, year, number })
                .to_vec(),
            _ => Vec::new(),
        }
    }

    fn tallies(&self, fact: &Fact, month: u32) -> Vec<Tally> {
        let of =
            |counted: TallyKind, scheme: &SchemeVersion, by| Tally::add(counted.part(&scheme.scheme_id), month, by);
        match fact {
            Fact::ReferralIssued(it) => it.introduced.iter().map(|scheme| of(ISSUED, scheme, 1)).collect(),
            Fact::ReferralGiven(it) => {
                let given = |scheme| [of(GIVEN, scheme, 1), of(DAYS, scheme, u64::from(it.days))];
                it.introduced.iter().flat_map(given).collect()
            }
            // One filing counts once, also if the reporter agreed only after it was counted.
            Fact::ReferralFollowedUp(it) if !it.counted_before => {
                it.filed_under.iter().map(|scheme| of(FILED, scheme, 1)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn lookup(&self, matter: &Matter, fact: &Fact) -> Option<Lookup> {
        match fact {
            Fact::ReferralIssued(it) if !it.code_digest.is_empty() => {
                Some(code_lookup(matter.opener, &code::locator(it.ordinal)))
            }
            _ => None,
        }
    }

    fn state(&self, matter: &Matter, seen: Seen<'_>) -> StateName {
        let state = state(seen, matter.opener);
        StateName { id: state.as_str_name(), ja: state.ja() }
    }

    fn visibility<'a>(&self, _: Agency, _: &Matter, seen: Seen<'a>) -> Vec<Visibility<'a>> {
        if seen.is_empty() { Vec::new() } else { vec![Visibility::EVERYBODY] }
    }

    fn duty_kinds(&self) -> &'static [DutyKind] {
        &[CONFIRM_REFERRAL]
    }

    fn duties(&self, own: Agency, matter: &Matter, seen: Seen<'_>) -> Vec<Duty> {
        let is_open = matter.opener == own && state(seen, own) == State::Issued;
        is_open.then_some(CONFIRM_REFERRAL.undated()).into_iter().collect()
    }
}

/// The lookup of a referral by the locator of its code.
pub fn code_lookup(issuer: Agency, locator: &str) -> Lookup {
    Lookup { kind: LookupKind::given_by(issuer, "code"), value: locator.to_owned() }
}

/// The decision of an agency that receives a report.
pub struct Introduction {
    /// The ground on which the reporter is told, or on which nothing is introduced.
    pub ground: ReferralGround,
    /// The peer's schemes that fit.
    pub introduced: Vec<SchemeVersion>,
}

/// Decides on a report by the rule of Art. 4(1), in this order: is it a report, does a scheme fit, would a finding of
/// unauthorised access make it a duty, and is there such a finding or is it pending.
///
/// # Errors
/// `NOT_A_REPORT` when it came under none of the author's schemes.
pub fn introduce(view: &View, fact: &ReferralIssued, now: Timestamp) -> Result<Introduction, Refusal> {
    let author = view.author();
    let (Some(facts), Some(judgement), Some(under)) = (&fact.scope_facts, &fact.judgement, &fact.reported_under) else {
        return Err(Refusal::new(
            Reason::FieldInvalid,
            ("judgement, scope facts and scheme must be set", "判断、対象範囲に関する事実及び制度を指定してください。"),
        ));
    };
    let own = scheme::matter(author, under).to_string();
    let is_report = scheme::was_published(view.page(&own), author, under.version);
    must(is_report, Reason::NotAReport, NOT_A_REPORT)?;
    let introduced = scheme::fitting(view, author.peer(), facts, calendar::day(now));
    let in_force = agreement::is_in_force(view, now);
    let may_be_duty = facts.electronic && facts.personal_information && !facts.taken_by_ministry && in_force;
    let ground = match judgement.finding() {
        _ if introduced.is_empty() => ReferralGround::NoApplicableScheme,
        Finding::Pending if may_be_duty => ReferralGround::Pending,
        Finding::Applies | Finding::Suspected if may_be_duty => ReferralGround::Duty,
        _ => ReferralGround::Voluntary,
    };
    Ok(Introduction { ground, introduced })
}

fn judge_issue(case: &Case, fact: &ReferralIssued) -> Result<(), Refusal> {
    judgement(fact.judgement.as_ref(), case.now)?;
    let right = introduce(&case.view, fact, case.now)?;
    let ground = fact.ground() == right.ground || is_earlier_pending(fact, &right.introduced);
    let same = ground && fact.introduced == right.introduced;
    must(
        same,
        Reason::FactDiffers,
        Sentence::for_developers("ground or introduced schemes are not what the rule gives"),
    )?;
    judge_code(fact)
}

/// Earlier versions gave every pending judgement this ground, also where it could never become a duty.
fn is_earlier_pending(fact: &ReferralIssued, introduced: &[SchemeVersion]) -> bool {
    let pending = fact.judgement.is_some_and(|it| it.finding() == Finding::Pending);
    pending && fact.ground() == ReferralGround::Pending && !introduced.is_empty()
}

/// The issue of a referral with its ground, the schemes to introduce, and a code only where there are such.
fn complete_issue(case: &Case, draft: ReferralIssued) -> Result<ReferralIssued, Refusal> {
    judgement(draft.judgement.as_ref(), case.now)?;
    let Introduction { ground, introduced } = introduce(&case.view, &draft, case.now)?;
    // A peer of an earlier version expects its own rule, so the desk drafts the ground for it.
    let ground = if is_earlier_pending(&draft, &introduced) { ReferralGround::Pending } else { ground };
    let mut issued = ReferralIssued { ground: ground.into(), introduced, ..draft };
    if issued.introduced.is_empty() {
        issued.code_digest.clear();
    }
    judge_code(&issued)?;
    Ok(issued)
}

fn judge_code(fact: &ReferralIssued) -> Result<(), Refusal> {
    let digest = fact.code_digest.len();
    let code = digest == 0 || (digest == 32 && !fact.introduced.is_empty());
    must(
        code,
        Reason::FactDiffers,
        Sentence::for_developers("a code's digest has 32 bytes, and is there only where a scheme is introduced"),
    )
}

fn judge_giving(case: &Case, fact: &ReferralGiven) -> Result<(), Refusal> {
    let (mark, issue) = open(case)?;
    must(
        issue.ground() != ReferralGround::NoApplicableScheme,
        Reason::WrongState,
        ("no scheme fits, so there is nothing to give", "該当する制度がないため、紹介するものがありません。"),
    )?;
    must(
        gift(case.page(), case.author()).is_none(),
        Reason::WrongState,
        ("the referral was given already", "この紹介の実施は、既に登録されています。"),
    )?;
    let given_at = past("given_at", fact.given_at.as_ref(), case.now)?;
    if given_at.duration_until(mark.at()) > GIVEN_BEFORE {
        let must = (
            "must not lie more than a day before the referral was issued",
            "紹介の作成より1日を超えて前の日時を指定することはできません。",
        );
        return Err(Refusal::field(Reason::FieldInvalid, "given_at", must));
    }
    must(
        fact.days == days(mark, given_at),
        Reason::FactDiffers,
        Sentence::for_developers("the days from issue to giving are counted wrongly"),
    )?;
    let peer = case.author().peer();
    for (i, introduced) in fact.introduced.iter().enumerate() {
        if fact.introduced[..i].iter().any(|other| other.scheme_id == introduced.scheme_id) {
            return Err(Refusal::field(
                Reason::FieldInvalid,
                "introduced",
                ("names a scheme twice", "同じ制度を二度指定することはできません。"),
            ));
        }
        let name = scheme::matter(peer, introduced).to_string();
        if !scheme::was_published(case.view.page(&name), peer, introduced.version) {
            return Err(Refusal::field(
                Reason::FieldInvalid,
                "introduced",
                (
                    "names a scheme version that the peer never published",
                    "相手方が公表していない制度又は版が指定されています。",
                ),
            ));
        }
    }
    Ok(())
}

/// A duty that is open is discharged once.
fn judge_discharge(case: &Case) -> Result<(), Refusal> {
    open(case)?;
    let is_open = state(case.page(), case.author()) == State::Issued;
    must(
        is_open,
        Reason::WrongState,
        (
            "the duty is not open: the referral was given, followed up or discharged",
            "この紹介は、交付済み、届出・報告済み又は終了しているため、この操作をすることはできません。",
        ),
    )
}

/// The facts of the dates are private, so only their own agency corrects them; revisions are numbered and bounded.
fn judge_statutory_facts(case: &Case, revision: u32) -> Result<(), Refusal> {
    let own = case.matter.opener == case.author();
    must(
        own,
        Reason::WrongDirection,
        (
            "the referral is the peer's, whose dates stay with the peer",
            "相手方の紹介に係る期限の根拠は、相手方のみが保有します。",
        ),
    )?;
    open(case)?;
    let last = latest_statutory(case.page()).map_or(1, |(last, _)| last);
    must(
        revision == last + 1,
        Reason::FactDiffers,
        Sentence::for_developers("a revision's number is the one before plus one"),
    )?;
    must(
        revision <= 1000,
        Reason::WrongState,
        ("the facts of the dates are revised at most 999 times", "期限の根拠の訂正は、999回までです。"),
    )
}

fn judge_follow_up(case: &Case, fact: &ReferralFollowedUp) -> Result<(), Refusal> {
    let opener = case.matter.opener;
    let Some((mark, issue)) = issue(case.page(), opener) else {
        return Err(Refusal::new(Reason::CodeNotFound, Sentence::for_developers("no referral has this code")));
    };
    let right = !issue.code_digest.is_empty() && digest(&SHA256, &fact.proof).as_ref() == issue.code_digest;
    must(right, Reason::CodeNotFound, Sentence::for_developers("no referral has this code"))?;
    case.answers(mark.seq)?;
    must(follow_up(case.page(), opener).is_none(), Reason::CodeAlreadyUsed, Sentence::default())?;
    filing(&case.view, fact.filed_under.as_ref(), &fact.filed_on, case.now)
}

/// A filing names a scheme of the author and a day that is not in the future.
///
/// # Errors
/// `NOT_FOUND` for a scheme that the author never published, `FIELD_INVALID` for the day.
pub fn filing(view: &View, under: Option<&SchemeVersion>, filed_on: &str, now: Timestamp) -> Result<(), Refusal> {
    let author = view.author();
    let known = under.is_some_and(|under| {
        let name = scheme::matter(author, under).to_string();
        scheme::was_published(view.page(&name), author, under.version)
    });
    if !known {
        return Err(Refusal::field(
            Reason::NotFound,
            "filed_under",
            Sentence::for_developers("this agency has no such scheme"),
        ));
    }
    past_day("filed_on", filed_on, now).map(|_| ())
}

fn judge_revision(case: &Case, fact: &JudgementRevised) -> Result<(), Refusal> {
    open(case)?;
    judgement(fact.judgement.as_ref(), case.now)?;
    let revision = latest_judgement(case.page(), case.author()).map_or(0, |(revision, _)| revision);
    must(
        fact.revision == revision + 1,
        Reason::FactDiffers,
        Sentence::for_developers("a revision's number is the one before plus one"),
    )?;
    must(
        fact.revision <= 1000,
        Reason::WrongState,
        ("a judgement is revised at most 999 times", "判断の変更は999回までです。"),
    )
}

fn open<'a>(case: &Case<'a>) -> Result<(&'a Mark, &'a ReferralIssued), Refusal> {
    issue(case.page(), case.author())
        .ok_or_else(|| Refusal::new(Reason::NotFound, Sentence::for_developers("there is no such referral")))
}

fn judgement(judgement: Option<&Judgement>, now: Timestamp) -> Result<(), Refusal> {
    past("judgement.judged_at", judgement.and_then(|judgement| judgement.judged_at.as_ref()), now).map(|_| ())
}

/// Civil days in Japan from the issue to an instant; 0 when it lies before.
pub fn days(issued: &Mark, until: Timestamp) -> u32 {
    let from = calendar::day(issued.at());
    let days = from.until(calendar::day(until)).map_or(0, |span| span.get_days());
    u32::try_from(days).unwrap_or_default()
}

/// The issue of a referral.
pub fn issue(seen: Seen<'_>, opener: Agency) -> Option<(&Mark, &ReferralIssued)> {
    seen.first(opener)
}

/// That a referral was given.
pub fn gift(seen: Seen<'_>, opener: Agency) -> Option<(&Mark, &ReferralGiven)> {
    seen.first(opener)
}

/// That the duty was discharged by an official.
pub fn discharge(seen: Seen<'_>, opener: Agency) -> Option<(&Mark, &ReferralDischarged)> {
    seen.first(opener)
}

/// The latest facts from which the reporter's dates are computed, with their revision, from 1. Only the own service has
/// them; `None` before the issue.
pub fn latest_statutory(seen: Seen<'_>) -> Option<(u32, Option<&StatutoryFacts>)> {
    seen.local().iter().rev().find_map(|mark| match mark.stated() {
        Some(Fact::ReportReferred(it)) => Some((1, it.statutory.as_ref())),
        Some(Fact::StatutoryFactsRevised(it)) => Some((it.revision, it.statutory.as_ref())),
        _ => None,
    })
}

/// The follow-up by the other agency.
pub fn follow_up(seen: Seen<'_>, opener: Agency) -> Option<(&Mark, &ReferralFollowedUp)> {
    seen.first(opener.peer())
}

/// The latest judgement with its revision, from 1.
pub fn latest_judgement(seen: Seen<'_>, opener: Agency) -> Option<(u32, &Judgement)> {
    let judgements = seen.each(opener, |fact| match fact {
        Fact::ReferralIssued(it) => Some((1, it.judgement.as_ref()?)),
        Fact::JudgementRevised(it) => Some((it.revision, it.judgement.as_ref()?)),
        _ => None,
    });
    judgements.last().map(|(_, latest)| latest)
}

/// The state of a referral; unspecified when it was never issued.
pub fn state(seen: Seen<'_>, opener: Agency) -> State {
    match issue(seen, opener) {
        None => State::Unspecified,
        Some(_) if follow_up(seen, opener).is_some() => State::FollowedUp,
        Some(_) if gift(seen, opener).is_some() => State::Given,
        Some((_, issue)) if issue.ground() == ReferralGround::NoApplicableScheme => State::Discharged,
        Some(_) if discharge(seen, opener).is_some() => State::Discharged,
        Some(_) => State::Issued,
    }
}

impl Resource for Referral {
    fn of(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self> {
        let opener = matter.opener;
        let (mark, issue) = issue(seen, opener)?;
        let (judgement_revision, judgement) = latest_judgement(seen, opener)?;
        let given = gift(seen, opener).map(|(_, given)| given);
        let followed_up = follow_up(seen, opener).map(|(_, it)| it);
        let discharged = discharge(seen, opener);
        let state = state(seen, opener);
        let scheme = |agency: Agency, version: &SchemeVersion| scheme::matter(agency, version).to_string();
        Some(Self {
            name: matter.to_string(),
            case_number: matter.case_number(issue.fiscal_year, issue.year_ordinal),
            issuer: opener.into(),
            state: state.into(),
            ground: issue.ground,
            judgement: Some(*judgement),
            judgement_revision,
            scope_facts: issue.scope_facts.clone(),
            reported_under: issue.reported_under.as_ref().map(|it| scheme(opener, it)).unwrap_or_default(),
            introduced: given.map_or_else(|| issue.introduced.clone(), |given| given.introduced.clone()),
            code_issued: !issue.code_digest.is_empty(),
            issued_at: mark.written_at,
            given_at: given.and_then(|given| given.given_at),
            channel: given.map(|given| given.channel).unwrap_or_default(),
            filed_under: followed_up
                .and_then(|it| it.filed_under.as_ref())
                .map(|it| scheme(opener.peer(), it))
                .unwrap_or_default(),
            filed_on: followed_up.map(|it| it.filed_on.clone()).unwrap_or_default(),
            open_days: if state == State::Issued { days(mark, now) } else { 0 },
            entries: seen.entries(),
            etag,
            waiting_for: Standing::of(&ReferralNoun, matter, seen).waiting_for().map(Into::into).collect(),
            discharge_reason: discharged.map(|(_, it)| it.reason).unwrap_or_default(),
            discharged_at: discharged.and_then(|(mark, _)| mark.written_at),
        })
    }
}

/// The entry of the issue, which a follow-up answers.
pub fn issue_entry(matter: &Matter, seen: Seen<'_>) -> Option<String> {
    issue(seen, matter.opener).map(|(mark, _)| entry_name(matter.opener, mark.seq))
}
