//! Connections that have not finished their handshake: bounded in number, and still open to newcomers.
//!
//! A connection needs a place here before its owner is known. When all places are in use, the oldest connection of the
//! address with the most places makes room. An honest client is done within moments, so the oldest connections are the
//! silent ones; behind a balancer, where all have one address, age alone decides.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The places. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    most: usize,
    row: Arc<Mutex<Row>>,
}

#[derive(Debug, Default)]
struct Row {
    entered: u64,
    /// The connections in the order in which they came.
    each: BTreeMap<u64, (IpAddr, CancellationToken)>,
    of_address: HashMap<IpAddr, usize>,
}

/// The place of one connection, until this value is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    waiting: Waiting,
    number: u64,
    /// Cancelled when the connection has to make room.
    pub(crate) over: CancellationToken,
}

impl Waiting {
    /// Creates this number of places, at least one.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), row: Arc::default() }
    }

    /// A place for a new connection.
    pub(crate) fn enter(&self, address: IpAddr) -> Turn {
        let mut row = self.row();
        while row.each.len() >= self.most
            && let Some(number) = row.longest()
        {
            if let Some(over) = row.leave(number) {
                over.cancel();
            }
        }
        row.entered += 1;
        let (number, over) = (row.entered, CancellationToken::new());
        row.each.insert(number, (address, over.clone()));
        *row.of_address.entry(address).or_default() += 1;
        Turn { waiting: self.clone(), number, over }
    }

    fn row(&self) -> MutexGuard<'_, Row> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    /// The oldest connection of the address with the most places; of several such addresses, the oldest of all.
    fn longest(&self) -> Option<u64> {
        let most = self.of_address.values().max()?;
        let mut numbers = self.each.iter();
        let oldest = numbers.find(|(_, (address, _))| self.of_address.get(address) == Some(most));
        oldest.map(|(number, _)| *number)
    }

    fn leave(&mut self, number: u64) -> Option<CancellationToken> {
        let (address, over) = self.each.remove(&number)?;
        if let Some(left) = self.of_address.get_mut(&address) {
            *left -= 1;
            if *left == 0 {
                self.of_address.remove(&address);
            }
        }
        Some(over)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.waiting.row().leave(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newcomer_replaces_the_oldest_waiting_connection_of_the_fullest_address() {
        let waiting = Waiting::new(3);
        let [crowd, alone] = [1, 2].map(|last| IpAddr::from([127, 0, 0, last]));
        let first = waiting.enter(alone);
        let (second, third) = (waiting.enter(crowd), waiting.enter(crowd));
        let fourth = waiting.enter(alone);
        assert_eq!(
            [&first, &second, &third, &fourth].map(|turn| turn.over.is_cancelled()),
            [false, true, false, false]
        );
        // There are two of one address and one of the other: the older of the two makes room.
        let fifth = waiting.enter(crowd);
        assert!(first.over.is_cancelled() && !third.over.is_cancelled());
        drop((second, third, first));
        assert_eq!(waiting.row().each.len(), 2);
        drop((fourth, fifth));
        assert!(waiting.row().each.is_empty() && waiting.row().of_address.is_empty());
    }
}
