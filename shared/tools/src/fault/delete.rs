//! The database's file disappears: while the service runs, and before it starts.

use std::{fs, process::Stdio, time::Duration};

use renkei_proto::r#type::v1::Agency;
use tokio::process::Command;

use super::load::{Load, figures};
use crate::{
    acts::Acts,
    cluster::Engine,
    database,
    fault::report::Report,
    pair::Pair,
    process::binary,
    setup::Choice,
    signs::{trouble, until_all},
};

/// The time in which calls are made undisturbed.
const PEACE: Duration = Duration::from_secs(2);
/// The longest time for a command that is expected to end by itself.
const ENDS: Duration = Duration::from_secs(30);
/// The longest time until every sign shows the fault.
const TOLD: Duration = Duration::from_secs(10);

pub(super) async fn run(engine: Engine, report: &mut Report<'_>) -> Result<(), String> {
    let mut pair = Pair::down(Choice { engine: Some(engine), ..Choice::default() }).await?;
    let file = database::file(&pair.setup, Agency::Ppc);
    let away = format!("{file}.away");
    pair.start(Agency::Ppc).await?;
    let load = Load::new(Acts::new(&pair, Agency::Ppc)?);
    load.run_for(PEACE).await;
    let before = load.acknowledged();
    report.figure("acknowledged before", before);
    let (code, said) = ended(&pair, &["serve"]).await?;
    report.check(
        "a second service on the file is refused",
        code == Some(1) && said.contains("another process serves from"),
    );

    fs::rename(&file, &away).map_err(|error| error.to_string())?;
    let red = tokio::select! {
        red = until_all(&pair, Agency::Ppc, false) => red?,
        () = load.run() => Vec::new(),
    };
    figures(report, "reported", &red);
    report.check("every sign reports it within 10 s", red.iter().all(|(_, took)| *took <= TOLD));
    let said = trouble(&pair, Agency::Ppc).await?;
    report.check(&format!("one sentence reports it: {said}"), said.contains("was deleted or replaced"));
    load.run_for(PEACE).await;
    let onto = load.acknowledged() - before;
    // Those that were under way while it disappeared are acknowledged before the file is looked for again.
    report.figure("acknowledged onto the file that is gone", onto);
    report.check("nothing is acknowledged onto a file that is gone", load.write().await.is_err());

    fs::copy(&away, &file).map_err(|error| error.to_string())?;
    report.check("nor onto another one in its place", load.write().await.is_err());
    fs::rename(&away, &file).map_err(|error| error.to_string())?;
    report.check("writes go on once the file is back", load.write().await.is_ok());
    figures(report, "was well again", &until_all(&pair, Agency::Ppc, true).await?);

    pair.stop(Agency::Ppc).await?;
    fs::rename(&file, &away).map_err(|error| error.to_string())?;
    for task in ["check", "serve"] {
        let (code, said) = ended(&pair, &[task]).await?;
        let sentence = said.lines().last().unwrap_or_default().to_owned();
        report
            .check(&format!("{task} fails: {sentence}"), code == Some(1) && sentence.contains("there is no database"));
    }
    report.check("no database is made in its place", !fs::exists(&file).map_err(|error| error.to_string())?);
    fs::rename(&away, &file).map_err(|error| error.to_string())?;
    let (code, said) = ended(&pair, &["serve", "--first-start"]).await?;
    report.check("a first start is refused where there is one", code == Some(1) && said.contains("database already"));
    pair.start(Agency::Ppc).await?;
    report.check("every acknowledged write is there once", load.is_held().await?);
    pair.stop(Agency::Ppc).await
}

/// Exit code and words of a command of PPC on free ports, which is expected to end by itself.
async fn ended(pair: &Pair, arguments: &[&str]) -> Result<(Option<i32>, String), String> {
    let file = pair.setup.dir.join("beside.toml");
    fs::write(&file, pair.ppc.config()).map_err(|error| error.to_string())?;
    let mut command = Command::new(binary(Agency::Ppc)?);
    command.arg("--config").arg(file).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(ENDS, command.output()).await;
    let output = output.map_err(|_| format!("{arguments:?} does not end"))?.map_err(|error| error.to_string())?;
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Ok((output.status.code(), String::from_utf8_lossy(&text).into_owned()))
}
