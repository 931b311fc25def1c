//! Places of one kind: a limit for all, and a lower one for each holder, so that no holder can use all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Places of one kind. Clones share them.
#[derive(Clone, Debug)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    all: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    each: HashMap<Arc<str>, usize>,
}

/// The reason for which there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// All places are in use; their number.
    OfAll(usize),
    /// The holder uses all places that one may have; their number.
    OfOne(usize),
}

impl Places {
    /// Creates places with a limit for all, and a limit for one holder.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Self {
        Self(Arc::new(Shared { all, each, taken: Mutex::default() }))
    }

    /// Reserves a place for this holder.
    ///
    /// # Errors
    /// The bound that is reached. That of the holder is reported first, because the holder can change it.
    pub fn take(&self, holder: &str) -> Result<Place, Shortage> {
        let mut taken = self.taken();
        let of_holder = taken.each.get(holder).copied().unwrap_or_default();
        if of_holder >= self.0.each {
            return Err(Shortage::OfOne(self.0.each));
        }
        if taken.all >= self.0.all {
            return Err(Shortage::OfAll(self.0.all));
        }
        let holder: Arc<str> = holder.into();
        taken.all += 1;
        taken.each.insert(holder.clone(), of_holder + 1);
        Ok(Place { places: self.clone(), holder })
    }

    /// The number of places in use.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.taken().all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is in use until this value is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    holder: Arc<str>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(left) = taken.each.get_mut(&self.holder) {
            *left -= 1;
            // Only holders of a place need memory.
            if *left == 0 {
                taken.each.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use super::*;

    #[test]
    fn one_holder_never_uses_all_places_and_a_place_that_is_left_is_free() {
        let places = Places::new(3, 2);
        let mut of_a = vec![places.take("a").unwrap(), places.take("a").unwrap()];
        assert_eq!(places.take("a").unwrap_err(), Shortage::OfOne(2));
        let of_b = places.take("b").unwrap();
        assert_eq!(places.take("b").unwrap_err(), Shortage::OfAll(3));
        of_a.pop();
        drop((places.take("b").unwrap(), of_b));
        assert_eq!(places.in_use(), 1);
        drop(of_a);
        assert_eq!((places.in_use(), places.taken().each.len()), (0, 0));
    }
}
