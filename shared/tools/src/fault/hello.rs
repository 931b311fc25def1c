//! A holder of the peer's link certificate makes false claims: it does not have the peer's journal key.

use prost::Message as _;
use renkei_proto::{
    journal::v1::{Entry, Header, SignedHeader},
    link::v1::frame::Kind,
    options::v1::Reason,
    r#type::v1::Agency,
};
use tokio::time::Instant;

use crate::{
    acts::Acts,
    cluster::Engine,
    database,
    desk::failure,
    fault::report::Report,
    http,
    pair::Pair,
    peer::{Peer, header, signed_header},
    scenario::start,
    setup::Choice,
};

/// The number of times that each kind of claim is made.
const ROUNDS: u64 = 20;

pub(super) async fn run(engine: Engine, report: &mut Report<'_>) -> Result<(), String> {
    let choice = Choice { engine: Some(engine), dialled_only: Some(Agency::Ppc), ..Choice::default() };
    let mut pair = Pair::one_sided_process(Agency::Ppc, start()?, [71; 32], choice).await?;
    let (ppc, mut peer) = (Acts::new(&pair, Agency::Ppc)?, Peer::new(&pair, Agency::Ipa)?);
    let entries = signed_for(&ppc, &mut peer).await?;
    let copy = copied(&mut pair).await?;
    lies(&pair, &ppc, &mut peer, &entries, report).await?;
    proved_loss(&mut pair, &ppc, &mut peer, &copy, report).await
}

/// Entries of PPC for which the peer has signed.
async fn signed_for(ppc: &Acts, peer: &mut Peer) -> Result<Vec<Entry>, String> {
    let mut session = peer.dial().await.map_err(failure)?;
    ppc.publish(ppc.publishing("leak-report-private")).await.map_err(failure)?;
    session.received(2).await.map_err(failure)?;
    session.sign(peer).await;
    ppc.ask_link("the receipt", |link| link.backlog == 0).await?;
    peer.held = session.entries.last().map(signed_header);
    Ok(session.entries.clone())
}

/// A copy of PPC's database as it is now.
async fn copied(pair: &mut Pair) -> Result<String, String> {
    let copy = pair.setup.file(Agency::Ppc, "copy.db");
    pair.stop(Agency::Ppc).await?;
    database::copy(&pair.setup, Agency::Ppc, &copy)?;
    pair.start(Agency::Ppc).await?;
    Ok(copy)
}

/// Claims without proof, and a write after each.
async fn lies(
    pair: &Pair,
    ppc: &Acts,
    peer: &mut Peer,
    entries: &[Entry],
    report: &mut Report<'_>,
) -> Result<(), String> {
    let honest = peer.held.clone();
    let last = entries.last().ok_or("PPC has written nothing")?;
    let own = header(last).seq;
    let (mut slowest, mut turned_away, mut acknowledged) = (0, 0, 0);
    for round in 0..ROUNDS {
        for seq in [own, own + 1000, i64::MAX.unsigned_abs(), u64::MAX] {
            let claimed = Header { seq, unit: format!("round-{round}"), ..header(last) };
            peer.held = Some(SignedHeader { header: claimed.encode_to_vec(), ..signed_header(last) });
            turned_away += u64::from(goodbye(peer).await? == Reason::BadSignature);
            let began = Instant::now();
            let written = ppc.publish(ppc.publishing(&format!("scheme-{round}-{acknowledged}"))).await;
            slowest = slowest.max(began.elapsed().as_millis());
            acknowledged += u64::from(written.is_ok());
        }
    }
    peer.held.clone_from(&honest);
    let mut session = peer.dial().await.map_err(failure)?;
    for seq in 3..3 + ROUNDS {
        let mut stop = peer.stop(seq, Reason::ChainBroken);
        stop.signature[0] ^= 1;
        session.say(Kind::Stop(stop)).await;
    }
    // Entries that follow a claim are receipted after it.
    session.send(&[peer.publication("virus")?]).await;
    session.receipted(1).await.map_err(failure)?;
    drop(session);
    let claims = 4 * ROUNDS;
    let link = ppc.link().await?;
    let unproven = counted(pair).await?;
    report.figure("false hellos", claims);
    report.figure("false stops", ROUNDS);
    report.figure("writes acknowledged between them", acknowledged);
    report.figure("slowest write", format!("{slowest} ms"));
    report.figure("claims in the metrics", unproven);
    report.check("every false hello is turned away", turned_away == claims);
    report.check("no write is refused", acknowledged == claims);
    report.check("no claim begins a recovery", !link.recovering);
    report.check("no claim stops a journal", (link.stopped_at_seq, link.stopped_by_peer_at_seq) == (0, 0));
    report.check("every claim is counted", unproven == claims + ROUNDS);
    Ok(())
}

/// PPC loses entries; the peer proves them by PPC's own signature, and has not got them all any more.
async fn proved_loss(
    pair: &mut Pair,
    ppc: &Acts,
    peer: &mut Peer,
    copy: &str,
    report: &mut Report<'_>,
) -> Result<(), String> {
    let mut session = peer.dial().await.map_err(failure)?;
    let own = ppc.link().await?.own_seq;
    while session.entries.last().map_or(0, |last| header(last).seq) < own {
        let next = session.entries.last().map_or(3, |last| header(last).seq + 1);
        session.received(next).await.map_err(failure)?;
        session.sign(peer).await;
    }
    let last = session.entries.last().cloned().ok_or("PPC has sent nothing")?;
    drop(session);
    pair.stop(Agency::Ppc).await?;
    database::put_back(&pair.setup, Agency::Ppc, copy)?;
    pair.start(Agency::Ppc).await?;
    let kept = ppc.link().await?.own_seq;
    peer.held = Some(signed_header(&last));
    let mut session = peer.dial().await.map_err(failure)?;
    let asked = session.ask().await.map_err(failure)?.from_seq;
    report.figure("entries lost", own - kept);
    report.check("a loss that our own signature proves begins a recovery", ppc.link().await?.recovering);
    report.check("what is missing is asked for", asked == kept + 1);
    let refused = ppc.publish(ppc.publishing("during-the-recovery")).await.err().map(|refused| refused.reason);
    report.check("writes are refused meanwhile", refused == Some(Reason::Recovering));

    let (code, text) = pair.command_line(Agency::Ppc, &["recover", "--end", "the peer has lost them, too"]).await?;
    report.check("an operator ends a recovery that cannot end", code == Some(0));
    if code != Some(0) {
        report.figure("recover --end", text.trim());
    }
    let unconfirmed = ppc.publish(ppc.publishing("before-the-list")).await.err().map(|refused| refused.reason);
    report.check("no official acts before the barred are confirmed", unconfirmed == Some(Reason::Recovering));
    let confirm = ["recover", "--barred", "none", "--reason", "the list of the personnel office"];
    let (code, _) = pair.command_line(Agency::Ppc, &confirm).await?;
    report.check("the list of barred officials is confirmed", code == Some(0));
    ppc.ask_link("the end of the recovery", |link| !link.recovering).await?;
    let written = ppc.publish(ppc.publishing("after-the-recovery")).await;
    report.check("writes go on", written.is_ok());
    let (code, _) = pair.command_line(Agency::Ppc, &["verify"]).await?;
    report.check("the journals verify", code == Some(0));
    Ok(())
}

/// Why PPC ends a session with this peer.
async fn goodbye(peer: &Peer) -> Result<Reason, String> {
    let mut session = peer.dial().await.map_err(failure)?;
    session.until(|kind| if let Kind::Goodbye(bye) = kind { Some(bye.reason()) } else { None }).await.map_err(failure)
}

/// The number of unproven claims that the service has counted.
async fn counted(pair: &Pair) -> Result<u64, String> {
    let operator = pair.ppc.operator().ok_or("PPC does not run")?;
    let (_, metrics) = http::get(operator, "/metrics").await?;
    let values = metrics.lines().filter(|line| line.starts_with("renkei_link_unproven_total"));
    Ok(values.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
}
