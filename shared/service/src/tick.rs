//! The work that a service does by itself: counts, checkpoints, health, fresh certificates.

use std::{sync::Arc, time::Duration};

use renkei_book::{Begin, CallOrigin, Declined};
use renkei_desk::{
    Checkpoint, JournalKeys, count_months,
    verify::{verify as verify_all, verify_tail},
    warn_of_term,
};
use renkei_domain::moment::Source;
use renkei_proto::r#type::v1::Agency;
use renkei_rpc::{
    health::{Need, Readiness},
    tls::{Files, Part, Reloading},
};
use renkei_store::{Error, Store};
use renkei_telemetry::Metrics;
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    operator::Facts,
    past::{Past, Sample},
    source,
    status::trouble,
    tls::Tls,
};

const MINUTE: Duration = Duration::from_secs(60);
/// The minimum time between two checkpoints.
const CHECKPOINT_MINUTES: u64 = 60;
/// The time for which replies to calls are kept for repeats.
const REQUESTS_DAYS: i64 = 30;
const PING: Duration = Duration::from_secs(2);
const RELOAD: Duration = Duration::from_secs(30);
/// The interval at which the metrics are updated for a collector; a scrape updates them by itself.
const OBSERVE: Duration = Duration::from_secs(15);
/// The interval at which the clock is examined.
const CLOCK: Duration = Duration::from_secs(1);
/// The pause before the kinds are announced again.
const AGAIN: Duration = Duration::from_secs(1);

/// The values that the ticks share.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) own: Agency,
    pub(crate) store: Store,
    pub(crate) source: Source,
    pub(crate) sandbox: bool,
}

/// The incarnation in which kinds were announced, and the kinds.
pub(crate) type SpokenKinds = (u32, Vec<String>);

/// Writes the counts of past months and the warnings about the term every minute, if they are missing, and checkpoints
/// every hour. One replica works for all. A sandbox writes none of them by itself, so that its clock may jump.
pub(crate) async fn run(parts: Parts, draining: CancellationToken) {
    let mut minutes = 0_u64;
    while draining.run_until_cancelled(tokio::time::sleep(MINUTE)).await.is_some() {
        minutes += 1;
        if parts.sandbox || !parts.store.replicas().borrow().leads {
            continue;
        }
        said("counts", count_months(&parts.store, &parts.source).await);
        said("warnings", warn_of_term(&parts.store, &parts.source).await);
        if minutes % CHECKPOINT_MINUTES == 1 {
            said("checkpoint", checkpoint(&parts).await);
            said("replies", forget(&parts).await);
            parts.store.clean_files().await;
        }
    }
}

fn said(what: &'static str, done: Result<(), Error>) {
    match done {
        Ok(()) | Err(Error::Declined(Declined::Recovering | Declined::ClockDoubted)) => {}
        Err(error) => tracing::warn!(what, %error, "a tick failed and is tried again"),
    }
}

async fn checkpoint(parts: &Parts) -> Result<(), Error> {
    let heads = parts.store.audit_heads().await?;
    let checkpoint = Checkpoint { own: parts.own, heads };
    let call = CallOrigin::own("checkpoint_audit");
    parts.store.write("checkpoint_audit", call, parts.source.moment(), checkpoint).await.map(|_| ())
}

async fn forget(parts: &Parts) -> Result<(), Error> {
    let now = parts.source.moment().now.as_microsecond();
    parts.store.forget_replies(now.saturating_sub(REQUESTS_DAYS * 86_400_000_000)).await
}

/// Announces the kinds that all replicas speak again when they changed with a replica that came or went, and after a
/// recovery, because the entry of the announcement may be lost. It tries until the entry is written. `said` is the last
/// announcement.
pub(crate) async fn say_kinds_again(parts: Parts, mut said: Option<SpokenKinds>, draining: CancellationToken) {
    let (mut heads, mut replicas) = (parts.store.heads(), parts.store.replicas());
    loop {
        let (incarnation, recovering) = {
            let heads = heads.borrow_and_update();
            (heads.own.incarnation, heads.recovering())
        };
        let (leads, kinds) = {
            let replicas = replicas.borrow_and_update();
            (replicas.leads, replicas.kinds())
        };
        let wanted = (incarnation, kinds);
        let due = leads && !recovering && said.as_ref() != Some(&wanted);
        if due {
            let begin = Begin { kinds: wanted.1.clone() };
            let written = parts.store.write("begin", CallOrigin::own("begin"), parts.source.moment(), begin).await;
            said = written.is_ok().then_some(wanted);
            self::said("kinds", written);
        }
        let next = async {
            if due && said.is_none() {
                tokio::time::sleep(AGAIN).await;
                return Ok(());
            }
            tokio::select! {
                moved = heads.changed() => moved,
                changed = replicas.changed() => changed,
            }
        };
        if !matches!(draining.run_until_cancelled(next).await, Some(Ok(()))) {
            return;
        }
    }
}

/// Lets readiness follow the clock. While the clock is right, this is recorded in the database every minute; while it
/// is doubted, an operator's confirmation is awaited.
pub(crate) async fn watch_clock(parts: Parts, readiness: Arc<Readiness>, draining: CancellationToken) {
    let Parts { store, source, .. } = parts;
    let Some(keeper) = source.keeper() else { return readiness.report(Need::Clock, true).await };
    // The private journal's head when the doubt began: an older confirmation does not answer this doubt.
    let mut doubted_at = None;
    let mut noted: Option<Instant> = None;
    loop {
        match (keeper.doubt(), doubted_at) {
            (None, None) => {
                if noted.is_none_or(|noted| noted.elapsed() >= MINUTE) && store.runs(source.moment().now).await.is_ok()
                {
                    noted = Some(Instant::now());
                }
            }
            (None, Some(_)) => {
                tracing::info!("the clock is right again, or was confirmed");
                (doubted_at, noted) = (None, None);
            }
            (Some(doubt), None) => {
                tracing::error!(why = source::doubted(&doubt), "the clock is doubted: acts are refused");
                doubted_at = Some(store.heads().borrow().private.seq);
            }
            (Some(_), Some(seq)) => {
                // Another task reports a database that does not answer.
                let confirmed = store.clock_confirmed().await.ok().flatten();
                if let Some((_, time)) = confirmed.filter(|(at, _)| *at > seq) {
                    // The confirmation may concern another replica's clock.
                    let _ = keeper.confirm(time);
                }
            }
        }
        readiness.report(Need::Clock, doubted_at.is_none()).await;
        if draining.run_until_cancelled(tokio::time::sleep(CLOCK)).await.is_none() {
            return;
        }
    }
}

/// Verifies the entries since the last checkpoint when the service starts, and the whole database at an interval. One
/// replica does this for all; the others verify the newest entries again. A fault ends nothing: it is logged, and the
/// alert calls an operator.
pub(crate) async fn verify(
    parts: Parts,
    keys: JournalKeys,
    metrics: Metrics,
    every: Duration,
    draining: CancellationToken,
) {
    let mut right = is_right(verify_tail(&parts.store, &keys.own, &keys.peer).await);
    let mut last = Instant::now();
    loop {
        metrics.verified(right, last.elapsed());
        if draining.run_until_cancelled(tokio::time::sleep(MINUTE)).await.is_none() {
            return;
        }
        if last.elapsed() < every {
            continue;
        }
        if !parts.store.replicas().borrow().leads {
            right = is_right(verify_tail(&parts.store, &keys.own, &keys.peer).await);
            last = Instant::now();
            continue;
        }
        let verifying = verify_all(&parts.store, &keys.own, &keys.peer);
        let Some(verified) = draining.run_until_cancelled(verifying).await else { return };
        right = is_right(verified.map(|_| ()));
        last = Instant::now();
    }
}

fn is_right(verified: Result<(), String>) -> bool {
    match &verified {
        Ok(()) => tracing::info!("the database was verified"),
        Err(fault) => tracing::error!(fault, "the database is not right: it was changed or damaged"),
    }
    verified.is_ok()
}

/// Lets the metrics follow the state of the service.
pub(crate) async fn observe(facts: Facts, draining: CancellationToken) {
    while draining.run_until_cancelled(tokio::time::sleep(OBSERVE)).await.is_some() {
        facts.observe().await;
    }
}

/// Lets the past of the service follow its link and, every minute, its backlog.
pub(crate) async fn remember(past: Past, parts: Parts, draining: CancellationToken) {
    let (heads, mut replicas) = (parts.store.heads(), parts.store.replicas());
    let mut minutes = tokio::time::interval(MINUTE);
    minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        past.note(|| {
            let link = replicas.borrow_and_update().link();
            (parts.source.moment().now, link)
        });
        tokio::select! {
            _ = minutes.tick() => {
                let backlog = heads.borrow().backlog();
                past.sample(Sample { at: parts.source.moment().now, backlog });
            }
            changed = replicas.changed() => if changed.is_err() { return },
            () = draining.cancelled() => return,
        }
    }
}

/// Lets readiness follow the database, and logs each change once.
pub(crate) async fn watch_database(store: Store, readiness: Arc<Readiness>, draining: CancellationToken) {
    let mut is_well = true;
    loop {
        let trouble = trouble(&store).await;
        if trouble.is_empty() != is_well {
            is_well = trouble.is_empty();
            match is_well {
                true => tracing::info!("the database is well again"),
                false => tracing::error!(trouble, "the database is not well"),
            }
        }
        readiness.report(Need::Database, is_well).await;
        if draining.run_until_cancelled(tokio::time::sleep(PING)).await.is_none() {
            return;
        }
    }
}

/// Reads certificates, keys, roots and revocation lists again when the files changed or on request. Material that is
/// broken, or worse than that in use, is not accepted, is tried again at each look, and blocks nothing else. Readiness
/// follows the expiry of the material in use.
pub(crate) async fn reload(
    config: Config,
    tls: Tls,
    readiness: Arc<Readiness>,
    asked: Arc<Notify>,
    draining: CancellationToken,
) {
    let [mut desk, mut link, mut dial] =
        [("desk", config.desk.files()), ("link", config.link.files()), ("dial", config.link.files())].map(Look::new);
    loop {
        readiness.report(Need::TrustMaterial, is_valid(&tls)).await;
        let asked = tokio::select! {
            () = asked.notified() => true,
            () = tokio::time::sleep(RELOAD) => false,
            () = draining.cancelled() => return,
        };
        desk.renew(&tls.desk, asked);
        link.renew(&tls.link, asked);
        dial.renew(&tls.dial, asked);
    }
}

/// The files of a port, with their last known state.
struct Look {
    port: &'static str,
    files: Files,
    /// The digest of the files when all of them were in use; `None` before.
    seen: Option<[u8; 32]>,
    /// The faults of the files that were logged last.
    said: Vec<String>,
}

impl Look {
    fn new((port, files): (&'static str, Files)) -> Self {
        Self { port, files, seen: None, said: Vec::new() }
    }

    fn renew<T>(&mut self, tls: &Reloading<T>, asked: bool) {
        let found = self.files.digest();
        if !asked && self.seen == Some(found) {
            return;
        }
        let reload = tls.reload(&self.files, source::machine().as_second());
        self.seen = reload.refused.is_empty().then_some(found);
        let port = self.port;
        match (reload.refused.is_empty(), reload.is_new) {
            (true, is_new) if is_new || asked => {
                tracing::info!(port, "fresh certificates and revocation lists are in use");
            }
            (false, true) => {
                tracing::info!(port, "the sound part of fresh certificates and revocation lists is in use")
            }
            _ => {}
        }
        let told = std::mem::replace(&mut self.said, reload.refused.iter().map(ToString::to_string).collect());
        // A persistent fault is tried again at each look; it is logged once, or on request.
        for error in self.said.iter().filter(|fault| asked || !told.contains(fault)) {
            tracing::error!(port, error, "fresh certificates or revocation lists were not accepted; those in use stay");
        }
    }
}

/// True if no certificate and no revocation list in use has expired.
fn is_valid(tls: &Tls) -> bool {
    let now = source::machine().as_second();
    let all = tls.in_use();
    let has_ended = |part: &Part| part.ends <= now;
    let expired = all.iter().find(|(_, it)| has_ended(&it.certificate) || it.crl.as_ref().is_some_and(has_ended));
    if let Some((port, it)) = expired {
        tracing::error!(port, in_use = ?it, "a certificate or revocation list has expired: connections are refused");
    }
    expired.is_none()
}

#[cfg(test)]
mod tests;
