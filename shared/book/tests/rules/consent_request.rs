//! Requests for consent: what they ask for, and what becomes of them.

use jiff::{Timestamp, ToSpan as _};
use renkei_domain::{calendar, moment::stamp, noun::item::consent::requested_by};
use renkei_proto::{
    journal::v1::fact,
    options::v1::Reason,
    sharing::v1::{ConsentDenialReason, ConsentDenied, OralConsent, consent::State, requested_consent::State as Asked},
    r#type::v1::Agency::{Ipa, Ppc},
};

use super::{
    choice::Choice,
    consent::{state, to_nco},
    consent_acts::{
        deny, disclose_by_consent, grant, grant_for, grant_in_advance, matter, oral, refusal, request, request_for,
        shared, withdraw_request,
    },
    item_acts::{revise, shown, terms},
    model::{Act, BOTH, Pair},
};

/// The state of a request, equal on both sides.
pub(super) fn asked(pair: &Pair, request: u64) -> Asked {
    let [ppc, ipa] = BOTH.map(|own| {
        let page = pair.of(own).page(&matter());
        requested_by(page, Ipa, request).unwrap().state(page, Ipa)
    });
    assert_eq!(ppc, ipa);
    ppc
}

#[test]
fn a_request_and_a_grant_are_for_the_current_revision() {
    let mut pair = shared(terms());
    let (asked_before, granted_before) = (request(&pair.ppc, &matter()), grant_in_advance(&pair.ipa, &matter()));
    let seq = pair.writes(Ppc, &asked_before);
    let act = revise(&pair.ipa, &matter(), terms());
    pair.writes(Ipa, &act);
    assert_eq!(asked(&pair, seq), Asked::Lapsed);
    assert_eq!(refusal(&pair.ppc, &asked_before), Some((Reason::WrongState, "")));
    assert_eq!(refusal(&pair.ipa, &granted_before), Some((Reason::WrongState, "")));
    let lapsed = Some((Reason::WrongState, "request"));
    assert_eq!(refusal(&pair.ipa, &grant_for(&pair.ipa, &matter(), to_nco(), seq)), lapsed);
    assert_eq!(refusal(&pair.ipa, &deny(&pair.ipa, &matter())), lapsed);
    assert_eq!(refusal(&pair.ppc, &withdraw_request(&pair.ppc, &matter())), lapsed);
    let misplaced = request(&pair.ppc, &matter()).answering(1);
    assert_eq!(refusal(&pair.ppc, &misplaced), Some((Reason::HeaderDiffers, "")));
}

#[test]
fn an_oral_consent_is_a_request_until_the_originator_confirms_it() {
    let mut pair = shared(terms());
    let said = |oral| request_for(&pair.ppc, &matter(), to_nco(), Some(oral));
    let right = oral(&pair.ppc);
    let at = |then: Timestamp| OralConsent { given_at: Some(stamp(then)), ..right.clone() };
    let by = |day: jiff::civil::Date| OralConsent { confirm_by: day.to_string(), ..right.clone() };
    let (now, today) = (pair.ppc.now, calendar::day(pair.ppc.now));
    for (oral, expected) in [
        (right.clone(), None),
        (at(now), None),
        (at(now + 1.microsecond()), Some((Reason::FieldInvalid, "given_orally_at"))),
        (OralConsent { given_at: None, ..right.clone() }, Some((Reason::FieldInvalid, "given_orally_at"))),
        (by(today), None),
        (by(today.yesterday().unwrap()), Some((Reason::FactDiffers, ""))),
        (OralConsent { confirm_by: "2026-02-30".to_owned(), ..right.clone() }, Some((Reason::FactDiffers, ""))),
    ] {
        assert_eq!(refusal(&pair.ppc, &said(oral.clone())), expected, "{oral:?}");
    }
    let act = said(right.clone());
    let seq = pair.writes(Ppc, &act);
    assert_eq!(asked(&pair, seq), Asked::Open);
    assert_eq!(shown(&pair.ipa, &matter()).unwrap().consent_requests[0].oral, Some(right));
    let act = grant(&pair.ipa, &matter());
    let consent = pair.writes(Ipa, &act);
    assert_eq!((asked(&pair, seq), state(&pair, consent)), (Asked::Granted, State::InForce));
}

#[test]
fn that_no_consent_was_given_is_a_reason_to_deny_an_oral_one_alone() {
    let mut pair = shared(terms());
    for (spoken, expected) in [(false, Some((Reason::FieldInvalid, "reason"))), (true, None)] {
        let act = request_for(&pair.ppc, &matter(), to_nco(), spoken.then(|| oral(&pair.ppc)));
        let seq = pair.writes(Ppc, &act);
        let denied = |reason: ConsentDenialReason| {
            Act::new(&matter(), fact::Fact::ConsentDenied(ConsentDenied { reason: reason.into() })).answering(seq)
        };
        assert_eq!(refusal(&pair.ipa, &denied(ConsentDenialReason::NotGiven)), expected);
        use ConsentDenialReason::{Direct, Harm, NotNeeded, Source};
        for reason in [Source, NotNeeded, Harm, Direct] {
            assert_eq!(refusal(&pair.ipa, &denied(reason)), None, "{reason:?}");
        }
        pair.writes(Ipa, &denied(ConsentDenialReason::Harm));
        let request = &shown(&pair.ppc, &matter()).unwrap().consent_requests[usize::from(spoken)];
        assert_eq!((request.state(), request.denial_reason()), (Asked::Denied, ConsentDenialReason::Harm));
        assert_eq!(refusal(&pair.ipa, &denied(ConsentDenialReason::Harm)), Some((Reason::WrongState, "request")));
    }
}

#[test]
fn an_answer_counts_before_a_withdrawal_that_crosses_it() {
    for (answer, stands) in [(Choice::Grant, Asked::Granted), (Choice::Deny, Asked::Denied)] {
        for first in BOTH {
            let mut pair = Pair::new().after(Ipa, &[Choice::PublishItem, Choice::RequestConsent], 0);
            let seq = pair.ppc.journal(Ppc).last().unwrap().header.seq;
            pair.does(Ipa, Choice::WithdrawConsentRequest, 0);
            pair.does(Ipa, answer, 0);
            pair.exchange(first).assert_agree();
            assert_eq!(asked(&pair, seq), stands);
            let allowed = refusal(&pair.ppc, &disclose_by_consent(&pair.ppc, &matter())).is_none();
            assert_eq!(allowed, stands == Asked::Granted);
        }
    }
    let pair =
        Pair::new().after(Ipa, &[Choice::PublishItem, Choice::RequestConsent, Choice::WithdrawConsentRequest], 0);
    let late = refusal(&pair.ipa, &grant(&pair.ipa, &matter()));
    assert_eq!(late, Some((Reason::WrongState, "request")), "the withdrawal has arrived");
}
