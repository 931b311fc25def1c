//! The entries that the ticks write, on a database of their own.

#![expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use renkei_book::{Agreements, Cause};
use renkei_domain::moment::Moment;
use renkei_domain::page::Journal;
use renkei_journal::Head;
use renkei_journal::{SigningKey, generate_pkcs8};
use renkei_store::{Fault, Faults, KeyRing, Options};
use renkei_telemetry::Metrics;
use tempfile::TempDir;

use super::*;

/// The time limit for anything to be written.
const BOUND: Duration = Duration::from_secs(20);

/// PPC's ticks on a fresh database, with a clock that the test moves.
async fn arranged(faults: Faults) -> (TempDir, Parts, Arc<AtomicI64>) {
    let dir = TempDir::new().unwrap();
    let (clock, drawn) = (Arc::new(AtomicI64::new(0)), AtomicU64::new(0));
    let (shown, root) = (clock.clone(), Moment::new(Timestamp::UNIX_EPOCH, [7; 32]));
    let source = Source::new(move || {
        let now = Timestamp::from_microsecond(shown.load(Ordering::SeqCst)).unwrap();
        Moment::new(now, root.bytes("moment", drawn.fetch_add(1, Ordering::SeqCst)))
    });
    show(&clock, "2026-08-15T09:00:00+09:00");
    let url = format!("sqlite:{}", dir.path().join("ppc.db").display());
    Store::migrate(&url, Agency::Ppc, &source.moment().id("store", 0), &renkei_store::silent).await.unwrap();
    let options = Options {
        url,
        own: Agency::Ppc,
        replica: "a".to_owned(),
        ring: KeyRing::new(vec![("content-1".to_owned(), [1; 32].into())]).unwrap(),
        key: SigningKey::from_pkcs8("ppc-1".to_owned(), &generate_pkcs8(&[2; 32])).unwrap(),
        faults,
        agreements: Agreements::built_in(),
        metrics: Metrics::none(),
    };
    let store = Store::open(options).await.unwrap();
    store.join(vec!["scheme_published".to_owned()]).await.unwrap();
    (dir, Parts { own: Agency::Ppc, store, source, sandbox: false }, clock)
}

fn show(clock: &AtomicI64, instant: &str) {
    clock.store(instant.parse::<Timestamp>().unwrap().as_microsecond(), Ordering::SeqCst);
}

async fn begin(parts: &Parts) {
    let begin = Begin { kinds: parts.store.replicas().borrow().kinds() };
    parts.store.write("begin", CallOrigin::own("begin"), parts.source.moment(), begin).await.unwrap();
}

/// The facts and matters of the own entries.
async fn written(store: &Store) -> Vec<(String, String)> {
    let held = store.entries(Journal::Of(Agency::Ppc), 1, 256).await.unwrap();
    held.into_iter().map(|held| (held.header.fact_type, held.header.matter)).collect()
}

async fn counted(store: &Store) -> Vec<String> {
    let written = written(store).await.into_iter().filter(|(kind, _)| kind == "referrals_counted");
    written.map(|(_, matter)| matter.rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn months_that_were_missed_are_counted_later_each_once_and_none_before_the_first_entry() {
    let (_dir, parts, clock) = arranged(Arc::new(|_| Fault::None)).await;
    count_months(&parts.store, &parts.source).await.unwrap();
    assert_eq!(written(&parts.store).await, [], "without an entry there is nothing to count");
    begin(&parts).await;
    count_months(&parts.store, &parts.source).await.unwrap();
    assert_eq!(counted(&parts.store).await, Vec::<String>::new(), "no month is over");
    show(&clock, "2026-12-01T00:00:00+09:00");
    for _ in 0..2 {
        count_months(&parts.store, &parts.source).await.unwrap();
        assert_eq!(counted(&parts.store).await, ["2026-08", "2026-09", "2026-10", "2026-11"]);
    }
    // After years the last two are counted.
    show(&clock, "2030-03-31T23:59:59+09:00");
    count_months(&parts.store, &parts.source).await.unwrap();
    let counted = counted(&parts.store).await;
    assert_eq!((counted.len(), counted[4].as_str(), counted[27].as_str()), (4 + 24, "2028-03", "2030-02"));
    parts.store.close().await;
}

#[tokio::test]
async fn the_kinds_are_stated_again_after_a_recovery_until_that_entry_is_written() {
    // Of the writes after the beginning of the recovery, the first ends it, and the two after that are lost.
    let (writes, recovers) = (AtomicU64::new(0), Arc::new(AtomicBool::new(false)));
    let counts = recovers.clone();
    let faults: Faults = Arc::new(move |step| {
        let is_write = step == "begin" && counts.load(Ordering::SeqCst);
        let is_lost = is_write && (1..=2).contains(&writes.fetch_add(1, Ordering::SeqCst));
        if is_lost { Fault::Lost } else { Fault::None }
    });
    let (_dir, parts, _) = arranged(faults).await;
    begin(&parts).await;
    // The peer has stored one entry, and the own copy of it is lost.
    parts.store.rewind(Head { seq: 1, hash: [0; 32] }, &parts.source.moment()).await.unwrap();
    recovers.store(true, Ordering::SeqCst);
    let draining = CancellationToken::new();
    let saying = tokio::spawn(say_kinds_again(
        parts.clone(),
        Some((1, parts.store.replicas().borrow().kinds())),
        draining.clone(),
    ));
    let mut heads = parts.store.heads();
    let reopen = parts.store.reopening(Cause::FetchedBack).await.unwrap();
    parts.store.write("reopen", CallOrigin::own("reopen"), parts.source.moment(), reopen).await.unwrap();
    let said = heads.wait_for(|heads| heads.own.seq == 2);
    tokio::time::timeout(BOUND, said).await.unwrap().unwrap();
    let kinds: Vec<String> = written(&parts.store).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["journal_reopened", "kinds_spoken"]);
    draining.cancel();
    saying.await.unwrap();
    parts.store.close().await;
}
