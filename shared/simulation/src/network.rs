//! The network of a history: sessions go on and frames are delivered one step at a time; connections are cut, lost and
//! lied on.

use renkei_proto::{
    link::v1::{Frame, frame::Kind},
    r#type::v1::Agency,
};

use crate::{
    check::Violation,
    draw::Draw,
    lie,
    wire::Connection,
    world::{BOTH, World, place},
};

/// The most frames that a network remembers of a connection.
const REMEMBERED: usize = 8;
/// The most connections at once.
const CONNECTIONS: usize = 6;

impl World {
    /// One step of the network or of a session. Returns false if nothing can be done.
    pub(crate) fn step(&mut self, draw: &mut Draw) -> Result<bool, Violation> {
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
    pub(crate) fn missing_connections(&self) -> Vec<Agency> {
        let is_up = self.sides.iter().all(|side| side.process.is_some()) && self.blocked == [false; 2];
        let dials = |agency: &Agency| {
            let has_none = !self.connections.iter().any(|it| it.ends[0].agency == *agency && !it.ends[0].has_ended());
            self.sides[place(*agency)].dials && has_none
        };
        let all = BOTH.into_iter().filter(dials);
        if is_up && self.connections.len() < CONNECTIONS { all.collect() } else { Vec::new() }
    }

    pub(crate) fn connect(&mut self, agency: Agency) {
        let link = |agency: Agency| self.sides[place(agency)].process.as_ref().map(|it| it.link.clone());
        let (Some(dialling), Some(dialled)) = (link(agency), link(agency.peer())) else { return };
        self.opened += 1;
        let streams = !self.sides[place(agency.peer())].dials;
        let connection = Connection::new(self.opened, (agency, dialling), (agency.peer(), dialled), streams);
        self.connections.push(connection);
        self.tell(format!("connection {}: {} dials", self.opened, agency.id()));
    }

    /// Ends the stream into a session whose other end has ended, once everything that was sent has come.
    pub(crate) fn close_ended(&mut self) {
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

    /// Cuts the link in the direction from an agency.
    pub fn block(&mut self, from: Agency) {
        self.blocked[place(from)] = true;
        self.tell(format!("the link is cut from {}", from.id()));
    }

    /// Mends the link.
    pub fn mend(&mut self) {
        self.blocked = [false; 2];
        self.tell("the link is mended".to_owned());
    }

    pub(crate) fn cut_some(&mut self, draw: &mut Draw) {
        match draw.below(3) {
            0 => self.cut(),
            way => {
                self.block(BOTH[usize::from(way == 2)]);
            }
        }
    }

    pub(crate) fn lose(&mut self, draw: &mut Draw) {
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
    pub(crate) fn replay(&mut self, draw: &mut Draw) {
        let known: Vec<(Agency, Frame)> = self
            .connections
            .iter()
            .flat_map(|it| it.old.iter().map(|(end, frame)| (it.ends[*end].agency, frame.clone())))
            .filter(|(_, frame)| !matches!(frame.kind, Some(Kind::Hello(_) | Kind::Goodbye(_)) | None))
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

    /// A connection with the end to which a hello is about to come. Where an agency would dial, it does.
    fn greeting(&mut self, draw: &mut Draw) -> Option<(usize, usize)> {
        if let Some(agency) = draw.pick(&self.missing_connections()).copied() {
            self.connect(agency);
            for end in &mut self.connections.last_mut()?.ends {
                end.go_on();
            }
        }
        let ends = (0..self.connections.len()).flat_map(|on| [(on, 0), (on, 1)]);
        let waiting: Vec<_> = ends.filter(|(on, end)| self.connections[*on].ends[1 - *end].greets()).collect();
        draw.pick(&waiting).copied()
    }

    /// Someone with an agency's certificate and without its key puts a frame of their own on a connection.
    pub(crate) fn lie(&mut self, draw: &mut Draw) {
        // A hello counts as the first frame of a session only, so half of the lies look for one.
        let greeting = if draw.one_in(2) { self.greeting(draw) } else { None };
        let any = (!self.connections.is_empty()).then(|| (draw.index(self.connections.len()), draw.index(2)));
        let Some((on, end)) = greeting.or(any) else { return };
        let connection = &mut self.connections[on];
        let from = connection.ends[1 - end].agency;
        let true_frame = connection.ends[1 - end].take().or_else(|| connection.old.back().map(|(_, it)| it.clone()));
        let Some(frame) = lie::told(true_frame, from, &self.sides, draw) else { return };
        let (number, name) = (connection.number, lie::name(&frame));
        connection.ends[end].deliver(frame);
        self.tell(format!("connection {number}: a false {name} in the name of {}", from.id()));
    }
}
