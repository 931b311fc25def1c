//! The command line of both binaries.

use std::{
    collections::HashMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use jiff::{Timestamp, civil::DateTime};
use renkei_book::{CallOrigin, ConfirmClock, Resume};
use renkei_desk::JournalKeys;
use renkei_domain::{calendar::TOKYO, moment::Source};
use renkei_proto::{
    journal::v1::{ClockConfirmedContent, StopLiftedContent},
    r#type::v1::Agency,
};
use renkei_store::Store;
use renkei_telemetry::{LogTarget, Settings, Telemetry};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    config::Config,
    doctor, key,
    language::Language,
    operator,
    recovery::{self, Recovery},
    source,
    start::Running,
    status::Status,
    store::{database, with_clock, with_store},
    terminal::{is_within, said, say},
    tls::{Tls, dialling},
    trace,
};

/// The service of one agency under the memorandum of understanding.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file; /etc/renkei/ppc.toml or /etc/renkei/ipa.toml by default.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The language of the output; by default `language` of the configuration. Japanese shows times in Japan. JSON is
    /// English with times in UTC in any case.
    #[arg(long, global = true, value_enum)]
    lang: Option<Language>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs the service until SIGTERM or Ctrl-C; reads fresh certificates and revocation lists on SIGHUP.
    Serve {
        /// Sets up a new database first. Without this option a missing database is an error.
        #[arg(long)]
        first_start: bool,
    },
    /// Checks configuration, files, keys and database, and tries to reach the peer. Changes nothing.
    Check,
    /// Sets up or upgrades the database.
    Migrate,
    /// Folds the journals again and compares the result with the pages in the database.
    Rebuild {
        /// Corrects the pages that differ. Only while the service is stopped.
        #[arg(long)]
        write: bool,
    },
    /// Proves that nothing in the journals and audit chains is missing, added or changed.
    Verify,
    /// Lifts a stop of the peer's journal. The journal continues with its next number; none is skipped.
    Resume {
        /// The next number of the peer's journal.
        #[arg(long)]
        from: u64,
        /// The reason, in 1 to 1000 characters; it is recorded.
        #[arg(long)]
        reason: String,
    },
    /// Confirms the clock of this machine after it was doubted, so that acts are accepted again. The confirmation is
    /// recorded.
    ConfirmClock {
        /// The time by another clock, such as `2026-11-29T10:15` in Japan, or with an offset; at most ten minutes from
        /// the time of this machine.
        #[arg(long)]
        time: String,
        /// The reason for which the clock is right, in 1 to 1000 characters; it is recorded.
        #[arg(long)]
        reason: String,
        /// Agrees that acts are dated by the last entry if that is dated ahead of the clock.
        #[arg(long)]
        dated_ahead: bool,
    },
    /// Shows the entries that a recovery set aside for an official, and everything else that a recovery waits for. Ends
    /// a recovery that cannot end by itself, or confirms the list of barred officials after a loss.
    Recover(Recover),
    /// Copies the database while it runs, and marks the copy: a service that starts on it opens a new incarnation.
    /// SQLite only; a copy made with PostgreSQL's own tools is recognised by its place.
    Backup {
        /// The file to create.
        file: PathBuf,
    },
    /// Shows the state of the service: link, journals, waiting entries, duties, clocks, certificates, agreement. Asks
    /// the running service; if none runs, reads the database.
    Status {
        /// Prints JSON, with times in UTC.
        #[arg(long)]
        json: bool,
    },
    /// Checks everything that the service needs, one line each, and states what to do. Changes nothing.
    Doctor,
    /// Reports whether the service runs and its database answers, for a supervisor of the process.
    Health,
    /// Shows the life of one matter: the entries of both halves, their delivery, and their traces.
    Trace {
        /// The name of the matter, such as `agencies/ppc/referrals/…`, or its case number, such as `甲-R08-REF-0001` or
        /// `甲 令和8年 REF 1`.
        #[arg(required = true)]
        matter: Vec<String>,
    },
}

/// The act on a recovery; without arguments the recovery is shown.
#[derive(Args)]
struct Recover {
    /// Ends a recovery without the missing entries, because nobody has them any more. The reason, in 1 to 1000
    /// characters, is recorded.
    #[arg(long, value_name = "REASON", conflicts_with = "barred")]
    end: Option<String>,
    /// After a loss: the ids of all barred officials, separated by commas; `none` if nobody is barred. From then on
    /// officials act again, and those who are missing from this agency's list are barred again.
    #[arg(long, value_name = "IDS", requires = "reason")]
    barred: Option<String>,
    /// The source of the list of barred officials, in 1 to 1000 characters; it is recorded.
    #[arg(long, requires = "barred")]
    reason: Option<String>,
}

impl From<Recover> for Recovery {
    fn from(arguments: Recover) -> Self {
        match arguments {
            Recover { end: Some(reason), .. } => Self::End(reason),
            Recover { barred: Some(barred), reason, .. } => {
                Self::Confirm { barred, reason: reason.unwrap_or_default() }
            }
            Recover { .. } => Self::Show,
        }
    }
}

/// Runs the command line of an agency's binary. Exit code 0: done; 1: failed, with the reason in a sentence; 2: wrong
/// usage.
pub fn main(own: Agency) -> ExitCode {
    // Both programs have this command line; `--version` and `--help` name the one that answers.
    let matches = Arguments::command().name(own.id()).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    // Until the configuration is read, and where it cannot be read.
    let mut language = arguments.lang.unwrap_or_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return failed(&language.said("the runtime cannot start", "実行環境を開始できません", error), language);
        }
    };
    match runtime.block_on(run(own, arguments, &mut language)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, language),
    }
}

/// What comes from below the command line is English; the first word tells an operator that it is an error.
fn failed(why: &str, language: Language) -> ExitCode {
    let line = language.say(why, format!("エラー：{why}"));
    // Standard error may be closed.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
    ExitCode::FAILURE
}

async fn run(own: Agency, arguments: Arguments, language: &mut Language) -> Result<(), String> {
    // First of all, so that no signal is lost and none ends the service half way.
    let signals = matches!(arguments.task, Task::Serve { .. }).then(Signals::new).transpose().map_err(said)?;
    let (mut config, source) = load(own, arguments.config)?;
    config.language = arguments.lang.unwrap_or(config.language);
    *language = config.language;
    match (arguments.task, signals) {
        (Task::Serve { first_start }, Some(signals)) => {
            config.database.first_start = first_start;
            serve(own, config, source, signals).await
        }
        (task, _) => command(own, config, source, task).await,
    }
}

fn load(own: Agency, file: Option<PathBuf>) -> Result<(Config, Source), String> {
    let file = file.unwrap_or_else(|| Path::new("/etc/renkei").join(format!("{}.toml", own.id())));
    let config = Config::load(&file, variables()?).map_err(said)?;
    config.callers(own).map_err(|error| said(error.of(&file)))?;
    let source = source(&config).map_err(said)?;
    Ok((config, source))
}

async fn command(own: Agency, config: Config, source: Source, task: Task) -> Result<(), String> {
    let language = config.language;
    match task {
        // It was started in `run`, which receives the signals.
        Task::Serve { .. } => Ok(()),
        Task::Check => check(own, &config).await,
        Task::Migrate => {
            let url = config.database.opened_with().map_err(said)?;
            let progress = |what: &str, done: u64, all: u64| {
                // The result goes to standard output, and the way there to standard error.
                let line = language
                    .say(format!("migrating: {done} of {all} {what}"), format!("更新中：{done} / {all} {what}"));
                let _ = writeln!(std::io::stderr(), "{line}");
            };
            let ran = Store::migrate(&url, own, &source.moment().id("store", 0), &progress).await.map_err(said)?;
            say(&language.say(format!("migrations run: {ran}"), format!("データベースの更新：{ran} 件")))
        }
        Task::Rebuild { write } => {
            let rebuild = async |store: &Store| {
                if write {
                    // A rebuild trusts the journals, so they are proven before their pages are sealed.
                    let keys = keys(&config, store)?;
                    let proven = renkei_desk::verify::verify_journals(store, &keys.own, &keys.peer).await;
                    proven.map_err(|fault| {
                        let english = "nothing is made from journals that are not right";
                        language.said(english, "発信記録簿が正しくないため、台帳を再構築しません", fault)
                    })?;
                }
                store.rebuild(write).await.map_err(said)
            };
            let rebuilt = with_store(own, &config, rebuild).await?;
            for name in &rebuilt.differing {
                say(&language.say(format!("differs: {name}"), format!("不一致：{name}")))?;
            }
            let (entries, pages, differing) = (rebuilt.entries, rebuilt.pages, rebuilt.differing.len());
            say(&language.say(
                format!("entries {entries}, pages {pages}, differing {differing}"),
                format!("記録 {entries} 件、台帳 {pages} 件、不一致 {differing} 件"),
            ))?;
            let right = write || rebuilt.differing.is_empty();
            right.then_some(()).ok_or_else(|| {
                language.say(
                    "pages differ from the journals: stop the service and run `rebuild --write`",
                    "台帳が発信記録簿と一致しません。サービスを停止し、`rebuild --write` を実行してください。",
                )
            })
        }
        Task::Verify => prove(own, &config).await,
        Task::Resume { from, reason } => {
            is_within(&StopLiftedContent { reason: reason.clone() }, "reason", language)?;
            let resume = async |store: &Store| {
                let resume = Resume { from_seq: from, reason };
                store.write("resume", CallOrigin::own("resume"), source.moment(), resume).await.map_err(said)
            };
            with_clock(own, &config, &source, resume).await?;
            say(&language.say(
                format!("the peer's journal continues from {from}"),
                format!("相手方の発信記録簿の受入れを {from} から再開します。"),
            ))
        }
        Task::ConfirmClock { time, reason, dated_ahead } => {
            confirm_clock(own, &config, &source, &time, reason, dated_ahead).await
        }
        Task::Recover(recover) => recovery::run(own, &config, &source, recover.into()).await,
        Task::Backup { file } => {
            let path = file
                .to_str()
                .ok_or_else(|| language.say("the file's name is not UTF-8", "ファイル名が UTF-8 ではありません。"))?;
            with_store(own, &config, async |store: &Store| store.backup(path).await.map_err(said)).await?;
            say(&language.say(format!("copied and marked: {path}"), format!("複製し、印を付けました：{path}")))
        }
        Task::Status { json } => {
            let status = match asked(&config).await? {
                Some(status) => status,
                None => {
                    let material = Tls::load(&config).map_err(said)?.stands();
                    let read = async |store: &Store| {
                        let status = Status::of(store, None, material, source::machine(), &source).await;
                        Ok(status.with_matters(store).await)
                    };
                    with_clock(own, &config, &source, read).await?
                }
            };
            say(&if json { serde_json::to_string_pretty(&status).map_err(said)? } else { status.table(language) })
        }
        Task::Doctor => doctor::examine(own, &config, &source, &mut |line| say(&line)).await,
        Task::Health => {
            match asked(&config).await? {
                Some(status) if !status.database.is_empty() => Err(status.database),
                Some(status) if !status.clock.is_empty() => {
                    Err(language.said("the clock is doubted", "時計に疑義があります", status.clock))
                }
                Some(_) => say(&language.say(
                    "the service runs and its database answers",
                    "サービスは稼働しており、データベースは応答しています。",
                )),
                None if config.operator.is_none() => Err(language.say(
                    "there is no `operator.listen` to ask at",
                    "`operator.listen` が設定されていないため、確認できません。",
                )),
                None => Err(language
                    .say("no service answers on the operator's port", "運用ポートでサービスが応答していません。")),
            }
        }
        Task::Trace { matter } => {
            let read = async |store: &Store| trace::lines(store, &matter.join(" "), language).await;
            let lines = with_store(own, &config, read).await?;
            lines.iter().try_for_each(|line| say(line))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment overrides the configuration, and is read here only")]
fn variables() -> Result<HashMap<String, String>, String> {
    let own = std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"RENKEI__"));
    own.map(|(name, value)| match (name.to_str(), value.to_str()) {
        (Some(name), Some(value)) => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("the environment's variable {} is not UTF-8: set it again or unset it", name.display())),
    })
    .collect()
}

/// The status that the running service reports; `None` if no service answers.
async fn asked(config: &Config) -> Result<Option<Status>, String> {
    match &config.operator {
        Some(operator) => operator::ask(operator.listen).await,
        None => Ok(None),
    }
}

async fn serve(own: Agency, config: Config, source: Source, mut signals: Signals) -> Result<(), String> {
    let telemetry = telemetry(own, &config).map_err(said)?;
    telemetry.install_global().map_err(said)?;
    let started = tokio::select! {
        started = crate::start(own, config, source, &telemetry) => Some(started.map_err(said)?),
        () = signals.end() => None,
    };
    if let Some(running) = &started {
        signals.reload_until_the_end(running).await;
    }
    tracing::info!("shutting down");
    if let Some(running) = started {
        running.stop().await;
    }
    let flushed = tokio::task::spawn_blocking(move || telemetry.shutdown()).await.map_err(said)?;
    // A collector that is away is not a failure of the service.
    flushed.or_else(|error| {
        tracing::warn!(%error, "telemetry was not flushed");
        Ok(())
    })
}

fn telemetry(own: Agency, config: &Config) -> Result<Telemetry, renkei_telemetry::Error> {
    renkei_telemetry::start(Settings {
        service_name: if own == Agency::Ppc { "renkei-ppc" } else { "renkei-ipa" },
        instance: config.replica.clone(),
        otlp_endpoint: config.telemetry.otlp_endpoint.clone(),
        sample_ratio: config.telemetry.sample_ratio,
        log_filter: config.telemetry.log.clone(),
        sandbox: config.sandbox,
        log: LogTarget::Stderr,
    })
}

/// The signals to which a service reacts, from the creation of this value on.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal that ends the service.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    async fn reload_until_the_end(&mut self, running: &Running) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                Some(()) = self.hangup.recv() => running.reload(),
            }
        }
    }
}

async fn check(own: Agency, config: &Config) -> Result<(), String> {
    let tls = Tls::load(config).map_err(said)?;
    config.calendar().map_err(said)?;
    config.memorandum().map_err(said)?;
    key::check(config).map_err(said)?;
    let doubts = doctor::check_trust(own, config, &tls)?;
    // Only the running service knows the material that it has refused.
    let faults = doctor::faults(&tls, asked(config).await.ok().flatten().as_ref());
    faults.into_iter().next().map_or(Ok(()), Err)?;
    let language = config.language;
    say(&language.say("configuration, keys and certificates are right", "設定、鍵及び証明書に異常はありません。"))?;
    doubts.iter().try_for_each(|doubt| say(&language.say(format!("but {doubt}"), format!("注意：{doubt}"))))?;
    say(&database(own, config).await?)?;
    // A peer that is away is a normal state.
    match dialling(own, config, &tls).probe().await {
        Ok(peer) => {
            let uri = peer.uri();
            say(&language.say(format!("the peer answers as {uri}"), format!("相手方の応答：{uri}")))
        }
        Err(error) => say(&language.said("the peer is not reached", "相手方に接続できません", error)),
    }
}

async fn prove(own: Agency, config: &Config) -> Result<(), String> {
    let prove = async |store: &Store| {
        let keys = keys(config, store)?;
        renkei_desk::verify::verify(store, &keys.own, &keys.peer).await
    };
    let verified = with_store(own, config, prove).await?;
    for (journal, head) in &verified.journals {
        say(&format!("{:8} {:8} {}", journal.id(), head.seq, hex::encode(head.hash)))?;
    }
    let counts: Vec<String> =
        verified.journals.iter().map(|(journal, head)| format!("{} {}", journal.id(), head.seq)).collect();
    let counts = counts.join(" ");
    say(&config.language.said("journals verified", "発信記録簿の検証：異常なし", counts))
}

async fn confirm_clock(
    own: Agency,
    config: &Config,
    source: &Source,
    time: &str,
    reason: String,
    dated_ahead: bool,
) -> Result<(), String> {
    let language = config.language;
    is_within(&ClockConfirmedContent { reason: reason.clone() }, "reason", language)?;
    let time = instant(time).ok_or_else(|| {
        language.say(
            "`--time` must be a time such as 2026-11-29T10:15, in Japan or with an offset",
            "`--time` は 2026-11-29T10:15 のように、日本時間又は時差付きの日時で指定してください。",
        )
    })?;
    let keeper = source.keeper().ok_or_else(|| {
        language.say(
            "the clock of this sandbox is never doubted: see `clock.judged`",
            "この試験環境の時計に疑義が生じることはありません（`clock.judged`）。",
        )
    })?;
    let confirm = async |store: &Store| {
        let time = keeper.confirm(time).map_err(|shown| {
            language.say(
                format!("this machine's clock shows {shown:.0}, which is more than ten minutes from {time:.0}: set it right first"),
                format!(
                    "このサーバの時計は {} であり、{} との差が 10 分を超えています。先に時計を合わせてください。",
                    language.time(shown),
                    language.time(time)
                ),
            )
        })?;
        let confirm = ConfirmClock { time, dated_ahead, reason };
        store.write("confirm_clock", CallOrigin::own("confirm_clock"), source.moment(), confirm).await.map_err(said)?;
        store.runs(time).await.map_err(said)?;
        Ok((time, store.dated_ahead(time).await.map_err(said)?))
    };
    let (time, ahead) = with_clock(own, config, source, confirm).await?;
    say(&language.say(
        format!("the clock is confirmed: it is {time:.0}"),
        format!("時計を確認しました：{}", language.time(time)),
    ))?;
    ahead.map_or(Ok(()), |(last, _)| {
        let until = language.time(last);
        let english = format!("until {last:.0} every act is dated {last:.0}");
        say(&language.say(english, format!("{until} までの登録の日時は、全て {until} となります。")))
    })
}

/// Reads a time with an offset, or a local time in Japan.
fn instant(text: &str) -> Option<Timestamp> {
    let in_japan = || text.parse::<DateTime>().ok().and_then(|civil| TOKYO.to_timestamp(civil).ok());
    text.parse().ok().or_else(in_japan)
}

/// The public keys that verify both journals.
fn keys(config: &Config, store: &Store) -> Result<JournalKeys, String> {
    Ok(JournalKeys { own: key::of_own(config, store.key()).map_err(said)?, peer: key::of_peer(config).map_err(said)? })
}
