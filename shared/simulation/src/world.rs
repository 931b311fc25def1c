//! A history: both agencies, the network between them, and the operations that befall them.

use std::collections::{BTreeMap, BTreeSet};

use renkei_book::{Judged, Submission};
use renkei_proto::{FactKind, options::v1::Reason, r#type::v1::Agency};

use crate::{
    act::Act,
    check::{Check, Violation},
    draw::Draw,
    host::Time,
    operation::{Kind, Operation},
    side::Side,
    wire::Connection,
};

/// The time at which every history begins: 2026-11-24 09:00 in Japan.
const BEGIN_US: i64 = 1_795_478_400_000_000;
/// A second, in microseconds.
pub(crate) const SECOND: i64 = 1_000_000;
/// The most steps in which an undisturbed pair comes to rest.
const REST: usize = 5_000;
/// The most times that operators look after the pair before it must be whole.
const ROUNDS: usize = 8;

/// A call that may be repeated.
#[derive(Clone)]
pub(crate) struct Called {
    pub(crate) act: Act,
    pub(crate) unit: &'static str,
    pub(crate) official: &'static str,
    /// The first answer; `None` if the call was declined.
    pub(crate) answer: Option<Vec<u8>>,
}

/// A call that a second replica has judged and not written.
pub(crate) struct JudgedCall {
    pub(crate) name: &'static str,
    pub(crate) called: Called,
    pub(crate) submission: Submission,
    pub(crate) judged: Judged,
    /// True if it came while the clock was doubted.
    pub(crate) is_doubted: bool,
}

/// What a watcher has received.
#[derive(Default)]
pub(crate) struct Watcher {
    /// The last cursor, as it was received; `None` before the first list.
    pub(crate) cursor: Option<Vec<u8>>,
    /// The ids of the entries of both journals that it was told of, or that were there when it listed.
    pub(crate) known: BTreeSet<String>,
}

/// A history as it runs.
pub struct World {
    /// PPC and IPA.
    pub(crate) sides: [Side; 2],
    /// The lines of the story so far.
    pub story: Vec<String>,
    /// By generator, the number of acts that were tried, and of those that were carried out.
    pub(crate) acts: BTreeMap<&'static str, (u64, u64)>,
    seed: u64,
    /// True once an operator has given up entries that nobody has.
    pub(crate) has_given_up: bool,
    /// The collection in which officials act; `None` for all.
    pub(crate) about: Option<&'static str>,
    /// True if the story tells of every frame.
    pub(crate) tells_frames: bool,
    pub(crate) time: Time,
    pub(crate) connections: Vec<Connection>,
    /// The numbers of connections that were opened.
    pub(crate) opened: u64,
    /// True for a direction in which the network delivers nothing: from PPC, from IPA.
    pub(crate) blocked: [bool; 2],
    pub(crate) called: [Option<Called>; 2],
    /// By agency, the call that a second replica has judged and not written.
    pub(crate) judged: [Option<JudgedCall>; 2],
    /// By agency, a watcher of its feed.
    pub(crate) watchers: [Watcher; 2],
    pub(crate) check: Check,
    pub(crate) at: usize,
}

pub(crate) fn place(agency: Agency) -> usize {
    usize::from(agency == Agency::Ipa)
}

/// The agencies in the order of their places.
pub const BOTH: [Agency; 2] = [Agency::Ppc, Agency::Ipa];

impl World {
    /// The beginning of a history: both services start for the first time.
    pub fn new(seed: u64, tells_frames: bool) -> Self {
        let mut draw = Draw::new(seed ^ 0x5157);
        let time = Time::default();
        time.pass(BEGIN_US);
        let mut sides = BOTH.map(|agency| Side::new(agency, time.clone(), &mut draw));
        match draw.below(4) {
            0 => sides[0].dials = false,
            1 => sides[1].dials = false,
            _ => {}
        }
        let mut world = Self {
            sides,
            story: Vec::new(),
            acts: BTreeMap::new(),
            seed,
            has_given_up: false,
            about: None,
            tells_frames,
            time,
            connections: Vec::new(),
            opened: 0,
            blocked: [false; 2],
            called: [None, None],
            judged: [None, None],
            watchers: Default::default(),
            check: Check::default(),
            at: 0,
        };
        for agency in BOTH {
            world.start(agency);
        }
        world
    }

    /// Does an operation and checks what must be true after it.
    ///
    /// # Errors
    /// The first violation.
    pub fn operate(&mut self, at: usize, operation: Operation) -> Result<(), Violation> {
        self.at = at;
        let mut draw = Draw::new(operation.seed);
        let side = BOTH[draw.index(2)];
        self.time.pass(i64::try_from(draw.below(3)).unwrap_or_default() * SECOND / 2 + 1);
        match operation.kind {
            Kind::Act => self.act(side, &mut draw)?,
            Kind::Repeat => self.repeat(side)?,
            Kind::Replica => self.replica(side, &mut draw)?,
            Kind::Watch => self.watch(side, &mut draw)?,
            Kind::Steps => {
                for _ in 0..draw.below(60) {
                    self.step(&mut draw)?;
                }
            }
            Kind::Pass => self.pass(&mut draw),
            Kind::Cut => self.cut_some(&mut draw),
            Kind::Mend => self.mend(),
            Kind::Lose => self.lose(&mut draw),
            Kind::Replay => self.replay(&mut draw),
            Kind::Lie => self.lie(&mut draw),
            Kind::Crash => self.crash(side),
            Kind::Drain => {
                self.sides[place(side)].drain();
                self.tell(format!("{} is asked to end", side.id()));
            }
            Kind::Start => self.start(side),
            Kind::BackUp => self.back_up(side),
            Kind::Restore => self.restore(side, &mut draw),
            Kind::Keys => self.keys(side, &mut draw),
            Kind::Version => self.version(side, &mut draw),
            Kind::Clock => self.clock(side, &mut draw),
            Kind::Operate => self.operator(side),
            Kind::Faulty => self.faulty(side, &mut draw),
        }
        self.check.after(&self.sides, at)
    }

    /// Mends everything, lets the pair come to rest, and checks what must be true then.
    ///
    /// # Errors
    /// The first violation.
    pub fn settle(&mut self, at: usize) -> Result<(), Violation> {
        self.at = at;
        self.tell("everything is mended".to_owned());
        self.blocked = [false; 2];
        self.connections.clear();
        let mut draw = Draw::new(self.seed ^ u64::try_from(at).unwrap_or_default());
        for agency in BOTH {
            let side = &mut self.sides[place(agency)];
            side.set_skew(0);
        }
        let mut rests = false;
        for round in 0..ROUNDS {
            for agency in BOTH {
                // An operator configures the key that the journal has, once it is back, and the present version.
                if round > 0 || self.sides[place(agency)].unknown.take().is_some() {
                    self.crash(agency);
                }
                self.start(agency);
                self.operator(agency);
                self.start(agency);
            }
            rests = self.rest(&mut draw)?;
            self.check.after(&self.sides, at)?;
            if rests {
                self.is_receipted(at)?;
            }
            if rests && BOTH.iter().all(|agency| self.is_whole(*agency)) {
                break;
            }
            for agency in BOTH {
                let heads = self.sides[place(agency)].disk().heads().clone();
                if heads.recovering() {
                    // Nobody has what is still missing, so the operator gives it up.
                    self.give_up(agency);
                } else if heads.peer.stop_reason == Reason::OrderBroken {
                    self.grow(agency);
                }
            }
        }
        if !rests {
            return Err(Violation::new("the pair comes to rest", "sessions end and begin without an end", at));
        }
        if self.has_given_up && self.sides.iter().any(|side| side.disk().heads().peer.stop_seq != 0) {
            // Entries that nobody has any more were judged by entries that are left. No number is skipped, so the stop stays.
            self.tell("a journal stays stopped at an entry about what was given up".to_owned());
            return Ok(());
        }
        self.check.at_rest(&self.sides, at)
    }

    /// Where nothing else is missing, receipts are not either: they do not need another session.
    fn is_receipted(&self, at: usize) -> Result<(), Violation> {
        let heads = self.sides.each_ref().map(|side| side.disk().heads().clone());
        let waits = heads.iter().any(|it| it.recovering() || it.peer.stop_seq != 0 || it.own.stop_seq != 0);
        let is_doubted = self.sides.iter().any(|side| side.is_clock_doubted() || side.process.is_none());
        let [ppc, ipa] = &heads;
        for (agency, own, held) in [(Agency::Ppc, &ppc.own, &ipa.peer), (Agency::Ipa, &ipa.own, &ppc.peer)] {
            if !waits && !is_doubted && own.seq == held.seq && own.receipted < own.seq {
                let detail =
                    format!("{} has {} receipted of {}, and the peer has all", agency.id(), own.receipted, own.seq);
                return Err(Violation::new("a receipt follows everything that is stored", &detail, at));
            }
        }
        Ok(())
    }

    /// True if the agency waits for nothing.
    fn is_whole(&self, agency: Agency) -> bool {
        let disk = self.sides[place(agency)].disk();
        let heads = disk.heads();
        !heads.recovering() && heads.backlog() == 0 && heads.peer.stop_seq == 0 && heads.own.stop_seq == 0
    }

    /// Lets the pair go on as it is until nothing moves any more, and checks what must be true after each step.
    ///
    /// # Errors
    /// The first violation, or that something always moves.
    pub fn goes_on(&mut self) -> Result<(), Violation> {
        match self.rest(&mut Draw::new(self.seed))? {
            true => Ok(()),
            false => Err(Violation::new("the pair comes to rest", "sessions end and begin without an end", self.at)),
        }
    }

    /// Lets sessions and network go on for some steps.
    ///
    /// # Errors
    /// The first violation.
    pub fn steps(&mut self, number: u64) -> Result<(), Violation> {
        let mut draw = Draw::new(self.seed);
        (0..number).try_for_each(|_| self.step(&mut draw).map(|_| ()))
    }

    /// What must be true of the pair at rest.
    ///
    /// # Errors
    /// The first violation.
    pub fn is_at_rest(&self) -> Result<(), Violation> {
        self.check.at_rest(&self.sides, self.at)
    }

    /// The version of an agency that is installed for its next start: without this kind of fact, or the present one.
    pub fn install(&mut self, agency: Agency, unknown: Option<FactKind>) {
        self.sides[place(agency)].unknown = unknown;
    }

    /// Lets sessions and network go on until nothing moves any more. Returns false if something always does.
    fn rest(&mut self, draw: &mut Draw) -> Result<bool, Violation> {
        let mut heads = None;
        for _ in 0..REST {
            if self.step(draw)? {
                continue;
            }
            // Pauses of sessions end, and what waited for them goes on.
            self.time.pass(2 * SECOND);
            let now = self.sides.each_ref().map(|side| side.disk().heads().clone());
            if heads.as_ref() == Some(&now) && !self.can_step() {
                return Ok(true);
            }
            heads = Some(now);
        }
        Ok(false)
    }

    fn can_step(&self) -> bool {
        self.connections.iter().any(|it| it.ends.iter().any(|end| end.is_ready() || end.has_sent()))
    }

    pub(crate) fn tell(&mut self, line: String) {
        self.story.push(format!("{:>4}  {line}", self.at));
    }
}
