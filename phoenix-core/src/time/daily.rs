//! A time of day: from one hour to another, each day anew.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::names::{NameError, text_serde};

/// A part of each day: `02:00-04:00`, over midnight where the end is earlier than the beginning. UTC, or the offset that
/// is stated behind it: `02:00-04:00 +01:00`.
///
/// ```
/// use phoenix_core::time::DailyWindow;
///
/// let window: DailyWindow = "23:30-01:00 +02:00".parse().unwrap();
/// assert_eq!(window.to_string(), "23:30-01:00 +02:00");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DailyWindow {
    /// Minutes since midnight, by its own offset.
    start: i64,
    end: i64,
    /// Minutes east of UTC.
    offset: i64,
}

impl DailyWindow {
    /// When the window opened that is open at this time; `None` when it is closed.
    pub fn opened(&self, at: SystemTime) -> Option<SystemTime> {
        let since = self.since_opening(at);
        (since < self.length()).then(|| at - since)
    }

    /// When it opens next after this time.
    pub fn next_opening(&self, at: SystemTime) -> SystemTime {
        at + DAY.saturating_sub(self.since_opening(at))
    }

    fn length(&self) -> Duration {
        let minutes = (self.end - self.start).rem_euclid(MINUTES);
        Duration::from_secs(minutes.unsigned_abs() * 60)
    }

    /// How long ago it opened last, less than a day.
    fn since_opening(&self, at: SystemTime) -> Duration {
        let since_epoch = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        // Minutes since midnight UTC at which it opens.
        let opens = (self.start - self.offset).rem_euclid(MINUTES);
        let opens = Duration::from_secs(opens.unsigned_abs() * 60);
        let of_day =
            Duration::from_secs(since_epoch.as_secs() % DAY.as_secs()) + subsecond(since_epoch);
        if of_day >= opens {
            of_day.saturating_sub(opens)
        } else {
            (of_day + DAY).saturating_sub(opens)
        }
    }
}

fn subsecond(time: Duration) -> Duration {
    Duration::from_nanos(time.subsec_nanos().into())
}

impl FromStr for DailyWindow {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || {
            NameError::new(
                text,
                "a time of day such as `02:00-04:00` (UTC), with an offset such as `02:00-04:00 +01:00`",
            )
        };
        let (hours, offset) = match text.split_once(' ') {
            None => (text, 0),
            Some((hours, offset)) => {
                let (sign, rest) = match offset.as_bytes().first() {
                    Some(b'+') => (1, &offset[1..]),
                    Some(b'-') => (-1, &offset[1..]),
                    _ => return Err(error()),
                };
                (hours, sign * clock(rest).ok_or_else(error)?)
            }
        };
        let (start, end) = hours.split_once('-').ok_or_else(error)?;
        let (start, end) = clock(start).zip(clock(end)).ok_or_else(error)?;
        if start == end || offset.abs() > 14 * 60 {
            return Err(error());
        }
        Ok(Self { start, end, offset })
    }
}

/// Reads `02:30`.
fn clock(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: i64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|n| digits && *n < below)
    };
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

impl fmt::Display for DailyWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        write!(f, "{}-{}", clock(self.start), clock(self.end))?;
        if self.offset != 0 {
            let sign = if self.offset < 0 { '-' } else { '+' };
            write!(f, " {sign}{}", clock(self.offset.abs()))?;
        }
        Ok(())
    }
}

text_serde!(DailyWindow);

const MINUTES: i64 = 24 * 60;
const DAY: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{parse_rfc3339, rfc3339};

    fn window(text: &str) -> DailyWindow {
        let window: DailyWindow = text.parse().unwrap();
        assert_eq!(window.to_string(), text);
        window
    }

    fn at(text: &str) -> SystemTime {
        parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_window_is_open_from_its_first_minute_to_its_last() {
        for (text, time, opened, next) in [
            (
                "02:00-04:00",
                "2026-11-24T01:59:59Z",
                None,
                "2026-11-24T02:00:00Z",
            ),
            (
                "02:00-04:00",
                "2026-11-24T02:00:00Z",
                Some("2026-11-24T02:00:00Z"),
                "2026-11-25T02:00:00Z",
            ),
            (
                "02:00-04:00",
                "2026-11-24T03:59:59Z",
                Some("2026-11-24T02:00:00Z"),
                "2026-11-25T02:00:00Z",
            ),
            (
                "02:00-04:00",
                "2026-11-24T04:00:00Z",
                None,
                "2026-11-25T02:00:00Z",
            ),
            (
                "23:00-01:00",
                "2026-11-24T00:30:00Z",
                Some("2026-11-23T23:00:00Z"),
                "2026-11-24T23:00:00Z",
            ),
            (
                "02:00-04:00 +02:00",
                "2026-11-24T00:30:00Z",
                Some("2026-11-24T00:00:00Z"),
                "2026-11-25T00:00:00Z",
            ),
            (
                "01:00-02:00 -05:30",
                "2026-11-24T06:29:00Z",
                None,
                "2026-11-24T06:30:00Z",
            ),
        ] {
            let window = window(text);
            let shown = window.opened(at(time)).map(rfc3339);
            assert_eq!(shown.as_deref(), opened, "{text} {time}");
            assert_eq!(
                rfc3339(window.next_opening(at(time))),
                next,
                "{text} {time}"
            );
        }
    }

    #[test]
    fn what_is_no_time_of_day_is_refused() {
        for bad in [
            "",
            "2-4",
            "02:00",
            "02:00-02:00",
            "24:00-01:00",
            "02:60-03:00",
            "02:00-04:00+01:00",
            "02:00-04:00 01:00",
            "02:00-04:00 +15:00",
            "+2:00-04:00",
            "02:00 - 04:00",
        ] {
            assert!(bad.parse::<DailyWindow>().is_err(), "{bad}");
        }
    }
}
