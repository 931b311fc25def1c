//! Lies about items: revisions, scopes, and what is done with them.

use prost::Message as _;
use renkei_proto::{
    FactKind,
    journal::v1::fact,
    options::v1::Reason,
    sharing::v1::{
        ConsentBasis, ConsentGrantedContent, ItemFeedbackGivenContent, ItemKind, ItemTerms, LegalBasis, LegalGround,
        Publication, PublicationPlan, ResearchResultPublished, ScopeBasis, disclosure_basis,
    },
    r#type::v1::{Agency, Audience, Confidentiality, Designated, Marking, Purpose, Scope, scope},
};

use super::{
    lie::{BOTH, IPA, Lie, lie},
    sample::{acknowledged, disclosed, disclosed_to, disclosed_words, feedback, granted_to, missing, say},
};
use crate::liar::{Known, Liar, raised};

/// The ordinals of the liar's own item and of the one that it recalled.
const OWN: u64 = 1;
const RECALLED: u64 = 2;

/// A publication of a new item that is spoiled.
fn first(what: &str, reason: Reason, spoil: fn(&Liar, &mut Publication)) -> Lie {
    lie(what, BOTH, reason, move |it| {
        let matter = it.fresh_item();
        let mut publication = it.publication();
        spoil(it, &mut publication);
        it.say(&matter, it.published(publication), it.words(), 0)
    })
}

/// A revision of the own item that is spoiled.
fn revision(what: &str, reason: Reason, spoil: fn(&Liar, &mut Publication)) -> Lie {
    lie(what, BOTH, reason, move |it| {
        let mut publication = it.revision(OWN);
        spoil(it, &mut publication);
        let matter = it.scene.own.name.clone();
        it.say(&matter, it.published(publication), it.words(), 0)
    })
}

/// Revisions and case numbers.
pub(super) fn publications() -> Vec<Lie> {
    vec![
        first("the first revision is 2", Reason::FactDiffers, |_, it| it.revision = 2),
        first("a case number that was given before", Reason::AlreadyExists, |_, it| it.year_ordinal = RECALLED),
        first("a case number of another fiscal year", Reason::FactDiffers, |_, it| it.fiscal_year = 2027),
        revision("published again", Reason::AlreadyExists, |_, it| it.revision = 1),
        revision("a revision is left out", Reason::FactDiffers, |_, it| it.revision = 3),
        revision("a revision with another number of the case", Reason::FactDiffers, |_, it| it.year_ordinal = 2),
        revision("a revision with another fiscal year of the case", Reason::FactDiffers, |_, it| it.fiscal_year = 2025),
        revision("a revision that nobody may see", Reason::ScopeEmpty, |_, it| {
            scoped(it, Designated { audience: Audience::Party.into(), ..Designated::default() });
        }),
        lie("a revision of another kind", IPA, Reason::FactDiffers, |it| {
            let publication = Some(it.revision(OWN));
            let published = fact::Fact::ResearchResultPublished(ResearchResultPublished { publication });
            let matter = it.scene.own.name.clone();
            it.say(&matter, published, it.words_of(ItemKind::ResearchResult), 0)
        }),
        lie("a revision of a recalled item", BOTH, Reason::WrongState, |it| {
            let publication = it.revision(RECALLED);
            let matter = it.scene.own_recalled.name.clone();
            it.say(&matter, it.published(publication), it.words(), 0)
        }),
        lie("a publication that answers something", BOTH, Reason::HeaderDiffers, |it| {
            let (matter, answers) = (it.fresh_item(), it.scene.other.seq);
            it.say(&matter, it.published(it.publication()), it.words(), answers)
        }),
        lie("an item with the words of something else", BOTH, Reason::ContentDiffers, |it| {
            let (matter, words) = (it.fresh_item(), it.asked());
            it.say(&matter, it.published(it.publication()), words, 0)
        }),
        lie("an item without a title", BOTH, Reason::ContentDiffers, |it| {
            let matter = it.fresh_item();
            it.say(&matter, it.published(it.publication()), Some(vec![0x0a, 0x00]), 0)
        }),
    ]
}

pub(super) fn terms(it: &mut Publication) -> &mut ItemTerms {
    it.terms.get_or_insert_default()
}

fn scoped(it: &mut Publication, designated: Designated) {
    terms(it).scope = Some(Scope { scope: Some(scope::Scope::Designated(designated)) });
}

/// Scopes, markings and times.
pub(super) fn scopes() -> Vec<Lie> {
    fn for_policy(audience: Audience) -> Designated {
        Designated { audience: audience.into(), purposes: vec![Purpose::Policy.into()], ..Designated::default() }
    }
    fn plan(liar: &Liar, days: i64) -> Option<PublicationPlan> {
        Some(PublicationPlan { embargo_until: liar.in_days(days), publisher: Agency::Ppc.into() })
    }
    vec![
        first("no scope at all", Reason::FieldInvalid, |_, it| terms(it).scope = None),
        first("units without a unit", Reason::ScopeEmpty, |_, it| scoped(it, for_policy(Audience::Units))),
        first("a party without a purpose", Reason::ScopeEmpty, |_, it| {
            scoped(it, Designated { purposes: Vec::new(), ..for_policy(Audience::Party) });
        }),
        first("a scope that has expired", Reason::ScopeEmpty, |liar, it| {
            scoped(it, Designated { expires: liar.in_days(0), ..for_policy(Audience::Party) });
        }),
        first("units in a wider audience", Reason::ScopeContradictory, |_, it| {
            scoped(it, Designated { units: vec!["policy".to_owned()], ..for_policy(Audience::Party) });
        }),
        first("public for a purpose", Reason::ScopeContradictory, |_, it| scoped(it, for_policy(Audience::Public))),
        first("public until a day", Reason::ScopeContradictory, |liar, it| {
            let public = Designated { audience: Audience::Public.into(), ..Designated::default() };
            scoped(it, Designated { expires: liar.in_days(1), ..public });
        }),
        first("public before its embargo ends", Reason::ScopeContradictory, |liar, it| {
            scoped(it, Designated { audience: Audience::Public.into(), ..Designated::default() });
            terms(it).plan = plan(liar, 1);
        }),
        first("a scope that expires before the embargo ends", Reason::ScopeContradictory, |liar, it| {
            scoped(it, Designated { expires: liar.in_days(1), ..for_policy(Audience::Party) });
            terms(it).plan = plan(liar, 2);
        }),
        first("no marking", Reason::FieldInvalid, |_, it| terms(it).marking = None),
        first("valid no longer", Reason::FieldInvalid, |liar, it| terms(it).valid_until = liar.in_days(0)),
        first("valid until before it is valid", Reason::FieldInvalid, |liar, it| {
            (terms(it).valid_from, terms(it).valid_until) = (liar.in_days(2), liar.in_days(1));
        }),
    ]
}

/// Items that are there.
pub(super) fn items() -> Vec<Lie> {
    use FactKind as K;
    let lowered = |confidentiality: Confidentiality, restrictions: Vec<i32>| {
        move |it: &mut Liar| {
            let Known { name, seq } = it.scene.other.clone();
            let marking = Marking { confidentiality: confidentiality.into(), restrictions: restrictions.clone() };
            it.say(&name, acknowledged(1, Some(marking)), None, seq)
        }
    };
    let at = |known: fn(&Liar) -> &Known, answers: fn(&Liar) -> u64, kind: FactKind| {
        move |it: &mut Liar| {
            let (matter, answers) = (known(it).clone(), answers(it));
            say(it, &matter, kind, answers)
        }
    };
    let revision = |fact: fact::Fact, content: Option<Vec<u8>>| {
        move |it: &mut Liar| {
            let Known { name, seq } = it.scene.other.clone();
            it.say(&name, fact.clone(), content.clone(), seq)
        }
    };
    let comment = || Some(ItemFeedbackGivenContent::default().encode_to_vec());
    vec![
        lie("a second recall", BOTH, Reason::WrongState, at(|it| &it.scene.own_recalled, |_| 0, K::ItemRecalled)),
        lie(
            "a recall that answers something",
            BOTH,
            Reason::HeaderDiffers,
            at(|it| &it.scene.own, |_| 1, K::ItemRecalled),
        ),
        lie("sealed without a recall", BOTH, Reason::WrongState, at(|it| &it.scene.other, |_| 0, K::RecallAnswered)),
        lie(
            "sealed twice",
            BOTH,
            Reason::WrongState,
            at(|it| &it.scene.other_recalled, |it| it.scene.other_recalled.seq, K::RecallAnswered),
        ),
        lie(
            "sealed as the answer to something else",
            BOTH,
            Reason::HeaderDiffers,
            at(|it| &it.scene.other_recalled, |it| it.scene.other_recalled.seq - 1, K::RecallAnswered),
        ),
        lie(
            "units missing that the revision does not name",
            BOTH,
            Reason::FactDiffers,
            revision(missing(&["lost"]), None),
        ),
        lie("no units missing, and none before", BOTH, Reason::WrongState, revision(missing(&[]), None)),
        lie(
            "an acknowledgement of a revision to come",
            BOTH,
            Reason::WrongState,
            revision(acknowledged(2, None), None),
        ),
        lie("a second acknowledgement", BOTH, Reason::WrongState, revision(acknowledged(1, None), None)),
        lie(
            "an acknowledgement of nothing",
            BOTH,
            Reason::HeaderDiffers,
            at(|it| &it.scene.other, |_| 0, K::ItemAcknowledged),
        ),
        lie(
            "a marking without the restriction",
            BOTH,
            Reason::FieldInvalid,
            lowered(Confidentiality::Level2, Vec::new()),
        ),
        lie(
            "a marking of a lower level",
            BOTH,
            Reason::FieldInvalid,
            lowered(Confidentiality::Level1, raised().restrictions),
        ),
        lie("an acknowledgement after the recall", BOTH, Reason::WrongState, {
            at(|it| &it.scene.other_recalled, |it| it.scene.other_recalled.seq - 1, K::ItemAcknowledged)
        }),
        lie("a question after the recall", BOTH, Reason::WrongState, {
            at(|it| &it.scene.other_recalled, |it| it.scene.other_recalled.seq - 1, K::ItemQuestionAsked)
        }),
        lie("a question about another item", BOTH, Reason::HeaderDiffers, {
            at(|it| &it.scene.other, |it| it.scene.other_recalled.seq, K::ItemQuestionAsked)
        }),
        lie("an answer to nothing", BOTH, Reason::NotFound, at(|it| &it.scene.own, |_| 0, K::ItemQuestionAnswered)),
        lie("an answer to an entry that is not a question", BOTH, Reason::NotFound, {
            at(|it| &it.scene.own, |it| it.scene.other.seq, K::ItemQuestionAnswered)
        }),
        lie(
            "an answer after the recall",
            BOTH,
            Reason::WrongState,
            at(|it| &it.scene.own_recalled, |_| 1, K::ItemQuestionAnswered),
        ),
        lie("feedback on a revision to come", BOTH, Reason::WrongState, revision(feedback(2), comment())),
        lie("feedback on nothing", BOTH, Reason::HeaderDiffers, at(|it| &it.scene.other, |_| 0, K::ItemFeedbackGiven)),
    ]
}

/// Beyond the scope: without consent, under one that nobody gave, and of what is recalled.
pub(super) fn beyond() -> Vec<Lie> {
    use FactKind as K;
    let consent = |consent| disclosure_basis::Basis::Consent(ConsentBasis { consent });
    let law =
        |announcement| disclosure_basis::Basis::Law(LegalBasis { ground: LegalGround::Court.into(), announcement });
    let disclosure = |basis: disclosure_basis::Basis, known: fn(&Liar) -> Known| {
        move |it: &mut Liar| {
            let Known { name, seq } = known(it);
            it.say(&name, disclosed(basis), disclosed_words(), seq)
        }
    };
    let other = |it: &Liar| it.scene.other.clone();
    let recalled = |it: &Liar| Known { seq: it.scene.other_recalled.seq - 1, ..it.scene.other_recalled.clone() };
    let at = |known: fn(&Liar) -> &Known, answers: fn(&Liar) -> u64, kind: FactKind| {
        move |it: &mut Liar| {
            let (matter, answers) = (known(it).clone(), answers(it));
            say(it, &matter, kind, answers)
        }
    };
    let scope = disclosure_basis::Basis::Scope(ScopeBasis {});
    vec![
        lie("a disclosure beyond the scope", BOTH, Reason::BeyondScope, disclosure(scope, other)),
        lie("a disclosure under no consent", BOTH, Reason::FieldInvalid, disclosure(consent(999), other)),
        lie("a disclosure that was not announced", BOTH, Reason::FieldInvalid, disclosure(law(999), other)),
        lie("a disclosure of a recalled item", BOTH, Reason::WrongState, disclosure(scope, recalled)),
        lie(
            "a consent to what was not requested",
            BOTH,
            Reason::FieldInvalid,
            at(|it| &it.scene.own, |it| it.scene.other.seq, K::ConsentGranted),
        ),
        lie(
            "a consent to a recalled item",
            BOTH,
            Reason::WrongState,
            at(|it| &it.scene.own_recalled, |_| 0, K::ConsentGranted),
        ),
        lie("a grant that names another body than its digest", BOTH, Reason::ContentDiffers, |it| {
            let matter = it.scene.own.name.clone();
            let (fact, content) = granted_to(&matter, "財務省", "総務省")?;
            it.say(&matter, fact, content, 0)
        }),
        lie("a grant in advance to a body that it does not name", BOTH, Reason::ContentDiffers, |it| {
            let matter = it.scene.own.name.clone();
            let (fact, _) = granted_to(&matter, "財務省", "財務省")?;
            it.say(&matter, fact, Some(ConsentGrantedContent::default().encode_to_vec()), 0)
        }),
        lie("a disclosure that names another body than its digest", BOTH, Reason::ContentDiffers, |it| {
            let Known { name, seq } = it.scene.other.clone();
            let (fact, content) = disclosed_to(&name, "財務省", "総務省")?;
            it.say(&name, fact, content, seq)
        }),
        lie("no consent is narrowed", BOTH, Reason::FieldInvalid, at(|it| &it.scene.own, |_| 0, K::ConsentNarrowed)),
        lie("no consent is revoked", BOTH, Reason::FieldInvalid, at(|it| &it.scene.own, |_| 0, K::ConsentRevoked)),
        lie(
            "a copy of an item that is shared",
            BOTH,
            Reason::WrongState,
            at(|it| &it.scene.other, |it| it.scene.other.seq, K::CopyAnswered),
        ),
        lie("a reminder of no recall", BOTH, Reason::WrongState, at(|it| &it.scene.own, |_| 0, K::RecallReminded)),
    ]
}
