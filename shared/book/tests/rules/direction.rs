//! The permission to write each fact (the table of the domain's section 2).

use std::sync::Arc;

use renkei_domain::{
    decide::{decide, decide_read},
    matter::Matter,
    noun::{item::fact_kind, official},
    page::{Journal, apply},
    visibility::Reader,
};
use renkei_proto::{
    FactKind,
    agreement::v1::{NoticeGiven, NoticeKind, NoticeTermWarned},
    journal::v1::{
        AuditCheckpointed, BarReason, ClockConfirmed, EntryRefused, Fact, Header, JournalReopened, JournalStopped,
        KeyAdded, KeyRevoked, KindsSpoken, LossFound, OfficialBarred, OfficialUnbarred, OfficialsConfirmed,
        PrivateAnchored, RecoveryEnded, StopLifted, fact,
    },
    options::v1::{Reason, Role},
    referral::v1::{CodeCounted, CodeTried, FilingCounted, ReportLinked, ReportReferred, StatutoryFactsRevised},
    sharing::v1::DisclosureRefused,
    r#type::v1::{
        Agency::{self, Ipa, Ppc},
        Audience, Finding, IncidentKind, Purpose,
    },
};

use super::{
    acts::{
        agreement, assent, count_last, discharge, follow_up, give, issue, judge, notice, paper, publish, received,
        referral, report, revise, withdraw, withdraw_notice,
    },
    advice_acts::request,
    catalogue::{published, scheme},
    choice::Choice,
    item_acts::{designated, item, kinds, missing_units, publish as publish_item, terms, within},
    model::{Act, BOTH, Pair, Party},
};

/// In whose matters an agency may write a fact.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Where {
    /// In those that it opened.
    Own,
    /// In those that the other agency opened.
    Peers,
    /// This agency only, in those that it opened.
    OwnOf(Agency),
    /// This agency only, in those that PPC opened.
    InPpcs(Agency),
    /// In those that either opened.
    Either,
    /// In the agreement, which belongs to both.
    Agreement,
    /// In any.
    Anywhere,
    /// In its private journal, which never crosses.
    Private,
    /// The same, about what is its own.
    PrivateOwn,
}

const TABLE: [(&str, Where); 78] = [
    ("notice_given", Where::Agreement),
    ("notice_arrived", Where::Agreement),
    ("notice_withdrawn", Where::Agreement),
    ("notice_withdrawal_assented", Where::Agreement),
    ("notice_received", Where::Agreement),
    ("scheme_published", Where::Own),
    ("scheme_revised", Where::Own),
    ("scheme_withdrawn", Where::Own),
    ("referral_issued", Where::Own),
    ("referral_given", Where::Own),
    ("referral_followed_up", Where::Peers),
    ("judgement_revised", Where::Own),
    ("referrals_counted", Where::Own),
    ("referral_discharged", Where::Own),
    ("advice_requested", Where::InPpcs(Ppc)),
    ("advice_supplemented", Where::InPpcs(Ppc)),
    ("advice_clarification_answered", Where::InPpcs(Ppc)),
    ("advice_quotation_asked", Where::InPpcs(Ppc)),
    ("advice_withdrawn", Where::InPpcs(Ppc)),
    ("advice_closed", Where::InPpcs(Ppc)),
    ("advice_further_asked", Where::InPpcs(Ppc)),
    ("advice_accepted", Where::InPpcs(Ipa)),
    ("advice_handed_back", Where::InPpcs(Ipa)),
    ("advice_declined", Where::InPpcs(Ipa)),
    ("advice_clarification_asked", Where::InPpcs(Ipa)),
    ("advice_given", Where::InPpcs(Ipa)),
    ("advice_corrected", Where::InPpcs(Ipa)),
    ("advice_quotation_answered", Where::InPpcs(Ipa)),
    ("advice_plan_revised", Where::InPpcs(Ipa)),
    ("attack_method_published", Where::OwnOf(Ppc)),
    ("research_result_published", Where::OwnOf(Ipa)),
    ("threat_information_published", Where::OwnOf(Ipa)),
    ("technology_trend_published", Where::OwnOf(Ipa)),
    ("item_recalled", Where::Own),
    ("recall_answered", Where::Peers),
    ("item_acknowledged", Where::Peers),
    ("item_question_asked", Where::Peers),
    ("item_question_answered", Where::Own),
    ("item_feedback_given", Where::Peers),
    ("item_units_missing", Where::Peers),
    ("consent_requested", Where::Peers),
    ("consent_granted", Where::Own),
    ("consent_narrowed", Where::Own),
    ("consent_denied", Where::Own),
    ("consent_revoked", Where::Own),
    ("consent_request_withdrawn", Where::Peers),
    ("disclosure_announced", Where::Peers),
    ("disclosure_opinion_given", Where::Own),
    ("item_disclosed", Where::Peers),
    ("copy_answered", Where::Peers),
    ("recall_reminded", Where::Own),
    ("item_disposed", Where::Either),
    ("misdirection_reported", Where::Peers),
    ("misdirection_readers_counted", Where::Peers),
    ("misdirection_closed", Where::Own),
    ("entry_refused", Where::Anywhere),
    ("kinds_spoken", Where::Own),
    ("key_added", Where::Own),
    ("key_revoked", Where::Own),
    ("journal_reopened", Where::Own),
    ("audit_checkpointed", Where::Own),
    ("private_anchored", Where::Own),
    ("report_referred", Where::Private),
    ("filing_counted", Where::Private),
    ("code_tried", Where::Private),
    ("stop_lifted", Where::Private),
    ("journal_stopped", Where::Private),
    ("loss_found", Where::Private),
    ("official_barred", Where::PrivateOwn),
    ("official_unbarred", Where::PrivateOwn),
    ("clock_confirmed", Where::Private),
    ("recovery_ended", Where::Private),
    ("officials_confirmed", Where::Private),
    ("notice_term_warned", Where::Private),
    ("statutory_facts_revised", Where::PrivateOwn),
    ("report_linked", Where::Private),
    ("code_counted", Where::Private),
    ("disclosure_refused", Where::Private),
];

/// The private matter of a report.
fn report_of(agency: Agency) -> Matter {
    renkei_domain::noun::report::matter(agency, b"key", "2026-000001")
}

const OPENERS: [Agency; 3] = [Agency::Ppc, Agency::Ipa, Agency::Unspecified];

#[test]
fn every_fact_is_accepted_only_from_the_author_and_in_the_matter_of_the_table() {
    let kinds: Vec<&str> = FactKind::ALL.iter().map(|kind| kind.name()).collect();
    let rows: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(kinds, rows);
    for (name, place) in TABLE {
        for author in BOTH {
            for opener in OPENERS {
                let (party, act) = ready(FactKind::named(name).unwrap(), author);
                let right = place_of(place, author, opener);
                let found = judged(&party, &moved(&act, place, opener));
                let expected = match place {
                    _ if right => Ok(matches!(place, Where::Private | Where::PrivateOwn)),
                    Where::Agreement => Err(Reason::HeaderDiffers),
                    Where::InPpcs(wanted) if wanted == author && name == "advice_requested" => {
                        Err(Reason::HeaderDiffers)
                    }
                    // Nobody has asked for anything there.
                    Where::InPpcs(wanted) if wanted == author => Err(Reason::NotFound),
                    Where::PrivateOwn if name == "statutory_facts_revised" => Err(Reason::WrongDirection),
                    Where::PrivateOwn | Where::Either => Err(Reason::NotFound),
                    _ => Err(Reason::WrongDirection),
                };
                assert_eq!(found, expected, "{name} {author:?} {opener:?}");
            }
        }
    }
}

fn place_of(place: Where, author: Agency, opener: Agency) -> bool {
    match place {
        Where::Own | Where::PrivateOwn => opener == author,
        // The act is about an item of the author's.
        Where::Either => opener == author,
        Where::OwnOf(wanted) => wanted == author && opener == author,
        Where::InPpcs(wanted) => wanted == author && opener == Ppc,
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

/// Whether the act would go into the private journal, or the reason for which it is refused.
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
        | FactKind::NoticeWithdrawalAssented
        | FactKind::NoticeReceived
        | FactKind::NoticeTermWarned => about_notices(&mut pair, kind, author),
        FactKind::SchemePublished
        | FactKind::SchemeRevised
        | FactKind::SchemeWithdrawn
        | FactKind::ReferralIssued
        | FactKind::ReferralGiven
        | FactKind::ReferralFollowedUp
        | FactKind::JudgementRevised
        | FactKind::ReferralDischarged
        | FactKind::StatutoryFactsRevised
        | FactKind::ReferralsCounted => about_referral(&mut pair, kind, author),
        FactKind::OfficialBarred | FactKind::OfficialUnbarred => about_officials(&mut pair, kind, author),
        kind if kind.rule().article == "4(2)" => about_advice(&mut pair, kind),
        kind if kind.rule().collection == "items" => about_items(&mut pair, kind, author),
        _ => about_journals(&mut pair, kind, author),
    };
    (pair.of(author).clone(), act)
}

fn about_notices(pair: &mut Pair, kind: FactKind, author: Agency) -> Act {
    let giver = if matches!(kind, FactKind::NoticeGiven | FactKind::NoticeWithdrawn) { author } else { author.peer() };
    let given = notice(pair.of(giver), NoticeKind::Other);
    match kind {
        FactKind::NoticeGiven => return given,
        FactKind::NoticeReceived => return received(pair.of(author), NoticeKind::Other, "1"),
        FactKind::NoticeTermWarned => {
            let warned = NoticeTermWarned { term: 4, warning: 1 };
            return Act::new(&agreement(), fact::Fact::NoticeTermWarned(warned));
        }
        _ => {}
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
        FactKind::ReferralDischarged => discharge(&matter),
        FactKind::StatutoryFactsRevised => {
            let revised = StatutoryFactsRevised { revision: 2, statutory: None };
            Act::new(&matter, fact::Fact::StatutoryFactsRevised(revised))
        }
        _ => judge(party, &matter, Finding::Suspected),
    }
}

fn about_advice(pair: &mut Pair, kind: FactKind) -> Act {
    use Choice::{
        Accept, AnswerClarification, AnswerQuotation, AskAdvice, AskClarification, AskFurther, AskQuotation, Close,
        Correct, Decline, GiveFinal, HandBack, RevisePlan, Supplement, WithdrawRequest,
    };
    let (path, choice): (&[Choice], Choice) = match kind {
        FactKind::AdviceRequested => (&[], AskAdvice),
        FactKind::AdviceSupplemented => (&[AskAdvice], Supplement),
        FactKind::AdviceClarificationAnswered => (&[AskAdvice, AskClarification], AnswerClarification),
        FactKind::AdviceFurtherAsked => (&[AskAdvice, Accept, GiveFinal], AskFurther),
        FactKind::AdvicePlanRevised => (&[AskAdvice, Accept], RevisePlan),
        FactKind::AdviceQuotationAsked => (&[AskAdvice, Accept, GiveFinal], AskQuotation),
        FactKind::AdviceWithdrawn => (&[AskAdvice], WithdrawRequest),
        FactKind::AdviceClosed => (&[AskAdvice, Accept, GiveFinal], Close),
        FactKind::AdviceAccepted => (&[AskAdvice], Accept),
        FactKind::AdviceHandedBack => (&[AskAdvice], HandBack),
        FactKind::AdviceDeclined => (&[AskAdvice], Decline),
        FactKind::AdviceClarificationAsked => (&[AskAdvice], AskClarification),
        FactKind::AdviceGiven => (&[AskAdvice, Accept], GiveFinal),
        FactKind::AdviceCorrected => (&[AskAdvice, Accept, GiveFinal], Correct),
        _ => (&[AskAdvice, Accept, GiveFinal, AskQuotation], AnswerQuotation),
    };
    *pair = pair.clone().after(Ppc, path, 0);
    choice.act(pair.of(choice.author(Ppc)), 0).unwrap()
}

fn about_items(pair: &mut Pair, kind: FactKind, author: Agency) -> Act {
    use Choice::{
        Acknowledge, Announce, AnswerQuestion, AnswerRecall, AskAbout, CloseMisdirection, CountReaders, Deny,
        DiscloseByConsent, DisposeOwn, Feedback, Grant, GrantInAdvance, Narrow, Opinion, PublishItem, Recall,
        RecallMisdirected, Remind, ReportMisdirection, RequestConsent, Revoke, Seal, WithdrawConsentRequest,
    };
    if kind == FactKind::DisclosureRefused {
        return Act::new(&item(author.peer(), 0), fact::Fact::DisclosureRefused(DisclosureRefused::default()));
    }
    let published = BOTH.into_iter().flat_map(kinds).find(|item| fact_kind(**item) == Some(kind));
    if let Some(published) = published {
        return publish_item(pair.of(author), &item(author, 0), *published, terms());
    }
    if kind == FactKind::ItemUnitsMissing {
        let matter = item(author.peer(), 0);
        let units = within(designated(Audience::Units, &["policy"], &[Purpose::Policy]));
        let act = publish_item(pair.of(author.peer()), &matter, kinds(author.peer())[0], units);
        pair.of_mut(author.peer()).write(&act).unwrap();
        pair.exchange(author);
        return missing_units(pair.of(author), &matter, &["policy"]);
    }
    let (path, choice): (&[Choice], Choice) = match kind {
        FactKind::ItemRecalled => (&[PublishItem], Recall),
        FactKind::RecallAnswered => (&[PublishItem], Seal),
        FactKind::ItemAcknowledged => (&[PublishItem], Acknowledge),
        FactKind::ItemQuestionAsked => (&[PublishItem], AskAbout),
        FactKind::ItemQuestionAnswered => (&[PublishItem, AskAbout], AnswerQuestion),
        FactKind::ConsentRequested => (&[PublishItem], RequestConsent),
        FactKind::ConsentGranted => (&[PublishItem, RequestConsent], Grant),
        FactKind::ConsentNarrowed => (&[PublishItem, GrantInAdvance], Narrow),
        FactKind::ConsentDenied => (&[PublishItem, RequestConsent], Deny),
        FactKind::ConsentRevoked => (&[PublishItem, GrantInAdvance], Revoke),
        FactKind::ConsentRequestWithdrawn => (&[PublishItem, RequestConsent], WithdrawConsentRequest),
        FactKind::DisclosureAnnounced => (&[PublishItem], Announce),
        FactKind::DisclosureOpinionGiven => (&[PublishItem, Announce], Opinion),
        FactKind::ItemDisclosed => (&[PublishItem, GrantInAdvance], DiscloseByConsent),
        FactKind::CopyAnswered => (&[PublishItem, RecallMisdirected], AnswerRecall),
        FactKind::RecallReminded => (&[PublishItem, RecallMisdirected], Remind),
        FactKind::ItemDisposed => (&[PublishItem], DisposeOwn),
        FactKind::MisdirectionReported => (&[PublishItem], ReportMisdirection),
        FactKind::MisdirectionReadersCounted => (&[PublishItem, ReportMisdirection], CountReaders),
        FactKind::MisdirectionClosed => (&[PublishItem, ReportMisdirection, CountReaders], CloseMisdirection),
        _ => (&[PublishItem], Feedback),
    };
    let opener = if choice.author(author) == author { author } else { author.peer() };
    *pair = pair.clone().after(opener, path, 0);
    if choice == Seal {
        // As its service finds it when the recall has just come.
        pair.does(opener, Recall, 0);
        let recall = pair.of(opener).journal(opener).last().unwrap().clone();
        pair.of_mut(author).hold(recall);
    }
    choice.act(pair.of(author), 0).unwrap()
}

fn about_officials(pair: &mut Pair, kind: FactKind, author: Agency) -> Act {
    let matter = official::matter(author, "yamada");
    let barred = fact::Fact::OfficialBarred(OfficialBarred { reason: BarReason::Left.into() });
    if kind == FactKind::OfficialBarred {
        return Act::new(&matter, barred);
    }
    let fact = Fact { request_digest: Vec::new(), fact: Some(barred) };
    let page = Arc::make_mut(pair.of_mut(author).pages.entry(matter.to_string()).or_default());
    apply(page, Journal::Private, &Header { seq: 1, ..Header::default() }, [0; 32], &fact);
    Act::new(&matter, fact::Fact::OfficialUnbarred(OfficialUnbarred {}))
}

fn about_journals(pair: &mut Pair, kind: FactKind, author: Agency) -> Act {
    if kind == FactKind::EntryRefused {
        let notice = NoticeGiven { kind: NoticeKind::Other.into(), term: 1, document: String::new() };
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
        FactKind::PrivateAnchored => fact::Fact::PrivateAnchored(PrivateAnchored::default()),
        FactKind::ReportReferred => fact::Fact::ReportReferred(ReportReferred::default()),
        FactKind::FilingCounted => fact::Fact::FilingCounted(FilingCounted::default()),
        FactKind::CodeTried => fact::Fact::CodeTried(CodeTried::default()),
        FactKind::ReportLinked => fact::Fact::ReportLinked(ReportLinked::default()),
        FactKind::CodeCounted => fact::Fact::CodeCounted(CodeCounted {}),
        FactKind::StopLifted => fact::Fact::StopLifted(StopLifted::default()),
        FactKind::JournalStopped => fact::Fact::JournalStopped(JournalStopped::default()),
        FactKind::ClockConfirmed => fact::Fact::ClockConfirmed(ClockConfirmed::default()),
        FactKind::RecoveryEnded => fact::Fact::RecoveryEnded(RecoveryEnded::default()),
        FactKind::OfficialsConfirmed => fact::Fact::OfficialsConfirmed(OfficialsConfirmed::default()),
        _ => fact::Fact::LossFound(LossFound::default()),
    };
    let matter = match kind {
        FactKind::ReportReferred => referral(author, 1),
        FactKind::FilingCounted => Matter::new(renkei_domain::noun::referral_counts::COLLECTION, author, "2026-11"),
        FactKind::CodeTried | FactKind::CodeCounted => {
            Matter::new(renkei_domain::noun::code::COLLECTION, author, "0001")
        }
        FactKind::ReportLinked => report_of(author),
        _ => Matter::journal(author),
    };
    Act::new(&matter, fact)
}

#[test]
fn nothing_is_written_in_the_matters_of_another_noun() {
    for author in BOTH {
        for (name, place) in TABLE {
            if matches!(place, Where::OwnOf(wanted) | Where::InPpcs(wanted) if wanted != author) {
                continue;
            }
            let (party, act) = ready(FactKind::named(name).unwrap(), author);
            let opener = act.matter.opener;
            let opener = if opener == Agency::Unspecified { author } else { opener };
            for other in [
                agreement(),
                Matter { opener, ..request(9) },
                item(opener, 9),
                official::matter(opener, "suzuki"),
                scheme(opener, "virus"),
                referral(opener, 9),
                Matter::new(renkei_domain::noun::referral_counts::COLLECTION, opener, "2026-10"),
                Matter::new(renkei_domain::noun::code::COLLECTION, opener, "0001"),
                report_of(opener),
                Matter::journal(opener),
                Matter { collection: renkei_domain::matter::Collection::UNKNOWN, opener, id: "somewhere".to_owned() },
            ] {
                if other.collection == act.matter.collection {
                    continue;
                }
                let noun = other.collection;
                let found = party.refuses(&act.clone().within(other));
                let expected = match place {
                    Where::Own | Where::Peers if noun == renkei_domain::noun::agreement::COLLECTION => {
                        Reason::WrongDirection
                    }
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
    let pair = published().after(Ppc, &[Choice::AskAdvice, Choice::PublishItem], 0);
    let pair = pair.after(Ipa, &[Choice::PublishItem], 0);
    for (matter, readers) in [
        (agreement(), &all[..7]),
        (scheme(Agency::Ipa, "virus"), &all[..7]),
        (referral(Agency::Ppc, 1), &[intake, casework, reader, auditor]),
        (
            Matter::new(renkei_domain::noun::referral_counts::COLLECTION, Agency::Ppc, "2026-11"),
            &[intake, casework, reader, operator, auditor],
        ),
        (request(0), &[casework, approver, reader, auditor]),
        (item(Agency::Ppc, 0), &[casework, sharing, approver, reader]),
        (item(Agency::Ipa, 0), &[casework, sharing, approver, reader]),
        (official::matter(Agency::Ppc, "yamada"), &[operator, auditor]),
        (Matter::journal(Agency::Ppc), &[intake, casework, sharing, approver, operator, auditor]),
        (report_of(Agency::Ppc), &[intake, casework, sharing, approver, operator, auditor]),
        (
            Matter::new(renkei_domain::noun::code::COLLECTION, Agency::Ppc, "0001"),
            &[intake, casework, sharing, approver, operator, auditor],
        ),
        (Matter::of("nowhere"), &[intake, casework, sharing, approver, operator, auditor]),
    ] {
        for own in BOTH {
            let party = pair.of(own);
            let read = |roles: &[Role]| {
                let reader = Reader { roles: roles.to_vec(), ..Reader::default() };
                decide_read(own, &matter, party.page(&matter), &reader, party.now).map_err(|refusal| refusal.reason)
            };
            for role in all {
                let expected = (!readers.contains(&role)).then_some(Reason::NotFound);
                assert_eq!(read(&[role]).err(), expected, "{matter} by {role:?}");
            }
            assert!(read(&[]).is_err() && read(&all).is_ok());
        }
    }
}
