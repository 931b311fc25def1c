//! The content of each kind of fact, and the rows that the store keeps beside a page.

use prost::Message as _;
use renkei_domain::{
    content::{check, check_form},
    matter::Matter,
    noun::{item::recipient::digest, referral::code_lookup, registry},
    page::{Journal, Page, Seen},
    visibility::Audience,
};
use renkei_proto::{
    FactKind,
    advice::v1::{
        AdviceClarificationAnsweredContent, AdviceClarificationAskedContent, AdviceContent, AdviceCorrectedContent,
        AdviceDeclinedContent, AdviceFurtherAskedContent, AdviceHandedBackContent, AdvicePlanRevisedContent,
        AdviceQuotationAnsweredContent, AdviceQuotationAskedContent, AdviceRequestedContent, AdviceSupplementedContent,
        Submission,
    },
    agreement::v1::NoticeGivenContent,
    journal::v1::{
        ClockConfirmedContent, Fact, JournalStoppedContent, OfficialsConfirmedContent, RecoveryEndedContent,
        StopLiftedContent, fact,
    },
    options::v1::Reason,
    referral::v1::ReportReferredContent,
    sharing::v1::{
        AttackMethod, Body, ConsentDeniedContent, ConsentGranted, ConsentGrantedContent, ConsentNarrowed,
        ConsentNarrowedContent, ConsentRequested, ConsentRequestedContent, ConsentRevokedContent, ConsentTerms,
        CopyAnsweredContent, DisclosureAnnounced, DisclosureAnnouncedContent, DisclosureOpinionGivenContent,
        ItemDisclosed, ItemDisclosedContent, ItemDisposedContent, ItemFeedbackGivenContent,
        ItemQuestionAnsweredContent, ItemQuestionAskedContent, ItemRecalledContent, ItemText, ListedBody,
        MisdirectionClosedContent, MisdirectionReportedContent, NamedRecipient, RecallRemindedContent, Recipient,
        ResearchResult, TechnologyTrend, ThreatInformation, recipient,
    },
    r#type::v1::{Agency, Certainty, IncidentKind, Language, Purpose, Statement, Text},
};

use super::{
    acts::{agreement, issue, paper, referral, report},
    advice_acts,
    catalogue::{published, scheme, shown},
    choice::Choice,
    consent_acts::{self, names},
    item_acts,
    model::Pair,
};

fn is_automatic(fact: &fact::Fact) -> bool {
    registry::of_fact(fact).is_automatic(fact)
}

/// A content that belongs to a kind of fact; `None` for a kind without content.
pub fn content_of(kind: FactKind) -> Option<Vec<u8>> {
    Some(match kind {
        FactKind::NoticeGiven => {
            let text = Some(Text { ja: "申し出".to_owned(), en: String::new() });
            NoticeGivenContent { text }.encode_to_vec()
        }
        FactKind::SchemePublished | FactKind::SchemeRevised => {
            shown(Agency::Ipa, "unauthorised-access").content.unwrap().encode_to_vec()
        }
        FactKind::AdviceRequested => AdviceRequestedContent {
            title: "侵入の経路".to_owned(),
            submission: Some(Submission::default()),
            reporter_dates: None,
        }
        .encode_to_vec(),
        FactKind::AdviceSupplemented => {
            AdviceSupplementedContent { submission: Some(Submission::default()) }.encode_to_vec()
        }
        FactKind::AdviceFurtherAsked => {
            AdviceFurtherAskedContent { submission: Some(Submission::default()) }.encode_to_vec()
        }
        FactKind::AdvicePlanRevised => AdvicePlanRevisedContent { reason: words() }.encode_to_vec(),
        FactKind::AdviceClarificationAnswered => {
            let statements = vec![statement()];
            AdviceClarificationAnsweredContent { statements, attachments: Vec::new() }.encode_to_vec()
        }
        FactKind::AdviceQuotationAsked => {
            AdviceQuotationAskedContent { text: words(), medium: words() }.encode_to_vec()
        }
        FactKind::AdviceHandedBack => AdviceHandedBackContent { wanted: words() }.encode_to_vec(),
        FactKind::AdviceDeclined => {
            AdviceDeclinedContent { explanation: words(), possible_instead: words() }.encode_to_vec()
        }
        FactKind::AdviceClarificationAsked => {
            AdviceClarificationAskedContent { questions: vec![words()] }.encode_to_vec()
        }
        FactKind::AdviceGiven => AdviceContent::default().encode_to_vec(),
        FactKind::AdviceCorrected => {
            let advice = Some(AdviceContent::default());
            AdviceCorrectedContent { explanation: words(), advice }.encode_to_vec()
        }
        FactKind::AdviceQuotationAnswered => AdviceQuotationAnsweredContent::default().encode_to_vec(),
        FactKind::AttackMethodPublished => {
            AttackMethod { text: Some(text()), way_in: words(), ..AttackMethod::default() }.encode_to_vec()
        }
        FactKind::ResearchResultPublished => ResearchResult { text: Some(text()) }.encode_to_vec(),
        FactKind::ThreatInformationPublished => ThreatInformation { text: Some(text()) }.encode_to_vec(),
        FactKind::TechnologyTrendPublished => TechnologyTrend { text: Some(text()) }.encode_to_vec(),
        FactKind::ItemRecalled => ItemRecalledContent { explanation: words() }.encode_to_vec(),
        FactKind::ItemQuestionAsked => ItemQuestionAskedContent { question: words() }.encode_to_vec(),
        FactKind::ItemQuestionAnswered => ItemQuestionAnsweredContent { answer: words() }.encode_to_vec(),
        FactKind::ItemFeedbackGiven => ItemFeedbackGivenContent::default().encode_to_vec(),
        FactKind::ConsentRequested => ConsentRequestedContent { necessity: words(), names: Vec::new() }.encode_to_vec(),
        FactKind::ConsentGranted => ConsentGrantedContent::default().encode_to_vec(),
        FactKind::ConsentNarrowed => ConsentNarrowedContent { explanation: words(), names: Vec::new() }.encode_to_vec(),
        FactKind::ConsentDenied => ConsentDeniedContent { explanation: words() }.encode_to_vec(),
        FactKind::ConsentRevoked => ConsentRevokedContent { explanation: words() }.encode_to_vec(),
        FactKind::DisclosureAnnounced => {
            DisclosureAnnouncedContent { explanation: words(), name: String::new() }.encode_to_vec()
        }
        FactKind::DisclosureOpinionGiven => DisclosureOpinionGivenContent { opinion: words() }.encode_to_vec(),
        FactKind::ItemDisclosed => ItemDisclosedContent::default().encode_to_vec(),
        FactKind::CopyAnswered => {
            CopyAnsweredContent { description: words(), ..CopyAnsweredContent::default() }.encode_to_vec()
        }
        FactKind::RecallReminded => RecallRemindedContent { text: words() }.encode_to_vec(),
        FactKind::ItemDisposed => ItemDisposedContent { approval: "8-31".to_owned() }.encode_to_vec(),
        FactKind::MisdirectionReported => MisdirectionReportedContent { explanation: words() }.encode_to_vec(),
        FactKind::MisdirectionClosed => MisdirectionClosedContent { measures: words() }.encode_to_vec(),
        FactKind::ReportReferred => ReportReferredContent { report: "2026-000001".to_owned() }.encode_to_vec(),
        FactKind::StopLifted => StopLiftedContent { reason: "mended".to_owned() }.encode_to_vec(),
        FactKind::ClockConfirmed => ClockConfirmedContent { reason: "right".to_owned() }.encode_to_vec(),
        FactKind::RecoveryEnded => RecoveryEndedContent { reason: "lost for good".to_owned() }.encode_to_vec(),
        FactKind::OfficialsConfirmed => {
            OfficialsConfirmedContent { reason: "list of 1 June".to_owned() }.encode_to_vec()
        }
        FactKind::JournalStopped => JournalStoppedContent::default().encode_to_vec(),
        _ => return None,
    })
}

/// A content that belongs to a fact, with the names of the bodies to which it commits.
pub fn content_for(matter: &Matter, fact: &fact::Fact) -> Option<Vec<u8>> {
    let named = |recipients: &[Recipient]| Some(names(matter, recipients)).filter(|names| !names.is_empty());
    let of = |terms: &Option<ConsentTerms>| named(terms.as_ref().map_or(&[], |terms| &terms.recipients));
    let to = |recipient: &Option<Recipient>| named(recipient.as_slice()).map(|names| names.concat());
    let content = match fact {
        fact::Fact::ConsentRequested(it) => {
            of(&it.terms).map(|names| ConsentRequestedContent { necessity: words(), names }.encode_to_vec())
        }
        fact::Fact::ConsentGranted(it) => of(&it.terms)
            .map(|names| ConsentGrantedContent { names, ..ConsentGrantedContent::default() }.encode_to_vec()),
        fact::Fact::ConsentNarrowed(it) => {
            of(&it.terms).map(|names| ConsentNarrowedContent { explanation: words(), names }.encode_to_vec())
        }
        fact::Fact::DisclosureAnnounced(it) => {
            to(&it.recipient).map(|name| DisclosureAnnouncedContent { explanation: words(), name }.encode_to_vec())
        }
        fact::Fact::ItemDisclosed(it) => to(&it.recipient)
            .map(|name| ItemDisclosedContent { name, ..ItemDisclosedContent::default() }.encode_to_vec()),
        _ => None,
    };
    content.or_else(|| content_of(FactKind::of(fact)))
}

fn words() -> String {
    "不明".to_owned()
}

fn statement() -> Statement {
    Statement { text: words(), certainty: Certainty::Unknown.into(), as_of: Some(prost_types::Timestamp::default()) }
}

fn text() -> ItemText {
    ItemText {
        title: words(),
        language: Language::Ja.into(),
        certainty: Certainty::Unknown.into(),
        as_of: Some(prost_types::Timestamp::default()),
        ..ItemText::default()
    }
}

fn differs(kind: FactKind, content: Option<&[u8]>, committed: bool) -> bool {
    let judged = check_form(kind, content, committed);
    assert!(judged.as_ref().is_ok_and(|()| true) || judged.as_ref().unwrap_err().reason == Reason::ContentDiffers);
    judged.is_err()
}

#[test]
fn content_is_accepted_only_beside_its_own_fact_and_may_be_erased() {
    for kind in FactKind::ALL {
        let name = kind.name();
        match content_of(*kind) {
            Some(content) => {
                assert!(!differs(*kind, Some(&content), true), "{name}");
                assert!(!differs(*kind, None, true), "{name}: erased");
                assert!(differs(*kind, Some(&content), false), "{name}: the header does not commit to it");
                assert!(differs(*kind, None, false), "{name}: none was ever there");
                assert!(differs(*kind, Some(&[content.as_slice(), &[0xFA, 0x7F, 0]].concat()), true), "{name}: more");
                assert!(differs(*kind, Some(&[0xFF]), true), "{name}: no message");
            }
            None => {
                assert!(!differs(*kind, None, false), "{name}");
                assert!(differs(*kind, None, true), "{name}: it has none");
            }
        }
    }
    assert!(differs(FactKind::SchemePublished, Some(&[]), true), "a rule of the contract is broken");
}

/// The facts that commit to a body by its digest, with the content that names these.
fn naming(recipient: &Recipient, names: &[&str]) -> Vec<(fact::Fact, Vec<u8>)> {
    let terms = Some(ConsentTerms { recipients: vec![recipient.clone()], ..ConsentTerms::default() });
    let to = Some(recipient.clone());
    let all: Vec<String> = names.iter().map(ToString::to_string).collect();
    let only = all.join("");
    vec![
        (
            ConsentRequested { terms: terms.clone(), ..ConsentRequested::default() }.into(),
            ConsentRequestedContent { necessity: words(), names: all.clone() }.encode_to_vec(),
        ),
        (
            ConsentGranted { terms: terms.clone(), ..ConsentGranted::default() }.into(),
            ConsentGrantedContent { names: all.clone(), ..ConsentGrantedContent::default() }.encode_to_vec(),
        ),
        (
            ConsentNarrowed { terms, ..ConsentNarrowed::default() }.into(),
            ConsentNarrowedContent { explanation: words(), names: all }.encode_to_vec(),
        ),
        (
            DisclosureAnnounced { recipient: to.clone(), ..DisclosureAnnounced::default() }.into(),
            DisclosureAnnouncedContent { explanation: words(), name: only.clone() }.encode_to_vec(),
        ),
        (
            ItemDisclosed { recipient: to, ..ItemDisclosed::default() }.into(),
            ItemDisclosedContent { name: only, ..ItemDisclosedContent::default() }.encode_to_vec(),
        ),
    ]
}

#[test]
fn a_content_names_nobody_but_whom_its_fact_commits_to() {
    let item = Matter::of("agencies/ipa/items/00000000-0000-4000-8000-000000000001");
    let (page, named) = (Page::default(), digest(&item, "財務省 A局").unwrap());
    let seen = Seen::whole(&page);
    let named = NamedRecipient { digest: named, served: false };
    let named = Recipient { recipient: Some(recipient::Recipient::Named(named)) };
    let listed = ListedBody { body: Body::Nco.into() };
    let listed = Recipient { recipient: Some(recipient::Recipient::Listed(listed)) };
    let table = [
        (&named, &["財務省 A局"][..], true),
        (&named, &["財務省Ａ局"], true),
        (&named, &["総務省 A局"], false),
        (&named, &[], false),
        (&named, &["財務省 A局", "財務省 A局"], false),
        (&listed, &[], true),
        (&listed, &["財務省 A局"], false),
    ];
    for (recipient, names, is_right) in table {
        for (fact, content) in naming(recipient, names) {
            let fact = Fact { fact: Some(fact), ..Fact::default() };
            let judged = check((&item, seen), &fact, 0, Some(&content), true).map_err(|refusal| refusal.reason);
            let expected = if is_right { Ok(()) } else { Err(Reason::ContentDiffers) };
            assert_eq!(judged, expected, "{names:?} {fact:?}");
            assert_eq!(check((&item, seen), &fact, 0, None, true), Ok(()), "an erased content names nobody");
        }
    }
}

#[test]
fn a_grant_leaves_the_names_to_its_request_only_where_it_takes_over_all_recipients() {
    let item = consent_acts::matter();
    let mut pair = consent_acts::shared(item_acts::terms());
    let one = consent_acts::named(&item, "one", false);
    let two = consent_acts::named(&item, "two", false);
    let terms = consent_acts::extent(&[one.clone(), two.clone()], &[Purpose::Policy]);
    let act = consent_acts::request_for(&pair.ppc, &item, terms, None);
    let request = pair.writes(Agency::Ppc, &act);
    let nameless = ConsentGrantedContent::default().encode_to_vec();
    let of = |recipients: &[Recipient], answers: u64| {
        let terms = Some(consent_acts::extent(recipients, &[Purpose::Policy]));
        let fact = Fact { fact: Some(ConsentGranted { revision: 1, terms }.into()), ..Fact::default() };
        check((&item, pair.ipa.page(&item)), &fact, answers, Some(&nameless), true).is_ok()
    };
    assert!(of(&[one.clone(), two.clone()], request));
    assert!(!of(&[one.clone(), two.clone()], 0), "in advance, to bodies that nobody has named");
    assert!(!of(&[two], request), "a part: a reader would take the first name");
    assert!(!of(&[one.clone(), one], request));
    assert!(of(&[], 0), "nobody is named who would need a name");
}

#[test]
fn a_referral_is_found_by_its_codes_locator_and_only_if_it_has_a_code() {
    let pair = published();
    let matter = referral(Agency::Ppc, 1);
    let fact::Fact::ReferralIssued(mut fact) =
        issue(&pair.ppc, &matter, &report(Agency::Ppc, IncidentKind::Access)).fact
    else {
        panic!("an issue")
    };
    fact.ordinal = 12;
    let lookup = |fact: fact::Fact| registry::of(&matter).lookup(&matter, &fact);
    assert_eq!(lookup(fact.clone().into()), Some(code_lookup(Agency::Ppc, "000C")));
    fact.code_digest.clear();
    assert_eq!(lookup(fact.into()), None);
}

#[test]
fn a_matter_without_a_scope_is_listed_to_everybody_with_its_state() {
    let mut pair = published().after(Agency::Ppc, &[Choice::AskAdvice, Choice::PublishItem], 0);
    let issued = referral(Agency::Ppc, 1);
    let act = issue(&pair.ppc, &issued, &report(Agency::Ppc, IncidentKind::Access));
    pair.ppc.write(&act).unwrap();
    let virus = scheme(Agency::Ipa, "virus");
    let audiences = |matter: &Matter, seen: Seen<'_>| -> Vec<String> {
        registry::of(matter)
            .visibility(Agency::Ipa, matter, seen)
            .into_iter()
            .map(|shown| shown.audience.to_string())
            .collect()
    };
    for (matter, state) in [
        (issued, "STATE_ISSUED"),
        (virus.clone(), "STATE_PUBLISHED"),
        (advice_acts::request(0), "STATE_SUBMITTED"),
        (item_acts::item(Agency::Ppc, 0), "STATE_PUBLISHED"),
    ] {
        assert_eq!(audiences(&matter, pair.ppc.page(&matter)), [Audience::EVERYBODY.to_string()]);
        assert_eq!(audiences(&matter, Seen::whole(&Page::default())), [""; 0]);
        assert_eq!(registry::of(&matter).state(&matter, pair.ppc.page(&matter)).id, state);
    }
    let official = Matter::of("agencies/ppc/officials/yamada");
    for matter in [agreement(), Matter::journal(Agency::Ppc), official, Matter::of("nowhere")] {
        assert_eq!(audiences(&matter, pair.ppc.page(&virus)), [""; 0]);
        assert_eq!(registry::of(&matter).state(&matter, pair.ppc.page(&matter)).id, "");
    }
}

#[test]
fn an_entry_of_the_service_itself_is_not_an_answer_of_an_official() {
    let mut pair = published().after(Agency::Ppc, &[Choice::AskAdvice, Choice::PublishItem, Choice::Notice], 0);
    pair = pair.after(Agency::Ppc, &[Choice::Acknowledge, Choice::AskAbout, Choice::Accept, Choice::Recall], 0);
    let automatic: Vec<&str> = pair
        .ppc
        .journal(Agency::Ipa)
        .iter()
        .filter(|entry| is_automatic(entry.fact.fact.as_ref().unwrap()))
        .map(|entry| entry.header.fact_type.as_str())
        .collect();
    assert_eq!(automatic, ["notice_arrived", "recall_answered"]);
    assert!(!is_automatic(&paper(1, pair.ppc.now).fact), "somebody recorded that it came on paper");
}

#[test]
fn a_page_comes_out_of_its_bytes_as_it_went_in() {
    let pair: Pair = published();
    for page in pair.ppc.pages.values() {
        let again = Page::decode(&page.encode(), &page.encode_local()).unwrap();
        assert_eq!(&again, page.as_ref());
        assert_eq!(again.encode_half(Agency::Ipa), page.encode_half(Agency::Ipa));
        assert_eq!(again.marks(Journal::Private).len(), 0);
    }
    assert!(Page::decode(&[0xFF], &[]).is_err());
}
