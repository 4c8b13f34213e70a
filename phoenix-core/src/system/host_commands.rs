//! Commands run on the host itself, or not at all.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, CWD, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::commands::{Command, CommandError, Commands, Ended, Output};
use crate::secret::Secret;

/// Runs commands on this machine, each in a process group of its own and with an environment of three variables.
#[derive(Debug, Clone)]
pub struct HostCommands {
    search_path: OsString,
    home: OsString,
}

impl HostCommands {
    /// Programs are looked for in these directories (written as `PATH` is). `HOME` is `/root`.
    pub fn new(search_path: impl Into<OsString>) -> Self {
        Self {
            search_path: search_path.into(),
            home: "/root".into(),
        }
    }

    /// With another home directory, for programs that keep files there (`ssh`).
    #[must_use]
    pub fn home(mut self, home: impl Into<OsString>) -> Self {
        self.home = home.into();
        self
    }

    fn find(&self, program: &OsString) -> Option<PathBuf> {
        let executable = |path: &Path| {
            path.is_file()
                && rustix::fs::accessat(CWD, path, Access::EXEC_OK, rustix::fs::AtFlags::empty())
                    .is_ok()
        };
        if program.as_bytes().contains(&b'/') {
            return Some(PathBuf::from(program)).filter(|path| executable(path));
        }
        std::env::split_paths(&self.search_path)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(program))
            .find(|path| executable(path))
    }
}

impl Commands for HostCommands {
    fn run(&self, command: &Command) -> Result<Output, CommandError> {
        let program = command.argv.first().cloned().unwrap_or_default();
        let shown = || program.to_string_lossy().into_owned();
        let path = self
            .find(&program)
            .ok_or_else(|| CommandError::NotFound { program: shown() })?;
        let failed = |source| CommandError::Failed {
            program: shown(),
            source,
        };
        let input = if command.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let mut child = std::process::Command::new(path)
            .arg0(&program)
            .args(&command.argv[1..])
            .env_clear()
            .env("PATH", &self.search_path)
            .env("LANG", "C.UTF-8")
            .env("HOME", &self.home)
            .envs(command.env.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let group = Pid::from_child(&child);
        let output = attend(&mut child, command);
        if output.is_err() {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = child.wait();
        }
        output.map_err(failed)
    }
}

/// Leaves the terminal's session: what ends it does not end this process.
///
/// # Errors
///
/// When this process leads a process group, as a shell's jobs do.
pub fn leave_session() -> io::Result<()> {
    rustix::process::setsid().map(drop).map_err(Into::into)
}

/// Runs nothing: what a site beneath `--root` would run is only reported.
#[derive(Debug, Clone, Copy, Default)]
pub struct WouldRunCommands;

impl Commands for WouldRunCommands {
    fn run(&self, _command: &Command) -> Result<Output, CommandError> {
        Ok(Output {
            ended: Ended::WouldRun,
            stdout: Vec::new(),
            stderr: Vec::new(),
        })
    }
}

/// Feeds a child, reads what it says and waits for its end: one loop, so that no side can block another.
fn attend(child: &mut Child, command: &Command) -> io::Result<Output> {
    let pid = Pid::from_child(child);
    let exit = pidfd_open(pid, PidfdFlags::empty())?;
    let mut input = child
        .stdin
        .take()
        .zip(command.stdin.as_ref())
        .map(|(pipe, bytes)| Feed { pipe, bytes, at: 0 });
    let piped = || io::Error::other("the output is not piped");
    let mut stdout = Drain::new(child.stdout.take().ok_or_else(piped)?);
    let mut stderr = Drain::new(child.stderr.take().ok_or_else(piped)?);
    if let Some(feed) = &input {
        unblock(&feed.pipe)?;
    }
    unblock(&stdout.pipe)?;
    unblock(&stderr.pipe)?;
    let deadline = Instant::now().checked_add(command.timeout);
    let mut stop = Stop::Running;
    let mut exited = false;
    loop {
        let now = Instant::now();
        let until = match stop {
            // A daemon left in the background holds the pipes open; it is not waited for.
            Stop::Leaving(at) | Stop::Terminated(at) | Stop::Killed(at) => Some(at),
            Stop::Running => deadline,
        };
        if until.is_some_and(|at| at <= now) {
            match stop {
                Stop::Running => {
                    let _ = kill_process_group(pid, Signal::TERM);
                    stop = Stop::Terminated(now + GRACE);
                    continue;
                }
                Stop::Terminated(_) => {
                    let _ = kill_process_group(pid, Signal::KILL);
                    stop = Stop::Killed(now + GRACE);
                    continue;
                }
                Stop::Leaving(_) | Stop::Killed(_) => break,
            }
        }
        let wait = until.map(|at| at.saturating_duration_since(now));
        let mut fds = Vec::with_capacity(4);
        if !exited {
            fds.push(PollFd::new(&exit, PollFlags::IN));
        }
        if !stdout.closed {
            fds.push(PollFd::new(&stdout.pipe, PollFlags::IN));
        }
        if !stderr.closed {
            fds.push(PollFd::new(&stderr.pipe, PollFlags::IN));
        }
        if let Some(feed) = &input {
            fds.push(PollFd::new(&feed.pipe, PollFlags::OUT));
        }
        let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let just_exited = !exited && !fds[0].revents().is_empty();
        drop(fds);
        if input.as_mut().is_some_and(|feed| !feed.go_on()) {
            input = None;
        }
        stdout.go_on()?;
        stderr.go_on()?;
        if just_exited {
            exited = true;
            input = None;
            if matches!(stop, Stop::Running) {
                stop = Stop::Leaving(Instant::now() + LINGER);
            }
        }
        let silent = stdout.closed && stderr.closed;
        if exited && (silent || matches!(stop, Stop::Killed(_))) {
            break;
        }
    }
    let timed_out = matches!(stop, Stop::Terminated(_) | Stop::Killed(_));
    if timed_out {
        // Whatever ignored TERM, or was started meanwhile; the leader is not reaped yet, so the group is still ours.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    // A process that even KILL does not end (it waits for a dead disk) is left to the kernel.
    let ended = if timed_out {
        child.try_wait()?;
        Ended::TimedOut
    } else {
        let status = child.wait()?;
        match (status.code(), status.signal()) {
            (Some(code), _) => Ended::Exit(code),
            (None, signal) => Ended::Signal(signal.unwrap_or(0)),
        }
    };
    Ok(Output {
        ended,
        stdout: stdout.bytes,
        stderr: stderr.bytes,
    })
}

enum Stop {
    Running,
    /// The command ended; what it left behind may talk until then.
    Leaving(Instant),
    /// Asked to end; killed then.
    Terminated(Instant),
    /// Killed; not even its output is waited for any longer.
    Killed(Instant),
}

struct Feed<'a> {
    pipe: ChildStdin,
    bytes: &'a Secret,
    at: usize,
}

impl Feed<'_> {
    /// Writes what fits; `false` when all is written or nobody reads any more.
    fn go_on(&mut self) -> bool {
        loop {
            let rest = &self.bytes.expose_secret()[self.at..];
            if rest.is_empty() {
                return false;
            }
            match self.pipe.write(rest) {
                Ok(count) => self.at += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }
}

struct Drain<P> {
    pipe: P,
    bytes: Vec<u8>,
    closed: bool,
}

impl<P> Drain<P> {
    fn new(pipe: P) -> Self {
        Self {
            pipe,
            bytes: Vec::new(),
            closed: false,
        }
    }
}

impl<P: Read> Drain<P> {
    /// Reads what is there; what exceeds the limit is dropped.
    fn go_on(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        while !self.closed {
            match self.pipe.read(&mut buffer) {
                Ok(0) => self.closed = true,
                Ok(count) => {
                    let room = Output::LIMIT.saturating_sub(self.bytes.len());
                    self.bytes.extend_from_slice(&buffer[..count.min(room)]);
                    if room == 0 {
                        // A program that never stops talking must not keep the deadline from being looked at.
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn unblock(fd: impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(&fd)?;
    Ok(fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?)
}

/// How long a process group may take to end after TERM before KILL.
const GRACE: Duration = Duration::from_secs(2);
/// How long output is still read after the command itself has ended.
const LINGER: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        Command::new(["sh", "-c", script])
    }

    fn host() -> HostCommands {
        HostCommands::new("/usr/local/bin:/usr/bin:/bin")
    }

    #[test]
    fn output_status_and_environment_are_what_the_command_gave_and_got() {
        let output = host().run(&sh("env; echo oops >&2; exit 3")).unwrap();
        assert_eq!(output.ended, Ended::Exit(3));
        assert_eq!(output.stderr_text(), "oops");
        let text = String::from_utf8(output.stdout).unwrap();
        let names: std::collections::BTreeSet<_> = text
            .lines()
            .filter_map(|line| line.split('=').next())
            .filter(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(name))
            .collect();
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["HOME", "LANG", "PATH"]
        );
        assert_eq!(
            host().run(&sh("kill -9 $$")).unwrap().ended,
            Ended::Signal(9)
        );
    }

    #[test]
    fn large_input_and_output_pass_at_the_same_time() {
        let bytes = vec![b'x'; 3 << 20];
        let command = Command::new(["cat"]).stdin(Secret::new(bytes.clone()));
        assert!(host().run(&command).unwrap().stdout == bytes);
        let deaf = Command::new(["true"]).stdin(Secret::new(bytes));
        assert!(host().run(&deaf).unwrap().success());
    }

    #[test]
    fn output_is_bounded_and_an_endless_talker_is_stopped() {
        let command = Command::new(["yes"]).timeout(Duration::from_millis(700));
        let output = host().run(&command).unwrap();
        assert_eq!(output.ended, Ended::TimedOut);
        assert_eq!(output.stdout.len(), Output::LIMIT);
    }

    #[test]
    fn a_deadline_ends_the_whole_group_even_when_it_ignores_term() {
        let marker = format!("{}", 700_000 + std::process::id());
        let script = format!("trap '' TERM; sleep {marker} & sleep {marker}");
        let begun = Instant::now();
        let output = host()
            .run(&sh(&script).timeout(Duration::from_millis(200)))
            .unwrap();
        assert_eq!(output.ended, Ended::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(10));
        let pattern = format!("sleep {marker}");
        std::thread::sleep(Duration::from_millis(100));
        let left = host()
            .run(&Command::new(["pgrep", "-fx", &pattern]))
            .unwrap();
        assert_eq!(left.ended, Ended::Exit(1), "{:?}", left.stdout);
    }

    #[test]
    fn what_a_command_leaves_in_the_background_is_not_waited_for() {
        let begun = Instant::now();
        let output = host().run(&sh("sleep 30 & echo done; echo $!")).unwrap();
        assert!(output.success());
        assert!(begun.elapsed() < Duration::from_secs(5));
        let text = String::from_utf8(output.stdout).unwrap();
        let pid = text.lines().nth(1).unwrap().to_owned();
        host().run(&Command::new(["kill", &pid])).unwrap();
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        for name in ["no-such-program", "/no/such/program", ""] {
            let error = host().run(&Command::new([name])).unwrap_err();
            assert!(matches!(error, CommandError::NotFound { program } if program == name));
        }
        assert!(host().run(&Command::new(Vec::<OsString>::new())).is_err());
    }
}
