//! `pct` and `qm` stand-ins that behave as the real ones, and a seam that runs them and remembers what it was given.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::system::{Command, CommandError, Commands, Ended, Output};

const PCT: &str = r#"#!/bin/sh
state=$(cat "$PHX/state")
case $1 in
status) [ -z "$3" ] || { echo "Unknown option: verbose" >&2; exit 255; }; echo "status: $state" ;;
exec)
    [ "$state" = running ] || { echo "container '$2' not running!" >&2; exit 255; }
    shift 4
    exec sh "$PHX/bin/guest-shell" "$@" ;;
*) exit 2 ;;
esac
"#;

const QM: &str = r#"#!/bin/sh
state=$(cat "$PHX/state")
json() { awk '{gsub(/\\/,"\\\\"); gsub(/"/,"\\\""); printf "%s\\n",$0}' "$1"; }
report() {
    printf '{\n   "err-data" : "%s",\n   "exitcode" : %s,\n' "$(json "$PHX/err")" "$(cat "$PHX/code")"
    printf '   "exited" : 1,\n   "out-data" : "%s"\n}\n' "$(json "$PHX/out")"
}
case "$1 $2" in
"status "*) echo "status: $state" ;;
"guest exec")
    [ "$state" = running ] || { echo "VM $3 is not running" >&2; exit 255; }
    while [ "$1" != -- ]; do shift; done
    shift 2
    sh "$PHX/bin/guest-shell" "$@" >"$PHX/out" 2>"$PHX/err"
    echo $? >"$PHX/code"
    echo call >>"$PHX/calls"
    if [ -e "$PHX/slow" ]; then
        echo "timeout reached, returning pid" >&2
        printf '{\n   "pid" : 4711\n}\n'
    else report; fi ;;
"guest exec-status")
    if [ "$(cat "$PHX/slow")" = 1 ]; then echo 0 >"$PHX/slow"; printf '{\n   "exited" : 0\n}\n'; else report; fi ;;
*) exit 2 ;;
esac
"#;

/// Runs commands with the stand-ins before everything else on the search path.
pub(super) struct TestCommands {
    directory: PathBuf,
    /// The arguments of every command so far.
    pub(super) seen: Mutex<Vec<String>>,
    /// The nonce of every request so far.
    pub(super) nonces: Mutex<Vec<String>>,
}

impl TestCommands {
    pub(super) fn new(directory: &Path, shell: &str) -> Self {
        let commands = Self {
            directory: directory.to_owned(),
            seen: Mutex::new(Vec::new()),
            nonces: Mutex::new(Vec::new()),
        };
        fs::create_dir_all(directory.join("bin")).unwrap();
        fs::create_dir_all(directory.join("tools")).unwrap();
        fs::write(directory.join("state"), "running").unwrap();
        commands.install("pct", PCT);
        commands.install("qm", QM);
        commands.install("lxc-info", "#!/bin/sh\necho 4242\n");
        let tools = format!("{}/tools", directory.display());
        let start = match shell {
            "busybox" => {
                for tool in BUSYBOX.split(' ') {
                    std::os::unix::fs::symlink(busybox(), directory.join("tools").join(tool))
                        .unwrap();
                }
                format!("PATH={tools} exec {} ash \"$@\"", busybox())
            }
            shell => format!("PATH={tools}:$PATH exec {shell} \"$@\""),
        };
        commands.install("guest-shell", &format!("#!/bin/sh\n{start}\n"));
        commands
    }

    /// Puts a program where the host's commands are found.
    pub(super) fn install(&self, name: &str, script: &str) {
        install(&self.directory.join("bin").join(name), script);
    }

    /// Puts a program before the guest's own tools.
    pub(super) fn install_tool(&self, name: &str, script: &str) {
        let path = self.directory.join("tools").join(name);
        let _ = fs::remove_file(&path);
        install(&path, script);
        while Process::new(&path).stdin(Stdio::null()).output().is_err() {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Commands for TestCommands {
    fn run(&self, command: &Command) -> Result<Output, CommandError> {
        let words: Vec<String> = command
            .argv
            .iter()
            .map(|word| word.to_str().unwrap().to_owned())
            .collect();
        self.seen.lock().unwrap().push(words.join(" "));
        if let Some(frame) = &command.stdin {
            let head = frame.expose_secret().split(|b| *b == b'\n').next().unwrap();
            let nonce = str::from_utf8(head).unwrap().split(' ').nth(2).unwrap();
            self.nonces.lock().unwrap().push(nonce.to_owned());
        }
        let failed = |source| CommandError::Failed {
            program: words[0].clone(),
            source,
        };
        let program = self.directory.join("bin").join(&words[0]);
        if !program.exists() {
            return Err(CommandError::NotFound {
                program: words[0].clone(),
            });
        }
        // By `sh`: a file that was just written may still be open in a child that another test is starting.
        let mut child = Process::new("sh")
            .arg(program)
            .args(&words[1..])
            .env("PHX", &self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let mut stdin = child.stdin.take().unwrap();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let mut output = Output {
            ended: Ended::TimedOut,
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        thread::scope(|scope| {
            scope.spawn(move || {
                // In uneven pieces, as they come out of an agent.
                for piece in command
                    .stdin
                    .iter()
                    .flat_map(|s| s.expose_secret().chunks(777))
                {
                    if stdin.write_all(piece).is_err() {
                        break;
                    }
                }
            });
            scope.spawn(|| out.read_to_end(&mut output.stdout));
            scope.spawn(|| err.read_to_end(&mut output.stderr));
            output.ended = wait(&mut child, command.timeout);
        });
        Ok(output)
    }
}

fn wait(child: &mut Child, timeout: Duration) -> Ended {
    let end = Instant::now() + timeout;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return match status.code() {
                Some(code) => Ended::Exit(code),
                None => Ended::Signal(status.signal().unwrap()),
            };
        }
        thread::sleep(Duration::from_millis(5));
    }
    let group = rustix::process::Pid::from_child(child);
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    child.wait().unwrap();
    Ended::TimedOut
}

fn install(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn busybox() -> &'static str {
    ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("busybox stands for Alpine's guests: install busybox-static")
}

/// What Alpine's busybox has of what the script uses.
const BUSYBOX: &str = "awk base64 cat chmod chown cp dd head kill ln ls mkdir mkfifo mv od printf \
readlink rm rmdir setsid sha256sum sleep stat sync true false env sh wc tr seq";
