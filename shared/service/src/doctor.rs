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
use renkei_rpc::certificate;
use renkei_store::Store;
use tokio::net::TcpStream;

use crate::{
    config::Config,
    key, operator, source,
    status::Status,
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
    let mut wrong = 0;
    let mut tell = |what: &str, finding: Finding| {
        let (mark, text) = match finding {
            Right(text) => ("ok", text),
            Doubtful(text) => ("warn", text),
            Wrong(text) => {
                wrong += 1;
                ("fail", text)
            }
        };
        say(format!("{mark:5}{what:15}{text}"))
    };
    // The configuration was read to get here.
    tell("configuration", Right(format!("replica {} of {}", config.replica, own.id())))?;
    for finding in permissions(config) {
        tell("permissions", finding)?;
    }
    tell("holidays", holidays(config, source))?;
    tell("keys", judged(key::check(config).map(|()| "every key is usable".to_owned())))?;
    let tls = Tls::load(config);
    match &tls {
        Err(error) => tell("certificates", Wrong(error.to_string()))?,
        Ok(tls) => {
            for finding in ends(tls).into_iter().chain(usable(own, config)) {
                tell("certificates", finding)?;
            }
        }
    }
    tell("database", judged(database(own, config).await))?;
    let (service, status) = running(config).await;
    for fault in tls.iter().flat_map(|tls| faults(tls, status.as_ref())) {
        tell("certificates", Wrong(fault))?;
    }
    tell("service", service)?;
    match &status {
        Some(status) => tell("clock", clock(status))?,
        None => tell("clock", resting_clock(own, config, source).await)?,
    }
    if let Some(status) = &status {
        if !status.database.is_empty() {
            tell("database", Wrong(status.database.clone()))?;
        }
        tell("journals", journals(status))?;
    }
    if let Ok(tls) = &tls {
        tell(
            "peer",
            match dialling(own, config, tls).probe().await {
                Ok(peer) => Right(format!("answers as {}", peer.uri())),
                // A peer that is away is a normal state.
                Err(error) => Doubtful(format!("is not reached: {error}")),
            },
        )?;
    }
    tell("collector", collector(config).await)?;
    if wrong == 0 { Ok(()) } else { Err(format!("{wrong} of the checks found something wrong")) }
}

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
    Doubtful(format!("{}: those of {next} are published by now, add them to the list `holidays`", calendar.version()))
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
    let mut open = files.iter().filter_map(|file| readable(file)).peekable();
    if open.peek().is_none() {
        return vec![Right("nobody else reads the files with secrets".to_owned())];
    }
    open.collect()
}

fn readable(file: &Path) -> Option<Finding> {
    // A missing file is reported by the check that needs it.
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let file = file.display();
    (mode & 0o077 != 0).then(|| Wrong(format!("others can read {file} (mode {:o}): chmod 600 it", mode & 0o777)))
}

fn ends(tls: &Tls) -> Vec<Finding> {
    let now = source::machine().as_second();
    let mut findings = Vec::new();
    for (port, end) in tls.ends() {
        let both = [("certificate", Some(end.certificate), CERTIFICATE_DAYS), ("revocation list", end.crl, CRL_DAYS)];
        for (what, end, soon) in both {
            let Some(end) = end else { continue };
            let left = (end - now).div_euclid(86_400);
            findings.push(match end - now {
                ..=0 => Wrong(format!("the {what} of {port} has ended, connections are refused: {RENEW}")),
                _ if left < soon => Doubtful(format!("the {what} of {port} ends in {left} days: {RENEW}")),
                _ => Right(format!("the {what} of {port} is good for {left} days")),
            });
        }
    }
    findings
}

const RENEW: &str = "put a fresh one in its place, which is accepted while the service runs";

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
                let sentence = |text: String| format!("the certificate of {port} {text}");
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
    for finding in ends(tls).into_iter().filter(|it| !matches!(it, Doubtful(_))).chain(usable(own, config)) {
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
        let unknown = "whether it runs is not known: set `operator.listen` and start it again";
        return (Doubtful(unknown.to_owned()), None);
    };
    match operator::ask(port.listen).await {
        Ok(Some(status)) => (Right(format!("answers on {}", port.listen)), Some(status)),
        Ok(None) => (Doubtful(format!("nothing answers on {}: start it with `serve`", port.listen)), None),
        Err(error) => (Wrong(error), None),
    }
}

/// The state of the clock before a start. The line on the database reports the reason if it cannot be judged.
async fn resting_clock(own: Agency, config: &Config, source: &Source) -> Finding {
    let unknown = || Doubtful("not compared with the last run: the database is not open".to_owned());
    // Opening would create a database in an empty file.
    if config.database.file().is_some_and(|file| std::fs::metadata(file).map_or(true, |it| it.len() == 0)) {
        return unknown();
    }
    let compared = async |store: &Store| source::stopped_by_clock(source, store).await.map_err(said);
    match with_clock(own, config, source, compared).await {
        Ok(doubt) if doubt.is_empty() => Right("agrees with the last run".to_owned()),
        Ok(doubt) => Wrong(doubt),
        Err(_) => unknown(),
    }
}

fn clock(status: &Status) -> Finding {
    if !status.clock.is_empty() {
        return Wrong(format!("{}; acts are refused meanwhile", status.clock));
    }
    match status.link.clock_skew_seconds {
        None => Doubtful("not compared with the peer's yet: that needs a receipt".to_owned()),
        Some(apart) if apart > SKEW => {
            Wrong(format!("{apart:.1} s apart from the peer's: set both machines' clocks by a time server"))
        }
        Some(apart) => Right(format!("{apart:.3} s apart from the peer's")),
    }
}

fn journals(status: &Status) -> Finding {
    let Some(held) = &status.held else { return Wrong(format!("the database does not answer: {}", status.database)) };
    let stopped = |at: &str, who: &str| Wrong(format!("stopped {who} at {at}: find out why, then `resume`"));
    match (&held.stopped_at, &held.stopped_by_peer_at, &held.oldest_waiting) {
        (Some(at), ..) => stopped(at, "here"),
        (_, Some(at), _) => stopped(at, "by the peer"),
        _ if held.recovering => Doubtful("the own journal is being fetched back: wait, or see `recover`".to_owned()),
        (.., Some(waiting)) => Doubtful(format!(
            "{} entries wait, the oldest for {} s: {}",
            held.backlog, waiting.for_seconds, waiting.why
        )),
        _ => Right("the peer has signed for everything".to_owned()),
    }
}

async fn collector(config: &Config) -> Finding {
    let Some(endpoint) = &config.telemetry.otlp_endpoint else {
        return Right("none is configured: traces and logs go nowhere".to_owned());
    };
    let authority = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let away = |why: String| Doubtful(format!("{endpoint} is not reached ({why}): calls continue, spans are lost"));
    match tokio::time::timeout(CONNECT, TcpStream::connect(authority)).await {
        Ok(Ok(_)) => Right(format!("{endpoint} accepts connections")),
        Ok(Err(error)) => away(error.to_string()),
        Err(_) => away("no answer in time".to_owned()),
    }
}
