//! The wall clock jumps.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renkei_domain::{calendar::TOKYO, moment::instant};
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};
use tokio::time::Instant;

use crate::{
    acts::{Acts, both, publish_all, same_journals, settle},
    cluster::Engine,
    fault::report::Report,
    pair::Pair,
    scenario::start,
    setup::{AGENCIES, Choice},
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Acts at each step.
const ACTS: usize = 20;
/// Nobody waits longer for acts to be accepted again.
const PATIENCE: Duration = Duration::from_secs(30);

struct Clocks {
    pair: Pair,
    ppc: Acts,
    ipa: Acts,
    /// The time that both clocks would show if they were right.
    right: Timestamp,
    acts: usize,
}

pub(super) async fn run(engine: Engine, report: &mut Report<'_>) -> Result<(), String> {
    let choice = Choice { engine: Some(engine), judged_clocks: true, ..Choice::default() };
    let mut pair = Pair::processes(None, start()?, [61; 32], choice).await?;
    pair.stop_both().await?;
    let right = start()?;
    pair.run_clock_of(Agency::Ppc, right + HOUR)?;
    pair.run_clock_of(Agency::Ipa, right - HOUR)?;
    for agency in AGENCIES {
        pair.start(agency).await?;
    }
    let (ppc, ipa) = both(&pair)?;
    let mut clocks = Clocks { pair, ppc, ipa, right, acts: 0 };
    clocks.are_apart(report).await?;
    clocks.step_back(report).await?;
    clocks.jump(report).await?;
    clocks.jump_and_stay(report).await?;
    clocks.are_wrong_at_a_start(report).await?;
    clocks.end(report).await
}

impl Clocks {
    /// PPC acts so many times. Gives the number of accepted acts, and the reasons for the others but a doubted clock.
    async fn act(&mut self, acts: usize) -> (usize, Vec<Reason>) {
        let (mut taken, mut others) = (0, Vec::new());
        for _ in 0..acts {
            self.acts += 1;
            match self.ppc.publish(self.ppc.publishing(&format!("scheme-{}", self.acts))).await {
                Ok(_) => taken += 1,
                Err(refused) if refused.reason == Reason::ClockDoubted => {}
                Err(refused) => others.push(refused.reason),
            }
        }
        (taken, others)
    }

    /// The time until PPC's acts are accepted.
    async fn until_taken(&mut self) -> Result<Duration, String> {
        let begun = Instant::now();
        while self.act(1).await.0 == 0 {
            if begun.elapsed() > PATIENCE {
                return Err(format!("no act was accepted within {} s", PATIENCE.as_secs()));
            }
        }
        Ok(begun.elapsed())
    }

    async fn command(&self, arguments: &[&str]) -> Result<(bool, String), String> {
        let (code, text) = self.pair.command_line(Agency::Ppc, arguments).await?;
        Ok((code == Some(0), text))
    }

    async fn confirm(&self, time: Timestamp) -> Result<bool, String> {
        let time = TOKYO.to_datetime(time).to_string();
        Ok(self.command(&["confirm-clock", "--time", &time, "--reason", "compared with a watch"]).await?.0)
    }

    async fn are_apart(&mut self, report: &mut Report<'_>) -> Result<(), String> {
        publish_all(&self.ppc, &self.ipa).await?;
        let (taken, others) = self.act(ACTS).await;
        settle(&self.ppc, &self.ipa).await?;
        report.figure("clocks an hour ahead and an hour behind: acts accepted", format!("{taken} of {ACTS}"));
        report.check("clocks that are apart refuse no act", taken == ACTS && others.is_empty());
        let (_, status) = self.command(&["status"]).await?;
        let skew = status.lines().find(|line| line.starts_with("clock")).unwrap_or_default().to_owned();
        report.figure("status", skew.trim());
        report.check("status shows that they are two hours apart", skew.contains(" 7200.") || skew.contains(" 7199."));
        Ok(())
    }

    async fn step_back(&mut self, report: &mut Report<'_>) -> Result<(), String> {
        self.pair.run_clock_of(Agency::Ppc, self.right + HOUR - SignedDuration::from_mins(10))?;
        let (taken, others) = self.act(ACTS).await;
        report.figure("a step back of ten minutes: acts accepted", format!("{taken} of {ACTS}"));
        report.check("a step back of ten minutes refuses no act", taken == ACTS && others.is_empty());
        Ok(())
    }

    async fn jump(&mut self, report: &mut Report<'_>) -> Result<(), String> {
        let far: Timestamp = "9998-01-01T09:00:00+09:00".parse().map_err(|error| format!("{error}"))?;
        self.pair.run_clock_of(Agency::Ppc, far)?;
        let (taken, others) = self.act(ACTS).await;
        report.figure("a jump to the year 9998: acts accepted", format!("{taken} of {ACTS}"));
        report.check("no act is accepted, and for one reason only", taken == 0 && others.is_empty());
        let before = self.ppc.link().await?.peer_seq;
        for n in 0..ACTS {
            let request = self.ipa.publishing(&format!("meanwhile-{n}"));
            self.ipa.publish(request).await.map_err(|refused| format!("{refused:?}"))?;
        }
        settle(&self.ppc, &self.ipa).await?;
        let arrived = self.ppc.link().await?.peer_seq - before;
        report.figure("entries of the peer that arrived meanwhile", arrived);
        report.check("entries of the peer arrive meanwhile", arrived >= ACTS as u64);
        let (is_healthy, health) = self.command(&["health"]).await?;
        report.figure("health", health.trim());
        report.check("health reports it", !is_healthy && health.contains("the clock is doubted"));
        self.pair.run_clock_of(Agency::Ppc, self.right + HOUR)?;
        let took = self.until_taken().await?;
        report.figure("the clock is right again: acts are accepted after", format!("{} ms", took.as_millis()));
        Ok(())
    }

    async fn jump_and_stay(&mut self, report: &mut Report<'_>) -> Result<(), String> {
        let later = self.right + 5 * HOUR;
        self.pair.run_clock_of(Agency::Ppc, later)?;
        let (taken, others) = self.act(ACTS).await;
        report.figure("a jump by four hours that stays: acts accepted", format!("{taken} of {ACTS}"));
        report.check("no act is accepted before it is confirmed", taken == 0 && others.is_empty());
        report.check("another time than the clock's is not confirmed", !self.confirm(self.right).await?);
        // The service has to have found the doubt that is confirmed.
        while self.command(&["health"]).await?.0 {}
        report.check("the clock's time is confirmed", self.confirm(later).await?);
        let took = self.until_taken().await?;
        report.figure("confirmed: acts are accepted after", format!("{} ms", took.as_millis()));
        Ok(())
    }

    async fn are_wrong_at_a_start(&mut self, report: &mut Report<'_>) -> Result<(), String> {
        let later = self.right + 5 * HOUR;
        self.pair.stop(Agency::Ppc).await?;
        self.pair.run_clock_of(Agency::Ppc, later + 24 * 400 * HOUR)?;
        self.pair.start(Agency::Ppc).await?;
        let (taken, others) = self.act(ACTS).await;
        report.figure("a start 400 days ahead: acts accepted", format!("{taken} of {ACTS}"));
        report.check("no act is accepted after a start with a wrong clock", taken == 0 && others.is_empty());
        self.pair.run_clock_of(Agency::Ppc, later)?;
        let took = self.until_taken().await?;
        report.figure("the clock is right again: acts are accepted after", format!("{} ms", took.as_millis()));
        Ok(())
    }

    async fn end(mut self, report: &mut Report<'_>) -> Result<(), String> {
        settle(&self.ppc, &self.ipa).await?;
        let refusals = same_journals(&self.ppc, &self.ipa).await.map_err(|refused| format!("{refused:?}"))?;
        report.check("both sides have the same journals, and neither has refused an entry", refusals == 0);
        let (mut last, mut falls, mut entries) = (Timestamp::MIN, 0, 0);
        let journal = self.ppc.journal(Agency::Ppc).await.map_err(|refused| format!("{refused:?}"))?;
        for entry in journal {
            let written = entry.written_at.as_ref().map(instant).ok_or("an entry without a time")?;
            falls += usize::from(written < last);
            last = last.max(written);
            entries += 1;
        }
        report.figure("entries of PPC", entries);
        report.figure("the last of them is dated", last);
        report.check("no entry is dated before the one before it", falls == 0);
        report.check("no entry is dated ahead of its clock", last < self.right + 6 * HOUR);
        for agency in AGENCIES {
            let (code, _) = self.pair.command_line(agency, &["verify"]).await?;
            report.check(&format!("the journals of {} verify", agency.id()), code == Some(0));
        }
        self.pair.stop_both().await
    }
}
