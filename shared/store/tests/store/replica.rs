//! Several replicas of one service on one PostgreSQL. The embedded database belongs to one process only.

use std::time::Duration;

use renkei_proto::{
    FactKind,
    link::v1::{LinkStatus, link_status::State},
    r#type::v1::Agency,
};
use renkei_store::{Options, Replicas, Store};
use tokio::sync::watch;

use super::{
    acts::publish,
    database::{Database, Engine},
    side::{Side, names, options, runtime},
};

/// The longest time that a test waits for a replica to start, to end or to be notified.
const BOUND: Duration = Duration::from_secs(30);

async fn replica(database: &Database, name: &str, kinds: &[FactKind]) -> Store {
    let options = Options { replica: name.to_owned(), ..options(Agency::Ppc, database) };
    let store = Store::open(options).await.unwrap();
    store.join(names(kinds)).await.unwrap();
    store
}

async fn until<T: Clone>(mut seen: watch::Receiver<T>, holds: impl FnMut(&T) -> bool) -> T {
    tokio::time::timeout(BOUND, seen.wait_for(holds)).await.unwrap().unwrap().clone()
}

fn live(replicas: &Replicas) -> Vec<&str> {
    replicas.live.iter().map(|replica| replica.name.as_str()).collect()
}

#[test]
fn the_longest_serving_replica_leads_and_the_next_follows_when_it_ends() {
    runtime().block_on(async {
        let database = Database::new(Engine::Postgres);
        Store::migrate(database.url(), Agency::Ppc, "store-of-tests", &renkei_store::silent).await.unwrap();
        let all = FactKind::ALL;
        let old = replica(&database, "c", &[FactKind::NoticeGiven]).await;
        assert!(old.replicas().borrow().leads, "it is alone");
        let (second, third) = (replica(&database, "b", all).await, replica(&database, "a", all).await);
        for store in [&old, &second, &third] {
            let replicas = until(store.replicas(), |replicas| replicas.live.len() == 3).await;
            assert_eq!(live(&replicas), ["c", "b", "a"]);
            assert_eq!(replicas.leads, replicas.live[0].name == "c" && store.replicas().borrow().leads);
            assert_eq!(replicas.kinds(), names(&[FactKind::NoticeGiven]), "nothing that one of them does not speak");
        }
        assert!(!second.replicas().borrow().leads && !third.replicas().borrow().leads);

        let connected = LinkStatus { state: State::Connected.into(), ..LinkStatus::default() };
        third.say_link(&connected);
        until(old.replicas(), |replicas| replicas.link() == connected).await;

        old.close().await;
        let replicas = until(second.replicas(), |replicas| replicas.leads).await;
        assert_eq!((live(&replicas), replicas.kinds()), (vec!["b", "a"], names(all)));
        assert!(!third.replicas().borrow().leads);

        // A restart under the same name gets a place behind the others.
        second.close().await;
        let second = replica(&database, "b", all).await;
        until(third.replicas(), |replicas| replicas.leads && live(replicas) == ["a", "b"]).await;
        third.close().await;
        until(second.replicas(), |replicas| replicas.leads).await;
        second.close().await;
    });
}

#[test]
fn the_other_replicas_hear_of_a_commit() {
    runtime().block_on(async {
        let side = Side::new(Agency::Ppc, Database::new(Engine::Postgres)).await;
        side.store.join(Vec::new()).await.unwrap();
        let other = replica(&side.database, "two", &[]).await;
        until(side.store.replicas(), |replicas| replicas.live.len() == 2).await;
        for ordinal in 1..=3 {
            side.act(publish(Agency::Ppc, &format!("scheme-{ordinal}"))).await.unwrap();
            let heads = until(other.heads(), |heads| heads.own.seq == ordinal).await;
            assert_eq!(heads, side.heads());
        }
        other.close().await;
        side.end().await;
    });
}

#[test]
fn a_second_process_of_the_same_name_replaces_the_first() {
    runtime().block_on(async {
        let database = Database::new(Engine::Postgres);
        Store::migrate(database.url(), Agency::Ppc, "store-of-tests", &renkei_store::silent).await.unwrap();
        let (first, second) = (replica(&database, "a", &[]).await, replica(&database, "a", &[]).await);
        assert!(second.replicas().borrow().leads);
        until(first.replicas(), |replicas| !replicas.leads).await;
        first.close().await;
        assert_eq!(live(&second.replicas().borrow()), ["a"]);
        second.close().await;
    });
}
