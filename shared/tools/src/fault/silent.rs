//! A connection to PostgreSQL swallows what it is sent, while somebody writes and reads, and while the service ends.

use std::time::Duration;

use renkei_proto::r#type::v1::Agency;
use tokio::time::Instant;

use super::load::{Load, seconds};
use crate::{
    acts::Acts,
    cluster::Engine,
    database,
    fault::report::Report,
    pair::Pair,
    setup::Choice,
    signs::{trouble, until_all},
    silence::Silence,
};

/// The time in which calls are made undisturbed.
const PEACE: Duration = Duration::from_secs(3);
/// A statement is given up after 10 s; the server ends what it had begun within the wait for its lock.
const AGAIN: Duration = Duration::from_secs(20);
/// The longest time for a stop: unanswered statements are given up, and no call is waited for longer.
const STOP: Duration = Duration::from_secs(20);

pub(super) async fn run(engine: Engine, report: &mut Report<'_>) -> Result<(), String> {
    let mut pair = Pair::down(Choice { engine: Some(engine), ..Choice::default() }).await?;
    let url = database::url(&pair.setup, Agency::Ppc);
    let silence = Silence::before(&url)?;
    pair.ppc.set_config(pair.ppc.config().replace(&url, &silence.url));
    pair.start(Agency::Ppc).await?;
    let load = Load::new(Acts::new(&pair, Agency::Ppc)?);
    load.run_for(PEACE).await;
    let before = load.acknowledged();
    report.figure("acknowledged before", before);

    silence.fall();
    let fallen = Instant::now();
    let (again, red) = tokio::join!(load.until_written(AGAIN * 3), until_told(&pair, fallen));
    report.figure("until the first write afterwards", seconds(again));
    report.figure("until status reported it", red.map_or("never".to_owned(), seconds));
    report.check("writes go on on a new connection within 20 s", again.is_some_and(|took| took <= AGAIN));
    report.figure("the longest call", seconds(load.longest()));
    report.check("no call takes longer than its deadline and a second", load.longest() <= Some(Load::DEADLINE));
    until_all(&pair, Agency::Ppc, true).await?;
    report.figure("until every sign was well again", seconds(fallen.elapsed()));
    load.run_for(PEACE).await;
    report.figure("acknowledged afterwards", load.acknowledged() - before);

    let stopping = async {
        tokio::time::sleep(PEACE).await;
        silence.fall();
        tokio::time::sleep(Load::PACE).await;
        let begun = Instant::now();
        pair.stop(Agency::Ppc).await.map(|()| begun.elapsed())
    };
    let stopped = tokio::select! {
        stopped = stopping => stopped?,
        () = load.run() => Duration::MAX,
    };
    report.figure("a stop while every connection is silent and statements are under way", seconds(stopped));
    report.check("the stop is in order and takes less than 20 s", stopped <= STOP);
    drop(silence);

    pair.ppc.set_config(pair.ppc.config().replace(&pair_url(&pair), &url));
    pair.start(Agency::Ppc).await?;
    report.check("every acknowledged write is there once", load.is_held().await?);
    let (code, said) = pair.command_line(Agency::Ppc, &["verify"]).await?;
    report.check(&format!("the journals verify: {}", said.lines().last().unwrap_or_default()), code == Some(0));
    pair.stop(Agency::Ppc).await
}

/// The present `database.url` of the side's configuration.
fn pair_url(pair: &Pair) -> String {
    let line = pair.ppc.config().lines().find_map(|line| line.strip_prefix("url = "));
    line.unwrap_or_default().trim_matches('"').to_owned()
}

/// The instant at which the service first reported a fault; `None` if it never did.
async fn until_told(pair: &Pair, since: Instant) -> Option<Duration> {
    while since.elapsed() < AGAIN {
        if trouble(pair, Agency::Ppc).await.is_ok_and(|trouble| !trouble.is_empty()) {
            return Some(since.elapsed());
        }
        tokio::time::sleep(Load::PACE).await;
    }
    None
}
