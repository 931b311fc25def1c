//! Processes that are killed, and a link that is cut.

use std::time::Duration;

use renkei_proto::r#type::v1::Agency::{self, Ipa, Ppc};
use renkei_simulation::draw::Draw;
use tokio::time::sleep;

use super::figures::seconds;
use crate::pair::Pair;

/// It keeps the draws of disturbances apart from those of officials.
const PURPOSE: u64 = 0x7472_6f75_626c_6500;
/// The shortest and the longest pause between two disturbances, in milliseconds.
const PAUSE: [u64; 2] = [5_000, 20_000];
/// The shortest and the longest time of a disturbance, in milliseconds.
const LENGTH: [u64; 2] = [200, 5_000];
/// The services that are killed at once.
const KILLED: [&[Agency]; 3] = [&[Ppc], &[Ipa], &[Ppc, Ipa]];

/// The disturbances of a soak.
pub(super) struct Trouble {
    draw: Draw,
}

impl Trouble {
    pub(super) fn new(seed: u64) -> Self {
        Self { draw: Draw::new(seed ^ PURPOSE) }
    }

    /// The time until the next disturbance.
    pub(super) fn pause(&mut self) -> Duration {
        self.between(PAUSE)
    }

    /// Disturbs the pair for a while, mends it, and states what happened.
    ///
    /// # Errors
    /// Fails if a process has ended by itself or does not start again.
    pub(super) async fn make(&mut self, pair: &mut Pair, kills: bool) -> Result<String, String> {
        let killed = if kills { self.draw.pick(&KILLED).copied().unwrap_or_default() } else { &[] };
        // A process that is killed may find the link cut when it is back.
        let mut what = if !kills || self.draw.one_in(2) { vec![self.cut(pair)] } else { Vec::new() };
        for agency in killed {
            pair.kill(*agency).await?;
            what.push(format!("{} is killed", agency.id()));
        }
        let unheard = self.draw.one_in(3).then(|| self.agency());
        if let Some(agency) = unheard {
            pair.side(agency).desk_wire.hear(false);
            what.push(format!("the answers of {}'s desk are lost", agency.id()));
        }
        let lasts = self.between(LENGTH);
        sleep(lasts).await;
        for agency in killed {
            pair.start(*agency).await?;
        }
        if let Some(agency) = unheard {
            // The acts are done, and the connection breaks before their answers arrive.
            let wire = &pair.side(agency).desk_wire;
            wire.cut();
            wire.hear(true);
            wire.mend();
        }
        pair.mend_link();
        for side in [&pair.ppc, &pair.ipa] {
            side.link_wire.hear(true);
        }
        Ok(format!("{} for {}", what.join(", "), seconds(lasts)))
    }

    fn cut(&mut self, pair: &Pair) -> String {
        let agency = self.agency();
        let wire = &pair.side(agency).link_wire;
        match self.draw.below(4) {
            0 => {
                wire.cut();
                format!("the wire to {} is cut", agency.id())
            }
            1 => {
                wire.hear(false);
                format!("the answers of {} are held up", agency.id())
            }
            _ => {
                pair.cut_link();
                "the link is cut".to_owned()
            }
        }
    }

    fn agency(&mut self) -> Agency {
        if self.draw.one_in(2) { Ppc } else { Ipa }
    }

    fn between(&mut self, [least, most]: [u64; 2]) -> Duration {
        Duration::from_millis(least + self.draw.below(most - least))
    }
}
