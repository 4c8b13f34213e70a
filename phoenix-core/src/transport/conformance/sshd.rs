//! OpenSSH's server on a free port of 127.0.0.1, with keys of its own, whose remote words go through the bench's shell.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use phoenix_testkit::loopback::free_port;
use phoenix_testkit::{Need, need};

use super::commands::TestCommands;
use super::*;
use crate::transport::{Exec, SshCommands, SshFiles};

/// Whether a server can be started: it needs root to give each login its own rights.
pub(super) fn at_hand() -> bool {
    if !rustix::process::geteuid().is_root() {
        return false;
    }
    need(Need::Sshd).is_some()
}

pub(super) struct Sshd {
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl Sshd {
    pub(super) fn start(scratch: &Path) -> Self {
        let dir = scratch.join("sshd");
        fs::create_dir_all(dir.join("bin")).unwrap();
        for name in ["host", "client", "stranger"] {
            keygen(&dir.join(name));
        }
        fs::copy(dir.join("client.pub"), dir.join("authorized")).unwrap();
        // What the login shell calls `sh` is the guest's shell.
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let shell = format!(
            "#!/bin/sh\nexport PATH={path} PHX={scratch}\nexec sh {scratch}/bin/guest-shell \"$@\"\n",
            scratch = scratch.display()
        );
        fs::write(dir.join("bin/sh"), shell).unwrap();
        fs::set_permissions(dir.join("bin/sh"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let port = free_port();
            let config = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {dir}/host\nPidFile none\nUsePAM no\nStrictModes no\n\
                 AuthorizedKeysFile {dir}/authorized\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\nPrintMotd no\nMaxStartups 100\nSetEnv PATH={dir}/bin:{path}\n",
                dir = dir.display()
            );
            fs::write(dir.join("config"), config).unwrap();
            let mut child = Process::new(need(Need::Sshd).unwrap())
                .args(["-D", "-e", "-f"])
                .arg(dir.join("config"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(fs::File::create(dir.join("log")).unwrap())
                .spawn()
                .unwrap();
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    let server = Self { child, port, dir };
                    server.know("host");
                    return server;
                }
                thread::sleep(Duration::from_millis(10));
            }
            // Another test took the port.
            let log = fs::read_to_string(dir.join("log")).unwrap();
            assert!(Instant::now() < deadline, "sshd does not start: {log}");
        }
    }

    /// Has clients know this key as the server's.
    pub(super) fn know(&self, key: &str) {
        let key = fs::read_to_string(self.dir.join(format!("{key}.pub"))).unwrap();
        let line = format!("[127.0.0.1]:{} {key}", self.port);
        fs::write(self.dir.join("known"), line).unwrap();
    }

    pub(super) fn commands(&self, local: Arc<TestCommands>) -> SshCommands {
        local.install("ssh", "#!/bin/sh\nexec /usr/bin/ssh \"$@\"\n");
        let to = format!("root@127.0.0.1:{}", self.port);
        let files = SshFiles {
            identity: Some(self.dir.join("client")),
            known_hosts: Some(self.dir.join("known")),
            host_key_alias: None,
        };
        SshCommands::new(local, to.parse().unwrap(), files)
    }

    pub(super) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn keygen(path: &Path) {
    let made = Process::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
}

fn bench() -> Option<Bench> {
    at_hand().then(|| Bench::new(Kind::Ssh("dash")))
}

fn state(bench: &Bench) -> Result<super::super::GuestState, TransportError> {
    bench.transport.state()
}

#[test]
fn a_host_key_that_is_unknown_or_another_is_never_believed() {
    let Some(bench) = bench() else { return };
    let server = bench.sshd.as_ref().unwrap();
    assert!(state(&bench).is_ok());
    server.know("stranger");
    let error = state(&bench).unwrap_err();
    assert!(matches!(error, TransportError::HostKey { .. }), "{error:?}");
    fs::write(server.dir.join("known"), "").unwrap();
    let run = bench.try_run(&Program::new(vec![Step::Exec(Exec::new(["true"]))]));
    let error = run.unwrap_err();
    assert!(matches!(error, TransportError::HostKey { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(server.dir.join("known")).unwrap(), "");
}

#[test]
fn a_key_that_is_not_let_in_and_a_server_that_is_gone_have_errors_of_their_own() {
    let Some(mut bench) = bench() else { return };
    let dir = bench.sshd.as_ref().unwrap().dir.clone();
    fs::copy(dir.join("stranger"), dir.join("client")).unwrap();
    let error = state(&bench).unwrap_err();
    assert!(matches!(error, TransportError::Denied { .. }), "{error:?}");
    bench.sshd.as_mut().unwrap().stop();
    let error = state(&bench).unwrap_err();
    assert!(
        matches!(error, TransportError::Unreachable { .. }),
        "{error:?}"
    );
}

#[test]
fn a_container_of_another_node_is_reached_by_that_nodes_own_tools() {
    let Some(bench) = bench() else { return };
    let over = bench
        .sshd
        .as_ref()
        .unwrap()
        .commands(bench.commands.clone());
    // The node's `pct` is the stand-in.
    let pct = format!(
        "#!/bin/sh\nexport PHX={scratch} PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexec sh {scratch}/bin/pct \"$@\"\n",
        scratch = bench.scratch.display()
    );
    let tool = bench.scratch.join("sshd/bin/pct");
    fs::write(&tool, pct).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let guest = bench.scratch.join("guest").to_str().unwrap().to_owned();
    let there = Pct::new(Arc::new(over), 102).elsewhere().beneath(guest);
    assert_eq!(there.state().unwrap(), super::super::GuestState::Running);
    assert_eq!(there.init_pid().unwrap(), None);
    let answer = there
        .run(
            &Program::new(vec![Step::Exec(Exec::new(["echo", "it's $HOME \\ here"]))]),
            Duration::from_secs(30),
        )
        .unwrap();
    let StepResult::Exec(run) = &answer.results[0] else {
        panic!("{answer:?}")
    };
    assert_eq!(run.stdout, b"it's $HOME \\ here\n");
    fs::write(bench.scratch.join("state"), "stopped").unwrap();
    assert_eq!(there.state().unwrap(), super::super::GuestState::Stopped);
}
