//! The knowledge that the replicas of one service have of each other: writes, the live replicas, the leader, the kinds
//! that all of them speak, and the state of the link.
//!
//! Leading only saves work, and two leaders at once do no harm: entries are immutable, and arrival is idempotent. There
//! is therefore no lock that could be lost: every replica beats in a row of its own, and the live replica that has
//! served longest leads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use prost::Message as _;
use renkei_proto::link::v1::LinkStatus;
use tokio::{sync::watch, time::Instant};

use crate::{
    condition,
    dialect::Listener,
    error::Error,
    head,
    inner::Inner,
    officials::{barred, officials},
    query::{FromRow, Row, query, query_as},
    replica::{Replica, Replicas},
    store::Store,
    value::{count, number},
};

pub(crate) const NEXT: &str = "SELECT COALESCE(MAX(started), 0) + 1 FROM replica";
pub(crate) const JOIN: &str = "INSERT INTO replica (name, started, beat, kinds, link) VALUES ($1, $2, 0, $3, $4) \
     ON CONFLICT (name) DO UPDATE SET started = excluded.started, beat = 0, kinds = excluded.kinds, link = excluded.link";
pub(crate) const BEAT: &str = "UPDATE replica SET beat = beat + 1, link = $1 WHERE name = $2 AND started = $3";
pub(crate) const ALL: &str = "SELECT name, started, beat, kinds, link FROM replica LIMIT 100";
pub(crate) const LEAVE: &str = "DELETE FROM replica WHERE name = $1 AND started = $2";

/// The interval of a replica's beats.
const PERIOD: Duration = Duration::from_secs(2);
/// The time without a beat, by the reader's own clock, after which a replica counts as dead.
const DEAD: Duration = Duration::from_secs(10);
/// The time after which the row of a dead replica is deleted.
const FORGOTTEN: Duration = Duration::from_secs(3600);
/// The time limit for the listening connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// The interval at which the heads are read again for writes of other processes, even without a notification.
const LOOK: Duration = Duration::from_secs(1);

impl Store {
    /// Makes this process serve from the database: it is notified of other replicas' writes, and they know of it.
    /// `kinds`: the kinds of fact that it speaks.
    ///
    /// # Errors
    /// A database that does not answer or cannot be written, or another process that serves from its file.
    pub async fn join(&self, kinds: Vec<String>) -> Result<(), Error> {
        let inner = Arc::clone(&self.inner);
        if let Some(file) = &inner.file {
            *inner.serving.lock().unwrap_or_else(PoisonError::into_inner) = Some(file.serve()?);
        }
        // A service that could not write is told so now, not at its first call.
        self.try_writing().await?;
        let own = Replica { name: inner.replica.clone(), started: 0, kinds, link: LinkStatus::default() };
        let mut others = Others::default();
        inner.replicas.send_replace(Replicas { live: vec![own.clone()], leads: !inner.dialect.is_shared() });
        enter(&inner).await?;
        if inner.dialect.is_shared() {
            look(&inner, &mut others).await?;
            tokio::spawn(beat(Arc::clone(&inner), others, self.closing.subscribe()));
        }
        tokio::spawn(condition::heal(Arc::clone(&inner), self.closing.subscribe()));
        tokio::spawn(follow(inner, self.closing.subscribe()));
        Ok(())
    }

    /// Reads the heads again, for writes of other processes.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn refresh(&self) -> Result<(), Error> {
        refresh(&self.inner).await
    }

    /// The replicas that live, as they come and go.
    pub fn replicas(&self) -> watch::Receiver<Replicas> {
        self.inner.replicas.subscribe()
    }

    /// Announces the state of this replica's connection to the peer. Returns the previous state.
    pub fn say_link(&self, link: &LinkStatus) -> LinkStatus {
        let mut before = LinkStatus::default();
        self.inner.replicas.send_modify(|replicas| {
            if let Some(own) = replicas.live.iter_mut().find(|replica| replica.name == self.inner.replica) {
                before = std::mem::replace(&mut own.link, link.clone());
            }
        });
        self.inner.announced.notify_one();
        before
    }

    /// Removes the row of this replica, so that the others need not wait until it counts as dead.
    pub(crate) async fn leave(&self) {
        let Some(own) = own(&self.inner) else { return };
        self.inner.replicas.send_replace(Replicas::default());
        let left = query(LEAVE).bind(own.name).bind(number(own.started)).execute(&self.inner.write).await;
        if let Err(error) = left {
            tracing::warn!(%error, "the other replicas were not notified of the end: they find out by themselves");
        }
        *self.inner.serving.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The announcement of this replica; `None` in a process that does not serve.
fn own(inner: &Inner) -> Option<Replica> {
    inner.replicas.borrow().live.iter().find(|replica| replica.name == inner.replica).cloned()
}

/// Enters this replica behind all others.
async fn enter(inner: &Inner) -> Result<(), Error> {
    let Some(own) = own(inner) else { return Ok(()) };
    let started: i64 = query(NEXT).fetch_one(&inner.read).await?.try_get(0)?;
    query(JOIN)
        .bind(own.name.as_str())
        .bind(started)
        .bind(own.kinds.join(" "))
        .bind(own.link.encode_to_vec())
        .execute(&inner.write)
        .await?;
    inner.replicas.send_modify(|replicas| {
        for it in replicas.live.iter_mut().filter(|it| it.name == own.name) {
            it.started = count(started);
        }
    });
    Ok(())
}

/// The last beat of each other replica, and the time at which it was first seen.
#[derive(Default)]
struct Others(BTreeMap<(String, u64), (i64, Instant)>);

impl Others {
    /// The time since this replica's beat last changed.
    fn still(&mut self, replica: &Replica, beat: i64) -> Duration {
        let now = Instant::now();
        let seen = self.0.entry((replica.name.clone(), replica.started)).or_insert((beat, now));
        if seen.0 != beat {
            *seen = (beat, now);
        }
        now - seen.1
    }
}

/// The row of a replica, with the number of its last beat.
struct ReplicaRow {
    replica: Replica,
    beat: i64,
}

impl FromRow for ReplicaRow {
    /// Reads the columns of [`ALL`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let (name, started, beat) = (columns.read()?, count(columns.read()?), columns.read()?);
        let (kinds, link): (&str, &[u8]) = (columns.read()?, columns.read()?);
        let replica = Replica {
            name,
            started,
            kinds: kinds.split_whitespace().map(str::to_owned).collect(),
            link: LinkStatus::decode(link).unwrap_or_default(),
        };
        Ok(Self { replica, beat })
    }
}

/// Beats until the service ends.
async fn beat(inner: Arc<Inner>, mut others: Others, mut closing: watch::Receiver<bool>) {
    let mut last = Instant::now();
    loop {
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return,
            () = tokio::time::sleep(PERIOD) => {}
            () = inner.announced.notified() => {}
        }
        match beat_once(&inner, &mut others, last.elapsed() > DEAD).await {
            Ok(()) => last = Instant::now(),
            // The other replicas have taken over long before.
            Err(_) if last.elapsed() > DEAD => {
                inner.replicas.send_if_modified(|replicas| std::mem::take(&mut replicas.leads));
            }
            Err(error) => tracing::warn!(%error, "this replica did not beat"),
        }
    }
}

async fn beat_once(inner: &Inner, others: &mut Others, was_dead: bool) -> Result<(), Error> {
    let Some(own) = own(inner) else { return Ok(()) };
    let beat = query(BEAT).bind(own.link.encode_to_vec()).bind(own.name.as_str()).bind(number(own.started));
    let beats = beat.execute(&inner.read).await? == 1;
    if beats && !was_dead {
        return look(inner, others).await;
    }
    let rows = query_as(ALL).fetch_all(&inner.read).await?;
    for ReplicaRow { replica, .. } in rows {
        if replica.name == own.name && replica.started != own.started {
            tracing::error!(
                replica = replica.name,
                "another process serves as this replica: give each a name of its own"
            );
            inner.replicas.send_if_modified(|replicas| std::mem::take(&mut replicas.leads));
            return Ok(());
        }
    }
    enter(inner).await?;
    look(inner, others).await
}

/// Reads the rows of all replicas and publishes those that live.
async fn look(inner: &Inner, others: &mut Others) -> Result<(), Error> {
    let (mut live, mut there) = (Vec::new(), BTreeSet::new());
    for ReplicaRow { replica, beat } in query_as(ALL).fetch_all(&inner.read).await? {
        let is_own = replica.name == inner.replica;
        there.insert((replica.name.clone(), replica.started));
        let still = others.still(&replica, beat);
        if is_own || still < DEAD {
            live.push(replica);
        } else if still > FORGOTTEN {
            query(LEAVE).bind(replica.name).bind(number(replica.started)).execute(&inner.read).await?;
        }
    }
    others.0.retain(|replica, _| there.contains(replica));
    live.sort_by(|one, other| (one.started, &one.name).cmp(&(other.started, &other.name)));
    inner.replicas.send_if_modified(|known| {
        // The announcement here is newer than the one that was read.
        for own in live.iter_mut().filter(|replica| replica.name == inner.replica) {
            if let Some(announced) = known.live.iter().find(|replica| replica.name == inner.replica) {
                own.link.clone_from(&announced.link);
            }
        }
        let leads = live.first().is_some_and(|first| first.name == inner.replica);
        let found = Replicas { live, leads };
        let changed = *known != found;
        *known = found;
        changed
    });
    Ok(())
}

/// The next step of a follower.
enum Next {
    End,
    Look,
    Tell,
    /// Another replica has committed, or the connection is lost.
    Heard(Result<(), sqlx::Error>),
}

/// Follows the writes of the other replicas, and notifies them of this replica's. Notifications save waiting; regular
/// reads find what they miss.
async fn follow(inner: Arc<Inner>, mut closing: watch::Receiver<bool>) {
    let mut listener = None;
    loop {
        if listener.is_none() && inner.dialect.is_shared() {
            // Another task reports whether the database answers.
            let connecting = tokio::time::timeout(PATIENCE, Listener::connect(&inner.url, &inner.replica)).await;
            listener = connecting.ok().and_then(Result::ok);
        }
        let is_alone = inner.replicas.borrow().live.len() < 2;
        let next = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => Next::End,
            () = tokio::time::sleep(LOOK) => Next::Look,
            () = inner.wrote.notified(), if !is_alone => Next::Tell,
            heard = hear(&mut listener) => Next::Heard(heard),
        };
        let outcome = match (next, &mut listener) {
            (Next::End, _) => return,
            (Next::Tell, Some(listener)) => listener.tell().await,
            (Next::Tell, None) => Ok(()),
            (Next::Heard(Err(error)), _) => Err(error),
            (Next::Look | Next::Heard(Ok(())), _) => {
                // A database that does not answer now is asked again a moment later.
                let _ = refresh(&inner).await;
                Ok(())
            }
        };
        if outcome.is_err() {
            listener = None;
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn hear(listener: &mut Option<Listener>) -> Result<(), sqlx::Error> {
    match listener {
        Some(listener) => listener.heard().await,
        None => std::future::pending().await,
    }
}

async fn refresh(inner: &Inner) -> Result<(), Error> {
    let before = inner.heads.borrow().private.seq;
    let heads = head::read(&mut inner.read.acquire().await?, inner.own).await?;
    if before < heads.private.seq {
        let found = officials(&inner.read, inner.own, &inner.ring, &inner.metrics).await?;
        inner.barred.send_replace(barred(&found));
    }
    inner.heads.send_if_modified(|known| {
        // A commit of this replica may be newer than the heads that were read. A process that repairs the database may
        // have changed them without a commit.
        let moved = known.commits <= heads.commits && *known != heads;
        if moved {
            *known = heads;
        }
        moved
    });
    Ok(())
}
