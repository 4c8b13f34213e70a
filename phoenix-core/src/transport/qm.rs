//! Virtual machines, by `qm guest exec` and the QEMU guest agent.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::script::{self, Raw, SHELL};
use super::{Answer, GuestState, GuestTransport, Program, TransportError};
use crate::names::GuestId;
use crate::secret::Secret;
use crate::system::{Command, Commands};
use crate::time::{Clock, Deadline, SystemClock};

/// A virtual machine of this host, whose guest agent must run.
pub struct Qm {
    commands: Arc<dyn Commands>,
    clock: Arc<dyn Clock>,
    guest: GuestId,
    prefix: String,
}

impl Qm {
    /// The most that `qm guest exec` passes on to a command's standard input.
    pub const STDIN_LIMIT: usize = 1 << 20;

    /// The virtual machine with this number.
    pub fn new(commands: Arc<dyn Commands>, id: u32) -> Self {
        Self {
            commands,
            clock: Arc::new(SystemClock),
            guest: GuestId::vm(id),
            prefix: String::new(),
        }
    }

    /// With another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With every path in the guest put beneath a directory: for trying things on a guest that is none.
    #[must_use]
    pub fn beneath(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// One call, waited for until the deadline and never made a second time.
    fn call(&self, frame: Secret, deadline: Deadline) -> Result<Raw, TransportError> {
        let id = self.guest.id.to_string();
        let wait = deadline.remaining(&*self.clock).min(AGENT_WAIT);
        let seconds = wait.as_secs().max(1).to_string();
        let words = ["qm", "guest", "exec", &id, "--timeout", &seconds];
        let words = words.into_iter().chain(["--pass-stdin", "1", "--"]);
        let command = Command::new(words.chain(SHELL))
            .stdin(frame)
            .timeout(wait + SLACK);
        let mut said = self.status(&command)?;
        let pid = said.pid;
        while said.exited != Some(true) && said.exitcode.is_none() && said.signal.is_none() {
            let Some(pid) = pid else {
                return Err(self.garbled("found neither an exit code nor a PID"));
            };
            if deadline.passed(&*self.clock) {
                return Err(TransportError::StillRunning {
                    guest: self.guest,
                    pid,
                });
            }
            self.clock.sleep(POLL.min(deadline.remaining(&*self.clock)));
            let pid = pid.to_string();
            let command = Command::new(["qm", "guest", "exec-status", &id, &pid]).timeout(SLACK);
            said = self.status(&command)?;
        }
        let stderr = said.err_data.unwrap_or_default();
        if said.out_truncated {
            return Err(TransportError::TooLarge {
                guest: self.guest,
                what: "the answer",
                limit: OUTPUT_LIMIT,
            });
        }
        Ok(Raw {
            status: said
                .exitcode
                .unwrap_or_else(|| 128 + said.signal.unwrap_or(0)),
            stdout: Zeroizing::new(said.out_data.unwrap_or_default().into_bytes()),
            stderr: stderr.trim().chars().take(2_000).collect(),
        })
    }

    fn status(&self, command: &Command) -> Result<AgentStatus, TransportError> {
        let raw = script::host(&*self.commands, self.guest, command)?;
        if raw.status != 0 {
            return Err(script::no_answer(self.guest, raw));
        }
        // Perl prints its warnings wherever it likes: the object is what stands between the outer braces.
        let text = &*raw.stdout;
        let start = text.iter().position(|byte| *byte == b'{');
        let end = text.iter().rposition(|byte| *byte == b'}');
        let object = match (start, end) {
            (Some(start), Some(end)) if start < end => &text[start..=end],
            _ => return Err(self.garbled("found no JSON object in what `qm guest exec` printed")),
        };
        // The parser's own words would quote values, and values may be contents of files.
        serde_json::from_slice(object).map_err(|e| {
            let (line, column) = (e.line(), e.column());
            self.garbled(&format!(
                "what `qm guest exec` printed is no status (line {line}, column {column})"
            ))
        })
    }

    fn garbled(&self, what: &str) -> TransportError {
        TransportError::Garbled {
            guest: self.guest,
            what: what.to_owned(),
        }
    }
}

impl GuestTransport for Qm {
    fn guest(&self) -> GuestId {
        self.guest
    }

    fn state(&self) -> Result<GuestState, TransportError> {
        script::state(&*self.commands, self.guest, "qm")
    }

    fn run(&self, program: &Program, timeout: Duration) -> Result<Answer, TransportError> {
        let deadline = Deadline::after(&*self.clock, timeout);
        let limit = Self::STDIN_LIMIT;
        script::run(self.guest, program, &self.prefix, limit, |frame| {
            self.call(frame, deadline)
        })
    }

    fn init_pid(&self) -> Result<Option<u32>, TransportError> {
        Ok(None)
    }
}

/// What `qm guest exec` and `qm guest exec-status` print.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct AgentStatus {
    #[serde(default)]
    pid: Option<u64>,
    #[serde(default, deserialize_with = "perl_bool")]
    exited: Option<bool>,
    #[serde(default)]
    exitcode: Option<i32>,
    #[serde(default)]
    signal: Option<i32>,
    #[serde(default)]
    out_data: Option<String>,
    #[serde(default)]
    err_data: Option<String>,
    #[serde(default, deserialize_with = "perl_flag")]
    out_truncated: bool,
}

/// Perl prints truth as `1`, `0`, `true`, `false` or `null`, as it comes.
fn perl_bool<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(match value {
        serde_json::Value::Bool(value) => Some(value),
        serde_json::Value::Number(number) => Some(number.as_i64() != Some(0)),
        serde_json::Value::String(text) => Some(!matches!(text.as_str(), "" | "0")),
        _ => None,
    })
}

fn perl_flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(perl_bool(deserializer)?.unwrap_or(false))
}

/// How long one `qm guest exec` waits before it leaves the rest to `exec-status`.
const AGENT_WAIT: Duration = Duration::from_secs(30);
/// What the host's command may take beyond that.
const SLACK: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_secs(1);
/// What the agent keeps of a command's output.
const OUTPUT_LIMIT: usize = 16 << 20;
