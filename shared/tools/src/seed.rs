//! Fills both services' databases with items, as they would be after as many calls and deliveries: the writer of
//! each store runs the same commands as for a desk call, an arrival and a receipt. Only the network is left out.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use futures::future::try_join_all;
use jiff::SignedDuration;
use renkei_book::{Arrive, Arriving, Begin, CallOrigin, TakeReceipt};
use renkei_desk::{ActCommand, CheckContext};
use renkei_domain::{
    calendar::Calendar,
    moment::{Moment, Source, stamp},
    page::Journal,
    visibility::Reader,
};
use renkei_journal::{PublicKeys, check_content, check_fact, in_parallel, sign_receipt, verify_signature};
use renkei_proto::{
    Validate as _,
    journal::v1::{Entry, Receipt},
    options::v1::Reason,
    sharing::v1::{ItemContent, ItemKind, Necessity, PublishItemRequest, item_content::Item},
    r#type::v1::Agency,
};
use renkei_service::config::Config;
use renkei_store::{BATCH, QUEUE, Store};

use crate::{
    acts::{item_content, terms_for, to_the_party},
    database,
    pair::machine_time,
    setup::{AGENCIES, Choice, Setup, config_file},
};

/// The seed of a folder that [`prepare`] makes.
const SEED: [u8; 32] = [0x5e; 32];

/// About so many bytes of words has each item.
const WORDS: usize = 900;

/// One side: its database, open without its service.
struct Side {
    store: Store,
    source: Source,
    keys: PublicKeys,
    units: Arc<BTreeSet<String>>,
}

/// Makes a folder with certificates, keys and configurations for both sides, on which nothing has run yet. `urls`: the
/// databases of the agencies that have none in the folder.
///
/// # Errors
/// Fails if something cannot be made or written.
pub fn prepare(dir: &Path, urls: &BTreeMap<&'static str, String>) -> Result<(), String> {
    let setup = Setup::new(dir, machine_time(), SEED)?;
    for own in AGENCIES {
        // Nobody listens there: a pair that is started on the folder brings its own addresses.
        let mut config = setup.config(own, "127.0.0.1:1", &Choice::default());
        if let Some(url) = urls.get(own.id()) {
            config = config.replace(&database::url(&setup, own), url);
        }
        std::fs::write(config_file(dir, own), config).map_err(said)?;
    }
    Ok(())
}

/// Lets an agency publish so many items of about 1 KiB and the other one accept them and sign for them. `dir` is the
/// folder of a pair of processes that are not running; the databases are those of its configurations, empty or not.
///
/// # Errors
/// The fault, in a sentence. Entries that were written before it stay.
pub async fn seed(dir: &Path, author: Agency, items: u64) -> Result<(), String> {
    let (author, receiver) = (Side::open(dir, author).await?, Side::open(dir, author.peer()).await?);
    for (from, to) in [(&receiver, &author), (&author, &receiver)] {
        hand_over(from, to, from.own_seq()).await?;
    }
    // Each item is one entry.
    let last = author.own_seq() + items;
    tokio::try_join!(publish(&author, items), hand_over(&author, &receiver, last))?;
    author.store.close().await;
    receiver.store.close().await;
    Ok(())
}

impl Side {
    async fn open(dir: &Path, own: Agency) -> Result<Self, String> {
        let config = Config::load(&config_file(dir, own), HashMap::new()).map_err(said)?;
        let source = renkei_service::source(&config).map_err(said)?;
        Store::migrate(&config.database.url, own, &source.moment().id("store", 0), &renkei_store::silent)
            .await
            .map_err(said)?;
        let store = renkei_service::open(own, &config).await.map_err(said)?;
        let mut keys = PublicKeys::new();
        keys.add(store.key().key_id(), store.key().public_key(), 1).map_err(said)?;
        // As the service does when it starts.
        let begin = Begin { kinds: config.spoken().map_err(said)? };
        store.write("begin", CallOrigin::own("begin"), source.moment(), begin).await.map_err(said)?;
        Ok(Self { store, source, keys, units: Arc::new(config.units()) })
    }

    fn own_seq(&self) -> u64 {
        self.store.heads().borrow().own.seq
    }
}

/// Publishes items, a millisecond apart, the last of them now.
async fn publish(author: &Side, items: u64) -> Result<(), String> {
    let own = author.store.own();
    let last = i64::try_from(items).map_err(said)?;
    let mut published = 0;
    while published < last {
        let next = (published + i64::try_from(QUEUE).map_err(said)?).min(last);
        try_join_all((published..next).map(|n| {
            let drawn = author.source.moment();
            let moment = drawn.at(drawn.now - SignedDuration::from_millis(last - 1 - n));
            let request = request(own, n, &moment);
            let call = call(own, &request.request_id, &moment);
            async {
                let broken = request.violations();
                if let Some(first) = broken.first() {
                    return Err(format!("the request breaks the contract: {}: {}", first.field, first.must));
                }
                let calendar = &Calendar::built_in();
                let context = CheckContext { own, moment: &moment, official: "", barred: 0, calendar };
                let command = ActCommand::checked(request, Reader::default(), &context).map_err(said)?;
                author.store.write("publish_item", call, moment, command).await.map_err(said)
            }
        }))
        .await?;
        published = next;
    }
    Ok(())
}

fn request(own: Agency, n: i64, moment: &Moment) -> PublishItemRequest {
    let (kind, necessity) = match own {
        Agency::Ppc => (ItemKind::AttackMethod, Necessity::PreventSimilar),
        _ => (ItemKind::ThreatInformation, Necessity::Unspecified),
    };
    let mut content = item_content(kind, &format!("改ざんの手口 {n}"), moment.now);
    lengthen(&mut content);
    PublishItemRequest {
        request_id: moment.id("request", 0),
        terms: Some(terms_for(to_the_party())),
        necessity: necessity.into(),
        content: Some(content),
    }
}

/// Fills the body up.
fn lengthen(content: &mut ItemContent) {
    let text = match &mut content.item {
        Some(Item::AttackMethod(it)) => &mut it.text,
        Some(Item::ThreatInformation(it)) => &mut it.text,
        _ => return,
    };
    if let Some(text) = text {
        text.body.push_str("\n\n");
        while text.body.len() < WORDS {
            text.body.push_str("公開鍵が交換され、更新の取得元が書き換えられた。");
        }
    }
}

/// As the authorize layer would find it.
fn call(own: Agency, request_id: &str, moment: &Moment) -> CallOrigin {
    CallOrigin {
        caller: format!("spiffe://{}/desk/sharing", own.id()),
        official: "tanaka".to_owned(),
        unit: "policy".to_owned(),
        purpose: String::new(),
        method: "/renkei.sharing.v1.ItemService/PublishItem".to_owned(),
        request_id: request_id.to_owned(),
        digest: moment.bytes("digest", 0).to_vec(),
        traceparent: String::new(),
    }
}

/// Hands entries over to the other side as they are written, and its receipts back, until it has number `last`.
async fn hand_over(from: &Side, to: &Side, last: u64) -> Result<(), String> {
    let (author, receiver) = (from.store.own(), to.store.own());
    let mut written = from.store.heads();
    loop {
        let held = to.store.heads().borrow().peer.seq;
        if held >= last {
            return Ok(());
        }
        written.wait_for(|heads| heads.own.seq > held).await.map_err(said)?;
        let entries = from.store.entries(Journal::Of(author), held + 1, BATCH).await.map_err(said)?;
        let entries = entries.into_iter().map(|held| held.entry).collect();
        let entries = verified(entries, &from.keys).await?;
        let units = to.units.clone();
        let arrive = Arrive { own: receiver, journal: author, entries, last_try: true, units };
        let stop =
            to.store.write("arrive", CallOrigin::own("arrive"), to.source.moment(), arrive).await.map_err(said)?;
        if stop.reason() != Reason::Unspecified {
            return Err(format!("entry {} of {} is not accepted: {}", stop.seq, author.id(), stop.reason().id()));
        }
        let heads = to.store.heads().borrow().clone();
        let receipt = Receipt {
            journal: author.into(),
            up_to_seq: heads.peer.seq,
            head_hash: heads.peer.hash.to_vec(),
            own_seq: heads.own.seq,
            at: Some(stamp(to.source.moment().now)),
        };
        let signed = sign_receipt(to.store.key(), &receipt);
        let take = TakeReceipt { own: author, receipt, signed };
        from.store.write("receipt", CallOrigin::own("receipt"), from.source.moment(), take).await.map_err(said)?;
    }
}

async fn verified(entries: Vec<Entry>, keys: &PublicKeys) -> Result<Vec<Arriving>, String> {
    let keys = keys.clone();
    let verifying = tokio::task::spawn_blocking(move || {
        let opened = in_parallel(&entries, |entry| verify_signature(entry, &keys));
        let arriving = entries.into_iter().zip(opened).map(|(entry, opened)| {
            let opened = opened.map_err(said)?;
            let (fact, content) = (check_fact(&entry, &opened), check_content(&entry, &opened));
            Ok(Arriving { entry, opened, fact, content })
        });
        arriving.collect()
    });
    verifying.await.map_err(said)?
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
