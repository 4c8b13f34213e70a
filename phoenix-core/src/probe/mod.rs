//! What is really served, seen from where the consumer stands.
//!
//! A probe asks one question of a running service and says what it saw in words. It trusts nothing in memory: the
//! served certificate, the refusal and the answer all come over a socket that [`Dial`] opened, in a container's own
//! network namespace where that is where the consumer lives. A time-out is never a refusal: a packet that the firewall
//! dropped says nothing about TLS.

pub mod docker;
pub mod endpoint;
pub mod http;
pub mod portainer;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod traefik;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::secret::Secret;
use crate::system::Dial;
use crate::time::{Clock, Deadline};

/// One question asked of a running service, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// Stable name: subject and question, such as `docker/no-certificate`.
    pub name: &'static str,
    /// What had to be seen.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// What follows from it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Probe {
    /// A probe with its outcome.
    pub fn new(
        name: &'static str,
        expected: impl Into<String>,
        seen: impl Into<String>,
        verdict: Verdict,
    ) -> Self {
        Self {
            name,
            expected: expected.into(),
            seen: seen.into(),
            verdict,
        }
    }

    /// A probe that was not made.
    pub fn skipped(
        name: &'static str,
        expected: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self::new(
            name,
            expected,
            "not probed",
            Verdict::Skipped { why: why.into() },
        )
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<11} {}: ", self.verdict.as_str(), self.name)?;
        match &self.verdict {
            Verdict::Passed | Verdict::Noted => f.write_str(&self.seen),
            Verdict::Skipped { why } => f.write_str(why),
            Verdict::Failed | Verdict::Unreachable => {
                write!(f, "{}; expected {}", self.seen, self.expected)
            }
        }
    }
}

/// What follows from what a probe saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// It was seen not to be as expected.
    Failed,
    /// A finding of its own that does not fail the run.
    Noted,
    /// As expected.
    Passed,
    /// The question was not asked.
    Skipped {
        /// Why not.
        why: String,
    },
    /// No answer: a time-out, no route. Says nothing about the service, and is never a refusal.
    Unreachable,
}

impl Verdict {
    /// `failed`, `noted`, `passed`, `skipped` or `unreachable`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Noted => "noted",
            Self::Passed => "passed",
            Self::Skipped { .. } => "skipped",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether a run may go on as if all were well: everything but `failed` and `unreachable`.
    pub fn holds(&self) -> bool {
        !matches!(self, Self::Failed | Self::Unreachable)
    }
}

/// Where a probe stands, and how long each may take.
#[derive(Clone, Copy)]
pub struct Viewpoint<'a> {
    /// Opens its sockets, in the consumer's network namespace where that matters.
    pub dial: &'a dyn Dial,
    /// Tells the time: for deadlines, and for the validity of what is served.
    pub clock: &'a dyn Clock,
    /// How long one probe may take, from connecting to its last byte.
    pub timeout: Duration,
}

impl Viewpoint<'_> {
    /// Ten seconds, the time that a probe gets when nothing says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// The deadline of a probe that begins now.
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.clock, self.timeout)
    }
}

impl fmt::Debug for Viewpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Viewpoint")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A client certificate and its key.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The chain, leaf first, as PEM.
    pub chain_pem: &'a [u8],
    /// The private key, as PEM.
    pub key_pem: &'a Secret,
}

/// Foreign text for a report: one line, no control characters, at most 200 characters.
fn excerpt(text: &str) -> String {
    const LIMIT: usize = 200;
    let line: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LIMIT + 1)
        .collect();
    match line.char_indices().nth(LIMIT) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_flat_data_with_its_verdict_as_a_word() {
        let probe = Probe::skipped("portainer/services", "the Swarm's services", "no API key");
        assert_eq!(
            serde_json::to_value(&probe).unwrap(),
            serde_json::json!({
                "name": "portainer/services",
                "expected": "the Swarm's services",
                "seen": "not probed",
                "verdict": "skipped",
                "why": "no API key",
            })
        );
    }

    #[test]
    fn only_failures_and_silence_do_not_hold() {
        assert!(Verdict::Passed.holds() && Verdict::Noted.holds());
        assert!(!Verdict::Failed.holds() && !Verdict::Unreachable.holds());
    }

    #[test]
    fn foreign_text_is_shown_on_one_bounded_line() {
        assert_eq!(excerpt(" a\r\nb\u{1b}[31m \n"), "a  b [31m");
        assert_eq!(excerpt(&"ü".repeat(300)).chars().count(), 203);
    }
}
