//! Both services as processes: killed at random moments of the scenario, and ended in order.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{cell::Cell, path::Path, process::Stdio, time::Duration};

use renkei_domain::moment::Moment;
use renkei_proto::{
    options::v1::Reason,
    referral::v1::{ListReferralsRequest, Referral},
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::Acts,
    pair::Pair,
    pki,
    process::{Signal, program, signal},
    raw,
    sandbox::{last_line, walk},
    scenario::{Scenario, start},
    setup::{AGENCIES, Choice},
};
use tokio::process::Command;

/// Kills over all runs.
const KILLS: u64 = 20;
/// Milliseconds that a process has from its start, or from when it serves, to its end.
const LIVES: std::ops::Range<u64> = 20..400;
/// Nobody waits longer for a service to end, or to do what it was told; it looks at its files by itself every 30 s.
const END: Duration = Duration::from_secs(10);

/// The result of a walk through the scenario.
#[derive(Debug, PartialEq, Eq)]
struct Walked {
    said: Vec<String>,
    last: String,
}

/// The seed of this run, printed; `RENKEI_SEED` in the environment repeats one.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test's seed comes from outside, and is shown")]
fn seed() -> [u8; 32] {
    let mut drawn = [0; 8];
    aws_lc_rs::rand::fill(&mut drawn).unwrap();
    let given = std::env::var("RENKEI_SEED").ok().map(|text| text.parse().unwrap());
    let seed: u64 = given.unwrap_or(u64::from_be_bytes(drawn));
    eprintln!("RENKEI_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes
}

/// A number in a range, the nth of a seed.
fn draw(seed: [u8; 32], n: u64, range: std::ops::Range<u64>) -> u64 {
    let bytes = Moment::new(jiff::Timestamp::UNIX_EPOCH, seed).bytes("draw", n);
    let drawn = u64::from_be_bytes(bytes[..8].try_into().unwrap());
    range.start + drawn % (range.end - range.start)
}

/// Kills either side again and again, while it serves or while it starts, until the walk is over. Counts in `kills`.
async fn kill(pair: &mut Pair, seed: [u8; 32], kills: &mut u64, over: &Cell<bool>) {
    let mut drawn = *kills * 1000;
    let mut draw = |range| {
        drawn += 1;
        draw(seed, drawn, range)
    };
    while *kills < KILLS {
        tokio::time::sleep(Duration::from_millis(draw(LIVES))).await;
        if over.get() {
            return;
        }
        let agency = AGENCIES[usize::from(draw(0..2) == 1)];
        pair.kill(agency).await.unwrap();
        *kills += 1;
        let mut life = LIVES;
        loop {
            match tokio::time::timeout(Duration::from_millis(draw(life.clone())), pair.start(agency)).await {
                Ok(started) => break started.unwrap(),
                // A start that is given up ends its process with SIGKILL too. On a busy machine a start may take longer
                // than any life so far, so the next one may be longer.
                Err(_) => {
                    *kills += 1;
                    life.end *= 2;
                }
            }
        }
    }
}

async fn disturbed(seed: [u8; 32], kills: &mut u64) -> Walked {
    let mut pair = Pair::processes(None, start().unwrap(), seed, Choice::default()).await.unwrap();
    let (world, over, mut said) = (pair.world(), Cell::new(false), Vec::new());
    let mut say = |line| said.push(line);
    let mut scenario = Scenario::new(world, seed, &mut say);
    let walking = async {
        let walked = scenario.run().await;
        over.set(true);
        walked
    };
    let (walked, ()) = tokio::join!(walking, kill(&mut pair, seed, kills, &over));
    walked.unwrap();
    let last = last_line(&pair).await.unwrap();
    same_pages(&pair).await;
    pair.stop_both().await.unwrap();
    Walked { said, last }
}

/// Both sides show the same referrals.
async fn same_pages(pair: &Pair) {
    let mut shown: Vec<Vec<Referral>> = Vec::new();
    for agency in AGENCIES {
        let request = ListReferralsRequest { parent: "agencies/-".to_owned(), ..ListReferralsRequest::default() };
        let mut listed = Acts::new(pair, agency).unwrap().list_referrals(request).await.unwrap().referrals;
        listed.iter_mut().for_each(|referral| referral.etag.clear());
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        shown.push(listed);
    }
    assert_eq!(shown[0], shown[1]);
}

#[tokio::test]
async fn a_service_that_is_killed_at_any_moment_of_the_scenario_ends_where_it_would_have_ended() {
    let seed = seed();
    let mut said = Vec::new();
    let mut pair = walk(None, seed, None, &mut |line| said.push(line)).await.unwrap();
    let last = last_line(&pair).await.unwrap();
    pair.stop_both().await.unwrap();
    let undisturbed = Walked { said, last };
    let mut kills = 0;
    while kills < KILLS {
        let before = kills;
        assert_eq!(disturbed(seed, &mut kills).await, undisturbed, "kills {before} to {kills}");
    }
}

#[tokio::test]
async fn a_service_that_is_told_to_end_lets_its_callers_know_and_ends_in_time() {
    let mut pair = Pair::processes(None, start().unwrap(), [5; 32], Choice::default()).await.unwrap();
    let ppc = Acts::new(&pair, Agency::Ppc).unwrap();
    // A watcher, and a caller that keeps its connection open and sends nothing.
    let mut feed = ppc.watch("", "").await.unwrap();
    let agreement = ppc.agreement().await.unwrap();
    let stopped = tokio::time::timeout(END, pair.stop(Agency::Ppc));
    let (stopped, end) = tokio::join!(stopped, async {
        loop {
            if let Err(refused) = feed.answer().await {
                return refused;
            }
        }
    });
    // The harness reads the exit code: an end that is not in order fails here.
    stopped.unwrap().unwrap();
    assert_eq!(end.reason, Reason::Draining, "{end:?}");
    pair.start(Agency::Ppc).await.unwrap();
    assert_eq!(ppc.agreement().await.unwrap(), agreement, "the caller finds the service that started again");
    tokio::time::timeout(END, pair.stop_both()).await.unwrap().unwrap();
}

/// Asks PPC's desk whether it is ready, on a connection of its own, until it answers so; `None` is no answer at all.
async fn until_ready_is(pair: &Pair, caller: &str, ready: Option<bool>) {
    let asking = async {
        loop {
            let channel = pair.ppc.desk.channel(caller).unwrap();
            let answer = raw::call(&channel, "/grpc.health.v1.Health/Check", &[], &[]).await;
            // Field 1 of the answer: 1 is ready, 2 is not.
            if answer.ok().map(|answer| answer == [[8, 1]]) == ready {
                return;
            }
        }
    };
    tokio::time::timeout(END, asking).await.unwrap();
}

#[tokio::test]
async fn a_service_reloads_fresh_files_port_by_port_on_a_hangup_and_is_ready_while_they_are_valid() {
    let mut pair = Pair::processes(None, start().unwrap(), [6; 32], Choice::default()).await.unwrap();
    let dir = pair.setup.dir.clone();
    let (desk, link) = (pki::desk_files(&dir, "ppc"), pki::link_files(&dir, "ppc"));
    until_ready_is(&pair, "reader", Some(true)).await;

    // A list that has ended is in use only where no better one was.
    pair.stop(Agency::Ppc).await.unwrap();
    pki::write(&link.crls[0], &pair.setup.pki.ipa.link_authority.expired_crl().unwrap()).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    until_ready_is(&pair, "reader", Some(false)).await;

    // A fault at the desk does not keep fresh material from the link.
    pki::write(&desk.key, "no key").unwrap();
    pki::write(&link.crls[0], &pair.setup.pki.ipa.link_authority.crl().unwrap()).unwrap();
    pair.hang_up(Agency::Ppc).unwrap();
    until_ready_is(&pair, "reader", Some(true)).await;

    let intake = pair.setup.pki.ppc.caller("intake").unwrap().clone();
    pair.setup.pki.ppc.desk_authority.revoke(&intake);
    pair.setup.pki.write(&dir).unwrap();
    pair.hang_up(Agency::Ppc).unwrap();
    until_ready_is(&pair, "intake", None).await;
    until_ready_is(&pair, "reader", Some(true)).await;
    pair.stop_both().await.unwrap();
}

/// The processes that were started with a path in this folder.
fn started_in(folder: &Path) -> usize {
    let folder = folder.display().to_string();
    let all = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cmdline"));
    // A process may end meanwhile.
    let commands = all.filter_map(|file| std::fs::read(file).ok());
    commands.filter(|command| String::from_utf8_lossy(command).contains(&folder)).count()
}

/// Waits until so many processes are there that were started with a path in a folder.
async fn until_started_in(folder: &Path, processes: usize) {
    let counted = async {
        while started_in(folder) != processes {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), counted).await.unwrap();
}

/// The services have no other parent: nobody would end them.
#[tokio::test]
async fn a_sandbox_that_is_ended_during_its_scenario_leaves_no_service_behind() {
    for with in [Signal::INT, Signal::TERM] {
        let dir = tempfile::tempdir().unwrap();
        let mut sandbox = Command::new(program("sandbox").unwrap());
        sandbox.arg("--folder").arg(dir.path()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut sandbox = sandbox.spawn().unwrap();
        until_started_in(dir.path(), 3).await;
        signal(&sandbox, with).unwrap();
        assert_eq!(sandbox.wait().await.unwrap().code(), Some(1));
        until_started_in(dir.path(), 0).await;
    }
}
