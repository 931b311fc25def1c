//! Schemes: every act in every state, and which of them fit.

use renkei_domain::{
    matter::Matter,
    noun::scheme::{MOST, current, entry_of, state, was_published},
};
use renkei_proto::{
    journal::v1::{EntryRefused, fact},
    options::v1::Reason,
    referral::v1::{ReferralGround, SchemePublished, SchemeRevised, SchemeTerms, SchemeWithdrawn, scheme::State},
    r#type::v1::{Agency, IncidentKind, ReporterKind},
};

use super::{
    acts::{issue, publish, referral, report, revise, withdraw},
    catalogue::{published, scheme, terms},
    model::{Act, Pair, Party},
};

fn virus() -> Matter {
    scheme(Agency::Ipa, "virus")
}

fn revised(version: u32) -> Act {
    let fact = SchemeRevised { version, terms: Some(terms("virus")) };
    Act::new(&virus(), fact::Fact::SchemeRevised(fact))
}

fn withdrawn(version: u32) -> Act {
    Act::new(&virus(), fact::Fact::SchemeWithdrawn(SchemeWithdrawn { version }))
}

fn ipa_after(acts: &[Act]) -> Party {
    let mut ipa = Pair::new().ipa;
    for act in acts {
        ipa.write(act).unwrap();
    }
    ipa
}

#[test]
fn every_act_is_permitted_or_refused_according_to_the_state() {
    let published = publish(Agency::Ipa, "virus");
    let [second, third] = [revised(2), revised(3)];
    let (exists, differs) = (Some(Reason::AlreadyExists), Some(Reason::FactDiffers));
    let (missing, wrong) = (Some(Reason::NotFound), Some(Reason::WrongState));
    let acts = [published.clone(), second.clone(), withdrawn(2)];
    // The state, then what publishing, revising to 2 and 3, and withdrawing 1 and 2 come to.
    let table = [
        (0, State::Unspecified, [None, missing, missing, missing, missing]),
        (1, State::Published, [exists, None, differs, None, differs]),
        (2, State::Published, [exists, differs, None, differs, None]),
        (3, State::Withdrawn, [exists, wrong, wrong, wrong, wrong]),
    ];
    for (before, stands, expected) in table {
        let ipa = ipa_after(&acts[..before]);
        assert_eq!(state(ipa.page(&virus()), Agency::Ipa), stands);
        let tried = [&published, &second, &third, &withdrawn(1), &withdrawn(2)].map(|act| ipa.refuses(act));
        assert_eq!(tried, expected, "{stands:?}");
    }
}

#[test]
fn a_scheme_answers_no_entry() {
    let ipa = ipa_after(&[publish(Agency::Ipa, "virus")]);
    for act in [publish(Agency::Ipa, "new"), revise(&ipa, &virus()), withdraw(&ipa, &virus())] {
        assert_eq!(ipa.refuses(&act.answering(1)), Some(Reason::HeaderDiffers));
    }
}

#[test]
fn the_days_of_a_scheme_exist_and_are_in_order() {
    let ipa = Pair::new().ipa;
    let of = |valid_from: &str, valid_until: &str| {
        let days =
            SchemeTerms { valid_from: valid_from.to_owned(), valid_until: valid_until.to_owned(), ..terms("virus") };
        let fact = SchemePublished { terms: Some(days) };
        ipa.judge(&Act::new(&virus(), fact::Fact::SchemePublished(fact))).err().map(|it| (it.reason, it.field))
    };
    assert_eq!(of("2026-11-24", ""), None);
    assert_eq!(of("2026-11-24", "2026-11-24"), None);
    assert_eq!(of("2026-02-29", ""), Some((Reason::FieldInvalid, "terms.valid_from")));
    assert_eq!(of("2026-11-24", "2026-11-23"), Some((Reason::FieldInvalid, "terms.valid_until")));
    assert_eq!(of("2026-11-24", "2026-11-31"), Some((Reason::FieldInvalid, "terms.valid_until")));
    let without = fact::Fact::SchemePublished(SchemePublished { terms: None });
    assert_eq!(ipa.refuses(&Act::new(&virus(), without)), Some(Reason::FieldInvalid));
}

#[test]
fn a_catalogue_contains_at_most_a_hundred_schemes_and_a_withdrawn_one_keeps_its_place() {
    let mut ipa = Pair::new().ipa;
    for n in 0..MOST {
        ipa.write(&publish(Agency::Ipa, &format!("scheme-{n}"))).unwrap();
    }
    let first = scheme(Agency::Ipa, "scheme-0");
    ipa.write(&withdraw(&ipa.clone(), &first)).unwrap();
    assert_eq!(ipa.refuses(&publish(Agency::Ipa, "one-more")), Some(Reason::WrongState));
}

#[test]
fn a_scheme_has_at_most_ten_thousand_versions() {
    let mut ipa = ipa_after(&[publish(Agency::Ipa, "virus")]);
    ipa.say(&revised(10_000));
    assert_eq!(ipa.refuses(&revised(10_001)), Some(Reason::WrongState));
}

#[test]
fn versions_are_marks_and_a_refused_one_was_never_published() {
    let mut pair = published();
    let ipa = &mut pair.ipa;
    ipa.write(&revised(2)).unwrap();
    ipa.say(&revised(7));
    for (_, judged) in pair.exchange_all(Agency::Ipa) {
        assert!(judged.is_ok() || judged.unwrap_err().reason == Reason::FactDiffers);
    }
    pair.assert_agree();
    for party in [&pair.ppc, &pair.ipa] {
        let seen = party.page(&virus());
        assert_eq!(current(seen, Agency::Ipa).map(|current| current.version), Some(2));
        let known: Vec<u32> = (0..9).filter(|version| was_published(seen, Agency::Ipa, *version)).collect();
        assert_eq!(known, [1, 2]);
        assert_eq!(entry_of(seen, Agency::Ipa, 7), None);
    }
    assert_eq!(pair.ipa.refuses(&revised(3)), None, "the next version is the one after those that count");
}

#[test]
fn a_version_whose_entry_was_refused_is_not_known_though_later_ones_are() {
    let mut pair = published();
    pair.ipa.write(&revised(2)).unwrap();
    pair.ipa.write(&revised(3)).unwrap();
    pair.exchange(Agency::Ipa);
    let seq = entry_of(pair.ppc.page(&virus()), Agency::Ipa, 2).unwrap();
    let refused = EntryRefused { seq, reason: Reason::FactDiffers.into() };
    pair.ppc.write(&Act::new(&virus(), fact::Fact::EntryRefused(refused)).answering(seq)).unwrap();
    pair.exchange(Agency::Ppc).assert_agree();
    let seen = pair.ipa.page(&virus());
    let known: Vec<u32> = (0..9).filter(|version| was_published(seen, Agency::Ipa, *version)).collect();
    assert_eq!(known, [1, 3]);
}

#[test]
fn a_scheme_is_introduced_on_its_days_only_in_its_current_version_and_never_when_withdrawn() {
    let mut pair = published();
    let introduced = |pair: &Pair| {
        let act = issue(&pair.ppc, &referral(Agency::Ppc, 1), &report(Agency::Ppc, IncidentKind::Virus));
        let fact::Fact::ReferralIssued(issued) = act.fact else { panic!("an issue") };
        let versions: Vec<u32> = issued.introduced.iter().map(|it| it.version).collect();
        (versions, issued.ground())
    };
    assert_eq!(introduced(&pair), (vec![1], ReferralGround::Duty));
    for (from, until, expected) in [
        ("2026-11-24", "2026-11-24", vec![2]),
        ("2026-11-25", "", vec![]),
        ("2026-11-01", "2026-11-23", vec![]),
        ("2026-11-01", "", vec![5]),
    ] {
        let fact::Fact::SchemeRevised(mut next) = revise(&pair.ipa, &virus()).fact else { panic!("a revision") };
        let terms = next.terms.as_mut().unwrap();
        (terms.valid_from, terms.valid_until) = (from.to_owned(), until.to_owned());
        pair.ipa.write(&Act::new(&virus(), fact::Fact::SchemeRevised(next))).unwrap();
        pair.exchange(Agency::Ipa);
        assert_eq!(introduced(&pair).0, expected, "{from} … {until}");
    }
    let act = withdraw(&pair.ipa, &virus());
    pair.ipa.write(&act).unwrap();
    pair.exchange(Agency::Ipa);
    assert_eq!(introduced(&pair), (vec![], ReferralGround::NoApplicableScheme));
}

#[test]
fn a_revision_may_narrow_whom_a_scheme_fits() {
    let mut pair = published();
    let fact::Fact::SchemeRevised(mut next) = revise(&pair.ipa, &virus()).fact else { panic!("a revision") };
    next.terms.as_mut().unwrap().reporters = vec![ReporterKind::Person.into()];
    pair.ipa.write(&Act::new(&virus(), fact::Fact::SchemeRevised(next))).unwrap();
    pair.exchange(Agency::Ipa);
    let act = issue(&pair.ppc, &referral(Agency::Ppc, 1), &report(Agency::Ppc, IncidentKind::Virus));
    let fact::Fact::ReferralIssued(issued) = act.fact else { panic!("an issue") };
    assert_eq!(issued.ground(), ReferralGround::NoApplicableScheme);
}
