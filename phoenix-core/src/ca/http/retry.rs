//! When to ask again, and how long to wait before.

use std::time::Duration;

use crate::system::random;
use crate::time::{Clock, Deadline};

/// Counts the attempts of one errand.
pub(crate) struct Attempts {
    made: u32,
    after_500: bool,
    deadline: Deadline,
}

/// What to do after a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    GiveUp,
    Try(Duration),
}

impl Attempts {
    pub(crate) fn new(clock: &dyn Clock, total: Duration) -> Self {
        Self {
            made: 0,
            after_500: false,
            deadline: Deadline::after(clock, total),
        }
    }

    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// After no answer at all.
    pub(crate) fn broken(&mut self, clock: &dyn Clock) -> Wait {
        self.next(clock, None)
    }

    /// After this status; `None` means that the status is an answer.
    pub(crate) fn answered(
        &mut self,
        clock: &dyn Clock,
        status: u16,
        retry_after: Option<Duration>,
    ) -> Option<Wait> {
        match status {
            429 | 502 | 503 | 504 => Some(self.next(clock, retry_after)),
            // It may be a hiccup of the database; a second one is not.
            500 if !self.after_500 => {
                self.after_500 = true;
                match self.next(clock, None) {
                    Wait::GiveUp => None,
                    wait @ Wait::Try(_) => Some(wait),
                }
            }
            _ => None,
        }
    }

    fn next(&mut self, clock: &dyn Clock, asked: Option<Duration>) -> Wait {
        self.made += 1;
        let most = BASE.saturating_mul(1 << self.made.min(10)).min(CAP);
        let wait = asked.unwrap_or_else(|| most.mul_f64(jitter()));
        if self.made >= MOST || wait >= self.deadline.remaining(clock) {
            Wait::GiveUp
        } else {
            Wait::Try(wait)
        }
    }
}

/// Between 0 and 1, so that many clients do not come back in step.
fn jitter() -> f64 {
    f64::from(u32::from_le_bytes(random())) / f64::from(u32::MAX)
}

const BASE: Duration = Duration::from_millis(250);
const CAP: Duration = Duration::from_secs(30);
const MOST: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SystemClock;

    fn attempts() -> Attempts {
        Attempts::new(&SystemClock, Duration::from_secs(3_600))
    }

    #[test]
    fn waits_grow_and_end() {
        let mut attempts = attempts();
        for made in 1..MOST {
            let Wait::Try(wait) = attempts.broken(&SystemClock) else {
                panic!("gave up after {made}");
            };
            assert!(wait <= BASE * (1 << made));
        }
        assert_eq!(attempts.broken(&SystemClock), Wait::GiveUp);
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_a_500_once() {
        let mut attempts = attempts();
        for status in [200, 201, 301, 400, 401, 403, 404, 501] {
            assert_eq!(attempts.answered(&SystemClock, status, None), None);
        }
        assert!(matches!(
            attempts.answered(&SystemClock, 500, None),
            Some(Wait::Try(_))
        ));
        assert_eq!(attempts.answered(&SystemClock, 500, None), None);
        assert_eq!(
            attempts.answered(&SystemClock, 503, Some(Duration::from_secs(7))),
            Some(Wait::Try(Duration::from_secs(7)))
        );
    }

    #[test]
    fn nothing_waits_beyond_the_deadline() {
        let mut attempts = Attempts::new(&SystemClock, Duration::from_secs(3));
        assert_eq!(
            attempts.answered(&SystemClock, 503, Some(Duration::from_secs(60))),
            Some(Wait::GiveUp)
        );
    }
}
