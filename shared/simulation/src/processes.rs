//! The processes and databases of a history, with their keys, versions and clocks.

use renkei_proto::{FactKind, r#type::v1::Agency};

use crate::{
    draw::Draw,
    side::outcome,
    world::{SECOND, World, place},
};

impl World {
    /// Starts the process of an agency, if it is down.
    pub fn start(&mut self, agency: Agency) {
        if self.sides[place(agency)].process.is_some() {
            return;
        }
        let known = self.sides[place(agency.peer())].known_keys();
        let found = self.sides[place(agency)].start(&known);
        self.tell(format!("{} {found}", agency.id()));
    }

    /// Ends the process of an agency at once, if it runs.
    pub fn crash(&mut self, agency: Agency) {
        if self.sides[place(agency)].process.is_none() {
            return;
        }
        self.sides[place(agency)].crash();
        self.judged[place(agency)] = None;
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

    pub(crate) fn restore(&mut self, agency: Agency, draw: &mut Draw) {
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

    /// Adds the next key of an agency to its journal.
    pub fn add_key(&mut self, agency: Agency) {
        let side = &self.sides[place(agency)];
        let done = side.next_key().map_or("there is none left".to_owned(), |key| outcome(side.run("keys", key)));
        self.tell(format!("{} adds a key: {done}", agency.id()));
    }

    /// Restarts the process of an agency with its newest key, if the peer has the entry that adds it.
    pub fn install_key(&mut self, agency: Agency) {
        let installed = self.sides[place(agency)].install_key();
        self.tell(format!("{}: {installed:?} is installed", agency.id()));
        self.crash(agency);
        self.start(agency);
    }

    pub(crate) fn keys(&mut self, agency: Agency, draw: &mut Draw) {
        let ours = self.sides[place(agency)].disk().heads().own.head();
        let is_known = self.sides[place(agency.peer())].disk().heads().peer.head() == ours;
        // The next step of a rotation that can be taken, from one of the three on.
        let first = draw.index(3);
        for step in (first..first + 3).map(|step| step % 3) {
            let side = &mut self.sides[place(agency)];
            let (what, fact) = match step {
                // A key proves the entries that it signed, so it is revoked only while the peer has the same journal.
                0 => ("revokes its former key", side.former_key().filter(|_| is_known)),
                1 => ("adds a key", side.next_key()),
                _ => {
                    let Some(key_id) = side.install_key() else { continue };
                    self.tell(format!("{}: the key {key_id} is installed", agency.id()));
                    return;
                }
            };
            if let Some(fact) = fact {
                let done = outcome(side.run("keys", fact));
                self.tell(format!("{} {what}: {done}", agency.id()));
                return;
            }
        }
    }

    pub(crate) fn version(&mut self, agency: Agency, draw: &mut Draw) {
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

    pub(crate) fn pass(&mut self, draw: &mut Draw) {
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

    pub(crate) fn clock(&mut self, agency: Agency, draw: &mut Draw) {
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
}
