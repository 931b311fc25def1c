//! What a service does by itself: counts, checkpoints, health, fresh certificates.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use renkei_desk::{Checkpoint, Count};
use renkei_domain::{
    calendar, counts,
    matter::{Matter, Noun},
    moment::Source,
};
use renkei_proto::{FactKind, r#type::v1::Agency};
use renkei_rpc::health::{Need, Readiness};
use renkei_store::{Call, Error, Store, arrive::Begin};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, start::Tls};

const MINUTE: Duration = Duration::from_secs(60);
/// Checkpoints are written at most so often.
const CHECKPOINT_MINUTES: u64 = 60;
/// Replies to calls are kept so long for their repeats.
const REQUESTS_DAYS: i64 = 30;
const PING: Duration = Duration::from_secs(2);
const RELOAD: Duration = Duration::from_secs(30);

/// What the ticks work with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) own: Agency,
    pub(crate) store: Store,
    pub(crate) source: Source,
    pub(crate) sandbox: bool,
    pub(crate) kinds: BTreeSet<FactKind>,
}

/// Every minute: the counts of the month before, when they are missing; every hour: checkpoints. A sandbox writes both on
/// command only, so that its clock may jump.
pub(crate) async fn run(parts: Parts, draining: CancellationToken) {
    let mut minutes = 0_u64;
    while draining.run_until_cancelled(tokio::time::sleep(MINUTE)).await.is_some() {
        minutes += 1;
        if parts.sandbox {
            continue;
        }
        said("counts", counts_of_month(&parts).await);
        if minutes % CHECKPOINT_MINUTES == 1 {
            said("checkpoint", checkpoint(&parts).await);
            said("requests", forget(&parts).await);
        }
    }
}

fn said(what: &'static str, done: Result<(), Error>) {
    match done {
        Ok(()) | Err(Error::Recovering) => {}
        Err(error) => tracing::warn!(what, %error, "a tick failed and is tried again"),
    }
}

async fn counts_of_month(parts: &Parts) -> Result<(), Error> {
    let moment = parts.source.moment();
    let month = counts::month_before(calendar::day(moment.now));
    let matter = Matter::new(Noun::ReferralCounts, parts.own, &month).to_string();
    let counted = parts.store.page(&matter).await?.is_some_and(|page| counts::is_counted(&page, parts.own));
    if counted {
        return Ok(());
    }
    let count = Count { own: parts.own, month };
    parts.store.write("count_referrals", Call::own("count_referrals"), moment, count).await.map(|_| ())
}

async fn checkpoint(parts: &Parts) -> Result<(), Error> {
    let heads = parts.store.audit_heads().await?;
    let checkpoint = Checkpoint { own: parts.own, heads };
    let call = Call::own("checkpoint_audit");
    parts.store.write("checkpoint_audit", call, parts.source.moment(), checkpoint).await.map(|_| ())
}

async fn forget(parts: &Parts) -> Result<(), Error> {
    let now = parts.source.moment().now.as_microsecond();
    parts.store.forget_requests(now.saturating_sub(REQUESTS_DAYS * 86_400_000_000)).await
}

/// After a recovery the kinds that this version speaks are said again: the entry that said so may be lost.
pub(crate) async fn say_kinds_again(parts: Parts, draining: CancellationToken) {
    let mut heads = parts.store.heads();
    let mut was_recovering = heads.borrow_and_update().recovering();
    while let Some(Ok(())) = draining.run_until_cancelled(heads.changed()).await {
        let recovering = heads.borrow_and_update().recovering();
        if was_recovering && !recovering {
            let begin = Begin { kinds: parts.kinds.iter().copied().collect() };
            let written = parts.store.write("begin", Call::own("begin"), parts.source.moment(), begin).await;
            said("kinds", written);
        }
        was_recovering = recovering;
    }
}

/// Readiness follows the database.
pub(crate) async fn watch_database(store: Store, readiness: Arc<Readiness>, draining: CancellationToken) {
    loop {
        let answers = store.ping().await;
        if let Err(error) = &answers {
            tracing::warn!(%error, "the database does not answer");
        }
        readiness.report(Need::Database, answers.is_ok()).await;
        if draining.run_until_cancelled(tokio::time::sleep(PING)).await.is_none() {
            return;
        }
    }
}

/// Takes fresh certificates and revocation lists when their files have changed. A broken pair keeps the old one.
pub(crate) async fn reload(config: Config, tls: Tls, readiness: Arc<Readiness>, draining: CancellationToken) {
    readiness.report(Need::TrustMaterial, true).await;
    let mut seen = changed_at(&config);
    while draining.run_until_cancelled(tokio::time::sleep(RELOAD)).await.is_some() {
        let now = changed_at(&config);
        if now == seen {
            continue;
        }
        let (desk, link) = (config.desk.files(), config.link.files());
        let loaded = tls.desk.reload(&desk).and_then(|()| tls.link.reload(&link)).and_then(|()| tls.dial.reload(&link));
        match loaded {
            Ok(()) => tracing::info!("fresh certificates and revocation lists are in use"),
            Err(error) => tracing::error!(%error, "fresh certificates cannot be used; the old ones stay"),
        }
        seen = now;
    }
}

/// When each file of TLS was changed.
fn changed_at(config: &Config) -> Vec<Option<std::time::SystemTime>> {
    let files = [config.desk.files(), config.link.files()];
    let paths = files.into_iter().flat_map(|it| {
        let mut paths: Vec<PathBuf> = vec![it.certificate, it.key, it.roots];
        paths.extend(it.crls);
        paths
    });
    paths.map(|path| std::fs::metadata(path).and_then(|it| it.modified()).ok()).collect()
}
