//! The file system under PPC's database is full, and has room again.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use renkei_proto::r#type::v1::Agency;
use renkei_store::Store;
use tempfile::TempDir;
use tokio::time::Instant;

use super::load::{Load, figures, may_be_repeated, seconds};
use crate::{
    acts::{both, to_the_party},
    cluster::{Cluster, Engine},
    database,
    fault::report::Report,
    pair::Pair,
    setup::Choice,
    signs::until_all,
};

/// The time in which calls are made undisturbed.
const PEACE: Duration = Duration::from_secs(2);
/// The longest time until a full disk refuses a write: logs have room that they reserved before.
const FULL: Duration = Duration::from_secs(120);
/// The longest time until everything works again.
const AGAIN: Duration = Duration::from_secs(10);

pub(super) async fn run(engine: Engine, report: &mut Report<'_>) -> Result<(), String> {
    // Larger than SQLite's log of changes becomes, which would fill a smaller one by itself.
    let disk = Disk::mount(if engine == Engine::Sqlite { 96 } else { 160 })?;
    let mut pair = Pair::down(Choice { engine: Some(engine), ..Choice::default() }).await?;
    let cluster = (engine == Engine::Postgres).then(|| Cluster::start_in(disk.path(), &[]));
    let url = match &cluster {
        Some(cluster) => {
            cluster.sql("postgres", "CREATE DATABASE small");
            cluster.url("small")
        }
        None => format!("sqlite:{}", disk.path().join("ppc.db").display()),
    };
    Store::migrate(&url, Agency::Ppc, "on a small disk", &renkei_store::silent)
        .await
        .map_err(|error| error.to_string())?;
    pair.ppc.set_config(pair.ppc.config().replace(&database::url(&pair.setup, Agency::Ppc), &url));
    pair.start(Agency::Ppc).await?;
    pair.start(Agency::Ipa).await?;
    let (ppc, ipa) = both(&pair)?;
    let load = Load::new(ppc);
    load.run_for(PEACE).await;
    report.figure("acknowledged before", load.acknowledged());

    let filled = disk.fill()?;
    let begun = Instant::now();
    while load.write().await.is_ok() {
        if begun.elapsed() > FULL {
            return Err("the disk is full, and nothing is refused".to_owned());
        }
    }
    report.figure("acknowledged until the first refusal", load.acknowledged());
    let red = tokio::select! {
        red = until_all(&pair, Agency::Ppc, false) => red?,
        () = load.run() => Vec::new(),
    };
    figures(report, "reported", &red);
    let refusals = load.refusals();
    report
        .check(&format!("writes are refused so that they may be repeated ({refusals:?})"), may_be_repeated(&refusals));
    report.check("lists are answered", load.is_held().await?);
    let waits =
        ipa.publish_item(ipa.publishing_item(to_the_party())).await.map_err(|refused| format!("{refused:?}"))?;

    let before = load.acknowledged();
    fs::remove_file(filled).map_err(|error| error.to_string())?;
    let room = Instant::now();
    let again = load.until_written(FULL).await;
    report.figure("until the first write after room was made", seconds(again));
    report.check("a write is acknowledged within 10 s after room was made", again.is_some_and(|took| took <= AGAIN));
    report.check("secret material is read again", load.read().await.is_ok());
    let arrived = async {
        while load.acts.item(&waits.name).await.is_err() {
            tokio::time::sleep(Load::PACE).await;
        }
    };
    let arrived = tokio::time::timeout(FULL, arrived).await.ok().map(|()| room.elapsed());
    report.figure("until what waited at the peer had arrived", seconds(arrived));
    report.check("what waited at the peer arrives", arrived.is_some());
    figures(report, "was well again", &until_all(&pair, Agency::Ppc, true).await?);
    load.run_for(PEACE).await;
    report.figure("acknowledged afterwards", load.acknowledged() - before);

    pair.stop(Agency::Ppc).await?;
    pair.start(Agency::Ppc).await?;
    report.check("every acknowledged write is there once", load.is_held().await?);
    let (code, said) = pair.command_line(Agency::Ppc, &["verify"]).await?;
    report.check(&format!("the journals verify: {}", said.lines().last().unwrap_or_default()), code == Some(0));
    pair.stop_both().await
}

/// A file system of its own, in memory. It goes when it is dropped.
struct Disk(TempDir);

impl Disk {
    /// One of so many MiB. Only root may mount.
    fn mount(size: u32) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}m,mode=1777"), "tmpfs"]).arg(folder.path());
        let output = mount.output().map_err(|error| format!("mount: {error}"))?;
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        output.status.success().then_some(Self(folder)).ok_or_else(|| {
            format!("this scenario needs a small file system, which cannot be mounted here ({why}): run it as root")
        })
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that is left.
    fn fill(&self) -> Result<PathBuf, String> {
        let path = self.path().join("everything");
        let mut file = fs::File::create(&path).map_err(|error| error.to_string())?;
        for size in [1 << 20, 4 << 10] {
            let zeros = vec![0; size];
            loop {
                match file.write_all(&zeros) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.to_string()),
                }
            }
        }
        Ok(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that is still ending has files open there.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
