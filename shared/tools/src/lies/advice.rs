//! Lies about advice.

use prost_types::Timestamp;
use renkei_domain::noun::advice;
use renkei_proto::{
    FactKind,
    advice::v1::{AdviceGiven, AdvicePlanRevised, AdviceRequested, AdviceStage, AdviceSupplemented, Due, Quotation},
    journal::v1::{Entry, fact},
    options::v1::Reason,
    r#type::v1::{Agency, CaseNumber, Certainty, Finding, Ground, Judgement},
};

use super::{
    lie::{IPA, Lie, PPC, lie},
    sample::{findings, sample, say},
};
use crate::liar::{Known, Liar};

/// A request for advice that is spoiled.
fn request(what: &str, reason: Reason, spoil: fn(&mut AdviceRequested)) -> Lie {
    lie(what, PPC, reason, move |it| {
        let matter = it.fresh(advice::COLLECTION, Agency::Ppc);
        let mut requested = it.requested();
        spoil(&mut requested);
        it.say(&matter, fact::Fact::AdviceRequested(requested), it.asked(), 0)
    })
}

fn due(on: &str) -> Option<Due> {
    Some(Due { on: on.to_owned(), calendar: "jp-2023-2027".to_owned(), by_rule: false })
}

fn judged(finding: Finding, judged_at: Option<Timestamp>) -> Judgement {
    Judgement {
        finding: finding.into(),
        ground: Ground::Traces.into(),
        certainty: Certainty::Unknown.into(),
        judged_at,
    }
}

fn case(letters: &str) -> CaseNumber {
    CaseNumber { agency: Agency::Ipa.into(), fiscal_year: 2026, letters: letters.to_owned(), ordinal: 1 }
}

/// The lies that PPC can tell about advice.
pub(super) fn requests() -> Vec<Lie> {
    use FactKind as K;
    let supplemented = |due: Option<Due>, answers: u64| {
        move |it: &mut Liar| {
            let matter = it.scene.accepted.name.clone();
            let (_, content) = sample(it, K::AdviceSupplemented)?;
            let fact = AdviceSupplemented { questions: 1, due: due.clone() };
            it.say(&matter, fact::Fact::AdviceSupplemented(fact), content, answers)
        }
    };
    let at = |kind: FactKind, answers: u64| {
        move |it: &mut Liar| {
            let matter = it.scene.accepted.clone();
            say(it, &matter, kind, answers)
        }
    };
    vec![
        request("a request that was due yesterday", Reason::FactDiffers, |it| it.due = due("2026-11-23")),
        request("a request that is due on no day", Reason::FactDiffers, |it| it.due = due("2026-11-31")),
        request("a request of another fiscal year", Reason::FactDiffers, |it| it.fiscal_year = 2025),
        request("a request on a case outside Art. 2", Reason::FieldInvalid, |it| {
            it.judgement = Some(judged(Finding::DoesNotApply, Some(Timestamp::default())));
        }),
        request("a judgement of tomorrow", Reason::FieldInvalid, |it| {
            // After every day of a scene.
            let late = Timestamp { seconds: 4_102_444_800, nanos: 0 };
            it.judgement = Some(judged(Finding::Applies, Some(late)));
        }),
        request("a referral that is a request", Reason::FieldInvalid, |it| it.referral = Some(case("ADV"))),
        request("a related case named twice", Reason::FieldInvalid, |it| it.related_cases = vec![case("REF"); 2]),
        lie("a further question before final advice", PPC, Reason::WrongState, at(K::AdviceFurtherAsked, 1)),
        lie("a second request in the same matter", PPC, Reason::AlreadyExists, at(K::AdviceRequested, 0)),
        lie("a request that answers something", PPC, Reason::HeaderDiffers, |it| {
            let matter = it.fresh(advice::COLLECTION, Agency::Ppc);
            it.say(&matter, fact::Fact::AdviceRequested(it.requested()), it.asked(), 1)
        }),
        lie("a supplement to a handing back that does not exist", PPC, Reason::HeaderDiffers, supplemented(None, 1)),
        lie("a supplement that puts the due day off", PPC, Reason::FactDiffers, supplemented(due("2026-12-31"), 0)),
        lie(
            "an answer to a clarification that nobody asked for",
            PPC,
            Reason::WrongState,
            at(K::AdviceClarificationAnswered, 1),
        ),
        lie("a quotation of nothing", PPC, Reason::NotFound, at(K::AdviceQuotationAsked, 1)),
        lie("a close without final advice", PPC, Reason::WrongState, at(K::AdviceClosed, 1)),
        lie("a withdrawal that answers something", PPC, Reason::HeaderDiffers, at(K::AdviceWithdrawn, 1)),
    ]
}

/// The lies that IPA can tell about advice.
pub(super) fn advice() -> Vec<Lie> {
    use FactKind as K;
    fn given(it: &mut Liar, matter: &Known, stage: AdviceStage, questions: Vec<u32>) -> Result<Entry, String> {
        let given = AdviceGiven { stage: stage.into(), questions, quotation: Quotation::Free.into() };
        it.say(&matter.name, fact::Fact::AdviceGiven(given), findings(it), matter.seq)
    }
    fn planned(on: &'static str) -> impl Fn(&mut Liar) -> Result<Entry, String> {
        move |it| {
            let Known { name, seq } = it.scene.submitted.clone();
            let mut accepted = it.acceptance(0);
            on.clone_into(&mut accepted.planned_on);
            it.say(&name, fact::Fact::AdviceAccepted(accepted), None, seq)
        }
    }
    fn revised(it: &mut Liar, planned_on: &str) -> Result<Entry, String> {
        let Known { name, seq } = it.scene.accepted.clone();
        let (_, reason) = sample(it, K::AdvicePlanRevised)?;
        let plan = AdvicePlanRevised { planned_on: planned_on.to_owned() };
        it.say(&name, fact::Fact::AdvicePlanRevised(plan), reason, seq)
    }
    let at = |kind: FactKind, answers: fn(&Liar) -> u64| {
        move |it: &mut Liar| {
            let (matter, answers) = (it.scene.accepted.clone(), answers(it));
            say(it, &matter, kind, answers)
        }
    };
    vec![
        lie("a second acceptance", IPA, Reason::WrongState, at(K::AdviceAccepted, |it| it.scene.accepted.seq)),
        lie("advice before the acceptance", IPA, Reason::WrongState, |it| {
            let matter = it.scene.submitted.clone();
            given(it, &matter, AdviceStage::Final, vec![1, 2])
        }),
        lie("final advice that leaves a question", IPA, Reason::WrongState, |it| {
            let matter = it.scene.accepted.clone();
            given(it, &matter, AdviceStage::Final, vec![1])
        }),
        lie("an answer to a question that was not asked", IPA, Reason::FieldInvalid, |it| {
            let matter = it.scene.accepted.clone();
            given(it, &matter, AdviceStage::Interim, vec![3])
        }),
        lie("planned for yesterday", IPA, Reason::FieldInvalid, planned("2026-11-23")),
        lie("a plan for yesterday", IPA, Reason::FieldInvalid, |it| revised(it, "2026-11-23")),
        lie("a plan for the same day", IPA, Reason::FieldInvalid, |it| {
            let same = it.acceptance(0).planned_on;
            revised(it, &same)
        }),
        lie("a plan that answers nothing", IPA, Reason::HeaderDiffers, at(K::AdvicePlanRevised, |_| 0)),
        lie("a plan before the acceptance", IPA, Reason::WrongState, |it| {
            let matter = it.scene.submitted.clone();
            say(it, &matter, K::AdvicePlanRevised, matter.seq)
        }),
        lie("planned for no day", IPA, Reason::FieldInvalid, planned("2026-11-31")),
        lie("advice that answers nothing", IPA, Reason::HeaderDiffers, at(K::AdviceGiven, |_| 0)),
        lie(
            "a handing back of another request",
            IPA,
            Reason::HeaderDiffers,
            at(K::AdviceHandedBack, |it| it.scene.submitted.seq),
        ),
        lie("a declining that answers nothing", IPA, Reason::HeaderDiffers, at(K::AdviceDeclined, |_| 0)),
        lie("a clarification that answers nothing", IPA, Reason::HeaderDiffers, at(K::AdviceClarificationAsked, |_| 0)),
        lie("a correction of nothing", IPA, Reason::NotFound, at(K::AdviceCorrected, |_| 0)),
        lie(
            "an answer to a quotation that nobody asked for",
            IPA,
            Reason::NotFound,
            at(K::AdviceQuotationAnswered, |_| 1),
        ),
    ]
}
