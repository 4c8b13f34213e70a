//! Large sites on all cores.

use std::num::NonZero;
use std::thread;

/// Works on the items in as many parts as the machine has cores, where there are many; the parts' results in order.
pub(super) fn spread<I: Sync, T: Send>(items: &[I], work: impl Fn(&[I]) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    if items.len() < MANY || cores == 1 {
        return vec![work(items)];
    }
    let parts = items.chunks(items.len().div_ceil(cores.min(MOST)));
    thread::scope(|scope| {
        let parts: Vec<_> = parts.map(|part| scope.spawn(|| work(part))).collect();
        parts.into_iter().map(join).collect()
    })
}

/// Does both at once where there is much to do.
pub(super) fn both<A: Send, B>(
    much: bool,
    beside: impl FnOnce() -> A + Send,
    here: impl FnOnce() -> B,
) -> (A, B) {
    if !much {
        return (beside(), here());
    }
    thread::scope(|scope| {
        let beside = scope.spawn(beside);
        let here = here();
        (join(beside), here)
    })
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Guests from which on threads are worth their start.
pub(super) const MANY: usize = 512;
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_all_items_in_their_order() {
        for count in [0, 1, MANY - 1, MANY, 10_001] {
            let items: Vec<usize> = (0..count).collect();
            let parts = spread(&items, <[usize]>::to_vec);
            assert_eq!(parts.concat(), items);
        }
    }
}
