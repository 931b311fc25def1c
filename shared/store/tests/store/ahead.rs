//! Batches that are judged while the one before is still being written.

use std::{collections::BTreeSet, pin::pin, sync::atomic::Ordering};

use futures::{FutureExt as _, future::join_all};
use renkei_proto::r#type::v1::Agency;
use renkei_store::{AHEAD, Faults, Options, Store};
use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::{
    acts::{Act, issue, publish},
    database::{Database, Engine},
    side::{Side, call, connect, losing, no_faults, on_each, options},
};

/// Keeps every batch from being written until it is let go.
struct Lock(AnyConnection);

impl Lock {
    async fn take(database: &Database) -> Self {
        let mut connection = connect(database).await;
        let begin = match database.engine() {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN; UPDATE head SET turn = turn",
        };
        connection.execute(begin).await.unwrap();
        Self(connection)
    }

    async fn let_go(mut self) {
        self.0.execute("COMMIT").await.unwrap();
        self.0.close().await.unwrap();
    }

    /// Commits a change of the heads, as another replica does.
    async fn write_first(mut self) {
        self.0.execute("UPDATE head SET commits = commits + 1 WHERE journal = 'ppc'").await.unwrap();
        self.let_go().await;
    }
}

/// A scheme is published, and then referrals to it are issued while the scheme is being written. `then` lets the writer
/// continue when all of them are judged. Returns how often the scheme and each referral was judged.
async fn publish_and_issue(database: Database, faults: Faults, then: impl AsyncFnOnce(Lock)) -> Vec<usize> {
    let side = Side::new(Agency::Ppc, database).await;
    side.act(publish(Agency::Ppc, "other")).await.unwrap();
    let database = side.end().await;
    let store = Store::open(Options { faults, ..options(Agency::Ppc, &database) }).await.unwrap();
    let side = Side::on(store, database, 5);
    let referrals = (1..=AHEAD).map(|n| issue(Agency::Ppc, u64::try_from(n).unwrap(), "leak", &format!("report-{n}")));
    let acts: Vec<Act> = [publish(Agency::Ppc, "leak")].into_iter().chain(referrals).collect();
    let runs = |act: &Act| act.runs.load(Ordering::Relaxed);

    let lock = Lock::take(&side.database).await;
    let calls = acts.iter().zip(900..).map(async |(act, number)| {
        // The scheme is on its way to the database before the referrals are issued.
        until(|| number == 900 || runs(&acts[0]) == 1).await;
        side.act_as(call(number), act.clone()).await
    });
    let mut all = pin!(join_all(calls));
    while acts.iter().any(|act| runs(act) == 0) {
        assert!((&mut all).now_or_never().is_none(), "nothing is answered before it is written");
        tokio::task::yield_now().await;
    }
    assert_eq!((side.heads().own.seq, side.number("SELECT COUNT(*) FROM entry").await), (1, 1));
    then(lock).await;
    let entries: Vec<String> = all.await.into_iter().map(|reply| reply.unwrap().entry).collect();

    assert_eq!(entries[0], "agencies/ppc/entries/2");
    let each: BTreeSet<String> = entries.iter().cloned().collect();
    assert_eq!(each, (2..).take(acts.len()).map(|seq| format!("agencies/ppc/entries/{seq}")).collect());
    assert_eq!(side.audit().await, []);
    // Repeats are answered, whichever way it was written.
    for ((act, number), entry) in acts.iter().zip(900..).zip(&entries) {
        assert_eq!(&side.act_as(call(number), act.clone()).await.unwrap().entry, entry);
    }
    assert_eq!(side.store.audit_heads().await.unwrap()[0].seq, u64::try_from(1 + acts.len()).unwrap(), "a record each");
    acts.iter().map(runs).collect()
}

/// Waits until something is true, while the others work.
async fn until(is_true: impl Fn() -> bool) {
    while !is_true() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn acts_are_judged_on_what_is_being_written_and_written_behind_it() {
    on_each(async |database| {
        assert_eq!(publish_and_issue(database, no_faults(), Lock::let_go).await, [1; 1 + AHEAD]);
    });
}

#[test]
fn acts_are_judged_again_when_the_batch_before_was_not_written_as_it_was_judged() {
    on_each(async |database| {
        let faults = losing(&["before commit"]);
        assert_eq!(publish_and_issue(database, faults, Lock::let_go).await, [2; 1 + AHEAD]);
    });
}

#[test]
fn acts_are_judged_again_when_another_replica_has_written_first() {
    on_each(async |database| {
        assert_eq!(publish_and_issue(database, no_faults(), Lock::write_first).await, [2; 1 + AHEAD]);
    });
}
