//! The disposal of a shared item's texts (Art. 7(2)): a canary and the bytes that hid it are searched in every file of the
//! agency that has erased them, in its later backups and in its logs; and nothing brings them back.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, path::Path};

use renkei_domain::page::Journal;
use renkei_proto::{
    sharing::v1::{
        ApproveDisposalRequest, DisposalGround, Item, ItemDisposedContent, recall_service_client::RecallServiceClient,
    },
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::{Acts, both, settle, to_the_party},
    database::{self, Engine},
    desk::TANAKA,
    operator::confirm_barred,
    pair::Pair,
    scenario::start,
    setup::AGENCIES,
};

use crate::item::text;

const CANARY: &str = "canary-disposal-4d17";

/// Erases the texts of an item at one agency, as its approver.
async fn approve_disposal(acts: &Acts, it: &Item) -> Item {
    let mut recalls = RecallServiceClient::new(acts.desk.on_behalf_of("approver", TANAKA).unwrap());
    let request = ApproveDisposalRequest {
        request_id: acts.request_id(),
        name: it.name.clone(),
        etag: String::new(),
        ground: DisposalGround::RetentionEnded.into(),
        content: Some(ItemDisposedContent { approval: "個情第123号".to_owned() }),
    };
    recalls.approve_disposal(request).await.unwrap().into_inner()
}

/// The bytes of every file in a folder and the folders in it.
fn files(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // A database removes files that it no longer needs.
        all.extend(if path.is_dir() { files(&path) } else { std::fs::read(&path).unwrap_or_default() });
    }
    all
}

/// Everything that an agency has on its disk and in its logs.
fn everything(pair: &Pair, own: Agency) -> Vec<u8> {
    let mut all = files(&pair.setup.dir.join(own.id()));
    all.extend(database::bytes(&pair.setup, own).unwrap());
    all.extend(pair.side(own).log().into_bytes());
    all
}

/// Bytes that give a text away: the words themselves, and pieces of what is needed to decrypt them. A database stores long
/// values in pieces, and a dump writes them as digits.
struct Traces(Vec<Vec<u8>>);

impl Traces {
    /// The traces of an item in a database that has its texts.
    fn of(pair: &Pair, own: Agency, item: &str) -> Self {
        let mut all = vec![CANARY.as_bytes().to_vec()];
        for column in ["ciphertext", "wrapped_key"] {
            let rows = format!("matter = '{item}'");
            let values = database::column(&pair.setup, own, "entry", column, &rows).unwrap();
            assert!(values.len() > 2, "{own:?} has texts");
            for value in values {
                let value = hex::decode(value).unwrap();
                let piece = value.len().min(32);
                for at in [0, (value.len() - piece) / 2, value.len() - piece] {
                    let piece = &value[at..at + piece];
                    all.extend([piece.to_vec(), hex::encode(piece).into_bytes()]);
                }
            }
        }
        Self(all)
    }

    /// The number of traces in these bytes.
    fn count(&self, bytes: &[u8]) -> usize {
        // The search of texts is fast without optimization, too.
        let text = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
        let bytes = text(bytes);
        self.0.iter().filter(|trace| bytes.contains(&text(trace))).count()
    }
}

/// The kinds of an item's entries by their names, and whether each has its content.
async fn words(acts: &Acts, it: &Item) -> BTreeMap<String, (String, bool)> {
    let entries = acts.item_entries(&it.name).await.unwrap();
    entries.into_iter().map(|entry| (entry.name, (entry.fact_type, entry.content.is_some()))).collect()
}

/// The item is without texts at the agency that has erased them, and as it was at the other.
async fn erased(pair: &Pair, (eraser, keeper): (&Acts, &Acts), it: &Item, before: &BTreeMap<String, (String, bool)>) {
    assert_eq!(eraser.item(&it.name).await.unwrap().content, None);
    assert!(keeper.item(&it.name).await.unwrap().content.is_some());
    for (acts, is_kept) in [(eraser, false), (keeper, true)] {
        let mut words = words(acts, it).await;
        let disposal =
            words.iter().find(|(name, _)| !before.contains_key(*name)).map(|(name, _)| name.clone()).unwrap();
        assert_eq!(words.remove(&disposal), Some(("item_disposed".to_owned(), true)));
        let expected = before.iter().map(|(name, (kind, _))| (name.clone(), (kind.clone(), is_kept)));
        assert_eq!(words, expected.collect());
    }
    let (mut pages, mut heads) = (Vec::new(), Vec::new());
    for acts in [eraser, keeper] {
        let store = pair.side(acts.agency).store().unwrap();
        let now = store.heads().borrow().clone();
        heads.push([Agency::Ppc, Agency::Ipa].map(|agency| now.of(acts.agency, Journal::Of(agency)).head()));
        pages.push(store.page(&it.name).await.unwrap().unwrap().encode());
        assert_eq!(acts.verify().await.unwrap().fault, "");
        assert_eq!(store.rebuild(false).await.unwrap().differing, Vec::<String>::new());
    }
    assert_eq!((&pages[0], heads[0]), (&pages[1], heads[1]));
}

/// Copies the database of a side that runs: by the service, or with the server's own tools.
async fn back_up(pair: &Pair, own: Agency, copy: &str) {
    match database::engine_of(&pair.setup) {
        Engine::Sqlite => pair.side(own).store().unwrap().backup(copy).await.unwrap(),
        Engine::Postgres => database::copy(&pair.setup, own, copy).unwrap(),
    }
}

async fn dispose_at(own: Agency) {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str| folder.path().join(name).display().to_string();
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let (eraser, keeper) = if own == Agency::Ppc { (&ppc, &ipa) } else { (&ipa, &ppc) };
    settle(&ppc, &ipa).await.unwrap();
    back_up(&pair, own, &copy("early")).await;

    let mut publishing = keeper.publishing_item(to_the_party());
    let content = text(publishing.content.as_mut().unwrap());
    content.title = CANARY.to_owned();
    // So long that the databases store it in pieces.
    content.body = CANARY.repeat(400);
    let it = keeper.publish_item(publishing).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let read = eraser.item(&it.name).await.unwrap();
    assert!(format!("{:?}", read.content).contains(CANARY), "it is there to be erased");
    eraser.ask_about_item(eraser.asking_about(&read)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    keeper.revise_item(keeper.revising_item(&keeper.item(&it.name).await.unwrap())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let before = words(eraser, &it).await;
    assert!(before.len() > 2 && before.values().all(|(_, there)| *there));
    back_up(&pair, own, &copy("late")).await;
    let traces = Traces::of(&pair, own, &it.name);
    let found = traces.count(&everything(&pair, own));
    assert!(found > 8, "the search finds {found} traces of what is there");
    assert!(traces.count(&std::fs::read(copy("late")).unwrap()) > 8);

    let disposed = approve_disposal(eraser, &it).await;
    assert_eq!(traces.count(&everything(&pair, own)), 0, "they are gone when the call is answered");
    assert_eq!(disposed.disposals.len(), 1);
    settle(&ppc, &ipa).await.unwrap();
    erased(&pair, (eraser, keeper), &it, &before).await;
    pair.side(own).store().unwrap().rebuild(true).await.unwrap();
    back_up(&pair, own, &copy("after")).await;
    assert_eq!(traces.count(&std::fs::read(copy("after")).unwrap()), 0);
    erased(&pair, (eraser, keeper), &it, &before).await;

    // A loss of everything since, and the loss of the disposal alone. The peer still has the texts, and sends them.
    for lost in ["early", "late"] {
        pair.stop(own).await.unwrap();
        database::replace(&pair.setup, own, &copy(lost)).unwrap();
        pair.start(own).await.unwrap();
        confirm_barred(&pair, own, &[]).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        erased(&pair, (eraser, keeper), &it, &before).await;
        assert_eq!(traces.count(&everything(&pair, own)), 0, "after the loss");
    }
}

#[tokio::test]
async fn what_an_agency_has_erased_is_in_no_file_and_comes_back_from_nowhere() {
    for own in AGENCIES {
        dispose_at(own).await;
    }
}
