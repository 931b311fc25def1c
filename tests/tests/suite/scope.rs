//! Scope (共有範囲, Art. 7(2)): one table over everything that is shared, everybody who calls, every purpose and every way
//! out. What is expected follows from scope, unit and purpose alone.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use renkei_client::{OfficialChannel, Watch};
use renkei_domain::moment::stamp;
use renkei_proto::{
    evidence::v1::{
        GetEntryRequest, JournalEntry, ListEntriesRequest, ListEntriesResponse,
        evidence_service_client::EvidenceServiceClient,
    },
    options::v1::Reason,
    sharing::v1::{
        GetItemRequest, Item, ItemEntry, ItemTerms, ListItemEntriesRequest, ListItemsRequest, ReviseItemRequest,
        item::State, item_service_client::ItemServiceClient,
    },
    title::v1::{ListTitlesRequest, title_service_client::TitleServiceClient},
    r#type::v1::{Agency, Audience, Designated, Purpose, Scope, scope},
    watch::v1::event::Change,
};
use renkei_rpc::error::reason_of;
use renkei_tools::{
    acts::{Acts, both, settle, terms_for, to_the_party},
    desk::TANAKA,
    pair::Pair,
    scenario::start,
    setup::{AGENCIES, CALLERS},
};
use tonic::{Response, Status, service::interceptor::InterceptedService};

/// The purposes for which everybody calls; the empty one means none.
const PURPOSES: [&str; 4] = ["", "policy", "incident_response", "statistics"];
/// The callers that may read items (`GetItem`), act on the peer's, and see entries as evidence.
const READERS: [&str; 4] = ["casework", "sharing", "approver", "reader"];
const ACTORS: [&str; 2] = ["casework", "sharing"];
const EXAMINERS: [&str; 2] = ["operator", "auditor"];

/// The readers of an item: these units (none for all) for these purposes (none for any), while it has not expired.
#[derive(Clone)]
struct Within {
    units: Vec<&'static str>,
    purposes: Vec<&'static str>,
    live: bool,
}

impl Within {
    fn shows(&self, unit: &str, purpose: &str) -> bool {
        let unit = self.units.is_empty() || self.units.contains(&unit);
        let purpose = self.purposes.is_empty() || self.purposes.contains(&purpose);
        self.live && unit && purpose
    }

    /// The scope that states this. An item that is for nobody's purpose in particular is public.
    fn scope(&self) -> Scope {
        let audience = match (self.units.is_empty(), self.purposes.is_empty()) {
            (true, true) => Audience::Public,
            (true, false) => Audience::Organisation,
            _ => Audience::Units,
        };
        let expires = stamp(start().unwrap() + SignedDuration::from_hours(1));
        Scope {
            scope: Some(scope::Scope::Designated(Designated {
                audience: audience.into(),
                units: self.units.iter().map(|unit| (*unit).to_owned()).collect(),
                purposes: self.purposes.iter().map(|it| Purpose::from_id(it).unwrap().into()).collect(),
                expires: Some(expires).filter(|_| !self.live),
            })),
        }
    }
}

fn within(units: &[&'static str], purposes: &[&'static str]) -> Within {
    Within { units: units.to_vec(), purposes: purposes.to_vec(), live: true }
}

/// An item of the other side as it is when everybody calls.
struct Shared {
    name: String,
    within: Within,
    recalled: bool,
    /// Those who may see its first publication and the entries about that.
    first: Within,
    /// Its entries, of both sides, and whether each is about the first publication.
    entries: Vec<(String, bool)>,
}

impl Shared {
    /// An entry of the item is shown to whoever sees the item, unless it is about a revision for others.
    fn shows(&self, caller: &Caller, is_about_first: bool) -> bool {
        caller.sees(self) && (!is_about_first || self.first.shows(caller.unit, caller.purpose))
    }
}

/// The scope of a publication, the scope of its revision, and whether it is recalled.
fn table() -> Vec<(Scope, Within, Option<Scope>, Within, bool)> {
    let all = || within(&[], &[]);
    let (narrow, training) = (within(&["guidance"], &["policy"]), within(&["policy"], &["training"]));
    let lost = within(&["guidance"], &["training"]);
    let mut table = vec![
        (to_the_party(), all(), None, all(), false),
        (to_the_party(), all(), None, all(), true),
        (to_the_party(), all(), Some(narrow.scope()), narrow, false),
        (lost.scope(), lost, Some(to_the_party()), all(), false),
        (training.scope(), training, Some(to_the_party()), all(), false),
    ];
    for it in [
        within(&[], &[]),
        within(&[], &["policy"]),
        within(&[], &["policy", "statistics"]),
        within(&[], &["training"]),
        within(&["policy"], &["policy"]),
        within(&["investigation", "secretariat"], &["incident_response", "policy"]),
        within(&["policy", "investigation"], &["statistics"]),
        // Units whose systems may read no item at all.
        within(&["systems", "audit", "intake"], &["policy"]),
        Within { live: false, ..within(&[], &["policy"]) },
        Within { live: false, ..within(&["policy"], &["policy"]) },
    ] {
        table.push((it.scope(), it.clone(), None, it, false));
    }
    let narrow = within(&["policy"], &["policy"]);
    table.push((narrow.scope(), narrow.clone(), None, narrow, true));
    table
}

/// Publishes the table and gives it oldest first.
async fn share(author: &Acts, reader: &Acts) -> Vec<Shared> {
    let mut shared = Vec::new();
    for (scope, first, revised, within, recalled) in table() {
        let mut it = author.publish_item(author.publishing_item(scope)).await.unwrap();
        if let Some(scope) = revised {
            let terms: Option<ItemTerms> = Some(terms_for(scope));
            it = author.revise_item(ReviseItemRequest { terms, ..author.revising_item(&it) }).await.unwrap();
        }
        if recalled {
            author.recall_item(author.recalling(&it)).await.unwrap();
        }
        shared.push(Shared { name: it.name, within, recalled, first, entries: Vec::new() });
    }
    let (ppc, ipa) = if author.agency == Agency::Ppc { (author, reader) } else { (reader, author) };
    settle(ppc, ipa).await.unwrap();
    for it in &mut shared {
        let first = author.item(&it.name).await.unwrap().revisions[0].entry.clone();
        let entries = author.item_entries(&it.name).await.unwrap().into_iter();
        let about_first = |entry: &ItemEntry| entry.name == first || entry.fact_type == "item_units_missing";
        it.entries = entries.map(|entry| (entry.name.clone(), about_first(&entry))).collect();
    }
    shared
}

/// One system that calls for one purpose.
struct Caller {
    name: &'static str,
    unit: &'static str,
    purpose: &'static str,
    items: ItemServiceClient<OfficialChannel>,
    titles: TitleServiceClient<OfficialChannel>,
    evidence: EvidenceServiceClient<OfficialChannel>,
    watch: OfficialChannel,
}

impl Caller {
    fn all(acts: &Acts) -> Vec<Self> {
        let mut all = Vec::new();
        for (name, _, unit) in CALLERS {
            let channel = acts.desk.channel(name).unwrap();
            for purpose in PURPOSES {
                let authentic = || {
                    InterceptedService::new(
                        channel.clone(),
                        TANAKA.with_purpose(Purpose::from_id(purpose).unwrap_or_default()),
                    )
                };
                let items = ItemServiceClient::new(authentic());
                let titles = TitleServiceClient::new(authentic());
                let evidence = EvidenceServiceClient::new(authentic());
                let watch = authentic();
                all.push(Self { name, unit, purpose, items, titles, evidence, watch });
            }
        }
        all
    }

    fn sees(&self, it: &Shared) -> bool {
        READERS.contains(&self.name) && it.within.shows(self.unit, self.purpose)
    }

    /// The caller saw the first revision, and a later one has hidden the item.
    fn lost(&self, it: &Shared) -> bool {
        READERS.contains(&self.name) && it.first.shows(self.unit, self.purpose) && !self.sees(it)
    }

    /// Why a method of items is not open to the caller at all.
    fn shut(&self, roles: &[&str]) -> Option<Reason> {
        if !roles.contains(&self.name) {
            return Some(Reason::RoleMissing);
        }
        self.purpose.is_empty().then_some(Reason::PurposeMissing)
    }

    fn what(&self, it: &str) -> String {
        format!("{} of {} for {:?}: {it}", self.name, self.unit, self.purpose)
    }
}

/// All that a caller gets to see of a status, but for what names the call.
fn seen(status: &Status) -> String {
    let mut metadata = status.metadata().clone();
    for key in ["date", "traceparent"] {
        metadata.remove(key);
    }
    format!("{:?} {} {:?} {:?}", status.code(), status.message(), status.details(), metadata)
}

/// Asserts that the answer is that of what is missing, byte by byte.
#[track_caller]
fn same<T: std::fmt::Debug>(hidden: Result<Response<T>, Status>, missing: Result<Response<T>, Status>, what: &str) {
    let (hidden, missing) = (hidden.unwrap_err(), missing.unwrap_err());
    assert_eq!(seen(&hidden), seen(&missing), "{what}");
    assert_eq!(reason_of(&hidden), Some(Reason::NotFound), "{what}");
}

#[track_caller]
fn refused_for<T: std::fmt::Debug>(answer: Result<Response<T>, Status>, reason: Reason, what: &str) {
    assert_eq!(answer.map(Response::into_inner).map_err(|it| reason_of(&it)).unwrap_err(), Some(reason), "{what}");
}

/// The item with the words of every entry, or as if it were not there.
async fn reads(caller: &mut Caller, it: &Shared, missing: &str) {
    let what = caller.what(&it.name);
    let get = |name: &str| GetItemRequest { name: name.to_owned() };
    let entries = |parent: &str| ListItemEntriesRequest { parent: parent.to_owned(), ..Default::default() };
    let found = caller.items.get_item(get(&it.name)).await;
    let words = caller.items.list_item_entries(entries(&it.name)).await;
    if let Some(reason) = caller.shut(&READERS) {
        refused_for(found, reason, &what);
        refused_for(words, reason, &what);
    } else if caller.sees(it) {
        let found = found.unwrap().into_inner();
        assert_eq!((found.content.is_some(), found.state() == State::Recalled), (!it.recalled, it.recalled), "{what}");
        let words = words.unwrap().into_inner().entries;
        assert!(
            words.iter().all(|entry| entry.content.is_none() || !it.recalled || entry.fact_type == "item_recalled")
        );
        let named: BTreeSet<&String> = words.iter().map(|entry| &entry.name).collect();
        let shown = it.entries.iter().filter(|(_, is_about_first)| it.shows(caller, *is_about_first));
        assert_eq!(named, shown.map(|(name, _)| name).collect(), "{what}");
    } else {
        same(found, caller.items.get_item(get(missing)).await, &what);
        same(words, caller.items.list_item_entries(entries(missing)).await, &what);
    }
}

/// Acts are refused as they would be on nothing; what is seen is refused for its stale version, so that nothing
/// changes.
async fn acts_on(acts: &Acts, caller: &mut Caller, it: &Shared, missing: &str) {
    let what = caller.what(&it.name);
    let item = |name: &str| Item { name: name.to_owned(), etag: "0123456789abcdef".to_owned(), ..Item::default() };
    let (hidden, nothing) = (item(&it.name), item(missing));
    let shut = caller.shut(&ACTORS);
    macro_rules! tried {
        ($method:ident, $request:ident) => {
            let answer = caller.items.$method(acts.$request(&hidden)).await;
            match shut {
                Some(reason) => refused_for(answer, reason, &what),
                None if caller.sees(it) => refused_for(answer, Reason::EtagStale, &what),
                None => same(answer, caller.items.$method(acts.$request(&nothing)).await, &what),
            }
        };
    }
    tried!(acknowledge_item, acknowledging);
    tried!(ask_about_item, asking_about);
    tried!(give_feedback, giving_feedback);
    // The originator's acts reveal no more than that there is something.
    if caller.name == "sharing" {
        let answer = caller.items.recall_item(acts.recalling(&hidden)).await;
        match caller.sees(it) {
            true => refused_for(answer, Reason::EtagStale, &what),
            false => same(answer, caller.items.recall_item(acts.recalling(&nothing)).await, &what),
        }
    }
}

fn is_whole(entry: &JournalEntry) -> bool {
    entry.fact.is_some()
}

/// Entries whole to those who see the item and the revision that they are about, envelopes to operators and auditors, and nothing to
/// others.
async fn evidence(caller: &mut Caller, it: &Shared, missing: [&str; 2]) {
    let what = caller.what(&it.name);
    let list = |matter: &str| ListEntriesRequest { matter: matter.to_owned(), page_size: 1, ..Default::default() };
    let get = |name: &str| GetEntryRequest { name: name.to_owned() };
    let listed = caller.evidence.list_entries(list(&it.name)).await;
    if caller.name == "reader" {
        refused_for(listed, Reason::RoleMissing, &what);
        refused_for(caller.evidence.get_entry(get(&it.entries[0].0)).await, Reason::RoleMissing, &what);
        return;
    }
    let (whole, envelope) = (caller.sees(it), EXAMINERS.contains(&caller.name));
    let listed = listed.unwrap().into_inner();
    if !whole && !envelope {
        assert_eq!(listed, caller.evidence.list_entries(list(missing[0])).await.unwrap().into_inner(), "{what}");
        assert_eq!(listed, ListEntriesResponse::default(), "{what}");
    } else {
        let is_shown = it.shows(caller, it.entries[0].1);
        assert_eq!(listed.entries.len(), usize::from(is_shown || envelope), "{what}");
        assert_eq!(listed.next_page_token.is_empty(), it.entries.len() == 1, "{what}");
        assert!(listed.entries.iter().all(|entry| is_whole(entry) == is_shown), "{what}");
    }
    for (name, is_about_first) in &it.entries {
        let found = caller.evidence.get_entry(get(name)).await;
        let is_shown = it.shows(caller, *is_about_first);
        if !is_shown && !envelope {
            same(found, caller.evidence.get_entry(get(missing[1])).await, &what);
            continue;
        }
        let found = found.unwrap().into_inner();
        assert_eq!((is_whole(&found), &found.matter), (is_shown, &it.name), "{what}");
        assert!(!found.header.is_empty() && found.hash.len() == 64 && found.written_at.is_some(), "{what}");
    }
}

/// Lists in pages of several sizes show exactly what is seen, in full pages, newest first.
async fn lists(caller: &mut Caller, peer: Agency, expected: &[&str], own: &[&str]) {
    let list = |parent: String, page_size, page_token: String| ListItemsRequest {
        parent,
        page_size,
        page_token,
        ..Default::default()
    };
    let both: Vec<&str> = own.iter().chain(expected).copied().collect();
    for (parent, expected) in [(peer.id(), expected), ("-", &both)] {
        for page_size in [0, 1, 2, 5] {
            let (mut found, mut token) = (Vec::new(), String::new());
            let what = caller.what(&format!("{parent} by {page_size}"));
            loop {
                let page = caller.items.list_items(list(format!("agencies/{parent}"), page_size, token)).await;
                if let Some(reason) = caller.shut(&READERS) {
                    refused_for(page, reason, &what);
                    return;
                }
                let page = page.unwrap().into_inner();
                let size = if page_size == 0 { 50 } else { usize::try_from(page_size).unwrap() };
                assert_eq!(page.items.len(), size.min(expected.len() - found.len()), "{what}: a page is full");
                assert!(page.items.iter().all(|it| it.content.is_none()), "{what}");
                // Sealed numbers: of one length, whatever they contain.
                assert_eq!((page.as_of.len(), page.as_of.parse::<u64>().is_err()), (160, true), "{what}");
                found.extend(page.items.into_iter().map(|it| it.name));
                token = page.next_page_token;
                assert_eq!(token.is_empty(), found.len() == expected.len(), "{what}: a token leads to something");
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(found, expected, "{what}");
        }
    }
}

/// The titles of what is seen and not sealed, in the order of the request. What is hidden is left out like what is not
/// there.
async fn titles(caller: &mut Caller, shared: &[Shared], missing: &str) {
    let what = caller.what("titles");
    let matters = shared.iter().map(|it| it.name.as_str()).chain([missing]).map(str::to_owned).collect();
    let listed = caller.titles.list_titles(ListTitlesRequest { matters }).await;
    if let Some(reason) = caller.shut(&READERS) {
        refused_for(listed, reason, &what);
        return;
    }
    let listed = listed.unwrap().into_inner().titles;
    assert!(listed.iter().all(|it| !it.title.is_empty()), "{what}");
    let named: Vec<&str> = listed.iter().map(|it| it.matter.as_str()).collect();
    let expected = shared.iter().filter(|it| caller.sees(it) && !it.recalled).map(|it| it.name.as_str());
    assert_eq!(named, expected.collect::<Vec<_>>(), "{what}");
}

/// From its beginning to `last`, the feed names no item that is not seen, and every one that is. Of an item that was seen
/// once it tells that it is hidden now, and nothing else.
async fn watches(caller: &Caller, peer: Agency, shared: &[Shared], last: &str) {
    let mut feed = Watch::open(caller.watch.clone(), "-", "").await.unwrap();
    let (mut told, mut hidden) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let event = feed.event().await.unwrap();
        if event.matter == last {
            break;
        }
        if event.matter.starts_with(&format!("agencies/{}/items/", peer.id())) {
            let is_hidden = matches!(event.change, Some(Change::MatterHidden(_)));
            if is_hidden {
                hidden.insert(event.matter)
            } else {
                told.insert(event.matter)
            };
        }
    }
    let named = |picked: &dyn Fn(&Shared) -> bool| -> BTreeSet<String> {
        shared.iter().filter(|it| picked(it)).map(|it| it.name.clone()).collect()
    };
    assert_eq!(told, named(&|it| caller.sees(it)), "{}", caller.what("the feed"));
    assert_eq!(hidden, named(&|it| caller.lost(it)), "{}", caller.what("the feed hides"));
}

#[tokio::test]
async fn nobody_gets_out_more_than_scope_unit_and_purpose_allow() {
    for peer in AGENCIES {
        let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
        let (ppc, ipa) = both(&pair).unwrap();
        let (author, acts) = if peer == Agency::Ppc { (&ppc, &ipa) } else { (&ipa, &ppc) };
        let shared = share(author, acts).await;
        // One of its own, for the other party's narrowest scope: it does not bind its originator's people.
        let own = acts.publish_item(acts.publishing_item(within(&["guidance"], &["training"]).scope())).await.unwrap();
        let last = acts.publish(acts.publishing("last")).await.unwrap().name;
        settle(&ppc, &ipa).await.unwrap();
        pair.clock.advance(SignedDuration::from_hours(1));
        let missing = format!("agencies/{}/items/0199b7c4-0000-7000-8000-000000000001", peer.id());
        let nothing = format!("agencies/{}/entries/999999", peer.id());
        let mut counted = BTreeSet::new();
        for mut caller in Caller::all(acts) {
            let seen: Vec<&str> = shared.iter().rev().filter(|it| caller.sees(it)).map(|it| it.name.as_str()).collect();
            counted.insert(seen.len());
            for it in &shared {
                reads(&mut caller, it, &missing).await;
                acts_on(acts, &mut caller, it, &missing).await;
                evidence(&mut caller, it, [&missing, &nothing]).await;
            }
            lists(&mut caller, peer, &seen, &[&own.name]).await;
            titles(&mut caller, &shared, &missing).await;
            watches(&caller, peer, &shared, &last).await;
        }
        assert!(counted.len() > 4, "the callers differ in what they see: {counted:?}");
        // Lists read an index, which follows from the journals to the byte.
        let (code, said) = pair.command_line(acts.agency, &["rebuild"]).await.unwrap();
        assert!(code == Some(0) && said.ends_with(", differing 0\n"), "{said}");
        // At its originator, whoever may read items reads them all, for any purpose.
        for mut caller in Caller::all(author).into_iter().filter(|it| it.shut(&READERS).is_none()) {
            for it in &shared {
                let request = GetItemRequest { name: it.name.clone() };
                assert!(caller.items.get_item(request).await.unwrap().get_ref().content.is_some());
            }
        }
    }
}

/// A revision for everybody does not tell for whom and for what the one before was.
#[tokio::test]
async fn the_fact_of_a_revision_is_shown_within_its_own_scope_alone() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let narrow = within(&["investigation"], &["incident_response"]).scope();
    let it = ipa.publish_item(ipa.publishing_item(narrow)).await.unwrap();
    let revising = ReviseItemRequest { terms: Some(terms_for(to_the_party())), ..ipa.revising_item(&it) };
    let it = ipa.revise_item(revising).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    // Of each entry: the whole, the envelope, or nothing.
    let (whole, envelope, nothing) = (Some(true), Some(false), None);
    for (acts, caller, purpose, shown) in [
        (&ppc, "sharing", "policy", [nothing, whole]),
        (&ppc, "casework", "incident_response", [whole, whole]),
        (&ppc, "casework", "policy", [nothing, whole]),
        (&ppc, "auditor", "policy", [envelope, envelope]),
        (&ipa, "sharing", "policy", [whole, whole]),
    ] {
        let authentic = InterceptedService::new(
            acts.desk.channel(caller).unwrap(),
            TANAKA.with_purpose(Purpose::from_id(purpose).unwrap_or_default()),
        );
        let mut evidence = EvidenceServiceClient::new(authentic);
        let list = ListEntriesRequest { matter: it.name.clone(), ..Default::default() };
        let listed = evidence.list_entries(list).await.unwrap().into_inner().entries;
        let listed: BTreeMap<&str, bool> = listed.iter().map(|it| (it.name.as_str(), is_whole(it))).collect();
        for (name, shown) in it.entries.iter().zip(shown) {
            assert_eq!(listed.get(name.as_str()).copied(), shown, "{caller} for {purpose}");
            let found = evidence.get_entry(GetEntryRequest { name: name.clone() }).await;
            let found = found.map(|it| is_whole(it.get_ref())).map_err(|status| reason_of(&status));
            assert_eq!(found, shown.ok_or(Some(Reason::NotFound)), "{caller} for {purpose}");
        }
    }
}
