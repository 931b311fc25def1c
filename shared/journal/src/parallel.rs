//! Work on many items, spread over all processors.

use std::{
    num::NonZero,
    panic::resume_unwind,
    thread::{available_parallelism, scope},
};

/// The minimum number of items that justifies a thread.
const WORTH: usize = 16;

/// Applies `work` to each item and keeps the order of the items. Blocks until the last is done, so it must not run on a
/// thread that serves calls.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(threads).max(WORTH);
    let work = &work;
    let each = |part: &[T]| part.iter().map(work).collect::<Vec<R>>();
    scope(|scope| {
        let mut parts = items.chunks(share);
        let own = parts.next();
        let spawned: Vec<_> = parts.map(|part| scope.spawn(move || each(part))).collect();
        let mut done = own.map(each).unwrap_or_default();
        for thread in spawned {
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        for length in [0, 1, WORTH, WORTH + 1, 1000] {
            let items: Vec<usize> = (0..length).collect();
            assert_eq!(in_parallel(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
