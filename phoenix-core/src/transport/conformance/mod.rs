//! One set of tests for every transport: a directory, `pct` and `qm` stand-ins over each shell that guests have, and
//! a real sshd.

mod commands;
mod faults;
mod files;
mod pairs;
mod sshd;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use self::commands::TestCommands;
use super::{
    Answer, GuestPath, GuestTransport, Local, Pct, Program, Qm, Ssh, Step, StepResult,
    TransportError,
};
use crate::names::{GuestId, Owner};

/// Ways into a guest. The shells are Debian's, Alpine's and Red Hat's.
const KINDS: [Kind; 7] = [
    Kind::Local,
    Kind::Pct("dash"),
    Kind::Pct("busybox"),
    Kind::Pct("bash"),
    Kind::Qm("dash"),
    Kind::Qm("busybox"),
    Kind::Ssh("dash"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Local,
    Pct(&'static str),
    Qm(&'static str),
    /// Over a real sshd of 127.0.0.1.
    Ssh(&'static str),
}

/// A guest that is a directory, and a way into it.
struct Bench {
    kind: Kind,
    scratch: PathBuf,
    commands: Arc<TestCommands>,
    transport: Box<dyn GuestTransport>,
    /// Ends with the bench; only where the kind has one.
    sshd: Option<sshd::Sshd>,
}

/// Runs a test over every transport.
fn on_all(test: impl Fn(&Bench) + Sync) {
    beside_each_other(&kinds(), test);
}

/// All but those that the machine has no server for.
fn kinds() -> Vec<Kind> {
    let sshd = sshd::at_hand();
    let at_hand = |kind: &Kind| sshd || !matches!(kind, Kind::Ssh(_));
    KINDS.into_iter().filter(at_hand).collect()
}

/// Runs a test over those that run commands.
fn on_scripts(test: impl Fn(&Bench) + Sync) {
    let mut scripts = kinds();
    scripts.retain(|kind| *kind != Kind::Local);
    beside_each_other(&scripts, test);
}

fn beside_each_other(kinds: &[Kind], test: impl Fn(&Bench) + Sync) {
    thread::scope(|scope| {
        for kind in kinds {
            scope.spawn(|| test(&Bench::new(*kind)));
        }
    });
}

impl Bench {
    fn new(kind: Kind) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("phoenix-transport-{}-{count}", std::process::id());
        let scratch = std::env::temp_dir().join(name);
        fs::create_dir_all(scratch.join("guest")).unwrap();
        let shell = match kind {
            Kind::Local => "",
            Kind::Pct(shell) | Kind::Qm(shell) | Kind::Ssh(shell) => shell,
        };
        let commands = Arc::new(TestCommands::new(&scratch, shell));
        let guest = scratch.join("guest").to_str().unwrap().to_owned();
        let sshd = matches!(kind, Kind::Ssh(_)).then(|| sshd::Sshd::start(&scratch));
        let transport: Box<dyn GuestTransport> = match kind {
            Kind::Local => Box::new(Local::new(GuestId::lxc(102), guest)),
            Kind::Pct(_) => Box::new(Pct::new(commands.clone(), 102).beneath(guest)),
            Kind::Qm(_) => Box::new(Qm::new(commands.clone(), 1001).beneath(guest)),
            Kind::Ssh(_) => {
                let over = sshd.as_ref().unwrap().commands(commands.clone());
                Box::new(Ssh::new(GuestId::vm(1001), over).beneath(guest))
            }
        };
        Self {
            kind,
            scratch,
            commands,
            transport,
            sshd,
        }
    }

    fn try_run(&self, program: &Program) -> Result<Answer, TransportError> {
        self.transport.run(program, Duration::from_secs(60))
    }

    fn run(&self, program: &Program) -> Vec<StepResult> {
        let answer = self.try_run(program);
        let answer = answer.unwrap_or_else(|error| panic!("{:?}: {error}: {error:?}", self.kind));
        assert_eq!(answer.results.len(), program.steps.len());
        answer.results
    }

    fn one(&self, step: Step) -> StepResult {
        self.run(&Program::new(vec![step])).remove(0)
    }

    /// A path of the guest as the host sees it.
    fn host(&self, path: &str) -> PathBuf {
        self.scratch
            .join("guest")
            .join(path.trim_start_matches('/'))
    }

    fn read(&self, path: &str) -> Vec<u8> {
        let path = self.host(path);
        fs::read(&path).unwrap_or_else(|e| panic!("{:?}: {}: {e}", self.kind, path.display()))
    }

    fn write(&self, path: &str, bytes: &[u8], mode: u32) {
        let path = self.host(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.host(path)).unwrap().mode() & 0o7777
    }

    /// The names in a directory, sorted.
    fn names(&self, path: &str) -> Vec<String> {
        names(&self.host(path))
    }

    /// Runs, in a guest with a shell, `script` instead of the real start of each call.
    fn fake(&self, name: &str, script: &str) {
        self.commands.install(name, script);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn path(text: &str) -> GuestPath {
    text.parse().unwrap()
}

/// The one who runs the tests, by numbers, so that no guest needs an `/etc/passwd`.
fn me() -> Owner {
    Owner {
        user: rustix::process::geteuid().as_raw().to_string(),
        group: rustix::process::getegid().as_raw().to_string(),
    }
}
