//! An authorised caller floods the ports, and strangers crowd at their doors. Another system's calls go on meanwhile.

use std::{future::Future, net::SocketAddr, time::Duration};

use hdrhistogram::Histogram;
use prost::Message as _;
use renkei_proto::{options::v1::Reason, referral::v1::ListSchemesRequest, r#type::v1::Agency};
use renkei_rpc::{error::reason_of, tls::Files};
use tokio::{net::TcpStream, task::JoinSet, time::Instant};
use tonic::{Code, Status, transport::Channel};

use crate::{
    acts::Acts,
    bench::machine::resident,
    cluster::Engine,
    desk::Desk,
    fault::report::Report,
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, frame,
        headers,
    },
    http::get,
    pair::Pair,
    pki, raw,
    scenario::start,
    setup::Choice,
};

const AGREEMENT: &str = "/renkei.agreement.v1.AgreementService/GetAgreement";
const ISSUE: &str = "/renkei.referral.v1.ReferralService/IssueReferral";
const LIST: &str = "/renkei.referral.v1.SchemeService/ListSchemes";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// A request for the agreement: its name, in field 1.
const ASK: &[u8] = b"\x0a\x09agreement";
const OFFICIAL: (&str, &str) = ("renkei-official", "tanaka");
/// The smallest headers there are: method, scheme, path.
const SMALLEST: &[u8] = &[0x83, 0x87, 0x84];
/// Calls of the neighbour beside each flood, one after the other.
const CALLS: usize = 400;
/// The longest time for one flood.
const PATIENCE: Duration = Duration::from_secs(20);
/// The neighbour may be slower than without a flood by this factor.
const SLOWER: u32 = 3;
/// A call faster than this is fast enough, whatever the control took: the flood and the service share a machine.
const FAST: Duration = Duration::from_millis(50);
/// Schemes of which a page is made: all that an agency may have.
const PAGE: usize = 100;
/// Memory of the service under any flood, in MiB.
const MEMORY: f64 = 512.0;
/// TCP connections that never begin TLS.
const STALLED: usize = 2000;
/// The pause of a flood between two blows, so that it does not measure how fast this machine computes.
const PAUSE: Duration = Duration::from_millis(5);
/// The pause of a flooder whose connection was cut: the flooders' own handshakes are computed on this machine too.
const REST: Duration = Duration::from_millis(50);

/// A flood is well under way before the neighbour is measured beside it.
const LEAD: Duration = Duration::from_secs(1);

/// One service, a caller who misbehaves, and one who does not.
struct Ground {
    pair: Pair,
    desk: SocketAddr,
    link: SocketAddr,
    reader: Files,
    peer: Files,
    neighbour: Channel,
}

pub(super) async fn run(engine: Engine, report: &mut Report<'_>) -> Result<(), String> {
    let choice = Choice { engine: Some(engine), ..Choice::default() };
    let pair = Pair::one_sided_process(Agency::Ppc, start()?, [16; 32], choice).await?;
    let ground = Ground {
        desk: pair.ppc.desk_wire.target().ok_or("the service does not run")?,
        link: pair.ppc.link_wire.target().ok_or("the service does not run")?,
        reader: pki::caller_files(&pair.setup.dir, "ppc", "reader"),
        peer: pki::link_files(&pair.setup.dir, "ipa"),
        neighbour: pair.ppc.desk.channel("casework")?,
        pair,
    };
    report.figure("memory at rest, MiB", format!("{:.0}", ground.memory()?));

    let (desk, link) = (ground.desk, ground.link);
    for (name, address, files, blow) in [
        ("rapid reset", desk, &ground.reader, resets as fn(&mut Frames, u32) -> Vec<u8>),
        ("rapid reset on the link", link, &ground.peer, resets),
        ("CONTINUATION", desk, &ground.reader, continuations),
        ("PING", desk, &ground.reader, pings),
        ("SETTINGS", desk, &ground.reader, settings),
        ("empty DATA", desk, &ground.reader, empty_data),
        ("header bombs", desk, &ground.reader, bombs),
    ] {
        let strike = |_| strike(address, files.clone(), blow);
        ground.beside(report, name, false, 2, strike).await?;
    }
    ground.beside(report, "messages of a million fields", false, 1, |_| fields(desk, ground.reader.clone())).await?;
    ground.fill().await?;
    ground.beside(report, "full pages of lists", false, 2, |_| lists(ground.pair.ppc.desk.clone())).await?;
    ground.beside(report, "readers without a window", false, 2, |_| windowless(desk, ground.reader.clone())).await?;
    ground.beside(report, "connections of one certificate", true, 200, |_| held(desk, ground.reader.clone())).await?;
    ground.beside(report, "stalled connections", true, STALLED, |_| stalled(desk)).await?;
    ground.beside(report, "stalled connections to the link", false, STALLED, |_| stalled(link)).await?;
    ground.statuses(report).await?;
    let ready = ground.is_ready().await;
    report.check("the service is ready after everything", ready);
    let mut pair = ground.pair;
    pair.stop_both().await
}

impl Ground {
    /// The durations of the neighbour's calls, on one connection or each on a new one.
    async fn calls(&self, anew: bool) -> Result<Histogram<u64>, String> {
        let most = u64::try_from(PATIENCE.as_micros()).unwrap_or(u64::MAX);
        let mut took = Histogram::new_with_bounds(1, most, 3).map_err(|error| error.to_string())?;
        for _ in 0..if anew { CALLS / 4 } else { CALLS } {
            let begun = Instant::now();
            let channel = if anew { self.pair.ppc.desk.channel("casework")? } else { self.neighbour.clone() };
            let answered = tokio::time::timeout(PATIENCE, raw::call(&channel, AGREEMENT, ASK, &[OFFICIAL])).await;
            answered.map_err(|_| "a call of the neighbour is not answered")?.map_err(|status| status.to_string())?;
            took.saturating_record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            tokio::time::sleep(PAUSE).await;
        }
        Ok(took)
    }

    /// Lets so many flooders strike again and again while the neighbour calls.
    async fn beside<F, S>(
        &self,
        report: &mut Report<'_>,
        name: &str,
        anew: bool,
        flooders: usize,
        strike: S,
    ) -> Result<(), String>
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
        S: Fn(usize) -> F,
    {
        let control = self.calls(anew).await?;
        shown(report, &format!("{name}, control"), &control);
        let mut flood = JoinSet::new();
        (0..flooders).for_each(|number| drop(flood.spawn(strike(number))));
        let mut broken = 0;
        let calls = async {
            tokio::time::sleep(LEAD).await;
            self.calls(anew).await
        };
        tokio::pin!(calls);
        let took = loop {
            tokio::select! {
                took = &mut calls => break took,
                // Being thrown out is what a flood is for; it comes again.
                Some(_) = flood.join_next() => {
                    broken += 1;
                    flood.spawn(strike(broken));
                }
            }
        };
        let memory = self.memory()?;
        let refused = self.refused().await?;
        flood.shutdown().await;
        match took {
            Ok(took) => {
                shown(report, name, &took);
                let most = (percentile(&control, 99.0) * SLOWER).max(FAST);
                report.check(
                    &format!("{name}: the neighbour's p99 is at most {SLOWER} times the control's, or {FAST:?}"),
                    percentile(&took, 99.0) <= most,
                );
            }
            Err(error) => report.check(&format!("{name}: the neighbour is served ({error})"), false),
        }
        report.figure("  times that a flooder was thrown out", broken);
        report.figure("  handshakes refused until now", refused);
        report.figure("  memory, MiB", format!("{memory:.0}"));
        report.check(&format!("{name}: memory stays below {MEMORY} MiB"), memory < MEMORY);
        Ok(())
    }

    async fn refused(&self) -> Result<String, String> {
        let operator = self.pair.ppc.operator().ok_or("the service has ended")?;
        let (_, metrics) = get(operator, "/metrics").await?;
        let count = metrics.lines().find_map(|line| line.strip_prefix("renkei_handshake_failures_total "));
        Ok(count.unwrap_or("0").to_owned())
    }

    /// Publishes what makes a page of a list a full one.
    async fn fill(&self) -> Result<(), String> {
        let ppc = Acts::new(&self.pair, Agency::Ppc)?;
        for number in 0..PAGE {
            let scheme = ppc.publishing(&format!("s{number}"));
            ppc.publish(scheme).await.map_err(|refused| format!("{refused:?}"))?;
        }
        Ok(())
    }

    fn memory(&self) -> Result<f64, String> {
        resident(self.pair.ppc.process_id().ok_or("the service has ended")?)
    }

    async fn is_ready(&self) -> bool {
        let Ok(channel) = self.pair.ppc.desk.channel("reader") else { return false };
        let answer = tokio::time::timeout(PATIENCE, raw::call(&channel, HEALTH, &[], &[])).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer == [[8, 1]]))
    }

    /// Checks the refusal of one bad message, and that the next call on the same connection is answered.
    async fn statuses(&self, report: &mut Report<'_>) -> Result<(), String> {
        let channel = self.pair.ppc.desk.channel("intake")?;
        let note: &'static str = Box::leak("n".repeat(20 << 10).into_boxed_str());
        let nested = (0..2000).fold(Vec::new(), |inner: Vec<u8>, _| {
            let length = u32::try_from(inner.len()).unwrap_or_default();
            let mut outer = vec![0x1a];
            prost::encoding::encode_varint(u64::from(length), &mut outer);
            [outer, inner].concat()
        });
        let cases = [
            (
                "a message beyond 2 MiB",
                vec![0; (2 << 20) + 1],
                vec![OFFICIAL],
                Code::ResourceExhausted,
                Reason::TooLarge,
            ),
            (
                "20 KiB of metadata",
                Vec::new(),
                vec![OFFICIAL, ("note", note)],
                Code::ResourceExhausted,
                Reason::TooLarge,
            ),
            ("no message at all", vec![0xff; 64], vec![OFFICIAL], Code::InvalidArgument, Reason::Malformed),
            ("messages in messages", nested, vec![OFFICIAL], Code::InvalidArgument, Reason::Malformed),
        ];
        for (name, body, metadata, code, reason) in cases {
            let ended = tokio::time::timeout(PATIENCE, raw::call(&channel, ISSUE, &body, &metadata)).await;
            let ended = ended.map_err(|_| format!("{name}: no answer"))?;
            let told = ended.err().map(|status: Status| (status.code(), reason_of(&status)));
            report.check(
                &format!("{name} is refused with {code:?} and {}", reason.id()),
                told == Some((code, Some(reason))),
            );
        }
        let next = raw::call(&channel, HEALTH, &[], &[]).await.is_ok();
        report.check("the next call on the same connection is answered", next);
        Ok(())
    }
}

fn percentile(took: &Histogram<u64>, percent: f64) -> Duration {
    Duration::from_micros(took.value_at_percentile(percent))
}

fn shown(report: &mut Report<'_>, name: &str, took: &Histogram<u64>) {
    let (half, most) = (percentile(took, 50.0), percentile(took, 99.0));
    report.figure(name, format!("p50 {half:.1?}, p99 {most:.1?}, {} calls", took.len()));
}

/// Connects and strikes until the service ends the connection. What it answers is read, so that it never waits for us.
async fn strike(address: SocketAddr, files: Files, blow: fn(&mut Frames, u32) -> Vec<u8>) -> Result<(), String> {
    let mut connection = Frames::connect(address, &files, &[]).await?;
    for number in 0.. {
        let bytes = blow(&mut connection, number);
        if let Err(error) = connection.send(&bytes).await {
            tokio::time::sleep(REST).await;
            return Err(error);
        }
        let read = async {
            loop {
                if connection.next().await?.kind == GOAWAY {
                    return Err::<(), String>("thrown out".to_owned());
                }
            }
        };
        if let Ok(ended) = tokio::time::timeout(PAUSE, read).await {
            tokio::time::sleep(REST).await;
            return ended;
        }
    }
    Ok(())
}

/// The nth stream of a client when each blow begins so many.
fn stream(blow: u32, each: u32, n: u32) -> u32 {
    2 * (blow * each + n) + 1
}

/// Calls that are cancelled at once.
fn resets(_: &mut Frames, blow: u32) -> Vec<u8> {
    let each = 300;
    let call = |n| {
        let number = stream(blow, each, n);
        let begun = frame(HEADERS, END_HEADERS | END_STREAM, number, SMALLEST);
        [begun, frame(RST_STREAM, 0, number, &8_u32.to_be_bytes())].concat()
    };
    (0..each).flat_map(call).collect()
}

/// Headers that never end.
fn continuations(_: &mut Frames, blow: u32) -> Vec<u8> {
    let begun = if blow == 0 { frame(HEADERS, 0, 1, SMALLEST) } else { Vec::new() };
    // A header field of one byte each.
    let more = (0..50).flat_map(|_| frame(CONTINUATION, 0, 1, &[0, 1, b'a', 1, b'b']));
    begun.into_iter().chain(more).collect()
}

fn pings(_: &mut Frames, _: u32) -> Vec<u8> {
    (0..500).flat_map(|_| frame(PING, 0, 0, &[1; 8])).collect()
}

fn settings(_: &mut Frames, blow: u32) -> Vec<u8> {
    // SETTINGS_INITIAL_WINDOW_SIZE, another one each time.
    let window = (60_000 + blow % 1000).to_be_bytes();
    let payload = [&4_u16.to_be_bytes()[..], &window].concat();
    (0..500).flat_map(|_| frame(SETTINGS, 0, 0, &payload)).collect()
}

fn empty_data(_: &mut Frames, blow: u32) -> Vec<u8> {
    let begun = if blow == 0 { frame(HEADERS, END_HEADERS, 1, &headers(AGREEMENT, &[OFFICIAL])) } else { Vec::new() };
    begun.into_iter().chain((0..500).flat_map(|_| frame(DATA, 0, 1, &[]))).collect()
}

/// A large header that is put into the table once, and then named again and again by one byte each.
fn bombs(_: &mut Frames, blow: u32) -> Vec<u8> {
    let each = 20;
    let call = |n| {
        let mut fields = SMALLEST.to_vec();
        if (blow, n) == (0, 0) {
            // With a name of one letter and a value of 4,000; lengths with a prefix of seven bits.
            fields.extend([0x40, 1, b'a', 0x7f, 0xa1, 0x1e]);
            fields.extend([b'v'; 4000]);
        }
        fields.extend([0xbe; 15]);
        frame(HEADERS, END_HEADERS | END_STREAM, stream(blow, each, n), &fields)
    };
    (0..each).flat_map(call).collect()
}

/// Messages of nothing but empty fields, with a pause: two MiB take this machine some time to encrypt.
async fn fields(address: SocketAddr, files: Files) -> Result<(), String> {
    let body = [0x7a, 0].repeat(1_000_000);
    let channel = raw::dialled(address, &files)?;
    loop {
        let told = raw::call(&channel, AGREEMENT, &body, &[OFFICIAL]).await.err();
        if told.as_ref().and_then(reason_of) != Some(Reason::TooLarge) {
            return Err(format!("{told:?}"));
        }
        tokio::time::sleep(REST).await;
    }
}

/// Full pages of a list, as many at once as one connection carries.
async fn lists(desk: Desk) -> Result<(), String> {
    let channel = desk.channel("reader")?;
    let request = ListSchemesRequest { parent: "agencies/ppc".to_owned(), page_size: 500, page_token: String::new() };
    let body = request.encode_to_vec();
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (channel, body) = (channel.clone(), body.clone());
        calls.spawn(async move { raw::call(&channel, LIST, &body, &[OFFICIAL]).await });
    }
    while calls.join_next().await.is_some() {}
    Ok(())
}

/// Calls whose answers are never read.
async fn windowless(address: SocketAddr, files: Files) -> Result<(), String> {
    let channel = raw::windowless(address, &files)?;
    let mut calls = JoinSet::new();
    for _ in 0..128 {
        let channel = channel.clone();
        calls.spawn(async move { raw::call(&channel, AGREEMENT, ASK, &[OFFICIAL, ("grpc-timeout", "2S")]).await });
    }
    while calls.join_next().await.is_some() {}
    Ok(())
}

/// A connection that answers pings and does nothing.
async fn held(address: SocketAddr, files: Files) -> Result<(), String> {
    let mut connection = Frames::connect(address, &files, &[]).await?;
    loop {
        let got = match connection.next().await {
            Ok(got) => got,
            Err(error) => {
                // 200 of them come again and again.
                tokio::time::sleep(REST * 40).await;
                return Err(error);
            }
        };
        if got.kind == PING && got.flags == 0 {
            connection.send(&frame(PING, 1, 0, &got.payload)).await?;
        }
    }
}

/// A connection that never begins TLS, and comes again a while after it was closed.
async fn stalled(address: SocketAddr) -> Result<(), String> {
    let tcp = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let mut byte = [0; 1];
    tcp.readable().await.map_err(|error| error.to_string())?;
    let _ = tcp.try_read(&mut byte);
    tokio::time::sleep(REST).await;
    Ok(())
}
