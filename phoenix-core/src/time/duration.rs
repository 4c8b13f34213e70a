//! Durations in Go's syntax, which step-ca speaks, and renewal windows.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::names::text_serde;

/// A piece of text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found:?}, expected {expected}")]
pub struct DurationError {
    /// The text as it was given.
    pub found: String,
    /// What was expected.
    pub expected: &'static str,
}

/// A positive duration in Go's syntax (`720h`, `1h30m`, `500ms`), plus `d` for days, which Go itself does not know.
///
/// It prints in Go's own form (`24h0m0s`), which step-ca accepts.
///
/// ```
/// use phoenix_core::time::GoDuration;
///
/// let validity: GoDuration = "30d".parse().unwrap();
/// assert_eq!(validity.to_string(), "720h0m0s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(pub Duration);

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let error = || DurationError {
            found: text.to_owned(),
            expected: "a duration such as `720h`, `1h30m` or `30d`",
        };
        let mut rest = text;
        let mut nanos: u128 = 0;
        if rest.is_empty() {
            return Err(error());
        }
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .ok_or_else(error)?;
            let (number, tail) = rest.split_at(digits);
            let unit_length = tail
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_length);
            let unit: u128 = match unit {
                "ns" => 1,
                "us" | "µs" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                "d" => 86_400_000_000_000,
                _ => return Err(error()),
            };
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if whole.is_empty() && fraction.is_empty() || whole.len() > 12 || fraction.len() > 12 {
                return Err(error());
            }
            let digits_of = |text: &str| -> Result<u128, DurationError> {
                if text.is_empty() {
                    Ok(0)
                } else {
                    text.parse().map_err(|_| error())
                }
            };
            let scale = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
            nanos += digits_of(whole)? * unit + digits_of(fraction)? * unit / scale;
            rest = tail;
        }
        // Go's own limit: a 64-bit count of nanoseconds, about 292 years.
        let nanos = i64::try_from(nanos).map_err(|_| error())?;
        Ok(Self(Duration::from_nanos(nanos.unsigned_abs())))
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        if seconds == 0 && nanos > 0 {
            return if nanos % 1_000_000 == 0 {
                write!(f, "{}ms", nanos / 1_000_000)
            } else if nanos % 1_000 == 0 {
                write!(f, "{}us", nanos / 1_000)
            } else {
                write!(f, "{nanos}ns")
            };
        }
        let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        if h > 0 {
            write!(f, "{h}h{m}m")?;
        } else if m > 0 {
            write!(f, "{m}m")?;
        }
        if nanos == 0 {
            write!(f, "{s}s")
        } else {
            let fraction = format!("{nanos:09}");
            write!(f, "{s}.{}s", fraction.trim_end_matches('0'))
        }
    }
}

text_serde!(GoDuration);

impl GoDuration {
    /// The next whole hour: what a limit is set to.
    #[must_use]
    pub fn whole_hours(self) -> Self {
        let hours = self.0.as_nanos().div_ceil(3_600_000_000_000);
        let hours = u64::try_from(hours).unwrap_or(u64::MAX / 3_600);
        Self(Duration::from_secs(hours.saturating_mul(3_600)))
    }
}

/// How long a certificate is to be valid: `720h`, `30d`, or until `2026-12-31` or `2026-12-31T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validity {
    /// For this long from now on.
    For(GoDuration),
    /// Until this time.
    Until(SystemTime),
}

impl Validity {
    /// The duration from `now` on; `None` for a time that has passed.
    pub fn from(self, now: SystemTime) -> Option<GoDuration> {
        match self {
            Self::For(duration) => Some(duration),
            // Certificates know whole seconds, and the end is not to be passed.
            Self::Until(end) => {
                let seconds = end.duration_since(now).ok()?.as_secs();
                (seconds > 0).then_some(GoDuration(Duration::from_secs(seconds)))
            }
        }
    }
}

impl FromStr for Validity {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        if let Some(end) = super::parse_rfc3339(text) {
            return Ok(Self::Until(end));
        }
        text.parse().map(Self::For).map_err(|_: DurationError| DurationError {
            found: text.to_owned(),
            expected: "a duration such as `720h` or `30d`, or an end such as `2026-12-31` or `2026-12-31T12:00:00Z`",
        })
    }
}

/// When a certificate becomes due: a duration before its end, or a fraction of its lifetime that must be left.
///
/// Written `8h`, `30d`, `1/3`, `0.33` or `33%`. Default: a third of the lifetime.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum RenewBefore {
    /// This long before the end.
    Duration(GoDuration),
    /// When less than this fraction (between 0 and 1) of the lifetime is left.
    Fraction(f64),
}

impl RenewBefore {
    /// How long before its end a certificate of this lifetime is due.
    ///
    /// A duration counts for at most nine tenths of the lifetime: what is due as soon as it is there would be renewed by
    /// every run.
    pub fn of(self, lifetime: Duration) -> Duration {
        match self {
            Self::Duration(GoDuration(before)) => before.min(lifetime.mul_f64(LONGEST_WINDOW)),
            Self::Fraction(fraction) => lifetime.mul_f64(fraction),
        }
    }
}

/// Of the lifetime, however long the window is that was asked for.
pub(crate) const LONGEST_WINDOW: f64 = 0.9;

impl Default for RenewBefore {
    fn default() -> Self {
        Self::Fraction(1.0 / 3.0)
    }
}

impl FromStr for RenewBefore {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let error = || DurationError {
            found: text.to_owned(),
            expected: "a duration such as `8h`, or a fraction of the lifetime such as `1/3`, `0.33` or `33%`",
        };
        let fraction = if let Some(percent) = text.strip_suffix('%') {
            percent.parse::<f64>().map_err(|_| error())? / 100.0
        } else if let Some((over, under)) = text.split_once('/') {
            let over: u32 = over.parse().map_err(|_| error())?;
            let under: u32 = under.parse().map_err(|_| error())?;
            f64::from(over) / f64::from(under)
        } else if let Ok(fraction) = text.parse::<f64>() {
            fraction
        } else {
            return text
                .parse()
                .map(Self::Duration)
                .map_err(|_: DurationError| error());
        };
        if fraction > 0.0 && fraction < 1.0 {
            Ok(Self::Fraction(fraction))
        } else {
            Err(error())
        }
    }
}

impl fmt::Display for RenewBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duration(duration) => write!(f, "{duration}"),
            Self::Fraction(fraction) => write!(f, "{fraction}"),
        }
    }
}

text_serde!(RenewBefore);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn go_durations_read_and_print_as_go_does() {
        for (text, printed) in [
            ("24h", "24h0m0s"),
            ("1h30m", "1h30m0s"),
            ("90m", "1h30m0s"),
            ("1.5h", "1h30m0s"),
            ("500ms", "500ms"),
            ("1m0.5s", "1m0.5s"),
            ("30d", "720h0m0s"),
            ("0s", "0s"),
        ] {
            assert_eq!(text.parse::<GoDuration>().unwrap().to_string(), printed);
        }
        for bad in [
            "",
            "24",
            "h",
            "-1h",
            "1 h",
            "1x",
            "1..5h",
            ".h",
            "9999999999999h",
        ] {
            assert!(bad.parse::<GoDuration>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_validity_is_a_duration_or_an_end() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000);
        let of = |text: &str| text.parse::<Validity>().unwrap().from(now);
        assert_eq!(of("2h"), of("2025-11-24T18:00:00Z"));
        assert_eq!(of("2025-11-25").unwrap().to_string(), "8h0m0s");
        assert_eq!(of("2025-11-24"), None, "it has passed");
        let late = now + Duration::from_nanos(1);
        let end = "2025-11-25".parse::<Validity>().unwrap();
        assert_eq!(end.from(late).unwrap().to_string(), "7h59m59s");
        for bad in ["", "soon", "2025-13-01", "24"] {
            assert!(bad.parse::<Validity>().is_err(), "{bad}");
        }
    }

    #[test]
    fn windows_leave_a_tenth_of_the_lifetime() {
        let day = Duration::from_secs(86_400);
        let before: RenewBefore = "48h".parse().unwrap();
        assert_eq!(before.of(day), day.mul_f64(0.9));
        let third: RenewBefore = "1/3".parse().unwrap();
        assert_eq!(third.of(day).as_secs(), 28_800);
        for bad in ["0", "1", "100%", "1/0", "0/3", "-1/3", "x"] {
            assert!(bad.parse::<RenewBefore>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(nanos in 0..=i64::MAX.unsigned_abs()) {
            let duration = GoDuration(Duration::from_nanos(nanos));
            prop_assert_eq!(duration.to_string().parse::<GoDuration>().unwrap(), duration);
        }

        #[test]
        fn units_add_up_in_any_order(h in 0_u64..9_000, m in 0_u64..9_000, s in 0_u64..9_000, days in 0_u64..9_000) {
            let wanted = GoDuration(Duration::from_secs(days * 86_400 + h * 3_600 + m * 60 + s));
            for text in [format!("{days}d{h}h{m}m{s}s"), format!("{s}s{m}m{h}h{days}d")] {
                prop_assert_eq!(text.parse::<GoDuration>().unwrap(), wanted);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9.hmsdnuµ-]{0,24}|\\PC{0,12}") {
            let _ = text.parse::<GoDuration>();
            let _ = text.parse::<RenewBefore>();
            let _ = text.parse::<Validity>();
        }
    }
}
