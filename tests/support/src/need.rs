//! Programs that a test needs and a machine may lack.

use std::env;
use std::io::Write as _;
use std::path::PathBuf;

/// Something outside the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// OpenSSL's command.
    Openssl,
    /// OpenSSH's server.
    Sshd,
    /// The real `step-ca`.
    StepCa,
    /// The old one, 0.19, as `tests/stepca/old-server` builds it.
    StepCa019,
    /// `strace`.
    Strace,
}

impl Need {
    fn program(self) -> &'static str {
        match self {
            Self::Openssl => "openssl",
            Self::Sshd => "sshd",
            Self::StepCa => "step-ca",
            Self::StepCa019 => "step-ca-0.19",
            Self::Strace => "strace",
        }
    }
}

/// The program's path, or `None` after saying on standard error what is left out.
///
/// # Panics
/// When the program is missing and the environment variable `CI` is `true`.
pub fn need(need: Need) -> Option<PathBuf> {
    let program = need.program();
    let search = env::var_os("PATH").unwrap_or_default();
    let go = env::var_os("GOPATH")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join("go")));
    let found = env::split_paths(&search)
        .chain(go.map(|go| go.join("bin")))
        .chain([PathBuf::from("/usr/sbin")])
        .map(|dir| dir.join(program))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            env::var_os("CI").is_none_or(|value| value != "true"),
            "`{program}` is missing, and in CI nothing may be left out"
        );
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Written directly, so that the harness does not swallow it.
        let _ = writeln!(
            std::io::stderr(),
            "left out: {test} (`{program}` is missing)"
        );
    }
    found
}
