//! A sound fact of each kind with the content that belongs to it.

use prost::Message as _;
use renkei_domain::{matter::Matter, noun::item::recipient::digest};
use renkei_proto::{
    FactKind,
    advice::v1::{
        AdviceClarificationAnswered, AdviceClarificationAnsweredContent, AdviceClarificationAsked,
        AdviceClarificationAskedContent, AdviceClosed, AdviceContent, AdviceCorrected, AdviceCorrectedContent,
        AdviceDeclined, AdviceDeclinedContent, AdviceFurtherAsked, AdviceFurtherAskedContent, AdviceGiven,
        AdviceHandedBack, AdviceHandedBackContent, AdvicePlanRevised, AdvicePlanRevisedContent,
        AdviceQuotationAnswered, AdviceQuotationAnsweredContent, AdviceQuotationAsked, AdviceQuotationAskedContent,
        AdviceStage, AdviceSupplemented, AdviceSupplementedContent, AdviceWithdrawn, Quotation, Submission,
    },
    journal::v1::{BarReason, Entry, OfficialBarred, OfficialUnbarred, fact},
    options::v1::Reason,
    sharing::v1::{
        AttackMethodPublished, Body, ConsentDenialReason, ConsentDenied, ConsentDeniedContent, ConsentGranted,
        ConsentGrantedContent, ConsentNarrowed, ConsentNarrowedContent, ConsentRequestWithdrawn, ConsentRequested,
        ConsentRequestedContent, ConsentRevoked, ConsentRevokedContent, ConsentTerms, CopyAnswered,
        CopyAnsweredContent, CopyFate, DisclosureAnnounced, DisclosureAnnouncedContent, DisclosureBasis,
        DisclosureOpinionGiven, DisclosureOpinionGivenContent, DisclosureRefused, DisposalGround, ItemAcknowledged,
        ItemDisclosed, ItemDisclosedContent, ItemDisposed, ItemDisposedContent, ItemFeedbackGiven,
        ItemFeedbackGivenContent, ItemKind, ItemQuestionAnswered, ItemQuestionAnsweredContent, ItemQuestionAsked,
        ItemQuestionAskedContent, ItemRecalled, ItemRecalledContent, ItemUnitsMissing, LegalGround, ListedBody,
        MisdirectionClosed, MisdirectionClosedContent, MisdirectionReadersCounted, MisdirectionReported,
        MisdirectionReportedContent, NamedRecipient, Necessity, RecallAnswered, RecallDisposition, RecallReason,
        RecallReminded, RecallRemindedContent, Recipient, ResearchResultPublished, ScopeBasis,
        TechnologyTrendPublished, ThreatInformationPublished, Usefulness, disclosure_basis, recipient,
    },
    r#type::v1::{Marking, Purpose, Statement},
};

use crate::liar::{Known, Liar};

/// A fact of a kind with the content that belongs to it.
pub(super) fn sample(it: &Liar, kind: FactKind) -> Result<(fact::Fact, Option<Vec<u8>>), String> {
    use FactKind as K;
    use fact::Fact as F;
    let publication = || Some(it.publication());
    let text = || "語".to_owned();
    let content = |message: &dyn Fn() -> Vec<u8>| Some(message());
    let (finding, quotation) = (1, Quotation::ConfirmFirst.into());
    let due = it.requested().due;
    Ok(match kind {
        K::AdviceRequested => (F::AdviceRequested(it.requested()), it.asked()),
        K::AdviceSupplemented => {
            let submission = Some(Submission { questions: vec![text()], ..Submission::default() });
            let words = AdviceSupplementedContent { submission };
            (F::AdviceSupplemented(AdviceSupplemented { questions: 1, due: None }), content(&|| words.encode_to_vec()))
        }
        K::AdviceClarificationAnswered => {
            let words = AdviceClarificationAnsweredContent { statements: vec![statement(it)], attachments: Vec::new() };
            let fact = F::AdviceClarificationAnswered(AdviceClarificationAnswered { due });
            (fact, content(&|| words.encode_to_vec()))
        }
        K::AdviceFurtherAsked => {
            let submission = Some(Submission { questions: vec![text()], ..Submission::default() });
            let words = AdviceFurtherAskedContent { submission };
            (F::AdviceFurtherAsked(AdviceFurtherAsked { questions: 1, due }), content(&|| words.encode_to_vec()))
        }
        K::AdvicePlanRevised => {
            let words = AdvicePlanRevisedContent { reason: text() };
            let planned_on = it.acceptance(1).planned_on;
            (F::AdvicePlanRevised(AdvicePlanRevised { planned_on }), content(&|| words.encode_to_vec()))
        }
        K::AdviceQuotationAsked => {
            let words = AdviceQuotationAskedContent { text: text(), medium: text() };
            let asked = AdviceQuotationAsked { wanted_by: it.in_days(1), embargo_until: None };
            (F::AdviceQuotationAsked(asked), content(&|| words.encode_to_vec()))
        }
        K::AdviceWithdrawn => (F::AdviceWithdrawn(AdviceWithdrawn { reason: 1 }), None),
        K::AdviceClosed => (F::AdviceClosed(AdviceClosed {}), None),
        K::AdviceAccepted => (F::AdviceAccepted(it.acceptance(0)), None),
        K::AdviceHandedBack => {
            let words = AdviceHandedBackContent { wanted: text() };
            (F::AdviceHandedBack(AdviceHandedBack { reason: 1 }), content(&|| words.encode_to_vec()))
        }
        K::AdviceDeclined => {
            let words = AdviceDeclinedContent { explanation: text(), possible_instead: text() };
            (F::AdviceDeclined(AdviceDeclined { reason: 1 }), content(&|| words.encode_to_vec()))
        }
        K::AdviceClarificationAsked => {
            let words = AdviceClarificationAskedContent { questions: vec![text()] };
            let fact = F::AdviceClarificationAsked(AdviceClarificationAsked { wanted_by: None });
            (fact, content(&|| words.encode_to_vec()))
        }
        K::AdviceGiven => {
            let given = AdviceGiven { stage: AdviceStage::Interim.into(), questions: Vec::new(), quotation };
            (F::AdviceGiven(given), findings(it))
        }
        K::AdviceCorrected => {
            let advice = Some(AdviceContent { findings: vec![statement(it)], ..AdviceContent::default() });
            let words = AdviceCorrectedContent { explanation: text(), advice };
            let corrected = AdviceCorrected { seq: 1, questions: Vec::new(), quotation };
            (F::AdviceCorrected(corrected), content(&|| words.encode_to_vec()))
        }
        K::AdviceQuotationAnswered => {
            let words = AdviceQuotationAnsweredContent { comment: text() };
            (F::AdviceQuotationAnswered(AdviceQuotationAnswered { finding }), content(&|| words.encode_to_vec()))
        }
        K::AttackMethodPublished => {
            let necessity = Necessity::Prevent.into();
            let published = AttackMethodPublished { publication: publication(), necessity };
            (F::AttackMethodPublished(published), it.words_of(ItemKind::AttackMethod))
        }
        K::ResearchResultPublished => {
            let published = ResearchResultPublished { publication: publication() };
            (F::ResearchResultPublished(published), it.words_of(ItemKind::ResearchResult))
        }
        K::ThreatInformationPublished => {
            let published = ThreatInformationPublished { publication: publication() };
            (F::ThreatInformationPublished(published), it.words_of(ItemKind::ThreatInformation))
        }
        K::TechnologyTrendPublished => {
            let published = TechnologyTrendPublished { publication: publication() };
            (F::TechnologyTrendPublished(published), it.words_of(ItemKind::TechnologyTrend))
        }
        K::ItemRecalled => {
            let words = ItemRecalledContent { explanation: text() };
            let reason = RecallReason::Incorrect.into();
            (F::ItemRecalled(ItemRecalled { reason, ..ItemRecalled::default() }), content(&|| words.encode_to_vec()))
        }
        K::RecallAnswered => (sealed(), None),
        K::ItemAcknowledged => (acknowledged(1, None), None),
        K::ItemQuestionAsked => {
            let words = ItemQuestionAskedContent { question: text() };
            (F::ItemQuestionAsked(ItemQuestionAsked {}), content(&|| words.encode_to_vec()))
        }
        K::ItemQuestionAnswered => {
            let words = ItemQuestionAnsweredContent { answer: text() };
            (F::ItemQuestionAnswered(ItemQuestionAnswered {}), content(&|| words.encode_to_vec()))
        }
        K::ItemFeedbackGiven => {
            (feedback(1), content(&|| ItemFeedbackGivenContent { comment: text() }.encode_to_vec()))
        }
        K::ItemUnitsMissing => (missing(&["policy"]), None),
        K::ConsentRequested => {
            let words = ConsentRequestedContent { necessity: text(), names: Vec::new() };
            let requested = ConsentRequested { revision: 1, terms: extent(), oral: None };
            (F::ConsentRequested(requested), content(&|| words.encode_to_vec()))
        }
        K::ConsentGranted => {
            let granted = ConsentGranted { revision: 1, terms: extent() };
            (F::ConsentGranted(granted), content(&|| ConsentGrantedContent::default().encode_to_vec()))
        }
        K::ConsentNarrowed => {
            let words = ConsentNarrowedContent { explanation: text(), names: Vec::new() };
            let narrowed = ConsentNarrowed { consent: 999, terms: extent() };
            (F::ConsentNarrowed(narrowed), content(&|| words.encode_to_vec()))
        }
        K::ConsentDenied => {
            let words = ConsentDeniedContent { explanation: text() };
            let denied = ConsentDenied { reason: ConsentDenialReason::Harm.into() };
            (F::ConsentDenied(denied), content(&|| words.encode_to_vec()))
        }
        K::ConsentRevoked => {
            let words = ConsentRevokedContent { explanation: text() };
            (F::ConsentRevoked(ConsentRevoked { consent: 999 }), content(&|| words.encode_to_vec()))
        }
        K::ConsentRequestWithdrawn => (F::ConsentRequestWithdrawn(ConsentRequestWithdrawn { request: 999 }), None),
        K::DisclosureAnnounced => {
            let words = DisclosureAnnouncedContent { explanation: text(), name: String::new() };
            let announced = DisclosureAnnounced {
                ground: LegalGround::Diet.into(),
                recipient: to(Body::Diet),
                parts: Vec::new(),
                planned_on: it.acceptance(1).planned_on,
            };
            (F::DisclosureAnnounced(announced), content(&|| words.encode_to_vec()))
        }
        K::DisclosureOpinionGiven => {
            let words = DisclosureOpinionGivenContent { opinion: text() };
            let given = DisclosureOpinionGiven { objects: true };
            (F::DisclosureOpinionGiven(given), content(&|| words.encode_to_vec()))
        }
        K::ItemDisclosed => (disclosed(disclosure_basis::Basis::Scope(ScopeBasis {})), disclosed_words()),
        K::DisclosureRefused => {
            let refused = DisclosureRefused {
                reason: Reason::BeyondScope.into(),
                recipient: to(Body::Nco),
                purpose: Purpose::Policy.into(),
                parts: Vec::new(),
                basis: Some(DisclosureBasis { basis: Some(disclosure_basis::Basis::Scope(ScopeBasis {})) }),
            };
            (F::DisclosureRefused(refused), None)
        }
        K::CopyAnswered => {
            let words = CopyAnsweredContent { description: text(), ..CopyAnsweredContent::default() };
            let answered = CopyAnswered { copy: 1, fate: CopyFate::Sealed.into(), ..CopyAnswered::default() };
            (F::CopyAnswered(answered), content(&|| words.encode_to_vec()))
        }
        K::RecallReminded => {
            (F::RecallReminded(RecallReminded {}), content(&|| RecallRemindedContent { text: text() }.encode_to_vec()))
        }
        K::ItemDisposed => {
            let words = ItemDisposedContent { approval: text() };
            let disposed = ItemDisposed { ground: DisposalGround::ShortRetention.into(), peer_seq: 0 };
            (F::ItemDisposed(disposed), content(&|| words.encode_to_vec()))
        }
        K::MisdirectionReported => {
            let words = MisdirectionReportedContent { explanation: text() };
            (F::MisdirectionReported(MisdirectionReported {}), content(&|| words.encode_to_vec()))
        }
        K::MisdirectionReadersCounted => (F::MisdirectionReadersCounted(MisdirectionReadersCounted::default()), None),
        K::MisdirectionClosed => {
            let words = MisdirectionClosedContent { measures: text() };
            let closed = MisdirectionClosed { unfounded: false };
            (F::MisdirectionClosed(closed), content(&|| words.encode_to_vec()))
        }
        K::OfficialBarred => (F::OfficialBarred(OfficialBarred { reason: BarReason::Left.into() }), None),
        K::OfficialUnbarred => (F::OfficialUnbarred(OfficialUnbarred {}), None),
        kind => return Err(format!("there is no sample of {}", kind.name())),
    })
}

/// A body of the list.
fn to(body: Body) -> Option<Recipient> {
    Some(Recipient { recipient: Some(recipient::Recipient::Listed(ListedBody { body: body.into() })) })
}

fn extent() -> Option<ConsentTerms> {
    Some(ConsentTerms {
        recipients: to(Body::Nco).into_iter().collect(),
        purposes: vec![Purpose::Policy.into()],
        ..ConsentTerms::default()
    })
}

/// A disclosure to 国家サイバー統括室 on a basis.
pub(super) fn disclosed(basis: disclosure_basis::Basis) -> fact::Fact {
    fact::Fact::ItemDisclosed(ItemDisclosed {
        revision: 1,
        recipient: to(Body::Nco),
        purpose: Purpose::Policy.into(),
        parts: Vec::new(),
        basis: Some(DisclosureBasis { basis: Some(basis) }),
    })
}

pub(super) fn disclosed_words() -> Option<Vec<u8>> {
    Some(ItemDisclosedContent::default().encode_to_vec())
}

/// A body that is not in the list.
fn named(matter: &str, name: &str) -> Result<Recipient, String> {
    let digest = digest(&Matter::of(matter), name).ok_or("a body has a name")?;
    let named = NamedRecipient { digest, served: false };
    Ok(Recipient { recipient: Some(recipient::Recipient::Named(named)) })
}

/// A fact with the content that belongs to it.
type Sample = (fact::Fact, Option<Vec<u8>>);

/// A consent in advance to disclose to one body, with the name of another.
pub(super) fn granted_to(matter: &str, body: &str, other: &str) -> Result<Sample, String> {
    let recipients = vec![named(matter, body)?];
    let terms = extent().map(|terms| ConsentTerms { recipients, ..terms });
    let words = ConsentGrantedContent { names: vec![other.to_owned()], ..ConsentGrantedContent::default() };
    Ok((ConsentGranted { revision: 1, terms }.into(), Some(words.encode_to_vec())))
}

/// A disclosure to one body, with the name of another.
pub(super) fn disclosed_to(matter: &str, body: &str, other: &str) -> Result<Sample, String> {
    let disclosed = ItemDisclosed {
        revision: 1,
        recipient: Some(named(matter, body)?),
        purpose: Purpose::Policy.into(),
        parts: Vec::new(),
        basis: Some(DisclosureBasis { basis: Some(disclosure_basis::Basis::Scope(ScopeBasis {})) }),
    };
    let words = ItemDisclosedContent { name: other.to_owned(), ..ItemDisclosedContent::default() };
    Ok((disclosed.into(), Some(words.encode_to_vec())))
}

fn statement(it: &Liar) -> Statement {
    Statement { text: "語".to_owned(), certainty: 1, as_of: it.in_days(0) }
}

pub(super) fn findings(it: &Liar) -> Option<Vec<u8>> {
    Some(AdviceContent { findings: vec![statement(it)], ..AdviceContent::default() }.encode_to_vec())
}

fn sealed() -> fact::Fact {
    fact::Fact::RecallAnswered(RecallAnswered { disposition: RecallDisposition::Sealed.into() })
}

pub(super) fn missing(units: &[&str]) -> fact::Fact {
    let units = units.iter().map(ToString::to_string).collect();
    fact::Fact::ItemUnitsMissing(ItemUnitsMissing { revision: 1, units })
}

pub(super) fn acknowledged(revision: u32, marking: Option<Marking>) -> fact::Fact {
    fact::Fact::ItemAcknowledged(ItemAcknowledged { revision, marking })
}

pub(super) fn feedback(revision: u32) -> fact::Fact {
    fact::Fact::ItemFeedbackGiven(ItemFeedbackGiven { revision, usefulness: Usefulness::Used.into() })
}

/// Says a sample of a kind of fact where it does not fit.
pub(super) fn say(it: &mut Liar, matter: &Known, kind: FactKind, answers: u64) -> Result<Entry, String> {
    let (fact, content) = sample(it, kind)?;
    it.say(&matter.name, fact, content, answers)
}
