//! Acts as an honest agency makes them: allowed by its view, as the desk's commands are.

use renkei_domain::{
    calendar, era,
    matter::Matter,
    moment::stamp,
    noun::{agreement, referral, referral_counts, scheme},
    term::term_on,
};
use renkei_proto::{
    agreement::v1::{
        ArrivalChannel, NoticeArrived, NoticeGiven, NoticeKind, NoticeReceived, NoticeWithdrawalAssented,
        NoticeWithdrawn,
    },
    journal::v1::fact,
    referral::v1::{
        DischargeReason, JudgementRevised, ReferralChannel, ReferralDischarged, ReferralFollowedUp, ReferralGiven,
        ReferralIssued, ReferralsCounted, SchemePublished, SchemeRevised, SchemeVersion, SchemeWithdrawn, ScopeFacts,
    },
    r#type::v1::{Agency, Certainty, Finding, Ground, IncidentKind, Judgement, ReporterKind},
};

use super::{
    catalogue,
    model::{Act, Party, sha256},
};

/// The agreement's matter, to which notices belong.
pub fn agreement() -> Matter {
    Matter::of(Matter::AGREEMENT)
}

/// The nth referral of an agency.
pub fn referral(opener: Agency, n: u8) -> Matter {
    Matter::new(
        renkei_domain::noun::referral::COLLECTION,
        opener,
        &format!("0190a5f0-0000-7000-8000-0000000000{n:02x}"),
    )
}

pub fn publish(agency: Agency, id: &str) -> Act {
    let fact = SchemePublished { terms: Some(catalogue::terms(id)) };
    Act::new(&catalogue::scheme(agency, id), fact::Fact::SchemePublished(fact))
}

/// Revises a scheme to the version after the current one.
pub fn revise(party: &Party, matter: &Matter) -> Act {
    let version = scheme::current(party.page(matter), matter.opener).map_or(1, |current| current.version) + 1;
    let fact = SchemeRevised { version, terms: Some(catalogue::terms(&matter.id)) };
    Act::new(matter, fact::Fact::SchemeRevised(fact))
}

pub fn withdraw(party: &Party, matter: &Matter) -> Act {
    let version = scheme::current(party.page(matter), matter.opener).map_or(1, |current| current.version);
    Act::new(matter, fact::Fact::SchemeWithdrawn(SchemeWithdrawn { version }))
}

/// A report as the rule of Art. 4(1) reads it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The own scheme under which it came.
    pub under: &'static str,
    pub finding: Finding,
    pub facts: ScopeFacts,
}

/// Of an agency: recorded electronically, about personal information, of a business, judged 該当.
pub fn report(agency: Agency, kind: IncidentKind) -> Report {
    let under = match (agency, kind) {
        (Agency::Ppc, _) => "leak-report-private",
        (_, IncidentKind::Virus) => "virus",
        _ => "unauthorised-access",
    };
    let facts = ScopeFacts {
        electronic: true,
        personal_information: true,
        kind: kind.into(),
        reporter: ReporterKind::Business.into(),
        taken_by_ministry: false,
        further_kinds: Vec::new(),
    };
    Report { under, finding: Finding::Applies, facts }
}

pub fn judgement(party: &Party, finding: Finding) -> Judgement {
    Judgement {
        finding: finding.into(),
        ground: Ground::Traces.into(),
        certainty: Certainty::Confirmed.into(),
        judged_at: Some(stamp(party.now)),
    }
}

/// The fact of an issue, before the rule has determined ground and schemes.
pub fn unjudged(party: &Party, report: &Report) -> ReferralIssued {
    let year = u32::try_from(era::fiscal_year(calendar::day(party.now))).unwrap();
    ReferralIssued {
        judgement: Some(judgement(party, report.finding)),
        scope_facts: Some(report.facts.clone()),
        reported_under: Some(SchemeVersion { scheme_id: report.under.to_owned(), version: 1 }),
        ordinal: party.next(0, &referral::ORDINAL),
        fiscal_year: year,
        year_ordinal: party.next(year, &referral::ORDINAL),
        ..ReferralIssued::default()
    }
}

/// The proof that the reporter of a referral can quote.
pub fn proof(matter: &Matter) -> Vec<u8> {
    sha256(matter.id.as_bytes()).to_vec()
}

/// Issues a referral by the rule, with a code if a scheme is introduced.
pub fn issue(party: &Party, matter: &Matter, report: &Report) -> Act {
    let mut fact = unjudged(party, report);
    if let Ok(decided) = referral::introduce(&party.view(), &fact, party.now) {
        fact.ground = decided.ground.into();
        fact.introduced = decided.introduced;
    }
    if !fact.introduced.is_empty() {
        fact.code_digest = sha256(&proof(matter)).to_vec();
    }
    Act::new(matter, fact::Fact::ReferralIssued(fact))
}

/// Confirms at once that the schemes of the issue were introduced.
pub fn give(party: &Party, matter: &Matter) -> Act {
    let issue = referral::issue(party.page(matter), matter.opener);
    let fact = ReferralGiven {
        given_at: Some(stamp(party.now)),
        channel: ReferralChannel::Telephone.into(),
        introduced: issue.map(|(_, issue)| issue.introduced.clone()).unwrap_or_default(),
        days: issue.map_or(0, |(mark, _)| referral::days(mark, party.now)),
    };
    Act::new(matter, fact::Fact::ReferralGiven(fact))
}

/// The reporter quotes the code of the peer's referral and files today under the own scheme that was introduced.
pub fn follow_up(party: &Party, matter: &Matter) -> Act {
    let issue = referral::issue(party.page(matter), matter.opener);
    let fact = ReferralFollowedUp {
        filed_under: issue.and_then(|(_, issue)| issue.introduced.first().cloned()),
        filed_on: calendar::day(party.now).to_string(),
        proof: proof(matter),
        counted_before: false,
    };
    let answers = issue.map_or(0, |(mark, _)| mark.seq);
    Act::new(matter, fact::Fact::ReferralFollowedUp(fact)).answering(answers)
}

/// Ends the duty, because the reporter cannot be reached.
pub fn discharge(matter: &Matter) -> Act {
    let fact = ReferralDischarged { reason: DischargeReason::Unreachable.into() };
    Act::new(matter, fact::Fact::ReferralDischarged(fact))
}

pub fn judge(party: &Party, matter: &Matter, finding: Finding) -> Act {
    let revision = referral::latest_judgement(party.page(matter), matter.opener).map_or(1, |(revision, _)| revision);
    let fact = JudgementRevised { revision: revision + 1, judgement: Some(judgement(party, finding)) };
    Act::new(matter, fact::Fact::JudgementRevised(fact))
}

/// The author's counts of a month, all of them zero.
pub fn count(agency: Agency, month: &str) -> Act {
    let fact = ReferralsCounted { month: month.to_owned(), schemes: Vec::new() };
    Act::new(
        &Matter::new(renkei_domain::noun::referral_counts::COLLECTION, agency, month),
        fact::Fact::ReferralsCounted(fact),
    )
}

/// Counts the month that ended last.
pub fn count_last(party: &Party) -> Act {
    count(party.own, &referral_counts::month_before(calendar::day(party.now)))
}

pub fn notice(party: &Party, kind: NoticeKind) -> Act {
    let term = term_on(calendar::day(party.now)).unwrap().ordinal;
    Act::new(&agreement(), fact::Fact::NoticeGiven(NoticeGiven { kind: kind.into(), term, document: String::new() }))
}

/// Records that a notice of the peer came on paper.
pub fn paper(notice_seq: u64, arrived_at: jiff::Timestamp) -> Act {
    let fact = NoticeArrived {
        notice_seq,
        channel: ArrivalChannel::Paper.into(),
        arrived_at: Some(stamp(arrived_at)),
        document: String::new(),
    };
    Act::new(&agreement(), fact::Fact::NoticeArrived(fact)).answering(notice_seq)
}

/// Records that a notice of the peer came on paper an hour ago, written on the same day, and not over the link.
pub fn received(party: &Party, kind: NoticeKind, document: &str) -> Act {
    let arrived_at = party.now - jiff::SignedDuration::from_hours(1);
    Act::new(
        &agreement(),
        fact::Fact::NoticeReceived(NoticeReceived {
            kind: kind.into(),
            written_on: renkei_domain::calendar::day(arrived_at).to_string(),
            channel: ArrivalChannel::Paper.into(),
            arrived_at: Some(stamp(arrived_at)),
            document: document.to_owned(),
        }),
    )
}

pub fn withdraw_notice(notice_seq: u64) -> Act {
    Act::new(&agreement(), fact::Fact::NoticeWithdrawn(NoticeWithdrawn { notice_seq, received: false }))
}

/// A notice under a document number.
pub fn numbered(party: &Party, kind: NoticeKind, document: &str) -> Act {
    let Act { fact: fact::Fact::NoticeGiven(given), .. } = notice(party, kind) else { panic!("a notice") };
    Act::new(&agreement(), fact::Fact::NoticeGiven(NoticeGiven { document: document.to_owned(), ..given }))
}

/// The numbers of an agency's records of papers.
pub fn records(party: &Party, receiver: Agency) -> Vec<u64> {
    party.page(&agreement()).all_of::<NoticeReceived>(receiver).map(|(mark, _)| mark.seq).collect()
}

/// Withdraws a notice that the peer recorded.
pub fn withdraw_record(notice_seq: u64) -> Act {
    Act::new(&agreement(), fact::Fact::NoticeWithdrawn(NoticeWithdrawn { notice_seq, received: true }))
}

/// Assents to the withdrawal of a notice that the party itself recorded.
pub fn assent_to_record(party: &Party, notice_seq: u64) -> Act {
    let mut withdrawals = party.page(&agreement()).all_of::<NoticeWithdrawn>(party.own.peer());
    let withdrawal = withdrawals.find(|(_, it)| it.received && it.notice_seq == notice_seq);
    let fact = NoticeWithdrawalAssented { notice_seq, received: true };
    Act::new(&agreement(), fact::Fact::NoticeWithdrawalAssented(fact))
        .answering(withdrawal.map_or(0, |(mark, _)| mark.seq))
}

/// Assents to the withdrawal of a notice of the peer.
pub fn assent(party: &Party, notice_seq: u64) -> Act {
    let mut withdrawals = party.page(&agreement()).all_of::<NoticeWithdrawn>(party.own.peer());
    let withdrawal = withdrawals.find(|(_, withdrawn)| withdrawn.notice_seq == notice_seq);
    let fact = fact::Fact::NoticeWithdrawalAssented(NoticeWithdrawalAssented { notice_seq, received: false });
    Act::new(&agreement(), fact).answering(withdrawal.map_or(0, |(mark, _)| mark.seq))
}

/// The state of a notice, as an agency sees it.
pub fn notice_state(party: &Party, giver: Agency, seq: u64) -> renkei_proto::agreement::v1::notice::State {
    agreement::state(party.page(&agreement()), giver, seq)
}
