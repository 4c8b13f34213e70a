//! Programs that a test needs and a machine may lack.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something outside the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// Go's command.
    Go,
    /// OpenSSL's command.
    Openssl,
    /// A Python that has the package `cryptography` with its verifier.
    PythonCryptography,
    /// OpenSSH's server.
    Sshd,
    /// The real `step-ca`.
    StepCa,
    /// The old one, 0.19, as `tests/stepca/old-server` builds it.
    StepCa019,
    /// `strace`.
    Strace,
    /// `systemd-analyze`, which reads unit files without a running systemd.
    SystemdAnalyze,
    /// `unshare`: a view of the machine's files of a test's own, as root or by a user namespace.
    Unshare,
}

impl Need {
    fn program(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Openssl => "openssl",
            Self::PythonCryptography => "python3",
            Self::Sshd => "sshd",
            Self::StepCa => "step-ca",
            Self::StepCa019 => "step-ca-0.19",
            Self::Strace => "strace",
            Self::SystemdAnalyze => "systemd-analyze",
            Self::Unshare => "unshare",
        }
    }
}

impl Need {
    /// Whether the program is all that is needed.
    fn is_met_by(self, program: &Path) -> bool {
        if self != Self::PythonCryptography {
            return true;
        }
        Command::new(program)
            .args(["-c", "import cryptography.x509.verification"])
            .output()
            .is_ok_and(|output| output.status.success())
    }
}

/// The program's path, or `None` after saying on standard error what is left out.
///
/// # Panics
/// When the program is missing and the environment variable `CI` is `true`.
pub fn need(need: Need) -> Option<PathBuf> {
    let program = need.program();
    let what = match need {
        Need::PythonCryptography => "`python3` with the package `cryptography`".to_owned(),
        _ => format!("`{program}`"),
    };
    let search = env::var_os("PATH").unwrap_or_default();
    let go = env::var_os("GOPATH")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join("go")));
    let found = env::split_paths(&search)
        .chain(go.map(|go| go.join("bin")))
        .chain([PathBuf::from("/usr/sbin")])
        .map(|dir| dir.join(program))
        .find(|path| path.is_file() && need.is_met_by(path));
    if found.is_none() {
        assert!(
            env::var_os("CI").is_none_or(|value| value != "true"),
            "{what} is missing, and in CI nothing may be left out"
        );
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Written directly, so that the harness does not swallow it.
        let _ = writeln!(std::io::stderr(), "left out: {test} ({what} is missing)");
    }
    found
}
