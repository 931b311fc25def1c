//! An official who acts, and repeats calls.

use std::sync::Arc;

use renkei_client::{Answer, CallError, REPEAT_AFTER};
use renkei_proto::r#type::v1::Agency;
use renkei_simulation::{
    act::Act,
    draw::Draw,
    generator::{Choosing, Generator, Sort},
    generators,
    operation::seed_of,
};
use tokio::time::{Instant, sleep};
use tonic::Code;

use super::desks::Desks;
use crate::{
    acts::Reply,
    desk::{PATIENCE, failure},
};

/// One of so many calls repeats an earlier one.
const REPEATS: u64 = 8;

/// An official at one desk.
pub(super) struct Official {
    desks: Arc<Desks>,
    own: Agency,
    generators: Vec<&'static Generator>,
    draw: Draw,
    /// The last act that was acknowledged, with its answer.
    last: Option<(Act, Reply)>,
}

impl Official {
    pub(super) fn new(desks: &Arc<Desks>, own: Agency, seed: u64, number: u64) -> Self {
        let place = u64::from(own == Agency::Ipa);
        let draw = Draw::new(seed_of(seed, 2 * number + place));
        Self { desks: Arc::clone(desks), own, generators: generators::of(own), draw, last: None }
    }

    /// Acts until this instant.
    ///
    /// # Errors
    /// The first violation.
    pub(super) async fn work(mut self, until: Instant) -> Result<Self, String> {
        while Instant::now() < until {
            let done = if self.draw.one_in(REPEATS) { self.repeat().await } else { self.act().await };
            done.map_err(|why| format!("{}: {why}", self.own.id()))?;
        }
        Ok(self)
    }

    async fn act(&mut self) -> Result<(), String> {
        let Some(generator) = self.draw.pick(&self.generators).copied() else { return Ok(()) };
        self.desks.set_clock()?;
        let Some(act) = self.choose(generator) else { return Ok(()) };
        let answer = self.answered(&act).await?;
        self.desks.figures().answered(generator.name, &answer);
        match answer {
            Ok(_) if generator.sort == Sort::Forbidden => Err(format!("{}: accepted, and forbidden", generator.name)),
            Ok(reply) => {
                self.desks.note(self.own, &reply);
                self.last = Some((act, reply));
                Ok(())
            }
            // No request and no failure that is played here excuses a service that does not know what to answer.
            Err(failed) if matches!(failed.code, Code::Internal | Code::Unknown | Code::DataLoss) => {
                Err(format!("{}: {}", generator.name, failure(failed)))
            }
            Err(_) => Ok(()),
        }
    }

    fn choose(&mut self, generator: &Generator) -> Option<Act> {
        let shown = self.desks.shown(self.own);
        let requests = self.desks.acts(self.own);
        (generator.make)(&mut Choosing { shown: &shown, requests, draw: &mut self.draw })
    }

    /// Repeats the last act that was acknowledged: it gets its first answer again. Another answer breaks a promise, but
    /// not what the next acts rest on, so the soak goes on.
    async fn repeat(&mut self) -> Result<(), String> {
        let Some((act, first)) = self.last.take() else { return Ok(()) };
        let unequal = match self.answered(&act).await? {
            Ok(again) if again == first => return Ok(()),
            Ok(_) => "gives another answer to a repeat".to_owned(),
            Err(refused) => format!("refuses a repeat: {}", failure(refused)),
        };
        self.desks.note_unequal(format!("{} {unequal}", act.path()));
        Ok(())
    }

    /// Calls until there is an answer. The request id makes the repetitions harmless.
    async fn answered(&self, act: &Act) -> Result<Answer<Reply>, String> {
        let begun = Instant::now();
        loop {
            let called = Instant::now();
            match self.desks.acts(self.own).call(act.clone()).await {
                Err(failed) if is_open(&failed) => {
                    if begun.elapsed() > PATIENCE {
                        return Err(format!("{} is not answered: {}", act.path(), failure(failed)));
                    }
                    self.desks.figures().lost();
                    sleep(REPEAT_AFTER).await;
                }
                answer => {
                    self.desks.figures().took(called.elapsed());
                    return Ok(answer);
                }
            }
        }
    }
}

/// True for a call whose outcome is unknown, or that is to be made again.
fn is_open(failed: &CallError) -> bool {
    failed.is_unanswered || failed.retry_after.is_some() || failed.code == Code::DeadlineExceeded
}
