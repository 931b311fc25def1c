//! Referral codes: what a reporter quotes at the other agency.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_domain::noun::code::{self, Code};
use renkei_proto::{
    options::v1::Reason,
    referral::v1::{FollowUpReferralRequest, IssueReferralRequest, referral::State},
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, settle},
    pair::Pair,
    scenario::{instant, start},
};

/// A code of PPC that IPA can look up.
async fn issue_code(ppc: &Acts, ipa: &Acts) -> String {
    let issued = ppc.issue(IssueReferralRequest { with_code: true, ..ppc.issuing() }).await.unwrap();
    settle(ppc, ipa).await.unwrap();
    issued.code
}

/// The same locator with another secret and the check character that fits.
fn guess(code: &str, n: u8) -> String {
    let code = code::parse(code).unwrap();
    let mut secret = code.secret();
    secret[4] ^= n;
    Code::new(code::ordinal(code.locator()).unwrap(), secret).to_string()
}

#[tokio::test]
async fn a_mistyped_code_is_found_before_anything_is_looked_up() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let code = issue_code(&ppc, &ipa).await;
    let last = code.chars().last().unwrap();
    let wrong_check = format!("{}{}", &code[..code.len() - 1], if last == '0' { '1' } else { '0' });
    let short = code[1..].to_owned();
    for mistyped in [wrong_check, short, "紹介".to_owned(), "-".to_owned()] {
        // More often than wrong codes are accepted: a slip of the hand is not a try.
        for _ in 0..6 {
            refused(ipa.follow_up(ipa.following_up(&mistyped)).await, Reason::CodeMistyped, "code");
        }
    }
    refused(ipa.follow_up(ipa.following_up("")).await, Reason::FieldInvalid, "code");
    refused(ipa.follow_up(ipa.following_up(&"0".repeat(41))).await, Reason::FieldInvalid, "code");
    // As people write it: lower case, spaces, O for 0 and l for 1.
    let written = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
    let followed = ipa.follow_up(ipa.following_up(&written)).await.unwrap();
    assert_eq!(followed.referral.unwrap().state(), State::FollowedUp);
}

#[tokio::test]
async fn an_unknown_and_a_wrong_code_look_the_same() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let code = issue_code(&ppc, &ipa).await;
    let without_code = ppc.issued(ppc.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let before = (ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq);
    let mut feed = ipa.watch("", "").await.unwrap();
    let wrong = ipa.follow_up(ipa.following_up(&guess(&code, 1))).await;
    let unknown = ipa.follow_up(ipa.following_up(&Code::new(900, [7; 5]).to_string())).await;
    let never_given = ipa.follow_up(ipa.following_up(&Code::new(2, [7; 5]).to_string())).await;
    assert_eq!((&wrong, &wrong), (&unknown, &never_given));
    refused(wrong, Reason::CodeNotFound, "");
    // Its own codes are not the peer's: at the issuer nobody has them.
    refused(ppc.follow_up(ppc.following_up(&code)).await, Reason::CodeNotFound, "");
    // A try never crosses, only an anchor of the private journal in which it is.
    let after = (ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq);
    assert_eq!((before.0 + 1, before.1 + 3), after);
    for (acts, before) in [(&ppc, before.0), (&ipa, before.1)] {
        let written = acts.journal(acts.agency).await.unwrap();
        let written = written.iter().skip(usize::try_from(before).unwrap());
        assert!(written.map(|it| it.fact_type.as_str()).all(|it| it == "private_anchored"));
    }
    assert_eq!(without_code.state(), State::Issued);
    let next = ipa.follow_up(ipa.following_up(&code)).await.unwrap().referral.unwrap();
    let mut told = feed.event().await.unwrap().matter;
    while told.is_empty() || told.ends_with("/journal") {
        told = feed.event().await.unwrap().matter;
    }
    assert_eq!(told, next.name);
}

#[tokio::test]
async fn after_five_wrong_tries_a_day_the_right_code_is_refused_until_tomorrow() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let (code, other) = (issue_code(&ppc, &ipa).await, issue_code(&ppc, &ipa).await);
    for n in 1..=5 {
        refused(ipa.follow_up(ipa.following_up(&guess(&code, n))).await, Reason::CodeNotFound, "");
    }
    refused(ipa.follow_up(ipa.following_up(&guess(&code, 6))).await, Reason::TooManyAttempts, "code");
    refused(ipa.follow_up(ipa.following_up(&code)).await, Reason::TooManyAttempts, "code");
    // Another locator has tries of its own.
    ipa.follow_up(ipa.following_up(&other)).await.unwrap();
    // Also for a locator that nobody has.
    let nobodys = Code::new(900, [7; 5]).to_string();
    for n in 1..=5 {
        refused(ipa.follow_up(ipa.following_up(&guess(&nobodys, n))).await, Reason::CodeNotFound, "");
    }
    refused(ipa.follow_up(ipa.following_up(&nobodys)).await, Reason::TooManyAttempts, "code");

    // The day is the day in Japan: one second before midnight it is still today.
    pair.set_clock(instant("2026-11-24T23:59:59+09:00").unwrap()).unwrap();
    refused(ipa.follow_up(ipa.following_up(&code)).await, Reason::TooManyAttempts, "code");
    pair.set_clock(instant("2026-11-25T00:00:00+09:00").unwrap()).unwrap();
    refused(ipa.follow_up(ipa.following_up(&guess(&code, 7))).await, Reason::CodeNotFound, "");
    let followed = ipa.follow_up(ipa.following_up(&code)).await.unwrap().referral.unwrap();
    assert_eq!(followed.state(), State::FollowedUp);
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn wrong_tries_are_counted_over_a_restart() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let code = issue_code(&ppc, &ipa).await;
    for n in 1..=5 {
        if n == 3 {
            pair.stop(ipa.agency).await.unwrap();
            pair.start(ipa.agency).await.unwrap();
        }
        refused(ipa.follow_up(ipa.following_up(&guess(&code, n))).await, Reason::CodeNotFound, "");
    }
    refused(ipa.follow_up(ipa.following_up(&code)).await, Reason::TooManyAttempts, "code");
}

#[tokio::test]
async fn a_code_is_used_once() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let code = issue_code(&ppc, &ipa).await;
    let followed = ipa.follow_up(ipa.following_up(&code)).await.unwrap().referral.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let before = ipa.link().await.unwrap().own_seq;
    // Whoever has the right code learns it, however often they ask: it is not a wrong try.
    for _ in 0..6 {
        refused(ipa.follow_up(ipa.following_up(&code)).await, Reason::CodeAlreadyUsed, "");
    }
    assert_eq!(ipa.link().await.unwrap().own_seq, before);
    assert_eq!(ppc.shared_referral(&followed.name).await.unwrap(), ipa.shared_referral(&followed.name).await.unwrap());
}

#[tokio::test]
async fn a_filing_names_an_own_scheme_and_a_day_that_has_come() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let code = issue_code(&ppc, &ipa).await;
    let before = ipa.link().await.unwrap().own_seq;
    for reporter_agreed in [true, false] {
        let filing = || FollowUpReferralRequest { reporter_agreed, ..ipa.following_up(&code) };
        for under in [ipa.scheme_name("missing"), ppc.scheme_name("leak-report-private")] {
            let request = FollowUpReferralRequest { filed_under: under, ..filing() };
            refused(ipa.follow_up(request).await, Reason::NotFound, "");
        }
        for day in ["2026-11-25", "2026-02-30"] {
            let request = FollowUpReferralRequest { filed_on: day.to_owned(), ..filing() };
            refused(ipa.follow_up(request).await, Reason::FieldInvalid, "filed_on");
        }
        let request = FollowUpReferralRequest { filed_on: "24.11.2026".to_owned(), ..filing() };
        refused(ipa.follow_up(request).await, Reason::FieldInvalid, "filed_on");
        let request = FollowUpReferralRequest { filed_under: String::new(), ..filing() };
        refused(ipa.follow_up(request).await, Reason::FieldInvalid, "filed_under");
    }
    assert_eq!(ipa.link().await.unwrap().own_seq, before);
    ipa.follow_up(ipa.following_up(&code)).await.unwrap();
}
