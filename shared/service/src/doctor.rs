//! The examination of everything that a service needs, one check after the other: the result, the place, and the
//! remedy.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::civil::date;
use renkei_domain::{calendar, moment::Source};
use renkei_proto::r#type::v1::Agency;
use renkei_rpc::{certificate, tls::Part};
use renkei_store::Store;
use tokio::net::TcpStream;

use crate::{
    config::{Config, Language},
    key,
    language::padded,
    operator, source,
    status::{Status, table},
    store::{database, with_clock},
    terminal::said,
    tls::{Tls, dialling},
};

/// The number of days before their end from which certificates and revocation lists should be renewed.
const CERTIFICATE_DAYS: i64 = 30;
const CRL_DAYS: i64 = 2;
/// The tolerated difference of the clocks, in seconds.
const SKEW: f64 = 60.0;
/// The time limit for the connection to a collector.
const CONNECT: Duration = Duration::from_secs(3);

/// The result of a check.
enum Finding {
    Right(String),
    Doubtful(String),
    Wrong(String),
}

use Finding::{Doubtful, Right, Wrong};

/// Prints one line per check.
///
/// # Errors
/// The number of checks that found a fault.
pub(crate) async fn examine(
    own: Agency,
    config: &Config,
    source: &Source,
    say: &mut impl FnMut(String) -> Result<(), String>,
) -> Result<(), String> {
    let language = config.language;
    let mut wrong = 0;
    let mut tell = |what: (&str, &str), finding: Finding| {
        let (mark, text) = match finding {
            Right(text) => (("ok", "正常"), text),
            Doubtful(text) => (("warn", "注意"), text),
            Wrong(text) => {
                wrong += 1;
                (("fail", "異常"), text)
            }
        };
        let (mark, what) = (language.say(mark.0, mark.1), language.say(what.0, what.1));
        say(format!("{}{}{text}", padded(&mark, 5), padded(&what, 15)))
    };
    // The configuration was read to get here.
    let replica = &config.replica;
    let read = language.say(format!("replica {replica} of {}", own.id()), format!("{}のレプリカ {replica}", own.ja()));
    tell(("configuration", "設定"), Right(read))?;
    for finding in permissions(config) {
        tell(("permissions", "ファイルの権限"), finding)?;
    }
    tell(("holidays", "祝日"), holidays(config, source))?;
    let usable_keys = key::check(config).map(|()| language.say("every key is usable", "全ての鍵を使用できます。"));
    tell(("keys", "鍵"), judged(usable_keys))?;
    let tls = Tls::load(config);
    match &tls {
        Err(error) => tell(CERTIFICATES, Wrong(error.to_string()))?,
        Ok(tls) => {
            for finding in ends(tls, language).into_iter().chain(usable(own, config)) {
                tell(CERTIFICATES, finding)?;
            }
        }
    }
    tell(DATABASE, judged(database(own, config).await))?;
    let (service, status) = running(config).await;
    for fault in tls.iter().flat_map(|tls| faults(tls, status.as_ref())) {
        tell(CERTIFICATES, Wrong(fault))?;
    }
    tell(("service", "サービス"), service)?;
    match &status {
        Some(status) => tell(("clock", "時計"), clock(status, language))?,
        None => tell(("clock", "時計"), resting_clock(own, config, source).await)?,
    }
    if let Some(status) = &status {
        if !status.database.is_empty() {
            tell(DATABASE, Wrong(status.database.clone()))?;
        }
        tell(("journals", "発信記録簿"), journals(status, language))?;
    }
    if let Ok(tls) = &tls {
        tell(
            ("peer", "相手方"),
            match dialling(own, config, tls).probe().await {
                Ok(peer) => {
                    let uri = peer.uri();
                    Right(language.say(format!("answers as {uri}"), format!("応答あり：{uri}")))
                }
                // A peer that is away is a normal state.
                Err(error) => Doubtful(language.said("is not reached", "接続できません", error)),
            },
        )?;
    }
    tell(("collector", "コレクタ"), collector(config).await)?;
    let found = format!("{wrong} of the checks found something wrong");
    if wrong == 0 {
        Ok(())
    } else {
        Err(language.say(found, format!("{wrong} 件の確認で異常が見つかりました。")))
    }
}

const CERTIFICATES: (&str, &str) = ("certificates", "証明書等");
const DATABASE: (&str, &str) = ("database", "データベース");

/// Checks the list of holidays. Those of a year are published in February of the year before.
fn holidays(config: &Config, source: &Source) -> Finding {
    let calendar = match config.calendar() {
        Ok(calendar) => calendar,
        Err(error) => return Wrong(error.to_string()),
    };
    let last = calendar.known_until();
    if calendar::day(source.moment().now) < date(last, 3, 1) {
        return Right(calendar.version().to_owned());
    }
    let next = last.saturating_add(1);
    let version = calendar.version();
    Doubtful(config.language.say(
        format!("{version}: those of {next} are published by now, add them to the list `holidays`"),
        format!("{version}：{next}年の祝日は既に公表されています。一覧（`holidays`）に加えてください。"),
    ))
}

fn judged<E: std::fmt::Display>(result: Result<String, E>) -> Finding {
    match result {
        Ok(text) => Right(text),
        Err(error) => Wrong(error.to_string()),
    }
}

/// Checks that files with secrets are accessible to the service's own account only.
fn permissions(config: &Config) -> Vec<Finding> {
    let mut files: Vec<&PathBuf> = vec![&config.desk.key, &config.link.key, &config.journal.key];
    files.extend([&config.secrets.digest_key, &config.secrets.token_key, &config.secrets.code_key]);
    files.extend(config.content.keys.iter().map(|key| &key.file));
    files.extend(&config.database.password);
    let language = config.language;
    let mut open = files.iter().filter_map(|file| readable(file, language)).peekable();
    if open.peek().is_none() {
        return vec![Right(
            language
                .say("nobody else reads the files with secrets", "秘密のファイルは、このアカウントだけが読めます。"),
        )];
    }
    open.collect()
}

fn readable(file: &Path, language: Language) -> Option<Finding> {
    // A missing file is reported by the check that needs it.
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let (file, own) = (file.display(), mode & 0o777);
    (mode & 0o077 != 0).then(|| {
        Wrong(language.say(
            format!("others can read {file} (mode {own:o}): chmod 600 it"),
            format!("他のアカウントが {file} を読めます（モード {own:o}）。chmod 600 を実行してください。"),
        ))
    })
}

fn ends(tls: &Tls, language: Language) -> Vec<Finding> {
    let now = source::machine().as_second();
    let mut findings = Vec::new();
    for (port, it) in tls.in_use() {
        let both = [
            (("certificate", "証明書"), Some(it.certificate), CERTIFICATE_DAYS),
            (("revocation list", "失効リスト"), it.crl, CRL_DAYS),
        ];
        for ((what, what_ja), part, soon) in both {
            let Some(Part { ends, .. }) = part else { continue };
            let left = (ends - now).div_euclid(86_400);
            findings.push(match ends - now {
                ..=0 => Wrong(language.say(
                    format!("the {what} of {port} has ended, connections are refused: {RENEW}"),
                    format!("{port} の{what_ja}の期限が切れており、接続が拒否されます。{RENEW_JA}"),
                )),
                _ if left < soon => Doubtful(language.say(
                    format!("the {what} of {port} ends in {left} days: {RENEW}"),
                    format!("{port} の{what_ja}の期限まで残り {left} 日です。{RENEW_JA}"),
                )),
                _ => Right(language.say(
                    format!("the {what} of {port} is good for {left} days"),
                    format!("{port} の{what_ja}の期限まで残り {left} 日です。"),
                )),
            });
        }
    }
    findings
}

const RENEW: &str = "put a fresh one in its place, which is accepted while the service runs";
const RENEW_JA: &str = "新しいものに置き換えてください。稼働中に読み込まれます。";

/// Checks that others can use the own certificates.
fn usable(own: Agency, config: &Config) -> Vec<Finding> {
    let both = [
        ("desk", certificate::of_desk(&config.desk.files())),
        ("link", certificate::of_link(&config.link.files(), own)),
    ];
    let mut findings = Vec::new();
    for (port, found) in both {
        match found {
            Err(error) => findings.push(Wrong(error.to_string())),
            Ok(found) => {
                let sentence = |text: String| {
                    let english = format!("the certificate of {port} {text}");
                    config.language.say(english, format!("{port} の証明書：{text}"))
                };
                findings.extend(found.wrong.into_iter().map(|text| Wrong(sentence(text))));
                findings.extend(found.doubtful.into_iter().map(|text| Doubtful(sentence(text))));
            }
        }
    }
    findings
}

/// Checks certificates and revocation lists beyond their agreement with each other, and returns sentences for the
/// reader if nothing is wrong.
///
/// # Errors
/// The first fault.
pub(crate) fn check_trust(own: Agency, config: &Config, tls: &Tls) -> Result<Vec<String>, String> {
    let mut doubts = Vec::new();
    for finding in
        ends(tls, config.language).into_iter().filter(|it| !matches!(it, Doubtful(_))).chain(usable(own, config))
    {
        match finding {
            Wrong(text) => return Err(text),
            Doubtful(text) => doubts.push(text),
            Right(_) => {}
        }
    }
    Ok(doubts)
}

/// The faults of certificates, roots and revocation lists: of those in the files, and of those that the running service
/// uses.
pub(crate) fn faults(tls: &Tls, status: Option<&Status>) -> Vec<String> {
    let files = tls.faults().into_iter().flat_map(|(port, faults)| faults.into_iter().map(move |why| (port, why)));
    let mut all: Vec<String> = files.map(|(port, why)| format!("{port}: {why}")).collect();
    for fault in status.iter().flat_map(|status| &status.trust_faults) {
        let fault = format!("{}: {}", fault.port, fault.why);
        if !all.contains(&fault) {
            all.push(fault);
        }
    }
    all
}

/// Checks whether the service runs, and asks it for its status.
async fn running(config: &Config) -> (Finding, Option<Status>) {
    let Some(port) = &config.operator else {
        let unknown = config.language.say(
            "whether it runs is not known: set `operator.listen` and start it again",
            "稼働しているかどうか確認できません。`operator.listen` を設定し、再起動してください。",
        );
        return (Doubtful(unknown), None);
    };
    let (at, language) = (port.listen, config.language);
    match operator::ask(at).await {
        Ok(Some(status)) => {
            (Right(language.say(format!("answers on {at}"), format!("{at} で応答しています。"))), Some(status))
        }
        Ok(None) => {
            let nothing = format!("nothing answers on {at}: start it with `serve`");
            (Doubtful(language.say(nothing, format!("{at} で応答がありません。`serve` で起動してください。"))), None)
        }
        Err(error) => (Wrong(error), None),
    }
}

/// The state of the clock before a start. The line on the database reports the reason if it cannot be judged.
async fn resting_clock(own: Agency, config: &Config, source: &Source) -> Finding {
    let language = config.language;
    let unknown = || {
        Doubtful(language.say(
            "not compared with the last run: the database is not open",
            "前回の稼働時と比較できません。データベースを開けませんでした。",
        ))
    };
    // Opening would create a database in an empty file.
    if config.database.file().is_some_and(|file| std::fs::metadata(file).map_or(true, |it| it.len() == 0)) {
        return unknown();
    }
    let compared = async |store: &Store| source::stopped_by_clock(source, store).await.map_err(said);
    match with_clock(own, config, source, compared).await {
        Ok(doubt) if doubt.is_empty() => {
            Right(language.say("agrees with the last run", "前回の稼働時と矛盾しません。"))
        }
        Ok(doubt) => Wrong(doubt),
        Err(_) => unknown(),
    }
}

fn clock(status: &Status, language: Language) -> Finding {
    if !status.clock.is_empty() {
        let doubt = &status.clock;
        return Wrong(language.say(
            format!("{doubt}; acts are refused meanwhile"),
            format!("疑義があるため、登録は拒否されます：{doubt}"),
        ));
    }
    match status.link.clock_skew_seconds {
        None => Doubtful(language.say(
            "not compared with the peer's yet: that needs a receipt",
            "相手方の時計とまだ比較していません。受領証が必要です。",
        )),
        Some(apart) if apart > SKEW => Wrong(language.say(
            format!("{apart:.1} s apart from the peer's: set both machines' clocks by a time server"),
            format!("相手方との差が {apart:.1} 秒あります。二台のサーバの時計をタイムサーバに合わせてください。"),
        )),
        Some(apart) => Right(
            language.say(format!("{apart:.3} s apart from the peer's"), format!("相手方との差は {apart:.3} 秒です。")),
        ),
    }
}

fn journals(status: &Status, language: Language) -> Finding {
    let Some(held) = &status.held else {
        return Wrong(language.said("the database does not answer", "データベースが応答しません", &status.database));
    };
    let stopped = |at: &str, (who, who_ja): (&str, &str)| {
        let at_ja = table::stop(Some(at), Language::Ja);
        Wrong(language.say(
            format!("stopped {who} at {at}: find out why, then `resume`"),
            format!("{who_ja}停止しています（{at_ja}）。原因を究明し、`resume` を実行してください。"),
        ))
    };
    match (&held.stopped_at, &held.stopped_by_peer_at, &held.oldest_waiting) {
        (Some(at), ..) => stopped(at, ("here", "相手方の発信記録簿の受入れを当方で")),
        (_, Some(at), _) => stopped(at, ("by the peer", "自機関の発信記録簿の受入れを相手方で")),
        _ if held.recovering => Doubtful(language.say(
            "the own journal is being fetched back: wait, or see `recover`",
            "自機関の発信記録簿を取り戻しています。完了を待つか、`recover` で確認してください。",
        )),
        (.., Some(waiting)) => {
            let (count, seconds, why) = (held.backlog, waiting.for_seconds, &waiting.why);
            let why_ja = held.why_ja(&status.link);
            Doubtful(language.say(
                format!("{count} entries wait, the oldest for {seconds} s: {why}"),
                format!("未受領の記録が {count} 件あり、最も古いものは {seconds} 秒待っています：{why_ja}"),
            ))
        }
        _ => Right(language.say("the peer has signed for everything", "全ての記録について受領証があります。")),
    }
}

async fn collector(config: &Config) -> Finding {
    let Some(endpoint) = &config.telemetry.otlp_endpoint else {
        return Right(config.language.say(
            "none is configured: traces and logs go nowhere",
            "設定されていないため、トレース及びログは送信されません。",
        ));
    };
    let authority = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let language = config.language;
    let away = |why: String| {
        Doubtful(language.say(
            format!("{endpoint} is not reached ({why}): calls continue, spans are lost"),
            format!("{endpoint} に接続できません（{why}）。業務は継続しますが、トレースは失われます。"),
        ))
    };
    match tokio::time::timeout(CONNECT, TcpStream::connect(authority)).await {
        Ok(Ok(_)) => {
            Right(language.say(format!("{endpoint} accepts connections"), format!("{endpoint} に接続できます。")))
        }
        Ok(Err(error)) => away(error.to_string()),
        Err(_) => away(language.say("no answer in time", "時間内に応答がありません。")),
    }
}
