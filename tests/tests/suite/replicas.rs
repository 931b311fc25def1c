//! Three replicas of each service on one PostgreSQL a side, each port behind a plain TCP balancer.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use futures::future::{join_all, try_join_all};
use renkei_client::{OfficialChannel, Watch};
use renkei_proto::{
    link::v1::link_status::State,
    r#type::v1::{Agency, Purpose},
    watch::v1::event::Change,
};
use renkei_tools::{
    acts::{Acts, both, settle, to_the_party},
    desk::{Desk, PATIENCE, TANAKA, insist},
    fleet::{Fleet, NAMES},
    pair::Pair,
    process::Signal,
    setup::AGENCIES,
};
use tokio::{sync::watch, time::Instant};

/// The number of publishers at each desk at once, and of items that each publishes while replicas come and go.
const PUBLISHERS: usize = 3;
const ITEMS: usize = 60;

/// The number of cursors that are carried from one replica to the others; below the watches that one caller may open.
const CURSORS: u64 = 10;

/// Publishes items one after the other through the balancer, repeating what nobody answers. Gives their names.
async fn publish(acts: &Acts, items: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..items {
        names.push(acts.publish_item(acts.publishing_item(to_the_party())).await.unwrap().name);
    }
    names
}

/// The feed for who may read the items.
fn items_of(desk: &Desk) -> OfficialChannel {
    desk.on_behalf_of("sharing", TANAKA.with_purpose(Purpose::Policy)).unwrap()
}

/// Watches items through the balancer, from the last cursor at whatever replica accepts the call, until so many
/// were seen as `wanted` demands. Gives the names of their entries in order.
async fn seen(desk: &Desk, mut wanted: watch::Receiver<Option<usize>>) -> Vec<String> {
    let mut entries = Vec::new();
    let mut feed = loop {
        if let Ok(feed) = Watch::open(items_of(desk), "-", "").await {
            break feed;
        }
    };
    while wanted.borrow_and_update().is_none_or(|wanted| entries.len() < wanted) {
        let event = tokio::select! {
            event = feed.event() => event.unwrap(),
            _ = wanted.changed() => continue,
        };
        if let Some(Change::EntryApplied(applied)) = event.change
            && applied.fact_type.ends_with("_published")
        {
            entries.push(applied.entry);
        }
    }
    entries
}

/// Disturbs the replicas. Returns the time until another one sent after the first leader's end.
async fn come_and_go(fleet: &mut Fleet, ppc: &Acts, ipa: &Acts) -> f64 {
    ppc.until_link("the first items", |link| link.own_receipted_seq > 10).await.unwrap();
    let mut feed = Watch::open(items_of(&ipa.desk), "", "").await.unwrap();
    // The replica that has served longest leads.
    fleet.kill(Agency::Ppc, "a").await.unwrap();
    let killed = Instant::now();
    // The leader cannot have sent an entry that is written now.
    let after = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap().name;
    while feed.event().await.unwrap().matter != after {}
    let takeover = killed.elapsed().as_secs_f64();
    fleet.begin(Agency::Ppc, "a").await.unwrap();
    fleet.kill(Agency::Ipa, "b").await.unwrap();
    fleet.begin(Agency::Ipa, "b").await.unwrap();
    for name in NAMES {
        for agency in AGENCIES {
            fleet.end(agency, name).await.unwrap();
            fleet.begin(agency, name).await.unwrap();
        }
    }
    takeover
}

fn of_journal(entries: &[String], author: Agency) -> Vec<String> {
    let prefix = format!("agencies/{}/", author.id());
    entries.iter().filter(|entry| entry.starts_with(&prefix)).cloned().collect()
}

async fn assert_proven(pair: &Pair) {
    for agency in AGENCIES {
        for check in ["verify", "rebuild"] {
            let (code, said) = pair.command_line(agency, &[check]).await.unwrap();
            assert_eq!(code, Some(0), "{} {check}: {said}", agency.id());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "how long it took is worth knowing")]
async fn nothing_is_lost_doubled_or_reordered_while_replicas_are_killed_and_restarted() {
    let mut fleet = Fleet::start().await.unwrap();
    let (ppc, ipa) = both(&fleet.pair).unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let (wanted, _) = watch::channel(None::<usize>);
    let desks: Vec<Desk> = AGENCIES.map(|agency| fleet.pair.side(agency).desk.clone()).into();
    let watching = desks.iter().flat_map(|desk| NAMES.map(|_| seen(desk, wanted.subscribe())));
    let publishing = [&ppc, &ipa].into_iter().flat_map(|acts| (0..PUBLISHERS).map(|_| publish(acts, ITEMS)));

    let whole = async {
        let (published, takeover) = tokio::join!(join_all(publishing), come_and_go(&mut fleet, &ppc, &ipa));
        settle(&ppc, &ipa).await.unwrap();
        let heads = ppc.link().await.unwrap();
        wanted.send_replace(Some(1 + published.iter().map(Vec::len).sum::<usize>()));
        (published.concat(), takeover, heads)
    };
    let all = tokio::time::timeout(3 * PATIENCE, async { tokio::join!(join_all(watching), whole) });
    let (watched, (published, takeover, heads)) = all.await.unwrap();
    eprintln!("another replica sent {takeover:.1} s after the leader was killed");

    assert_eq!(published.iter().collect::<BTreeSet<_>>().len(), 2 * PUBLISHERS * ITEMS, "each call has its own item");
    for name in &published {
        for acts in [&ppc, &ipa] {
            assert_eq!(&acts.item(name).await.unwrap().name, name);
        }
    }
    for entries in &watched {
        for (author, last) in [(Agency::Ppc, heads.own_seq), (Agency::Ipa, heads.peer_seq)] {
            let expected: Vec<String> =
                (2..=last).map(|seq| format!("agencies/{}/entries/{seq}", author.id())).collect();
            assert_eq!(of_journal(entries, author), expected, "each entry once and in order");
        }
    }
    assert!(watched.chunks(NAMES.len()).all(|side| side.iter().all(|entries| *entries == side[0])));
    // Every act is one entry, whatever was repeated; the first of each side states which kinds it speaks, and one item
    // came after the kill.
    assert_eq!(heads.own_seq + heads.peer_seq, 2 + 1 + u64::try_from(published.len()).unwrap());
    fleet.end_all().await.unwrap();
    assert_proven(&fleet.pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_replica_answers_a_call_and_two_that_send_at_once_do_no_harm() {
    let mut fleet = Fleet::start().await.unwrap();
    let (ppc, ipa) = both(&fleet.pair).unwrap();
    settle(&ppc, &ipa).await.unwrap();

    // One call at all replicas at once: one item, one answer.
    let request = ppc.publishing_item(to_the_party());
    let answers = try_join_all(NAMES.map(|name| {
        let items = fleet.desk_of(Agency::Ppc, name).unwrap().items("sharing", Purpose::Policy).unwrap();
        let request = request.clone();
        async move { insist(async || items.clone().publish_item(request.clone()).await).await }
    }));
    let answers = answers.await.unwrap();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    settle(&ppc, &ipa).await.unwrap();
    for agency in AGENCIES {
        for name in NAMES {
            let desk = fleet.desk_of(agency, name).unwrap();
            let link = desk.until("the item", || async {
                let link = desk.link_status().await?;
                Ok(Some(link.clone())
                    .filter(|link| link.state() == State::Connected && link.own_seq + link.peer_seq == 3))
            });
            link.await.unwrap();
        }
    }

    // The leader sleeps until another one sends, and wakes up while both have a session.
    let awake = fleet.desk_of(Agency::Ppc, "b").unwrap();
    fleet.replica(Agency::Ppc, "a").unwrap().signal(Signal::STOP).unwrap();
    let items = awake.items("sharing", Purpose::Policy).unwrap();
    items.clone().publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    let sent = awake.until("another one sends for the leader that sleeps", || async {
        Ok((awake.link_status().await?.own_receipted_seq >= 3).then_some(()))
    });
    sent.await.unwrap();
    fleet.replica(Agency::Ppc, "a").unwrap().signal(Signal::CONT).unwrap();
    let published = (0..100).map(|_| async {
        let mut items = items.clone();
        items.publish_item(ppc.publishing_item(to_the_party())).await
    });
    try_join_all(published).await.unwrap();

    // A cursor of one replica is known at once to the others, before they have heard of its change.
    let mut feed = Watch::open(items_of(&awake), "", "").await.unwrap();
    let others = ["a", "c"].map(|name| items_of(&fleet.desk_of(Agency::Ppc, name).unwrap()));
    for _ in 0..CURSORS {
        items.clone().publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
        feed.event().await.unwrap();
        try_join_all(others.clone().map(|other| Watch::open(other, feed.cursor(), ""))).await.unwrap();
    }
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ipa.link().await.unwrap().peer_seq, 1 + 1 + 1 + 100 + CURSORS);
    fleet.end_all().await.unwrap();
    assert_proven(&fleet.pair).await;
}
