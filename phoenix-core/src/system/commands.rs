//! Commands of the host: argument vectors with a deadline, never a shell line.

use std::ffi::OsString;
use std::time::Duration;

use crate::secret::Secret;

/// A command to run: its words, what it reads, how long it may take.
#[derive(Debug)]
pub struct Command {
    /// Program and arguments. Secrets never stand here: anybody can read a process's arguments.
    pub argv: Vec<OsString>,
    /// Bytes for its standard input, which is closed behind them; `None`: `/dev/null`.
    pub stdin: Option<Secret>,
    /// After this long its whole process group is killed.
    pub timeout: Duration,
    /// Environment variables added to the few that every command gets (`PATH`, `LANG=C.UTF-8`, `HOME`).
    pub env: Vec<(OsString, OsString)>,
}

impl Command {
    /// A command without input, with a timeout of 120 s.
    pub fn new<W: Into<OsString>>(argv: impl IntoIterator<Item = W>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            stdin: None,
            timeout: Duration::from_secs(120),
            env: Vec::new(),
        }
    }

    /// The same input and time for other words: of a program that runs these somewhere else. The environment is not
    /// taken along.
    #[must_use]
    pub fn by<W: Into<OsString>>(&self, argv: impl IntoIterator<Item = W>) -> Self {
        Self {
            stdin: self
                .stdin
                .as_ref()
                .map(|bytes| Secret::new(bytes.expose_secret().to_vec())),
            ..Self::new(argv).timeout(self.timeout)
        }
    }

    /// With these bytes on standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: Secret) -> Self {
        self.stdin = Some(bytes);
        self
    }

    /// With this timeout.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// Killed with its process group when its time was over.
    TimedOut,
    /// Not run at all, since nothing outside the root may be run (`--root`): the caller reports "would run".
    WouldRun,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub ended: Ended,
    /// Standard output, at most [`Output::LIMIT`] bytes of it.
    pub stdout: Vec<u8>,
    /// Standard error, likewise.
    pub stderr: Vec<u8>,
}

impl Output {
    /// More output than this is read and dropped (4 MiB: `qm guest exec` answers stay far below).
    pub const LIMIT: usize = 4 << 20;

    /// Whether it ended by itself with status 0.
    pub fn success(&self) -> bool {
        self.ended == Ended::Exit(0)
    }

    /// Standard error as text, trimmed, at most its last 2,000 bytes.
    pub fn stderr_text(&self) -> String {
        let from = self.stderr.len().saturating_sub(2_000);
        String::from_utf8_lossy(&self.stderr[from..])
            .trim()
            .to_owned()
    }
}

/// A command that could not be run at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such program on the search path.
    #[error("could not find the program `{program}`")]
    NotFound {
        /// The program's name.
        program: String,
    },
    /// It was found and could not be started or waited for.
    #[error("could not run `{program}`")]
    Failed {
        /// The program's name.
        program: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Runs commands of the host.
pub trait Commands: Send + Sync {
    /// Runs one and waits for its end or its timeout.
    fn run(&self, command: &Command) -> Result<Output, CommandError>;
}
