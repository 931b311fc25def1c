//! A history: both agencies, the network between them, and the operations that befall them.

use std::collections::{BTreeMap, BTreeSet};

use renkei_book::{
    Begin, Cause, ConfirmClock, ConfirmOfficials, Outcome, Reopen, Resume, Submission, etag, is_set_aside,
};
use renkei_domain::{
    matter::{Collection, Matter},
    noun::{official, referral, registry},
    page::{Journal, Seen},
    visibility::Reader,
};
use renkei_proto::{
    FactKind,
    link::v1::{Frame, frame::Kind as FrameKind},
    options::v1::{Reason, Role},
    r#type::v1::{Agency, Purpose},
};

use crate::{
    act::{Act, Caller, code_of},
    check::{Check, Violation},
    draw::Draw,
    generator::{Choosing, Generator, Shown, Sort},
    generators,
    host::Time,
    lie,
    operation::{Kind, Operation},
    side::{Side, outcome},
    wire::Connection,
};

/// The time at which every history begins: 2026-11-24 09:00 in Japan.
const BEGIN_US: i64 = 1_795_478_400_000_000;
/// A second, in microseconds.
const SECOND: i64 = 1_000_000;
/// The most frames that a network remembers of a connection.
const REMEMBERED: usize = 8;
/// The most connections at once.
const CONNECTIONS: usize = 6;
/// The most steps in which an undisturbed pair comes to rest.
const REST: usize = 5_000;
/// The most times that operators look after the pair before it must be whole.
const ROUNDS: usize = 8;

/// A call that may be repeated.
#[derive(Clone)]
struct Called {
    act: Act,
    unit: &'static str,
    official: &'static str,
    /// The first answer; `None` if the call was declined.
    answer: Option<Vec<u8>>,
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
    has_given_up: bool,
    /// True if the story tells of every frame.
    tells_frames: bool,
    time: Time,
    connections: Vec<Connection>,
    /// The numbers of connections that were opened.
    opened: u64,
    /// True for a direction in which the network delivers nothing: from PPC, from IPA.
    blocked: [bool; 2],
    called: [Option<Called>; 2],
    check: Check,
    at: usize,
}

fn place(agency: Agency) -> usize {
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
            tells_frames,
            time,
            connections: Vec::new(),
            opened: 0,
            blocked: [false; 2],
            called: [None, None],
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

    // The network

    /// One step of the network or of a session. Returns false if nothing can be done.
    fn step(&mut self, draw: &mut Draw) -> Result<bool, Violation> {
        self.close_ended();
        let mut steps: Vec<(usize, usize, bool)> = Vec::new();
        for (number, connection) in self.connections.iter().enumerate() {
            for (place_of_end, end) in connection.ends.iter().enumerate() {
                if end.is_ready() {
                    steps.push((number, place_of_end, true));
                }
                if end.has_sent() && !self.blocked[place(end.agency)] && !connection.is_half_open {
                    steps.push((number, place_of_end, false));
                }
            }
        }
        let dials = self.missing_connections();
        let choice = draw.index(steps.len() + dials.len());
        if let Some(agency) = choice.checked_sub(steps.len()).and_then(|it| dials.get(it)) {
            self.connect(*agency);
            return Ok(true);
        }
        let Some((number, end, goes_on)) = steps.get(choice).copied() else { return Ok(false) };
        let connection = &mut self.connections[number];
        if goes_on {
            let agency = connection.ends[end].agency;
            let number = connection.number;
            if let Some(cause) = connection.ends[end].go_on() {
                self.tell(format!("connection {number}: the session at {} ends: {cause}", agency.id()));
            }
            self.check.after_step(&self.sides, self.at)?;
        } else if let Some(frame) = connection.ends[end].take() {
            connection.old.push_back((end, frame.clone()));
            if connection.old.len() > REMEMBERED {
                connection.old.pop_front();
            }
            let (number, agency) = (connection.number, connection.ends[end].agency);
            let line =
                self.tells_frames.then(|| format!("connection {number}: {} of {}", lie::shown(&frame), agency.id()));
            connection.ends[1 - end].deliver(frame);
            line.into_iter().for_each(|line| self.tell(line));
        }
        Ok(true)
    }

    /// The agencies that would dial now.
    fn missing_connections(&self) -> Vec<Agency> {
        let is_up = self.sides.iter().all(|side| side.process.is_some()) && self.blocked == [false; 2];
        let dials = |agency: &Agency| {
            let has_none = !self.connections.iter().any(|it| it.ends[0].agency == *agency && !it.ends[0].has_ended());
            self.sides[place(*agency)].dials && has_none
        };
        let all = BOTH.into_iter().filter(dials);
        if is_up && self.connections.len() < CONNECTIONS { all.collect() } else { Vec::new() }
    }

    fn connect(&mut self, agency: Agency) {
        let link = |agency: Agency| self.sides[place(agency)].process.as_ref().map(|it| it.link.clone());
        let (Some(dialling), Some(dialled)) = (link(agency), link(agency.peer())) else { return };
        self.opened += 1;
        let streams = !self.sides[place(agency.peer())].dials;
        let connection = Connection::new(self.opened, (agency, dialling), (agency.peer(), dialled), streams);
        self.connections.push(connection);
        self.tell(format!("connection {}: {} dials", self.opened, agency.id()));
    }

    /// Ends the stream into a session whose other end has ended, once everything that was sent has come.
    fn close_ended(&mut self) {
        for connection in &mut self.connections {
            for end in 0..2 {
                let other = &connection.ends[1 - end];
                if other.has_ended() && !other.has_sent() && !connection.ends[end].is_closed() {
                    connection.ends[end].close();
                }
            }
        }
        self.connections.retain(|it| !it.ends.iter().all(|end| end.has_ended()));
        for agency in BOTH {
            let sessions =
                self.connections.iter().any(|it| it.ends.iter().any(|end| end.agency == agency && !end.has_ended()));
            let side = &mut self.sides[place(agency)];
            let drains = side.process.as_ref().is_some_and(|process| process.drains());
            if drains && !sessions {
                side.crash();
                self.tell(format!("{} has ended", agency.id()));
            }
        }
    }

    /// Cuts the link in both directions.
    pub fn cut(&mut self) {
        self.blocked = [true; 2];
        self.tell("the link is cut".to_owned());
    }

    /// Mends the link.
    pub fn mend(&mut self) {
        self.blocked = [false; 2];
        self.tell("the link is mended".to_owned());
    }

    fn cut_some(&mut self, draw: &mut Draw) {
        match draw.below(3) {
            0 => self.cut(),
            way => {
                let from = BOTH[usize::from(way == 2)];
                self.blocked[place(from)] = true;
                self.tell(format!("the link is cut from {}", from.id()));
            }
        }
    }

    fn lose(&mut self, draw: &mut Draw) {
        let index = draw.index(self.connections.len());
        if self.connections.is_empty() {
            return;
        }
        if draw.one_in(3) {
            // One end does not notice, and waits.
            let connection = &mut self.connections[index];
            connection.is_half_open = true;
            connection.ends[draw.index(2)].close();
            let number = connection.number;
            self.tell(format!("connection {number} is lost for one end"));
            return;
        }
        let connection = self.connections.remove(index);
        self.tell(format!("connection {} is lost", connection.number));
    }

    /// Delivers a frame of another or the same connection once more.
    fn replay(&mut self, draw: &mut Draw) {
        let known: Vec<(Agency, Frame)> = self
            .connections
            .iter()
            .flat_map(|it| it.old.iter().map(|(end, frame)| (it.ends[*end].agency, frame.clone())))
            .filter(|(_, frame)| !matches!(frame.kind, Some(FrameKind::Hello(_) | FrameKind::Goodbye(_)) | None))
            .collect();
        let Some((from, frame)) = draw.pick(&known).cloned() else { return };
        let on: Vec<usize> = (0..self.connections.len()).collect();
        let Some(on) = draw.pick(&on).copied() else { return };
        let connection = &mut self.connections[on];
        let number = connection.number;
        if let Some(end) = connection.ends.iter_mut().find(|end| end.agency == from.peer()) {
            end.deliver(frame.clone());
            self.tell(format!("connection {number}: {} of {} comes once more", lie::name(&frame), from.id()));
        }
    }

    /// Someone with an agency's certificate and without its key puts a frame of their own on a connection.
    fn lie(&mut self, draw: &mut Draw) {
        let Some(on) = (!self.connections.is_empty()).then(|| draw.index(self.connections.len())) else { return };
        let connection = &mut self.connections[on];
        let end = draw.index(2);
        let from = connection.ends[1 - end].agency;
        let true_frame = connection.ends[1 - end].take().or_else(|| connection.old.back().map(|(_, it)| it.clone()));
        let Some(frame) = lie::told(true_frame, from, &self.sides, draw) else { return };
        let (number, name) = (connection.number, lie::name(&frame));
        connection.ends[end].deliver(frame);
        self.tell(format!("connection {number}: a false {name} in the name of {}", from.id()));
        self.check.lied();
    }

    // Processes and databases

    /// Starts the process of an agency, if it is down.
    pub fn start(&mut self, agency: Agency) {
        if self.sides[place(agency)].process.is_some() {
            return;
        }
        let known = self.sides[place(agency.peer())].known_keys();
        let found = self.sides[place(agency)].start(&known);
        self.tell(format!("{} {found}", agency.id()));
    }

    fn crash(&mut self, agency: Agency) {
        if self.sides[place(agency)].process.is_none() {
            return;
        }
        self.sides[place(agency)].crash();
        for connection in std::mem::take(&mut self.connections) {
            // The other end notices only when its stream ends.
            let mut connection = connection;
            for end in 0..2 {
                if connection.ends[end].agency == agency {
                    connection.ends[1 - end].close();
                    connection.ends[end].kill();
                }
            }
            self.connections.push(connection);
        }
        self.tell(format!("{} crashes", agency.id()));
    }

    /// Copies the database of an agency.
    pub fn back_up(&mut self, agency: Agency) {
        let at = self.at;
        let side = &mut self.sides[place(agency)];
        let copy = side.disk().clone();
        if side.backups.len() < 3 {
            side.backups.push((at, copy));
            self.tell(format!("{} is backed up", agency.id()));
        }
    }

    fn restore(&mut self, agency: Agency, draw: &mut Draw) {
        let backups = self.sides[place(agency)].backups.len();
        if backups > 0 {
            let (number, is_marked) = (draw.index(backups), draw.one_in(2));
            self.restore_copy(agency, number, is_marked);
        }
    }

    /// Replaces a database by one of its copies. A copy that the service made is marked; one that was made otherwise is not.
    pub fn restore_copy(&mut self, agency: Agency, number: usize, is_marked: bool) {
        let Some((of, mut copy)) = self.sides[place(agency)].backups.get(number).cloned() else { return };
        if is_marked {
            copy.mark();
        }
        self.crash(agency);
        self.sides[place(agency)].restore(copy);
        self.check.restored(&self.sides, agency);
        let how = if is_marked { "the marked copy" } else { "an unmarked copy" };
        self.tell(format!("{} is restored from {how} of operation {of}", agency.id()));
    }

    fn keys(&mut self, agency: Agency, draw: &mut Draw) {
        let ours = self.sides[place(agency)].disk().heads().own.head();
        let is_known = self.sides[place(agency.peer())].disk().heads().peer.head() == ours;
        let side = &mut self.sides[place(agency)];
        let (what, fact) = match draw.below(4) {
            // A key proves the entries that it signed, so it is revoked only while the peer has the same journal.
            0 if !is_known => return,
            0 => ("revokes its former key", side.former_key()),
            1 => ("adds a key", side.next_key()),
            _ => {
                let Some(key_id) = side.install_key() else { return };
                self.tell(format!("{}: the key {key_id} is installed", agency.id()));
                return;
            }
        };
        let Some(fact) = fact else { return };
        let done = outcome(side.run("keys", fact));
        self.tell(format!("{} {what}: {done}", agency.id()));
    }

    fn version(&mut self, agency: Agency, draw: &mut Draw) {
        let side = &mut self.sides[place(agency)];
        side.unknown = match side.unknown {
            Some(_) => None,
            None => draw.pick(&[FactKind::ItemUnitsMissing, FactKind::PrivateAnchored]).copied(),
        };
        let what =
            side.unknown.map_or("the present version".to_owned(), |kind| format!("a version without {}", kind.name()));
        self.crash(agency);
        self.tell(format!("{}: {what} is installed", agency.id()));
        self.start(agency);
    }

    // Time

    fn pass(&mut self, draw: &mut Draw) {
        let seconds = match draw.below(20) {
            0 => 86_400 * (1 + draw.below(9)),
            1..=4 => 3600 * (1 + draw.below(12)),
            5..=10 => 60 * (1 + draw.below(50)),
            _ => 1 + draw.below(30),
        };
        self.time.pass(i64::try_from(seconds).unwrap_or_default() * SECOND);
        let is_blocked = self.blocked.contains(&true);
        for connection in self.connections.iter_mut().filter(|it| it.is_half_open || (is_blocked && seconds > 60)) {
            // Nobody has answered for so long that the connection counts as broken.
            connection.ends.iter_mut().for_each(|end| end.close());
        }
        for side in &mut self.sides {
            side.note_run_now();
        }
        self.tell(format!("{seconds} s pass"));
    }

    fn clock(&mut self, agency: Agency, draw: &mut Draw) {
        let side = &self.sides[place(agency)];
        let hours = i64::try_from(draw.below(100)).unwrap_or_default() - 50;
        let skew = match draw.below(4) {
            0 | 1 => 0,
            2 => hours * SECOND * 10,
            _ => hours * 3600 * SECOND,
        };
        side.set_skew(skew);
        self.tell(format!("{}: the clock is wrong by {} s", agency.id(), skew / SECOND));
    }

    // People

    /// An operator does what the service waits for: the clock, the barred officials, a stop.
    pub fn operator(&mut self, agency: Agency) {
        let side = &mut self.sides[place(agency)];
        if side.process.is_none() {
            if side.skew_us() == 0 {
                side.confirm_clock();
            }
            return;
        }
        let mut done = Vec::new();
        let time = side.wall();
        let is_ahead = side.disk().heads().last_us() > time.as_microsecond();
        if (side.is_clock_doubted() || is_ahead) && side.skew_us() == 0 {
            let reason = "確認した".to_owned();
            let confirmed = side.run("confirm_clock", ConfirmClock { time, dated_ahead: true, reason });
            let kept = side.keeper().map(|keeper| keeper.confirm(time).is_ok());
            done.push(format!("confirms the clock: {}, {kept:?}", outcome(confirmed)));
        }
        if side.disk().heads().is_bar_list_open() {
            let barred = {
                let disk = side.disk();
                official::barred_ids(&disk.view(), agency)
            };
            let confirm = ConfirmOfficials { own: agency, barred, reason: "台帳".to_owned() };
            done.push(format!("confirms who is barred: {}", outcome(side.run("confirm_officials", confirm))));
        }
        let peer = side.disk().heads().peer.clone();
        if peer.stop_seq != 0 {
            let resume = Resume { from_seq: peer.seq + 1, reason: "確認した".to_owned() };
            done.push(format!("resumes the peer's journal: {}", outcome(side.run("resume", resume))));
        }
        if !done.is_empty() {
            self.tell(format!("{}'s operator {}", agency.id(), done.join(", ")));
        }
    }

    fn give_up(&mut self, agency: Agency) {
        let side = &mut self.sides[place(agency)];
        let Some(process) = &side.process else { return };
        let reopen: Reopen = process.service.reopening_now(Cause::GivenUp("どこにもない".to_owned()));
        let done = outcome(side.run("reopen", reopen));
        side.has_lost = true;
        self.has_given_up = true;
        self.check.restored(&self.sides, agency);
        self.tell(format!("{}'s operator gives up the missing entries: {done}", agency.id()));
    }

    /// After a loss on both sides the peer's entries may have seen more of the own journal than anybody has. They are
    /// accepted once the journal has grown as far again.
    fn grow(&mut self, agency: Agency) {
        let side = &self.sides[place(agency)];
        let all: Vec<String> = FactKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
        for kinds in [all[1..].to_vec(), all] {
            let grown = outcome(side.run("begin", Begin { kinds }));
            if grown != "done" {
                return;
            }
        }
        self.tell(format!("the journal of {} grows by two entries", agency.id()));
    }

    /// An official does an act of the generator with this name.
    ///
    /// # Errors
    /// The first violation, or that the desk shows nothing on which the act could be done.
    pub fn acts(&mut self, agency: Agency, name: &str) -> Result<(), Violation> {
        let all = generators::ALL.iter().flat_map(|(_, of_noun)| of_noun.iter());
        let missing = Violation::new("the act can be tried", name, self.at);
        let generator = all.clone().find(|it| it.name == name).ok_or_else(|| missing.clone())?;
        let side = &self.sides[place(agency)];
        let (mut draw, desk) = (Draw::new(0), Desk { side });
        let act = (generator.make)(&mut Choosing { shown: &desk, requests: &side.requests, draw: &mut draw });
        let called = Called { act: act.ok_or(missing)?, unit: "incident-response", official: "i-0001", answer: None };
        self.call(agency, generator.name, generator.sort, called)
    }

    fn act(&mut self, agency: Agency, draw: &mut Draw) -> Result<(), Violation> {
        let all = generators::ALL.iter().flat_map(|(_, of_noun)| of_noun.iter());
        let all: Vec<&Generator> = all.filter(|it| it.by.is_none_or(|by| by == agency)).collect();
        let Some(generator) = draw.pick(&all).copied() else { return Ok(()) };
        let unit = if draw.one_in(3) { "policy" } else { "incident-response" };
        let official = if draw.one_in(8) { "i-0007" } else { "i-0001" };
        let side = &self.sides[place(agency)];
        if side.process.is_none() {
            return Ok(());
        }
        let act = {
            let desk = Desk { side };
            (generator.make)(&mut Choosing { shown: &desk, requests: &side.requests, draw })
        };
        let Some(act) = act else { return Ok(()) };
        let called = Called { act, unit, official, answer: None };
        self.call(agency, generator.name, generator.sort, called)
    }

    /// A faulty version of a service writes what its rules forbid: a former fact again, in its matter or in another one.
    fn faulty(&mut self, agency: Agency, draw: &mut Draw) {
        let side = &self.sides[place(agency)];
        let Some(process) = &side.process else { return };
        let (fact, content, matter) = {
            let disk = side.disk();
            if disk.heads().recovering() {
                return;
            }
            let own: Vec<_> = disk.entries(Journal::Of(agency), 1).filter(|it| is_set_aside(&it.header)).collect();
            let matters: Vec<&String> = disk.pages().keys().collect();
            let (Some(former), Some(other)) = (draw.pick(&own), draw.pick(&matters)) else { return };
            let matter = if draw.one_in(2) { former.header.matter.clone() } else { (*other).clone() };
            (former.fact.clone(), former.entry.content.clone(), matter)
        };
        let (Some(moment), name) = (side.moment(), fact.fact.as_ref().map(|fact| FactKind::of(fact).name())) else {
            return;
        };
        if let Some(id) = process.service.say(&moment, &matter, fact, content) {
            self.check.faulty(id);
            self.tell(format!("{}: a faulty version writes {} in {matter}", agency.id(), name.unwrap_or_default()));
        }
    }

    fn repeat(&mut self, agency: Agency) -> Result<(), Violation> {
        let Some(called) = self.called[place(agency)].clone() else { return Ok(()) };
        let Some(answer) = &called.answer else { return Ok(()) };
        let side = &self.sides[place(agency)];
        let Some(submission) = submission(side, &called) else { return Ok(()) };
        let Ok(submission) = submission else { return Ok(()) };
        let before = side.disk().heads().clone();
        let outcome = side.submit(&[submission]).and_then(|mut outcomes| outcomes.pop());
        let after = side.disk().heads().clone();
        let (path, has_lost) = (called.act.path(), side.has_lost);
        let Some(outcome) = outcome else { return Ok(()) };
        self.tell(format!("{} repeats its last call: {}", agency.id(), shown(&outcome)));
        if !has_lost {
            let is_same = outcome.as_ref().is_ok_and(|it| it == answer);
            let is_declined = outcome.is_err();
            if !is_same && !is_declined || before.own.seq != after.own.seq {
                let detail = format!("a repeat of {path} was carried out again");
                return Err(Violation::new("a repeat gets the first answer", &detail, self.at));
            }
        }
        Ok(())
    }

    fn call(&mut self, agency: Agency, name: &'static str, sort: Sort, called: Called) -> Result<(), Violation> {
        let side = &self.sides[place(agency)];
        let before = side.disk().heads().clone();
        let is_barred = {
            let disk = side.disk();
            let page = official::matter(agency, called.official).to_string();
            official::is_barred(disk.view().local(&page))
        };
        let is_doubted = side.moment().is_some_and(|moment| moment.basis.is_doubted());
        let outcome = match submission(side, &called) {
            None => return Ok(()),
            Some(Err(refusal)) => Err(renkei_book::Declined::from(refusal)),
            Some(Ok(submission)) => match side.submit(&[submission]).and_then(|mut outcomes| outcomes.pop()) {
                Some(outcome) => outcome,
                None => return Ok(()),
            },
        };
        let after = side.disk().heads().clone();
        let written: BTreeSet<String> = {
            let disk = side.disk();
            // The facts of a journal about itself, such as an anchor, are written again after a loss.
            let acts = disk.entries(Journal::Of(agency), before.own.seq + 1).filter(|it| is_set_aside(&it.header));
            acts.map(|entry| entry.header.entry_id.clone()).collect()
        };
        let line = format!("{}: {name}: {}", agency.id(), shown(&outcome));
        self.tell(line);
        let (tried, done) = self.acts.entry(name).or_default();
        (*tried, *done) = (*tried + 1, *done + u64::from(outcome.is_ok()));
        match &outcome {
            Ok(_) if sort == Sort::Forbidden => {
                return Err(Violation::new("a forbidden act is refused", name, self.at));
            }
            Ok(_) if is_doubted => return Err(Violation::new("a doubted clock dates no act", name, self.at)),
            Ok(_) if is_barred => return Err(Violation::new("a barred official does not act", name, self.at)),
            Ok(_) => {
                self.check.acknowledged(agency, written);
            }
            Err(_) if (after.own.seq, after.peer.seq) != (before.own.seq, before.peer.seq) => {
                return Err(Violation::new("a refused act leaves nothing", name, self.at));
            }
            Err(_) => {}
        }
        self.called[place(agency)] = Some(Called { answer: outcome.ok(), ..called });
        Ok(())
    }
}

/// The call as it waits for the writer. `None` while the process is down.
fn submission(side: &Side, called: &Called) -> Option<Result<Submission, renkei_domain::refusal::Refusal>> {
    let moment = side.moment()?;
    let lookup = |lookup: &renkei_domain::index::Lookup| side.disk().lookup(lookup).cloned();
    let barred = {
        let disk = side.disk();
        official::barred_ids(&disk.view(), side.own).len()
    };
    let reader = Reader {
        roles: vec![Role::Casework, Role::Sharing, Role::Intake],
        unit: called.unit.to_owned(),
        purpose: if called.unit == "policy" { Purpose::Policy } else { Purpose::IncidentResponse },
    };
    let caller = Caller { own: side.own, official: called.official, reader, lookup: &lookup };
    Some(called.act.clone().submission(&caller, &moment, barred))
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Ok(_) => "done".to_owned(),
        Err(declined) => declined.reason().id().to_owned(),
    }
}

/// The desk of an agency as its officials see it.
struct Desk<'a> {
    side: &'a Side,
}

impl Shown for Desk<'_> {
    fn own(&self) -> Agency {
        self.side.own
    }

    fn names(&self, collection: Collection, opener: Agency) -> Vec<String> {
        let prefix = collection.prefix(opener);
        let disk = self.side.disk();
        let pages = disk.pages().range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
        pages.map(|(name, _)| name.clone()).collect()
    }

    fn resource(&self, name: &str) -> Option<Vec<u8>> {
        let matter = Matter::of(name);
        let disk = self.side.disk();
        let page = disk.pages().get(name)?;
        registry::of(&matter).resource(&matter, Seen::whole(page), self.side.wall(), etag(page, self.side.own))
    }

    fn code(&self, name: &str) -> Option<String> {
        let matter = Matter::of(name);
        let disk = self.side.disk();
        let (_, issued) = referral::issue(Seen::whole(disk.pages().get(name)?), matter.opener)?;
        (!issued.code_digest.is_empty()).then(|| code_of(issued.ordinal, &matter.id))
    }
}
