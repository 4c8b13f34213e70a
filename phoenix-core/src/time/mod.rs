//! Time: the clock as a seam, deadlines, and the durations that configuration and CA speak.

mod daily;
mod duration;

use std::time::{Duration, Instant, SystemTime};

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use ::time::macros::format_description;

pub use daily::DailyWindow;
pub(crate) use duration::LONGEST_WINDOW;
pub use duration::{DurationError, GoDuration, RenewBefore, Validity};

/// Where the time comes from. Everything that decides takes the time as an argument; everything that waits asks a clock.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> SystemTime;

    /// A time that never goes back.
    fn monotonic(&self) -> Instant;

    /// Waits.
    fn sleep(&self, duration: Duration);
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// The moment by which something must be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The moment `duration` from now on.
    pub fn after(clock: &dyn Clock, duration: Duration) -> Self {
        Self(clock.monotonic() + duration)
    }

    /// What is left; zero when it has passed.
    pub fn remaining(self, clock: &dyn Clock) -> Duration {
        self.0.saturating_duration_since(clock.monotonic())
    }

    /// Whether it has passed.
    pub fn passed(self, clock: &dyn Clock) -> bool {
        self.remaining(clock).is_zero()
    }

    /// The earlier of two deadlines.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
}

/// RFC 3339 in UTC, to the second: `2026-11-24T03:00:00Z`.
pub fn rfc3339(time: SystemTime) -> String {
    let seconds = OffsetDateTime::from(time).replace_nanosecond(0);
    seconds
        .ok()
        .and_then(|t| t.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{time:?}"))
}

/// Reads an RFC 3339 time, or a day, which begins at midnight in UTC.
pub fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| {
            let day = format_description!("[year]-[month]-[day]");
            let date = ::time::Date::parse(text, &day).ok()?;
            Some(date.midnight().assume_utc())
        })
        .map(SystemTime::from)
}

/// Serde for [`SystemTime`] as RFC 3339 text, for `#[serde(with = "...")]`.
pub mod serde_rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the time as text.
    pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::rfc3339(*time))
    }

    /// Reads the time from text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_rfc3339(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not an RFC 3339 time")))
    }

    /// The same for a time that may be absent.
    pub mod option {
        use std::time::SystemTime;

        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        #[derive(Serialize, Deserialize)]
        struct Text(#[serde(with = "super")] SystemTime);

        /// Writes the time as text, or null.
        pub fn serialize<S: Serializer>(
            time: &Option<SystemTime>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            time.map(Text).serialize(serializer)
        }

        /// Reads the time from text, or null.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<SystemTime>, D::Error> {
            Ok(Option::<Text>::deserialize(deserializer)?.map(|text| text.0))
        }
    }
}

/// A duration for people: `5h 12m`, `3d 4h`, `42s`. Two units at the most.
pub fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (d, h, m, s) = (
        seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    );
    match (d, h, m, s) {
        (0, 0, 0, s) => format!("{s}s"),
        (0, 0, m, 0) => format!("{m}m"),
        (0, 0, m, s) => format!("{m}m {s}s"),
        (0, h, 0, _) => format!("{h}h"),
        (0, h, m, _) => format!("{h}h {m}m"),
        (d, 0, ..) => format!("{d}d"),
        (d, h, ..) => format!("{d}d {h}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_and_read_to_the_second() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_000_000_900);
        assert_eq!(rfc3339(time), "2025-11-24T16:00:00Z");
        assert_eq!(
            parse_rfc3339("2025-11-24T17:00:00+01:00"),
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000))
        );
        let midnight = parse_rfc3339("2025-11-24T00:00:00Z");
        assert!(midnight.is_some() && parse_rfc3339("2025-11-24") == midnight);
        assert_eq!(parse_rfc3339("2025-11-31"), None);
    }

    #[test]
    fn people_read_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (61, "1m 1s"),
            (18_720, "5h 12m"),
            (273_600, "3d 4h"),
        ] {
            assert_eq!(human(Duration::from_secs(seconds)), text);
        }
    }
}
