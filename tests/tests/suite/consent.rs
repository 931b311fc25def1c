//! Consent to go beyond the scope of an item (Art. 7(2)), and the units to which it shows the item.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use jiff::SignedDuration;
use renkei_domain::moment::stamp;
use renkei_proto::{
    duty::v1::{DutyKind, ListDutiesRequest, duty_service_client::DutyServiceClient},
    evidence::v1::{GetEntryRequest, evidence_service_client::EvidenceServiceClient},
    options::v1::Reason,
    sharing::v1::{
        Body, CheckDisclosureRequest, ConsentCondition, ConsentTerms, GetItemRequest, GrantConsentRequest, Item,
        ItemPart, ListItemEntriesRequest, ListItemsRequest, NarrowConsentRequest, RequestConsentRequest,
        ReviseItemRequest, StatedConsent, consent, consent_service_client::ConsentServiceClient,
        disclosure_service_client::DisclosureServiceClient, item_entry::Content,
        item_service_client::ItemServiceClient, requested_consent,
    },
    r#type::v1::{Audience, Designated, Purpose, Scope, scope},
    watch::v1::{EntryApplied, Event, event::Change},
};
use renkei_rpc::error::reason_of;
use renkei_tools::{
    acts::{
        Acts, body, both, named, refused, same_journals, settle, stated, terms_for, to_audience, to_the_party,
        to_units, unit,
    },
    desk::TANAKA,
    pair::Pair,
    scenario::start,
};

/// An extent for the National Cybersecurity Office, for policy.
pub fn for_nco() -> StatedConsent {
    stated(&[body(Body::Nco)], &[Purpose::Policy])
}

/// An item of IPA for the party, as PPC sees it.
pub async fn shared(ppc: &Acts, ipa: &Acts) -> Item {
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(ppc, ipa).await.unwrap();
    ppc.item(&it.name).await.unwrap()
}

/// The item at both desks once each has everything, PPC's first.
pub async fn at_both(ppc: &Acts, ipa: &Acts, name: &str) -> (Item, Item) {
    settle(ppc, ipa).await.unwrap();
    (ppc.item(name).await.unwrap(), ipa.item(name).await.unwrap())
}

/// IPA consents in advance to this extent.
pub async fn consented(ppc: &Acts, ipa: &Acts, it: &Item, terms: StatedConsent) -> Item {
    let own = ipa.item(&it.name).await.unwrap();
    ipa.grant_consent(ipa.granting_in_advance(&own, terms)).await.unwrap();
    at_both(ppc, ipa, &it.name).await.0
}

#[tokio::test]
async fn consent_is_requested_granted_in_part_narrowed_and_revoked_and_both_show_the_same() {
    let pair = Pair::in_process(start().unwrap(), 171).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    let until = Some(stamp(pair.clock.now() + SignedDuration::from_hours(240)));
    let wanted = StatedConsent {
        recipients: vec![body(Body::Nco), named("一般社団法人ＪＰ サイバー協会", false)],
        purposes: vec![Purpose::Policy.into(), Purpose::Guidance.into()],
        until,
        parts: Vec::new(),
    };
    let asked = ppc.request_consent(ppc.requesting_consent(&it, wanted)).await.unwrap();
    let request = asked.consent_requests[0].clone();
    assert_eq!((request.state(), request.answer.as_str()), (requested_consent::State::Open, ""));
    let (_, own) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(own.consent_requests, std::slice::from_ref(&request));
    assert_eq!(duties(&ipa).await, [(DutyKind::AnswerConsentRequest, String::new())]);

    // The originator reads why, and the name of the recipient that is not in the list.
    let entries = ipa.item_entries(&it.name).await.unwrap();
    let words = entries.iter().find_map(|entry| match &entry.content {
        Some(Content::ConsentRequested(it)) => Some(it.clone()),
        _ => None,
    });
    assert_eq!(words.unwrap().names, ["一般社団法人ＪＰ サイバー協会"]);

    // In part: the name is written otherwise and means the same body.
    let part = StatedConsent {
        recipients: vec![named("一般社団法人JPサイバー協会", false)],
        purposes: vec![Purpose::Policy.into()],
        until,
        parts: vec![ItemPart::Summary.into(), ItemPart::Body.into()],
    };
    let grant = GrantConsentRequest {
        terms: Some(part.clone()),
        conditions: vec![ConsentCondition::NoOnward.into()],
        ..ipa.granting(&own, &request)
    };
    ipa.grant_consent(grant.clone()).await.unwrap();
    let (here, there) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((&here.consents, &here.consent_requests), (&there.consents, &there.consent_requests));
    let granted = here.consents[0].clone();
    assert_eq!((granted.state(), granted.narrowed), (consent::State::InForce, false));
    assert_eq!(granted.request, request.entry);
    assert_eq!(granted.terms.as_ref().unwrap().conditions, [i32::from(ConsentCondition::NoOnward)]);
    assert_eq!(here.consent_requests[0].state(), requested_consent::State::Granted);
    assert_eq!(duties(&ipa).await, []);
    let again = GrantConsentRequest { request_id: ipa.request_id(), etag: there.etag.clone(), ..grant };
    refused(ipa.grant_consent(again).await, Reason::WrongState, "request");

    let summary = StatedConsent { parts: vec![ItemPart::Summary.into()], ..part.clone() };
    refused(ipa.narrow_consent(ipa.narrowing_consent(&there, &granted, part.clone())).await, Reason::WrongState, "");
    let wider = StatedConsent { until: None, ..summary.clone() };
    refused(
        ipa.narrow_consent(ipa.narrowing_consent(&there, &granted, wider)).await,
        Reason::ScopeContradictory,
        "terms.until",
    );
    let narrowed = ipa.narrow_consent(ipa.narrowing_consent(&there, &granted, summary)).await.unwrap();
    let terms: &ConsentTerms = narrowed.consents[0].terms.as_ref().unwrap();
    assert_eq!(terms.parts, [i32::from(ItemPart::Summary)]);
    assert_eq!(terms.conditions, [i32::from(ConsentCondition::NoOnward)], "the conditions stay");

    ipa.revoke_consent(ipa.revoking_consent(&narrowed, &granted)).await.unwrap();
    let (here, there) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(here.consents, there.consents);
    assert_eq!((here.consents[0].state(), here.consents[0].narrowed), (consent::State::Revoked, true));
    refused(ipa.revoke_consent(ipa.revoking_consent(&there, &granted)).await, Reason::WrongState, "consent");
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

/// The duties of an agency's sharing system, with their days.
pub async fn duties(acts: &Acts) -> Vec<(DutyKind, String)> {
    let official = TANAKA.with_purpose(Purpose::Policy);
    let client = DutyServiceClient::new(acts.desk.on_behalf_of("sharing", official).unwrap());
    let listed = client.clone().list_duties(ListDutiesRequest::default()).await.unwrap();
    listed.into_inner().duties.into_iter().map(|it| (it.kind(), it.due_day)).collect()
}

#[tokio::test]
async fn an_oral_consent_is_a_request_until_the_originator_confirms_it_by_the_next_open_day() {
    let pair = Pair::in_process(start().unwrap(), 172).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    let given_at = Some(stamp(pair.clock.now() - SignedDuration::from_mins(10)));
    let request = RequestConsentRequest { given_orally_at: given_at, ..ppc.requesting_consent(&it, for_nco()) };
    let later = Some(stamp(pair.clock.now() + SignedDuration::from_mins(10)));
    let early = RequestConsentRequest { request_id: ppc.request_id(), given_orally_at: later, ..request.clone() };
    refused(ppc.request_consent(early).await, Reason::FieldInvalid, "given_orally_at");
    ppc.request_consent(request).await.unwrap();
    let (here, own) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(here.consents, [], "nothing is in force before the confirmation");
    // 2026-11-24 is a Tuesday.
    assert_eq!(duties(&ipa).await, [(DutyKind::AnswerConsentRequest, "2026-11-25".to_owned())]);
    let to_nco = ppc.disclosing(&here, body(Body::Nco), Purpose::Policy);
    refused(ppc.record_disclosure(to_nco).await, Reason::BeyondScope, "");
    ipa.grant_consent(ipa.granting(&own, &own.consent_requests[0])).await.unwrap();
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    let consent = &here.consents[0].entry;
    ppc.record_disclosure(ppc.disclosing_under(&here, consent, body(Body::Nco), Purpose::Policy)).await.unwrap();

    // Another one was not given.
    let second = StatedConsent { recipients: vec![body(Body::Mod)], ..for_nco() };
    let here = ppc.item(&it.name).await.unwrap();
    let request = RequestConsentRequest { given_orally_at: given_at, ..ppc.requesting_consent(&here, second) };
    ppc.request_consent(request).await.unwrap();
    let (_, own) = at_both(&ppc, &ipa, &it.name).await;
    ipa.deny_consent(ipa.denying_consent(&own, &own.consent_requests[1])).await.unwrap();
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(here.consent_requests[1].state(), requested_consent::State::Denied);
    assert_eq!(here.consents.len(), 1);
}

#[tokio::test]
async fn a_consent_that_cannot_be_is_refused_with_its_field_and_writes_nothing() {
    let pair = Pair::in_process(start().unwrap(), 173).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    let now = pair.clock.now();
    let hours = |hours: i64| Some(stamp(now + SignedDuration::from_hours(hours)));
    let ends = Designated { expires: hours(48), ..party() };
    let limited = ipa.publish_item(ipa.publishing_item(designated(ends))).await.unwrap();
    let public = ipa.publish_item(ipa.publishing_item(to_audience(Audience::Public, &[]))).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let (limited, public) = (ppc.item(&limited.name).await.unwrap(), ppc.item(&public.name).await.unwrap());
    let own_seq = ppc.link().await.unwrap().own_seq;

    let nco = for_nco();
    let twice = StatedConsent { recipients: vec![body(Body::Nco), body(Body::Nco)], ..nco.clone() };
    let same_name =
        StatedConsent { recipients: vec![named("ＡＢＣ協会", false), named("ABC 協会", true)], ..nco.clone() };
    let blank = StatedConsent { recipients: vec![named("　 ", false)], ..nco.clone() };
    let parts =
        StatedConsent { recipients: vec![unit("investigation")], parts: vec![ItemPart::Summary.into()], ..nco.clone() };
    let over = StatedConsent { until: hours(0), ..nco.clone() };
    let beyond = StatedConsent { until: hours(49), ..nco.clone() };
    for (item, terms, reason, field) in [
        (&it, twice, Reason::FieldInvalid, "terms.recipients"),
        (&it, same_name, Reason::FieldInvalid, "terms.recipients"),
        (&it, blank, Reason::FieldInvalid, "terms.recipients"),
        (&it, StatedConsent { recipients: Vec::new(), ..nco.clone() }, Reason::FieldInvalid, "terms.recipients"),
        (&it, StatedConsent { purposes: Vec::new(), ..nco.clone() }, Reason::FieldInvalid, "terms.purposes"),
        (&it, parts, Reason::ScopeContradictory, "terms.parts"),
        (&it, over, Reason::ScopeEmpty, "terms.until"),
        (&limited, beyond, Reason::ScopeContradictory, "terms.until"),
        (&public, nco.clone(), Reason::ScopeContradictory, "terms"),
    ] {
        refused(ppc.request_consent(ppc.requesting_consent(item, terms)).await, reason, field);
    }
    // By the wrong side.
    let own = ipa.item(&it.name).await.unwrap();
    refused(ipa.request_consent(ipa.requesting_consent(&own, nco.clone())).await, Reason::WrongDirection, "");
    refused(ppc.grant_consent(ppc.granting_in_advance(&it, nco.clone())).await, Reason::WrongDirection, "");
    let none = GrantConsentRequest { terms: None, ..ipa.granting_in_advance(&own, nco.clone()) };
    refused(ipa.grant_consent(none).await, Reason::FieldInvalid, "terms");
    assert_eq!(ppc.link().await.unwrap().own_seq, own_seq, "nothing is written");

    // A request for an older revision has lapsed, and an answer beyond it is refused.
    ppc.request_consent(ppc.requesting_consent(&it, nco.clone())).await.unwrap();
    let (_, own) = at_both(&ppc, &ipa, &it.name).await;
    let asked = own.consent_requests[0].clone();
    let other = StatedConsent { recipients: vec![body(Body::Mod)], ..nco.clone() };
    let wider = GrantConsentRequest { terms: Some(other), ..ipa.granting(&own, &asked) };
    refused(ipa.grant_consent(wider).await, Reason::ScopeContradictory, "terms.recipients");
    let purposes = StatedConsent { purposes: vec![Purpose::Training.into()], ..nco.clone() };
    let wider = GrantConsentRequest { terms: Some(purposes), ..ipa.granting(&own, &asked) };
    refused(ipa.grant_consent(wider).await, Reason::ScopeContradictory, "terms.purposes");
    let revised = ipa.revise_item(ipa.revising_item(&own)).await.unwrap();
    assert_eq!(revised.consent_requests[0].state(), requested_consent::State::Lapsed);
    refused(ipa.grant_consent(ipa.granting(&revised, &asked)).await, Reason::WrongState, "request");
    refused(ipa.deny_consent(ipa.denying_consent(&revised, &asked)).await, Reason::WrongState, "request");
    let unknown =
        GrantConsentRequest { request: "agencies/ppc/entries/999".to_owned(), ..ipa.granting(&revised, &asked) };
    refused(ipa.grant_consent(unknown).await, Reason::FieldInvalid, "request");

    // Nobody consents to anything about a recalled item.
    ipa.recall_item(ipa.recalling(&revised)).await.unwrap();
    let (here, own) = at_both(&ppc, &ipa, &it.name).await;
    refused(ppc.request_consent(ppc.requesting_consent(&here, nco.clone())).await, Reason::WrongState, "");
    refused(ipa.grant_consent(ipa.granting_in_advance(&own, nco)).await, Reason::WrongState, "");
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

fn party() -> Designated {
    Designated { audience: Audience::Party.into(), purposes: vec![Purpose::Policy.into()], ..Designated::default() }
}

fn designated(it: Designated) -> Scope {
    Scope { scope: Some(scope::Scope::Designated(it)) }
}

#[tokio::test]
async fn a_request_is_withdrawn_and_a_consent_ends_with_a_revision_unless_that_keeps_it() {
    let pair = Pair::in_process(start().unwrap(), 174).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    let asked = ppc.request_consent(ppc.requesting_consent(&it, for_nco())).await.unwrap();
    let request = &asked.consent_requests[0];
    ppc.withdraw_consent_request(ppc.withdrawing_consent_request(&asked, request)).await.unwrap();
    let (here, own) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(here.consent_requests[0].state(), requested_consent::State::Withdrawn);
    refused(ipa.grant_consent(ipa.granting(&own, request)).await, Reason::WrongState, "request");
    refused(
        ppc.withdraw_consent_request(ppc.withdrawing_consent_request(&here, request)).await,
        Reason::WrongState,
        "request",
    );

    let first = consented(&ppc, &ipa, &it, for_nco()).await.consents[0].clone();
    let second = StatedConsent { recipients: vec![body(Body::Meti)], ..for_nco() };
    let second = consented(&ppc, &ipa, &it, second).await.consents[1].clone();
    let own = ipa.item(&it.name).await.unwrap();
    let kept = ReviseItemRequest { kept_consents: vec![second.entry.clone()], ..ipa.revising_item(&own) };
    let own = ipa.revise_item(kept).await.unwrap();
    let states: Vec<_> = own.consents.iter().map(consent_state).collect();
    assert_eq!(states, [consent::State::Superseded, consent::State::InForce]);
    // What has ended is not kept by a later revision.
    let revived = ReviseItemRequest { kept_consents: vec![first.entry.clone()], ..ipa.revising_item(&own) };
    refused(ipa.revise_item(revived).await, Reason::WrongState, "kept_consents");
    let unknown = vec!["agencies/ppc/entries/1".to_owned()];
    let foreign = ReviseItemRequest { kept_consents: unknown, ..ipa.revising_item(&own) };
    refused(ipa.revise_item(foreign).await, Reason::FieldInvalid, "kept_consents");
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    let under = |consent: &str, to| ppc.disclosing_under(&here, consent, body(to), Purpose::Policy);
    refused(ppc.record_disclosure(under(&first.entry, Body::Nco)).await, Reason::BeyondScope, "consent.entry");
    ppc.record_disclosure(under(&second.entry, Body::Meti)).await.unwrap();
    let narrow = StatedConsent { recipients: vec![body(Body::Meti)], until: None, ..for_nco() };
    let gone = NarrowConsentRequest { etag: String::new(), ..ipa.narrowing_consent(&own, &first, narrow) };
    refused(ipa.narrow_consent(gone).await, Reason::WrongState, "consent");
}

fn consent_state(it: &renkei_proto::sharing::v1::Consent) -> consent::State {
    it.state()
}

/// The entries that a watcher is told of until an item is hidden from it, and that last event.
async fn until_hidden(watch: &mut renkei_client::Watch) -> (Vec<EntryApplied>, Event) {
    let mut told = Vec::new();
    loop {
        let event = watch.event().await.unwrap();
        match event.change {
            Some(Change::EntryApplied(applied)) => told.push(applied),
            Some(Change::MatterHidden(_)) => return (told, event),
            other => panic!("{other:?}"),
        }
    }
}

/// The item as casework of the unit `investigation` finds it, for investigation.
async fn seen(acts: &Acts, name: &str) -> Option<Item> {
    let client = acts.items_as("casework", Purpose::Investigation).unwrap();
    let got = client.clone().get_item(GetItemRequest { name: name.to_owned() }).await;
    match got {
        Ok(it) => Some(it.into_inner()),
        Err(status) => {
            assert_eq!(reason_of(&status), Some(Reason::NotFound), "{status:?}");
            None
        }
    }
}

async fn is_listed(acts: &Acts, name: &str) -> bool {
    let client: ItemServiceClient<_> = acts.items_as("casework", Purpose::Investigation).unwrap();
    let request = ListItemsRequest { parent: "agencies/-".to_owned(), ..ListItemsRequest::default() };
    client.clone().list_items(request).await.unwrap().into_inner().items.iter().any(|it| it.name == name)
}

/// True if the unit reads the fact of an entry of the item as evidence.
async fn has_evidence(acts: &Acts, entry: &str) -> bool {
    let official = TANAKA.with_purpose(Purpose::Investigation);
    let client = EvidenceServiceClient::new(acts.desk.on_behalf_of("casework", official).unwrap());
    let got = client.clone().get_entry(GetEntryRequest { name: entry.to_owned() }).await;
    got.is_ok_and(|it| it.into_inner().fact.is_some())
}

/// The unit learns of the consent by which it sees the item, and not for whom else consent was requested or given.
async fn sees_only_its_own_consent(ppc: &Acts, ipa: &Acts, name: &str) {
    let it = ppc.item(name).await.unwrap();
    ppc.request_consent(ppc.requesting_consent(&it, for_nco())).await.unwrap();
    let it = consented(ppc, ipa, &it, for_nco()).await;
    let (request, own, other) = (&it.consent_requests[0], &it.consents[0], &it.consents[1]);
    let listed = {
        let client: ItemServiceClient<_> = ppc.items_as("casework", Purpose::Investigation).unwrap();
        let request = ListItemsRequest { parent: "agencies/-".to_owned(), ..ListItemsRequest::default() };
        client.clone().list_items(request).await.unwrap().into_inner().items.remove(0)
    };
    for shown in [seen(ppc, name).await.unwrap(), listed] {
        assert_eq!((shown.consents, shown.consent_requests), (vec![own.clone()], Vec::new()));
        assert!(!shown.entries.contains(&other.entry) && !shown.entries.contains(&request.entry));
    }
    let list = ListItemEntriesRequest { parent: name.to_owned(), ..ListItemEntriesRequest::default() };
    let mut items: ItemServiceClient<_> = ppc.items_as("casework", Purpose::Investigation).unwrap();
    let entries = items.list_item_entries(list).await.unwrap().into_inner().entries;
    let names: Vec<&String> = entries.iter().map(|it| &it.name).collect();
    assert!(names.contains(&&own.entry) && !names.contains(&&other.entry) && !names.contains(&&request.entry));
    assert!(has_evidence(ppc, &own.entry).await);
    // Nor does it disclose, request, or find out what others may.
    let channel = || ppc.desk.on_behalf_of("casework", TANAKA.with_purpose(Purpose::Investigation)).unwrap();
    let checked = CheckDisclosureRequest {
        name: name.to_owned(),
        recipient: Some(body(Body::Nco)),
        purpose: Purpose::Policy.into(),
        ..CheckDisclosureRequest::default()
    };
    let checked = DisclosureServiceClient::new(channel()).check_disclosure(checked).await.map(|_| ());
    let disclosing = ppc.disclosing_under(&it, &other.entry, body(Body::Nco), Purpose::Policy);
    let disclosed = DisclosureServiceClient::new(channel()).record_disclosure(disclosing).await.map(|_| ());
    let mut consents = ConsentServiceClient::new(channel());
    let requested = consents.request_consent(ppc.requesting_consent(&it, for_nco())).await.map(|_| ());
    let withdrawn = consents.withdraw_consent_request(ppc.withdrawing_consent_request(&it, request)).await.map(|_| ());
    for answer in [checked, disclosed, requested, withdrawn] {
        assert_eq!(answer.map_err(|status| reason_of(&status)), Err(Some(Reason::BeyondScope)));
    }
    assert!(!has_evidence(ppc, &other.entry).await && !has_evidence(ppc, &request.entry).await);
}

#[tokio::test]
async fn a_consent_shows_an_item_to_another_unit_as_long_as_it_is_in_force_everywhere_alike() {
    let pair = Pair::in_process(start().unwrap(), 175).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let published = ipa.publish_item(ipa.publishing_item(to_units(&["policy"], &[Purpose::Policy]))).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let name = published.name.clone();
    let publication = published.revisions[0].entry.clone();
    let official = TANAKA.with_purpose(Purpose::Investigation);
    let feed = || ppc.desk.on_behalf_of("casework", official.clone()).unwrap();
    let mut watch = renkei_client::Watch::open(feed(), "", &name).await.unwrap();
    let sight = async |shown: bool| {
        assert_eq!(seen(&ppc, &name).await.is_some(), shown, "get");
        assert_eq!(is_listed(&ppc, &name).await, shown, "list");
        assert_eq!(has_evidence(&ppc, &publication).await, shown, "evidence");
        let store = pair.ppc.store().unwrap();
        assert_eq!(store.rebuild(false).await.unwrap().differing, [""; 0], "rebuild");
    };
    sight(false).await;
    let until = Some(stamp(pair.clock.now() + SignedDuration::from_hours(2)));
    let unit_terms = |until| StatedConsent { until, ..stated(&[unit("investigation")], &[Purpose::Investigation]) };
    let it = ppc.item(&name).await.unwrap();
    consented(&ppc, &ipa, &it, unit_terms(until)).await;
    sight(true).await;
    assert!(seen(&ppc, &name).await.unwrap().content.is_some());
    sees_only_its_own_consent(&ppc, &ipa, &name).await;
    let granted: Event = watch.event().await.unwrap();
    assert!(matches!(granted.change, Some(Change::EntryApplied(it)) if it.fact_type == "consent_granted"));

    // It ends by its time, without an event: the consent has stated it.
    pair.clock.advance(SignedDuration::from_hours(2));
    sight(false).await;

    // Revoked: the watcher is told that it may drop its copy, and nothing else. Of the consent for others, it was told nothing.
    let here = consented(&ppc, &ipa, &it, unit_terms(None)).await;
    sight(true).await;
    let own = ipa.item(&name).await.unwrap();
    ipa.revoke_consent(ipa.revoking_consent(&own, &here.consents[2])).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    sight(false).await;
    let (told, hidden) = until_hidden(&mut watch).await;
    assert_eq!((hidden.matter.as_str(), hidden.traceparent.as_str()), (name.as_str(), ""));
    assert_eq!(told.iter().map(|it| &it.entry).collect::<Vec<_>>(), [&here.consents[2].entry]);
    // A unit that still sees the item reads the entry itself.
    let inside = ppc.desk.on_behalf_of("sharing", TANAKA.with_purpose(Purpose::Policy)).unwrap();
    let mut reader = renkei_client::Watch::open(inside, "-", &name).await.unwrap();
    let mut last = None;
    for _ in 0..12 {
        last = reader.event().await.unwrap().change;
        assert!(!matches!(last, Some(Change::MatterHidden(_))));
        if matches!(&last, Some(Change::EntryApplied(it)) if it.fact_type == "consent_revoked") {
            break;
        }
    }
    assert!(matches!(last, Some(Change::EntryApplied(it)) if it.fact_type == "consent_revoked"));

    // A revision ends it too, unless it keeps it.
    let here = consented(&ppc, &ipa, &it, unit_terms(None)).await;
    let own = ipa.item(&name).await.unwrap();
    let kept = ReviseItemRequest { kept_consents: vec![here.consents[3].entry.clone()], ..ipa.revising_item(&own) };
    let own = ipa.revise_item(kept).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert!(seen(&ppc, &name).await.is_some_and(|it| it.revision == 2));
    ipa.revise_item(ipa.revising_item(&own)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    sight(false).await;
    let (told, _) = until_hidden(&mut watch).await;
    assert_eq!(told.last().map(|it| it.fact_type.as_str()), Some("threat_information_published"));

    // A consent that names others too makes the item visible: that is told, and not the consent.
    let own = ipa.item(&name).await.unwrap();
    let recipients = [unit("investigation"), body(Body::Nco)];
    ipa.grant_consent(ipa.granting_in_advance(&own, stated(&recipients, &[Purpose::Investigation]))).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert!(seen(&ppc, &name).await.is_some());
    let begun = watch.event().await.unwrap();
    assert_eq!((begun.matter.as_str(), begun.traceparent.as_str()), (name.as_str(), ""));
    let state = "STATE_PUBLISHED".to_owned();
    assert_eq!(begun.change, Some(Change::EntryApplied(EntryApplied { state, ..EntryApplied::default() })));

    // The same units and purposes within the scope are no matter of consent.
    let own = ipa.item(&name).await.unwrap();
    let terms = Some(terms_for(to_the_party()));
    ipa.revise_item(ReviseItemRequest { terms, ..ipa.revising_item(&own) }).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert!(seen(&ppc, &name).await.is_some());
}
