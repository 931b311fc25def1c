//! The times of an item: validity, embargo and expiry follow the clock.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use jiff::SignedDuration;
use renkei_domain::moment::stamp;
use renkei_proto::{
    advice::v1::SubmitAdviceRequestRequest,
    options::v1::Reason,
    sharing::v1::{Item, ItemTerms, PublicationPlan, PublishItemRequest},
    r#type::v1::{Agency, Audience, Designated, Purpose, Scope, scope},
};
use renkei_tools::{
    acts::{both, refused, same_journals, settle, terms_for, to_the_party},
    pair::Pair,
    scenario::start,
};

use crate::item::listed;

#[tokio::test]
async fn validity_embargo_and_expiry_follow_the_clock() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let after = |hours| Some(stamp(pair.clock.now() + SignedDuration::from_hours(hours)));
    let scope = Scope {
        scope: Some(scope::Scope::Designated(Designated {
            audience: Audience::Party.into(),
            units: Vec::new(),
            purposes: vec![Purpose::Policy.into()],
            expires: after(4),
        })),
    };
    let plan = Some(PublicationPlan { embargo_until: after(2), publisher: Agency::Ipa.into() });
    let terms = ItemTerms { valid_from: after(1), valid_until: after(3), plan, ..terms_for(scope) };
    let it = ipa.publish_item(PublishItemRequest { terms: Some(terms), ..ipa.publishing_item(to_the_party()) });
    let it = it.await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let began = pair.clock.now();
    for (micros, valid, embargoed, shown) in [
        (0, false, true, true),
        (3_600_000_000, true, true, true),
        (2 * 3_600_000_000 - 1, true, true, true),
        (2 * 3_600_000_000, true, false, true),
        (3 * 3_600_000_000, false, false, true),
        (4 * 3_600_000_000 - 1, false, false, true),
        (4 * 3_600_000_000, false, false, false),
    ] {
        pair.set_clock(began + SignedDuration::from_micros(micros)).unwrap();
        let own = ipa.item(&it.name).await.unwrap();
        assert_eq!((own.valid, own.embargoed), (valid, embargoed), "{micros}");
        assert_eq!(listed(&ppc, "sharing", Purpose::Policy).await.len(), usize::from(shown), "{micros}");
        match shown {
            true => assert_eq!(ppc.shared_item(&it.name).await.unwrap(), Item { etag: String::new(), ..own }),
            false => refused(ppc.item(&it.name).await, Reason::NotFound, ""),
        }
    }
}

/// `9999-12-31T23:59:59Z`, which many systems write for "never", lies beyond the calendar of the services.
#[tokio::test]
async fn an_instant_beyond_the_calendar_is_the_far_future_and_never_absent() {
    let never = Some(prost_types::Timestamp { seconds: 253_402_300_799, nanos: 0 });
    let last = Some(prost_types::Timestamp { seconds: 253_402_207_200, nanos: 0 });
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let year = Some(stamp(pair.clock.now() + SignedDuration::from_hours(8760)));
    let scope = |audience: Audience, expires| {
        let purposes = if audience == Audience::Public { Vec::new() } else { vec![Purpose::Policy.into()] };
        let it = Designated { audience: audience.into(), units: Vec::new(), purposes, expires };
        Scope { scope: Some(scope::Scope::Designated(it)) }
    };
    let party = || terms_for(scope(Audience::Party, None));
    let until = |embargo_until| Some(PublicationPlan { embargo_until, publisher: Agency::Ipa.into() });
    let publish = async |terms: ItemTerms| {
        let request = PublishItemRequest { terms: Some(terms), ..ipa.publishing_item(to_the_party()) };
        ipa.publish_item(request).await
    };
    for far in [last, never] {
        for (terms, embargoed, valid) in [
            (ItemTerms { plan: until(far), ..party() }, true, true),
            (ItemTerms { valid_from: far, ..party() }, false, false),
            (ItemTerms { valid_until: far, ..party() }, false, true),
            (terms_for(scope(Audience::Party, far)), false, true),
        ] {
            let it = publish(terms.clone()).await.unwrap();
            settle(&ppc, &ipa).await.unwrap();
            for acts in [&ppc, &ipa] {
                let it = acts.item(&it.name).await.unwrap();
                assert_eq!((it.embargoed, it.valid), (embargoed, valid), "{terms:?} at {}", acts.agency.id());
                assert_eq!(
                    it.terms.unwrap(),
                    ItemTerms { marking: it.marking, ..terms.clone() },
                    "kept as it was stated"
                );
            }
        }
        let public = ItemTerms { plan: until(far), ..terms_for(scope(Audience::Public, None)) };
        refused(publish(public).await, Reason::ScopeContradictory, "terms.plan.embargo_until");
        let before = ItemTerms { plan: until(far), ..terms_for(scope(Audience::Party, year)) };
        refused(publish(before).await, Reason::ScopeContradictory, "terms.scope.designated.expires");
        let backwards = ItemTerms { valid_from: far, valid_until: year, ..party() };
        refused(publish(backwards).await, Reason::FieldInvalid, "terms.valid_until");
        // Advice may be wanted by then, and is not wanted in the past.
        let request = SubmitAdviceRequestRequest { wanted_by: far, ..ppc.requesting() };
        assert_eq!(ppc.submit_advice_request(request).await.unwrap().wanted_by, far);
    }
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}
