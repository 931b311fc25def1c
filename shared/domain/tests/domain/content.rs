//! Which content belongs to which fact, and what the store keeps beside a page.

use prost::Message as _;
use renkei_domain::{
    content::check,
    index::{EVERYBODY, audiences, code_lookup, lookups, state_name},
    matter::Matter,
    page::{Journal, Page},
};
use renkei_proto::{
    FactKind,
    agreement::v1::NoticeGivenContent,
    journal::v1::{JournalStoppedContent, StopLiftedContent, fact},
    options::v1::Reason,
    referral::v1::ReportReferredContent,
    r#type::v1::{Agency, IncidentKind, Text},
};

use super::{
    acts::{agreement, issue, referral, report},
    catalogue::{published, scheme, shown},
    model::Pair,
};

fn content_of(kind: FactKind) -> Option<Vec<u8>> {
    Some(match kind {
        FactKind::NoticeGiven => {
            let text = Some(Text { ja: "申し出".to_owned(), en: String::new() });
            NoticeGivenContent { text }.encode_to_vec()
        }
        FactKind::SchemePublished | FactKind::SchemeRevised => {
            shown(Agency::Ipa, "unauthorised-access").content.unwrap().encode_to_vec()
        }
        FactKind::ReportReferred => ReportReferredContent { report: "2026-000001".to_owned() }.encode_to_vec(),
        FactKind::StopLifted => StopLiftedContent { reason: "mended".to_owned() }.encode_to_vec(),
        FactKind::JournalStopped => JournalStoppedContent::default().encode_to_vec(),
        _ => return None,
    })
}

fn differs(kind: FactKind, content: Option<&[u8]>, committed: bool) -> bool {
    let judged = check(kind, content, committed);
    assert!(judged.as_ref().is_ok_and(|()| true) || judged.as_ref().unwrap_err().reason == Reason::ContentDiffers);
    judged.is_err()
}

#[test]
fn content_stands_where_it_belongs_and_nowhere_else_and_may_be_erased() {
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
    assert_eq!(lookups(&matter, &fact::Fact::ReferralIssued(fact.clone())), Some(code_lookup(Agency::Ppc, "000C")));
    fact.code_digest.clear();
    assert_eq!(lookups(&matter, &fact::Fact::ReferralIssued(fact)), None);
}

#[test]
fn schemes_and_referrals_are_listed_to_everybody_with_their_state() {
    let mut pair = published();
    let matter = referral(Agency::Ppc, 1);
    let act = issue(&pair.ppc, &matter, &report(Agency::Ppc, IncidentKind::Access));
    pair.ppc.write(&act).unwrap();
    let virus = scheme(Agency::Ipa, "virus");
    for (matter, state) in [(&matter, "STATE_ISSUED"), (&virus, "STATE_PUBLISHED")] {
        assert_eq!(audiences(matter, &pair.ppc.pages[&matter.to_string()]), [EVERYBODY]);
        assert_eq!(audiences(matter, &Page::default()), [""; 0]);
        assert_eq!(state_name(matter, pair.ppc.page(matter)), state);
    }
    for matter in [agreement(), Matter::journal(Agency::Ppc), Matter::of("nowhere")] {
        assert_eq!(audiences(&matter, &pair.ppc.pages[&virus.to_string()]), [""; 0]);
        assert_eq!(state_name(&matter, pair.ppc.page(&matter)), "");
    }
}

#[test]
fn a_page_comes_out_of_its_bytes_as_it_went_in() {
    let pair: Pair = published();
    for page in pair.ppc.pages.values() {
        let again = Page::decode(&page.encode(), &page.encode_local()).unwrap();
        assert_eq!(&again, page);
        assert_eq!(again.encode_half(Agency::Ipa), page.encode_half(Agency::Ipa));
        assert_eq!(again.marks(Journal::Private).len(), 0);
    }
    assert!(Page::decode(&[0xFF], &[]).is_err());
}
