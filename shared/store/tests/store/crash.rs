//! A service that is killed while it writes: its acknowledged acts exist once, and every call can be repeated.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::join_all;
use renkei_book::CallOrigin;
use renkei_domain::moment::Source;
use renkei_proto::r#type::v1::Agency;
use renkei_store::{Fault, Faults, Options, Store};

use super::{
    acts::{Act, issue, publish},
    database::Database,
    side::{Side, call, on_each, options_at, runtime, source},
};

const WRITERS: u64 = 8;
const EACH: u64 = 12;
/// The variable that tells the child its database, the step at which it dies, and the count of that step.
const ORDER: &str = "RENKEI_STORE_CRASH";

/// The `n`th act of a writer, always the same call.
fn order(writer: u64, n: u64) -> (CallOrigin, Act) {
    let n = writer * EACH + n;
    (call(7000 + n), issue(Agency::Ppc, n, "leak", "report"))
}

/// The point at which the child is killed.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// The child ends itself at a step, when it has come there this many times.
    At(&'static str, usize),
    /// The child is killed from outside after this many acknowledgements, wherever it is then.
    After(usize),
}

/// Lets a child write into the database until it dies. Returns the acknowledged acts: the call's number and its entry.
fn write_until(death: Death, database: &Database) -> BTreeMap<String, String> {
    let (step, time) = if let Death::At(step, time) = death { (step, time) } else { ("none", 0) };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::crash::child", "--ignored", "--nocapture"])
        .env(ORDER, format!("{}|{step}|{time}", database.url()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = BTreeMap::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((call, entry)) = line.strip_prefix("acknowledged ").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        acknowledged.insert(call.to_owned(), entry.to_owned());
        if matches!(death, Death::After(count) if acknowledged.len() == count) {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(status.code().is_none(), "{death:?}: the child was not killed but ended with {status}");
    acknowledged
}

/// This is not a test of its own: the tests below run and kill it.
#[test]
#[ignore = "the tests that kill it start it"]
#[expect(clippy::disallowed_methods, reason = "the parent's order; there is no configuration here")]
fn child() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let [url, step, time] = order.split('|').collect::<Vec<_>>()[..] else { panic!("{order}") };
    let (step, time): (_, usize) = (step.to_owned(), time.parse().unwrap());
    let (count, is_killed_from_outside) = (AtomicUsize::new(1), time == 0);
    let faults: Faults = Arc::new(move |at| {
        if at == step && count.fetch_add(1, Ordering::Relaxed) == time {
            std::process::abort();
        }
        Fault::None
    });
    runtime().block_on(async {
        let store = Store::open(Options { faults, ..options_at(Agency::Ppc, url) }).await.unwrap();
        let source = source(500);
        join_all((0..WRITERS).map(|writer| write(store.clone(), source.clone(), writer))).await;
    });
    if is_killed_from_outside {
        // The input also ends when the parent has gone.
        let _ = std::io::stdin().read_line(&mut String::new());
    }
}

async fn write(store: Store, source: Source, writer: u64) {
    for n in 0..EACH {
        let (call, act) = order(writer, n);
        let id = call.request_id.clone();
        let reply = store.write("crash", call, source.moment(), act).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {id} {}", reply.entry).unwrap();
        out.flush().unwrap();
    }
}

/// Checks that each acknowledged act exists once, and that the others can be called again without doubling anything.
async fn assert_nothing_lost(side: &Side, acknowledged: &BTreeMap<String, String>) {
    assert_eq!(side.audit().await, []);
    let written = side.heads().own.seq - 1;
    assert!(u64::try_from(acknowledged.len()).unwrap() <= written);
    assert_eq!(
        side.number("SELECT COUNT(*) FROM call WHERE request IS NOT NULL").await,
        i64::try_from(written).unwrap() + 1
    );
    for writer in 0..WRITERS {
        for n in 0..EACH {
            let (call, act) = order(writer, n);
            let id = call.request_id.clone();
            let reply = side.act_as(call, act).await.unwrap();
            if let Some(entry) = acknowledged.get(&id) {
                assert_eq!(&reply.entry, entry);
            }
        }
    }
    let all = WRITERS * EACH;
    assert_eq!((side.heads().own.seq, side.heads().private.seq), (1 + all, all), "each act once");
    let doubled =
        "SELECT COUNT(*) FROM entry WHERE journal = 'ppc' AND digest IS NOT NULL GROUP BY digest HAVING COUNT(*) > 1";
    assert!(side.rows(doubled).await.is_empty());
    let audited = side.store.audit_heads().await.unwrap();
    assert_eq!(audited.iter().map(|head| head.seq).collect::<Vec<_>>(), [1 + all], "one record an act");
    assert_eq!(side.audit().await, []);
}

fn dies(deaths: &[Death]) {
    on_each(async |database| {
        for death in deaths {
            let side = Side::new(Agency::Ppc, Database::new(database.engine())).await;
            side.act(publish(Agency::Ppc, "leak")).await.unwrap();
            let database = side.end().await;

            let acknowledged = write_until(*death, &database);

            let after = Side::restored(Agency::Ppc, database).await;
            if let Death::After(count) = death {
                assert!(acknowledged.len() >= *count);
            }
            assert_nothing_lost(&after, &acknowledged).await;
        }
    });
}

#[test]
fn a_crash_before_a_batch_loses_and_doubles_nothing() {
    dies(&[Death::At("begin", 1), Death::At("begin", 5)]);
}

#[test]
fn a_crash_before_a_commit_loses_and_doubles_nothing() {
    dies(&[Death::At("before commit", 1), Death::At("before commit", 6)]);
}

#[test]
fn a_crash_after_a_commit_loses_and_doubles_nothing() {
    dies(&[Death::At("after commit", 1), Death::At("after commit", 4)]);
}

#[test]
fn a_crash_anywhere_loses_and_doubles_nothing() {
    dies(&[Death::After(1), Death::After(13), Death::After(37), Death::After(70)]);
}
