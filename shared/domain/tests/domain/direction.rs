//! Who may write what (the table of the domain's section 2).

use renkei_domain::{
    decide::{decide, decide_read},
    matter::{Matter, Noun},
};
use renkei_proto::{
    FactKind,
    agreement::v1::{NoticeGiven, NoticeKind},
    journal::v1::{
        AuditCheckpointed, EntryRefused, Fact, JournalReopened, JournalStopped, KeyAdded, KeyRevoked, KindsSpoken,
        LossFound, StopLifted, fact,
    },
    options::v1::{Reason, Role},
    referral::v1::{CodeTried, FilingCounted, ReportReferred},
    r#type::v1::{Agency, Finding, IncidentKind},
};

use super::{
    acts::{
        agreement, assent, count_last, follow_up, give, issue, judge, notice, paper, publish, referral, report, revise,
        withdraw, withdraw_notice,
    },
    catalogue::{published, scheme},
    model::{Act, BOTH, Pair, Party},
};

/// In whose matters an agency may write a fact.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Where {
    /// In those that it opened.
    Own,
    /// In those that the other agency opened.
    Peers,
    /// In the agreement, which belongs to both.
    Agreement,
    /// In any.
    Anywhere,
    /// In its private journal, which never crosses.
    Private,
}

const TABLE: [(&str, Where); 24] = [
    ("notice_given", Where::Agreement),
    ("notice_arrived", Where::Agreement),
    ("notice_withdrawn", Where::Agreement),
    ("notice_withdrawal_assented", Where::Agreement),
    ("scheme_published", Where::Own),
    ("scheme_revised", Where::Own),
    ("scheme_withdrawn", Where::Own),
    ("referral_issued", Where::Own),
    ("referral_given", Where::Own),
    ("referral_followed_up", Where::Peers),
    ("judgement_revised", Where::Own),
    ("referrals_counted", Where::Own),
    ("entry_refused", Where::Anywhere),
    ("kinds_spoken", Where::Own),
    ("key_added", Where::Own),
    ("key_revoked", Where::Own),
    ("journal_reopened", Where::Own),
    ("audit_checkpointed", Where::Own),
    ("report_referred", Where::Private),
    ("filing_counted", Where::Private),
    ("code_tried", Where::Private),
    ("stop_lifted", Where::Private),
    ("journal_stopped", Where::Private),
    ("loss_found", Where::Private),
];

const OPENERS: [Agency; 3] = [Agency::Ppc, Agency::Ipa, Agency::Unspecified];

#[test]
fn every_fact_is_written_by_whom_and_where_the_table_says() {
    let kinds: Vec<&str> = FactKind::ALL.iter().map(|kind| kind.name()).collect();
    let rows: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(kinds, rows);
    for (name, place) in TABLE {
        for author in BOTH {
            for opener in OPENERS {
                let (party, act) = ready(FactKind::named(name).unwrap(), author);
                let right = place_of(place, author, opener);
                let found = judged(&party, &moved(&act, place, opener));
                match (right, place) {
                    (true, _) => assert_eq!(found, Ok(place == Where::Private), "{name} {author:?} {opener:?}"),
                    (false, Where::Agreement) => assert_eq!(found, Err(Reason::HeaderDiffers), "{name} {opener:?}"),
                    (false, _) => assert_eq!(found, Err(Reason::WrongDirection), "{name} {author:?} {opener:?}"),
                }
            }
        }
    }
}

fn place_of(place: Where, author: Agency, opener: Agency) -> bool {
    match place {
        Where::Own => opener == author,
        Where::Peers => opener == author.peer(),
        Where::Agreement => opener == Agency::Unspecified,
        Where::Anywhere | Where::Private => true,
    }
}

/// The act in a matter of another opener. What belongs to the agreement is tried in a referral.
fn moved(act: &Act, place: Where, opener: Agency) -> Act {
    match (place, opener) {
        (Where::Agreement, Agency::Unspecified) | (Where::Anywhere, _) => act.clone(),
        (Where::Agreement, opener) => act.clone().within(referral(opener, 1)),
        _ => act.clone().within(Matter { opener, ..act.matter.clone() }),
    }
}

/// Whether it would go into the private journal, or why it is refused.
fn judged(party: &Party, act: &Act) -> Result<bool, Reason> {
    let fact = Fact { request_digest: Vec::new(), fact: Some(act.fact.clone()) };
    let permit = decide(&party.view(), &act.matter, &fact, act.answers, party.now).map_err(|refusal| refusal.reason)?;
    assert_eq!((permit.author(), permit.matter()), (party.own, &act.matter));
    assert_eq!(permit.kind(), FactKind::of(&act.fact));
    Ok(permit.is_private())
}

/// An agency that may write such a fact, and the fact.
fn ready(kind: FactKind, author: Agency) -> (Party, Act) {
    let mut pair = published();
    let act = match kind {
        FactKind::NoticeGiven
        | FactKind::NoticeArrived
        | FactKind::NoticeWithdrawn
        | FactKind::NoticeWithdrawalAssented => about_notices(&mut pair, kind, author),
        FactKind::SchemePublished
        | FactKind::SchemeRevised
        | FactKind::SchemeWithdrawn
        | FactKind::ReferralIssued
        | FactKind::ReferralGiven
        | FactKind::ReferralFollowedUp
        | FactKind::JudgementRevised
        | FactKind::ReferralsCounted => about_referral(&mut pair, kind, author),
        _ => about_journals(&mut pair, kind, author),
    };
    (pair.of(author).clone(), act)
}

fn about_notices(pair: &mut Pair, kind: FactKind, author: Agency) -> Act {
    let giver = if matches!(kind, FactKind::NoticeGiven | FactKind::NoticeWithdrawn) { author } else { author.peer() };
    let given = notice(pair.of(giver), NoticeKind::Other);
    if kind == FactKind::NoticeGiven {
        return given;
    }
    let seq = pair.of_mut(giver).write(&given).unwrap();
    pair.exchange(giver);
    match kind {
        FactKind::NoticeArrived => paper(seq, pair.of(author).now - jiff::SignedDuration::from_hours(1)),
        FactKind::NoticeWithdrawn => withdraw_notice(seq),
        _ => {
            pair.of_mut(giver).write(&withdraw_notice(seq)).unwrap();
            pair.exchange(giver);
            assent(pair.of(author), seq)
        }
    }
}

fn about_referral(pair: &mut Pair, kind: FactKind, author: Agency) -> Act {
    let id = if author == Agency::Ppc { "leak-report-private" } else { "virus" };
    let opener = if kind == FactKind::ReferralFollowedUp { author.peer() } else { author };
    let matter = referral(opener, 1);
    let issued = issue(pair.of(opener), &matter, &report(opener, IncidentKind::Virus));
    let party = pair.of(author);
    match kind {
        FactKind::SchemePublished => return publish(author, "new"),
        FactKind::SchemeRevised => return revise(party, &scheme(author, id)),
        FactKind::SchemeWithdrawn => return withdraw(party, &scheme(author, id)),
        FactKind::ReferralsCounted => return count_last(party),
        FactKind::ReferralIssued => return issued,
        _ => {}
    }
    pair.of_mut(opener).write(&issued).unwrap();
    pair.exchange(opener);
    let party = pair.of(author);
    match kind {
        FactKind::ReferralGiven => give(party, &matter),
        FactKind::ReferralFollowedUp => follow_up(party, &matter),
        _ => judge(party, &matter, Finding::Suspected),
    }
}

fn about_journals(pair: &mut Pair, kind: FactKind, author: Agency) -> Act {
    if kind == FactKind::EntryRefused {
        let notice = NoticeGiven { kind: NoticeKind::Other.into(), term: 1 };
        let lie = Act::new(&agreement(), fact::Fact::NoticeGiven(notice));
        let seq = pair.of_mut(author.peer()).say(&lie);
        let entry = pair.of(author.peer()).journal(author.peer()).last().unwrap().clone();
        pair.of_mut(author).hold(entry);
        let refused = EntryRefused { seq, reason: Reason::FactDiffers.into() };
        return Act::new(&agreement(), fact::Fact::EntryRefused(refused)).answering(seq);
    }
    let key_id = "key-2".to_owned();
    let fact = match kind {
        FactKind::KindsSpoken => fact::Fact::KindsSpoken(KindsSpoken { kinds: vec!["notice_given".to_owned()] }),
        FactKind::KeyAdded => fact::Fact::KeyAdded(KeyAdded { key_id, public_key: vec![7; 32] }),
        FactKind::KeyRevoked => fact::Fact::KeyRevoked(KeyRevoked { key_id }),
        FactKind::JournalReopened => fact::Fact::JournalReopened(JournalReopened { incarnation: 2 }),
        FactKind::AuditCheckpointed => fact::Fact::AuditCheckpointed(AuditCheckpointed::default()),
        FactKind::ReportReferred => fact::Fact::ReportReferred(ReportReferred::default()),
        FactKind::FilingCounted => fact::Fact::FilingCounted(FilingCounted::default()),
        FactKind::CodeTried => fact::Fact::CodeTried(CodeTried::default()),
        FactKind::StopLifted => fact::Fact::StopLifted(StopLifted::default()),
        FactKind::JournalStopped => fact::Fact::JournalStopped(JournalStopped::default()),
        _ => fact::Fact::LossFound(LossFound::default()),
    };
    let matter = match kind {
        FactKind::ReportReferred => referral(author, 1),
        FactKind::FilingCounted => Matter::new(Noun::ReferralCounts, author, "2026-11"),
        FactKind::CodeTried => Matter::new(Noun::Code, author, "0001"),
        _ => Matter::journal(author),
    };
    Act::new(&matter, fact)
}

#[test]
fn nothing_is_written_in_the_matters_of_another_noun() {
    for author in BOTH {
        for (name, place) in TABLE {
            let (party, act) = ready(FactKind::named(name).unwrap(), author);
            let opener = if place == Where::Peers { author.peer() } else { author };
            for other in [
                agreement(),
                scheme(opener, "virus"),
                referral(opener, 9),
                Matter::new(Noun::ReferralCounts, opener, "2026-10"),
                Matter::new(Noun::Code, opener, "0001"),
                Matter::journal(opener),
                Matter { noun: Noun::Unknown, opener, id: "somewhere".to_owned() },
            ] {
                if other.noun == act.matter.noun {
                    continue;
                }
                let noun = other.noun;
                let found = party.refuses(&act.clone().within(other));
                let expected = match place {
                    Where::Own | Where::Peers if noun == Noun::Agreement => Reason::WrongDirection,
                    Where::Anywhere => Reason::FactDiffers,
                    _ => Reason::HeaderDiffers,
                };
                assert_eq!(found, Some(expected), "{name} in {noun:?}");
            }
        }
    }
}

#[test]
fn a_fact_of_no_known_kind_is_not_understood() {
    let party = &published().ppc;
    let refusal = decide(&party.view(), &agreement(), &Fact::default(), 0, party.now).unwrap_err();
    assert_eq!(refusal.reason, Reason::NotUnderstood);
}

#[test]
fn a_matter_is_read_by_the_roles_that_its_noun_names() {
    let all = [
        Role::Intake,
        Role::Casework,
        Role::Sharing,
        Role::Approver,
        Role::Reader,
        Role::Operator,
        Role::Auditor,
        Role::Peer,
        Role::Unspecified,
    ];
    let [intake, casework, sharing, approver, reader, operator, auditor, ..] = all;
    for (matter, readers) in [
        (agreement(), &all[..7]),
        (scheme(Agency::Ipa, "virus"), &all[..7]),
        (referral(Agency::Ppc, 1), &[intake, casework, reader, auditor]),
        (Matter::new(Noun::ReferralCounts, Agency::Ppc, "2026-11"), &[intake, casework, reader, operator, auditor]),
        (Matter::journal(Agency::Ppc), &[intake, casework, sharing, approver, operator, auditor]),
        (Matter::new(Noun::Code, Agency::Ppc, "0001"), &[intake, casework, sharing, approver, operator, auditor]),
        (Matter::of("nowhere"), &[intake, casework, sharing, approver, operator, auditor]),
    ] {
        for role in all {
            let refused = decide_read(&matter, &[role]).err().map(|refusal| refusal.reason);
            let expected = (!readers.contains(&role)).then_some(Reason::NotFound);
            assert_eq!(refused, expected, "{matter} by {role:?}");
        }
        assert!(decide_read(&matter, &[]).is_err() && decide_read(&matter, &all).is_ok());
    }
}
