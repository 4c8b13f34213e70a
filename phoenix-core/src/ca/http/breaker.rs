//! Which address is asked: the first that did not fail lately.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::time::Clock;

/// One breaker per address. An address that gave no answer is left alone for a while, longer each time; then one request
/// tries it again while the others stay where they are.
pub(crate) struct Breakers(Mutex<Vec<Breaker>>);

#[derive(Clone, Copy, Default)]
struct Breaker {
    failures: u32,
    until: Option<Instant>,
}

impl Breakers {
    /// For this many addresses, all of them good.
    pub(crate) fn new(addresses: usize) -> Self {
        Self(Mutex::new(vec![Breaker::default(); addresses]))
    }

    /// The address to ask: the first good one, else the one whose turn comes first.
    pub(crate) fn choose(&self, clock: &dyn Clock) -> usize {
        let now = clock.monotonic();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, breaker) in all.iter_mut().enumerate() {
            match breaker.until {
                None => return at,
                Some(until) if until <= now => {
                    // Whoever came now tries it; the others wait for the outcome.
                    breaker.until = Some(now + pause(breaker.failures));
                    return at;
                }
                Some(_) => {}
            }
        }
        all.iter()
            .enumerate()
            .min_by_key(|(_, breaker)| breaker.until)
            .map_or(0, |(at, _)| at)
    }

    /// It answered.
    pub(crate) fn good(&self, at: usize) {
        self.change(at, |breaker| *breaker = Breaker::default());
    }

    /// It did not answer.
    pub(crate) fn bad(&self, at: usize, clock: &dyn Clock) {
        let now = clock.monotonic();
        self.change(at, |breaker| {
            breaker.failures = breaker.failures.saturating_add(1);
            breaker.until = Some(now + pause(breaker.failures));
        });
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut Breaker)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = all.get_mut(at) {
            change(breaker);
        }
    }
}

fn pause(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.min(5)).min(LONGEST)
}

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    struct Hands(Mutex<Instant>);

    impl Hands {
        fn pass(&self, seconds: u64) {
            *self.0.lock().unwrap() += Duration::from_secs(seconds);
        }
    }

    impl Clock for Hands {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }
        fn monotonic(&self) -> Instant {
            *self.0.lock().unwrap()
        }
        fn sleep(&self, _duration: Duration) {}
    }

    #[test]
    fn an_address_that_failed_is_left_alone_and_then_tried_by_one() {
        let clock = Hands(Mutex::new(Instant::now()));
        let breakers = Breakers::new(3);
        assert_eq!(breakers.choose(&clock), 0);
        breakers.bad(0, &clock);
        assert_eq!(breakers.choose(&clock), 1);
        clock.pass(9);
        assert_eq!(breakers.choose(&clock), 1, "its pause is not over");
        clock.pass(2);
        assert_eq!(breakers.choose(&clock), 0, "one tries it again");
        assert_eq!(breakers.choose(&clock), 1, "the others stay away");
        breakers.bad(0, &clock);
        clock.pass(15);
        assert_eq!(breakers.choose(&clock), 1, "the second pause is longer");
        clock.pass(6);
        assert_eq!(breakers.choose(&clock), 0);
        breakers.good(0);
        assert_eq!(breakers.choose(&clock), 0);
    }

    #[test]
    fn when_all_failed_the_one_is_asked_that_failed_first() {
        let clock = Hands(Mutex::new(Instant::now()));
        let breakers = Breakers::new(2);
        breakers.bad(1, &clock);
        clock.pass(1);
        breakers.bad(0, &clock);
        assert_eq!(breakers.choose(&clock), 1);
        breakers.bad(1, &clock);
        assert_eq!(breakers.choose(&clock), 0);
    }
}
